//! The operator table: one row an operator, and everything that is known of it in that row. Both machines, the
//! interpreter and the analysis, read it; neither names an operator. A new operator is a new row, and touches
//! neither the grammar nor the analyzer.
//!
//! The witness for each row is PyTorch 2.15: `evidence` names the rows of `shared/autograd/ops.tsv` it was measured by.

pub mod array;
pub mod bind;
pub mod broadcast;
pub mod build;
pub mod convolve;
pub mod custom;
pub mod engine_ops;
pub mod formula;
pub mod indexing;
pub mod inplace;
pub mod kernel;
pub mod kernels;
pub mod kit;
pub mod known;
pub mod layout;
pub mod meta;
pub mod pick;
pub mod promote;
pub mod rng;
pub mod row;
pub mod rows;
pub mod sparse;
pub mod special;
pub mod strides;
pub mod table;
pub mod written;

pub use array::{Array, Buffer, Element};
pub use bind::{Form, bind, bind_overloaded};
pub use meta::{Dtype, Meta, Scalar, Shape};
pub use rng::Rng;
pub use row::{
    Arg, Backward, Exception, Fast, Forms, Gradient, InPlace, IndexItem, OpError, OpId, OpRow,
    Param, ParamKind, Raw, ResultKind, Save, Saved, Var, When,
};
