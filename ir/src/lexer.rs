//! Tokens of the text format.
//!
//! The lexer never fails and never looks back: whatever bytes it meets become
//! a token, [`Kind::Bad`] if need be, and every call moves forward. It can be
//! restarted at any token, which is how function bodies are read after all
//! headers are known.

/// What a token is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    /// Keyword, mnemonic, type, label: letters, digits, `_` and `.`.
    Ident,
    /// `%name` or `%"name"`.
    Reg,
    /// `@name` or `@"name"`.
    At,
    /// Starts with a digit or a sign: an integer or a float, not yet looked into.
    Number,
    /// `"text"`, possibly with a number after it that tells equal names apart.
    Str,
    /// `hex"00 ff"`.
    Hex,
    /// One of `( ) [ ] { } < > , : =`.
    Punct(u8),
    /// `->`.
    Arrow,
    /// End of a line.
    Newline,
    /// A comment, without its line end. Only [`Lexer::next_with_comments`] gives these.
    Comment,
    /// End of the text.
    Eof,
    /// A character that starts nothing.
    Bad,
    /// A string or quoted name without its closing quote.
    Unterminated,
}

/// A token: its kind and where it stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Token {
    pub(crate) kind: Kind,
    pub(crate) start: usize,
    pub(crate) end: usize,
    /// Line it starts on, from 1.
    pub(crate) line: u32,
}

/// A place in a text from which tokens are read.
#[derive(Clone)]
pub(crate) struct Lexer<'a> {
    src: &'a str,
    at: usize,
    line: u32,
}

/// Whether `b` may stand in a name.
pub(crate) const fn is_name_byte(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b == b'_' || b == b'.'
}

