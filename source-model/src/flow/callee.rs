//! Who a call's path names: a function, a constructor, something outside.

use std::sync::Arc;

use crate::flow::build::Builder;
use crate::index::{Def, Shape};
use crate::ir::{Name, PathRef, TypeRef};
use crate::resolve::Namespace;
use crate::types::{FnId, TraitId, Ty, TypeId, segment_names};

/// Who a call's path names.
pub(super) enum Callee {
    Function(FnId, Option<Ty>),
    TraitMethod(FnId, TraitId, Option<Ty>),
    Constructor(TypeId, Option<u32>),
    /// A constructor that is not declared in the source: derived, or of an outside type.
    Made(Ty),
    Outside(Name),
    Unknown,
}

fn constructor_of(base: &Ty) -> Callee {
    match base {
        Ty::Adt(ty, _) => Callee::Constructor(*ty, None),
        _ => Callee::Unknown,
    }
}

/// `Type::new` of an outside crate yields the type; other functions yield what is not known.
fn outside_callee(path: &Name) -> Callee {
    let (head, last) = path.rsplit_once("::").unwrap_or(("", path));
    let names_type = head.rsplit("::").next().is_some_and(|name| name.starts_with(char::is_uppercase));
    if names_type && is_constructor_name(last) {
        return Callee::Made(Ty::Outside(head.into(), Arc::from([])));
    }
    Callee::Outside(path.clone())
}

fn is_constructor_name(name: &str) -> bool {
    matches!(name, "new" | "default" | "with_capacity" | "builder" | "from" | "now" | "empty")
}

impl Builder<'_> {
    pub(super) fn callee(&mut self, path: &PathRef) -> Callee {
        if let Some(qself) = &path.qself {
            let base = self.index.lower(qself, &self.types);
            let Some(last) = path.segments.last() else { return Callee::Unknown };
            return self.associated_fn(base, &last.name);
        }
        let names = segment_names(path);
        let scoped = match names.first().map(Name::as_str) {
            Some("Self") => self.types.self_ty.clone(),
            Some(_) if names.len() > 1 => self.types.generic(&names[0]).cloned(),
            _ => None,
        };
        if let Some(base) = scoped {
            return match names.len() {
                1 => constructor_of(&base),
                2 => self.associated_or_variant(base, &names[1]),
                n => {
                    let between = names[1..n - 1].iter();
                    let base = between.fold(base, |base, name| self.index.associated(&base, name, 0));
                    self.associated_fn(base, &names[n - 1])
                }
            };
        }
        let Some(resolved) = self.index.resolve_path(self.types.module, path, Namespace::Values) else {
            return Callee::Unknown;
        };
        let rest = names.len() - resolved.n_used;
        match (&resolved.def, rest) {
            (Def::Fn(function), 0) => Callee::Function(*function, None),
            (Def::Variant(ty, variant), 0) => Callee::Constructor(*ty, Some(*variant)),
            (Def::Type(ty), 0) => Callee::Constructor(*ty, None),
            (Def::Type(_) | Def::Alias(_), 1) => {
                let mut head = path.clone();
                head.segments.pop();
                let base = self.index.lower(&TypeRef::Path(head), &self.types);
                self.associated_fn(base, names.last().expect("a path has a segment"))
            }
            (Def::Trait(of_trait), 1) => self.trait_fn(*of_trait, names.last().expect("a path has a segment")),
            (Def::Outside(path), 0) => outside_callee(path),
            _ => Callee::Unknown,
        }
    }

    fn associated_or_variant(&mut self, base: Ty, name: &Name) -> Callee {
        if let Ty::Adt(ty, _) = base.peeled()
            && let Shape::Enum(def) = &self.index.type_data(*ty).shape
            && let Some(variant) = def.variants.iter().position(|variant| variant.name == *name)
        {
            return Callee::Constructor(*ty, u32::try_from(variant).ok());
        }
        self.associated_fn(base, name)
    }

    /// `Type::function`.
    fn associated_fn(&mut self, base: Ty, name: &Name) -> Callee {
        if let Some(found) = self.index.method(&base, name) {
            return match found.through_trait {
                Some(of_trait) => Callee::TraitMethod(found.function, of_trait, Some(base)),
                None => Callee::Function(found.function, Some(found.self_ty)),
            };
        }
        match base {
            Ty::Outside(path, args) if is_constructor_name(name) => Callee::Made(Ty::Outside(path, args)),
            Ty::Outside(path, _) => Callee::Outside(format!("{path}::{name}").into()),
            // `#[derive(Default)]` and constructors that a macro wrote.
            Ty::Adt(..) if is_constructor_name(name) => Callee::Made(base),
            Ty::Adt(ty, _) => Callee::Outside(format!("{}::{name}", self.index.type_data(ty).path).into()),
            _ => Callee::Unknown,
        }
    }

    fn trait_fn(&self, of_trait: TraitId, name: &Name) -> Callee {
        let data = self.index.trait_data(of_trait);
        match data.fns.get(name) {
            Some(function) => Callee::TraitMethod(*function, of_trait, None),
            None => Callee::Outside(format!("{}::{name}", data.path).into()),
        }
    }
}
