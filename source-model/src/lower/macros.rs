//! Arguments of macro calls, read as expressions by the shapes that well-known macros use.

use proc_macro2::{Spacing, TokenStream, TokenTree};
use syn::parse::{Parse, ParseStream, Parser};
use syn::punctuated::Punctuated;

use crate::ir::{Expr, ExprKind, MacroArgs, MacroCall, SelectBranch};
use crate::lower::Lowerer;
use crate::lower::types::name_of;
use crate::span::TextRange;

impl Lowerer {
    pub(crate) fn macro_expr(&mut self, call: &syn::Macro, range: TextRange) -> Expr {
        let path: Vec<_> = call.path.segments.iter().map(|segment| name_of(&segment.ident)).collect();
        let name = path.last().cloned().unwrap_or_default();
        if name == "vec"
            && let Some(repeat) = self.repeat(&call.tokens)
        {
            return Expr { range, kind: repeat };
        }
        let args = self.macro_args(&name, &call.tokens, range);
        if matches!(args, MacroArgs::Unread) {
            self.n_macros_unread += 1;
        }
        Expr { range, kind: ExprKind::Macro(MacroCall { path, args }) }
    }

    fn macro_args(&mut self, name: &str, tokens: &TokenStream, range: TextRange) -> MacroArgs {
        let special = match name {
            "select" => self.select(tokens),
            "matches" | "assert_matches" | "debug_assert_matches" => self.matches(tokens),
            _ => None,
        };
        special
            .or_else(|| self.expressions(tokens))
            .or_else(|| self.statements_in(tokens, range))
            .or_else(|| self.pieces(tokens))
            .unwrap_or(MacroArgs::Unread)
    }

    /// `a, b, c`: `format!`, `assert!`, `vec!`, `join!`.
    fn expressions(&mut self, tokens: &TokenStream) -> Option<MacroArgs> {
        let parsed = Punctuated::<syn::Expr, syn::Token![,]>::parse_terminated.parse2(tokens.clone()).ok()?;
        // `name = value` arguments of `format!` are assignments to the grammar.
        let values = parsed.iter().map(|expr| match expr {
            syn::Expr::Assign(assign) => &*assign.right,
            other => other,
        });
        Some(MacroArgs::Exprs(self.exprs(values)))
    }

    fn statements_in(&mut self, tokens: &TokenStream, range: TextRange) -> Option<MacroArgs> {
        let stmts = syn::Block::parse_within.parse2(tokens.clone()).ok()?;
        // `"label"; future` is a list of arguments with another separator, not code.
        let exprs: Vec<&syn::Expr> = stmts
            .iter()
            .filter_map(|stmt| if let syn::Stmt::Expr(expr, _) = stmt { Some(expr) } else { None })
            .collect();
        if exprs.len() == stmts.len() && exprs.iter().any(|expr| matches!(expr, syn::Expr::Lit(_) | syn::Expr::Path(_)))
        {
            return Some(MacroArgs::Exprs(self.exprs(exprs)));
        }
        Some(MacroArgs::Block(self.statements(&stmts, range)))
    }

