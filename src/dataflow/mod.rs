//! What any data-flow analysis over the control-flow graph needs, and nothing of tensors: three-valued truth,
//! persistent state, and the order in which blocks are visited.

pub mod order;
pub mod persistent;
mod persistent_set;
pub mod tri;

pub use order::Order;
pub use persistent::PersistentVec;
pub use persistent_set::PersistentSet;
pub use tri::Tri;
