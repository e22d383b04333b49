//! Lowers one function to control-flow graphs: its own, and one for each closure and async block in it.
//!
//! Types are inferred in the same walk, forwards. Guard scopes follow the rules of the package's edition.

use std::collections::BTreeSet;

use rustc_hash::FxHashMap as HashMap;

use crate::coverage::Receiver;
use crate::facts::BodyKind;
use crate::flow::captures::MovedIn;
use crate::flow::extensions::Extension;
use crate::flow::graph::{BasicBlock, Op, Place, RawBody, RawCall, SlotId, Token};
use crate::index::{FnData, Index, Owner, position};
use crate::infer::TypeScope;
use crate::ir::Name;
use crate::locks::{AccessPath, Acquisition, BodyId, LockClass, Root};
use crate::project::Edition;
use crate::span::{FileId, Span, TextRange};
use crate::types::{FnId, Ty};

/// What lowering a function yields.
#[derive(Debug, Default)]
pub(crate) struct BuiltFn {
    pub(crate) bodies: Vec<RawBody>,
    pub(crate) tally: Tally,
}

/// Counts for the coverage.
#[derive(Clone, Debug, Default, serde::Serialize, serde::Deserialize)]
pub(crate) struct Tally {
    pub(crate) receivers: Vec<Receiver>,
    pub(crate) n_calls_resolved: usize,
    pub(crate) unknown_calls: Vec<(Name, Span)>,
}

impl Tally {
    pub(crate) fn add(&mut self, other: Tally) {
        self.receivers.extend(other.receivers);
        self.n_calls_resolved += other.n_calls_resolved;
        self.unknown_calls.extend(other.unknown_calls);
    }
}

/// What an expression yields.
#[derive(Clone, Debug)]
pub(crate) struct Value {
    pub(crate) ty: Ty,
    pub(crate) place: Place,
    /// The slot that owns what this value owns, if it is moved.
    pub(crate) owner: Option<SlotId>,
    /// What polling it does, for a future.
    pub(crate) pending: Option<Box<Pending>>,
    /// Parts that are known apart: of a tuple, array or struct expression, and of a variable bound to one.
    pub(crate) parts: Vec<(Name, Value)>,
    /// The slot that owns what this value refers to.
    pub(crate) lent: Option<SlotId>,
    /// What an iterator runs when it is driven: the closures that its adapters were given, innermost first.
    pub(crate) chain: Vec<RawCall>,
}

/// The effect of polling a future to its end.
#[derive(Clone, Debug)]
pub(crate) enum Pending {
    Call(RawCall),
    Acquire { acquisition: Acquisition, fallible: bool },
}

impl Value {
    pub(crate) fn of(ty: Ty) -> Value {
        Value {
            ty,
            place: Place::default(),
            owner: None,
            pending: None,
            parts: Vec::new(),
            lent: None,
            chain: Vec::new(),
        }
    }

    pub(crate) fn unknown(cause: &'static str) -> Value {
        Value::of(Ty::Unknown(cause))
    }

    pub(crate) fn unit() -> Value {
        Value::of(Ty::unit())
    }

    pub(crate) fn at(mut self, place: Place) -> Value {
        self.place = place;
        self
    }
}

/// A variable in scope.
#[derive(Clone, Debug)]
pub(crate) struct Local {
    pub(crate) value: Value,
    pub(crate) body: BodyId,
    /// The scope of its body that drops it.
    pub(crate) scope: usize,
}

/// Slots that are dropped together, in reverse order.
#[derive(Debug, Default)]
pub(crate) struct Scope {
    pub(crate) slots: Vec<SlotId>,
    pub(crate) is_block: bool,
    /// Temporaries belong to that scope instead: the tail of a block before edition 2024.
    pub(crate) redirect: Option<usize>,
}

/// Where `break` and `continue` go.
#[derive(Clone, Debug)]
pub(crate) struct LoopFrame {
    pub(crate) label: Option<Name>,
    pub(crate) n_scopes: usize,
    pub(crate) break_to: u32,
    pub(crate) continue_to: Option<u32>,
    pub(crate) result: SlotId,
    pub(crate) ty: Option<Ty>,
    pub(crate) has_break: bool,
}

/// What a closure or async block uses of an enclosing body.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Capture {
    pub(crate) body: BodyId,
    pub(crate) slot: SlotId,
    /// The slot that stands for it in the closure.
    pub(crate) own: SlotId,
    /// Whether running the closure moves it on: it is captured by value, and the closure runs once.
    pub(crate) moves_out: bool,
}

