//! Random programs against a model that never moves or frees anything.
//!
//! The model holds shared storage in reference-counted vectors. Every few steps
//! all registers must read the same in both. At the end of every host call
//! nothing but globals and constants may be left.

use super::heap::{outlives, region_of};
use super::*;
use crate::object::{BigIntRef, Format, ListRef, SparseRef, StrRef, TensorRef};
use crate::trap::TrapCode;
use nbc_ir::{Elem, Item, Type};
use std::cell::RefCell;
use std::rc::Rc;

const F64: Type = Type::Tensor(Elem::F64);
const SPARSE: Type = Type::Sparse(Elem::F64);
const LIST: Type = Type::List(Item::Tensor(Elem::F64));

/// What a register should hold.
#[derive(Clone)]
enum Value {
    Tensor {
        elements: Rc<RefCell<Vec<f64>>>,
        from: usize,
        len: usize,
    },
    Str(Rc<str>),
    List(Rc<RefCell<Vec<Value>>>),
    /// A square matrix with those on its diagonal.
    Sparse(Rc<[f64]>, Format),
    /// A big integer: sign and limbs.
    BigInt(bool, Rc<[u64]>),
}

impl Value {
    fn copy(&self) -> Value {
        match self {
            Value::Tensor { elements, from, len } => {
                let own = elements.borrow()[*from..from + len].to_vec();
                Value::Tensor { elements: Rc::new(RefCell::new(own)), from: 0, len: *len }
            }
            Value::Str(text) => Value::Str(text.clone()),
            Value::Sparse(diagonal, format) => Value::Sparse(diagonal.clone(), *format),
            Value::BigInt(negative, limbs) => Value::BigInt(*negative, limbs.clone()),
            Value::List(items) => {
                // One object in several slots stays one.
                let items = items.borrow();
                let mut copies: Vec<Value> = Vec::new();
                for (i, item) in items.iter().enumerate() {
                    let twin = items[..i].iter().position(|other| other.is(item));
                    copies.push(twin.map_or_else(|| item.copy(), |at| copies[at].clone()));
                }
                Value::List(Rc::new(RefCell::new(copies)))
            }
        }
    }

    /// Whether both are one object (views of the same elements are told apart
    /// well enough by their range here).
    fn is(&self, other: &Value) -> bool {
        match (self, other) {
            (
                Value::Tensor { elements: a, from: f, len: l },
                Value::Tensor { elements: b, from: g, len: m },
            ) => Rc::ptr_eq(a, b) && f == g && l == m,
            _ => false,
        }
    }
}

struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 33) as usize % n
    }
}

struct Run {
    heap: Heap,
    random: Random,
    registers: Vec<(u64, Type, Value)>,
    globals: Vec<Option<(u64, Type, Value)>>,
}

impl Run {
    fn check(slot: u64, value: &Value) {
        // SAFETY: the registers hold live values of the model's kind: that is what is tested.
        unsafe {
            match value {
                Value::Tensor { elements, from, len } => {
                    let found = TensorRef::from_slot(slot);
                    assert_eq!(found.as_slice::<f64>(), &elements.borrow()[*from..from + len]);
                }
                Value::Str(text) => assert_eq!(StrRef::from_slot(slot).as_str(), &**text),
                Value::Sparse(diagonal, format) => {
                    let (found, n) = (SparseRef::from_slot(slot), diagonal.len());
                    assert_eq!((found.dims(), found.format()), ([n as u64; 2], *format));
                    let [pointers, indices, values] = found.parts();
                    assert!((0..=n as i64).eq(pointers.as_slice::<i64>().iter().copied()));
                    assert!((0..n as i32).eq(indices.as_slice::<i32>().iter().copied()));
                    assert_eq!(values.as_slice::<f64>(), &**diagonal);
                    assert!(!values.is_writable() || n == 0);
                }
                Value::BigInt(negative, limbs) => {
                    let found = BigIntRef::from_slot(slot);
                    assert_eq!((found.is_negative(), found.limbs()), (*negative, &**limbs));
                }
                Value::List(items) => {
                    let list = ListRef::from_slot(slot);
                    assert_eq!(list.len(), items.borrow().len());
                    for (i, item) in items.borrow().iter().enumerate() {
                        Run::check(list.get(i as u64).unwrap(), item);
                    }
                }
            }
        }
    }

    fn region(slot: u64, ty: Type) -> u32 {
        // SAFETY: the registers hold live values.
        unsafe { region_of(slot, ty) }
    }

    fn size(&mut self) -> usize {
        match self.random.below(300) {
            0..15 => 0,
            15..180 => self.random.below(20),
            180..299 => self.random.below(600),
            _ => 100_000 + self.random.below(100_000),
        }
    }

    fn make_tensor(&mut self) {
        let n = self.size();
        let data: Vec<f64> = (0..n).map(|i| (i % 100) as f64).collect();
        if let Ok(tensor) = self.heap.tensor_from(&[n as u64], &data) {
            let value = Value::Tensor { elements: Rc::new(RefCell::new(data)), from: 0, len: n };
            self.registers.push((tensor.slot(), F64, value));
        }
    }

