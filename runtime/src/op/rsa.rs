//! RSA with padding, by a library ([`nbc_numerics::rsa`]).
//!
//! The library asks nobody for leave to go on: `docs/limits.md` says for how long. What it allocates meanwhile is kept free
//! for it, so that as much is taken from the budget.

use super::work::Leave;
use super::{OpCall, Output};
use crate::region::secret::wipe;
use crate::trap::{TrapCode, TrapError};
use nbc_ir::Type;
use nbc_ir::catalogue::Work;
use nbc_numerics::bigint::{modular, natural};
use nbc_numerics::rsa::{self, Hash, Private, SIZES, Wrong};

type Done = Result<(), TrapError>;

/// Bytes of the longest label: it is hashed without asking.
const MOST_LABEL: usize = 1 << 16;
/// As many bytes as the library takes for each of the modulus, about.
const ROOM: usize = 256;

#[cold]
fn invalid(text: String) -> TrapError {
    TrapError::new(TrapCode::InvalidArgument, text)
}

/// The magnitude of argument `at`, which is not negative.
fn number<'a>(call: &mut OpCall<'a>, at: usize) -> Result<&'a [u64], TrapError> {
    let integer = call.bigint(at);
    if integer.is_negative() {
        let name = call.name();
        return Err(invalid(format!("{name}: number {} of the key is negative", at + 1)));
    }
    // SAFETY: arguments live as long as the operation, are sealed and never written.
    Ok(unsafe { integer.limbs() })
}

/// The trap of what the library refuses.
#[cold]
fn wrong(call: &mut OpCall<'_>, why: Wrong) -> TrapError {
    let (name, least, most) = (call.name(), SIZES.start(), SIZES.end());
    invalid(match why {
        Wrong::Modulus(bits) if !SIZES.contains(&bits) => {
            format!("{name}: a modulus of {bits} bits; a key has one of {least} to {most}")
        }
        Wrong::Modulus(_) => format!("{name}: the modulus is even, so it is not one of a key"),
        Wrong::Exponent => format!("{name}: the public exponent of a key is odd, from 3 to 2^33 - 1"),
        Wrong::Private => format!(
            "{name}: the numbers are no private key: two primes of half as many bits whose product is the modulus, \
             and an exponent that undoes the public one"
        ),
        Wrong::Hash => format!("{name}: the hash is too long for a key of this size: take a longer key"),
        Wrong::Length(most) => {
            format!(
                "{name}: the message or the salt is too long: with this key and hash it has at most {most} bytes"
            )
        }
        Wrong::Ciphertext => format!("{name}: decryption failed"),
    })
}

fn hash(call: &mut OpCall<'_>, at: usize) -> Result<Hash, TrapError> {
    let (name, bits) = (call.name(), call.int(at));
    let refuse = || invalid(format!("{name} with SHA-{bits}; there are 256, 384 and 512"));
    Hash::of_bits(bits).ok_or_else(refuse)
}

/// Charges for a power of an exponent of so many bits, and keeps room free for it.
fn power(call: &mut OpCall<'_>, n: &[u64], bits: u64, bytes: usize) -> Done {
    // Moduli that are too long are refused; they cost nothing.
    let limbs = if SIZES.contains(&natural::bit_length(n)) { n.len() } else { 0 };
    let steps = modular::power_steps(limbs, limbs, bits).saturating_mul(2);
    let flops = steps.saturating_mul(2).saturating_add((bytes as u64).saturating_mul(16));
    call.charge_work(limbs as u64, Work { flops, bytes: (bytes + limbs * 8) as u64 })?;
    call.host.poll()?;
    call.host.heap().scratch(limbs * 8 * ROOM)?;
    Ok(())
}

/// The five numbers of the private key that the arguments begin with.
fn private<'a>(call: &mut OpCall<'a>) -> Result<Private<'a>, TrapError> {
    let [n, e, d, p, q] =
        [number(call, 0)?, number(call, 1)?, number(call, 2)?, number(call, 3)?, number(call, 4)?];
    Ok(Private { n, e, d, p, q })
}

fn label<'a>(call: &mut OpCall<'a>, at: usize) -> Result<&'a [u8], TrapError> {
    let label = call.input::<u8>(at);
    if label.len() > MOST_LABEL {
        let name = call.name();
        return Err(invalid(format!(
            "{name}: a label of {} bytes; it has at most {MOST_LABEL}",
            label.len()
        )));
    }
    Ok(label)
}

