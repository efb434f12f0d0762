//! A sparse vector whose copies share what they have in common.
//!
//! States of the analysis are copied at every fork and joined at every merge; both must cost what changed since, not
//! what there is. A copy is one reference; a write copies the path to its slot only where it is shared; and
//! [`PersistentVec::diff`] skips every part that two copies still share. No library offers that diff for a vector.

use std::rc::Rc;

const BITS: u32 = 4;
const WIDTH: usize = 1 << BITS;

/// A sparse persistent vector of `T`, by `u32` index.
#[derive(Debug)]
pub struct PersistentVec<T> {
    root: Node<T>,
    /// The number of levels below the root.
    height: u32,
}

/// A part of the tree. A leaf is much larger than a branch, so each has an allocation of its own size.
#[derive(Debug)]
enum Node<T> {
    Empty,
    Branch(Rc<[Node<T>; WIDTH]>),
    Leaf(Rc<[Option<T>; WIDTH]>),
}

impl<T> Clone for PersistentVec<T> {
    fn clone(&self) -> Self {
        PersistentVec {
            root: self.root.clone(),
            height: self.height,
        }
    }
}

impl<T> Default for PersistentVec<T> {
    fn default() -> Self {
        PersistentVec {
            root: Node::Empty,
            height: 0,
        }
    }
}

// Derived, it would ask that `T` be `Clone`.
impl<T> Clone for Node<T> {
    fn clone(&self) -> Self {
        match self {
            Node::Empty => Node::Empty,
            Node::Branch(children) => Node::Branch(Rc::clone(children)),
            Node::Leaf(slots) => Node::Leaf(Rc::clone(slots)),
        }
    }
}

impl<T> Node<T> {
    /// A part without elements, with so many levels below it.
    fn new(height: u32) -> Node<T> {
        match height {
            0 => Node::Leaf(Rc::new([const { None }; WIDTH])),
            _ => Node::Branch(Rc::new([const { Node::Empty }; WIDTH])),
        }
    }

    fn is(&self, other: &Node<T>) -> bool {
        match (self, other) {
            (Node::Empty, Node::Empty) => true,
            (Node::Branch(a), Node::Branch(b)) => Rc::ptr_eq(a, b),
            (Node::Leaf(a), Node::Leaf(b)) => Rc::ptr_eq(a, b),
            _ => false,
        }
    }

    fn child(&self, at: usize) -> &Node<T> {
        match self {
            Node::Branch(children) => &children[at],
            _ => &Node::Empty,
        }
    }

    fn has(&self, at: usize) -> bool {
        matches!(self, Node::Leaf(slots) if slots[at].is_some())
    }
}

fn slot(index: u32, height: u32) -> usize {
    (index >> (BITS * height)) as usize % WIDTH
}

impl<T: Clone> PersistentVec<T> {
    /// The element at `index`.
    pub fn get(&self, index: u32) -> Option<&T> {
        if !self.covers(index) {
            return None;
        }
        let (mut node, mut height) = (&self.root, self.height);
        loop {
            match node {
                Node::Empty => return None,
                Node::Leaf(slots) => return slots[slot(index, 0)].as_ref(),
                Node::Branch(children) => node = &children[slot(index, height)],
            }
            height -= 1;
        }
    }

    /// The slot of the element at `index`, to write to.
    pub fn slot_mut(&mut self, index: u32) -> &mut Option<T> {
        self.grow_to(index);
        let (mut node, mut height) = (&mut self.root, self.height);
        loop {
            if let Node::Empty = node {
                *node = Node::new(height);
            }
            match node {
                Node::Leaf(slots) => return &mut Rc::make_mut(slots)[slot(index, 0)],
                Node::Branch(children) => {
                    node = &mut Rc::make_mut(children)[slot(index, height)];
                    height -= 1;
                }
                Node::Empty => unreachable!("filled above"),
            }
        }
    }

    /// Puts `value` at `index`.
    pub fn set(&mut self, index: u32, value: T) {
        *self.slot_mut(index) = Some(value);
    }

