//! Linking: which host functions a program gets. It can reach nothing else.

use crate::engine::{Limits, Program};
use crate::error::{Error, ErrorKind};
use crate::host::{HostFunc, IntoHostFunc};
use crate::instance::Instance;
use crate::op::in_build;
use nbc_ir::catalogue::Operation;
use nbc_ir::shown::clipped;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

/// Functions that are listed when they are missing.
const SHOWN: usize = 20;

/// Host functions by name.
#[derive(Clone, Default)]
pub struct Linker {
    funcs: BTreeMap<String, HostFunc>,
    /// Names that were defined again.
    twice: BTreeSet<String>,
}

impl Linker {
    /// A linker without any function.
    pub fn new() -> Linker {
        Linker::default()
    }

    /// Gives programs the closure `f` under `name`. Its parameters and results
    /// are scalars, `String` or `ndarray::ArrayD`; it may return a `Result`.
    pub fn func<P>(&mut self, name: impl Into<String>, f: impl IntoHostFunc<P>) -> &mut Linker {
        self.define(name, f.into_host_func())
    }

    /// Gives programs the host function `f` under `name`. A name that has a function
    /// already keeps it, and no instance is made: say [`Linker::replace`] where that is meant.
    pub fn define(&mut self, name: impl Into<String>, f: HostFunc) -> &mut Linker {
        match self.funcs.entry(name.into()) {
            Entry::Vacant(free) => drop(free.insert(f)),
            Entry::Occupied(taken) => drop(self.twice.insert(taken.key().clone())),
        }
        self
    }

    /// Gives programs the closure or host function `f` under `name`, instead of one that is there.
    ///
    /// ```
    /// use nbc_runtime::{engine::Engine, error::ErrorKind, linker::Linker};
    /// let program = Engine::default().read(b"import func @now() -> i64\n", "now.nba")?;
    /// let mut linker = Linker::new();
    /// linker.func("now", || 1i64).func("now", || 2i64);
    /// assert_eq!(linker.instantiate(&program).err().map(|e| e.kind()), Some(ErrorKind::Link));
    /// linker.replace("now", || 2i64);
    /// assert!(linker.instantiate(&program).is_ok());
    /// # Ok::<(), nbc_runtime::error::Error>(())
    /// ```
    pub fn replace<P>(&mut self, name: impl Into<String>, f: impl IntoHostFunc<P>) -> &mut Linker {
        let name = name.into();
        self.twice.remove(&name);
        self.funcs.insert(name, f.into_host_func());
        self
    }

    /// Makes an instance without limits on fuel and time.
    ///
    /// # Errors
    /// As [`Linker::instantiate_with`].
    pub fn instantiate(&self, program: &Program) -> Result<Instance, Error> {
        self.instantiate_with(program, Limits::default())
    }

    /// Makes an instance.
    ///
    /// # Errors
    /// `Link` with the list of functions that the program imports and was not given, or was given with
    /// another type. `Link` too when a name was defined twice, or an operation is not in this build. `Limits` when there is no stack of that size
    /// to be had, and `Trap` when its constants and globals do not fit the memory limit.
    pub fn instantiate_with(&self, program: &Program, limits: Limits) -> Result<Instance, Error> {
        if let Some(name) = self.twice.first() {
            let text = format!(
                "the host gives {} twice; Linker::replace is for what is to take the place of another",
                clipped(name, 120)
            );
            return Err(Error::new(ErrorKind::Link, text));
        }
        let module = program.module();
        for op in &module.ops {
            let operation = Operation::find(&op.name).expect("verified: the catalogue has it");
            in_build(operation.index()).map_err(|why| Error::new(ErrorKind::Link, why))?;
        }
        let mut hosts = Vec::with_capacity(module.imports.len());
        let mut wrong = Vec::new();
        for import in &module.imports {
            let sig = &module.sigs[import.sig.index()];
            match self.funcs.get(&import.name) {
                Some(f) if f.params() == sig.params && f.results() == sig.results => hosts.push(f.clone()),
                Some(f) => {
                    let given = nbc_ir::Signature::new(f.params(), f.results());
                    wrong.push(format!(
                        "{}: expected {}, the host gives {}",
                        clipped(&import.name, 120),
                        sig.display(&module.sigs),
                        given.display(&module.sigs)
                    ));
                }
                None => {
                    let name = clipped(&import.name, 120);
                    // Not of more than are shown.
                    let near = if wrong.len() < SHOWN { self.nearest(&import.name) } else { None };
                    let hint = near.map_or_else(String::new, |name| format!("; is {name} meant?"));
                    wrong.push(format!("{name}{}: not given{hint}", sig.display(&module.sigs)));
                }
            }
        }
        if !wrong.is_empty() {
            let mut text = "the program imports functions that the host does not give:".to_owned();
            for line in wrong.iter().take(SHOWN) {
                let _ = write!(text, "\n  {line}");
            }
            if wrong.len() > SHOWN {
                let _ = write!(text, "\n  and {} more", wrong.len() - SHOWN);
            }
            let _ = write!(text, "\n  {}", self.given());
            return Err(Error::new(ErrorKind::Link, text));
        }
        Instance::new(program, hosts.into(), limits)
    }

