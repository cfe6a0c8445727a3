//! Bodies of functions.

use super::module::{Body as Source, suggestion};
use super::{Failed, Name, Parse, Parser, clip};
use crate::entity::{BlockId, ConstId, FuncId, Reg, SigId};
use crate::inst::{Inst, Opcode};
use crate::lexer::{Kind, Lexer, Token};
use crate::module::Block;
use crate::names::{Entity, Key};
use crate::types::Type;
use crate::verify::FunctionGaps;
use rustc_hash::FxHashMap;

/// A register as far as the text read so far tells.
struct Register<'a> {
    /// Where it stands first.
    name: Name<'a>,
    ty: Option<Type>,
    /// Whether it is a parameter, declared or assigned somewhere.
    assigned: bool,
    /// Whether a fault in its assignment hides its type.
    poisoned: bool,
    /// Whether the text does not name it: it holds a string.
    hidden: bool,
    /// The statement that assigns it first, in bytes.
    def: Option<(usize, usize)>,
}

/// Reader of one body.
pub(super) struct Body<'p, 'a> {
    pub(super) p: &'p mut Parser<'a>,
    pub(super) sig: SigId,
    regs: Vec<Register<'a>>,
    names: FxHashMap<Key<'a>, Reg>,
    labels: FxHashMap<Key<'a>, BlockId>,
    blocks: Vec<Block>,
    /// Whether the last statement of the block was faulty.
    faulty: bool,
    /// Where the statement starts that is being read.
    start: usize,
    /// Registers that hold strings.
    strings: FxHashMap<ConstId, Reg>,
}

impl<'a> Parser<'a> {
    /// Reads the body of own function number `at` into the module.
    pub(super) fn read_body(&mut self, at: usize, source: Source<'a>) {
        let id = FuncId::new(self.module.imports.len() + at);
        let function = &mut self.module.functions[at];
        let sig = function.sig;
        function.name = match function.export {
            true => Some(source.name.key.text.clone().into_owned()),
            false => source.name.kept(Entity::Func, id.index()),
        };
        self.context = format!("function {}", clip(self.text(source.name.token)));
        self.lexer = Lexer::after(self.src, source.open);
        self.advance();
        let mut body = Body {
            p: self,
            sig,
            regs: Vec::new(),
            names: FxHashMap::default(),
            labels: FxHashMap::default(),
            blocks: Vec::new(),
            faulty: false,
            start: 0,
            strings: FxHashMap::default(),
        };
        let (faults, late) = (body.p.diags.len(), body.p.late.len());
        let sound = body.read(source);
        let (regs, blocks) = (body.regs, body.blocks);
        let unknown: Vec<bool> = regs.iter().map(|r| r.ty.is_none()).collect();
        let faulty = !sound || self.diags.len() > faults || self.late.len() > late || unknown.contains(&true);
        self.gaps.push(FunctionGaps { faulty, unknown });
        let function = &mut self.module.functions[at];
        let name = |(i, r): (usize, &Register<'a>)| if r.hidden { None } else { r.name.kept(Entity::Reg, i) };
        let names: Vec<Option<String>> = regs.iter().enumerate().map(name).collect();
        if names.iter().any(Option::is_some) {
            function.reg_names = names;
        }
        function.regs = regs.into_iter().map(|r| r.ty.unwrap_or(Type::Bool)).collect();
        function.blocks = blocks;
        self.context.clear();
    }
}

impl<'a> Body<'_, 'a> {
    /// Reads it; false if some instruction is missing.
    fn read(&mut self, source: Source<'a>) -> bool {
        let mut sound = true;
        for (name, ty) in source.params {
            let before = self.regs.len();
            let reg = self.named(name.clone());
            if reg.index() < before {
                let message = format!("parameter `{}` is named twice", clip(self.p.text(name.token)));
                let first = self.regs[reg.index()].name.token;
                self.p.fail_beside(name.token, message, first, "it is named first here");
            }
            self.regs[reg.index()].ty = Some(ty);
            self.regs[reg.index()].assigned = true;
        }
        self.p.skip_newlines();
        let first_label = source.labels.first().map(|l| l.token.start);
        while first_label != Some(self.p.tok.start) && self.p.eat_word("local") {
            if self.locals().is_err() {
                self.skip_statement();
            }
            self.p.skip_newlines();
        }
        let starts_with_label = first_label == Some(self.p.tok.start);
        let first = usize::from(!starts_with_label);
        for (at, label) in source.labels.iter().enumerate() {
            if let Some(before) = self.labels.get(&label.key).map(|b| b.index() - first) {
                let message = format!("block `{}` is defined twice", clip(self.p.text(label.token)));
                let before = source.labels[before].token;
                self.p.fail_beside(label.token, message, before, "it is defined first here");
                continue;
            }
            self.labels.insert(label.key.clone(), BlockId::new(first + at));
        }
        if !starts_with_label {
            self.blocks.push(Block::default());
            for name in ["block0", "entry"] {
                self.labels.entry(Key::bare(name)).or_insert(BlockId(0));
            }
        }
        let mut labels = source.labels.into_iter().peekable();
        loop {
            self.p.skip_newlines();
            if self.p.tok.kind == Kind::Eof || self.p.is_full() {
                break;
            }
            if let Some(label) = labels.next_if(|l| l.token.start == self.p.tok.start) {
                self.end_block(Some(&label));
                let name = label.kept(Entity::Block, self.blocks.len());
                self.blocks.push(Block { name, ..Block::default() });
                self.faulty = false;
                self.p.advance();
                self.p.advance();
                continue;
            }
            if self.p.at(b'}') {
                self.end_block(None);
                break;
            }
            self.faulty = false;
            if self.statement().is_err() {
                (self.faulty, sound) = (true, false);
                self.skip_statement();
            }
        }
        self.check_regs();
        sound
    }

