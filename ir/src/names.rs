//! How entities are named in the text format, so that every name comes back.
//!
//! A nameless entity is written by its kind and number: `%7`, `block2`,
//! `@func1`. A name is written in quotes if it looks like that or holds other
//! characters than names may. A name that belongs to two entities at once is
//! too, with the entity's number after it: `%"i"4`.

use crate::lexer::is_name_byte;
use crate::shown::{is_hidden, push_escape};
use rustc_hash::FxHashSet;
use std::borrow::Cow;
use std::fmt::Write as _;

/// Kinds of named entities.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Entity {
    Reg,
    Block,
    Func,
    Const,
    Global,
}

impl Entity {
    /// The character before a name.
    const fn sigil(self) -> &'static str {
        match self {
            Entity::Reg => "%",
            Entity::Block => "",
            Entity::Func | Entity::Const | Entity::Global => "@",
        }
    }

    /// The text before the number of a nameless one.
    const fn prefix(self) -> &'static str {
        match self {
            Entity::Reg => "",
            Entity::Block => "block",
            Entity::Func => "func",
            Entity::Const => "const",
            Entity::Global => "global",
        }
    }

    /// The number of the nameless entity that is written as `text`.
    pub(crate) fn default_index(self, text: &str) -> Option<u64> {
        let digits = text.strip_prefix(self.prefix())?;
        let canonical = match digits.as_bytes() {
            [b'0'] => true,
            [b'1'..=b'9', rest @ ..] => rest.iter().all(u8::is_ascii_digit),
            _ => false,
        };
        if canonical { digits.parse().ok() } else { None }
    }

    /// How the nameless one with this number is written.
    pub(crate) fn default_name(self, index: usize) -> String {
        format!("{}{}{index}", self.sigil(), self.prefix())
    }
}

/// What makes a written name the same as another.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Key<'a> {
    pub(crate) text: Cow<'a, str>,
    /// 0, or what sets names of the same text apart: 1 for one in quotes that
    /// would mean a nameless entity without them, else the number after the
    /// quotes plus 2.
    tag: u64,
}

impl<'a> Key<'a> {
    pub(crate) fn bare(text: &'a str) -> Key<'a> {
        Key { text: Cow::Borrowed(text), tag: 0 }
    }

    pub(crate) fn quoted(entity: Entity, text: Cow<'a, str>, tag: Option<u64>) -> Key<'a> {
        let tag = match tag {
            Some(tag) => tag.saturating_add(2),
            None => u64::from(entity.default_index(&text).is_some()),
        };
        Key { text, tag }
    }
}

/// How each of a list of entities is written.
pub(crate) fn written<'a>(
    entity: Entity,
    names: impl Iterator<Item = Option<&'a str>> + Clone,
) -> Vec<String> {
    let all: Vec<Option<&str>> = names.collect();
    let mut seen = FxHashSet::default();
    all.iter()
        .enumerate()
        .map(|(index, name)| {
            let Some(name) = name else { return entity.default_name(index) };
            let first = seen.insert(*name);
            // Written bare it must not read as a nameless entity: another
            // one, or this one (whose name would then be dropped).
            let confusing = entity.default_index(name).is_some_and(|i| {
                i == index as u64
                    || usize::try_from(i).is_ok_and(|i| all.get(i).is_some_and(|other| other.is_none()))
            });
            write(entity, name, confusing || !first, (!first).then_some(index))
        })
        .collect()
}

/// A name with its sigil, quoted where it must be.
pub(crate) fn write(entity: Entity, name: &str, quote: bool, tag: Option<usize>) -> String {
    let starts_well = match (entity, name.as_bytes().first()) {
        (_, None) => false,
        (Entity::Reg, Some(b)) => is_name_byte(*b),
        (_, Some(b)) => b.is_ascii_alphabetic() || *b == b'_',
    };
    let mut out = entity.sigil().to_owned();
    if !quote && starts_well && name.bytes().all(is_name_byte) {
        out.push_str(name);
    } else {
        out.push_str(&quoted(name));
    }
    if let Some(tag) = tag {
        let _ = write!(out, "{tag}");
    }
    out
}

/// `text` in quotes, with escapes.
pub(crate) fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            // So that what is printed is what is there.
            c if is_hidden(c) => push_escape(&mut out, c),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_written_so_that_they_come_back() {
        let names = [Some("x"), None, Some("1"), Some("x"), Some("4"), Some("9"), Some("a b"), Some("")];
        let got = written(Entity::Reg, names.into_iter());
        assert_eq!(got, ["%x", "%1", "%\"1\"", "%\"x\"3", "%\"4\"", "%9", "%\"a b\"", "%\"\""]);
    }

    #[test]
    fn default_names_are_canonical_numbers() {
        assert_eq!(Entity::Block.default_index("block10"), Some(10));
        assert_eq!(Entity::Block.default_index("block01"), None);
        assert_eq!(Entity::Block.default_index("block"), None);
        assert_eq!(Entity::Reg.default_index("99999999999999999999"), None);
    }
}
