//! Sources with an edit: another text for one file, in memory.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use super::{Sources, file_id, in_pool, mount};
use crate::lower::encode_file;
use crate::span::FileId;

impl Sources {
    /// These sources with another text for one file. Modules that only the new text names are not loaded.
    #[must_use]
    pub fn with_text(&self, file: FileId, text: String) -> Sources {
        let mut edited = Sources { cache: Arc::default(), ..self.clone() };
        edited.read_again(file, text);
        let ids: HashMap<&Path, FileId> = self
            .files
            .iter()
            .enumerate()
            .map(|(position, file)| (file.absolute.as_path(), file_id(position)))
            .collect();
        let outline = edited.files[file.0 as usize].outline.clone();
        for source in &mut edited.crates {
            source.module_files.retain(|(declared_in, _), _| *declared_in != file);
            let Some(place) = source.places.get(&file) else { continue };
            for link in mount::links(&outline, place, &source.cfg).links {
                let found =
                    link.candidates.iter().find_map(|path| ids.get(std::fs::canonicalize(path).ok()?.as_path()));
                if let Some(id) = found {
                    source.module_files.insert((file, link.range), *id);
                }
            }
        }
        edited
    }

    /// Reads the file, and those whose calls may mean its macros.
    fn read_again(&mut self, file: FileId, text: String) {
        let path = self.file(file).absolute.clone();
        let before = Arc::clone(&self.macros);
        let macros = before.with_text(&path, &text);
        let has_macros = before.has_any_of(&path) || macros.has_any_of(&path);
        self.files[file.0 as usize].text = OnceLock::from(Arc::from(text));
        for read in self.files.iter_mut().filter(|read| has_macros || read.absolute == path) {
            let reachable = macros.of_file(&read.absolute, read.text());
            let earlier = || before.of_file(&read.absolute, read.text());
            if read.absolute != path && reachable.digest_input() == earlier().digest_input() {
                continue;
            }
            read.facts = in_pool(|| encode_file(read.text(), reachable));
            read.outline = read.facts.outline().unwrap_or_default();
            read.is_kept = false;
        }
        self.macros = Arc::new(macros);
    }
}