    fn covers(&self, index: u32) -> bool {
        (u64::from(index) >> (BITS * (self.height + 1))) == 0
    }

    fn grow_to(&mut self, index: u32) {
        while !self.covers(index) {
            self.height += 1;
            if !matches!(self.root, Node::Empty) {
                let mut children = [const { Node::Empty }; WIDTH];
                std::mem::swap(&mut children[0], &mut self.root);
                self.root = Node::Branch(Rc::new(children));
            }
        }
    }

    /// The indices at which the two may differ, in order. Parts that are still shared are not looked at.
    pub fn diff(&self, other: &Self) -> Vec<u32> {
        let (a, b) = self.of_one_height(other);
        let mut out = Vec::new();
        diff_nodes(&a.root, &b.root, a.height, 0, &mut out);
        out
    }

    /// Whether something holds of every two elements that both have at one index and that may differ. Parts that are
    /// still shared, and those that only one has, are not looked at.
    pub fn all_in_both(&self, other: &Self, mut holds: impl FnMut(&T, &T) -> bool) -> bool {
        let (a, b) = self.of_one_height(other);
        all_in_both(&a.root, &b.root, &mut holds)
    }

    /// Calls `see` with the elements that `other` has where this has none.
    pub fn missing(&self, other: &Self, mut see: impl FnMut(u32, &T)) {
        let (a, b) = self.of_one_height(other);
        missing(&a.root, &b.root, (a.height, 0), &mut see);
    }

    /// Takes over what only `other` has, as it is, and where both have an element that may differ, what `pick` makes of
    /// the two, if anything.
    pub fn merge(&mut self, other: &Self, mut pick: impl FnMut(&T, &T) -> Option<T>) {
        let (mut a, b) = self.of_one_height(other);
        // Nobody but the copy shares what is changed.
        *self = PersistentVec::default();
        merge(&mut a.root, &b.root, &mut pick);
        *self = a;
    }

    fn of_one_height(&self, other: &Self) -> (Self, Self) {
        let (mut a, mut b) = (self.clone(), other.clone());
        a.grow_to(other.top());
        b.grow_to(self.top());
        (a, b)
    }

    /// The largest index that the present height covers.
    fn top(&self) -> u32 {
        u32::try_from((1u64 << (BITS * (self.height + 1))) - 1).unwrap_or(u32::MAX)
    }

    /// All elements with their indices, in order.
    pub fn entries(&self) -> Vec<(u32, &T)> {
        let mut out = Vec::new();
        collect(&self.root, self.height, 0, &mut out);
        out
    }
}

// The recursions are as deep as the tree is high: at most eight.
fn all_in_both<T>(a: &Node<T>, b: &Node<T>, holds: &mut impl FnMut(&T, &T) -> bool) -> bool {
    match (a, b) {
        _ if a.is(b) => true,
        (Node::Branch(ours), Node::Branch(theirs)) => {
            let mut both = ours.iter().zip(theirs.iter());
            both.all(|(a, b)| all_in_both(a, b, holds))
        }
        (Node::Leaf(ours), Node::Leaf(theirs)) => {
            let mut both = ours.iter().zip(theirs.iter());
            both.all(|pair| match pair {
                (Some(a), Some(b)) => holds(a, b),
                _ => true,
            })
        }
        _ => true,
    }
}

fn missing<T>(a: &Node<T>, b: &Node<T>, (height, base): (u32, u32), see: &mut impl FnMut(u32, &T)) {
    if a.is(b) {
        return;
    }
    match b {
        Node::Empty => {}
        Node::Branch(theirs) => {
            for (at, b) in theirs.iter().enumerate() {
                let index = base | ((at as u32) << (BITS * height));
                missing(a.child(at), b, (height - 1, index), see);
            }
        }
        Node::Leaf(theirs) => {
            for (at, slot) in theirs.iter().enumerate() {
                if let (Some(theirs), false) = (slot, a.has(at)) {
                    see(base | at as u32, theirs);
                }
            }
        }
    }
}

