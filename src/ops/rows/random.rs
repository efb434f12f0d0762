//! Random numbers.

use super::factory::{infer_of_size, like};
use crate::ops::Rng;
use crate::ops::array::{Array, Element};
use crate::ops::broadcast::fresh;
use crate::ops::build::{
    Arrays, Metas, SELF, both, dtype, dtype_at, f64_at, flag, flag_at, function, int, int_at, ints,
    method, number, tensor, tensor_at,
};
use crate::ops::kernel::{Arithmetic, floating_only, not_implemented};
use crate::ops::kit::metas;
use crate::ops::meta::{Dtype, Meta};
use crate::ops::row::{
    Arg, Default, Exception, Forms, Gradient, InPlace, OpError, OpRow, Param, ResultKind,
};
use crate::with_element;

type Infer = fn(&[Arg<Meta>]) -> Metas;
type Forward = fn(&[Arg<Array>], &mut Rng) -> Arrays;

/// A new tensor of random numbers. Not in ops.tsv; the numbers are measured by `tests/ops/cases.py`.
const fn drawn(
    name: &'static str,
    forms: Forms,
    params: &'static [Param],
    infer: Infer,
    forward: Forward,
    evidence: &'static [&'static str],
) -> OpRow {
    OpRow {
        name,
        forms,
        params,
        result: ResultKind::Fresh,
        in_place: InPlace::No,
        infer,
        forward: Some(forward),
        saves: &[],
        gradient: Gradient::NotDifferentiable,
        node: "",
        node_by: None,
        fast: None,
        evidence,
    }
}

/// Random numbers written over a tensor; its gradient ends there, as zeros.
const fn written(
    name: &'static str,
    names: &'static [&'static str],
    params: &'static [Param],
    infer: Infer,
    forward: Forward,
    node: &'static str,
    evidence: &'static [&'static str],
) -> OpRow {
    OpRow {
        name,
        forms: method(names),
        params,
        result: ResultKind::Fresh,
        in_place: InPlace::Only,
        infer,
        forward: Some(forward),
        saves: &[],
        gradient: Gradient::Formula(|b| b.first(|b, grad| b.zeros_like(grad))),
        node,
        node_by: None,
        fast: None,
        evidence,
    }
}

