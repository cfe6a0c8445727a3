//! Values on their way between host and program.

use crate::arith::{canonical_f32, canonical_f64};
use crate::error::{Error, ErrorKind};
use crate::object::element::with_elem;
use crate::object::{
    BigIntRef, Element, ListRef, OwnedBigInt, OwnedSparse, OwnedTensor, SparseRef, StrRef, TensorRef,
};
use crate::region::Heap;
use crate::region::taking::no_memory;
use crate::trap::TrapError;
use nbc_ir::dims::Dims;
use nbc_ir::{Elem, FuncId, Item, Signature, Type};
use ndarray::{ArrayView, Dimension};
use std::marker::PhantomData;

/// A value of any type, for calls whose types are not known beforehand.
///
/// ```
/// use nbc_runtime::{engine::Engine, linker::Linker, object::OwnedTensor, value::Value};
/// let text = b"export func @scale(%x: tensor<f64>, %a: f64) -> (tensor<f64>, i64) {
///   %y = tensor.mul %x, %a
///   %n = tensor.len %y
///   ret %y, %n
/// }";
/// let program = Engine::default().read(text, "scale.nba")?;
/// let mut instance = Linker::new().instantiate(&program)?;
/// let x = OwnedTensor::from_slice(&[2], &[1.0, 2.0]).unwrap();
/// let results = instance.call("scale", &[x.into(), 10.0.into()])?;
/// let want = OwnedTensor::from_slice(&[2], &[10.0, 20.0]).unwrap();
/// assert_eq!(results, [Value::Tensor(want), Value::I64(2)]);
/// # Ok::<(), nbc_runtime::error::Error>(())
/// ```
#[derive(Clone, PartialEq, Debug)]
pub enum Value {
    /// 32-bit integer.
    I32(i32),
    /// 64-bit integer.
    I64(i64),
    /// Single.
    F32(f32),
    /// Double.
    F64(f64),
    /// Truth value.
    Bool(bool),
    /// String.
    Str(String),
    /// Tensor. As an argument it is lent: the program reads it where it is.
    Tensor(OwnedTensor),
    /// Sparse matrix. As an argument it is lent too.
    Sparse(OwnedSparse),
    /// Big integer.
    BigInt(OwnedBigInt),
    /// List with the type of its items.
    List(Item, Vec<Value>),
    /// Reference to a function of the module.
    Func(FuncId),
}

impl Value {
    /// The type, as far as a value shows it; `None` for a function reference.
    pub fn ty(&self) -> Option<Type> {
        Some(match self {
            Value::I32(_) => Type::I32,
            Value::I64(_) => Type::I64,
            Value::F32(_) => Type::F32,
            Value::F64(_) => Type::F64,
            Value::Bool(_) => Type::Bool,
            Value::Str(_) => Type::Str,
            Value::Tensor(t) => Type::Tensor(t.elem()),
            Value::Sparse(s) => Type::Sparse(s.elem()),
            Value::BigInt(_) => Type::BigInt,
            Value::List(item, _) => Type::List(*item),
            Value::Func(_) => return None,
        })
    }

    /// Puts the value into the innermost region.
    ///
    /// # Safety
    /// The value must outlive the host's call.
    pub(crate) unsafe fn lower(&self, heap: &mut Heap) -> Result<u64, TrapError> {
        Ok(match self {
            Value::I32(v) => *v as u32 as u64,
            Value::I64(v) => *v as u64,
            Value::F32(v) => v.to_bits() as u64,
            Value::F64(v) => v.to_bits(),
            Value::Bool(v) => *v as u64,
            Value::Str(text) => heap.string(text)?.slot(),
            // SAFETY: upheld by the caller.
            Value::Tensor(t) => unsafe { lend_owned(heap, t)? },
            Value::Sparse(s) => {
                let mut parts = [s.pointers(), s.indices(), s.values()].into_iter();
                // SAFETY: upheld by the caller; a matrix of the host's is as objects have to be, and lent
                // tensors are written by nobody.
                unsafe {
                    let mut part = || {
                        let slot = lend_owned(heap, parts.next().expect("there are three"))?;
                        Ok::<_, TrapError>(TensorRef::from_slot(slot))
                    };
                    let parts = [part()?, part()?, part()?];
                    heap.sparse(s.format(), s.dims(), parts)?.slot()
                }
            }
            Value::BigInt(v) => heap.bigint(v.is_negative(), v.limbs())?.slot(),
            Value::Func(id) => id.index() as u64,
            Value::List(item, values) => {
                let mut slots = Vec::with_capacity(values.len());
                for v in values {
                    // SAFETY: upheld by the caller.
                    slots.push(unsafe { v.lower(heap)? });
                }
                let list = heap.list(*item, slots.len() as u64, slots.first().copied().unwrap_or(0))?;
                for (i, slot) in slots.into_iter().enumerate() {
                    // SAFETY: just made in the same region, of the item's type.
                    unsafe { heap.list_set(list, i as u64, slot)? };
                }
                list.slot()
            }
        })
    }

