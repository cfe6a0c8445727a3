//! Regions against a plain model: objects are made, viewed, stored in lists and
//! globals, kept and dropped as the input says. After every end of a region
//! everything that must still be there is compared with the model.
#![no_main]

use libfuzzer_sys::fuzz_target;
use nbc::ir::{Elem, Item, Type};
use nbc::runtime::object::{ListRef, StrRef, TensorRef};
use nbc::runtime::region::Heap;

/// What an object should look like.
#[derive(Clone, Debug)]
enum Model {
    /// Elements of a payload.
    Tensor { payload: usize, from: usize, len: usize },
    /// A list of tensors.
    List(usize),
    Text(String),
}

#[derive(Clone, Debug)]
struct Handle {
    slot: u64,
    model: Model,
    depth: usize,
}

impl Handle {
    fn ty(&self) -> Type {
        match self.model {
            Model::Tensor { .. } => Type::Tensor(Elem::F64),
            Model::List(_) => Type::List(Item::Tensor(Elem::F64)),
            Model::Text(_) => Type::Str,
        }
    }
}

struct World {
    heap: Heap,
    handles: Vec<Handle>,
    payloads: Vec<Vec<f64>>,
    lists: Vec<Vec<Model>>,
}

const SIZES: [usize; 8] = [0, 1, 3, 16, 120, 130, 3000, 40_000];

fuzz_target!(|data: &[u8]| {
    // SAFETY: the handles are dropped with the heap.
    let heap = unsafe { Heap::new(8 << 20) };
    let mut w = World { heap, handles: Vec::new(), payloads: Vec::new(), lists: Vec::new() };
    w.heap.define_globals(2);
    w.heap.begin();
    let mut input = data.chunks_exact(3);
    for step in input.by_ref().take(400) {
        let (op, x, y) = (step[0], step[1] as usize, step[2] as usize);
        // SAFETY: only handles that are still live are used; see each step.
        if !unsafe { w.step(op % 12, x, y) } {
            break;
        }
    }
    // SAFETY: as above.
    unsafe {
        w.check();
        w.heap.unwind_to(0);
    }
    assert!(w.heap.stats().regions.iter().all(|r| r.live == 0 && r.buffers == 0), "something is left");
});

impl World {
    /// One step; `false` when memory ran out, which ends the run.
    ///
    /// # Safety
    /// Every handle must be live.
    unsafe fn step(&mut self, op: u8, x: usize, y: usize) -> bool {
        let depth = self.heap.depth();
        let pick = |n: usize| (!self.handles.is_empty()).then(|| n % self.handles.len());
        // SAFETY: as the caller promises; what a region takes along is forgotten.
        unsafe {
            match op {
                0 if depth < 40 => self.heap.begin(),
                1 if depth > 1 => {
                    self.heap.end();
                    self.handles.retain(|h| h.depth < depth);
                    self.check();
                }
                2 | 3 if depth > 1 => return self.keep(x, y),
                4 | 5 => {
                    let values: Vec<f64> =
                        (0..SIZES[x % SIZES.len()]).map(|i| (i * 3 + y) as f64).collect();
                    let Ok(t) = self.heap.tensor_from(&[values.len() as u64], &values) else { return false };
                    let (payload, len) = (self.payloads.len(), values.len());
                    self.payloads.push(values);
                    self.learn(t.slot(), Model::Tensor { payload, from: 0, len });
                }
                6 => {
                    let Some(at) = pick(x) else { return true };
                    let Model::Tensor { payload, from, len } = self.handles[at].model else { return true };
                    let skip = y % (len + 1);
                    let part = (len - skip).min(1 + y);
                    let tensor = TensorRef::from_slot(self.handles[at].slot);
                    let Ok(view) = self.heap.view(tensor, skip as u64, &[part as u64]) else { return false };
                    self.learn(view.slot(), Model::Tensor { payload, from: from + skip, len: part });
                }
                7 => {
                    let Some(at) = pick(x) else { return true };
                    let Model::Tensor { payload, from, len } = self.handles[at].model else { return true };
                    if len > 0 {
                        let place = y % len;
                        let value = (x * 1000 + y) as f64;
                        let tensor = TensorRef::from_slot(self.handles[at].slot);
                        tensor.as_mut_slice::<f64>()[place] = value;
                        self.payloads[payload][from + place] = value;
                    }
                }
                8 => {
                    let Some(at) = pick(x) else { return true };
                    let Handle { slot, model, .. } = self.handles[at].clone();
                    let len = y % 5;
                    if matches!(model, Model::Tensor { .. }) {
                        let made = self.heap.list(Item::Tensor(Elem::F64), len as u64, slot);
                        let Ok(list) = made else { return false };
                        let id = self.lists.len();
                        self.lists.push(vec![model; len]);
                        self.learn(list.slot(), Model::List(id));
                    }
                }
                9 => {
                    let (Some(a), Some(b)) = (pick(x), pick(y)) else { return true };
                    let (list, item) = (self.handles[a].clone(), self.handles[b].clone());
                    let (Model::List(id), Model::Tensor { payload, from, len }) = (list.model, item.model) else {
                        return true;
                    };
                    if self.lists[id].is_empty() {
                        return true;
                    }
                    let place = (x + y) % self.lists[id].len();
                    let list_ref = ListRef::from_slot(list.slot);
                    // An item of an outer list may live further out than its handle says.
                    let shared = TensorRef::from_slot(item.slot).region() <= list_ref.region();
                    assert!(shared || item.depth > list.depth, "a handle says less than where its object is");
                    if self.heap.list_set(list_ref, place as u64, item.slot).is_err() {
                        return false;
                    }
                    self.lists[id][place] = if shared {
                        Model::Tensor { payload, from, len }
                    } else {
                        let copy = self.payloads[payload][from..from + len].to_vec();
                        self.payloads.push(copy);
                        Model::Tensor { payload: self.payloads.len() - 1, from: 0, len }
                    };
                }
                10 => {
                    let text = "text ".repeat(y % 60);
                    let Ok(made) = self.heap.string(&text) else { return false };
                    self.learn(made.slot(), Model::Text(text));
                }
                11 => {
                    let Some(at) = pick(x) else { return true };
                    let Handle { slot, model, depth } = self.handles[at].clone();
                    match model {
                        Model::List(id) if !self.lists[id].is_empty() => {
                            let place = y % self.lists[id].len();
                            let item = ListRef::from_slot(slot).get(place as u64).expect("in range");
                            let model = self.lists[id][place].clone();
                            self.handles.push(Handle { slot: item, model, depth });
                        }
                        Model::Tensor { payload, from, len } => {
                            let ty = Type::Tensor(Elem::F64);
                            let Ok(copy) = self.heap.global_set(y % 2, slot, ty, false) else { return false };
                            let found = TensorRef::from_slot(copy).as_slice::<f64>();
                            assert_eq!(found, &self.payloads[payload][from..from + len]);
                        }
                        _ => {}
                    }
                }
                _ => {}
            }
        }
        true
    }

