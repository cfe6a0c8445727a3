//! Reader of the text format.
//!
//! Two passes: the first reads everything but function bodies, of which it
//! only notes the labels; the second reads the bodies, when every name that
//! they may use is known. A fault costs its line: reading goes on at the next
//! one, so that one run shows the faults of the whole file, up to a limit.
//! In a text with faults, types are checked as far as they are known, so that
//! one run shows those too. Time and memory grow linearly with the text,
//! whatever it holds.

mod function;
mod late;
mod literal;
mod module;
mod operand;
mod types;

use crate::catalogue::{CATALOGUE, OpSignature, Operation};
use crate::entity::{ConstId, FuncId, GlobalId, OpId, SigId};
use crate::error::{Diagnostic, Error, ErrorKind, Note, Place};
use crate::lexer::{Kind, Lexer, Token};
use crate::module::{Module, OpRef, Source};
use crate::names::{Entity, Key};
use crate::types::Signature;
use crate::verify::FunctionGaps;
use rustc_hash::{FxHashMap, FxHashSet};
use std::borrow::Cow;
use std::rc::Rc;

pub(crate) use literal::{clip, unquote};

/// Faults shown before reading stops.
const MAX_DIAGNOSTICS: usize = 50;

/// A fault was found and noted; the line cannot be used.
struct Failed;

type Parse<T> = Result<T, Failed>;

/// A name as written.
#[derive(Clone)]
struct Name<'a> {
    key: Key<'a>,
    /// Whether it was written without quotes.
    bare: bool,
    token: Token,
}

impl Name<'_> {
    /// The name to keep for entity number `index`: none when it is written
    /// the way nameless ones are.
    fn kept(&self, entity: Entity, index: usize) -> Option<String> {
        let is_default = self.bare && entity.default_index(&self.key.text) == Some(index as u64);
        (!is_default).then(|| self.key.text.clone().into_owned())
    }
}

/// What a name stands for.
#[derive(Clone, Copy)]
struct Entry<T> {
    id: T,
    /// Where it is defined first.
    token: Token,
    /// Whether its definition is faulty, so that nothing is known of it.
    faulty: bool,
}

/// Reader of one text.
struct Parser<'a> {
    src: &'a str,
    lexer: Lexer<'a>,
    /// The token to be looked at next.
    tok: Token,
    /// End of the token before it.
    prev_end: usize,
    diags: Vec<Diagnostic>,
    /// Function being read, for messages.
    context: String,
    module: Module,
    sigs: FxHashMap<Signature, SigId>,
    /// Weight and depth of each signature.
    sig_weights: Vec<(usize, usize)>,
    ops: FxHashMap<OpRef, OpId>,
    catalogue: FxHashMap<&'static str, &'static Operation>,
    typed: FxHashMap<&'static str, Rc<OpSignature>>,
    funcs: FxHashMap<Key<'a>, Entry<FuncId>>,
    consts: FxHashMap<Key<'a>, Entry<ConstId>>,
    globals: FxHashMap<Key<'a>, Entry<GlobalId>>,
    /// Globals of which something could not be made out.
    open_globals: FxHashSet<usize>,
    /// Constants made of strings that stand where a value may.
    strings: FxHashMap<String, ConstId>,
    /// Faults that may only follow from others.
    late: Vec<late::Late>,
    /// What could not be made out of the bodies read.
    gaps: Vec<FunctionGaps>,
}

impl Module {
    /// Reads a module from text. `file_name` is for messages.
    ///
    /// ```
    /// # use nbc_ir::Module;
    /// let module = Module::parse("func @f() -> i64 {\n ret 7\n}", "f.nba").unwrap();
    /// assert_eq!(module.functions.len(), 1);
    /// let error = Module::parse("func @f() -> i64 {\n rett 7\n}", "f.nba").unwrap_err();
    /// assert!(error.to_string().contains("no instruction or operation is called `rett`"));
    /// ```
    pub fn parse(text: &str, file_name: &str) -> Result<Module, Error> {
        Module::parse_owned(text.to_owned(), file_name)
    }

