//! Why a command did not do what was asked, and how that is told.

use super::{output, show};
use nbc::ir;
use nbc::ir::shown::{visible, visible_lines};
use nbc::runtime::backtrace::Trap;
use nbc::runtime::error::{Error, ErrorKind};
use serde_json::{Value as Json, json};
use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write as _};
use std::process::ExitCode;

/// Exit status when the program trapped.
pub const TRAPPED: u8 = 1;
/// Exit status for bad input or usage.
pub const BAD_INPUT: u8 = 2;

/// Why a command failed.
pub enum Failure {
    /// A file that cannot be read or written, or says something wrong.
    Input {
        /// What is wrong.
        message: String,
        /// What to do about it.
        help: Option<String>,
    },
    /// The command line asks for something that cannot be.
    Usage(String),
    /// The engine refused, or the program trapped.
    Engine(Error),
    /// The program trapped on a line of its text.
    TrapAt {
        /// The trap.
        error: Error,
        /// File and line.
        place: String,
        /// The line's text.
        line: String,
    },
    /// The tiers do not do the same.
    Differs(String),
    /// Of so many expectations of a file these do not hold.
    Unmet(String, usize, Vec<Unmet>),
    /// Several things, one after the other.
    Several(Vec<Failure>),
    /// Standard output is gone or full.
    Output(io::Error),
    /// A run that failed after it had begun, with what it cost until then.
    Measured(Box<Failure>, Json),
    /// What the document on standard output has said already.
    Shown(Box<Failure>),
    /// What was looked for was found, and has been said: differences of `fmt --check`.
    Said,
}

/// An expectation that does not hold.
pub struct Unmet {
    /// Its line.
    pub line: usize,
    /// The function, if it is about one.
    pub function: Option<String>,
    /// What happened instead.
    pub why: String,
}

impl From<Error> for Failure {
    fn from(e: Error) -> Failure {
        Failure::Engine(e)
    }
}

impl From<ir::Error> for Failure {
    fn from(e: ir::Error) -> Failure {
        Failure::Engine(e.into())
    }
}

impl From<io::Error> for Failure {
    fn from(e: io::Error) -> Failure {
        Failure::Output(e)
    }
}

impl Failure {
    /// A file that cannot be used.
    pub fn input(message: impl Into<String>) -> Failure {
        Failure::Input { message: message.into(), help: None }
    }

    /// A command line that cannot be carried out.
    pub fn usage(message: impl Into<String>) -> Failure {
        Failure::Usage(message.into())
    }

    /// With what to do about it.
    pub fn with_help(self, help: impl Into<String>) -> Failure {
        match self {
            Failure::Input { message, .. } | Failure::Usage(message) => {
                Failure::Input { message, help: Some(help.into()) }
            }
            other => other,
        }
    }

    /// A failed call of a program with the text `source`.
    pub fn of_call(error: Error, source: Option<&ir::module::Source>) -> Failure {
        let number = error.trap().and_then(|t| t.line());
        let line = source.zip(number).and_then(|(s, n)| s.text.lines().nth(n as usize - 1));
        match (line, source, number) {
            (Some(line), Some(source), Some(n)) if visible(line.trim()) == line.trim() => {
                let line = line.trim().chars().take(100).collect();
                Failure::TrapAt { error, place: format!("{}:{n}", source.name), line }
            }
            _ => Failure::Engine(error),
        }
    }

    /// Several failures as one, if there are any.
    pub fn of_all(mut failures: Vec<Failure>) -> Result<(), Failure> {
        match failures.len() {
            0 => Ok(()),
            1 => failures.pop().map_or(Ok(()), Err),
            _ => Err(Failure::Several(failures)),
        }
    }

    /// Says it, on standard error or in a document on standard output, and makes
    /// the exit status.
    pub fn report(&self, json: bool) -> ExitCode {
        let text = match self {
            Failure::Output(_) if self.is_quiet() => String::new(),
            Failure::Said | Failure::Shown(_) => String::new(),
            // Where there is no standard output, no document can be on it.
            Failure::Output(_) => self.text(io::stderr().is_terminal()),
            _ if json => {
                let document = format!("{}\n", self.document());
                match output::print(&document).and_then(|()| output::flush()) {
                    Ok(()) => String::new(),
                    Err(_) => document,
                }
            }
            _ => self.text(io::stderr().is_terminal()),
        };
        // There is nowhere left to tell that telling failed.
        let _ = io::stderr().write_all(text.as_bytes());
        ExitCode::from(self.status())
    }

    /// Whether only the reader of the output is gone, who has what it wanted.
    fn is_quiet(&self) -> bool {
        matches!(self, Failure::Output(e) if e.kind() == io::ErrorKind::BrokenPipe)
    }

    /// The document that says it: `error`, and what is known besides.
    fn document(&self) -> Json {
        let mut document = match self {
            Failure::Measured(_, cost) => cost.clone(),
            _ => json!({}),
        };
        document["error"] = self.json();
        document
    }

    fn status(&self) -> u8 {
        match self {
            Failure::Measured(failure, _) | Failure::Shown(failure) => failure.status(),
            _ if self.is_quiet() => 0,
            Failure::TrapAt { .. } => TRAPPED,
            Failure::Engine(e) if e.kind() == ErrorKind::Trap => TRAPPED,
            Failure::Said | Failure::Differs(_) | Failure::Unmet(..) => TRAPPED,
            Failure::Several(all) => all.iter().map(Failure::status).max().unwrap_or(TRAPPED),
            _ => BAD_INPUT,
        }
    }

