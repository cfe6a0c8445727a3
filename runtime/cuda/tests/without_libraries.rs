//! A driver and NVRTC without any of NVIDIA's libraries of mathematics: what was found, and what is done then.

use cudasim::Sim;
use nbc_cuda::{Cuda, Missing, Options, libraries};
use nbc_runtime::engine::{Config, Engine};
use nbc_runtime::linker::Linker;

#[test]
fn our_own_kernels_and_the_processor_do_what_libraries_would() {
    // A real one beside the simulated driver is none that can be used either.
    let Some(_sim) = Sim::start_bare("mem=64M") else { return };
    for (library, found) in libraries() {
        let missing = found.expect_err("it is not there");
        assert!(matches!(missing, Missing::Library(_) | Missing::Mixed(_)), "{missing}");
        assert!(!missing.remedy().is_empty() && !library.without().is_empty());
    }
    let text = b"export func @main() -> (tensor<f64>, tensor<c128>, tensor<c128>, tensor<f64>) {
  %x = tensor.random<f64> [40, 40], 1
  %p = linalg.matmul %x, %x
  %z = complex.of_parts %x, %x
  %q = linalg.matmul %z, %z
  %f = fft.forward %z, 0
  %l = linalg.svd_values %x
  ret %p, %q, %f, %l
}";
    let device = Cuda::open(0, Options::new()).expect("a device");
    let program =
        Engine::new(Config::new().device(device.clone())).read(text, "bare.nba").expect("a program");
    let mut instance = Linker::new().instantiate(&program).expect("it can run");
    instance.call("main", &[]).expect("it runs");
    let counts = instance.device_counts();
    assert_eq!((counts.operations, counts.failed), (3, 0), "what is made there, and the product of doubles");
    assert_eq!((device.calls().launches, device.calls().of_libraries), (3, 0));
}
