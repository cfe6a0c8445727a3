//! Singular values of a bidiagonal matrix, without vectors: the differential quotient-difference algorithm with shifts.
//!
//! It works on the squares of diagonal and superdiagonal, q and e. A transform takes a shift off all squared values and
//! brings q and e nearer to where e is zero; one division for each element is all that it costs. A shift that is too large
//! shows, as a q becomes negative, and is tried smaller: what was is still there. The transform and its proof are of
//! Fernando and Parlett, "Accurate singular values and differential qd algorithms" (1994). How shifts are estimated is
//! from Parlett and Marques, "An implementation of the dqds algorithm (positive case)" (2000).
//!
//! ```text
//! // [3 4; 0 5] has 3·√5 and √5.
//! let (mut diagonal, mut above) = ([3.0, 5.0], [4.0, 0.0]);
//! of_bidiagonal(&mut diagonal, &mut above, &mut [0.0; 4])?;
//! assert!((diagonal[0] - 45f64.sqrt()).abs() < 1e-15 && (diagonal[1] - 5f64.sqrt()).abs() < 1e-15);
//! ```

use super::Fault;

/// An e is negligible beside a q if it is less than its share: the square of some roundings.
const SHARE: f64 = (16.0 * f64::EPSILON) * (16.0 * f64::EPSILON);
/// Transforms for a value, before it is given up. Three are usual.
const MOST: usize = 60;

/// What a transform has shown: the least of the remainders d, of all but the last, and but the last two; and the last three.
#[derive(Clone, Copy, Default)]
struct Seen {
    least: [f64; 3],
    last: [f64; 3],
}

impl Seen {
    /// What it says of all but the last `count` elements.
    fn without(self, count: usize) -> Option<Seen> {
        let shift =
            |x: [f64; 3]| std::array::from_fn(|at| x.get(at + count).copied().unwrap_or(f64::INFINITY));
        (count < 2).then(|| Seen { least: shift(self.least), last: shift(self.last) })
    }
}

/// A sum that is kept to twice the digits.
#[derive(Clone, Copy, Default)]
struct Shift {
    sum: f64,
    rest: f64,
}

impl Shift {
    fn plus(self, x: f64) -> Shift {
        let x = x + self.rest;
        let sum = self.sum + x;
        Shift { sum, rest: x - (sum - self.sum) }
    }
}

/// Replaces the diagonal of a bidiagonal matrix by its singular values, the largest first. `above` has as many elements, of
/// which the last counts for nothing; `spare` has twice as many.
///
/// # Errors
/// `NoConvergence`, also where an element is not finite.
pub(super) fn of_bidiagonal(diagonal: &mut [f64], above: &mut [f64], spare: &mut [f64]) -> Result<(), Fault> {
    let n = diagonal.len();
    let Some(end) = above.last_mut() else { return Ok(()) };
    *end = 0.0;
    if !diagonal.iter().chain(&*above).all(|x| x.is_finite()) {
        return Err(Fault::NoConvergence);
    }
    let most = diagonal.iter().chain(&*above).fold(0.0f64, |most, x| most.max(x.abs()));
    if most == 0.0 {
        return Ok(());
    }
    // Two factors, each of which is a number whatever the exponent.
    let exponent = most.log2().floor() as i32;
    let (half, other) = (2f64.powi(-exponent / 2), 2f64.powi(-(exponent - exponent / 2)));
    for x in diagonal.iter_mut().chain(&mut *above) {
        *x = *x * half * other;
        *x *= *x;
    }
    let (next_q, next_e) = spare.split_at_mut(n);
    Squares { q: diagonal, e: above, next_q, next_e }.all()?;
    diagonal.sort_unstable_by(|a, b| b.total_cmp(a));
    diagonal.iter_mut().for_each(|x| *x = x.sqrt() / half / other);
    Ok(())
}

