//! From a function of a loaded program to code that can be entered.

use crate::align;
use crate::budget::Budget;
use crate::check;
use crate::clif;
use crate::code::{Code, CodeMemory, erase};
use crate::lower::effort::{self, Effort};
use crate::lower::{
    About, Attachments, Polls, Target, call_signature, clif_type, enter_signature, lower, poll_signature,
};
use crate::midend::{self, Verify};
use crate::mir::{self, Entry, Func, Origin, Ty};
use crate::perf::{Lines, Recorder, printable};
use crate::target::Cpu;
use crate::{sanitize, sanitize_claims};

use cranelift_codegen::control::ControlPlane;
use cranelift_codegen::ir::{self, AbiParam, InstBuilder, MemFlagsData, UserFuncName, types};
use cranelift_codegen::isa::OwnedTargetIsa;
use cranelift_codegen::settings::{self, Configurable};
use cranelift_codegen::{CompiledCode, Context};
use cranelift_frontend::{FunctionBuilder, FunctionBuilderContext};
use cranelift_jit::{JITBuilder, JITModule};
use cranelift_module::{Linkage, Module, ModuleError, ModuleReloc};
use nbc_ir::{BlockId, FuncId, Type};
use nbc_runtime::abi::{calls, layout};
use nbc_runtime::machine::loaded::Loaded;
use nbc_runtime::machine::published::{Enter, NativeCode};
use rustc_hash::{FxHashMap, FxHashSet};
use std::fmt;
use std::ops::Range;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How much Cranelift does.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum OptLevel {
    /// Compiles fastest.
    None,
    /// Runs fastest.
    #[default]
    Speed,
}

/// Why there is no code.
#[derive(Debug)]
pub enum CompileError {
    /// Cranelift refused, or the machine.
    Backend(String),
    /// The cap of code memory is reached.
    MemoryFull,
    /// It would take longer than it is worth.
    TooLarge,
    /// One call would take too much of the native stack.
    FrameTooLarge(u32),
    /// Nobody waits for it any more.
    Unwanted,
}

impl fmt::Display for CompileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CompileError::Backend(text) => write!(f, "code generation failed: {text}"),
            CompileError::TooLarge => f.write_str("the function is too large"),
            CompileError::MemoryFull => f.write_str("the cap of code memory is reached"),
            CompileError::Unwanted => f.write_str("compiling was broken off"),
            CompileError::FrameTooLarge(bytes) => {
                write!(f, "a call would take {bytes} bytes of native stack")
            }
        }
    }
}

impl From<ModuleError> for CompileError {
    fn from(error: ModuleError) -> CompileError {
        CompileError::Backend(error.to_string())
    }
}

/// Most bytes of native stack one call may take: a fraction of what is held
/// in reserve behind the limit that compiled code checks.
const MAX_FRAME: u32 = 224 << 10;

/// Most instructions of a function that is compiled.
const MAX_SIZE: usize = 60_000;

/// Nodes from which on Cranelift no longer optimises.
const LARGE: usize = midend::LARGE;

/// Nodes of a function up to which what compiling it takes is kept for the next.
const SMALL: usize = 1_000;

/// Memory that compiling takes besides the function, to be used again.
struct Scratch {
    context: Context,
    frontend: FunctionBuilderContext,
    registers: regalloc2::Ctx,
}

impl Default for Scratch {
    fn default() -> Scratch {
        let (context, frontend) = (Context::new(), FunctionBuilderContext::new());
        Scratch { context, frontend, registers: regalloc2::Ctx::default() }
    }
}

/// Code for entering functions of one signature from the interpreter.
type Enters = FxHashMap<(Box<[Type]>, Box<[Type]>), (Enter, Arc<Code>)>;

