//! Which dependencies of an overlaid crate are replaced, and by what.

use cargo_metadata::Dependency;
use toml::{Table, Value};

use super::library::SHIMS;

/// A dependency that stands in for another, under the other's name.
struct Swap {
    /// What it stands in for, and for which versions of it.
    name: &'static str,
    majors: &'static [(u64, u64)],
    /// The package that does, and where it is.
    package: &'static str,
    from: From,
    /// The features that it knows.
    features: &'static [&'static str],
}

/// Where a package is from.
enum From {
    /// The registry; with its feature `shuttle`.
    Registry(&'static str),
    /// The folder of our own.
    Shim(&'static str),
}

/// Majors with their minors below 1.0: semver calls versions alike that share the first number that is not 0.
const SWAPS: [Swap; 6] = [
    Swap {
        name: "tokio",
        majors: &[(1, 0)],
        package: "shuttle-tokio",
        from: From::Shim("tokio"),
        features: &[
            "bytes",
            "fs",
            "full",
            "io-std",
            "io-uring",
            "io-util",
            "libc",
            "macros",
            "mio",
            "net",
            "parking_lot",
            "process",
            "rt",
            "rt-multi-thread",
            "signal",
            "signal-hook-registry",
            "sync",
            "taskdump",
            "test-util",
            "time",
            "tokio-macros",
            "tracing",
            "windows-sys",
        ],
    },
    Swap {
        name: "tokio-stream",
        majors: &[(0, 1)],
        package: "shuttle-tokio-stream",
        from: From::Registry("0.1"),
        features: &["fs", "full", "io-util", "net", "signal", "sync", "time"],
    },
    Swap {
        name: "tokio-util",
        majors: &[(0, 7)],
        package: "shuttle-tokio-util",
        from: From::Registry("0.7"),
        features: &["codec", "compat", "full", "io", "io-util", "net", "rt", "time"],
    },
    Swap {
        name: "parking_lot",
        majors: &[(0, 13), (0, 12), (0, 11), (0, 10)],
        package: "interlock-overlay-parking-lot",
        from: From::Shim("parking_lot"),
        features: &["arc_lock", "owning_ref", "send_guard", "serde"],
    },
    Swap {
        name: "dashmap",
        majors: &[(6, 0), (5, 0), (4, 0)],
        package: "shuttle-dashmap",
        from: From::Registry("6"),
        features: &["arbitrary", "inline", "raw-api", "rayon", "serde", "typesize"],
    },
    Swap {
        name: "rand",
        majors: &[(0, 8)],
        package: "shuttle-rand",
        from: From::Registry("0.8"),
        features: &["alloc", "getrandom", "log", "min_const_gen", "serde1", "small_rng", "std", "std_rng"],
    },
];

/// The names that may be replaced.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    SWAPS.iter().map(|swap| swap.name)
}

/// Whether this dependency is replaced, in the version that it asks for.
pub(super) fn is_swapped(dependency: &Dependency) -> bool {
    of(dependency).is_some()
}

fn of(dependency: &Dependency) -> Option<&'static Swap> {
    let swap = SWAPS.iter().find(|swap| swap.name == dependency.name && dependency.path.is_none())?;
    let asked = dependency.req.comparators.first()?;
    let is_known = |(major, minor): &(u64, u64)| {
        asked.major == *major && (*major > 0 || asked.minor.is_none_or(|asked| asked == *minor))
    };
    swap.majors.iter().any(is_known).then_some(swap)
}

/// What a manifest says of the dependency that stands in for this one, and the features that it does not have.
pub(super) fn stand_in(dependency: &Dependency) -> Option<(Table, Vec<String>)> {
    let swap = of(dependency)?;
    let (known, unknown): (Vec<String>, Vec<String>) =
        dependency.features.iter().cloned().partition(|feature| swap.features.contains(&feature.as_str()));
    let mut table = Table::from_iter([("package".to_owned(), Value::from(swap.package))]);
    let mut features = known;
    match swap.from {
        From::Registry(version) => {
            table.insert("version".to_owned(), version.into());
            features.push("shuttle".to_owned());
        }
        From::Shim(folder) => {
            table.insert("path".to_owned(), format!("../../{SHIMS}/{folder}").into());
        }
    }
    table.insert("features".to_owned(), Value::from(features));
    Some((table, unknown))
}

/// Whether a feature of a crate, such as `tokio/rt`, is one that a stand-in has.
pub(super) fn has_feature(dependency: &Dependency, feature: &str) -> bool {
    of(dependency).is_none_or(|swap| feature == "default" || swap.features.contains(&feature))
}
