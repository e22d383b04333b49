//! Patterns: what they bind, and what moves into the bindings.

use crate::flow::build::{Builder, Value};
use crate::flow::exprs::position_name;
use crate::flow::graph::{Op, Place};
use crate::index::Shape;
use crate::ir::{Name, Pat, PathRef};
use crate::locks::{AccessPath, LockClass, Projection};
use crate::places::element_of;
use crate::types::{Ty, TypeId};

/// The first name that a pattern binds.
pub(crate) fn first_name(pat: &Pat) -> Option<Name> {
    match pat {
        Pat::Bind { name, .. } => Some(name.clone()),
        Pat::Tuple(parts) | Pat::TupleStruct { elems: parts, .. } | Pat::Slice(parts) | Pat::Or(parts) => {
            parts.iter().find_map(first_name)
        }
        Pat::Ref(inner) | Pat::Typed(inner, _) => first_name(inner),
        Pat::Struct { fields, .. } => fields.iter().find_map(|(_, pat)| first_name(pat)),
        _ => None,
    }
}

impl Builder<'_> {
    /// Binds a pattern that matches. What the value owns moves into the bindings.
    pub(crate) fn bind(&mut self, pat: &Pat, value: Value) {
        match pat {
            Pat::Bind { name, by_ref, mutable, sub, .. } => {
                self.bind_name(name, value.clone(), *by_ref, *mutable);
                if let Some(sub) = sub {
                    self.bind(sub, Value { owner: None, ..value });
                }
            }
            Pat::Typed(inner, ty) => {
                let written = self.index.lower(ty, &self.types);
                let ty = crate::flow::exprs::merged(written, value.ty.clone());
                self.bind(inner, Value { ty, ..value });
            }
            Pat::Ref(inner) => {
                let ty = match &value.ty {
                    Ty::Ref(inner) => (**inner).clone(),
                    other => other.clone(),
                };
                self.bind(inner, Value { ty, ..value });
            }
            Pat::Or(cases) => {
                if let Some(first) = cases.first() {
                    self.bind(first, value);
                }
            }
            Pat::Tuple(parts) => self.bind_tuple(parts, &value),
            Pat::Slice(parts) => {
                let item = self.index.iterated(&value.ty);
                for (at, part) in parts.iter().enumerate() {
                    let element = Value::of(item.clone()).at(element_of(&value.place));
                    let known = value
                        .part(&position_name(at))
                        .filter(|_| !parts[..at].iter().any(|part| matches!(part, Pat::Rest)));
                    let known = known.cloned().unwrap_or_else(|| Value::of(item.clone()));
                    self.bind(part, Value { owner: known.owner, parts: known.parts, ..element });
                }
            }
            Pat::TupleStruct { path, elems } => {
                let fields = elems.iter().enumerate().map(|(at, pat)| (Name::from(at.to_string()), pat));
                self.bind_fields(path, fields.collect(), &value);
            }
            Pat::Struct { path, fields } => {
                let fields = fields.iter().map(|(name, pat)| (name.clone(), pat));
                self.bind_fields(path, fields.collect(), &value);
            }
            Pat::Wild | Pat::Path(_) | Pat::Literal | Pat::Rest => {}
        }
    }

    fn bind_name(&mut self, name: &Name, value: Value, by_ref: bool, mutable: bool) {
        let fresh = self.new_local_place(name);
        let ty = if by_ref { Ty::reference(value.ty.clone()) } else { value.ty.clone() };
        let (owner, parts) = if by_ref { (None, Vec::new()) } else { self.settle(name, &value, &ty, mutable) };
        let lent = if by_ref { value.owner.or(value.lent) } else { value.lent.filter(|_| !mutable) };
        let place = Place {
            // A mutable variable may come to name another object.
            path: value
                .place
                .path
                .filter(|path| !mutable || !(is_reference_like(&ty) || is_holder(path)))
                .or(fresh.path),
            class: value.place.class.or(fresh.class),
        };
        self.declare(
            name.clone(),
            Value { ty, place, owner, pending: value.pending, parts, lent, chain: value.chain },
            None,
        );
    }

    fn bind_tuple(&mut self, parts: &[Pat], value: &Value) {
        let rest = parts.iter().position(|part| matches!(part, Pat::Rest));
        let types: Vec<Ty> = match value.ty.peeled() {
            Ty::Tuple(types) => types.to_vec(),
            _ => Vec::new(),
        };
        let named = types.iter().enumerate().map(|(at, ty)| (position_name(at), ty.clone())).collect();
        let value = &self.unbundled(value, named);
        for (at, part) in parts.iter().enumerate() {
            // After `..` positions count from the end.
            let at = match rest {
                Some(rest) if at > rest => (types.len() + at).saturating_sub(parts.len()),
                _ => at,
            };
            let name = position_name(at);
            let whole = value.part(&name).cloned();
            let ty = types.get(at).cloned().unwrap_or_else(|| unknown_part(&value.ty));
            let place = self.field_place(&value.place, None, &name);
            let bound = match whole {
                // A part of a variable is found at the variable.
                Some(whole) if whole.place == Place::default() && value.place != Place::default() => {
                    Value { place, ty, ..whole }
                }
                Some(whole) => whole,
                None => Value { owner: value.owner.filter(|_| self.owns(&ty)), ..Value::of(ty).at(place) },
            };
            self.bind(part, bound);
        }
    }

    /// Fields of a struct or variant. The payload of `Some` and `Ok` is the object itself.
    fn bind_fields(&mut self, path: &PathRef, fields: Vec<(Name, &Pat)>, value: &Value) {
        let shape = self.shape_of(path, &value.ty);
        let named = shape.map(|(ty, variant)| self.fields_of(ty, variant, &value.ty)).unwrap_or_default();
        let value = &self.unbundled(value, named);
        for (name, pat) in fields {
            let bound = match shape {
                Some((ty, variant)) => self.payload(ty, variant, &name, value),
                None => Value::of(unknown_part(&value.ty)),
            };
            self.bind(pat, bound);
        }
    }

    /// A value whose parts own what came out of a call as one: any of them may own any of it.
    fn unbundled(&mut self, value: &Value, parts: Vec<(Name, Ty)>) -> Value {
        let is_open = |builder: &Self, (name, ty): &(Name, Ty)| value.part(name).is_none() && builder.owns(ty);
        let open: Vec<(Name, Ty)> = parts.into_iter().filter(|part| is_open(self, part)).collect();
        let Some(bundle) = value.owner.filter(|_| open.len() > 1 && !matches!(value.ty, Ty::Ref(_))) else {
            return value.clone();
        };
        let mut value = Value { owner: None, ..value.clone() };
        for (name, ty) in open {
            let to = self.new_temporary();
            self.op(Op::Share { from: bundle, to });
            value.parts.push((name, Value { owner: Some(to), ..Value::of(ty) }));
        }
        self.op(Op::Consume { slot: bundle });
        value
    }

    /// The fields of a struct or variant, with their types.
    fn fields_of(&self, ty: TypeId, variant: Option<u32>, whole: &Ty) -> Vec<(Name, Ty)> {
        let args = match whole.peeled() {
            Ty::Adt(own, args) if *own == ty => args,
            _ => return Vec::new(),
        };
        let fields = match (&self.index.type_data(ty).shape, variant) {
            (Shape::Struct(def), _) => &def.fields,
            (Shape::Enum(def), Some(variant)) => &def.variants[variant as usize].fields,
            (Shape::Enum(_), None) => return Vec::new(),
        };
        let typed = |name| Some((name, self.index.declared_field(ty, args, &name, variant)?));
        fields.iter().filter_map(|field| typed(field.name)).collect()
    }

    fn payload(&mut self, ty: TypeId, variant: Option<u32>, name: &Name, value: &Value) -> Value {
        let args: Vec<Ty> = match value.ty.peeled() {
            Ty::Adt(own, args) if *own == ty => args.to_vec(),
            Ty::Unknown(cause) => {
                let n_params = self.index.type_data(ty).generics().params.len();
                vec![Ty::Unknown(cause); n_params]
            }
            _ => Vec::new(),
        };
        let known = self.index.well_known;
        let declared = self.index.declared_field(ty, &args, name, variant);
        let field_ty = declared.unwrap_or_else(|| unknown_part(&value.ty));
        let by_ref = matches!(value.ty, Ty::Ref(_));
        let apart = value.part(name).filter(|_| !by_ref).cloned();
        let (owner, parts) = match apart {
            Some(part) => (part.owner, part.parts),
            None => (value.owner.filter(|_| !by_ref && self.owns(&field_ty)), Vec::new()),
        };
        let place = if ty == known.option || ty == known.result || self.index.is_model_type(ty) {
            value.place.clone()
        } else {
            self.variant_place(ty, variant, name, &value.place)
        };
        let field_ty = if by_ref { Ty::reference(field_ty) } else { field_ty };
        let lent = value.lent.filter(|_| by_ref);
        Value { owner, parts, lent, ..Value::of(field_ty).at(place) }
    }

    fn variant_place(&self, ty: TypeId, variant: Option<u32>, name: &Name, base: &Place) -> Place {
        let mut place = self.field_place(base, Some(ty), name);
        if let (Shape::Enum(def), Some(variant)) = (&self.index.type_data(ty).shape, variant) {
            let owner = format!("{}::{}", self.index.type_data(ty).path, def.variants[variant as usize].name);
            place.class = Some(LockClass::Field { owner: owner.into(), field: name.clone() });
        }
        place
    }

    /// Whether a pattern can fail to match.
    pub(crate) fn is_refutable(&self, pat: &Pat) -> bool {
        match pat {
            Pat::Wild | Pat::Rest => false,
            Pat::Bind { name, sub, .. } => {
                sub.as_ref().is_some_and(|sub| self.is_refutable(sub)) || self.names_constant(name)
            }
            Pat::Tuple(parts) => parts.iter().any(|part| self.is_refutable(part)),
            Pat::Ref(inner) | Pat::Typed(inner, _) => self.is_refutable(inner),
            _ => true,
        }
    }

    /// A plain name that is a constant or variant, such as `None`.
    pub(crate) fn names_constant(&self, name: &Name) -> bool {
        name.starts_with(char::is_uppercase)
            && self
                .index
                .resolve(self.types.module, std::slice::from_ref(name), crate::resolve::Namespace::Values)
                .is_some()
    }
}

fn unknown_part(whole: &Ty) -> Ty {
    match whole.peeled() {
        Ty::Unknown(cause) => Ty::Unknown(cause),
        _ => Ty::Unknown("part of an unknown shape"),
    }
}

fn is_reference_like(ty: &Ty) -> bool {
    matches!(ty, Ty::Ref(_))
}

fn is_holder(path: &AccessPath) -> bool {
    matches!(path.projections.last(), Some(Projection::Holder(_)))
}
