//! Runs one random program in every way and compares.

use super::choices::Choices;
use super::program;
use crate::harness::{Outcome, Way, difference};
use nbc::runtime::engine::{Limits, Program};
use nbc::runtime::instance::Instance;
use nbc::runtime::linker::Linker;
use nbc::runtime::trap::TrapCode;
use nbc::runtime::value::Value;

/// Fuel of a call: enough for a few slices of the budget.
const FUEL: u64 = 30_000;

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

/// Runs the program that `bytes` choose.
pub fn check(bytes: &[u8], tally: &mut Tally) -> Result<(), String> {
    let module = program(&mut Choices::new(bytes));
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
    let ways: Vec<Way> = Way::all().collect();
    let (metered, plain): (Vec<Way>, Vec<Way>) = ways.iter().partition(|w| w.metered);
    let first = metered[0];
    let expected = run(&crate::harness::load(&module, first), first);
    let ends_of_itself = |o: &Outcome| !matches!(&o.result, Err(t) if t.code() == TrapCode::OutOfFuel);
    match &expected[0].result {
        Ok(_) => tally.returned += 1,
        Err(t) if t.code() == TrapCode::OutOfFuel => tally.endless += 1,
        Err(_) => tally.trapped += 1,
    }
    let mut others = metered[1..].to_vec();
    if expected.iter().all(ends_of_itself) {
        others.extend(plain);
    }
    for way in others {
        let found = run(&crate::harness::load(&module, way), way);
        for (call, (e, f)) in expected.iter().zip(&found).enumerate() {
            // Frames differ in size, so deep calls end where they end.
            let overflow = |o: &Outcome| matches!(&o.result, Err(t) if t.code() == TrapCode::StackOverflow);
            if overflow(e) || overflow(f) {
                break;
            }
            if let Some(what) = difference(e, f) {
                return Err(format!("call {call}: ({first}) and ({way}) differ: {what}"));
            }
        }
    }
    Ok(())
}

/// Calls `@main` twice in one instance, so that what the first call left
/// behind is seen.
fn run(program: &Program, way: Way) -> Vec<Outcome> {
    let mut linker = Linker::new();
    linker.func(
        "host.twist",
        |v: i64| {
            if v % 16 == 7 { Err("a seven") } else { Ok(v.wrapping_mul(-3) ^ 0x55) }
        },
    );
    linker.func("host.mix", |a: f64, b: i32| (b.wrapping_add(a as i32), a * 0.5 + f64::from(b)));
    let limits = Limits { fuel: way.metered.then_some(FUEL), timeout: None, memory: 1 << 20, stack: 1 << 17 };
    let mut instance = match linker.instantiate_with(program, limits) {
        Ok(instance) => instance,
        Err(e) => panic!("{e}"),
    };
    (0..2).map(|_| one_call(&mut instance)).collect()
}

fn one_call(instance: &mut Instance) -> Outcome {
    instance.set_fuel(FUEL);
    let result = instance.call("main", &[]).map_err(|e| match e.trap() {
        Some(trap) => trap.clone(),
        None => panic!("{e}"),
    });
    let result = result.map(canonical);
    Outcome { result, fuel: instance.fuel(), printed: String::new(), memory: instance.memory() }
}

/// Any NaN in a tensor counts as the canonical one: arithmetic may leave any.
fn canonical(mut values: Vec<Value>) -> Vec<Value> {
    for value in &mut values {
        let Value::Tensor(t) = value else { continue };
        for x in t.as_mut_slice::<f64>().into_iter().flatten().filter(|x| x.is_nan()) {
            *x = f64::NAN;
        }
        for x in t.as_mut_slice::<f32>().into_iter().flatten().filter(|x| x.is_nan()) {
            *x = f32::NAN;
        }
    }
    values
}
