//! Three-valued truth.
//!
//! ```text
//!      Maybe
//!      /   \
//!   True   False
//! ```
//!
//! The order is that of knowledge: [`Tri::join`] goes up. The truth operations are Kleene's.

/// A truth that may not be known.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Tri {
    /// On no run.
    False,
    /// On some runs, or not known.
    Maybe,
    /// On every run.
    True,
}

impl Tri {
    /// The least upper bound: what holds of a run that is one of two.
    #[must_use]
    pub fn join(self, other: Tri) -> Tri {
        if self == other { self } else { Tri::Maybe }
    }
    /// Both.
    #[must_use]
    pub fn and(self, other: Tri) -> Tri {
        self.min_truth(other)
    }
    /// At least one.
    #[must_use]
    pub fn or(self, other: Tri) -> Tri {
        !((!self).min_truth(!other))
    }
    fn min_truth(self, other: Tri) -> Tri {
        match (self, other) {
            (Tri::False, _) | (_, Tri::False) => Tri::False,
            (Tri::True, Tri::True) => Tri::True,
            _ => Tri::Maybe,
        }
    }
    /// Whether it holds on every run.
    pub fn is_true(self) -> bool {
        self == Tri::True
    }
    /// Whether it holds on no run.
    pub fn is_false(self) -> bool {
        self == Tri::False
    }
    /// Whether it may hold.
    pub fn may(self) -> bool {
        self != Tri::False
    }
    /// The truth, where it is known.
    pub fn known(self) -> Option<bool> {
        match self {
            Tri::True => Some(true),
            Tri::False => Some(false),
            Tri::Maybe => None,
        }
    }
}

impl std::ops::Not for Tri {
    type Output = Tri;
    fn not(self) -> Tri {
        match self {
            Tri::True => Tri::False,
            Tri::False => Tri::True,
            Tri::Maybe => Tri::Maybe,
        }
    }
}

impl From<bool> for Tri {
    fn from(value: bool) -> Tri {
        if value { Tri::True } else { Tri::False }
    }
}

#[cfg(test)]
mod tests {
    use super::Tri::{self, False, Maybe, True};

    const ALL: [Tri; 3] = [False, Maybe, True];

    #[test]
    fn join_is_commutative_associative_and_idempotent() {
        for a in ALL {
            assert_eq!(a.join(a), a);
            for b in ALL {
                assert_eq!(a.join(b), b.join(a));
                for c in ALL {
                    assert_eq!(a.join(b).join(c), a.join(b.join(c)));
                }
            }
        }
    }

    #[test]
    fn truth_operations_are_monotone_and_dual() {
        for a in ALL {
            for b in ALL {
                assert_eq!(!a.and(b), (!a).or(!b));
                // Knowing less of an operand never gives a different definite answer.
                let weaker = Maybe.and(b);
                assert!(weaker == Maybe || weaker == a.and(b));
            }
        }
    }
}
