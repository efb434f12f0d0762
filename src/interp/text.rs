//! What values look like when they are printed: `str`, `repr`, format specs, and tensors as PyTorch shows them.

use std::rc::Rc;

use super::scalars::MAX_NESTING;
use super::value::{Args, Exc, Tensor, Value};
use super::{Machine, Res};
use crate::ir::Builtin;
use crate::ops::{Dtype, Exception, Scalar};
use crate::source::Span;

impl Machine<'_> {
    /// `str(value)`
    pub(super) fn display_text(&mut self, value: &Value, span: Span) -> Res<String> {
        match value {
            Value::Str(text) => Ok(text.to_string()),
            Value::Exception(exc) => match self.class_member(value, "__str__") {
                Some(function) => self.text_by(&function, value, span),
                None => Ok(self.exception_text(exc)),
            },
            Value::Instance(_) => match self.class_member(value, "__str__") {
                Some(function) => self.text_by(&function, value, span),
                None => self.repr(value, span),
            },
            _ => self.repr(value, span),
        }
    }

    fn text_by(&mut self, function: &Value, value: &Value, span: Span) -> Res<String> {
        match self.call(function, Args::of([value.clone()]), span)? {
            Value::Str(text) => Ok(text.to_string()),
            other => {
                let name = self.type_name(&other);
                self.type_error(format!("__str__ returned non-string (type {name})"), span)
            }
        }
    }

    /// `str(exception)`
    pub(super) fn exception_text(&self, exc: &Rc<Exc>) -> String {
        match exc.args.as_slice() {
            [] => String::new(),
            [Value::Str(text)] if exc.kind == Exception::KeyError => str_repr(text),
            [Value::Str(text)] => text.to_string(),
            [value] => plain_repr(value).unwrap_or_default(),
            values => {
                let parts: Vec<String> = values
                    .iter()
                    .map(|value| plain_repr(value).unwrap_or_default())
                    .collect();
                format!("({})", parts.join(", "))
            }
        }
    }

    /// `repr(value)`
    pub(super) fn repr(&mut self, value: &Value, span: Span) -> Res<String> {
        self.repr_at(value, 0, span)
    }

    fn repr_at(&mut self, value: &Value, depth: usize, span: Span) -> Res<String> {
        if depth > MAX_NESTING {
            return self.unsupported("values nested this deep", span);
        }
        if let Some(text) = plain_repr(value) {
            return Ok(text);
        }
        match value {
            Value::Tuple(values, size) => {
                let parts = self.parts(values, depth, span)?;
                Ok(match (size, parts.as_slice()) {
                    (true, parts) => format!("torch.Size([{}])", parts.join(", ")),
                    (false, [one]) => format!("({one},)"),
                    (false, parts) => format!("({})", parts.join(", ")),
                })
            }
            Value::List(items) => {
                let items = items.borrow().clone();
                Ok(format!("[{}]", self.parts(&items, depth, span)?.join(", ")))
            }
            Value::Dict(dict) => {
                let entries = dict.borrow().entries.clone();
                let mut parts = Vec::with_capacity(entries.len());
                for (key, value) in &entries {
                    let key = self.repr_at(key, depth + 1, span)?;
                    parts.push(format!("{key}: {}", self.repr_at(value, depth + 1, span)?));
                }
                Ok(format!("{{{}}}", parts.join(", ")))
            }
            Value::Set(set) => {
                let keys: Vec<Value> = set
                    .borrow()
                    .entries
                    .iter()
                    .map(|(key, _)| key.clone())
                    .collect();
                if keys.is_empty() {
                    Ok("set()".into())
                } else {
                    Ok(format!(
                        "{{{}}}",
                        self.parts(&keys, depth, span)?.join(", ")
                    ))
                }
            }
            Value::Tensor(tensor) => self.tensor_text(tensor, span),
            Value::Exception(exc) => {
                let name = self.type_name(value);
                let args = exc.args.clone();
                Ok(format!(
                    "{name}({})",
                    self.parts(&args, depth, span)?.join(", ")
                ))
            }
            Value::Instance(_) => match self.class_member(value, "__repr__") {
                Some(function) => self.text_by(&function, value, span),
                None => self.unsupported("the text of an object, which is its address", span),
            },
            Value::Class(class) => Ok(format!("<class '__main__.{}'>", class.name)),
            Value::Builtin(Builtin::Exception(kind)) => Ok(format!("<class '{}'>", kind.name())),
            _ => {
                let name = self.type_name(value);
                self.unsupported(format!("the text of a value of type {name}"), span)
            }
        }
    }

    fn parts(&mut self, values: &[Value], depth: usize, span: Span) -> Res<Vec<String>> {
        values
            .iter()
            .map(|value| self.repr_at(value, depth + 1, span))
            .collect()
    }

    /// `f"{value:spec}"`
    pub(super) fn format_value(&mut self, value: &Value, spec: &str, span: Span) -> Res<String> {
        if spec.is_empty() {
            // A tensor without dimensions shows its number.
            if let Value::Tensor(tensor) = value
                && tensor.meta().ndim() == 0
            {
                return self.display_text(
                    &super::tensor_attr::scalar_value(tensor.array().item()),
                    span,
                );
            }
            return self.display_text(value, span);
        }
        let value = match value {
            Value::Tensor(tensor) if tensor.meta().ndim() == 0 => {
                super::tensor_attr::scalar_value(tensor.array().item())
            }
            value => value.clone(),
        };
        match (&value, Spec::parse(spec)) {
            (Value::Str(_) | Value::Int(_) | Value::Float(_) | Value::Bool(_), Some(spec)) => {
                match spec.apply(&value) {
                    Some(text) => Ok(text),
                    None => self.unsupported(format!("the format `{}`", spec.text), span),
                }
            }
            (Value::Str(_) | Value::Int(_) | Value::Float(_) | Value::Bool(_), None) => {
                self.unsupported(format!("the format `{spec}`"), span)
            }
            _ => {
                let name = self.type_name(&value);
                self.type_error(
                    format!("unsupported format string passed to {name}.__format__"),
                    span,
                )
            }
        }
    }

    /// `text % values`
    pub(super) fn percent_format(&mut self, text: &str, values: &Value, span: Span) -> Res<Value> {
        let values: Vec<Value> = match values {
            Value::Tuple(values, _) => values.to_vec(),
            value => vec![value.clone()],
        };
        let mut values = values.into_iter();
        let mut out = String::new();
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            if c != '%' {
                out.push(c);
                continue;
            }
            if chars.peek() == Some(&'%') {
                chars.next();
                out.push('%');
                continue;
            }
            let mut spec = String::new();
            while let Some(c) = chars.next_if(|c| c.is_ascii_digit() || ".+- ".contains(*c)) {
                spec.push(c);
            }
            let Some(value) = values.next() else {
                return self.type_error("not enough arguments for format string", span);
            };
            let spec = spec
                .strip_prefix('-')
                .map_or_else(|| spec.clone(), |rest| format!("<{rest}"));
            let (value, spec) = match chars.next() {
                Some('s') => (
                    Value::str(self.display_text(&value, span)?),
                    if spec.is_empty() || spec.starts_with('<') {
                        spec
                    } else {
                        format!(">{spec}")
                    },
                ),
                Some('r') => (Value::str(self.repr(&value, span)?), spec),
                Some('d' | 'i') if value.number().is_some() => (
                    Value::Int(value.number().unwrap_or(0.0) as i64),
                    format!("{spec}d"),
                ),
                Some(kind @ ('f' | 'e' | 'g')) if value.number().is_some() => (
                    Value::Float(value.number().unwrap_or(0.0)),
                    format!("{spec}{kind}"),
                ),
                _ => return self.unsupported("this `%` format", span),
            };
            out.push_str(&self.format_value(&value, &spec, span)?);
        }
        if values.next().is_some() {
            return self.type_error("not all arguments converted during string formatting", span);
        }
        Ok(Value::str(out))
    }

    /// A tensor as PyTorch prints it.
    fn tensor_text(&mut self, tensor: &Tensor, span: Span) -> Res<String> {
        self.refresh_view(tensor, span)?;
        let array = tensor.array();
        let prefix = "tensor(";
        let meta = tensor.meta();
        let mut suffixes = Vec::new();
        let has_default = matches!(meta.dtype, Dtype::F32 | Dtype::I64 | Dtype::Bool);
        let body = if meta.numel() == 0 {
            if meta.ndim() != 1 {
                let sizes: Vec<String> = meta.shape.iter().map(ToString::to_string).collect();
                suffixes.push(format!(
                    "size=({}{})",
                    sizes.join(", "),
                    if sizes.len() == 1 { "," } else { "" }
                ));
            }
            if meta.dtype != Dtype::F32 {
                suffixes.push(format!("dtype={}", meta.dtype.torch_name()));
            }
            "[]".to_owned()
        } else {
            if !has_default {
                suffixes.push(format!("dtype={}", meta.dtype.torch_name()));
            }
            if meta.numel() > 1000 {
                return self.unsupported("the text of a tensor of more than 1000 elements", span);
            }
            let numbers = array.scalars();
            let formatter = Formatter::of(meta.dtype, &numbers);
            let texts: Vec<String> = numbers
                .iter()
                .map(|number| formatter.format(*number))
                .collect();
            nested_text(&texts, &meta.shape, prefix.len(), formatter.width)
        };
        let grad_fn = tensor.grad_fn.borrow().as_ref().map(|(node, _)| node.name);
        match grad_fn {
            Some(name) => {
                let name = name.trim_start_matches("torch::autograd::");
                suffixes.push(format!("grad_fn=<{name}>"));
            }
            None if tensor.requires_grad() => suffixes.push("requires_grad=True".into()),
            None => {}
        }
        let text = add_suffixes(
            &format!("{prefix}{body}"),
            &suffixes,
            prefix.len(),
            meta.numel() == 0,
        );
        Ok(if tensor.is_parameter.get() {
            format!("Parameter containing:\n{text}")
        } else {
            text
        })
    }
}

