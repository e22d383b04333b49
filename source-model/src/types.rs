//! Resolved types: what a receiver is, as far as forward inference can tell. Unknown is a value with a cause.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::index::Index;
use crate::ir::{Name, PathRef};
use crate::locks::BodyId;

/// A struct, enum or union of the index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct TypeId(pub(crate) u32);

/// A trait of the index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct TraitId(pub(crate) u32);

/// A function of the index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct FnId(pub(crate) u32);

/// A resolved type. Lifetimes and constants are dropped; `*const T` is `Ref`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Ty {
    /// Not known, and why: a fragment that `--stats` counts.
    Unknown(&'static str),
    /// A type of the workspace or of a curated model.
    Adt(TypeId, Arc<[Ty]>),
    /// A type of another crate, by path.
    Outside(Name, Arc<[Ty]>),
    /// `&T`, `&mut T`.
    Ref(Arc<Ty>),
    /// `(A, B)`; the unit type is the empty tuple.
    Tuple(Arc<[Ty]>),
    /// `[T]`, `[T; N]`.
    Slice(Arc<Ty>),
    /// A generic parameter with its bounds.
    Param(Name, Arc<[Bound]>),
    /// `dyn A + B`, `impl A + B`.
    Dyn(Arc<[Bound]>),
    /// A future with its output, and the body that runs when it is polled.
    Future(Arc<FutureTy>),
    /// A function pointer, function item or closure.
    Callable(Arc<CallableTy>),
    /// Numbers, `bool`, `char`.
    Scalar,
    /// `str`.
    Str,
    /// `!`
    Never,
}

/// A future.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct FutureTy {
    /// What it yields.
    pub(crate) output: Ty,
    /// What polling it runs.
    pub(crate) runs: Option<BodyId>,
}

/// Something that can be called.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct CallableTy {
    /// Parameter types.
    pub(crate) params: Vec<Ty>,
    /// Return type.
    pub(crate) ret: Ty,
    /// The body of a closure.
    pub(crate) body: Option<BodyId>,
}

/// A trait bound.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Bound {
    /// The trait, if it is in the index.
    pub(crate) of_trait: Option<TraitId>,
    /// Its path as resolved, or as written.
    pub(crate) path: Name,
    /// Type arguments.
    pub(crate) args: Vec<Ty>,
    /// Associated types.
    pub(crate) bindings: Vec<(Name, Ty)>,
    /// The signature of an `Fn` bound.
    pub(crate) call: Option<Arc<CallableTy>>,
}

impl Ty {
    pub(crate) fn unit() -> Ty {
        Ty::Tuple(Arc::from([]))
    }

    pub(crate) fn reference(inner: Ty) -> Ty {
        Ty::Ref(Arc::new(inner))
    }

    pub(crate) fn is_unknown(&self) -> bool {
        matches!(self, Ty::Unknown(_))
    }

    pub(crate) fn is_unit(&self) -> bool {
        matches!(self, Ty::Tuple(parts) if parts.is_empty())
    }

    /// The type behind any number of references.
    pub(crate) fn peeled(&self) -> &Ty {
        match self {
            Ty::Ref(inner) => inner.peeled(),
            other => other,
        }
    }

    /// The declaration of a type of the workspace or of a model.
    pub(crate) fn head(&self) -> Option<TypeId> {
        match self {
            Ty::Adt(id, _) => Some(*id),
            _ => None,
        }
    }

    /// Type arguments of a named type.
    pub(crate) fn args(&self) -> &[Ty] {
        match self {
            Ty::Adt(_, args) | Ty::Outside(_, args) => args,
            _ => &[],
        }
    }

    /// The argument at `position`, or Unknown.
    pub(crate) fn arg(&self, position: usize) -> Ty {
        self.args().get(position).cloned().unwrap_or(Ty::Unknown("missing type argument"))
    }
}

/// The names of a path's segments.
pub(crate) fn segment_names(path: &PathRef) -> Vec<Name> {
    path.segments.iter().map(|segment| segment.name.clone()).collect()
}

impl Index {
    /// The name of a type or trait that the workspace declares.
    pub(crate) fn declared_name(&self, ty: Option<&Ty>) -> Option<Name> {
        match ty? {
            Ty::Adt(id, _) if !self.is_model_type(*id) => Some(self.type_data(*id).path),
            Ty::Dyn(bounds) => bounds.iter().find(|bound| bound.of_trait.is_some()).map(|bound| bound.path),
            _ => None,
        }
    }

    /// A type as people read it.
    pub(crate) fn show(&self, ty: &Ty) -> String {
        match ty {
            Ty::Adt(id, _) => self.type_data(*id).path.to_string(),
            Ty::Outside(path, _) => path.to_string(),
            Ty::Ref(inner) => format!("&{}", self.show(inner)),
            Ty::Param(name, _) => name.to_string(),
            Ty::Dyn(bounds) => format!("dyn {}", bounds.first().map_or("_", |bound| bound.path.as_str())),
            Ty::Unknown(_) => "_".to_owned(),
            _ => "value".to_owned(),
        }
    }
}
