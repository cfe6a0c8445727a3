//! Instances: a program with its globals, objects, stack and limits.

use crate::backtrace::Trap;
use crate::device::DeviceCounts;
use crate::engine::{Limits, Program};
use crate::error::{Error, ErrorKind};
use crate::host::HostFunc;
use crate::machine::context::Context;
use crate::region::{Heap, HeapStats};
use crate::trap::TrapError;
use crate::value::{ArgRef, Args, Params, Results, Value, check_args};
use nbc_ir::shown::{clipped, list};
use nbc_ir::{ConstId, Constant, FuncId, GlobalInit, Type};
use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// A program with state of its own. One thread at a time may use it; any
/// number of instances may run side by side.
pub struct Instance {
    program: Program,
    // Boxed, because running code holds its address.
    context: Box<Context>,
    timeout: Option<Duration>,
}

/// Stops an instance from another thread.
#[derive(Clone)]
pub struct InterruptHandle(Arc<AtomicBool>);

impl InterruptHandle {
    /// Makes the running call (or, if none is running, the next one) trap with
    /// `interrupted`, within a few milliseconds.
    pub fn interrupt(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// The flag that [`interrupt`](InterruptHandle::interrupt) sets, for those
    /// who can only set a flag: signal handlers.
    pub fn flag(&self) -> Arc<AtomicBool> {
        self.0.clone()
    }
}

/// An exported function whose types have been checked.
pub struct TypedFunc<P, R> {
    func: FuncId,
    objects: bool,
    /// Serial number of the loaded code. Not its address, which other code may have
    /// when this one is gone.
    code: u64,
    types: PhantomData<fn(P) -> R>,
}

impl<P, R> Clone for TypedFunc<P, R> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<P, R> Copy for TypedFunc<P, R> {}

impl Instance {
    pub(crate) fn new(program: &Program, hosts: Arc<[HostFunc]>, limits: Limits) -> Result<Instance, Error> {
        let stack = program.engine().stacks().take(limits.stack);
        let stack = stack.map_err(|e| Error::new(ErrorKind::Limits, e.to_string()))?;
        let code = program.loaded(limits.fuel.is_some());
        // SAFETY: objects are used through this context only, which owns the heap.
        let mut heap = unsafe { Heap::new(limits.memory) };
        heap.pool().device = program.engine().device();
        heap.set_threads(program.engine().threads());
        heap.set_placement(program.engine().placement().clone());
        #[cfg(feature = "fft")]
        heap.set_plans(program.engine().plans().clone());
        #[cfg(feature = "linalg")]
        heap.set_analyses(program.engine().analyses().clone());
        let (slice, watch) = (program.engine().slice(), program.engine().watch());
        let hosts = hosts.iter().map(HostFunc::entry).collect();
        let context = Box::new(Context::new(code, heap, stack, hosts, slice, watch));
        let mut instance = Instance { program: program.clone(), context, timeout: limits.timeout };
        instance.context.deferred = program.engine().deferred();
        instance.context.set_fuel(limits.fuel.unwrap_or(0));
        instance.set_deadline();
        let defined = instance.define();
        instance.context.heap.interruption_mut().set_deadline(None);
        defined.map_err(|error| Trap { error, frames: Vec::new(), omitted: 0 })?;
        Ok(instance)
    }

    /// The time limit runs from now on.
    #[inline(always)]
    fn set_deadline(&mut self) {
        if let Some(timeout) = self.timeout {
            // What is too far away to be a time is no limit.
            let deadline = Instant::now().checked_add(timeout);
            self.context.heap.interruption_mut().set_deadline(deadline);
        }
    }

    /// Makes constants and globals.
    fn define(&mut self) -> Result<(), TrapError> {
        let module = self.program.module();
        let heap = &mut self.context.heap;
        // Those that only globals start from are not made besides.
        let constant = |(i, c): (usize, &Constant)| {
            heap.interruption().check()?;
            if module.reads_constant(ConstId::new(i)) { heap.constant(&c.value) } else { Ok(0) }
        };
        let constants =
            module.constants.iter().enumerate().map(constant).collect::<Result<Box<[u64]>, _>>()?;
        heap.define_globals(module.globals.len());
        let mut globals = Vec::with_capacity(module.globals.len());
        for (i, g) in module.globals.iter().enumerate() {
            globals.push(match g.init {
                GlobalInit::Imm(imm) => imm.to_slot(),
                GlobalInit::Func(f) => f.index() as u64,
                GlobalInit::Const(c) => {
                    heap.interruption().check()?;
                    heap.global_constant(i, &module.constants[c.index()].value, !g.mutable)?
                }
            });
        }
        self.context.define(globals.into(), constants);
        Ok(())
    }

