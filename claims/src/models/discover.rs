//! Which models the test binaries hold: what they list.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use super::build::{BuildError, BuildOptions, TestBinary, build};
use super::child::{self, Ending, Life, Limits};
use super::suite::{ModelKind, ModelWorkspace, Suite};

/// How the path of a test ends that speaks the protocol.
const MODEL_SUFFIX: &str = "::interlock_model";
/// Names the folders of the source under test to the library of an overlay.
const SOURCES_VARIABLE: &str = "INTERLOCK_OVERLAY_SOURCES";
/// Says to it that not all of them is the checker's.
const PARTLY_REAL_VARIABLE: &str = "INTERLOCK_OVERLAY_PARTLY_REAL";
/// A list is printed at once, or the binary does not know the option and does something else.
const LIST_LIMITS: Limits = Limits {
    time: Duration::from_secs(60),
    silence: Duration::from_secs(60),
    memory_bytes: 1 << 32,
    kept_bytes: 16 << 20,
};

/// Where a model is.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct ModelId {
    /// The package.
    pub package: String,
    /// How it was built: features and cfgs.
    pub suite: String,
    /// The test binary.
    pub binary: String,
    /// Its path in the binary, without `::interlock_model`.
    pub path: String,
}

impl std::fmt::Display for ModelId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let ModelId { package, suite, binary, path } = self;
        write!(f, "{package}/{binary}[{suite}]::{path}")
    }
}

/// A model that can be run.
#[derive(Clone, Debug)]
pub struct FoundModel {
    /// Where it is.
    pub id: ModelId,
    /// What it is called: as much of its place as tells it from the others.
    pub name: String,
    /// What kind of test it is.
    pub kind: ModelKind,
    pub(crate) executable: PathBuf,
    pub(crate) folder: PathBuf,
    pub(crate) package_version: String,
    /// The folders of the source under test, of an overlaid crate.
    pub(crate) sources: Vec<PathBuf>,
    /// Whether not all of that is the checker's.
    pub(crate) is_partly_real: bool,
}

impl FoundModel {
    /// The command that runs it alone, as `cargo test` would.
    pub(crate) fn command(&self) -> Command {
        let path = match self.kind {
            ModelKind::Interlock => format!("{}{MODEL_SUFFIX}", self.id.path),
            ModelKind::OwnTest | ModelKind::Overlaid => self.id.path.clone(),
        };
        let mut command = Command::new(&self.executable);
        command.args(["--exact", &path, "--nocapture", "--test-threads=1"]).current_dir(&self.folder);
        command.env("CARGO_MANIFEST_DIR", &self.folder).env("CARGO_PKG_NAME", &self.id.package);
        command.env("CARGO_PKG_VERSION", &self.package_version);
        if let Some(sources) = std::env::join_paths(&self.sources).ok().filter(|sources| !sources.is_empty()) {
            command.env(SOURCES_VARIABLE, sources);
        }
        if self.is_partly_real {
            command.env(PARTLY_REAL_VARIABLE, "1");
        }
        command
    }
}

/// What the test binaries hold.
#[derive(Clone, Debug, Default)]
pub struct Discovery {
    /// The models, in order of their places.
    pub models: Vec<FoundModel>,
    /// Binaries of which models were promised and that hold none, with the reason.
    pub empty: Vec<EmptyBinary>,
    /// Number of test binaries that were looked into.
    pub n_binaries: usize,
}

/// A test binary that should hold a model, and holds none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EmptyBinary {
    /// The package.
    pub package: String,
    /// How it was built.
    pub suite: String,
    /// The test binary.
    pub binary: String,
    /// What it listed instead.
    pub cause: String,
}

/// Builds the suites and lists their models.
///
/// # Errors
/// Where a suite cannot be built.
pub fn discover(workspace: &ModelWorkspace, suites: &[Suite], options: BuildOptions) -> Result<Discovery, BuildError> {
    let mut discovery = Discovery::default();
    for suite in suites {
        for binary in build(workspace, suite, options)? {
            look_into(&mut discovery, workspace, suite, &binary)?;
        }
    }
    discovery.models.sort_by(|a, b| a.id.cmp(&b.id));
    discovery.models.dedup_by(|a, b| a.id == b.id);
    name_models(&mut discovery.models);
    Ok(discovery)
}

