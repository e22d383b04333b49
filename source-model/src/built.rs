//! What lowering yields for the functions of each file, encoded: a control-flow graph exists only while it is solved.
//!
//! The bytes are kept by the cache. They depend on the file, and on what inference reads of others: their signatures and
//! the bodies of accessors, but no other body and no place. So after an edit within one body the others are known.

use std::collections::BTreeMap;
use std::sync::Arc;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::cache::Key;
use crate::encoding::{Code, Placed, decode_part, encode_part};
use crate::facts::BodyKind;
use crate::flow::build::{Tally, build_function};
use crate::flow::graph::{Op, RawBody, Token};
use crate::index::{Index, position};
use crate::ir::Name;
use crate::locks::BodyId;
use crate::sources::Sources;
use crate::span::{FileId, Span, TextRange};
use crate::types::FnId;

/// A lowered body, its graph encoded.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct BuiltBody {
    pub(crate) id: BodyId,
    pub(crate) item: Name,
    pub(crate) kind: BodyKind,
    pub(crate) parent: Option<BodyId>,
    pub(crate) span: Span,
    pub(crate) is_test: bool,
    pub(crate) is_to_panic: bool,
    pub(crate) has_loop: bool,
    pub(crate) runs_forever: bool,
    /// The bodies that it may run, in the order of its operations.
    pub(crate) callees: Box<[BodyId]>,
    /// What polling the future that it returns runs.
    pub(crate) yields: Option<BodyId>,
    graph: Code<RawBody>,
}

/// What lowering yields for one file.
#[derive(Default, Serialize, Deserialize)]
struct BuiltFile {
    bodies: Vec<BuiltBody>,
    tally: Tally,
}

/// What lowering yields for a workspace.
#[derive(Default)]
pub(crate) struct Built {
    /// In order of their ids.
    pub(crate) bodies: Vec<BuiltBody>,
    pub(crate) tally: Tally,
    /// The bytes of each file, for the cache.
    pub(crate) entries: Vec<(Key, Arc<[u8]>)>,
}

impl BuiltBody {
    fn of(body: &RawBody) -> BuiltBody {
        BuiltBody {
            id: body.id,
            item: body.item,
            kind: body.kind,
            parent: body.parent,
            span: body.span,
            is_test: body.is_test,
            is_to_panic: body.is_to_panic,
            has_loop: body.has_loop,
            runs_forever: body.runs_forever,
            callees: callees(body),
            yields: body.yields,
            graph: Code::of(body),
        }
    }

    pub(crate) fn decode(&self) -> RawBody {
        self.graph.decode()
    }
}

impl Placed for RawBody {
    fn range(&self) -> TextRange {
        self.span.range
    }

    fn is_value(&self) -> bool {
        false
    }
}

fn callees(body: &RawBody) -> Box<[BodyId]> {
    let glue = body.tokens.iter().flat_map(Token::glue);
    let mut callees: Vec<BodyId> = glue.map(|glue| BodyId { function: glue.function.0, part: 0 }).collect();
    for (op, _) in body.blocks.iter().flat_map(|block| &block.ops) {
        let Op::Call { call, .. } = op else { continue };
        let passed = call.passed.iter().flat_map(|(_, runnable)| runnable.bodies());
        for target in call.targets.iter().copied().chain(passed) {
            if callees.last() != Some(&target) {
                callees.push(target);
            }
        }
    }
    callees.into()
}

/// Lowers the functions of every file that no earlier run has lowered under the same index.
pub(crate) fn build(index: &Index, sources: &Sources) -> Built {
    let mut by_file: BTreeMap<FileId, Vec<FnId>> = BTreeMap::new();
    for (at, data) in index.fns.iter().enumerate() {
        if !data.is_model && data.def.body.is_some() {
            // Not the file of its place: that may be one that defines a macro.
            by_file.entry(index.module(data.module).file).or_default().push(FnId(position(at)));
        }
    }
    let digest = sources.digest();
    let files: Vec<_> = by_file.into_iter().collect();
    let built: Vec<_> =
        files.into_par_iter().map(|(file, fns)| file_built(index, sources, digest, file, &fns)).collect();
    let mut all = Built::default();
    for (key, bytes, file) in built {
        all.bodies.extend(file.bodies);
        all.tally.add(file.tally);
        all.entries.extend(key.map(|key| (key, bytes)));
    }
    all.bodies.sort_unstable_by_key(|body| body.id);
    all
}

fn file_built(
    index: &Index,
    sources: &Sources,
    digest: Option<Key>,
    file: FileId,
    fns: &[FnId],
) -> (Option<Key>, Arc<[u8]>, BuiltFile) {
    let key = digest.map(|digest| sources.built_key(digest, file));
    if let Some(bytes) = key.and_then(|key| sources.kept(&key)) {
        let bytes: Arc<[u8]> = bytes.into();
        if let Some(file) = decode_part(&bytes) {
            return (key, bytes, file);
        }
    }
    let bytes = encode_part(|| lowered(index, fns));
    let file = decode_part(&bytes);
    debug_assert!(file.is_some(), "what was encoded can be decoded");
    (key, bytes, file.unwrap_or_default())
}

fn lowered(index: &Index, fns: &[FnId]) -> BuiltFile {
    let mut file = BuiltFile::default();
    for function in fns {
        let built = build_function(index, *function);
        file.bodies.extend(built.bodies.iter().map(BuiltBody::of));
        file.tally.add(built.tally);
    }
    file
}
