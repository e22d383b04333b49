//! The intermediate representation of one file: small, `Send`, without any syntax tree behind it.
//!
//! It keeps what types, guard scopes and held sets need, in evaluation order, and nothing else.
//! Long because it is a flat list of node types, each a few lines.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::cache::Key;
use crate::cfg::CfgExpr;
use crate::span::TextRange;

pub(crate) use crate::encoding::Code;
pub use crate::names::Name;

/// Everything one file says.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct FileIr {
    /// The items of the file, in order.
    pub items: Vec<Item>,
    /// What could not be read.
    pub gaps: Vec<Gap>,
    /// Number of lines.
    pub n_lines: u32,
    /// Inner `#![cfg(..)]` of the file.
    pub cfg: Option<CfgExpr>,
    /// `// interlock: ...` comments, in order.
    pub directives: Vec<Directive>,
    /// Macro calls whose arguments could not be read as expressions.
    pub n_macros_unread: u32,
    /// The files that places of macro definitions are in, by their origin less one; `None` for the file itself.
    pub origins: Vec<Option<String>>,
}

/// What is known of a file without its items.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Outline {
    /// What could not be read.
    pub gaps: Vec<Gap>,
    /// Number of lines.
    pub n_lines: u32,
    /// Inner `#![cfg(..)]` of the file.
    pub cfg: Option<CfgExpr>,
    /// `// interlock: ...` comments, in order.
    pub directives: Vec<Directive>,
    /// Macro calls whose arguments could not be read as expressions.
    pub n_macros_unread: u32,
    /// The files that places of macro definitions are in, by their origin less one; `None` for the file itself.
    pub origins: Vec<Option<String>>,
    /// The `mod x;` items, within the modules and blocks that hold them.
    pub(crate) modules: Vec<Item>,
    /// The digest of what code elsewhere can see of its items.
    pub(crate) signature: Key,
}

impl Outline {
    pub(crate) fn of(ir: &FileIr) -> Outline {
        Outline {
            gaps: ir.gaps.clone(),
            n_lines: ir.n_lines,
            cfg: ir.cfg.clone(),
            directives: ir.directives.clone(),
            n_macros_unread: ir.n_macros_unread,
            origins: ir.origins.clone(),
            modules: modules_among(&ir.items),
            signature: Key::default(),
        }
    }
}

fn modules_among(items: &[Item]) -> Vec<Item> {
    let outlined = items.iter().filter_map(|item| {
        let kind = match &item.kind {
            ItemKind::Module { items: None, path } => ItemKind::Module { items: None, path: path.clone() },
            ItemKind::Module { items: Some(items), path } => {
                let items = Some(modules_among(items)).filter(|items| !items.is_empty())?;
                ItemKind::Module { items: Some(items), path: path.clone() }
            }
            ItemKind::BlockScope { id, items } => {
                let items = Some(modules_among(items)).filter(|items| !items.is_empty())?;
                ItemKind::BlockScope { id: *id, items }
            }
            _ => return None,
        };
        Some(Item { name: item.name, range: item.range, cfg: item.cfg.clone(), attrs: Vec::new(), kind })
    });
    outlined.collect()
}

/// A part of a file that was not analysed, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// Where the unread part is.
    pub range: TextRange,
    /// Why it was not read, as a lower-case fragment.
    pub reason: String,
}

/// A comment `// interlock: <text>` and the code it applies to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Directive {
    /// The comment itself.
    pub range: TextRange,
    /// The text after `interlock:`, trimmed.
    pub text: String,
    /// The line of code it applies to: its own when code precedes it there, else the next line with code.
    pub line: u32,
    /// The item that starts on that line, when the comment stands above one: it then applies to the whole item.
    pub item: Option<TextRange>,
}

/// An item: a named thing of a module, impl or trait.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Item {
    /// Its name; empty for `impl`, `use` and block scopes.
    pub name: Name,
    /// The whole item with its attributes.
    pub range: TextRange,
    /// Its predicate: the conjunction of its `#[cfg]` attributes.
    pub cfg: Option<CfgExpr>,
    /// Other attributes that the analysis reads (`acquire`, `guard`, `must_use`, `test`, ...).
    pub attrs: Vec<Attr>,
    /// What it is.
    pub kind: ItemKind,
}

