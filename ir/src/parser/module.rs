//! Everything of a module but the bodies of its functions.

use super::literal::{hex_bytes, unsigned_integer};
use super::operand::Raw;
use super::{Entry, Failed, Name, Parse, Parser, clip};
use crate::entity::{ConstId, FuncId, GlobalId};
use crate::inst::Imm;
use crate::lexer::{Kind, Lexer, Token};
use crate::module::{ConstValue, Constant, Function, Global, GlobalInit, Import, OpRef, tensor_bytes};
use crate::names::{Entity, Key};
use crate::suggest::nearest;
use crate::types::{Elem, Signature, Type};
use crate::verify::MAX_RANK;

/// Where a function's body stands, and what its header says.
pub(super) struct Body<'a> {
    pub(super) name: Name<'a>,
    pub(super) params: Vec<(Name<'a>, Type)>,
    /// The opening brace.
    pub(super) open: Token,
    pub(super) labels: Vec<Name<'a>>,
}

/// A global whose first value is a name, until all names are known.
struct Pending<'a> {
    global: usize,
    name: Name<'a>,
}

/// Words that start an item of a module.
const ITEMS: [&str; 7] = ["import", "export", "const", "global", "func", "sig", "use"];

impl<'a> Parser<'a> {
    /// Reads the whole text.
    pub(super) fn read_module(&mut self) {
        if u32::try_from(self.src.len()).is_err() {
            let _ = self.fail_span(0, 0, 1, "the text is larger than 4 GiB", None);
            return;
        }
        let mut bodies = Vec::new();
        let mut pending = Vec::new();
        loop {
            self.skip_newlines();
            if self.tok.kind == Kind::Eof || self.is_full() {
                break;
            }
            if self.item(&mut bodies, &mut pending).is_err() {
                self.skip_to_item();
            }
        }
        let first = self.module.imports.len();
        // Ids of own functions were given before all imports were known.
        for (at, body) in bodies.iter().enumerate() {
            // Of two with one name, the first has it.
            if let Some(entry) = self.funcs.get_mut(&body.name.key)
                && entry.token == body.name.token
            {
                entry.id = FuncId::new(first + at);
            }
        }
        for Pending { global, name } in pending {
            let _ = self.resolve_global(global, &name);
        }
        for (at, body) in bodies.into_iter().enumerate() {
            if self.is_full() {
                break;
            }
            self.read_body(at, body);
        }
    }

    /// Goes to the next line that starts an item.
    fn skip_to_item(&mut self) {
        while self.tok.kind != Kind::Eof && !self.starts_item() {
            self.skip_line();
            self.skip_newlines();
        }
    }

    /// Whether an item starts here. The word alone does not tell: it may be a
    /// label, or a type in a list that goes over lines.
    fn starts_item(&self) -> bool {
        if self.tok.kind != Kind::Ident || !ITEMS.contains(&self.text(self.tok)) {
            return false;
        }
        let next = Lexer::after(self.src, self.tok).next().kind;
        matches!(next, Kind::Ident | Kind::At) || (next == Kind::Punct(b'(') && self.at_word("sig"))
    }

    fn item(&mut self, bodies: &mut Vec<Body<'a>>, pending: &mut Vec<Pending<'a>>) -> Parse<()> {
        let token = self.tok;
        if token.kind != Kind::Ident {
            return Err(self.expected("an item: `func`, `import`, `const` or `global`"));
        }
        match self.text(token) {
            "import" => self.import(),
            "const" => self.constant(),
            "sig" => {
                self.advance();
                self.signature()?;
                self.end_of_line()
            }
            "use" => {
                self.advance();
                let op = self.op_ref()?;
                self.intern_op(op);
                self.end_of_line()
            }
            "export" => {
                self.advance();
                if self.at_word("global") {
                    self.global(true, pending)
                } else if self.at_word("func") {
                    self.func(true, bodies)
                } else {
                    Err(self.expected("`func` or `global`"))
                }
            }
            "global" => self.global(false, pending),
            "func" => self.func(false, bodies),
            word => {
                let help = match nearest(word, ITEMS) {
                    Some(n) => Some(format!("did you mean `{n}`?")),
                    None => Some("instructions stand between the braces of a `func`".to_owned()),
                };
                let message =
                    format!("expected `func`, `import`, `const` or `global`, found `{}`", clip(word));
                Err(self.fail(token, message, help))
            }
        }
    }

