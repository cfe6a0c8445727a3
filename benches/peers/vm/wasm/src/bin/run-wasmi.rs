//! Times a kernel in wasmi: `run-wasmi FILE.wasm N` prints "RESULT SECONDS COMPILE_SECONDS".

use std::time::Instant;
use wasmi::{Engine, Linker, Module, Store};

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, file, n] = &arguments[..] else { panic!("run-wasmi FILE.wasm N") };
    let n: i32 = n.parse().expect("N is a number");
    let bytes = std::fs::read(file).expect("the file can be read");
    let engine = Engine::default();
    let began = Instant::now();
    let module = Module::new(&engine, &bytes[..]).expect("the module is sound");
    let compiling = began.elapsed().as_secs_f64();
    let mut store = Store::new(&engine, ());
    let linker = Linker::<()>::new(&engine);
    let instance = linker.instantiate_and_start(&mut store, &module).expect("it imports nothing");
    let kernel = instance.get_typed_func::<i32, f64>(&store, "kernel").expect("it has a kernel");
    let began = Instant::now();
    let result = kernel.call(&mut store, n).expect("the kernel ends");
    println!("{result:?} {:.9} {compiling:.9}", began.elapsed().as_secs_f64());
}
