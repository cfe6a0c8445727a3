//! Divisors, powers and inverses modulo a number, and primes.
//!
//! How long these take tells of their arguments: they are arithmetic, no way to keep a key.

use super::{Done, Int, charge, invalid, paced, set_copy, with_room};
use crate::op::OpCall;
use crate::trap::{TrapCode, TrapError};
use nbc_ir::Type;
use nbc_numerics::bigint::natural::{bit_length, sub, trimmed};
use nbc_numerics::bigint::{Halt, Pace, divide, gcd, modular, prime};

pub(in crate::op) fn bigint_gcd(call: &mut OpCall<'_>) -> Done {
    let (a, b) = (call.integer(0), call.integer(1));
    let (n, least) = (a.limbs.len().max(b.limbs.len()), a.limbs.len().min(b.limbs.len()));
    // The longer one is divided first; what it leaves is no longer than the other.
    let steps = gcd::steps(least).saturating_add(divide::steps(n, least));
    charge(call, steps, 2 * n)?;
    with_room(call, &[Type::BigInt], 2 * n + gcd::room(n), |call, room| {
        let (x, room) = room.split_at_mut(n);
        let (y, room) = room.split_at_mut(n);
        x[..a.limbs.len()].copy_from_slice(a.limbs);
        y[..b.limbs.len()].copy_from_slice(b.limbs);
        let len = paced(call, |pace| gcd::gcd(x, y, room, pace))?;
        set_copy(call, 0, false, &x[..len])
    })
}

/// The modulus in argument `at`, which is more than 0.
fn modulus<'a>(call: &mut OpCall<'a>, at: usize) -> Result<&'a [u64], TrapError> {
    let m: Int<'a> = call.integer(at);
    let name = call.name();
    match m {
        Int { limbs: [], .. } => Err(TrapError::new(TrapCode::DivideByZero, format!("{name} modulo 0"))),
        Int { negative: true, .. } => Err(invalid(format!("{name} modulo a negative number"))),
        Int { limbs, .. } => Ok(limbs),
    }
}

/// Writes what an integer leaves modulo `m`, not negative.
fn remainder(out: &mut [u64], a: Int<'_>, m: &[u64], room: &mut [u64], pace: &Pace<'_>) -> Result<(), Halt> {
    modular::remainder(out, a.limbs, m, room, pace)?;
    if a.negative && !trimmed(out).is_empty() {
        let (rest, _) = room.split_at_mut_checked(m.len()).ok_or(Halt::Room)?;
        rest.copy_from_slice(m);
        sub(rest, out);
        out.copy_from_slice(rest);
    }
    Ok(())
}

/// Limbs of room that [`remainder`] takes.
fn remainder_room(a: usize, m: usize) -> usize {
    modular::remainder_room(a, m).max(m)
}

#[cold]
fn no_inverse(name: &str) -> TrapError {
    TrapError::new(TrapCode::NoInverse, format!("{name}: there is no inverse, as both have a common factor"))
}

pub(in crate::op) fn bigint_mod_inverse(call: &mut OpCall<'_>) -> Done {
    let (a, m, name) = (call.integer(0), modulus(call, 1)?, call.name());
    let (n, k) = (m.len(), a.limbs.len());
    charge(call, gcd::steps(n).saturating_mul(2).saturating_add(divide::steps(k.max(n), n)), n + k)?;
    if m == [1] {
        return set_copy(call, 0, false, &[]);
    }
    let room = 2 * n + gcd::inverse_room(n).max(remainder_room(k, n));
    with_room(call, &[Type::BigInt], room, |call, room| {
        let (x, room) = room.split_at_mut(n);
        let (out, room) = room.split_at_mut(n);
        let is_there = paced(call, |pace| {
            remainder(x, a, m, room, pace)?;
            gcd::inverse(out, x, m, room, pace)
        })?;
        if is_there { set_copy(call, 0, false, out) } else { Err(no_inverse(name)) }
    })
}

pub(in crate::op) fn bigint_mod_pow(call: &mut OpCall<'_>) -> Done {
    let (a, e, m, name) = (call.integer(0), call.integer(1), modulus(call, 2)?, call.name());
    let (n, k) = (m.len(), a.limbs.len());
    let mut steps = modular::power_steps(n, n, bit_length(e.limbs));
    steps = steps.saturating_add(divide::steps(k.max(n), n));
    if e.negative {
        steps = steps.saturating_add(gcd::steps(n).saturating_mul(2));
    }
    charge(call, steps, n + k + e.limbs.len())?;
    if m == [1] {
        return set_copy(call, 0, false, &[]);
    }
    let inverse_room = if e.negative { gcd::inverse_room(n) } else { 0 };
    let room = 2 * n + modular::power_room(n, n).max(remainder_room(k, n)).max(inverse_room);
    with_room(call, &[Type::BigInt], room, |call, room| {
        let (x, room) = room.split_at_mut(n);
        let (out, room) = room.split_at_mut(n);
        let is_there = paced(call, |pace| {
            remainder(x, a, m, room, pace)?;
            if e.negative {
                if !gcd::inverse(out, x, m, room, pace)? {
                    return Ok(false);
                }
                x.copy_from_slice(out);
            }
            modular::power(out, x, e.limbs, m, room, pace)?;
            Ok(true)
        })?;
        if is_there { set_copy(call, 0, false, out) } else { Err(no_inverse(name)) }
    })
}

pub(in crate::op) fn bigint_is_probable_prime(call: &mut OpCall<'_>) -> Done {
    let (a, rounds) = (call.integer(0), call.int(1));
    let rounds =
        usize::try_from(rounds).ok().filter(|rounds| *rounds <= prime::MOST_ROUNDS).ok_or_else(|| {
            let most = prime::MOST_ROUNDS;
            invalid(format!("bigint.is_probable_prime with {rounds} rounds; there are from 0 to {most}"))
        })?;
    let n = a.limbs.len();
    if a.negative {
        charge(call, 0, n)?;
        call.set(0);
        return Ok(());
    }
    charge(call, prime::steps(n, rounds), n)?;
    with_room(call, &[Type::Bool], prime::room(n), |call, room| {
        let passes = paced(call, |pace| prime::is_probable_prime(a.limbs, rounds, room, pace))?;
        call.set(u64::from(passes));
        Ok(())
    })
}
