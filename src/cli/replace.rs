//! Writing files, so that nothing that was there is lost.
//!
//! What is written goes into a new file beside the one that is meant, and takes
//! its place when all of it is there: mode and owner stay, and so do symbolic
//! links to it. A file with several names, in a folder that takes no new files,
//! or that is a mount, is written where it is; if it is a source, behind a copy
//! of it. What is open already is written through.
//!
//! Invariant: a source keeps all that it held, or has all that it should hold,
//! after a full disk, a limit or a kill. Its old bytes may be in a copy beside
//! it, which is named.

use super::descriptor::Descriptor;
use super::ending::{self, Held};
use super::failure::Failure;
use super::output;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, BufWriter, Seek, Write};
use std::path::{Path, PathBuf};

/// What standard output is called where files are compared.
const STANDARD: &str = "/dev/stdout";

/// What a file holds that is written over.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Holds {
    /// Somebody's work, of which there may be no other copy.
    Source,
    /// What can be made again.
    Product,
}

/// A file to write, which can be written: it has been opened, and still holds
/// what it held.
pub struct Target {
    /// As the user calls it.
    name: String,
    /// Where it is, behind all symbolic links.
    path: PathBuf,
    way: Way,
}

enum Way {
    Standard,
    /// Takes its place at the end.
    Beside(Beside),
    /// A device or a pipe, which holds nothing, or what is open already.
    Through(File),
    /// The file where it is.
    Over(File, Holds),
}

/// A new file, which goes again unless it takes a place.
struct Beside {
    file: File,
    path: PathBuf,
    /// What the file holds whose place it takes; `None` if there is none.
    replaces: Option<Holds>,
    /// Whether it has taken its place, or is the only one that holds all.
    stays: bool,
    /// How it takes its place.
    rename: fn(&Path, &Path) -> io::Result<()>,
}

