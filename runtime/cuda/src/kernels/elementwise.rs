//! Elementwise operations, with broadcasting: shapes made simple, and the text of a kernel for what is left.

use super::{ELEMENTS, Recipe, c_type, mathematics};
use nbc_ir::Elem;
use std::fmt::Write;

/// How an argument is read.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Reading {
    /// It is a parameter: one element for all.
    Value,
    /// One element in the device's memory for all.
    One,
    /// An element for each of the result.
    Same,
    /// By strides along the axes that are left.
    Strided,
}

/// What a kernel is written for, besides operation and elements.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Layout {
    /// How each argument is read.
    pub(crate) readings: Vec<Reading>,
    /// Axes that are left; 0 where nothing is strided.
    pub(crate) rank: usize,
}

/// Dims and strides after axes that go together have been made one.
#[derive(Debug)]
pub(crate) struct Walk {
    pub(crate) dims: Vec<u64>,
    /// Of each argument, for each of the dims.
    pub(crate) strides: Vec<Vec<u64>>,
}

impl Walk {
    /// For a result of `dims` and arguments of those dims, which go with it.
    pub(crate) fn new(dims: &[u64], args: &[&[u64]]) -> Walk {
        let mut walk = Walk { dims: Vec::new(), strides: vec![Vec::new(); args.len()] };
        // From the last axis on; strides are those of row-major elements, or 0 where one is repeated.
        let mut step = vec![1; args.len()];
        let mut last: Option<u64> = None;
        for (from_last, dim) in dims.iter().rev().enumerate() {
            let strides: Vec<u64> = args
                .iter()
                .zip(&mut step)
                .map(|(arg, step)| {
                    let own = arg.iter().rev().nth(from_last).copied().unwrap_or(1);
                    let stride = if own == 1 { 0 } else { *step };
                    *step *= own;
                    stride
                })
                .collect();
            if *dim == 1 {
                continue;
            }
            let goes_on =
                |at: usize, inner: u64| walk.strides[at].last().is_some_and(|s| strides[at] == s * inner);
            match last {
                Some(inner) if (0..args.len()).all(|at| goes_on(at, inner)) => {
                    let merged = walk.dims.last_mut().expect("one is there");
                    *merged *= dim;
                    last = Some(*merged);
                }
                _ => {
                    walk.dims.push(*dim);
                    walk.strides.iter_mut().zip(&strides).for_each(|(all, s)| all.push(*s));
                    last = Some(*dim);
                }
            }
        }
        walk.dims.reverse();
        walk.strides.iter_mut().for_each(|strides| strides.reverse());
        walk
    }

    /// How argument `at` is read, if it is in the device's memory.
    pub(crate) fn reading(&self, at: usize) -> Reading {
        let strides = &self.strides[at];
        match self.dims.len() {
            _ if strides.iter().all(|s| *s == 0) => Reading::One,
            1 => Reading::Same,
            _ => {
                let mut all = 1;
                let is_whole = self.dims.iter().zip(strides).rev().all(|(dim, stride)| {
                    let fits = *stride == all;
                    all *= dim;
                    fits
                });
                if is_whole { Reading::Same } else { Reading::Strided }
            }
        }
    }
}

/// The expression of one element, and what has to stand before the kernel for it.
fn expression(recipe: Recipe, args: &[Elem], result: Elem) -> (String, String) {
    let all: Vec<&str> = ["a", "b", "c"].into_iter().take(args.len()).collect();
    let all = all.join(", ");
    match recipe {
        Recipe::Each(function) => (format!("{function}({all})"), String::new()),
        Recipe::Convert => (format!("nbc_to<{}>::of(a)", c_type(result)), String::new()),
        Recipe::Function(name) => {
            let of = c_type(result);
            (format!("nbc_{name}_{of}({all})"), mathematics::text(name, of))
        }
        Recipe::OfParts(name, swapped) => {
            let of = c_type(result);
            let parts = if swapped { "a.im, a.re" } else { "a.re, a.im" };
            (format!("nbc_{name}_{of}({parts})"), mathematics::text(name, of))
        }
        Recipe::Fold(_) | Recipe::Best(_) | Recipe::MatMul => unreachable!("not elementwise"),
    }
}

/// The kernel `nbc_each`. Its parameters: the result, the arguments, the number of elements, and where something is
/// strided the dims and each strided argument's strides.
pub(crate) fn text(recipe: Recipe, args: &[Elem], result: Elem, layout: &Layout) -> String {
    let (expression, before) = expression(recipe, args, result);
    let (mut params, mut walk, mut reads) = (String::new(), String::new(), String::new());
    let of = c_type(result);
    for (at, (elem, reading)) in args.iter().zip(&layout.readings).enumerate() {
        let (name, elem) = (["a", "b", "c"][at], c_type(*elem));
        match reading {
            Reading::Value => write!(params, ", {elem} {name}"),
            _ => write!(params, ", const {elem} *p{name}"),
        }
        .expect("a string takes all");
        match reading {
            Reading::Value => Ok(()),
            Reading::One => writeln!(reads, "    {elem} {name} = *p{name};"),
            Reading::Same => writeln!(reads, "    {elem} {name} = p{name}[i];"),
            Reading::Strided => writeln!(reads, "    {elem} {name} = p{name}[at_{name}];"),
        }
        .expect("a string takes all");
    }
    let strided: Vec<&str> = ["a", "b", "c"]
        .into_iter()
        .zip(&layout.readings)
        .filter_map(|(name, reading)| (*reading == Reading::Strided).then_some(name))
        .collect();
    let mut more = String::new();
    if layout.rank > 0 {
        walk.push_str("    i64 left = i, index;\n");
        strided.iter().for_each(|name| walk += &format!("    i64 at_{name} = 0;\n"));
        (0..layout.rank).for_each(|axis| more += &format!(", i64 d{axis}"));
        for name in &strided {
            (0..layout.rank).for_each(|axis| more += &format!(", i64 {name}{axis}"));
        }
        for axis in (0..layout.rank).rev() {
            walk += &format!("    index = left % d{axis};\n    left /= d{axis};\n");
            strided.iter().for_each(|name| walk += &format!("    at_{name} += index * {name}{axis};\n"));
        }
    }
    format!(
        "{ELEMENTS}{before}\
         extern \"C\" __global__ void __launch_bounds__(256) nbc_each({of} *to{params}, i64 n{more}) {{\n  \
         for (i64 i = (i64)blockIdx.x * 256 + threadIdx.x; i < n; i += (i64)gridDim.x * 256) {{\n\
         {walk}{reads}    to[i] = {expression};\n  }}\n}}\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_that_go_together_are_one() {
        let walk = Walk::new(&[4, 5, 6], &[&[4, 5, 6], &[5, 6], &[6], &[4, 1, 1], &[]]);
        assert_eq!(walk.dims, [4, 5, 6]);
        let walk = Walk::new(&[4, 5, 6], &[&[4, 5, 6], &[5, 6], &[]]);
        assert_eq!(walk.dims, [4, 30]);
        assert_eq!(walk.strides, [vec![30, 1], vec![0, 1], vec![0, 0]]);
        let readings: Vec<Reading> = (0..3).map(|at| walk.reading(at)).collect();
        assert_eq!(readings, [Reading::Same, Reading::Strided, Reading::One]);
        let walk = Walk::new(&[4, 1, 6], &[&[4, 1, 6], &[1]]);
        assert_eq!(walk.dims, [24]);
        assert_eq!((walk.reading(0), walk.reading(1)), (Reading::Same, Reading::One));
    }
}
