//! Typed indices and the vectors they index: nobody passes a bare `usize` around.
//! Inspired by rustc's `rustc_index`, reduced to what is used here.

use std::fmt;
use std::marker::PhantomData;
use std::ops;

/// A `u32` newtype that indexes an [`IndexVec`].
pub trait Idx: Copy + Eq + Ord + fmt::Debug {
    /// The index for position `n`.
    ///
    /// # Panics
    /// If `n` does not fit in a `u32`; every producer is bounded long before that.
    fn new(n: usize) -> Self;
    /// The position this index stands for.
    fn index(self) -> usize;
}

/// Defines a typed index: `define_index! { /// doc
/// pub struct BlockId = "bb"; }`. The string is its prefix in debug output.
#[macro_export]
macro_rules! define_index {
    ($($(#[$attr:meta])* $vis:vis struct $name:ident = $prefix:literal;)*) => {$(
        $(#[$attr])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        $vis struct $name(std::num::NonZeroU32);

        impl $crate::index::Idx for $name {
            #[inline]
            fn new(n: usize) -> Self {
                // One more than the position: zero is what an absent one is, which so takes no room of its own.
                let raw = u32::try_from(n + 1).ok().and_then(std::num::NonZeroU32::new);
                $name(raw.expect("index space exhausted"))
            }
            #[inline]
            fn index(self) -> usize {
                self.0.get() as usize - 1
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                let n = $crate::index::Idx::index(*self);
                write!(f, concat!($prefix, "{}"), n)
            }
        }
    )*};
}

/// A vector indexed by one kind of [`Idx`].
#[derive(Clone, PartialEq, Eq)]
pub struct IndexVec<I: Idx, T> {
    raw: Vec<T>,
    marker: PhantomData<fn(I)>,
}

impl<I: Idx, T> IndexVec<I, T> {
    /// An empty vector.
    pub const fn new() -> Self {
        IndexVec {
            raw: Vec::new(),
            marker: PhantomData,
        }
    }
    /// Appends `value` and returns its index.
    pub fn push(&mut self, value: T) -> I {
        let id = I::new(self.raw.len());
        self.raw.push(value);
        id
    }
    /// The number of elements.
    pub fn len(&self) -> usize {
        self.raw.len()
    }
    /// Whether there is no element.
    pub fn is_empty(&self) -> bool {
        self.raw.is_empty()
    }
    /// The index that the next [`push`](Self::push) will return.
    pub fn next_id(&self) -> I {
        I::new(self.raw.len())
    }
    /// All indices, in order.
    pub fn ids(&self) -> impl DoubleEndedIterator<Item = I> + use<I, T> {
        (0..self.raw.len()).map(I::new)
    }
    /// The elements, in order.
    pub fn iter(&self) -> std::slice::Iter<'_, T> {
        self.raw.iter()
    }
    /// The elements, in order, mutable.
    pub fn iter_mut(&mut self) -> std::slice::IterMut<'_, T> {
        self.raw.iter_mut()
    }
    /// The elements with their indices, in order.
    pub fn iter_enumerated(&self) -> impl DoubleEndedIterator<Item = (I, &T)> {
        self.raw
            .iter()
            .enumerate()
            .map(|(n, value)| (I::new(n), value))
    }
    /// Makes room for `additional` more elements.
    pub fn reserve(&mut self, additional: usize) {
        self.raw.reserve_exact(additional);
    }
    /// The element at `id`, if there is one.
    pub fn get(&self, id: I) -> Option<&T> {
        self.raw.get(id.index())
    }
    /// Drops the elements from `len` on.
    pub fn truncate(&mut self, len: usize) {
        self.raw.truncate(len);
    }
}

/// A vector that grows by chunks and never moves what it holds, for what there is one of for every statement of a
/// program: a vector that doubles holds everything twice while it moves, and the half that it left is of no use to
/// what is allocated later.
#[derive(Debug)]
pub struct ChunkedVec<I: Idx, T> {
    chunks: Vec<Vec<T>>,
    marker: PhantomData<fn(I)>,
}

impl<I: Idx, T> ChunkedVec<I, T> {
    /// Elements of a chunk; the first grows as a vector does, since most programs never need more.
    const CHUNK: usize = 256;

    /// An empty vector.
    pub const fn new() -> Self {
        ChunkedVec {
            chunks: Vec::new(),
            marker: PhantomData,
        }
    }
    /// Appends `value` and returns its index.
    pub fn push(&mut self, value: T) -> I {
        let id = self.next_id();
        match self.chunks.last_mut() {
            Some(chunk) if chunk.len() < Self::CHUNK => chunk.push(value),
            Some(_) => {
                let mut chunk = Vec::with_capacity(Self::CHUNK);
                chunk.push(value);
                self.chunks.push(chunk);
            }
            None => self.chunks.push(vec![value]),
        }
        id
    }
    /// The index that the next [`push`](Self::push) will return.
    pub fn next_id(&self) -> I {
        let last = self.chunks.last().map_or(0, Vec::len);
        I::new(self.chunks.len().saturating_sub(1) * Self::CHUNK + last)
    }
    /// The elements with their indices, in order.
    pub fn iter_enumerated(&self) -> impl Iterator<Item = (I, &T)> {
        self.chunks
            .iter()
            .flatten()
            .enumerate()
            .map(|(n, value)| (I::new(n), value))
    }
}

impl<I: Idx, T> Default for ChunkedVec<I, T> {
    fn default() -> Self {
        ChunkedVec::new()
    }
}

impl<I: Idx, T> ops::Index<I> for ChunkedVec<I, T> {
    type Output = T;
    fn index(&self, id: I) -> &T {
        &self.chunks[id.index() / Self::CHUNK][id.index() % Self::CHUNK]
    }
}

impl<I: Idx, T> ops::IndexMut<I> for ChunkedVec<I, T> {
    fn index_mut(&mut self, id: I) -> &mut T {
        &mut self.chunks[id.index() / Self::CHUNK][id.index() % Self::CHUNK]
    }
}

impl<I: Idx, T> Default for IndexVec<I, T> {
    fn default() -> Self {
        IndexVec::new()
    }
}

impl<I: Idx, T> ops::Index<I> for IndexVec<I, T> {
    type Output = T;
    fn index(&self, id: I) -> &T {
        &self.raw[id.index()]
    }
}

impl<I: Idx, T> ops::IndexMut<I> for IndexVec<I, T> {
    fn index_mut(&mut self, id: I) -> &mut T {
        &mut self.raw[id.index()]
    }
}

impl<I: Idx, T> FromIterator<T> for IndexVec<I, T> {
    fn from_iter<A: IntoIterator<Item = T>>(iter: A) -> Self {
        IndexVec {
            raw: iter.into_iter().collect(),
            marker: PhantomData,
        }
    }
}

impl<I: Idx, T: fmt::Debug> fmt::Debug for IndexVec<I, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.raw).finish()
    }
}
