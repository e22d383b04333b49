//! Macro calls in the place of items: those whose arguments are items, and those that declare statics.

use std::sync::Arc;

use syn::parse::{Parse, ParseStream, Parser};
use syn::spanned::Spanned;

use crate::cfg::CfgExpr;
use crate::ir::{Code, Item, ItemKind, PathRef, Segment, StaticDef, TypeRef};
use crate::lower::blocks::macro_name;
use crate::lower::expand::Position;
use crate::lower::items::Head;
use crate::lower::ranges::{attributes_start, end_of, macro_range, start_of, visibility_start};
use crate::lower::types::{self, name_of};
use crate::lower::{Lowerer, attrs, cfg_if};
use crate::span::TextRange;

impl Lowerer {
    pub(crate) fn item_macro(&mut self, call: &syn::Macro, written: &[syn::Attribute], into: &mut Vec<Item>) {
        match macro_name(call).as_str() {
            // A declaration; what its uses expand to is read at the uses, as far as it is code.
            "macro_rules" => {}
            "cfg_if" => self.cfg_if_items(call, written, into),
            "lazy_static" => self.statics(call, &["lazy_static", "LazyStatic"], into),
            // Also macros of the project that wrap it.
            name if name.ends_with("thread_local") => self.statics(call, &["std", "thread", "LocalKey"], into),
            _ => self.other_item_macro(call, written, into),
        }
    }

    /// A macro of the workspace is what it expands to; any other is read for items among its arguments.
    fn other_item_macro(&mut self, call: &syn::Macro, written: &[syn::Attribute], into: &mut Vec<Item>) {
        let expanded = self.expanded(call, Position::Items, |lowerer, tokens| {
            let file = syn::parse2::<syn::File>(tokens).ok()?;
            Some(lowerer.items(&file.items))
        });
        if let Some(items) = expanded {
            add_under(attrs::predicate(written), items, into);
            return;
        }
        match syn::parse2::<syn::File>(call.tokens.clone()) {
            Ok(file) => {
                let items = self.items(&file.items);
                add_under(outer_predicate(call, written), items, into);
            }
            Err(_) => self.count_unread(call),
        }
    }

    /// A macro within an impl whose arguments are members: `cfg_io! { fn f(&self) {} }`.
    pub(crate) fn impl_macro(&mut self, call: &syn::Macro, written: &[syn::Attribute], into: &mut Vec<Item>) {
        let expanded = self.expanded(call, Position::Items, |lowerer, tokens| {
            let members = all_of::<syn::ImplItem>.parse2(tokens).ok()?;
            let mut items = Vec::new();
            lowerer.impl_members(&members, &mut items);
            Some(items)
        });
        if let Some(items) = expanded {
            add_under(attrs::predicate(written), items, into);
            return;
        }
        match all_of::<syn::ImplItem>.parse2(call.tokens.clone()) {
            Ok(members) => {
                let mut items = Vec::new();
                self.impl_members(&members, &mut items);
                add_under(outer_predicate(call, written), items, into);
            }
            Err(_) => self.count_unread(call),
        }
    }

    /// A macro within a trait whose arguments are members.
    pub(crate) fn trait_macro(&mut self, call: &syn::Macro, written: &[syn::Attribute], into: &mut Vec<Item>) {
        let expanded = self.expanded(call, Position::Items, |lowerer, tokens| {
            let members = all_of::<syn::TraitItem>.parse2(tokens).ok()?;
            let mut items = Vec::new();
            lowerer.trait_members(&members, &mut items);
            Some(items)
        });
        if let Some(items) = expanded {
            add_under(attrs::predicate(written), items, into);
            return;
        }
        match all_of::<syn::TraitItem>.parse2(call.tokens.clone()) {
            Ok(members) => {
                let mut items = Vec::new();
                self.trait_members(&members, &mut items);
                add_under(outer_predicate(call, written), items, into);
            }
            Err(_) => self.count_unread(call),
        }
    }

    /// Counts a call in item position unless its arguments are at least expressions, such as names.
    fn count_unread(&mut self, call: &syn::Macro) {
        let scopes = std::mem::take(&mut self.scopes);
        self.macro_expr(call, macro_range(call));
        self.scopes = scopes;
    }

