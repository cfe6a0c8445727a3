//! The threads that share the work on one matrix, and whoever is asked for leave to go on.
//!
//! Invariant: what is shared out is cut by sizes alone, and no two jobs write the same element. So how
//! many threads there are changes no bit.
//!
//! ```
//! use nbc_numerics::linalg::Crew;
//! use std::sync::atomic::{AtomicUsize, Ordering};
//! let done = AtomicUsize::new(0);
//! Crew::alone(&|| Ok(())).each(5, &|n| { done.fetch_add(n, Ordering::Relaxed); })?;
//! assert_eq!(done.into_inner(), 10);
//! # Ok::<(), nbc_numerics::linalg::Fault>(())
//! ```

use super::{Ask, Fault};
use faer::MatMut;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

/// Does the job with each number below the first, on whatever threads and in any order.
pub type Share<'a> = &'a (dyn Fn(usize, &(dyn Fn(usize) + Sync)) + Sync);

/// Who works on a matrix.
#[derive(Clone, Copy)]
pub struct Crew<'a> {
    ask: Ask<'a>,
    share: Option<Share<'a>>,
}

impl<'a> Crew<'a> {
    /// The calling thread.
    pub fn alone(ask: Ask<'a>) -> Crew<'a> {
        Crew { ask, share: None }
    }

    /// Those that `share` shares jobs out among.
    pub fn of(ask: Ask<'a>, share: Share<'a>) -> Crew<'a> {
        Crew { ask, share: Some(share) }
    }

    /// Asks for leave to go on.
    ///
    /// # Errors
    /// `Stopped`.
    pub fn ask(&self) -> Result<(), Fault> {
        (self.ask)()
    }

    /// Does `job` with each number below `count`, asking before each.
    ///
    /// # Errors
    /// `Stopped`: some jobs are not done then.
    pub fn each(&self, count: usize, job: &(dyn Fn(usize) + Sync)) -> Result<(), Fault> {
        let Some(share) = self.share.filter(|_| count > 1) else {
            for n in 0..count {
                self.ask()?;
                job(n);
            }
            return Ok(());
        };
        let stopped = AtomicBool::new(false);
        share(count, &|n| {
            if !stopped.load(Ordering::Relaxed) {
                match self.ask() {
                    Ok(()) => job(n),
                    Err(_) => stopped.store(true, Ordering::Relaxed),
                }
            }
        });
        if stopped.into_inner() { Err(Fault::Stopped) } else { Ok(()) }
    }

    /// Does `job` with strips of so many columns of `a`, of which the last may have fewer: the first column of
    /// each, and the strip.
    ///
    /// # Errors
    /// `Stopped`.
    pub(super) fn strips<T: Send + Sync>(
        &self,
        a: MatMut<'_, T>,
        columns: usize,
        job: &(dyn Fn(usize, MatMut<'_, T>) + Sync),
    ) -> Result<(), Fault> {
        let mut strips = Vec::with_capacity(a.ncols().div_ceil(columns));
        let mut left = a;
        while left.ncols() > 0 {
            let at = columns.min(left.ncols());
            let (strip, rest) = left.split_at_col_mut(at);
            strips.push(Mutex::new(Some(strip)));
            left = rest;
        }
        self.each(strips.len(), &|n| {
            let strip = strips[n].lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some(strip) = strip {
                job(n * columns, strip);
            }
        })
    }
}
