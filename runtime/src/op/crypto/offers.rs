//! How a device is asked for ciphers and hashes: lengths are looked at here, and elements hardly ever.

use super::aead::{TAG, gcm_room, gcm_takes, gcm_work};
use super::ask::work_of;
use super::hash::rows_work;
use crate::op::OpCall;
use crate::op::offer::{Charge, Charged, Offer, Offers};
use crate::trap::TrapError;
use nbc_ir::dims::Dims;
use nbc_numerics::crypto::aes::Key;
use nbc_numerics::crypto::hash::Hash;
use nbc_numerics::crypto::{BLOCK, cbc, wipe};
use std::mem::MaybeUninit;

type Shaped = Result<Option<Dims>, TrapError>;
type Takes = Result<Option<Charged>, TrapError>;

/// The offer of rows that are hashed.
macro_rules! rows {
    ($hash:ident) => {
        Offer { dims: |call| digests(call, Hash::$hash), charges: Some(|call| of_rows(call, Hash::$hash)) }
    };
}

pub(in crate::op) const OFFERS: Offers = &[
    ("crypto_aes_ctr", Offer { dims: counted, charges: Some(of_text) }),
    ("crypto_aes_gcm_encrypt", Offer { dims: with_tag, charges: Some(of_gcm_text) }),
    ("crypto_aes_gcm_decrypt", Offer { dims: without_tag, charges: Some(of_gcm_tagged) }),
    ("crypto_aes_cbc_decrypt", Offer { dims: unchained, charges: Some(of_text) }),
    ("crypto_sha224_rows", rows!(Sha224)),
    ("crypto_sha256_rows", rows!(Sha256)),
    ("crypto_sha384_rows", rows!(Sha384)),
    ("crypto_sha512_rows", rows!(Sha512)),
    ("crypto_sha3_256_rows", rows!(Sha3_256)),
    ("crypto_sha3_512_rows", rows!(Sha3_512)),
];

fn len_of(call: &OpCall<'_>, at: usize) -> usize {
    call.tensor(at).bytes()
}

fn has_aes_key(call: &OpCall<'_>) -> bool {
    matches!(len_of(call, 1), 16 | 24 | 32)
}

fn bytes(len: usize) -> Option<Dims> {
    Dims::new(&[len as u64])
}

fn counted(call: &mut OpCall<'_>) -> Shaped {
    let goes = has_aes_key(call) && len_of(call, 2) == BLOCK;
    Ok(bytes(len_of(call, 0)).filter(|_| goes))
}

/// One portion of fuel, and so many bytes to work in.
fn takes(charge: Charge, room: usize) -> Takes {
    Ok(Some(Charged { portions: vec![charge], room: [room, 0] }))
}

fn of_text(call: &mut OpCall<'_>) -> Takes {
    takes(work_of(len_of(call, 0) as u64, 1), 0)
}

fn with_tag(call: &mut OpCall<'_>) -> Shaped {
    let len = len_of(call, 0);
    let goes = has_aes_key(call) && gcm_takes(len, len_of(call, 2));
    Ok(len.checked_add(TAG).and_then(bytes).filter(|_| goes))
}

fn of_gcm_text(call: &mut OpCall<'_>) -> Takes {
    let len = len_of(call, 0);
    takes(gcm_work(call, len), gcm_room(len))
}

fn without_tag(call: &mut OpCall<'_>) -> Shaped {
    let Some(len) = len_of(call, 0).checked_sub(TAG) else { return Ok(None) };
    let goes = has_aes_key(call) && gcm_takes(len, len_of(call, 2));
    Ok(bytes(len).filter(|_| goes))
}

fn of_gcm_tagged(call: &mut OpCall<'_>) -> Takes {
    let len = len_of(call, 0).saturating_sub(TAG);
    takes(gcm_work(call, len), gcm_room(len))
}

/// How long the text is, the last block says, which is decrypted here.
fn unchained(call: &mut OpCall<'_>) -> Shaped {
    let (text, len) = (call.tensor(0), len_of(call, 0));
    let goes = has_aes_key(call) && len_of(call, 2) == BLOCK && len >= BLOCK && len.is_multiple_of(BLOCK);
    if !goes || call.host.heap().pool().is_only_on_device(text) {
        return Ok(None);
    }
    call.bring_home(1)?;
    call.bring_home(2)?;
    let (text, Some(key)) = (call.input::<u8>(0), Key::new(call.input::<u8>(1))) else { return Ok(None) };
    let (blocks, _) = text.as_chunks::<BLOCK>();
    let [.., last] = blocks else { return Ok(None) };
    let before = match blocks {
        [.., before, _] => *before,
        _ => *call.input::<u8>(2).first_chunk().expect("a vector of 16 bytes"),
    };
    let mut end = [MaybeUninit::new(0); BLOCK];
    cbc::decrypt(&key, &before, last, &mut end);
    // SAFETY: it was initialised at first.
    let mut end = end.map(|byte| unsafe { byte.assume_init() });
    let count = cbc::unpadded(&end);
    wipe(&mut end);
    Ok(count.and_then(|count| bytes(len - BLOCK + count)))
}

/// A digest for each part along axis 0.
fn digests(call: &OpCall<'_>, hash: Hash) -> Shaped {
    let dims = call.tensor(0).dims();
    Ok(dims.first().and_then(|count| Dims::new(&[*count, hash.digest_len() as u64])))
}

fn of_rows(call: &OpCall<'_>, hash: Hash) -> Takes {
    let count = call.tensor(0).dims().first().copied().unwrap_or(0);
    takes(rows_work(len_of(call, 0), count, hash), 0)
}
