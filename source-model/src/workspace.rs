//! A workspace, analysed: bodies with their points, and the questions that lints and claims ask of them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::built::{Built, BuiltBody, build};
use crate::coverage::{Cause, Coverage, ReceiverKind, Unparsed};
use crate::edit::{Edit, EditError, apply};
use crate::facts::{Body, Dispatch, Effect, Point, PointKind, Spawn};
use crate::flow::build::Tally;
use crate::index::{FnData, Index, position};
use crate::ir::Name;
use crate::locks::{BodyId, LockClass};
use crate::project::{LoadError, LoadOptions};
use crate::sources::{SourceFile, Sources, in_pool};
use crate::span::{FileId, Span, TextRange};
use crate::summaries::Summaries;
use crate::symbols::SymbolPattern;
use crate::tokens::normalised_tokens;

/// A function of the workspace, as a symbol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Function {
    /// `crate_name::module::Type::function`.
    pub path: Name,
    /// The whole item.
    pub span: Span,
    /// From brace to brace.
    pub body_range: Option<TextRange>,
    /// Its own body, its closures and async blocks.
    pub bodies: Vec<BodyId>,
    /// Whether it is test code.
    pub is_test: bool,
}

/// What a function runs, as far as it is known.
#[derive(Clone, Debug, Default)]
pub struct Reach {
    /// Every acquisition that running it performs, also through calls.
    pub effects: Vec<Effect>,
    /// Bodies that may run.
    pub bodies: Vec<BodyId>,
    /// Number of calls looked at.
    pub n_calls: usize,
    /// Some function on the way acquires more than is followed: an absence proves nothing.
    pub cut_off: bool,
    /// Calls whose target is not known: where, the callee's name, and the function that makes them.
    pub unknown_calls: Vec<(Span, Name, Name)>,
}

/// A workspace, analysed.
#[derive(Debug)]
pub struct Workspace {
    sources: Sources,
    bodies: Vec<Body>,
    starts: BTreeMap<u32, usize>,
    functions: Vec<Function>,
    summaries: Summaries,
    coverage: Coverage,
    /// Types with type parameters, by path.
    generic_types: BTreeSet<Name>,
    cache_notes: Vec<String>,
}

impl Workspace {
    /// Reads and analyses a workspace. Never compiles or runs it.
    ///
    /// # Errors
    /// When there is no readable manifest, or nothing in it.
    pub fn load(options: &LoadOptions) -> Result<Workspace, LoadError> {
        Ok(Workspace::analyse(Sources::load(options)?))
    }

    /// Analyses sources that are already read.
    #[must_use]
    pub fn analyse(sources: Sources) -> Workspace {
        in_pool(|| analyse(sources))
    }

