//! Host functions: all that a program can reach outside itself.
//!
//!     cargo run --example host_function

use nbc::ndarray::ArrayD;
use nbc::{Engine, Linker, TrapCode};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

const PROGRAM: &str = "
import func @log.line(str)
import func @sensor.read(i64) -> tensor<f64>
import func @account.take(i64) -> i64

const @hello: str = \"reading the sensor\"

export func @main(%channel: i64) -> f64 {
  %text = const.get @hello
  call @log.line(%text)
  %left = call @account.take(10)
  %values = call @sensor.read(%channel)
  %max = tensor.max %values
  ret %max
}
";

fn main() -> Result<(), nbc::Error> {
    let program = Engine::default().read(PROGRAM.as_bytes(), "sensor.nba")?;

    // A module that imports what it was not given does not start.
    let refused = Linker::new().instantiate(&program).err().unwrap();
    println!("{refused}\n");
    assert_eq!(refused.to_string().matches("not given").count(), 3);

    // Closures become host functions; their Rust types are the types of the
    // import. They are shared by all instances, so their state is, too.
    let account = Arc::new(AtomicI64::new(25));
    let mut linker = Linker::new();
    linker.func("log.line", |text: String| println!("program says: {text}"));
    linker.func("sensor.read", |channel: i64| {
        if channel < 0 {
            return Err(format!("there is no channel {channel}"));
        }
        Ok(ArrayD::from_shape_fn(vec![4], |i| (channel as f64) + 0.25 * i[0] as f64))
    });
    let left = account.clone();
    linker.func("account.take", move |amount: i64| {
        let before = left.fetch_sub(amount, Ordering::Relaxed);
        if before < amount { Err("the account is empty") } else { Ok(before - amount) }
    });

    let mut instance = linker.instantiate(&program)?;
    let main = instance.typed::<(i64,), f64>("main")?;
    println!("the most is {}", main.call(&mut instance, (3,))?);
    assert_eq!(main.call(&mut instance, (3,))?, 3.75);

    // An error of a host function is a trap, with the place of the call.
    let error = main.call(&mut instance, (3,)).unwrap_err();
    println!("{error}");
    let trap = error.trap().unwrap();
    assert_eq!((trap.code(), trap.error.message()), (TrapCode::HostError, "the account is empty"));
    Ok(())
}
