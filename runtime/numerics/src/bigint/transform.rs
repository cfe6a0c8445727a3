//! Products of long numbers, by a number-theoretic transform modulo p = 2⁶⁴ - 2³² + 1.
//!
//! Limbs are cut into digits of 16 bits. A sum of fewer than 2³² products of two of them is less than p, so the
//! cyclic convolution of the digits is exact. Blocks are halved one after the other, each down to its last
//! level before the next, so that most levels work on what is near. The factor of a block follows from its number
//! alone. Blocks of a level are come to in their order, so a factor is the one before times a constant.
//!
//! Pollard, The fast Fourier transform in a finite field, 1971.

use super::{Halt, Pace, cut};

/// 2⁶⁴ - 2³² + 1.
const P: u64 = 0xffff_ffff_0000_0001;
/// 2⁶⁴ modulo p.
const WRAP: u64 = 0xffff_ffff;
/// A number whose powers are all but 0.
const GENERATOR: u64 = 7;
/// Halvings that there are roots of unity for.
const LEVELS: usize = 32;
/// Digits that stay near while all levels below are done.
const NEAR: usize = 1 << 12;

/// Digits of 16 bits in a limb.
const DIGITS: usize = 4;

/// How long the transform of such factors is: a power of two.
fn len(n: usize, m: usize) -> usize {
    (n.saturating_add(m).saturating_mul(DIGITS)).checked_next_power_of_two().unwrap_or(usize::MAX)
}

/// Limbs of room that a product takes.
pub(super) fn room(n: usize, m: usize) -> usize {
    len(n, m).saturating_mul(2)
}

/// About how many products of limbs it takes as long as.
pub(super) fn steps(n: usize, m: usize) -> u64 {
    let len = len(n, m) as u64;
    // Three transforms, of half as many butterflies, each about as long as four products of a row.
    len.saturating_mul(u64::from(len.max(2).ilog2()) * 6)
}

#[inline(always)]
fn plus(a: u64, b: u64) -> u64 {
    let (rest, under) = a.overflowing_sub(P - b);
    if under { rest.wrapping_add(P) } else { rest }
}

#[inline(always)]
fn minus(a: u64, b: u64) -> u64 {
    let (rest, under) = a.overflowing_sub(b);
    if under { rest.wrapping_add(P) } else { rest }
}

/// The product modulo p: 2⁶⁴ is 2³² - 1 there, and 2⁹⁶ is -1.
#[inline(always)]
fn times(a: u64, b: u64) -> u64 {
    let t = u128::from(a) * u128::from(b);
    let (low, high) = (t as u64, (t >> 64) as u64);
    let (rest, under) = low.overflowing_sub(high >> 32);
    let rest = if under { rest.wrapping_sub(WRAP) } else { rest };
    let (sum, over) = rest.overflowing_add((high & WRAP) * WRAP);
    let sum = if over { sum.wrapping_add(WRAP) } else { sum };
    if sum >= P { sum - P } else { sum }
}

fn power(mut base: u64, mut exponent: u64) -> u64 {
    let mut result = 1;
    while exponent > 0 {
        if exponent & 1 == 1 {
            result = times(result, base);
        }
        base = times(base, base);
        exponent >>= 1;
    }
    result
}

/// What a level goes by: the factor of its next block, which one that is, and by what factors change.
struct Factors {
    next: [u64; LEVELS],
    block: [u64; LEVELS],
    /// From a block to the one after it, by how many ones its number ends with.
    change: [u64; LEVELS],
}

impl Factors {
    /// Those of a transform, or of its inverse.
    fn new(inverse: bool) -> Factors {
        // The factor of block s is the root of unity whose exponent has the bits of s from the other end.
        let root = |level: u32| {
            let root = power(GENERATOR, (P - 1) >> level);
            if inverse { power(root, P - 2) } else { root }
        };
        let mut change = [1; LEVELS];
        let mut product = 1;
        // Ones at the end become zeros, and the zero above them a one.
        for (n, change) in change.iter_mut().take(LEVELS - 2).enumerate() {
            let bit = n as u32 + 2;
            *change = times(root(bit), product);
            product = times(product, power(root(bit), P - 2));
        }
        Factors { next: [1; LEVELS], block: [0; LEVELS], change }
    }

    #[inline(always)]
    fn take(&mut self, level: usize) -> u64 {
        let factor = self.next[level];
        let ones = self.block[level].trailing_ones() as usize;
        self.block[level] += 1;
        self.next[level] = times(factor, self.change[ones.min(LEVELS - 1)]);
        factor
    }
}

#[inline(always)]
fn forward_level(block: &mut [u64], factor: u64) {
    let (low, high) = block.split_at_mut(block.len() / 2);
    for (low, high) in low.iter_mut().zip(high) {
        let (l, h) = (*low, times(*high, factor));
        (*low, *high) = (plus(l, h), minus(l, h));
    }
}

#[inline(always)]
fn backward_level(block: &mut [u64], factor: u64) {
    let (low, high) = block.split_at_mut(block.len() / 2);
    for (low, high) in low.iter_mut().zip(high) {
        let (l, h) = (*low, *high);
        (*low, *high) = (plus(l, h), times(minus(l, h), factor));
    }
}

