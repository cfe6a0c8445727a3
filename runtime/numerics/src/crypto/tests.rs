//! Modes against crates of others, in pieces and whole, wide and portable; published vectors are below `tests/programs`.

use super::aes::{Block, Key};
use super::gcm::Gcm;
use super::hash::Hash;
use super::{BLOCK, blake, cbc, chacha, ctr, kdf};
use aes_gcm::aead::{AeadInOut, KeyInit};
use std::mem::MaybeUninit;

/// Numbers without pattern.
fn bytes(n: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) + 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    (0..n).map(|_| next()).collect()
}

/// What `write` has written, `n` bytes.
fn written<R>(n: usize, write: impl FnOnce(&mut [MaybeUninit<u8>]) -> R) -> (Vec<u8>, R) {
    let mut room = vec![MaybeUninit::new(0xee); n];
    let result = write(&mut room);
    // SAFETY: all were initialised at first.
    (room.into_iter().map(|byte| unsafe { byte.assume_init() }).collect(), result)
}

const LENGTHS: [usize; 24] = [
    0, 1, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 128, 129, 496, 511, 512, 513, 1000, 1024, 2047, 4096,
    4097, 9999,
];

#[test]
fn counter_mode_is_the_definition_wherever_the_counter_begins_anew() {
    for size in [16, 24, 32] {
        let key = bytes(size, size as u64);
        let (wide, portable) = (Key::new(&key).unwrap(), Key::portable(&key).unwrap());
        let starts =
            [0, 5, (1 << 64) - 1, (1 << 64) - 33, (7 << 64) - 8, u128::MAX, u128::MAX - 40, u128::MAX << 64];
        for start in starts {
            for n in LENGTHS {
                let text = bytes(n, n as u64 + 3);
                let wanted: Vec<u8> = text
                    .chunks(BLOCK)
                    .enumerate()
                    .flat_map(|(at, piece)| {
                        let mut block = start.wrapping_add(at as u128).to_be_bytes();
                        portable.encrypt_block(&mut block);
                        piece.iter().zip(block).map(|(a, b)| a ^ b).collect::<Vec<_>>()
                    })
                    .collect();
                for key in [&wide, &portable] {
                    let (found, ()) = written(n, |to| ctr::apply(key, start, &text, to));
                    assert!(found == wanted, "{size} {start} {n}");
                }
            }
        }
    }
}

/// Tag and text by the crate.
fn of_crate(key: &[u8], nonce: &[u8; 12], with: &[u8], text: &[u8]) -> (Vec<u8>, Block) {
    let mut room = text.to_vec();
    let tag = match key.len() {
        16 => aes_gcm::Aes128Gcm::new_from_slice(key).unwrap().encrypt_inout_detached(
            nonce.into(),
            with,
            room.as_mut_slice().into(),
        ),
        _ => aes_gcm::Aes256Gcm::new_from_slice(key).unwrap().encrypt_inout_detached(
            nonce.into(),
            with,
            room.as_mut_slice().into(),
        ),
    };
    (room, tag.unwrap().into())
}

#[test]
fn galois_mode_is_the_crate_s_in_parts_of_any_length() {
    for size in [16, 32] {
        let key = bytes(size, 9);
        let nonce: [u8; 12] = bytes(12, 4).try_into().unwrap();
        let (wide, portable) = (Gcm::new(Key::new(&key).unwrap()), Gcm::new(Key::portable(&key).unwrap()));
        for n in LENGTHS {
            let (text, with) = (bytes(n, 5), bytes(n * 7 % 100, 6));
            let (wanted, tag) = of_crate(&key, &nonce, &with, &text);
            for gcm in [&wide, &portable] {
                let start = gcm.start(&nonce);
                let before = gcm.sum([0; BLOCK], &with);
                let lens = [with.len() as u64, n as u64];
                for part in [16, 64, 528, 1 << 20] {
                    let blocks = (part / BLOCK) as u64;
                    let (mut found, mut plain, mut sums) = (vec![], vec![], [vec![], vec![]]);
                    for (at, piece) in text.chunks(part).enumerate() {
                        let first = at as u64 * blocks;
                        let (out, sum) =
                            written(piece.len(), |to| gcm.encrypt(&start, first, [0; BLOCK], piece, to));
                        let (back, again) =
                            written(out.len(), |to| gcm.decrypt(&start, first, [0; BLOCK], &out, to));
                        found.extend(out);
                        plain.extend(back);
                        sums[0].push(sum);
                        sums[1].push(again);
                    }
                    assert!(found == wanted && plain == text, "{size} {n} {part}");
                    let last =
                        (n.div_ceil(BLOCK) as u64).saturating_sub(blocks * (sums[0].len().max(1) as u64 - 1));
                    for sums in sums {
                        let sum = gcm.joined(before, &sums, blocks, last);
                        assert_eq!(gcm.tag(&start, sum, lens), tag, "{size} {n} {part}");
                    }
                }
            }
        }
    }
}

