//! Every operation with arguments that the verifier lets through and that make
//! little sense: a trap is fine, a panic is not, and what was made is freed.

use super::{Arg, Bench};
use crate::op::OpHost;
use nbc_ir::catalogue::{CATALOGUE, Operation, Param};
use nbc_ir::entity::SigId;
use nbc_ir::{Elem, Item, Type};

/// A little generator, so that a failure can be repeated.
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 33) as usize % n
    }

    fn int(&mut self) -> i64 {
        let extreme =
            [i64::MIN, i64::MIN + 1, -2, -1, i64::MAX, i64::MAX - 1, 1 << 31, 1 << 32, 1 << 40, 1 << 62];
        if self.below(4) == 0 { extreme[self.below(extreme.len())] } else { self.below(5) as i64 }
    }

    fn scalar(&mut self, ty: Type) -> u64 {
        let floats = [0.0, -0.0, 1.0, -1.5, 1e300, -1e-300, f64::INFINITY, f64::NEG_INFINITY, f64::NAN];
        let x = floats[self.below(floats.len())];
        match ty {
            Type::F32 => (x as f32).to_bits() as u64,
            Type::F64 => x.to_bits(),
            Type::I32 => self.int() as u32 as u64,
            Type::Bool => self.below(2) as u64,
            _ => self.int() as u64,
        }
    }

    /// Dims, often the ones before or ones that go with them. Some are without elements, whatever the others are.
    fn dims(&mut self, last: &mut Vec<u64>) -> Vec<u64> {
        if self.below(16) == 0 {
            let (any, huge) = ([0, 1, 3, 1 << 40, 1 << 62, i64::MAX as u64], 3 + self.below(3));
            // Square, often.
            let side = if self.below(2) == 0 { any[huge] } else { any[self.below(6)] };
            *last = vec![any[self.below(6)], side, any[huge]];
            last[self.below(3)] = 0;
            last.drain(..self.below(2));
            if !last.contains(&0) {
                last[0] = 0;
            }
            return last.clone();
        }
        if last.iter().any(|dim| *dim > 3) && self.below(2) == 0 {
            return last.clone();
        }
        match self.below(4) {
            0 => last.clear(),
            1 => last.truncate(1),
            2 => {}
            _ => *last = vec![],
        }
        if last.is_empty() || last.iter().any(|dim| *dim > 3) {
            *last = (0..self.below(5)).map(|_| self.below(4) as u64).collect();
        }
        last.clone()
    }
}

/// Any elements, or few different ones: zeros and ones, of which singular and defective matrices are made, and
/// numbers near the least and the largest.
fn elements(r: &mut Random, elem: Elem, len: usize) -> Vec<u8> {
    let part = match elem {
        Elem::F32 | Elem::C64 => 4,
        Elem::F64 | Elem::C128 => 8,
        _ => 0,
    };
    if part == 0 || r.below(3) > 0 {
        // The bytes of any numbers are numbers.
        return (0..len * elem.size()).map(|_| (r.below(9) * 31) as u8).collect();
    }
    let single: [f64; 10] = [0.0, 0.0, 1.0, 1.0, 2.0, -1.0, 1e-44, 3e-39, 1e38, -2e38];
    let double: [f64; 10] = [0.0, 0.0, 1.0, 1.0, 2.0, -1.0, 5e-324, 1e-309, 1e308, -1.5e308];
    let (first, count) = (r.below(8), 1 + r.below(4));
    let mut bytes = vec![];
    for _ in 0..len * elem.size() / part {
        let at = (first + r.below(count)) % double.len();
        match part {
            4 => bytes.extend((single[at] as f32).to_le_bytes()),
            _ => bytes.extend(f64::to_le_bytes(double[at])),
        }
    }
    bytes
}

/// A tensor of small dims and any elements.
fn tensor(b: &mut Bench, r: &mut Random, last: &mut Vec<u64>, elem: Elem) -> Arg {
    let dims = r.dims(last);
    let len = if dims.contains(&0) { 0 } else { dims.iter().product::<u64>() as usize };
    let bytes = elements(r, elem, len);
    let tensor = b.heap().tensor_from_bytes(elem, &dims, &bytes).unwrap();
    Arg::Slot(tensor.slot(), Type::Tensor(elem))
}

/// A sparse matrix of small dims, often those that go with the ones before.
fn sparse(b: &mut Bench, r: &mut Random, last: &mut Vec<u64>, elem: Elem) -> Arg {
    if last.len() != 2 || r.below(4) == 0 {
        let n = r.below(4) as u64;
        *last = if r.below(2) == 0 { vec![n, n] } else { vec![n, r.below(4) as u64] };
    }
    let dims = [last[0], last[1]];
    let stored = if dims.contains(&0) { 0 } else { r.below(10) };
    let places =
        |r: &mut Random, side: u64| (0..stored).map(|_| r.below(side as usize) as i64).collect::<Vec<_>>();
    let (rows, cols) = (places(r, dims[0]), places(r, dims[1]));
    let rows = b.tensor(&[stored as u64], &rows);
    let cols = b.tensor(&[stored as u64], &cols);
    let bytes: Vec<u8> = (0..stored * elem.size()).map(|_| (r.below(9) * 31) as u8).collect();
    let values = b.heap().tensor_from_bytes(elem, &[stored as u64], &bytes).unwrap();
    let values = Arg::Slot(values.slot(), Type::Tensor(elem));
    let sides = Arg::List(dims.iter().map(|d| *d as i64).collect());
    let made = b.run("sparse.of_triples", &[elem], &[rows, cols, sides, values]).unwrap();
    if r.below(3) > 0 { made } else { b.run("sparse.to_csc", &[elem], &[made]).unwrap() }
}

