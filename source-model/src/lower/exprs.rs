//! Blocks, statements and expressions.

use std::sync::Arc;

use crate::ir::{Arm, BinaryOp, Block, ClosureDef, Expr, ExprKind, Literal, Name, Param, Pat, Stmt, StmtKind, TypeRef};
use crate::lower::patterns::member;
use crate::lower::types::{self, lower_qualified, name_of};
use crate::lower::ranges::{expr_range, macro_range, stmt_range};
use crate::lower::{Lowerer, attrs, between};
use crate::span::TextRange;

impl Lowerer {
    pub(crate) fn block(&mut self, block: &syn::Block) -> Block {
        let range = between(block.brace_token.span.open(), block.brace_token.span.close());
        self.statements(&block.stmts, range)
    }

    pub(crate) fn statements(&mut self, stmts: &[syn::Stmt], range: TextRange) -> Block {
        let items: Vec<syn::Item> = stmts
            .iter()
            .filter_map(|stmt| if let syn::Stmt::Item(item) = stmt { Some(item.clone()) } else { None })
            .collect();
        let mut lowered = Block { range, scope: self.block_scope(&items), ..Block::default() };
        for (at, stmt) in stmts.iter().enumerate() {
            let is_last = at + 1 == stmts.len();
            match stmt {
                syn::Stmt::Expr(expr, None) if is_last => lowered.tail = Some(Box::new(self.expr(expr))),
                syn::Stmt::Macro(call) if is_last && call.semi_token.is_none() && !ends_statement(call) => {
                    let call = self.macro_expr(&call.mac, macro_range(&call.mac));
                    lowered.tail = Some(Box::new(call));
                }
                _ => lowered.stmts.extend(self.statement(stmt)),
            }
        }
        lowered
    }

    fn statement(&mut self, stmt: &syn::Stmt) -> Option<Stmt> {
        let range = stmt_range(stmt);
        match stmt {
            syn::Stmt::Local(local) => {
                let kind = self.local(local);
                Some(Stmt { range, cfg: attrs::predicate(&local.attrs), kind })
            }
            syn::Stmt::Expr(expr, _) => {
                let cfg = expr_predicate(expr);
                Some(Stmt { range, cfg, kind: StmtKind::Expr(self.expr(expr)) })
            }
            syn::Stmt::Macro(call) => {
                let expr = self.macro_expr(&call.mac, macro_range(&call.mac));
                Some(Stmt { range, cfg: attrs::predicate(&call.attrs), kind: StmtKind::Expr(expr) })
            }
            syn::Stmt::Item(_) => None,
        }
    }

    fn local(&mut self, local: &syn::Local) -> StmtKind {
        let init = local.init.as_ref().map(|init| self.expr(&init.expr));
        let otherwise = local.init.as_ref().and_then(|init| init.diverge.as_ref()).map(|(_, diverge)| {
            let expr = self.expr(diverge);
            match expr.kind {
                ExprKind::Block { block, .. } => block,
                _ => Block { range: expr.range, tail: Some(Box::new(expr)), ..Block::default() },
            }
        });
        let (pat, ty) = match self.pat(&local.pat) {
            Pat::Typed(pat, ty) => (*pat, ty),
            pat => (pat, TypeRef::Infer),
        };
        StmtKind::Let { pat, ty, init, otherwise }
    }