    /// The program.
    pub fn program(&self) -> &Program {
        &self.program
    }

    /// Calls the exported function `name`.
    ///
    /// # Errors
    /// `Unknown`, `Arguments` or `Trap`.
    pub fn call(&mut self, name: &str, args: &[Value]) -> Result<Vec<Value>, Error> {
        self.call_with(name, args.iter().map(ArgRef::from))
    }

    /// Calls the exported function `name` with arguments that are lent: arrays and texts of the
    /// host's, wherever they are.
    ///
    /// # Errors
    /// As [`Instance::call`].
    pub fn call_lending(&mut self, name: &str, args: &[ArgRef<'_>]) -> Result<Vec<Value>, Error> {
        self.call_with(name, args.iter().copied())
    }

    fn call_with<'a>(
        &mut self,
        name: &str,
        args: impl ExactSizeIterator<Item = ArgRef<'a>> + Clone,
    ) -> Result<Vec<Value>, Error> {
        let func = self.exported(name)?;
        let program = self.program.clone();
        let module = program.module();
        let Some(sig) = module.func_sig(func) else { return Err(unknown(module, name)) };
        check_args(name, args.clone(), sig, &module.sigs, |id| module.func_sig_id(id))?;
        let mut slots = vec![0; args.len()];
        let mut out = vec![0; sig.results.len()];
        let results = &sig.results;
        self.enter(true, |ctx| {
            // SAFETY: the arguments have been checked and outlive the call.
            // An object that comes again later is copied, so that the last one may be taken.
            unsafe {
                for (slot, arg) in slots.iter_mut().zip(args) {
                    *slot = arg.lower(&mut ctx.heap)?;
                }
                ctx.invoke(func, &slots, &mut out)?;
                ctx.heap.begin_taking_out();
                // Lists first, for tensors may be in them too: they are copied, the others moved.
                let mut values = vec![Value::Bool(false); out.len()];
                for lists in [true, false] {
                    for (i, ty) in results.iter().enumerate() {
                        if matches!(ty, Type::List(_)) == lists {
                            let again = out[i + 1..].contains(&out[i]);
                            values[i] = Value::lift(&mut ctx.heap, out[i], *ty, again)?;
                        }
                    }
                }
                Ok(values)
            }
        })
    }

    /// The exported function `name` with parameters `P` (a tuple of scalars,
    /// [`Tensor<T>`](crate::value::Tensor) and [`Str`](crate::value::Str)) and
    /// results `R` (`()`, a scalar, `String`, `OwnedTensor`, or a tuple).
    ///
    /// # Errors
    /// `Unknown`, or `Arguments` when the types are others.
    pub fn typed<P: Params, R: Results>(&self, name: &str) -> Result<TypedFunc<P, R>, Error> {
        let func = self.exported(name)?;
        let module = self.program.module();
        let Some(sig) = module.func_sig(func) else { return Err(unknown(module, name)) };
        if sig.params != P::TYPES || !R::matches(&sig.results) {
            let params: Vec<String> = P::TYPES.iter().map(|t| t.display(&module.sigs).to_string()).collect();
            let text = format!(
                "@{}{} was asked for as ({}) -> ({})",
                clipped(name, 120),
                sig.display(&module.sigs),
                params.join(", "),
                R::names().join(", ")
            );
            return Err(Error::new(ErrorKind::Arguments, text));
        }
        let objects = sig.params.iter().chain(&sig.results).any(|t: &Type| t.is_object());
        Ok(TypedFunc { func, objects, code: self.context.code.serial, types: PhantomData })
    }

    fn exported(&self, name: &str) -> Result<FuncId, Error> {
        let module = self.program.module();
        module.exported_func(name).ok_or_else(|| unknown(module, name))
    }

    /// Runs `f` as a call of the host: with a region for arguments and
    /// results if `objects` are among them, and a deadline.
    #[inline(always)]
    fn enter<R>(
        &mut self,
        objects: bool,
        f: impl FnOnce(&mut Context) -> Result<R, TrapError>,
    ) -> Result<R, Error> {
        self.set_deadline();
        let ctx = &mut *self.context;
        if objects {
            ctx.heap.begin();
        }
        let result = f(ctx);
        // SAFETY: nothing of the call's objects is left but what was taken out.
        unsafe { ctx.heap.end_host_call() };
        ctx.heap.interruption_mut().set_deadline(None);
        match result {
            Ok(r) => Ok(r),
            Err(error) => Err(trap(ctx, error)),
        }
    }

    /// The data that the host keeps with this instance, if it is of that type.
    pub fn data<T: 'static>(&self) -> Option<&T> {
        self.context.data.downcast_ref()
    }

