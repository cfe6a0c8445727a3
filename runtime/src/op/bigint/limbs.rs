//! Rows of limbs: many numbers of one size, in a tensor of i64 whose bits count as unsigned.
//!
//! Groups of rows are computed on all cores where that pays. Each has room of its own, of which there are as many as
//! memory for few allows: how many follows from sizes alone, so that limits do not depend on threads.

use super::{Done, charge, invalid, of_ref, work_of};
use crate::object::{BigIntRef, ListRef, TensorRef};
use crate::op::offer::{Charge, Charged, Offer, Offers};
use crate::op::sort::space;
use crate::op::work::{Leave, Rooms, Shared, in_pieces};
use crate::op::{OpCall, Output, shape_mismatch};
use crate::trap::{TrapCode, TrapError};
use nbc_ir::dims::Dims;
use nbc_ir::{Elem, Item, Type};
use nbc_numerics::bigint::rows::{self, GROUP, Rows};
use nbc_numerics::bigint::{Halt, Pace, gcd, modular, multiply, natural};
use std::mem::MaybeUninit;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Rooms there are at most, and limbs of all of them, but for one.
const MOST_ROOMS: usize = 64;
const MOST_LIMBS: usize = 1 << 20;

/// Limbs between two questions to the host, about.
const BLOCK: usize = 1 << 16;

/// The elements of a tensor, as unsigned limbs.
fn limbs_of<'a>(tensor: TensorRef) -> &'a [u64] {
    // SAFETY: arguments live as long as the operation and nothing writes them; an i64 has the bits of a u64.
    unsafe { std::slice::from_raw_parts(tensor.data().cast::<u64>(), tensor.len()) }
}

/// Dims of argument `at`: rows and limbs. One number for all rows has rank 1.
fn rows_of<'a>(call: &mut OpCall<'a>, at: usize) -> Result<(Option<u64>, usize, &'a [u64]), TrapError> {
    let (tensor, name) = (call.tensor(at), call.name());
    let dims = tensor.dims();
    let (count, len) = match *dims {
        [len] => (None, len),
        [count, len] => (Some(count), len),
        _ => {
            let text = format!("{name} wants rows of limbs, a tensor of rank 2, found dims {:?}", &dims[..]);
            return Err(TrapError::new(TrapCode::RankMismatch, text));
        }
    };
    if len == 0 || len > MOST_LIMBS as u64 {
        return Err(invalid(format!("{name}: rows of {len} limbs; there are from 1 to {MOST_LIMBS}")));
    }
    Ok((count, len as usize, limbs_of(tensor)))
}

/// Argument `at` as the numbers of so many rows, of `len` limbs unless that is not said.
fn operand<'a>(
    call: &mut OpCall<'a>,
    at: usize,
    (count, len): (u64, Option<usize>),
) -> Result<Rows<'a>, TrapError> {
    let (rows, limbs, all) = rows_of(call, at)?;
    if rows.is_some_and(|rows| rows != count) || len.is_some_and(|len| len != limbs) {
        let (name, a, b) = (call.name(), call.tensor(0).dims(), call.tensor(at).dims());
        return Err(shape_mismatch(&format!("rows of {name} do not go together"), &a, &b));
    }
    Ok(Rows::new(all, limbs, rows.is_none()))
}

/// What it takes to look at an operand.
fn looking(rows: &Rows<'_>, count: usize) -> Charge {
    work_of(0, rows.count().min(count).saturating_mul(rows.limbs()))
}

/// Charges for looking at an operand.
fn charge_looking(call: &mut OpCall<'_>, rows: &Rows<'_>, count: usize) -> Done {
    let (limbs, work) = looking(rows, count);
    call.charge_work(limbs, work)
}

