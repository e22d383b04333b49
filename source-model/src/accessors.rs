//! Accessors: functions whose body says which place they return (`fn core(&self) -> &RwLock<T> { &self.core }`).

use crate::arms::acquired_in_arms;
use crate::flow::build::Value;
use crate::flow::graph::Place;
use crate::getters::is_getter;
use crate::index::{Def, Index, ModuleId};
use crate::ir::{Block, Expr, ExprKind, FnDef, Name, Pat, PathRef};
use crate::locks::{LockClass, Projection};
use crate::places::{element_of, field_of, static_of};
use crate::resolve::Namespace;
use crate::types::{FnId, Ty};

/// Accessors of accessors are followed this far.
const MAX_DEPTH: u32 = 5;

/// The place of a call's result: what the body returns, or else "the result of that function".
pub(crate) fn result_place(index: &Index, function: FnId, values: &[Value]) -> Place {
    let args: Vec<(Ty, Place)> = values.iter().map(|value| (value.ty.clone(), value.place.clone())).collect();
    if let Some((_, place)) = through(index, function, &args, 0) {
        return place;
    }
    let data = index.fn_data(function);
    let path = args.first().filter(|_| data.def.self_param.is_some()).and_then(|(_, place)| place.path.clone());
    let path = path.map(|mut path| {
        path.projections.push(if is_getter(data) {
            Projection::Getter(data.name)
        } else {
            Projection::Call(data.name)
        });
        path
    });
    Place { path, class: Some(LockClass::Accessor(data.path.clone())) }
}

/// The place that a value leads to once it is dereferenced down to a type: `Deref` impls of the workspace say which of
/// their fields that is.
pub(crate) fn dereferenced(index: &Index, from: &Ty, place: Place, depth: u32, is_it: impl Fn(&Ty) -> bool) -> Place {
    let steps: Vec<Ty> = index.derefs(from).collect();
    let Some(target) = steps.iter().position(is_it) else { return place };
    steps[..target].iter().fold(place, |place, at| match index.deref_function(at) {
        Some(function) => match through(index, function, &[(at.clone(), place.clone())], depth + 1) {
            Some((_, inner)) => inner,
            None => place,
        },
        None => place,
    })
}

fn through(index: &Index, function: FnId, args: &[(Ty, Place)], depth: u32) -> Option<(Ty, Place)> {
    let data = index.fn_data(function);
    let def = &data.def;
    if depth > MAX_DEPTH || def.is_async {
        return None;
    }
    let (tail, scope) = def.body.as_ref()?.value_and_scope()?;
    let module = scope.and_then(|scope| index.block_scope(data.module, scope)).unwrap_or(data.module);
    evaluate(index, &tail, &Scope { module, def, args, bound: &[], depth })
}

fn only_tail(block: &Block) -> Option<&Expr> {
    if block.stmts.is_empty() { block.tail.as_deref() } else { None }
}

pub(crate) struct Scope<'a> {
    pub(crate) module: ModuleId,
    def: &'a FnDef,
    args: &'a [(Ty, Place)],
    /// What patterns have bound, innermost last.
    pub(crate) bound: &'a [(Name, Ty, Place)],
    depth: u32,
}

impl Scope<'_> {
    /// The same where patterns have bound more.
    pub(crate) fn within<'b>(&'b self, bound: &'b [(Name, Ty, Place)]) -> Scope<'b> {
        Scope { bound, ..*self }
    }

    fn value(&self, name: &Name) -> Option<(Ty, Place)> {
        if let Some((_, ty, place)) = self.bound.iter().rev().find(|(own, ..)| own == name) {
            return Some((ty.clone(), place.clone()));
        }
        let offset = usize::from(self.def.self_param.is_some());
        if name == "self" {
            return self.args.first().filter(|_| offset == 1).cloned();
        }
        let at = self
            .def
            .params
            .iter()
            .position(|param| matches!(&param.pat, Pat::Bind { name: own, .. } if own == name))?;
        self.args.get(at + offset).cloned()
    }
}

/// The place of the lock whose guard a function returns: `fn shelf(&self) -> MutexGuard<T> { self.shelf.lock() }`.
pub(crate) fn acquired(index: &Index, function: FnId, args: &[(Ty, Place)], depth: u32) -> Option<Place> {
    let data = index.fn_data(function);
    let def = &data.def;
    if depth > MAX_DEPTH {
        return None;
    }
    let (tail, scope) = def.body.as_ref()?.value_and_scope()?;
    let module = scope.and_then(|scope| index.block_scope(data.module, scope)).unwrap_or(data.module);
    acquired_by(index, &tail, &Scope { module, def, args, bound: &[], depth })
}