impl Capture {
    fn of(((body, slot), own): ((BodyId, SlotId), SlotId), blocks: &[BasicBlock]) -> Capture {
        let moves = |op: &Op| match op {
            Op::Move { from, .. } => *from == own,
            Op::Consume { slot } => *slot == own,
            _ => false,
        };
        let moves_out = blocks.iter().flat_map(|block| &block.ops).any(|(op, _)| moves(op));
        Capture { body, slot, own, moves_out }
    }
}

/// The body being lowered.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) id: BodyId,
    pub(crate) kind: BodyKind,
    pub(crate) span: Span,
    pub(crate) blocks: Vec<BasicBlock>,
    pub(crate) current: u32,
    pub(crate) exit: u32,
    pub(crate) slot_names: Vec<Option<Name>>,
    pub(crate) tokens: Vec<Token>,
    pub(crate) extensions: Vec<Extension<TextRange>>,
    pub(crate) scopes: Vec<Scope>,
    pub(crate) loops: Vec<LoopFrame>,
    pub(crate) loop_depth: u32,
    pub(crate) has_loop: bool,
    pub(crate) runs_forever: bool,
    /// Slots of enclosing bodies that this body names, with the slots that stand for them here.
    pub(crate) captures: Vec<((BodyId, SlotId), SlotId)>,
    /// The type of the first `return` value.
    pub(crate) returned: Option<Ty>,
}

/// Lowers one function.
pub(crate) struct Builder<'a> {
    pub(crate) index: &'a Index,
    pub(crate) function: u32,
    pub(crate) item: Name,
    pub(crate) file: FileId,
    pub(crate) edition: Edition,
    pub(crate) is_test: bool,
    pub(crate) is_to_panic: bool,
    pub(crate) types: TypeScope,
    pub(crate) env: Vec<HashMap<Name, Local>>,
    pub(crate) states: Vec<State>,
    pub(crate) done: Vec<RawBody>,
    pub(crate) n_parts: u32,
    pub(crate) n_bindings: u32,
    pub(crate) tally: Tally,
    /// The expression being lowered is the operand of `.await`.
    pub(crate) awaiting: bool,
    /// The block scope that a borrow in this position would extend its operand to: the initialiser of a `let`.
    pub(crate) extendable: Option<usize>,
    /// The block scope that the temporary of this expression is extended to.
    pub(crate) extend_to: Option<usize>,
    /// Closures that move something out of what they captured: the first call ends them.
    pub(crate) once: BTreeSet<BodyId>,
    /// Guards that were moved into closures and async blocks.
    pub(crate) moved_in: Vec<MovedIn>,
}

/// Lowers a function with a body.
pub(crate) fn build_function(index: &Index, id: FnId) -> BuiltFn {
    let data = index.fn_data(id);
    let Some(code) = &data.def.body else { return BuiltFn::default() };
    let mut builder = Builder::new(index, id, data);
    let kind = if data.def.is_async { BodyKind::AsyncFunction } else { BodyKind::Function };
    builder.enter(kind, data.span);
    builder.parameters(data);
    let value = builder.block(&code.decode());
    let chain = if data.def.is_async { Vec::new() } else { value.chain.clone() };
    let ty = builder.finish_with(value);
    builder.leave();
    let chain = builder.body_of_chain(chain, data.span);
    builder.done.sort_by_key(|body| body.id.part);
    builder.done[0].yields = builder.future_in(&ty).or(chain);
    BuiltFn { bodies: builder.done, tally: builder.tally }
}

