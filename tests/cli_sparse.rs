//! Sparse matrices in files, as the command reads and writes them: what is read is all of the file, within the
//! memory that was allowed, and what is written can be read again.

use std::io::Write;
use support::command::{command, file, nbc, refuses, run};

const ECHO: &str = "export func @main(%a: sparse<f64>) -> sparse<f64> {\n  ret %a\n}\n";

fn echo(name: &str) -> String {
    file(&format!("{name}.nba"), ECHO)
}

/// A file of one element, whose last line a limit may cut.
const LONG: &str = "%%MatrixMarket matrix coordinate real general\n% so that it is longer than a program\n1 1 1\n1 1 123456789\n";

#[test]
fn a_file_is_never_cut_by_the_limit() {
    let (echo, path) = (echo("cut"), file("cut.mtx", LONG));
    let all = LONG.len();
    for limit in [all - 18, all - 10, all - 4, all - 1] {
        let larger = format!("cut.mtx is larger than {limit} bytes; --max-input BYTES lets more be read");
        refuses(&["run", "--max-input", &limit.to_string(), &echo, &path], 2, &[&larger]);
    }
    let done = nbc(&["run", "--max-input", &all.to_string(), &echo, &path]);
    assert!(done.out.contains("(0, 0) 123456789.0"), "{}{}", done.out, done.err);
    // Of a pipe nothing says how long it is.
    #[cfg(target_os = "linux")]
    for (limit, fits) in [(all - 9, false), (all - 1, false), (all, true), (all + 1, true)] {
        let args = ["run", &echo, "@/dev/stdin", "--max-input", &limit.to_string()];
        let done = run(command().args(args), LONG.as_bytes());
        assert_eq!(done.code == 0, fits, "{}", done.err);
        assert!(fits || done.err.contains("stdin is larger than"), "{}", done.err);
    }
    // What is wrong before the limit is said.
    #[cfg(target_os = "linux")]
    {
        let wrong = LONG.replace("1 1 1\n", "1 1 x\n");
        let done = run(command().args(["run", &echo, "@/dev/stdin", "--max-input", "100"]), wrong.as_bytes());
        assert!(done.err.contains("line 3 of the .mtx file"), "{}", done.err);
    }
}

/// A file in a member of a zip file.
fn npy(descr: &str, shape: &str, data: &[u8]) -> Vec<u8> {
    let header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}}}");
    let len = (header.len() as u16).to_le_bytes();
    [b"\x93NUMPY\x01\x00", &len[..], header.as_bytes(), data].concat()
}

/// A zip file of members, which are deflated.
fn zip(members: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let (mut file, mut directory) = (Vec::new(), Vec::new());
    for (name, bytes) in members {
        let mut crc = flate2::Crc::new();
        crc.update(bytes);
        let mut packed = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::fast());
        packed.write_all(bytes).unwrap();
        let packed = packed.finish().unwrap();
        let sizes = [crc.sum(), packed.len() as u32, bytes.len() as u32].map(u32::to_le_bytes).concat();
        let name = format!("{name}.npy");
        let about = [&[20, 0, 0, 0, 8, 0, 0, 0, 0x21, 0][..], &sizes, &[name.len() as u8, 0, 0, 0]].concat();
        let at = (file.len() as u32).to_le_bytes();
        file.extend([&b"PK\x03\x04"[..], &about, name.as_bytes(), &packed].concat());
        directory.extend([&b"PK\x01\x02\x14\0"[..], &about, &[0; 10], &at, name.as_bytes()].concat());
    }
    let count = (members.len() as u16).to_le_bytes();
    let [long, at] = [directory.len(), file.len()].map(|n| (n as u32).to_le_bytes());
    [&file[..], &directory, b"PK\x05\x06\0\0\0\0", &count, &count, &long, &at, &[0, 0]].concat()
}

/// The members of a matrix of 2 by 3 with elements (0, 2) and (1, 0).
fn members() -> Vec<(&'static str, Vec<u8>)> {
    let long = |all: &[i64]| all.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>();
    let short = |all: &[i32]| all.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>();
    vec![
        ("indices", npy("<i4", "(2,)", &short(&[2, 0]))),
        ("indptr", npy("<i4", "(3,)", &short(&[0, 1, 2]))),
        ("format", npy("|S3", "()", b"csr")),
        ("shape", npy("<i8", "(2,)", &long(&[2, 3]))),
        ("data", npy("<f8", "(2,)", &long(&[0x4010_0000_0000_0000, 0x3ff8_0000_0000_0000]))),
    ]
}

