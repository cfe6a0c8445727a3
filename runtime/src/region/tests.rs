//! Regions from outside: what lives, what moves, what is counted.

use super::*;
use crate::object::{ListRef, StrRef, TensorRef};
use crate::trap::TrapCode;
use nbc_ir::types::Item;
use nbc_ir::{ConstValue, Elem, Type};

const F64: Type = Type::Tensor(Elem::F64);

fn heap(limit: usize) -> Heap {
    // SAFETY: the tests use no handle after its heap is dropped.
    unsafe { Heap::new(limit) }
}

fn values(t: TensorRef) -> Vec<f64> {
    // SAFETY: the tests read only live tensors.
    unsafe { t.as_slice::<f64>() }.to_vec()
}

fn tensor(slot: u64) -> TensorRef {
    // SAFETY: the tests pass slots of live tensors.
    unsafe { TensorRef::from_slot(slot) }
}

/// Ends the region; what follows in a test uses only what was kept.
fn end_keep(heap: &mut Heap, kept: &[(u64, Type)]) -> Vec<u64> {
    let mut kept = kept.to_vec();
    // SAFETY: see above.
    unsafe { heap.end_keep(&mut kept).unwrap() };
    kept.iter().map(|k| k.0).collect()
}

fn live(heap: &Heap) -> usize {
    let s = heap.stats();
    s.regions.iter().map(|r| r.live).sum::<usize>() + s.globals.live
}

#[test]
fn everything_is_gone_when_the_region_ends() {
    let mut heap = heap(1 << 30);
    for _ in 0..3 {
        heap.begin();
        for n in [0, 1, 10, 127, 128, 1000, 200_000] {
            let t = heap.zeros(Elem::F64, &[n]).unwrap();
            assert_eq!(t.len(), n as usize);
            assert!(values(t).iter().all(|v| *v == 0.0));
        }
        assert!(live(&heap) > 1_600_000);
        // SAFETY: nothing is used afterwards.
        unsafe { heap.end() };
        assert_eq!(live(&heap), 0);
    }
    assert_eq!(heap.stats().regions[1].begins, 3);
    assert!(heap.stats().kept > 1_600_000);
    heap.trim();
    assert_eq!((heap.stats().kept, heap.stats().held), (0, 0));
}

#[test]
fn headers_say_what_compiled_code_reads() {
    let mut heap = heap(1 << 20);
    let t = heap.tensor_from(&[2, 3], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]).unwrap();
    // SAFETY: a live header.
    let h = unsafe { &raw const (*t.header()).dims[0] };
    // SAFETY: the first three dims are always there.
    unsafe { assert_eq!([*h, *h.add(1), *h.add(2)], [2, 3, 0]) };
    let big = heap.zeros(Elem::U8, &[1, 2, 3, 4, 5]).unwrap();
    assert_eq!(*big.dims(), [1, 2, 3, 4, 5]);
    let v = heap.view(t, 2, &[2, 2]).unwrap();
    assert_eq!(values(v), [3.0, 4.0, 5.0, 6.0]);
    assert!(heap.view(t, 3, &[2, 2]).is_err());
    let scalar = heap.tensor_from(&[], &[1i32]).unwrap();
    assert_eq!((scalar.len(), scalar.rank()), (1, 0));
}

#[test]
fn kept_objects_move_and_still_share() {
    let mut heap = heap(1 << 30);
    heap.begin();
    let outer = heap.tensor_from(&[3], &[7.0, 8.0, 9.0]).unwrap();
    for n in [4u64, 5000] {
        heap.begin();
        let data: Vec<f64> = (0..n).map(|i| i as f64).collect();
        let root = heap.tensor_from(&[n], &data).unwrap();
        let view = heap.view(root, 1, &[2]).unwrap();
        let view2 = heap.view(view, 1, &[1]).unwrap();
        let view_out = heap.view(outer, 2, &[1]).unwrap();
        let text = heap.string(&"ab".repeat(n as usize)).unwrap();
        let list = heap.list(Item::Tensor(Elem::F64), 200, root.slot()).unwrap();
        // SAFETY: the view is a live tensor.
        unsafe { heap.list_set(list, 1, view2.slot()).unwrap() };
        let kept = end_keep(
            &mut heap,
            &[
                (view2.slot(), F64),
                (root.slot(), F64),
                (root.slot(), F64),
                (outer.slot(), F64),
                (view_out.slot(), F64),
                (text.slot(), Type::Str),
                (list.slot(), Type::List(Item::Tensor(Elem::F64))),
                (42, Type::I64),
            ],
        );
        assert_eq!(kept[1], kept[2]);
        assert_eq!(kept[3], outer.slot());
        assert_eq!(kept[7], 42);
        assert_eq!(values(tensor(kept[1])), data);
        assert_eq!(values(tensor(kept[0])), [2.0]);
        assert_eq!(values(tensor(kept[4])), [9.0]);
        // SAFETY: nothing else uses the elements.
        unsafe { tensor(kept[1]).as_mut_slice::<f64>()[2] = -1.0 };
        assert_eq!(values(tensor(kept[0])), [-1.0]);
        // SAFETY: kept objects are live.
        unsafe {
            assert_eq!(StrRef::from_slot(kept[5]).as_str(), "ab".repeat(n as usize));
            let list = ListRef::from_slot(kept[6]);
            assert_eq!((list.get(0), list.get(1), list.get(200)), (Some(kept[1]), Some(kept[0]), None));
        }
        for k in [0, 1, 4] {
            assert_eq!(tensor(kept[k]).region(), 1);
        }
    }
    // SAFETY: nothing is used afterwards.
    unsafe { heap.end_host_call() };
    assert_eq!(live(&heap), 0);
}

