//! The `nbc` command: what it takes, and which file carries out which command.
//!
//! Invariant: a command returns a [`Failure`] and writes nothing to standard
//! error itself; [`main`] renders it, for people or for machines, and makes
//! the exit code of it: 0 a result, 1 a trap, 2 bad input or usage.

mod arguments;
mod asm;
mod bench;
mod completions;
mod descriptor;
mod devices;
mod dis;
mod ending;
mod explain;
mod failure;
mod fmt;
mod info;
mod input;
mod outcomes;
mod output;
mod placed;
mod plan;
mod quantity;
mod rates;
mod replace;
mod run;
mod show;
mod test;
mod tier;
mod verify;

use clap::{CommandFactory, Parser, Subcommand};
use failure::Failure;
use std::process::ExitCode;

/// Runs, checks and converts NBC programs.
///
/// A program is a text file (.nba) or a binary (.nbc); every command takes
/// either, and `-` for standard input.
#[derive(Parser)]
#[command(name = "nbc", version, max_term_width = 100, after_help = AFTER, propagate_version = true)]
struct Command {
    #[command(subcommand)]
    what: What,
}

const AFTER: &str = "\
Examples:
  nbc run examples/hello.nba
  nbc run examples/fibonacci.nba 50
  nbc asm program.nba && nbc run program.nbc
  nbc dis program.nbc | less

Exit status: 0 a result, 1 the program trapped, 2 bad input or usage.
Errors go to standard error; with --json they are part of the one document on
standard output.";

// Most of the time that parsing takes is describing what could be said; what no
// one says need not be described.
#[derive(Subcommand)]
#[command(defer = true)]
enum What {
    /// Run a program and print its results
    ///
    /// Runs the exported function `main`, or the only one that is exported, or the
    /// one named by --invoke. Its results are printed one after the other.
    ///
    /// Arguments are read by the types of the function's parameters: numbers, true
    /// or false, plain text for `str`, [1, 2] for lists. A tensor is written in
    /// brackets, [[1, 2], [3, 4]], or taken from a NumPy file. The file is a name
    /// that ends in .npy, or any name after @. random:32 stands for as many random
    /// bytes, a tensor<u8>: a key, or a nonce. A negative number needs no care; an
    /// argument such as -inf goes after --.
    ///
    /// Results are printed exactly, but tensors with 8 digits, and of large ones
    /// only the corners: --full prints all of them, --out writes them to NumPy files.
    ///
    /// The program can reach nothing outside itself but `console.print(str)`,
    /// which writes to standard output.
    Run(run::Run),
    /// Assemble a program: text to binary
    ///
    /// The module is verified first, so that what is written will run.
    Asm(asm::Asm),
    /// Disassemble a program: binary to text
    ///
    /// Prints any module that can be read, sound or not.
    Dis(dis::Dis),
    /// Show how a function is compiled
    ///
    /// Prints the function's bytecode, its form after each pass of the mid-end
    /// that changed it, and Cranelift's form of it. Then comes the machine code
    /// with the source line of each piece.
    Explain(explain::Explain),
    /// Check that programs are sound
    ///
    /// Reads and verifies each file, as `run` does before it runs one, and says
    /// everything that is wrong with those that are not sound.
    Verify(verify::Verify),
    /// Run the expectations that programs state in comments
    ///
    /// Calls the functions that comments such as `; run: @main() == 3` name, each in
    /// an instance of its own, and says which of them did something else.
    Test(test::Test),
    /// Lay out text files in the usual way
    ///
    /// Rewrites each file; - reads standard input and writes standard output.
    /// Comments, names and numbers stay as they are written. What goes wrong
    /// leaves a file as it was; links to it, mode and owner stay.
    Fmt(fmt::Fmt),
    /// Show what this build and this machine offer, or what a program holds
    ///
    /// Of a program: what it exports and imports, with types, its globals and
    /// constants, the operations it uses and its size. Without one: the processor's
    /// features, how the interpreter dispatches, and which instruction set
    /// whole-tensor operations use. Also the tiers and devices there are, what is
    /// compiled for, and the limits of `run` when none are given. --calibrate measures how
    /// fast the machine is, by which later runs decide on how many cores operations run.
    Info(info::Info),
    /// Time a program's benches, interpreted and compiled
    ///
    /// A bench is an exported function without parameters whose name begins with
    /// bench_. Both tiers run it first: if result, trap, fuel, memory or anything
    /// that is printed differ in any bit, it is not timed. Then the tiers take turns,
    /// run by run; each run repeats the call for at least --min-time.
    ///
    /// Shown are the mean time of a call with its 95 % confidence interval, the
    /// standard deviation and the minimum; the ratio of compiled code to the
    /// interpreter with its interval; how long compiling took, and the calls of a
    /// fresh engine until it was in steady state. A bench that traps is reported, and
    /// the others go on.
    Bench(bench::Benches),
    /// Print a script that completes `nbc` command lines in a shell
    Completions(completions::Completions),
}

/// Carries out the command line.
pub fn main() -> ExitCode {
    output::fail_at_limits();
    let command = match Command::try_parse() {
        Ok(command) => command,
        Err(e) => return usage(e),
    };
    let (json, done) = match command.what {
        What::Run(c) => (c.json, c.carry_out()),
        What::Asm(c) => (c.json, c.carry_out()),
        What::Dis(c) => (c.json, c.carry_out()),
        What::Explain(c) => (c.json, c.carry_out()),
        What::Verify(c) => (c.json, c.carry_out()),
        What::Test(c) => (c.json, c.carry_out()),
        What::Fmt(c) => (c.json, c.carry_out()),
        What::Info(c) => (c.json, c.carry_out()),
        What::Bench(c) => (c.json, c.carry_out()),
        What::Completions(c) => (false, c.carry_out(&mut Command::command())),
    };
    // What was printed before a failure stays printed.
    let flushed = output::flush();
    match done.and_then(|()| Ok(flushed?)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(json),
    }
}

/// Help, version, or a command line that cannot be understood.
fn usage(e: clap::Error) -> ExitCode {
    if e.use_stderr() && std::env::args_os().any(|a| a == "--json") {
        let text = e.render().to_string();
        let text = text.trim_end().strip_prefix("error: ").unwrap_or(text.trim_end()).to_owned();
        return Failure::usage(text).report(true);
    }
    // A reader that has gone away is no reason to complain.
    let _ = e.print();
    if e.use_stderr() { ExitCode::from(failure::BAD_INPUT) } else { ExitCode::SUCCESS }
}
