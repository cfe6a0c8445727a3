//! What is said about faulty text and binaries: the message, the help, and the text it points at.

use nbc_ir::{Error, Module};

/// Messages with their help, the text underlined, and the context.
fn faults(text: &str) -> Vec<String> {
    let error = Module::parse(text, "t.nba").expect_err("this text is faulty");
    describe(&error, text)
}

fn describe(error: &Error, text: &str) -> Vec<String> {
    let one = |d: &nbc_ir::Diagnostic| {
        let at = d.span.map_or("", |(start, end)| &text[start..end]);
        let help = d.help.as_deref().map_or(String::new(), |h| format!(" ({h})"));
        format!("{}: {}{help} [{at}]", d.context, d.message)
    };
    error.diagnostics().iter().map(one).collect()
}

/// The faults of a function with this body, without their context.
fn body(text: &str) -> Vec<String> {
    let all = format!(
        "const @c: str = \"\"\nglobal @count: i64 = 0\nfunc @callee(%x: f64) -> f64 {{\n  ret %x\n}}\nfunc @f(%x: tensor<f64>, %n: i64) {{\n{text}\n}}\n"
    );
    faults(&all).iter().map(|f| f.split_once(": ").map_or(f.clone(), |(_, rest)| rest.to_owned())).collect()
}

#[test]
fn names_that_do_not_exist_suggest_the_nearest() {
    assert_eq!(
        body("  %y = i64.ad %n, 1\n  ret"),
        ["no instruction or operation is called `i64.ad` (did you mean `i64.add`?) [i64.ad]"]
    );
    assert_eq!(
        body("  %y = tensor.summ %x\n  ret"),
        ["no instruction or operation is called `tensor.summ` (did you mean `tensor.sum`?) [tensor.summ]"]
    );
    assert_eq!(
        body("  %count = i64.add %n, 1\n  %z = i64.add %coumt, 1\n  ret"),
        ["register %coumt is never assigned (did you mean `count`?) [%coumt]"]
    );
    assert_eq!(body("  br lop\nloop:\n  ret"), ["no block is called `lop` (did you mean `loop`?) [lop]"]);
    assert_eq!(
        body("  %y = call @calle(1.0)\n  ret"),
        ["no function is called `@calle` (did you mean `callee`?) [@calle]"]
    );
    assert_eq!(
        body("  %y = global.get @counter\n  %z = const.get @d\n  ret"),
        [
            "no global is called `@counter` (did you mean `count`?) [@counter]",
            "no constant is called `@d` (did you mean `c`?) [@d]"
        ]
    );
}

#[test]
fn one_run_shows_the_faults_of_every_line() {
    let found = faults(
        "func @f() {\n  %a = i64.cosnt 1\n  %b = i64.add %a\n  %c = f64.add %b, 1.0 2.0\n  nope\n  ret\n}\nfunk @g() {\n  ret\n}\nfunc @h() {\n  rett\n}\n",
    );
    assert_eq!(
        found,
        [
            "function @f, line 2: no instruction or operation is called `i64.cosnt` (did you mean `i64.const`?) [i64.cosnt]",
            "function @f, line 3: expected `,`, found the end of the line (the form is `%dst = i64.add %a, %b`) []",
            "function @f, line 4: expected the end of the line, found `2.0` (the form is `%dst = f64.add %a, %b`) [2.0]",
            "function @f, line 5: no instruction or operation is called `nope` [nope]",
            "line 8: expected `func`, `import`, `const` or `global`, found `funk` (did you mean `func`?) [funk]",
            "function @h, line 12: no instruction or operation is called `rett` (did you mean `ret`?) [rett]",
        ]
    );
}

#[test]
fn blocks_end_with_terminators() {
    assert_eq!(
        body("  %y = i64.add %n, 1\nnext:\n  ret"),
        [
            "the block before `next` has no terminator (nothing falls through into the next block; write `br next`) [next]"
        ]
    );
    assert_eq!(
        body("  %y = i64.add %n, 1"),
        ["the last block has no terminator (a block ends with br, br_if, switch, ret or trap) [}]"]
    );
    assert_eq!(
        body("  ret\n  ret"),
        ["nothing can follow ret in its block (start a new block with a label: `name:`) [ret]"]
    );
    assert_eq!(body(""), ["the last block is empty (a block ends with br, br_if, switch, ret or trap) [}]"]);
    assert_eq!(body("a:\n  ret\na:\n  ret"), ["block `a` is defined twice [a]"]);
}

