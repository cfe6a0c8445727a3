//! The heap of one instance: its stack of regions, and how objects are made,
//! read, moved and let go.

use super::allocator::{NoRoom, RegionAllocator, write_header};
use super::arena::padded;
use super::pool::{Claim, MEDIUM, Pool};
use super::region::Region;
use crate::device::DeviceCounts;
use crate::interruption::Interruption;
use crate::object::tensor::SHORT_RANK;
use crate::object::{
    BigIntRef, Element, Format, ListRef, Object, ObjectRef, SparseRef, Storage, StrRef, Tensor, TensorRef,
};
use crate::placement::{Placement, Placing};
use crate::threads::Threads;
use crate::trap::{TrapCode, TrapError};
use nbc_ir::{ConstValue, Elem, Item, Type};
#[cfg(feature = "fft")]
use nbc_numerics::fft::Plans;
#[cfg(feature = "linalg")]
use nbc_numerics::sparse::analyses::Analyses;
use std::ptr::NonNull;
use std::sync::Arc;

/// Idle arenas of the first regions keep this much for their next use.
const KEEP_NEAR: usize = 1 << 20;
/// How many regions count as first ones.
const NEAR: usize = 16;
/// Idle arenas of later regions keep this much, up to [`FAR`].
const KEEP_FAR: usize = 16 << 10;
/// Idle arenas from this index on keep nothing.
const FAR: usize = 256;
/// Added to the number of a global, this is the region index of its objects.
pub(super) const GLOBAL: u32 = 1 << 31;
/// What a former value of a global is counted for besides its objects: a region, in a vector
/// that may be half empty.
pub(super) const FORMER: usize = 2 * size_of::<Region>();
/// Most bytes the pool keeps for reuse.
const KEEP_POOLED: usize = 256 << 20;

/// The state that all regions of a heap share.
pub(super) struct Shared {
    pub(super) pool: Pool,
    /// The memory budget in bytes.
    pub(super) limit: usize,
    /// Bytes charged for: of all arenas' chunks and all owned buffers.
    pub(super) held: usize,
    /// Most `held` and the pool's kept bytes have been together.
    pub(super) peak: usize,
    /// Bytes of all arenas' chunks.
    pub(super) arenas: usize,
    /// Most bytes that have been taken from the machine at once.
    pub(super) resident_peak: usize,
    /// Who may stop what takes long.
    pub(super) interruption: Interruption,
    /// Where operations run.
    pub(super) placing: Placing,
    /// What transforms have kept.
    #[cfg(feature = "fft")]
    pub(super) plans: Arc<Plans>,
    /// What sparse factorisations have kept.
    #[cfg(feature = "linalg")]
    pub(super) analyses: Arc<Analyses>,
    /// Whether anything has been secret.
    pub(super) has_secrets: bool,
    /// Bytes of copies made for the host since it last began to take values out.
    pub(super) taken_out: usize,
}

/// All objects of one instance.
pub struct Heap {
    /// Regions by index, those above `depth` idle. Each is a box of its own,
    /// so that it stays in place when the stack grows.
    pub(super) regions: Vec<NonNull<Region>>,
    pub(super) depth: usize,
    /// The innermost region: `regions[depth]`.
    pub(super) current: NonNull<Region>,
    pub(super) shared: Shared,
    pub(super) globals: Vec<Region>,
    /// Former values of globals, which the program may still refer to.
    pub(super) graveyard: Vec<Region>,
}

// SAFETY: the heap owns everything its raw pointers lead to, except memory lent
// for a call, which `lend` requires to be `Sync`; nothing is tied to a thread.
unsafe impl Send for Heap {}

impl Heap {
    /// An empty heap that may take `limit` bytes from the machine.
    ///
    /// # Safety
    /// No handle or slot into the heap may be used after the heap is dropped.
    pub unsafe fn new(limit: usize) -> Heap {
        let first = Region::boxed();
        Heap {
            regions: vec![first],
            depth: 0,
            current: first,
            shared: Shared {
                pool: Pool::new(KEEP_POOLED.min(limit / 2)),
                limit,
                held: 0,
                peak: 0,
                arenas: 0,
                resident_peak: 0,
                interruption: Interruption::default(),
                placing: Placing::default(),
                #[cfg(feature = "fft")]
                plans: Arc::default(),
                #[cfg(feature = "linalg")]
                analyses: Arc::default(),
                has_secrets: false,
                taken_out: 0,
            },
            globals: Vec::new(),
            graveyard: Vec::new(),
        }
    }

