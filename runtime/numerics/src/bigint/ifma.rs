//! Powers modulo eight odd numbers at once, by AVX-512's products of 52 bits.
//!
//! A number is digits of 52 bits. Digit number j of eight numbers is one vector, and all eight go through the same steps:
//! Montgomery's method with R = 2^(52k) ≥ 4n. So what is below 2n stays below, and is reduced at the end alone. Sums of
//! products wait in 64 bits for their carries; there is room for those of a thousand digits.
//!
//! Gueron and Krasnov, Software implementation of modular exponentiation, using advanced vector instructions
//! architectures, 2012.
//!
//! Invariant: what comes out are the numbers themselves, so the same as without.

use super::modular::{digit, window};
use super::montgomery::negative_inverse;
use super::natural::{bit_length, compare, sub, trimmed};
use super::rows::Rows;
use super::{Halt, Pace, cut, divide};
use std::arch::x86_64::*;
use std::cmp::Ordering;
use std::ops::Range;

/// Numbers side by side.
pub(super) const LANES: usize = 8;
const BITS: usize = 52;
const MASK: u64 = (1 << BITS) - 1;

/// A digit of each number.
type Digit = [u64; LANES];

/// Digits of the longest numbers whose sums of products fit.
const MOST: usize = 1 << 9;

/// Whether this processor can, and numbers of so many limbs are short enough.
pub(super) fn is_for(limbs: usize) -> bool {
    let has =
        std::arch::is_x86_feature_detected!("avx512f") && std::arch::is_x86_feature_detected!("avx512ifma");
    has && digits(limbs) <= MOST
}

/// Digits of numbers of so many limbs, and of four times as much.
fn digits(limbs: usize) -> usize {
    (limbs * 64 + 2).div_ceil(BITS)
}

/// Limbs of room that [`power`] takes for moduli of so many.
pub(super) fn room(limbs: usize, exponent: usize) -> usize {
    let k = digits(limbs);
    let powers = 1usize << window(exponent as u64 * 64);
    let square = 2 * k * BITS / 64 + 2;
    // The modulus, R², a product, sums, the number, its powers; to begin each at a multiple of 64 bytes.
    (powers + 6) * (k + 1) * LANES + LANES + 2 * square + limbs + divide::room(square, limbs)
}

/// The first `n` vectors of the room, and the rest.
fn vectors(room: &mut [u64], n: usize) -> Result<(&mut [Digit], &mut [u64]), Halt> {
    let (part, rest) = cut(room, n * LANES)?;
    Ok((part.as_chunks_mut().0, rest))
}

/// Digit number `at` of a number of limbs.
fn digit_of(a: &[u64], at: usize) -> u64 {
    digit(a, (at * BITS) as u64, BITS as u32) as u64
}

