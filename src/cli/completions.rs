//! `nbc completions`: scripts that complete command lines.

use super::failure::Failure;
use std::io::Write;

#[derive(clap::Args)]
#[command(after_long_help = "\
Examples:
  nbc completions bash > ~/.local/share/bash-completion/completions/nbc
  nbc completions fish > ~/.config/fish/completions/nbc.fish
  nbc completions zsh > ~/.zfunc/_nbc")]
pub struct Completions {
    /// The shell
    #[arg(value_name = "SHELL")]
    shell: clap_complete::Shell,
}

impl Completions {
    /// Carries out the command.
    pub fn carry_out(&self, command: &mut clap::Command) -> Result<(), Failure> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, command, "nbc", &mut script);
        Ok(std::io::stdout().write_all(&script)?)
    }
}