    /// A register of type `ty`, if there is one.
    fn any(&mut self, ty: Type) -> Option<(u64, Value)> {
        let all: Vec<_> = self.registers.iter().filter(|r| r.1 == ty).collect();
        if all.is_empty() {
            return None;
        }
        let (slot, _, value) = all[self.random.below(all.len())];
        Some((*slot, value.clone()))
    }

    fn make_view(&mut self) {
        let Some((slot, Value::Tensor { elements, from, len })) = self.any(F64) else { return };
        let start = self.random.below(len + 1);
        let n = self.random.below(len - start + 1);
        // SAFETY: a register's value is live.
        let tensor = unsafe { TensorRef::from_slot(slot) };
        if let Ok(view) = self.heap.view(tensor, start as u64, &[n as u64]) {
            let value = Value::Tensor { elements, from: from + start, len: n };
            self.registers.push((view.slot(), F64, value));
        }
    }

    fn write(&mut self) {
        let Some((slot, Value::Tensor { elements, from, len })) = self.any(F64) else { return };
        if len > 0 {
            let at = self.random.below(len);
            elements.borrow_mut()[from + at] = -1.0;
            // SAFETY: a register's value is live and the index in range.
            unsafe { TensorRef::from_slot(slot).data().cast::<f64>().add(at).write(-1.0) };
        }
    }

    fn make_string(&mut self) {
        let text = "xyz".repeat(self.random.below(500));
        if let Ok(string) = self.heap.string(&text) {
            self.registers.push((string.slot(), Type::Str, Value::Str(text.into())));
        }
    }

    fn make_bigint(&mut self) {
        let limbs: Vec<u64> = (0..self.size()).map(|i| i as u64 + 1).collect();
        let negative = !limbs.is_empty() && self.random.below(2) == 0;
        if let Ok(made) = self.heap.bigint(negative, &limbs) {
            self.registers.push((made.slot(), Type::BigInt, Value::BigInt(negative, limbs.into())));
        }
    }

    fn make_sparse(&mut self) {
        let n = self.random.below(200);
        let diagonal: Vec<f64> = (0..n).map(|i| i as f64).collect();
        let len = n as u64;
        let pointers = self.heap.tensor_from(&[len + 1], &(0..=n as i64).collect::<Vec<_>>());
        let indices = self.heap.tensor_from(&[len], &(0..n as i32).collect::<Vec<_>>());
        let values = self.heap.tensor_from(&[len], &diagonal);
        let (Ok(pointers), Ok(indices), Ok(values)) = (pointers, indices, values) else { return };
        // SAFETY: they are those of a diagonal matrix, and new.
        let made = unsafe { self.heap.sparse(Format::Csr, [len; 2], [pointers, indices, values]) };
        if let Ok(made) = made {
            self.registers.push((made.slot(), SPARSE, Value::Sparse(diagonal.into(), Format::Csr)));
        }
    }

    /// A matrix over the tensors of another.
    fn make_transpose(&mut self) {
        let Some((slot, Value::Sparse(diagonal, format))) = self.any(SPARSE) else { return };
        let format = format.flipped();
        // SAFETY: a register's value is live, and its parts live as long.
        let made = unsafe {
            let matrix = SparseRef::from_slot(slot);
            self.heap.sparse(format, matrix.dims(), matrix.parts())
        };
        if let Ok(made) = made {
            self.registers.push((made.slot(), SPARSE, Value::Sparse(diagonal, format)));
        }
    }

    fn make_list(&mut self) {
        let Some((fill, value)) = self.any(F64) else { return };
        let n = if self.random.below(8) == 0 { 130 } else { self.random.below(5) };
        if let Ok(list) = self.heap.list(Item::Tensor(Elem::F64), n as u64, fill) {
            let items = Value::List(Rc::new(RefCell::new(vec![value; n])));
            self.registers.push((list.slot(), LIST, items));
        }
    }

    fn set_item(&mut self) {
        let (Some((slot, Value::List(items))), Some((item, value))) = (self.any(LIST), self.any(F64)) else {
            return;
        };
        let n = items.borrow().len();
        if n == 0 {
            return;
        }
        let at = self.random.below(n);
        // SAFETY: both are live.
        unsafe {
            let list = ListRef::from_slot(slot);
            let stays = outlives(Run::region(item, F64), list.region());
            if self.heap.list_set(list, at as u64, item).is_ok() {
                items.borrow_mut()[at] = if stays { value } else { value.copy() };
            }
        }
    }

    fn get_item(&mut self) {
        let Some((slot, Value::List(items))) = self.any(LIST) else { return };
        let n = items.borrow().len();
        if n > 0 {
            let at = self.random.below(n);
            // SAFETY: a register's value is live.
            let item = unsafe { ListRef::from_slot(slot) }.get(at as u64).unwrap();
            let value = items.borrow()[at].clone();
            self.registers.push((item, F64, value));
        }
    }