/// Writes the powers of those rows, eight at most: base and modulus of `n` limbs, all moduli odd.
///
/// # Errors
/// Where it is not to go on, or `room` is less than [`room`].
pub(super) fn power(
    out: &mut [u64],
    base: &[u64],
    exponents: &Rows<'_>,
    moduli: &Rows<'_>,
    rows: Range<usize>,
    room: &mut [u64],
    pace: &Pace<'_>,
) -> Result<(), Halt> {
    let limbs = moduli.len;
    let k = digits(limbs);
    // Lanes without a row do what the last one does.
    let row_of = |lane: usize| (rows.start + lane).min(rows.end - 1);
    let skip = room.as_ptr().align_offset(64).min(LANES);
    let (_, room) = cut(room, skip)?;
    let (n, room) = vectors(room, k)?;
    let (square, room) = vectors(room, k)?;
    let (x, room) = vectors(room, k)?;
    let (y, room) = vectors(room, k)?;
    let (sums, room) = vectors(room, k + 1)?;

    let mut inverse = [0; LANES];
    #[allow(clippy::needless_range_loop)]
    for lane in 0..LANES {
        let modulus = moduli.row(row_of(lane));
        if lane > 0 && modulus.as_ptr() == moduli.row(row_of(lane - 1)).as_ptr() {
            inverse[lane] = inverse[lane - 1];
            n.iter_mut().chain(&mut *square).for_each(|digit| digit[lane] = digit[lane - 1]);
            continue;
        }
        inverse[lane] = negative_inverse(modulus[0]);
        // R² modulo n.
        let bits = 2 * k * BITS;
        let (dividend, room) = cut(room, bits / 64 + 1)?;
        let by = trimmed(modulus);
        let (quotient, room) = cut(room, (dividend.len() + 1).saturating_sub(by.len()))?;
        dividend.fill(0);
        dividend[bits / 64] = 1 << (bits % 64);
        divide::divide(quotient, dividend, by, room, pace)?;
        for (at, (n, square)) in n.iter_mut().zip(&mut *square).enumerate() {
            n[lane] = digit_of(modulus, at);
            square[lane] = digit_of(dividend, at);
        }
    }

    let exponent = |lane: usize| exponents.row(row_of(lane));
    let bits = (0..LANES).map(|lane| bit_length(exponent(lane))).max().unwrap_or(0);
    let width = window(bits);
    let (powers, _) = vectors(room, k << width)?;
    // SAFETY: `is_for` has been asked.
    let mul = |out: &mut [Digit], a: &[Digit], b: &[Digit], sums: &mut [Digit]| unsafe {
        product(out, a, b, n, &inverse, sums);
    };
    let steps = k * k * 4;
    // 1 and the base, in form.
    y.fill([0; LANES]);
    y[0] = [1; LANES];
    mul(&mut powers[..k], y, square, sums);
    for (at, digit) in y.iter_mut().enumerate() {
        for (lane, digit) in digit.iter_mut().enumerate() {
            *digit = digit_of(&base[row_of(lane) * limbs..][..limbs], at);
        }
    }
    mul(&mut powers[k..2 * k], y, square, sums);
    for at in 2..1usize << width {
        let (before, next) = powers.split_at_mut(at * k);
        mul(&mut next[..k], &before[(at - 1) * k..], &before[k..2 * k], sums);
        pace.step(steps)?;
    }
    let windows = bits.div_ceil(u64::from(width)).max(1);
    let mut is_first = true;
    for at in (0..windows).rev() {
        let mut which = [0; LANES];
        for (lane, which) in which.iter_mut().enumerate() {
            *which = digit(exponent(lane), at * u64::from(width), width);
        }
        if !is_first {
            for _ in 0..width {
                mul(y, x, x, sums);
                x.copy_from_slice(y);
                pace.step(steps)?;
            }
            if which == [0; LANES] {
                continue;
            }
        }
        let chosen = &mut *y;
        if which[1..] == which[..LANES - 1] {
            chosen.copy_from_slice(&powers[which[0] * k..][..k]);
        } else {
            for (at, digit) in chosen.iter_mut().enumerate() {
                for (lane, digit) in digit.iter_mut().enumerate() {
                    *digit = powers[which[lane] * k + at][lane];
                }
            }
        }
        if is_first {
            x.copy_from_slice(y);
        } else {
            // The product does not read what it writes.
            mul(square, x, y, sums);
            x.copy_from_slice(square);
            pace.step(steps)?;
        }
        is_first = false;
    }
    y.fill([0; LANES]);
    y[0] = [1; LANES];
    mul(square, x, y, sums);
    for (lane, row) in rows.enumerate() {
        let out = &mut out[lane * limbs..][..limbs];
        out.fill(0);
        for (at, digit) in square.iter().enumerate() {
            let (limb, shift) = (at * BITS / 64, at * BITS % 64);
            // What is beyond the last limb is 0, as the number is no more than the modulus.
            if let Some(limb) = out.get_mut(limb) {
                *limb |= digit[lane] << shift;
            }
            if let (true, Some(limb)) = (shift + BITS > 64, out.get_mut(limb + 1)) {
                *limb |= digit[lane] >> (64 - shift);
            }
        }
        let modulus = moduli.row(row);
        if compare(out, modulus) != Ordering::Less {
            sub(out, modulus);
        }
    }
    Ok(())
}

#[inline(always)]
fn load(digit: &Digit) -> __m512i {
    // SAFETY: a digit is 64 bytes; who calls has AVX-512.
    unsafe { _mm512_loadu_si512(digit.as_ptr().cast()) }
}

#[inline(always)]
fn store(digit: &mut Digit, v: __m512i) {
    // SAFETY: a digit is 64 bytes; who calls has AVX-512.
    unsafe { _mm512_storeu_si512(digit.as_mut_ptr().cast(), v) }
}

