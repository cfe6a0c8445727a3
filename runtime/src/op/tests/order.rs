//! Sorting, searching and running sums against loops written plainly, beyond runs and stretches.

use super::*;
use std::cmp::Ordering;

/// Numbers with many equals, zeros of both signs and NaN.
fn numbers(count: usize, kinds: u64) -> Vec<f64> {
    let mut state = count as u64 + 9;
    let mut next = || {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 33) % kinds
    };
    let number = |n: u64| match n {
        0 => -0.0,
        1 => 0.0,
        2 => f64::NAN,
        n if n % 2 == 0 => n as f64 * 0.5,
        n => n as f64 * -0.75,
    };
    (0..count).map(|_| number(next())).collect()
}

fn ascending(a: &f64, b: &f64) -> Ordering {
    a.partial_cmp(b).unwrap_or_else(|| a.is_nan().cmp(&b.is_nan()))
}

fn bits(x: &[f64]) -> Vec<u64> {
    x.iter().map(|v| if v.is_nan() { 1 } else { v.to_bits() }).collect()
}

#[test]
fn sorting_is_stable_on_any_number_of_threads() {
    let all = || {
        let mut b = Bench::new();
        for (dims, axis) in
            [([0u64, 3], 0), ([1, 1], 1), ([7, 5], 0), ([7, 5], 1), ([2, 40_000], 1), ([100_003, 1], 0)]
        {
            for kinds in [3, 60, 1 << 30] {
                let data = numbers((dims[0] * dims[1]) as usize, kinds);
                let x = b.tensor(&dims, &data);
                let (n, inner) = (dims[axis] as usize, if axis == 0 { dims[1] as usize } else { 1 });
                let (mut sorted, mut places) = (data.clone(), vec![0; data.len()]);
                for lane in 0..data.len() / n.max(1) {
                    let start = lane / inner * n * inner + lane % inner;
                    let mut order: Vec<usize> = (0..n).collect();
                    order.sort_by(|i, j| ascending(&data[start + i * inner], &data[start + j * inner]));
                    for (i, place) in order.iter().enumerate() {
                        sorted[start + i * inner] = data[start + place * inner];
                        places[start + i * inner] = *place as i64;
                    }
                }
                let args = [x, int(axis as i64)];
                let what = format!("{dims:?} {axis} {kinds}");
                assert_eq!(
                    bits(&b.run("tensor.sort", F64, &args).unwrap().values()),
                    bits(&sorted),
                    "{what}"
                );
                assert_eq!(b.run("tensor.argsort", F64, &args).unwrap().values::<i64>(), places, "{what}");
                let both = b.run("tensor.sort_with_places", F64, &args).unwrap();
                assert_eq!(bits(&both.values()), bits(&sorted), "{what}");
            }
        }
    };
    for threads in [1, 3] {
        rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(all);
    }
}

/// A tensor without elements may have an axis longer than memory.
#[test]
fn long_axes_without_elements_are_nothing() {
    let mut b = Bench::new();
    let x = b.tensor::<f64>(&[0, 1 << 60], &[]);
    let axes = || list(&[1]);
    let flag = || Arg::Slot(1, Type::Bool);
    for (name, args) in [
        ("tensor.sort", vec![x.clone(), int(1)]),
        ("tensor.argsort", vec![x.clone(), int(1)]),
        ("tensor.sort_with_places", vec![x.clone(), int(1)]),
        ("tensor.cumsum_axis", vec![x.clone(), int(1)]),
        ("tensor.diff", vec![x.clone(), int(1)]),
        ("tensor.median_axis", vec![x.clone(), int(1)]),
        ("tensor.sum_axes", vec![x.clone(), axes(), flag()]),
        ("tensor.var_axes", vec![x.clone(), axes(), flag(), int(0)]),
        ("tensor.norm_axes", vec![x.clone(), axes(), flag()]),
        ("tensor.max_axes", vec![x.clone(), axes(), flag()]),
        ("tensor.argmax_axis", vec![x.clone(), int(1)]),
        ("tensor.flip", vec![x.clone(), axes()]),
        ("tensor.roll", vec![x.clone(), list(&[3]), axes()]),
        ("tensor.tile", vec![x.clone(), list(&[1, 1])]),
        ("tensor.nonzero", vec![x.clone()]),
        ("tensor.unique", vec![x.clone()]),
    ] {
        assert_eq!(b.run(name, F64, &args).unwrap().tensor().len(), 0, "{name}");
    }
}

