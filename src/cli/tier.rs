//! `--tier` and `NBC_TIER`: who runs the program.

use super::failure::Failure;
use nbc::jit::{Jit, Mode, Options};
use nbc::runtime::engine::Config;
use nbc::runtime::interp::Dispatch;

/// Who runs the program, and how.
#[derive(clap::Args)]
pub struct Tier {
    /// Who runs the program: interp (never compiles), auto (compiles what is hot, in the background) or jit (compiles each function at its first call)
    #[arg(long, value_name = "TIER", env = "NBC_TIER", value_enum, default_value_t = Choice::Auto)]
    tier: Choice,
    /// How the interpreter dispatches: threaded or match [default: the fastest there is]
    #[arg(long, value_name = "HOW", value_parser = dispatch)]
    dispatch: Option<Dispatch>,
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
    /// The tier, if one is wanted.
    ///
    /// # Errors
    /// When there can be none on this machine and the user insists.
    pub fn tier(self) -> Result<Option<std::sync::Arc<Jit>>, Failure> {
        let mode = match self {
            Choice::Interp => return Ok(None),
            Choice::Auto => Mode::Auto,
            Choice::Jit => Mode::Always,
        };
        let jit = Jit::new(Options { mode, ..Options::default() });
        // Only who asks for it by name minds that it cannot be had.
        if self == Choice::Jit && jit.compiler().is_none() {
            let why = "nothing can be compiled for this processor; --tier interp runs the program without";
            return Err(Failure::usage(why));
        }
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
        if let Some(jit) = self.tier.tier()? {
            config = config.tier(jit);
        }
        Ok(config)
    }
}

/// A dispatcher of this build.
pub fn dispatch(name: &str) -> Result<Dispatch, String> {
    Dispatch::from_name(name).ok_or_else(|| {
        let names: Vec<&str> = Dispatch::ALL.iter().map(|d| d.name()).collect();
        format!("this build has {}", names.join(" and "))
    })
}