struct Squares<'s> {
    q: &'s mut [f64],
    e: &'s mut [f64],
    next_q: &'s mut [f64],
    next_e: &'s mut [f64],
}

impl Squares<'_> {
    /// Replaces q by the squared values. Where the matrix falls into two, e holds the shift that the part up to there has had. It
    /// has the sign of negative numbers.
    fn all(&mut self) -> Result<(), Fault> {
        let mut end = self.q.len();
        let mut left = MOST * end;
        let (mut shift, mut seen, mut share) = (Shift::default(), None::<Seen>, 0.25);
        // Less than that changes no value by more than a rounding of the largest.
        let floor = f64::EPSILON * f64::EPSILON;
        while end > 0 {
            if shift.sum != -self.e[end - 1] {
                (shift, seen) = (Shift { sum: -self.e[end - 1], rest: 0.0 }, None);
            }
            let start = self.part(end, floor, shift.sum);
            let done = self.finished(start, end, shift.sum);
            if done > 0 {
                if end - done > start {
                    self.e[end - done - 1] = -shift.sum;
                }
                seen = seen.and_then(|seen| seen.without(done));
                end -= done;
                share = 0.25;
                continue;
            }
            if self.q[start] * 1.5 < self.q[end - 1] {
                // The least values come off at the end.
                self.q[start..end].reverse();
                self.e[start..end - 1].reverse();
                seen = None;
            }
            let wanted = seen.map_or(0.0, |seen| self.estimate(start, end, &seen, &mut share));
            let mut taken = wanted;
            let mut tries = 0;
            let found = loop {
                left = left.checked_sub(1).ok_or(Fault::NoConvergence)?;
                let mut found = self.transform(start, end, taken);
                // An end that is zero but for rounding is a value that has come off.
                let is_hidden = found.least[0] < 0.0
                    && found.least[1] > 0.0
                    && self.next_e[end - 2] < 1e-13 * (shift.sum + found.last[1])
                    && found.last[0].abs() < 1e-13 * shift.sum;
                if is_hidden {
                    self.next_q[end - 1] = 0.0;
                    (found.least[0], found.last[0]) = (0.0, 0.0);
                }
                if found.least[0] >= 0.0 {
                    break found;
                }
                if taken == 0.0 {
                    return Err(Fault::NoConvergence);
                }
                tries += 1;
                taken = match tries {
                    // Only the last remainder is negative: with it the shift is nearly the least value.
                    1 if found.least[1] > 0.0 => {
                        ((taken + found.least[0]) * (1.0 - 4.0 * f64::EPSILON)).max(0.0)
                    }
                    1 | 2 => taken * 0.25,
                    _ => 0.0,
                };
            };
            self.q[start..end].copy_from_slice(&self.next_q[start..end]);
            self.e[start..end - 1].copy_from_slice(&self.next_e[start..end - 1]);
            shift = shift.plus(taken);
            self.e[end - 1] = -shift.sum;
            seen = Some(found);
        }
        Ok(())
    }

    /// Where the part begins that ends at `end`. There the matrix falls into two, as it says from now on.
    fn part(&mut self, end: usize, floor: f64, shift: f64) -> usize {
        for at in (0..end - 1).rev() {
            // Also where that shift is zero; a transform may leave a zero that is positive.
            if self.e[at].is_sign_negative() {
                return at + 1;
            }
            if self.e[at] <= floor.max(SHARE * shift) {
                self.e[at] = -shift;
                return at + 1;
            }
        }
        0
    }

    /// How many values at the end are found, none to two; they are written.
    fn finished(&mut self, start: usize, end: usize, shift: f64) -> usize {
        let (q, e) = (&mut *self.q, &*self.e);
        let last = end - 1;
        if start == last || e[last - 1] <= SHARE * (shift + q[last]) {
            q[last] += shift;
            return 1;
        }
        if start + 1 == last || e[last - 2] <= SHARE * (shift + q[last - 1].min(q[last])) {
            let (mut large, mut small) = (q[last - 1].max(q[last]), q[last - 1].min(q[last]));
            let (between, half) = (e[last - 1], 0.5 * ((large - small) + e[last - 1]));
            if half > 0.0 {
                // The larger root of a quadratic equation, without cancellation.
                let product = small * (between / half);
                let s = match product <= half {
                    true => small * (between / (half * (1.0 + (1.0 + product / half).sqrt()))),
                    false => small * (between / (half + half.sqrt() * (half + product).sqrt())),
                };
                let sum = large + (s + between);
                small *= large / sum;
                large = sum;
            }
            (q[last - 1], q[last]) = (large + shift, small + shift);
            return 2;
        }
        0
    }

    /// Takes `shift` off all squared values: from q and e to the next ones.
    fn transform(&mut self, start: usize, end: usize, shift: f64) -> Seen {
        let (q, e) = (&self.q[start..end], &self.e[start..end - 1]);
        let (next_q, next_e) = (&mut self.next_q[start..end], &mut self.next_e[start..end - 1]);
        let mut rest = q[0] - shift;
        // Of all but the last two there may be none.
        let mut seen = Seen { least: [f64::INFINITY; 3], last: [f64::INFINITY; 3] };
        let mut least = rest;
        let others = q[1..].iter().zip(e);
        for ((next_q, next_e), (q, e)) in next_q.iter_mut().zip(next_e).zip(others) {
            seen.least[2] = seen.least[1];
            seen.least[1] = least;
            (seen.last[2], seen.last[1]) = (seen.last[1], rest);
            *next_q = rest + e;
            let ratio = q / *next_q;
            *next_e = e * ratio;
            rest = rest * ratio - shift;
            // NaN is less than all.
            least = if rest >= least { least } else { rest };
        }
        next_q[end - start - 1] = rest;
        (seen.least[0], seen.last[0]) = (least, rest);
        seen
    }

    /// A shift that is likely to be below the least squared value, and near.
    fn estimate(&self, start: usize, end: usize, seen: &Seen, share: &mut f64) -> f64 {
        let (q, e) = (&*self.q, &*self.e);
        let [least, least1, least2] = seen.least;
        let [rest, rest1, _] = seen.last;
        if !(least > 0.0 && least.is_finite()) {
            return 0.0;
        }
        let last = end - 1;
        if least != rest {
            // The least one is somewhere else: all that is known is that it is above the value.
            *share += (1.0 - *share) / 3.0;
            return *share * least;
        }
        *share = 0.25;
        if least1 == rest1 && least2.is_finite() && last - start >= 2 {
            // Gerschgorin's circles of the last two, and the gap to the others.
            let (b1, b2) = ((q[last] * e[last - 1]).sqrt(), (q[last - 1] * e[last - 2]).sqrt());
            let a2 = q[last - 1] + e[last - 1];
            let gap2 = least2 - a2 - 0.25 * least2;
            let gap1 = if gap2 > b2 { a2 - rest - b2 / gap2 * b2 } else { a2 - rest - (b1 + b2) };
            if gap1 > b1 {
                return (rest - b1 / gap1 * b1).max(0.5 * least);
            }
            let mut shift = (rest - b1).max(0.0);
            if a2 > b1 + b2 {
                shift = shift.min(a2 - (b1 + b2));
            }
            return shift.max(least / 3.0);
        }
        // The length of an approximate vector, of which the last element is 1.
        let (mut part, mut sum) = (1.0, 0.0);
        for at in (start..last).rev() {
            part *= e[at] / q[at];
            sum += part;
            if part * 100.0 < sum || sum > 0.563 {
                break;
            }
        }
        let sum = sum * 1.05;
        if sum < 0.563 { rest * (1.0 - sum.sqrt()) / (1.0 + sum) } else { 0.25 * least }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(diagonal: &[f64], above: &[f64]) -> Vec<f64> {
        let (mut d, mut e) = (diagonal.to_vec(), above.to_vec());
        e.resize(d.len(), 7.0);
        of_bidiagonal(&mut d, &mut e, &mut vec![0.0; 2 * diagonal.len()]).expect("it converges");
        d
    }

    /// How many singular values are below `x`, by Sturm's sequence of the matrix of Golub and Kahan. That has 0 on its
    /// diagonal and the elements in turn beside it.
    fn below(diagonal: &[f64], above: &[f64], x: f64) -> usize {
        let n = diagonal.len();
        let beside = (0..2 * n - 1).map(|at| if at % 2 == 0 { diagonal[at / 2] } else { above[at / 2] });
        let (mut pivot, mut count) = (-x, usize::from(x > 0.0));
        for b in beside {
            let safe = if pivot == 0.0 { -1e-300 } else { pivot };
            pivot = -x - b * b / safe;
            count += usize::from(pivot < 0.0);
        }
        count.saturating_sub(n)
    }

    #[test]
    fn values_are_those_that_sturm_counts() {
        let mut state = 1u64;
        let mut random = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 11) as f64 / (1u64 << 53) as f64
        };
        for n in [1, 2, 3, 4, 5, 8, 13, 40, 130] {
            for kind in 0..10 {
                let mut element = |at: usize| match kind {
                    0 => random() - 0.5,
                    // Graded, either way; over and over again; with zeros; alike; of any size.
                    1 => 2f64.powi(-(at as i32)) * (1.0 + random()),
                    2 => 2f64.powi(at as i32 - n as i32) * (1.0 + random()),
                    3 => [1.0, 1e-8, 1e-4][at % 3] * random(),
                    4 => (random() - 0.5) * f64::from(u8::from(random() < 0.7)),
                    5 => 1.0,
                    6 => 10f64.powf(40.0 * random() - 20.0),
                    7 => 1e150 * random(),
                    8 => 1e-155 * random(),
                    _ => 1.0 + 1e-12 * random(),
                };
                let d: Vec<f64> = (0..n).map(&mut element).collect();
                let mut e: Vec<f64> = (0..n).map(&mut element).collect();
                if kind == 5 {
                    e.iter_mut().for_each(|e| *e = 1e-3);
                }
                let found = values(&d, &e);
                assert!(found.windows(2).all(|pair| pair[0] >= pair[1]));
                // Scaled, so that squares are numbers.
                let most = d.iter().chain(&e).fold(0.0f64, |most, x| most.max(x.abs()));
                let scaled = |x: &[f64]| x.iter().map(|x| x / most).collect::<Vec<f64>>();
                let (d, e) = (scaled(&d), scaled(&e));
                for (at, value) in found.iter().enumerate() {
                    let (value, off) = (value / most, 1e-14 * (1.0 + n as f64 / 16.0));
                    let under = below(&d, &e, value - off);
                    let over = below(&d, &e, value + off);
                    assert!(value < off || under <= n - 1 - at, "{n} {kind} {at}: {value} {under}");
                    assert!(over >= n - at, "{n} {kind} {at}: {value} {over}");
                }
            }
        }
    }

    #[test]
    fn what_is_not_finite_is_no_matrix() {
        for bad in [f64::NAN, f64::INFINITY] {
            let fault = of_bidiagonal(&mut [1.0, bad], &mut [1.0, 0.0], &mut [0.0; 4]);
            assert!(matches!(fault, Err(Fault::NoConvergence)));
            let fault = of_bidiagonal(&mut [1.0, 1.0], &mut [bad, 0.0], &mut [0.0; 4]);
            assert!(matches!(fault, Err(Fault::NoConvergence)));
        }
        assert_eq!(values(&[0.0, 0.0], &[0.0]), [0.0, 0.0]);
        assert_eq!(values(&[-3.0], &[]), [3.0]);
    }
}