    /// Takes a value out of the heap. `again` says that the same object is
    /// taken once more, so that this one must be a copy.
    ///
    /// # Safety
    /// `slot` is a live value of type `ty`, and its elements are not read
    /// through the heap afterwards unless `again`.
    pub(crate) unsafe fn lift(heap: &mut Heap, slot: u64, ty: Type, again: bool) -> Result<Value, TrapError> {
        // SAFETY: upheld by the caller.
        unsafe {
            Ok(match ty {
                Type::I32 => Value::I32(slot as i32),
                Type::I64 => Value::I64(slot as i64),
                Type::F32 => Value::F32(canonical_f32(f32::from_bits(slot as u32))),
                Type::F64 => Value::F64(canonical_f64(f64::from_bits(slot))),
                Type::Bool => Value::Bool(slot != 0),
                Type::Func(_) => Value::Func(FuncId(slot as u32)),
                Type::Str => Value::Str(heap.copy_string_out(StrRef::from_slot(slot))?),
                Type::Tensor(_) => Value::Tensor(take_tensor(heap, slot, again)?),
                Type::Sparse(_) => Value::Sparse(copy_sparse(heap, SparseRef::from_slot(slot))?),
                Type::BigInt => Value::BigInt(heap.copy_bigint_out(BigIntRef::from_slot(slot))?),
                Type::List(item) => {
                    let list = ListRef::from_slot(slot);
                    heap.take_out(list.len().saturating_mul(size_of::<Value>()))?;
                    let mut values = Vec::new();
                    values.try_reserve_exact(list.len()).map_err(|_| no_memory())?;
                    for i in 0..list.len() as u64 {
                        // Items may be one object several times over.
                        values.push(Value::lift(heap, list.get(i).unwrap_or(0), item.ty(), true)?);
                    }
                    Value::List(item, values)
                }
            })
        }
    }
}

/// # Safety
/// As [`Value::lift`].
unsafe fn take_tensor(heap: &mut Heap, slot: u64, again: bool) -> Result<OwnedTensor, TrapError> {
    // SAFETY: upheld by the caller.
    unsafe { if again { heap.copy_tensor_out(TensorRef::from_slot(slot)) } else { heap.take_tensor(slot) } }
}

/// A copy, as another matrix may have the same tensors.
///
/// # Safety
/// The matrix must be live.
unsafe fn copy_sparse(heap: &mut Heap, matrix: SparseRef) -> Result<OwnedSparse, TrapError> {
    let [pointers, indices, values] = matrix.parts();
    // SAFETY: upheld by the caller; nothing ever writes them.
    let mut copy = |part| unsafe { heap.copy_tensor_out(part) };
    let parts = [copy(pointers)?, copy(indices)?, copy(values)?];
    Ok(OwnedSparse::of_checked(matrix.format(), matrix.dims(), parts))
}

/// # Safety
/// The tensor must outlive the host's call.
unsafe fn lend_owned(heap: &mut Heap, t: &OwnedTensor) -> Result<u64, TrapError> {
    let dims: Vec<u64> = t.dims().iter().map(|d| *d as u64).collect();
    // SAFETY: upheld by the caller.
    unsafe { lend(heap, t.elem(), &dims, t.as_bytes()) }
}

/// Puts a read-only tensor over memory of the host into the innermost region.
///
/// # Safety
/// `bytes` are those of elements of type `elem`, aligned for it, and outlive the host's call.
unsafe fn lend(heap: &mut Heap, elem: Elem, dims: &[u64], bytes: &[u8]) -> Result<u64, TrapError> {
    with_elem!(any elem, T => {
        // SAFETY: upheld by the caller.
        unsafe {
            let data = std::slice::from_raw_parts(bytes.as_ptr().cast::<T>(), bytes.len() / size_of::<T>());
            Ok(heap.lend::<T>(dims, data)?.slot())
        }
    })
}

