//! The ledger's rules in memory: what `src/ledger/claims.rs` does, and quickly.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use bellkeeper::{
    job::{JobName, Outcome, Pause, RunId, Slot, Trigger},
    ledger::{Claim, Decision, Known, LostRun, Registration, Waiting},
};
use jiff::Timestamp;

/// What is known of a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Waiting,
    Claimed,
    Ended,
    Skipped,
    Lost,
}

#[derive(Debug)]
struct Row {
    state: State,
    owner: i64,
    fence: i64,
    attempt: u32,
    run: Option<i64>,
}

#[derive(Debug)]
struct Run {
    slot: Slot,
    owner: i64,
    fence: i64,
    outcome: Option<Outcome>,
}

/// The right to write about a claimed slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) run: i64,
    fence: i64,
    owner: i64,
}

/// All slots of a job in one lane, by instant.
type Lane = BTreeMap<Timestamp, Row>;

#[derive(Debug, Default)]
pub(super) struct Model {
    instances: i64,
    jobs: HashMap<JobName, (String, Timestamp, Timestamp)>,
    pauses: HashMap<JobName, Pause>,
    /// The lane of the schedule.
    lanes: HashMap<JobName, Lane>,
    by_hand: HashMap<Slot, Row>,
    /// Slots that are lost or wait: instant, job, lane.
    open: BTreeSet<(Timestamp, JobName, String)>,
    runs: Vec<Run>,
    unfinished: BTreeSet<i64>,
    succeeded: HashMap<JobName, Timestamp>,
}

impl Model {
    pub(super) fn begin(&mut self) -> i64 {
        self.instances += 1;
        self.instances
    }

    /// How many runs died, and the slots that are left open.
    pub(super) fn recover(&mut self, me: i64) -> (usize, Vec<LostRun>) {
        let dead: Vec<i64> = self
            .unfinished
            .iter()
            .copied()
            .filter(|run| self.runs[*run as usize - 1].owner != me)
            .collect();
        for run in &dead {
            let run = &mut self.runs[*run as usize - 1];
            run.outcome = Some(Outcome::Lost);
            let slot = run.slot.clone();
            if self
                .row_mut(&slot)
                .is_some_and(|row| row.state == State::Claimed)
            {
                self.set(&slot, State::Lost);
            }
        }
        self.unfinished.retain(|run| !dead.contains(run));
        let open = self.open.iter().map(|(at, job, scope)| {
            let slot = Slot {
                job: job.clone(),
                at: *at,
                scope: scope.clone(),
            };
            LostRun {
                run: self.row(&slot).and_then(|row| row.run).map(RunId),
                job: slot.job,
                slot: slot.at,
                scope: slot.scope,
            }
        });
        (dead.len(), open.collect())
    }

    pub(super) fn register(&mut self, jobs: &[Registration], now: Timestamp) -> Vec<Known> {
        let now = whole(now);
        jobs.iter().map(|job| self.register_one(job, now)).collect()
    }

    /// Jobs that are not among these owe nothing from now on.
    pub(super) fn retire_others(&mut self, jobs: &[Registration]) {
        for (name, row) in &mut self.jobs {
            if jobs.iter().all(|job| job.job != *name) {
                row.0.clear();
            }
        }
    }

    fn register_one(&mut self, job: &Registration, now: Timestamp) -> Known {
        let (anchor, since) = match self.jobs.get(&job.job) {
            Some((schedule, anchor, since)) if *schedule == job.schedule => {
                (*anchor, now.min(*since))
            }
            known => {
                let anchor = known.map_or(now, |(_, anchor, _)| *anchor);
                let row = (job.schedule.clone(), anchor, now);
                self.jobs.insert(job.job.clone(), row);
                (anchor, now)
            }
        };
        let lane = self.lanes.get(&job.job);
        let newest = lane.and_then(|lane| lane.last_key_value());
        Known {
            anchor,
            decided_until: newest.map_or(since, |(at, _)| since.max(*at)),
            succeeded: self.succeeded.get(&job.job).copied().filter(|_| job.needed),
            pause: self.pauses.get(&job.job).copied(),
        }
    }

    pub(super) fn set_anchor(&mut self, job: &JobName, anchor: Timestamp) {
        if let Some(row) = self.jobs.get_mut(job) {
            row.1 = anchor;
        }
    }

    pub(super) fn pause(&mut self, job: &JobName, pause: Option<Pause>) {
        match pause {
            Some(pause) => drop(self.pauses.insert(job.clone(), pause)),
            None => drop(self.pauses.remove(job)),
        }
    }

    pub(super) fn decide(
        &mut self,
        me: i64,
        decisions: &[Decision],
        waiting: &[Waiting],
    ) -> Vec<Option<(i64, Option<Token>)>> {
        for waiting in waiting {
            self.wait_one(me, &waiting.slot);
        }
        let each = decisions.iter().map(|decision| match decision {
            Decision::Run(claim) => self.claim_one(me, claim),
            Decision::Skip { slot, .. } => self.skip_one(me, slot),
        });
        each.collect()
    }

    fn wait_one(&mut self, me: i64, slot: &Slot) {
        match self.row(slot).map(|row| row.state) {
            None => self.insert(slot, State::Waiting, me, 0),
            Some(State::Lost) => self.set(slot, State::Waiting),
            Some(_) => {}
        }
    }

