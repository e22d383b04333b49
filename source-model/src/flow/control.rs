//! Control flow: branches, matches, loops, labelled blocks.

use rustc_hash::FxHashMap as HashMap;

use crate::facts::Construct;
use crate::flow::build::{Builder, LoopFrame, Value};
use crate::flow::exprs::merged;
use crate::flow::extensions::kept_over;
use crate::flow::graph::{Op, RESULT, SlotId};
use crate::ir::{Arm, Block, Expr, ExprKind, MacroArgs, Name, Pat, StmtKind};
use crate::project::Edition;
use crate::types::Ty;

/// The value of several branches: the first that is known; what each owns goes to one slot.
pub(crate) struct Joined {
    value: Option<Value>,
    slot: Option<SlotId>,
}

impl Builder<'_> {
    pub(crate) fn control(&mut self, expr: &Expr) -> Value {
        match &expr.kind {
            ExprKind::If { cond, then, otherwise } => self.if_expr(cond, then, otherwise.as_deref()),
            ExprKind::Match { scrutinee, arms } => {
                let extendable = self.extendable.take();
                let value = self.match_scrutinee(scrutinee, arms, expr.range.end);
                self.extendable = extendable;
                self.match_value(&value, arms)
            }
            ExprKind::While { label, cond, body } => self.while_expr(label.as_ref(), cond, body),
            ExprKind::Loop { label, body } => self.loop_expr(label.as_ref(), body),
            ExprKind::For { label, pat, iter, body } => self.for_expr(label.as_ref(), pat, iter, body),
            ExprKind::Break { label, value } => self.break_expr(label.as_ref(), value.as_deref()),
            ExprKind::Continue { label } => self.continue_expr(label.as_ref()),
            // A `let` outside a condition: the operand of `matches!`-like code.
            ExprKind::Let { expr, .. } => {
                self.expr(expr);
                Value::of(Ty::Scalar)
            }
            _ => Value::unknown("expression form"),
        }
    }

    pub(crate) fn start_join(&mut self) -> Joined {
        Joined { value: None, slot: None }
    }

    /// Adds a branch that reaches the join.
    pub(crate) fn join(&mut self, joined: &mut Joined, value: Value) {
        if value.may_own() {
            let slot = *joined.slot.get_or_insert_with(|| self.new_temporary());
            self.move_to(&value, slot);
        }
        joined.value = Some(match joined.value.take() {
            None if value.ty == Ty::Never => Value::of(Ty::Never),
            None => value.unowned(),
            Some(known) if value.ty == Ty::Never => known,
            Some(known) if known.ty == Ty::Never || (known.ty.is_unknown() && !value.ty.is_unknown()) => {
                value.unowned()
            }
            // `None` in one branch, and what it is an option of in another.
            Some(known) => Value { ty: merged(known.ty.clone(), value.ty), ..known },
        });
    }

    pub(crate) fn finish_join(joined: Joined) -> Value {
        let value = joined.value.unwrap_or_else(Value::unit);
        Value { owner: joined.slot, ..value }
    }

    // ---- if ----

    fn if_expr(&mut self, cond: &Expr, then: &Block, otherwise: Option<&Expr>) -> Value {
        let extendable = self.extendable.take();
        let mut joined = self.start_join();
        // The join slot must outlive the branches.
        let after = self.new_block();
        let failed = self.new_block();
        // Before 2024, temporaries of an `if let` belong to the enclosing scope, `else` included.
        let own_scope = self.edition >= Edition::E2024;
        let outer = self.state().scopes.len() - 1;
        if own_scope {
            self.push_scope(false);
        }
        self.env.push(HashMap::default());
        self.push_scope(true);
        let first = self.state().extensions.len();
        self.condition(cond, failed, outer + usize::from(own_scope));
        self.close_extensions(first, Construct::IfLet, then.range, otherwise.map(|otherwise| otherwise.range));
        let value = self.branch(extendable, |builder| builder.block(then));
        let value = self.lift(value, outer);
        self.pop_scope_of_branch(failed);
        self.env.pop();
        if own_scope {
            self.pop_scope_of_branch(failed);
        }
        self.join(&mut joined, value);
        self.edge(after);
        self.switch_to(failed);
        match otherwise {
            Some(otherwise) => {
                let value = self.branch(extendable, |builder| builder.expr(otherwise));
                self.join(&mut joined, value);
            }
            None => self.join(&mut joined, Value::unit()),
        }
        self.edge(after);
        self.switch_to(after);
        Self::finish_join(joined)
    }

    /// A branch in a scope of its own, where borrows extend their operands as they do outside of it.
    fn branch(&mut self, extendable: Option<usize>, lower: impl FnOnce(&mut Self) -> Value) -> Value {
        self.in_scope(|builder| {
            builder.extendable = extendable;
            lower(builder)
        })
    }

    /// Ends the scope of an `if let` from 2024 on: dropped after the then-block, and before the else-block.
    fn pop_scope_of_branch(&mut self, failed: u32) {
        let slots = self.state().scopes.last().map(|scope| scope.slots.clone()).unwrap_or_default();
        self.pop_scope();
        let current = self.state().current;
        self.switch_to(failed);
        for slot in slots.into_iter().rev() {
            self.op(Op::Drop { slot });
        }
        self.switch_to(current);
    }

    /// A condition: continues where it holds, and goes to `failed` where it does not.
    ///
    /// `temporaries` is the scope that owns the temporaries of a `let` scrutinee.
    fn condition(&mut self, cond: &Expr, failed: u32, temporaries: usize) {
        match &cond.kind {
            ExprKind::Binary { op: crate::ir::BinaryOp::And, left, right } => {
                self.condition(left, failed, temporaries);
                self.condition(right, failed, temporaries);
            }
            ExprKind::Let { pat, expr } => self.let_condition(pat, expr, failed, temporaries),
            _ => self.plain_condition(cond, failed),
        }
    }

    fn let_condition(&mut self, pat: &Pat, expr: &Expr, failed: u32, temporaries: usize) {
        self.push_scope(false);
        self.state_mut().scopes.last_mut().expect("just pushed").redirect = Some(temporaries);
        let value = self.let_scrutinee(expr, pat);
        self.pop_scope();
        if self.is_refutable(pat) {
            self.failing_edge(pat, &value, failed);
        }
        self.bind(pat, value);
    }

    // ---- match ----

    /// Arms in order; the temporaries of the scrutinee live through all of them.
    pub(crate) fn match_value(&mut self, value: &Value, arms: &[Arm]) -> Value {
        let extendable = self.extendable.take();
        let mut joined = self.start_join();
        let outer = self.state().scopes.len() - 1;
        let after = self.new_block();
        let entry = self.state().current;
        let module = self.types.module;
        for (at, arm) in arms.iter().enumerate() {
            if !self.index.predicate_holds(module, arm.cfg.as_ref()) {
                continue;
            }
            self.switch_to(entry);
            self.continue_in_new();
            self.arm_reached(arm, &arms[..at], value);
            let bound = self.arm(value, arm, extendable);
            let bound = self.lift(bound, outer);
            self.join(&mut joined, bound);
            self.edge(after);
        }
        self.switch_to(after);
        Self::finish_join(joined)
    }

    fn arm(&mut self, value: &Value, arm: &Arm, extendable: Option<usize>) -> Value {
        self.env.push(HashMap::default());
        let outer = self.state().scopes.len() - 1;
        self.push_scope(true);
        self.bind(&arm.pat, value.clone());
        if let Some(guard) = &arm.guard {
            let first = self.state().extensions.len();
            self.guard(guard);
            self.close_extensions(first, Construct::IfLet, arm.body.range, None);
        }
        let result = self.branch(extendable, |builder| builder.expr(&arm.body));
        let result = self.lift(result, outer);
        self.pop_scope();
        self.env.pop();
        result
    }

    /// A match guard: `if cond`, `if let ..`.
    fn guard(&mut self, guard: &Expr) {
        let failed = self.new_block();
        let temporaries = self.state().scopes.len() - 1;
        self.condition(guard, failed, temporaries);
    }

    // ---- loops ----

    fn enter_loop(&mut self, label: Option<&Name>, break_to: u32, continue_to: Option<u32>) {
        let result = self.new_temporary();
        let n_scopes = self.state().scopes.len();
        let frame =
            LoopFrame { label: label.cloned(), n_scopes, break_to, continue_to, result, ty: None, has_break: false };
        let state = self.state_mut();
        if continue_to.is_some() {
            state.loop_depth += 1;
            state.has_loop = true;
        }
        state.loops.push(frame);
    }

    fn leave_loop(&mut self) -> LoopFrame {
        let state = self.state_mut();
        let frame = state.loops.pop().expect("a loop was entered");
        if frame.continue_to.is_some() {
            state.loop_depth -= 1;
        }
        frame
    }

    fn loop_expr(&mut self, label: Option<&Name>, body: &Block) -> Value {
        let after = self.new_block();
        let head = self.new_block();
        self.enter_loop(label, after, Some(head));
        self.edge(head);
        self.switch_to(head);
        self.in_scope(|builder| builder.block(body));
        self.edge(head);
        let frame = self.leave_loop();
        self.switch_to(after);
        if !frame.has_break {
            let returns = contains_return(body);
            self.state_mut().runs_forever |= !returns;
            return Value::of(Ty::Never);
        }
        Value { owner: Some(frame.result), ..Value::of(frame.ty.unwrap_or_else(Ty::unit)) }
    }

    fn while_expr(&mut self, label: Option<&Name>, cond: &Expr, body: &Block) -> Value {
        let after = self.new_block();
        let failed = self.new_block();
        let head = self.new_block();
        self.enter_loop(label, after, Some(head));
        self.edge(head);
        self.switch_to(head);
        // Each turn is a scope: the scrutinee of `while let` is held through the body, and free after.
        self.push_scope(false);
        let temporaries = self.state().scopes.len() - 1;
        self.push_scope(true);
        self.env.push(HashMap::default());
        let first = self.state().extensions.len();
        self.condition(cond, failed, temporaries);
        self.close_extensions(first, Construct::WhileLet, body.range, None);
        self.in_scope(|builder| builder.block(body));
        self.env.pop();
        self.pop_scope_of_branch(failed);
        self.pop_scope_of_branch(failed);
        self.edge(head);
        self.leave_loop();
        self.switch_to(failed);
        self.edge(after);
        self.switch_to(after);
        Value::unit()
    }

    fn for_expr(&mut self, label: Option<&Name>, pat: &Pat, iter: &Expr, body: &Block) -> Value {
        self.push_scope(true);
        // Temporaries of the head live as long as the loop.
        let over = kept_over(iter.range, body.range, body.range.end);
        let head_value = self.operand(iter, Construct::For, over);
        if !matches!(head_value.ty, Ty::Ref(_)) && head_value.may_own() {
            // The loop takes its head over.
            let head = self.new_temporary();
            self.move_to(&head_value, head);
        }
        let iterator = self.looped(&head_value, iter.range);
        let chain = self.chain_of(&head_value);
        let iterated = self.iterate(head_value, iter);
        let after = self.new_block();
        let head = self.new_block();
        self.enter_loop(label, after, Some(head));
        self.edge(head);
        self.switch_to(head);
        if let Some(iterator) = iterator {
            self.run_next(&iterator, iter.range);
        }
        self.drive(chain, self.span(iter.range));
        self.edge(after);
        self.continue_in_new();
        self.push_scope(true);
        self.env.push(HashMap::default());
        self.bind(pat, iterated);
        self.in_scope(|builder| builder.block(body));
        self.env.pop();
        self.pop_scope();
        self.edge(head);
        self.leave_loop();
        self.switch_to(after);
        self.pop_scope();
        Value::unit()
    }

    fn break_expr(&mut self, label: Option<&Name>, value: Option<&Expr>) -> Value {
        let value = value.map_or_else(Value::unit, |value| self.expr(value));
        let Some(at) = self.find_loop(label, false) else { return Value::of(Ty::Never) };
        let frame = self.state().loops[at].clone();
        let ty = value.ty.clone();
        self.move_to(&value, frame.result);
        let known = &mut self.state_mut().loops[at];
        known.has_break = true;
        known.ty = Some(known.ty.take().map_or(ty.clone(), |known| merged(known, ty)));
        self.drop_down_to(frame.n_scopes);
        self.goto(frame.break_to);
        Value::of(Ty::Never)
    }

    fn continue_expr(&mut self, label: Option<&Name>) -> Value {
        if let Some(at) = self.find_loop(label, true) {
            let frame = self.state().loops[at].clone();
            self.drop_down_to(frame.n_scopes);
            self.goto(frame.continue_to.unwrap_or(frame.break_to));
        }
        Value::of(Ty::Never)
    }

    fn find_loop(&self, label: Option<&Name>, to_continue: bool) -> Option<usize> {
        self.state().loops.iter().rposition(|frame| match label {
            Some(label) => frame.label.as_ref() == Some(label),
            None => frame.continue_to.is_some() || (frame.label.is_none() && !to_continue),
        })
    }

    pub(crate) fn labelled_block(&mut self, label: Option<&Name>, block: &Block) -> Value {
        let Some(label) = label else { return self.block(block) };
        let after = self.new_block();
        self.enter_loop(Some(label), after, None);
        let value = self.block(block);
        let frame = self.leave_loop();
        self.move_to(&value, frame.result);
        self.edge(after);
        self.switch_to(after);
        let ty = match frame.ty {
            Some(broken) if value.ty == Ty::Never => broken,
            Some(broken) => merged(value.ty, broken),
            None => value.ty,
        };
        Value { owner: Some(frame.result), ..Value::of(ty).at(value.place) }
    }

    /// Whether control can leave the body at all is judged elsewhere; this ends it.
    pub(crate) fn diverge(&mut self) -> Value {
        self.drop_down_to(0);
        let dead = self.new_block();
        self.switch_to(dead);
        Value::of(Ty::Never)
    }

    /// Moves the result of a body out, for closures whose body is an expression.
    pub(crate) fn finish_with(&mut self, value: Value) -> Ty {
        let ty = match &value.ty {
            Ty::Never => self.state().returned.clone().unwrap_or(Ty::Never),
            other => other.clone(),
        };
        self.move_to(&value, RESULT);
        ty
    }
}

