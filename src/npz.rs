//! Sparse matrices in `.npz` files, as `scipy.sparse.save_npz` writes them: a zip file of `.npy` files.
//!
//! Files are read whose members are stored or deflated, of CSR and CSC; what they hold must be in canonical form. A
//! hostile file cannot make the reader take more than was allowed: members are unpacked straight into the tensors
//! of the matrix, for which there must be room, and are never made longer than they say. What two readers may
//! take for different matrices is refused. Written files store their members.
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
use flate2::bufread::DeflateDecoder;
use nbc_ir::Elem;
use nbc_ir::shown::clipped;
use nbc_runtime::object::{Format, OwnedSparse, OwnedTensor};
use std::fmt;
use std::io::{self, BufReader, Cursor, Read, Seek, SeekFrom, Write};

/// A zip file has a comment of fewer bytes, before which its end stands.
const COMMENT: usize = 1 << 16;
/// Of the end of a zip file, of an entry of its directory, and of what stands before a member.
const END: usize = 22;
const ENTRY: usize = 46;
const LOCAL: usize = 30;
/// A directory of five members takes some hundred bytes.
const LONGEST_DIRECTORY: u32 = 1 << 20;
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

fn failed(e: &io::Error) -> Error {
    match e.kind() {
        io::ErrorKind::UnexpectedEof => broken(),
        _ => Error::new(format!("reading the .npz file failed: {e}")),
    }
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
struct Member {
    name: Vec<u8>,
    method: u16,
    crc: u32,
    /// Where it begins, and how long it is in the file, and unpacked.
    local: u32,
    packed: u32,
    size: u32,
}

/// A zip file, and what its directory says.
struct Archive<R> {
    file: R,
    members: Vec<Member>,
    /// Bytes that may still be taken.
    room: u64,
}

impl<R: Read + Seek> Archive<R> {
    fn open(mut file: R, room: u64) -> Result<Archive<R>, Error> {
        let len = file.seek(SeekFrom::End(0)).map_err(|e| failed(&e))?;
        let first = len.saturating_sub((END + COMMENT) as u64);
        let tail = part(&mut file, first, (len - first) as usize)?;
        let end = tail.windows(4).rposition(|four| four == b"PK\x05\x06").ok_or_else(broken)?;
        // Its comment is the rest of the file.
        if end + END + usize::from(two(&tail, end + 20)?) != tail.len() {
            return Err(broken());
        }
        let (count, long, at) = (two(&tail, end + 10)?, four(&tail, end + 12)?, four(&tail, end + 16)?);
        if long > LONGEST_DIRECTORY {
            return Err(Error::new(format!(
                "the directory of the .npz file has {long} bytes, which is not read"
            )));
        }
        let directory = part(&mut file, u64::from(at), long as usize)?;
        let (mut members, mut at) = (Vec::new(), 0usize);
        for _ in 0..count {
            if directory.get(at..at.saturating_add(4)) != Some(b"PK\x01\x02") {
                return Err(broken());
            }
            let (flags, method) = (two(&directory, at + 8)?, two(&directory, at + 10)?);
            let [crc, packed, size] = [16, 20, 24].map(|field| four(&directory, at + field));
            let (crc, packed, size, local) = (crc?, packed?, size?, four(&directory, at + 42)?);
            let [name, extra, comment] = [28, 30, 32].map(|field| two(&directory, at + field));
            let (name, others) = (usize::from(name?), usize::from(extra?) + usize::from(comment?));
            if flags & 1 != 0 {
                return Err(Error::new("a member of the .npz file is encrypted"));
            }
            if [packed, size, local].contains(&u32::MAX) {
                return Err(Error::new("a member of the .npz file has 4 GB or more, which is not read"));
            }
            at += ENTRY;
            let name = directory.get(at..at + name).ok_or_else(broken)?.to_vec();
            at += name.len() + others;
            members.push(Member { name, method, crc, local, packed, size });
        }
        Ok(Archive { file, members, room })
    }

    /// What `read` makes of the member of that name, of which it is told how long it is.
    fn member<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(&mut dyn Read, u64) -> Result<T, npy::Error>,
    ) -> Result<T, Error> {
        let name = format!("{name}.npy");
        let mut found = self.members.iter().filter(|m| m.name == name.as_bytes());
        let Some(member) = found.next() else {
            return Err(Error::new(format!(
                "the .npz file holds no {name}; scipy.sparse.save_npz writes one"
            )));
        };
        let wrong = |why: &str| Error::new(format!("{name} of the .npz file {why}"));
        if found.next().is_some() {
            return Err(wrong("is there twice"));
        }
        // What stands before it has a name of its own.
        let local = part(&mut self.file, u64::from(member.local), LOCAL)?;
        if !local.starts_with(b"PK\x03\x04") {
            return Err(broken());
        }
        let (long, extra) = (two(&local, 26)?, two(&local, 28)?);
        let start = u64::from(member.local) + LOCAL as u64;
        if part(&mut self.file, start, usize::from(long))? != member.name {
            return Err(wrong("has another name there than in the directory"));
        }
        let start = start + u64::from(long) + u64::from(extra);
        self.file.seek(SeekFrom::Start(start)).map_err(|e| failed(&e))?;
        let packed = BufReader::new((&mut self.file).take(u64::from(member.packed)));
        let size = u64::from(member.size);
        let mut summed = Summed { of: unpacked(packed, member.method).take(size + 1), sum: Sum::default() };
        if ![STORED, DEFLATED].contains(&member.method) {
            let way = member.method;
            return Err(wrong(&format!("is packed in way {way}; stored and deflated ones are read")));
        }
        let made = read(&mut summed, size).map_err(|e| Error {
            message: format!("{name} of the .npz file: {e}"),
            too_large: e.is_too_large(),
        })?;
        if summed.sum.len != size || summed.sum.crc.sum() != member.crc {
            return Err(wrong("is not what the file says that it is"));
        }
        Ok(made)
    }

    /// A tensor of integers as `integers`, or of what there is, for which there is room.
    fn tensor(&mut self, name: &str, integers: Option<Elem>) -> Result<OwnedTensor, Error> {
        let room = self.room;
        let tensor = self.member(name, |file, len| match integers {
            Some(elem) => npy::integers_from(file, Some(len), room, elem),
            None => npy::read_from(file, Some(len), room),
        })?;
        self.room -= (tensor.as_bytes().len() as u64).min(room);
        Ok(tensor)
    }
}

