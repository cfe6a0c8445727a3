//! Integers from and to numbers, texts and bytes, and what is to be seen of them.

use super::{Done, charge, check_size, invalid, make, paced, result, with_room};
use crate::object::bigint::Digits;
use crate::op::{OpCall, Output};
use crate::trap::{TrapCode, TrapError};
use nbc_ir::Type;
use nbc_numerics::bigint::natural::{bit, bit_length, trailing_zeros};
use nbc_numerics::bigint::text;
use std::cmp::Ordering;

/// Bytes between two questions to the host.
const BLOCK: usize = 1 << 18;

#[cold]
fn out_of_range(text: String) -> TrapError {
    TrapError::new(TrapCode::ConversionOutOfRange, text)
}

pub(in crate::op) fn bigint_of_i64(call: &mut OpCall<'_>) -> Done {
    let v = call.int(0);
    let limbs = [v.unsigned_abs()];
    let made = call.host.heap().bigint(v < 0, &limbs[..usize::from(v != 0)])?;
    call.set(made.slot());
    Ok(())
}

pub(in crate::op) fn bigint_to_i64(call: &mut OpCall<'_>) -> Done {
    let a = call.integer(0);
    let value = match *a.limbs {
        [] => Some(0),
        [limb] if a.negative => 0i64.checked_sub_unsigned(limb),
        [limb] => i64::try_from(limb).ok(),
        _ => None,
    };
    let bits = bit_length(a.limbs);
    let value = value.ok_or_else(|| out_of_range(format!("bigint.to_i64 of a number of {bits} bits")))?;
    call.set(value as u64);
    Ok(())
}

pub(in crate::op) fn bigint_of_f64(call: &mut OpCall<'_>) -> Done {
    let x = f64::from_bits(call.args[0]);
    if !x.is_finite() {
        return Err(out_of_range(format!("bigint.of_f64 of {x}")));
    }
    let bits = x.abs().to_bits();
    let (exponent, fraction) = ((bits >> 52) as i64 - 1075, bits & ((1 << 52) - 1) | 1 << 52);
    if exponent < -52 {
        return result(call, 0, |_, _| Ok(false));
    }
    if exponent < 0 {
        return result(call, 1, |out, _| {
            out[0] = fraction >> -exponent;
            Ok(x < 0.0)
        });
    }
    let (limb, shift) = ((exponent / 64) as usize, exponent % 64);
    result(call, limb + 2, |out, _| {
        out[limb] = fraction << shift;
        out[limb + 1] = fraction >> 1 >> (63 - shift);
        Ok(x < 0.0)
    })
}

pub(in crate::op) fn bigint_to_f64(call: &mut OpCall<'_>) -> Done {
    let a = call.integer(0);
    let bits = bit_length(a.limbs);
    // The first 64 bits, of which the last says whether any below is set: so they are rounded as all would be.
    let below = bits.saturating_sub(64);
    let (limb, shift) = ((below / 64) as usize, (below % 64) as u32);
    let part = |n: usize| a.limbs.get(n).copied().unwrap_or(0);
    let first = part(limb) >> shift | part(limb + 1) << 1 << (63 - shift);
    let is_more = below > 0 && trailing_zeros(a.limbs) < below;
    let rounded = (first | u64::from(is_more)) as f64;
    let scale = if below <= 1023 { f64::from_bits((1023 + below) << 52) } else { f64::INFINITY };
    let value = if below == 0 { rounded } else { rounded * scale };
    if value.is_infinite() {
        return Err(out_of_range(format!("bigint.to_f64 of a number of {bits} bits")));
    }
    call.set((if a.negative { -value } else { value }).to_bits());
    Ok(())
}