/// Compiles for the machine it runs on.
pub struct Compiler {
    isa: OwnedTargetIsa,
    /// For functions that the first would take too long for, and for those that
    /// the second would.
    faster: [OwnedTargetIsa; 2],
    cpu: Cpu,
    options: midend::Options,
    memory: Arc<CodeMemory>,
    /// Most bytes that compiling something may take, and the most that it has taken, about.
    working_cap: usize,
    working_peak: AtomicU64,
    enters: Mutex<Enters>,
    /// Boxed, as moving one takes as long as a pass.
    scratch: Mutex<Vec<Box<Scratch>>>,
    polls: Polls,
    _polls: Arc<Code>,
    perf: Option<Arc<Recorder>>,
}

/// A function with its code.
pub struct Compiled {
    /// What to publish.
    pub native: NativeCode,
    /// Bytes of code.
    pub bytes: usize,
    /// What is known of its unchecked accesses.
    pub checked: Checked,
}

/// What is known of the unchecked accesses of a function.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Checked {
    /// How many there are.
    pub accesses: usize,
    /// Of how many it is not proved that they lie in their tensors: those are
    /// checked as they run.
    pub unproved: usize,
}

/// What becomes of a function on its way to machine code.
pub struct Explanation {
    /// The function as built and after each pass that changed it.
    pub passes: Vec<(String, String)>,
    /// Cranelift's form of it, after its own optimisations.
    pub clif: String,
    /// The machine code.
    pub code: Vec<u8>,
    /// Where in the bytecode ranges of the code come from, in order.
    pub places: Vec<(Range<u32>, Option<Origin>)>,
}

/// A function that Cranelift is done with.
struct Emitted {
    module: JITModule,
    declared: cranelift_module::FuncId,
    /// Bytes before the code.
    padding: u32,
    code: CompiledCode,
    attachments: Attachments,
}

/// Types of the parameters.
fn params(func: &Func) -> Vec<Type> {
    match func.entry {
        Entry::Call { params } => func.regs[..params].iter().filter_map(|t| t.value()).collect(),
        Entry::Resume { .. } => Vec::new(),
    }
}

/// What code is called by those who look from outside.
fn symbol(func: &Func, resume: Option<(u32, u32)>) -> String {
    let name = printable(&func.name);
    match resume {
        None => format!("@{name}"),
        Some((block, _)) => format!("@{name} (from block {block})"),
    }
}

/// Where in the bytecode ranges of the code come from, in order.
fn places(func: &Func, code: &CompiledCode) -> impl Iterator<Item = (Range<u32>, Option<Origin>)> {
    code.buffer.get_srclocs_sorted().iter().map(|at| {
        let origin = (!at.loc.is_default()).then(|| func.origins.get(at.loc.bits() as usize).copied());
        (at.start..at.end, origin.flatten())
    })
}

/// Where the code comes from, by lines.
fn lines(loaded: &Loaded, places: impl Iterator<Item = (Range<u32>, Option<Origin>)>) -> Lines {
    let Some(source) = &loaded.module.source else { return Lines::default() };
    let line = |origin: Origin| {
        let block = loaded.module.function(origin.func)?.blocks.get(origin.block as usize)?;
        Some(block.line(origin.inst as usize)).filter(|line| *line > 0)
    };
    let mut starts: Vec<(u32, u32)> = Vec::new();
    for (range, origin) in places {
        // What has no place of its own belongs to what comes before it.
        if let Some(line) = origin.and_then(line).filter(|l| starts.last().is_none_or(|(_, last)| last != l))
        {
            starts.push((range.start, line));
        }
    }
    // `perf` may be asked in another folder.
    let path = std::fs::canonicalize(&*source.name);
    let file = path.map_or_else(|_| source.name.to_string(), |p| p.display().to_string());
    Lines { file, starts }
}

