//! Groups whose operations are computed in registers, made up at random: at every instruction set that the
//! machine has they give what the operations give alone, to the bit, for the same fuel and memory.

use super::{Arg, Bench};
use crate::object::nan;
use crate::op::fused::Deferred;
use crate::op::simd::Width;
use crate::plan::{Arguments, AtOperation, Role};
use nbc_ir::{Elem, Type};

/// SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }
}

/// Doubles of every kind, by their bits.
const DOUBLES: [u64; 14] = [
    0,
    1 << 63,
    0x7ff0 << 48,
    0xfff0 << 48,
    0x7ff8_0000_dead_beef,
    0xfff0_0000_0000_0001,
    1,
    0x800f_ffff_ffff_ffff,
    0x0010 << 48,
    0x7fef_ffff_ffff_ffff,
    0xffef_ffff_ffff_ffff,
    0x3fe0 << 48,
    0xbff8 << 48,
    0x4330_0000_0000_0001,
];
/// Singles of every kind.
const SINGLES: [u32; 14] = [
    0,
    1 << 31,
    0x7f80 << 16,
    0xff80 << 16,
    0x7fc0_beef,
    0xff80_0001,
    1,
    0x807f_ffff,
    0x0080 << 16,
    0x7f7f_ffff,
    0xff7f_ffff,
    0x3f00 << 16,
    0xbfc0 << 16,
    0x4b00_0001,
];

/// The bytes of a float: of any kind, or between -2 and 2.
fn float(random: &mut Random, elem: Elem) -> Vec<u8> {
    let plain = (random.below(4001) as f64 - 2000.0) / 1000.0;
    let special = random.one_in(4).then(|| random.below(DOUBLES.len()));
    match (elem, special) {
        (Elem::F32, Some(at)) => SINGLES[at].to_le_bytes().into(),
        (Elem::F32, None) => (plain as f32).to_le_bytes().into(),
        (_, Some(at)) => DOUBLES[at].to_le_bytes().into(),
        (_, None) => plain.to_le_bytes().into(),
    }
}

/// An argument that is there before the group.
struct Given {
    /// None for a scalar.
    dims: Option<Vec<u64>>,
    bytes: Vec<u8>,
}

/// What an operation reads.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum From {
    Given(usize),
    /// The result of an operation of the group.
    Result(usize),
}

#[derive(Debug)]
struct Operation {
    name: &'static str,
    from: Vec<From>,
    /// Whether somebody looks at the result behind the group.
    is_kept: bool,
}

struct Group {
    elem: Elem,
    dims: Vec<u64>,
    given: Vec<Given>,
    operations: Vec<Operation>,
}

/// Simple operations, and some between them that are not.
const UNARY: [&str; 8] = [
    "tensor.neg",
    "tensor.abs",
    "tensor.sqrt",
    "tensor.floor",
    "tensor.ceil",
    "tensor.trunc",
    "tensor.nearest",
    "tensor.exp",
];
const BINARY: [&str; 8] = [
    "tensor.add",
    "tensor.sub",
    "tensor.mul",
    "tensor.div",
    "tensor.minimum",
    "tensor.maximum",
    "tensor.add",
    "tensor.rem",
];

impl Group {
    fn new(random: &mut Random) -> Group {
        let elem = if random.one_in(2) { Elem::F32 } else { Elem::F64 };
        let (rows, columns) = (1 + random.below(6) as u64, 1 + random.below(60) as u64);
        let dims = vec![rows, columns];
        let shapes = [
            Some(vec![rows, columns]),
            Some(vec![rows, columns]),
            Some(vec![columns]),
            Some(vec![rows, 1]),
            Some(vec![1]),
            None,
            None,
        ];
        let given = shapes.into_iter().map(|dims| {
            let len = dims.iter().flatten().product::<u64>();
            Given { dims, bytes: (0..len).flat_map(|_| float(random, elem)).collect() }
        });
        let given: Vec<Given> = given.collect();
        let mut operations: Vec<Operation> = Vec::new();
        for n in 0..1 + random.below(45) {
            // One at least has as many elements as the result.
            let whole = |random: &mut Random| match random.below(6) {
                0 => From::Given(random.below(2)),
                1 | 2 if n > 0 => From::Result(random.below(n)),
                _ if n > 0 => From::Result(n - 1),
                _ => From::Given(0),
            };
            let any = |random: &mut Random| match random.one_in(3) {
                true => whole(random),
                false => From::Given(random.below(given.len())),
            };
            let (name, count) = match random.below(10) {
                0..3 => (UNARY[random.below(UNARY.len())], 1),
                3 => ("tensor.clip", 3),
                _ => (BINARY[random.below(BINARY.len())], 2),
            };
            let place = random.below(count);
            let mut from: Vec<From> = (0..count).map(|_| any(random)).collect();
            from[place] = whole(random);
            // The first of three is a tensor.
            if count == 3 {
                from.swap(0, place);
            }
            operations.push(Operation { name, from, is_kept: random.one_in(6) });
        }
        Group { elem, dims, given, operations }
    }

