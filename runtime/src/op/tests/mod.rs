//! Operations from outside, by their names, as an instance runs them.
#![allow(clippy::cloned_ref_to_slice_refs)]

use super::*;
use crate::object::Scalar;
use crate::object::{Element, StrRef, TensorRef};
use crate::placement::{Cores, Placement, Rates};
use crate::plan::{Arguments, AtOperation, Role};
use crate::region::Heap;
use crate::threads::Threads;
use crate::trap::TrapCode;
use nbc_ir::catalogue::{Operation, Param};
use nbc_ir::entity::SigId;
use nbc_ir::{Elem, Type};
use std::sync::Arc;

mod chains;
#[cfg(feature = "linalg")]
mod contraction;
#[cfg(feature = "crypto")]
mod crypto;
#[cfg(feature = "crypto")]
mod crypto_vectors;
#[cfg(feature = "linalg")]
mod extremes;
#[cfg(feature = "linalg")]
mod fast;
#[cfg(feature = "fft")]
mod fft;
mod fused;
mod goldens;
mod hostile;
mod in_place;
#[cfg(feature = "linalg")]
mod linalg;
mod modular;
mod order;
#[cfg(feature = "linalg")]
mod panels;
mod places;
mod reductions;
mod sparse;

/// A host with a heap and fuel; functions are numbers.
pub(super) struct Bench {
    heap: Heap,
    pub(super) fuel: u64,
    pub(super) polls: usize,
    interrupt_at: usize,
    deferred: Deferred,
}

impl OpHost for Bench {
    fn heap(&mut self) -> &mut Heap {
        &mut self.heap
    }
    fn deferred(&mut self) -> &mut Deferred {
        &mut self.deferred
    }
    fn poll(&mut self) -> Result<(), TrapError> {
        self.polls += 1;
        if self.polls > self.interrupt_at { Err(TrapCode::Interrupted.into()) } else { Ok(()) }
    }
    fn charge(&mut self, fuel: u64) -> Result<(), TrapError> {
        self.fuel = self.fuel.checked_sub(fuel).ok_or(TrapCode::OutOfFuel)?;
        Ok(())
    }
    fn call(&mut self, func: u64, args: &[u64]) -> Result<u64, TrapError> {
        match func {
            0 => Ok((f64::from_slot(args[0]) * 2.0).to_slot()),
            2 => Ok(args.iter().map(|x| f64::from_slot(*x)).sum::<f64>().to_slot()),
            3 => Ok((args[0] as i64 * 10).to_slot()),
            4 => {
                // SAFETY: the argument is a row, which is alive.
                let row = unsafe { crate::object::TensorRef::from_slot(args[0]) };
                // SAFETY: nothing writes it.
                Ok(unsafe { row.as_slice::<f64>() }.iter().product::<f64>().to_slot())
            }
            _ => Err(TrapCode::HostError.into()),
        }
    }
}

/// An argument of an operation.
#[derive(Clone)]
pub(super) enum Arg {
    Slot(u64, Type),
    List(Vec<i64>),
    /// A bracketed list of tensors.
    Tensors(Vec<u64>, Elem),
}

impl Bench {
    pub(super) fn new() -> Bench {
        // SAFETY: the tests use nothing after its bench.
        let heap = unsafe { Heap::new(4 << 30) };
        Bench { heap, fuel: u64::MAX, polls: 0, interrupt_at: usize::MAX, deferred: Deferred::default() }
    }

    pub(super) fn tensor<T: Element>(&mut self, dims: &[u64], data: &[T]) -> Arg {
        Arg::Slot(self.heap.tensor_from(dims, data).unwrap().slot(), Type::Tensor(T::ELEM))
    }

    fn string(&mut self, text: &str) -> Arg {
        Arg::Slot(self.heap.string(text).unwrap().slot(), Type::Str)
    }

    /// Runs an operation; `elems` are its type variables.
    pub(super) fn run(&mut self, name: &str, elems: &[Elem], args: &[Arg]) -> Result<Arg, TrapError> {
        self.run_dying(name, elems, args, Arguments::default())
    }

    /// The same where some of the arguments die.
    pub(super) fn run_dying(
        &mut self,
        name: &str,
        elems: &[Elem],
        args: &[Arg],
        dying: Arguments,
    ) -> Result<Arg, TrapError> {
        self.run_planned(name, elems, args, AtOperation { dying, role: Role::Alone, in_place: true })
    }

    /// Computes what waits.
    fn settle(&mut self) {
        // SAFETY: there are no arguments.
        let mut call = unsafe { OpCall::new(self, &[], &[], &[], 0, &mut []) };
        super::fused::settle(&mut call).unwrap();
    }

    /// The same as a plan says.
    pub(super) fn run_planned(
        &mut self,
        name: &str,
        elems: &[Elem],
        args: &[Arg],
        plan: AtOperation,
    ) -> Result<Arg, TrapError> {
        Ok(self.run_all(name, elems, args, plan)?.remove(0))
    }