#[test]
fn the_budget_is_a_trap_and_the_heap_stays_usable() {
    let mut heap = heap(1 << 20);
    heap.begin();
    for dims in [&[1u64 << 40][..], &[1 << 62], &[u64::MAX], &[1 << 40, 1 << 40], &[1 << 18]] {
        assert_eq!(heap.zeros(Elem::F64, dims).unwrap_err().code, TrapCode::OutOfMemory, "{dims:?}");
    }
    assert_eq!(heap.zeros(Elem::F64, &[1; 9]).unwrap_err().code, TrapCode::InvalidArgument);
    assert_eq!(heap.list(Item::I64, 1 << 61, 0).unwrap_err().code, TrapCode::OutOfMemory);
    let mut made = 0;
    while heap.zeros(Elem::U8, &[64]).is_ok() {
        made += 1;
    }
    assert!(made > 4000, "{made} objects of 128 bytes fit 1 MiB");
    assert!(heap.stats().held <= 1 << 20);
    // SAFETY: nothing is used afterwards.
    unsafe { heap.unwind_to(0) };
    heap.begin();
    assert!(heap.zeros(Elem::F64, &[90_000]).is_ok());
}

#[test]
fn containers_hold_what_lives_as_long_as_they() {
    let mut heap = heap(1 << 20);
    heap.define_globals(1);
    heap.begin();
    let a = heap.tensor_from(&[1], &[1.0]).unwrap();
    let list = heap.list(Item::Tensor(Elem::F64), 2, a.slot()).unwrap();
    heap.begin();
    let b = heap.tensor_from(&[1], &[2.0]).unwrap();
    // SAFETY: all are live.
    let global = unsafe {
        heap.list_set(list, 0, b.slot()).unwrap();
        heap.list_set(list, 1, a.slot()).unwrap();
        assert_eq!(heap.list_set(list, 2, a.slot()).unwrap_err().code, TrapCode::IndexOutOfRange);
        heap.global_set(0, b.slot(), F64, false).unwrap()
    };
    assert_ne!(list.get(0), Some(b.slot()));
    assert_eq!(list.get(1), Some(a.slot()));
    // SAFETY: `b` is not used afterwards.
    unsafe { heap.end() };
    assert_eq!(values(tensor(list.get(0).unwrap())), [2.0]);
    // SAFETY: `a` is live; the former value stays until the call ends.
    let new = unsafe { heap.global_set(0, a.slot(), F64, true).unwrap() };
    assert_eq!((values(tensor(global)), values(tensor(new))), (vec![2.0], vec![1.0]));
    assert!(tensor(global).is_writable() && !tensor(new).is_writable());
    // SAFETY: only the global is used afterwards.
    unsafe { heap.end_host_call() };
    assert_eq!(values(tensor(new)), [1.0]);
}

#[test]
fn lent_and_constant_tensors_are_read_only_and_results_leave() {
    let mut heap = heap(1 << 20);
    let constant =
        heap.constant(&ConstValue::Tensor { elem: Elem::Bool, dims: vec![3], data: vec![0, 1, 2] }).unwrap();
    // SAFETY: a live tensor.
    assert_eq!(unsafe { tensor(constant).as_slice::<bool>() }, [false, true, true]);
    let host = vec![1.5; 1000];
    heap.begin();
    // SAFETY: the vector outlives the call.
    let lent = unsafe { heap.lend(&[10, 100], &host).unwrap() };
    assert_eq!(lent.data().cast_const().cast(), host.as_ptr());
    let row = heap.view(lent, 100, &[100]).unwrap();
    assert!(!lent.is_writable() && !row.is_writable() && !tensor(constant).is_writable());
    let made = heap.zeros(Elem::F64, &[1000]).unwrap();
    let data = made.data();
    // SAFETY: no view of them is read afterwards.
    let (made, row, constant) = unsafe {
        let row = heap.take_tensor(row.slot()).unwrap();
        (heap.take_tensor(made.slot()).unwrap(), row, heap.take_tensor(constant).unwrap())
    };
    // SAFETY: nothing is used afterwards.
    unsafe { heap.end_host_call() };
    drop(heap);
    assert_eq!(made.as_bytes().as_ptr(), data.cast_const());
    assert_eq!(row.as_slice::<f64>().unwrap(), &host[100..200]);
    assert_eq!(constant.as_slice::<bool>().unwrap(), [false, true, true]);
}
