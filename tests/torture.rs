//! Every instruction a million times on a thread with a small native stack.
//!
//! Direct threading rests on LLVM turning each handler's last call into a
//! jump. Were that to fail for a single handler, the native stack would grow
//! by a frame an iteration; a million iterations need at least 16 MB then, and the thread
//! has 256 KiB. Each instruction runs with its operands in registers, as literals, and on
//! results just made (which ride in machine registers). It also runs before and after
//! instructions that it might fuse with.
//!
//! A debug build does a hundredth: it has the portable loop only, which
//! cannot fail in this way.

use nbc::ir::builder::{FunctionBuilder, ModuleBuilder};
use nbc::ir::inst::{Effect, Field, Opcode, Pattern, Role};
use nbc::ir::{Elem, Imm, Inst, Module, Operand, Reg, Type};
use nbc::runtime::engine::Limits;
use nbc::runtime::linker::Linker;
use nbc::runtime::trap::TrapCode;
use nbc::runtime::value::Value;
use support::call::load;
use support::campaign::Ends;
use support::choices::Random;
use support::way::{Tier, Way};
use support::{random_program, twins};

const STACK: usize = 256 << 10;
const TURNS: i64 = if cfg!(debug_assertions) { 10_000 } else { 1_000_000 };

/// Runs `f` on a thread with a small stack.
fn on_a_small_stack<R: Send + 'static>(f: impl FnOnce() -> R + Send + 'static) -> R {
    let thread = std::thread::Builder::new().stack_size(STACK).spawn(f).expect("a thread");
    match thread.join() {
        Ok(result) => result,
        Err(panic) => std::panic::resume_unwind(panic),
    }
}

/// Runs `@main` of a program in every way, on a small stack.
fn run(module: Module, fuel: u64) {
    let module = module.verify().unwrap_or_else(|e| panic!("{e}"));
    for way in Way::all().filter(|way| way.tier == Tier::None) {
        let module = module.clone();
        on_a_small_stack(move || {
            let program = load(&module, way);
            let mut linker = Linker::new();
            linker.func("host.same", |x: i64| x);
            let limits = Limits::new().fuel(way.metered.then_some(fuel));
            let mut instance = linker.instantiate_with(&program, limits).unwrap();
            if let Err(e) = instance.call("main", &[]) {
                panic!("({way}) {e}");
            }
        });
    }
}

/// What instructions in the loop may use.
struct World {
    scalars: Vec<(Reg, Type)>,
    objects: Vec<(Reg, Type, usize)>,
}

impl World {
    fn new(f: &mut FunctionBuilder<'_>) -> World {
        let mut scalars = Vec::new();
        let literals = [Imm::I32(3), Imm::I64(3), Imm::f32(1.5), Imm::f64(1.5), Imm::Bool(true)];
        for imm in literals {
            let reg = f.reg(imm.ty());
            f.set(reg, imm);
            scalars.push((reg, imm.ty()));
        }
        let mut objects = Vec::new();
        for elem in Elem::ALL {
            for (rank, dims) in [(1, vec![64i64]), (2, vec![8, 8]), (3, vec![8, 8, 8])] {
                let reg = f.op_with("tensor.zeros", [elem], (dims,));
                objects.push((reg, Type::Tensor(elem), rank));
            }
        }
        for imm in literals {
            let reg = f.list_new(8i64, Operand::Imm(imm));
            objects.push((reg, f.type_of(reg).expect("a list"), 0));
        }
        World { scalars, objects }
    }

    fn scalar(&self, ty: Type) -> Reg {
        self.scalars.iter().find(|s| s.1 == ty).expect("one of each type").0
    }
}

/// How operands are given.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Given {
    Registers,
    FirstLiteral,
    LastLiteral,
    Literals,
    /// The result of an instruction just before.
    Carried,
}

const WAYS_TO_GIVE: [Given; 5] =
    [Given::Registers, Given::FirstLiteral, Given::LastLiteral, Given::Literals, Given::Carried];

