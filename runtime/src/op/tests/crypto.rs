//! What programs cannot see: memory after secrets, and work that is stopped.

use super::{Arg, Bench};
#[cfg(feature = "bigint")]
use crate::object::StrRef;
use crate::op::OpHost;
use crate::placement::{Cores, Placement, Rates};
use crate::region::Heap;
use crate::threads::Threads;
use crate::trap::TrapCode;
use nbc_ir::{Elem, Type};
use std::sync::Arc;

const U8: &[Elem] = &[Elem::U8];

fn bytes(b: &mut Bench, data: &[u8]) -> Arg {
    b.tensor(&[data.len() as u64], data)
}

/// Numbers without pattern.
fn noise(n: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 56) as u8
    };
    (0..n).map(|_| next()).collect()
}

fn elements(arg: &Arg) -> Vec<u8> {
    // SAFETY: the tests read only live tensors.
    unsafe { arg.tensor().as_slice::<u8>() }.to_vec()
}

/// How often the first bytes of `secret` are in what idle memory of the heap holds.
fn found(heap: &mut Heap, secret: &[u8]) -> usize {
    let mut count = 0;
    heap.see_idle(|memory| count += memory.windows(16).filter(|w| *w == &secret[..16]).count());
    count
}

#[test]
fn no_key_is_in_memory_after_its_region() {
    for (len, is_secret) in [(32, true), (4000, true), (4000, false)] {
        let mut b = Bench::new();
        let key = noise(len);
        b.heap().begin();
        b.heap().begin();
        let given = bytes(&mut b, &key);
        let text = bytes(&mut b, b"text");
        let code = if is_secret {
            b.run("crypto.hmac_sha256", U8, &[text, given.clone()]).unwrap()
        } else {
            b.run("crypto.sha256", U8, &[given.clone()]).unwrap()
        };
        assert_eq!(elements(&code).len(), 32);
        // A copy of the key is moved outward, and read there.
        let copy = b.run("tensor.flip", U8, &[given.clone(), Arg::List(vec![0])]);
        let kept = copy.unwrap_or(given).tensor();
        let mut kept = [(kept.slot(), Type::Tensor(Elem::U8))];
        // SAFETY: nothing else of the region is used afterwards.
        unsafe { b.heap().end_keep(&mut kept).unwrap() };
        let again = Arg::Slot(kept[0].0, kept[0].1);
        b.heap().begin();
        let shown = b.run("tensor.copy", U8, &[again]).unwrap();
        let secret = elements(&shown);
        // SAFETY: nothing of these regions is used afterwards.
        unsafe { b.heap().unwind_to(0) };
        let count = found(b.heap(), &key) + found(b.heap(), &secret);
        assert_eq!(count == 0, is_secret, "{len} {is_secret}: {count}");
    }
}

#[test]
fn decrypted_text_and_derived_keys_are_secret() {
    let mut b = Bench::new();
    let (text, key, iv) = (noise(5000), noise(16), [3; 16]);
    b.heap().begin();
    let args = [&text[..], &key, &iv].map(|data| bytes(&mut b, data));
    let encrypted = elements(&b.run("crypto.aes_cbc_encrypt", U8, &args).unwrap());
    // SAFETY: nothing of the region is used afterwards.
    unsafe { b.heap().end() };
    b.heap().begin();
    let data = bytes(&mut b, &encrypted);
    b.heap().begin();
    let args = [&key[..], &iv].map(|data| bytes(&mut b, data));
    let [key_arg, iv_arg] = args;
    let plain = b.run("crypto.aes_cbc_decrypt", &[], &[data, key_arg, iv_arg]).unwrap();
    assert_eq!(elements(&plain), text);
    let salt = bytes(&mut b, b"salt");
    let password = bytes(&mut b, b"a password that is long enough");
    let [n, len] = [2, 2000].map(|n| Arg::Slot(n, Type::I64));
    let derived = elements(&b.run("crypto.pbkdf2_sha256", &[], &[password, salt, n, len]).unwrap());
    // SAFETY: nothing of these regions is used afterwards.
    unsafe { b.heap().unwind_to(0) };
    assert_eq!((found(b.heap(), &text), found(b.heap(), &derived), found(b.heap(), &key)), (0, 0, 0));
    // What is not secret stays.
    assert!(found(b.heap(), &encrypted) > 0);
}