    /// Notes that `name` is used twice, `first` before.
    fn repeated(&mut self, name: &Name<'a>, first: Token, what: &str) -> Failed {
        let message = format!("{what} `{}` is defined twice", clip(self.text(name.token)));
        self.fail_beside(name.token, message, first, "it is defined first here")
    }

    /// `import func @name(types) -> results`
    fn import(&mut self) -> Parse<()> {
        self.advance();
        if !self.eat_word("func") {
            return Err(self.expected("`func`: only functions are imported"));
        }
        let name = self.name(Entity::Func, Kind::At, "a function name such as `@console.print`")?;
        let id = FuncId::new(self.module.imports.len());
        if let Some(first) = self.funcs.get(&name.key).map(|f| f.token) {
            return Err(self.repeated(&name, first, "function"));
        }
        let mut entry = Entry { id, token: name.token, faulty: true };
        self.funcs.insert(name.key.clone(), entry);
        let sig = self.signature()?;
        self.module.imports.push(Import { name: name.key.text.clone().into_owned(), sig });
        entry.faulty = false;
        self.funcs.insert(name.key, entry);
        self.end_of_line()
    }

    /// `const @name: type = value`
    fn constant(&mut self) -> Parse<()> {
        self.advance();
        let name = self.name(Entity::Const, Kind::At, "a constant’s name such as `@table`")?;
        // The name counts even when the value is faulty, for the sake of its uses.
        let id = ConstId::new(self.module.constants.len());
        let kept = name.kept(Entity::Const, id.index());
        self.module.constants.push(Constant { name: kept, value: ConstValue::Str(String::new()) });
        if let Some(first) = self.consts.get(&name.key).map(|c| c.token) {
            return Err(self.repeated(&name, first, "constant"));
        }
        let mut entry = Entry { id, token: name.token, faulty: true };
        self.consts.insert(name.key.clone(), entry);
        self.expect(b':', " and the constant’s type")?;
        let token = self.tok;
        let ty = self.ty()?;
        let placeholder = match ty {
            Type::Str => ConstValue::Str(String::new()),
            Type::Tensor(elem) => ConstValue::Zeros { elem, dims: Vec::new() },
            _ => {
                let help = Some("a scalar constant is `global const @name: f64 = 1.5`".to_owned());
                return Err(self.fail(token, "a constant is a str or a tensor", help));
            }
        };
        // From here on its type is known.
        self.module.constants[id.index()].value = placeholder;
        entry.faulty = false;
        self.consts.insert(name.key, entry);
        let value = match ty {
            Type::Tensor(elem) => self.tensor_value(elem)?,
            _ => {
                self.expect(b'=', "")?;
                self.string_value().map(ConstValue::Str)?
            }
        };
        self.module.constants[id.index()].value = value;
        self.end_of_line()
    }

    /// The constant that the string written next stands for.
    pub(super) fn string_constant(&mut self) -> Parse<ConstId> {
        let token = self.advance();
        self.string_at(token)
    }

    /// The same, for a string that was read already.
    pub(super) fn string_at(&mut self, token: Token) -> Parse<ConstId> {
        let text = self.string_text(token)?;
        if let Some(id) = self.strings.get(&text) {
            return Ok(*id);
        }
        let id = self.nameless(ConstValue::Str(text.clone()));
        self.strings.insert(text, id);
        Ok(id)
    }

    fn nameless(&mut self, value: ConstValue) -> ConstId {
        self.module.constants.push(Constant { name: None, value });
        ConstId::new(self.module.constants.len() - 1)
    }

    fn string_value(&mut self) -> Parse<String> {
        if self.tok.kind != Kind::Str {
            return Err(self.expected("a string in quotes"));
        }
        let token = self.advance();
        self.string_text(token)
    }

    fn string_text(&mut self, token: Token) -> Parse<String> {
        match self.string(token)? {
            (text, None) => Ok(text),
            (_, Some(_)) => Err(self.fail(token, "a number follows the string", None)),
        }
    }

