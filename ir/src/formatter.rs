//! Layout of the text format: `nbc fmt`.
//!
//! Works on tokens, so comments, names and numbers stay as written; only
//! spaces and line ends change. Items and labels stand at the margin,
//! instructions two spaces in, one on a line; lists that were broken over
//! lines stay so. Formatting what was formatted changes nothing.

use crate::error::Error;
use crate::lexer::{Kind, Lexer, Token};
use crate::module::Module;

/// The text with a regular layout, comments kept. Text that cannot be parsed
/// is refused, so that nothing gets worse; `file_name` is for the messages.
///
/// ```
/// let text = "func @f( ) -> i64 { ;; seven\nret   7 }";
/// let formatted = nbc_ir::format_source(text, "f.nba").unwrap();
/// assert_eq!(formatted, "func @f() -> i64 {  ;; seven\n  ret 7\n}\n");
/// ```
pub fn format_source(text: &str, file_name: &str) -> Result<String, Error> {
    Module::parse(text, file_name)?;
    let mut layout = Layout { src: text, lines: Vec::new(), line: Line::default(), body: false, depth: 0 };
    layout.run();
    Ok(layout.finish())
}

/// Comments further right than this are not lined up.
const WIDEST: usize = 60;

#[derive(Default)]
struct Line<'a> {
    code: String,
    comment: Option<&'a str>,
    place: Place,
    /// The last token, for the space before the next.
    last: Option<Token>,
    /// Whether the line starts with `func` or `export`, so that `{` opens a body.
    opens: bool,
    /// Whether it is the `}` of a function.
    closes: bool,
}

/// What a line is, which decides its indentation.
#[derive(Default, Clone, Copy, PartialEq)]
enum Place {
    /// Nothing: an empty line.
    #[default]
    Empty,
    /// At the margin: an item, a label, a closing brace.
    Margin,
    /// An instruction.
    Inside,
    /// Goes on with a list: so many spaces in.
    Within(usize),
    /// A comment of its own in a body, which goes with the line after it.
    Comment,
}

struct Layout<'a> {
    src: &'a str,
    lines: Vec<Line<'a>>,
    line: Line<'a>,
    /// Whether in a function’s body.
    body: bool,
    /// Brackets that are open.
    depth: usize,
}

impl<'a> Layout<'a> {
    fn run(&mut self) {
        let mut lexer = Lexer::new(self.src);
        loop {
            let token = lexer.next_with_comments();
            let text = &self.src[token.start..token.end];
            match token.kind {
                Kind::Eof => break,
                Kind::Newline => {
                    if self.line.place != Place::Empty {
                        self.end_line();
                    } else if self.lines.last().is_some_and(|l| l.place != Place::Empty) {
                        self.lines.push(Line::default());
                    }
                }
                Kind::Comment => {
                    self.line.comment = Some(text.trim_end());
                    if self.line.place == Place::Empty {
                        self.line.place = match self.depth {
                            0 if self.body => Place::Comment,
                            0 => Place::Margin,
                            _ => self.start(),
                        };
                    }
                }
                Kind::Punct(b'}') if self.depth == 0 => {
                    self.end_line();
                    self.body = false;
                    self.push(token, text);
                    self.line.closes = true;
                }
                Kind::Punct(b'{') if self.line.opens && self.depth == 0 => {
                    self.push(token, text);
                    self.body = true;
                    self.end_line_after_comment(&mut lexer);
                }
                Kind::Punct(b':') if self.is_label() => {
                    self.push(token, text);
                    self.line.place = Place::Margin;
                    self.end_line_after_comment(&mut lexer);
                }
                Kind::Hex => {
                    let mut parts = text.lines().map(str::trim);
                    self.push(token, parts.next().unwrap_or(""));
                    for part in parts {
                        self.end_line();
                        self.line.place = Place::Within(if self.body { 4 } else { 2 });
                        self.line.code.push_str(part);
                        self.line.last = Some(token);
                    }
                }
                _ => self.push(token, text),
            }
        }
        self.end_line();
    }

