//! Fourier transforms against their definition and their laws, at lengths that take every way; long ones are
//! asked about, and no number of threads changes a bit.

use super::*;
use nbc_numerics::fft::roots::root;
use nbc_numerics::fft::{Complex, DIRECT};

type C = Complex<f64>;
const C128: &[Elem] = &[Elem::C128];

fn text(b: &mut Bench, text: &str) -> Arg {
    b.string(text)
}

/// Numbers without a pattern, from -1 to 1.
fn noise(n: usize, seed: u64) -> Vec<f64> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    };
    (0..n).map(|_| next()).collect()
}

fn complex_noise(n: usize, seed: u64) -> Vec<C> {
    noise(n, seed).into_iter().zip(noise(n, seed + 99)).map(|(re, im)| C::new(re, im)).collect()
}

/// Number `k` of the transform by definition, its sum as if in twice the precision.
fn defined(x: &[C], k: usize, is_inverse: bool) -> C {
    let n = x.len() as u64;
    let mut sums = [[0.0f64; 2]; 2];
    let mut add = |part: usize, v: f64| {
        let [sum, lost] = &mut sums[part];
        let t = *sum + v;
        *lost += if sum.abs() >= v.abs() { (*sum - t) + v } else { (v - t) + *sum };
        *sum = t;
    };
    for (j, x) in x.iter().enumerate() {
        let turn = root((j as u128 * k as u128 % n as u128) as u64, n);
        let turn = if is_inverse { turn.conj() } else { turn };
        // Each product, and what it lost in rounding.
        for (part, a, b) in [(0, x.re, turn.re), (0, -x.im, turn.im), (1, x.re, turn.im), (1, x.im, turn.re)]
        {
            let p = a * b;
            add(part, p);
            add(part, a.mul_add(b, -p));
        }
    }
    C::new(sums[0][0] + sums[0][1], sums[1][0] + sums[1][1])
}

fn near(found: C, wanted: C, within: f64, what: &str) {
    assert!((found - wanted).norm() <= within, "{what}: {found} and not {wanted}");
}

fn size(x: &[C]) -> f64 {
    x.iter().map(|x| x.norm_sqr()).sum::<f64>().sqrt()
}

/// Lengths of every kind.
fn lengths() -> impl Iterator<Item = usize> {
    (1..=34).chain([49, 64, 77, 97, 120, 128, 211, 243, 256, 500, 1009, 1024])
}

#[test]
fn transforms_are_what_they_are_defined_as() {
    let mut b = Bench::new();
    for n in lengths() {
        let x = complex_noise(n, n as u64);
        let within = 4e-16 * size(&x) * (2.0 + (n as f64).log2());
        let arg = b.tensor(&[n as u64], &x);
        let there = b.run("fft.forward", C128, &[arg.clone(), int(0)]).unwrap().values::<C>();
        let back = b.run("fft.inverse", C128, &[arg, int(0)]).unwrap().values::<C>();
        for k in 0..n {
            near(there[k], defined(&x, k, false), within, &format!("{k} of {n}"));
            near(back[k] * n as f64, defined(&x, k, true), within, &format!("inverse {k} of {n}"));
        }
        let x = noise(n, 3);
        let as_complex: Vec<C> = x.iter().map(|x| C::new(*x, 0.0)).collect();
        let arg = b.tensor(&[n as u64], &x);
        let half = b.run("fft.real", C128, &[arg, int(0)]).unwrap();
        assert_eq!(half.dims(), [n as u64 / 2 + 1]);
        for (k, y) in half.values::<C>().into_iter().enumerate() {
            near(y, defined(&as_complex, k, false), within, &format!("real {k} of {n}"));
        }
        let again = b.run("fft.real_inverse", C128, &[half, int(0), int(n as i64)]).unwrap();
        for (y, x) in again.values::<f64>().into_iter().zip(&x) {
            assert!((y - x).abs() <= within, "real {n}: {y} and not {x}");
        }
    }
}

