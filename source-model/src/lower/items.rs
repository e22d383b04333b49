//! Items: modules, imports, types, traits, impls and functions.

use std::sync::Arc;

use proc_macro2::Span;
use syn::spanned::Spanned;

use crate::cfg::CfgExpr;
use crate::ir::{
    AliasDef, Attr, Code, EnumDef, Field, FnDef, Gap, ImplDef, Item, ItemKind, Name, Param, SelfParam, StaticDef,
    StructDef, TraitDef, TypeRef, UseLeaf, Variant,
};
use crate::lower::lists::exact;
use crate::lower::ranges::{attributes_start, between, range_of, signature_start, tokens_range, visibility_start};
use crate::lower::types::{self, name_of};
use crate::lower::{Lowerer, attrs};
use crate::span::TextRange;

/// What every item has.
#[derive(Clone)]
pub(crate) struct Head {
    name: Name,
    range: TextRange,
    cfg: Option<CfgExpr>,
    attrs: Vec<Attr>,
}

impl Head {
    /// The item from its attributes, else from the first of its optional words that stands there, to its last token.
    fn new(name: Name, written: &[syn::Attribute], words: &[Option<Span>], keyword: Span, last: Span) -> Head {
        let first = attributes_start(written).or(words.iter().copied().flatten().next()).unwrap_or(keyword);
        let range = between(first, last);
        Head::at(name, written, range)
    }

    pub(crate) fn at(name: Name, written: &[syn::Attribute], range: TextRange) -> Head {
        Head { name, range, cfg: attrs::predicate(written), attrs: attrs::kept(written) }
    }

    pub(crate) fn item(self, kind: ItemKind) -> Item {
        Item { name: self.name, range: self.range, cfg: self.cfg, attrs: self.attrs, kind }
    }
}

/// The word of `default`, which may stand before a member of an impl.
fn default_start(word: Option<syn::Token![default]>) -> Option<Span> {
    word.map(|word| word.span)
}

impl Lowerer {
    pub(crate) fn item(&mut self, item: &syn::Item, into: &mut Vec<Item>) {
        match item {
            syn::Item::Mod(module) => self.module(module, into),
            syn::Item::Use(import) => into.push(use_item(import)),
            syn::Item::ExternCrate(import) => into.push(extern_crate(import)),
            syn::Item::Struct(def) => into.push(struct_item(def)),
            syn::Item::Union(def) => into.push(union_item(def)),
            syn::Item::Enum(def) => into.push(enum_item(def)),
            syn::Item::Type(def) => into.push(alias_item(def)),
            syn::Item::Trait(def) => into.push(self.trait_item(def)),
            syn::Item::TraitAlias(def) => into.push(trait_alias(def)),
            syn::Item::Impl(def) => into.push(self.impl_item(def)),
            syn::Item::Fn(def) => {
                let words = [visibility_start(&def.vis), default_start(def.modifiers.defaultness)];
                into.push(self.function(&def.attrs, &words, &def.sig, Body::Block(&def.block)));
            }
            syn::Item::Static(def) => {
                let words = [visibility_start(&def.vis)];
                let head =
                    Head::new(name_of(&def.ident), &def.attrs, &words, def.static_token.span, def.semi_token.span);
                into.push(head.item(self.static_kind(&def.ty, Some(&def.expr), false)));
            }
            syn::Item::Const(def) => {
                let words = [visibility_start(&def.vis)];
                let head =
                    Head::new(name_of(&def.ident), &def.attrs, &words, def.const_token.span, def.semi_token.span);
                into.push(head.item(self.static_kind(&def.ty, Some(&def.expr), true)));
            }
            syn::Item::ForeignMod(block) => self.foreign_items(block, into),
            syn::Item::Macro(call) => self.item_macro(&call.mac, &call.attrs, into),
            syn::Item::Verbatim(tokens) => self.verbatim(tokens),
            _ => {}
        }
    }

