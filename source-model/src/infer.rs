//! Forward type inference: lowering written types, associated types, fields, dereferences, iteration.

use std::iter::successors;
use std::sync::Arc;

use crate::budget::Question;
use crate::index::{Def, FnData, ImplData, Index, ModuleId, Owner, Shape};
use crate::ir::{Generics, Name, PathRef, Segment, TypeRef};
use crate::names::joined;
use crate::resolve::Namespace;
use crate::types::{Bound, CallableTy, FnId, FutureTy, TraitId, Ty, TypeId, segment_names};

/// Nested types and aliases deeper than this are Unknown.
pub(crate) const MAX_DEPTH: u32 = 24;
/// Autoderef steps.
const MAX_DEREF: usize = 10;

/// What names mean while a written type is lowered.
#[derive(Clone, Debug)]
pub(crate) struct TypeScope {
    pub(crate) module: ModuleId,
    /// What `Self` means.
    pub(crate) self_ty: Option<Ty>,
    /// Generic parameters in scope, innermost last.
    pub(crate) generics: Vec<(Name, Ty)>,
}

impl TypeScope {
    pub(crate) fn of_module(module: ModuleId) -> TypeScope {
        TypeScope { module, self_ty: None, generics: Vec::new() }
    }

    pub(crate) fn generic(&self, name: &Name) -> Option<&Ty> {
        self.generics.iter().rev().find(|(known, _)| known == name).map(|(_, ty)| ty)
    }

    pub(crate) fn bind(&mut self, name: &Name, ty: Ty) {
        match self.generics.iter_mut().rev().find(|(known, _)| known == name) {
            Some(entry) => entry.1 = ty,
            None => self.generics.push((name.clone(), ty)),
        }
    }
}

impl Index {
    /// Lowers a written type.
    pub(crate) fn lower(&self, ty: &TypeRef, scope: &TypeScope) -> Ty {
        self.lower_at(ty, scope, 0)
    }

    pub(crate) fn lower_at(&self, ty: &TypeRef, scope: &TypeScope, depth: u32) -> Ty {
        let Some(_question) = Question::open().filter(|_| depth <= MAX_DEPTH) else {
            return Ty::Unknown("type nested too deeply");
        };
        let lower_all =
            |types: &[TypeRef]| types.iter().map(|ty| self.lower_at(ty, scope, depth + 1)).collect::<Vec<_>>();
        match ty {
            TypeRef::Path(path) => self.lower_path(path, scope, depth),
            TypeRef::Ref(inner) => Ty::reference(self.lower_at(inner, scope, depth + 1)),
            TypeRef::Tuple(parts) => Ty::Tuple(lower_all(parts).into()),
            TypeRef::Slice(inner) => Ty::Slice(Arc::new(self.lower_at(inner, scope, depth + 1))),
            TypeRef::Dyn(bounds) | TypeRef::ImplTrait(bounds) => self.bounded(bounds, scope, depth, None),
            TypeRef::Fn { params, ret } => Ty::Callable(Arc::new(CallableTy {
                params: lower_all(params),
                ret: self.lower_at(ret, scope, depth + 1),
                body: None,
            })),
            TypeRef::Projection { base, name, .. } => {
                let base = self.lower_at(base, scope, depth + 1);
                self.associated(&base, name, depth + 1)
            }
            TypeRef::Never => Ty::Never,
            TypeRef::Infer => Ty::Unknown("not written"),
        }
    }

    fn lower_path(&self, path: &PathRef, scope: &TypeScope, depth: u32) -> Ty {
        if let Some(qself) = &path.qself {
            let base = self.lower_at(qself, scope, depth + 1);
            return match path.segments.last() {
                Some(last) => self.associated(&base, &last.name, depth + 1),
                None => base,
            };
        }
        let Some(first) = path.segments.first() else { return Ty::Unknown("empty path") };
        let bound = if first.name == "Self" { scope.self_ty.clone() } else { scope.generic(&first.name).cloned() };
        if let Some(ty) = bound {
            return path.segments[1..].iter().fold(ty, |ty, segment| self.associated(&ty, &segment.name, depth + 1));
        }
        if path.segments.len() == 1
            && let Some(ty) = primitive(&first.name)
        {
            return ty;
        }
        self.lower_named(path, scope, depth)
    }

