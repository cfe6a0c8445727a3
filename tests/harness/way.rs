//! The ways to run a program: the one list that every test of whole programs
//! goes through, and the one place where an engine is made for each.

use nbc::runtime::engine::{Config, Engine};
use nbc::runtime::interp::Dispatch;
use std::fmt;

/// One way to run a program.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Way {
    /// The interpreter's dispatcher.
    pub dispatch: Dispatch,
    /// Whether fuel is metered.
    pub metered: bool,
}

impl Way {
    /// Every way of this build, the portable loop first.
    pub fn all() -> impl Iterator<Item = Way> {
        let ways = |dispatch: &Dispatch| [false, true].map(|metered| Way { dispatch: *dispatch, metered });
        Dispatch::ALL.iter().flat_map(ways)
    }

    /// What others are held against.
    pub fn reference(metered: bool) -> Way {
        Way { dispatch: Dispatch::ALL[0], metered }
    }

    /// An engine that runs programs this way. Whether fuel is metered is said
    /// where an instance is made.
    pub fn engine(self) -> Engine {
        Engine::new(Config::new().dispatch(self.dispatch))
    }
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, fuel {}", self.dispatch.name(), if self.metered { "on" } else { "off" })
    }
}
