//! Expressions. Ranges are put together bottom-up, so that each costs the same however deep it nests.

use std::sync::Arc;

use syn::spanned::Spanned;

use crate::ir::{Arm, BinaryOp, Block, ClosureDef, Expr, ExprKind, Literal, Name, Param, Pat, TypeRef, UnaryOp};
use crate::lower::lists::exact;
use crate::lower::patterns::member;
use crate::lower::ranges::{between, end_of, macro_range, path_range, range_of, start_of};
use crate::lower::types::{self, lower_qualified, name_of};
use crate::lower::{Lowerer, attrs};
use crate::span::{LineCol, TextRange};

/// The range and kind of an expression.
type Ranged = (TextRange, ExprKind);

fn from_to(start: LineCol, end: LineCol) -> TextRange {
    TextRange::from_to(start, end)
}

impl Lowerer {
    pub(crate) fn exprs<'a>(&mut self, exprs: impl IntoIterator<Item = &'a syn::Expr>) -> Vec<Expr> {
        let exprs = exprs.into_iter();
        let mut lowered = Vec::with_capacity(exprs.size_hint().0);
        lowered.extend(exprs.map(|expr| self.expr(expr)));
        lowered
    }

    fn boxed(&mut self, expr: &syn::Expr) -> Box<Expr> {
        Box::new(self.expr(expr))
    }

    pub(crate) fn expr(&mut self, expr: &syn::Expr) -> Expr {
        match expr {
            syn::Expr::Paren(inner) => {
                let range = range_of(inner.paren_token.span.join());
                return Expr { range, ..self.expr(&inner.expr) };
            }
            syn::Expr::Group(inner) => return self.expr(&inner.expr),
            syn::Expr::Macro(call) => return self.macro_expr(&call.mac, macro_range(&call.mac)),
            _ => {}
        }
        let postfix = self.postfix(expr).or_else(|| self.operator(expr));
        let ranged = postfix.or_else(|| self.literal(expr)).or_else(|| self.control(expr));
        let (range, kind) = ranged.unwrap_or_else(|| self.block_like(expr));
        Expr { range, kind }
    }

    fn postfix(&mut self, expr: &syn::Expr) -> Option<Ranged> {
        Some(match expr {
            syn::Expr::Path(path) => {
                let range = path_range(path.qself.as_ref(), &path.path);
                (range, ExprKind::Path(lower_qualified(path.qself.as_ref(), &path.path)))
            }
            syn::Expr::MethodCall(call) => {
                let receiver = self.boxed(&call.receiver);
                let call_range = between(call.method.span(), call.paren_token.span.close());
                let range = receiver.range.to(call_range);
                let turbofish = types::turbofish(call.turbofish.as_ref());
                let args = self.exprs(&call.args);
                (range, ExprKind::MethodCall { receiver, method: name_of(&call.method), call_range, turbofish, args })
            }
            syn::Expr::Call(call) => {
                let callee = self.boxed(&call.func);
                let range = from_to(callee.range.start, end_of(call.paren_token.span.close()));
                (range, ExprKind::Call { callee, args: self.exprs(&call.args) })
            }
            syn::Expr::Field(field) => {
                let base = self.boxed(&field.base);
                let end = match &field.member {
                    syn::Member::Named(ident) => end_of(ident.span()),
                    syn::Member::Unnamed(index) => end_of(index.span),
                };
                (from_to(base.range.start, end), ExprKind::Field { base, name: member(&field.member) })
            }
            syn::Expr::Index(index) => {
                let base = self.boxed(&index.expr);
                let range = from_to(base.range.start, end_of(index.bracket_token.span.close()));
                (range, ExprKind::Index { base, index: self.boxed(&index.index) })
            }
            syn::Expr::Await(awaited) => {
                let base = self.boxed(&awaited.base);
                (from_to(base.range.start, end_of(awaited.await_token.span)), ExprKind::Await(base))
            }
            syn::Expr::Try(tried) => {
                let base = self.boxed(&tried.expr);
                (from_to(base.range.start, end_of(tried.question_token.span)), ExprKind::Try(base))
            }
            _ => return None,
        })
    }

    fn operator(&mut self, expr: &syn::Expr) -> Option<Ranged> {
        Some(match expr {
            syn::Expr::Reference(reference) => self.prefix(reference.and_token.span, &reference.expr, ExprKind::Ref),
            syn::Expr::RawAddr(address) => self.prefix(address.and_token.span, &address.expr, ExprKind::Ref),
            syn::Expr::Unary(unary) => match &unary.op {
                syn::UnOp::Deref(star) => self.prefix(star.span, &unary.expr, ExprKind::Deref),
                syn::UnOp::Not(not) => self.prefix(not.span, &unary.expr, |base| unary_of(UnaryOp::Not, base)),
                op => self.prefix(op.span(), &unary.expr, |base| unary_of(UnaryOp::Neg, base)),
            },
            syn::Expr::Binary(binary) => {
                let (left, right) = (self.boxed(&binary.left), self.boxed(&binary.right));
                (left.range.to(right.range), binary_kind(binary.op, left, right))
            }
            syn::Expr::Assign(assign) => {
                let (left, right) = (self.boxed(&assign.left), self.boxed(&assign.right));
                (left.range.to(right.range), ExprKind::Assign { left, right })
            }
            syn::Expr::Range(range) => self.range(range),
            syn::Expr::Cast(cast) => {
                let expr = self.boxed(&cast.expr);
                let range = from_to(expr.range.start, end_of(cast.ty.span()));
                (range, ExprKind::Cast { expr, ty: types::lower(&cast.ty) })
            }
            syn::Expr::Let(condition) => {
                let pat = self.pat(&condition.pat);
                let expr = self.boxed(&condition.expr);
                (from_to(start_of(condition.let_token.span), expr.range.end), ExprKind::Let { pat, expr })
            }
            _ => return None,
        })
    }

    fn prefix(&mut self, operator: proc_macro2::Span, operand: &syn::Expr, kind: fn(Box<Expr>) -> ExprKind) -> Ranged {
        let operand = self.boxed(operand);
        (from_to(start_of(operator), operand.range.end), kind(operand))
    }

    fn range(&mut self, range: &syn::ExprRange) -> Ranged {
        let limits = match &range.limits {
            syn::RangeLimits::HalfOpen(dots) => between(dots.spans[0], dots.spans[1]),
            syn::RangeLimits::Closed(dots) => between(dots.spans[0], dots.spans[2]),
        };
        let bounds = self.exprs(range.start.iter().chain(&range.end).map(|bound| &**bound));
        let start = range.start.as_ref().and(bounds.first()).map_or(limits.start, |bound| bound.range.start);
        let end = range.end.as_ref().and(bounds.last()).map_or(limits.end, |bound| bound.range.end);
        (from_to(start, end), ExprKind::Range(bounds))
    }

    fn literal(&mut self, expr: &syn::Expr) -> Option<Ranged> {
        Some(match expr {
            syn::Expr::Lit(literal) => (range_of(literal.lit.span()), ExprKind::Literal(literal_kind(&literal.lit))),
            syn::Expr::Tuple(tuple) => {
                (range_of(tuple.paren_token.span.join()), ExprKind::Tuple(self.exprs(&tuple.elems)))
            }
            syn::Expr::Array(array) => {
                (range_of(array.bracket_token.span.join()), ExprKind::Array(self.exprs(&array.elems)))
            }
            syn::Expr::Repeat(repeat) => {
                let (value, count) = (self.boxed(&repeat.expr), self.boxed(&repeat.len));
                (range_of(repeat.bracket_token.span.join()), ExprKind::Repeat { value, count })
            }
            syn::Expr::Struct(literal) => {
                let path = path_range(literal.qself.as_ref(), &literal.path);
                let range = from_to(path.start, end_of(literal.brace_token.span.close()));
                (range, self.struct_literal(literal))
            }
            syn::Expr::Closure(closure) => self.closure(closure),
            _ => return None,
        })
    }

    fn struct_literal(&mut self, literal: &syn::ExprStruct) -> ExprKind {
        ExprKind::Struct {
            path: lower_qualified(literal.qself.as_ref(), &literal.path),
            fields: exact(literal.fields.iter().map(|field| (member(&field.member), self.expr(&field.expr)))),
            rest: literal.rest.as_ref().map(|rest| self.boxed(rest)),
        }
    }

    fn closure(&mut self, closure: &syn::ExprClosure) -> Ranged {
        let params = closure.inputs.iter().map(|input| match self.pat(input) {
            Pat::Typed(pat, ty) => Param { pat: *pat, ty },
            pat => Param { pat, ty: TypeRef::Infer },
        });
        let params = exact(params);
        let ret = match &closure.output {
            syn::ReturnType::Default => TypeRef::Infer,
            output => types::return_type(output),
        };
        let body = self.expr(&closure.body);
        let range = from_to(start_of(closure_start(closure)), body.range.end);
        let is_async = closure.asyncness.is_some();
        let is_move = closure.capture.is_some();
        (range, ExprKind::Closure(Arc::new(ClosureDef { range, params, ret, body, is_async, is_move })))
    }

    fn control(&mut self, expr: &syn::Expr) -> Option<Ranged> {
        Some(match expr {
            syn::Expr::If(branch) => {
                let cond = self.boxed(&branch.cond);
                let then = self.block(&branch.then_branch);
                let otherwise = branch.else_branch.as_ref().map(|(_, otherwise)| self.boxed(otherwise));
                let end = otherwise.as_ref().map_or(then.range.end, |otherwise| otherwise.range.end);
                (from_to(start_of(branch.if_token.span), end), ExprKind::If { cond, then, otherwise })
            }
            syn::Expr::Match(choice) => {
                let range = between(choice.match_token.span, choice.brace_token.span.close());
                let scrutinee = self.boxed(&choice.expr);
                let arms = exact(choice.arms.iter().map(|arm| self.arm(arm)));
                (range, ExprKind::Match { scrutinee, arms })
            }
            syn::Expr::While(repeat) => {
                let (cond, body) = (self.boxed(&repeat.cond), self.block(&repeat.body));
                let label = label(repeat.label.as_ref());
                (
                    loop_range(repeat.label.as_ref(), repeat.while_token.span, &body),
                    ExprKind::While { label, cond, body },
                )
            }
            syn::Expr::Loop(repeat) => {
                let body = self.block(&repeat.body);
                let label = label(repeat.label.as_ref());
                (loop_range(repeat.label.as_ref(), repeat.loop_token.span, &body), ExprKind::Loop { label, body })
            }
            syn::Expr::ForLoop(repeat) => {
                let (pat, iter) = (self.pat(&repeat.pat), self.boxed(&repeat.expr));
                let body = self.block(&repeat.body);
                let label = label(repeat.label.as_ref());
                (
                    loop_range(repeat.label.as_ref(), repeat.for_token.span, &body),
                    ExprKind::For { label, pat, iter, body },
                )
            }
            syn::Expr::Return(jump) => {
                let (range, value) = self.jump(jump.return_token.span, None, jump.expr.as_deref());
                (range, ExprKind::Return(value))
            }
            syn::Expr::Break(jump) => {
                let (range, value) = self.jump(jump.break_token.span, jump.label.as_ref(), jump.expr.as_deref());
                (range, ExprKind::Break { label: lifetime(jump.label.as_ref()), value })
            }
            syn::Expr::Continue(jump) => {
                let (range, _) = self.jump(jump.continue_token.span, jump.label.as_ref(), None);
                (range, ExprKind::Continue { label: lifetime(jump.label.as_ref()) })
            }
            _ => return None,
        })
    }

    fn jump(
        &mut self,
        keyword: proc_macro2::Span,
        target: Option<&syn::Lifetime>,
        value: Option<&syn::Expr>,
    ) -> (TextRange, Option<Box<Expr>>) {
        let value = value.map(|value| self.boxed(value));
        let end = target.map_or_else(|| end_of(keyword), |target| end_of(target.ident.span()));
        (from_to(start_of(keyword), value.as_ref().map_or(end, |value| value.range.end)), value)
    }

    fn block_like(&mut self, expr: &syn::Expr) -> Ranged {
        let (first, block) = match expr {
            syn::Expr::Block(block) => {
                let first =
                    block.label.as_ref().map_or(block.block.brace_token.span.open(), |label| label.name.apostrophe);
                let label = label(block.label.as_ref());
                let block = self.block(&block.block);
                return (from_to(start_of(first), block.range.end), ExprKind::Block { label, block });
            }
            syn::Expr::Async(block) => {
                let is_move = block.capture.is_some();
                let lowered = Arc::new(self.block(&block.block));
                let range = from_to(start_of(block.async_token.span), lowered.range.end);
                return (range, ExprKind::Async { is_move, block: lowered });
            }
            syn::Expr::Yield(value) => return self.yielded(value),
            syn::Expr::Unsafe(block) => (block.unsafe_token.span, &block.block),
            syn::Expr::Const(block) => (block.const_token.span, &block.block),
            syn::Expr::TryBlock(block) => (block.try_token.span, &block.block),
            other => return (range_of(other.span()), ExprKind::Opaque),
        };
        let block = self.block(block);
        (from_to(start_of(first), block.range.end), ExprKind::Block { label: None, block })
    }

    /// `yield value` evaluates the value; what it does to the generator is not modelled.
    fn yielded(&mut self, value: &syn::ExprYield) -> Ranged {
        match &value.expr {
            Some(operand) => self.prefix(value.yield_token.span, operand, |base| unary_of(UnaryOp::Yield, base)),
            None => (range_of(value.yield_token.span), ExprKind::Opaque),
        }
    }

    pub(crate) fn arm(&mut self, arm: &syn::Arm) -> Arm {
        let guard = match &arm.pat {
            syn::Pat::Guard(guarded) => Some(self.expr(&guarded.guard)),
            _ => None,
        };
        Arm { pat: self.pat(&arm.pat), guard, body: self.expr(&arm.body), cfg: attrs::predicate(&arm.attrs) }
    }
}