/// Whether an expression statement never completes.
pub(crate) fn diverges(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Return(_) | ExprKind::Break { .. } | ExprKind::Continue { .. } => true,
        ExprKind::Macro(call) => call.path.last().is_some_and(|name| is_diverging_macro(name)),
        ExprKind::Block { block, label: None } => block_diverges(block),
        ExprKind::If { then, otherwise: Some(otherwise), .. } => block_diverges(then) && diverges(otherwise),
        ExprKind::Match { arms, .. } => !arms.is_empty() && arms.iter().all(|arm| diverges(&arm.body)),
        _ => false,
    }
}

fn block_diverges(block: &Block) -> bool {
    match (&block.tail, block.stmts.last()) {
        (Some(tail), _) => diverges(tail),
        (None, Some(stmt)) => matches!(&stmt.kind, StmtKind::Expr(expr) if diverges(expr)),
        (None, None) => false,
    }
}

pub(crate) fn is_diverging_macro(name: &str) -> bool {
    matches!(name, "panic" | "unreachable" | "todo" | "unimplemented" | "bail")
}

/// Whether a `return` or `?` within a loop body leaves the function.
fn contains_return(block: &Block) -> bool {
    block.stmts.iter().any(|stmt| match &stmt.kind {
        StmtKind::Let(binding) => {
            binding.init.as_ref().is_some_and(leaves) || binding.otherwise.as_ref().is_some_and(contains_return)
        }
        StmtKind::Expr(expr) => leaves(expr),
    }) || block.tail.as_deref().is_some_and(leaves)
}

