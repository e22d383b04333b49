//! What the overlay's workspace puts in the place of packages: what the user's does, and packages of the registry in
//! their overlaid form.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use toml::{Table, Value};

/// The section `patch` of the user's workspace, with its paths as they are seen from the overlay's, and each package of
/// the registry that is overlaid, by its folder.
pub(super) fn patches(
    workspace: &Path,
    folders: &BTreeMap<PathBuf, String>,
    overlaid: &BTreeMap<String, String>,
) -> Table {
    let manifest = std::fs::read_to_string(workspace.join("Cargo.toml")).unwrap_or_default();
    let manifest: Table = manifest.parse().unwrap_or_default();
    let mut patches = manifest.get("patch").and_then(Value::as_table).cloned().unwrap_or_default();
    for (_, source) in patches.iter_mut() {
        for (_, patch) in source.as_table_mut().into_iter().flat_map(Table::iter_mut) {
            if let Some(path) = patch.get("path").and_then(Value::as_str).map(|path| workspace.join(path)) {
                move_to(patch, &path, folders);
            }
        }
    }
    let registry = patches.entry("crates-io".to_owned()).or_insert_with(|| Value::Table(Table::new()));
    if let Some(registry) = registry.as_table_mut() {
        registry.extend(overlaid.iter().map(|(folder, name)| own(folder, name)));
    }
    patches
}

/// The patch of a package of the registry: under any key that no other has.
fn own(folder: &str, name: &str) -> (String, Value) {
    let said = [("package", name.to_owned()), ("path", format!("crates/{folder}"))];
    let said = said.into_iter().map(|(key, value)| (key.to_owned(), Value::from(value))).collect();
    (folder.replace(|char: char| !char.is_ascii_alphanumeric(), "-"), Value::Table(said))
}

/// Gives a patch the folder where its package is: the overlaid one, if there is one.
fn move_to(patch: &mut Value, path: &Path, folders: &BTreeMap<PathBuf, String>) {
    let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let overlaid = folders.get(&path).map(|folder| format!("crates/{folder}"));
    let path = overlaid.unwrap_or_else(|| path.display().to_string());
    if let Some(patch) = patch.as_table_mut() {
        patch.insert("path".to_owned(), path.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_patch_by_path_is_seen_from_the_overlay() {
        let folders = BTreeMap::from([(PathBuf::from("/nowhere/own"), "own-1.0.0".to_owned())]);
        let moved = |path: &str| {
            let mut patch = Value::Table(Table::from_iter([("path".to_owned(), Value::from("seen from the user"))]));
            move_to(&mut patch, Path::new(path), &folders);
            patch["path"].as_str().unwrap_or_default().to_owned()
        };
        assert_eq!(moved("/nowhere/own"), "crates/own-1.0.0");
        assert_eq!(moved("/nowhere/else"), "/nowhere/else");
    }

    #[test]
    fn a_workspace_without_patches_has_those_of_the_overlay() {
        let overlaid = BTreeMap::from([("parking-2.2.1".to_owned(), "parking".to_owned())]);
        let patches = patches(Path::new("/nowhere"), &BTreeMap::new(), &overlaid);
        assert_eq!(patches["crates-io"]["parking-2-2-1"]["path"].as_str(), Some("crates/parking-2.2.1"));
    }
}
