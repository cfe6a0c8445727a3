//! AES by tables: counter mode, AES-GCM, and chained blocks that are decrypted.
//!
//! Its time depends on keys and texts, so whoever shares the GPU may learn of them: it is for those who open a device with
//! [`Options::secrets`](crate::Options::secrets). Round keys are made on the device; all that calls work in is overwritten.
//!
//! Invariant: of a text whose tag is wrong nothing stays on the device. The tag is compared on the host, in a time that does
//! not depend on it.

use super::Recipe;
use crate::compile::Code;
use crate::device::{Cuda, Key, MOST_QUEUED, address, count, elem_of};
use crate::launch::{Parameters, THREADS};
use nbc_ir::Elem;
use nbc_runtime::device::{DeviceArg, DeviceCall, DeviceError};
use std::ffi::CStr;
use std::fmt::Write;
use std::hint::black_box;

/// Rows that these kernels compute.
#[rustfmt::skip]
pub(super) const ROWS: &[(&str, Recipe)] = &[
    ("crypto_aes_ctr", Recipe::Aes(Mode::Count)),
    ("crypto_aes_gcm_encrypt", Recipe::Aes(Mode::Encrypt)),
    ("crypto_aes_gcm_decrypt", Recipe::Aes(Mode::Decrypt)),
    ("crypto_aes_cbc_decrypt", Recipe::Aes(Mode::Unchain)),
];

/// What is done with a text.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Mode {
    /// Counter mode.
    Count,
    /// AES-GCM, with the tag behind the text.
    Encrypt,
    /// The way back.
    Decrypt,
    /// Chained blocks are decrypted.
    Unchain,
}

/// Bytes of a block, and of a tag.
const BLOCK: u64 = 16;
/// Blocks of a polynomial that a block of threads makes.
const SEGMENT: u64 = 8192;
/// Blocks in a launch: as many as can be waited for.
const AT_ONCE: u64 = 1 << 24;
/// How much longer a byte takes than one that is moved.
const WEIGHT: u64 = MOST_QUEUED / (AT_ONCE * BLOCK);
/// Blocks of threads there are at most: each fills its table first, so it has to have enough to do.
const MOST_BLOCKS: u64 = 2048;

/// Where things lie in the room of a call, in bytes (`aes.cuh`).
const COUNTER: u64 = 16;
const TAG: u64 = 32;
const SUMS: u64 = 512;
/// Bytes of the powers of a level.
const POWERS: u64 = 256 * BLOCK;

/// The kernels, in the order of the numbers behind them.
const KERNELS: [&CStr; 7] = [
    c"nbc_begin",
    c"nbc_count",
    c"nbc_unchain",
    c"nbc_powers",
    c"nbc_sums_first",
    c"nbc_sums_next",
    c"nbc_tag",
];
const BEGIN: usize = 0;
const COUNT: usize = 1;
const UNCHAIN: usize = 2;
const POWERS_OF: usize = 3;
const SUMS_FIRST: usize = 4;
const SUMS_NEXT: usize = 5;
const MAKE_TAG: usize = 6;

/// The product in the field of AES.
fn product(a: u8, b: u8) -> u8 {
    (0..8).rev().fold(0, |sum: u8, bit| {
        let doubled = sum << 1 ^ if sum >> 7 == 1 { 0x1b } else { 0 };
        doubled ^ if b >> bit & 1 == 1 { a } else { 0 }
    })
}

/// What a byte is substituted by (FIPS 197, 5.1.1).
fn substituted(byte: u8) -> u8 {
    let inverse = (0..254).fold(1, |power, _| product(power, byte));
    (0..5).fold(0x63, |sum, by| sum ^ inverse.rotate_left(by))
}

/// A table of columns: those factors of what each byte becomes.
fn table(name: &str, of: impl Fn(u8) -> u8, factors: [u8; 4]) -> String {
    let mut text = format!("static __device__ const u32 {name}[256] = {{");
    for byte in 0..=255 {
        let column = factors.map(|factor| product(of(byte), factor));
        write!(text, "{}0x{:08x}u,", if byte % 8 == 0 { "\n  " } else { " " }, u32::from_le_bytes(column))
            .expect("a string takes all");
    }
    text + "};\n"
}

/// What the bytes of a text are of: floats, whose NaN are canonical, or others.
pub(super) fn float_bytes(elem: Elem) -> usize {
    match elem {
        Elem::F32 | Elem::C64 => 4,
        Elem::F64 | Elem::C128 => 8,
        Elem::Bool | Elem::U8 | Elem::I32 | Elem::I64 => 0,
    }
}

/// The kernels for a text of such elements.
pub(crate) fn text(float: usize) -> String {
    let mut back = [0; 256];
    (0..=255).for_each(|byte| back[usize::from(substituted(byte))] = byte);
    format!(
        "#define NBC_FLOAT {float}\n{}{}{}{}",
        include_str!("bytes.cuh"),
        table("nbc_forward", substituted, [2, 1, 1, 3]),
        table("nbc_backward", |byte| back[usize::from(byte)], [14, 9, 13, 11]),
        include_str!("aes.cuh")
    )
}

