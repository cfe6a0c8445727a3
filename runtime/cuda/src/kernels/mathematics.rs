//! Mathematical functions: the definitions of `nbc_numerics` as C, each with the tables that it uses.

use std::sync::LazyLock;

/// All of them. They are written down once, which takes a while.
static ALL: LazyLock<String> = LazyLock::new(nbc_numerics::functions::as_c);

/// The text from `start` up to the first `end` behind it, with that.
fn piece(start: &str, end: &str) -> Option<&'static str> {
    let from = ALL.find(start)?;
    let length = ALL[from..].find(end)? + end.len();
    Some(&ALL[from..from + length])
}

/// The C of functions of such elements ("f32", "f64"), each once.
///
/// # Panics
/// When there is none of that name: the table of operations names those that there are.
pub(super) fn texts(names: &[&str], c_type: &str) -> String {
    let word = if c_type == "f32" { "float" } else { "double" };
    let functions = names.iter().map(|name| {
        let start = format!("NBC_FUNCTION {word} nbc_{name}_{c_type}(");
        piece(&start, "\n}\n").unwrap_or_else(|| panic!("no definition of {name}"))
    });
    let functions: String = functions.collect();
    let mut text = nbc_numerics::lanes::record::PRELUDE.to_owned();
    let words = functions.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let mut tables: Vec<&str> = words.filter(|word| word.starts_with("nbc_table_")).collect();
    tables.sort_unstable();
    tables.dedup();
    for table in tables {
        text += piece(&format!("NBC_TABLE unsigned long long {table}[]"), "\n};\n")
            .expect("a table that is used");
    }
    text + &functions
}

/// [`texts`] of one function.
pub(super) fn text(name: &str, c_type: &str) -> String {
    texts(&[name], c_type)
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_function_comes_with_its_tables_and_no_others() {
        let text = super::text("exp", "f64");
        assert!(text.contains("double nbc_exp_f64(double x0) {"));
        assert_eq!(text.matches("NBC_FUNCTION double").count(), 1);
        for word in text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_') {
            if word.starts_with("nbc_table_") {
                assert!(text.contains(&format!("NBC_TABLE unsigned long long {word}[]")), "{word}");
            }
        }
    }
}
