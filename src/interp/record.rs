//! Operators on tensors: computing, recording, saving. Rules R2.1 to R2.7 of `shared/autograd/rules.md`, in the order
//! of events that R2.2 gives.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};

use smallvec::SmallVec;

use super::fast::fast;
use super::value::{
    Creation, Edge, Edges, Node, NodeKind, SavedKind, SavedTensor, Storage, Tensor, TensorImpl,
    Value, View, item_size,
};
use super::write::{check_shared, writes_itself};
use super::{Machine, Res};
use crate::ops::{
    self, Arg, Array, Gradient, InPlace, Meta, OpError, OpId, OpRow, ParamKind, ResultKind, Save,
    Saved, Shape, When, table,
};
use crate::source::Span;

/// The results of an operator.
pub(super) type Outputs = SmallVec<[Tensor; 2]>;

/// Bytes of a result that is not computed before the bounds are looked at.
const LARGE: usize = 1 << 14;

const INFERENCE_SAVED: &str = "Inference tensors cannot be saved for backward. Please do not use Tensors created in inference mode in computation tracked by autograd. To work around this, you can make a clone to get a normal tensor and use it in autograd, or use `torch.no_grad()` instead of `torch.inference_mode()`.";

impl Machine<'_> {
    /// Applies an operator. Several results are a tuple.
    pub(super) fn apply(
        &mut self,
        op: OpId,
        args: Vec<Arg<Tensor>>,
        in_place: bool,
        span: Span,
    ) -> Res<Value> {
        let several = matches!(table::row(op).result, ResultKind::MultiView);
        let outputs = self.run_op(op, args, in_place, span)?;
        Ok(match outputs.as_slice() {
            [one] if ops::engine_ops::gives_a_python_bool(table::row(op)) => {
                super::tensor_attr::scalar_value(one.array().item())
            }
            [one] if !several => Value::Tensor(Rc::clone(one)),
            _ => Value::tuple(outputs.into_iter().map(Value::Tensor).collect()),
        })
    }

    /// Applies an operator that has one result.
    pub(super) fn run_one(
        &mut self,
        op: OpId,
        args: Vec<Arg<Tensor>>,
        in_place: bool,
        span: Span,
    ) -> Res<Tensor> {
        let args = with_defaults(table::row(op), args);
        match self.run_op(op, args, in_place, span)?.into_iter().next() {
            Some(tensor) => Ok(tensor),
            None => self.unsupported("an operator without a result", span),
        }
    }

    /// The operator of this name on bound arguments, first result.
    pub(super) fn run_named(
        &mut self,
        name: &str,
        args: Vec<Arg<Tensor>>,
        span: Span,
    ) -> Res<Tensor> {
        match table::by_name(name) {
            Some(op) => {
                let in_place = matches!(table::row(op).in_place, InPlace::Only);
                self.run_one(op, args, in_place, span)
            }
            None => self.unsupported(format!("the operator `{name}`"), span),
        }
    }

    /// Applies an operator to bound arguments.
    pub(super) fn run_op(
        &mut self,
        op: OpId,
        args: Vec<Arg<Tensor>>,
        in_place: bool,
        span: Span,
    ) -> Res<Outputs> {
        let row = table::row(op);
        let in_place = in_place
            || matches!(row.in_place, InPlace::Only)
            || (!matches!(row.in_place, InPlace::No) && ops::inplace::requested(row, &args));
        if in_place && matches!(row.in_place, InPlace::No) {
            return self.unsupported(format!("`{}` in place", row.name), span);
        }
        // In inference mode nothing is recorded, whatever `enable_grad` says (rule R3.3).
        let tracking = self.grad && !self.inference;
        // A call of inference tensors alone does not come to autograd at all.
        let alone = is_inference_alone(row, &args);
        let recorded = tracking
            && !alone
            && !matches!(row.gradient, Gradient::NotDifferentiable)
            && differentiable(row, &args).any(|tensor| tensor.requires_grad());
        if tracking && let Some(error) = refusal(row, &args, alone, in_place) {
            return self.op_error(error, span);
        }
        if let (false, Some(array)) = (in_place, fast(row, &args)) {
            self.afford(array.numel() * item_size(array.dtype()))?;
            let node = match recorded {
                true => Some(self.make_node(op, row, &args, metas_of(&args), false, span)?),
                false => None,
            };
            let outputs = Outputs::from_iter([self.fresh(array, span)]);
            self.count_hidden_writes(row, &args, &outputs);
            if let Some(node) = node {
                self.attach(row, node, &args, &outputs, false, span)?;
            }
            return Ok(outputs);
        }
        if in_place
            && !recorded
            && let Some(target) = self.fast_write(row, &args, span)?
        {
            return Ok(Outputs::from_iter([target]));
        }
        let metas = metas_of(&args);
        if in_place && !alone && !ops::inplace::is_untracked(row) {
            self.check_in_place(&args, recorded, span)?;
        }
        let on_itself = in_place && writes_itself(row, &args);
        if let (true, Some(Arg::Tensor(target)), false) = (
            in_place && !on_itself,
            metas.first(),
            matches!(row.result, ResultKind::View),
        ) && let Err(error) = ops::inplace::check_overlap(row, target)
        {
            return self.op_error(error, span);
        }
        // Measured: what cannot be saved is told before the sizes are looked at.
        if recorded
            && args
                .iter()
                .flat_map(tensors_of)
                .any(|tensor| tensor.is_inference())
        {
            self.make_node(op, row, &args, metas_of(&args), in_place, span)?;
        }
        if in_place
            && ops::inplace::shares_first(row)
            && let Err(error) = check_shared(row, &args)
        {
            return self.op_error(error, span);
        }
        let mut inferred = match (row.infer)(&metas) {
            Ok(inferred) => inferred,
            // The kernel has the numbers, and its result has the shape.
            Err(error) if ops::kit::follows_from_values(&error) && !in_place => Vec::new(),
            Err(error) => {
                // And so is a view that can no longer be used.
                for tensor in args.iter().flat_map(tensors_of).filter(|_| recorded) {
                    self.refresh_view(tensor, span)?;
                }
                return self.op_error(error, span);
            }
        };
        if let (true, Some(Arg::Tensor(target)), Some(result)) =
            (in_place && !on_itself, metas.first(), inferred.first())
            && !matches!(row.result, ResultKind::View)
            && let Err(error) = ops::inplace::check_in_place(row, target, result)
                .and_then(|()| check_shared(row, &args))
        {
            return self.op_error(error, span);
        }
        if let (ResultKind::SelfIf(is_self), Some(Arg::Tensor(first)), false) =
            (row.result, args.first(), in_place)
            && is_self(&metas)
        {
            return Ok(SmallVec::from_iter([Rc::clone(first)]));
        }
        if recorded
            && !in_place
            && let Err(error) = ops::inplace::check_asked_type(row, &args)
        {
            return self.op_error(error, span);
        }
        // What is of no floating type has no graph, and nothing is asked of the operands.
        let recorded = recorded
            && (in_place
                || inferred.is_empty()
                || inferred.iter().any(|meta| meta.dtype.is_floating()));
        if !in_place && matches!(row.result, ResultKind::Fresh | ResultKind::SelfIf(_)) {
            ops::strides::lay_out(row, &metas, &mut inferred);
        }
        let node = match recorded {
            true => Some(self.make_node(op, row, &args, metas, in_place, span)?),
            false => None,
        };
        let outputs = self.compute(row, &args, &inferred, in_place, span)?;
        if !in_place {
            self.count_hidden_writes(row, &args, &outputs);
        }
        if let Some(node) = node {
            self.attach(row, node, &args, &outputs, in_place, span)?;
        }
        Ok(outputs)
    }

    /// A write by the short way, where nothing forbids it: of a tensor that no graph needs and that no other operand
    /// shares its numbers with.
    fn fast_write(&mut self, row: &OpRow, args: &[Arg<Tensor>], span: Span) -> Res<Option<Tensor>> {
        let Some(Arg::Tensor(target)) = args.first() else {
            return Ok(None);
        };
        let shares = |other: &Tensor| Rc::ptr_eq(&other.storage.borrow(), &target.storage.borrow());
        if target.is_inference()
            || target.requires_grad()
            || args[1..].iter().flat_map(tensors_of).any(shares)
        {
            return Ok(None);
        }
        let Some(array) = fast(row, args) else {
            return Ok(None);
        };
        self.afford(array.numel() * item_size(array.dtype()))?;
        self.write_numbers(target, &array, span);
        self.bump(target, true, span);
        Ok(Some(Rc::clone(target)))
    }

    /// What is made of inference tensors alone has the writes of PyTorch's own code in its version.
    fn count_hidden_writes(&self, row: &OpRow, args: &[Arg<Tensor>], outputs: &Outputs) {
        let mut tensors = args.iter().flat_map(tensors_of).peekable();
        let alone = tensors.peek().is_some() && tensors.all(|tensor| tensor.is_inference());
        if self.inference || !alone {
            return;
        }
        let metas = metas_of(args);
        for output in outputs {
            let version = ops::written::of_inference(row, &metas, &output.meta());
            if let Some(counter) = &output.counter {
                counter.set(version);
            }
        }
    }

    /// Runs the kernel, or makes the views.
    fn compute(
        &mut self,
        row: &OpRow,
        args: &[Arg<Tensor>],
        inferred: &[Meta],
        in_place: bool,
        span: Span,
    ) -> Res<Outputs> {
        let is_view = matches!(row.result, ResultKind::View | ResultKind::MultiView);
        let first = args.first().and_then(|arg| tensors_of(arg).next());
        if let (true, Some(base)) = (is_view, first) {
            if in_place {
                if let Some(meta) = inferred.first() {
                    *base.meta.borrow_mut() = Rc::new(meta.clone());
                }
                self.check_inference_target(base, span)?;
                self.bump(base, false, span);
                return Ok(SmallVec::from_iter([Rc::clone(base)]));
            }
            let length = base.storage.borrow().buffer.borrow().len();
            for meta in inferred {
                if let Err(error) = ops::layout::check_storage(meta, length) {
                    return self.op_error(error, span);
                }
            }
            let several = matches!(row.result, ResultKind::MultiView);
            return Ok(inferred
                .iter()
                .map(|meta| self.new_view(base, meta.clone(), several, span))
                .collect());
        }
        let Some(forward) = row.forward else {
            return self.unsupported(format!("the numbers of `{}`", row.name), span);
        };
        let bytes: usize = inferred
            .iter()
            .map(|meta| meta.numel().saturating_mul(item_size(meta.dtype)))
            .fold(0, usize::saturating_add);
        self.afford(bytes)?;
        // Instructions count small operators.
        if bytes > LARGE {
            self.check_bounds()?;
        }
        let arrays: Vec<Arg<Array>> = args
            .iter()
            .map(|arg| arg.map(&mut |tensor: &Tensor| tensor.array()))
            .collect();
        let results = match forward(&arrays, &mut self.rng) {
            Ok(results) => results,
            Err(error) => {
                let left = first
                    .filter(|_| in_place)
                    .zip(ops::inplace::left_behind(row, &arrays));
                drop(arrays);
                if let Some((target, result)) = left {
                    self.write_numbers(target, &result, span);
                }
                return self.op_error(error, span);
            }
        };
        drop(arrays);
        if let (true, Some(target), Some(result)) = (in_place, first, results.first()) {
            self.write_numbers(target, result, span);
            self.check_inference_target(target, span)?;
            self.bump(target, true, span);
            return Ok(SmallVec::from_iter([Rc::clone(target)]));
        }
        let laid_out = |(at, array): (usize, Array)| match inferred.get(at) {
            Some(meta) if meta.strides != array.meta.strides && meta.shape == array.meta.shape => {
                match ops::strides::draws_in_memory_order(row) {
                    true => array.with_meta(meta.clone()),
                    false => array.laid_out(meta),
                }
            }
            _ => array,
        };
        let results: Vec<Array> = results.into_iter().enumerate().map(laid_out).collect();
        Ok(results
            .into_iter()
            .map(|array| self.fresh(array, span))
            .collect())
    }

    /// Puts a node behind the results.
    fn attach(
        &mut self,
        row: &OpRow,
        mut node: Node,
        args: &[Arg<Tensor>],
        outputs: &Outputs,
        in_place: bool,
        span: Span,
    ) -> Res<()> {
        *node.outputs.get_mut() = outputs.iter().map(|output| output.meta()).collect();
        let hidden = saves(row, in_place)
            .iter()
            .any(|save| save.what == Saved::Hidden);
        let wanted: SmallVec<[usize; 2]> = saves(row, in_place)
            .iter()
            .filter(|save| is_saved(save, &node.needs))
            .filter_map(|save| {
                if let Saved::Output(at) = save.what {
                    Some(at)
                } else {
                    None
                }
            })
            .collect();
        for (at, output) in outputs.iter().enumerate() {
            let what = if wanted.contains(&at) && !self.saved_hooks.is_empty() {
                self.packed(output, Edge::Null, Some(at), span)?
            } else if wanted.contains(&at) && !output.dtype().is_floating() {
                // It is a leaf, and kept as it is.
                SavedKind::Input {
                    tensor: Rc::clone(output),
                    version: output.version().unwrap_or(0),
                    had_grad_fn: false,
                    stamp: stamp(output),
                }
            } else if wanted.contains(&at) {
                let stamp = stamp(output);
                SavedKind::Output {
                    alias: self.alias(output),
                    version: output.version().unwrap_or(0),
                    output: at,
                    stamp,
                    seen_as: Weak::new(),
                }
            } else if hidden {
                SavedKind::Hidden {
                    array: output.array(),
                    edge: Edge::Null,
                }
            } else {
                continue;
            };
            node.keeps.set(true);
            node.saved_outputs
                .get_mut()
                .push((at, SavedTensor { what }));
        }
        if wanted.len() > 1 {
            let nth = |at: usize| wanted.iter().position(|&wanted| wanted == at);
            node.saved_outputs.get_mut().sort_by_key(|(at, _)| nth(*at));
        }
        let node = Rc::new(node);
        if in_place {
            if let Some(Arg::Tensor(target)) = args.first().filter(|_| {
                let mut written = outputs.first().into_iter();
                written.all(|output| ops::inplace::gives_graph(row, output.dtype()))
            }) {
                if let ResultKind::View = row.result {
                    // What is only seen otherwise is written in name: a base keeps its graph, and what retains its
                    // gradient retains that of what it was.
                    *target.grad_fn.borrow_mut() = Some((Rc::clone(&node), 0));
                    if let Some(view) = &target.view {
                        view.attr_version.set(target.version().unwrap_or(0));
                    }
                } else {
                    self.rebase(target, Rc::clone(&node));
                }
                self.name_after_view(target, &node, span)?;
            }
            return Ok(());
        }
        for (at, output) in outputs.iter().enumerate() {
            if output.dtype().is_floating() {
                *output.grad_fn.borrow_mut() = Some((Rc::clone(&node), at));
            }
        }
        Ok(())
    }

    /// A view that was written gets its new `grad_fn` at once; what the write saved of its result is known by the name
    /// of that, for as long as it is there.
    fn name_after_view(&mut self, target: &Tensor, node: &Rc<Node>, span: Span) -> Res<()> {
        if target.view.is_none() {
            return Ok(());
        }
        self.refresh_view(target, span)?;
        let now = target.grad_fn.borrow();
        for (_, saved) in node.saved_outputs.borrow_mut().iter_mut() {
            if let (SavedKind::Output { seen_as, .. }, Some((now, _))) = (&mut saved.what, &*now) {
                *seen_as = Rc::downgrade(now);
            }
        }
        Ok(())
    }

    /// The same numbers and version without a graph.
    pub(super) fn alias(&mut self, tensor: &Tensor) -> Tensor {
        let id = self.next_id();
        Rc::new(plain(
            id,
            tensor.meta(),
            Rc::clone(&tensor.storage.borrow()),
            tensor.counter.clone(),
            tensor.made,
        ))
    }

    fn make_node(
        &mut self,
        op: OpId,
        row: &OpRow,
        args: &[Arg<Tensor>],
        metas: Vec<Arg<Meta>>,
        in_place: bool,
        span: Span,
    ) -> Res<Node> {
        let mut edges = Edges::new();
        let mut needs = SmallVec::from_elem(false, args.len());
        for (at, (param, arg)) in row.params.iter().zip(args).enumerate() {
            if flows(param.kind) {
                for tensor in tensors_of(arg) {
                    let edge = self.edge(tensor, span)?;
                    needs[at] |= !matches!(edge, Edge::Null);
                    edges.push(edge);
                }
            }
        }
        let mut saved = Vec::new();
        let mut keeps = false;
        let hidden = saves(row, in_place)
            .iter()
            .any(|save| save.what == Saved::Hidden);
        let mut indexed = Vec::with_capacity(args.len());
        for (at, arg) in args.iter().enumerate() {
            let asked = saves(row, in_place)
                .iter()
                .any(|save| save.what == Saved::Input(at) && is_saved(save, &needs));
            let clone_of_self = in_place && at == 0 && own_saves(row).is_none();
            let mut failed = None;
            let places = arg.map(&mut |tensor: &Tensor| {
                let what = match asked {
                    _ if failed.is_some() => SavedKind::Not,
                    true if !clone_of_self && tensor.is_inference() => {
                        failed = Some(());
                        SavedKind::Not
                    }
                    true if !clone_of_self => SavedKind::Input {
                        tensor: Rc::clone(tensor),
                        version: tensor.version().unwrap_or(0),
                        had_grad_fn: tensor.grad_fn.borrow().is_some(),
                        stamp: stamp(tensor),
                    },
                    asked if asked || hidden => match self.edge(tensor, span) {
                        Ok(edge) => SavedKind::Hidden {
                            array: tensor.array(),
                            edge,
                        },
                        Err(_) => SavedKind::Hidden {
                            array: tensor.array(),
                            edge: Edge::Null,
                        },
                    },
                    _ => SavedKind::Not,
                };
                keeps |= !matches!(what, SavedKind::Not);
                saved.push(SavedTensor { what });
                saved.len() - 1
            });
            if failed.is_some() {
                return self.runtime(INFERENCE_SAVED, span);
            }
            keeps |= asked && matches!(arg, Arg::Scalar(_));
            indexed.push(places);
        }
        if !self.saved_hooks.is_empty() {
            self.pack_inputs(&mut saved, span)?;
            for arg in args.iter().enumerate().filter_map(|(at, arg)| {
                let asked = (saves(row, in_place).iter())
                    .any(|save| save.what == Saved::Input(at) && is_saved(save, &needs));
                asked.then_some(arg)
            }) {
                // A number is saved as a tensor of its own.
                if let Arg::Scalar(number) = arg {
                    let array = Array::full(crate::ops::Dtype::F64, Shape::new(), *number);
                    let number = self.fresh(array, span);
                    saved.push(SavedTensor {
                        what: self.packed(&number, Edge::Null, None, span)?,
                    });
                }
            }
        }
        self.sequence += 1;
        let kind = match row.gradient {
            Gradient::NotImplemented(error, text) => {
                NodeKind::NotImplemented(error, ops::inplace::not_implemented_text(text, in_place))
            }
            _ => NodeKind::Op(op),
        };
        Ok(Node {
            sequence: self.sequence,
            name: node_name(row, &metas, in_place),
            kind,
            edges: RefCell::new(edges),
            metas,
            outputs: RefCell::default(),
            args: indexed,
            saved: RefCell::new(saved),
            saved_outputs: RefCell::default(),
            needs,
            keeps: Cell::new(keeps || hidden),
            released: Cell::new(false),
            hooks: RefCell::default(),
            retaining: RefCell::default(),
        })
    }

    /// The edge that a use of the tensor goes along. Derives a stale view's `grad_fn` again, or raises (rule R5.4).
    pub(super) fn edge(&mut self, tensor: &Tensor, span: Span) -> Res<Edge> {
        self.refresh_view(tensor, span)?;
        Ok(match &*tensor.grad_fn.borrow() {
            Some((node, output)) => Edge::Node(Rc::clone(node), *output),
            None if tensor.bit.get() => Edge::Leaf(Rc::clone(tensor)),
            None => Edge::Null,
        })
    }

    /// A new tensor with a storage of its own.
    pub(super) fn fresh(&mut self, array: Array, span: Span) -> Tensor {
        let storage = Rc::new(Storage::new(array.buffer, &self.memory));
        let counter = (!self.inference).then(|| Rc::new(Cell::new(0)));
        let id = self.next_id();
        Rc::new(plain(
            id,
            Rc::new(array.meta),
            storage,
            counter,
            self.place(span),
        ))
    }

    fn new_view(&mut self, of: &Tensor, meta: Meta, several: bool, span: Span) -> Tensor {
        let id = self.next_id();
        let mut tensor = plain(
            id,
            Rc::new(meta),
            Rc::clone(&of.storage.borrow()),
            of.counter.clone().filter(|_| !of.is_inference()),
            self.place(span),
        );
        // A view of an inference tensor is not tracked (rule R3.3).
        if let Some(version) = tensor.version() {
            let inherited = of
                .view
                .as_ref()
                .map_or(Creation::Default, |view| view.creation.get());
            let creation = match inherited {
                Creation::Inference => Creation::Inference,
                _ if self.inference => Creation::Inference,
                _ if !self.grad => Creation::NoGrad,
                _ if several => Creation::MultiOutput,
                inherited => inherited,
            };
            let base = of
                .view
                .as_ref()
                .map_or_else(|| Rc::clone(of), |view| Rc::clone(&view.base));
            tensor.view = Some(View {
                base,
                attr_version: Cell::new(version),
                creation: Cell::new(creation),
            });
        }
        Rc::new(tensor)
    }
}