    /// [`Module::parse`] of a text that the module keeps, without a copy of it.
    ///
    /// # Errors
    /// As [`Module::parse`].
    pub fn parse_owned(text: String, file_name: &str) -> Result<Module, Error> {
        let source = Source { name: file_name.into(), text: text.into() };
        let mut parser = Parser::new(&source.text);
        parser.read_module();
        parser.module.source = Some(source.clone());
        match parser.all_faults() {
            diags if diags.is_empty() => Ok(parser.module),
            diags => Err(Error::new(ErrorKind::Parse, diags, Some(source))),
        }
    }
}

impl<'a> Parser<'a> {
    fn new(src: &'a str) -> Parser<'a> {
        let mut lexer = Lexer::new(src);
        let tok = lexer.next();
        Parser {
            src,
            lexer,
            tok,
            prev_end: 0,
            diags: Vec::new(),
            context: String::new(),
            module: Module::default(),
            sigs: FxHashMap::default(),
            sig_weights: Vec::new(),
            ops: FxHashMap::default(),
            catalogue: CATALOGUE.iter().map(|op| (op.name, op)).collect(),
            typed: FxHashMap::default(),
            funcs: FxHashMap::default(),
            consts: FxHashMap::default(),
            globals: FxHashMap::default(),
            open_globals: FxHashSet::default(),
            strings: FxHashMap::default(),
            late: Vec::new(),
            gaps: Vec::new(),
        }
    }

    fn advance(&mut self) -> Token {
        let token = self.tok;
        self.prev_end = token.end;
        self.tok = self.lexer.next();
        token
    }

    fn text(&self, token: Token) -> &'a str {
        &self.src[token.start..token.end]
    }

    /// Whether the next token is the word `word`.
    fn at_word(&self, word: &str) -> bool {
        self.tok.kind == Kind::Ident && self.text(self.tok) == word
    }

    fn at(&self, punct: u8) -> bool {
        self.tok.kind == Kind::Punct(punct)
    }

    /// Takes the punctuation if it is next.
    fn eat(&mut self, punct: u8) -> bool {
        let there = self.at(punct);
        if there {
            self.advance();
        }
        there
    }

    fn eat_word(&mut self, word: &str) -> bool {
        let there = self.at_word(word);
        if there {
            self.advance();
        }
        there
    }

    fn expect(&mut self, punct: u8, after: &str) -> Parse<()> {
        if self.eat(punct) {
            return Ok(());
        }
        Err(self.expected(&format!("`{}`{after}", char::from(punct))))
    }

    fn skip_newlines(&mut self) {
        while self.tok.kind == Kind::Newline {
            self.advance();
        }
    }

    /// Goes to the end of the line.
    fn skip_line(&mut self) {
        while !matches!(self.tok.kind, Kind::Newline | Kind::Eof) {
            self.advance();
        }
    }

    /// The next token in words.
    fn found(&self) -> String {
        match self.tok.kind {
            Kind::Newline => "the end of the line".to_owned(),
            Kind::Eof => "the end of the file".to_owned(),
            _ => format!("`{}`", clip(self.text(self.tok))),
        }
    }

    /// Notes that something else was expected here.
    fn expected(&mut self, what: &str) -> Failed {
        let tok = self.tok;
        match tok.kind {
            Kind::Unterminated => self.fail(tok, "the closing quote of this string is missing", None),
            Kind::Bad => {
                let text = self.text(tok);
                let help = match text {
                    "#" | "/" => Some("comments start with `;`".to_owned()),
                    _ if text.starts_with(['%', '@']) => {
                        Some(format!("a name follows `{text}`, or any text in quotes"))
                    }
                    _ => None,
                };
                self.fail(tok, format!("unexpected `{}`, expected {what}", clip(text)), help)
            }
            _ => {
                let message = format!("expected {what}, found {}", self.found());
                self.fail(tok, message, None)
            }
        }
    }

    /// Notes a fault at `token`.
    fn fail(&mut self, token: Token, message: impl Into<String>, help: Option<String>) -> Failed {
        self.fail_span(token.start, token.end, token.line, message, help)
    }

