//! The rules, one file each. A rule says which facts of the analysis it reports and in which words; it looks at no
//! syntax and names no operator.

use crate::analysis::fact::{Fact, FactKind, Facts, Failure};
use crate::diagnostic::{Label, Severity};
use crate::lint::{Certainty, Finding, Prediction, Rule};
use crate::source::{SourceMap, Span};

pub mod backward_on_non_scalar;
pub mod backward_on_number;
pub mod backward_through_freed_graph;
pub mod backward_without_graph;
pub mod constant_gradient;
pub mod custom_function_gradient;
pub mod flag_on_non_leaf;
pub mod forbidden_in_place;
pub mod grad_of_ungraphed_input;
pub mod grad_of_unused_input;
pub mod gradient_shape_mismatch;
pub mod gradients_accumulate;
pub mod graph_kept_alive;
pub mod hook_breaks_gradient;
pub mod in_place_on_custom_function_view;
pub mod in_place_on_expanded;
pub mod in_place_on_leaf;
pub mod in_place_on_multi_output_view;
pub mod in_place_on_no_grad_view;
pub mod in_place_on_view_of_leaf;
pub mod inference_tensor_used;
pub mod method_not_called;
pub mod missing_derivative;
pub mod misspelt_flag;
pub mod none_gradient_cleared;
pub mod none_gradient_detached;
pub mod none_gradient_frozen;
pub mod none_gradient_non_leaf;
pub mod none_gradient_not_reached;
pub mod none_gradient_not_required;
pub mod none_gradient_rebuilt;
pub mod none_gradient_too_early;
pub mod none_gradient_under_no_grad;
pub mod none_gradient_used;
pub mod none_value_used;
pub mod optimizer_parameters;
pub mod out_with_grad;
pub mod output_without_graph;
pub mod parameter_never_reached;
pub mod parameter_replaced;
pub mod parameters_added_late;
pub mod parameters_not_registered;
pub mod python_error;
pub mod refused_assignment;
pub mod requires_grad_on_integer;
pub mod retain_grad_too_late;
pub mod retain_grad_without_grad;
pub mod saved_tensor_detached;
pub mod saved_tensor_overwritten;
pub mod shape_or_dtype_mismatch;
pub mod silent_cut;
pub mod stale_saved_tensor;
pub mod step_without_gradients;

/// How a rule reports a fact.
#[derive(Debug)]
pub struct Pattern {
    /// The rule.
    pub rule: &'static Rule,
    /// Whether it reports a fact of this kind. No two rules report the same.
    pub applies: fn(&FactKind) -> bool,
    /// The headline; `{}` stands for the text of the program at the place.
    pub headline: &'static str,
    /// What is shown at the place.
    pub label: &'static str,
    /// What to do.
    pub help: &'static [&'static str],
}

/// All rules, in the order of their codes.
pub static RULES: &[&Rule] = &[
    &backward_without_graph::RULE,
    &backward_on_non_scalar::RULE,
    &gradient_shape_mismatch::RULE,
    &backward_on_number::RULE,
    &backward_through_freed_graph::RULE,
    &missing_derivative::RULE,
    &grad_of_unused_input::RULE,
    &grad_of_ungraphed_input::RULE,
    &hook_breaks_gradient::RULE,
    &custom_function_gradient::RULE,
    &none_gradient_detached::RULE,
    &none_gradient_not_required::RULE,
    &none_gradient_under_no_grad::RULE,
    &none_gradient_rebuilt::RULE,
    &none_gradient_non_leaf::RULE,
    &none_gradient_frozen::RULE,
    &none_gradient_not_reached::RULE,
    &none_gradient_too_early::RULE,
    &none_gradient_cleared::RULE,
    &retain_grad_too_late::RULE,
    &none_gradient_used::RULE,
    &none_value_used::RULE,
    &saved_tensor_overwritten::RULE,
    &in_place_on_leaf::RULE,
    &in_place_on_view_of_leaf::RULE,
    &in_place_on_multi_output_view::RULE,
    &in_place_on_no_grad_view::RULE,
    &saved_tensor_detached::RULE,
    &in_place_on_expanded::RULE,
    &inference_tensor_used::RULE,
    &forbidden_in_place::RULE,
    &stale_saved_tensor::RULE,
    &out_with_grad::RULE,
    &in_place_on_custom_function_view::RULE,
    &requires_grad_on_integer::RULE,
    &flag_on_non_leaf::RULE,
    &retain_grad_without_grad::RULE,
    &refused_assignment::RULE,
    &misspelt_flag::RULE,
    &silent_cut::RULE,
    &output_without_graph::RULE,
    &step_without_gradients::RULE,
    &parameter_never_reached::RULE,
    &parameter_replaced::RULE,
    &parameters_not_registered::RULE,
    &optimizer_parameters::RULE,
    &gradients_accumulate::RULE,
    &parameters_added_late::RULE,
    &method_not_called::RULE,
    &graph_kept_alive::RULE,
    &constant_gradient::RULE,
    &shape_or_dtype_mismatch::RULE,
    &python_error::RULE,
];

