//! Errors of reading and verifying: every one says what, where and what to do.

use crate::entity::{BlockId, FuncId};
use crate::module::Source;
use crate::shown::is_hidden;
use std::fmt;

/// Where in a module a diagnostic points.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    /// The module as a whole.
    Module,
    /// A range of bytes of the source text.
    Span {
        /// First byte.
        start: usize,
        /// Byte after the last.
        end: usize,
    },
    /// A byte of a binary file.
    Offset(usize),
    /// A function as a whole.
    Function(FuncId),
    /// An instruction.
    Inst {
        /// Function it stands in.
        func: FuncId,
        /// Block it stands in.
        block: BlockId,
        /// Its position in the block.
        inst: usize,
    },
}

/// One thing that is wrong.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Diagnostic {
    /// What is wrong, with what was expected and what was found.
    pub message: String,
    /// Where.
    pub place: Place,
    /// The place in words: function, block, instruction, source line, as far as there are.
    pub context: String,
    /// What to do about it, where that can be said.
    pub help: Option<String>,
    /// Bytes of the source text to underline, where there is source text.
    pub span: Option<(usize, usize)>,
    /// Other places of the text that it speaks of.
    pub notes: Vec<Note>,
}

/// Another place of the source text that a diagnostic speaks of, such as the
/// first of two definitions.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Note {
    /// What is there.
    pub message: String,
    /// Bytes of the source text.
    pub span: (usize, usize),
}

/// What was being done when the error arose.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ErrorKind {
    /// Reading text.
    Parse,
    /// Reading a binary file.
    Decode,
    /// Verifying.
    Verify,
}

/// All that is wrong with a module.
#[derive(Clone, Debug)]
pub struct Error(Box<Inner>);

#[derive(Clone, Debug)]
struct Inner {
    kind: ErrorKind,
    diagnostics: Vec<Diagnostic>,
    source: Option<Source>,
    /// Text of the instruction of each diagnostic, for modules without
    /// source text; may be shorter than `diagnostics`.
    instructions: Vec<Option<String>>,
}

impl Error {
    /// An error of that kind, of which the diagnostics say what it is.
    pub fn new(kind: ErrorKind, diagnostics: Vec<Diagnostic>, source: Option<Source>) -> Error {
        Error(Box::new(Inner { kind, diagnostics, source, instructions: Vec::new() }))
    }

    /// The same error with the text of the instruction that each diagnostic is about.
    pub(crate) fn with_instructions(mut self, instructions: Vec<Option<String>>) -> Error {
        self.0.instructions = instructions;
        self
    }

    /// The same error with the help that `help` has for messages which have none.
    pub fn with_help(mut self, help: impl Fn(&str) -> Option<String>) -> Error {
        for diagnostic in self.0.diagnostics.iter_mut().filter(|d| d.help.is_none()) {
            diagnostic.help = help(&diagnostic.message);
        }
        self
    }

    /// The kind of error: what was being done.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Everything that is wrong, in the order of the module.
    pub fn diagnostics(&self) -> &[Diagnostic] {
        &self.0.diagnostics
    }

    /// The line of the source text, from 1, that byte `at` stands on.
    pub fn line_of(&self, at: usize) -> Option<usize> {
        let before = self.0.source.as_ref()?.text.get(..at)?;
        Some(before.matches('\n').count() + 1)
    }

    /// The text the module was read from.
    pub fn source_text(&self) -> Option<&Source> {
        self.0.source.as_ref()
    }
}

impl Error {
    /// The error as people read it: each diagnostic with the source line and
    /// a caret below what is wrong, or the instruction's text for a module
    /// without source text. `color` adds terminal colours.
    ///
    /// Lines are shown clipped and without control characters, so that a
    /// hostile file can neither flood nor steer a terminal.
    pub fn render(&self, color: bool) -> String {
        let mut out = String::new();
        for (i, diagnostic) in self.0.diagnostics.iter().enumerate() {
            if i > 0 {
                out.push('\n');
            }
            let excerpt = match (&self.0.source, diagnostic.span) {
                (Some(source), Some(span)) => Excerpt::new(&source.text, span),
                _ => None,
            };
            match (excerpt, &self.0.source) {
                (Some(excerpt), Some(source)) if excerpt.line < MAX_LINE => {
                    out.push_str(&excerpt.report(diagnostic, source, color))
                }
                (excerpt, _) => self.plain(&mut out, i, excerpt, color),
            }
        }
        out
    }