    fn set_global(&mut self) {
        let types = [F64, Type::Str, LIST, SPARSE, Type::BigInt];
        let g = self.random.below(5);
        let Some((slot, value)) = self.any(types[g]) else { return };
        // SAFETY: a register's value is live.
        if let Ok(copy) = unsafe { self.heap.global_set(g, slot, types[g], false) } {
            self.globals[g] = Some((copy, types[g], value.copy()));
        }
    }

    fn get_global(&mut self) {
        let g = self.random.below(5);
        if let Some(global) = self.globals[g].clone() {
            self.registers.push(global);
        }
    }

    fn end(&mut self) {
        let depth = self.heap.depth() as u32;
        if depth < 2 {
            return;
        }
        let (inner, mut left): (Vec<_>, Vec<_>) =
            self.registers.drain(..).partition(|(slot, ty, _)| !outlives(Run::region(*slot, *ty), depth - 1));
        let kept: Vec<_> = inner.into_iter().filter(|_| self.random.below(3) == 0).collect();
        let mut slots: Vec<(u64, Type)> = kept.iter().map(|(slot, ty, _)| (*slot, *ty)).collect();
        // SAFETY: registers into the region that are not kept are forgotten, also on a trap.
        unsafe {
            match self.heap.end_keep(&mut slots) {
                Ok(()) => {
                    left.extend(slots.iter().zip(kept).map(|((slot, ty), (_, _, value))| (*slot, *ty, value)))
                }
                Err(e) => {
                    assert_eq!(e.code, TrapCode::OutOfMemory);
                    self.heap.end();
                }
            }
        }
        self.registers = left;
    }

    fn renew(&mut self) {
        let depth = self.heap.depth() as u32;
        if depth < 2 {
            return;
        }
        let (inner, mut left): (Vec<_>, Vec<_>) =
            self.registers.drain(..).partition(|(slot, ty, _)| !outlives(Run::region(*slot, *ty), depth - 1));
        let kept: Vec<_> = inner.into_iter().filter(|_| self.random.below(3) == 0).collect();
        let mut slots: Vec<(u64, Type)> = kept.iter().map(|(slot, ty, _)| (*slot, *ty)).collect();
        // SAFETY: registers into the region that are not kept are forgotten, also on a trap.
        let done = unsafe { self.heap.renew(&mut slots) };
        match done {
            Ok(()) => {
                for ((slot, ty), (_, _, value)) in slots.into_iter().zip(kept) {
                    assert_eq!(Run::region(slot, ty), depth, "it stays where it was");
                    left.push((slot, ty, value));
                }
            }
            Err(e) => {
                assert_eq!(e.code, TrapCode::OutOfMemory);
                // SAFETY: its registers have been forgotten, and after a trap nothing in it may be used.
                unsafe { self.heap.end() };
            }
        }
        self.registers = left;
    }

    fn end_host_call(&mut self) {
        self.registers.clear();
        // SAFETY: all registers are forgotten; globals stay.
        unsafe { self.heap.end_host_call() };
        let stats = self.heap.stats();
        for region in &stats.regions {
            assert_eq!((region.live, region.buffers), (0, 0));
        }
        let size = |g: &Option<(u64, Type, Value)>| g.is_some() as usize;
        assert_eq!(stats.globals.live > 0, self.globals.iter().map(size).sum::<usize>() > 0);
    }

    fn step(&mut self) {
        match self.random.below(31) {
            0..5 => self.make_tensor(),
            5..8 => self.make_view(),
            8..11 => self.write(),
            11 => self.make_string(),
            12..14 => self.make_list(),
            14..16 => self.set_item(),
            16 => self.get_item(),
            17 => self.set_global(),
            18 => self.get_global(),
            19..21 => {
                if self.heap.depth() < 6 {
                    self.heap.begin();
                }
            }
            21..23 => self.renew(),
            26 => self.make_sparse(),
            27 => self.make_transpose(),
            28 | 29 => self.make_bigint(),
            _ => self.end(),
        }
        if self.random.below(8) > 0 {
            return;
        }
        for (slot, _, value) in self.registers.iter().chain(self.globals.iter().flatten()) {
            Run::check(*slot, value);
        }
        assert!(self.heap.stats().held <= self.heap.limit());
    }
}

fn run(seed: u64, limit: usize) {
    // SAFETY: all registers are forgotten before the heap is dropped.
    let heap = unsafe { Heap::new(limit) };
    let mut run = Run { heap, random: Random(seed), registers: vec![], globals: vec![None; 5] };
    run.heap.define_globals(5);
    for _ in 0..20 {
        run.heap.begin();
        for _ in 0..100 {
            run.step();
        }
        run.end_host_call();
    }
}

#[test]
fn random_programs_agree_with_the_model() {
    for seed in 0..10 {
        run(seed, 1 << 30);
    }
}

#[test]
fn random_programs_agree_with_the_model_when_memory_is_short() {
    for seed in 100..110 {
        run(seed, 200_000 + 100_000 * (seed as usize % 7));
    }
}