    /// Bytes of all results that are kept and of the last, a NaN being the canonical one; fuel, and memory. Operations
    /// are deferred if `width` says with which instructions they are computed.
    fn run(&self, width: Option<Width>, ends_in_maximum: bool) -> (Vec<Vec<u8>>, u64, usize) {
        let mut b = Bench::new();
        if let Some(width) = width {
            b.deferred = Deferred::of(1).with_width(width);
        }
        b.heap.begin();
        let given = self.given.iter().map(|given| match &given.dims {
            Some(dims) => {
                let tensor = b.heap.tensor_from_bytes(self.elem, dims, &given.bytes).unwrap();
                Arg::Slot(tensor.slot(), Type::Tensor(self.elem))
            }
            None => {
                let mut slot = [0; 8];
                slot[..given.bytes.len()].copy_from_slice(&given.bytes);
                Arg::Slot(u64::from_le_bytes(slot), self.elem.scalar().unwrap())
            }
        });
        let given: Vec<Arg> = given.collect();
        let last = self.operations.len() - 1;
        let mut results: Vec<Arg> = Vec::new();
        for (n, operation) in self.operations.iter().enumerate() {
            let args = operation.from.iter().map(|from| match *from {
                From::Given(at) => given[at].clone(),
                From::Result(at) => results[at].clone(),
            });
            let args: Vec<Arg> = args.collect();
            let mut dying = Arguments::default();
            for (at, from) in operation.from.iter().enumerate() {
                let later = self.operations[n + 1..].iter().any(|o| o.from.contains(from));
                let is_kept = match *from {
                    From::Given(at) => self.given[at].dims.is_none(),
                    From::Result(at) => self.operations[at].is_kept,
                };
                // The maximum reads the first argument.
                if width.is_some() && !later && !is_kept && *from != From::Given(0) {
                    dying.add(at);
                }
            }
            let role = match width {
                None => Role::Alone,
                Some(_) if n == last && !ends_in_maximum => Role::Last,
                Some(_) => Role::Deferred { kept: operation.is_kept },
            };
            let plan = AtOperation { dying, role, in_place: true };
            results.push(b.run_planned(operation.name, &[self.elem], &args, plan).unwrap());
        }
        let mut found = Vec::new();
        if ends_in_maximum {
            let role = if width.is_some() { Role::Last } else { Role::Alone };
            let plan = AtOperation { dying: Arguments::default(), role, in_place: true };
            let args = [results[last].clone()];
            let maximum = b.run_planned("tensor.max", &[self.elem], &args, plan).unwrap();
            found.push(maximum.slot().to_le_bytes()[..self.elem.size()].to_vec());
        }
        for (n, result) in results.iter().enumerate() {
            if self.operations[n].is_kept || (n == last && !ends_in_maximum) {
                let tensor = result.tensor();
                // SAFETY: the elements are alive, plain, and written.
                found.push(unsafe { std::slice::from_raw_parts(tensor.data(), tensor.bytes()) }.to_vec());
            }
        }
        found.iter_mut().for_each(|bytes| nan::settle(self.elem, bytes));
        (found, b.fuel, b.heap.stats().held)
    }
}

#[test]
fn random_groups_give_what_their_operations_give() {
    let count = if cfg!(miri) { 10 } else { 3000 };
    let mut random = Random(1);
    for n in 0..count {
        let group = Group::new(&mut random);
        let ends_in_maximum = random.one_in(4);
        let alone = group.run(None, ends_in_maximum);
        for width in Width::here() {
            let found = group.run(Some(width), ends_in_maximum);
            let Group { elem, dims, operations, .. } = &group;
            assert!(found == alone, "group {n} of {elem} {dims:?}, {width:?}: {operations:#?}");
        }
    }
}
