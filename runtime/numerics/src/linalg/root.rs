//! Square root and logarithm of a matrix, by its Schur decomposition.
//! Å. Björck and S. Hammarling, "A Schur method for the square root of a matrix", 1983. A. H. Al-Mohy and N. J. Higham,
//! "Improved inverse scaling and squaring algorithms for the matrix logarithm", 2012.
//!
//! Both are the principal ones. A real matrix has a real one unless an eigenvalue is negative. Very small
//! matrices are scaled by a power of two first, and so is what a triangle has above a far smaller diagonal.

use super::exponential::largest_sum;
use super::field::Field;
use super::library::{Library, Side};
use super::room::{Room, bytes, numbers, take, zeros};
use super::schur::schur;
use super::svd::exponent;
use super::{Ask, Crew, Fault, panels};
use faer::dyn_stack::MemStack;
use faer::{Conj, MatMut, MatRef};

/// Roots that are taken at most.
const ROOTS: usize = 100;
/// Powers of two by which an element is far larger than the diagonal.
const FAR: i32 = 60;
/// From the identity no further than this, in the norm, the quadrature is exact to rounding.
const NEAR: f64 = 0.25;
/// Nodes and weights of Gauss and Legendre's quadrature between -1 and 1.
const QUADRATURE: [(f64, f64); 7] = [
    (0.0, 0.4179591836734694),
    (-0.4058451513773972, 0.3818300505051189),
    (0.4058451513773972, 0.3818300505051189),
    (-0.7415311855993945, 0.2797053914892766),
    (0.7415311855993945, 0.2797053914892766),
    (-0.9491079123427585, 0.1294849661688697),
    (0.9491079123427585, 0.1294849661688697),
];

/// Bytes for [`sqrtm`] and [`logm`].
pub fn function_room<T: Field>(n: usize) -> usize {
    bytes(&[numbers::<T::Whole>(n * n).array(5), numbers::<T::Whole>(n), numbers::<i32>(n)])
}

/// The root of upper triangular n×n `t`.
fn root_of_triangle<W: Field>(t: &[W], root: &mut [W], n: usize, ask: Ask<'_>) -> Result<(), Fault> {
    for j in 0..n {
        ask()?;
        root[j * n + j] = W::sqrt_impl(&t[j * n + j]);
        for i in (0..j).rev() {
            let mut sum = t[i * n + j];
            for k in i + 1..j {
                sum -= root[i * n + k] * root[k * n + j];
            }
            let scale = root[i * n + i] + root[j * n + j];
            let is_zero = |x: W| x.size() == <W::Part as Default>::default();
            root[i * n + j] = match (is_zero(scale), is_zero(sum)) {
                (false, _) => sum.over(scale),
                (true, true) => W::default(),
                (true, false) => return Err(Fault::Undefined),
            };
        }
    }
    Ok(())
}

/// The power of two that the largest element is near, if all are so small that digits would be lost.
fn small<T: Field>(a: &[T]) -> i32 {
    // Large ones are not scaled, as their least eigenvalues would be lost.
    exponent(a).unwrap_or(0).min(0)
}

/// Writes the function of `a` whose triangle `function` makes of that of `a`, in its place. The matrix is multiplied by
/// the first of two powers of two, and the result by the other.
fn of_schur<T: Field>(
    a: &[T],
    n: usize,
    [first, last]: [i32; 2],
    out: &mut [T],
    room: Room<'_>,
    crew: Crew<'_>,
    function: impl FnOnce(&mut [T::Whole], &mut MemStack) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let by = <T::Part as Field>::near(2f64.powi(first));
    let (mut t, stack) = take(MemStack::new(room), n * n, |i| a[i].scaled(by).whole());
    let (mut q, stack) = zeros::<T::Whole>(stack, n * n);
    schur::<T::Whole>(&mut t, &mut q, n, &|| crew.ask())?;
    function(&mut t, stack)?;
    let (mut half, stack) = zeros::<T::Whole>(stack, n * n);
    let (mut whole, _) = zeros::<T::Whole>(stack, n * n);
    let q = MatRef::from_row_major_slice(&q, n, n);
    let t = MatRef::from_row_major_slice(&t, n, n);
    let to = MatMut::from_row_major_slice_mut(&mut half, n, n);
    panels::product(to, (q, Conj::No), (t, Conj::No), crew)?;
    let half = MatRef::from_row_major_slice(&half, n, n);
    let to = MatMut::from_row_major_slice_mut(&mut whole, n, n);
    panels::product(to, (half, Conj::No), (q.transpose(), Conj::Yes), crew)?;
    if T::IS_REAL {
        let most = |part: &dyn Fn(T::Whole) -> T::Part| {
            whole.iter().fold(0.0f64, |most, x| most.max(part(*x).size().into()))
        };
        let spacing: f64 = T::spacing().into();
        let allowed = most(&|x| x.re()).max(most(&|x| x.im())) * spacing.sqrt();
        if most(&|x| x.im()) > allowed {
            return Err(Fault::NotReal);
        }
    }
    out.iter_mut().zip(whole.iter()).for_each(|(to, x)| *to = T::of_whole(*x));
    if last != 0 {
        let back = <T::Part as Field>::near(2f64.powi(last));
        out.iter_mut().for_each(|x| *x = x.scaled(back));
    }
    Ok(())
}

