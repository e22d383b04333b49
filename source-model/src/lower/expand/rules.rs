//! The rules of a `macro_rules!` definition: what each matches, and what it makes of that.

use std::iter::{Cloned, Peekable};
use std::slice::Iter;

use proc_macro2::{Delimiter, Group, Ident, Punct, Span, TokenStream, TokenTree};

use super::hygiene::{Use, locals, use_of};

/// A definition that can be expanded.
pub(crate) struct Rules(pub(crate) Vec<Rule>);

/// `(matcher) => { template }`.
pub(crate) struct Rule {
    pub(crate) matcher: Vec<Matcher>,
    pub(crate) template: Vec<Template>,
}

/// What a part of the arguments has to be.
pub(crate) enum Matcher {
    Token(TokenTree),
    Fragment { name: String, kind: Fragment },
    Group(Delimiter, Vec<Matcher>),
    Repeat(Repeat<Matcher>),
}

/// A part of what a rule makes.
pub(crate) enum Template {
    Token(TokenTree),
    Variable(String),
    /// A name that the template binds itself.
    Local(Ident),
    /// Such a name that is the name of a field too.
    Shorthand(Ident),
    /// `$crate`.
    Crate(Span),
    Group(Group, Vec<Template>),
    Repeat(Repeat<Template>),
}

/// `$( .. ) separator operator`.
pub(crate) struct Repeat<T> {
    pub(crate) inner: Vec<T>,
    pub(crate) separator: Vec<TokenTree>,
    pub(crate) at_least_once: bool,
    pub(crate) at_most_once: bool,
    /// Variables within, however deep.
    pub(crate) names: Vec<String>,
}

/// The kind of a variable.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fragment {
    Block,
    Expr,
    Ident,
    Item,
    Lifetime,
    Literal,
    Meta,
    Pat,
    PatParam,
    Path,
    Stmt,
    Tt,
    Ty,
    Vis,
}

impl Fragment {
    fn named(name: &str) -> Option<Fragment> {
        Some(match name {
            "block" => Fragment::Block,
            "expr" | "expr_2021" => Fragment::Expr,
            "ident" => Fragment::Ident,
            "item" => Fragment::Item,
            "lifetime" => Fragment::Lifetime,
            "literal" => Fragment::Literal,
            "meta" => Fragment::Meta,
            "pat" => Fragment::Pat,
            "pat_param" => Fragment::PatParam,
            "path" => Fragment::Path,
            "stmt" => Fragment::Stmt,
            "tt" => Fragment::Tt,
            "ty" => Fragment::Ty,
            "vis" => Fragment::Vis,
            _ => return None,
        })
    }
}

type Tokens<'a> = Peekable<Cloned<Iter<'a, TokenTree>>>;

impl Rules {
    /// Reads the rules with the brackets around them. `None` for a form that is not known, such as a new fragment kind.
    pub(crate) fn parse(definition: TokenStream) -> Option<Rules> {
        let Some(TokenTree::Group(all)) = definition.into_iter().next() else { return None };
        let tokens: Vec<TokenTree> = all.stream().into_iter().collect();
        let mut tokens = tokens.iter().cloned().peekable();
        let mut rules = Vec::new();
        while tokens.peek().is_some() {
            let TokenTree::Group(matcher) = tokens.next()? else { return None };
            (is_punct(tokens.next(), '=') && is_punct(tokens.next(), '>')).then_some(())?;
            let TokenTree::Group(template) = tokens.next()? else { return None };
            if tokens.peek().is_some() && !is_punct(tokens.next(), ';') {
                return None;
            }
            let matcher = matchers(matcher.stream())?;
            let mut names = Vec::new();
            matcher_names(&matcher, &mut names);
            let scope = Scope { variables: names, locals: locals(template.stream()) };
            rules.push(Rule { matcher, template: scope.templates(template.stream(), false)? });
        }
        Some(Rules(rules))
    }
}

pub(crate) fn is_punct(token: Option<TokenTree>, expected: char) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == expected)
}

fn matchers(stream: TokenStream) -> Option<Vec<Matcher>> {
    let tokens: Vec<TokenTree> = stream.into_iter().collect();
    let mut tokens = tokens.iter().cloned().peekable();
    let mut all = Vec::new();
    while let Some(token) = tokens.next() {
        all.push(match token {
            TokenTree::Punct(punct) if punct.as_char() == '$' => match tokens.next()? {
                TokenTree::Group(group) if group.delimiter() == Delimiter::Parenthesis => {
                    let inner = matchers(group.stream())?;
                    let mut names = Vec::new();
                    matcher_names(&inner, &mut names);
                    Matcher::Repeat(repeat(inner, names, &mut tokens)?)
                }
                TokenTree::Ident(name) => {
                    if !is_punct(tokens.next(), ':') {
                        return None;
                    }
                    let Some(TokenTree::Ident(kind)) = tokens.next() else { return None };
                    let kind = Fragment::named(&kind.to_string())?;
                    Matcher::Fragment { name: name.to_string(), kind }
                }
                _ => return None,
            },
            TokenTree::Group(group) => Matcher::Group(group.delimiter(), matchers(group.stream())?),
            token => Matcher::Token(token),
        });
    }
    Some(all)
}