    /// An item that the grammar knows and the syntax tree does not. A `macro` declaration is like `macro_rules!`.
    fn verbatim(&mut self, tokens: &proc_macro2::TokenStream) {
        let is_macro = |token| matches!(&token, proc_macro2::TokenTree::Ident(ident) if ident == "macro");
        if tokens.clone().into_iter().any(is_macro) {
            return;
        }
        let reason = "an item form that is not modelled".to_owned();
        self.gaps.extend(tokens_range(tokens).map(|range| Gap { range, reason }));
    }

    fn module(&mut self, module: &syn::ItemMod, into: &mut Vec<Item>) {
        let items = module.content.as_ref().map(|(_, items)| self.items(items));
        let last = match (&module.content, &module.semi) {
            (Some((brace, _)), _) => brace.span.close(),
            (None, Some(semi)) => semi.span,
            (None, None) => module.ident.span(),
        };
        let words = [visibility_start(&module.vis), module.unsafety.map(|word| word.span)];
        let mut head = Head::new(name_of(&module.ident), &module.attrs, &words, module.mod_token.span, last);
        // A file is found by the place of its `mod`: those of one macro differ in their names.
        if items.is_none() && self.expander.within.is_some() {
            head.range = range_of(module.ident.span());
        }
        let path = attrs::path_attr(&module.attrs);
        let conditional = attrs::conditional_paths(&module.attrs);
        if items.is_some() || conditional.is_empty() {
            into.push(head.item(ItemKind::Module { items, path }));
            return;
        }
        // One item a path, each under a predicate that excludes the others.
        let mut earlier = Vec::new();
        for (predicate, path) in conditional {
            let own = [earlier.as_slice(), std::slice::from_ref(&predicate)].concat();
            into.push(conditional_module(&head, own, Some(path)));
            earlier.push(CfgExpr::Not(Box::new(predicate)));
        }
        into.push(conditional_module(&head, earlier, path));
    }

    pub(crate) fn static_kind(&mut self, ty: &syn::Type, init: Option<&syn::Expr>, is_const: bool) -> ItemKind {
        let init = init.map(|init| Code::of(&self.expr(init)));
        ItemKind::Static(Arc::new(StaticDef { ty: types::lower(ty), is_const, init }))
    }

    fn function(
        &mut self,
        written: &[syn::Attribute],
        words: &[Option<Span>],
        sig: &syn::Signature,
        body: Body<'_>,
    ) -> Item {
        let last = match body {
            Body::Block(block) => block.brace_token.span.close(),
            Body::Semicolon(semi) => semi,
        };
        let head = Head::new(name_of(&sig.ident), written, words, signature_start(sig), last);
        let mut def = FnDef {
            generics: types::generics(&sig.generics),
            self_param: None,
            params: Vec::with_capacity(sig.inputs.len()),
            ret: types::return_type(&sig.output),
            is_async: sig.asyncness.is_some(),
            body: None,
            name_range: range_of(sig.ident.span()),
        };
        for input in &sig.inputs {
            match input {
                syn::FnArg::Receiver(receiver) => def.self_param = Some(self_param(receiver)),
                syn::FnArg::Typed(typed) => {
                    let pat = self.pat(&typed.pat);
                    def.params.push(Param { pat, ty: types::lower(&typed.ty) });
                }
            }
        }
        if let Body::Block(block) = body {
            def.body = Some(Code::of(&self.block(block)));
        }
        head.item(ItemKind::Fn(Arc::new(def)))
    }

    fn foreign_items(&mut self, block: &syn::ItemForeignMod, into: &mut Vec<Item>) {
        let outer = attrs::predicate(&block.attrs);
        for item in &block.items {
            let mut lowered = match item {
                syn::ForeignItem::Fn(def) => {
                    let words = [visibility_start(&def.vis)];
                    self.function(&def.attrs, &words, &def.sig, Body::Semicolon(def.semi_token.span))
                }
                syn::ForeignItem::Static(def) => {
                    let words = [visibility_start(&def.vis)];
                    let name = name_of(&def.ident);
                    let head = Head::new(name, &def.attrs, &words, def.static_token.span, def.semi_token.span);
                    head.item(self.static_kind(&def.ty, None, false))
                }
                _ => continue,
            };
            lowered.cfg = attrs::both(outer.clone(), lowered.cfg);
            into.push(lowered);
        }
    }

