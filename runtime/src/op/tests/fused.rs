//! Every operation that may be in a group waits for others, is waited for, and ends one: with the same bits, for
//! the same fuel, charged for the same memory. So do the reductions that may end one.

use super::in_place::{Given, arguments, ways};
use super::{Arg, Bench};
use crate::object::{Storage, TensorRef};
use crate::op::fused;
use crate::plan::fusion::is_member;
use crate::plan::{Arguments, AtOperation, Role};
use nbc_ir::catalogue::{CATALOGUE, Kind, Operation, Param};
use nbc_ir::{Elem, Type};

/// What is done with the arguments and the operation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Way {
    /// It runs alone.
    Alone,
    /// It waits, and is computed for who is not in its group.
    Settled,
    /// The same, where its arguments die and may be written.
    InPlace,
    /// It is the last, and its arguments wait.
    Last,
    /// The same, where they die.
    LastDying,
}

fn plan(role: Role, dying: Arguments) -> AtOperation {
    AtOperation { dying, role, in_place: true }
}

/// A tensor like `arg` whose elements are still to be computed.
fn deferred(b: &mut Bench, arg: &Arg) -> Arg {
    let Arg::Slot(_, Type::Tensor(elem)) = *arg else { return arg.clone() };
    let is = b.tensor(&arg.dims(), &vec![true; arg.tensor().len()]);
    let args = [is, arg.clone(), arg.clone()];
    let role = Role::Deferred { kept: false };
    b.run_planned("tensor.where", &[elem], &args, plan(role, Arguments::default())).unwrap()
}

fn all_dying(args: &[Arg]) -> Arguments {
    let mut dying = Arguments::default();
    let is_tensor = |n: &usize| matches!(args[*n], Arg::Slot(_, Type::Tensor(_)));
    (0..args.len()).filter(is_tensor).for_each(|n| dying.add(n));
    dying
}

/// The result's bytes, or its slot, with fuel and memory that it has taken.
fn run(operation: &Operation, elems: &[Elem], given: &[Given], way: Way) -> (Vec<u8>, u64, usize) {
    let mut b = Bench::new();
    b.heap.begin();
    let plain = arguments(&mut b, operation, elems, given);
    let mut args = plain.clone();
    let waits = matches!(way, Way::Last | Way::LastDying);
    // Arguments that wait are charged for in all ways.
    for n in 0..args.len() {
        if given[n] == Given::Whole {
            let waiting = match waits {
                true => deferred(&mut b, &plain[n]),
                false => {
                    let made = deferred(&mut b, &plain[n]);
                    b.settle();
                    made
                }
            };
            args[n] = waiting;
        } else if given[n] == Given::Again {
            args[n] = args[n - 1].clone();
        }
    }
    let role = match way {
        Way::Alone => Role::Alone,
        Way::Settled | Way::InPlace => Role::Deferred { kept: way == Way::InPlace },
        Way::Last | Way::LastDying => Role::Last,
    };
    let dying = if matches!(way, Way::Alone | Way::Settled | Way::Last) {
        Arguments::default()
    } else {
        all_dying(&args)
    };
    let result = b.run_planned(operation.name, elems, &args, plan(role, dying)).unwrap();
    let Arg::Slot(slot, Type::Tensor(_)) = result else {
        return (result.slot().to_le_bytes().into(), b.fuel, b.heap.stats().held);
    };
    // SAFETY: the tensor is live.
    let tensor = unsafe { TensorRef::from_slot(slot) };
    match way {
        Way::Settled => {
            assert_eq!(tensor.storage(), Storage::Deferred, "{} does not wait", operation.name);
            b.settle();
        }
        Way::InPlace => b.settle(),
        Way::Alone | Way::Last | Way::LastDying => {}
    }
    assert_eq!(tensor.storage(), Storage::Pooled);
    // SAFETY: the elements are alive, plain, and written.
    let bytes = unsafe { std::slice::from_raw_parts(tensor.data(), tensor.bytes()) }.to_vec();
    (bytes, b.fuel, b.heap.stats().held)
}

/// All choices of elements for the variables of an operation.
fn elements(operation: &Operation) -> Vec<Vec<Elem>> {
    let mut all: Vec<Vec<Elem>> = vec![Vec::new()];
    for (_, class) in &operation.typed().vars {
        let fitting = || Elem::ALL.iter().filter(|e| class.has(**e));
        all = all.iter().flat_map(|elems| fitting().map(|e| [&elems[..], &[*e]].concat())).collect();
    }
    all
}

