//! Method look-up: autoderef, inherent and trait methods, which impls fit, which implementations may run.

use crate::index::{ImplData, Index};
use crate::ir::Name;
use crate::types::{Bound, FnId, TraitId, Ty, TypeId};

/// A method as found for a receiver.
#[derive(Clone, Debug)]
pub(crate) struct MethodMatch {
    pub(crate) function: FnId,
    /// The receiver type that the method is declared for, after autoderef.
    pub(crate) self_ty: Ty,
    /// Dereferences between the receiver as written and `self_ty`; plain references are not counted.
    pub(crate) n_derefs: usize,
    /// The method is reached through a bound or trait object: implementations decide what runs.
    pub(crate) through_trait: Option<TraitId>,
}

impl Index {
    /// Finds a method by autoderef: inherent before trait methods at each step. A blanket impl comes last, since not
    /// every inherent method is known.
    pub(crate) fn method(&self, receiver: &Ty, name: &Name) -> Option<MethodMatch> {
        self.method_where(receiver, name, |_| true)
    }

    /// The same for a call of so many arguments: one without arguments is not of a method that needs some, whatever
    /// traits the receiver may have.
    pub(crate) fn method_taking(&self, receiver: &Ty, name: &Name, n_args: usize) -> Option<MethodMatch> {
        self.method_where(receiver, name, |function| n_args > 0 || self.fn_data(function).def.params.is_empty())
    }

    fn method_where(&self, receiver: &Ty, name: &Name, fits: impl Fn(FnId) -> bool) -> Option<MethodMatch> {
        let found = self.method_by(receiver, |ty| self.method_of(ty, name).filter(|found| fits(found.0)));
        let blanket = |ty: &Ty| self.method_of_blanket(ty, name).filter(|function| fits(*function));
        found.or_else(|| self.method_by(receiver, |ty| Some((blanket(ty)?, None))))
    }

    fn method_by(&self, receiver: &Ty, find: impl Fn(&Ty) -> Option<(FnId, Option<TraitId>)>) -> Option<MethodMatch> {
        let mut n_derefs = 0;
        self.derefs(receiver).find_map(|at| {
            if let Some((function, through_trait)) = find(&at) {
                return Some(MethodMatch { function, self_ty: at, n_derefs, through_trait });
            }
            n_derefs += usize::from(!matches!(at, Ty::Ref(_)));
            None
        })
    }

    fn method_of(&self, ty: &Ty, name: &Name) -> Option<(FnId, Option<TraitId>)> {
        match ty {
            Ty::Adt(id, _) => self.method_of_type(*id, ty, name).map(|function| (function, None)),
            Ty::Slice(_) => self.method_of_type(self.well_known.slice, ty, name).map(|function| (function, None)),
            Ty::Str => self.method_of_type(self.well_known.str, ty, name).map(|function| (function, None)),
            Ty::Param(_, bounds) | Ty::Dyn(bounds) => bounds.iter().find_map(|bound| {
                let of_trait = bound.of_trait?;
                self.method_of_trait(of_trait, name, 0).map(|(function, of_trait)| (function, Some(of_trait)))
            }),
            _ => None,
        }
    }

    fn method_of_type(&self, id: TypeId, ty: &Ty, name: &Name) -> Option<FnId> {
        let fits = |data: &&ImplData| self.impl_fits(data, ty);
        let inherent = self.impls_of_type(id).filter(|data| data.def.of_trait.is_none()).filter(fits);
        let of_traits = self.impls_of_type(id).filter(|data| data.def.of_trait.is_some()).filter(fits);
        inherent.chain(of_traits).find_map(|data| data.fns.get(name).copied()).or_else(|| {
            self.impls_of_type(id)
                .filter(fits)
                .filter_map(|data| data.of_trait)
                .find_map(|of_trait| self.method_of_trait(of_trait, name, 0).map(|found| found.0))
        })
    }

    /// Whether an impl is for the receiver's type: its header's arguments agree with the receiver's.
    pub(crate) fn impl_fits(&self, data: &ImplData, ty: &Ty) -> bool {
        data.header.args().iter().zip(ty.args()).all(|(written, actual)| self.fits(written, actual.peeled(), 0))
    }

