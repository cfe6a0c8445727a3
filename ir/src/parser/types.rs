//! Types and signatures.

use super::{Parse, Parser};
use crate::binary::{MAX_SIG_DEPTH, MAX_SIG_WEIGHT, sig_weight};
use crate::catalogue::CATALOGUE;
use crate::entity::SigId;
use crate::inst::Opcode;
use crate::lexer::Kind;
use crate::shown;
use crate::suggest::nearest;
use crate::types::{Elem, Item, Signature, Type};
use crate::verify::MAX_ARITY;

impl<'a> Parser<'a> {
    /// A type.
    pub(super) fn ty(&mut self) -> Parse<Type> {
        self.ty_at(0)
    }

    fn ty_at(&mut self, depth: usize) -> Parse<Type> {
        let token = self.tok;
        if token.kind != Kind::Ident {
            return Err(self.expected("a type"));
        }
        self.advance();
        let word = self.text(token);
        if let Some(ty) = Type::scalar_from_name(word) {
            return Ok(ty);
        }
        match word {
            "str" => Ok(Type::Str),
            "bigint" => Ok(Type::BigInt),
            "tensor" => {
                self.expect(b'<', " and an element type, as in `tensor<f64>`")?;
                let elem = self.elem()?;
                self.expect(b'>', "")?;
                Ok(Type::Tensor(elem))
            }
            "sparse" => {
                self.expect(b'<', " and an element type, as in `sparse<f64>`")?;
                let token = self.tok;
                let elem = self.elem()?;
                if !elem.is_of_sparse() {
                    let help = Some("elements of a sparse matrix are f32, f64 or c128".to_owned());
                    let message = format!("a sparse matrix has no elements of type {elem}");
                    return Err(self.fail(token, message, help));
                }
                self.expect(b'>', "")?;
                Ok(Type::Sparse(elem))
            }
            "list" => {
                self.expect(b'<', " and an item type, as in `list<str>`")?;
                let inner = self.tok;
                let item = if self.at_word("list") { None } else { Item::from_type(self.ty_at(depth)?) };
                let Some(item) = item else {
                    let help = Some("types do not nest, so that objects never form a cycle".to_owned());
                    return Err(self.fail(inner, "a list cannot hold lists", help));
                };
                self.expect(b'>', "")?;
                Ok(Type::List(item))
            }
            "func" => {
                self.expect(b'<', " and a signature, as in `func<(f64) -> f64>`")?;
                if depth >= MAX_SIG_DEPTH {
                    let message = format!("function types are nested more than {MAX_SIG_DEPTH} deep");
                    return Err(self.fail(token, message, None));
                }
                let sig = self.signature_at(depth + 1)?;
                self.expect(b'>', "")?;
                Ok(Type::Func(sig))
            }
            _ => {
                let names =
                    ["i32", "i64", "f32", "f64", "bool", "str", "bigint", "tensor", "sparse", "list", "func"];
                let help = if Elem::from_name(word).is_some() {
                    Some(format!("{word} is the type of tensor elements: tensor<{word}>"))
                } else {
                    nearest(word, names).map(|n| format!("did you mean `{n}`?"))
                };
                let message = format!("`{}` is not a type", super::clip(word));
                Err(self.fail(token, message, help))
            }
        }
    }

    /// An element type.
    pub(super) fn elem(&mut self) -> Parse<Elem> {
        let token = self.tok;
        if token.kind != Kind::Ident {
            return Err(self.expected("an element type"));
        }
        self.advance();
        let word = self.text(token);
        Elem::from_name(word).ok_or_else(|| {
            let names: Vec<&str> = Elem::ALL.iter().map(|e| e.name()).collect();
            let message = format!("`{}` is not an element type", super::clip(word));
            self.fail(token, message, Some(format!("element types are {}", names.join(", "))))
        })
    }

    /// `(types) -> results`, interned.
    pub(super) fn signature(&mut self) -> Parse<SigId> {
        self.signature_at(0)
    }

    fn signature_at(&mut self, depth: usize) -> Parse<SigId> {
        let token = self.tok;
        let params = self.list(b'(', b')', |p| p.ty_at(depth))?;
        let results = self.results_at(depth)?;
        self.intern_sig(Signature { params, results }, token)
    }

    /// `-> type`, `-> (types)` or nothing.
    pub(super) fn results(&mut self) -> Parse<Vec<Type>> {
        self.results_at(0)
    }

    fn results_at(&mut self, depth: usize) -> Parse<Vec<Type>> {
        if self.tok.kind != Kind::Arrow {
            return Ok(Vec::new());
        }
        self.advance();
        if self.at(b'(') {
            return self.list(b'(', b')', |p| p.ty_at(depth));
        }
        Ok(vec![self.ty_at(depth)?])
    }

    /// Id of a signature written at `token`.
    pub(super) fn intern_sig(&mut self, sig: Signature, token: crate::lexer::Token) -> Parse<SigId> {
        if let Some(id) = self.sigs.get(&sig) {
            return Ok(*id);
        }
        for (list, noun) in [(&sig.params, "parameters"), (&sig.results, "results")] {
            if list.len() > MAX_ARITY {
                let message = format!("{} {noun}; at most {MAX_ARITY} are allowed", list.len());
                return Err(self.fail(token, message, None));
            }
        }
        let (weight, depth) = sig_weight(&sig, &self.sig_weights);
        if weight > MAX_SIG_WEIGHT || depth > MAX_SIG_DEPTH {
            return Err(self.fail(token, "this signature is too large", None));
        }
        let id = SigId::new(self.module.sigs.len());
        self.module.sigs.push(sig.clone());
        self.sig_weights.push((weight, depth));
        self.sigs.insert(sig, id);
        Ok(id)
    }

    /// What may have been meant by a word that is no mnemonic or operation.
    pub(super) fn suggest_mnemonic(word: &str) -> Option<String> {
        /// Names that a suggestion shows.
        const SHOWN: usize = 3;
        let names = || Opcode::ALL.iter().map(|op| op.mnemonic()).chain(CATALOGUE.iter().map(|op| op.name));
        let last = word.rsplit_once('.').map_or(word, |(_, last)| last);
        let goes_on = |name: &&str| name.strip_prefix(word).is_some_and(|rest| rest.starts_with(['_', '.']));
        let is_of_another = |name: &&str| name.rsplit_once('.').is_some_and(|(_, end)| end == last);
        // The short ones first, and f64 before f32.
        let sorted = |fits: &dyn Fn(&&str) -> bool| {
            let mut found: Vec<&str> = names().filter(fits).collect();
            found.sort_by_key(|name| (name.len(), std::cmp::Reverse(*name)));
            found
        };
        let mut meant = sorted(&goes_on);
        if meant.is_empty() {
            // Some instructions work on every type and are of no family.
            meant.extend(names().find(|name| *name == last));
        }
        if meant.is_empty() {
            meant.extend(nearest(word, names()));
        }
        if meant.is_empty() {
            meant = sorted(&is_of_another);
        }
        let meant: Vec<String> = meant.iter().map(|name| format!("`{name}`")).collect();
        (!meant.is_empty()).then(|| format!("did you mean {}?", shown::list(meant, SHOWN)))
    }
}