    /// A diagnostic without a source line, in the same style.
    fn plain(&self, out: &mut String, index: usize, excerpt: Option<Excerpt>, color: bool) {
        let diagnostic = &self.0.diagnostics[index];
        let (red, reset) = if color { ("\x1b[31m", "\x1b[0m") } else { ("", "") };
        out.push_str(&format!("{red}Error:{reset} {}\n", printable(&diagnostic.message)));
        let file = self.0.source.as_ref().map_or("", |s| &*s.name);
        let place = match (file, diagnostic.context.as_str()) {
            ("", context) => context.to_owned(),
            (file, "") => file.to_owned(),
            (file, context) => format!("{file}: {context}"),
        };
        if !place.is_empty() {
            out.push_str(&format!("   at {}\n", printable(&place)));
        }
        if let Some(excerpt) = excerpt {
            out.push_str(&format!(" {} | {}\n", excerpt.line + 1, excerpt.text));
        } else if let Some(Some(text)) = self.0.instructions.get(index) {
            out.push_str(&format!("    | {}\n", printable(text)));
        }
        for note in &diagnostic.notes {
            let line = self.line_of(note.span.0).map_or(String::new(), |line| format!(" (line {line})"));
            out.push_str(&format!("  note: {}{line}\n", printable(&note.message)));
        }
        if let Some(help) = &diagnostic.help {
            out.push_str(&format!("  help: {}\n", printable(help)));
        }
    }
}

/// Lines beyond this one are not shown; see [`Excerpt::report`].
const MAX_LINE: usize = 50_000;
/// Most bytes of a source line that are shown.
const LINE_CLIP: usize = 240;

/// The source line that a diagnostic points into.
struct Excerpt {
    /// The line, or the part of it around the span.
    text: String,
    /// Number of the line, from 0.
    line: usize,
    /// What to underline in `text`, in bytes.
    span: (usize, usize),
}

impl Excerpt {
    /// The line of `source` on which `span` starts; `None` for a span that
    /// is not of this text.
    fn new(source: &str, span: (usize, usize)) -> Option<Excerpt> {
        let (start, end) = span;
        if start > end || !source.is_char_boundary(start) || !source.is_char_boundary(end) {
            return None;
        }
        let line_start = source[..start].rfind('\n').map_or(0, |i| i + 1);
        let line_end = source[start..].find('\n').map_or(source.len(), |i| start + i);
        // Columns stay true unless the line is very long.
        let from = if start - line_start < LINE_CLIP / 2 {
            line_start
        } else {
            source.floor_char_boundary(start - LINE_CLIP / 4).max(line_start)
        };
        let to = source.floor_char_boundary(line_end.min(from + LINE_CLIP)).max(start);
        let end = end.clamp(start, to);
        let (before, marked) = (printable(&source[from..start]), printable(&source[start..end]));
        let span = (before.len(), before.len() + marked.len());
        let text = before + &marked + &printable(&source[end..to]);
        Some(Excerpt { text, line: source[..start].matches('\n').count(), span })
    }

    fn report(self, diagnostic: &Diagnostic, source: &Source, color: bool) -> String {
        use ariadne::{Color, Config, IndexType, Label, Report, ReportKind};
        let file = printable(&source.name);
        let config = Config::default().with_color(color).with_index_type(IndexType::Byte);
        let context = if diagnostic.context.is_empty() { "here" } else { &diagnostic.context };
        // Lines of notes are shown too, unless it is this line again.
        let mut words = Vec::new();
        let mut shown = vec![(self, context, Color::Red)];
        for note in &diagnostic.notes {
            match Excerpt::new(&source.text, note.span) {
                Some(e) if e.line < MAX_LINE && shown.iter().all(|(other, ..)| other.line != e.line) => {
                    shown.push((e, &note.message, Color::Blue));
                }
                _ => words.push(printable(&note.message)),
            }
        }
        let mut order: Vec<usize> = (0..shown.len()).collect();
        order.sort_by_key(|at| shown[*at].0.line);
        // Empty lines above make the line numbers come out right.
        let (mut text, mut line) = (String::new(), 0);
        let mut spans = vec![(file.clone(), 0..0); shown.len()];
        for at in order {
            let excerpt = &shown[at].0;
            text.extend(std::iter::repeat_n('\n', excerpt.line - line));
            line = excerpt.line;
            spans[at].1 = text.len() + excerpt.span.0..text.len() + excerpt.span.1;
            text.push_str(&excerpt.text);
        }
        let mut report = Report::build(ReportKind::Error, spans[0].clone())
            .with_config(config)
            .with_message(printable(&diagnostic.message));
        for ((_, message, label), span) in shown.iter().zip(spans) {
            report = report.with_label(Label::new(span).with_color(*label).with_message(printable(message)));
        }
        words.into_iter().for_each(|note| report.add_note(note));
        if let Some(help) = &diagnostic.help {
            report.add_help(printable(help));
        }
        let mut out = Vec::new();
        // Writing to memory cannot fail.
        let _ = report.finish().write((file, ariadne::Source::from(text)), &mut out);
        String::from_utf8_lossy(&out).into_owned()
    }
}