    /// The package's name, or the directory's for a virtual workspace.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.sources.project.name
    }

    /// The workspace root.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.sources.project.root
    }

    /// The packages: name, and folder relative to the root (empty for the root itself).
    #[must_use]
    pub fn packages(&self) -> Vec<(String, String)> {
        let folder = |manifest: &Path| {
            let folder = manifest.parent().and_then(|folder| folder.strip_prefix(self.root()).ok());
            folder.map(|folder| folder.to_string_lossy().replace('\\', "/")).unwrap_or_default()
        };
        let packages = self.sources.project.packages.iter();
        packages.map(|package| (package.name.clone(), folder(&package.manifest))).collect()
    }

    /// A file by its id.
    #[must_use]
    pub fn file(&self, id: FileId) -> &SourceFile {
        self.sources.file(id)
    }

    /// All files, in order of their path.
    #[must_use]
    pub fn files(&self) -> &[SourceFile] {
        &self.sources.files
    }

    /// What was and was not seen.
    #[must_use]
    pub fn coverage(&self) -> &Coverage {
        &self.coverage
    }

    /// What the user should know about the cache. It never changes what is found.
    #[must_use]
    pub fn cache_notes(&self) -> &[String] {
        &self.cache_notes
    }

    /// All bodies, in order of their function and part.
    #[must_use]
    pub fn bodies(&self) -> &[Body] {
        &self.bodies
    }

    /// A body by its id.
    ///
    /// # Panics
    /// When the id is of another workspace.
    #[must_use]
    pub fn body(&self, id: BodyId) -> &Body {
        let start = self.starts.get(&id.function).expect("an id of this workspace");
        &self.bodies[start + id.part as usize]
    }

    /// All functions, sorted by path.
    #[must_use]
    pub fn functions(&self) -> &[Function] {
        &self.functions
    }

    /// The acquisitions that happen at a point: directly, or within its calls.
    #[must_use]
    pub fn effects(&self, body: &Body, point: &Point) -> Vec<Effect> {
        // The position of an element is how far it is from the first one.
        let distance = std::ptr::from_ref(point).addr().wrapping_sub(body.points.as_ptr().addr());
        let at = distance / size_of::<Point>();
        if !body.points.get(at).is_some_and(|known| std::ptr::eq(known, point)) {
            return Vec::new();
        }
        self.summaries.effects_at(body.id, position(at), point)
    }

    /// Every lock class that is acquired somewhere, sorted.
    #[must_use]
    pub fn lock_classes(&self) -> Vec<LockClass> {
        let mut classes = BTreeSet::new();
        for point in self.bodies.iter().flat_map(|body| &body.points) {
            if let PointKind::Acquire(acquisition) = &point.kind {
                classes.insert(acquisition.lock.class.clone());
            }
        }
        classes.into_iter().collect()
    }

    /// Whether the class is a field of a generic type: a wrapper whose one declaration stands for locks of any kind.
    #[must_use]
    pub fn is_wrapper(&self, class: &LockClass) -> bool {
        matches!(class, LockClass::Field { owner, .. } if self.generic_types.contains(owner))
    }

    /// Functions whose path fits a symbol pattern.
    #[must_use]
    pub fn find_functions(&self, pattern: &str) -> Vec<&Function> {
        let pattern = SymbolPattern::new(pattern);
        self.functions.iter().filter(|function| pattern.matches(&function.path)).collect()
    }

    /// Lock classes whose path fits a symbol pattern.
    #[must_use]
    pub fn find_locks(&self, pattern: &str) -> Vec<LockClass> {
        let pattern = SymbolPattern::new(pattern);
        self.lock_classes().into_iter().filter(|class| pattern.matches(&class.to_string())).collect()
    }

    /// What a function runs: its bodies, and through calls. Spawned tasks are other roots.
    #[must_use]
    pub fn reach(&self, function: &Function) -> Reach {
        let mut reach = Reach::default();
        let mut open: Vec<BodyId> = self.own_bodies(function);
        let mut seen: BTreeSet<BodyId> = open.iter().copied().collect();
        for body in &open {
            reach.effects.extend(self.summaries.effects_of(*body));
        }
        while let Some(id) = open.pop() {
            reach.bodies.push(id);
            reach.cut_off |= self.summaries.truncated.contains(&id);
            for point in &self.body(id).points {
                let PointKind::Call(call) = &point.kind else { continue };
                reach.n_calls += 1;
                if call.dispatch == Dispatch::Unknown {
                    reach.unknown_calls.push((point.span, call.name.clone(), self.body(id).item.clone()));
                }
                open.extend(call.targets.iter().filter(|target| self.has(**target) && seen.insert(**target)));
            }
        }
        reach.bodies.sort_unstable();
        reach.unknown_calls.sort();
        reach
    }

    /// The bodies of a function that run as part of it: not those it spawns.
    fn own_bodies(&self, function: &Function) -> Vec<BodyId> {
        let spawned: BTreeSet<BodyId> = function
            .bodies
            .iter()
            .flat_map(|id| &self.body(*id).points)
            .filter_map(|point| match &point.kind {
                PointKind::Spawn(spawn) => spawn.body,
                _ => None,
            })
            .collect();
        let is_spawned = |id: &BodyId| {
            let mut at = Some(*id);
            while let Some(body) = at {
                if spawned.contains(&body) {
                    return true;
                }
                at = self.body(body).parent;
            }
            false
        };
        function.bodies.iter().copied().filter(|id| !is_spawned(id)).collect()
    }

    fn has(&self, id: BodyId) -> bool {
        self.starts.contains_key(&id.function)
    }

    /// Whether some function of that bare name acquires the class: a call of it with an unknown target is a doubt.
    #[must_use]
    pub fn may_acquire_by_name(&self, callee: &str, class: &LockClass) -> bool {
        self.functions.iter().filter(|function| function.path.rsplit("::").next() == Some(callee)).any(|function| {
            let own = function.bodies.first();
            own.is_some_and(|body| {
                self.summaries.effects_of(*body).iter().any(|effect| effect.acquisition.lock.class == *class)
            })
        })
    }

    /// The workspace with functions edited in memory, and how many matches each edit had. Nothing is written.
    ///
    /// # Errors
    /// When a pattern is not found, or the edited file does not parse.
    pub fn with_edits(&self, edits: &[(&Function, Edit)]) -> Result<(Workspace, Vec<usize>), EditError> {
        let mut sources = self.sources.clone();
        let mut matches = Vec::new();
        let mut current: Option<Workspace> = None;
        for (function, edit) in edits {
            // An earlier edit may have moved the function: find it again.
            let located = match &current {
                Some(workspace) => workspace.functions.iter().find(|known| known.path == function.path).cloned(),
                None => Some((*function).clone()),
            };
            let Some(located) = located else { return Err(EditError::FunctionLost(function.path.to_string())) };
            let file = located.span.file;
            let text = sources.file(file).text();
            let (edited, n_matches) = apply(text, located.span.range, located.body_range, edit)?;
            matches.push(n_matches);
            sources = sources.with_text(file, edited);
            current = Some(Workspace::analyse(sources.clone()));
        }
        let workspace = current.unwrap_or_else(|| Workspace::analyse(sources));
        Ok((workspace, matches))
    }

    /// The normalised tokens of a span: what digests and fingerprints are taken of.
    #[must_use]
    pub fn digest_text(&self, span: Span) -> String {
        normalised_tokens(self.file(span.file).text(), span.range)
    }
}