    fn fits(&self, written: &Ty, actual: &Ty, depth: u32) -> bool {
        if depth > 4 {
            return true;
        }
        match (written.peeled(), actual) {
            (Ty::Unknown(_), _) | (_, Ty::Unknown(_) | Ty::Param(..)) => true,
            (Ty::Param(_, bounds), _) => bounds.iter().all(|bound| self.satisfies(actual, bound)),
            (Ty::Adt(written, args), Ty::Adt(actual, others)) => {
                written == actual && args.iter().zip(others.iter()).all(|(a, b)| self.fits(a, b.peeled(), depth + 1))
            }
            (Ty::Outside(written, _), Ty::Outside(actual, _)) => written == actual,
            // `impl X for Arc<dyn Y>` says nothing of `Arc<Z>`.
            (written, actual) => std::mem::discriminant(written) == std::mem::discriminant(actual),
        }
    }

    /// Whether a type may implement a bound. Traits of other crates are taken on trust.
    fn satisfies(&self, actual: &Ty, bound: &Bound) -> bool {
        let Some(wanted) = bound.of_trait else { return true };
        if self.crate_of(self.trait_data(wanted).module).is_model {
            return true;
        }
        let implemented = |own: Option<TypeId>| {
            self.impls_of_trait(wanted).any(|data| data.self_type == own || matches!(data.header, Ty::Param(..)))
        };
        match actual {
            Ty::Adt(id, _) => implemented(Some(*id)),
            Ty::Scalar | Ty::Str | Ty::Tuple(_) | Ty::Outside(..) => implemented(None),
            _ => true,
        }
    }

    /// A method of a trait or its supertraits.
    fn method_of_trait(&self, of_trait: TraitId, name: &Name, depth: u32) -> Option<(FnId, TraitId)> {
        if depth > 6 {
            return None;
        }
        let data = self.trait_data(of_trait);
        if let Some(function) = data.fns.get(name) {
            return Some((*function, of_trait));
        }
        data.supers.iter().find_map(|parent| self.method_of_trait(*parent, name, depth + 1))
    }

    /// `impl<T: Bound> Trait for T`, where the method's name is the trait's own, and the bounds surely hold: of a type
    /// that is not of the workspace, not every method is known.
    fn method_of_blanket(&self, ty: &Ty, name: &Name) -> Option<FnId> {
        if ty.is_unknown() || matches!(ty, Ty::Ref(_)) {
            return None;
        }
        let holds = |data: &ImplData| match &data.header {
            Ty::Param(_, bounds) => {
                let mut known = bounds.iter().filter(|bound| !self.is_marker(bound)).peekable();
                let is_bounded = known.peek().is_some();
                (is_bounded || self.is_of_workspace(ty)) && known.all(|bound| self.surely_satisfies(ty, bound))
            }
            // The bound made it a future, a callable or a trait object: the same form is wanted.
            other => std::mem::discriminant(other) == std::mem::discriminant(ty),
        };
        self.blanket_impls().find_map(|data| {
            let of_trait = data.of_trait.and_then(|of_trait| self.trait_data(of_trait).fns.get(name));
            let function = data.fns.get(name).or(of_trait)?;
            holds(data).then_some(*function)
        })
    }

    fn is_of_workspace(&self, ty: &Ty) -> bool {
        matches!(ty, Ty::Adt(id, _) if !self.is_model_type(*id))
    }

    /// `Send`, `Sized` and the like: a bound that says nothing of methods.
    fn is_marker(&self, bound: &Bound) -> bool {
        matches!(bound.path.rsplit("::").next(), Some("Send" | "Sync" | "Sized" | "Unpin" | "Copy" | "Clone" | "Debug"))
    }

    /// Whether a type implements a bound, by what the index knows.
    fn surely_satisfies(&self, actual: &Ty, bound: &Bound) -> bool {
        match (actual, bound.of_trait) {
            (Ty::Param(_, own) | Ty::Dyn(own), _) => {
                own.iter().any(|known| known.of_trait == bound.of_trait && known.path == bound.path)
            }
            (_, None) => false,
            (Ty::Adt(id, _), Some(wanted)) => self.impls_of_trait(wanted).any(|data| data.self_type == Some(*id)),
            _ => false,
        }
    }

    /// The functions that a trait method may run: implementations in the workspace, and its default body.
    pub(crate) fn implementations(&self, of_trait: TraitId, function: FnId) -> Vec<FnId> {
        let name = &self.fn_data(function).name;
        let mut found: Vec<FnId> = Vec::new();
        let mut default_used = self.impls_of_trait(of_trait).next().is_none();
        for data in self.impls_of_trait(of_trait) {
            match data.fns.get(name) {
                Some(own) => found.push(*own),
                None => default_used = true,
            }
        }
        if default_used && self.fn_data(function).def.body.is_some() {
            found.push(function);
        }
        found
    }
}
