//! Where in its text an item of a module stands: a function, a global, a
//! constant or an import. As with [`operands`](super::operands), the text is
//! read once more for the few items that messages are about.

use crate::entity::{ConstId, FuncId};
use crate::lexer::{Kind, Lexer, Token};
use crate::module::{GlobalInit, Module};
use crate::names::{Entity, write};

/// An item of a module.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Item {
    /// A function of the module's own.
    Function(FuncId),
    /// An import, by position.
    Import(usize),
    /// A global, by position.
    Global(usize),
    /// A constant, by position.
    Constant(usize),
}

/// The bytes of the item's name in `text`.
pub(super) fn span(module: &Module, text: &str, item: Item) -> Option<(usize, usize)> {
    let spans = |t: Token| (t.start, t.end);
    match item {
        Item::Function(id) => {
            let at = id.index().checked_sub(module.imports.len())?;
            nth(text, "func", at).map(spans)
        }
        Item::Import(at) => nth(text, "import", at).map(spans),
        Item::Global(at) => nth(text, "global", at).map(spans),
        Item::Constant(at) => {
            let name = module.constants.get(at)?.name.as_deref();
            let name = match name {
                Some(name) => write(Entity::Const, name, false, None),
                None => Entity::Const.default_name(at),
            };
            let mut found = None;
            names(text, |word, token| {
                if word == "const" && text[token.start..token.end] == name {
                    found = Some(token);
                }
                found.is_none()
            });
            // One without a name of its own stands in the global that starts from it.
            let global = || {
                let init = GlobalInit::Const(ConstId::new(at));
                nth(text, "global", module.globals.iter().position(|g| g.init == init)?)
            };
            found.or_else(global).map(spans)
        }
    }
}

/// The name of item number `at` that `word` begins.
fn nth(text: &str, word: &str, at: usize) -> Option<Token> {
    let (mut left, mut found) = (at, None);
    names(text, |w, token| {
        if w == word {
            match left.checked_sub(1) {
                Some(rest) => left = rest,
                None => found = Some(token),
            }
        }
        found.is_none()
    });
    found
}

/// Calls `see` with the word that begins each item and the item's name, until
/// it says false.
fn names(text: &str, mut see: impl FnMut(&str, Token) -> bool) {
    let mut lexer = Lexer::new(text);
    let (mut depth, mut word) = (0usize, "");
    loop {
        let token = lexer.next();
        match token.kind {
            Kind::Eof => return,
            Kind::Punct(b'{') => depth += 1,
            Kind::Punct(b'}') => depth = depth.saturating_sub(1),
            Kind::Newline => word = "",
            Kind::Ident if depth == 0 => match (word, &text[token.start..token.end]) {
                // `import func`, `export global`, `global const`.
                ("import", "func") | ("global", "const") => {}
                (_, w @ ("import" | "global" | "const" | "func")) => word = w,
                _ => {}
            },
            Kind::At if !word.is_empty() && !see(std::mem::take(&mut word), token) => return,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_are_found_by_their_words() {
        let text = "import func @a(func<(f64) -> f64>)\nconst @const0: str = \"func @no\"\nglobal const @b: tensor<f64> [2] = zero\nexport global @c: tensor<u8> = @\"d e\" ; func @no\nconst @\"d e\": tensor<u8> [2] = {1,\n2}\nexport func @f() {\n  ret\n}\nfunc @g() { ret }\n";
        let module = Module::parse(text, "t.nba").unwrap();
        let at = |item| span(&module, text, item).map(|(a, b)| &text[a..b]);
        assert_eq!(at(Item::Import(0)), Some("@a"));
        assert_eq!(at(Item::Constant(0)), Some("@const0"));
        assert_eq!(at(Item::Constant(1)), Some("@b"));
        assert_eq!(at(Item::Constant(2)), Some("@\"d e\""));
        assert_eq!(at(Item::Global(1)), Some("@c"));
        assert_eq!(at(Item::Function(FuncId(2))), Some("@g"));
        for none in [Item::Import(1), Item::Constant(3), Item::Global(2), Item::Function(FuncId(3))] {
            assert_eq!(at(none), None);
        }
    }
}
