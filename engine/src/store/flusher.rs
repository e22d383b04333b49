//! The task that writes what is pending where nobody waits for it.

use std::sync::Arc;

use interlock_sync::select;
use interlock_sync::time::{Duration, sleep};
use interlock_sync::token::Token;

use super::Store;

/// Pending bytes that are worth a write.
const COALESCE_BYTES: usize = 16 << 10;
/// Waits for more of them, in milliseconds: 7 at most.
const COALESCE_MS: [u64; 3] = [1, 2, 4];

/// Writes what is pending, in batches, until the token is cancelled or the store is closed. It does not sync.
///
/// An error stays with the block; the next call that changes the store, or the next sync pass, brings it up (W5).
pub async fn flusher(store: Arc<Store>, quit: Token) {
    loop {
        select! {
            biased;
            () = quit.cancelled() => return,
            () = store.closed.cancelled() => return,
            () = store.pending.notified() => {}
        }
        let mut seen = 0;
        for wait_ms in COALESCE_MS {
            let pending = store.pending_bytes();
            let grows = pending > seen;
            seen = pending;
            if pending >= COALESCE_BYTES || !grows {
                break;
            }
            sleep(Duration::from_millis(wait_ms)).await;
        }
        if seen == 0 {
            // Whoever accepted it has flushed it.
            continue;
        }
        let folder = store.folder().to_owned();
        let (disk, writer) = (store.options.disk.clone(), store.clone());
        disk.run(&folder, move |_| writer.write_pending()).await;
    }
}
