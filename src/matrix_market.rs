//! Matrix Market files (`.mtx`): `coordinate` and `array`; `real`, `integer`, `complex` and `pattern`; `general`,
//! `symmetric`, `skew-symmetric` and `hermitian`.
//!
//! Of a symmetric file the other half is made. Elements may come in any order, and those at the same place are
//! added in the order of the file. A hostile file cannot make the reader take more than was allowed: it
//! believes no count before so many elements are there. Format: <https://math.nist.gov/MatrixMarket/formats.html>.
//!
//! ```
//! use nbc::{Elem, matrix_market};
//! let text = "%%MatrixMarket matrix coordinate real symmetric\n% a comment\n2 2 2\n1 1 4.0\n2 1 1.5\n";
//! let a = matrix_market::read_from(text.as_bytes(), Elem::F64, 1 << 20).unwrap();
//! assert!(a.places().eq([[0, 0], [0, 1], [1, 0]]));
//! assert_eq!(a.values().as_slice::<f64>(), Some(&[4.0, 1.5, 1.5][..]));
//! let mut file = Vec::new();
//! matrix_market::write(&mut file, &a).unwrap();
//! assert_eq!(matrix_market::read_from(&file[..], Elem::F64, 1 << 20).unwrap(), a);
//! let cut = matrix_market::read_from(&text.as_bytes()[..74], Elem::F64, 1 << 20).unwrap_err();
//! assert!(cut.to_string().contains("cut off"));
//! ```

use nbc_ir::Elem;
use nbc_ir::shown::clipped;
use nbc_runtime::object::{Format, OwnedSparse, OwnedTensor, sparse::MOST};
use num_complex::Complex;
use std::fmt;
use std::io::{self, BufRead, Read, Write};

/// A line is longer only in files that mean harm.
const LONGEST_LINE: u64 = 1 << 12;
/// Bytes that an element takes while the file is read.
const ELEMENT: u64 = 32;

/// Why a file is no matrix that can be read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Error {
    message: String,
    too_large: bool,
}

impl Error {
    /// Whether the matrix is only larger than was allowed.
    pub fn is_too_large(&self) -> bool {
        self.too_large
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

fn refuse<T>(why: impl Into<String>) -> Result<T, Error> {
    Err(Error { message: why.into(), too_large: false })
}

fn check_room(wanted: u64, most: u64) -> Result<(), Error> {
    if wanted <= most {
        return Ok(());
    }
    let message = format!("the matrix takes {wanted} bytes or more, and only {most} may be read");
    Err(Error { message, too_large: true })
}

/// What a symmetric file leaves out.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Symmetry {
    General,
    Symmetric,
    Skew,
    Hermitian,
}

/// What a number is written as.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Field {
    Real,
    Complex,
    Pattern,
}

/// Lines that are no comments, with their numbers.
struct Lines<R> {
    file: R,
    number: u64,
    line: Vec<u8>,
}

impl<R: BufRead> Lines<R> {
    /// The next line, or none at the end; a comment only if it is the first.
    fn next(&mut self) -> Result<Option<&str>, Error> {
        loop {
            self.line.clear();
            let mut limited = (&mut self.file).take(LONGEST_LINE);
            let read = limited.read_until(b'\n', &mut self.line);
            if read.map_err(|e| Error {
                message: format!("reading the .mtx file failed: {e}"),
                too_large: false,
            })? == 0
            {
                return Ok(None);
            }
            self.number += 1;
            if self.line.len() as u64 == LONGEST_LINE && self.line.last() != Some(&b'\n') {
                return refuse(format!(
                    "line {} of the .mtx file is longer than {LONGEST_LINE} bytes",
                    self.number
                ));
            }
            let is_comment = self.line.starts_with(b"%") && self.number > 1;
            if !is_comment && !self.line.iter().all(u8::is_ascii_whitespace) {
                break;
            }
        }
        let number = self.number;
        match std::str::from_utf8(&self.line) {
            Ok(line) => Ok(Some(line)),
            Err(_) => refuse(format!("line {number} of the .mtx file is no text")),
        }
    }