fn binary_kind(op: syn::BinOp, left: Box<Expr>, right: Box<Expr>) -> ExprKind {
    use syn::BinOp as B;
    let (op, assigns) = match op {
        B::And(_) => (BinaryOp::And, false),
        B::Or(_) => (BinaryOp::Or, false),
        B::Eq(_) | B::Ne(_) => (BinaryOp::Eq, false),
        B::Add(_) => (BinaryOp::Add, false),
        B::Sub(_) => (BinaryOp::Sub, false),
        B::Mul(_) => (BinaryOp::Mul, false),
        B::Div(_) => (BinaryOp::Div, false),
        B::Rem(_) => (BinaryOp::Rem, false),
        B::BitAnd(_) => (BinaryOp::BitAnd, false),
        B::BitOr(_) => (BinaryOp::BitOr, false),
        B::BitXor(_) => (BinaryOp::BitXor, false),
        B::Shl(_) => (BinaryOp::Shl, false),
        B::Shr(_) => (BinaryOp::Shr, false),
        B::AddAssign(_) => (BinaryOp::Add, true),
        B::SubAssign(_) => (BinaryOp::Sub, true),
        B::MulAssign(_) => (BinaryOp::Mul, true),
        B::DivAssign(_) => (BinaryOp::Div, true),
        B::RemAssign(_) => (BinaryOp::Rem, true),
        B::BitAndAssign(_) => (BinaryOp::BitAnd, true),
        B::BitOrAssign(_) => (BinaryOp::BitOr, true),
        B::BitXorAssign(_) => (BinaryOp::BitXor, true),
        B::ShlAssign(_) => (BinaryOp::Shl, true),
        B::ShrAssign(_) => (BinaryOp::Shr, true),
        _ => (BinaryOp::Order, false),
    };
    if assigns { ExprKind::AssignOp { op, left, right } } else { ExprKind::Binary { op, left, right } }
}

