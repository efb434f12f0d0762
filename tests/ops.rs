//! Every row of the operator table against PyTorch: results, gradients, what is saved, what is refused.
//!
//! `ops/cases.py` has the calls, `ops/record.py` ran them under PyTorch 2.15, `ops/ops.tsv` is the table measured by
//! `shared/autograd/measure_ops.py`. Gradients are compared with finite differences too.

#[path = "ops/case.rs"]
mod case;
#[path = "ops/eval.rs"]
mod eval;
#[path = "ops/support.rs"]
mod support;

use std::collections::BTreeSet;

use case::{Case, recorded};
use gradlint::ops::{Arg, Array, Fast, Gradient, OpRow, ResultKind, Rng, Scalar, table};
use support::{Tsv, check_case, check_refused};

/// Runs `check` on all cases and fails with everything that was found.
fn all_cases(check: impl Fn(&Case) -> Result<(), String>) {
    let recorded = recorded();
    let failures: Vec<String> = recorded
        .cases
        .iter()
        .filter_map(|case| {
            check(case).err().map(|why| {
                format!(
                    "{} ({}): {}: {why}",
                    case.row,
                    case.evidence.as_deref().unwrap_or("-"),
                    case.call
                )
            })
        })
        .collect();
    assert!(
        failures.is_empty(),
        "{} of {} cases fail:\n{}",
        failures.len(),
        recorded.cases.len(),
        failures.join("\n")
    );
}

#[test]
fn results_are_those_of_pytorch() {
    all_cases(check_case::results);
}

#[test]
fn gradients_are_those_of_pytorch() {
    all_cases(check_case::gradients);
}

#[test]
fn gradients_agree_with_finite_differences() {
    all_cases(check_case::finite_differences);
}

#[test]
fn nodes_have_the_names_of_pytorch() {
    all_cases(check_case::node);
}

#[test]
fn saves_are_as_measured() {
    let tsv = Tsv::read();
    all_cases(|case| check_case::saves(case, &tsv));
}

#[test]
fn views_are_as_measured() {
    let tsv = Tsv::read();
    all_cases(|case| check_case::views(case, &tsv));
}

#[test]
fn refusals_are_those_of_pytorch() {
    let recorded = recorded();
    let failures: Vec<String> = recorded
        .refused
        .iter()
        .filter_map(|refused| check_refused(refused).err())
        .collect();
    assert!(
        failures.is_empty(),
        "{} of {} refusals fail:\n{}",
        failures.len(),
        recorded.refused.len(),
        failures.join("\n")
    );
}

#[test]
fn every_row_has_a_case() {
    let covered: BTreeSet<String> = recorded().cases.into_iter().map(|case| case.row).collect();
    let missing: Vec<&str> = table::all()
        .map(|(_, row)| row.name)
        .filter(|name| !covered.contains(*name))
        .collect();
    assert!(missing.is_empty(), "rows without a case: {missing:?}");
}

#[test]
fn every_evidence_exists_and_has_a_case() {
    let tsv = Tsv::read();
    let covered: BTreeSet<(String, String)> = recorded()
        .cases
        .into_iter()
        .filter_map(|case| Some((case.row, case.evidence?)))
        .collect();
    let mut missing = Vec::new();
    for (_, row) in table::all() {
        for evidence in row.evidence {
            if tsv.get(evidence).is_none() {
                missing.push(format!("{}: {evidence} is no row of ops.tsv", row.name));
            } else if !covered.contains(&(row.name.to_owned(), (*evidence).to_owned())) {
                missing.push(format!("{}: {evidence} has no case", row.name));
            }
        }
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

#[test]
fn views_have_no_forward_and_all_else_has() {
    let wrong: Vec<&str> = table::all()
        .map(|(_, row)| row)
        .filter(|row| !kernel_fits(row))
        .map(|row| row.name)
        .collect();
    assert!(wrong.is_empty(), "{wrong:?}");
}

fn kernel_fits(row: &OpRow) -> bool {
    match row.result {
        ResultKind::View | ResultKind::MultiView => row.forward.is_none(),
        ResultKind::SelfIf(_) => true,
        ResultKind::Fresh => row.forward.is_some(),
    }
}

#[test]
fn nodes_are_named_where_there_is_a_gradient() {
    let nameless: Vec<&str> = table::all()
        .map(|(_, row)| row)
        .filter(|row| {
            !matches!(row.gradient, Gradient::NotDifferentiable)
                && row.node.is_empty()
                && has_a_form(row)
                && !matches!(row.result, ResultKind::SelfIf(_))
        })
        .map(|row| row.name)
        .collect();
    assert!(nameless.is_empty(), "{nameless:?}");
}

#[test]
fn fast_kernels_give_what_the_others_give() {
    let numbers: Vec<f32> = (0..37)
        .map(|nth| (nth as f32 * 0.7 - 9.0).sin() * 3.0)
        .collect();
    let special = [
        0.0,
        -0.0,
        f32::NAN,
        f32::INFINITY,
        f32::NEG_INFINITY,
        1.0,
        -1.0,
    ];
    let xs = [&numbers[..], &special[..], &numbers[..1], &[]].concat();
    let ys: Vec<f32> = xs.iter().rev().copied().collect();
    let array = |values: &[f32]| Arg::Tensor(Array::from_vec(&[values.len()][..], values.to_vec()));
    let bits = |values: &[f32]| values.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
    let mut checked = 0;
    for (_, row) in table::all() {
        let (Some(fast), Some(forward)) = (row.fast, row.forward) else {
            continue;
        };
        let mut cases = Vec::new();
        match fast {
            Fast::One(kernel) => cases.push((kernel(&xs), vec![array(&xs)])),
            Fast::Two(kernel) => {
                cases.push((kernel(&xs, &ys), vec![array(&xs), array(&ys)]));
                let number = Arg::Scalar(Scalar::Float(0.5));
                cases.push((kernel(&xs, &[0.5]), vec![array(&xs), number]));
            }
        }
        for (ours, args) in cases {
            let slow = forward(&args, &mut Rng::new(0));
            let slow = slow.unwrap_or_else(|error| panic!("{}: {error:?}", row.name));
            assert_eq!(bits(&ours), bits(&slow[0].values::<f32>()), "{}", row.name);
            checked += 1;
        }
    }
    assert!(checked > 60, "{checked}");
}

fn has_a_form(row: &OpRow) -> bool {
    !(row.forms.function.is_empty()
        && row.forms.method.is_empty()
        && row.forms.functional.is_empty())
}