    pub(crate) fn exprs<'a>(&mut self, exprs: impl IntoIterator<Item = &'a syn::Expr>) -> Vec<Expr> {
        exprs.into_iter().map(|expr| self.expr(expr)).collect()
    }

    fn boxed(&mut self, expr: &syn::Expr) -> Box<Expr> {
        Box::new(self.expr(expr))
    }

    pub(crate) fn expr(&mut self, expr: &syn::Expr) -> Expr {
        match expr {
            syn::Expr::Paren(inner) => return self.expr(&inner.expr),
            syn::Expr::Group(inner) => return self.expr(&inner.expr),
            syn::Expr::Macro(call) => return self.macro_expr(&call.mac, macro_range(&call.mac)),
            _ => {}
        }
        let kind = self.simple(expr).or_else(|| self.calls(expr)).unwrap_or_else(|| self.control(expr));
        Expr { range: expr_range(expr), kind }
    }

    fn simple(&mut self, expr: &syn::Expr) -> Option<ExprKind> {
        Some(match expr {
            syn::Expr::Path(path) => ExprKind::Path(lower_qualified(path.qself.as_ref(), &path.path)),
            syn::Expr::Field(field) => ExprKind::Field { base: self.boxed(&field.base), name: member(&field.member) },
            syn::Expr::Reference(reference) => ExprKind::Ref(self.boxed(&reference.expr)),
            syn::Expr::RawAddr(address) => ExprKind::Ref(self.boxed(&address.expr)),
            syn::Expr::Unary(unary) => match unary.op {
                syn::UnOp::Deref(_) => ExprKind::Deref(self.boxed(&unary.expr)),
                _ => ExprKind::Unary(self.boxed(&unary.expr)),
            },
            syn::Expr::Binary(binary) => self.binary(binary),
            syn::Expr::Assign(assign) => {
                ExprKind::Assign { left: self.boxed(&assign.left), right: self.boxed(&assign.right) }
            }
            syn::Expr::Tuple(tuple) => ExprKind::Tuple(self.exprs(&tuple.elems)),
            syn::Expr::Array(array) => ExprKind::Array(self.exprs(&array.elems)),
            syn::Expr::Repeat(repeat) => {
                ExprKind::Repeat { value: self.boxed(&repeat.expr), count: self.boxed(&repeat.len) }
            }
            syn::Expr::Index(index) => {
                ExprKind::Index { base: self.boxed(&index.expr), index: self.boxed(&index.index) }
            }
            syn::Expr::Range(range) => {
                ExprKind::Range(self.exprs(range.start.iter().chain(&range.end).map(|bound| &**bound)))
            }
            syn::Expr::Cast(cast) => ExprKind::Cast { expr: self.boxed(&cast.expr), ty: types::lower(&cast.ty) },
            syn::Expr::Lit(literal) => ExprKind::Literal(literal_kind(&literal.lit)),
            syn::Expr::Struct(literal) => self.struct_literal(literal),
            syn::Expr::Let(condition) => {
                let pat = self.pat(&condition.pat);
                ExprKind::Let { pat, expr: self.boxed(&condition.expr) }
            }
            _ => return None,
        })
    }

    fn binary(&mut self, binary: &syn::ExprBinary) -> ExprKind {
        use syn::BinOp;
        let (left, right) = (self.boxed(&binary.left), self.boxed(&binary.right));
        let op = match binary.op {
            BinOp::And(_) => BinaryOp::And,
            BinOp::Or(_) => BinaryOp::Or,
            BinOp::Eq(_) | BinOp::Ne(_) | BinOp::Lt(_) | BinOp::Le(_) | BinOp::Gt(_) | BinOp::Ge(_) => {
                BinaryOp::Compare
            }
            BinOp::Add(_)
            | BinOp::Sub(_)
            | BinOp::Mul(_)
            | BinOp::Div(_)
            | BinOp::Rem(_)
            | BinOp::BitAnd(_)
            | BinOp::BitOr(_)
            | BinOp::BitXor(_)
            | BinOp::Shl(_)
            | BinOp::Shr(_) => BinaryOp::Arithmetic,
            _ => return ExprKind::AssignOp { left, right },
        };
        ExprKind::Binary { op, left, right }
    }

    fn struct_literal(&mut self, literal: &syn::ExprStruct) -> ExprKind {
        ExprKind::Struct {
            path: lower_qualified(literal.qself.as_ref(), &literal.path),
            fields: literal.fields.iter().map(|field| (member(&field.member), self.expr(&field.expr))).collect(),
            rest: literal.rest.as_ref().map(|rest| self.boxed(rest)),
        }
    }

    fn calls(&mut self, expr: &syn::Expr) -> Option<ExprKind> {
        Some(match expr {
            syn::Expr::MethodCall(call) => ExprKind::MethodCall {
                receiver: self.boxed(&call.receiver),
                method: name_of(&call.method),
                call_range: between(call.method.span(), call.paren_token.span.close()),
                turbofish: types::turbofish(call.turbofish.as_ref()),
                args: self.exprs(&call.args),
            },
            syn::Expr::Call(call) => ExprKind::Call { callee: self.boxed(&call.func), args: self.exprs(&call.args) },
            syn::Expr::Await(base) => ExprKind::Await(self.boxed(&base.base)),
            syn::Expr::Try(base) => ExprKind::Try(self.boxed(&base.expr)),
            syn::Expr::Async(block) => {
                ExprKind::Async { is_move: block.capture.is_some(), block: Arc::new(self.block(&block.block)) }
            }
            syn::Expr::Closure(closure) => self.closure(closure, expr_range(expr)),
            _ => return None,
        })
    }

    fn closure(&mut self, closure: &syn::ExprClosure, range: TextRange) -> ExprKind {
        let params = closure.inputs.iter().map(|input| match self.pat(input) {
            Pat::Typed(pat, ty) => Param { pat: *pat, ty },
            pat => Param { pat, ty: TypeRef::Infer },
        });
        let params = params.collect();
        let ret = match &closure.output {
            syn::ReturnType::Default => TypeRef::Infer,
            output => types::return_type(output),
        };
        ExprKind::Closure(Arc::new(ClosureDef {
            range,
            params,
            ret,
            body: self.expr(&closure.body),
            is_async: closure.asyncness.is_some(),
            is_move: closure.capture.is_some(),
        }))
    }

    fn control(&mut self, expr: &syn::Expr) -> ExprKind {
        match expr {
            syn::Expr::If(branch) => ExprKind::If {
                cond: self.boxed(&branch.cond),
                then: self.block(&branch.then_branch),
                otherwise: branch.else_branch.as_ref().map(|(_, otherwise)| self.boxed(otherwise)),
            },
            syn::Expr::Match(choice) => {
                let scrutinee = self.boxed(&choice.expr);
                let arms = choice.arms.iter().map(|arm| self.arm(arm)).collect();
                ExprKind::Match { scrutinee, arms }
            }
            syn::Expr::While(repeat) => ExprKind::While {
                label: label(repeat.label.as_ref()),
                cond: self.boxed(&repeat.cond),
                body: self.block(&repeat.body),
            },
            syn::Expr::Loop(repeat) => {
                ExprKind::Loop { label: label(repeat.label.as_ref()), body: self.block(&repeat.body) }
            }
            syn::Expr::ForLoop(repeat) => ExprKind::For {
                label: label(repeat.label.as_ref()),
                pat: self.pat(&repeat.pat),
                iter: self.boxed(&repeat.expr),
                body: self.block(&repeat.body),
            },
            syn::Expr::Block(block) => {
                ExprKind::Block { label: label(block.label.as_ref()), block: self.block(&block.block) }
            }
            syn::Expr::Unsafe(block) => ExprKind::Block { label: None, block: self.block(&block.block) },
            syn::Expr::Const(block) => ExprKind::Block { label: None, block: self.block(&block.block) },
            syn::Expr::TryBlock(block) => ExprKind::Block { label: None, block: self.block(&block.block) },
            syn::Expr::Return(value) => ExprKind::Return(value.expr.as_ref().map(|value| self.boxed(value))),
            syn::Expr::Break(value) => ExprKind::Break {
                label: lifetime(value.label.as_ref()),
                value: value.expr.as_ref().map(|value| self.boxed(value)),
            },
            syn::Expr::Continue(target) => ExprKind::Continue { label: lifetime(target.label.as_ref()) },
            _ => ExprKind::Opaque,
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

/// A macro statement in braces stands for itself, unless it is the block's value.
fn ends_statement(call: &syn::StmtMacro) -> bool {
    !matches!(call.mac.delimiter, syn::MacroDelimiter::Brace(_)) && call.semi_token.is_some()
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

/// The predicate of a statement that is an expression.
fn expr_predicate(expr: &syn::Expr) -> Option<crate::cfg::CfgExpr> {
    let written = match expr {
        syn::Expr::Block(expr) => &expr.attrs,
        syn::Expr::If(expr) => &expr.attrs,
        syn::Expr::Match(expr) => &expr.attrs,
        syn::Expr::MethodCall(expr) => &expr.attrs,
        syn::Expr::Call(expr) => &expr.attrs,
        syn::Expr::Assign(expr) => &expr.attrs,
        syn::Expr::Unsafe(expr) => &expr.attrs,
        syn::Expr::Loop(expr) => &expr.attrs,
        syn::Expr::While(expr) => &expr.attrs,
        syn::Expr::ForLoop(expr) => &expr.attrs,
        syn::Expr::Await(expr) => &expr.attrs,
        syn::Expr::Try(expr) => &expr.attrs,
        syn::Expr::Return(expr) => &expr.attrs,
        syn::Expr::Macro(expr) => &expr.attrs,
        _ => return None,
    };
    attrs::predicate(written)
}
