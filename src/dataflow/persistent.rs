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
    root: Option<Rc<Node<T>>>,
    /// The number of levels below the root.
    height: u32,
}

#[derive(Debug)]
enum Node<T> {
    Branch([Option<Rc<Node<T>>>; WIDTH]),
    Leaf([Option<T>; WIDTH]),
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
            root: None,
            height: 0,
        }
    }
}

impl<T: Clone> Clone for Node<T> {
    fn clone(&self) -> Self {
        match self {
            Node::Branch(children) => Node::Branch(children.clone()),
            Node::Leaf(slots) => Node::Leaf(slots.clone()),
        }
    }
}

impl<T> Node<T> {
    fn empty(height: u32) -> Node<T> {
        if height == 0 {
            Node::Leaf([const { None }; WIDTH])
        } else {
            Node::Branch([const { None }; WIDTH])
        }
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
        let mut node = self.root.as_deref()?;
        let mut height = self.height;
        loop {
            match node {
                Node::Branch(children) => node = children[slot(index, height)].as_deref()?,
                Node::Leaf(slots) => return slots[slot(index, 0)].as_ref(),
            }
            height -= 1;
        }
    }

    /// The slot of the element at `index`, to write to.
    pub fn slot_mut(&mut self, index: u32) -> &mut Option<T> {
        self.grow_to(index);
        let mut height = self.height;
        let mut node = Rc::make_mut(
            self.root
                .get_or_insert_with(|| Rc::new(Node::empty(height))),
        );
        loop {
            match node {
                Node::Leaf(slots) => return &mut slots[slot(index, 0)],
                Node::Branch(children) => {
                    let child = &mut children[slot(index, height)];
                    height -= 1;
                    node = Rc::make_mut(child.get_or_insert_with(|| Rc::new(Node::empty(height))));
                }
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
            if let Some(old) = self.root.take() {
                let mut children = [const { None }; WIDTH];
                children[0] = Some(old);
                self.root = Some(Rc::new(Node::Branch(children)));
            }
        }
    }

    /// The indices at which the two may differ, in order. Parts that are still shared are not looked at.
    pub fn diff(&self, other: &Self) -> Vec<u32> {
        let (mut a, mut b) = (self.clone(), other.clone());
        a.grow_to(other.top());
        b.grow_to(self.top());
        let mut out = Vec::new();
        diff_nodes(a.root.as_ref(), b.root.as_ref(), a.height, 0, &mut out);
        out
    }

    /// The largest index that the present height covers.
    fn top(&self) -> u32 {
        u32::try_from((1u64 << (BITS * (self.height + 1))) - 1).unwrap_or(u32::MAX)
    }

    /// All elements with their indices, in order.
    pub fn entries(&self) -> Vec<(u32, &T)> {
        let mut out = Vec::new();
        if let Some(root) = &self.root {
            collect(root, self.height, 0, &mut out);
        }
        out
    }
}

// The recursion is as deep as the tree is high: at most eight.
fn diff_nodes<T>(
    a: Option<&Rc<Node<T>>>,
    b: Option<&Rc<Node<T>>>,
    height: u32,
    base: u32,
    out: &mut Vec<u32>,
) {
    match (a, b) {
        (None, None) => return,
        (Some(a), Some(b)) if Rc::ptr_eq(a, b) => return,
        _ => {}
    }
    for at in 0..WIDTH {
        let index = base | ((at as u32) << (BITS * height));
        if height == 0 {
            if leaf_slot(a, at).is_some() || leaf_slot(b, at).is_some() {
                out.push(index);
            }
        } else {
            diff_nodes(child(a, at), child(b, at), height - 1, index, out);
        }
    }
}

fn child<T>(node: Option<&Rc<Node<T>>>, at: usize) -> Option<&Rc<Node<T>>> {
    match node.map(|node| &**node) {
        Some(Node::Branch(children)) => children[at].as_ref(),
        _ => None,
    }
}

fn leaf_slot<T>(node: Option<&Rc<Node<T>>>, at: usize) -> Option<&T> {
    match node.map(|node| &**node) {
        Some(Node::Leaf(slots)) => slots[at].as_ref(),
        _ => None,
    }
}

fn collect<'a, T>(node: &'a Node<T>, height: u32, base: u32, out: &mut Vec<(u32, &'a T)>) {
    match node {
        Node::Leaf(slots) => {
            out.extend(
                slots
                    .iter()
                    .enumerate()
                    .filter_map(|(at, slot)| Some((base | at as u32, slot.as_ref()?))),
            );
        }
        Node::Branch(children) => {
            for (at, node) in children.iter().enumerate() {
                if let Some(node) = node {
                    collect(
                        node,
                        height - 1,
                        base | ((at as u32) << (BITS * height)),
                        out,
                    );
                }
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
    fn sparse_indices_up_to_the_last_are_kept_in_order() {
        let mut a = PersistentVec::default();
        for n in [u32::MAX, 5, 1 << 20, 0] {
            a.set(n, n);
        }
        let indices: Vec<u32> = a.entries().into_iter().map(|(n, _)| n).collect();
        assert_eq!(indices, [0, 5, 1 << 20, u32::MAX]);
    }
}
