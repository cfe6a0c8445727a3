//! Codes, keys of keys and of passwords, and whether two tensors are equal.

use super::Done;
use super::ask::{charge, invalid, length};
use super::hash::{quarters, stretch, take_in};
use crate::op::bytes::Bytes;
use crate::op::{OpCall, OpHost, Output};
use crate::trap::TrapError;
use nbc_ir::catalogue::Work;
use nbc_numerics::crypto::hash::Hash;
use nbc_numerics::crypto::hmac::Hmac;
use nbc_numerics::crypto::{equal, kdf, wipe};

/// Bytes that are compared between two polls.
const COMPARED: usize = 1 << 19;

/// HMAC with a key of any length.
fn keyed(host: &mut dyn OpHost, hash: Hash, key: &Bytes<'_>) -> Result<Hmac, TrapError> {
    if key.len() > hash.block() {
        let mut hasher = hash.start();
        take_in(host, key, hash, |piece| hasher.update(piece))?;
        return Ok(Hmac::of_hashed(hash, hasher));
    }
    let mut hmac = Hmac::new(hash, &[]);
    key.see(0..key.len(), |short| hmac = Hmac::new(hash, short));
    Ok(hmac)
}

fn hmac(call: &mut OpCall<'_>, hash: Hash) -> Done {
    let (text, key) = (Bytes::of(call, 0), Bytes::of(call, 1));
    charge(call, (text.len() as u64).saturating_add(key.len() as u64), quarters(hash))?;
    let out: Output<'_, u8> = call.output_charged(&[hash.digest_len() as u64])?;
    let mut hmac = keyed(call.host, hash, &key)?;
    take_in(call.host, &text, hash, |piece| hmac.update(piece))?;
    let mut code = [0; 64];
    hmac.finish(&mut code[..hash.digest_len()]);
    out.elements.write_copy_of_slice(&code[..hash.digest_len()]);
    // SAFETY: the code has been written.
    unsafe { call.finish(out) };
    Ok(())
}

/// A key that is to be derived.
fn result<'a>(call: &mut OpCall<'a>, len: usize) -> Result<Output<'a, u8>, TrapError> {
    let out: Output<'_, u8> = call.output_charged(&[len as u64])?;
    for piece in out.elements.chunks_mut(COMPARED) {
        call.host.poll()?;
        piece.fill(std::mem::MaybeUninit::new(0));
    }
    Ok(out)
}

fn hkdf(call: &mut OpCall<'_>, hash: Hash) -> Done {
    let (key, salt, info) = (Bytes::of(call, 0), Bytes::of(call, 1), Bytes::of(call, 2));
    let len = length(call.int(3), kdf::most_expanded(hash) as u64)?;
    let steps = len.div_ceil(hash.digest_len()) as u64;
    let each = (info.len() as u64).saturating_add(4 * hash.block() as u64);
    let given = (key.len() as u64).saturating_add(salt.len() as u64);
    charge(call, given.saturating_add(steps.saturating_mul(each)), quarters(hash))?;
    let out = result(call, len)?;
    let mut extraction = keyed(call.host, hash, &salt)?;
    take_in(call.host, &key, hash, |piece| extraction.update(piece))?;
    let mut even = [0; 64];
    extraction.finish(&mut even[..hash.digest_len()]);
    // SAFETY: all elements are initialised, and nobody else has them.
    let to = unsafe { out.elements.assume_init_mut() };
    let done = kdf::expand(hash, &even[..hash.digest_len()], to, |hmac| {
        take_in(call.host, &info, hash, |piece| hmac.update(piece))
    });
    wipe(&mut even);
    done?;
    // SAFETY: all elements are initialised.
    unsafe { call.finish(out) };
    Ok(())
}

fn pbkdf2(call: &mut OpCall<'_>, hash: Hash) -> Done {
    let (password, salt) = (Bytes::of(call, 0), Bytes::of(call, 1));
    let Some(iterations) = u64::try_from(call.int(2)).ok().filter(|n| *n > 0) else {
        return Err(invalid(format!("{} iterations; there is at least one", call.int(2))));
    };
    let len = length(call.int(3), u64::from(u32::MAX) * hash.digest_len() as u64)?;
    // Two blocks each, besides what they are made of.
    let each = 3 * hash.block() as u64;
    let steps = (len.div_ceil(hash.digest_len()) as u64).saturating_mul(iterations);
    let given = (password.len() as u64).saturating_add(salt.len() as u64);
    let bytes = given.saturating_add(steps.saturating_mul(each));
    let flops = bytes.saturating_mul(hash.weight() as u64);
    call.charge_work(bytes, Work { flops, bytes: given.saturating_add(len as u64) })?;
    let out = result(call, len)?;
    let keyed = keyed(call.host, hash, &password)?;
    let mut salted = keyed.clone();
    take_in(call.host, &salt, hash, |piece| salted.update(piece))?;
    // SAFETY: all elements are initialised, and nobody else has them.
    let to = unsafe { out.elements.assume_init_mut() };
    let between = stretch(hash) as u64 / each;
    kdf::Pbkdf2::new(keyed, salted).derive(iterations, to, between, || call.host.poll())?;
    // SAFETY: all elements are initialised.
    unsafe { call.finish(out) };
    Ok(())
}

pub(in crate::op) fn crypto_equal(call: &mut OpCall<'_>) -> Done {
    let (a, b) = (call.tensor(0), call.tensor(1));
    if *a.dims() != *b.dims() {
        call.set(0);
        return Ok(());
    }
    // SAFETY: arguments are live, their elements are no floats and initialised, and nothing writes them.
    let bytes = |t: crate::object::TensorRef| unsafe { std::slice::from_raw_parts(t.data(), t.bytes()) };
    let (a, b): (&[u8], &[u8]) = (bytes(a), bytes(b));
    let mut are_equal = true;
    for (n, (a, b)) in a.chunks(COMPARED).zip(b.chunks(COMPARED)).enumerate() {
        if n > 0 {
            call.host.poll()?;
        }
        are_equal &= equal(a, b);
    }
    call.set(are_equal as u64);
    Ok(())
}

macro_rules! kernels {
    ($($kernel:ident $what:ident $hash:ident;)*) => {$(
        pub(in crate::op) fn $kernel(call: &mut OpCall<'_>) -> Done {
            $what(call, Hash::$hash)
        }
    )*};
}
kernels! {
    crypto_hmac_sha256 hmac Sha256;
    crypto_hmac_sha512 hmac Sha512;
    crypto_hkdf_sha256 hkdf Sha256;
    crypto_hkdf_sha512 hkdf Sha512;
    crypto_pbkdf2_sha256 pbkdf2 Sha256;
    crypto_pbkdf2_sha512 pbkdf2 Sha512;
}
