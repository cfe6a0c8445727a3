//! Matrix Market files (`.mtx`): `coordinate` and `array`; `real`, `integer`, `complex` and `pattern`; `general`,
//! `symmetric`, `skew-symmetric` and `hermitian`.
//!
//! Of a symmetric file the other half is made. Elements may come in any order, and those at the same place are
//! added in the order of the file. A hostile file cannot make the reader take more than was allowed, or longer than
//! its text: it believes no count before so many elements are there. Numbers are those of the text, so an
//! integer that an element cannot hold is refused. Format: <https://math.nist.gov/MatrixMarket/formats.html>.
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
use nbc_runtime::object::{Element, Format, OwnedSparse, OwnedTensor, sparse::MOST};
use num_complex::Complex;
use std::fmt;
use std::io::{self, BufRead, Read, Write};
use std::ops::AddAssign;

/// A line is longer only in files that mean harm.
const LONGEST_LINE: u64 = 1 << 12;
/// Elements that memory is taken for at once: enough that the system gets it back as soon as it is not needed.
const PART: usize = 1 << 14;

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

fn no_memory() -> Error {
    Error { message: "no memory for the matrix".to_owned(), too_large: false }
}

fn check_room(wanted: u64, most: u64) -> Result<(), Error> {
    if wanted <= most {
        return Ok(());
    }
    let message = format!("to read the matrix takes {wanted} bytes or more, and only {most} may be taken");
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
    Integer,
    /// From zero on.
    Unsigned,
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

/// What numbers are read as: f64, also for f32, and complex.
trait Number: Element + AddAssign {
    fn of(value: Complex<f64>) -> Self;
}

impl Number for f64 {
    fn of(value: Complex<f64>) -> f64 {
        value.re
    }
}

impl Number for Complex<f64> {
    fn of(value: Complex<f64>) -> Complex<f64> {
        value
    }
}

/// Row, column and value of elements in the order of the file, in memory that never moves.
struct Elements<T> {
    parts: Vec<Vec<(u32, u32, T)>>,
    count: u64,
    /// Bytes that may be taken, and that are for what there is one of for each row.
    most: u64,
    of_rows: u64,
}

impl<T: Number> Elements<T> {
    /// Bytes that are taken for an element: where it is put beside where it was, or in order beside that.
    const EACH: u64 = 12 + 2 * size_of::<T>() as u64;

    fn add(&mut self, row: u64, col: u64, value: Complex<f64>) -> Result<(), Error> {
        self.count += 1;
        // They are numbered by u32 where they are put in order.
        if self.count > u64::from(u32::MAX) {
            return Err(no_memory());
        }
        check_room(self.of_rows.saturating_add(self.count.saturating_mul(Self::EACH)), self.most)?;
        if self.parts.last().is_none_or(|part| part.len() == part.capacity()) {
            let mut part = Vec::new();
            part.try_reserve_exact(PART).map_err(|_| no_memory())?;
            self.parts.try_reserve(1).map_err(|_| no_memory())?;
            self.parts.push(part);
        }
        if let Some(part) = self.parts.last_mut() {
            part.push((row as u32, col as u32, T::of(value)));
        }
        Ok(())
    }
}

/// The sparse matrix, row by row, in a Matrix Market file, its elements as `elem`. `most` bounds the bytes that are
/// taken for it.
///
/// # Errors
/// Anything that is not a whole file, complex numbers where `elem` is real, or a matrix larger than `most`.
pub fn read_from(file: impl BufRead, elem: Elem, most: u64) -> Result<OwnedSparse, Error> {
    match elem {
        Elem::C128 => read::<Complex<f64>>(file, elem, most),
        _ => read::<f64>(file, elem, most),
    }
}

fn read<T: Number>(file: impl BufRead, elem: Elem, most: u64) -> Result<OwnedSparse, Error> {
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
        "real" | "double" => Field::Real,
        "integer" => Field::Integer,
        "unsigned-integer" => Field::Unsigned,
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
    let Some(sizes) = lines.next()? else {
        return refuse("the .mtx file is cut off: it ends before it says how large the matrix is");
    };
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
    let of_rows = 8 * (rows + 1);
    check_room(of_rows, most)?;
    let mut elements = Elements::<T> { parts: Vec::new(), count: 0, most, of_rows };
    let mut add = |row: u64, col: u64, value: Complex<f64>| {
        elements.add(row, col, value)?;
        let mirrored = match symmetry {
            _ if row == col => return Ok(()),
            Symmetry::General => return Ok(()),
            Symmetry::Symmetric => value,
            Symmetry::Skew => -value,
            Symmetry::Hermitian => value.conj(),
        };
        elements.add(col, row, mirrored)
    };
    if let Some(stored) = stored {
        for n in 0..stored {
            let Some(line) = lines.next()? else {
                return refuse(format!("the .mtx file is cut off: it has {n} of its {stored} elements"));
            };
            let mut words = line.split_ascii_whitespace();
            let mut place = || words.next()?.parse::<u64>().ok();
            let place = place().zip(place());
            let value = number(&mut words, field, elem);
            let (Some((row, col)), Ok(value), None) = (place, &value, words.next()) else {
                let why = value.err().filter(|_| place.is_some());
                return lines.wrong(why.unwrap_or("expected row, column and value of an element".to_owned()));
            };
            if !(1..=rows).contains(&row) || !(1..=cols).contains(&col) {
                return lines.wrong(format!("element ({row}, {col}) of a matrix of {rows} by {cols}"));
            }
            if symmetry == Symmetry::Skew && row == col {
                return lines.wrong("an element on the diagonal of a skew-symmetric matrix");
            }
            add(row - 1, col - 1, *value)?;
        }
    } else {
        // Column by column; of symmetric ones from the diagonal on, or behind it. Without rows there is no line for any.
        for col in 0..if rows == 0 { 0 } else { cols } {
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
                let value = number(&mut words, field, elem);
                let (Ok(value), None) = (&value, words.next()) else {
                    return lines.wrong(value.err().unwrap_or("expected an element".to_owned()));
                };
                if *value != Complex::ZERO {
                    add(row, col, *value)?;
                }
            }
        }
    }
    if lines.next()?.is_some() {
        return lines.wrong("there are more elements than the file says");
    }
    made([rows, cols], elements, elem)
}

