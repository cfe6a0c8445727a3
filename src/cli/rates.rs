//! The machine's rates, as `nbc info --calibrate` keeps them in the user's cache folder.
//!
//! The runtime opens no file, so the command hands it what is in this one. Without the file rates are guessed.
//! One that is broken is told of, and does no other harm.

use super::failure::Failure;
use super::replace::{self, Holds};
use nbc::placement::Rates;
use std::env;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

/// More than a file of rates can be.
const MOST: u64 = 1 << 16;

/// Where rates come from.
pub struct Kept {
    /// The rates.
    pub rates: Rates,
    /// The file they are from; guessed if there is none.
    pub file: Option<PathBuf>,
}

/// The folder in which the user's programs keep what can be made again.
fn cache() -> Option<PathBuf> {
    let folder = |name: &str| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    if let Some(cache) = folder("XDG_CACHE_HOME") {
        return Some(cache);
    }
    if cfg!(windows) {
        return folder("LOCALAPPDATA");
    }
    let home = folder("HOME")?;
    Some(if cfg!(target_os = "macos") { home.join("Library/Caches") } else { home.join(".cache") })
}

/// This command's part of it.
pub fn folder() -> Option<PathBuf> {
    Some(cache()?.join("nbc"))
}

/// The file, if the user has a folder for it.
pub fn file() -> Option<PathBuf> {
    Some(folder()?.join("rates"))
}

/// The rates that were kept, or guesses. Standard error is told of a broken file.
pub fn kept() -> Kept {
    let guessed = Kept { rates: Rates::default(), file: None };
    let Some(file) = file() else { return guessed };
    match read(&file) {
        Ok(Some(rates)) => Kept { rates, file: Some(file) },
        Ok(None) => guessed,
        Err(why) => {
            let shown = nbc::ir::shown::visible_lines(&format!("{}: {why}", file.display())).into_owned();
            let help = "rates are guessed; `nbc info --calibrate` writes the file anew";
            let _ = writeln!(io::stderr(), "warning: {shown}\nhelp: {help}");
            guessed
        }
    }
}

/// What the file says; nothing if there is none.
fn read(file: &Path) -> Result<Option<Rates>, String> {
    let opened = match fs::metadata(file) {
        // What is no file may never end.
        Ok(found) if !found.is_file() => return Err("not a file".to_owned()),
        Ok(_) => File::open(file),
        Err(e) => Err(e),
    };
    let opened = match opened {
        Ok(opened) => opened,
        Err(e) if [io::ErrorKind::NotFound, io::ErrorKind::NotADirectory].contains(&e.kind()) => {
            return Ok(None);
        }
        Err(e) => return Err(e.to_string()),
    };
    let mut text = String::new();
    opened.take(MOST).read_to_string(&mut text).map_err(|e| e.to_string())?;
    text.parse().map(Some).map_err(|e: nbc::placement::RatesError| e.to_string())
}

/// Keeps rates for later runs, and says in which file.
///
/// # Errors
/// When they cannot be written.
pub fn keep(rates: &Rates) -> Result<PathBuf, Failure> {
    let Some(file) = file() else {
        return Err(
            Failure::input("there is no folder to keep rates in").with_help("set XDG_CACHE_HOME to one")
        );
    };
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)
            .map_err(|e| Failure::input(format!("cannot make {}: {e}", folder.display())))?;
    }
    let Some(name) = file.to_str() else {
        return Err(Failure::input(format!("{} is no text", file.display())));
    };
    replace::replace(name, Holds::Product, rates.to_string().as_bytes())?;
    Ok(file)
}