/// An attribute `#[name(arg, arg = "x")]`: its last path segment and its comma-separated arguments as text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attr {
    /// Last segment of the attribute's path.
    pub name: Name,
    /// Arguments between the parentheses, split at commas, whitespace removed.
    pub args: Vec<Name>,
}

/// What an item is.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum ItemKind {
    /// `mod name { .. }` or `mod name;`.
    Module {
        /// The inline items, `None` when the module is a file of its own.
        items: Option<Vec<Item>>,
        /// `#[path = ".."]`.
        path: Option<String>,
    },
    /// `use a::{b, c as d, e::*};`, one entry a leaf.
    Use(Vec<UseLeaf>),
    /// `extern crate name as alias;` (the item's name is the alias or the name).
    ExternCrate(Name),
    /// `struct` or `union`.
    Struct(Arc<StructDef>),
    /// `enum`.
    Enum(Arc<EnumDef>),
    /// `type X<..> = ..;`, also an associated type of an impl or trait (`ty` is `Infer` when there is none).
    Alias(Arc<AliasDef>),
    /// `trait`.
    Trait(Arc<TraitDef>),
    /// `impl`.
    Impl(Arc<ImplDef>),
    /// A function or method.
    Fn(Arc<FnDef>),
    /// `static` or `const`.
    Static(Arc<StaticDef>),
    /// The items declared within one block of a function body; `Block::scope` names it by `id`.
    BlockScope {
        /// Identity within the file.
        id: u32,
        /// The items of the block, further block scopes among them.
        items: Vec<Item>,
    },
}

/// One leaf of a `use` tree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UseLeaf {
    /// The path; the part before `::*` for a glob. `self` at the end is removed.
    pub path: Vec<Name>,
    /// The name it is imported under (`_` for `as _`); empty for a glob.
    pub alias: Name,
    /// Whether the leaf is `*`.
    pub glob: bool,
    /// Whether the path starts with `::`.
    pub absolute: bool,
}

/// Generic parameters with their bounds; bounds of `where` clauses on a parameter are merged in.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Generics {
    /// Type parameters in order.
    pub params: Vec<GenericParam>,
    /// `where` predicates on anything but a plain parameter.
    pub predicates: Vec<(TypeRef, Vec<TypeRef>)>,
}

/// A type parameter.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct GenericParam {
    /// Its name.
    pub name: Name,
    /// Its trait bounds; each is a `TypeRef::Path` or `TypeRef::Fn`. `'static` appears as a path `'static`.
    pub bounds: Vec<TypeRef>,
    /// Its default.
    pub default: Option<TypeRef>,
}

/// A struct's declaration.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StructDef {
    /// Generic parameters.
    pub generics: Generics,
    /// Fields in order; tuple fields are named `0`, `1`, ...
    pub fields: Vec<Field>,
}

/// A field of a struct or variant.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Field {
    /// Name, or index as text.
    pub name: Name,
    /// Declared type.
    pub ty: TypeRef,
    /// Its predicate.
    pub cfg: Option<CfgExpr>,
    /// The declaration.
    pub range: TextRange,
}

/// An enum's declaration.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct EnumDef {
    /// Generic parameters.
    pub generics: Generics,
    /// Variants in order.
    pub variants: Vec<Variant>,
}

/// A variant of an enum.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Variant {
    /// Its name.
    pub name: Name,
    /// Its fields.
    pub fields: Vec<Field>,
}

/// A type alias.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AliasDef {
    /// Generic parameters.
    pub generics: Generics,
    /// The aliased type.
    pub ty: TypeRef,
}

/// A trait's declaration.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TraitDef {
    /// Generic parameters.
    pub generics: Generics,
    /// Supertraits.
    pub supers: Vec<TypeRef>,
    /// Functions and associated types.
    pub items: Vec<Item>,
}

/// An impl block.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ImplDef {
    /// Generic parameters.
    pub generics: Generics,
    /// The implemented trait.
    pub of_trait: Option<PathRef>,
    /// The self type.
    pub self_ty: TypeRef,
    /// Functions, associated types and constants.
    pub items: Vec<Item>,
}

/// A static or constant.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StaticDef {
    /// Declared type.
    pub ty: TypeRef,
    /// Whether it is a `const`.
    pub is_const: bool,
    /// The initialiser.
    pub init: Option<Code<Expr>>,
}