#[test]
fn galois_mode_counts_in_32_bits() {
    let key = bytes(16, 1);
    let (wide, portable) = (Gcm::new(Key::new(&key).unwrap()), Gcm::new(Key::portable(&key).unwrap()));
    let text = bytes(3000, 2);
    // Nonces of other lengths, with which counters begin anywhere; and near where they begin anew.
    for n in [1, 8, 11, 13, 16, 60, 1000] {
        let nonce = bytes(n, 7);
        let starts = [wide.start(&nonce), portable.start(&nonce)];
        for first in [0, (1 << 32) - 3, (1 << 32) - 40] {
            let of =
                |gcm: &Gcm, start| written(text.len(), |to| gcm.encrypt(start, first, [7; BLOCK], &text, to));
            assert!(of(&wide, &starts[0]) == of(&portable, &starts[1]), "{n} {first}");
        }
    }
}

#[test]
fn chained_blocks_come_back_and_wrong_padding_is_seen() {
    let key = Key::new(&bytes(24, 3)).unwrap();
    for n in LENGTHS {
        let text = bytes(n, 8);
        let (whole, rest) = text.split_at(n / BLOCK * BLOCK);
        let mut last = [9; BLOCK];
        let len = cbc::encrypted_len(n).unwrap();
        let (encrypted, ()) = written(len, |to| {
            let (first, end) = to.split_at_mut(whole.len());
            cbc::encrypt(&key, &mut last, whole, first);
            cbc::encrypt(&key, &mut last, &cbc::padded(rest), end);
        });
        let other = Key::portable(&bytes(24, 3)).unwrap();
        let mut last = [9; BLOCK];
        let (again, ()) = written(whole.len(), |to| cbc::encrypt(&other, &mut last, whole, to));
        assert!(encrypted.starts_with(&again));
        let (plain, ()) = written(len, |to| cbc::decrypt(&key, &[9; BLOCK], &encrypted, to));
        let end: Block = plain[len - BLOCK..].try_into().unwrap();
        assert_eq!(cbc::unpadded(&end).map(|n| len - BLOCK + n), Some(n));
        assert!(plain[..n] == text);
    }
    let mut block = [0; BLOCK];
    assert_eq!(cbc::unpadded(&block), None);
    block.fill(16);
    assert_eq!(cbc::unpadded(&block), Some(0));
    block.fill(17);
    assert_eq!(cbc::unpadded(&block), None);
    for count in 1..=16u8 {
        let mut block = [0xaa; BLOCK];
        block[BLOCK - count as usize..].fill(count);
        assert_eq!(cbc::unpadded(&block), Some(BLOCK - count as usize));
        for wrong in BLOCK - count as usize..BLOCK - 1 {
            let mut block = block;
            block[wrong] ^= 1;
            assert_eq!(cbc::unpadded(&block), None, "{count} {wrong}");
        }
    }
}

#[test]
fn chacha_is_the_crate_s() {
    let (key, nonce): ([u8; 32], [u8; 12]) =
        (bytes(32, 1).try_into().unwrap(), bytes(12, 2).try_into().unwrap());
    for n in LENGTHS {
        let (text, with) = (bytes(n, 3), bytes(n % 77, 4));
        let mut wanted = text.clone();
        let cipher = chacha20poly1305::ChaCha20Poly1305::new(&key.into());
        let tag = cipher.encrypt_inout_detached(&nonce.into(), &with, wanted.as_mut_slice().into()).unwrap();
        for piece in [64, 1024, 1 << 20] {
            let run = |encrypts: bool, text: &[u8]| {
                let mut aead = chacha::Aead::new(&key, &nonce);
                aead.associated(&with, true);
                let (found, ()) = written(n, |to| {
                    for (from, to) in text.chunks(piece).zip(to.chunks_mut(piece)) {
                        if encrypts { aead.encrypt(from, to) } else { aead.decrypt(from, to) }
                    }
                });
                (found, aead.tag())
            };
            assert!(run(true, &text) == (wanted.clone(), tag.into()), "{n} {piece}");
            assert!(run(false, &wanted) == (text.clone(), tag.into()), "{n} {piece}");
        }
    }
}

#[test]
fn parts_of_blake3_are_joined_to_its_digest() {
    for n in [blake::PART + 1, 2 * blake::PART, 5 * blake::PART - 1, 8 * blake::PART, 11 * blake::PART + 77] {
        let message = bytes(n, 1);
        let parts: Vec<_> =
            message.chunks(blake::PART).enumerate().map(|(at, p)| blake::part(at, |see| see(p))).collect();
        let mut wanted = [0; 32];
        let mut hasher = Hash::Blake3.start();
        hasher.update(&message);
        hasher.finish(&mut wanted);
        assert_eq!(blake::joined(&parts), wanted, "{n}");
    }
}

#[test]
fn keys_of_passwords_stop_when_they_are_told_to() {
    let keyed = super::hmac::Hmac::new(Hash::Sha512, b"secret");
    let password = kdf::Pbkdf2::new(keyed.clone(), keyed);
    let mut asked = 0;
    let result = password.derive(u64::MAX, &mut [0; 8], 100, || {
        asked += 1;
        if asked == 3 { Err("enough") } else { Ok(()) }
    });
    assert_eq!((result, asked), (Err("enough"), 3));
    let mut asked = 0;
    let many = password.derive(1, &mut [0; 64 * 50], 10, || {
        asked += 1;
        Ok::<(), ()>(())
    });
    assert_eq!((many, asked), (Ok(()), 5));
}