fn add_suffixes(text: &str, suffixes: &[String], indent: usize, _empty: bool) -> String {
    let mut out = text.to_owned();
    let mut last_line = text.len() - text.rfind('\n').map_or(0, |at| at + 1) + 1;
    for suffix in suffixes {
        if last_line + suffix.len() + 2 > 80 {
            out.push_str(&format!(",\n{}{suffix}", " ".repeat(indent)));
            last_line = indent + suffix.len();
        } else {
            out.push_str(&format!(", {suffix}"));
            last_line += suffix.len() + 2;
        }
    }
    out.push(')');
    out
}

fn nested_text(texts: &[String], shape: &[usize], indent: usize, width: usize) -> String {
    match shape {
        [] => texts[0].clone(),
        [_] => {
            let per_line = ((80 - indent.min(79)) / (width + 2)).max(1);
            let lines: Vec<String> = texts.chunks(per_line).map(|line| line.join(", ")).collect();
            format!(
                "[{}]",
                lines.join(&format!(",\n{}", " ".repeat(indent + 1)))
            )
        }
        [size, rest @ ..] => {
            let each = texts.len() / (*size).max(1);
            let parts: Vec<String> = texts
                .chunks(each.max(1))
                .map(|part| nested_text(part, rest, indent + 1, width))
                .collect();
            format!(
                "[{}]",
                parts.join(&format!(
                    ",{}{}",
                    "\n".repeat(shape.len() - 1),
                    " ".repeat(indent + 1)
                ))
            )
        }
    }
}

