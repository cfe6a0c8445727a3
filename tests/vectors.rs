//! Published vectors: `tests/vectors/crypto.txt`, written by `write.py` beside it.
//!
//! Each is computed as it stands, and what was encrypted is decrypted. Where a vector is wrong, nothing but the trap that
//! it says comes out.

use nbc::runtime::trap::TrapCode;
use nbc::{Engine, Instance, Linker, OwnedTensor, Value};
use std::fmt::Write;
use support::repository::root;

/// Operations with the types of what they are given.
const CALLS: [(&str, &[&str]); 21] = [
    ("aes_ctr", &["u8", "u8", "u8"]),
    ("aes_gcm_encrypt", &["u8", "u8", "u8", "u8"]),
    ("aes_gcm_decrypt", &["u8", "u8", "u8", "u8"]),
    ("aes_cbc_encrypt", &["u8", "u8", "u8"]),
    ("aes_cbc_decrypt", &["u8", "u8", "u8"]),
    ("chacha20_poly1305_encrypt", &["u8", "u8", "u8", "u8"]),
    ("chacha20_poly1305_decrypt", &["u8", "u8", "u8", "u8"]),
    ("sha224", &["u8"]),
    ("sha256", &["u8"]),
    ("sha384", &["u8"]),
    ("sha512", &["u8"]),
    ("sha3_256", &["u8"]),
    ("sha3_512", &["u8"]),
    ("blake3", &["u8"]),
    ("hmac_sha256", &["u8", "u8"]),
    ("hmac_sha512", &["u8", "u8"]),
    ("hkdf_sha256", &["u8", "u8", "u8", "i64"]),
    ("hkdf_sha512", &["u8", "u8", "u8", "i64"]),
    ("pbkdf2_sha256", &["u8", "u8", "i64", "i64"]),
    ("pbkdf2_sha512", &["u8", "u8", "i64", "i64"]),
    ("sha256_rows", &["u8"]),
];

/// A program with a function for each operation.
fn program() -> Instance {
    let mut text = String::new();
    for (name, params) in CALLS {
        let typed = |n: usize, ty: &str| match ty {
            "u8" => format!("%p{n}: tensor<u8>"),
            _ => format!("%p{n}: {ty}"),
        };
        let given: Vec<String> = params.iter().enumerate().map(|(n, ty)| typed(n, ty)).collect();
        let words: Vec<String> = (0..params.len()).map(|n| format!("%p{n}")).collect();
        let (given, words) = (given.join(", "), words.join(", "));
        writeln!(text, "export func @{name}({given}) -> tensor<u8> {{").unwrap();
        writeln!(text, "  %r = crypto.{name} {words}\n  ret %r\n}}").unwrap();
    }
    let program = Engine::default().read(text.as_bytes(), "vectors.nba").unwrap();
    Linker::new().instantiate(&program).unwrap()
}

fn bytes(word: &str) -> Vec<u8> {
    let digits = if word == "-" { "" } else { word };
    let pair = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).unwrap();
    (0..digits.len()).step_by(2).map(pair).collect()
}

/// What the operation makes of bytes and numbers: bytes, or a trap.
fn call(instance: &mut Instance, name: &str, args: &[Value]) -> Result<Vec<u8>, TrapCode> {
    match instance.call(name, args) {
        Ok(results) => match &results[..] {
            [Value::Tensor(tensor)] => Ok(tensor.as_slice::<u8>().unwrap().to_vec()),
            other => panic!("{name}: {other:?}"),
        },
        Err(error) => Err(error.trap().unwrap_or_else(|| panic!("{name}: {error}")).code()),
    }
}

fn tensor(bytes: &[u8]) -> Value {
    Value::Tensor(OwnedTensor::from_slice(&[bytes.len() as u64], bytes).unwrap())
}

/// Runs a vector, and says what is wrong.
fn check(instance: &mut Instance, line: &str) -> Result<(), String> {
    let words: Vec<&str> = line.split(' ').collect();
    let [what, result, ref given @ ..] = words[..] else { return Err("a vector has words".into()) };
    let wanted = |right: &[u8]| match result {
        "valid" => Ok(right.to_vec()),
        trap => Err(*TrapCode::ALL.iter().find(|code| code.name() == trap).unwrap()),
    };
    let data = |n: usize| tensor(&bytes(given[n]));
    let number = |n: usize| Value::I64(given[n].parse().unwrap());
    let last = bytes(given[given.len() - 1]);
    let mut expect = |name: &str, args: &[Value], right: Result<Vec<u8>, TrapCode>| {
        let found = call(instance, name, args);
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
            let found = call(instance, "aes_cbc_encrypt", &[data(2), data(0), data(1)]);
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
    let text = std::fs::read_to_string(root().join("tests/vectors/crypto.txt")).unwrap();
    let mut instance = program();
    let (mut count, mut wrong) = (0, vec![]);
    for (at, line) in text.lines().enumerate().filter(|(_, line)| !line.starts_with('#')) {
        count += 1;
        if let Err(why) = check(&mut instance, line) {
            wrong.push(format!("line {}: {why}", at + 1));
        }
    }
    assert!(wrong.is_empty(), "{} of {count}:\n{}", wrong.len(), wrong[..wrong.len().min(5)].join("\n"));
    assert!(count > 1500, "only {count} vectors are there");
}

#[test]
fn the_million_letters_of_fips_180_4() {
    let mut instance = program();
    let digest = call(&mut instance, "sha256", &[tensor(&vec![b'a'; 1_000_000])]).unwrap();
    assert_eq!(digest, bytes("cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"));
}
