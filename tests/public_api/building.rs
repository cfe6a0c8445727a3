//! Building modules of what is not there: the builder keeps no rules, so all this
//! must come to the verifier, which refuses it.

use super::Case;
use nbc::ir::builder::{Args, Func};
use nbc::ir::module::ConstValue;
use nbc::ir::{BlockId, ConstId, Elem, FuncId, GlobalId, Imm, Inst, OpId, Operand, Reg, SigId, Type};
use nbc::{FunctionBuilder, ModuleBuilder};

pub const CASES: &[Case] = &[
    (&["ir::$name::new", "ir::$name::index"], indices),
    (
        &[
            "ir::ModuleBuilder::new",
            "ir::ModuleBuilder::finish",
            "ir::ModuleBuilder::signature",
            "ir::ModuleBuilder::import",
            "ir::ModuleBuilder::declare",
            "ir::ModuleBuilder::set_export",
            "ir::ModuleBuilder::define",
            "ir::ModuleBuilder::function",
            "ir::ModuleBuilder::export",
            "ir::ModuleBuilder::string",
            "ir::ModuleBuilder::tensor",
            "ir::ModuleBuilder::zeros",
            "ir::ModuleBuilder::constant",
            "ir::ModuleBuilder::global",
            "ir::ModuleBuilder::global_mut",
            "ir::Func::id_in",
        ],
        module_of_what_is_not_there,
    ),
    (
        &[
            "ir::FunctionBuilder::func",
            "ir::FunctionBuilder::module",
            "ir::FunctionBuilder::param",
            "ir::FunctionBuilder::reg",
            "ir::FunctionBuilder::var",
            "ir::FunctionBuilder::name",
            "ir::FunctionBuilder::set",
            "ir::FunctionBuilder::to",
            "ir::FunctionBuilder::type_of",
            "ir::FunctionBuilder::block",
            "ir::FunctionBuilder::named_block",
            "ir::FunctionBuilder::switch_to",
            "ir::FunctionBuilder::current",
            "ir::FunctionBuilder::is_terminated",
            "ir::FunctionBuilder::at_line",
            "ir::FunctionBuilder::push",
            "ir::FunctionBuilder::call",
            "ir::FunctionBuilder::call_ref",
            "ir::FunctionBuilder::op",
            "ir::FunctionBuilder::op_with",
            "ir::FunctionBuilder::try_op",
            "ir::FunctionBuilder::if_then",
            "ir::FunctionBuilder::if_else",
            "ir::FunctionBuilder::while_loop",
            "ir::FunctionBuilder::for_range",
            "ir::FunctionBuilder::region",
            "ir::Results::one",
        ],
        function_of_what_is_not_there,
    ),
    (&["ir::FunctionBuilder::$method"], every_instruction_of_what_is_not_there),
];

const NOWHERE: Reg = Reg(u32::MAX);

fn indices() {
    assert_eq!(Reg::new(usize::MAX).index(), u32::MAX as usize);
    assert_eq!(FuncId::new(1 << 40), FuncId(u32::MAX));
    assert_eq!(SigId::new(7).index(), 7);
}

/// A function of a builder that is gone, and has more than any here.
fn foreign() -> (Func, Func, SigId, ConstId, GlobalId) {
    let mut m = ModuleBuilder::new();
    for n in 0..20 {
        m.import(&format!("import{n}"), [Type::I64; 3], [Type::F64]);
        m.declare(&format!("own{n}"), [Type::Str], []);
        m.signature(vec![Type::I32; n], []);
        m.string(&format!("string{n}"), "");
        m.global(&format!("global{n}"), 0i64);
    }
    let import = m.import("last", [], [Type::I64]);
    let own = m.declare("last", [], [Type::I64, Type::I64]);
    let sig = m.signature([Type::Bool], [Type::Bool]);
    let text = m.string("text", "text");
    let global = m.global("text", text);
    (import, own, sig, text, global)
}

/// What comes out is refused, and can be shown, written and read on the way.
#[track_caller]
fn is_refused(m: ModuleBuilder) {
    let module = m.finish();
    let _ = (module.print(), module.encode());
    let error = module.verify().expect_err("the verifier refuses it");
    assert!(!error.render(true).is_empty());
}

fn module_of_what_is_not_there() {
    let (import, own, sig, text, global) = foreign();
    let mut m = ModuleBuilder::new();
    m.set_export(own);
    m.set_export(import);
    let mut f = m.export("f", [], []);
    f.ret(());
    assert!(m.finish().verify().is_ok(), "nothing came of it");

    type Break = fn(&mut ModuleBuilder, (Func, Func, SigId, ConstId, GlobalId));
    let breaks: [Break; 10] = [
        |m, (import, ..)| m.define(import).ret(()),
        |m, (_, own, ..)| m.define(own).ret(()),
        |m, (import, ..)| {
            m.global("g", import);
        },
        |m, (_, own, ..)| {
            m.global("g", own);
        },
        |m, (_, _, _, text, _)| {
            m.global("g", text);
        },
        |m, (.., global)| m.global_mut(global).export = true,
        |m, (_, _, sig, ..)| m.export("g", [Type::Func(sig)], [Type::Func(sig)]).trap(),
        |m, _| {
            m.tensor("t", [u64::MAX, 2], [1.0, 2.0]);
        },
        |m, _| {
            m.tensor("t", vec![1; 1000], [true]);
            m.zeros("z", Elem::C128, vec![u64::MAX; 1000]);
        },
        |m, _| {
            let data = vec![0; 3];
            m.constant("\0\n", ConstValue::Tensor { elem: Elem::C128, dims: vec![], data });
        },
    ];
    for (n, of) in breaks.iter().enumerate() {
        let mut m = ModuleBuilder::new();
        let mut f = m.function("again", [], []);
        f.ret(());
        of(&mut m, (import, own, sig, text, global));
        let module = m.finish();
        let _ = (import.id_in(&module), own.id_in(&module), module.print(), module.encode());
        assert!(module.verify().is_err(), "{n}");
    }
}

