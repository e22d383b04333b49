//! Name resolution: what a path means in a module, through `use`, globs, preludes, block scopes and crate names.

use std::sync::{Mutex, PoisonError};

use rustc_hash::FxHashMap as HashMap;

use crate::index::{Def, Index, ModuleId, Shape};
use crate::ir::{Name, PathRef, UseLeaf};
use crate::project::Edition;
use crate::types::{TraitId, TypeId, segment_names};

/// `use` chains longer than this are not followed: they are cycles.
const MAX_DEPTH: u32 = 16;

/// Shards of the memo: threads that infer in parallel rarely meet.
const N_SHARDS: usize = 64;

/// What a look-up answered: globs make the same question expensive each time.
#[derive(Debug)]
pub(crate) struct ResolveMemo {
    shards: [Mutex<Answers>; N_SHARDS],
}

impl Default for ResolveMemo {
    fn default() -> ResolveMemo {
        ResolveMemo { shards: std::array::from_fn(|_| Mutex::default()) }
    }
}

type Answers = HashMap<(ModuleId, Namespace, Name), Option<Def>>;

impl ResolveMemo {
    fn answer(
        &self,
        module: ModuleId,
        namespace: Namespace,
        name: &Name,
        ask: impl FnOnce() -> Option<Def>,
    ) -> Option<Def> {
        let shard = &self.shards[module.0 as usize % N_SHARDS];
        let key = (module, namespace, name.clone());
        let known = shard.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
        known.unwrap_or_else(|| {
            let answer = ask();
            shard.lock().unwrap_or_else(PoisonError::into_inner).insert(key, answer.clone());
            answer
        })
    }
}

/// Which namespace a name is looked up in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Namespace {
    Types,
    Values,
}

impl Namespace {
    fn accepts(self, def: &Def) -> bool {
        match self {
            Namespace::Types => def.is_type_like(),
            Namespace::Values => def.is_value_like(),
        }
    }
}

/// A definition, and how many segments of the path it took to reach it.
pub(crate) struct Resolved {
    pub(crate) def: Def,
    pub(crate) n_used: usize,
}

impl Index {
    /// Resolves as many segments as name modules and definitions; `Type::method` stops at `Type`.
    pub(crate) fn resolve(&self, module: ModuleId, segments: &[Name], namespace: Namespace) -> Option<Resolved> {
        self.resolve_at(module, segments, namespace, 0)
    }

    /// What a written path means: one that starts with `::` starts with a crate's name.
    pub(crate) fn resolve_path(&self, module: ModuleId, path: &PathRef, namespace: Namespace) -> Option<Resolved> {
        let names = segment_names(path);
        if path.absolute && !names.is_empty() && self.crate_of(module).edition != Edition::E2015 {
            return self.resolve_extern(module, &names, namespace, 0);
        }
        self.resolve(module, &names, namespace)
    }

    fn resolve_at(&self, module: ModuleId, segments: &[Name], namespace: Namespace, depth: u32) -> Option<Resolved> {
        if depth > MAX_DEPTH {
            return None;
        }
        let first = segments.first()?;
        let here = if segments.len() == 1 { namespace } else { Namespace::Types };
        match first.as_str() {
            "crate" | "$crate" => self.walk(Def::Module(self.crate_of(module).root), segments, 1, namespace, depth),
            "self" => self.walk(Def::Module(self.named_module(module)), segments, 1, namespace, depth),
            "super" => self.resolve_super(module, segments, namespace, depth),
            _ => {
                let ask = || self.lookup(module, first, here, depth);
                // Only questions from outside are kept: within a chain the depth decides too.
                let def = match &self.memo {
                    Some(memo) if depth == 0 => memo.answer(module, here, first, ask),
                    _ => ask(),
                };
                if let Some(def) = def {
                    return self.walk(def, segments, 1, namespace, depth);
                }
                self.resolve_extern(module, segments, namespace, depth)
            }
        }
    }

