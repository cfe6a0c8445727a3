//! Rows of limbs: products and powers modulo odd numbers of up to 4096 bits, a thread for each row.

use super::Recipe;
use super::elementwise::Layout;
use crate::device::{Cuda, Key, MOST_QUEUED, address, count};
use crate::launch::Parameters;
use nbc_runtime::device::{DeviceCall, DeviceError};

/// Rows that these kernels compute.
#[rustfmt::skip]
pub(super) const ROWS: &[(&str, Recipe)] = &[
    ("limbs_mod_mul", Recipe::Limbs(Modular::Product)),
    ("limbs_mod_pow", Recipe::Limbs(Modular::Power)),
];

/// What is made of rows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Modular {
    /// Products.
    Product,
    /// Powers.
    Power,
}

/// Limbs of the longest numbers.
const MOST_LIMBS: u64 = 64;
/// Rows of a block of threads.
const ROWS_OF_BLOCK: u64 = 32;
/// Products of words that a thread makes in some ten milliseconds.
const AT_ONCE: u64 = 1 << 20;
/// Bytes of what rows keep between launches; more rows are done one part after the other.
const MOST_KEPT: u64 = 1 << 28;
/// Numbers that a row keeps.
const KEPT: u64 = 17;
/// Bits of an exponent that are looked at together, and products that takes.
const WINDOW: u64 = 4;
const PRODUCTS: u64 = 5;

/// Words that numbers have room for, in a kernel for numbers of so many.
fn most_words(words: u64) -> u64 {
    words.next_power_of_two().max(8)
}

/// The kernels `nbc_products`, `nbc_begin`, `nbc_windows` and `nbc_end`, for numbers of at most so many words of 32 bits.
pub(crate) fn text(most: u64) -> String {
    format!("#define NBC_MOST {most}\n{}", include_str!("limbs.cuh"))
}

/// Rows, their limbs, and from one number of each other argument to its next: 0 where there is one for all.
struct Rows {
    count: u64,
    limbs: u64,
    steps: [u64; 2],
}

impl Rows {
    fn of(what: Modular, args: &[&[u64]]) -> Option<Rows> {
        let [[count, limbs], others @ ..] = args else { return None };
        let [b, moduli] = others else { return None };
        let step = |dims: &[u64], len: Option<u64>| match *dims {
            [own] if len.is_none_or(|len| len == own) => Some(0),
            [rows, own] if rows == *count && len.is_none_or(|len| len == own) => Some(own),
            _ => None,
        };
        let of_b = if what == Modular::Product { Some(*limbs) } else { None };
        let steps = [step(b, of_b)?, step(moduli, Some(*limbs))?];
        Some(Rows { count: *count, limbs: *limbs, steps })
    }
}

/// Whether rows of those dims are so many that kernels take them.
pub(crate) fn takes(what: Modular, args: &[&[u64]]) -> bool {
    Rows::of(what, args).is_some_and(|rows| (1..=MOST_LIMBS).contains(&rows.limbs))
}

impl Cuda {
    /// Products or powers of rows.
    pub(crate) fn run_limbs(&self, what: Modular, call: &DeviceCall<'_>) -> Result<(), DeviceError> {
        let dims: Vec<&[u64]> = call.args.iter().map(|arg| arg.dims()).collect();
        let wrong = || DeviceError("no rows of limbs".to_owned());
        let rows = Rows::of(what, &dims).filter(|_| takes(what, &dims)).ok_or_else(wrong)?;
        let words = 2 * rows.limbs;
        let [a, b, moduli] = call.args else { return Err(wrong()) };
        let ((a, _held_a), (b, _held_b)) = (self.sent(a)?, self.sent(b)?);
        let (moduli, _held_moduli) = self.sent(moduli)?;
        let most = most_words(words);
        let layout = Layout { readings: Vec::new(), rank: most as usize };
        let key = Key { operation: call.operation.index(), elems: Vec::new(), layout: Some(layout) };
        let names = [c"nbc_products", c"nbc_begin", c"nbc_windows", c"nbc_end"];
        let code = self.kernel(key, &names, || text(most))?;
        // Products of words that one product takes, with what is around them; to begin takes about 40 such, and doubling.
        let product = 2 * words * words + 16 * words;
        let begin = product * 40 + 64 * words * words;
        let launch =
            |which: usize, addresses: &[(u64, Option<u64>)], numbers: &[u64], rows: u64, steps: u64| {
                let mut parameters = Parameters::default();
                for (address, step) in addresses {
                    parameters.address(*address);
                    parameters.numbers(step.as_slice());
                }
                parameters.numbers(numbers);
                let grid = (rows.div_ceil(ROWS_OF_BLOCK).max(1) as u32, 1, 1);
                // SAFETY: the callers give what `limbs.cuh` says of each kernel.
                unsafe { self.launch(parameters, code.functions[which], grid)? };
                // A few rows take as long as many.
                let work = steps.saturating_mul(rows).max(steps.saturating_mul(MOST_QUEUED / AT_ONCE));
                self.pace(work, call.must_stop)
            };
        let [b_step, m_step] = rows.steps.map(|step| 2 * step);
        let to = address(call);
        if what == Modular::Product {
            let at_once = (MOST_QUEUED / begin).clamp(ROWS_OF_BLOCK, 1 << 20);
            for first in (0..rows.count).step_by(at_once as usize) {
                let end = rows.count.min(first + at_once);
                let addresses = [(to, None), (a, None), (b, Some(b_step)), (moduli, Some(m_step))];
                launch(0, &addresses, &[words, first, end], end - first, begin)?;
            }
            return Ok(());
        }
        let at_once = (MOST_KEPT / (KEPT * words * 4)).max(1).min(rows.count);
        let kept = self.scratch((at_once * KEPT * words * 4) as usize)?;
        let windows = count(&dims[1][dims[1].len() - 1..]) * (64 / WINDOW);
        for first in (0..rows.count).step_by(at_once as usize) {
            let count = at_once.min(rows.count - first);
            let moduli = (moduli, Some(m_step));
            launch(1, &[(kept.address, None), (a, None), moduli], &[words, first, count], count, begin)?;
            // Windows in a launch: so that neither one thread nor all of them take too long.
            let step = PRODUCTS * product;
            let most = (AT_ONCE / step).min(MOST_QUEUED / step / count).max(1);
            let mut left = windows;
            while left > 0 {
                let next = left.saturating_sub(most);
                let addresses = [(kept.address, None), (b, Some(b_step)), moduli];
                let numbers = [words, first, count, left - 1, next];
                launch(2, &addresses, &numbers, count, step * (left - next))?;
                left = next;
            }
            launch(3, &[(to, None), (kept.address, None), moduli], &[words, first, count], count, product)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{Modular, takes};

    #[test]
    fn numbers_are_one_for_a_row_or_one_for_all() {
        assert!(takes(Modular::Power, &[&[9, 4], &[1], &[4]]));
        assert!(takes(Modular::Power, &[&[9, 4], &[9, 7], &[9, 4]]));
        assert!(!takes(Modular::Product, &[&[9, 4], &[9, 7], &[9, 4]]));
        assert!(!takes(Modular::Product, &[&[9, 65], &[9, 65], &[9, 65]]));
        assert!(!takes(Modular::Power, &[&[9, 4], &[8, 4], &[4]]));
    }
}
