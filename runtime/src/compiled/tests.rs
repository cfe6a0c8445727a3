//! The seam, with Rust functions in place of compiled code.

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
    fn hot(&self, code: &Arc<Loaded>, place: HotPlace) {
        assert!(code.module.function(place.func).is_some());
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
            assert!(hot.iter().any(|p| p.func == FuncId(0) && p.count >= 20_000), "{hot:?}");
            let resumes: Vec<_> = hot.iter().filter_map(|p| p.resume).collect();
            assert!(resumes.iter().any(|(block, _)| [1, 2].contains(block)), "{hot:?}");
            let mut seen: Vec<_> = hot.iter().map(|p| (p.func, p.resume)).collect();
            seen.dedup();
            assert_eq!(seen.len(), hot.len());
            let hot = places(*dispatch, fuel, "calls", 22, 8_000);
            assert!(hot.iter().any(|p| p.func == FuncId(1) && p.resume.is_none()), "{hot:?}");
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
