//! Definitions made to run: on one number, or over slices, at each width.
//!
//! A kernel reads elements a vector at a time, and writes a vector before it
//! reads the next: so the result may lie where an argument does. Elements at the
//! end, fewer than a vector, go through one that is filled up.

use crate::functions::{Function, Function2};
use crate::lanes::{Memory, Portable};
use crate::level::{Level, level};

/// Numbers that functions are defined for. Singles are computed as doubles and rounded.
pub trait Element: Copy + 'static {
    /// Zero.
    const ZERO: Self;
    /// Whether these are singles.
    const SINGLE: bool;
    /// Reads a vector of them.
    ///
    /// # Safety
    /// As for [`Memory::load`].
    unsafe fn load<L: Memory>(from: *const Self) -> L;
    /// Writes a vector of them.
    ///
    /// # Safety
    /// As for [`Memory::store`].
    unsafe fn store<L: Memory>(to: *mut Self, lanes: L);
}

impl Element for f64 {
    const ZERO: f64 = 0.0;
    const SINGLE: bool = false;
    #[inline(always)]
    unsafe fn load<L: Memory>(from: *const f64) -> L {
        // SAFETY: upheld by the caller.
        unsafe { L::load(from) }
    }
    #[inline(always)]
    unsafe fn store<L: Memory>(to: *mut f64, lanes: L) {
        // SAFETY: upheld by the caller.
        unsafe { lanes.store(to) }
    }
}

impl Element for f32 {
    const ZERO: f32 = 0.0;
    const SINGLE: bool = true;
    #[inline(always)]
    unsafe fn load<L: Memory>(from: *const f32) -> L {
        // SAFETY: upheld by the caller.
        unsafe { L::load_singles(from) }
    }
    #[inline(always)]
    unsafe fn store<L: Memory>(to: *mut f32, lanes: L) {
        // SAFETY: upheld by the caller.
        unsafe { lanes.store_singles(to) }
    }
}

/// A function over elements: from, to, how many.
///
/// # Safety
/// So many elements have to be there to be read and written. Where both lie in the same memory, an
/// element has to lie where its result goes.
pub type Kernel<T> = unsafe fn(*const T, *mut T, usize);

/// A function of two over elements: the first's, the second's, to, how many. An argument that is not
/// whole is one element, for all.
///
/// # Safety
/// As for [`Kernel`].
pub type Kernel2<T> = unsafe fn(*const T, *const T, *mut T, usize);

/// A function of one number.
///
/// # Safety
/// For this processor only.
pub type Scalar1<T> = unsafe extern "C" fn(T) -> T;
/// A function of two numbers.
///
/// # Safety
/// For this processor only.
pub type Scalar2<T> = unsafe extern "C" fn(T, T) -> T;

/// The value where the common part holds, and whether it does in all lanes.
#[inline(always)]
fn common<T: Element, L: Memory, F: Function>(x: L) -> (L, bool) {
    if T::SINGLE {
        (F::common_single(x), L::all(F::is_common_single(x)))
    } else {
        (F::common(x), L::all(F::is_common(x)))
    }
}

/// The value, whichever part holds in a lane.
#[inline(always)]
fn value<T: Element, L: Memory, F: Function>(x: L) -> L {
    if T::SINGLE {
        L::select(F::is_common_single(x), F::common_single(x), F::rare(x))
    } else {
        L::select(F::is_common(x), F::common(x), F::rare(x))
    }
}

/// As [`common`].
#[inline(always)]
fn common2<T: Element, L: Memory, F: Function2>(x: L, y: L) -> (L, bool) {
    if T::SINGLE {
        (F::common_single(x, y), L::all(F::is_common_single(x, y)))
    } else {
        (F::common(x, y), L::all(F::is_common(x, y)))
    }
}

/// As [`value`].
#[inline(always)]
fn value2<T: Element, L: Memory, F: Function2>(x: L, y: L) -> L {
    if T::SINGLE {
        L::select(F::is_common_single(x, y), F::common_single(x, y), F::rare(x, y))
    } else {
        L::select(F::is_common(x, y), F::common(x, y), F::rare(x, y))
    }
}

/// A vector of which not all lanes are common: out of the way of the loop, which keeps its numbers in registers.
type Rare<T> = unsafe fn(*const T, *mut T);
type Rare2<T> = unsafe fn(*const T, *const T, *mut T);

