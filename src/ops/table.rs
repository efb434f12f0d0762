//! The table: all rows, found by their names.

use std::sync::{LazyLock, OnceLock};

use rustc_hash::FxHashMap;

use super::row::{InPlace, OpError, OpId, OpRow};
use super::rows;
use crate::index::Idx;
use crate::operator::{BinaryOp, CompareOp, UnaryOp};

type Names = FxHashMap<&'static str, OpId>;

struct Table {
    rows: Vec<&'static OpRow>,
    by_name: FxHashMap<&'static str, OpId>,
    functions: Names,
    methods: Names,
    /// By their names without the underscore at the end.
    in_place: Names,
    functional: Names,
    attributes: Names,
    /// Of each row, those that share a name with it: found when they are first asked for.
    overloads: Vec<OnceLock<Vec<OpId>>>,
}

static TABLE: LazyLock<Table> = LazyLock::new(Table::build);

impl Table {
    fn build() -> Table {
        let rows: Vec<&'static OpRow> = rows::FILES.iter().flat_map(|file| file.iter()).collect();
        let mut table = Table {
            overloads: vec![OnceLock::new(); rows.len()],
            rows,
            by_name: FxHashMap::default(),
            functions: Names::default(),
            methods: Names::default(),
            in_place: Names::default(),
            functional: Names::default(),
            attributes: Names::default(),
        };
        for nth in 0..table.rows.len() {
            table.enter(OpId::new(nth), table.rows[nth]);
        }
        table
    }
    fn enter(&mut self, op: OpId, row: &'static OpRow) {
        let clash = self.by_name.insert(row.name, op);
        debug_assert!(clash.is_none(), "two rows named {}", row.name);
        first(&mut self.functions, row.forms.function, op);
        first(&mut self.functional, row.forms.functional, op);
        first(&mut self.attributes, row.forms.attribute, op);
        if !matches!(row.in_place, InPlace::Only) {
            first(&mut self.methods, row.forms.method, op);
        }
        if !matches!(row.in_place, InPlace::No) {
            for name in row.forms.method {
                let name = name.strip_suffix('_').unwrap_or(name);
                self.in_place.entry(name).or_insert(op);
            }
        }
    }
}

/// Enters names; of overloads, the first row stands for all.
fn first(names: &mut Names, entered: &[&'static str], op: OpId) {
    for name in entered {
        names.entry(name).or_insert(op);
    }
}

/// Whether two rows share a name in one of the namespaces.
fn share_name(a: &OpRow, b: &OpRow) -> bool {
    let spaces = [
        (a.forms.function, b.forms.function),
        (a.forms.method, b.forms.method),
        (a.forms.functional, b.forms.functional),
    ];
    a.name == b.name
        || spaces
            .iter()
            .any(|(ours, theirs)| ours.iter().any(|name| theirs.contains(name)))
}

/// The row of an operator.
pub fn row(op: OpId) -> &'static OpRow {
    TABLE.rows[op.index()]
}
/// All operators, in the order of the table.
pub fn all() -> impl Iterator<Item = (OpId, &'static OpRow)> {
    TABLE
        .rows
        .iter()
        .enumerate()
        .map(|(nth, row)| (OpId::new(nth), *row))
}
/// The operators that share a name with `op`, itself among them, in the order in which they are tried.
pub fn overloads(op: OpId) -> &'static [OpId] {
    TABLE.overloads[op.index()].get_or_init(|| {
        let sharing = all().filter(|(_, other)| share_name(row(op), other));
        sharing.map(|(other, _)| other).collect()
    })
}
/// The operator of that name (column `name`).
pub fn by_name(name: &str) -> Option<OpId> {
    TABLE.by_name.get(name).copied()
}
/// The function `torch.<name>`.
pub fn function(name: &str) -> Option<OpId> {
    TABLE.functions.get(name).copied()
}
/// The tensor method, out of place.
pub fn method(name: &str) -> Option<OpId> {
    TABLE.methods.get(name).copied()
}
/// The tensor method that writes, by its name with the underscore at the end.
pub fn in_place_method(name: &str) -> Option<OpId> {
    TABLE.in_place.get(name.strip_suffix('_')?).copied()
}
/// The function `torch.nn.functional.<name>`.
pub fn functional(name: &str) -> Option<OpId> {
    TABLE.functional.get(name).copied()
}