    /// The same with all results; a truth value for no result.
    pub(super) fn run_all(
        &mut self,
        name: &str,
        elems: &[Elem],
        args: &[Arg],
        plan: AtOperation,
    ) -> Result<Vec<Arg>, TrapError> {
        let operation = Operation::find(name).expect(name);
        let (mut slots, mut types, mut list_len) = (vec![], vec![], 0);
        for arg in args {
            match arg {
                Arg::Slot(slot, ty) => {
                    slots.push(*slot);
                    types.push(*ty);
                }
                Arg::Tensors(tensors, elem) => {
                    list_len = tensors.len();
                    slots.extend(tensors);
                    types.extend(tensors.iter().map(|_| Type::Tensor(*elem)));
                }
                Arg::List(ints) => {
                    list_len = ints.len();
                    slots.extend(ints.iter().map(|i| *i as u64));
                    types.extend(ints.iter().map(|_| Type::I64));
                }
            }
        }
        let signature = operation.typed();
        for (param, ty) in signature.flat_params(list_len).iter().zip(&types) {
            assert!(
                matches!(param, Param::Func(..)) || param.accepts(*ty, elems, &[]),
                "{name}: {param:?} does not accept {ty:?}"
            );
        }
        let mut results = vec![0; signature.results.len()];
        // SAFETY: the arguments are live, and their types have just been checked.
        let call =
            unsafe { OpCall::new(self, &slots, &types, elems, list_len, &mut results).with_plan(plan) };
        run_operation(operation.index(), call)?;
        if results.is_empty() {
            return Ok(vec![Arg::Slot(0, Type::Bool)]);
        }
        let types = signature.results.iter().map(|r| r.result_type(elems).unwrap_or(Type::Bool));
        Ok(results.into_iter().zip(types).map(|(slot, ty)| Arg::Slot(slot, ty)).collect())
    }
}

impl Arg {
    pub(super) fn slot(&self) -> u64 {
        match self {
            Arg::Slot(slot, _) => *slot,
            Arg::List(_) | Arg::Tensors(..) => panic!("a list has no slot"),
        }
    }

    pub(super) fn tensor(&self) -> TensorRef {
        // SAFETY: the tests keep all regions.
        unsafe { TensorRef::from_slot(self.slot()) }
    }

    pub(super) fn values<T: Element>(&self) -> Vec<T> {
        // SAFETY: as above.
        unsafe { self.tensor().as_slice::<T>() }.to_vec()
    }

    pub(super) fn dims(&self) -> Vec<u64> {
        self.tensor().dims().to_vec()
    }
}

fn f(x: f64) -> Arg {
    Arg::Slot(x.to_slot(), Type::F64)
}

fn int(x: i64) -> Arg {
    Arg::Slot(x as u64, Type::I64)
}

fn list(ints: &[i64]) -> Arg {
    Arg::List(ints.to_vec())
}

const F64: &[Elem] = &[Elem::F64];

#[test]
fn creation() {
    let mut b = Bench::new();
    let z = b.run("tensor.zeros", &[Elem::C128], &[list(&[2, 3])]).unwrap();
    assert_eq!((z.dims(), z.tensor().elem()), (vec![2, 3], Elem::C128));
    let full = b.run("tensor.full", F64, &[list(&[3]), f(1.5)]).unwrap();
    assert_eq!(full.values::<f64>(), [1.5; 3]);
    let l = b.run("tensor.linspace", F64, &[f(0.0), f(1.0), int(5)]).unwrap();
    assert_eq!(l.values::<f64>(), [0.0, 0.25, 0.5, 0.75, 1.0]);
    let l = b.run("tensor.linspace", F64, &[f(2.0), f(3.0), int(1)]).unwrap();
    assert_eq!(l.values::<f64>(), [2.0]);
    assert_eq!(b.run("tensor.linspace", F64, &[f(2.0), f(3.0), int(0)]).unwrap().dims(), [0]);
    let range = |b: &mut Bench, x, y, z| {
        b.run("tensor.arange", &[Elem::I64], &[int(x), int(y), int(z)]).map(|r| r.values::<i64>())
    };
    assert_eq!(range(&mut b, 0, 5, 2), Ok(vec![0, 2, 4]));
    assert_eq!(range(&mut b, 0, -5, -2), Ok(vec![0, -2, -4]));
    assert_eq!(range(&mut b, 0, 5, -2), Ok(vec![]));
    assert_eq!(range(&mut b, 3, 3, 1), Ok(vec![]));
    assert_eq!(range(&mut b, 0, 5, 0).unwrap_err().code, TrapCode::InvalidArgument);
    assert_eq!(range(&mut b, i64::MIN, i64::MAX, 1).unwrap_err().code, TrapCode::OutOfMemory);
    let r = b.run("tensor.arange", F64, &[f(0.0), f(1.0), f(0.3)]).unwrap();
    assert_eq!(r.values::<f64>(), [0.0, 0.3, 0.6, 3.0 * 0.3]);
    for (dims, code) in [
        (&[-1i64][..], TrapCode::InvalidArgument),
        (&[1 << 40], TrapCode::OutOfMemory),
        (&[1 << 62, 1 << 62], TrapCode::OutOfMemory),
        (&[1; 9], TrapCode::InvalidArgument),
    ] {
        assert_eq!(b.run("tensor.zeros", F64, &[list(dims)]).err().unwrap().code, code, "{dims:?}");
        assert_eq!(b.run("tensor.random", F64, &[list(dims), int(1)]).err().unwrap().code, code, "{dims:?}");
    }
}

#[test]
fn random_numbers_do_not_depend_on_how_many() {
    let mut b = Bench::new();
    for (name, elem) in [("tensor.random", Elem::F64), ("tensor.random_normal", Elem::F64)] {
        let long = b.run(name, &[elem], &[list(&[300_000]), int(7)]).unwrap().values::<f64>();
        let short = b.run(name, &[elem], &[list(&[1001]), int(7)]).unwrap().values::<f64>();
        assert_eq!(long[..1001], short[..]);
        let mean = long.iter().sum::<f64>() / long.len() as f64;
        let want = if name.ends_with("normal") { 0.0 } else { 0.5 };
        assert!((mean - want).abs() < 0.01, "{mean}");
    }
    let single = b.run("tensor.random", &[Elem::F32], &[list(&[1000]), int(7)]).unwrap().values::<f32>();
    assert!(single.iter().all(|x| (0.0..1.0).contains(x)));
}

