//! Reading of the recorded cases, and a small evaluator of first-order gradients that is not the interpreter.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::rc::Rc;

use gradlint::ops::bind::bind_overloaded;
use gradlint::ops::inplace::{check_in_place, check_overlap, requested};
use gradlint::ops::kernel::metas;
use gradlint::ops::row::Default as Preset;
use gradlint::ops::*;
use serde_json::Value;
use smallvec::SmallVec;

/// A tensor of a case.
#[derive(Clone)]
pub struct Input {
    pub array: Array,
    pub grad: bool,
}

/// A call with what PyTorch made of it.
pub struct Case {
    pub evidence: Option<String>,
    pub row: String,
    pub call: String,
    args: Vec<Value>,
    kwargs: Vec<(String, Value)>,
    outputs: Vec<(Dtype, Vec<usize>, Vec<usize>, Vec<f64>)>,
    requires_grad: Vec<bool>,
    node: Option<String>,
    same: bool,
    grads: Option<Vec<Option<Vec<f64>>>>,
    backward_error: Option<(String, String)>,
}

/// A call that PyTorch refuses.
pub struct Refused {
    name: String,
    form: String,
    call: String,
    args: Vec<Value>,
    kwargs: Vec<(String, Value)>,
    error: (String, String),
}

pub struct Recorded {
    pub cases: Vec<Case>,
    pub refused: Vec<Refused>,
}