/// The principal square root of n×n `a`.
///
/// # Errors
/// `NotReal`, `Undefined` where there is none, `NoConvergence`, `Stopped`.
pub fn sqrtm<T: Field>(
    a: &[T],
    n: usize,
    out: &mut [T],
    room: Room<'_>,
    crew: Crew<'_>,
) -> Result<(), Fault> {
    let ask: Ask<'_> = &|| crew.ask();
    // An even power, so that its root is one.
    let scale = small(a) / 2;
    of_schur(a, n, [-2 * scale, scale], out, room, crew, |t, stack| {
        let (mut root, _) = zeros::<T::Whole>(stack, n * n);
        root_of_triangle(t, &mut root, n, ask)?;
        t.copy_from_slice(&root);
        Ok(())
    })
}

/// The principal logarithm of n×n `a`.
///
/// # Errors
/// `NotReal`, `Undefined` where there is none, `NoConvergence`, `Stopped`.
pub fn logm<T: Field>(a: &[T], n: usize, out: &mut [T], room: Room<'_>, crew: Crew<'_>) -> Result<(), Fault> {
    let ask: Ask<'_> = &|| crew.ask();
    let scale = small(a);
    of_schur(a, n, [-scale, 0], out, room, crew, |t, stack| {
        if (0..n).any(|i| t[i * n + i] == <T::Whole as Default>::default()) {
            return Err(Fault::Undefined);
        }
        // The diagonal as it is to be: through roots it would lose digits.
        let (back, more) = (2f64.powi(scale), scale as f64 * std::f64::consts::LN_2);
        let (logs, stack) = take(stack, n, |i| {
            let x = t[i * n + i];
            let whole = x.scaled(<T::Part as Field>::near(back));
            // Of what it is unscaled, where that is a number: the sum of two logarithms has lost digits.
            let is_number = whole.finite() && whole.size() >= T::least();
            if is_number { ln(whole) } else { ln(x) + <T::Whole as Field>::near(more) }
        });
        let (mut levels, stack) = take(stack, n, |_| 0);
        let is_leveled = level(t, n, &mut levels);
        let (mut near, stack) = zeros::<T::Whole>(stack, n * n);
        let (mut factor, stack) = zeros::<T::Whole>(stack, n * n);
        let (mut term, _) = zeros::<T::Whole>(stack, n * n);
        let one = <T::Whole as Field>::near(1.0);
        let mut roots = 0;
        loop {
            near.copy_from_slice(t);
            (0..n).for_each(|i| near[i * n + i] -= one);
            if largest_sum(&near, n) <= NEAR {
                break;
            }
            roots += 1;
            if roots > ROOTS {
                return Err(Fault::NoConvergence);
            }
            near.fill(<T::Whole as Default>::default());
            root_of_triangle(t, &mut near, n, ask)?;
            t.copy_from_slice(&near);
        }
        // The integral of X·(I + s·X)⁻¹ over s from 0 to 1, for X = `near`.
        t.fill(<T::Whole as Default>::default());
        for (node, weight) in QUADRATURE {
            ask()?;
            let (node, weight) = ((1.0 + node) / 2.0, weight / 2.0 * 2f64.powi(roots as i32));
            let (node, weight) = (<T::Whole as Field>::near(node), <T::Whole as Field>::near(weight));
            factor.iter_mut().zip(near.iter()).for_each(|(to, x)| *to = *x * node);
            (0..n).for_each(|i| factor[i * n + i] += one);
            term.copy_from_slice(&near);
            let factor = MatRef::from_row_major_slice(&factor, n, n);
            let x = MatMut::from_row_major_slice_mut(&mut term, n, n);
            T::Whole::triangle((factor, Conj::No), Side { lower: false, unit: false }, x);
            t.iter_mut().zip(term.iter()).for_each(|(to, x)| *to += *x * weight);
        }
        if is_leveled {
            shift(t, n, |i, j| levels[i] - levels[j]);
        }
        (0..n).for_each(|i| t[i * n + i] = logs[i]);
        Ok(())
    })
}

/// Multiplies elements above the diagonal of `t` by powers of two.
fn shift<W: Field>(t: &mut [W], n: usize, by: impl Fn(usize, usize) -> i32) {
    for i in 0..n {
        for j in i + 1..n {
            t[i * n + j] = t[i * n + j].shifted(by(i, j).into());
        }
    }
}

/// Where elements above the diagonal of `t` are far larger than that, makes it similar to itself so that they are not:
/// by a diagonal matrix of powers of two, the `levels`. Roots come near the identity soon then.
fn level<W: Field>(t: &mut [W], n: usize, levels: &mut [i32]) -> bool {
    let power = |x: W| Into::<f64>::into(x.size()).log2().floor() as i32;
    // What there is to gain, for each pair of rows.
    let gap = |t: &[W], i: usize, j: usize| {
        let least = power(t[i * n + i]).min(power(t[j * n + j]));
        if t[i * n + j] == W::default() { i32::MIN } else { power(t[i * n + j]) - least }
    };
    if (0..n).all(|i| (i + 1..n).all(|j| gap(t, i, j) < FAR)) {
        return false;
    }
    for j in 0..n {
        levels[j] = (0..j).map(|i| levels[i].saturating_sub(gap(t, i, j))).min().unwrap_or(0).min(0);
    }
    shift(t, n, |i, j| levels[j] - levels[i]);
    true
}

/// The principal logarithm of a complex number that is not 0.
fn ln<W: Field>(x: W) -> W {
    let (re, im): (f64, f64) = (x.re().into(), x.im().into());
    let size: f64 = x.size().into();
    W::of_whole(W::compose(<W::Part as Field>::near(size.ln()), <W::Part as Field>::near(im.atan2(re))))
}
