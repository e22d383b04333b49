//! `interlock.toml`, or `[workspace.metadata.interlock]`: levels, the threshold, models of the user's own libraries, and
//! which tests `cargo interlock model` runs.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context;
use interlock_claims::models::{ModelKind, Suite};
use interlock_lints::{Config, Level, find};
use interlock_source::UserModel;
use serde::Deserialize;
use toml::Spanned;

use crate::exit_code::UsageError;

/// What the user configured.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) lints: Config,
    pub(crate) fail_on: Level,
    pub(crate) models: Vec<UserModel>,
    pub(crate) suites: Vec<Suite>,
}

#[derive(Debug, Default, Deserialize)]
struct Written {
    #[serde(default)]
    lints: BTreeMap<String, String>,
    #[serde(rename = "fail-on")]
    fail_on: Option<String>,
    #[serde(default)]
    model: Vec<WrittenModel>,
    #[serde(default, rename = "model-suite")]
    suites: Vec<WrittenSuite>,
}

/// `[[model-suite]]`: test targets that `cargo interlock model` builds and runs, and how.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct WrittenSuite {
    package: String,
    #[serde(default)]
    cfg: Vec<String>,
    #[serde(default)]
    features: Vec<String>,
    #[serde(default)]
    no_default_features: bool,
    #[serde(default)]
    test: Vec<String>,
    #[serde(default)]
    lib: bool,
    /// Whether every test is a model: by default where a cfg is given.
    own_tests: Option<bool>,
}

/// `[[model]]`: declarations of a crate, here or in files.
#[derive(Debug, Deserialize)]
struct WrittenModel {
    #[serde(rename = "crate")]
    krate: String,
    source: Option<Spanned<String>>,
    #[serde(default)]
    files: Vec<String>,
}

/// A manifest that may hold the configuration.
#[derive(Debug, Default, Deserialize)]
struct Manifest {
    workspace: Option<Section>,
    package: Option<Section>,
}

#[derive(Debug, Deserialize)]
struct Section {
    metadata: Option<Metadata>,
}

#[derive(Debug, Deserialize)]
struct Metadata {
    interlock: Option<Written>,
}

const KEYS: [&str; 4] = ["lints", "fail-on", "model", "model-suite"];
const SUITE_KEYS: [&str; 7] = ["package", "cfg", "features", "no-default-features", "test", "lib", "own-tests"];
const MODEL_KEYS: [&str; 3] = ["crate", "source", "files"];

/// Reads the configuration of a workspace. An unknown key, lint or attribute is an error with a suggestion.
pub(crate) fn load(root: &Path) -> anyhow::Result<Settings> {
    let own = root.join("interlock.toml");
    if own.is_file() {
        let text = std::fs::read_to_string(&own).with_context(|| format!("failed to read {}", own.display()))?;
        return settings(&text, &own);
    }
    let manifest = root.join("Cargo.toml");
    let text = std::fs::read_to_string(&manifest).unwrap_or_default();
    let table: toml::Table = text.parse().unwrap_or_default();
    let section = |name: &str| table.get(name)?.get("metadata")?.get("interlock")?.as_table();
    let Some(written) = section("workspace").or_else(|| section("package")) else {
        return of_written(Written::default(), "", &manifest);
    };
    check_keys(written, &manifest)?;
    let parsed: Manifest = toml::from_str(&text).map_err(|error| bad(&manifest, &error.to_string()))?;
    let interlock = |section: Option<Section>| section?.metadata?.interlock;
    let written = interlock(parsed.workspace).or_else(|| interlock(parsed.package));
    of_written(written.unwrap_or_default(), &text, &manifest)
}

/// The settings of an `interlock.toml`.
fn settings(text: &str, file: &Path) -> anyhow::Result<Settings> {
    let table: toml::Table = text.parse().map_err(|error: toml::de::Error| bad(file, &error.to_string()))?;
    check_keys(&table, file)?;
    let written: Written = toml::from_str(text).map_err(|error| bad(file, &error.to_string()))?;
    of_written(written, text, file)
}

