//! The library that overlaid crates run with: our own packages, unpacked into the overlay's workspace.

use std::path::Path;

use toml::{Table, Value};

use super::OverlayError;

/// The folder of the packages, in the overlay's.
const FOLDER: &str = "library";
/// The folder of the stand-ins, in the overlay's.
pub(super) const SHIMS: &str = "library/loom-models/overlay";
/// The packages that the overlay's workspace has of ours.
const MEMBERS: [&str; 6] = [
    "sync",
    "loom-models",
    "loom-models/overlay/parking_lot",
    "loom-models/overlay/std",
    "loom-models/overlay/test",
    "loom-models/overlay/tokio",
];

/// The sources of the library, as the command carries them: paths from our workspace's folder, with what is in them.
#[derive(Clone, Debug, Default)]
pub struct OverlayLibrary {
    /// The files of the packages `sync` and `loom-models`.
    pub files: Vec<(String, Vec<u8>)>,
    /// Our workspace's manifest.
    pub manifest: String,
}

impl OverlayLibrary {
    /// Writes the packages into the overlay's folder.
    pub(super) fn unpack(&self, overlay: &Path) -> Result<(), OverlayError> {
        for (path, bytes) in &self.files {
            let target = overlay.join(FOLDER).join(path);
            match path.ends_with("Cargo.toml") {
                true => super::write(&target, without_tests(path, bytes)?.as_bytes())?,
                false => super::write(&target, bytes)?,
            }
        }
        Ok(())
    }

    /// The manifest of the overlay's workspace: our members and its own, what our packages inherit, and patches.
    pub(super) fn workspace(&self, members: &[String], patches: Table) -> Result<String, OverlayError> {
        let ours: Table = self.manifest.parse().map_err(|error| unreadable("Cargo.toml", &error))?;
        let mut workspace = ours.get("workspace").and_then(Value::as_table).cloned().unwrap_or_default();
        let own = MEMBERS.iter().map(|member| format!("{FOLDER}/{member}"));
        workspace.insert("members".to_owned(), Value::from(own.chain(members.iter().cloned()).collect::<Vec<_>>()));
        workspace.remove("default-members");
        workspace.remove("exclude");
        if let Some(dependencies) = workspace.get_mut("dependencies").and_then(Value::as_table_mut) {
            for (_, dependency) in dependencies.iter_mut() {
                let path = dependency.get("path").and_then(Value::as_str).map(|path| format!("{FOLDER}/{path}"));
                if let (Some(path), Some(dependency)) = (path, dependency.as_table_mut()) {
                    dependency.insert("path".to_owned(), path.into());
                }
            }
        }
        let parts = [("workspace".to_owned(), Value::Table(workspace)), ("patch".to_owned(), Value::Table(patches))];
        Ok(Table::from_iter(parts).to_string())
    }
}

/// The manifest of a package without its tests, which depend on packages that are not here.
fn without_tests(path: &str, manifest: &[u8]) -> Result<String, OverlayError> {
    let text = String::from_utf8_lossy(manifest);
    let mut manifest: Table = text.parse().map_err(|error| unreadable(path, &error))?;
    manifest.remove("dev-dependencies");
    manifest.remove("test");
    if let Some(package) = manifest.get_mut("package").and_then(Value::as_table_mut) {
        package.insert("autotests".to_owned(), false.into());
    }
    Ok(manifest.to_string())
}

fn unreadable(path: &str, error: &toml::de::Error) -> OverlayError {
    OverlayError::Library(format!("{path}: {error}"))
}
