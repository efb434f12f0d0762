//! Reading of the recorded cases, and binding of their arguments.

use std::fs;
use std::path::Path;

use gradlint::ops::bind::bind_overloaded;
use gradlint::ops::inplace::requested;
use gradlint::ops::kit::metas;
use gradlint::ops::row::Default as Preset;
use gradlint::ops::*;
use serde_json::Value;

use super::eval::run;

/// A tensor of a case.
#[derive(Clone)]
pub struct Input {
    pub array: Array,
    pub grad: bool,
}

/// A result's type, sizes, strides and numbers.
pub type Output = (Dtype, Vec<usize>, Vec<usize>, Vec<f64>);

/// A call with what PyTorch made of it.
pub struct Case {
    pub evidence: Option<String>,
    pub row: String,
    pub call: String,
    pub args: Vec<Value>,
    pub kwargs: Vec<(String, Value)>,
    pub outputs: Vec<Output>,
    pub requires_grad: Vec<bool>,
    pub node: Option<String>,
    pub same: bool,
    pub grads: Option<Vec<Option<Vec<f64>>>>,
    pub backward_error: Option<(String, String)>,
}

/// A call that PyTorch refuses.
pub struct Refused {
    pub name: String,
    pub form: String,
    pub call: String,
    pub args: Vec<Value>,
    pub kwargs: Vec<(String, Value)>,
    pub error: (String, String),
}

pub struct Recorded {
    pub cases: Vec<Case>,
    pub refused: Vec<Refused>,
}

pub fn folder() -> std::path::PathBuf {
    Path::new(file!())
        .parent()
        .filter(|path| path.is_dir())
        .map_or_else(
            || Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ops"),
            Path::to_path_buf,
        )
}

pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

pub fn list(value: &Value) -> Vec<Value> {
    value.as_array().cloned().unwrap_or_default()
}

pub fn sizes(value: &Value) -> Vec<usize> {
    list(value)
        .iter()
        .map(|size| size.as_u64().unwrap_or(0) as usize)
        .collect()
}

pub fn numbers(value: &Value) -> Vec<f64> {
    list(value)
        .iter()
        .map(|number| scalar(number).map_or(f64::NAN, Scalar::as_f64))
        .collect()
}

pub fn pairs(value: &Value) -> Vec<(String, Value)> {
    value
        .as_object()
        .map(|object| {
            object
                .iter()
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect()
        })
        .unwrap_or_default()
}

pub fn error(value: &Value) -> Option<(String, String)> {
    Some((text(value.get(0)?), text(value.get(1)?)))
}

pub fn dtype(name: &Value) -> Dtype {
    match name.as_str() {
        Some("bool") => Dtype::Bool,
        Some("i64") => Dtype::I64,
        Some("f64") => Dtype::F64,
        _ => Dtype::F32,
    }
}

pub fn recorded() -> Recorded {
    let file = fs::read_to_string(folder().join("recorded.json")).expect("recorded.json is there");
    let json: Value = serde_json::from_str(&file).expect("recorded.json is JSON");
    Recorded {
        cases: list(&json["cases"]).iter().map(read_case).collect(),
        refused: list(&json["refused"]).iter().map(read_refused).collect(),
    }
}

pub fn read_case(json: &Value) -> Case {
    Case {
        evidence: json["evidence"].as_str().map(str::to_owned),
        row: text(&json["row"]),
        call: text(&json["call"]),
        args: list(&json["args"]),
        kwargs: pairs(&json["kwargs"]),
        outputs: list(&json["outputs"])
            .iter()
            .map(|output| {
                (
                    dtype(&output["dtype"]),
                    sizes(&output["shape"]),
                    sizes(&output["strides"]),
                    numbers(&output["values"]),
                )
            })
            .collect(),
        requires_grad: list(&json["requires_grad"])
            .iter()
            .map(|flag| flag == &Value::Bool(true))
            .collect(),
        node: json["node"].as_str().map(str::to_owned),
        same: json["self"] == Value::Bool(true),
        grads: json.get("grads").map(|grads| {
            list(grads)
                .iter()
                .map(|grad| grad.is_array().then(|| numbers(grad)))
                .collect()
        }),
        backward_error: json.get("backward_error").and_then(error),
    }
}

pub fn read_refused(json: &Value) -> Refused {
    Refused {
        name: text(&json["name"]),
        form: text(&json["form"]),
        call: text(&json["call"]),
        args: list(&json["args"]),
        kwargs: pairs(&json["kwargs"]),
        error: error(&json["error"]).unwrap_or_default(),
    }
}

