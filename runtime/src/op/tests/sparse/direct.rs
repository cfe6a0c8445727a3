//! Systems that are solved directly: residuals, what has no solution, and what is kept for the next.

use super::{Arg, Bench, Random, f64s, f64s_of, ints, laplacian, residual, run};
use crate::op::OpHost;
use crate::trap::TrapCode;
use nbc_ir::Elem;

/// A matrix of random places and numbers, with a number in each row and column besides.
fn any(b: &mut Bench, r: &mut Random, n: usize, more: usize, csc: bool) -> Arg {
    let mut rows: Vec<i64> = (0..n as i64).collect();
    for i in (1..n).rev() {
        rows.swap(i, r.below(i + 1));
    }
    let mut cols: Vec<i64> = (0..n as i64).collect();
    for _ in 0..more * n {
        rows.push(r.below(n) as i64);
        cols.push(r.below(n) as i64);
    }
    let values: Vec<f64> = rows.iter().map(|_| r.below(2001) as f64 / 500.0 - 2.003).collect();
    let len = [rows.len() as u64];
    let args = [b.tensor(&len, &rows), b.tensor(&len, &cols), ints(&[n, n]), b.tensor(&len, &values)];
    let made = run(b, "sparse.of_triples", &args);
    if csc { run(b, "sparse.to_csc", &[made]) } else { made }
}

fn solve(b: &mut Bench, a: &Arg, right: &[f64]) -> Result<Arg, TrapCode> {
    let given = f64s(b, &[right.len()], right);
    b.run("sparse.solve", &[Elem::F64], &[a.clone(), given]).map_err(|e| e.code)
}

#[test]
fn positive_definite_systems_are_solved() {
    for n in [1, 2, 9, 30] {
        let mut b = Bench::new();
        let a = laplacian(&mut b, n);
        let right: Vec<f64> = (0..n * n).map(|i| ((i * 7) % 11) as f64 - 4.0).collect();
        let given = f64s(&mut b, &[n * n], &right);
        let x = run(&mut b, "sparse.solve_posdef", &[a.clone(), given]);
        assert!(residual(&mut b, &a, &x, &right) < 1e-13);
        let x = solve(&mut b, &a, &right).unwrap();
        assert!(residual(&mut b, &a, &x, &right) < 1e-13);
    }
    let mut b = Bench::new();
    let none = run(&mut b, "sparse.identity", &[ints(&[0, 0])]);
    let given = f64s(&mut b, &[0, 3], &[]);
    for name in ["sparse.solve_posdef", "sparse.solve"] {
        assert_eq!(run(&mut b, name, &[none.clone(), given.clone()]).dims(), [0, 3]);
    }
}

#[test]
fn systems_of_any_kind_are_solved() {
    let mut r = Random(11);
    for n in [1, 2, 3, 7, 20, 60, 150] {
        for more in [0, 1, 3, 10] {
            for csc in [false, true] {
                let mut b = Bench::new();
                let a = any(&mut b, &mut r, n, more, csc);
                let width = [1, 2, 4, 5, 9][r.below(5)];
                let given: Vec<f64> = (0..n * width).map(|_| r.below(100) as f64 - 50.0).collect();
                let right = f64s(&mut b, &[n, width], &given);
                let x = run(&mut b, "sparse.solve", &[a.clone(), right]);
                let values = run(&mut b, "sparse.values", &[a.clone()]);
                let largest = |x: &[f64]| x.iter().fold(0.0, |most: f64, x| most.max(x.abs()));
                let size = largest(&f64s_of(&values)) * largest(&f64s_of(&x)) * n as f64 + largest(&given);
                let product = run(&mut b, "sparse.matmul", &[a.clone(), x.clone()]);
                let left: Vec<f64> = f64s_of(&product).iter().zip(&given).map(|(p, b)| p - b).collect();
                assert!(largest(&left) <= 1e-13 * size, "{n} {more} {csc}: {} of {size}", largest(&left));
                // Each right-hand side by itself gives the same bits.
                let column: Vec<f64> = given.iter().skip(width - 1).step_by(width).copied().collect();
                let alone = f64s_of(&solve(&mut b, &a, &column).unwrap());
                let of_all = f64s_of(&x).into_iter().skip(width - 1).step_by(width);
                assert!(alone.iter().zip(of_all).all(|(x, y)| x.to_bits() == y.to_bits()));
            }
        }
    }
}

