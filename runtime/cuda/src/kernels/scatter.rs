//! Elements written where others are: at indices, by a mask, added to what is there.
//!
//! Where an index comes again, the processor writes or adds in order of the indices. Of values that are put, the last one
//! counts, which a first pass finds by its number. Integers are added in any order. What rounds, or has no atomic addition, is added
//! by one thread for each place. It goes through the indices in their order, for which they are sorted.
//!
//! Invariant: one launch writes into the tensor, and nothing that can fail comes behind it. So a call that has failed has
//! written nothing. Indices lie within: the runtime has looked at them.

use super::movement::{int, wrong};
use super::{ELEMENTS, Recipe, c_type};
use crate::compile::Code;
use crate::device::{Cuda, Key, Scratch, address, count, elem_of};
use crate::launch::{Parameters, THREADS, blocks};
use nbc_ir::Elem;
use nbc_runtime::device::{DeviceArg, DeviceCall, DeviceError};
use std::ffi::CStr;
use std::sync::Arc;

/// Rows that these kernels compute.
#[rustfmt::skip]
pub(super) const ROWS: &[(&str, Recipe)] = &[
    ("tensor_assign", Recipe::Write(Write::Assign)),
    ("tensor_put", Recipe::Write(Write::Put)),
    ("tensor_scatter_add", Recipe::Write(Write::Add)),
    ("tensor_scatter_add_axis", Recipe::Write(Write::Add)),
    ("tensor_put_mask", Recipe::Write(Write::Mask)),
];

/// What is written where.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Write {
    /// A tensor, from a corner on.
    Assign,
    /// Values at indices.
    Put,
    /// Values added at indices, flat ones or along an axis.
    Add,
    /// Values where a mask is true.
    Mask,
}

/// How often one place may be added to where a thread does that: one launch takes no longer.
const MOST_AT_A_PLACE: u64 = 1 << 14;
/// Elements of a mask that a thread goes through.
const OF_MASK: u64 = 64;

/// The kernels that write elements of that type, and add them if they have sums.
fn text(elem: Elem) -> String {
    let of = c_type(elem);
    let (atomic, in_order) = (include_str!("add_atomic.cuh"), include_str!("add_in_order.cuh"));
    let adds = match elem {
        Elem::Bool => String::new(),
        Elem::I32 => format!("#define NBC_ATOMIC unsigned\n{atomic}"),
        Elem::I64 => format!("#define NBC_ATOMIC unsigned long long\n{atomic}"),
        Elem::U8 | Elem::F32 | Elem::F64 | Elem::C64 | Elem::C128 => in_order.to_owned(),
    };
    format!("{ELEMENTS}#define NBC_T {of}\n{}{adds}", include_str!("scatter.cuh"))
}

/// Values: a tensor, by its address, or one for all.
struct Values<'a> {
    at: u64,
    one: [u8; 16],
    _held: Option<Scratch<'a>>,
}

impl Values<'_> {
    /// Adds both to the parameters of a kernel, which takes the one where there is no address.
    fn add_to(&self, parameters: &mut Parameters, elem: Elem) {
        parameters.address(self.at);
        parameters.element(&self.one[..elem.size()]);
    }
}

