//! Lanes that write down what is asked of them, as statements of C.
//!
//! What [`function`] gives is a function of the same bits for every compiler
//! that neither contracts nor reorders arithmetic (`-ffp-contract=off`, or
//! NVRTC's `--fmad=false`). It needs [`PRELUDE`] once in front.
//!
//! ```
//! use nbc_numerics::lanes::{Lanes, record};
//! let c = record::function("cube", 1, |x: &[record::Recorded]| x[0] * x[0] * x[0]);
//! assert!(c.starts_with("NBC_FUNCTION double cube(double x0) {\n"));
//! ```

use super::Lanes;
use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt::Write;
use std::ops::{Add, BitAnd, BitOr, BitXor, Div, Mul, Neg, Not, Shl, Shr, Sub};

/// What recorded functions need, in C and in CUDA C.
pub const PRELUDE: &str = "\
#ifdef __CUDACC__
#define NBC_FUNCTION static __device__ __forceinline__
#define NBC_TABLE static __device__ const
#define NBC_BITS(x) ((unsigned long long)__double_as_longlong(x))
#define NBC_DOUBLE(b) __longlong_as_double((long long)(b))
#else
#include <math.h>
#include <string.h>
#define NBC_FUNCTION static inline
#define NBC_TABLE static const
static inline unsigned long long NBC_BITS(double x) { unsigned long long b; memcpy(&b, &x, 8); return b; }
static inline double NBC_DOUBLE(unsigned long long b) { double x; memcpy(&x, &b, 8); return x; }
#endif
";