/// A number at the beginning of the rest of a line, or what is wrong with it.
fn number<'a>(
    words: &mut impl Iterator<Item = &'a str>,
    field: Field,
    elem: Elem,
) -> Result<Complex<f64>, String> {
    let mut part = || {
        let word = words.next().ok_or("expected a number at the end of the line")?;
        match field {
            Field::Integer | Field::Unsigned => integer(word, field, elem),
            _ => real(word, elem),
        }
    };
    match field {
        Field::Pattern => Ok(Complex::ONE),
        Field::Real | Field::Integer | Field::Unsigned => Ok(Complex::new(part()?, 0.0)),
        Field::Complex => Ok(Complex::new(part()?, part()?)),
    }
}

/// A word for messages.
fn shown(word: &str) -> String {
    format!("{:?}", clipped(word, 40))
}

fn real(word: &str, elem: Elem) -> Result<f64, String> {
    // Fortran's exponents.
    let value = word.parse().ok().or_else(|| word.replace(['d', 'D'], "e").parse::<f64>().ok());
    let value: f64 = value.ok_or_else(|| format!("expected a number, found {}", shown(word)))?;
    let is_held = if elem == Elem::F32 { (value as f32).is_finite() } else { value.is_finite() };
    if !is_held && word.contains(|c: char| c.is_ascii_digit()) {
        return Err(format!("{} is out of range for {elem}", shown(word)));
    }
    Ok(value)
}

