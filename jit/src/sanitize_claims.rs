//! Checks of what analyses claim ([`crate::midend::claims`]), for the sanitising
//! mode: ranges of values, and how many iterations loops have.
//!
//! Passes rely on such claims, so a wrong one is a mistake though nothing that
//! this program does goes wrong with it. Memory does not depend on these checks:
//! [`crate::sanitize`] knows no analysis. What is put in computes nothing that
//! the function reads.

use crate::midend::analysis::loops::{Forest, make_preheaders};
use crate::midend::analysis::values::{Def, Made};
use crate::midend::claims::Claims;
use crate::mir::{Func, MirNode, MirOp, Ty};
use nbc_ir::inst::Imm;
use nbc_ir::{BlockId, Inst, Type};
use nbc_runtime::abi::Claim;

/// Claims that any function may have checked, besides one for each of its nodes: so compiling takes
/// no more than in proportion. Functions that people write have fewer.
const CLAIMS: usize = 16;

/// Trip counts from which on no loop comes to them.
pub const FAR: i64 = 1 << 40;

/// Puts checks of what the analyses claim about a function into it: how often
/// loops iteration, which is counted from their preheaders on, and ranges of values,
/// where they are made. No more than some, by the function's size ([`CLAIMS`]).
pub fn insert(func: &mut Func) {
    let forest = Forest::new(func);
    make_preheaders(func, &forest);
    let claims = Claims::of(func);
    insert_those(func, &claims);
}

/// As [`insert`], of these claims.
pub fn insert_those(func: &mut Func, claims: &Claims) {
    let most = CLAIMS + func.size();
    // Block, position and order of what is put there.
    let mut new: Vec<(BlockId, usize, usize, MirOp)> = Vec::new();
    let mut add = |block, at, op| {
        let order = new.len();
        new.push((block, at, order, op));
    };
    let blocks = func.blocks.len();
    let counted = claims.loops.iter().filter_map(|l| {
        let at_most = l.at_most.filter(|n| *n < FAR)?;
        Some((l.header, l.preheader.filter(|b| b.index() < blocks)?, at_most))
    });
    let counted: Vec<_> = counted.take(most).collect();
    for &(header, preheader, at_most) in &counted {
        let count = func.value(Type::I64);
        let (begin, more) = (
            Inst::I64Const { dst: count, value: Imm::I64(0) },
            Inst::I64Add { dst: count, a: count.into(), b: 1i64.into() },
        );
        add(preheader, func.blocks[preheader.index()].nodes.len() - 1, MirOp::Inst(begin));
        add(header, 0, MirOp::Inst(more));
        let claim = Claim::TripCount;
        add(header, 0, MirOp::VerifyRange { value: count, low: 0, high: at_most, claim, about: header.0 });
    }
    // What no node reads may not be there.
    let is_integer = |def: Def| matches!(func.regs[def.reg.index()], Ty::Value(Type::I64 | Type::I32));
    let ranges =
        claims.ranges.iter().filter(|range| range.is_read && is_integer(claims.values[range.of.index()]));
    let ranges: Vec<_> = ranges.take(most - counted.len()).collect();
    for range in ranges {
        let def = claims.values[range.of.index()];
        let at = match def.made {
            Made::Node(n) => n as usize + 1,
            Made::Phi | Made::Entry => 0,
        };
        let (value, low, high) = (def.reg, range.low, range.high);
        add(def.block, at, MirOp::VerifyRange { value, low, high, claim: Claim::Range, about: value.0 });
    }
    new.sort_by_key(|(block, at, order, _)| (*block, *at, *order));
    // From the back, so that positions stay what they are.
    for (block, at, _, op) in new.into_iter().rev() {
        let nodes = &mut func.blocks[block.index()].nodes;
        let origin = nodes[at].origin;
        nodes.insert(at, MirNode { op, origin });
    }
}
