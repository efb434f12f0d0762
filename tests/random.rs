//! Random programs: what the interpreter sees the linter predicted, and what the linter calls certain the interpreter
//! sees. `GRADLINT_RANDOM=first..last` runs other seeds than the ordinary ones.

mod support;

use std::collections::BTreeSet;

use gradlint::interp::outcome::{Ending, Observation, Outcome, Raised};
use gradlint::lint::{Certainty, Finding, Prediction};
use gradlint::source::{SourceMap, Span};

use support::generate::{Generated, generate};
use support::machines::{lint_whole, run_program_with};
use support::recorded::predicted;

/// How many programs the ordinary run looks at.
const PROGRAMS: u64 = 2000;
/// The outcomes of `unknown()` that each program is run with.
const CHOICES: [&[bool]; 3] = [
    &[],
    &[true, true, true, true, true, true],
    &[false, false, false, false, false, false],
];
/// How many disagreements are shown before the rest is only counted.
const SHOWN: usize = 5;

#[test]
#[expect(clippy::print_stdout, reason = "a test says what it looked at")]
fn interpreter_and_linter_agree() {
    let seeds = seeds();
    let total = seeds.end - seeds.start;
    let mut failed = Vec::new();
    let (mut raised, mut finished, mut unsupported) = (0, 0, 0);
    for seed in seeds {
        let program = generate(seed);
        let name = format!("seed-{seed}.tg");
        let lint = lint_whole(&name, &program.text);
        let mut differences = Vec::new();
        for choices in CHOICES {
            let (outcome, run_sources) = run_program_with(&name, &program.text, choices);
            match outcome.ending {
                Ending::Raised(_) => raised += 1,
                Ending::Finished => finished += 1,
                Ending::Stopped(_) | Ending::Unsupported { .. } => unsupported += 1,
            }
            let run = Run {
                program: &program,
                findings: &lint.findings,
                none_reads: &lint.none_reads,
                sources: &lint.sources,
                outcome: &outcome,
                run_sources: &run_sources,
            };
            run.compare(&mut differences);
        }
        if !differences.is_empty() {
            differences.dedup();
            failed.push(format!(
                "seed {seed}:\n{}{}",
                numbered(&program.text),
                differences.join("\n")
            ));
        }
    }
    let runs = total as usize * CHOICES.len();
    println!(
        "{total} programs, {runs} runs: {raised} raised, {finished} finished, {unsupported} unsupported"
    );
    assert!(
        total < PROGRAMS || raised > runs / 4 && finished > runs / 10,
        "the generator no longer makes interesting programs"
    );
    assert!(unsupported == 0, "{unsupported} runs were unsupported");
    let shown = failed
        .iter()
        .take(SHOWN)
        .cloned()
        .collect::<Vec<_>>()
        .join("\n\n");
    assert!(
        failed.is_empty(),
        "{} of {total} programs disagree:\n{shown}",
        failed.len()
    );
}

fn seeds() -> std::ops::Range<u64> {
    let Ok(range) = std::env::var("GRADLINT_RANDOM") else {
        return 1..PROGRAMS + 1;
    };
    let (first, last) = range
        .split_once("..")
        .expect("GRADLINT_RANDOM is first..last");
    first.parse().expect("a number")..last.parse().expect("a number")
}

fn numbered(text: &str) -> String {
    text.lines()
        .enumerate()
        .map(|(at, line)| format!("{:>3} {line}\n", at + 1))
        .collect()
}

/// One run of a program beside its findings.
struct Run<'a> {
    program: &'a Generated,
    findings: &'a [Finding],
    none_reads: &'a [Span],
    sources: &'a SourceMap,
    outcome: &'a Outcome,
    run_sources: &'a SourceMap,
}

impl Run<'_> {
    fn compare(&self, differences: &mut Vec<String>) {
        for observation in &self.outcome.observations {
            match observation {
                Observation::Raised(raised) => self.was_predicted(raised, differences),
                Observation::GradReadNone(span) => {
                    self.none_was_predicted(self.run_sources.line(*span), differences)
                }
                _ => {}
            }
        }
        for finding in self
            .findings
            .iter()
            .filter(|finding| finding.certainty == Certainty::Always)
        {
            self.is_seen(finding, differences);
        }
    }

    fn was_predicted(&self, raised: &Raised, differences: &mut Vec<String>) {
        let line = self.run_sources.line(raised.span);
        if !self
            .findings
            .iter()
            .any(|finding| self.predicts(finding, raised, line))
        {
            differences.push(format!(
                "not predicted: {} on line {line}: {}",
                raised.error, raised.message
            ));
        }
    }

    fn predicts(&self, finding: &Finding, raised: &Raised, line: u32) -> bool {
        predicted(finding, &raised.error, &raised.message)
            .is_some_and(|span| self.sources.line(span) == line)
    }

    fn none_was_predicted(&self, line: u32, differences: &mut Vec<String>) {
        // What comes later, or is only asked for, is predicted and is no finding.
        let lines = || self.none_reads.iter().map(|span| self.sources.line(*span));
        if !lines().any(|read| read == line) {
            differences.push(format!(
                "not predicted: the gradient read on line {line} is none"
            ));
        }
    }

    /// Whether the run, if it came to the place of `finding`, saw what that foretells.
    fn is_seen(&self, finding: &Finding, differences: &mut Vec<String>) {
        let (line, seen) = match &finding.prediction {
            Prediction::Raises { span, .. } => {
                let line = self.sources.line(*span);
                let seen = |raised: &Raised| {
                    self.predicts(finding, raised, self.run_sources.line(raised.span))
                };
                let mut observed = self.outcome.observations.iter();
                (
                    line,
                    observed.any(|one| matches!(one, Observation::Raised(raised) if seen(raised))),
                )
            }
            Prediction::NoneGrad { span, .. } => {
                let line = self.sources.line(*span);
                let reads: Vec<bool> = self
                    .outcome
                    .observations
                    .iter()
                    .filter_map(|one| self.read_on(line, one))
                    .collect();
                // A finding about a tensor whose gradient nobody reads has no place where a run could show it.
                (line, reads.is_empty() || reads.contains(&true))
            }
            Prediction::WrongGrad { .. } | Prediction::None => return,
        };
        if !seen && self.reached(line) {
            differences.push(format!(
                "certain, but not seen: {} on line {line} ({:?})",
                finding.message, finding.prediction
            ));
        }
    }

    /// For a read of a gradient on `line`: whether it was none.
    fn read_on(&self, line: u32, observation: &Observation) -> Option<bool> {
        match observation {
            Observation::GradReadNone(span) | Observation::GradReadEarly(span)
                if self.run_sources.line(*span) == line =>
            {
                Some(true)
            }
            Observation::GradReadSome(span) if self.run_sources.line(*span) == line => Some(false),
            _ => None,
        }
    }

    /// Whether the run surely executed `line`: its block was entered, and the run did not end in or before it.
    fn reached(&self, line: u32) -> bool {
        let block = self
            .program
            .block_of_line
            .get(line as usize)
            .copied()
            .unwrap_or(0);
        let entered: BTreeSet<usize> = self
            .outcome
            .output
            .lines()
            .filter_map(|line| line.strip_prefix("block ")?.parse().ok())
            .collect();
        let before_end = match &self.outcome.ending {
            Ending::Finished => true,
            Ending::Raised(raised) => block == 0 && self.run_sources.line(raised.span) > line,
            Ending::Stopped(_) | Ending::Unsupported { .. } => false,
        };
        before_end && (block == 0 || entered.contains(&block))
    }
}
