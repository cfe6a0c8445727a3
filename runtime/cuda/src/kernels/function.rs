//! Functions of the program as CUDA C: what `tensor.map` and `tensor.generate` call for each element.
//!
//! A function becomes a device function with a variable for each register and a label for each block; branches are
//! jumps. So any control flow goes, loops too. What it calls is translated with it. Instructions mean what
//! docs/isa.md says, mathematical functions are those of `nbc_numerics`.
//!
//! ```text
//! func @f(%x: f64) -> f64 {        static __device__ void nbc_f0(f64 r0, f64 &out0, nbc_state &state) {
//!   %c = f64.lt %x, 0.0              bool r1 = 0;
//!   br_if %c, minus, plus           b0:
//! minus:                              r1 = nbc_lt(r0, ..);
//!   ..                                if (r1) goto b1; else goto b2;
//! ```
//!
//! Invariant: what would trap, and what goes back more than [`MOST_TURNS`] times, gives up. Then no element
//! counts, and the processor computes all of them.

use super::{ELEMENTS, c_type, mathematics};
use crate::device::{Cuda, MOST_QUEUED, count};
use crate::launch::{Parameters, THREADS, blocks};
use nbc_ir::flow::Cfg;
use nbc_ir::inst::Effect;
use nbc_ir::{BlockId, Elem, FuncId, Function, Imm, Inst, Module, Operand, Reg, Type};
use nbc_runtime::device::DeviceError;
use nbc_runtime::device::map::DeviceMap;
use std::collections::BTreeSet;
use std::fmt::Write;

/// How often a function, with what it calls, may go back to what it has been at.
const MOST_TURNS: u64 = 1 << 14;
/// Most and fewest elements of one launch where functions have loops, so that it ends in time.
const AT_A_TIME: (u64, u64) = (MOST_QUEUED / MOST_TURNS, 1 << 12);
/// Additions in a function with loops of which a launch takes most elements.
const SMALL: u64 = 64;
/// How many times as long as an addition a mathematical function takes, about.
const WEIGHT: u64 = 64;
/// Most instructions of a function with those that it calls, which count for each call: a compiler may put
/// them there, and twenty functions that call the next one twice run a million times.
const MOST_INSTRUCTIONS: u64 = 4000;
/// How deep they may call each other.
const MOST_DEEP: usize = 16;

/// How large a function is, with all that it calls.
#[derive(Clone, Copy, Default)]
struct Size {
    instructions: u64,
    /// The same, in additions.
    work: u64,
}

/// Functions of a program, translated.
#[derive(Default)]
struct Translation {
    /// Device functions, each before those that call it.
    text: String,
    /// Functions in that order.
    done: Vec<(FuncId, Size)>,
    /// Those whose callees are being translated, as large as they are so far.
    open: Vec<(FuncId, Size)>,
    /// Mathematical functions that are used, by name and type.
    functions: BTreeSet<(&'static str, &'static str)>,
    /// Whether any may give up.
    may_give_up: bool,
    /// Whether any has a loop.
    loops: bool,
}

/// What a scalar is called in CUDA C; nothing where it is none.
fn scalar(ty: Type) -> Option<&'static str> {
    Some(match ty {
        Type::I32 => "i32",
        Type::I64 => "i64",
        Type::F32 => "f32",
        Type::F64 => "f64",
        Type::Bool => "bool",
        _ => return None,
    })
}

fn value(operand: &Operand) -> String {
    match *operand {
        Operand::Reg(reg) => format!("r{}", reg.index()),
        Operand::Imm(Imm::I32(v)) => format!("((i32)0x{v:x}u)"),
        Operand::Imm(Imm::I64(v)) => format!("((i64)0x{v:x}ULL)"),
        Operand::Imm(Imm::F32(bits)) => format!("__int_as_float((int)0x{bits:x}u)"),
        Operand::Imm(Imm::F64(bits)) => format!("__longlong_as_double((i64)0x{bits:x}ULL)"),
        Operand::Imm(Imm::Bool(v)) => v.to_string(),
    }
}

