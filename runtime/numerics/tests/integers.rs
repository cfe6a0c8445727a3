//! Arithmetic of long numbers has the answers of Python's integers, in just the room that it says it takes.
#![cfg(feature = "bigint")]

use nbc_numerics::bigint::{Halt, Pace, divide, gcd, modular, multiply, natural, power, prime, rows, text};
use std::cell::Cell;

/// The number that the script makes of the same seed.
fn number(seed: u64, limbs: usize) -> Vec<u64> {
    let mut state = seed;
    let mut out: Vec<u64> = (0..limbs)
        .map(|_| {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            let limb = state ^ state >> 29;
            if seed.is_multiple_of(2) { [0, u64::MAX, u64::MAX, 0, limb][(limb % 5) as usize] } else { limb }
        })
        .collect();
    if let Some(last) = out.last_mut() {
        *last |= 1;
    }
    out
}

/// Its remainders modulo two primes.
fn check(a: &[u64]) -> String {
    let modulo = |p: u64| a.iter().rev().fold(0u128, |r, limb| (r << 64 | u128::from(*limb)) % u128::from(p));
    format!("{} {}", modulo((1 << 61) - 1), modulo((1 << 31) - 1))
}

/// Room that holds anything but zeros, as it does in programs.
fn room(limbs: usize) -> Vec<u64> {
    vec![0x5555_5555_5555_5555; limbs]
}

fn answer(line: &str) -> String {
    let words: Vec<&str> = line.split(' ').collect();
    let at = |n: usize| words[n].parse::<u64>().unwrap();
    let (seed, n, pace) = (at(1), at(2) as usize, Pace::free());
    let a = number(seed, n);
    let other = |m: usize| number(seed + 1000, m);
    match words[0] {
        "product" => {
            let b = other(at(3) as usize);
            let mut out = room(n + b.len());
            multiply::product(&mut out, &a, &b, &mut room(multiply::room(n, b.len())), &pace).unwrap();
            check(&out)
        }
        "square" => {
            let mut out = room(2 * n);
            multiply::square(&mut out, &a, &mut room(multiply::room(n, n)), &pace).unwrap();
            check(&out)
        }
        "divide" => {
            let (b, mut a) = (other(at(3) as usize), a);
            let mut quotient = room(n + 1 - b.len());
            divide::divide(&mut quotient, &mut a, &b, &mut room(divide::room(n, b.len())), &pace).unwrap();
            format!("{} {}", check(&quotient), check(&a))
        }
        "gcd" => {
            let (mut b, mut a) = (other(at(3) as usize), a);
            b.resize(n, 0);
            let len = gcd::gcd(&mut a, &mut b, &mut room(gcd::room(n)), &pace).unwrap();
            check(&a[..len])
        }
        "root" => {
            let mut out = room(n / 2 + 2);
            divide::root(&mut out, &a, &mut room(divide::root_room(n)), &pace).unwrap();
            check(&out)
        }
        "decimal" => {
            let mut out = vec![0; text::most_digits(&a)];
            let first = text::decimal(&mut out, &a, &mut room(text::decimal_room(n)), &pace).unwrap();
            let digits = &out[first..];
            let mut back = room(text::limbs_of_digits(digits.len()));
            text::of_decimal(&mut back, digits, &mut room(text::of_decimal_room(digits.len())), &pace)
                .unwrap();
            assert_eq!(natural::trimmed(&back), a, "{line}");
            let part = |part: &[u8]| {
                let mut out = room(text::limbs_of_digits(part.len()));
                text::of_decimal(&mut out, part, &mut room(text::of_decimal_room(part.len())), &pace)
                    .unwrap();
                check(&out)
            };
            let end = digits.len().min(40);
            format!("{} {} {}", digits.len(), part(&digits[..end]), part(&digits[digits.len() - end..]))
        }
        "power" | "inverse" => {
            let mut m = other(n);
            m[0] = m[0] & !1 | at(3);
            if natural::trimmed(&m).is_empty() {
                m[0] = 2;
            }
            if words[0] == "power" {
                let mut e = room(text::limbs_of_digits(words[4].len()));
                let mut working = room(text::of_decimal_room(words[4].len()));
                text::of_decimal(&mut e, words[4].as_bytes(), &mut working, &pace).unwrap();
                let mut out = room(n);
                modular::power(&mut out, &a, &e, &m, &mut room(modular::power_room(n, n)), &pace).unwrap();
                return check(&out);
            }
            let mut rest = room(n);
            modular::remainder(&mut rest, &a, &m, &mut room(modular::remainder_room(n, n)), &pace).unwrap();
            let mut out = room(n);
            match gcd::inverse(&mut out, &rest, &m, &mut room(gcd::inverse_room(n)), &pace).unwrap() {
                true => check(&out),
                false => "none".to_owned(),
            }
        }
        other => panic!("{other}"),
    }
}

