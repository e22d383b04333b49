//! Macro calls: their arguments are evaluated in order; `select!` and `join!` poll futures.

use rustc_hash::FxHashMap as HashMap;

use crate::flow::blocks::is_place;
use crate::flow::build::{Builder, Value};
use crate::flow::exprs::position_name;
use crate::flow::graph::{Op, SlotId};
use crate::ir::{Expr, MacroArgs, MacroCall, SelectBranch};
use crate::span::TextRange;
use crate::types::Ty;

/// How far the temporaries of a macro's arguments live.
enum ArgumentScope {
    /// As those of a call's arguments: all to the end of the statement around the macro.
    Expression,
    /// The macro puts all arguments into one statement of its own.
    Statement,
    /// Each argument is in a statement of its own, or nobody knows: then nothing is said of one while another runs.
    Each,
}

/// What the expansions of well-known macros do.
fn scope_of_arguments(name: &str) -> ArgumentScope {
    match name {
        "vec" | "smallvec" | "write" | "writeln" | "format_args" | "assert_eq" | "assert_ne" | "debug_assert_eq"
        | "debug_assert_ne" | "dbg" | "pin" | "ready" | "addr_of" | "addr_of_mut" | "span" | "trace_span"
        | "debug_span" | "info_span" | "warn_span" | "error_span" | "matches" => ArgumentScope::Expression,
        "format" | "print" | "println" | "eprint" | "eprintln" | "log" | "event" | "trace" | "debug" | "info"
        | "warn" | "error" | "anyhow" | "eyre" | "format_err" => ArgumentScope::Statement,
        _ if crate::flow::control::is_diverging_macro(name) => ArgumentScope::Statement,
        _ => ArgumentScope::Each,
    }
}