/// PyTorch's `_Formatter`.
struct Formatter {
    floating: bool,
    whole: bool,
    scientific: bool,
    width: usize,
}

impl Formatter {
    fn of(dtype: Dtype, numbers: &[Scalar]) -> Formatter {
        let mut formatter = Formatter {
            floating: dtype.is_floating(),
            whole: true,
            scientific: false,
            width: 1,
        };
        if !formatter.floating {
            formatter.width = numbers
                .iter()
                .map(|number| plain_number(*number).len())
                .max()
                .unwrap_or(1);
            return formatter;
        }
        let values: Vec<f64> = numbers
            .iter()
            .map(|number| number.as_f64())
            .filter(|value| value.is_finite() && *value != 0.0)
            .collect();
        if values.is_empty() {
            return formatter;
        }
        let (mut low, mut high) = (f64::INFINITY, 0.0f64);
        for value in &values {
            low = low.min(value.abs());
            high = high.max(value.abs());
            formatter.whole &= value.fract() == 0.0;
        }
        formatter.scientific =
            high / low > 1000.0 || high > 1e8 || (!formatter.whole && low < 1e-4);
        formatter.width = values
            .iter()
            .map(|value| formatter.raw(*value).len())
            .max()
            .unwrap_or(1);
        formatter
    }

    fn raw(&self, value: f64) -> String {
        if value.is_nan() {
            return "nan".into();
        }
        if value.is_infinite() {
            return if value < 0.0 { "-inf" } else { "inf" }.into();
        }
        if self.scientific {
            return exponent_text(value, 4);
        }
        if self.whole {
            format!("{value:.0}.")
        } else {
            format!("{value:.4}")
        }
    }

    fn format(&self, number: Scalar) -> String {
        let text = if self.floating {
            self.raw(number.as_f64())
        } else {
            plain_number(number)
        };
        format!("{text:>width$}", width = self.width)
    }
}

fn plain_number(number: Scalar) -> String {
    match number {
        Scalar::Bool(value) => if value { "True" } else { "False" }.into(),
        Scalar::Int(value) => value.to_string(),
        Scalar::Float(value) => float_repr(value),
    }
}

