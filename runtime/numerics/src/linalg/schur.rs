//! Schur decomposition of complex matrices, a = q·t·qᴴ with unitary q and upper triangular t: reduction to Hessenberg
//! form by Householder reflections, and QR steps with Wilkinson's shift.
//!
//! Functions of matrices rest on it. Everything is row-major and in place.

use super::field::Field;
use super::svd::scale;
use super::{Ask, Fault};

/// QR steps for one eigenvalue: some three are usual.
const STEPS: usize = 60;

/// Makes `t` = `a` the triangle, and `q` what turns it. Complex numbers are asked for: of real ones there is none.
///
/// # Errors
/// `NoConvergence`; `Stopped`.
pub(super) fn schur<T: Field>(t: &mut [T], q: &mut [T], n: usize, ask: Ask<'_>) -> Result<(), Fault> {
    q.fill(T::default());
    (0..n).for_each(|i| q[i * n + i] = T::near(1.0));
    hessenberg(t, q, n, ask)?;
    let spacing: f64 = T::spacing().into();
    let size = |x: T| Into::<f64>::into(x.size());
    let (mut high, mut steps) = (n.saturating_sub(1), 0);
    while high > 0 {
        ask()?;
        let mut low = high;
        while low > 0 {
            let around = size(t[(low - 1) * n + low - 1]) + size(t[low * n + low]);
            if size(t[low * n + low - 1]) <= spacing * around {
                t[low * n + low - 1] = T::default();
                break;
            }
            low -= 1;
        }
        if low == high {
            (high, steps) = (high - 1, 0);
            continue;
        }
        steps += 1;
        if steps > STEPS {
            return Err(Fault::NoConvergence);
        }
        let shift = if steps % 10 == 0 {
            // Out of a circle, if it is one.
            t[high * n + high] + T::of(t[high * n + high - 1].size())
        } else {
            let [a, b, c, d] = [(1, 1), (1, 0), (0, 1), (0, 0)].map(|(i, j)| t[(high - i) * n + high - j]);
            nearer(a, b, c, d)
        };
        let (mut x, mut y) = (t[low * n + low] - shift, t[(low + 1) * n + low]);
        for k in low..high {
            let (c, s) = rotation(x, y);
            let from = if k > low { k - 1 } else { low };
            for j in from..n {
                let (u, v) = (t[k * n + j], t[(k + 1) * n + j]);
                t[k * n + j] = c * u + s * v;
                t[(k + 1) * n + j] = c * v - s.conjugate() * u;
            }
            for i in 0..=(k + 2).min(high) {
                turn(&mut t[i * n + k..i * n + k + 2], c, s);
            }
            for i in 0..n {
                turn(&mut q[i * n + k..i * n + k + 2], c, s);
            }
            if k + 2 <= high {
                (x, y) = (t[(k + 1) * n + k], t[(k + 2) * n + k]);
            }
        }
    }
    for i in 1..n {
        t[i * n..i * n + i].fill(T::default());
    }
    Ok(())
}

/// Two elements of a row, turned by the rotation's conjugate transpose.
#[inline(always)]
fn turn<T: Field>(pair: &mut [T], c: T, s: T) {
    let (u, v) = (pair[0], pair[1]);
    pair[0] = u * c + v * s.conjugate();
    pair[1] = v * c - u * s;
}

/// The eigenvalue of [[a, b], [c, d]] that is nearer to d. Very large or small ones are scaled, so that squares are numbers.
fn nearer<T: Field>(a: T, b: T, c: T, d: T) -> T {
    let half = T::near(0.5);
    let gap = (a - d) * half;
    if let Some((by, back)) = scale(&[gap, b, c]) {
        return d - less(gap.scaled(by), b.scaled(by) * c.scaled(by)).scaled(back);
    }
    d - less(gap, b * c)
}

/// What is taken from d for it, given (a - d) / 2 and b·c.
fn less<T: Field>(gap: T, product: T) -> T {
    let root = T::sqrt_impl(&(gap * gap + product));
    let one = gap + root;
    let other = gap - root;
    let large = if one.size() > other.size() { one } else { other };
    if large.size() == <T::Part as Default>::default() { T::default() } else { product.over(large) }
}

/// c, which is real, and s, so that [[c, s], [-s̄, c]] makes (x, y) a multiple of (1, 0).
fn rotation<T: Field>(x: T, y: T) -> (T, T) {
    let (a, b) = (x.size(), y.size());
    let zero = <T::Part as Default>::default();
    if b == zero {
        return (T::near(1.0), T::default());
    }
    if a == zero {
        return (T::default(), T::of(b).over(y));
    }
    let length = <T::Part as Field>::compose(a, b).size();
    (T::of(a / length), x.over(T::of(a)) * y.conjugate().over(T::of(length)))
}

fn hessenberg<T: Field>(t: &mut [T], q: &mut [T], n: usize, ask: Ask<'_>) -> Result<(), Fault> {
    for k in 0..n.saturating_sub(2) {
        ask()?;
        // The reflection of column k below the subdiagonal; its vector is kept in that column meanwhile.
        let most = (k + 1..n).fold(0.0f64, |most, i| most.max(t[i * n + k].size().into()));
        if most == 0.0 {
            continue;
        }
        let by = T::near(most);
        (k + 1..n).for_each(|i| t[i * n + k] = t[i * n + k].over(by));
        let squares: f64 = (k + 1..n).map(|i| Into::<f64>::into(t[i * n + k].size()).powi(2)).sum();
        let length = squares.sqrt();
        let first = t[(k + 1) * n + k];
        let size: f64 = first.size().into();
        let phase = if size == 0.0 { T::near(1.0) } else { first.over(T::of(first.size())) };
        t[(k + 1) * n + k] = first + phase * T::near(length);
        // 2 over the square of the vector's length.
        let weight = T::near(1.0 / (squares + length * size));
        for j in k + 1..n {
            let sum = (k + 1..n).fold(T::default(), |sum, i| sum + t[i * n + k].conjugate() * t[i * n + j]);
            let sum = sum * weight;
            (k + 1..n).for_each(|i| t[i * n + j] -= t[i * n + k] * sum);
        }
        for i in 0..n {
            let sum = (k + 1..n).fold(T::default(), |sum, j| sum + t[i * n + j] * t[j * n + k]);
            let sum = sum * weight;
            (k + 1..n).for_each(|j| t[i * n + j] -= sum * t[j * n + k].conjugate());
        }
        for i in 0..n {
            let sum = (k + 1..n).fold(T::default(), |sum, j| sum + q[i * n + j] * t[j * n + k]);
            let sum = sum * weight;
            (k + 1..n).for_each(|j| q[i * n + j] -= sum * t[j * n + k].conjugate());
        }
        t[(k + 1) * n + k] = -(phase * T::near(length)) * by;
        (k + 2..n).for_each(|i| t[i * n + k] = T::default());
    }
    Ok(())
}
