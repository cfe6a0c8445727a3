//! What lowering finds out about a function before it begins.

use super::control::counts_rarely;
use crate::midend::{self, Options};
use crate::mir;
use nbc_ir::flow::{Dominators, Loops};
use nbc_ir::{FuncId, Module};

/// Whether the first function of `text` counts rarely as the mid-end leaves it.
fn rarely(text: &str) -> bool {
    let module = Module::parse(text, "test").and_then(Module::verify).unwrap_or_else(|e| panic!("{e}"));
    let mut func = mir::build(&module, FuncId::new(module.imports.len()));
    midend::run(&mut func, &module, &Options::default(), false, &mut |_, _| {});
    let cfg = func.graph();
    counts_rarely(&func, &cfg, &Loops::new(&cfg, &Dominators::new(&cfg)))
}

/// A loop that counts to `%n`, with `body` in it.
fn counting(body: &str) -> String {
    format!(
        "export func @f(%n: i64, %k: i64) -> i64 {{
  %i = i64.const 0
  %s = i64.const 1
  br head
head:
{body}
  %i = i64.add %i, 1
  %c = i64.lt %i, %n
  br_if %c, head, done
done:
  ret %s
}}
"
    )
}

#[test]
fn a_budget_that_changes_rarely_stays_in_memory() {
    // Paid in chunks; not at all; and once a call.
    assert!(rarely(&counting("  %s = i64.add %s, %i")));
    assert!(rarely("export func @f(%x: i64) -> i64 {\n  %x = i64.add %x, 1\n  ret %x\n}\n"));
    assert!(rarely(
        "export func @f(%x: i64) -> i64 {
  %c = i64.lt %x, 2
  br_if %c, end, more
end:
  ret %x
more:
  %a = i64.sub %x, 1
  %a = call @f(%a)
  %b = i64.sub %x, 2
  %b = call @f(%b)
  %a = i64.xor %a, %b
  ret %a
}
"
    ));
    // Turn by turn: nobody knows how many are to come.
    assert!(!rarely(&counting("  %s = i64.add %s, %i\n  %n = i64.shr %n, 1")));
    assert!(!rarely(
        "export func @f(%x: i64) -> i64 {
  br head
head:
  %x = i64.shr_u %x, 1
  %c = i64.ne %x, 0
  br_if %c, head, done
done:
  ret %x
}
"
    ));
}