/// A literal on which nothing traps.
fn harmless(ty: Type) -> Imm {
    match ty {
        Type::I32 => Imm::I32(2),
        Type::I64 => Imm::I64(2),
        Type::F32 => Imm::f32(0.75),
        Type::F64 => Imm::f64(0.75),
        _ => Imm::Bool(true),
    }
}

/// The scalar that elements or parts of `object` are read as.
fn element(object: Type) -> Type {
    match object {
        Type::Tensor(Elem::U8 | Elem::I32) => Type::I32,
        Type::Tensor(Elem::I64) => Type::I64,
        Type::Tensor(Elem::F32 | Elem::C64) => Type::F32,
        Type::Tensor(Elem::F64 | Elem::C128) => Type::F64,
        Type::List(item) => item.ty(),
        _ => Type::Bool,
    }
}

/// Writes one instruction of the table in every way that makes sense.
fn write(f: &mut FunctionBuilder<'_>, world: &World, opcode: Opcode) {
    let specs = opcode.operands();
    let has = |p: Pattern| specs.iter().any(|s| s.pattern == p);
    let indices = specs.iter().filter(|s| matches!(s.name, "i" | "j" | "k")).count();
    let mut objects: Vec<Option<Type>> = vec![None];
    if has(Pattern::Tensor) || has(Pattern::Complex) || has(Pattern::List) {
        let fits = |ty: Type| match ty {
            Type::Tensor(Elem::C64 | Elem::C128) => {
                has(Pattern::Complex) || has(Pattern::Tensor) && indices == 0
            }
            Type::Tensor(_) => has(Pattern::Tensor),
            _ => has(Pattern::List),
        };
        let all: Vec<Type> = world.objects.iter().map(|o| o.1).filter(|ty| fits(*ty)).collect();
        objects = all.into_iter().map(Some).collect();
        objects.dedup();
    }
    let sames = [Type::I32, Type::I64, Type::F32, Type::F64, Type::Bool];
    for object in objects {
        for same in if has(Pattern::Same) { &sames[..] } else { &sames[..1] } {
            for given in WAYS_TO_GIVE {
                one(f, world, opcode, object, *same, given, indices);
            }
        }
    }
}

fn one(
    f: &mut FunctionBuilder<'_>,
    world: &World,
    opcode: Opcode,
    object: Option<Type>,
    same: Type,
    given: Given,
    indices: usize,
) {
    let specs = opcode.operands();
    let uses = specs.iter().filter(|s| s.role == Role::Use).count();
    let mut at = 0;
    let mut fields = Vec::new();
    let mut result = None;
    for spec in specs {
        let ty = match spec.pattern {
            Pattern::Exact(ty) => ty,
            Pattern::Same => same,
            Pattern::Tensor | Pattern::Complex | Pattern::List => object.expect("chosen"),
            _ => object.map_or(same, element),
        };
        fields.push(match spec.role {
            Role::Def => {
                let reg = f.reg(ty);
                result = Some((reg, ty));
                Field::Def(reg)
            }
            Role::Lit => Field::Lit(harmless(ty)),
            Role::Use => {
                at += 1;
                let rank = |r: usize| if indices > 1 { r == indices } else { true };
                if ty.is_object() {
                    let found = world.objects.iter().find(|o| o.1 == ty && (rank(o.2) || o.2 == 0));
                    Field::Use(found.expect("an object of each type").0.into())
                } else {
                    let literal = match given {
                        Given::Registers | Given::Carried => false,
                        Given::FirstLiteral => at == 1,
                        Given::LastLiteral => at == uses,
                        Given::Literals => true,
                    };
                    Field::Use(match literal || spec.name == "axis" {
                        _ if spec.name == "axis" => Imm::I64(0).into(),
                        true => harmless(ty).into(),
                        false if given == Given::Carried => fresh(f, world, ty).into(),
                        false => world.scalar(ty).into(),
                    })
                }
            }
            other => panic!("{opcode:?} has an operand {other:?}"),
        });
    }
    f.push(Inst::from_fields(opcode, fields).expect("operands as the table says"));
    // Something that may fuse with the result.
    if let Some((reg, ty)) = result {
        match ty {
            Type::I64 => {
                let sum = f.i64_add(reg, world.scalar(ty));
                f.to(world.scalar(ty)).i64_and(sum, 7i64);
            }
            Type::I32 => {
                let sum = f.i32_xor(world.scalar(ty), reg);
                f.to(world.scalar(ty)).i32_and(sum, 7);
            }
            Type::F64 => {
                let product = f.f64_mul(reg, 0.5);
                f.to(world.scalar(ty)).f64_min(product, 3.0);
                f.to(world.scalar(ty)).f64_max(world.scalar(ty), 0.25);
            }
            Type::F32 => {
                f.to(world.scalar(ty)).f32_min(reg, 3.0f32);
                f.to(world.scalar(ty)).f32_max(world.scalar(ty), 0.25f32);
            }
            Type::Bool => {
                let (yes, on) = (f.block(), f.block());
                f.br_if(reg, yes, on);
                f.switch_to(yes);
                f.br(on);
                f.switch_to(on);
            }
            _ => {}
        }
        // Division must not meet a zero, a conversion nothing too large.
        match ty {
            Type::I64 => f.to(world.scalar(ty)).i64_or(world.scalar(ty), 1i64),
            Type::I32 => f.to(world.scalar(ty)).i32_or(world.scalar(ty), 1),
            _ => reg,
        };
    }
}