#[test]
fn operands_are_checked_for_their_form() {
    assert_eq!(
        body("  i64.add %n, 1\n  ret"),
        ["i64.add gives a result, which no register takes (write `%name = i64.add ...`) [i64.add]"]
    );
    assert_eq!(
        body("  %a, %b = i64.add %n, 1\n  ret"),
        ["i64.add gives one result, 2 registers are to take it [i64.add]"]
    );
    assert_eq!(body("  %a = ret"), ["ret gives no result [ret]"]);
    assert_eq!(
        body("  br_if %n, a\na:\n  ret"),
        ["expected `,`, found the end of the line (the form is `br_if %cond, then_to, else_to`) []"]
    );
    assert_eq!(
        body("  %v = tensor.load %x 1\n  ret"),
        ["expected `,`, found `1` (the form is `%dst = tensor.load %x, %i`) [1]"]
    );
    assert_eq!(
        body("  %y = i64.add %n, %\n  ret"),
        ["unexpected `%`, expected a register or a literal (a name follows `%`, or any text in quotes) [%]"]
    );
    assert_eq!(
        body("  # hm\n  ret"),
        ["unexpected `#`, expected an instruction (comments start with `;`) [#]"]
    );
    assert_eq!(
        body("  ret\n  local %z: i64"),
        ["`local` lines stand at the top of a function, before its first instruction or label [local]"]
    );
}

#[test]
fn literals_are_checked_against_the_type_wanted() {
    assert_eq!(
        body("  %y = i64.add %n, 1.0\n  ret"),
        ["expected an integer of type i64, found 1.0 (write 1) [1.0]"]
    );
    assert_eq!(
        body("  %y = i32.const 4294967295\n  ret"),
        [
            "4294967295 is out of range for i32 (bits above 2147483647 can be written in hexadecimal: 0xffffffff) [4294967295]"
        ]
    );
    assert_eq!(body("  %y = call @callee(1e999)\n  ret"), ["1e999 is out of range for f64 [1e999]"]);
    assert_eq!(
        body("  tensor.store %x, 0, 9007199254740993\n  ret"),
        [
            "9007199254740993 is not exactly a value of type f64 (write 9007199254740993.0 to take the nearest) [9007199254740993]"
        ]
    );
    assert_eq!(body("  %y = i64.const 12abc\n  ret"), ["12abc is not a number [12abc]"]);
}

#[test]
fn types_that_do_not_follow_must_be_written() {
    assert_eq!(
        body("  br a\nb:\n  %c = copy %d\n  ret\na:\n  %d = i64.const 1\n  br b"),
        [
            "the type of %c does not follow from its first assignment (write it out: `%c: f64 = ...`, or `local %c: f64` before) [%c]"
        ]
    );
    assert_eq!(
        body("  %z = tensor.zeros [3]\n  %w = tensor.neg %z\n  ret"),
        [
            "the element type T of tensor.zeros is not known here (write it out, as in `tensor.zeros<f64> ...`; its signature is tensor.zeros<T: any>([i64]) -> tensor<T>) [tensor.zeros]"
        ]
    );
    assert_eq!(
        body("  %n: f64 = f64.const 1\n  ret"),
        ["%n has type i64 already; a register has one type for its whole life [f64]"]
    );
}

#[test]
fn operations_are_checked_against_their_signature() {
    assert_eq!(
        body("  %z = tensor.zeros<f64> 3\n  ret"),
        ["tensor.zeros takes a list in brackets here (write `[3]`) [3]"]
    );
    assert_eq!(
        body("  %z = tensor.slice %x, [0], [1, 2]\n  ret"),
        [
            "all lists of tensor.slice must have the same length (its signature is tensor.slice<T: any>(tensor<T>, [i64], [i64]) -> tensor<T>) [[]"
        ]
    );
    assert_eq!(
        body("  %z = tensor.sum %x, 1\n  ret"),
        [
            "tensor.sum takes 1 argument, 2 given (its signature is tensor.sum<T: real>(tensor<T>) -> T) [tensor.sum]"
        ]
    );
    assert_eq!(
        body("  tensor.sum %x\n  ret"),
        [
            "tensor.sum gives 1 result, 0 registers given (its signature is tensor.sum<T: real>(tensor<T>) -> T) [tensor.sum]"
        ]
    );
}

