//! Integers of any size: what is computed with their magnitudes.
//!
//! A natural number is a slice of limbs, 64 bits each, the least significant first. It is *trimmed* when its last
//! limb is not 0; 0 has no limbs. All that is here takes slices and room to work in, and asks for leave to go
//! on ([`Pace`]). It knows no threads and never panics for what numbers are. How much room and how many steps something
//! takes follows from lengths alone, so both can be counted before it begins.
//!
//! Invariant: results depend on the numbers alone. Where several ways lead to one, lengths decide.
//!
//! ```
//! use nbc_numerics::bigint::{Pace, multiply};
//! let (a, b) = ([u64::MAX, 1], [3]);
//! let mut product = [0; 3];
//! let mut room = vec![0; multiply::room(2, 1)];
//! multiply::product(&mut product, &a, &b, &mut room, &Pace::free())?;
//! assert_eq!(product, [u64::MAX - 2, 5, 0]);
//! # Ok::<(), nbc_numerics::bigint::Halt>(())
//! ```

pub mod bits;
pub mod divide;
pub mod gcd;
#[cfg(all(feature = "bigint", target_arch = "x86_64"))]
mod ifma;
#[cfg(feature = "bigint")]
pub mod modular;
#[cfg(feature = "bigint")]
pub mod montgomery;
pub mod multiply;
pub mod natural;
pub mod power;
#[cfg(feature = "bigint")]
pub mod prime;
#[cfg(feature = "bigint")]
pub mod rows;
pub mod text;
mod transform;

use std::cell::Cell;

/// Why something was given up.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Halt {
    /// It was not to go on.
    Refused,
    /// There was less room than it takes.
    Room,
}

/// Steps between two questions. One is a product of limbs, so that this is some 100 microseconds.
const STRETCH: usize = 1 << 17;

/// Asks for leave to go on, after every so many steps.
pub struct Pace<'p> {
    done: Cell<usize>,
    go_on: &'p dyn Fn() -> bool,
}

impl<'p> Pace<'p> {
    /// By asking that.
    pub fn new(go_on: &'p dyn Fn() -> bool) -> Pace<'p> {
        Pace { done: Cell::new(0), go_on }
    }

    /// Leave for all there is.
    pub fn free() -> Pace<'static> {
        Pace::new(&|| true)
    }

    /// Counts so many steps that are about to be done, or have just been.
    ///
    /// # Errors
    /// Where it is not to go on.
    #[inline]
    pub fn step(&self, steps: usize) -> Result<(), Halt> {
        let done = self.done.get().saturating_add(steps);
        if done < STRETCH {
            self.done.set(done);
            return Ok(());
        }
        self.done.set(0);
        if (self.go_on)() { Ok(()) } else { Err(Halt::Refused) }
    }
}

/// The first `n` limbs of the room, and the rest of it.
fn cut(room: &mut [u64], n: usize) -> Result<(&mut [u64], &mut [u64]), Halt> {
    room.split_at_mut_checked(n).ok_or(Halt::Room)
}