    fn lower_named(&self, path: &PathRef, scope: &TypeScope, depth: u32) -> Ty {
        let names = segment_names(path);
        let last = path.segments.last().expect("a path has a segment");
        let args: Vec<Ty> = last.args.iter().map(|arg| self.lower_at(arg, scope, depth + 1)).collect();
        let Some(resolved) = self.resolve_path(scope.module, path, Namespace::Types) else {
            return Ty::Outside(joined(&names), args.into());
        };
        match resolved.def {
            Def::Type(ty) if resolved.n_used == names.len() => self.adt(ty, args),
            Def::Variant(ty, _) => self.adt(ty, args),
            Def::Alias(alias) => {
                let data = &self.aliases[alias as usize];
                let mut inner = TypeScope::of_module(data.module);
                self.bind_params(&data.def.generics, &args, &mut inner);
                self.lower_at(&data.def.ty, &inner, depth + 1)
            }
            // A trait written as a type without `dyn` (edition 2015).
            Def::Trait(_) => self.bounded(&[TypeRef::Path(path.clone())], scope, depth, None),
            Def::Outside(path) => Ty::Outside(path, args.into()),
            _ => Ty::Unknown("path does not name a type"),
        }
    }

    /// A named type with its arguments, filled up with defaults.
    fn adt(&self, ty: TypeId, mut args: Vec<Ty>) -> Ty {
        let params = &self.type_data(ty).generics().params;
        for param in params.iter().skip(args.len()) {
            let default = param.default.as_ref();
            let scope = TypeScope::of_module(self.type_data(ty).module);
            args.push(default.map_or(Ty::Unknown("inferred type argument"), |default| self.lower(default, &scope)));
        }
        Ty::Adt(ty, args.into())
    }

    /// Binds type parameters to arguments; missing ones take their default.
    pub(crate) fn bind_params(&self, generics: &Generics, args: &[Ty], scope: &mut TypeScope) {
        for (position, param) in generics.params.iter().enumerate() {
            let ty = match (args.get(position), &param.default) {
                (Some(ty), _) => ty.clone(),
                (None, Some(default)) => self.lower(default, scope),
                (None, None) => Ty::Unknown("inferred type argument"),
            };
            scope.generics.push((param.name.clone(), ty));
        }
    }

    /// Puts the parameters of `generics` in scope as themselves, with their bounds.
    pub(crate) fn declare_params(&self, generics: &Generics, scope: &mut TypeScope) {
        self.declare_params_at(generics, scope, 0);
    }

    fn declare_params_at(&self, generics: &Generics, scope: &mut TypeScope, depth: u32) {
        for param in &generics.params {
            scope.generics.push((param.name.clone(), Ty::Param(param.name.clone(), Arc::from([]))));
        }
        for param in &generics.params {
            let ty = self.bounded(&param.bounds, scope, depth, Some(&param.name));
            scope.bind(&param.name, ty);
        }
    }

    /// The type that bounds describe: a callable, or a parameter or object with those traits.
    fn bounded(&self, bounds: &[TypeRef], scope: &TypeScope, depth: u32, param: Option<&Name>) -> Ty {
        let lowered: Vec<Bound> = bounds.iter().filter_map(|bound| self.lower_bound(bound, scope, depth + 1)).collect();
        if let Some(call) = lowered.iter().find_map(|bound| bound.call.clone()) {
            return Ty::Callable(call);
        }
        if let Some(bound) = lowered.iter().find(|bound| bound.of_trait == Some(self.well_known.future)) {
            let output = bound.bindings.iter().find(|(name, _)| name == "Output");
            let output = output.map_or(Ty::Unknown("output of a generic future"), |(_, ty)| ty.clone());
            return Ty::Future(Arc::new(FutureTy { output, runs: None }));
        }
        match param {
            Some(name) => Ty::Param(name.clone(), lowered.into()),
            None => Ty::Dyn(lowered.into()),
        }
    }

    fn lower_bound(&self, bound: &TypeRef, scope: &TypeScope, depth: u32) -> Option<Bound> {
        match bound {
            TypeRef::Fn { params, ret } => {
                let params = params.iter().map(|ty| self.lower_at(ty, scope, depth)).collect();
                let ret = self.lower_at(ret, scope, depth);
                let call = Some(Arc::new(CallableTy { params, ret, body: None }));
                Some(Bound { of_trait: None, path: "Fn".into(), args: Vec::new(), bindings: Vec::new(), call })
            }
            TypeRef::Path(path) => {
                let last = path.segments.last()?;
                Some(Bound {
                    of_trait: self.trait_of(scope.module, path),
                    path: joined(&segment_names(path)),
                    args: last.args.iter().map(|ty| self.lower_at(ty, scope, depth)).collect(),
                    bindings: self.lower_bindings(last, scope, depth),
                    call: None,
                })
            }
            _ => None,
        }
    }