/// The arguments without their numbers.
fn metas_of(args: &[Arg<Tensor>]) -> Vec<Arg<Meta>> {
    let mut meta = |tensor: &Tensor| Meta::clone(&tensor.meta.borrow());
    args.iter().map(|arg| arg.map(&mut meta)).collect()
}

pub(super) fn metas_as(arg: &Arg<Meta>) -> Arg<usize> {
    arg.map(&mut |_: &Meta| 0)
}

/// Where the numbers are, and how often they were written.
pub(super) fn stamp(tensor: &Tensor) -> (Rc<Storage>, u64) {
    let storage = Rc::clone(&tensor.storage.borrow());
    let writes = storage.writes.get();
    (storage, writes)
}

/// A tensor without any graph.
pub(super) fn plain(
    id: u64,
    meta: Rc<Meta>,
    storage: Rc<Storage>,
    counter: Option<Rc<Cell<u64>>>,
    made: Span,
) -> TensorImpl {
    TensorImpl {
        id,
        passed_over: Cell::new(counter.is_none()),
        meta: RefCell::new(meta),
        storage: RefCell::new(storage),
        bit: Cell::new(false),
        grad_fn: RefCell::default(),
        grad: RefCell::default(),
        retains: Cell::new(false),
        hooks: RefCell::default(),
        post_hooks: RefCell::default(),
        counter,
        loose: None,
        view: None,
        is_parameter: Cell::new(false),
        made,
        left: Cell::new(false),
        attrs: RefCell::default(),
    }
}

