//! The state that a run changes: objects, globals and fuel, and what others have seen of
//! it so far.
//!
//! Seen is what leaves the program or may end it: calls of the host, operations, whatever makes or
//! copies objects, each with the fuel that was left. Stores and calls of the program's own
//! functions are not: who watches can tell a store only where the program is left, and calls
//! are inlined.

use crate::Stop;
use crate::object::{GLOBAL, Heap, List, Object, canonical_elements};
use crate::value::{ObjectId, Slot, canonical};
use nbc_ir::{ConstValue, Elem, GlobalInit, Item, Module, Type};
use nbc_runtime::object::{Format, OwnedBigInt, OwnedSparse, OwnedTensor};
use nbc_runtime::trap::TrapCode;
use nbc_runtime::value::Value;
use num_complex::Complex;
use rustc_hash::{FxHashMap, FxHasher};
use std::hash::{Hash, Hasher};

/// Most bytes of objects of one evaluation.
const MEMORY: usize = 64 << 20;

/// What counts down while a program runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Budget {
    /// Fuel, which is never below 0.
    Fuel(u64),
    /// Iterations up to the next look at clock and interrupt flag.
    Iterations(i64),
}

/// What kind of thing has been seen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// A call of an import, by its number.
    Host(u32),
    /// A call of an operation, by its number in the module.
    Operation(u32),
    /// A global set to an object.
    Global(u32),
    /// A list made.
    ListNew,
    /// An object put into a list.
    ListSet,
}

/// Something that has been seen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Event {
    /// What it is.
    pub kind: Kind,
    /// Fuel left before it, if metered.
    pub fuel: Option<u64>,
    /// Of the values that went into it; where the host is called, of all that it can see.
    pub hash: u64,
}

/// The state of a run.
#[derive(Clone, Debug)]
pub struct State {
    /// Objects.
    pub heap: Heap,
    /// Globals.
    pub globals: Vec<Slot>,
    /// Constants.
    pub constants: Vec<Slot>,
    /// Fuel, or iterations.
    pub budget: Budget,
    /// What has been seen.
    pub events: Vec<Event>,
    /// Values that whoever called still has afterwards.
    pub roots: Vec<Slot>,
}

impl State {
    /// That of a new instance of `module`, which the host has called.
    ///
    /// # Errors
    /// When its constants take too much memory.
    pub fn new(module: &Module, budget: Budget) -> Result<State, Stop> {
        let mut heap = Heap::new(MEMORY);
        let mut constants = Vec::with_capacity(module.constants.len());
        for constant in &module.constants {
            constants.push(match &constant.value {
                ConstValue::Str(text) => heap.add(Object::Str(text.as_str().into()), 0)?,
                ConstValue::Tensor { elem, dims, data } => {
                    let mut data = data.clone();
                    if *elem == Elem::Bool {
                        data.iter_mut().for_each(|b| *b = u8::from(*b != 0));
                    }
                    heap.add_tensor(*elem, dims, data, false, 0)?
                }
                ConstValue::Zeros { elem, dims } => heap.add_zeros(*elem, dims, false, 0)?,
            });
        }
        let mut globals = Vec::with_capacity(module.globals.len());
        for (n, global) in module.globals.iter().enumerate() {
            globals.push(match global.init {
                GlobalInit::Imm(imm) => Slot::Bits(imm.to_slot()),
                GlobalInit::Func(func) => Slot::Bits(func.index() as u64),
                GlobalInit::Const(id) => {
                    let copy = heap.copy(constants[id.index()].object()?, GLOBAL | n as u32)?;
                    if !global.mutable {
                        heap.set_read_only(copy);
                    }
                    copy
                }
            });
        }
        Ok(State { heap, globals, constants, budget, events: Vec::new(), roots: Vec::new() })
    }

    /// That of the same instance when the host calls it again.
    pub fn again(&mut self, budget: Budget) {
        self.heap.end_host_call();
        self.budget = budget;
        self.events.clear();
        self.roots.clear();
    }

    /// Fuel left, if metered.
    pub fn fuel(&self) -> Option<u64> {
        match self.budget {
            Budget::Fuel(left) => Some(left),
            Budget::Iterations(_) => None,
        }
    }

    /// Takes what something other than a block costs, if fuel is metered.
    ///
    /// # Errors
    /// The trap for want of it; nothing is taken then.
    pub fn take(&mut self, cost: u64) -> Result<(), Stop> {
        if let Budget::Fuel(left) = &mut self.budget {
            *left = left.checked_sub(cost).ok_or(TrapCode::OutOfFuel)?;
        }
        Ok(())
    }

