//! What calls say, and what they are charged.

use super::Done;
use crate::op::call::OpCall;
use crate::op::offer::Charge;
use crate::trap::{TrapCode, TrapError};
use nbc_ir::catalogue::Work;
use nbc_numerics::crypto::aes::Key;

/// The trap of an argument outside of what is allowed.
#[cold]
pub(super) fn invalid(text: String) -> TrapError {
    TrapError::new(TrapCode::InvalidArgument, text)
}

/// Argument `at`, of exactly so many bytes.
pub(super) fn exactly<'a, const N: usize>(
    call: &OpCall<'a>,
    at: usize,
    what: &str,
) -> Result<&'a [u8; N], TrapError> {
    let bytes = call.input::<u8>(at);
    bytes.try_into().map_err(|_| invalid(format!("{what} of {} bytes; it has {N}", bytes.len())))
}

/// Argument `at`, an AES key.
pub(super) fn aes_key(call: &OpCall<'_>, at: usize) -> Result<Key, TrapError> {
    let bytes = call.input::<u8>(at);
    Key::new(bytes)
        .ok_or_else(|| invalid(format!("an AES key of {} bytes; it has 16, 24 or 32", bytes.len())))
}

/// So many bytes read and written, as they are charged. Each takes as long as so many quarters of an operation on a
/// float, and a call as long as some bytes.
pub(super) fn work_of(bytes: u64, quarters: u64) -> Charge {
    let flops = bytes.saturating_add(256).saturating_mul(quarters) / 4;
    (bytes, Work { flops, bytes: bytes.saturating_mul(2) })
}

/// Charges for that.
pub(super) fn charge(call: &mut OpCall<'_>, bytes: u64, quarters: u64) -> Done {
    let (bytes, work) = work_of(bytes, quarters);
    call.charge_work(bytes, work)
}

/// A length that is asked for, from 1 to `most`.
pub(super) fn length(asked: i64, most: u64) -> Result<usize, TrapError> {
    match u64::try_from(asked) {
        Ok(n) if (1..=most).contains(&n) => Ok(n as usize),
        _ => Err(invalid(format!("a key of {asked} bytes; it has from 1 to {most}"))),
    }
}
