//! The `nbc` command; see [`cli`].

mod cli;

// In place of the shared library that it is in else; see `build.rs`.
#[cfg(static_unwinder)]
#[link(name = "gcc_eh", kind = "static", modifiers = "-bundle")]
unsafe extern "C" {}

fn main() -> std::process::ExitCode {
    cli::main()
}
