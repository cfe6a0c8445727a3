//! Compiled kernels in a folder, for later processes.
//!
//! A file is found by a hash of what its code depends on: text, options and architecture. It says that hash again, which
//! compiler made it, and a hash of its code; what does not agree is as if it were not there. Files are written beside
//! their place and moved there, so none is ever half a file, and several processes may share the folder.
//!
//! ```text
//! NBCKERNL | version of the compiler | hash of text, options, architecture | hash of the code | code
//! ```
//!
//! Invariant: no error of a file system is one of a program, and nothing outside of the folder is touched. A folder in
//! which another user may write is not used: code from there would be theirs.

use sha2::{Digest, Sha256};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

/// The first bytes of each file; another format has others.
const MAGIC: &[u8; 8] = b"NBCKERNL";
const HASH: usize = 32;
const HEAD: usize = MAGIC.len() + 8 + 2 * HASH;
/// More than the code of a kernel can be.
const MOST_OF_ONE: u64 = 16 << 20;
/// Bytes of all files together, after which the oldest go.
const MOST: u64 = 64 << 20;
/// What was not moved to its place for so long never will be.
const FORGOTTEN: Duration = Duration::from_secs(3600);
const OF_KERNEL: &str = "kernel";
const OF_UNFINISHED: &str = "unfinished";

/// By what a kernel is found.
pub(crate) struct Key {
    hash: [u8; HASH],
    /// Of the compiler; none takes any.
    version: Option<(i32, i32)>,
}

