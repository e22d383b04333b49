//! What the index holds, by id and by name.

use super::{CrateData, FnData, ImplData, Index, ModuleData, ModuleId, TraitData, TypeData};
use crate::ir::{Generics, Name, PathRef};
use crate::models::ALIASES;
use crate::span::{FileId, LineCol, Span, TextRange};
use crate::types::{FnId, TraitId, Ty, TypeId};

impl Index {
    /// The type that the path of an impl header names; `None` for one of its parameters.
    pub(super) fn head_type(&self, module: ModuleId, path: &PathRef, generics: &Generics) -> Option<TypeId> {
        let first = path.segments.first()?;
        if path.segments.len() == 1 && generics.params.iter().any(|param| param.name == first.name) {
            return None;
        }
        self.type_of_path(module, path, 0)
    }

    /// The span of a range in the facts of a file. A place in a file that no crate mounts is the file's first.
    pub(crate) fn span(&self, file: FileId, range: TextRange) -> Span {
        let origin = range.start.origin();
        if origin == 0 {
            return Span { file, range: range.plain() };
        }
        let known = self.origins.get(&file).and_then(|origins| *origins.get(origin - 1)?);
        let first = LineCol { line: 1, column: 1 };
        known.map_or(Span { file, range: TextRange { start: first, end: first } }, |file| Span {
            file,
            range: range.plain(),
        })
    }
    /// Whether a predicate within code of `module` holds.
    pub(crate) fn predicate_holds(&self, module: ModuleId, predicate: Option<&crate::cfg::CfgExpr>) -> bool {
        let krate = &self.crates[self.modules[module.0 as usize].krate as usize];
        predicate.is_none_or(|predicate| krate.is_model || krate.cfg.matches(predicate))
    }

    pub(crate) fn type_data(&self, ty: TypeId) -> &TypeData {
        &self.types[ty.0 as usize]
    }

    pub(crate) fn fn_data(&self, function: FnId) -> &FnData {
        &self.fns[function.0 as usize]
    }

    pub(crate) fn trait_data(&self, of_trait: TraitId) -> &TraitData {
        &self.traits[of_trait.0 as usize]
    }

    pub(crate) fn module(&self, module: ModuleId) -> &ModuleData {
        &self.modules[module.0 as usize]
    }

    pub(crate) fn crate_of(&self, module: ModuleId) -> &CrateData {
        &self.crates[self.module(module).krate as usize]
    }

    pub(crate) fn is_model_type(&self, ty: TypeId) -> bool {
        self.crate_of(self.type_data(ty).module).is_model
    }

    /// Whether a type is a lock, by a model or by what it implements.
    pub(crate) fn is_lock(&self, ty: &Ty) -> bool {
        match ty {
            Ty::Adt(id, _) => self.type_data(*id).model.family.is_some(),
            Ty::Param(_, bounds) | Ty::Dyn(bounds) => bounds
                .iter()
                .any(|bound| bound.of_trait.is_some_and(|of_trait| self.trait_locks.binary_search(&of_trait).is_ok())),
            _ => false,
        }
    }

    pub(crate) fn impls_of_type(&self, ty: TypeId) -> impl Iterator<Item = &ImplData> {
        self.impls_of_type.get(&ty).into_iter().flatten().map(|id| &self.impls[*id as usize])
    }

    pub(crate) fn impls_of_trait(&self, of_trait: TraitId) -> impl Iterator<Item = &ImplData> {
        self.impls_of_trait.get(&of_trait).into_iter().flatten().map(|id| &self.impls[*id as usize])
    }

    /// What the workspace implements of a method of a trait that other crates declare, and the type that it is for.
    pub(crate) fn implemented_here(&self, ty: &Ty, (of_trait, method): (&str, &str)) -> Option<(FnId, Ty)> {
        let ty = ty.peeled();
        let is_it = |data: &&ImplData| {
            let named = data.def.of_trait.as_ref().and_then(|path| path.segments.last());
            named.is_some_and(|last| last.name == of_trait)
        };
        let mut impls = self.impls_of_type(ty.head()?).filter(is_it).filter(|data| self.impl_fits(data, ty));
        let function = impls.find_map(|data| data.fns.get(&Name::new(method)).copied())?;
        (!self.fn_data(function).is_model).then(|| (function, ty.clone()))
    }

    pub(crate) fn blanket_impls(&self) -> impl Iterator<Item = &ImplData> {
        self.blanket_impls.iter().map(|id| &self.impls[*id as usize])
    }

    pub(crate) fn block_scope(&self, module: ModuleId, id: u32) -> Option<ModuleId> {
        self.block_scopes.get(&(module, id)).copied()
    }

    /// The crates of that name, curated models first.
    pub(crate) fn crates_named(&self, name: &str) -> impl Iterator<Item = &CrateData> {
        let name = ALIASES.iter().find(|alias| alias.0 == name).map_or(name, |alias| alias.1);
        let known = Name::find(name).and_then(|name| self.crates_by_name.get(&name));
        known.into_iter().flatten().map(|id| &self.crates[*id as usize])
    }
}
