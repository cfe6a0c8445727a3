//! Sparse matrices: the elements that are stored, row by row or column by column.
//!
//! A matrix is three tensors in the usual compressed form. Of a matrix in [`Format::Csr`] the elements of row
//! `i` have the numbers from `pointers[i]` up to but not including `pointers[i + 1]`. `indices` says
//! the column of each and `values` what it is. In [`Format::Csc`] rows and columns change places.
//! So a transpose is a header of its own over the same three.
//!
//! Invariant: `pointers` has a number for each row (or column) and one more, begins with 0, never falls and ends
//! with how many are stored. Indices are in range and rise within each row, so that no element is there
//! twice. Both sides are below 2³¹. Kernels rely on all of it, so nothing may write the three
//! tensors: they are read-only, and no program has a handle of them. Whoever makes a matrix freezes them
//! with [`Heap::sparse`](crate::region::Heap::sparse).
//!
//! ```
//! use nbc_runtime::object::{Format, OwnedSparse, OwnedTensor};
//! let tensor = |data: &[f64]| OwnedTensor::from_slice(&[data.len() as u64], data).unwrap();
//! let pointers = OwnedTensor::from_slice(&[3], &[0i64, 1, 2]).unwrap();
//! let indices = OwnedTensor::from_slice(&[2], &[2i32, 0]).unwrap();
//! let matrix = OwnedSparse::new(Format::Csr, [2, 3], pointers.clone(), indices, tensor(&[5.0, 7.0])).unwrap();
//! assert_eq!((matrix.dims(), matrix.stored()), ([2, 3], 2));
//! let beyond = OwnedTensor::from_slice(&[2], &[2i32, 3]).unwrap();
//! assert!(OwnedSparse::new(Format::Csr, [2, 3], pointers, beyond, tensor(&[5.0, 7.0])).is_err());
//! ```

use super::{OwnedTensor, Storage, Tensor, TensorRef, from_slot, to_slot};
use nbc_ir::{Elem, Type};
use std::fmt;

/// Rows and columns are fewer than this.
pub const MOST: u64 = 1 << 31;

/// Which elements lie one after the other.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Format {
    /// Those of a row.
    Csr = 0,
    /// Those of a column.
    Csc = 1,
}

impl Format {
    /// The format of the transpose over the same tensors.
    #[must_use]
    pub const fn flipped(self) -> Format {
        match self {
            Format::Csr => Format::Csc,
            Format::Csc => Format::Csr,
        }
    }

    /// Name in messages.
    pub const fn name(self) -> &'static str {
        match self {
            Format::Csr => "csr",
            Format::Csc => "csc",
        }
    }
}

/// Header of a sparse matrix.
#[repr(C)]
pub struct Sparse {
    /// Where each row begins; see [the module](self).
    pub pointers: *mut Tensor,
    /// The column of each element.
    pub indices: *mut Tensor,
    /// The elements.
    pub values: *mut Tensor,
    /// Number of rows.
    pub rows: u64,
    /// Number of columns.
    pub cols: u64,
    /// Index of the owning region in the heap's stack.
    pub region: u32,
    /// Element type.
    pub elem: Elem,
    /// Which elements lie one after the other.
    pub format: Format,
    /// [`Storage::Inline`], or that it has moved.
    pub storage: Storage,
}

/// Handle of a live sparse matrix; see [`crate::object`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SparseRef(pub(crate) *mut Sparse);

impl SparseRef {
    /// The matrix whose address a register holds.
    ///
    /// # Safety
    /// The slot must hold the address of a sparse matrix of a heap. The handle must not be used after the
    /// matrix's region has ended.
    #[inline(always)]
    pub unsafe fn from_slot(slot: u64) -> SparseRef {
        SparseRef(from_slot(slot))
    }

    /// The register slot that refers to the matrix.
    #[inline(always)]
    pub fn slot(self) -> u64 {
        to_slot(self.0)
    }