    /// Ends the innermost region, or frees what is not kept of it, for what that costs.
    ///
    /// # Errors
    /// The trap for want of fuel, or when something that is kept is gone.
    pub fn leave_region(&mut self, kept: &[Slot], ends: bool) -> Result<(), Stop> {
        self.take(self.heap.move_fuel(kept)?)?;
        if ends { self.heap.end(kept) } else { self.heap.renew(kept) }
    }

    /// Notes that something is seen, with the values that go into it.
    ///
    /// # Errors
    /// When one of them is gone.
    pub fn note(&mut self, kind: Kind, values: &[Slot], types: &[Type]) -> Result<(), Stop> {
        let mut hasher = FxHasher::default();
        let mut picture = Picture::default();
        for (slot, ty) in values.iter().zip(types) {
            picture.add(&self.heap, *slot, *ty)?;
        }
        if let Kind::Host(_) = kind {
            picture.add_all(self)?;
        }
        picture.parts.hash(&mut hasher);
        self.events.push(Event { kind, fuel: self.fuel(), hash: hasher.finish() });
        Ok(())
    }

    /// A value of the host, as an argument: tensors are lent.
    ///
    /// # Errors
    /// When there is no room.
    pub fn lower(&mut self, value: &Value, writable: bool) -> Result<Slot, Stop> {
        let region = self.heap.innermost();
        Ok(match value {
            Value::I32(v) => Slot::Bits(*v as u32 as u64),
            Value::I64(v) => Slot::Bits(*v as u64),
            Value::F32(v) => Slot::Bits(v.to_bits().into()),
            Value::F64(v) => Slot::Bits(v.to_bits()),
            Value::Bool(v) => Slot::Bits((*v).into()),
            Value::Func(id) => Slot::Bits(id.index() as u64),
            Value::Str(text) => self.heap.add(Object::Str(text.as_str().into()), region)?,
            Value::Tensor(t) => {
                let dims: Vec<u64> = t.dims().iter().map(|d| *d as u64).collect();
                self.heap.add_tensor(t.elem(), &dims, t.as_bytes().to_vec(), writable, region)?
            }
            Value::BigInt(v) => self.heap.add(Object::BigInt(v.clone().into()), region)?,
            Value::Sparse(matrix) => self.heap.add(Object::Sparse(matrix.clone().into()), region)?,
            Value::List(item, values) => {
                let items = values.iter().map(|v| self.lower(v, writable)).collect::<Result<_, _>>()?;
                self.heap.add(Object::List(List { item: *item, items }), region)?
            }
        })
    }

    /// The value in a slot, for the host.
    ///
    /// # Errors
    /// When the object is gone.
    pub fn lift(&self, slot: Slot, ty: Type) -> Result<Value, Stop> {
        Ok(match ty {
            Type::I32 => Value::I32(slot.bits()? as i32),
            Type::I64 => Value::I64(slot.bits()? as i64),
            Type::F32 => Value::F32(f32::from_bits(canonical(slot.bits()?, ty) as u32)),
            Type::F64 => Value::F64(f64::from_bits(canonical(slot.bits()?, ty))),
            Type::Bool => Value::Bool(slot.bits()? != 0),
            Type::Func(_) => Value::Func(nbc_ir::FuncId(slot.bits()? as u32)),
            Type::Str => match self.heap.get(slot.object()?)? {
                Object::Str(text) => Value::Str(text.to_string()),
                _ => return Err(crate::wrong("the object is no string")),
            },
            Type::Tensor(_) => {
                let id = slot.object()?;
                let tensor = self.heap.tensor(id)?;
                // What leaves a program has the canonical NaN.
                let elements = canonical_elements(tensor.elem, self.heap.elements(id)?);
                let owned = owned(tensor.elem, &tensor.dims, &elements);
                Value::Tensor(owned.ok_or_else(|| Stop::Unsupported("a tensor without memory".to_owned()))?)
            }
            Type::BigInt => match self.heap.get(slot.object()?)? {
                Object::BigInt(v) => Value::BigInt(OwnedBigInt::clone(v)),
                _ => return Err(crate::wrong("the object is no big integer")),
            },
            Type::Sparse(_) => match self.heap.get(slot.object()?)? {
                Object::Sparse(matrix) => Value::Sparse(OwnedSparse::clone(matrix)),
                _ => return Err(crate::wrong("the object is no sparse matrix")),
            },
            Type::List(item) => {
                let items = self.heap.list(slot.object()?)?.items.iter();
                Value::List(item, items.map(|i| self.lift(*i, item.ty())).collect::<Result<_, _>>()?)
            }
        })
    }
}

