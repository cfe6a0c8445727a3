//! Reading what the command is given: programs and arrays.
//!
//! Invariant: a file is held once, and no more of it is read than was allowed.
//! One that cannot be ours is refused by its first bytes: a device or a pipe
//! may never end.

use super::failure::Failure;
use super::quantity;
use nbc::ir::{Elem, Module, VerifiedModule};
use nbc::runtime::object::OwnedSparse;
use nbc::{Linker, OwnedTensor, matrix_market, npy, npz};
use std::cell::Cell;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};

/// What standard input is called in messages.
pub const STANDARD: &str = "<stdin>";

/// What is looked at before the rest is read.
const FIRST: usize = 4096;

// How much is read. As documentation it would become the help of the command.
#[derive(Clone, Copy, clap::Args)]
pub struct Most {
    /// Read at most that much from each file, such as 512M or 4G
    #[arg(long = "max-input", value_name = "BYTES", value_parser = quantity::bytes, default_value = "1G")]
    bytes: usize,
}

/// The bytes of a program's file, or of standard input for `-`, and its name for messages.
///
/// # Errors
/// When it cannot be read, is too large, or does not begin as a program does.
pub fn read_bytes(path: &str, most: Most) -> Result<(Vec<u8>, &str), Failure> {
    let name = if path == "-" { STANDARD } else { path };
    let cannot = |e: io::Error| Failure::input(format!("cannot read {name}: {e}"));
    let too_large = || {
        Failure::input(format!("{name} is larger than {}", quantity::show(most.bytes as u64)))
            .with_help("--max-input BYTES lets more be read")
    };
    let mut bytes = Vec::new();
    let mut from: Box<dyn Read> = if path == "-" {
        Box::new(io::stdin().lock())
    } else {
        let (file, len) = open(path).map_err(cannot)?;
        if len > most.bytes as u64 {
            return Err(too_large());
        }
        // A device says 0 here.
        bytes.try_reserve_exact(len as usize + 1).map_err(|e| cannot(e.into()))?;
        Box::new(file)
    };
    (&mut from).take(FIRST as u64).read_to_end(&mut bytes).map_err(cannot)?;
    if bytes.len() == FIRST && cannot_be_text(&bytes) {
        // A binary, or nothing of ours, which this says.
        if !bytes.starts_with(&nbc::ir::binary::MAGIC) {
            Module::read(&bytes, name)?;
        }
    }
    (&mut from).take(room(most).saturating_sub(FIRST as u64)).read_to_end(&mut bytes).map_err(cannot)?;
    if bytes.len() > most.bytes { Err(too_large()) } else { Ok((bytes, name)) }
}

/// One more than may be read, by which a longer file is seen.
fn room(most: Most) -> u64 {
    (most.bytes as u64).saturating_add(1)
}

/// A file to be read, and its size if it is an ordinary one.
fn open(path: &str) -> io::Result<(File, u64)> {
    let file = File::open(path)?;
    let meta = file.metadata()?;
    if meta.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    Ok((file, if meta.is_file() { meta.len() } else { 0 }))
}

/// Whether a file that begins so is no text. Its last character may be cut off.
fn cannot_be_text(first: &[u8]) -> bool {
    first.contains(&0) || std::str::from_utf8(first).is_err_and(|e| e.error_len().is_some())
}

/// Whether a file's name ends so, in whatever case.
pub fn is_named(path: &str, ending: &str) -> bool {
    let at = path.len().checked_sub(ending.len());
    at.and_then(|at| path.get(at..)).is_some_and(|end| end.eq_ignore_ascii_case(ending))
}

/// The module in a file of either format.
///
/// # Errors
/// When there is none.
pub fn read_module(path: &str, most: Most) -> Result<Module, Failure> {
    let (bytes, name) = read_bytes(path, most)?;
    Ok(Module::read_owned(bytes, name)?)
}

/// The module in a file of either format, verified.
///
/// # Errors
/// When there is none.
pub fn read_verified(path: &str, most: Most) -> Result<VerifiedModule, Failure> {
    let (bytes, name) = read_bytes(path, most)?;
    verified(Module::read_owned(bytes, name))
}

/// A module that was read, verified. What the command gives to programs is named
/// where one calls it and did not import it.
///
/// # Errors
/// When it could not be read, or is not sound.
pub fn verified(module: Result<Module, nbc::ir::Error>) -> Result<VerifiedModule, Failure> {
    Ok(module.and_then(Module::verify).map_err(|e| {
        let mut host = Linker::new();
        host.func("console.print", |_: String| ());
        e.with_help(|message| {
            let name = message.strip_prefix("no function is called `@")?.strip_suffix('`')?;
            let near = host.nearest(name)?;
            Some(format!("the host's are imported: import func @{near}{}", host.signature(near)?))
        })
    })?)
}

/// A file of which so much may be read. Where there is more that is an error, and noted: its beginning could be taken
/// for all of it.
struct UpTo<'a> {
    file: &'a File,
    left: u64,
    is_passed: &'a Cell<bool>,
}

impl Read for UpTo<'_> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        if to.is_empty() {
            return Ok(0);
        }
        if self.left == 0 {
            self.is_passed.set(self.file.read(&mut [0])? > 0);
            return if self.is_passed.get() { Err(io::ErrorKind::FileTooLarge.into()) } else { Ok(0) };
        }
        let most = to.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        let got = self.file.read(&mut to[..most])?;
        self.left -= got as u64;
        Ok(got)
    }
}

