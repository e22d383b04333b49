//! What values own, and how it moves: into a slot, into variables part by part, to someone else.

use crate::flow::build::{Builder, Value};
use crate::flow::graph::{Op, Place, SlotId};
use crate::index::position;
use crate::ir::Name;
use crate::locks::BodyId;
use crate::models::FnModel;
use crate::places::holder_of;
use crate::types::{Ty, TypeId};

/// What a variable owns: as a whole, and by its parts.
type Owned = (Option<SlotId>, Vec<(Name, Value)>);

impl Value {
    /// The part of that name that is known apart from the whole.
    pub(crate) fn part(&self, name: &Name) -> Option<&Value> {
        self.parts.iter().find(|(known, _)| known == name).map(|(_, part)| part)
    }

    /// The value without what it owns: a reference to it, or its type alone.
    pub(crate) fn unowned(self) -> Value {
        Value { owner: None, parts: Vec::new(), ..self }
    }

    pub(crate) fn may_own(&self) -> bool {
        self.owner.is_some() || !self.parts.is_empty()
    }

    /// Every slot that the value owns something in.
    pub(crate) fn slots(&self) -> Vec<SlotId> {
        let parts = self.parts.iter().flat_map(|(_, part)| part.slots());
        self.owner.into_iter().chain(parts).collect()
    }
}

impl Builder<'_> {
    /// The place of a struct made of values: what the one among them that may lead to a lock is reached by.
    pub(super) fn held_in<'v>(&self, fields: impl Iterator<Item = (Name, &'v Value)>) -> Place {
        let leads = |value: &Value| {
            let mut behind = self.index.derefs(&value.ty);
            behind.any(|at| matches!(&at, Ty::Adt(id, _) if !self.index.is_model_type(*id) || self.is_lock(*id)))
        };
        holder_of(fields.filter(|(_, value)| leads(value)).map(|(name, value)| (name, &value.place)))
    }

    fn is_lock(&self, id: TypeId) -> bool {
        self.index.type_data(id).model.family.is_some()
    }

    /// Moves what a value owns into a slot.
    pub(crate) fn move_to(&mut self, value: &Value, to: SlotId) {
        for from in value.slots() {
            if from != to {
                self.op(Op::Move { from, to });
            }
        }
    }

    /// Hands what a value owns to someone else.
    pub(crate) fn consume(&mut self, value: &Value) {
        for slot in value.slots() {
            self.op(Op::Consume { slot });
        }
    }

    /// Lending a future or handle means that someone else may poll or join it.
    pub(crate) fn lend(&mut self, value: &Value) {
        for slot in value.slots() {
            self.op(Op::Use { slot });
        }
    }

    /// A container keeps the guards of a value; a future or handle in it is somebody's to poll or join.
    pub(crate) fn store(&mut self, value: &Value, to: SlotId) {
        self.lend(value);
        self.move_to(value, to);
    }

    /// Moves what a value owns to slots of an outer scope, so that it survives inner ones.
    pub(crate) fn lift(&mut self, value: Value, scope: usize) -> Value {
        let mut scope = scope;
        while let Some(outer) = self.state().scopes[scope].redirect {
            scope = outer;
        }
        let parts = value.parts.iter().map(|(name, part)| (*name, self.lift(part.clone(), scope))).collect();
        let Some(from) = value.owner else { return Value { parts, ..value } };
        let to = self.slot_in(scope, None);
        self.op(Op::Move { from, to });
        Value { owner: Some(to), parts, ..value }
    }

    /// Moves what a value owns into slots of a variable. Parts that are known apart stay so: each can move out alone.
    pub(crate) fn settle(&mut self, name: &Name, value: &Value, ty: &Ty, is_mutable: bool) -> Owned {
        let mut parts = Vec::new();
        for (part, inner) in &value.parts {
            let (owner, inner_parts) = self.settle(name, inner, &inner.ty, is_mutable);
            if owner.is_some() || !inner_parts.is_empty() {
                parts.push((*part, Value { owner, parts: inner_parts, ..Value::of(inner.ty.clone()) }));
            }
        }
        if value.owner.is_none() && !parts.is_empty() {
            return (None, parts);
        }
        // `let mut slot = None;` may come to own a guard.
        let may_own = self.owns(ty) || (is_mutable && self.is_optional(ty)) || (value.owner.is_some() && is_open(ty));
        if !may_own || (value.owner.is_none() && matches!(ty, Ty::Ref(_))) {
            return (None, parts);
        }
        if self.is_never_dropped(ty) {
            return (value.owner, parts);
        }
        let slot = self.new_slot(Some(*name));
        if let Some(from) = value.owner {
            self.op(Op::Move { from, to: slot });
        }
        if self.surely_owns(ty) {
            self.op(Op::Confirm { slot });
        }
        (Some(slot), parts)
    }

    /// A variable's value as the current body sees it. One of an enclosing body is captured: slots of this body stand for
    /// its slots, so that what moves out of them shows.
    pub(crate) fn view(&mut self, body: BodyId, value: Value) -> Value {
        if body == self.state().id {
            return value;
        }
        let owner = value.owner.map(|slot| self.captured(body, slot));
        let parts = value.parts.into_iter().map(|(name, part)| (name, self.view(body, part))).collect();
        Value { owner, parts, lent: None, ..value }
    }

    /// The slot of the current body for a slot of an enclosing one. The bodies between them capture it as well.
    pub(crate) fn captured(&mut self, body: BodyId, slot: SlotId) -> SlotId {
        if body == self.state().id {
            return slot;
        }
        for state in self.states.iter_mut().rev().take_while(|state| state.id != body) {
            if !state.captures.iter().any(|(known, _)| *known == (body, slot)) {
                // No scope drops it: the closure's value owns what was captured.
                state.slot_names.push(None);
                state.captures.push(((body, slot), SlotId(position(state.slot_names.len() - 1))));
            }
        }
        let known = self.state().captures.iter().find(|(known, _)| *known == (body, slot));
        known.map_or(slot, |(_, own)| *own)
    }

    /// What a library function does with the content of what it gets a reference to: takes it out, puts something in,
    /// drops it. The slot that owns the result, if it is such a function.
    pub(super) fn through_reference(&mut self, model: FnModel, values: &[Value]) -> Option<Option<SlotId>> {
        if model.forget {
            return Some(self.forget(values));
        }
        let [first, rest @ ..] = values else { return None };
        let content = first.lent.filter(|_| model.take || model.put || model.clear)?;
        let mut owner = None;
        if model.take {
            let to = self.new_temporary();
            self.op(if model.element { Op::MoveElement { from: content, to } } else { Op::Move { from: content, to } });
            owner = Some(to);
        }
        if model.clear {
            self.op(Op::Drop { slot: content });
        }
        for value in rest {
            if model.put { self.store(value, content) } else { self.consume(value) }
        }
        Some(owner)
    }

    /// A slot that no scope drops.
    fn forget(&mut self, values: &[Value]) -> Option<SlotId> {
        let state = self.state_mut();
        state.slot_names.push(None);
        let slot = SlotId(position(state.slot_names.len() - 1));
        for value in values {
            self.lend(value);
            self.move_to(value, slot);
        }
        Some(slot)
    }
}

/// Whether part of a type is not known: it may be one that owns guards.
fn is_open(ty: &Ty) -> bool {
    matches!(ty, Ty::Unknown(_) | Ty::Param(..)) || ty.args().iter().any(is_open)
}
