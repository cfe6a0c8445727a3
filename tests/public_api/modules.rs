//! Reading, proving, writing and showing modules of any bytes and any contents.

use super::Case;
use nbc::ir::module::{Block, ConstValue, Constant, Function, Global, GlobalInit, Import, OpRef, Source};
use nbc::ir::{
    BlockId, ConstId, Diagnostic, Error, ErrorKind, GlobalId, Imm, Inst, Item, Note, OpId, Operand, Place,
};
use nbc::ir::{Elem, FuncId, Reg, SigId, inst_to_string};
use nbc::{Module, Signature, Type, format_source};

pub const CASES: &[Case] = &[
    (
        &[
            "ir::Module::decode",
            "ir::Module::read",
            "ir::Module::read_owned",
            "ir::Module::parse",
            "ir::Module::parse_owned",
            "ir::format_source",
        ],
        any_bytes,
    ),
    (
        &[
            "ir::Module::encode",
            "ir::Module::print",
            "ir::Module::verify",
            "ir::Module::stripped",
            "ir::Module::num_funcs",
            "ir::Module::function",
            "ir::Module::func_sig_id",
            "ir::Module::func_sig",
            "ir::Module::func_name",
            "ir::Module::exported_func",
            "ir::Module::exported_funcs",
            "ir::Module::exported_global",
            "ir::Module::intern_sig",
            "ir::Module::intern_op",
            "ir::VerifiedModule::facts",
            "ir::VerifiedModule::reads_constant",
            "ir::VerifiedModule::into_module",
        ],
        any_module,
    ),
    (
        &[
            "ir::Elem::name",
            "ir::Elem::from_name",
            "ir::Elem::code",
            "ir::Elem::from_code",
            "ir::Elem::size",
            "ir::Elem::scalar",
            "ir::Elem::part",
            "ir::Elem::is_of_sparse",
            "ir::Item::ty",
            "ir::Item::from_type",
            "ir::Type::is_object",
            "ir::Type::is_scalar",
            "ir::Type::scalar_from_name",
            "ir::Type::scalar_from_code",
            "ir::Type::name",
            "ir::Type::code",
            "ir::Type::display",
            "ir::Signature::new",
            "ir::Signature::display",
        ],
        types,
    ),
    (
        &[
            "ir::Error::new",
            "ir::Error::kind",
            "ir::Error::diagnostics",
            "ir::Error::source_text",
            "ir::Error::line_of",
            "ir::Error::with_help",
            "ir::Error::render",
        ],
        errors,
    ),
];

const GOOD: &str = "import func @host.log(str)\nconst @c: str = \"text\"\nexport global @g: i64 = 1\n\
                    export func @f(%n: i64) -> i64 {\n  %c = const.get @c\n  call @host.log(%c)\n  ret %n\n}\n";

fn any_bytes() {
    let deep = |open: &str, close: &str| open.repeat(50_000) + &close.repeat(50_000);
    let texts = [
        String::new(),
        "\0".repeat(1000),
        "\u{feff}".to_owned() + GOOD,
        deep("(", ")"),
        deep("[", "]"),
        "func @f".repeat(10_000),
        format!("func @f(%x: {}i64{}) {{\n", "func<(".repeat(20_000), ")>".repeat(20_000)),
        format!("const @c: tensor<f64> [1] = {}", deep("[", "]")),
        format!("func @f() {{\n{}", "  region.begin\n".repeat(20_000)),
        "%".repeat(100_000),
        "\"\\".repeat(50_000),
        "9".repeat(100_000),
        ";".repeat(100_000),
    ];
    for text in &texts {
        let _ = format_source(text, "a.nba");
        for name in ["", "a.nba", "\u{1b}[2J"] {
            if let Err(e) = Module::parse(text, name) {
                assert!(e.render(true).len() < 200_000);
            }
        }
        let _ = (Module::read(text.as_bytes(), "a"), Module::decode(text.as_bytes()));
        let _ = (Module::read_owned(text.clone().into(), "a"), Module::parse_owned(text.clone(), "a"));
    }
    let whole = Module::parse(GOOD, "good.nba").unwrap().encode();
    for len in 0..whole.len() {
        assert!(Module::decode(&whole[..len]).is_err());
        assert!(Module::read(&whole[..len], "cut").is_err() || len == 0);
    }
    for at in 0..whole.len() {
        for byte in [0, 0x7f, 0x80, 0xff] {
            let mut changed = whole.clone();
            changed[at] = byte;
            let _ = Module::decode(&changed).and_then(Module::verify);
        }
    }
    let _ = (Module::read(&[0xff; 1000], "x"), Module::read(&whole, ""), Module::read_owned(whole, ""));
}

