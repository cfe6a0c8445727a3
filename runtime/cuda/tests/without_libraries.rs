//! A driver and NVRTC without any of NVIDIA's libraries of mathematics: what was found, and what is done then.

use cudasim::Sim;
use nbc_cuda::{Cuda, Missing, Options, libraries};
use nbc_runtime::engine::{Config, Engine};
use nbc_runtime::linker::Linker;
use nbc_runtime::value::Value;

#[test]
fn our_own_kernels_and_the_processor_do_what_libraries_would() {
    // A real one beside the simulated driver is none that can be used either.
    let Some(_sim) = Sim::start_bare("mem=64M") else { return };
    for (library, found) in libraries() {
        let missing = found.expect_err("it is not there");
        assert!(matches!(missing, Missing::Library(_) | Missing::Mixed(_)), "{missing}");
        assert!(!missing.remedy().is_empty() && !library.without().is_empty());
    }
    let text =
        br#"export func @main() -> (tensor<f64>, tensor<c128>, tensor<c128>, tensor<f64>, tensor<f32>) {
  %x = tensor.random<f64> [40, 40], 1
  %p = linalg.matmul %x, %x
  %z = complex.of_parts %x, %x
  %q = linalg.matmul %z, %z
  %f = fft.forward %z, 0
  %l = linalg.svd_values %x
  %s = tensor.cast<f64, f32> %x
  %h = linalg.matmul_as %s, %s, "bf16"
  ret %p, %q, %f, %l, %h
}"#;
    let device = Cuda::open(0, Options::new()).expect("a device");
    let program =
        Engine::new(Config::new().device(device.clone())).read(text, "bare.nba").expect("a program");
    let mut instance = Linker::new().instantiate(&program).expect("it can run");
    let there = instance.call("main", &[]).expect("it runs");
    let counts = instance.device_counts();
    assert_eq!(
        (counts.operations, counts.failed),
        (5, 0),
        "what is made there, the product of doubles, singles and their product"
    );
    // Singles are rounded before they are multiplied.
    assert_eq!((device.calls().launches, device.calls().of_libraries), (7, 0));
    let program = Engine::new(Config::new()).read(text, "bare.nba").expect("a program");
    let here = Linker::new().instantiate(&program).expect("it can run").call("main", &[]).expect("it runs");
    let [Value::Tensor(here), Value::Tensor(there)] = [&here[4], &there[4]] else { panic!("tensors") };
    let pairs = here.as_slice::<f32>().zip(there.as_slice::<f32>()).expect("singles");
    assert!(pairs.0.iter().zip(pairs.1).all(|(x, y)| (x - y).abs() <= 1e-5 * x.abs()));
}