/// A function that is taken to pieces in one way.
#[track_caller]
fn refused(write: impl FnOnce(&mut FunctionBuilder<'_>)) {
    let mut m = ModuleBuilder::new();
    let mut f = m.export("f", [Type::I64], [Type::I64]);
    write(&mut f);
    if !f.is_terminated() {
        f.ret(0i64);
    }
    is_refused(m);
}

fn function_of_what_is_not_there() {
    let (import, own, sig, _, _) = foreign();
    refused(|f| f.switch_to(BlockId(9)));
    refused(|f| {
        f.switch_to(BlockId(3));
        let (a, b, c) = (f.block(), f.named_block("\u{1b}"), f.block());
        assert!(a != b && f.current() != c);
    });
    refused(|f| drop(f.call(import, (1i64, 2.0, NOWHERE))));
    refused(|f| drop(f.call(own, ())));
    refused(|f| {
        let n = f.call(own, ()).one();
        f.ret(n);
    });
    refused(|f| drop(f.call_ref(NOWHERE, [1i64; 2000])));
    refused(|f| {
        let r = f.reg(Type::Func(sig));
        let all = f.call_ref(r, ());
        f.ret(all.one());
    });
    for name in ["", "tensor.nothing", "tensor.add", "tensor.zeros", "console", "tensor.\u{1b}"] {
        refused(|f| {
            f.op(name, NOWHERE);
        });
        for elems in [&[][..], &[Elem::F64; 9]] {
            refused(|f| {
                f.op_with(name, elems, (1i64, NOWHERE, [2.0; 40]));
            });
        }
        let mut m = ModuleBuilder::new();
        assert!(m.function("f", [], []).try_op(name, None, vec![1i64; 77]).is_err());
    }
    refused(|f| {
        let n = f.param(usize::MAX);
        assert_eq!(f.type_of(n), None);
        f.name(n, "n");
        f.set(n, 1i64);
        f.to(n).i64_add(n, 1);
    });
    refused(|f| {
        f.var("v", NOWHERE);
        f.at_line(u32::MAX);
        f.push(Inst::Br { target: BlockId(u32::MAX) });
    });
    refused(|f| {
        f.if_then(NOWHERE, |f| f.ret(NOWHERE));
        f.if_else(1.5, |f| f.trap(), |_| ());
        f.while_loop(|f| f.param(7), |f| f.br(BlockId(77)));
        f.for_range(NOWHERE, 2.5, |f, i| {
            f.to(i).copy(true);
        });
    });
    refused(|f| {
        let [a, b] = f.region(|_| [NOWHERE, Reg(5)]);
        f.call(import, (a, b));
        f.module().global("g", 1i64);
        let func = f.func();
        f.call(func, vec![Operand::Reg(a); 3]).one();
    });
}

/// A hostile argument for each role of the table.
macro_rules! hostile {
    (use) => {
        NOWHERE
    };
    (uses) => {
        Many
    };
    (lit) => {
        f64::NAN
    };
    (keeps) => {
        [NOWHERE; 3]
    };
    (block) => {
        BlockId(u32::MAX)
    };
    (blocks) => {
        [BlockId(u32::MAX), BlockId(0)]
    };
    (func) => {
        foreign().1
    };
    (global) => {
        GlobalId(u32::MAX)
    };
    (cst) => {
        ConstId(u32::MAX)
    };
}

/// More values than anything takes.
struct Many;

impl Args for Many {
    fn append(self, to: &mut Vec<Operand>) {
        to.extend([Operand::Reg(NOWHERE), Operand::Imm(Imm::I64(i64::MIN))].repeat(1000));
    }
}

macro_rules! instruction {
    ($f:ident $method:ident [defs $($rest:tt)*]) => {};
    ($f:ident $method:ident [def $dst:ident : $dst_ty:ident $(, $role:ident $field:ident : $ty:ident)*]) => {
        let _: Reg = $f.$method($(hostile!($role)),*);
        let _: Reg = $f.to(NOWHERE).$method($(hostile!($role)),*);
    };
    ($f:ident $method:ident [$($role:ident $field:ident : $ty:ident),*]) => {
        $f.$method($(hostile!($role)),*);
    };
}

macro_rules! instructions {
    ($($number:literal $variant:ident $method:ident $mnemonic:literal
        $operands:tt $effect:ident $doc:literal;)*) => {
        fn every_instruction_of_what_is_not_there() {
            $({
                let mut m = ModuleBuilder::new();
                let mut f = m.export("f", [], []);
                instruction!(f $method $operands);
                // Also as a register's and an operation's that are not there.
                f.push(Inst::CallOp { results: [NOWHERE].into(), callee: OpId(u32::MAX), args: [].into() });
                is_refused(m);
            })*
        }
    };
}

nbc::ir::for_each_inst!(instructions);
