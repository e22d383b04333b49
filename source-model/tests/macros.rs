//! Macros of the workspace: what their calls expand to is seen, with its place, and what cannot be expanded is counted.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod located;

use interlock_source::{Coverage, Edition, PointKind, Sources, Workspace};
use located::facts;

const SUPPORT: &str = "
use std::sync::{Mutex, MutexGuard};
fn at() {}
struct Depot { shelf: Mutex<u32>, desk: Mutex<u32> }
";

fn load(text: &str) -> Workspace {
    Workspace::analyse(Sources::of_text("t", Edition::E2021, &format!("{text}\n{SUPPORT}")))
}

#[track_caller]
fn check(text: &str, expected: &[&str]) -> Coverage {
    let workspace = load(text);
    assert_eq!(facts(&workspace), expected, "{:?}", workspace.coverage().unparsed);
    workspace.coverage().clone()
}

/// What is read of a call that is not expanded, and how it is counted: facts, unread calls, lines and reasons of gaps.
#[track_caller]
fn check_not_expanded(text: &str, expected: &[&str], n_unread: usize, gaps: &[(u32, &str)]) {
    let coverage = check(text, expected);
    let unparsed: Vec<_> = coverage.unparsed.iter().map(|gap| (gap.line, gap.reason.as_str())).collect();
    assert_eq!((coverage.n_macros_unread, unparsed.as_slice()), (n_unread, gaps));
}

#[test]
fn an_impl_of_a_macro_locks_at_its_place_in_the_definition() {
    check(
        "macro_rules! make { ($name:ident, $field:ident) => { impl Depot {
            fn $name(&self) { let g = self.$field.lock().unwrap(); at(); }
        } } }
        make!(count, shelf);",
        &["t::Depot::count src/lib.rs:2 t::Depot::shelf", "t::Depot::count holds g: t::Depot::shelf"],
    );
}

#[test]
fn a_statement_macro_holds_its_guard_in_the_block_around_it() {
    check(
        "macro_rules! hold { ($e:expr) => { let held = $e.lock().unwrap(); } }
        fn f(d: &Depot) { hold!(d.shelf); at(); { hold! { d.desk } at(); } at(); }",
        &[
            "t::f src/lib.rs:1 t::Depot::shelf",
            "t::f holds held: t::Depot::shelf",
            "t::f src/lib.rs:1 t::Depot::desk",
            "t::f holds held: t::Depot::shelf, held: t::Depot::desk",
            "t::f holds held: t::Depot::shelf",
        ],
    );
}

#[test]
fn a_block_of_a_macro_drops_its_guard() {
    check(
        "macro_rules! read { ($e:expr) => {{ let held = $e.lock().unwrap(); at(); *held }} }
        fn f(d: &Depot) -> u32 { let n = read!(d.shelf); at(); n }",
        &["t::f src/lib.rs:1 t::Depot::shelf", "t::f holds held: t::Depot::shelf", "t::f holds "],
    );
}

#[test]
fn a_construct_within_a_macro_keeps_what_it_matches() {
    check(
        "macro_rules! by_kind { ($d:ident) => { match *$d.shelf.lock().unwrap() { 0 => at(), _ => {} } } }
        macro_rules! take { ($e:expr) => { match $e {
            0 => at(), _ => {} } } }
        fn f(d: &Depot) { by_kind!(d); at(); }
        fn g(d: &Depot) { take!(*d.shelf.lock().unwrap()); at(); }
        macro_rules! each { ($e:expr) => { for _ in $e { at(); } } }
        macro_rules! some { ($e:expr) => { if let Some(_) = $e { at(); } } }
        fn h(d: &Depot) { each!(0..*d.shelf.lock().unwrap()); some!(Some(*d.desk.lock().unwrap())); }",
        &[
            "t::f src/lib.rs:1 t::Depot::shelf",
            "t::f holds a temporary that is kept: t::Depot::shelf",
            "t::f holds ",
            "t::g src/lib.rs:5 t::Depot::shelf",
            "t::g holds a temporary that is kept: t::Depot::shelf",
            "t::g holds ",
            "t::h src/lib.rs:8 t::Depot::shelf",
            "t::h src/lib.rs:8 t::Depot::desk",
            "t::h holds a temporary that is kept: t::Depot::desk",
            "t::h holds a temporary that is kept: t::Depot::shelf",
        ],
    );
}