    /// Ends the line, with the comment that follows on it.
    fn end_line_after_comment(&mut self, lexer: &mut Lexer<'a>) {
        let mut ahead = lexer.clone();
        let mut token = ahead.next_with_comments();
        if token.kind == Kind::Comment {
            self.line.comment = Some(self.src[token.start..token.end].trim_end());
            *lexer = ahead.clone();
            token = ahead.next_with_comments();
        }
        if token.kind == Kind::Newline {
            *lexer = ahead;
        }
        self.end_line();
    }

    fn end_line(&mut self) {
        if self.line.place != Place::Empty {
            self.lines.push(std::mem::take(&mut self.line));
        }
    }

    /// Where a line that starts now stands.
    fn start(&self) -> Place {
        match (self.depth, self.body) {
            (0, true) => Place::Inside,
            (0, false) => Place::Margin,
            (_, true) => Place::Within(4),
            (_, false) => Place::Within(2),
        }
    }

    /// Whether a colon now would make what is on the line a label.
    fn is_label(&self) -> bool {
        let Some(last) = self.line.last else { return false };
        self.body
            && self.depth == 0
            && matches!(last.kind, Kind::Ident | Kind::Str)
            && self.line.code.len() == last.end - last.start
    }

    fn push(&mut self, token: Token, text: &str) {
        if let Kind::Punct(b')' | b']' | b'}' | b'>') = token.kind {
            self.depth = self.depth.saturating_sub(1);
        }
        if self.line.place == Place::Empty {
            self.line.place = match (self.start(), token.kind) {
                // A closing bracket lines up with what opened it.
                (Place::Within(n), Kind::Punct(b')' | b']' | b'}' | b'>')) => Place::Within(n - 2),
                (place, _) => place,
            };
            self.line.opens = matches!(text, "func" | "export");
        } else if let Some(last) = self.line.last
            && self.space(last, token)
        {
            self.line.code.push(' ');
        }
        self.line.code.push_str(text);
        self.line.last = Some(token);
        let opens = match token.kind {
            Kind::Punct(b'(' | b'[' | b'<') => true,
            Kind::Punct(b'{') => !(self.line.opens && self.depth == 0),
            _ => false,
        };
        self.depth += usize::from(opens);
    }

    /// Whether a space stands between two tokens.
    fn space(&self, last: Token, next: Token) -> bool {
        let last_text = &self.src[last.start..last.end];
        match (last.kind, next.kind) {
            (Kind::Punct(b'(' | b'[' | b'<'), _) => false,
            (_, Kind::Punct(b')' | b']' | b'>' | b',' | b':' | b'<')) => false,
            // Elements in braces; the brace of a body ends its line.
            (Kind::Punct(b'{'), _) | (_, Kind::Punct(b'}')) => false,
            (Kind::Punct(b':'), Kind::Number) => !self.line.code.ends_with("nan:") && !self.is_nan_colon(),
            (Kind::Ident, Kind::Punct(b'(')) => last_text == "sig",
            (Kind::At | Kind::Reg | Kind::Str | Kind::Punct(b'>'), Kind::Punct(b'(')) => false,
            _ => true,
        }
    }

    /// Whether the line ends with `nan_f32:` or `nan_f64:`.
    fn is_nan_colon(&self) -> bool {
        ["nan_f32:", "nan_f64:"].iter().any(|nan| self.line.code.ends_with(nan))
    }

    /// All lines as text.
    fn finish(self) -> String {
        let mut out = String::with_capacity(self.src.len() + self.src.len() / 8);
        let lines = &self.lines;
        let indents = indents(lines);
        let mut columns = Columns::default();
        let mut empty_before = true;
        for (at, line) in lines.iter().enumerate() {
            if line.place == Place::Empty {
                // None after `{`, before `}` and at the end.
                let closes = lines.get(at + 1).is_none_or(|l| l.code == "}");
                if !empty_before && !closes {
                    out.push('\n');
                    empty_before = true;
                }
                continue;
            }
            // Functions stand apart.
            if !empty_before && at > 0 && lines[at - 1].closes {
                out.push('\n');
            }
            let indent = indents[at];
            out.extend(std::iter::repeat_n(' ', indent));
            out.push_str(&line.code);
            if let Some(comment) = line.comment {
                if !line.code.is_empty() {
                    let width = indent + line.code.chars().count();
                    let column = columns.comment(lines, &indents, at).max(width + 2);
                    out.extend(std::iter::repeat_n(' ', column - width));
                }
                out.push_str(comment);
            }
            out.push('\n');
            empty_before = line.opens && line.code.ends_with('{');
        }
        out
    }
}