fn unary_of(op: UnaryOp, base: Box<Expr>) -> ExprKind {
    ExprKind::Unary { op, base }
}

fn closure_start(closure: &syn::ExprClosure) -> proc_macro2::Span {
    let words = [
        closure.lifetimes.as_ref().map(|lifetimes| lifetimes.for_token.span),
        closure.constness.map(|token| token.span),
        closure.asyncness.map(|token| token.span),
        closure.capture.map(|token| token.span),
    ];
    words.into_iter().flatten().next().unwrap_or(closure.inputs_begin.span)
}

fn loop_range(label: Option<&syn::Label>, keyword: proc_macro2::Span, body: &Block) -> TextRange {
    let first = label.map_or(keyword, |label| label.name.apostrophe);
    from_to(start_of(first), body.range.end)
}

fn label(label: Option<&syn::Label>) -> Option<Name> {
    lifetime(label.map(|label| &label.name))
}

fn lifetime(lifetime: Option<&syn::Lifetime>) -> Option<Name> {
    lifetime.map(|lifetime| format!("'{}", lifetime.ident).into())
}

fn literal_kind(literal: &syn::Lit) -> Literal {
    match literal {
        syn::Lit::Str(_) | syn::Lit::CStr(_) => Literal::Str,
        syn::Lit::ByteStr(_) => Literal::Bytes,
        syn::Lit::Bool(_) => Literal::Bool,
        _ => Literal::Scalar,
    }
}