macro_rules! value_from {
    ($($ty:ty => $variant:ident;)*) => {$(
        impl From<$ty> for Value {
            fn from(v: $ty) -> Value {
                Value::$variant(v)
            }
        }
    )*};
}
value_from! { i32 => I32; i64 => I64; f32 => F32; f64 => F64; bool => Bool; String => Str; OwnedTensor => Tensor; OwnedSparse => Sparse; OwnedBigInt => BigInt; }

impl From<&str> for Value {
    fn from(v: &str) -> Value {
        Value::Str(v.to_owned())
    }
}

/// Elements of the host's, to be lent to a program: any memory whose elements lie one after
/// the other.
#[derive(Clone, Copy, Debug)]
pub struct TensorView<'a> {
    elem: Elem,
    dims: Dims,
    data: &'a [u8],
}

impl<'a> TensorView<'a> {
    /// The elements `data` as a tensor of `dims`; `None` when that is another number of
    /// elements, or more than 8 dims.
    pub fn new<T: Element>(dims: &[u64], data: &'a [T]) -> Option<TensorView<'a>> {
        let dims = Dims::new(dims).filter(|d| d.count() == Some(data.len() as u64))?;
        // SAFETY: elements are plain data without padding.
        let data = unsafe { std::slice::from_raw_parts(data.as_ptr().cast(), size_of_val(data)) };
        Some(TensorView { elem: T::ELEM, dims, data })
    }

    /// An array; `None` when its elements do not lie one after the other in row-major order.
    pub fn of_array<T: Element, D: Dimension>(array: &'a ArrayView<'_, T, D>) -> Option<TensorView<'a>> {
        let dims: Vec<u64> = array.shape().iter().map(|d| *d as u64).collect();
        TensorView::new(&dims, array.as_slice()?)
    }

    /// Element type.
    pub fn elem(&self) -> Elem {
        self.elem
    }

    /// Dims.
    pub fn dims(&self) -> &[u64] {
        &self.dims
    }
}

