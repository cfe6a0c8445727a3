//! The reference page `docs/isa.md`, made from the instruction table and the
//! operation catalogue, so that it cannot say anything else than they do.

use crate::binary::{MAX_SIG_DEPTH, MAX_SIG_WEIGHT};
use crate::catalogue::{CATALOGUE, Cost, Kind, Operation, Shape};
use crate::inst::{Effect, Opcode, OperandSpec, Pattern, Role};
use crate::verify::{MAX_ARITY, MAX_ERRORS, MAX_RANK, MAX_REGION_DEPTH, MAX_REGS, MAX_SIZE};
use std::fmt::Write;

/// The page as Markdown.
pub fn page() -> String {
    let limits = [
        ("{max_regs}", MAX_REGS),
        ("{max_size}", MAX_SIZE),
        ("{max_arity}", MAX_ARITY),
        ("{max_rank}", MAX_RANK),
        ("{max_region_depth}", MAX_REGION_DEPTH as usize),
        ("{max_errors}", MAX_ERRORS),
        ("{max_sig_weight}", MAX_SIG_WEIGHT),
        ("{max_sig_depth}", MAX_SIG_DEPTH),
    ];
    let mut out = include_str!("intro.md").to_owned();
    for (name, limit) in limits {
        out = out.replace(name, &limit.to_string());
    }
    instructions(&mut out);
    operations(&mut out);
    out
}

/// Families of instructions: the first number of each and its title.
const FAMILIES: &[(u16, &str)] = &[
    (0x0000, "Control flow and calls"),
    (0x0010, "Registers, globals, constants"),
    (0x0020, "Regions"),
    (0x0030, "Truth values"),
    (0x0100, "32-bit integers"),
    (0x0200, "64-bit integers"),
    (0x0300, "32-bit floats"),
    (0x0400, "64-bit floats"),
    (0x0500, "Conversions"),
    (0x0600, "Tensor elements"),
    (0x0640, "Lists"),
];

fn family(op: Opcode) -> usize {
    FAMILIES.partition_point(|(first, _)| *first <= op.number()) - 1
}

const INSTRUCTIONS: &str = "## Instructions

Operands are shown with their types: `t` is any one type, `e` the scalar of the
elements of `tensor<e>`, `p` that of the parts of `tensor<complex p>`, `..` as many as the
signature says. The last column tells what an instruction does besides giving its
result: nothing (`pure`), it may `trap`, it `loads` from memory and may trap, it
`stores` or allocates and may trap, it ends its block (`control`), it `calls` other
code, it opens or ends a `region`.
";

fn instructions(out: &mut String) {
    out.push_str(INSTRUCTIONS);
    for (index, (_, title)) in FAMILIES.iter().enumerate() {
        let _ =
            write!(out, "\n### {title}\n\n| number | instruction | meaning | effect |\n|---|---|---|---|\n");
        for &op in Opcode::ALL.iter().filter(|op| family(**op) == index) {
            let _ = writeln!(
                out,
                "| `{:#06x}` | `{}` | {} | {} |",
                op.number(),
                cell(&form(op)),
                cell(op.doc()),
                effect(op.effect())
            );
        }
    }
}

/// How the instruction is written, with types in place of values.
fn form(op: Opcode) -> String {
    let (mut results, mut operands) = (Vec::new(), Vec::new());
    let mut args = None;
    for spec in op.operands() {
        let text = operand(spec);
        match spec.role {
            Role::Def | Role::Defs => results.push(text),
            Role::Uses if spec.pattern == Pattern::Args => args = Some(text),
            Role::Keeps => operands.push(format!("keep {text}")),
            _ => operands.push(text),
        }
    }
    let mnemonic = match op {
        Opcode::CallOp => "",
        _ => op.mnemonic(),
    };
    let mut form = results.join(", ");
    if !form.is_empty() {
        form.push_str(" = ");
    }
    form.push_str(mnemonic);
    if !operands.is_empty() {
        if !mnemonic.is_empty() {
            form.push(' ');
        }
        form.push_str(&operands.join(", "));
    }
    match args {
        Some(args) if op == Opcode::CallOp => form.push_str(&format!(" {args}")),
        Some(args) => form.push_str(&format!("({args})")),
        None => {}
    }
    form
}