#[cfg(test)]
mod tests {
    use crate::ir::{Expr, ExprKind, ItemKind};
    use crate::lower::parse_file;
    use crate::tokens::byte_range;

    /// The text that the range of the body's value covers.
    fn covered(expr: &str) -> (String, Expr) {
        let text = format!("fn f() {{ {expr} }}");
        let ir = parse_file(&text);
        let ItemKind::Fn(def) = &ir.items[0].kind else { panic!("{:?}", ir.items) };
        let tail = def.body.clone().unwrap().decode().tail.unwrap();
        (text[byte_range(&text, tail.range)].to_owned(), *tail)
    }

    #[test]
    fn ranges_cover_whole_expressions() {
        let exprs = [
            "a",
            "a::b::<C>",
            "<A as B>::c",
            "::a::b",
            "a.b",
            "a.0",
            "a.b::<C>(d)",
            "a(b)",
            "a[b]",
            "a.await",
            "a?",
            "(a + b).c()",
            "&a",
            "&mut a",
            "*a",
            "!a",
            "-a.b()",
            "a + b * c",
            "a = b",
            "a += b",
            "a..b",
            "..",
            "..=b",
            "a..",
            "a as B<C>",
            "1",
            "\"a\"",
            "(a, b)",
            "()",
            "[a, b]",
            "[a; b]",
            "A { b: c, ..d }",
            "|a| b",
            "async move |a| { b }",
            "move || -> A { b }",
            "if a { b } else if c { d }",
            "if let A(b) = c && d {}",
            "match a { B => c, }",
            "while a {}",
            "'a: loop { break 'a b; }",
            "for a in b {}",
            "return",
            "return a",
            "break 'a",
            "break a",
            "continue 'a",
            "{ a }",
            "'a: { b }",
            "unsafe { a }",
            "const { a }",
            "async { a }",
            "async move { a }",
            "a!(b, c)",
            "a::b! { c }",
            "vec![a; b]",
            "_",
        ];
        for expr in exprs {
            assert_eq!(covered(expr).0, expr);
        }
    }

    #[test]
    fn the_range_of_a_call_starts_at_the_method() {
        let text = "fn f() { a.b().c::<D>(e) }";
        let ir = parse_file(text);
        let ItemKind::Fn(def) = &ir.items[0].kind else { panic!() };
        let tail = def.body.clone().unwrap().decode().tail.unwrap();
        let ExprKind::MethodCall { call_range, .. } = &tail.kind else { panic!("{tail:?}") };
        assert_eq!(&text[byte_range(text, *call_range)], "c::<D>(e)");
    }

    #[test]
    fn deep_chains_neither_overflow_nor_get_lost() {
        let text = format!("fn f() {{ a{} }}", ".b()".repeat(400));
        let (n_gaps, n_items) = std::thread::Builder::new()
            .stack_size(64 << 20)
            .spawn(move || {
                let ir = parse_file(&text);
                (ir.gaps.len(), ir.items.len())
            })
            .unwrap()
            .join()
            .unwrap();
        assert_eq!((n_gaps, n_items), (0, 1));
    }
}
