//! Programs of one operator each: every row of the table, and every recipe, with operands of all types and layouts, in
//! every mode. They are enumerated, not drawn: the program of a number is the same as long as the table is.

mod calls;
mod variant;

use super::tree::Tree;
use calls::Call;
use variant::Variant;

/// All programs.
pub struct Singles(Vec<(String, Tree)>);

impl Singles {
    /// Those of calls whose text has `filter` in it.
    pub fn all(filter: Option<&str>) -> Singles {
        let mut out = Vec::new();
        let wanted = |call: &Call| filter.is_none_or(|filter| call.text.contains(filter));
        for call in calls::all().iter().filter(|call| wanted(call)) {
            let variants = Variant::all_for(call);
            out.extend(variants.iter().map(|variant| variant.program(call)));
        }
        Singles(out)
    }

    /// How many there are.
    pub fn count(&self) -> u64 {
        self.0.len() as u64
    }

    /// What the program of this number is called, and the program.
    pub fn nth(&self, nth: u64) -> (&str, &Tree) {
        let (label, tree) = &self.0[nth as usize];
        (label, tree)
    }
}
