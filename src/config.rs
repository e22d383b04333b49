//! `interlock.toml`, or `[workspace.metadata.interlock]`: levels and the threshold.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context;
use interlock_lints::{Config, Level, find};
use serde::Deserialize;

use crate::exit_code::UsageError;

/// What the user configured.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) lints: Config,
    pub(crate) fail_on: Level,
}

#[derive(Debug, Default, Deserialize)]
struct Written {
    #[serde(default)]
    lints: BTreeMap<String, String>,
    #[serde(rename = "fail-on")]
    fail_on: Option<String>,
}

const KEYS: [&str; 2] = ["lints", "fail-on"];

/// Reads the configuration of a workspace. An unknown key or lint is an error with a suggestion.
pub(crate) fn load(root: &Path) -> anyhow::Result<Settings> {
    let own = root.join("interlock.toml");
    if own.is_file() {
        let text = std::fs::read_to_string(&own).with_context(|| format!("failed to read {}", own.display()))?;
        let table: toml::Table = text.parse().map_err(|error: toml::de::Error| bad(&own, &error.to_string()))?;
        return settings(table, &own);
    }
    let manifest = root.join("Cargo.toml");
    let text = std::fs::read_to_string(&manifest).unwrap_or_default();
    let table: toml::Table = text.parse().unwrap_or_default();
    let metadata = ["workspace", "package"]
        .iter()
        .find_map(|section| table.get(*section)?.get("metadata")?.get("interlock")?.as_table().cloned());
    settings(metadata.unwrap_or_default(), &manifest)
}

fn settings(table: toml::Table, file: &Path) -> anyhow::Result<Settings> {
    for key in table.keys() {
        if !KEYS.contains(&key.as_str()) {
            return Err(bad(file, &format!("unknown key `{key}`{}", suggestion(key, &KEYS))).into());
        }
    }
    let written: Written = table.try_into().map_err(|error: toml::de::Error| bad(file, &error.to_string()))?;
    let mut levels = BTreeMap::new();
    for (id, level) in written.lints {
        let lint = find(&id).map_err(|unknown| bad(file, &unknown.to_string()))?;
        levels.insert(lint.id.to_owned(), parse_level(&level).map_err(|error| bad(file, &error.0))?);
    }
    let fail_on = match written.fail_on {
        Some(level) => parse_level(&level).map_err(|error| bad(file, &error.0))?,
        None => Level::Deny,
    };
    Ok(Settings { lints: Config { levels }, fail_on })
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
        let table = text.parse().expect("the test writes TOML");
        settings(table, Path::new("interlock.toml")).map_err(|error| error.to_string())
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
}
