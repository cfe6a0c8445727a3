//! Mathematical functions: the definitions of `nbc_numerics` as C, each with the tables that it uses.

use std::collections::BTreeSet;
use std::sync::LazyLock;

/// All of them. They are written down once, which takes a while.
static ALL: LazyLock<String> = LazyLock::new(nbc_numerics::functions::as_c);

/// The text from `start` up to the first `end` behind it, with that.
fn piece(start: &str, end: &str) -> Option<&'static str> {
    let from = ALL.find(start)?;
    let length = ALL[from..].find(end)? + end.len();
    Some(&ALL[from..from + length])
}

/// The C of functions by name and type of element ("f32", "f64"), each once; nothing where there are none.
///
/// # Panics
/// When there is no such function: the table of operations names those that there are.
pub(super) fn all<'a>(wanted: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let (mut functions, mut tables) = (BTreeSet::new(), BTreeSet::new());
    for (name, c_type) in wanted {
        let word = if c_type == "f32" { "float" } else { "double" };
        let start = format!("NBC_FUNCTION {word} nbc_{name}_{c_type}(");
        let function = piece(&start, "\n}\n").unwrap_or_else(|| panic!("no definition of {name}"));
        let words = function.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        tables.extend(words.filter(|word| word.starts_with("nbc_table_")));
        functions.insert(function);
    }
    if functions.is_empty() {
        return String::new();
    }
    let table = |name: &&str| {
        piece(&format!("NBC_TABLE unsigned long long {name}[]"), "\n};\n").expect("a table that is used")
    };
    let prelude = nbc_numerics::lanes::record::PRELUDE;
    [prelude].into_iter().chain(tables.iter().map(table)).chain(functions).collect()
}

/// [`all`] of one type.
pub(super) fn texts(names: &[&str], c_type: &str) -> String {
    all(names.iter().map(|name| (*name, c_type)))
}

/// [`all`] of one function.
pub(super) fn text(name: &str, c_type: &str) -> String {
    all([(name, c_type)])
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_function_comes_with_its_tables_and_no_others() {
        let text = super::texts(&["exp", "exp"], "f64");
        assert!(text.contains("double nbc_exp_f64(double x0) {"));
        assert_eq!(text.matches("NBC_FUNCTION double").count(), 1);
        for word in text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_') {
            if word.starts_with("nbc_table_") {
                assert!(text.contains(&format!("NBC_TABLE unsigned long long {word}[]")), "{word}");
            }
        }
    }
}
