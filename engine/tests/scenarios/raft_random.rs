//! A raft group under seeded faults: proposals, crashes with power loss, partitions, loss, disk errors, snapshots,
//! changes of hands. In the end the logs agree, and what was acknowledged is there.
//!
//! `INTERLOCK_SCALE=full` runs ten times as many seeds; `INTERLOCK_SEED=n` runs one.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use interlock_engine::disk::{Fault, Operation};
use interlock_engine::raft::eraftpb::{ConfChangeSingle, ConfChangeType, ConfChangeV2, Message, MessageType};
use interlock_engine::raft::{Apply, NodeHost, Role};
use interlock_sync::random::Random;

use crate::harness::{Outcome, expect};
use crate::raft_world::{FAIR, Weather, World, pause};

/// The first three found the group; the fourth one joins and leaves.
const N_SERVERS: u64 = 4;
const N_FOUNDERS: u64 = 3;
const N_STEPS: u64 = 60;

/// What a run has seen besides the world: it outlives crashes.
struct Run {
    world: World,
    random: Random,
    /// Data by index, as the first server applied it.
    agreed: BTreeMap<u64, (u64, Bytes)>,
    acknowledged: Arc<Mutex<BTreeSet<Bytes>>>,
    n_proposed: u64,
    n_checked: BTreeMap<u64, usize>,
}

impl Run {
    async fn new(seed: u64) -> Result<Self, String> {
        let host = if seed.is_multiple_of(2) { NodeHost::Actor } else { NodeHost::SharedLock };
        let mut world = World::new(N_FOUNDERS, host, seed);
        world.limits.segment_bytes = 2 << 10;
        world.limits.recent_bytes = 512;
        world.limits.kept_entries = seed % 5;
        for server in 1..=N_SERVERS {
            world.start(server).await.map_err(|error| error.to_string())?;
        }
        Ok(Self {
            world,
            random: Random::split(seed, "run"),
            agreed: BTreeMap::new(),
            acknowledged: Arc::default(),
            n_proposed: 0,
            n_checked: BTreeMap::new(),
        })
    }

    fn any_server(&mut self) -> u64 {
        1 + self.random.below(N_SERVERS)
    }

    /// Proposes on a leader, and counts it as acknowledged once that server has applied it at its index.
    fn propose(&mut self) {
        let Some(leader) = self.world.leader() else { return };
        self.n_proposed += 1;
        let n_bytes = 8 + usize::try_from(self.random.below(200)).unwrap();
        let mut data = self.n_proposed.to_le_bytes().to_vec();
        data.resize(n_bytes, 7);
        let data = Bytes::from(data);
        let node = self.world.node(leader).clone();
        let (applied, acknowledged) = (self.world.servers[&leader].applied.clone(), self.acknowledged.clone());
        let _proposing = tokio::spawn(async move {
            let Ok(proposed) = node.propose(None, data.clone()).await else { return };
            for _ in 0..200 {
                if applied.lock().unwrap().index >= proposed.index {
                    let is_own = applied.lock().unwrap().data.iter().any(|(_, own)| *own == data);
                    if is_own {
                        acknowledged.lock().unwrap().insert(data);
                    }
                    return;
                }
                pause(50).await;
            }
        });
    }

    async fn step(&mut self) -> Outcome {
        let server = self.any_server();
        match self.random.below(100) {
            0..45 => (0..=self.random.below(8)).for_each(|_| self.propose()),
            45..55 => pause(self.random.below(3000)).await,
            55..63 => self.restart(server).await?,
            63..70 => self.world.wire.isolate(server),
            70..78 => self.world.wire.heal(),
            78..83 => self.change_weather(),
            83..88 => self.break_disk(server),
            88..93 => self.snapshot(server),
            93..96 => self.change_members(server),
            96..98 => self.world.node(server).request_snapshot(),
            _ => {
                let node = self.world.node(server).clone();
                let _leaving = tokio::spawn(async move { node.step_down(None).await });
            }
        }
        pause(self.random.below(400)).await;
        self.give_snapshot();
        self.check(server)
    }

    /// What a leader's state machine does when a follower asks for a snapshot.
    fn give_snapshot(&mut self) {
        let Some(leader) = self.world.leader() else { return };
        let status = self.world.node(leader).status();
        if status.wanted_snapshot > status.snapshot_index {
            self.snapshot(leader);
        }
    }

    async fn restart(&mut self, server: u64) -> Outcome {
        if self.random.chance(70) {
            self.world.crash(server, &mut self.random).await;
        } else {
            // The process dies and starts again: faults end with it, and unsynced bytes stay in the cache.
            self.world.stop(server).await;
            self.world.disk(server).heal();
        }
        self.n_checked.remove(&server);
        pause(self.random.below(2000)).await;
        self.world.start(server).await.map_err(|error| format!("server {server} does not start again: {error}"))
    }