fn merge<T: Clone>(a: &mut Node<T>, b: &Node<T>, pick: &mut impl FnMut(&T, &T) -> Option<T>) {
    if a.is(b) {
        return;
    }
    match (&mut *a, b) {
        (Node::Branch(ours), Node::Branch(theirs)) => {
            for (at, b) in theirs.iter().enumerate() {
                if !matches!(b, Node::Empty) && !ours[at].is(b) {
                    merge(&mut Rc::make_mut(ours)[at], b, pick);
                }
            }
        }
        (Node::Leaf(ours), Node::Leaf(theirs)) => {
            for (at, theirs) in theirs.iter().enumerate() {
                let new = match (&ours[at], theirs) {
                    (None, Some(theirs)) => Some(theirs.clone()),
                    (Some(ours), Some(theirs)) => pick(ours, theirs),
                    (_, None) => None,
                };
                if new.is_some() {
                    Rc::make_mut(ours)[at] = new;
                }
            }
        }
        (Node::Empty, _) => *a = b.clone(),
        _ => {}
    }
}

fn diff_nodes<T>(a: &Node<T>, b: &Node<T>, height: u32, base: u32, out: &mut Vec<u32>) {
    if a.is(b) {
        return;
    }
    for at in 0..WIDTH {
        let index = base | ((at as u32) << (BITS * height));
        if height > 0 {
            diff_nodes(a.child(at), b.child(at), height - 1, index, out);
        } else if a.has(at) || b.has(at) {
            out.push(index);
        }
    }
}

fn collect<'a, T>(node: &'a Node<T>, height: u32, base: u32, out: &mut Vec<(u32, &'a T)>) {
    match node {
        Node::Empty => {}
        Node::Leaf(slots) => {
            for (at, slot) in slots.iter().enumerate() {
                out.extend(slot.as_ref().map(|slot| (base | at as u32, slot)));
            }
        }
        Node::Branch(children) => {
            for (at, node) in children.iter().enumerate() {
                let base = base | ((at as u32) << (BITS * height));
                collect(node, height - 1, base, out);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::PersistentVec;

    #[test]
    fn copies_are_independent_and_the_diff_is_what_was_written() {
        let mut a = PersistentVec::default();
        for n in 0..10_000u32 {
            a.set(n, n);
        }
        let mut b = a.clone();
        b.set(77, 0);
        b.set(12_345, 1);
        assert_eq!(a.get(77), Some(&77));
        assert_eq!(b.get(77), Some(&0));
        assert_eq!(a.get(12_345), None);
        let diff = a.diff(&b);
        assert!(diff.contains(&77) && diff.contains(&12_345), "{diff:?}");
        assert!(
            diff.len() <= 32,
            "shared parts were looked at: {}",
            diff.len()
        );
        assert!(a.diff(&a.clone()).is_empty());
    }

    #[test]
    fn a_merge_takes_what_only_the_other_has_and_asks_where_both_differ() {
        let mut old = PersistentVec::default();
        (0..100u32).for_each(|n| old.set(n, n));
        let (mut a, mut b) = (old.clone(), old.clone());
        a.set(5, 50);
        b.set(5, 51);
        b.set(70_000, 7);
        a.set(300, 3);
        assert!(!a.all_in_both(&b, |a, b| a == b) && a.all_in_both(&old, |a, b| a >= b));
        let mut missing = Vec::new();
        a.missing(&b, |at, n| missing.push((at, *n)));
        assert_eq!(missing, [(70_000, 7)]);
        a.merge(&b, |a, b| (a != b).then_some(a + b));
        let found = [5, 6, 300, 70_000].map(|at| a.get(at).copied());
        assert_eq!(found, [Some(101), Some(6), Some(3), Some(7)]);
        assert_eq!(b.get(300), None);
    }

    #[test]
    fn sparse_indices_up_to_the_last_are_kept_in_order() {
        let mut a = PersistentVec::default();
        for n in [u32::MAX, 5, 1 << 20, 0] {
            a.set(n, n);
        }
        let indices: Vec<u32> = a.entries().into_iter().map(|(n, _)| n).collect();
        assert_eq!(indices, [0, 5, 1 << 20, u32::MAX]);
    }
}
