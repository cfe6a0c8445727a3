//! Times a kernel in wasmtime: `run-wasmtime MODE FILE.wasm N` prints "RESULT SECONDS COMPILE_SECONDS".
//!
//! Modes: `cranelift`; `bounds`, where every access is checked in place of guard pages;
//! `noopt`, without Cranelift's optimiser; `winch`; `pulley`.

use std::time::Instant;
use wasmtime::{Config, Engine, Instance, Module, OptLevel, Store, Strategy};

fn config(mode: &str) -> wasmtime::Result<Config> {
    let mut config = Config::new();
    match mode {
        "cranelift" => {}
        "bounds" => {
            config.memory_reservation(0).memory_guard_size(0).signals_based_traps(false);
        }
        "noopt" => {
            config.cranelift_opt_level(OptLevel::None);
        }
        "winch" => {
            config.strategy(Strategy::Winch);
        }
        "pulley" => {
            config.target("pulley64")?;
        }
        _ => panic!("no mode is named {mode}"),
    }
    Ok(config)
}

fn main() -> wasmtime::Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, mode, file, n] = &arguments[..] else { panic!("run-wasmtime MODE FILE.wasm N") };
    let n: i32 = n.parse().expect("N is a number");
    let bytes = std::fs::read(file).expect("the file can be read");
    let engine = Engine::new(&config(mode)?)?;
    let began = Instant::now();
    let module = Module::new(&engine, &bytes)?;
    let compiling = began.elapsed().as_secs_f64();
    let mut store = Store::new(&engine, ());
    let instance = Instance::new(&mut store, &module, &[])?;
    let kernel = instance.get_typed_func::<i32, f64>(&mut store, "kernel")?;
    let began = Instant::now();
    let result = kernel.call(&mut store, n)?;
    println!("{result:?} {:.9} {compiling:.9}", began.elapsed().as_secs_f64());
    Ok(())
}