/// A function with its body.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FnDef {
    /// Generic parameters.
    pub generics: Generics,
    /// The receiver, if it is a method.
    pub self_param: Option<SelfParam>,
    /// Parameters without the receiver.
    pub params: Vec<Param>,
    /// Return type; `()` when not written. For an `async fn` the type of the output.
    pub ret: TypeRef,
    /// Whether it is an `async fn`.
    pub is_async: bool,
    /// The body; `None` for a declaration.
    pub body: Option<Code<Block>>,
    /// The function's name in the source.
    pub name_range: TextRange,
}

/// A receiver.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SelfParam {
    /// `self`, `&self` or `&mut self`.
    pub by_ref: bool,
    /// Whether it is `&mut self`.
    pub mutable: bool,
    /// `self: Arc<Self>`.
    pub ty: Option<TypeRef>,
}

/// A parameter.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Param {
    /// Its pattern.
    pub pat: Pat,
    /// Its declared type; `Infer` in a closure without one.
    pub ty: TypeRef,
}

/// A type as written.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum TypeRef {
    /// `a::b<T>`, also a bound.
    Path(PathRef),
    /// `&T`, `&mut T`, `*const T`.
    Ref(Box<TypeRef>),
    /// `(A, B)`; `()` is the empty tuple.
    Tuple(Vec<TypeRef>),
    /// `[T]` and `[T; N]`.
    Slice(Box<TypeRef>),
    /// `dyn A + B`.
    Dyn(Vec<TypeRef>),
    /// `impl A + B`.
    ImplTrait(Vec<TypeRef>),
    /// `fn(A) -> B`, and the bound `Fn(A) -> B`.
    Fn {
        /// Parameter types.
        params: Vec<TypeRef>,
        /// Return type.
        ret: Box<TypeRef>,
    },
    /// `<T as Trait>::Name`.
    Projection {
        /// The type projected from.
        base: Box<TypeRef>,
        /// The trait, when named.
        of_trait: Option<PathRef>,
        /// The associated type.
        name: Name,
    },
    /// `!`.
    Never,
    /// `_`, or a form that is not modelled.
    Infer,
}

/// A path as written.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct PathRef {
    /// Segments in order.
    pub segments: Vec<Segment>,
    /// `<T>::a::b`: the type `T` (the segments follow it).
    pub qself: Option<Box<TypeRef>>,
    /// Whether it starts with `::`.
    pub absolute: bool,
}

/// A segment of a path.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Segment {
    /// The identifier (raw identifiers without `r#`).
    pub name: Name,
    /// Type arguments; lifetimes and constants are dropped.
    pub args: Vec<TypeRef>,
    /// `Name = T` bindings.
    pub bindings: Vec<(Name, TypeRef)>,
}

/// A block.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Block {
    /// From brace to brace.
    pub range: TextRange,
    /// Statements in order.
    pub stmts: Vec<Stmt>,
    /// The value of the block: the last expression without a semicolon.
    pub tail: Option<Box<Expr>>,
    /// The block scope that holds the items declared in the block.
    pub scope: Option<u32>,
}

/// A statement. Items of a block stand in its block scope.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Stmt {
    /// The statement with its semicolon.
    pub range: TextRange,
    /// Its predicate.
    pub cfg: Option<CfgExpr>,
    /// What it is.
    pub kind: StmtKind,
}

/// A `let` statement.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LetStmt {
    /// The pattern.
    pub pat: Pat,
    /// The declared type; `Infer` without one.
    pub ty: TypeRef,
    /// The initialiser.
    pub init: Option<Expr>,
    /// The `else` block.
    pub otherwise: Option<Block>,
}

/// What a statement is.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum StmtKind {
    /// `let PAT: TY = INIT else { .. };`
    Let(Box<LetStmt>),
    /// An expression whose value is dropped at the end of the statement.
    Expr(Expr),
}

/// An expression.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Expr {
    /// The whole expression.
    pub range: TextRange,
    /// What it is.
    pub kind: ExprKind,
}

