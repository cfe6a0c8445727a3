//! `nbc asm`: text to binary.

use super::failure::Failure;
use super::input;
use std::io::Write;

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
    /// Print errors as JSON
    #[arg(long)]
    pub json: bool,
}

impl Asm {
    /// Carries out the command.
    pub fn carry_out(&self) -> Result<(), Failure> {
        let mut module = input::read_verified(&self.file)?.into_module();
        if self.strip {
            module = module.stripped();
        }
        let bytes = module.encode();
        let path = match (&self.output, self.file.strip_suffix(".nba")) {
            (Some(path), _) => path.clone(),
            (None, Some(stem)) => format!("{stem}.nbc"),
            (None, None) => return Err(Failure::usage("say where to: -o OUT.nbc")),
        };
        if path == "-" {
            let mut out = std::io::stdout();
            out.write_all(&bytes)?;
            return Ok(out.flush()?);
        }
        std::fs::write(&path, bytes).map_err(|e| Failure::input(format!("cannot write {path}: {e}")))
    }
}
