//! Items: modules, imports, types, traits, impls, functions, and what item macros declare.

use std::sync::Arc;

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use syn::spanned::Spanned;

use crate::cfg::CfgExpr;
use crate::ir::{
    AliasDef, Attr, EnumDef, Field, FnDef, ImplDef, Item, ItemKind, Name, Param, PathRef, Segment, SelfParam,
    StaticDef, StructDef, TraitDef, TypeRef, UseLeaf, Variant,
};
use crate::lower::ranges::{fn_range, item_range};
use crate::lower::types::{self, name_of};
use crate::lower::{Lowerer, attrs, range_of};
use crate::span::TextRange;

/// What every item has.
struct Head {
    name: Name,
    range: TextRange,
    cfg: Option<CfgExpr>,
    attrs: Vec<Attr>,
}

impl Head {
    fn new(name: impl Into<Name>, range: TextRange, written: &[syn::Attribute]) -> Head {
        Head {
            name: name.into(),
            range,
            cfg: attrs::predicate(written),
            attrs: attrs::kept(written),
        }
    }

    fn item(self, kind: ItemKind) -> Item {
        Item { name: self.name, range: self.range, cfg: self.cfg, attrs: self.attrs, kind }
    }
}

impl Lowerer {
    pub(crate) fn item(&mut self, item: &syn::Item, into: &mut Vec<Item>) {
        let range = item_range(item);
        match item {
            syn::Item::Mod(module) => into.push(self.module(module, range)),
            syn::Item::Use(import) => into.push(use_item(import, range)),
            syn::Item::ExternCrate(import) => into.push(extern_crate(import, range)),
            syn::Item::Struct(def) => {
                let kind = struct_kind(&def.generics, fields(&def.fields));
                into.push(Head::new(name_of(&def.ident), range, &def.attrs).item(kind));
            }
            syn::Item::Union(def) => {
                let named = def.fields.named.iter().enumerate().map(|(at, one)| field(at, one)).collect();
                into.push(Head::new(name_of(&def.ident), range, &def.attrs).item(struct_kind(&def.generics, named)));
            }
            syn::Item::Enum(def) => into.push(enum_item(def, range)),
            syn::Item::Type(def) => {
                let alias = AliasDef { generics: types::generics(&def.generics), ty: types::lower(&def.ty) };
                into.push(Head::new(name_of(&def.ident), range, &def.attrs).item(ItemKind::Alias(Arc::new(alias))));
            }
            syn::Item::Trait(def) => into.push(self.trait_item(def, range)),
            syn::Item::Impl(def) => into.push(self.impl_item(def, range)),
            syn::Item::Fn(def) => {
                let function = self.function(&def.sig, Some(&def.block));
                into.push(Head::new(name_of(&def.sig.ident), range, &def.attrs).item(function));
            }
            syn::Item::Static(def) => {
                let kind = self.static_kind(&def.ty, Some(&def.expr), false);
                into.push(Head::new(name_of(&def.ident), range, &def.attrs).item(kind));
            }
            syn::Item::Const(def) => {
                let kind = self.static_kind(&def.ty, Some(&def.expr), true);
                into.push(Head::new(name_of(&def.ident), range, &def.attrs).item(kind));
            }
            syn::Item::Macro(call) => self.item_macro(&call.mac, &call.attrs, into),
            _ => {}
        }
    }

    fn module(&mut self, module: &syn::ItemMod, range: TextRange) -> Item {
        let items = module.content.as_ref().map(|(_, items)| self.items(items));
        let path = attrs::path_attr(&module.attrs);
        Head::new(name_of(&module.ident), range, &module.attrs).item(ItemKind::Module { items, path })
    }

    fn static_kind(&mut self, ty: &syn::Type, init: Option<&syn::Expr>, is_const: bool) -> ItemKind {
        let init = init.map(|init| self.expr(init));
        ItemKind::Static(Arc::new(StaticDef { ty: types::lower(ty), is_const, init }))
    }