    fn text(&self, color: bool) -> String {
        let (red, reset) = if color { ("\x1b[31m", "\x1b[0m") } else { ("", "") };
        let plain = |message: &str, help: Option<&str>| {
            // Whoever wrote it: what programs and files are called steers no terminal.
            let mut text = format!("{red}Error:{reset} {}\n", visible_lines(message));
            if let Some(help) = help {
                let _ = writeln!(text, "  help: {}", visible_lines(help));
            }
            text
        };
        match self {
            Failure::Input { message, help } => plain(message, help.as_deref()),
            Failure::Usage(message) | Failure::Differs(message) => plain(message, None),
            Failure::Unmet(file, count, unmet) => {
                let mut text = String::new();
                for u in unmet {
                    let function = u.function.as_ref().map_or(String::new(), |f| format!(" @{f}:"));
                    let what = format!("{function} {}", u.why.trim_end());
                    let _ = writeln!(text, "{red}{file}:{}:{reset}{}", u.line, visible_lines(&what));
                }
                let message = unmet_message(file, *count, unmet);
                text + &plain(&message, None)
            }
            Failure::Several(all) => all.iter().map(|f| f.text(color)).collect(),
            Failure::Output(e) => plain(&format!("cannot write to standard output: {e}"), None),
            Failure::Measured(failure, _) => failure.text(color),
            Failure::Said | Failure::Shown(_) => String::new(),
            Failure::TrapAt { error, place, line } => {
                let text = error.to_string();
                let text = visible_lines(&text);
                let place = visible(place);
                // The message, the innermost call, and the line under it.
                let mut lines = text.lines();
                let mut out = format!("{red}Error:{reset} {}\n", lines.next().unwrap_or_default());
                let _ = writeln!(out, "{}\n    {place} | {line}", lines.next().unwrap_or_default());
                lines.for_each(|l| out.extend([l, "\n"]));
                out
            }
            Failure::Engine(e) => match (e.module_error(), e.trap()) {
                (Some(module), _) => module.render(color),
                (_, Some(trap)) => plain(&trap.to_string(), None),
                _ => plain(&e.to_string(), None),
            },
        }
    }

    /// The failure for machines.
    pub fn json(&self) -> Json {
        match self {
            Failure::Input { message, help } => json!({ "kind": "input", "message": message, "help": help }),
            Failure::Usage(message) => json!({ "kind": "usage", "message": message }),
            Failure::Output(e) => json!({ "kind": "output", "message": e.to_string() }),
            Failure::Measured(failure, _) | Failure::Shown(failure) => failure.json(),
            Failure::Said => json!({ "kind": "difference" }),
            Failure::Differs(message) => json!({ "kind": "difference", "message": message }),
            Failure::Unmet(file, count, unmet) => {
                let all: Vec<Json> = unmet
                    .iter()
                    .map(|u| json!({ "line": u.line, "function": u.function, "message": u.why }))
                    .collect();
                let message = unmet_message(file, *count, unmet);
                json!({ "kind": "expectations", "message": message, "expectations": count, "failed": all })
            }
            Failure::Several(all) => {
                let all: Vec<Json> = all.iter().map(Failure::json).collect();
                json!({ "kind": "several", "errors": all })
            }
            Failure::Engine(e) | Failure::TrapAt { error: e, .. } => match (e.module_error(), e.trap()) {
                (Some(module), _) => module_json(e.kind(), module),
                (_, Some(trap)) => trap_json(trap),
                _ => json!({ "kind": kind_name(e.kind()), "message": e.to_string() }),
            },
        }
    }
}

fn unmet_message(file: &str, count: usize, unmet: &[Unmet]) -> String {
    let are = if unmet.len() == 1 { "does" } else { "do" };
    format!("{file}: {} of {} {are} not hold", unmet.len(), show::count(count, "expectation"))
}

fn kind_name(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Read => "read",
        ErrorKind::Verify => "verify",
        ErrorKind::Link => "link",
        ErrorKind::Unknown => "unknown",
        ErrorKind::Arguments => "arguments",
        ErrorKind::Trap => "trap",
        ErrorKind::Limits => "limits",
        _ => "other",
    }
}

fn module_json(kind: ErrorKind, e: &ir::Error) -> Json {
    let diagnostics: Vec<Json> = e
        .diagnostics()
        .iter()
        .map(|d| {
            let line = d.span.and_then(|(start, _)| e.line_of(start));
            let note =
                |n: &ir::Note| json!({ "message": n.message, "line": e.line_of(n.span.0), "span": n.span });
            let notes: Vec<Json> = d.notes.iter().map(note).collect();
            json!({
                "message": d.message,
                "where": d.context,
                "line": line,
                "span": d.span,
                "help": d.help,
                "notes": notes,
            })
        })
        .collect();
    let file = e.source_text().map(|s| s.name.to_string());
    json!({ "kind": kind_name(kind), "message": e.to_string(), "file": file, "diagnostics": diagnostics })
}

fn trap_json(trap: &Trap) -> Json {
    let frames: Vec<Json> = trap
        .frames
        .iter()
        .map(|f| {
            let line = (f.line > 0).then_some(f.line);
            json!({ "function": f.name, "block": f.block, "instruction": f.inst, "line": line })
        })
        .collect();
    json!({
        "kind": "trap",
        "code": trap.code().name(),
        "message": trap.error.message(),
        "frames": frames,
        "frames_omitted": trap.omitted,
    })
}
