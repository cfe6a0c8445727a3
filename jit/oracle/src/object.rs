//! Objects as plain data, and the regions they live in.
//!
//! An object keeps its number for good, so that a copy of the whole is a copy of everything that
//! refers to it. Tensors that are views share a buffer. When a region ends its objects are marked
//! as gone, and who uses one afterwards is found out.
//!
//! Regions are numbered as the runtime numbers them, for it decides by the number what is copied
//! and what that costs.

use crate::value::{ObjectId, Pointer, Slot, canonical};
use crate::{Stop, wrong};
use nbc_ir::{Elem, Item, Type};
use nbc_jit::mir::Field;
use nbc_runtime::object::{OwnedBigInt, OwnedSparse};
use nbc_runtime::trap::{TrapCode, TrapError};
use rustc_hash::{FxHashMap, FxHashSet};
use std::rc::Rc;

/// Added to the number of a global, this is the region of its objects.
pub const GLOBAL: u32 = 1 << 31;

/// Between two buffers there are so many bytes of addresses at least: a header.
const HEADER: u64 = 64;

/// A tensor.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Tensor {
    /// Element type.
    pub elem: Elem,
    /// Length along each axis.
    pub dims: Rc<[u64]>,
    /// Number of elements.
    pub len: u64,
    /// Whether its elements may be written.
    pub writable: bool,
    /// Number of the buffer.
    pub buffer: usize,
    /// Where in it the first element lies, in bytes.
    pub start: usize,
}

impl Tensor {
    /// Bytes of all elements.
    pub fn bytes(&self) -> usize {
        self.len as usize * self.elem.size()
    }

    fn dim(&self, axis: usize) -> u64 {
        self.dims.get(axis).copied().unwrap_or(0)
    }

    /// A field of the header; `None` for the address.
    pub fn field(&self, field: Field) -> Option<u64> {
        Some(match field {
            Field::Data => return None,
            Field::Len => self.len,
            Field::WritableLen => {
                if self.writable {
                    self.len
                } else {
                    0
                }
            }
            Field::WritableDim0 => {
                if self.writable {
                    self.dim(0)
                } else {
                    0
                }
            }
            Field::Rank => self.dims.len() as u64,
            Field::Dim(axis) => self.dim(axis.into()),
        })
    }

    /// Number of the element at those indices (one is a flat index).
    ///
    /// # Errors
    /// The trap of an access that is refused.
    pub fn at(&self, indices: &[i64], write: bool) -> Result<usize, TrapError> {
        let below = |i: i64, n: u64| (i as u64) < n;
        let inside = match indices {
            [i] => below(*i, self.len),
            many => many.len() == self.dims.len() && many.iter().zip(&*self.dims).all(|(i, d)| below(*i, *d)),
        };
        if inside && (self.writable || !write) {
            let dims = self.dims.iter().skip(1);
            return Ok(indices[1..]
                .iter()
                .zip(dims)
                .fold(indices[0] as usize, |at, (i, d)| at * *d as usize + *i as usize));
        }
        if indices.len() > 1 && indices.len() != self.dims.len() {
            let text = format!("{} indices into a tensor of rank {}", indices.len(), self.dims.len());
            return Err(TrapError::new(TrapCode::RankMismatch, text));
        }
        if inside {
            let text = "the tensor is a constant or lent by the host; tensor.copy makes one to write";
            return Err(TrapError::new(TrapCode::ReadOnly, text));
        }
        let text = match indices {
            [i] => format!("index {i} of {} elements", self.len),
            many => format!("index {many:?} of dims {:?}", &self.dims[..]),
        };
        Err(TrapError::new(TrapCode::IndexOutOfRange, text))
    }
}

/// A list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct List {
    /// Type of the items.
    pub item: Item,
    /// The items.
    pub items: Vec<Slot>,
}

/// An object.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Object {
    /// A tensor.
    Tensor(Tensor),
    /// A string.
    Str(Rc<str>),
    /// A list.
    List(List),
    /// A sparse matrix, which never changes.
    Sparse(Rc<OwnedSparse>),
    /// A big integer, which never changes.
    BigInt(Rc<OwnedBigInt>),
}

#[derive(Clone, Debug)]
struct Entry {
    object: Object,
    region: u32,
    is_gone: bool,
}