    /// The memory budget in bytes.
    pub fn limit(&self) -> usize {
        self.shared.limit
    }

    /// Changes the memory budget; what is taken already stays.
    pub fn set_limit(&mut self, limit: usize) {
        self.shared.limit = limit;
        self.shared.pool.set_keep(KEEP_POOLED.min(limit / 2));
    }

    /// Who may stop what takes long.
    #[inline]
    pub fn interruption(&self) -> &Interruption {
        &self.shared.interruption
    }

    /// The same, to be changed.
    pub fn interruption_mut(&mut self) -> &mut Interruption {
        &mut self.shared.interruption
    }

    /// Those that take part in operations.
    #[inline]
    pub fn threads(&self) -> &Threads {
        &self.shared.placing.threads
    }

    /// Sets which take part in operations.
    pub fn set_threads(&mut self, threads: Threads) {
        self.shared.placing.threads = threads;
    }

    /// Sets what decides where operations run.
    pub fn set_placement(&mut self, placement: Arc<Placement>) {
        self.shared.placing.placement = placement;
    }

    /// Where operations run.
    #[inline]
    pub(crate) fn placing(&self) -> &Placing {
        &self.shared.placing
    }

    /// The same, to be told what is at hand.
    #[inline]
    pub(crate) fn placing_mut(&mut self) -> &mut Placing {
        &mut self.shared.placing
    }

    /// What transforms have kept for the next.
    #[cfg(feature = "fft")]
    pub(crate) fn plans(&self) -> &Arc<Plans> {
        &self.shared.plans
    }

    /// Sets where transforms keep what the next may want.
    #[cfg(feature = "fft")]
    pub(crate) fn set_plans(&mut self, plans: Arc<Plans>) {
        self.shared.plans = plans;
    }

    /// What sparse factorisations have kept for the next.
    #[cfg(feature = "linalg")]
    pub(crate) fn analyses(&self) -> &Arc<Analyses> {
        &self.shared.analyses
    }

    /// Sets where sparse factorisations keep what the next may want.
    #[cfg(feature = "linalg")]
    pub(crate) fn set_analyses(&mut self, analyses: Arc<Analyses>) {
        self.shared.analyses = analyses;
    }

    /// Index of the innermost region.
    #[inline]
    pub fn depth(&self) -> usize {
        self.depth
    }

    /// Begins a region inside the present one.
    #[inline]
    pub fn begin(&mut self) {
        self.depth += 1;
        if self.depth == self.regions.len() {
            self.regions.push(Region::boxed());
        }
        self.current = self.regions[self.depth];
        self.current().begins += 1;
    }

    /// The innermost region.
    #[inline(always)]
    pub(super) fn current(&mut self) -> &mut Region {
        // SAFETY: the heap owns its regions, which are freed with it only, and
        // is borrowed exclusively while one of them is.
        unsafe { self.current.as_mut() }
    }

    /// The region with index `index`, begun or idle.
    pub(super) fn region(&self, index: usize) -> &Region {
        // SAFETY: as above, and shared as the heap is.
        unsafe { self.regions[index].as_ref() }
    }