pub(in crate::op) fn bigint_of_str(call: &mut OpCall<'_>) -> Done {
    let written = call.str(0);
    let name = call.name();
    call.charge_work(
        written.len() as u64,
        nbc_ir::catalogue::Work { flops: 0, bytes: written.len() as u64 },
    )?;
    let refuse = |e: crate::object::bigint::NoInteger| invalid(format!("{name}: {e}"));
    let read = Digits::of(written).map_err(refuse)?;
    for start in (0..read.digits.len()).step_by(BLOCK) {
        call.host.poll()?;
        read.check(written, start..read.digits.len().min(start + BLOCK)).map_err(refuse)?;
    }
    // A number of as many digits as may be could be a little too large.
    let limbs = check_size(call, Some(read.limbs()))?;
    if read.hexadecimal {
        return result(call, limbs, |out, pace| {
            for (out, digits) in out.chunks_mut(BLOCK / 16).zip(read.digits.rchunks(BLOCK)) {
                // They have been looked at.
                let _ = text::of_hexadecimal(out, digits);
                pace.step(digits.len())?;
            }
            Ok(read.negative)
        });
    }
    charge(call, text::of_decimal_steps(read.digits.len()), limbs)?;
    let room = text::of_decimal_room(read.digits.len());
    with_room(call, &[Type::BigInt], room, |call, room| {
        result(call, limbs, |out, pace| {
            text::of_decimal(out, read.digits, room, pace)?;
            Ok(read.negative)
        })
    })
}

pub(in crate::op) fn bigint_to_str(call: &mut OpCall<'_>) -> Done {
    let a = call.integer(0);
    let n = a.limbs.len();
    charge(call, text::decimal_steps(n), n)?;
    let digits = text::most_digits(a.limbs);
    with_room(call, &[Type::Str], text::decimal_room(n), |call, room| {
        let out = crate::op::sort::space::<u8>(call, digits + 1)?;
        let first = paced(call, |pace| text::decimal(&mut out[1..], a.limbs, room, pace))? + 1;
        set_text(call, out, first, a.negative)
    })
}

/// Makes what is in `out` from there on the result, with a sign before it.
fn set_text(call: &mut OpCall<'_>, out: &mut [u8], first: usize, negative: bool) -> Done {
    let start = if negative { first - 1 } else { first };
    if negative {
        out[start] = b'-';
    }
    let text = std::str::from_utf8(&out[start..]).map_err(|_| TrapError::from(TrapCode::InvalidArgument))?;
    let made = call.host.heap().string(text)?;
    call.set(made.slot());
    Ok(())
}

pub(in crate::op) fn bigint_to_hex(call: &mut OpCall<'_>) -> Done {
    let a = call.integer(0);
    let n = a.limbs.len();
    charge(call, 16 * n as u64, n)?;
    with_room(call, &[Type::Str], 0, |call, _| {
        let digits = (bit_length(a.limbs).div_ceil(4) as usize).max(1);
        let out = crate::op::sort::space::<u8>(call, digits + 3)?;
        out[1..3].copy_from_slice(b"0x");
        for (n, part) in out[3..].rchunks_mut(BLOCK).enumerate() {
            if n > 0 {
                call.host.poll()?;
            }
            let mut limbs = a.limbs[n * BLOCK / 16..].iter();
            for part in part.rchunks_mut(16) {
                let mut limb = limbs.next().copied().unwrap_or(0);
                for digit in part.iter_mut().rev() {
                    *digit = b"0123456789abcdef"[(limb & 15) as usize];
                    limb >>= 4;
                }
            }
        }
        set_text(call, out, 1, a.negative)
    })
}

pub(in crate::op) fn bigint_of_bytes(call: &mut OpCall<'_>) -> Done {
    let bytes = call.input::<u8>(0);
    let limbs = bytes.len().div_ceil(8);
    charge(call, limbs as u64, limbs)?;
    check_size(call, Some(limbs))?;
    result(call, limbs, |out, pace| {
        for (out, part) in out.chunks_mut(BLOCK / 8).zip(bytes.rchunks(BLOCK)) {
            for (out, part) in out.iter_mut().zip(part.rchunks(8)) {
                *out = part.iter().fold(0, |limb, byte| limb << 8 | u64::from(*byte));
            }
            pace.step(out.len())?;
        }
        Ok(false)
    })
}

