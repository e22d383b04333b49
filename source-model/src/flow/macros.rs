//! Macro calls: their arguments are evaluated in order; `select!` and `join!` poll futures.

use rustc_hash::FxHashMap as HashMap;

use crate::flow::build::{Builder, Value};
use crate::flow::exprs::position_name;
use crate::flow::graph::Op;
use crate::ir::{Expr, MacroArgs, MacroCall, SelectBranch};
use crate::span::TextRange;
use crate::types::Ty;

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
        if let ("assert" | "debug_assert", [condition, arguments @ ..]) = (name, exprs) {
            self.assertion(condition, arguments);
            return Value::unit();
        }
        let mut values = Vec::new();
        for arg in exprs {
            let value = self.expr(arg);
            // `format!` and its like take references. Others may move: a future or handle is theirs then.
            self.lend(&value);
            values.push(value);
        }
        if crate::flow::control::is_diverging_macro(name) {
            return self.diverge();
        }
        self.extend_to = extend_to;
        self.macro_value(name, values)
    }

    /// `assert!(condition, text, arguments)`: the arguments are evaluated where the condition fails, and then it panics.
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

    /// `join!(a, b)`: all futures are polled within this task.
    fn join_macro(&mut self, range: TextRange, exprs: &[Expr], is_try: bool) -> Value {
        let futures: Vec<Value> = exprs.iter().map(|expr| self.expr(expr)).collect();
        let outputs: Vec<Value> = futures.into_iter().map(|future| self.poll(future, range, range)).collect();
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
        let mut futures = Vec::new();
        for branch in branches {
            let value = branch.future.as_ref().map(|future| self.expr(future));
            if let Some(value) = &value {
                self.lend(value);
            }
            futures.push(value);
        }
        let span = self.span(range);
        self.op(Op::Await { span, at: span });
        let mut joined = self.start_join();
        let outer = self.state().scopes.len() - 1;
        let after = self.new_block();
        let entry = self.state().current;
        for (branch, future) in branches.iter().zip(futures) {
            self.switch_to(entry);
            self.continue_in_new();
            let value = self.select_branch(branch, future);
            let value = self.lift(value, outer);
            self.join(&mut joined, value);
            self.edge(after);
        }
        self.switch_to(after);
        Self::finish_join(joined)
    }

    fn select_branch(&mut self, branch: &SelectBranch, future: Option<Value>) -> Value {
        self.env.push(HashMap::default());
        let outer = self.state().scopes.len() - 1;
        self.push_scope(true);
        if let (Some(pat), Some(future)) = (&branch.pat, future) {
            let range = branch.future.as_ref().map(|future| future.range).unwrap_or_default();
            let value = self.poll(future, range, range);
            self.bind(pat, value);
        }
        let value = self.in_scope(|builder| builder.expr(&branch.body));
        let value = self.lift(value, outer);
        self.pop_scope();
        self.env.pop();
        value
    }
}
