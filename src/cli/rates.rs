//! The machine's rates, as `nbc info --calibrate` keeps them in the user's cache folder.
//!
//! The runtime opens no file, so the command hands it what is in this one. Without the file rates are guessed.
//! One that is broken is told of, and does no other harm. Beside it lie those of GPUs, `gpu-0` and so on.

use super::failure::Failure;
use super::replace::{self, Holds};
use nbc::placement::{DeviceRates, Rates, RatesError};
use std::env;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;

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
    let help = "rates are guessed; `nbc info --calibrate` writes the file anew";
    match told(&file, help) {
        Some(rates) => Kept { rates, file: Some(file) },
        None => guessed,
    }
}

/// The file of a GPU, if the user has a folder for it.
fn file_of_gpu(ordinal: usize) -> Option<PathBuf> {
    Some(cache()?.join("nbc").join(format!("gpu-{ordinal}")))
}

/// The rates of a GPU that were kept. Standard error is told of a broken file.
pub fn kept_of_gpu(ordinal: usize) -> Option<DeviceRates> {
    told(&file_of_gpu(ordinal)?, "the GPU is left out; `nbc info --calibrate` writes the file anew")
}

/// What a file says, if there is one. Standard error is told of a broken one, with what becomes of it.
fn told<R: FromStr<Err = RatesError>>(file: &Path, help: &str) -> Option<R> {
    read(file).unwrap_or_else(|why| {
        let shown = nbc::ir::shown::visible_lines(&format!("{}: {why}", file.display())).into_owned();
        let _ = writeln!(io::stderr(), "warning: {shown}\nhelp: {help}");
        None
    })
}

/// What the file says; nothing if there is none.
fn read<R: FromStr<Err = RatesError>>(file: &Path) -> Result<Option<R>, String> {
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
    text.parse().map(Some).map_err(|e: RatesError| e.to_string())
}

/// Keeps rates for later runs, and says in which file.
///
/// # Errors
/// When they cannot be written.
pub fn keep(rates: &Rates) -> Result<PathBuf, Failure> {
    keep_in(file(), &rates.to_string())
}

/// [`keep`] for those of a GPU.
///
/// # Errors
/// When they cannot be written.
#[cfg(feature = "cuda")]
pub fn keep_of_gpu(ordinal: usize, rates: &DeviceRates) -> Result<PathBuf, Failure> {
    keep_in(file_of_gpu(ordinal), &rates.to_string())
}

fn keep_in(file: Option<PathBuf>, text: &str) -> Result<PathBuf, Failure> {
    let Some(file) = file else {
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
    replace::replace(name, Holds::Product, text.as_bytes())?;
    Ok(file)
}
