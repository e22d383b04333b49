//! Blocks and statements, and the items that blocks declare.

use syn::parse::Parser;

use crate::cfg::CfgExpr;
use crate::ir::{Block, Expr, ExprKind, Item, ItemKind, LetStmt, Pat, Stmt, StmtKind, TypeRef};
use crate::lower::expand::{Spliced, Within};
use crate::lower::ranges::{attributes_start, end_of, macro_range, range_of, start_of};
use crate::lower::{Lowerer, attrs, cfg_if};
use crate::span::TextRange;

impl Lowerer {
    pub(crate) fn block(&mut self, block: &syn::Block) -> Block {
        let range = range_of(block.brace_token.span.join());
        self.statements(&block.stmts, range)
    }

    /// Lowers the statements of a block. Its items, and the block scopes within it, go to a scope of its own.
    pub(crate) fn statements(&mut self, stmts: &[syn::Stmt], range: TextRange) -> Block {
        match self.spliced(stmts) {
            Some(Spliced { stmts, within }) => self.statements_within(&stmts, &within, range),
            None => self.statements_within(stmts, &[], range),
        }
    }

    /// `within`: the expansion that each statement came out of; empty where none did.
    fn statements_within(&mut self, stmts: &[syn::Stmt], within: &[Within], range: TextRange) -> Block {
        if !stmts.iter().any(declares_items) {
            return self.plain_statements(stmts, within, range);
        }
        let id = self.n_scopes;
        self.n_scopes += 1;
        let outer = std::mem::take(&mut self.scopes);
        let mut items = Vec::new();
        for (at, stmt) in stmts.iter().enumerate() {
            self.at_statement(within.get(at), |lowerer| match stmt {
                syn::Stmt::Item(item) => lowerer.item(item, &mut items),
                syn::Stmt::Macro(call) if declares_items(stmt) => {
                    lowerer.item_macro(&call.mac, &call.attrs, &mut items);
                }
                _ => {}
            });
        }
        let block = self.plain_statements(stmts, within, range);
        items.append(&mut self.scopes);
        self.scopes = outer;
        let kind = ItemKind::BlockScope { id, items };
        self.scopes.push(Item { name: "".into(), range, cfg: None, attrs: Vec::new(), kind });
        Block { scope: Some(id), ..block }
    }

    fn plain_statements(&mut self, stmts: &[syn::Stmt], within: &[Within], range: TextRange) -> Block {
        let mut block = Block { range, ..Block::default() };
        let (front, value) = match stmts.split_last() {
            Some((last, front)) if is_value(last) => (front, Some(last)),
            _ => (stmts, None),
        };
        let n_items = front.iter().filter(|stmt| declares_items(stmt)).count();
        block.stmts.reserve_exact(front.len() - n_items);
        for (at, stmt) in front.iter().enumerate() {
            self.at_statement(within.get(at), |lowerer| lowerer.statement(stmt, &mut block.stmts));
        }
        let value = value.and_then(|value| self.at_statement(within.last(), |lowerer| lowerer.value(value)));
        block.tail = value.map(Box::new);
        block
    }

    /// Lowers what came out of an expansion as a part of it.
    fn at_statement<T>(&mut self, within: Option<&Within>, lower: impl FnOnce(&mut Lowerer) -> T) -> T {
        let Some(within) = within else { return lower(self) };
        let outer = std::mem::replace(&mut self.expander.within, within.clone());
        let result = lower(self);
        self.expander.within = outer;
        result
    }

    fn value(&mut self, stmt: &syn::Stmt) -> Option<Expr> {
        match stmt {
            syn::Stmt::Expr(expr, _) => Some(self.expr(expr)),
            syn::Stmt::Macro(call) => Some(self.macro_expr(&call.mac, macro_range(&call.mac))),
            _ => None,
        }
    }

    fn statement(&mut self, stmt: &syn::Stmt, into: &mut Vec<Stmt>) {
        match stmt {
            syn::Stmt::Local(local) => into.push(self.local(local)),
            syn::Stmt::Expr(syn::Expr::Verbatim(tokens), Some(_)) if tokens.is_empty() => {}
            syn::Stmt::Expr(expr, semi) => {
                let written = leading_attrs(expr);
                let expr = self.expr(expr);
                let start = attributes_start(written).map_or(expr.range.start, start_of);
                let end = semi.map_or(expr.range.end, |semi| end_of(semi.span));
                let range = TextRange::from_to(start, end);
                into.push(Stmt { range, cfg: attrs::predicate(written), kind: StmtKind::Expr(expr) });
            }
            syn::Stmt::Macro(_) if declares_items(stmt) => {}
            syn::Stmt::Macro(call) => self.macro_statement(call, into),
            syn::Stmt::Item(_) => {}
        }
    }