/// A big integer: small, at the edge of a limb, or of some limbs.
fn bigint(b: &mut Bench, r: &mut Random) -> u64 {
    let len = [0, 1, 1, 2, 3, 40, 130][r.below(7)];
    let edges = [1, 2, u64::MAX, 1 << 63, (1 << 63) - 1, 65537];
    let limbs: Vec<u64> = (0..len)
        .map(|_| match r.below(3) {
            0 => edges[r.below(edges.len())],
            _ => (r.below(1 << 30) as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1,
        })
        .collect();
    b.heap().bigint(r.below(3) == 0 && len > 0, &limbs).unwrap().slot()
}

/// A list of what has just been made.
fn list_of(b: &mut Bench, item: Item, items: &[u64]) -> Arg {
    let made = b.heap().list(item, items.len() as u64, items.first().copied().unwrap_or_default()).unwrap();
    for (n, slot) in items.iter().enumerate() {
        // SAFETY: the items have just been made, in the list's region.
        unsafe { b.heap().list_set(made, n as u64, *slot).unwrap() };
    }
    Arg::Slot(made.slot(), Type::List(item))
}

fn argument(
    b: &mut Bench,
    r: &mut Random,
    param: &Param,
    elems: &[Elem],
    last: &mut Vec<u64>,
    list: usize,
) -> Arg {
    match param {
        Param::Exact(Type::Tensor(e)) => tensor(b, r, last, *e),
        Param::Exact(Type::Str) => {
            let text = b
                .heap()
                .string(
                    ["", "a", "längerer Text", "ij,jk", "i,i", "ab->ba", "aab,bc->", "-0x7b", "i,j,k->kji"]
                        [r.below(9)],
                )
                .unwrap();
            Arg::Slot(text.slot(), Type::Str)
        }
        Param::Exact(Type::BigInt) => Arg::Slot(bigint(b, r), Type::BigInt),
        Param::Exact(Type::List(Item::BigInt)) => {
            let items: Vec<u64> = (0..r.below(4)).map(|_| bigint(b, r)).collect();
            list_of(b, Item::BigInt, &items)
        }
        Param::Exact(ty) => Arg::Slot(r.scalar(*ty), *ty),
        Param::Tensor(v) => tensor(b, r, last, elems[*v]),
        Param::Sparse(v) => sparse(b, r, last, elems[*v]),
        Param::TensorOrScalar(v) => match elems[*v].scalar() {
            Some(ty) if r.below(3) == 0 => Arg::Slot(r.scalar(ty), ty),
            _ => tensor(b, r, last, elems[*v]),
        },
        Param::Scalar(v) => {
            let ty = elems[*v].scalar().unwrap();
            Arg::Slot(r.scalar(ty), ty)
        }
        Param::Tensors(v) => {
            let tensors = (0..list).map(|_| tensor(b, r, last, elems[*v]).slot()).collect();
            Arg::Tensors(tensors, elems[*v])
        }
        Param::Ints => Arg::List((0..list).map(|_| r.int()).collect()),
        Param::Func(..) => Arg::Slot(r.below(2) as u64, Type::Func(SigId(0))),
        Param::TensorOfParts(v) => {
            let part = if elems[*v] == Elem::C64 { Elem::F32 } else { Elem::F64 };
            tensor(b, r, last, part)
        }
        Param::TensorOfReals(_) | Param::TensorOfComplex(_) => unreachable!("of results alone"),
        Param::ListOfTensors(v) => {
            let item = Item::Tensor(elems[*v]);
            let items: Vec<u64> = (0..r.below(4)).map(|_| tensor(b, r, last, elems[*v]).slot()).collect();
            list_of(b, item, &items)
        }
    }
}

fn try_operation(b: &mut Bench, r: &mut Random, operation: &Operation) {
    let signature = operation.typed();
    let elems: Vec<Elem> = signature
        .vars
        .iter()
        .map(|(_, class)| {
            let all: Vec<Elem> = Elem::ALL.into_iter().filter(|e| class.has(*e)).collect();
            all[r.below(all.len())]
        })
        .collect();
    let list = r.below(5) + if r.below(20) == 0 { 5 } else { 0 };
    let mut last = vec![];
    let args: Vec<Arg> =
        signature.params.iter().map(|p| argument(b, r, p, &elems, &mut last, list)).collect();
    if let Ok(Arg::Slot(slot, Type::Tensor(e))) = b.run(operation.name, &elems, &args) {
        let tensor = Arg::Slot(slot, Type::Tensor(e)).tensor();
        assert_eq!(tensor.elem(), e, "{}", operation.name);
        assert_eq!(tensor.dims().count(), Some(tensor.len() as u64), "{}", operation.name);
        assert!(tensor.len() < 1 << 24);
    }
}

#[test]
fn no_arguments_make_an_operation_panic() {
    let mut b = Bench::new();
    let mut r = Random(1);
    b.heap().set_limit(64 << 20);
    for operation in CATALOGUE {
        for _ in 0..400 {
            let depth = b.heap().depth();
            b.heap().begin();
            // Enough for what such arguments take, and little for numbers of iterations that are huge.
            b.fuel = 1 << 26;
            try_operation(&mut b, &mut r, operation);
            // SAFETY: nothing of the region is used any more, nor of working space that a trap left.
            unsafe { b.heap().unwind_to(depth) };
        }
    }
    let stats = b.heap().stats();
    assert_eq!(stats.regions.iter().map(|r| r.live).sum::<usize>(), 0);
}
