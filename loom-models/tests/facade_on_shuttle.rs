//! The table of a failure, from the facade's recorder under shuttle.

mod opposite;

#[test]
fn the_table_of_a_deadlock_says_who_holds_what() {
    opposite::check(interlock_models::Search::Bounded { preemptions: 2 });
}
