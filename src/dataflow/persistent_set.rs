//! A set of numbers whose copies share what they have in common.

use super::PersistentVec;

/// Numbers in a word.
const BITS: u32 = u64::BITS;

/// A persistent set of `u32`, as a [`PersistentVec`] of words: what holds of it, holds here.
#[derive(Clone, Debug, Default)]
pub struct PersistentSet {
    words: PersistentVec<u64>,
}

impl PersistentSet {
    /// Whether `number` is in it.
    pub fn contains(&self, number: u32) -> bool {
        self.word(number / BITS) & bit(number) != 0
    }

    /// Puts `number` in. What is shared is only copied if it was not there.
    pub fn insert(&mut self, number: u32) {
        if !self.contains(number) {
            *self.words.slot_mut(number / BITS).get_or_insert(0) |= bit(number);
        }
    }

    /// Puts in what `other` has.
    pub fn unite(&mut self, other: &PersistentSet) {
        let union = |a: &u64, b: &u64| (b & !a != 0).then_some(a | b);
        self.words.merge(&other.words, union);
    }

    /// Keeps only what `other` has, too.
    pub fn intersect(&mut self, other: &PersistentSet) {
        for at in self.words.diff(&other.words) {
            let word = self.word(at) & other.word(at);
            self.put(at, word);
        }
    }

    /// Whether it has a number that `other` has not.
    pub fn exceeds(&self, other: &PersistentSet) -> bool {
        let words = self.words.diff(&other.words);
        words
            .into_iter()
            .any(|at| self.word(at) & !other.word(at) != 0)
    }

    /// The numbers that it has and `other` has not, in order.
    pub fn beyond(&self, other: &PersistentSet) -> Vec<u32> {
        let words = self.words.diff(&other.words).into_iter();
        let numbers = |at: u32| {
            let word = self.word(at) & !other.word(at);
            (0..BITS)
                .filter(move |&n| word & bit(n) != 0)
                .map(move |n| at * BITS + n)
        };
        words.flat_map(numbers).collect()
    }

    /// Its numbers, in order.
    pub fn iter(&self) -> impl Iterator<Item = u32> {
        let numbers = |(at, &word): (u32, &u64)| {
            (0..BITS)
                .filter(move |&n| word & bit(n) != 0)
                .map(move |n| at * BITS + n)
        };
        self.words.entries().into_iter().flat_map(numbers)
    }

    fn word(&self, at: u32) -> u64 {
        self.words.get(at).copied().unwrap_or(0)
    }

    fn put(&mut self, at: u32, word: u64) {
        if self.word(at) != word {
            self.words.set(at, word);
        }
    }
}

fn bit(number: u32) -> u64 {
    1 << (number % BITS)
}

#[cfg(test)]
mod tests {
    use super::PersistentSet;

    fn set(numbers: &[u32]) -> PersistentSet {
        let mut set = PersistentSet::default();
        numbers.iter().for_each(|&number| set.insert(number));
        set
    }

    fn numbers(set: &PersistentSet) -> Vec<u32> {
        set.iter().collect()
    }

    #[test]
    fn copies_are_independent_and_are_brought_together() {
        let old = set(&[3, 64, 9_999]);
        let mut new = old.clone();
        new.insert(65);
        assert!(new.contains(65) && !old.contains(65));
        assert!(new.exceeds(&old) && !old.exceeds(&new));
        let mut both = set(&[1]);
        both.unite(&new);
        assert_eq!(numbers(&both), [1, 3, 64, 65, 9_999]);
        both.intersect(&set(&[1, 64, 70]));
        assert_eq!(numbers(&both), [1, 64]);
        assert!(!both.exceeds(&set(&[1, 64])));
    }
}
