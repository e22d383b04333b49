//! Gathers what health is judged by. The engine's lock is released before a stream or consumer is asked.

use std::time::Duration;

use super::{AssetKey, Engine};
use crate::core::assignment::RaftGroup;
use crate::core::health::{AssetFacts, EngineFacts, EntityFacts, MetaFacts, NodeFacts};
use crate::member::Member;
use crate::raft::Node;

/// An asset that is assigned to this server, copied out of the assignments.
struct Assigned {
    asset: AssetKey,
    stream: String,
    consumer: Option<String>,
    group: RaftGroup,
    created_ns: u64,
}

impl Engine {
    /// What health is judged by.
    pub fn health_facts(&self) -> EngineFacts {
        let assets = self.assigned_here().iter().map(|assigned| self.asset_facts(assigned)).collect();
        if self.context.settings.is_clustered() {
            EngineFacts::Clustered(self.meta_facts(), assets)
        } else {
            EngineFacts::Standalone(assets)
        }
    }

    fn meta_facts(&self) -> MetaFacts {
        let Some(node) = self.meta() else { return MetaFacts { is_closed: true, ..MetaFacts::default() } };
        let status = node.status();
        MetaFacts {
            write_error: node.write_error().map(|error| error.report()),
            apply_error: self.meta_error().map(|error| error.report()),
            is_closed: node.is_closed(),
            is_recovering: self.is_recovering(),
            has_leader: status.leader.is_some(),
            is_current: status.current,
        }
    }

    /// The assets of this server, in the order of their names: streams, each followed by its consumers.
    fn assigned_here(&self) -> Vec<Assigned> {
        let me = self.me();
        let state = self.state.read();
        let mut assets = Vec::new();
        for stream in state.assignments.streams() {
            let name = &stream.assignment.config.name;
            if stream.assignment.group.has(me) {
                assets.push(Assigned {
                    asset: AssetKey::Stream(name.clone()),
                    stream: name.clone(),
                    consumer: None,
                    group: stream.assignment.group.clone(),
                    created_ns: stream.assignment.created_ns,
                });
            }
            for consumer in stream.consumers.values().filter(|consumer| consumer.group.has(me)) {
                assets.push(Assigned {
                    asset: AssetKey::Consumer(consumer.key()),
                    stream: name.clone(),
                    consumer: Some(consumer.config.name.clone()),
                    group: consumer.group.clone(),
                    created_ns: consumer.created_ns,
                });
            }
        }
        assets
    }

    fn asset_facts(&self, assigned: &Assigned) -> AssetFacts {
        let entity = match &assigned.asset {
            AssetKey::Stream(name) => {
                let stream = self.stream(name);
                if stream.is_none() && crate::mutant!(M91) {
                    std::mem::forget(self.state.read());
                }
                stream.map(|stream| EntityFacts {
                    is_catching_up: stream.is_catching_up(),
                    ..entity_facts(stream.member())
                })
            }
            #[cfg(feature = "mutation")]
            AssetKey::Consumer(key) if crate::mutant!(M92) => self.stream(&key.stream).and_then(|stream| {
                stream.with_consumer(&key.name, |consumer| EntityFacts {
                    is_catching_up: consumer.info().n_pending > u64::from(u32::MAX),
                    ..entity_facts(consumer.member())
                })
            }),
            AssetKey::Consumer(key) => self.consumer(key).map(|consumer| entity_facts(consumer.member())),
        };
        let age_ns = self.context.clock.now_ns().saturating_sub(assigned.created_ns);
        AssetFacts {
            stream: assigned.stream.clone(),
            consumer: assigned.consumer.clone(),
            n_replicas: assigned.group.peers.len(),
            age: Duration::from_nanos(age_ns),
            assignment_error: self.assignment_error(&assigned.asset),
            node: self.node(&assigned.group.name).map(|node| node_facts(&node)),
            entity,
        }
    }
}

fn entity_facts(member: &Member) -> EntityFacts {
    let (node, status) = (member.node(), member.slot.status());
    // Who leads alone is registered before the creation is answered, and begins soon.
    let is_monitored = status.running || (node.is_none() && status.count > 0);
    EntityFacts {
        node: node.map(|node| node_facts(&node)),
        write_error: member.write_error.get().map(|error| error.report()),
        is_monitored,
        is_catching_up: false,
    }
}

fn node_facts(node: &Node) -> NodeFacts {
    let status = node.status();
    NodeFacts {
        group: node.group().clone(),
        incarnation: node.incarnation(),
        write_error: node.write_error().map(|error| error.report()),
        is_healthy: !node.is_closed() && status.leader.is_some(),
    }
}
