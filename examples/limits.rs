//! What a program may cost: fuel, time, memory and stack, and stopping it by hand.
//!
//!     cargo run --example limits

use nbc::{Engine, Instance, Limits, Linker, TrapCode};
use std::time::Duration;

const PROGRAM: &str = "
export func @spin() {
  br again
again:
  br again
}

export func @recurse(%n: i64) -> i64 {
  %m = i64.add %n, 1
  %r = call @recurse(%m)
  ret %r
}

export func @hoard(%n: i64) -> i64 {
  %t = tensor.zeros<f64> [%n]
  %len = tensor.len %t
  ret %len
}
";

/// Calls `name` and returns the code of the trap it must end with.
fn trap(instance: &mut Instance, name: &str, args: &[nbc::Value]) -> TrapCode {
    let error = instance.call(name, args).unwrap_err();
    let trap = error.trap().expect("a trap");
    println!("@{name}: {}", trap.error.message());
    trap.code()
}

fn main() -> Result<(), nbc::Error> {
    let program = Engine::default().read(PROGRAM.as_bytes(), "limits.nba")?;
    let limits =
        Limits::new().fuel(1_000_000).timeout(Duration::from_millis(100)).memory(16 << 20).stack(64 << 10);
    let mut instance = Linker::new().instantiate_with(&program, limits)?;

    // Each of these ends in a trap, and the same instance goes on.
    assert_eq!(trap(&mut instance, "spin", &[]), TrapCode::OutOfFuel);
    instance.set_fuel(u64::MAX);
    assert_eq!(trap(&mut instance, "spin", &[]), TrapCode::Timeout);
    assert_eq!(trap(&mut instance, "recurse", &[0i64.into()]), TrapCode::StackOverflow);
    assert_eq!(trap(&mut instance, "hoard", &[1_000_000_000_000i64.into()]), TrapCode::OutOfMemory);

    // Another thread (or a signal handler) can stop it.
    instance.set_timeout(None);
    let handle = instance.interrupt_handle();
    let watchdog = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(20));
        handle.interrupt();
    });
    assert_eq!(trap(&mut instance, "spin", &[]), TrapCode::Interrupted);
    watchdog.join().expect("the watchdog");

    // What was taken has been given back.
    let hoard = instance.typed::<(i64,), i64>("hoard")?;
    assert_eq!(hoard.call(&mut instance, (1_000_000,))?, 1_000_000);
    println!("still usable; at most {} bytes at once", instance.memory().peak);
    Ok(())
}