    fn claim_one(&mut self, me: i64, claim: &Claim) -> Option<(i64, Option<Token>)> {
        let slot = &claim.slot;
        match self.row(slot).map(|row| (row.state, row.attempt)) {
            None => {
                self.insert(slot, State::Claimed, me, 1);
                if let Some(row) = self.row_mut(slot) {
                    row.attempt = 1;
                }
            }
            Some((State::Lost | State::Waiting, attempt)) if attempt < claim.max_claims => {
                self.set(slot, State::Claimed);
                if let Some(row) = self.row_mut(slot) {
                    row.owner = me;
                    row.fence += 1;
                    row.attempt += 1;
                }
            }
            Some((State::Lost | State::Waiting, _)) => {
                self.set(slot, State::Ended);
                return None;
            }
            Some(_) => return None,
        }
        let fence = self.row(slot).map_or(0, |row| row.fence);
        let run = self.run(slot, me, fence, None);
        self.unfinished.insert(run);
        let owner = me;
        Some((run, Some(Token { run, fence, owner })))
    }

    fn skip_one(&mut self, me: i64, slot: &Slot) -> Option<(i64, Option<Token>)> {
        match self.row(slot).map(|row| row.state) {
            None => self.insert(slot, State::Skipped, me, 1),
            Some(State::Lost | State::Waiting) => self.set(slot, State::Skipped),
            Some(_) => return None,
        }
        Some((self.run(slot, me, 1, Some(Outcome::Skipped)), None))
    }

    fn run(&mut self, slot: &Slot, owner: i64, fence: i64, outcome: Option<Outcome>) -> i64 {
        let slot = slot.clone();
        self.runs.push(Run {
            slot: slot.clone(),
            owner,
            fence,
            outcome,
        });
        let run = self.runs.len() as i64;
        if let Some(row) = self.row_mut(&slot) {
            row.run = Some(run);
        }
        run
    }

    /// Whether the end was written.
    pub(super) fn finish(&mut self, token: Token, outcome: Outcome) -> bool {
        let Some(run) = self.runs.get_mut(token.run as usize - 1) else {
            return false;
        };
        let ours = (run.fence, run.owner) == (token.fence, token.owner);
        if !ours || run.outcome.is_some() {
            return false;
        }
        run.outcome = Some(outcome);
        let slot = run.slot.clone();
        self.unfinished.remove(&token.run);
        if self
            .row(&slot)
            .is_some_and(|row| (row.fence, row.owner) == (token.fence, token.owner))
        {
            self.set(&slot, State::Ended);
        }
        if outcome == Outcome::Succeeded {
            let newest = self.succeeded.entry(slot.job).or_insert(slot.at);
            *newest = slot.at.max(*newest);
        }
        true
    }

    fn row(&self, slot: &Slot) -> Option<&Row> {
        if slot.scope.is_empty() {
            self.lanes.get(&slot.job)?.get(&slot.at)
        } else {
            self.by_hand.get(slot)
        }
    }

    fn row_mut(&mut self, slot: &Slot) -> Option<&mut Row> {
        if slot.scope.is_empty() {
            self.lanes.get_mut(&slot.job)?.get_mut(&slot.at)
        } else {
            self.by_hand.get_mut(slot)
        }
    }

    fn insert(&mut self, slot: &Slot, state: State, owner: i64, fence: i64) {
        let row = Row {
            state,
            owner,
            fence,
            attempt: 0,
            run: None,
        };
        if slot.scope.is_empty() {
            let lane = self.lanes.entry(slot.job.clone()).or_default();
            lane.insert(slot.at, row);
        } else {
            self.by_hand.insert(slot.clone(), row);
        }
        self.set(slot, state);
    }

    fn set(&mut self, slot: &Slot, state: State) {
        if let Some(row) = self.row_mut(slot) {
            row.state = state;
        }
        let key = (slot.at, slot.job.clone(), slot.scope.clone());
        if matches!(state, State::Lost | State::Waiting) {
            self.open.insert(key);
        } else {
            self.open.remove(&key);
        }
    }

    /// Whether a slot of the schedule has a row.
    pub(super) fn knows(&self, job: &JobName, at: Timestamp) -> bool {
        let lane = self.lanes.get(job);
        lane.is_some_and(|lane| lane.contains_key(&at))
    }

    pub(super) fn state(&self, slot: &Slot) -> Option<State> {
        self.row(slot).map(|row| row.state)
    }

    /// The first slot of the schedule after `at` that has a row.
    pub(super) fn next_row(&self, job: &JobName, at: Timestamp) -> Option<Timestamp> {
        let after = (std::ops::Bound::Excluded(at), std::ops::Bound::Unbounded);
        let lane = self.lanes.get(job)?;
        lane.range(after).next().map(|(at, _)| *at)
    }

    /// The newest runs that ended badly, as slots with the numbers of their runs.
    pub(super) fn failed(&self) -> Vec<(Slot, RunId)> {
        let newest = self.runs.iter().enumerate().rev().take(50);
        let failed = newest.filter(|(_, run)| run.outcome == Some(Outcome::Failed));
        failed
            .map(|(index, run)| (run.slot.clone(), RunId(index as i64 + 1)))
            .collect()
    }

    /// Every run with its outcome, oldest first.
    pub(super) fn outcomes(&self) -> Vec<(JobName, Timestamp, Option<Outcome>)> {
        let runs = self.runs.iter();
        runs.map(|run| (run.slot.job.clone(), run.slot.at, run.outcome))
            .collect()
    }
}

/// The whole second that the ledger keeps of an instant.
fn whole(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second()).unwrap()
}

/// Whether a person asked for a run.
pub(super) fn by_person(trigger: Trigger) -> bool {
    matches!(trigger, Trigger::Manual | Trigger::Retry)
}
