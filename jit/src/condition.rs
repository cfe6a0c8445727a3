//! Marks the conditions on which passes rest, so that each can be dropped by a test.
//!
//! A pass refuses where it would be wrong, and such a refusal is easily forgotten, or never
//! tried by a test. So each is marked where it stands, and `scripts/mutate` drops one after
//! another and says which test notices (`tests/mutants.txt`); `tests/conditions.rs` sees to it
//! that none is unmarked, and none missing in that list.
//!
//! | mark | is | dropped, it |
//! |---|---|---|
//! | `required!(c)` | what a pass must find to be right | holds always |
//! | `forbidden!(c)` | what it must not find | never holds |
//! | `guard!(e)` | code that puts a condition into the program, or a repair | does nothing |
//! | `worth!(c)` | what only says whether it pays | is never dropped |
//!
//! Without the feature `mutation` each is its argument and nothing else, and there is nothing
//! here but the macros. With it, a mark is its argument until `drop_one` names its place.

/// See [`crate::condition`].
#[cfg(not(feature = "mutation"))]
macro_rules! required {
    ($condition:expr) => {
        $condition
    };
}

/// See [`crate::condition`].
#[cfg(not(feature = "mutation"))]
macro_rules! forbidden {
    ($condition:expr) => {
        $condition
    };
}

/// See [`crate::condition`].
#[cfg(not(feature = "mutation"))]
macro_rules! guard {
    ($emit:expr) => {
        $emit
    };
}

/// See [`crate::condition`].
#[cfg(feature = "mutation")]
macro_rules! required {
    ($condition:expr) => {{
        static SITE: $crate::condition::Site = $crate::condition::Site::new(file!(), line!(), column!());
        SITE.reach();
        $condition || SITE.is_dropped()
    }};
}

/// See [`crate::condition`].
#[cfg(feature = "mutation")]
macro_rules! forbidden {
    ($condition:expr) => {{
        static SITE: $crate::condition::Site = $crate::condition::Site::new(file!(), line!(), column!());
        SITE.reach();
        $condition && !SITE.is_dropped()
    }};
}

/// See [`crate::condition`].
#[cfg(feature = "mutation")]
macro_rules! guard {
    ($emit:expr) => {{
        static SITE: $crate::condition::Site = $crate::condition::Site::new(file!(), line!(), column!());
        SITE.reach();
        if !SITE.is_dropped() {
            $emit;
        }
    }};
}

/// See [`crate::condition`].
macro_rules! worth {
    ($condition:expr) => {
        $condition
    };
}

#[cfg(feature = "mutation")]
pub use dropping::{Place, Site, drop_one, take_noticed};

#[cfg(feature = "mutation")]
mod dropping {
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

    /// File, line and column of a mark.
    pub type Place = (&'static str, u32, u32);

    /// A marked condition.
    #[derive(Debug)]
    pub struct Site {
        place: Place,
        hash: u64,
        is_reached: AtomicBool,
        has_mattered: AtomicBool,
    }

    /// The place of the one that is dropped; 0 for none.
    static DROPPED: AtomicU64 = AtomicU64::new(0);
    /// Those that were reached, and those that mattered, since [`take_noticed`].
    static NOTICED: Mutex<[Vec<&'static Site>; 2]> = Mutex::new([Vec::new(), Vec::new()]);

    impl Site {
        /// The mark at a place.
        pub const fn new(file: &'static str, line: u32, column: u32) -> Site {
            let (is_reached, has_mattered) = (AtomicBool::new(false), AtomicBool::new(false));
            Site { place: (file, line, column), hash: hash(file, line, column), is_reached, has_mattered }
        }

        /// Notes that the pass has come here.
        pub fn reach(&'static self) {
            if !self.is_reached.load(Ordering::Relaxed) && !self.is_reached.swap(true, Ordering::Relaxed) {
                noticed()[0].push(self);
            }
        }

        /// Whether to go on as if all was well; asked only where it is not.
        #[cold]
        pub fn is_dropped(&'static self) -> bool {
            if !self.has_mattered.swap(true, Ordering::Relaxed) {
                noticed()[1].push(self);
            }
            DROPPED.load(Ordering::Relaxed) == self.hash
        }
    }

    fn noticed() -> std::sync::MutexGuard<'static, [Vec<&'static Site>; 2]> {
        // A pass may have panicked, which harms no list.
        NOTICED.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// FNV-1a.
    const fn hash(file: &str, line: u32, column: u32) -> u64 {
        let bytes = file.as_bytes();
        let mut hash = 0xcbf2_9ce4_8422_2325_u64;
        let mut at = 0;
        while at < bytes.len() {
            hash = (hash ^ bytes[at] as u64).wrapping_mul(0x100_0000_01b3);
            at += 1;
        }
        hash = (hash ^ line as u64).wrapping_mul(0x100_0000_01b3);
        (hash ^ column as u64).wrapping_mul(0x100_0000_01b3)
    }

    /// Drops the condition marked at that place, and no other; or none.
    pub fn drop_one(place: Option<(&str, u32, u32)>) {
        let hash = place.map_or(0, |(file, line, column)| hash(file, line, column));
        DROPPED.store(hash, Ordering::Relaxed);
    }

    /// The places that passes came to, and those where dropping makes a difference, since the
    /// last time.
    pub fn take_noticed() -> [Vec<Place>; 2] {
        std::mem::take(&mut *noticed()).map(|sites| {
            let forget = |site: &'static Site| {
                site.is_reached.store(false, Ordering::Relaxed);
                site.has_mattered.store(false, Ordering::Relaxed);
                site.place
            };
            sites.into_iter().map(forget).collect()
        })
    }
}
