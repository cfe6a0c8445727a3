//! Groups of operations that make one pass over memory: elementwise ones whose results others of
//! the group read, with a reduction at their end. The field calls it loop fusion.
//!
//! A group lies in one basic block. All of its members but the last are *deferred*: in their own
//! place they check, charge and make their result, but do not compute its elements. The last one then computes those
//! of all, block by block. So what can be observed, but for time, is what it is without groups.
//!
//! Between members there may be only instructions that neither write elements nor read those of a
//! member's result. They call nothing, and leave the region as it is. A result that nobody can
//! see behind the group is never written to memory, as [`super::last_use`] shows.
//!
//! Shapes are known when the program runs. So a group is a permission: there it is seen which
//! members go together.
//!
//! Invariant: between the first and the last member of a group only members could tell whether
//! the elements of a member's result have been computed.

use super::aliases::Classes;
use super::{Arguments, Before};
use nbc_ir::catalogue::{Aliasing, Cost, Kind, Operation, Param};
use nbc_ir::flow::Cfg;
use nbc_ir::inst::Effect;
use nbc_ir::{Function, Inst, OpId, Operand, Reg, Type};

/// Most members of a group.
pub const MOST_MEMBERS: usize = 64;

/// What an operation is in its group.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Role {
    /// It belongs to none, and computes its result at once.
    #[default]
    Alone,
    /// Its elements are computed by the last member of the group. They are `kept` where
    /// somebody may see them behind it.
    Deferred {
        /// Whether somebody may.
        kept: bool,
    },
    /// It computes the elements of all members.
    Last,
}

/// Why a stretch of operations that could be a group ends before an instruction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum End {
    /// The block ends.
    Block,
    /// The instruction calls a function, or an operation that does.
    Call,
    /// It writes elements, or stores objects where others find them.
    Write,
    /// It begins, ends or renews a region.
    Region,
    /// It reads elements of a result, or makes a view of it.
    Read,
    /// It is an operation that runs at once, and reads a result.
    Operation,
    /// It is the reduction at the end of the group.
    Reduction,
    /// There are as many members as a group may have.
    Full,
}

/// One operation of a stretch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Member {
    /// The instruction's position in its block.
    pub inst: u32,
    /// What it is.
    pub role: Role,
}

/// Operations of a block that could be one group. Those that hand no result to another, at the begin and at the
/// end, run alone.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Stretch {
    /// The block.
    pub block: u32,
    /// The operations.
    pub members: Vec<Member>,
    /// The instruction before which the one before it in the block has ended, and why.
    pub after: Option<(u32, End)>,
    /// The instruction before which it ends, or with which where that is a reduction, and why.
    pub end: (u32, End),
}

/// What an operation of the catalogue may be in a stretch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Part {
    /// A member.
    Elementwise,
    /// The last member, if it reads a result of another.
    Reduction,
    /// It may stand in between unless it reads a result.
    Beside,
    /// It looks at dims alone, and may stand in between.
    Dims,
    /// It ends a stretch.
    End(End),
}

/// What operation `name` may be.
pub(super) fn part(name: &str) -> Part {
    let Some(op) = Operation::find(name) else { return Part::End(End::Call) };
    if is_member(op) {
        Part::Elementwise
    } else if op.pure && op.in_one_pass {
        Part::Reduction
    } else if op.pure && op.cost == Cost::Constant && op.result == Aliasing::New {
        Part::Dims
    } else if op.pure && op.result != Aliasing::Unknown {
        Part::Beside
    } else if op.writes.is_empty() {
        Part::End(End::Call)
    } else {
        Part::End(End::Write)
    }
}

/// Whether an operation can be deferred.
pub fn is_member(op: &Operation) -> bool {
    if op.kind == Kind::Creation {
        return op.in_one_pass;
    }
    let signature = op.typed();
    let is_operand = |p: &Param| {
        matches!(
            p,
            Param::Tensor(_)
                | Param::TensorOfParts(_)
                | Param::TensorOrScalar(_)
                | Param::Exact(Type::Tensor(_))
        )
    };
    op.is_elementwise()
        && signature.results.len() == 1
        && (1..=3).contains(&signature.params.len())
        && signature.params.iter().all(is_operand)
}

/// Finds the stretches of a function. `dying` is what its plan says of its operations' arguments.
pub(super) fn find(
    func: &Function,
    cfg: &Cfg,
    parts: &[Part],
    classes: &mut Classes,
    dying: &[(Before, Arguments)],
) -> Vec<Stretch> {
    let mut finder = Finder { func, parts, classes, dying, open: Vec::new(), after: None, found: Vec::new() };
    for &block in cfg.rpo() {
        let insts = &func.blocks[block.index()].insts;
        for (n, inst) in insts.iter().enumerate() {
            finder.see(block.0, n as u32, inst);
        }
        finder.close(block.0, insts.len() as u32 - 1, End::Block);
        finder.after = None;
    }
    finder.found.sort_unstable_by_key(|s| (s.block, s.members[0].inst));
    finder.found
}

