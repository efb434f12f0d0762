//! What all programs together come to.

use std::collections::BTreeMap;

use super::against_analysis::Compared;
use super::disagreement::{Class, Disagreement, shape_of};
use super::options::Options;
use super::subject::Subject;
use gradlint::interp::outcome::{Ending, Observation};

/// The totals.
#[derive(Default)]
pub struct Report {
    pub programs: usize,
    /// Programs that disagree with PyTorch.
    disagreements: usize,
    missed: usize,
    contradicted: usize,
    sometimes: usize,
    witnessed: usize,
    /// Endings and exceptions on the way, by kind.
    pub kinds: BTreeMap<String, usize>,
    pub silent: BTreeMap<&'static str, usize>,
    /// How many programs hold each of the known ones.
    pub holds: BTreeMap<String, usize>,
    /// Disagreements by kind: how often, and the seeds of the first.
    found: BTreeMap<(Class, String), (usize, Vec<String>)>,
}

impl Report {
    /// Counts a program.
    pub fn count(&mut self, subject: &Subject) {
        self.programs += 1;
        let outcome = &subject.run.outcome;
        let ending = match &outcome.ending {
            Ending::Finished => "finished".to_owned(),
            Ending::Raised(raised) => {
                format!("raised {}: {}", raised.error, shape_of(&raised.message))
            }
            Ending::Stopped(bound) => format!("stopped: {bound:?}"),
            Ending::Unsupported { what, .. } => format!("unsupported: {what}"),
        };
        *self.kinds.entry(ending).or_default() += 1;
        let mut seen: Vec<&'static str> = outcome.observations.iter().filter_map(silent).collect();
        seen.sort_unstable();
        seen.dedup();
        for one in seen {
            *self.silent.entry(one).or_default() += 1;
        }
    }

    /// Counts what the analysis and the interpreter came to.
    pub fn analysis(&mut self, compared: &Compared) {
        self.sometimes += compared.sometimes;
        self.witnessed += compared.witnessed;
        for one in &compared.disagreements {
            match one.class {
                Class::Missed => self.missed += 1,
                Class::Contradicted => self.contradicted += 1,
                Class::PyTorch | Class::NotWitnessed => {}
            }
        }
    }

    /// Counts a program that disagrees with PyTorch.
    pub fn disagrees(&mut self) {
        self.disagreements += 1;
    }

    /// Notes a disagreement, and tells how many there are of its kind.
    pub fn note(&mut self, one: &Disagreement, label: &str) -> usize {
        let (count, labels) = self.found.entry((one.class, one.kind.clone())).or_default();
        *count += 1;
        if labels.len() < 5 {
            labels.push(label.to_owned());
        }
        *count
    }

    pub fn has_failed(&self) -> bool {
        self.disagreements + self.missed + self.contradicted > 0
    }

    pub fn merge(&mut self, other: Report) {
        self.programs += other.programs;
        self.disagreements += other.disagreements;
        self.missed += other.missed;
        self.contradicted += other.contradicted;
        self.sometimes += other.sometimes;
        self.witnessed += other.witnessed;
        add(&mut self.kinds, other.kinds);
        add(&mut self.silent, other.silent);
        add(&mut self.holds, other.holds);
        for (key, (count, labels)) in other.found {
            let own = self.found.entry(key).or_default();
            own.0 += count;
            own.1.extend(labels);
        }
    }

    /// The kinds by count, the disagreements by kind, and the line of totals.
    pub fn print(&self, options: &Options) {
        if options.python.is_some() {
            let mut kinds: Vec<_> = self.kinds.iter().collect();
            kinds.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
            println!("endings by kind:");
            for (kind, count) in kinds {
                println!("{count:>8} {kind}");
            }
            println!("seen in silence, by programs: {:?}", self.silent);
            let mut holds: Vec<_> = self.holds.iter().collect();
            holds.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
            println!("programs of tests/oracle held whole, by id: {holds:?}");
            let least = holds.last();
            println!("{} of them, the rarest {least:?}", holds.len());
        }
        // The fixed batch says nothing of what no run happened to show, so long as all is well.
        let is_quiet = options.python.is_none() && !self.has_failed();
        let mut found: Vec<_> = self.found.iter().filter(|_| !is_quiet).collect();
        if !found.is_empty() {
            println!("disagreements by kind:");
        }
        found.sort_by_key(|(_, (count, _))| std::cmp::Reverse(*count));
        for ((class, kind), (count, labels)) in found {
            println!("{count:>8} {class:?}: {kind} ({})", labels.join(", "));
        }
        let share = match self.sometimes {
            0 => 100.0,
            all => 100.0 * self.witnessed as f64 / all as f64,
        };
        println!(
            "{} programs, {} disagreements, {} missed, {} contradicted, {share:.2} % of sometimes witnessed",
            self.programs, self.disagreements, self.missed, self.contradicted
        );
    }
}

fn add<K: Ord>(own: &mut BTreeMap<K, usize>, other: BTreeMap<K, usize>) {
    for (kind, count) in other {
        *own.entry(kind).or_default() += count;
    }
}

fn silent(observation: &Observation) -> Option<&'static str> {
    Some(match observation {
        Observation::GradReadNone(_) => "none gradient read",
        Observation::StepSkipped { none, all, .. } if none == all => "step without gradients",
        Observation::StepSkipped { .. } => "step passes over parameters",
        Observation::StaleSaved { .. } => "stale saved tensor",
        Observation::Accumulated(_) => "gradients accumulate",
        Observation::LeafWithoutGrad(_) => "leaf without gradient",
        Observation::MethodNotCalled(_) => "method not called",
        Observation::GradReadEarly(_) => "gradient read too early",
        Observation::Raised(_) | Observation::GradReadSome(_) => return None,
    })
}
