//! Programs grown statement by statement.

use super::dice::Dice;
use super::scope::Growing;
use super::tree::Node;

/// How deep blocks are nested.
const MAX_DEPTH: usize = 2;

/// The statements of a program of about so many.
pub fn grow(dice: &mut Dice, size: usize) -> Vec<Node> {
    let mut growing = Growing::new(dice);
    growing.beginning();
    let length = size / 2 + growing.dice.below(size.max(1));
    for _ in 0..length {
        growing.statement();
    }
    growing.ending();
    growing.finish()
}

impl Growing<'_> {
    /// A statement of any kind.
    pub fn statement(&mut self) {
        let nests = self.depth < MAX_DEPTH;
        match self.dice.below(100) {
            0..22 => self.operator(),
            22..29 => self.recipe(),
            29..36 => self.view(),
            36..41 => self.part(),
            41..43 => self.cast(),
            43..51 => self.write_in_place(),
            51..55 => self.overwrite(),
            55..63 => self.backward(),
            63..66 => self.gradient_call(),
            66..71 => self.gradient_use(),
            71..74 => self.flag(),
            74..76 => self.hook(),
            76..80 => self.module(),
            80..83 => self.step(),
            83..85 => self.new_leaf(),
            85 => self.new_constant(),
            86 => self.new_index(),
            87..90 if nests => self.mode(),
            90..93 if nests => self.branch(),
            93..96 if nests => self.repeat(),
            96..98 if nests => self.attempt(),
            98 if nests => self.function(),
            _ => self.operator(),
        }
    }

    /// Most programs end with a backward and look at a gradient.
    fn ending(&mut self) {
        if self.dice.one_in(10) {
            return;
        }
        self.backward();
        let leaf = self.leaf();
        self.line(format!("print({}.grad)", leaf.name));
    }
}