    fn change_weather(&mut self) {
        let (lost, doubled) = (self.random.below(30), self.random.below(20));
        let delay_ms = (1, 1 + self.random.below(300));
        self.world.wire.set_weather(Weather { delay_ms, lost, doubled });
    }

    fn break_disk(&mut self, server: u64) {
        let operations = [Operation::Write, Operation::Sync, Operation::Rename, Operation::Create, Operation::Remove];
        let operation = operations[usize::try_from(self.random.below(5)).unwrap()];
        let fault = Fault::always(operation, "", 5).nth(1 + self.random.below(10));
        self.world.servers[&server].disk.fail(if self.random.chance(30) { fault.short() } else { fault });
    }

    /// Makes a server a member, a learner or neither; or swaps it for another in one step.
    fn change_members(&mut self, server: u64) {
        let Some(leader) = self.world.leader() else { return };
        let kinds = [ConfChangeType::AddNode, ConfChangeType::RemoveNode, ConfChangeType::AddLearnerNode];
        let kind = kinds[usize::try_from(self.random.below(3)).unwrap()];
        let voters = self.world.node(leader).status().voters;
        if server == leader || (kind != ConfChangeType::AddNode && voters.len() <= 2) {
            return;
        }
        let mut changes = vec![(kind, server)];
        if kind == ConfChangeType::RemoveNode && self.random.chance(50) {
            let other = (1..=N_SERVERS).find(|other| !voters.iter().any(|voter| voter.0 == *other));
            changes.extend(other.map(|other| (ConfChangeType::AddNode, other)));
        }
        let node = self.world.node(leader).clone();
        let _changing = tokio::spawn(async move { node.change_members(change(&changes)).await });
    }

    /// Makes all servers voters.
    async fn gather(&mut self) -> Outcome {
        let mut last = String::new();
        for _ in 0..200 {
            let leader = self.world.elect_among_members().await;
            let voters = self.world.node(leader).status().voters;
            if voters.len() as u64 == N_SERVERS {
                return Ok(());
            }
            let missing = (1..=N_SERVERS).find(|server| !voters.iter().any(|voter| voter.0 == *server));
            if let Some(missing) = missing {
                let change = change(&[(ConfChangeType::AddNode, missing)]);
                // Refused while another change is under way.
                let changed = self.world.node(leader).change_members(change).await;
                last = format!("adding {missing}: {changed:?} of {:?}", self.world.node(leader).status());
            }
            pause(500).await;
        }
        Err(format!("the members cannot be changed at the end: {last}"))
    }

    fn snapshot(&mut self, server: u64) {
        let server = &self.world.servers[&server];
        let Ok(checkpoint) = server.node.checkpoint(false) else { return };
        let applied = server.applied.lock().unwrap().clone();
        if applied.index == checkpoint.index() {
            let _installing = tokio::spawn(checkpoint.install(applied.encode()));
        }
    }

    /// Everything that was applied since the last look agrees with what others applied, in order and once.
    fn check(&mut self, server: u64) -> Outcome {
        let applied = self.world.applied(server);
        let mut last = 0;
        for (number, apply) in applied.given.iter().enumerate() {
            let Some(index) = apply.index() else { continue };
            let is_snapshot = matches!(apply, Apply::Snapshot { .. });
            // One that was asked for may be of the last entry.
            let is_behind = index > last || (is_snapshot && index == last);
            expect(is_behind, format!("server {server} was given {index} after {last}"))?;
            let is_next = index == last + 1 || is_snapshot;
            expect(is_next, format!("server {server} was given {index} after {last}: a hole"))?;
            last = index;
            if let (Apply::Entry { term, data, .. }, true) =
                (apply, number >= self.n_checked.get(&server).copied().unwrap_or(0))
            {
                let agreed = self.agreed.entry(index).or_insert_with(|| (*term, data.clone()));
                expect(*agreed == (*term, data.clone()), format!("two entries at {index}: on {server} and before"))?;
            }
        }
        self.n_checked.insert(server, applied.given.len());
        Ok(())
    }

    /// Ends the faults, and waits until everybody has everything.
    async fn quiesce(&mut self) -> Outcome {
        self.world.wire.heal();
        self.world.wire.set_weather(FAIR);
        for server in 1..=N_SERVERS {
            self.world.servers[&server].disk.heal();
            if self.world.node(server).status().role == Role::Closed {
                self.world.stop(server).await;
                self.n_checked.remove(&server);
                self.world.start(server).await.map_err(|error| format!("server {server} does not start: {error}"))?;
            }
        }
        // What was on its way may still take the first leader, or a member.
        let mut last = None;
        for _ in 0..20 {
            self.gather().await?;
            self.world.elect().await;
            last = self.world.write("the last").await;
            let n_voters = self.world.leader().map(|leader| self.world.node(leader).status().voters.len());
            if last.is_some() && n_voters == Some(N_SERVERS as usize) {
                break;
            }
            pause(1000).await;
        }
        let last = last.ok_or("no write at the end")?;
        let leader = self.world.elect().await;
        for server in 1..=N_SERVERS {
            let applies = self.world.applies(server, last, Duration::from_secs(30)).await;
            let (own, leading) = (self.world.node(server).status(), self.world.node(leader).status());
            expect(applies, format!("server {server} does not catch up to {last}: {own:?} behind {leading:?}"))?;
            self.check(server)?;
        }
        let state = self.world.applied(leader).data;
        for server in 1..=N_SERVERS {
            expect(self.world.applied(server).data == state, format!("server {server} has another state"))?;
        }
        let kept: BTreeSet<Bytes> = state.into_iter().map(|(_, data)| data).collect();
        let lost = self.acknowledged.lock().unwrap().difference(&kept).count();
        expect(lost == 0, format!("{lost} acknowledged proposals are lost"))?;
        one_leader_per_term(&self.world.wire.all_sent())?;
        one_vote_per_term(&self.world.wire.all_sent())?;
        entries_follow_their_index(&self.world.wire.all_sent())
    }
}

