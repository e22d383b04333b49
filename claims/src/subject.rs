//! From the names of a manifest to functions and lock classes of a workspace, or the reason why not.

use interlock_source::{Function, LockClass, Workspace};

use crate::Symbol;
use crate::nearest::{did_you_mean, nearest_paths};

/// The functions that a symbol names; their number must be the one that the manifest states.
pub(crate) fn functions<'w>(workspace: &'w Workspace, symbol: &Symbol) -> Result<Vec<&'w Function>, String> {
    let found = workspace.find_functions(&symbol.pattern);
    if found.is_empty() {
        return Err(no_function(workspace, &symbol.pattern));
    }
    if found.len() != symbol.matches {
        let paths: Vec<&str> = found.iter().take(5).map(|function| function.path.as_str()).collect();
        return Err(format!(
            "`{}` must match {}, it matches {}: `{}`{}",
            symbol.pattern,
            counted(symbol.matches, "function"),
            found.len(),
            paths.join("`, `"),
            if found.len() > paths.len() { ", ..." } else { "" },
        ));
    }
    match unread_part(workspace, &found) {
        Some(why) => Err(why),
        None => Ok(found),
    }
}

/// Why a symbol names no function.
pub(crate) fn no_function(workspace: &Workspace, pattern: &str) -> String {
    let near = nearest_paths(pattern, workspace.functions().iter().map(|function| function.path.as_str()));
    format!("no function is called `{pattern}`{}", did_you_mean(&near))
}

/// A function that was read in part only cannot show that something is absent.
fn unread_part(workspace: &Workspace, functions: &[&Function]) -> Option<String> {
    functions.iter().find_map(|function| {
        let file = workspace.file(function.span.file);
        let gap = file.outline.gaps.iter().find(|gap| function.span.range.contains(gap.range))?;
        Some(format!("a part of `{}` was not read: {}", function.path, gap.reason))
    })
}

/// The lock class that a name stands for; it must be acquired somewhere.
pub(crate) fn lock(workspace: &Workspace, name: &str) -> Result<LockClass, String> {
    let mut found = workspace.find_locks(name);
    match found.len() {
        1 => Ok(found.remove(0)),
        0 => {
            let classes: Vec<String> = workspace.lock_classes().iter().map(ToString::to_string).collect();
            let near = nearest_paths(name, classes.iter().map(String::as_str));
            Err(format!("nothing in the workspace acquires `{name}`, so the check cannot fail{}", did_you_mean(&near)))
        }
        n => {
            let names: Vec<String> = found.iter().take(5).map(ToString::to_string).collect();
            Err(format!("`{name}` names {n} lock classes: `{}`", names.join("`, `")))
        }
    }
}

/// `1 function`, `2 functions`.
pub(crate) fn counted(n: usize, noun: &str) -> String {
    let plural = if n == 1 { "" } else { "s" };
    format!("{n} {noun}{plural}")
}