impl Cuda {
    /// [`Cuda::sent`], or a copy if the argument lies in what is written.
    pub(super) fn apart<'a>(
        &'a self,
        arg: &DeviceArg<'_>,
        call: &DeviceCall<'_>,
    ) -> Result<(u64, Option<Scratch<'a>>), DeviceError> {
        let (from, held) = self.sent(arg)?;
        let elem = elem_of(arg).ok_or_else(wrong)?;
        let bytes = |dims: &[u64], elem: Elem| count(dims).saturating_mul(elem.size() as u64);
        let (to, end) = (address(call), address(call) + bytes(call.result.dims, call.result.elem));
        if from >= end || to >= from + bytes(arg.dims(), elem) {
            return Ok((from, held));
        }
        let copy = self.turned(from, elem, &[count(arg.dims())], &[0])?;
        Ok((copy.address, Some(copy)))
    }

    fn values<'a>(&'a self, call: &DeviceCall<'_>) -> Result<Values<'a>, DeviceError> {
        let mut one = [0; 16];
        match call.args.get(2).ok_or_else(wrong)? {
            DeviceArg::Scalar(bits, _) => {
                one[..8].copy_from_slice(&bits.to_le_bytes());
                Ok(Values { at: 0, one, _held: None })
            }
            tensor => {
                let (at, _held) = self.apart(tensor, call)?;
                Ok(Values { at, one, _held })
            }
        }
    }

    /// A kernel of these, by its name. Their number is small, and each is compiled alone when it is first needed.
    fn scatter_kernel(&self, call: &DeviceCall<'_>, names: &[&CStr]) -> Result<Arc<Code>, DeviceError> {
        let elem = call.result.elem;
        let key = Key { operation: call.operation.index(), elems: vec![elem], layout: None };
        self.kernel(key, names, || text(elem))
    }

    /// Launches function `number` of `code` on so many pieces of work.
    fn scatter(
        &self,
        (code, number): (&Code, usize),
        parameters: Parameters,
        pieces: u64,
    ) -> Result<(), DeviceError> {
        // SAFETY: the caller has sizes from the arguments, which the runtime has looked at, and indices lie within.
        unsafe { self.launch(parameters, code.functions[number], (blocks(pieces.div_ceil(THREADS)), 1, 1)) }
    }

    /// Writes into an argument.
    pub(crate) fn run_write(&self, which: Write, call: &DeviceCall<'_>) -> Result<(), DeviceError> {
        match which {
            Write::Assign => self.run_assign(call),
            Write::Put => self.run_put(call),
            Write::Add => self.run_add(call),
            Write::Mask => self.run_put_mask(call),
        }
    }

    /// Writes values at indices: where one comes again, the last counts.
    fn run_put(&self, call: &DeviceCall<'_>) -> Result<(), DeviceError> {
        let (elem, n, m) = (call.result.elem, count(call.result.dims), count(call.args[1].dims()));
        let (indices, _held) = self.apart(&call.args[1], call)?;
        let values = self.values(call)?;
        let code = self.scatter_kernel(call, &[c"nbc_clear", c"nbc_last", c"nbc_put"])?;
        // By place, which value is the last, counted from 1; of equal values it does not matter.
        let numbers = match values.at {
            0 => None,
            _ => Some(self.scratch(usize::try_from(n.saturating_mul(8)).unwrap_or(usize::MAX))?),
        };
        let last = numbers.as_ref().map_or(0, |numbers| numbers.address);
        if last != 0 {
            for pass in 0..2 {
                let mut parameters = Parameters::default();
                [last, indices].into_iter().for_each(|at| parameters.address(at));
                parameters.numbers(&[m]);
                self.scatter((&code, pass), parameters, m)?;
                self.pace(m.saturating_mul(16), call.must_stop)?;
            }
        }
        let mut parameters = Parameters::default();
        [address(call), indices, last].into_iter().for_each(|at| parameters.address(at));
        values.add_to(&mut parameters, elem);
        parameters.numbers(&[m]);
        self.scatter((&code, 2), parameters, m)?;
        let _ = self.pace(m.saturating_mul(24 + elem.size() as u64), call.must_stop);
        Ok(())
    }

    /// Adds values at indices, flat ones or along the axis in argument 3.
    fn run_add(&self, call: &DeviceCall<'_>) -> Result<(), DeviceError> {
        let (elem, dims, m) = (call.result.elem, call.result.dims, count(call.args[1].dims()));
        let (n, inner) = match call.args.len() {
            4 => {
                let axis = int(call, 3)? as usize;
                (*dims.get(axis).ok_or_else(wrong)?, count(&dims[axis + 1..]))
            }
            _ => (count(dims), 1),
        };
        let all = (count(dims) / (n * inner).max(1)).saturating_mul(m).saturating_mul(inner);
        let (indices, _held) = self.apart(&call.args[1], call)?;
        let values = self.values(call)?;
        let mut parameters = Parameters::default();
        [address(call), indices].into_iter().for_each(|at| parameters.address(at));
        let work = all.saturating_mul(16 + 2 * elem.size() as u64);
        if matches!(elem, Elem::I32 | Elem::I64) {
            let code = self.scatter_kernel(call, &[c"nbc_add_atomic"])?;
            values.add_to(&mut parameters, elem);
            parameters.numbers(&[all, n, m, inner]);
            self.scatter((&code, 0), parameters, all)?;
        } else {
            let code = self.scatter_kernel(call, &[c"nbc_crowd", c"nbc_add_in_order"])?;
            let places = self.places_in_order(indices, m, call.must_stop)?;
            if m > MOST_AT_A_PLACE {
                let flag = self.flag()?;
                let mut parameters = Parameters::default();
                [flag.address, indices, places.address].into_iter().for_each(|at| parameters.address(at));
                parameters.numbers(&[m, MOST_AT_A_PLACE]);
                self.scatter((&code, 0), parameters, m)?;
                if self.is_raised(&flag)? {
                    return Err(DeviceError("too much is added to one place".to_owned()));
                }
            }
            parameters.address(places.address);
            values.add_to(&mut parameters, elem);
            parameters.numbers(&[all, n, m, inner]);
            self.scatter((&code, 1), parameters, all)?;
        }
        let _ = self.pace(work, call.must_stop);
        Ok(())
    }

    /// Writes values where a mask is true: one, or as many as that is.
    fn run_put_mask(&self, call: &DeviceCall<'_>) -> Result<(), DeviceError> {
        let (elem, n) = (call.result.elem, count(call.result.dims));
        let (mask, _held) = self.apart(&call.args[1], call)?;
        let values = self.values(call)?;
        let code = self.scatter_kernel(call, &[c"nbc_chosen", c"nbc_numbers", c"nbc_put_mask"])?;
        let pieces = n.div_ceil(OF_MASK);
        // By piece of the mask, how many are chosen before it.
        let numbers = match values.at {
            0 => None,
            _ => Some(self.scratch(usize::try_from(pieces.saturating_mul(8)).unwrap_or(usize::MAX))?),
        };
        let before = numbers.as_ref().map_or(0, |numbers| numbers.address);
        if before != 0 {
            let mut parameters = Parameters::default();
            [before, mask].into_iter().for_each(|at| parameters.address(at));
            parameters.numbers(&[n]);
            self.scatter((&code, 0), parameters, pieces)?;
            let mut parameters = Parameters::default();
            parameters.address(before);
            parameters.numbers(&[pieces]);
            self.scatter((&code, 1), parameters, 1)?;
            self.pace(n.saturating_mul(2), call.must_stop)?;
        }
        let mut parameters = Parameters::default();
        [address(call), mask, before].into_iter().for_each(|at| parameters.address(at));
        values.add_to(&mut parameters, elem);
        parameters.numbers(&[n]);
        self.scatter((&code, 2), parameters, if before == 0 { n } else { pieces })?;
        let _ = self.pace(n.saturating_mul(1 + 2 * elem.size() as u64), call.must_stop);
        Ok(())
    }
}