    fn wrong<T>(&self, why: impl fmt::Display) -> Result<T, Error> {
        refuse(format!("line {} of the .mtx file: {why}", self.number))
    }
}

/// An element of a file: row, column, value.
type Element = (u32, u32, Complex<f64>);

/// The sparse matrix, row by row, in a Matrix Market file, its elements as `elem`. `most` bounds the bytes that are
/// taken for it.
///
/// # Errors
/// Anything that is not a whole file, complex numbers where `elem` is real, or a matrix larger than `most`.
pub fn read_from(file: impl BufRead, elem: Elem, most: u64) -> Result<OwnedSparse, Error> {
    let mut lines = Lines { file, number: 0, line: Vec::new() };
    let head = lines.next()?.unwrap_or_default().to_ascii_lowercase();
    let words: Vec<&str> = head.split_ascii_whitespace().collect();
    let ["%%matrixmarket", "matrix", form, field, symmetry] = words[..] else {
        return refuse("the file does not begin with %%MatrixMarket matrix, and what it holds");
    };
    let symmetry = match symmetry {
        "general" => Symmetry::General,
        "symmetric" => Symmetry::Symmetric,
        "skew-symmetric" => Symmetry::Skew,
        "hermitian" => Symmetry::Hermitian,
        other => return lines.wrong(format!("there is no symmetry {:?}", clipped(other, 40))),
    };
    let field = match field {
        "real" | "integer" => Field::Real,
        "complex" => Field::Complex,
        "pattern" => Field::Pattern,
        other => return lines.wrong(format!("there are no numbers of kind {:?}", clipped(other, 40))),
    };
    if field == Field::Complex && elem != Elem::C128 {
        return refuse(format!("expected a sparse<{elem}>, found a matrix of complex numbers"));
    }
    let dense = match form {
        "coordinate" => false,
        "array" if field != Field::Pattern => true,
        other => return lines.wrong(format!("there is no such form {:?}", clipped(other, 40))),
    };
    let sizes = lines.next()?.unwrap_or_default().to_owned();
    let sizes: Option<Vec<u64>> = sizes.split_ascii_whitespace().map(|word| word.parse().ok()).collect();
    let (rows, cols, stored) = match (sizes.as_deref(), dense) {
        (Some(&[rows, cols, stored]), false) => (rows, cols, Some(stored)),
        (Some(&[rows, cols]), true) => (rows, cols, None),
        _ => return lines.wrong("expected how many rows, columns, and of coordinates elements there are"),
    };
    if rows >= MOST || cols >= MOST {
        return lines
            .wrong(format!("{rows} by {cols}; a sparse matrix has fewer than 2^31 rows and columns"));
    }
    if symmetry != Symmetry::General && rows != cols {
        return lines.wrong(format!("a matrix of {rows} by {cols} is not symmetric"));
    }
    check_room(8 * (rows + 1), most)?;
    let mut elements: Vec<Element> = Vec::new();
    let mut add = |row: u64, col: u64, value: Complex<f64>| {
        check_room((elements.len() as u64 + 2) * ELEMENT + 8 * (rows + 1), most)?;
        let (row, col) = (row as u32, col as u32);
        if elements.try_reserve(2).is_err() {
            return refuse("no memory for the matrix");
        }
        elements.push((row, col, value));
        if row != col {
            match symmetry {
                Symmetry::General => {}
                Symmetry::Symmetric => elements.push((col, row, value)),
                Symmetry::Skew => elements.push((col, row, -value)),
                Symmetry::Hermitian => elements.push((col, row, value.conj())),
            }
        }
        Ok(())
    };
    if let Some(stored) = stored {
        for n in 0..stored {
            let Some(line) = lines.next()? else {
                return refuse(format!("the .mtx file is cut off: it has {n} of its {stored} elements"));
            };
            let mut words = line.split_ascii_whitespace();
            let mut place = || words.next()?.parse::<u64>().ok();
            let (row, col) = (place(), place());
            let value = number(&mut words, field).filter(|_| words.next().is_none());
            let (Some(row), Some(col), Some(value)) = (row, col, value) else {
                return lines.wrong("expected row, column and value of an element");
            };
            if !(1..=rows).contains(&row) || !(1..=cols).contains(&col) {
                return lines.wrong(format!("element ({row}, {col}) of a matrix of {rows} by {cols}"));
            }
            if symmetry == Symmetry::Skew && row == col {
                return lines.wrong("an element on the diagonal of a skew-symmetric matrix");
            }
            add(row - 1, col - 1, value)?;
        }
    } else {
        // Column by column; of symmetric ones from the diagonal on, or behind it.
        for col in 0..cols {
            let first = match symmetry {
                Symmetry::General => 0,
                Symmetry::Symmetric | Symmetry::Hermitian => col,
                Symmetry::Skew => col + 1,
            };
            for row in first..rows {
                let Some(line) = lines.next()? else {
                    return refuse(format!(
                        "the .mtx file is cut off: it ends before element ({row}, {col})"
                    ));
                };
                let mut words = line.split_ascii_whitespace();
                let Some(value) = number(&mut words, field).filter(|_| words.next().is_none()) else {
                    return lines.wrong("expected an element");
                };
                if value != Complex::ZERO {
                    add(row, col, value)?;
                }
            }
        }
    }
    if lines.next()?.is_some() {
        return lines.wrong("there are more elements than the file says");
    }
    made([rows, cols], elements, elem)
}

