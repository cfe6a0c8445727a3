//! Sparse matrices in files, as the command reads and writes them: what is read is all of the file, within the
//! memory that was allowed, and what is written can be read again.

use support::command::{command, file, nbc, refuses, run};

const ECHO: &str = "export func @main(%a: sparse<f64>) -> sparse<f64> {\n  ret %a\n}\n";

fn echo(name: &str) -> String {
    file(&format!("{name}.nba"), ECHO)
}

/// A file of one element, whose last line a limit may cut.
const LONG: &str = "%%MatrixMarket matrix coordinate real general\n1 1 1\n1 1 123456789\n";

#[test]
fn a_file_is_never_cut_by_the_limit() {
    let (echo, path) = (echo("cut"), file("cut.mtx", LONG));
    let all = LONG.len();
    for limit in [1, 40, all - 10, all - 4, all - 1] {
        let larger = format!("cut.mtx is larger than {limit} bytes; --max-input BYTES lets more be read");
        refuses(&["run", "--max-input", &limit.to_string(), &echo, &path], 2, &[&larger]);
    }
    let done = nbc(&["run", "--max-input", &all.to_string(), &echo, &path]);
    assert!(done.out.contains("(0, 0) 123456789.0"), "{}{}", done.out, done.err);
    // Of a pipe nothing says how long it is.
    #[cfg(target_os = "linux")]
    for (limit, fits) in [(60, false), (all - 1, false), (all, true), (all + 1, true)] {
        let args = ["run", &echo, "@/dev/stdin", "--max-input", &limit.to_string()];
        let done = run(command().args(args), LONG.as_bytes());
        assert_eq!(done.code == 0, fits, "{}", done.err);
        assert!(fits || done.err.contains("stdin is larger than"), "{}", done.err);
    }
    // What is wrong before the limit is said.
    #[cfg(target_os = "linux")]
    {
        let wrong = LONG.replace("1 1 1\n", "1 1 x\n");
        let done = run(command().args(["run", &echo, "@/dev/stdin", "--max-input", "60"]), wrong.as_bytes());
        assert!(done.err.contains("line 2 of the .mtx file"), "{}", done.err);
    }
}
