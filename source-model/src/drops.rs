//! Drop glue: which `Drop` implementations of the workspace run when a value of a type goes.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::index::Index;
use crate::ir::{Name, TypeRef};
use crate::types::{FnId, Ty, TypeId};

/// More implementations than this behind one type are cut off: it is a container of everything.
const MAX_GLUE: usize = 8;
/// How deep type arguments are searched.
const MAX_DEPTH: u32 = 4;

/// A `Drop` implementation that runs when a value goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct Glue {
    pub(crate) function: FnId,
    /// The value is behind an `Arc` or `Rc`: it goes only with the last of them.
    pub(crate) shared: bool,
}

/// The drop glue of every type of the workspace that has any.
#[derive(Debug, Default)]
pub(crate) struct DropGlue {
    by_type: HashMap<TypeId, Arc<[Glue]>>,
}

impl DropGlue {
    /// Starts at the types that implement `Drop` and goes outwards to the types whose fields own them.
    pub(crate) fn of(index: &Index) -> DropGlue {
        let mut glue = DropGlue::default();
        let mut open: Vec<TypeId> = Vec::new();
        for data in index.impls_of_trait(index.well_known.drop) {
            let function = data.fns.iter().find(|(name, _)| **name == "drop").map(|(_, function)| *function);
            if let (Some(ty), Some(function)) = (data.self_type, function) {
                glue.by_type.insert(ty, Arc::from([Glue { function, shared: false }]));
                open.push(ty);
            }
        }
        if open.is_empty() {
            return glue;
        }
        let mentions = mentions(index);
        while let Some(inner) = open.pop() {
            let name: Name = index.type_data(inner).path.rsplit("::").next().unwrap_or_default().into();
            for outer in mentions.get(&name).map(Vec::as_slice).unwrap_or_default() {
                if glue.extend(index, *outer) {
                    open.push(*outer);
                }
            }
        }
        glue
    }

    /// Collects the glue of a type's fields; whether there is more than before.
    fn extend(&mut self, index: &Index, ty: TypeId) -> bool {
        let mut found: Vec<Glue> = self.by_type.get(&ty).map(|known| known.to_vec()).unwrap_or_default();
        let before = found.len();
        let data = index.type_data(ty);
        let mut scope = crate::infer::TypeScope::of_module(data.module);
        index.declare_params(data.generics(), &mut scope);
        for field in data.fields().filter(|field| index.predicate_holds(data.module, field.cfg.as_ref())) {
            self.collect(index, &index.lower(&field.ty, &scope), false, 0, &mut found);
        }
        found.truncate(MAX_GLUE);
        let more = found.len() > before;
        if more {
            self.by_type.insert(ty, found.into());
        }
        more
    }

    fn collect(&self, index: &Index, ty: &Ty, shared: bool, depth: u32, into: &mut Vec<Glue>) {
        match ty {
            _ if depth > MAX_DEPTH => {}
            Ty::Tuple(parts) => parts.iter().for_each(|part| self.collect(index, part, shared, depth + 1, into)),
            Ty::Slice(item) => self.collect(index, item, shared, depth + 1, into),
            Ty::Adt(id, args) if index.is_model_type(*id) => {
                let model = index.type_data(*id).model;
                let owns = model.guard.is_none() && !model.handle && !index.well_known.lends(*id);
                let shared = shared || index.well_known.shares(*id);
                for arg in args.iter().filter(|_| owns) {
                    self.collect(index, arg, shared, depth + 1, into);
                }
            }
            Ty::Adt(id, _) => {
                for glue in self.by_type.get(id).map(|known| &**known).unwrap_or_default() {
                    let glue = Glue { shared: shared || glue.shared, ..*glue };
                    if !into.iter().any(|known| known.function == glue.function) {
                        into.push(glue);
                    }
                }
            }
            _ => {}
        }
    }

    /// What runs when a value of the type goes.
    pub(crate) fn of_type(&self, index: &Index, ty: &Ty) -> Vec<Glue> {
        let mut found = Vec::new();
        if !self.by_type.is_empty() {
            self.collect(index, ty, false, 0, &mut found);
        }
        found
    }
}

/// Which types mention a name in a field: candidates, found without resolving any path.
fn mentions(index: &Index) -> BTreeMap<Name, Vec<TypeId>> {
    let mut mentions: BTreeMap<Name, Vec<TypeId>> = BTreeMap::new();
    for (at, data) in index.types.iter().enumerate() {
        let ty = TypeId(crate::index::position(at));
        if index.is_model_type(ty) {
            continue;
        }
        let mut names = Vec::new();
        data.fields().for_each(|field| names_in(&field.ty, &mut names));
        for name in names {
            let types = mentions.entry(name).or_default();
            if types.last() != Some(&ty) {
                types.push(ty);
            }
        }
    }
    mentions
}

fn names_in(ty: &TypeRef, into: &mut Vec<Name>) {
    match ty {
        TypeRef::Path(path) => {
            for segment in &path.segments {
                into.push(segment.name);
                segment.args.iter().for_each(|arg| names_in(arg, into));
            }
        }
        TypeRef::Tuple(parts) => parts.iter().for_each(|part| names_in(part, into)),
        TypeRef::Slice(item) => names_in(item, into),
        _ => {}
    }
}