/// Bounds between which a float has an integer part of such a type: those of the processor.
fn bounds(name: &str) -> Option<(&'static str, &'static str, &'static str)> {
    Some(match name {
        "i32.trunc_f32" => ("-2147483904.0f", "2147483648.0f", "i32"),
        "i32.trunc_f64" => ("-2147483649.0", "2147483648.0", "i32"),
        "i32.trunc_f32_u" => ("-1.0f", "4294967296.0f", "u32"),
        "i32.trunc_f64_u" => ("-1.0", "4294967296.0", "u32"),
        "i64.trunc_f32" => ("-9223373136366403584.0f", "9223372036854775808.0f", "i64"),
        "i64.trunc_f64" => ("-9223372036854777856.0", "9223372036854775808.0", "i64"),
        "i64.trunc_f32_u" => ("-1.0f", "18446744073709551616.0f", "u64"),
        "i64.trunc_f64_u" => ("-1.0", "18446744073709551616.0", "u64"),
        _ => return None,
    })
}

/// The expression of an instruction that cannot trap, of type `to`; nothing where there is none.
fn pure(of: &str, name: &str, args: &str, to: &'static str) -> Option<String> {
    Some(match name {
        "const" => args.to_owned(),
        "add" | "sub" | "mul" | "div" | "min" | "max" | "and" | "or" | "xor" | "not" | "shl" | "shr"
        | "shr_u" | "rotl" | "rotr" | "mulh" | "mulh_u" | "min_u" | "max_u" | "neg" | "abs" | "clz"
        | "ctz" | "popcnt" | "extend8" | "extend16" | "extend32" | "eq" | "ne" | "lt" | "le" | "gt"
        | "ge" | "lt_u" | "le_u" | "gt_u" | "ge_u" | "copysign" | "fma" | "sqrt" | "ceil" | "floor"
        | "trunc" | "nearest" => {
            format!("nbc_{name}({args})")
        }
        "rem" if of.starts_with('f') => format!("nbc_rem({args})"),
        "wrap_i64" | "extend_i32" | "from_bool" | "from_i32" | "from_i64" | "demote" | "promote" => {
            format!("({to}){args}")
        }
        "extend_i32_u" | "from_i32_u" => format!("({to})(u32){args}"),
        "from_i64_u" => format!("({to})(u64){args}"),
        "sat_f32" | "sat_f64" => format!("nbc_to<{to}>::of({args})"),
        "sat_f32_u" | "sat_f64_u" => format!("nbc_sat_u_{to}({args})"),
        "reinterpret" => match to {
            "f32" => format!("__int_as_float({args})"),
            "f64" => format!("__longlong_as_double({args})"),
            _ => format!("nbc_bits_of({args})"),
        },
        _ => return None,
    })
}

/// Mathematical functions, by their instructions' names.
const FUNCTIONS: &[&str] = &[
    "sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh", "exp", "exp2", "expm1", "ln",
    "log2", "log10", "log1p", "cbrt", "erf", "erfc", "lgamma", "tgamma", "atan2", "pow", "hypot",
];

impl Translation {
    /// Translates a function and those that it calls; nothing where one of them does what no kernel can.
    fn add(&mut self, module: &Module, id: FuncId) -> Option<usize> {
        if let Some(at) = self.done.iter().position(|(done, _)| *done == id) {
            return Some(at);
        }
        let (func, sig) = (module.function(id)?, module.func_sig(id)?);
        if self.open.len() == MOST_DEEP || self.open.iter().any(|(open, _)| *open == id) {
            return None;
        }
        self.open.push((id, Size::default()));
        let instructions = func.size() as u64;
        self.grow(Size { instructions, work: instructions })?;
        let mut body = String::new();
        for (at, ty) in func.regs.iter().enumerate().skip(sig.params.len()) {
            writeln!(body, "  {} r{at} = 0;", scalar(*ty)?).expect("a string takes all");
        }
        let cfg = Cfg::new(func);
        for &block in cfg.rpo() {
            writeln!(body, " b{}:", block.0).expect("a string takes all");
            for inst in &func.blocks[block.index()].insts {
                self.inst(module, func, &cfg, block, inst, &mut body)?;
            }
        }
        let mut params = Vec::new();
        for (at, ty) in sig.params.iter().enumerate() {
            params.push(format!("{} r{at}", scalar(*ty)?));
        }
        for (at, ty) in sig.results.iter().enumerate() {
            params.push(format!("{} &out{at}", scalar(*ty)?));
        }
        let at = self.done.len();
        self.done.extend(self.open.pop());
        let params = params.iter().map(|p| format!("{p}, ")).collect::<String>();
        write!(self.text, "static __device__ void nbc_f{at}({params}nbc_state &state) {{\n{body}}}\n")
            .expect("a string takes all");
        Some(at)
    }

