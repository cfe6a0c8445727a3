//! Where in its text an operand of an instruction stands.
//!
//! A module keeps the line of each instruction and nothing finer. For the few
//! instructions that messages are about, the line is read once more, by
//! tokens. What is found there is only underlined, so it need not be right
//! for a text that is not the module's; it never leaves the text.

use crate::entity::Reg;
use crate::inst::{FieldRef, Inst, Operand};
use crate::lexer::{Kind, Lexer, Token};

/// What of an instruction a message is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Part {
    /// All of it.
    Whole,
    /// The element types given in `<>`.
    Elems,
    /// The operand of that position in the instruction table.
    Field(usize),
    /// An item of such an operand, which is a list.
    Item(usize, usize),
}

impl Part {
    /// The operand of `inst` that reads `reg` first.
    pub(super) fn that_reads(inst: &Inst, reg: Reg) -> Vec<Part> {
        let (mut field, mut found) = (0, Vec::new());
        inst.for_each_field(|f| {
            let is_it = |o: &Operand| *o == Operand::Reg(reg);
            found.extend(match f {
                FieldRef::Use(o) if is_it(&o) => Some(Part::Field(field)),
                FieldRef::Uses(list) => list.iter().position(is_it).map(|i| Part::Item(field, i)),
                FieldRef::Keeps(list) => list.iter().position(|r| *r == reg).map(|i| Part::Item(field, i)),
                _ => None,
            });
            field += 1;
        });
        found
    }
}

/// Tokens looked at; instructions with more are underlined as a whole.
const MOST_TOKENS: usize = 20_000;

/// Bytes that an operand spans.
type Span = (usize, usize);

/// An instruction as it is written.
#[derive(Default)]
struct Written {
    /// Registers before the `=`.
    defs: Vec<Span>,
    elems: Option<Span>,
    /// Everything after the mnemonic that is a name or a value, in order.
    values: Vec<Span>,
    /// Whether it is an operation by its own name.
    by_name: bool,
}

/// The bytes of `part` of `inst`, which is called `name` and starts on the line
/// that begins at byte `start`.
pub(super) fn span(src: &str, start: usize, inst: &Inst, name: &str, part: Part) -> Option<Span> {
    let written = read(src, start, inst, name)?;
    let (field, item) = match part {
        Part::Whole => return None,
        Part::Elems => return written.elems,
        Part::Field(field) => (field, 0),
        Part::Item(field, item) => (field, item),
    };
    let (mut at, mut values, mut found) = (0, 0, None);
    inst.for_each_field(|f| {
        let (defs, count) = match f {
            FieldRef::Def(_) => (true, 1),
            FieldRef::Defs(list) => (true, list.len()),
            FieldRef::Op(_) if written.by_name => (false, 0),
            FieldRef::Uses(list) => (false, list.len()),
            FieldRef::Keeps(list) => (false, list.len()),
            FieldRef::Blocks(list) => (false, list.len()),
            _ => (false, 1),
        };
        if at == field && item < count {
            found = Some(if defs { (true, item) } else { (false, values + item) });
        }
        if !defs {
            values += count;
        }
        at += 1;
    });
    // A text that has other operands than the instruction is not its text.
    if values != written.values.len() {
        return None;
    }
    match found? {
        (true, at) => written.defs.get(at).copied(),
        (false, at) => written.values.get(at).copied(),
    }
}

