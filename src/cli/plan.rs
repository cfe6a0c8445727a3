//! `nbc explain --plan`: which operations make one pass over memory, and why others do not.

use nbc::ir::catalogue::{Kind, Operation};
use nbc::ir::shown::visible;
use nbc::ir::verify::VerifiedModule;
use nbc::ir::{Block, FuncId, Inst, Module};
use nbc::runtime::plan::fusion::{End, MOST_MEMBERS, Member, Stretch};
use nbc::runtime::plan::{Role, stretches};
use serde_json::{Value as Json, json};
use std::fmt::Write;

/// Operations that make one pass, or one that makes its own.
struct Entry {
    block: usize,
    members: Vec<Member>,
    /// Why an operation runs alone; nothing of a group.
    alone: Vec<String>,
}

/// The plan of one function.
pub struct FunctionPlan<'m> {
    module: &'m Module,
    func: FuncId,
    entries: Vec<Entry>,
}

/// The plans of all functions, or of one of them.
pub fn plans<'m>(module: &'m VerifiedModule, only: Option<FuncId>) -> Vec<FunctionPlan<'m>> {
    let all = stretches(module);
    let own = (module.imports.len()..module.num_funcs()).map(FuncId::new);
    let wanted = own.filter(|f| only.is_none_or(|only| only == *f));
    wanted
        .map(|func| {
            let stretches = all.get(func.index()).map_or(&[][..], |s| s);
            FunctionPlan { module, func, entries: entries(module, func, stretches) }
        })
        .collect()
}

fn entries(module: &Module, func: FuncId, stretches: &[Stretch]) -> Vec<Entry> {
    let mut entries = Vec::new();
    let Some(function) = module.function(func) else { return entries };
    for (block, of) in function.blocks.iter().enumerate() {
        let here = |s: &&Stretch| s.block as usize == block;
        for stretch in stretches.iter().filter(here) {
            let group: Vec<Member> =
                stretch.members.iter().filter(|m| m.role != Role::Alone).copied().collect();
            if !group.is_empty() {
                entries.push(Entry { block, members: group, alone: Vec::new() });
            }
            for member in stretch.members.iter().filter(|m| m.role == Role::Alone) {
                let alone = why_alone(module, of, stretch);
                entries.push(Entry { block, members: vec![*member], alone });
            }
        }
        let is_in_one = |n: usize| {
            let has = |s: &Stretch| s.members.iter().any(|m| m.inst as usize == n);
            stretches.iter().filter(here).any(has)
        };
        for (n, inst) in
            of.insts.iter().enumerate().filter(|(n, i)| is_elementwise(module, i) && !is_in_one(*n))
        {
            let calls = operation(module, inst).is_some_and(|op| !op.pure);
            let why = if calls { "it calls a function for each element" } else { "its block is never run" };
            let member = Member { inst: n as u32, role: Role::Alone };
            entries.push(Entry { block, members: vec![member], alone: vec![why.to_owned()] });
        }
    }
    entries.sort_by_key(|e| (e.block, e.members[0].inst));
    entries
}

fn operation(module: &Module, inst: &Inst) -> Option<&'static Operation> {
    match inst {
        Inst::CallOp { callee, .. } => Operation::find(&module.ops[callee.index()].name),
        _ => None,
    }
}

fn is_elementwise(module: &Module, inst: &Inst) -> bool {
    operation(module, inst).is_some_and(|op| op.kind == Kind::Elementwise)
}

/// Name of an instruction, or of the operation that it runs.
fn name(module: &Module, inst: &Inst) -> String {
    match inst {
        Inst::CallOp { callee, .. } => visible(&module.ops[callee.index()].name).into_owned(),
        other => other.opcode().mnemonic().to_owned(),
    }
}

/// Where an instruction is: its line, or its position where there is no source.
fn place(block: &Block, number: usize, inst: u32) -> String {
    match block.line(inst as usize) {
        0 => format!("block{number}:{inst}"),
        line => format!("line {line}"),
    }
}

fn why_alone(module: &Module, block: &Block, stretch: &Stretch) -> Vec<String> {
    let number = stretch.block as usize;
    let at = |inst: u32| place(block, number, inst);
    let end = |(inst, end): (u32, End)| {
        let what = name(module, &block.insts[inst as usize]);
        let (at, what) = (at(inst), what);
        match end {
            End::Block => format!("{at} ends the block"),
            End::Call => format!("{at}: {what} calls a function"),
            End::Write => format!("{at}: {what} writes elements, or keeps objects"),
            End::Region => format!("{at}: {what} begins or ends a region"),
            End::Read => format!("{at}: {what} reads elements of a result"),
            End::Operation => format!("{at}: {what} needs a result at once"),
            End::Reduction => format!("{at}: {what} ends a group"),
            End::Full => format!("{at}: a group has at most {MOST_MEMBERS} operations"),
        }
    };
    let (first, last) = (stretch.members.first(), stretch.members.last());
    let between = match (first.map(|m| at(m.inst)), last.map(|m| at(m.inst))) {
        (Some(first), Some(last)) if first != last => format!("from {first} to {last}"),
        _ => "beside it".to_owned(),
    };
    let mut lines = vec![format!("no operation {between} makes its arguments or uses its result")];
    lines.extend(stretch.after.map(|after| format!("before: {}", end(after))));
    lines.push(format!("behind: {}", end(stretch.end)));
    lines
}

/// What is said of a member's result.
fn role(role: Role) -> &'static str {
    match role {
        Role::Alone => "",
        Role::Deferred { kept: false } => "only the group sees its result",
        Role::Deferred { kept: true } => "its result is kept",
        Role::Last => "computes them all",
    }
}

impl FunctionPlan<'_> {
    /// As text.
    pub fn text(&self) -> String {
        let mut text = format!("@{}\n", visible(&self.module.func_name(self.func)));
        let Some(function) = self.module.function(self.func) else { return text };
        if self.entries.is_empty() {
            text.push_str("  no operations on elements\n");
        }
        for entry in &self.entries {
            let block = &function.blocks[entry.block];
            let is_group = entry.alone.is_empty();
            if is_group {
                let _ = writeln!(text, "  one pass of {} operations", entry.members.len());
            }
            for member in &entry.members {
                let at = place(block, entry.block, member.inst);
                let name = name(self.module, &block.insts[member.inst as usize]);
                let _ = match is_group {
                    true => writeln!(text, "    {at}: {name:<16} {}", role(member.role)),
                    false => writeln!(text, "  alone {at}: {name}"),
                };
            }
            for line in &entry.alone {
                let _ = writeln!(text, "    {line}");
            }
        }
        text
    }

    /// As JSON.
    pub fn json(&self) -> Json {
        let member = |entry: &Entry, member: &Member| {
            let function = self.module.function(self.func)?;
            let block = &function.blocks[entry.block];
            Some(json!({
                "block": entry.block,
                "instruction": member.inst,
                "line": block.line(member.inst as usize),
                "operation": name(self.module, &block.insts[member.inst as usize]),
                "kept": member.role != Role::Deferred { kept: false },
            }))
        };
        let all = self.entries.iter().map(|entry| {
            let members: Vec<Json> = entry.members.iter().filter_map(|m| member(entry, m)).collect();
            json!({ "operations": members, "alone": entry.alone })
        });
        json!({ "function": self.module.func_name(self.func), "passes": all.collect::<Vec<_>>() })
    }
}
