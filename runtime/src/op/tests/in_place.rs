//! Every operation that may write into an argument that dies does so. It gives the same bits, for
//! the same fuel, and is charged for the same memory.

use super::{Arg, Bench};
use crate::object::Storage;
use crate::plan::Arguments;
use nbc_ir::catalogue::{CATALOGUE, Operation, Param};
use nbc_ir::{Elem, Type};

const DIMS: &[u64] = &[4, 512];

/// What stands for a parameter.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Given {
    /// A tensor of [`DIMS`].
    Whole,
    /// The same tensor as the argument before it.
    Again,
    /// One that is broadcast.
    Row,
    /// A scalar.
    Scalar,
}

/// Elements of all kinds of values, none of them zero, where zero divides.
fn bytes(elem: Elem, len: u64, seed: u64) -> Vec<u8> {
    let value = |i: u64| (i * 7 + seed * 3) % 11 + 1;
    let of = |i: u64| -> Vec<u8> {
        let v = value(i);
        match elem {
            Elem::Bool => vec![(v % 2) as u8],
            Elem::U8 => vec![v as u8],
            Elem::I32 => (v as i32 - 20).to_le_bytes().into(),
            Elem::I64 => (v as i64 - 20).to_le_bytes().into(),
            Elem::F32 => (v as f32 / 16.0).to_le_bytes().into(),
            Elem::F64 => (v as f64 / 16.0).to_le_bytes().into(),
            Elem::C64 => [(v as f32).to_le_bytes(), (-0.5f32).to_le_bytes()].concat(),
            Elem::C128 => [(v as f64).to_le_bytes(), 0.25f64.to_le_bytes()].concat(),
        }
    };
    (0..len).flat_map(of).collect()
}

/// The elements of a parameter that is, or may be, a tensor.
fn elem_of(param: &Param, elems: &[Elem]) -> Option<Elem> {
    match param {
        Param::Exact(Type::Tensor(elem)) => Some(*elem),
        Param::Tensor(v) | Param::TensorOrScalar(v) => Some(elems[*v]),
        Param::TensorOfParts(v) if elems[*v] == Elem::C64 => Some(Elem::F32),
        Param::TensorOfParts(_) => Some(Elem::F64),
        _ => None,
    }
}

pub(super) fn arguments(b: &mut Bench, operation: &Operation, elems: &[Elem], given: &[Given]) -> Vec<Arg> {
    let mut args: Vec<Arg> = Vec::new();
    for (n, (param, given)) in operation.typed().params.iter().zip(given).enumerate() {
        let elem =
            elem_of(param, elems).unwrap_or_else(|| panic!("{}: what is {param:?} to be?", operation.name));
        let mut tensor = |dims: &[u64]| {
            let data = bytes(elem, dims.iter().product(), n as u64);
            let tensor = b.heap.tensor_from_bytes(elem, dims, &data).unwrap();
            Arg::Slot(tensor.slot(), Type::Tensor(elem))
        };
        args.push(match given {
            Given::Whole => tensor(DIMS),
            Given::Again => args[n - 1].clone(),
            Given::Row => tensor(&DIMS[1..]),
            Given::Scalar => {
                let mut slot = [0; 8];
                let data = bytes(elem, 1, n as u64);
                slot[..data.len()].copy_from_slice(&data);
                Arg::Slot(u64::from_le_bytes(slot), elem.scalar().unwrap())
            }
        });
    }
    args
}

/// The ways to give arguments, of which one at least is a whole tensor.
pub(super) fn ways(operation: &Operation, elems: &[Elem]) -> Vec<Vec<Given>> {
    let mut ways: Vec<Vec<Given>> = vec![Vec::new()];
    let params = operation.typed().params;
    for (n, param) in params.iter().enumerate() {
        let mut choices = vec![Given::Whole];
        if n > 0 && *param == params[n - 1] {
            choices.push(Given::Again);
        }
        if let Param::TensorOrScalar(v) = param {
            choices.push(Given::Row);
            if elems[*v].scalar().is_some() && elems[*v] != Elem::U8 {
                choices.push(Given::Scalar);
            }
        }
        let longer =
            |way: &Vec<Given>| choices.iter().map(|c| [&way[..], &[*c]].concat()).collect::<Vec<_>>();
        ways = ways.iter().flat_map(longer).collect();
    }
    let fits = |way: &Vec<Given>| {
        let again = |n: usize| way[n] == Given::Again && !matches!(way[n - 1], Given::Whole | Given::Again);
        way.contains(&Given::Whole) && !(1..way.len()).any(again)
    };
    ways.into_iter().filter(fits).collect()
}

/// Result, fuel and memory of one call; and whether the result lies where an argument did.
fn run(
    operation: &Operation,
    elems: &[Elem],
    given: &[Given],
    dying: Arguments,
) -> (Vec<u8>, u64, usize, bool) {
    let mut b = Bench::new();
    // Where the host's call ends, nothing more may be left.
    b.heap.begin();
    let args = arguments(&mut b, operation, elems, given);
    let places: Vec<usize> = (0..args.len())
        .filter(|n| given[*n] != Given::Scalar)
        .map(|n| args[n].tensor().data().addr())
        .collect();
    let result = b.run_dying(operation.name, elems, &args, dying).unwrap().tensor();
    assert_eq!(result.storage(), Storage::Pooled);
    // SAFETY: the elements are alive, plain, and written.
    let bytes = unsafe { std::slice::from_raw_parts(result.data(), result.bytes()) }.to_vec();
    let stats = b.heap.stats();
    let is_over = places.contains(&result.data().addr());
    assert_eq!(stats.resident < stats.held, is_over, "{stats:?}");
    // SAFETY: nothing is used afterwards.
    unsafe { b.heap.unwind_to(0) };
    let after = b.heap.stats();
    assert_eq!((after.regions[1].live, after.regions[1].buffers), (0, 0));
    (bytes, b.fuel, stats.held, is_over)
}