    /// Notes that the function which is being translated has so much more; nothing where one gets too large that way.
    fn grow(&mut self, by: Size) -> Option<()> {
        let (_, size) = self.open.last_mut()?;
        size.instructions += by.instructions;
        size.work += by.work;
        // Those that wait for it will have all of it.
        let all: u64 = self.open.iter().map(|(_, size)| size.instructions).sum();
        (all <= MOST_INSTRUCTIONS).then_some(())
    }

    /// A jump, which counts if it may go back.
    fn jump(&mut self, cfg: &Cfg, from: BlockId, to: BlockId) -> String {
        // Every cycle has an edge that does not go on in this order.
        if cfg.rank(to) <= cfg.rank(from) {
            self.loops = true;
            self.may_give_up = true;
            return format!("{{ NBC_TURN goto b{}; }}", to.0);
        }
        format!("goto b{};", to.0)
    }

    fn inst(
        &mut self,
        module: &Module,
        func: &Function,
        cfg: &Cfg,
        block: BlockId,
        inst: &Inst,
        body: &mut String,
    ) -> Option<()> {
        let line = match inst {
            Inst::Br { target } => self.jump(cfg, block, *target),
            Inst::BrIf { cond, then_to, else_to } => {
                let (yes, no) = (self.jump(cfg, block, *then_to), self.jump(cfg, block, *else_to));
                format!("if ({}) {yes} else {no}", value(cond))
            }
            Inst::Switch { index, targets, default_to } => {
                let mut text = format!("switch ({}) {{", value(index));
                for (at, target) in targets.iter().enumerate() {
                    text += &format!(" case {at}: {}", self.jump(cfg, block, *target));
                }
                format!("{text} default: {} }}", self.jump(cfg, block, *default_to))
            }
            Inst::Ret { values } => {
                let each = values.iter().enumerate().map(|(at, v)| format!("out{at} = {}; ", value(v)));
                format!("{}return;", each.collect::<String>())
            }
            Inst::Trap {} => {
                self.may_give_up = true;
                "NBC_GIVE_UP".to_owned()
            }
            Inst::Call { results, callee, args } => {
                let at = self.add(module, *callee)?;
                self.grow(self.done[at].1)?;
                let args = args.iter().map(value).chain(results.iter().map(|r| format!("r{}", r.index())));
                let args: String = args.map(|a| a + ", ").collect();
                format!("nbc_f{at}({args}state); if (state.gives_up) return;")
            }
            Inst::Copy { dst, a } => format!("r{} = {};", dst.index(), value(a)),
            Inst::Select { dst, cond, a, b } => {
                format!("r{} = {} ? {} : {};", dst.index(), value(cond), value(a), value(b))
            }
            other => self.computed(func, other)?,
        };
        writeln!(body, "  {line}").expect("a string takes all");
        Some(())
    }

