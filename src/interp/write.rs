//! Writing in place: what forbids it (rules R5.2, R5.4), what it does to versions (R4.2) and to the graph (R5.3).

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

use smallvec::SmallVec;

use super::record::{metas_as, tensors_of};
use super::value::{Creation, Edge, Node, NodeKind, SavedKind, SavedTensor, Tensor};
use super::{Machine, Res};
use crate::ops::array::write_strided;
use crate::ops::inplace::ViewMade;
use crate::ops::{self, Arg, Array, Buffer, Meta, table};
use crate::source::Span;

const INFERENCE_WRITE: &str = "Inplace update to inference tensor outside InferenceMode is not allowed.You can make a clone to get a normal tensor before doing inplace update.See https://github.com/pytorch/rfcs/pull/17 for more details.";

impl Machine<'_> {
    /// `check_inplace` (rule R5.2): before the write.
    pub(super) fn check_in_place(
        &mut self,
        args: &[Arg<Tensor>],
        recorded: bool,
        span: Span,
    ) -> Res<()> {
        let Some(Arg::Tensor(target)) = args.first() else {
            return Ok(());
        };
        let own = target.requires_grad();
        // In inference mode autograd does not look on, whatever `enable_grad` says (rule R3.3).
        if !self.grad || self.inference || !(recorded || own) {
            return Ok(());
        }
        if let Some(view) = &target.view {
            if view.creation.get() != Creation::Default {
                return self.runtime(view_text(target, view.creation.get(), false), span);
            }
            if own && view.base.grad_fn.borrow().is_none() {
                return self.runtime("a view of a leaf Variable that requires grad is being used in an in-place operation.", span);
            }
            return Ok(());
        }
        if own && target.grad_fn.borrow().is_none() {
            return self.runtime(
                "a leaf Variable that requires grad is being used in an in-place operation.",
                span,
            );
        }
        Ok(())
    }

    /// An inference tensor may not be written outside of inference mode (rule R3.3); PyTorch says so when it counts
    /// the write, after the kernel.
    pub(super) fn check_inference_target(&mut self, target: &Tensor, span: Span) -> Res<()> {
        if target.counter.is_none() && target.loose.is_none() && !self.inference {
            return self.runtime(INFERENCE_WRITE, span);
        }
        Ok(())
    }

    /// Writes numbers through a tensor's layout.
    pub(super) fn write_numbers(&mut self, target: &Tensor, source: &Array, _span: Span) {
        let storage = Rc::clone(&target.storage.borrow());
        let meta = target.meta();
        let mut buffer = storage.buffer.borrow_mut();
        if replaces(&buffer, &meta, source) {
            *buffer = Rc::clone(&source.buffer);
            return;
        }
        // A result that is the target's own buffer is copied by `make_mut` before it is written.
        write_strided(Rc::make_mut(&mut buffer), &meta, source);
    }

    /// Counts a write: the version, and the storage.
    pub(super) fn bump(&mut self, tensor: &Tensor, wrote: bool, span: Span) {
        let own = tensor.counter.as_deref().or(tensor.loose.as_ref());
        if let Some(counter) = own {
            counter.set(counter.get() + 1);
        }
        if wrote {
            self.note_write(tensor, span);
        }
    }

    /// Notes that a storage was written, and where.
    pub(super) fn note_write(&mut self, tensor: &Tensor, span: Span) {
        let storage = tensor.storage.borrow();
        storage.writes.set(storage.writes.get() + 1);
        storage.written.set(Some(self.place(span)));
    }

    /// `rebase_history` (rule R5.3).
    pub(super) fn rebase(&mut self, target: &Tensor, node: Rc<Node>) {
        let Some(view) = &target.view else {
            self.move_retained(target, &node);
            *target.grad_fn.borrow_mut() = Some((node, 0));
            return;
        };
        let base = Rc::clone(&view.base);
        let before = match &*base.grad_fn.borrow() {
            Some((node, output)) => Edge::Node(Rc::clone(node), *output),
            None if base.bit.get() => Edge::Leaf(Rc::clone(&base)),
            None => Edge::Null,
        };
        let edges = [before]
            .into_iter()
            .chain(node.edges.borrow().iter().skip(1).cloned())
            .collect();
        // What was behind the view before is let go.
        if let Some(edge) = node.edges.borrow_mut().first_mut() {
            *edge = Edge::Null;
        }
        self.sequence += 1;
        let slices = Rc::new(Node {
            sequence: self.sequence,
            name: "torch::autograd::CopySlices",
            metas: Vec::new(),
            outputs: RefCell::new(SmallVec::from_iter([base.meta()])),
            args: Vec::new(),
            saved: RefCell::default(),
            saved_outputs: RefCell::default(),
            needs: SmallVec::new(),
            edges: RefCell::new(edges),
            keeps: Cell::new(true),
            released: Cell::new(false),
            hooks: RefCell::default(),
            retaining: RefCell::default(),
            kind: NodeKind::CopySlices {
                base: (*base.meta()).clone(),
                view: (*target.meta()).clone(),
                inner: node,
            },
        });
        self.move_retained(&base, &slices);
        *base.grad_fn.borrow_mut() = Some((slices, 0));
    }

    /// Brings a view's `grad_fn` up to date with its base.
    pub(super) fn refresh_view(&mut self, tensor: &Tensor, span: Span) -> Res<()> {
        let Some(view) = &tensor.view else {
            return Ok(());
        };
        let now = tensor.version().unwrap_or(0);
        if now == view.attr_version.get()
            || !(tensor.grad_fn.borrow().is_some() || view.base.requires_grad())
        {
            return Ok(());
        }
        if view.creation.get() != Creation::Default {
            let text = super::write::view_text(tensor, view.creation.get(), true);
            return self.runtime(text, span);
        }
        let edge = self.edge(&Rc::clone(&view.base), span)?;
        let Some(op) = table::by_name(ops::engine_ops::VIEW) else {
            return self.unsupported("views of what was written", span);
        };
        let (base, meta) = (view.base.meta(), tensor.meta());
        let ints = |values: &[usize]| {
            values
                .iter()
                .map(|&value| value as i64)
                .collect::<SmallVec<[i64; 4]>>()
        };
        let offset = ops::Scalar::Int(meta.offset as i64);
        let metas = vec![
            Arg::Tensor((*base).clone()),
            Arg::Ints(ints(&meta.shape)),
            Arg::Ints(ints(&meta.strides)),
            Arg::Scalar(offset),
        ];
        let args = vec![
            Arg::Tensor(0),
            metas_as(&metas[1]),
            metas_as(&metas[2]),
            metas_as(&metas[3]),
        ];
        self.sequence += 1;
        let node = Node {
            sequence: self.sequence,
            name: "AsStridedBackward0",
            kind: NodeKind::Op(op),
            needs: SmallVec::from_slice(&[!matches!(edge, Edge::Null), false, false, false]),
            edges: RefCell::new(SmallVec::from_iter([edge])),
            metas,
            outputs: RefCell::new(SmallVec::from_iter([Rc::clone(&meta)])),
            args,
            saved: RefCell::new(vec![SavedTensor {
                what: SavedKind::Not,
            }]),
            saved_outputs: RefCell::default(),
            keeps: Cell::new(false),
            released: Cell::new(false),
            hooks: RefCell::default(),
            retaining: RefCell::default(),
        };
        let node = Rc::new(node);
        self.move_retained(tensor, &node);
        *tensor.grad_fn.borrow_mut() = Some((node, 0));
        view.attr_version.set(now);
        Ok(())
    }

    /// The retain hook of an earlier value moves to the new one (rule R9.1).
    pub(super) fn move_retained(&mut self, tensor: &Tensor, node: &Rc<Node>) {
        if !tensor.retains.get() {
            return;
        }
        if let Some((old, _)) = &*tensor.grad_fn.borrow() {
            old.retaining.borrow_mut().retain(|(_, weak)| {
                !weak
                    .upgrade()
                    .is_some_and(|other| Rc::ptr_eq(&other, tensor))
            });
        }
        node.retaining.borrow_mut().push((0, Rc::downgrade(tensor)));
    }
}