#[test]
fn items_are_checked() {
    assert_eq!(
        faults("const @t: tensor<f64> [2, 2] = {1, 2, 3}"),
        ["line 1: these dims need 4 elements, found 3 [[2, 2]]"]
    );
    assert_eq!(faults("const @t: tensor<u8> [1] = {256}"), ["line 1: 256 is out of range for u8 [256]"]);
    assert_eq!(
        faults("const @t: tensor<u8> [1] = hex\"0\""),
        ["line 1: an odd number of hexadecimal digits [hex\"0\"]"]
    );
    assert_eq!(
        faults("const @x: f64 = 1"),
        [
            "line 1: a constant is a str or a tensor (a scalar constant is `global const @name: f64 = 1.5`) [f64]"
        ]
    );
    assert_eq!(
        faults("const @s: str = \"a\\q\""),
        ["line 1: there is no escape \\q; there are \\n \\r \\t \\\\ \\\" \\0 \\xHH \\u{..} [\\q]"]
    );
    assert_eq!(faults("const @s: str = \"a"), ["line 1: the closing quote of this string is missing [\"a]"]);
    assert_eq!(faults("global @g: f46 = 1"), ["line 1: `f46` is not a type (did you mean `f64`?) [f46]"]);
    assert_eq!(
        faults("global @g: u8 = 1"),
        ["line 1: `u8` is not a type (u8 is the type of tensor elements: tensor<u8>) [u8]"]
    );
    assert_eq!(
        faults("global @g: list<list<i64>> = 1"),
        ["line 1: a list cannot hold lists (types do not nest, so that objects never form a cycle) [list]"]
    );
    assert_eq!(
        faults("func @f() {\n  ret\nfunc @g() {\n  ret\n}\n"),
        ["line 1: the closing `}` of this function is missing [func]"]
    );
    assert_eq!(
        faults("func @f() {\n  ret\n}\nfunc @f() {\n  ret\n}\n"),
        ["line 4: function `@f` is defined twice [@f]"]
    );
    assert_eq!(
        faults("func @f(%x: i64, %x: i64) {\n  ret\n}\n"),
        ["function @f, line 1: parameter `%x` is named twice [%x]"]
    );
    assert_eq!(
        faults("  %x = i64.const 1\n  %y = i64.const 1\n"),
        ["line 1: expected an item: `func`, `import`, `const` or `global`, found `%x` [%x]"]
    );
}

#[test]
fn hostile_text_is_refused_soon() {
    let deep = format!("global @g: {}", "func<(".repeat(100_000));
    assert!(faults(&deep)[0].contains("nested more than 16 deep"));
    let deep = format!("global @g: {}", "list<".repeat(100_000));
    assert!(faults(&deep)[0].contains("a list cannot hold lists"));
    let many = format!("func @f() {{\n{}}}\n", "  nope\n".repeat(100_000));
    assert_eq!(faults(&many).len(), 50);
    let long = format!("func @f() {{\n  {} ret\n}}", "x".repeat(100_000));
    let error = Module::parse(&long, "t").unwrap_err();
    assert!(error.to_string().len() < 300);
    assert!(error.render(false).len() < 3000);
    let dims = "const @t: tensor<f64> [4294967295, 4294967295, 4294967295] = {}";
    assert_eq!(
        faults(dims),
        ["line 1: these dims are larger than memory [[4294967295, 4294967295, 4294967295]]"]
    );
}

/// The one fault of a binary.
fn binary(bytes: &[u8]) -> String {
    let error = Module::read(bytes, "t.nbc").expect_err("this file is faulty");
    describe(&error, "").remove(0)
}

