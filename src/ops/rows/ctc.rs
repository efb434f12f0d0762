//! The connectionist temporal classification loss: of all ways to read a target from steps in time.

use crate::ops::array::Array;
use crate::ops::broadcast::fresh;
use crate::ops::kit::{
    self, Args, Grads, HIDDEN, INTERNAL, fixed, flag_or, formula, grad, int_or, ints, op, t, tensor,
};
use crate::ops::meta::{Dtype, Meta};
use crate::ops::rng::Rng;
use crate::ops::row::{Arg, Backward, Exception, Gradient, OpError, OpRow, Param};
use crate::ops::special::logaddexp;

const TARGETS: Param = fixed("targets");

/// The rows of this file. The prelude brings the inputs to steps, samples, classes, and reduces the losses.
pub const ROWS: &[OpRow] = &[
    op(
        "_ctc_loss",
        INTERNAL,
        &[
            tensor("log_probs"),
            TARGETS,
            ints("input_lengths"),
            ints("target_lengths"),
            int_or("blank", 0),
            flag_or("zero_infinity", false),
        ],
        ctc_infer,
        ctc_forward,
        &[kit::saved(0), kit::saved(1), HIDDEN],
        formula(ctc_formula),
        "CtcLossBackward0",
        // `F.ctc_loss` of ops.tsv has a `log_softmax` before it. Measured beside it: both arguments are saved.
        &[],
    ),
    OpRow {
        gradient: Gradient::NotImplemented(
            Exception::RuntimeError,
            "derivative for aten::_ctc_loss_backward is not implemented",
        ),
        ..op(
            "_ctc_loss_backward",
            INTERNAL,
            &[
                tensor("grad"),
                tensor("log_probs"),
                TARGETS,
                ints("input_lengths"),
                ints("target_lengths"),
                int_or("blank", 0),
                flag_or("zero_infinity", false),
            ],
            |args| {
                let meta = Args(args).tensor(1)?;
                Ok(vec![fresh(meta.dtype, meta.shape.clone())?])
            },
            ctc_backward,
            &[],
            Gradient::NotDifferentiable,
            "NotImplemented",
            &[],
        )
    },
];

fn too_long(most: usize, value: i64) -> OpError {
    OpError::runtime(format!(
        "Expected input_lengths to have value at most {most}, but got value {value} (while checking arguments for ctc_loss_allocate_outputs)"
    ))
}
fn ctc_infer(args: &[Arg<Meta>]) -> Result<Vec<Meta>, OpError> {
    let args = Args(args);
    let (probs, targets) = (args.tensor(0)?, args.tensor(1)?);
    let ([steps, samples, classes], [_, longest]) = (&probs.shape[..], &targets.shape[..]) else {
        return Err(OpError::Unsupported(
            "ctc_loss with targets in a row".into(),
        ));
    };
    if !probs.dtype.is_floating() || targets.dtype != Dtype::I64 {
        return Err(OpError::Unsupported("ctc_loss of these dtypes".into()));
    }
    if !(0..*classes as i64).contains(&args.int(4, 0)) {
        return Err(OpError::runtime("blank must be in label range"));
    }
    let (inputs, lengths) = (args.ints(2), args.ints(3));
    if inputs.len() != *samples || lengths.len() != *samples || targets.shape[0] != *samples {
        return Err(OpError::Unsupported(
            "ctc_loss with lengths that do not fit".into(),
        ));
    }
    if let Some(&most) = lengths.iter().max().filter(|&&most| most > *longest as i64) {
        return Err(OpError::runtime(format!(
            "Expected tensor to have size at least {most} at dimension 1, but got size {longest} for argument #2 'targets' (while checking arguments for ctc_loss_allocate_outputs)"
        )));
    }
    if let Some(&value) = inputs.iter().find(|&&value| value > *steps as i64) {
        return Err(too_long(*steps, value));
    }
    if inputs.iter().chain(&lengths).any(|&length| length < 0) {
        return Err(OpError::Unsupported(
            "ctc_loss with negative lengths".into(),
        ));
    }
    Ok(vec![fresh(probs.dtype, &[*samples][..])?])
}