/// The hash of the message in argument `at`.
fn hashed(call: &mut OpCall<'_>, hash: Hash, at: usize) -> Result<Vec<u8>, TrapError> {
    let message = call.input::<u8>(at);
    let leave = Leave::of(call.host);
    match rsa::hashed(hash, message, || leave.go_on()) {
        Some(hashed) => Ok(hashed),
        None => Err(leave.granted().err().unwrap_or(TrapCode::Interrupted.into())),
    }
}

/// Makes bytes the result.
fn finish(call: &mut OpCall<'_>, bytes: Result<Vec<u8>, Wrong>) -> Done {
    let mut bytes = bytes.map_err(|why| wrong(call, why))?;
    let mut out: Result<Output<'_, u8>, TrapError> = call.output_charged(&[bytes.len() as u64]);
    if let Ok(out) = &mut out {
        out.elements.write_copy_of_slice(&bytes);
    }
    // It may be a message that was secret.
    // SAFETY: they are this function's own.
    unsafe { wipe(bytes.as_mut_ptr(), bytes.len()) };
    let out = out?;
    // SAFETY: every element has been written.
    unsafe { call.finish(out) };
    Ok(())
}

/// Runs `work` with working space; its result is of that type.
fn with_room<'a>(call: &mut OpCall<'a>, ty: Type, work: impl FnOnce(&mut OpCall<'a>) -> Done) -> Done {
    // SAFETY: nothing else that is made in there is used behind it, and the result is of that type.
    unsafe { call.with_results_kept(&[ty], work) }
}

const BYTES: Type = Type::Tensor(nbc_ir::Elem::U8);

pub(super) fn rsa_oaep_encrypt(call: &mut OpCall<'_>) -> Done {
    let (n, e, hash) = (number(call, 0)?, number(call, 1)?, hash(call, 2)?);
    let (message, label, seed) = (call.input::<u8>(3), label(call, 4)?, call.input::<u8>(5));
    if seed.len() != hash.bytes() {
        let (name, found, want) = (call.name(), seed.len(), hash.bytes());
        return Err(invalid(format!("{name}: a seed of {found} bytes; it has as many as a hash, {want}")));
    }
    with_room(call, BYTES, |call| {
        power(call, n, 64, label.len())?;
        finish(call, rsa::oaep_encrypt(n, e, hash, message, label, seed))
    })
}

pub(super) fn rsa_oaep_decrypt(call: &mut OpCall<'_>) -> Done {
    let (key, hash) = (private(call)?, hash(call, 5)?);
    let (ciphertext, label) = (call.input::<u8>(6), label(call, 7)?);
    with_room(call, BYTES, |call| {
        power(call, key.n, natural::bit_length(key.n), label.len())?;
        finish(call, rsa::oaep_decrypt(key, hash, ciphertext, label))
    })
}

pub(super) fn rsa_pss_sign(call: &mut OpCall<'_>) -> Done {
    let (key, hash) = (private(call)?, hash(call, 5)?);
    let (message, salt) = (call.input::<u8>(6), call.input::<u8>(7));
    with_room(call, BYTES, |call| {
        power(call, key.n, natural::bit_length(key.n), message.len())?;
        // A salt as long as the modulus is too long, so no more of it is looked at.
        let salt = &salt[..salt.len().min(key.n.len() * 8)];
        let hashed = hashed(call, hash, 6)?;
        finish(call, rsa::pss_sign(key, hash, &hashed, salt))
    })
}

pub(super) fn rsa_pss_verify(call: &mut OpCall<'_>) -> Done {
    let (n, e, hash) = (number(call, 0)?, number(call, 1)?, hash(call, 2)?);
    let (message, signature, salt) = (call.input::<u8>(3), call.input::<u8>(4), call.int(5));
    let Ok(salt) = usize::try_from(salt) else {
        return Err(invalid(format!("rsa.pss_verify with a salt of {salt} bytes")));
    };
    with_room(call, Type::Bool, |call| {
        power(call, n, 64, message.len())?;
        let hashed = hashed(call, hash, 3)?;
        // No salt is longer than the modulus.
        let fits = salt <= n.len() * 8;
        let valid = rsa::pss_verify(n, e, hash, &hashed, signature, salt.min(n.len() * 8));
        let valid = valid.map_err(|why| wrong(call, why))?;
        call.set(u64::from(valid && fits));
        Ok(())
    })
}
