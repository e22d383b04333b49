//! Blocks and statements: which scope owns what they make, by edition.

use rustc_hash::FxHashMap as HashMap;

use crate::facts::Construct;
use crate::flow::build::{Builder, Value};
use crate::flow::exprs::merged;
use crate::flow::graph::Op;
use crate::ir::{Block, Expr, ExprKind, LetStmt, Pat, Stmt, StmtKind};
use crate::project::Edition;
use crate::span::TextRange;
use crate::types::Ty;

impl Builder<'_> {
    /// A block in a scope of its own: locals die at its end; where the temporaries of its tail die depends on the edition.
    pub(crate) fn block(&mut self, block: &Block) -> Value {
        let outer = self.types.module;
        if let Some(scope) = block.scope.and_then(|id| self.index.block_scope(outer, id)) {
            self.types.module = scope;
        }
        let extendable = self.extendable.take();
        self.push_scope(true);
        self.env.push(HashMap::default());
        for stmt in &block.stmts {
            if self.index.predicate_holds(outer, stmt.cfg.as_ref()) {
                self.statement(stmt);
            }
        }
        let value = match &block.tail {
            Some(tail) => self.tail(tail, block.range, extendable),
            None => self.end_of_block(block),
        };
        self.env.pop();
        self.pop_scope();
        self.types.module = outer;
        value
    }

    /// The value of a block without a tail: unit, or never when its last statement diverges.
    fn end_of_block(&self, block: &Block) -> Value {
        let diverges = block.stmts.last().is_some_and(|stmt| match &stmt.kind {
            StmtKind::Expr(expr) => crate::flow::control::diverges(expr),
            StmtKind::Let(_) => false,
        });
        if diverges { Value::of(Ty::Never) } else { Value::unit() }
    }

    fn tail(&mut self, tail: &Expr, block: TextRange, extendable: Option<usize>) -> Value {
        let outer = self.state().scopes.len() - 2;
        // From 2024 on temporaries die before the locals; what the value owns moves out first.
        // Before, they belong to the enclosing temporary scope and outlive the locals.
        let redirect = (self.edition < Edition::E2024).then_some(outer);
        self.push_scope(false);
        self.state_mut().scopes.last_mut().expect("just pushed").redirect = redirect;
        self.extendable = extendable;
        let value = match redirect {
            Some(_) => self.operand(tail, Construct::Tail, block),
            None => self.expr(tail),
        };
        let value = self.lift(value, outer);
        self.pop_scope();
        value
    }

    fn statement(&mut self, stmt: &Stmt) {
        self.push_scope(false);
        match &stmt.kind {
            StmtKind::Let(binding) => self.let_statement(binding),
            StmtKind::Expr(expr) => {
                self.expr(expr);
            }
        }
        self.pop_scope();
    }

    fn let_statement(&mut self, binding: &LetStmt) {
        let LetStmt { pat, ty, init, otherwise } = binding;
        let declared = self.index.lower(ty, &self.types);
        let Some(init) = init else {
            self.bind(pat, Value::of(declared));
            return;
        };
        let block = self.state().scopes.iter().rposition(|scope| scope.is_block).unwrap_or_default();
        let n_extended = self.state().scopes[block].slots.len();
        self.extendable = Some(block);
        let binds_by_ref = binds_by_ref(pat);
        // `let ref guard = m.lock()` is `let guard = &m.lock()`.
        self.extend_to = binds_by_ref.then_some(block);
        let mut value = self.expr(init);
        self.extendable = None;
        self.extend_to = None;
        value.ty = merged(declared, value.ty);
        if binds_by_ref && !is_place(init) {
            value = self.lift(value, block);
        }
        let Some(otherwise) = otherwise else {
            self.discard(pat, &value, init);
            self.bind(pat, value);
            return;
        };
        let passed = self.new_block();
        let failed = self.new_block();
        self.edge(failed);
        self.edge(passed);
        self.switch_to(failed);
        self.absent(pat, &value);
        // Temporaries of the statement die before the `else` block runs, and so do extended ones.
        let statement = self.state().scopes.len() - 1;
        self.drop_down_to(statement);
        let extended = self.state().scopes[block].slots[n_extended..].to_vec();
        for slot in extended.into_iter().rev() {
            self.op(Op::Drop { slot });
        }
        self.block(otherwise);
        self.switch_to(passed);
        self.present(pat, &value);
        self.discard(pat, &value, init);
        self.bind(pat, value);
    }
}

/// Whether a pattern has a `ref` binding: its initialiser is borrowed then.
pub(super) fn binds_by_ref(pat: &Pat) -> bool {
    match pat {
        Pat::Bind { by_ref, sub, .. } => *by_ref || sub.as_deref().is_some_and(binds_by_ref),
        Pat::Tuple(parts) | Pat::TupleStruct { elems: parts, .. } | Pat::Slice(parts) | Pat::Or(parts) => {
            parts.iter().any(binds_by_ref)
        }
        Pat::Struct { fields, .. } => fields.iter().any(|(_, pat)| binds_by_ref(pat)),
        Pat::Typed(inner, _) => binds_by_ref(inner),
        _ => false,
    }
}

/// Whether an expression names something that lives on its own.
pub(super) fn is_place(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Path(_) => true,
        ExprKind::Field { base, .. } => is_place(base),
        _ => false,
    }
}
