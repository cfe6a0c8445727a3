//! AES in counter mode, and with chained blocks.

use super::Done;
use super::ask::{aes_key, charge, exactly, invalid};
use crate::op::bytes::{Bytes, GRAIN};
use crate::op::work::fill_groups;
use crate::op::{OpCall, Output};
use crate::trap::TrapCode;
use nbc_numerics::crypto::{BLOCK, cbc, ctr, wipe};
use std::mem::{MaybeUninit, take};

/// Bytes of chained blocks between two polls: they are encrypted one after the other.
const STRETCH: usize = 1 << 18;

pub(in crate::op) fn crypto_aes_ctr(call: &mut OpCall<'_>) -> Done {
    let text = Bytes::of(call, 0);
    let counter = u128::from_be_bytes(*exactly::<BLOCK>(call, 2, "a counter")?);
    let key = aes_key(call, 1)?;
    charge(call, text.len() as u64, 1)?;
    let out: Output<'_, u8> = call.output_charged(&[text.len() as u64])?;
    fill_groups(call.host, &mut *out.elements, 1, GRAIN, |start, mut piece| {
        let mut counter = counter.wrapping_add((start / BLOCK) as u128);
        text.see(start..start + piece.len(), |from| {
            let (to, rest) = take(&mut piece).split_at_mut(from.len());
            ctr::apply(&key, counter, from, to);
            counter = counter.wrapping_add((from.len() / BLOCK) as u128);
            piece = rest;
        });
    })?;
    // SAFETY: every piece has been written whole.
    unsafe { call.finish(out) };
    Ok(())
}

pub(in crate::op) fn crypto_aes_cbc_encrypt(call: &mut OpCall<'_>) -> Done {
    let text = Bytes::of(call, 0);
    let mut last = *exactly::<BLOCK>(call, 2, "a vector to begin with")?;
    let key = aes_key(call, 1)?;
    charge(call, text.len() as u64, 4)?;
    let Some(len) = cbc::encrypted_len(text.len()) else {
        return Err(TrapCode::OutOfMemory.into());
    };
    let out: Output<'_, u8> = call.output_charged(&[len as u64])?;
    let whole = text.len() / BLOCK * BLOCK;
    let (mut to, end) = out.elements.split_at_mut(whole);
    for start in (0..whole).step_by(STRETCH) {
        if start > 0 {
            call.host.poll()?;
        }
        text.see(start..whole.min(start + STRETCH), |from| {
            let (part, rest) = take(&mut to).split_at_mut(from.len());
            cbc::encrypt(&key, &mut last, from, part);
            to = rest;
        });
    }
    let mut rest = [0; BLOCK];
    let mut count = 0;
    text.see(whole..text.len(), |from| {
        rest[..from.len()].copy_from_slice(from);
        count = from.len();
    });
    let mut filled = cbc::padded(&rest[..count]);
    cbc::encrypt(&key, &mut last, &filled, end);
    wipe(&mut filled);
    wipe(&mut rest);
    // SAFETY: whole blocks, and the one behind them, have been written.
    unsafe { call.finish(out) };
    Ok(())
}

pub(in crate::op) fn crypto_aes_cbc_decrypt(call: &mut OpCall<'_>) -> Done {
    let text = call.input::<u8>(0);
    let first = *exactly::<BLOCK>(call, 2, "a vector to begin with")?;
    let key = aes_key(call, 1)?;
    let (blocks, rest) = text.as_chunks::<BLOCK>();
    let Some((last, whole)) = blocks.split_last().filter(|_| rest.is_empty()) else {
        let text =
            format!("{} bytes; chained blocks are a multiple of {BLOCK}, and at least {BLOCK}", text.len());
        return Err(invalid(text));
    };
    charge(call, text.len() as u64, 1)?;
    let before = |block: usize| if block == 0 { &first } else { &blocks[block - 1] };
    // How long the text is, the last block says.
    let mut end = [MaybeUninit::new(0); BLOCK];
    cbc::decrypt(&key, before(whole.len()), last, &mut end);
    // SAFETY: it was initialised at first.
    let mut end = end.map(|byte| unsafe { byte.assume_init() });
    let Some(count) = cbc::unpadded(&end) else {
        wipe(&mut end);
        return Err(TrapCode::InvalidPadding.into());
    };
    let out: Output<'_, u8> = call.output_charged(&[(whole.len() * BLOCK + count) as u64])?;
    out.elements[whole.len() * BLOCK..].write_copy_of_slice(&end[..count]);
    wipe(&mut end);
    let (to, _) = out.elements.split_at_mut(whole.len() * BLOCK);
    fill_groups(call.host, to, 1, GRAIN, |start, piece| {
        cbc::decrypt(&key, before(start / BLOCK), &text[start..start + piece.len()], piece);
    })?;
    // SAFETY: whole blocks, and what is left of the last, have been written.
    unsafe { call.finish(out) };
    Ok(())
}
