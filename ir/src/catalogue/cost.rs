//! Work of operations, from the dims of their arguments and result alone: what
//! fuel is charged by, before anything runs or is allocated.
//!
//! ```
//! use nbc_ir::catalogue::{Cost, Extent};
//! let (a, b, c) = (Extent::new(&[2, 3], 8), Extent::new(&[3, 4], 8), Extent::new(&[2, 4], 8));
//! let work = Cost::MatMul.work([a, b], c);
//! assert_eq!((work.flops, work.bytes), (48, 8 * (6 + 12 + 8)));
//! ```

use crate::dims::count;

/// Work of an operation, as a function of its shapes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cost {
    /// That many floating-point operations for each element of the largest
    /// argument or result; every argument and result is read or written once.
    PerElement(u32),
    /// That many floating-point operations for each element of the result. Of the first argument
    /// few elements are looked at for each, and the others are read.
    PerResult(u32),
    /// That many for each element of the largest argument but the first, which is not counted:
    /// it is written in as many places as the others say.
    PerSource(u32),
    /// 2·m·k·n operations for an (m, k) by (k, n) product.
    MatMul,
    /// That many times m·n·min(m, n) operations for the first argument: an (m, n) matrix, or as many
    /// times as there are matrices in a batch.
    Cubic(u32),
    /// That many times n·log₂ n operations, n being the elements of the largest argument or result.
    Transform(u32),
    /// Said by the kernel, before it does anything: it depends on more than the dims.
    Special,
    /// Nothing grows with the shapes (views, properties).
    Constant,
}

/// Elements of one argument or result: of a tensor, or the bytes of a string.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Extent {
    /// How many; as many as there are where that is more than a number holds.
    pub len: u64,
    /// The last dim; 1 of a tensor of rank 0.
    pub last: u64,
    /// The dim before the last; 1 of a tensor of rank 0 or 1.
    pub rows: u64,
    /// Bytes in all.
    pub bytes: u64,
}

impl Extent {
    /// Nothing: of a scalar, or of what is no object.
    pub const NONE: Extent = Extent { len: 0, last: 0, rows: 0, bytes: 0 };

    /// That of a tensor of `dims`, its elements of `size` bytes.
    pub fn new(dims: &[u64], size: usize) -> Extent {
        let len = count(dims).unwrap_or(u64::MAX);
        let from_last = |n| dims.iter().rev().nth(n).copied().unwrap_or(1);
        let bytes = len.saturating_mul(size as u64);
        Extent { len, last: from_last(0), rows: from_last(1), bytes }
    }
}

/// How much there is to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Work {
    /// Floating-point operations, or what takes as long.
    pub flops: u64,
    /// Bytes read and written.
    pub bytes: u64,
}

impl Work {
    /// What it costs, by the rule of `docs/limits.md`.
    pub const fn fuel(self) -> u64 {
        self.flops.saturating_add(self.bytes / 8) / 16
    }
}

impl Cost {
    /// The work of a call with those arguments and that result.
    #[inline]
    pub fn work(self, args: impl IntoIterator<Item = Extent>, result: Extent) -> Work {
        if matches!(self, Cost::Constant | Cost::Special) {
            return Work::default();
        }
        if let Cost::PerResult(flops) = self {
            let read = args.into_iter().skip(1).fold(0u64, |bytes, arg| bytes.saturating_add(arg.bytes));
            return Work {
                flops: result.len.saturating_mul(flops as u64),
                bytes: result.bytes.saturating_mul(2).saturating_add(read),
            };
        }
        let args = args.into_iter().skip(matches!(self, Cost::PerSource(_)) as usize);
        let (mut bytes, mut most, mut first) = (result.bytes, result.len, None);
        for arg in args {
            bytes = bytes.saturating_add(arg.bytes);
            most = most.max(arg.len);
            first.get_or_insert(arg);
        }
        let first = first.unwrap_or(Extent::NONE);
        let flops = match self {
            Cost::Constant | Cost::Special | Cost::PerResult(_) => 0,
            Cost::PerElement(flops) | Cost::PerSource(flops) => most.saturating_mul(flops as u64),
            // The inner dim of a product is the last of the first matrix, or of the vector.
            Cost::MatMul => result.len.saturating_mul(first.last).saturating_mul(2),
            Cost::Cubic(times) => {
                first.len.saturating_mul(first.rows.min(first.last)).saturating_mul(times as u64)
            }
            Cost::Transform(times) => {
                let levels = most.max(2).ilog2() as u64;
                most.saturating_mul(levels).saturating_mul(times as u64)
            }
        };
        Work { flops, bytes }
    }
}