    /// The region with index `index` as a place for objects.
    #[inline(always)]
    pub(super) fn allocator(&mut self, index: usize) -> RegionAllocator<'_> {
        // SAFETY: as for `current`; `shared` is another part of the heap.
        let region = unsafe { self.regions[index].as_mut() };
        RegionAllocator { region, shared: &mut self.shared, index: index as u32 }
    }

    /// Ends the innermost region: its objects are gone.
    ///
    /// # Safety
    /// No handle or slot into the region may be used afterwards.
    ///
    /// # Panics
    /// When only the instance's own region is left.
    #[inline]
    pub unsafe fn end(&mut self) {
        assert!(self.depth > 0, "the instance's own region ends with the heap");
        let region = self.current();
        if region.arena.is_used() || !region.buffers.is_empty() || region.is_secret {
            // SAFETY: upheld by the caller.
            unsafe { self.clear_current() };
        }
        self.depth -= 1;
        self.current = self.regions[self.depth];
    }

    /// How much an idle region with index `index` keeps for its next use.
    pub(super) fn keep_idle(&self, index: usize) -> usize {
        match index {
            d if d < NEAR => KEEP_NEAR.min(self.shared.limit / 64),
            d if d < FAR => KEEP_FAR.min(self.shared.limit / 1024),
            _ => 0,
        }
    }

    /// Frees the objects of the innermost region.
    ///
    /// # Safety
    /// As [`Heap::end`].
    pub(super) unsafe fn clear_current(&mut self) {
        let keep = self.keep_idle(self.depth);
        let RegionAllocator { region, shared, .. } = self.allocator(self.depth);
        // SAFETY: upheld by the caller.
        unsafe { region.clear(shared, keep) };
    }

    /// Ends the innermost region, moving the objects in `kept` to the region
    /// around it. The slots of kept objects are replaced by their new ones;
    /// slots of scalars are left alone. Whatever shared an object or a payload
    /// before still shares it. On a trap the region is still there.
    ///
    /// # Safety
    /// The slots must hold values of their types, and no other handle or slot
    /// into the region may be used afterwards.
    pub unsafe fn end_keep(&mut self, kept: &mut [(u64, Type)]) -> Result<(), TrapError> {
        for (slot, ty) in kept.iter_mut() {
            // SAFETY: upheld by the caller.
            *slot = unsafe { self.keep(*slot, *ty)? };
        }
        // SAFETY: what is kept has moved; the rest is promised by the caller.
        unsafe { self.end() };
        Ok(())
    }

    /// Ends regions until `depth` of them are left besides the instance's:
    /// what a trap does on its way out.
    ///
    /// # Safety
    /// As [`Heap::end`], for all of them.
    pub unsafe fn unwind_to(&mut self, depth: usize) {
        while self.depth > depth {
            // SAFETY: upheld by the caller.
            unsafe { self.end() };
        }
    }

    /// Ends the outermost call of the host: every region but the instance's
    /// own is ended, and former values of globals are freed.
    ///
    /// # Safety
    /// As [`Heap::end`], for all of them.
    #[inline(always)]
    pub unsafe fn end_host_call(&mut self) {
        // A call without objects has nothing to end.
        if self.depth > 0 || !self.graveyard.is_empty() {
            // SAFETY: upheld by the caller.
            unsafe { self.end_all() };
        }
    }

    /// # Safety
    /// As [`Heap::end_host_call`].
    #[inline(never)]
    unsafe fn end_all(&mut self) {
        // SAFETY: upheld by the caller.
        unsafe {
            self.unwind_to(0);
            self.shared.held -= self.graveyard.len() * FORMER;
            for mut region in std::mem::take(&mut self.graveyard) {
                region.clear(&mut self.shared, 0);
            }
        }
    }

    /// A tensor of zeros in the innermost region.
    #[inline]
    pub fn zeros(&mut self, elem: Elem, dims: &[u64]) -> Result<TensorRef, TrapError> {
        self.tensor(elem, dims, true)
    }

    /// A tensor in the innermost region whose elements are still to be written.
    ///
    /// # Safety
    /// Every element must be written before anything can read it.
    #[inline]
    pub unsafe fn uninit(&mut self, elem: Elem, dims: &[u64]) -> Result<TensorRef, TrapError> {
        self.tensor(elem, dims, false)
    }

    /// A tensor in the innermost region whose elements are still to be written, in the
    /// memory of those of `old`. Memory is charged for as [`Heap::uninit`] does.
    ///
    /// # Safety
    /// As [`Heap::uninit`]. `old` must be one that [`Heap::may_be_taken_over`], its elements as many
    /// bytes as those of the result. Neither it nor a view of it may be used afterwards, except that
    /// its elements may be read until they are written.
    pub unsafe fn tensor_over(
        &mut self,
        old: TensorRef,
        elem: Elem,
        dims: &[u64],
    ) -> Result<TensorRef, TrapError> {
        self.try_here(|p| p.tensor_over(old, elem, dims))
    }

    /// A tensor in the innermost region whose elements have no memory yet. Memory is charged for
    /// as [`Heap::uninit`] does, which would take it from the pool.
    ///
    /// # Safety
    /// Until it is backed nothing may look at its elements, nor end the region but to free
    /// what is in it.
    pub(crate) unsafe fn deferred(
        &mut self,
        elem: Elem,
        dims: &[u64],
    ) -> Result<(TensorRef, Claim), TrapError> {
        self.try_here(|p| p.deferred_tensor(elem, dims))
    }

    /// Gives a deferred tensor of the innermost region memory for its elements, still to be written.
    ///
    /// # Safety
    /// As [`Heap::uninit`]. The claim must be the tensor's, and no object may have left the region since
    /// then.
    pub(crate) unsafe fn back(&mut self, tensor: TensorRef, claim: Claim) -> Result<(), TrapError> {
        self.try_here(|p| p.back(tensor, claim))
    }

    /// Whether the memory of a tensor's elements can become another's: they lie in a buffer of
    /// the innermost region.
    #[inline]
    pub fn may_be_taken_over(&self, tensor: TensorRef) -> bool {
        tensor.storage() == Storage::Pooled && tensor.region() as usize == self.depth && tensor.is_writable()
    }

    #[inline(always)]
    fn tensor(&mut self, elem: Elem, dims: &[u64], zeroed: bool) -> Result<TensorRef, TrapError> {
        let tensor = match self.small_tensor(elem, dims, zeroed) {
            Some(tensor) => tensor,
            None => self.tensor_elsewhere(elem, dims, zeroed)?,
        };
        Ok(tensor)
    }

    /// The fast way to a small tensor: one allocation in the current chunk.
    #[inline(always)]
    fn small_tensor(&mut self, elem: Elem, dims: &[u64], zeroed: bool) -> Option<TensorRef> {
        // Saturated is not small; where a dim is 0 the others are looked at elsewhere.
        let len = dims.iter().fold(1u64, |n, d| n.saturating_mul(*d));
        if len == 0 || len >= MEDIUM as u64 || dims.len() > SHORT_RANK {
            return None;
        }
        let bytes = len as usize * elem.size();
        if bytes >= MEDIUM {
            return None;
        }
        let place = self.current().arena.alloc(padded(Tensor::SHORT + bytes))?.as_ptr();
        // SAFETY: the allocation has room for a short header and the payload behind it.
        unsafe {
            let data = place.add(Tensor::SHORT);
            if zeroed {
                data.write_bytes(0, bytes);
            }
            Some(write_header(place, self.depth as u32, data, elem, dims, len, Storage::Inline))
        }
    }

    /// `bytes` bytes that last as long as the innermost region, 16-aligned and
    /// not initialised: what a kernel needs besides its result.
    #[inline]
    pub fn scratch(&mut self, bytes: usize) -> Result<NonNull<u8>, TrapError> {
        if bytes < MEDIUM
            && let Some(place) = self.current().arena.alloc(padded(bytes))
        {
            return Ok(place);
        }
        self.scratch_elsewhere(bytes)
    }

    #[inline(never)]
    fn scratch_elsewhere(&mut self, bytes: usize) -> Result<NonNull<u8>, TrapError> {
        self.try_here(|p| p.scratch(bytes))
    }

    #[inline(never)]
    fn tensor_elsewhere(&mut self, elem: Elem, dims: &[u64], zeroed: bool) -> Result<TensorRef, TrapError> {
        self.try_here(|p| p.tensor(elem, dims, zeroed))
    }

    /// A tensor in the innermost region with a copy of `data`, row-major.
    pub fn tensor_from<T: Element>(&mut self, dims: &[u64], data: &[T]) -> Result<TensorRef, TrapError> {
        check_count(dims, data.len())?;
        // SAFETY: all elements are written in the next statement; the new
        // tensor has `data.len()` elements of type `T` and nothing aliases it.
        unsafe {
            let tensor = self.uninit(T::ELEM, dims)?;
            std::ptr::copy_nonoverlapping(data.as_ptr(), tensor.data().cast::<T>(), data.len());
            Ok(tensor)
        }
    }

    /// A tensor in the innermost region with a copy of `array`, which may have any layout.
    pub fn tensor_from_array<T: Element>(
        &mut self,
        array: ndarray::ArrayViewD<'_, T>,
    ) -> Result<TensorRef, TrapError> {
        let dims: Vec<u64> = array.shape().iter().map(|d| *d as u64).collect();
        if let Some(data) = array.as_slice() {
            return self.tensor_from(&dims, data);
        }
        // SAFETY: the iterator has exactly one item for each element of the
        // new tensor, so all are written; nothing aliases it.
        unsafe {
            let tensor = self.uninit(T::ELEM, &dims)?;
            for (i, v) in array.iter().enumerate() {
                tensor.data().cast::<T>().add(i).write(*v);
            }
            Ok(tensor)
        }
    }

    /// A tensor in the innermost region made from its elements' little-endian
    /// bytes, as constants and files have them. A bool is any byte but 0.
    pub fn tensor_from_bytes(
        &mut self,
        elem: Elem,
        dims: &[u64],
        bytes: &[u8],
    ) -> Result<TensorRef, TrapError> {
        self.try_here(|p| p.tensor_from_bytes(elem, dims, bytes))
    }

    /// A read-only tensor over memory of the host, without a copy.
    ///
    /// # Safety
    /// The slice must stay alive and unwritten until the innermost region ends
    /// and, where a program can move the tensor outward, until
    /// [`Heap::end_host_call`].
    pub unsafe fn lend<T: Element>(&mut self, dims: &[u64], data: &[T]) -> Result<TensorRef, TrapError> {
        check_count(dims, data.len())?;
        let start = data.as_ptr().cast::<u8>().cast_mut();
        self.try_here(|p| p.lent(T::ELEM, dims, start))
    }

    /// A view of the elements of `tensor` from number `offset` on, as `dims`,
    /// in the innermost region. It may be written if `tensor` may.
    pub fn view(&mut self, tensor: TensorRef, offset: u64, dims: &[u64]) -> Result<TensorRef, TrapError> {
        let fits =
            nbc_ir::dims::count(dims).and_then(|n| n.checked_add(offset)).map(|n| n <= tensor.len() as u64);
        if fits != Some(true) {
            return Err(TrapCode::IndexOutOfRange.into());
        }
        self.try_here(|p| p.view(tensor, offset, dims))
    }

    /// A string in the innermost region.
    pub fn string(&mut self, text: &str) -> Result<StrRef, TrapError> {
        self.try_here(|p| p.string(&[text]))
    }

    /// The strings `parts`, one after the other, as one in the innermost region.
    pub fn string_of_parts(&mut self, parts: &[&str]) -> Result<StrRef, TrapError> {
        self.try_here(|p| p.string(parts))
    }

    /// A big integer in the innermost region, of that sign and magnitude, whose last limb is not 0.
    pub fn bigint(&mut self, negative: bool, limbs: &[u64]) -> Result<BigIntRef, TrapError> {
        let made = self.bigint_zeroed(limbs.len())?;
        for (n, part) in limbs.chunks(1 << 17).enumerate() {
            if n > 0 {
                self.interruption().check()?;
            }
            // SAFETY: it is new, so nobody else has its limbs.
            let to = unsafe { made.limbs_mut() };
            to[n << 17..][..part.len()].copy_from_slice(part);
        }
        // SAFETY: nobody else has it yet.
        unsafe { made.seal(negative) };
        Ok(made)
    }

    /// A big integer in the innermost region with room for so many limbs, all zero. Who makes it writes them and then
    /// seals it, before anybody else has it.
    pub fn bigint_zeroed(&mut self, limbs: usize) -> Result<BigIntRef, TrapError> {
        self.try_here(|p| p.bigint(limbs))
    }

    /// A list of `len` items in the innermost region, all `fill`, which must
    /// live there or further out.
    pub fn list(&mut self, item: Item, len: u64, fill: u64) -> Result<ListRef, TrapError> {
        self.try_here(|p| p.list(item, len, fill))
    }

    /// A sparse matrix in the innermost region of those pointers, indices and values, which are read-only
    /// from now on.
    ///
    /// # Safety
    /// They must be as [`crate::object::sparse`] says and live at least as long as the innermost
    /// region. Who has a handle of one must not write it.
    pub unsafe fn sparse(
        &mut self,
        format: Format,
        dims: [u64; 2],
        parts: [TensorRef; 3],
    ) -> Result<SparseRef, TrapError> {
        // SAFETY: upheld by the caller.
        self.try_here(|p| unsafe { p.sparse(format, dims, parts) })
    }

    /// Stores `value` at `index`; an object that may go before the list does
    /// is stored as a copy in the list's region.
    ///
    /// # Safety
    /// `value` must be a live value of the list's item type.
    pub unsafe fn list_set(&mut self, list: ListRef, index: u64, value: u64) -> Result<(), TrapError> {
        if index >= list.len() as u64 {
            return Err(TrapCode::IndexOutOfRange.into());
        }
        let (ty, region) = (list.item().ty(), list.region());
        // SAFETY: the value is live and of that type, as the caller promises.
        let stored = if unsafe { Heap::outlives(value, ty, list) } {
            value
        } else {
            // SAFETY: as above.
            unsafe { self.copy_into(value, ty, region)? }
        };
        // SAFETY: the index is in range of the list's slots.
        unsafe { (*list.0).data.add(index as usize).write(stored) };
        Ok(())
    }

    /// Whether an object may be stored in `list` as it is: it lives at least as long.
    ///
    /// # Safety
    /// `value` must be a live value of the list's item type `ty`.
    pub(crate) unsafe fn outlives(value: u64, ty: Type, list: ListRef) -> bool {
        // SAFETY: upheld by the caller.
        !ty.is_object() || outlives(unsafe { region_of(value, ty) }, list.region())
    }

    /// An independent copy of an object (and of what it holds) in the region
    /// with index `depth`. Scalars come back as they are.
    ///
    /// # Safety
    /// `slot` must hold a live value of type `ty`.
    pub unsafe fn copy_to(&mut self, slot: u64, ty: Type, depth: usize) -> Result<u64, TrapError> {
        // SAFETY: upheld by the caller.
        unsafe { self.copy_into(slot, ty, depth as u32) }
    }

    /// [`Heap::copy_to`], also into the region of a global.
    ///
    /// # Safety
    /// `slot` must hold a live value of type `ty`.
    pub(super) unsafe fn copy_into(&mut self, slot: u64, ty: Type, region: u32) -> Result<u64, TrapError> {
        // SAFETY: upheld by the caller.
        if unsafe { self.may_be_secret(slot, ty) } {
            self.mark(region);
        }
        if region & GLOBAL == 0 {
            // SAFETY: upheld by the caller.
            return self.try_at(region as usize, |p| unsafe { p.copy(slot, ty) });
        }
        // The region of the global's present value lasts at least as long as
        // those of its former ones.
        self.retry(|heap| {
            let (shared, own) = (&mut heap.shared, &mut heap.globals[(region & !GLOBAL) as usize]);
            // SAFETY: upheld by the caller.
            unsafe { RegionAllocator { region: own, shared, index: region }.copy(slot, ty) }
        })
    }

    /// The buffers, which say where elements are, and the device.
    #[inline]
    pub(crate) fn pool(&mut self) -> &mut Pool {
        &mut self.shared.pool
    }

    /// Counts of what the device has been asked for.
    pub fn device_counts(&self) -> DeviceCounts {
        self.shared.pool.counts
    }

    /// Sees to it that the host has the elements of a tensor. If they are to be written, nobody
    /// else has them afterwards.
    ///
    /// # Errors
    /// `host_error` when the device has lost them.
    #[inline]
    pub fn bring_home(&mut self, tensor: TensorRef, write: bool) -> Result<(), TrapError> {
        self.pool().bring_home(tensor, write)
    }

    /// A constant object of a module, read-only, for as long as the instance lives.
    pub fn constant(&mut self, value: &ConstValue) -> Result<u64, TrapError> {
        self.try_at(0, |p| p.constant(value, true))
    }

    /// Gives up what is kept for reuse: pooled buffers and idle arenas.
    pub fn trim(&mut self) {
        self.trim_from(self.depth + 1);
    }

    /// Gives up pooled buffers, and the arenas of idle regions from that index on.
    pub(super) fn trim_from(&mut self, first: usize) {
        self.shared.pool.trim();
        // Idle regions further up keep nothing.
        for index in first..self.regions.len().min(FAR) {
            let RegionAllocator { region, shared, .. } = self.allocator(index);
            // SAFETY: regions above the innermost have ended; nothing refers into them.
            unsafe { region.clear(shared, 0) };
        }
    }

    #[inline(always)]
    pub(super) fn try_here<R>(
        &mut self,
        make: impl Fn(&mut RegionAllocator<'_>) -> Result<R, NoRoom>,
    ) -> Result<R, TrapError> {
        match make(&mut self.allocator(self.depth)) {
            Ok(made) => Ok(made),
            Err(e) => self.again(e, self.depth, make),
        }
    }

    pub(super) fn try_at<R>(
        &mut self,
        depth: usize,
        make: impl Fn(&mut RegionAllocator<'_>) -> Result<R, NoRoom>,
    ) -> Result<R, TrapError> {
        match make(&mut self.allocator(depth)) {
            Ok(made) => Ok(made),
            Err(e) => self.again(e, depth, make),
        }
    }

    /// The second try, after everything idle has been given up.
    #[cold]
    #[inline(never)]
    pub(super) fn again<R>(
        &mut self,
        first: NoRoom,
        depth: usize,
        make: impl Fn(&mut RegionAllocator<'_>) -> Result<R, NoRoom>,
    ) -> Result<R, TrapError> {
        if let NoRoom::Invalid(trap) = first {
            return Err(trap);
        }
        self.trim();
        make(&mut self.allocator(depth)).map_err(|e| e.into_trap(&self.shared))
    }

    pub(super) fn retry<R>(
        &mut self,
        mut make: impl FnMut(&mut Heap) -> Result<R, NoRoom>,
    ) -> Result<R, TrapError> {
        match make(self) {
            Err(NoRoom::Budget(_)) => {
                self.trim();
                make(self).map_err(|e| e.into_trap(&self.shared))
            }
            other => other.map_err(|e| e.into_trap(&self.shared)),
        }
    }
}

impl Drop for Heap {
    fn drop(&mut self) {
        // SAFETY: the boxes were leaked by `boxed` and are freed once, here.
        let regions = self.regions.drain(..).map(|r| *unsafe { Box::from_raw(r.as_ptr()) });
        for mut region in regions.chain(self.globals.drain(..)).chain(self.graveyard.drain(..)) {
            // SAFETY: whoever made the heap promised not to use its objects
            // after it is dropped.
            unsafe { region.clear(&mut self.shared, 0) };
        }
    }
}

/// Index of the region that an object lives in.
///
/// # Safety
/// `slot` must hold a live value of the object type `ty`.
pub(super) unsafe fn region_of(slot: u64, ty: Type) -> u32 {
    // SAFETY: upheld by the caller.
    unsafe { ObjectRef::from_slot(slot, ty) }.map_or(0, Object::region)
}

/// Whether an object of region `object` lives at least as long as one of
/// region `container`. A global's object may go when the host's call ends, so
/// only what lives as long as the instance outlives another global's.
pub(super) fn outlives(object: u32, container: u32) -> bool {
    match (object & GLOBAL != 0, container & GLOBAL != 0) {
        (_, true) => object == 0,
        (true, false) => container > 0,
        (false, false) => object <= container,
    }
}

fn check_count(dims: &[u64], len: usize) -> Result<(), TrapError> {
    if nbc_ir::dims::count(dims) == Some(len as u64) {
        return Ok(());
    }
    Err(TrapError::new(TrapCode::ShapeMismatch, format!("dims {dims:?} for {len} elements")))
}
