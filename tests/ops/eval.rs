//! A small evaluator of first-order gradients that is not the interpreter.

use std::collections::BTreeMap;

use gradlint::ops::kit::metas;
use gradlint::ops::*;
use smallvec::SmallVec;

use super::case::*;

/// Runs an operator, and checks that its kernel gives what `infer` said.
pub fn run(row: &OpRow, args: &[Arg<Array>], rng: &mut Rng) -> Result<Vec<Array>, OpError> {
    let metas = metas(args);
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
    fn is_recorded(&self) -> bool {
        false
    }
    fn count_writes(&mut self, _: gradlint::ops::Var, _: u64) {}
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
            .map(|arg| arg.map(&mut |&var: &Var| self.at(var).clone()))
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
pub fn cotangent(shape: &[usize], output: usize, dtype: Dtype) -> Array {
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
pub fn gradients(
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
        metas: metas(&args),
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
pub fn entries(call: &Call) -> Vec<usize> {
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

pub fn close(ours: f64, theirs: f64, tolerance: f64) -> bool {
    ours == theirs
        || (ours.is_nan() && theirs.is_nan())
        || (ours - theirs).abs() <= tolerance * theirs.abs().max(0.1)
}

pub fn compare(what: &str, ours: &[f64], theirs: &[f64], tolerance: f64) -> Result<(), String> {
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

pub fn tolerance(dtype: Dtype) -> f64 {
    if dtype == Dtype::F64 { 1e-7 } else { 1e-5 }
}

pub fn values(array: &Array) -> Vec<f64> {
    array.values_as::<f64>().into_owned()
}
