//! Definitions as C, compiled by the system's compiler, give the same bits.

use super::arguments::{doubles, pairs};
use nbc_numerics::functions::{self, Function, Function2};
use nbc_numerics::{for_each_function, of, of2};
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A definition: its name, arguments, and results.
struct Case {
    name: &'static str,
    arguments: Vec<(f64, f64)>,
    binary: bool,
    double: fn(f64, f64) -> f64,
    single: fn(f32, f32) -> f32,
}

fn cases() -> Vec<Case> {
    fn one<F: Function>() -> Case {
        Case {
            name: F::NAME,
            arguments: doubles(F::NAME).into_iter().map(|x| (x, 0.0)).collect(),
            binary: false,
            double: |x, _| of::<F, f64>(x),
            single: |x, _| of::<F, f32>(x),
        }
    }
    fn two<F: Function2>() -> Case {
        let (x, y) = pairs(F::NAME);
        let arguments = x.into_iter().zip(y).collect();
        Case { name: F::NAME, arguments, binary: true, double: of2::<F, f64>, single: of2::<F, f32> }
    }
    macro_rules! cases {
        ([$($one:ident)*] [$($two:ident)*]) => {
            vec![$(one::<functions::$one>(),)* $(two::<functions::$two>(),)*]
        };
    }
    for_each_function!(cases)
}

/// A program that prints the bits of all results, those of doubles and of singles.
fn program(cases: &[Case]) -> String {
    let mut text = functions::as_c();
    text.push_str("#include <stdio.h>\n");
    let mut main = String::from("int main(void) {\n");
    for Case { name, arguments, binary, .. } in cases {
        let list: Vec<String> = arguments
            .iter()
            .map(|(x, y)| format!("{{{:#x}ULL, {:#x}ULL}}", x.to_bits(), y.to_bits()))
            .collect();
        writeln!(text, "static const unsigned long long {name}_at[][2] = {{{}}};", list.join(", ")).unwrap();
        let (doubles, singles) = if *binary { ("x, y", "(float)x, (float)y") } else { ("x", "(float)x") };
        writeln!(
            main,
            "    for (int i = 0; i < {}; i++) {{
        double x = NBC_DOUBLE({name}_at[i][0]), y = NBC_DOUBLE({name}_at[i][1]);
        float single = nbc_{name}_f32({singles});
        unsigned int bits;
        memcpy(&bits, &single, 4);
        (void)y;
        printf(\"%llx %x\\n\", NBC_BITS(nbc_{name}_f64({doubles})), bits);
    }}",
            arguments.len()
        )
        .unwrap();
    }
    text + &main + "    return 0;\n}\n"
}

/// What the program prints when it is compiled with these options, or why it is not compiled.
fn compiled(folder: &Path, options: &[&str]) -> Result<String, String> {
    let executable = folder.join(format!("definitions{}", options.concat()));
    let compiler = std::env::var("CC").unwrap_or_else(|_| "cc".to_owned());
    let mut command = Command::new(&compiler);
    command.args(["-O2", "-ffp-contract=off", "-std=c99", "-Wall", "-Wno-unused-function", "-Werror"]);
    command.args(options).arg("-o").arg(&executable).arg(folder.join("definitions.c")).arg("-lm");
    let done = command.output().map_err(|why| format!("{compiler}: {why}"))?;
    assert!(done.status.success(), "{compiler} fails:\n{}", String::from_utf8_lossy(&done.stderr));
    let done =
        Command::new(&executable).output().map_err(|why| format!("{}: {why}", executable.display()))?;
    assert!(done.status.success(), "the program fails with {}", done.status);
    Ok(String::from_utf8(done.stdout).unwrap())
}

/// Whether this machine can run what is compiled with `-mfma`.
fn has_fma() -> bool {
    #[cfg(target_arch = "x86_64")]
    return std::arch::is_x86_feature_detected!("fma");
    #[cfg(not(target_arch = "x86_64"))]
    return false;
}

#[test]
fn the_same_bits_in_c() {
    let cases = cases();
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    std::fs::write(folder.join("definitions.c"), program(&cases)).unwrap();
    let ways: &[&[&str]] = if has_fma() { &[&["-mfma"], &[]] } else { &[&[]] };
    for options in ways {
        let printed = match compiled(&folder, options) {
            Ok(printed) => printed,
            Err(why) => return eprintln!("SKIPPED, no definition was compiled as C: {why}"),
        };
        let mut lines = printed.lines();
        for Case { name, arguments, double, single, .. } in &cases {
            for (x, y) in arguments {
                let line = lines.next().expect("a line for each argument");
                let (of_double, of_single) = line.split_once(' ').unwrap();
                let got = f64::from_bits(u64::from_str_radix(of_double, 16).unwrap());
                let expected = double(*x, *y);
                let same = got.to_bits() == expected.to_bits() || got.is_nan() && expected.is_nan();
                assert!(same, "{name} of ({x:e}, {y:e}) with {options:?}: {got:e}, not {expected:e}");
                let got = f32::from_bits(u32::from_str_radix(of_single, 16).unwrap());
                let expected = single(*x as f32, *y as f32);
                let same = got.to_bits() == expected.to_bits() || got.is_nan() && expected.is_nan();
                assert!(same, "{name} of singles ({x:e}, {y:e}) with {options:?}: {got:e}, not {expected:e}");
            }
        }
        assert_eq!(lines.next(), None);
    }
}
