//! NaN where bits of elements can be seen.
//!
//! Inside of a program a NaN has no bits: arithmetic leaves in registers and
//! elements whatever NaN the processor makes, and that depends on who computes
//! and in what order. So what shows the bits of elements shows the canonical
//! NaN. That goes for a tensor that leaves the program and for bytes that are
//! read as they are. All of that goes through here; registers go through
//! [`canonical_f64`](crate::scalar::canonical_f64) and its like.
//!
//! Elements are looked at a block at a time, and a block is written or copied
//! only if there is a NaN in it.

use nbc_ir::Elem;

/// Bytes of a block: a whole number of elements of every type.
const BLOCK: usize = 4096;

/// Makes every NaN among the elements with these bytes the canonical one.
pub fn settle(elem: Elem, bytes: &mut [u8]) {
    match elem {
        // A complex number is two floats.
        Elem::F32 | Elem::C64 => settle_in(bytes, is_nan_f32, f32::NAN.to_ne_bytes()),
        Elem::F64 | Elem::C128 => settle_in(bytes, is_nan_f64, f64::NAN.to_ne_bytes()),
        Elem::U8 | Elem::I32 | Elem::I64 | Elem::Bool => {}
    }
}

/// Calls `see` with the bytes of all elements, in order and in pieces, with the
/// canonical NaN for every NaN.
pub fn seen(elem: Elem, bytes: &[u8], see: impl FnMut(&[u8])) {
    match elem {
        Elem::F32 | Elem::C64 => seen_in(bytes, is_nan_f32, f32::NAN.to_ne_bytes(), see),
        Elem::F64 | Elem::C128 => seen_in(bytes, is_nan_f64, f64::NAN.to_ne_bytes(), see),
        Elem::U8 | Elem::I32 | Elem::I64 | Elem::Bool => bytes.chunks(BLOCK).for_each(see),
    }
}

#[inline(always)]
fn is_nan_f32(bytes: [u8; 4]) -> bool {
    f32::from_ne_bytes(bytes).is_nan()
}

#[inline(always)]
fn is_nan_f64(bytes: [u8; 8]) -> bool {
    f64::from_ne_bytes(bytes).is_nan()
}

/// Whether there is a NaN. Looks at all, for that is faster than to stop early.
#[inline(always)]
fn any<const N: usize>(block: &[u8], is_nan: impl Fn([u8; N]) -> bool) -> bool {
    block.as_chunks::<N>().0.iter().fold(false, |any, float| any | is_nan(*float))
}

#[inline(always)]
fn replace<const N: usize>(block: &mut [u8], is_nan: impl Fn([u8; N]) -> bool, nan: [u8; N]) {
    for float in block.as_chunks_mut::<N>().0 {
        if is_nan(*float) {
            *float = nan;
        }
    }
}

fn settle_in<const N: usize>(bytes: &mut [u8], is_nan: impl Fn([u8; N]) -> bool, nan: [u8; N]) {
    for block in bytes.chunks_mut(BLOCK) {
        if any(block, &is_nan) {
            replace(block, &is_nan, nan);
        }
    }
}

fn seen_in<const N: usize>(
    bytes: &[u8],
    is_nan: impl Fn([u8; N]) -> bool,
    nan: [u8; N],
    mut see: impl FnMut(&[u8]),
) {
    for block in bytes.chunks(BLOCK) {
        if any(block, &is_nan) {
            let mut copy = [0; BLOCK];
            let copy = &mut copy[..block.len()];
            copy.copy_from_slice(block);
            replace(copy, &is_nan, nan);
            see(copy);
        } else {
            see(block);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SINGLES: [u32; 6] = [0x7fc0_0000, 0xffc0_0000, 0x7f80_0001, 0xff80_0001, 0x7fff_ffff, 0xffff_ffff];

    fn bytes(singles: &[u32]) -> Vec<u8> {
        singles.iter().flat_map(|s| s.to_ne_bytes()).collect()
    }

    fn check(elem: Elem, given: &[u8], wanted: &[u8]) {
        let mut in_place = given.to_vec();
        settle(elem, &mut in_place);
        assert!(in_place == wanted, "{elem}");
        let mut shown = Vec::new();
        seen(elem, given, |piece| shown.extend_from_slice(piece));
        assert!(shown == wanted, "{elem}");
    }

    #[test]
    fn every_nan_becomes_the_canonical_one() {
        for elem in [Elem::F32, Elem::C64] {
            check(elem, &bytes(&SINGLES), &bytes(&[0x7fc0_0000; 6]));
        }
        // As doubles: a NaN of either sign and kind, and what is none.
        let doubles = [0x7ff0_0000_0000_0001, 0xfff0_0000_0000_0001, u64::MAX, 0xfff8 << 48];
        let others = [0, 1 << 63, 0x7ff0 << 48, 0xfff0 << 48, 1, 0x3ff0 << 48];
        let flat = |d: &[u64]| d.iter().flat_map(|d| d.to_ne_bytes()).collect::<Vec<u8>>();
        for elem in [Elem::F64, Elem::C128] {
            check(elem, &flat(&doubles), &flat(&[0x7ff8 << 48; 4]));
            check(elem, &flat(&others), &flat(&others));
        }
    }

    #[test]
    fn a_nan_is_found_wherever_it_is() {
        let len = 3 * BLOCK / 4 + 6;
        for at in [0, 1, BLOCK / 4 - 1, BLOCK / 4, BLOCK / 2 + 3, len - 1] {
            let mut given = vec![0x3f80_0000; len];
            given[at] = 0xff80_0001;
            let mut wanted = given.clone();
            wanted[at] = 0x7fc0_0000;
            check(Elem::F32, &bytes(&given), &bytes(&wanted));
        }
    }

    #[test]
    fn what_is_no_float_stays() {
        for elem in [Elem::U8, Elem::I32, Elem::I64, Elem::Bool] {
            check(elem, &bytes(&SINGLES), &bytes(&SINGLES));
        }
    }
}
