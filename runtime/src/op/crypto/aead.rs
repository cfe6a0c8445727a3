//! Encryption with a tag, which comes behind the text: AES-GCM and ChaCha20-Poly1305.
//!
//! Invariant: a text is handed on only if the tag was right; else what was decrypted is overwritten at once.

use super::Done;
use super::ask::{aes_key, charge, exactly, invalid, work_of};
use crate::op::bytes::Bytes;
use crate::op::offer::Charge;
use crate::op::sort::space;
use crate::op::work::{Shared, in_pieces};
use crate::op::{OpCall, OpHost, Output};
use crate::trap::{TrapCode, TrapError};
use nbc_numerics::crypto::chacha::{self, Aead};
use nbc_numerics::crypto::gcm::{self, Gcm, Start};
use nbc_numerics::crypto::{BLOCK, equal, wipe};
use std::mem::{MaybeUninit, take};

/// Bytes of what is encrypted as one: its polynomial is by itself.
const UNIT: usize = 1 << 16;
/// Bytes between two polls of what goes one after the other.
const STRETCH: usize = 1 << 18;
/// As many bytes as a key takes to be prepared, with its powers.
const PREPARED: u64 = 1 << 12;
/// Bytes of a tag.
pub(super) const TAG: usize = BLOCK;

/// Argument `at`, a text with its tag behind it.
fn tagged<'a>(call: &OpCall<'a>, at: usize) -> Result<(&'a [u8], &'a [u8; TAG]), TrapError> {
    let all = call.input::<u8>(at);
    all.split_last_chunk()
        .ok_or_else(|| invalid(format!("{} bytes; there is a tag of {TAG} bytes at the end", all.len())))
}

/// Whether a text is not too long.
fn fits(len: usize, most: u64) -> Done {
    if len as u64 <= most {
        return Ok(());
    }
    Err(invalid(format!("a text of {len} bytes; at most {most} are encrypted with a nonce")))
}

/// Hands on what was decrypted, if the tag is right.
///
/// # Safety
/// Every element must have been written.
unsafe fn finish<'a>(call: &mut OpCall<'a>, out: Output<'a, u8>, is_right: bool) -> Done {
    if is_right {
        // SAFETY: upheld by the caller.
        unsafe { call.finish(out) };
        return Ok(());
    }
    // SAFETY: upheld by the caller.
    wipe(unsafe { out.elements.assume_init_mut() });
    Err(TrapCode::NotAuthentic.into())
}

/// What AES-GCM is charged for a text of so many bytes, with the nonce and what goes with it.
pub(super) fn gcm_work(call: &OpCall<'_>, len: usize) -> Charge {
    let others = [2, 3].map(|at| call.tensor(at).bytes() as u64);
    let all = others.iter().fold(len as u64, |all, bytes| all.saturating_add(*bytes));
    work_of(all.saturating_add(PREPARED), 2)
}

/// Bytes that AES-GCM works in: polynomials of the units of a text of so many bytes, if these are several.
pub(super) fn gcm_room(len: usize) -> usize {
    let count = len.div_ceil(UNIT);
    if count <= 1 { 0 } else { count * BLOCK }
}

/// Whether AES-GCM takes a text and a nonce of so many bytes.
pub(super) fn gcm_takes(len: usize, nonce: usize) -> bool {
    len as u64 <= gcm::MOST && (1..=STRETCH).contains(&nonce)
}

/// A key, a nonce and what goes with a text.
struct Asked<'a> {
    gcm: Gcm,
    start: Start,
    associated: &'a [u8],
}

impl<'a> Asked<'a> {
    /// Those of the arguments, for a text of so many bytes: it is charged for.
    fn of(call: &mut OpCall<'a>, len: usize) -> Result<Asked<'a>, TrapError> {
        let nonce = call.input::<u8>(2);
        if nonce.is_empty() || nonce.len() > STRETCH {
            let text =
                format!("a nonce of {} bytes; it has 12 at best, and from 1 to {STRETCH}", nonce.len());
            return Err(invalid(text));
        }
        let associated = call.input::<u8>(3);
        let (bytes, work) = gcm_work(call, len);
        call.charge_work(bytes, work)?;
        let gcm = Gcm::new(aes_key(call, 1)?);
        let start = gcm.start(nonce);
        Ok(Asked { gcm, start, associated })
    }

    /// Runs `run` with each unit of `len` bytes, and gives the tag. A unit's function is given its number and gives its
    /// polynomial.
    fn tag(
        &self,
        call: &mut OpCall<'_>,
        len: usize,
        run: impl Fn(usize) -> [u8; BLOCK] + Sync,
    ) -> Result<[u8; TAG], TrapError> {
        let mut sum = [0; BLOCK];
        for (n, piece) in self.associated.chunks(STRETCH).enumerate() {
            if n > 0 {
                call.host.poll()?;
            }
            sum = self.gcm.sum(sum, piece);
        }
        let count = len.div_ceil(UNIT);
        if count <= 1 {
            let parts = [if count == 1 { run(0) } else { [0; BLOCK] }];
            sum = self.gcm.joined(sum, &parts[..count], 0, len.div_ceil(BLOCK) as u64);
        } else {
            let joined = |call: &mut OpCall<'_>| {
                let sums = space::<[u8; BLOCK]>(call, count)?;
                // SAFETY: what is initialised may be written as what need not be.
                let room = Shared::of(unsafe { &mut *(&raw mut *sums as *mut [MaybeUninit<[u8; BLOCK]>]) });
                in_pieces(call.host, count, UNIT, 1, &|units| {
                    for unit in units {
                        let part = run(unit);
                        // SAFETY: units are disjoint, and `sums` has a place for each.
                        unsafe { room.get().add(unit).write(MaybeUninit::new(part)) };
                    }
                })?;
                let last = (len - (count - 1) * UNIT).div_ceil(BLOCK) as u64;
                sum = self.gcm.joined(sum, sums, (UNIT / BLOCK) as u64, last);
                wipe(sums.as_flattened_mut());
                Ok(())
            };
            // SAFETY: of what is made there nothing is used afterwards.
            unsafe { call.with_working_space(joined)? };
        }
        Ok(self.gcm.tag(&self.start, sum, [self.associated.len() as u64, len as u64]))
    }
}

