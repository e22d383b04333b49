//! Walks the items of a crate and enters them into the index.

use std::sync::Arc;

use rustc_hash::FxHashMap as HashMap;

use super::{AliasData, Def, Index, ModuleId, Owner, Shape, StaticData, TraitData, TypeData, position};
use crate::ir::{Item, ItemKind, Name, TraitDef, UseLeaf};
use crate::models::TypeModel;
use crate::sources::{CrateSource, Sources};
use crate::types::{TraitId, TypeId};

/// Walks the items of a crate and enters them into the index.
pub(super) struct Collector<'a, 'b> {
    pub(super) index: &'a mut Index,
    pub(super) krate: u32,
    pub(super) files: Option<(&'b Sources, &'b CrateSource)>,
}

impl Collector<'_, '_> {
    pub(super) fn items(&mut self, module: ModuleId, items: &[Item]) {
        for item in items {
            if self.index.is_on(self.krate, item) {
                self.item(module, item);
            }
        }
    }

    fn item(&mut self, module: ModuleId, item: &Item) {
        match &item.kind {
            ItemKind::Module { items, .. } => self.module(module, item, items.as_deref()),
            ItemKind::Use(leaves) => self.uses(module, leaves),
            ItemKind::ExternCrate(name) => {
                let krate = &mut self.index.crates[self.krate as usize];
                let meant = krate.externs.get(name).cloned().unwrap_or_else(|| name.clone());
                krate.externs.insert(item.name.clone(), meant);
            }
            ItemKind::Struct(def) => self.add_type(module, item, Shape::Struct(Arc::clone(def))),
            ItemKind::Enum(def) => self.add_type(module, item, Shape::Enum(Arc::clone(def))),
            ItemKind::Alias(def) => {
                let id = position(self.index.aliases.len());
                self.index.aliases.push(AliasData { module, def: Arc::clone(def) });
                self.define(module, &item.name, Def::Alias(id));
            }
            ItemKind::Static(def) => {
                let id = position(self.index.statics.len());
                let path = self.static_path(module, &item.name);
                self.index.statics.push(StaticData { path, module, def: Arc::clone(def) });
                self.define(module, &item.name, Def::Static(id));
            }
            ItemKind::Trait(def) => self.add_trait(module, item, def),
            ItemKind::Impl(def) => {
                self.index.pending_impls.push((module, Arc::clone(def), false));
            }
            ItemKind::Fn(def) => {
                let path = self.path(module, &item.name);
                let id = self.index.add_fn(module, Owner::Module, path, item, def, false);
                self.define(module, &item.name, Def::Fn(id));
            }
            ItemKind::BlockScope { id, items } => self.block_scope(module, *id, items),
        }
    }

    fn path(&self, module: ModuleId, name: &str) -> Name {
        format!("{}::{name}", self.index.module(module).path).into()
    }

    /// Statics of one name in several functions of a module are several: from the second on they are numbered.
    fn static_path(&mut self, module: ModuleId, name: &str) -> Name {
        let path = self.path(module, name);
        let n_so_far = self.index.n_statics.entry(path).or_default();
        *n_so_far += 1;
        if *n_so_far > 1 && self.index.modules[module.0 as usize].is_block {
            return format!("{path}#{n_so_far}").into();
        }
        path
    }

    fn define(&mut self, module: ModuleId, name: &Name, def: Def) {
        self.index.modules[module.0 as usize].names.entry(name.clone()).or_default().push(def);
    }

    fn add_type(&mut self, module: ModuleId, item: &Item, shape: Shape) {
        let id = TypeId(position(self.index.types.len()));
        let path = self.path(module, &item.name);
        let model = if self.index.crates[self.krate as usize].is_model {
            TypeModel::of(&item.attrs)
        } else {
            TypeModel::default()
        };
        self.index.types.push(TypeData { path, module, shape, model });
        self.define(module, &item.name, Def::Type(id));
    }

    fn add_trait(&mut self, module: ModuleId, item: &Item, def: &Arc<TraitDef>) {
        let id = TraitId(position(self.index.traits.len()));
        let path = self.path(module, &item.name);
        let mut fns = HashMap::default();
        for member in &def.items {
            if let ItemKind::Fn(function) = &member.kind
                && self.index.is_on(self.krate, member)
            {
                let fn_path = format!("{path}::{}", member.name);
                let fn_id = self.index.add_fn(module, Owner::Trait(id), fn_path.into(), member, function, false);
                fns.insert(member.name.clone(), fn_id);
            }
        }
        self.index.traits.push(TraitData { path, module, def: Arc::clone(def), supers: Vec::new(), fns });
        self.define(module, &item.name, Def::Trait(id));
    }

    fn uses(&mut self, module: ModuleId, leaves: &[UseLeaf]) {
        let data = &mut self.index.modules[module.0 as usize];
        for leaf in leaves {
            if leaf.glob {
                data.globs.push(leaf.clone());
            } else {
                data.uses.entry(leaf.alias.clone()).or_default().push(leaf.clone());
            }
        }
    }

    fn block_scope(&mut self, module: ModuleId, id: u32, items: &[Item]) {
        let (path, file, is_test) = {
            let data = self.index.module(module);
            (data.path.clone(), data.file, data.is_test)
        };
        let scope = self.index.new_module(self.krate, Some(module), path, file, true, is_test);
        self.index.block_scopes.insert((module, id), scope);
        self.items(scope, items);
    }

    fn module(&mut self, parent: ModuleId, item: &Item, inline: Option<&[Item]>) {
        let path = self.path(parent, &item.name);
        let parent_file = self.index.module(parent).file;
        let is_test = self.index.module(parent).is_test || is_test_only(item);
        if let Some(items) = inline {
            let id = self.index.new_module(self.krate, Some(parent), path, parent_file, false, is_test);
            self.define(parent, &item.name, Def::Module(id));
            self.items(id, items);
            return;
        }
        let Some((sources, source)) = self.files else { return };
        let Some(file) = source.module_files.get(&(parent_file, item.range)) else { return };
        let declared = sources.file(*file);
        let krate = &self.index.crates[self.krate as usize];
        if declared.outline.cfg.as_ref().is_some_and(|predicate| !krate.cfg.matches(predicate)) {
            self.index.n_cfg_skipped += 1;
            return;
        }
        let id = self.index.new_module(self.krate, Some(parent), path, *file, false, is_test);
        self.define(parent, &item.name, Def::Module(id));
        self.items(id, &declared.items());
    }
}

/// Whether the item's predicate asks for `test`.
fn is_test_only(item: &Item) -> bool {
    matches!(&item.cfg, Some(crate::cfg::CfgExpr::Flag(flag)) if flag == "test")
}