fn leaves(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Return(_) | ExprKind::Try(_) => true,
        ExprKind::If { cond, then, otherwise } => {
            leaves(cond) || contains_return(then) || otherwise.as_deref().is_some_and(leaves)
        }
        ExprKind::Match { scrutinee, arms } => leaves(scrutinee) || arms.iter().any(|arm| leaves(&arm.body)),
        ExprKind::Loop { body, .. } => contains_return(body),
        ExprKind::While { cond, body, .. } => leaves(cond) || contains_return(body),
        ExprKind::For { iter, body, .. } => leaves(iter) || contains_return(body),
        ExprKind::Block { block, .. } => contains_return(block),
        ExprKind::Await(base) | ExprKind::Ref(base) | ExprKind::Deref(base) => leaves(base),
        ExprKind::Unary { base, .. } => leaves(base),
        ExprKind::MethodCall { receiver, args, .. } => leaves(receiver) || args.iter().any(leaves),
        ExprKind::Call { args, .. } => args.iter().any(leaves),
        ExprKind::Let { expr, .. } => leaves(expr),
        ExprKind::Binary { left, right, .. } | ExprKind::Assign { left, right } => leaves(left) || leaves(right),
        ExprKind::Macro(call) => match &call.args {
            MacroArgs::Select(branches) => branches.iter().any(|branch| leaves(&branch.body)),
            MacroArgs::Block(block) => contains_return(block),
            MacroArgs::Exprs(exprs) => exprs.iter().any(leaves),
            _ => false,
        },
        _ => false,
    }
}
