//! Traits of the workspace that are locks: `trait Mutex { type Guard: DerefMut; fn lock(&self) -> Self::Guard; }`.
//!
//! Whoever calls `lock` through the trait acquires what it is called on, as long as no implementation of the workspace
//! yields something else than a guard. What the known ones agree on (does the guard block a thread) holds; where none is
//! known, or they differ, the acquisition rests on the trait's declaration.

use super::{ImplData, Index, position};
use crate::infer::TypeScope;
use crate::ir::{FnDef, ItemKind, Name, PathRef, TypeRef};
use crate::locks::{Extent, LockFamily, Mode};
use crate::models::{AcquireModel, GuardModel, TraitLock};
use crate::types::{FnId, TraitId, Ty, TypeId};

/// What an implementation of such a trait yields.
enum Yields {
    Guard(GuardModel),
    Unknown,
    Other,
}

/// How a method acquires, judged by its name.
struct Words {
    mode: Mode,
    is_try: bool,
    family: LockFamily,
}

impl Words {
    fn of(method: &str) -> Option<Words> {
        let is_try = method.starts_with("try_");
        let verb = method.strip_prefix("try_").or_else(|| method.strip_prefix("blocking_")).unwrap_or(method);
        let verb = verb.strip_suffix("_owned").or_else(|| verb.strip_suffix("_arc")).unwrap_or(verb);
        let (mode, family) = match verb {
            "lock" => (Mode::Exclusive, LockFamily::Mutex),
            "read" => (Mode::Shared, LockFamily::RwLock),
            "write" => (Mode::Exclusive, LockFamily::RwLock),
            _ => return None,
        };
        Some(Words { mode, is_try, family })
    }
}

impl Index {
    /// Marks the methods of such traits as acquisitions, and what keeps their guards as guards.
    pub(super) fn find_trait_locks(&mut self) {
        for of_trait in (0..position(self.traits.len())).map(TraitId) {
            let guards = self.guard_names(of_trait);
            if guards.is_empty() {
                continue;
            }
            let keepers = self.keepers(of_trait, &guards);
            let Some(lock) = self.trait_lock(of_trait, &guards) else { continue };
            let methods = self.acquiring_methods(of_trait, &guards, &keepers);
            // What nobody acquires alone is a snapshot.
            if !methods.iter().any(|(_, words)| words.mode == Mode::Exclusive) {
                continue;
            }
            self.trait_locks.push(of_trait);
            for (function, Words { mode, is_try, family }) in methods {
                let through = Some(TraitLock { family, ..lock });
                let model = AcquireModel { mode, is_try, recursive: false, extent: Extent::Whole, through };
                self.fns[function.0 as usize].model.acquire = Some(model);
            }
            for keeper in keepers {
                self.types[keeper.0 as usize].model.guard.get_or_insert(lock.guard);
            }
        }
    }

    /// The associated types of a trait of the workspace that dereference to something.
    fn guard_names(&self, of_trait: TraitId) -> Vec<Name> {
        let data = self.trait_data(of_trait);
        let locks = data.def.items.iter().any(|item| Words::of(&item.name).is_some());
        if !locks || self.crate_of(data.module).is_model {
            return Vec::new();
        }
        let guards = data.def.items.iter().filter(|item| match &item.kind {
            ItemKind::Alias(alias) => match &alias.ty {
                TypeRef::ImplTrait(bounds) | TypeRef::Dyn(bounds) => bounds.iter().any(|bound| match bound {
                    TypeRef::Path(path) => self.trait_of(data.module, path).is_some_and(|found| self.is_deref(found)),
                    _ => false,
                }),
                _ => false,
            },
            _ => false,
        });
        guards.map(|item| item.name).collect()
    }

    /// Types of the workspace that keep such a guard and dereference to what it guards.
    fn keepers(&self, of_trait: TraitId, guards: &[Name]) -> Vec<TypeId> {
        let of_deref = self.impls_of_trait(self.well_known.deref).filter_map(|data| data.self_type);
        let mut keepers: Vec<TypeId> = of_deref.filter(|id| self.keeps(*id, of_trait, guards)).collect();
        keepers.sort_unstable();
        keepers
    }

    fn keeps(&self, id: TypeId, of_trait: TraitId, guards: &[Name]) -> bool {
        let data = self.type_data(id);
        let params = &data.generics().params;
        let is_lock = |name: &Name| {
            let bounds = params.iter().filter(|param| param.name == *name).flat_map(|param| &param.bounds);
            bounds.into_iter().any(|bound| match bound {
                TypeRef::Path(path) => self.trait_of(data.module, path) == Some(of_trait),
                _ => false,
            })
        };
        !self.is_model_type(id) && data.fields().any(|field| names_projection(&field.ty, guards, &is_lock))
    }

    /// What the implementations agree on; `None` where one yields no guard.
    fn trait_lock(&self, of_trait: TraitId, guards: &[Name]) -> Option<TraitLock> {
        let (mut known, mut is_assumed) = (None, false);
        for data in self.impls_of_trait(of_trait) {
            for name in guards {
                match self.yields(data, name) {
                    Yields::Other => return None,
                    Yields::Unknown => is_assumed = true,
                    Yields::Guard(guard) => {
                        is_assumed |= known.is_some_and(|known| known != guard);
                        known = Some(guard);
                    }
                }
            }
        }
        let is_assumed = is_assumed || known.is_none();
        let guard = known.filter(|_| !is_assumed).unwrap_or(GuardModel::Task);
        Some(TraitLock { of_trait, family: LockFamily::Mutex, guard, is_assumed })
    }

