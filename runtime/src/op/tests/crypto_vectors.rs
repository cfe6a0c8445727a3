//! Published vectors: `tests/vectors/crypto.txt`, written by `write.py` beside it.
//!
//! Each is computed as it stands, and what was encrypted is decrypted. Where a vector is wrong, nothing but the trap that
//! it says comes out.

use super::{Arg, Bench, int};
use crate::trap::TrapCode;
use nbc_ir::Elem;
use nbc_ir::catalogue::Operation;

const VECTORS: &str = include_str!("../../../../tests/vectors/crypto.txt");

fn bytes(word: &str) -> Vec<u8> {
    let digits = if word == "-" { "" } else { word };
    let pair = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).unwrap();
    (0..digits.len()).step_by(2).map(pair).collect()
}

/// What an argument is.
#[derive(Clone)]
enum Given {
    Bytes(Vec<u8>),
    Number(i64),
}

fn tensor(bytes: &[u8]) -> Given {
    Given::Bytes(bytes.to_vec())
}

/// What the operation makes of bytes and numbers: bytes, or a trap.
fn call(b: &mut Bench, name: &str, args: &[Given]) -> Result<Vec<u8>, TrapCode> {
    let name = format!("crypto.{name}");
    let depth = b.heap.depth();
    b.heap.begin();
    let args: Vec<Arg> = args
        .iter()
        .map(|arg| match arg {
            Given::Bytes(bytes) => b.tensor(&[bytes.len() as u64], bytes),
            Given::Number(n) => int(*n),
        })
        .collect();
    let has_variable = !Operation::find(&name).expect("an operation").typed().vars.is_empty();
    let elems: &[Elem] = if has_variable { &[Elem::U8] } else { &[] };
    let found = b.run(&name, elems, &args).map(|made| made.values::<u8>()).map_err(|trap| trap.code);
    // SAFETY: nothing of these regions is used afterwards.
    unsafe { b.heap.unwind_to(depth) };
    found
}

/// Runs a vector, and says what is wrong.
fn check(b: &mut Bench, line: &str) -> Result<(), String> {
    let words: Vec<&str> = line.split(' ').collect();
    let [what, result, ref given @ ..] = words[..] else { return Err("a vector has words".into()) };
    let wanted = |right: &[u8]| match result {
        "valid" => Ok(right.to_vec()),
        trap => Err(*TrapCode::ALL.iter().find(|code| code.name() == trap).unwrap()),
    };
    let data = |n: usize| tensor(&bytes(given[n]));
    let number = |n: usize| Given::Number(given[n].parse().unwrap());
    let last = bytes(given[given.len() - 1]);
    let mut expect = |name: &str, args: &[Given], right: Result<Vec<u8>, TrapCode>| {
        let found = call(b, name, args);
        if found == right { Ok(()) } else { Err(format!("{name}: {found:02x?}, not {right:02x?}")) }
    };
    match what {
        "gcm" | "chacha" => {
            let name = if what == "gcm" { "aes_gcm" } else { "chacha20_poly1305" };
            let text = bytes(given[3]);
            let decrypted = wanted(&text);
            if result != "not_authentic" {
                let args = [tensor(&text), data(0), data(1), data(2)];
                expect(&format!("{name}_encrypt"), &args, wanted(&last))?;
            }
            expect(&format!("{name}_decrypt"), &[tensor(&last), data(0), data(1), data(2)], decrypted)?;
            if result == "valid" {
                // Any byte that is another is noticed, and what is cut off.
                for (at, bit) in [(0, 1), (last.len() - 1, 0x80), (last.len() / 2, 4)] {
                    let mut wrong = last.clone();
                    wrong[at] ^= bit;
                    let args = [tensor(&wrong), data(0), data(1), data(2)];
                    expect(&format!("{name}_decrypt"), &args, Err(TrapCode::NotAuthentic))?;
                }
                let args = [tensor(&last[..15]), data(0), data(1), data(2)];
                expect(&format!("{name}_decrypt"), &args, Err(TrapCode::InvalidArgument))?;
                let args = [tensor(&last), data(0), data(1), tensor(&[bytes(given[2]), vec![0]].concat())];
                expect(&format!("{name}_decrypt"), &args, Err(TrapCode::NotAuthentic))?;
            }
            Ok(())
        }
        "cbc" => {
            if result == "valid" {
                expect("aes_cbc_encrypt", &[data(2), data(0), data(1)], Ok(last.clone()))?;
            }
            expect("aes_cbc_decrypt", &[tensor(&last), data(0), data(1)], wanted(&bytes(given[2])))
        }
        "cbc_blocks" => {
            let found = call(b, "aes_cbc_encrypt", &[data(2), data(0), data(1)]);
            let found = found.map_err(|trap| format!("{trap:?}"))?;
            if found.len() == last.len() + 16 && found.starts_with(&last) {
                Ok(())
            } else {
                Err(format!("{found:02x?}"))
            }
        }
        "ctr" => {
            expect("aes_ctr", &[data(2), data(0), data(1)], Ok(last.clone()))?;
            expect("aes_ctr", &[tensor(&last), data(0), data(1)], Ok(bytes(given[2])))
        }
        _ if what.starts_with("hmac") => expect(what, &[data(1), data(0)], Ok(last)),
        _ if what.starts_with("hkdf") => expect(what, &[data(0), data(1), data(2), number(3)], wanted(&last)),
        _ if what.starts_with("pbkdf2") => expect(what, &[data(0), data(1), number(2), number(3)], Ok(last)),
        _ => expect(what, &[data(0)], Ok(last)),
    }
}

#[test]
fn every_published_vector_comes_out() {
    let mut b = Bench::new();
    let (mut count, mut wrong) = (0, vec![]);
    for (at, line) in VECTORS.lines().enumerate().filter(|(_, line)| !line.starts_with('#')) {
        count += 1;
        if let Err(why) = check(&mut b, line) {
            wrong.push(format!("line {}: {why}", at + 1));
        }
    }
    assert!(wrong.is_empty(), "{} of {count}:\n{}", wrong.len(), wrong[..wrong.len().min(5)].join("\n"));
    assert!(count > 2000, "only {count} vectors are there");
}

#[test]
fn the_million_letters_of_fips_180_4() {
    let digest = call(&mut Bench::new(), "sha256", &[tensor(&vec![b'a'; 1_000_000])]).unwrap();
    assert_eq!(digest, bytes("cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"));
}
