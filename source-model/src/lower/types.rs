//! Types, paths and generics.

use syn::{GenericArgument, GenericParam as SynParam, PathArguments, ReturnType, TypeParamBound, WherePredicate};

use crate::ir::{GenericParam, Generics, Name, PathRef, Segment, TypeRef};
use crate::lower::lists::{exact, trimmed};

pub(crate) fn name_of(ident: &syn::Ident) -> Name {
    let text = ident.to_string();
    text.strip_prefix("r#").unwrap_or(&text).into()
}

pub(crate) fn lower(ty: &syn::Type) -> TypeRef {
    match ty {
        syn::Type::Path(path) => lower_type_path(path),
        syn::Type::Reference(reference) => TypeRef::Ref(Box::new(lower(&reference.elem))),
        syn::Type::Ptr(pointer) => TypeRef::Ref(Box::new(lower(&pointer.elem))),
        syn::Type::Paren(inner) => lower(&inner.elem),
        syn::Type::Group(inner) => lower(&inner.elem),
        syn::Type::Tuple(tuple) => TypeRef::Tuple(exact(tuple.elems.iter().map(lower))),
        syn::Type::Array(array) => TypeRef::Slice(Box::new(lower(&array.elem))),
        syn::Type::Slice(slice) => TypeRef::Slice(Box::new(lower(&slice.elem))),
        syn::Type::TraitObject(object) => TypeRef::Dyn(bounds(object.bounds.iter())),
        syn::Type::ImplTrait(object) => TypeRef::ImplTrait(bounds(object.bounds.iter())),
        syn::Type::FnPtr(function) => TypeRef::Fn {
            params: exact(function.inputs.iter().map(|arg| lower(&arg.ty))),
            ret: Box::new(return_type(&function.output)),
        },
        syn::Type::Never(_) => TypeRef::Never,
        _ => TypeRef::Infer,
    }
}

fn lower_type_path(path: &syn::TypePath) -> TypeRef {
    let Some(qself) = &path.qself else { return TypeRef::Path(lower_path(&path.path)) };
    let of_trait = (qself.position > 0).then(|| PathRef {
        segments: path.path.segments.iter().take(qself.position).map(segment).collect(),
        qself: None,
        absolute: path.path.leading_colon.is_some(),
    });
    let mut names = path.path.segments.iter().skip(qself.position).map(|segment| name_of(&segment.ident));
    let Some(name) = names.next() else { return TypeRef::Infer };
    let first = TypeRef::Projection { base: Box::new(lower(&qself.ty)), of_trait, name };
    // `<T as A>::B::C`: each further name is projected from what stands before it.
    names.fold(first, |base, name| TypeRef::Projection { base: Box::new(base), of_trait: None, name })
}

pub(crate) fn return_type(output: &ReturnType) -> TypeRef {
    match output {
        ReturnType::Default => TypeRef::Tuple(Vec::new()),
        ReturnType::Type(_, ty) => lower(ty),
    }
}

pub(crate) fn bounds<'a>(bounds: impl Iterator<Item = &'a TypeParamBound>) -> Vec<TypeRef> {
    trimmed(bounds.filter_map(bound))
}

fn bound(bound: &TypeParamBound) -> Option<TypeRef> {
    match bound {
        TypeParamBound::Trait(of_trait) => Some(match of_trait.path.segments.last().map(|last| &last.arguments) {
            Some(PathArguments::Parenthesized(args)) => call_bound(&of_trait.path, args),
            _ => TypeRef::Path(lower_path(&of_trait.path)),
        }),
        TypeParamBound::Lifetime(lifetime) if lifetime.ident == "static" => {
            let segment = Segment { name: "'static".into(), args: Vec::new(), bindings: Vec::new() };
            Some(TypeRef::Path(PathRef { segments: vec![segment], ..PathRef::default() }))
        }
        _ => None,
    }
}