    fn trait_item(&mut self, def: &syn::ItemTrait) -> Item {
        let words = [
            visibility_start(&def.vis),
            def.unsafety.map(|word| word.span),
            def.modifiers.auto_token.map(|word| word.span),
        ];
        let last = def.brace_token.span.close();
        let head = Head::new(name_of(&def.ident), &def.attrs, &words, def.trait_token.span, last);
        let mut items = Vec::with_capacity(def.items.len());
        self.trait_members(&def.items, &mut items);
        let supers = types::bounds(def.supertraits.iter());
        head.item(ItemKind::Trait(Arc::new(TraitDef { generics: types::generics(&def.generics), supers, items })))
    }

    pub(crate) fn trait_members(&mut self, members: &[syn::TraitItem], items: &mut Vec<Item>) {
        for member in members {
            match member {
                syn::TraitItem::Fn(def) => {
                    let end = def.semi_token.map_or_else(|| def.sig.ident.span(), |semi| semi.span);
                    let body = def.default.as_ref().map_or(Body::Semicolon(end), Body::Block);
                    items.push(self.function(&def.attrs, &[default_start(def.modifiers.defaultness)], &def.sig, body));
                }
                syn::TraitItem::Type(def) => {
                    let bounds = types::bounds(def.bounds.iter());
                    let bounded = if bounds.is_empty() { TypeRef::Infer } else { TypeRef::ImplTrait(bounds) };
                    let default = def.default.as_ref().map_or(bounded, |(_, ty)| types::lower(ty));
                    let head =
                        Head::new(name_of(&def.ident), &def.attrs, &[], def.type_token.span, def.semi_token.span);
                    items.push(head.item(alias_kind(&def.generics, default)));
                }
                syn::TraitItem::Const(def) => {
                    let head =
                        Head::new(name_of(&def.ident), &def.attrs, &[], def.const_token.span, def.semi_token.span);
                    items.push(head.item(self.static_kind(
                        &def.ty,
                        def.default.as_ref().map(|(_, value)| value),
                        true,
                    )));
                }
                syn::TraitItem::Macro(call) => self.trait_macro(&call.mac, &call.attrs, items),
                syn::TraitItem::Verbatim(tokens) => self.verbatim(tokens),
                _ => {}
            }
        }
    }

    fn impl_item(&mut self, def: &syn::ItemImpl) -> Item {
        let words = [default_start(def.modifiers.defaultness), def.unsafety.map(|word| word.span)];
        let head = Head::new("".into(), &def.attrs, &words, def.impl_token.span, def.brace_token.span.close());
        let mut items = Vec::with_capacity(def.items.len());
        self.impl_members(&def.items, &mut items);
        head.item(ItemKind::Impl(Arc::new(ImplDef {
            generics: types::generics(&def.generics),
            of_trait: def.trait_.as_ref().map(|(path, _)| types::lower_path(path)),
            self_ty: types::lower(&def.self_ty),
            items,
        })))
    }