#[test]
fn arithmetic_broadcasts_and_integers_have_their_rules() {
    let mut b = Bench::new();
    let a = b.tensor(&[2, 3], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    let row = b.tensor(&[3], &[10.0, 20.0, 30.0]);
    let column = b.tensor(&[2, 1], &[0.5, 0.25]);
    let sum = b.run("tensor.add", F64, &[a.clone(), row.clone()]).unwrap();
    assert_eq!((sum.dims(), sum.values::<f64>()), (vec![2, 3], vec![11.0, 22.0, 33.0, 14.0, 25.0, 36.0]));
    let product = b.run("tensor.mul", F64, &[column.clone(), a.clone()]).unwrap();
    assert_eq!(product.values::<f64>(), [0.5, 1.0, 1.5, 1.0, 1.25, 1.5]);
    let outer = b.run("tensor.sub", F64, &[row.clone(), column]).unwrap();
    assert_eq!(outer.values::<f64>(), [9.5, 19.5, 29.5, 9.75, 19.75, 29.75]);
    let scaled = b.run("tensor.div", F64, &[f(6.0), a.clone()]).unwrap();
    assert_eq!(scaled.values::<f64>(), [6.0, 3.0, 2.0, 1.5, 1.2, 1.0]);
    let e = b.tensor(&[2], &[1.0, 2.0]);
    let e = b.run("tensor.add", F64, &[a, e]).err().unwrap();
    assert_eq!(
        (e.code, e.message()),
        (TrapCode::ShapeMismatch, "the shapes cannot be broadcast: [2, 3] and [2]")
    );

    const I32: &[Elem] = &[Elem::I32];
    let x = b.tensor(&[3], &[i32::MIN, 7, -7]);
    let y = b.tensor(&[3], &[-1, 2, 2]);
    let run =
        |b: &mut Bench, name: &str| b.run(name, I32, &[x.clone(), y.clone()]).map(|r| r.values::<i32>());
    assert_eq!(run(&mut b, "tensor.div"), Ok(vec![i32::MIN, 3, -3]));
    assert_eq!(run(&mut b, "tensor.rem"), Ok(vec![0, 1, -1]));
    assert_eq!(run(&mut b, "tensor.mul"), Ok(vec![i32::MIN, 14, -14]));
    let zero = b.tensor(&[3], &[1, 0, 1]);
    let e = b.run("tensor.rem", I32, &[x.clone(), zero]).err().unwrap();
    assert_eq!((e.code, e.message()), (TrapCode::DivideByZero, "the divisor's element 1 is zero"));
    let none = b.tensor::<i32>(&[0], &[]);
    let some = Arg::Slot(0, Type::I32);
    assert_eq!(b.run("tensor.div", I32, &[none, some]).unwrap().dims(), [0]);
    let bytes = b.tensor(&[2], &[200u8, 255]);
    let twice = b.run("tensor.add", &[Elem::U8], &[bytes.clone(), bytes.clone()]).unwrap();
    assert_eq!(twice.values::<u8>(), [144, 254]);
    let total = b.run("tensor.sum", &[Elem::U8], &[bytes]).unwrap();
    assert_eq!(total.slot(), 455);
}

#[test]
fn complex_numbers() {
    use num_complex::Complex;
    let mut b = Bench::new();
    let x = b.tensor(&[2], &[Complex::new(1.0, 2.0), Complex::new(1e200, 1e200)]);
    let y = b.tensor(&[2], &[Complex::new(3.0, -1.0), Complex::new(1e200, 0.0)]);
    let run = |b: &mut Bench, name: &str| {
        b.run(name, &[Elem::C128], &[x.clone(), y.clone()]).unwrap().values::<Complex<f64>>()
    };
    assert_eq!(run(&mut b, "tensor.mul")[0], Complex::new(5.0, 5.0));
    assert_eq!(run(&mut b, "tensor.div")[1], Complex::new(1.0, 1.0));
    let quotient = run(&mut b, "tensor.div")[0];
    assert!((quotient - Complex::new(0.1, 0.7)).norm() < 1e-15);
}

#[test]
fn comparison_and_choice() {
    let mut b = Bench::new();
    let x = b.tensor(&[4], &[1.0, f64::NAN, -0.0, 5.0]);
    let y = b.tensor(&[4], &[1.0, f64::NAN, 0.0, 4.0]);
    let run = |b: &mut Bench, name: &str| b.run(name, F64, &[x.clone(), y.clone()]).unwrap();
    assert_eq!(run(&mut b, "tensor.eq").values::<bool>(), [true, false, true, false]);
    assert_eq!(run(&mut b, "tensor.ne").values::<bool>(), [false, true, false, true]);
    assert_eq!(run(&mut b, "tensor.ge").values::<bool>(), [true, false, true, true]);
    let min = run(&mut b, "tensor.minimum").values::<f64>();
    assert!(min[1].is_nan() && min[2].is_sign_negative() && min[3] == 4.0);
    let c = run(&mut b, "tensor.gt");
    let chosen = b.run("tensor.where", F64, &[c.clone(), x.clone(), f(-1.0)]).unwrap();
    assert_eq!(chosen.values::<f64>(), [-1.0, -1.0, -1.0, 5.0]);
    let c2 = b.tensor(&[2, 1], &[true, false]);
    let chosen = b.run("tensor.where", F64, &[c2, f(1.0), y.clone()]).unwrap();
    assert_eq!(chosen.dims(), [2, 4]);
    assert_eq!(chosen.values::<f64>()[..5], [1.0; 5]);
    let not = b.run("tensor.not", &[Elem::Bool], &[c.clone()]).unwrap();
    let any = b.run("tensor.and", &[Elem::Bool], &[c.clone(), not]).unwrap();
    assert_eq!(b.run("tensor.any", &[], &[any]).unwrap().slot(), 0);
    assert_eq!(b.run("tensor.any", &[], &[c]).unwrap().slot(), 1);
}

#[test]
fn movement() {
    let mut b = Bench::new();
    let data: Vec<f64> = (0..24).map(f64::from).collect();
    let x = b.tensor(&[2, 3, 4], &data);
    let view = b.run("tensor.reshape", F64, &[x.clone(), list(&[6, -1])]).unwrap();
    assert_eq!((view.dims(), view.tensor().data()), (vec![6, 4], x.tensor().data()));
    for bad in [&[5, -1][..], &[-1, -1], &[25], &[-2, -12], &[0, -1]] {
        let e = b.run("tensor.reshape", F64, &[x.clone(), list(bad)]).err().unwrap();
        assert_eq!(e.code, TrapCode::ShapeMismatch, "{bad:?}");
    }
    let row = b.run("tensor.row", F64, &[view.clone(), int(2)]).unwrap();
    assert_eq!((row.dims(), row.values::<f64>()), (vec![4], vec![8.0, 9.0, 10.0, 11.0]));
    let rows = b.run("tensor.slice0", F64, &[view.clone(), int(1), int(3)]).unwrap();
    assert_eq!((rows.dims(), rows.values::<f64>()[0]), (vec![2, 4], 4.0));
    for (from, to) in [(-1, 2), (3, 2), (0, 7)] {
        let e = b.run("tensor.slice0", F64, &[view.clone(), int(from), int(to)]).err().unwrap();
        assert_eq!(e.code, TrapCode::IndexOutOfRange);
    }
    let cut = b.run("tensor.slice", F64, &[x.clone(), list(&[0, 1, 1]), list(&[2, 3, 3])]).unwrap();
    assert_eq!(cut.values::<f64>(), [5.0, 6.0, 9.0, 10.0, 17.0, 18.0, 21.0, 22.0]);
    for (order, dims, start) in [
        (&[][..], [4, 3, 2], [0.0, 12.0, 4.0]),
        (&[0, 2, 1], [2, 4, 3], [0.0, 4.0, 8.0]),
        (&[1, 0, 2], [3, 2, 4], [0.0, 1.0, 2.0]),
        (&[1, 2, 0], [3, 4, 2], [0.0, 12.0, 1.0]),
        (&[2, 0, 1], [4, 2, 3], [0.0, 4.0, 8.0]),
    ] {
        let t = b.run("tensor.transpose", F64, &[x.clone(), list(order)]).unwrap();
        assert_eq!((t.dims(), &t.values::<f64>()[..3]), (dims.to_vec(), &start[..]), "{order:?}");
        let all = t.values::<f64>();
        let order: Vec<usize> =
            if order.is_empty() { vec![2, 1, 0] } else { order.iter().map(|a| *a as usize).collect() };
        for (flat, v) in all.iter().enumerate() {
            let at =
                [flat as u64 / dims[2] / dims[1], flat as u64 / dims[2] % dims[1], flat as u64 % dims[2]];
            let mut old = [0; 3];
            for i in 0..3 {
                old[order[i]] = at[i];
            }
            assert_eq!(*v, (old[0] * 12 + old[1] * 4 + old[2]) as f64);
        }
    }
    assert!(b.run("tensor.transpose", F64, &[x.clone(), list(&[0, 0, 1])]).is_err());
    let both = b.run("tensor.concat", F64, &[cut.clone(), cut.clone(), int(2)]).unwrap();
    assert_eq!((both.dims(), &both.values::<f64>()[..4]), (vec![2, 2, 4], &[5.0, 6.0, 5.0, 6.0][..]));
    assert!(b.run("tensor.concat", F64, &[cut.clone(), x.clone(), int(0)]).is_err());
    b.run("tensor.assign", F64, &[x.clone(), list(&[0, 0, 0]), cut]).unwrap();
    assert_eq!(x.values::<f64>()[..6], [5.0, 6.0, 2.0, 3.0, 9.0, 10.0]);
    // The source overlaps the target: as if it had been copied first.
    let line = b.tensor(&[6], &[0i64, 1, 2, 3, 4, 5]);
    let part = b.run("tensor.slice0", &[Elem::I64], &[line.clone(), int(0), int(5)]).unwrap();
    b.run("tensor.assign", &[Elem::I64], &[line.clone(), list(&[1]), part.clone()]).unwrap();
    assert_eq!(line.values::<i64>(), [0, 0, 1, 2, 3, 4]);
    assert!(b.run("tensor.assign", &[Elem::I64], &[line, list(&[2]), part]).is_err());
    let dims = b.run("tensor.dims", F64, &[x]).unwrap();
    assert_eq!(dims.values::<i64>(), [2, 3, 4]);
    let scalar = b.tensor(&[], &[1.0]);
    assert_eq!(b.run("tensor.row", F64, &[scalar, int(0)]).err().unwrap().code, TrapCode::RankMismatch);
}

#[test]
fn casts_clamp_floats_and_wrap_integers() {
    let mut b = Bench::new();
    let x = b.tensor(&[5], &[1.9, -1.9, 1e10, f64::NAN, -0.0]);
    let cast = |b: &mut Bench, x: &Arg, from, to| b.run("tensor.cast", &[from, to], &[x.clone()]).unwrap();
    assert_eq!(cast(&mut b, &x, Elem::F64, Elem::I32).values::<i32>(), [1, -1, i32::MAX, 0, 0]);
    assert_eq!(cast(&mut b, &x, Elem::F64, Elem::U8).values::<u8>(), [1, 0, 255, 0, 0]);
    assert_eq!(cast(&mut b, &x, Elem::F64, Elem::Bool).values::<bool>(), [true, true, true, true, false]);
    let i = b.tensor(&[2], &[-1i64, 1 << 40]);
    assert_eq!(cast(&mut b, &i, Elem::I64, Elem::U8).values::<u8>(), [255, 0]);
    assert_eq!(cast(&mut b, &i, Elem::I64, Elem::F32).values::<f32>(), [-1.0, 1099511627776.0]);
}

/// The order of docs/numerics.md, written down plainly.
fn sum_by_the_book(x: &[f64]) -> f64 {
    if x.len() > 4096 {
        let blocks: Vec<f64> = x.chunks(4096).map(sum_by_the_book).collect();
        return sum_by_the_book(&blocks);
    }
    let mut lanes = [0.0; 16];
    for (i, v) in x.iter().enumerate() {
        lanes[i % 16] += v;
    }
    for half in [8, 4, 2, 1] {
        for i in 0..half {
            lanes[i] += lanes[i + half];
        }
    }
    lanes[0]
}

#[test]
fn sums_go_by_the_book() {
    let mut b = Bench::new();
    for n in [0u64, 1, 15, 16, 17, 4095, 4096, 4097, 100_000, 700_001] {
        let x = b.run("tensor.random_normal", F64, &[list(&[n as i64]), int(n as i64)]).unwrap();
        let values = x.values::<f64>();
        let sum = f64::from_slot(b.run("tensor.sum", F64, &[x.clone()]).unwrap().slot());
        assert_eq!(sum.to_bits(), sum_by_the_book(&values).to_bits(), "{n}");
        let dot = f64::from_slot(b.run("tensor.dot", F64, &[x.clone(), x.clone()]).unwrap().slot());
        let squares: Vec<f64> = values.iter().map(|v| v * v).collect();
        assert_eq!(dot.to_bits(), sum_by_the_book(&squares).to_bits(), "{n}");
        // Along an axis, whichever way the elements lie.
        for inner in [1u64, 3, 70] {
            if n % inner != 0 || n == 0 {
                continue;
            }
            let m = b.run("tensor.reshape", F64, &[x.clone(), list(&[-1, inner as i64])]).unwrap();
            let sums = b.run("tensor.sum_axis", F64, &[m.clone(), int(0)]).unwrap().values::<f64>();
            for (c, sum) in sums.iter().enumerate() {
                let column: Vec<f64> = values.iter().skip(c).step_by(inner as usize).copied().collect();
                assert_eq!(sum.to_bits(), sum_by_the_book(&column).to_bits(), "{n} {inner} {c}");
            }
            let sums = b.run("tensor.sum_axis", F64, &[m, int(1)]).unwrap().values::<f64>();
            for (row, sum) in values.chunks(inner as usize).zip(sums) {
                assert_eq!(sum.to_bits(), sum_by_the_book(row).to_bits());
            }
        }
    }
}

#[test]
fn reductions() {
    let mut b = Bench::new();
    let x = b.tensor(&[2, 3], &[3.0, -1.0, 2.0, -1.0, 8.0, 8.0]);
    let value =
        |b: &mut Bench, name: &str, x: &Arg| b.run(name, F64, &[x.clone()]).map(|r| f64::from_slot(r.slot()));
    assert_eq!(value(&mut b, "tensor.sum", &x), Ok(19.0));
    assert_eq!(value(&mut b, "tensor.prod", &x), Ok(384.0));
    assert_eq!(value(&mut b, "tensor.min", &x), Ok(-1.0));
    assert_eq!(value(&mut b, "tensor.max", &x), Ok(8.0));
    assert_eq!(value(&mut b, "tensor.mean", &x), Ok(19.0 / 6.0));
    assert_eq!(b.run("tensor.argmin", F64, &[x.clone()]).unwrap().slot(), 1);
    assert_eq!(b.run("tensor.argmax", F64, &[x.clone()]).unwrap().slot(), 4);
    let axis = |b: &mut Bench, name: &str, x: &Arg, axis: i64| b.run(name, F64, &[x.clone(), int(axis)]);
    assert_eq!(axis(&mut b, "tensor.max_axis", &x, 0).unwrap().values::<f64>(), [3.0, 8.0, 8.0]);
    assert_eq!(axis(&mut b, "tensor.min_axis", &x, 1).unwrap().values::<f64>(), [-1.0, -1.0]);
    assert_eq!(axis(&mut b, "tensor.mean_axis", &x, 0).unwrap().values::<f64>(), [1.0, 3.5, 5.0]);
    assert_eq!(axis(&mut b, "tensor.prod_axis", &x, 1).unwrap().values::<f64>(), [-6.0, -64.0]);
    assert_eq!(axis(&mut b, "tensor.argmax_axis", &x, 1).unwrap().values::<i64>(), [0, 1]);
    assert_eq!(axis(&mut b, "tensor.argmin_axis", &x, 0).unwrap().values::<i64>(), [1, 0, 0]);
    assert_eq!(axis(&mut b, "tensor.sum_axis", &x, 2).err().unwrap().code, TrapCode::IndexOutOfRange);
    let nan = b.tensor(&[3], &[1.0, f64::NAN, 0.0]);
    assert!(value(&mut b, "tensor.min", &nan).unwrap().is_nan());
    assert_eq!(b.run("tensor.argmin", F64, &[nan.clone()]).unwrap().slot(), 1);
    assert_eq!(b.run("tensor.argmax_axis", F64, &[nan, int(0)]).unwrap().values::<i64>(), [1]);
    let none = b.tensor::<f64>(&[0, 3], &[]);
    for name in ["tensor.min", "tensor.max", "tensor.argmin", "tensor.argmax"] {
        assert_eq!(b.run(name, F64, &[none.clone()]).err().unwrap().code, TrapCode::Empty);
        assert_eq!(axis(&mut b, &format!("{name}_axis"), &none, 0).err().unwrap().code, TrapCode::Empty);
    }
    assert_eq!(value(&mut b, "tensor.sum", &none), Ok(0.0));
    assert_eq!(value(&mut b, "tensor.prod", &none), Ok(1.0));
    assert!(value(&mut b, "tensor.mean", &none).unwrap().is_nan());
    assert_eq!(axis(&mut b, "tensor.sum_axis", &none, 0).unwrap().values::<f64>(), [0.0; 3]);
    assert_eq!(axis(&mut b, "tensor.sum_axis", &none, 1).unwrap().dims(), [0]);
}

#[test]
fn products_of_matrices() {
    let mut b = Bench::new();
    for (m, k, n) in
        [(2u64, 3u64, 2u64), (1, 1, 1), (30, 17, 41), (130, 64, 70), (0, 3, 2), (2, 0, 3), (200, 100, 150)]
    {
        let x = b.run("tensor.random", F64, &[list(&[m as i64, k as i64]), int(1)]).unwrap();
        let y = b.run("tensor.random", F64, &[list(&[k as i64, n as i64]), int(2)]).unwrap();
        let z = b.run("linalg.matmul", F64, &[x.clone(), y.clone()]).unwrap();
        assert_eq!(z.dims(), [m, n]);
        let (x, y, z) = (x.values::<f64>(), y.values::<f64>(), z.values::<f64>());
        for i in 0..m as usize {
            for j in 0..n as usize {
                let want: f64 = (0..k as usize).map(|l| x[i * k as usize + l] * y[l * n as usize + j]).sum();
                assert!((z[i * n as usize + j] - want).abs() <= 1e-12 * want.abs());
            }
        }
    }
    let m = b.tensor(&[2, 3], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    let v = b.tensor(&[3], &[1.0, 1.0, 2.0]);
    let w = b.tensor(&[2], &[1.0, 10.0]);
    let mv = b.run("linalg.matmul", F64, &[m.clone(), v.clone()]).unwrap();
    assert_eq!((mv.dims(), mv.values::<f64>()), (vec![2], vec![9.0, 21.0]));
    let wm = b.run("linalg.matmul", F64, &[w.clone(), m.clone()]).unwrap();
    assert_eq!((wm.dims(), wm.values::<f64>()), (vec![3], vec![41.0, 52.0, 63.0]));
    let vv = b.run("linalg.matmul", F64, &[v.clone(), v.clone()]).unwrap();
    assert_eq!((vv.dims(), vv.values::<f64>()), (vec![], vec![6.0]));
    let e = b.run("linalg.matmul", F64, &[m.clone(), w]).err().unwrap();
    assert_eq!(
        (e.code, e.message()),
        (TrapCode::ShapeMismatch, "the inner dims of matmul differ: [2, 3] and [2]")
    );
    let t = b.tensor(&[], &[1.0]);
    assert_eq!(b.run("linalg.matmul", F64, &[m, t]).err().unwrap().code, TrapCode::RankMismatch);
}

#[test]
fn functions_of_the_program_and_strings() {
    let mut b = Bench::new();
    let x = b.tensor(&[2], &[1.0, 2.5]);
    let function = |n| Arg::Slot(n, Type::Func(SigId(0)));
    let doubled = b.run("tensor.map", &[Elem::F64, Elem::F64], &[x.clone(), function(0)]).unwrap();
    assert_eq!(doubled.values::<f64>(), [2.0, 5.0]);
    let e = b.run("tensor.map", &[Elem::F64, Elem::F64], &[x, function(1)]).err().unwrap();
    assert_eq!(e.code, TrapCode::HostError);

    const F64S: [Elem; 4] = [Elem::F64; 4];
    let (m, n) = (b.tensor(&[2, 2], &[1.0, 2.0, 3.0, 4.0]), b.tensor(&[2, 2], &[10.0, 20.0, 30.0, 40.0]));
    let two = b.run("tensor.map2", &F64S[..3], &[m.clone(), n.clone(), function(2)]).unwrap();
    assert_eq!((two.dims(), two.values::<f64>()), (vec![2, 2], vec![11.0, 22.0, 33.0, 44.0]));
    let three = b.run("tensor.map3", &F64S, &[m.clone(), n.clone(), m.clone(), function(2)]).unwrap();
    assert_eq!(three.values::<f64>(), [12.0, 24.0, 36.0, 48.0]);
    let v = b.tensor(&[4], &[0.0; 4]);
    let e = b.run("tensor.map2", &F64S[..3], &[m.clone(), v.clone(), function(2)]).err().unwrap();
    assert_eq!(e.message(), "tensors have different dims: [2, 2] and [4]");
    let e = b.run("tensor.same_dims", &F64S[..2], &[m.clone(), v]).err().unwrap();
    assert_eq!(e.code, TrapCode::ShapeMismatch);
    b.run("tensor.same_dims", &F64S[..2], &[m.clone(), n]).unwrap();
    let first = Arg::Slot(0.5f64.to_slot(), Type::F64);
    let sum = b.run("tensor.fold", &F64S[..2], &[m.clone(), first.clone(), function(2)]).unwrap();
    assert_eq!(f64::from_slot(sum.slot()), 10.5);
    let sums = b.run("tensor.scan", &F64S[..2], &[m.clone(), first, function(2)]).unwrap();
    assert_eq!((sums.dims(), sums.values::<f64>()), (vec![2, 2], vec![1.5, 3.5, 6.5, 10.5]));
    let tens = b.run("tensor.generate", &[Elem::I64], &[Arg::List(vec![2, 2]), function(3)]).unwrap();
    assert_eq!((tens.dims(), tens.values::<i64>()), (vec![2, 2], vec![0, 10, 20, 30]));
    let products = b.run("tensor.map_rows", &F64S[..2], &[m.clone(), function(4)]).unwrap();
    assert_eq!((products.dims(), products.values::<f64>()), (vec![2], vec![2.0, 12.0]));
    let scalar = b.tensor(&[], &[1.0]);
    let e = b.run("tensor.map_rows", &F64S[..2], &[scalar, function(4)]).err().unwrap();
    assert_eq!(e.code, TrapCode::IndexOutOfRange);
    let like = b.run("tensor.zeros_like", &[Elem::F64, Elem::I32], &[m]).unwrap();
    assert_eq!((like.dims(), like.values::<i32>()), (vec![2, 2], vec![0; 4]));

    let text = |a: Arg| {
        // SAFETY: strings of the tests live to their end.
        unsafe { StrRef::from_slot(a.slot()).as_str() }
    };
    let (ab, c) = (b.string("ab"), b.string("ç"));
    let abc = b.run("str.concat", &[], &[ab.clone(), c]).unwrap();
    assert_eq!(text(abc.clone()), "abç");
    assert_eq!(b.run("str.len", &[], &[abc.clone()]).unwrap().slot(), 4);
    assert_eq!(b.run("str.byte", &[], &[abc.clone(), int(2)]).unwrap().slot(), 0xc3);
    assert_eq!(b.run("str.byte", &[], &[abc.clone(), int(4)]).err().unwrap().code, TrapCode::IndexOutOfRange);
    let bytes = b.run("str.bytes", &[], &[abc.clone()]).unwrap();
    assert_eq!(bytes.values::<u8>(), "abç".as_bytes());
    let again = b.run("str.of_bytes", &[], &[bytes]).unwrap();
    assert_eq!(b.run("str.eq", &[], &[again, abc.clone()]).unwrap().slot(), 1);
    // Every place where a character can lie on the border of a piece.
    for before in 0..4 {
        let text = "x".repeat((1 << 22) - before) + "é€𝄞" + &"y".repeat(5);
        let bytes = b.tensor(&[text.len() as u64], text.as_bytes());
        let again = b.run("str.of_bytes", &[], &[bytes]).unwrap();
        let text = b.string(&text);
        assert_eq!(b.run("str.eq", &[], &[again, text]).unwrap().slot(), 1);
    }
    for (bad, at) in [(&b"ab\xff"[..], 2), (b"\xc3", 0), (b"abc\xe2\x82", 3), (b"\xed\xa0\x80", 0)] {
        let bytes = b.tensor(&[bad.len() as u64], bad);
        let trap = b.run("str.of_bytes", &[], &[bytes]).err().unwrap();
        assert_eq!(trap.code, TrapCode::InvalidArgument);
        assert_eq!(trap.detail().unwrap(), format!("the bytes from {at} on are no UTF-8"));
    }
    assert_eq!(b.run("str.byte", &[], &[abc, int(-1)]).err().unwrap().code, TrapCode::IndexOutOfRange);
    let ab2 = b.string("ab");
    assert_eq!(b.run("str.eq", &[], &[ab, ab2]).unwrap().slot(), 1);
    for (x, want) in
        [(1.0, "1.0"), (0.1, "0.1"), (1e300, "1e300"), (f64::NAN, "nan"), (-f64::INFINITY, "-inf")]
    {
        assert_eq!(text(b.run("str.of_f64", &[], &[f(x)]).unwrap()), want);
    }
    assert_eq!(text(b.run("str.of_i64", &[], &[int(-12)]).unwrap()), "-12");
    assert_eq!(text(b.run("str.of_bool", &[], &[Arg::Slot(1, Type::Bool)]).unwrap()), "true");
}

#[test]
fn fuel_follows_from_the_shapes_before_memory_is_taken() {
    let mut b = Bench::new();
    let x = b.run("tensor.zeros", F64, &[list(&[100, 100])]).unwrap();
    assert_eq!(u64::MAX - b.fuel, 10_000 / 16);
    b.fuel = 1 << 40;
    b.run("tensor.add", F64, &[x.clone(), f(1.0)]).unwrap();
    assert_eq!((1 << 40) - b.fuel, (10_000 + 20_000) / 16);
    b.fuel = 1 << 40;
    b.run("linalg.matmul", F64, &[x.clone(), x.clone()]).unwrap();
    assert_eq!((1 << 40) - b.fuel, (2_000_000 + 30_000) / 16);
    b.fuel = 100;
    let held = b.heap.stats().held;
    assert_eq!(b.run("tensor.add", F64, &[x.clone(), x.clone()]).err().unwrap().code, TrapCode::OutOfFuel);
    assert_eq!(b.run("tensor.sum", F64, &[x.clone()]).err().unwrap().code, TrapCode::OutOfFuel);
    assert_eq!((b.heap.stats().held, b.fuel), (held, 100));
    b.run("tensor.reshape", F64, &[x, list(&[-1])]).unwrap();
    assert_eq!(b.fuel, 100);
}

#[test]
fn long_work_asks_for_leave() {
    let mut b = Bench::new();
    let x = b.run("tensor.random", F64, &[list(&[5_000_000]), int(1)]).unwrap();
    let (wide, tall) = (list(&[5, 1_000_000]), list(&[1_000_000, 5]));
    let wide = b.run("tensor.reshape", F64, &[x.clone(), wide]).unwrap();
    let tall = b.run("tensor.reshape", F64, &[x.clone(), tall]).unwrap();
    b.polls = 0;
    b.interrupt_at = 1;
    let calls: [(&str, &[Arg]); 10] = [
        ("tensor.sin", &[x.clone()]),
        ("tensor.neg", &[x.clone()]),
        ("tensor.copy", &[x.clone()]),
        ("tensor.sum", &[x.clone()]),
        ("tensor.concat", &[x.clone(), x.clone(), int(0)]),
        ("tensor.slice", &[x.clone(), list(&[0]), list(&[5_000_000])]),
        ("tensor.assign", &[x.clone(), list(&[0]), x.clone()]),
        ("tensor.argmin", &[x.clone()]),
        ("tensor.transpose", &[wide.clone(), list(&[1, 0])]),
        ("tensor.transpose", &[tall.clone(), list(&[1, 0])]),
    ];
    for (name, args) in calls {
        b.polls = 0;
        assert_eq!(b.run(name, F64, args).err().unwrap().code, TrapCode::Interrupted, "{name}");
    }
    b.interrupt_at = usize::MAX;
    let flags = b.run("tensor.full", &[Elem::Bool], &[list(&[5_000_000]), Arg::Slot(0, Type::Bool)]).unwrap();
    (b.polls, b.interrupt_at) = (0, 1);
    assert_eq!(b.run("tensor.any", &[], &[flags]).err().unwrap().code, TrapCode::Interrupted);
}

/// What makes few results, each from much, asks on its own.
#[test]
fn long_axes_ask_for_leave() {
    let mut b = Bench::new();
    for dims in [[5_000_000, 1], [1_000_000, 5]] {
        let x = b.run("tensor.full", F64, &[list(&dims), f(1.0)]).unwrap();
        for name in ["tensor.sum_axis", "tensor.max_axis", "tensor.argmax_axis"] {
            b.heap.interruption().flag().store(true, std::sync::atomic::Ordering::Relaxed);
            (b.polls, b.interrupt_at) = (0, 0);
            let stopped = b.run(name, F64, &[x.clone(), int(0)]);
            assert_eq!(stopped.err().unwrap().code, TrapCode::Interrupted, "{name} of {dims:?}");
            b.heap.interruption().clear();
            b.interrupt_at = usize::MAX;
            b.run(name, F64, &[x.clone(), int(0)]).unwrap();
        }
    }
}

#[test]
fn the_number_of_threads_changes_no_bit() {
    let bits = |threads: Threads| {
        let mut b = Bench::new();
        b.heap.set_threads(threads);
        b.heap.set_placement(Arc::new(Placement::new(Rates::default(), Cores::All, None)));
        let mut all: Vec<u64> = vec![];
        let x = b.run("tensor.random_normal", F64, &[list(&[300, 900]), int(3)]).unwrap();
        let y = b.run("tensor.random", F64, &[list(&[900, 200]), int(4)]).unwrap();
        let product = b.run("linalg.matmul", F64, &[x.clone(), y]).unwrap();
        all.extend(product.values::<f64>().iter().map(|v| v.to_bits()));
        for name in ["tensor.sum", "tensor.prod", "tensor.mean", "tensor.argmax"] {
            all.push(b.run(name, F64, &[x.clone()]).unwrap().slot());
        }
        for axis in 0..2 {
            let sums = b.run("tensor.sum_axis", F64, &[x.clone(), int(axis)]).unwrap();
            all.extend(sums.values::<f64>().iter().map(|v| v.to_bits()));
        }
        for name in ["tensor.sin", "tensor.abs"] {
            all.extend(b.run(name, F64, &[x.clone()]).unwrap().values::<f64>().iter().map(|v| v.to_bits()));
        }
        let flat = b.run("tensor.reshape", F64, &[x, list(&[-1])]).unwrap();
        let sorted = b.run("tensor.sort_with_places", F64, &[flat, int(0)]).unwrap();
        all.extend(sorted.values::<f64>().iter().map(|v| v.to_bits()));
        all
    };
    let pool = |threads| rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    let one = bits(Threads::at_most(1));
    for threads in [2, 5] {
        assert!(bits(Threads::at_most(threads)) == one, "at most {threads} threads");
        assert!(bits(Threads::of(Arc::new(pool(threads)))) == one, "a pool of {threads} threads");
        assert!(
            pool(threads).install(|| bits(Threads::default())) == one,
            "within a pool of {threads} threads"
        );
    }
}
