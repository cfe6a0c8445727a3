//! NumPy's `.npy` files: versions 1 to 3, element types that tensors have.
//!
//! Files are read in either byte order of axes (`fortran_order` is turned into
//! rows) and in either byte order of numbers, and written little-endian in
//! rows. A hostile file cannot make the reader allocate more than it holds.
//! Format: <https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html>.
//!
//! ```
//! use nbc::{OwnedTensor, npy};
//! let t = OwnedTensor::from_slice(&[2, 3], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]).unwrap();
//! let mut file = Vec::new();
//! npy::write(&mut file, &t).unwrap();
//! assert_eq!(npy::read(&file).unwrap(), t);
//! assert!(npy::read(&file[..90]).unwrap_err().to_string().contains("cut off"));
//! ```

use nbc_ir::Elem;
use nbc_runtime::object::{Element, OwnedTensor};
use num_complex::Complex;
use std::fmt;
use std::io::{self, Write};

const MAGIC: &[u8] = b"\x93NUMPY";

/// Why a file is not an array that a tensor can hold.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Error(String);

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Error {}

fn refuse<T>(why: impl Into<String>) -> Result<T, Error> {
    Err(Error(why.into()))
}

/// The tensor in the `.npy` file `bytes`.
///
/// # Errors
/// Anything that is not a whole `.npy` file with elements of type `u1`, `i4`,
/// `i8`, `f4`, `f8`, `c8`, `c16` or `b1` in at most 8 dimensions.
pub fn read(bytes: &[u8]) -> Result<OwnedTensor, Error> {
    let Some(rest) = bytes.strip_prefix(MAGIC) else {
        return refuse("not an .npy file: it does not start with \\x93NUMPY");
    };
    let cut = || Error("the .npy file is cut off in its header".to_owned());
    let (major, rest) = match rest {
        [major @ 1..=3, _, rest @ ..] => (*major, rest),
        [major, minor, ..] => return refuse(format!("unknown .npy version {major}.{minor}")),
        _ => return Err(cut()),
    };
    let (len, rest) = if major == 1 {
        let (len, rest) = rest.split_first_chunk().ok_or_else(cut)?;
        (u16::from_le_bytes(*len) as usize, rest)
    } else {
        let (len, rest) = rest.split_first_chunk().ok_or_else(cut)?;
        (u32::from_le_bytes(*len) as usize, rest)
    };
    let (header, data) = rest.split_at_checked(len).ok_or_else(cut)?;
    let Ok(header) = std::str::from_utf8(header) else {
        return refuse("the .npy header is not text");
    };
    let header = Header::parse(header)?;
    let dims = &header.dims[..];
    if dims.len() > nbc_runtime::object::MAX_RANK {
        return refuse(format!("the .npy array has {} dimensions; tensors have at most 8", dims.len()));
    }
    let size = header.elem.size();
    let count =
        if dims.contains(&0) { Some(0) } else { dims.iter().try_fold(1u64, |n, d| n.checked_mul(*d)) };
    let wanted = count.and_then(|n| n.checked_mul(size as u64));
    if wanted.is_none_or(|n| data.len() as u64 != n) {
        let found = data.len();
        let what = match wanted {
            Some(n) if n < found as u64 => "has more data than its shape says",
            _ => "is cut off",
        };
        let wanted = wanted.map_or("more".to_owned(), |n| n.to_string());
        return refuse(format!(
            "the .npy file {what}: {} {dims:?} takes {wanted} bytes, found {found}",
            header.elem
        ));
    }
    let mut tensor =
        OwnedTensor::zeros(header.elem, dims).ok_or_else(|| Error("no memory for the array".to_owned()))?;
    match header.elem {
        Elem::U8 => fill::<u8, _>(&mut tensor, data, &header, |b: [u8; 1]| Some(b[0])),
        Elem::Bool => fill::<bool, _>(&mut tensor, data, &header, |b: [u8; 1]| match b[0] {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }),
        Elem::I32 => fill::<i32, _>(&mut tensor, data, &header, |b| Some(i32::from_le_bytes(b))),
        Elem::I64 => fill::<i64, _>(&mut tensor, data, &header, |b| Some(i64::from_le_bytes(b))),
        Elem::F32 => fill::<f32, _>(&mut tensor, data, &header, |b| Some(f32::from_le_bytes(b))),
        Elem::F64 => fill::<f64, _>(&mut tensor, data, &header, |b| Some(f64::from_le_bytes(b))),
        Elem::C64 => {
            fill::<Complex<f32>, _>(&mut tensor, data, &header, |[a, b, c, d, e, f, g, h]: [u8; 8]| {
                Some(Complex::new(f32::from_le_bytes([a, b, c, d]), f32::from_le_bytes([e, f, g, h])))
            })
        }
        Elem::C128 => fill::<Complex<f64>, _>(&mut tensor, data, &header, |b: [u8; 16]| {
            let bits = u128::from_le_bytes(b);
            Some(Complex::new(f64::from_bits(bits as u64), f64::from_bits((bits >> 64) as u64)))
        }),
    }?;
    Ok(tensor)
}