pub(crate) fn acquired_by(index: &Index, expr: &Expr, scope: &Scope<'_>) -> Option<Place> {
    match &expr.kind {
        ExprKind::Await(base) | ExprKind::Try(base) => acquired_by(index, base, scope),
        ExprKind::Match { scrutinee, arms } => {
            acquired_by(index, scrutinee, scope).or_else(|| acquired_in_arms(index, scrutinee, arms, scope))
        }
        ExprKind::Block { block, label: None } => acquired_by(index, only_tail(block)?, scope),
        // A guard of the project's own around the library's.
        ExprKind::Call { args, .. } => args.iter().find_map(|arg| acquired_by(index, arg, scope)),
        ExprKind::Struct { fields, .. } => fields.iter().find_map(|(_, value)| acquired_by(index, value, scope)),
        ExprKind::MethodCall { receiver, method, .. } => match evaluate(index, receiver, scope) {
            Some((ty, place)) => {
                let found = index.method(&ty, method)?;
                let place = dereferenced(index, &ty, place, scope.depth, |at| *at == found.self_ty);
                let model = &index.fn_data(found.function).model;
                match model.acquire {
                    Some(_) => Some(place),
                    None => acquired(index, found.function, &[(found.self_ty, place)], scope.depth + 1),
                }
            }
            None => acquired_by(index, receiver, scope),
        },
        _ => None,
    }
}

pub(crate) fn evaluate(index: &Index, expr: &Expr, scope: &Scope<'_>) -> Option<(Ty, Place)> {
    match &expr.kind {
        ExprKind::Path(path) => named(index, path, scope),
        ExprKind::Field { base, name } => {
            let (ty, place) = evaluate(index, base, scope)?;
            let (field_ty, owner) = index.field(&ty, name)?;
            let place = dereferenced(index, &ty, place, scope.depth, |at| at.head() == owner);
            Some((field_ty, field_of(index, &place, owner, name)))
        }
        ExprKind::Ref(base) | ExprKind::Deref(base) => evaluate(index, base, scope),
        ExprKind::Block { block, label: None } => evaluate(index, only_tail(block)?, scope),
        ExprKind::Index { base, index: at } if !matches!(at.kind, ExprKind::Range(_)) => {
            let (ty, place) = evaluate(index, base, scope)?;
            Some((index.element(&ty), element_of(&place)))
        }
        // `Arc::clone(&self.x)`.
        ExprKind::Call { callee, args } => match (&callee.kind, args.as_slice()) {
            (ExprKind::Path(path), [only]) if path.segments.last()?.name == "clone" => evaluate(index, only, scope),
            _ => None,
        },
        ExprKind::MethodCall { receiver, method, .. } => {
            let (ty, place) = evaluate(index, receiver, scope)?;
            through_method(index, &ty, place, method, scope.depth)
        }
        _ => None,
    }
}

/// A parameter, or a static.
fn named(index: &Index, path: &PathRef, scope: &Scope<'_>) -> Option<(Ty, Place)> {
    let only = path.segments.first().filter(|_| path.segments.len() == 1);
    only.and_then(|only| scope.value(&only.name)).or_else(|| {
        let resolved = index.resolve_path(scope.module, path, Namespace::Values)?;
        match resolved.def {
            Def::Static(id) if resolved.n_used == path.segments.len() => Some(static_of(index, id)),
            _ => None,
        }
    })
}

fn through_method(index: &Index, ty: &Ty, place: Place, method: &Name, depth: u32) -> Option<(Ty, Place)> {
    let Some(found) = index.method(ty, method) else {
        return (method == "clone").then(|| (ty.peeled().clone(), place));
    };
    let place = dereferenced(index, ty, place, depth, |at| *at == found.self_ty);
    let data = index.fn_data(found.function);
    if data.is_model {
        // A guard is not the lock: what is behind it has another place.
        if !data.model.same || data.model.acquire.is_some() {
            return None;
        }
        let scope = index.fn_scope(data, Some(&found.self_ty));
        return Some((index.result_type(data, &scope, None), place));
    }
    through(index, found.function, &[(found.self_ty, place)], depth + 1)
}
