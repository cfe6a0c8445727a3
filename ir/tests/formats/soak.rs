//! Hostile input by the million: nothing panics, hangs or is accepted wrongly.
//!
//! The short runs are part of every test run; the long ones are
//! `cargo test --release -p nbc-ir --test formats -- --ignored`.

use super::random::{Choices, Random, as_text_gives_it};
use nbc_ir::{Module, Opcode};

/// What was accepted must be whole: verifying ends, and both formats keep it.
fn is_whole(module: Module, from: &str) {
    let bytes = module.encode();
    let decoded = Module::decode(&bytes).unwrap_or_else(|e| panic!("{from}: {e}\n{module:#?}"));
    assert_eq!(as_text_gives_it(decoded.clone()), as_text_gives_it(module.clone()), "{from}");
    let text = module.print();
    let parsed = Module::parse(&text, "printed").unwrap_or_else(|e| panic!("{from}: {e}\n{text}"));
    assert_eq!(as_text_gives_it(parsed), as_text_gives_it(module.clone()), "{from}\n{text}");
    if let Err(error) = module.verify() {
        assert!(!error.render(false).is_empty());
    }
}

fn seal(bytes: &mut [u8]) {
    if let Some(body) = bytes.len().checked_sub(4) {
        let sum = crc32fast::hash(&bytes[..body]);
        bytes[body..].copy_from_slice(&sum.to_le_bytes());
    }
}

/// Changes, removes, adds and repeats bytes.
fn damage(random: &mut Random, bytes: &mut Vec<u8>) {
    for _ in 0..1 + random.next() % 4 {
        if bytes.is_empty() {
            return;
        }
        let at = random.next() as usize % bytes.len();
        match random.next() % 8 {
            0 => bytes[at] ^= 1 << (random.next() % 8),
            1 => bytes[at] = random.next() as u8,
            2 => bytes[at] = [0, 1, 0x7f, 0x80, 0xff][random.next() as usize % 5],
            3 => {
                bytes.remove(at);
            }
            4 => bytes.insert(at, random.next() as u8),
            5 => bytes.truncate(at),
            6 => {
                let end = bytes.len().min(at + 1 + random.next() as usize % 12);
                let part = bytes[at..end].to_vec();
                let to = random.next() as usize % bytes.len();
                bytes.splice(to..to, part);
            }
            _ => {
                let end = bytes.len().min(at + 1 + random.next() as usize % 12);
                bytes.drain(at..end);
            }
        }
    }
}

/// Words of the language in random order.
fn babble(random: &mut Random) -> String {
    const WORDS: [&str; 64] = [
        "func",
        "@f",
        "(",
        ")",
        "{",
        "}",
        "\n",
        "\n",
        "\n",
        "%x",
        "%y",
        ":",
        "f64",
        "i64",
        "->",
        "ret",
        "br",
        "loop",
        "loop:",
        "=",
        ",",
        "1",
        "-2.5",
        "0xff",
        "nan",
        "inf",
        "i64.add",
        "f64.const",
        "tensor.add",
        "tensor.zeros",
        "<",
        ">",
        "[",
        "]",
        "const",
        "global",
        "import",
        "export",
        "sig",
        "use",
        "op",
        "str",
        "tensor<f64>",
        "list",
        "func<(i64)->i64>",
        "\"s\"",
        "hex\"00\"",
        "local",
        "call",
        "call_ref",
        "keep",
        "region.end",
        "region.begin",
        "switch",
        "br_if",
        "true",
        ";c\n",
        "@\"q\"1",
        "%\"a b\"",
        "%1",
        "copy",
        "select",
        "list.new",
        "trap",
    ];
    let mut text = String::from("func @f(%x: i64) -> f64 {\n");
    for _ in 0..random.next() % 60 {
        text.push_str(WORDS[random.next() as usize % WORDS.len()]);
        text.push(' ');
    }
    text.push_str("\n}\n");
    text
}

fn random_bytes(rounds: usize, seed: u64) -> usize {
    let mut random = Random(seed);
    let mut accepted = 0;
    for round in 0..rounds {
        let len = random.next() as usize % 120;
        let mut bytes = random.bytes(len);
        let from = format!("random bytes {seed} {round}");
        assert!(Module::decode(&bytes).is_err(), "{from}");
        // Also with a good frame around them, or as text.
        match round % 3 {
            0 => {
                let mut file = b"\0nbc\x01\0".to_vec();
                let section = 1 + (random.next() % 7) as u8;
                file.extend([section, bytes.len() as u8]);
                file.extend(&bytes);
                file.extend([0; 5]);
                seal(&mut file);
                bytes = file;
            }
            1 => bytes.iter_mut().for_each(|b| *b &= 0x7f),
            _ => {}
        }
        if let Ok(module) = Module::read(&bytes, "random") {
            accepted += 1;
            is_whole(module, &from);
        }
    }
    accepted
}

fn damaged_binaries(rounds: usize, seed: u64) -> usize {
    let mut random = Random(seed);
    let mut accepted = 0;
    for round in 0..rounds {
        let choices = random.bytes(20 + round % 300);
        let opcode = Opcode::ALL[round % Opcode::ALL.len()];
        let mut file = super::random::module(&mut Choices::new(&choices), Some(opcode)).encode();
        let good = file.clone();
        damage(&mut random, &mut file);
        let from = format!("damaged binary {seed} {round}");
        if file != good && Module::decode(&file).is_ok() {
            panic!("{from}: the checksum does not show the damage");
        }
        seal(&mut file);
        if let Ok(module) = Module::decode(&file) {
            accepted += 1;
            is_whole(module, &from);
        }
    }
    accepted
}

fn damaged_text(rounds: usize, seed: u64) -> usize {
    let mut random = Random(seed);
    let mut accepted = 0;
    for round in 0..rounds {
        let text = if round % 2 == 0 {
            babble(&mut random)
        } else {
            let choices = random.bytes(20 + round % 300);
            let mut bytes = super::random::module(&mut Choices::new(&choices), None).print().into_bytes();
            damage(&mut random, &mut bytes);
            String::from_utf8_lossy(&bytes).into_owned()
        };
        let from = format!("damaged text {seed} {round}");
        match Module::parse(&text, "damaged") {
            Ok(module) => {
                accepted += 1;
                is_whole(module.clone(), &from);
                let formatted = nbc_ir::format_source(&text, "damaged").expect("it was parsed before");
                let again = Module::parse(&formatted, "formatted")
                    .unwrap_or_else(|e| panic!("{from}: {e}\n{text}\n{formatted}"));
                assert_eq!(as_text_gives_it(again), as_text_gives_it(module), "{from}\n{text}\n{formatted}");
                let twice = nbc_ir::format_source(&formatted, "formatted").expect("it was parsed before");
                assert_eq!(twice, formatted, "{from}\n{text}");
            }
            Err(error) => assert!(!error.render(false).is_empty()),
        }
    }
    accepted
}

#[test]
fn a_little_hostile_input() {
    random_bytes(3000, 1);
    assert!(damaged_binaries(1000, 2) > 0, "damage should not always be found");
    assert!(damaged_text(1000, 3) > 0, "damage should not always be found");
}

#[test]
#[ignore = "takes minutes"]
fn a_million_random_byte_strings() {
    println!("{} accepted", random_bytes(1_000_000, 10));
}

#[test]
#[ignore = "takes minutes"]
fn a_million_damaged_binaries() {
    println!("{} accepted", damaged_binaries(1_000_000, 20));
}

#[test]
#[ignore = "takes minutes"]
fn a_million_damaged_texts() {
    println!("{} accepted", damaged_text(1_000_000, 30));
}