fn analyse(sources: Sources) -> Workspace {
    let index = Index::build(&sources);
    let mut built = build(&index, &sources);
    let coverage = coverage(&sources, &index, &mut built);
    let functions = functions(&index, &built.bodies);
    let generic = index.types.iter().filter(|data| !data.generics().params.is_empty());
    let generic_types = generic.map(|data| data.path).collect();
    drop(index);
    let cache_notes = sources.keep(&built.entries);
    let raw = built.bodies;
    let mut summaries = Summaries::compute(&raw);
    let coverage = Coverage { n_effects_cut_off: summaries.truncated.len(), ..coverage };
    let mut starts = BTreeMap::new();
    let mut bodies = Vec::with_capacity(raw.len());
    for body in &raw {
        if body.id.part == 0 {
            starts.insert(body.id.function, bodies.len());
        }
        let points = summaries.take_points(body.id);
        bodies.push(public_body(body, points));
    }
    grade_spawns(&mut bodies, &raw, &starts);
    Workspace { sources, bodies, starts, functions, summaries, coverage, generic_types, cache_notes }
}

fn public_body(body: &BuiltBody, points: Vec<Point>) -> Body {
    Body {
        id: body.id,
        item: body.item.clone(),
        kind: body.kind,
        parent: body.parent,
        span: body.span,
        is_test: body.is_test,
        is_to_panic: body.is_to_panic,
        points,
    }
}

/// Tells each spawn whether its task loops: in its own body, or in a function that the body runs.
fn grade_spawns(bodies: &mut [Body], raw: &[BuiltBody], starts: &BTreeMap<u32, usize>) {
    let at = |id: BodyId| starts.get(&id.function).map(|start| start + id.part as usize);
    let callees: Vec<Vec<usize>> = bodies
        .iter()
        .map(|body| {
            let calls = body.points.iter().filter_map(|point| match &point.kind {
                PointKind::Call(call) if call.dispatch == Dispatch::Direct => Some(call.targets.iter()),
                _ => None,
            });
            calls.flatten().filter_map(|target| at(*target)).collect()
        })
        .collect();
    let grade = |spawn: &mut Spawn| {
        let Some(own) = spawn.body.and_then(at) else { return };
        let mut reached = vec![own];
        reached.extend(&callees[own]);
        spawn.loops = reached.iter().any(|body| raw[*body].has_loop);
        spawn.runs_forever = reached.iter().any(|body| raw[*body].runs_forever);
    };
    for point in bodies.iter_mut().flat_map(|body| &mut body.points) {
        match &mut point.kind {
            PointKind::Spawn(spawn) | PointKind::HandleDropped { spawn, .. } => grade(spawn),
            _ => {}
        }
    }
}

