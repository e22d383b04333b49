//! Types and traits of the `std` model that inference builds itself.

use super::{Index, position};
use crate::ir::Name;
use crate::types::{TraitId, TypeId};

/// Types and traits of the `std` model that inference builds itself.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WellKnown {
    pub(crate) option: TypeId,
    pub(crate) result: TypeId,
    pub(crate) vec: TypeId,
    pub(crate) string: TypeId,
    pub(crate) slice: TypeId,
    pub(crate) str: TypeId,
    pub(crate) range: TypeId,
    pub(crate) arc: TypeId,
    pub(crate) rc: TypeId,
    weak: [TypeId; 2],
    pub(crate) deref: TraitId,
    pub(crate) drop: TraitId,
    pub(crate) future: TraitId,
    pub(crate) iterator: TraitId,
    pub(crate) into_iterator: TraitId,
    pub(crate) names: KnownNames,
}

/// Names that inference asks for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KnownNames {
    pub(crate) item: Name,
    pub(crate) iter: Name,
    pub(crate) output: Name,
    pub(crate) prelude: Name,
    pub(crate) target: Name,
    pub(crate) deref: Name,
}

impl Default for KnownNames {
    fn default() -> KnownNames {
        KnownNames {
            item: "Item".into(),
            iter: "iter".into(),
            output: "Output".into(),
            prelude: "prelude".into(),
            target: "Target".into(),
            deref: "deref".into(),
        }
    }
}

impl Default for WellKnown {
    fn default() -> WellKnown {
        let (ty, tr) = (TypeId(u32::MAX), TraitId(u32::MAX));
        WellKnown {
            option: ty,
            result: ty,
            vec: ty,
            string: ty,
            slice: ty,
            str: ty,
            range: ty,
            arc: ty,
            rc: ty,
            weak: [ty; 2],
            drop: tr,
            deref: tr,
            future: tr,
            iterator: tr,
            into_iterator: tr,
            names: KnownNames::default(),
        }
    }
}

impl WellKnown {
    /// Whether a value of the type shares what it points to: dropping it drops that only with the last one.
    pub(crate) fn shares(&self, ty: TypeId) -> bool {
        ty == self.arc || ty == self.rc
    }

    /// Whether a value of the type only points to what its argument names.
    pub(crate) fn lends(&self, ty: TypeId) -> bool {
        self.weak.contains(&ty)
    }
}

impl Index {
    pub(super) fn find_well_known(&self) -> WellKnown {
        let ty = |path: &str| {
            let found = self.types.iter().position(|data| data.path == path);
            TypeId(position(found.expect("the std model declares it")))
        };
        let tr = |path: &str| {
            let found = self.traits.iter().position(|data| data.path == path);
            TraitId(position(found.expect("the std model declares it")))
        };
        WellKnown {
            option: ty("std::option::Option"),
            result: ty("std::result::Result"),
            vec: ty("std::vec::Vec"),
            string: ty("std::string::String"),
            slice: ty("std::slice::Slice"),
            str: ty("std::str::Str"),
            range: ty("std::ops::Range"),
            arc: ty("std::sync::Arc"),
            rc: ty("std::rc::Rc"),
            weak: [ty("std::sync::Weak"), ty("std::rc::Weak")],
            drop: tr("std::ops::Drop"),
            deref: tr("std::ops::Deref"),
            future: tr("std::future::Future"),
            iterator: tr("std::iter::Iterator"),
            into_iterator: tr("std::iter::IntoIterator"),
            names: KnownNames::default(),
        }
    }
}
