//! The `nbc` command: what it takes, and which file carries out which command.
//!
//! Invariant: a command returns a [`Failure`] and writes nothing to standard
//! error itself; [`main`] renders it, for people or for machines, and makes
//! the exit code of it: 0 a result, 1 a trap, 2 bad input or usage.

mod arguments;
mod asm;
mod bench;
mod completions;
mod dis;
mod explain;
mod failure;
mod fmt;
mod info;
mod input;
mod output;
mod quantity;
mod run;
mod show;
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
Errors go to standard error.";

#[derive(Subcommand)]
enum What {
    Run(run::Run),
    Asm(asm::Asm),
    Dis(dis::Dis),
    Explain(explain::Explain),
    Verify(verify::Verify),
    Fmt(fmt::Fmt),
    Info(info::Info),
    Bench(bench::Benches),
    Completions(completions::Completions),
}

/// Carries out the command line.
pub fn main() -> ExitCode {
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