/// All patterns, in the order of [`RULES`].
const PATTERNS: &[Pattern] = &[
    backward_without_graph::PATTERN,
    backward_on_non_scalar::PATTERN,
    gradient_shape_mismatch::PATTERN,
    backward_on_number::PATTERN,
    backward_through_freed_graph::PATTERN,
    missing_derivative::PATTERN,
    grad_of_unused_input::PATTERN,
    grad_of_ungraphed_input::PATTERN,
    hook_breaks_gradient::PATTERN,
    custom_function_gradient::PATTERN,
    none_gradient_detached::PATTERN,
    none_gradient_not_required::PATTERN,
    none_gradient_under_no_grad::PATTERN,
    none_gradient_rebuilt::PATTERN,
    none_gradient_non_leaf::PATTERN,
    none_gradient_frozen::PATTERN,
    none_gradient_not_reached::PATTERN,
    none_gradient_too_early::PATTERN,
    none_gradient_cleared::PATTERN,
    retain_grad_too_late::PATTERN,
    none_gradient_used::PATTERN,
    none_value_used::PATTERN,
    saved_tensor_overwritten::PATTERN,
    in_place_on_leaf::PATTERN,
    in_place_on_view_of_leaf::PATTERN,
    in_place_on_multi_output_view::PATTERN,
    in_place_on_no_grad_view::PATTERN,
    saved_tensor_detached::PATTERN,
    in_place_on_expanded::PATTERN,
    inference_tensor_used::PATTERN,
    forbidden_in_place::PATTERN,
    stale_saved_tensor::PATTERN,
    out_with_grad::PATTERN,
    in_place_on_custom_function_view::PATTERN,
    requires_grad_on_integer::PATTERN,
    flag_on_non_leaf::PATTERN,
    retain_grad_without_grad::PATTERN,
    refused_assignment::PATTERN,
    misspelt_flag::PATTERN,
    silent_cut::PATTERN,
    output_without_graph::PATTERN,
    step_without_gradients::PATTERN,
    parameter_never_reached::PATTERN,
    parameter_replaced::PATTERN,
    parameters_not_registered::PATTERN,
    optimizer_parameters::PATTERN,
    gradients_accumulate::PATTERN,
    parameters_added_late::PATTERN,
    method_not_called::PATTERN,
    graph_kept_alive::PATTERN,
    constant_gradient::PATTERN,
    shape_or_dtype_mismatch::PATTERN,
    python_error::PATTERN,
];

/// The findings that the facts come to, in the order of their places.
pub fn check(facts: &Facts, sources: &SourceMap) -> Vec<Finding> {
    facts
        .facts
        .iter()
        .filter(|fact| sources.is_user(fact.span))
        .filter_map(|fact| finding(fact, sources))
        .collect()
}

fn finding(fact: &Fact, sources: &SourceMap) -> Option<Finding> {
    let pattern = PATTERNS
        .iter()
        .find(|pattern| (pattern.applies)(&fact.kind))?;
    // What has nothing to do with gradients is reported only where it is certain: the values that decide it are not followed.
    if fact.certainty == Certainty::Sometimes
        && matches!(
            fact.kind,
            FactKind::Raises {
                failure: Failure::Other,
                ..
            }
        )
    {
        return None;
    }
    let severity = match fact.certainty {
        Certainty::Always => pattern.rule.severity,
        Certainty::Sometimes => pattern.rule.severity.min(Severity::Warning),
    };
    Some(Finding {
        rule: pattern.rule,
        severity,
        certainty: fact.certainty,
        message: pattern.headline.replace("{}", &excerpt(sources, fact.span)),
        span: fact.span,
        label: pattern.label.to_owned(),
        prediction: prediction(fact, sources),
        causes: causes(fact, sources),
        help: pattern.help.iter().map(|&line| line.to_owned()).collect(),
        fix: None,
        confirmed: None,
    })
}

fn prediction(fact: &Fact, sources: &SourceMap) -> Prediction {
    let span = fact.span;
    let tensor = || excerpt(sources, span).trim_end_matches(".grad").to_owned();
    match &fact.kind {
        FactKind::Raises { error, message, .. } => Prediction::Raises {
            error: *error,
            torch_message: message.clone(),
            span,
        },
        FactKind::GradNone { .. } => Prediction::NoneGrad {
            expr: tensor(),
            span,
        },
        FactKind::StepWithoutGrad { parameter, .. } => Prediction::NoneGrad {
            expr: excerpt(sources, *parameter),
            span,
        },
        FactKind::NeverReached { .. } => Prediction::NoneGrad {
            expr: tensor(),
            span,
        },
        FactKind::StaleSaved | FactKind::Accumulates | FactKind::ConstantGradient => {
            Prediction::WrongGrad {
                expr: tensor(),
                span,
            }
        }
        FactKind::NotHeld
        | FactKind::AddedLate
        | FactKind::NotCalled { .. }
        | FactKind::GraphKept
        | FactKind::SilentCut { .. }
        | FactKind::OutputWithoutGraph
        | FactKind::NotRegistered
        | FactKind::MisspeltFlag { .. } => Prediction::None,
    }
}

/// The story as labels. Steps in the library have been moved to the caller's place; what stands there twice is said once.
fn causes(fact: &Fact, sources: &SourceMap) -> Vec<Label> {
    let mut out: Vec<Label> = Vec::with_capacity(fact.story.len());
    for step in fact.story.iter().filter(|step| sources.is_user(step.span)) {
        let label = Label {
            span: step.span,
            message: step.happened.to_string(),
        };
        if !out.contains(&label) {
            out.push(label);
        }
    }
    out
}

/// The longest piece of the program that a headline quotes, in characters.
const MAX_EXCERPT: usize = 60;

/// The text of the program at a place, on one line and not too long.
fn excerpt(sources: &SourceMap, span: Span) -> String {
    let text: Vec<&str> = sources.text(span).split_whitespace().collect();
    let text = text.join(" ");
    if text.chars().count() <= MAX_EXCERPT {
        return text;
    }
    let cut: String = text.chars().take(MAX_EXCERPT - 1).collect();
    format!("{cut}…")
}
