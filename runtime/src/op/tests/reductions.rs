//! Reductions against loops written plainly: along every set of axes, of shapes with axes
//! of length 0 and 1, and beyond a block.

use super::*;

/// Shapes with nothing, one, odd, prime, tall, wide and long axes.
const SHAPES: [&[u64]; 14] = [
    &[],
    &[1],
    &[7],
    &[0, 3],
    &[3, 0, 2],
    &[1, 5, 1],
    &[5, 3, 4],
    &[2, 3, 1, 4, 3],
    &[131, 67],
    &[3, 9001],
    &[9001, 3],
    &[2, 4099, 5],
    &[65, 2, 70],
    &[2, 2, 2, 2, 2, 2, 2, 2],
];

/// The elements of each result, in row-major order of the axes that are reduced.
fn groups<T: Copy>(dims: &[u64], axes: &[usize], x: &[T]) -> Vec<Vec<T>> {
    let results: u64 = (0..dims.len()).filter(|a| !axes.contains(a)).map(|a| dims[a]).product();
    let mut groups = vec![vec![]; results as usize];
    for (flat, v) in x.iter().enumerate() {
        let (mut rest, mut result, mut size) = (flat as u64, 0, 1);
        for axis in (0..dims.len()).rev() {
            if !axes.contains(&axis) {
                result += rest % dims[axis] * size;
                size *= dims[axis];
            }
            rest /= dims[axis];
        }
        groups[result as usize].push(*v);
    }
    groups
}

fn result_dims(dims: &[u64], axes: &[usize], keep: bool) -> Vec<u64> {
    let is_kept = |a: &usize| keep || !axes.contains(a);
    (0..dims.len()).filter(is_kept).map(|a| if axes.contains(&a) { 1 } else { dims[a] }).collect()
}

/// Every set of axes of that rank but the empty one, which means all.
fn sets(rank: usize) -> Vec<Vec<usize>> {
    (1..1usize << rank).map(|mask| (0..rank).filter(|a| mask >> a & 1 == 1).collect()).collect()
}

/// Numbers with zeros of both signs, and now and then what is no number.
fn numbers(count: usize, special: bool) -> Vec<f64> {
    let mut state = count as u64 + 1;
    let mut next = || {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 33) as usize
    };
    let number = |n: usize| match n % 97 {
        0 => -0.0,
        1 => 0.0,
        2 if special => f64::NAN,
        3 if special => f64::INFINITY,
        4 if special => f64::NEG_INFINITY,
        n => (n as f64 - 48.5) * 0.37,
    };
    (0..count).map(|_| number(next())).collect()
}

fn same(found: &[f64], want: &[f64], what: &str) {
    let bits = |x: &[f64]| x.iter().map(|v| if v.is_nan() { 1 } else { v.to_bits() }).collect::<Vec<_>>();
    assert_eq!(bits(found), bits(want), "{what}");
}

fn axes_of(axes: &[usize]) -> Arg {
    Arg::List(axes.iter().map(|a| *a as i64).collect())
}

fn truth(keep: bool) -> Arg {
    Arg::Slot(keep as u64, Type::Bool)
}

#[test]
fn sums_along_axes_go_by_the_book() {
    let mut b = Bench::new();
    for dims in SHAPES {
        let data = numbers(dims.iter().product::<u64>() as usize, false);
        let x = b.tensor(dims, &data);
        for (n, axes) in sets(dims.len()).iter().enumerate() {
            let keep = n % 2 == 0;
            let args = [x.clone(), axes_of(axes), truth(keep)];
            let what = format!("{dims:?} {axes:?}");
            let of = groups(dims, axes, &data);
            let found = b.run("tensor.sum_axes", F64, &args).unwrap();
            assert_eq!(found.dims(), result_dims(dims, axes, keep), "{what}");
            let sums: Vec<f64> = of.iter().map(|g| sum_by_the_book(g)).collect();
            same(&found.values(), &sums, &what);
            let count =
                dims.iter().enumerate().filter(|(a, _)| axes.contains(a)).map(|(_, d)| d).product::<u64>();
            let n = count as f64;
            let means: Vec<f64> = sums.iter().map(|s| s / n).collect();
            same(&b.run("tensor.mean_axes", F64, &args).unwrap().values(), &means, &what);
            let squares = |g: &Vec<f64>, mean: f64| {
                sum_by_the_book(&g.iter().map(|v| (v - mean) * (v - mean)).collect::<Vec<_>>())
            };
            let vars: Vec<f64> =
                of.iter().zip(&means).map(|(g, m)| squares(g, *m) / (n - 1.0).max(0.0)).collect();
            let with_lost = [args.to_vec(), vec![int(1)]].concat();
            same(&b.run("tensor.var_axes", F64, &with_lost).unwrap().values(), &vars, &what);
            let roots: Vec<f64> = vars.iter().map(|v| v.sqrt()).collect();
            same(&b.run("tensor.std_axes", F64, &with_lost).unwrap().values(), &roots, &what);
            let norms: Vec<f64> = of.iter().map(|g| squares(g, 0.0).sqrt()).collect();
            same(&b.run("tensor.norm_axes", F64, &args).unwrap().values(), &norms, &what);
            if let [axis] = axes[..] {
                let one = [x.clone(), int(axis as i64)];
                same(&b.run("tensor.sum_axis", F64, &one).unwrap().values(), &sums, &what);
            }
            let counts: Vec<i64> =
                of.iter().map(|g| g.iter().filter(|v| **v != 0.0).count() as i64).collect();
            assert_eq!(
                b.run("tensor.count_nonzero_axes", F64, &args).unwrap().values::<i64>(),
                counts,
                "{what}"
            );
        }
    }
}