/// Lanes along each axis of a tensor, each like the transform of that lane alone.
#[test]
fn lanes_are_transformed_by_themselves() {
    let mut b = Bench::new();
    for dims in [[3, 5, 4], [1, 40, 33], [130, 2, 19], [2, 300, 1], [40, 1, 257]] {
        let len: usize = dims.iter().product();
        let x = complex_noise(len, 8);
        let d = dims.map(|d| d as u64);
        for axis in 0..3 {
            let inner: usize = dims[axis + 1..].iter().product();
            let arg = b.tensor(&d, &x);
            let all = b.run("fft.forward", C128, &[arg, int(axis as i64)]).unwrap().values::<C>();
            let real: Vec<f64> = x.iter().map(|x| x.re).collect();
            let arg = b.tensor(&d, &real);
            let cosines =
                b.run("fft.dct", F64, &[arg.clone(), int(axis as i64), int(2)]).unwrap().values::<f64>();
            for lane in 0..len / dims[axis] {
                let start = lane / inner * inner * dims[axis] + lane % inner;
                let pick = |k: usize| start + k * inner;
                let one: Vec<C> = (0..dims[axis]).map(|k| x[pick(k)]).collect();
                let arg = b.tensor(&[dims[axis] as u64], &one);
                let alone = b.run("fft.forward", C128, &[arg, int(0)]).unwrap().values::<C>();
                let one: Vec<f64> = one.iter().map(|x| x.re).collect();
                let arg = b.tensor(&[dims[axis] as u64], &one);
                let cosine = b.run("fft.dct", F64, &[arg, int(0), int(2)]).unwrap().values::<f64>();
                for k in 0..dims[axis] {
                    assert_eq!(all[pick(k)], alone[k], "{dims:?} along {axis}, lane {lane}, {k}");
                    assert_eq!(cosines[pick(k)], cosine[k], "{dims:?} along {axis}, lane {lane}, {k}");
                }
            }
        }
    }
}

#[test]
fn a_nan_stays_in_its_lane() {
    let mut b = Bench::new();
    let mut x = complex_noise(6 * 8, 1);
    x[3] = C::new(f64::NAN, f64::INFINITY);
    let arg = b.tensor(&[6, 8], &x);
    let y = b.run("fft.forward", C128, &[arg, int(0)]).unwrap().values::<C>();
    for (at, y) in y.iter().enumerate() {
        assert_eq!(y.re.is_nan() || y.im.is_nan(), at % 8 == 3);
    }
}

/// Long lines: split, of odd factors, and over a chirp, of prime length.
#[test]
fn long_lines_are_what_they_are_defined_as() {
    let mut b = Bench::new();
    for n in [2 * DIRECT, 3 * 5 * 7 * 11 * 13 * 17, DIRECT + 29] {
        let x = complex_noise(n, 5);
        let within = 4e-16 * size(&x) * (n as f64).log2();
        let arg = b.tensor(&[n as u64], &x);
        b.polls = 0;
        let there = b.run("fft.forward", C128, &[arg, int(0)]).unwrap();
        assert!(b.polls >= 2, "{n}: {} questions", b.polls);
        let y = there.values::<C>();
        for k in [0, 1, 2, n / 3, n / 2, n - 1] {
            near(y[k], defined(&x, k, false), within, &format!("{k} of {n}"));
        }
        assert!((size(&y) / (n as f64).sqrt() / size(&x) - 1.0).abs() < 1e-12, "Parseval");
        let back = b.run("fft.inverse", C128, &[there, int(0)]).unwrap().values::<C>();
        let worst = back.iter().zip(&x).map(|(y, x)| (y - x).norm()).fold(0.0, f64::max);
        assert!(worst < 1e-14, "{n}: {worst}");
        // Two real lines side by side, so that they are gathered.
        let x = noise(2 * n, 6);
        let arg = b.tensor(&[n as u64, 2], &x);
        let half = b.run("fft.real", C128, &[arg, int(0)]).unwrap();
        let line: Vec<C> = x.iter().step_by(2).map(|x| C::new(*x, 0.0)).collect();
        for k in [0, 1, n / 5, n / 2] {
            near(half.values::<C>()[2 * k], defined(&line, k, false), within, &format!("real {k} of {n}"));
        }
        let back = b.run("fft.real_inverse", C128, &[half, int(0), int(n as i64)]).unwrap().values::<f64>();
        let worst = back.iter().zip(&x).map(|(y, x)| (y - x).abs()).fold(0.0, f64::max);
        assert!(worst < 1e-14, "{n}: {worst}");
    }
}

#[test]
fn long_lines_ask_for_leave() {
    let mut b = Bench::new();
    for n in [1 << 20, DIRECT + 29] {
        let arg = b.tensor(&[n as u64], &complex_noise(n, 5));
        let depth = b.heap.depth();
        (b.polls, b.interrupt_at) = (0, 1);
        let stopped = b.run("fft.forward", C128, &[arg.clone(), int(0)]);
        assert_eq!(stopped.err().unwrap().code, TrapCode::Interrupted);
        b.interrupt_at = usize::MAX;
        // SAFETY: working space of what was stopped.
        unsafe { b.heap.unwind_to(depth) };
    }
}

