//! Operators on tensors: shapes, recording, saving, writing. Rules R2.1 to R2.7 of `shared/autograd/rules.md`, in the
//! order of events that R2.2 gives.

use std::rc::Rc;

use smallvec::SmallVec;

use super::fact::Failure;
use super::graph::{Edge, Node, NodeKind};
use super::op_args::{differentiable, tensors_of};
use super::saved::inference_known;
use super::story::{Happened, OriginId, Source, Step};
use super::value::{Counter, Creation, GradFn, NodeId, Obj, ObjId, Storage, Tensor, Val, View};
use super::world::World;
use super::write::{check_shared, writes_itself};
use super::{Analyzer, Res};
use crate::dataflow::Tri;
use crate::ops::{
    self, Arg, Dtype, Exception, Gradient, InPlace, Meta, OpId, OpRow, ParamKind, ResultKind, table,
};
use crate::source::Span;

/// Bound arguments.
pub(super) type OpArgs = Vec<Arg<ObjId>>;
pub(super) type Outputs = SmallVec<[ObjId; 1]>;

impl Analyzer<'_> {
    /// Applies an operator. Several results are a tuple.
    pub(super) fn apply(
        &mut self,
        world: &mut World,
        op: OpId,
        args: OpArgs,
        in_place: bool,
        span: Span,
    ) -> Res<Val> {
        let several = matches!(table::row(op).result, ResultKind::MultiView);
        let Some(outputs) = self.run_op(world, op, args, in_place, span)? else {
            return Ok(Val::Unknown);
        };
        Ok(match outputs.as_slice() {
            [one] if !several => Val::Obj(*one),
            _ => Val::tuple(outputs.into_iter().map(Val::Obj).collect()),
        })
    }

    /// Applies an operator; none where even the number of results is not known.
    pub(super) fn run_op(
        &mut self,
        world: &mut World,
        op: OpId,
        args: OpArgs,
        in_place: bool,
        span: Span,
    ) -> Res<Option<Outputs>> {
        let row = table::row(op);
        let in_place = in_place
            || matches!(row.in_place, InPlace::Only)
            || (!matches!(row.in_place, InPlace::No) && ops::inplace::requested(row, &args));
        let metas = self.metas(world, &args);
        // In inference mode nothing is recorded, whatever `enable_grad` says (rule R3.3).
        let tracking = world.grad.0.and(!world.inference.0);
        // A call of inference tensors alone does not come to autograd at all.
        let inference_alone = !ops::written::wraps_number(row, &args)
            && differentiable(row, &args).all(|tensor| tensor.is_some())
            && args
                .iter()
                .flat_map(tensors_of)
                .all(|id| world.is_inference(id));
        if inference_alone
            && tracking.is_true()
            && !in_place
            && self.any_requires_grad(world, row, &args).is_true()
            && let Some(error) = ops::written::refusal_of_inference(row)
        {
            self.op_error::<()>(world, span, error)?;
        }
        let recorded = match inference_alone {
            true => Tri::False,
            false => tracking.and(self.any_requires_grad(world, row, &args)),
        };
        if tracking.is_true() {
            let certainly = |id: &ObjId| self.requires_grad(world, *id).is_true();
            if let Err(error) = ops::inplace::check_constant(row, &args, certainly) {
                self.op_error::<()>(world, span, error)?;
            }
        }
        if in_place && !inference_alone && tracking.may() && !ops::inplace::is_untracked(row) {
            self.check_in_place(world, &args, recorded, span)?;
        }
        let on_itself = in_place && writes_itself(world, row, &args);
        if let (true, Some(Arg::Tensor(target))) =
            (in_place && !on_itself, metas.iter().flatten().next())
            && !matches!(row.result, ResultKind::View)
            && let Err(error) = ops::inplace::check_overlap(row, target)
        {
            return self.in_place_refused(world, error, span);
        }
        if inference_known(world, &args) && recorded.is_true() {
            self.refuse_saving(world, row, &args, in_place, span)?;
        }
        // So is a view that can no longer be used.
        let stale = |id: &ObjId| self.stale_view(world, *id);
        let stale = args.iter().flat_map(tensors_of).find(stale);
        if let (Some(stale), true, Some(metas)) = (stale, recorded.is_true(), &metas)
            && (row.infer)(metas).is_err()
        {
            self.edge(world, stale, span)?;
        }
        if in_place
            && ops::inplace::shares_first(row)
            && let Err(error) = check_shared(world, row, &args)
        {
            return self.in_place_refused(world, error, span);
        }
        let inferred = match self.infer(world, row, &args, metas.as_deref(), span)? {
            Some(inferred) => inferred,
            None => return Ok(None),
        };
        if let (true, Some(metas), Some(out)) = (in_place && !on_itself, &metas, &inferred.metas)
            && let (Some(Arg::Tensor(target)), Some(result)) = (metas.first(), out.first())
            && !matches!(row.result, ResultKind::View)
            && let Err(error) = ops::inplace::check_in_place(row, target, result)
                .and_then(|()| check_shared(world, row, &args))
        {
            return self.in_place_refused(world, error, span);
        }
        if in_place {
            self.check_inference_target(world, &args, span)?;
        } else {
            self.check_storage(world, row, &args, &inferred, span)?;
        }
        if let (ResultKind::SelfIf(is_self), Some(metas), Some(Arg::Tensor(first))) =
            (row.result, &metas, args.first())
            && is_self(metas)
        {
            return Ok(Some(SmallVec::from_slice(&[*first])));
        }
        if recorded.is_true()
            && !in_place
            && let Err(error) = ops::inplace::check_asked_type(row, &args)
        {
            self.op_error::<()>(world, span, error)?;
        }
        // What is of no floating type has no graph, and nothing is asked of the operands.
        let is_floating = |dtype: &Option<Dtype>| dtype.is_none_or(Dtype::is_floating);
        let node = match row.gradient {
            _ if !in_place && inferred.count > 0 && !inferred.dtypes.iter().any(is_floating) => {
                None
            }
            Gradient::NotDifferentiable => None,
            _ if recorded.may() => Some(self.make_node(
                world,
                op,
                row,
                &args,
                metas.as_deref(),
                in_place,
                recorded,
                span,
            )?),
            _ => None,
        };
        let outputs = if in_place {
            self.write_in_place(world, row, &args, inferred, node, span)?
        } else {
            self.new_outputs(world, row, &args, inferred, node, recorded, span)
        };
        if let Some(node) = node {
            self.save_outputs(world, row, &args, node, &outputs, in_place, span)?;
            if let (true, Some(&target)) = (in_place, outputs.first()) {
                self.name_after_view(world, target, node, span)?;
            }
        }
        Ok(Some(outputs))
    }

    /// Whether views stay in the storage that they are of, which [`Self::infer`] does not know.
    fn check_storage(
        &mut self,
        world: &mut World,
        row: &OpRow,
        args: &[Arg<ObjId>],
        inferred: &Inferred,
        span: Span,
    ) -> Res<()> {
        let is_view = matches!(row.result, ResultKind::View | ResultKind::MultiView);
        let base = args.first().and_then(|arg| tensors_of(arg).next());
        let (true, Some(base), Some(metas)) = (is_view, base, &inferred.metas) else {
            return Ok(());
        };
        let storage = world.tensor(base).map(|base| base.storage);
        let length = storage.and_then(|storage| world.storage(storage)?.length);
        let refused = length.and_then(|length| {
            let check = |meta| ops::layout::check_storage(meta, length as usize).err();
            metas.iter().find_map(check)
        });
        match refused {
            Some(error) => self.op_error(world, span, error).map(|_: Option<()>| ()),
            None => Ok(()),
        }
    }

    /// The arguments with the tensors' layouts, if all are known.
    pub(super) fn metas(&self, world: &World, args: &[Arg<ObjId>]) -> Option<Vec<Arg<Meta>>> {
        args.iter()
            .map(|arg| {
                let meta = |id: &ObjId| world.tensor(*id)?.meta.as_deref().cloned();
                arg.try_map(&mut |id| meta(id).ok_or(())).ok()
            })
            .collect()
    }

    fn infer(
        &mut self,
        world: &mut World,
        row: &OpRow,
        args: &[Arg<ObjId>],
        metas: Option<&[Arg<Meta>]>,
        span: Span,
    ) -> Res<Option<Inferred>> {
        if let Some(metas) =
            metas.filter(|metas| !metas.iter().any(|arg| matches!(arg, Arg::Unknown)))
        {
            return match (row.infer)(metas) {
                Ok(mut out) => {
                    if matches!(row.result, ResultKind::Fresh | ResultKind::SelfIf(_)) {
                        ops::strides::lay_out(row, metas, &mut out);
                    }
                    Ok(Some(Inferred {
                        count: out.len(),
                        dtypes: out.iter().map(|meta| Some(meta.dtype)).collect(),
                        metas: Some(out),
                    }))
                }
                Err(error) => {
                    self.op_error::<()>(world, span, error)?;
                    Ok(self.guess(world, row, args))
                }
            };
        }
        Ok(self.guess(world, row, args))
    }

    /// The number and dtypes of the results where the shapes are not known: those for some small shapes that fit.
    fn guess(&self, world: &World, row: &OpRow, args: &[Arg<ObjId>]) -> Option<Inferred> {
        if matches!(row.result, ResultKind::MultiView) {
            return None;
        }
        let unknown = Inferred {
            count: 1,
            dtypes: SmallVec::from_elem(None, 1),
            metas: None,
        };
        let known_dtypes = args.iter().all(|arg| match arg {
            Arg::Tensor(id) => world
                .tensor(*id)
                .is_some_and(|tensor| tensor.dtype.is_some()),
            Arg::Unknown => false,
            _ => true,
        });
        for shape in GUESSED_SHAPES {
            let mut of = |id: &ObjId| {
                let tensor = world.tensor(*id).ok_or(())?;
                let dtype = tensor.dtype.unwrap_or(Dtype::F32);
                Ok::<_, ()>(Meta::contiguous(dtype, *shape))
            };
            let guessed: Result<Vec<Arg<Meta>>, ()> =
                args.iter().map(|arg| arg.try_map(&mut of)).collect();
            let Ok(mut guessed) = guessed else {
                return Some(unknown);
            };
            for (param, arg) in row.params.iter().zip(&mut guessed) {
                if matches!(arg, Arg::Unknown) {
                    // A number may be what makes the result one of integers: a tensor of floats does not.
                    *arg = match param.kind {
                        ParamKind::Tensor { .. } | ParamKind::TensorOrScalar => {
                            Arg::Tensor(Meta::contiguous(Dtype::F32, *shape))
                        }
                        _ => Arg::Scalar(ops::Scalar::Int(0)),
                    };
                }
            }
            if let Ok(out) = (row.infer)(&guessed) {
                let dtypes = out
                    .iter()
                    .map(|meta| {
                        if known_dtypes || !meta.dtype.is_floating() {
                            Some(meta.dtype)
                        } else {
                            None
                        }
                    })
                    .collect();
                return Some(Inferred {
                    count: out.len(),
                    dtypes,
                    metas: None,
                });
            }
        }
        Some(unknown)
    }

    /// Whether any differentiable argument requires grad.
    fn any_requires_grad(&self, world: &World, row: &OpRow, args: &[Arg<ObjId>]) -> Tri {
        differentiable(row, args).fold(Tri::False, |any, tensor| {
            any.or(tensor.map_or(Tri::Maybe, |id| self.requires_grad(world, id)))
        })
    }

    /// A new node; the order of their numbers is that in which they were made.
    pub(super) fn add_node(&mut self, node: Node) -> NodeId {
        self.nodes.push(node)
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of a call")]
    fn make_node(
        &mut self,
        world: &mut World,
        op: OpId,
        row: &OpRow,
        args: &[Arg<ObjId>],
        metas: Option<&[Arg<Meta>]>,
        in_place: bool,
        recorded: Tri,
        span: Span,
    ) -> Res<NodeId> {
        let id = self.nodes.push(Node {
            kind: NodeKind::AsStrided,
            name: node_name(row, metas, in_place),
            span: self.place(span),
            edges: SmallVec::new(),
            saved: Vec::new(),
            hidden: false,
            recorded,
            constant_gradient: None,
        });
        let mut edges = SmallVec::new();
        let mut constant = None;
        for tensor in differentiable(row, args) {
            match tensor {
                Some(tensor) => {
                    edges.push(self.edge(world, tensor, span)?);
                    if self.requires_grad(world, tensor).is_false() {
                        let origin = world
                            .tensor(tensor)
                            .map_or(OriginId::NOWHERE, |tensor| tensor.origin);
                        constant =
                            constant.or(self.origins.get(origin).of_gradient.then_some(origin));
                    }
                }
                None => edges.push(Edge::Unknown),
            }
        }
        let (saved, hidden) = self.save_inputs(world, row, args, in_place, span)?;
        if let (true, ResultKind::View, Some(metas)) = (in_place, row.result, metas) {
            // The tensor will have other sizes.
            self.metas_before.insert(id, metas.into());
            if let (Some(Arg::Tensor(target)), Some(Arg::Tensor(meta))) =
                (args.first(), metas.first())
            {
                let first = self.first_meta.entry(*target);
                first.or_insert_with(|| Rc::new(meta.clone()));
            }
        }
        let kind = match row.gradient {
            Gradient::NotImplemented(error, text) => {
                NodeKind::NotImplemented(error, ops::inplace::not_implemented_text(text, in_place))
            }
            _ => NodeKind::Op {
                op,
                args: row.without_defaults(args).into(),
                outputs: SmallVec::new(),
            },
        };
        let node = &mut self.nodes[id];
        node.kind = kind;
        node.edges = edges;
        node.saved = saved;
        node.hidden = hidden;
        node.constant_gradient = constant;
        Ok(id)
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of a call")]
    fn new_outputs(
        &mut self,
        world: &mut World,
        row: &OpRow,
        args: &[Arg<ObjId>],
        inferred: Inferred,
        node: Option<NodeId>,
        recorded: Tri,
        span: Span,
    ) -> Outputs {
        let origin = self.origin_of(world, row, args, span);
        let is_view = matches!(row.result, ResultKind::View | ResultKind::MultiView);
        let base = args
            .first()
            .and_then(|arg| tensors_of(arg).next())
            .filter(|_| is_view);
        let mut tensors = args.iter().flat_map(tensors_of).peekable();
        let alone = tensors.peek().is_some() && tensors.all(|id| world.is_inference(id));
        // What is made of inference tensors alone has the writes of PyTorch's own code in its version.
        let metas = alone.then(|| self.metas(world, args)).flatten();
        let hidden = match (metas, inferred.metas.as_ref().and_then(|out| out.first())) {
            (Some(metas), Some(out)) => ops::written::of_inference(row, &metas, out),
            _ => 0,
        };
        let mut outputs = Outputs::new();
        for at in 0..inferred.count {
            let meta = inferred
                .metas
                .as_ref()
                .map(|metas| Rc::new(metas[at].clone()));
            let dtype = inferred.dtypes[at];
            let id = match base {
                Some(base) => self.new_view(
                    world,
                    base,
                    meta,
                    dtype,
                    matches!(row.result, ResultKind::MultiView),
                    origin,
                ),
                None => {
                    let id = self.new_tensor(world, meta, dtype, origin);
                    self.count_hidden_writes(world, id, hidden);
                    id
                }
            };
            let differentiable = dtype.is_none_or(Dtype::is_floating);
            if let (Some(node), true) = (node, differentiable) {
                world.tensor_mut(id).grad_fn = GradFn::output(node, at as u32, recorded);
            }
            outputs.push(id);
        }
        outputs
    }

    /// A new tensor whose version is not 0 from the start.
    pub(super) fn count_hidden_writes(&mut self, world: &mut World, id: ObjId, version: u64) {
        let counter = world.tensor(id).and_then(|tensor| tensor.counter);
        if let (Some(counter), true) = (counter, version > 0)
            && let Some(Obj::Counter(known)) = world.obj(counter).cloned()
        {
            let version = version as u32;
            world.put(
                counter,
                Obj::Counter(Counter {
                    low: version,
                    high: version,
                    ..known
                }),
            );
        }
    }

    fn origin_of(
        &mut self,
        world: &World,
        row: &OpRow,
        args: &[Arg<ObjId>],
        span: Span,
    ) -> OriginId {
        let inputs: SmallVec<[OriginId; 2]> = args
            .iter()
            .flat_map(tensors_of)
            .filter_map(|id| world.tensor(id))
            .map(|tensor| tensor.origin)
            .take(MAX_ORIGINS)
            .collect();
        let would_record =
            matches!(row.gradient, Gradient::NotDifferentiable) || !world.grad.0.is_true();
        let lost = would_record && self.any_tensor_requires_grad(world, args).may();
        let source = match row.gradient {
            _ if inputs.is_empty() => Source::Factory,
            Gradient::NotDifferentiable if lost => {
                Source::NotDifferentiable(ops::bind::called(row))
            }
            _ if lost && !world.inference.0.is_false() => Source::Inference(world.inference.1),
            _ if lost => Source::NoGrad(world.grad.1),
            _ => Source::Operator,
        };
        self.origin(span, source, inputs)
    }

    fn any_tensor_requires_grad(&self, world: &World, args: &[Arg<ObjId>]) -> Tri {
        args.iter()
            .flat_map(tensors_of)
            .fold(Tri::False, |any, id| any.or(self.requires_grad(world, id)))
    }

    /// A new tensor with a storage of its own.
    pub(super) fn new_tensor(
        &mut self,
        world: &mut World,
        meta: Option<Rc<Meta>>,
        dtype: Option<Dtype>,
        origin: OriginId,
    ) -> ObjId {
        let length = meta.as_deref().and_then(ops::layout::span);
        let length = length.and_then(|length| u32::try_from(length).ok());
        let storage = self.alloc(world, Obj::Storage(Storage::new(length)));
        let counter = if world.inference.0.is_true() {
            None
        } else {
            Some(self.new_counter(world))
        };
        self.alloc(
            world,
            Obj::Tensor(Rc::new(plain(meta, dtype, counter, storage, origin))),
        )
    }

    pub(super) fn new_view(
        &mut self,
        world: &mut World,
        source: ObjId,
        meta: Option<Rc<Meta>>,
        dtype: Option<Dtype>,
        multi: bool,
        origin: OriginId,
    ) -> ObjId {
        let Some(of) = world.tensor(source).cloned() else {
            return self.new_tensor(world, meta, dtype, origin);
        };
        let counter = of.counter.filter(|_| !of.is_lent);
        let mut tensor = plain(meta, dtype.or(of.dtype), counter, of.storage, origin);
        // A view of an inference tensor is not tracked (rule R3.3).
        if let Some(counter) = counter {
            let inherited = of
                .view
                .as_ref()
                .map_or(Creation::Default, |view| view.creation);
            let creation = match inherited {
                Creation::Inference => Creation::Inference,
                _ if world.inference.0.may() => Creation::Inference,
                _ if world.grad.0.is_false() => Creation::NoGrad,
                _ if multi => Creation::MultiOutput,
                inherited => inherited,
            };
            let base = of.view.as_ref().map_or(source, |view| view.base);
            let attr_write = world.counter(counter).map_or(0, |counter| counter.last);
            tensor.view = Some(Rc::new(View {
                base,
                attr_write,
                creation,
            }));
        }
        self.alloc(world, Obj::Tensor(Rc::new(tensor)))
    }

    /// Where a tensor was made, for a story.
    pub(super) fn made(&self, world: &World, id: ObjId) -> Option<Span> {
        let origin = self.origins.get(world.tensor(id)?.origin);
        (origin.source != Source::Nowhere).then_some(origin.span)
    }

    /// An inference tensor where it cannot be.
    pub(super) fn inference_failure<T>(
        &mut self,
        world: &mut World,
        id: ObjId,
        text: &str,
        span: Span,
    ) -> Res<T> {
        let story = self
            .made(world, id)
            .map(|span| Step {
                span,
                happened: Happened::MadeInInference,
            })
            .into_iter()
            .collect();
        self.raise(
            world,
            span,
            Failure::InferenceTensor,
            Exception::RuntimeError,
            text,
        )
        .map_err(|mut raise| {
            raise.story = story;
            raise
        })
    }
}

/// What is known of an operator's results.
pub(super) struct Inferred {
    /// How many there are.
    count: usize,
    /// Their dtypes.
    dtypes: SmallVec<[Option<Dtype>; 1]>,
    /// Their layouts.
    pub metas: Option<Vec<Meta>>,
}

/// Shapes that are tried to see how many results an operator has.
const GUESSED_SHAPES: &[&[usize]] = &[&[2, 2], &[2], &[2, 2, 2], &[2, 2, 2, 2], &[]];
/// How many arguments' origins are kept.
const MAX_ORIGINS: usize = 8;

fn plain(
    meta: Option<Rc<Meta>>,
    dtype: Option<Dtype>,
    counter: Option<ObjId>,
    storage: ObjId,
    origin: OriginId,
) -> Tensor {
    Tensor {
        meta,
        dtype,
        bit: Tri::False,
        grad_fn: GradFn::None,
        grad: Val::NONE,
        counter,
        is_loose: false,
        is_lent: false,
        storage,
        view: None,
        retains_grad: false,
        hooks: Default::default(),
        is_parameter: false,
        origin,
        one_of: None,
        history: Default::default(),
    }
}

fn node_name(row: &OpRow, metas: Option<&[Arg<Meta>]>, in_place: bool) -> &'static str {
    match (row.in_place, row.node_by, metas) {
        (
            InPlace::Yes {
                node: Some(node), ..
            },
            ..,
        ) if in_place => node,
        (_, Some(by), Some(metas)) => by(metas),
        _ => row.node,
    }
}
