//! S-82: the last message of an atomic batch and its timer, in either order.

use interlock_engine::core::batch::{AbandonReason, Staged, Staging};

use crate::harness::expect;

/// What became of a batch.
#[derive(Debug, Default, PartialEq)]
struct Outcome {
    commits: usize,
    timeouts: usize,
}

impl Outcome {
    fn count(&mut self, staged: &Staged) {
        self.commits += usize::from(*staged == Staged::Commit);
        self.timeouts += usize::from(*staged == Staged::Abandon(AbandonReason::Timeout));
    }
}

/// A batch of two whose timer fires before step `at` of: first message, last message, flush.
fn with_timer_before(at: usize) -> Outcome {
    let mut outcome = Outcome::default();
    let mut staging = Staging::default();
    let mut is_flushing = false;
    for step in 0..=3 {
        if step == at {
            outcome.count(&staging.timer_fired());
        }
        let staged = match step {
            0 => staging.message(1, false),
            1 => staging.message(2, true),
            2 if is_flushing => staging.flushed(Ok(())),
            _ => Staged::Ended,
        };
        is_flushing |= staged == Staged::Flush;
        outcome.count(&staged);
    }
    outcome
}

scenario!(s_82_a_batch_is_committed_or_timed_out, "S-82", [M90 => "committed and timed out"], async {
    for at in 1..=3 {
        let outcome = with_timer_before(at);
        expect(outcome != Outcome { commits: 1, timeouts: 1 }, "committed and timed out")?;
        let expected = if at == 1 { Outcome { commits: 0, timeouts: 1 } } else { Outcome { commits: 1, timeouts: 0 } };
        expect(outcome == expected, format!("a timer before step {at} leads to {outcome:?}"))?;
    }
    Ok(())
});
