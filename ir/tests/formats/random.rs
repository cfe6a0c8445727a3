//! Random modules: everything the decoder accepts, most of it nonsense that
//! the verifier would refuse, since the formats must keep that too.
//!
//! Choices are taken from a list of bytes, and a list that has run out gives
//! zeros; so a shorter list makes a smaller module, which is how failures shrink.

use nbc_ir::catalogue::CATALOGUE;
use nbc_ir::inst::{Field, Imm, Inst, Opcode, Operand, Role};
use nbc_ir::module::*;
use nbc_ir::types::{Elem, Item, Signature, Type};
use nbc_ir::{BlockId, ConstId, FuncId, GlobalId, OpId, Reg, SigId};

/// A list of choices.
pub struct Choices<'a> {
    bytes: &'a [u8],
}

impl<'a> Choices<'a> {
    pub fn new(bytes: &'a [u8]) -> Choices<'a> {
        Choices { bytes }
    }

    fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.bytes.split_first() else { return 0 };
        self.bytes = rest;
        *first
    }

    fn long(&mut self) -> u64 {
        (0..8).fold(0, |n, _| n << 8 | u64::from(self.byte()))
    }

    /// A number below `n`, which is not 0.
    fn below(&mut self, n: usize) -> usize {
        let wide = if n > 256 { usize::from(self.byte()) << 8 } else { 0 };
        (wide + usize::from(self.byte())) % n
    }