/// An integer that an element can be.
fn integer(word: &str, field: Field, elem: Elem) -> Result<f64, String> {
    let value: i128 = word.parse().map_err(|_| format!("expected an integer, found {}", shown(word)))?;
    if field == Field::Unsigned && value < 0 {
        return Err(format!("{} is below zero, and numbers are unsigned", shown(word)));
    }
    let held = if elem == Elem::F32 { f64::from(value as f32) } else { value as f64 };
    if held as i128 != value {
        return Err(format!("no {elem} is {}; a file of real numbers is rounded", shown(word)));
    }
    Ok(held)
}

/// The matrix of elements in any order.
fn made<T: Number>(dims: [u64; 2], elements: Elements<T>, elem: Elem) -> Result<OwnedSparse, Error> {
    fn tensor(elem: Elem, len: u64) -> Result<OwnedTensor, Error> {
        OwnedTensor::zeros(elem, &[len]).ok_or_else(no_memory)
    }
    let (count, parts) = (elements.count, elements.parts);
    let mut pointers = tensor(Elem::I64, dims[0] + 1)?;
    let mut indices = tensor(Elem::I32, count)?;
    let mut values = tensor(T::ELEM, count)?;
    let starts = pointers.as_mut_slice::<i64>().unwrap_or_default();
    let at = indices.as_mut_slice::<i32>().unwrap_or_default();
    let of = values.as_mut_slice::<T>().unwrap_or_default();
    for (row, ..) in parts.iter().flatten() {
        starts[*row as usize + 1] += 1;
    }
    let mut sum = 0;
    for start in &mut *starts {
        sum += *start;
        *start = sum;
    }
    // To its row, behind those before it in the file. Then a row begins where the one before it ended.
    for part in parts {
        for (row, col, value) in part {
            let to = &mut starts[row as usize];
            (at[*to as usize], of[*to as usize]) = (col as i32, value);
            *to += 1;
        }
    }
    starts.rotate_right(1);
    starts[0] = 0;
    let kept = in_order(starts, at, of)?;
    let len = [kept as u64];
    if len[0] < count {
        indices = OwnedTensor::from_slice(&len, &at[..kept]).ok_or_else(no_memory)?;
    }
    if elem == Elem::F32 {
        let mut narrow = tensor(elem, len[0])?;
        let wide = values.as_slice::<f64>().unwrap_or_default();
        let to = narrow.as_mut_slice::<f32>().unwrap_or_default();
        to.iter_mut().zip(wide).for_each(|(to, wide)| *to = *wide as f32);
        values = narrow;
    } else if len[0] < count {
        values = OwnedTensor::from_slice(&len, &of[..kept]).ok_or_else(no_memory)?;
    }
    OwnedSparse::new(Format::Csr, dims, pointers, indices, values).or_else(refuse)
}

/// Puts the elements of each row in order, adds up those at the same place, and says how many are left.
fn in_order<T: Number>(starts: &mut [i64], at: &mut [i32], of: &mut [T]) -> Result<usize, Error> {
    let (mut kept, mut begin) = (0, 0);
    let (mut order, mut before) = (Vec::new(), Vec::new());
    for end in starts.iter_mut().skip(1) {
        let row = begin..*end as usize;
        begin = row.end;
        if at[row.clone()].is_sorted_by(|a, b| a < b) {
            if kept < row.start {
                at.copy_within(row.clone(), kept);
                of.copy_within(row.clone(), kept);
            }
            kept += row.len();
        } else {
            // By where they are in the file, too, which a sort in place does not keep.
            order.clear();
            order.try_reserve_exact(row.len()).map_err(|_| no_memory())?;
            order.extend(at[row.clone()].iter().zip(0u32..).map(|(col, n)| (*col, n)));
            order.sort_unstable();
            before.clear();
            before.try_reserve_exact(row.len()).map_err(|_| no_memory())?;
            before.extend_from_slice(&of[row]);
            let mut last = -1;
            for (col, n) in &order {
                if *col == last {
                    of[kept - 1] += before[*n as usize];
                } else {
                    (at[kept], of[kept], last) = (*col, before[*n as usize], *col);
                    kept += 1;
                }
            }
        }
        *end = kept as i64;
    }
    Ok(kept)
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