    fn lower_bindings(&self, segment: &Segment, scope: &TypeScope, depth: u32) -> Vec<(Name, Ty)> {
        segment.bindings.iter().map(|(name, ty)| (name.clone(), self.lower_at(ty, scope, depth))).collect()
    }

    /// What is in scope within an impl, for a receiver of the given type.
    pub(crate) fn impl_scope(&self, data: &ImplData, self_ty: &Ty) -> TypeScope {
        self.impl_scope_at(data, self_ty, 0)
    }

    pub(crate) fn impl_scope_at(&self, data: &ImplData, self_ty: &Ty, depth: u32) -> TypeScope {
        let mut scope = TypeScope::of_module(data.module);
        self.declare_params_at(&data.def.generics, &mut scope, depth);
        let header = match &data.def.self_ty {
            TypeRef::Ref(inner) => inner,
            other => other,
        };
        self.unify_header(header, self_ty.peeled(), &mut scope, &data.def.generics);
        scope.self_ty = Some(self_ty.clone());
        scope
    }

    /// One dereference: references, and `Deref` impls of the workspace and the models.
    pub(crate) fn deref_step(&self, ty: &Ty) -> Option<Ty> {
        match ty {
            Ty::Ref(inner) => Some((**inner).clone()),
            Ty::Adt(id, _) => {
                let found = self.impls_of_type(*id).find(|data| data.of_trait == Some(self.well_known.deref))?;
                let target = found.assoc.get(&self.well_known.names.target)?;
                Some(self.lower(target, &self.impl_scope(found, ty)))
            }
            Ty::Param(_, bounds) | Ty::Dyn(bounds) => bounds
                .iter()
                .filter(|bound| bound.of_trait.is_some_and(|of_trait| self.is_deref(of_trait)))
                .flat_map(|bound| &bound.bindings)
                .find(|(name, _)| name == "Target")
                .map(|(_, ty)| ty.clone()),
            _ => None,
        }
    }

    /// `Deref`, or a trait that asks for it as `DerefMut` does.
    pub(crate) fn is_deref(&self, of_trait: TraitId) -> bool {
        let deref = self.well_known.deref;
        of_trait == deref || self.trait_data(of_trait).supers.contains(&deref)
    }

    /// The workspace's code for one dereference.
    pub(crate) fn deref_function(&self, ty: &Ty) -> Option<FnId> {
        let found = self.impls_of_type(ty.head()?).find(|data| data.of_trait == Some(self.well_known.deref))?;
        found.fns.get(&self.well_known.names.deref).copied()
    }

    /// The type, then what it dereferences to, step by step. Cut off, since a type can dereference to itself.
    pub(crate) fn derefs(&self, ty: &Ty) -> impl Iterator<Item = Ty> {
        successors(Some(ty.clone()), |at| self.deref_step(at)).take(MAX_DEREF)
    }

    /// The type of a field, the type that declares it, and the dereferences in between.
    pub(crate) fn field(&self, base: &Ty, name: &Name) -> Option<(Ty, Option<TypeId>)> {
        self.derefs(base).find_map(|at| match &at {
            Ty::Adt(id, args) => Some((self.declared_field(*id, args, name, None)?, Some(*id))),
            Ty::Tuple(parts) => Some((parts.get(name.parse::<usize>().ok()?)?.clone(), None)),
            _ => None,
        })
    }

    /// A field as declared, with the type's arguments put in.
    pub(crate) fn declared_field(&self, id: TypeId, args: &[Ty], name: &Name, variant: Option<u32>) -> Option<Ty> {
        let data = self.type_data(id);
        let field = match (&data.shape, variant) {
            (Shape::Struct(def), _) => def
                .fields
                .iter()
                .find(|field| field.name == *name && self.predicate_holds(data.module, field.cfg.as_ref()))?,
            (Shape::Enum(def), Some(variant)) => {
                def.variants.get(variant as usize)?.fields.iter().find(|field| field.name == *name)?
            }
            (Shape::Enum(_), None) => return None,
        };
        let mut scope = TypeScope::of_module(data.module);
        self.bind_params(data.generics(), args, &mut scope);
        scope.self_ty = Some(Ty::Adt(id, args.into()));
        Some(self.lower(&field.ty, &scope))
    }

