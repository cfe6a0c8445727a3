//! Host functions: what a program may call besides itself.

use crate::arith::{canonical_f32, canonical_f64};
use crate::machine::context::{Context, HostCall};
use crate::object::{OwnedTensor, StrRef, TensorRef};
use crate::op::OpHost;
use crate::region::Heap;
use crate::trap::{TrapCode, TrapError};
use crate::value::{Value, fits};
use nbc_ir::Type;
use std::any::Any;
use std::fmt;
use std::sync::Arc;

/// A host function with its types.
#[derive(Clone)]
pub struct HostFunc {
    // Of the types that `call` reads and writes, which nobody may change.
    params: Arc<[Type]>,
    results: Arc<[Type]>,
    call: Arc<HostCall>,
}

impl HostFunc {
    /// Parameter types.
    pub fn params(&self) -> &[Type] {
        &self.params
    }

    /// Result types.
    pub fn results(&self) -> &[Type] {
        &self.results
    }

    /// A function of any types, called with [`Value`]s.
    ///
    /// ```
    /// use nbc_ir::{Item, Type};
    /// use nbc_runtime::{engine::Engine, host::HostFunc, linker::Linker, value::Value};
    /// let text = b"import func @env.args() -> list<i64>
    /// export func @second() -> i64 {
    ///   %a = call @env.args()
    ///   %x = list.get %a, 1
    ///   ret %x
    /// }";
    /// let program = Engine::default().read(text, "args.nba")?;
    /// let args = HostFunc::dynamic(&[], &[Type::List(Item::I64)], |_: &[Value]| {
    ///     Ok::<_, String>(vec![Value::List(Item::I64, vec![7i64.into(), 8i64.into()])])
    /// });
    /// let mut linker = Linker::new();
    /// linker.define("env.args", args);
    /// let mut instance = linker.instantiate(&program)?;
    /// assert_eq!(instance.call("second", &[])?, [Value::I64(8)]);
    /// # Ok::<(), nbc_runtime::error::Error>(())
    /// ```
    /// A `str` or an error of
    /// another type that it returns becomes the trap `host_error`.
    pub fn dynamic<E: fmt::Display>(
        params: &[Type],
        results: &[Type],
        f: impl Fn(&[Value]) -> Result<Vec<Value>, E> + Send + Sync + 'static,
    ) -> HostFunc {
        let (params, results): (Arc<[Type]>, Arc<[Type]>) = (params.into(), results.into());
        let (types, wanted) = (params.clone(), results.clone());
        let call = move |ctx: &mut Context, slots: &mut [u64]| {
            let mut values = Vec::with_capacity(types.len());
            ctx.heap.begin_taking_out();
            for (slot, ty) in slots.iter().zip(types.iter()) {
                // SAFETY: arguments are live values of the parameter types;
                // they stay in the program, so copies are taken.
                values.push(unsafe { Value::lift(&mut ctx.heap, *slot, *ty, true)? });
            }
            let made = f(&values).map_err(|e| TrapError::new(TrapCode::HostError, e.to_string()))?;
            // What module a function is of nobody knows here.
            let fit = |(value, ty): (&Value, &Type)| fits(value, *ty, &|_| None);
            if made.len() != wanted.len() || !made.iter().zip(wanted.iter()).all(fit) {
                let found: Vec<Option<Type>> = made.iter().map(Value::ty).collect();
                let text = format!("the host function returned {found:?} instead of {wanted:?}");
                return Err(TrapError::new(TrapCode::HostError, text));
            }
            for (slot, value) in slots.iter_mut().zip(made) {
                *slot = give(&mut ctx.heap, &value)?;
            }
            Ok(())
        };
        HostFunc { params, results, call: Arc::new(call) }
    }