/// Reads the elements; `from` makes one of its little-endian bytes.
fn fill<T: Element, const N: usize>(
    tensor: &mut OwnedTensor,
    data: &[u8],
    header: &Header,
    from: impl Fn([u8; N]) -> Option<T>,
) -> Result<(), Error> {
    let Some(out) = tensor.as_mut_slice::<T>() else { return Ok(()) };
    // The parts of a complex number are swapped one by one.
    let part = if matches!(header.elem, Elem::C64 | Elem::C128) { N / 2 } else { N };
    let element = |chunk: &[u8; N]| {
        let mut bytes = *chunk;
        if header.big_endian {
            bytes.chunks_mut(part).for_each(<[u8]>::reverse);
        }
        from(bytes).ok_or_else(|| Error(format!("byte {} is not a truth value", chunk[0])))
    };
    let (chunks, _) = data.as_chunks::<N>();
    if !header.fortran {
        for (o, chunk) in out.iter_mut().zip(chunks) {
            *o = element(chunk)?;
        }
        return Ok(());
    }
    // Columns: the first index runs fastest in the file, the last in memory.
    let mut index = vec![0; header.dims.len()];
    for o in out {
        let at = index.iter().zip(&header.dims).rev().fold(0, |at, (i, d)| at * *d as usize + i);
        *o = element(&chunks[at])?;
        for (i, d) in index.iter_mut().zip(&header.dims).rev() {
            *i += 1;
            if *i < *d as usize {
                break;
            }
            *i = 0;
        }
    }
    Ok(())
}

/// Writes `tensor` as an `.npy` file.
///
/// # Errors
/// Those of `to`.
pub fn write(to: &mut impl Write, tensor: &OwnedTensor) -> io::Result<()> {
    let dims: String = tensor.dims().iter().map(|d| format!("{d}, ")).collect();
    // A tuple of one keeps its comma, as NumPy writes it.
    let dims = if tensor.dims().len() == 1 { dims.trim_end() } else { dims.trim_end_matches(", ") };
    let descr = descr(tensor.elem());
    let mut header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({dims}), }}");
    // Data begin at a multiple of 64 bytes.
    let before = MAGIC.len() + 4;
    let padded = (before + header.len() + 1).next_multiple_of(64);
    header.extend(std::iter::repeat_n(' ', padded - before - header.len() - 1));
    header.push('\n');
    to.write_all(MAGIC)?;
    to.write_all(&[1, 0])?;
    to.write_all(&(header.len() as u16).to_le_bytes())?;
    to.write_all(header.as_bytes())?;
    if cfg!(target_endian = "little") {
        return to.write_all(tensor.as_bytes());
    }
    let part = if matches!(tensor.elem(), Elem::C64 | Elem::C128) { 2 } else { 1 };
    for number in tensor.as_bytes().chunks(tensor.elem().size() / part) {
        let swapped: Vec<u8> = number.iter().rev().copied().collect();
        to.write_all(&swapped)?;
    }
    Ok(())
}

fn descr(elem: Elem) -> &'static str {
    match elem {
        Elem::U8 => "|u1",
        Elem::I32 => "<i4",
        Elem::I64 => "<i8",
        Elem::F32 => "<f4",
        Elem::F64 => "<f8",
        Elem::C64 => "<c8",
        Elem::C128 => "<c16",
        Elem::Bool => "|b1",
    }
}

/// What the header says.
struct Header {
    elem: Elem,
    big_endian: bool,
    fortran: bool,
    dims: Vec<u64>,
}

