//! Whether a call runs the callee that a manifest names, as far as its path or its written name says.

use interlock_source::{Point, PointKind};

/// How well a call fits a callee.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fit {
    /// It is the callee.
    Yes,
    /// The name is the callee's; whose method it is, is not known.
    Maybe,
    /// It is another.
    No,
}

/// What runs at a point, by name.
#[derive(Clone, Debug)]
pub(crate) struct Callee {
    written: String,
    path: Option<String>,
}

impl Callee {
    /// What runs at the point: a call, an acquisition, or the start of a task.
    pub(crate) fn at(point: &Point) -> Option<Callee> {
        let known = |path: String| Callee { written: path.clone(), path: Some(path) };
        match &point.kind {
            PointKind::Call(call) => {
                Some(Callee { written: call.name.to_string(), path: call.path.as_ref().map(ToString::to_string) })
            }
            PointKind::Acquire(acquisition) => {
                Some(known(format!("{}::{}", acquisition.lock_type, acquisition.operation)))
            }
            PointKind::Spawn(spawn) => Some(known(spawn.function.to_string())),
            PointKind::Await { .. }
            | PointKind::GuardDiscarded(_)
            | PointKind::FutureDropped { .. }
            | PointKind::HandleDropped { .. } => None,
        }
    }

    /// The name for people: the path where it is known.
    pub(crate) fn name(&self) -> String {
        segments(self.path.as_deref().unwrap_or(&self.written)).join("::")
    }

    /// Whether it is the callee whose path ends in `suffix`.
    pub(crate) fn fit(&self, suffix: &str) -> Fit {
        let wanted = segments(suffix);
        if self.path.as_deref().is_some_and(|path| segments(path).ends_with(&wanted)) {
            return Fit::Yes;
        }
        let written = segments(&self.written);
        if written.ends_with(&wanted) {
            return Fit::Yes;
        }
        let is_same_name = written.last() == wanted.last();
        if is_same_name && self.path.is_none() { Fit::Maybe } else { Fit::No }
    }
}

/// The segments of a path or method call as written, without type arguments; `<Type>::method` is `Type::method`.
fn segments(path: &str) -> Vec<&str> {
    let named = path.split("::").flat_map(|segment| segment.split('.'));
    let named = named.map(|segment| {
        let segment = segment.trim_start_matches('<');
        segment.split(['<', '>']).next().unwrap_or(segment).trim()
    });
    named.filter(|segment| !segment.is_empty() && *segment != "crate").collect()
}

/// The last segment of a callee as written.
pub(crate) fn bare_name(written: &str) -> &str {
    segments(written).last().copied().unwrap_or(written)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fit(written: &str, path: Option<&str>, suffix: &str) -> Fit {
        Callee { written: written.to_owned(), path: path.map(str::to_owned) }.fit(suffix)
    }

    #[test]
    fn a_known_path_decides() {
        let path = Some("tokio::sync::mpsc::UnboundedSender::send");
        assert_eq!(fit("send", path, "UnboundedSender::send"), Fit::Yes);
        assert_eq!(fit("send", path, "Sender::send"), Fit::No);
        assert_eq!(fit("send", path, "send"), Fit::Yes);
    }

    #[test]
    fn a_written_name_decides_as_far_as_it_goes() {
        assert_eq!(fit("apply_conf_change", None, "apply_conf_change"), Fit::Yes);
        assert_eq!(fit("send", None, "UnboundedSender::send"), Fit::Maybe);
        assert_eq!(fit("recv", None, "UnboundedSender::send"), Fit::No);
        assert_eq!(fit("Sender<u8>::send", None, "Sender::send"), Fit::Yes);
    }

    #[test]
    fn a_type_in_angle_brackets_is_a_segment() {
        assert_eq!(fit("send", Some("tokio::sync::mpsc::<UnboundedSender>::send"), "UnboundedSender::send"), Fit::Yes);
    }

    #[test]
    fn whole_segments_are_compared() {
        assert_eq!(fit("try_send", Some("a::Sender::try_send"), "send"), Fit::No);
    }
}
