//! Arguments of macro calls, read as expressions by the shapes that well-known macros use.

use proc_macro2::{Spacing, TokenStream, TokenTree};
use syn::parse::{ParseStream, Parser};
use syn::punctuated::Punctuated;

use crate::ir::{Expr, ExprKind, MacroArgs, MacroCall, SelectBranch};
use crate::lower::Lowerer;
use crate::lower::expand::Position;
use crate::lower::lists::exact;
use crate::lower::ranges::range_of;
use crate::lower::select::Branches;
use crate::lower::types::name_of;
use crate::span::TextRange;

/// Macros whose arguments are not run: text, predicates, code for another place.
const NOT_CODE: &[&str] = &[
    "asm",
    "cfg",
    "compile_error",
    "concat",
    "env",
    "file",
    "global_asm",
    "include",
    "include_bytes",
    "include_str",
    "line",
    "module_path",
    "option_env",
    "parse_quote",
    "quote",
    "quote_spanned",
    "stringify",
];

/// Bracketed pieces within pieces are followed this far.
const MAX_PIECE_DEPTH: u32 = 16;

impl Lowerer {
    pub(crate) fn macro_expr(&mut self, call: &syn::Macro, range: TextRange) -> Expr {
        if let Some(expr) = self.expanded(call, Position::Code, |lowerer, tokens| lowerer.expansion(tokens, range)) {
            return expr;
        }
        let path = exact(call.path.segments.iter().map(|segment| name_of(&segment.ident)));
        let name = path.last().cloned().unwrap_or_default();
        if name == "vec"
            && let Some(repeat) = self.repeat(&call.tokens)
        {
            return Expr { range, kind: repeat };
        }
        let args = self.macro_args(&name, call);
        Expr { range, kind: ExprKind::Macro(MacroCall { path, args }) }
    }

    /// What a macro in the place of an expression makes: one expression, or statements in braces that stand for one.
    fn expansion(&mut self, tokens: TokenStream, range: TextRange) -> Option<Expr> {
        let value = |input: ParseStream<'_>| {
            let value: syn::Expr = input.parse()?;
            let _: Option<syn::Token![;]> = input.parse()?;
            Ok(value)
        };
        if let Ok(value) = value.parse2(tokens.clone()) {
            return Some(self.expr(&value));
        }
        let stmts = syn::Block::parse_within.parse2(tokens).ok()?;
        let block = self.statements(&stmts, range);
        Some(Expr { range, kind: ExprKind::Block { label: None, block } })
    }

    fn macro_args(&mut self, name: &str, call: &syn::Macro) -> MacroArgs {
        let tokens = &call.tokens;
        let special = match name {
            _ if NOT_CODE.contains(&name) => Some(MacroArgs::Exprs(Vec::new())),
            "select" | "select_biased" => self.select(tokens),
            "matches" | "assert_matches" | "debug_assert_matches" => self.matches(tokens),
            _ => None,
        };
        special
            .or_else(|| self.expressions(tokens))
            .or_else(|| self.statements_in(call))
            .unwrap_or_else(|| self.pieces(tokens))
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

    fn statements_in(&mut self, call: &syn::Macro) -> Option<MacroArgs> {
        let stmts = syn::Block::parse_within.parse2(call.tokens.clone()).ok()?;
        if let Some(arguments) = separated_arguments(&stmts) {
            return Some(MacroArgs::Exprs(self.exprs(arguments)));
        }
        let range = range_of(call.delimiter.span().join());
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
        let branches = syn::parse2::<Branches>(tokens.clone()).ok()?.0;
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
    ///
    /// Pieces that are no expressions are left out, and the call is counted.
    fn pieces(&mut self, tokens: &TokenStream) -> MacroArgs {
        let mut exprs = Vec::new();
        let is_whole = self.pieces_in(tokens.clone(), 0, &mut exprs);
        if is_whole {
            return MacroArgs::Exprs(exprs);
        }
        self.n_macros_unread += 1;
        if exprs.is_empty() { MacroArgs::Unread } else { MacroArgs::Exprs(exprs) }
    }

    fn pieces_in(&mut self, tokens: TokenStream, depth: u32, exprs: &mut Vec<Expr>) -> bool {
        let sides = split(tokens).into_iter().flat_map(split_arrow);
        // No short cut: every piece that can be read is.
        sides.filter(|side| !self.piece(side, depth, exprs)).count() == 0
    }

    fn piece(&mut self, tokens: &[TokenTree], depth: u32, exprs: &mut Vec<Expr>) -> bool {
        let value = without_prefix(tokens);
        if value.is_empty() {
            return true;
        }
        if let Ok(expr) = syn::parse2::<syn::Expr>(value.iter().cloned().collect()) {
            exprs.push(self.expr(&expr));
            return true;
        }
        match value {
            [TokenTree::Group(group)] if depth < MAX_PIECE_DEPTH => self.pieces_in(group.stream(), depth + 1, exprs),
            // A type has no code to read.
            _ => syn::parse2::<syn::Type>(value.iter().cloned().collect()).is_ok(),
        }
    }
}

/// `"label"; future` is a list of arguments with another separator, not code.
fn separated_arguments(stmts: &[syn::Stmt]) -> Option<Vec<&syn::Expr>> {
    let exprs: Option<Vec<&syn::Expr>> =
        stmts.iter().map(|stmt| if let syn::Stmt::Expr(expr, _) = stmt { Some(expr) } else { None }).collect();
    let exprs = exprs?;
    exprs.iter().any(|expr| matches!(expr, syn::Expr::Lit(_) | syn::Expr::Path(_))).then_some(exprs)
}

/// Splits at the commas and semicolons that no bracket encloses.
fn split(tokens: TokenStream) -> Vec<Vec<TokenTree>> {
    let mut pieces = vec![Vec::new()];
    for token in tokens {
        let is_separator = matches!(&token, TokenTree::Punct(punct) if matches!(punct.as_char(), ',' | ';'));
        match pieces.last_mut() {
            Some(piece) if !is_separator => piece.push(token),
            _ => pieces.push(Vec::new()),
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
