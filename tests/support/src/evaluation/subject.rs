//! What functions are evaluated on: what programs call them with, what nobody would, and states in
//! the middle of a loop.

use crate::choices::Random;
use nbc::OwnedBigInt;
use nbc::ir::verify::VerifiedModule;
use nbc::ir::{BlockId, Elem, FuncId, Imm, Type};
use nbc::jit::mir::{Func, MirOp};
use nbc::runtime::abi::calls::NATIVE_SLICE;
use nbc_oracle::object::{List, Object, part_size, write};
use nbc_oracle::state::Budget;
use nbc_oracle::{Observer, Slot, State, Stop};
use std::collections::HashMap;

/// Most calls of a function that are kept.
const MOST: usize = 2;

/// Arguments, and a state to begin in.
pub struct Subject {
    pub name: String,
    pub args: Vec<Slot>,
    pub state: State,
}

/// Calls that a program makes while it runs with fuel.
#[derive(Default)]
pub struct Calls {
    by_func: HashMap<FuncId, Vec<(Vec<Slot>, State)>>,
}

impl Calls {
    /// Adds a call.
    pub fn add(&mut self, id: FuncId, args: &[Slot], state: &State) {
        let list = self.by_func.entry(id).or_default();
        if list.len() < MOST {
            let mut state = state.clone();
            state.events.clear();
            state.roots = args.to_vec();
            list.push((args.to_vec(), state));
        }
    }

    /// Those of a function.
    pub fn of(&self, id: FuncId, module: &VerifiedModule, metered: bool) -> Vec<Subject> {
        let list = self.by_func.get(&id).map_or(&[][..], |list| list);
        let name = module.func_name(id);
        let subjects = list.iter().enumerate().map(|(n, (args, state))| {
            let mut state = state.clone();
            if !metered {
                state.budget = Budget::Iterations(NATIVE_SLICE);
            }
            Subject { name: format!("call {n} of @{name}"), args: args.clone(), state }
        });
        subjects.collect()
    }
}

impl Observer for Calls {
    fn call(&mut self, callee: FuncId, args: &[Slot], state: &State) {
        self.add(callee, args, state);
    }
}

/// A place in the bytecode: block and instruction.
pub type Place = (u32, u32);

/// Takes a state when a function as built comes to a place, at one of the first visits.
pub struct Snapshots {
    place: Place,
    left: u64,
    pub taken: Option<(Vec<Slot>, State)>,
}

impl Snapshots {
    pub fn new(place: Place, left: u64) -> Snapshots {
        Snapshots { place, left, taken: None }
    }
}

impl Observer for Snapshots {
    fn node(&mut self, func: &Func, block: BlockId, at: usize, regs: &[Slot], state: &State) {
        if self.left == 0 {
            return;
        }
        let node = &func.blocks[block.index()].nodes[at];
        let origin = func.origins[node.origin as usize];
        // A block begins with what it costs, which has not been paid then.
        let begins = at == 0 || self.place.1 > 0 && !matches!(node.op, MirOp::Charge { .. });
        if begins && (origin.block, origin.inst) == self.place {
            self.left -= 1;
            if self.left == 0 {
                self.taken = Some((regs.to_vec(), state.clone()));
            }
        }
    }
}

/// Places in loops of a function: where one begins, where it goes back, and any.
pub fn places(module: &VerifiedModule, id: FuncId, random: &mut Random) -> Vec<Place> {
    let (facts, Some(function)) = (module.facts(id), module.function(id)) else { return Vec::new() };
    if facts.back_edges.is_empty() {
        return Vec::new();
    }
    let (latch, header) = facts.back_edges[random.next() as usize % facts.back_edges.len()];
    let last = |b: BlockId| (b.0, function.blocks[b.index()].insts.len() as u32 - 1);
    let inside: Vec<usize> =
        (0..function.blocks.len()).filter(|b| facts.turn(BlockId::new(*b)).is_some()).collect();
    let any = inside.get(random.next() as usize % inside.len().max(1)).map(|b| {
        let insts = function.blocks[*b].insts.len() as u64;
        (*b as u32, (random.next() % insts) as u32)
    });
    let mut places = vec![(header.0, 0), last(latch)];
    places.extend(any);
    places.swap_remove(random.next() as usize % places.len());
    places
}

const INTEGERS: [i64; 22] = [
    0,
    1,
    -1,
    i64::MIN,
    i64::MAX,
    (1 << 31) - 1,
    (1 << 31) + 1,
    1 << 31,
    i64::MAX - 1,
    i64::MAX - 7,
    i64::MIN + 3,
    2,
    3,
    5,
    7,
    8,
    17,
    40,
    -2,
    1 << 32,
    100,
    64,
];

const FLOATS: [f64; 10] =
    [0.0, -0.0, 1.5, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e300, -2.0, 9.3e18, 1e-310];

const DIMS: [&[u64]; 9] = [&[24], &[8, 8], &[8, 3, 4], &[0], &[], &[1], &[7], &[3, 40], &[130]];

