//! Text of programs as messages show it: bounded in length, and without
//! characters that a terminal would obey or that cannot be seen.
//!
//! Whoever puts a name or a piece of a program into a message takes it through
//! here, once: what has been made visible is plain text, and is not escaped
//! again.

use std::borrow::Cow;
use std::fmt::{Display, Write as _};

/// Most characters of a name that a list shows.
const NAME: usize = 60;

/// Whether `c` steers a terminal, turns text around or cannot be seen.
pub(crate) const fn is_hidden(c: char) -> bool {
    matches!(c, '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{ad}' | '\u{61c}' | '\u{180e}'
        | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}'
        | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// Appends the escape of a character that must not be shown as it is.
pub(crate) fn push_escape(out: &mut String, c: char) {
    match c {
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        '\0' => out.push_str("\\0"),
        c => {
            let _ = write!(out, "\\u{{{:x}}}", c as u32);
        }
    }
}

/// `text` with an escape for every character that steers a terminal or cannot
/// be seen; all others, backslashes too, stay as they are.
///
/// ```
/// assert_eq!(nbc_ir::shown::visible("a\\b \u{1b}[2J"), "a\\b \\u{1b}[2J");
/// ```
pub fn visible(text: &str) -> Cow<'_, str> {
    if !text.contains(is_hidden) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if is_hidden(c) { push_escape(&mut out, c) } else { out.push(c) }
    }
    Cow::Owned(out)
}

/// The same for text of several lines, whose ends stay.
pub fn visible_lines(text: &str) -> Cow<'_, str> {
    if text.chars().all(|c| c == '\n' || !is_hidden(c)) {
        return Cow::Borrowed(text);
    }
    let lines: Vec<Cow<'_, str>> = text.split('\n').map(visible).collect();
    Cow::Owned(lines.join("\n"))
}

/// The first `most` characters of `text`, [`visible`], and dots where that is
/// not all.
pub fn clipped(text: &str, most: usize) -> Cow<'_, str> {
    match text.char_indices().nth(most) {
        None => visible(text),
        Some((at, _)) => Cow::Owned(format!("{}...", visible(&text[..at]))),
    }
}

/// The names with commas between, at most `most` of them: `@a, @b and 7 more`.
///
/// ```
/// use nbc_ir::shown::list;
/// assert_eq!(list(["a", "b"], 3), "a, b");
/// assert_eq!(list((0..9).map(|n| format!("@f{n}")), 2), "@f0, @f1 and 7 more");
/// ```
pub fn list(names: impl IntoIterator<Item = impl Display>, most: usize) -> String {
    let mut names = names.into_iter();
    let mut out = String::new();
    for (at, name) in names.by_ref().take(most).enumerate() {
        if at > 0 {
            out.push_str(", ");
        }
        out.push_str(&clipped(&name.to_string(), NAME));
    }
    match names.count() {
        0 => {}
        more => {
            let _ = write!(out, " and {more} more");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_obeys_is_escaped_once() {
        let hostile = "\u{1b}[31m\u{202e}x\u{200b}\u{9b}1m\u{7f}\r\n";
        let shown = visible(hostile);
        assert_eq!(shown, "\\u{1b}[31m\\u{202e}x\\u{200b}\\u{9b}1m\\u{7f}\\r\\n");
        assert_eq!(visible(&shown), shown);
        assert_eq!(visible("\\n \"ä\""), "\\n \"ä\"");
        // Whatever the library calls a control character is one here.
        assert!((0..=0x10_ffff).filter_map(char::from_u32).all(|c| !c.is_control() || is_hidden(c)));
    }

    #[test]
    fn long_text_is_clipped_between_characters() {
        assert_eq!(clipped("ääää", 4), "ääää");
        assert_eq!(clipped("ääää\n", 4), "ääää...");
        assert_eq!(list(["x".repeat(1000)], 1).len(), NAME + 3);
    }
}