/// The operator that is written like the tensor attribute `name`.
pub fn attribute(name: &str) -> Option<OpId> {
    TABLE.attributes.get(name).copied()
}

/// The row for `left op right`, and whether its operands are given the other way round.
///
/// `number_left`: the left operand is a number and the right one a tensor. To be bound with
/// [`bind_overloaded`](super::bind::bind_overloaded).
pub fn binary_operator(op: BinaryOp, number_left: bool) -> (&'static str, bool) {
    match (op, number_left) {
        (BinaryOp::Add, swap) => ("add", swap),
        (BinaryOp::Sub, false) => ("sub", false),
        (BinaryOp::Sub, true) => ("rsub", true),
        (BinaryOp::Mul, swap) => ("mul", swap),
        (BinaryOp::Div, false) => ("div", false),
        (BinaryOp::Div, true) => ("rdiv", true),
        (BinaryOp::FloorDiv, _) => ("floor_divide", false),
        (BinaryOp::Mod, _) => ("remainder", false),
        (BinaryOp::Pow, _) => ("pow", false),
        (BinaryOp::MatMul, _) => ("matmul", false),
        (BinaryOp::And, swap) => ("bitwise_and", swap),
        (BinaryOp::Or, swap) => ("bitwise_or", swap),
        (BinaryOp::Xor, swap) => ("bitwise_xor", swap),
        (BinaryOp::Shl, _) => ("bitwise_left_shift", false),
        (BinaryOp::Shr, _) => ("bitwise_right_shift", false),
    }
}

/// The row that `left @ right` comes down to, by their numbers of dimensions; none where it takes several.
pub fn product_operator(op: BinaryOp, left: usize, right: usize) -> Option<&'static str> {
    match (op, left, right) {
        (BinaryOp::MatMul, 2, 2) => Some("mm"),
        (BinaryOp::MatMul, 2, 1) => Some("mv"),
        (BinaryOp::MatMul, 1, 1) => Some("dot"),
        _ => None,
    }
}

/// The row for a comparison, and whether its operands are given the other way round; none for `is` and `in`.
pub fn compare_operator(op: CompareOp, number_left: bool) -> Option<(&'static str, bool)> {
    let name = match (op, number_left) {
        (CompareOp::Eq, _) => "eq",
        (CompareOp::Ne, _) => "ne",
        (CompareOp::Lt, false) | (CompareOp::Gt, true) => "lt",
        (CompareOp::Le, false) | (CompareOp::Ge, true) => "le",
        (CompareOp::Gt, false) | (CompareOp::Lt, true) => "gt",
        (CompareOp::Ge, false) | (CompareOp::Le, true) => "ge",
        _ => return None,
    };
    Some((name, number_left))
}

/// What the operator says of a tensor of this type before it comes to the row.
pub fn refusal_of_unary(op: UnaryOp, dtype: super::Dtype) -> Option<OpError> {
    (op == UnaryOp::Invert && dtype.is_floating()).then(|| {
        OpError::type_error(
            "~ (operator.invert) is only implemented on integer and Boolean-type tensors",
        )
    })
}

/// The row for an operator with one operand; none for `not` (which asks for the tensor's truth).
pub fn unary_operator(op: UnaryOp) -> Option<&'static str> {
    match op {
        UnaryOp::Neg => Some("neg"),
        UnaryOp::Pos => Some("positive"),
        UnaryOp::Invert => Some("bitwise_not"),
        UnaryOp::Not => None,
    }
}