    /// Goes to the end of a faulty statement.
    fn skip_statement(&mut self) {
        while !matches!(self.p.tok.kind, Kind::Newline | Kind::Eof | Kind::Punct(b'}')) {
            self.p.advance();
        }
    }

    /// The block before `label`, or before the end, must have ended.
    fn end_block(&mut self, label: Option<&Name<'a>>) {
        let Some(block) = self.blocks.last() else {
            if label.is_none() {
                let tok = self.p.tok;
                self.p.fail(tok, "this function has no instructions", Some("end it with `ret`".to_owned()));
            }
            return;
        };
        let ended = block.insts.last().is_some_and(|i| i.opcode().is_terminator());
        if ended || self.faulty {
            return;
        }
        let tok = self.p.tok;
        let empty = block.insts.is_empty();
        match label {
            Some(label) => {
                let text = clip(self.p.text(label.token));
                let message = if empty {
                    format!("the block before `{text}` is empty")
                } else {
                    format!("the block before `{text}` has no terminator")
                };
                let help = format!("nothing falls through into the next block; write `br {text}`");
                self.p.fail(tok, message, Some(help));
            }
            None => {
                let message =
                    if empty { "the last block is empty" } else { "the last block has no terminator" };
                let help = "a block ends with br, br_if, switch, ret or trap";
                self.p.fail(tok, message, Some(help.to_owned()));
            }
        }
    }

    /// Every register must have been assigned, with a type.
    fn check_regs(&mut self) {
        let because = self.sources();
        for at in 0..self.regs.len() {
            // Looking for the nearest name is dear.
            if self.p.is_full() {
                return;
            }
            let Register { name, ty, assigned, poisoned, def, .. } = &self.regs[at];
            if *poisoned || (*assigned && ty.is_some()) {
                continue;
            }
            let (name, assigned, def) = (name.clone(), *assigned, *def);
            let text = clip(self.p.text(name.token));
            if assigned {
                let message = format!("the type of {text} does not follow from its first assignment");
                let help = format!("write it out: `{text}: f64 = ...`, or `local {text}: f64` before");
                let because = because.get(&Reg::new(at)).cloned().unwrap_or_default();
                let statement = def.unwrap_or((name.token.start, name.token.end));
                self.p.fail_late(name.token, statement, because, message, Some(help));
            } else {
                let known = self.regs.iter().filter(|r| r.assigned && !r.hidden).map(|r| &r.name.key);
                let help = suggestion(&name, known);
                let message = format!("register {text} is never assigned");
                self.p.fail(name.token, message, help);
            }
        }
    }