/// More random bytes than anybody needs.
const MOST_RANDOM: u64 = 1 << 30;

/// How much may be read of arrays: of each, and of all of a call's together.
pub struct Room {
    file: u64,
    memory: Option<usize>,
    left: u64,
    /// The files that have been read.
    pub files: Vec<String>,
}

impl Room {
    /// For a call whose objects may have `memory`.
    pub fn new(most: Most, memory: Option<usize>) -> Room {
        Room {
            file: most.bytes as u64,
            memory,
            left: memory.map_or(u64::MAX, |m| m as u64),
            files: Vec::new(),
        }
    }

    /// For no array at all.
    #[cfg(test)]
    pub fn none() -> Room {
        Room { file: 0, memory: None, left: 1 << 20, files: Vec::new() }
    }

    /// The tensor in an `.npy` file.
    ///
    /// # Errors
    /// When there is none, or no room for it.
    pub fn read(&mut self, path: &str, elem: Elem) -> Result<OwnedTensor, String> {
        let cannot = |e: io::Error| format!("cannot read {path}: {e}");
        let (file, len) = open(path).map_err(cannot)?;
        self.files.push(path.to_owned());
        let ordinary = file.metadata().is_ok_and(|m| m.is_file());
        let most = self.file.min(self.left);
        let read = npy::read_from(file, ordinary.then_some(len), most);
        let tensor = read.map_err(|e| self.refused(&e, e.is_too_large()))?;
        if tensor.elem() != elem {
            return Err(format!("expected a tensor<{elem}>, found one of {} in {path}", tensor.elem()));
        }
        self.left -= (tensor.as_bytes().len() as u64).min(self.left);
        Ok(tensor)
    }

    /// So many random bytes of the operating system.
    ///
    /// # Errors
    /// When that is no number, there is no room for them, or the system has none.
    pub fn random(&mut self, count: &str) -> Result<OwnedTensor, String> {
        let wanted = || "expected a number of bytes, such as random:32".to_owned();
        let count: u64 = count.parse().map_err(|_| wanted())?;
        if count > self.left.min(MOST_RANDOM) {
            return Err(format!("there is no room for {count} random bytes"));
        }
        self.left -= count;
        let tensor = OwnedTensor::zeros(Elem::U8, &[count]);
        let mut tensor = tensor.ok_or_else(|| format!("there is no memory for {count} random bytes"))?;
        let bytes = tensor.as_mut_slice::<u8>().unwrap_or_default();
        getrandom::fill(bytes).map_err(|e| format!("the system gives no random bytes: {e}"))?;
        Ok(tensor)
    }

    /// The matrix in an `.mtx` or `.npz` file, whatever its name.
    ///
    /// # Errors
    /// When there is none, or no room for it.
    pub fn read_sparse(&mut self, path: &str, elem: Elem) -> Result<OwnedSparse, String> {
        let cannot = |e: io::Error| format!("cannot read {path}: {e}");
        let (file, len) = open(path).map_err(cannot)?;
        self.files.push(path.to_owned());
        let too_large = || {
            let most = quantity::show(self.file);
            format!("{path} is larger than {most}; --max-input BYTES lets more be read")
        };
        if len > self.file {
            return Err(too_large());
        }
        let most = self.file.min(self.left);
        let is_passed = Cell::new(false);
        let ordinary = file.metadata().is_ok_and(|m| m.is_file());
        let mut from = BufReader::new(UpTo { file: &file, left: self.file, is_passed: &is_passed });
        let is_zip = from.fill_buf().map_err(cannot)?.starts_with(b"PK");
        let of_zip =
            |read: Result<OwnedSparse, npz::Error>| read.map_err(|e| (e.to_string(), e.is_too_large()));
        let read = if is_zip && ordinary {
            of_zip(npz::read_from(&file, elem, most))
        } else if is_zip {
            // A pipe cannot be gone back in, so it is held as long.
            let mut bytes = Vec::new();
            match from.read_to_end(&mut bytes) {
                Ok(len) => of_zip(npz::read(&bytes, elem, most.saturating_sub(len as u64))),
                Err(e) => Err((format!("cannot read {path}: {e}"), false)),
            }
        } else {
            matrix_market::read_from(from, elem, most).map_err(|e| (e.to_string(), e.is_too_large()))
        };
        // What is wrong with a file that was cut off here is not the file's fault.
        let matrix = match read {
            Err(_) if is_passed.get() => return Err(too_large()),
            read => read.map_err(|(why, too_large)| self.refused(&why, too_large))?,
        };
        let parts = [matrix.pointers(), matrix.indices(), matrix.values()];
        let bytes = parts.iter().map(|part| part.as_bytes().len() as u64).sum::<u64>();
        self.left -= bytes.min(self.left);
        Ok(matrix)
    }

    /// Why a file was not read, and what lets it be.
    fn refused(&self, why: &dyn std::fmt::Display, too_large: bool) -> String {
        match (too_large, self.memory) {
            (true, Some(memory)) if self.left <= self.file => {
                format!("{why}: the arguments do not fit --memory {}", quantity::show(memory as u64))
            }
            (true, _) => format!("{why}; --max-input BYTES lets more be read"),
            (false, _) => why.to_string(),
        }
    }
}
