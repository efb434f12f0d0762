//! Interned names. A [`Symbol`] is four bytes, compares in one instruction, and lives as long as the process:
//! a program has few distinct names, so they are never freed.

use std::fmt;
use std::sync::{LazyLock, Mutex};

use rustc_hash::FxHashMap;

/// An interned string.
///
/// Its order is the order of first use, which depends on what ran before:
/// sort by [`as_str`](Symbol::as_str) where an order can be seen.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Symbol(u32);

#[derive(Default)]
struct Interner {
    ids: FxHashMap<&'static str, u32>,
    names: Vec<&'static str>,
}

static INTERNER: LazyLock<Mutex<Interner>> = LazyLock::new(Mutex::default);

impl Symbol {
    /// The symbol for `name`.
    pub fn intern(name: &str) -> Symbol {
        let mut interner = INTERNER
            .lock()
            .expect("the interner never panics while locked");
        if let Some(&id) = interner.ids.get(name) {
            return Symbol(id);
        }
        let name: &'static str = Box::leak(name.into());
        let id = u32::try_from(interner.names.len()).expect("fewer than 2^32 names");
        interner.names.push(name);
        interner.ids.insert(name, id);
        Symbol(id)
    }

    /// The text of the name.
    pub fn as_str(self) -> &'static str {
        INTERNER
            .lock()
            .expect("the interner never panics while locked")
            .names[self.0 as usize]
    }
}

impl fmt::Display for Symbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Symbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", self.as_str())
    }
}