    /// For each register without a type, those without one that it is made from.
    fn sources(&self) -> FxHashMap<Reg, Vec<Reg>> {
        let mut sources: FxHashMap<Reg, Vec<Reg>> = FxHashMap::default();
        if self.regs.iter().all(|r| r.ty.is_some()) {
            return sources;
        }
        let unknown = |reg: Reg| self.reg_type(reg).is_none();
        for inst in self.blocks.iter().flat_map(|b| &b.insts) {
            let mut from = Vec::new();
            inst.for_each_use(|reg| from.extend(Some(reg).filter(|r| unknown(*r))));
            inst.for_each_def(|reg| {
                if unknown(reg) && !from.is_empty() {
                    sources.entry(reg).or_default().extend(from.iter().filter(|r| **r != reg));
                }
            });
        }
        sources
    }

    /// One instruction.
    fn statement(&mut self) -> Parse<()> {
        if self.p.at_word("local") {
            let message =
                "`local` lines stand at the top of a function, before its first instruction or label";
            let tok = self.p.tok;
            return Err(self.p.fail(tok, message, None));
        }
        let line = self.p.tok.line;
        self.start = self.p.tok.start;
        let mut defs = Vec::new();
        if self.p.tok.kind == Kind::Reg {
            loop {
                let reg = self.reg()?;
                // Even if the rest of the line is faulty, it was assigned here.
                self.regs[reg.index()].assigned = true;
                if self.p.eat(b':') {
                    self.annotate(reg)?;
                }
                defs.push(reg);
                if !self.p.eat(b',') {
                    break;
                }
                if self.p.tok.kind != Kind::Reg {
                    return Err(self.p.expected("a register"));
                }
            }
        }
        let result = self.rest_of_statement(&defs, line);
        let statement = (self.start, self.p.prev_end);
        for reg in defs {
            let reg = &mut self.regs[reg.index()];
            reg.poisoned |= result.is_err() && reg.ty.is_none();
            reg.def = reg.def.or(Some(statement));
        }
        result
    }

    fn rest_of_statement(&mut self, defs: &[Reg], line: u32) -> Parse<()> {
        if !defs.is_empty() {
            self.p.expect(b'=', "")?;
        }
        let mnemonic = self.p.tok;
        if mnemonic.kind != Kind::Ident {
            return Err(self.no_instruction(mnemonic, !defs.is_empty()));
        }
        let ended = self.blocks.last().and_then(|b| b.insts.last()).map(|i| i.opcode());
        if let Some(last) = ended.filter(|op| op.is_terminator()) {
            let message = format!("nothing can follow {} in its block", last.mnemonic());
            let help = Some("start a new block with a label: `name:`".to_owned());
            return Err(self.p.fail(mnemonic, message, help));
        }
        self.p.advance();
        let word = self.p.text(mnemonic);
        let inst = if let Some(opcode) = Opcode::from_mnemonic(word) {
            self.instruction(opcode, mnemonic, defs)?
        } else if let Some(op) = self.p.catalogue.get(word).copied() {
            self.operation(op, mnemonic, defs)?
        } else {
            let message = format!("no instruction or operation is called `{}`", clip(word));
            let help = Parser::suggest_mnemonic(word);
            return Err(self.p.fail(mnemonic, message, help));
        };
        self.push(inst, line);
        self.p.end_of_line()
    }

    fn push(&mut self, inst: Inst, line: u32) {
        if let Some(block) = self.blocks.last_mut() {
            block.insts.push(inst);
            block.lines.push(line);
        }
    }

