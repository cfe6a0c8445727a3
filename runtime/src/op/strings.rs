//! Operations on strings: they are made, joined, compared and read.
//!
//! Invariant: a string never changes, so each operation makes a new one.

use super::work::copy;
use super::{OpCall, Output};
use crate::trap::{TrapCode, TrapError};

type Done = Result<(), TrapError>;

/// Less than a millisecond of comparing.
const BYTES_BETWEEN_POLLS: usize = 1 << 22;

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
    let (a, b) = (call.str(0).as_bytes(), call.str(1).as_bytes());
    let mut equal = a.len() == b.len();
    for (n, (a, b)) in a.chunks(BYTES_BETWEEN_POLLS).zip(b.chunks(BYTES_BETWEEN_POLLS)).enumerate() {
        if n > 0 {
            call.host.poll()?;
        }
        equal = equal && a == b;
        if !equal {
            break;
        }
    }
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

/// The shortest digits that read back as `x`, as in the text format. They
/// always have a point, an exponent or one of `inf`, `-inf` and `nan`.
pub fn float_text(x: f64) -> String {
    if x.is_nan() { "nan".to_owned() } else { format!("{x:?}") }
}

pub(super) fn str_of_bool(call: &mut OpCall<'_>) -> Done {
    let text = if call.args[0] & 1 != 0 { "true" } else { "false" };
    make(call, &[text])
}

pub(super) fn str_bytes(call: &mut OpCall<'_>) -> Done {
    let bytes = call.str(0).as_bytes();
    let out: Output<'_, u8> = call.output(&[bytes.len() as u64])?;
    copy(call.host, &mut *out.elements, bytes)?;
    // SAFETY: `copy` has written every element.
    unsafe { call.finish(out) };
    Ok(())
}

pub(super) fn str_of_bytes(call: &mut OpCall<'_>) -> Done {
    let bytes = call.input::<u8>(0);
    // Piece by piece; a character may be cut by the end of one.
    let mut parts = Vec::new();
    let mut done = 0;
    while done < bytes.len() {
        if done > 0 {
            call.host.poll()?;
        }
        let end = bytes.len().min(done + BYTES_BETWEEN_POLLS);
        let part = bytes[done..end].utf8_chunks().next().map_or("", |chunk| chunk.valid());
        done += part.len();
        // A character has four bytes at most.
        if done < end && (end == bytes.len() || end - done > 3) {
            let text = format!("the bytes from {done} on are no UTF-8");
            return Err(TrapError::new(TrapCode::InvalidArgument, text));
        }
        parts.push(part);
    }
    make(call, &parts)
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
