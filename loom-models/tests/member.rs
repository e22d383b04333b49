//! A server's part in an entity (`engine/src/member.rs`): who follows its assignment, and those who change it.

use std::sync::{Arc, Mutex};

use interlock_engine::core::assignment::RaftGroup;
use interlock_engine::core::names::{GroupName, ServerId};
use interlock_engine::member::Member;
use interlock_engine::mutation;
use interlock_sync::model::{block_on, name_task};
use interlock_sync::select;
use interlock_sync::task::spawn;
use interlock_sync::token::Token;

fn put_back(bug: &str) {
    mutation::set(Some(bug.parse().expect("the bug is in the engine's catalogue")));
}

fn group(name: &str) -> RaftGroup {
    RaftGroup::fresh(GroupName::new(name), vec![ServerId(1)])
}

interlock_models::model! {
    /// Does who follows an assignment see the last of two changes, however they fall together?
    mod two_changes_one_follower = Model {
        property: "who has been told of everything has read the last assignment",
        search: Search::Bounded { preemptions: 3 },
        twins: &[Twin { bug: "M-52", symptom: "the last assignment was not seen", found_within: 1 }],
        pinned: Some(1_920),
        arm: Some(put_back),
    };
    fn body() {
        block_on(async {
            let (member, seen) = (Arc::new(Member::new(group("g0"))), Arc::new(Mutex::new(None)));
            let quit = Token::new();
            let follower = spawn({
                let (member, seen, quit) = (member.clone(), seen.clone(), quit.clone());
                let mut updates = member.updates();
                async move {
                    name_task("follower");
                    let mut quits = false;
                    loop {
                        select! {
                            biased;
                            changed = updates.changed() => changed.expect("the member lives"),
                            () = quit.cancelled(), if !quits => {
                                quits = true;
                                continue;
                            }
                            // Everything was changed before the quit, and what was told is looked at first.
                            () = std::future::ready(()), if quits => return,
                        }
                        *seen.lock().expect("nobody panics in it") = Some(member.group().name);
                    }
                }
            });
            let other = spawn({
                let member = member.clone();
                async move {
                    name_task("other change");
                    member.link(group("g1"), None);
                }
            });
            member.link(group("g2"), None);
            other.await.expect("it does not panic");
            quit.cancel();
            follower.await.expect("it does not panic");
            let seen = seen.lock().expect("nobody panics in it").clone();
            assert_eq!(seen, Some(member.group().name), "the last assignment was not seen");
        });
    }
}
