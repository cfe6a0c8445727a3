//! Finds out whether the command can have its unwinder linked in.
//!
//! Where GCC's runtime is a shared library, mapping it takes a tenth of the time
//! of a short program. The static one comes with the same compiler; where it does
//! not, or the target has no such thing, nothing changes.

use std::env::{var, var_os};
use std::path::Path;
use std::process::Command;

fn main() {
    println!("cargo::rustc-check-cfg=cfg(static_unwinder)");
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=RUSTC_LINKER");
    if var_os("CARGO_FEATURE_CLI").is_some()
        && var("CARGO_CFG_TARGET_OS").as_deref() == Ok("linux")
        && var("CARGO_CFG_TARGET_ENV").as_deref() == Ok("gnu")
        && !var("CARGO_CFG_TARGET_FEATURE").is_ok_and(|f| f.split(',').any(|f| f == "crt-static"))
        && is_there()
    {
        println!("cargo::rustc-cfg=static_unwinder");
    }
}

/// Whether the linker finds the library. It says the path then, or else just the name.
fn is_there() -> bool {
    let linker = var_os("RUSTC_LINKER").unwrap_or_else(|| "cc".into());
    let said = Command::new(linker).arg("-print-file-name=libgcc_eh.a").output();
    said.is_ok_and(|out| {
        let path = String::from_utf8_lossy(&out.stdout);
        let path = Path::new(path.trim());
        path.is_absolute() && path.exists()
    })
}