#[test]
fn binaries_are_refused_with_their_reason() {
    let mut module =
        Module::parse("func @f(%x: f64) -> f64 {\n  %y = f64.add %x, 1.0\n  ret %y\n}", "t").unwrap();
    let good = module.encode();
    module.source = None;
    assert_eq!(Module::decode(&good).unwrap(), module);

    assert_eq!(binary(b""), "byte 0: the file is empty []");
    assert!(binary(&good[..3]).starts_with("byte 0: the file is cut off after its first bytes"));
    assert!(
        binary(b"\xff\xfe")
            .starts_with("byte 0: this is not an NBC file: byte 0 (0xff) is not UTF-8 text (an NBC file is")
    );
    assert!(binary(b"func\0").starts_with("byte 4: this is not an NBC file: byte 4 is NUL"));

    for len in 4..good.len() {
        let message = binary(&good[..len]);
        assert!(message.contains("cut off"), "{len}: {message}");
    }
    let mut longer = good.clone();
    longer.push(0);
    assert!(binary(&longer).contains("1 bytes follow the end of the module"));

    let mut newer = good.clone();
    newer[4] = 9;
    assert!(binary(&newer).starts_with("byte 4: format version 9; this release reads version 2 (assemble"));

    for at in 6..good.len() {
        for bit in 0..8 {
            let mut flipped = good.clone();
            flipped[at] ^= 1 << bit;
            binary(&flipped);
        }
    }
    let mut flipped = good.clone();
    let last = good.len() - 1;
    flipped[last] ^= 1;
    assert!(binary(&flipped).contains("the checksum is"), "{}", binary(&flipped));
}

/// What is wrong with a text that reads, or that does not, with all that is underlined.
fn all_faults(text: &str) -> Vec<String> {
    let error = Module::parse(text, "t.nba").and_then(Module::verify).expect_err("this text is faulty");
    describe(&error, text)
}

fn f(params: &str, body: &str) -> Vec<String> {
    let all = all_faults(&format!("func @f({params}) {{\n{body}\n  ret\n}}\n"));
    all.iter().map(|f| f.split_once(": ").map_or(f.clone(), |(_, rest)| rest.to_owned())).collect()
}

#[test]
fn element_types_that_do_not_fit_have_their_line_and_reason() {
    assert_eq!(
        all_faults("func @f() {\n  %a = tensor.full<c128> [2], 1.0\n  ret\n}\n"),
        [
            "function @f, the entry, instruction 0, line 2: tensor.full does not take c128: T is one of u8 i32 i64 f32 f64 bool (its signature is tensor.full<T: scalar>([i64], T) -> tensor<T>) [<c128>]"
        ]
    );
    // Nothing is said of the type that would follow, nor of what is made from it.
    let found = f("%x: tensor<c128>", "  %s = tensor.sum %x\n  %t = copy %s\n  %u = f64.add %t, 1.0");
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].starts_with("tensor.sum does not take c128: T is one of u8 i32 i64 f32 f64 ("));
    assert!(found[0].ends_with("[%x]"), "{found:?}");
    for (params, body, message, at) in [
        ("%x: tensor<c64>", "%s = tensor.abs %x", "tensor.abs does not take c64", "[%x]"),
        (
            "%x: tensor<i64>",
            "%s = tensor.mean %x",
            "tensor.mean does not take i64: T is one of f32 f64",
            "[%x]",
        ),
        ("%x: tensor<c64>", "%s = tensor.cast<i64> %x", "tensor.cast does not take c64", "[<i64>]"),
        ("%x: list<i64>", "%s = list.new 3, %x", "a list cannot hold lists: %x is list<i64> (types", "[%x]"),
        ("%x: tensor<c64>", "%s = tensor.load %x, 0", "expected a tensor whose elements are scalars", "[%x]"),
        ("%x: i64", "%s = tensor.load %x, 0", "expected a tensor, found %x, which is i64", "[%x]"),
        ("%x: i64", "%s = list.get %x, 0", "expected a list, found %x, which is i64", "[%x]"),
        ("%x: i64", "%s = call_ref %x(1)", "expected a function reference, found %x", "[%x]"),
        (
            "%x: i64",
            "%s = tensor.sum %x",
            "argument 1 of `tensor.sum`: expected tensor<T>, found %x, which is i64",
            "[%x]",
        ),
        (
            "%x: i64",
            "%s = tensor.sum 1.5",
            "argument 1 of `tensor.sum`: expected tensor<T>, found the literal 1.5",
            "[1.5]",
        ),
        (
            "%x: func<() -> i64>, %t: tensor<i64>",
            "%s = tensor.map %t, %x",
            "argument 2 of `tensor.map`: expected func<",
            "[%x]",
        ),
        ("%x: i64", "op tensor.sqrt<i64>(%x)", "tensor.sqrt does not take i64", "[<i64>]"),
    ] {
        let found = f(params, &format!("  {body}"));
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].contains(message) && found[0].ends_with(at), "{found:?}");
    }
    assert!(
        all_faults("use tensor.sqrt<bool>")[0]
            .contains("operation 0, tensor.sqrt: tensor.sqrt does not take bool")
    );
}

