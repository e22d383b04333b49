//! Mends and checks append messages: raft 0.7.0 can build one whose entries do not follow its index.
//!
//! With `batch_append` it puts entries into a message of the same turn that had none, whatever that one's index is. The
//! receiver counts from the index and so acknowledges more entries than it has; the leader then commits what only it
//! has. Seeded runs lost acknowledged entries by this.

use raft::eraftpb::{Message, MessageType};

/// Whether the entries of a message follow its index, one after the other.
pub(super) fn is_contiguous(message: &Message) -> bool {
    (message.index.wrapping_add(1)..).zip(message.entries.iter()).all(|(index, entry)| entry.index == index)
}

/// Gives appends the index that their entries follow, and the term there. One that is beyond help is taken out: raft
/// sends again what was lost.
pub(super) fn mend(messages: &mut Vec<Message>, term: impl Fn(u64) -> Option<u64>) {
    messages.retain_mut(|message| {
        if message.get_msg_type() != MessageType::MsgAppend {
            return true;
        }
        let Some(before) = message.entries.first().map(|entry| entry.index - 1) else { return true };
        if before != message.index {
            let Some(term) = term(before) else { return false };
            message.index = before;
            message.log_term = term;
        }
        is_contiguous(message)
    });
}

#[cfg(test)]
mod tests {
    use super::{is_contiguous, mend};
    use raft::eraftpb::{Entry, Message, MessageType};

    fn append(index: u64, log_term: u64, entries: std::ops::Range<u64>) -> Message {
        let mut message = Message { index, log_term, ..Message::default() };
        message.set_msg_type(MessageType::MsgAppend);
        message
            .set_entries(entries.map(|index| Entry { index, term: 3, ..Entry::default() }).collect::<Vec<_>>().into());
        message
    }

    #[test]
    fn an_append_gets_the_index_that_its_entries_follow() {
        let mut messages = vec![append(9, 3, 10..12), append(87, 3, 81..94), append(87, 3, 0..0), append(5, 3, 2..4)];
        mend(&mut messages, |index| (index >= 80).then_some(2));
        let found: Vec<_> = messages.iter().map(|message| (message.index, message.log_term)).collect();
        assert_eq!(found, [(9, 3), (80, 2), (87, 3)], "the last one's term is not known any more");
        assert!(messages.iter().all(is_contiguous));
    }

    #[test]
    fn entries_of_other_messages_have_no_index() {
        let mut read = append(0, 0, 0..1);
        read.set_msg_type(MessageType::MsgReadIndex);
        let mut messages = vec![read];
        mend(&mut messages, |_| None);
        assert_eq!(messages.len(), 1);
    }
}
