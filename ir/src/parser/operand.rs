//! Operands of one instruction, as written and as meant.

use super::function::Body;
use super::literal::Literal;
use super::{Failed, Parse, Parser, clip};
use crate::catalogue::{OpSignature, Operation, Param};
use crate::entity::{BlockId, Reg};
use crate::infer;
use crate::inst::{Field, Imm, Inst, Opcode, Operand, OperandSpec, Pattern, Role};
use crate::lexer::{Kind, Token};
use crate::module::OpRef;
use crate::names::Entity;
use crate::types::{Elem, Type};

/// A value as written.
#[derive(Clone, Copy)]
pub(super) enum Raw<'a> {
    Reg(Reg, Token),
    Literal(Literal<'a>, Token),
    Str(Token),
}

impl Raw<'_> {
    pub(super) fn token(&self) -> Token {
        match self {
            Raw::Reg(_, token) | Raw::Literal(_, token) | Raw::Str(token) => *token,
        }
    }
}

/// One argument of an operation as written.
enum Arg<'a> {
    One(Raw<'a>),
    List(Token, Vec<Raw<'a>>),
}

/// An operand read but not yet typed.
enum Pre<'a> {
    Ready(Field),
    Value(Raw<'a>),
    Values(Vec<Raw<'a>>),
    Lit(Literal<'a>, Token),
}

impl<'a> Parser<'a> {
    /// A literal, if one is next.
    pub(super) fn literal(&mut self) -> Parse<Option<(Token, Literal<'a>)>> {
        let token = self.tok;
        let literal = match token.kind {
            Kind::Number => Literal::from_word(self.text(token)).unwrap_or(Literal::Number(self.text(token))),
            Kind::Ident => match Literal::from_word(self.text(token)) {
                Some(literal) => literal,
                None => return Ok(None),
            },
            _ => return Ok(None),
        };
        self.advance();
        if let Literal::Nan { ty, .. } = literal
            && self.eat(b':')
        {
            let bits = self.text(self.tok);
            let parsed = bits.strip_prefix("0x").and_then(|d| u64::from_str_radix(d, 16).ok());
            if self.tok.kind != Kind::Number || parsed.is_none() {
                return Err(self.expected("the bits of the NaN, such as 0x7ff8000000000001"));
            }
            self.advance();
            return Ok(Some((token, Literal::Nan { bits: parsed, ty })));
        }
        Ok(Some((token, literal)))
    }

    /// The value of a literal where `wanted` is wanted.
    pub(super) fn literal_value(
        &mut self,
        token: Token,
        literal: Literal<'a>,
        wanted: Option<Type>,
    ) -> Parse<Imm> {
        literal.value(wanted).map_err(|(message, help)| self.fail(token, message, help))
    }
}

impl<'a> Body<'_, 'a> {
    /// A register, a literal or a string.
    fn value(&mut self) -> Parse<Raw<'a>> {
        let token = self.p.tok;
        match token.kind {
            Kind::Reg => return Ok(Raw::Reg(self.reg()?, token)),
            Kind::Str => {
                self.p.advance();
                return Ok(Raw::Str(token));
            }
            _ => {}
        }
        match self.p.literal()? {
            Some((token, literal)) => Ok(Raw::Literal(literal, token)),
            None => Err(self.p.expected("a register or a literal")),
        }
    }

    /// Values with commas between, up to the end of the line.
    fn values(&mut self) -> Parse<Vec<Raw<'a>>> {
        let mut out = Vec::new();
        if self.at_end() {
            return Ok(out);
        }
        loop {
            out.push(self.value()?);
            if !self.p.eat(b',') {
                return Ok(out);
            }
        }
    }

    fn at_end(&self) -> bool {
        matches!(self.p.tok.kind, Kind::Newline | Kind::Eof | Kind::Punct(b'}'))
    }

    /// Items in brackets; line ends may stand between.
    fn bracketed<T>(
        &mut self,
        open: u8,
        close: u8,
        mut item: impl FnMut(&mut Self) -> Parse<T>,
    ) -> Parse<Vec<T>> {
        self.p.expect(open, "")?;
        let mut items = Vec::new();
        self.p.skip_newlines();
        while !self.p.eat(close) {
            items.push(item(self)?);
            self.p.skip_newlines();
            if !self.p.eat(b',') && !self.p.at(close) {
                return Err(self.p.expected(&format!("`,` or `{}`", char::from(close))));
            }
            self.p.skip_newlines();
        }
        Ok(items)
    }

    fn block(&mut self) -> Parse<BlockId> {
        let name = self.p.name(Entity::Block, Kind::Ident, "a block’s name")?;
        self.find_block(&name)
    }

    fn raw_type(&self, raw: &Raw<'a>) -> Option<Type> {
        match raw {
            Raw::Reg(reg, _) => self.reg_type(*reg),
            Raw::Literal(..) => None,
            Raw::Str(_) => Some(Type::Str),
        }
    }

    fn operand(&mut self, raw: Raw<'a>, wanted: Option<Type>) -> Parse<Operand> {
        match raw {
            Raw::Reg(reg, _) => Ok(Operand::Reg(reg)),
            Raw::Literal(literal, token) => self.p.literal_value(token, literal, wanted).map(Operand::Imm),
            Raw::Str(token) => self.string(token).map(Operand::Reg),
        }
    }

    fn operand_type(&self, operand: Operand) -> Option<Type> {
        match operand {
            Operand::Reg(reg) => self.reg_type(reg),
            Operand::Imm(imm) => Some(imm.ty()),
        }
    }

    /// The rest of an instruction of the table.
    pub(super) fn instruction(&mut self, opcode: Opcode, mnemonic: Token, defs: &[Reg]) -> Parse<Inst> {
        let specs = opcode.operands();
        self.check_defs(specs, opcode.mnemonic(), mnemonic, defs)?;
        let mut pres: Vec<Pre<'a>> = Vec::with_capacity(specs.len());
        let mut slots: Vec<Option<Type>> = Vec::with_capacity(specs.len());
        let mut first = true;
        for spec in specs {
            if !matches!(spec.role, Role::Def | Role::Defs) {
                let separate = !first && spec.pattern != Pattern::Args;
                if separate && !self.p.eat(b',') {
                    return Err(self.wrong_count(opcode, "`,`"));
                }
                let optional = matches!(spec.role, Role::Keeps | Role::Uses);
                if !optional && self.at_end() {
                    return Err(self.wrong_count(opcode, spec.name));
                }
                first = false;
            }
            let (pre, slot) = self.pre(*spec, defs)?;
            pres.push(pre);
            slots.push(slot);
        }
        if !self.at_end() {
            return Err(self.wrong_count(opcode, "the end of the line"));
        }
        // Literals take their types from what the registers say.
        let wanted: Vec<Option<Type>> = (0..specs.len()).map(|at| infer::deduce(specs, &slots, at)).collect();
        let mut fields = Vec::with_capacity(specs.len());
        for (at, pre) in pres.into_iter().enumerate() {
            fields.push(match pre {
                Pre::Ready(field) => field,
                Pre::Value(raw) => {
                    let operand = self.operand(raw, wanted[at])?;
                    slots[at] = self.operand_type(operand);
                    Field::Use(operand)
                }
                Pre::Lit(literal, token) => Field::Lit(self.p.literal_value(token, literal, wanted[at])?),
                Pre::Values(raws) => {
                    let wanted = self.listed_types(specs[at].pattern, specs, &slots);
                    let mut out = Vec::with_capacity(raws.len());
                    for (i, raw) in raws.into_iter().enumerate() {
                        out.push(self.operand(raw, wanted.get(i).copied())?);
                    }
                    Field::Uses(out.into())
                }
            });
        }
        for (at, spec) in specs.iter().enumerate() {
            match spec.role {
                Role::Def => self.assign(defs[0], infer::deduce(specs, &slots, at)),
                Role::Defs => {
                    let results = infer::callee(specs, &slots)
                        .and_then(|sig| self.p.module.sigs.get(sig.index()))
                        .map_or(Vec::new(), |sig| sig.results.clone());
                    self.assign_all(defs, &results);
                }
                _ => {}
            }
        }
        // The fields were made by the same table, so this always succeeds.
        Inst::from_fields(opcode, fields).ok_or_else(|| self.p.fail(mnemonic, "malformed instruction", None))
    }

    /// Types of the values in a list.
    fn listed_types(&self, pattern: Pattern, specs: &[OperandSpec], slots: &[Option<Type>]) -> Vec<Type> {
        let sigs = &self.p.module.sigs;
        if pattern == Pattern::Results {
            return sigs.get(self.sig.index()).map_or(Vec::new(), |s| s.results.clone());
        }
        infer::callee(specs, slots).and_then(|s| sigs.get(s.index())).map_or(Vec::new(), |s| s.params.clone())
    }

    /// One operand, and what is known of its type.
    fn pre(&mut self, spec: OperandSpec, defs: &[Reg]) -> Parse<(Pre<'a>, Option<Type>)> {
        let ready = |field| Ok((Pre::Ready(field), None));
        match spec.role {
            Role::Def => Ok((Pre::Ready(Field::Def(defs[0])), self.reg_type(defs[0]))),
            Role::Defs => ready(Field::Defs(defs.into())),
            Role::Use => {
                let raw = self.value()?;
                let ty = self.raw_type(&raw);
                Ok((Pre::Value(raw), ty))
            }
            Role::Uses if spec.pattern == Pattern::Args => {
                Ok((Pre::Values(self.bracketed(b'(', b')', Self::value)?), None))
            }
            Role::Uses => Ok((Pre::Values(self.values()?), None)),
            Role::Lit => match self.p.literal()? {
                Some((token, literal)) => Ok((Pre::Lit(literal, token), None)),
                None => Err(self.p.expected("a literal")),
            },
            Role::Keeps => {
                let mut kept = Vec::new();
                if !self.at_end() && !self.p.eat_word("keep") {
                    return Err(self.p.expected("`keep` or the end of the line"));
                } else if !self.at_end() {
                    for raw in self.values()? {
                        match raw {
                            Raw::Reg(reg, _) => kept.push(reg),
                            _ => return Err(self.p.raw_wanted(&raw, "a register")),
                        }
                    }
                }
                ready(Field::Keeps(kept.into()))
            }
            Role::Block => ready(Field::Block(self.block()?)),
            Role::Blocks => ready(Field::Blocks(self.bracketed(b'[', b']', Self::block)?.into())),
            Role::Func => {
                let name = self.p.name(Entity::Func, Kind::At, "a function’s name")?;
                let id = self.p.find_func(&name)?;
                let ty = self.p.module.func_sig_id(id).map(Type::Func);
                Ok((Pre::Ready(Field::Func(id)), ty))
            }
            Role::Global => {
                let name = self.p.name(Entity::Global, Kind::At, "a global’s name")?;
                let id = self.p.find_global(&name)?;
                let ty = self.p.module.globals.get(id.index()).map(|g| g.ty);
                Ok((Pre::Ready(Field::Global(id)), ty))
            }
            Role::Const if self.p.tok.kind == Kind::Str => {
                let id = self.p.string_constant()?;
                Ok((Pre::Ready(Field::Const(id)), Some(Type::Str)))
            }
            Role::Const => {
                let name = self.p.name(Entity::Const, Kind::At, "a constant’s name")?;
                let id = self.p.find_const(&name)?;
                let ty = self.p.module.constants.get(id.index()).map(|c| c.value.ty());
                Ok((Pre::Ready(Field::Const(id)), ty))
            }
            Role::Op => {
                let op = self.p.op_ref()?;
                ready(Field::Op(self.p.intern_op(op)))
            }
        }
    }

    /// The number of registers before `=` must be what the table says.
    fn check_defs(&mut self, specs: &[OperandSpec], what: &str, mnemonic: Token, defs: &[Reg]) -> Parse<()> {
        if specs.iter().any(|s| s.role == Role::Defs) {
            return Ok(());
        }
        let wants = specs.iter().filter(|s| s.role == Role::Def).count();
        if wants == defs.len() {
            return Ok(());
        }
        let (message, help) = if wants == 0 {
            (format!("{what} gives no result"), None)
        } else if defs.is_empty() {
            (
                format!("{what} gives a result, which no register takes"),
                Some(format!("write `%name = {what} ...`")),
            )
        } else {
            (format!("{what} gives one result, {} registers are to take it", defs.len()), None)
        };
        Err(self.p.fail(mnemonic, message, help))
    }

    fn wrong_count(&mut self, opcode: Opcode, what: &str) -> Failed {
        if matches!(self.p.tok.kind, Kind::Bad | Kind::Unterminated) {
            return self.p.expected(what);
        }
        let message = format!("expected {what}, found {}", self.p.found());
        let tok = self.p.tok;
        self.p.fail(tok, message, Some(format!("the form is `{}`", usage(opcode))))
    }

    /// An operation of the catalogue, by its name.
    pub(super) fn operation(&mut self, op: &'static Operation, name: Token, defs: &[Reg]) -> Parse<Inst> {
        let typed = self.p.typed(op);
        let given = if self.p.at(b'<') { Some(self.p.list(b'<', b'>', Parser::elem)?) } else { None };
        let mut args = Vec::new();
        while !self.at_end() {
            if !args.is_empty() && !self.p.eat(b',') {
                return Err(self.p.expected("`,` or the end of the line"));
            }
            let token = self.p.tok;
            if self.p.at(b'[') {
                args.push(Arg::List(token, self.bracketed(b'[', b']', Self::value)?));
            } else {
                args.push(Arg::One(self.value()?));
            }
        }
        let flat = self.flatten(op, &typed, name, args)?;
        let list_len = typed.list_len(flat.len()).unwrap_or(0);
        let params = typed.flat_params(list_len);
        let elems = self.elements(op, &typed, name, &params, &flat, given)?;
        let known: Vec<Option<Elem>> = elems.iter().copied().map(Some).collect();
        let mut operands = Vec::with_capacity(flat.len());
        for (raw, param) in flat.into_iter().zip(&params) {
            operands.push(self.operand(raw, infer::literal_type(param, &known))?);
        }
        let results: Vec<Option<Type>> = typed.results.iter().map(|r| r.result_type(&elems)).collect();
        if results.len() == defs.len() {
            for (reg, ty) in defs.iter().zip(results) {
                self.assign(*reg, ty);
            }
        } else {
            let message = format!(
                "{} gives {}, {} given",
                op.name,
                count(results.len(), "result"),
                count(defs.len(), "register")
            );
            return Err(self.p.fail(name, message, Some(signature_of(op))));
        }
        let callee = self.p.intern_op(OpRef { name: op.name.to_owned(), elems: elems.into() });
        Ok(Inst::CallOp { results: defs.into(), callee, args: operands.into() })
    }

    /// Arguments in one list, the bracketed ones checked against the signature.
    fn flatten(
        &mut self,
        op: &'static Operation,
        typed: &OpSignature,
        name: Token,
        args: Vec<Arg<'a>>,
    ) -> Parse<Vec<Raw<'a>>> {
        if args.len() != typed.params.len() {
            let message =
                format!("{} takes {}, {} given", op.name, count(typed.params.len(), "argument"), args.len());
            return Err(self.p.fail(name, message, Some(signature_of(op))));
        }
        let mut flat = Vec::new();
        let mut len = None;
        for (arg, param) in args.into_iter().zip(&typed.params) {
            match (arg, param.is_bracketed()) {
                (Arg::List(token, values), true) => {
                    if *len.get_or_insert(values.len()) != values.len() {
                        let message = format!("all lists of {} must have the same length", op.name);
                        return Err(self.p.fail(token, message, Some(signature_of(op))));
                    }
                    flat.extend(values);
                }
                (Arg::One(raw), false) => flat.push(raw),
                (Arg::List(token, _), false) => {
                    let message = format!("{} takes a value here, not a list", op.name);
                    return Err(self.p.fail(token, message, Some(signature_of(op))));
                }
                (Arg::One(raw), true) => {
                    let message = format!("{} takes a list in brackets here", op.name);
                    let help = format!("write `[{}]`", clip(self.p.text(raw.token())));
                    return Err(self.p.fail(raw.token(), message, Some(help)));
                }
            }
        }
        Ok(flat)
    }

    /// The type variables: from registers, then those given, then literals.
    fn elements(
        &mut self,
        op: &'static Operation,
        typed: &OpSignature,
        name: Token,
        params: &[&Param],
        flat: &[Raw<'a>],
        given: Option<Vec<Elem>>,
    ) -> Parse<Vec<Elem>> {
        let types: Vec<Option<Type>> = flat.iter().map(|r| self.raw_type(r)).collect();
        let mut elems = infer::elements(typed, params, &types, &self.p.module.sigs);
        if let Some(given) = given {
            let missing = elems.iter().filter(|e| e.is_none()).count();
            if given.len() == elems.len() {
                return Ok(given);
            }
            if given.len() != missing {
                let message = format!(
                    "{} has {}, {} given in `<>`",
                    op.name,
                    count(elems.len(), "type variable"),
                    given.len()
                );
                return Err(self.p.fail(name, message, Some(signature_of(op))));
            }
            let mut given = given.into_iter();
            for slot in elems.iter_mut().filter(|e| e.is_none()) {
                *slot = given.next();
            }
        }
        // A literal decides only where nothing else does: one with a suffix first.
        for suffixed in [true, false] {
            for (raw, param) in flat.iter().zip(params) {
                if let Raw::Literal(literal, _) = raw
                    && literal.own_type().is_some() == suffixed
                    && let Param::Scalar(v) | Param::TensorOrScalar(v) = param
                {
                    Param::Scalar(*v).infer(literal.default_type(), &mut elems, &self.p.module.sigs);
                }
            }
        }
        let mut out = Vec::with_capacity(elems.len());
        for (elem, (var, _)) in elems.iter().zip(&typed.vars) {
            match elem {
                Some(elem) => out.push(*elem),
                None if self.poisoned(flat) => return Err(Failed),
                None => {
                    if let Some(failed) = self.misfit(op, typed, params, flat) {
                        return Err(failed);
                    }
                    let message = format!("the element type {var} of {} is not known here", op.name);
                    let help = format!("write it out, as in `{}<f64> ...`; {}", op.name, signature_of(op));
                    let unknown = |raw: &Raw<'a>| match raw {
                        Raw::Reg(reg, _) if self.reg_type(*reg).is_none() => Some(*reg),
                        _ => None,
                    };
                    let because: Vec<Reg> = flat.iter().filter_map(unknown).collect();
                    let statement = self.statement_so_far();
                    self.p.fail_late(name, statement, because, message, Some(help));
                    return Err(Failed);
                }
            }
        }
        Ok(out)
    }

    /// Notes the first argument that fits whatever the type variables are.
    fn misfit(
        &mut self,
        op: &'static Operation,
        typed: &OpSignature,
        params: &[&Param],
        flat: &[Raw<'a>],
    ) -> Option<Failed> {
        let sigs = &self.p.module.sigs;
        let (at, found) = params.iter().zip(flat).enumerate().find_map(|(at, (param, raw))| {
            let text = clip(self.p.text(raw.token()));
            match (raw, self.raw_type(raw)) {
                (_, Some(ty)) if param.may_accept(ty, sigs) => None,
                (Raw::Str(_), _) => Some((at, format!("the string {text}"))),
                (_, Some(ty)) => {
                    Some((at, format!("{text}, which is {}", clip(&ty.display(sigs).to_string()))))
                }
                (Raw::Literal(..), None) if !param.may_be_scalar() => {
                    Some((at, format!("the literal {text}")))
                }
                _ => None,
            }
        })?;
        let want = params[at].display(&typed.vars);
        let message = format!("argument {} of `{}`: expected {want}, found {found}", at + 1, op.name);
        Some(self.p.fail(flat[at].token(), message, Some(signature_of(op))))
    }

    /// Whether an argument’s type is unknown because of an earlier fault.
    fn poisoned(&self, args: &[Raw<'a>]) -> bool {
        args.iter().any(|raw| matches!(raw, Raw::Reg(reg, _) if self.is_poisoned(*reg)))
    }
}

fn count(n: usize, what: &str) -> String {
    if n == 1 { format!("1 {what}") } else { format!("{n} {what}s") }
}

fn signature_of(op: &Operation) -> String {
    format!("its signature is {}{}", op.name, op.signature)
}

/// The form of an instruction, made from its row in the table.
fn usage(opcode: Opcode) -> String {
    let mut out = String::new();
    let mut tail = String::new();
    for spec in opcode.operands() {
        match (spec.role, spec.pattern) {
            (Role::Def, _) => out = format!("%{} = ", spec.name),
            (Role::Defs, _) => out = format!("%{}, ... = ", spec.name),
            (Role::Uses, Pattern::Args) => tail.push_str("(arguments)"),
            (role, _) => {
                tail.push_str(if tail.is_empty() { " " } else { ", " });
                match role {
                    Role::Use => tail.push_str(&format!("%{}", spec.name)),
                    Role::Uses => tail.push_str(&format!("%{}, ...", spec.name)),
                    Role::Func | Role::Global | Role::Const => tail.push_str(&format!("@{}", spec.name)),
                    Role::Blocks => tail.push_str(&format!("[{}, ...]", spec.name)),
                    Role::Keeps => tail.push_str("keep %a, ..."),
                    _ => tail.push_str(spec.name),
                }
            }
        }
    }
    format!("{out}{}{tail}", opcode.mnemonic())
}
