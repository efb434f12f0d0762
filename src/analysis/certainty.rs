//! How sure a fact is.
//!
//! Let *passed(p)* be the paths on which an instruction at place *p* was completed, and *found(f)* those on which fact *f*
//! was found there. A fact is *always* iff no path ends that is in *passed(place of f)* but not in *found(f)*: every run
//! that reaches the place and goes on ends up with the fact. A join of two paths passes what either passed and has found
//! only what both found; so joining can only make a fact less certain.

use rustc_hash::FxHashMap;

use super::Analyzer;
use super::fact::{Fact, FactKind, Failure, WhyNone};
use super::story::{Happened, Step};
use super::world::World;
use crate::dataflow::PersistentSet;
use crate::lint::Certainty;
use crate::ops::Exception;
use crate::source::Span;

/// Whether a fact may hang on a value that is not modelled: a refusal for its type, its layout, or its being none.
fn depends_on_values(kind: &FactKind) -> bool {
    matches!(
        kind,
        FactKind::Raises {
            failure: Failure::Shape
                | Failure::Other
                | Failure::NoneValue
                | Failure::RefusedAssignment
                | Failure::OptimizerParameters,
            ..
        }
    )
}

/// Whether nothing that the program does is to blame for a loss without a graph, or a gradient that is none: on some path
/// nothing was put into it, as where a loop over data that is not known makes no trip.
fn is_of_unknown_ways(fact: &Fact) -> bool {
    let is_cut = |step: &Step| {
        !matches!(
            step.happened,
            Happened::MadeWithoutGrad | Happened::Made | Happened::ReadNone
        )
    };
    match &fact.kind {
        FactKind::Raises { failure, .. } => match failure {
            Failure::NotATensor => true,
            Failure::NoGraph | Failure::NoneGradient => !fact.story.iter().any(is_cut),
            _ => false,
        },
        FactKind::GradNone { why } => *why == WhyNone::TooEarly,
        FactKind::NotRegistered => true,
        _ => false,
    }
}

/// Whether the text of an exception hangs on values that are not known, and so whether it is raised at all.
fn is_wholly_unknown(kind: &FactKind) -> bool {
    depends_on_values(kind)
        && matches!(kind, FactKind::Raises { message, .. } if message == "…" || message.contains(" … "))
}

/// The facts found so far.
#[derive(Debug, Default)]
pub(super) struct Found {
    facts: Vec<Entry>,
    by_key: FxHashMap<Key, u32>,
}

#[derive(Debug)]
struct Entry {
    fact: Fact,
    /// The numbers of the instructions at the fact's place; none: every path comes by.
    at: Vec<u32>,
    /// Whether some path came past the place without the fact.
    contradicted: bool,
    /// Whether it has turned out not to hold.
    dropped: bool,
    /// Whether it is told only if it is certain, in a program in Python.
    only_if_certain: bool,
}

impl Entry {
    /// Two paths may fail at one place with texts that differ, in a version say: what differs is not known before the run.
    fn widen_message(&mut self, other: &FactKind) {
        if let (FactKind::Raises { message, .. }, FactKind::Raises { message: new, .. }) =
            (&mut self.fact.kind, other)
            && message != new
        {
            *message = common_text(message, new);
        }
    }
}

/// What two texts have in common, word by word, with `…` for the rest.
fn common_text(a: &str, b: &str) -> String {
    let (a, b): (Vec<&str>, Vec<&str>) = (a.split(' ').collect(), b.split(' ').collect());
    if a.len() == b.len() {
        let words: Vec<String> = a.iter().zip(&b).map(|(a, b)| common_word(a, b)).collect();
        return words.join(" ");
    }
    let before = a.iter().zip(&b).take_while(|(a, b)| a == b).count();
    let shorter = a.len().min(b.len()) - before;
    let ends = a.iter().rev().zip(b.iter().rev());
    let after = ends.take(shorter).take_while(|(a, b)| a == b).count();
    let words: Vec<&str> = a[..before]
        .iter()
        .chain(&["…"])
        .chain(&a[a.len() - after..])
        .copied()
        .collect();
    words.join(" ")
}

/// A word, or where two differ `…` and the punctuation that ends both.
fn common_word(a: &str, b: &str) -> String {
    if a == b {
        return a.to_owned();
    }
    let ends = a.chars().rev().zip(b.chars().rev());
    let same = ends.take_while(|(a, b)| a == b && a.is_ascii_punctuation());
    let mut ending: Vec<char> = same.map(|(a, _)| a).collect();
    ending.push('…');
    ending.iter().rev().collect()
}

/// What makes two facts the same: the kind without its details, and the place.
type Key = (
    Span,
    std::mem::Discriminant<FactKind>,
    Option<(Failure, Exception)>,
    Option<Span>,
);

