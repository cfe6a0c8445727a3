//! `nbc asm`: text to binary.

use super::failure::Failure;
use super::input::{self, Most};
use super::output;
use super::replace::{self, Holds};
use serde_json::json;

#[derive(clap::Args)]
#[command(after_long_help = "\
Examples:
  nbc asm program.nba
  nbc asm program.nba -o other.nbc
  nbc asm program.nba --strip -o - | nbc info -")]
pub struct Asm {
    /// Program, .nba or .nbc; - for standard input
    #[arg(value_name = "IN")]
    file: String,
    /// Binary to write; - for standard output [default: IN with the ending .nbc]
    #[arg(short, long, value_name = "OUT.nbc")]
    output: Option<String>,
    /// Leave out names and lines, which only people read
    #[arg(long)]
    strip: bool,
    #[command(flatten)]
    most: Most,
    /// Print as JSON what was written, unless that is on standard output, and errors
    #[arg(long)]
    pub json: bool,
}

impl Asm {
    /// Carries out the command.
    pub fn carry_out(&self) -> Result<(), Failure> {
        let path = match (&self.output, self.file.strip_suffix(".nba")) {
            (Some(path), _) => path.clone(),
            (None, Some(stem)) => format!("{stem}.nbc"),
            (None, None) => return Err(Failure::usage("say where to: -o OUT.nbc")),
        };
        replace::keep_input(&self.file, &path)?;
        let mut module = input::read_verified(&self.file, self.most)?.into_module();
        if self.strip {
            module = module.stripped();
        }
        let bytes = module.encode();
        replace::replace(&path, Holds::Product, &bytes)?;
        if self.json && !replace::is_standard(&path) {
            output::print(&format!("{}\n", json!({ "ok": true, "file": path, "bytes": bytes.len() })))?;
        }
        Ok(())
    }
}
