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

/// Loops around a loop that make it weigh more.
const MAX_DEPTH: usize = 4;

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
    best(&innermost(code))
}

/// The shift that has the loops lie in fewest lines; no more than it takes.
fn best(loops: &[Loop]) -> u32 {
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
    let branches = branches(code);
    let edges = code.bb_edges.iter().chain(&branches);
    let mut back: Vec<(u32, u32)> = edges.filter(|(from, to)| to <= from).copied().collect();
    // Inner loops end before those they are in.
    back.sort_unstable();
    back.dedup();
    let mut before = None;
    for &(from, to) in &back {
        let is_outer = before.replace(from).is_some_and(|inner| inner >= to && inner < from);
        let next = starts.partition_point(|start| *start <= from);
        let end = starts.get(next).copied().unwrap_or(code.code_info().total_size);
        let length = end - to;
        if is_outer || length > MAX_LENGTH {
            continue;
        }
        let blocks = next - starts.partition_point(|start| *start < to);
        let mut around: Vec<u32> =
            back.iter().filter(|(f, t)| *t < to && *f > from).map(|(_, to)| *to).collect();
        around.sort_unstable();
        around.dedup();
        // The more there is in a turn, the less a line matters; and loops that
        // check what they do are those for the rare case. Where loops are around
        // it, it turns more often.
        let weight = (64 / blocks.max(1) as u32).max(1) << (3 * around.len().min(MAX_DEPTH));
        loops.push(Loop { start: to, length, weight });
    }
    loops
}

/// Blocks and where the branches at their ends lead, as far as the code itself
/// tells: of edges whose blocks came out empty, Cranelift's list lacks the ends.
fn branches(code: &CompiledCode) -> Vec<(u32, u32)> {
    let mut found = Vec::new();
    if cfg!(not(target_arch = "x86_64")) {
        return found;
    }
    let (starts, bytes) = (&code.bb_starts, code.code_buffer());
    let ends = starts.iter().skip(1).copied().chain([code.code_info().total_size]);
    for (start, end) in starts.iter().zip(ends) {
        let block = bytes.get(*start as usize..end as usize).unwrap_or_default();
        // A conditional branch, a jump, or both, each with a distance of 32 bits.
        let to = |at: usize, distance: &[u8]| {
            let distance = i32::from_le_bytes(distance.try_into().ok()?);
            start.checked_add(at as u32)?.checked_add_signed(distance)
        };
        let mut rest = block;
        if let [before @ .., 0xe9, a, b, c, d] = rest {
            found.extend(to(rest.len(), &[*a, *b, *c, *d]).map(|to| (*start, to)));
            rest = before;
        }
        if let [.., 0x0f, 0x80..=0x8f, a, b, c, d] = rest {
            found.extend(to(rest.len(), &[*a, *b, *c, *d]).map(|to| (*start, to)));
        }
    }
    found.retain(|(_, to)| starts.binary_search(to).is_ok());
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(start: u32, length: u32, weight: u32) -> Loop {
        Loop { start, length, weight }
    }

    #[test]
    fn loops_that_fit_are_not_cut() {
        assert_eq!(best(&[]), 0);
        assert_eq!(best(&[at(0x320, 0x13, 64)]), 0);
        assert_eq!(best(&[at(0x330, 0x13, 64)]), 16);
        // One of 61 bytes only where a line begins, wherever it is cut else.
        assert_eq!(best(&[at(0x110, 61, 1)]), 48);
        // What weighs more is heard.
        assert_eq!(best(&[at(0x330, 0x13, 64), at(0x100, 61, 32)]), 16);
        assert_eq!(best(&[at(0x330, 0x13, 32), at(0x100, 61, 64)]), 0);
    }
}