    fn function(&mut self, sig: &syn::Signature, block: Option<&syn::Block>) -> ItemKind {
        let mut def = FnDef {
            generics: types::generics(&sig.generics),
            self_param: None,
            params: Vec::new(),
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
        def.body = block.map(|block| self.block(block));
        ItemKind::Fn(Arc::new(def))
    }

    fn trait_item(&mut self, def: &syn::ItemTrait, range: TextRange) -> Item {
        let mut items = Vec::new();
        for member in &def.items {
            match member {
                syn::TraitItem::Fn(function) => {
                    let range = trait_fn_range(function);
                    let kind = self.function(&function.sig, function.default.as_ref());
                    items.push(Head::new(name_of(&function.sig.ident), range, &function.attrs).item(kind));
                }
                syn::TraitItem::Type(ty) => {
                    let default = ty.default.as_ref().map_or(TypeRef::Infer, |(_, ty)| types::lower(ty));
                    let alias = AliasDef { generics: types::generics(&ty.generics), ty: default };
                    items.push(Head::new(name_of(&ty.ident), range_of(ty.span()), &ty.attrs).item(ItemKind::Alias(Arc::new(alias))));
                }
                _ => {}
            }
        }
        let lowered =
            TraitDef { generics: types::generics(&def.generics), supers: types::bounds(def.supertraits.iter()), items };
        Head::new(name_of(&def.ident), range, &def.attrs).item(ItemKind::Trait(Arc::new(lowered)))
    }

    fn impl_item(&mut self, def: &syn::ItemImpl, range: TextRange) -> Item {
        let lowered = ImplDef {
            generics: types::generics(&def.generics),
            of_trait: def.trait_.as_ref().map(|(path, _)| types::lower_path(path)),
            self_ty: types::lower(&def.self_ty),
            items: self.impl_members(&def.items),
        };
        Head::new("", range, &def.attrs).item(ItemKind::Impl(Arc::new(lowered)))
    }

    fn impl_members(&mut self, members: &[syn::ImplItem]) -> Vec<Item> {
        let mut items = Vec::new();
        for member in members {
            match member {
                syn::ImplItem::Fn(function) => {
                    let last = function.block.brace_token.span.close();
                    let range = fn_range(&function.attrs, &function.vis, &function.sig, last);
                    let kind = self.function(&function.sig, Some(&function.block));
                    items.push(Head::new(name_of(&function.sig.ident), range, &function.attrs).item(kind));
                }
                syn::ImplItem::Type(ty) => {
                    let alias = AliasDef { generics: types::generics(&ty.generics), ty: types::lower(&ty.ty) };
                    items.push(Head::new(name_of(&ty.ident), range_of(ty.span()), &ty.attrs).item(ItemKind::Alias(Arc::new(alias))));
                }
                syn::ImplItem::Const(constant) => {
                    let kind = self.static_kind(&constant.ty, Some(&constant.expr), true);
                    items.push(Head::new(name_of(&constant.ident), range_of(constant.span()), &constant.attrs).item(kind));
                }
                // `cfg_io! { fn f(&self) {} }` within an impl.
                syn::ImplItem::Macro(call) => items.extend(self.impl_macro(&call.mac)),
                _ => {}
            }
        }
        items
    }

    fn impl_macro(&mut self, call: &syn::Macro) -> Vec<Item> {
        let tokens = &call.tokens;
        let wrapped: TokenStream = quote_impl(tokens.clone());
        match syn::parse2::<syn::ItemImpl>(wrapped) {
            Ok(parsed) => self.impl_members(&parsed.items),
            Err(_) => Vec::new(),
        }
    }

    // ---- macros in item position ----

    fn item_macro(&mut self, call: &syn::Macro, written: &[syn::Attribute], into: &mut Vec<Item>) {
        let name = call.path.segments.last().map(|last| last.ident.to_string()).unwrap_or_default();
        match name.as_str() {
            // A declaration; what its uses expand to is read at the uses, as far as it is code.
            "macro_rules" => {}
            "cfg_if" => self.cfg_if(call.tokens.clone(), into),
            "lazy_static" => self.statics(call.tokens.clone(), &["lazy_static", "LazyStatic"], into),
            "thread_local" => self.statics(call.tokens.clone(), &["std", "thread", "LocalKey"], into),
            _ => self.items_in_macro(call, written, into),
        }
    }

    /// A macro around items, such as `cfg_rt! { .. }`.
    fn items_in_macro(&mut self, call: &syn::Macro, written: &[syn::Attribute], into: &mut Vec<Item>) {
        let Ok(file) = syn::parse2::<syn::File>(call.tokens.clone()) else { return };
        let outer = attrs::predicate(written);
        for mut item in self.items(&file.items) {
            item.cfg = both(outer.clone(), item.cfg);
            into.push(item);
        }
    }

    /// `if #[cfg(a)] { .. } else if #[cfg(b)] { .. } else { .. }`.
    fn cfg_if(&mut self, tokens: TokenStream, into: &mut Vec<Item>) {
        let mut earlier: Vec<CfgExpr> = Vec::new();
        let mut predicate: Option<CfgExpr> = None;
        for token in tokens {
            let TokenTree::Group(group) = token else { continue };
            match group.delimiter() {
                Delimiter::Bracket => predicate = bracketed_predicate(group.stream()),
                Delimiter::Brace => {
                    let mut parts: Vec<CfgExpr> =
                        earlier.iter().map(|one| CfgExpr::Not(Box::new(one.clone()))).collect();
                    parts.extend(predicate.clone());
                    earlier.extend(predicate.take());
                    let Ok(file) = syn::parse2::<syn::File>(group.stream()) else { continue };
                    for mut item in self.items(&file.items) {
                        item.cfg = both(Some(CfgExpr::All(parts.clone())), item.cfg);
                        into.push(item);
                    }
                }
                _ => {}
            }
        }
    }

    /// `static ref NAME: T = init;` and `static NAME: T = init;`, several of them.
    fn statics(&mut self, tokens: TokenStream, wrapper: &[&str], into: &mut Vec<Item>) {
        let mut declaration: Vec<TokenTree> = Vec::new();
        for token in tokens {
            let ends = matches!(&token, TokenTree::Punct(punct) if punct.as_char() == ';');
            if ends {
                into.extend(self.one_static(&std::mem::take(&mut declaration), wrapper));
            } else {
                declaration.push(token);
            }
        }
        into.extend(self.one_static(&declaration, wrapper));
    }

    fn one_static(&mut self, tokens: &[TokenTree], wrapper: &[&str]) -> Option<Item> {
        let is_word = |token: &TokenTree, word: &str| matches!(token, TokenTree::Ident(ident) if ident == word);
        let start = tokens.iter().position(|token| is_word(token, "static"))?;
        let name_at = start + 1 + usize::from(tokens.get(start + 1).is_some_and(|token| is_word(token, "ref")));
        let TokenTree::Ident(name) = tokens.get(name_at)? else { return None };
        let equals = tokens.iter().position(
            |token| matches!(token, TokenTree::Punct(p) if p.as_char() == '=' && p.spacing() == proc_macro2::Spacing::Alone),
        )?;
        let ty: TokenStream = tokens.get(name_at + 2..equals)?.iter().cloned().collect();
        let init: TokenStream = tokens.get(equals + 1..)?.iter().cloned().collect();
        let inner = types::lower(&syn::parse2(ty).ok()?);
        let init = syn::parse2::<syn::Expr>(init).ok().map(|init| self.expr(&init));
        let range = range_of(tokens[start].span()).to(range_of(tokens.last()?.span()));
        let kind = ItemKind::Static(Arc::new(StaticDef { ty: wrapped(wrapper, inner), is_const: false, init }));
        Some(Item { name: name_of(name), range, cfg: None, attrs: Vec::new(), kind })
    }
}

fn quote_impl(tokens: TokenStream) -> TokenStream {
    let head: TokenStream = "impl X".parse().unwrap_or_default();
    let body = TokenTree::Group(proc_macro2::Group::new(Delimiter::Brace, tokens));
    head.into_iter().chain([body]).collect()
}

/// `cfg(..)` between the brackets of an attribute.
fn bracketed_predicate(tokens: TokenStream) -> Option<CfgExpr> {
    let group = tokens.into_iter().find_map(|token| match token {
        TokenTree::Group(group) => Some(group.stream()),
        _ => None,
    })?;
    syn::parse2::<attrs::Predicate>(group).ok().map(|predicate| predicate.0)
}

fn both(outer: Option<CfgExpr>, inner: Option<CfgExpr>) -> Option<CfgExpr> {
    match (outer, inner) {
        (Some(outer), Some(inner)) => Some(CfgExpr::All(vec![outer, inner])),
        (one, other) => one.or(other),
    }
}

fn wrapped(path: &[&str], inner: TypeRef) -> TypeRef {
    let mut segments: Vec<Segment> =
        path.iter().map(|name| Segment { name: (*name).into(), args: Vec::new(), bindings: Vec::new() }).collect();
    if let Some(last) = segments.last_mut() {
        last.args.push(inner);
    }
    TypeRef::Path(PathRef { segments, qself: None, absolute: false })
}

fn self_param(receiver: &syn::Receiver) -> SelfParam {
    match &receiver.kind {
        syn::ReceiverKind::Reference(_, _, mutable) => SelfParam { by_ref: true, mutable: mutable.is_some(), ty: None },
        syn::ReceiverKind::Typed(_, ty) => {
            let by_ref = matches!(&**ty, syn::Type::Reference(_));
            SelfParam { by_ref, mutable: false, ty: Some(types::lower(ty)) }
        }
        _ => SelfParam { by_ref: false, mutable: receiver.mutability.is_some(), ty: None },
    }
}

fn trait_fn_range(function: &syn::TraitItemFn) -> TextRange {
    let last = match (&function.default, &function.semi_token) {
        (Some(block), _) => block.brace_token.span.close(),
        (None, Some(semi)) => semi.span,
        (None, None) => function.sig.paren_token.span.close(),
    };
    fn_range(&function.attrs, &syn::Visibility::Inherited, &function.sig, last)
}

fn struct_kind(generics: &syn::Generics, fields: Vec<Field>) -> ItemKind {
    ItemKind::Struct(Arc::new(StructDef { generics: types::generics(generics), fields }))
}

fn fields(fields: &syn::Fields) -> Vec<Field> {
    fields.iter().enumerate().map(|(at, one)| field(at, one)).collect()
}

fn field(at: usize, field: &syn::Field) -> Field {
    Field {
        name: field.ident.as_ref().map_or_else(|| at.to_string().into(), name_of),
        ty: types::lower(&field.ty),
        cfg: attrs::predicate(&field.attrs),
        range: range_of(field.span()),
    }
}

fn enum_item(def: &syn::ItemEnum, range: TextRange) -> Item {
    let variants = def
        .variants
        .iter()
        .map(|variant| Variant { name: name_of(&variant.ident), fields: fields(&variant.fields) })
        .collect();
    let lowered = EnumDef { generics: types::generics(&def.generics), variants };
    Head::new(name_of(&def.ident), range, &def.attrs).item(ItemKind::Enum(Arc::new(lowered)))
}

fn extern_crate(import: &syn::ItemExternCrate, range: TextRange) -> Item {
    let name = import.rename.as_ref().map_or(&import.ident, |(_, rename)| rename);
    Head::new(name_of(name), range, &import.attrs).item(ItemKind::ExternCrate(name_of(&import.ident)))
}

fn use_item(import: &syn::ItemUse, range: TextRange) -> Item {
    let mut leaves = Vec::new();
    use_leaves(&import.tree, &mut Vec::new(), import.leading_colon.is_some(), &mut leaves);
    Head::new("", range, &import.attrs).item(ItemKind::Use(leaves))
}

fn use_leaves(tree: &syn::UseTree, prefix: &mut Vec<Name>, absolute: bool, leaves: &mut Vec<UseLeaf>) {
    let mut leaf = |prefix: &[Name], last: Option<Name>, alias: Name, glob: bool| {
        let mut path = prefix.to_vec();
        path.extend(last.filter(|last| last != "self"));
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
