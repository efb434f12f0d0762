//! With what operands, and in what mode, an operator is called.

use gradlint::ops::Dtype;

use super::super::leaves::trailing;
use super::super::tree::{Node, Tree, block, line};
use super::calls::{Call, wanted};

/// How a program calls the operator.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Variant {
    /// The type of the first operand.
    first: Dtype,
    /// The type of the others.
    rest: Dtype,
    layout: Layout,
    mode: Mode,
}

/// How the first operand lies in memory.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Layout {
    Plain,
    Transposed,
    Expanded,
    Stepped,
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum Mode {
    /// Forward and backward.
    Once,
    /// The gradient's gradient, too.
    Twice,
    NoGrad,
    /// The result is an inference tensor.
    InInference,
    /// The operands are.
    OfInference,
    /// In place, on a copy.
    Write,
    WriteLeaf,
    WriteView,
    /// On what `unbind` gave.
    WriteMultiView,
    WriteInference,
}

const F32: Dtype = Dtype::F32;

impl Variant {
    /// Those that make sense for a call.
    pub fn all_for(call: &Call) -> Vec<Variant> {
        use Layout::*;
        use Mode::*;
        let of = |first, rest, layout, mode| Variant {
            first,
            rest,
            layout,
            mode,
        };
        let plain = |mode| of(F32, F32, Plain, mode);
        let typed = |first, rest| of(first, rest, Plain, Once);
        let mut out = vec![
            plain(Once),
            plain(Twice),
            typed(Dtype::F64, Dtype::F64),
            typed(Dtype::I64, Dtype::I64),
            typed(Dtype::Bool, Dtype::Bool),
            of(F32, F32, Transposed, Once),
            of(F32, F32, Expanded, Once),
            of(F32, F32, Stepped, Once),
            plain(NoGrad),
            plain(InInference),
            plain(OfInference),
        ];
        if call.text.matches('{').count() > 1 {
            out.extend([
                typed(Dtype::I64, F32),
                typed(F32, Dtype::I64),
                typed(Dtype::F64, F32),
                typed(F32, Dtype::F64),
                typed(Dtype::Bool, F32),
                typed(F32, Dtype::Bool),
                typed(Dtype::Bool, Dtype::I64),
            ]);
        }
        if call.in_place.is_some() {
            out.extend([Write, WriteLeaf, WriteView, WriteMultiView, WriteInference].map(plain));
            out.extend([Transposed, Expanded, Stepped].map(|layout| of(F32, F32, layout, Write)));
            let types = [
                (Dtype::I64, Dtype::I64),
                (Dtype::Bool, Dtype::Bool),
                (Dtype::I64, F32),
                (F32, Dtype::F64),
                (Dtype::Bool, Dtype::I64),
                (F32, Dtype::I64),
            ];
            out.extend(types.map(|(first, rest)| of(first, rest, Plain, Write)));
        }
        // What has its own form in place only cannot be called otherwise.
        let is_only = call.in_place.as_deref() == Some(&call.text);
        let writes = |mode| {
            matches!(
                mode,
                Write | WriteLeaf | WriteView | WriteMultiView | WriteInference
            )
        };
        out.retain(|variant| !is_only || writes(variant.mode));
        out
    }

    /// What the program is called, and the program.
    pub fn program(&self, call: &Call) -> (String, Tree) {
        let written = match self.mode {
            Mode::Write
            | Mode::WriteLeaf
            | Mode::WriteView
            | Mode::WriteMultiView
            | Mode::WriteInference => call.in_place.as_deref().unwrap_or(&call.text),
            _ => &call.text,
        };
        let (mut lines, mut names) = (Vec::new(), Vec::new());
        let (mut text, mut rest) = (String::new(), written);
        while let Some((before, after)) = rest.split_once('{') {
            let (hole, after) = after.split_once('}').expect("a hole is closed");
            let nth = names.len();
            let name = char::from(b'a' + nth as u8).to_string();
            self.operand(nth, &name, hole, &mut lines);
            text += before;
            text += &name;
            names.push(name);
            rest = after;
        }
        text += rest;
        let label = format!("{written} {self:?}");
        (label, Tree(self.statements(call, lines, &text)))
    }

