//! Modular arithmetic asks for leave to go on, whatever the elements are.

use super::{Arg, Bench};
use nbc_ir::Type;

#[test]
fn matrices_without_work_ask_too() {
    let side = 400u64;
    for name in ["modular.det", "modular.matrix_inverse"] {
        for is_one in [false, true] {
            let mut b = Bench::new();
            let mut matrix = vec![0i64; (side * side) as usize];
            matrix.iter_mut().step_by(side as usize + 1).for_each(|x| *x = i64::from(is_one));
            let args = [b.tensor(&[side, side], &matrix), Arg::Slot(26, Type::I64)];
            let done = b.run(name, &[], &args);
            assert_eq!(done.is_ok(), is_one || name == "modular.det");
            // Of 80,000 pairs of rows each is looked at.
            assert!(b.polls > 2, "{name}: {}", b.polls);
        }
    }
}