    /// A function of those parameters, which `call` takes from the slots.
    fn of_closure<R: HostResults>(
        params: &[Type],
        call: impl Fn(&mut Context, &[u64]) -> Result<R, TrapError> + Send + Sync + 'static,
    ) -> HostFunc {
        let call = move |ctx: &mut Context, slots: &mut [u64]| {
            ctx.heap.begin_taking_out();
            call(ctx, slots)?.into_slots(&mut ctx.heap, slots)
        };
        HostFunc { params: params.into(), results: R::types().into(), call: Arc::new(call) }
    }

    /// The closure that runs the function.
    pub(crate) fn entry(&self) -> Arc<HostCall> {
        self.call.clone()
    }
}

/// Puts a value of the host's into the program's innermost region, as a copy
/// that does not depend on the host's.
fn give(heap: &mut Heap, value: &Value) -> Result<u64, TrapError> {
    // SAFETY: the copy is made before the value can go; a scalar is its slot.
    unsafe {
        let slot = value.lower(heap)?;
        match value {
            // Lent until here, with all that is in it.
            Value::Tensor(_) | Value::Sparse(_) | Value::List(..) => {
                let depth = heap.depth();
                value.ty().map_or(Ok(slot), |ty| heap.copy_to(slot, ty, depth))
            }
            Value::I32(_) | Value::I64(_) | Value::F32(_) | Value::F64(_) | Value::Bool(_) => Ok(slot),
            Value::Str(_) | Value::BigInt(_) | Value::Func(_) => Ok(slot),
        }
    }
}

/// A type that host functions take.
pub trait FromProgram: Sized {
    /// The bytecode type.
    const TYPE: Type;
    /// The value in a slot.
    ///
    /// # Safety
    /// The slot holds a live value of that type.
    unsafe fn from_program(heap: &mut Heap, slot: u64) -> Result<Self, TrapError>;
}

/// A type that host functions give back.
pub trait IntoProgram {
    /// The bytecode type.
    const TYPE: Type;
    /// The slot for the value, made in the innermost region.
    fn into_program(self, heap: &mut Heap) -> Result<u64, TrapError>;
}

/// What a host function may return: nothing, a value, a tuple, or a `Result`
/// of those, whose error becomes the trap `host_error`, unless it is a trap itself.
pub trait HostResults {
    /// The bytecode types.
    fn types() -> Vec<Type>;
    /// Writes the slots.
    fn into_slots(self, heap: &mut Heap, slots: &mut [u64]) -> Result<(), TrapError>;
}

macro_rules! host_scalars {
    ($($ty:ident $type:ident $seen:expr;)*) => {$(
        impl FromProgram for $ty {
            const TYPE: Type = Type::$type;
            #[inline(always)]
            unsafe fn from_program(_: &mut Heap, slot: u64) -> Result<$ty, TrapError> {
                let seen: fn($ty) -> $ty = $seen;
                Ok(seen(crate::arith::Scalar::from_slot(slot)))
            }
        }
        impl IntoProgram for $ty {
            const TYPE: Type = Type::$type;
            #[inline(always)]
            fn into_program(self, _: &mut Heap) -> Result<u64, TrapError> {
                Ok(crate::arith::Scalar::to_slot(self))
            }
        }
        impl HostResults for $ty {
            fn types() -> Vec<Type> {
                vec![Type::$type]
            }
            #[inline(always)]
            fn into_slots(self, _: &mut Heap, slots: &mut [u64]) -> Result<(), TrapError> {
                slots[0] = crate::arith::Scalar::to_slot(self);
                Ok(())
            }
        }
    )*};
}
// The host sees the canonical NaN for every NaN.
host_scalars! {
    i32 I32 |v| v;
    i64 I64 |v| v;
    f32 F32 canonical_f32;
    f64 F64 canonical_f64;
    bool Bool |v| v;
}