    fn cfg_if_items(&mut self, call: &syn::Macro, written: &[syn::Attribute], into: &mut Vec<Item>) {
        let outer = attrs::predicate(written);
        for branch in cfg_if::branches(call.tokens.clone()) {
            let Ok(file) = syn::parse2::<syn::File>(branch.tokens) else {
                self.n_macros_unread += 1;
                continue;
            };
            let items = self.items(&file.items);
            add_under(attrs::both(outer.clone(), Some(branch.predicate)), items, into);
        }
    }

    /// `static ref NAME: T = init;` and `static NAME: T = init;`, several of them.
    fn statics(&mut self, call: &syn::Macro, wrapper: &[&str], into: &mut Vec<Item>) {
        let Ok(declarations) = all_of::<MacroStatic>.parse2(call.tokens.clone()) else {
            self.n_macros_unread += 1;
            return;
        };
        for declaration in declarations {
            let init = Some(Code::of(&self.expr(&declaration.init)));
            let ty = wrapped(wrapper, types::lower(&declaration.ty));
            let kind = ItemKind::Static(Arc::new(StaticDef { ty, is_const: false, init }));
            into.push(Head::at(name_of(&declaration.name), &declaration.attrs, declaration.range).item(kind));
        }
    }
}

fn all_of<T: Parse>(input: ParseStream<'_>) -> syn::Result<Vec<T>> {
    let mut all = Vec::new();
    while !input.is_empty() {
        all.push(input.parse()?);
    }
    Ok(all)
}

fn add_under(outer: Option<CfgExpr>, items: Vec<Item>, into: &mut Vec<Item>) {
    into.extend(items.into_iter().map(|mut item| {
        item.cfg = attrs::both(outer.clone(), item.cfg);
        item
    }));
}

/// The predicate of the attributes, and the one that a name like `cfg_not_loom!` stands for.
fn outer_predicate(call: &syn::Macro, written: &[syn::Attribute]) -> Option<CfgExpr> {
    attrs::both(attrs::predicate(written), named_predicate(&macro_name(call)))
}

/// Options that nobody turns on by accident: macros named after them are off.
const OFF_OPTIONS: &[&str] = &["loom", "miri", "fuzzing", "unstable"];

/// What a macro named after it means, where that is known: systems, and options that are off unless asked for.
fn named_option(name: &str) -> Option<CfgExpr> {
    let key_value = |key: &str, value: &str| Some(CfgExpr::KeyValue(key.to_owned(), value.to_owned()));
    match name {
        "test" | "unix" | "windows" => Some(CfgExpr::Flag(name.to_owned())),
        "linux" | "macos" | "android" | "ios" | "freebsd" => key_value("target_os", name),
        _ if name.starts_with("wasi") => key_value("target_os", "wasi"),
        _ if name.starts_with("wasm") => key_value("target_family", "wasm"),
        _ if OFF_OPTIONS.iter().any(|option| name.starts_with(option)) => Some(CfgExpr::Flag(name.to_owned())),
        _ => None,
    }
}

/// `cfg_x!` is on and `cfg_not_x!` its off twin, save where `x` is an option whose state is known.
fn named_predicate(name: &str) -> Option<CfgExpr> {
    let option = name.strip_prefix("cfg_")?;
    let (option, negated) = option.strip_prefix("not_").map_or((option, false), |option| (option, true));
    match (named_option(option), negated) {
        (known, false) => known,
        (Some(known), true) => Some(CfgExpr::Not(Box::new(known))),
        (None, true) => Some(CfgExpr::Any(Vec::new())),
    }
}

/// A declaration of `lazy_static!` or `thread_local!`.
struct MacroStatic {
    attrs: Vec<syn::Attribute>,
    name: syn::Ident,
    ty: syn::Type,
    init: syn::Expr,
    range: TextRange,
}