/// Random numbers, from PyTorch's generator.
pub const ROWS: &[OpRow] = &[
    drawn(
        "rand",
        function(&["rand"]),
        SIZED,
        |args| infer_sized(args, UNIFORM),
        |args, rng| uniform(infer_sized(&metas(args), UNIFORM), rng),
        &[],
    ),
    drawn(
        "randn",
        function(&["randn"]),
        SIZED,
        |args| infer_sized(args, NORMAL),
        |args, rng| normal(infer_sized(&metas(args), NORMAL), rng),
        &[],
    ),
    drawn(
        "rand_like",
        function(&["rand_like"]),
        LIKE,
        |args| infer_like(args, UNIFORM),
        |args, rng| uniform(infer_like(&metas(args), UNIFORM), rng),
        &["rand_like"],
    ),
    drawn(
        "randn_like",
        function(&["randn_like"]),
        LIKE,
        |args| infer_like(args, NORMAL),
        |args, rng| normal(infer_like(&metas(args), NORMAL), rng),
        &[],
    ),
    drawn(
        "randint",
        function(&["randint"]),
        &[int("high"), ints("size"), dtype()],
        |args| {
            infer_integers(
                0,
                int_at(args, 0),
                infer_of_size(args, 1, dtype_at(args, 2).unwrap_or(Dtype::I64), ""),
            )
        },
        |args, rng| {
            integers(
                0,
                int_at(args, 0),
                infer_of_size(&metas(args), 1, dtype_at(args, 2).unwrap_or(Dtype::I64), ""),
                rng,
            )
        },
        &[],
    ),
    drawn(
        "randint.low",
        function(&["randint"]),
        &[int("low"), int("high"), ints("size"), dtype()],
        |args| {
            infer_integers(
                int_at(args, 0).unwrap_or(0),
                int_at(args, 1),
                infer_of_size(args, 2, dtype_at(args, 3).unwrap_or(Dtype::I64), ""),
            )
        },
        |args, rng| {
            integers(
                int_at(args, 0).unwrap_or(0),
                int_at(args, 1),
                infer_of_size(&metas(args), 2, dtype_at(args, 3).unwrap_or(Dtype::I64), ""),
                rng,
            )
        },
        &[],
    ),
    drawn(
        "randint_like",
        function(&["randint_like"]),
        &[SELF, int("high"), dtype()],
        |args| infer_integers(0, int_at(args, 1), Ok(vec![like(args, 2)?])),
        |args, rng| integers(0, int_at(args, 1), Ok(vec![like(&metas(args), 2)?]), rng),
        &[],
    ),
    drawn(
        "randperm",
        function(&["randperm"]),
        &[int("n"), dtype()],
        infer_randperm,
        randperm,
        &[],
    ),
    drawn(
        "normal.size",
        function(&["normal"]),
        &[number("mean"), number("std"), ints("size"), dtype()],
        |args| infer_of_size(args, 2, dtype_at(args, 3).unwrap_or(Dtype::F32), ""),
        |args, rng| {
            let meta = infer_of_size(&metas(args), 2, dtype_at(args, 3).unwrap_or(Dtype::F32), "")?
                .remove(0);
            Ok(vec![
                rng.normals(
                    meta.dtype,
                    meta.numel(),
                    f64_at(args, 0, 0.0),
                    f64_at(args, 1, 1.0),
                    true,
                )
                .reshaped(meta.shape),
            ])
        },
        &[],
    ),
    drawn(
        "multinomial",
        both(&["multinomial"]),
        &[SELF, int("num_samples"), flag("replacement")],
        infer_multinomial,
        multinomial,
        &["multinomial"],
    ),
    OpRow {
        gradient: Gradient::Formula(|b| b.first(|b, grad| b.zeros_like(grad))),
        node: "BernoulliBackward0",
        ..drawn(
            "bernoulli",
            both(&["bernoulli"]),
            &[SELF],
            infer_bernoulli,
            bernoulli,
            &["bernoulli"],
        )
    },
    // `bernoulli(x, p)` draws with `p`, whatever is in `x`. Not in ops.tsv; measured: as `bernoulli_` on a new tensor.
    OpRow {
        gradient: Gradient::NotImplemented(
            Exception::RuntimeError,
            "derivative for aten::bernoulli is not implemented",
        ),
        node: "NotImplemented",
        ..drawn(
            "bernoulli.p",
            both(&["bernoulli"]),
            &[SELF, number("p")],
            |args| {
                check_p(f64_at(args, 1, 0.5))?;
                Ok(vec![like(args, 2)?])
            },
            |args, rng| {
                let p = f64_at(args, 1, 0.5);
                let meta = like(&metas(args), 2)?;
                Ok(vec![in_memory_order(&meta, |len| {
                    flips(meta.dtype, len, rng, p)
                })])
            },
            &[],
        )
    },
    OpRow {
        gradient: Gradient::Formula(|b| {
            b.parts(&[
                (0, |b, grad| b.zeros_like(grad)),
                (1, |b, grad| b.zeros_like(grad)),
            ])
        }),
        node: "NormalBackward3",
        ..drawn(
            "normal",
            function(&["normal"]),
            &[tensor("mean"), tensor("std")],
            infer_normal,
            normal_around,
            &["normal(mean,std)"],
        )
    },
    OpRow {
        // Not in ops.tsv; measured: NormalBackward1.
        gradient: Gradient::Formula(|b| b.first(|b, grad| b.zeros_like(grad))),
        node: "NormalBackward1",
        ..drawn(
            "normal.Tensor_float",
            function(&["normal"]),
            &[tensor("mean"), number("std").or_int(1)],
            infer_normal,
            normal_around,
            &[],
        )
    },
    written(
        "normal_",
        &["normal_"],
        &[SELF, number("mean").or_int(0), number("std").or_int(1)],
        |args| infer_floats(args, normal_bounds),
        |args, rng| {
            let target = tensor_at(args, 0)?.meta.clone();
            let (mean, std) = (f64_at(args, 1, 0.0), f64_at(args, 2, 1.0));
            Ok(vec![in_memory_order(&target, |len| {
                rng.normals(target.dtype, len, mean, std, target.is_contiguous())
            })])
        },
        "NormalBackward0",
        &["normal_"],
    ),
    written(
        "uniform_",
        &["uniform_"],
        &[SELF, number("from").or_int(0), number("to").or_int(1)],
        |args| infer_floats(args, uniform_bounds),
        |args, rng| {
            let target = tensor_at(args, 0)?.meta.clone();
            let (low, high) = (f64_at(args, 1, 0.0), f64_at(args, 2, 1.0));
            Ok(vec![in_memory_order(&target, |len| {
                rng.uniform(target.dtype, len, low, high)
            })])
        },
        "UniformBackward0",
        &["uniform_"],
    ),
    written(
        "exponential_",
        &["exponential_"],
        &[SELF, number("lambd").or_int(1)],
        |args| infer_floats(args, exponential_bounds),
        |args, rng| {
            let target = tensor_at(args, 0)?.meta.clone();
            let lambda = f64_at(args, 1, 1.0);
            Ok(vec![in_memory_order(&target, |len| {
                generated(target.dtype, len, || rng.exponential(lambda))
            })])
        },
        "ExponentialBackward0",
        &[],
    ),
    written(
        "bernoulli_",
        &["bernoulli_"],
        &[SELF, number("p").or_float(0.5)],
        |args| {
            check_p(f64_at(args, 1, 0.5))?;
            Ok(vec![tensor_at(args, 0)?.clone()])
        },
        |args, rng| {
            let target = tensor_at(args, 0)?.meta.clone();
            let p = f64_at(args, 1, 0.5);
            Ok(vec![in_memory_order(&target, |len| {
                flips(target.dtype, len, rng, p)
            })])
        },
        "BernoulliBackward2",
        &["bernoulli_"],
    ),
    written(
        "random_",
        &["random_"],
        &[SELF],
        |args| Ok(vec![tensor_at(args, 0)?.clone()]),
        |args, rng| {
            let target = tensor_at(args, 0)?.meta.clone();
            Ok(vec![in_memory_order(&target, |len| {
                any_values(target.dtype, len, rng)
            })])
        },
        "RandomBackward2",
        &[],
    ),
    written(
        "random_.to",
        &["random_"],
        &[SELF, int("to")],
        |args| infer_integers(0, int_at(args, 1), Ok(vec![tensor_at(args, 0)?.clone()])),
        |args, rng| {
            let (target, to) = (
                tensor_at(args, 0)?.meta.clone(),
                int_at(args, 1).unwrap_or(1),
            );
            Ok(vec![in_memory_order(&target, |len| {
                generated(target.dtype, len, || rng.integer(0, to) as f64)
            })])
        },
        "RandomBackward1",
        &[],
    ),
    written(
        "random_.from",
        &["random_"],
        &[SELF, int("from"), int("to").or(Default::None)],
        |args| {
            infer_integers(
                int_at(args, 1).unwrap_or(0),
                int_at(args, 2),
                Ok(vec![tensor_at(args, 0)?.clone()]),
            )
        },
        |args, rng| {
            let target = tensor_at(args, 0)?.meta.clone();
            let (from, to) = (int_at(args, 1).unwrap_or(0), int_at(args, 2).unwrap_or(1));
            Ok(vec![in_memory_order(&target, |len| {
                generated(target.dtype, len, || rng.integer(from, to) as f64)
            })])
        },
        "RandomBackward0",
        &[],
    ),
];

