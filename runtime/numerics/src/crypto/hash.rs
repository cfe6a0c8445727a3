//! Hash functions: SHA-2 (FIPS 180-4), SHA-3 (FIPS 202) and BLAKE3.

use sha2::Digest;

macro_rules! hashes {
    ($($(#[$doc:meta])* $name:ident $hasher:ty, $len:literal, $block:literal, $weight:literal;)*) => {
        /// Which function.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub enum Hash {
            $($(#[$doc])* $name,)*
        }

        impl Hash {
            /// Every function.
            pub const ALL: &[Hash] = &[$(Hash::$name),*];

            /// Bytes of a digest.
            pub const fn digest_len(self) -> usize {
                match self {
                    $(Hash::$name => $len,)*
                }
            }

            /// Bytes that are worked on together.
            pub const fn block(self) -> usize {
                match self {
                    $(Hash::$name => $block,)*
                }
            }

            /// About how many additions a byte takes as long as.
            pub const fn weight(self) -> usize {
                match self {
                    $(Hash::$name => $weight,)*
                }
            }

            /// Begins.
            pub fn start(self) -> Hasher {
                match self {
                    $(Hash::$name => Hasher::$name(<$hasher>::default()),)*
                }
            }
        }

        /// A hash function at work. Its state is overwritten when it goes.
        #[derive(Clone)]
        pub enum Hasher {
            $(#[doc = "The state of that function."] $name($hasher),)*
        }

        impl Hasher {
            /// Goes on with those bytes.
            pub fn update(&mut self, bytes: &[u8]) {
                match self {
                    $(Hasher::$name(hasher) => _ = Update::update(hasher, bytes),)*
                }
            }

            /// Writes the digest.
            ///
            /// # Panics
            /// Where `to` is not as long as it.
            pub fn finish(self, to: &mut [u8]) {
                match self {
                    $(Hasher::$name(hasher) => Update::finish(hasher, to),)*
                }
            }
        }
    };
}

hashes! {
    /// SHA-224.
    Sha224 sha2::Sha224, 28, 64, 2;
    /// SHA-256.
    Sha256 sha2::Sha256, 32, 64, 2;
    /// SHA-384.
    Sha384 sha2::Sha384, 48, 128, 5;
    /// SHA-512.
    Sha512 sha2::Sha512, 64, 128, 5;
    /// SHA3-256.
    Sha3_256 sha3::Sha3_256, 32, 136, 8;
    /// SHA3-512.
    Sha3_512 sha3::Sha3_512, 64, 72, 16;
    /// BLAKE3.
    Blake3 Blake3, 32, 64, 1;
}

/// What the functions have in common.
trait Update {
    fn update(&mut self, bytes: &[u8]);
    fn finish(self, to: &mut [u8]);
}

impl<D: Digest> Update for D {
    fn update(&mut self, bytes: &[u8]) {
        Digest::update(self, bytes);
    }
    fn finish(self, to: &mut [u8]) {
        to.copy_from_slice(&self.finalize());
    }
}

/// BLAKE3, whose state is overwritten when it goes.
#[derive(Clone, Default)]
pub struct Blake3(Box<blake3::Hasher>);

impl Drop for Blake3 {
    fn drop(&mut self) {
        zeroize::Zeroize::zeroize(&mut *self.0);
    }
}

impl Update for Blake3 {
    fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }
    fn finish(self, to: &mut [u8]) {
        to.copy_from_slice(self.0.finalize().as_bytes());
    }
}