impl Compiler {
    /// A compiler for this machine, which tells `perf` what it makes.
    ///
    /// # Errors
    /// When Cranelift does not know the machine.
    pub fn new(
        options: midend::Options,
        opt_level: OptLevel,
        memory: Arc<CodeMemory>,
        working_cap: usize,
        perf: Option<Arc<Recorder>>,
    ) -> Result<Compiler, CompileError> {
        let faster = [isa("none", "backtracking")?, isa("none", "single_pass")?];
        let isa = match opt_level {
            OptLevel::None => faster[0].clone(),
            OptLevel::Speed => isa("speed", "backtracking")?,
        };
        let cpu = Cpu::of(&*isa);
        let (polls, code) = polls(&isa, &memory, perf.as_deref())?;
        let (enters, scratch) = (Mutex::default(), Mutex::default());
        let working_peak = AtomicU64::new(0);
        Ok(Compiler {
            isa,
            faster,
            cpu,
            options,
            memory,
            working_cap,
            working_peak,
            enters,
            scratch,
            polls,
            _polls: code,
            perf,
        })
    }

    /// The most bytes that making code of something has taken besides the code, about.
    pub fn working_peak(&self) -> u64 {
        self.working_peak.load(Ordering::Relaxed)
    }

    /// What Cranelift calls the machine it compiles for.
    pub fn isa(&self) -> &'static str {
        self.isa.name()
    }

    /// Compiles function `id`, to be called, or to go on with a run of the
    /// interpreter from instruction `resume.1` of block `resume.0`. Breaks off
    /// soon after `is_unwanted`, but for what Cranelift has begun.
    ///
    /// # Errors
    /// When there can be no code.
    pub fn compile(
        &self,
        loaded: &Loaded,
        id: FuncId,
        resume: Option<(u32, u32)>,
        is_unwanted: &dyn Fn() -> bool,
    ) -> Result<Compiled, CompileError> {
        let function = loaded.module.function(id);
        if function.is_none_or(|f| f.size() > MAX_SIZE) {
            return Err(CompileError::TooLarge);
        }
        let (func, checked) = self.prepare(loaded, id, resume, is_unwanted, &mut |_, _| {});
        if is_unwanted() {
            return Err(CompileError::Unwanted);
        }
        let compiled = self.finish(loaded, &func, resume, is_unwanted)?;
        Ok(Compiled { checked, ..compiled })
    }

    /// Code of a function that passes are done with.
    fn finish(
        &self,
        loaded: &Loaded,
        func: &Func,
        resume: Option<(u32, u32)>,
        is_unwanted: &dyn Fn() -> bool,
    ) -> Result<Compiled, CompileError> {
        let name = symbol(func, resume);
        let known = self.scratch().pop();
        let mut scratch = known.unwrap_or_default();
        let emitted = self.emit(loaded, func, &name, &mut scratch, is_unwanted)?;
        let Emitted { mut module, declared, padding, code, attachments } = emitted;
        if func.size() <= SMALL {
            scratch.context.clear();
            self.scratch().push(scratch);
        }
        let bytes = code.code_info().total_size as usize;
        let frame = code.buffer.frame_layout().map_or(0, |f| f.frame_to_fp_offset);
        if frame > MAX_FRAME {
            // SAFETY: the module has never been entered.
            unsafe { module.free_memory() };
            return Err(CompileError::FrameTooLarge(frame));
        }
        let Some(room) = self.memory.take(bytes + padding as usize) else {
            // SAFETY: as above.
            unsafe { module.free_memory() };
            return Err(CompileError::MemoryFull);
        };
        module.finalize_definitions()?;
        let start = module.get_finalized_function(declared);
        // SAFETY: the code comes after so many bytes.
        let address = unsafe { start.add(padding as usize) };
        if let Some(perf) = &self.perf {
            let lines = lines(loaded, places(func, &code));
            // SAFETY: that much code was just put there.
            perf.record(&name, unsafe { std::slice::from_raw_parts(address, bytes) }, &lines);
        }
        let native = match &func.entry {
            Entry::Call { .. } => {
                let (enter, keeps) = self.enter(&params(func), &func.results)?;
                let code = Arc::new(Code::new(module, attachments, Some(keeps), room));
                NativeCode { enter, native: address, unit: erase(&code) }
            }
            Entry::Resume { .. } => {
                let code = Arc::new(Code::new(module, attachments, None, room));
                // SAFETY: it was compiled with that signature; a resumed
                // function is its own way in.
                let enter = unsafe { std::mem::transmute::<*const u8, Enter>(address) };
                NativeCode { enter, native: address, unit: erase(&code) }
            }
        };
        Ok(Compiled { native, bytes, checked: Checked::default() })
    }

    fn scratch(&self) -> MutexGuard<'_, Vec<Box<Scratch>>> {
        self.scratch.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Machine code of a function, in memory that is not executable yet.
    fn emit(
        &self,
        loaded: &Loaded,
        func: &Func,
        name: &str,
        scratch: &mut Scratch,
        is_unwanted: &dyn Fn() -> bool,
    ) -> Result<Emitted, CompileError> {
        let Scratch { context, frontend, registers } = scratch;
        let about = About::new(func).ok_or(CompileError::TooLarge)?;
        let instructions = loaded.module.function(func.id).map_or(0, |f| f.size());
        let in_order = match Effort::of(func, &about, instructions) {
            Effort::All => false,
            Effort::OnePass => true,
            Effort::TooMuch => return Err(CompileError::TooLarge),
        };
        let working = effort::memory(func, &about);
        if working > self.working_cap {
            return Err(CompileError::TooLarge);
        }
        self.working_peak.fetch_max(working as u64, Ordering::Relaxed);
        let isa = match func.size() {
            _ if in_order => &self.faster[1],
            0..LARGE => &self.isa,
            _ => &self.faster[0],
        };
        // What Cranelift optimised is seen to before it makes machine code of it.
        let optimises = isa.flags().opt_level() != settings::OptLevel::None;
        let mut module = module(if optimises { &self.faster[0] } else { isa });
        let conv = isa.default_call_conv();
        let sig = match func.entry {
            Entry::Call { .. } => call_signature(&params(func), &func.results, conv),
            Entry::Resume { .. } => enter_signature(conv),
        };
        let declared = module.declare_function(name, Linkage::Local, &sig)?;
        context.func.signature = sig;
        context.func.name = UserFuncName::user(0, declared.as_u32());
        let own = match func.entry {
            Entry::Call { .. } => Some(module.declare_func_in_func(declared, &mut context.func)),
            Entry::Resume { .. } => None,
        };
        let target = Target {
            module: &loaded.module,
            entries: loaded.entries.as_ptr().expose_provenance(),
            metered: loaded.metered,
            cpu: &self.cpu,
            polls: self.polls,
            config: self.isa.frontend_config(),
            in_order,
            own,
        };
        let builder = FunctionBuilder::new(&mut context.func, frontend);
        let lowered = lower(func, about, target, builder);
        if func.size() >= LARGE && !in_order {
            clif::spill_long_lived(context);
        }
        if optimises && !lowered.has_leftovers {
            clif::run_unoptimised(context);
        } else {
            context.optimize(&**isa, &mut ControlPlane::default()).map_err(ModuleError::from)?;
            if optimises {
                clif::run(context);
            }
        }
        #[cfg(debug_assertions)]
        if optimises {
            context.verify(&**isa).map_err(|e| CompileError::Backend(e.to_string()))?;
        }
        if is_unwanted() {
            return Err(CompileError::Unwanted);
        }
        let (code, padding) = define(&mut module, declared, context, registers)?;
        Ok(Emitted { module, declared, padding, code, attachments: lowered.attachments })
    }

    /// What becomes of a function on its way to machine code.
    ///
    /// # Errors
    /// When there can be no code.
    pub fn explain(
        &self,
        loaded: &Loaded,
        id: FuncId,
        resume: Option<(u32, u32)>,
    ) -> Result<Explanation, CompileError> {
        let mut passes = vec![("bytecode".to_owned(), String::new())];
        passes[0].1 = mir::build(&loaded.module, id).named(&loaded.module);
        let (func, _) = self.prepare(loaded, id, resume, &|| false, &mut |pass, func| {
            let text = func.named(&loaded.module);
            // Passes that found nothing to do are left out.
            if passes.last().is_none_or(|(_, before)| *before != text) {
                passes.push((pass.to_owned(), text));
            }
        });
        let name = symbol(&func, resume);
        let mut scratch = Scratch::default();
        let Emitted { module, code, .. } = self.emit(loaded, &func, &name, &mut scratch, &|| false)?;
        let clif = scratch.context.func.display().to_string();
        let places = places(&func, &code).collect();
        let code = code.code_buffer().to_vec();
        // SAFETY: the module has never been entered.
        unsafe { module.free_memory() };
        Ok(Explanation { passes, clif, code, places })
    }

    /// The function as it comes out of the mid-end; not all passes have run
    /// where it `is_unwanted`.
    fn prepare(
        &self,
        loaded: &Loaded,
        id: FuncId,
        resume: Option<(u32, u32)>,
        is_unwanted: &dyn Fn() -> bool,
        watch: &mut dyn FnMut(&str, &Func),
    ) -> (Func, Checked) {
        let mut build = |options: &midend::Options| {
            let func = match resume {
                None => mir::build(&loaded.module, id),
                Some((block, inst)) => mir::build_resumed(&loaded.module, id, BlockId(block), inst as usize),
            };
            let mut func = func.following(&loaded.plan);
            let budget = Rc::new(Budget::new(func.size()));
            let (module, metered) = (&loaded.module, loaded.metered);
            midend::run_within(&budget, &mut func, module, options, metered, &mut |pass, func| {
                watch(pass, func);
                if is_unwanted() {
                    budget.use_up();
                }
            });
            func
        };
        let mut func = build(&self.options);
        let Some(checked) = self.verify(&mut func) else {
            // What cannot be checked as it runs keeps all the checks it had.
            let options = midend::Options { hoist: false, vectorise: false, ..self.options };
            let mut func = build(&options);
            if self.options.verify == Verify::All {
                sanitize_claims::insert(&mut func);
            }
            return (func, Checked::default());
        };
        watch("check", &func);
        (func, checked)
    }

    /// Sees to it that no unchecked access of a function can leave its tensor;
    /// `None` where that cannot be had.
    fn verify(&self, func: &mut Func) -> Option<Checked> {
        let report = match self.options.verify {
            Verify::Nothing => return Some(Checked::default()),
            // Nothing need be proved of what is checked anyway.
            Verify::All => {
                sanitize_claims::insert(func);
                check::Report::default()
            }
            Verify::Unproved => check::run(func),
        };
        let unproved: FxHashSet<(BlockId, usize)> =
            report.unproved.iter().map(|u| (u.block, u.node)).collect();
        let is_wanted = |block, node| self.options.verify == Verify::All || unproved.contains(&(block, node));
        let checked = Checked { accesses: report.accesses, unproved: unproved.len() };
        sanitize::insert(func, is_wanted).then_some(checked)
    }

    /// Code that enters functions of a signature from the interpreter: takes
    /// arguments out of the frame, calls, and puts results into the frame.
    fn enter(&self, params: &[Type], results: &[Type]) -> Result<(Enter, Arc<Code>), CompileError> {
        let mut enters = self.enters.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (Box::from(params), Box::from(results));
        if let Some((enter, code)) = enters.get(&key) {
            return Ok((*enter, code.clone()));
        }
        let mut module = module(&self.isa);
        let conv = self.isa.default_call_conv();
        let sig = enter_signature(conv);
        let declared = module.declare_function("[nbc] enter", Linkage::Local, &sig)?;
        let mut context = module.make_context();
        context.func.signature = sig;
        let mut frontend = FunctionBuilderContext::new();
        let mut b = FunctionBuilder::new(&mut context.func, &mut frontend);
        let entry = b.create_block();
        b.append_block_params_for_function_params(entry);
        b.switch_to_block(entry);
        let [ctx, regs, native] = *b.block_params(entry) else { unreachable!("three parameters") };
        let flags = MemFlagsData::trusted();
        let mut args = vec![ctx];
        for (i, ty) in params.iter().enumerate() {
            args.push(b.ins().load(clif_type(Ty::Value(*ty)), flags, regs, i as i32 * 8));
        }
        if results.len() > 1 {
            args.push(regs);
        }
        let callee = b.import_signature(call_signature(params, results, conv));
        let call = b.ins().call_indirect(callee, native, &args);
        let returned = b.inst_results(call).to_vec();
        if let [ty] = results {
            let value = match ty {
                Type::I32 | Type::Bool => b.ins().uextend(types::I64, returned[1]),
                Type::F32 => {
                    let bits = b.ins().bitcast(types::I32, MemFlagsData::new(), returned[1]);
                    b.ins().uextend(types::I64, bits)
                }
                _ => returned[1],
            };
            b.ins().store(flags, value, regs, 0);
        }
        b.ins().return_(&[returned[0]]);
        b.seal_all_blocks();
        b.finalize(self.isa.frontend_config());
        module.define_function(declared, &mut context)?;
        let bytes = context.compiled_code().map_or(0, |c| c.code_info().total_size as usize);
        let Some(room) = self.memory.take(bytes) else {
            // SAFETY: the module has never been entered.
            unsafe { module.free_memory() };
            return Err(CompileError::MemoryFull);
        };
        module.finalize_definitions()?;
        let address = module.get_finalized_function(declared);
        if let Some(perf) = &self.perf {
            // SAFETY: that much code was just put there.
            let code = unsafe { std::slice::from_raw_parts(address, bytes) };
            perf.record("[nbc] enter", code, &Lines::default());
        }
        // SAFETY: it was compiled with that signature.
        let enter = unsafe { std::mem::transmute::<*const u8, Enter>(address) };
        let code = Arc::new(Code::new(module, Attachments::default(), None, room));
        enters.insert(key, (enter, code.clone()));
        Ok((enter, code))
    }
}