#[test]
fn an_await_of_a_macro_is_at_what_it_awaits() {
    let workspace = load(
        "macro_rules! done { ($e:expr) => { $e.await } }
        async fn f() { done!(g()); g().await }
        async fn g() {}",
    );
    let points = workspace.bodies().iter().flat_map(|body| &body.points);
    let awaits = points.filter(|point| matches!(point.kind, PointKind::Await { .. }));
    let places: Vec<_> = awaits.map(|point| (point.span.range.start.line, point.span.range.start.column)).collect();
    assert_eq!(places, [(2, 30), (2, 36)]);
}

#[test]
fn a_gap_of_a_definition_is_at_its_place() {
    check_not_expanded(
        "macro_rules! odd { () => {
            fn f();
            fn g(d: &Depot) { d.shelf.lock().unwrap(); } } }
        odd!();",
        &["t::g src/lib.rs:3 t::Depot::shelf"],
        0,
        &[(2, "an item form that is not modelled")],
    );
}

#[test]
fn names_of_a_macro_are_not_those_of_its_caller() {
    check(
        "macro_rules! with { ($lock:expr, $body:expr) => {{ let held = $lock.lock().unwrap(); $body }} }
        fn f(held: &Depot, d: &Depot) { with!(d.desk, { held.shelf.lock().unwrap(); }) }
        macro_rules! each { ($lock:expr, $body:expr) => { call(|held| { drop(held); $body }) } }
        fn g(d: &Depot) { let held = d.shelf.lock().unwrap(); each!(d.desk, ()); at(); }",
        &[
            "t::f src/lib.rs:1 t::Depot::desk",
            "t::f src/lib.rs:2 t::Depot::shelf",
            "t::g src/lib.rs:4 t::Depot::shelf",
            "t::g holds held: t::Depot::shelf",
        ],
    );
}

#[test]
fn repetitions_nest_and_rules_recurse() {
    check(
        "macro_rules! all { ($($f:ident: [$($lock:ident),* $(,)?]);+ $(;)?) => {
            $(fn $f(d: &Depot) { $(d.$lock.lock().unwrap();)* })+
        } }
        all! { a: []; b: [shelf, desk,]; }
        macro_rules! chain { ($d:ident;) => { at() }; ($d:ident; $first:ident $($rest:ident)*) => {
            let g = $d.$first.lock().unwrap(); chain!($d; $($rest)*);
        } }
        fn c(d: &Depot) { chain!(d; shelf desk); }",
        &[
            "t::b src/lib.rs:2 t::Depot::shelf",
            "t::b src/lib.rs:2 t::Depot::desk",
            "t::c src/lib.rs:6 t::Depot::shelf",
            "t::c src/lib.rs:6 t::Depot::desk",
            "t::c holds g: t::Depot::shelf, g: t::Depot::desk",
        ],
    );
}

#[test]
fn every_kind_of_fragment_is_matched() {
    check(
        "macro_rules! every {
            ($v:vis $i:ident <$l:lifetime> $t:ty, $p:path, #[$m:meta] $lit:literal $b:block, $pat:pat => $e:expr; $s:stmt; $tt:tt $item:item) => {
                #[$m] $v fn $i<$l>(d: &$l $t) -> u32 { $s; let _: $p; let n = match $lit { $pat => $e, _ => 2 }; n + $b + tt!($tt) }
                $item
            }
        }
        macro_rules! tt { (=>) => { 0 } }
        every! { pub(crate) f<'a> Depot, std::string::String, #[inline] -1 { 3 }, 4 | 5 => 1 + 2; let g = d.shelf.lock().unwrap(); => fn h(d: &Depot) { d.desk.lock().unwrap(); } }",
        &["t::f src/lib.rs:8 t::Depot::shelf", "t::h src/lib.rs:8 t::Depot::desk"],
    );
}

