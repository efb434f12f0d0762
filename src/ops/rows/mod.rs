//! The rows of the table, by kind.

pub mod activation;
pub mod attention;
pub mod binary;
pub mod cast;
pub mod compare;
pub mod conv;
pub mod copy;
pub mod ctc;
pub mod decompose;
pub mod distance;
pub mod division;
pub mod einsum;
pub mod factory;
pub mod gather;
pub mod indexing;
pub mod join;
pub mod linalg;
pub mod logical;
pub mod loss;
pub mod masked;
pub mod matmul;
pub mod moments;
pub mod nll;
pub mod norm;
pub mod order;
pub mod pool;
pub mod random;
pub mod reduce;
pub mod reduction;
pub mod sample;
pub mod scan;
pub mod scatter;
pub mod shape;
pub mod softmax;
pub mod sort;
pub mod ternary;
pub mod transcendental;
pub mod unary;
pub mod view;

use super::row::OpRow;

/// All files of rows, in the order of the table.
pub const FILES: &[&[OpRow]] = &[
    factory::ROWS,
    random::ROWS,
    cast::ROWS,
    unary::ROWS,
    transcendental::ROWS,
    activation::ROWS,
    binary::ROWS,
    division::ROWS,
    ternary::ROWS,
    compare::ROWS,
    compare::WHOLE,
    logical::ROWS,
    reduce::ROWS,
    moments::ROWS,
    scan::ROWS,
    view::ROWS,
    join::ROWS,
    scatter::ROWS,
    indexing::ROWS,
    masked::ROWS,
    matmul::ROWS,
    softmax::ROWS,
    loss::ROWS,
    nll::ROWS,
    shape::ROWS,
    pool::ROWS,
    conv::ROWS,
    norm::ROWS,
    sort::ROWS,
    linalg::ROWS,
    attention::ROWS,
    einsum::ROWS,
    gather::ROWS,
    copy::ROWS,
    decompose::ROWS,
    distance::ROWS,
    sample::ROWS,
    ctc::ROWS,
    order::ROWS,
];
