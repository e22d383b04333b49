//! S-81 and S-82: how a staged batch ends, once and for a stated reason.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use interlock_engine::batches::{Abandoned, Batches, Outcome, Places};
use interlock_engine::core::api_error::ApiError;
use interlock_engine::core::batch::AbandonReason;
use interlock_engine::core::entry::{BatchPart, Origin, Publish};
use interlock_engine::core::write_error::ErrorClass;
use interlock_engine::disk::{Disk, Fault, Operation, SimulatedDisk};
use interlock_engine::failpoint;
use interlock_sync::task;
use interlock_sync::time::sleep;
use interlock_sync::token::Token;

use crate::harness::expect;

/// The staged batches of a stream, and what was told of them.
struct Stage {
    batches: Arc<Batches>,
    disk: SimulatedDisk,
    told: Arc<Mutex<Vec<Abandoned>>>,
    quit: Token,
}

impl Stage {
    async fn new() -> Self {
        let (disk, told, quit) = (SimulatedDisk::default(), Arc::new(Mutex::new(Vec::new())), Token::new());
        let tell = Box::new({
            let told = told.clone();
            move |abandoned| told.lock().unwrap().push(abandoned)
        });
        let place = Disk::in_place(Arc::new(disk.clone()));
        let batches = Batches::open(place, PathBuf::from("/s/batches"), Places::default(), tell).await.unwrap();
        let batches = Arc::new(batches);
        let (watching, ended) = (batches.clone(), quit.clone());
        task::spawn(async move { watching.watch(ended).await });
        Self { batches, disk, told, quit }
    }

    async fn message(&self, id: &str, seq: u32, commit: bool) -> Outcome {
        let batch = Some(BatchPart { id: id.to_owned(), seq, commit });
        self.batches.message(Publish { batch, ..Publish::plain(Origin::NOBODY, "orders", seq.to_string(), 1) }).await
    }

    fn told(&self) -> Vec<Abandoned> {
        self.told.lock().unwrap().clone()
    }

    fn reasons(&self) -> Vec<AbandonReason> {
        self.told().into_iter().map(|abandoned| abandoned.reason).collect()
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.quit.cancel();
    }
}

/// The number of messages that are handed out, or the refusal.
fn handed_out(outcome: Outcome) -> Result<usize, ApiError> {
    match outcome {
        Outcome::Staged => Ok(0),
        Outcome::Complete(parts) => Ok(parts.len()),
        Outcome::Refused(error) => Err(error),
    }
}

scenario!(s_81_a_failed_flush_is_a_reason_of_its_own, "S-81", [M89 => "the batch is said to have timed out"], async {
    let stage = Stage::new().await;
    stage.message("a", 1, false).await;
    // 5 is EIO.
    stage.disk.fail(Fault::always(Operation::Sync, ".batch", 5));
    let outcome = handed_out(stage.message("a", 2, true).await);
    expect(outcome == Err(ApiError::BATCH_INCOMPLETE), format!("the client learns {outcome:?}"))?;
    expect(stage.reasons() != [AbandonReason::Timeout], "the batch is said to have timed out")?;
    expect(stage.reasons() == [AbandonReason::FlushError], format!("told were {:?}", stage.told()))?;
    let cause = stage.told()[0].cause.clone();
    expect(cause.as_ref().map(|error| error.class()) == Some(ErrorClass::Other), "the cause is not told")?;
    expect(stage.batches.write_error() == cause, "the error of the staged batches is not kept")?;
    expect(stage.batches.n_cleaned() == 1, format!("cleaned {} times", stage.batches.n_cleaned()))?;
    expect(stage.disk.files().is_empty(), "staged messages are left")?;
    // The next one finds a healthy stage.
    stage.disk.heal();
    stage.message("b", 1, false).await;
    let outcome = handed_out(stage.message("b", 2, true).await);
    expect(outcome == Ok(2), format!("the next batch ends as {outcome:?}"))?;
    sleep(Duration::from_secs(60)).await;
    expect(stage.batches.n_cleaned() == 2 && stage.told().len() == 1, "a batch ended twice")
});

scenario!(s_82_a_batch_is_committed_or_timed_out, "S-82", [M90 => "the batch ended twice"], async {
    // The timer fires before the last message, in the midst of it, and not at all.
    for last_after_s in [11, 9, 1] {
        let stage = Stage::new().await;
        stage.message("a", 1, false).await;
        sleep(Duration::from_secs(last_after_s)).await;
        // One second before the timer fires the last message has found its batch, and is held there for two.
        if last_after_s == 9 {
            failpoint::hold("batch_found");
        }
        let releasing = task::spawn(async {
            sleep(Duration::from_secs(2)).await;
            failpoint::release("batch_found");
        });
        let outcome = handed_out(stage.message("a", 2, true).await);
        releasing.await.unwrap();
        sleep(Duration::from_secs(60)).await;
        let is_timed_out = stage.reasons() == [AbandonReason::Timeout];
        let n_ends = stage.told().len() + usize::from(outcome == Ok(2));
        expect(n_ends == 1, if n_ends == 0 { "the batch never ended" } else { "the batch ended twice" })?;
        let expected = if last_after_s == 1 { Ok(2) } else { Err(ApiError::BATCH_INCOMPLETE) };
        expect(outcome == expected, format!("after {last_after_s} s the client learns {outcome:?}"))?;
        expect(is_timed_out == expected.is_err(), format!("after {last_after_s} s told were {:?}", stage.told()))?;
        let n_cleaned = stage.batches.n_cleaned();
        expect(n_cleaned == 1 && stage.batches.n_open() == 0, format!("cleaned {n_cleaned} times"))?;
    }
    Ok(())
});