#[test]
fn predicates_of_a_macro_are_those_it_makes() {
    check(
        "macro_rules! cfg_off { ($($item:item)*) => { $(#[cfg(feature = \"off\")] $item)* } }
        macro_rules! cfg_always { ($($item:item)*) => { $(#[cfg(not(feature = \"off\"))] $item)* } }
        cfg_off! { fn f(d: &Depot) { d.desk.lock().unwrap(); } }
        cfg_always! { fn f(d: &Depot) { d.shelf.lock().unwrap(); } }",
        &["t::f src/lib.rs:4 t::Depot::shelf"],
    );
}

#[test]
fn members_of_a_macro_are_members() {
    check(
        "macro_rules! member { ($name:ident) => { fn $name(&self) { self.shelf.lock().unwrap(); } } }
        impl Depot { member!(a); }
        trait T { fn of(&self) -> &Depot; }
        macro_rules! given { () => { fn b(&self) { self.of().desk.lock().unwrap(); } } }
        trait U: T { given!(); }",
        &["t::U::b src/lib.rs:4 t::Depot::desk", "t::Depot::a src/lib.rs:1 t::Depot::shelf"],
    );
}

#[test]
fn the_definition_in_textual_scope_is_meant() {
    check(
        "macro_rules! m { ($d:ident) => { $d.shelf.lock().unwrap(); } }
        fn a(d: &Depot) { m!(d); }
        fn b(d: &Depot) { macro_rules! m { ($d:ident) => { $d.desk.lock().unwrap(); } } m!(d); }
        fn c(d: &Depot) { m!(d); }",
        &["t::a src/lib.rs:1 t::Depot::shelf", "t::b src/lib.rs:3 t::Depot::desk", "t::c src/lib.rs:1 t::Depot::shelf"],
    );
}

#[test]
fn a_later_definition_shadows_the_one_before_it() {
    check(
        "macro_rules! m { ($d:ident) => { $d.shelf.lock().unwrap(); } }
        fn a(d: &Depot) { m!(d); }
        macro_rules! m { ($d:ident) => { $d.desk.lock().unwrap(); } }
        fn b(d: &Depot) { m!(d); }
        mod inner { use super::*; macro_rules! m { ($d:ident) => { $d.shelf.lock().unwrap(); } } fn c(d: &Depot) { m!(d); } }
        fn d(d: &Depot) { m!(d); }
        #[macro_use] mod used { macro_rules! m { ($d:ident) => { $d.shelf.lock().unwrap(); } } }
        fn e(d: &Depot) { m!(d); }",
        &[
            "t::a src/lib.rs:1 t::Depot::shelf",
            "t::b src/lib.rs:3 t::Depot::desk",
            "t::inner::c src/lib.rs:5 t::Depot::shelf",
            "t::d src/lib.rs:3 t::Depot::desk",
            "t::e src/lib.rs:7 t::Depot::shelf",
        ],
    );
}

#[test]
fn each_expansion_has_statics_of_its_own() {
    check(
        "macro_rules! once { () => {{ static CACHE: Mutex<u32> = Mutex::new(0); let g = CACHE.lock().unwrap(); at(); }} }
        fn a() { once!(); }
        fn b() { once!(); once!(); }",
        &[
            "t::a src/lib.rs:1 t::CACHE",
            "t::a holds g: t::CACHE",
            "t::b src/lib.rs:1 t::CACHE#2",
            "t::b holds g: t::CACHE#2",
            "t::b src/lib.rs:1 t::CACHE#3",
            "t::b holds g: t::CACHE#3",
        ],
    );
}

#[test]
fn arguments_of_other_macros_are_read() {
    // Two definitions under predicates, an unknown fragment kind, no rule that fits, and no definition at all.
    check_not_expanded(
        "#[cfg(a)] macro_rules! m { ($e:expr) => { } }
        #[cfg(not(a))] macro_rules! m { ($e:expr) => { $e } }
        fn a(d: &Depot) { m!(d.shelf.lock().unwrap()); }
        macro_rules! n { ($e:guard) => { } }
        fn b(d: &Depot) { n!(d.shelf.lock().unwrap()); n!(a -> b | c); }
        macro_rules! o { (x) => { } }
        fn c(d: &Depot) { o!(d.shelf.lock().unwrap()); p!(d.desk.lock().unwrap()); }",
        &[
            "t::a src/lib.rs:3 t::Depot::shelf",
            "t::b src/lib.rs:5 t::Depot::shelf",
            "t::c src/lib.rs:7 t::Depot::shelf",
            "t::c src/lib.rs:7 t::Depot::desk",
        ],
        1,
        &[],
    );
}

#[test]
fn endless_recursion_is_a_gap() {
    let reason = "`m!` is not expanded to its end: macros expanded within macros more than 128 times";
    check_not_expanded(
        "macro_rules! m { ($d:ident) => {{ m!($d) }} }
        fn f(d: &Depot) { m!(d); d.shelf.lock().unwrap(); }
        macro_rules! n { () => { n!(); } }
        n!();",
        &["t::f src/lib.rs:2 t::Depot::shelf"],
        0,
        &[(2, reason), (4, &reason.replace("m!", "n!"))],
    );
}

#[test]
fn growth_is_bounded() {
    let doubling = "macro_rules! m { ($($t:tt)*) => { m!($($t)*, $($t)*) } }
        fn f(d: &Depot) { m!(a); d.shelf.lock().unwrap(); }";
    let reason = "`m!` is not expanded to its end: expansions of more than 524288 tokens in one file";
    check_not_expanded(doubling, &["t::f src/lib.rs:2 t::Depot::shelf"], 0, &[(2, reason)]);
    let branching = "macro_rules! m { () => {{ m!(); m!(); m!(); }} }
        fn f(d: &Depot) { m!(); d.shelf.lock().unwrap(); }";
    let deep = "`m!` is not expanded to its end: macros expanded within macros more than 128 times";
    let coverage = check(branching, &["t::f src/lib.rs:2 t::Depot::shelf"]);
    assert_eq!((coverage.unparsed.len(), coverage.unparsed[0].reason.as_str()), (1, deep));
}

#[test]
fn nesting_is_bounded() {
    let brackets = ("(".repeat(100), ")".repeat(100));
    let text = format!(
        "macro_rules! m {{ ($($t:tt)*) => {{ m!({} $($t)* {}) }} }}\nfn f(d: &Depot) {{ m!(1); d.shelf.lock().unwrap(); }}",
        brackets.0, brackets.1
    );
    let reason = "`m!` is not expanded to its end: brackets nested deeper than 512";
    check_not_expanded(&text, &["t::f src/lib.rs:2 t::Depot::shelf"], 0, &[(2, reason)]);
}

#[test]
fn a_long_list_is_taken_apart_as_far_as_the_limit() {
    let reason =
        |name| format!("`{name}!` is not expanded to its end: macros expanded within macros more than 128 times");
    let list = |n: usize| "x ".repeat(n);
    let rules = "macro_rules! items { () => {}; ($x:ident $($rest:ident)*) => { mod $x { items!($($rest)*); } } }
        macro_rules! stmts { ($d:ident;) => { $d.desk.lock().unwrap(); }; ($d:ident; $x:ident $($rest:ident)*) => {
            stmts!($d; $($rest)*); } }
        macro_rules! value { ($d:ident;) => { $d.desk.lock().unwrap().clone() }; ($d:ident; $x:ident $($rest:tt)*) => {
            if let Some(n) = Some(value!($d; $($rest)*)) { n } else { 0 } } }
        macro_rules! types { ($d:ident $t:ty;) => { impl Holds<$t> for Depot {} }; ($d:ident $t:ty; $x:ident $($rest:tt)*) => {
            types!($d Vec<$t>; $($rest)*); } }";
    let calls = |n: usize| {
        let list = list(n);
        format!(
            "{rules}
        items!({list}); types!(d u32; {list});
        fn f(d: &Depot) {{ stmts!(d; {list}); }}
        fn g(d: &Depot) -> u32 {{ value!(d; {list}) }}"
        )
    };
    check_not_expanded(&calls(100), &["t::f src/lib.rs:2 t::Depot::desk", "t::g src/lib.rs:4 t::Depot::desk"], 0, &[]);
    let gaps = [(8, reason("items")), (8, reason("types")), (9, reason("stmts")), (10, reason("value"))];
    let gaps: Vec<_> = gaps.iter().map(|(line, reason)| (*line, reason.as_str())).collect();
    check_not_expanded(&calls(500), &[], 4, &gaps);
}
