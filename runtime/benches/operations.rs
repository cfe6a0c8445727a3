//! Operations over tensors, with the numbers a reader would compare to NumPy's.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use nbc_ir::catalogue::Operation;
use nbc_ir::{Elem, Type};
use nbc_runtime::op::{Deferred, OpCall, OpHost, run_operation};
use nbc_runtime::region::Heap;
use nbc_runtime::trap::TrapError;

struct Host(Heap, Deferred);

impl OpHost for Host {
    fn heap(&mut self) -> &mut Heap {
        &mut self.0
    }
    fn deferred(&mut self) -> &mut Deferred {
        &mut self.1
    }
    fn poll(&mut self) -> Result<(), TrapError> {
        Ok(())
    }
    fn charge(&mut self, _: u64) -> Result<(), TrapError> {
        Ok(())
    }
    fn call(&mut self, _: u64, args: &[u64]) -> Result<u64, TrapError> {
        Ok(args[0])
    }
}

impl Host {
    fn run(&mut self, index: usize, args: &[u64], types: &[Type], list_len: usize) -> u64 {
        let mut results = [0];
        // SAFETY: the benches pass live tensors as the operations want them.
        let call = unsafe { OpCall::new(self, args, types, &[Elem::F64], list_len, &mut results) };
        run_operation(index, call).expect("the operation");
        results[0]
    }
}

const T: Type = Type::Tensor(Elem::F64);

fn operations(c: &mut Criterion) {
    // SAFETY: nothing made here is used after its heap is dropped.
    let mut host = Host(unsafe { Heap::new(8 << 30) }, Deferred::default());
    let index = |name: &str| Operation::find(name).expect(name).index();
    for len in [8u64, 1000, 100_000, 10_000_000] {
        let mut group = c.benchmark_group(format!("{len} elements of f64"));
        group.throughput(Throughput::Elements(len));
        let x = host.run(index("tensor.random"), &[len, 1], &[Type::I64; 2], 1);
        for name in
            ["tensor.add", "tensor.lt", "tensor.sqrt", "tensor.exp", "tensor.sum", "tensor.max", "tensor.dot"]
        {
            let index = index(name);
            let args =
                if matches!(name, "tensor.add" | "tensor.lt" | "tensor.dot") { &[x, x][..] } else { &[x] };
            group.bench_function(BenchmarkId::from_parameter(name), |b| {
                b.iter(|| {
                    host.0.begin();
                    host.run(index, args, &[T; 2][..args.len()], 0);
                    // SAFETY: the result is not used.
                    unsafe { host.0.end() };
                });
            });
        }
        group.finish();
    }
    let mut group = c.benchmark_group("linalg.matmul of f64");
    for n in [4u64, 10, 100, 500, 1000] {
        group.throughput(Throughput::Elements(2 * n * n * n));
        let x = host.run(index("tensor.random"), &[n, n, 1], &[Type::I64; 3], 2);
        let index = index("linalg.matmul");
        group.bench_function(BenchmarkId::from_parameter(n), |b| {
            b.iter(|| {
                host.0.begin();
                host.run(index, &[x, x], &[T; 2], 0);
                // SAFETY: the result is not used.
                unsafe { host.0.end() };
            });
        });
    }
    group.finish();
}

criterion_group!(benches, operations);
criterion_main!(benches);