    /// Rows and columns.
    pub fn dims(self) -> [u64; 2] {
        // SAFETY: a handle refers to a live header.
        unsafe { [(*self.0).rows, (*self.0).cols] }
    }

    /// Element type.
    pub fn elem(self) -> Elem {
        // SAFETY: a handle refers to a live header.
        unsafe { (*self.0).elem }
    }

    /// Which elements lie one after the other.
    pub fn format(self) -> Format {
        // SAFETY: a handle refers to a live header.
        unsafe { (*self.0).format }
    }

    /// Depth of the region that the matrix lives in.
    pub fn region(self) -> u32 {
        // SAFETY: a handle refers to a live header.
        unsafe { (*self.0).region }
    }

    /// How many elements are stored.
    pub fn stored(self) -> usize {
        self.parts()[2].len()
    }

    /// Pointers, indices and values.
    pub fn parts(self) -> [TensorRef; 3] {
        // SAFETY: a handle refers to a live header, and what it holds is live.
        unsafe { [(*self.0).pointers, (*self.0).indices, (*self.0).values].map(TensorRef) }
    }

    /// Bytes of the three tensors.
    pub fn held(self) -> usize {
        self.parts().iter().map(|part| part.bytes()).sum()
    }

    /// Types of [`SparseRef::parts`].
    pub fn part_types(self) -> [Type; 3] {
        [Elem::I64, Elem::I32, self.elem()].map(Type::Tensor)
    }
}

/// A sparse matrix that belongs to the host: it outlives the instance that made it.
///
/// It cannot be changed, so it always is what [the module](self) says.
#[derive(Clone, PartialEq)]
pub struct OwnedSparse {
    format: Format,
    dims: [u64; 2],
    pointers: OwnedTensor,
    indices: OwnedTensor,
    values: OwnedTensor,
}

impl OwnedSparse {
    /// The matrix of `dims` in that format: `pointers` of i64, `indices` of i32 and `values` of f32, f64 or c128, all of
    /// rank 1.
    ///
    /// # Errors
    /// What of the invariant does not hold.
    pub fn new(
        format: Format,
        dims: [u64; 2],
        pointers: OwnedTensor,
        indices: OwnedTensor,
        values: OwnedTensor,
    ) -> Result<OwnedSparse, String> {
        if let Some(side) = dims.iter().find(|d| **d >= MOST) {
            return Err(format!("a side of {side}; a sparse matrix has fewer than 2^31 rows and columns"));
        }
        if !values.elem().is_of_sparse() {
            return Err(format!("a sparse matrix has no elements of type {}", values.elem()));
        }
        let (Some(starts), Some(places)) = (pointers.as_slice::<i64>(), indices.as_slice::<i32>()) else {
            let (p, i) = (pointers.elem(), indices.elem());
            return Err(format!("pointers are i64 and indices i32, found {p} and {i}"));
        };
        if [&pointers, &indices, &values].iter().any(|t| t.dims().len() != 1) {
            return Err("pointers, indices and values are of rank 1".to_owned());
        }
        let [major, minor] = match format {
            Format::Csr => dims,
            Format::Csc => [dims[1], dims[0]],
        };
        let stored = values.len();
        if places.len() != stored {
            return Err(format!("{} indices for {stored} values", places.len()));
        }
        if starts.len() as u64 != major + 1 {
            return Err(format!(
                "{} pointers; there is one more than the {major} rows or columns",
                starts.len()
            ));
        }
        if starts[0] != 0 || starts[major as usize] != stored as i64 {
            return Err(format!("pointers go from 0 to the {stored} values"));
        }
        for (n, ends) in starts.windows(2).enumerate() {
            if ends[0] > ends[1] || ends[1] > stored as i64 {
                return Err(format!(
                    "pointer {} is {}, below the one before or above {stored}",
                    n + 1,
                    ends[1]
                ));
            }
            let mut last = -1;
            for place in &places[ends[0] as usize..ends[1] as usize] {
                if *place <= last || *place as u64 >= minor {
                    return Err(format!(
                        "index {place} of row or column {n}: they rise and are below {minor}, each once"
                    ));
                }
                last = *place;
            }
        }
        Ok(OwnedSparse { format, dims, pointers, indices, values })
    }

