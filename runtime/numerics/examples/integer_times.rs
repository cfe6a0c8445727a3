//! How long arithmetic of long integers takes, in microseconds: beside what `scripts/integer_times.py` says of GMP and
//! OpenSSL.
//!
//!     cargo run --release -p nbc-numerics --features bigint --example integer_times

use nbc_numerics::bigint::{Pace, divide, modular, multiply, rows, text};
use std::time::Instant;

/// The least time of seven, each of 20 ms or more.
fn time(mut work: impl FnMut()) -> f64 {
    let mut best = f64::MAX;
    for _ in 0..7 {
        let mut times = 1;
        loop {
            let began = Instant::now();
            (0..times).for_each(|_| work());
            let seconds = began.elapsed().as_secs_f64();
            if seconds > 0.02 {
                best = best.min(seconds / f64::from(times));
                break;
            }
            times *= 2;
        }
    }
    best * 1e6
}

fn number(limbs: usize, seed: u64) -> Vec<u64> {
    let mut state = seed;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    (0..limbs).map(|_| next()).collect()
}

fn main() {
    let pace = Pace::free();
    let done = "there is room, and leave";
    for bits in [1024, 2048, 4096] {
        let n = bits / 64;
        let (base, mut exponents, mut moduli) = (number(8 * n, 3), number(8 * n, 5), number(8 * n, 7));
        for (e, m) in exponents.chunks_mut(n).zip(moduli.chunks_mut(n)) {
            e[n - 1] |= 1 << 63;
            m[0] |= 1;
            m[n - 1] |= 1 << 63;
        }
        let mut out = vec![0; 8 * n];
        let mut room = vec![0; rows::power_room(n, n)];
        let one = time(|| {
            modular::power(&mut out[..n], &base[..n], &exponents[..n], &moduli[..n], &mut room, &pace)
                .expect(done);
        });
        let all = rows::Rows::new(&moduli, n, false);
        let mut eight = |exponents: rows::Rows<'_>| {
            time(|| rows::power(&mut out, &base, &exponents, &all, 0..8, &mut room, &pace).expect(done)) / 8.0
        };
        let long = eight(rows::Rows::new(&exponents, n, false));
        let short = eight(rows::Rows::new(&[65537], 1, true));
        println!("power of {bits} bits: one {one:.0}, of eight {long:.0}; to 65537, of eight {short:.2}");
    }
    for n in [32, 128, 1024, 5200, 52_000] {
        let (a, b) = (number(n, 3), number(n, 5));
        let mut product = vec![0; 2 * n];
        let mut room = vec![0; multiply::room(n, n)];
        let mul = time(|| multiply::product(&mut product, &a, &b, &mut room, &pace).expect(done));
        let (mut quotient, mut room) = (vec![0; n + 1], vec![0; divide::room(2 * n, n)]);
        let mut rest = vec![0; 2 * n];
        let div = time(|| {
            rest.copy_from_slice(&product);
            divide::divide(&mut quotient, &mut rest, &b, &mut room, &pace).expect(done);
        });
        let (mut digits, mut room) = (vec![0; text::most_digits(&a)], vec![0; text::decimal_room(n)]);
        let dec = time(|| _ = text::decimal(&mut digits, &a, &mut room, &pace).expect(done));
        println!("{n} limbs: product {mul:.2}, quotient {div:.2}, decimal digits {dec:.2}");
    }
}