    /// The same, to be changed.
    pub fn data_mut<T: 'static>(&mut self) -> Option<&mut T> {
        self.context.data.downcast_mut()
    }

    /// Keeps `data` with this instance, instead of what was kept before. Host functions reach it
    /// through their [`Caller`](crate::host::Caller).
    pub fn set_data<T: Send + 'static>(&mut self, data: T) {
        self.context.data = Box::new(data);
    }

    /// Fuel left; `None` when it is not metered.
    pub fn fuel(&self) -> Option<u64> {
        self.context.fuel()
    }

    /// Sets the fuel of a metered instance; has no effect on another.
    pub fn set_fuel(&mut self, fuel: u64) {
        self.context.set_fuel(fuel);
    }

    /// Sets the time limit of calls.
    pub fn set_timeout(&mut self, timeout: Option<Duration>) {
        self.timeout = timeout;
    }

    /// Memory of the instance's objects.
    pub fn memory(&self) -> HeapStats {
        self.context.heap.stats()
    }

    /// Counts of what the instance has asked of its device.
    pub fn device_counts(&self) -> DeviceCounts {
        self.context.heap.device_counts()
    }

    /// Stops a running call from another thread.
    pub fn interrupt_handle(&self) -> InterruptHandle {
        InterruptHandle(self.context.heap.interruption().flag().clone())
    }

    /// A copy of the exported global `name`.
    ///
    /// ```
    /// use nbc_runtime::{engine::Engine, linker::Linker, value::Value};
    /// let text = b"export global @calls: i64 = 0
    /// export func @main() {
    ///   %n = global.get @calls
    ///   %n = i64.add %n, 1
    ///   global.set @calls, %n
    ///   ret
    /// }";
    /// let program = Engine::default().read(text, "calls.nba")?;
    /// let mut instance = Linker::new().instantiate(&program)?;
    /// let mut other = Linker::new().instantiate(&program)?;
    /// instance.call("main", &[])?;
    /// instance.call("main", &[])?;
    /// // Instances share code, not state.
    /// assert_eq!(instance.global("calls")?, Value::I64(2));
    /// assert_eq!(other.global("calls")?, Value::I64(0));
    /// # Ok::<(), nbc_runtime::error::Error>(())
    /// ```
    ///
    /// # Errors
    /// `Unknown` when there is none, `Trap` when memory is short.
    pub fn global(&mut self, name: &str) -> Result<Value, Error> {
        let module = self.program.module();
        let Some(id) = module.exported_global(name) else {
            return Err(Error::new(ErrorKind::Unknown, format!("there is no exported global @{name}")));
        };
        let ty = module.globals[id.index()].ty;
        let slot = self.context.global(id.index());
        self.context.heap.begin_taking_out();
        // SAFETY: a global holds a live value of its type; it stays, so a copy is taken.
        let value = unsafe { Value::lift(&mut self.context.heap, slot, ty, true) };
        value.map_err(|error| trap(&mut self.context, error))
    }
}

#[cold]
#[inline(never)]
fn trap(ctx: &mut Context, error: TrapError) -> Error {
    ctx.heap.interruption().clear();
    let trace = ctx.take_trace();
    Trap { error, frames: trace.frames, omitted: trace.omitted }.into()
}

fn unknown(module: &nbc_ir::Module, name: &str) -> Error {
    let exports = module.exported_funcs().filter_map(|(_, f)| f.name.as_ref().map(|n| format!("@{n}")));
    let exports = list(exports, 10);
    let there = if exports.is_empty() { "nothing" } else { &exports };
    let name = clipped(name, 120);
    Error::new(
        ErrorKind::Unknown,
        format!("there is no exported function @{name}; the module exports {there}"),
    )
}

impl<P: Params, R: Results> TypedFunc<P, R> {
    /// Calls the function.
    ///
    /// # Errors
    /// `Trap`; `Arguments` when `instance` is not one of the program that the
    /// function was looked up in.
    #[inline]
    pub fn call(&self, instance: &mut Instance, args: impl Args<P>) -> Result<R, Error> {
        if self.code != instance.context.code.serial {
            return Err(Error::new(ErrorKind::Arguments, "the function belongs to another program"));
        }
        let func = self.func;
        instance.enter(self.objects, |ctx| {
            // SAFETY: the types have been checked, and the arguments outlive the call.
            unsafe {
                ctx.invoke_in_place(
                    func,
                    P::TYPES.len(),
                    R::COUNT,
                    |heap, slots| args.lower(heap, slots),
                    |heap, slots| {
                        heap.begin_taking_out();
                        R::lift(heap, slots)
                    },
                )
            }
        })
    }
}
