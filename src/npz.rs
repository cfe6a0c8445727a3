//! Sparse matrices in `.npz` files, as `scipy.sparse.save_npz` writes them: a zip file of `.npy` files.
//!
//! Files are read whose members are stored or deflated, of CSR and CSC; what they hold must be in canonical form. A
//! hostile file cannot make the reader take more than was allowed: a member is never made longer than it says
//! that it is, and what it says is looked at first. Written files store their members.
//!
//! ```
//! use nbc::{Elem, Format, OwnedSparse, OwnedTensor, npz};
//! let values = OwnedTensor::from_slice(&[2], &[4.0, 1.5]).unwrap();
//! let a = OwnedSparse::of_places(Format::Csc, [2, 3], &[[1, 0], [0, 2]], values).unwrap();
//! let mut file = Vec::new();
//! npz::write(&mut file, &a).unwrap();
//! assert_eq!(npz::read(&file, Elem::F64, 1 << 20).unwrap(), a);
//! assert!(npz::read(&file[..200], Elem::F64, 1 << 20).is_err());
//! ```

use crate::npy;
use flate2::Crc;
use flate2::read::DeflateDecoder;
use nbc_ir::Elem;
use nbc_ir::shown::clipped;
use nbc_runtime::object::{Format, OwnedSparse, OwnedTensor};
use std::fmt;
use std::io::{self, Read, Write};

/// A zip file has a comment of fewer bytes, before which its end stands.
const COMMENT: usize = 1 << 16;
/// Of the end of a zip file, of an entry of its directory, and of what stands before a member.
const END: usize = 22;
const ENTRY: usize = 46;
const LOCAL: usize = 30;
/// How members are kept.
const STORED: u16 = 0;
const DEFLATED: u16 = 8;

/// Why a file is no matrix that can be read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Error {
    message: String,
    too_large: bool,
}

impl Error {
    fn new(message: impl Into<String>) -> Error {
        Error { message: message.into(), too_large: false }
    }

    /// Whether the matrix is only larger than was allowed.
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

fn broken() -> Error {
    Error::new("the .npz file is no whole zip file")
}

fn two(bytes: &[u8], at: usize) -> Result<u16, Error> {
    let part = bytes.get(at..at.saturating_add(2)).and_then(|part| part.try_into().ok());
    part.map(u16::from_le_bytes).ok_or_else(broken)
}

fn four(bytes: &[u8], at: usize) -> Result<u32, Error> {
    let part = bytes.get(at..at.saturating_add(4)).and_then(|part| part.try_into().ok());
    part.map(u32::from_le_bytes).ok_or_else(broken)
}

/// A member of a zip file.
struct Member<'a> {
    name: &'a [u8],
    method: u16,
    crc: u32,
    /// As it is in the file, and as it is.
    packed: &'a [u8],
    size: u64,
}

/// The members that the directory of a zip file names.
fn members(file: &[u8]) -> Result<Vec<Member<'_>>, Error> {
    let first = file.len().saturating_sub(END + COMMENT);
    let end = file[first..].windows(4).rposition(|four| four == b"PK\x05\x06").ok_or_else(broken)? + first;
    // Its comment is the rest of the file.
    if end + END + usize::from(two(file, end + 20)?) != file.len() {
        return Err(broken());
    }
    let (count, mut at) = (two(file, end + 10)?, four(file, end + 16)? as usize);
    let mut members = Vec::new();
    for _ in 0..count {
        if file.get(at..at.saturating_add(4)) != Some(b"PK\x01\x02") {
            return Err(broken());
        }
        let (flags, method) = (two(file, at + 8)?, two(file, at + 10)?);
        let (crc, packed, size) = (four(file, at + 16)?, four(file, at + 20)?, four(file, at + 24)?);
        let lengths = [two(file, at + 28)?, two(file, at + 30)?, two(file, at + 32)?].map(usize::from);
        let local = four(file, at + 42)?;
        if flags & 1 != 0 {
            return Err(Error::new("a member of the .npz file is encrypted"));
        }
        if [packed, size, local].contains(&u32::MAX) {
            return Err(Error::new("a member of the .npz file has 4 GB or more, which is not read"));
        }
        let name = file.get(at + ENTRY..at + ENTRY + lengths[0]).ok_or_else(broken)?;
        let local = local as usize;
        if file.get(local..local.saturating_add(4)) != Some(b"PK\x03\x04") {
            return Err(broken());
        }
        let start = local + LOCAL + usize::from(two(file, local + 26)?) + usize::from(two(file, local + 28)?);
        let packed = file.get(start..start.saturating_add(packed as usize)).ok_or_else(broken)?;
        members.push(Member { name, method, crc, packed, size: u64::from(size) });
        at += ENTRY + lengths.iter().sum::<usize>();
    }
    Ok(members)
}