#[test]
fn answers_are_those_of_python() {
    for line in include_str!("integers/answers.txt").lines() {
        let found = answer(line);
        assert!(line.ends_with(&format!(" {found}")), "{line}: found {found}");
    }
}

#[test]
fn powers_side_by_side_are_those_one_by_one() {
    let pace = Pace::free();
    for n in [1, 2, 3, 5, 13, 16, 32, 39, 64] {
        for count in 2..=8 {
            let all = |seed: u64| number(seed, n * count);
            let (base, exponents, mut moduli) = (all(7 + n as u64), all(8), all(9 + 2 * count as u64));
            moduli.chunks_mut(n).for_each(|m| m[0] |= 1);
            // One of them is short.
            moduli[1..n].fill(0);
            let exponents = &exponents[..count * n.min(2)];
            let exponents = rows::Rows::new(exponents, n.min(2), false);
            let moduli = rows::Rows::new(&moduli, n, false);
            let (mut a, mut b) = (room(n * count), room(n * count));
            let size = rows::power_room(n, n.min(2));
            rows::power(&mut a, &base, &exponents, &moduli, 0..count, &mut room(size), &pace).unwrap();
            rows::power_one_by_one(&mut b, &base, &exponents, &moduli, 0..count, &mut room(size), &pace)
                .unwrap();
            assert_eq!(a, b, "{count} of {n} limbs");
        }
    }
}

#[test]
fn primes_are_told_from_what_is_like_them() {
    let mut sieve = vec![true; 20_000];
    (sieve[0], sieve[1]) = (false, false);
    for n in 2..sieve.len() {
        if sieve[n] {
            (n * n..sieve.len()).step_by(n).for_each(|multiple| sieve[multiple] = false);
        }
    }
    let mut working = room(prime::room(1));
    for (n, is_prime) in sieve.iter().enumerate() {
        let found = prime::is_probable_prime(&[n as u64], 0, &mut working, &Pace::free());
        assert_eq!(found, Ok(*is_prime), "{n}");
    }
}

/// Each of these is long; they end soon where they are told to, and ask often until then.
#[test]
fn the_length_of_a_power_is_foreseen() {
    for base in [2u64, 3, 4, 5, 7, 10, 255, 256, 257, 1 << 31, 1 << 63, u64::MAX] {
        for wide in [vec![base], vec![base, 1], vec![u64::MAX, base], vec![0, 0, base]] {
            for exponent in [1u64, 2, 3, 5, 17, 63, 64, 100] {
                let most = power::limbs(&wide, exponent).unwrap();
                let (mut out, mut room) = (vec![0; most], vec![0; power::room(most)]);
                let len = power::power(&mut out, &wide, exponent, &mut room, &Pace::free()).unwrap();
                assert!(most >= len && most <= len + 2, "{wide:?} {exponent}: {most} {len}");
            }
        }
    }
    // The largest there are.
    let most = 1 << 24;
    assert!(power::limbs(&[2], (1 << 30) - 1).unwrap() <= most + 2);
    assert!(power::limbs(&[3], 677_455_440).unwrap() <= most + 2);
    assert!(power::limbs(&[3], 677_556_000).unwrap() > most + 2);
    assert!(power::limbs(&[3], u64::MAX).unwrap() > 1 << 58);
}

/// Work that may be stopped.
type Work<'w> = &'w dyn Fn(&Pace<'_>) -> Result<(), Halt>;

#[test]
fn what_is_long_asks_and_stops() {
    let (a, b) = (number(3, 20_000), number(5, 10_000));
    let asked = Cell::new(0u32);
    let most = Cell::new(0u32);
    let go_on = || {
        asked.set(asked.get() + 1);
        asked.get() < most.get()
    };
    let works: [Work<'_>; 5] = [
        &|pace| multiply::product(&mut room(30_000), &a, &b, &mut room(multiply::room(20_000, 10_000)), pace),
        &|pace| {
            divide::divide(
                &mut room(10_001),
                &mut a.clone(),
                &b,
                &mut room(divide::room(20_000, 10_000)),
                pace,
            )
        },
        &|pace| {
            let mut out = vec![0; text::most_digits(&a)];
            text::decimal(&mut out, &a, &mut room(text::decimal_room(a.len())), pace).map(|_| ())
        },
        &|pace| {
            let n = power::limbs(&b, 3).unwrap();
            power::power(&mut room(n), &b, 3, &mut room(power::room(n)), pace).map(|_| ())
        },
        &|pace| {
            let (mut x, mut y) = (a.clone(), a.clone());
            y[..10_000].copy_from_slice(&b);
            gcd::gcd(&mut x, &mut y, &mut room(gcd::room(20_000)), pace).map(|_| ())
        },
    ];
    for (n, work) in works.iter().enumerate() {
        asked.set(0);
        most.set(3);
        assert_eq!(work(&Pace::new(&go_on)), Err(Halt::Refused), "work {n}");
        assert_eq!(asked.get(), 3, "work {n} asks no more");
    }
}