/// A transform of a sum, of a line that is shifted, and the norm.
#[test]
fn laws_of_transforms_hold() {
    let mut b = Bench::new();
    for n in lengths().chain([30_030, 65_537]) {
        let (x, y) = (complex_noise(n, 1), complex_noise(n, 2));
        let mut transform = |x: &[C]| {
            let arg = b.tensor(&[n as u64], x);
            b.run("fft.forward", C128, &[arg, int(0)]).unwrap().values::<C>()
        };
        let (fx, fy) = (transform(&x), transform(&y));
        let factor = C::new(0.5, -2.0);
        let sum: Vec<C> = x.iter().zip(&y).map(|(x, y)| x + factor * y).collect();
        let within = 2e-15 * size(&x) * (2.0 + (n as f64).log2());
        for (k, f) in transform(&sum).into_iter().enumerate() {
            near(f, fx[k] + factor * fy[k], within, &format!("linear, {k} of {n}"));
        }
        let mut shifted = x.clone();
        shifted.rotate_right(n / 3);
        for (k, f) in transform(&shifted).into_iter().enumerate() {
            near(f, fx[k] * root((k * (n / 3)) as u64, n as u64), within, &format!("shifted, {k} of {n}"));
        }
        assert!((size(&fx) / (n as f64).sqrt() / size(&x) - 1.0).abs() < 1e-12, "Parseval at {n}");
    }
}

/// Cosines and sines by definition.
fn trigonometric(x: &[f64], kind: i64, is_sine: bool, k: usize) -> f64 {
    let n = x.len();
    // The angle is pi / (2 period) times an integer.
    let term = |j: usize| -> f64 {
        let of = |numerator: u64, denominator: u64| {
            let z = root(numerator, 2 * denominator);
            if is_sine { -z.im } else { z.re }
        };
        let (j, k, n) = (j as u64, k as u64, n as u64);
        match (kind, is_sine) {
            (1, false) => of(j * k, n - 1) * if j == 0 || j == n - 1 { 0.5 } else { 1.0 },
            (1, true) => of((j + 1) * (k + 1), n + 1),
            (2, false) => of((2 * j + 1) * k, 2 * n),
            (2, true) => of((2 * j + 1) * (k + 1), 2 * n),
            (3, false) => of(j * (2 * k + 1), 2 * n) * if j == 0 { 0.5 } else { 1.0 },
            (3, true) => of((j + 1) * (2 * k + 1), 2 * n) * if j == n - 1 { 0.5 } else { 1.0 },
            _ => of((2 * j + 1) * (2 * k + 1), 4 * n),
        }
    };
    x.iter().enumerate().map(|(j, x)| 2.0 * x * term(j)).sum()
}

#[test]
fn cosines_and_sines_are_what_they_are_defined_as() {
    let mut b = Bench::new();
    for n in (1..=17).chain([32, 45, 101, 128]) {
        let x = noise(n, 7);
        for kind in 1..=4 {
            for (is_sine, name, back) in
                [(false, "fft.dct", "fft.dct_inverse"), (true, "fft.dst", "fft.dst_inverse")]
            {
                let arg = b.tensor(&[n as u64], &x);
                let found = b.run(name, F64, &[arg.clone(), int(0), int(kind)]);
                if n == 1 && kind == 1 && !is_sine {
                    let e = found.err().unwrap();
                    assert_eq!(e.code, TrapCode::InvalidArgument, "{}", e.message());
                    continue;
                }
                let found = found.unwrap();
                for (k, y) in found.values::<f64>().into_iter().enumerate() {
                    let wanted = trigonometric(&x, kind, is_sine, k);
                    assert!(
                        (y - wanted).abs() < 1e-14 * n as f64,
                        "{name} {kind}, {k} of {n}: {y}, not {wanted}"
                    );
                }
                for norm in ["", "backward", "ortho", "forward"] {
                    let norm = text(&mut b, norm);
                    let args = |x: Arg| [x, int(0), int(kind), int(-1), norm.clone()];
                    let there = b.run(&format!("{name}_as"), F64, &args(arg.clone())).unwrap();
                    let again = b.run(&format!("{back}_as"), F64, &args(there)).unwrap().values::<f64>();
                    for (y, x) in again.iter().zip(&x) {
                        assert!((y - x).abs() < 1e-13, "{name} {kind} of {n} and back: {y}, not {x}");
                    }
                }
                let norm = text(&mut b, "ortho");
                let kept =
                    b.run(&format!("{name}_as"), F64, &[arg, int(0), int(kind), int(-1), norm]).unwrap();
                let length = |x: &[f64]| x.iter().map(|x| x * x).sum::<f64>().sqrt();
                assert!(
                    (length(&kept.values()) / length(&x) - 1.0).abs() < 1e-13,
                    "{name} {kind} of {n} is orthogonal"
                );
            }
        }
    }
}

