//! The exponential of a matrix: a Padé approximant of the matrix over a power of two, squared as often.
//! N. J. Higham, "The scaling and squaring method for the matrix exponential revisited", 2005.
//!
//! A row-major matrix is, as columns, its transpose, and so is the exponential: nothing is transposed.

use super::field::Field;
use super::room::{Room, bytes, numbers, zeros};
use super::{Crew, Fault, lu, panels};
use crate::functions::{Cos, Exp, Sin};
use crate::run::of;
use faer::dyn_stack::MemStack;
use faer::{Conj, MatMut, MatRef};

/// Coefficients of the approximants' numerators, and the largest norm that each is for.
const DOUBLE: [(f64, &[f64]); 5] = [
    (1.495585217958292e-2, P3),
    (2.53939833006323e-1, P5),
    (9.504178996162932e-1, P7),
    (2.097847961257068, P9),
    (5.371920351148152, P13),
];
const SINGLE: [(f64, &[f64]); 3] =
    [(4.258730016922831e-1, P3), (1.880152677804762, P5), (3.92572478313866, P7)];
const P3: &[f64] = &[120.0, 60.0, 12.0, 1.0];
const P5: &[f64] = &[30240.0, 15120.0, 3360.0, 420.0, 30.0, 1.0];
const P7: &[f64] = &[17297280.0, 8648640.0, 1995840.0, 277200.0, 25200.0, 1512.0, 56.0, 1.0];
const P9: &[f64] = &[
    17643225600.0,
    8821612800.0,
    2075673600.0,
    302702400.0,
    30270240.0,
    2162160.0,
    110880.0,
    3960.0,
    90.0,
    1.0,
];
const P13: &[f64] = &[
    64764752532480000.0,
    32382376266240000.0,
    7771770303897600.0,
    1187353796428800.0,
    129060195264000.0,
    10559470521600.0,
    670442572800.0,
    33522128640.0,
    1323241920.0,
    40840800.0,
    960960.0,
    16380.0,
    182.0,
    1.0,
];

/// Squarings at most. Of a matrix that wants more few digits of the result would be right, if any.
const SQUARINGS: i32 = 64;

/// The largest sum of absolute values of a line of `n`.
pub fn largest_sum<T: Field>(a: &[T], n: usize) -> f64 {
    let sum = |line: &[T]| line.iter().map(|x| Into::<f64>::into(x.size())).sum::<f64>();
    a.chunks_exact(n).map(sum).fold(0.0, f64::max)
}

/// `to` = `a`·`b`, all n×n and in columns.
fn product<T: Field>(to: &mut [T], a: &[T], b: &[T], n: usize, crew: Crew<'_>) -> Result<(), Fault> {
    let (a, b) = (MatRef::from_column_major_slice(a, n, n), MatRef::from_column_major_slice(b, n, n));
    panels::product(MatMut::from_column_major_slice_mut(to, n, n), (a, Conj::No), (b, Conj::No), crew)
}

/// The coefficients of the approximant for a norm, and how often it is squared.
fn plan<T: Field>(norm: f64) -> (&'static [f64], i32) {
    let table: &[(f64, &[f64])] = if size_of::<T::Part>() == 4 { &SINGLE } else { &DOUBLE };
    let (most, last) = table[table.len() - 1];
    let squarings = if norm > most { (norm / most).log2().ceil() as i32 } else { 0 };
    (table.iter().find(|(bound, _)| norm <= *bound).map_or(last, |(_, p)| p), squarings)
}

/// How many times n³ operations [`expm`] takes for a matrix of that [`largest_sum`].
///
/// ```
/// use nbc_numerics::linalg::exponential::expm_cost;
/// assert_eq!(expm_cost::<f64>(5.0), 19);
/// assert_eq!(expm_cost::<f64>(20.0), 23);
/// ```
pub fn expm_cost<T: Field>(norm: f64) -> u64 {
    let (coefficients, squarings) = plan::<T>(norm);
    // The square, its powers, that with the factor put last, and as many squarings; and a system of equations.
    let products = 1 + coefficients.len() as u64 / 2 + squarings.clamp(0, SQUARINGS) as u64;
    2 * products + 3
}

/// Bytes for [`expm`].
pub fn expm_room<T: Field>(n: usize) -> usize {
    bytes(&[numbers::<T>(n * n).array(7), numbers::<u8>(lu::solve_room::<T>(n, n))])
}

