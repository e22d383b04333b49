//! Acquisitions and spawns: what the curated models say of a call.

use crate::facts::{Spawn, TaskOutput};
use crate::flow::build::{Builder, Pending, Value};
use crate::flow::calls::Site;
use crate::flow::graph::{Op, Place, Runnable, SlotId, Token};
use crate::infer::TypeScope;
use crate::ir::Name;
use crate::locks::{Acquisition, BodyId, Extent, LockClass, LockFamily, LockRef, Mode, Wait};
use crate::models::{AcquireModel, GuardModel, TypeModel};
use crate::span::{Span, TextRange};
use crate::types::Ty;

impl Builder<'_> {
    pub(super) fn run_acquire(
        &mut self,
        site: &Site<'_>,
        model: AcquireModel,
        values: &[Value],
        ty: Ty,
        place: Place,
    ) -> Value {
        let data = self.index.fn_data(site.function);
        let acquisition = self.acquisition(site, model, values, &ty);
        let is_future = self.index.is_future(&ty);
        let output = if is_future { self.index.awaited(&ty) } else { ty.clone() };
        let fallible = model.is_try || self.is_optional(&output);
        self.tally.n_calls_resolved += 1;
        values.iter().skip(usize::from(site.receiver.is_some())).for_each(|value| self.consume(value));
        if is_future {
            let pending = Some(Box::new(Pending::Acquire { acquisition, fallible }));
            let owner = (!site.awaiting).then(|| {
                let slot = self.new_temporary();
                let span = self.span(site.range);
                let token = self.new_token(Token::Future { callee: data.path.clone(), made: span });
                self.op(Op::Make { token, slot });
                slot
            });
            return Value { pending, owner, ..Value::of(ty).at(place) };
        }
        self.extend_to = site.extend_to;
        let owner = self.owns(&output).then(|| self.new_temporary());
        self.extend_to = None;
        let closures: Vec<Runnable> = values.iter().filter_map(|value| self.runnable(value)).collect();
        let keeps = owner.filter(|_| !acquisition.momentary);
        self.acquire_around(acquisition, fallible, keeps, &closures, site.range);
        Value { owner, ..Value::of(ty).at(place) }
    }

    /// Acquires, and runs closures that the operation calls while it holds the lock.
    fn acquire_around(
        &mut self,
        acquisition: Acquisition,
        fallible: bool,
        owner: Option<SlotId>,
        closures: &[Runnable],
        range: TextRange,
    ) {
        if closures.is_empty() {
            self.acquire(acquisition, fallible, owner);
            return;
        }
        self.push_scope(false);
        let held = owner.unwrap_or_else(|| self.new_temporary());
        self.acquire(acquisition, fallible, Some(held));
        let span = self.span(range);
        for closure in closures {
            self.run_here(closure, span);
        }
        self.pop_scope();
    }

    pub(crate) fn acquire(&mut self, acquisition: Acquisition, fallible: bool, slot: Option<SlotId>) {
        let token = self.new_token(Token::Guard { acquisition: acquisition.into(), fallible });
        self.op(Op::Acquire { token, slot });
    }

    fn acquisition(&self, site: &Site<'_>, model: AcquireModel, values: &[Value], ty: &Ty) -> Acquisition {
        let index = self.index;
        let data = index.fn_data(site.function);
        let lock_ty =
            site.self_ty.clone().unwrap_or_else(|| values.first().map_or(Ty::Never, |value| value.ty.clone()));
        let lock_ty = lock_ty.peeled().clone();
        let type_model = match &lock_ty {
            Ty::Adt(id, _) => index.type_data(*id).model,
            _ => TypeModel::default(),
        };
        let place = values.first().map(|value| value.place.clone()).unwrap_or_default();
        let class = self.lock_class(&place, &lock_ty);
        let is_future = index.is_future(ty);
        let output = if is_future { index.awaited(ty) } else { ty.clone() };
        Acquisition {
            lock: LockRef { class, path: place.path },
            lock_type: match model.through {
                Some(through) => index.trait_data(through.of_trait).path,
                None => index.show(&lock_ty).into(),
            },
            guarded: index.declared_name(lock_ty.args().first()),
            family: type_model.family.or(model.through.map(|through| through.family)).unwrap_or(LockFamily::Mutex),
            mode: model.mode,
            wait: match (model.is_try, is_future) {
                (true, _) => Wait::Never,
                (false, true) => Wait::Task,
                (false, false) => Wait::Thread,
            },
            blocking_guard: model.through.map_or(self.guard_model(&output), |through| Some(through.guard))
                == Some(GuardModel::Blocking),
            reentrant: type_model.reentrant
                || (model.mode == Mode::Shared && (model.recursive || type_model.reader_preferring)),
            extent: if type_model.family == Some(LockFamily::Map) { model.extent } else { Extent::Whole },
            operation: site.name.clone(),
            assumed: model.through.is_some_and(|through| through.is_assumed),
            momentary: match model.through {
                Some(_) => false,
                // What the future yields stands in its own declaration.
                None if is_future && !data.is_async => self.guard_model(&output).is_none(),
                None => !self.names_guard(data.module, &data.def.ret, 0),
            },
            span: self.span(site.range),
        }
    }

    /// The class of a lock at a place, or else a name for it.
    pub(super) fn lock_class(&self, place: &Place, lock: &Ty) -> LockClass {
        place.class.clone().unwrap_or_else(|| LockClass::Accessor(self.unplaced(lock.peeled())))
    }

    /// The name of a lock that no declaration is known for: its type, within this function.
    fn unplaced(&self, lock: &Ty) -> Name {
        let inner = lock.args().first().map_or_else(|| "_".to_owned(), |inner| self.index.show(inner));
        format!("{}::<{}<{inner}>>", self.item, self.index.show(lock)).into()
    }

    /// A guard that is turned into one of another mode: what was held goes, and a writer waits for the other readers.
    pub(super) fn changed_guard(&mut self, given: &Value, mode: Mode, span: Span) -> Option<SlotId> {
        let from = given.owner?;
        let Token::Guard { acquisition, fallible } = self.only_guard_in(from)? else { return None };
        let changed = match mode {
            Mode::Shared => Acquisition { mode, ..(*acquisition).clone() },
            Mode::Exclusive => Acquisition { mode, span, wait: Wait::Thread, ..(*acquisition).clone() },
        };
        self.op(Op::Consume { slot: from });
        let to = self.new_temporary();
        let token = self.new_token(Token::Guard { acquisition: changed.into(), fallible });
        self.op(match mode {
            Mode::Shared => Op::Make { token, slot: to },
            Mode::Exclusive => Op::Acquire { token, slot: Some(to) },
        });
        Some(to)
    }

    pub(super) fn spawn(&mut self, site: &Site<'_>, values: &[Value], scope: &TypeScope) -> Value {
        let data = self.index.fn_data(site.function);
        let task = values.iter().skip(usize::from(data.def.self_param.is_some())).next_back();
        let (body, output) = task.map_or((None, Ty::Unknown("spawned task")), |value| self.task_of(value));
        let spawn = Spawn {
            function: data.path.clone(),
            body,
            output: self.task_output(&output),
            runs_forever: false,
            loops: false,
        };
        if let Some(body) = body {
            self.hold_from_start(body);
        }
        let span = self.span(site.range);
        self.tally.n_calls_resolved += 1;
        values.iter().for_each(|value| self.consume(value));
        self.op(Op::Spawn { spawn: Box::new(spawn.clone()), span });
        let ty = self.index.result_type(data, scope, None);
        if !self.is_handle(&ty) {
            return Value::of(ty);
        }
        self.extend_to = site.extend_to;
        let slot = self.new_temporary();
        let token = self.new_token(Token::Handle { spawn, spawned: span });
        self.op(Op::Make { token, slot });
        Value { owner: Some(slot), ..Value::of(ty) }
    }

    /// The body that a spawned future or closure runs, and what it yields.
    fn task_of(&self, value: &Value) -> (Option<BodyId>, Ty) {
        let by_pending = match value.pending.as_deref() {
            Some(Pending::Call(call)) if call.targets.len() == 1 => Some(call.targets[0]),
            _ => None,
        };
        match &value.ty {
            Ty::Future(future) => (by_pending.or(future.runs), future.output.clone()),
            Ty::Callable(callable) => (callable.body, callable.ret.clone()),
            other => (by_pending, self.index.awaited(other)),
        }
    }

    fn task_output(&self, ty: &Ty) -> TaskOutput {
        match ty {
            Ty::Never => TaskOutput::Unit,
            ty if ty.is_unit() => TaskOutput::Unit,
            Ty::Adt(id, _) if *id == self.index.well_known.result => TaskOutput::Result,
            Ty::Unknown(_) => TaskOutput::Unknown,
            _ => TaskOutput::Value,
        }
    }
}