fn forward(block: &mut [u64], level: usize, factors: &mut Factors, pace: &Pace<'_>) -> Result<(), Halt> {
    if block.len() > NEAR {
        let factor = factors.take(level);
        let (low, high) = block.split_at_mut(block.len() / 2);
        for (low, high) in low.chunks_mut(NEAR).zip(high.chunks_mut(NEAR)) {
            for (low, high) in low.iter_mut().zip(high) {
                let (l, h) = (*low, times(*high, factor));
                (*low, *high) = (plus(l, h), minus(l, h));
            }
            pace.step(NEAR * 4)?;
        }
        forward(low, level + 1, factors, pace)?;
        return forward(high, level + 1, factors, pace);
    }
    let mut len = block.len();
    let mut level = level;
    while len > 1 {
        for block in block.chunks_exact_mut(len) {
            forward_level(block, factors.take(level));
        }
        len /= 2;
        level += 1;
        pace.step(block.len() * 2)?;
    }
    Ok(())
}

fn backward(block: &mut [u64], level: usize, factors: &mut Factors, pace: &Pace<'_>) -> Result<(), Halt> {
    if block.len() > NEAR {
        let (low, high) = block.split_at_mut(block.len() / 2);
        backward(low, level + 1, factors, pace)?;
        backward(high, level + 1, factors, pace)?;
        let factor = factors.take(level);
        for (low, high) in low.chunks_mut(NEAR).zip(high.chunks_mut(NEAR)) {
            for (low, high) in low.iter_mut().zip(high) {
                let (l, h) = (*low, *high);
                (*low, *high) = (plus(l, h), times(minus(l, h), factor));
            }
            pace.step(NEAR * 4)?;
        }
        return Ok(());
    }
    let mut len = 2;
    let mut level = level + block.len().ilog2() as usize;
    while len <= block.len() {
        level -= 1;
        for block in block.chunks_exact_mut(len) {
            backward_level(block, factors.take(level));
        }
        len *= 2;
        pace.step(block.len() * 2)?;
    }
    Ok(())
}

/// Numbers of a pass between two questions.
const STRETCH: usize = 1 << 16;

/// The digits of a number, and zeros.
fn spread(digits: &mut [u64], a: &[u64], pace: &Pace<'_>) -> Result<(), Halt> {
    let (all, rest) = digits.split_at_mut(a.len() * DIGITS);
    for (digits, limbs) in all.chunks_mut(STRETCH * DIGITS).zip(a.chunks(STRETCH)) {
        for (digits, limb) in digits.chunks_exact_mut(DIGITS).zip(limbs) {
            for (n, digit) in digits.iter_mut().enumerate() {
                *digit = limb >> (16 * n) & 0xffff;
            }
        }
        pace.step(digits.len())?;
    }
    for rest in rest.chunks_mut(STRETCH) {
        rest.fill(0);
        pace.step(rest.len())?;
    }
    Ok(())
}

/// The number of digits that are sums: the inverse of [`spread`], with carries.
fn gather(out: &mut [u64], sums: &[u64], pace: &Pace<'_>) -> Result<(), Halt> {
    let mut carry = 0u128;
    for (out, sums) in out.chunks_mut(STRETCH).zip(sums.chunks(STRETCH * DIGITS)) {
        for (limb, sums) in out.iter_mut().zip(sums.chunks_exact(DIGITS)) {
            let mut whole = 0u64;
            for (n, sum) in sums.iter().enumerate() {
                carry += u128::from(*sum);
                whole |= (carry as u64 & 0xffff) << (16 * n);
                carry >>= 16;
            }
            *limb = whole;
        }
        pace.step(sums.len())?;
    }
    Ok(())
}

/// The product of what `a` and, if it is not the same, `b` hold the transforms of, into `out`.
fn finish(out: &mut [u64], a: &mut [u64], b: Option<&[u64]>, pace: &Pace<'_>) -> Result<(), Halt> {
    let scale = power(a.len() as u64, P - 2);
    for (n, a) in a.chunks_mut(STRETCH).enumerate() {
        match b.map(|b| &b[n * STRETCH..]) {
            Some(b) => a.iter_mut().zip(b).for_each(|(a, b)| *a = times(times(*a, *b), scale)),
            None => a.iter_mut().for_each(|a| *a = times(times(*a, *a), scale)),
        }
        pace.step(a.len())?;
    }
    backward(a, 0, &mut Factors::new(true), pace)?;
    gather(out, a, pace)
}

pub(super) fn product(
    out: &mut [u64],
    a: &[u64],
    b: &[u64],
    room: &mut [u64],
    pace: &Pace<'_>,
) -> Result<(), Halt> {
    let len = len(a.len(), b.len());
    if len.ilog2() as usize >= LEVELS {
        return Err(Halt::Room);
    }
    let (x, room) = cut(room, len)?;
    let (y, _) = cut(room, len)?;
    spread(x, a, pace)?;
    spread(y, b, pace)?;
    forward(x, 0, &mut Factors::new(false), pace)?;
    forward(y, 0, &mut Factors::new(false), pace)?;
    finish(out, x, Some(y), pace)
}

pub(super) fn square(out: &mut [u64], a: &[u64], room: &mut [u64], pace: &Pace<'_>) -> Result<(), Halt> {
    let len = len(a.len(), a.len());
    if len.ilog2() as usize >= LEVELS {
        return Err(Halt::Room);
    }
    let (x, _) = cut(room, len)?;
    spread(x, a, pace)?;
    forward(x, 0, &mut Factors::new(false), pace)?;
    finish(out, x, None, pace)
}
