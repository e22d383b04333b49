//! The definitions of the workspace and of the curated models: crates, modules, types, traits, impls, functions.

mod collect;
mod lookup;
mod own_libraries;
mod trait_locks;
mod user_models;
mod well_known;
mod wrappers;

use std::sync::Arc;

use rayon::prelude::*;
use rustc_hash::FxHashMap as HashMap;
use semver::Version;

use crate::cfg::CfgSet;
use crate::drops::DropGlue;
use crate::infer::TypeScope;
pub(crate) use well_known::WellKnown;

use crate::ir::{
    AliasDef, EnumDef, Field, FileIr, FnDef, Generics, ImplDef, Item, ItemKind, Name, StaticDef, StructDef, TraitDef,
    TypeRef, UseLeaf,
};
use crate::lower::parse_file;
use crate::models::{FnModel, MODELS, TypeModel, exists_in};
use crate::project::Edition;
use crate::resolve::ResolveMemo;
use crate::sources::Sources;
use crate::span::{FileId, Span};
use crate::types::{FnId, TraitId, Ty, TypeId};

/// A crate: a target of the workspace, or a curated model.
#[derive(Debug)]
pub(crate) struct CrateData {
    pub(crate) name: Name,
    pub(crate) root: ModuleId,
    pub(crate) edition: Edition,
    pub(crate) is_model: bool,
    /// Of a model: the version of the library that the workspace is locked to.
    version: Option<Version>,
    /// Names that paths may start with, and the crates they mean.
    pub(crate) externs: HashMap<Name, Name>,
    cfg: CfgSet,
}

/// A module, or the scope of a block that declares items.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ModuleId(pub(crate) u32);

#[derive(Debug)]
pub(crate) struct ModuleData {
    pub(crate) krate: u32,
    pub(crate) parent: Option<ModuleId>,
    pub(crate) is_block: bool,
    pub(crate) path: Name,
    pub(crate) file: FileId,
    pub(crate) names: HashMap<Name, Vec<Def>>,
    pub(crate) uses: HashMap<Name, Vec<UseLeaf>>,
    pub(crate) globs: Vec<UseLeaf>,
    /// Whether the code in it is test code.
    pub(crate) is_test: bool,
}

/// What a name means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Def {
    Module(ModuleId),
    Type(TypeId),
    Alias(u32),
    Trait(TraitId),
    Fn(FnId),
    Static(u32),
    Variant(TypeId, u32),
    /// Something of a crate that is not in the index, by path.
    Outside(Name),
}

impl Def {
    /// Whether it lives in the type namespace.
    pub(crate) fn is_type_like(&self) -> bool {
        !matches!(self, Def::Fn(_) | Def::Static(_))
    }

    /// Whether it can stand where a value is expected.
    pub(crate) fn is_value_like(&self) -> bool {
        !matches!(self, Def::Module(_) | Def::Trait(_))
    }
}

#[derive(Debug)]
pub(crate) enum Shape {
    Struct(Arc<StructDef>),
    Enum(Arc<EnumDef>),
}

#[derive(Debug)]
pub(crate) struct TypeData {
    pub(crate) path: Name,
    pub(crate) module: ModuleId,
    pub(crate) shape: Shape,
    pub(crate) model: TypeModel,
}

impl TypeData {
    pub(crate) fn generics(&self) -> &Generics {
        match &self.shape {
            Shape::Struct(def) => &def.generics,
            Shape::Enum(def) => &def.generics,
        }
    }

    /// Fields of a struct, or of all variants of an enum.
    pub(crate) fn fields(&self) -> Box<dyn Iterator<Item = &Field> + '_> {
        match &self.shape {
            Shape::Struct(def) => Box::new(def.fields.iter()),
            Shape::Enum(def) => Box::new(def.variants.iter().flat_map(|variant| variant.fields.iter())),
        }
    }
}

#[derive(Debug)]
pub(crate) struct AliasData {
    pub(crate) module: ModuleId,
    pub(crate) def: Arc<AliasDef>,
}

#[derive(Debug)]
pub(crate) struct StaticData {
    pub(crate) path: Name,
    pub(crate) module: ModuleId,
    pub(crate) def: Arc<StaticDef>,
}

#[derive(Debug)]
pub(crate) struct TraitData {
    pub(crate) path: Name,
    pub(crate) module: ModuleId,
    pub(crate) def: Arc<TraitDef>,
    /// Supertraits that are in the index.
    pub(crate) supers: Vec<TraitId>,
    pub(crate) fns: HashMap<Name, FnId>,
}

