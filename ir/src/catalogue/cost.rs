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
    /// Bytes in all.
    pub bytes: u64,
}

impl Extent {
    /// Nothing: of a scalar, or of what is no object.
    pub const NONE: Extent = Extent { len: 0, last: 0, bytes: 0 };

    /// That of a tensor of `dims`, its elements of `size` bytes.
    pub fn new(dims: &[u64], size: usize) -> Extent {
        let len = count(dims).unwrap_or(u64::MAX);
        Extent { len, last: dims.last().copied().unwrap_or(1), bytes: len.saturating_mul(size as u64) }
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
        if self == Cost::Constant {
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
        let (mut bytes, mut most, mut inner) = (result.bytes, result.len, None);
        for arg in args {
            bytes = bytes.saturating_add(arg.bytes);
            most = most.max(arg.len);
            // The inner dim of a product is the last of the first matrix, or of the vector.
            inner.get_or_insert(arg.last);
        }
        let flops = match self {
            Cost::Constant | Cost::PerResult(_) => 0,
            Cost::PerElement(flops) | Cost::PerSource(flops) => most.saturating_mul(flops as u64),
            Cost::MatMul => result.len.saturating_mul(inner.unwrap_or(0)).saturating_mul(2),
        };
        Work { flops, bytes }
    }
}
