//! Passes that write down what running code pays: [`charge`] with fuel, for each
//! block of the bytecode; [`prepay`] for many iterations at once; [`poll`] without
//! fuel, so that clock and interrupt flag are looked at in time.

pub mod charge;
pub mod poll;
pub mod prepay;
