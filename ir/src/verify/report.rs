//! Collects what is wrong, each with its place in words, its source line and
//! the instruction's text.
//!
//! Names and types come from the module and may be of any length, so what
//! goes into a message is clipped.

use super::MAX_ERRORS;
use super::items::{self, Item};
use super::operands::{self, Part};
use crate::entity::{BlockId, FuncId, Reg};
use crate::error::{Diagnostic, Error, ErrorKind, Place};
use crate::inst::{Imm, Inst, Operand};
use crate::module::{Function, Module};
use crate::printer::inst_to_string;
use crate::shown;
use crate::types::{Signature, Type};
use rustc_hash::FxHashSet;
use std::fmt::{self, Write};

/// Longest name or type in a message.
const CLIP: usize = 120;

pub(super) struct Report<'m> {
    pub(super) module: &'m Module,
    found: Vec<Diagnostic>,
    /// Text of the instruction of each diagnostic.
    insts: Vec<Option<String>>,
    /// Where each line of the source text starts; made for the first error.
    lines: Option<Vec<usize>>,
    left_out: bool,
    /// Operations of which an instruction has told what is wrong with them.
    pub(super) told_ops: FxHashSet<usize>,
}

/// Where an instruction stands.
#[derive(Clone, Copy)]
pub(super) struct At {
    pub(super) func: FuncId,
    pub(super) block: BlockId,
    pub(super) inst: usize,
}

impl<'m> Report<'m> {
    pub(super) fn new(module: &'m Module) -> Report<'m> {
        Report {
            module,
            found: Vec::new(),
            insts: Vec::new(),
            lines: None,
            left_out: false,
            told_ops: FxHashSet::default(),
        }
    }

    /// Whether further errors are left out, so that looking for them is in vain.
    pub(super) fn is_full(&self) -> bool {
        self.left_out
    }

    pub(super) fn len(&self) -> usize {
        self.found.len()
    }

    /// Something is wrong with one of the module's tables; `context` says which entry.
    pub(super) fn module(&mut self, context: String, message: String) {
        self.push(Place::Module, context, message, None, None, None);
    }

    /// The same with an entry that stands in the text, if there is one.
    pub(super) fn item(&mut self, item: Item, mut context: String, message: String) {
        let span = if self.found.len() < MAX_ERRORS { self.span_of_item(item) } else { None };
        if let (Some((start, _)), Some(source)) = (span, &self.module.source) {
            let line = source.text[..start].matches('\n').count() + 1;
            context = format!("line {line}, {context}");
        }
        self.push(Place::Module, context, message, None, span, None);
    }

    fn span_of_item(&self, item: Item) -> Option<(usize, usize)> {
        items::span(self.module, &self.module.source.as_ref()?.text, item)
    }

    /// Something is wrong with a function as a whole.
    pub(super) fn function(&mut self, func: FuncId, message: String, help: Option<String>) {
        let context = format!("function @{}", self.func(func));
        let span = if self.found.len() < MAX_ERRORS { self.span_of_item(Item::Function(func)) } else { None };
        self.push(Place::Function(func), context, message, help, span, None);
    }

    /// Something is wrong with an instruction, or with the block that ends there.
    pub(super) fn inst(&mut self, at: At, message: String, help: Option<String>) {
        self.part(at, &[], message, help);
    }

    /// Something is wrong with a part of an instruction: the first of `parts`
    /// that is written.
    pub(super) fn part(&mut self, at: At, parts: &[Part], message: String, help: Option<String>) {
        if self.found.len() >= MAX_ERRORS {
            self.left_out = true;
            return;
        }
        let At { func, block, inst } = at;
        let mut context = format!("function @{}", self.func(func));
        let (mut span, mut text) = (None, None);
        if let Some(function) = self.module.function(func) {
            let name = block_in_words(function, block);
            let noun = if name == ENTRY { "" } else { "block " };
            let _ = write!(context, ", {noun}{name}, instruction {inst}");
            if let Some(b) = function.blocks.get(block.index()) {
                let line = b.line(inst);
                if line > 0 {
                    let _ = write!(context, ", line {line}");
                    let part = parts.iter().find_map(|p| self.span_of_part(at, *p));
                    span = part.or_else(|| self.span_of_line(line));
                }
                text = b.insts.get(inst).map(|i| clip(&inst_to_string(self.module, function, i)));
            }
        }
        self.push(Place::Inst { func, block, inst }, context, message, help, span, text);
    }

    /// How the part is written, if there is text.
    pub(super) fn text_of(&mut self, at: At, part: Part) -> Option<&'m str> {
        let (start, end) = self.span_of_part(at, part)?;
        self.module.source.as_ref()?.text.get(start..end)
    }

    fn span_of_part(&mut self, at: At, part: Part) -> Option<(usize, usize)> {
        let module = self.module;
        let block = module.function(at.func)?.blocks.get(at.block.index())?;
        let inst = block.insts.get(at.inst)?;
        let name = match inst {
            Inst::CallOp { callee, .. } => module.ops.get(callee.index())?.name.as_str(),
            _ => inst.opcode().mnemonic(),
        };
        let start = self.line_start(block.line(at.inst))?;
        operands::span(&module.source.as_ref()?.text, start, inst, name, part)
    }

    fn push(
        &mut self,
        place: Place,
        context: String,
        message: String,
        help: Option<String>,
        span: Option<(usize, usize)>,
        text: Option<String>,
    ) {
        if self.found.len() >= MAX_ERRORS {
            self.left_out = true;
            return;
        }
        self.found.push(Diagnostic { message, place, context, help, span, notes: Vec::new() });
        self.insts.push(text);
    }