impl Header {
    /// Reads the Python dictionary that a header is.
    fn parse(text: &str) -> Result<Header, Error> {
        let bad = |what: &str| Error(format!("the .npy header has no readable '{what}'"));
        let value = |key: &str| {
            let at = text.find(&format!("'{key}'"))? + key.len() + 2;
            Some(text[at..].trim_start().strip_prefix(':')?.trim_start())
        };
        let descr = value("descr").ok_or_else(|| bad("descr"))?;
        if descr.starts_with('[') {
            return refuse("the .npy array has records for elements; expected numbers");
        }
        let descr =
            descr.strip_prefix('\'').and_then(|d| d.split('\'').next()).ok_or_else(|| bad("descr"))?;
        let native = if cfg!(target_endian = "big") { '>' } else { '<' };
        let (order, kind) = match descr.chars().next() {
            Some(order @ ('<' | '>' | '=' | '|')) => (if order == '=' { native } else { order }, &descr[1..]),
            _ => (native, descr),
        };
        let elem = match kind {
            "u1" => Elem::U8,
            "i4" => Elem::I32,
            "i8" => Elem::I64,
            "f4" => Elem::F32,
            "f8" => Elem::F64,
            "c8" => Elem::C64,
            "c16" => Elem::C128,
            "b1" => Elem::Bool,
            _ => {
                return refuse(format!(
                    "the .npy array has elements of dtype '{descr}'; tensors have u1, i4, i8, f4, f8, c8, c16 and b1"
                ));
            }
        };
        let fortran = match value("fortran_order") {
            Some(v) if v.starts_with("True") => true,
            Some(v) if v.starts_with("False") => false,
            _ => return Err(bad("fortran_order")),
        };
        let shape = value("shape").and_then(|s| s.strip_prefix('(')?.split(')').next());
        let mut dims = Vec::new();
        for dim in shape.ok_or_else(|| bad("shape"))?.split(',').map(str::trim).filter(|d| !d.is_empty()) {
            dims.push(dim.trim_end_matches('L').parse().map_err(|_| bad("shape"))?);
        }
        Ok(Header { elem, big_endian: order == '>', fortran, dims })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(version: u8, header: &str, data: &[u8]) -> Vec<u8> {
        let mut f = [MAGIC, &[version, 0]].concat();
        match version {
            1 => f.extend((header.len() as u16).to_le_bytes()),
            _ => f.extend((header.len() as u32).to_le_bytes()),
        }
        [&f[..], header.as_bytes(), data].concat()
    }

    fn why(file: &[u8]) -> String {
        read(file).unwrap_err().to_string()
    }

    #[test]
    fn every_element_type_comes_back() {
        fn check<T: Element>(data: &[T]) {
            for dims in [vec![data.len() as u64], vec![1, data.len() as u64, 1]] {
                let t = OwnedTensor::from_slice(&dims, data).unwrap();
                let mut file = Vec::new();
                write(&mut file, &t).unwrap();
                assert_eq!((file.len() - size_of_val(data)) % 64, 0);
                assert_eq!(read(&file).unwrap(), t);
            }
        }
        check(&[0u8, 255]);
        check(&[i32::MIN, 7]);
        check(&[i64::MIN, 7, 8]);
        check(&[f32::NAN, -0.0]);
        check(&[f64::INFINITY, 1e-300]);
        check(&[Complex::new(1f32, -2.0)]);
        check(&[Complex::new(1f64, -2.0)]);
        check(&[true, false]);
        let scalar = OwnedTensor::from_slice(&[], &[3i64]).unwrap();
        let mut file = Vec::new();
        write(&mut file, &scalar).unwrap();
        assert_eq!(read(&file).unwrap(), scalar);
    }

    #[test]
    fn columns_and_big_endian_numbers_are_turned() {
        // [[1, 2, 3], [4, 5, 6]] by columns.
        let data: Vec<u8> = [1i32, 4, 2, 5, 3, 6].iter().flat_map(|v| v.to_be_bytes()).collect();
        let header = "{'descr': '>i4', 'fortran_order': True, 'shape': (2, 3), }\n";
        for version in [1, 2, 3] {
            let t = read(&file(version, header, &data)).unwrap();
            assert_eq!(t.dims(), [2, 3]);
            assert_eq!(t.as_slice::<i32>(), Some(&[1, 2, 3, 4, 5, 6][..]));
        }
        let data: Vec<u8> = [1f64, 2.0].iter().flat_map(|v| v.to_be_bytes()).collect();
        let t = read(&file(1, "{'descr': '>c16', 'fortran_order': False, 'shape': (1,)}", &data)).unwrap();
        assert_eq!(t.as_slice::<Complex<f64>>(), Some(&[Complex::new(1.0, 2.0)][..]));
    }

    #[test]
    fn what_is_wrong_is_said() {
        let header = |descr: &str, shape: &str| {
            format!("{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}")
        };
        let good = file(1, &header("'<f8'", "(2,)"), &[0; 16]);
        assert!(read(&good).is_ok());
        for end in 0..good.len() {
            assert!(read(&good[..end]).is_err());
        }
        assert!(why(b"").contains("not an .npy file"));
        assert!(why(&good[..good.len() - 1]).contains("cut off: f64 [2] takes 16 bytes, found 15"));
        assert!(why(&file(1, &header("'<f8'", "(1,)"), &[0; 16])).contains("more data"));
        assert!(why(&file(9, "", &[])).contains("version 9.0"));
        assert!(why(&file(1, &header("'<f2'", "(2,)"), &[0; 4])).contains("dtype '<f2'"));
        assert!(why(&file(1, &header("[('a', '<f8')]", "(2,)"), &[0; 16])).contains("records"));
        assert!(why(&file(1, &header("'<f8'", "(1, 1, 1, 1, 1, 1, 1, 1, 1)"), &[0; 8])).contains("9 dim"));
        assert!(why(&file(1, &header("'<f8'", "(99999999999, 99999999999)"), &[])).contains("cut off"));
        assert!(why(&file(1, &header("'<f8'", "(-1,)"), &[])).contains("shape"));
        assert!(why(&file(1, &header("'|b1'", "(1,)"), &[7])).contains("truth value"));
        assert!(why(&file(1, "{}", &[])).contains("descr"));
    }
}