#[test]
fn ends_along_axes_are_those_of_the_elements() {
    let mut b = Bench::new();
    for dims in SHAPES {
        let data = numbers(dims.iter().product::<u64>() as usize, true);
        let x = b.tensor(dims, &data);
        let flags: Vec<bool> = data.iter().map(|v| *v > 15.0).collect();
        let f = b.tensor(dims, &flags);
        for axes in sets(dims.len()) {
            let args = [x.clone(), axes_of(&axes), truth(false)];
            let what = format!("{dims:?} {axes:?}");
            let of = groups(dims, &axes, &data);
            for (name, start, end) in [
                ("tensor.min", f64::INFINITY, crate::scalar::min_f64 as fn(f64, f64) -> f64),
                ("tensor.max", f64::NEG_INFINITY, crate::scalar::max_f64),
            ] {
                let found = b.run(&format!("{name}_axes"), F64, &args);
                if of.iter().any(Vec::is_empty) {
                    assert_eq!(found.err().unwrap().code, TrapCode::Empty, "{what}");
                    continue;
                }
                let want: Vec<f64> = of.iter().map(|g| g.iter().fold(start, |a, v| end(a, *v))).collect();
                same(&found.unwrap().values(), &want, &what);
                if of.len() == 1 {
                    let whole = b.run(name, F64, &[x.clone()]).unwrap();
                    same(&[f64::from_slot(whole.slot())], &want, &what);
                }
            }
            let of = groups(dims, &axes, &flags);
            let args = [f.clone(), axes_of(&axes), truth(false)];
            let any: Vec<bool> = of.iter().map(|g| g.contains(&true)).collect();
            assert_eq!(b.run("tensor.any_axes", &[], &args).unwrap().values::<bool>(), any, "{what}");
            let all: Vec<bool> = of.iter().map(|g| !g.contains(&false)).collect();
            assert_eq!(b.run("tensor.all_axes", &[], &args).unwrap().values::<bool>(), all, "{what}");
        }
    }
}

/// The place of the first of the best, or of the first NaN.
fn place(x: &[f64], better: fn(f64, f64) -> bool) -> i64 {
    if let Some(at) = x.iter().position(|v| v.is_nan()) {
        return at as i64;
    }
    let mut best = 0;
    for (i, v) in x.iter().enumerate() {
        if better(*v, x[best]) {
            best = i;
        }
    }
    best as i64
}

#[test]
fn places_of_ends_are_the_first() {
    let mut b = Bench::new();
    for count in [1u64, 2, 31, 32, 33, 100, 4095, 4096, 4097, 8192, 300_001] {
        for special in [false, true] {
            let mut data = numbers(count as usize, special);
            if special && count > 1 {
                // Numbers alone but for one NaN, anywhere.
                data.iter_mut().filter(|v| v.is_nan()).for_each(|v| *v = 1.0);
                if count % 2 == 1 {
                    let at = data.len() * 3 / 4;
                    data[at] = f64::NAN;
                }
            }
            let x = b.tensor(&[count], &data);
            let high = b.run("tensor.argmax", F64, &[x.clone()]).unwrap().slot() as i64;
            assert_eq!(high, place(&data, |a, b| a > b), "{count}");
            let low = b.run("tensor.argmin", F64, &[x.clone()]).unwrap().slot() as i64;
            assert_eq!(low, place(&data, |a, b| a < b), "{count}");
            for (name, better) in
                [("argmax", (|a, b| a > b) as fn(f64, f64) -> bool), ("argmin", |a, b| a < b)]
            {
                for (dims, axis) in [([count, 1], 0), ([1, count], 1), ([count, 1], 1)] {
                    let shaped = b.tensor(&dims, &data);
                    let found = b.run(&format!("tensor.{name}_axis"), F64, &[shaped, int(axis)]).unwrap();
                    let want: Vec<i64> =
                        groups(&dims, &[axis as usize], &data).iter().map(|g| place(g, better)).collect();
                    assert_eq!(found.values::<i64>(), want, "{name} {dims:?} {axis}");
                }
            }
        }
    }
    // Zeros of either sign are equal, and have an order as values.
    for zeros in [[-0.0, 0.0], [0.0, -0.0]] {
        let x = b.tensor(&[2], &zeros);
        assert_eq!(b.run("tensor.argmax", F64, &[x.clone()]).unwrap().slot(), 0);
        let most = f64::from_slot(b.run("tensor.max", F64, &[x.clone()]).unwrap().slot());
        let least = f64::from_slot(b.run("tensor.min", F64, &[x]).unwrap().slot());
        same(&[least, most], &[-0.0, 0.0], "zeros");
    }
}

#[test]
fn threads_change_no_reduction() {
    let all = || {
        let mut b = Bench::new();
        let data = numbers(600_000, false);
        let mut bits = vec![];
        for dims in [[600, 1000], [100_000, 6], [6, 100_000]] {
            let x = b.tensor(&dims, &data);
            for axes in [vec![0], vec![1], vec![0, 1]] {
                let args = [x.clone(), axes_of(&axes), truth(false), int(0)];
                for name in ["sum", "max", "mean", "norm"] {
                    let found = b.run(&format!("tensor.{name}_axes"), F64, &args[..3]).unwrap();
                    bits.extend(found.values::<f64>().iter().map(|v| v.to_bits()));
                }
                let found = b.run("tensor.var_axes", F64, &args).unwrap();
                bits.extend(found.values::<f64>().iter().map(|v| v.to_bits()));
            }
        }
        bits
    };
    let on = |threads| rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(all);
    let one = on(1);
    assert!(on(3) == one);
}