/// Whether the tensor that is written shares memory with another of the arguments.
pub(super) fn check_shared(
    row: &crate::ops::OpRow,
    args: &[Arg<Tensor>],
) -> Result<(), crate::ops::OpError> {
    let Some(Arg::Tensor(target)) = args.first() else {
        return Ok(());
    };
    let undefined = || crate::ops::OpError::Unsupported(crate::ops::inplace::UNDEFINED.to_owned());
    if crate::ops::inplace::overlaps_itself(row, &target.meta()) {
        return Err(undefined());
    }
    for other in args.iter().skip(1).flat_map(tensors_of) {
        if Rc::ptr_eq(&*target.storage.borrow(), &*other.storage.borrow()) {
            crate::ops::inplace::check_shared(row, &target.meta(), &other.meta())?;
            if crate::ops::inplace::reads_what_it_writes(row, &target.meta(), &other.meta()) {
                return Err(undefined());
            }
        }
    }
    Ok(())
}

/// Whether the call writes a tensor over itself.
pub(super) fn writes_itself(row: &crate::ops::OpRow, args: &[Arg<Tensor>]) -> bool {
    match args {
        [Arg::Tensor(target), Arg::Tensor(other), ..] => {
            Rc::ptr_eq(&*target.storage.borrow(), &*other.storage.borrow())
                && crate::ops::inplace::writes_itself(row, &target.meta(), &other.meta())
        }
        _ => false,
    }
}

/// Whether a result fills the whole storage, in order, and can take its place instead of being copied.
fn replaces(buffer: &Buffer, target: &Meta, source: &Array) -> bool {
    let whole = |meta: &Meta, buffer: &Buffer| {
        meta.offset == 0 && meta.numel() == buffer.len() && meta.is_contiguous()
    };
    target.shape == source.meta.shape
        && buffer.dtype() == source.dtype()
        && whole(target, buffer)
        && whole(&source.meta, &source.buffer)
}

/// PyTorch's words for a view that may not be written (`used`: that may not be used since its base was).
pub(super) fn view_text(tensor: &Tensor, creation: Creation, used: bool) -> String {
    let made = match creation {
        Creation::MultiOutput => ViewMade::WithOthers,
        Creation::Inference => ViewMade::InInference,
        Creation::Custom => ViewMade::ByTheProgram,
        _ => ViewMade::WithoutGrad,
    };
    let node = tensor.grad_fn.borrow();
    let made_by = node
        .as_ref()
        .map(|(node, output)| (*output, short(node.name)));
    let made_by = made_by.as_ref().map(|(output, name)| (*output, &**name));
    crate::ops::inplace::view_text(made_by, made, used)
}

/// A node's name as messages show it: `MulBackward0` is `Mul`, `PowBackward1` is `Pow1` (rule R6.3).
pub(super) fn short(name: &str) -> Cow<'_, str> {
    match name.rsplit_once("Backward") {
        Some((stem, "0" | "")) => Cow::Borrowed(stem),
        Some((stem, number)) if number.bytes().all(|byte| byte.is_ascii_digit()) => {
            Cow::Owned(format!("{stem}{number}"))
        }
        _ => Cow::Borrowed(name),
    }
}