/// What an expression is. Parentheses and groups are transparent.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub enum ExprKind {
    /// A path: a local, an item, a variant.
    Path(PathRef),
    /// `base.name`.
    Field {
        /// What the field is read from.
        base: Box<Expr>,
        /// The field.
        name: Name,
    },
    /// `receiver.method::<T>(args)`.
    MethodCall {
        /// The receiver.
        receiver: Box<Expr>,
        /// The method.
        method: Name,
        /// From the method's name to the closing parenthesis.
        call_range: TextRange,
        /// Turbofish types.
        turbofish: Vec<TypeRef>,
        /// Arguments.
        args: Vec<Expr>,
    },
    /// `callee(args)`.
    Call {
        /// What is called.
        callee: Box<Expr>,
        /// Arguments.
        args: Vec<Expr>,
    },
    /// `base.await`.
    Await(Box<Expr>),
    /// `base?`.
    Try(Box<Expr>),
    /// `&base`, `&mut base`, `&raw base`.
    Ref(Box<Expr>),
    /// `*base`.
    Deref(Box<Expr>),
    /// `!base`, `-base`, `yield base`.
    Unary {
        /// Which.
        op: UnaryOp,
        /// The operand.
        base: Box<Expr>,
    },
    /// A binary operator other than assignment.
    Binary {
        /// Which.
        op: BinaryOp,
        /// Left side.
        left: Box<Expr>,
        /// Right side.
        right: Box<Expr>,
    },
    /// `left = right`.
    Assign {
        /// Left side.
        left: Box<Expr>,
        /// Right side, evaluated first.
        right: Box<Expr>,
    },
    /// `left += right` and the like.
    AssignOp {
        /// Which.
        op: BinaryOp,
        /// Left side.
        left: Box<Expr>,
        /// Right side.
        right: Box<Expr>,
    },
    /// `let PAT = expr` within a condition.
    Let {
        /// The pattern.
        pat: Pat,
        /// The scrutinee.
        expr: Box<Expr>,
    },
    /// `if cond { .. } else ..`.
    If {
        /// The condition, with `Let` inside.
        cond: Box<Expr>,
        /// The then block.
        then: Block,
        /// The else branch: a block or another `if`.
        otherwise: Option<Box<Expr>>,
    },
    /// `match scrutinee { .. }`.
    Match {
        /// The scrutinee.
        scrutinee: Box<Expr>,
        /// Arms in order.
        arms: Vec<Arm>,
    },
    /// `while cond { .. }`.
    While {
        /// `'label`, with the quote.
        label: Option<Name>,
        /// The condition.
        cond: Box<Expr>,
        /// The body.
        body: Block,
    },
    /// `loop { .. }`.
    Loop {
        /// `'label`, with the quote.
        label: Option<Name>,
        /// The body.
        body: Block,
    },
    /// `for pat in iter { .. }`.
    For {
        /// `'label`, with the quote.
        label: Option<Name>,
        /// The pattern.
        pat: Pat,
        /// What is iterated.
        iter: Box<Expr>,
        /// The body.
        body: Block,
    },
    /// `{ .. }`, `unsafe { .. }`, `const { .. }`, `'label: { .. }`.
    Block {
        /// `'label`, with the quote.
        label: Option<Name>,
        /// The block.
        block: Block,
    },
    /// `async { .. }`, `async move { .. }`.
    Async {
        /// Whether it captures by move.
        is_move: bool,
        /// The block.
        block: Arc<Block>,
    },
    /// `|a, b| body`.
    Closure(Arc<ClosureDef>),
    /// `return expr`.
    Return(Option<Box<Expr>>),
    /// `break 'label expr`.
    Break {
        /// `'label`, with the quote.
        label: Option<Name>,
        /// The value.
        value: Option<Box<Expr>>,
    },
    /// `continue 'label`.
    Continue {
        /// `'label`, with the quote.
        label: Option<Name>,
    },
    /// `Path { field: expr, ..rest }`.
    Struct {
        /// The struct or variant.
        path: PathRef,
        /// Fields in written order.
        fields: Vec<(Name, Expr)>,
        /// The base.
        rest: Option<Box<Expr>>,
    },
    /// `(a, b)`; `()` is the empty tuple.
    Tuple(Vec<Expr>),
    /// `[a, b]`.
    Array(Vec<Expr>),
    /// `[value; count]`, also `vec![value; count]`.
    Repeat {
        /// The element.
        value: Box<Expr>,
        /// How many.
        count: Box<Expr>,
    },
    /// `base[index]`.
    Index {
        /// What is indexed.
        base: Box<Expr>,
        /// The index.
        index: Box<Expr>,
    },
    /// `a..b`, both optional, in order.
    Range(Vec<Expr>),
    /// `expr as T`.
    Cast {
        /// The value.
        expr: Box<Expr>,
        /// The target type.
        ty: TypeRef,
    },
    /// A literal.
    Literal(Literal),
    /// A macro call.
    Macro(MacroCall),
    /// An expression form that is not modelled.
    #[default]
    Opaque,
}