const SIZED: &[Param] = &[ints("size"), dtype()];
const LIKE: &[Param] = &[SELF, dtype()];
const UNIFORM: &str = "check_uniform_bounds";
const NORMAL: &str = "normal_kernel_cpu";

/// Draws are made for floats only.
fn floating(metas: Metas, kernel: &str) -> Metas {
    let metas = metas?;
    match metas.iter().find(|meta| !meta.dtype.is_floating()) {
        Some(meta) => Err(not_implemented(format!(
            "\"{kernel}\" not implemented for '{}'",
            meta.dtype.scalar_name()
        ))),
        None => Ok(metas),
    }
}

fn infer_sized(args: &[Arg<Meta>], kernel: &str) -> Metas {
    floating(
        infer_of_size(args, 0, dtype_at(args, 1).unwrap_or(Dtype::F32), ""),
        kernel,
    )
}

fn infer_like(args: &[Arg<Meta>], kernel: &str) -> Metas {
    floating(Ok(vec![like(args, 1)?]), kernel)
}

fn uniform(metas: Metas, rng: &mut Rng) -> Arrays {
    Ok(metas?
        .iter()
        .map(|meta| {
            rng.uniform(meta.dtype, meta.numel(), 0.0, 1.0)
                .reshaped(meta.shape.clone())
        })
        .collect())
}

