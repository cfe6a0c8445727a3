//! How far results are from correctly rounded ones, which CORE-MATH computes.
//!
//! `accuracy doubles [--count N] [NAME...]` tries N random arguments of each function (10⁶ unless said) and all
//! pairs of special ones; `accuracy singles [NAME...]` all 2³² arguments of functions of one single, and N pairs for
//! functions of two. With `--sample N` it tries every N-th single only. `accuracy dump FOLDER NAME...` writes N arguments and results for `mpfr.py`, which
//! tells errors in fractions of a unit. One block of results in 256 is computed at every width that the processor has.

mod arguments;
mod functions;

use arguments::{Random, special};
use functions::{ALL, Named, Values};
use std::io::Write;

/// The number of numbers between two, where neither is NaN.
fn distance(a: f64, b: f64) -> u64 {
    let place = |x: f64| {
        let bits = x.to_bits() as i64;
        if bits < 0 { i64::MIN - bits } else { bits }
    };
    place(a).abs_diff(place(b))
}

fn distance_single(a: f32, b: f32) -> u64 {
    let place = |x: f32| {
        let bits = i64::from(x.to_bits() as i32);
        if bits < 0 { i64::from(i32::MIN) - bits } else { bits }
    };
    place(a).abs_diff(place(b))
}

#[derive(Default)]
struct Found {
    tried: u64,
    /// Results that are 1, 2, ... away.
    away: [u64; 6],
    worst: u64,
    at: (f64, f64),
    got: f64,
    expected: f64,
}

impl Found {
    fn add(&mut self, at: (f64, f64), got: f64, expected: f64, distance: u64) {
        self.tried += 1;
        let wrong_kind = got.is_nan() != expected.is_nan() || got == 0.0 && expected == 0.0 && distance != 0;
        let distance = match (got.is_nan() && expected.is_nan(), wrong_kind) {
            (true, _) => 0,
            (_, true) => u64::MAX,
            _ => distance,
        };
        if distance > 0 {
            self.away[(distance.min(6) - 1) as usize] += 1;
        }
        if distance > self.worst {
            (self.worst, self.at, self.got, self.expected) = (distance, at, got, expected);
        }
    }

    fn print(&self, name: &str) {
        let share = 100.0 * self.away[0] as f64 / self.tried as f64;
        println!(
            "{name:8} {:>11} tried, {share:6.3} % are 1 away, {:?} 2, 3, ... away; worst {} at ({:e}, {:e}): {:e}, not {:e}",
            self.tried,
            &self.away[1..],
            self.worst,
            self.at.0,
            self.at.1,
            self.got,
            self.expected
        );
    }
}

const BLOCK: usize = 4096;

fn doubles(function: &Named, count: u64) -> Found {
    let mut found = Found::default();
    let mut random = Random::new();
    let (mut x, mut y) = (vec![0.0; BLOCK], vec![0.0; BLOCK]);
    let mut run = |x: &[f64], y: &[f64], all_levels: bool| {
        let results = function.doubles(x, y, all_levels);
        for (i, got) in results.into_iter().enumerate() {
            let expected = (function.reference)(x[i], y[i]);
            // Near its zeros the logarithm of the gamma function promises 2⁻⁵², absolute.
            let is_near = function.name == "lgamma" && expected.abs() < 0.5;
            let most = if is_near && (got - expected).abs() < f64::EPSILON { 1 } else { u64::MAX };
            found.add((x[i], y[i]), got, expected, distance(got, expected).min(most));
        }
    };
    let mut done = 0;
    while done < count {
        for i in 0..BLOCK {
            (x[i], y[i]) = random.pair(function.binary, function.range);
        }
        run(&x, &y, done % (256 * BLOCK as u64) == 0);
        done += BLOCK as u64;
    }
    let special = special();
    for a in &special {
        let others = if function.binary { &special[..] } else { &[0.0] };
        let x = vec![*a; others.len()];
        run(&x, others, true);
    }
    found
}