#[derive(Clone, Debug)]
struct Buffer {
    bytes: Rc<Vec<u8>>,
    address: u64,
}

/// All objects.
#[derive(Clone, Debug)]
pub struct Heap {
    objects: Vec<Entry>,
    buffers: Vec<Buffer>,
    /// Objects of the regions that are open, by number: 0 is the instance's, 1 the host's call's.
    regions: Vec<Vec<ObjectId>>,
    held: usize,
    limit: usize,
    next_address: u64,
}

impl Heap {
    /// With the regions of the instance and of a call of the host, and no more than `limit` bytes.
    pub fn new(limit: usize) -> Heap {
        let (objects, buffers, regions) = (Vec::new(), Vec::new(), vec![Vec::new(); 2]);
        Heap { objects, buffers, regions, held: 0, limit, next_address: 1 << 32 }
    }

    /// The innermost region.
    pub fn innermost(&self) -> u32 {
        self.regions.len() as u32 - 1
    }

    /// Opens a region.
    pub fn begin(&mut self) {
        self.regions.push(Vec::new());
    }

    /// Ends the innermost region; objects that are kept, and what they hold, live in the one
    /// around it from now on.
    ///
    /// # Errors
    /// When there is none, or something that is kept is gone.
    pub fn end(&mut self, kept: &[Slot]) -> Result<(), Stop> {
        for slot in kept {
            if let Slot::Object(id) = slot {
                self.keep(*id)?;
            }
        }
        let inner = self.innermost();
        let region = self.regions.pop().filter(|_| inner > 1).ok_or_else(|| wrong("no region is open"))?;
        for id in region {
            let entry = &mut self.objects[id.0 as usize];
            entry.is_gone |= entry.region == inner;
        }
        Ok(())
    }

    /// Frees all objects of the innermost region but those, and what they hold.
    ///
    /// # Errors
    /// When something that is kept is gone.
    pub fn renew(&mut self, kept: &[Slot]) -> Result<(), Stop> {
        let inner = self.innermost();
        let mut staying = FxHashSet::default();
        for slot in kept {
            if let Slot::Object(id) = slot {
                self.reach(*id, inner, &mut staying)?;
            }
        }
        let all = std::mem::take(&mut self.regions[inner as usize]);
        let (stay, go) = all.into_iter().partition::<Vec<_>, _>(|id| staying.contains(id));
        self.regions[inner as usize] = stay;
        for id in go {
            let entry = &mut self.objects[id.0 as usize];
            entry.is_gone |= entry.region == inner;
        }
        Ok(())
    }

    /// Adds an object of a region, and what it holds of that, to a set.
    fn reach(&self, id: ObjectId, region: u32, found: &mut FxHashSet<ObjectId>) -> Result<(), Stop> {
        if self.region(id) == region
            && found.insert(id)
            && let Object::List(list) = self.get(id)?
            && list.item.ty().is_object()
        {
            for item in &list.items {
                self.reach(item.object()?, region, found)?;
            }
        }
        Ok(())
    }

    /// Fuel for moving objects out of the innermost region.
    ///
    /// # Errors
    /// When one is gone.
    pub fn move_fuel(&self, kept: &[Slot]) -> Result<u64, Stop> {
        let mut all = 0;
        for slot in kept {
            let Slot::Object(id) = slot else { continue };
            if self.region(*id) != self.innermost() {
                continue;
            }
            all += match self.get(*id)? {
                Object::List(list) if list.item.ty().is_object() => list.items.len() as u64,
                Object::Sparse(_) => 3,
                _ => 0,
            };
        }
        Ok(all)
    }

    fn keep(&mut self, id: ObjectId) -> Result<(), Stop> {
        let inner = self.innermost();
        if let Object::List(list) = self.get(id)?
            && list.item.ty().is_object()
        {
            for item in list.items.clone() {
                self.keep(item.object()?)?;
            }
        }
        if self.objects[id.0 as usize].region == inner {
            self.objects[id.0 as usize].region = inner - 1;
            self.regions[inner as usize - 1].push(id);
        }
        Ok(())
    }

    /// The region of an object.
    pub fn region(&self, id: ObjectId) -> u32 {
        self.objects[id.0 as usize].region
    }