/// Calls `see` with the rows of an operand, some at a time; the host is asked in between.
fn look(
    call: &mut OpCall<'_>,
    rows: &Rows<'_>,
    count: usize,
    mut see: impl FnMut(&mut OpCall<'_>, Range<usize>) -> Done,
) -> Done {
    let (count, block) = (rows.count().min(count), (BLOCK / rows.limbs()).max(1));
    for start in (0..count).step_by(block) {
        call.host.poll()?;
        see(call, start..count.min(start + block))?;
    }
    Ok(())
}

/// The trap of the first modulus that is 0, if any is.
fn check_moduli(call: &mut OpCall<'_>, moduli: &Rows<'_>, count: usize) -> Done {
    charge_looking(call, moduli, count)?;
    look(call, moduli, count, |call, mut rows| {
        match rows.find(|row| natural::trimmed(moduli.row(*row)).is_empty()) {
            None => Ok(()),
            Some(row) => {
                let text = format!("{}: the modulus of row {row} is 0", call.name());
                Err(TrapError::new(TrapCode::DivideByZero, text))
            }
        }
    })
}

/// Bits of the longest exponent: all rows of a group take as long as its.
fn longest(call: &mut OpCall<'_>, exponents: &Rows<'_>, count: usize) -> Result<u64, TrapError> {
    let mut bits = 0;
    look(call, exponents, count, |_, rows| {
        bits = rows.fold(bits, |bits: u64, row| bits.max(natural::bit_length(exponents.row(row))));
        Ok(())
    })?;
    Ok(bits)
}

/// What so many rows of so many limbs take that are made by `steps` steps each.
fn making(count: usize, len: usize, steps: u64) -> Charge {
    work_of(steps.saturating_mul(count as u64), count.saturating_mul(len).saturating_mul(4))
}

/// How many rooms of so many limbs there are for so many groups.
fn rooms_of(groups: usize, room: usize) -> usize {
    (MOST_LIMBS / room.max(1)).clamp(1, MOST_ROOMS).min(groups)
}

/// Bytes of all rooms of so many limbs, for so many rows.
fn room_of(count: usize, room: usize) -> [usize; 2] {
    let rooms = rooms_of(count.div_ceil(GROUP), room);
    [room.saturating_mul(rooms).saturating_mul(size_of::<u64>()), 0]
}

/// About how many steps a product takes.
fn product_steps(len: usize) -> u64 {
    modular::Modulus::steps(len).saturating_add(multiply::steps(len, len))
}

/// How a device is asked for them. What it does takes odd moduli, by Montgomery's method.
pub(in crate::op) const OFFERS: Offers = &[
    ("limbs_mod_mul", Offer { dims: as_the_first, charges: Some(of_products) }),
    ("limbs_mod_pow", Offer { dims: as_the_first, charges: Some(of_powers) }),
];

/// Dims of rows, which the result has too.
fn as_the_first(call: &mut OpCall<'_>) -> Result<Option<Dims>, TrapError> {
    first(call)?;
    Ok(Some(call.tensor(0).dims()))
}

/// Whether all moduli are odd; the kernel knows what is wrong with one that is 0.
fn are_odd(call: &mut OpCall<'_>, moduli: &Rows<'_>, count: usize) -> Result<bool, TrapError> {
    let mut odd = true;
    look(call, moduli, count, |_, mut rows| {
        odd &= rows.all(|row| moduli.row(row)[0] & 1 == 1);
        Ok(())
    })?;
    Ok(odd)
}

fn of_products(call: &mut OpCall<'_>) -> Result<Option<Charged>, TrapError> {
    call.bring_home(2)?;
    let (count, len, _) = first(call)?;
    operand(call, 1, (count as u64, Some(len)))?;
    let moduli = operand(call, 2, (count as u64, Some(len)))?;
    let portions = vec![looking(&moduli, count), making(count, len, product_steps(len))];
    let room = room_of(count, rows::product_room(len));
    Ok(are_odd(call, &moduli, count)?.then_some(Charged { portions, room }))
}

fn of_powers(call: &mut OpCall<'_>) -> Result<Option<Charged>, TrapError> {
    call.bring_home(1)?;
    call.bring_home(2)?;
    let (count, len, _) = first(call)?;
    let exponents = operand(call, 1, (count as u64, None))?;
    let moduli = operand(call, 2, (count as u64, Some(len)))?;
    if !are_odd(call, &moduli, count)? {
        return Ok(None);
    }
    let steps = modular::power_steps(len, len, longest(call, &exponents, count)?);
    let portions = vec![looking(&moduli, count), looking(&exponents, count), making(count, len, steps)];
    Ok(Some(Charged { portions, room: room_of(count, rows::power_room(len, exponents.limbs())) }))
}

/// Writes some rows, with room for the work.
type Group<'g> = &'g (dyn Fn(&mut [u64], Range<usize>, &mut [u64], &Pace<'_>) -> Result<(), Halt> + Sync);

/// Makes rows of so many limbs by `work`, group by group, each with room. `steps` is about how long one row takes.
fn by_groups<'a>(
    call: &mut OpCall<'a>,
    (count, len): (usize, usize),
    (steps, room): (u64, usize),
    work: Group<'_>,
) -> Done {
    let (limbs, all) = making(count, len, steps);
    call.charge_work(limbs, all)?;
    let make = |call: &mut OpCall<'a>| {
        let out: Output<'_, i64> = call.output_charged(&[count as u64, len as u64])?;
        let groups = count.div_ceil(GROUP);
        if groups == 0 {
            // SAFETY: there are no elements.
            unsafe { call.finish(out) };
            return Ok(());
        }
        let rooms = rooms_of(groups, room);
        let mut all = space::<u64>(call, room.saturating_mul(rooms))?;
        let made: Vec<&mut [u64]> =
            (0..rooms).map(|_| all.split_off_mut(..room).unwrap_or_default()).collect();
        let rooms = Rooms::new(made);
        let leave = Leave::of(call.host);
        let fell_short = AtomicBool::new(false);
        let start = Shared::of(&mut *out.elements);
        let weight = usize::try_from(steps.saturating_mul(2 * GROUP as u64)).unwrap_or(usize::MAX);
        in_pieces(call.host, groups, weight, 1, &|groups| {
            rooms.with(|room| {
                let go_on = || leave.go_on();
                let pace = Pace::new(&go_on);
                for group in groups {
                    let rows = group * GROUP..count.min((group + 1) * GROUP);
                    let size = rows.len() * len;
                    // SAFETY: the rows of different groups are different elements of the result, which is borrowed until all are
                    // done; any bits are an i64, and each is written as 0 before it is seen as one.
                    let out = unsafe {
                        let first = start.get().add(rows.start * len);
                        std::slice::from_raw_parts_mut(first, size).fill(MaybeUninit::new(0));
                        std::slice::from_raw_parts_mut(first.cast::<u64>(), size)
                    };
                    match work(out, rows, room, &pace) {
                        Ok(()) => {}
                        Err(Halt::Refused) => break,
                        Err(Halt::Room) => fell_short.store(true, Ordering::Relaxed),
                    }
                }
            });
        })?;
        leave.granted()?;
        if fell_short.into_inner() {
            return Err(TrapError::new(TrapCode::OutOfMemory, "more room than was foreseen"));
        }
        // SAFETY: all groups have been written.
        unsafe { call.finish(out) };
        Ok(())
    };
    // SAFETY: nothing but the result is used behind it, and it is a tensor of i64.
    unsafe { call.with_results_kept(&[Type::Tensor(Elem::I64)], make) }
}

/// Argument 0: how many rows of how many limbs.
fn first<'a>(call: &mut OpCall<'a>) -> Result<(usize, usize, &'a [u64]), TrapError> {
    let (count, len, all) = rows_of(call, 0)?;
    let count = count.ok_or_else(|| {
        let text = "rows of limbs are a tensor of rank 2, found one of rank 1".to_owned();
        TrapError::new(TrapCode::RankMismatch, text)
    })?;
    Ok((count as usize, len, all))
}