/// The same, one of them changed.
fn changed(name: &str, bytes: Vec<u8>) -> Vec<u8> {
    let mut members = members();
    members.iter_mut().find(|m| m.0 == name).unwrap().1 = bytes;
    zip(&members)
}

#[test]
fn only_one_reading_of_a_zip_file_is_taken() {
    let echo = echo("zip");
    let made = nbc(&["run", &echo, &file("good.npz", zip(&members()))]);
    assert!(made.out.contains("(0, 2) 4.0\n(1, 0) 1.5"), "{}{}", made.out, made.err);
    let four = |text: &str| text.chars().flat_map(|c| (c as u32).to_le_bytes()).collect::<Vec<u8>>();
    let made = nbc(&["run", &echo, &file("wide.npz", changed("format", npy("<U3", "()", &four("csr"))))]);
    assert_eq!(made.code, 0, "{}", made.err);
    let twice = [members(), vec![("data", npy("<f8", "(2,)", &[0; 16]))]].concat();
    let refused = |name: &str, bytes: Vec<u8>, part: &str| {
        refuses(&["run", &echo, &file(name, bytes)], 2, &[part]);
    };
    refused("twice.npz", zip(&twice), "data.npy of the .npz file is there twice");
    // Its last characters are `csr`, as were those of other texts and of numbers.
    for (descr, shape, text) in [("|S3", "(1,)", "csr"), ("|S6", "()", "bsrcsr"), ("|V3", "()", "csr")] {
        let bytes = changed("format", npy(descr, shape, text.as_bytes()));
        refused("text.npz", bytes, if descr == "|S6" { "\"bsrcsr\"" } else { "is no short text" });
    }
    refused("coo.npz", changed("format", npy("|S3", "()", b"coo")), "\"coo\"; csr and csc are read");
    let mut renamed = zip(&members());
    let at = renamed.windows(8).position(|w| w == b"data.npy").unwrap();
    renamed[at] = b'x';
    refused("renamed.npz", renamed, "data.npy of the .npz file has another name there");
    let pointers = |all: [i32; 3]| npy("<i4", "(3,)", &all.map(i32::to_le_bytes).concat());
    let indices = |all: [i32; 2]| npy("<i4", "(2,)", &all.map(i32::to_le_bytes).concat());
    let same_row = |all| {
        let mut members = members();
        members[0].1 = indices(all);
        members[1].1 = pointers([0, 2, 2]);
        zip(&members)
    };
    for all in [[2, 0], [1, 1]] {
        refused("order.npz", same_row(all), "each once; sum_duplicates() makes it so");
    }
    for bytes in [same_row([0, 3]), same_row([-1, 0]), changed("indptr", pointers([0, 3, 2]))] {
        let done = nbc(&["run", &echo, &file("range.npz", bytes)]);
        assert!(done.code == 2 && !done.err.contains("sum_duplicates"), "{}", done.err);
    }
    let beyond = [1i64 << 31, 0].map(i64::to_le_bytes).concat();
    refused("index.npz", changed("indices", npy("<i8", "(2,)", &beyond)), "out of range");
    refused("float.npz", changed("indices", npy("<f4", "(2,)", &[0; 8])), "expected integers");
}

#[test]
fn files_without_lines_end() {
    let echo = echo("hang");
    for (form, sizes) in
        [("array real general", "0 2147483647"), ("coordinate real general", "0 2147483647 0")]
    {
        let path = file("hang.mtx", format!("%%MatrixMarket matrix {form}\n{sizes}\n"));
        let done = nbc(&["run", &echo, &path]);
        assert!(done.out.starts_with("sparse<f64> of 0 by 2147483647"), "{}", done.err);
    }
    for symmetry in ["symmetric", "skew-symmetric", "hermitian"] {
        let path = file("none.mtx", format!("%%MatrixMarket matrix array real {symmetry}\n0 0\n"));
        assert_eq!(nbc(&["run", &echo, &path]).code, 0);
    }
    let path = file("sizes.mtx", "%%MatrixMarket matrix array real general\n% no more\n");
    refuses(&["run", &echo, &path], 2, &["ends before it says how large the matrix is"]);
}

