//! Calls of `macro_rules!` of the workspace, expanded: what they stand for is lowered in their place.
//!
//! A call is expanded where its definition is surely known, its arguments fit a rule, and the result parses where the
//! call stands. Any other call is read by its arguments (`lower/macros`, `lower/item_macros`) and counted there.

mod find;
mod hygiene;
mod matching;
mod rules;
mod statements;
mod transcribe;

use std::rc::Rc;
use std::sync::Arc;

use proc_macro2::{TokenStream, TokenTree};
use rustc_hash::FxHashMap;

use crate::ir::{Gap, Name, UseLeaf};
use crate::lower::ranges::{add_origin, macro_range};
use crate::lower::{Lowerer, blocks::macro_name, nesting};
use crate::macros::{Definition, FileMacros};
use crate::span::{MAX_ORIGIN, TextRange};
use find::Found;
use rules::Rules;
pub(crate) use statements::Spliced;
use transcribe::{Failure, Transcription, transcribe};

/// Expansions within expansions, as many as the compiler allows unless told otherwise.
const MAX_DEPTH: usize = 128;
/// Tokens that the expansions of one file may make.
const MAX_TOKENS: usize = 1 << 19;
/// What an expansion costs at least, in tokens.
const COST: usize = 32;
/// Brackets within brackets, over all expansions that enclose a place.
const MAX_NESTING: usize = 512;
/// Tokens of an expansion that surely nests no deeper than is read.
const SMALL: usize = 128;

/// What expanding calls of one file needs to know.
pub(crate) struct Expander {
    macros: FileMacros,
    imports: Vec<UseLeaf>,
    /// By the address of their definition; `None` for rules of an unknown form.
    rules: FxHashMap<usize, Option<Rc<Rules>>>,
    /// The files of the definitions expanded so far, in the order of their origins; `None` for the file itself.
    pub(crate) origins: Vec<Option<String>>,
    /// The expansion that is being lowered.
    pub(crate) within: Within,
    tokens_left: usize,
    n_expansions: u32,
    /// The call that the last gap is about.
    given_up: Option<TextRange>,
}

/// An expansion that encloses what is being lowered.
pub(crate) struct Expansion {
    /// The call in the text of the file that led here.
    site: TextRange,
    depth: usize,
    nesting: usize,
    /// The crate that the definition is of; `None` for the file's own.
    krate: Option<Name>,
}

/// The expansion that something came out of, if it did.
pub(crate) type Within = Option<Rc<Expansion>>;

/// Where a call stands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Position {
    /// Among items: names are what they are.
    Items,
    /// In code: the names that a macro binds are its own.
    Code,
}

impl Default for Expander {
    fn default() -> Expander {
        Expander {
            macros: FileMacros::default(),
            imports: Vec::new(),
            rules: FxHashMap::default(),
            origins: Vec::new(),
            within: None,
            tokens_left: MAX_TOKENS,
            n_expansions: 0,
            given_up: None,
        }
    }
}

impl Expander {
    pub(crate) fn of(macros: FileMacros) -> Expander {
        Expander { macros, ..Expander::default() }
    }

    pub(crate) fn has_macros(&self) -> bool {
        !self.macros.is_empty()
    }

    pub(crate) fn set_imports(&mut self, imports: Vec<UseLeaf>) {
        self.imports = imports;
    }

    /// The rules of a definition, whose tokens keep their places in its file.
    fn rules(&mut self, definition: &Arc<Definition>, is_own: bool) -> Option<Rc<Rules>> {
        let address = Arc::as_ptr(definition).addr();
        if let Some(known) = self.rules.get(&address) {
            return known.clone();
        }
        let rules = self.read(definition, is_own).map(Rc::new);
        self.rules.insert(address, rules.clone());
        rules
    }

    fn read(&mut self, definition: &Definition, is_own: bool) -> Option<Rules> {
        if self.origins.len() >= MAX_ORIGIN || nesting::too_deep(&definition.text).is_some() {
            return None;
        }
        let line = "\n".repeat(definition.start.line.saturating_sub(1) as usize);
        let column = " ".repeat(definition.start.column.saturating_sub(1) as usize);
        let tokens: TokenStream = [&line, &column, &*definition.text].concat().parse().ok()?;
        let Some(TokenTree::Group(all)) = tokens.clone().into_iter().next() else { return None };
        add_origin(all.span());
        self.origins.push(if is_own { None } else { Some(definition.file.to_string_lossy().into_owned()) });
        Rules::parse(tokens)
    }

