//! Who may stop a program from outside: another thread, by a flag, and the clock.
//!
//! Whatever can take long asks [`check`](Interruption::check) at least every millisecond or so.
//! It lies with the heap ([`crate::region::Heap`]), as filling and copying objects is long too.
//!
//! ```
//! use nbc_runtime::interruption::Interruption;
//! use std::time::Instant;
//! let mut outside = Interruption::default();
//! assert!(outside.check().is_ok());
//! outside.set_deadline(Some(Instant::now()));
//! assert!(outside.check().is_err());
//! ```

use crate::trap::{TrapCode, TrapError};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// The flag and the deadline of one instance.
#[derive(Clone, Debug, Default)]
pub struct Interruption {
    flag: Arc<AtomicBool>,
    deadline: Option<Instant>,
}

impl Interruption {
    /// The flag that other threads set.
    pub fn flag(&self) -> &Arc<AtomicBool> {
        &self.flag
    }

    /// Forgets that the flag was set.
    pub fn clear(&self) {
        self.flag.store(false, Ordering::Relaxed);
    }

    /// Sets when to stop.
    pub fn set_deadline(&mut self, deadline: Option<Instant>) {
        self.deadline = deadline;
    }

    /// The trap of a program that has to stop.
    pub fn stopped_by(&self) -> Option<TrapCode> {
        if self.flag.load(Ordering::Relaxed) {
            return Some(TrapCode::Interrupted);
        }
        self.deadline.filter(|deadline| Instant::now() >= *deadline).map(|_| TrapCode::Timeout)
    }

    /// Whether to go on.
    ///
    /// # Errors
    /// `interrupted` when the flag is set, `timeout` when the deadline has passed.
    #[inline]
    pub fn check(&self) -> Result<(), TrapError> {
        self.stopped_by().map_or(Ok(()), |trap| Err(trap.into()))
    }
}
