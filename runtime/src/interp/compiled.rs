//! The seam for tiers that compile: whom the interpreter tells of hot places.
//!
//! This is all there is of it so far: a tier is told; nothing it makes is run
//! yet. The interpreter knows no compiler, and a build without one differs in
//! speed, never in an answer.

use crate::backtrace::Frame;
use nbc_ir::verify::VerifiedModule;
use std::fmt;
use std::sync::Arc;

/// A place where a program spends its time.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HotPlace {
    /// Function, block and instruction: a call, or the end of a loop's last
    /// block (where fuel is metered, the start of one of its blocks).
    pub at: Frame,
    /// Calls and back-edges that have been counted there; fuel where it is metered.
    pub count: u64,
}

/// What compiles hot code.
pub trait Tier: Send + Sync {
    /// Says that `place` in `module` has become hot: once for a place and an
    /// instance. Called on the thread that runs the program, which waits: take
    /// a note and return.
    fn hot(&self, module: &VerifiedModule, place: HotPlace);
}

/// The tier of an engine, and from when on it wants to hear of a place.
#[derive(Clone)]
pub(crate) struct Watch {
    pub(crate) tier: Arc<dyn Tier>,
    pub(crate) threshold: u64,
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").field("threshold", &self.threshold).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{Config, Engine, Limits};
    use crate::interp::Dispatch;
    use crate::linker::Linker;
    use std::sync::Mutex;

    const PROGRAM: &str = "export func @loop(%n: i64) -> i64 {
  %i = i64.const 0
  br head
head:
  %more = i64.lt %i, %n
  br_if %more, body, done
body:
  %i = i64.add %i, 1
  br head
done:
  ret %i
}
export func @calls(%n: i64) -> i64 {
  %more = i64.gt %n, 1
  br_if %more, two, one
one:
  ret %n
two:
  %m = i64.sub %n, 1
  %a = call @calls(%m)
  %m = i64.sub %n, 2
  %b = call @calls(%m)
  %a = i64.add %a, %b
  ret %a
}
";

    #[derive(Default)]
    struct Notes(Mutex<Vec<HotPlace>>);

    impl Tier for Notes {
        fn hot(&self, module: &VerifiedModule, place: HotPlace) {
            assert_eq!(module.func_name(place.at.func), place.at.name);
            self.0.lock().unwrap().push(place);
        }
    }

    fn places(dispatch: Dispatch, fuel: Option<u64>, name: &str, n: i64, threshold: u64) -> Vec<HotPlace> {
        let notes = Arc::new(Notes::default());
        let engine = Engine::new(Config::new().dispatch(dispatch).tier(notes.clone(), threshold));
        let program = engine.load(nbc_ir::Module::parse(PROGRAM, "hot.nba").unwrap().verify().unwrap());
        let limits = Limits { fuel, ..Limits::default() };
        let mut instance = Linker::new().instantiate_with(&program, limits).unwrap();
        instance.call(name, &[n.into()]).unwrap();
        std::mem::take(&mut *notes.0.lock().unwrap())
    }

    #[test]
    fn a_hot_place_is_reported_once() {
        for dispatch in Dispatch::ALL {
            for fuel in [None, Some(u64::MAX / 2)] {
                let hot = places(*dispatch, fuel, "loop", 100_000, 20_000);
                assert!(hot.iter().any(|p| p.at.name == "loop" && p.count >= 20_000), "{hot:?}");
                let mut at: Vec<(u32, u32)> = hot.iter().map(|p| (p.at.block, p.at.inst)).collect();
                assert!(at.iter().all(|(block, _)| [1, 2].contains(block)), "{hot:?}");
                at.dedup();
                assert_eq!(at.len(), hot.len());
                let hot = places(*dispatch, fuel, "calls", 22, 8_000);
                assert!(hot.iter().any(|p| p.at.name == "calls"), "{hot:?}");
            }
        }
    }

    #[test]
    fn what_is_not_hot_is_not_reported() {
        for dispatch in Dispatch::ALL {
            assert_eq!(places(*dispatch, None, "loop", 1000, 20_000), []);
            assert_eq!(places(*dispatch, None, "loop", 100_000, u64::MAX), []);
        }
    }
}