impl Parse for MacroStatic {
    fn parse(input: ParseStream<'_>) -> syn::Result<MacroStatic> {
        let attrs = syn::Attribute::parse_outer(input)?;
        let visibility: syn::Visibility = input.parse()?;
        let keyword: syn::Token![static] = input.parse()?;
        let _: Option<syn::Token![ref]> = input.parse()?;
        let name = input.parse()?;
        let _: syn::Token![:] = input.parse()?;
        let ty = input.parse()?;
        let _: syn::Token![=] = input.parse()?;
        let init: syn::Expr = input.parse()?;
        let semi: Option<syn::Token![;]> = input.parse()?;
        let first = attributes_start(&attrs).or(visibility_start(&visibility)).unwrap_or(keyword.span);
        // The last declaration may do without a semicolon.
        let end = semi.map_or_else(|| end_of(init.span()), |semi| end_of(semi.span));
        let range = TextRange::from_to(start_of(first), end);
        Ok(MacroStatic { attrs, name, ty, init, range })
    }
}

fn wrapped(path: &[&str], inner: TypeRef) -> TypeRef {
    let segment = |name: &&str| Segment { name: (*name).into(), args: Vec::new(), bindings: Vec::new() };
    let mut segments: Vec<Segment> = path.iter().map(segment).collect();
    if let Some(last) = segments.last_mut() {
        last.args.push(inner);
    }
    // From the crate's name: `use lazy_static::lazy_static;` imports a macro, not a crate.
    TypeRef::Path(PathRef { segments, qself: None, absolute: true })
}

#[cfg(test)]
mod tests {
    use crate::cfg::CfgSet;
    use crate::ir::{Item, ItemKind};
    use crate::lower::parse_file;

    /// The names of the items that are on.
    fn check(text: &str, expected: &[&str]) {
        let ir = parse_file(text);
        let host = CfgSet::host();
        let is_on = |item: &&Item| item.cfg.as_ref().is_none_or(|predicate| host.matches(predicate));
        let names: Vec<_> = ir.items.iter().filter(is_on).map(|item| item.name.as_str()).collect();
        assert_eq!((names.as_slice(), ir.n_macros_unread), (expected, 0));
    }

    #[test]
    fn items_in_a_macro_are_items() {
        check("cfg_rt! { fn a() {} mod b; } pin_project! { struct C { #[pin] d: u8 } }", &["a", "b", "C"]);
    }

    #[test]
    fn only_one_of_two_twins_is_on() {
        check("cfg_rt! { fn a() {} } cfg_not_rt! { fn a() {} }", &["a"]);
        check("cfg_loom! { fn a() {} } cfg_not_loom! { fn b() {} }", &["b"]);
    }

    #[test]
    fn cfg_if_takes_the_first_branch_that_holds() {
        check(
            "cfg_if::cfg_if! { if #[cfg(loom)] { fn a() {} } else if #[cfg(debug_assertions)] { fn b() {} } else { fn c() {} } }",
            &["b"],
        );
    }

    #[test]
    fn members_in_a_macro_are_members() {
        let ir = parse_file("impl A { cfg_io! { fn a(&self) {} } } trait B { cfg_io! { fn b(&self); } }");
        let ItemKind::Impl(def) = &ir.items[0].kind else { panic!() };
        assert_eq!(def.items[0].name, "a");
        let ItemKind::Trait(def) = &ir.items[1].kind else { panic!() };
        assert_eq!(def.items[0].name, "b");
    }

    #[test]
    fn statics_of_macros_have_their_wrapper_as_type() {
        check(
            "lazy_static! { pub static ref A: Map<u8, Box<dyn Fn() -> u8>> = f(); #[cfg(loom)] static ref B: u8 = 1; }",
            &["A"],
        );
        let ir = parse_file("thread_local! { static A: RefCell<u8> = const { RefCell::new(1) } }");
        let ItemKind::Static(def) = &ir.items[0].kind else { panic!() };
        assert!(format!("{:?}", def.ty).contains("LocalKey"), "{:?}", def.ty);
        assert!(def.init.is_some());
    }

    #[test]
    fn macros_that_declare_nothing_are_silent() {
        check("macro_rules! m { () => {} } group!(A, B);", &[]);
    }
}
