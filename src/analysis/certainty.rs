//! How sure a fact is.
//!
//! Let *passed(p)* be the paths on which an instruction at place *p* was completed, and *found(f)* those on which fact *f*
//! was found there. A fact is *always* iff no path ends that is in *passed(place of f)* but not in *found(f)*: every run
//! that reaches the place and goes on ends up with the fact. A join of two paths passes what either passed and has found
//! only what both found; so joining can only make a fact less certain.

use rustc_hash::FxHashMap;

use super::Analyzer;
use super::fact::{Fact, FactKind, Failure};
use super::story::Step;
use super::world::World;
use crate::dataflow::PersistentVec;
use crate::lint::Certainty;
use crate::source::Span;

/// The facts found so far.
#[derive(Debug, Default)]
pub(super) struct Found {
    facts: Vec<Entry>,
    by_key: FxHashMap<Key, u32>,
    /// The numbers of the instructions of the user's text, by their places.
    instructions: FxHashMap<Span, Vec<u32>>,
}

#[derive(Debug)]
struct Entry {
    fact: Fact,
    /// The instructions at the fact's place.
    place: Span,
    /// Whether some path came past the place without the fact.
    contradicted: bool,
}

/// What makes two facts the same: the kind without its details, and the place.
type Key = (Span, std::mem::Discriminant<FactKind>, Option<Failure>, Option<Span>);

impl Analyzer<'_> {
    /// Notes a fact on this path, and returns its number. The first story that is found is kept.
    pub(super) fn fact(&mut self, world: &mut World, span: Span, kind: FactKind, story: Vec<Step>) -> u32 {
        self.fact_about(world, span, kind, story, None)
    }

    /// The same for a fact about one of several subjects at one place.
    pub(super) fn fact_about(&mut self, world: &mut World, span: Span, kind: FactKind, story: Vec<Step>, subject: Option<Span>) -> u32 {
        let span = self.place(span);
        let failure = match &kind {
            FactKind::Raises { failure, .. } => Some(*failure),
            _ => None,
        };
        let key = (span, std::mem::discriminant(&kind), failure, subject);
        let number = match self.found.by_key.get(&key) {
            Some(&number) => number,
            None => {
                let number = self.found.facts.len() as u32;
                let story = story.into_iter().map(|step| Step { span: self.place(step.span), ..step }).collect();
                let fact = Fact { kind, span, certainty: Certainty::Always, story };
                self.found.facts.push(Entry { fact, place: span, contradicted: false });
                self.found.by_key.insert(key, number);
                number
            }
        };
        world.found.set(number, ());
        if world.approximate {
            self.found.facts[number as usize].contradicted = true;
        }
        number
    }

    /// The same for one that may hold or not on this very path.
    pub(super) fn uncertain_fact(&mut self, world: &mut World, span: Span, kind: FactKind, story: Vec<Step>) {
        let number = self.fact(world, span, kind, story);
        self.found.facts[number as usize].contradicted = true;
    }

    /// Notes that the path came past instruction `number` at `span`.
    pub(super) fn pass(&mut self, world: &mut World, number: u32, span: Span) {
        if world.passed.get(number).is_none() {
            world.passed.set(number, ());
            if self.in_user_text(span) {
                let numbers = self.found.instructions.entry(span).or_default();
                if !numbers.contains(&number) {
                    numbers.push(number);
                }
            }
        }
    }

    /// Weighs all facts against a path that has ended, by what it passed and found. To be called once all facts are known.
    pub(super) fn weigh(&mut self, passed: &PersistentVec<()>, found: &PersistentVec<()>) {
        for number in 0..self.found.facts.len() {
            let entry = &self.found.facts[number];
            if entry.contradicted || found.get(number as u32).is_some() {
                continue;
            }
            let came_by = self.found.instructions.get(&entry.place).is_some_and(|all| all.iter().any(|&at| passed.get(at).is_some()));
            if came_by {
                self.found.facts[number].contradicted = true;
            }
        }
    }

    /// All facts with their certainty, in the order of their places.
    pub(super) fn weighed(&mut self) -> Vec<Fact> {
        let mut facts: Vec<Fact> = std::mem::take(&mut self.found.facts)
            .into_iter()
            .map(|entry| Fact { certainty: if entry.contradicted { Certainty::Sometimes } else { Certainty::Always }, ..entry.fact })
            .collect();
        facts.sort_by_key(|fact| fact.span);
        facts
    }
}