/// How far in each line stands.
fn indents(lines: &[Line<'_>]) -> Vec<usize> {
    let mut out = vec![0; lines.len()];
    // A comment before a label belongs to the label.
    let mut of_comments = 2;
    for (at, line) in lines.iter().enumerate().rev() {
        out[at] = match line.place {
            Place::Empty => continue,
            Place::Comment => of_comments,
            Place::Margin => 0,
            Place::Inside => 2,
            Place::Within(n) => n,
        };
        if line.place != Place::Comment {
            of_comments = if line.place == Place::Margin && !line.closes { 0 } else { 2 };
        }
    }
    out
}

/// The column of comments at line ends, the same for a run of such lines.
#[derive(Default)]
struct Columns {
    /// The last run worked out: line after its end, and its column.
    until: usize,
    column: usize,
}

impl Columns {
    fn comment(&mut self, lines: &[Line<'_>], indents: &[usize], at: usize) -> usize {
        if at >= self.until {
            let indent = indents[at];
            let mut end = at;
            let mut column = 0;
            for line in lines[at..].iter().take_while(|l| l.comment.is_some() && !l.code.is_empty()) {
                // The header of a function stands for itself.
                if indents[end] != indent || (end > at && (line.opens || lines[at].opens)) {
                    break;
                }
                let width = indent + line.code.chars().count() + 2;
                if width <= WIDEST {
                    column = column.max(width);
                }
                end += 1;
            }
            (self.until, self.column) = (end, column);
        }
        self.column
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn format(text: &str) -> String {
        let out = format_source(text, "t.nba").unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(format_source(&out, "t.nba").unwrap_or_else(|e| panic!("{e}\n{out}")), out);
        out
    }

    #[test]
    fn layout_is_regular_and_comments_stay() {
        let text = "; head\n\n\n\nconst  @t:tensor<f64>[2,2]={ 1.0,2.0 , ; row\n3.0,4.0 }\nconst @b: tensor<u8> [2] = hex\"00\n  ff\"\nfunc @f(%x :f64)->(f64,f64){ ; open\n\n %y=f64.add %x,1.0;one\n   %longer = f64.mul %y,%y ; two\n br next\n\n ; about next\nnext : ret %y,nan:0x7ff8000000000001\n\n}\nfunc @g() {\n call_ref %f (1)\n%f: func<(i64)->i64> = copy %f\n ret }\n; end";
        let want = "\
; head

const @t: tensor<f64> [2, 2] = {1.0, 2.0,  ; row
  3.0, 4.0}
const @b: tensor<u8> [2] = hex\"00
  ff\"
func @f(%x: f64) -> (f64, f64) {  ; open
  %y = f64.add %x, 1.0      ;one
  %longer = f64.mul %y, %y  ; two
  br next

; about next
next:
  ret %y, nan:0x7ff8000000000001
}

func @g() {
  call_ref %f(1)
  %f: func<(i64) -> i64> = copy %f
  ret
}

; end
";
        assert_eq!(format(text), want);
    }

    #[test]
    fn broken_lists_stay_broken() {
        let text = "const @t: tensor<i64> [2] = {\n1,\n  2\n}\nimport func @h(i64,\ni64)\nsig (i64)->f64\nuse tensor.add<f64>\nfunc @g() {\n%t=tensor.zeros<f64>[2,\n3]\nop tensor.assign <f64>(%t)\nret\n}\n";
        let want = "\
const @t: tensor<i64> [2] = {
  1,
  2
}
import func @h(i64,
  i64)
sig (i64) -> f64
use tensor.add<f64>
func @g() {
  %t = tensor.zeros<f64> [2,
    3]
  op tensor.assign<f64>(%t)
  ret
}
";
        assert_eq!(format(text), want);
    }
}