/// `text` with hidden characters made visible, one for one so that columns
/// stay true; tabs become blanks.
fn printable(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\t' => ' ',
            c if is_hidden(c) => '\u{fffd}',
            c => c,
        })
        .collect()
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, d) in self.0.diagnostics.iter().enumerate() {
            if i > 0 {
                writeln!(f)?;
            }
            if !d.context.is_empty() {
                write!(f, "{}: ", d.context)?;
            }
            f.write_str(&d.message)?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str, span: Option<(usize, usize)>) -> Error {
        let source = Source { name: "a.nba".into(), text: text.to_owned().into() };
        let diagnostic = Diagnostic {
            message: "expected i64, found %x".into(),
            place: Place::Module,
            context: "function @f".into(),
            help: Some("write 1".into()),
            span,
            notes: Vec::new(),
        };
        Error::new(ErrorKind::Verify, vec![diagnostic], Some(source))
            .with_instructions(vec![Some("%a = i64.neg %x".into())])
    }

    #[test]
    fn the_source_line_has_a_caret() {
        let text = error("func @f() {\n  %a = i64.neg %x\n}\n", Some((14, 29))).render(false);
        for part in
            ["Error: expected i64, found %x", "a.nba:2:3", "2 │   %a = i64.neg %x", "function @f", "write 1"]
        {
            assert!(text.contains(part), "{part:?} in\n{text}");
        }
        assert!(!text.contains('\x1b'));
        assert!(error("%a = i64.neg %x", Some((0, 5))).render(true).contains('\x1b'));
    }

    #[test]
    fn without_a_source_line_the_instruction_is_shown() {
        let text = error("", None).render(false);
        assert_eq!(
            text,
            "Error: expected i64, found %x\n   at a.nba: function @f\n    | %a = i64.neg %x\n  help: write 1\n"
        );
    }

    #[test]
    fn notes_show_their_lines() {
        let text = "const @a: str = \"\"\n\n\nconst @a: str = \"\"\n";
        let mut error = error(text, Some((27, 29)));
        let note = |span| Note { message: "it is defined first here".into(), span };
        error.0.diagnostics[0].notes = vec![note((6, 8)), note((33, 34)), note((0, 1_000_000))];
        let shown = error.render(false);
        for part in ["a.nba:4:7", "1 │ const @a", "4 │ const @a", "it is defined first here"] {
            assert!(shown.contains(part), "{part:?} in\n{shown}");
        }
        let mut plain = String::new();
        error.plain(&mut plain, 0, None, false);
        assert!(plain.contains("note: it is defined first here (line 1)\n"), "{plain}");
    }

    #[test]
    fn hostile_lines_are_clipped_and_tame() {
        let line = format!("{}\x1b[2J%x{}", "ä".repeat(100_000), "y".repeat(100_000));
        let at = line.find('%').unwrap();
        let text = error(&line, Some((at, at + 2))).render(false);
        assert!(text.len() < 3000 && !text.contains('\x1b'), "{text}");
        // Spans that are none of the text's.
        for span in [(5, 2), (1, 2), (0, usize::MAX), (400_000, 400_001)] {
            error(&line, Some(span)).render(false);
        }
        error("", Some((0, 0))).render(false);
    }
}
