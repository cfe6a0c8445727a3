//! Vectors against the scalar instructions, lane by lane.

use crate::grid::{self, Random, same, values};
use crate::machine::{Cell, Machine, Small, TARGETS};
use crate::{expected, types};
use nbc_ir::{Opcode, Type};
use nbc_jit::lower::scalar;
use nbc_jit::lower::vector::{self, clif_type};
use nbc_jit::mir::Lanes;
use nbc_jit::target::{Cpu, supported};

const ALL: [Lanes; 4] = [Lanes::F64x2, Lanes::F32x4, Lanes::I64x2, Lanes::I32x4];

/// The vector with these lanes.
fn pack(lanes: Lanes, slots: &[u64]) -> Cell {
    match lanes.count() {
        2 => [slots[0], slots[1]],
        _ => [slots[0] | slots[1] << 32, slots[2] | slots[3] << 32],
    }
}

/// One lane, as a slot.
fn unpack(lanes: Lanes, cell: Cell, lane: usize) -> u64 {
    match lanes.count() {
        2 => cell[lane],
        _ => cell[lane / 2] >> (32 * (lane % 2)) & 0xffff_ffff,
    }
}

/// Vectors of that type with as many lanes.
fn of(ty: Type) -> Lanes {
    *ALL.iter().find(|l| l.scalar() == ty).unwrap()
}

#[test]
fn every_lane_is_as_the_scalar_instruction() {
    for &target in TARGETS {
        let cpu = Cpu::of(&*target.isa());
        let forms: Vec<(Opcode, Lanes)> = ALL
            .iter()
            .flat_map(|lanes| Opcode::ALL.iter().map(|op| (*op, *lanes)))
            .filter(|(op, lanes)| supported(*op, *lanes, &cpu))
            .collect();
        let functions: Vec<Small> = forms
            .iter()
            .map(|&(opcode, lanes)| Small {
                params: types(opcode).1.iter().map(|ty| clif_type(of(*ty))).collect(),
                body: Box::new(move |b, cpu, args| {
                    vec![vector::lanewise(b, cpu, opcode, lanes, args).unwrap()]
                }),
            })
            .collect();
        let machine = Machine::new(target, &functions);
        let mut random = Random(3);
        for (number, &(opcode, lanes)) in forms.iter().enumerate() {
            let (result, params) = types(opcode);
            assert_eq!(result, lanes.scalar());
            let grids: Vec<Vec<u64>> = params.iter().map(|ty| values(*ty)).collect();
            // All pairs in the first lane, others at random beside them.
            let (first, second) = (&grids[0], &grids[grids.len() - 1]);
            let rounds = if params.len() == 1 { first.len() } else { first.len() * second.len() };
            for round in 0..rounds {
                let mut args = vec![vec![0; lanes.count() as usize]; params.len()];
                for (arg, grid) in args.iter_mut().zip(&grids) {
                    arg.fill_with(|| grid[random.next() as usize % grid.len()]);
                }
                args[0][0] = first[round % first.len()];
                if params.len() > 1 {
                    args[params.len() - 1][0] = second[round / first.len()];
                }
                let cells: Vec<Cell> = args.iter().zip(&params).map(|(a, ty)| pack(of(*ty), a)).collect();
                let [got] = machine.run(number, &cells);
                for lane in 0..lanes.count() as usize {
                    let args: Vec<u64> = args.iter().map(|a| a[lane]).collect();
                    let (got, want) = (unpack(lanes, got, lane), expected(opcode, &args));
                    assert!(
                        same(result, want, got),
                        "{target:?} {opcode:?} {args:x?}: {got:x}, not {want:x}"
                    );
                }
            }
        }
    }
}

#[test]
fn one_operand_is_a_literal_in_every_lane() {
    let target = TARGETS[0];
    let cpu = Cpu::of(&*target.isa());
    for lanes in ALL {
        let ty = lanes.scalar();
        for &opcode in Opcode::ALL.iter().filter(|op| supported(**op, lanes, &cpu)) {
            if types(opcode).1 != [ty, ty] {
                continue;
            }
            let literals = crate::few(ty, 4);
            let functions: Vec<Small> = literals
                .iter()
                .map(|&slot| Small {
                    params: vec![clif_type(lanes)],
                    body: Box::new(move |b, cpu, args| {
                        let known = scalar::literal(b, grid::literal(ty, slot));
                        let known = vector::splat(b, lanes, known);
                        let right = vector::lanewise(b, cpu, opcode, lanes, &[args[0], known]);
                        let left = vector::lanewise(b, cpu, opcode, lanes, &[known, args[0]]);
                        vec![right.unwrap(), left.unwrap()]
                    }),
                })
                .collect();
            let machine = Machine::new(target, &functions);
            for (number, &known) in literals.iter().enumerate() {
                for some in values(ty).chunks_exact(lanes.count() as usize) {
                    let [right, left] = machine.run(number, &[pack(lanes, some)]);
                    for (lane, &x) in some.iter().enumerate() {
                        let (got, want) = (unpack(lanes, right, lane), expected(opcode, &[x, known]));
                        assert!(same(ty, want, got), "{opcode:?} {x:x} {known:x}: {got:x}, not {want:x}");
                        let (got, want) = (unpack(lanes, left, lane), expected(opcode, &[known, x]));
                        assert!(same(ty, want, got), "{opcode:?} {known:x} {x:x}: {got:x}, not {want:x}");
                    }
                }
            }
        }
    }
}

#[test]
fn splats_and_lanes() {
    for &target in TARGETS {
        let functions: Vec<Small> = ALL
            .iter()
            .map(|&lanes| Small {
                params: vec![scalar::clif_type(lanes.scalar()), clif_type(lanes)],
                body: Box::new(move |b, _, args| {
                    let mut results = vec![vector::splat(b, lanes, args[0])];
                    results.extend((0..lanes.count() as u8).map(|i| vector::lane(b, args[1], i)));
                    results
                }),
            })
            .collect();
        let machine = Machine::new(target, &functions);
        for (number, lanes) in ALL.into_iter().enumerate() {
            for slots in values(lanes.scalar()).windows(4) {
                let vector = pack(lanes, slots);
                let [splat, rest @ ..]: [Cell; 5] = machine.run(number, &[[slots[0], 0], vector]);
                assert_eq!(splat, pack(lanes, &[slots[0]; 4]));
                for (lane, got) in rest.iter().enumerate().take(lanes.count() as usize) {
                    assert_eq!(got[0], slots[lane]);
                }
            }
        }
    }
}
