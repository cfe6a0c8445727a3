//! How much work compiling one function may take.
//!
//! What is looked at is counted, not time: the same function comes out the same
//! on every machine, however busy it is. There is so much of it for each node and
//! a little besides, far more than functions that people write want. When it is
//! used up, passes that are left do nothing, so the function is compiled as
//! it is by then; what the analyses have not found out yet is not known.
//!
//! Work of which there is no more than a fixed amount for each node is not counted.

use std::cell::Cell;

/// Units that every function has. One is what takes some ten nanoseconds: a
/// block or fact looked at, a step with a polynomial.
const BASE: u64 = 400_000;

/// Units more for each node.
const PER_NODE: u64 = 400;

/// The work left.
#[derive(Debug)]
pub struct Budget {
    all: u64,
    left: Cell<u64>,
}

impl Budget {
    /// That of a function of such a size.
    pub fn new(size: usize) -> Budget {
        let all = BASE + PER_NODE * size as u64;
        Budget { all, left: Cell::new(all) }
    }

    /// Takes the cost of what is about to be done. `false` if there is not so
    /// much left: it is not to be done, nor is anything else.
    pub fn spend(&self, units: usize) -> bool {
        let left = self.left.get().checked_sub(units as u64);
        self.left.set(left.unwrap_or(0));
        left.is_some()
    }

    /// Leaves nothing: whatever is made is of no use.
    pub fn use_up(&self) {
        self.left.set(0);
    }

    /// Whether nothing is left.
    pub fn is_used_up(&self) -> bool {
        self.left.get() == 0
    }

    /// What is left.
    pub fn left(&self) -> u64 {
        self.left.get()
    }

    /// What has been spent.
    pub fn spent(&self) -> u64 {
        self.all - self.left.get()
    }
}

impl Default for Budget {
    /// That of an empty function.
    fn default() -> Budget {
        Budget::new(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_used_up_stays_so() {
        let budget = Budget::new(10);
        assert!(budget.spend(BASE as usize));
        assert_eq!(budget.spent(), BASE);
        assert!(!budget.spend(PER_NODE as usize * 10 + 1));
        assert!(budget.is_used_up() && !budget.spend(1));
        assert_eq!(budget.spent(), BASE + 10 * PER_NODE);
    }
}