/// An argument of a call whose types are not known beforehand, lent for the call: no element
/// and no text is copied.
///
/// ```
/// use nbc_runtime::{engine::Engine, linker::Linker, value::{ArgRef, TensorView, Value}};
/// let text = b"export func @dot(%x: tensor<f64>, %y: tensor<f64>) -> f64 {
///   %s = tensor.dot %x, %y
///   ret %s
/// }";
/// let program = Engine::default().read(text, "dot.nba")?;
/// let mut instance = Linker::new().instantiate(&program)?;
/// let (x, y) = ([1.0, 2.0, 3.0], vec![4.0, 5.0, 6.0]);
/// let view = |data| TensorView::new::<f64>(&[3], data).map(ArgRef::Tensor);
/// let args = [view(&x), view(&y)].map(|v| v.expect("three elements"));
/// assert_eq!(instance.call_lending("dot", &args)?, [Value::F64(32.0)]);
/// # Ok::<(), nbc_runtime::error::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub enum ArgRef<'a> {
    /// A string.
    Str(&'a str),
    /// A tensor, which the program reads where it is and cannot write.
    Tensor(TensorView<'a>),
    /// Any other value, or one that owns what it holds.
    Value(&'a Value),
}

impl<'a> From<&'a Value> for ArgRef<'a> {
    fn from(value: &'a Value) -> ArgRef<'a> {
        ArgRef::Value(value)
    }
}
impl<'a> From<&'a str> for ArgRef<'a> {
    fn from(text: &'a str) -> ArgRef<'a> {
        ArgRef::Str(text)
    }
}
impl<'a> From<TensorView<'a>> for ArgRef<'a> {
    fn from(view: TensorView<'a>) -> ArgRef<'a> {
        ArgRef::Tensor(view)
    }
}

impl ArgRef<'_> {
    /// The type, as [`Value::ty`].
    pub fn ty(&self) -> Option<Type> {
        match self {
            ArgRef::Str(_) => Some(Type::Str),
            ArgRef::Tensor(view) => Some(Type::Tensor(view.elem)),
            ArgRef::Value(value) => value.ty(),
        }
    }

    /// Puts the argument into the innermost region.
    ///
    /// # Safety
    /// The argument must outlive the host's call.
    pub(crate) unsafe fn lower(&self, heap: &mut Heap) -> Result<u64, TrapError> {
        // SAFETY: upheld by the caller; the bytes are those of elements of that type.
        unsafe {
            match self {
                ArgRef::Str(text) => Ok(heap.string(text)?.slot()),
                ArgRef::Tensor(view) => lend(heap, view.elem, &view.dims, view.data),
                ArgRef::Value(value) => value.lower(heap),
            }
        }
    }
}

/// A parameter type of a [`TypedFunc`](crate::instance::TypedFunc): a scalar,
/// `str`, or [`Tensor<f64>`](Tensor) and so on.
pub trait Param {
    /// The bytecode type.
    const TYPE: Type;
}

/// Stands for `tensor<T>` among the parameters of a
/// [`TypedFunc`](crate::instance::TypedFunc). Pass an array view, a slice or
/// an [`OwnedTensor`] for it: none is copied if its elements are contiguous.
pub struct Tensor<T>(PhantomData<T>);

/// Stands for `str` among the parameters of a
/// [`TypedFunc`](crate::instance::TypedFunc); pass a `&str` for it.
pub struct Str;

/// What may be passed for the parameter type `P`.
pub trait Pass<P: Param> {
    /// Puts the argument into the innermost region and returns its slot.
    ///
    /// # Safety
    /// The argument must outlive the host's call.
    unsafe fn lower(&self, heap: &mut Heap) -> Result<u64, TrapError>;
}

/// A result type of a [`TypedFunc`](crate::instance::TypedFunc): a scalar,
/// `String`, [`OwnedTensor`], [`OwnedSparse`] or [`OwnedBigInt`].
pub trait Return: Sized {
    /// Whether results of type `ty` come as `Self`.
    fn matches(ty: Type) -> bool;
    /// Takes the value out of the heap.
    ///
    /// # Safety
    /// As [`Value::lift`].
    unsafe fn lift(heap: &mut Heap, slot: u64, again: bool) -> Result<Self, TrapError>;
    /// Name for messages.
    fn name() -> &'static str;
}

macro_rules! scalar_values {
    ($($ty:ident $type:ident |$v:ident| $lower:expr, |$s:ident| $lift:expr;)*) => {$(
        impl Param for $ty {
            const TYPE: Type = Type::$type;
        }
        impl Pass<$ty> for $ty {
            #[inline(always)]
            unsafe fn lower(&self, _: &mut Heap) -> Result<u64, TrapError> {
                let $v = *self;
                Ok($lower)
            }
        }
        impl Return for $ty {
            fn matches(ty: Type) -> bool {
                ty == Type::$type
            }
            #[inline(always)]
            unsafe fn lift(_: &mut Heap, $s: u64, _: bool) -> Result<$ty, TrapError> {
                Ok($lift)
            }
            fn name() -> &'static str {
                stringify!($ty)
            }
        }
    )*};
}

scalar_values! {
    i32 I32 |v| v as u32 as u64, |s| s as i32;
    i64 I64 |v| v as u64, |s| s as i64;
    f32 F32 |v| v.to_bits() as u64, |s| canonical_f32(f32::from_bits(s as u32));
    f64 F64 |v| v.to_bits(), |s| canonical_f64(f64::from_bits(s));
    bool Bool |v| v as u64, |s| s != 0;
}

impl Param for Str {
    const TYPE: Type = Type::Str;
}
impl Pass<Str> for &str {
    unsafe fn lower(&self, heap: &mut Heap) -> Result<u64, TrapError> {
        Ok(heap.string(self)?.slot())
    }
}
impl Return for String {
    fn matches(ty: Type) -> bool {
        ty == Type::Str
    }
    unsafe fn lift(heap: &mut Heap, slot: u64, _: bool) -> Result<String, TrapError> {
        // SAFETY: upheld by the caller.
        heap.copy_string_out(unsafe { StrRef::from_slot(slot) })
    }
    fn name() -> &'static str {
        "str"
    }
}