#[derive(Debug)]
pub(crate) struct ImplData {
    pub(crate) module: ModuleId,
    pub(crate) def: Arc<ImplDef>,
    pub(crate) of_trait: Option<TraitId>,
    pub(crate) self_type: Option<TypeId>,
    /// The self type, lowered; parameters stand for themselves.
    pub(crate) header: Ty,
    pub(crate) fns: HashMap<Name, FnId>,
    pub(crate) assoc: HashMap<Name, TypeRef>,
}

/// Where a function is declared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    Module,
    Impl(u32),
    Trait(TraitId),
}

#[derive(Debug)]
pub(crate) struct FnData {
    pub(crate) name: Name,
    pub(crate) path: Name,
    pub(crate) module: ModuleId,
    pub(crate) owner: Owner,
    pub(crate) def: Arc<FnDef>,
    pub(crate) model: FnModel,
    /// Whether a call makes a future. `#[tokio::main]` and its like run an `async fn` within the call.
    pub(crate) is_async: bool,
    /// An attribute macro that is not known may have made something else of it, a stream for one.
    pub(crate) is_rewritten: bool,
    pub(crate) is_model: bool,
    pub(crate) is_test: bool,
    /// A test that is to panic: what its calls return may never be there.
    pub(crate) is_to_panic: bool,
    pub(crate) span: Span,
}

/// Every definition.
#[derive(Debug, Default)]
pub(crate) struct Index {
    pub(crate) crates: Vec<CrateData>,
    pub(crate) modules: Vec<ModuleData>,
    pub(crate) types: Vec<TypeData>,
    pub(crate) aliases: Vec<AliasData>,
    pub(crate) statics: Vec<StaticData>,
    pub(crate) traits: Vec<TraitData>,
    pub(crate) impls: Vec<ImplData>,
    pub(crate) fns: Vec<FnData>,
    pub(crate) n_cfg_skipped: usize,
    /// Statics by their path without a number.
    n_statics: HashMap<Name, u32>,
    /// The files that places of other texts are in, by file and origin less one.
    origins: HashMap<FileId, Vec<Option<FileId>>>,
    pub(crate) well_known: WellKnown,
    crates_by_name: HashMap<Name, Vec<u32>>,
    /// Types that only wrap a lock of what they are generic over, with the field.
    wrappers: HashMap<TypeId, Name>,
    /// Crates that are models of the user.
    user_crates: Vec<u32>,
    /// Crates that are libraries with a model, and the root of the model.
    own_libraries: Vec<(u32, ModuleId)>,
    /// Traits whose implementations are locks, in order.
    trait_locks: Vec<TraitId>,
    block_scopes: HashMap<(ModuleId, u32), ModuleId>,
    impls_of_type: HashMap<TypeId, Vec<u32>>,
    impls_of_trait: HashMap<TraitId, Vec<u32>>,
    blanket_impls: Vec<u32>,
    pending_impls: Vec<(ModuleId, Arc<ImplDef>, bool)>,
    /// What runs when values go.
    pub(crate) drops: DropGlue,
    /// Answers of name look-ups; kept from when all names are known.
    pub(crate) memo: Option<ResolveMemo>,
}

/// Attributes of functions that leave an `async fn` an `async fn`.
const PLAIN_ATTRIBUTES: &[&str] = &[
    "async_recursion",
    "async_trait",
    "bench",
    "cold",
    "deprecated",
    "instrument",
    "main",
    "must_use",
    "no_mangle",
    "should_panic",
    "target_feature",
    "test",
    "track_caller",
];

/// File ids of models start here; they are never shown.
const MODEL_FILES: u32 = u32::MAX / 2;

impl Index {
    /// Indexes the curated models and every crate of the workspace.
    pub(crate) fn build(sources: &Sources) -> Index {
        let mut index = Index::default();
        let parsed: Vec<FileIr> = MODELS.par_iter().map(|(_, text)| parse_file(text)).collect();
        for (position, ((name, _), ir)) in MODELS.iter().zip(parsed).enumerate() {
            debug_assert!(ir.gaps.is_empty(), "model {name} has gaps: {:?}", ir.gaps);
            let file = FileId(MODEL_FILES + u32::try_from(position).unwrap_or(0));
            index.add_model(name, file, &ir, sources);
        }
        index.origins = sources.origins();
        index.well_known = index.find_well_known();
        index.add_user_models(sources);
        for source in &sources.crates {
            index.add_crate(sources, source);
        }
        index.put_user_models_first();
        index.memo = Some(ResolveMemo::default());
        index.link_traits();
        index.link_impls();
        index.describe_own_libraries();
        index.find_trait_locks();
        index.drops = DropGlue::of(&index);
        index.wrappers = index.find_wrappers();
        index
    }