#[test]
fn several_axes_are_one_after_the_other() {
    let mut b = Bench::new();
    let dims = [4u64, 5, 6];
    let x = complex_noise(120, 3);
    let arg = b.tensor(&dims, &x);
    let all = b.run("fft.forward_axes", C128, &[arg.clone(), list(&[])]).unwrap();
    let mut step = arg.clone();
    for axis in 0..3 {
        step = b.run("fft.forward", C128, &[step, int(axis)]).unwrap();
    }
    for (a, s) in all.values::<C>().into_iter().zip(step.values::<C>()) {
        near(a, s, 1e-13, "several");
    }
    let back = b.run("fft.inverse_axes", C128, &[all, list(&[2, 0, 1])]).unwrap();
    for (a, s) in back.values::<C>().into_iter().zip(&x) {
        near(a, *s, 2e-15, "and back");
    }
    // Real ones, with lengths that cut off and fill up.
    let x = noise(120, 4);
    let arg = b.tensor(&dims, &x);
    let norm = text(&mut b, "ortho");
    let lengths = [7i64, -1, 3];
    let half =
        b.run("fft.real_axes_as", C128, &[arg, list(&[0, 1, 2]), list(&lengths), norm.clone()]).unwrap();
    assert_eq!(half.dims(), [7, 5, 2]);
    let back =
        b.run("fft.real_inverse_axes_as", C128, &[half, list(&[0, 1, 2]), list(&lengths), norm]).unwrap();
    assert_eq!(back.dims(), [7, 5, 3]);
    for (at, y) in back.values::<f64>().into_iter().enumerate() {
        let (i, j, k) = (at / 15, at / 3 % 5, at % 3);
        let wanted = if i < 4 { x[(i * 5 + j) * 6 + k] } else { 0.0 };
        assert!((y - wanted).abs() < 1e-15, "{i} {j} {k}: {y} and not {wanted}");
    }
}

#[test]
fn derivatives_of_waves_are_waves() {
    let mut b = Bench::new();
    let (n, m) = (20usize, 15usize);
    let wave = |i: usize, j: usize| {
        let (x, y) = (std::f64::consts::TAU * i as f64 / n as f64, 3.0 * j as f64 / m as f64);
        (x, std::f64::consts::TAU * y / 3.0)
    };
    let all = |f: &dyn Fn(f64, f64) -> f64| -> Vec<f64> {
        (0..n * m)
            .map(|at| {
                let (x, y) = wave(at / m, at % m);
                f(x, y)
            })
            .collect()
    };
    let x = all(&|x, y| (3.0 * x).sin() + (2.0 * y).cos());
    let arg = b.tensor(&[n as u64, m as u64], &x);
    let unit = std::f64::consts::TAU / 3.0;
    let cases: [(i64, i64, f64, Vec<f64>); 4] = [
        (0, 1, std::f64::consts::TAU, all(&|x, _| 3.0 * (3.0 * x).cos())),
        (0, 3, std::f64::consts::TAU, all(&|x, _| -27.0 * (3.0 * x).cos())),
        (1, 2, 3.0, all(&|_, y| -(2.0 * unit).powi(2) * (2.0 * y).cos())),
        (1, 0, 3.0, x.clone()),
    ];
    for (axis, order, period, wanted) in cases {
        let found = b.run("fft.derivative", F64, &[arg.clone(), int(axis), int(order), f(period)]).unwrap();
        for (y, wanted) in found.values::<f64>().into_iter().zip(&wanted) {
            assert!((y - wanted).abs() < 1e-12, "order {order} along {axis}: {y} and not {wanted}");
        }
        let z: Vec<C> = x.iter().map(|x| C::new(0.0, *x)).collect();
        let z = b.tensor(&[n as u64, m as u64], &z);
        let found = b.run("fft.derivative", C128, &[z, int(axis), int(order), f(period)]).unwrap();
        for (y, wanted) in found.values::<C>().into_iter().zip(&wanted) {
            near(y, C::new(0.0, *wanted), 1e-12, "complex");
        }
    }
    let periods = b.tensor(&[2], &[std::f64::consts::TAU, 3.0]);
    let found = b.run("fft.laplacian", F64, &[arg, list(&[]), periods]).unwrap().values::<f64>();
    let wanted = all(&|x, y| -9.0 * (3.0 * x).sin() - (2.0 * unit).powi(2) * (2.0 * y).cos());
    for (y, wanted) in found.iter().zip(&wanted) {
        assert!((y - wanted).abs() < 1e-12, "{y} and not {wanted}");
    }
}