fn normal(metas: Metas, rng: &mut Rng) -> Arrays {
    Ok(metas?
        .iter()
        .map(|meta| {
            rng.normals(meta.dtype, meta.numel(), 0.0, 1.0, true)
                .reshaped(meta.shape.clone())
        })
        .collect())
}

fn generated(dtype: Dtype, len: usize, mut next: impl FnMut() -> f64) -> Array {
    with_element!(dtype, T => Array::from_vec([len].as_slice(), (0..len).map(|_| T::from_f64(next())).collect::<Vec<T>>()))
}

fn flips(dtype: Dtype, len: usize, rng: &mut Rng, p: f64) -> Array {
    generated(dtype, len, || f64::from(u8::from(rng.bernoulli(p))))
}

/// `random_()`: all that the type holds exactly.
fn any_values(dtype: Dtype, len: usize, rng: &mut Rng) -> Array {
    match dtype {
        Dtype::I64 => Array::from_vec(
            [len].as_slice(),
            (0..len)
                .map(|_| (rng.random64() & (i64::MAX as u64)) as i64)
                .collect::<Vec<i64>>(),
        ),
        Dtype::Bool => generated(dtype, len, || f64::from(rng.random() & 1)),
        Dtype::F32 => generated(dtype, len, || f64::from(rng.random() % ((1 << 24) + 1))),
        Dtype::F64 => generated(dtype, len, || (rng.random64() % ((1 << 53) + 1)) as f64),
    }
}

/// PyTorch writes in the order of memory: numbers are drawn in that order, and given back in the order of `target`.
fn in_memory_order(target: &Meta, draw: impl FnOnce(usize) -> Array) -> Array {
    let drawn = draw(target.numel());
    let mut order: Vec<usize> = (0..target.ndim()).collect();
    order.sort_by_key(|&dim| std::cmp::Reverse(target.strides[dim]));
    let shape: Vec<usize> = order.iter().map(|&dim| target.shape[dim]).collect();
    let strides = crate::ops::meta::contiguous_strides(&shape);
    let mut meta = Meta::contiguous(target.dtype, target.shape.clone());
    for (place, &dim) in order.iter().enumerate() {
        meta.strides[dim] = strides[place];
    }
    drawn.with_meta(meta).to_contiguous()
}

fn infer_integers(low: i64, high: Option<i64>, metas: Metas) -> Metas {
    match high {
        Some(high) if low >= high => Err(OpError::runtime(format!(
            "random_ expects 'from' to be less than 'to', but got from={low} >= to={high}"
        ))),
        Some(high) => within_type(low, high - 1, metas),
        None => Err(OpError::Unsupported(
            "random_ without an upper bound".into(),
        )),
    }
}

/// Bounds that the type of what is filled does not hold are refused.
fn within_type(low: i64, last: i64, metas: Metas) -> Metas {
    let metas = metas?;
    let holds = |edge: i64| (0..=1).contains(&edge);
    if metas.iter().any(|meta| meta.dtype == Dtype::Bool) {
        for (name, edge) in [("from", low), ("to - 1", last)] {
            if !holds(edge) {
                return Err(OpError::runtime(format!(
                    "{name} is out of bounds for bool"
                )));
            }
        }
    }
    Ok(metas)
}

fn integers(low: i64, high: Option<i64>, metas: Metas, rng: &mut Rng) -> Arrays {
    let high = high.unwrap_or(1);
    Ok(metas?
        .iter()
        .map(|meta| {
            let values: Vec<i64> = (0..meta.numel()).map(|_| rng.integer(low, high)).collect();
            Array::from_vec(meta.shape.clone(), values).cast(meta.dtype)
        })
        .collect())
}

fn infer_randperm(args: &[Arg<Meta>]) -> Metas {
    infer_of_size(
        &[Arg::Ints([int_at(args, 0).unwrap_or(0)].as_slice().into())],
        0,
        dtype_at(args, 1).unwrap_or(Dtype::I64),
        "",
    )
}

fn randperm(args: &[Arg<Array>], rng: &mut Rng) -> Arrays {
    let len = usize::try_from(int_at(args, 0).unwrap_or(0)).unwrap_or(0);
    let mut values: Vec<i64> = (0..len as i64).collect();
    for place in 0..len.saturating_sub(1) {
        let other = place + rng.random() as usize % (len - place);
        values.swap(place, other);
    }
    Ok(vec![
        Array::from_vec([len].as_slice(), values).cast(dtype_at(args, 1).unwrap_or(Dtype::I64)),
    ])
}

