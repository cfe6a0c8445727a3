//! Subscripts of Einstein's summation convention, as `linalg.einsum` takes them: a letter for each axis of each
//! operand, and those of the result.
//!
//! What can be known of them without operands is checked here, by the verifier before a program runs.
//!
//! ```
//! use nbc_ir::catalogue::Subscripts;
//! let product = Subscripts::parse("ij,jk")?;
//! assert_eq!((&product.operands[..], &product.result[..]), (&[b"ij".to_vec(), b"jk".to_vec()][..], &b"ik"[..]));
//! assert!(Subscripts::parse("ij->k").is_err());
//! # Ok::<(), String>(())
//! ```

use crate::dims::{Dims, MAX_RANK};

/// Bytes of the longest subscripts.
const LONGEST: usize = 1000;

/// Operands that there may be.
const MOST: usize = 16;

/// Parsed subscripts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Subscripts {
    /// The letters of each operand's axes.
    pub operands: Vec<Vec<u8>>,
    /// Those of the result's: each once.
    pub result: Vec<u8>,
}

/// Lengths of axes by letter.
pub type Lengths = [Option<u64>; 128];

impl Subscripts {
    /// Parses them: operands with commas between, and `->` with the result's. Without `->` the result has the letters
    /// that are there once, in alphabetical order.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn parse(text: &str) -> Result<Subscripts, String> {
        if text.len() > LONGEST {
            return Err(format!("{} bytes; subscripts have at most {LONGEST}", text.len()));
        }
        if text.contains("...") {
            return Err("`...` is not for these subscripts: write a letter for each axis".to_owned());
        }
        let (given, result) = match text.split_once("->") {
            Some((given, result)) => (given, Some(letters(result)?)),
            None => (text, None),
        };
        let operands = given.split(',').map(letters).collect::<Result<Vec<_>, _>>()?;
        if operands.len() > MOST {
            return Err(format!("{} operands; there are at most {MOST}", operands.len()));
        }
        let count = |letter: u8| operands.iter().flatten().filter(|l| **l == letter).count();
        let result = result
            .unwrap_or_else(|| (b'A'..=b'z').filter(|l| l.is_ascii_alphabetic() && count(*l) == 1).collect());
        for (at, letter) in result.iter().enumerate() {
            if count(*letter) == 0 {
                return Err(format!("the result's `{}` is in no operand", *letter as char));
            }
            if result[..at].contains(letter) {
                return Err(format!("the result has `{}` twice", *letter as char));
            }
        }
        let too_long = operands.iter().chain([&result]).map(Vec::len).find(|len| *len > MAX_RANK);
        if let Some(len) = too_long {
            return Err(format!("{len} letters; a tensor has at most {MAX_RANK} dims"));
        }
        Ok(Subscripts { operands, result })
    }

    /// Lengths of the axes, for operands of these dims.
    ///
    /// # Errors
    /// What does not fit.
    pub fn lengths(&self, dims: &[Dims]) -> Result<Lengths, String> {
        let mut lengths: Lengths = [None; 128];
        for (n, (letters, dims)) in self.operands.iter().zip(dims).enumerate() {
            if letters.len() != dims.len() {
                return Err(format!("operand {n} has dims {dims}, and {} letters", letters.len()));
            }
            for (letter, dim) in letters.iter().zip(dims.iter()) {
                let known = lengths[*letter as usize].get_or_insert(*dim);
                if known != dim {
                    return Err(format!(
                        "`{}` is {known}, and {dim} in operand {n} of dims {dims}",
                        *letter as char
                    ));
                }
            }
        }
        Ok(lengths)
    }
}

fn letters(text: &str) -> Result<Vec<u8>, String> {
    let of = |c: char| match c {
        _ if c.is_ascii_alphabetic() => Ok(c as u8),
        _ => Err(format!("`{}` is no letter, comma or arrow", c.escape_debug())),
    };
    text.chars().filter(|c| *c != ' ').map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_subscript_is_refused() {
        for (text, part) in [
            ("ij->k", "in no operand"),
            ("ij->ii", "twice"),
            ("i...j", "`...`"),
            ("i1", "`1`"),
            ("i->j->k", "`-`"),
            ("abcdefghi", "at most 8"),
            ("é", "no letter"),
        ] {
            let message = Subscripts::parse(text).unwrap_err();
            assert!(message.contains(part), "{text}: {message}");
        }
    }

    #[test]
    fn a_result_that_is_not_given_is_as_numpys() {
        for (text, result) in
            [("ii", ""), ("ba", "ab"), ("aB,a", "B"), ("ij,jk,kl", "il"), ("", ""), (" i , j ", "ij")]
        {
            assert_eq!(Subscripts::parse(text).unwrap().result, result.as_bytes(), "{text}");
        }
    }
}
