//! Generic arguments: what the parameters of a signature are, judged by the types of the arguments.

use crate::index::Index;
use crate::infer::TypeScope;
use crate::ir::{Generics, Name, PathRef, TypeRef};
use crate::types::{Ty, TypeId};

/// Written types are followed this far into bounds of bounds.
const MAX_NESTING: u32 = 12;

impl Index {
    /// Binds the parameters of `generics` that occur in a written type to the matching parts of an actual one.
    pub(crate) fn unify(&self, written: &TypeRef, actual: &Ty, scope: &mut TypeScope, generics: &Generics) {
        self.unify_at(written, actual, scope, generics, 0);
    }

    /// As `unify`, of the type that an impl is for: it is that very type, nothing that it dereferences to.
    pub(crate) fn unify_header(&self, header: &TypeRef, self_ty: &Ty, scope: &mut TypeScope, generics: &Generics) {
        let is_param = |path: &PathRef| {
            let name = path.segments.last().map(|last| &last.name);
            path.segments.len() == 1 && generics.params.iter().any(|param| Some(&param.name) == name)
        };
        match (header, self_ty) {
            (TypeRef::Path(path), Ty::Adt(id, actual)) if !is_param(path) => {
                let written = path.segments.last().map_or(&[][..], |last| &last.args);
                if self.type_of_path(scope.module, path, 0).is_none_or(|head| head == *id) {
                    for (arg, actual) in written.iter().zip(actual.iter()) {
                        self.unify(arg, actual, scope, generics);
                    }
                }
            }
            _ => self.unify(header, self_ty, scope, generics),
        }
    }

    fn unify_at(&self, written: &TypeRef, actual: &Ty, scope: &mut TypeScope, generics: &Generics, depth: u32) {
        // `I: Iterator<Item = I>` binds itself without end.
        if depth > MAX_NESTING {
            return;
        }
        let depth = depth + 1;
        match (written, actual) {
            (_, Ty::Unknown(_)) => {}
            (TypeRef::Path(path), _) => self.unify_path(path, actual, scope, generics, depth),
            (TypeRef::Ref(inner), Ty::Ref(actual)) => self.unify_at(inner, actual, scope, generics, depth),
            (TypeRef::Ref(inner), _) => self.unify_at(inner, actual, scope, generics, depth),
            (TypeRef::Tuple(parts), Ty::Tuple(actual)) => {
                for (part, actual) in parts.iter().zip(actual.iter()) {
                    self.unify_at(part, actual, scope, generics, depth);
                }
            }
            (TypeRef::Slice(inner), Ty::Slice(actual)) => self.unify_at(inner, actual, scope, generics, depth),
            (TypeRef::Slice(inner), Ty::Adt(..)) => {
                self.unify_at(inner, &self.iterated(actual), scope, generics, depth)
            }
            (TypeRef::Dyn(bounds) | TypeRef::ImplTrait(bounds), _) => {
                self.unify_bounds(bounds, actual, scope, generics, depth);
            }
            (TypeRef::Fn { ret, .. }, Ty::Callable(callable)) => {
                self.unify_at(ret, &callable.ret, scope, generics, depth)
            }
            _ => {}
        }
    }

    fn unify_path(&self, path: &PathRef, actual: &Ty, scope: &mut TypeScope, generics: &Generics, depth: u32) {
        let Some(last) = path.segments.last() else { return };
        let param = generics.params.iter().find(|param| path.segments.len() == 1 && param.name == last.name);
        if let Some(param) = param {
            let known = scope.generic(&param.name);
            if known.is_none_or(|ty| is_open(ty, &param.name)) {
                scope.bind(&param.name, actual.clone());
            }
            self.unify_bounds(&param.bounds, actual, scope, generics, depth);
            return;
        }
        // `&Arc<T>` given for `T`-like arguments: look through dereferences for the written head.
        let head = self.type_of_path(scope.module, path, 0);
        for at in self.derefs(actual.peeled()) {
            if matches!((&at, head), (Ty::Adt(id, _), Some(head)) if *id == head) || head.is_none() {
                for (arg, actual) in last.args.iter().zip(at.args()) {
                    self.unify_at(arg, actual, scope, generics, depth);
                }
                return;
            }
            // The model of slices is a type of its own.
            if let (Ty::Slice(item), Some(arg)) = (&at, last.args.first())
                && head == Some(self.well_known.slice)
            {
                self.unify_at(arg, item, scope, generics, depth);
                return;
            }
        }
    }

    /// A type whose arguments are judged by values of its fields, each as declared and as given.
    pub(crate) fn made_of(&self, id: TypeId, given: &[(TypeRef, Ty)]) -> Ty {
        let generics = self.type_data(id).generics();
        let mut scope = TypeScope::of_module(self.type_data(id).module);
        self.declare_params(generics, &mut scope);
        for (field, actual) in given {
            self.unify(field, actual, &mut scope, generics);
        }
        let args = generics.params.iter().map(|param| match scope.generic(&param.name) {
            Some(Ty::Param(name, _)) if *name == param.name => Ty::Unknown("inferred type argument"),
            Some(ty) => ty.clone(),
            None => Ty::Unknown("inferred type argument"),
        });
        Ty::Adt(id, args.collect())
    }

    /// `F: FnOnce(A) -> B`, `I: IntoIterator<Item = T>`, `F: Future<Output = T>`: binds `B`, `T`.
    fn unify_bounds(&self, bounds: &[TypeRef], actual: &Ty, scope: &mut TypeScope, generics: &Generics, depth: u32) {
        for bound in bounds {
            match (bound, actual) {
                (TypeRef::Fn { ret, .. }, Ty::Callable(callable)) => {
                    self.unify_at(ret, &callable.ret, scope, generics, depth)
                }
                (TypeRef::Path(path), _) => {
                    for (name, written) in path.segments.last().into_iter().flat_map(|last| &last.bindings) {
                        let part = self.associated(actual, name, depth);
                        self.unify_at(written, &part, scope, generics, depth);
                    }
                }
                _ => {}
            }
        }
    }
}

/// Whether a parameter is still itself.
fn is_open(ty: &Ty, name: &Name) -> bool {
    match ty {
        Ty::Param(own, _) => own == name,
        Ty::Unknown(_) => true,
        // A bound made it a callable or a future: the actual type says more.
        Ty::Callable(callable) => callable.body.is_none(),
        Ty::Future(future) => future.runs.is_none(),
        _ => false,
    }
}