    fn add_model(&mut self, name: &str, file: FileId, ir: &FileIr, sources: &Sources) {
        let krate = self.new_crate(CrateData {
            name: name.into(),
            root: ModuleId(0),
            edition: Edition::E2021,
            is_model: true,
            version: sources.project.locked.get(name).cloned(),
            externs: HashMap::default(),
            cfg: CfgSet::default(),
        });
        let root = self.new_module(krate, None, name.into(), file, false, false);
        self.crates[krate as usize].root = root;
        collect::Collector { index: self, krate, files: None }.items(root, &ir.items);
    }

    fn add_crate(&mut self, sources: &Sources, source: &crate::sources::CrateSource) {
        let package = &sources.project.packages[source.package];
        let mut externs: HashMap<Name, Name> = package
            .dependencies
            .iter()
            .map(|dependency| (dependency.extern_name.clone(), dependency.crate_name.clone()))
            .collect();
        // Every other target of a package sees its library by name.
        if let Some(lib) = package.library().filter(|_| !source.kind.is_library()) {
            externs.insert(lib.into(), lib.into());
        }
        let krate = self.new_crate(CrateData {
            name: source.name.clone(),
            root: ModuleId(0),
            edition: source.edition,
            is_model: false,
            version: None,
            externs,
            cfg: source.cfg.clone(),
        });
        let root = self.new_module(krate, None, source.name.clone(), source.root, false, source.kind.is_test());
        self.crates[krate as usize].root = root;
        if source.kind.is_library() {
            self.note_own_library(krate, &source.name);
        }
        let items = sources.file(source.root).items();
        collect::Collector { index: self, krate, files: Some((sources, source)) }.items(root, &items);
    }

    fn new_crate(&mut self, data: CrateData) -> u32 {
        let id = position(self.crates.len());
        self.crates_by_name.entry(data.name.clone()).or_default().push(id);
        self.crates.push(data);
        id
    }

    fn new_module(
        &mut self,
        krate: u32,
        parent: Option<ModuleId>,
        path: Name,
        file: FileId,
        is_block: bool,
        is_test: bool,
    ) -> ModuleId {
        let id = ModuleId(position(self.modules.len()));
        self.modules.push(ModuleData {
            krate,
            parent,
            is_block,
            path,
            file,
            names: HashMap::default(),
            uses: HashMap::default(),
            globs: Vec::new(),
            is_test,
        });
        id
    }

    /// Resolves supertraits, once every name is known.
    fn link_traits(&mut self) {
        for at in 0..self.traits.len() {
            let data = &self.traits[at];
            let paths = data.def.supers.iter().filter_map(|bound| match bound {
                TypeRef::Path(path) => self.trait_of(data.module, path),
                _ => None,
            });
            self.traits[at].supers = paths.collect();
        }
    }

    /// Resolves the headers of all impls, once every name is known.
    fn link_impls(&mut self) {
        for (module, def, is_test) in std::mem::take(&mut self.pending_impls) {
            let id = position(self.impls.len());
            let self_type = match &def.self_ty {
                TypeRef::Path(path) => self.head_type(module, path, &def.generics),
                TypeRef::Slice(_) => Some(self.well_known.slice),
                TypeRef::Ref(inner) => match &**inner {
                    TypeRef::Path(path) => self.head_type(module, path, &def.generics),
                    _ => None,
                },
                _ => None,
            };
            let of_trait = def.of_trait.as_ref().and_then(|path| self.trait_of(module, path));
            let mut data = ImplData {
                module,
                of_trait,
                self_type,
                header: Ty::Unknown("impl header"),
                fns: HashMap::default(),
                assoc: HashMap::default(),
                def: Arc::clone(&def),
            };
            let owner_path = self.impl_path(module, &def, self_type);
            self.impl_items(&mut data, id, &owner_path, is_test);
            match (self_type, of_trait) {
                (Some(ty), _) => self.impls_of_type.entry(ty).or_default().push(id),
                (None, Some(_)) if is_blanket(&def) => self.blanket_impls.push(id),
                _ => {}
            }
            if let Some(of_trait) = of_trait {
                self.impls_of_trait.entry(of_trait).or_default().push(id);
            }
            drop(def);
            // Its functions and types have been taken over.
            Arc::make_mut(&mut data.def).items = Vec::new();
            self.impls.push(data);
        }
        for at in 0..self.impls.len() {
            let data = &self.impls[at];
            let mut scope = TypeScope::of_module(data.module);
            self.declare_params(&data.def.generics, &mut scope);
            let header = self.lower(&data.def.self_ty, &scope);
            self.impls[at].header = header.peeled().clone();
        }
    }