    /// The matrix of those rows and columns, which are in the order of the format, each once.
    ///
    /// # Errors
    /// When they are not, or there is no memory.
    pub fn of_places(
        format: Format,
        dims: [u64; 2],
        places: &[[u64; 2]],
        values: OwnedTensor,
    ) -> Result<OwnedSparse, String> {
        let (major, minor) = match format {
            Format::Csr => (0, 1),
            Format::Csc => (1, 0),
        };
        if let Some(side) = dims.iter().find(|d| **d >= MOST) {
            return Err(format!("a side of {side}; a sparse matrix has fewer than 2^31 rows and columns"));
        }
        let no_memory = || "no memory for the matrix".to_owned();
        let mut pointers = OwnedTensor::zeros(Elem::I64, &[dims[major] + 1]).ok_or_else(no_memory)?;
        let mut indices = OwnedTensor::zeros(Elem::I32, &[places.len() as u64]).ok_or_else(no_memory)?;
        let starts = pointers.as_mut_slice::<i64>().unwrap_or_default();
        let at = indices.as_mut_slice::<i32>().unwrap_or_default();
        let mut last = 0;
        for (place, at) in places.iter().zip(at) {
            if place[major] < last || place[0] >= dims[0] || place[1] >= dims[1] {
                return Err(format!("place {place:?} is out of range of {dims:?} or comes too late"));
            }
            last = place[major];
            starts[last as usize + 1] += 1;
            *at = place[minor] as i32;
        }
        let mut sum = 0;
        for start in starts {
            sum += *start;
            *start = sum;
        }
        OwnedSparse::new(format, dims, pointers, indices, values)
    }

    /// The same of what has been checked.
    pub(crate) fn of_checked(format: Format, dims: [u64; 2], parts: [OwnedTensor; 3]) -> OwnedSparse {
        let [pointers, indices, values] = parts;
        OwnedSparse { format, dims, pointers, indices, values }
    }

    /// Which elements lie one after the other.
    pub fn format(&self) -> Format {
        self.format
    }

    /// Rows and columns.
    pub fn dims(&self) -> [u64; 2] {
        self.dims
    }

    /// Element type.
    pub fn elem(&self) -> Elem {
        self.values.elem()
    }

    /// How many elements are stored.
    pub fn stored(&self) -> usize {
        self.values.len()
    }

    /// Where each row or column begins, as i64.
    pub fn pointers(&self) -> &OwnedTensor {
        &self.pointers
    }

    /// The column or row of each element, as i32.
    pub fn indices(&self) -> &OwnedTensor {
        &self.indices
    }

    /// The elements.
    pub fn values(&self) -> &OwnedTensor {
        &self.values
    }

    /// Row and column of each element, in the order of [`OwnedSparse::values`].
    pub fn places(&self) -> impl Iterator<Item = [u64; 2]> + '_ {
        let starts = self.pointers.as_slice::<i64>().unwrap_or(&[]);
        let indices = self.indices.as_slice::<i32>().unwrap_or(&[]);
        starts.windows(2).enumerate().flat_map(move |(major, ends)| {
            indices[ends[0] as usize..ends[1] as usize].iter().map(move |minor| match self.format {
                Format::Csr => [major as u64, *minor as u64],
                Format::Csc => [*minor as u64, major as u64],
            })
        })
    }
}

impl Eq for OwnedSparse {}

impl fmt::Debug for OwnedSparse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwnedSparse")
            .field("elem", &self.elem())
            .field("format", &self.format)
            .field("dims", &self.dims)
            .field("stored", &self.stored())
            .finish_non_exhaustive()
    }
}
