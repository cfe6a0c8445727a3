//! A loop over time steps takes no memory from the system once it is going. Alone in its
//! file, because it counts what the whole process asks of the allocator.

use nbc::runtime::engine::Limits;
use nbc::runtime::linker::Linker;
use nbc::runtime::value::Value;
use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicU64, Ordering};
use support::way::{Device, Way};

struct Counting;

static ASKED: AtomicU64 = AtomicU64::new(0);

// SAFETY: all is handed to the system's allocator as it is.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ASKED.fetch_add(1, Ordering::Relaxed);
        // SAFETY: upheld by the caller.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: upheld by the caller.
        unsafe { System.dealloc(memory, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The heat equation on a ring: what a step makes dies with its region, but for the next state.
const HEAT: &[u8] = b"export func @steps(%n: i64, %steps: i64) -> f64 {
  %u = tensor.linspace<f64> 0.0, 1.0, %n
  %i = i64.const 0
  br step
step:
  region.begin
  %m = i64.sub %n, 1
  %head = tensor.slice0 %u, 0, 1
  %tail = tensor.slice0 %u, %m, %n
  %left = tensor.slice0 %u, 0, %m
  %right = tensor.slice0 %u, 1, %n
  %left = tensor.concat %tail, %left, 0
  %right = tensor.concat %right, %head, 0
  %sum = tensor.add %left, %right
  %twice = tensor.mul %u, 2.0
  %change = tensor.sub %sum, %twice
  %change = tensor.mul %change, 0.1
  %decay = tensor.exp %change
  %u = tensor.mul %u, %decay
  region.end keep %u
  %i = i64.add %i, 1
  %more = i64.lt %i, %steps
  br_if %more, step, done
done:
  %s = tensor.sum %u
  ret %s
}";

#[test]
fn time_steps_take_no_memory_from_the_system() {
    // A device has memory of its own, for which it asks by itself.
    for way in Way::all().filter(|way| way.device == Device::None && !way.metered) {
        let engine = way.engine();
        let program = engine.read(HEAT, "heat.nba").unwrap();
        let limits = Limits::new().fuel(way.metered.then_some(u64::MAX / 2));
        let mut instance = Linker::new().instantiate_with(&program, limits).unwrap();
        // Small ones lie in arenas, others in buffers; the last are worth all cores.
        for n in [20, 3000, 300_000] {
            let mut asked = |steps: i64| {
                let before = ASKED.load(Ordering::Relaxed);
                instance.call("steps", &[Value::I64(n), Value::I64(steps)]).unwrap();
                ASKED.load(Ordering::Relaxed) - before
            };
            let (few, many) = if n > 100_000 { (2, 6) } else { (10, 60) };
            // What is compiled while it runs asks for memory on its thread: so until it is done.
            let found = (0..20).map(|_| {
                asked(few);
                (asked(few), asked(many))
            });
            let steady = found.into_iter().find(|(few, many)| few == many);
            assert!(steady.is_some(), "({way}) {n} elements: steps ask for memory");
        }
    }
}