#[test]
fn every_member_waits_and_is_waited_for() {
    let mut seen = 0;
    for operation in
        CATALOGUE.iter().filter(|op| op.kind != Kind::Creation && (is_member(op) || op.in_one_pass))
    {
        for elems in elements(operation) {
            for given in ways(operation, &elems) {
                let alone = run(operation, &elems, &given, Way::Alone);
                let ways: &[Way] = match operation.in_one_pass {
                    true => &[Way::Last, Way::LastDying],
                    false => &[Way::Settled, Way::InPlace, Way::Last, Way::LastDying],
                };
                for way in ways {
                    let found = run(operation, &elems, &given, *way);
                    assert!(found == alone, "{} of {elems:?}, {given:?}, {way:?}", operation.name);
                    seen += 1;
                }
            }
        }
    }
    assert!(seen > 1000, "only {seen} were tried");
}

#[test]
fn what_may_join_a_group_has_arguments_that_can() {
    for operation in CATALOGUE.iter().filter(|op| op.in_one_pass) {
        if operation.kind == Kind::Creation {
            let last = operation.typed().params.pop();
            assert!(matches!(last, Some(Param::Scalar(_))), "{}: the last is the element", operation.name);
            continue;
        }
        let params = operation.typed().params;
        assert!((1..=2).contains(&params.len()), "{}: a reduction reads one tensor or two", operation.name);
        let is_tensor = |p: &Param| matches!(p, Param::Tensor(_) | Param::Exact(Type::Tensor(_)));
        assert!(params.iter().all(is_tensor), "{}: and nothing else", operation.name);
    }
}

/// A list of `n` values that are exact in every order of adding them up.
fn values(n: usize) -> Vec<f64> {
    (0..n).map(|i| (i % 1000) as f64 * 0.25 - 100.0).collect()
}

#[test]
fn blocks_and_threads_make_no_difference() {
    for n in [1usize, 127, 4096, 4097, 300_001] {
        let (x, y) = (values(n), values(n).into_iter().rev().collect::<Vec<_>>());
        let sums = [false, true].map(|waits| {
            let mut b = Bench::new();
            b.deferred = fused::Deferred::of(1);
            b.heap.begin();
            let at = |role| plan(if waits { role } else { Role::Alone }, Arguments::default());
            let dims = [n as u64];
            let (x, y) = (b.tensor(&dims, &x), b.tensor(&dims, &y));
            let between = Role::Deferred { kept: false };
            let third = super::f(1.0 / 3.0);
            let a = b.run_planned("tensor.mul", &[Elem::F64], &[x.clone(), third], at(between)).unwrap();
            let c = b.run_planned("tensor.add", &[Elem::F64], &[a.clone(), y], at(between)).unwrap();
            let d = b.run_planned("tensor.sqrt", &[Elem::F64], &[c.clone()], at(between)).unwrap();
            let e = b.run_planned("tensor.abs", &[Elem::F64], &[c], at(between)).unwrap();
            drop(d);
            let sum = b.run_planned("tensor.dot", &[Elem::F64], &[e, x], at(Role::Last)).unwrap();
            (sum.slot(), b.fuel, b.heap.stats().held)
        });
        assert_eq!(sums[0], sums[1], "{n} elements");
    }
}

#[test]
fn what_is_full_of_a_number_need_not_be_there() {
    for elem in Elem::ALL.into_iter().filter(|e| e.scalar().is_some()) {
        let one =
            Arg::Slot(if elem == Elem::F32 { 1f32.to_bits().into() } else { 1 }, elem.scalar().unwrap());
        let filled = [false, true].map(|waits| {
            let mut b = Bench::new();
            b.heap.begin();
            let at = |role| plan(if waits { role } else { Role::Alone }, Arguments::default());
            let dims = Arg::List(vec![3, 1000]);
            let kept = Role::Deferred { kept: false };
            let full = b.run_planned("tensor.full", &[elem], &[dims, one.clone()], at(kept)).unwrap();
            let resident = b.heap.stats().resident;
            let same = b.run_planned("tensor.eq", &[elem], &[full.clone(), full], at(Role::Last)).unwrap();
            let all = b.run("tensor.all", &[], &[same]).unwrap();
            (all.slot(), b.fuel, b.heap.stats().held, resident >= 3000)
        });
        let [there, waiting] = filled;
        assert_eq!((there.0, there.1, there.2), (waiting.0, waiting.1, waiting.2), "{elem}");
        assert_eq!((there.3, waiting.3), (true, false), "{elem}");
    }
}

#[test]
fn a_pass_is_stopped_in_the_middle() {
    let mut b = Bench::new();
    b.heap.begin();
    let x = b.tensor(&[4_000_000], &vec![1.5; 4_000_000]);
    let waiting = plan(Role::Deferred { kept: false }, Arguments::default());
    let a = b.run_planned("tensor.neg", &[Elem::F64], &[x], waiting).unwrap();
    b.interrupt_at = b.polls + 1;
    let last = plan(Role::Last, Arguments::default());
    let found = b.run_planned("tensor.abs", &[Elem::F64], &[a], last);
    assert_eq!(found.map(|_| ()).unwrap_err().code, super::TrapCode::Interrupted);
}
