//! Attributes that exist in Python and are not modelled: asking for one is no mistake of the program.

use super::call::Args;
use super::fact::Failure;
use super::value::{Obj, Val};
use super::world::World;
use super::{Analyzer, Raise, Res};
use crate::source::Span;
use crate::symbol::Symbol;

/// The methods of Python's own types, beside those that are modelled.
const STR: &str = "capitalize casefold center encode endswith expandtabs find format format_map index isalnum isalpha \
    isascii isdecimal isdigit isidentifier islower isnumeric isprintable isspace istitle isupper join ljust lower lstrip \
    maketrans partition removeprefix removesuffix replace rfind rindex rjust rpartition rsplit rstrip split splitlines \
    startswith strip swapcase title translate upper zfill count";
const LIST: &str = "append clear copy count extend index insert pop remove reverse sort";
const DICT: &str = "clear copy fromkeys get items keys pop popitem setdefault update values";
const SET: &str = "add clear copy difference difference_update discard intersection intersection_update isdisjoint \
    issubset issuperset pop remove symmetric_difference symmetric_difference_update union update";
const TUPLE: &str = "count index numel";
const INT: &str = "as_integer_ratio bit_count bit_length conjugate denominator from_bytes imag is_integer numerator real \
    to_bytes";
const FLOAT: &str = "as_integer_ratio conjugate fromhex hex imag is_integer real";

/// `dir(torch.nn.Module)` in PyTorch 2.15.
const MODULE: &str = "T_destination _apply _call_impl _compiled_call_impl _get_backward_hooks _get_backward_pre_hooks \
    _get_name _load_from_state_dict _maybe_warn_non_full_backward_hook _named_members \
    _register_load_state_dict_pre_hook _register_state_dict_hook _replicate_for_data_parallel \
    _save_to_state_dict _slow_forward _version _wrapped_call_impl add_module apply bfloat16 buffers \
    call_super_init children compile cpu cuda double dump_patches eval extra_repr float forward \
    get_buffer get_extra_state get_parameter get_submodule half ipu load_state_dict modules mtia \
    named_buffers named_children named_modules named_parameters parameters register_backward_hook \
    register_buffer register_forward_hook register_forward_pre_hook register_full_backward_hook \
    register_full_backward_pre_hook register_load_state_dict_post_hook register_load_state_dict_pre_hook \
    register_module register_parameter register_state_dict_post_hook register_state_dict_pre_hook \
    requires_grad_ set_extra_state set_submodule share_memory state_dict to to_empty train type xpu \
    zero_grad";

impl Analyzer<'_> {
    /// Whether modules have an attribute of that name that is not modelled.
    pub(super) fn is_module_name(&self, name: Symbol) -> bool {
        self.program.lenient
            && MODULE
                .split_whitespace()
                .any(|known| known == name.as_str())
    }

    /// `object.name`. What a module lacks on a way of which much is not known, something that is not known may have given
    /// it; and every object has what all objects of Python have.
    pub(super) fn attribute(
        &mut self,
        world: &mut World,
        object: &Val,
        name: Symbol,
        span: Span,
    ) -> Res<Val> {
        match self.get_attr(world, object, name, span) {
            Err(raise) if self.may_be_given(world, object, name, &raise) => {
                self.lose(span, "an attribute that is not modelled");
                Ok(Val::Unknown)
            }
            result => result,
        }
    }

    fn may_be_given(&self, world: &World, object: &Val, name: Symbol, raise: &Raise) -> bool {
        self.program.lenient
            && raise.failure == Failure::Other
            && (name.as_str().starts_with("__") || self.is_vague_way(world))
            && world.instance(object).is_some_and(|instance| {
                let attrs = world.dict(instance.attrs);
                attrs.is_some_and(|attrs| attrs.get(&Val::str("_modules")).is_some())
            })
    }

    /// Whether a value may have an attribute of which nothing is known here.
    pub(super) fn may_have(&self, world: &World, object: &Val, name: Symbol) -> bool {
        let text = name.as_str();
        if text.starts_with("__") && !matches!(object, Val::None(_)) {
            return true;
        }
        let among = |names: &str| names.split_whitespace().any(|known| known == text);
        match object {
            Val::None(_) | Val::Unbound => false,
            Val::Str(_) => among(STR),
            Val::Tuple(..) => among(TUPLE),
            Val::Int(..) | Val::Bool(_) => among(INT),
            Val::Float(..) => among(FLOAT),
            Val::Obj(id) => match world.obj(*id) {
                Some(Obj::List(_)) => among(LIST),
                Some(Obj::Dict(_)) => among(DICT),
                Some(Obj::Set(_)) => among(SET),
                Some(Obj::Tensor(_)) => false,
                Some(Obj::Instance(instance)) => self.is_of_library(world, instance.class),
                _ => true,
            },
            _ => true,
        }
    }

    /// Whether a program from outside passes something that is not known.
    pub(super) fn is_partly_unknown(&self, world: &World, args: &Args) -> bool {
        let unknown = |value: &Val| match value {
            Val::Unknown | Val::Outside => true,
            Val::Tuple(values, _) => values.iter().any(|value| matches!(value, Val::Unknown)),
            Val::Obj(id) => match world.obj(*id) {
                Some(Obj::List(items)) => items.iter().any(|value| matches!(value, Val::Unknown)),
                Some(Obj::Opaque) => true,
                _ => false,
            },
            _ => false,
        };
        let named = args.keyword.iter().map(|(_, value)| value);
        self.program.lenient && (args.open || args.positional.iter().chain(named).any(unknown))
    }

    /// What is refused for a type or layout that is not known may be right.
    pub(super) fn pardon(is_partly_unknown: bool, result: Res<Val>) -> Res<Val> {
        match result {
            Err(raise)
                if is_partly_unknown
                    && matches!(raise.failure, Failure::Shape | Failure::Other) =>
            {
                Ok(Val::Unknown)
            }
            result => result,
        }
    }

    /// Whether a class is the library's or derives from one of its classes.
    fn is_of_library(&self, world: &World, class: super::value::ObjId) -> bool {
        let Some(Obj::Class(class)) = world.obj(class) else {
            return false;
        };
        let of_library = |member: &Val| match member {
            Val::Func(closure) => !self.in_user_text(self.program.functions[closure.function].span),
            _ => false,
        };
        class.mro.iter().any(|&base| match world.obj(base) {
            Some(Obj::Class(base)) => base.members.iter().any(|(_, member)| of_library(member)),
            _ => false,
        })
    }
}