/// A value of that type made by the instruction before.
fn fresh(f: &mut FunctionBuilder<'_>, world: &World, ty: Type) -> Reg {
    let own = world.scalar(ty);
    match ty {
        Type::I64 => f.i64_or(own, 1i64),
        Type::I32 => f.i32_or(own, 1),
        Type::F64 => f.f64_add(own, 0.0),
        Type::F32 => f.f32_add(own, 0.0f32),
        _ => f.bool_or(own, true),
    }
}

/// Instructions that `write` knows how to write.
fn is_plain(opcode: Opcode) -> bool {
    let special = matches!(opcode, Opcode::Call | Opcode::CallRef | Opcode::CallOp | Opcode::FuncRef)
        || matches!(opcode, Opcode::GlobalGet | Opcode::GlobalSet | Opcode::ConstGet | Opcode::ListNew)
        || matches!(opcode, Opcode::RegionBegin | Opcode::RegionEnd | Opcode::RegionRenew);
    !opcode.is_terminator() && !special && opcode.effect() != Effect::Control
}

#[test]
fn every_instruction_a_million_times() {
    let plain: Vec<Opcode> = Opcode::ALL.iter().copied().filter(|o| is_plain(*o)).collect();
    assert!(plain.len() + 17 > Opcode::ALL.len(), "only {} of {}", plain.len(), Opcode::ALL.len());
    // One module for a few instructions each, so that a failure tells which.
    for group in plain.chunks(12) {
        let mut m = ModuleBuilder::new();
        let mut f = m.export("main", [], []);
        let world = World::new(&mut f);
        // Each form once an iteration; enough iterations that each instruction has its million.
        f.for_range(0i64, TURNS / WAYS_TO_GIVE.len() as i64, |f, _| {
            for opcode in group {
                write(f, &world, *opcode);
            }
        });
        f.ret(());
        run(m.finish(), u64::MAX);
    }
}