impl Builder<'_> {
    pub(crate) fn macro_call(&mut self, expr: &Expr, call: &MacroCall, extend_to: Option<usize>) -> Value {
        let name = call.path.last().cloned().unwrap_or_default();
        match &call.args {
            MacroArgs::Exprs(exprs) => self.macro_exprs(expr, &name, exprs, extend_to),
            MacroArgs::Block(block) => {
                // What the macro does with the value of the code is not known.
                let value = self.in_scope(|builder| builder.block(block));
                self.consume(&value);
                self.macro_value(&name, Vec::new())
            }
            MacroArgs::Select(branches) => self.select(expr.range, branches),
            MacroArgs::Matches(arm, scrutinee) => {
                // Expands to a `match`: the scrutinee's temporaries live to the end of the enclosing scope.
                let value = self.expr(scrutinee);
                self.match_value(&value, std::slice::from_ref(arm));
                Value::of(Ty::Scalar)
            }
            MacroArgs::Unread => Value::unknown("unread macro"),
        }
    }

    fn macro_exprs(&mut self, expr: &Expr, name: &str, exprs: &[Expr], extend_to: Option<usize>) -> Value {
        if matches!(name, "join" | "try_join") {
            return self.join_macro(expr.range, exprs, name == "try_join");
        }
        if let ("assert" | "debug_assert" | "ensure", [condition, arguments @ ..]) = (name, exprs) {
            self.assertion(condition, arguments);
            return Value::unit();
        }
        let values = match scope_of_arguments(name) {
            ArgumentScope::Expression => self.together(exprs),
            ArgumentScope::Statement => self.apart(exprs),
            ArgumentScope::Each => exprs.chunks(1).flat_map(|one| self.apart(one)).collect(),
        };
        if crate::flow::control::is_diverging_macro(name) {
            return self.diverge();
        }
        self.extend_to = extend_to;
        self.macro_value(name, values)
    }

    fn together(&mut self, exprs: &[Expr]) -> Vec<Value> {
        let mut values = Vec::new();
        for arg in exprs {
            let value = self.expr(arg);
            // `format!` and its like take references. Others may move: a future or handle is theirs then.
            self.lend(&value);
            values.push(value);
        }
        values
    }

    /// Arguments whose temporaries nothing outside of them sees, what they yield included. Variables keep what they own.
    fn apart(&mut self, exprs: &[Expr]) -> Vec<Value> {
        self.push_scope(false);
        let values = self.together(exprs);
        self.pop_scope();
        values
    }

    /// `assert!(condition, text, arguments)`: the arguments are evaluated where the condition fails, and then it panics.
    /// `ensure!` returns an error there.
    fn assertion(&mut self, condition: &Expr, arguments: &[Expr]) {
        let failed = self.new_block();
        self.plain_condition(condition, failed);
        let holds = self.state().current;
        self.switch_to(failed);
        for argument in arguments {
            self.expr(argument);
        }
        self.diverge();
        self.switch_to(holds);
    }

    /// The value of well-known macros.
    fn macro_value(&mut self, name: &str, mut values: Vec<Value>) -> Value {
        let extend_to = self.extend_to.take();
        let index = self.index;
        match name {
            "vec" | "smallvec" => {
                let item = values.first().map_or(Ty::Unknown("empty vec"), |value| value.ty.clone());
                let ty = index.vec_of(item);
                self.extend_to = extend_to;
                let owner = self.gather(&values, &ty);
                self.extend_to = None;
                Value { owner, ..Value::of(ty) }
            }
            "format" => Value::of(index.string()),
            "println" | "print" | "eprintln" | "eprint" | "info" | "debug" | "warn" | "error" | "trace" | "assert"
            | "assert_eq" | "assert_ne" | "debug_assert" | "debug_assert_eq" | "debug_assert_ne" => Value::unit(),
            "write" | "writeln" => Value::of(index.result_of(Ty::unit(), Ty::Unknown("error of write!"))),
            "dbg" | "pin" | "ready" if values.len() == 1 => values.remove(0),
            "addr_of" | "addr_of_mut" if values.len() == 1 => {
                let value = values.remove(0);
                Value::of(Ty::reference(value.ty)).at(value.place)
            }
            "concat" | "stringify" | "env" | "include_str" => Value::of(Ty::reference(Ty::Str)),
            "line" | "column" | "cfg" | "matches" => Value::of(Ty::Scalar),
            _ => Value::unknown("value of a macro"),
        }
    }

    /// Futures that are made in one `let` statement: temporaries of making them end before any of them is polled.
    fn futures<'e>(&mut self, exprs: impl Iterator<Item = Option<&'e Expr>>, extends: bool) -> Vec<Option<Value>> {
        let owner = self.state().scopes.len() - 1;
        self.push_scope(false);
        let mut futures = Vec::new();
        for expr in exprs {
            self.extendable = extends.then_some(owner);
            futures.push(expr.map(|expr| (self.expr(expr), is_place(expr))));
        }
        self.extendable = None;
        let kept = |builder: &mut Self, (value, is_place): (Value, bool)| {
            // A variable has its own scope.
            if is_place { value } else { builder.lift(value, owner) }
        };
        let futures = futures.into_iter().map(|future| future.map(|future| kept(self, future))).collect();
        self.pop_scope();
        futures
    }

    /// `join!(a, b)`: all futures are polled within this task.
    fn join_macro(&mut self, range: TextRange, exprs: &[Expr], is_try: bool) -> Value {
        let futures = self.futures(exprs.iter().map(Some), false);
        let outputs: Vec<Value> = futures.into_iter().flatten().map(|future| self.poll(future, range, range)).collect();
        if !is_try {
            let types: Vec<Ty> = outputs.iter().map(|output| output.ty.clone()).collect();
            let parts = outputs.into_iter().enumerate().map(|(at, output)| (position_name(at), output)).collect();
            return Value { parts, ..Value::of(Ty::Tuple(types.into())) };
        }
        let oks: Vec<Ty> = outputs.iter().map(|output| output.ty.arg(0)).collect();
        let ty = self.index.result_of(Ty::Tuple(oks.into()), Ty::Unknown("error of try_join!"));
        let owner = self.gather(&outputs, &ty);
        Value { owner, ..Value::of(ty) }
    }

    /// `select!`: every future is made, one is polled to its end, and its handler runs.
    fn select(&mut self, range: TextRange, branches: &[SelectBranch]) -> Value {
        self.push_scope(false);
        let futures = self.futures(branches.iter().map(|branch| branch.future.as_ref()), true);
        for future in futures.iter().flatten() {
            self.lend(future);
        }
        let owned = self.state().scopes.last().map(|scope| scope.slots.clone()).unwrap_or_default();
        let span = self.span(range);
        self.op(Op::Await { span, at: span });
        let mut joined = self.start_join();
        let outer = self.state().scopes.len() - 2;
        let after = self.new_block();
        let entry = self.state().current;
        for (branch, future) in branches.iter().zip(futures) {
            self.switch_to(entry);
            self.continue_in_new();
            let value = self.select_branch(branch, future, &owned);
            let value = self.lift(value, outer);
            self.join(&mut joined, value);
            self.edge(after);
        }
        self.switch_to(after);
        self.pop_scope();
        Self::finish_join(joined)
    }

    /// One future is done. All of them, and what they borrowed, end before the handler runs.
    fn select_branch(&mut self, branch: &SelectBranch, future: Option<Value>, owned: &[SlotId]) -> Value {
        self.env.push(HashMap::default());
        let outer = self.state().scopes.len() - 1;
        self.push_scope(true);
        let output = future.map(|future| {
            let range = branch.future.as_ref().map(|future| future.range).unwrap_or_default();
            self.poll(future, range, range)
        });
        for slot in owned.iter().rev() {
            self.op(Op::Drop { slot: *slot });
        }
        if let (Some(pat), Some(output)) = (&branch.pat, output) {
            self.bind(pat, output);
        }
        let value = self.in_scope(|builder| builder.expr(&branch.body));
        let value = self.lift(value, outer);
        self.pop_scope();
        self.env.pop();
        value
    }
}
