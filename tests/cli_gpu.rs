//! The command on the simulated CUDA driver: what it says of it, what it refuses to measure, which kernels it
//! keeps, and which libraries it finds.
//!
//! A child gets the simulated libraries by `LD_LIBRARY_PATH`. Where they cannot be built, each test says SKIPPED.

use serde_json::Value as Json;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use support::command::{Done, command, file, folder, run};
use support::repository::root;

const PROGRAM: &str = "export func @main() -> f64 {
  %x = tensor.random<f64> [3000], 1
  %a = tensor.mul %x, %x
  %b = tensor.exp %a
  %c = tensor.copy %b
  %s = tensor.sum %c
  ret %s
}
export func @bench_it() -> f64 {
  ret 1.0
}
";

const PRODUCT: &str = "export func @main() -> f64 {
  %x = tensor.random<f64> [60, 60], 1
  %y = linalg.matmul %x, %x
  %s = tensor.sum %y
  ret %s
}
";

/// A system that one iteration solves.
const SYSTEM: &str = "const @name: str = \"none\"
export func @main() -> (f64, i64) {
  %name = const.get @name
  %a = sparse.identity<f64> [300, 300]
  %b = tensor.random<f64> [300], 1
  %p = sparse.matmul %a, %b
  %x, %n, %residual = sparse.cg %a, %p, %name, 1e-9, 5
  %s = tensor.sum %x
  ret %s, %n
}
";

/// The folder of the simulated libraries.
fn simulated() -> Option<PathBuf> {
    cudasim::libraries().inspect_err(|why| eprintln!("SKIPPED: no simulated CUDA driver: {why}")).ok()
}