#[test]
fn singular_matrices_are_refused() {
    let mut b = Bench::new();
    let mut refused = |n: usize, dense: &[f64]| {
        let dense = f64s(&mut b, &[n, n], dense);
        let a = run(&mut b, "sparse.of_dense", &[dense]);
        let given = f64s(&mut b, &[n], &vec![1.0; n]);
        let e = b.run("sparse.solve", &[Elem::F64], &[a, given]).err().expect("no solution");
        (e.code, e.message().to_owned())
    };
    for (n, dense, text) in [
        (1, vec![0.0], "column 0 has no place for a pivot"),
        (2, vec![1.0, 2.0, 2.0, 4.0], "depends on those factored before it"),
        // Two columns that share their only row.
        (3, vec![1.0, 2.0, 3.0, 0.0, 0.0, 4.0, 0.0, 0.0, 5.0], "has no place for a pivot"),
    ] {
        let (code, message) = refused(n, &dense);
        assert_eq!(code, TrapCode::Singular);
        assert!(
            message.starts_with("sparse.solve: the matrix is singular") && message.contains(text),
            "{message}"
        );
    }
    let (code, message) = refused(2, &[1e308, 1e308, -1e308, 1e308]);
    assert_eq!((code, message.contains("overflow")), (TrapCode::InvalidArgument, true), "{message}");
}

#[test]
fn what_is_known_of_places_is_kept() {
    let mut b = Bench::new();
    let a = laplacian(&mut b, 20);
    let right: Vec<f64> = (0..400).map(|i| f64::from(i % 7)).collect();
    let mut fuel = vec![];
    for (of, name) in [(0, "sparse.solve"), (1, "sparse.solve_posdef")] {
        for factor in [1.0f64, 3.0, 1.0] {
            let factor = Arg::Slot(factor.to_bits(), nbc_ir::Type::F64);
            let a = run(&mut b, "sparse.scale", &[a.clone(), factor]);
            let given = f64s(&mut b, &[400], &right);
            let before = b.fuel;
            let x = run(&mut b, name, &[a.clone(), given]);
            fuel.push((before - b.fuel, f64s_of(&x).iter().map(|x| x.to_bits()).collect::<Vec<_>>()));
            assert!(residual(&mut b, &a, &x, &right) < 1e-13);
        }
        let counts = b.heap.analyses().counts();
        assert_eq!((counts.made, counts.hits, counts.kept), (of + 1, 2 * (of + 1), of as usize + 1));
    }
    // Nothing shows that it was there.
    assert!(fuel[0] == fuel[2] && fuel[3] == fuel[5]);
    assert!(fuel[0].0 == fuel[1].0 && fuel[3].0 == fuel[4].0);
    // Another place, and it is another matrix.
    let one = run(&mut b, "sparse.of_dense", &[f64s(&mut Bench::new(), &[1, 1], &[2.0])]);
    assert_eq!(f64s_of(&solve(&mut b, &one, &[6.0]).unwrap()), [3.0]);
    assert_eq!(b.heap.analyses().counts().made, 3);
}

#[test]
fn factorisations_are_stopped_wherever_they_are() {
    let mut b = Bench::new();
    let a = laplacian(&mut b, 40);
    let right = vec![1.0; 1600];
    let (mut stopped, mut later) = (0, 0);
    loop {
        let depth = b.heap().depth();
        b.interrupt_at = b.polls + later;
        let solved = solve(&mut b, &a, &right);
        b.interrupt_at = usize::MAX;
        match solved {
            Ok(x) => {
                assert!(residual(&mut b, &a, &x, &right) < 1e-13);
                break;
            }
            Err(code) => assert_eq!(code, TrapCode::Interrupted),
        }
        // SAFETY: nothing that was made in between is used.
        unsafe { b.heap().unwind_to(depth) };
        (stopped, later) = (stopped + 1, later + 1);
    }
    assert!(stopped > 20, "stopped at {stopped} places");
}