fn look_into(
    discovery: &mut Discovery,
    workspace: &ModelWorkspace,
    suite: &Suite,
    binary: &TestBinary,
) -> Result<(), BuildError> {
    discovery.n_binaries += 1;
    let package = workspace.package(&suite.package)?;
    let own_folder =
        || package.manifest_path.parent().map(|folder| folder.as_std_path().to_owned()).unwrap_or_default();
    let folder = suite.overlaid.as_ref().map_or_else(own_folder, |from| from.folder.clone());
    let mut command = Command::new(&binary.executable);
    command.args(["--list", "--format", "terse"]).current_dir(&folder);
    let ended = child::run(&mut command, None, LIST_LIMITS, Life::Lines, &mut |_| ());
    let is_listed = matches!(ended.ending, Ending::Ended(status) if status.success());
    let text = if is_listed { ended.stdout_text() } else { String::new() };
    let paths = listed(&text, suite.kind);
    let n_tests = text.lines().filter(|line| line.ends_with(": test")).count();
    if paths.is_empty() && (suite.expects(&binary.name, n_tests) || !is_listed) {
        let cause = match (&ended.ending, n_tests) {
            (Ending::Ended(_), 0) if is_listed => "it lists no test".to_owned(),
            (Ending::Ended(_), n) if is_listed => format!("none of its {n} tests ends in `{MODEL_SUFFIX}`"),
            (Ending::Ended(status), _) => format!("it does not list its tests: {status}"),
            (ending, _) => format!("it does not list its tests: {ending:?}"),
        };
        let (package, suite, binary) = (suite.package.clone(), suite.label(), binary.name.clone());
        discovery.empty.push(EmptyBinary { package, suite, binary, cause });
    }
    discovery.models.extend(paths.into_iter().map(|path| FoundModel {
        id: ModelId { package: suite.package.clone(), suite: suite.label(), binary: binary.name.clone(), path },
        name: String::new(),
        kind: suite.kind,
        executable: binary.executable.clone(),
        folder: folder.clone(),
        package_version: package.version.to_string(),
        sources: suite.overlaid.as_ref().map(|from| from.sources.clone()).unwrap_or_default(),
        is_partly_real: suite.overlaid.as_ref().is_some_and(|from| from.is_partly_real),
    }));
    Ok(())
}

/// The models among the lines `path: test`.
fn listed(text: &str, kind: ModelKind) -> Vec<String> {
    let tests = text.lines().filter_map(|line| line.strip_suffix(": test"));
    let model = |path: &str| match kind {
        ModelKind::Interlock => path.strip_suffix(MODEL_SUFFIX).map(str::to_owned),
        ModelKind::OwnTest | ModelKind::Overlaid => Some(path.to_owned()),
    };
    tests.filter_map(model).collect()
}

/// Gives each model the shortest of its names that no other has.
fn name_models(models: &mut [FoundModel]) {
    let names: Vec<[String; 4]> = models.iter().map(possible_names).collect();
    for (at, model) in models.iter_mut().enumerate() {
        let is_unique = |name: &&String| {
            let others = names.iter().enumerate().filter(|(other, _)| *other != at);
            !others.into_iter().any(|(_, others)| others.contains(*name))
        };
        let last = &names[at][3];
        model.name = names[at].iter().find(is_unique).unwrap_or(last).clone();
    }
}

fn possible_names(model: &FoundModel) -> [String; 4] {
    let ModelId { package, binary, path, .. } = &model.id;
    let short = match model.kind {
        ModelKind::Interlock => path.rsplit("::").next().unwrap_or(path),
        ModelKind::OwnTest | ModelKind::Overlaid => path.as_str(),
    };
    [short.to_owned(), path.clone(), format!("{package}/{binary}::{path}"), model.id.to_string()]
}

/// The models that a name means: that of one, or else every one whose name or path contains it.
#[must_use]
pub fn matching<'a>(models: &'a [FoundModel], name: &str) -> Vec<&'a FoundModel> {
    let exact = |model: &&FoundModel| model.name == name || model.id.path == name || model.id.to_string() == name;
    let found: Vec<&FoundModel> = models.iter().filter(exact).collect();
    if found.is_empty() {
        return models.iter().filter(|model| model.id.path.contains(name) || model.name.contains(name)).collect();
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model(package: &str, binary: &str, path: &str) -> FoundModel {
        let text = |text: &str| text.to_owned();
        let id = ModelId { package: text(package), suite: String::new(), binary: text(binary), path: text(path) };
        let (name, kind) = (String::new(), ModelKind::Interlock);
        FoundModel {
            id,
            name,
            kind,
            executable: PathBuf::new(),
            folder: PathBuf::new(),
            package_version: String::new(),
            sources: Vec::new(),
            is_partly_real: false,
        }
    }

    #[test]
    fn models_are_told_from_other_tests() {
        let text = "a::hand_off::interlock_model: test\nother: test\nspeed: benchmark\n\n3 tests, 1 benchmark\n";
        assert_eq!(listed(text, ModelKind::Interlock), ["a::hand_off"]);
        assert_eq!(listed(text, ModelKind::OwnTest), ["a::hand_off::interlock_model", "other"]);
    }

    #[test]
    fn a_name_is_as_long_as_it_has_to_be() {
        let mut models = [
            model("p", "b", "slot::stop"),
            model("p", "b", "map::stop"),
            model("p", "c", "map::stop"),
            model("p", "c", "one::alone"),
        ];
        name_models(&mut models);
        let names = models.each_ref().map(|model| model.name.as_str());
        assert_eq!(names, ["slot::stop", "p/b::map::stop", "p/c::map::stop", "alone"]);
    }

    #[test]
    fn a_name_means_one_model_or_all_that_contain_it() {
        let mut models = [model("p", "b", "stop"), model("p", "b", "stop_late"), model("p", "b", "sweep")];
        name_models(&mut models);
        let names = |name| matching(&models, name).into_iter().map(|model| model.name.as_str()).collect::<Vec<_>>();
        assert_eq!(names("stop"), ["stop"]);
        assert_eq!(names("st"), ["stop", "stop_late"]);
        assert_eq!(names("none"), Vec::<&str>::new());
    }
}