    pub(crate) fn impl_members(&mut self, members: &[syn::ImplItem], items: &mut Vec<Item>) {
        for member in members {
            match member {
                syn::ImplItem::Fn(def) => {
                    let words = [visibility_start(&def.vis), default_start(def.modifiers.defaultness)];
                    items.push(self.function(&def.attrs, &words, &def.sig, Body::Block(&def.block)));
                }
                syn::ImplItem::Type(def) => {
                    let words = [visibility_start(&def.vis), default_start(def.modifiers.defaultness)];
                    let name = name_of(&def.ident);
                    let head = Head::new(name, &def.attrs, &words, def.type_token.span, def.semi_token.span);
                    items.push(head.item(alias_kind(&def.generics, types::lower(&def.ty))));
                }
                syn::ImplItem::Const(def) => {
                    let words = [visibility_start(&def.vis), default_start(def.modifiers.defaultness)];
                    let name = name_of(&def.ident);
                    let head = Head::new(name, &def.attrs, &words, def.const_token.span, def.semi_token.span);
                    items.push(head.item(self.static_kind(&def.ty, Some(&def.expr), true)));
                }
                syn::ImplItem::Macro(call) => self.impl_macro(&call.mac, &call.attrs, items),
                syn::ImplItem::Verbatim(tokens) => self.verbatim(tokens),
                _ => {}
            }
        }
    }
}

/// What follows a signature.
#[derive(Clone, Copy)]
enum Body<'a> {
    Block(&'a syn::Block),
    /// The declaration's last token.
    Semicolon(Span),
}

fn conditional_module(head: &Head, predicates: Vec<CfgExpr>, path: Option<String>) -> Item {
    let mut item = head.clone().item(ItemKind::Module { items: None, path });
    item.cfg = attrs::both(item.cfg, Some(CfgExpr::All(predicates)));
    item
}

fn self_param(receiver: &syn::Receiver) -> SelfParam {
    match &receiver.kind {
        syn::ReceiverKind::Reference(_, _, mutable) => SelfParam { by_ref: true, mutable: mutable.is_some(), ty: None },
        syn::ReceiverKind::Typed(_, ty) => {
            let (by_ref, mutable) = match &**ty {
                syn::Type::Reference(reference) => (true, reference.mutability.is_some()),
                _ => (false, false),
            };
            SelfParam { by_ref, mutable, ty: Some(types::lower(ty)) }
        }
        _ => SelfParam { by_ref: false, mutable: false, ty: None },
    }
}

fn struct_item(def: &syn::ItemStruct) -> Item {
    let last = match (&def.semi_token, &def.fields) {
        (Some(semi), _) => semi.span,
        (None, syn::Fields::Named(named)) => named.brace_token.span.close(),
        (None, _) => def.ident.span(),
    };
    let words = [visibility_start(&def.vis)];
    let head = Head::new(name_of(&def.ident), &def.attrs, &words, def.struct_token.span, last);
    head.item(struct_kind(&def.generics, fields(def.fields.iter())))
}

fn union_item(def: &syn::ItemUnion) -> Item {
    let words = [visibility_start(&def.vis)];
    let last = def.fields.brace_token.span.close();
    let head = Head::new(name_of(&def.ident), &def.attrs, &words, def.union_token.span, last);
    head.item(struct_kind(&def.generics, fields(def.fields.named.iter())))
}

fn struct_kind(generics: &syn::Generics, fields: Vec<Field>) -> ItemKind {
    ItemKind::Struct(Arc::new(StructDef { generics: types::generics(generics), fields }))
}

fn fields<'a>(fields: impl ExactSizeIterator<Item = &'a syn::Field>) -> Vec<Field> {
    exact(fields.enumerate().map(|(at, one)| field(at, one)))
}

fn field(at: usize, field: &syn::Field) -> Field {
    Field {
        name: field.ident.as_ref().map_or_else(|| at.to_string().into(), name_of),
        ty: types::lower(&field.ty),
        cfg: attrs::predicate(&field.attrs),
        range: range_of(field.span()),
    }
}

fn enum_item(def: &syn::ItemEnum) -> Item {
    let words = [visibility_start(&def.vis)];
    let last = def.brace_token.span.close();
    let head = Head::new(name_of(&def.ident), &def.attrs, &words, def.enum_token.span, last);
    let variant =
        |variant: &syn::Variant| Variant { name: name_of(&variant.ident), fields: fields(variant.fields.iter()) };
    let variants = exact(def.variants.iter().map(variant));
    head.item(ItemKind::Enum(Arc::new(EnumDef { generics: types::generics(&def.generics), variants })))
}

