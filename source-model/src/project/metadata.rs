//! A workspace through `cargo metadata --no-deps`: the only process that the analysis starts.

use std::path::Path;

use cargo_metadata::{CargoOpt, DependencyKind, Metadata, MetadataCommand, TargetKind as MetadataKind};

use super::{DependencyDraft, Draft, Edition, LoadOptions, PackageDraft, Target, TargetKind, crate_name};

/// Asks cargo; the error says why it could not answer.
pub(super) fn read(manifest: &Path, options: &LoadOptions) -> Result<Draft, String> {
    let metadata = command(manifest, options).exec().map_err(|error| reason(&error))?;
    let members = metadata.workspace_packages();
    let packages = members.into_iter().map(package).collect();
    let target_directory = Some(metadata.target_directory.clone().into_std_path_buf());
    Ok(Draft { root: root(&metadata), target_directory, packages, notes: Vec::new() })
}

fn command(manifest: &Path, options: &LoadOptions) -> MetadataCommand {
    let mut command = MetadataCommand::new();
    // Outside the target: neither its toolchain file nor its cargo configuration is obeyed.
    command.manifest_path(manifest).current_dir(std::env::temp_dir()).no_deps();
    if options.all_features {
        command.features(CargoOpt::AllFeatures);
    }
    let flags = [(options.locked, "--locked"), (options.offline, "--offline")];
    command.other_options(flags.iter().filter(|flag| flag.0).map(|flag| flag.1.to_owned()).collect::<Vec<_>>());
    command
}

fn reason(error: &cargo_metadata::Error) -> String {
    match error {
        cargo_metadata::Error::CargoMetadata { stderr } => stderr.trim().to_owned(),
        other => other.to_string(),
    }
}

fn root(metadata: &Metadata) -> std::path::PathBuf {
    let root = metadata.workspace_root.as_std_path();
    std::fs::canonicalize(root).unwrap_or_else(|_| root.to_owned())
}

fn package(package: &cargo_metadata::Package) -> PackageDraft {
    let is_build = |target: &cargo_metadata::Target| target.kind.contains(&MetadataKind::CustomBuild);
    PackageDraft {
        name: package.name.to_string(),
        manifest: package.manifest_path.clone().into_std_path_buf(),
        dependencies: package.dependencies.iter().filter_map(dependency).collect(),
        features: package.features.iter().map(|(name, parts)| (name.clone(), parts.clone())).collect(),
        targets: package.targets.iter().filter_map(target).collect(),
        n_build_scripts: package.targets.iter().filter(|target| is_build(target)).count(),
        ..PackageDraft::default()
    }
}

fn dependency(dependency: &cargo_metadata::Dependency) -> Option<DependencyDraft> {
    (dependency.kind != DependencyKind::Build).then(|| DependencyDraft {
        package: dependency.name.clone(),
        rename: dependency.rename.clone(),
        is_dev: dependency.kind == DependencyKind::Development,
        optional: dependency.optional,
        default_features: dependency.uses_default_features,
        features: dependency.features.clone(),
    })
}

fn target(target: &cargo_metadata::Target) -> Option<(Target, Vec<String>)> {
    let kind = match target.kind.first()? {
        MetadataKind::CustomBuild => return None,
        MetadataKind::ProcMacro => TargetKind::ProcMacro,
        MetadataKind::Bin => TargetKind::Bin,
        MetadataKind::Test => TargetKind::Test,
        MetadataKind::Bench => TargetKind::Bench,
        MetadataKind::Example => TargetKind::Example,
        _ => TargetKind::Lib,
    };
    let lowered = Target {
        crate_name: crate_name(&target.name),
        kind,
        root: target.src_path.clone().into_std_path_buf(),
        edition: Edition::parse(&target.edition.to_string()),
    };
    Some((lowered, target.required_features.clone()))
}