pub(in crate::op) fn limbs_mod_mul(call: &mut OpCall<'_>) -> Done {
    let (count, len, all) = first(call)?;
    let a = Rows::new(all, len, false);
    let b = operand(call, 1, (count as u64, Some(len)))?;
    let moduli = operand(call, 2, (count as u64, Some(len)))?;
    check_moduli(call, &moduli, count)?;
    by_groups(call, (count, len), (product_steps(len), rows::product_room(len)), &|out, rows, room, pace| {
        rows::product(out, (&a, &b), &moduli, rows, room, pace)
    })
}

pub(in crate::op) fn limbs_mod_pow(call: &mut OpCall<'_>) -> Done {
    let (count, len, base) = first(call)?;
    let exponents = operand(call, 1, (count as u64, None))?;
    let moduli = operand(call, 2, (count as u64, Some(len)))?;
    check_moduli(call, &moduli, count)?;
    charge_looking(call, &exponents, count)?;
    let steps = modular::power_steps(len, len, longest(call, &exponents, count)?);
    let room = rows::power_room(len, exponents.limbs());
    by_groups(call, (count, len), (steps, room), &|out, group, room, pace| {
        rows::power(out, base, &exponents, &moduli, group, room, pace)
    })
}

pub(in crate::op) fn limbs_mod_inverse(call: &mut OpCall<'_>) -> Done {
    let (count, len, all) = first(call)?;
    let a = Rows::new(all, len, false);
    let moduli = operand(call, 1, (count as u64, Some(len)))?;
    check_moduli(call, &moduli, count)?;
    let without = AtomicUsize::new(usize::MAX);
    let steps = gcd::steps(len).saturating_mul(2);
    by_groups(call, (count, len), (steps, rows::inverse_room(len)), &|out, rows, room, pace| {
        if let Some(row) = rows::inverse(out, &a, &moduli, rows, room, pace)? {
            without.fetch_min(row, Ordering::Relaxed);
        }
        Ok(())
    })?;
    match without.into_inner() {
        usize::MAX => Ok(()),
        row => Err(TrapError::new(
            TrapCode::NoInverse,
            format!(
                "limbs.mod_inverse: row {row} has no inverse, as it has a common factor with its modulus"
            ),
        )),
    }
}

