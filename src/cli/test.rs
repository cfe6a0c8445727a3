//! `nbc test`: runs the expectations that programs state in comments.

use super::failure::{Failure, Unmet};
use super::input::{self, Most};
use super::outcomes::Outcomes;
use super::tier::Tier;
use super::{output, quantity, show};
use nbc::compare::calls::{Console, Outcome};
use nbc::expectation::{self, Expectation, Refusal};
use nbc::ir::Module;
use nbc::runtime::engine::{Engine, Program};
use nbc::runtime::error::Error;
use nbc::runtime::linker::Linker;
use serde_json::json;
use std::time::Duration;

#[derive(clap::Args)]
#[command(after_long_help = AFTER)]
pub struct Test {
    /// Programs as text, .nba; - for standard input
    #[arg(value_name = "FILE", required = true)]
    files: Vec<String>,
    /// Leave out expectations that begin with `slow:`
    #[arg(long)]
    skip_slow: bool,
    /// Stop a call after that time, such as 10s; it then does not do what was expected
    #[arg(long, value_name = "TIME", value_parser = quantity::time)]
    timeout: Option<Duration>,
    #[command(flatten)]
    tier: Tier,
    #[command(flatten)]
    most: Most,
    /// Print outcomes and errors as JSON
    #[arg(long)]
    pub json: bool,
}

const AFTER: &str = "\
Expectations are comments that begin a line:
  ; run: @f(1, 2.5) == 3            what the call returns, bit by bit
  ; run: @f(0.1) ~= 0.0998 1e-4     floats within that tolerance
  ; run: @f() == 1, \"text\"          several results
  ; run: @f([2] {1.0, 2.0})         tensors: dims, elements; this only has to return
  ; slow: @f(100) == 5.0            as run, but may be left out: --skip-slow
  ; traps: @f(1, 0) divide_by_zero line 7
  ; prints: @main() == \"Hello\\n\"     what goes through console.print
  ; fuel: @f(3) == 17               how much fuel the call uses
  ; refused: part of a message      reading or verifying the file fails
With limits: `with fuel 100`, `with memory 1000000`, `with stack 4096` at the end.

Examples:
  nbc test program.nba
  nbc test examples/*.nba --tier jit

Exit status: 0 all hold, 1 some do not, 2 a file is no good or states none.";

impl Test {
    /// Carries out the command.
    pub fn carry_out(&self) -> Result<(), Failure> {
        let engine = Engine::new(self.tier.config()?);
        let mut outcomes = Outcomes::new(self.json);
        for file in &self.files {
            let name = if file == "-" { input::STANDARD } else { file };
            let outcome = self.check(file, &engine).map(|count| {
                let holds = if count == 1 { "holds" } else { "hold" };
                let text = format!("{name}: {} {holds}\n", show::count(count, "expectation"));
                (text, json!({ "ok": true, "expectations": count }))
            });
            outcomes.add(name, outcome)?;
            output::flush()?;
        }
        outcomes.finish()
    }

    /// How many expectations of `file` hold, which are all.
    fn check(&self, file: &str, engine: &Engine) -> Result<usize, Failure> {
        let (bytes, name) = input::read_bytes(file, self.most)?;
        let Ok(text) = String::from_utf8(bytes) else {
            return Err(Failure::input(format!("{name} is not text, and only text states expectations")));
        };
        let none = || {
            Failure::usage(format!("{name} states no expectations"))
                .with_help("write some, such as `; run: @main() == 3`; nbc test --help lists the others")
        };
        let mut unmet = Vec::new();
        let count;
        if let Some(refusal) = Refusal::read(&text) {
            count = refusal.count();
            let verified = Module::read(text.as_bytes(), name).and_then(Module::verify);
            if let Err(why) = refusal.holds(&text, &verified) {
                unmet.push(Unmet { line: 1, function: None, why });
            }
        } else {
            let module = input::verified(Module::read(text.as_bytes(), name))?;
            let all = expectation::read(&text, &module)
                .map_err(|why| Failure::input(format!("{name}: {}", nbc::ir::shown::clipped(&why, 300))))?;
            let wanted: Vec<&Expectation> = all.iter().filter(|e| !(e.slow && self.skip_slow)).collect();
            if wanted.is_empty() {
                return Err(none());
            }
            count = wanted.len();
            let program = engine.load(module);
            for e in wanted {
                if let Err(why) = self.check_one(e, &program)? {
                    unmet.push(Unmet { line: e.line, function: Some(e.function.clone()), why });
                }
            }
        }
        if unmet.is_empty() { Ok(count) } else { Err(Failure::Unmet(name.to_owned(), count, unmet)) }
    }

    /// Whether a call did what is expected; an error if there cannot be a call.
    fn check_one(&self, e: &Expectation, program: &Program) -> Result<Result<(), String>, Error> {
        let console = Console::default();
        let mut linker = Linker::new();
        console.give(&mut linker);
        let limits = e.limits(e.needs_fuel()).timeout(self.timeout);
        let outcome = match linker.instantiate_with(program, limits) {
            Ok(mut instance) => Outcome::of(&mut instance, &e.function, &e.args, &console),
            Err(error) => Outcome::without_instance(error),
        };
        Ok(e.holds(&outcome?))
    }
}