fn operand(spec: &OperandSpec) -> String {
    let name = spec.name;
    let ty = match spec.pattern {
        Pattern::Exact(ty) => ty.display(&[]).to_string(),
        Pattern::Same => "t".to_owned(),
        Pattern::Tensor => "tensor<e>".to_owned(),
        Pattern::Elem => "e".to_owned(),
        Pattern::Complex => "tensor<complex p>".to_owned(),
        Pattern::Part => "p".to_owned(),
        Pattern::List => "list<t>".to_owned(),
        Pattern::Item => "t".to_owned(),
        Pattern::Func => "func<..>".to_owned(),
        Pattern::Object => "object".to_owned(),
        Pattern::Entity => "t".to_owned(),
        Pattern::Args | Pattern::Results | Pattern::Name => String::new(),
    };
    match spec.role {
        Role::Def | Role::Use | Role::Lit => {
            let sigil = if spec.role == Role::Lit { "" } else { "%" };
            format!("{sigil}{name}: {ty}")
        }
        Role::Defs | Role::Uses => format!("%{name}.."),
        Role::Keeps => format!("%{name}: {ty}.."),
        Role::Block => name.to_owned(),
        Role::Blocks => format!("[{name}..]"),
        Role::Func | Role::Global | Role::Const => format!("@{name}"),
        Role::Op => "operation<..>".to_owned(),
    }
}

const fn effect(effect: Effect) -> &'static str {
    match effect {
        Effect::Pure => "pure",
        Effect::Traps => "trap",
        Effect::Loads => "loads",
        Effect::Stores => "stores",
        Effect::Control => "control",
        Effect::Calls => "calls",
        Effect::Region => "region",
    }
}

const OPERATIONS: &str = "
## Catalogue operations

Operations on whole objects. `<T: class>` are type variables: `any` element type,
`number` (all but bool), `real` (u8, i32, i64, f32, f64), `int` (u8, i32, i64), `bits`
(those and bool), `float` (f32, f64), `complex` (c64, c128), `inexact` (`float` and
`complex`), `scalar` (all but `complex`). `T` alone is the scalar of element type T,
`part T` the real type of a complex T's parts, `real T` and `complex T` a real or complex type of T's precision, `tensor<T>|T` a tensor or such a scalar, which counts
as a tensor of rank 0, `[i64]` a bracketed list of integers; all lists of one call have
the same length. A binary elementwise operation broadcasts as NumPy does. The cost
is in floating-point operations, for each element of the largest tensor unless
said otherwise; fuel and placement go by it. Operations with an *effect* change
something or run code of the program; all others give equal results for equal
arguments and change nothing.
";

fn operations(out: &mut String) {
    out.push_str(OPERATIONS);
    let mut families: Vec<&str> = Vec::new();
    for op in CATALOGUE {
        if !families.contains(&op_family(op)) {
            families.push(op_family(op));
        }
    }
    for family in families {
        let _ = write!(
            out,
            "\n### `{family}`\n\n| operation | meaning | kind | result’s shape | cost |\n|---|---|---|---|---|\n"
        );
        for op in CATALOGUE.iter().filter(|op| op_family(op) == family) {
            let _ = writeln!(
                out,
                "| `{}{}` | {} | {}{} | {} | {} |",
                op.name,
                cell(op.signature),
                cell(op.doc),
                kind(op.kind),
                if op.pure { "" } else { ", *effect*" },
                shape(op.shape),
                cost(op.cost)
            );
        }
    }
}

/// The family: the part before the dot.
fn op_family(op: &Operation) -> &'static str {
    op.name.split('.').next().unwrap_or(op.name)
}

const fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Elementwise => "elementwise",
        Kind::Reduction => "reduction",
        Kind::Creation => "creation",
        Kind::Movement => "movement",
        Kind::Other => "other",
    }
}

const fn shape(shape: Shape) -> &'static str {
    match shape {
        Shape::Scalar => "no tensor",
        Shape::Given => "the dims given",
        Shape::Same => "the first tensor’s",
        Shape::Broadcast => "broadcast",
        Shape::DropAxis => "without the axis",
        Shape::DropAxes => "without the axes",
        Shape::MatMul | Shape::Special => "as described",
    }
}

fn cost(cost: Cost) -> String {
    match cost {
        Cost::PerElement(0) => "moves only".to_owned(),
        Cost::PerElement(flops) => flops.to_string(),
        Cost::PerResult(flops) => format!("{flops} of the result"),
        Cost::PerSource(flops) => format!("{flops} of what is written"),
        Cost::MatMul => "2·m·k·n in all".to_owned(),
        Cost::Cubic(times) => format!("{times}·m·n·min(m, n) of the first"),
        Cost::Transform(times) => format!("{times}·n·log₂ n in all"),
        Cost::Special => "as described".to_owned(),
        Cost::Constant => "none".to_owned(),
    }
}

/// Text inside a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}