/// A module of which every number leads nowhere.
// One table after the other.
#[allow(clippy::field_reassign_with_default)]
fn lost() -> Module {
    let nowhere = Reg(u32::MAX);
    let mut module = Module::default();
    module.sigs =
        vec![Signature::new([Type::Func(SigId(0)), Type::Func(SigId(9))], [Type::Func(SigId(u32::MAX))])];
    module.imports = vec![Import { name: "\0".to_owned(), sig: SigId(77) }];
    module.ops = vec![OpRef { name: "tensor.add".to_owned(), elems: [Elem::F64; 5].into() }];
    let data = vec![1; 3];
    module.constants = vec![Constant {
        name: None,
        value: ConstValue::Tensor { elem: Elem::F64, dims: vec![u64::MAX; 20], data },
    }];
    let inits =
        [GlobalInit::Const(ConstId(5)), GlobalInit::Func(FuncId(5)), GlobalInit::Imm(Imm::Bool(true))];
    let global =
        |init| Global { name: Some("g".to_owned()), export: true, mutable: false, ty: Type::Str, init };
    module.globals = inits.map(global).into();
    let insts = [
        Inst::Call {
            results: [nowhere].into(),
            callee: FuncId(u32::MAX),
            args: [Operand::Reg(nowhere)].into(),
        },
        Inst::CallOp { results: [nowhere; 3].into(), callee: OpId(0), args: [].into() },
        Inst::CallOp { results: [].into(), callee: OpId(8), args: [].into() },
        Inst::GlobalGet { dst: nowhere, global: GlobalId(9) },
        Inst::ConstGet { dst: nowhere, constant: ConstId(9) },
        Inst::Br { target: BlockId(99) },
    ];
    let block = |insts: &[Inst]| Block {
        name: Some("\n".to_owned()),
        insts: insts.to_vec(),
        lines: vec![u32::MAX; 2],
    };
    let mut blocks: Vec<Block> = insts.iter().map(|i| block(std::slice::from_ref(i))).collect();
    blocks.extend([block(&insts), block(&[])]);
    let function = |blocks: Vec<Block>| Function {
        name: Some("f".to_owned()),
        export: true,
        sig: SigId(3),
        regs: vec![Type::Func(SigId(44)), Type::List(Item::Tensor(Elem::C64))],
        reg_names: vec![None; 50],
        blocks,
    };
    module.functions = vec![function(blocks), function(Vec::new())];
    module.source = Some(Source { name: "\u{1b}".into(), text: String::new().into() });
    module
}

fn any_module() {
    let mut module = lost();
    assert_eq!(module.num_funcs(), 3);
    for id in [0, 1, 2, 3, u32::MAX].map(FuncId) {
        let _ = (module.function(id), module.func_sig_id(id), module.func_name(id));
        assert!(module.func_sig(id).is_none());
    }
    let _ = (module.exported_func(""), module.exported_func("f"), module.exported_global("g"));
    assert_eq!(module.exported_funcs().count(), 2);
    for function in &module.functions {
        for inst in function.blocks.iter().flat_map(|b| &b.insts) {
            assert!(!inst_to_string(&module, function, inst).is_empty());
        }
    }
    assert!(!module.print().is_empty());
    let _ = Module::parse(&module.print(), "again");
    let _ = Module::decode(&module.encode()).and_then(Module::verify);
    module.intern_sig(Signature::new([Type::Func(SigId(u32::MAX))], []));
    module.intern_op(OpRef { name: String::new(), elems: [].into() });
    assert!(module.clone().stripped().verify().is_err());
    assert!(!module.verify().unwrap_err().render(false).is_empty());

    let verified = Module::parse(GOOD, "good.nba").and_then(Module::verify).unwrap();
    for id in [0, 1, 2, 1000, u32::MAX] {
        let facts = verified.facts(FuncId(id));
        let _ = verified.reads_constant(ConstId(id));
        assert_eq!(facts.block_depth.is_empty(), id != 1);
        let _ = (facts.turn(BlockId(u32::MAX)), facts.cycle(BlockId(7)));
    }
    let mut module = verified.into_module();
    module.functions.clear();
    let _ = module.verify();
}

