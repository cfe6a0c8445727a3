//! What the host sees of NaN: the canonical one, whatever was computed, loaded
//! or only handed through, in every way this build can run programs. Inside of
//! programs `returns/nan*.nba` look.

use nbc::expectation::PLENTY;
use nbc::ir::{Elem, Item, Module, Type};
use nbc::runtime::engine::Limits;
use nbc::runtime::host::HostFunc;
use nbc::runtime::linker::Linker;
use nbc::{OwnedTensor, Value};
use ndarray::ArrayD;
use num_complex::Complex;
use std::sync::{Arc, Mutex};
use support::call::load;
use support::way::Way;

const NAN: u64 = 0x7ff8_0000_0000_0000;
const NAN_F32: u32 = 0x7fc0_0000;

/// Signs, kinds and payloads of all sorts.
const NANS: [u64; 5] =
    [NAN, 0xfff8_0000_0000_0000, 0x7ff0_0000_0000_0001, 0xfff4_0000_dead_beef, 0x7fff_ffff_ffff_ffff];

const TEXT: &str = r#"
import func @host.scalars(f64, f32)
import func @host.items(list<f64>)
import func @host.arrays(tensor<f64>, tensor<f32>, tensor<c128>)
const @given: tensor<f64> [2] = {nan:0xfff4000000000001, 1.0}
export global @scalar: f64 = nan:0x7ff4000000000001
export global @tensor: tensor<f64> = @given
export global const @fixed: tensor<f64> = @given

; All that a program can do with a NaN without computing, and some that it computes.
export func @main(%x: tensor<f64>, %n: f64) -> (f64, f32, tensor<f64>, tensor<f64>, tensor<f64>, list<f64>) {
  %len = tensor.len %x
  %t = tensor.zeros<f64> [%len]
  %i = i64.const 0
  br copy
copy:
  %v = tensor.load %x, %i
  tensor.store %t, %i, %v
  %i = i64.add %i, 1
  %more = i64.lt %i, %len
  br_if %more, copy, copied
copied:
  %zero = f64.const 0.0
  %made = f64.div %zero, %zero
  %made = f64.sub %made, %n
  %s = f32.demote %n
  %single = tensor.full [3], %s
  %complex = tensor.zeros<c128> [1]
  tensor.store_im %complex, 0, %n
  %items = list.new 2, %n
  list.set %items, 1, %made
  global.set @scalar, %n
  global.set @tensor, %t
  call @host.scalars(%n, %s)
  call @host.scalars(%made, %s)
  call @host.items(%items)
  call @host.arrays(%x, %single, %complex)
  call @host.arrays(%t, %single, %complex)
  %c = const.get @given
  call @host.arrays(%c, %single, %complex)
  ret %made, %s, %x, %t, %c, %items
}

export func @large(%n: f64, %len: i64) -> tensor<f64> {
  %t = tensor.full [%len], 1.0
  %last = i64.sub %len, 1
  tensor.store %t, %last, %n
  tensor.store %t, 0, %n
  ret %t
}
"#;

fn nan(v: f64) {
    assert_eq!(v.to_bits(), NAN, "{:#x}", v.to_bits());
}

fn nan_f32(v: f32) {
    assert_eq!(v.to_bits(), NAN_F32, "{:#x}", v.to_bits());
}

/// Every element is the canonical NaN or 1.
fn elements<'a>(all: impl IntoIterator<Item = &'a f64>) {
    for v in all {
        if *v != 1.0 {
            nan(*v);
        }
    }
}

fn tensor(value: &Value) {
    let Value::Tensor(t) = value else { panic!("{value:?} is no tensor") };
    assert!(!t.is_empty());
    elements(t.as_slice::<f64>().unwrap());
}

fn list(value: &Value) {
    let Value::List(Item::F64, items) = value else { panic!("{value:?} is no list of f64") };
    for item in items {
        let Value::F64(v) = item else { panic!("{item:?} is no f64") };
        nan(*v);
    }
}