fn read(src: &str, start: usize, inst: &Inst, name: &str) -> Option<Written> {
    let mut tokens = Tokens { lexer: Lexer::at(src, start), left: MOST_TOKENS };
    let calls_op = matches!(inst, Inst::CallOp { .. });
    let mut out = Written::default();
    // Headers and labels may stand before it on its line.
    let mut before: Option<Token> = None;
    let mut token = tokens.next()?;
    loop {
        let text = &src[token.start..token.end];
        let next = tokens.next()?;
        match token.kind {
            Kind::Newline | Kind::Eof => return None,
            Kind::Punct(b'{') => out.defs.clear(),
            Kind::Punct(b':') if before.is_some_and(|t| matches!(t.kind, Kind::Ident | Kind::Str)) => {
                out.defs.clear();
            }
            Kind::Reg => out.defs.push((token.start, token.end)),
            Kind::Ident if next.kind != Kind::Punct(b':') && (text == name || (calls_op && text == "op")) => {
                out.by_name = calls_op && text != "op";
                token = next;
                break;
            }
            _ => {}
        }
        before = Some(token);
        token = next;
    }
    if calls_op && !out.by_name {
        out.values.push((token.start, token.end));
        token = tokens.next()?;
    }
    if token.kind == Kind::Punct(b'<') {
        let (from, mut depth) = (token.start, 0usize);
        loop {
            match token.kind {
                Kind::Punct(b'<') => depth += 1,
                Kind::Punct(b'>') => depth -= 1,
                Kind::Eof => return None,
                _ => {}
            }
            let end = token.end;
            token = tokens.next()?;
            if depth == 0 {
                out.elems = Some((from, end));
                break;
            }
        }
    }
    let mut depth = 0usize;
    let mut keeps = false;
    inst.for_each_field(|f| keeps |= matches!(f, FieldRef::Keeps(_)));
    loop {
        let next = tokens.next();
        match token.kind {
            Kind::Punct(b'(' | b'[') => depth += 1,
            Kind::Punct(b')' | b']') => depth = depth.saturating_sub(1),
            Kind::Newline if depth == 0 => return Some(out),
            Kind::Eof | Kind::Punct(b'}') => return Some(out),
            // The bits of a NaN belong to it.
            Kind::Punct(b':') => {
                if let Some(nan) = out.values.last_mut() {
                    nan.1 = next?.end;
                }
                token = tokens.next()?;
                continue;
            }
            Kind::Ident if keeps && depth == 0 && &src[token.start..token.end] == "keep" => {}
            Kind::Reg | Kind::At | Kind::Number | Kind::Ident | Kind::Str => {
                out.values.push((token.start, token.end));
            }
            _ => {}
        }
        token = next?;
    }
}

struct Tokens<'a> {
    lexer: Lexer<'a>,
    left: usize,
}

