//! What the sockets count.

use std::fmt;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

macro_rules! counters {
    ($($name:ident: $kind:ident = $metric:literal $help:literal;)+) => {
        /// Numbers of one server's sockets. A clone counts into the same ones.
        #[derive(Clone, Default)]
        pub struct Counters {
            $(#[doc = $help] pub $name: $kind,)+
        }

        impl Counters {
            /// Enters all of them.
            pub fn register(&self, registry: &mut Registry) {
                $(registry.register($metric, $help, self.$name.clone());)+
            }
        }

        impl fmt::Debug for Counters {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct("Counters")$(.field(stringify!($name), &self.$name.get()))+.finish()
            }
        }
    };
}

counters! {
    peer_frames_sent: Counter = "interlock_peer_frames_sent" "Frames written to other servers";
    peer_bytes_sent: Counter = "interlock_peer_bytes_sent" "Bytes written to other servers";
    peer_writes: Counter = "interlock_peer_writes" "Writes that carried those frames";
    peer_frames_received: Counter = "interlock_peer_frames_received" "Frames of other servers";
    peer_frames_dropped: Counter = "interlock_peer_frames_dropped" "Frames that found no connection or a full queue";
    peer_connects: Counter = "interlock_peer_connects" "Connections to other servers that were welcome";
    peer_refusals: Counter = "interlock_peer_refusals" "Connections of other servers that were not welcome";
    client_connections: Gauge = "interlock_client_connections" "Clients that are connected";
    client_connects: Counter = "interlock_client_connects" "Clients that were welcome";
    client_refusals: Counter = "interlock_client_refusals" "Clients that were not welcome";
    client_requests: Counter = "interlock_client_requests" "Requests of clients";
    client_responses: Counter = "interlock_client_responses" "Responses written to clients";
    client_writes: Counter = "interlock_client_writes" "Writes that carried those responses";
    client_bytes_received: Counter = "interlock_client_bytes_received" "Bytes of requests";
    client_bytes_sent: Counter = "interlock_client_bytes_sent" "Bytes of responses";
}
