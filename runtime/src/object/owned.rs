//! Results that have left the heap.

use super::{Element, TensorRef, nan};
use crate::region::pool::Buffer;
use nbc_ir::Elem;
use std::fmt;

/// Bytes between two questions whether to go on: a multiple of every element's size.
const STRETCH: usize = 1 << 20;

/// A tensor that belongs to the host: it outlives the instance that made it.
///
/// A large result is the very buffer that the program computed into.
///
/// ```
/// use nbc_runtime::object::OwnedTensor;
/// let t = OwnedTensor::from_slice(&[2, 2], &[1.0, 2.0, 3.0, 4.0]).unwrap();
/// assert_eq!(t.as_slice::<f64>(), Some(&[1.0, 2.0, 3.0, 4.0][..]));
/// assert_eq!(t.view::<f64>().unwrap()[[1, 0]], 3.0);
/// assert_eq!(t.as_slice::<i64>(), None);
/// ```
pub struct OwnedTensor {
    buffer: Buffer,
    elem: Elem,
    len: usize,
    dims: Box<[usize]>,
}

// SAFETY: the buffer is owned, its elements are plain data.
unsafe impl Send for OwnedTensor {}
// SAFETY: as above; shared access only reads.
unsafe impl Sync for OwnedTensor {}

impl OwnedTensor {
    /// # Safety
    /// The buffer must be owned by nobody else and hold initialised elements
    /// of type `elem` for `dims`.
    pub(crate) unsafe fn from_buffer(buffer: Buffer, elem: Elem, dims: &[u64]) -> OwnedTensor {
        let dims: Box<[usize]> = dims.iter().map(|d| *d as usize).collect();
        let len = if dims.contains(&0) { 0 } else { dims.iter().product() };
        OwnedTensor { buffer, elem, len, dims }
    }

    /// What the host sees of a tensor whose buffer it gets: every NaN canonical.
    /// `go_on` is asked each megabyte; where it fails the tensor is gone.
    ///
    /// # Safety
    /// As [`OwnedTensor::from_buffer`].
    pub(crate) unsafe fn of_program<E>(
        buffer: Buffer,
        elem: Elem,
        dims: &[u64],
        go_on: impl Fn() -> Result<(), E>,
    ) -> Result<OwnedTensor, E> {
        // SAFETY: upheld by the caller; then the elements are initialised,
        // have no padding, and belong to `tensor` alone.
        unsafe {
            let tensor = OwnedTensor::from_buffer(buffer, elem, dims);
            let size = tensor.len * elem.size();
            let bytes = std::slice::from_raw_parts_mut(tensor.buffer.data(), size);
            for stretch in bytes.chunks_mut(STRETCH) {
                nan::settle(elem, stretch);
                go_on()?;
            }
            Ok(tensor)
        }
    }

    /// A copy of a program's tensor, every NaN in it canonical; `None` when
    /// there is no memory for it. `go_on` is asked each megabyte.
    ///
    /// # Safety
    /// Nothing may write the tensor meanwhile.
    pub(crate) unsafe fn copy_of<E>(
        tensor: TensorRef,
        go_on: impl Fn() -> Result<(), E>,
    ) -> Result<Option<OwnedTensor>, E> {
        let Some(buffer) = Buffer::allocate(tensor.bytes(), false) else { return Ok(None) };
        // SAFETY: the new buffer has room for the tensor's bytes, which are
        // all initialised and come in pieces that make up the whole; it is owned by
        // nobody else. Where `go_on` fails the copy is only dropped.
        unsafe {
            let mut to = buffer.data();
            let copy = OwnedTensor::from_buffer(buffer, tensor.elem(), &tensor.dims());
            for stretch in std::slice::from_raw_parts(tensor.data(), tensor.bytes()).chunks(STRETCH) {
                nan::seen(tensor.elem(), stretch, |piece| {
                    std::ptr::copy_nonoverlapping(piece.as_ptr(), to, piece.len());
                    to = to.add(piece.len());
                });
                go_on()?;
            }
            Ok(Some(copy))
        }
    }

