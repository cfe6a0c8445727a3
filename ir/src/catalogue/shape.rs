//! Shapes of results, from the dims of the arguments alone.
//!
//! Kernels ask here, and so does whoever wants to know a shape before anything
//! runs. An error says what does not go together; who has the call makes a trap of it.
//!
//! ```
//! use nbc_ir::catalogue::shape::{broadcast, matmul, without_axes};
//! use nbc_ir::dims::Dims;
//! let dims = |d: &[u64]| Dims::new(d).expect("few enough");
//! assert_eq!(*broadcast(&[dims(&[4, 1]), dims(&[3])]).unwrap(), [4, 3]);
//! assert_eq!(*matmul(&dims(&[2, 3]), &dims(&[3])).unwrap().dims, [2]);
//! assert!(broadcast(&[dims(&[4]), dims(&[3])]).is_err());
//! let first = [true, false, false, false, false, false, false, false];
//! assert_eq!(*without_axes(&dims(&[2, 3]), &first, true), [1, 3]);
//! ```

use crate::dims::{Dims, MAX_RANK};

/// How the shape of the result follows from the arguments.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Shape {
    /// No tensor result.
    Scalar,
    /// The dims given in brackets.
    Given,
    /// That of the first tensor.
    Same,
    /// NumPy's broadcasting of all tensors.
    Broadcast,
    /// The first tensor's without the given axis.
    DropAxis,
    /// The first tensor's without the given axes, or with length 1 along them: see [`without_axes`].
    DropAxes,
    /// Of a matrix product.
    MatMul,
    /// Worked out by the kernel as its documentation says.
    Special,
}

/// `dims` without the axes that `is_folded` says, or with length 1 along them where they are kept.
#[must_use]
pub fn without_axes(dims: &Dims, is_folded: &[bool; MAX_RANK], keep: bool) -> Dims {
    let mut left = [0; MAX_RANK];
    let mut rank = 0;
    for (dim, is_folded) in dims.iter().zip(is_folded) {
        if keep || !is_folded {
            left[rank] = if *is_folded { 1 } else { *dim };
            rank += 1;
        }
    }
    Dims::new(&left[..rank]).expect("no more dims than before")
}

/// Two shapes that do not go together, by position.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Mismatch(pub usize, pub usize);

/// NumPy's broadcasting of all `shapes`: dims are aligned at the right, and a dim
/// of 1 (or none) is repeated along the other's.
///
/// # Errors
/// Two of them that do not go together.
pub fn broadcast(shapes: &[Dims]) -> Result<Dims, Mismatch> {
    let rank = shapes.iter().map(|s| s.len()).max().unwrap_or(0);
    let mut all = [1u64; MAX_RANK];
    for (n, shape) in shapes.iter().enumerate() {
        for (at, d) in all[rank - shape.len()..rank].iter_mut().zip(shape.iter()) {
            if *at == 1 {
                *at = *d;
            } else if *d != 1 && *d != *at {
                let other = shapes.iter().position(|s| !goes_with(s, shape)).unwrap_or(0);
                return Err(Mismatch(other, n));
            }
        }
    }
    Ok(Dims::new(&all[..rank]).expect("no operand has more dims"))
}

fn goes_with(a: &[u64], b: &[u64]) -> bool {
    a.iter().rev().zip(b.iter().rev()).all(|(x, y)| x == y || *x == 1 || *y == 1)
}

/// Sizes of an (m, k) by (k, n) product, and the dims of the result.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Product {
    /// Rows of the first.
    pub m: u64,
    /// The inner dim.
    pub k: u64,
    /// Columns of the second.
    pub n: u64,
    /// The dims that count products: those before the matrices, broadcast.
    pub lead: Dims,
    /// Of the result: without the dim that a vector has not.
    pub dims: Dims,
}

/// Why two shapes have no product.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NoProduct {
    /// No matrices or vectors.
    Rank,
    /// The inner dims differ.
    Inner,
    /// The dims before the matrices do not go together.
    Lead,
}

/// The product of matrices or vectors: a vector counts as a column on the right
/// and a row on the left. The dims before those of matrices count them, and are broadcast.
///
/// # Errors
/// A rank of 0, or dims that do not go together.
pub fn matmul(a: &Dims, b: &Dims) -> Result<Product, NoProduct> {
    let (a_lead, m, k) = match &**a {
        [lead @ .., m, k] => (lead, *m, *k),
        [k] => (&[][..], 1, *k),
        [] => return Err(NoProduct::Rank),
    };
    let (b_lead, inner, n) = match &**b {
        [lead @ .., k, n] => (lead, *k, *n),
        [k] => (&[][..], *k, 1),
        [] => return Err(NoProduct::Rank),
    };
    if k != inner {
        return Err(NoProduct::Inner);
    }
    let lead = |dims: &[u64]| Dims::new(dims).expect("fewer dims than there were");
    let lead = broadcast(&[lead(a_lead), lead(b_lead)]).map_err(|_| NoProduct::Lead)?;
    let (rows, columns) = (a.len() > 1, b.len() > 1);
    let mut dims = [0; MAX_RANK];
    dims[..lead.len()].copy_from_slice(&lead);
    let mut rank = lead.len();
    for (dim, is_there) in [(m, rows), (n, columns)] {
        if is_there {
            dims[rank] = dim;
            rank += 1;
        }
    }
    let dims = Dims::new(&dims[..rank]).expect("no more dims than one of them has");
    Ok(Product { m, k, n, lead, dims })
}