/// Whether a call has the lengths that the kernels take.
pub(crate) fn takes(mode: Mode, elems: &[Elem], args: &[&[u64]], result: &[u64]) -> bool {
    let len = |at: usize| args.get(at).map_or(u64::MAX, |dims| count(dims));
    let size = elems.first().map_or(1, |elem| elem.size() as u64);
    let (text, result) = (len(0).saturating_mul(size), count(result));
    let fits = match mode {
        Mode::Count => text == result && len(2) == BLOCK,
        Mode::Encrypt => text.checked_add(BLOCK) == Some(result) && len(2) > 0,
        Mode::Decrypt => result.checked_add(BLOCK) == Some(text) && len(2) > 0,
        Mode::Unchain => {
            text.is_multiple_of(BLOCK) && (1..=BLOCK).contains(&text.wrapping_sub(result)) && len(2) == BLOCK
        }
    };
    fits && matches!(len(1), 16 | 24 | 32)
}

/// Bytes in the device's memory: none has no address.
#[derive(Clone, Copy)]
struct Bytes {
    address: u64,
    len: u64,
}

/// A call at work.
struct Work<'c> {
    cuda: &'c Cuda,
    code: &'c Code,
    must_stop: &'c dyn Fn() -> bool,
    room: u64,
    rounds: u64,
}

impl Work<'_> {
    /// Launches kernel `which` with addresses and numbers, on so many blocks.
    fn launch(
        &self,
        which: usize,
        addresses: &[u64],
        numbers: &[u64],
        blocks: u64,
    ) -> Result<(), DeviceError> {
        let mut parameters = Parameters::default();
        addresses.iter().for_each(|at| parameters.address(*at));
        parameters.numbers(numbers);
        let grid = (blocks.clamp(1, MOST_BLOCKS) as u32, 1, 1);
        // SAFETY: the callers give what `aes.cuh` says of each kernel; memory goes back in the stream's order.
        unsafe { self.cuda.launch(parameters, self.code.functions[which], grid) }
    }

    /// Makes round keys, the point of GCM, and the counter of a nonce that is short.
    fn begin(&self, key: Bytes, nonce: Bytes, is_back: bool) -> Result<(), DeviceError> {
        let mut parameters = Parameters::default();
        [self.room, key.address].into_iter().for_each(|at| parameters.address(at));
        parameters.numbers(&[key.len, u64::from(is_back), nonce.address, nonce.len]);
        // SAFETY: key and nonce have so many bytes, and the room is one.
        unsafe { self.cuda.launch(parameters, self.code.functions[BEGIN], (1, 1, 1)) }
    }

    /// Adds the stream to a text.
    fn count(&self, from: Bytes, to: u64, is_narrow: bool) -> Result<(), DeviceError> {
        let all = from.len.div_ceil(BLOCK);
        for first in (0..all).step_by(AT_ONCE as usize) {
            let end = all.min(first + AT_ONCE);
            let numbers = [self.rounds, u64::from(is_narrow), first, end, from.len];
            self.launch(COUNT, &[to, from.address, self.room], &numbers, (end - first).div_ceil(THREADS))?;
            self.cuda.pace((end - first) * BLOCK * WEIGHT, self.must_stop)?;
        }
        Ok(())
    }

    /// Decrypts chained blocks, of which so many bytes are text.
    fn unchain(&self, from: Bytes, to: u64, len: u64) -> Result<(), DeviceError> {
        let all = from.len / BLOCK;
        for first in (0..all).step_by(AT_ONCE as usize) {
            let end = all.min(first + AT_ONCE);
            let numbers = [self.rounds, first, end, len];
            self.launch(UNCHAIN, &[to, from.address, self.room], &numbers, (end - first).div_ceil(THREADS))?;
            self.cuda.pace((end - first) * BLOCK * WEIGHT, self.must_stop)?;
        }
        Ok(())
    }

    /// The polynomial of what goes with a text, of the text, and of how long they are. It is written to `to`.
    fn sum(&self, with: Bytes, text: Bytes, to: u64) -> Result<(), DeviceError> {
        let mut n = with.len.div_ceil(BLOCK) + text.len.div_ceil(BLOCK) + 1;
        let (mut base, mut squares, mut parts) = (self.room, 0, 0);
        let mut room = self.room + SUMS;
        loop {
            let segments = n.div_ceil(SEGMENT);
            let is_first = parts == 0;
            self.launch(POWERS_OF, &[room, base], &[squares], 1)?;
            let write = if segments == 1 { to } else { room + POWERS };
            if is_first {
                let at_once = AT_ONCE / SEGMENT;
                for first in (0..segments).step_by(at_once as usize) {
                    let end = segments.min(first + at_once);
                    let numbers = [with.address, with.len, text.address, text.len, first, end, segments];
                    self.launch(SUMS_FIRST, &[write, room], &numbers, end - first)?;
                    self.cuda.pace((end - first) * SEGMENT * BLOCK * WEIGHT, self.must_stop)?;
                }
            } else {
                self.launch(SUMS_NEXT, &[write, room, parts], &[n, segments], segments)?;
            }
            if segments == 1 {
                return Ok(());
            }
            // The next level's point is this one's to the power of a segment.
            (base, squares, parts) = (room, u64::from(SEGMENT.ilog2()), write);
            room += POWERS + segments * BLOCK;
            n = segments;
        }
    }

    /// Writes the tag.
    fn tag(&self, with: Bytes, text: Bytes, to: u64) -> Result<(), DeviceError> {
        let sum = self.room + TAG;
        self.sum(with, text, sum)?;
        self.launch(MAKE_TAG, &[to, sum, self.room], &[self.rounds], 1)
    }
}

