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

/// What is measured, its operation, arguments, their types, and the length of lists.
type Family<'a> = (&'a str, &'a str, &'a [u64], &'a [Type], usize);

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
    for len in [100_000u64, 3_000_000] {
        let mut group = c.benchmark_group(format!("{len} elements of f64, families"));
        group.throughput(Throughput::Elements(len));
        let x = host.run(index("tensor.random"), &[len, 1], &[Type::I64; 2], 1);
        let y = host.run(index("tensor.random"), &[len, 2], &[Type::I64; 2], 1);
        let mask = host.run(index("tensor.lt"), &[x, y], &[T; 2], 0);
        let wide = host.run(index("tensor.reshape"), &[x, 1000, u64::MAX], &[T, Type::I64, Type::I64], 2);
        let column = host.run(index("tensor.random"), &[1000, 1, 3], &[Type::I64; 3], 2);
        let places = host.run(index("tensor.argsort"), &[x, 0], &[T, Type::I64], 0);
        let (flags, ints) = (Type::Tensor(Elem::Bool), Type::Tensor(Elem::I64));
        let calls: [Family<'_>; 18] = [
            ("where", "tensor.where", &[mask, x, y], &[flags, T, T], 0),
            (
                "clip",
                "tensor.clip",
                &[x, 0.25f64.to_bits(), 0.75f64.to_bits()],
                &[T, Type::F64, Type::F64],
                0,
            ),
            ("add of a column", "tensor.add", &[wide, column], &[T, T], 0),
            ("argmax", "tensor.argmax", &[x], &[T], 0),
            ("var", "tensor.var", &[x, 0], &[T, Type::I64], 0),
            ("norm", "tensor.norm", &[x], &[T], 0),
            ("sum_axes 0", "tensor.sum_axes", &[wide, 0, 0], &[T, Type::I64, Type::Bool], 1),
            ("sum_axes 1", "tensor.sum_axes", &[wide, 1, 0], &[T, Type::I64, Type::Bool], 1),
            ("max_axes 0", "tensor.max_axes", &[wide, 0, 0], &[T, Type::I64, Type::Bool], 1),
            ("cumsum", "tensor.cumsum", &[x], &[T], 0),
            ("sort", "tensor.sort", &[x, 0], &[T, Type::I64], 0),
            ("argsort", "tensor.argsort", &[x, 0], &[T, Type::I64], 0),
            ("median", "tensor.median", &[x], &[T], 0),
            ("take", "tensor.take", &[x, places], &[T, ints], 0),
            ("compress", "tensor.compress", &[x, mask], &[T, flags], 0),
            ("flip", "tensor.flip", &[x, 0], &[T, Type::I64], 1),
            ("roll", "tensor.roll", &[x, 7, 0], &[T, Type::I64, Type::I64], 1),
            ("is_nan", "tensor.is_nan", &[x], &[T], 0),
        ];
        for (title, name, args, types, list_len) in calls {
            let index = index(name);
            group.bench_function(BenchmarkId::from_parameter(title), |b| {
                b.iter(|| {
                    host.0.begin();
                    host.run(index, args, types, list_len);
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