    fn learn(&mut self, slot: u64, model: Model) {
        let depth = self.heap.depth();
        self.handles.push(Handle { slot, model, depth });
    }

    /// Ends a region, keeping some handles.
    ///
    /// # Safety
    /// Every handle must be live.
    unsafe fn keep(&mut self, x: usize, y: usize) -> bool {
        let depth = self.heap.depth();
        let kept: Vec<usize> =
            (0..self.handles.len()).filter(|i| (i * 7 + x) % 5 < y % 5).take(20).collect();
        let mut slots: Vec<(u64, Type)> =
            kept.iter().map(|i| (self.handles[*i].slot, self.handles[*i].ty())).collect();
        // SAFETY: the slots are live; what is not kept is forgotten below.
        if unsafe { self.heap.end_keep(&mut slots) }.is_err() {
            return false;
        }
        for (i, (slot, _)) in kept.iter().zip(&slots) {
            self.handles[*i].slot = *slot;
            self.handles[*i].depth = self.handles[*i].depth.min(depth - 1);
        }
        self.handles.retain(|h| h.depth < depth);
        // SAFETY: all that are left are live.
        unsafe { self.check() };
        true
    }

    /// # Safety
    /// Every handle must be live.
    unsafe fn check(&self) {
        for h in &self.handles {
            // SAFETY: as the caller promises.
            unsafe { self.check_one(h.slot, &h.model) };
        }
    }

    /// # Safety
    /// `slot` must hold a live value like `model`.
    unsafe fn check_one(&self, slot: u64, model: &Model) {
        // SAFETY: as the caller promises.
        unsafe {
            match model {
                Model::Tensor { payload, from, len } => {
                    let found = TensorRef::from_slot(slot).as_slice::<f64>();
                    assert_eq!(found, &self.payloads[*payload][*from..from + len]);
                }
                Model::Text(text) => assert_eq!(StrRef::from_slot(slot).as_str(), text),
                Model::List(id) => {
                    let list = ListRef::from_slot(slot);
                    assert_eq!(list.len(), self.lists[*id].len());
                    for (i, item) in self.lists[*id].iter().enumerate() {
                        self.check_one(list.get(i as u64).expect("in range"), item);
                    }
                }
            }
        }
    }
}
