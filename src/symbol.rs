//! Interned names. A [`Symbol`] is four bytes, compares in one instruction, and lives as long as the process:
//! a program has few distinct names, so they are never freed.

use std::cell::RefCell;
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

/// All names of the process.
static INTERNER: LazyLock<Mutex<Interner>> = LazyLock::new(Mutex::default);

thread_local! {
    /// What this thread has seen of them, so that threads seldom wait for each other.
    static SEEN: RefCell<Interner> = RefCell::default();
}

fn with_all<T>(work: impl FnOnce(&mut Interner) -> T) -> T {
    let interner = INTERNER.lock();
    work(&mut interner.expect("the interner never panics while locked"))
}

impl Interner {
    /// The number of a name that may be new.
    fn enter(&mut self, name: &str) -> (&'static str, u32) {
        if let Some((&name, &id)) = self.ids.get_key_value(name) {
            return (name, id);
        }
        let name: &'static str = Box::leak(name.into());
        let id = u32::try_from(self.names.len()).expect("fewer than 2^32 names");
        self.names.push(name);
        self.ids.insert(name, id);
        (name, id)
    }
}

impl Symbol {
    /// The symbol for `name`.
    pub fn intern(name: &str) -> Symbol {
        SEEN.with_borrow_mut(|seen| {
            if let Some(&id) = seen.ids.get(name) {
                return Symbol(id);
            }
            let (name, id) = with_all(|all| all.enter(name));
            seen.ids.insert(name, id);
            Symbol(id)
        })
    }

    /// The text of the name.
    pub fn as_str(self) -> &'static str {
        SEEN.with_borrow_mut(|seen| {
            let at = self.0 as usize;
            if at >= seen.names.len() {
                with_all(|all| seen.names.extend(&all.names[seen.names.len()..]));
            }
            seen.names[at]
        })
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