impl FromProgram for String {
    const TYPE: Type = Type::Str;
    unsafe fn from_program(heap: &mut Heap, slot: u64) -> Result<String, TrapError> {
        // SAFETY: upheld by the caller.
        heap.copy_string_out(unsafe { StrRef::from_slot(slot) })
    }
}
impl IntoProgram for String {
    const TYPE: Type = Type::Str;
    fn into_program(self, heap: &mut Heap) -> Result<u64, TrapError> {
        Ok(heap.string(&self)?.slot())
    }
}
impl HostResults for String {
    fn types() -> Vec<Type> {
        vec![Type::Str]
    }
    fn into_slots(self, heap: &mut Heap, slots: &mut [u64]) -> Result<(), TrapError> {
        slots[0] = self.into_program(heap)?;
        Ok(())
    }
}

macro_rules! host_arrays {
    ($($ty:ty;)*) => {$(
        impl FromProgram for ndarray::ArrayD<$ty> {
            const TYPE: Type = Type::Tensor(<$ty as crate::object::Element>::ELEM);
            unsafe fn from_program(heap: &mut Heap, slot: u64) -> Result<ndarray::ArrayD<$ty>, TrapError> {
                // SAFETY: upheld by the caller.
                let copy: OwnedTensor = unsafe { heap.copy_tensor_out(TensorRef::from_slot(slot))? };
                copy.view::<$ty>()
                    .map(|v| v.to_owned())
                    .ok_or_else(|| TrapError::new(TrapCode::HostError, "the tensor has another element type"))
            }
        }
        impl IntoProgram for ndarray::ArrayD<$ty> {
            const TYPE: Type = Type::Tensor(<$ty as crate::object::Element>::ELEM);
            fn into_program(self, heap: &mut Heap) -> Result<u64, TrapError> {
                Ok(heap.tensor_from_array(self.view())?.slot())
            }
        }
        impl HostResults for ndarray::ArrayD<$ty> {
            fn types() -> Vec<Type> {
                vec![<Self as IntoProgram>::TYPE]
            }
            fn into_slots(self, heap: &mut Heap, slots: &mut [u64]) -> Result<(), TrapError> {
                slots[0] = self.into_program(heap)?;
                Ok(())
            }
        }
    )*};
}
host_arrays! { u8; i32; i64; f32; f64; bool; num_complex::Complex<f32>; num_complex::Complex<f64>; }

impl<R: HostResults, E: fmt::Display + 'static> HostResults for Result<R, E> {
    fn types() -> Vec<Type> {
        R::types()
    }
    fn into_slots(self, heap: &mut Heap, slots: &mut [u64]) -> Result<(), TrapError> {
        match self {
            Ok(r) => r.into_slots(heap, slots),
            Err(e) => Err(match (&e as &dyn Any).downcast_ref::<TrapError>() {
                // Of a `Caller`, as a rule.
                Some(trap) => trap.clone(),
                None => TrapError::new(TrapCode::HostError, e.to_string()),
            }),
        }
    }
}

/// The instance that calls a host function: an optional first parameter of closures.
///
/// ```
/// use nbc_runtime::{engine::Engine, host::Caller, linker::Linker};
/// let text = b"import func @log.add(f64) -> i64
/// export func @main() -> i64 {
///   %n = call @log.add(1.5)
///   %n = call @log.add(2.5)
///   ret %n
/// }";
/// let program = Engine::default().read(text, "log.nba")?;
/// let mut linker = Linker::new();
/// linker.func("log.add", |mut caller: Caller<'_>, x: f64| -> Result<i64, String> {
///     let log = caller.data_mut::<Vec<f64>>().ok_or("this instance keeps no log")?;
///     log.push(x);
///     Ok(log.len() as i64)
/// });
/// let (mut one, mut other) = (linker.instantiate(&program)?, linker.instantiate(&program)?);
/// one.set_data(Vec::<f64>::new());
/// one.call("main", &[])?;
/// assert_eq!(one.data::<Vec<f64>>(), Some(&vec![1.5, 2.5]));
/// // Data belongs to an instance, not to the linker.
/// assert!(other.call("main", &[]).is_err());
/// # Ok::<(), nbc_runtime::error::Error>(())
/// ```
pub struct Caller<'c> {
    ctx: &'c mut Context,
}

