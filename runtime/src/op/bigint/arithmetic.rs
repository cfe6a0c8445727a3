//! Sums, products, quotients, powers, shifts and roots.

use super::convert::copy;
use super::{Done, Int, charge, check_size, invalid, paced, result, set_copy, with_room};
use crate::op::OpCall;
use crate::trap::{TrapCode, TrapError};
use nbc_ir::Type;
use nbc_numerics::bigint::bits::{Bitwise, bitwise};
use nbc_numerics::bigint::natural::{add_bit, compare, difference, shifted_down, shifted_up, sum, trimmed};
use nbc_numerics::bigint::{divide, multiply, power};
use std::cmp::Ordering;

pub(in crate::op) fn bigint_add(call: &mut OpCall<'_>) -> Done {
    let (a, b) = (call.integer(0), call.integer(1));
    added(call, a, b)
}

pub(in crate::op) fn bigint_sub(call: &mut OpCall<'_>) -> Done {
    let (a, b) = (call.integer(0), call.integer(1));
    added(call, a, Int { negative: !b.negative, ..b })
}

fn added(call: &mut OpCall<'_>, a: Int<'_>, b: Int<'_>) -> Done {
    let (long, short) = if a.limbs.len() >= b.limbs.len() { (a, b) } else { (b, a) };
    let n = long.limbs.len();
    charge(call, n as u64 / 2, n)?;
    if a.negative == b.negative {
        check_size(call, Some(n + 1))?;
        return result(call, n + 1, |out, pace| {
            out[n] = u64::from(sum(&mut out[..n], long.limbs, short.limbs, pace)?);
            Ok(a.negative)
        });
    }
    let (large, small) = match compare(long.limbs, short.limbs) {
        Ordering::Less => (short, long),
        _ => (long, short),
    };
    result(call, large.limbs.len(), |out, pace| {
        difference(out, large.limbs, small.limbs, pace)?;
        Ok(large.negative)
    })
}

pub(in crate::op) fn bigint_mul(call: &mut OpCall<'_>) -> Done {
    let (a, b) = (call.integer(0), call.integer(1));
    let (n, m) = (a.limbs.len(), b.limbs.len());
    charge(call, multiply::steps(n, m), n + m)?;
    check_size(call, Some(n + m))?;
    let negative = a.negative != b.negative;
    let is_square = std::ptr::eq(a.limbs, b.limbs);
    let made = |call: &mut OpCall<'_>, room: &mut [u64]| {
        result(call, n + m, |out, pace| {
            if is_square {
                multiply::square(out, a.limbs, room, pace)?;
            } else {
                multiply::product(out, a.limbs, b.limbs, room, pace)?;
            }
            Ok(negative)
        })
    };
    match multiply::room(n, m) {
        0 => made(call, &mut []),
        room => with_room(call, &[Type::BigInt], room, made),
    }
}

pub(in crate::op) fn bigint_neg(call: &mut OpCall<'_>) -> Done {
    let a = call.integer(0);
    copy(call, a.limbs, !a.negative)
}

pub(in crate::op) fn bigint_abs(call: &mut OpCall<'_>) -> Done {
    let a = call.integer(0);
    copy(call, a.limbs, false)
}

pub(in crate::op) fn bigint_divmod(call: &mut OpCall<'_>) -> Done {
    divided(call, true)
}

pub(in crate::op) fn bigint_div_rem(call: &mut OpCall<'_>) -> Done {
    divided(call, false)
}

/// Quotient and remainder; the quotient is rounded down, or else towards 0.
fn divided(call: &mut OpCall<'_>, down: bool) -> Done {
    let (a, b) = (call.integer(0), call.integer(1));
    if b.limbs.is_empty() {
        let name = call.name();
        return Err(TrapError::new(TrapCode::DivideByZero, format!("{name} by 0")));
    }
    let (n, m) = (a.limbs.len(), b.limbs.len());
    charge(call, divide::steps(n, m), n + m)?;
    let quotient_len = (n + 1).saturating_sub(m);
    // The quotient with a bit that rounding may add, the remainder, and what it is subtracted from.
    let room = quotient_len + 1 + n.max(m) + divide::room(n, m).max(m);
    with_room(call, &[Type::BigInt, Type::BigInt], room, |call, room| {
        let (quotient, room) = room.split_at_mut(quotient_len + 1);
        let (rest, room) = room.split_at_mut(n.max(m));
        let round = down && a.negative != b.negative;
        let rounded = paced(call, |pace| {
            rest[..n].copy_from_slice(a.limbs);
            pace.step(n)?;
            divide::divide(&mut quotient[..quotient_len], &mut rest[..n], b.limbs, room, pace)?;
            if !round || trimmed(rest).is_empty() {
                return Ok(false);
            }
            // -(q + 1), and the divisor less the remainder.
            add_bit(quotient, true);
            difference(&mut room[..m], b.limbs, trimmed(rest), pace)?;
            Ok(true)
        })?;
        set_copy(call, 0, a.negative != b.negative, quotient)?;
        let rest = if rounded { &room[..m] } else { &rest[..] };
        set_copy(call, 1, if down { b.negative } else { a.negative }, rest)
    })
}