    /// A tensor with a copy of `data`; `None` when `dims` does not fit or
    /// there is no memory for it.
    pub fn from_slice<T: Element>(dims: &[u64], data: &[T]) -> Option<OwnedTensor> {
        if nbc_ir::dims::count(dims) != Some(data.len() as u64) {
            return None;
        }
        let buffer = Buffer::allocate(size_of_val(data), false)?;
        // SAFETY: the new buffer has room for the elements, all of which are
        // written, and is owned by nobody else.
        unsafe {
            std::ptr::copy_nonoverlapping(data.as_ptr(), buffer.data().cast::<T>(), data.len());
            Some(OwnedTensor::from_buffer(buffer, T::ELEM, dims))
        }
    }

    /// A tensor of zeros, to be filled through [`OwnedTensor::as_mut_slice`];
    /// `None` when `dims` is no shape a tensor can have or there is no memory for it.
    pub fn zeros(elem: Elem, dims: &[u64]) -> Option<OwnedTensor> {
        let len = usize::try_from(nbc_ir::dims::Dims::new(dims)?.count()?).ok()?;
        let buffer = Buffer::allocate(len.checked_mul(elem.size())?, true)?;
        // SAFETY: the buffer is new, and zero bits are an element of every type.
        Some(unsafe { OwnedTensor::from_buffer(buffer, elem, dims) })
    }

    /// Element type.
    pub fn elem(&self) -> Elem {
        self.elem
    }

    /// Length along each axis.
    pub fn dims(&self) -> &[usize] {
        &self.dims
    }

    /// Number of elements.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are no elements.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The elements in row-major order; `None` when `T` is not their type.
    pub fn as_slice<T: Element>(&self) -> Option<&[T]> {
        // SAFETY: the buffer holds `len` initialised elements of type `elem`.
        (T::ELEM == self.elem)
            .then(|| unsafe { std::slice::from_raw_parts(self.buffer.data().cast::<T>(), self.len) })
    }

    /// The elements in row-major order, to be changed; `None` when `T` is not their type.
    pub fn as_mut_slice<T: Element>(&mut self) -> Option<&mut [T]> {
        // SAFETY: as above, and `self` is borrowed exclusively.
        (T::ELEM == self.elem)
            .then(|| unsafe { std::slice::from_raw_parts_mut(self.buffer.data().cast::<T>(), self.len) })
    }

    /// The elements' bytes in row-major order.
    pub fn as_bytes(&self) -> &[u8] {
        // SAFETY: the elements are initialised and have no padding.
        unsafe { std::slice::from_raw_parts(self.buffer.data(), self.len * self.elem.size()) }
    }

    /// The tensor as an ndarray view; `None` when `T` is not the element type.
    pub fn view<T: Element>(&self) -> Option<ndarray::ArrayViewD<'_, T>> {
        ndarray::ArrayView::from_shape(&self.dims[..], self.as_slice::<T>()?).ok()
    }
}

impl Drop for OwnedTensor {
    fn drop(&mut self) {
        // SAFETY: the buffer is owned here and not used again.
        unsafe { self.buffer.free() };
    }
}

impl Clone for OwnedTensor {
    fn clone(&self) -> OwnedTensor {
        let bytes = self.as_bytes();
        let buffer = Buffer::allocate(bytes.len(), false).expect("memory for a copy of a tensor");
        // SAFETY: the new buffer has room for the bytes and is owned here.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), buffer.data(), bytes.len()) };
        OwnedTensor { buffer, elem: self.elem, len: self.len, dims: self.dims.clone() }
    }
}

impl PartialEq for OwnedTensor {
    /// The same type, dims and bits.
    fn eq(&self, other: &OwnedTensor) -> bool {
        self.elem == other.elem && self.dims == other.dims && self.as_bytes() == other.as_bytes()
    }
}

impl fmt::Debug for OwnedTensor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwnedTensor")
            .field("elem", &self.elem)
            .field("dims", &self.dims)
            .finish_non_exhaustive()
    }
}
