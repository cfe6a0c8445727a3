//! Alignment of code: where in a cache line a function begins.
//!
//! A processor takes instructions in line by line: a loop of a few instructions
//! takes up to twice as long where it lies across the end of a line. Cranelift
//! puts blocks one after the other as they come. So the function as a whole is
//! moved to where fewest of its loops are cut.

use cranelift_codegen::CompiledCode;

/// Bytes that are taken in at once.
pub const LINE: u32 = 64;
/// What a function's start is a multiple of: no less than its constants want.
const STEP: u32 = 16;
/// Longer loops are bound by other things.
const MAX_LENGTH: u32 = 4 * LINE;

/// Most blocks of code whose loops are looked for, which takes time that grows
/// with the square of their number.
const MAX_BLOCKS: usize = 500;

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

/// The loops of the code without another inside.
fn innermost(code: &CompiledCode) -> Vec<Loop> {
    let starts = &code.bb_starts;
    if starts.len() > MAX_BLOCKS {
        return Vec::new();
    }
    let mut succs = vec![Vec::new(); starts.len()];
    edges(starts, code.code_buffer()).into_iter().for_each(|(from, to)| succs[from].push(to));
    let all = Nest::of(&succs);
    let mut loops = Vec::new();
    for nest in &all {
        let inside = |other: &Nest| other.header != nest.header && nest.body[other.header];
        let end = starts.get(nest.latch + 1).copied().unwrap_or(code.code_info().total_size);
        let length = end.saturating_sub(starts[nest.header]);
        if length == 0 || length > MAX_LENGTH || all.iter().any(inside) {
            continue;
        }
        let around = all.iter().filter(|n| n.header != nest.header && n.body[nest.header]).count();
        let blocks = nest.latch - nest.header + 1;
        // The more there is in an iteration, the less a line matters; and loops that
        // check what they do are those for the rare case. Where loops are around
        // it, it has more iterations.
        let weight = (64 / blocks as u32).max(1) << (3 * around.min(MAX_DEPTH));
        loops.push(Loop { start: starts[nest.header], length, weight });
    }
    loops
}

/// A loop among blocks, which are numbered as they lie.
struct Nest {
    header: usize,
    /// The last of the blocks that lead back.
    latch: usize,
    /// By block, whether it is in the loop.
    body: Vec<bool>,
}

impl Nest {
    /// The loops that can be reached from the first block.
    fn of(succs: &[Vec<usize>]) -> Vec<Nest> {
        let back = back_edges(succs);
        let mut preds = vec![Vec::new(); succs.len()];
        for (from, tos) in succs.iter().enumerate() {
            tos.iter().for_each(|to| preds[*to].push(from));
        }
        let mut nests: Vec<Nest> = Vec::new();
        for (from, header) in back {
            let at = nests.iter().position(|n| n.header == header).unwrap_or_else(|| {
                let mut body = vec![false; succs.len()];
                body[header] = true;
                nests.push(Nest { header, latch: header, body });
                nests.len() - 1
            });
            let nest = &mut nests[at];
            nest.latch = nest.latch.max(from);
            let mut work = vec![from];
            while let Some(block) = work.pop() {
                if !std::mem::replace(&mut nest.body[block], true) {
                    work.extend(&preds[block]);
                }
            }
        }
        nests
    }
}

/// Edges that lead to a block on the way to where they begin.
fn back_edges(succs: &[Vec<usize>]) -> Vec<(usize, usize)> {
    let (mut seen, mut open) = (vec![false; succs.len()], vec![false; succs.len()]);
    let mut back = Vec::new();
    let mut path: Vec<(usize, usize)> = Vec::new();
    if !succs.is_empty() {
        (seen[0], open[0]) = (true, true);
        path.push((0, 0));
    }
    while let Some((block, next)) = path.last_mut() {
        let from = *block;
        match succs[from].get(*next) {
            Some(&to) => {
                *next += 1;
                if open[to] {
                    back.push((from, to));
                } else if !std::mem::replace(&mut seen[to], true) {
                    open[to] = true;
                    path.push((to, 0));
                }
            }
            None => {
                open[from] = false;
                path.pop();
            }
        }
    }
    back
}