/// Convolution by definition, plainly.
fn convolved(a: &[f64], (n, m): (usize, usize), b: &[f64], (k, l): (usize, usize)) -> Vec<f64> {
    let mut full = vec![0.0; (n + k - 1) * (m + l - 1)];
    for (at, x) in a.iter().enumerate() {
        for (by, y) in b.iter().enumerate() {
            full[(at / m + by / l) * (m + l - 1) + at % m + by % l] += x * y;
        }
    }
    full
}

#[test]
fn convolutions_are_what_they_are_defined_as() {
    let mut b = Bench::new();
    let cases = [
        (1, 1, 1, 1),
        (3, 4, 2, 2),
        (2, 2, 3, 4),
        (5, 1, 1, 6),
        (40, 50, 30, 20),
        (1, 3000, 1, 900),
        (1, 2500, 1, 3),
    ];
    for (n, m, k, l) in cases {
        let (x, y) = (noise(n * m, 1), noise(k * l, 2));
        let full = convolved(&x, (n, m), &y, (k, l));
        let (a, c) = (b.tensor(&[n as u64, m as u64], &x), b.tensor(&[k as u64, l as u64], &y));
        let of_complex = |x: &[f64]| x.iter().map(|x| C::new(0.0, *x)).collect::<Vec<_>>();
        let (za, zc) = (
            b.tensor(&[n as u64, m as u64], &of_complex(&x)),
            b.tensor(&[k as u64, l as u64], &of_complex(&y)),
        );
        for (mode, rows, columns, top, left) in [
            ("full", n + k - 1, m + l - 1, 0, 0),
            ("same", n, m, (k - 1) / 2, (l - 1) / 2),
            ("valid", n.abs_diff(k) + 1, m.abs_diff(l) + 1, n.min(k) - 1, m.min(l) - 1),
        ] {
            let word = text(&mut b, mode);
            let found = b.run("fft.convolve", F64, &[a.clone(), c.clone(), word.clone()]);
            if mode == "valid" && (n < k) != (m < l) && n != k && m != l || mode == "valid" && n > k && m < l
            {
                assert_eq!(found.err().unwrap().code, TrapCode::ShapeMismatch);
                continue;
            }
            let found = found.unwrap();
            assert_eq!(found.dims(), [rows as u64, columns as u64], "{mode}");
            let complex = b.run("fft.convolve", C128, &[za.clone(), zc.clone(), word]).unwrap().values::<C>();
            for (at, y) in found.values::<f64>().into_iter().enumerate() {
                let wanted = full[(at / columns + top) * (m + l - 1) + at % columns + left];
                assert!(
                    (y - wanted).abs() < 1e-12,
                    "{mode} of {n}x{m} and {k}x{l} at {at}: {y}, not {wanted}"
                );
                near(complex[at], C::new(-wanted, 0.0), 1e-12, mode);
            }
        }
        // A correlation with what lies in reverse.
        let mut back = y.clone();
        back.reverse();
        let c = b.tensor(&[k as u64, l as u64], &back);
        let word = text(&mut b, "full");
        let found = b.run("fft.correlate", F64, &[a, c, word]).unwrap().values::<f64>();
        for (y, wanted) in found.iter().zip(&full) {
            assert!((y - wanted).abs() < 1e-12);
        }
    }
}

