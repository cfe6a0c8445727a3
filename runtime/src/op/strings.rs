//! Strings: made, joined, compared, read.

use super::OpCall;
use crate::trap::{TrapCode, TrapError};

type Done = Result<(), TrapError>;

fn make(call: &mut OpCall<'_>, parts: &[&str]) -> Done {
    let text = call.host.heap().string_of_parts(parts)?;
    call.set(text.slot());
    Ok(())
}

pub(super) fn str_len(call: &mut OpCall<'_>) -> Done {
    let len = call.str(0).len();
    call.set(len as u64);
    Ok(())
}

pub(super) fn str_concat(call: &mut OpCall<'_>) -> Done {
    let parts = [call.str(0), call.str(1)];
    make(call, &parts)
}

pub(super) fn str_eq(call: &mut OpCall<'_>) -> Done {
    let equal = call.str(0) == call.str(1);
    call.set(equal as u64);
    Ok(())
}

pub(super) fn str_of_i64(call: &mut OpCall<'_>) -> Done {
    let text = call.int(0).to_string();
    make(call, &[&text])
}

pub(super) fn str_of_f64(call: &mut OpCall<'_>) -> Done {
    let text = float_text(f64::from_bits(call.args[0]));
    make(call, &[&text])
}

/// The shortest digits that read back as `x`, always with a point, an exponent
/// or one of `inf`, `-inf` and `nan`, as in the text format.
pub fn float_text(x: f64) -> String {
    if x.is_nan() { "nan".to_owned() } else { format!("{x:?}") }
}

pub(super) fn str_of_bool(call: &mut OpCall<'_>) -> Done {
    let text = if call.args[0] & 1 != 0 { "true" } else { "false" };
    make(call, &[text])
}

pub(super) fn str_byte(call: &mut OpCall<'_>) -> Done {
    let (text, at) = (call.str(0), call.args[1]);
    let byte = usize::try_from(at).ok().and_then(|i| text.as_bytes().get(i)).ok_or_else(|| {
        TrapError::new(
            TrapCode::IndexOutOfRange,
            format!("byte {} of a string of {} bytes", at as i64, text.len()),
        )
    })?;
    call.set(*byte as u64);
    Ok(())
}
