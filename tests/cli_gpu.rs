//! The command beside the simulated driver: what `nbc info` lists, what is refused, and which side operations ran on.
//!
//! No GPU is needed. Without a C++ compiler each test says SKIPPED.

use serde_json::Value as Json;
use std::path::{Path, PathBuf};
use support::command::{self, Done, command, file};

const PROGRAM: &str = "\
export func @main() -> f64 {
  %x = tensor.random<f64> [60, 60], 1
  %y = linalg.matmul %x, %x
  %s = tensor.sum %y
  ret %s
}
";

/// The simulated libraries, if they can be had.
fn libraries() -> Option<PathBuf> {
    match cudasim::libraries() {
        Ok(folder) => Some(folder),
        Err(why) => {
            eprintln!("SKIPPED: the simulated CUDA driver cannot be had: {why}");
            None
        }
    }
}

/// Runs the command with those libraries where the loader finds them.
fn nbc(libraries: &Path, args: &[&str]) -> Done {
    command::run(command().env("LD_LIBRARY_PATH", libraries).args(args), b"")
}

#[test]
fn the_command_lists_a_device_and_its_libraries() {
    let Some(folder) = libraries() else { return };
    let done = nbc(&folder, &["info"]);
    assert_eq!(done.code, 0, "{}", done.err);
    for part in ["gpu:0", "SIMULATED", "cuBLAS (matrix products)", "cuFFT (Fourier", "cuSOLVER (systems"] {
        assert!(done.out.contains(part), "no {part} in\n{}", done.out);
    }
    let json: Json = serde_json::from_str(&nbc(&folder, &["info", "--json"]).out).unwrap();
    assert_eq!(json["gpu_libraries"]["cuSOLVER"], true);
    assert_eq!(json["devices"][1]["simulated"], true);
}

#[test]
fn a_library_that_is_missing_is_said_with_what_to_do() {
    let Some(folder) = libraries() else { return };
    let some = command::folder().join("some-libraries");
    let _ = std::fs::remove_dir_all(&some);
    std::fs::create_dir_all(&some).unwrap();
    // Kernels are compiled beside the headers, so the folder has these too.
    for name in ["libcuda.so", "libnvrtc.so", "libcufft.so", "libcusolver.so"] {
        std::fs::copy(folder.join(name), some.join(name)).unwrap();
    }
    let done = nbc(&some, &["info"]);
    assert_eq!(done.code, 0, "{}", done.err);
    let line = done.out.lines().find(|line| line.contains("no cuBLAS")).unwrap_or_else(|| panic!("{}", done.out));
    for part in ["matrix products", "our own kernel", "libcublas", "install CUDA 12 or 13"] {
        // A machine with CUDA has a library that does not go with a simulated driver.
        assert!(line.contains(part) || line.contains("one is simulated"), "no {part} in {line}");
    }
    let json: Json = serde_json::from_str(&nbc(&some, &["info", "--json"]).out).unwrap();
    assert_eq!((&json["gpu_libraries"]["cuBLAS"], &json["gpu_libraries"]["cuFFT"]), (&false.into(), &true.into()));
}

#[test]
fn nothing_is_measured_beside_a_simulated_device() {
    let Some(folder) = libraries() else { return };
    let done = nbc(&folder, &["info", "--calibrate"]);
    assert_eq!(done.code, 2, "{}", done.out);
    assert!(done.err.contains("simulated"), "{}", done.err);
}

#[test]
fn the_table_of_placement_says_what_a_device_ran() {
    let Some(folder) = libraries() else { return };
    let program = file("gpu.nba", PROGRAM);
    let done = nbc(&folder, &["run", &program, "--device", "gpu", "--explain-placement"]);
    assert_eq!(done.code, 0, "{}", done.err);
    assert!(done.err.contains("is no GPU: its times mean nothing"), "{}", done.err);
    let line = done.err.lines().find(|line| line.starts_with("linalg.matmul (side)"));
    let line = line.unwrap_or_else(|| panic!("{}", done.err));
    assert!(line.contains("device") && line.contains("only"), "{line}");
    // Nothing is known of how fast it is, so by itself nothing goes there.
    let auto = nbc(&folder, &["run", &program, "--device", "auto", "--explain-placement"]);
    assert!(!auto.err.contains("(side)"), "{}", auto.err);
    assert_eq!(auto.code, 0);
}