    /// Notes a fault at `token` that has to do with another place.
    fn fail_beside(
        &mut self,
        token: Token,
        message: impl Into<String>,
        other: Token,
        note: impl Into<String>,
    ) -> Failed {
        let before = self.diags.len();
        let failed = self.fail(token, message, None);
        if let Some(diag) = self.diags.get_mut(before) {
            diag.notes.push(Note { message: note.into(), span: (other.start, other.end) });
        }
        failed
    }

    fn fail_span(
        &mut self,
        start: usize,
        end: usize,
        line: u32,
        message: impl Into<String>,
        help: Option<String>,
    ) -> Failed {
        if self.diags.len() < MAX_DIAGNOSTICS {
            let diag = self.diagnostic(start, end, line, message.into(), help);
            self.diags.push(diag);
        }
        Failed
    }

    fn diagnostic(
        &self,
        start: usize,
        end: usize,
        line: u32,
        message: String,
        help: Option<String>,
    ) -> Diagnostic {
        // A newline token would put the caret on the next line, and the
        // end of the text has nothing to show.
        let end = if self.src[start..end].starts_with('\n') { start } else { end };
        let context = match self.context.as_str() {
            "" => format!("line {line}"),
            context => format!("{context}, line {line}"),
        };
        let (place, span) = (Place::Span { start, end }, Some((start, end)));
        Diagnostic { message, place, context, help, span, notes: Vec::new() }
    }

    fn is_full(&self) -> bool {
        self.diags.len() >= MAX_DIAGNOSTICS
    }

    /// The statement must end here: at a line end or before `}`.
    fn end_of_line(&mut self) -> Parse<()> {
        match self.tok.kind {
            Kind::Newline => {
                self.advance();
                Ok(())
            }
            Kind::Eof | Kind::Punct(b'}') => Ok(()),
            _ => Err(self.expected("the end of the line")),
        }
    }

    /// A name of that kind of entity, the next token being of `kind`.
    fn name(&mut self, entity: Entity, kind: Kind, what: &str) -> Parse<Name<'a>> {
        let token = self.tok;
        if token.kind != kind && !(kind == Kind::Ident && token.kind == Kind::Str) {
            return Err(self.expected(what));
        }
        self.advance();
        self.name_of(entity, token)
    }

    /// The name that `token` writes.
    fn name_of(&mut self, entity: Entity, token: Token) -> Parse<Name<'a>> {
        let text = self.text(token);
        let text = text.strip_prefix(['%', '@']).unwrap_or(text);
        if !text.starts_with('"') {
            return Ok(Name { key: Key::bare(text), bare: true, token });
        }
        let (text, tag) = self.string(token)?;
        Ok(Name { key: Key::quoted(entity, Cow::Owned(text), tag), bare: false, token })
    }

    /// Contents of a string token and its tag.
    fn string(&mut self, token: Token) -> Parse<(String, Option<u64>)> {
        unquote(self.text(token)).map_err(|(start, end, message)| {
            self.fail_span(token.start + start, token.start + end, token.line, message, None)
        })
    }

    /// `open item, item close`; line ends may stand between the parts.
    fn list<T>(
        &mut self,
        open: u8,
        close: u8,
        mut item: impl FnMut(&mut Parser<'a>) -> Parse<T>,
    ) -> Parse<Vec<T>> {
        self.expect(open, "")?;
        let mut items = Vec::new();
        self.skip_newlines();
        while !self.eat(close) {
            items.push(item(self)?);
            self.skip_newlines();
            if !self.eat(b',') && !self.at(close) {
                return Err(self.expected(&format!("`,` or `{}`", char::from(close))));
            }
            self.skip_newlines();
        }
        Ok(items)
    }

    /// The typed signature of an operation, worked out once.
    fn typed(&mut self, op: &'static Operation) -> Rc<OpSignature> {
        self.typed.entry(op.name).or_insert_with(|| Rc::new(op.typed())).clone()
    }

    fn intern_op(&mut self, op: OpRef) -> OpId {
        if let Some(id) = self.ops.get(&op) {
            return *id;
        }
        let id = OpId::new(self.module.ops.len());
        self.module.ops.push(op.clone());
        self.ops.insert(op, id);
        id
    }
}
