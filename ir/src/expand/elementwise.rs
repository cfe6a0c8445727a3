//! Pure functions of elements, as elementwise operations on whole tensors.
//!
//! A function without control flow whose every instruction has an elementwise operation of the same meaning
//! need not be called for each element. Its operations go to all cores and to the widest
//! instructions there are, and make one pass over memory together with those beside them.
//!
//! Invariant: operations have the bits of the instructions that they stand for, and trap for
//! want of memory alone.

use crate::catalogue::Operation;
use crate::entity::Reg;
use crate::inst::{Effect, FieldRef, Inst, Operand};
use crate::module::Function;
use crate::types::{Elem, Type};
use rustc_hash::FxHashMap;

/// Most instructions of such a function: more would be no one group.
pub(super) const MOST: usize = 48;

/// What becomes of an instruction.
pub(super) enum Step {
    /// It computes a scalar, and stays.
    Scalar { inst: Inst, dst: Reg },
    /// It is that operation of those operands.
    Operation { name: &'static str, elems: Box<[Elem]>, args: Vec<Operand>, dst: Reg, ty: Type },
    /// Its result is what the operand is.
    Copy { dst: Reg, a: Operand },
}

/// A function as operations.
pub(super) struct Elementwise {
    pub(super) steps: Vec<Step>,
    pub(super) result: Reg,
    /// Types of the function's registers.
    pub(super) regs: Vec<Type>,
}

/// What a register of the function holds.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Value {
    Scalar,
    /// Of every element, an own one.
    Tensor(Elem),
    /// An argument.
    Argument(Elem),
}

impl Value {
    fn elem(self) -> Option<Elem> {
        match self {
            Value::Scalar => None,
            Value::Tensor(elem) | Value::Argument(elem) => Some(elem),
        }
    }
}

impl Elementwise {
    /// `func`, of elements `from`, that has one of type `to`. `None` if it does anything that no elementwise operation does.
    pub(super) fn of(func: &Function, from: &[Elem], to: Elem) -> Option<Elementwise> {
        let [block] = &func.blocks[..] else { return None };
        let (last, insts) = block.insts.split_last()?;
        if insts.is_empty() || insts.len() > MOST {
            return None;
        }
        let mut values = FxHashMap::default();
        for (at, &elem) in from.iter().enumerate() {
            // Bytes are wider in registers.
            if elem == Elem::U8 || elem.scalar() != func.regs.get(at).copied() {
                return None;
            }
            values.insert(Reg::new(at), Value::Argument(elem));
        }
        let mut steps = Vec::with_capacity(insts.len());
        for inst in insts {
            let (step, dst, value) = step(func, inst, &values)?;
            values.insert(dst, value);
            steps.push(step);
        }
        match last {
            Inst::Ret { values: results } => match results[..] {
                [Operand::Reg(result)] if values.get(&result) == Some(&Value::Tensor(to)) => {
                    Some(Elementwise { steps, result, regs: func.regs.clone() })
                }
                _ => None,
            },
            _ => None,
        }
    }
}

