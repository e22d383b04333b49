//! Programs over the heartbeat table (`engine/src/heartbeat`), for shuttle and for loom.

use std::sync::Arc;

use interlock_engine::heartbeat::{Partition, Table, TimeoutMonitor, Timing, triggers};
use interlock_sync::model::{block_on, name_task};
use interlock_sync::task::spawn;
use interlock_sync::time::Instant;

/// One partition is heard of and one is silent as the table is swept.
pub(crate) fn one_sweep() {
    block_on(async {
        let timing = Timing::default();
        let (started, later) = (Instant::now(), Instant::now() + timing.silence);
        let table = Arc::new(Table::default());
        let [heard, silent] = ["heard", "silent"].map(|topic| Partition::new(topic, 0));
        for known in [&heard, &silent] {
            table.refresh(known, started);
        }
        let (sender, queue) = triggers(2);
        let monitor = TimeoutMonitor::new(table.clone(), sender, timing);
        let frames = spawn({
            let (table, heard) = (table.clone(), heard.clone());
            async move {
                name_task("frames");
                table.refresh(&heard, later);
            }
        });
        monitor.scan(later).await;
        frames.await.expect("it does not panic");
        assert_eq!(table.last_seen(&heard), Some(later), "heard of, and not watched");
        assert!(table.last_seen(&silent).is_none(), "silent, and watched on");
        drop(queue);
    });
}
