//! What a stream or a consumer must not be beside those that are there. Asked before it is proposed, for the client's
//! sake, and again when it is applied: two that were proposed at once do not know of each other.

use super::api_error::ApiError;
use super::config::{AckPolicy, ConsumerConfig, DeliverMode, DeliverPolicy, Retention, StreamConfig};
use super::subject;

/// Why no consumer can have this configuration, or nothing.
pub fn refuse_config(config: &ConsumerConfig) -> Option<ApiError> {
    let reason = if config.direct {
        Some("a direct consumer is made by its server")
    } else if config.mode == DeliverMode::Push {
        Some("messages are not pushed here: a client fetches them")
    } else if config.max_ack_pending == 0 || config.max_waiting == 0 || config.max_deliver == Some(0) {
        Some("a limit of zero would deliver nothing")
    } else {
        config.filter.as_deref().and_then(subject::refuse_filter)
    };
    reason.map(ApiError::invalid_config)
}

/// Whether two streams would take the same message.
pub fn streams_overlap(one: &StreamConfig, other: &StreamConfig) -> bool {
    let takes_too = |subject: &String| other.subjects.iter().any(|its| subject::overlap(subject, its));
    one.name != other.name && one.subjects.iter().any(takes_too)
}

/// Why a consumer cannot read this stream beside the others, or nothing. In a work queue each message is one consumer's,
/// which says itself when it is done.
pub fn refuse_consumer<'a>(
    stream: &StreamConfig,
    config: &ConsumerConfig,
    mut others: impl Iterator<Item = &'a ConsumerConfig>,
) -> Option<ApiError> {
    if stream.retention != Retention::WorkQueue {
        return None;
    }
    if config.ack != AckPolicy::Explicit {
        return Some(ApiError::WORK_QUEUE_NEEDS_EXPLICIT_ACK);
    }
    if config.deliver != DeliverPolicy::All {
        return Some(ApiError::WORK_QUEUE_DELIVERS_ALL);
    }
    let overlaps = others.any(|other| other.name != config.name && subject::overlap(filter(config), filter(other)));
    match (overlaps, &config.filter) {
        (false, _) => None,
        (true, None) => Some(ApiError::WORK_QUEUE_HAS_A_CONSUMER),
        (true, Some(_)) => Some(ApiError::WORK_QUEUE_FILTERS_OVERLAP),
    }
}

fn filter(config: &ConsumerConfig) -> &str {
    config.filter.as_deref().unwrap_or(">")
}

/// Why a consumer cannot be changed like this, or nothing: what it has delivered and settled would mean something else.
pub fn refuse_change(stream: &StreamConfig, old: &ConsumerConfig, new: &ConsumerConfig) -> Option<ApiError> {
    let unchangeable = |what: &str| Some(ApiError::invalid_config(format!("{what} of a consumer cannot change")));
    if old.deliver != new.deliver {
        unchangeable("the beginning")
    } else if old.ack != new.ack {
        unchangeable("the acknowledgement policy")
    } else if old.filter != new.filter && stream.retention == Retention::WorkQueue {
        // What it passed over would count as settled.
        unchangeable("in a work queue, the filter")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use std::slice::from_ref;

    use super::{refuse_change, refuse_config, refuse_consumer, streams_overlap};
    use crate::core::api_error::ApiError;
    use crate::core::config::{AckPolicy, ConsumerConfig, DeliverMode, DeliverPolicy, Retention, StreamConfig};

    fn stream(retention: Retention) -> StreamConfig {
        StreamConfig { name: "T".to_owned(), retention, ..StreamConfig::default() }
    }

    fn consumer(name: &str, filter: Option<&str>) -> ConsumerConfig {
        ConsumerConfig { name: name.to_owned(), filter: filter.map(str::to_owned), ..ConsumerConfig::default() }
    }

    #[test]
    fn a_message_of_a_work_queue_has_one_consumer() {
        let queue = stream(Retention::WorkQueue);
        let refused =
            |config: &ConsumerConfig, others: &[ConsumerConfig]| refuse_consumer(&queue, config, others.iter());
        let (all, a, b) = (consumer("all", None), consumer("a", Some("T.a.>")), consumer("b", Some("T.b")));
        assert_eq!(refused(&a, &[a.clone(), b.clone()]), None);
        assert_eq!(refused(&all, from_ref(&b)), Some(ApiError::WORK_QUEUE_HAS_A_CONSUMER));
        assert_eq!(refused(&b, from_ref(&all)), Some(ApiError::WORK_QUEUE_FILTERS_OVERLAP));
        assert_eq!(refused(&consumer("c", Some("T.*.x")), from_ref(&a)), Some(ApiError::WORK_QUEUE_FILTERS_OVERLAP));
        let by_delivery = ConsumerConfig { ack: AckPolicy::None, ..all.clone() };
        assert_eq!(refused(&by_delivery, &[]), Some(ApiError::WORK_QUEUE_NEEDS_EXPLICIT_ACK));
        let late = ConsumerConfig { deliver: DeliverPolicy::New, ..all.clone() };
        assert_eq!(refused(&late, &[]), Some(ApiError::WORK_QUEUE_DELIVERS_ALL));
        assert_eq!(refuse_consumer(&stream(Retention::Interest), &late, [all].iter()), None);
    }

    #[test]
    fn a_consumer_that_would_deliver_nothing_is_refused() {
        let good = consumer("a", Some("T.*"));
        assert_eq!(refuse_config(&good), None);
        let bad = [
            ConsumerConfig { direct: true, ..good.clone() },
            ConsumerConfig { mode: DeliverMode::Push, ..good.clone() },
            ConsumerConfig { max_ack_pending: 0, ..good.clone() },
            ConsumerConfig { max_waiting: 0, ..good.clone() },
            ConsumerConfig { max_deliver: Some(0), ..good.clone() },
            consumer("a", Some("T..x")),
        ];
        for config in bad {
            assert!(refuse_config(&config).is_some(), "{config:?}");
        }
    }

    #[test]
    fn what_was_settled_keeps_its_meaning() {
        let old = consumer("a", Some("T.a"));
        let filtered = consumer("a", Some("T.b"));
        let late = ConsumerConfig { deliver: DeliverPolicy::New, ..old.clone() };
        assert_eq!(refuse_change(&stream(Retention::Limits), &old, &filtered), None);
        assert!(refuse_change(&stream(Retention::WorkQueue), &old, &filtered).is_some());
        assert!(refuse_change(&stream(Retention::Limits), &old, &late).is_some());
        let slower = ConsumerConfig { max_ack_pending: 1, ..old.clone() };
        assert_eq!(refuse_change(&stream(Retention::WorkQueue), &old, &slower), None);
    }

    #[test]
    fn streams_overlap_where_both_take_a_subject() {
        let of = |name: &str, subjects: &[&str]| StreamConfig {
            name: name.to_owned(),
            subjects: subjects.iter().map(|subject| (*subject).to_owned()).collect(),
            ..StreamConfig::default()
        };
        assert!(streams_overlap(&of("A", &["x", "a.*"]), &of("B", &["*.b"])));
        assert!(!streams_overlap(&of("A", &["a.*"]), &of("B", &["b.*"])));
        assert!(!streams_overlap(&of("A", &["a.*"]), &of("A", &["a.b"])));
    }
}