/// Writes `a · b / R`, below 2n if both are. Numbers of digits are what its loops are about. `inverse` is -1/n modulo 2^52 or more bits.
#[target_feature(enable = "avx512f,avx512ifma")]
#[allow(clippy::needless_range_loop)]
fn product(out: &mut [Digit], a: &[Digit], b: &[Digit], n: &[Digit], inverse: &Digit, sums: &mut [Digit]) {
    let k = n.len();
    let (a, b, sums) = (&a[..k], &b[..k], &mut sums[..k + 1]);
    let inverse = load(inverse);
    let zero = _mm512_setzero_si512();
    sums.fill([0; LANES]);
    let mut at = 0;
    // Two digits of b at a time, so that sums are read and written half as often.
    while at + 2 <= k {
        let (b0, b1) = (load(&b[at]), load(&b[at + 1]));
        let (a0, n0) = (load(&a[0]), load(&n[0]));
        let s = _mm512_madd52lo_epu64(load(&sums[0]), a0, b0);
        let m0 = _mm512_madd52lo_epu64(zero, s, inverse);
        let s = _mm512_madd52lo_epu64(s, n0, m0);
        let carry = _mm512_srli_epi64::<{ BITS as u32 }>(s);
        let mut s = _mm512_add_epi64(load(&sums[1]), carry);
        s = _mm512_madd52hi_epu64(s, a0, b0);
        s = _mm512_madd52hi_epu64(s, n0, m0);
        s = _mm512_madd52lo_epu64(s, a0, b1);
        let (a1, n1) = if k > 1 { (load(&a[1]), load(&n[1])) } else { (zero, zero) };
        s = _mm512_madd52lo_epu64(s, a1, b0);
        s = _mm512_madd52lo_epu64(s, n1, m0);
        let m1 = _mm512_madd52lo_epu64(zero, s, inverse);
        s = _mm512_madd52lo_epu64(s, n0, m1);
        let carry = _mm512_srli_epi64::<{ BITS as u32 }>(s);
        // Of digit j + 2 the sum is that of the products whose digits' numbers add up to it.
        let (mut a_before, mut n_before) = (a0, n0);
        let (mut a_last, mut n_last) = (a1, n1);
        let mut carry = carry;
        for j in 2..k {
            let (aj, nj) = (load(&a[j]), load(&n[j]));
            let mut s = _mm512_add_epi64(load(&sums[j]), carry);
            carry = zero;
            let mut t = _mm512_madd52hi_epu64(zero, a_last, b0);
            s = _mm512_madd52hi_epu64(s, n_last, m0);
            t = _mm512_madd52lo_epu64(t, a_last, b1);
            s = _mm512_madd52lo_epu64(s, n_last, m1);
            t = _mm512_madd52hi_epu64(t, a_before, b1);
            s = _mm512_madd52hi_epu64(s, n_before, m1);
            t = _mm512_madd52lo_epu64(t, aj, b0);
            s = _mm512_madd52lo_epu64(s, nj, m0);
            store(&mut sums[j - 2], _mm512_add_epi64(s, t));
            (a_before, n_before, a_last, n_last) = (a_last, n_last, aj, nj);
        }
        // The last two.
        let mut s = _mm512_add_epi64(load(&sums[k]), carry);
        s = _mm512_madd52hi_epu64(s, a_last, b0);
        s = _mm512_madd52hi_epu64(s, n_last, m0);
        s = _mm512_madd52lo_epu64(s, a_last, b1);
        s = _mm512_madd52lo_epu64(s, n_last, m1);
        s = _mm512_madd52hi_epu64(s, a_before, b1);
        s = _mm512_madd52hi_epu64(s, n_before, m1);
        store(&mut sums[k - 2], s);
        let mut s = _mm512_madd52hi_epu64(zero, a_last, b1);
        s = _mm512_madd52hi_epu64(s, n_last, m1);
        store(&mut sums[k - 1], s);
        sums[k] = [0; LANES];
        at += 2;
    }
    if at < k {
        let bi = load(&b[at]);
        let s = _mm512_madd52lo_epu64(load(&sums[0]), load(&a[0]), bi);
        let m = _mm512_madd52lo_epu64(zero, s, inverse);
        let s = _mm512_madd52lo_epu64(s, load(&n[0]), m);
        let mut carry = _mm512_srli_epi64::<{ BITS as u32 }>(s);
        for j in 1..k + 1 {
            let mut s = _mm512_add_epi64(load(&sums[j]), carry);
            carry = zero;
            s = _mm512_madd52hi_epu64(s, load(&a[j - 1]), bi);
            s = _mm512_madd52hi_epu64(s, load(&n[j - 1]), m);
            if j < k {
                s = _mm512_madd52lo_epu64(s, load(&a[j]), bi);
                s = _mm512_madd52lo_epu64(s, load(&n[j]), m);
            }
            store(&mut sums[j - 1], s);
        }
        sums[k] = [0; LANES];
    }
    let mask = _mm512_set1_epi64(MASK as i64);
    let mut carry = zero;
    for (out, sum) in out.iter_mut().zip(sums.iter()).take(k) {
        let s = _mm512_add_epi64(load(sum), carry);
        store(out, _mm512_and_si512(s, mask));
        carry = _mm512_srli_epi64::<{ BITS as u32 }>(s);
    }
}