    /// The lines that make an operand.
    fn operand(&self, nth: usize, name: &str, hole: &str, lines: &mut Vec<Node>) {
        let (kind, below, shape) = wanted(hole);
        let dtype = if nth == 0 { self.first } else { self.rest };
        let layout = if nth == 0 { self.layout } else { Layout::Plain };
        let mut sizes = shape.to_vec();
        let back = match layout {
            Layout::Transposed if sizes.len() > 1 => {
                let last = sizes.len() - 1;
                sizes.swap(0, last);
                ".transpose(0, -1)"
            }
            Layout::Expanded if !sizes.is_empty() => {
                sizes[0] = 1;
                ".expand"
            }
            Layout::Stepped if !sizes.is_empty() => {
                sizes[0] *= 2;
                "[::2]"
            }
            _ => "",
        };
        let size = trailing(&sizes);
        let requires = match self.requires_grad() && !matches!(kind, 'b' | 'i') {
            true => ", requires_grad=true",
            false => "",
        };
        let (random, least) = if kind == 'p' {
            ("rand", 0)
        } else {
            ("randn", 1)
        };
        let made = match (kind, dtype) {
            ('b', _) => format!("rand(({size})) > 0.5"),
            ('i', _) => format!("randint(0, {below}, ({size}))"),
            (_, F32) => format!("{random}(({size}){requires})"),
            (_, Dtype::F64) => format!("{random}(({size}), dtype=float64{requires})"),
            (_, Dtype::I64) => format!("randint({least}, {}, ({size}))", least + 3),
            (_, Dtype::Bool) => format!("rand(({size})) > 0.5"),
        };
        let end = match (&self.mode, nth) {
            (Mode::Write, 0) if layout == Layout::Plain => ".clone()",
            _ => "",
        };
        match back {
            "" if end.is_empty() => lines.push(line(format!("{name} = {made}"))),
            "" => lines.extend([
                line(format!("{name}0 = {made}")),
                line(format!("{name} = {name}0{end}")),
            ]),
            back => {
                let back = match back {
                    ".expand" => format!(".expand(({}))", trailing(&shape)),
                    other => other.to_owned(),
                };
                let copy = if self.mode == Mode::Write {
                    ".clone()"
                } else {
                    ""
                };
                lines.extend([
                    line(format!("{name}0 = {made}")),
                    line(format!("{name} = {name}0{copy}{back}")),
                ]);
            }
        }
    }

    fn requires_grad(&self) -> bool {
        !matches!(self.mode, Mode::OfInference | Mode::WriteInference)
    }

    fn statements(&self, call: &Call, mut lines: Vec<Node>, text: &str) -> Vec<Node> {
        let one = line(format!("v = {text}"));
        match self.mode {
            Mode::Once | Mode::Write | Mode::WriteLeaf => {
                lines.push(one);
                self.backward(call, &mut lines);
            }
            Mode::Twice => {
                lines.extend([
                    one,
                    line(format!(
                        "loss = {}",
                        loss(call, |v| format!("({v} * {v}).sum()"))
                    )),
                    line("g = autograd.grad(loss, [a], create_graph=true)[0]"),
                    line("(g * g).sum().backward()"),
                ]);
            }
            Mode::NoGrad => lines.push(block("with no_grad()", vec![one])),
            Mode::InInference => {
                lines.push(block("with inference_mode()", vec![one]));
                lines.push(line(format!(
                    "w = ones(2, requires_grad=true).sum() * v{}",
                    part(call)
                )));
            }
            Mode::OfInference => {
                lines = vec![block("with inference_mode()", lines), one];
                lines.push(line(format!(
                    "w = ones(2, requires_grad=true).sum() * v{}",
                    part(call)
                )));
            }
            Mode::WriteView => {
                lines.insert(1, line("c = a * 1.5"));
                lines.push(line(format!("v = {}", text.replacen("a.", "c[:].", 1))));
                self.backward(call, &mut lines);
            }
            Mode::WriteMultiView => {
                lines.insert(1, line("c = (a * 1.5).unsqueeze(0)"));
                lines.push(line(format!(
                    "v = {}",
                    text.replacen("a.", "c.unbind(0)[0].", 1)
                )));
            }
            Mode::WriteInference => {
                lines = vec![block("with inference_mode()", lines), one];
            }
        }
        lines
    }

    fn backward(&self, call: &Call, lines: &mut Vec<Node>) {
        if let Some(count) = call.several {
            lines.extend((0..count).map(|nth| line(format!("v{nth} = v[{nth}]"))));
        }
        lines.push(line(format!(
            "loss = {}",
            loss(call, |v| format!("({v} * 1.5).sum()"))
        )));
        lines.push(line("loss.backward()"));
    }
}

fn part(call: &Call) -> &'static str {
    if call.several.is_some() { "[0]" } else { "" }
}

fn loss(call: &Call, of: impl Fn(&str) -> String) -> String {
    match call.several {
        None => of("v"),
        Some(count) => {
            let parts: Vec<String> = (0..count).map(|nth| of(&format!("v[{nth}]"))).collect();
            parts.join(" + ")
        }
    }
}
