//! The random generator: SplitMix64 read at any place.
//!
//! Number `i` of seed `s` is a hash of `s + (i + 1)·golden`. So elements can be
//! made in any order and by any number of threads.

use super::work::fill;
use super::{OpCall, Output};
use crate::object::Element;
use crate::scalar;
use crate::trap::TrapError;
use nbc_ir::Elem;

type Done = Result<(), TrapError>;

/// 2^64 over the golden ratio.
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// Number `i` of the generator with seed `seed`: 64 random bits.
#[inline(always)]
pub fn bits(seed: u64, i: u64) -> u64 {
    let mut z = seed.wrapping_add(i.wrapping_add(1).wrapping_mul(GOLDEN));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Uniform in [0, 1): the top 53 bits.
#[inline(always)]
fn unit_f64(seed: u64, i: u64) -> f64 {
    (bits(seed, i) >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
}

/// Uniform in [0, 1): the top 24 bits.
#[inline(always)]
fn unit_f32(seed: u64, i: u64) -> f32 {
    (bits(seed, i) >> 40) as f32 * (1.0 / (1u64 << 24) as f32)
}

pub(super) fn tensor_random(call: &mut OpCall<'_>) -> Done {
    match call.elem(0) {
        Elem::F32 => uniform(call, unit_f32),
        _ => uniform(call, unit_f64),
    }
}

fn uniform<T: Element>(call: &mut OpCall<'_>, value: impl Fn(u64, u64) -> T + Sync) -> Done {
    let (dims, seed) = (call.dims(0)?, call.args[call.list_len]);
    let out: Output<'_, T> = call.output(&dims)?;
    fill(call.host, &mut *out.elements, 15, |start, piece| {
        for (i, e) in piece.iter_mut().enumerate() {
            e.write(value(seed, (start + i) as u64));
        }
    })?;
    // SAFETY: `fill` has had every piece written whole.
    unsafe { call.finish(out) };
    Ok(())
}

pub(super) fn tensor_random_normal(call: &mut OpCall<'_>) -> Done {
    match call.elem(0) {
        Elem::F32 => normal(call, |x| x as f32),
        _ => normal(call, |x| x),
    }
}

/// Box-Muller: two uniform numbers make two normal ones.
fn normal<T: Element>(call: &mut OpCall<'_>, round: impl Fn(f64) -> T + Sync) -> Done {
    let (dims, seed) = (call.dims(0)?, call.args[call.list_len]);
    let out: Output<'_, T> = call.output(&dims)?;
    fill(call.host, &mut *out.elements, 64, |start, piece| {
        // Pieces start at even places, so pairs are never torn.
        debug_assert!(start.is_multiple_of(2));
        for (i, pair) in piece.chunks_mut(2).enumerate() {
            let at = (start + 2 * i) as u64;
            // In (0, 1], so that the logarithm is finite.
            let radius = (-2.0 * scalar::ln_f64(1.0 - unit_f64(seed, at))).sqrt();
            let angle = std::f64::consts::TAU * unit_f64(seed, at + 1);
            pair[0].write(round(radius * scalar::cos_f64(angle)));
            if let Some(second) = pair.get_mut(1) {
                second.write(round(radius * scalar::sin_f64(angle)));
            }
        }
    })?;
    // SAFETY: `fill` has had every piece written whole.
    unsafe { call.finish(out) };
    Ok(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_generator_is_splitmix64() {
        // First outputs of the published generator for seed 1234567.
        let want = [6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431];
        for (i, w) in want.iter().enumerate() {
            assert_eq!(super::bits(1234567, i as u64), *w);
        }
    }
}