    /// An object.
    ///
    /// # Errors
    /// When it is gone.
    pub fn get(&self, id: ObjectId) -> Result<&Object, Stop> {
        let entry = &self.objects[id.0 as usize];
        if entry.is_gone { Err(wrong("an object is used whose region has ended")) } else { Ok(&entry.object) }
    }

    /// A tensor.
    ///
    /// # Errors
    /// When it is gone, or none.
    pub fn tensor(&self, id: ObjectId) -> Result<&Tensor, Stop> {
        match self.get(id)? {
            Object::Tensor(tensor) => Ok(tensor),
            _ => Err(wrong("the object is no tensor")),
        }
    }

    /// A list.
    ///
    /// # Errors
    /// When it is gone, or none.
    pub fn list(&self, id: ObjectId) -> Result<&List, Stop> {
        match self.get(id)? {
            Object::List(list) => Ok(list),
            _ => Err(wrong("the object is no list")),
        }
    }

    /// A list, for change.
    ///
    /// # Errors
    /// When it is gone, or none.
    pub fn list_mut(&mut self, id: ObjectId) -> Result<&mut List, Stop> {
        self.list(id)?;
        match &mut self.objects[id.0 as usize].object {
            Object::List(list) => Ok(list),
            _ => Err(wrong("the object is no list")),
        }
    }

    /// Adds an object to a region.
    ///
    /// # Errors
    /// When there would be too many.
    pub fn add(&mut self, object: Object, region: u32) -> Result<Slot, Stop> {
        self.take(match &object {
            Object::Tensor(_) => 64,
            Object::Str(text) => text.len() + 32,
            Object::BigInt(v) => v.limbs().len() * 8 + 32,
            Object::List(list) => list.items.len() * size_of::<Slot>() + 32,
            Object::Sparse(matrix) => parts(matrix).iter().sum::<usize>() + 64,
        })?;
        let id = ObjectId(self.objects.len() as u32);
        self.objects.push(Entry { object, region, is_gone: false });
        if region & GLOBAL == 0 {
            self.regions[region as usize].push(id);
        }
        Ok(Slot::Object(id))
    }

    /// A tensor with these elements.
    ///
    /// # Errors
    /// When there is no room.
    pub fn add_tensor(
        &mut self,
        elem: Elem,
        dims: &[u64],
        bytes: Vec<u8>,
        writable: bool,
        region: u32,
    ) -> Result<Slot, Stop> {
        self.take(bytes.len())?;
        let address = self.next_address;
        self.next_address += (bytes.len() as u64).next_multiple_of(16) + HEADER;
        self.buffers.push(Buffer { bytes: Rc::new(bytes), address });
        let buffer = self.buffers.len() - 1;
        let len = if dims.contains(&0) { 0 } else { dims.iter().product() };
        self.add(Object::Tensor(Tensor { elem, dims: dims.into(), len, writable, buffer, start: 0 }), region)
    }

    /// A tensor of zeros, if there is room for it.
    ///
    /// # Errors
    /// When objects take too much memory.
    pub fn add_zeros(&mut self, elem: Elem, dims: &[u64], writable: bool, region: u32) -> Result<Slot, Stop> {
        let bytes = if dims.contains(&0) {
            Some(0)
        } else {
            dims.iter().try_fold(elem.size() as u64, |size, dim| size.checked_mul(*dim))
        };
        match bytes.and_then(|b| usize::try_from(b).ok()).filter(|b| *b <= self.limit) {
            Some(bytes) => self.add_tensor(elem, dims, vec![0; bytes], writable, region),
            None => Err(Stop::Unsupported("objects take too much memory".to_owned())),
        }
    }

    fn take(&mut self, bytes: usize) -> Result<(), Stop> {
        self.held += bytes;
        if self.held > self.limit {
            Err(Stop::Unsupported("objects take too much memory".to_owned()))
        } else {
            Ok(())
        }
    }

