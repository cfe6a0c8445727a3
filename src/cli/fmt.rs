//! `nbc fmt`: lays out text files.

use super::failure::Failure;
use super::{input, output};
use nbc::ir::format_source;
use serde_json::json;

#[derive(clap::Args)]
#[command(after_long_help = "\
Examples:
  nbc fmt program.nba
  nbc fmt --check examples/*.nba

Exit status: 0 done (or nothing to do), 1 with --check: some file would change, 2 a file cannot be read.")]
pub struct Fmt {
    /// Text files; - for standard input
    #[arg(value_name = "FILES", required = true)]
    files: Vec<String>,
    /// Change nothing; name the files that would change
    #[arg(long)]
    check: bool,
    /// Print outcomes and errors as JSON
    #[arg(long)]
    pub json: bool,
}

impl Fmt {
    /// Carries out the command.
    pub fn carry_out(&self) -> Result<(), Failure> {
        let mut differs = false;
        for file in &self.files {
            let (bytes, name) = input::read_bytes(file)?;
            let Ok(text) = String::from_utf8(bytes) else {
                return Err(Failure::input(format!("{name} is not text"))
                    .with_help("`nbc dis` makes text of a binary"));
            };
            let formatted = format_source(&text, name)?;
            let changed = formatted != text;
            differs |= changed;
            if self.json {
                output::print(&format!("{}\n", json!({ "file": name, "changed": changed })))?;
            }
            if self.check {
                if changed && !self.json {
                    output::print(&format!("{name} would change\n"))?;
                }
            } else if file == "-" {
                if !self.json {
                    output::print(&formatted)?;
                }
            } else if changed {
                std::fs::write(file, formatted)
                    .map_err(|e| Failure::input(format!("cannot write {file}: {e}")))?;
            }
        }
        if self.check && differs { Err(Failure::Said) } else { Ok(()) }
    }
}
