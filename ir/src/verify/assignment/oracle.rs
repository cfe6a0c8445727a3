//! The data flow done the plain way, with a table of all registers at all
//! blocks, as an oracle for the one in chunks; and measures of hostile modules.

use super::*;
use crate::entity::{BlockId, OpId, SigId};
use crate::inst::Imm;
use crate::module::{Block, Module};
use crate::types::{Elem, Item, Signature, Type};
use crate::verify::{MAX_REGION_DEPTH, MAX_WORK};

const TENSOR: Type = Type::Tensor(Elem::F64);
const LIST: Type = Type::List(Item::Tensor(Elem::F64));

/// A small generator of numbers (an LCG with Knuth's constants).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        ((self.0 >> 33) % limit as u64) as usize
    }
}

/// Registers of random functions: tensors, then lists, then integers.
const TENSORS: usize = 90;
const LISTS: usize = 50;
const INTS: usize = 70;

fn tensor(random: &mut Random) -> Reg {
    Reg::new(random.below(TENSORS))
}

fn list(random: &mut Random) -> Reg {
    Reg::new(TENSORS + random.below(LISTS))
}

fn int(random: &mut Random) -> Reg {
    Reg::new(TENSORS + LISTS + random.below(INTS))
}

/// A function of the right structure and depths that reads and writes anything.
fn random_function(random: &mut Random) -> Function {
    let count = 2 + random.below(12);
    // The depth at the begin of each block.
    let depth: Vec<usize> = (0..count).map(|b| if b == 0 { 0 } else { random.below(3) }).collect();
    let mut blocks = Vec::new();
    for b in 0..count {
        let mut insts = Vec::new();
        // The first block assigns much, so that not everything is wrong.
        let length = if b == 0 { 150 } else { random.below(25) };
        let mut now = depth[b];
        for _ in 0..length {
            let choice = random.below(14);
            insts.push(match choice {
                0..=2 => Inst::CallOp { results: [tensor(random)].into(), callee: OpId(0), args: [].into() },
                3 | 4 => Inst::Copy { dst: tensor(random), a: tensor(random).into() },
                5 => Inst::Select {
                    dst: tensor(random),
                    cond: true.into(),
                    a: tensor(random).into(),
                    b: tensor(random).into(),
                },
                6 => Inst::ListNew { dst: list(random), len: 1i64.into(), fill: tensor(random).into() },
                7 => Inst::ListGet { dst: tensor(random), list: list(random).into(), i: 0i64.into() },
                8 => Inst::I64Add { dst: int(random), a: int(random).into(), b: 1i64.into() },
                9 | 10 => Inst::I64Const { dst: int(random), value: Imm::I64(0) },
                11 if now < 4 => {
                    now += 1;
                    Inst::RegionBegin {}
                }
                12 if now > 0 => {
                    now -= 1;
                    let mut kept: Vec<Reg> = (0..random.below(40)).map(|_| tensor(random)).collect();
                    kept.sort_unstable();
                    kept.dedup();
                    Inst::RegionEnd { kept: kept.into() }
                }
                13 if now > 0 => {
                    let mut kept: Vec<Reg> = (0..random.below(40)).map(|_| tensor(random)).collect();
                    kept.sort_unstable();
                    kept.dedup();
                    Inst::RegionRenew { kept: kept.into() }
                }
                _ => Inst::TensorLen { dst: int(random), x: tensor(random).into() },
            });
        }
        let target = depth[random.below(count)];
        while now < target {
            insts.push(Inst::RegionBegin {});
            now += 1;
        }
        while now > target {
            let kept = [tensor(random)].into();
            insts.push(Inst::RegionEnd { kept });
            now -= 1;
        }
        let to: Vec<BlockId> = (0..count).filter(|b| depth[*b] == target).map(BlockId::new).collect();
        let (then_to, else_to) = (to[random.below(to.len())], to[random.below(to.len())]);
        insts.push(Inst::BrIf { cond: true.into(), then_to, else_to });
        blocks.push(Block { insts, ..Block::default() });
    }
    let regs = [vec![TENSOR; TENSORS], vec![LIST; LISTS], vec![Type::I64; INTS]].concat();
    Function { name: None, export: false, sig: SigId(0), regs, reg_names: vec![], blocks }
}

const UNASSIGNED: u32 = u32::MAX;

