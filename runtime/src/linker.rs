//! Linking: which host functions a program gets. It can reach nothing else.

use crate::engine::{Limits, Program};
use crate::error::{Error, ErrorKind};
use crate::host::{HostFunc, IntoHostFunc};
use crate::instance::Instance;
use nbc_ir::shown::clipped;
use std::collections::BTreeMap;
use std::fmt::Write;

/// Functions that are listed when they are missing.
const SHOWN: usize = 20;

/// Host functions by name.
#[derive(Clone, Default)]
pub struct Linker {
    funcs: BTreeMap<String, HostFunc>,
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

    /// Gives programs the host function `f` under `name`.
    pub fn define(&mut self, name: impl Into<String>, f: HostFunc) -> &mut Linker {
        self.funcs.insert(name.into(), f);
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
    /// `Link` with the list of functions that the program imports and was not
    /// given, or was given with another type; `Limits` when there is no stack of that
    /// size to be had; `Trap` when its constants and
    /// globals do not fit the memory limit.
    pub fn instantiate_with(&self, program: &Program, limits: Limits) -> Result<Instance, Error> {
        let module = program.module();
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
                    wrong.push(format!("{name}{}: not given", sig.display(&module.sigs)));
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
            return Err(Error::new(ErrorKind::Link, text));
        }
        Instance::new(program, hosts.into(), limits)
    }
}