#[cfg(feature = "rsa")]
#[test]
fn no_private_key_is_in_memory_after_its_region() {
    for is_used in [false, true] {
        let mut b = Bench::new();
        let mut secret = noise(200);
        b.heap().begin();
        let given = bytes(&mut b, &secret);
        let number = b.run("bigint.of_bytes", &[], &[given]).unwrap();
        if is_used {
            // No key is made of the same number five times, but it is one that was meant to be secret.
            let hash = Arg::Slot(256, Type::I64);
            let [message, salt] = [&b"message"[..], &[7; 32]].map(|data| bytes(&mut b, data));
            let mut args = vec![number; 5];
            args.extend([hash, message, salt]);
            let code = b.run("rsa.pss_sign", &[], &args).map(|_| ()).unwrap_err().code;
            assert_eq!(code, TrapCode::InvalidArgument);
        }
        // SAFETY: nothing of these regions is used afterwards.
        unsafe { b.heap().unwind_to(0) };
        let mut count = found(b.heap(), &secret);
        secret.reverse();
        count += found(b.heap(), &secret);
        assert_eq!(count == 0, is_used, "{count}");
    }
}

/// What writes into a tensor of another region, and what works in regions of its own.
#[test]
fn secrets_that_are_written_or_worked_with_are_overwritten() {
    let mut b = Bench::new();
    let shared = noise(64);
    b.heap().begin();
    let outer = bytes(&mut b, &[0; 96]);
    b.heap().begin();
    let [shared, salt, info] = [&shared[..], b"salt", b""].map(|data| bytes(&mut b, data));
    let len = Arg::Slot(96, Type::I64);
    let key = b.run("crypto.hkdf_sha256", &[], &[shared, salt, info, len]).unwrap();
    let secret = elements(&key);
    b.run("tensor.assign", U8, &[outer, Arg::List(vec![0]), key.clone()]).unwrap();
    #[cfg(feature = "bigint")]
    let digits = {
        let number = b.run("bigint.of_bytes", &[], &[key]).unwrap();
        let text = b.run("bigint.to_hex", &[], &[number]).unwrap();
        let Arg::Slot(text, Type::Str) = text else { panic!("a text") };
        // SAFETY: the text is live.
        unsafe { StrRef::from_slot(text).as_str() }.as_bytes()[2..].to_vec()
    };
    // SAFETY: nothing of these regions is used afterwards.
    unsafe { b.heap().unwind_to(0) };
    assert_eq!(found(b.heap(), &secret), 0);
    #[cfg(feature = "bigint")]
    assert_eq!(found(b.heap(), &digits), 0);
}

#[test]
fn nothing_is_left_of_a_text_whose_tag_is_wrong() {
    let mut b = Bench::new();
    let (text, key, nonce) = (noise(200_000), noise(32), [1; 12]);
    for name in ["crypto.aes_gcm", "crypto.chacha20_poly1305"] {
        b.heap().begin();
        let args = [&text[..], &key, &nonce, b""].map(|data| bytes(&mut b, data));
        let mut encrypted = elements(&b.run(&format!("{name}_encrypt"), U8, &args).unwrap());
        // SAFETY: nothing of the region is used afterwards.
        unsafe { b.heap().end() };
        encrypted[199_999] ^= 1;
        b.heap().begin();
        let args = [&encrypted[..], &key, &nonce, b""].map(|data| bytes(&mut b, data));
        let trap = b.run(&format!("{name}_decrypt"), &[], &args).map(|_| ()).unwrap_err();
        assert_eq!(trap.code, TrapCode::NotAuthentic);
        // SAFETY: as above.
        unsafe { b.heap().unwind_to(0) };
        assert_eq!(found(b.heap(), &text), 0);
    }
}