pub(in crate::op) fn limbs_of_bigints(call: &mut OpCall<'_>) -> Done {
    let (list, len): (ListRef, i64) = (call.list(0), call.int(1));
    let len =
        u64::try_from(len).ok().filter(|len| (1..=MOST_LIMBS as u64).contains(len)).ok_or_else(|| {
            invalid(format!("limbs.of_bigints in rows of {len} limbs; there are from 1 to {MOST_LIMBS}"))
        })? as usize;
    let count = list.len();
    charge(call, 0, count.saturating_mul(len).saturating_add(count * 8))?;
    let out: Output<'_, i64> = call.output_charged(&[count as u64, len as u64])?;
    for (row, to) in out.elements.chunks_exact_mut(len).enumerate() {
        if row.is_multiple_of(BLOCK / len.min(BLOCK)) {
            call.host.poll()?;
        }
        // SAFETY: what a list of integers holds is a live integer.
        let from = of_ref(unsafe { BigIntRef::from_slot(list.get(row as u64).unwrap_or(0)) });
        if from.negative || from.limbs.len() > len {
            let (sign, bits) =
                (if from.negative { "negative " } else { "" }, natural::bit_length(from.limbs));
            let text = format!("limbs.of_bigints: item {row}, a {sign}number of {bits} bits, in {len} limbs");
            return Err(TrapError::new(TrapCode::ConversionOutOfRange, text));
        }
        for (n, to) in to.iter_mut().enumerate() {
            to.write(from.limbs.get(n).copied().unwrap_or(0) as i64);
        }
    }
    // SAFETY: every element has been written.
    unsafe { call.finish(out) };
    Ok(())
}

pub(in crate::op) fn limbs_to_bigints(call: &mut OpCall<'_>) -> Done {
    let (count, len, all) = first(call)?;
    charge(call, 0, all.len().saturating_add(count.saturating_mul(8)))?;
    let rows = Rows::new(all, len, false);
    let nothing = call.host.heap().bigint(false, &[])?;
    let list = call.host.heap().list(Item::BigInt, count as u64, nothing.slot())?;
    for row in 0..count {
        if row.is_multiple_of(BLOCK / len.min(BLOCK)) {
            call.host.poll()?;
        }
        let made = call.host.heap().bigint(false, natural::trimmed(rows.row(row)))?;
        // SAFETY: the integer has just been made, in the list's region.
        unsafe { call.host.heap().list_set(list, row as u64, made.slot())? };
    }
    call.set(list.slot());
    Ok(())
}