    fn make(&mut self, call: &syn::Macro, found: &Found, position: Position) -> Result<TokenStream, Option<String>> {
        let rules = self.rules(&found.definition, found.is_own).ok_or(None)?;
        let (rule, bindings) = matching::first_match(&rules, call.tokens.clone()).ok_or(None)?;
        self.n_expansions += 1;
        self.tokens_left = self.tokens_left.saturating_sub(COST);
        let mut transcription = Transcription {
            krate: found.krate,
            mark: (position == Position::Code).then_some(self.n_expansions),
            tokens_left: &mut self.tokens_left,
        };
        transcribe(rule, &bindings, &mut transcription).map_err(|failure| match failure {
            Failure::Mismatch => None,
            Failure::TooLarge => {
                self.tokens_left = 0;
                Some(format!("expansions of more than {MAX_TOKENS} tokens in one file"))
            }
        })
    }
}

impl Lowerer {
    /// Reads what a call expands to. `None` where it is not expanded, or what it makes does not fit its position.
    pub(crate) fn expanded<T>(
        &mut self,
        call: &syn::Macro,
        position: Position,
        read: impl FnOnce(&mut Lowerer, TokenStream) -> Option<T>,
    ) -> Option<T> {
        if !self.expander.has_name_of(call) {
            return None;
        }
        let outer = self.expander.within.clone();
        let site = self.site_of(call);
        let found = self.expander.find(call, site)?;
        let depth = outer.as_ref().map_or(0, |outer| outer.depth) + 1;
        if depth > MAX_DEPTH {
            self.give_up(call, site, format!("macros expanded within macros more than {MAX_DEPTH} times"));
            return None;
        }
        let tokens = match self.expander.make(call, &found, position) {
            Ok(tokens) => tokens,
            Err(reason) => {
                reason.into_iter().for_each(|reason| self.give_up(call, site, reason));
                return None;
            }
        };
        let nesting = outer.as_ref().map_or(0, |outer| outer.nesting) + nesting_of(&tokens, MAX_NESTING);
        let too_deep = (nesting >= MAX_NESTING).then(|| format!("brackets nested deeper than {MAX_NESTING}"));
        if let Some(reason) = too_deep.or_else(|| too_long(&tokens)) {
            self.give_up(call, site, reason);
            return None;
        }
        let krate = found.krate;
        self.expander.within = Some(Rc::new(Expansion { site, depth, nesting, krate }));
        let result = read(self, tokens);
        self.expander.within = outer;
        result
    }

    /// Where a call, or what it came out of, stands in the file.
    fn site_of(&self, call: &syn::Macro) -> TextRange {
        self.expander.within.as_ref().map_or_else(|| macro_range(call), |outer| outer.site)
    }

    /// One gap for a call in the text, whatever it leads to.
    fn give_up(&mut self, call: &syn::Macro, site: TextRange, reason: String) {
        if self.expander.given_up.replace(site) != Some(site) {
            let reason = format!("`{}!` is not expanded to its end: {reason}", macro_name(call));
            self.gaps.push(Gap { range: site, reason });
        }
    }
}

/// How deep brackets nest, as far as the limit.
fn nesting_of(tokens: &TokenStream, limit: usize) -> usize {
    if limit == 0 {
        return 0;
    }
    let depth = |token: TokenTree| match token {
        TokenTree::Group(group) => 1 + nesting_of(&group.stream(), limit - 1),
        _ => 0,
    };
    tokens.clone().into_iter().map(depth).max().unwrap_or(0)
}

/// Why an expansion that does not nest deep is still more than the parser's recursion takes.
fn too_long(tokens: &TokenStream) -> Option<String> {
    let mut n_left = SMALL;
    if is_small(tokens, &mut n_left) { None } else { nesting::too_deep(&tokens.to_string()) }
}

fn is_small(tokens: &TokenStream, n_left: &mut usize) -> bool {
    tokens.clone().into_iter().all(|token| {
        *n_left = n_left.saturating_sub(1);
        *n_left > 0 && if let TokenTree::Group(group) = &token { is_small(&group.stream(), n_left) } else { true }
    })
}