    /// A view of elements of a tensor from number `first` on, in the innermost region.
    ///
    /// # Errors
    /// When the tensor is gone, or there is no room.
    ///
    /// # Panics
    /// When they are not all elements of it.
    pub fn view(&mut self, root: ObjectId, first: u64, dims: &[u64]) -> Result<Slot, Stop> {
        let mut tensor = self.tensor(root)?.clone();
        let end = tensor.start + tensor.bytes();
        tensor.start += first as usize * tensor.elem.size();
        tensor.len = if dims.contains(&0) { 0 } else { dims.iter().product() };
        tensor.dims = dims.into();
        assert!(tensor.start + tensor.bytes() <= end, "a view is of elements of the tensor");
        self.add(Object::Tensor(tensor), self.innermost())
    }

    /// Ends the host's call: what is left belongs to the instance.
    pub fn end_host_call(&mut self) {
        for id in self.regions.drain(1..).flatten() {
            self.objects[id.0 as usize].is_gone = true;
        }
        self.regions.push(Vec::new());
    }

    /// The elements of a tensor.
    ///
    /// # Errors
    /// When it is gone, or none.
    pub fn elements(&self, id: ObjectId) -> Result<&[u8], Stop> {
        let tensor = self.tensor(id)?;
        Ok(&self.buffers[tensor.buffer].bytes[tensor.start..][..tensor.bytes()])
    }

    /// The same, to be changed. Whether they may be is for the caller to know.
    ///
    /// # Errors
    /// When it is gone, or none.
    pub fn elements_mut(&mut self, id: ObjectId) -> Result<&mut [u8], Stop> {
        let tensor = self.tensor(id)?;
        let (buffer, start, size) = (tensor.buffer, tensor.start, tensor.bytes());
        Ok(&mut Rc::make_mut(&mut self.buffers[buffer].bytes)[start..][..size])
    }

    /// So many bytes at an address.
    ///
    /// # Errors
    /// When they are not all of elements of the tensor that it leads from.
    pub fn bytes_at(&self, at: Pointer, size: usize) -> Result<&[u8], Stop> {
        let elements = self.elements(at.tensor)?;
        let range = usize::try_from(at.offset).ok().and_then(|start| Some(start..start.checked_add(size)?));
        range.and_then(|range| elements.get(range)).ok_or_else(|| outside(at, size, elements.len()))
    }

    /// The same, to be changed.
    ///
    /// # Errors
    /// When they are not all of elements of the tensor, or may not be written.
    pub fn bytes_at_mut(&mut self, at: Pointer, size: usize) -> Result<&mut [u8], Stop> {
        self.bytes_at(at, size)?;
        if !self.tensor(at.tensor)?.writable {
            return Err(wrong("a store without a check into a tensor that is read-only"));
        }
        Ok(&mut self.elements_mut(at.tensor)?[at.offset as usize..][..size])
    }

    /// An address as a number.
    ///
    /// # Errors
    /// When the tensor is gone.
    pub fn number(&self, at: Pointer) -> Result<u64, Stop> {
        let tensor = self.tensor(at.tensor)?;
        let start = self.buffers[tensor.buffer].address + tensor.start as u64;
        Ok(start.wrapping_add(at.offset as u64))
    }

    /// A copy of an object, and of what it holds, in another region.
    ///
    /// # Errors
    /// When there is no room.
    pub fn copy(&mut self, id: ObjectId, region: u32) -> Result<Slot, Stop> {
        match self.get(id)?.clone() {
            Object::Tensor(t) => {
                let bytes = self.elements(id)?.to_vec();
                self.add_tensor(t.elem, &t.dims, bytes, true, region)
            }
            same @ (Object::Str(_) | Object::Sparse(_) | Object::BigInt(_)) => self.add(same, region),
            Object::List(mut list) => {
                // What is one object in several places stays one.
                let mut copies: FxHashMap<ObjectId, Slot> = FxHashMap::default();
                for slot in &mut list.items {
                    if let Slot::Object(item) = *slot {
                        *slot = match copies.get(&item) {
                            Some(copy) => *copy,
                            None => {
                                let copy = self.copy(item, region)?;
                                copies.insert(item, copy);
                                copy
                            }
                        };
                    }
                }
                self.add(Object::List(list), region)
            }
        }
    }

    /// Makes a tensor read-only.
    pub fn set_read_only(&mut self, slot: Slot) {
        if let Slot::Object(id) = slot
            && let Object::Tensor(tensor) = &mut self.objects[id.0 as usize].object
        {
            tensor.writable = false;
        }
    }

