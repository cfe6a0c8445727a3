//! Statistics of a heap's memory: charged, resident, and by region.

use super::heap::Heap;
use super::region::Region;

/// Memory of one region, or of all.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct RegionStats {
    /// Bytes that objects take now.
    pub live: usize,
    /// Most bytes taken at once since the heap was made.
    pub peak: usize,
    /// Pooled buffers owned now.
    pub buffers: usize,
    /// How often a region has begun here.
    pub begins: u64,
}

/// Memory of a heap.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct HeapStats {
    /// Bytes charged for: of arenas and owned buffers, what the limit counts.
    pub held: usize,
    /// Most bytes charged for at once, those kept for reuse included.
    pub peak: usize,
    /// Bytes taken from the machine. Fewer than are charged for where results
    /// have taken over the memory of arguments.
    pub resident: usize,
    /// Most bytes taken from the machine at once.
    pub resident_peak: usize,
    /// Bytes of buffers kept for reuse.
    pub kept: usize,
    /// The budget in bytes.
    pub limit: usize,
    /// Objects' memory by region index; the last is the innermost that was ever begun.
    pub regions: Vec<RegionStats>,
    /// Objects' memory of globals.
    pub globals: RegionStats,
}

impl Heap {
    /// Memory of this heap.
    pub fn stats(&self) -> HeapStats {
        let stats = |r: &Region| RegionStats {
            live: r.live(),
            peak: r.peak.max(r.live()),
            buffers: r.buffers.len(),
            begins: r.begins,
        };
        let mut globals = RegionStats::default();
        for r in self.globals.iter().chain(&self.graveyard) {
            globals.live += r.live();
            globals.buffers += r.buffers.len();
        }
        globals.peak = globals.live;
        HeapStats {
            held: self.shared.held,
            peak: self.shared.peak,
            resident: self.shared.resident(),
            resident_peak: self.shared.resident_peak,
            kept: self.shared.pool.kept(),
            limit: self.shared.limit,
            regions: (0..self.regions.len()).map(|i| stats(self.region(i))).collect(),
            globals,
        }
    }
}
