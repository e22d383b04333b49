//! Patterns.

use crate::ir::{Name, Pat};
use crate::lower::Lowerer;
use crate::lower::lists::exact;
use crate::lower::ranges::range_of;
use crate::lower::types::{self, lower_qualified, name_of};

impl Lowerer {
    pub(crate) fn pat(&mut self, pat: &syn::Pat) -> Pat {
        match pat {
            syn::Pat::Wild(_) => Pat::Wild,
            syn::Pat::Rest(_) => Pat::Rest,
            syn::Pat::Ident(ident) => Pat::Bind {
                name: name_of(&ident.ident),
                by_ref: ident.by_ref.is_some(),
                mutable: ident.mutability.is_some(),
                sub: ident.subpat.as_ref().map(|(_, sub)| Box::new(self.pat(sub))),
                range: range_of(ident.ident.span()),
            },
            syn::Pat::Tuple(tuple) => Pat::Tuple(self.pats(tuple.elems.iter())),
            syn::Pat::TupleStruct(def) => Pat::TupleStruct {
                path: lower_qualified(def.qself.as_ref(), &def.path),
                elems: self.pats(def.elems.iter()),
            },
            syn::Pat::Struct(def) => Pat::Struct {
                path: lower_qualified(def.qself.as_ref(), &def.path),
                fields: exact(def.fields.iter().map(|field| (member(&field.member), self.pat(&field.pat)))),
            },
            syn::Pat::Reference(reference) => Pat::Ref(Box::new(self.pat(&reference.pat))),
            syn::Pat::Slice(slice) => Pat::Slice(self.pats(slice.elems.iter())),
            syn::Pat::Or(cases) => Pat::Or(self.pats(cases.cases.iter())),
            syn::Pat::Paren(inner) => self.pat(&inner.pat),
            syn::Pat::Path(path) => Pat::Path(lower_qualified(path.qself.as_ref(), &path.path)),
            syn::Pat::Type(typed) => Pat::Typed(Box::new(self.pat(&typed.pat)), types::lower(&typed.ty)),
            syn::Pat::Guard(guarded) => self.pat(&guarded.pat),
            // `box pat` and other forms of the nightly compiler.
            syn::Pat::Verbatim(_) => Pat::Wild,
            _ => Pat::Literal,
        }
    }

    fn pats<'a>(&mut self, pats: impl ExactSizeIterator<Item = &'a syn::Pat>) -> Vec<Pat> {
        exact(pats.map(|pat| self.pat(pat)))
    }
}

pub(crate) fn member(member: &syn::Member) -> Name {
    match member {
        syn::Member::Named(ident) => name_of(ident),
        syn::Member::Unnamed(index) => index.index.to_string().into(),
    }
}