/// What becomes of an instruction, the register it writes, and what that holds.
fn step(func: &Function, inst: &Inst, values: &FxHashMap<Reg, Value>) -> Option<(Step, Reg, Value)> {
    let (mut dst, mut args, mut is_plain) = (None, Vec::new(), true);
    inst.for_each_field(|field| match field {
        FieldRef::Def(reg) if dst.is_none() => dst = Some(reg),
        FieldRef::Use(operand) => args.push(operand),
        FieldRef::Lit(_) => {}
        _ => is_plain = false,
    });
    let dst = dst.filter(|_| is_plain && inst.opcode().effect() == Effect::Pure)?;
    let value = |arg: &Operand| match arg {
        Operand::Reg(reg) => values.get(reg).copied(),
        Operand::Imm(_) => Some(Value::Scalar),
    };
    let of_args: Vec<Value> = args.iter().map(value).collect::<Option<_>>()?;
    if let Inst::Copy { dst, a } = *inst {
        return Some((Step::Copy { dst, a }, dst, of_args[0]));
    }
    if of_args.iter().all(|v| *v == Value::Scalar) {
        return Some((Step::Scalar { inst: inst.clone(), dst }, dst, Value::Scalar));
    }
    let elem_of = |ty: Type| {
        [Elem::F64, Elem::F32, Elem::I64, Elem::I32, Elem::Bool].into_iter().find(|e| e.scalar() == Some(ty))
    };
    let to = elem_of(func.regs[dst.index()])?;
    let (name, elems): (&'static str, Box<[Elem]>) = match inst {
        Inst::Select { .. } => {
            of_args[0].elem()?;
            ("tensor.where", Box::new([to]))
        }
        _ => {
            let (_, name) = inst.opcode().mnemonic().split_once('.')?;
            let from = of_args.iter().find_map(|v| v.elem())?;
            match name {
                "from_i32" | "from_i64" | "promote" | "demote" | "extend_i32" | "wrap_i64" | "sat_f32"
                | "sat_f64" => ("tensor.cast", Box::new([from, to])),
                _ => (operation(name)?, Box::new([from])),
            }
        }
    };
    let ty = Type::Tensor(to);
    Some((Step::Operation { name, elems, args, dst, ty }, dst, Value::Tensor(to)))
}

/// The elementwise operation of an instruction's name.
fn operation(name: &str) -> Option<&'static str> {
    let name = match name {
        "min" => "minimum",
        "max" => "maximum",
        // Shifts, rotations and unsigned arithmetic are not asked for: only what names alone tell.
        "add" | "sub" | "mul" | "div" | "neg" | "abs" | "eq" | "ne" | "lt" | "le" | "gt" | "ge" | "and"
        | "or" | "xor" | "not" | "sqrt" | "ceil" | "floor" | "trunc" | "nearest" | "sin" | "cos" | "tan"
        | "asin" | "acos" | "atan" | "sinh" | "cosh" | "tanh" | "exp" | "exp2" | "expm1" | "ln" | "log2"
        | "log10" | "log1p" | "cbrt" | "erf" | "erfc" | "lgamma" | "tgamma" | "atan2" | "pow" | "hypot" => {
            name
        }
        _ => return None,
    };
    let op = Operation::find(&format!("tensor.{name}"))?;
    op.is_elementwise().then_some(op.name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Module;

    fn is_elementwise(body: &str) -> bool {
        let text = format!("func @f(%x: f64, %y: f64) -> f64 {{\n{body}\n}}\nfunc @g() {{\n  ret\n}}");
        let module = Module::parse(&text, "test.nba").unwrap().verify().unwrap();
        Elementwise::of(&module.functions[0], &[Elem::F64; 2], Elem::F64).is_some()
    }

    #[test]
    fn pure_arithmetic_is() {
        assert!(is_elementwise(
            "  %two = f64.const 2.0\n  %half = f64.div 1.0, %two\n  %a = f64.mul %x, %half\n  %c = f64.lt %a, %y
  %b = f64.exp %y\n  %x = copy %b\n  %r = select %c, %x, 0.0\n  ret %r"
        ));
    }

    #[test]
    fn what_does_more_is_not() {
        for body in [
            "  ret %x",
            "  %r = f64.const 1.0\n  ret %r",
            "  %r = copy %x\n  ret %r",
            "  call @g()\n  %r = f64.neg %x\n  ret %r",
            "  %r = f64.neg %x\n  br next\nnext:\n  ret %r",
            "  %r = f64.fma %x, %y, %x\n  ret %r",
            "  %i = i64.trunc_f64 %x\n  %r = f64.from_i64 %i\n  ret %r",
            "  %c = bool.const true\n  %r = select %c, %x, %y\n  ret %r",
        ] {
            assert!(!is_elementwise(body), "{body}");
        }
        let long = "  %x = f64.neg %x\n".repeat(MOST + 1) + "  ret %x";
        assert!(!is_elementwise(&long));
    }
}