impl Param for OwnedBigInt {
    const TYPE: Type = Type::BigInt;
}
impl Pass<OwnedBigInt> for &OwnedBigInt {
    unsafe fn lower(&self, heap: &mut Heap) -> Result<u64, TrapError> {
        Ok(heap.bigint(self.is_negative(), self.limbs())?.slot())
    }
}
impl Return for OwnedBigInt {
    fn matches(ty: Type) -> bool {
        ty == Type::BigInt
    }
    unsafe fn lift(heap: &mut Heap, slot: u64, _: bool) -> Result<OwnedBigInt, TrapError> {
        // SAFETY: upheld by the caller.
        heap.copy_bigint_out(unsafe { BigIntRef::from_slot(slot) })
    }
    fn name() -> &'static str {
        "bigint"
    }
}

impl<T: Element> Param for Tensor<T> {
    const TYPE: Type = Type::Tensor(T::ELEM);
}
impl<T: Element, D: Dimension> Pass<Tensor<T>> for ArrayView<'_, T, D> {
    unsafe fn lower(&self, heap: &mut Heap) -> Result<u64, TrapError> {
        let dims: Vec<u64> = self.shape().iter().map(|d| *d as u64).collect();
        match self.as_slice() {
            // SAFETY: upheld by the caller.
            Some(data) => Ok(unsafe { heap.lend(&dims, data)? }.slot()),
            None => Ok(heap.tensor_from_array(self.view().into_dyn())?.slot()),
        }
    }
}
impl<T: Element> Pass<Tensor<T>> for &[T] {
    unsafe fn lower(&self, heap: &mut Heap) -> Result<u64, TrapError> {
        // SAFETY: upheld by the caller.
        Ok(unsafe { heap.lend(&[self.len() as u64], self)? }.slot())
    }
}
impl<T: Element> Pass<Tensor<T>> for &OwnedTensor {
    unsafe fn lower(&self, heap: &mut Heap) -> Result<u64, TrapError> {
        if self.elem() != T::ELEM {
            let text = format!("expected a tensor of {}, found one of {}", T::ELEM, self.elem());
            return Err(TrapError::new(crate::trap::TrapCode::InvalidArgument, text));
        }
        // SAFETY: upheld by the caller.
        unsafe { lend_owned(heap, self) }
    }
}
impl Return for OwnedTensor {
    fn matches(ty: Type) -> bool {
        matches!(ty, Type::Tensor(_))
    }
    unsafe fn lift(heap: &mut Heap, slot: u64, again: bool) -> Result<OwnedTensor, TrapError> {
        // SAFETY: upheld by the caller.
        unsafe { take_tensor(heap, slot, again) }
    }
    fn name() -> &'static str {
        "tensor"
    }
}

impl Return for OwnedSparse {
    fn matches(ty: Type) -> bool {
        matches!(ty, Type::Sparse(_))
    }
    unsafe fn lift(heap: &mut Heap, slot: u64, _: bool) -> Result<OwnedSparse, TrapError> {
        // SAFETY: upheld by the caller.
        unsafe { copy_sparse(heap, SparseRef::from_slot(slot)) }
    }
    fn name() -> &'static str {
        "sparse"
    }
}

/// Parameter types of a typed function, as a tuple.
pub trait Params {
    /// The bytecode types.
    const TYPES: &'static [Type];
}

/// Arguments for the parameter types `P`, as a tuple.
pub trait Args<P: Params> {
    /// Puts the arguments into the innermost region.
    ///
    /// # Safety
    /// The arguments must outlive the host's call, and `slots` has one for each.
    unsafe fn lower(&self, heap: &mut Heap, slots: &mut [u64]) -> Result<(), TrapError>;
}

/// Result types of a typed function: `()`, one [`Return`], or a tuple.
pub trait Results: Sized {
    /// Whether they are what results of types `types` come as.
    fn matches(types: &[Type]) -> bool;
    /// How many.
    const COUNT: usize;
    /// Takes them out of the heap.
    ///
    /// # Safety
    /// As [`Value::lift`], for each.
    unsafe fn lift(heap: &mut Heap, slots: &[u64]) -> Result<Self, TrapError>;
    /// Names for messages.
    fn names() -> Vec<&'static str>;
}

impl<R: Return> Results for R {
    const COUNT: usize = 1;
    fn matches(types: &[Type]) -> bool {
        matches!(types, [one] if R::matches(*one))
    }
    #[inline(always)]
    unsafe fn lift(heap: &mut Heap, slots: &[u64]) -> Result<R, TrapError> {
        // SAFETY: upheld by the caller.
        unsafe { R::lift(heap, slots[0], false) }
    }
    fn names() -> Vec<&'static str> {
        vec![R::name()]
    }
}