#[test]
fn types_are_checked_beside_names() {
    let found = f("%n: i64", "  %a = i64.ad %n, 1\n  %b = f64.add %n, 1.0\n  %c = i64.add %a, %d\n  br x");
    assert!(found[0].contains("no instruction or operation is called `i64.ad`"), "{found:?}");
    assert!(found[1].contains("`a` of `f64.add`: expected f64, found %n, which is i64 [%n]"), "{found:?}");
    assert!(found[2].contains("register %d is never assigned"), "{found:?}");
    assert!(found[3].contains("no block is called `x`"), "{found:?}");
    assert_eq!(found.len(), 4, "{found:?}");
    // Faults of one function hide nothing in another, nor in globals.
    let found = all_faults(
        "global @g: f64 = 1i32\nfunc @f() {\n  nope\n}\nfunc @g() -> i64 {\n  %x: i64 = copy %y\n  %y = i64.const 1\n  ret %x\n}\n",
    );
    assert_eq!(found.len(), 3, "{found:?}");
    assert!(found[0].starts_with("line 1, global @g: expected a first value of type f64, found i32"));
    assert!(found[2].contains("%y is read but not assigned on every way here"));
    // What is faulty itself gives no further faults.
    let found = all_faults(
        "const @c: tenso = {}\nfunc @h(%a: i6) -> f64 {\n  ret 1.0\n}\nfunc @f() {\n  %x = const.get @c\n  %y = call @h(1)\n  %z = f64.add %x, %y\n  ret\n}\n",
    );
    assert_eq!(found.len(), 2, "{found:?}");
    // Types that follow only from each other.
    assert_eq!(f("", "  %a = copy %b\n  %b = copy %a").len(), 2);
}

#[test]
fn arguments_count_from_one_and_are_underlined() {
    let found = all_faults(
        "func @g(%a: i64, %b: f64) -> (i64, f64) {\n  ret %a, %a\n}\nfunc @f() {\n  %x: f64, %y: f64 = call @g(1, 2i64)\n  ret\n}\n",
    );
    assert!(found[0].ends_with("value 2 of `ret`: expected f64, found %a, which is i64 [%a]"), "{found:?}");
    assert!(found[1].contains("result 1 of `call`: expected i64, found %x") && found[1].ends_with("[%x]"));
    assert!(found[2].contains("argument 2 of `call`: expected f64") && found[2].ends_with("[2i64]"));
}

#[test]
fn second_definitions_show_the_first() {
    for (text, first) in [
        ("func @f() {\n  ret\n}\nfunc @f() {\n  ret\n}\n", (5, 7)),
        ("const @c: str = \"\"\nconst @c: str = \"\"\n", (6, 8)),
        ("global @g: i64 = 1\nglobal @g: i64 = 1\n", (7, 9)),
        ("import func @f()\nfunc @f() {\n  ret\n}\n", (12, 14)),
        ("func @f(%x: i64, %x: i64) {\n  ret\n}\n", (8, 10)),
        ("func @f() {\na:\n  br a\na:\n  br a\n}\n", (12, 13)),
    ] {
        let error = Module::parse(text, "t.nba").unwrap_err();
        assert_eq!(error.diagnostics()[0].notes[0].span, first, "{text}");
        assert!(error.render(false).contains("first"), "{text}");
    }
}

#[test]
fn a_read_before_assignment_shows_a_way() {
    let text = "func @f(%c: bool) -> i64 {\n  br_if %c, yes, no\nyes:\n  %x = i64.const 1\n  br done\nno:\n  br done\ndone:\n  ret %x\n}\n";
    let found = all_faults(text);
    assert!(found[0].contains("it is not assigned on the way the entry -> no -> done; assign"), "{found:?}");
    assert!(found[0].ends_with("[%x]"));
}

