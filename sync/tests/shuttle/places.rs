//! Records name places of the modelled code, also where code of std or of the facade makes and takes what is recorded.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use interlock_sync::lock::{Mutex, RwLock};
use interlock_sync::map::ConcurrentMap;
use interlock_sync::model::block_on;
use interlock_sync::model::recorder::{self, Kind, Record};
use interlock_sync::task::blocking;

use crate::every;

fn recorded(body: impl Fn() + Send + Sync + 'static) -> Record {
    every(move || {
        recorder::start();
        body();
    })
    .expect("nothing fails");
    recorder::take().expect("it was started")
}

/// The lines that the objects were made in, counted from the first one; every one has to be of this file.
#[track_caller]
fn check_made(record: &Record, expected: &[(&str, u32)]) {
    let first = record.objects.iter().map(|object| object.made.line()).min().unwrap_or(0);
    let made = record.objects.iter().map(|object| {
        assert!(object.made.file().ends_with("tests/shuttle/places.rs"), "{object:?}");
        (object.kind, object.made.line() - first)
    });
    assert_eq!(made.collect::<Vec<_>>(), expected);
}

#[test]
fn what_std_makes_was_made_by_the_line_that_asked_std_for_it() {
    let record = recorded(|| {
        let _shared = Arc::<Mutex<u8>>::default();
        let lazy = LazyLock::new(<Mutex<u8> as Default>::default as fn() -> Mutex<u8>);
        let _at_first_use = LazyLock::force(&lazy);
        let _several = [1, 2].map(RwLock::new);
        let mut by_name = BTreeMap::<u8, Mutex<u8>>::new();
        by_name.entry(1).or_default();
    });
    check_made(&record, &[("Mutex", 0), ("Mutex", 2), ("RwLock", 3), ("RwLock", 3), ("Mutex", 5)]);
}

#[test]
fn what_the_facade_makes_was_made_by_its_caller() {
    let record = recorded(|| {
        let _map = ConcurrentMap::<u8, u8>::default();
        block_on(blocking(|| ()));
    });
    check_made(&record, &[("Shard", 0), ("Shard", 0), ("task", 1)]);
}

#[test]
fn what_std_takes_is_taken_by_the_line_that_asked_std_for_it() {
    let record = recorded(|| {
        let lock = Mutex::new(1);
        let sum: u8 = [&lock].into_iter().map(Mutex::lock).map(|value| *value).sum();
        assert_eq!(sum, 1);
    });
    let taken = record.events.iter().find(|event| event.kind == Kind::Takes).expect("it is taken");
    assert!(taken.place.file().ends_with("tests/shuttle/places.rs"), "{taken:?}");
    assert_eq!(taken.place.line() - record.objects[0].made.line(), 1);
}
