//! Orders of the columns in which an LU factorisation leaves few new elements, by the faer crate.
//!
//! Where most elements have one on the other side of the diagonal, and few are missing on it, pivots mostly
//! stay there: then it is approximate minimum degree of the matrix and its transpose. Else it is
//! that of columns, which is good for any pivots (COLAMD).
//!
//! ```
//! use nbc_numerics::sparse::{Compressed, Pace, order::{is_symmetric, order}};
//! // An arrow: its point comes last.
//! let (pointers, indices) = ([0, 4, 6, 8, 10], [0, 1, 2, 3, 0, 1, 0, 2, 0, 3]);
//! let a = Compressed::new([4, 4], &pointers, &indices, &[(); 10]);
//! let mut ask = || Ok::<(), ()>(());
//! assert!(is_symmetric(a, &mut Pace::new(&mut ask))?);
//! let places = (&pointers.map(|p| p as usize)[..], &indices.map(|i| i as usize)[..]);
//! let order = order(4, places, true).expect("memory");
//! assert!(order[2..].contains(&0));
//! # Ok::<(), ()>(())
//! ```

use super::direct::{Failed, Places};
use super::{Compressed, Pace};
use faer::dyn_stack::{MemBuffer, MemStack};
use faer::sparse::linalg::{amd, colamd};
use faer::sparse::{FaerError, SymbolicSparseColMatRef};

/// Whether the places of a square matrix are nearly those of its transpose.
///
/// # Errors
/// Where it is not to go on.
pub fn is_symmetric<T, E>(a: Compressed<'_, T>, pace: &mut Pace<'_, E>) -> Result<bool, E> {
    let (mut on, mut off, mut matched) = (0, 0, 0);
    for part in 0..a.major {
        pace.step(1)?;
        for index in &a.indices[a.range(part)] {
            pace.step(8)?;
            let index = *index as usize;
            if index == part {
                on += 1;
            } else {
                off += 1;
                let mirrored = a.indices[a.range(index)].binary_search(&(part as i32));
                matched += usize::from(mirrored.is_ok());
            }
        }
    }
    Ok(10 * on >= 9 * a.major && 2 * matched >= off)
}

/// The columns of a square matrix by columns in a good order; `symmetric` as [`is_symmetric`] has found.
///
/// # Errors
/// [`Failed::Memory`].
pub fn order(n: usize, (pointers, indices): Places<'_>, symmetric: bool) -> Result<Vec<u32>, Failed> {
    if n == 0 {
        return Ok(Vec::new());
    }
    let zeros = || {
        let mut zeros = Vec::new();
        zeros.try_reserve_exact(n).map_err(|_| Failed::Memory)?;
        zeros.resize(n, 0usize);
        Ok(zeros)
    };
    let (mut forward, mut back) = (zeros()?, zeros()?);
    let places = SymbolicSparseColMatRef::new_checked(n, n, pointers, None, indices);
    let room = match symmetric {
        true => amd::order_maybe_unsorted_scratch::<usize>(n, indices.len()),
        false => colamd::order_scratch::<usize>(n, n, indices.len()),
    };
    let mut memory = MemBuffer::try_new(room).map_err(|_| Failed::Memory)?;
    let stack = MemStack::new(&mut memory);
    let made = match symmetric {
        true => amd::order(&mut forward, &mut back, places, Default::default(), stack).map(|_| ()),
        false => colamd::order(&mut forward, &mut back, places, Default::default(), stack),
    };
    made.map_err(|_: FaerError| Failed::Memory)?;
    Ok(forward.into_iter().map(|column| column as u32).collect())
}
