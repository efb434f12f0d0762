//! A node of the graph at work in a backward: what it kept is unpacked and checked, its formula runs. Rules R6.2 and
//! R7.4 of `shared/autograd/rules.md`.

use std::rc::Rc;

use smallvec::SmallVec;

use super::engine::Grads;
use super::formula::{Formula, Unpacked};
use super::outcome::Observation;
use super::record::{plain, tensors_of};
use super::value::{Args, Edge, Node, NodeKind, SavedKind, SavedTensor, Storage, Tensor, Value};
use super::write::short;
use super::{Machine, Res};
use crate::index::IndexVec;
use crate::ops::{Arg, Array, Gradient, Meta, OpRow, Scalar, custom, engine_ops, strides, table};
use crate::source::Span;

pub(super) const TWICE: &str = "Trying to backward through the graph a second time (or directly access saved tensors after they have already been freed). Saved intermediate values of the graph are freed when you call .backward() or autograd.grad(). Specify retain_graph=True if you need to backward through the graph a second time or if you need to access saved tensors after calling backward.";
const DETACHED: &str = "Trying to use a saved tensor that has been detached in-place, i.e. with .detach_().This is not supported, please use out-of-place `.detach()` instead";

impl Machine<'_> {
    /// Unpacks what a node keeps (rules R6.2, R7.4) and runs its formula.
    pub(super) fn run_node(&mut self, node: &Rc<Node>, grads: &Grads, span: Span) -> Res<Grads> {
        if let NodeKind::NotImplemented(kind, text) = &node.kind {
            return self.raise(*kind, text.clone(), span);
        }
        if node.released.get() && node.keeps.get() {
            return self.runtime(TWICE, span);
        }
        match &node.kind {
            NodeKind::NotImplemented(kind, text) => self.raise(*kind, text.clone(), span),
            NodeKind::CopySlices { base, view, inner } => {
                self.copy_slices(node, base, view, inner, grads, span)
            }
            NodeKind::Function(function) => self.run_written(node, function, grads, span),
            NodeKind::Op(op) => self.run_formula(node, table::row(*op), grads, span),
        }
    }

    fn run_formula(
        &mut self,
        node: &Rc<Node>,
        row: &OpRow,
        grads: &Grads,
        span: Span,
    ) -> Res<Grads> {
        let saved = self.unpack_all(node, span)?;
        let Gradient::Formula(formula) = row.gradient else {
            return self.unsupported(format!("the gradient of `{}`", row.name), span);
        };
        let count = node.edges.borrow().len();
        if grads.iter().all(Option::is_none) {
            return Ok(SmallVec::from_elem(None, count));
        }
        let mut vars = IndexVec::new();
        let grads = grads
            .iter()
            .map(|grad| grad.as_ref().map(|grad| vars.push(Rc::clone(grad))))
            .collect();
        let mut run = Formula {
            machine: self,
            node,
            saved,
            grads,
            vars,
            span,
            stopped: None,
        };
        let result = formula(&mut run);
        let Formula { stopped, vars, .. } = run;
        if let Some(stop) = stopped {
            return Err(stop);
        }
        match result {
            Ok(results) if results.len() == count => Ok(results
                .into_iter()
                .map(|var| var.map(|var| Rc::clone(&vars[var])))
                .collect()),
            Ok(_) => self.unsupported(
                format!("the gradient of `{}` with these arguments", row.name),
                span,
            ),
            Err(error) => self.op_error(error, span),
        }
    }

    /// The gradient of a base that was written through a view.
    fn copy_slices(
        &mut self,
        node: &Rc<Node>,
        base: &Meta,
        view: &Meta,
        inner: &Rc<Node>,
        grads: &Grads,
        span: Span,
    ) -> Res<Grads> {
        let count = node.edges.borrow().len();
        let Some(grad) = grads.first().cloned().flatten() else {
            return Ok(SmallVec::from_elem(None, count));
        };
        if !strides::is_dense(base) || view.offset < base.offset {
            return self.unsupported(
                "the gradient of a write through a view of a strided tensor",
                span,
            );
        }
        let laid_out = Meta {
            offset: 0,
            ..base.clone()
        };
        let zeros = Array::full(base.dtype, base.shape.clone(), Scalar::Float(0.0));
        let whole = self.fresh(zeros.laid_out(&laid_out), span);
        let args = vec![Arg::Tensor(whole), Arg::Tensor(grad)];
        let whole = self.run_named(engine_ops::WRITE, args, span)?;
        let ints = |values: &[usize]| Arg::Ints(values.iter().map(|&value| value as i64).collect());
        let offset = Arg::Scalar(Scalar::Int((view.offset - base.offset) as i64));
        let slice = self.run_named(
            engine_ops::VIEW,
            vec![
                Arg::Tensor(Rc::clone(&whole)),
                ints(&view.shape),
                ints(&view.strides),
                offset,
            ],
            span,
        )?;
        let part = self.run_named(engine_ops::COPY, vec![Arg::Tensor(Rc::clone(&slice))], span)?;
        let part = self.run_named(engine_ops::IN_ORDER, vec![Arg::Tensor(part)], span)?;
        let mut results = self.run_node(inner, &SmallVec::from_iter([Some(part)]), span)?;
        if results.is_empty() {
            results.push(None);
        }
        match results[0].take() {
            Some(inner) => {
                let args = vec![Arg::Tensor(slice), Arg::Tensor(inner)];
                self.run_named(engine_ops::WRITE, args, span)?
            }
            None => self.run_named(engine_ops::CLEAR, vec![Arg::Tensor(slice)], span)?,
        };
        results[0] = Some(whole);
        Ok(results)
    }

    fn unpack_all(&mut self, node: &Rc<Node>, span: Span) -> Res<Unpacked> {
        let mut unpacked = Unpacked {
            inputs: self.unpack_inputs(node, span)?,
            ..Unpacked::default()
        };
        let kept = node.saved_outputs.borrow().len();
        for at in 0..kept {
            let saved = node
                .saved_outputs
                .borrow()
                .get(at)
                .map(|(at, saved)| (*at, saved.what.clone()));
            if let Some((at, what)) = saved {
                let tensor = self.unpack_saved(node, &SavedTensor { what }, span)?;
                unpacked.outputs.push((at, tensor));
            }
        }
        Ok(unpacked)
    }

    /// What a node keeps beside its own results; of a custom function, all.
    pub(super) fn unpack_inputs(
        &mut self,
        node: &Rc<Node>,
        span: Span,
    ) -> Res<Vec<Option<Tensor>>> {
        // What a hook runs may look at the node.
        let kept = node.saved.borrow().len();
        let mut unpacked = vec![None; kept];
        for at in unpacking_order(node, kept) {
            let saved = node.saved.borrow().get(at).map(|saved| saved.what.clone());
            unpacked[at] = match saved {
                Some(what) => self.unpack_saved(node, &SavedTensor { what }, span)?,
                None => None,
            };
        }
        Ok(unpacked)
    }

    fn unpack_saved(
        &mut self,
        node: &Rc<Node>,
        saved: &SavedTensor,
        span: Span,
    ) -> Res<Option<Tensor>> {
        match &saved.what {
            SavedKind::Not => Ok(None),
            SavedKind::Packed {
                value,
                unpack,
                edge,
                output,
            } => self.unpacked(node, (value, unpack), edge, *output, span),
            SavedKind::Hidden { array, edge } => {
                let id = self.next_id();
                let storage = Rc::new(Storage::new(Rc::clone(&array.buffer), &Rc::default()));
                let counter = Some(Rc::new(std::cell::Cell::new(0)));
                let tensor = plain(id, Rc::new(array.meta.clone()), storage, counter, span);
                match edge {
                    Edge::Node(node, output) => {
                        *tensor.grad_fn.borrow_mut() = Some((Rc::clone(node), *output))
                    }
                    Edge::Leaf(leaf) if self.grad => return Ok(Some(Rc::clone(leaf))),
                    _ => {}
                }
                Ok(Some(Rc::new(tensor)))
            }
            SavedKind::Input {
                tensor,
                version,
                had_grad_fn,
                stamp,
            } => {
                if *had_grad_fn && tensor.grad_fn.borrow().is_none() {
                    return self.runtime(DETACHED, span);
                }
                self.check_version(node, tensor, *version, None, span)?;
                self.check_stamp(tensor, stamp, span);
                Ok(Some(Rc::clone(tensor)))
            }
            SavedKind::Output {
                alias,
                version,
                output,
                stamp,
                seen_as,
            } => {
                let seen_as = seen_as.upgrade();
                let name = seen_as.as_ref().map_or(node.name, |seen| seen.name);
                self.check_version(node, alias, *version, Some((*output, name)), span)?;
                self.check_stamp(alias, stamp, span);
                let again = self.alias(alias);
                *again.grad_fn.borrow_mut() = Some((Rc::clone(node), *output));
                Ok(Some(again))
            }
        }
    }

    /// What the hook makes of what was packed, with the place in the graph that it had (rule R6.6: no version check).
    fn unpacked(
        &mut self,
        node: &Rc<Node>,
        (value, unpack): (&Value, &Value),
        edge: &Edge,
        output: Option<usize>,
        span: Span,
    ) -> Res<Option<Tensor>> {
        let result = self.call(unpack, Args::of([value.clone()]), span)?;
        let Value::Tensor(tensor) = result else {
            let name = self.type_name(&result);
            return self.type_error(
                format!("Output of saved tensor unpack_hook expected to be a Tensor but got result of type {name}"),
                span,
            );
        };
        let again = self.alias(&tensor);
        match (edge, output) {
            (_, Some(output)) => *again.grad_fn.borrow_mut() = Some((Rc::clone(node), output)),
            (Edge::Node(made_by, at), None) => {
                *again.grad_fn.borrow_mut() = Some((Rc::clone(made_by), *at));
            }
            (Edge::Leaf(leaf), None) if self.grad => return Ok(Some(Rc::clone(leaf))),
            _ => {}
        }
        Ok(Some(again))
    }

    fn check_stamp(&mut self, tensor: &Tensor, stamp: &(Rc<Storage>, u64), span: Span) {
        let now = Rc::clone(&tensor.storage.borrow());
        let written = if !Rc::ptr_eq(&now, &stamp.0) {
            now.written.get().or_else(|| Some(self.place(span)))
        } else if now.writes.get() != stamp.1 {
            now.written.get()
        } else {
            None
        };
        if let Some(written) = written {
            let span = self.place(span);
            self.observe(Observation::StaleSaved { span, written });
        }
    }

    fn check_version(
        &mut self,
        node: &Rc<Node>,
        tensor: &Tensor,
        version: u64,
        output: Option<(usize, &'static str)>,
        span: Span,
    ) -> Res<()> {
        let Some(now) = tensor.version().filter(|&now| now != version) else {
            return Ok(());
        };
        let made_by = match output {
            Some((output, name)) => format!(", which is output {output} of {},", short(name)),
            None => {
                // Telling what made it looks at its `grad_fn`, which can fail in its own right.
                self.refresh_view(tensor, span)?;
                match &*tensor.grad_fn.borrow() {
                    // PyTorch keeps the number of the output for what a node saves of its own results alone.
                    Some((node, _)) => format!(", which is output 0 of {},", short(node.name)),
                    None => String::new(),
                }
            }
        };
        let meta = tensor.meta();
        let hint = match self.anomaly {
            true => {
                let text = format!(
                    "Error detected in {}. Traceback of forward call that caused the error: …",
                    node.name
                );
                self.warn(text, span);
                custom::ANOMALY_HINT
            }
            false => custom::HINT,
        };
        let text = format!(
            "one of the variables needed for gradient computation has been modified by an inplace operation: [torch.{}Tensor {}]{made_by} is at version {now}; expected version {version} instead. Hint: {hint}",
            meta.dtype.scalar_name(),
            meta.sizes()
        );
        self.runtime(text, span)
    }
}

/// PyTorch unpacks what a node keeps in the order of the parameters' names.
fn unpacking_order(node: &Node, kept: usize) -> SmallVec<[usize; 4]> {
    let NodeKind::Op(op) = &node.kind else {
        return (0..kept).collect();
    };
    let mut told: SmallVec<[(&str, usize); 4]> = (table::row(*op).params.iter())
        .zip(&node.args)
        .flat_map(|(param, arg)| tensors_of(arg).map(|&place| (param.name, place)))
        .collect();
    // What a hook packed of a number comes last.
    let numbers = told.len()..kept;
    told.sort_unstable();
    let places = told.into_iter().map(|(_, place)| place).chain(numbers);
    places.filter(|&place| place < kept).collect()
}

/// Lets go of what a node kept.
pub(super) fn release(node: &Rc<Node>) {
    node.released.set(true);
    node.saved.borrow_mut().clear();
    node.saved_outputs.borrow_mut().clear();
    if let NodeKind::CopySlices { inner, .. } = &node.kind {
        release(inner);
    }
}
