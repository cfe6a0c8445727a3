//! Files for Linux `perf` hold what the compiler has made: names, addresses,
//! code, lines.

#![cfg(target_os = "linux")]

use nbc_ir::{FuncId, Module};
use nbc_jit::{Jit, Options, Perf};
use nbc_runtime::engine::Engine;
use std::fs;

const PROGRAM: &str = "\
func @\"two\\nlines\"(%a: i64) -> i64 {
  %r = i64.div 100, %a
  ret %r
}
export func @sum(%n: i64) -> i64 {
  %s = i64.const 0
  %i = i64.const 0
  br loop
loop:
  %more = i64.lt %i, %n
  br_if %more, body, done
body:
  %i = i64.add %i, 1
  %q = call @\"two\\nlines\"(%i)
  %s = i64.add %s, %q
  br loop
done:
  ret %s
}
";

/// What was compiled: name, address, size.
type Made = Vec<(String, usize, usize)>;

/// Compiles both functions and the loop, and keeps them while `look` looks.
fn compile(perf: Perf, look: impl FnOnce(&std::path::Path, &Made)) {
    let jit = Jit::new(Options::new().perf(perf));
    let path = jit.perf().expect("the file can be made").expect("one was wanted").to_owned();
    let Some(compiler) = jit.compiler() else {
        eprintln!("skipped: Cranelift does not know this processor");
        return;
    };
    let module = Module::parse(PROGRAM, "perf.nba").unwrap().verify().unwrap();
    let program = Engine::default().load(module);
    let loaded = program.loaded(false);
    let jobs = [(0, None, "@two?lines"), (1, None, "@sum"), (1, Some((1, 0)), "@sum (from block 1)")];
    let mut made = Made::new();
    let mut keep = Vec::new();
    for (func, resume, name) in jobs {
        let compiled = compiler.compile(&loaded, FuncId::new(func), resume, &|| false).unwrap();
        made.push((name.to_owned(), compiled.native.native.addr(), compiled.bytes));
        keep.push(compiled);
    }
    look(&path, &made);
    // A further tier goes on in the same file.
    let before = fs::metadata(&path).unwrap().len();
    let other = Jit::new(Options::new().perf(perf));
    other.compiler().unwrap().compile(&loaded, FuncId::new(1), None, &|| false).unwrap();
    assert_eq!(other.perf().unwrap(), Some(&*path));
    assert!(fs::metadata(&path).unwrap().len() > before);
    fs::remove_file(&path).unwrap();
}

#[test]
fn a_map_has_a_line_for_each_function() {
    if std::env::var_os("PERF_BUILDID_DIR").is_some() {
        eprintln!("skipped: under perf, Cranelift writes the map");
        return;
    }
    compile(Perf::Map, |path, made| {
        assert_eq!(path.display().to_string(), format!("/tmp/perf-{}.map", std::process::id()));
        let text = fs::read_to_string(path).unwrap();
        let lines = text.lines().map(|line| {
            let (address, rest) = line.split_once(' ').unwrap();
            let (size, name) = rest.split_once(' ').unwrap();
            let number = |t| usize::from_str_radix(t, 16).unwrap();
            (name.to_owned(), number(address), number(size))
        });
        let lines: Made = lines.collect();
        for one in made {
            assert!(lines.contains(one), "{one:?} is not in\n{text}");
        }
        // Those, what enters them, of two signatures, and what they call when the budget is used up.
        let names: Vec<&str> = lines.iter().map(|(name, _, _)| &**name).collect();
        assert_eq!(names.iter().filter(|n| n.starts_with("[nbc] ")).count(), names.len() - 3, "{names:?}");
        let mut ranges: Vec<_> = lines.iter().map(|(_, start, size)| *start..start + size).collect();
        ranges.sort_by_key(|r| r.start);
        assert!(ranges.windows(2).all(|w| w[0].end <= w[1].start), "they overlap: {text}");
    });
}

/// A dump, piece by piece.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, n: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(n);
        self.0 = rest;
        taken
    }

    fn u32(&mut self) -> u32 {
        u32::from_ne_bytes(self.take(4).try_into().unwrap())
    }

    fn u64(&mut self) -> u64 {
        u64::from_ne_bytes(self.take(8).try_into().unwrap())
    }

    fn text(&mut self) -> String {
        let end = self.0.iter().position(|b| *b == 0).unwrap();
        let text = String::from_utf8(self.take(end).to_vec()).unwrap();
        self.take(1);
        text
    }
}

#[test]
fn a_dump_has_the_code_and_its_lines() {
    compile(Perf::Dump, |path, made| {
        let bytes = fs::read(path).unwrap();
        let mut file = Reader(&bytes);
        assert_eq!([file.u32(), file.u32(), file.u32()], [0x4a69_5444, 1, 40]);
        let machine = file.u32();
        if cfg!(target_arch = "x86_64") {
            assert_eq!(machine, 62);
        }
        assert_eq!([file.u32(), file.u32()], [0, std::process::id()]);
        let mut last = file.u64();
        assert_eq!(file.u64(), 0);
        let mut lines = None;
        let (mut found, mut described) = (Made::new(), 0);
        while !file.0.is_empty() {
            let (id, size) = (file.u32(), file.u32() as usize);
            let time = file.u64();
            assert!(time >= last, "the clock runs backwards");
            last = time;
            let mut record = Reader(file.take(size - 16));
            if id == 2 {
                let (address, count) = (record.u64(), record.u64());
                let mut entries = Vec::new();
                for _ in 0..count {
                    let (at, line, zero) = (record.u64(), record.u32(), record.u32());
                    assert_eq!((zero, record.text()), (0, "perf.nba".to_owned()));
                    entries.push((at, line));
                }
                assert_eq!(lines.replace((address, entries)), None, "lines of no code");
            } else {
                assert_eq!((id, record.u32()), (0, std::process::id()));
                assert_ne!(record.u32(), 0);
                let [memory, address, size, index] = std::array::from_fn(|_| record.u64());
                assert_eq!((memory, index as usize), (address, found.len()));
                let name = record.text();
                let code = record.take(size as usize);
                assert!(code.iter().any(|b| *b != 0), "{name}");
                if let Some((of, entries)) = lines.take() {
                    assert_eq!(of, address);
                    let within = |(at, line): &(u64, u32)| {
                        (address..address + size).contains(at) && (1..19).contains(line)
                    };
                    assert!(entries.iter().all(within), "{name}: {entries:?}");
                    assert!(entries.windows(2).all(|w| w[0].0 < w[1].0 && w[0].1 != w[1].1), "{entries:?}");
                    // The division, though it is another function's, inlined.
                    assert!(entries.iter().any(|(_, line)| *line == 2), "{name}: {entries:?}");
                    described += 1;
                }
                found.push((name, address as usize, size as usize));
            }
            assert!(record.0.is_empty());
        }
        assert_eq!(described, 3);
        for one in made {
            assert!(found.contains(one), "{one:?} is not in {found:?}");
        }
    });
}

#[test]
fn a_name_has_one_line() {
    assert_eq!(nbc_jit::perf::printable("a\nb\0ü"), "a?b?ü");
}