/// Where the body stands, if that is in the file of the function: a macro may take it from its caller's.
fn body_range(index: &Index, function: &FnData) -> Option<TextRange> {
    let file = index.module(function.module).file;
    let span = index.span(file, function.def.body.as_ref()?.range);
    (span.file == function.span.file).then_some(span.range)
}

fn functions(index: &Index, raw: &[BuiltBody]) -> Vec<Function> {
    let mut functions: BTreeMap<u32, Function> = BTreeMap::new();
    for body in raw {
        let data = &index.fns[body.id.function as usize];
        let entry = functions.entry(body.id.function).or_insert_with(|| Function {
            path: data.path.clone(),
            span: data.span,
            body_range: body_range(index, data),
            bodies: Vec::new(),
            is_test: data.is_test,
        });
        entry.bodies.push(body.id);
    }
    let mut functions: Vec<Function> = functions.into_values().collect();
    functions.sort_by(|a, b| a.path.cmp(&b.path).then(a.span.cmp(&b.span)));
    // A file that two targets include declares its functions twice: once is enough to name them.
    functions.dedup_by(|a, b| a.path == b.path && a.span == b.span);
    functions
}

fn coverage(sources: &Sources, index: &Index, built: &mut Built) -> Coverage {
    let mut coverage = Coverage {
        n_files: sources.files.len(),
        n_lines: sources.files.iter().map(|file| file.outline.n_lines as usize).sum(),
        n_bodies: built.bodies.len(),
        n_macros_unread: sources.files.iter().map(|file| file.outline.n_macros_unread as usize).sum(),
        n_cfg_skipped: index.n_cfg_skipped + sources.n_cfg_skipped_modules,
        n_files_unreached: sources.n_unreached_files,
        n_build_scripts: sources.project.n_build_scripts,
        notes: sources.project.notes.clone(),
        ..Coverage::default()
    };
    for unread in &sources.unread {
        coverage.unparsed.push(Unparsed { file: unread.path.clone(), line: 1, reason: unread.reason.clone() });
    }
    for (at, file) in sources.files.iter().enumerate() {
        for gap in &file.outline.gaps {
            let span = index.span(FileId(position(at)), gap.range);
            let (file, line) = (sources.file(span.file).path.clone(), span.range.start.line);
            coverage.unparsed.push(Unparsed { file, line, reason: gap.reason.clone() });
        }
    }
    coverage.unparsed.sort();
    add_tally(&mut coverage, std::mem::take(&mut built.tally));
    coverage
}

fn add_tally(coverage: &mut Coverage, tally: Tally) {
    coverage.n_calls_resolved = tally.n_calls_resolved;
    coverage.receivers = tally.receivers;
    coverage.receivers.sort();
    let mut unknown_receivers = Vec::new();
    for receiver in &coverage.receivers {
        match &receiver.kind {
            ReceiverKind::Lock(_) => coverage.n_receivers_lock += 1,
            ReceiverKind::Other(_) => coverage.n_receivers_other += 1,
            ReceiverKind::Unknown(cause) => unknown_receivers.push((cause.as_str(), receiver.span)),
        }
    }
    let unknown_calls = tally.unknown_calls.iter().map(|(cause, span)| (cause.as_str(), *span));
    coverage.n_receivers_unknown = unknown_receivers.len();
    coverage.n_calls_unknown = tally.unknown_calls.len();
    coverage.unknown_receivers = Cause::grouped(unknown_receivers);
    coverage.unknown_calls = Cause::grouped(unknown_calls.collect());
}
