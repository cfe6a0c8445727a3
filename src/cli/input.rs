//! Reading program files.

use super::failure::Failure;
use nbc::ir::{Module, VerifiedModule};
use std::fs::File;
use std::io::Read;

/// More than any program has; a device file would never end.
const LARGEST: u64 = 1 << 30;

/// The bytes of a file, or of standard input for `-`, and its name for messages.
pub fn read_bytes(path: &str) -> Result<(Vec<u8>, &str), Failure> {
    let mut bytes = Vec::new();
    let (read, name) = if path == "-" {
        (std::io::stdin().lock().take(LARGEST + 1).read_to_end(&mut bytes), "<stdin>")
    } else {
        let read = File::open(path).and_then(|f| {
            // A device says 0 here.
            bytes.reserve_exact(f.metadata()?.len().min(LARGEST) as usize + 1);
            f.take(LARGEST + 1).read_to_end(&mut bytes)
        });
        (read, path)
    };
    read.map_err(|e| Failure::input(format!("cannot read {name}: {e}")))?;
    if bytes.len() as u64 > LARGEST {
        return Err(Failure::input(format!("{name} is larger than 1 GiB; no program is")));
    }
    Ok((bytes, name))
}

/// The module in a file of either format.
pub fn read_module(path: &str) -> Result<Module, Failure> {
    let (bytes, name) = read_bytes(path)?;
    Ok(Module::read(&bytes, name)?)
}

/// The module in a file of either format, verified.
pub fn read_verified(path: &str) -> Result<VerifiedModule, Failure> {
    Ok(read_module(path)?.verify()?)
}