    /// `[dims] = {elements}`, `[dims] = hex"bytes"` or `[dims] = zero`
    fn tensor_value(&mut self, elem: Elem) -> Parse<ConstValue> {
        let shape = self.tok;
        if !self.at(b'[') {
            return Err(self.expected("the tensor’s dims in brackets, as in `tensor<f64> [2, 3]`"));
        }
        let dims = self.list(b'[', b']', |p| {
            let token = p.tok;
            match (token.kind, unsigned_integer(p.text(token))) {
                (Kind::Number, Some(n)) => {
                    p.advance();
                    Ok(n)
                }
                _ => Err(p.expected("a length")),
            }
        })?;
        let shape_end = self.prev_end;
        if dims.len() > MAX_RANK {
            let message = format!("{} dimensions; at most {MAX_RANK} are allowed", dims.len());
            return Err(self.fail_span(shape.start, shape_end, shape.line, message, None));
        }
        let bytes = tensor_bytes(elem, &dims);
        self.expect(b'=', " and the elements")?;
        if bytes.is_some() && self.eat_word("zero") {
            return Ok(ConstValue::Zeros { elem, dims });
        }
        let mut data = Vec::new();
        match self.tok.kind {
            Kind::Hex => {
                let token = self.advance();
                data = hex_bytes(self.text(token)).map_err(|(start, end, message)| {
                    self.fail_span(token.start + start, token.start + end, token.line, message, None)
                })?;
                if elem == Elem::Bool
                    && let Some(b) = data.iter().find(|b| **b > 1)
                {
                    return Err(self.fail(token, format!("byte {b:02x} is not a bool: 00 or 01"), None));
                }
            }
            Kind::Punct(b'{') => {
                self.list(b'{', b'}', |p| p.element(elem, &mut data))?;
            }
            _ if bytes.is_none() => {}
            _ => return Err(self.expected("elements in braces, `hex\"..\"`, or `zero`")),
        }
        let size = elem.size() as u64;
        if bytes != Some(data.len() as u64) {
            let have = data.len() as u64 / size;
            let message = match bytes {
                Some(bytes) => format!("these dims need {} elements, found {have}", bytes / size),
                None if dims.contains(&0) => format!("a length is at most {}", i64::MAX),
                None => "these dims are larger than memory".to_owned(),
            };
            return Err(self.fail_span(shape.start, shape_end, shape.line, message, None));
        }
        Ok(ConstValue::Tensor { elem, dims, data })
    }

    /// One element of a tensor constant, appended to `data`.
    fn element(&mut self, elem: Elem, data: &mut Vec<u8>) -> Parse<()> {
        let Some(part) = elem.part() else {
            let token = self.tok;
            let ty = elem.scalar();
            let imm = self.scalar(ty)?;
            match imm {
                Imm::I32(v) if elem == Elem::U8 => match u8::try_from(v) {
                    Ok(b) => data.push(b),
                    Err(_) => {
                        return Err(self.fail(token, format!("{v} is out of range for u8"), None));
                    }
                },
                imm if Some(imm.ty()) != ty => {
                    let message =
                        format!("expected an element of type {elem}, found {}", imm.ty().display(&[]));
                    return Err(self.fail(token, message, None));
                }
                imm => push_imm(data, imm),
            }
            return Ok(());
        };
        self.expect(b'(', ": complex elements are `(re, im)`")?;
        for after in [b',', b')'] {
            let token = self.tok;
            let imm = self.scalar(Some(part))?;
            if imm.ty() != part {
                return Err(self.fail(token, format!("expected a part of type {}", part.display(&[])), None));
            }
            push_imm(data, imm);
            self.expect(after, "")?;
        }
        Ok(())
    }

    /// A literal of type `wanted`.
    fn scalar(&mut self, wanted: Option<Type>) -> Parse<Imm> {
        match self.literal()? {
            Some((token, literal)) => self.literal_value(token, literal, wanted),
            None => Err(self.expected("a literal")),
        }
    }

