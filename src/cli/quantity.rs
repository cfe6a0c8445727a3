//! Amounts on the command line: units, bytes and times.

use std::time::Duration;

/// A plain count, `1000000` or `1_000_000`.
pub fn units(text: &str) -> Result<u64, String> {
    text.replace('_', "")
        .parse()
        .map_err(|_| format!("expected a number such as 1_000_000, found \"{text}\""))
}

/// Bytes: `65536`, `64K`, `512M`, `2G`, `1T`, in powers of 1024.
pub fn bytes(text: &str) -> Result<usize, String> {
    let refuse = || format!("expected bytes such as 65536, 512M or 2G, found \"{text}\"");
    let lower = text.to_ascii_lowercase();
    let number = lower.strip_suffix("ib").or(lower.strip_suffix('b')).unwrap_or(&lower);
    let shift = match number.chars().last() {
        Some('k') => 10,
        Some('m') => 20,
        Some('g') => 30,
        Some('t') => 40,
        _ => 0,
    };
    let number = if shift > 0 { &number[..number.len() - 1] } else { number };
    let count: usize = number.replace('_', "").parse().map_err(|_| refuse())?;
    count.checked_mul(1 << shift).ok_or_else(|| format!("{text} is more than any machine has"))
}

/// Bytes as [`bytes`] reads them.
pub fn show(bytes: u64) -> String {
    let units = [(40, "T"), (30, "G"), (20, "M"), (10, "K")];
    match units.iter().find(|(shift, _)| bytes > 0 && bytes.trailing_zeros() >= *shift) {
        Some((shift, unit)) => format!("{}{unit}", bytes >> shift),
        None => format!("{bytes} bytes"),
    }
}

/// The stack: as [`bytes`], but not more than there can be.
pub fn stack(text: &str) -> Result<usize, String> {
    // As much as the engine takes.
    const MOST: usize = 64 << 30;
    let bytes = bytes(text)?;
    if bytes > MOST { Err(format!("a stack has at most {}", show(MOST as u64))) } else { Ok(bytes) }
}

/// A time: `1.5s`, `200ms`, `2m`, `1h`; a bare number is seconds.
pub fn time(text: &str) -> Result<Duration, String> {
    let refuse = || format!("expected a time such as 1.5s, 200ms or 2m, found \"{text}\"");
    let units = [("ms", 1e-3), ("us", 1e-6), ("ns", 1e-9), ("s", 1.0), ("m", 60.0), ("h", 3600.0)];
    let (number, unit) =
        units.iter().find_map(|(name, unit)| Some((text.strip_suffix(name)?, *unit))).unwrap_or((text, 1.0));
    let number: f64 = number.trim_end().parse().map_err(|_| refuse())?;
    Duration::try_from_secs_f64(number * unit).map_err(|_| refuse())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_have_binary_suffixes() {
        for (text, want) in
            [("0", 0), ("65536", 65536), ("64K", 65536), ("512m", 512 << 20), ("2GiB", 2 << 30)]
        {
            assert_eq!(bytes(text), Ok(want), "{text}");
        }
        for text in ["", "K", "-1", "1.5G", "1X", "99999999999999999999", "99999999T"] {
            assert!(bytes(text).is_err(), "{text}");
        }
        for text in ["7 bytes", "0 bytes", "1K", "1025 bytes", "3M", "1G", "2T"] {
            let plain = text.strip_suffix(" bytes").unwrap_or(text);
            assert_eq!(bytes(plain).map(|n| show(n as u64)).as_deref(), Ok(text));
        }
        assert!(stack("64G").is_ok() && stack("65G").is_err_and(|e| e.contains("at most 64G")));
    }

    #[test]
    fn times_have_units() {
        for (text, want) in [("1.5s", 1500), ("200ms", 200), ("2m", 120_000), ("3", 3000), ("1h", 3_600_000)]
        {
            assert_eq!(time(text), Ok(Duration::from_millis(want)), "{text}");
        }
        for text in ["", "s", "-1s", "1 week", "nan", "infs", "1e300h"] {
            assert!(time(text).is_err(), "{text}");
        }
    }
}
