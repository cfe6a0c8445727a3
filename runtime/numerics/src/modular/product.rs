//! Products of matrices, exact.
//!
//! The second factor is put into panels of a few columns first, so that what a few rows take of it lies together. Sums
//! are exact and reduced once at the end: of moduli up to 2^32, products fit into a word, and many columns
//! are summed side by side by one instruction; of others, three words hold a sum.
//!
//! ```
//! use nbc_numerics::modular::{Modulus, product::{Factor, Panels, WIDE, multiply_rows}};
//! let m = Modulus::new(26).unwrap();
//! let (a, b) = ([1, 2, 3, 4], [5, 6, 7, 8]);
//! let mut room = vec![0; Panels::<u32, WIDE>::room(2, 2)];
//! Panels::<u32, WIDE>::fill(m, &b, [2, 2], 0, &mut room);
//! let mut rows = vec![0u32; 4];
//! u32::residues(m, &a, &mut rows);
//! let mut out = Vec::with_capacity(4);
//! let out = &mut out.spare_capacity_mut()[..4];
//! assert!(multiply_rows(m, &rows, Panels::<u32, WIDE>::new(&room, [2, 2]), out, &|| true));
//! ```

use super::Modulus;
use std::mem::MaybeUninit;

/// Columns of a panel, but where there is one alone.
pub const WIDE: usize = 8;
/// Rows that are made together.
const HIGH: usize = 4;
/// Products between two questions.
const STRETCH: usize = 1 << 18;

/// Residues as they are kept for a product.
pub trait Factor: Copy + Default {
    /// One more panel's part of some rows: `rows` have `inner` residues each.
    fn tile<const ROWS: usize, const W: usize>(
        m: Modulus,
        rows: [&[Self]; ROWS],
        panel: &[[Self; W]],
    ) -> [[u64; W]; ROWS];
    /// The residue of `x`.
    fn of(m: Modulus, x: i64) -> Self;
    /// Writes the residues of those numbers.
    #[inline(always)]
    fn residues(m: Modulus, from: &[i64], to: &mut [Self]) {
        to.iter_mut().zip(from).for_each(|(to, x)| *to = Self::of(m, *x));
    }
}

impl Factor for u32 {
    #[inline(always)]
    fn of(m: Modulus, x: i64) -> u32 {
        m.reduce(x as u64) as u32
    }

    #[inline(always)]
    fn tile<const ROWS: usize, const W: usize>(
        m: Modulus,
        rows: [&[u32]; ROWS],
        panel: &[[u32; W]],
    ) -> [[u64; W]; ROWS] {
        let largest = u128::from(m.value() - 1);
        if (largest * largest).saturating_mul(panel.len() as u128) <= u128::from(u64::MAX) {
            let sums = sums::<ROWS, W, false>(rows, panel).0;
            return sums.map(|row| row.map(|sum| sum % m.value()));
        }
        let (sums, high) = sums::<ROWS, W, true>(rows, panel);
        std::array::from_fn(|row| {
            std::array::from_fn(|column| {
                // The sum of all low halves fits into a word, whatever the sum of all does.
                let high = high[row][column];
                let low = sums[row][column].wrapping_sub(high << 32);
                m.reduce_wide(0, (u128::from(high) << 32) + u128::from(low))
            })
        })
    }
}

/// Sums of products modulo 2^64, and of their high halves if so asked.
#[inline(always)]
fn sums<const ROWS: usize, const W: usize, const HALVES: bool>(
    rows: [&[u32]; ROWS],
    panel: &[[u32; W]],
) -> ([[u64; W]; ROWS], [[u64; W]; ROWS]) {
    let (mut sums, mut high) = ([[0u64; W]; ROWS], [[0u64; W]; ROWS]);
    let rows = rows.map(|row| &row[..panel.len()]);
    for (at, line) in panel.iter().enumerate() {
        for row in 0..ROWS {
            let factor = u64::from(rows[row][at]);
            for column in 0..W {
                let product = factor * u64::from(line[column]);
                sums[row][column] = sums[row][column].wrapping_add(product);
                if HALVES {
                    high[row][column] += product >> 32;
                }
            }
        }
    }
    (sums, high)
}

