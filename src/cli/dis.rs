//! `nbc dis`: binary to text.

use super::failure::Failure;
use super::{input, output};

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
    /// Print errors as JSON
    #[arg(long)]
    pub json: bool,
}

impl Dis {
    /// Carries out the command.
    pub fn carry_out(&self) -> Result<(), Failure> {
        let text = input::read_module(&self.file)?.print();
        match self.output.as_deref() {
            None | Some("-") => Ok(output::print(&text)?),
            Some(path) => {
                std::fs::write(path, text).map_err(|e| Failure::input(format!("cannot write {path}: {e}")))
            }
        }
    }
}