/// An operation of the stretch that is being looked at.
struct Open {
    inst: u32,
    /// The class of its result.
    class: Option<usize>,
    /// Whether it reads another's result, or another its.
    is_tied: bool,
    /// Whether nobody sees the result behind one of those that follow.
    dies: bool,
}

struct Finder<'a> {
    func: &'a Function,
    parts: &'a [Part],
    classes: &'a mut Classes,
    dying: &'a [(Before, Arguments)],
    open: Vec<Open>,
    /// Where a stretch could begin of the block that is being looked at.
    after: Option<(u32, End)>,
    found: Vec<Stretch>,
}

impl Finder<'_> {
    fn see(&mut self, block: u32, n: u32, inst: &Inst) {
        let end = match inst {
            Inst::CallOp { results, callee, args } => {
                return self.operation(block, n, results, *callee, args);
            }
            other => match other.opcode().effect() {
                // Dims among them: headers say those.
                Effect::Pure | Effect::Traps => None,
                Effect::Loads => self.reads(inst).then_some(End::Read),
                Effect::Stores => Some(End::Write),
                Effect::Region => Some(End::Region),
                Effect::Calls => Some(End::Call),
                Effect::Control => Some(End::Block),
            },
        };
        if let Some(end) = end {
            self.close(block, n, end);
        }
    }

    /// Whether an instruction uses a register that may hold a result of the stretch.
    fn reads(&mut self, inst: &Inst) -> bool {
        let mut used = Vec::new();
        inst.for_each_use(|r| used.push(r));
        used.into_iter().any(|r| self.is_result(r))
    }

    fn is_result(&mut self, reg: Reg) -> bool {
        if self.open.is_empty() || !self.func.regs[reg.index()].is_object() {
            return false;
        }
        let class = self.classes.of(reg);
        self.open.iter().any(|m| m.class == Some(class))
    }

    fn operation(&mut self, block: u32, n: u32, results: &[Reg], callee: OpId, args: &[Operand]) {
        let part = self.parts[callee.index()];
        let mut regs = args.iter().filter_map(|a| a.reg());
        match part {
            Part::End(end) => self.close(block, n, end),
            Part::Dims => {}
            Part::Beside => {
                if regs.any(|r| self.is_result(r)) {
                    self.close(block, n, End::Operation);
                }
            }
            Part::Elementwise => {
                if self.open.len() == MOST_MEMBERS {
                    self.close(block, n, End::Full);
                }
                self.add(block, n, results.first().copied(), args);
            }
            Part::Reduction => {
                if regs.any(|r| self.is_result(r)) {
                    if self.open.len() == MOST_MEMBERS {
                        return self.close(block, n, End::Full);
                    }
                    self.add(block, n, None, args);
                    self.close(block, n, End::Reduction);
                }
            }
        }
    }

    fn add(&mut self, block: u32, n: u32, result: Option<Reg>, args: &[Operand]) {
        let place = (block, n);
        let at = self.dying.binary_search_by_key(&place, |(place, _)| *place);
        let dying = at.map_or(Arguments::default(), |at| self.dying[at].1);
        let mut is_tied = false;
        for (position, arg) in args.iter().enumerate() {
            let Operand::Reg(reg) = *arg else { continue };
            if !self.func.regs[reg.index()].is_object() {
                continue;
            }
            let class = self.classes.of(reg);
            let dies = dying.iter().any(|p| p == position);
            let mut is_latest = true;
            for member in self.open.iter_mut().rev().filter(|m| m.class == Some(class)) {
                // The register may hold the results of several, one after the other.
                if std::mem::take(&mut is_latest) {
                    member.is_tied = true;
                    is_tied = true;
                }
                member.dies |= dies;
            }
        }
        let class = result.map(|r| self.classes.of(r));
        self.open.push(Open { inst: n, class, is_tied, dies: false });
    }

    fn close(&mut self, block: u32, inst: u32, end: End) {
        let after = self.after.replace((inst, end));
        if self.open.is_empty() {
            return;
        }
        let first = self.open.iter().position(|m| m.is_tied).unwrap_or(self.open.len());
        let last = self.open.iter().rposition(|m| m.is_tied).unwrap_or(0);
        let role = |at: usize, member: &Open| match at {
            at if at == last && first < last => Role::Last,
            at if (first..last).contains(&at) => Role::Deferred { kept: !member.dies },
            _ => Role::Alone,
        };
        let members = self.open.iter().enumerate();
        let members = members.map(|(at, m)| Member { inst: m.inst, role: role(at, m) }).collect();
        self.found.push(Stretch { block, members, after, end: (inst, end) });
        self.open.clear();
    }
}
