//! Runs one random program in every way and compares.

use super::choices::Choices;
use super::program;
use crate::harness::agree::{Difference, Script, agree};
use crate::harness::campaign;
use crate::harness::{Way, with_globals_exported};
use nbc::runtime::trap::TrapCode;

/// How the programs ended.
#[derive(Clone, Copy, Default, Debug)]
pub struct Tally {
    /// Not accepted by the verifier.
    pub refused: u64,
    /// Returned from the first call.
    pub returned: u64,
    /// Trapped otherwise than by fuel.
    pub trapped: u64,
    /// Used up their fuel.
    pub endless: u64,
}

impl campaign::Tally for Tally {
    fn add(&mut self, other: Tally) {
        self.refused += other.refused;
        self.returned += other.returned;
        self.trapped += other.trapped;
        self.endless += other.endless;
    }
}

/// `@main` twice, with fuel for a few slices of the budget, or less, so that it
/// ends anywhere.
pub fn script(bytes: &[u8]) -> Script {
    let calls = vec![("main".to_owned(), Vec::new()); 2];
    let fuel = match bytes {
        [a, b, c, ..] if a % 4 == 3 => (u64::from(*b) * 256 + u64::from(*c)) >> (a / 4 % 8),
        _ => 50_000,
    };
    Script { calls, fuel, memory: 1 << 20, stack: 1 << 17, may_fail: false }
}

/// Runs the program that `bytes` choose in those ways.
pub fn check(bytes: &[u8], ways: &[Way], tally: &mut Tally) -> Result<(), Difference> {
    let module = with_globals_exported(program(&mut Choices::new(bytes)));
    let module = match module.verify() {
        Ok(module) => module,
        Err(e) => {
            tally.refused += 1;
            if std::env::var_os("TWINS_REFUSED").is_some() {
                println!("{e}");
            }
            return Ok(());
        }
    };
    let expected = agree(&module, &script(bytes), ways)?;
    match expected[0].trap() {
        None => tally.returned += 1,
        Some(TrapCode::OutOfFuel) => tally.endless += 1,
        Some(_) => tally.trapped += 1,
    }
    Ok(())
}