/// The bytes of the member of that name, at most as many as there is room for.
fn bytes_of(members: &[Member<'_>], name: &str, room: &mut u64) -> Result<Vec<u8>, Error> {
    let file = format!("{name}.npy");
    let Some(member) = members.iter().find(|m| m.name == file.as_bytes()) else {
        return Err(Error::new(format!("the .npz file holds no {file}; scipy.sparse.save_npz writes one")));
    };
    if member.size > *room {
        let message =
            format!("{file} of the .npz file takes {} bytes, and only {room} may be read", member.size);
        return Err(Error { message, too_large: true });
    }
    *room -= member.size;
    let mut bytes = Vec::new();
    let wrong = |why: &str| Error::new(format!("{file} of the .npz file {why}"));
    let read = match member.method {
        STORED => member.packed.take(member.size + 1).read_to_end(&mut bytes),
        DEFLATED => DeflateDecoder::new(member.packed).take(member.size + 1).read_to_end(&mut bytes),
        other => return Err(wrong(&format!("is packed in way {other}; stored and deflated ones are read"))),
    };
    read.map_err(|_| wrong("cannot be unpacked"))?;
    let mut crc = Crc::new();
    crc.update(&bytes);
    if bytes.len() as u64 != member.size || crc.sum() != member.crc {
        return Err(wrong("is not what the file says that it is"));
    }
    Ok(bytes)
}

/// The sparse matrix in the `.npz` file `file`, whose elements are `elem`. `most` bounds the bytes that its members take.
///
/// # Errors
/// Anything that is not a whole file with a matrix in canonical CSR or CSC form, of such elements.
pub fn read(file: &[u8], elem: Elem, most: u64) -> Result<OwnedSparse, Error> {
    let members = members(file)?;
    let mut room = most;
    let format = bytes_of(&members, "format", &mut room)?;
    // A text of fixed width, after its header; each character of one or four bytes.
    let text: String = format[format.len().saturating_sub(12)..]
        .iter()
        .filter(|b| b.is_ascii_lowercase())
        .map(|b| *b as char)
        .collect();
    let format = match &text {
        text if text.ends_with("csr") => Format::Csr,
        text if text.ends_with("csc") => Format::Csc,
        text => {
            let text = clipped(text, 12);
            return Err(Error::new(format!("the matrix is in format {text:?}; csr and csc are read")));
        }
    };
    let mut tensor = |name: &str| {
        let bytes = bytes_of(&members, name, &mut room)?;
        npy::read(&bytes).map_err(|e| Error::new(format!("{name}.npy of the .npz file: {e}")))
    };
    let shape =
        whole(tensor("shape")?).ok_or_else(|| Error::new("the shape of the matrix is of no integers"))?;
    let Ok([rows, cols]) = <[i64; 2]>::try_from(shape) else {
        return Err(Error::new("the matrix has not two dims"));
    };
    let (Ok(rows), Ok(cols)) = (u64::try_from(rows), u64::try_from(cols)) else {
        return Err(Error::new(format!("the matrix has dims [{rows}, {cols}]")));
    };
    let integers =
        |t: OwnedTensor| whole(t).ok_or_else(|| Error::new("indices of the matrix are no integers"));
    let (pointers, indices) = (integers(tensor("indptr")?)?, integers(tensor("indices")?)?);
    let values = tensor("data")?;
    if values.elem() != elem {
        let found = values.elem();
        return Err(Error::new(format!(
            "expected a sparse<{elem}>, found a matrix of elements of type {found}"
        )));
    }
    let no_memory = || Error::new("no memory for the matrix");
    let narrow: Result<Vec<i32>, _> = indices.iter().map(|i| i32::try_from(*i)).collect();
    let narrow = narrow.map_err(|_| Error::new("an index of the matrix is out of range"))?;
    let pointers = OwnedTensor::from_slice(&[pointers.len() as u64], &pointers).ok_or_else(no_memory)?;
    let indices = OwnedTensor::from_slice(&[narrow.len() as u64], &narrow).ok_or_else(no_memory)?;
    OwnedSparse::new(format, [rows, cols], pointers, indices, values)
        .map_err(|e| Error::new(format!("{e}; sum_duplicates() makes it so")))
}

/// The elements of a tensor of integers.
fn whole(tensor: OwnedTensor) -> Option<Vec<i64>> {
    if let Some(all) = tensor.as_slice::<i64>() {
        return Some(all.to_vec());
    }
    Some(tensor.as_slice::<i32>()?.iter().map(|i| i64::from(*i)).collect())
}

/// Writes a matrix as SciPy does.
///
/// # Errors
/// Those of `out`, and of a member of 4 GB or more.
pub fn write(out: &mut dyn Write, matrix: &OwnedSparse) -> io::Result<()> {
    let no_memory = || io::Error::from(io::ErrorKind::OutOfMemory);
    let dims = matrix.dims().map(|d| d as i64);
    let shape = OwnedTensor::from_slice(&[2], &dims).ok_or_else(no_memory)?;
    // A text of three characters, which no tensor can have.
    let mut format =
        b"\x93NUMPY\x01\x00\x76\x00{'descr': '|S3', 'fortran_order': False, 'shape': (), }".to_vec();
    format.resize(127, b' ');
    format.push(b'\n');
    format.extend(matrix.format().name().as_bytes());
    let tensors = [
        ("indices", matrix.indices()),
        ("indptr", matrix.pointers()),
        ("shape", &shape),
        ("data", matrix.values()),
    ];
    let (mut directory, mut at, mut count) = (Vec::new(), 0u32, 0u16);
    let mut member = |name: &str, bytes: &[u8]| {
        let too_large = || io::Error::other("a matrix of 4 GB or more is not written to an .npz file");
        let size = u32::try_from(bytes.len()).map_err(|_| too_large())?;
        let name = format!("{name}.npy");
        let mut crc = Crc::new();
        crc.update(bytes);
        // Version, flags, method, time and date (1980), checksum, sizes, lengths of name and extra field.
        let mut about = Vec::new();
        about.extend([20, 0, 0, 0, 0, 0, 0, 0, 0x21, 0]);
        about.extend([crc.sum(), size, size].map(u32::to_le_bytes).concat());
        about.extend([name.len() as u8, 0, 0, 0]);
        out.write_all(&[&b"PK\x03\x04"[..], &about, name.as_bytes(), bytes].concat())?;
        directory.extend(
            [&b"PK\x01\x02"[..], &[20, 0], &about, &[0; 10], &at.to_le_bytes(), name.as_bytes()].concat(),
        );
        let taken = (LOCAL + name.len()) as u32;
        at = at.checked_add(taken).and_then(|at| at.checked_add(size)).ok_or_else(too_large)?;
        count += 1;
        Ok::<(), io::Error>(())
    };
    for (name, tensor) in tensors {
        let mut bytes = Vec::new();
        npy::write(&mut bytes, tensor)?;
        member(name, &bytes)?;
    }
    member("format", &format)?;
    let long = directory.len() as u32;
    let end =
        [&count.to_le_bytes()[..], &count.to_le_bytes(), &long.to_le_bytes(), &at.to_le_bytes(), &[0, 0]];
    out.write_all(&directory)?;
    out.write_all(&[&b"PK\x05\x06\0\0\0\0"[..], &end.concat()].concat())
}
