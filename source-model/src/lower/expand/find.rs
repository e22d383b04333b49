//! Which definition a macro call means.

use std::sync::Arc;

use super::Expander;
use crate::ir::Name;
use crate::lower::types::name_of;
use crate::macros::{Definition, Reachable};
use crate::span::TextRange;

/// Macros of the standard library and of libraries whose arguments are read by their own shapes. A definition of
/// another file with such a name is not taken for what a call means.
const WELL_KNOWN: &[&str] = &[
    "assert",
    "assert_eq",
    "assert_ne",
    "bail",
    "cfg_if",
    "column",
    "concat",
    "dbg",
    "debug",
    "debug_assert",
    "debug_assert_eq",
    "debug_assert_ne",
    "ensure",
    "env",
    "eprint",
    "eprintln",
    "error",
    "file",
    "format",
    "format_args",
    "include",
    "include_bytes",
    "include_str",
    "info",
    "join",
    "json",
    "lazy_static",
    "line",
    "matches",
    "module_path",
    "option_env",
    "panic",
    "pin",
    "pin_project",
    "print",
    "println",
    "quote",
    "ready",
    "select",
    "select_biased",
    "smallvec",
    "stringify",
    "thread_local",
    "todo",
    "trace",
    "try_join",
    "unimplemented",
    "unreachable",
    "vec",
    "warn",
    "write",
    "writeln",
];

/// A definition, and how the calling file stands to it.
pub(super) struct Found {
    pub(super) definition: Arc<Definition>,
    /// What `$crate` means; `None` for the file's own crate.
    pub(super) krate: Option<Name>,
    /// Whether it stands in the calling file.
    pub(super) is_own: bool,
}

impl Expander {
    /// Whether any definition has the name of the call.
    pub(super) fn has_name_of(&self, call: &syn::Macro) -> bool {
        let Some(last) = call.path.segments.last() else { return false };
        let is_own = || self.macros.own.iter().any(|own| last.ident == own.name.as_str());
        self.has_macros() && (is_own() || self.macros.others.contains_key(&name_of(&last.ident)))
    }

    /// The definition that a call surely means. `site`: where the call, or what it came out of, stands in the file.
    pub(super) fn find(&self, call: &syn::Macro, site: TextRange) -> Option<Found> {
        let mut path: Vec<Name> = call.path.segments.iter().map(|segment| name_of(&segment.ident)).collect();
        let name = path.pop()?;
        match path.first() {
            None => self.find_plain(name, site),
            Some(first) if matches!(first.as_str(), "crate" | "self" | "super") => self.find_in(name, None),
            Some(first) if self.macros.library == Some(*first) => self.find_in(name, None),
            Some(first) => self.find_in(name, Some(*first)),
        }
    }

    fn find_plain(&self, name: Name, site: TextRange) -> Option<Found> {
        let in_scope: Vec<_> = self
            .macros
            .own
            .iter()
            .filter(|own| own.name == name && own.scope.start <= site.start && site.start <= own.scope.end)
            .collect();
        if let Some(last) = in_scope.last() {
            let is_sure = in_scope.len() == 1 || !in_scope.iter().any(|own| own.is_conditional);
            return is_sure.then(|| Found { definition: Arc::clone(last), krate: None, is_own: true });
        }
        if WELL_KNOWN.contains(&name.as_str()) {
            return None;
        }
        let within = self.within.as_ref().and_then(|within| within.krate);
        if let Some(import) = self.imports.iter().find(|import| !import.glob && import.alias == name) {
            // Under another name it is not followed.
            if import.path.last() != Some(&name) {
                return None;
            }
            return match import.path.first().copied() {
                Some(first) if matches!(first.as_str(), "crate" | "self" | "super") => self.find_in(name, None),
                first if self.macros.library.is_some() && first == self.macros.library => self.find_in(name, None),
                // A name of the workspace may lead on to another of its crates.
                Some(first) => self.find_in(name, Some(first)).or_else(|| self.find_behind(name, first)),
                None => None,
            };
        }
        let own = self.find_in(name, None);
        own.or_else(|| within.and_then(|krate| self.find_in(name, Some(krate)))).or_else(|| self.find_whole(name))
    }

    /// The only definition of that name that a crate has.
    fn find_in(&self, name: Name, krate: Option<Name>) -> Option<Found> {
        let own = self.macros.own.iter().filter(|own| krate.is_none() && own.name == name);
        let own = own.filter(|own| own.is_exported || own.is_reexported || own.is_free);
        let own = own.map(|definition| Found { definition: Arc::clone(definition), krate: None, is_own: true });
        let others = self.others(name).filter(|other| other.krate == krate).map(found);
        only(own.chain(others))
    }

    /// A definition that is imported by way of another crate of the workspace.
    fn find_behind(&self, name: Name, first: Name) -> Option<Found> {
        let is_workspace = self.macros.externs.contains(&first);
        only(self.others(name).filter(|other| is_workspace && other.krate.is_some()).map(found))
    }

    /// A definition of a crate that is imported as a whole.
    fn find_whole(&self, name: Name) -> Option<Found> {
        let is_glob =
            |krate: Name| self.imports.iter().any(|import| import.glob && import.path.first() == Some(&krate));
        only(self.others(name).filter(|other| other.is_used_whole || other.krate.is_some_and(is_glob)).map(found))
    }

    fn others(&self, name: Name) -> impl Iterator<Item = &Reachable> {
        self.macros.others.get(&name).into_iter().flatten()
    }
}

fn found(other: &Reachable) -> Found {
    Found { definition: Arc::clone(&other.definition), krate: other.krate, is_own: false }
}

/// The definition, if there is one, or several that say the same.
fn only(mut all: impl Iterator<Item = Found>) -> Option<Found> {
    let first = all.next()?;
    all.all(|other| other.definition.text == first.definition.text).then_some(first)
}