fn subsets(of: &[usize]) -> Vec<Arguments> {
    let chosen = |mask: usize| {
        let mut set = Arguments::default();
        (0..of.len()).filter(|n| mask >> n & 1 != 0).for_each(|n| set.add(of[n]));
        set
    };
    (0..1 << of.len()).map(chosen).collect()
}

#[test]
fn every_operation_that_may_writes_into_what_dies() {
    for operation in CATALOGUE.iter().filter(|op| op.is_elementwise()) {
        let mut all: Vec<Vec<Elem>> = vec![Vec::new()];
        for (_, class) in &operation.typed().vars {
            let longer = |elems: &Vec<Elem>| {
                let fitting = Elem::ALL.iter().filter(|e| class.has(**e));
                fitting.map(|e| [&elems[..], &[*e]].concat()).collect::<Vec<_>>()
            };
            all = all.iter().flat_map(longer).collect();
        }
        // Where no argument's elements are as large as the result's, none can be.
        let signature = operation.typed();
        let fits = |elems: &Vec<Elem>| {
            let size = |param: &Param| elem_of(param, elems).map(Elem::size);
            signature.params.iter().any(|param| size(param) == size(&signature.results[0]))
        };
        let changes_size = !all.iter().any(fits);
        let mut taken_over = 0;
        for elems in &all {
            for given in ways(operation, elems) {
                let apart = run(operation, elems, &given, Arguments::default());
                assert!(!apart.3);
                let tensors: Vec<usize> = (0..given.len()).filter(|n| given[*n] != Given::Scalar).collect();
                for dying in subsets(&tensors) {
                    // Both or none die where they are one.
                    let dies = |n: usize| dying.iter().any(|d| d == n);
                    if (1..given.len()).any(|n| given[n] == Given::Again && dies(n) != dies(n - 1)) {
                        continue;
                    }
                    let found = run(operation, elems, &given, dying);
                    let at = format!("{} of {elems:?}, {given:?}, {dying:?}", operation.name);
                    assert!((&found.0, found.1, found.2) == (&apart.0, apart.1, apart.2), "{at}");
                    let result = operation.typed().results[0].result_type(elems);
                    let Some(Type::Tensor(result)) = result else { panic!("{at}: no tensor") };
                    let params = operation.typed().params;
                    let can = dying.iter().any(|n| {
                        let Some(elem) = elem_of(&params[n], elems) else { return false };
                        matches!(given[n], Given::Whole | Given::Again) && elem.size() == result.size()
                    });
                    assert_eq!(found.3, can, "{at}");
                    taken_over += usize::from(can);
                }
            }
        }
        assert!(taken_over > 0 || changes_size, "{} never does", operation.name);
    }
}

#[test]
fn blocks_and_threads_make_no_difference() {
    let n = 300_001;
    let data: Vec<f64> = (0..n).map(|i| i as f64 * 0.37 - 1e4).collect();
    let dims = [n as u64];
    let mut b = Bench::new();
    b.heap.begin();
    let (x, y) = (b.tensor(&dims, &data), b.tensor(&dims, &data));
    let apart: Vec<f64> = b.run("tensor.mul", &[Elem::F64], &[x.clone(), y.clone()]).unwrap().values();
    let mut dying = Arguments::default();
    dying.add(1);
    let over = b.run_dying("tensor.mul", &[Elem::F64], &[x.clone(), y.clone()], dying).unwrap();
    assert_eq!(over.tensor().data(), y.tensor().data());
    assert_eq!(over.values::<f64>(), apart);
}

#[test]
fn a_limit_is_reached_where_it_would_be_reached_without() {
    // Buffers of a kilobyte each: charged for one by one, however few there are.
    let reached = [false, true].map(|in_place| {
        let mut b = Bench::new();
        b.heap.begin();
        let mut x = b.tensor(&[128], &[1.5; 128]);
        b.heap.set_limit(b.heap.stats().held + (20 << 10));
        let mut dying = Arguments::default();
        if in_place {
            dying.add(0);
        }
        let mut made = 0;
        loop {
            match b.run_dying("tensor.neg", &[Elem::F64], &[x.clone()], dying) {
                Ok(next) => (x, made) = (next, made + 1),
                Err(trap) => break assert_eq!(trap.code, super::TrapCode::OutOfMemory),
            }
        }
        assert_eq!(x.values::<f64>()[127].abs(), 1.5);
        let before = b.heap.stats();
        assert_eq!(before.resident < before.held, in_place);
        // What is only charged for is kept, given up and taken again like all the rest.
        // SAFETY: nothing of before is used.
        unsafe { b.heap.unwind_to(0) };
        b.heap.begin();
        let mut again = 0;
        while b.heap.zeros(Elem::F64, &[128]).is_ok() {
            again += 1;
        }
        let after = b.heap.stats();
        assert_eq!(after.resident, after.held + after.kept, "all of them are there now");
        (made, again, before.held, after.held)
    });
    assert_eq!(reached[0], reached[1]);
}