/// One sample: its numbers by step and class, and the target with blanks around each label.
struct Sample<'a> {
    probs: &'a [f64],
    samples: usize,
    classes: usize,
    nth: usize,
    steps: usize,
    labels: Vec<usize>,
}
impl Sample<'_> {
    fn at(&self, step: usize, class: usize) -> usize {
        (step * self.samples + self.nth) * self.classes + class
    }
    fn prob(&self, step: usize, state: usize) -> f64 {
        self.probs[self.at(step, self.labels[state])]
    }
    /// Whether a state can be reached from the one two before: both labels, and not the same.
    fn skips(&self, state: usize) -> bool {
        state >= 2 && state % 2 == 1 && self.labels[state] != self.labels[state - 2]
    }
    /// The logarithm of the probability of all ways to each state at each step.
    fn forward(&self) -> Vec<Vec<f64>> {
        let states = self.labels.len();
        let mut rows: Vec<Vec<f64>> = Vec::with_capacity(self.steps);
        for step in 0..self.steps {
            let row = (0..states).map(|state| {
                let ways = match rows.last() {
                    None => {
                        return if state < 2 {
                            self.prob(0, state)
                        } else {
                            f64::NEG_INFINITY
                        };
                    }
                    Some(last) => {
                        let mut ways = last[state];
                        if state >= 1 {
                            ways = logaddexp(ways, last[state - 1]);
                        }
                        if self.skips(state) {
                            ways = logaddexp(ways, last[state - 2]);
                        }
                        ways
                    }
                };
                ways + self.prob(step, state)
            });
            let row = row.collect();
            rows.push(row);
        }
        rows
    }
    /// The same from each state to the end.
    fn backward(&self) -> Vec<Vec<f64>> {
        let states = self.labels.len();
        let mut rows = vec![vec![f64::NEG_INFINITY; states]; self.steps];
        for step in (0..self.steps).rev() {
            for state in 0..states {
                let ways = if step + 1 == self.steps {
                    if state + 2 >= states {
                        0.0
                    } else {
                        f64::NEG_INFINITY
                    }
                } else {
                    let next = &rows[step + 1];
                    let mut ways = next[state];
                    if state + 1 < states {
                        ways = logaddexp(ways, next[state + 1]);
                    }
                    if state + 2 < states && self.skips(state + 2) {
                        ways = logaddexp(ways, next[state + 2]);
                    }
                    ways
                };
                rows[step][state] = ways + self.prob(step, state);
            }
        }
        rows
    }
    fn loss(&self, forward: &[Vec<f64>]) -> f64 {
        let Some(last) = forward.last() else {
            return if self.labels.len() == 1 {
                0.0
            } else {
                f64::INFINITY
            };
        };
        let ends = last.iter().rev().take(2).copied();
        -ends.fold(f64::NEG_INFINITY, logaddexp)
    }
}
/// Calls `f` with each sample. The arguments begin at `first` with the numbers.
fn each_sample(
    args: Args<'_, Array>,
    first: usize,
    mut f: impl FnMut(&Sample<'_>),
) -> Result<(), OpError> {
    let (probs, targets) = (args.tensor(first)?, args.tensor(first + 1)?);
    let (inputs, lengths) = (args.ints(first + 2), args.ints(first + 3));
    let blank = args.int(first + 4, 0) as usize;
    let (classes, longest) = (probs.shape()[2], targets.shape()[1]);
    let (numbers, targets) = (probs.values_as::<f64>(), targets.values::<i64>());
    for nth in 0..probs.shape()[1] {
        let own = &targets[nth * longest..nth * longest + lengths[nth] as usize];
        let mut labels = vec![blank];
        for &label in own {
            let label = usize::try_from(label).ok().filter(|&label| label < classes);
            let Some(label) = label else {
                return Err(OpError::Unsupported(
                    "ctc_loss with a label that is no class".into(),
                ));
            };
            labels.extend([label, blank]);
        }
        f(&Sample {
            probs: &numbers,
            samples: probs.shape()[1],
            classes,
            nth,
            steps: inputs[nth] as usize,
            labels,
        });
    }
    Ok(())
}
fn ctc_forward(args: &[Arg<Array>], _: &mut Rng) -> Result<Vec<Array>, OpError> {
    let meta = kit::inferred(ctc_infer, args)?;
    let mut losses = Vec::with_capacity(meta.numel());
    let zero = Args(args).flag(5, false);
    each_sample(Args(args), 0, |sample| {
        let loss = sample.loss(&sample.forward());
        losses.push(if zero && loss == f64::INFINITY {
            0.0
        } else {
            loss
        });
    })?;
    Ok(vec![
        Array::from_vec::<f64>(meta.shape, losses).cast(meta.dtype),
    ])
}
/// By the logarithm of each probability `p`: `p - (what part of all ways goes through it)`, as PyTorch has it, for
/// numbers that come from a `log_softmax`.
fn ctc_backward(args: &[Arg<Array>], _: &mut Rng) -> Result<Vec<Array>, OpError> {
    let args = Args(args);
    let (grads, probs) = (args.tensor(0)?.values_as::<f64>(), args.tensor(1)?);
    let zero = args.flag(6, false);
    let mut result = vec![0.0; probs.numel()];
    each_sample(args, 1, |sample| {
        let (forward, backward) = (sample.forward(), sample.backward());
        let (loss, grad) = (sample.loss(&forward), grads[sample.nth]);
        if zero && loss == f64::INFINITY {
            return;
        }
        for step in 0..sample.steps {
            let mut ways = vec![f64::NEG_INFINITY; sample.classes];
            for (state, &label) in sample.labels.iter().enumerate() {
                let both = forward[step][state] + backward[step][state];
                ways[label] = logaddexp(ways[label], both);
            }
            for (class, ways) in ways.iter().enumerate() {
                let at = sample.at(step, class);
                let log = sample.probs[at];
                result[at] = (log.exp() - (ways + loss - log).exp()) * grad;
            }
        }
    })?;
    Ok(vec![
        Array::from_vec::<f64>(probs.meta.shape.clone(), result).cast(probs.dtype()),
    ])
}
fn ctc_formula(b: &mut dyn Backward) -> Grads {
    let (grad, probs, targets) = (grad(b)?, b.input(0)?, b.input(1)?);
    let mut args = vec![t(grad), t(probs), t(targets)];
    args.extend((2..6).map(|at| kit::same(b, at)));
    Ok(vec![Some(kit::call(b, "_ctc_loss_backward", args)?)])
}