#[derive(Default)]
struct Text {
    /// What tables are called, up to their number.
    prefix: String,
    tables: Vec<(*const f64, usize)>,
    table_text: String,
    /// Their C types and expressions.
    values: Vec<(&'static str, String)>,
    /// Their numbers, so that none is written twice.
    known: HashMap<(&'static str, String), u32>,
}

thread_local! {
    static TEXT: RefCell<Text> = RefCell::default();
}

/// A double, by the number of the value that holds it.
#[derive(Clone, Copy, Debug)]
pub struct Recorded(u32);

/// The bits of a [`Recorded`].
#[derive(Clone, Copy, Debug)]
pub struct RecordedBits(u32);

/// A truth value.
#[derive(Clone, Copy, Debug)]
pub struct RecordedMask(u32);

/// Writes down a value of the C type and gives its number.
fn value(c_type: &'static str, expression: std::fmt::Arguments<'_>) -> u32 {
    TEXT.with_borrow_mut(|text| {
        let value = (c_type, expression.to_string());
        let next = text.values.len() as u32;
        *text.known.entry(value.clone()).or_insert_with(|| {
            text.values.push(value);
            next
        })
    })
}

/// The numbers of the values that an expression names.
fn named(expression: &str) -> impl Iterator<Item = usize> {
    let words = expression.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words.filter_map(|word| word.strip_prefix('v')?.parse().ok())
}

/// The statements that the value depends on.
fn statements(values: &[(&'static str, String)], result: u32) -> String {
    let mut needed = vec![false; values.len()];
    needed[result as usize] = true;
    for at in (0..values.len()).rev() {
        if needed[at] {
            named(&values[at].1).for_each(|operand| needed[operand] = true);
        }
    }
    let mut text = String::new();
    for (at, (c_type, expression)) in values.iter().enumerate().filter(|(at, _)| needed[*at]) {
        writeln!(text, "    {c_type} v{at} = {expression};").expect("a string takes all");
    }
    text
}

macro_rules! recorded {
    ($($type:ident $c_type:literal $trait:ident $method:ident $operator:literal;)*) => {$(
        impl $trait for $type {
            type Output = $type;
            fn $method(self, other: $type) -> $type {
                $type(value($c_type, format_args!(concat!("v{} ", $operator, " v{}"), self.0, other.0)))
            }
        }
    )*};
}
recorded! {
    Recorded "double" Add add "+";
    Recorded "double" Sub sub "-";
    Recorded "double" Mul mul "*";
    Recorded "double" Div div "/";
    RecordedBits "unsigned long long" Add add "+";
    RecordedBits "unsigned long long" Sub sub "-";
    RecordedBits "unsigned long long" BitAnd bitand "&";
    RecordedBits "unsigned long long" BitOr bitor "|";
    RecordedBits "unsigned long long" BitXor bitxor "^";
    RecordedMask "int" BitAnd bitand "&";
    RecordedMask "int" BitOr bitor "|";
}

impl Neg for Recorded {
    type Output = Recorded;
    fn neg(self) -> Recorded {
        Recorded(value("double", format_args!("-v{}", self.0)))
    }
}

impl Not for RecordedMask {
    type Output = RecordedMask;
    fn not(self) -> RecordedMask {
        RecordedMask(value("int", format_args!("!v{}", self.0)))
    }
}

impl Shl<u32> for RecordedBits {
    type Output = RecordedBits;
    fn shl(self, by: u32) -> RecordedBits {
        RecordedBits(value("unsigned long long", format_args!("v{} << {by}", self.0)))
    }
}

impl Shr<u32> for RecordedBits {
    type Output = RecordedBits;
    fn shr(self, by: u32) -> RecordedBits {
        RecordedBits(value("unsigned long long", format_args!("v{} >> {by}", self.0)))
    }
}

fn compare(a: Recorded, operator: &str, b: Recorded) -> RecordedMask {
    RecordedMask(value("int", format_args!("v{} {operator} v{}", a.0, b.0)))
}

impl Lanes for Recorded {
    const LANES: usize = 1;
    type Mask = RecordedMask;
    type Bits = RecordedBits;
    fn splat(x: f64) -> Recorded {
        Recorded(value("double", format_args!("NBC_DOUBLE({:#x}ULL) /* {x:?} */", x.to_bits())))
    }
    fn splat_bits(bits: i64) -> RecordedBits {
        RecordedBits(value("unsigned long long", format_args!("{bits:#x}ULL")))
    }
    fn fma(self, by: Recorded, plus: Recorded) -> Recorded {
        Recorded(value("double", format_args!("fma(v{}, v{}, v{})", self.0, by.0, plus.0)))
    }
    fn sqrt(self) -> Recorded {
        Recorded(value("double", format_args!("sqrt(v{})", self.0)))
    }
    fn lt(self, other: Recorded) -> RecordedMask {
        compare(self, "<", other)
    }
    fn le(self, other: Recorded) -> RecordedMask {
        compare(self, "<=", other)
    }
    fn eq(self, other: Recorded) -> RecordedMask {
        compare(self, "==", other)
    }
    fn select(mask: RecordedMask, then: Recorded, otherwise: Recorded) -> Recorded {
        Recorded(value("double", format_args!("v{} ? v{} : v{}", mask.0, then.0, otherwise.0)))
    }
    fn bits(self) -> RecordedBits {
        RecordedBits(value("unsigned long long", format_args!("NBC_BITS(v{})", self.0)))
    }
    fn of_bits(bits: RecordedBits) -> Recorded {
        Recorded(value("double", format_args!("NBC_DOUBLE(v{})", bits.0)))
    }
    fn has_bit(bits: RecordedBits, of: i64) -> RecordedMask {
        RecordedMask(value("int", format_args!("(v{} & {of:#x}ULL) != 0", bits.0)))
    }
    fn lookup(table: &'static [f64], at: RecordedBits) -> Recorded {
        let name = TEXT.with_borrow_mut(|text| {
            let key = (table.as_ptr(), table.len());
            let known = text.tables.iter().position(|known| *known == key);
            let number = known.unwrap_or_else(|| {
                text.tables.push(key);
                text.tables.len() - 1
            });
            let name = format!("{}{number}", text.prefix);
            if known.is_none() {
                write!(text.table_text, "NBC_TABLE unsigned long long {name}[] = {{")
                    .expect("a string takes all");
                for (i, entry) in table.iter().enumerate() {
                    let before = if i % 4 == 0 { "\n    " } else { " " };
                    write!(text.table_text, "{before}{:#x}ULL,", entry.to_bits())
                        .expect("a string takes all");
                }
                text.table_text.push_str("\n};\n");
            }
            name
        });
        Recorded(value("double", format_args!("NBC_DOUBLE({name}[v{}])", at.0)))
    }
    fn lookup16(table: &'static [f64; 16], at: RecordedBits) -> Recorded {
        Recorded::lookup(table, at)
    }
}

/// Several functions, which share their tables.
#[derive(Default)]
pub struct Unit {
    tables: Vec<(*const f64, usize)>,
    table_text: String,
    functions: String,
}

impl Unit {
    /// Writes down `definition` and gives the number of its result.
    fn record(
        &mut self,
        prefix: &str,
        parameters: usize,
        definition: impl FnOnce(&[Recorded]) -> Recorded,
    ) -> (String, u32) {
        let tables = std::mem::take(&mut self.tables);
        TEXT.set(Text { prefix: prefix.to_owned(), tables, ..Text::default() });
        let arguments: Vec<Recorded> =
            (0..parameters).map(|i| Recorded(value("double", format_args!("x{i}")))).collect();
        let result = definition(&arguments);
        let text = TEXT.take();
        self.tables = text.tables;
        self.table_text.push_str(&text.table_text);
        (statements(&text.values, result.0), result.0)
    }

    fn add(
        &mut self,
        prefix: &str,
        name: &str,
        parameters: usize,
        definition: impl FnOnce(&[Recorded]) -> Recorded,
    ) {
        let (body, result) = self.record(prefix, parameters, definition);
        let list = list("double x", parameters);
        let text = &mut self.functions;
        writeln!(text, "NBC_FUNCTION double {name}({list}) {{\n{body}    return v{result};\n}}")
            .expect("a string takes all");
    }

    /// Adds the function of that name and so many parameters which computes what `definition` does of its arguments.
    pub fn function(
        &mut self,
        name: &str,
        parameters: usize,
        definition: impl FnOnce(&[Recorded]) -> Recorded,
    ) {
        self.add("nbc_table_", name, parameters, definition);
    }

    /// As [`Unit::function`], of singles: they are made doubles, and the result is rounded.
    pub fn single(
        &mut self,
        name: &str,
        parameters: usize,
        definition: impl FnOnce(&[Recorded]) -> Recorded,
    ) {
        let (body, result) = self.record("nbc_table_", parameters, definition);
        let list = list("float s", parameters);
        let text = &mut self.functions;
        writeln!(text, "NBC_FUNCTION float {name}({list}) {{").expect("a string takes all");
        for i in 0..parameters {
            writeln!(text, "    double x{i} = s{i};").expect("a string takes all");
        }
        writeln!(text, "{body}    return (float)v{result};\n}}").expect("a string takes all");
    }

    /// [`PRELUDE`], tables and functions.
    pub fn text(&self) -> String {
        format!("{PRELUDE}{}{}", self.table_text, self.functions)
    }
}

fn list(parameter: &str, count: usize) -> String {
    let list: Vec<String> = (0..count).map(|i| format!("{parameter}{i}")).collect();
    list.join(", ")
}

/// The C function of that name and so many parameters which computes what `definition` does of its arguments, with
/// its tables in front.
pub fn function(name: &str, parameters: usize, definition: impl FnOnce(&[Recorded]) -> Recorded) -> String {
    let mut unit = Unit::default();
    unit.add(&format!("{name}_table_"), name, parameters, definition);
    unit.table_text + &unit.functions
}
