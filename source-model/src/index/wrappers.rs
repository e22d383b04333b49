//! Wrappers: types of the workspace that add nothing but a name to a lock of whatever they are generic over.
//!
//! `struct Mutex<T>(PhantomData<T>, parking_lot::Mutex<T>)` is made at as many declarations as a library's lock is, so the
//! class is where the wrapper is declared, as it is for the library's.

use rustc_hash::FxHashMap as HashMap;

use super::{Index, Shape, position};
use crate::infer::TypeScope;
use crate::ir::Name;
use crate::locks::LockFamily;
use crate::types::{Ty, TypeId};

impl Index {
    pub(super) fn find_wrappers(&self) -> HashMap<TypeId, Name> {
        let ids = (0..position(self.types.len())).map(TypeId);
        ids.filter_map(|id| Some((id, self.wrapped_field(id)?))).collect()
    }

    /// Whether a field is the lock that its type wraps.
    pub(crate) fn is_wrapped_lock(&self, owner: TypeId, field: Name) -> bool {
        self.wrappers.get(&owner) == Some(&field)
    }

    /// The only field with content, where that is a lock of a type parameter.
    fn wrapped_field(&self, id: TypeId) -> Option<Name> {
        let data = self.type_data(id);
        let Shape::Struct(def) = &data.shape else { return None };
        if def.generics.params.is_empty() || self.is_model_type(id) || !self.locks_by_method(id) {
            return None;
        }
        let mut scope = TypeScope::of_module(data.module);
        self.declare_params(&def.generics, &mut scope);
        let fields = def.fields.iter().filter(|field| self.predicate_holds(data.module, field.cfg.as_ref()));
        let mut content = fields.filter_map(|field| {
            let ty = self.lower(&field.ty, &scope);
            (!self.is_phantom(&ty)).then_some((field.name, ty))
        });
        let (name, ty) = content.next()?;
        (content.next().is_none() && self.is_lock_of_param(ty)).then_some(name)
    }

    /// Whether it offers what a lock does, so that nobody need reach into it.
    fn locks_by_method(&self, id: TypeId) -> bool {
        let names: [Name; 3] = ["lock".into(), "read".into(), "write".into()];
        self.impls_of_type(id).any(|data| names.iter().any(|name| data.fns.contains_key(name)))
    }

    fn is_phantom(&self, ty: &Ty) -> bool {
        matches!(ty, Ty::Adt(id, _) if self.type_data(*id).path == "std::marker::PhantomData")
    }

    fn is_lock_of_param(&self, ty: Ty) -> bool {
        self.derefs(&ty).find_map(|at| self.locks_a_param(&at)).unwrap_or(false)
    }

    /// Whether a lock holds a parameter; `None` of what is no lock.
    fn locks_a_param(&self, ty: &Ty) -> Option<bool> {
        let Ty::Adt(id, args) = ty else { return None };
        matches!(self.type_data(*id).model.family, Some(LockFamily::Mutex | LockFamily::RwLock))
            .then(|| args.iter().any(|arg| matches!(arg, Ty::Param(..))))
    }
}