    fn resolve_super(&self, module: ModuleId, segments: &[Name], namespace: Namespace, depth: u32) -> Option<Resolved> {
        let mut at = self.named_module(module);
        let n_supers = segments.iter().take_while(|segment| *segment == "super").count();
        for _ in 0..n_supers {
            at = self.named_module(self.module(at).parent?);
        }
        self.walk(Def::Module(at), segments, n_supers, namespace, depth)
    }

    /// Follows the rest of a path from a definition.
    fn walk(&self, start: Def, segments: &[Name], n_used: usize, namespace: Namespace, depth: u32) -> Option<Resolved> {
        let mut def = start;
        for (position, segment) in segments.iter().enumerate().skip(n_used) {
            let here = if position + 1 == segments.len() { namespace } else { Namespace::Types };
            def = match &def {
                Def::Module(module) => self.lookup_in(*module, segment, here, depth + 1)?,
                Def::Type(ty) => match self.variant(*ty, segment) {
                    Some(variant) => variant,
                    None => return Some(Resolved { def, n_used: position }),
                },
                Def::Outside(path) => Def::Outside(format!("{path}::{segment}").into()),
                _ => return Some(Resolved { def, n_used: position }),
            };
        }
        Some(Resolved { def, n_used: segments.len() })
    }

    fn variant(&self, ty: TypeId, name: &Name) -> Option<Def> {
        let Shape::Enum(def) = &self.type_data(ty).shape else { return None };
        let found = def.variants.iter().position(|variant| variant.name == *name)?;
        Some(Def::Variant(ty, u32::try_from(found).ok()?))
    }

    /// A path that starts with a crate name. Curated models come first; what no crate defines is `Outside`.
    fn resolve_extern(
        &self,
        module: ModuleId,
        segments: &[Name],
        namespace: Namespace,
        depth: u32,
    ) -> Option<Resolved> {
        let krate = self.crate_of(module);
        let first = &segments[0];
        if krate.is_model
            && krate.name == *first
            && let Some(own) = self.walk(Def::Module(krate.root), segments, 1, namespace, depth + 1)
        {
            return Some(own);
        }
        let meant = krate.externs.get(first).unwrap_or(first);
        let mut known = krate.externs.contains_key(first) || matches!(first.as_str(), "std" | "core" | "alloc");
        for found in self.crates_named(meant) {
            known = true;
            let from_root = self.walk(Def::Module(found.root), segments, 1, namespace, depth + 1);
            if from_root.is_some() {
                return from_root;
            }
        }
        if segments.len() == 1 && !known {
            return None;
        }
        let mut path = meant.to_string();
        for segment in &segments[1..] {
            path.push_str("::");
            path.push_str(segment);
        }
        Some(Resolved { def: Def::Outside(path.into()), n_used: segments.len() })
    }

    /// The nearest module that is not a block scope.
    fn named_module(&self, module: ModuleId) -> ModuleId {
        let data = self.module(module);
        match data.parent {
            Some(parent) if data.is_block => self.named_module(parent),
            _ => module,
        }
    }

    /// A name as seen from within a module: block scopes outwards, then the module, then the prelude.
    fn lookup(&self, module: ModuleId, name: &Name, namespace: Namespace, depth: u32) -> Option<Def> {
        let mut at = module;
        loop {
            if let Some(def) = self.lookup_in(at, name, namespace, depth + 1) {
                return Some(def);
            }
            let data = self.module(at);
            match data.parent {
                Some(parent) if data.is_block => at = parent,
                _ => break,
            }
        }
        let krate = self.crate_of(module);
        if krate.externs.contains_key(name) && namespace == Namespace::Types {
            return None;
        }
        if krate.edition == Edition::E2015
            && let Some(def) = self.lookup_in(krate.root, name, namespace, depth + 1)
        {
            return Some(def);
        }
        let prelude = self.prelude()?;
        self.lookup_in(prelude, name, namespace, depth + 1)
    }

    fn prelude(&self) -> Option<ModuleId> {
        self.crates_named("std").find_map(|std| {
            match self.module(std.root).names.get(&self.well_known.names.prelude)?.first()? {
                Def::Module(module) => Some(*module),
                _ => None,
            }
        })
    }