    fn local(&mut self, local: &syn::Local) -> Stmt {
        let start = start_of(attributes_start(&local.attrs).unwrap_or(local.let_token.span));
        let range = TextRange::from_to(start, end_of(local.semi_token.span));
        let init = local.init.as_ref().map(|init| self.expr(&init.expr));
        let diverge = local.init.as_ref().and_then(|init| init.diverge.as_ref());
        let otherwise = diverge.map(|(_, diverge)| self.diverging_block(diverge));
        let (pat, ty) = match self.pat(&local.pat) {
            Pat::Typed(pat, ty) => (*pat, ty),
            pat => (pat, TypeRef::Infer),
        };
        Stmt {
            range,
            cfg: attrs::predicate(&local.attrs),
            kind: StmtKind::Let(Box::new(LetStmt { pat, ty, init, otherwise })),
        }
    }

    fn diverging_block(&mut self, diverge: &syn::Expr) -> Block {
        let expr = self.expr(diverge);
        match expr.kind {
            ExprKind::Block { block, .. } => block,
            _ => Block { range: expr.range, tail: Some(Box::new(expr)), ..Block::default() },
        }
    }

    fn macro_statement(&mut self, call: &syn::StmtMacro, into: &mut Vec<Stmt>) {
        let cfg = attrs::predicate(&call.attrs);
        match macro_name(&call.mac).as_str() {
            "cfg_if" => return self.cfg_if_statements(call, cfg, into),
            "pin" if let Some(locals) = pinned_locals(&call.mac) => {
                // `pin! { let a = ..; }` declares in the block around it.
                for stmt in &locals {
                    self.statement(stmt, into);
                }
                return;
            }
            _ => {}
        }
        let expr = self.macro_expr(&call.mac, macro_range(&call.mac));
        let start = attributes_start(&call.attrs).map_or(expr.range.start, start_of);
        let end = call.semi_token.map_or(expr.range.end, |semi| end_of(semi.span));
        into.push(Stmt { range: TextRange::from_to(start, end), cfg, kind: StmtKind::Expr(expr) });
    }

    /// One block a branch, under the branch's predicate.
    fn cfg_if_statements(&mut self, call: &syn::StmtMacro, outer: Option<CfgExpr>, into: &mut Vec<Stmt>) {
        for branch in cfg_if::branches(call.mac.tokens.clone()) {
            let Ok(stmts) = syn::Block::parse_within.parse2(branch.tokens) else {
                self.n_macros_unread += 1;
                continue;
            };
            let block = self.statements(&stmts, branch.range);
            let expr = Expr { range: branch.range, kind: ExprKind::Block { label: None, block } };
            let cfg = attrs::both(outer.clone(), Some(branch.predicate));
            into.push(Stmt { range: branch.range, cfg, kind: StmtKind::Expr(expr) });
        }
    }
}

/// The last segment of the macro's path.
pub(crate) fn macro_name(call: &syn::Macro) -> String {
    call.path.segments.last().map(|last| last.ident.to_string()).unwrap_or_default()
}

fn declares_items(stmt: &syn::Stmt) -> bool {
    match stmt {
        syn::Stmt::Item(_) => true,
        syn::Stmt::Macro(call) => matches!(macro_name(&call.mac).as_str(), "lazy_static" | "thread_local"),
        _ => false,
    }
}

/// Whether the last statement is the block's value. One under a predicate stays a statement, which keeps the predicate.
fn is_value(stmt: &syn::Stmt) -> bool {
    match stmt {
        syn::Stmt::Expr(expr, None) => attrs::predicate(leading_attrs(expr)).is_none(),
        syn::Stmt::Macro(call) => {
            let is_special = matches!(macro_name(&call.mac).as_str(), "cfg_if" | "lazy_static" | "thread_local");
            call.semi_token.is_none() && !is_special && attrs::predicate(&call.attrs).is_none()
        }
        _ => false,
    }
}

fn pinned_locals(call: &syn::Macro) -> Option<Vec<syn::Stmt>> {
    let stmts = syn::Block::parse_within.parse2(call.tokens.clone()).ok()?;
    stmts.iter().all(|stmt| matches!(stmt, syn::Stmt::Local(_))).then_some(stmts)
}

