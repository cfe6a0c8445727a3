//! NumPy's `.npy` files: versions 1 to 3, element types that tensors have.
//!
//! Files are read in either order of axes (`fortran_order` is turned into rows) and
//! in either byte order of numbers. They are written little-endian in rows. A
//! hostile file cannot make the reader allocate more than it holds, or than was
//! allowed, nor read further than its shape says. Format:
//! <https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html>.
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
use nbc_ir::shown::clipped;
use nbc_runtime::object::{Element, OwnedTensor};
use num_complex::Complex;
use std::fmt;
use std::io::{self, Read, Write};

const MAGIC: &[u8] = b"\x93NUMPY";
/// Headers are longer only in files that mean harm.
const LONGEST_HEADER: usize = 1 << 20;
/// What is read at a time; a multiple of every element's size.
const PIECE: usize = 1 << 16;

/// Why a file is not an array that a tensor can hold.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Error {
    message: String,
    too_large: bool,
}

impl Error {
    fn new(message: impl Into<String>) -> Error {
        Error { message: message.into(), too_large: false }
    }

    /// Whether the array is only larger than was allowed.
    pub fn is_too_large(&self) -> bool {
        self.too_large
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

fn refuse<T>(why: impl Into<String>) -> Result<T, Error> {
    Err(Error::new(why))
}

/// The tensor in the `.npy` file `bytes`.
///
/// # Errors
/// Anything that is not a whole `.npy` file with at most 8 dimensions. Its
/// elements are of type `u1`, `i4`, `i8`, `f4`, `f8`, `c8`, `c16` or `b1`.
pub fn read(bytes: &[u8]) -> Result<OwnedTensor, Error> {
    read_from(bytes, Some(bytes.len() as u64), u64::MAX)
}

/// The tensor in an `.npy` file, of which `len` says how long it is if that is
/// known. It is read piece by piece, so it is never held twice; `most` bounds
/// the bytes of its elements.
///
/// # Errors
/// As [`read`]; also when reading fails, or the array is larger than `most`.
pub fn read_from(file: impl Read, len: Option<u64>, most: u64) -> Result<OwnedTensor, Error> {
    read_as(file, len, most, None)
}

/// The tensor in an `.npy` file of integers as [`read_from`], whose elements become `elem`, which is i32 or i64.
///
/// # Errors
/// As there; also when an integer is none of those.
pub(crate) fn integers_from(
    file: impl Read,
    len: Option<u64>,
    most: u64,
    elem: Elem,
) -> Result<OwnedTensor, Error> {
    read_as(file, len, most, Some(elem))
}

fn read_as(
    mut file: impl Read,
    len: Option<u64>,
    most: u64,
    integers: Option<Elem>,
) -> Result<OwnedTensor, Error> {
    let (header, before) = Header::read(&mut file)?;
    let dims = &header.dims[..];
    if dims.len() > nbc_ir::dims::MAX_RANK {
        return refuse(format!("the .npy array has {} dimensions; tensors have at most 8", dims.len()));
    }
    let elem = match integers {
        Some(_) if !matches!(header.elem, Elem::I32 | Elem::I64) => {
            return refuse(format!("the .npy array has elements of type {}; expected integers", header.elem));
        }
        other => other.unwrap_or(header.elem),
    };
    let (Some(wanted), Some(taken)) = (header.bytes(header.elem), header.bytes(elem)) else {
        return refuse(format!(
            "the .npy array's shape does not fit: {} {dims:?} takes more than there is room for",
            header.elem
        ));
    };
    let found = |what: &str, found: String| {
        refuse(format!("the .npy file {what}: {} {dims:?} takes {wanted} bytes, found {found}", header.elem))
    };
    const CUT: &str = "is cut off";
    const MORE: &str = "has more data than its shape says";
    // Before anything is allocated.
    if let Some(data) = len.map(|len| len.saturating_sub(before))
        && data != wanted
    {
        return found(if data > wanted { MORE } else { CUT }, data.to_string());
    }
    if taken > most {
        let message = format!("the .npy array takes {taken} bytes, and only {most} may be read");
        return Err(Error { message, too_large: true });
    }
    let mut tensor = OwnedTensor::zeros(elem, dims).ok_or_else(|| Error::new("no memory for the array"))?;
    let mut elements = Elements { file: &mut file, header: &header, read: 0 };
    let filled = match (header.elem, elem) {
        (Elem::I32, Elem::I64) => {
            elements.fill::<i64, _>(&mut tensor, |b| Some(i64::from(i32::from_le_bytes(b))))
        }
        (Elem::I64, Elem::I32) => {
            elements.fill::<i32, _>(&mut tensor, |b| i32::try_from(i64::from_le_bytes(b)).ok())
        }
        (Elem::U8, _) => elements.fill::<u8, _>(&mut tensor, |b: [u8; 1]| Some(b[0])),
        (Elem::Bool, _) => elements.fill::<bool, _>(&mut tensor, |b: [u8; 1]| match b[0] {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }),
        (Elem::I32, _) => elements.fill::<i32, _>(&mut tensor, |b| Some(i32::from_le_bytes(b))),
        (Elem::I64, _) => elements.fill::<i64, _>(&mut tensor, |b| Some(i64::from_le_bytes(b))),
        (Elem::F32, _) => elements.fill::<f32, _>(&mut tensor, |b| Some(f32::from_le_bytes(b))),
        (Elem::F64, _) => elements.fill::<f64, _>(&mut tensor, |b| Some(f64::from_le_bytes(b))),
        (Elem::C64, _) => {
            elements.fill::<Complex<f32>, _>(&mut tensor, |[a, b, c, d, e, f, g, h]: [u8; 8]| {
                Some(Complex::new(f32::from_le_bytes([a, b, c, d]), f32::from_le_bytes([e, f, g, h])))
            })
        }
        (Elem::C128, _) => elements.fill::<Complex<f64>, _>(&mut tensor, |b: [u8; 16]| {
            let bits = u128::from_le_bytes(b);
            Some(Complex::new(f64::from_bits(bits as u64), f64::from_bits((bits >> 64) as u64)))
        }),
    };
    let read = elements.read;
    match filled {
        Ok(()) => {}
        Err(Stop::End) => return found(CUT, read.to_string()),
        Err(Stop::Why(e)) => return Err(e),
    }
    if piece(&mut file, &mut [0]).map_err(failed)? > 0 {
        return found(MORE, "more".to_owned());
    }
    Ok(tensor)
}

/// The text in an `.npy` file of one, which no tensor can hold.
///
/// # Errors
/// When reading fails, or there is something else, or a long text.
pub(crate) fn text_from(mut file: impl Read) -> Result<String, Error> {
    const LONGEST: usize = 64;
    let other = || Error::new("the .npy array is no short text");
    let (header, version, _) = Header::text(&mut file)?;
    let header = Raw::parse(&header, version < 3)?;
    let (order, kind) = order_and_kind(header.descr);
    let (width, len) = match (kind.split_at_checked(1), &header.dims[..]) {
        (Some(("S", len)), []) => (1, len.parse().ok()),
        (Some(("U", len)), []) => (4, len.parse().ok()),
        _ => return Err(other()),
    };
    let len = len.filter(|len: &usize| *len <= LONGEST).ok_or_else(other)?;
    let mut bytes = vec![0; width * len + 1];
    if piece(&mut file, &mut bytes).map_err(failed)? != width * len {
        return refuse("the .npy file of a text is not as long as it says");
    }
    let character = |of: &[u8]| {
        let mut all = [0; 4];
        all[..width].copy_from_slice(of);
        let (little, big) = (u32::from_le_bytes(all), u32::from_be_bytes(all));
        char::from_u32(if order == '>' && width == 4 { big } else { little })
    };
    bytes[..width * len].chunks_exact(width).map(character).collect::<Option<String>>().ok_or_else(other)
}

fn failed(e: io::Error) -> Error {
    Error::new(format!("reading the .npy file failed: {e}"))
}

/// Reads until `to` is full or the file ends; how much that is.
fn piece(file: &mut impl Read, to: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < to.len() {
        match file.read(&mut to[filled..]) {
            Ok(0) => break,
            Ok(n) => filled += n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(filled)
}

/// Why elements are not read on.
enum Stop {
    /// There are no more.
    End,
    Why(Error),
}

/// The elements behind a header.
struct Elements<'a, R> {
    file: &'a mut R,
    header: &'a Header,
    /// Bytes read so far.
    read: u64,
}

impl<R: Read> Elements<'_, R> {
    /// Reads all of them; `from` makes one of its little-endian bytes.
    fn fill<T: Element, const N: usize>(
        &mut self,
        tensor: &mut OwnedTensor,
        from: impl Fn([u8; N]) -> Option<T>,
    ) -> Result<(), Stop> {
        let header = self.header;
        let Some(out) = tensor.as_mut_slice::<T>() else { return Ok(()) };
        // The parts of a complex number are swapped one by one.
        let part = if matches!(header.elem, Elem::C64 | Elem::C128) { N / 2 } else { N };
        let element = |mut bytes: [u8; N]| {
            let first = bytes[0];
            if header.big_endian {
                bytes.chunks_mut(part).for_each(<[u8]>::reverse);
            }
            from(bytes).ok_or_else(|| {
                Stop::Why(Error::new(match header.elem {
                    Elem::Bool => format!("byte {first} is not a truth value"),
                    _ => "an integer of the .npy array is out of range for i32".to_owned(),
                }))
            })
        };
        let mut buffer = vec![0; PIECE.min(out.len().saturating_mul(N))];
        // In columns the first index runs fastest in the file, the last in memory.
        let mut place = header.fortran.then(|| Columns::new(&header.dims));
        let mut done = 0;
        while done < out.len() {
            let want = buffer.len().min((out.len() - done) * N);
            let got = piece(self.file, &mut buffer[..want]).map_err(|e| Stop::Why(failed(e)))?;
            self.read += got as u64;
            if got < want {
                return Err(Stop::End);
            }
            let (chunks, _) = buffer[..want].as_chunks::<N>();
            match &mut place {
                None => {
                    for (o, chunk) in out[done..].iter_mut().zip(chunks) {
                        *o = element(*chunk)?;
                    }
                }
                Some(place) => {
                    for chunk in chunks {
                        out[place.next()] = element(*chunk)?;
                    }
                }
            }
            done += chunks.len();
        }
        Ok(())
    }
}

/// Where elements that come by columns lie in rows.
struct Columns {
    /// Length, distance in memory and index of each axis.
    axes: Vec<(usize, usize, usize)>,
    at: usize,
}

impl Columns {
    /// For dims of which none is 0.
    fn new(dims: &[u64]) -> Columns {
        let mut stride = 1usize;
        let mut axes: Vec<_> = dims
            .iter()
            .rev()
            .map(|d| {
                let axis = (*d as usize, stride, 0);
                stride = stride.wrapping_mul(*d as usize);
                axis
            })
            .collect();
        axes.reverse();
        Columns { axes, at: 0 }
    }

    fn next(&mut self) -> usize {
        let at = self.at;
        for (len, stride, index) in &mut self.axes {
            *index += 1;
            self.at += *stride;
            if *index < *len {
                break;
            }
            self.at -= *index * *stride;
            *index = 0;
        }
        at
    }
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

/// The order of bytes that a type's name begins with, and the rest of it.
fn order_and_kind(descr: &str) -> (char, &str) {
    let native = if cfg!(target_endian = "big") { '>' } else { '<' };
    match descr.chars().next() {
        Some('=') => (native, &descr[1..]),
        Some(order @ ('<' | '>' | '|')) => (order, &descr[1..]),
        _ => (native, descr),
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
    /// Reads the beginning of a file; also how long that is.
    fn read(file: &mut impl Read) -> Result<(Header, u64), Error> {
        let (text, version, before) = Header::text(file)?;
        Ok((Header::of(Raw::parse(&text, version < 3)?)?, before))
    }

    /// The text of a header, its version, and how long the beginning of the file is.
    fn text(file: &mut impl Read) -> Result<(String, u8, u64), Error> {
        const CUT: &str = "the .npy file is cut off in its header";
        let mut start = [0; 12];
        let got = piece(file, &mut start[..8]).map_err(failed)?;
        if !start[..got].starts_with(MAGIC) {
            return refuse("not an .npy file: it does not start with \\x93NUMPY");
        }
        if got < 8 {
            return refuse(CUT);
        }
        let size = match (start[6], start[7]) {
            (1, 0) => 2,
            (2 | 3, 0) => 4,
            (major, minor) => return refuse(format!("unknown .npy version {major}.{minor}")),
        };
        if piece(file, &mut start[8..8 + size]).map_err(failed)? < size {
            return refuse(CUT);
        }
        // Of two bytes the other two are 0.
        let len = u32::from_le_bytes([start[8], start[9], start[10], start[11]]) as usize;
        if len > LONGEST_HEADER {
            return refuse(format!("the .npy header is {len} bytes long; at most {LONGEST_HEADER} are read"));
        }
        let mut text = vec![0; len];
        if piece(file, &mut text).map_err(failed)? < len {
            return refuse(CUT);
        }
        let Ok(text) = String::from_utf8(text) else {
            return refuse("the .npy header is not text");
        };
        Ok((text, start[6], (8 + size + len) as u64))
    }

    /// Bytes of so many elements of a type, if tensors can have that shape. Lengths are
    /// counted in an i64, also where there is no element.
    fn bytes(&self, elem: Elem) -> Option<u64> {
        let fits = |n: &u64| i64::try_from(*n).is_ok();
        if !self.dims.iter().all(fits) {
            return None;
        }
        if self.dims.contains(&0) {
            return Some(0);
        }
        let size = elem.size() as u64;
        self.dims.iter().try_fold(size, |n, d| n.checked_mul(*d)).filter(fits)
    }

    /// What a header says whose elements are those of tensors.
    fn of(Raw { descr, fortran, dims }: Raw<'_>) -> Result<Header, Error> {
        let (order, kind) = order_and_kind(descr);
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
                    "the .npy array has elements of dtype '{}'; tensors have u1, i4, i8, f4, f8, c8, c16 and b1",
                    clipped(descr, 40)
                ));
            }
        };
        Ok(Header { elem, big_endian: order == '>', fortran, dims })
    }
}

