//! Faults that are told last: those that may only follow from others.
//!
//! A type that does not follow is often the least of what is wrong with an
//! instruction: with an operand of the wrong type nothing follows. Such faults
//! wait until types have been checked. They are left out where the checker has
//! said something about the same instruction. They are left out too where a
//! type is unknown only because another is.

use super::{MAX_DIAGNOSTICS, Parser};
use crate::entity::Reg;
use crate::error::Diagnostic;
use crate::lexer::Token;

/// Most faults kept.
const MOST: usize = 1000;

/// A fault that may only follow from another.
pub(super) struct Late {
    /// Which body it is in.
    body: usize,
    /// The statement it is about, in bytes.
    statement: (usize, usize),
    /// Registers from whose types this one would follow.
    because: Vec<Reg>,
    diagnostic: Diagnostic,
}

impl Parser<'_> {
    /// Notes such a fault at `token`, in the body that is being read.
    pub(super) fn fail_late(
        &mut self,
        token: Token,
        statement: (usize, usize),
        because: Vec<Reg>,
        message: String,
        help: Option<String>,
    ) {
        if self.late.len() < MOST {
            let diagnostic = self.diagnostic(token.start, token.end, token.line, message, help);
            self.late.push(Late { body: self.gaps.len(), statement, because, diagnostic });
        }
    }

    /// Everything that is wrong with the text, in its order.
    pub(super) fn all_faults(&mut self) -> Vec<Diagnostic> {
        let mut diags = std::mem::take(&mut self.diags);
        let late = std::mem::take(&mut self.late);
        if diags.is_empty() && late.is_empty() {
            return diags;
        }
        if diags.len() < MAX_DIAGNOSTICS {
            diags.extend(self.module.errors_beside(&self.gaps, |global| self.open_globals.contains(&global)));
        }
        let is_told = |late: &Late| {
            let unknown = self.gaps.get(late.body).map_or(&[][..], |gaps| &gaps.unknown);
            let (start, end) = late.statement;
            late.because.iter().any(|r| unknown.get(r.index()).copied().unwrap_or(false))
                || diags.iter().any(|d| d.span.is_some_and(|(at, _)| (start..=end).contains(&at)))
        };
        let untold: Vec<Diagnostic> =
            late.iter().filter(|l| !is_told(l)).map(|l| l.diagnostic.clone()).collect();
        diags.extend(untold);
        if diags.is_empty() {
            // Types that follow only from each other.
            diags.extend(late.into_iter().map(|l| l.diagnostic));
        }
        diags.sort_by_key(|d| d.span.map_or(0, |(start, _)| start));
        diags.truncate(MAX_DIAGNOSTICS);
        diags
    }
}
