//! A library that has a curated model, analysed as the workspace itself: its own definitions get what the model says of
//! the same paths, so that code within it sees the locks that code outside it sees. Their bodies are analysed all the same.

use super::{Def, Index, ModuleId};
use crate::ir::Name;
use crate::models::{FnModel, TypeModel};
use crate::resolve::Namespace;
use crate::types::{FnId, TraitId, TypeId};

/// Definitions of the workspace, with what a model says of each.
#[derive(Default)]
struct Described {
    types: Vec<(TypeId, TypeModel)>,
    fns: Vec<(FnId, FnModel)>,
}

impl Index {
    /// Notes that a crate of the workspace is a library that has a model. Those that come with the compiler are no
    /// packages: another crate of such a name is another crate.
    pub(super) fn note_own_library(&mut self, krate: u32, name: &str) {
        let model = self.crates_named(name).find(|data| data.is_model && data.name != "std");
        if let Some(model) = model.map(|data| data.root) {
            self.own_libraries.push((krate, model));
        }
    }

    /// Gives the workspace's own definitions what the models of the same libraries say of them.
    pub(super) fn describe_own_libraries(&mut self) {
        for (krate, model) in std::mem::take(&mut self.own_libraries) {
            let root = self.crates[krate as usize].root;
            let found = self.own_definitions(root, model);
            for (own, described) in found.types {
                self.types[own.0 as usize].model = described;
            }
            for (own, described) in found.fns {
                self.fns[own.0 as usize].model = described;
            }
        }
    }

    /// The types and functions below `root` that a model describes, with what it says of each.
    fn own_definitions(&self, root: ModuleId, model: ModuleId) -> Described {
        let mut found = Described::default();
        for (path, namespace) in self.paths_below(model) {
            let Some(described) = self.whole(model, &path, namespace) else { continue };
            let Some(own) = self.whole(root, &path, namespace) else { continue };
            match (own, described) {
                (Def::Type(own), Def::Type(described)) if self.is_declared_below(root, self.type_data(own).module) => {
                    found.types.push((own, self.type_data(described).model));
                    self.own_methods(own, described, &mut found.fns);
                }
                (Def::Fn(own), Def::Fn(described)) if self.is_declared_below(root, self.fn_data(own).module) => {
                    found.fns.push((own, self.fn_data(described).model));
                }
                _ => {}
            }
        }
        found
    }

    /// The methods of one type that the model of another describes, as its own or as those of the same trait.
    fn own_methods(&self, own: TypeId, described: TypeId, fns: &mut Vec<(FnId, FnModel)>) {
        for data in self.impls_of_type(own) {
            let is_same = |of_trait: Option<TraitId>| of_trait.is_none() || of_trait == data.of_trait;
            for model in self.impls_of_type(described).filter(|model| is_same(model.of_trait)) {
                let described = model.fns.iter().filter_map(|(name, function)| Some((*data.fns.get(name)?, *function)));
                fns.extend(described.map(|(own, function)| (own, self.fn_data(function).model)));
            }
        }
        fns.sort_unstable_by_key(|(own, _)| own.0);
    }

    /// Every path from the root of a model to something that it declares or re-exports.
    fn paths_below(&self, root: ModuleId) -> Vec<(Vec<Name>, Namespace)> {
        let mut paths = Vec::new();
        let mut open = vec![(root, Vec::from([Name::from("crate")]))];
        while let Some((at, path)) = open.pop() {
            let data = self.module(at);
            let mut names: Vec<Name> = data.names.keys().chain(data.uses.keys()).copied().collect();
            names.sort_unstable();
            names.dedup();
            for name in names {
                let below: Vec<Name> = path.iter().copied().chain([name]).collect();
                for def in data.names.get(&name).into_iter().flatten() {
                    if let Def::Module(inner) = def {
                        open.push((*inner, below.clone()));
                    }
                }
                paths.extend([(below.clone(), Namespace::Types), (below, Namespace::Values)]);
            }
        }
        paths
    }

    /// What a path names, where it names something with all its segments.
    fn whole(&self, module: ModuleId, path: &[Name], namespace: Namespace) -> Option<Def> {
        let found = self.resolve(module, path, namespace)?;
        (found.n_used == path.len()).then_some(found.def)
    }

    fn is_declared_below(&self, root: ModuleId, module: ModuleId) -> bool {
        self.module(root).krate == self.module(module).krate
    }
}
