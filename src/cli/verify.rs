//! `nbc verify`: is a program sound?

use super::failure::Failure;
use super::{input, output, show};
use serde_json::json;

#[derive(clap::Args)]
#[command(after_long_help = "\
Examples:
  nbc verify program.nba
  nbc verify *.nbc && echo all of them are sound")]
pub struct Verify {
    /// Programs, .nba or .nbc; - for standard input
    #[arg(value_name = "FILE", required = true)]
    files: Vec<String>,
    /// Print the outcome and errors as JSON
    #[arg(long)]
    pub json: bool,
}

impl Verify {
    /// Carries out the command.
    pub fn carry_out(&self) -> Result<(), Failure> {
        for file in &self.files {
            let module = input::read_verified(file)?;
            let (functions, imports) = (module.functions.len(), module.imports.len());
            let instructions: usize = module.functions.iter().map(|f| f.num_insts()).sum();
            let line = if self.json {
                json!({
                    "file": file,
                    "ok": true,
                    "functions": functions,
                    "imports": imports,
                    "instructions": instructions,
                })
                .to_string()
            } else {
                let functions = show::count(functions, "function");
                format!("{file}: sound ({functions}, {})", show::count(instructions, "instruction"))
            };
            output::print(&(line + "\n"))?;
        }
        Ok(())
    }
}