#[test]
fn what_cannot_be_transformed_says_why() {
    let mut b = Bench::new();
    let none = b.tensor::<C>(&[2, 0], &[]);
    let e = b.run("fft.forward", C128, &[none.clone(), int(1)]).err().unwrap();
    assert_eq!(e.message(), "a transform of no numbers along axis 1: its length is at least 1");
    assert_eq!(b.run("fft.forward", C128, &[none, int(0)]).unwrap().dims(), [2, 0]);
    let x = b.tensor(&[2], &complex_noise(2, 1));
    let (plain, wrong) = (text(&mut b, ""), text(&mut b, "unit"));
    let e = b.run("fft.forward_as", C128, &[x.clone(), int(0), int(4), wrong]).err().unwrap();
    assert_eq!(e.message(), "a norm \"unit\": it is \"backward\", \"ortho\" or \"forward\"");
    let e = b.run("fft.forward_as", C128, &[x.clone(), int(0), int(-4), plain.clone()]).err().unwrap();
    assert_eq!(e.message(), "a length of -4 along axis 0: it is at least 1, or -1 for that of the tensor");
    let e = b.run("fft.forward_axes", C128, &[x.clone(), list(&[0, 0])]).err().unwrap();
    assert_eq!(e.message(), "axis 0 is given twice");
    for n in [1 << 40, 1 << 62, i64::MAX] {
        let e = b.run("fft.forward_as", C128, &[x.clone(), int(0), int(n), plain.clone()]).err().unwrap();
        assert_eq!(e.code, TrapCode::OutOfMemory, "{}", e.message());
        let e = b.run("fft.real_inverse", C128, &[x.clone(), int(0), int(n)]).err().unwrap();
        assert_eq!(e.code, TrapCode::OutOfMemory, "{}", e.message());
    }
    // Of nothing, however long.
    let none = b.tensor::<C>(&[0, 2], &[]);
    let y = b.run("fft.forward_as", C128, &[none, int(1), int(1 << 61), plain]).unwrap();
    assert_eq!(y.dims(), [0, 1 << 61]);
    let x = b.tensor(&[1], &[1.0]);
    let e = b.run("fft.dct", F64, &[x, int(0), int(5)]).err().unwrap();
    assert_eq!(e.message(), "a transform of type 5: types are 1 to 4");
}

#[test]
fn the_number_of_threads_changes_no_bit_of_a_transform() {
    let bits = |threads: usize, cores: Cores| {
        let mut b = Bench::new();
        b.heap.set_threads(Threads::at_most(threads));
        b.heap.set_placement(Arc::new(Placement::new(Rates::default(), cores, None)));
        let mut all: Vec<u64> = vec![];
        let mut keep = |y: Arg| match y.tensor().elem() {
            Elem::F64 => all.extend(y.values::<f64>().iter().map(|v| v.to_bits())),
            _ => all.extend(y.values::<C>().iter().flat_map(|v| [v.re.to_bits(), v.im.to_bits()])),
        };
        let x = b.tensor(&[37, 24, 50], &noise(37 * 24 * 50, 1));
        let half = b.run("fft.real_axes", C128, &[x.clone(), list(&[])]).unwrap();
        keep(half.clone());
        keep(b.run("fft.forward_axes", C128, &[half, list(&[])]).unwrap());
        for axis in 0..3 {
            keep(b.run("fft.dct", F64, &[x.clone(), int(axis), int(2)]).unwrap());
            keep(b.run("fft.derivative", F64, &[x.clone(), int(axis), int(1), f(2.0)]).unwrap());
        }
        let periods = b.tensor(&[3], &[1.0, 2.0, 3.0]);
        keep(b.run("fft.laplacian", F64, &[x.clone(), list(&[]), periods]).unwrap());
        let kernel = b.tensor(&[5, 6, 7], &noise(210, 2));
        let word = text(&mut b, "same");
        keep(b.run("fft.convolve", F64, &[x, kernel, word]).unwrap());
        for n in [2 * DIRECT, DIRECT + 29] {
            let x = b.tensor(&[n as u64], &complex_noise(n, 5));
            keep(b.run("fft.forward", C128, &[x, int(0)]).unwrap());
        }
        all
    };
    let one = bits(1, Cores::One);
    for threads in [2, 4] {
        assert!(bits(threads, Cores::All) == one, "{threads} threads");
    }
}

/// Room for long lines is counted, whatever is kept from before.
#[test]
fn working_space_is_within_the_budget() {
    let mut b = Bench::new();
    let n = DIRECT + 29;
    let x = b.tensor(&[n as u64], &complex_noise(n, 5));
    for _ in 0..2 {
        let held = b.heap.stats().held;
        b.heap.set_limit(held + 40 * n);
        let depth = b.heap.depth();
        let e = b.run("fft.forward", C128, &[x.clone(), int(0)]).err().unwrap();
        assert_eq!(e.code, TrapCode::OutOfMemory);
        // SAFETY: working space of what was stopped.
        unsafe { b.heap.unwind_to(depth) };
        b.heap.set_limit(4 << 30);
        b.run("fft.forward", C128, &[x.clone(), int(0)]).unwrap();
    }
}
