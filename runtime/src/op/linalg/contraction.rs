//! Sums of products over axes with the same letter: `einsum` and `tensordot`, as products of matrices.
//!
//! Operands are contracted two at a time, the pair first that takes the fewest multiplications. Of a pair, letters that
//! both have and somebody still wants count products; those that nobody wants any more are the inner dim; the rest
//! are rows and columns. Where axes lie in memory so that they are one, nothing is copied.
//! Order and sizes follow from the dims alone, and so does what is charged, before anything runs.

use super::gemm::{Sizes, Strided, multiply_each};
use super::norm::zero;
use super::stack::Done;
use crate::object::element::with_elem;
use crate::op::number::Number;
use crate::op::sort::space;
use crate::op::{OpCall, Output, shape_mismatch};
use crate::trap::{TrapCode, TrapError};
use nbc_ir::catalogue::{Extent, Lengths, Subscripts, Work};
use nbc_ir::dims::{Dims, MAX_RANK};

/// Elements between two questions to the host.
const STRETCH: usize = 1 << 16;

/// An axis: its letter, length, and how many elements lie from one to the next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Axis {
    letter: u8,
    len: usize,
    stride: usize,
}

/// Elements with their axes, in any order.
#[derive(Clone)]
struct Operand<'e, T> {
    elements: &'e [T],
    axes: Vec<Axis>,
}

impl<T> Operand<'_, T> {
    fn axis(&self, letter: u8) -> Option<Axis> {
        self.axes.iter().copied().find(|axis| axis.letter == letter)
    }

    fn letters(&self) -> impl Iterator<Item = u8> + '_ {
        self.axes.iter().map(|axis| axis.letter)
    }
}

/// Axes in row-major order.
fn row_major(letters: &[u8], lengths: &Lengths) -> Vec<Axis> {
    let mut stride = 1usize;
    let mut axes: Vec<Axis> = letters
        .iter()
        .rev()
        .map(|letter| {
            let axis = Axis { letter: *letter, len: length(lengths, *letter), stride };
            stride = stride.saturating_mul(axis.len);
            axis
        })
        .collect();
    axes.reverse();
    axes
}

fn length(lengths: &Lengths, letter: u8) -> usize {
    lengths[letter as usize].unwrap_or(1) as usize
}

/// Elements in all.
fn count(letters: &[u8], lengths: &Lengths) -> usize {
    letters.iter().fold(1, |all, letter| all.saturating_mul(length(lengths, *letter)))
}

/// The one stride of axes that follow each other in memory as one, in that order.
fn merged(axes: &[Axis]) -> Option<usize> {
    let mut all = axes.iter().filter(|axis| axis.len != 1).rev();
    let Some(last) = all.next() else { return Some(1) };
    let mut next = last.stride * last.len;
    for axis in all {
        if axis.stride != next {
            return None;
        }
        next = axis.stride * axis.len;
    }
    Some(last.stride)
}

/// Which letters a pair of operands shares in what way.
struct Roles {
    /// Counting products: of both, and wanted.
    batch: Vec<u8>,
    /// The inner dim: of both, and wanted by nobody else.
    inner: Vec<u8>,
    /// Of one alone.
    rows: Vec<u8>,
    columns: Vec<u8>,
}

impl Roles {
    fn of(a: &[u8], b: &[u8], wanted: &dyn Fn(u8) -> bool) -> Roles {
        let both = |want: bool| a.iter().copied().filter(|l| b.contains(l) && wanted(*l) == want).collect();
        Roles {
            batch: both(true),
            inner: both(false),
            rows: a.iter().copied().filter(|l| !b.contains(l)).collect(),
            columns: b.iter().copied().filter(|l| !a.contains(l)).collect(),
        }
    }

    fn result(&self) -> Vec<u8> {
        [&self.batch[..], &self.rows, &self.columns].concat()
    }

    fn multiplications(&self, lengths: &Lengths) -> u64 {
        count(&[&self.result()[..], &self.inner].concat(), lengths) as u64
    }
}

/// One step: operands by their number, as they are left, are contracted, and the result put behind the others.
struct Step {
    pair: (usize, usize),
    roles: Roles,
}

/// What is to be done, and how much that is.
struct Plan {
    steps: Vec<Step>,
    flops: u64,
}

/// The letters of an operand that somebody else wants: others, or the result.
fn needed(of: &[u8], others: &[Vec<u8>], result: &[u8]) -> Vec<u8> {
    let mut letters: Vec<u8> = Vec::new();
    for letter in of {
        let wanted = result.contains(letter) || others.iter().any(|other| other.contains(letter));
        if wanted && !letters.contains(letter) {
            letters.push(*letter);
        }
    }
    letters
}

