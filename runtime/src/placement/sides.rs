//! On which side an operation runs: on the processor or on a device.
//!
//! Each side has a time, predicted from its rates. To the processor's that of the arguments is added which only the device
//! has, and have to come home. To the device's that of starting it, of sending what it has not, and of bringing the result
//! home: somebody will want it, and a device is never assumed to be quicker. In a chain of operations that stay on a
//! device, one side is charged for a result what the other is charged for the argument.
//!
//! ```text
//! processor   argument that only the device has, to_host    + work there
//! device      launch + argument that it has not, to_device  + work here + result, to_host
//! ```
//!
//! Invariant: without rates nothing is compared, and the device has what it takes. A choice changes for a tenth.

use super::rates::{DeviceRates, Load, Rates};
use super::{AtHand, Candidate, Choice, Decision, Part, Placing, Reason};
use nbc_ir::Elem;
use nbc_ir::catalogue::{CATALOGUE, Cost, Operation, Work};
use std::time::Instant;

/// Bytes that have to be moved so that an operation can run, and how often a device starts something for it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Moved {
    /// Of arguments, to the device.
    pub(crate) there: u64,
    /// Of arguments, to the host.
    pub(crate) home: u64,
    /// Of results.
    pub(crate) result: u64,
    /// Starts beyond the first.
    pub(crate) more_starts: u64,
}

/// What work takes on one core, and on a device.
struct Taken {
    here: f64,
    there: f64,
}

/// How many multiplications of f64 one of such elements takes as long as.
fn weight(elem: Option<&Elem>) -> f64 {
    match elem {
        Some(Elem::F32) => 0.5,
        Some(Elem::C64) => 2.0,
        Some(Elem::C128) => 4.0,
        _ => 1.0,
    }
}

/// Nanoseconds of arithmetic alone, by the class of the operation.
fn arithmetic(operation: &Operation, elems: &[Elem], flops: f64, here: &Rates, there: &DeviceRates) -> Taken {
    let weight = weight(elems.first());
    match operation.cost {
        Cost::MatMul => {
            let products = flops / 2.0 * weight;
            Taken { here: products * here.product, there: products * there.product }
        }
        Cost::Transform(_) => Taken { here: flops * here.unit, there: flops * there.transform },
        _ if operation.needs == Some("linalg") => {
            // As the kernels have it: half a multiplication of a product for each operation.
            let products = flops / 2.0 * weight;
            Taken { here: products * here.product, there: flops * weight * there.decomposition }
        }
        _ => Taken { here: flops * here.unit, there: flops * there.unit },
    }
}

/// A decision between sides that is being carried out.
pub(crate) struct Side {
    since: Instant,
    sides: Option<[Candidate; 2]>,
    choice: Choice,
    reason: Reason,
    /// The predicted time by which the decision is remembered.
    bucket: f64,
    /// Whether what the processor takes says something of the prediction.
    learns: bool,
}

impl Side {
    /// Whether the device is to run it.
    pub(crate) fn goes(&self) -> bool {
        self.choice == Choice::Device
    }

    /// The same of work that was a guess: what it takes says nothing of the rates.
    pub(crate) fn of_a_guess(mut self) -> Side {
        self.learns = false;
        self
    }
}

impl Placing {
    /// Decides on which side the operation at hand runs, which a device wants. Nothing where nobody wants to know and
    /// there is no choice.
    pub(crate) fn side(
        &self,
        rates: Option<&DeviceRates>,
        elems: &[Elem],
        work: Work,
        moved: Moved,
    ) -> Option<Side> {
        let placement = &*self.placement;
        let at_hand = &self.at_hand;
        let Some(rates) = rates else {
            return placement.sink.as_ref().map(|_| Side {
                since: Instant::now(),
                sides: None,
                choice: Choice::Device,
                reason: Reason::Only,
                bucket: 0.0,
                learns: false,
            });
        };
        let operation = CATALOGUE.get(at_hand.operation as usize)?;
        let (flops, bytes) = (work.flops as f64, work.bytes as f64);
        let Taken { here, there } = arithmetic(operation, elems, flops, &placement.rates, rates);
        let load = Load { arithmetic: here, bytes };
        let one = placement.rates.on_one(load);
        let count = self.threads.count();
        let all = placement.rates.start + placement.rates.on_all(load, count);
        let sides = [
            Candidate {
                choice: Choice::Processor,
                start: moved.home as f64 * rates.to_host,
                body: if count > 1 { one.min(all) } else { one },
            },
            Candidate {
                choice: Choice::Device,
                start: rates.launch * (1 + moved.more_starts) as f64
                    + moved.there as f64 * rates.to_device
                    + moved.result as f64 * rates.to_host,
                body: there.max(bytes * rates.bytes),
            },
        ];
        let of = placement.learned.bucket(at_hand.operation as usize, Part::Side, one);
        let (at, reason) = of.select_side(&sides);
        Some(Side {
            since: Instant::now(),
            sides: Some(sides),
            choice: sides[at].choice,
            reason,
            bucket: one,
            learns: true,
        })
    }

    /// The side that was chosen has done its work, or has been handed it. What the processor took is learned if it
    /// `counts`.
    pub(crate) fn side_done(&self, side: Side, counts: bool) {
        let measured = side.since.elapsed().as_nanos() as f64;
        let AtHand { operation, elements, .. } = self.at_hand;
        let candidates: &[Candidate] = side.sides.as_ref().map_or(&[], |sides| sides);
        let counts = counts && side.learns && side.choice == Choice::Processor;
        if let (true, Some([here, _])) = (counts, &side.sides) {
            let of = self.placement.learned.bucket(operation as usize, Part::Side, side.bucket);
            of.record(Choice::Processor, (measured - here.start).max(0.0) / here.body, false);
        }
        self.placement.tell(&Decision {
            operation: CATALOGUE.get(operation as usize).map_or("", |row| row.name),
            part: Part::Side,
            elements,
            candidates,
            choice: side.choice,
            reason: side.reason,
            measured,
        });
    }
}