#[test]
fn numbers_are_those_of_the_text() {
    let echo = echo("numbers");
    let of = |field: &str, number: &str| {
        let text = format!("%%MatrixMarket matrix coordinate {field} general\n1 1 1\n1 1 {number}\n");
        file("number.mtx", text)
    };
    for (field, number, shown) in [
        ("unsigned-integer", "7", "7.0"),
        ("double", "-2.5", "-2.5"),
        ("integer", "-9007199254740992", "-9007199254740992.0"),
        ("real", "inf", "\"inf\""),
        ("real", "1D2", "100.0"),
    ] {
        let done = nbc(&["run", &echo, &of(field, number)]);
        assert!(done.out.ends_with(&format!("(0, 0) {shown}\n")), "{number}: {}{}", done.out, done.err);
    }
    for (field, number, part) in [
        ("integer", "9007199254740993", "line 3 of the .mtx file: no f64 is \"9007199254740993\""),
        ("integer", "1.5", "expected an integer, found \"1.5\""),
        ("unsigned-integer", "-1", "below zero"),
        ("real", "1e999", "\"1e999\" is out of range for f64"),
        ("real", "", "expected a number"),
        ("real", "1 2", "expected row, column and value"),
    ] {
        refuses(&["run", &echo, &of(field, number)], 2, &[part]);
    }
    let single = file("single.nba", ECHO.replace("f64", "f32"));
    refuses(&["run", &single, &of("real", "1e39")], 2, &["out of range for f32"]);
    refuses(&["run", &single, &of("integer", "16777217")], 2, &["no f32 is"]);
    // Elements in any order, some at the same place.
    let text = "%%MatrixMarket matrix coordinate real general\n3 3 6\n3 1 1e16\n1 2 2\n3 1 1\n1 1 3\n3 1 -1e16\n3 3 4\n";
    let done = nbc(&["run", &echo, &file("any.mtx", text)]);
    assert!(done.out.ends_with("(0, 0) 3.0\n(0, 1) 2.0\n(2, 0) 0.0\n(2, 2) 4.0\n"), "{}", done.out);
}

#[test]
fn results_go_where_they_can_be_read_again() {
    let echo = echo("out");
    let dense = file(
        "dense.nba",
        "export func @main(%a: sparse<f64>) -> tensor<f64> {\n  %d = sparse.to_dense %a\n  ret %d\n}\n",
    );
    let matrix = file("A.MTX", LONG);
    let named = |name: &str| file(name, "");
    for (program, name, part) in [
        (&echo, "x.npy", "returns a sparse<f64>, which goes to .mtx or .npz files"),
        (&echo, "x.NPY", "returns a sparse<f64>"),
        (&dense, "x.npz", "returns a tensor<f64>, which goes to .npy files"),
        (&dense, "x.mtx", "returns a tensor<f64>"),
    ] {
        let out = named(name);
        refuses(&["run", program, &matrix, "--out", &out], 2, &[part]);
        assert_eq!(std::fs::read(out).unwrap(), b"", "{name}");
    }
    for name in ["again.mtx", "again.npz", "again.NPZ"] {
        let out = named(name);
        assert_eq!(nbc(&["run", &echo, &matrix, "--out", &out]).code, 0);
        let again = nbc(&["run", &echo, &out]);
        assert!(again.out.contains("123456789.0"), "{name}: {}", again.err);
        // What is read is not written over.
        refuses(&["run", &echo, &out, "--out", &out], 2, &["is the file that is read; it would be lost"]);
    }
    assert!(std::fs::read(named("again.NPZ")).unwrap().is_empty());
    let tensor = file("t.npy", npy("<f8", "(1,)", &[0; 8]));
    let program = file("t.nba", "export func @main(%a: tensor<f64>) -> tensor<f64> {\n  ret %a\n}\n");
    refuses(&["run", &program, &tensor, "--out", &tensor], 2, &["is the file that is read"]);
}