    /// What the host gives, in words.
    fn given(&self) -> String {
        const MOST: usize = 10;
        if self.funcs.is_empty() {
            return "the host gives none".to_owned();
        }
        let mut text = "the host gives".to_owned();
        for (i, (name, f)) in self.funcs.iter().take(MOST).enumerate() {
            let sig = nbc_ir::Signature::new(f.params(), f.results());
            let _ = write!(text, "{} {name}{}", if i > 0 { "," } else { "" }, sig.display(&[]));
        }
        if self.funcs.len() > MOST {
            let _ = write!(text, " and {} more", self.funcs.len() - MOST);
        }
        text
    }

    /// The type of the function `name`, as programs write it.
    pub fn signature(&self, name: &str) -> Option<String> {
        let f = self.funcs.get(name)?;
        Some(nbc_ir::Signature::new(f.params(), f.results()).display(&[]).to_string())
    }

    /// The function that may have been meant by `name`: of that name, but for a few
    /// letters or what stands before its last dot.
    pub fn nearest(&self, name: &str) -> Option<&str> {
        // Nobody mistypes as much, and comparing takes time.
        const LONGEST: usize = 64;
        if name.len() > LONGEST {
            return None;
        }
        let wanted = name.to_ascii_lowercase();
        let near = |given: &str| {
            let given = given.to_ascii_lowercase();
            let last = given.rsplit('.').next().unwrap_or_default();
            let apart = |other: &str| distance(wanted.as_bytes(), other.as_bytes());
            apart(&given).min(apart(last))
        };
        let given = self.funcs.keys().filter(|given| given.len() <= LONGEST);
        let (apart, best) = given.map(|given| (near(given), given.as_str())).min()?;
        (apart <= name.len() / 4).then_some(best)
    }
}

/// How many letters have to be put in, taken out or changed to make `b` of `a`.
fn distance(a: &[u8], b: &[u8]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut before = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let changed = before + usize::from(x != y);
            before = row[j + 1];
            row[j + 1] = changed.min(before + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{Config, Engine};
    use nbc_ir::catalogue::CATALOGUE;

    /// What this build has.
    const FEATURES: [(&str, bool); 5] = [
        ("crypto", cfg!(feature = "crypto")),
        ("linalg", cfg!(feature = "linalg")),
        ("fft", cfg!(feature = "fft")),
        ("bigint", cfg!(feature = "bigint")),
        ("rsa", cfg!(feature = "rsa")),
    ];

    #[test]
    fn operations_that_this_build_is_without_are_refused() {
        for row in CATALOGUE {
            let has =
                row.needs.is_none_or(|name| FEATURES.iter().any(|(feature, has)| *feature == name && *has));
            match (has, in_build(Operation::find(row.name).expect("a row").index())) {
                (true, found) => assert_eq!(found, Ok(())),
                (false, found) => {
                    let why = found.expect_err(row.name);
                    assert!(why.contains(row.name) && why.contains(row.needs.unwrap_or_default()), "{why}");
                }
            }
        }
    }

    #[test]
    fn a_program_is_refused_for_an_operation_that_it_never_runs() {
        let text = "export func @main() {\n  ret\n}\nfunc @other(%a: tensor<f64>) -> tensor<f64> {\n  %d = linalg.det %a\n  ret %d\n}\n";
        let program = Engine::new(Config::new()).read(text.as_bytes(), "det.nba").expect("a program");
        let has = FEATURES[0].1;
        match Linker::new().instantiate(&program) {
            Ok(_) => assert!(has, "det needs linalg"),
            Err(error) => {
                assert_eq!((has, error.kind()), (false, ErrorKind::Link));
                assert!(error.to_string().contains("linalg.det is not in this build"), "{error}");
            }
        }
    }
}