#[test]
fn suggestions_know_families() {
    for (word, meant) in [
        ("i32.trunc", "did you mean `i32.trunc_f64`, `i32.trunc_f32`, `i32.trunc_f64_u` and 1 more?"),
        ("f64.select", "did you mean `select`?"),
        ("i64.copy", "did you mean `copy`?"),
        ("math.cbrt", "did you mean `f64.cbrt`, `f32.cbrt`, `tensor.cbrt`?"),
    ] {
        let found = f("%n: i64", &format!("  %x = {word} %n"));
        assert!(found[0].contains(meant), "{found:?}");
    }
    assert!(f("", "  %x = \"a\"")[0].contains("(a string is given by `const.get \"a\"`)"));
}

#[test]
fn nothing_is_escaped_twice_and_nothing_steers_the_terminal() {
    assert_eq!(
        faults("global @g: i64 = \"a\\n\\\"b\"")[0],
        "line 1: expected a literal, found `\"a\\n\\\"b\"` [\"a\\n\\\"b\"]"
    );
    let hostile = "\u{1b}[2J\u{202e}\u{9b}1m\u{200b}\u{7f}";
    for text in [
        format!("global @\"{hostile}\": f64 = 1i32"),
        format!("func @\"{hostile}\"() {{\n  %\"{hostile}\" = f64.add 1i32, 1\n}}"),
        format!("func @f() {{\n  call @\"{hostile}\"()\n  {hostile}\n}}"),
        format!("use \"{hostile}\"<f64>"),
        format!("const @s: str = \"\\{hostile}\""),
    ] {
        let error = Module::parse(&text, hostile).and_then(Module::verify).unwrap_err();
        for shown in [error.to_string(), error.render(false)] {
            assert!(!shown.contains(['\u{1b}', '\u{202e}', '\u{9b}', '\u{200b}', '\u{7f}']), "{shown:?}");
        }
    }
}

#[test]
fn constants_of_zeros_are_checked() {
    assert_eq!(
        faults("const @z: tensor<f64> [4294967296, 4294967296] = zero"),
        ["line 1: these dims are larger than memory [[4294967296, 4294967296]]"]
    );
    assert_eq!(
        faults("const @z: tensor<u8> [0, 9223372036854775808] = zero"),
        ["line 1: a length is at most 9223372036854775807 [[0, 9223372036854775808]]"]
    );
    // Where there is no element, the other lengths are not multiplied.
    for dims in ["[0, 9223372036854775807]", "[9223372036854775807, 9223372036854775807, 0]"] {
        for value in ["zero", "{}", "hex\"\""] {
            let text = format!("const @q: tensor<f64> {dims} = {value}\n");
            let module = Module::parse(&text, "t").unwrap();
            assert_eq!(Module::decode(&module.encode()).unwrap().constants, module.constants, "{text}");
            module.verify().unwrap();
        }
    }
    assert_eq!(
        faults("global @z: tensor<f64> [1, 1, 1, 1, 1, 1, 1, 1, 1] = zero"),
        ["line 1: 9 dimensions; at most 8 are allowed [[1, 1, 1, 1, 1, 1, 1, 1, 1]]"]
    );
    let mut good = Module::parse("const @z: tensor<f64> [3] = zero", "t").unwrap().encode();
    assert!(Module::decode(&good).is_ok());
    // The dims are one byte; nothing as large as they say may be made of others.
    let at = good.windows(4).position(|w| w == [0x24, 1, 3, 1]).unwrap();
    good[at + 3] = 7;
    assert!(binary(&sealed(good)).contains("there is no kind of elements 7"));
}

/// The file with its checksum put right.
fn sealed(mut bytes: Vec<u8>) -> Vec<u8> {
    let body = bytes.len() - 4;
    let sum = bytes[..body].iter().fold(!0u32, |crc, b| {
        (0..8).fold(crc ^ u32::from(*b), |crc, _| crc >> 1 ^ 0xedb8_8320 & (crc & 1).wrapping_neg())
    });
    bytes[body..].copy_from_slice(&(!sum).to_le_bytes());
    bytes
}
