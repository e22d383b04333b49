//! Models that the user wrote, in place of curated ones and of source.

use super::{Def, Index, MODEL_FILES, ModuleData, position};
use crate::ir::Name;
use crate::lower::parse_file;
use crate::models::MODELS;
use crate::sources::Sources;
use crate::span::FileId;

impl Index {
    /// Adds the user's models: their impls come before those of curated models, so that their methods are found first.
    pub(super) fn add_user_models(&mut self, sources: &Sources) {
        let curated = std::mem::take(&mut self.pending_impls);
        for (at, model) in sources.models.iter().enumerate() {
            let ir = parse_file(&model.text);
            let file = FileId(MODEL_FILES + u32::try_from(MODELS.len() + at).unwrap_or(0));
            self.user_crates.push(position(self.crates.len()));
            self.add_model(&model.krate, file, &ir, sources);
        }
        self.pending_impls.extend(curated);
    }

    /// Lets paths find the user's models before curated ones, and in place of the source that they describe.
    pub(super) fn put_user_models_first(&mut self) {
        for krate in std::mem::take(&mut self.user_crates) {
            let name = self.crates[krate as usize].name;
            let known = self.crates_by_name.entry(name).or_default();
            known.retain(|id| *id != krate);
            known.insert(0, krate);
            for at in 0..self.modules.len() {
                if self.modules[at].krate == krate {
                    self.replace_source(at);
                }
            }
        }
    }

    /// Puts what a module of a user's model declares into the modules of the workspace with the same path.
    fn replace_source(&mut self, model: usize) {
        let path = self.modules[model].path;
        let declared: Vec<(Name, Vec<Def>)> = self.modules[model].sorted_names();
        for at in 0..self.modules.len() {
            let data = &self.modules[at];
            if data.path != path || data.is_block || self.crates[data.krate as usize].is_model {
                continue;
            }
            for (name, defs) in &declared {
                let own = self.modules[at].names.entry(*name).or_default();
                for def in defs.iter().filter(|def| !matches!(def, Def::Module(_))) {
                    own.retain(|known| known.is_type_like() != def.is_type_like());
                    own.push(def.clone());
                }
            }
        }
    }
}

impl ModuleData {
    /// What it declares, in order of the names.
    fn sorted_names(&self) -> Vec<(Name, Vec<Def>)> {
        let mut names: Vec<_> = self.names.iter().map(|(name, defs)| (*name, defs.clone())).collect();
        names.sort_by_key(|(name, _)| *name);
        names
    }
}