/// Bytes of a file from a position on. Callers ask for no more than may be held.
fn part(file: &mut (impl Read + Seek), at: u64, len: usize) -> Result<Vec<u8>, Error> {
    let mut bytes = vec![0; len];
    let read = file.seek(SeekFrom::Start(at)).and_then(|_| file.read_exact(&mut bytes));
    read.map(|()| bytes).map_err(|e| failed(&e))
}

/// A member as it is unpacked. What is stored, and what is packed in another way, is left as it is.
fn unpacked<'a>(packed: impl io::BufRead + 'a, method: u16) -> Box<dyn Read + 'a> {
    match method {
        DEFLATED => Box::new(DeflateDecoder::new(packed)),
        _ => Box::new(packed),
    }
}

/// What has gone through so far.
#[derive(Default)]
struct Sum {
    crc: Crc,
    len: u64,
}

impl Write for Sum {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.crc.update(bytes);
        self.len += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A file and the sum of what has been read of it.
struct Summed<R> {
    of: R,
    sum: Sum,
}

impl<R: Read> Read for Summed<R> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let got = self.of.read(to)?;
        self.sum.write(&to[..got])
    }
}

/// The sparse matrix in the `.npz` file `file`, as [`read_from`].
///
/// # Errors
/// As there.
pub fn read(file: &[u8], elem: Elem, most: u64) -> Result<OwnedSparse, Error> {
    read_from(Cursor::new(file), elem, most)
}