/// Elements in an order that is none, some at the same place.
#[cfg(target_os = "linux")]
fn shuffled(count: u64) -> String {
    let mut text = format!("%%MatrixMarket matrix coordinate real general\n1000 1000 {count}\n");
    for n in 0..count {
        let at = n * 7919 % (count - count / 8);
        text += &format!("{} {} 1\n", at % 1000 + 1, at / 1000 + 1);
    }
    text
}

#[cfg(target_os = "linux")]
#[test]
fn reading_takes_what_was_allowed() {
    use support::command::most_memory;
    let stored = file(
        "held.nba",
        "export func @main(%a: sparse<f64>) -> i64 {\n  %s = sparse.stored %a\n  ret %s\n}\n",
    );
    let small = file("small.mtx", LONG);
    // Long enough to be looked at while it runs.
    let idle = file("idle.mtx", LONG.replace("% so", &("% nothing\n".repeat(300_000) + "% so")));
    let count = 400_000;
    let text = file("shuffled.mtx", shuffled(count));
    let rows = 4_000_000u64;
    let dims = [rows as i64, 0].map(i64::to_le_bytes).concat();
    let mut members = members();
    members[0].1 = npy("<i4", "(0,)", &[]);
    members[1].1 = npy("<i4", &format!("({},)", rows + 1), &vec![0; 4 * (rows + 1) as usize]);
    members[3].1 = npy("<i8", "(2,)", &dims);
    members[4].1 = npy("<f8", "(0,)", &[]);
    let packed = file("packed.npz", zip(&members));
    let run = |path: &str, memory: u64| -> Vec<String> {
        ["run", "--tier", "interp", "--memory", &memory.to_string(), &stored, path]
            .map(str::to_owned)
            .to_vec()
    };
    let most = |args: Vec<String>| most_memory(&args.iter().map(|a| &**a).collect::<Vec<_>>());
    let code = |args: Vec<String>| nbc(&args.iter().map(|a| &**a).collect::<Vec<_>>()).code;
    let least = most(run(&idle, 1 << 20));
    assert!(least > 0);
    for (path, bytes) in [(&text, 8 * 1001 + 28 * count), (&packed, 8 * (rows + 1) + 16)] {
        assert_eq!(code(run(path, bytes)), 0, "{path}");
        assert_eq!(code(run(path, bytes - 1)), 2, "{path}");
        let taken = most(run(path, bytes)).saturating_sub(least);
        assert!(taken < bytes + (4 << 20), "{path}: {taken} bytes where {bytes} were allowed");
    }
    // Where the machine has no more, that is an error like any other.
    let limited = |path: &str, kilobytes: u64| {
        let script = format!(
            "ulimit -v {kilobytes}; exec \"$0\" run --tier interp --memory 1G --threads 1 \"$1\" \"$2\""
        );
        let mut shell = std::process::Command::new("sh");
        support::command::run(shell.args(["-c", &script, env!("CARGO_BIN_EXE_nbc"), &stored, path]), b"")
    };
    let enough = (1..).map(|n| n << 14).find(|kilobytes| limited(&small, *kilobytes).code == 0).unwrap();
    for path in [&text, &packed] {
        for more in [0, 4, 8, 12, 16, 24, 32, 48] {
            let done = limited(path, enough + (more << 10));
            assert!(done.code == 0 || done.code == 2, "{path}, {more} MB: {} {}", done.code, done.err);
            assert!(!done.err.contains("unpacked"), "{}", done.err);
        }
    }
}

/// Checksums are right, so that what is behind them sees the bytes.
#[test]
fn members_may_hold_anything() {
    use nbc::{Elem, npz};
    let good = npz::read(&zip(&members()), Elem::F64, 1 << 20).unwrap();
    let mut different = 0;
    for (n, (_, bytes)) in members().iter().enumerate() {
        for at in 0..bytes.len() {
            for byte in [0, 1, 0x7f, 0xff, b'(', b'9', b','] {
                let mut changed = members();
                changed[n].1[at] = byte;
                let read = npz::read(&zip(&changed), Elem::F64, 1 << 20);
                different += usize::from(read.is_ok_and(|read| read != good));
            }
        }
    }
    // Other elements, or another place for them.
    assert!(different > 50, "{different}");
}
