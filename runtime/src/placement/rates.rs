//! How fast a machine is: the rates from which times are predicted.
//!
//! A prediction is the longer of two times: that of the arithmetic, and that of the bytes which go through
//! memory. On all cores each is divided by its gain, and starting them is added. It need only be about right, for
//! what was measured corrects it ([`learned`](super::learned)).
//!
//! Rates are text of a line for each, which `nbc info --calibrate` writes and nothing in the runtime reads.
//!
//! ```
//! use nbc_runtime::placement::Rates;
//! let rates = Rates { start: 2500.0, ..Rates::default() };
//! assert_eq!(rates.to_string().parse(), Ok(rates));
//! let wrong = rates.to_string().replace("start 2500", "start soon").parse::<Rates>();
//! assert!(wrong.unwrap_err().to_string().contains("start"));
//! ```

use std::fmt;
use std::str::FromStr;

/// What a pass over elements takes, apart from where it runs.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Load {
    /// Nanoseconds of its arithmetic on one core.
    pub(crate) arithmetic: f64,
    /// Bytes that it reads and writes.
    pub(crate) bytes: f64,
}

/// A struct of rates, and the text that says them: a first line by which it is known, and each rate once.
macro_rules! rates {
    ($(#[doc = $what:literal])* $Rates:ident $head:literal $($name:ident $doc:literal;)*) => {
        $(#[doc = $what])*
        #[derive(Clone, Copy, PartialEq, Debug)]
        pub struct $Rates {
            $(#[doc = $doc] pub $name: f64,)*
        }

        impl $Rates {
            fn all(&self) -> Vec<(&'static str, f64, &'static str)> {
                vec![$((stringify!($name), self.$name, $doc.trim_ascii_start())),*]
            }

            fn set(&mut self, name: &str, value: f64) {
                match name {
                    $(stringify!($name) => self.$name = value,)*
                    _ => {}
                }
            }
        }

        impl fmt::Display for $Rates {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                writeln!(f, $head)?;
                self.each().try_for_each(|(name, value, _)| writeln!(f, "{name} {value}"))
            }
        }

        impl FromStr for $Rates {
            type Err = RatesError;

            /// Reads what is printed: a first line that says so, and every rate once, in any order.
            fn from_str(text: &str) -> Result<$Rates, RatesError> {
                let mut rates = $Rates { $($name: 0.0),* };
                for (name, value) in read(text, $head, &[$(stringify!($name)),*])? {
                    rates.set(name, value);
                }
                Ok(rates)
            }
        }
    };
}

/// Reads the lines of a text, which has each of the names once.
fn read<'t>(text: &'t str, head: &str, names: &[&str]) -> Result<Vec<(&'t str, f64)>, RatesError> {
    let mut lines = text.lines().enumerate();
    match lines.next() {
        Some((_, first)) if first == head => {}
        _ => return Err(RatesError(format!("the first line is not \"{head}\""))),
    }
    let mut said = Vec::new();
    for (at, line) in lines {
        let wrong = |what: &str| Err(RatesError(format!("line {}: {what}", at + 1)));
        let Some((name, value)) = line.split_once(' ') else {
            return wrong("not a name and a number");
        };
        if !names.contains(&name) {
            return wrong("there is no rate of that name");
        }
        if said.iter().any(|(said, _)| *said == name) {
            return wrong(&format!("{name} a second time"));
        }
        match value.parse::<f64>() {
            Ok(value) if value.is_finite() && value >= 0.0 => said.push((name, value)),
            _ => return wrong(&format!("{name} has to be a number from 0 on")),
        }
    }
    match names.iter().find(|name| said.iter().all(|(said, _)| said != *name)) {
        Some(name) => Err(RatesError(format!("{name} is missing"))),
        None => Ok(said),
    }
}

rates! {
    /// How fast a machine is. What is not known is guessed: [`Rates::default`].
    Rates "nbc rates 1"
    unit " Nanoseconds that an addition of two elements takes on one core, their bytes being near.";
    product " Nanoseconds of a multiplication with its addition in a large matrix product of f64, on one core.";
    near " Nanoseconds that reading or writing a byte takes on one core, in a cache.";
    far " Nanoseconds that reading or writing a byte takes on one core, in memory.";
    cache " Bytes that an operation may go through for them to be near.";
    arithmetic_gain " What each further core adds to the speed of arithmetic, of a core.";
    bytes_gain " What each further core adds to the speed of bytes that are far, of a core.";
    start " Nanoseconds that it takes to start work on all cores and to wait for its end.";
}

impl Default for Rates {
    fn default() -> Rates {
        Rates {
            unit: 0.16,
            product: 0.04,
            near: 0.007,
            far: 0.1,
            cache: 4e6,
            arithmetic_gain: 0.9,
            bytes_gain: 0.5,
            start: 10_000.0,
        }
    }
}

rates! {
    /// How fast a device is. Nothing of it is guessed: a device without rates is used where it is asked for, and not
    /// compared with the processor.
    DeviceRates "nbc device rates 1"
    launch " Nanoseconds that it takes to start an operation there.";
    to_device " Nanoseconds that it takes to send a byte there.";
    to_host " Nanoseconds that it takes to bring a byte home.";
    bytes " Nanoseconds that reading or writing a byte takes in its memory.";
    unit " Nanoseconds of an addition of two elements, of many at a time.";
    product " Nanoseconds of a multiplication with its addition in a large matrix product of f64.";
    transform " Nanoseconds of an operation on numbers in a large Fourier transform.";
    decomposition " Nanoseconds of an operation on numbers in a large decomposition.";
}

impl DeviceRates {
    /// Each rate's name, value and meaning.
    pub fn each(&self) -> impl Iterator<Item = (&'static str, f64, &'static str)> {
        self.all().into_iter()
    }
}

impl Rates {
    /// Each rate's name, value and meaning.
    pub fn each(&self) -> impl Iterator<Item = (&'static str, f64, &'static str)> {
        self.all().into_iter()
    }

    /// Nanoseconds of a load on one core.
    #[inline]
    pub(crate) fn on_one(&self, load: Load) -> f64 {
        load.arithmetic.max(load.bytes * if load.bytes > self.cache { self.far } else { self.near })
    }

    /// Nanoseconds of a load on so many cores, besides their start.
    pub(crate) fn on_all(&self, load: Load, cores: usize) -> f64 {
        let gain = |share: f64| 1.0 + cores.saturating_sub(1) as f64 * share;
        let arithmetic = load.arithmetic / gain(self.arithmetic_gain);
        // Caches are each core's own.
        arithmetic.max(match load.bytes > self.cache {
            true => load.bytes * self.far / gain(self.bytes_gain),
            false => load.bytes * self.near / gain(self.arithmetic_gain),
        })
    }
}

/// Why a text does not say rates.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RatesError(String);

impl fmt::Display for RatesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for RatesError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_is_read_and_nothing_else() {
        let rates = Rates { unit: 0.1 + 0.2, cache: 1e300, start: 0.0, ..Rates::default() };
        let text = rates.to_string();
        assert_eq!(text.parse(), Ok(rates));
        let why = |text: &str| text.parse::<Rates>().unwrap_err().to_string();
        assert_eq!(why(""), "the first line is not \"nbc rates 1\"");
        assert_eq!(why(&text.replace("rates 1", "rates 2")), "the first line is not \"nbc rates 1\"");
        assert_eq!(why(&format!("{text}unit 1\n")), "line 10: unit a second time");
        assert_eq!(why(&format!("{text}speed 1\n")), "line 10: there is no rate of that name");
        assert_eq!(why(&format!("{text}\n")), "line 10: not a name and a number");
        assert_eq!(why(&text.replace("start 0\n", "")), "start is missing");
        for value in ["-1", "NaN", "inf", "1e999", "", "1 2", "0x1"] {
            let text = text.replace("start 0\n", &format!("start {value}\n"));
            assert_eq!(why(&text), "line 9: start has to be a number from 0 on", "{value:?}");
        }
    }

    #[test]
    fn rates_of_devices_are_text_too() {
        let rates = DeviceRates {
            launch: 5000.0,
            to_device: 0.04,
            to_host: 0.04,
            bytes: 1e-3,
            unit: 1e-4,
            product: 1e-4,
            transform: 1e-3,
            decomposition: 1e-2,
        };
        assert_eq!(rates.to_string().parse(), Ok(rates));
        assert!(rates.to_string().parse::<Rates>().is_err());
        let without = rates.to_string().replace("to_host 0.04\n", "");
        assert_eq!(without.parse::<DeviceRates>().unwrap_err().to_string(), "to_host is missing");
    }

    #[test]
    fn the_longer_of_arithmetic_and_bytes_counts() {
        let rates = Rates {
            unit: 1.0,
            product: 1.0,
            near: 0.1,
            far: 1.0,
            cache: 1000.0,
            arithmetic_gain: 1.0,
            bytes_gain: 0.25,
            start: 50.0,
        };
        let load = |arithmetic, bytes| Load { arithmetic, bytes };
        assert_eq!((rates.on_one(load(300.0, 1000.0)), rates.on_all(load(300.0, 1000.0), 4)), (300.0, 75.0));
        assert_eq!((rates.on_one(load(10.0, 1000.0)), rates.on_all(load(10.0, 1000.0), 4)), (100.0, 25.0));
        assert_eq!((rates.on_one(load(10.0, 1400.0)), rates.on_all(load(10.0, 1400.0), 5)), (1400.0, 700.0));
    }
}