/// The part of a result that unit `unit` writes.
///
/// # Safety
/// `len` elements are there, and nobody else is at this unit.
unsafe fn part<'a>(start: &Shared<u8>, unit: usize, len: usize) -> &'a mut [MaybeUninit<u8>] {
    let first = unit * UNIT;
    // SAFETY: upheld by the caller.
    unsafe { std::slice::from_raw_parts_mut(start.get().add(first), UNIT.min(len - first)) }
}

pub(in crate::op) fn crypto_aes_gcm_encrypt(call: &mut OpCall<'_>) -> Done {
    let text = Bytes::of(call, 0);
    let len = text.len();
    fits(len, gcm::MOST)?;
    let asked = Asked::of(call, len)?;
    let out: Output<'_, u8> = call.output_charged(&[len as u64 + TAG as u64])?;
    let (to, end) = out.elements.split_at_mut(len);
    let start = Shared::of(to);
    let tag = asked.tag(call, len, |unit| {
        // SAFETY: there are `len` elements, and units are disjoint.
        let mut to = unsafe { part(&start, unit, len) };
        let mut sum = [0; BLOCK];
        let mut first = unit * UNIT;
        text.see(first..first + to.len(), |from| {
            let (piece, rest) = take(&mut to).split_at_mut(from.len());
            sum = asked.gcm.encrypt(&asked.start, (first / BLOCK) as u64, sum, from, piece);
            first += from.len();
            to = rest;
        });
        sum
    })?;
    end.write_copy_of_slice(&tag);
    // SAFETY: all units, and the tag, have been written.
    unsafe { call.finish(out) };
    Ok(())
}

pub(in crate::op) fn crypto_aes_gcm_decrypt(call: &mut OpCall<'_>) -> Done {
    let (text, tag) = tagged(call, 0)?;
    let len = text.len();
    fits(len, gcm::MOST)?;
    let asked = Asked::of(call, len)?;
    let out: Output<'_, u8> = call.output_charged(&[len as u64])?;
    let start = Shared::of(&mut *out.elements);
    let found = asked.tag(call, len, |unit| {
        // SAFETY: there are `len` elements, and units are disjoint.
        let to = unsafe { part(&start, unit, len) };
        let first = unit * UNIT;
        asked.gcm.decrypt(
            &asked.start,
            (first / BLOCK) as u64,
            [0; BLOCK],
            &text[first..first + to.len()],
            to,
        )
    })?;
    // SAFETY: all units have been written.
    unsafe { finish(call, out, equal(&found, tag)) }
}

/// Begins a text by ChaCha20-Poly1305, for which so much is charged.
fn begun(call: &mut OpCall<'_>, len: usize) -> Result<Aead, TrapError> {
    fits(len, chacha::MOST)?;
    let key = exactly(call, 1, "a key of ChaCha20")?;
    let nonce = exactly(call, 2, "a nonce of ChaCha20-Poly1305")?;
    let associated = call.input::<u8>(3);
    charge(call, (len as u64).saturating_add(associated.len() as u64), 4)?;
    let mut aead = Aead::new(key, nonce);
    let last = associated.len().saturating_sub(1) / STRETCH;
    for (n, piece) in associated.chunks(STRETCH).enumerate() {
        if n > 0 {
            call.host.poll()?;
        }
        aead.associated(piece, n == last);
    }
    Ok(aead)
}

/// Calls `run` with the first and last place of each stretch of a text.
fn in_stretches(host: &mut dyn OpHost, len: usize, mut run: impl FnMut(usize, usize)) -> Done {
    for start in (0..len).step_by(STRETCH) {
        if start > 0 {
            host.poll()?;
        }
        run(start, len.min(start + STRETCH));
    }
    Ok(())
}

pub(in crate::op) fn crypto_chacha20_poly1305_encrypt(call: &mut OpCall<'_>) -> Done {
    let text = Bytes::of(call, 0);
    let len = text.len();
    let mut aead = begun(call, len)?;
    let out: Output<'_, u8> = call.output_charged(&[len as u64 + TAG as u64])?;
    let (mut to, end) = out.elements.split_at_mut(len);
    in_stretches(call.host, len, |start, last| {
        text.see(start..last, |from| {
            let (piece, rest) = take(&mut to).split_at_mut(from.len());
            aead.encrypt(from, piece);
            to = rest;
        });
    })?;
    end.write_copy_of_slice(&aead.tag());
    // SAFETY: the text and the tag have been written.
    unsafe { call.finish(out) };
    Ok(())
}

pub(in crate::op) fn crypto_chacha20_poly1305_decrypt(call: &mut OpCall<'_>) -> Done {
    let (text, tag) = tagged(call, 0)?;
    let mut aead = begun(call, text.len())?;
    let out: Output<'_, u8> = call.output_charged(&[text.len() as u64])?;
    in_stretches(call.host, text.len(), |start, last| {
        aead.decrypt(&text[start..last], &mut out.elements[start..last]);
    })?;
    // SAFETY: the text has been written.
    unsafe { finish(call, out, equal(&aead.tag(), tag)) }
}
