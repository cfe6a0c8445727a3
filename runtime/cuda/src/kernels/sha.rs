//! Hashes of rows, a thread for each: SHA-2 and SHA-3.

use super::Recipe;
use super::aes::float_bytes;
use crate::device::{Cuda, Key, MOST_QUEUED, address, count, elem_of};
use crate::launch::{Parameters, THREADS, blocks};
use nbc_ir::Elem;
use nbc_runtime::device::{DeviceCall, DeviceError};

/// Rows that these kernels compute.
#[rustfmt::skip]
pub(super) const ROWS: &[(&str, Recipe)] = &[
    ("crypto_sha224_rows", Recipe::Hash(&SHA224)),
    ("crypto_sha256_rows", Recipe::Hash(&SHA256)),
    ("crypto_sha384_rows", Recipe::Hash(&SHA384)),
    ("crypto_sha512_rows", Recipe::Hash(&SHA512)),
    ("crypto_sha3_256_rows", Recipe::Hash(&SHA3_256)),
    ("crypto_sha3_512_rows", Recipe::Hash(&SHA3_512)),
];

/// A hash function.
#[derive(PartialEq, Eq, Debug)]
pub(crate) struct Hash {
    /// Bytes of a digest,
    digest: u64,
    /// of a block,
    block: u64,
    /// of what is filled up at least,
    filled: u64,
    /// and of what is kept between launches.
    state: u64,
    /// What is written before the kernel, and the kernel.
    text: [&'static str; 2],
}

const SHA2: &str = include_str!("sha2.cuh");
const SHA3: &str = include_str!("sha3.cuh");
const NARROW: Hash = Hash { digest: 32, block: 64, filled: 9, state: 32, text: ["", SHA2] };
const WIDE: Hash = Hash { digest: 64, block: 128, filled: 17, state: 64, text: ["", SHA2] };
const SPONGE: Hash = Hash { digest: 32, block: 136, filled: 1, state: 200, text: ["", SHA3] };

static SHA224: Hash = Hash {
    digest: 28,
    text: [
        "#define NBC_WIDE 0
#define NBC_DIGEST 28
#define NBC_START \\
  0xc1059ed8u, 0x367cd507u, 0x3070dd17u, 0xf70e5939u, 0xffc00b31u, 0x68581511u, 0x64f98fa7u, 0xbefa4fa4u\n",
        SHA2,
    ],
    ..NARROW
};
static SHA256: Hash = Hash {
    text: [
        "#define NBC_WIDE 0
#define NBC_DIGEST 32
#define NBC_START \\
  0x6a09e667u, 0xbb67ae85u, 0x3c6ef372u, 0xa54ff53au, 0x510e527fu, 0x9b05688cu, 0x1f83d9abu, 0x5be0cd19u\n",
        SHA2,
    ],
    ..NARROW
};
static SHA384: Hash = Hash {
    digest: 48,
    text: [
        "#define NBC_WIDE 1
#define NBC_DIGEST 48
#define NBC_START \\
  0xcbbb9d5dc1059ed8ULL, 0x629a292a367cd507ULL, 0x9159015a3070dd17ULL, 0x152fecd8f70e5939ULL, \\
  0x67332667ffc00b31ULL, 0x8eb44a8768581511ULL, 0xdb0c2e0d64f98fa7ULL, 0x47b5481dbefa4fa4ULL\n",
        SHA2,
    ],
    ..WIDE
};
static SHA512: Hash = Hash {
    text: [
        "#define NBC_WIDE 1
#define NBC_DIGEST 64
#define NBC_START \\
  0x6a09e667f3bcc908ULL, 0xbb67ae8584caa73bULL, 0x3c6ef372fe94f82bULL, 0xa54ff53a5f1d36f1ULL, \\
  0x510e527fade682d1ULL, 0x9b05688c2b3e6c1fULL, 0x1f83d9abfb41bd6bULL, 0x5be0cd19137e2179ULL\n",
        SHA2,
    ],
    ..WIDE
};
static SHA3_256: Hash = Hash { text: ["#define NBC_RATE 136\n#define NBC_DIGEST 32\n", SHA3], ..SPONGE };
static SHA3_512: Hash =
    Hash { digest: 64, block: 72, text: ["#define NBC_RATE 72\n#define NBC_DIGEST 64\n", SHA3], ..SPONGE };

/// Blocks of each row in a launch: one thread takes some ten milliseconds for them.
const AT_ONCE: u64 = 1 << 12;
/// How much longer a byte takes than one that is moved.
const WEIGHT: u64 = 16;

/// The kernel `nbc_rows`, for such elements.
pub(crate) fn text(hash: &Hash, float: usize) -> String {
    let [before, kernel] = hash.text;
    format!("#define NBC_FLOAT {float}\n{}{before}{kernel}", include_str!("bytes.cuh"))
}

impl Cuda {
    /// Hashes each part along axis 0.
    pub(crate) fn run_rows(&self, hash: &Hash, call: &DeviceCall<'_>) -> Result<(), DeviceError> {
        let wrong = || DeviceError("no rows to hash".to_owned());
        let elem = elem_of(&call.args[0]).ok_or_else(wrong)?;
        let [rows, width] = *call.result.dims else { return Err(wrong()) };
        let dims = call.args[0].dims();
        if rows == 0 || width != hash.digest || dims.first() != Some(&rows) {
            return Err(wrong());
        }
        let len = count(&dims[1..]) * elem.size() as u64;
        let float = float_bytes(elem);
        let same = [Elem::U8, Elem::F32, Elem::F64][float / 4];
        let key = Key { operation: call.operation.index(), elems: vec![same], layout: None };
        let code = self.kernel(key, &[c"nbc_rows"], || text(hash, float))?;
        let sent = if len == 0 { None } else { Some(self.sent(&call.args[0])?) };
        let from = sent.as_ref().map_or(0, |(from, _)| *from);
        let all = (len + hash.filled).div_ceil(hash.block);
        // Few rows take as long as many.
        let at_once = (MOST_QUEUED / (rows * hash.block).saturating_mul(WEIGHT)).clamp(1, AT_ONCE);
        let kept = if all > at_once { Some(self.scratch((rows * hash.state) as usize)?) } else { None };
        for first in (0..all).step_by(at_once as usize) {
            let end = all.min(first + at_once);
            let mut parameters = Parameters::default();
            let kept = kept.as_ref().map_or(0, |kept| kept.address);
            [address(call), from, kept].into_iter().for_each(|at| parameters.address(at));
            parameters.numbers(&[rows, len, first, end, all]);
            // SAFETY: there are so many rows of so many bytes, a digest for each, and room for what is kept.
            unsafe { self.launch(parameters, code.functions[0], (blocks(rows.div_ceil(THREADS)), 1, 1))? };
            let moved = (rows * hash.block).saturating_mul(WEIGHT).max(MOST_QUEUED / AT_ONCE);
            self.pace(moved.saturating_mul(end - first), call.must_stop)?;
        }
        Ok(())
    }
}