fn check_p(p: f64) -> Result<(), OpError> {
    if (0.0..=1.0).contains(&p) {
        Ok(())
    } else {
        Err(OpError::runtime(format!(
            "bernoulli_ expects p to be in [0, 1], but got p={p}"
        )))
    }
}

fn infer_bernoulli(args: &[Arg<Meta>]) -> Metas {
    let x = tensor_at(args, 0)?;
    floating_only("bernoulli_tensor_cpu_p_", x.dtype)?;
    Ok(vec![like(args, 1)?])
}

/// Each element by the probability at its place: one draw of the tensor's precision each.
fn bernoulli(args: &[Arg<Array>], rng: &mut Rng) -> Arrays {
    let x = tensor_at(args, 0)?;
    let values = x.values_as::<f64>();
    if !values.iter().all(|p| (0.0..=1.0).contains(p)) {
        return Err(OpError::runtime(P_OUT_OF_RANGE));
    }
    let single = x.dtype() == Dtype::F32;
    let flips: Vec<f64> = values
        .iter()
        .map(|&p| {
            f64::from(u8::from(if single {
                rng.uniform_f32() < p as f32
            } else {
                rng.bernoulli(p)
            }))
        })
        .collect();
    Ok(vec![
        Array::from_vec(x.meta.shape.clone(), flips).cast(x.dtype()),
    ])
}

const P_OUT_OF_RANGE: &str = "Expected p_in >= 0 && p_in <= 1 to be true, but got false.  (Could this error message be improved?  If so, please report an enhancement request to PyTorch.)";

fn infer_floats(
    args: &[Arg<Meta>],
    check: fn(&[Arg<Meta>], Dtype) -> Result<(), OpError>,
) -> Metas {
    let x = tensor_at(args, 0)?;
    check(args, x.dtype)?;
    Ok(vec![x.clone()])
}

fn normal_bounds(args: &[Arg<Meta>], dtype: Dtype) -> Result<(), OpError> {
    let std = f64_at(args, 2, 1.0);
    if std < 0.0 {
        return Err(OpError::runtime(format!(
            "normal expects std >= 0.0, but found std {std}"
        )));
    }
    floating_only(NORMAL, dtype)
}

fn uniform_bounds(args: &[Arg<Meta>], dtype: Dtype) -> Result<(), OpError> {
    floating_only(UNIFORM, dtype)?;
    let (low, high) = (f64_at(args, 1, 0.0), f64_at(args, 2, 1.0));
    if low <= high {
        Ok(())
    } else {
        Err(OpError::runtime(format!(
            "uniform_ expects to return a [from, to) range, but found from={low} > to={high}"
        )))
    }
}

fn exponential_bounds(args: &[Arg<Meta>], dtype: Dtype) -> Result<(), OpError> {
    let lambda = f64_at(args, 1, 1.0);
    if !dtype.is_floating() {
        return Err(OpError::runtime(format!(
            "Exponential distribution is a continuous probability distribution. dtype must be a floating point but you specified {}",
            dtype.scalar_name()
        )));
    }
    if lambda > 0.0 {
        Ok(())
    } else {
        Err(OpError::runtime(format!(
            "exponential_ expects lambda > 0.0, but found lambda={lambda}"
        )))
    }
}

fn infer_normal(args: &[Arg<Meta>]) -> Metas {
    let metas = crate::ops::kernel::infer_arithmetic(&args[..2])?;
    floating_only(NORMAL, tensor_at(args, 0)?.dtype)?;
    floating(
        metas
            .into_iter()
            .map(|meta| fresh(meta.dtype, meta.shape))
            .collect(),
        NORMAL,
    )
}

/// Standard normal numbers, scaled and moved.
fn normal_around(args: &[Arg<Array>], rng: &mut Rng) -> Arrays {
    let meta = infer_normal(&metas(args))?.remove(0);
    let std = crate::ops::kernel::operand_at(args, 1, meta.dtype)?;
    let is_right = |std: &crate::ops::Scalar| std.as_f64() >= 0.0;
    if !std.scalars().iter().all(is_right) {
        return Err(OpError::runtime(match args.get(1) {
            Some(Arg::Scalar(std)) => {
                format!("normal expects std >= 0.0, but found std {}", std.as_f64())
            }
            _ => "normal expects all elements of std >= 0.0".to_owned(),
        }));
    }
    let drawn = rng
        .normals(meta.dtype, meta.numel(), 0.0, 1.0, true)
        .reshaped(meta.shape.clone());
    let scaled = Arithmetic {
        int: i64::wrapping_mul,
        float: |x, std| x * std,
    }
    .on(meta.dtype, &drawn, &std)?;
    Ok(vec![
        Arithmetic {
            int: i64::wrapping_add,
            float: |x, mean| x + mean,
        }
        .on(meta.dtype, &scaled, tensor_at(args, 0)?)?,
    ])
}

