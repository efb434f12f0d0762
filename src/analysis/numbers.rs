//! Functions of numbers, and the conversion of values to numbers and containers.

use std::rc::Rc;

use super::call::Args;
use super::story::OriginId;
use super::value::{Obj, Val};
use super::world::World;
use super::{Analyzer, Res};
use crate::ir::Intrinsic;
use crate::ops::Exception;
use crate::source::Span;

impl Analyzer<'_> {
    pub(super) fn number_function(
        &mut self,
        world: &mut World,
        intrinsic: Intrinsic,
        args: &Args,
        span: Span,
    ) -> Res<Val> {
        let first = args.positional.first().cloned().unwrap_or(Val::Unknown);
        if let (Intrinsic::Abs, Some(tensor)) = (intrinsic, world.as_tensor(&first)) {
            return self.tensor_method(
                world,
                tensor,
                crate::symbol::Symbol::intern("abs"),
                Args::default(),
                span,
            );
        }
        match intrinsic {
            Intrinsic::Pow => {
                let second = args.positional.get(1).cloned().unwrap_or(Val::Unknown);
                self.binary(world, crate::operator::BinaryOp::Pow, &first, &second, span)
            }
            Intrinsic::Min | Intrinsic::Max => {
                let values = if args.positional.len() == 1 {
                    self.elements(world, &first)
                } else {
                    Some(args.positional.clone())
                };
                let Some(values) = values else {
                    return Ok(Val::Unknown);
                };
                let less = intrinsic == Intrinsic::Min;
                let known: Option<Vec<f64>> = values
                    .iter()
                    .map(|value| value.scalar().map(|scalar| scalar.as_f64()))
                    .collect();
                let Some(known) = known.filter(|_| args.named("key").is_none()) else {
                    let number = values.iter().all(Val::is_number);
                    return Ok(if number {
                        Val::Float(None, OriginId::NOWHERE)
                    } else {
                        Val::Unknown
                    });
                };
                let best = (0..known.len()).reduce(|best, at| {
                    if (known[at] < known[best]) == less && known[at] != known[best] {
                        at
                    } else {
                        best
                    }
                });
                Ok(best.map_or(Val::Unknown, |at| values[at].clone()))
            }
            Intrinsic::Abs => Ok(match first {
                Val::Int(value, origin) => Val::Int(value.and_then(i64::checked_abs), origin),
                Val::Float(value, origin) => Val::Float(value.map(f64::abs), origin),
                Val::None(_) => {
                    let failure = self.none_failure(&first);
                    return self
                        .raise(
                            world,
                            span,
                            failure,
                            Exception::TypeError,
                            "bad operand type for abs(): 'NoneType'",
                        )
                        .map_err(|raise| self.about(world, raise, &first));
                }
                _ => Val::Unknown,
            }),
            Intrinsic::Round => Ok(match (first, args.positional.get(1)) {
                (Val::Float(_, origin), Some(_)) => Val::Float(None, origin),
                (Val::Float(value, origin), None) => Val::Int(
                    value
                        .filter(|value| value.abs() < 1e15)
                        .map(|value| value.round_ties_even() as i64),
                    origin,
                ),
                (value @ Val::Int(..), _) => value,
                _ => Val::Unknown,
            }),
            _ => Ok(Val::Unknown),
        }
    }

    pub(super) fn math(&mut self, world: &mut World, intrinsic: Intrinsic, args: &Args) -> Val {
        use Intrinsic as I;
        let first = args.positional.first().cloned().unwrap_or(Val::Unknown);
        if intrinsic == I::MathProd {
            let values = self.elements(world, &first).unwrap_or_default();
            let product = values
                .iter()
                .try_fold(1i64, |product, value| product.checked_mul(value.as_int()?));
            return Val::Int(product, OriginId::NOWHERE);
        }
        let x = first.scalar().map(|scalar| scalar.as_f64());
        let origin = first.origin();
        match intrinsic {
            I::MathFloor => Val::Int(x.map(|x| x.floor() as i64), origin),
            I::MathCeil => Val::Int(x.map(|x| x.ceil() as i64), origin),
            I::MathIsNan => Val::Bool(x.map(f64::is_nan)),
            I::MathIsInf => Val::Bool(x.map(f64::is_infinite)),
            _ => {
                let function: fn(f64) -> f64 = match intrinsic {
                    I::MathSqrt => f64::sqrt,
                    I::MathExp => f64::exp,
                    I::MathLog => f64::ln,
                    I::MathSin => f64::sin,
                    I::MathCos => f64::cos,
                    _ => f64::tanh,
                };
                let plain = args.positional.len() == 1;
                Val::Float(x.filter(|_| plain).map(function), origin)
            }
        }
    }

    pub(super) fn convert(
        &mut self,
        world: &mut World,
        to: Intrinsic,
        value: Option<Val>,
        args: &Args,
        span: Span,
    ) -> Res<Val> {
        use Intrinsic as I;
        let tensor = value.as_ref().and_then(|value| world.as_tensor(value));
        if let (Some(id), I::Int | I::Float) = (tensor, to) {
            let origin = self.item_origin(world, id, span);
            self.check_item(world, id, span)?;
            return Ok(if to == I::Int {
                Val::Int(None, origin)
            } else {
                Val::Float(None, origin)
            });
        }
        Ok(match (to, value) {
            (I::Bool, Some(value)) => Val::Bool(self.truth(world, &value, span)?.known()),
            (I::Bool, None) => Val::Bool(Some(false)),
            (I::Int, None) => Val::int(0),
            (I::Float, None) => Val::float(0.0),
            (I::Str, None) => Val::str(""),
            (I::Int, Some(Val::Float(value, origin))) => Val::Int(
                value
                    .filter(|value| value.abs() < 9e18)
                    .map(|value| value as i64),
                origin,
            ),
            (I::Int, Some(Val::Str(text))) => Val::Int(
                text.and_then(|text| text.trim().parse().ok()),
                OriginId::NOWHERE,
            ),
            (I::Int, Some(value @ Val::Int(..))) | (I::Float, Some(value @ Val::Float(..))) => {
                value
            }
            (I::Int, Some(Val::Bool(value))) => Val::Int(value.map(i64::from), OriginId::NOWHERE),
            (I::Float, Some(Val::Int(value, origin))) => {
                Val::Float(value.map(|value| value as f64), origin)
            }
            (I::Float, Some(Val::Str(text))) => Val::Float(
                text.and_then(|text| text.trim().parse().ok()),
                OriginId::NOWHERE,
            ),
            (I::Int | I::Float, Some(value @ Val::None(_))) => {
                let name = if to == I::Int {
                    "int() argument must be a string, a bytes-like object or a real number"
                } else {
                    "float() argument must be a string or a real number"
                };
                let failure = self.none_failure(&value);
                return self
                    .raise(
                        world,
                        span,
                        failure,
                        Exception::TypeError,
                        format!("{name}, not 'NoneType'"),
                    )
                    .map_err(|raise| self.about(world, raise, &value));
            }
            (I::Int, Some(_)) => Val::Int(None, OriginId::NOWHERE),
            (I::Float, Some(_)) => Val::Float(None, OriginId::NOWHERE),
            (I::Str, Some(value)) => {
                self.used(world, &value, span);
                Val::Str(self.text_of(world, &value, false).map(Into::into))
            }
            (I::Dict, value) => self.make_dict(world, value, args),
            (I::List | I::Tuple | I::Set, value) => {
                if let Some(value) = &value
                    && !matches!(value, Val::Unknown)
                {
                    // Refuses what cannot be gone through.
                    let before = world.clone();
                    self.iterator(world, value, span)?;
                    *world = before;
                }
                let values = match &value {
                    Some(value) => self.elements(world, value),
                    None => Some(Vec::new()),
                };
                match (to, values) {
                    (I::Tuple, Some(values)) => Val::tuple(values),
                    (I::Tuple, None) => Val::Unknown,
                    (I::Set, Some(values)) => Val::Obj(
                        self.alloc(world, Obj::Set(Rc::new(super::instr::distinct(values)))),
                    ),
                    (_, Some(values)) => Val::Obj(self.alloc(world, Obj::List(Rc::new(values)))),
                    (_, None) => Val::Obj(self.alloc(world, Obj::Opaque)),
                }
            }
            _ => Val::Unknown,
        })
    }

    pub(super) fn make_dict(&mut self, world: &mut World, value: Option<Val>, args: &Args) -> Val {
        let mut dict = super::value::Dict::default();
        match value {
            Some(Val::Obj(id)) if world.dict(id).is_some() => {
                dict = (**world.dict(id).expect("just seen")).clone()
            }
            Some(value) => match self.elements(world, &value) {
                Some(pairs) => {
                    for pair in pairs {
                        match self.elements(world, &pair).as_deref() {
                            Some([key, value]) => dict.insert(key.clone(), value.clone()),
                            _ => dict.open = true,
                        }
                    }
                }
                None => dict.open = true,
            },
            None => {}
        }
        for (key, value) in &args.keyword {
            dict.insert(Val::str(key.as_str()), value.clone());
        }
        Val::Obj(self.alloc(world, Obj::Dict(Rc::new(dict))))
    }
}