fn check_keys(table: &toml::Table, file: &Path) -> Result<(), UsageError> {
    let unknown = |key: &str, known: &[&str]| bad(file, &format!("unknown key `{key}`{}", suggestion(key, known)));
    if let Some(key) = table.keys().find(|key| !KEYS.contains(&key.as_str())) {
        return Err(unknown(key, &KEYS));
    }
    for (list, known) in [("model", MODEL_KEYS.as_slice()), ("model-suite", SUITE_KEYS.as_slice())] {
        let tables = table.get(list).and_then(toml::Value::as_array).into_iter().flatten();
        let mut keys = tables.filter_map(toml::Value::as_table).flat_map(toml::Table::keys);
        if let Some(key) = keys.find(|key| !known.contains(&key.as_str())) {
            return Err(unknown(key, known));
        }
    }
    Ok(())
}

fn of_written(written: Written, text: &str, file: &Path) -> anyhow::Result<Settings> {
    let mut levels = BTreeMap::new();
    for (id, level) in written.lints {
        let lint = find(&id).map_err(|unknown| bad(file, &unknown.to_string()))?;
        levels.insert(lint.id.to_owned(), parse_level(&level).map_err(|error| bad(file, &error.0))?);
    }
    let fail_on = match written.fail_on {
        Some(level) => parse_level(&level).map_err(|error| bad(file, &error.0))?,
        None => Level::Deny,
    };
    let mut models = Vec::new();
    for model in &written.model {
        models.extend(read_model(model, text, file)?);
    }
    for model in &models {
        check_model(model)?;
    }
    let suites = written.suites.into_iter().map(suite).collect();
    Ok(Settings { lints: Config { levels }, fail_on, models, suites })
}

fn suite(written: WrittenSuite) -> Suite {
    let WrittenSuite { package, cfg, features, no_default_features, test, lib, own_tests } = written;
    let takes_every_test = own_tests.unwrap_or(!cfg.is_empty());
    let kind = if takes_every_test { ModelKind::OwnTest } else { ModelKind::Interlock };
    Suite { package, features, no_default_features, cfgs: cfg, tests: test, lib, kind, ..Suite::default() }
}

/// A model's text, or texts, with the files and lines that messages name.
fn read_model(model: &WrittenModel, text: &str, file: &Path) -> anyhow::Result<Vec<UserModel>> {
    let krate = model.krate.replace('-', "_");
    let mut models = Vec::new();
    if let Some(source) = &model.source {
        let before = &text[..source.span().start];
        // A line break right after the opening quotes is not part of the text.
        let opened = text[source.span()].trim_start_matches(['"', '\'']).starts_with(['\n', '\r']);
        let line = u32::try_from(before.matches('\n').count()).unwrap_or(0) + 1 + u32::from(opened);
        let text = source.get_ref().clone();
        models.push(UserModel { krate: krate.as_str().into(), file: file.display().to_string(), line, text });
    }
    for name in &model.files {
        let path = file.parent().unwrap_or(Path::new("")).join(name);
        let text = std::fs::read_to_string(&path).map_err(|error| {
            bad(file, &format!("the model of `{krate}` names `{name}`, which cannot be read: {error}"))
        })?;
        models.push(UserModel { krate: krate.as_str().into(), file: path.display().to_string(), line: 1, text });
    }
    if models.is_empty() {
        let hint = "give it `source = \"\"\"..\"\"\"` or `files = [..]`";
        return Err(bad(file, &format!("the model of `{krate}` has no declarations; {hint}")).into());
    }
    Ok(models)
}

fn check_model(model: &UserModel) -> Result<(), UsageError> {
    let Some(error) = model.errors().into_iter().next() else { return Ok(()) };
    let near = error.unknown.as_ref().map(|(word, known)| suggestion(word, known)).unwrap_or_default();
    let what = format!("{}:{}: model of `{}`: {}{near}", model.file, error.line, model.krate, error.problem);
    Err(UsageError(format!("{what} (docs/library-models.md lists the attributes)")))
}

fn bad(file: &Path, what: &str) -> UsageError {
    UsageError(format!("{}: {what}", file.display()))
}

/// A level by its name.
pub(crate) fn parse_level(text: &str) -> Result<Level, UsageError> {
    match text {
        "allow" => Ok(Level::Allow),
        "note" => Ok(Level::Note),
        "warn" => Ok(Level::Warn),
        "deny" => Ok(Level::Deny),
        _ => Err(UsageError(format!("`{text}` is no level: write allow, note, warn or deny"))),
    }
}

