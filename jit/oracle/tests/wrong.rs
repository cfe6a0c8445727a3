//! What the evaluator is there to find is found: accesses without a check that leave their
//! tensor or write what is read-only, shapes that are others, loops that look at no clock.

use nbc_ir::{BlockId, Elem, FuncId, Inst, Module, Reg, Type, VerifiedModule};
use nbc_jit::mir::{self, Address, Field, Func, MirNode, MirOp, Shape, Ty};
use nbc_oracle::eval::Nobody;
use nbc_oracle::state::Budget;
use nbc_oracle::{End, Limits, Operations, Oracle, Slot, Start, State, Stop};
use nbc_runtime::linker::Linker;
use std::sync::Arc;

const LIMITS: Limits = Limits { steps: 1000, depth: 10, silent: None };

fn module() -> VerifiedModule {
    let text = "func @f(%x: tensor<f64>, %i: i64) -> f64 {
  %v = tensor.load %x, %i
  ret %v
}
func @g(%i: i64) {
  br again
again:
  br again
}";
    Module::parse(text, "f").and_then(Module::verify).expect("it is sound")
}

/// Evaluates `func` on a tensor of four elements, which may be written or not, and an index.
fn evaluate(module: &VerifiedModule, func: &Func, writable: bool, index: i64) -> End {
    let mut operations = Operations::new(Linker::new());
    let mut state = State::new(module, Budget::Iterations(10)).expect("there is room");
    let tensor = state.heap.add_tensor(Elem::F64, &[4], vec![0; 32], writable, 1).expect("there is room");
    let args = [tensor, Slot::Bits(index as u64)];
    let mut oracle = Oracle::new(module, &mut operations, false);
    oracle.evaluate(func, Start::Call(&args), state, LIMITS, &mut Nobody).end
}

/// `@f` with an access without a check in place of the load.
fn unchecked(module: &VerifiedModule, op: impl Fn(Reg, Address) -> MirOp) -> Func {
    let mut func = mir::build(module, FuncId(0));
    let (base, dst) = (func.reg(Ty::Ptr), func.value(Type::F64));
    let at = Address { base, index: Reg(1).into(), scale: 8, offset: 0 };
    let field = MirOp::Field { dst: base, tensor: Reg(0), field: Field::Data };
    let values = Box::new([0.0f64.into()]);
    let nodes = [field, op(dst, at), MirOp::Inst(Inst::Ret { values })];
    func.blocks[0].nodes = nodes.map(|op| MirNode { op, origin: 0 }).to_vec();
    func
}

fn is_wrong(end: &End, what: &str) -> bool {
    matches!(end, End::Stopped(Stop::Wrong(why)) if why.contains(what))
}

#[test]
fn an_access_stays_in_its_tensor() {
    let module = module();
    let load = unchecked(&module, |dst, at| MirOp::Load { dst, elem: Elem::F64, at });
    assert!(matches!(evaluate(&module, &load, false, 3), End::Returned(_)));
    for index in [4, -1, 1 << 60] {
        let end = evaluate(&module, &load, false, index);
        assert!(is_wrong(&end, "without a check"), "{index}: {end}");
    }
    let checked = mir::build(&module, FuncId(0));
    assert!(matches!(evaluate(&module, &checked, true, 4), End::Trapped(..)));
}

#[test]
fn nothing_is_written_that_is_read_only() {
    let module = module();
    let store = unchecked(&module, |_, at| MirOp::Store { elem: Elem::F64, at, value: 1.0f64.into() });
    assert!(matches!(evaluate(&module, &store, true, 3), End::Returned(_)));
    assert!(is_wrong(&evaluate(&module, &store, false, 3), "read-only"));
}

#[test]
fn a_shape_is_as_it_is_said_to_be() {
    let module = module();
    let mut func = mir::build(&module, FuncId(0));
    for (dims, fits) in [(vec![4], true), (vec![2, 2], false)] {
        func.shapes.insert(Reg(0), Arc::new(Shape { dims: dims.into(), writable: true }));
        assert_eq!(!is_wrong(&evaluate(&module, &func, true, 0), "shape"), fits);
    }
}

#[test]
fn a_loop_that_looks_at_no_clock_is_found() {
    let module = module();
    let mut operations = Operations::new(Linker::new());
    let mut oracle = Oracle::new(&module, &mut operations, false);
    let mut func = mir::build(&module, FuncId(1));
    let limits = Limits { silent: Some(5000), ..LIMITS };
    let mut run = |func: &Func| {
        let state = State::new(&module, Budget::Iterations(10)).expect("there is room");
        oracle.evaluate(func, Start::Call(&[Slot::Bits(0)]), state, limits, &mut Nobody).end
    };
    assert!(is_wrong(&run(&func), "without a look"));
    let again = BlockId(1);
    func.blocks[again.index()]
        .nodes
        .insert(0, MirNode { op: MirOp::Charge { cost: 1i64.into() }, origin: 0 });
    assert_eq!(run(&func), End::Stopped(Stop::OutOfSteps));
}