impl Analyzer<'_> {
    /// Notes a fact on this path, and returns its number. The first story that is found is kept.
    pub(super) fn fact(
        &mut self,
        world: &mut World,
        span: Span,
        kind: FactKind,
        story: Vec<Step>,
    ) -> u32 {
        self.fact_about(world, span, kind, story, None)
    }

    /// The same for a fact about one of several subjects at one place.
    pub(super) fn fact_about(
        &mut self,
        world: &mut World,
        span: Span,
        kind: FactKind,
        story: Vec<Step>,
        subject: Option<Span>,
    ) -> u32 {
        let span = self.place(span);
        let here = self.instruction_at(span);
        let failure = match &kind {
            FactKind::Raises { failure, error, .. } => Some((*failure, *error)),
            _ => None,
        };
        let key = (span, std::mem::discriminant(&kind), failure, subject);
        let number = match self.found.by_key.get(&key) {
            Some(&number) => {
                self.found.facts[number as usize].widen_message(&kind);
                number
            }
            None => {
                let number = self.found.facts.len() as u32;
                let story = story
                    .into_iter()
                    .map(|step| Step {
                        span: self.place(step.span),
                        ..step
                    })
                    .collect();
                let fact = Fact {
                    kind,
                    span,
                    certainty: Certainty::Always,
                    story,
                };
                self.found.facts.push(Entry {
                    fact,
                    at: Vec::new(),
                    contradicted: false,
                    dropped: false,
                    only_if_certain: false,
                });
                self.found.by_key.insert(key, number);
                number
            }
        };
        let doubtful = self.may_be_of_others(world)
            && depends_on_values(&self.found.facts[number as usize].fact.kind);
        let entry = &mut self.found.facts[number as usize];
        entry.contradicted |= doubtful;
        if let Some(here) = here
            && !entry.at.contains(&here)
        {
            entry.at.push(here);
        }
        world.found.insert(number);
        if world.approximate {
            self.found.facts[number as usize].contradicted = true;
        }
        number
    }

    /// The same for one that may hold or not on this very path.
    pub(super) fn uncertain_fact(
        &mut self,
        world: &mut World,
        span: Span,
        kind: FactKind,
        story: Vec<Step>,
    ) -> u32 {
        let number = self.fact(world, span, kind, story);
        self.found.facts[number as usize].contradicted = true;
        number
    }

    /// The number of the instruction that is being followed at this place of the user's text.
    pub(super) fn instruction_at(&self, span: Span) -> Option<u32> {
        let inner = (self.at.0 == span).then_some(self.at.1);
        inner.or_else(|| {
            self.calls
                .iter()
                .rev()
                .find(|call| call.0 == span)
                .map(|call| call.1)
        })
    }

    /// Notes that a read of a gradient is the place of a fact that is told later.
    pub(super) fn fact_at(&mut self, number: u32, instruction: Option<u32>) {
        let at = &mut self.found.facts[number as usize].at;
        if let Some(instruction) = instruction
            && !at.contains(&instruction)
        {
            at.push(instruction);
        }
    }

    /// Weighs all facts against a path that has ended, by what it passed and found. To be called once all facts are known.
    pub(super) fn weigh(&mut self, passed: &PersistentSet, found: &PersistentSet) {
        for number in 0..self.found.facts.len() {
            let entry = &self.found.facts[number];
            if entry.contradicted || found.contains(number as u32) {
                continue;
            }
            let came_by = entry.at.is_empty() || entry.at.iter().any(|&at| passed.contains(at));
            if came_by {
                self.found.facts[number].contradicted = true;
            }
        }
    }

    /// Takes back facts that have turned out not to hold.
    pub(super) fn drop_facts(&mut self, is_dropped: impl Fn(u32) -> bool) {
        for (number, entry) in self.found.facts.iter_mut().enumerate() {
            entry.dropped |= is_dropped(number as u32);
        }
    }

    /// Facts that a program in Python is told only where they are certain.
    pub(super) fn doubt_facts(&mut self, is_doubted: impl Fn(u32) -> bool) {
        for (number, entry) in self.found.facts.iter_mut().enumerate() {
            entry.only_if_certain |= is_doubted(number as u32);
        }
    }

    /// All facts with their certainty, in the order of their places.
    pub(super) fn weighed(&mut self) -> Vec<Fact> {
        let lenient = self.program.lenient;
        let mut facts: Vec<Fact> = std::mem::take(&mut self.found.facts)
            .into_iter()
            .filter(|entry| !entry.dropped)
            .filter(|entry| !(lenient && entry.only_if_certain && entry.contradicted))
            .map(|entry| Fact {
                certainty: if entry.contradicted {
                    Certainty::Sometimes
                } else {
                    Certainty::Always
                },
                ..entry.fact
            })
            .collect();
        if self.program.lenient {
            facts.retain(|fact| {
                fact.certainty == Certainty::Always
                    || !(depends_on_values(&fact.kind) || is_of_unknown_ways(fact))
            });
            facts.retain(|fact| !is_wholly_unknown(&fact.kind));
        }
        facts.sort_by_key(|fact| fact.span);
        facts
    }
}