    /// Fuel for copying an object.
    ///
    /// # Errors
    /// When it is gone.
    pub fn copy_fuel(&self, id: ObjectId) -> Result<u64, Stop> {
        Ok(match self.get(id)? {
            Object::Tensor(tensor) => tensor.bytes() as u64 / 64,
            Object::Str(text) => text.len() as u64 / 64,
            Object::BigInt(v) => v.limbs().len() as u64 / 8,
            Object::Sparse(matrix) => parts(matrix).iter().map(|bytes| *bytes as u64 / 64).sum(),
            Object::List(list) => {
                let mut all = list.items.len() as u64 / 8;
                for item in &list.items {
                    if let Slot::Object(item) = item {
                        all += self.copy_fuel(*item)?;
                    }
                }
                all
            }
        })
    }

    /// Whether an object may be put into a list as it is.
    pub fn outlives(&self, object: ObjectId, container: ObjectId) -> bool {
        let (object, container) = (self.region(object), self.region(container));
        match (object & GLOBAL != 0, container & GLOBAL != 0) {
            (_, true) => object == 0,
            (true, false) => container > 0,
            (false, false) => object <= container,
        }
    }

    /// The element with number `at`, as a register holds it; of a complex one that part.
    ///
    /// # Errors
    /// When it is not there.
    pub fn load(&self, tensor: ObjectId, elem: Elem, part: usize, at: usize) -> Result<u64, Stop> {
        let size = part_size(elem);
        let offset = (at * elem.size() + part * size) as i64;
        Ok(read(elem, self.bytes_at(Pointer { tensor, offset }, size)?))
    }

    /// Sets an element.
    ///
    /// # Errors
    /// When it is not there, or may not be written.
    pub fn store(
        &mut self,
        tensor: ObjectId,
        elem: Elem,
        part: usize,
        at: usize,
        value: u64,
    ) -> Result<(), Stop> {
        let size = part_size(elem);
        let offset = (at * elem.size() + part * size) as i64;
        write(elem, self.bytes_at_mut(Pointer { tensor, offset }, size)?, value);
        Ok(())
    }
}

/// Bytes of a matrix's pointers, indices and values.
fn parts(matrix: &OwnedSparse) -> [usize; 3] {
    [matrix.pointers(), matrix.indices(), matrix.values()].map(|part| part.as_bytes().len())
}

#[cold]
fn outside(at: Pointer, size: usize, len: usize) -> Stop {
    wrong(format!("an access without a check to {size} bytes at {} of a tensor of {len} bytes", at.offset))
}

/// Bytes of an element, or of a part of a complex one.
pub fn part_size(elem: Elem) -> usize {
    match elem {
        Elem::C64 | Elem::C128 => elem.size() / 2,
        _ => elem.size(),
    }
}

/// The scalar type of an element, or of a part of a complex one, in memory.
pub fn part_type(elem: Elem) -> Type {
    match elem {
        Elem::U8 | Elem::I32 => Type::I32,
        Elem::I64 => Type::I64,
        Elem::F32 | Elem::C64 => Type::F32,
        Elem::F64 | Elem::C128 => Type::F64,
        Elem::Bool => Type::Bool,
    }
}

/// The element (or part) in these bytes, as a register holds it.
pub fn read(elem: Elem, bytes: &[u8]) -> u64 {
    let mut slot = [0; 8];
    slot[..bytes.len()].copy_from_slice(bytes);
    let slot = u64::from_le_bytes(slot);
    if elem == Elem::Bool { (slot != 0).into() } else { slot }
}

/// Writes an element (or part) as memory holds it.
pub fn write(elem: Elem, bytes: &mut [u8], value: u64) {
    let value = if elem == Elem::Bool { (value != 0).into() } else { value };
    let size = bytes.len();
    bytes.copy_from_slice(&value.to_le_bytes()[..size]);
}

/// Elements with one NaN for all.
pub fn canonical_elements(elem: Elem, bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let ty = part_type(elem);
    if matches!(ty, Type::F32 | Type::F64) {
        for part in bytes.chunks_exact_mut(part_size(elem)) {
            let bits = canonical(read(elem, part), ty);
            write(elem, part, bits);
        }
    }
    bytes
}