/// `FnOnce(A) -> B`; an `AsyncFn` bound returns a future of `B`.
fn call_bound(path: &syn::Path, args: &syn::ParenthesizedGenericArguments) -> TypeRef {
    let ret = return_type(&args.output);
    let is_async = path.segments.last().is_some_and(|last| last.ident.to_string().starts_with("Async"));
    let ret = if is_async { future_of(ret) } else { ret };
    TypeRef::Fn { params: exact(args.inputs.iter().map(|arg| lower(&arg.ty))), ret: Box::new(ret) }
}

fn future_of(output: TypeRef) -> TypeRef {
    let segment = |name: &str, bindings| Segment { name: name.into(), args: Vec::new(), bindings };
    let bindings = vec![("Output".into(), output)];
    let segments = vec![segment("std", Vec::new()), segment("future", Vec::new()), segment("Future", bindings)];
    TypeRef::ImplTrait(vec![TypeRef::Path(PathRef { segments, ..PathRef::default() })])
}

pub(crate) fn lower_path(path: &syn::Path) -> PathRef {
    PathRef { segments: exact(path.segments.iter().map(segment)), qself: None, absolute: path.leading_colon.is_some() }
}

/// A path in an expression or pattern, where `<T>::f` keeps `T`.
pub(crate) fn lower_qualified(qself: Option<&syn::QSelf>, path: &syn::Path) -> PathRef {
    let mut lowered = lower_path(path);
    if let Some(qself) = qself {
        // `<T as Trait>::f`: the segments of the trait are dropped, `T` decides.
        lowered.segments.drain(..qself.position.min(lowered.segments.len()));
        lowered.qself = Some(Box::new(lower(&qself.ty)));
    }
    lowered
}

fn segment(segment: &syn::PathSegment) -> Segment {
    let mut lowered = Segment { name: name_of(&segment.ident), args: Vec::new(), bindings: Vec::new() };
    match &segment.arguments {
        PathArguments::AngleBracketed(args) => fill_arguments(&mut lowered, args),
        PathArguments::Parenthesized(args) => {
            lowered.args = exact(args.inputs.iter().map(|arg| lower(&arg.ty)));
            lowered.bindings.push(("Output".into(), return_type(&args.output)));
        }
        PathArguments::None => {}
    }
    lowered
}

fn fill_arguments(segment: &mut Segment, args: &syn::AngleBracketedGenericArguments) {
    for arg in &args.args {
        match arg {
            GenericArgument::Type(ty) => segment.args.push(lower(ty)),
            GenericArgument::AssocType(assoc) => segment.bindings.push((name_of(&assoc.ident), lower(&assoc.ty))),
            _ => {}
        }
    }
    segment.args.shrink_to_fit();
    segment.bindings.shrink_to_fit();
}

pub(crate) fn turbofish(args: Option<&syn::AngleBracketedGenericArguments>) -> Vec<TypeRef> {
    let types = args.into_iter().flat_map(|args| &args.args);
    trimmed(types.filter_map(|arg| if let GenericArgument::Type(ty) = arg { Some(lower(ty)) } else { None }))
}

pub(crate) fn generics(generics: &syn::Generics) -> Generics {
    let mut lowered = Generics::default();
    for param in &generics.params {
        if let SynParam::Type(param) = param {
            lowered.params.push(GenericParam {
                name: name_of(&param.ident),
                bounds: bounds(param.bounds.iter()),
                default: param.default.as_ref().map(|default| lower(&default.1)),
            });
        }
    }
    for predicate in generics.where_clause.iter().flat_map(|clause| &clause.predicates) {
        if let WherePredicate::Type(predicate) = predicate {
            add_predicate(&mut lowered, lower(&predicate.bounded_ty), bounds(predicate.bounds.iter()));
        }
    }
    lowered
}

fn add_predicate(generics: &mut Generics, ty: TypeRef, bounds: Vec<TypeRef>) {
    if let TypeRef::Path(path) = &ty
        && let [only] = path.segments.as_slice()
        && let Some(param) = generics.params.iter_mut().find(|param| param.name == only.name)
    {
        param.bounds.extend(bounds);
        return;
    }
    generics.predicates.push((ty, bounds));
}
