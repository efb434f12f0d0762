//! Random programs about autograd, the same for the same seed, to be judged by several witnesses.
//!
//! Three kinds are made: programs grown statement by statement with the shapes of their tensors in view, so that most
//! statements are well-formed; programs of `tests/oracle`, alone or together with grown statements; and programs of
//! `tests/oracle` with statements taken away, doubled, moved or mixed with those of another.

mod backwards;
mod control;
pub mod corpus;
mod dice;
mod flags;
mod grown;
mod indexing;
mod leaves;
mod modules;
mod mutated;
mod operators;
mod recipes;
mod scope;
pub mod single;
pub mod tree;
mod writes;

use corpus::Corpus;
use dice::Dice;
use tree::Tree;

/// How often a program is drawn until it is well-formed.
const MAX_DRAWS: u64 = 32;

/// Of what programs are made, and how large.
pub struct Generator {
    /// Programs that others are made from.
    pub corpus: Corpus,
    /// Statements of a grown program, about.
    pub size: usize,
}

/// A program, and where it is from.
pub struct Generated {
    pub tree: Tree,
    /// The id of the program of `tests/oracle` that is in it, whole.
    pub holds: Option<String>,
}

impl Generator {
    /// The program of `seed`: what is drawn is drawn again until it is well-formed, since statements that are taken
    /// away or moved may leave a name that nothing binds.
    pub fn program(&self, seed: u64) -> Generated {
        let drawn = |again: u64| self.drawn(seed, &mut Dice::new(seed.wrapping_add(again << 40)));
        let well_formed = |one: &Generated| {
            let text = one.tree.text();
            gradlint::check_text("program.tg", &text)
                .messages
                .is_empty()
        };
        (0..MAX_DRAWS)
            .map(drawn)
            .find(well_formed)
            .unwrap_or_else(|| drawn(0))
    }

    fn drawn(&self, seed: u64, dice: &mut Dice) -> Generated {
        // One in five holds one of the corpus, each in its turn: of so many programs, none is rare.
        if seed.is_multiple_of(5) {
            return self.around_a_known_one(seed / 5, dice);
        }
        match dice.below(80) {
            0..15 => Generated {
                tree: mutated::mutated(&self.corpus, dice),
                holds: None,
            },
            _ => Generated {
                tree: Tree(grown::grow(dice, self.size)),
                holds: None,
            },
        }
    }

    /// A program of the corpus: as it is, in a loop or a branch, or behind grown statements.
    fn around_a_known_one(&self, nth: u64, dice: &mut Dice) -> Generated {
        let (id, known) = self.corpus.nth(nth);
        let mut nodes = known.0.clone();
        match dice.below(6) {
            0 | 1 => {}
            2 => nodes = vec![tree::block("for turn in range(2)", nodes)],
            3 => nodes = vec![tree::block("if unknown()", nodes)],
            4 => nodes = vec![control::caught(nodes, "print(\"caught\")")],
            _ => {
                let mut grown = grown::grow(dice, self.size / 2);
                grown.extend(nodes);
                nodes = grown;
            }
        }
        Generated {
            tree: Tree(nodes),
            holds: Some(id.to_owned()),
        }
    }
}
