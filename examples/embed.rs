//! The whole way of a program in a host: read, verify, link, call.
//!
//!     cargo run --example embed

use nbc::ndarray::Array1;
use nbc::{Engine, Linker, Module, OwnedTensor, Tensor};

const PROGRAM: &str = "
; y = a x + b, and how far the points are from it on average
export func @line(%x: tensor<f64>, %a: f64, %b: f64) -> tensor<f64> {
  %y = tensor.mul %x, %a
  %y = tensor.add %y, %b
  ret %y
}

export func @distance(%x: tensor<f64>, %y: tensor<f64>) -> f64 {
  %d = tensor.sub %x, %y
  %d = tensor.abs %d
  %m = tensor.mean %d
  ret %m
}
";

fn main() -> Result<(), nbc::Error> {
    // Only a verified module can be run. `Engine::read` does all of this at once.
    let module = Module::parse(PROGRAM, "line.nba")?.verify()?;
    let program = Engine::default().load(module);

    // The program imports nothing, so the linker gives it nothing.
    let mut instance = Linker::new().instantiate(&program)?;

    // Types are checked here, once; calls go straight in.
    let line = instance.typed::<(Tensor<f64>, f64, f64), OwnedTensor>("line")?;
    let distance = instance.typed::<(Tensor<f64>, Tensor<f64>), f64>("distance")?;

    let x = Array1::linspace(0.0, 1.0, 5);
    let y = line.call(&mut instance, (x.view(), 2.0, 1.0))?;
    println!("line at {x} is {}", y.view::<f64>().unwrap());
    assert_eq!(y.as_slice::<f64>(), Some(&[1.0, 1.5, 2.0, 2.5, 3.0][..]));

    // Slices and results of other calls can be passed, too.
    let measured = [1.1, 1.4, 2.1, 2.4, 3.1];
    let d = distance.call(&mut instance, (&measured[..], &y))?;
    println!("the points are {d:.3} away on average");
    assert!((d - 0.1).abs() < 1e-12);
    Ok(())
}
