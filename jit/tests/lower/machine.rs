//! Small functions made with Cranelift and run: what the tests of lowering
//! stand on.

use cranelift_codegen::Context;
use cranelift_codegen::ir::{AbiParam, InstBuilder, MemFlagsData, Signature, Type as ClifType, Value};
use cranelift_codegen::isa::OwnedTargetIsa;
use cranelift_codegen::settings::{self, Configurable};
use cranelift_frontend::{FunctionBuilder, FunctionBuilderContext};
use cranelift_jit::{JITBuilder, JITModule};
use cranelift_module::{FuncId, Linkage, Module, default_libcall_names};
use nbc_jit::target::Cpu;

/// A place for an argument or result of any type: a slot, or a vector.
pub type Cell = [u64; 2];

/// Gives the results for the arguments.
pub type Body<'a> = Box<dyn Fn(&mut FunctionBuilder, &Cpu, &[Value]) -> Vec<Value> + 'a>;

/// A function to be made: types of its arguments, and what it does.
pub struct Small<'a> {
    pub params: Vec<ClifType>,
    pub body: Body<'a>,
}

/// A processor to make code for, and how.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// With everything this machine has, or only what all of its kind have.
    pub native: bool,
    /// Cranelift's level of optimisation.
    pub level: &'static str,
}

pub const TARGETS: &[Target] = &[
    Target { native: true, level: "speed" },
    Target { native: false, level: "speed" },
    Target { native: true, level: "none" },
];

impl Target {
    pub fn isa(self) -> OwnedTargetIsa {
        let mut flags = settings::builder();
        flags.set("opt_level", self.level).unwrap();
        let isa = cranelift_native::builder_with_options(self.native).unwrap();
        isa.finish(settings::Flags::new(flags)).unwrap()
    }
}

/// Compiled functions.
pub struct Machine {
    module: Option<JITModule>,
    functions: Vec<extern "C" fn(*const Cell, *mut Cell)>,
}

impl Machine {
    /// Compiles; no function may need anything but itself.
    pub fn new(target: Target, functions: &[Small]) -> Machine {
        let isa = target.isa();
        let cpu = Cpu::of(&*isa);
        let mut module = JITModule::new(JITBuilder::with_isa(isa, default_libcall_names()));
        let mut context = module.make_context();
        let mut frontend = FunctionBuilderContext::new();
        let mut ids = Vec::new();
        for (number, function) in functions.iter().enumerate() {
            let signature = build(&mut context, &mut frontend, &module, &cpu, function);
            let id = module.declare_function(&format!("f{number}"), Linkage::Local, &signature).unwrap();
            define(&mut module, id, &mut context);
            let relocations = context.compiled_code().unwrap().buffer.relocs();
            assert!(relocations.is_empty(), "{target:?} {relocations:?}\n{}", context.func);
            module.clear_context(&mut context);
            ids.push(id);
        }
        module.finalize_definitions().unwrap();
        let functions = ids.iter().map(|id| {
            let code = module.get_finalized_function(*id);
            // SAFETY: the code is that of a function of this signature.
            unsafe { std::mem::transmute::<*const u8, extern "C" fn(*const Cell, *mut Cell)>(code) }
        });
        Machine { functions: functions.collect(), module: Some(module) }
    }

    /// Runs function `number`, which has at most `N` results.
    pub fn run<const N: usize>(&self, number: usize, args: &[Cell]) -> [Cell; N] {
        let mut results = [[0; 2]; N];
        (self.functions[number])(args.as_ptr(), results.as_mut_ptr());
        results
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        if let Some(module) = self.module.take() {
            // SAFETY: the functions go as well, and none of them is running.
            unsafe { module.free_memory() };
        }
    }
}

fn build(
    context: &mut Context,
    frontend: &mut FunctionBuilderContext,
    module: &JITModule,
    cpu: &Cpu,
    function: &Small,
) -> Signature {
    let pointer = AbiParam::new(module.target_config().pointer_type());
    let mut signature = module.make_signature();
    signature.params.extend([pointer; 2]);
    context.func.signature = signature.clone();
    let mut b = FunctionBuilder::new(&mut context.func, frontend);
    let entry = b.create_block();
    b.append_block_params_for_function_params(entry);
    b.switch_to_block(entry);
    b.seal_all_blocks();
    let [from, to] = *b.block_params(entry) else { unreachable!("two parameters") };
    let mut args = Vec::new();
    for (i, ty) in function.params.iter().enumerate() {
        args.push(b.ins().load(*ty, MemFlagsData::new(), from, 16 * i as i32));
    }
    for (i, result) in (function.body)(&mut b, cpu, &args).into_iter().enumerate() {
        b.ins().store(MemFlagsData::new(), result, to, 16 * i as i32);
    }
    b.ins().return_(&[]);
    b.finalize(module.target_config());
    signature
}

fn define(module: &mut JITModule, id: FuncId, context: &mut Context) {
    let done = module.define_function(id, context);
    done.unwrap_or_else(|error| panic!("{error:?}\n{}", context.func));
}