/// How a function ends that has a frame: what follows is not come to. Shorter
/// ends are also how other instructions do: `mov r11, rax` ends as a return.
const LEAVE: [u8; 5] = [0x48, 0x89, 0xec, 0x5d, 0xc3];

/// Edges between blocks, which begin at `starts`, as the code itself tells them:
/// Cranelift's own list confuses blocks where some are cold.
fn edges(starts: &[u32], bytes: &[u8]) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    if cfg!(not(target_arch = "x86_64")) {
        return found;
    }
    // Without a frame all there is to a return is its last byte.
    let has_frame = bytes.first() == Some(&0x55);
    for (from, start) in starts.iter().enumerate() {
        let end = starts.get(from + 1).map_or(bytes.len(), |end| *end as usize);
        let mut rest = bytes.get(*start as usize..end).unwrap_or_default();
        // The block that what ends at `at` leads to, if it is a branch.
        let to = |at: usize, distance: [u8; 4]| {
            let to = start.checked_add(at as u32)?.checked_add_signed(i32::from_le_bytes(distance))?;
            starts.binary_search(&to).ok()
        };
        // A jump, or something that is come to from nowhere else.
        let leaves = match *rest {
            [.., 0xff, 0xe0..=0xe7] | [.., 0x0f, 0x0b] => true,
            [.., 0xc3] => !has_frame || rest.ends_with(&LEAVE),
            [ref before @ .., 0xe9, a, b, c, d] => match to(rest.len(), [a, b, c, d]) {
                Some(to) => {
                    found.push((from, to));
                    rest = before;
                    true
                }
                None => false,
            },
            _ => false,
        };
        if !leaves && from + 1 < starts.len() {
            found.push((from, from + 1));
        }
        while let [before @ .., 0x0f, 0x80..=0x8f, a, b, c, d] = rest
            && let Some(to) = to(rest.len(), [*a, *b, *c, *d])
        {
            found.push((from, to));
            rest = before;
        }
    }
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

    #[test]
    fn loops_are_told_from_ways_back_to_what_has_ended() {
        // 0 -> 4 -> 5 -> 5, 4 and 1, where the function ends; 2 and 3 lie in between.
        let succs = [vec![4], vec![], vec![1], vec![2], vec![5], vec![5, 4, 1]];
        let found: Vec<(usize, usize, usize)> = Nest::of(&succs)
            .iter()
            .map(|n| (n.header, n.latch, n.body.iter().filter(|b| **b).count()))
            .collect();
        assert_eq!(found, [(5, 5, 1), (4, 5, 2)]);
        assert!(Nest::of(&[]).is_empty());
    }

    #[test]
    #[cfg(target_arch = "x86_64")]
    fn edges_are_told_from_what_looks_like_the_end_of_a_block() {
        let mut code = vec![0x55, 0x48, 0x89, 0xe5];
        let mut starts = Vec::new();
        let mut block = |bytes: &[u8]| {
            starts.push(code.len() as u32);
            code.extend_from_slice(bytes);
        };
        block(&[0x49, 0x89, 0xc3]); // mov r11, rax
        block(&[0x49, 0x83, 0xc3, 1, 0x0f, 0x8c, 0xf6, 0xff, 0xff, 0xff]); // add r11, 1; jl here
        block(&[0xb8, 0xe9, 1, 2, 3]); // mov eax, 0x30201e9
        block(&[0xe9, 5, 0, 0, 0]); // jmp past the next
        block(&LEAVE);
        block(&[0x0f, 0x0b]); // ud2
        let found = edges(&starts, &code);
        assert_eq!(found, [(0, 1), (1, 2), (1, 1), (2, 3), (3, 5)]);
    }
}
