//! `nbc verify`: are programs sound?

use super::failure::Failure;
use super::input::{self, Most};
use super::outcomes::Outcomes;
use super::show;
use serde_json::json;

#[derive(clap::Args)]
#[command(after_long_help = "\
Examples:
  nbc verify program.nba
  nbc verify *.nbc && echo all of them are sound

With --json the document is that of the file, or of several `{\"ok\": .., \"files\": [..]}`.")]
pub struct Verify {
    /// Programs, .nba or .nbc; - for standard input
    #[arg(value_name = "FILE", required = true)]
    files: Vec<String>,
    #[command(flatten)]
    most: Most,
    /// Print the outcome and errors as JSON
    #[arg(long)]
    pub json: bool,
}

impl Verify {
    /// Carries out the command.
    pub fn carry_out(&self) -> Result<(), Failure> {
        let mut outcomes = Outcomes::new(self.json);
        for file in &self.files {
            let outcome = input::read_verified(file, self.most).map(|module| {
                let (functions, imports) = (module.functions.len(), module.imports.len());
                let instructions: usize = module.functions.iter().map(|f| f.num_insts()).sum();
                let document = json!({
                    "ok": true,
                    "functions": functions,
                    "imports": imports,
                    "instructions": instructions,
                });
                let functions = show::count(functions, "function");
                let size = format!("{functions}, {}", show::count(instructions, "instruction"));
                (format!("{file}: sound ({size})\n"), document)
            });
            outcomes.add(file, outcome)?;
        }
        outcomes.finish()
    }
}