/// An empty folder of that name.
fn empty(name: &str) -> PathBuf {
    let folder = folder().join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// Runs the command where the loader looks into `libraries` first, and rates and kernels are kept below `cache`.
fn nbc(libraries: &Path, cache: &Path, args: &[&str]) -> Done {
    let mut c = command();
    c.env("LD_LIBRARY_PATH", libraries).env("XDG_CACHE_HOME", cache).env("CUDASIM", "mem=64M");
    run(c.env("CUDASIM_REPORT", cache.join("report")).args(args), b"")
}

/// How often a child has called a function of the driver.
fn calls(cache: &Path, function: &str) -> u64 {
    let report = fs::read_to_string(cache.join("report")).expect("the driver has written what was called");
    let mut lines = report.lines().map(|line| line.split(' ').collect::<Vec<_>>());
    lines.find(|words| words[0] == function).map_or(0, |words| words[1].parse().unwrap())
}

#[test]
fn a_simulated_device_is_named_so_and_its_answers_are_the_processors() {
    let Some(libraries) = simulated() else { return };
    let (cache, program) = (empty("named"), file("named.nba", PROGRAM));
    let there = nbc(&libraries, &cache, &["run", "--device", "gpu", &program]);
    let here = nbc(&libraries, &cache, &["run", "--device", "cpu", &program]);
    assert_eq!((there.code, &there.out), (0, &here.out), "{}", there.err);
    assert!(there.err.contains("SIMULATED") && there.err.contains("times mean nothing"), "{}", there.err);
    for args in [&["info"][..], &["info", "--json"]] {
        let done = nbc(&libraries, &cache, args);
        assert!(done.out.contains("SIMULATED"), "{}", done.out);
    }
}

#[test]
fn nothing_is_measured_beside_a_simulated_device() {
    let Some(libraries) = simulated() else { return };
    let (cache, program) = (empty("measured"), file("measured.nba", PROGRAM));
    for args in [&["bench", &*program][..], &["bench", "--json", &program], &["info", "--calibrate"]] {
        let done = nbc(&libraries, &cache, args);
        assert_eq!(done.code, 2, "{args:?}: {}{}", done.out, done.err);
        let said = done.out + &done.err;
        assert!(said.contains("the CUDA driver here is a simulated one"), "{args:?}: {said}");
    }
    assert!(!cache.join("nbc/rates").exists(), "rates were kept");
    if Command::new("python3").arg("--version").output().is_err() {
        return eprintln!("SKIPPED: no Python 3 for benches/peers");
    }
    for script in ["benches/peers/vm/run", "benches/peers/arrays/run"] {
        let mut python = Command::new("python3");
        python.current_dir(root()).arg(script).env("LD_LIBRARY_PATH", &libraries);
        let done = run(python.env("PEERS_BUILD", cache.join("peers")), b"");
        assert_eq!((done.code, &*done.out), (2, ""), "{script}: {}", done.err);
        assert!(done.err.contains("the CUDA driver here is a simulated one"), "{script}: {}", done.err);
    }
}

#[test]
fn a_second_process_compiles_nothing() {
    let Some(libraries) = simulated() else { return };
    let (cache, program) = (empty("second"), file("second.nba", PROGRAM));
    let on_gpu = || {
        let done = nbc(&libraries, &cache, &["run", "--device", "gpu", &program]);
        assert_eq!(done.code, 0, "{}", done.err);
        (done.out, calls(&cache, "nvrtcCompileProgram"), calls(&cache, "cuLaunchKernel"))
    };
    let (out, compiled, launched) = on_gpu();
    assert!(compiled >= 4 && launched >= 4, "{compiled} compiled, {launched} launched");
    assert_eq!(on_gpu(), (out.clone(), 0, launched));
    let kept = || fs::read_dir(cache.join("nbc/kernels")).unwrap().map(|entry| entry.unwrap().path());
    assert_eq!(kept().count() as u64, compiled);
    // What somebody has spoilt is compiled again.
    for path in kept() {
        fs::write(
            path,
            "no kernel at all, but long enough for a head that would have to be read and be found wrong",
        )
        .unwrap();
    }
    assert_eq!(on_gpu(), (out.clone(), compiled, launched));
    assert_eq!(on_gpu(), (out.clone(), 0, launched));
    // Kept kernels need no compiler.
    let alone = empty("driver");
    symlink(libraries.join("libcuda.so"), alone.join("libcuda.so")).unwrap();
    let done = nbc(&alone, &cache, &["run", "--device", "gpu", &program]);
    if calls(&cache, "cuLaunchKernel") == 0 {
        return eprintln!("SKIPPED: an NVRTC is installed on this machine: {}", done.err);
    }
    assert_eq!((done.code, done.out), (0, out), "{}", done.err);
    assert!(done.err.contains("there is no NVRTC: only kernels that were kept"), "{}", done.err);
    let done = nbc(&alone, &empty("nothing-kept"), &["run", "--device", "gpu", &program]);
    assert_eq!((done.code, &*done.out), (2, ""));
    assert!(done.err.contains("no NVRTC to compile kernels with"), "{}", done.err);
}

#[test]
fn a_simulated_library_beside_nvidias_is_refused() {
    let Some(libraries) = simulated() else { return };
    let (cache, mixed) = (empty("half"), empty("mixed"));
    let program = file("half.nba", PROGRAM);
    // Any library is taken for NVIDIA's that does not say that it is simulated.
    let source = mixed.join("nothing.c");
    fs::write(&source, "int nothing;\n").unwrap();
    let cc = std::env::var("CXX").unwrap_or_else(|_| "c++".to_owned());
    let built = Command::new(cc)
        .args(["-shared", "-fPIC", "-x", "c++"])
        .arg(&source)
        .arg("-o")
        .arg(mixed.join("nothing.so"))
        .status();
    assert!(built.is_ok_and(|status| status.success()), "an empty library can be built");
    for [simulated, nvidias] in [["libcuda.so", "libnvrtc.so"], ["libnvrtc.so", "libcuda.so"]] {
        let folder = empty("mixed-libraries");
        symlink(libraries.join(simulated), folder.join(simulated)).unwrap();
        symlink(mixed.join("nothing.so"), folder.join(nvidias)).unwrap();
        let done = nbc(&folder, &cache, &["run", "--device", "gpu", &program]);
        assert_eq!((done.code, &*done.out), (2, ""), "{}", done.err);
        assert!(done.err.contains("one of CUDA driver and NVRTC is the simulated one"), "{}", done.err);
    }
}

#[test]
fn the_command_lists_a_device_and_its_libraries() {
    let Some(folder) = simulated() else { return };
    let cache = empty("listed");
    let done = nbc(&folder, &cache, &["info"]);
    assert_eq!(done.code, 0, "{}", done.err);
    for part in ["gpu:0", "SIMULATED", "cuBLAS (matrix products)", "cuFFT (Fourier", "cuSOLVER (systems"] {
        assert!(done.out.contains(part), "no {part} in\n{}", done.out);
    }
    let json: Json = serde_json::from_str(&nbc(&folder, &cache, &["info", "--json"]).out).unwrap();
    assert_eq!(json["gpu_libraries"]["cuSOLVER"], true);
    assert_eq!(json["devices"][1]["simulated"], true);
}

#[test]
fn a_library_that_is_missing_is_said_with_what_to_do() {
    let Some(folder) = simulated() else { return };
    let cache = empty("missing");
    let some = empty("some-libraries");
    for name in ["libcuda.so", "libnvrtc.so", "libcufft.so", "libcusolver.so"] {
        symlink(folder.join(name), some.join(name)).unwrap();
    }
    let done = nbc(&some, &cache, &["info"]);
    assert_eq!(done.code, 0, "{}", done.err);
    let line =
        done.out.lines().find(|line| line.contains("no cuBLAS")).unwrap_or_else(|| panic!("{}", done.out));
    for part in ["matrix products", "our own kernel", "libcublas", "install CUDA 12 or 13"] {
        // A machine with CUDA has a library that does not go with a simulated driver.
        assert!(line.contains(part) || line.contains("one is simulated"), "no {part} in {line}");
    }
    let json: Json = serde_json::from_str(&nbc(&some, &cache, &["info", "--json"]).out).unwrap();
    assert_eq!(
        (&json["gpu_libraries"]["cuBLAS"], &json["gpu_libraries"]["cuFFT"]),
        (&false.into(), &true.into())
    );
}

#[test]
fn the_table_of_placement_says_what_a_device_ran() {
    let Some(folder) = simulated() else { return };
    let cache = empty("placed");
    let program = file("gpu.nba", PRODUCT);
    let done = nbc(&folder, &cache, &["run", &program, "--device", "gpu", "--explain-placement"]);
    assert_eq!(done.code, 0, "{}", done.err);
    assert!(done.err.contains("is no GPU: its times mean nothing"), "{}", done.err);
    let line = done.err.lines().find(|line| line.starts_with("linalg.matmul (side)"));
    let line = line.unwrap_or_else(|| panic!("{}", done.err));
    assert!(line.contains("device") && line.contains("only"), "{line}");
    let sparse = file("sparse.nba", SYSTEM);
    let there = nbc(&folder, &cache, &["run", &sparse, "--device", "gpu", "--explain-placement"]);
    let here = nbc(&folder, &cache, &["run", &sparse, "--device", "cpu"]);
    assert_eq!((there.code, &there.out), (0, &here.out), "{}", there.err);
    for row in ["sparse.matmul (side)", "sparse.cg (side)"] {
        let line = there.err.lines().find(|line| line.starts_with(row));
        assert!(line.is_some_and(|line| line.contains("device") && line.contains("only")), "{}", there.err);
    }
    // Nothing is known of how fast it is, so by itself nothing goes there.
    let auto = nbc(&folder, &cache, &["run", &program, "--device", "auto", "--explain-placement"]);
    assert!(!auto.err.contains("(side)"), "{}", auto.err);
    assert_eq!(auto.code, 0);
}