#[test]
fn values_medians_and_quantiles_are_those_of_the_sorted() {
    let mut b = Bench::new();
    for count in [1u64, 2, 3, 10, 1001, 16_385, 70_000] {
        for kinds in [10, 1 << 30] {
            let data: Vec<f64> =
                numbers(count as usize, kinds).iter().map(|v| if v.is_nan() { 4.5 } else { *v }).collect();
            let x = b.tensor(&[count], &data);
            let mut sorted = data.clone();
            sorted.sort_by(f64::total_cmp);
            let n = sorted.len();
            let median = f64::from_slot(b.run("tensor.median", F64, &[x.clone()]).unwrap().slot());
            let want = if n % 2 == 1 { sorted[n / 2] } else { (sorted[n / 2 - 1] + sorted[n / 2]) / 2.0 };
            assert_eq!(median.to_bits(), want.to_bits(), "{count} {kinds}");
            for part in [0.0, 0.1, 0.5, 0.77, 1.0] {
                let found =
                    f64::from_slot(b.run("tensor.quantile", F64, &[x.clone(), f(part)]).unwrap().slot());
                let at = part * (n - 1) as f64;
                let (low, high) = (sorted[at.floor() as usize], sorted[at.ceil() as usize]);
                let want = low + (high - low) * (at - at.floor());
                assert!((found - want).abs() <= 1e-9 * want.abs().max(1.0), "{found} {want} {count} {part}");
            }
            sorted.sort_by(ascending);
            sorted.dedup_by(|a, b| a == b);
            let unique = b.run("tensor.unique", F64, &[x.clone()]).unwrap().values::<f64>();
            assert_eq!(unique, sorted, "{count} {kinds}");
            let wanted = b.tensor(&[count], &data);
            let places = b.tensor(&[sorted.len() as u64], &sorted);
            let places = b.run("tensor.searchsorted", F64, &[places, wanted, truth(false)]).unwrap();
            for (v, place) in data.iter().zip(places.values::<i64>()) {
                assert_eq!(sorted[place as usize], *v);
            }
        }
    }
}

fn truth(is: bool) -> Arg {
    Arg::Slot(is as u64, Type::Bool)
}

#[test]
fn histograms_count_what_edges_hold() {
    let mut b = Bench::new();
    let data: Vec<f64> = numbers(30_000, 400);
    let x = b.tensor(&[30_000], &data);
    for bins in [1usize, 3, 100, 1000] {
        let (low, high) = (-100.0, 77.7);
        let edges = b.run("tensor.linspace", F64, &[f(low), f(high), int(bins as i64 + 1)]).unwrap();
        let values = edges.values::<f64>();
        let mut want = vec![0i64; bins];
        for v in data.iter().filter(|v| **v >= low && **v <= high) {
            want[(values.iter().filter(|edge| *edge <= v).count() - 1).min(bins - 1)] += 1;
        }
        let found = b.run("tensor.histogram", F64, &[x.clone(), edges]).unwrap();
        assert_eq!(found.values::<i64>(), want, "{bins}");
        let found =
            b.run("tensor.histogram_range", F64, &[x.clone(), f(low), f(high), int(bins as i64)]).unwrap();
        assert_eq!(found.values::<i64>(), want, "{bins}");
    }
}

#[test]
fn running_sums_add_one_after_the_other() {
    let mut b = Bench::new();
    for dims in [[1u64, 1, 1], [3, 5, 2], [2, 700, 300], [1, 70_000, 1], [0, 2, 2], [4, 1, 1]] {
        let data: Vec<f64> =
            numbers(dims.iter().product::<u64>() as usize, 1000).iter().map(|v| v * 0.1).collect();
        let x = b.tensor(&dims, &data);
        for axis in 0..3 {
            let inner: usize = dims[axis + 1..].iter().product::<u64>() as usize;
            let n = dims[axis] as usize;
            let mut want = data.clone();
            for i in 0..want.len() {
                if !(i / inner).is_multiple_of(n) {
                    want[i] += want[i - inner];
                }
            }
            let sums = b.run("tensor.cumsum_axis", F64, &[x.clone(), int(axis as i64)]).unwrap();
            // The order of operands of a sum is not seen, but for which NaN it is.
            assert_eq!(bits(&sums.values()), bits(&want), "{dims:?} {axis}");
            let found = b.run("tensor.diff", F64, &[x.clone(), int(axis as i64)]).unwrap();
            let differences: Vec<f64> = (0..data.len())
                .filter(|i| !(i / inner).is_multiple_of(n))
                .map(|i| data[i] - data[i - inner])
                .collect();
            assert_eq!(bits(&found.values()), bits(&differences), "{dims:?} {axis}");
        }
    }
}