impl Caller<'_> {
    /// The instance's data, if there is any of that type; see
    /// [`Instance::set_data`](crate::instance::Instance::set_data).
    pub fn data<T: 'static>(&self) -> Option<&T> {
        self.ctx.data.downcast_ref()
    }

    /// The same, to be changed.
    pub fn data_mut<T: 'static>(&mut self) -> Option<&mut T> {
        self.ctx.data.downcast_mut()
    }

    /// Fuel left; `None` when it is not metered.
    pub fn fuel(&self) -> Option<u64> {
        self.ctx.fuel()
    }

    /// Takes fuel, for work that the host does.
    ///
    /// # Errors
    /// `out_of_fuel`, `timeout` and `interrupted`, to be returned.
    pub fn charge(&mut self, fuel: u64) -> Result<(), TrapError> {
        self.ctx.charge(fuel)
    }

    /// Whether to go on, for what takes long.
    ///
    /// # Errors
    /// `timeout` and `interrupted`, to be returned.
    pub fn poll(&mut self) -> Result<(), TrapError> {
        self.ctx.poll()
    }
}

/// A closure that can be a host function; `P` is the tuple of its parameters, with a
/// [`Caller`] before them if it takes one.
pub trait IntoHostFunc<P> {
    /// The host function.
    fn into_host_func(self) -> HostFunc;
}

impl IntoHostFunc<HostFunc> for HostFunc {
    fn into_host_func(self) -> HostFunc {
        self
    }
}

macro_rules! closures {
    ($(($($p:ident $n:tt),*);)*) => {$(
        impl<F, R, $($p,)*> IntoHostFunc<($($p,)*)> for F
        where
            F: Fn($($p),*) -> R + Send + Sync + 'static,
            R: HostResults,
            $($p: FromProgram,)*
        {
            #[allow(unused_variables)] // there may be no parameters
            fn into_host_func(self) -> HostFunc {
                HostFunc::of_closure(&[$($p::TYPE),*], move |ctx, slots| {
                    // SAFETY: arguments are live values of the parameter types.
                    Ok(self($(unsafe { $p::from_program(&mut ctx.heap, slots[$n])? }),*))
                })
            }
        }
        impl<F, R, $($p,)*> IntoHostFunc<(Caller<'static>, $($p,)*)> for F
        where
            F: for<'c> Fn(Caller<'c>, $($p),*) -> R + Send + Sync + 'static,
            R: HostResults,
            $($p: FromProgram,)*
        {
            #[allow(unused_variables)] // there may be no parameters
            fn into_host_func(self) -> HostFunc {
                HostFunc::of_closure(&[$($p::TYPE),*], move |ctx, slots| {
                    // SAFETY: arguments are live values of the parameter types.
                    let args = ($(unsafe { $p::from_program(&mut ctx.heap, slots[$n])? },)*);
                    Ok(self(Caller { ctx }, $(args.$n),*))
                })
            }
        }
        impl<$($p: IntoProgram),*> HostResults for ($($p,)*) {
            fn types() -> Vec<Type> {
                vec![$($p::TYPE),*]
            }
            #[allow(unused_variables)]
            fn into_slots(self, heap: &mut Heap, slots: &mut [u64]) -> Result<(), TrapError> {
                $(slots[$n] = self.$n.into_program(heap)?;)*
                Ok(())
            }
        }
    )*};
}
closures! {
    ();
    (P0 0);
    (P0 0, P1 1);
    (P0 0, P1 1, P2 2);
    (P0 0, P1 1, P2 2, P3 3);
    (P0 0, P1 1, P2 2, P3 3, P4 4);
    (P0 0, P1 1, P2 2, P3 3, P4 4, P5 5);
}