    /// An instruction that computes a scalar of scalars.
    fn computed(&mut self, func: &Function, inst: &Inst) -> Option<String> {
        use nbc_ir::inst::FieldRef;
        let (mut dst, mut args, mut is_plain): (Option<Reg>, Vec<String>, bool) = (None, Vec::new(), true);
        inst.for_each_field(|field| match field {
            FieldRef::Def(reg) if dst.is_none() => dst = Some(reg),
            FieldRef::Use(operand) => args.push(value(&operand)),
            FieldRef::Lit(imm) => args.push(value(&Operand::Imm(imm))),
            _ => is_plain = false,
        });
        let opcode = inst.opcode();
        let dst = dst.filter(|_| is_plain && matches!(opcode.effect(), Effect::Pure | Effect::Traps))?;
        let to = scalar(func.regs[dst.index()])?;
        let (of, name) = opcode.mnemonic().split_once('.')?;
        let is_scalar = matches!(of, "i32" | "i64" | "f32" | "f64" | "bool");
        let (r, all) = (dst.index(), args.join(", "));
        if !is_scalar {
            return None;
        }
        if let Some((below, above, part)) = bounds(opcode.mnemonic()) {
            self.may_give_up = true;
            return Some(format!(
                "if (!nbc_fits({all}, {below}, {above})) NBC_GIVE_UP r{r} = ({to})({part}){all};"
            ));
        }
        let division = match name {
            _ if !of.starts_with('i') => None,
            "div" => Some("quotient"),
            "div_u" => Some("quotient_u"),
            "rem" => Some("remainder"),
            "rem_u" => Some("remainder_u"),
            _ => None,
        };
        if let Some(division) = division {
            self.may_give_up = true;
            return Some(format!("if ({} == 0) NBC_GIVE_UP r{r} = nbc_{division}({all});", args[1]));
        }
        if let Some(function) = FUNCTIONS.iter().find(|f| **f == name) {
            self.functions.insert((function, to));
            self.grow(Size { instructions: 0, work: WEIGHT })?;
            return Some(format!("r{r} = nbc_{function}_{to}({all});"));
        }
        Some(format!("r{r} = {};", pure(of, name, &all, to)?))
    }
}

/// A function as it is called for each element.
pub(crate) struct Called {
    text: String,
    may_give_up: bool,
    loops: bool,
    /// Additions, if nothing is done twice.
    work: u64,
}

/// The kernel `nbc_map`, which calls a function of such elements, or of the index where there are none.
pub(crate) fn translated(module: &Module, id: FuncId, from: &[Elem], to: Elem) -> Option<Called> {
    let mut all = Translation::default();
    let at = all.add(module, id)?;
    let (mut params, mut args) = (format!("{} *to", c_type(to)), Vec::new());
    for (n, elem) in from.iter().enumerate() {
        write!(params, ", const {} *p{n}", c_type(*elem)).expect("a string takes all");
        // A byte is an i32 in a register.
        args.push(if *elem == Elem::U8 { format!("(i32)p{n}[i]") } else { format!("p{n}[i]") });
    }
    if from.is_empty() {
        args.push("i".to_owned());
    }
    let result = scalar(*module.func_sig(id)?.results.first()?)?;
    let text = format!(
        "{ELEMENTS}#define NBC_MOST_TURNS {MOST_TURNS}\n{}{}{}\
         extern \"C\" __global__ void __launch_bounds__(256) nbc_map({params}, i32 *gives_up, i64 from, i64 n) {{\n  \
         for (i64 i = from + (i64)blockIdx.x * 256 + threadIdx.x; i < n; i += (i64)gridDim.x * 256) {{\n    \
         nbc_state state;\n    state.turns = 0;\n    state.gives_up = false;\n    {result} out = 0;\n    \
         nbc_f{at}({}, out, state);\n    to[i] = ({})out;\n    if (state.gives_up) *gives_up = 1;\n  }}\n}}\n",
        include_str!("function.cuh"),
        mathematics::all(all.functions.iter().copied()),
        all.text,
        args.join(", "),
        c_type(to),
    );
    let (Translation { may_give_up, loops, .. }, work) = (&all, all.done[at].1.work);
    Some(Called { text, may_give_up: *may_give_up, loops: *loops, work })
}