pub(in crate::op) fn bigint_to_bytes(call: &mut OpCall<'_>) -> Done {
    let (a, want) = (call.integer(0), call.int(1));
    let name = call.name();
    let len = u64::try_from(want).map_err(|_| invalid(format!("{name}: a length of {want}")))?;
    let bits = bit_length(a.limbs);
    if a.negative || bits.div_ceil(8) > len {
        let sign = if a.negative { "negative " } else { "" };
        return Err(out_of_range(format!("{name}: a {sign}number of {bits} bits in {len} bytes")));
    }
    charge(call, len, usize::try_from(len / 8).unwrap_or(usize::MAX))?;
    let out: Output<'_, u8> = call.output_charged(&[len])?;
    for (n, part) in out.elements.rchunks_mut(BLOCK).enumerate() {
        if n > 0 {
            call.host.poll()?;
        }
        let mut limbs = a.limbs.get(n * BLOCK / 8..).unwrap_or_default().iter();
        for part in part.rchunks_mut(8) {
            let mut limb = limbs.next().copied().unwrap_or(0);
            for byte in part.iter_mut().rev() {
                byte.write(limb as u8);
                limb >>= 8;
            }
        }
    }
    // SAFETY: every element has been written.
    unsafe { call.finish(out) };
    Ok(())
}

pub(in crate::op) fn bigint_sign(call: &mut OpCall<'_>) -> Done {
    let a = call.integer(0);
    let sign = if a.negative { -1 } else { i64::from(!a.limbs.is_empty()) };
    call.set(sign as u64);
    Ok(())
}

pub(in crate::op) fn bigint_bit_length(call: &mut OpCall<'_>) -> Done {
    let bits = bit_length(call.integer(0).limbs);
    call.set(bits);
    Ok(())
}

pub(in crate::op) fn bigint_bit(call: &mut OpCall<'_>) -> Done {
    let (a, at) = (call.integer(0), call.int(1));
    let at = u64::try_from(at).map_err(|_| invalid(format!("bit {at} of a bigint: bits count from 0")))?;
    // -a is the complement of a - 1: bits above the lowest that is set change.
    let is_changed = a.negative && at > trailing_zeros(a.limbs);
    call.set(u64::from(bit(a.limbs, at) != is_changed));
    Ok(())
}

/// How two integers compare.
fn compare(call: &OpCall<'_>) -> Ordering {
    let (a, b) = (call.integer(0), call.integer(1));
    let magnitudes = || nbc_numerics::bigint::natural::compare(a.limbs, b.limbs);
    match (a.negative, b.negative) {
        (false, true) => Ordering::Greater,
        (true, false) => Ordering::Less,
        (false, false) => magnitudes(),
        (true, true) => magnitudes().reverse(),
    }
}

pub(in crate::op) fn bigint_cmp(call: &mut OpCall<'_>) -> Done {
    let order = compare(call) as i64;
    call.set(order as u64);
    Ok(())
}

pub(in crate::op) fn bigint_eq(call: &mut OpCall<'_>) -> Done {
    let equal = compare(call).is_eq();
    call.set(u64::from(equal));
    Ok(())
}

/// The same number with that sign.
pub(super) fn copy(call: &mut OpCall<'_>, limbs: &[u64], negative: bool) -> Done {
    charge(call, 0, limbs.len())?;
    let made = make(call, limbs.len(), |out, pace| {
        for (out, limbs) in out.chunks_mut(BLOCK).zip(limbs.chunks(BLOCK)) {
            out.copy_from_slice(limbs);
            pace.step(out.len())?;
        }
        Ok(negative)
    })?;
    call.set(made.slot());
    Ok(())
}
