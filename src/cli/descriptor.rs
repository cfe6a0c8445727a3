//! Names of what is open already: `/dev/stdout`, `/dev/fd/3`, `>(..)` of a shell.
//!
//! Such a name may look like a link to a file. To replace that file, or to write
//! from its beginning, would lose what others write to the descriptor.
//!
//! Invariant: what is written to such a name goes where the descriptor is, and
//! moves it on for whoever shares it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

/// What is open under a name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Descriptor {
    /// One of this process.
    Own(i32),
    /// One of another process.
    Other,
}

impl Descriptor {
    /// The descriptor that `path` itself names; links to such names are not followed.
    pub fn of(path: &Path) -> Option<Descriptor> {
        let name = path.file_name()?.to_str()?;
        if !name.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        let number = name.parse().ok()?;
        let folder = fs::canonicalize(path.parent()?).ok()?;
        // On Linux that leads to /proc; elsewhere it is a place of its own.
        if folder == Path::new("/dev/fd") {
            return Some(Descriptor::Own(number));
        }
        let inside = folder.strip_prefix("/proc").ok()?;
        let parts: Vec<&str> = inside.iter().map(|p| p.to_str().unwrap_or_default()).collect();
        let ([process, "fd"] | [process, "task", _, "fd"]) = parts[..] else { return None };
        let own = fs::canonicalize("/proc/self").ok()?;
        let is_own = own.file_name().is_some_and(|own| own == process);
        Some(if is_own { Descriptor::Own(number) } else { Descriptor::Other })
    }

    /// What is open there, to be written to; `path` is its name.
    ///
    /// # Errors
    /// When nothing is, or it cannot be written to.
    pub fn open(self, path: &Path) -> io::Result<File> {
        let mut file = match self {
            #[cfg(unix)]
            Descriptor::Own(number) => own(number)?,
            #[cfg(not(unix))]
            Descriptor::Own(_) => OpenOptions::new().append(true).open(path)?,
            Descriptor::Other => OpenOptions::new().append(true).open(path)?,
        };
        // What is open to be read only says so here.
        let _ = file.write(&[])?;
        Ok(file)
    }
}

#[cfg(unix)]
fn own(number: i32) -> io::Result<File> {
    use std::os::fd::BorrowedFd;
    if number < 0 {
        return Err(io::ErrorKind::NotFound.into());
    }
    // SAFETY: it is borrowed for one call, which makes another descriptor of it and is an error
    // where it is not open; it is not negative. Nothing is concluded from what it is.
    let borrowed = unsafe { BorrowedFd::borrow_raw(number) };
    Ok(File::from(borrowed.try_clone_to_owned()?))
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use std::os::fd::AsRawFd;

    #[test]
    fn names_of_descriptors_are_known() {
        let of = |name: &str| Descriptor::of(Path::new(name));
        let id = std::process::id();
        for name in ["/dev/fd/1", "/proc/self/fd/1", "/proc/thread-self/fd/1", "/dev/../dev/fd/1"] {
            assert_eq!(of(name), Some(Descriptor::Own(1)), "{name}");
        }
        assert_eq!(of(&format!("/proc/{id}/fd/7")), Some(Descriptor::Own(7)));
        assert_eq!(of("/proc/1/task/1/fd/7").or(of("/proc/1/fd/7")), Some(Descriptor::Other));
        for name in ["/dev/null", "/proc/self/exe", "/proc/self/fd", "/tmp/1", "1", "", "/", "/dev/fd/x"] {
            assert_eq!(of(name), None, "{name}");
        }
        assert!(Descriptor::Own(999_999).open(Path::new("/dev/fd/999999")).is_err());
        let file = File::open("/dev/null").unwrap();
        let name = format!("/dev/fd/{}", file.as_raw_fd());
        assert!(of(&name).unwrap().open(Path::new(&name)).is_err(), "it is open to be read");
    }
}
