//! Rules: a line each, or one with its explanation.

use serde_json::{Value, json};

use super::json::SCHEMA;
use super::severity;
use crate::lint::Rule;

/// A line each.
pub fn list<'r>(rules: impl Iterator<Item = &'r Rule>) -> String {
    rules
        .map(|rule| {
            format!(
                "{}  {:7}  {}: {}\n",
                rule.code,
                severity(rule.severity),
                rule.name,
                rule.summary
            )
        })
        .collect()
}

/// The explanation of one, its Markdown without the marks that only a renderer needs.
pub fn explanation(rule: &Rule) -> String {
    let mut text = format!(
        "{} {} ({}, since {})\n",
        rule.code,
        rule.name,
        severity(rule.severity),
        rule.since
    );
    let mut in_code = false;
    // The title says the name again.
    for line in rule
        .documentation
        .lines()
        .skip_while(|line| line.starts_with("# ") || line.is_empty())
    {
        if line.starts_with("```") {
            in_code = !in_code;
        } else if in_code {
            text += &format!("    {line}\n");
        } else {
            text += &format!("{}\n", line.trim_start_matches('#').trim_start());
        }
    }
    text
}

/// The rules as JSON, with their explanations.
pub fn json<'r>(rules: impl Iterator<Item = &'r Rule>) -> String {
    let rules: Vec<Value> = rules.map(object).collect();
    format!("{:#}\n", json!({"schema": SCHEMA, "rules": rules}))
}

fn object(rule: &Rule) -> Value {
    json!({
        "rule": rule.code,
        "name": rule.name,
        "severity": severity(rule.severity),
        "summary": rule.summary,
        "since": rule.since,
        "documentation": rule.documentation,
    })
}