impl Tokens<'_> {
    fn next(&mut self) -> Option<Token> {
        self.left = self.left.checked_sub(1)?;
        Some(self.lexer.next())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::module::Module;

    /// What stands at each part of each instruction of a text that parses.
    fn parts(body: &str, parts: &[Part]) -> Vec<Vec<String>> {
        let text = format!(
            "func @g(%a: f64, %b: f64) -> (f64, f64) {{ ret %a, %b }}\nfunc @f(%x: tensor<f64>, %n: i64) {{ {body}\n}}\n"
        );
        let module = Module::parse(&text, "t.nba").unwrap_or_else(|e| panic!("{}", e.render(false)));
        let starts: Vec<usize> =
            std::iter::once(0).chain(text.match_indices('\n').map(|(i, _)| i + 1)).collect();
        let block = |b: &crate::module::Block| {
            let one = |(inst, line): (&Inst, &u32)| {
                let name = match inst {
                    Inst::CallOp { callee, .. } => &module.ops[callee.index()].name,
                    _ => inst.opcode().mnemonic(),
                };
                let at = |part: &Part| span(&text, starts[*line as usize - 1], inst, name, *part);
                parts.iter().map(|p| at(p).map_or("-".into(), |(a, b)| text[a..b].to_owned())).collect()
            };
            b.insts.iter().zip(&b.lines).map(one).collect::<Vec<_>>()
        };
        module.functions[1].blocks.iter().flat_map(block).collect()
    }

    #[test]
    fn operands_are_found_in_their_line() {
        use Part::*;
        let body = "%v = tensor.load %x, %n ; %x
  %p: f64, %q: f64 = call @g(nan:0x7ff8000000000001,
    %v) \n  %z = tensor.zeros<f64> [3, %n]\n  %w: tensor<f64> = op tensor.add<f64>(%z, %z)
  switch %n, [copy, b], b\ncopy: %c = copy 1 \n  ret\nb: region.begin\n %d = tensor.neg %x\n  region.renew keep %d\n  region.end keep %d, %d\n trap";
        let got = parts(body, &[Field(0), Field(1), Field(2), Item(2, 1), Item(0, 1), Elems]);
        let want: [&[&str]; 11] = [
            &["%v", "%x", "%n", "-", "-", "-"],
            &["%p", "@g", "nan:0x7ff8000000000001", "%v", "%q", "-"],
            &["%z", "-", "3", "%n", "-", "<f64>"],
            &["%w", "tensor.add", "%z", "%z", "-", "<f64>"],
            &["%n", "copy", "b", "-", "-", "-"],
            &["%c", "1", "-", "-", "-", "-"],
            &["-"; 6],
            &["-"; 6],
            &["%d", "-", "%x", "-", "-", "-"],
            &["%d", "-", "-", "-", "-", "-"],
            &["%d", "-", "-", "-", "%d", "-"],
        ];
        for (got, want) in got.iter().zip(want) {
            assert_eq!(got, want);
        }
        assert_eq!(got.len(), 12);
    }

    /// Of every instruction, as the test programs have all of them.
    #[test]
    fn every_operand_of_every_instruction_is_found() {
        let mut seen = std::collections::HashSet::new();
        for folder in ["returns", "traps", "regions"] {
            let folder = format!("{}/../tests/programs/{folder}", env!("CARGO_MANIFEST_DIR"));
            for file in std::fs::read_dir(folder).unwrap() {
                let path = file.unwrap().path();
                let text = std::fs::read_to_string(&path).unwrap_or_default();
                let Ok(module) = Module::parse(&text, "t.nba") else { continue };
                let starts: Vec<usize> =
                    std::iter::once(0).chain(text.match_indices('\n').map(|(i, _)| i + 1)).collect();
                for block in module.functions.iter().flat_map(|f| &f.blocks) {
                    for (inst, line) in block.insts.iter().zip(&block.lines) {
                        let name = match inst {
                            Inst::CallOp { callee, .. } => &module.ops[callee.index()].name,
                            _ => inst.opcode().mnemonic(),
                        };
                        let mut last = Vec::new();
                        inst.for_each_field(|f| {
                            last.push(match f {
                                FieldRef::Op(_) => 0,
                                FieldRef::Defs(list) => list.len(),
                                FieldRef::Uses(list) => list.len(),
                                FieldRef::Keeps(list) => list.len(),
                                FieldRef::Blocks(list) => list.len(),
                                _ => 1,
                            });
                        });
                        let start = starts[*line as usize - 1];
                        // A text that is an operand is got before, which is not written.
                        let written = text[start..].lines().next().is_some_and(|l| l.contains(name));
                        if matches!(inst, Inst::ConstGet { .. }) && !written {
                            continue;
                        }
                        for (field, item) in last.iter().enumerate().filter(|(_, n)| **n > 0) {
                            let part = Part::Item(field, item - 1);
                            let found = span(&text, start, inst, name, part);
                            assert!(found.is_some(), "{}:{line}: {name}, {part:?}", path.display());
                        }
                        seen.insert(inst.opcode().mnemonic());
                    }
                }
            }
        }
        assert!(seen.contains("region.renew") && seen.len() > 150, "{}", seen.len());
    }

    #[test]
    fn another_text_is_not_underlined() {
        let inst = Inst::Copy { dst: crate::entity::Reg(0), a: 1i64.into() };
        for text in ["", "%a = copy", "%a = copy 1, 2", "copy: copy:", "%a = copy <<", "%a = copy :", "a = ("]
        {
            assert_eq!(span(text, 0, &inst, "copy", Part::Field(1)), None, "{text}");
        }
        let long = "%a = copy ".to_owned() + &"1, ".repeat(1_000_000);
        assert_eq!(span(&long, 0, &inst, "copy", Part::Field(1)), None);
    }
}