impl Key {
    /// Of what the code depends on, besides the version of the compiler.
    pub(crate) fn new(parts: &[&str], version: Option<(i32, i32)>) -> Key {
        let mut hasher = Sha256::new();
        for part in parts {
            hasher.update((part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
        Key { hash: hasher.finalize().into(), version }
    }

    fn name(&self) -> String {
        let hex: String = self.hash.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{hex}.{OF_KERNEL}")
    }
}

fn bytes_of((major, minor): (i32, i32)) -> [u8; 8] {
    let mut bytes = [0; 8];
    bytes[..4].copy_from_slice(&major.to_le_bytes());
    bytes[4..].copy_from_slice(&minor.to_le_bytes());
    bytes
}

/// A folder of kernels.
#[derive(Debug)]
pub(crate) struct Cache {
    folder: PathBuf,
    most: u64,
}

/// Whether files in a folder are this user's alone.
#[cfg(unix)]
fn is_private(folder: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let Ok(found) = fs::symlink_metadata(folder) else { return false };
    // Who runs this process: what the system says of it, where it does.
    let is_own = fs::metadata("/proc/self").map_or(true, |own| own.uid() == found.uid());
    found.is_dir() && found.mode() & 0o022 == 0 && is_own
}

/// A user's folder for such files is theirs alone on other systems.
#[cfg(not(unix))]
fn is_private(folder: &Path) -> bool {
    folder.is_dir()
}

fn made(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

impl Cache {
    /// Kernels in `folder`, which is made if need be.
    ///
    /// # Errors
    /// Why it is not used.
    pub(crate) fn new(folder: &Path) -> Result<Cache, String> {
        Cache::of_size(folder, MOST)
    }

    fn of_size(folder: &Path, most: u64) -> Result<Cache, String> {
        let shown = folder.display();
        made(folder).map_err(|e| format!("{shown} cannot be made: {e}"))?;
        if !is_private(folder) {
            return Err(format!("{shown} is no folder in which only you may write"));
        }
        Ok(Cache { folder: folder.to_owned(), most })
    }

    /// Whether it holds a kernel.
    pub(crate) fn holds_any(&self) -> bool {
        self.files().any(|file| file.extension().is_some_and(|e| e == OF_KERNEL))
    }

    fn files(&self) -> impl Iterator<Item = PathBuf> {
        fs::read_dir(&self.folder).into_iter().flatten().flatten().map(|entry| entry.path())
    }

    /// The code of that key, if a sound file has it.
    pub(crate) fn find(&self, key: &Key) -> Option<Vec<u8>> {
        let path = self.folder.join(key.name());
        // What is no file may never end.
        let found = fs::symlink_metadata(&path).ok()?;
        if !found.is_file() || found.len() < HEAD as u64 || found.len() > MOST_OF_ONE {
            return None;
        }
        let mut file = Vec::new();
        File::open(&path).ok()?.take(MOST_OF_ONE).read_to_end(&mut file).ok()?;
        let (head, code) = file.split_at_checked(HEAD)?;
        let (magic, head) = head.split_at(MAGIC.len());
        let (version, head) = head.split_at(8);
        let (of_key, of_code) = head.split_at(HASH);
        let is_sound = magic == MAGIC && of_key == key.hash && of_code == Sha256::digest(code).as_slice();
        let is_of_compiler = key.version.is_none_or(|own| version == bytes_of(own));
        if !is_sound || !is_of_compiler {
            return None;
        }
        // The oldest go first: what is used is young.
        if let Ok(opened) = OpenOptions::new().append(true).open(&path) {
            let _ = opened.set_modified(SystemTime::now());
        }
        Some(code.to_owned())
    }

    /// Keeps the code of that key. What cannot be kept is compiled again another time.
    pub(crate) fn keep(&self, key: &Key, code: &[u8]) {
        static SERIAL: AtomicU64 = AtomicU64::new(0);
        let Some(version) = key.version else { return };
        if (HEAD + code.len()) as u64 > MOST_OF_ONE.min(self.most) {
            return;
        }
        let serial = SERIAL.fetch_add(1, Ordering::Relaxed);
        let own = self.folder.join(format!("{}-{serial}.{OF_UNFINISHED}", std::process::id()));
        let head = [&MAGIC[..], &bytes_of(version), &key.hash, &Sha256::digest(code)].concat();
        let written = File::create_new(&own).and_then(|mut file| {
            file.write_all(&head)?;
            file.write_all(code)
        });
        if written.and_then(|()| fs::rename(&own, self.folder.join(key.name()))).is_err() {
            let _ = fs::remove_file(&own);
        }
        self.make_room();
    }

    /// Forgets what was kept for that key.
    pub(crate) fn forget(&self, key: &Key) {
        let _ = fs::remove_file(self.folder.join(key.name()));
    }

    /// Where there is too much, the oldest files go until a quarter of the room is free.
    fn make_room(&self) {
        let now = SystemTime::now();
        let (mut all, mut sum) = (Vec::new(), 0);
        for path in self.files() {
            let Ok(found) = fs::symlink_metadata(&path) else { continue };
            let age =
                found.modified().ok().and_then(|then| now.duration_since(then).ok()).unwrap_or_default();
            match path.extension().and_then(|e| e.to_str()) {
                Some(OF_KERNEL) => {
                    sum += found.len();
                    all.push((age, found.len(), path));
                }
                Some(OF_UNFINISHED) if age > FORGOTTEN => drop(fs::remove_file(&path)),
                _ => {}
            }
        }
        if sum <= self.most {
            return;
        }
        all.sort();
        while sum > self.most / 4 * 3
            && let Some((_, len, path)) = all.pop()
        {
            sum -= len;
            let _ = fs::remove_file(path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Option<(i32, i32)> = Some((13, 0));

    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("nbc-kernels-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        folder
    }

    fn key(text: &str) -> Key {
        Key::new(&["sm_90", text], NOW)
    }

    #[test]
    fn what_is_kept_is_found_by_the_same_text_options_architecture_and_compiler() {
        let cache = Cache::new(&folder("found")).expect("a folder");
        assert!(!cache.holds_any() && cache.find(&key("a")).is_none());
        cache.keep(&key("a"), b"code");
        assert!(cache.holds_any());
        assert_eq!(cache.find(&key("a")).as_deref(), Some(&b"code"[..]));
        for (parts, version) in [
            (["sm_90", "b"], NOW),
            (["sm_80", "a"], NOW),
            // The same letters, parted elsewhere.
            (["sm_90a", ""], NOW),
            (["sm_90", "a"], Some((12, 9))),
        ] {
            assert!(cache.find(&Key::new(&parts, version)).is_none(), "{parts:?} {version:?}");
        }
        // Without a compiler any version serves, and none is kept.
        assert!(cache.find(&Key::new(&["sm_90", "a"], None)).is_some());
        cache.keep(&Key::new(&["sm_90", "c"], None), b"code");
        assert!(cache.find(&key("c")).is_none());
        cache.forget(&key("a"));
        assert!(cache.find(&key("a")).is_none());
        let _ = fs::remove_dir_all(&cache.folder);
    }

    #[test]
    fn files_that_are_torn_or_changed_are_as_if_not_there() {
        let cache = Cache::new(&folder("torn")).expect("a folder");
        cache.keep(&key("a"), &[7; 300]);
        let path = cache.folder.join(key("a").name());
        let whole = fs::read(&path).unwrap();
        for cut in [0, 1, HEAD - 1, HEAD, HEAD + 1, whole.len() - 1] {
            fs::write(&path, &whole[..cut]).unwrap();
            assert!(cache.find(&key("a")).is_none(), "cut to {cut} bytes");
        }
        for at in 0..whole.len() {
            let mut changed = whole.clone();
            changed[at] ^= 1;
            fs::write(&path, &changed).unwrap();
            assert!(cache.find(&key("a")).is_none(), "byte {at} is another");
        }
        // One more at the end; the file of another key; no file at all.
        fs::write(&path, [&whole[..], &[0]].concat()).unwrap();
        assert!(cache.find(&key("a")).is_none());
        fs::write(cache.folder.join(key("b").name()), &whole).unwrap();
        assert!(cache.find(&key("b")).is_none());
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        assert!(cache.find(&key("a")).is_none());
        cache.keep(&key("a"), b"code");
        fs::remove_dir(&path).unwrap();
        cache.keep(&key("a"), b"code");
        assert!(cache.find(&key("a")).is_some());
        assert!(!cache.files().any(|file| file.extension().is_some_and(|e| e == OF_UNFINISHED)));
        let _ = fs::remove_dir_all(&cache.folder);
    }

    #[test]
    fn the_oldest_go_when_there_is_too_much() {
        let cache = Cache::of_size(&folder("full"), 10_000).expect("a folder");
        let hour = Duration::from_secs(3600);
        for n in 0..9u32 {
            cache.keep(&key(&n.to_string()), &[0; 1000]);
            let file = OpenOptions::new().append(true).open(cache.folder.join(key(&n.to_string()).name()));
            file.unwrap().set_modified(SystemTime::now() - hour * (20 - n)).unwrap();
        }
        // Used again, so no longer the oldest.
        assert!(cache.find(&key("0")).is_some());
        cache.keep(&key("9"), &[0; 1000]);
        let there: Vec<u32> = (0..10).filter(|n| cache.find(&key(&n.to_string())).is_some()).collect();
        assert_eq!(there, [0, 5, 6, 7, 8, 9]);
        // One that would not fit is not kept at all.
        cache.keep(&key("large"), &[0; 20_000]);
        assert!(cache.find(&key("large")).is_none() && cache.find(&key("9")).is_some());
        let _ = fs::remove_dir_all(&cache.folder);
    }

    #[cfg(unix)]
    #[test]
    fn a_folder_of_others_is_not_used() {
        use std::os::unix::fs::PermissionsExt;
        let folder = folder("others");
        Cache::new(&folder).expect("a folder");
        assert_eq!(fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o777)).unwrap();
        let why = Cache::new(&folder).expect_err("anybody may write there");
        assert!(why.contains("only you may write"), "{why}");
        let _ = fs::remove_dir_all(&folder);
        fs::write(&folder, "").unwrap();
        assert!(Cache::new(&folder).is_err());
        let _ = fs::remove_file(&folder);
    }
}