macro_rules! tuples {
    ($(($($p:ident $a:ident $n:tt),*) $count:literal;)*) => {$(
        impl<$($p: Param),*> Params for ($($p,)*) {
            const TYPES: &'static [Type] = &[$($p::TYPE),*];
        }
        impl<$($p: Param, $a: Pass<$p>),*> Args<($($p,)*)> for ($($a,)*) {
            #[inline(always)]
            #[allow(unused_variables, clippy::unused_unit)]
            unsafe fn lower(&self, heap: &mut Heap, slots: &mut [u64]) -> Result<(), TrapError> {
                // SAFETY: upheld by the caller.
                $(slots[$n] = unsafe { self.$n.lower(heap)? };)*
                Ok(())
            }
        }
        impl<$($p: Return),*> Results for ($($p,)*) {
            const COUNT: usize = $count;
            fn matches(types: &[Type]) -> bool {
                types.len() == $count $(&& $p::matches(types[$n]))*
            }
            #[inline(always)]
            #[allow(unused_variables, clippy::unused_unit)]
            unsafe fn lift(heap: &mut Heap, slots: &[u64]) -> Result<Self, TrapError> {
                // SAFETY: upheld by the caller. An object that comes
                // again later is copied, so that the last one may be taken.
                Ok(($(unsafe { $p::lift(heap, slots[$n], slots[$n + 1..].contains(&slots[$n]))? },)*))
            }
            fn names() -> Vec<&'static str> {
                vec![$($p::name()),*]
            }
        }
    )*};
}

tuples! {
    () 0;
    (P0 A0 0) 1;
    (P0 A0 0, P1 A1 1) 2;
    (P0 A0 0, P1 A1 1, P2 A2 2) 3;
    (P0 A0 0, P1 A1 1, P2 A2 2, P3 A3 3) 4;
    (P0 A0 0, P1 A1 1, P2 A2 2, P3 A3 3, P4 A4 4) 5;
    (P0 A0 0, P1 A1 1, P2 A2 2, P3 A3 3, P4 A4 4, P5 A5 5) 6;
    (P0 A0 0, P1 A1 1, P2 A2 2, P3 A3 3, P4 A4 4, P5 A5 5, P6 A6 6) 7;
    (P0 A0 0, P1 A1 1, P2 A2 2, P3 A3 3, P4 A4 4, P5 A5 5, P6 A6 6, P7 A7 7) 8;
}

/// Checks dynamic arguments against a signature.
pub(crate) fn check_args<'a>(
    name: &str,
    args: impl ExactSizeIterator<Item = ArgRef<'a>>,
    sig: &Signature,
    sigs: &[Signature],
    func_sig: impl Fn(FuncId) -> Option<nbc_ir::SigId>,
) -> Result<(), Error> {
    let show = || format!("@{name}{}", sig.display(sigs));
    if args.len() != sig.params.len() {
        let text = format!("{} takes {} arguments, found {}", show(), sig.params.len(), args.len());
        return Err(Error::new(ErrorKind::Arguments, text));
    }
    for (i, (arg, want)) in args.zip(&sig.params).enumerate() {
        let fits = match arg {
            ArgRef::Value(value) => fits(value, *want, &func_sig),
            ArgRef::Str(_) | ArgRef::Tensor(_) => arg.ty() == Some(*want),
        };
        if !fits {
            let found =
                arg.ty().map_or("a function of another type".to_owned(), |t| t.display(sigs).to_string());
            let text =
                format!("argument {} of {}: expected {}, found {found}", i + 1, show(), want.display(sigs));
            return Err(Error::new(ErrorKind::Arguments, text));
        }
    }
    Ok(())
}

/// Whether a value, with all that is in it, is of type `want`.
pub(crate) fn fits(value: &Value, want: Type, func_sig: &impl Fn(FuncId) -> Option<nbc_ir::SigId>) -> bool {
    match (value, want) {
        (Value::Func(id), Type::Func(sig)) => func_sig(*id) == Some(sig),
        (Value::List(item, values), Type::List(want)) => {
            *item == want && values.iter().all(|v| fits(v, want.ty(), func_sig))
        }
        _ => value.ty() == Some(want),
    }
}