    /// Where line `line` (from 1) of the source text starts.
    fn line_start(&mut self, line: u32) -> Option<usize> {
        let text: &str = &self.module.source.as_ref()?.text;
        let lines = self.lines.get_or_insert_with(|| {
            std::iter::once(0).chain(text.match_indices('\n').map(|(i, _)| i + 1)).collect()
        });
        lines.get((line as usize).checked_sub(1)?).copied()
    }

    /// The instruction on line `line` (from 1) of the source text: the line
    /// without blanks around it and without its comment.
    fn span_of_line(&mut self, line: u32) -> Option<(usize, usize)> {
        let start = self.line_start(line)?;
        let text: &str = &self.module.source.as_ref()?.text;
        let lines = self.lines.as_ref()?;
        let end = lines.get(line as usize).map_or(text.len(), |next| next - 1);
        let whole = &text[start..end];
        let code = without_comment(whole).trim_end();
        let blank = code.len() - code.trim_start().len();
        (blank < code.len()).then_some((start + blank, start + code.len()))
    }

    /// What was found so far.
    pub(super) fn into_diagnostics(self) -> Vec<Diagnostic> {
        self.found
    }

    pub(super) fn finish(mut self) -> Option<Error> {
        if self.found.is_empty() {
            return None;
        }
        if self.left_out {
            self.found.push(Diagnostic {
                message: format!("there are more errors; only the first {MAX_ERRORS} are listed"),
                place: Place::Module,
                context: String::new(),
                help: None,
                span: None,
                notes: Vec::new(),
            });
            self.insts.push(None);
        }
        let error = Error::new(ErrorKind::Verify, self.found, self.module.source.clone());
        Some(error.with_instructions(self.insts))
    }

    /// A type as text.
    pub(super) fn ty(&self, ty: Type) -> String {
        clipped(ty.display(&self.module.sigs))
    }

    /// A signature as text.
    pub(super) fn sig(&self, sig: &Signature) -> String {
        clipped(sig.display(&self.module.sigs))
    }

    /// A function's name, without `@`.
    pub(super) fn func(&self, func: FuncId) -> String {
        clip(&self.module.func_name(func))
    }
}

/// A register's name.
pub(super) fn reg(func: &Function, reg: Reg) -> String {
    clip(&func.reg_name(reg))
}

/// A register's name or a literal.
pub(super) fn operand(func: &Function, operand: Operand) -> String {
    match operand {
        Operand::Reg(r) => reg(func, r),
        Operand::Imm(Imm::I32(v)) => format!("the literal {v}"),
        Operand::Imm(Imm::I64(v)) => format!("the literal {v}"),
        Operand::Imm(Imm::F32(bits)) => format!("the literal {:?}", f32::from_bits(bits)),
        Operand::Imm(Imm::F64(bits)) => format!("the literal {:?}", f64::from_bits(bits)),
        Operand::Imm(Imm::Bool(v)) => format!("the literal {v}"),
    }
}

/// What an entry block is called that nobody named.
const ENTRY: &str = "the entry";

/// The block's name, or what it is.
pub(super) fn block_in_words(func: &Function, block: BlockId) -> String {
    match func.blocks.get(block.index()) {
        Some(b) if block == BlockId(0) && b.name.is_none() => ENTRY.to_owned(),
        _ => clip(&func.block_name(block)),
    }
}

/// `count` with its noun in the right number.
pub(super) fn plural(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

/// The instruction's mnemonic; of a catalogue operation, the operation's name.
pub(super) fn mnemonic(module: &Module, inst: &Inst) -> String {
    match inst {
        Inst::CallOp { callee, .. } => match module.ops.get(callee.index()) {
            Some(op) => clip(&op.name),
            None => "op".to_owned(),
        },
        _ => inst.opcode().mnemonic().to_owned(),
    }
}

/// The line up to a `;` that is not inside quotes.
fn without_comment(line: &str) -> &str {
    let (mut quoted, mut escaped) = (false, false);
    for (i, c) in line.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            ';' if !quoted => return &line[..i],
            _ => {}
        }
    }
    line
}

/// At most [`CLIP`] characters of `text`, all visible.
pub(super) fn clip(text: &str) -> String {
    shown::clipped(text, CLIP).into_owned()
}

fn clipped(text: impl fmt::Display) -> String {
    let mut out = Clipped(String::new());
    if write!(out, "{text}").is_err() {
        out.0.push_str("...");
    }
    out.0
}

/// Refuses to grow beyond [`CLIP`] bytes, which ends the formatting: a type's
/// text can be exponentially longer than the type.
struct Clipped(String);

impl Write for Clipped {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = CLIP - self.0.len();
        if text.len() <= room {
            self.0.push_str(text);
            return Ok(());
        }
        self.0.push_str(&text[..text.floor_char_boundary(room)]);
        Err(fmt::Error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_text_is_clipped_between_characters() {
        assert_eq!(clipped("short"), "short");
        let long = clipped("ä".repeat(1000));
        assert_eq!(long, "ä".repeat(CLIP / 2) + "...");
    }

    #[test]
    fn comments_end_the_line_but_not_inside_quotes() {
        assert_eq!(without_comment("ret ; done"), "ret ");
        assert_eq!(without_comment(r#"call @"a;\";b" ; c"#), r#"call @"a;\";b" "#);
    }
}
