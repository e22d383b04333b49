//! A workspace of one file that was never on disk: for examples, tests and tools that hold text.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use super::{CrateSource, SourceFile, Sources, in_pool};
use crate::cache::Key;
use crate::cfg::CfgSet;
use crate::lower::encode_file;
use crate::macros::FileMacros;
use crate::project::{Dependency, Edition, Package, Project, TargetKind};
use crate::span::FileId;

impl Sources {
    /// A library crate `name` of one file, `src/lib.rs`, with the given text.
    #[must_use]
    pub fn of_text(name: &str, edition: Edition, text: &str) -> Sources {
        let root = PathBuf::from("/");
        let facts = in_pool(|| encode_file(text, FileMacros::of_text(text)));
        let file = SourceFile {
            path: "src/lib.rs".to_owned(),
            absolute: root.join("src/lib.rs"),
            text: OnceLock::from(Arc::from(text)),
            outline: facts.outline().unwrap_or_default(),
            facts,
            key: Key::default(),
            is_kept: false,
        };
        let source = CrateSource {
            name: name.into(),
            package: 0,
            kind: TargetKind::Lib,
            edition,
            cfg: CfgSet::host(),
            root: FileId(0),
            module_files: HashMap::new(),
            places: HashMap::new(),
        };
        Sources {
            project: Arc::new(project(name, root)),
            files: vec![file],
            crates: vec![source],
            unread: Vec::new(),
            n_unreached_files: 0,
            n_cfg_skipped_modules: 0,
            models: Arc::default(),
            cache: Arc::default(),
            macros: Arc::default(),
        }
    }
}

fn project(name: &str, root: PathBuf) -> Project {
    let modelled = crate::models::MODELS.iter().map(|(krate, _)| *krate);
    let package = Package {
        name: name.to_owned(),
        manifest: root.join("Cargo.toml"),
        dependencies: modelled
            .map(|krate| Dependency { extern_name: krate.into(), crate_name: krate.into() })
            .collect(),
        features: BTreeSet::new(),
        targets: Vec::new(),
    };
    Project {
        target_directory: root.join("target"),
        root,
        name: name.to_owned(),
        packages: vec![package],
        notes: Vec::new(),
        n_build_scripts: 0,
        locked: BTreeMap::new(),
    }
}