    /// `global [const] @name: type = value`
    fn global(&mut self, export: bool, pending: &mut Vec<Pending<'a>>) -> Parse<()> {
        self.advance();
        let mutable = !self.eat_word("const");
        let name = self.name(Entity::Global, Kind::At, "a global’s name such as `@counter`")?;
        let id = GlobalId::new(self.module.globals.len());
        let mut kept = name.kept(Entity::Global, id.index());
        if export {
            kept = Some(name.key.text.clone().into_owned());
        }
        let init = GlobalInit::Imm(Imm::Bool(false));
        self.module.globals.push(Global { name: kept, export, mutable, ty: Type::Bool, init });
        self.open_globals.insert(id.index());
        if let Some(first) = self.globals.get(&name.key).map(|g| g.token) {
            return Err(self.repeated(&name, first, "global"));
        }
        let mut entry = Entry { id, token: name.token, faulty: true };
        self.globals.insert(name.key.clone(), entry);
        self.expect(b':', " and the global’s type")?;
        let ty = self.ty()?;
        self.module.globals[id.index()].ty = ty;
        entry.faulty = false;
        self.globals.insert(name.key, entry);
        if let (Type::Tensor(elem), true) = (ty, self.at(b'[')) {
            let value = self.tensor_value(elem)?;
            self.module.globals[id.index()].init = GlobalInit::Const(self.nameless(value));
            self.open_globals.remove(&id.index());
            return self.end_of_line();
        }
        self.expect(b'=', " and the global’s first value")?;
        if self.tok.kind == Kind::At {
            let entity = if matches!(ty, Type::Func(_)) { Entity::Func } else { Entity::Const };
            let name = self.name(entity, Kind::At, "a name")?;
            pending.push(Pending { global: id.index(), name });
            return self.end_of_line();
        } else if ty == Type::Str && self.tok.kind == Kind::Str {
            self.module.globals[id.index()].init = GlobalInit::Const(self.string_constant()?);
        } else if let Some((token, literal)) = self.literal()? {
            let imm = self.literal_value(token, literal, Some(ty))?;
            self.module.globals[id.index()].init = GlobalInit::Imm(imm);
        } else {
            let what = match ty {
                Type::Str => "a string in quotes, or the name of a constant",
                Type::Tensor(_) => "the name of a constant, or dims in brackets, as in `[2, 3] = zero`",
                Type::Func(_) => "the name of a function",
                _ => "a literal",
            };
            return Err(self.expected(what));
        }
        self.open_globals.remove(&id.index());
        self.end_of_line()
    }

    fn resolve_global(&mut self, global: usize, name: &Name<'a>) -> Parse<()> {
        let ty = self.module.globals[global].ty;
        self.module.globals[global].init = if matches!(ty, Type::Func(_)) {
            GlobalInit::Func(self.find_func(name)?)
        } else {
            GlobalInit::Const(self.find_const(name)?)
        };
        self.open_globals.remove(&global);
        Ok(())
    }

    /// `func @name(%a: type, ...) -> results {`, then past the body.
    fn func(&mut self, export: bool, bodies: &mut Vec<Body<'a>>) -> Parse<()> {
        let start = self.advance();
        let name = self.name(Entity::Func, Kind::At, "a function name such as `@main`")?;
        let sig_token = self.tok;
        let params = self.list(b'(', b')', |p| {
            let name = p.name(Entity::Reg, Kind::Reg, "a parameter such as `%x: f64`")?;
            p.expect(b':', " and the parameter’s type")?;
            Ok((name, p.ty()?))
        });
        let header = params.and_then(|params| {
            let results = self.results()?;
            let types: Vec<Type> = params.iter().map(|p| p.1).collect();
            let sig = self.intern_sig(Signature { params: types, results }, sig_token)?;
            if !self.at(b'{') {
                return Err(self.expected("`{` or `-> results {`"));
            }
            Ok((params, sig))
        });
        let id = FuncId::new(bodies.len());
        match self.funcs.get(&name.key).map(|f| f.token) {
            Some(first) => drop(self.repeated(&name, first, "function")),
            None => {
                let entry = Entry { id, token: name.token, faulty: header.is_err() };
                self.funcs.insert(name.key.clone(), entry);
            }
        }
        let Ok((params, sig)) = header else {
            // Go past the body, if one follows; its faults would be noise.
            while !matches!(self.tok.kind, Kind::Newline | Kind::Eof | Kind::Punct(b'{')) {
                self.advance();
            }
            if self.at(b'{') {
                let _ = self.skip_body(start);
            }
            return Ok(());
        };
        let open = self.tok;
        let labels = self.skip_body(start).inspect_err(|_| {
            // No body will give it its number.
            if let Some(entry) = self.funcs.get_mut(&name.key) {
                entry.faulty = true;
            }
        })?;
        self.module.functions.push(Function {
            name: None,
            export,
            sig,
            regs: Vec::new(),
            reg_names: Vec::new(),
            blocks: Vec::new(),
        });
        bodies.push(Body { name, params, open, labels });
        self.end_of_line()
    }

