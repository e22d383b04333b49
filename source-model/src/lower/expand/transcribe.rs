//! What a rule makes of what its variables stand for.

use std::collections::BTreeMap;

use proc_macro2::{Delimiter, Group, Ident, Punct, Spacing, Span, TokenStream, TokenTree};

use super::hygiene::marked;
use super::matching::{Bindings, Bound};
use super::rules::{Repeat, Rule, Template};
use crate::ir::Name;

/// Why nothing was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// Variables that repeat differently, or that do not repeat where the template does.
    Mismatch,
    /// More tokens than are still allowed.
    TooLarge,
}

/// One transcription.
pub(crate) struct Transcription<'a> {
    /// What `$crate` means: the calling crate, or another by its name.
    pub(crate) krate: Option<Name>,
    /// What names that the template binds itself are marked with; `None` where it declares items.
    pub(crate) mark: Option<u32>,
    pub(crate) tokens_left: &'a mut usize,
}

/// The variables as they are at one turn of the repetitions around.
type View<'a> = BTreeMap<&'a str, &'a Bound>;

pub(crate) fn transcribe(
    rule: &Rule,
    bindings: &Bindings,
    transcription: &mut Transcription<'_>,
) -> Result<TokenStream, Failure> {
    let view: View<'_> = bindings.iter().map(|(name, bound)| (name.as_str(), bound)).collect();
    let mut tokens = Vec::new();
    transcription.all(&rule.template, &view, &mut tokens)?;
    Ok(tokens.into_iter().collect())
}

impl Transcription<'_> {
    fn all(&mut self, templates: &[Template], view: &View<'_>, into: &mut Vec<TokenTree>) -> Result<(), Failure> {
        for template in templates {
            match template {
                Template::Token(token) => {
                    self.spend(1)?;
                    into.push(token.clone());
                }
                Template::Local(name) => {
                    self.spend(1)?;
                    into.push(TokenTree::Ident(self.own(name)));
                }
                Template::Shorthand(name) => {
                    self.spend(3)?;
                    into.push(TokenTree::Ident(name.clone()));
                    into.push(punct(':', Spacing::Alone, name.span()));
                    into.push(TokenTree::Ident(self.own(name)));
                }
                Template::Crate(span) => self.crate_path(*span, into),
                Template::Variable(name) => match view.get(name.as_str()) {
                    Some(Bound::One { tokens, is_whole }) => {
                        self.spend(tokens.iter().map(n_tokens).sum())?;
                        push_bound(tokens, *is_whole, into);
                    }
                    _ => return Err(Failure::Mismatch),
                },
                Template::Group(group, inner) => {
                    self.spend(1)?;
                    let mut tokens = Vec::new();
                    self.all(inner, view, &mut tokens)?;
                    let mut made = Group::new(group.delimiter(), tokens.into_iter().collect());
                    made.set_span(group.span());
                    into.push(TokenTree::Group(made));
                }
                Template::Repeat(repeat) => self.repeat(repeat, view, into)?,
            }
        }
        Ok(())
    }
}

impl Transcription<'_> {
    fn own(&self, name: &Ident) -> Ident {
        self.mark.map_or_else(|| name.clone(), |expansion| marked(name, expansion))
    }

    fn spend(&mut self, n_tokens: usize) -> Result<(), Failure> {
        *self.tokens_left = self.tokens_left.checked_sub(n_tokens).ok_or(Failure::TooLarge)?;
        Ok(())
    }

    fn crate_path(&self, span: Span, into: &mut Vec<TokenTree>) {
        let Some(krate) = self.krate else {
            into.push(TokenTree::Ident(Ident::new("crate", span)));
            return;
        };
        into.push(punct(':', Spacing::Joint, span));
        into.push(punct(':', Spacing::Alone, span));
        into.push(TokenTree::Ident(Ident::new(krate.as_str(), span)));
    }

    fn repeat(&mut self, repeat: &Repeat<Template>, view: &View<'_>, into: &mut Vec<TokenTree>) -> Result<(), Failure> {
        let columns: Vec<(&str, &Vec<Bound>)> = repeat
            .names
            .iter()
            .filter_map(|name| match view.get(name.as_str()) {
                Some(Bound::Many(column)) => Some((name.as_str(), column)),
                _ => None,
            })
            .collect();
        let n_times = columns.first().map(|(_, column)| column.len()).ok_or(Failure::Mismatch)?;
        if columns.iter().any(|(_, column)| column.len() != n_times) {
            return Err(Failure::Mismatch);
        }
        let mut turn = view.clone();
        for at in 0..n_times {
            turn.extend(columns.iter().map(|(name, column)| (*name, &column[at])));
            if at > 0 {
                self.spend(repeat.separator.len())?;
                into.extend(repeat.separator.iter().cloned());
            }
            self.all(&repeat.inner, &turn, into)?;
        }
        Ok(())
    }
}

fn punct(written: char, spacing: Spacing, span: Span) -> TokenTree {
    let mut punct = Punct::new(written, spacing);
    punct.set_span(span);
    TokenTree::Punct(punct)
}

/// An expression keeps together: `$a * 2` of `1 + 1` is not `1 + 1 * 2`.
fn push_bound(tokens: &[TokenTree], is_whole: bool, into: &mut Vec<TokenTree>) {
    if !is_whole {
        into.extend(tokens.iter().cloned());
        return;
    }
    let mut group = Group::new(Delimiter::None, tokens.iter().cloned().collect());
    if let Some(first) = tokens.first() {
        group.set_span(first.span());
    }
    into.push(TokenTree::Group(group));
}

fn n_tokens(token: &TokenTree) -> usize {
    match token {
        TokenTree::Group(group) => 1 + group.stream().into_iter().map(|inner| n_tokens(&inner)).sum::<usize>(),
        _ => 1,
    }
}