/// The sparse matrix in an `.npz` file, whose elements are `elem`. It is never held twice; `most` bounds the bytes of the
/// matrix.
///
/// # Errors
/// Anything that is not a whole file with a matrix in canonical CSR or CSC form, of such elements.
pub fn read_from(file: impl Read + Seek, elem: Elem, most: u64) -> Result<OwnedSparse, Error> {
    let mut archive = Archive::open(file, most)?;
    let format = match archive.member("format", |file, _| npy::text_from(file))?.as_str() {
        "csr" => Format::Csr,
        "csc" => Format::Csc,
        text => {
            let text = clipped(text, 12);
            return Err(Error::new(format!("the matrix is in format {text:?}; csr and csc are read")));
        }
    };
    let shape = archive.tensor("shape", Some(Elem::I64))?;
    let &[rows, cols] = shape.as_slice::<i64>().unwrap_or_default() else {
        return Err(Error::new("the matrix has not two dims"));
    };
    let (Ok(rows), Ok(cols)) = (u64::try_from(rows), u64::try_from(cols)) else {
        return Err(Error::new(format!("the matrix has dims [{rows}, {cols}]")));
    };
    let pointers = archive.tensor("indptr", Some(Elem::I64))?;
    let indices = archive.tensor("indices", Some(Elem::I32))?;
    let values = archive.tensor("data", None)?;
    if values.elem() != elem {
        let found = values.elem();
        return Err(Error::new(format!(
            "expected a sparse<{elem}>, found a matrix of elements of type {found}"
        )));
    }
    let minor = if format == Format::Csr { cols } else { rows };
    let help =
        if is_out_of_order(&pointers, &indices, minor) { "; sum_duplicates() makes it so" } else { "" };
    OwnedSparse::new(format, [rows, cols], pointers, indices, values)
        .map_err(|e| Error::new(format!("{e}{help}")))
}

/// Whether all that is wrong is that indices of a row or column do not rise, or are there twice.
fn is_out_of_order(pointers: &OwnedTensor, indices: &OwnedTensor, minor: u64) -> bool {
    let starts = pointers.as_slice::<i64>().unwrap_or_default();
    let at = indices.as_slice::<i32>().unwrap_or_default();
    let mut rows = starts.windows(2).map(|ends| at.get(ends[0] as usize..ends[1] as usize));
    let all = 0..minor as i64;
    rows.clone().all(|row| row.is_some_and(|row| row.iter().all(|at| all.contains(&i64::from(*at)))))
        && rows.any(|row| row.is_some_and(|row| !row.is_sorted_by(|a, b| a < b)))
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
    let mut member = |name: &str, write: &dyn Fn(&mut dyn Write) -> io::Result<()>| {
        // The greatest number of 32 bits says that another is elsewhere.
        let fits = |size: u64| u32::try_from(size).ok().filter(|size| *size < u32::MAX);
        let too_large = || io::Error::other("a matrix of 4 GB or more is not written to an .npz file");
        let mut sum = Sum::default();
        write(&mut sum)?;
        let size = fits(sum.len).ok_or_else(too_large)?;
        let name = format!("{name}.npy");
        // Version, flags, method, time and date (1980), checksum, sizes, lengths of name and extra field.
        let mut about = Vec::new();
        about.extend([20, 0, 0, 0, 0, 0, 0, 0, 0x21, 0]);
        about.extend([sum.crc.sum(), size, size].map(u32::to_le_bytes).concat());
        about.extend([name.len() as u8, 0, 0, 0]);
        let next = u64::from(at) + (LOCAL + name.len()) as u64 + u64::from(size);
        let next = fits(next).ok_or_else(too_large)?;
        out.write_all(&[&b"PK\x03\x04"[..], &about, name.as_bytes()].concat())?;
        write(out)?;
        directory.extend(
            [&b"PK\x01\x02"[..], &[20, 0], &about, &[0; 10], &at.to_le_bytes(), name.as_bytes()].concat(),
        );
        at = next;
        count += 1;
        Ok::<(), io::Error>(())
    };
    for (name, tensor) in tensors {
        member(name, &|mut out| npy::write(&mut out, tensor))?;
    }
    member("format", &|out| out.write_all(&format))?;
    let long = directory.len() as u32;
    let end =
        [&count.to_le_bytes()[..], &count.to_le_bytes(), &long.to_le_bytes(), &at.to_le_bytes(), &[0, 0]];
    out.write_all(&directory)?;
    out.write_all(&[&b"PK\x05\x06\0\0\0\0"[..], &end.concat()].concat())
}