impl<'a> Builder<'a> {
    fn new(index: &'a Index, id: FnId, data: &'a FnData) -> Builder<'a> {
        Builder {
            index,
            function: id.0,
            item: data.path.clone(),
            file: index.module(data.module).file,
            edition: index.crate_of(data.module).edition,
            is_test: data.is_test,
            is_to_panic: data.is_to_panic,
            types: index.fn_scope(data, None),
            env: vec![HashMap::default()],
            states: Vec::new(),
            done: Vec::new(),
            n_parts: 0,
            n_bindings: 0,
            tally: Tally::default(),
            awaiting: false,
            extendable: None,
            extend_to: None,
            once: BTreeSet::new(),
            moved_in: Vec::new(),
        }
    }

    fn parameters(&mut self, data: &FnData) {
        let body = self.state().id;
        let mut index = 0;
        if let Some(self_param) = &data.def.self_param {
            let own = self.types.self_ty.clone().unwrap_or(Ty::Unknown("self outside an impl"));
            let ty = match &self_param.ty {
                Some(written) => self.index.lower(written, &self.types),
                None if self_param.by_ref => Ty::reference(own),
                None => own,
            };
            let place = self.param_place(body, 0, &"self".into());
            self.declare("self".into(), Value::of(ty).at(place), None);
            index = 1;
        }
        debug_assert!(matches!(data.owner, Owner::Module) || self.types.self_ty.is_some());
        for param in &data.def.params {
            let ty = self.index.lower(&param.ty, &self.types);
            let name = crate::flow::patterns::first_name(&param.pat).unwrap_or_else(|| "_".into());
            let place = self.param_place(body, index, &name);
            let slot = self.owns(&ty).then(|| self.new_slot(Some(name)));
            if let Some(slot) = slot {
                self.make_value(&ty, slot, data.span);
            }
            let value = Value { owner: slot, ..Value::of(ty).at(place) };
            self.bind(&param.pat, value);
            index += 1;
        }
    }

    pub(crate) fn param_place(&self, body: BodyId, index: u32, name: &Name) -> Place {
        let root = Root::Param { body, index, name: name.clone() };
        Place {
            path: Some(AccessPath { root, projections: Vec::new() }),
            class: Some(LockClass::Param { function: self.item.clone(), name: name.clone() }),
        }
    }

    // ---- bodies ----

    /// Starts a body; what follows is lowered into it.
    pub(crate) fn enter(&mut self, kind: BodyKind, span: Span) -> BodyId {
        let id = BodyId { function: self.function, part: self.n_parts };
        self.n_parts += 1;
        self.states.push(State {
            id,
            kind,
            span,
            blocks: vec![BasicBlock::default(), BasicBlock::default()],
            current: 0,
            exit: 1,
            slot_names: vec![None],
            tokens: Vec::new(),
            extensions: Vec::new(),
            scopes: vec![Scope { is_block: true, ..Scope::default() }, Scope::default()],
            loops: Vec::new(),
            loop_depth: 0,
            has_loop: false,
            runs_forever: false,
            captures: Vec::new(),
            returned: None,
        });
        self.env.push(HashMap::default());
        id
    }

    /// Ends the body that was entered last and returns what it captured of enclosing bodies.
    pub(crate) fn leave(&mut self) -> Vec<Capture> {
        self.pop_scope();
        self.pop_scope();
        let exit = self.state().exit;
        self.goto(exit);
        self.env.pop();
        let state = self.states.pop().expect("a body was entered");
        let parent = self.states.last().map(|state| state.id);
        let captures: Vec<Capture> =
            state.captures.iter().map(|capture| Capture::of(*capture, &state.blocks)).collect();
        if captures.iter().any(|capture| capture.moves_out) {
            self.once.insert(state.id);
        }
        self.done.push(RawBody {
            id: state.id,
            item: self.item.clone(),
            kind: state.kind,
            parent,
            span: state.span,
            is_test: self.is_test,
            is_to_panic: self.is_to_panic,
            blocks: state.blocks,
            slot_names: state.slot_names,
            tokens: state.tokens,
            extensions: self.placed(state.extensions),
            has_loop: state.has_loop,
            runs_forever: state.runs_forever,
            yields: None,
        });
        captures
    }

    pub(crate) fn state(&self) -> &State {
        self.states.last().expect("a body was entered")
    }

    pub(crate) fn state_mut(&mut self) -> &mut State {
        self.states.last_mut().expect("a body was entered")
    }

    pub(crate) fn span(&self, range: TextRange) -> Span {
        self.index.span(self.file, range)
    }

    // ---- graph ----

    pub(crate) fn op(&mut self, op: Op) {
        let state = self.state_mut();
        let in_loop = state.loop_depth > 0;
        state.blocks[state.current as usize].ops.push((op, in_loop));
    }

    pub(crate) fn new_block(&mut self) -> u32 {
        let state = self.state_mut();
        state.blocks.push(BasicBlock::default());
        position(state.blocks.len() - 1)
    }

    pub(crate) fn edge(&mut self, to: u32) {
        let state = self.state_mut();
        let successors = &mut state.blocks[state.current as usize].successors;
        if !successors.contains(&to) {
            successors.push(to);
        }
    }

    /// Ends the current block with an edge and continues nowhere: what follows is unreachable until `switch_to`.
    pub(crate) fn goto(&mut self, to: u32) {
        self.edge(to);
        let dead = self.new_block();
        self.switch_to(dead);
    }

    pub(crate) fn switch_to(&mut self, block: u32) {
        self.state_mut().current = block;
    }

    /// Ends the current block with an edge to a new one, and continues there.
    pub(crate) fn continue_in_new(&mut self) -> u32 {
        let block = self.new_block();
        self.edge(block);
        self.switch_to(block);
        block
    }

    // ---- scopes and slots ----

    pub(crate) fn push_scope(&mut self, is_block: bool) {
        self.state_mut().scopes.push(Scope { is_block, ..Scope::default() });
    }

    pub(crate) fn pop_scope(&mut self) {
        let scope = self.state_mut().scopes.pop().expect("a scope was pushed");
        for slot in scope.slots.into_iter().rev() {
            self.op(Op::Drop { slot });
        }
    }

    /// Drops what scopes above `n_scopes` own, without leaving them: an edge out of them.
    pub(crate) fn drop_down_to(&mut self, n_scopes: usize) {
        let slots: Vec<SlotId> = self.state().scopes[n_scopes..].iter().flat_map(|scope| scope.slots.clone()).collect();
        for slot in slots.into_iter().rev() {
            self.op(Op::Drop { slot });
        }
    }

    pub(crate) fn has_live_slots(&self) -> bool {
        self.state().scopes.iter().any(|scope| !scope.slots.is_empty())
    }

    /// A slot that the innermost block scope drops.
    pub(crate) fn new_slot(&mut self, name: Option<Name>) -> SlotId {
        let at = self.state().scopes.iter().rposition(|scope| scope.is_block).unwrap_or(0);
        self.slot_in(at, name)
    }

    /// A temporary: dropped by the innermost scope, or by the block that extends it.
    pub(crate) fn new_temporary(&mut self) -> SlotId {
        let scopes = &self.state().scopes;
        let mut at = self.extend_to.unwrap_or(scopes.len() - 1).min(scopes.len() - 1);
        while let Some(outer) = scopes[at].redirect {
            at = outer;
        }
        self.extend_to = None;
        self.slot_in(at, None)
    }

    /// Lowers in a temporary scope of its own; what the value owns survives it.
    pub(crate) fn in_scope(&mut self, lower: impl FnOnce(&mut Self) -> Value) -> Value {
        let extendable = self.extendable.take();
        let outer = self.state().scopes.len() - 1;
        self.push_scope(false);
        let value = lower(self);
        let value = self.lift(value, outer);
        self.pop_scope();
        self.extendable = extendable;
        value
    }

    pub(crate) fn slot_in(&mut self, scope: usize, name: Option<Name>) -> SlotId {
        let state = self.state_mut();
        let slot = SlotId(position(state.slot_names.len()));
        state.slot_names.push(name.map(Name::as_written));
        state.scopes[scope].slots.push(slot);
        slot
    }

    pub(crate) fn new_token(&mut self, token: Token) -> u32 {
        let state = self.state_mut();
        state.tokens.push(token);
        position(state.tokens.len() - 1)
    }

    // ---- variables ----

    pub(crate) fn declare(&mut self, name: Name, value: Value, body: Option<BodyId>) {
        let body = body.unwrap_or(self.state().id);
        let scope = self.state().scopes.iter().rposition(|scope| scope.is_block).unwrap_or(0);
        self.env.last_mut().expect("an environment").insert(name, Local { value, body, scope });
    }

    pub(crate) fn local(&mut self, name: &Name) -> Option<Local> {
        let found = self.peek(name)?;
        let value = self.view(found.body, found.value);
        Some(Local { value, ..found })
    }

    /// A variable as the body that declares it sees it.
    pub(crate) fn peek(&self, name: &Name) -> Option<Local> {
        self.env.iter().rev().find_map(|scope| scope.get(name)).cloned()
    }

    pub(crate) fn new_local_place(&mut self, name: &Name) -> Place {
        self.n_bindings += 1;
        let name = name.as_written();
        let root = Root::Local { body: self.state().id, binding: self.n_bindings, name };
        Place {
            path: Some(AccessPath { root, projections: Vec::new() }),
            class: Some(LockClass::Local { function: self.item.clone(), name }),
        }
    }
}