    /// What is in scope within a function's signature, its own parameters included.
    pub(crate) fn fn_scope(&self, data: &FnData, self_ty: Option<&Ty>) -> TypeScope {
        let mut scope = match (data.owner, self_ty) {
            (Owner::Impl(id), Some(self_ty)) => self.impl_scope(&self.impls[id as usize], self_ty),
            (Owner::Impl(id), None) => {
                let data = &self.impls[id as usize];
                let mut scope = TypeScope::of_module(data.module);
                self.declare_params(&data.def.generics, &mut scope);
                scope.self_ty = Some(self.lower(&data.def.self_ty, &scope));
                scope
            }
            (Owner::Trait(id), _) => {
                let mut scope = TypeScope::of_module(data.module);
                let generics = &self.trait_data(id).def.generics;
                match self_ty.and_then(|ty| bound_args(ty, id)) {
                    Some(args) => self.bind_params(generics, args, &mut scope),
                    None => self.declare_params(generics, &mut scope),
                }
                scope.self_ty = Some(self_ty.cloned().unwrap_or_else(|| self.self_of_trait(id)));
                scope
            }
            (Owner::Module, _) => TypeScope::of_module(data.module),
        };
        self.declare_params(&data.def.generics, &mut scope);
        scope
    }

    /// `Self` within a trait: a parameter bounded by the trait.
    fn self_of_trait(&self, of_trait: TraitId) -> Ty {
        let bound = Bound {
            of_trait: Some(of_trait),
            path: self.trait_data(of_trait).path.clone(),
            args: Vec::new(),
            bindings: Vec::new(),
            call: None,
        };
        Ty::Param("Self".into(), Arc::from([bound]))
    }

    /// All generic parameters of a function and of its impl, for unification.
    pub(crate) fn all_generics(&self, data: &FnData) -> Generics {
        let mut all = Generics::default();
        if let Owner::Impl(id) = data.owner {
            all.params.extend(self.impls[id as usize].def.generics.params.iter().cloned());
        }
        all.params.extend(data.def.generics.params.iter().cloned());
        all
    }

    /// The declared result, once parameters are bound; a future for an `async fn`.
    pub(crate) fn result_type(&self, data: &FnData, scope: &TypeScope, runs: Option<crate::locks::BodyId>) -> Ty {
        let output = close(self.lower(&data.def.ret, scope));
        if data.is_async {
            return Ty::Future(Arc::new(FutureTy { output, runs }));
        }
        output
    }

    /// What `value[key]` denotes.
    pub(crate) fn element(&self, ty: &Ty) -> Ty {
        // The collection may be behind references and smart pointers.
        let behind = self.derefs(ty).filter(|at| !matches!(at, Ty::Ref(_)));
        let found = behind.map(|at| (self.iterated(&at), at)).find(|(item, _)| !item.is_unknown());
        let (item, collection) = found.unwrap_or_else(|| (self.iterated(ty.peeled()), ty.peeled().clone()));
        match &item {
            // `map[key]` yields the value of the pair, a list of pairs the pair.
            Ty::Tuple(parts) if parts.len() == 2 && !is_list_of(&collection, &item) => parts[1].peeled().clone(),
            _ => item.peeled().clone(),
        }
    }

    /// What `for x in value` binds.
    pub(crate) fn iterated(&self, ty: &Ty) -> Ty {
        let Some(_question) = Question::open() else { return Ty::Unknown("type nested too deeply") };
        let by_ref = matches!(ty, Ty::Ref(_));
        let item = self.derefs(ty).find_map(|at| self.item_of(&at));
        match item.unwrap_or(Ty::Unknown("item of an unknown iterator")) {
            item if by_ref && !matches!(ty.peeled(), Ty::Dyn(_) | Ty::Param(..)) => ref_item(item),
            item => item,
        }
    }