impl<'a> Lexer<'a> {
    pub(crate) fn new(src: &'a str) -> Lexer<'a> {
        let at = if src.starts_with('\u{feff}') { 3 } else { 0 };
        Lexer { src, at, line: 1 }
    }

    /// A lexer that goes on after `token`.
    pub(crate) fn after(src: &'a str, token: Token) -> Lexer<'a> {
        Lexer { src, at: token.end, line: token.line }
    }

    /// A lexer that begins at byte `at`, or at the end of a shorter text; it
    /// counts lines from there.
    pub(crate) fn at(src: &'a str, at: usize) -> Lexer<'a> {
        Lexer { src, at: src.ceil_char_boundary(at.min(src.len())), line: 1 }
    }

    fn peek(&self, ahead: usize) -> u8 {
        self.src.as_bytes().get(self.at + ahead).copied().unwrap_or(0)
    }

    fn skip_while(&mut self, keep: impl Fn(u8) -> bool) {
        while self.at < self.src.len() && keep(self.peek(0)) {
            self.at += 1;
        }
    }

    /// The next token that is not a comment.
    pub(crate) fn next(&mut self) -> Token {
        loop {
            let token = self.next_with_comments();
            if token.kind != Kind::Comment {
                return token;
            }
        }
    }

    /// The next token, comments included.
    pub(crate) fn next_with_comments(&mut self) -> Token {
        self.skip_while(|b| matches!(b, b' ' | b'\t' | b'\r'));
        let (start, line) = (self.at, self.line);
        let kind = self.scan();
        Token { kind, start, end: self.at, line }
    }

    fn scan(&mut self) -> Kind {
        if self.at >= self.src.len() {
            return Kind::Eof;
        }
        let first = self.peek(0);
        match first {
            b'\n' => {
                self.at += 1;
                self.line = self.line.saturating_add(1);
                Kind::Newline
            }
            b';' => {
                self.skip_while(|b| b != b'\n');
                Kind::Comment
            }
            b'(' | b')' | b'[' | b']' | b'{' | b'}' | b'<' | b'>' | b',' | b':' | b'=' => {
                self.at += 1;
                Kind::Punct(first)
            }
            b'%' | b'@' => {
                self.at += 1;
                let kind = if first == b'%' { Kind::Reg } else { Kind::At };
                if self.peek(0) == b'"' {
                    return self.string(kind);
                }
                let from = self.at;
                self.skip_while(is_name_byte);
                if self.at == from { Kind::Bad } else { kind }
            }
            b'"' => self.string(Kind::Str),
            b'-' if self.peek(1) == b'>' => {
                self.at += 2;
                Kind::Arrow
            }
            b'-' | b'+' => {
                self.at += 1;
                let next = self.peek(0);
                if next.is_ascii_alphanumeric() || next == b'.' {
                    self.number();
                    Kind::Number
                } else {
                    Kind::Bad
                }
            }
            b'0'..=b'9' => {
                self.number();
                Kind::Number
            }
            b'a'..=b'z' | b'A'..=b'Z' | b'_' => {
                let from = self.at;
                self.skip_while(is_name_byte);
                if &self.src[from..self.at] == "hex" && self.peek(0) == b'"' {
                    return self.hex();
                }
                Kind::Ident
            }
            _ => {
                self.at += self.src[self.at..].chars().next().map_or(1, char::len_utf8);
                Kind::Bad
            }
        }
    }

    /// Digits, letters, dots and underscores, and the sign of an exponent.
    fn number(&mut self) {
        let hex = self.peek(0) == b'0' && self.peek(1) | 0x20 == b'x';
        while self.at < self.src.len() {
            let b = self.peek(0);
            if is_name_byte(b) {
                self.at += 1;
                let exponent = if hex { b'p' } else { b'e' };
                if b | 0x20 == exponent && matches!(self.peek(0), b'+' | b'-') {
                    self.at += 1;
                }
            } else {
                return;
            }
        }
    }

    /// From the opening quote to the closing one on the same line, and the
    /// digits after it.
    fn string(&mut self, kind: Kind) -> Kind {
        self.at += 1;
        loop {
            self.skip_while(|b| !matches!(b, b'"' | b'\\' | b'\n'));
            match self.peek(0) {
                b'"' => {
                    self.at += 1;
                    self.skip_while(|b| b.is_ascii_digit());
                    return kind;
                }
                b'\\' if self.at + 1 < self.src.len() && self.peek(1) != b'\n' => {
                    // The escaped character may be of several bytes; those
                    // after the first are skipped as ordinary ones.
                    self.at += 2;
                    self.skip_while(|b| b & 0xc0 == 0x80);
                }
                b'\\' => {
                    self.at += 1;
                    return Kind::Unterminated;
                }
                _ => return Kind::Unterminated,
            }
        }
    }

    /// Hexadecimal digits may go over several lines.
    fn hex(&mut self) -> Kind {
        self.at += 1;
        while self.at < self.src.len() {
            let b = self.peek(0);
            self.at += 1;
            match b {
                b'"' => return Kind::Hex,
                b'\n' => self.line = self.line.saturating_add(1),
                _ => {}
            }
        }
        Kind::Unterminated
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(src: &str) -> Vec<(Kind, &str)> {
        let mut lexer = Lexer::new(src);
        let mut out = Vec::new();
        loop {
            let t = lexer.next();
            if t.kind == Kind::Eof {
                return out;
            }
            out.push((t.kind, &src[t.start..t.end]));
        }
    }

    #[test]
    fn tokens_of_a_line() {
        let got = kinds("%x = tensor.zeros<f64> [3, %\"a b\"7], -1e-5 ; end");
        let text: Vec<&str> = got.iter().map(|t| t.1).collect();
        assert_eq!(
            text,
            ["%x", "=", "tensor.zeros", "<", "f64", ">", "[", "3", ",", "%\"a b\"7", "]", ",", "-1e-5"]
        );
        assert_eq!(got[12].0, Kind::Number);
    }

    #[test]
    fn hexadecimal_numbers_have_exponents_of_two() {
        assert_eq!(kinds("0x1e-5").len(), 2);
        assert_eq!(kinds("-0x1.8p-5f32").len(), 1);
    }

    #[test]
    fn strange_text_is_bad_but_moves_on() {
        let got = kinds("\u{1F600}#\"open\n-");
        let kinds: Vec<Kind> = got.iter().map(|t| t.0).collect();
        assert_eq!(kinds, [Kind::Bad, Kind::Bad, Kind::Unterminated, Kind::Newline, Kind::Bad]);
        assert_eq!(super::Lexer::new("\"\\").next().kind, Kind::Unterminated);
        assert_eq!(super::Lexer::new("\"\\é\"").next().kind, Kind::Str);
    }
}
