//! `nbc fmt`: lays out text files.

use super::failure::Failure;
use super::input::{self, Most};
use super::outcomes::Outcomes;
use super::output;
use super::replace::{self, Holds};
use nbc::ir::format_source;
use serde_json::json;

#[derive(clap::Args)]
#[command(after_long_help = "\
Examples:
  nbc fmt program.nba
  nbc fmt --check examples/*.nba

Exit status: 0 done (or nothing to do), 1 with --check: some file would change, 2 a file cannot be read
or written.")]
pub struct Fmt {
    /// Text files; - for standard input
    #[arg(value_name = "FILES", required = true)]
    files: Vec<String>,
    /// Change nothing; name the files that would change
    #[arg(long)]
    check: bool,
    #[command(flatten)]
    most: Most,
    /// Print outcomes and errors as JSON
    #[arg(long)]
    pub json: bool,
}

impl Fmt {
    /// Carries out the command.
    pub fn carry_out(&self) -> Result<(), Failure> {
        let mut outcomes = Outcomes::new(self.json);
        let mut differs = false;
        for file in &self.files {
            let outcome = self.one(file).map(|(text, changed)| {
                differs |= changed;
                (text, json!({ "ok": true, "changed": changed }))
            });
            outcomes.add(if file == "-" { input::STANDARD } else { file }, outcome)?;
        }
        outcomes.finish()?;
        if self.check && differs { Err(Failure::Said) } else { Ok(()) }
    }

    /// Lays out one file; what there is to print, and whether it is another than before.
    fn one(&self, file: &str) -> Result<(String, bool), Failure> {
        let (bytes, name) = input::read_bytes(file, self.most)?;
        let Ok(text) = String::from_utf8(bytes) else {
            return Err(
                Failure::input(format!("{name} is not text")).with_help("`nbc dis` makes text of a binary")
            );
        };
        let formatted = format_source(&text, name)?;
        let changed = formatted != text;
        drop(text);
        if self.check {
            let text = if changed { format!("{name} would change\n") } else { String::new() };
            return Ok((text, changed));
        }
        if file == "-" {
            return Ok((formatted, changed));
        }
        if changed {
            if !std::fs::metadata(file).is_ok_and(|m| m.is_file()) || replace::is_open(file) {
                return Err(Failure::input(format!("{file} is no file that could be written over"))
                    .with_help("- reads standard input and writes standard output"));
            }
            // What has been said of other files is there before this one changes.
            output::flush()?;
            replace::replace(file, Holds::Source, formatted.as_bytes())?;
        }
        Ok((String::new(), changed))
    }
}