fn matcher_names(matchers: &[Matcher], names: &mut Vec<String>) {
    for matcher in matchers {
        match matcher {
            Matcher::Fragment { name, .. } => names.push(name.clone()),
            Matcher::Group(_, inner) => matcher_names(inner, names),
            Matcher::Repeat(repeat) => names.extend(repeat.names.iter().cloned()),
            Matcher::Token(_) => {}
        }
    }
}

/// The names that a template may use.
struct Scope {
    variables: Vec<String>,
    locals: Vec<String>,
}

impl Scope {
    fn templates(&self, stream: TokenStream, in_struct: bool) -> Option<Vec<Template>> {
        let tokens: Vec<TokenTree> = stream.into_iter().collect();
        let mut rest = tokens.iter().cloned().peekable();
        let mut all = Vec::new();
        loop {
            let at = tokens.len() - rest.len();
            let Some(token) = rest.next() else { return Some(all) };
            all.push(match token {
                TokenTree::Punct(punct) if punct.as_char() == '$' => self.after_dollar(punct, &mut rest)?,
                TokenTree::Group(group) => {
                    let before = at.checked_sub(1).map(|before| &tokens[before]);
                    let is_struct = group.delimiter() == Delimiter::Brace
                        && matches!(before, Some(TokenTree::Ident(name)) if name.to_string().starts_with(char::is_uppercase));
                    let inner = self.templates(group.stream(), is_struct)?;
                    Template::Group(group, inner)
                }
                TokenTree::Ident(name) if self.locals.iter().any(|local| name == local) => {
                    match use_of(&tokens, at, in_struct) {
                        Use::Other => Template::Token(TokenTree::Ident(name)),
                        Use::Variable => Template::Local(name),
                        Use::Shorthand => Template::Shorthand(name),
                    }
                }
                token => Template::Token(token),
            });
        }
    }

    fn after_dollar(&self, dollar: Punct, rest: &mut Tokens<'_>) -> Option<Template> {
        match rest.peek()? {
            TokenTree::Group(group) if group.delimiter() == Delimiter::Parenthesis => {
                let inner = self.templates(group.stream(), false)?;
                rest.next();
                let mut names = Vec::new();
                template_names(&inner, &mut names);
                Some(Template::Repeat(repeat(inner, names, rest)?))
            }
            TokenTree::Ident(name) => {
                let (text, span) = (name.to_string(), name.span());
                if text == "crate" || self.variables.contains(&text) {
                    rest.next();
                    return Some(if text == "crate" { Template::Crate(span) } else { Template::Variable(text) });
                }
                // A variable of a macro that this one defines.
                Some(Template::Token(TokenTree::Punct(dollar)))
            }
            // `${count(x)}` and its like.
            _ => None,
        }
    }
}

fn template_names(templates: &[Template], names: &mut Vec<String>) {
    for template in templates {
        match template {
            Template::Variable(name) => names.push(name.clone()),
            Template::Group(_, inner) => template_names(inner, names),
            Template::Repeat(repeat) => names.extend(repeat.names.iter().cloned()),
            Template::Token(_) | Template::Local(_) | Template::Shorthand(_) | Template::Crate(_) => {}
        }
    }
}

/// The separator and operator behind `$( .. )`.
fn repeat<T>(inner: Vec<T>, names: Vec<String>, tokens: &mut Tokens<'_>) -> Option<Repeat<T>> {
    let mut separator = Vec::new();
    loop {
        let token = tokens.next()?;
        let operator = match &token {
            TokenTree::Punct(punct) => Some(punct.as_char()),
            _ => None,
        };
        // `$(..)+*`: an operator that another follows is a separator.
        let another = matches!(tokens.peek(), Some(TokenTree::Punct(next)) if matches!(next.as_char(), '*' | '+'));
        match operator {
            Some(found @ ('*' | '+' | '?')) if !(separator.is_empty() && another && found != '*') => {
                let (at_least_once, at_most_once) = (found == '+', found == '?');
                return Some(Repeat { inner, separator, at_least_once, at_most_once, names });
            }
            _ if separator.len() < 3 => separator.push(token),
            _ => return None,
        }
    }
}