/// One block by the rules as they are written in [`regions`]; notes wrong
/// reads, the first of a register until it is assigned again.
fn step(
    func: &Function,
    rank: usize,
    block: BlockId,
    mut depth: u32,
    levels: &mut [u32],
    found: &mut Vec<(u32, u32, Reg)>,
) {
    let mut told = vec![false; levels.len()];
    for (i, inst) in func.blocks[block.index()].insts.iter().enumerate() {
        let mut source = 0;
        inst.for_each_use(|r| {
            if levels[r.index()] != UNASSIGNED {
                source = source.max(levels[r.index()]);
            } else if !std::mem::replace(&mut told[r.index()], true) {
                found.push((rank as u32, i as u32, r));
            }
        });
        inst.for_each_def(|r| told[r.index()] = false);
        match inst {
            Inst::RegionEnd { kept } | Inst::RegionRenew { kept } => {
                let outlives = depth - u32::from(matches!(inst, Inst::RegionEnd { .. }));
                for (r, level) in levels.iter_mut().enumerate() {
                    if kept.contains(&Reg::new(r)) {
                        *level = (*level).min(outlives);
                    } else if *level >= depth {
                        *level = UNASSIGNED;
                    }
                }
            }
            _ => inst.for_each_def(|r| {
                levels[r.index()] = match inst {
                    _ if !func.regs[r.index()].is_object() => 0,
                    Inst::Copy { .. } | Inst::Select { .. } | Inst::ListGet { .. } => source,
                    _ => depth,
                };
            }),
        }
        depth = regions::after(depth, inst);
    }
}

fn plainly(func: &Function, cfg: &Cfg, depths: &Depths, params: usize) -> Vec<(u32, u32, Reg)> {
    let blocks = cfg.rpo().len();
    let mut table = vec![vec![0u32; func.regs.len()]; blocks];
    table[0][params..].fill(UNASSIGNED);
    let mut found = Vec::new();
    loop {
        found.clear();
        let mut changed = false;
        for (rank, &block) in cfg.rpo().iter().enumerate() {
            let mut levels = table[rank].clone();
            step(func, rank, block, depths.block_depth[block.index()], &mut levels, &mut found);
            for to in cfg.succs(block) {
                let to = cfg.rank(*to).unwrap();
                for (have, new) in table[to].iter_mut().zip(&levels) {
                    changed |= *new > *have;
                    *have = (*have).max(*new);
                }
            }
        }
        if !changed {
            found.sort_unstable();
            return found;
        }
    }
}

fn depths(func: &Function, cfg: &Cfg) -> Depths {
    let module =
        Module { sigs: vec![Signature::default()], functions: vec![func.clone()], ..Module::default() };
    let mut report = Report::new(&module);
    let depths = regions::check(&mut report, FuncId(0), func, cfg);
    assert_eq!(report.len(), 0, "random functions keep their depths");
    depths
}

#[test]
fn chunks_find_what_the_plain_way_finds() {
    let mut random = Random(1);
    let (mut wrong, mut ended, mut others) = (0, 0, 0);
    for round in 0..150 {
        let func = random_function(&mut random);
        let cfg = Cfg::new(&func);
        let depths = depths(&func, &cfg);
        for params in [0, TENSORS / 2, func.regs.len()] {
            let findings = wrong_reads(&mut Work::new(MAX_WORK), &func, &cfg, &depths, params).unwrap();
            let have: Vec<_> = findings.iter().map(|f| (f.rank, f.inst, f.reg)).collect();
            // What is wrong may be found to be so only after its level has gone into another
            // register. That one may then be found wrong too, or not, by the order of things.
            let want = plainly(&func, &cfg, &depths, params);
            let missing: Vec<_> = want.iter().filter(|w| !have.contains(w)).collect();
            assert!(missing.is_empty(), "round {round}, {params} parameters: {missing:?}");
            let more = have.len() - want.len();
            assert!(more <= want.len() / 20, "round {round}, {params} parameters: {more} more");
            others += more;
            wrong += have.len();
            ended += findings.iter().filter(|f| f.ended).count();
        }
    }
    assert!(others < wrong / 100, "{others} of {wrong} are not found by the plain way");
    assert!(wrong > 1000 && ended > 100, "{wrong} wrong reads, {ended} after a region’s end");
}