/// "; did you mean ..", when something known is near.
pub(crate) fn suggestion(word: &str, known: &[&str]) -> String {
    // Symbols are paths: what was typed may be the end of one.
    let score = |candidate: &str| {
        let n_segments = word.split("::").count();
        let tail: Vec<&str> = candidate.rsplit("::").take(n_segments).collect();
        let tail = tail.into_iter().rev().collect::<Vec<_>>().join("::");
        strsim::jaro_winkler(word, candidate).max(strsim::jaro_winkler(word, &tail))
    };
    let scored = known.iter().map(|candidate| (score(candidate), candidate));
    let best = scored.max_by(|a, b| a.0.total_cmp(&b.0)).filter(|(score, _)| *score > 0.75);
    best.map_or_else(String::new, |(_, candidate)| format!("; did you mean `{candidate}`?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Settings, String> {
        settings(text, Path::new("interlock.toml")).map_err(|error| error.to_string())
    }

    #[test]
    fn an_unknown_key_is_an_error_with_a_suggestion() {
        let error = read("[lint]\nreentrant-lock = 'warn'\n").unwrap_err();
        assert_eq!(error, "interlock.toml: unknown key `lint`; did you mean `lints`?");
    }

    #[test]
    fn an_unknown_lint_is_an_error_with_a_suggestion() {
        let error = read("[lints]\nreentrant-locks = 'warn'\n").unwrap_err();
        assert_eq!(error, "interlock.toml: no lint is called `reentrant-locks`; did you mean `reentrant-lock`?");
    }

    #[test]
    fn levels_and_threshold_are_read() {
        let settings = read("fail-on = 'warn'\n[lints]\nreentrant-lock = 'allow'\n").unwrap();
        assert_eq!(settings.fail_on, Level::Warn);
        assert_eq!(settings.lints.levels["reentrant-lock"], Level::Allow);
        assert!(read("fail-on = 'loud'\n").unwrap_err().contains("is no level"));
    }

    #[test]
    fn an_error_in_a_model_names_its_line_and_what_to_write() {
        let model =
            |source: &str| format!("fail-on = 'deny'\n[[model]]\ncrate = 'store'\nsource = \"\"\"\n{source}\n\"\"\"\n");
        let error = read(&model(
            "#[lock(mutex)] pub struct Cell<T>;\nimpl<T> Cell<T> {\n    #[aquire(exclusive)] pub fn take(&self) {}\n}",
        ));
        let expected = "interlock.toml:7: model of `store`: unknown attribute `aquire`; did you mean `acquire`? \
                        (docs/library-models.md lists the attributes)";
        assert_eq!(error.unwrap_err(), expected);
        let error = read(&model("#[lock(mutx)] pub struct Cell<T>;")).unwrap_err();
        assert!(
            error.starts_with("interlock.toml:5: model of `store`: `#[lock]` has no `mutx`; did you mean `mutex`?"),
            "{error}"
        );
        let error = read(&model("pub struct Cell<T>;\npub fnn make() {}")).unwrap_err();
        assert!(error.starts_with("interlock.toml:6: model of `store`: not read as Rust declarations"), "{error}");
    }

    #[test]
    fn a_suite_with_a_cfg_takes_every_test() {
        let text = "[[model-suite]]\npackage = 'queue'\ncfg = ['queue_loom']\ntest = ['loom']\n";
        let suites = read(text).unwrap().suites;
        assert_eq!(
            (suites[0].cfgs.as_slice(), suites[0].kind),
            (["queue_loom".to_owned()].as_slice(), ModelKind::OwnTest)
        );
        let error = read("[[model-suite]]\npackage = 'queue'\ncfgs = ['loom']\n").unwrap_err();
        assert_eq!(error, "interlock.toml: unknown key `cfgs`; did you mean `cfg`?");
    }

    #[test]
    fn a_model_needs_declarations_and_known_keys() {
        let error = read("[[model]]\ncrate = 'store'\n").unwrap_err();
        assert!(error.contains("the model of `store` has no declarations; give it `source"), "{error}");
        let error = read("[[model]]\ncrate = 'store'\nfile = ['a.rs']\n").unwrap_err();
        assert_eq!(error, "interlock.toml: unknown key `file`; did you mean `files`?");
        let error = read("[[model]]\ncrate = 'store'\nfiles = ['not-there.rs']\n").unwrap_err();
        assert!(error.contains("names `not-there.rs`, which cannot be read"), "{error}");
    }
}