    /// Notes that `token` is no instruction; after a `=` it may be a value.
    fn no_instruction(&mut self, token: Token, assigned: bool) -> Failed {
        let text = clip(self.p.text(token));
        let help = match token.kind {
            Kind::Str => format!("a string is given by `const.get {text}`"),
            Kind::Number => {
                format!("a number is given by `f64.const {text}`, `i64.const {text}` or the like")
            }
            Kind::Reg => format!("the value of a register is given by `copy {text}`"),
            _ => return self.p.expected("an instruction"),
        };
        let message = format!("expected an instruction, found `{text}`");
        self.p.fail(token, message, Some(help).filter(|_| assigned))
    }

    /// The register that holds the string written next, given to it by an
    /// instruction before the one that is being read.
    pub(super) fn string(&mut self, token: Token) -> Parse<Reg> {
        let constant = self.p.string_at(token)?;
        let next = Reg::new(self.regs.len());
        let reg = *self.strings.entry(constant).or_insert(next);
        if reg == next {
            let name = Name { key: Key::bare(""), bare: true, token };
            let ty = Some(Type::Str);
            self.regs.push(Register { name, ty, assigned: true, poisoned: false, hidden: true, def: None });
        }
        self.push(Inst::ConstGet { dst: reg, constant }, token.line);
        Ok(reg)
    }

    /// `local %a: type, %b: type`
    fn locals(&mut self) -> Parse<()> {
        loop {
            let reg = self.reg()?;
            self.regs[reg.index()].assigned = true;
            self.p.expect(b':', " and the register’s type")?;
            self.annotate(reg)?;
            if !self.p.eat(b',') {
                return self.p.end_of_line();
            }
        }
    }

    /// A type after a register and `:`.
    fn annotate(&mut self, reg: Reg) -> Parse<()> {
        let token = self.p.tok;
        let ty = self.p.ty()?;
        match self.regs[reg.index()].ty.replace(ty) {
            Some(before) if before != ty => {
                self.regs[reg.index()].ty = Some(before);
                let name = clip(self.p.text(self.regs[reg.index()].name.token));
                let before = before.display(&self.p.module.sigs).to_string();
                let message =
                    format!("{name} has type {before} already; a register has one type for its whole life");
                Err(self.p.fail(token, message, None))
            }
            _ => Ok(()),
        }
    }

    /// The register written next, which this may be the first place of.
    pub(super) fn reg(&mut self) -> Parse<Reg> {
        let name = self.p.name(Entity::Reg, Kind::Reg, "a register")?;
        Ok(self.named(name))
    }

    fn named(&mut self, name: Name<'a>) -> Reg {
        if let Some(reg) = self.names.get(&name.key) {
            return *reg;
        }
        let reg = Reg::new(self.regs.len());
        self.names.insert(name.key.clone(), reg);
        let (ty, def) = (None, None);
        self.regs.push(Register { name, ty, assigned: false, poisoned: false, hidden: false, def });
        reg
    }

    pub(super) fn reg_type(&self, reg: Reg) -> Option<Type> {
        self.regs.get(reg.index()).and_then(|r| r.ty)
    }

    /// The statement read so far, in bytes.
    pub(super) fn statement_so_far(&self) -> (usize, usize) {
        (self.start, self.p.prev_end)
    }

    pub(super) fn is_poisoned(&self, reg: Reg) -> bool {
        self.regs.get(reg.index()).is_some_and(|r| r.poisoned)
    }

    /// The register gets this type unless it has one.
    pub(super) fn assign(&mut self, reg: Reg, ty: Option<Type>) {
        if let Some(register) = self.regs.get_mut(reg.index()) {
            register.ty = register.ty.or(ty);
        }
    }

    pub(super) fn assign_all(&mut self, regs: &[Reg], types: &[Type]) {
        for (at, reg) in regs.iter().enumerate() {
            self.assign(*reg, types.get(at).copied());
        }
    }

    pub(super) fn find_block(&mut self, name: &Name<'a>) -> Result<BlockId, Failed> {
        match self.labels.get(&name.key) {
            Some(id) => Ok(*id),
            None => {
                let help = suggestion(name, self.labels.keys());
                Err(self.p.unknown(name, "block", help))
            }
        }
    }
}
