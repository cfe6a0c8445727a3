//! Both formats keep every module, and no bytes make the readers panic.

use super::random::{Choices, Random, as_text_gives_it};
use nbc_ir::{Module, Opcode};
use proptest::prelude::*;

/// What a module is shown as when a property fails: short, and with its text.
fn same(left: &Module, right: &Module, text: &str) -> Result<(), String> {
    if left == right {
        return Ok(());
    }
    Err(format!("{text}\n--- came back as\n{right:#?}\n--- instead of\n{left:#?}"))
}

fn keeps(module: &Module) -> Result<(), String> {
    let bytes = module.encode();
    let decoded = Module::decode(&bytes).map_err(|e| format!("{e}\n{module:#?}"))?;
    same(module, &decoded, "binary")?;
    let text = module.print();
    let parsed = Module::parse(&text, "printed").map_err(|e| format!("{e}\n{text}\n{module:#?}"))?;
    same(&as_text_gives_it(module.clone()), &as_text_gives_it(parsed.clone()), &text)?;
    if parsed.print() != text {
        return Err(format!("printed another time:\n{text}\n---\n{}", parsed.print()));
    }
    Ok(())
}

/// Gives bytes the checksum they should have.
fn seal(bytes: &mut [u8]) {
    if let Some(body) = bytes.len().checked_sub(4) {
        let sum = crc32fast::hash(&bytes[..body]);
        bytes[body..].copy_from_slice(&sum.to_le_bytes());
    }
}

/// The text with comments, empty lines and spaces thrown in.
fn messy(text: &str, seed: u64) -> String {
    let mut random = Random(seed);
    let mut out = String::new();
    // Lines within hex strings take no comments.
    let mut in_hex = false;
    for line in text.lines() {
        let is_open = line.matches('"').count() % 2 == 1;
        if line.contains("hex\"") && is_open {
            in_hex = true;
        } else if in_hex && is_open {
            in_hex = false;
        }
        let spaces = random.next() as usize % 5;
        out.extend(std::iter::repeat_n(' ', spaces));
        out.push_str(line.trim_start());
        if !in_hex && random.next().is_multiple_of(3) {
            out.push_str("; note");
        }
        out.push('\n');
        if !in_hex {
            match random.next() % 8 {
                0 => out.push_str("\n\n"),
                1 => out.push_str("   ; note of its own\n"),
                _ => {}
            }
        }
    }
    out
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_module_comes_back(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        let module = super::random::module(&mut Choices::new(&bytes), None);
        if let Err(message) = keeps(&module) {
            prop_assert!(false, "{}", message);
        }
    }

    #[test]
    fn formatting_keeps_the_meaning_and_the_comments(
        bytes in proptest::collection::vec(any::<u8>(), 0..400),
        seed in any::<u64>(),
    ) {
        let module = super::random::module(&mut Choices::new(&bytes), None);
        let messy = messy(&module.print(), seed);
        let formatted = nbc_ir::format_source(&messy, "messy").map_err(|e| TestCaseError::fail(format!("{e}\n{messy}")))?;
        let again = Module::parse(&formatted, "formatted").map_err(|e| TestCaseError::fail(format!("{e}\n{formatted}")))?;
        prop_assert_eq!(again.print(), module.print());
        prop_assert_eq!(nbc_ir::format_source(&formatted, "again").unwrap(), formatted.clone());
        prop_assert_eq!(formatted.matches("; note").count(), messy.matches("; note").count());
    }

    #[test]
    fn damaged_binaries_are_refused_or_make_sense(
        bytes in proptest::collection::vec(any::<u8>(), 0..400),
        damage in proptest::collection::vec((any::<u16>(), any::<u8>()), 1..4),
    ) {
        let mut file = super::random::module(&mut Choices::new(&bytes), None).encode();
        for (at, byte) in damage {
            let at = usize::from(at) % file.len();
            file[at] = byte;
        }
        seal(&mut file);
        if let Ok(module) = Module::decode(&file)
            && let Err(message) = keeps(&module)
        {
            prop_assert!(false, "{}", message);
        }
    }

    #[test]
    fn random_text_is_refused(text in "[ -~\n%@\"{}é]{0,200}") {
        let _ = Module::parse(&text, "random");
        let _ = Module::read(text.as_bytes(), "random");
    }

    #[test]
    fn random_bytes_are_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let mut file = b"\0nbc\x01\0".to_vec();
        file.extend(&bytes);
        file.extend([0; 5]);
        seal(&mut file);
        let _ = Module::decode(&file);
        prop_assert!(Module::decode(&bytes).is_err());
        let _ = Module::read(&bytes, "random");
    }
}

#[test]
fn every_instruction_comes_back() {
    let mut random = Random(1);
    for &opcode in Opcode::ALL {
        for _ in 0..8 {
            let bytes = random.bytes(300);
            let module = super::random::module(&mut Choices::new(&bytes), Some(opcode));
            let has = module.functions[0].blocks[0].insts.iter().any(|i| i.opcode() == opcode);
            assert!(has, "{opcode:?} was not generated");
            if let Err(message) = keeps(&module) {
                panic!("{opcode:?}: {message}");
            }
        }
    }
}