impl Factor for u64 {
    #[inline(always)]
    fn of(m: Modulus, x: i64) -> u64 {
        m.reduce(x as u64)
    }

    #[inline(always)]
    fn tile<const ROWS: usize, const W: usize>(
        m: Modulus,
        rows: [&[u64]; ROWS],
        panel: &[[u64; W]],
    ) -> [[u64; W]; ROWS] {
        rows.map(|row| {
            let (mut low, mut high) = ([0u128; W], [0u64; W]);
            for (factor, line) in row.iter().zip(panel) {
                for column in 0..W {
                    let product = u128::from(*factor) * u128::from(line[column]);
                    let (sum, wraps) = low[column].overflowing_add(product);
                    low[column] = sum;
                    high[column] += u64::from(wraps);
                }
            }
            std::array::from_fn(|column| m.reduce_wide(high[column], low[column]))
        })
    }
}

/// The second factor, a few columns after the other; columns that are none have zeros.
#[derive(Clone, Copy)]
pub struct Panels<'p, F, const W: usize> {
    lines: &'p [[F; W]],
    inner: usize,
    columns: usize,
}

impl<'p, F: Factor, const W: usize> Panels<'p, F, W> {
    /// How many residues a factor with so many rows and columns takes.
    pub const fn room(inner: usize, columns: usize) -> usize {
        inner.saturating_mul(columns.div_ceil(W).saturating_mul(W))
    }

    /// How many panels that is.
    pub const fn count(columns: usize) -> usize {
        columns.div_ceil(W)
    }

    /// Those in `room`, of a factor with so many rows and columns.
    ///
    /// # Panics
    /// If the room is none of theirs.
    pub fn new(room: &'p [F], [inner, columns]: [usize; 2]) -> Panels<'p, F, W> {
        assert!(room.len() == Self::room(inner, columns), "the room is one for these panels");
        Panels { lines: room.as_chunks().0, inner, columns }
    }

    /// Writes panels, from number `first` on, into the part of the room that is theirs, which is zero.
    pub fn fill(m: Modulus, b: &[i64], [inner, columns]: [usize; 2], first: usize, room: &mut [F]) {
        for (panel, room) in room.chunks_mut((inner * W).max(1)).enumerate() {
            let from = (first + panel) * W;
            let wide = W.min(columns - from);
            for (row, to) in room.chunks_exact_mut(W).enumerate() {
                F::residues(m, &b[row * columns + from..][..wide], to);
            }
        }
    }
}

/// Writes rows of a product, `rows` being those of the first factor. `go_on` is asked within what is long; where it says
/// no, the result is false, and not all is written.
#[inline(always)]
pub fn multiply_rows<F: Factor, const W: usize>(
    m: Modulus,
    rows: &[F],
    panels: Panels<'_, F, W>,
    out: &mut [MaybeUninit<i64>],
    go_on: &dyn Fn() -> bool,
) -> bool {
    let (inner, columns) = (panels.inner, panels.columns);
    if columns == 0 {
        return true;
    }
    if inner == 0 {
        out.fill(MaybeUninit::new(0));
        return true;
    }
    let mut steps = 0;
    for (rows, out) in rows.chunks(HIGH * inner).zip(out.chunks_mut(HIGH * columns)) {
        for (panel, lines) in panels.lines.chunks_exact(inner).enumerate() {
            let from = panel * W;
            let wide = W.min(columns - from);
            let mut write = |row: usize, sums: [u64; W]| {
                let out = &mut out[row * columns + from..][..wide];
                out.iter_mut().zip(sums).for_each(|(out, sum)| _ = out.write(sum as i64));
            };
            if rows.len() == HIGH * inner {
                let tile =
                    F::tile::<HIGH, W>(m, std::array::from_fn(|row| &rows[row * inner..][..inner]), lines);
                tile.into_iter().enumerate().for_each(|(row, sums)| write(row, sums));
            } else {
                for (row, factors) in rows.chunks_exact(inner).enumerate() {
                    let [sums] = F::tile::<1, W>(m, [factors], lines);
                    write(row, sums);
                }
            }
            steps += HIGH * W * inner;
            if steps >= STRETCH {
                steps = 0;
                if !go_on() {
                    return false;
                }
            }
        }
    }
    true
}