/// # Safety
/// As for [`Kernel`], and the processor has to have what the lanes need.
#[inline(always)]
unsafe fn each<T: Element, L: Memory, F: Function>(from: *const T, to: *mut T, n: usize, rare: Rare<T>) {
    let whole = n - n % L::LANES;
    for at in (0..whole).step_by(L::LANES) {
        // SAFETY: upheld by the caller.
        unsafe { vector::<T, L, F>(T::load(from.add(at)), to.add(at), rare) };
    }
    if whole < n {
        // The widest vector has eight.
        let mut end = [T::ZERO; 8];
        // SAFETY: upheld by the caller; a vector fits.
        unsafe {
            std::ptr::copy_nonoverlapping(from.add(whole), end.as_mut_ptr(), n - whole);
            vector::<T, L, F>(T::load(end.as_ptr()), end.as_mut_ptr(), rare);
            std::ptr::copy_nonoverlapping(end.as_ptr(), to.add(whole), n - whole);
        }
    }
}

/// Writes the value of a vector.
///
/// # Safety
/// As for [`each`].
#[inline(always)]
unsafe fn vector<T: Element, L: Memory, F: Function>(x: L, to: *mut T, rare: Rare<T>) {
    let (y, is_common) = common::<T, L, F>(x);
    // SAFETY: upheld by the caller; a vector fits.
    unsafe {
        if is_common {
            T::store(to, y);
        } else {
            let mut kept = [T::ZERO; 8];
            T::store(kept.as_mut_ptr(), x);
            rare(kept.as_ptr(), to);
        }
    }
}

/// # Safety
/// As for [`each`].
#[inline(always)]
unsafe fn vector2<T: Element, L: Memory, F: Function2>(x: L, y: L, to: *mut T, rare: Rare2<T>) {
    let (z, is_common) = common2::<T, L, F>(x, y);
    // SAFETY: upheld by the caller; a vector fits.
    unsafe {
        if is_common {
            T::store(to, z);
        } else {
            let (mut kept_x, mut kept_y) = ([T::ZERO; 8], [T::ZERO; 8]);
            T::store(kept_x.as_mut_ptr(), x);
            T::store(kept_y.as_mut_ptr(), y);
            rare(kept_x.as_ptr(), kept_y.as_ptr(), to);
        }
    }
}

/// # Safety
/// As for [`each`].
#[inline(always)]
unsafe fn each2<T: Element, L: Memory, F: Function2, const A: bool, const B: bool>(
    a: *const T,
    b: *const T,
    to: *mut T,
    n: usize,
    rare: Rare2<T>,
) {
    if n == 0 {
        return;
    }
    // An argument for all is read first, as its place may be written.
    // SAFETY: upheld by the caller.
    let for_all = unsafe { (T::load::<L>([a.read(); 8].as_ptr()), T::load::<L>([b.read(); 8].as_ptr())) };
    let whole = n - n % L::LANES;
    for at in (0..whole).step_by(L::LANES) {
        // SAFETY: upheld by the caller.
        unsafe {
            let x = if A { T::load(a.add(at)) } else { for_all.0 };
            let y = if B { T::load(b.add(at)) } else { for_all.1 };
            vector2::<T, L, F>(x, y, to.add(at), rare);
        }
    }
    if whole < n {
        let rest = n - whole;
        let (mut x, mut y) = ([T::ZERO; 8], [T::ZERO; 8]);
        // SAFETY: upheld by the caller; a vector fits.
        unsafe {
            if A {
                std::ptr::copy_nonoverlapping(a.add(whole), x.as_mut_ptr(), rest);
            }
            if B {
                std::ptr::copy_nonoverlapping(b.add(whole), y.as_mut_ptr(), rest);
            }
            let lanes_x = if A { T::load(x.as_ptr()) } else { for_all.0 };
            let lanes_y = if B { T::load(y.as_ptr()) } else { for_all.1 };
            vector2::<T, L, F>(lanes_x, lanes_y, x.as_mut_ptr(), rare);
            std::ptr::copy_nonoverlapping(x.as_ptr(), to.add(whole), rest);
        }
    }
}

/// One number: as a vector of one.
///
/// # Safety
/// The processor has to have what the lanes need.
#[inline(always)]
unsafe fn one<T: Element, L: Memory, F: Function>(x: T, rare: unsafe extern "C" fn(T) -> T) -> T {
    // SAFETY: one number is there; upheld by the caller.
    unsafe {
        let (value, is_common) = common::<T, L, F>(T::load(&x));
        if !is_common {
            return rare(x);
        }
        let mut y = T::ZERO;
        T::store(&mut y, value);
        y
    }
}