/// A tensor of the host's with these elements.
fn owned(elem: Elem, dims: &[u64], bytes: &[u8]) -> Option<OwnedTensor> {
    macro_rules! of {
        ($ty:ty, $size:literal, |$b:ident| $value:expr) => {{
            let read = |b: &[u8]| b.try_into().ok().map(|$b: [u8; $size]| -> $ty { $value });
            OwnedTensor::from_slice(dims, &bytes.chunks_exact($size).filter_map(read).collect::<Vec<$ty>>())
        }};
    }
    match elem {
        Elem::U8 => of!(u8, 1, |b| b[0]),
        Elem::Bool => of!(bool, 1, |b| b[0] != 0),
        Elem::I32 => of!(i32, 4, |b| i32::from_le_bytes(b)),
        Elem::I64 => of!(i64, 8, |b| i64::from_le_bytes(b)),
        Elem::F32 => of!(f32, 4, |b| f32::from_le_bytes(b)),
        Elem::F64 => of!(f64, 8, |b| f64::from_le_bytes(b)),
        Elem::C64 => of!(Complex<f32>, 8, |b| {
            let part = |n: usize| f32::from_bits(u64::from_le_bytes(b).wrapping_shr(32 * n as u32) as u32);
            Complex::new(part(0), part(1))
        }),
        Elem::C128 => of!(Complex<f64>, 16, |b| {
            let part = |n: u32| f64::from_bits((u128::from_le_bytes(b) >> (64 * n)) as u64);
            Complex::new(part(0), part(1))
        }),
    }
}

/// A part of what can be reached from some values.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Part {
    /// A scalar.
    Scalar(u64),
    /// A tensor: number of its buffer, by when it was come to, where in it, and what is there.
    Tensor {
        /// Of the buffer.
        buffer: usize,
        /// In bytes.
        start: usize,
        /// Element type.
        elem: Elem,
        /// Dims.
        dims: Vec<u64>,
        /// Whether it may be written.
        writable: bool,
        /// Elements, with one NaN for all.
        elements: Vec<u8>,
    },
    /// A string.
    Str(String),
    /// A big integer.
    BigInt(OwnedBigInt),
    /// A list; its items follow.
    List(Item, usize),
    /// A sparse matrix: format, dims, and the bytes of its tensors.
    Sparse(bool, [u64; 2], [Vec<u8>; 3]),
    /// An object that has been come to before, by number.
    Again(usize),
}

/// All that can be reached from some values, object by object, with what they share.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Picture {
    /// The parts, in the order they are come to.
    pub parts: Vec<Part>,
    objects: FxHashMap<ObjectId, usize>,
    buffers: FxHashMap<usize, usize>,
}

impl Picture {
    /// Adds a value.
    ///
    /// # Errors
    /// When it is gone.
    pub fn add(&mut self, heap: &Heap, slot: Slot, ty: Type) -> Result<(), Stop> {
        match slot {
            Slot::Object(id) => self.add_object(heap, id),
            other => {
                self.parts.push(Part::Scalar(canonical(other.bits()?, ty)));
                Ok(())
            }
        }
    }

    /// Adds what whoever called has, and the globals.
    ///
    /// # Errors
    /// When something of it is gone.
    pub fn add_all(&mut self, state: &State) -> Result<(), Stop> {
        for slot in state.roots.iter().chain(&state.globals) {
            match slot {
                Slot::Object(id) => self.add_object(&state.heap, *id)?,
                // It is told from other NaNs by nobody.
                Slot::Bits(bits) => self.parts.push(Part::Scalar(*bits)),
                _ => {}
            }
        }
        Ok(())
    }

    fn add_object(&mut self, heap: &Heap, id: ObjectId) -> Result<(), Stop> {
        if let Some(number) = self.objects.get(&id) {
            self.parts.push(Part::Again(*number));
            return Ok(());
        }
        self.objects.insert(id, self.objects.len());
        match heap.get(id)? {
            Object::Tensor(tensor) => {
                let next = self.buffers.len();
                let buffer = *self.buffers.entry(tensor.buffer).or_insert(next);
                self.parts.push(Part::Tensor {
                    buffer,
                    start: tensor.start,
                    elem: tensor.elem,
                    dims: tensor.dims.to_vec(),
                    writable: tensor.writable,
                    elements: canonical_elements(tensor.elem, heap.elements(id)?),
                });
            }
            Object::Str(text) => self.parts.push(Part::Str(text.to_string())),
            Object::BigInt(v) => self.parts.push(Part::BigInt(OwnedBigInt::clone(v))),
            Object::Sparse(matrix) => {
                let parts = [matrix.pointers(), matrix.indices(), matrix.values()];
                let bytes = parts.map(|part| canonical_elements(part.elem(), part.as_bytes()));
                self.parts.push(Part::Sparse(matrix.format() == Format::Csr, matrix.dims(), bytes));
            }
            Object::List(list) => {
                self.parts.push(Part::List(list.item, list.items.len()));
                for item in &list.items {
                    self.add(heap, *item, list.item.ty())?;
                }
            }
        }
        Ok(())
    }
}
