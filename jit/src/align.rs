//! Where in a cache line a function begins.
//!
//! A processor takes instructions in line by line: a loop of a few instructions
//! that lies across the end of a line takes up to twice as long as the same loop
//! within one. Cranelift puts blocks one after the other as they come. So the
//! function as a whole is moved to where fewest of its loops are cut.

use cranelift_codegen::CompiledCode;

/// Bytes that are taken in at once.
pub const LINE: u32 = 64;
/// What a function's start is a multiple of: no less than its constants want.
const STEP: u32 = 16;
/// Longer loops are bound by other things.
const MAX_LENGTH: u32 = 4 * LINE;

/// A loop without another inside.
struct Loop {
    start: u32,
    length: u32,
    /// What a line less is worth.
    weight: u32,
}

/// Bytes to leave before the code, which begins at the start of a line, so that
/// its loops lie well.
pub fn padding(code: &CompiledCode) -> u32 {
    let loops = innermost(code);
    let cuts = |shift: u32| -> u32 {
        let cut = |l: &Loop| {
            let lines = ((l.start + shift) % LINE + l.length).div_ceil(LINE);
            (lines - l.length.div_ceil(LINE)) * l.weight
        };
        loops.iter().map(cut).sum()
    };
    (0..LINE / STEP).map(|n| n * STEP).min_by_key(|shift| cuts(*shift)).unwrap_or(0)
}

fn innermost(code: &CompiledCode) -> Vec<Loop> {
    let starts = &code.bb_starts;
    let mut loops = Vec::new();
    let mut back: Vec<(u32, u32)> = code.bb_edges.iter().filter(|(from, to)| to <= from).copied().collect();
    // Inner loops end before those they are in.
    back.sort_unstable();
    let mut before = None;
    for (from, to) in back {
        let is_outer = before.replace(from).is_some_and(|inner| inner >= to && inner < from);
        let next = starts.partition_point(|start| *start <= from);
        let end = starts.get(next).copied().unwrap_or(code.code_info().total_size);
        let length = end - to;
        if is_outer || length > MAX_LENGTH {
            continue;
        }
        let blocks = next - starts.partition_point(|start| *start < to);
        // The more there is in a turn, the less a line matters; and loops that
        // check what they do are those for the rare case.
        loops.push(Loop { start: to, length, weight: (64 / blocks.max(1) as u32).max(1) });
    }
    loops
}