/// # Safety
/// As for [`one`].
#[inline(always)]
unsafe fn one2<T: Element, L: Memory, F: Function2>(x: T, y: T, rare: unsafe extern "C" fn(T, T) -> T) -> T {
    // SAFETY: one number is there; upheld by the caller.
    unsafe {
        let (value, is_common) = common2::<T, L, F>(T::load(&x), T::load(&y));
        if !is_common {
            return rare(x, y);
        }
        let mut z = T::ZERO;
        T::store(&mut z, value);
        z
    }
}

/// Kernels at one level.
macro_rules! kernels {
    ($name:ident $lanes:ty $(, $features:literal)?) => {
        mod $name {
            use super::*;

            $(#[target_feature(enable = $features)])?
            #[cold]
            #[inline(never)]
            unsafe fn rare<T: Element, F: Function>(from: *const T, to: *mut T) {
                // SAFETY: upheld by the caller.
                unsafe { T::store(to, value::<T, $lanes, F>(T::load(from))) }
            }
            $(#[target_feature(enable = $features)])?
            #[cold]
            #[inline(never)]
            unsafe fn rare2<T: Element, F: Function2>(a: *const T, b: *const T, to: *mut T) {
                // SAFETY: upheld by the caller.
                unsafe { T::store(to, value2::<T, $lanes, F>(T::load(a), T::load(b))) }
            }
            $(#[target_feature(enable = $features)])?
            pub(super) unsafe fn kernel<T: Element, F: Function>(from: *const T, to: *mut T, n: usize) {
                // SAFETY: upheld by the caller; what the lanes need is enabled.
                unsafe { each::<T, $lanes, F>(from, to, n, rare::<T, F>) }
            }
            $(#[target_feature(enable = $features)])?
            pub(super) unsafe fn kernel2<T: Element, F: Function2, const A: bool, const B: bool>(
                a: *const T,
                b: *const T,
                to: *mut T,
                n: usize,
            ) {
                // SAFETY: upheld by the caller; what the lanes need is enabled.
                unsafe { each2::<T, $lanes, F, A, B>(a, b, to, n, rare2::<T, F>) }
            }
        }
    };
}
kernels!(portable Portable);
#[cfg(target_arch = "x86_64")]
kernels!(avx2 crate::lanes::x86::F64x4, "avx2,fma");
#[cfg(target_arch = "x86_64")]
kernels!(avx512 crate::lanes::x86::F64x8, "avx2,fma,avx512f");

/// Functions of one number, and of one pair.
macro_rules! alone {
    ($name:ident $lanes:ty $(, $features:literal)?) => {
        mod $name {
            use super::*;

            $(#[target_feature(enable = $features)])?
            #[cold]
            #[inline(never)]
            unsafe extern "C" fn rare_alone<T: Element, F: Function>(x: T) -> T {
                let mut y = T::ZERO;
                // SAFETY: upheld by the caller.
                unsafe { T::store(&mut y, value::<T, $lanes, F>(T::load(&x))) };
                y
            }
            $(#[target_feature(enable = $features)])?
            #[cold]
            #[inline(never)]
            unsafe extern "C" fn rare_alone2<T: Element, F: Function2>(x: T, y: T) -> T {
                let mut z = T::ZERO;
                // SAFETY: upheld by the caller.
                unsafe { T::store(&mut z, value2::<T, $lanes, F>(T::load(&x), T::load(&y))) };
                z
            }
            // The C calling convention, so that compiled code can call them.
            $(#[target_feature(enable = $features)])?
            pub(super) unsafe extern "C" fn alone<T: Element, F: Function>(x: T) -> T {
                // SAFETY: upheld by the caller; what the lanes need is enabled.
                unsafe { one::<T, $lanes, F>(x, rare_alone::<T, F>) }
            }
            $(#[target_feature(enable = $features)])?
            pub(super) unsafe extern "C" fn alone2<T: Element, F: Function2>(x: T, y: T) -> T {
                // SAFETY: upheld by the caller; what the lanes need is enabled.
                unsafe { one2::<T, $lanes, F>(x, y, rare_alone2::<T, F>) }
            }
        }
    };
}
alone!(portable_alone Portable);
#[cfg(target_arch = "x86_64")]
alone!(fused_alone crate::lanes::Fused, "avx2,fma");

/// The function over elements at a level, which the processor must have.
pub fn kernel<T: Element, F: Function>(at: Level) -> Kernel<T> {
    assert!(at <= level(), "the processor has no {at:?}");
    match at {
        #[cfg(target_arch = "x86_64")]
        Level::Avx512 => avx512::kernel::<T, F>,
        #[cfg(target_arch = "x86_64")]
        Level::Avx2 => avx2::kernel::<T, F>,
        _ => portable::kernel::<T, F>,
    }
}

/// As [`kernel`]; `whole` says which arguments are an element for each result.
pub fn kernel2<T: Element, F: Function2>(at: Level, whole: [bool; 2]) -> Kernel2<T> {
    fn choose<T: Element, F: Function2, const A: bool, const B: bool>(at: Level) -> Kernel2<T> {
        match at {
            #[cfg(target_arch = "x86_64")]
            Level::Avx512 => avx512::kernel2::<T, F, A, B>,
            #[cfg(target_arch = "x86_64")]
            Level::Avx2 => avx2::kernel2::<T, F, A, B>,
            _ => portable::kernel2::<T, F, A, B>,
        }
    }
    assert!(at <= level(), "the processor has no {at:?}");
    match whole {
        [true, true] => choose::<T, F, true, true>(at),
        [true, false] => choose::<T, F, true, false>(at),
        // With one element for all on both sides there is one result for all, computed again and again.
        [false, true] => choose::<T, F, false, true>(at),
        [false, false] => choose::<T, F, false, false>(at),
    }
}

/// The function of one number, at the processor's level.
#[inline]
pub fn scalar<T: Element, F: Function>() -> Scalar1<T> {
    #[cfg(target_arch = "x86_64")]
    if level() >= Level::Avx2 {
        return fused_alone::alone::<T, F>;
    }
    portable_alone::alone::<T, F>
}

/// The function of two numbers, at the processor's level.
#[inline]
pub fn scalar2<T: Element, F: Function2>() -> Scalar2<T> {
    #[cfg(target_arch = "x86_64")]
    if level() >= Level::Avx2 {
        return fused_alone::alone2::<T, F>;
    }
    portable_alone::alone2::<T, F>
}

#[cfg(target_arch = "x86_64")]
type Register = std::arch::x86_64::__m128d;

/// The function of two doubles at once, where processors of this kind have registers of two.
#[cfg(target_arch = "x86_64")]
#[allow(improper_ctypes_definitions)] // in a register, as the System V convention has it
pub type Two = unsafe extern "C" fn(Register) -> Register;
/// The function of two pairs of doubles at once.
#[cfg(target_arch = "x86_64")]
#[allow(improper_ctypes_definitions)] // as above
pub type Two2 = unsafe extern "C" fn(Register, Register) -> Register;

#[cfg(target_arch = "x86_64")]
#[allow(improper_ctypes_definitions)] // as above
mod two {
    use super::*;
    use crate::lanes::x86::F64x2;
    use std::arch::x86_64::__m128d;

    #[target_feature(enable = "avx2,fma")]
    #[cold]
    #[inline(never)]
    unsafe extern "C" fn rare<F: Function>(x: __m128d) -> __m128d {
        value::<f64, F64x2, F>(F64x2::of_register(x)).register()
    }
    #[target_feature(enable = "avx2,fma")]
    #[cold]
    #[inline(never)]
    unsafe extern "C" fn rare2<F: Function2>(x: __m128d, y: __m128d) -> __m128d {
        value2::<f64, F64x2, F>(F64x2::of_register(x), F64x2::of_register(y)).register()
    }
    #[target_feature(enable = "avx2,fma")]
    pub(super) unsafe extern "C" fn two<F: Function>(x: __m128d) -> __m128d {
        let (value, is_common) = common::<f64, F64x2, F>(F64x2::of_register(x));
        // SAFETY: the features are enabled.
        if is_common { value.register() } else { unsafe { rare::<F>(x) } }
    }
    #[target_feature(enable = "avx2,fma")]
    pub(super) unsafe extern "C" fn two2<F: Function2>(x: __m128d, y: __m128d) -> __m128d {
        let (value, is_common) = common2::<f64, F64x2, F>(F64x2::of_register(x), F64x2::of_register(y));
        // SAFETY: the features are enabled.
        if is_common { value.register() } else { unsafe { rare2::<F>(x, y) } }
    }
}

/// The function of two doubles, if the processor's level has one.
#[cfg(target_arch = "x86_64")]
pub fn two<F: Function>() -> Option<Two> {
    (level() >= Level::Avx2).then_some(two::two::<F> as Two)
}

/// The function of two pairs of doubles, if the processor's level has one.
#[cfg(target_arch = "x86_64")]
pub fn two2<F: Function2>() -> Option<Two2> {
    (level() >= Level::Avx2).then_some(two::two2::<F> as Two2)
}

/// The function of a number.
#[inline]
pub fn of<F: Function, T: Element>(x: T) -> T {
    // SAFETY: the processor has what its level needs.
    unsafe { scalar::<T, F>()(x) }
}

/// The function of two numbers.
#[inline]
pub fn of2<F: Function2, T: Element>(x: T, y: T) -> T {
    // SAFETY: the processor has what its level needs.
    unsafe { scalar2::<T, F>()(x, y) }
}

/// The function of two doubles at once, if the processor's level has that.
#[cfg(target_arch = "x86_64")]
pub fn two_of<F: Function>(x: [f64; 2]) -> Option<[f64; 2]> {
    let function = two::<F>()?;
    // SAFETY: the processor has what its level needs.
    Some(doubles(unsafe { function(register(x)) }))
}

/// The function of two pairs of doubles at once, if the processor's level has that.
#[cfg(target_arch = "x86_64")]
pub fn two_of2<F: Function2>(x: [f64; 2], y: [f64; 2]) -> Option<[f64; 2]> {
    let function = two2::<F>()?;
    // SAFETY: the processor has what its level needs.
    Some(doubles(unsafe { function(register(x), register(y)) }))
}

#[cfg(target_arch = "x86_64")]
fn register(x: [f64; 2]) -> Register {
    // SAFETY: a register is two doubles.
    unsafe { std::mem::transmute::<[f64; 2], Register>(x) }
}

#[cfg(target_arch = "x86_64")]
fn doubles(x: Register) -> [f64; 2] {
    // SAFETY: as above.
    unsafe { std::mem::transmute::<Register, [f64; 2]>(x) }
}

/// An argument over elements.
#[derive(Clone, Copy, Debug)]
pub enum Argument<'a, T> {
    /// An element for each result.
    Each(&'a [T]),
    /// One element for all.
    One(T),
    /// What lies where the results go.
    Place,
}

impl<T: Element> Argument<'_, T> {
    /// Where it is, and whether there is an element for each result.
    fn at(&self, place: *const T, count: usize) -> (*const T, bool) {
        match self {
            Argument::Each(elements) => {
                assert_eq!(elements.len(), count, "slices have different lengths");
                (elements.as_ptr(), true)
            }
            Argument::One(element) => (element, false),
            Argument::Place => (place, true),
        }
    }
}

/// The function of each element of `from`, to the place of the same number in `to`.
///
/// # Panics
/// Where lengths differ.
pub fn over<F: Function, T: Element>(from: &[T], to: &mut [T]) {
    over_at::<F, T>(level(), Argument::Each(from), to);
}

/// As [`over`], at a level.
///
/// # Panics
/// Where lengths differ, or the processor has not what the level needs.
pub fn over_at<F: Function, T: Element>(at: Level, from: Argument<'_, T>, to: &mut [T]) {
    let place = to.as_mut_ptr();
    let (from, whole) = from.at(place, to.len());
    if !whole {
        // SAFETY: one element is there.
        to.fill(unsafe { from.read() });
    }
    // SAFETY: both have so many elements, and are apart or the same.
    unsafe { kernel::<T, F>(at)(if whole { from } else { place }, place, to.len()) }
}

/// The function of each pair of elements, to the place of the same number in `to`.
///
/// # Panics
/// Where lengths differ.
pub fn over2<F: Function2, T: Element>(a: &[T], b: &[T], to: &mut [T]) {
    over2_at::<F, T>(level(), Argument::Each(a), Argument::Each(b), to);
}

/// As [`over2`], at a level.
///
/// # Panics
/// Where lengths differ, or the processor has not what the level needs.
pub fn over2_at<F: Function2, T: Element>(at: Level, a: Argument<'_, T>, b: Argument<'_, T>, to: &mut [T]) {
    let place = to.as_mut_ptr();
    let ((a, whole_a), (b, whole_b)) = (a.at(place, to.len()), b.at(place, to.len()));
    // SAFETY: all have so many elements or are one for all, and are apart from `to` or the same.
    unsafe { kernel2::<T, F>(at, [whole_a, whole_b])(a, b, place, to.len()) }
}