pub(in crate::op) fn bigint_pow(call: &mut OpCall<'_>) -> Done {
    let (a, exponent) = (call.integer(0), call.int(1));
    let Ok(exponent) = u64::try_from(exponent) else {
        return Err(invalid(format!("bigint.pow with the exponent {exponent}, which is negative")));
    };
    let negative = a.negative && exponent % 2 == 1;
    // 0, 1 and -1 have powers of any exponent.
    if exponent == 0 || a.limbs == [1] {
        return copy(call, &[1], negative);
    }
    if a.limbs.is_empty() {
        return copy(call, &[], false);
    }
    let limbs = check_size(call, power::limbs(a.limbs, exponent))?;
    charge(call, power::steps(limbs, a.limbs.len()), limbs)?;
    with_room(call, &[Type::BigInt], power::room(limbs), |call, room| {
        result(call, limbs, |out, pace| {
            power::power(out, a.limbs, exponent, room, pace)?;
            Ok(negative)
        })
    })
}

/// How far to shift, as argument 1 says.
fn distance(call: &mut OpCall<'_>) -> Result<u64, TrapError> {
    let (name, by) = (call.name(), call.int(1));
    u64::try_from(by).map_err(|_| invalid(format!("{name} by {by} bits, which is negative")))
}

pub(in crate::op) fn bigint_shl(call: &mut OpCall<'_>) -> Done {
    let (a, by) = (call.integer(0), distance(call)?);
    let n = a.limbs.len();
    if n == 0 {
        return copy(call, &[], false);
    }
    let limbs = usize::try_from(by / 64).ok().and_then(|whole| whole.checked_add(n + 1));
    let limbs = check_size(call, limbs)?;
    charge(call, 0, n + limbs)?;
    result(call, limbs, |out, pace| {
        shifted_up(out, a.limbs, by, pace)?;
        Ok(a.negative)
    })
}

pub(in crate::op) fn bigint_shr(call: &mut OpCall<'_>) -> Done {
    let (a, by) = (call.integer(0), distance(call)?);
    let n = a.limbs.len();
    let whole = usize::try_from(by / 64).unwrap_or(usize::MAX).min(n);
    charge(call, 0, 2 * n)?;
    // Rounding down may add a bit.
    result(call, n - whole + usize::from(a.negative), |out, pace| {
        let any = shifted_down(&mut out[..n - whole], a.limbs, by, pace)?;
        if a.negative {
            add_bit(out, any);
        }
        Ok(a.negative)
    })
}

pub(in crate::op) fn bigint_and(call: &mut OpCall<'_>) -> Done {
    combined(call, Bitwise::And)
}

pub(in crate::op) fn bigint_or(call: &mut OpCall<'_>) -> Done {
    combined(call, Bitwise::Or)
}

pub(in crate::op) fn bigint_xor(call: &mut OpCall<'_>) -> Done {
    combined(call, Bitwise::Xor)
}

fn combined(call: &mut OpCall<'_>, bits: Bitwise) -> Done {
    let (a, b) = (call.integer(0), call.integer(1));
    with_bits(call, a, b, bits)
}

pub(in crate::op) fn bigint_not(call: &mut OpCall<'_>) -> Done {
    let a = call.integer(0);
    // The bits of -1 are all set.
    with_bits(call, a, Int { limbs: &[1], negative: true }, Bitwise::Xor)
}

fn with_bits(call: &mut OpCall<'_>, a: Int<'_>, b: Int<'_>, bits: Bitwise) -> Done {
    let n = a.limbs.len().max(b.limbs.len());
    charge(call, n as u64 / 2, 2 * n)?;
    check_size(call, Some(n))?;
    result(call, n + 1, |out, pace| bitwise(out, (a.limbs, a.negative), (b.limbs, b.negative), bits, pace))
}

pub(in crate::op) fn bigint_isqrt(call: &mut OpCall<'_>) -> Done {
    let a = call.integer(0);
    if a.negative {
        return Err(invalid("bigint.isqrt of a negative number".to_owned()));
    }
    let n = a.limbs.len();
    charge(call, divide::root_steps(n), n)?;
    with_room(call, &[Type::BigInt], divide::root_room(n), |call, room| {
        result(call, n / 2 + 2, |out, pace| {
            divide::root(out, a.limbs, room, pace)?;
            Ok(false)
        })
    })
}