/// Bytes of the room of a call that is about texts of so many bytes.
fn room_for(bytes: u64) -> u64 {
    let (mut room, mut n) = (SUMS, bytes.div_ceil(BLOCK) + 3);
    while n > 1 {
        n = n.div_ceil(SEGMENT);
        room += POWERS + n * BLOCK;
    }
    room
}

/// Whether both are the same, in a time that does not depend on what they are.
fn is_same(a: &[u8; 16], b: &[u8; 16]) -> bool {
    black_box(a.iter().zip(b).fold(0, |all, (a, b)| black_box(all | (a ^ b)))) == 0
}

impl Cuda {
    /// Encrypts or decrypts.
    pub(crate) fn run_aes(&self, mode: Mode, call: &DeviceCall<'_>) -> Result<(), DeviceError> {
        let elem = elem_of(&call.args[0]).unwrap_or(Elem::U8);
        let dims: Vec<&[u64]> = call.args.iter().map(DeviceArg::dims).collect();
        if !takes(mode, &[elem], &dims, call.result.dims) {
            return Err(DeviceError("lengths that do not go together".to_owned()));
        }
        let float = float_bytes(elem);
        let same = [Elem::U8, Elem::F32, Elem::F64][float / 4];
        let key = Key { operation: call.operation.index(), elems: vec![same], layout: None };
        let code = self.kernel(key, &KERNELS, || text(float))?;
        let (mut given, mut held) = ([Bytes { address: 0, len: 0 }; 4], Vec::new());
        for ((arg, dims), given) in call.args.iter().zip(&dims).zip(&mut given) {
            let len = count(dims) * elem_of(arg).map_or(1, |elem| elem.size() as u64);
            if len > 0 {
                let (address, scratch) = self.sent(arg)?;
                held.extend(scratch);
                *given = Bytes { address, len };
            }
        }
        let [mut text, key, nonce, with] = given;
        let longest = text.len.saturating_add(with.len).max(nonce.len);
        let room = self.scratch(room_for(longest) as usize)?;
        let rounds = key.len / 4 + 6;
        let work = Work { cuda: self, code: &code, must_stop: call.must_stop, room: room.address, rounds };
        work.begin(key, nonce, mode == Mode::Unchain)?;
        let (to, none) = (address(call), Bytes { address: 0, len: 0 });
        let is_gcm = matches!(mode, Mode::Encrypt | Mode::Decrypt);
        if is_gcm && nonce.len != 12 {
            work.sum(none, nonce, room.address + COUNTER)?;
        }
        match mode {
            Mode::Count => work.count(text, to, false),
            Mode::Unchain => work.unchain(text, to, count(call.result.dims)),
            Mode::Encrypt => {
                work.count(text, to, true)?;
                let encrypted = Bytes { address: to, len: text.len };
                work.tag(with, encrypted, to + text.len)
            }
            Mode::Decrypt => {
                text.len -= BLOCK;
                work.tag(with, text, room.address + TAG)?;
                let (mut found, mut given) = ([0; 16], [0; 16]);
                self.read(room.address + TAG, &mut found)?;
                self.read(text.address + text.len, &mut given)?;
                if !is_same(&found, &given) {
                    return Err(DeviceError("a tag that is wrong".to_owned()));
                }
                work.count(text, to, true)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{is_same, product, substituted};

    #[test]
    fn the_field_and_the_table_are_those_of_fips_197() {
        assert_eq!((product(0x57, 0x83), product(0x57, 0x13)), (0xc1, 0xfe));
        assert_eq!([0, 1, 0x53, 0xff].map(substituted), [0x63, 0x7c, 0xed, 0x16]);
    }

    #[test]
    fn tags_are_the_same_if_every_bit_is() {
        for bit in 0..128 {
            let mut other = [7; 16];
            other[bit / 8] ^= 1 << (bit % 8);
            assert!(!is_same(&[7; 16], &other) && is_same(&other, &other));
        }
    }
}
