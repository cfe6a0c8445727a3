//! `nbc dis`: binary to text.

use super::failure::Failure;
use super::input::{self, Most};
use super::output;
use super::replace::{self, Holds};
use serde_json::json;

#[derive(clap::Args)]
#[command(after_long_help = "\
Examples:
  nbc dis program.nbc
  nbc dis program.nbc -o program.nba")]
pub struct Dis {
    /// Program, .nbc or .nba; - for standard input
    #[arg(value_name = "FILE")]
    file: String,
    /// Text to write [default: standard output]
    #[arg(short, long, value_name = "OUT.nba")]
    output: Option<String>,
    #[command(flatten)]
    most: Most,
    /// Print the text, or what was written, and errors as JSON
    #[arg(long)]
    pub json: bool,
}

impl Dis {
    /// Carries out the command.
    pub fn carry_out(&self) -> Result<(), Failure> {
        let path = self.output.as_deref().unwrap_or("-");
        replace::keep_input(&self.file, path)?;
        let text = input::read_module(&self.file, self.most)?.print();
        let document = match replace::is_standard(path) {
            true if self.json => json!({ "ok": true, "text": text }),
            _ => {
                // What is there may be somebody's text.
                replace::replace(path, Holds::Source, text.as_bytes())?;
                json!({ "ok": true, "file": path, "bytes": text.len() })
            }
        };
        if self.json {
            output::print(&format!("{document}\n"))?;
        }
        Ok(())
    }
}