/// A function of `count` blocks whose entry assigns every register and whose
/// last block reads all of them; `middle` makes the blocks between.
fn long_lived(regs: Vec<Type>, count: usize, middle: impl Fn(usize) -> Vec<Inst>) -> Function {
    let assign = |(r, ty): (usize, &Type)| match ty {
        Type::I64 => Inst::I64Const { dst: Reg::new(r), value: Imm::I64(0) },
        _ => Inst::CallOp { results: [Reg::new(r)].into(), callee: OpId(0), args: [].into() },
    };
    let read = |(r, ty): (usize, &Type)| match ty {
        Type::I64 => Inst::I64Neg { dst: Reg(0), a: Reg::new(r).into() },
        _ => Inst::TensorLen { dst: Reg(0), x: Reg::new(r).into() },
    };
    let mut insts: Vec<Vec<Inst>> = (0..count).map(middle).collect();
    insts[0] = regs.iter().enumerate().map(assign).chain(insts[0].pop()).collect();
    let last = insts.last_mut().unwrap();
    *last = regs.iter().enumerate().map(read).chain([Inst::Ret { values: [].into() }]).collect();
    let blocks = insts.into_iter().map(|insts| Block { insts, ..Block::default() }).collect();
    Function { name: None, export: false, sig: SigId(0), regs, reg_names: vec![], blocks }
}

fn work_of(func: &Function) -> Option<u64> {
    let cfg = Cfg::new(func);
    let depths = depths(func, &cfg);
    let mut work = Work::new(MAX_WORK);
    let findings = wrong_reads(&mut work, func, &cfg, &depths, 0)?;
    assert!(findings.is_empty());
    Some(MAX_WORK - work.0)
}

/// Blocks in a row, each of which may also go back to the one before.
fn ladder(count: usize) -> impl Fn(usize) -> Vec<Inst> {
    move |b| {
        let then_to = BlockId::new((b + 1).min(count - 1));
        let else_to = BlockId::new(b.saturating_sub(1));
        vec![Inst::BrIf { cond: true.into(), then_to, else_to }]
    }
}

#[test]
fn many_registers_alive_over_many_blocks_cost_chunks_times_edges() {
    // A tenth of the limits in each direction, to be quick without optimisation.
    let (regs, blocks) = (6_500, 10_000);
    let func = long_lived(vec![Type::I64; regs], blocks, ladder(blocks));
    let work = work_of(&func).unwrap();
    assert!(work < (regs / LANES + 1) as u64 * blocks as u64 * 6, "{work} steps");
}

#[test]
fn registers_used_in_one_block_only_cost_nothing() {
    let count = 20_000;
    let func = long_lived(vec![Type::I64], count, |b| {
        let one = Inst::I64Const { dst: Reg(0), value: Imm::I64(1) };
        let next = Inst::Br { target: BlockId::new((b + 1).min(count - 1)) };
        if b == 0 { vec![next] } else { vec![one, Inst::I64Neg { dst: Reg(0), a: Reg(0).into() }, next] }
    });
    assert!(work_of(&func).unwrap() < 10 * count as u64);
}

#[test]
fn deep_regions_stay_within_the_bound() {
    // Regions nested as deep as allowed around a ladder of blocks, and copies
    // that carry levels from chunk to chunk against their order.
    let (regs, count) = (1_000, 1_000);
    let func = long_lived(vec![TENSOR; regs], count, |b| {
        let open = 1..=MAX_REGION_DEPTH as usize;
        let close = MAX_REGION_DEPTH as usize + 1..=2 * MAX_REGION_DEPTH as usize;
        let mut insts = Vec::new();
        if open.contains(&b) {
            insts.push(Inst::RegionBegin {});
        } else if close.contains(&b) {
            insts.push(Inst::RegionEnd { kept: (0..regs).map(Reg::new).collect() });
        }
        insts.push(Inst::Copy { dst: Reg::new(regs - 1 - b % regs), a: Reg::new(b % regs).into() });
        insts.push(Inst::Br { target: BlockId::new((b + 1).min(count - 1)) });
        if b == 0 { insts.split_off(1) } else { insts }
    });
    assert!(work_of(&func).unwrap() < MAX_WORK / 50);
}

#[test]
fn used_up_work_is_told_and_not_taken_for_proof() {
    let func = long_lived(vec![Type::I64; 100], 100, ladder(100));
    let cfg = Cfg::new(&func);
    let depths = depths(&func, &cfg);
    assert!(wrong_reads(&mut Work::new(50), &func, &cfg, &depths, 0).is_none());
}