fn alias_item(def: &syn::ItemType) -> Item {
    let words = [visibility_start(&def.vis)];
    let head = Head::new(name_of(&def.ident), &def.attrs, &words, def.type_token.span, def.semi_token.span);
    head.item(alias_kind(&def.generics, types::lower(&def.ty)))
}

fn alias_kind(generics: &syn::Generics, ty: TypeRef) -> ItemKind {
    ItemKind::Alias(Arc::new(AliasDef { generics: types::generics(generics), ty }))
}

/// `trait A = B + C;` is a trait with the bounds as supertraits.
fn trait_alias(def: &syn::ItemTraitAlias) -> Item {
    let words = [visibility_start(&def.vis)];
    let head = Head::new(name_of(&def.ident), &def.attrs, &words, def.trait_token.span, def.semi_token.span);
    let supers = types::bounds(def.bounds.iter());
    let generics = types::generics(&def.generics);
    head.item(ItemKind::Trait(Arc::new(TraitDef { generics, supers, items: Vec::new() })))
}

fn extern_crate(import: &syn::ItemExternCrate) -> Item {
    let name = import.rename.as_ref().map_or(&import.ident, |(_, rename)| rename);
    let words = [visibility_start(&import.vis)];
    let head = Head::new(name_of(name), &import.attrs, &words, import.extern_token.span, import.semi_token.span);
    head.item(ItemKind::ExternCrate(name_of(&import.ident)))
}

/// What the modules of a file import, wherever they do.
pub(crate) fn imports(items: &[syn::Item]) -> Vec<UseLeaf> {
    let mut leaves = Vec::new();
    for item in items {
        match item {
            syn::Item::Use(import) => {
                use_leaves(&import.tree, &mut Vec::new(), import.leading_colon.is_some(), &mut leaves);
            }
            syn::Item::Mod(syn::ItemMod { content: Some((_, items)), .. }) => leaves.extend(imports(items)),
            _ => {}
        }
    }
    leaves
}

fn use_item(import: &syn::ItemUse) -> Item {
    let mut leaves = Vec::new();
    use_leaves(&import.tree, &mut Vec::new(), import.leading_colon.is_some(), &mut leaves);
    let words = [visibility_start(&import.vis)];
    let head = Head::new("".into(), &import.attrs, &words, import.use_token.span, import.semi_token.span);
    head.item(ItemKind::Use(leaves))
}

fn use_leaves(tree: &syn::UseTree, prefix: &mut Vec<Name>, absolute: bool, leaves: &mut Vec<UseLeaf>) {
    let mut leaf = |prefix: &[Name], last: Option<Name>, alias: Name, glob: bool| {
        let last = last.filter(|last| last != "self");
        let mut path = Vec::with_capacity(prefix.len() + usize::from(last.is_some()));
        path.extend(prefix.iter().cloned().chain(last));
        leaves.push(UseLeaf { path, alias, glob, absolute });
    };
    match tree {
        syn::UseTree::Path(path) => {
            prefix.push(name_of(&path.ident));
            use_leaves(&path.tree, prefix, absolute, leaves);
            prefix.pop();
        }
        syn::UseTree::Name(name) => {
            let name = name_of(&name.ident);
            let alias = if name == "self" { prefix.last().cloned().unwrap_or_default() } else { name.clone() };
            leaf(prefix, Some(name), alias, false);
        }
        syn::UseTree::Rename(rename) => {
            leaf(prefix, Some(name_of(&rename.ident)), name_of(&rename.rename), false);
        }
        syn::UseTree::Glob(_) => leaf(prefix, None, Name::default(), true),
        syn::UseTree::Group(group) => {
            for tree in &group.items {
                use_leaves(tree, prefix, absolute, leaves);
            }
        }
    }
}