    /// `vec![value; count]`.
    fn repeat(&mut self, tokens: &TokenStream) -> Option<ExprKind> {
        let parse = |input: ParseStream<'_>| {
            let value: syn::Expr = input.parse()?;
            let _: syn::Token![;] = input.parse()?;
            let count: syn::Expr = input.parse()?;
            Ok((value, count))
        };
        let (value, count) = parse.parse2(tokens.clone()).ok()?;
        Some(ExprKind::Repeat { value: Box::new(self.expr(&value)), count: Box::new(self.expr(&count)) })
    }

    fn matches(&mut self, tokens: &TokenStream) -> Option<MacroArgs> {
        let parse = |input: ParseStream<'_>| {
            let scrutinee: syn::Expr = input.parse()?;
            let _: syn::Token![,] = input.parse()?;
            let pat = syn::Pat::parse_multi_with_leading_vert(input)?;
            let guard = if input.peek(syn::Token![if]) {
                let _: syn::Token![if] = input.parse()?;
                Some(input.parse::<syn::Expr>()?)
            } else {
                None
            };
            let _: TokenStream = input.parse()?;
            Ok((scrutinee, pat, guard))
        };
        let (scrutinee, pat, guard) = parse.parse2(tokens.clone()).ok()?;
        let scrutinee = Box::new(self.expr(&scrutinee));
        let body = Expr { range: scrutinee.range, kind: ExprKind::Literal(crate::ir::Literal::Bool) };
        let guard = guard.map(|guard| self.expr(&guard));
        let arm = crate::ir::Arm { pat: self.pat(&pat), guard, body, cfg: None };
        Some(MacroArgs::Matches(Box::new(arm), scrutinee))
    }

    fn select(&mut self, tokens: &TokenStream) -> Option<MacroArgs> {
        let branches = Branches::parse.parse2(tokens.clone()).ok()?.0;
        let lowered = branches
            .iter()
            .map(|branch| SelectBranch {
                pat: branch.pat.as_ref().map(|pat| self.pat(pat)),
                future: branch.future.as_ref().map(|future| self.expr(future)),
                cond: branch.cond.as_ref().map(|cond| self.expr(cond)),
                body: self.expr(&branch.body),
            })
            .collect();
        Some(MacroArgs::Select(lowered))
    }

    /// tracing's `key = %value`, slog's `"key" => value; ..`, `json!({..})`: each piece as an expression.
    fn pieces(&mut self, tokens: &TokenStream) -> Option<MacroArgs> {
        let mut exprs = Vec::new();
        for piece in split(tokens.clone(), is_separator) {
            for side in split_arrow(piece) {
                self.piece(&side, 0, &mut exprs)?;
            }
        }
        Some(MacroArgs::Exprs(exprs))
    }

    fn piece(&mut self, tokens: &[TokenTree], depth: u32, exprs: &mut Vec<Expr>) -> Option<()> {
        let value = without_prefix(tokens);
        if value.is_empty() {
            return Some(());
        }
        let stream: TokenStream = value.iter().cloned().collect();
        if let Ok(expr) = syn::parse2::<syn::Expr>(stream) {
            exprs.push(self.expr(&expr));
            return Some(());
        }
        let [TokenTree::Group(group)] = value else { return None };
        if depth > 8 {
            return None;
        }
        for piece in split(group.stream(), is_separator) {
            for side in split_arrow(piece) {
                self.piece(&side, depth + 1, exprs)?;
            }
        }
        Some(())
    }
}

fn is_separator(token: &TokenTree) -> bool {
    matches!(token, TokenTree::Punct(punct) if matches!(punct.as_char(), ',' | ';'))
}

fn split(tokens: TokenStream, ends: impl Fn(&TokenTree) -> bool) -> Vec<Vec<TokenTree>> {
    let mut pieces = vec![Vec::new()];
    for token in tokens {
        if ends(&token) {
            pieces.push(Vec::new());
        } else if let Some(piece) = pieces.last_mut() {
            piece.push(token);
        }
    }
    pieces.retain(|piece| !piece.is_empty());
    pieces
}

/// `"key" => value`: both sides.
fn split_arrow(piece: Vec<TokenTree>) -> Vec<Vec<TokenTree>> {
    let is_arrow = |pair: &[TokenTree]| {
        matches!(pair, [TokenTree::Punct(a), TokenTree::Punct(b)]
            if a.as_char() == '=' && a.spacing() == Spacing::Joint && b.as_char() == '>')
    };
    match piece.windows(2).position(is_arrow) {
        Some(at) => vec![piece[..at].to_vec(), piece[at + 2..].to_vec()],
        None => vec![piece],
    }
}

/// Without `name =`, `"name":`, `name.part =` in front, and without the sigils `%` and `?`.
fn without_prefix(tokens: &[TokenTree]) -> &[TokenTree] {
    let is_name = |token: &TokenTree| match token {
        TokenTree::Ident(_) | TokenTree::Literal(_) => true,
        TokenTree::Punct(punct) => matches!(punct.as_char(), '.' | '-'),
        TokenTree::Group(_) => false,
    };
    let assigns = |token: &TokenTree| {
        matches!(token, TokenTree::Punct(punct)
            if matches!(punct.as_char(), '=' | ':') && punct.spacing() == Spacing::Alone)
    };
    let start = match tokens.iter().position(assigns) {
        Some(at) if tokens[..at].iter().all(is_name) => at + 1,
        _ => 0,
    };
    let sigils = tokens[start..]
        .iter()
        .take_while(|token| matches!(token, TokenTree::Punct(punct) if matches!(punct.as_char(), '%' | '?')))
        .count();
    &tokens[start + sigils..]
}