impl Drop for Beside {
    fn drop(&mut self) {
        let mut held = ending::hold();
        held.forget(&self.path);
        if !self.stays {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Writes `bytes` into the file `name` in place of what it holds.
pub fn replace(name: &str, holds: Holds, bytes: &[u8]) -> Result<(), Failure> {
    Target::open(name, holds)?.finish(|out| out.write_all(bytes))
}

/// Whether two names are of one file that is there, by whatever links.
pub fn is_same(a: &Path, b: &Path) -> bool {
    match (fs::metadata(a), fs::metadata(b)) {
        #[cfg(unix)]
        (Ok(a), Ok(b)) => {
            use std::os::unix::fs::MetadataExt;
            // A device may be read and written.
            a.is_file() && (a.dev(), a.ino()) == (b.dev(), b.ino())
        }
        #[cfg(not(unix))]
        (Ok(found), Ok(_)) => found.is_file() && fs::canonicalize(a).ok() == fs::canonicalize(b).ok(),
        _ => false,
    }
}

/// Whether a name is of standard output.
pub fn is_standard(name: &str) -> bool {
    name == "-" || Descriptor::of(&follow(name)) == Some(Descriptor::Own(1))
}

/// Whether a name is of something that is open already, such as `/dev/fd/3`.
pub fn is_open(name: &str) -> bool {
    Descriptor::of(&follow(name)).is_some()
}

/// Refuses to write the file `output` where it is also `input`, which may be `-`.
pub fn keep_input(input: &str, output: &str) -> Result<(), Failure> {
    let from = Path::new(if input == "-" { "/dev/stdin" } else { input });
    if output != "-" && is_same(from, Path::new(output)) {
        return Err(Failure::usage(format!("{output} is the file that is read; it would be lost"))
            .with_help("write to a file of another name"));
    }
    Ok(())
}

impl Target {
    /// Opens the file `name` to be written; `-` is standard output.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn open(name: &str, holds: Holds) -> Result<Target, Failure> {
        let opened = match is_standard(name) {
            true => Ok((PathBuf::from(STANDARD), Way::Standard)),
            false => open(name, holds),
        };
        let (path, way) = opened.map_err(|e| cannot(name, &e))?;
        // What is open as well would be gone with the file that is replaced.
        if !matches!(way, Way::Standard | Way::Through(_)) {
            for (what, open) in [("standard output", STANDARD), ("standard error", "/dev/stderr")] {
                if is_same(&path, Path::new(open)) {
                    let message = format!("{name} is {what} already, and what goes there would be lost");
                    return Err(Failure::usage(message).with_help("write to a file of another name"));
                }
            }
        }
        Ok(Target { name: name.to_owned(), path, way })
    }

    /// Whether both are the same file, or both standard output.
    pub fn is_same(&self, other: &Target) -> bool {
        match (&self.way, &other.way) {
            (Way::Standard, Way::Standard) => true,
            // A device may be written twice.
            (Way::Standard | Way::Through(_), _) | (_, Way::Standard | Way::Through(_)) => {
                is_same(&self.path, &other.path)
            }
            _ => is_same(&self.path, &other.path) || place(&self.path) == place(&other.path),
        }
    }

    /// Has `write` write all that the file shall hold.
    ///
    /// # Errors
    /// When it could not be written; the file then holds what it held, or the
    /// message says where that is.
    pub fn finish(self, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), Failure> {
        let Target { name, path, way } = self;
        let done = match way {
            Way::Standard => return Ok(write(&mut output::Standard).and_then(|()| output::flush())?),
            Way::Through(file) => through(&file, write),
            Way::Beside(beside) => return beside.finish(&name, &path, write),
            Way::Over(file, Holds::Product) => file.set_len(0).and_then(|()| through(&file, write)),
            Way::Over(file, Holds::Source) => return over(&name, &path, file, &ending::hold(), write),
        };
        done.map_err(|e| cannot(&name, &e))
    }
}

fn cannot(name: &str, e: &io::Error) -> Failure {
    Failure::input(format!("cannot write {name}: {e}"))
}

/// Folder and name, whether there is such a file or not.
fn place(path: &Path) -> Option<(PathBuf, &std::ffi::OsStr)> {
    Some((fs::canonicalize(folder(path)).ok()?, path.file_name()?))
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn through(file: &File, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let mut out = BufWriter::with_capacity(1 << 16, file);
    write(&mut out)?;
    out.flush()
}

/// Where a name leads, by symbolic links that may lead to nothing.
fn follow(name: &str) -> PathBuf {
    // As many as systems allow; then opening says what is wrong.
    const LINKS: usize = 40;
    let mut path = PathBuf::from(name);
    for _ in 0..LINKS {
        // What is open need not be where its link says, or anywhere.
        if Descriptor::of(&path).is_some() {
            break;
        }
        let Ok(to) = fs::read_link(&path) else { break };
        path = folder(&path).join(to);
    }
    path
}

fn open(name: &str, holds: Holds) -> io::Result<(PathBuf, Way)> {
    let path = follow(name);
    if let Some(descriptor) = Descriptor::of(&path) {
        let file = descriptor.open(&path)?;
        return Ok((path, Way::Through(file)));
    }
    let old = match fs::metadata(&path) {
        Ok(old) => old,
        Err(e) if e.kind() == io::ErrorKind::NotFound => {
            let beside = Beside::make(&path, None, holds)?;
            return Ok((path, Way::Beside(beside)));
        }
        Err(e) => return Err(e),
    };
    if old.is_dir() {
        return Err(io::Error::from(io::ErrorKind::IsADirectory));
    }
    // The file itself says whether it may be written, not its folder.
    let file = OpenOptions::new().write(true).open(&path)?;
    if !old.is_file() {
        return Ok((path, Way::Through(file)));
    }
    let alone = names(&old) == 1;
    match alone.then(|| Beside::make(&path, Some(&old), holds)) {
        Some(Ok(beside)) => Ok((path, Way::Beside(beside))),
        _ => Ok((path, Way::Over(file, holds))),
    }
}

/// How many names a file has.
fn names(file: &Metadata) -> u64 {
    #[cfg(unix)]
    let names = std::os::unix::fs::MetadataExt::nlink(file);
    #[cfg(not(unix))]
    let names = u64::from(file.is_file());
    names
}

/// A file that was not there, in `folder`, for the user alone if `private`.
fn create(folder: &Path, private: bool, name: impl Fn(u32) -> String) -> io::Result<(File, PathBuf)> {
    const TRIES: u32 = 100;
    let mut options = OpenOptions::new();
    options.read(true).write(true).create_new(true);
    #[cfg(unix)]
    if private {
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    }
    #[cfg(not(unix))]
    let _ = private;
    let mut last = io::Error::from(io::ErrorKind::AlreadyExists);
    for attempt in 0..TRIES {
        let path = folder.join(name(attempt));
        match options.open(&path) {
            Ok(file) => return Ok((file, path)),
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => last = e,
            Err(e) => return Err(e),
        }
    }
    Err(last)
}

impl Beside {
    /// A new file beside `path`, with mode and owner of the `old` one.
    fn make(path: &Path, old: Option<&Metadata>, holds: Holds) -> io::Result<Beside> {
        if path.file_name().is_none() {
            return Err(io::Error::from(io::ErrorKind::NotFound));
        }
        let name = |attempt| format!(".nbc-{}-{attempt}.tmp", std::process::id());
        let mut held = ending::hold();
        let (file, path) = create(folder(path), old.is_some(), name)?;
        held.add(&path);
        drop(held);
        let replaces = old.map(|_| holds);
        let beside = Beside { file, path, replaces, stays: false, rename: |from, to| fs::rename(from, to) };
        if let Some(old) = old {
            #[cfg(unix)]
            {
                use std::os::unix::fs::{MetadataExt, fchown};
                let new = beside.file.metadata()?;
                if (new.uid(), new.gid()) != (old.uid(), old.gid()) {
                    fchown(&beside.file, Some(old.uid()), Some(old.gid()))?;
                }
            }
            beside.file.set_permissions(old.permissions())?;
        }
        Ok(beside)
    }

    fn finish(
        mut self,
        name: &str,
        path: &Path,
        write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Result<(), Failure> {
        // What takes the place of something is there before that goes.
        let sync = |file: &File| if self.replaces.is_some() { file.sync_all() } else { Ok(()) };
        let written = through(&self.file, write).and_then(|()| sync(&self.file));
        written.map_err(|e| cannot(name, &e))?;
        let held = ending::hold();
        let moved = (self.rename)(&self.path, path);
        let (holds, mut file) = match (moved, self.replaces) {
            (Ok(()), _) => {
                self.stays = true;
                return Ok(());
            }
            (Err(e), None) => return Err(cannot(name, &e)),
            // The place may be one that nothing can be moved to, such as a mount.
            (Err(_), Some(holds)) => {
                (holds, OpenOptions::new().write(true).open(path).map_err(|e| cannot(name, &e))?)
            }
        };
        let mut from = &self.file;
        let mut copy = |out: &mut dyn Write| {
            from.rewind()?;
            io::copy(&mut from, out).map(|_| ())
        };
        if holds == Holds::Source {
            return over(name, path, file, &held, copy);
        }
        let copied = file.set_len(0).and_then(|()| copy(&mut file)).and_then(|()| file.sync_all());
        copied.map_err(|e| {
            self.stays = true;
            cannot(name, &e).with_help(format!("all that it should hold is in {}", self.path.display()))
        })
    }
}

/// Writes a source where it is, behind a copy of it. No signal ends that halfway.
fn over(
    name: &str,
    path: &Path,
    mut file: File,
    _: &Held,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), Failure> {
    let copied = copy(path);
    let (mut copy, at) = copied
        .map_err(|e| Failure::input(format!("cannot write {name}: there is no room for a copy: {e}")))?;
    let done = file.set_len(0).and_then(|()| through(&file, write)).and_then(|()| file.sync_all());
    let Err(e) = done else {
        let _ = fs::remove_file(at);
        return Ok(());
    };
    let mut restore = || {
        file.set_len(0)?;
        file.rewind()?;
        copy.rewind()?;
        io::copy(&mut copy, &mut file)?;
        file.sync_all()
    };
    let failure = cannot(name, &e);
    match restore() {
        Ok(()) => {
            let _ = fs::remove_file(at);
            Err(failure)
        }
        Err(_) => Err(failure.with_help(format!("what it held is in {}", at.display()))),
    }
}

/// A copy of a file, beside it or where there is room for such things.
fn copy(path: &Path) -> io::Result<(File, PathBuf)> {
    let stem = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let name = |attempt| match attempt {
        0 => format!("{stem}.backup"),
        n => format!("{stem}.backup-{}", n + 1),
    };
    let made = create(folder(path), true, name);
    let (mut to, at) = made.or_else(|_| create(&std::env::temp_dir(), true, name))?;
    let copied =
        File::open(path).and_then(|mut from| io::copy(&mut from, &mut to)).and_then(|_| to.sync_all());
    if let Err(e) = copied {
        let _ = fs::remove_file(at);
        return Err(e);
    }
    Ok((to, at))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder with a text `t.nba`, and what is in it by name.
    fn text(test: &str) -> (PathBuf, PathBuf) {
        let dir = std::env::temp_dir().join(format!("nbc-{test}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&dir);
        fs::create_dir_all(&dir).unwrap();
        fs::write(dir.join("t.nba"), "old").unwrap();
        (dir.join("t.nba"), dir)
    }

    fn files(dir: &Path) -> Vec<(String, String)> {
        let mut all: Vec<_> = fs::read_dir(dir)
            .unwrap()
            .map(|e| e.unwrap().path())
            .map(|p| (p.file_name().unwrap().display().to_string(), fs::read_to_string(&p).unwrap()))
            .collect();
        all.sort();
        all
    }

    fn said(failure: Failure) -> String {
        match failure {
            Failure::Input { message, help } => format!("{message}; {}", help.unwrap_or_default()),
            _ => String::new(),
        }
    }

    fn full() -> io::Error {
        io::ErrorKind::StorageFull.into()
    }

    /// Of a file to which nothing can be moved.
    fn mounted(path: &Path, holds: Holds) -> Beside {
        let mut beside = Beside::make(path, Some(&fs::metadata(path).unwrap()), holds).unwrap();
        beside.rename = |_, _| Err(io::ErrorKind::ResourceBusy.into());
        beside
    }

    #[test]
    fn what_cannot_be_moved_is_copied() {
        for holds in [Holds::Source, Holds::Product] {
            let (path, dir) = text("mount");
            fs::write(&path, "old, and longer").unwrap();
            assert!(mounted(&path, holds).finish("t.nba", &path, |out| out.write_all(b"new")).is_ok());
            assert_eq!(files(&dir), [("t.nba".into(), "new".into())]);
            fs::remove_dir_all(&dir).unwrap();
        }
    }

    #[test]
    fn a_source_that_cannot_be_written_holds_what_it_held() {
        let (path, dir) = text("full");
        let file = OpenOptions::new().write(true).open(&path).unwrap();
        let half = |out: &mut dyn Write| out.write_all(b"ne").and(out.flush()).and(Err(full()));
        let failure = over("t.nba", &path, file, &ending::hold(), half).unwrap_err();
        assert!(said(failure).starts_with("cannot write t.nba"));
        assert_eq!(files(&dir), [("t.nba".into(), "old".into())]);

        // Where that goes wrong, too, there is the copy: this file cannot be written at all.
        let file = File::open(&path).unwrap();
        let failure = over("t.nba", &path, file, &ending::hold(), half).unwrap_err();
        let copy = dir.join("t.nba.backup");
        assert!(said(failure).contains(&format!("what it held is in {}", copy.display())));
        assert_eq!(fs::read_to_string(copy).unwrap(), "old");
        fs::remove_dir_all(&dir).unwrap();
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn what_is_all_there_is_stays() {
        let (path, dir) = text("kept");
        let beside = mounted(&path, Holds::Product);
        let new = beside.path.clone();
        // By now it leads to what can be opened, and not written.
        fs::remove_file(&path).unwrap();
        std::os::unix::fs::symlink("/dev/full", &path).unwrap();
        let failure = beside.finish("t.nba", &path, |out| out.write_all(b"new")).unwrap_err();
        let said = said(failure);
        assert!(said.contains(&format!("all that it should hold is in {}", new.display())), "{said}");
        assert_eq!(fs::read_to_string(&new).unwrap(), "new");
        fs::remove_dir_all(&dir).unwrap();
    }
}