/// What the dictionary of a header says.
struct Raw<'a> {
    descr: &'a str,
    fortran: bool,
    dims: Vec<u64>,
}

impl<'a> Raw<'a> {
    /// Reads the Python dictionary that a header is. `longs`: Python 2 wrote `3L`.
    fn parse(text: &'a str, longs: bool) -> Result<Raw<'a>, Error> {
        let mut python = Python { rest: text };
        let (mut descr, mut fortran, mut shape) = (None, None, None);
        if !python.eat("{") {
            return refuse("the .npy header is no dictionary");
        }
        while !python.eat("}") {
            let key = python.string().ok_or_else(|| python.bad("dictionary"))?;
            if !python.eat(":") {
                return Err(python.bad("dictionary"));
            }
            let bad = || Error::new(format!("the .npy header has no readable '{key}'"));
            let first = match key {
                "descr" if python.rest.starts_with('[') => {
                    return refuse("the .npy array has records for elements; expected numbers");
                }
                "descr" => descr.replace(python.string().ok_or_else(bad)?).is_none(),
                "fortran_order" => fortran.replace(python.truth().ok_or_else(bad)?).is_none(),
                "shape" => {
                    let help = || Error::new(format!("{}; expected (), (3,) or (2, 3)", bad()));
                    shape.replace(python.tuple(longs).ok_or_else(help)?).is_none()
                }
                _ => {
                    let key = clipped(key, 40);
                    return refuse(format!(
                        "the .npy header says '{key}'; expected 'descr', 'fortran_order' and 'shape'"
                    ));
                }
            };
            if !first {
                return refuse(format!("the .npy header says '{key}' twice"));
            }
            if !python.eat(",") && !python.rest.starts_with('}') {
                return Err(python.bad("dictionary"));
            }
        }
        if !python.rest.is_empty() {
            let rest = clipped(python.rest, 40);
            return refuse(format!("the .npy header goes on after its dictionary: {rest}"));
        }
        let missing = |key: &str| Error::new(format!("the .npy header has no '{key}'"));
        let descr = descr.ok_or_else(|| missing("descr"))?;
        let fortran = fortran.ok_or_else(|| missing("fortran_order"))?;
        let dims = shape.ok_or_else(|| missing("shape"))?;
        Ok(Raw { descr, fortran, dims })
    }
}

/// What of Python's literals a header may hold; each reader also takes the
/// blanks behind.
struct Python<'a> {
    rest: &'a str,
}