/// Arguments with the defaults of the trailing parameters that are not given.
pub(super) fn with_defaults(row: &OpRow, mut args: Vec<Arg<Tensor>>) -> Vec<Arg<Tensor>> {
    args.extend(row.defaults(args.len()));
    args
}

/// The tensors in an argument.
pub(super) fn tensors_of<'a, T>(arg: &'a Arg<T>) -> impl Iterator<Item = &'a T> {
    let (one, many, items): (Option<&T>, &[T], &[ops::IndexItem<T>]) = match arg {
        Arg::Tensor(tensor) => (Some(tensor), &[], &[]),
        Arg::Tensors(tensors) => (None, tensors, &[]),
        Arg::Index(items) => (None, &[], items),
        _ => (None, &[], &[]),
    };
    let of = |item: &'a ops::IndexItem<T>| {
        if let ops::IndexItem::Tensor(tensor) = item {
            Some(tensor)
        } else {
            None
        }
    };
    one.into_iter()
        .chain(many)
        .chain(items.iter().filter_map(of))
}

/// Whether a gradient may flow to such a parameter.
pub(super) fn flows(kind: ParamKind) -> bool {
    match kind {
        ParamKind::Tensor { diff } | ParamKind::OptTensor { diff } => diff,
        ParamKind::TensorOrScalar | ParamKind::Tensors => true,
        _ => false,
    }
}