#[test]
fn what_is_long_polls_and_is_charged_before() {
    let mut b = Bench::new();
    b.heap().set_threads(Threads::at_most(1));
    let data = b.heap().zeros(Elem::U8, &[16 << 20]).unwrap();
    let data = Arg::Slot(data.slot(), Type::Tensor(Elem::U8));
    let (key, iv, nonce) = (noise(32), [0; 16], [0; 12]);
    let [key, iv, nonce] = [&key[..], &iv, &nonce].map(|data| bytes(&mut b, data));
    let row = b.run("tensor.reshape", U8, &[data.clone(), Arg::List(vec![1, -1])]).unwrap();
    let (many, few) = (Arg::Slot(1 << 40, Type::I64), Arg::Slot(64, Type::I64));
    let calls: Vec<(&str, &[Elem], Vec<Arg>)> = vec![
        ("crypto.aes_ctr", U8, vec![data.clone(), key.clone(), iv.clone()]),
        ("crypto.aes_cbc_encrypt", U8, vec![data.clone(), key.clone(), iv.clone()]),
        ("crypto.aes_gcm_encrypt", U8, vec![data.clone(), key.clone(), nonce.clone(), iv.clone()]),
        ("crypto.aes_gcm_encrypt", U8, vec![iv.clone(), key.clone(), nonce.clone(), data.clone()]),
        ("crypto.chacha20_poly1305_encrypt", U8, vec![data.clone(), key.clone(), nonce, iv.clone()]),
        ("crypto.sha256", U8, vec![data.clone()]),
        ("crypto.sha3_512", U8, vec![data.clone()]),
        ("crypto.blake3", U8, vec![data.clone()]),
        ("crypto.hmac_sha512", U8, vec![iv.clone(), data.clone()]),
        ("crypto.hkdf_sha256", &[], vec![iv.clone(), iv.clone(), data.clone(), few.clone()]),
        ("crypto.pbkdf2_sha512", &[], vec![key.clone(), data.clone(), few.clone(), few.clone()]),
        ("crypto.pbkdf2_sha512", &[], vec![key.clone(), iv.clone(), many, few]),
        ("crypto.equal", U8, vec![data.clone(), data.clone()]),
        ("tensor.to_bytes", U8, vec![data.clone()]),
    ];
    for (name, elems, args) in calls {
        b.fuel = 100;
        assert_eq!(b.run(name, elems, &args).map(|_| ()).unwrap_err().code, TrapCode::OutOfFuel, "{name}");
        b.fuel = u64::MAX;
        b.interrupt_at = b.polls + 10;
        let depth = b.heap().depth();
        assert_eq!(b.run(name, elems, &args).map(|_| ()).unwrap_err().code, TrapCode::Interrupted, "{name}");
        // SAFETY: nothing of working space is used.
        unsafe { b.heap().unwind_to(depth) };
        b.interrupt_at = usize::MAX;
    }
    // One row that is long stops by the flag.
    b.heap().interruption().flag().store(true, std::sync::atomic::Ordering::Relaxed);
    let trap = b.run("crypto.sha256_rows", U8, &[row]).map(|_| ()).unwrap_err();
    assert_eq!(trap.code, TrapCode::Interrupted);
}

#[test]
fn results_are_the_same_on_any_number_of_threads() {
    let text = noise(3_000_001);
    let mut wanted: Vec<Vec<u8>> = vec![];
    for threads in [1, 2, 3] {
        let mut b = Bench::new();
        b.heap().set_threads(Threads::at_most(threads));
        b.heap.set_placement(Arc::new(Placement::new(Rates::default(), Cores::All, None)));
        let (key, iv, nonce, with) = (noise(16), [0xff; 16], [0; 12], noise(700_000));
        let [data, key, iv, nonce, with] =
            [&text[..], &key, &iv, &nonce, &with].map(|data| bytes(&mut b, data));
        let rows = b.tensor(&[1000, 3000], &text[..3_000_000]);
        let gcm = [data.clone(), key.clone(), nonce.clone(), with.clone()];
        let encrypted = b.run("crypto.aes_gcm_encrypt", U8, &gcm).unwrap();
        let back =
            b.run("crypto.aes_gcm_decrypt", &[], &[encrypted.clone(), key.clone(), nonce, with]).unwrap();
        assert!(elements(&back) == text);
        let chained = b.run("crypto.aes_cbc_encrypt", U8, &[data.clone(), key.clone(), iv.clone()]).unwrap();
        let back = b.run("crypto.aes_cbc_decrypt", &[], &[chained.clone(), key.clone(), iv.clone()]).unwrap();
        assert!(elements(&back) == text);
        let found = [
            encrypted,
            chained,
            b.run("crypto.aes_ctr", U8, &[data.clone(), key, iv]).unwrap(),
            b.run("crypto.blake3", U8, &[data]).unwrap(),
            b.run("crypto.sha512_rows", U8, &[rows]).unwrap(),
        ];
        let found: Vec<_> = found.iter().map(elements).collect();
        if wanted.is_empty() {
            wanted = found;
        } else {
            assert!(found == wanted, "{threads} threads");
        }
    }
}