fn folder() -> std::path::PathBuf {
    Path::new(file!())
        .parent()
        .filter(|path| path.is_dir())
        .map_or_else(
            || Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ops"),
            Path::to_path_buf,
        )
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn list(value: &Value) -> Vec<Value> {
    value.as_array().cloned().unwrap_or_default()
}

fn sizes(value: &Value) -> Vec<usize> {
    list(value)
        .iter()
        .map(|size| size.as_u64().unwrap_or(0) as usize)
        .collect()
}

fn numbers(value: &Value) -> Vec<f64> {
    list(value)
        .iter()
        .map(|number| scalar(number).map_or(f64::NAN, Scalar::as_f64))
        .collect()
}

fn pairs(value: &Value) -> Vec<(String, Value)> {
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

fn error(value: &Value) -> Option<(String, String)> {
    Some((text(value.get(0)?), text(value.get(1)?)))
}

fn dtype(name: &Value) -> Dtype {
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

fn read_case(json: &Value) -> Case {
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

fn read_refused(json: &Value) -> Refused {
    Refused {
        name: text(&json["name"]),
        form: text(&json["form"]),
        call: text(&json["call"]),
        args: list(&json["args"]),
        kwargs: pairs(&json["kwargs"]),
        error: error(&json["error"]).unwrap_or_default(),
    }
}

fn scalar(json: &Value) -> Option<Scalar> {
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

fn raw(json: &Value, tensors: &mut Vec<Input>) -> Raw<usize> {
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

fn array(dtype: Dtype, shape: &[usize], values: &[Value]) -> Array {
    let values: Vec<Scalar> = values
        .iter()
        .map(|value| scalar(value).unwrap_or(Scalar::Float(f64::NAN)))
        .collect();
    gradlint::with_element!(dtype, T => Array::from_vec(shape, values.iter().map(|&value| <T as Element>::from_scalar(value)).collect::<Vec<T>>()))
}

/// The item between brackets that a value stands for.
fn index_item(json: &Value, tensors: &mut Vec<Input>) -> IndexItem<usize> {
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
struct Call {
    row: &'static OpRow,
    args: Vec<Arg<usize>>,
    tensors: Vec<Input>,
    in_place: bool,
}

impl Call {
    fn bind(
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
    fn of(case: &Case) -> Result<Call, String> {
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
    fn arrays(&self) -> Vec<Arg<Array>> {
        self.args
            .iter()
            .map(|arg| {
                map_arg(arg, &mut |&tensor: &usize| {
                    self.tensors[tensor].array.clone()
                })
            })
            .collect()
    }
    /// Tensors that require grad, at each position.
    fn needs(&self, required: &[usize]) -> Vec<bool> {
        self.args
            .iter()
            .map(|arg| {
                tensors_of(arg)
                    .iter()
                    .any(|tensor| required.contains(tensor))
            })
            .collect()
    }
    fn differentiable(&self) -> Vec<usize> {
        (0..self.tensors.len())
            .filter(|&tensor| self.tensors[tensor].grad)
            .collect()
    }
    fn saves(&self) -> Vec<Save> {
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
    fn active(&self, required: &[usize]) -> Vec<Saved> {
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
    fn is_self(&self) -> bool {
        matches!(self.row.result, ResultKind::SelfIf(same) if same(&metas(&self.arrays())))
    }
    fn run(&self) -> Result<Vec<Array>, OpError> {
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

fn bind_index(row: &OpRow, args: &[Value], tensors: &mut Vec<Input>) -> Vec<Arg<usize>> {
    let bind = |(place, param): (usize, &Param)| match (args.get(place), param.kind) {
        (Some(Value::Array(items)), ParamKind::Index) => {
            Arg::Index(items.iter().map(|item| index_item(item, tensors)).collect())
        }
        (Some(item), ParamKind::Index) => Arg::Index(vec![index_item(item, tensors)]),
        (Some(value), _) => match raw(value, tensors) {
            Raw::Tensor(tensor) => Arg::Tensor(tensor),
            Raw::Scalar(scalar) => Arg::Scalar(scalar),
            _ => Arg::None,
        },
        (None, _) => preset(param),
    };
    row.params.iter().enumerate().map(bind).collect()
}

fn preset<T>(param: &Param) -> Arg<T> {
    match param.default {
        Some(Preset::Scalar(scalar)) => Arg::Scalar(scalar),
        Some(Preset::Str(text)) => Arg::Str(text.into()),
        Some(Preset::Ints(ints)) => Arg::Ints(ints.into()),
        Some(Preset::None) | None => Arg::None,
    }
}

fn tensors_of(arg: &Arg<usize>) -> Vec<usize> {
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

fn map_arg<T, U>(arg: &Arg<T>, f: &mut dyn FnMut(&T) -> U) -> Arg<U> {
    match arg {
        Arg::None => Arg::None,
        Arg::Tensor(tensor) => Arg::Tensor(f(tensor)),
        Arg::Tensors(tensors) => Arg::Tensors(tensors.iter().map(f).collect()),
        Arg::Scalar(scalar) => Arg::Scalar(*scalar),
        Arg::Ints(ints) => Arg::Ints(ints.clone()),
        Arg::Str(text) => Arg::Str(Rc::clone(text)),
        Arg::Dtype(dtype) => Arg::Dtype(*dtype),
        Arg::Data(data, shape, dtype) => Arg::Data(Rc::clone(data), shape.clone(), *dtype),
        Arg::Unknown => Arg::Unknown,
        Arg::Index(items) => Arg::Index(items.iter().map(|item| map_item(item, f)).collect()),
    }
}

fn map_item<T, U>(item: &IndexItem<T>, f: &mut dyn FnMut(&T) -> U) -> IndexItem<U> {
    match item {
        IndexItem::None => IndexItem::None,
        IndexItem::Ellipsis => IndexItem::Ellipsis,
        IndexItem::Int(value) => IndexItem::Int(*value),
        IndexItem::Bool(value) => IndexItem::Bool(*value),
        IndexItem::Slice(start, stop, step) => IndexItem::Slice(*start, *stop, *step),
        IndexItem::Tensor(tensor) => IndexItem::Tensor(f(tensor)),
        IndexItem::Unknown => IndexItem::Unknown,
    }
}

fn metas_of(args: &[Arg<Array>]) -> Vec<Arg<Meta>> {
    args.iter()
        .map(|arg| map_arg(arg, &mut |array: &Array| array.meta.clone()))
        .collect()
}

/// Runs an operator, and checks that its kernel gives what `infer` said.
fn run(row: &OpRow, args: &[Arg<Array>], rng: &mut Rng) -> Result<Vec<Array>, OpError> {
    let metas = metas_of(args);
    let inferred = match (row.infer)(&metas) {
        // The shape is in the numbers: whatever the kernel gives.
        Err(OpError::Unsupported(why)) if why == gradlint::ops::kit::SHAPE_FROM_VALUES => {
            match row.forward {
                Some(forward) => return forward(args, rng),
                None => return Err(OpError::Unsupported(why)),
            }
        }
        inferred => inferred?,
    };
    let first = || {
        if let Some(Arg::Tensor(array)) = args.first() {
            Ok(array.clone())
        } else {
            Err(OpError::Unsupported("a view of no tensor".into()))
        }
    };
    match row.result {
        ResultKind::View | ResultKind::MultiView => inferred
            .into_iter()
            .map(|meta| Ok(first()?.with_meta(meta)))
            .collect(),
        ResultKind::SelfIf(same) if same(&metas) => Ok(vec![first()?]),
        _ => {
            let forward = row
                .forward
                .ok_or_else(|| OpError::Unsupported(format!("{} has no kernel", row.name)))?;
            let results = forward(args, rng)?;
            let fits = results.len() == inferred.len()
                && results.iter().zip(&inferred).all(|(result, meta)| {
                    result.meta.shape == meta.shape && result.dtype() == meta.dtype
                });
            if fits {
                Ok(results)
            } else {
                Err(OpError::Unsupported(format!(
                    "{}: infer says {inferred:?}, forward gives others",
                    row.name
                )))
            }
        }
    }
}

/// Runs one formula.
struct Eval<'a> {
    call: &'a Call,
    metas: Vec<Arg<Meta>>,
    args: Vec<Arg<Array>>,
    outputs: Vec<Array>,
    grads: Vec<Option<Array>>,
    needs: Vec<bool>,
    saved: Vec<Saved>,
    values: Vec<Array>,
}

impl Eval<'_> {
    fn push(&mut self, array: Array) -> Var {
        self.values.push(array);
        gradlint::index::Idx::new(self.values.len() - 1)
    }
    fn at(&self, var: Var) -> &Array {
        &self.values[gradlint::index::Idx::index(var)]
    }
    fn may(&self, what: Saved) -> Result<(), OpError> {
        let kept = self.saved.contains(&what) || self.saved.contains(&Saved::Hidden);
        if kept {
            Ok(())
        } else {
            Err(OpError::Unsupported(format!("{what:?} is not saved")))
        }
    }
}

impl Backward for Eval<'_> {
    fn grad(&mut self, output: usize) -> Option<Var> {
        let grad = self.grads.get(output)?.clone()?;
        Some(self.push(grad))
    }
    fn output_meta(&self, output: usize) -> Meta {
        self.outputs[output].meta.clone()
    }
    fn outputs(&self) -> usize {
        self.outputs.len()
    }
    fn input(&mut self, position: usize) -> Result<Var, OpError> {
        self.may(Saved::Input(position))?;
        let Some(Arg::Tensor(array)) = self.args.get(position).cloned() else {
            return Err(OpError::Unsupported(format!(
                "argument {position} is no tensor"
            )));
        };
        Ok(self.push(array))
    }
    fn inputs(&mut self, position: usize) -> Result<Vec<Var>, OpError> {
        self.may(Saved::Input(position))?;
        let arrays: Vec<Array> = match self.args.get(position) {
            Some(Arg::Tensors(arrays)) => arrays.clone(),
            Some(Arg::Index(items)) => items
                .iter()
                .filter_map(|item| {
                    if let IndexItem::Tensor(array) = item {
                        Some(array.clone())
                    } else {
                        None
                    }
                })
                .collect(),
            _ => {
                return Err(OpError::Unsupported(format!(
                    "argument {position} is no list of tensors"
                )));
            }
        };
        Ok(arrays.into_iter().map(|array| self.push(array)).collect())
    }
    fn output(&mut self, output: usize) -> Result<Var, OpError> {
        self.may(Saved::Output(output))?;
        let array = self.outputs[output].clone();
        Ok(self.push(array))
    }
    fn args(&self) -> &[Arg<Meta>] {
        &self.metas
    }
    fn needs(&self, position: usize) -> bool {
        self.needs.get(position) == Some(&true)
    }
    fn meta(&self, var: Var) -> Meta {
        self.at(var).meta.clone()
    }
    fn call(
        &mut self,
        op: &'static str,
        args: Vec<Arg<Var>>,
    ) -> Result<SmallVec<[Var; 2]>, OpError> {
        let row = table::row(
            table::by_name(op).ok_or_else(|| OpError::Unsupported(format!("no row {op}")))?,
        );
        let mut arrays: Vec<Arg<Array>> = args
            .iter()
            .map(|arg| map_arg(arg, &mut |&var: &Var| self.at(var).clone()))
            .collect();
        for param in row.params.iter().skip(arrays.len()) {
            if param.default.is_none() {
                return Err(OpError::Unsupported(format!("{op} without {}", param.name)));
            }
            arrays.push(preset(param));
        }
        let results = run(row, &arrays, &mut Rng::new(1))
            .map_err(|error| OpError::Unsupported(format!("{op} in a formula: {error:?}")))?;
        Ok(results
            .into_iter()
            .map(|result| self.push(result))
            .collect())
    }
}

/// The cotangent that `record.py` uses.
fn cotangent(shape: &[usize], output: usize, dtype: Dtype) -> Array {
    let numel: usize = shape.iter().product();
    Array::from_vec(
        shape,
        (0..numel)
            .map(|place| 0.3 + ((place * 5 + output * 3) % 7) as f64 * 0.1)
            .collect::<Vec<f64>>(),
    )
    .cast(dtype)
}

/// The gradients of the tensors of a call.
fn gradients(
    call: &Call,
    required: &[usize],
    requires_grad: &[bool],
) -> Result<BTreeMap<usize, Array>, OpError> {
    let outputs = call.run()?;
    if call.is_self() {
        return Ok(BTreeMap::from([(
            0,
            cotangent(outputs[0].shape(), 0, outputs[0].dtype()),
        )]));
    }
    let Gradient::Formula(formula) = call.row.gradient else {
        return Ok(BTreeMap::new());
    };
    let grads = outputs
        .iter()
        .enumerate()
        .map(|(nth, output)| {
            requires_grad[nth].then(|| cotangent(output.shape(), nth, output.dtype()))
        })
        .collect();
    let args = call.arrays();
    let mut eval = Eval {
        call,
        metas: metas_of(&args),
        args,
        outputs,
        grads,
        needs: call.needs(required),
        saved: call.active(required),
        values: Vec::new(),
    };
    let found = formula(&mut eval)?;
    let places = entries(call);
    if found.len() != places.len() {
        return Err(OpError::Unsupported(format!(
            "{} gradients for {} differentiable arguments",
            found.len(),
            places.len()
        )));
    }
    let mut gradients: BTreeMap<usize, Array> = BTreeMap::new();
    for (place, found) in places.into_iter().zip(found) {
        let (Some(found), true) = (found, required.contains(&place)) else {
            continue;
        };
        let target = &eval.call.tensors[place].array;
        let shape = target.shape().to_vec();
        let summed = <dyn Backward>::sum_to(&mut eval, found, &shape)?;
        let mut gradient = eval.at(summed).cast(target.dtype());
        if let Some(other) = gradients.get(&place) {
            let sum = run(
                table::row(table::by_name("add").expect("add is a row")),
                &[Arg::Tensor(other.clone()), Arg::Tensor(gradient), Arg::None],
                &mut Rng::new(1),
            )?;
            gradient = sum[0].clone();
        }
        gradients.insert(place, gradient);
    }
    Ok(gradients)
}

/// The tensors that the formula's entries belong to.
fn entries(call: &Call) -> Vec<usize> {
    let differentiable = |param: &Param| {
        !matches!(
            param.kind,
            ParamKind::Tensor { diff: false }
                | ParamKind::OptTensor { diff: false }
                | ParamKind::Index
        )
    };
    call.row
        .params
        .iter()
        .zip(&call.args)
        .filter(|(param, _)| differentiable(param))
        .flat_map(|(_, arg)| tensors_of(arg))
        .collect()
}

fn close(ours: f64, theirs: f64, tolerance: f64) -> bool {
    ours == theirs
        || (ours.is_nan() && theirs.is_nan())
        || (ours - theirs).abs() <= tolerance * theirs.abs().max(0.1)
}

fn compare(what: &str, ours: &[f64], theirs: &[f64], tolerance: f64) -> Result<(), String> {
    let same = ours.len() == theirs.len()
        && ours
            .iter()
            .zip(theirs)
            .all(|(&ours, &theirs)| close(ours, theirs, tolerance));
    if same {
        Ok(())
    } else {
        Err(format!("{what}: {ours:?}, PyTorch: {theirs:?}"))
    }
}

fn tolerance(dtype: Dtype) -> f64 {
    if dtype == Dtype::F64 { 1e-7 } else { 1e-5 }
}

fn values(array: &Array) -> Vec<f64> {
    array.values_as::<f64>().into_owned()
}

pub mod check_case {
    use super::*;

    pub fn results(case: &Case) -> Result<(), String> {
        let call = Call::of(case)?;
        let outputs = call.run().map_err(|error| format!("{error:?}"))?;
        if outputs.len() != case.outputs.len() {
            return Err(format!(
                "{} results, PyTorch: {}",
                outputs.len(),
                case.outputs.len()
            ));
        }
        if call.is_self() != case.same && !call.in_place {
            return Err(format!(
                "the result is the argument itself: {}, PyTorch: {}",
                call.is_self(),
                case.same
            ));
        }
        for (ours, (dtype, shape, strides, theirs)) in outputs.iter().zip(&case.outputs) {
            if ours.dtype() != *dtype || ours.shape() != shape.as_slice() {
                return Err(format!(
                    "{}, PyTorch: {}",
                    ours.meta,
                    Meta::contiguous(*dtype, shape.as_slice())
                ));
            }
            let view = matches!(call.row.result, ResultKind::View | ResultKind::MultiView);
            if view && ours.meta.strides.as_slice() != strides.as_slice() {
                return Err(format!(
                    "strides {:?}, PyTorch: {strides:?}",
                    ours.meta.strides
                ));
            }
            compare("result", &values(ours), theirs, tolerance(*dtype))?;
        }
        Ok(())
    }

    pub fn gradients(case: &Case) -> Result<(), String> {
        let call = Call::of(case)?;
        let required = call.differentiable();
        let outputs = call.run().map_err(|error| format!("{error:?}"))?;
        let fed = entries(&call)
            .iter()
            .any(|tensor| required.contains(tensor));
        let differentiable =
            call.is_self() || !matches!(call.row.gradient, Gradient::NotDifferentiable);
        let expected: Vec<bool> = outputs
            .iter()
            .map(|output| fed && differentiable && output.dtype().is_floating())
            .collect();
        if expected != case.requires_grad {
            return Err(format!(
                "requires grad {expected:?}, PyTorch: {:?}",
                case.requires_grad
            ));
        }
        if let Some((exception, text)) = &case.backward_error {
            return match call.row.gradient {
                Gradient::NotImplemented(ours, words)
                    if ours.name() == exception && words == text =>
                {
                    Ok(())
                }
                ours => Err(format!("{ours:?}, PyTorch: {exception}: {text}")),
            };
        }
        let Some(grads) = &case.grads else {
            return Ok(());
        };
        let ours = super::gradients(&call, &required, &case.requires_grad)
            .map_err(|error| format!("{error:?}"))?;
        for (tensor, theirs) in required.iter().zip(grads) {
            match (ours.get(tensor), theirs) {
                (Some(ours), Some(theirs)) => compare(
                    &format!("gradient of {tensor}"),
                    &values(ours),
                    theirs,
                    2.0 * tolerance(ours.dtype()),
                )?,
                (None, None) => {}
                (ours, theirs) => {
                    return Err(format!(
                        "gradient of {tensor}: {:?}, PyTorch: {theirs:?}",
                        ours.map(values)
                    ));
                }
            }
        }
        Ok(())
    }

    pub fn finite_differences(case: &Case) -> Result<(), String> {
        let mut call = Call::of(case)?;
        let required = call.differentiable();
        if case.grads.is_none() || call.is_self() || DEFINED.contains(&call.row.name) {
            return Ok(());
        }
        for input in &mut call.tensors {
            if input.array.dtype().is_floating() {
                input.array = input.array.cast(Dtype::F64);
            }
        }
        let outputs = call.run().map_err(|error| format!("{error:?}"))?;
        let smooth = |array: &Array| {
            !array.dtype().is_floating() || values(array).iter().all(|value| value.is_finite())
        };
        if !call.tensors.iter().all(|input| smooth(&input.array))
            || !outputs
                .iter()
                .all(|output| smooth(output) && output.dtype() != Dtype::F32)
        {
            return Ok(());
        }
        let ours = super::gradients(&call, &required, &case.requires_grad)
            .map_err(|error| format!("{error:?}"))?;
        for &tensor in &required {
            let zeros = vec![0.0; call.tensors[tensor].array.numel()];
            let gradient = ours.get(&tensor).map_or(zeros, values);
            for (element, &ours) in gradient.iter().enumerate() {
                if let Some(theirs) = difference(&mut call, tensor, element, &case.requires_grad)?
                    && !close(ours, theirs, 1e-4)
                {
                    return Err(format!(
                        "gradient of {tensor}[{element}]: {ours}, finite differences: {theirs}"
                    ));
                }
            }
        }
        Ok(())
    }

    pub fn node(case: &Case) -> Result<(), String> {
        let call = Call::of(case)?;
        let Some(theirs) = &case.node else {
            return Ok(());
        };
        let forms = call.row.forms;
        let internal =
            forms.function.is_empty() && forms.method.is_empty() && forms.functional.is_empty();
        // Operators that no script can name have nodes that no script sees.
        if call.is_self() || (internal && call.row.evidence.is_empty()) {
            return Ok(());
        }
        let by = call
            .row
            .node_by
            .map_or(call.row.node, |by| by(&metas_of(&call.arrays())));
        let ours = match call.row.in_place {
            InPlace::Yes {
                node: Some(node), ..
            } if call.in_place => node,
            _ => by,
        };
        if ours == theirs {
            Ok(())
        } else {
            Err(format!("{ours}, PyTorch: {theirs}"))
        }
    }

    pub fn views(case: &Case, tsv: &Tsv) -> Result<(), String> {
        let Some(measured) = case
            .evidence
            .as_deref()
            .and_then(|evidence| tsv.get(evidence))
        else {
            return Ok(());
        };
        let call = Call::of(case)?;
        let ours = matches!(call.row.result, ResultKind::View | ResultKind::MultiView);
        let multi = matches!(call.row.result, ResultKind::MultiView);
        let (theirs, theirs_multi) = (
            measured[6].starts_with('T'),
            measured[10].contains("multi-output view"),
        );
        if ours != theirs || multi != theirs_multi {
            return Err(format!(
                "view {ours}, of several {multi}; measured: {theirs}, {theirs_multi}"
            ));
        }
        Ok(())
    }

    pub fn saves(case: &Case, tsv: &Tsv) -> Result<(), String> {
        let Some(measured) = case
            .evidence
            .as_deref()
            .and_then(|evidence| tsv.get(evidence))
        else {
            return Ok(());
        };
        let call = Call::of(case)?;
        if call.is_self() {
            return if measured[9].contains("is in0") || measured[12].contains("CloneBackward0") {
                Ok(())
            } else {
                Err("not measured to be itself".into())
            };
        }
        let (saved, second) = (subsets(&measured[4]), subsets(&measured[5]));
        // A tensor that no gradient flows to may be made in the measured call itself.
        let count: usize = measured[2].parse().unwrap_or(0);
        if count > call.tensors.len() || call.tensors.iter().skip(count).any(|input| input.grad) {
            return Err(format!(
                "{} tensors, measured with {count}",
                call.tensors.len()
            ));
        }
        for subset in powerset(&call.differentiable()) {
            let name = subset
                .iter()
                .map(|tensor| format!("in{tensor}"))
                .collect::<Vec<_>>()
                .join("+");
            let (Some(theirs), Some(twice)) = (saved.get(&name), second.get(&name)) else {
                return Err(format!("{{{name}}} was not measured"));
            };
            match theirs.as_str() {
                "no-grad-out" => {
                    let outputs = call.run().map_err(|error| format!("{error:?}"))?;
                    if !matches!(call.row.gradient, Gradient::NotDifferentiable)
                        && outputs.iter().any(|output| output.dtype().is_floating())
                    {
                        return Err("measured: no gradient".into());
                    }
                }
                "backward-raises" if matches!(call.row.gradient, Gradient::NotImplemented(..)) => {}
                _ => {
                    let active = call.active(&subset);
                    let ours = shown(&call, &active);
                    if ours != *theirs {
                        return Err(format!("{{{name}}} saves {ours}, measured: {theirs}"));
                    }
                    let kept = |what: &Saved| !matches!(what, Saved::Input(position) if matches!(call.args.get(*position), None | Some(Arg::None)));
                    let ours = if active.iter().any(kept) {
                        "RAISES"
                    } else {
                        "ok"
                    };
                    if ours != *twice {
                        return Err(format!(
                            "{{{name}}} second backward {ours}, measured: {twice}"
                        ));
                    }
                }
            }
        }
        Ok(())
    }
}

/// Rows whose gradient is defined as zero, though their results do depend on their arguments.
const DEFINED: &[&str] = &["normal", "normal.Tensor_float"];

/// The derivative of the weighted sum of the results by one element; none where it is not smooth.
fn difference(
    call: &mut Call,
    tensor: usize,
    element: usize,
    requires_grad: &[bool],
) -> Result<Option<f64>, String> {
    const STEP: f64 = 1e-5;
    let original = call.tensors[tensor].array.clone();
    let mut at = |step: f64| {
        let mut moved = values(&original);
        moved[element] += step;
        call.tensors[tensor].array = Array::from_vec(original.meta.shape.clone(), moved);
        let outputs = call.run().map_err(|error| format!("{error:?}"))?;
        Ok::<f64, String>(
            outputs
                .iter()
                .enumerate()
                .filter(|(nth, _)| requires_grad[*nth])
                .map(|(nth, output)| {
                    values(output)
                        .iter()
                        .zip(values(&cotangent(output.shape(), nth, Dtype::F64)))
                        .map(|(x, y)| x * y)
                        .sum::<f64>()
                })
                .sum(),
        )
    };
    let (below, here, above) = (at(-STEP)?, at(0.0)?, at(STEP)?);
    call.tensors[tensor].array = original;
    let (left, right) = ((here - below) / STEP, (above - here) / STEP);
    // Beyond this size the difference drowns in rounding.
    let smooth = here.abs() < 1e4
        && left.abs() < 1e4
        && (left - right).abs() <= 1e-2 * left.abs().max(right.abs()).max(1e-1);
    Ok((smooth && left.is_finite()).then_some((above - below) / (2.0 * STEP)))
}

/// `in0+in1+out0`, as ops.tsv has it.
fn shown(call: &Call, active: &[Saved]) -> String {
    let mut inputs: Vec<usize> = active
        .iter()
        .filter_map(|what| {
            if let Saved::Input(position) = what {
                call.args.get(*position)
            } else {
                None
            }
        })
        .flat_map(tensors_of)
        .filter(|&tensor| !(call.in_place && tensor == 0))
        .collect();
    let mut outputs: Vec<usize> = active
        .iter()
        .filter_map(|what| {
            if let Saved::Output(output) = what {
                Some(*output)
            } else {
                None
            }
        })
        .collect();
    inputs.sort_unstable();
    inputs.dedup();
    outputs.sort_unstable();
    let names: Vec<String> = inputs
        .iter()
        .map(|tensor| format!("in{tensor}"))
        .chain(outputs.iter().map(|output| format!("out{output}")))
        .collect();
    if names.is_empty() {
        "-".into()
    } else {
        names.join("+")
    }
}

/// `{in0}:a {in1}:b` by what is in the braces.
fn subsets(column: &str) -> BTreeMap<String, String> {
    column
        .split(' ')
        .filter_map(|part| part.strip_prefix('{')?.split_once("}:"))
        .map(|(name, what)| (name.to_owned(), what.to_owned()))
        .collect()
}

fn powerset(of: &[usize]) -> Vec<Vec<usize>> {
    (1..1usize << of.len())
        .map(|bits| {
            of.iter()
                .enumerate()
                .filter(|(nth, _)| bits & (1 << nth) != 0)
                .map(|(_, &tensor)| tensor)
                .collect()
        })
        .collect()
}

/// The measured table, by the names of its rows.
pub struct Tsv {
    rows: BTreeMap<String, Vec<String>>,
}

impl Tsv {
    pub fn read() -> Tsv {
        let file = fs::read_to_string(folder().join("ops.tsv")).expect("ops.tsv is there");
        let rows = file
            .lines()
            .skip(2)
            .map(|line| line.split('\t').map(str::to_owned).collect::<Vec<String>>());
        Tsv {
            rows: rows.map(|row| (row[0].clone(), row)).collect(),
        }
    }
    pub fn get(&self, name: &str) -> Option<&Vec<String>> {
        self.rows.get(name)
    }
}

/// Whether the table refuses a call in PyTorch's words.
pub fn check_refused(refused: &Refused) -> Result<(), String> {
    let form = match refused.form.as_str() {
        "method" => Form::Method,
        "in_place" => Form::InPlace,
        _ => Form::Function,
    };
    let outcome = Call::bind(&refused.name, form, &refused.args, &refused.kwargs)
        .and_then(|call| refuse(&call));
    let (exception, theirs) = &refused.error;
    // PyTorch lists its C++ signatures after these words; nobody can rely on that list.
    let cut = |text: &str| text.split(" - got (").next().unwrap_or_default().to_owned();
    match outcome {
        Err(OpError::Raises(ours, text))
            if ours.name() == exception && cut(&text) == cut(theirs) =>
        {
            Ok(())
        }
        other => Err(format!(
            "{}: {}: {other:?}, PyTorch: {exception}: {theirs}",
            refused.name, refused.call
        )),
    }
}

fn refuse(call: &Call) -> Result<(), OpError> {
    let args = call.arrays();
    let Some(Arg::Tensor(target)) = args.first().filter(|_| call.in_place) else {
        return call.run().map(drop);
    };
    check_overlap(call.row, &target.meta)?;
    for meta in (call.row.infer)(&metas_of(&args))? {
        check_in_place(call.row, &target.meta, &meta)?;
    }
    call.run().map(drop)
}