/// The tensors that a gradient may flow to, in order.
pub(super) fn differentiable<'a, T>(
    row: &'a OpRow,
    args: &'a [Arg<T>],
) -> impl Iterator<Item = &'a T> {
    row.params
        .iter()
        .zip(args)
        .filter(|(param, _)| flows(param.kind))
        .flat_map(|(_, arg)| tensors_of(arg))
}

fn is_saved(save: &Save, needs: &[bool]) -> bool {
    match save.when {
        When::Always => true,
        When::Needs(places) => places
            .iter()
            .any(|&at| needs.get(at).copied().unwrap_or(false)),
    }
}

/// What an operator saves in the form in which it is called.
fn saves(row: &OpRow, in_place: bool) -> &'static [Save] {
    match own_saves(row) {
        Some(saves) if in_place => saves,
        _ => row.saves,
    }
}

fn own_saves(row: &OpRow) -> Option<&'static [Save]> {
    match row.in_place {
        InPlace::Yes { saves, .. } => saves,
        _ => None,
    }
}

fn node_name(row: &OpRow, metas: &[Arg<Meta>], in_place: bool) -> &'static str {
    match (row.in_place, row.node_by) {
        (
            InPlace::Yes {
                node: Some(node), ..
            },
            _,
        ) if in_place => node,
        (_, Some(by)) => by(metas),
        _ => row.node,
    }
}

/// An error for what a formula asks and the node does not have.
pub(super) fn not_saved() -> OpError {
    OpError::Unsupported("a gradient formula that asks for what its operator does not save".into())
}

/// Whether all tensors of a call are inference tensors, and no number counts as a tensor beside them.
fn is_inference_alone(row: &OpRow, args: &[Arg<Tensor>]) -> bool {
    let mut tensors = args.iter().flat_map(tensors_of);
    tensors.all(|tensor| tensor.is_inference()) && !ops::written::wraps_number(row, args)
}

/// What is said, while gradient mode is on, of tensors that require grad where none may.
fn refusal(row: &OpRow, args: &[Arg<Tensor>], alone: bool, in_place: bool) -> Option<OpError> {
    if !alone {
        return ops::inplace::check_constant(row, args, |tensor| tensor.requires_grad()).err();
    }
    let mut tensors = args.iter().flat_map(tensors_of);
    let any = !in_place && tensors.any(|tensor| tensor.requires_grad());
    any.then(|| ops::written::refusal_of_inference(row))?
}