/// A host that looks at what it is called with, and counts the calls.
fn linker(calls: &Arc<Mutex<u32>>, dynamic: bool) -> Linker {
    let mut linker = Linker::new();
    let called = |calls: &Arc<Mutex<u32>>| *calls.lock().unwrap() += 1;
    let count = calls.clone();
    let items = HostFunc::dynamic(&[Type::List(Item::F64)], &[], move |args: &[Value]| {
        list(&args[0]);
        called(&count);
        Ok::<_, String>(Vec::new())
    });
    linker.define("host.items", items);
    let (one, two) = (calls.clone(), calls.clone());
    if dynamic {
        let scalars = HostFunc::dynamic(&[Type::F64, Type::F32], &[], move |args: &[Value]| {
            let [Value::F64(d), Value::F32(s)] = args else { panic!("{args:?}") };
            nan(*d);
            nan_f32(*s);
            called(&one);
            Ok::<_, String>(Vec::new())
        });
        linker.define("host.scalars", scalars);
        let types = [Elem::F64, Elem::F32, Elem::C128].map(Type::Tensor);
        let arrays = HostFunc::dynamic(&types, &[], move |args: &[Value]| {
            tensor(&args[0]);
            let [_, Value::Tensor(s), Value::Tensor(c)] = args else { panic!("{args:?}") };
            s.as_slice::<f32>().unwrap().iter().for_each(|v| nan_f32(*v));
            c.as_slice::<Complex<f64>>().unwrap().iter().for_each(|v| nan(v.im));
            called(&two);
            Ok::<_, String>(Vec::new())
        });
        linker.define("host.arrays", arrays);
    } else {
        linker.func("host.scalars", move |d: f64, s: f32| {
            nan(d);
            nan_f32(s);
            called(&one);
        });
        linker.func("host.arrays", move |x: ArrayD<f64>, s: ArrayD<f32>, c: ArrayD<Complex<f64>>| {
            elements(&x);
            s.iter().for_each(|v| nan_f32(*v));
            c.iter().for_each(|v| nan(v.im));
            called(&two);
        });
    }
    linker
}

#[test]
fn the_host_sees_the_canonical_one() {
    let module = Module::parse(TEXT, "nan.nba").unwrap().verify().unwrap();
    for way in Way::all() {
        let program = load(&module, way);
        for (at, bits) in NANS.into_iter().enumerate() {
            let calls = Arc::new(Mutex::new(0));
            let limits = Limits::new().fuel(way.metered.then_some(PLENTY));
            let mut instance = linker(&calls, at % 2 == 0).instantiate_with(&program, limits).unwrap();
            tensor(&instance.global("tensor").unwrap());
            tensor(&instance.global("fixed").unwrap());
            let given: Vec<f64> = NANS.into_iter().map(f64::from_bits).collect();
            let x = OwnedTensor::from_slice(&[5], &given).unwrap();
            for _ in 0..5 {
                let args = [Value::Tensor(x.clone()), Value::F64(f64::from_bits(bits))];
                let results = instance.call("main", &args).unwrap();
                let [Value::F64(d), Value::F32(s), one, two, three, items] = &results[..] else {
                    panic!("{results:?}")
                };
                nan(*d);
                nan_f32(*s);
                [one, two, three].into_iter().for_each(tensor);
                list(items);
                tensor(&instance.global("tensor").unwrap());
                let Value::F64(v) = instance.global("scalar").unwrap() else { panic!("no f64") };
                nan(v);
                // What was lent is the host's, and stays as it is.
                assert!(x.as_slice::<f64>().unwrap().iter().map(|v| v.to_bits()).eq(NANS));
            }
            assert_eq!(*calls.lock().unwrap(), 30);
        }
    }
}

/// A result whose buffer the host is given, not a copy, is looked over too.
#[test]
fn large_results_are_canonical_from_end_to_end() {
    let module = Module::parse(TEXT, "nan.nba").unwrap().verify().unwrap();
    let calls = Arc::new(Mutex::new(0));
    let program = nbc::Engine::default().load(module);
    let mut instance = linker(&calls, false).instantiate(&program).unwrap();
    let large = instance.typed::<(f64, i64), OwnedTensor>("large").unwrap();
    for len in [1, 2, 511, 512, 513, 100_000] {
        for bits in NANS {
            let t = large.call(&mut instance, (f64::from_bits(bits), len)).unwrap();
            let t = t.as_slice::<f64>().unwrap();
            assert_eq!(t.iter().filter(|v| v.to_bits() == NAN).count(), if len == 1 { 1 } else { 2 });
            elements(t);
        }
    }
}