    /// What a type yields itself; `None` sends the question to what it dereferences to.
    fn item_of(&self, ty: &Ty) -> Option<Ty> {
        match ty {
            Ty::Ref(_) => None,
            Ty::Unknown(cause) => Some(Ty::Unknown(cause)),
            Ty::Slice(inner) => Some((**inner).clone()),
            Ty::Dyn(bounds) | Ty::Param(_, bounds) => Some(
                bounds
                    .iter()
                    .flat_map(|bound| &bound.bindings)
                    .find(|(name, _)| name == "Item")
                    .map_or(Ty::Unknown("item of a generic iterator"), |(_, ty)| ty.clone()),
            ),
            Ty::Adt(id, _) if *id == self.well_known.option || *id == self.well_known.result => Some(ty.arg(0)),
            Ty::Adt(id, _) => {
                if self.type_data(*id).model.family.is_some()
                    && let Some(method) = self.method(ty, &self.well_known.names.iter)
                {
                    let data = self.fn_data(method.function);
                    let made = self.lower(&data.def.ret, &self.fn_scope(data, Some(ty)));
                    return Some(self.iterated(&made));
                }
                self.associated_in_impls(ty, &self.well_known.names.item, 0)
            }
            _ => None,
        }
    }

    /// What `.await` yields.
    pub(crate) fn awaited(&self, ty: &Ty) -> Ty {
        self.derefs(ty).find_map(|at| self.output_of(&at)).unwrap_or(Ty::Unknown("output of an unknown future"))
    }

    /// Whether a value is a future itself: of an `async fn`, or of a type that implements `Future`.
    pub(crate) fn is_future(&self, ty: &Ty) -> bool {
        !ty.is_unknown() && self.output_of(ty).is_some()
    }

    /// What a future of that very type yields.
    fn output_of(&self, ty: &Ty) -> Option<Ty> {
        match ty {
            Ty::Future(future) => Some(future.output.clone()),
            Ty::Unknown(cause) => Some(Ty::Unknown(cause)),
            Ty::Adt(id, _) => {
                self.impls_of_type(*id).filter(|data| data.of_trait == Some(self.well_known.future)).find_map(|data| {
                    Some(self.lower(data.assoc.get(&self.well_known.names.output)?, &self.impl_scope(data, ty)))
                })
            }
            _ => None,
        }
    }

    pub(crate) fn result_of(&self, ok: Ty, err: Ty) -> Ty {
        Ty::Adt(self.well_known.result, Arc::from([ok, err]))
    }

    pub(crate) fn vec_of(&self, inner: Ty) -> Ty {
        Ty::Adt(self.well_known.vec, Arc::from([inner]))
    }

    pub(crate) fn string(&self) -> Ty {
        Ty::Adt(self.well_known.string, Arc::from([]))
    }
}

/// Whether a collection is declared with its items, as a list is, and not with a key and a value.
fn is_list_of(collection: &Ty, item: &Ty) -> bool {
    let is_item = |ty: &Ty| ty == item || matches!(ty, Ty::Slice(inner) if **inner == *item);
    is_item(collection) || collection.args().iter().any(is_item)
}

/// Iterating `&map` yields references to both parts of a pair.
fn ref_item(item: Ty) -> Ty {
    match item {
        Ty::Tuple(parts) => Ty::Tuple(parts.iter().cloned().map(Ty::reference).collect()),
        other => Ty::reference(other),
    }
}

/// The arguments of a trait in a bound: `Depot` for a parameter with `AsRef<Depot>`.
pub(crate) fn bound_args(ty: &Ty, of_trait: TraitId) -> Option<&[Ty]> {
    let (Ty::Param(_, bounds) | Ty::Dyn(bounds)) = ty else { return None };
    bounds.iter().find(|bound| bound.of_trait == Some(of_trait)).map(|bound| bound.args.as_slice())
}

/// Parameters that no argument bound mean nothing outside the callee; bounded ones stay, for dispatch.
fn close(ty: Ty) -> Ty {
    match ty {
        Ty::Param(_, bounds) if bounds.is_empty() => Ty::Unknown("generic result"),
        other => other,
    }
}

fn primitive(name: &str) -> Option<Ty> {
    Some(match name {
        "str" => Ty::Str,
        "u8" | "u16" | "u32" | "u64" | "u128" | "usize" | "i8" | "i16" | "i32" | "i64" | "i128" | "isize" | "f32"
        | "f64" | "bool" | "char" => Ty::Scalar,
        _ => return None,
    })
}
