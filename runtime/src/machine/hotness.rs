//! Hotness counters: which functions and loops are hot.
//!
//! Nothing is counted one by one: the budget that every back-edge and call
//! counts down anyway runs out once a slice, and whoever runs then is credited
//! with the slice. What has collected enough is what a compiling tier is told
//! of (see [`tier`](super::tier)).

use super::instr::Instr;
use super::tier::{HotPlace, Tier, Watch};
use nbc_ir::FuncId;
use rustc_hash::{FxHashMap, FxHashSet};
use std::sync::Arc;

/// Credits by the operation that was running: a back-edge, a call or the
/// start of a block.
#[derive(Default)]
pub struct Hotness {
    credits: FxHashMap<usize, u64>,
    /// Calls from compiled code, by function.
    called: Vec<u64>,
    told: FxHashSet<(FuncId, Option<(u32, u32)>)>,
    watch: Option<Watch>,
}

impl Hotness {
    /// Most places followed at once; far more than can be hot.
    const PLACES: usize = 4096;

    /// As many calls from compiled code to code that is not make up for it in
    /// one: each costs that much more than a call within either.
    const DEAR: u64 = 64;

    /// Nothing counted yet; what gets hot is for `watch` to hear.
    pub(crate) fn new(watch: Option<Watch>) -> Hotness {
        Hotness { watch, ..Hotness::default() }
    }

    /// Credits the operation at `ip` with `slice` back-edges or calls. If that
    /// has made it hot, returns its credits.
    pub(crate) fn tick(&mut self, ip: *const Instr, slice: u64) -> Option<u64> {
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
        (before < watch.threshold && *credits >= watch.threshold).then_some(*credits)
    }

    /// Counts a call of `func` from compiled code. If that has made it hot,
    /// returns what the calls count for.
    pub(crate) fn called(&mut self, func: FuncId) -> Option<u64> {
        let watch = self.watch.as_ref()?;
        if self.called.len() <= func.index() {
            self.called.resize(func.index() + 1, 0);
        }
        let calls = &mut self.called[func.index()];
        *calls += 1;
        (*calls == (watch.threshold / Hotness::DEAR).max(1)).then_some(*calls * Hotness::DEAR)
    }

    /// Whom to tell of a hot place; nobody when it has been told.
    pub(crate) fn tell(&mut self, place: &HotPlace) -> Option<Arc<dyn Tier>> {
        let watch = self.watch.as_ref()?;
        self.told.insert((place.func, place.resume)).then(|| watch.tier.clone())
    }

    /// The tier, if there is one.
    pub(crate) fn tier(&self) -> Option<Arc<dyn Tier>> {
        self.watch.as_ref().map(|w| w.tier.clone())
    }

    /// Addresses of operations with their credits.
    pub fn credits(&self) -> impl Iterator<Item = (usize, u64)> + '_ {
        self.credits.iter().map(|(ip, c)| (*ip, *c))
    }
}