impl Plan {
    fn new(subscripts: &Subscripts, lengths: &Lengths) -> Plan {
        let mut left: Vec<Vec<u8>> = Vec::new();
        let mut flops = 0u64;
        let all = &subscripts.operands;
        for (at, operand) in all.iter().enumerate() {
            let others = [&all[..at], &all[at + 1..]].concat();
            let kept = needed(operand, &others, &subscripts.result);
            let mut distinct = operand.clone();
            distinct.sort_unstable();
            distinct.dedup();
            flops = flops.saturating_add(count(&distinct, lengths) as u64);
            left.push(kept);
        }
        let mut steps = Vec::new();
        while left.len() > 1 {
            let mut best: Option<(u64, Step)> = None;
            for j in 1..left.len() {
                for i in 0..j {
                    let wanted = |letter: u8| {
                        let others = left.iter().enumerate().filter(|(n, _)| *n != i && *n != j);
                        subscripts.result.contains(&letter)
                            || others.into_iter().any(|(_, o)| o.contains(&letter))
                    };
                    let roles = Roles::of(&left[i], &left[j], &wanted);
                    let cost = roles.multiplications(lengths);
                    if best.as_ref().is_none_or(|(least, _)| cost < *least) {
                        best = Some((cost, Step { pair: (i, j), roles }));
                    }
                }
            }
            let Some((cost, step)) = best else { break };
            // Both factors and the result may be copied besides.
            flops = flops.saturating_add(cost.saturating_mul(2));
            let (i, j) = step.pair;
            left.remove(j);
            left.remove(i);
            left.push(step.roles.result());
            steps.push(step);
        }
        flops = flops.saturating_add(count(&subscripts.result, lengths) as u64);
        Plan { steps, flops }
    }
}

/// A walk through all places of some axes, the last of them fastest: where each is in two memories.
struct Walk {
    lens: Vec<usize>,
    strides: [Vec<usize>; 2],
    index: Vec<usize>,
    at: [usize; 2],
}

impl Walk {
    fn new(axes: &[Axis], other: impl Fn(u8) -> usize) -> Walk {
        Walk {
            lens: axes.iter().map(|a| a.len).collect(),
            strides: [
                axes.iter().map(|a| a.stride).collect(),
                axes.iter().map(|a| other(a.letter)).collect(),
            ],
            index: vec![0; axes.len()],
            at: [0; 2],
        }
    }

    /// Goes on; `false` after the last place, when it is at the first again.
    fn next(&mut self) -> bool {
        for axis in (0..self.lens.len()).rev() {
            self.index[axis] += 1;
            if self.index[axis] < self.lens[axis] {
                (0..2).for_each(|n| self.at[n] += self.strides[n][axis]);
                return true;
            }
            (0..2).for_each(|n| self.at[n] -= self.strides[n][axis] * (self.lens[axis] - 1));
            self.index[axis] = 0;
        }
        false
    }
}

/// Writes into `to`, row-major over `letters`, the sums of the operand over its other axes.
fn summed<T: Number>(call: &mut OpCall<'_>, from: &Operand<'_, T>, letters: &[u8], to: &mut [T]) -> Done {
    let kept: Vec<Axis> = letters.iter().filter_map(|l| from.axis(*l)).collect();
    let gone: Vec<Axis> = from.axes.iter().copied().filter(|a| !letters.contains(&a.letter)).collect();
    let mut outer = Walk::new(&kept, |_| 0);
    let mut inner = Walk::new(&gone, |_| 0);
    let mut seen = 0;
    for to in to.iter_mut() {
        let mut sum = T::ZERO;
        loop {
            sum = sum.add(from.elements[outer.at[0] + inner.at[0]]);
            seen += 1;
            if seen % STRETCH == 0 {
                call.host.poll()?;
            }
            if !inner.next() {
                break;
            }
        }
        *to = sum;
        outer.next();
    }
    Ok(())
}

/// The operand with axes in groups of these letters, each group as one: as it is, if it lies so, or a copy.
fn grouped<'e, T: Number + Default>(
    call: &mut OpCall<'_>,
    from: &Operand<'e, T>,
    groups: [&[u8]; 3],
    lengths: &Lengths,
) -> Result<(&'e [T], [usize; 3]), TrapError> {
    let axes = |letters: &[u8]| letters.iter().filter_map(|l| from.axis(*l)).collect::<Vec<_>>();
    let strides = groups.map(|letters| merged(&axes(letters)));
    if let [Some(x), Some(y), Some(z)] = strides {
        return Ok((from.elements, [x, y, z]));
    }
    let letters = groups.concat();
    let copy = space::<T>(call, count(&letters, lengths))?;
    summed(call, from, &letters, copy)?;
    let [_, y, z] = groups.map(|letters| count(letters, lengths));
    Ok((copy, [y * z, z, 1]))
}