pub fn scalar(json: &Value) -> Option<Scalar> {
    match json {
        Value::Bool(value) => Some(Scalar::Bool(*value)),
        Value::Number(number) => Some(number.as_i64().map_or_else(
            || Scalar::Float(number.as_f64().unwrap_or(f64::NAN)),
            Scalar::Int,
        )),
        Value::Object(object) => match object.get("float")?.as_str()? {
            "inf" => Some(Scalar::Float(f64::INFINITY)),
            "-inf" => Some(Scalar::Float(f64::NEG_INFINITY)),
            _ => Some(Scalar::Float(f64::NAN)),
        },
        _ => None,
    }
}

pub fn raw(json: &Value, tensors: &mut Vec<Input>) -> Raw<usize> {
    if let Some(scalar) = scalar(json) {
        return Raw::Scalar(scalar);
    }
    match json {
        Value::String(text) => Raw::Str(text.as_str().into()),
        Value::Array(items) => Raw::List(items.iter().map(|item| raw(item, tensors)).collect()),
        Value::Object(object) => {
            if let Some(tensor) = object.get("tensor") {
                tensors.push(Input {
                    array: array(
                        dtype(&tensor["dtype"]),
                        &sizes(&tensor["shape"]),
                        &list(&tensor["values"]),
                    ),
                    grad: tensor["grad"] == Value::Bool(true),
                });
                return Raw::Tensor(tensors.len() - 1);
            }
            if let Some(place) = object.get("ref").and_then(Value::as_u64) {
                return Raw::Tensor(place as usize);
            }
            object
                .get("dtype")
                .map_or(Raw::Other("object"), |name| Raw::Dtype(dtype(name)))
        }
        _ => Raw::None,
    }
}

pub fn array(dtype: Dtype, shape: &[usize], values: &[Value]) -> Array {
    let values: Vec<Scalar> = values
        .iter()
        .map(|value| scalar(value).unwrap_or(Scalar::Float(f64::NAN)))
        .collect();
    gradlint::with_element!(dtype, T => Array::from_vec(shape, values.iter().map(|&value| <T as Element>::from_scalar(value)).collect::<Vec<T>>()))
}

/// The item between brackets that a value stands for.
pub fn index_item(json: &Value, tensors: &mut Vec<Input>) -> IndexItem<usize> {
    if let Some(bounds) = json.get("slice") {
        let bound = |place: usize| bounds.get(place).and_then(Value::as_i64);
        return IndexItem::Slice(bound(0), bound(1), bound(2));
    }
    if json.get("ellipsis").is_some() {
        return IndexItem::Ellipsis;
    }
    match raw(json, tensors) {
        Raw::Tensor(tensor) => IndexItem::Tensor(tensor),
        Raw::Scalar(Scalar::Int(value)) => IndexItem::Int(value),
        Raw::Scalar(Scalar::Bool(value)) => IndexItem::Bool(value),
        _ => IndexItem::None,
    }
}

/// A call after binding: the row, its arguments by the number of each tensor, and the tensors.
pub struct Call {
    pub row: &'static OpRow,
    pub args: Vec<Arg<usize>>,
    pub tensors: Vec<Input>,
    pub in_place: bool,
}