    fn flag(&mut self) -> bool {
        self.byte() & 1 == 1
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    fn list<T>(&mut self, max: usize, mut item: impl FnMut(&mut Self) -> T) -> Vec<T> {
        (0..self.below(max + 1)).map(|_| item(self)).collect()
    }
}

fn name(c: &mut Choices<'_>) -> Option<String> {
    const NAMES: [&str; 24] = [
        "x", "y", "loop", "a.b", "0", "1", "2", "07", "block0", "block1", "block2", "func0", "func1",
        "func2", "const1", "global0", "entry", "a b", "é\n\"\\", "", "local", "keep", "i64.add", "nan",
    ];
    c.flag().then(|| c.pick(&NAMES).to_owned())
}

fn item(c: &mut Choices<'_>, sigs: usize) -> Item {
    match c.below(9) {
        0 => Item::I64,
        1 => Item::I32,
        2 => Item::F32,
        3 => Item::F64,
        4 => Item::Bool,
        5 => Item::Tensor(c.pick(&Elem::ALL)),
        6 if c.flag() => Item::Sparse(c.pick(&[Elem::F32, Elem::F64, Elem::C128])),
        6 if sigs > 0 => Item::Func(SigId::new(c.below(sigs))),
        7 => Item::BigInt,
        _ => Item::Str,
    }
}

fn ty(c: &mut Choices<'_>, sigs: usize) -> Type {
    if c.below(8) == 7 { Type::List(item(c, sigs)) } else { item(c, sigs).ty() }
}

fn imm(c: &mut Choices<'_>) -> Imm {
    match c.below(10) {
        0 => Imm::I64(i64::from(c.byte() as i8)),
        1 => Imm::I64(c.long() as i64),
        2 => Imm::I32(c.long() as i32),
        3 => Imm::F32(c.long() as u32),
        4 => Imm::F64(c.long()),
        5 => Imm::f32(f32::from(c.byte())),
        6 => Imm::f64(f64::from(c.byte()) / 8.0),
        7 => c.pick(&[
            Imm::f64(f64::INFINITY),
            Imm::f32(f32::NEG_INFINITY),
            Imm::f64(f64::NAN),
            Imm::F32(0x7fc0_0000),
            Imm::f64(-0.0),
            Imm::F64(0xfff0_0000_0000_0001),
            Imm::F32(0xffff_ffff),
        ]),
        8 => Imm::Bool(c.flag()),
        _ => Imm::I32(i32::from(c.byte() as i8)),
    }
}

fn constant(c: &mut Choices<'_>) -> ConstValue {
    if c.flag() {
        return ConstValue::Str(name(c).unwrap_or_default());
    }
    let elem = c.pick(&Elem::ALL);
    let dims: Vec<u64> = c.list(3, |c| c.below(5) as u64);
    if c.below(4) == 3 {
        // As many as no file could hold.
        let dims = dims.iter().map(|d| d << (4 * c.below(5))).collect();
        return ConstValue::Zeros { elem, dims };
    }
    let len = dims.iter().product::<u64>() as usize * elem.size();
    let data = (0..len).map(|_| if elem == Elem::Bool { c.byte() & 1 } else { c.byte() }).collect();
    ConstValue::Tensor { elem, dims, data }
}

fn op_ref(c: &mut Choices<'_>) -> OpRef {
    if c.below(8) == 7 {
        let name = name(c).unwrap_or_else(|| "not.an.operation".to_owned());
        return OpRef { name, elems: c.list(2, |c| c.pick(&Elem::ALL)).into() };
    }
    let op = &CATALOGUE[c.below(CATALOGUE.len())];
    let vars = op.typed().vars.len();
    // Now and then the wrong number of type variables.
    let vars = if c.below(8) == 7 { vars + 1 } else { vars };
    OpRef { name: op.name.to_owned(), elems: (0..vars).map(|_| c.pick(&Elem::ALL)).collect() }
}

/// A module; if `opcode` is given, every function has that instruction.
pub fn module(c: &mut Choices<'_>, opcode: Option<Opcode>) -> Module {
    let mut m = Module::default();
    for _ in 0..c.below(4) {
        let sigs = m.sigs.len();
        let sig = Signature::new(c.list(3, |c| ty(c, sigs)), c.list(2, |c| ty(c, sigs)));
        m.intern_sig(sig);
    }
    if m.sigs.is_empty() {
        m.intern_sig(Signature::default());
    }
    let sigs = m.sigs.len();
    m.imports = c.list(2, |c| Import {
        name: name(c).unwrap_or_else(|| "console.print".to_owned()),
        sig: SigId::new(c.below(sigs)),
    });
    for _ in 0..=c.below(3) {
        let op = op_ref(c);
        m.intern_op(op);
    }
    m.constants = c.list(3, |c| Constant { name: name(c), value: constant(c) });
    let num_own = c.below(3) + usize::from(opcode.is_some());
    let num_funcs = m.imports.len() + num_own;
    let consts = m.constants.len();
    m.globals = c.list(3, |c| {
        let ty = ty(c, sigs);
        let is_func = matches!(ty, Type::Func(_));
        let init = match c.flag() {
            true if is_func && num_funcs > 0 => GlobalInit::Func(FuncId::new(c.below(num_funcs))),
            true if !is_func && consts > 0 => GlobalInit::Const(ConstId::new(c.below(consts))),
            _ => GlobalInit::Imm(imm(c)),
        };
        let export = c.flag();
        let name = if export { Some(name(c).unwrap_or_default()) } else { name(c) };
        Global { name, export, mutable: c.flag(), ty, init }
    });
    if opcode.is_some() {
        // Something of every kind to refer to.
        m.constants.push(Constant { name: None, value: ConstValue::Str(String::new()) });
        let init = GlobalInit::Imm(Imm::I64(0));
        m.globals.push(Global { name: None, export: false, mutable: true, ty: Type::I64, init });
    }
    for _ in 0..num_own {
        let function = function(c, &m, num_funcs, opcode);
        m.functions.push(function);
    }
    m
}

fn function(c: &mut Choices<'_>, m: &Module, num_funcs: usize, opcode: Option<Opcode>) -> Function {
    let sig = SigId::new(c.below(m.sigs.len()));
    let mut regs = m.sigs[sig.index()].params.clone();
    regs.extend(c.list(6, |c| ty(c, m.sigs.len())));
    if opcode.is_some() && regs.is_empty() {
        regs.push(Type::I64);
    }
    let reg_names = match c.flag() {
        true => regs.iter().map(|_| name(c)).collect(),
        false => Vec::new(),
    };
    let num_blocks = c.below(4) + 1;
    let limits = [regs.len(), num_blocks, num_funcs, m.globals.len(), m.constants.len()];
    let terminators: Vec<Opcode> = Opcode::ALL.iter().copied().filter(|o| o.is_terminator()).collect();
    let mut blocks = Vec::new();
    for at in 0..num_blocks {
        let mut insts: Vec<Inst> = Vec::new();
        for _ in 0..c.below(6) {
            let opcode = Opcode::ALL[c.below(Opcode::ALL.len())];
            if !opcode.is_terminator() {
                insts.extend(inst(c, m, opcode, &limits));
            }
        }
        let wanted = opcode.filter(|o| at == 0 && o.is_terminator());
        if let Some(opcode) = opcode.filter(|o| at == 0 && !o.is_terminator()) {
            insts.push(inst(c, m, opcode, &limits).expect("there is something of every kind"));
        }
        let last = wanted.unwrap_or_else(|| c.pick(&terminators));
        insts.push(inst(c, m, last, &limits).unwrap_or(Inst::Trap {}));
        let lines = if c.flag() {
            insts.iter().map(|_| c.long() as u32 >> c.below(32)).collect()
        } else {
            Vec::new()
        };
        blocks.push(Block { name: name(c), insts, lines });
    }
    let export = c.flag();
    let name = if export { Some(name(c).unwrap_or_default()) } else { name(c) };
    Function { name, export, sig, regs, reg_names, blocks }
}

/// An instruction with operands of any type; `None` when it needs something
/// that the module does not have.
fn inst(c: &mut Choices<'_>, m: &Module, opcode: Opcode, limits: &[usize; 5]) -> Option<Inst> {
    let [regs, blocks, funcs, globals, consts] = *limits;
    let reg = |c: &mut Choices<'_>| (regs > 0).then(|| Reg::new(c.below(regs)));
    let operand = |c: &mut Choices<'_>| match c.flag() {
        true => Some(Operand::Imm(imm(c))),
        false => Some(Operand::Reg(reg(c)?)),
    };
    let mut fields = Vec::new();
    let mut wanted = None;
    for spec in opcode.operands() {
        fields.push(match spec.role {
            Role::Def => Field::Def(reg(c)?),
            Role::Use => Field::Use(operand(c)?),
            Role::Defs => Field::Defs(c.list(2, reg).into_iter().collect::<Option<_>>()?),
            Role::Uses => {
                let mut args: Vec<Operand> = c.list(4, operand).into_iter().collect::<Option<_>>()?;
                if let Some(wanted) = wanted.filter(|_| c.flag()) {
                    args.resize(wanted, Operand::Imm(Imm::I64(1)));
                }
                Field::Uses(args.into())
            }
            Role::Lit => Field::Lit(imm(c)),
            Role::Keeps => Field::Keeps(c.list(2, reg).into_iter().collect::<Option<_>>()?),
            Role::Block => Field::Block(BlockId::new(c.below(blocks))),
            Role::Blocks => Field::Blocks(c.list(3, |c| BlockId::new(c.below(blocks))).into()),
            Role::Func => Field::Func((funcs > 0).then(|| FuncId::new(c.below(funcs)))?),
            Role::Global => Field::Global((globals > 0).then(|| GlobalId::new(c.below(globals)))?),
            Role::Const => Field::Const((consts > 0).then(|| ConstId::new(c.below(consts)))?),
            Role::Op => {
                let id = OpId::new(c.below(m.ops.len()));
                wanted = nbc_ir::catalogue::Operation::find(&m.ops[id.index()].name)
                    .map(|o| o.typed().params.len());
                Field::Op(id)
            }
        });
    }
    Inst::from_fields(opcode, fields)
}

/// What comes back from text: names that are all missing count as no names,
/// and lines are those of the text.
pub fn as_text_gives_it(mut m: Module) -> Module {
    m.source = None;
    for f in &mut m.functions {
        if f.reg_names.iter().all(Option::is_none) {
            f.reg_names.clear();
        }
        for b in &mut f.blocks {
            b.lines.clear();
        }
    }
    m
}

/// A small generator of random bytes (SplitMix64).
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    pub fn bytes(&mut self, len: usize) -> Vec<u8> {
        (0..len).map(|_| self.next() as u8).collect()
    }
}
