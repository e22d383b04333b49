//! Which features are on: the requested and default ones, what they turn on, and what members ask of each other.

use super::{LoadError, LoadOptions, PackageDraft};

/// Turns features on until nothing changes, over all members at once as a build of the workspace would.
pub(super) fn turn_on(packages: &mut [PackageDraft], options: &LoadOptions) -> Result<(), LoadError> {
    for request in requests(options) {
        turn_on_request(packages, request)?;
    }
    for package in packages.iter_mut() {
        if options.all_features {
            package.features_on = package.features.keys().cloned().collect();
        } else if !options.no_default_features {
            turn_on_in(package, "default");
        }
    }
    // Ends: every round but the last turns at least one feature on, and their number is finite.
    while spread(packages, options) {}
    Ok(())
}

fn requests(options: &LoadOptions) -> impl Iterator<Item = &str> {
    options.features.iter().flat_map(|list| list.split([',', ' '])).filter(|request| !request.is_empty())
}

fn turn_on_request(packages: &mut [PackageDraft], request: &str) -> Result<(), LoadError> {
    let (only, feature) = match request.split_once('/') {
        Some((package, feature)) => (Some(package), feature),
        None => (None, request),
    };
    let mut known = false;
    for package in packages.iter_mut().filter(|package| only.is_none_or(|only| only == package.name)) {
        known |= package.features.contains_key(feature);
        turn_on_in(package, feature);
    }
    if known { Ok(()) } else { Err(LoadError::UnknownFeature(request.to_owned())) }
}

/// Turns a feature of a package on, and what it names within the package. Whether anything changed.
fn turn_on_in(package: &mut PackageDraft, feature: &str) -> bool {
    let Some(parts) = package.features.get(feature).cloned() else { return false };
    if !package.features_on.insert(feature.to_owned()) {
        return false;
    }
    for part in parts {
        match part.split_once('/') {
            // `dep?/x` waits for the dependency; `dep/x` turns an optional dependency on.
            Some((dependency, _)) if !dependency.ends_with('?') => {
                turn_on_in(package, dependency);
            }
            Some(_) => {}
            None => {
                turn_on_in(package, &part);
            }
        }
    }
    true
}

/// Passes on what members ask of the members they depend on. Whether anything changed.
fn spread(packages: &mut [PackageDraft], options: &LoadOptions) -> bool {
    let asked: Vec<(String, String)> = packages.iter().flat_map(|package| asks(package, options)).collect();
    let mut changed = false;
    for (name, feature) in asked {
        for package in packages.iter_mut().filter(|package| package.name == name) {
            changed |= turn_on_in(package, &feature);
        }
    }
    changed
}

/// The features of other packages that a package turns on.
fn asks(package: &PackageDraft, options: &LoadOptions) -> Vec<(String, String)> {
    let mut asked = Vec::new();
    for dependency in &package.dependencies {
        let used = options.all_targets || !dependency.is_dev;
        if !used || dependency.optional && !is_active(package, dependency.key()) {
            continue;
        }
        let written = dependency.features.iter().cloned();
        let default = dependency.default_features.then(|| "default".to_owned());
        let features = written.chain(default).chain(asked_by_features(package, dependency.key()));
        asked.extend(features.map(|feature| (dependency.package.clone(), feature)));
    }
    asked
}

/// `dep/x` and `dep?/x` among the parts of the features that are on.
fn asked_by_features<'a>(package: &'a PackageDraft, key: &'a str) -> impl Iterator<Item = String> + 'a {
    parts_on(package)
        .filter_map(|part| part.split_once('/'))
        .filter(move |(dependency, _)| dependency.trim_end_matches('?') == key)
        .map(|(_, feature)| feature.to_owned())
}

/// Whether an optional dependency is turned on by a feature.
fn is_active(package: &PackageDraft, key: &str) -> bool {
    package.features_on.contains(key)
        || parts_on(package).any(|part| {
            part.strip_prefix("dep:") == Some(key)
                || part.split_once('/').is_some_and(|(dependency, _)| dependency == key)
        })
}

fn parts_on(package: &PackageDraft) -> impl Iterator<Item = &str> {
    package.features_on.iter().filter_map(|feature| package.features.get(feature)).flatten().map(String::as_str)
}
