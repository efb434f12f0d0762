//! What is checked of each case.

use std::collections::BTreeMap;
use std::fs;

use gradlint::ops::inplace::{check_in_place, check_overlap};
use gradlint::ops::kit::metas;
use gradlint::ops::*;

use super::case::*;
use super::eval::*;

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
            let (mut ours, mut theirs) = (values(ours), theirs.clone());
            if UP_TO_SIGN.contains(&call.row.name) {
                ours.iter_mut()
                    .chain(&mut theirs)
                    .for_each(|value| *value = value.abs());
            }
            compare("result", &ours, &theirs, tolerance(*dtype))?;
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
        // The weights of the sum would have to change sign with the vectors; finite differences tell of these.
        if UP_TO_SIGN.contains(&call.row.name) {
            return Ok(());
        }
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
            for (element, &own) in gradient.iter().enumerate() {
                let twin = twin(&call, tensor, element);
                let ours = twin.map_or(own, |twin| own + gradient[twin]);
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
            .map_or(call.row.node, |by| by(&metas(&call.arrays())));
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
        // In place, a view changes the layout of the tensor itself and makes no new one.
        let ours =
            !call.in_place && matches!(call.row.result, ResultKind::View | ResultKind::MultiView);
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
                    let reached = entries(&call).iter().any(|tensor| subset.contains(tensor))
                        && !matches!(call.row.gradient, Gradient::NotDifferentiable);
                    if reached && outputs.iter().any(|output| output.dtype().is_floating()) {
                        return Err("measured: no gradient".into());
                    }
                }
                "backward-raises" if matches!(call.row.gradient, Gradient::NotImplemented(..)) => {}
                _ => {
                    let active = call.active(&subset);
                    let ours = shown(&call, &active, count);
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

/// Rows whose gradient is a definition: zero, though their results do depend on their arguments; or that of the numbers
/// before the `log_softmax` which their argument is to come from.
const DEFINED: &[&str] = &["normal", "normal.Tensor_float", "_ctc_loss"];
/// Rows that read one triangle of a symmetric matrix: their gradient is that of both elements of a pair.
const SYMMETRIC: &[&str] = &["linalg_eigh"];
/// Rows whose vectors are determined up to their sign, which LAPACK chooses otherwise.
const UP_TO_SIGN: &[&str] = &["linalg_eigh", "linalg_svd"];

/// The place of the other element of a pair of a symmetric matrix.
fn twin(call: &Call, tensor: usize, element: usize) -> Option<usize> {
    let n = *call.tensors[tensor].array.shape().last()?;
    let twin = element % n * n + element / n;
    (SYMMETRIC.contains(&call.row.name) && twin != element).then_some(twin)
}

/// The derivative of the weighted sum of the results by one element (and its twin); none where it is not smooth.
fn difference(
    call: &mut Call,
    tensor: usize,
    element: usize,
    requires_grad: &[bool],
) -> Result<Option<f64>, String> {
    const STEP: f64 = 1e-5;
    let original = call.tensors[tensor].array.clone();
    let twin = twin(call, tensor, element);
    let mut at = |step: f64| {
        let mut moved = values(&original);
        moved[element] += step;
        twin.into_iter().for_each(|twin| moved[twin] += step);
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

/// `in0+in1+out0`, as ops.tsv has it, of the first `count` tensors: those after are made in the measured call.
fn shown(call: &Call, active: &[Saved], count: usize) -> String {
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
        .filter(|&tensor| tensor < count && !(call.in_place && tensor == 0))
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
    for meta in (call.row.infer)(&metas(&args))? {
        check_in_place(call.row, &target.meta, &meta)?;
    }
    call.run().map(drop)
}