impl<'a> Python<'a> {
    fn eat(&mut self, token: &str) -> bool {
        self.rest = self.rest.trim_ascii_start();
        match self.rest.strip_prefix(token) {
            Some(rest) => {
                self.rest = rest.trim_ascii_start();
                true
            }
            None => false,
        }
    }

    fn bad(&self, what: &str) -> Error {
        Error::new(format!("the .npy header is no readable {what}, from here on: {}", clipped(self.rest, 40)))
    }

    /// Text between quotes of either kind, without escapes.
    fn string(&mut self) -> Option<&'a str> {
        let quote = self.rest.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
        let (text, rest) = self.rest[1..].split_once(quote)?;
        self.rest = rest.trim_ascii_start();
        Some(text).filter(|t| !t.contains(['\\', '\n']))
    }

    fn truth(&mut self) -> Option<bool> {
        let end = self.rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest.trim_ascii_start();
        match word {
            "True" => Some(true),
            "False" => Some(false),
            _ => None,
        }
    }

    /// A tuple of lengths: `()`, `(3,)`, `(2, 3)`. What has no comma is a number.
    fn tuple(&mut self, longs: bool) -> Option<Vec<u64>> {
        let (mut dims, mut comma) = (Vec::new(), true);
        if !self.eat("(") {
            return None;
        }
        while !self.eat(")") {
            let end = self.rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(self.rest.len());
            let (digits, rest) = self.rest.split_at(end);
            // Python takes no zeros in front.
            let plain = comma && (digits.len() == 1 || !digits.starts_with('0'));
            dims.push(digits.parse().ok().filter(|_| plain)?);
            self.rest = if longs { rest.strip_prefix('L').unwrap_or(rest) } else { rest };
            comma = self.eat(",");
        }
        Some(dims).filter(|dims| dims.len() != 1 || comma)
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
        let later = [&good[..7], &[1], &good[8..]].concat();
        assert!(why(&later).contains("version 1.1"));
        assert!(why(&file(1, &header("'<f2'", "(2,)"), &[0; 4])).contains("dtype '<f2'"));
        assert!(why(&file(1, &header("[('a', '<f8')]", "(2,)"), &[0; 16])).contains("records"));
        assert!(why(&file(1, &header("'<f8'", "(1, 1, 1, 1, 1, 1, 1, 1, 1)"), &[0; 8])).contains("9 dim"));
        assert!(why(&file(1, &header("'<f8'", "(99999999999, 99999999999)"), &[])).contains("does not fit"));
        assert!(why(&file(1, &header("'<f8'", "(-1,)"), &[])).contains("shape"));
        assert!(why(&file(1, &header("'|b1'", "(1,)"), &[7])).contains("truth value"));
        assert!(why(&file(1, "{}", &[])).contains("descr"));
        assert!(why(&[MAGIC, &[2, 0, 255, 255, 255, 255]].concat()).contains("4294967295 bytes long"));
    }

    /// What NumPy refuses, which might mean one thing to it and another here.
    #[test]
    fn headers_are_one_dictionary_with_each_key_once() {
        let rest = "'fortran_order': False, 'shape': (2,)";
        let read = |version, header: &str| read(&file(version, header, &[0; 16]));
        for good in [
            &*format!("{{'descr': '<f8', {rest}, }}   \n"),
            &format!("{{'descr':\t'<f8' , {rest}}}"),
            "{\"shape\": ( 2 , ) , \"fortran_order\": False, \"descr\": \"<f8\"}",
            "{'shape': (1, 2,), 'fortran_order': False, 'descr': '<f8',}",
            "{'shape': (2L,), 'fortran_order': False, 'descr': '<f8',}",
        ] {
            assert!(read(1, good).is_ok(), "{good}");
        }
        for (bad, part) in [
            (&*format!("{{'descr': '<i8', 'descr': '<f8', {rest}}}"), "says 'descr' twice"),
            (&format!("{{'descr': '<f8', {rest}, 'shape': (2,)}}"), "says 'shape' twice"),
            (&format!("{{'descr': '<f8', {rest}, 'fortran_order': True}}"), "says 'fortran_order' twice"),
            (&format!("{{'descr': '<f8', {rest}}} 'shape': (9,)"), "goes on after its dictionary: 'shape'"),
            (&format!("{{'descr': '<f8', {rest}}}\0"), "goes on after its dictionary"),
            (&format!("{{'descr': '<f8', {rest}, 'x': 1}}"), "says 'x'; expected"),
            (&format!("{{'x': \"'shape': (1,)\", 'descr': '<f8', {rest}}}"), "says 'x'; expected"),
            (&format!("'descr': '<f8', {rest}"), "no dictionary"),
            (&format!("{{'descr': '<f8', {rest}"), "no readable dictionary"),
            (&format!("{{'descr': '<f8' {rest}}}"), "no readable dictionary"),
            (&format!("{{'descr': '<f8',, {rest}}}"), "no readable dictionary"),
            (&format!("{{, 'descr': '<f8', {rest}}}"), "no readable dictionary"),
            (&format!("{{'descr' '<f8', {rest}}}"), "no readable dictionary"),
            (&format!("{{'descr': <f8, {rest}}}"), "no readable 'descr'"),
            (&format!("{{'descr': '\\x3cf8', {rest}}}"), "no readable 'descr'"),
            (&format!("{{{rest}}}"), "has no 'descr'"),
            ("{'descr': '<f8', 'shape': (2,)}", "has no 'fortran_order'"),
            ("{'descr': '<f8', 'fortran_order': False}", "has no 'shape'"),
            ("{'descr': '<f8', 'fortran_order': Falsehood, 'shape': (2,)}", "no readable 'fortran_order'"),
            ("{'descr': '<f8', 'fortran_order': 0, 'shape': (2,)}", "no readable 'fortran_order'"),
        ] {
            let why = read(1, bad).unwrap_err().to_string();
            assert!(why.contains(part), "{bad}: {why}");
        }
        let shape = |s: &str| format!("{{'descr': '<f8', 'fortran_order': False, 'shape': {s}}}");
        for bad in [
            "(2)", "2", "[2]", "(,)", "(2,,)", "(2 1)", "(,2)", "(+2,)", "(02,)", "(2LL,)", "(0x2,)", "(2",
            "(L,)", "None",
        ] {
            let why = read(1, &shape(bad)).unwrap_err().to_string();
            assert!(why.contains("no readable 'shape'; expected (), (3,) or (2, 3)"), "{bad}: {why}");
        }
        // The third version is Python 3's.
        assert!(read(2, &shape("(2L,)")).is_ok() && read(3, &shape("(2L,)")).is_err());
    }

    #[test]
    fn every_length_is_that_of_a_tensor() {
        let empty = |shape: &str| {
            file(1, &format!("{{'descr': '<f8', 'fortran_order': True, 'shape': {shape}}}"), &[])
        };
        for shape in ["(9223372036854775808, 0)", "(0, 18446744073709551615)", "(2305843009213693952, 4)"] {
            assert!(why(&empty(shape)).contains("does not fit"), "{shape}");
        }
        for shape in ["(1152921504606846976,)", "(4294967296, 4294967296)"] {
            assert!(why(&empty(shape)).contains("does not fit"), "{shape}");
        }
        assert!(why(&empty("(18446744073709551616, 0)")).contains("no readable 'shape'"));
        assert_eq!(read(&empty("(9223372036854775807, 0)")).unwrap().dims(), [i64::MAX as usize, 0]);
        assert_eq!(read(&empty("(4294967296, 4294967296, 0)")).unwrap().len(), 0);
    }

    #[test]
    fn no_more_is_read_than_is_wanted() {
        let header = "{'descr': '<f8', 'fortran_order': False, 'shape': (20000,)}";
        let data: Vec<u8> = (0..20_000).flat_map(|i| f64::from(i).to_le_bytes()).collect();
        let bytes = file(1, header, &data);
        let endless = |start: &[u8]| read_from(start.chain(io::repeat(0)), None, u64::MAX);
        assert!(endless(&bytes).unwrap_err().to_string().contains("has more data than its shape says"));
        assert!(endless(b"").unwrap_err().to_string().contains("not an .npy file"));
        let stream = read_from(&bytes[..], None, 160_000).unwrap();
        assert_eq!(stream.as_slice::<f64>().unwrap()[19_999], 19_999.0);
        let refused = read_from(&bytes[..], None, 159_999).unwrap_err();
        assert!(refused.is_too_large() && refused.to_string().contains("takes 160000 bytes"));
        let cut = read_from(&bytes[..bytes.len() - 9], None, u64::MAX).unwrap_err();
        assert!(cut.to_string().contains("cut off: f64 [20000] takes 160000 bytes, found 159991"), "{cut}");
        // A terabyte is refused before it is asked for: the file says how long it is.
        let header = "{'descr': '<f8', 'fortran_order': False, 'shape': (137438953472,)}";
        assert!(why(&file(1, header, &[0; 8])).contains("takes 1099511627776 bytes, found 8"));
    }
}