/// `1.2346e-05`
fn exponent_text(value: f64, digits: usize) -> String {
    let text = format!("{value:.digits$e}");
    match text.split_once('e') {
        Some((mantissa, exponent)) => {
            let (sign, exponent) = exponent
                .strip_prefix('-')
                .map_or(('+', exponent), |exponent| ('-', exponent));
            format!("{mantissa}e{sign}{exponent:0>2}")
        }
        None => text,
    }
}

/// The text of a value that needs no machine.
fn plain_repr(value: &Value) -> Option<String> {
    Some(match value {
        Value::None => "None".into(),
        Value::Bool(value) => if *value { "True" } else { "False" }.into(),
        Value::Int(value) => value.to_string(),
        Value::Float(value) => float_repr(*value),
        Value::Str(text) => str_repr(text),
        Value::Ellipsis => "Ellipsis".into(),
        Value::Dtype(dtype) => dtype.torch_name().into(),
        Value::Device => "cpu".into(),
        Value::Range(start, stop, 1) => format!("range({start}, {stop})"),
        Value::Range(start, stop, step) => format!("range({start}, {stop}, {step})"),
        Value::Builtin(Builtin::Intrinsic(crate::ir::Intrinsic::Tensor)) => {
            "<class 'torch.Tensor'>".into()
        }
        Value::Builtin(Builtin::Intrinsic(crate::ir::Intrinsic::Parameter)) => {
            "<class 'torch.nn.parameter.Parameter'>".into()
        }
        // An address that is the same in every run: the node's number.
        Value::GradFn(node) => format!(
            "<{} object at {:#x}>",
            node.name.rsplit("::").next().unwrap_or(node.name),
            0x7f00_0000_0000u64 + 16 * node.sequence
        ),
        Value::Accumulate(tensor) => format!(
            "<AccumulateGrad object at {:#x}>",
            0x7e00_0000_0000u64 + 16 * tensor.id
        ),
        Value::Builtin(Builtin::Intrinsic(intrinsic))
            if intrinsic.name().chars().all(char::is_lowercase) =>
        {
            format!("<class '{}'>", intrinsic.name())
        }
        _ => return None,
    })
}

/// `repr` of a string.
fn str_repr(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') {
        '"'
    } else {
        '\''
    };
    let mut out = String::new();
    out.push(quote);
    for c in text.chars() {
        match c {
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            '\\' => out.push_str("\\\\"),
            c if c == quote => {
                out.push('\\');
                out.push(c);
            }
            c => out.push(c),
        }
    }
    out.push(quote);
    out
}