/// An empty module.
fn module(isa: &OwnedTargetIsa) -> JITModule {
    let mut builder = JITBuilder::with_isa(isa.clone(), cranelift_module::default_libcall_names());
    // Everything is reached through addresses; a symbol would be a mistake.
    builder.symbol_lookup_fn(Box::new(|_| None));
    JITModule::new(builder)
}

/// Makes the functions that code calls when its budget is used up. They save
/// all registers, so that a loop keeps its values in them though it may call.
fn polls(
    isa: &OwnedTargetIsa,
    memory: &Arc<CodeMemory>,
    perf: Option<&Recorder>,
) -> Result<(Polls, Arc<Code>), CompileError> {
    let mut module = module(isa);
    let conv = isa.default_call_conv();
    let flags = MemFlagsData::trusted();
    // What gives a status back, of some integers.
    let ask = |b: &mut FunctionBuilder, address: usize, args: &[ir::Value]| {
        let mut sig = ir::Signature::new(conv);
        sig.params.extend(args.iter().map(|_| AbiParam::new(types::I64)));
        sig.returns.push(AbiParam::new(types::I64));
        let sig = b.import_signature(sig);
        let callee = b.ins().iconst(types::I64, address as i64);
        let call = b.ins().call_indirect(sig, callee, args);
        b.inst_results(call)[0]
    };
    // `notes` if a trap is noted here, at the site that the context has for a status.
    let mut make =
        |name: &'static str, args: usize, address: usize, notes: bool| -> Result<_, CompileError> {
            let sig = poll_signature(args);
            let declared = module.declare_function(name, Linkage::Local, &sig)?;
            let mut context = module.make_context();
            context.func.signature = sig;
            context.func.name = UserFuncName::user(0, declared.as_u32());
            let mut frontend = FunctionBuilderContext::new();
            let mut b = FunctionBuilder::new(&mut context.func, &mut frontend);
            let entry = b.create_block();
            b.append_block_params_for_function_params(entry);
            b.switch_to_block(entry);
            let args = b.block_params(entry).to_vec();
            let site = notes.then(|| b.ins().load(types::I64, flags, args[0], layout::context::STATUS));
            let status = ask(&mut b, address, &args);
            b.ins().store(flags, status, args[0], layout::context::STATUS);
            if let Some(site) = site {
                let (trapped, done) = (b.create_block(), b.create_block());
                b.ins().brif(status, trapped, &[], done, &[]);
                b.switch_to_block(trapped);
                let status = ask(&mut b, calls().passed, &[args[0], site, status]);
                b.ins().store(flags, status, args[0], layout::context::STATUS);
                b.ins().jump(done, &[]);
                b.switch_to_block(done);
            }
            b.ins().return_(&[]);
            b.seal_all_blocks();
            b.finalize(isa.frontend_config());
            module.define_function(declared, &mut context)?;
            Ok((declared, name, context.compiled_code().map_or(0, |c| c.code_info().total_size as usize)))
        };
    let poll = make("[nbc] poll", 1, calls().poll, true)?;
    let charge = make("[nbc] charge", 2, calls().charge, false)?;
    let prepay = make("[nbc] prepay", 2, calls().prepay, false)?;
    let Some(room) = memory.take(1) else {
        // SAFETY: the module has never been entered.
        unsafe { module.free_memory() };
        return Err(CompileError::MemoryFull);
    };
    module.finalize_definitions()?;
    let address = |(declared, name, bytes)| {
        let address = module.get_finalized_function(declared);
        if let Some(perf) = perf {
            // SAFETY: that much code was just put there.
            perf.record(name, unsafe { std::slice::from_raw_parts(address, bytes) }, &Lines::default());
        }
        address as usize
    };
    let polls = Polls { poll: address(poll), charge: address(charge), prepay: address(prepay) };
    Ok((polls, Arc::new(Code::new(module, Attachments::default(), None, room))))
}

