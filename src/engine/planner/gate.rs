//! Who may go in: locks, room, and the jobs that must have succeeded first.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap, HashSet, hash_map::Entry};

use super::{Action, JobIx, Planner, Ticket, state::Stage};
use crate::job::{JobName, LockName, Trigger};

/// Locks, room and who waits for them.
#[derive(Debug, Default)]
pub(super) struct Gate {
    /// How many runs may be inside; those that a person asked for do not count.
    pub(super) max_running: Option<usize>,
    running: usize,
    held: HashMap<LockName, Ticket>,
    /// By priority, then in the order of tickets.
    waiting: BTreeSet<(Reverse<i32>, Ticket)>,
    /// Who has come since the gate was last opened.
    fresh: Vec<Ticket>,
}

/// What keeps a run out.
enum Obstacle<'a> {
    /// Nothing starts for a while.
    Held,
    /// So many are inside, the most allowed.
    Room(usize),
    /// Another caught-up run is going on.
    Turn,
    /// Somebody holds this lock, or somebody ahead wants it.
    Lock(&'a LockName),
}

impl Planner {
    /// Puts a live run at the gate; [`Self::open_gate`] lets it in when it can.
    pub(super) fn queue_at_gate(&mut self, ticket: Ticket) {
        let Some(live) = self.live.get_mut(&ticket) else {
            return;
        };
        live.stage = Stage::Ready;
        live.note.clear();
        let priority = Reverse(live.spec.policy.priority);
        self.gate.waiting.insert((priority, ticket));
        self.gate.fresh.push(ticket);
    }

    /// Takes a run away from the gate, whether it waits there or is inside.
    pub(super) fn leave_gate(&mut self, ticket: Ticket) {
        let Some(live) = self.live.get_mut(&ticket) else {
            return;
        };
        let priority = Reverse(live.spec.policy.priority);
        self.gate.waiting.remove(&(priority, ticket));
        if !std::mem::take(&mut live.inside) {
            return;
        }
        if !live.pending.by_person() {
            self.gate.running = self.gate.running.saturating_sub(1);
        }
        for lock in &live.spec.policy.locks {
            if let Entry::Occupied(held) = self.gate.held.entry(lock.clone())
                && *held.get() == ticket
            {
                held.remove();
            }
        }
    }

    /// Lets in who can go; the others are told once what they wait for.
    pub(super) fn open_gate(&mut self, actions: &mut Vec<Action>) {
        if !self.draining {
            // What somebody ahead waits for is not given to those behind, or he would wait for ever.
            let mut wanted = HashSet::new();
            let waiting: Vec<Ticket> = self
                .gate
                .waiting
                .iter()
                .map(|(_, ticket)| *ticket)
                .collect();
            for ticket in waiting {
                let Some(obstacle) = self.obstacle(ticket, &wanted) else {
                    self.go_in(ticket, actions);
                    continue;
                };
                let is_lock = matches!(obstacle, Obstacle::Lock(_));
                // Thousands may wait, and each would be put into words whenever one goes in.
                let is_new = self
                    .live
                    .get(&ticket)
                    .is_some_and(|live| live.note.is_empty());
                let note = is_new.then(|| self.words(&obstacle));
                if let Some(live) = self.live.get_mut(&ticket) {
                    live.note = note.unwrap_or(std::mem::take(&mut live.note));
                    if is_lock {
                        wanted.extend(live.spec.policy.locks.iter().cloned());
                    }
                }
            }
        }
        for ticket in std::mem::take(&mut self.gate.fresh) {
            self.tell_waiting(ticket, actions);
        }
    }

