//! What numbers objects have in programs of which much is not known. Such a program forks at every argument, and what is
//! made behind a fork is made once on each way. So that the ways can be joined again, an object has the same number on
//! all of them: it is told by the calls, the trips around loops and the instruction that made it, and by how many these
//! have made before on the way at hand. States that are joined then agree on it, and know of it what both know.
//!
//! Exceptions have numbers of their own: what is told of them is kept beside the states.

use rustc_hash::FxHashMap;

use super::value::{Obj, ObjId};
use super::world::World;
use crate::index::IndexVec;

/// Where an object is made.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Place {
    /// What tells the calls and the trips around loops from others.
    pub way: u64,
    /// The instruction.
    pub instruction: u32,
    /// The kind of the object: a number never stands for objects of two kinds.
    pub kind: u8,
}

/// The numbers of the objects that each place has made.
#[derive(Debug, Default)]
pub struct Births {
    made: FxHashMap<Place, Vec<ObjId>>,
    /// How many objects were made, on whatever way.
    count: u32,
    /// For each object which of these it was, the last time that it was made.
    nth: Vec<u32>,
}

impl Births {
    /// How many objects were made so far.
    pub fn count(&self) -> u32 {
        self.count
    }

    /// How many objects had been made when this one was.
    pub fn before(&self, object: ObjId) -> u32 {
        let nth = self.nth.get(object.number() as usize);
        nth.copied().unwrap_or(0)
    }

    /// The number of the next object that the place makes in this state.
    pub fn number(&mut self, place: Place, world: &World, ids: &mut IndexVec<ObjId, ()>) -> ObjId {
        let made = self.made.entry(place).or_default();
        let taken = |id: &ObjId| world.obj(*id).is_some();
        let mut at = made.partition_point(taken);
        // The states that are joined may have made some in another order.
        while made.get(at).is_some_and(taken) {
            at += 1;
        }
        let id = match made.get(at) {
            Some(&id) => id,
            None => {
                let id = ids.push(());
                made.push(id);
                id
            }
        };
        self.note(id);
        id
    }

    fn note(&mut self, id: ObjId) {
        let at = id.number() as usize;
        if at >= self.nth.len() {
            self.nth.resize(at + 1, 0);
        }
        self.nth[at] = self.count;
        self.count += 1;
    }
}

/// The kind of an object; none for those that are told apart everywhere.
pub fn kind(object: &Obj) -> Option<u8> {
    Some(match object {
        Obj::Tensor(_) => 0,
        Obj::Counter(_) => 1,
        Obj::Storage(_) => 2,
        Obj::List(_) | Obj::Opaque | Obj::Set(_) => 3,
        Obj::Dict(_) => 4,
        Obj::Instance(_) => 5,
        Obj::Cell(_) => 6,
        Obj::Iterator(_) => 7,
        Obj::Mode(_) => 8,
        Obj::Wrapped(_) => 9,
        Obj::Descriptor(..) => 10,
        Obj::Class(_) | Obj::Exception(_) | Obj::HookHandle(..) => return None,
    })
}

/// What tells a call by this instruction, or a trip of this number, on a way from others.
pub fn further(way: u64, number: u32) -> u64 {
    (way.rotate_left(5) ^ u64::from(number)).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}