/// Arguments that nobody would give, in a state of its own.
pub fn hostile(
    module: &VerifiedModule,
    id: FuncId,
    metered: bool,
    random: &mut Random,
) -> Result<Subject, Stop> {
    let mut below = |n: u64| random.next() % n;
    let budget = match (metered, below(3)) {
        (true, 0) => Budget::Fuel(below(300)),
        (true, 1) => Budget::Fuel(1000 + below(4000)),
        (true, _) => Budget::Fuel(15_000),
        (false, 0) => Budget::Iterations(below(50) as i64),
        (false, 1) => Budget::Iterations(0),
        (false, _) => Budget::Iterations(NATIVE_SLICE),
    };
    let mut state = State::new(module, budget)?;
    let params = module.func_sig(id).map_or(&[][..], |sig| &sig.params);
    let mut args: Vec<Slot> = Vec::new();
    for (n, ty) in params.iter().enumerate() {
        // The same object twice, or a part of it.
        let same = (0..n).rfind(|m| params[*m] == *ty && ty.is_object());
        let arg = match (same, below(100)) {
            (Some(same), ..25) => args[same],
            (Some(same), ..45) => part(&mut state, args[same], &mut below)?,
            _ => value(module, &mut state, *ty, &mut below)?,
        };
        args.push(arg);
    }
    state.roots.clone_from(&args);
    Ok(Subject { name: "hostile".to_owned(), args, state })
}

/// A part of a tensor, as a view; another object as it is.
fn part(state: &mut State, whole: Slot, below: &mut impl FnMut(u64) -> u64) -> Result<Slot, Stop> {
    let id = whole.object()?;
    let Ok(tensor) = state.heap.tensor(id) else { return Ok(whole) };
    let mut dims = tensor.dims.to_vec();
    let Some(rows) = dims.first().copied().filter(|n| *n > 1) else { return Ok(whole) };
    let row: u64 = dims[1..].iter().product();
    let first = below(3.min(rows));
    dims[0] = rows - first - below(2.min(rows - first));
    state.heap.view(id, first * row, &dims)
}

fn scalar(ty: Type, below: &mut impl FnMut(u64) -> u64) -> Option<Imm> {
    let integer = |below: &mut dyn FnMut(u64) -> u64| INTEGERS[below(INTEGERS.len() as u64) as usize];
    let float = |below: &mut dyn FnMut(u64) -> u64| FLOATS[below(FLOATS.len() as u64) as usize];
    Some(match ty {
        Type::I32 => Imm::I32(integer(below) as i32),
        Type::I64 => Imm::I64(integer(below)),
        Type::F32 => Imm::f32(float(below) as f32),
        Type::F64 => Imm::f64(float(below)),
        Type::Bool => Imm::Bool(below(2) == 1),
        _ => return None,
    })
}

fn value(
    module: &VerifiedModule,
    state: &mut State,
    ty: Type,
    below: &mut impl FnMut(u64) -> u64,
) -> Result<Slot, Stop> {
    if let Some(imm) = scalar(ty, below) {
        return Ok(Slot::Bits(imm.to_slot()));
    }
    let region = state.heap.innermost();
    match ty {
        Type::Tensor(elem) => {
            let dims = DIMS[below(DIMS.len() as u64) as usize];
            let len = dims.iter().product::<u64>() as usize;
            let bytes = elements(elem, len, below(29) as usize);
            state.heap.add_tensor(elem, dims, bytes, below(5) > 0, region)
        }
        Type::Str => state.heap.add(Object::Str("some text".into()), region),
        Type::BigInt => {
            state.heap.add(Object::BigInt(OwnedBigInt::new(true, vec![7, below(3)]).into()), region)
        }
        Type::List(item) => {
            let len = below(9);
            let items = (0..len).map(|_| value(module, state, item.ty(), below)).collect::<Result<_, _>>()?;
            state.heap.add(Object::List(List { item, items }), region)
        }
        Type::Func(sig) => {
            let first = module.imports.len();
            let found =
                (first..module.num_funcs()).find(|f| module.func_sig_id(FuncId::new(*f)) == Some(sig));
            let found = found.ok_or_else(|| Stop::Unsupported("there is no such function".to_owned()))?;
            Ok(Slot::Bits(found as u64))
        }
        _ => Err(Stop::Unsupported("such an argument".to_owned())),
    }
}

/// Elements that are small numbers, all different for a while.
fn elements(elem: Elem, len: usize, seed: usize) -> Vec<u8> {
    let size = part_size(elem);
    let mut bytes = vec![0; len * elem.size()];
    for (n, part) in bytes.chunks_exact_mut(size).enumerate() {
        let number = ((n * 7 + seed) % 29) as f64 / 4.0 - 2.0;
        let bits = match elem {
            Elem::F32 | Elem::C64 => (number as f32).to_bits().into(),
            Elem::F64 | Elem::C128 => number.to_bits(),
            _ => ((n * 7 + seed) % 29) as u64,
        };
        write(elem, part, if elem == Elem::Bool { bits & 1 } else { bits });
    }
    bytes
}