/// `repr` of a float: the shortest digits that give it back.
pub(super) fn float_repr(value: f64) -> String {
    if value.is_nan() {
        return "nan".into();
    }
    if value.is_infinite() {
        return if value < 0.0 { "-inf" } else { "inf" }.into();
    }
    let short = format!("{value:e}");
    let (mantissa, exponent) = short.split_once('e').unwrap_or((&short, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if value != 0.0 && !(-4..16).contains(&exponent) {
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{mantissa}e{sign}{:02}", exponent.abs());
    }
    let text = format!("{value}");
    if text.contains('.') {
        text
    } else {
        format!("{text}.0")
    }
}

/// A format specification.
struct Spec {
    text: String,
    fill: char,
    align: Option<char>,
    sign: char,
    zero: bool,
    width: usize,
    comma: Option<char>,
    precision: Option<usize>,
    kind: Option<char>,
}

impl Spec {
    fn parse(text: &str) -> Option<Spec> {
        let chars: Vec<char> = text.chars().collect();
        let mut spec = Spec {
            text: text.into(),
            fill: ' ',
            align: None,
            sign: '-',
            zero: false,
            width: 0,
            comma: None,
            precision: None,
            kind: None,
        };
        let mut at = 0;
        if chars.len() > 1 && "<>^=".contains(chars[1]) {
            (spec.fill, spec.align, at) = (chars[0], Some(chars[1]), 2);
        } else if chars.first().is_some_and(|&c| "<>^=".contains(c)) {
            (spec.align, at) = (Some(chars[0]), 1);
        }
        if let Some(&sign) = chars.get(at).filter(|&&c| "+- ".contains(c)) {
            (spec.sign, at) = (sign, at + 1);
        }
        if chars.get(at) == Some(&'0') {
            (spec.zero, at) = (true, at + 1);
        }
        let number = |at: &mut usize| {
            let from = *at;
            while chars.get(*at).is_some_and(char::is_ascii_digit) {
                *at += 1;
            }
            chars[from..*at]
                .iter()
                .collect::<String>()
                .parse::<usize>()
                .ok()
        };
        spec.width = number(&mut at).unwrap_or(0);
        if let Some(&comma) = chars.get(at).filter(|&&c| ",_".contains(c)) {
            (spec.comma, at) = (Some(comma), at + 1);
        }
        if chars.get(at) == Some(&'.') {
            at += 1;
            spec.precision = Some(number(&mut at)?);
        }
        if let Some(&kind) = chars.get(at) {
            (spec.kind, at) = (Some(kind), at + 1);
        }
        (at == chars.len() && spec.width < 100_000 && spec.precision.unwrap_or(0) < 1_000)
            .then_some(spec)
    }

    fn apply(&self, value: &Value) -> Option<String> {
        let (digits, right) = match (value, self.kind) {
            (Value::Str(text), None | Some('s')) => {
                let text: String = text
                    .chars()
                    .take(self.precision.unwrap_or(usize::MAX))
                    .collect();
                (text, false)
            }
            (Value::Int(_) | Value::Bool(_), None | Some('d')) if self.precision.is_none() => {
                let text = match (value, self.kind) {
                    (Value::Bool(value), None) => if *value { "True" } else { "False" }.to_owned(),
                    _ => value.as_int()?.to_string(),
                };
                (text, true)
            }
            (_, Some('x')) => (format!("{:x}", value.as_int()?), true),
            (_, Some('b')) => (format!("{:b}", value.as_int()?), true),
            (Value::Str(_), _) => return None,
            _ => (self.float(value.number()?)?, true),
        };
        let (minus, digits) = match digits.strip_prefix('-') {
            Some(digits) if right => ("-", digits.to_owned()),
            _ => (
                if right && self.sign == '+' {
                    "+"
                } else if right && self.sign == ' ' {
                    " "
                } else {
                    ""
                },
                digits,
            ),
        };
        let digits = match self.comma {
            Some(comma) if right => grouped(&digits, comma),
            _ => digits,
        };
        let missing = self
            .width
            .saturating_sub(minus.len() + digits.chars().count());
        let fill = |n: usize| self.fill.to_string().repeat(n);
        Some(match self.align {
            None if self.zero && right => format!("{minus}{}{digits}", "0".repeat(missing)),
            Some('=') => format!("{minus}{}{digits}", fill(missing)),
            Some('<') => format!("{minus}{digits}{}", fill(missing)),
            Some('^') => format!(
                "{}{minus}{digits}{}",
                fill(missing / 2),
                fill(missing - missing / 2)
            ),
            None if !right => format!("{digits}{}", fill(missing)),
            _ => format!("{}{minus}{digits}", fill(missing)),
        })
    }

    fn float(&self, value: f64) -> Option<String> {
        if !value.is_finite() {
            return Some(float_repr(value));
        }
        Some(match self.kind {
            Some('f' | 'F') => format!("{value:.*}", self.precision.unwrap_or(6)),
            Some('e') => exponent_text(value, self.precision.unwrap_or(6)),
            Some('%') => format!("{:.*}%", self.precision.unwrap_or(6), value * 100.0),
            Some('g') => general(value, self.precision.unwrap_or(6)),
            None if self.precision.is_none() => float_repr(value),
            None => {
                let text = general(value, self.precision.unwrap_or(6));
                if text.contains(['.', 'e']) {
                    text
                } else {
                    format!("{text}.0")
                }
            }
            _ => return None,
        })
    }
}

/// `%g`
fn general(value: f64, precision: usize) -> String {
    let precision = precision.max(1);
    if value == 0.0 {
        return if value.is_sign_negative() { "-0" } else { "0" }.into();
    }
    let scientific = exponent_text(value, precision - 1);
    let exponent: i32 = scientific
        .split_once('e')
        .and_then(|(_, exponent)| exponent.parse().ok())
        .unwrap_or(0);
    let trim = |text: &str| {
        if text.contains('.') {
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        } else {
            text.to_owned()
        }
    };
    if exponent < -4 || exponent >= precision as i32 {
        let (mantissa, rest) = scientific.split_once('e').unwrap_or((&scientific, "+00"));
        return format!("{}e{rest}", trim(mantissa));
    }
    trim(&format!(
        "{value:.*}",
        usize::try_from(precision as i32 - 1 - exponent).unwrap_or(0)
    ))
}

fn grouped(digits: &str, comma: char) -> String {
    let (whole, rest) = digits
        .find(['.', 'e'])
        .map_or((digits, ""), |at| digits.split_at(at));
    let mut out = String::new();
    for (nth, c) in whole.chars().enumerate() {
        if nth > 0 && (whole.len() - nth) % 3 == 0 {
            out.push(comma);
        }
        out.push(c);
    }
    out + rest
}