    fn impl_path(&self, module: ModuleId, def: &ImplDef, self_type: Option<TypeId>) -> Name {
        match self_type {
            Some(ty) if !self.is_model_type(ty) => self.types[ty.0 as usize].path.clone(),
            _ => format!("{}::<{}>", self.modules[module.0 as usize].path, spelled(&def.self_ty)).into(),
        }
    }

    fn impl_items(&mut self, data: &mut ImplData, id: u32, owner_path: &str, is_test: bool) {
        let def = Arc::clone(&data.def);
        for item in &def.items {
            if !self.is_on(self.modules[data.module.0 as usize].krate, item) {
                continue;
            }
            match &item.kind {
                ItemKind::Fn(function) => {
                    let path = format!("{owner_path}::{}", item.name);
                    let fn_id = self.add_fn(data.module, Owner::Impl(id), path.into(), item, function, is_test);
                    data.fns.insert(item.name.clone(), fn_id);
                }
                ItemKind::Alias(alias) => {
                    data.assoc.insert(item.name.clone(), alias.ty.clone());
                }
                _ => {}
            }
        }
    }

    fn add_fn(
        &mut self,
        module: ModuleId,
        owner: Owner,
        path: Name,
        item: &Item,
        def: &Arc<FnDef>,
        is_test: bool,
    ) -> FnId {
        let id = FnId(position(self.fns.len()));
        let data = &self.modules[module.0 as usize];
        self.fns.push(FnData {
            name: item.name.clone(),
            path,
            module,
            owner,
            def: Arc::clone(def),
            model: FnModel::of(&item.attrs),
            is_async: def.is_async && !item.attrs.iter().any(|attr| attr.name == "main" || attr.name == "test"),
            is_rewritten: item.attrs.iter().any(|attr| !PLAIN_ATTRIBUTES.contains(&attr.name.as_str())),
            is_model: self.crates[data.krate as usize].is_model,
            is_test: is_test || data.is_test || item.attrs.iter().any(|attr| attr.name == "test"),
            is_to_panic: item.attrs.iter().any(|attr| attr.name == "should_panic"),
            span: self.span(data.file, item.range),
        });
        id
    }

    fn is_on(&mut self, krate: u32, item: &Item) -> bool {
        let data = &self.crates[krate as usize];
        if data.is_model {
            return exists_in(&item.attrs, data.version.as_ref());
        }
        let on = item.cfg.as_ref().is_none_or(|predicate| data.cfg.matches(predicate));
        self.n_cfg_skipped += usize::from(!on);
        on
    }
}

/// `impl<T> Trait for T`.
fn is_blanket(def: &ImplDef) -> bool {
    let self_ty = match &def.self_ty {
        TypeRef::Ref(inner) => inner,
        other => other,
    };
    matches!(self_ty, TypeRef::Path(path) if path.segments.len() == 1
        && def.generics.params.iter().any(|param| param.name == path.segments[0].name))
}

/// A self type as text, for the path of an impl on a type that is not declared in the workspace.
fn spelled(ty: &TypeRef) -> String {
    match ty {
        TypeRef::Path(path) => path.segments.last().map_or_else(String::new, |segment| segment.name.to_string()),
        TypeRef::Ref(inner) => spelled(inner),
        TypeRef::Slice(inner) => format!("[{}]", spelled(inner)),
        TypeRef::Dyn(bounds) | TypeRef::ImplTrait(bounds) => bounds.first().map_or_else(String::new, spelled),
        _ => "_".to_owned(),
    }
}

pub(crate) fn position(length: usize) -> u32 {
    u32::try_from(length).expect("fewer than four billion definitions")
}
