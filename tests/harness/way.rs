//! The ways to run a program: the one list that every test of whole programs
//! goes through, and the one place where an engine is made for each.

use nbc::runtime::compiled::relay::Relay;
use nbc::runtime::engine::{Config, Engine};
use nbc::runtime::interp::Dispatch;
use std::fmt;
use std::sync::Arc;

/// One way to run a program.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Way {
    /// The interpreter's dispatcher.
    pub dispatch: Dispatch,
    /// Whether fuel is metered.
    pub metered: bool,
    /// What takes over hot code.
    pub tier: Tier,
}

/// What takes over hot code.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Tier {
    /// Nothing.
    None,
    /// The portable loop, after a few turns of a loop or calls of a function.
    Relay,
}

impl Way {
    /// Every way of this build, the portable loop first.
    pub fn all() -> impl Iterator<Item = Way> {
        Dispatch::ALL.iter().flat_map(|dispatch| {
            [Tier::None, Tier::Relay]
                .into_iter()
                .flat_map(move |tier| [false, true].map(|metered| Way { dispatch: *dispatch, metered, tier }))
        })
    }

    /// What others are held against.
    pub fn reference(metered: bool) -> Way {
        Way { dispatch: Dispatch::ALL[0], metered, tier: Tier::None }
    }

    /// An engine that runs programs this way. Whether fuel is metered is said
    /// where an instance is made.
    pub fn engine(self) -> Engine {
        let config = Config::new().dispatch(self.dispatch);
        Engine::new(match self.tier {
            Tier::None => config,
            Tier::Relay => config.tier(Arc::new(Relay::new(false))).slice(3),
        })
    }
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, fuel {}", self.dispatch.name(), if self.metered { "on" } else { "off" })?;
        match self.tier {
            Tier::None => Ok(()),
            Tier::Relay => write!(f, ", relayed"),
        }
    }
}
