//! Any bytes: reading them as a sparse matrix ends soon, in a matrix or an error that can be shown. A matrix that was
//! read is written and read again without a change.
#![no_main]

use libfuzzer_sys::fuzz_target;
use nbc::{Elem, OwnedSparse, matrix_market, npy, npz};

/// Bytes that may be taken. A matrix of a few more rows than the file has bytes is refused.
const MOST: u64 = 1 << 20;

fuzz_target!(|bytes: &[u8]| {
    for elem in [Elem::F32, Elem::F64, Elem::C128] {
        match matrix_market::read_from(bytes, elem, MOST) {
            Ok(matrix) => same_again(&matrix),
            Err(e) => assert!(!e.to_string().is_empty()),
        }
        match npz::read(bytes, elem, MOST) {
            Ok(matrix) => same_again(&matrix),
            Err(e) => assert!(!e.to_string().is_empty()),
        }
    }
    if let Err(e) = npy::read_from(bytes, None, MOST) {
        assert!(!e.to_string().is_empty());
    }
});

fn same_again(matrix: &OwnedSparse) {
    let mut file = Vec::new();
    npz::write(&mut file, matrix).expect("a vector has room");
    let again = npz::read(&file, matrix.elem(), u64::MAX).expect("what was written can be read");
    assert!(again.values().as_bytes() == matrix.values().as_bytes() && again.places().eq(matrix.places()));
    let mut text = Vec::new();
    matrix_market::write(&mut text, matrix).expect("a vector has room");
    let again =
        matrix_market::read_from(&text[..], matrix.elem(), u64::MAX).expect("what was written can be read");
    assert!(again.places().eq(&mut matrix.places()) || matrix.format() == nbc::Format::Csc);
}