/// An operator with one operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum UnaryOp {
    /// `!`
    Not,
    /// `-`
    Neg,
    /// `yield`: what it does to the generator is not modelled.
    Yield,
}

/// An operator with two operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum BinaryOp {
    /// `&&`
    And,
    /// `||`
    Or,
    /// `==`, `!=`
    Eq,
    /// `<`, `<=`, `>`, `>=`
    Order,
    /// `+`
    Add,
    /// `-`
    Sub,
    /// `*`
    Mul,
    /// `/`
    Div,
    /// `%`
    Rem,
    /// `&`
    BitAnd,
    /// `|`
    BitOr,
    /// `^`
    BitXor,
    /// `<<`
    Shl,
    /// `>>`
    Shr,
}

/// The kinds of literals that types tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Literal {
    /// `"..."`, `c"..."`
    Str,
    /// `b"..."`
    Bytes,
    /// `true`, `false`
    Bool,
    /// A number or character.
    Scalar,
}

/// A closure.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ClosureDef {
    /// The whole closure.
    pub range: TextRange,
    /// Parameters.
    pub params: Vec<Param>,
    /// Declared return type; `Infer` without one.
    pub ret: TypeRef,
    /// The body.
    pub body: Expr,
    /// Whether it is an async closure.
    pub is_async: bool,
    /// Whether it captures by move.
    pub is_move: bool,
}

/// An arm of a `match`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Arm {
    /// The pattern.
    pub pat: Pat,
    /// The guard, with `Let` inside for `if let` guards.
    pub guard: Option<Expr>,
    /// The body.
    pub body: Expr,
    /// Its predicate.
    pub cfg: Option<CfgExpr>,
}

/// A pattern.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Pat {
    /// `_`
    Wild,
    /// `name`, `ref mut name @ sub`. A plain upper-case name that resolves to a constant or variant is also written so.
    Bind {
        /// The name.
        name: Name,
        /// Whether it is bound by reference.
        by_ref: bool,
        /// Whether it is `mut`.
        mutable: bool,
        /// `@ sub`.
        sub: Option<Box<Pat>>,
        /// Where the name stands.
        range: TextRange,
    },
    /// `(a, b, ..)`; `Rest` marks `..`.
    Tuple(Vec<Pat>),
    /// `Path(a, b)`.
    TupleStruct {
        /// The struct or variant.
        path: PathRef,
        /// Elements; `Rest` marks `..`.
        elems: Vec<Pat>,
    },
    /// `Path { a, b: pat }`.
    Struct {
        /// The struct or variant.
        path: PathRef,
        /// Fields.
        fields: Vec<(Name, Pat)>,
    },
    /// `&pat`, `&mut pat`, `box pat`.
    Ref(Box<Pat>),
    /// `[a, .., b]`.
    Slice(Vec<Pat>),
    /// `a | b`.
    Or(Vec<Pat>),
    /// A path of more than one segment: a constant or unit variant.
    Path(PathRef),
    /// A literal or range.
    Literal,
    /// `..`
    Rest,
    /// `pat: T` (closure parameters).
    Typed(Box<Pat>, TypeRef),
}

/// A macro call in an expression or statement.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct MacroCall {
    /// The macro's path.
    pub path: Vec<Name>,
    /// Its arguments, as far as they could be read.
    pub args: MacroArgs,
}

/// Arguments of a macro call.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum MacroArgs {
    /// Expressions in order: `format!`, `assert!`, `vec!`, `join!`, tracing's `key = %value`.
    Exprs(Vec<Expr>),
    /// Statements: an unknown macro around a block of code.
    Block(Block),
    /// `select!`: tokio's and futures'.
    Select(Vec<SelectBranch>),
    /// `matches!(expr, pat if guard)`, `assert_matches!`.
    Matches(Box<Arm>, Box<Expr>),
    /// The tokens could not be read as any of these; counted as unread.
    Unread,
}

/// A branch of `select!`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SelectBranch {
    /// The pattern; `None` for `else`, `complete` and `default`.
    pub pat: Option<Pat>,
    /// The future.
    pub future: Option<Expr>,
    /// `, if cond`.
    pub cond: Option<Expr>,
    /// The handler.
    pub body: Expr,
}
