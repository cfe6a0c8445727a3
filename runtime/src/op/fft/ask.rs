//! What a call of a transform says: along which axes, how many numbers, and by what results are multiplied.
//!
//! Norms are SciPy's: `backward` divides inverse transforms by their length, `forward` the others, and `ortho` all by its square
//! root. An empty text is `backward`. A length of -1 is the one that there is.

use crate::op::call::OpCall;
use crate::trap::{TrapCode, TrapError};
use nbc_ir::dims::{Dims, MAX_RANK};

/// By what results are multiplied.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) enum Norm {
    #[default]
    Backward,
    Ortho,
    Forward,
}

impl Norm {
    /// The one of that name.
    pub(super) fn named(name: &str) -> Result<Norm, TrapError> {
        match name {
            "" | "backward" => Ok(Norm::Backward),
            "ortho" => Ok(Norm::Ortho),
            "forward" => Ok(Norm::Forward),
            _ => {
                let text = format!("a norm {name:?}: it is \"backward\", \"ortho\" or \"forward\"");
                Err(TrapError::new(TrapCode::InvalidArgument, text))
            }
        }
    }

    /// The factor of a transform whose inverse together with it multiplies by `n`.
    pub(super) fn scale(self, n: f64, is_inverse: bool) -> f64 {
        match (self, is_inverse) {
            (Norm::Backward, true) | (Norm::Forward, false) => 1.0 / n,
            (Norm::Ortho, _) => 1.0 / n.sqrt(),
            _ => 1.0,
        }
    }
}

/// Axes in the order in which they are given.
#[derive(Clone, Copy, Debug)]
pub(super) struct Axes {
    all: [usize; MAX_RANK],
    len: usize,
}

impl Axes {
    /// Those in the bracketed list from argument `at` on; all where it is empty.
    pub(super) fn listed(call: &OpCall<'_>, at: usize, rank: usize) -> Result<Axes, TrapError> {
        call.axes(at, rank)?;
        let mut all = std::array::from_fn(|axis| axis);
        let given = call.ints(at);
        for (axis, given) in all.iter_mut().zip(given) {
            *axis = *given as usize;
        }
        Ok(Axes { all, len: if given.is_empty() { rank } else { given.len() } })
    }

    pub(super) fn as_slice(&self) -> &[usize] {
        &self.all[..self.len]
    }
}

/// A length along `axis` that is asked for, of a tensor that has `own`: at least 1.
pub(super) fn length(axis: usize, asked: i64, own: u64) -> Result<u64, TrapError> {
    match asked {
        -1 if own > 0 => Ok(own),
        -1 | 0 => {
            let text = format!("a transform of no numbers along axis {axis}: its length is at least 1");
            Err(TrapError::new(TrapCode::InvalidArgument, text))
        }
        1.. => Ok(asked as u64),
        _ => {
            let text = format!(
                "a length of {asked} along axis {axis}: it is at least 1, or -1 for that of the tensor"
            );
            Err(TrapError::new(TrapCode::InvalidArgument, text))
        }
    }
}

/// The dims with another length along an axis.
pub(super) fn with_length(dims: &Dims, axis: usize, n: u64) -> Dims {
    let mut dims = *dims;
    dims[axis] = n;
    dims
}
