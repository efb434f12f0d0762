//! `backward` and `grad` as programs call them (rules R7.1, R10.1).

use super::backward::{Request, Target, cast_args};
use super::call::Args;
use super::fact::Failure;
use super::story::{Happened, OriginId, Source, Step};
use super::value::{ObjId, Val};
use super::world::World;
use super::{Analyzer, Res};
use crate::dataflow::Tri;
use crate::ops::{Exception, engine_ops, table};
use crate::source::Span;

impl Analyzer<'_> {
    fn flag(
        &mut self,
        world: &mut World,
        value: Option<&Val>,
        default: Tri,
        span: Span,
    ) -> Res<Tri> {
        match value.cloned() {
            None | Some(Val::None(_)) => Ok(default),
            Some(value) => self.truth(world, &value, span),
        }
    }

    fn effect(&mut self, span: Span) -> Val {
        Val::None(self.origin(span, Source::Effect, []))
    }

    /// `tensor.backward(gradient, retain_graph, create_graph, inputs)`
    pub(super) fn tensor_backward(
        &mut self,
        world: &mut World,
        id: ObjId,
        args: Args,
        span: Span,
    ) -> Res<Val> {
        let create = self.flag(world, args.get(2, "create_graph"), Tri::False, span)?;
        let retain = self.flag(world, args.get(1, "retain_graph"), create, span)?;
        let inputs = match args.get(3, "inputs").cloned() {
            None | Some(Val::None(_)) => None,
            Some(value) => Some(self.tensors_in(world, &value)),
        };
        if inputs.as_ref().is_some_and(Vec::is_empty) {
            return self.raise(
                world,
                span,
                Failure::UnusedInput,
                Exception::RuntimeError,
                "`inputs` argument to `backward()` cannot be empty.",
            );
        }
        let gradient = args.get(0, "gradient").cloned().unwrap_or(Val::NONE);
        let root = self.root(world, 0, id, &gradient, span)?;
        self.run_backward(
            world,
            &Request {
                roots: vec![root],
                retain,
                create,
                inputs,
                accumulate: true,
            },
            span,
        )?;
        Ok(self.effect(span))
    }

    /// `autograd.backward(tensors, grad_tensors, retain_graph, create_graph, inputs)`
    pub(super) fn autograd_backward(
        &mut self,
        world: &mut World,
        args: Args,
        span: Span,
    ) -> Res<Val> {
        let create = self.flag(world, args.get(3, "create_graph"), Tri::False, span)?;
        let retain = self.flag(world, args.get(2, "retain_graph"), create, span)?;
        let inputs = match args.get(4, "inputs").cloned() {
            None | Some(Val::None(_)) => None,
            Some(value) => Some(self.tensors_in(world, &value)),
        };
        let roots = self.roots(
            world,
            args.get(0, "tensors").cloned(),
            args.get(1, "grad_tensors").cloned(),
            span,
        )?;
        if roots.is_empty() {
            self.may_fill_gradients(world, inputs.as_deref());
        } else {
            self.run_backward(
                world,
                &Request {
                    roots,
                    retain,
                    create,
                    inputs,
                    accumulate: true,
                },
                span,
            )?;
        }
        Ok(self.effect(span))
    }

    fn roots(
        &mut self,
        world: &mut World,
        tensors: Option<Val>,
        gradients: Option<Val>,
        span: Span,
    ) -> Res<Vec<(ObjId, Option<ObjId>)>> {
        let tensors = tensors
            .map(|value| self.tensors_in(world, &value))
            .unwrap_or_default();
        let gradients: Vec<Val> = match gradients {
            None | Some(Val::None(_)) => Vec::new(),
            Some(value) => match world.as_tensor(&value) {
                Some(_) => vec![value],
                None => self.elements(world, &value).unwrap_or_default(),
            },
        };
        let mut roots = Vec::with_capacity(tensors.len());
        for (at, tensor) in tensors.into_iter().enumerate() {
            let gradient = gradients.get(at).cloned().unwrap_or(Val::NONE);
            roots.push(self.root(world, at, tensor, &gradient, span)?);
        }
        Ok(roots)
    }

    /// The tensors that a value is or lists.
    fn tensors_in(&mut self, world: &mut World, value: &Val) -> Vec<ObjId> {
        match world.as_tensor(value) {
            Some(id) => vec![id],
            None => self
                .elements(world, value)
                .unwrap_or_default()
                .iter()
                .filter_map(|value| world.as_tensor(value))
                .collect(),
        }
    }

    /// Checks a root and its gradient (rule R7.1).
    fn root(
        &mut self,
        world: &mut World,
        at: usize,
        id: ObjId,
        gradient: &Val,
        span: Span,
    ) -> Res<(ObjId, Option<ObjId>)> {
        let meta = world.tensor(id).and_then(|tensor| tensor.meta.clone());
        if let Some(gradient) = world.as_tensor(gradient) {
            let given = world
                .tensor(gradient)
                .and_then(|tensor| tensor.meta.clone());
            if let (Some(meta), Some(given)) = (&meta, &given)
                && meta.shape != given.shape
            {
                let text = format!(
                    "Mismatch in shape: grad_output[{at}] has a shape of torch.Size({}) and output[{at}] has a shape of torch.Size({}).",
                    given.sizes(),
                    meta.sizes()
                );
                return self.raise(
                    world,
                    span,
                    Failure::GradientShape,
                    Exception::RuntimeError,
                    text,
                );
            }
            return match (meta, given, table::by_name(engine_ops::CAST)) {
                (Some(meta), Some(given), Some(cast)) if meta.dtype != given.dtype => {
                    let args = cast_args(gradient, meta.dtype);
                    let out = self.run_op(world, cast, args, false, span)?;
                    Ok((id, out.and_then(|out| out.first().copied())))
                }
                _ => Ok((id, Some(gradient))),
            };
        }
        let requires = self.requires_grad(world, id);
        if let Some(meta) = &meta
            && requires.may()
            && meta.numel() != 1
        {
            let text = "grad can be implicitly created only for scalar outputs";
            let story = self.made(world, id).map(|span| Step {
                span,
                happened: Happened::Other(format!("computed here, of shape {}", meta.sizes())),
            });
            self.refuse(
                world,
                requires,
                Failure::NonScalar,
                text.into(),
                story.into_iter().collect(),
                span,
            )?;
        }
        Ok((id, None))
    }

    /// `autograd.grad(outputs, inputs, grad_outputs, retain_graph, create_graph, allow_unused, materialize_grads)`
    pub(super) fn autograd_grad(&mut self, world: &mut World, args: Args, span: Span) -> Res<Val> {
        let create = self.flag(world, args.get(4, "create_graph"), Tri::False, span)?;
        let retain = self.flag(world, args.get(3, "retain_graph"), create, span)?;
        let materialize = self.flag(world, args.named("materialize_grads"), Tri::False, span)?;
        let allow_unused = self.flag(world, args.named("allow_unused"), materialize, span)?;
        let inputs = args
            .get(1, "inputs")
            .cloned()
            .map(|value| self.tensors_in(world, &value))
            .unwrap_or_default();
        let roots = self.roots(
            world,
            args.get(0, "outputs").cloned(),
            args.get(2, "grad_outputs").cloned(),
            span,
        )?;
        if roots.is_empty() || inputs.is_empty() {
            return Ok(Val::Unknown);
        }
        for &input in &inputs {
            self.edge(world, input, span)?;
        }
        if let Some(&without) = inputs
            .iter()
            .find(|&&input| self.requires_grad(world, input).is_false())
        {
            // Roots are looked at first.
            for (at, &(root, _)) in roots.iter().enumerate() {
                if self.requires_grad(world, root).is_false() {
                    let origin = world
                        .tensor(root)
                        .map_or(OriginId::NOWHERE, |tensor| tensor.origin);
                    let story = self.origins.why_no_graph(origin);
                    let text = format!(
                        "element {at} of tensors does not require grad and does not have a grad_fn"
                    );
                    self.refuse(world, Tri::True, Failure::NoGraph, text, story, span)?;
                }
            }
            let story = self.made(world, without).map(|span| Step {
                span,
                happened: Happened::MadeWithoutGrad,
            });
            let text = "One of the differentiated Tensors does not require grad".to_owned();
            self.refuse(
                world,
                Tri::True,
                Failure::InputWithoutGraph,
                text,
                story.into_iter().collect(),
                span,
            )?;
        }
        let request = Request {
            roots,
            retain,
            create,
            inputs: Some(inputs.clone()),
            accumulate: false,
        };
        let before = world.backward;
        let arrived = self.run_backward(world, &request, span)?;
        world.backward = before;
        let mut out = Vec::with_capacity(inputs.len());
        for (at, &input) in inputs.iter().enumerate() {
            let target = self.target_of(world, input);
            let found = target.and_then(|target| arrived.at(target));
            let certain = found.map_or(
                if target.is_some() && !arrived.unknown {
                    Tri::False
                } else {
                    Tri::Maybe
                },
                |(certain, _)| certain,
            );
            let is_undecided = found.is_none() && arrived.unknown;
            if !certain.is_true() && allow_unused.is_false() && !is_undecided {
                let text = format!(
                    "The differentiated Tensor at index {at} appears to not have been used in the graph. Set allow_unused=True if this is the desired behavior."
                );
                let story = self.unused_story(world, input, target);
                self.refuse(world, !certain, Failure::UnusedInput, text, story, span)?;
            }
            out.push(match (certain, found) {
                (Tri::False, _) if materialize.is_false() => Val::NONE,
                (Tri::Maybe, _) if materialize.is_false() && allow_unused.may() => Val::Unknown,
                (_, found) => {
                    let grad = found.and_then(|(_, grad)| grad);
                    Val::Obj(self.gradient_result(world, input, grad, create, span))
                }
            });
        }
        Ok(Val::tuple(out))
    }

    fn unused_story(&self, world: &World, input: ObjId, target: Option<Target>) -> Vec<Step> {
        let mut story: Vec<Step> = self
            .made(world, input)
            .map(|span| Step {
                span,
                happened: Happened::Made,
            })
            .into_iter()
            .collect();
        let writes = world
            .tensor(input)
            .and_then(|tensor| world.counter(tensor.counter?)?.writes.clone());
        if let (Some(Target::Output(..)), Some(write)) = (target, writes) {
            story.push(Step {
                span: write.span,
                happened: Happened::Other(
                    "written in place here: what was used before is another value".into(),
                ),
            });
        }
        story
    }

    fn gradient_result(
        &mut self,
        world: &mut World,
        input: ObjId,
        grad: Option<ObjId>,
        create: Tri,
        span: Span,
    ) -> ObjId {
        let id = match (grad, world.tensor(input).cloned()) {
            (Some(grad), _) => grad,
            (None, Some(tensor)) => self.gradient_like(world, &tensor, create, span),
            (None, None) => return input,
        };
        // Who asks for a gradient while gradients are off wants a constant.
        if !create.may() && world.grad.0.is_true() {
            let origin = self.origin(span, Source::GradientConstant, []);
            world.tensor_mut(id).origin = origin;
        }
        id
    }
}