#[test]
fn control_calls_globals_and_regions_a_million_times() {
    let mut m = ModuleBuilder::new();
    let same = m.import("host.same", [Type::I64], [Type::I64]);
    let text = m.string("text", "some text");
    let counter = m.global("counter", 0i64);
    let mut f = m.function("leaf", [Type::I64], [Type::I64]);
    let sum = f.i64_add(f.param(0), 1i64);
    f.ret(sum);
    let leaf = f.func();
    let mut f = m.function("pair", [Type::I64, Type::F64], [Type::F64, Type::I64]);
    f.ret((f.param(1), f.param(0)));
    let pair = f.func();
    let mut f = m.function("boxed", [Type::I64], [Type::I64]);
    let x = f.op_with("tensor.zeros", [Elem::F64], ([f.param(0)],));
    let n = f.tensor_len(x);
    f.ret(n);
    let boxed = f.func();

    let mut f = m.export("main", [], []);
    let reference = f.func_ref(leaf);
    let v = f.var("v", 0i64);
    let x = f.var("x", 0.0);
    f.for_range(0i64, TURNS, |f, i| {
        let a = f.call(leaf, i).one();
        let b = f.call_ref(reference, a).one();
        let c = f.call(same, b).one();
        let two = f.call(pair, (c, 1.5));
        f.set(x, two[0]);
        let old = f.global_get(counter);
        let new = f.i64_add(old, two[1]);
        f.global_set(counter, new);
        let _ = f.const_get(text);
        let size = f.i64_and(i, 7i64);
        f.region_begin();
        let n = f.call(boxed, size).one();
        let list = f.list_new(4i64, n);
        let item = f.list_get(list, 3i64);
        f.to(v).i64_add(v, item);
        f.region_renew([]);
        f.region_end([]);
        let arms = [f.block(), f.block()];
        let (other, done) = (f.block(), f.block());
        f.switch(size, arms, other);
        for block in [arms[0], arms[1], other] {
            f.switch_to(block);
            f.to(v).i64_add(v, 1i64);
            f.br(done);
        }
        f.switch_to(done);
    });
    f.ret(());
    run(m.finish(), u64::MAX);
}

#[test]
fn random_loops_keep_the_native_stack() {
    let mut random = Random(11);
    let programs = if cfg!(debug_assertions) { 15 } else { 300 };
    on_a_small_stack(move || {
        let mut ends = Ends::default();
        for _ in 0..programs {
            let bytes = random.some_bytes(2000);
            let ways: Vec<Way> = Way::all().collect();
            let case = random_program::case(&bytes);
            twins::check(&case, &ways, &mut ends).unwrap_or_else(|d| panic!("{d}"));
        }
    });
}

