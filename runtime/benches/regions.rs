//! Regions against an allocator that frees object by object (workload W11).
//!
//! - `1000 blocks of 64 bytes`: allocation and release alone, nothing written.
//! - `1000 tensors of 64 bytes`: whole objects, a header of 64 bytes and the
//!   payload; mimalloc makes the same object in one block, header written.
//! - The mixture adds vectors and matrices.
//!
//! Before timing, the peak memory of a program of many steps with inner
//! regions is compared with the same program without them; less than half
//! saved is a failure.

use criterion::{Criterion, criterion_group, criterion_main};
use mimalloc::MiMalloc;
use nbc_ir::Elem;
use nbc_runtime::region::Heap;
use std::alloc::{GlobalAlloc, Layout};
use std::hint::black_box;

/// Bytes of the header of a small tensor.
const HEADER: usize = 64;

fn heap() -> Heap {
    // SAFETY: nothing made here is used after its heap is dropped.
    unsafe { Heap::new(4 << 30) }
}

/// Allocates a block of each size, then frees them all one by one.
#[inline(always)]
fn by_mimalloc(sizes: &[usize], blocks: &mut Vec<(*mut u8, Layout)>, header: bool) {
    for size in sizes {
        let layout = Layout::from_size_align(*size, 16).expect("a small size");
        // SAFETY: the layout is not empty, and a block with a header has room for it.
        unsafe {
            let block = MiMalloc.alloc(layout);
            if header {
                let (data, len) = (block.add(HEADER) as u64, (*size - HEADER) as u64);
                block.cast::<[u64; 8]>().write([data, len, len, len, 1, len, 0, 0]);
            }
            blocks.push((black_box(block), layout));
        }
    }
    for (block, layout) in blocks.drain(..) {
        // SAFETY: allocated above with that layout.
        unsafe { MiMalloc.dealloc(block, layout) };
    }
}

/// Makes a tensor of each number of elements in a region of its own, then ends it.
#[inline(always)]
fn by_region(heap: &mut Heap, elem: Elem, lens: &[u64]) {
    heap.begin();
    for len in lens {
        // SAFETY: the elements are never read.
        let tensor = unsafe { heap.uninit(elem, &[*len]) };
        black_box(tensor.expect("within the budget"));
    }
    // SAFETY: none of the tensors is used any more.
    unsafe { heap.end() };
}

/// W11's mixture, as numbers of f64 elements.
fn mixture() -> Vec<u64> {
    [vec![1; 1000], vec![100; 100], vec![100 * 100; 50]].concat()
}

/// Peak memory of `steps` steps, each making the mixture, with or without a region each.
fn peak(steps: usize, inner: bool) -> usize {
    let mut heap = heap();
    heap.begin();
    for _ in 0..steps {
        if inner {
            by_region(&mut heap, Elem::F64, &mixture());
        } else {
            for len in mixture() {
                black_box(heap.zeros(Elem::F64, &[len]).expect("within the budget"));
            }
        }
    }
    heap.stats().peak
}

fn peak_memory(_: &mut Criterion) {
    for steps in [2, 3, 10] {
        let (with, without) = (peak(steps, true), peak(steps, false));
        let saved = 100.0 * (1.0 - with as f64 / without as f64);
        println!(
            "peak memory, {steps} steps: {with} bytes with inner regions, {without} without, {saved:.1} % saved"
        );
        assert!(steps < 3 || saved >= 50.0, "inner regions must save half of the peak memory");
    }
}

fn small_objects(c: &mut Criterion) {
    let (mut heap, mut blocks) = (heap(), Vec::new());
    let mut group = c.benchmark_group("1000 blocks of 64 bytes");
    group.bench_function("region", |b| {
        b.iter(|| {
            heap.begin();
            for _ in 0..1000 {
                black_box(heap.scratch(black_box(64)).expect("within the budget"));
            }
            // SAFETY: none of the blocks is used any more.
            unsafe { heap.end() };
        });
    });
    let sizes = [64; 1000];
    group.bench_function("mimalloc", |b| b.iter(|| by_mimalloc(black_box(&sizes), &mut blocks, false)));
    group.finish();

    let mut group = c.benchmark_group("1000 tensors of 64 bytes");
    let lens = [64u64; 1000];
    group.bench_function("region", |b| b.iter(|| by_region(&mut heap, Elem::U8, black_box(&lens))));
    let sizes = [HEADER + 64; 1000];
    group.bench_function("mimalloc", |b| b.iter(|| by_mimalloc(black_box(&sizes), &mut blocks, true)));
    group.finish();
}

fn mixed_objects(c: &mut Criterion) {
    let mut group = c.benchmark_group("1000 scalars, 100 vectors, 50 matrices");
    let (mut heap, mut blocks) = (heap(), Vec::new());
    let lens = mixture();
    group.bench_function("region", |b| b.iter(|| by_region(&mut heap, Elem::F64, black_box(&lens))));
    let sizes: Vec<usize> = lens.iter().map(|n| HEADER + 8 * *n as usize).collect();
    group.bench_function("mimalloc", |b| b.iter(|| by_mimalloc(black_box(&sizes), &mut blocks, true)));
    group.finish();
}

fn begin_and_end(c: &mut Criterion) {
    let mut heap = heap();
    c.bench_function("begin and end of an empty region", |b| b.iter(|| by_region(&mut heap, Elem::U8, &[])));
    c.bench_function("begin and end of a region with one scalar", |b| {
        b.iter(|| by_region(&mut heap, Elem::F64, black_box(&[1])));
    });
    let mut blocks = Vec::new();
    let mut group = c.benchmark_group("one matrix of 1000 x 1000");
    group.bench_function("region", |b| b.iter(|| by_region(&mut heap, Elem::F64, black_box(&[1_000_000]))));
    group.bench_function("mimalloc", |b| {
        b.iter(|| by_mimalloc(black_box(&[HEADER + 8_000_000]), &mut blocks, true));
    });
    group.finish();
}

criterion_group!(benches, peak_memory, small_objects, mixed_objects, begin_and_end);
criterion_main!(benches);
