//! A module built in Rust, as a compiler's back end would: written to a binary
//! file's bytes, read back, and run.
//!
//!     cargo run --example build_module

use nbc::{Elem, Engine, Linker, ModuleBuilder, Tensor, Type};

fn main() -> Result<(), nbc::Error> {
    let mut m = ModuleBuilder::new();

    // horner(coefficients, x): the polynomial's value, highest power first.
    let mut f = m.export("horner", [Type::Tensor(Elem::F64), Type::F64], [Type::F64]);
    let (coefficients, x) = (f.param(0), f.param(1));
    f.name(coefficients, "c");
    f.name(x, "x");
    let sum = f.var("sum", 0.0);
    let n = f.tensor_len(coefficients);
    f.for_range(0i64, n, |f, i| {
        let c = f.tensor_load(coefficients, i);
        let shifted = f.f64_mul(sum, x);
        f.to(sum).f64_add(shifted, c);
    });
    f.ret(sum);

    let module = m.finish();
    println!("{}", module.print());

    // The builder keeps no rules; the verifier does.
    let bytes = module.verify()?.encode();
    println!("; {} bytes as a binary", bytes.len());

    let program = Engine::default().read(&bytes, "horner.nbc")?;
    let mut instance = Linker::new().instantiate(&program)?;
    let horner = instance.typed::<(Tensor<f64>, f64), f64>("horner")?;
    // 2 x² - 3 x + 1 at 4
    let value = horner.call(&mut instance, (&[2.0, -3.0, 1.0][..], 4.0))?;
    println!("; 2 x² - 3 x + 1 at 4 is {value}");
    assert_eq!(value, 21.0);
    Ok(())
}
