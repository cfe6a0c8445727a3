//! Subscripts of Einstein's summation convention, as `linalg.einsum` takes them: a letter for each axis of each
//! operand, and those of the result. `...` stands for axes without a letter, which are broadcast.
//!
//! What can be known of them without operands is checked here, by the verifier before a program runs. What `...`
//! stands for is known with the operands' dims: [`Subscripts::fit`] puts a letter of its own for each such axis.
//!
//! ```
//! use nbc_ir::catalogue::Subscripts;
//! let product = Subscripts::parse("ij,jk")?;
//! assert_eq!((&product.operands[..], &product.result[..]), (&[b"ij".to_vec(), b"jk".to_vec()][..], &b"ik"[..]));
//! assert!(Subscripts::parse("ij->k").is_err());
//! assert_eq!(Subscripts::parse("...ij,jk")?.result, b".ik");
//! # Ok::<(), String>(())
//! ```

use crate::dims::{Dims, MAX_RANK};

/// Bytes of the longest subscripts.
const LONGEST: usize = 1000;

/// Operands that there may be.
const MOST: usize = 16;

/// What stands for `...`.
const REST: u8 = b'.';

/// Parsed subscripts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Subscripts {
    /// The letters of each operand's axes; a `.` for `...`.
    pub operands: Vec<Vec<u8>>,
    /// Those of the result's: each once.
    pub result: Vec<u8>,
}

/// Lengths of axes by letter.
pub type Lengths = [Option<u64>; 128];

impl Subscripts {
    /// Parses them: operands with commas between, and `->` with the result's. Without `->` the result has the letters
    /// that are there once, in alphabetical order, behind `...` if any operand has that.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn parse(text: &str) -> Result<Subscripts, String> {
        if text.len() > LONGEST {
            return Err(format!("{} bytes; subscripts have at most {LONGEST}", text.len()));
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
        let with_rest = operands.iter().position(|operand| operand.contains(&REST));
        let result = result.unwrap_or_else(|| {
            let once = (b'A'..=b'z').filter(|l| l.is_ascii_alphabetic() && count(*l) == 1);
            with_rest.map(|_| REST).into_iter().chain(once).collect()
        });
        if let Some(n) = with_rest.filter(|_| !result.contains(&REST)) {
            return Err(format!("operand {n} has `...` and the result has not: nothing sums over such axes"));
        }
        for (at, letter) in result.iter().enumerate().filter(|(_, letter)| **letter != REST) {
            if count(*letter) == 0 {
                return Err(format!("the result's `{}` is in no operand", *letter as char));
            }
            if result[..at].contains(letter) {
                return Err(format!("the result has `{}` twice", *letter as char));
            }
        }
        let named = |letters: &Vec<u8>| letters.iter().filter(|l| **l != REST).count();
        let too_long = operands.iter().chain([&result]).map(named).find(|len| *len > MAX_RANK);
        if let Some(len) = too_long {
            return Err(format!("{len} letters; a tensor has at most {MAX_RANK} dims"));
        }
        Ok(Subscripts { operands, result })
    }

    /// The same for operands of these dims, and the lengths of axes. `...` is gone: each of its axes has a letter, number n
    /// from the right the byte n, where it is not repeated along another operand's.
    ///
    /// # Errors
    /// What does not fit.
    pub fn fit(&self, dims: &[Dims]) -> Result<(Subscripts, Lengths), String> {
        let mut lengths: Lengths = [None; 128];
        let mut rest = 0;
        for (n, (letters, dims)) in self.operands.iter().zip(dims).enumerate() {
            let (named, axes) = match rest_of(letters, dims) {
                Some(found) => found,
                None if letters.contains(&REST) => {
                    return Err(format!(
                        "operand {n} has dims {dims}, and {} letters besides `...`",
                        letters.len() - 1
                    ));
                }
                None => return Err(format!("operand {n} has dims {dims}, and {} letters", letters.len())),
            };
            rest = rest.max(axes.len());
            for (letter, dim) in named {
                let known = lengths[letter as usize].get_or_insert(dim);
                if *known != dim {
                    return Err(format!(
                        "`{}` is {known}, and {dim} in operand {n} of dims {dims}",
                        letter as char
                    ));
                }
            }
            for (letter, dim) in axes {
                let known = lengths[letter as usize].get_or_insert(dim);
                match (*known, dim) {
                    (1, _) => *known = dim,
                    (_, 1) => {}
                    (known, _) if known == dim => {}
                    (known, _) => {
                        return Err(format!(
                            "axis {} from the right of `...` is {known}, and {dim} in operand {n} of dims {dims}",
                            letter + 1
                        ));
                    }
                }
            }
        }
        let mut result = Vec::new();
        for letter in &self.result {
            match *letter {
                REST => result.extend((0..rest as u8).rev()),
                letter => result.push(letter),
            }
        }
        if result.len() > MAX_RANK {
            return Err(format!("the result has {} dims; a tensor has at most {MAX_RANK}", result.len()));
        }
        // One that is repeated has no axis there: an axis of length 1 takes no part in where elements lie.
        let one = |letters: &Vec<u8>, dims: &Dims| {
            let axes = rest_of(letters, dims).map(|(_, axes)| axes).unwrap_or_default();
            let is_own = |(letter, dim): &(u8, u64)| lengths[*letter as usize] == Some(*dim);
            let own: Vec<u8> = axes.into_iter().filter(is_own).map(|(letter, _)| letter).collect();
            letters.iter().flat_map(|l| if *l == REST { own.clone() } else { vec![*l] }).collect()
        };
        let operands = self.operands.iter().zip(dims).map(|(letters, dims)| one(letters, dims)).collect();
        Ok((Subscripts { operands, result }, lengths))
    }
}