/// The exponential of n×n `a`.
///
/// # Errors
/// `TooLarge` where that takes too many squarings; `Stopped`.
pub fn expm<T: Field>(a: &[T], n: usize, out: &mut [T], room: Room<'_>, crew: Crew<'_>) -> Result<(), Fault> {
    if n == 1 {
        out[0] = of_number(a[0]);
        return Ok(());
    }
    let (coefficients, squarings) = plan::<T>(largest_sum(a, n));
    if squarings > SQUARINGS {
        return Err(Fault::TooLarge);
    }
    let stack = MemStack::new(room);
    let (mut scaled, stack) = zeros::<T>(stack, n * n);
    let (mut square, stack) = zeros::<T>(stack, n * n);
    let (mut power, stack) = zeros::<T>(stack, n * n);
    let (mut next, stack) = zeros::<T>(stack, n * n);
    let (mut odd, stack) = zeros::<T>(stack, n * n);
    let (mut even, stack) = zeros::<T>(stack, n * n);
    let (mut spare, stack) = zeros::<T>(stack, n * n);
    let by = T::near(2f64.powi(-squarings));
    scaled.iter_mut().zip(a).for_each(|(to, x)| *to = *x * by);
    product(&mut square, &scaled, &scaled, n, crew)?;
    // Even powers times their coefficients, and those of the odd ones, of which one factor is put last. Coefficients
    // over the first, which leaves them numbers of either precision.
    let share = |at: usize| T::near(coefficients[at] / coefficients[0]);
    for i in 0..n {
        power[i * n + i] = T::near(1.0);
    }
    for half in 0..coefficients.len() / 2 {
        if half > 0 {
            product(&mut next, &power, &square, n, crew)?;
            std::mem::swap(&mut power, &mut next);
        }
        let (e, o) = (share(2 * half), share(2 * half + 1));
        for (i, x) in power.iter().enumerate() {
            even[i] += e * *x;
            odd[i] += o * *x;
        }
    }
    product(&mut spare, &scaled, &odd, n, crew)?;
    for i in 0..n * n {
        let (e, o) = (even[i], spare[i]);
        // Rows of what is solved lie in columns here: (V - U)·X = V + U, all of whose factors commute.
        even[i] = e - o;
        odd[i] = e + o;
    }
    crew.ask()?;
    solve(&even, &odd, n, out, crew, stack)?;
    for _ in 0..squarings {
        product(&mut spare, out, out, n, crew)?;
        out.copy_from_slice(&spare);
    }
    Ok(())
}

/// The exponential of a finite number.
fn of_number<T: Field>(x: T) -> T {
    let (re, im): (f64, f64) = (x.re().into(), x.im().into());
    let part = |x: f64| <T::Part as Field>::near(x);
    let size = of::<Exp, f64>(re);
    if im == 0.0 {
        return T::of_whole(T::compose(part(size), part(im)));
    }
    // The length may be no number where a part is one.
    let root = of::<Exp, f64>(re / 4.0);
    let scaled = |x: f64| part(if size.is_finite() { x * size } else { x * root * root * root * root });
    T::of_whole(T::compose(scaled(of::<Cos, f64>(im)), scaled(of::<Sin, f64>(im))))
}

/// Solves `a`·`x` = `b`, all n×n, in what is left of a room.
fn solve<T: Field>(
    a: &[T],
    b: &[T],
    n: usize,
    x: &mut [T],
    crew: Crew<'_>,
    stack: &mut MemStack,
) -> Result<(), Fault> {
    let (room, _) = stack.make_uninit::<u8>(lu::solve_room::<T>(n, n));
    lu::solve(a, n, b, n, x, room, crew)
}

/// Bytes for [`power`].
pub fn power_room<T: Field>(n: usize) -> usize {
    bytes(&[numbers::<T>(n * n).array(2), numbers::<u8>(lu::inverse_room::<T>(n))])
}

/// n×n `a` to the power of `times`: of its inverse, if that is negative.
///
/// # Errors
/// `Singular`; `Stopped`.
pub fn power<T: Field>(
    a: &[T],
    n: usize,
    times: i64,
    out: &mut [T],
    room: Room<'_>,
    crew: Crew<'_>,
) -> Result<(), Fault> {
    let (mut base, stack) = zeros::<T>(MemStack::new(room), n * n);
    let (mut spare, stack) = zeros::<T>(stack, n * n);
    if times < 0 {
        let (room, _) = stack.make_uninit::<u8>(lu::inverse_room::<T>(n));
        lu::inverse(a, n, &mut base, room, crew)?;
    } else {
        base.copy_from_slice(a);
    }
    let mut left = times.unsigned_abs();
    let mut is_one = true;
    if left == 0 {
        out.fill(T::default());
        (0..n).for_each(|i| out[i * n + i] = T::near(1.0));
    }
    while left > 0 {
        if left & 1 == 1 {
            if is_one {
                out.copy_from_slice(&base);
                is_one = false;
            } else {
                product(&mut spare, out, &base, n, crew)?;
                out.copy_from_slice(&spare);
            }
        }
        left >>= 1;
        if left > 0 {
            product(&mut spare, &base, &base, n, crew)?;
            base.copy_from_slice(&spare);
        }
    }
    Ok(())
}