fn singles(function: &Named, count: u64, sample: u64) -> Found {
    let mut found = Found::default();
    let mut run = |x: &[f32], y: &[f32], all_levels: bool| {
        for (i, got) in function.singles(x, y, all_levels).into_iter().enumerate() {
            let expected = (function.reference_single)(x[i], y[i]);
            let at = (x[i].into(), y[i].into());
            found.add(at, got.into(), expected.into(), distance_single(got, expected));
        }
    };
    if function.binary {
        let mut random = Random::new();
        let (mut x, mut y) = (vec![0.0; BLOCK], vec![0.0; BLOCK]);
        for n in 0..count.div_ceil(BLOCK as u64) {
            for i in 0..BLOCK {
                (x[i], y[i]) = random.pair_of_singles(function.range);
            }
            run(&x, &y, n % 256 == 0);
        }
        let special: Vec<f32> = special().into_iter().map(|x| x as f32).collect();
        for a in &special {
            run(&vec![*a; special.len()], &special, true);
        }
        return found;
    }
    for block in 0..(1u64 << 32) / sample / BLOCK as u64 {
        let first = block * BLOCK as u64 * sample;
        let x: Vec<f32> =
            (0..BLOCK as u64).map(|i| f32::from_bits((first + (i + 1) * sample - 1) as u32)).collect();
        run(&x, &x, block % 256 == 0);
    }
    found
}

fn dump(function: &Named, count: u64, folder: &str) -> std::io::Result<()> {
    let mut random = Random::new();
    let path = format!("{folder}/{}.bin", function.name);
    let mut file = std::io::BufWriter::new(std::fs::File::create(path)?);
    for _ in 0..count.div_ceil(BLOCK as u64) {
        let pairs: Vec<(f64, f64)> =
            (0..BLOCK).map(|_| random.pair(function.binary, function.range)).collect();
        let (x, y): (Vec<f64>, Vec<f64>) = pairs.into_iter().unzip();
        for (i, got) in function.doubles(&x, &y, false).into_iter().enumerate() {
            for value in [x[i], y[i], got] {
                file.write_all(&value.to_le_bytes())?;
            }
        }
    }
    file.flush()
}

/// Nanoseconds an element, for arguments in the range.
fn speed(function: &Named) {
    let n = 10_000;
    let mut random = Random::new();
    let pairs: Vec<(f64, f64)> = (0..n).map(|_| random.pair_in(function.range)).collect();
    let (x, y): (Vec<f64>, Vec<f64>) = pairs.into_iter().unzip();
    let (xs, ys): (Vec<f32>, Vec<f32>) =
        (x.iter().map(|x| *x as f32).collect(), y.iter().map(|y| *y as f32).collect());
    let per_element = |run: &mut dyn FnMut()| {
        let mut times: Vec<f64> = (0..200)
            .map(|_| {
                let start = std::time::Instant::now();
                run();
                start.elapsed().as_secs_f64() * 1e9 / n as f64
            })
            .collect();
        times.sort_by(f64::total_cmp);
        times[20]
    };
    let (mut to, mut to_singles) = (vec![0.0; n], vec![0.0; n]);
    let doubles = per_element(&mut || (function.over)(&x, &y, &mut to));
    let singles = per_element(&mut || (function.over_singles)(&xs, &ys, &mut to_singles));
    let reference = per_element(&mut || {
        to.iter_mut().zip(&x).zip(&y).for_each(|((to, x), y)| *to = (function.standard)(*x, *y))
    });
    let alone = per_element(&mut || {
        to.iter_mut().zip(&x).zip(&y).for_each(|((to, x), y)| *to = (function.alone)(*x, *y))
    });
    println!(
        "{:8} {doubles:.2} doubles, {singles:.2} singles; one at a time {alone:.2}, C library {reference:.2}",
        function.name
    );
}

fn main() -> std::io::Result<()> {
    let mut words: Vec<String> = std::env::args().skip(1).collect();
    let mut option = |name: &str, otherwise: u64| {
        let Some(at) = words.iter().position(|w| w == name) else { return otherwise };
        let value = words.get(at + 1).and_then(|n| n.parse().ok()).expect("the option takes a number");
        words.drain(at..at + 2);
        value
    };
    let (count, sample) = (option("--count", 1_000_000), option("--sample", 1));
    let usage = "usage: accuracy doubles|singles|speed|dump FOLDER [--count N] [--sample N] [NAME...]";
    let command = if words.is_empty() { String::new() } else { words.remove(0) };
    let folder = if command == "dump" { words.remove(0) } else { String::new() };
    let chosen: Vec<&Named> =
        ALL.iter().filter(|f| words.is_empty() || words.iter().any(|w| w == f.name)).collect();
    for function in chosen {
        match command.as_str() {
            "doubles" => doubles(function, count).print(function.name),
            "singles" => singles(function, count, sample).print(function.name),
            "dump" => dump(function, count, &folder)?,
            "speed" => speed(function),
            _ => panic!("{usage}"),
        }
    }
    Ok(())
}