/// The attributes of a statement that is an expression: the grammar hangs them on its leftmost operand.
fn leading_attrs(expr: &syn::Expr) -> &[syn::Attribute] {
    use syn::Expr as E;
    match expr {
        E::Assign(e) => leading_attrs(&e.left),
        E::Binary(e) => leading_attrs(&e.left),
        E::Cast(e) => leading_attrs(&e.expr),
        E::Array(e) => &e.attrs,
        E::Async(e) => &e.attrs,
        E::Await(e) => &e.attrs,
        E::Block(e) => &e.attrs,
        E::Break(e) => &e.attrs,
        E::Call(e) => &e.attrs,
        E::Closure(e) => &e.attrs,
        E::Const(e) => &e.attrs,
        E::Continue(e) => &e.attrs,
        E::Field(e) => &e.attrs,
        E::ForLoop(e) => &e.attrs,
        E::If(e) => &e.attrs,
        E::Index(e) => &e.attrs,
        E::Lit(e) => &e.attrs,
        E::Loop(e) => &e.attrs,
        E::Macro(e) => &e.attrs,
        E::Match(e) => &e.attrs,
        E::MethodCall(e) => &e.attrs,
        E::Paren(e) => &e.attrs,
        E::Path(e) => &e.attrs,
        E::Return(e) => &e.attrs,
        E::Struct(e) => &e.attrs,
        E::Try(e) => &e.attrs,
        E::TryBlock(e) => &e.attrs,
        E::Tuple(e) => &e.attrs,
        E::Unary(e) => &e.attrs,
        E::Unsafe(e) => &e.attrs,
        E::While(e) => &e.attrs,
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use crate::ir::{Block, ItemKind};
    use crate::lower::parse_file;

    /// The body of the only function, and the names of the items beside it.
    fn body(text: &str) -> (Block, Vec<String>) {
        let ir = parse_file(text);
        assert!(ir.gaps.is_empty(), "{:?}", ir.gaps);
        let ItemKind::Fn(def) = &ir.items[0].kind else { panic!("{:?}", ir.items) };
        let names = ir.items[1..].iter().flat_map(|item| match &item.kind {
            ItemKind::BlockScope { items, .. } => items.iter().map(|item| format!("{}", item.name)).collect(),
            _ => vec!["not a scope".to_owned()],
        });
        (def.body.clone().unwrap().decode(), names.collect())
    }

    fn check(text: &str, n_stmts: usize, has_tail: bool) {
        let (block, _) = body(text);
        assert_eq!((block.stmts.len(), block.tail.is_some()), (n_stmts, has_tail));
    }

    #[test]
    fn the_last_expression_is_the_value() {
        check("fn f() { a(); b }", 1, true);
        check("fn f() { a(); if b {} }", 1, true);
        check("fn f() { a(); vec![1] }", 1, true);
        check("fn f() { a(); json! { 1 } }", 1, true);
        check("fn f() { a(); b; }", 2, false);
        check("fn f() { a();; }", 1, false);
    }

    #[test]
    fn values_under_predicates_stay_statements() {
        let (block, _) = body("fn f() { #[cfg(a)] { b() } #[cfg(not(a))] { c() } }");
        assert_eq!((block.stmts.len(), block.tail.is_some()), (2, false));
        assert!(block.stmts.iter().all(|stmt| stmt.cfg.is_some()));
    }

    #[test]
    fn predicates_hang_on_the_leftmost_operand() {
        let (block, _) = body("fn f() { #[cfg(a)] b.c = d; #[cfg(a)] let e = 1; #[cfg(a)] g!(); }");
        assert!(block.stmts.iter().all(|stmt| stmt.cfg.is_some()));
        assert_eq!(block.stmts[0].range.start.column, 10);
    }

    #[test]
    fn branches_of_cfg_if_are_statements_with_predicates() {
        let (block, _) = body("fn f() { cfg_if! { if #[cfg(a)] { b(); } else { c() } } }");
        assert_eq!((block.stmts.len(), block.tail.is_some()), (2, false));
        assert!(block.stmts.iter().all(|stmt| stmt.cfg.is_some()));
    }

    #[test]
    fn pin_declares_in_the_block_around_it() {
        check("fn f() { tokio::pin! { let a = b(); } a.await }", 1, true);
    }

    #[test]
    fn items_of_a_block_stand_in_a_scope_beside_the_function() {
        let (block, names) = body("fn f() { struct A; use b::c; lazy_static! { static ref D: u8 = 1; } d() }");
        assert_eq!(names, ["A", "", "D"]);
        assert_eq!((block.scope, block.stmts.len()), (Some(0), 0));
    }

    #[test]
    fn scopes_nest() {
        let ir = parse_file("impl I { fn f() { struct A; { struct B; } } }");
        let [_, outer] = ir.items.as_slice() else { panic!("{:?}", ir.items) };
        let ItemKind::BlockScope { items, .. } = &outer.kind else { panic!("{outer:?}") };
        let [a, inner] = items.as_slice() else { panic!("{items:?}") };
        assert_eq!(a.name, "A");
        assert!(matches!(&inner.kind, ItemKind::BlockScope { items, .. } if items[0].name == "B"));
    }
}