    /// A name of a module itself: its items, its imports, its globs.
    fn lookup_in(&self, module: ModuleId, name: &Name, namespace: Namespace, depth: u32) -> Option<Def> {
        if depth > MAX_DEPTH {
            return None;
        }
        let data = self.module(module);
        if let Some(def) = data.names.get(name).and_then(|defs| defs.iter().find(|def| namespace.accepts(def))) {
            return Some(def.clone());
        }
        for leaf in data.uses.get(name).into_iter().flatten() {
            if let Some(def) = self.import(module, leaf, namespace, depth + 1) {
                return Some(def);
            }
        }
        data.globs.iter().find_map(|leaf| self.through_glob(module, leaf, name, namespace, depth + 1))
    }

    fn import(&self, module: ModuleId, leaf: &UseLeaf, namespace: Namespace, depth: u32) -> Option<Def> {
        let resolved = self.resolve_use(module, leaf, namespace, depth)?;
        (resolved.n_used == leaf.path.len() && namespace.accepts(&resolved.def)).then_some(resolved.def)
    }

    /// A `use` path: from the module (or the crate root in edition 2015), never through the import itself.
    fn resolve_use(&self, module: ModuleId, leaf: &UseLeaf, namespace: Namespace, depth: u32) -> Option<Resolved> {
        if depth > MAX_DEPTH {
            return None;
        }
        let first = leaf.path.first()?;
        let names_itself = !leaf.glob && leaf.alias == *first;
        let krate = self.crate_of(module);
        if leaf.absolute && krate.edition != Edition::E2015 {
            return self.resolve_extern(module, &leaf.path, namespace, depth);
        }
        if names_itself && !matches!(first.as_str(), "crate" | "self" | "super") {
            let own = self
                .module(module)
                .names
                .get(first)
                .and_then(|defs| defs.iter().find(|def| matches!(def, Def::Module(_)) && leaf.path.len() > 1));
            if let Some(def) = own {
                return self.walk(def.clone(), &leaf.path, 1, namespace, depth);
            }
            if self.crates_named(first).next().is_some() || krate.externs.contains_key(first) {
                return self.resolve_extern(module, &leaf.path, namespace, depth);
            }
        }
        let is_relative = matches!(first.as_str(), "self" | "super");
        let at = if krate.edition == Edition::E2015 && !is_relative { krate.root } else { module };
        self.resolve_at(at, &leaf.path, namespace, depth)
    }

    fn through_glob(
        &self,
        module: ModuleId,
        leaf: &UseLeaf,
        name: &Name,
        namespace: Namespace,
        depth: u32,
    ) -> Option<Def> {
        if leaf.path.is_empty() {
            return None;
        }
        // A glob of a `super` or sibling that globs back would loop; the depth ends it.
        let resolved = self.resolve_use(module, leaf, Namespace::Types, depth + 3)?;
        if resolved.n_used != leaf.path.len() {
            return None;
        }
        match resolved.def {
            Def::Module(target) if target != module => self.lookup_in(target, name, namespace, depth + 3),
            Def::Type(ty) => self.variant(ty, name),
            _ => None,
        }
    }

    /// The struct or enum that a path names, through aliases of plain types.
    pub(crate) fn type_of_path(&self, module: ModuleId, path: &PathRef, depth: u32) -> Option<TypeId> {
        if depth > MAX_DEPTH {
            return None;
        }
        let names = segment_names(path);
        let resolved = self.resolve_path(module, path, Namespace::Types)?;
        if resolved.n_used != names.len() {
            return None;
        }
        match resolved.def {
            Def::Type(ty) => Some(ty),
            Def::Alias(alias) => {
                let data = &self.aliases[alias as usize];
                match &data.def.ty {
                    crate::ir::TypeRef::Path(target) => self.type_of_path(data.module, target, depth + 1),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// The trait that a path names.
    pub(crate) fn trait_of(&self, module: ModuleId, path: &PathRef) -> Option<TraitId> {
        let names = segment_names(path);
        let resolved = self.resolve_path(module, path, Namespace::Types)?;
        match resolved.def {
            Def::Trait(of_trait) if resolved.n_used == names.len() => Some(of_trait),
            _ => None,
        }
    }
}
