//! Hashes of a tensor, and of each part along axis 0.

use super::Done;
use super::ask::{charge, work_of};
use crate::op::bytes::Bytes;
use crate::op::offer::Charge;
use crate::op::sort::space;
use crate::op::work::{Leave, Shared, in_pieces};
use crate::op::{OpCall, OpHost, Output};
use crate::trap::{TrapCode, TrapError};
use nbc_numerics::crypto::blake;
use nbc_numerics::crypto::hash::{Hash, Hasher};
use std::mem::MaybeUninit;
use std::ops::Range;

/// Bytes between two polls, of a function of weight 1: about a quarter of a millisecond. It is a multiple of elements
/// and blocks also for the others.
const STRETCH: usize = 1 << 19;

/// Bytes between two polls.
pub(super) const fn stretch(hash: Hash) -> usize {
    STRETCH / hash.weight().next_power_of_two()
}

/// Quarters of an operation on a float that a byte takes.
pub(super) const fn quarters(hash: Hash) -> u64 {
    4 * hash.weight() as u64
}

/// Has a hasher take in bytes on this thread.
pub(super) fn take_in(
    host: &mut dyn OpHost,
    bytes: &Bytes<'_>,
    hash: Hash,
    mut update: impl FnMut(&[u8]),
) -> Done {
    for start in (0..bytes.len()).step_by(stretch(hash)) {
        if start > 0 {
            host.poll()?;
        }
        bytes.see(start..bytes.len().min(start + stretch(hash)), &mut update);
    }
    Ok(())
}

/// The hash of all bytes of a tensor.
fn whole(call: &mut OpCall<'_>, hash: Hash) -> Done {
    let bytes = Bytes::of(call, 0);
    charge(call, bytes.len() as u64, quarters(hash))?;
    let out: Output<'_, u8> = call.output_charged(&[hash.digest_len() as u64])?;
    let mut digest = [0; 64];
    let digest = &mut digest[..hash.digest_len()];
    if hash == Hash::Blake3 && bytes.len() > blake::PART {
        digest.copy_from_slice(&by_parts(call, &bytes)?);
    } else {
        let mut hasher = hash.start();
        take_in(call.host, &bytes, hash, |piece| hasher.update(piece))?;
        hasher.finish(digest);
    }
    out.elements.write_copy_of_slice(digest);
    // SAFETY: the digest has been written.
    unsafe { call.finish(out) };
    Ok(())
}

/// BLAKE3 of more than one part, each of which any core may hash.
fn by_parts(call: &mut OpCall<'_>, bytes: &Bytes<'_>) -> Result<blake::Chaining, TrapError> {
    let count = bytes.len().div_ceil(blake::PART);
    let mut digest = blake::Chaining::default();
    let run = |call: &mut OpCall<'_>| {
        let parts = space::<blake::Chaining>(call, count)?;
        // SAFETY: what is initialised may be written as what need not be.
        let room = Shared::of(unsafe { &mut *(&raw mut *parts as *mut [MaybeUninit<blake::Chaining>]) });
        in_pieces(call.host, count, blake::PART, 1, &|numbers| {
            for number in numbers {
                let first = number * blake::PART;
                let last = bytes.len().min(first + blake::PART);
                let part = blake::part(number, |see| bytes.see(first..last, see));
                // SAFETY: each number has a place of its own.
                unsafe { room.get().add(number).write(MaybeUninit::new(part)) };
            }
        })?;
        digest = blake::joined(parts);
        Ok(())
    };
    // SAFETY: of what is made there nothing is used afterwards.
    unsafe { call.with_working_space(run)? };
    Ok(digest)
}

/// What so many rows are charged. A row without bytes takes as long as one of a few.
pub(super) fn rows_work(bytes: usize, count: u64, hash: Hash) -> Charge {
    work_of((bytes as u64).saturating_add(count.saturating_mul(2 * hash.block() as u64)), quarters(hash))
}

/// The hash of each part along axis 0.
fn rows(call: &mut OpCall<'_>, hash: Hash) -> Done {
    let bytes = Bytes::of(call, 0);
    let dims = call.tensor(0).dims();
    let Some(count) = dims.first().copied() else {
        let text = "hashes of rows want a tensor with at least one dim, found dims []";
        return Err(TrapError::new(TrapCode::RankMismatch, text));
    };
    let (all, work) = rows_work(bytes.len(), count, hash);
    call.charge_work(all, work)?;
    let out: Output<'_, u8> = call.output_charged(&[count, hash.digest_len() as u64])?;
    let count = count as usize;
    let width = bytes.len().checked_div(count).unwrap_or(0);
    let weight = width.saturating_add(2 * hash.block()).saturating_mul(hash.weight());
    let (start, leave) = (Shared::of(&mut *out.elements), Leave::of(call.host));
    in_pieces(call.host, count, weight, 1, &|numbers| {
        for row in numbers {
            let mut digest = [0; 64];
            let digest = &mut digest[..hash.digest_len()];
            if let Some(hasher) = row_of(&bytes, row * width..(row + 1) * width, hash, &leave) {
                hasher.finish(digest);
            }
            // SAFETY: each row of the result is written once, and lies in it.
            let to = unsafe {
                std::slice::from_raw_parts_mut(start.get().add(row * hash.digest_len()), hash.digest_len())
            };
            to.write_copy_of_slice(digest);
        }
    })?;
    leave.granted()?;
    // SAFETY: all rows have been written.
    unsafe { call.finish(out) };
    Ok(())
}

/// A hasher that a row has gone into; none if it is not to go on.
fn row_of(bytes: &Bytes<'_>, row: Range<usize>, hash: Hash, leave: &Leave) -> Option<Hasher> {
    let mut hasher = hash.start();
    for start in row.clone().step_by(stretch(hash)) {
        if start > row.start && !leave.go_on() {
            return None;
        }
        bytes.see(start..row.end.min(start + stretch(hash)), |piece| hasher.update(piece));
    }
    Some(hasher)
}

macro_rules! kernels {
    ($($whole:ident $rows:ident $hash:ident;)*) => {$(
        pub(in crate::op) fn $whole(call: &mut OpCall<'_>) -> Done {
            whole(call, Hash::$hash)
        }
        pub(in crate::op) fn $rows(call: &mut OpCall<'_>) -> Done {
            rows(call, Hash::$hash)
        }
    )*};
}
kernels! {
    crypto_sha224 crypto_sha224_rows Sha224;
    crypto_sha256 crypto_sha256_rows Sha256;
    crypto_sha384 crypto_sha384_rows Sha384;
    crypto_sha512 crypto_sha512_rows Sha512;
    crypto_sha3_256 crypto_sha3_256_rows Sha3_256;
    crypto_sha3_512 crypto_sha3_512_rows Sha3_512;
    crypto_blake3 crypto_blake3_rows Blake3;
}