fn change(changes: &[(ConfChangeType, u64)]) -> ConfChangeV2 {
    let mut change = ConfChangeV2::default();
    for (kind, server) in changes {
        let mut single = ConfChangeSingle { node_id: *server, ..ConfChangeSingle::default() };
        single.set_change_type(*kind);
        change.mut_changes().push(single);
    }
    change
}

fn one_leader_per_term(messages: &[Message]) -> Outcome {
    let mut leaders = BTreeMap::new();
    for message in messages {
        if matches!(
            message.get_msg_type(),
            MessageType::MsgAppend | MessageType::MsgHeartbeat | MessageType::MsgSnapshot
        ) {
            let leader = *leaders.entry(message.term).or_insert(message.from);
            expect(leader == message.from, format!("two leaders in term {}", message.term))?;
        }
    }
    Ok(())
}

fn one_vote_per_term(messages: &[Message]) -> Outcome {
    let mut votes = BTreeMap::new();
    for message in messages {
        let vote = match message.get_msg_type() {
            MessageType::MsgRequestVote => message.from,
            MessageType::MsgRequestVoteResponse if !message.reject => message.to,
            _ => continue,
        };
        let voted = *votes.entry((message.from, message.term)).or_insert(vote);
        expect(voted == vote, format!("server {} voted twice in term {}", message.from, message.term))?;
    }
    Ok(())
}

/// Raft builds appends that do not, and the receiver's refusal would hide that they are sent.
fn entries_follow_their_index(messages: &[Message]) -> Outcome {
    let appends = messages.iter().filter(|message| message.get_msg_type() == MessageType::MsgAppend);
    for append in appends {
        let follows = (append.index + 1..).zip(append.entries.iter()).all(|(index, entry)| entry.index == index);
        expect(follows, format!("server {} sends entries that do not follow {}", append.from, append.index))?;
    }
    Ok(())
}

async fn run(seed: u64) -> Result<(u64, usize), String> {
    let mut run = Run::new(seed).await?;
    for _ in 0..N_STEPS {
        run.step().await?;
    }
    run.quiesce().await?;
    let n_acknowledged = run.acknowledged.lock().unwrap().len();
    Ok((run.n_proposed, n_acknowledged))
}

/// Seeds of one test: they are divided among some, which run side by side.
fn seeds(part: u64) -> Vec<u64> {
    let number = |name: &str| std::env::var(name).ok().and_then(|value| value.parse().ok());
    if let Some(seed) = number("INTERLOCK_SEED") {
        return if part == 0 { vec![seed] } else { Vec::new() };
    }
    let n_seeds = if std::env::var("INTERLOCK_SCALE").as_deref() == Ok("full") { 2000 } else { 200 };
    (0..n_seeds).filter(|seed| seed % N_PARTS == part).collect()
}

const N_PARTS: u64 = 4;

fn run_part(part: u64) {
    let (mut n_proposed, mut n_acknowledged) = (0, 0);
    for seed in seeds(part) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let (proposed, acknowledged) =
            runtime.block_on(run(seed)).unwrap_or_else(|symptom| panic!("seed {seed}: {symptom}"));
        n_proposed += proposed;
        n_acknowledged += acknowledged;
    }
    if seeds(part).len() > 1 {
        assert!(n_acknowledged as u64 * 4 > n_proposed, "only {n_acknowledged} of {n_proposed} were acknowledged");
    }
}

#[test]
fn seeded_faults_0() {
    run_part(0);
}

#[test]
fn seeded_faults_1() {
    run_part(1);
}

#[test]
fn seeded_faults_2() {
    run_part(2);
}

#[test]
fn seeded_faults_3() {
    run_part(3);
}

/// The same seed does the same, to the last message.
#[test]
fn a_seed_replays() {
    let messages = |seed| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let mut run = Run::new(seed).await.unwrap();
            for _ in 0..N_STEPS {
                run.step().await.unwrap();
            }
            run.world.wire.all_sent()
        })
    };
    assert!(messages(4) == messages(4), "two runs of a seed differ");
}