/// A number at the beginning of the rest of a line.
fn number<'a>(words: &mut impl Iterator<Item = &'a str>, field: Field) -> Option<Complex<f64>> {
    let mut part = || {
        let word = words.next()?;
        // Fortran's exponents.
        word.parse().ok().or_else(|| word.replace(['d', 'D'], "e").parse::<f64>().ok())
    };
    match field {
        Field::Pattern => Some(Complex::ONE),
        Field::Real => Some(Complex::new(part()?, 0.0)),
        Field::Complex => Some(Complex::new(part()?, part()?)),
    }
}

/// The matrix of elements in any order.
fn made(dims: [u64; 2], mut elements: Vec<Element>, elem: Elem) -> Result<OwnedSparse, Error> {
    elements.sort_by_key(|(row, col, _)| (*row, *col));
    elements.dedup_by(|next, kept| {
        let same = (next.0, next.1) == (kept.0, kept.1);
        if same {
            kept.2 += next.2;
        }
        same
    });
    let places: Vec<[u64; 2]> =
        elements.iter().map(|(row, col, _)| [u64::from(*row), u64::from(*col)]).collect();
    let len = [places.len() as u64];
    let real = elements.iter().map(|(.., v)| v.re);
    let values = match elem {
        Elem::F32 => OwnedTensor::from_slice(&len, &real.map(|v| v as f32).collect::<Vec<_>>()),
        Elem::C128 => OwnedTensor::from_slice(&len, &elements.iter().map(|(.., v)| *v).collect::<Vec<_>>()),
        _ => OwnedTensor::from_slice(&len, &real.collect::<Vec<_>>()),
    };
    let Some(values) = values else { return refuse("no memory for the matrix") };
    OwnedSparse::of_places(Format::Csr, dims, &places, values).or_else(refuse)
}

/// Writes a matrix as a `general` file of coordinates, with all digits of its elements.
///
/// # Errors
/// Those of `out`.
pub fn write(out: &mut dyn Write, matrix: &OwnedSparse) -> io::Result<()> {
    let field = if matrix.elem() == Elem::C128 { "complex" } else { "real" };
    let [rows, cols] = matrix.dims();
    writeln!(out, "%%MatrixMarket matrix coordinate {field} general\n{rows} {cols} {}", matrix.stored())?;
    let values = matrix.values();
    for (n, [row, col]) in matrix.places().enumerate() {
        write!(out, "{} {} ", row + 1, col + 1)?;
        if let Some(values) = values.as_slice::<f64>() {
            writeln!(out, "{:?}", values[n])?;
        } else if let Some(values) = values.as_slice::<f32>() {
            writeln!(out, "{:?}", values[n])?;
        } else if let Some(values) = values.as_slice::<Complex<f64>>() {
            writeln!(out, "{:?} {:?}", values[n].re, values[n].im)?;
        }
    }
    Ok(())
}