struct Branch {
    pat: Option<syn::Pat>,
    future: Option<syn::Expr>,
    cond: Option<syn::Expr>,
    body: syn::Expr,
}

/// The grammar of tokio's and futures' `select!`.
struct Branches(Vec<Branch>);

impl Parse for Branches {
    fn parse(input: ParseStream<'_>) -> syn::Result<Branches> {
        if input.peek(syn::Ident) && input.peek2(syn::Token![;]) {
            let _: syn::Ident = input.parse()?;
            let _: syn::Token![;] = input.parse()?;
        }
        let mut branches = Vec::new();
        while !input.is_empty() {
            branches.push(branch(input)?);
            let _: Option<syn::Token![,]> = input.parse()?;
        }
        Ok(Branches(branches))
    }
}

fn branch(input: ParseStream<'_>) -> syn::Result<Branch> {
    let mut branch = if is_fallback(input) {
        Branch { pat: None, future: None, cond: None, body: unit() }
    } else {
        let pat = syn::Pat::parse_multi_with_leading_vert(input)?;
        let _: syn::Token![=] = input.parse()?;
        let future = input.parse()?;
        let mut cond = None;
        if input.peek(syn::Token![,]) && input.peek2(syn::Token![if]) {
            let _: syn::Token![,] = input.parse()?;
            let _: syn::Token![if] = input.parse()?;
            cond = Some(input.parse()?);
        }
        Branch { pat: Some(pat), future: Some(future), cond, body: unit() }
    };
    let _: syn::Token![=>] = input.parse()?;
    // A block ends the branch without a comma, where an expression would go on.
    branch.body = if input.peek(syn::token::Brace) {
        let block: syn::Block = input.parse()?;
        syn::Expr::Block(syn::ExprBlock { attrs: Vec::new(), label: None, block })
    } else {
        input.parse()?
    };
    Ok(branch)
}

/// `else`, `complete`, `default`.
fn is_fallback(input: ParseStream<'_>) -> bool {
    if input.peek(syn::Token![else]) {
        return input.parse::<syn::Token![else]>().is_ok();
    }
    let ahead = input.fork();
    let is_word = ahead.parse::<syn::Ident>().is_ok_and(|word| word == "complete" || word == "default");
    if is_word && ahead.peek(syn::Token![=>]) {
        return input.parse::<syn::Ident>().is_ok();
    }
    false
}

fn unit() -> syn::Expr {
    syn::Expr::Tuple(syn::ExprTuple {
        attrs: Vec::new(),
        paren_token: syn::token::Paren::default(),
        elems: Punctuated::new(),
    })
}

#[cfg(test)]
mod tests {
    use crate::lower::parse_file;

    fn unread(body: &str) -> u32 {
        parse_file(&format!("fn f() {{ {body} }}")).n_macros_unread
    }

    #[test]
    fn well_known_shapes_are_read() {
        assert_eq!(unread("info!(target: \"x\", key = %value, other = ?a.lock(), \"text {}\", b);"), 0);
        assert_eq!(unread("slog!(log, \"text\"; \"key\" => a.lock(), \"other\" => %b);"), 0);
        assert_eq!(unread("json!({\"a\": m.lock(), \"b\": [1, 2]});"), 0);
        assert_eq!(unread("tokio::select! { biased; x = f(), if c => {} Some(y) = g() => y.run(), else => {} }"), 0);
        assert_eq!(unread("assert!(matches!(m.lock().x, Some(y) if y > 1));"), 0);
        assert_eq!(unread("unknown! { let a = 1; a.lock(); }"), 0);
    }

    #[test]
    fn other_grammars_are_counted() {
        assert_eq!(unread("grammar!(a -> b | c);"), 1);
    }
}