fn infer_multinomial(args: &[Arg<Meta>]) -> Metas {
    let x = tensor_at(args, 0)?;
    let samples = int_at(args, 1).unwrap_or(0);
    if x.ndim() == 0 || x.ndim() > 2 {
        return Err(OpError::runtime("prob_dist must be 1 or 2 dim"));
    }
    if !x.dtype.is_floating() {
        return Err(OpError::runtime(format!(
            "multinomial only supports floating-point dtypes for input, got: {}",
            x.dtype.scalar_name()
        )));
    }
    let classes = x.shape[x.ndim() - 1];
    if samples <= 0 {
        return Err(OpError::runtime("cannot sample n_sample <= 0 samples"));
    }
    if !flag_at(args, 2) && samples > classes as i64 {
        return Err(OpError::runtime(
            "cannot sample n_sample > prob_dist.size(-1) samples without replacement",
        ));
    }
    let mut shape = x.shape.clone();
    let last = shape.len() - 1;
    shape[last] = samples as usize;
    Ok(vec![fresh(Dtype::I64, shape)?])
}

fn multinomial(args: &[Arg<Array>], rng: &mut Rng) -> Arrays {
    let x = tensor_at(args, 0)?;
    let meta = infer_multinomial(&metas(args))?.remove(0);
    let classes = x.shape()[x.meta.ndim() - 1];
    let samples = meta.shape[meta.ndim() - 1];
    let values = x.values_as::<f64>();
    if values.iter().any(|p| !p.is_finite() || *p < 0.0) {
        return Err(OpError::runtime(
            "probability tensor contains either `inf`, `nan` or element < 0",
        ));
    }
    if values
        .chunks_exact(classes.max(1))
        .any(|row| row.iter().sum::<f64>() <= 0.0)
    {
        return Err(OpError::runtime(
            "invalid multinomial distribution (sum of probabilities <= 0)",
        ));
    }
    let rows = values.chunks_exact(classes.max(1));
    let drawn: Vec<i64> = if flag_at(args, 2) && samples > 1 {
        rows.flat_map(|row| with_replacement(row, samples, rng))
            .collect()
    } else {
        // Every element races with an exponential clock of its own; all clocks are drawn before the race.
        let clocks: Vec<f64> = values
            .iter()
            .map(|_| rng.exponential(1.0))
            .map(|clock| {
                if x.dtype() == Dtype::F32 {
                    f64::from(clock as f32)
                } else {
                    clock
                }
            })
            .collect();
        rows.zip(clocks.chunks_exact(classes.max(1)))
            .flat_map(|(row, clocks)| race(row, clocks, samples))
            .collect()
    };
    Ok(vec![Array::from_vec(meta.shape, drawn)])
}

/// The `samples` elements with the greatest ratio, greatest first.
fn race(row: &[f64], clocks: &[f64], samples: usize) -> Vec<i64> {
    let ratios: Vec<f64> = row.iter().zip(clocks).map(|(p, clock)| p / clock).collect();
    let mut places: Vec<usize> = (0..row.len()).collect();
    places.sort_by(|&a, &b| ratios[b].total_cmp(&ratios[a]));
    places
        .into_iter()
        .take(samples)
        .map(|place| place as i64)
        .collect()
}

/// Independent draws, by the sums of the probabilities up to each element.
fn with_replacement(row: &[f64], samples: usize, rng: &mut Rng) -> Vec<i64> {
    let total: f64 = row.iter().sum();
    let mut sum = 0.0;
    let sums: Vec<f64> = row
        .iter()
        .map(|p| {
            sum += p;
            sum / total
        })
        .collect();
    (0..samples)
        .map(|_| {
            let drawn = rng.uniform_f64();
            sums.partition_point(|&sum| sum < drawn).min(row.len() - 1) as i64
        })
        .collect()
}