fn types() {
    for code in 0..=u8::MAX {
        if let Some(elem) = Elem::from_code(code) {
            assert_eq!((elem.code(), Elem::from_name(elem.name())), (code, Some(elem)));
            assert!(elem.size() > 0);
            let _ = (elem.scalar(), elem.part());
        }
    }
    assert_eq!(Elem::from_name("\0"), None);
    assert_eq!(Type::scalar_from_name("tensor<f64>"), None);
    assert_eq!(Type::scalar_from_code(Type::List(Item::Str).code()), None);
    assert_eq!(Type::Tensor(Elem::F64).name(), "tensor");
    // Signatures that name themselves, others that name them, and none.
    let sigs = [
        Signature::new([Type::Func(SigId(0))], [Type::Func(SigId(1))]),
        Signature::new([Type::Func(SigId(0)); 30], [Type::Func(SigId(0))]),
        Signature::new([Type::Func(SigId(1)), Type::Func(SigId(u32::MAX))], []),
    ];
    for ty in
        [Type::Func(SigId(0)), Type::Func(SigId(2)), Type::Func(SigId(9)), Type::List(Item::Str), Type::F32]
    {
        for sigs in [&[][..], &sigs] {
            assert!(!ty.display(sigs).to_string().is_empty());
        }
        assert!(!(ty.is_object() && ty.is_scalar()));
        assert!(Item::from_type(ty).is_none_or(|item| item.ty() == ty));
    }
    for sig in &sigs {
        assert!(!sig.display(&sigs).to_string().is_empty() && !sig.display(&[]).to_string().is_empty());
    }
}

fn errors() {
    let text = "a\u{1f600}b\n\u{1b}[2J\n".repeat(20);
    let source = Source { name: "\u{1b}.nba".into(), text: text.clone().into() };
    let spans = [
        (0, 0),
        (1, 3),
        (2, 1),
        (3, usize::MAX),
        (usize::MAX, usize::MAX),
        (text.len(), text.len()),
        (0, text.len()),
    ];
    for span in spans.map(Some).into_iter().chain([None]) {
        let diagnostic = Diagnostic {
            message: "\u{1b}[31m".repeat(100),
            place: Place::Offset(usize::MAX),
            context: "\n\n".to_owned(),
            help: Some(String::new()),
            notes: vec![Note { message: "\u{9b}".into(), span: (usize::MAX, 0) }; 2],
            span,
        };
        for source in [Some(source.clone()), None] {
            for kind in [ErrorKind::Parse, ErrorKind::Decode, ErrorKind::Verify] {
                let error = Error::new(kind, vec![diagnostic.clone(); 2], source.clone());
                assert_eq!((error.kind(), error.diagnostics().len()), (kind, 2));
                assert_eq!(error.source_text().is_some(), source.is_some());
                assert!(!error.render(false).contains('\u{1b}'));
                let _ = (error.render(true), error.to_string());
                for at in [0, 2, 3, text.len(), text.len() + 1, usize::MAX] {
                    assert!(error.line_of(at).is_none_or(|line| line <= 41));
                }
                let helped = error.clone().with_help(|_| Some("\u{1b}".repeat(1000)));
                assert!(!helped.render(false).contains('\u{1b}'));
                assert!(!nbc::Error::from(error).to_string().is_empty());
            }
        }
    }
    let none = Error::new(ErrorKind::Verify, Vec::new(), Some(source));
    let _ = (none.render(true), none.to_string());
}
