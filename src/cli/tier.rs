//! `--tier`, `--perf` and their environment variables: who runs the program,
//! and what is told of it.

use super::devices::Wanted;
use super::failure::Failure;
use nbc::jit::{Jit, Mode, Options, Perf, Verify};
use nbc::runtime::engine::Config;
use nbc::runtime::machine::dispatch::Dispatch;
use nbc::runtime::threads::Threads;

// Who runs the program, and how. As documentation it would become the help of
// the command that has these options.
#[derive(clap::Args)]
pub struct Tier {
    /// Who runs the program: interp (never compiles), auto (compiles what is hot, in the background) or jit (compiles each function at its first call)
    #[arg(long, value_name = "TIER", env = "NBC_TIER", value_enum, default_value_t = Choice::Auto)]
    tier: Choice,
    /// Tell Linux perf what compiled code is called: map (names, in /tmp/perf-PID.map) or dump (names, code and lines, in jit-PID.dump, for perf inject --jit) [default: neither]
    #[arg(long, value_name = "HOW", env = "NBC_PERF", value_parser = ["none", "map", "dump"])]
    perf: Option<String>,
    /// Do not prove again that compiled code stays within its tensors, nor check as it runs what cannot be proved: running loops are compiled sooner, and a mistake of the compiler can do harm
    #[arg(long, env = "NBC_TRUSTED", value_parser = clap::builder::FalseyValueParser::new())]
    trusted: bool,
    /// Keep a check behind every access that compiled code makes unchecked: a mistake of the compiler ends in a trap
    #[arg(long, env = "NBC_SANITIZE", value_parser = clap::builder::FalseyValueParser::new())]
    sanitize: bool,
    /// How the interpreter dispatches: threaded or match [default: the fastest there is]
    #[arg(long, value_name = "HOW", value_parser = dispatch)]
    dispatch: Option<Dispatch>,
    /// Run whole-array operations on at most N threads [default: as many as there are cores]
    #[arg(long, value_name = "N", value_parser = threads)]
    threads: Option<usize>,
    /// Where whole-array operations run: cpu, gpu (the first), gpu:N, or auto (where it is known to be quicker; no GPU has been measured, so cpu)
    #[arg(long, value_name = "DEVICE", env = "NBC_DEVICE", default_value = "auto")]
    device: Wanted,
    /// Let keys and texts that are encrypted go to the GPU too, where ciphers take a time that depends on them [default: they stay on the processor]
    #[arg(long)]
    device_secrets: bool,
}

/// Who runs the program.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Choice {
    /// Never compiles.
    Interp,
    /// Compiles what is hot, in the background.
    Auto,
    /// Compiles each function at its first call.
    Jit,
}

impl Choice {
    /// The tier, if one is wanted, which tells `perf` what it makes.
    ///
    /// # Errors
    /// When there can be none on this machine and the user insists, or no file
    /// for `perf`.
    pub fn tier(self, perf: Perf, verify: Verify) -> Result<Option<std::sync::Arc<Jit>>, Failure> {
        let mode = match self {
            Choice::Interp => return Ok(None),
            Choice::Auto => Mode::Auto,
            Choice::Jit => Mode::Always,
        };
        let jit = Jit::new(Options::new().mode(mode).perf(perf).verify(verify));
        // Only who asks for it by name minds that it cannot be had.
        if self == Choice::Jit && jit.compiler().is_none() {
            let why = "nothing can be compiled for this processor; --tier interp runs the program without";
            return Err(Failure::usage(why));
        }
        jit.perf().map_err(|e| Failure::input(e.to_string()))?;
        Ok(Some(jit))
    }
}

impl Tier {
    /// The engine's configuration.
    ///
    /// # Errors
    /// When the tier asked for cannot be had.
    pub fn config(&self) -> Result<Config, Failure> {
        let mut config = Config::new();
        if let Some(dispatch) = self.dispatch {
            config = config.dispatch(dispatch);
        }
        if let Some(threads) = self.threads {
            config = config.threads(Threads::at_most(threads));
        }
        let perf = match self.perf.as_deref() {
            Some("map") => Perf::Map,
            Some("dump") => Perf::Dump,
            _ => Perf::None,
        };
        let verify = match (self.sanitize, self.trusted) {
            (true, _) => Verify::All,
            (false, false) => Verify::Unproved,
            (false, true) => Verify::Nothing,
        };
        match self.tier.tier(perf, verify)? {
            Some(jit) => config = config.tier(jit),
            None if perf != Perf::None => {
                return Err(Failure::usage("--perf: with --tier interp there is no compiled code to name"));
            }
            None => {}
        }
        self.device.put_into(config, self.device_secrets)
    }
}

/// A number of threads.
pub fn threads(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(n @ 1..=Threads::MOST) => Ok(n),
        _ => Err(format!("expected a number of threads from 1 to {}", Threads::MOST)),
    }
}

/// A dispatcher of this build.
pub fn dispatch(name: &str) -> Result<Dispatch, String> {
    Dispatch::from_name(name).ok_or_else(|| {
        let names: Vec<&str> = Dispatch::ALL.iter().map(|d| d.name()).collect();
        format!("this build has {}", names.join(" and "))
    })
}
