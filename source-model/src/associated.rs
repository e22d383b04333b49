//! Associated types: of parameters by their bounds, of types by their impls.

use crate::budget::Question;
use crate::index::Index;
use crate::infer::{MAX_DEPTH, TypeScope, bound_args};
use crate::ir::{ItemKind, Name, TypeRef};
use crate::types::{TraitId, Ty};

/// What an associated type of an impl costs of it: its parameters have bounds that may name associated types again.
const IMPL_DEPTH: u32 = 6;

impl Index {
    /// `<T as Trait>::Name`.
    pub(crate) fn associated(&self, base: &Ty, name: &Name, depth: u32) -> Ty {
        let Some(_question) = Question::open().filter(|_| depth <= MAX_DEPTH) else {
            return Ty::Unknown("type nested too deeply");
        };
        match (base, name.as_str()) {
            (Ty::Unknown(_), _) => base.clone(),
            (_, "Target") => self.deref_step(base).unwrap_or(Ty::Unknown("associated type")),
            (Ty::Future(future), "Output") => future.output.clone(),
            (Ty::Callable(callable), "Output") => callable.ret.clone(),
            (_, "Item" | "IntoIter") => self.iterated(base),
            (Ty::Ref(inner), _) => self.associated(inner, name, depth + 1),
            (Ty::Param(_, bounds) | Ty::Dyn(bounds), _) => bounds
                .iter()
                .flat_map(|bound| &bound.bindings)
                .find(|(bound, _)| bound == name)
                .map(|(_, ty)| ty.clone())
                .or_else(|| {
                    bounds.iter().find_map(|bound| self.associated_in_trait(bound.of_trait?, name, base, depth))
                })
                .unwrap_or(Ty::Unknown("associated type of a generic parameter")),
            (Ty::Adt(..), _) => self
                .associated_in_impls(base, name, depth)
                .unwrap_or_else(|| if name == "Output" { self.awaited(base) } else { Ty::Unknown("associated type") }),
            _ => Ty::Unknown("associated type"),
        }
    }

    /// What a trait says of an associated type: its bounds, or its default.
    fn associated_in_trait(&self, of_trait: TraitId, name: &Name, base: &Ty, depth: u32) -> Option<Ty> {
        let data = self.trait_data(of_trait);
        let declared = data.def.items.iter().find_map(|item| match &item.kind {
            ItemKind::Alias(alias) if item.name == *name && !matches!(alias.ty, TypeRef::Infer) => Some(&alias.ty),
            _ => None,
        });
        let Some(declared) = declared else {
            let mut supers = data.supers.iter().filter(|_| depth < MAX_DEPTH);
            return supers.find_map(|parent| self.associated_in_trait(*parent, name, base, depth + 1));
        };
        let mut scope = TypeScope::of_module(data.module);
        match bound_args(base, of_trait) {
            Some(args) => self.bind_params(&data.def.generics, args, &mut scope),
            None => self.declare_params(&data.def.generics, &mut scope),
        }
        scope.self_ty = Some(base.clone());
        Some(self.lower_at(declared, &scope, depth + 1))
    }

    pub(crate) fn associated_in_impls(&self, base: &Ty, name: &Name, depth: u32) -> Option<Ty> {
        let Ty::Adt(id, _) = base else { return None };
        self.impls_of_type(*id).find_map(|data| {
            let ty = data.assoc.get(name)?;
            let depth = depth + IMPL_DEPTH;
            Some(self.lower_at(ty, &self.impl_scope_at(data, base, depth), depth))
        })
    }
}
