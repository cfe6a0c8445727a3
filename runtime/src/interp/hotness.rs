//! Which functions and loops are hot.
//!
//! Nothing is counted one by one: the budget that every back-edge and call
//! counts down anyway runs out once a slice, and whoever runs then is credited
//! with the slice. What has collected enough is what a compiling tier is told
//! of (see [`super::compiled`]).

use super::compiled::Watch;
use crate::interp::code::Instr;
use rustc_hash::FxHashMap;

/// Credits by the operation that was running: a back-edge, a call or the
/// start of a block.
#[derive(Default)]
pub struct Hotness {
    credits: FxHashMap<usize, u64>,
    watch: Option<Watch>,
}

impl Hotness {
    /// Most places followed at once; far more than can be hot.
    const PLACES: usize = 4096;

    /// Nothing counted yet; what gets hot is for `watch` to hear.
    pub(crate) fn new(watch: Option<Watch>) -> Hotness {
        Hotness { credits: FxHashMap::default(), watch }
    }

    /// Credits the operation at `ip` with `slice` back-edges or calls. If that
    /// has made it hot, returns whom to tell, and its credits.
    pub(crate) fn tick(&mut self, ip: *const Instr, slice: u64) -> Option<(&Watch, u64)> {
        if self.credits.len() == Hotness::PLACES {
            // Keep the hotter half.
            let mut all: Vec<u64> = self.credits.values().copied().collect();
            all.sort_unstable();
            let median = all[all.len() / 2];
            self.credits.retain(|_, c| *c > median);
        }
        let credits = self.credits.entry(ip.addr()).or_default();
        let before = *credits;
        *credits += slice;
        let watch = self.watch.as_ref()?;
        (before < watch.threshold && *credits >= watch.threshold).then_some((watch, *credits))
    }

    /// Addresses of operations with their credits.
    pub fn credits(&self) -> impl Iterator<Item = (usize, u64)> + '_ {
        self.credits.iter().map(|(ip, c)| (*ip, *c))
    }
}