impl Cuda {
    /// A function for each element. Whether all of them count.
    pub(crate) fn launch_map(&self, map: &DeviceMap<'_>) -> Result<bool, DeviceError> {
        let none = || DeviceError("a function that no kernel computes".to_owned());
        let mut from = Vec::new();
        for arg in map.args {
            from.push(crate::device::elem_of(arg).ok_or_else(none)?);
        }
        let called = translated(map.module, map.function, &from, map.result.elem).ok_or_else(none)?;
        let Called { text, may_give_up, loops, work } = called;
        let code = self.map_kernel(text)?;
        let mut parameters = Parameters::default();
        parameters.address(map.result.memory.0.get() + map.result.offset as u64);
        let mut held = Vec::new();
        for arg in map.args {
            let (address, scratch) = self.sent(arg)?;
            parameters.address(address);
            held.extend(scratch);
        }
        let flag = if may_give_up { self.flag()? } else { self.scratch(size_of::<i32>())? };
        parameters.address(flag.address);
        let n = count(map.result.dims);
        let (most, fewest) = AT_A_TIME;
        let at_a_time = match loops {
            true => (most * SMALL / work.max(SMALL)).max(fewest),
            false => (MOST_QUEUED / work.max(1)).max(1),
        };
        let mut start = 0;
        while start < n {
            let until = n.min(start + at_a_time);
            let mut parameters = parameters.clone();
            parameters.numbers(&[start, until]);
            // SAFETY: the kernel was written for those elements, which are there. Memory goes back in the
            // stream's order.
            unsafe {
                self.launch(parameters, code.functions[0], (blocks((until - start).div_ceil(THREADS)), 1, 1))?
            };
            // What loops take is unknown: so it is waited for.
            self.pace(if loops { MOST_QUEUED } else { (until - start) * work.max(1) }, map.must_stop)?;
            start = until;
        }
        if !may_give_up {
            return Ok(true);
        }
        self.is_raised(&flag).map(|raised| !raised)
    }

    /// Whether there is a kernel for a function of scalars.
    pub(crate) fn has_function(&self, module: &Module, id: FuncId) -> bool {
        let mut all = Translation::default();
        all.add(module, id).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_translated(text: &str) -> bool {
        let module = Module::parse(text, "test.nba").unwrap().verify().unwrap();
        Translation::default().add(&module, FuncId::new(0)).is_some()
    }

    #[test]
    fn every_instruction_on_scalars_is() {
        for &op in nbc_ir::inst::Opcode::ALL {
            let (of, name) = op.mnemonic().split_once('.').unwrap_or(("", ""));
            if !matches!(of, "i32" | "i64" | "f32" | "f64" | "bool") || name == "const" {
                continue;
            }
            let (mut from, mut to) = (Vec::new(), None);
            for operand in op.operands() {
                match (operand.role, operand.pattern) {
                    (nbc_ir::inst::Role::Def, nbc_ir::inst::Pattern::Exact(ty)) => to = scalar(ty),
                    (nbc_ir::inst::Role::Use, nbc_ir::inst::Pattern::Exact(ty)) => from.extend(scalar(ty)),
                    _ => panic!("{op:?}"),
                }
            }
            let params: Vec<String> = from.iter().enumerate().map(|(n, ty)| format!("%x{n}: {ty}")).collect();
            let names: Vec<String> = (0..from.len()).map(|n| format!("%x{n}")).collect();
            let text = format!(
                "func @f({}) -> {} {{\n  %r = {} {}\n  ret %r\n}}",
                params.join(", "),
                to.expect("a scalar"),
                op.mnemonic(),
                names.join(", ")
            );
            assert!(is_translated(&text), "{text}");
        }
    }

    #[test]
    fn what_is_not_computed_of_scalars_is_not() {
        let whole = "func @f(%x: f64) -> f64 {\n  BODY\n  ret %x\n}\nfunc @g(%x: f64) -> f64 {\n  %y = call @f(%x)\n  ret %y\n}
global @sum: f64 = 0.0\nimport func @env.h(f64) -> f64";
        for (body, expected) in [
            ("%x = f64.neg %x", true),
            ("%x = global.get @sum", false),
            ("%x = call @g(%x)", false),
            ("%x = call @env.h(%x)", false),
            ("%t = tensor.full<f64> [1], %x", false),
            ("%c = f64.lt %x, 0.0\n  br_if %c, a, b\na:\n  trap\nb:\n  br c\nc:", true),
        ] {
            let text = whole.replace("BODY", body);
            let module = Module::parse(&text, "test.nba").unwrap().verify().unwrap();
            let id = FuncId::new(module.imports.len());
            assert_eq!(Translation::default().add(&module, id).is_some(), expected, "{body}");
        }
    }
}
