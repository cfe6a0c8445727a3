//! Chooses the interpreter's dispatch at build time.
//!
//! Direct threading relies on LLVM turning a call in tail position into a
//! jump. It does so on optimised builds of the targets below; any other build
//! (debug, debug assertions, miri, sanitizers, coverage) gets the portable
//! loop, so no build can overflow the native stack by luck.

use std::env::var;

fn main() {
    println!("cargo:rustc-check-cfg=cfg(nbc_threaded)");
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed=NBC_DISPATCH");
    let get = |name: &str| var(name).unwrap_or_default();
    let target = matches!(get("CARGO_CFG_TARGET_ARCH").as_str(), "x86_64" | "aarch64")
        && get("CARGO_CFG_TARGET_FAMILY").split(',').any(|f| f == "unix");
    let optimised = matches!(get("OPT_LEVEL").as_str(), "2" | "3");
    let flags = get("CARGO_ENCODED_RUSTFLAGS").replace('\u{1f}', " ");
    // Anything here may override the profile or instrument every function.
    let plain_flags =
        !["opt-level", "debug-assertions", "sanitizer", "instrument", "sancov", "no-prepopulate"]
            .iter()
            .any(|f| flags.contains(f));
    let checked = var("CARGO_CFG_DEBUG_ASSERTIONS").is_ok() || var("CARGO_CFG_MIRI").is_ok();
    let wanted = get("NBC_DISPATCH") != "match";
    if target && optimised && plain_flags && !checked && wanted {
        println!("cargo:rustc-cfg=nbc_threaded");
    }
}
