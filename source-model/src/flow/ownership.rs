//! Which types can own a guard, a future or a task handle.

use crate::flow::build::{Builder, Value};
use crate::flow::graph::{Op, SlotId, Token};
use crate::index::{ModuleId, Shape};
use crate::ir::TypeRef;
use crate::models::GuardModel;
use crate::span::{Span, TextRange};
use crate::types::{Ty, TypeId};

impl Builder<'_> {
    /// Whether a value of the type can own a guard, a future or a task handle.
    pub(crate) fn owns(&self, ty: &Ty) -> bool {
        self.owns_at(ty, 0) || !self.index.drops.of_type(self.index, ty).is_empty()
    }

    /// A value that was made here and runs `Drop` implementations when it goes.
    pub(crate) fn made(&mut self, value: Value, range: TextRange) -> Value {
        if self.index.drops.of_type(self.index, &value.ty).is_empty() {
            return value;
        }
        let mut value = value;
        let slot = value.owner.unwrap_or_else(|| self.new_temporary());
        if value.owner.is_none() {
            // Its parts are known apart; what runs when the whole goes is one more.
            let whole = Value { owner: Some(slot), ..Value::of(value.ty.clone()) };
            value.parts.push(("..".into(), whole));
        }
        self.make_value(&value.ty.clone(), slot, self.span(range));
        value
    }

    /// Notes that the value in a slot runs `Drop` implementations when it goes.
    pub(crate) fn make_value(&mut self, ty: &Ty, slot: SlotId, made: Span) {
        let glue = self.index.drops.of_type(self.index, ty);
        if !glue.is_empty() {
            let token = self.new_token(Token::Value { glue, made });
            self.op(Op::Make { token, slot });
        }
    }

    fn owns_at(&self, ty: &Ty, depth: u32) -> bool {
        if depth > 4 {
            return false;
        }
        match ty {
            Ty::Future(_) | Ty::Callable(_) | Ty::Dyn(_) => true,
            Ty::Tuple(parts) => parts.iter().any(|part| self.owns_at(part, depth + 1)),
            Ty::Adt(id, args) => {
                let data = self.index.type_data(*id);
                if data.model.guard.is_some() || data.model.handle {
                    return true;
                }
                if self.index.is_model_type(*id) {
                    return data.model.family.is_none() && args.iter().any(|arg| self.owns_at(arg, depth + 1));
                }
                data.fields().any(|field| self.names_guard(data.module, &field.ty, depth + 1))
            }
            Ty::Outside(_, args) => args.iter().any(|arg| self.owns_at(arg, depth + 1)),
            _ => false,
        }
    }

    /// Whether a written type is a guard or contains one.
    pub(super) fn names_guard(&self, module: ModuleId, ty: &TypeRef, depth: u32) -> bool {
        match ty {
            TypeRef::Path(path) => {
                let is_guard = self.index.type_of_path(module, path, 0).is_some_and(|id| {
                    let model = self.index.type_data(id).model;
                    model.guard.is_some()
                });
                let args = path.segments.last().map(|last| last.args.as_slice()).unwrap_or_default();
                is_guard || (depth < 4 && args.iter().any(|arg| self.names_guard(module, arg, depth + 1)))
            }
            TypeRef::Tuple(parts) => parts.iter().any(|part| self.names_guard(module, part, depth + 1)),
            _ => false,
        }
    }

    /// A guard that is surely there: not inside an `Option` or `Result`.
    pub(crate) fn is_bare_guard(&self, ty: &Ty) -> bool {
        matches!(ty, Ty::Adt(id, _) if self.index.type_data(*id).model.guard.is_some())
    }

    /// Whether every value of the type owns a guard.
    pub(super) fn surely_owns(&self, ty: &Ty) -> bool {
        match ty {
            Ty::Tuple(parts) => parts.iter().any(|part| self.surely_owns(part)),
            Ty::Adt(id, _) if !self.index.is_model_type(*id) && !self.is_bare_guard(ty) => {
                let data = self.index.type_data(*id);
                let is_guard = |ty: &TypeRef| {
                    let TypeRef::Path(path) = ty else { return false };
                    let found = self.index.type_of_path(data.module, path, 0);
                    found.is_some_and(|id| self.index.type_data(id).model.guard.is_some())
                };
                matches!(data.shape, Shape::Struct(_)) && data.fields().any(|field| is_guard(&field.ty))
            }
            other => self.is_bare_guard(other),
        }
    }

    pub(super) fn guard_model(&self, ty: &Ty) -> Option<GuardModel> {
        match ty {
            Ty::Adt(id, args) => {
                let own = self.index.type_data(*id).model.guard;
                own.or_else(|| args.iter().find_map(|arg| self.guard_model(arg)))
            }
            Ty::Tuple(parts) => parts.iter().find_map(|part| self.guard_model(part)),
            _ => None,
        }
    }

    pub(super) fn is_handle(&self, ty: &Ty) -> bool {
        match ty {
            Ty::Adt(id, args) => self.index.type_data(*id).model.handle || args.iter().any(|arg| self.is_handle(arg)),
            _ => false,
        }
    }

    pub(super) fn is_box(&self, ty: &Ty) -> bool {
        matches!(ty, Ty::Adt(id, _) if self.index.type_data(*id).path == "std::boxed::Box")
    }

    pub(super) fn is_never_dropped(&self, ty: &Ty) -> bool {
        matches!(ty, Ty::Adt(id, _) if self.index.type_data(*id).path == "std::mem::ManuallyDrop")
    }

    pub(super) fn is_optional(&self, ty: &Ty) -> bool {
        matches!(ty, Ty::Adt(id, _) if *id == self.index.well_known.option)
    }

    /// Whether what an argument owns may be part of a result: by the types of the guards that each can own.
    pub(super) fn may_come_out(&self, value: &Value, result: &Ty) -> bool {
        let (mut given, mut returned) = (Vec::new(), Vec::new());
        // A type of the workspace may keep a guard in any of its fields.
        let is_known = self.guard_types(&value.ty, &mut given) && self.guard_types(result, &mut returned);
        !is_known || given.iter().any(|guard| returned.contains(guard))
    }

    /// Collects the guard types that a type is made of; false when it may own others.
    fn guard_types(&self, ty: &Ty, into: &mut Vec<TypeId>) -> bool {
        match ty {
            Ty::Adt(id, _) if self.is_bare_guard(ty) => {
                into.push(*id);
                true
            }
            Ty::Adt(id, args) if self.index.is_model_type(*id) => args.iter().all(|arg| self.guard_types(arg, into)),
            Ty::Tuple(parts) => parts.iter().all(|part| self.guard_types(part, into)),
            Ty::Scalar | Ty::Str | Ty::Ref(_) | Ty::Never => true,
            _ => false,
        }
    }
}
