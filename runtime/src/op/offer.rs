//! Rows that may go to a device although more than the dims of arguments has a say in what they do.
//!
//! Of most rows `on_device.rs` knows all from the catalogue. Of those here, the result's shape follows from lengths
//! or contents of arguments, or the kernel says the cost. Or an argument may be one that traps. Each family says
//! for its rows what the host looks at before a device is asked. Wherever anything is odd, the kernel is to run: it has the trap.
//!
//! Invariant: what is charged is what the kernel charges, in the same portions, so that fuel ends at the same place.

use super::OpCall;
use crate::trap::TrapError;
use nbc_ir::catalogue::Work;
use nbc_ir::dims::Dims;
use std::sync::LazyLock;

/// So many elements, and the work over them, as [`OpCall::charge_work`] takes them.
pub(super) type Charge = (u64, Work);

/// The dims of the result of a call; none where the kernel is to run.
pub(super) type ResultDims = fn(&mut OpCall<'_>) -> Result<Option<Dims>, TrapError>;

/// What a call takes, wherever it runs.
pub(super) struct Charged {
    /// Fuel, as the kernel charges it.
    pub(super) portions: Vec<Charge>,
    /// Bytes of what the kernel works in besides its result: they count.
    pub(super) room: [usize; 2],
}

/// What a call takes; none where the kernel is to run.
pub(super) type Charges = fn(&mut OpCall<'_>) -> Result<Option<Charged>, TrapError>;

/// How calls of a row are offered.
#[derive(Clone, Copy)]
pub(super) struct Offer {
    pub(super) dims: ResultDims,
    /// Asked after the device has said that it wants the call; where there is none, the row says the cost.
    pub(super) charges: Option<Charges>,
}

/// Rows by the names of their kernels.
pub(super) type Offers = &'static [(&'static str, Offer)];

static FAMILIES: &[Offers] = &[
    super::modular::OFFERS,
    #[cfg(feature = "crypto")]
    super::crypto::OFFERS,
    #[cfg(feature = "bigint")]
    super::bigint::OFFERS,
];

macro_rules! names {
    ($($kernel:ident $name:literal $signature:literal { $($field:tt)* } $doc:literal;)*) => {
        static NAMES: &[&str] = &[$(stringify!($kernel)),*];
    };
}
nbc_ir::for_each_operation!(names);

/// One for each row of the catalogue.
static OFFERS: LazyLock<Vec<Option<Offer>>> = LazyLock::new(|| {
    let all = || FAMILIES.iter().copied().flatten();
    NAMES.iter().map(|name| all().find(|(row, _)| row == name).map(|(_, offer)| *offer)).collect()
});

/// How row `index` is offered, if it is in a way of its own.
pub(super) fn of(index: usize) -> Option<&'static Offer> {
    OFFERS[index].as_ref()
}

#[cfg(any(feature = "crypto", feature = "bigint"))]
impl OpCall<'_> {
    /// Sees to it that the host has the elements of argument `at`, a tensor, and may look at them.
    pub(super) fn bring_home(&mut self, at: usize) -> Result<(), TrapError> {
        let tensor = self.tensor(at);
        self.host.heap().pool().bring_home(tensor, false)
    }
}

#[cfg(test)]
mod tests {
    use super::{FAMILIES, NAMES};

    #[test]
    fn each_offer_is_one_of_a_row() {
        for (name, _) in FAMILIES.iter().copied().flatten() {
            assert!(NAMES.contains(name), "the catalogue has no {name}");
        }
    }
}