    /// What keeps a run out; `wanted` are locks that somebody ahead waits for.
    fn obstacle<'a>(&'a self, ticket: Ticket, wanted: &HashSet<LockName>) -> Option<Obstacle<'a>> {
        let live = self.live.get(&ticket)?;
        if self.held {
            return Some(Obstacle::Held);
        }
        if let Some(max) = self.gate.max_running
            && self.gate.running >= max
            && !live.pending.by_person()
        {
            return Some(Obstacle::Room(max));
        }
        if live.pending.trigger == Trigger::CatchUp
            && self.catching_up.is_some_and(|other| other != ticket)
        {
            return Some(Obstacle::Turn);
        }
        let mut locks = live.spec.policy.locks.iter();
        locks
            .find(|lock| self.gate.held.contains_key(lock) || wanted.contains(lock))
            .map(Obstacle::Lock)
    }

    /// What a run at the gate waits for, as things are now.
    pub(super) fn note_at_gate(&self, ticket: Ticket) -> Option<String> {
        self.obstacle(ticket, &HashSet::new())
            .map(|obstacle| self.words(&obstacle))
    }

    fn words(&self, obstacle: &Obstacle<'_>) -> String {
        match obstacle {
            Obstacle::Held => "waits for the end of a restore".to_owned(),
            Obstacle::Room(max) => {
                format!("waits for room: {max} runs are at work, the most allowed")
            }
            Obstacle::Turn => "waits for the end of the caught-up run before it".to_owned(),
            Obstacle::Lock(lock) => {
                let holder = self.gate.held.get(*lock);
                match holder.and_then(|holder| self.live.get(holder)) {
                    Some(holder) => {
                        let job = holder.pending.job();
                        format!("waits for the lock `{lock}`: `{job}` holds it")
                    }
                    None => format!("waits for the lock `{lock}`: somebody ahead wants it"),
                }
            }
        }
    }

    fn go_in(&mut self, ticket: Ticket, actions: &mut Vec<Action>) {
        let Some(live) = self.live.get_mut(&ticket) else {
            return;
        };
        live.stage = Stage::Running;
        live.inside = true;
        let priority = Reverse(live.spec.policy.priority);
        self.gate.waiting.remove(&(priority, ticket));
        if !live.pending.by_person() {
            self.gate.running += 1;
        }
        if live.pending.trigger == Trigger::CatchUp {
            self.catching_up = Some(ticket);
        }
        for lock in &live.spec.policy.locks {
            self.gate.held.insert(lock.clone(), ticket);
        }
        actions.push(if live.claimed {
            Action::Attempt {
                ticket,
                attempt: live.attempt,
            }
        } else {
            live.claimed = true;
            super::start(&live.pending)
        });
    }

    /// Tells what a run waits for, if it still does.
    pub(super) fn tell_waiting(&self, ticket: Ticket, actions: &mut Vec<Action>) {
        let Some(live) = self.live.get(&ticket) else {
            return;
        };
        if matches!(live.stage, Stage::Ready | Stage::Needs) {
            actions.push(Action::Wait {
                ticket,
                slot: live.pending.slot.clone(),
                note: live.note.clone(),
                keep: !live.claimed && !live.pending.by_person(),
            });
        }
    }

    /// The jobs that have not succeeded since the slot before this run's.
    pub(super) fn unmet(&self, ticket: Ticket) -> Vec<JobName> {
        let Some(live) = self.live.get(&ticket) else {
            return Vec::new();
        };
        let scheduled = matches!(live.pending.trigger, Trigger::Schedule | Trigger::CatchUp);
        if live.spec.policy.needs.is_empty() || live.spec.schedules.is_empty() || !scheduled {
            return Vec::new();
        }
        let at = live.pending.slot.at;
        let anchor = self.job(live.pending.job()).map_or(at, |job| job.anchor);
        let since = live
            .spec
            .previous(at, anchor)
            .unwrap_or(jiff::Timestamp::MIN);
        let missing = |need: &&JobName| {
            self.succeeded
                .get(*need)
                .is_none_or(|newest| *newest <= since)
        };
        let needs = live.spec.policy.needs.iter();
        needs.filter(missing).cloned().collect()
    }

    /// A live run waits for its needs, or goes to the gate when they are met.
    pub(super) fn look_at_needs(&mut self, ticket: Ticket) {
        let unmet = self.unmet(ticket);
        if unmet.is_empty() {
            self.queue_at_gate(ticket);
        } else if let Some(live) = self.live.get_mut(&ticket) {
            let names: Vec<String> = unmet.iter().map(|name| format!("`{name}`")).collect();
            live.note = format!("waits for the success of {}", names.join(", "));
            live.stage = Stage::Needs;
            self.gate.fresh.push(ticket);
        }
    }

    /// A job has succeeded for its slot `at`: who needed that may go on.
    pub(super) fn note_success(
        &mut self,
        job: &JobName,
        at: jiff::Timestamp,
        actions: &mut Vec<Action>,
    ) {
        let Some(dependants) = self.dependants.get(job).cloned() else {
            return;
        };
        let newest = self.succeeded.entry(job.clone()).or_insert(at);
        *newest = at.max(*newest);
        for dependant in dependants {
            self.needed_job_succeeded(dependant, actions);
        }
    }

    fn needed_job_succeeded(&mut self, job: JobIx, actions: &mut Vec<Action>) {
        let Some(state) = self.jobs.get(job) else {
            return;
        };
        if !state.spec.is_after_others() {
            for ticket in state.live.clone() {
                if self
                    .live
                    .get(&ticket)
                    .is_some_and(|live| live.stage == Stage::Needs)
                {
                    self.look_at_needs(ticket);
                }
            }
            return;
        }
        let may_start = self.started && !self.draining;
        if let Some(at) = self.due_after_others(job).filter(|_| may_start)
            && let Some(slot) = self.decide_slot(job, at)
        {
            let pending = self.pending(slot, Trigger::After, 0);
            self.admit(pending, actions);
        }
    }

    /// The slot of a job that runs after others, when all of them have succeeded since its last
    /// one: the newest of theirs.
    pub(super) fn due_after_others(&self, job: JobIx) -> Option<jiff::Timestamp> {
        let state = self.jobs.get(job)?;
        if !state.spec.policy.enabled || !state.spec.is_after_others() {
            return None;
        }
        let mut newest = jiff::Timestamp::MIN;
        for need in &state.spec.policy.needs {
            let at = *self.succeeded.get(need)?;
            if at <= state.cursor.wall {
                return None;
            }
            newest = newest.max(at);
        }
        Some(newest)
    }
}