    fn yields(&self, data: &ImplData, name: &Name) -> Yields {
        let Some(written) = data.assoc.get(name) else { return Yields::Unknown };
        let mut scope = TypeScope::of_module(data.module);
        self.declare_params(&data.def.generics, &mut scope);
        scope.self_ty = Some(data.header.clone());
        self.yielded(&self.lower(written, &scope), 0)
    }

    fn yielded(&self, ty: &Ty, depth: u32) -> Yields {
        match ty {
            Ty::Adt(id, _) if self.guards_a_cell(*id) => Yields::Other,
            Ty::Adt(id, _) if let Some(guard) = self.type_data(*id).model.guard => Yields::Guard(guard),
            Ty::Adt(id, _) if !self.is_model_type(*id) && depth < 4 => {
                let data = self.type_data(*id);
                let mut scope = TypeScope::of_module(data.module);
                self.declare_params(data.generics(), &mut scope);
                let kept = data.fields().map(|field| self.yielded(&self.lower(&field.ty, &scope), depth + 1));
                let kept = kept.reduce(|best, other| if matches!(best, Yields::Guard(_)) { best } else { other });
                match kept {
                    Some(Yields::Guard(guard)) => Yields::Guard(guard),
                    // What releases something by hand.
                    _ if self.is_dropped_by_hand(*id) => Yields::Unknown,
                    _ => Yields::Other,
                }
            }
            Ty::Adt(..) | Ty::Ref(_) | Ty::Scalar | Ty::Str | Ty::Tuple(_) | Ty::Slice(_) => Yields::Other,
            _ => Yields::Unknown,
        }
    }

    fn is_dropped_by_hand(&self, id: TypeId) -> bool {
        self.impls_of_type(id).any(|data| data.of_trait == Some(self.well_known.drop))
    }

    /// Whether a guard is what the methods of a cell give: nobody waits for one.
    fn guards_a_cell(&self, guard: TypeId) -> bool {
        let cells = self
            .impls
            .iter()
            .filter(|data| data.self_type.is_some_and(|id| self.type_data(id).model.family == Some(LockFamily::Cell)));
        let mut methods = cells.flat_map(|data| data.fns.values()).map(|function| self.fn_data(*function));
        methods.any(|data| match &data.def.ret {
            TypeRef::Path(path) => self.type_of_path(data.module, path, 0) == Some(guard),
            _ => false,
        })
    }

    /// The methods of a trait that give such a guard, at once or as a future.
    fn acquiring_methods(&self, of_trait: TraitId, guards: &[Name], keepers: &[TypeId]) -> Vec<(FnId, Words)> {
        let data = self.trait_data(of_trait);
        let is_self = |name: &Name| name == "Self";
        let gives = |def: &FnDef| {
            let is_keeper =
                |path: &PathRef| self.type_of_path(data.module, path, 0).is_some_and(|found| keepers.contains(&found));
            def.self_param.is_some()
                && def.params.is_empty()
                && (names_projection(&def.ret, guards, &is_self) || names_type(&def.ret, &is_keeper))
        };
        let methods = data.def.items.iter().filter_map(|item| {
            let function = *data.fns.get(&item.name)?;
            gives(&self.fn_data(function).def).then_some((function, Words::of(&item.name)?))
        });
        methods.collect()
    }
}

/// Whether a written type contains `X::Name` or `<X as Trait>::Name`, for an `X` and names that are looked for.
fn names_projection(ty: &TypeRef, names: &[Name], is_base: &dyn Fn(&Name) -> bool) -> bool {
    contains(ty, &|part| match part {
        TypeRef::Path(path) => match path.segments.as_slice() {
            [base, name] => is_base(&base.name) && names.contains(&name.name),
            _ => false,
        },
        TypeRef::Projection { base, name, .. } => match &**base {
            TypeRef::Path(path) => match path.segments.as_slice() {
                [base] => is_base(&base.name) && names.contains(name),
                _ => false,
            },
            _ => false,
        },
        _ => false,
    })
}

fn names_type(ty: &TypeRef, is_it: &dyn Fn(&PathRef) -> bool) -> bool {
    contains(ty, &|part| matches!(part, TypeRef::Path(path) if is_it(path)))
}

/// Whether a written type or a part of it that comes out with it is one.
fn contains(ty: &TypeRef, is_it: &dyn Fn(&TypeRef) -> bool) -> bool {
    let any = |parts: &[TypeRef]| parts.iter().any(|part| contains(part, is_it));
    is_it(ty)
        || match ty {
            TypeRef::Path(path) => path
                .segments
                .iter()
                .any(|segment| any(&segment.args) || segment.bindings.iter().any(|(_, bound)| contains(bound, is_it))),
            TypeRef::Tuple(parts) | TypeRef::Dyn(parts) | TypeRef::ImplTrait(parts) => any(parts),
            _ => false,
        }
}