/// Writes the instruction of a short loop's body.
type Write = fn(&mut FunctionBuilder<'_>, Short);

/// What the body of a short loop may use.
#[derive(Clone, Copy)]
struct Short {
    i: Reg,
    whole: Reg,
    float: Reg,
    row: Reg,
    vectors: [Reg; 5],
    matrices: [Reg; 3],
}

/// Bodies of one instruction, which may become one with the loop's end.
const BODIES: [Write; 21] = [
    |_, _| (),
    |f, s| {
        let _ = f.to(s.whole).i64_add(s.whole, s.i);
    },
    |f, s| {
        let _ = f.to(s.whole).i64_xor(s.i, s.whole);
    },
    |f, s| {
        let _ = f.to(s.whole).i64_sub(s.whole, s.i);
    },
    |f, s| {
        let _ = f.to(s.whole).i64_mul(s.whole, 3i64);
    },
    |f, s| {
        let _ = f.to(s.float).f64_add(s.float, 0.5);
    },
    |f, s| {
        let _ = f.to(s.float).f64_sub(s.float, s.float);
    },
    |f, s| {
        let _ = f.to(s.float).f64_mul(s.float, s.float);
    },
    |f, s| {
        let _ = f.to(s.whole).copy(s.i);
    },
    |f, s| f.tensor_store(s.vectors[0], s.i, 1),
    |f, s| f.tensor_store(s.vectors[1], s.i, 1),
    |f, s| f.tensor_store(s.vectors[2], s.i, s.whole),
    |f, s| f.tensor_store(s.vectors[3], s.i, 0.5f32),
    |f, s| f.tensor_store(s.vectors[4], s.i, s.float),
    |f, s| f.tensor_store2(s.matrices[0], s.row, s.i, s.whole),
    |f, s| f.tensor_store2(s.matrices[0], 1i64, s.i, s.i),
    |f, s| f.tensor_store2(s.matrices[1], s.row, s.i, 0.5f32),
    |f, s| f.tensor_store2(s.matrices[2], s.row, s.i, s.float),
    |f, s| {
        let v = f.tensor_load(s.vectors[4], s.i);
        f.to(s.float).f64_add(s.float, v);
    },
    |f, s| {
        let v = f.tensor_load2(s.matrices[0], s.row, s.i);
        f.to(s.whole).i64_add(v, s.whole);
    },
    |f, s| {
        let v = f.tensor_load(s.vectors[0], s.i);
        let wide = f.i64_extend_i32(v);
        f.to(s.whole).i64_add(s.whole, wide);
    },
];

#[test]
fn short_loops_a_million_times() {
    for (at, body) in BODIES.iter().enumerate() {
        let mut m = ModuleBuilder::new();
        let mut f = m.export("main", [], []);
        let n = TURNS;
        let limit = f.var("limit", n);
        let one = f.var("one", 1i64);
        let elems = [Elem::U8, Elem::I32, Elem::I64, Elem::F32, Elem::F64];
        let vectors = elems.map(|e| f.op_with("tensor.zeros", [e], ([n],)));
        let matrices =
            [Elem::I64, Elem::F32, Elem::F64].map(|e| f.op_with("tensor.zeros", [e], ([2i64, n],)));
        let (whole, float, row) = (f.var("whole", 1i64), f.var("float", 1.0), f.var("row", 1i64));
        for form in 0..16 {
            let i = f.reg(Type::I64);
            f.set(i, 0i64);
            let (inside, done) = (f.block(), f.block());
            f.br(inside);
            f.switch_to(inside);
            body(&mut f, Short { i, whole, float, row, vectors, matrices });
            let by = if form & 1 == 0 { Operand::from(1i64) } else { one.into() };
            f.to(i).i64_add(i, by);
            let end = if form & 2 == 0 { Operand::from(n) } else { limit.into() };
            let more = match form >> 2 {
                0 => f.i64_lt(i, end),
                1 => f.i64_ne(i, end),
                2 => f.i64_gt(end, i),
                _ => f.i64_lt_u(i, end),
            };
            f.br_if(more, inside, done);
            f.switch_to(done);
        }
        f.ret(());
        let module = m.finish();
        assert!(module.clone().verify().is_ok(), "body {at}");
        run(module, u64::MAX);
    }
}

const DEEP: &str = "
export func @down(%n: i64) -> i64 {
  %more = i64.gt %n, 0
  br_if %more, on, done
on:
  %m = i64.sub %n, 1
  %r = call @down(%m)
  ret %r
done:
  ret 7
}

export func @endless(%n: i64) -> i64 {
  %r = call @endless(%n)
  %s = i64.add %r, 1
  ret %s
}

export func @mapped(%x: f64) -> f64 {
  %t = tensor.full [2], %x
  %f = func.ref @mapped
  %u = tensor.map %t, %f
  %s = tensor.sum %u
  ret %s
}
";

#[test]
fn deep_calls_use_the_programs_stack_and_not_the_native_one() {
    for way in Way::all() {
        on_a_small_stack(move || {
            let module = Module::parse(DEEP, "deep.nba").and_then(Module::verify).unwrap();
            let limits = Limits::new().stack(64 << 20);
            let mut instance = Linker::new().instantiate_with(&load(&module, way), limits).unwrap();
            let result = instance.call("down", &[Value::I64(400_000)]).unwrap();
            assert!(matches!(result[..], [Value::I64(7)]));
            for _ in 0..3 {
                let error = instance.call("endless", &[Value::I64(0)]).unwrap_err();
                assert_eq!(error.trap().unwrap().code(), TrapCode::StackOverflow);
            }
        });
    }
}

/// `tensor.map` calls the interpreter from within itself, which does use the
/// native stack: how often is bounded, and going over it is a trap.
#[test]
fn operations_that_call_back_endlessly_trap() {
    for way in Way::all() {
        let run = move || {
            let module = Module::parse(DEEP, "deep.nba").and_then(Module::verify).unwrap();
            let mut instance = Linker::new().instantiate(&load(&module, way)).unwrap();
            for _ in 0..3 {
                let error = instance.call("mapped", &[Value::F64(0.0)]).unwrap_err();
                assert_eq!(error.trap().unwrap().code(), TrapCode::StackOverflow, "{way}");
            }
        };
        // Unoptimised kernels have large frames.
        if cfg!(debug_assertions) { run() } else { on_a_small_stack(run) }
    }
}
