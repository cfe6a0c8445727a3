//! Products of sparse matrices by rows with vectors and dense matrices.
//!
//! The kernels are our own, for cuSPARSE adds up in an order of its own: here products have the processor's bits. A launch takes so many
//! elements at most, wherever rows end, and a long row goes on in the next: so it is bounded, whatever the rows are.

use super::{ELEMENTS, Recipe, c_type};
use crate::device::{Cuda, Key, Scratch, address};
use crate::launch::{Parameters, THREADS, blocks};
use nbc_ir::Elem;
use nbc_ir::catalogue::Operation;
use nbc_runtime::device::system::DeviceSparse;
use nbc_runtime::device::{DeviceArg, DeviceCall, DeviceError};

/// Rows that these kernels compute.
#[rustfmt::skip]
pub(super) const ROWS: &[(&str, Recipe)] = &[
    ("sparse_matmul", Recipe::SparseProduct),
    ("sparse_cg", Recipe::Iterate(super::iterate::Method::Cg)),
    ("sparse_bicgstab", Recipe::Iterate(super::iterate::Method::Bicgstab)),
];

/// Elements of the matrix in one launch: at most, times a vector and times a matrix, and at least. One row of so many takes
/// some tenths of a second.
const OF_VECTOR: u64 = 1 << 24;
const OF_MATRIX: u64 = 1 << 18;
const FEW: u64 = 1 << 10;

/// Zero as an element, in CUDA C.
pub(super) fn zero(elem: Elem) -> &'static str {
    match elem {
        Elem::C128 => "nbc_complex((f64)0, (f64)0)",
        _ => "((NBC_T)0)",
    }
}

/// The kernels `nbc_sparse_vector` and `nbc_sparse_dense`.
fn text(elem: Elem) -> String {
    let (of, zero) = (c_type(elem), zero(elem));
    format!("{ELEMENTS}#define NBC_T {of}\n#define NBC_ZERO {zero}\n{}", include_str!("sparse.cuh"))
}

/// A matrix whose three arrays are on the device.
pub(super) struct Matrix<'c, 'a> {
    of: DeviceSparse<'a>,
    /// Where pointers, indices and values are.
    at: [u64; 3],
    _held: [Option<Scratch<'c>>; 3],
}

impl<'c, 'a> Matrix<'c, 'a> {
    pub(super) fn sent(cuda: &'c Cuda, of: DeviceSparse<'a>) -> Result<Matrix<'c, 'a>, DeviceError> {
        let (pointers, first) = cuda.sent(&of.pointers)?;
        let (indices, second) = cuda.sent_if_any(&of.indices)?;
        let (values, third) = cuda.sent_if_any(&of.values)?;
        Ok(Matrix { of, at: [pointers, indices, values], _held: [first, second, third] })
    }
}

/// Rows and elements of one launch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Piece {
    rows: [usize; 2],
    elements: [i64; 2],
}

/// All rows that begin at `starts`, in launches of at most `most` elements. A row whose elements are not all in
/// one launch is in the next too.
fn pieces(starts: &[i64], most: u64) -> impl Iterator<Item = Piece> + '_ {
    let (rows, stored) = (starts.len() - 1, starts[starts.len() - 1]);
    let (mut row, mut from, mut is_done) = (0, 0, false);
    std::iter::from_fn(move || {
        if is_done {
            return None;
        }
        let to = stored.min(from + most as i64);
        is_done = to == stored;
        // Rows without elements at the end are the last launch's.
        let end = if is_done { rows } else { starts[..rows].partition_point(|start| *start < to) };
        let piece = Piece { rows: [row, end], elements: [from, to] };
        let goes_on = starts[end] > to;
        (row, from) = (if goes_on { end - 1 } else { end }, to);
        Some(piece)
    })
}

impl Cuda {
    /// The product that a call asks for.
    pub(crate) fn run_sparse_product(&self, call: &DeviceCall<'_>) -> Result<(), DeviceError> {
        let [DeviceArg::Sparse(matrix), x] = call.args else {
            return Err(DeviceError("a matrix and what it is multiplied with".to_owned()));
        };
        let width = match x.dims() {
            [_, width] => *width,
            _ => 1,
        };
        let (x, _held) = self.sent(x)?;
        let matrix = Matrix::sent(self, **matrix)?;
        self.matrix_times(&matrix, x, width, address(call), call.must_stop)
    }

    /// Writes the product of a matrix and `x`, which has `width` columns. The context is current.
    pub(super) fn matrix_times(
        &self,
        matrix: &Matrix<'_, '_>,
        x: u64,
        width: u64,
        to: u64,
        must_stop: &dyn Fn() -> bool,
    ) -> Result<(), DeviceError> {
        let elem = matrix.of.elem;
        let operation = Operation::find("sparse.matmul").expect("a row of the catalogue").index();
        let key = Key { operation, elems: vec![elem], layout: None };
        let code = self.kernel(key, &[c"nbc_sparse_vector", c"nbc_sparse_dense"], || text(elem))?;
        // What an element and a row move.
        let size = elem.size() as u64;
        let (of_element, of_row) = (4 + size + size.saturating_mul(width), 8 + size.saturating_mul(width));
        let at_once = (self.most_queued / of_element).max(FEW);
        let (most, function) = match width {
            1 => (at_once.min(OF_VECTOR), code.functions[0]),
            _ => (at_once.min(OF_MATRIX), code.functions[1]),
        };
        for Piece { rows: [first, end], elements: [from, until] } in pieces(matrix.of.starts, most) {
            let mut parameters = Parameters::default();
            [to].into_iter().chain(matrix.at).chain([x]).for_each(|at| parameters.address(at));
            let rows = (end - first) as u64;
            parameters.numbers(&[first as u64, end as u64, from as u64, until as u64]);
            if width != 1 {
                parameters.numbers(&[width]);
            }
            let threads = if width == 1 { rows } else { rows.saturating_mul(width) };
            // SAFETY: the matrix is as `DeviceSparse` says, `x` has a row for each of its columns, and the result one for
            // each of its rows.
            unsafe { self.launch(parameters, function, (blocks(threads.div_ceil(THREADS)), 1, 1))? };
            let moved = ((until - from) as u64).saturating_mul(of_element);
            self.pace(moved.saturating_add(rows.saturating_mul(of_row)), must_stop)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{Piece, pieces};

    fn of(starts: &[i64], most: u64) -> Vec<([usize; 2], [i64; 2])> {
        pieces(starts, most).map(|Piece { rows, elements }| (rows, elements)).collect()
    }

    #[test]
    fn every_row_is_in_the_launches_that_have_its_elements() {
        assert_eq!(of(&[0], 4), [([0, 0], [0, 0])]);
        assert_eq!(of(&[0, 0, 0], 4), [([0, 2], [0, 0])]);
        assert_eq!(of(&[0, 3, 4], 4), [([0, 2], [0, 4])]);
        // The row in the middle is in three launches; those without elements around it in one each.
        assert_eq!(
            of(&[0, 0, 2, 11, 11, 12, 12], 4),
            [([0, 3], [0, 4]), ([2, 3], [4, 8]), ([2, 6], [8, 12])]
        );
        // A launch ends where a row does: rows without elements there begin the next.
        assert_eq!(of(&[0, 4, 4, 6], 4), [([0, 1], [0, 4]), ([1, 3], [4, 6])]);
    }
}