/// Axes with their letters.
type Axes = Vec<(u8, u64)>;

/// The axes of an operand that have letters, and those that `...` stands for, which are numbered from the right;
/// `None` if there are too many or too few.
fn rest_of(letters: &[u8], dims: &Dims) -> Option<(Axes, Axes)> {
    let Some(at) = letters.iter().position(|l| *l == REST) else {
        let all = letters.iter().copied().zip(dims.iter().copied()).collect();
        return (letters.len() == dims.len()).then_some((all, Axes::new()));
    };
    let count = (dims.len() + 1).checked_sub(letters.len())?;
    let (first, last) = (dims[..at].iter(), dims[at + count..].iter());
    let named = letters.iter().copied().filter(|l| *l != REST).zip(first.chain(last).copied()).collect();
    let rest = (0..count as u8).rev().zip(dims[at..at + count].iter().copied()).collect();
    Some((named, rest))
}

fn letters(text: &str) -> Result<Vec<u8>, String> {
    let text: String = text.chars().filter(|c| *c != ' ').collect();
    let mut letters = Vec::new();
    let mut left = &text[..];
    while let Some(c) = left.chars().next() {
        if let Some(behind) = left.strip_prefix("...") {
            if letters.contains(&REST) {
                return Err(format!("`{text}` has `...` twice"));
            }
            letters.push(REST);
            left = behind;
            continue;
        }
        match c {
            '.' => return Err(format!("`{}` has dots that are not three: `...`", text.escape_debug())),
            _ if c.is_ascii_alphabetic() => letters.push(c as u8),
            _ => return Err(format!("`{}` is no letter, comma or arrow", c.escape_debug())),
        }
        left = &left[c.len_utf8()..];
    }
    Ok(letters)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_subscript_is_refused() {
        for (text, part) in [
            ("ij->k", "in no operand"),
            ("ij->ii", "twice"),
            ("i..j", "not three"),
            ("i....j", "not three"),
            ("...i...", "`...` twice"),
            ("i,...j->ij", "operand 1 has `...`"),
            ("...i->......i", "`...` twice"),
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
        for (text, result) in [
            ("ii", ""),
            ("ba", "ab"),
            ("aB,a", "B"),
            ("ij,jk,kl", "il"),
            ("", ""),
            (" i , j ", "ij"),
            ("b...a", ".ab"),
            ("i,i...", "."),
            ("... j,j", "."),
        ] {
            assert_eq!(Subscripts::parse(text).unwrap().result, result.as_bytes(), "{text}");
        }
    }

    #[test]
    fn what_has_no_letter_is_broadcast_from_the_right() {
        let fit = |text: &str, dims: &[&[u64]]| {
            let dims: Vec<Dims> = dims.iter().map(|d| Dims::new(d).unwrap()).collect();
            Subscripts::parse(text).unwrap().fit(&dims)
        };
        let (fitted, lengths) = fit("...ij,...jk", &[&[5, 1, 2, 3], &[4, 3, 2]]).unwrap();
        assert_eq!(fitted.operands, [vec![1, b'i', b'j'], vec![0, b'j', b'k']]);
        assert_eq!(fitted.result, [1, 0, b'i', b'k']);
        assert_eq!(lengths[..2], [Some(4), Some(5)]);
        // None, all of length 1, and in the middle.
        assert_eq!(fit("i...->...i", &[&[3]]).unwrap().0.result, b"i");
        assert_eq!(fit("...,...", &[&[1], &[1, 1]]).unwrap().0.operands, [vec![0], vec![1, 0]]);
        assert_eq!(fit("i...j", &[&[2, 6, 7, 3]]).unwrap().0.operands, [vec![b'i', 1, 0, b'j']]);
        // As NumPy: without an axis there it is nothing.
        assert_eq!(fit("i->...i", &[&[3]]).unwrap().0.result, b"i");
        for (text, dims, part) in [
            ("...,...", &[&[2, 3][..], &[2]][..], "axis 1 from the right"),
            ("...,...", &[&[0], &[3]], "is 0, and 3"),
            ("ij...", &[&[3]], "2 letters besides"),
            ("ij", &[&[3]], "and 2 letters"),
            ("...,a", &[&[1; 8], &[2]], "9 dims"),
        ] {
            let message = fit(text, dims).unwrap_err();
            assert!(message.contains(part), "{text}: {message}");
        }
    }
}