/// Machine code for what has been optimised in `context`, in memory after some
/// bytes that nothing runs. Gives back how many.
fn define(
    module: &mut JITModule,
    declared: cranelift_module::FuncId,
    context: &Context,
    registers: &mut regalloc2::Ctx,
) -> Result<(CompiledCode, u32), CompileError> {
    // As `Context::compile` does it, but for the passes before.
    let Context { func, domtree, .. } = context;
    let mut control = ControlPlane::default();
    let code = module.isa().compile_function(func, domtree, registers, false, &mut control);
    let code = code.map_err(ModuleError::from)?.apply_params(&func.params);
    let padding = align::padding(&code);
    let mut bytes = vec![0; padding as usize];
    bytes.extend_from_slice(code.code_buffer());
    let relocs = code.buffer.relocs().iter().map(|reloc| {
        let mut reloc = ModuleReloc::from_mach_reloc(reloc, func, declared);
        reloc.offset += padding;
        // The only function there is to refer to is this one.
        reloc.addend += i64::from(padding);
        reloc
    });
    let relocs: Vec<ModuleReloc> = relocs.collect();
    module.define_function_bytes(declared, align::LINE.into(), &bytes, &relocs)?;
    Ok((code, padding))
}

/// This machine, to be compiled for in that way.
fn isa(opt_level: &str, algorithm: &str) -> Result<OwnedTargetIsa, CompileError> {
    let backend = |e: &dyn fmt::Display| CompileError::Backend(e.to_string());
    let verify = if cfg!(debug_assertions) { "true" } else { "false" };
    let mut flags = settings::builder();
    for (name, value) in [
        ("opt_level", opt_level),
        ("regalloc_algorithm", algorithm),
        ("enable_verifier", verify),
        // Calls leave through addresses in the code.
        ("use_colocated_libcalls", "false"),
        ("is_pic", "false"),
        // Frames are small, and the limit that functions check has a reserve behind it.
        ("enable_probestack", "false"),
        // Nothing unwinds through compiled code.
        ("unwind_info", "false"),
        // Where blocks lie says how well loops do.
        ("machine_code_cfg_info", "true"),
    ] {
        flags.set(name, value).map_err(|e| backend(&e))?;
    }
    let builder = cranelift_native::builder().map_err(|e| backend(&e))?;
    builder.finish(settings::Flags::new(flags)).map_err(|e| backend(&e))
}

#[cfg(test)]
mod cost;

#[cfg(test)]
mod tests;