/// Contracts a pair into `to`, whose axes are those given.
fn contract<T: Number + Default>(
    call: &mut OpCall<'_>,
    [a, b]: [&Operand<'_, T>; 2],
    roles: &Roles,
    lengths: &Lengths,
    (to, axes): (*mut T, &[Axis]),
) -> Done {
    let lens = |letters: &[u8]| count(letters, lengths);
    let (batch, m, k, n) = (lens(&roles.batch), lens(&roles.rows), lens(&roles.inner), lens(&roles.columns));
    let place = |letters: &[u8]| {
        let of = |l: &u8| axes.iter().copied().find(|axis| axis.letter == *l);
        merged(&letters.iter().filter_map(of).collect::<Vec<_>>())
    };
    let strides = [place(&roles.batch), place(&roles.rows), place(&roles.columns)];
    let [Some(c_batch), Some(c_row), Some(c_column)] = strides else {
        // In the order of the roles, and then to its place.
        let letters = roles.result();
        let room = space::<T>(call, lens(&letters))?;
        let inner = row_major(&letters, lengths);
        contract(call, [a, b], roles, lengths, (room.as_mut_ptr(), &inner))?;
        let from = Operand { elements: room, axes: inner };
        let order: Vec<u8> = axes.iter().map(|axis| axis.letter).collect();
        // SAFETY: `to` has room for all elements of its axes, which are row-major here, all of them written.
        let to = unsafe { std::slice::from_raw_parts_mut(to, lens(&order)) };
        return summed(call, &from, &order, to);
    };
    let (a, [a_batch, a_row, a_inner]) =
        grouped(call, a, [&roles.batch, &roles.rows, &roles.inner], lengths)?;
    let (b, [b_batch, b_inner, b_column]) =
        grouped(call, b, [&roles.batch, &roles.inner, &roles.columns], lengths)?;
    let starts = Starts([a.as_ptr(), b.as_ptr(), to]);
    let place = |at: usize| {
        let [a, b, c] = starts.get();
        let of = |start: *const T, row, column| Strided { start, row, column, conjugate: false };
        [
            of(a.wrapping_add(at * a_batch), a_row, a_inner),
            of(b.wrapping_add(at * b_batch), b_inner, b_column),
            of(c.wrapping_add(at * c_batch), c_row, c_column),
        ]
    };
    // SAFETY: letters have one length each, so all places lie in the operands and in the room of `to`, of which
    // each belongs to one product; `to` is the caller's alone.
    unsafe { multiply_each(&mut *call.host, batch, Sizes { m, k, n, add: false }, &place) }
}

/// Where both factors and the result begin.
#[derive(Clone, Copy)]
struct Starts<T>([*const T; 3]);

// SAFETY: elements may be sent, and `multiply_each` says who may read and write them.
unsafe impl<T: Send> Sync for Starts<T> {}

impl<T: Copy> Starts<T> {
    fn get(&self) -> [*const T; 3] {
        self.0
    }
}

/// Computes the result `out` of operands that fit the subscripts.
fn run<T: Number + Default>(
    call: &mut OpCall<'_>,
    subscripts: &Subscripts,
    lengths: &Lengths,
    plan: &Plan,
    operands: &[&[T]],
    out: &mut Output<'_, T>,
) -> Done {
    zero(call, &mut *out.elements)?;
    if lengths.contains(&Some(0)) {
        return Ok(());
    }
    let to = out.elements.as_mut_ptr().cast::<T>();
    let axes = row_major(&subscripts.result, lengths);
    let mut left: Vec<Operand<'_, T>> = Vec::new();
    for (at, elements) in operands.iter().enumerate() {
        let letters = &subscripts.operands[at];
        let mut own: Vec<Axis> = Vec::new();
        for axis in row_major(letters, lengths) {
            // A letter twice is the diagonal.
            match own.iter_mut().find(|known| known.letter == axis.letter) {
                Some(known) => known.stride += axis.stride,
                None => own.push(axis),
            }
        }
        let operand = Operand { elements, axes: own };
        let others = [&subscripts.operands[..at], &subscripts.operands[at + 1..]].concat();
        let kept = needed(letters, &others, &subscripts.result);
        if operands.len() == 1 {
            // SAFETY: all elements of the result have been written, and nothing else refers to them.
            let to = unsafe { std::slice::from_raw_parts_mut(to, out.elements.len()) };
            return summed(call, &operand, &subscripts.result, to);
        }
        if operand.letters().count() == kept.len() {
            left.push(operand);
            continue;
        }
        let room = space::<T>(call, count(&kept, lengths))?;
        summed(call, &operand, &kept, room)?;
        left.push(Operand { elements: room, axes: row_major(&kept, lengths) });
    }
    for (n, Step { pair: (i, j), roles }) in plan.steps.iter().enumerate() {
        let b = left.remove(*j);
        let a = left.remove(*i);
        if n + 1 == plan.steps.len() {
            return contract(call, [&a, &b], roles, lengths, (to, &axes));
        }
        let letters = roles.result();
        let room = space::<T>(call, count(&letters, lengths))?;
        let axes = row_major(&letters, lengths);
        contract(call, [&a, &b], roles, lengths, (room.as_mut_ptr(), &axes))?;
        left.push(Operand { elements: room, axes });
    }
    Ok(())
}

/// The whole operation on the tensors from argument `first` on.
fn einsum<T: Number + Default>(
    call: &mut OpCall<'_>,
    subscripts: &Subscripts,
    lengths: &Lengths,
    first: usize,
) -> Done {
    let plan = Plan::new(subscripts, lengths);
    let dims: Vec<u64> = subscripts.result.iter().map(|l| length(lengths, *l) as u64).collect();
    let mut bytes = Extent::new(&dims, size_of::<T>()).bytes;
    let tensors = first..first + subscripts.operands.len();
    let mut elements = 0;
    for at in tensors.clone() {
        bytes = bytes.saturating_add(call.tensor(at).bytes() as u64);
        elements = elements.max(call.tensor(at).len() as u64);
    }
    call.charge_work(elements, Work { flops: plan.flops, bytes: bytes.saturating_mul(2) })?;
    let operands: Vec<&[T]> = tensors.map(|at| call.input::<T>(at)).collect();
    let mut out = call.output_charged::<T>(&dims)?;
    // SAFETY: nothing that is made in there is used behind it.
    unsafe {
        call.with_working_space(|call| run(call, subscripts, lengths, &plan, &operands, &mut out))?;
    }
    // SAFETY: `run` begins with writing every element.
    unsafe { call.finish(out) };
    Ok(())
}

pub(in crate::op) fn linalg_einsum(call: &mut OpCall<'_>) -> Done {
    let wrong = |why: String| TrapError::new(TrapCode::InvalidArgument, format!("einsum: {why}"));
    let subscripts = Subscripts::parse(call.str(0)).map_err(wrong)?;
    if subscripts.operands.len() != call.list_len {
        return Err(wrong(format!(
            "subscripts for {} tensors, {} given",
            subscripts.operands.len(),
            call.list_len
        )));
    }
    let dims: Vec<Dims> = (0..call.list_len).map(|n| call.tensor(1 + n).dims()).collect();
    let fits = subscripts.fit(&dims);
    let (subscripts, lengths) = fits
        .map_err(|why| TrapError::new(TrapCode::ShapeMismatch, format!("einsum {:?}: {why}", call.str(0))))?;
    with_elem!(inexact call.elem(0), T => einsum::<T>(call, &subscripts, &lengths, 1))
}

pub(in crate::op) fn linalg_tensordot(call: &mut OpCall<'_>) -> Done {
    let dims = [call.tensor(0).dims(), call.tensor(1).dims()];
    let count = call.list_len;
    let mut letters = [[0u8; MAX_RANK]; 2];
    for n in 0..count {
        let axes = [call.axis(2 + n, dims[0].len())?, call.axis(2 + count + n, dims[1].len())?];
        if dims[0][axes[0]] != dims[1][axes[1]] {
            let text = format!("{}: axis {} and axis {} differ in length", call.name(), axes[0], axes[1]);
            return Err(shape_mismatch(&text, &dims[0], &dims[1]));
        }
        for (letters, axis) in letters.iter_mut().zip(axes) {
            if letters[axis] != 0 {
                let text = format!("{}: axis {axis} is given twice", call.name());
                return Err(TrapError::new(TrapCode::InvalidArgument, text));
            }
            letters[axis] = b'a' + n as u8;
        }
    }
    // All others are the result's, in their order.
    let mut next = b'A';
    let mut result = Vec::new();
    for (letters, dims) in letters.iter_mut().zip(&dims) {
        for letter in letters[..dims.len()].iter_mut().filter(|l| **l == 0) {
            *letter = next;
            result.push(next);
            next += 1;
        }
    }
    if result.len() > MAX_RANK {
        let text =
            format!("{}: the result has {} dims; a tensor has at most {MAX_RANK}", call.name(), result.len());
        return Err(TrapError::new(TrapCode::InvalidArgument, text));
    }
    let operands = [0, 1].map(|n: usize| letters[n][..dims[n].len()].to_vec()).to_vec();
    let subscripts = Subscripts { operands, result };
    let (subscripts, lengths) =
        subscripts.fit(&dims).map_err(|why| TrapError::new(TrapCode::ShapeMismatch, why))?;
    with_elem!(inexact call.elem(0), T => einsum::<T>(call, &subscripts, &lengths, 0))
}