impl Call {
    pub fn bind(
        name: &str,
        form: Form,
        args: &[Value],
        kwargs: &[(String, Value)],
    ) -> Result<Call, OpError> {
        let op =
            table::by_name(name).ok_or_else(|| OpError::Unsupported(format!("no row {name}")))?;
        let mut tensors = Vec::new();
        let row = table::row(op);
        let (op, args) = if row
            .params
            .iter()
            .any(|param| param.kind == ParamKind::Index)
        {
            (op, bind_index(row, args, &mut tensors))
        } else {
            let positional: Vec<Raw<usize>> =
                args.iter().map(|arg| raw(arg, &mut tensors)).collect();
            let keyword: Vec<(&str, Raw<usize>)> = kwargs
                .iter()
                .map(|(name, arg)| (name.as_str(), raw(arg, &mut tensors)))
                .collect();
            bind_overloaded(op, &positional, &keyword, form)?
        };
        let row = table::row(op);
        let in_place =
            form == Form::InPlace || matches!(row.in_place, InPlace::Only) || requested(row, &args);
        Ok(Call {
            row,
            args,
            tensors,
            in_place,
        })
    }
    pub fn of(case: &Case) -> Result<Call, String> {
        let form = match case.call.strip_prefix("torch.Tensor.") {
            Some(method) if method.ends_with('_') => Form::InPlace,
            Some(_) => Form::Method,
            None => Form::Function,
        };
        let call = Call::bind(&case.row, form, &case.args, &case.kwargs)
            .map_err(|error| format!("{error:?}"))?;
        if call.row.name == case.row {
            Ok(call)
        } else {
            Err(format!("bound to the row {}", call.row.name))
        }
    }
    pub fn arrays(&self) -> Vec<Arg<Array>> {
        self.args
            .iter()
            .map(|arg| arg.map(&mut |&tensor: &usize| self.tensors[tensor].array.clone()))
            .collect()
    }
    /// Tensors that require grad, at each position.
    pub fn needs(&self, required: &[usize]) -> Vec<bool> {
        self.args
            .iter()
            .map(|arg| {
                tensors_of(arg)
                    .iter()
                    .any(|tensor| required.contains(tensor))
            })
            .collect()
    }
    pub fn differentiable(&self) -> Vec<usize> {
        (0..self.tensors.len())
            .filter(|&tensor| self.tensors[tensor].grad)
            .collect()
    }
    pub fn saves(&self) -> Vec<Save> {
        match (self.in_place, self.row.in_place) {
            (
                true,
                InPlace::Yes {
                    saves: Some(saves), ..
                },
            ) => saves.to_vec(),
            (true, InPlace::Yes { saves: None, .. }) => self
                .row
                .saves
                .iter()
                .map(|&save| {
                    if save.what == Saved::Input(0) {
                        Save {
                            what: Saved::Hidden,
                            ..save
                        }
                    } else {
                        save
                    }
                })
                .collect(),
            _ => self.row.saves.to_vec(),
        }
    }
    pub fn active(&self, required: &[usize]) -> Vec<Saved> {
        let needs = self.needs(required);
        let holds = |save: &Save| match save.when {
            When::Always => true,
            When::Needs(positions) => positions
                .iter()
                .any(|&position| needs.get(position) == Some(&true)),
        };
        self.saves()
            .iter()
            .filter(|save| holds(save))
            .map(|save| save.what)
            .collect()
    }
    pub fn is_self(&self) -> bool {
        matches!(self.row.result, ResultKind::SelfIf(same) if same(&metas(&self.arrays())))
    }
    pub fn run(&self) -> Result<Vec<Array>, OpError> {
        let args = self.arrays();
        let results = run(self.row, &args, &mut Rng::new(1))?;
        if !self.in_place {
            return Ok(results);
        }
        let Some(Arg::Tensor(target)) = args.first() else {
            return Ok(results);
        };
        Ok(results
            .into_iter()
            .map(|result| result.cast(target.dtype()))
            .collect())
    }
}

pub fn bind_index(row: &OpRow, args: &[Value], tensors: &mut Vec<Input>) -> Vec<Arg<usize>> {
    let bind = |(place, param): (usize, &Param)| match (args.get(place), param.kind) {
        (Some(Value::Array(items)), ParamKind::Index) => {
            Arg::Index(items.iter().map(|item| index_item(item, tensors)).collect())
        }
        (Some(item), ParamKind::Index) => Arg::Index(vec![index_item(item, tensors)]),
        (Some(value), _) => match raw(value, tensors) {
            Raw::Tensor(tensor) => Arg::Tensor(tensor),
            Raw::Scalar(scalar) => Arg::Scalar(scalar),
            Raw::List(items) => Arg::Ints(items.iter().filter_map(whole).collect()),
            _ => Arg::None,
        },
        (None, _) => preset(param),
    };
    row.params.iter().enumerate().map(bind).collect()
}

/// The integer that a value is.
fn whole(value: &Raw<usize>) -> Option<i64> {
    if let Raw::Scalar(Scalar::Int(value)) = value {
        Some(*value)
    } else {
        None
    }
}

pub fn preset<T>(param: &Param) -> Arg<T> {
    param.default.map_or(Arg::None, Preset::arg)
}

pub fn tensors_of(arg: &Arg<usize>) -> Vec<usize> {
    match arg {
        Arg::Tensor(tensor) => vec![*tensor],
        Arg::Tensors(tensors) => tensors.clone(),
        Arg::Index(items) => items
            .iter()
            .filter_map(|item| {
                if let IndexItem::Tensor(tensor) = item {
                    Some(*tensor)
                } else {
                    None
                }
            })
            .collect(),
        _ => Vec::new(),
    }
}