    /// Goes from `{` past `}` and notes the labels.
    fn skip_body(&mut self, start: Token) -> Parse<Vec<Name<'a>>> {
        self.advance();
        let mut labels = Vec::new();
        let mut line_start = true;
        loop {
            let token = self.tok;
            match token.kind {
                Kind::Punct(b'}') => {
                    self.advance();
                    return Ok(labels);
                }
                Kind::Ident | Kind::Str if line_start => {
                    if self.starts_item() {
                        return Err(self.fail(start, "the closing `}` of this function is missing", None));
                    }
                    self.advance();
                    // `nan:0x7ff8000000000001` may start a line within a list.
                    let label = self.at(b':') && Lexer::after(self.src, self.tok).next().kind != Kind::Number;
                    if label {
                        if let Ok(name) = self.name_of(Entity::Block, token) {
                            labels.push(name);
                        }
                        self.advance();
                        continue; // an instruction may follow on the same line
                    }
                }
                Kind::Eof => {
                    return Err(self.fail(start, "the closing `}` of this function is missing", None));
                }
                _ => {
                    self.advance();
                }
            }
            line_start = token.kind == Kind::Newline;
        }
    }

    /// `name<elems>`, all type variables given.
    pub(super) fn op_ref(&mut self) -> Parse<OpRef> {
        let token = self.tok;
        let name = match token.kind {
            Kind::Ident => {
                self.advance();
                self.text(token).to_owned()
            }
            Kind::Str => self.string_value()?,
            _ => return Err(self.expected("an operation’s name such as `tensor.add`")),
        };
        let elems = if self.at(b'<') { self.list(b'<', b'>', Parser::elem)? } else { Vec::new() };
        Ok(OpRef { name, elems: elems.into() })
    }

    /// The function called `name`.
    pub(super) fn find_func(&mut self, name: &Name<'a>) -> Parse<FuncId> {
        match self.funcs.get(&name.key) {
            // What is wrong with it has been said.
            Some(entry) if entry.faulty => Err(Failed),
            Some(entry) => Ok(entry.id),
            None => {
                let help = suggestion(name, self.funcs.keys());
                Err(self.unknown(name, "function", help))
            }
        }
    }

    /// The constant called `name`.
    pub(super) fn find_const(&mut self, name: &Name<'a>) -> Parse<ConstId> {
        match self.consts.get(&name.key) {
            // What is wrong with it has been said.
            Some(entry) if entry.faulty => Err(Failed),
            Some(entry) => Ok(entry.id),
            None => {
                let help = suggestion(name, self.consts.keys());
                Err(self.unknown(name, "constant", help))
            }
        }
    }

    /// The global called `name`.
    pub(super) fn find_global(&mut self, name: &Name<'a>) -> Parse<GlobalId> {
        match self.globals.get(&name.key) {
            // What is wrong with it has been said.
            Some(entry) if entry.faulty => Err(Failed),
            Some(entry) => Ok(entry.id),
            None => {
                let help = suggestion(name, self.globals.keys());
                Err(self.unknown(name, "global", help))
            }
        }
    }

    pub(super) fn unknown(&mut self, name: &Name<'a>, what: &str, help: Option<String>) -> Failed {
        let message = format!("no {what} is called `{}`", clip(self.text(name.token)));
        self.fail(name.token, message, help)
    }

    /// Notes a value where something else was wanted.
    pub(super) fn raw_wanted(&mut self, raw: &Raw<'a>, what: &str) -> Failed {
        let token = raw.token();
        let message = format!("expected {what}, found `{}`", clip(self.text(token)));
        self.fail(token, message, None)
    }
}

/// "Did you mean", among names that were defined.
pub(super) fn suggestion<'k, 'a: 'k>(
    name: &Name<'_>,
    known: impl Iterator<Item = &'k Key<'a>>,
) -> Option<String> {
    // Hash order is the same in every run, but sorting ties reads better.
    let mut texts: Vec<&str> = known.take(20_000).map(|k| &*k.text).collect();
    texts.sort_unstable();
    nearest(&name.key.text, texts).map(|n| format!("did you mean `{n}`?"))
}

fn push_imm(data: &mut Vec<u8>, imm: Imm) {
    match imm {
        Imm::I32(v) => data.extend(v.to_le_bytes()),
        Imm::I64(v) => data.extend(v.to_le_bytes()),
        Imm::F32(v) => data.extend(v.to_le_bytes()),
        Imm::F64(v) => data.extend(v.to_le_bytes()),
        Imm::Bool(v) => data.push(u8::from(v)),
    }
}
