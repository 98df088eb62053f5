//! Claims: who may run a slot, decided once, in one transaction for all slots of an instant.

use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Transaction, params};
use serde_json::Value;

use super::{Durability, Error, Instance, Ledger, millis};
use crate::words::{Outcome, RunId, Slot, Trigger};

/// The wish to run a slot.
#[derive(Debug, Clone)]
pub struct Claim {
    /// The slot.
    pub slot: Slot,
    /// Why the run would exist.
    pub trigger: Trigger,
    /// How many earlier slots it stands for.
    pub missed: u32,
    /// How long the claim holds before others may doubt it.
    pub lease: Duration,
    /// A lost slot is given out again only while fewer claims than this were made of it.
    pub max_claims: u32,
}

/// What is decided of one slot.
#[derive(Debug, Clone)]
pub enum Decision {
    /// It shall run.
    Run(Claim),
    /// It shall not.
    Skip {
        /// The slot.
        slot: Slot,
        /// Why the run would have existed.
        trigger: Trigger,
        /// Why it does not.
        reason: String,
    },
}

/// A slot that is due and waits for its turn; a crash does not forget it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// The slot.
    pub slot: Slot,
    /// What it waits for.
    pub note: String,
}

/// The right to write about a claimed slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fence {
    run: RunId,
    token: i64,
    owner: i64,
}

impl Fence {
    /// The run that the claim made.
    pub fn run(&self) -> RunId {
        self.run
    }
}

/// What became of a decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claimed {
    /// The run that stands for it in the history.
    pub run: RunId,
    /// The right to go on; `None` for a skip.
    pub fence: Option<Fence>,
}

/// The end of a run.
#[derive(Debug, Clone)]
pub struct Ended {
    /// The right to write it.
    pub fence: Fence,
    /// How it ended.
    pub outcome: Outcome,
    /// Why, unless it succeeded.
    pub reason: Option<String>,
    /// How many attempts there were.
    pub attempts: u32,
    /// What it reported.
    pub report: Option<Value>,
    /// When.
    pub at: Timestamp,
}

/// An attempt that failed and will be repeated.
#[derive(Debug, Clone)]
pub struct FailedAttempt {
    /// The right to write it.
    pub fence: Fence,
    /// Which attempt, from 1.
    pub attempt: u32,
    /// Why it failed.
    pub error: String,
}

impl Ledger {
    /// Decides slots and keeps those that wait, all in one transaction. `None` where the slot had
    /// been decided before; one that waits has not.
    ///
    /// # Errors
    /// [`Error::Statement`]; then nothing is decided.
    pub fn decide(
        &self,
        me: Instance,
        decisions: &[Decision],
        waiting: &[Waiting],
    ) -> Result<Vec<Option<Claimed>>, Error> {
        let now = millis(self.clock.now());
        self.write("claim slots", Durability::Full, |tx| {
            waiting
                .iter()
                .try_for_each(|waiting| wait_one(tx, me, now, waiting))?;
            decisions
                .iter()
                .map(|decision| decide_one(tx, me, now, decision))
                .collect()
        })
    }

    /// The first second from that of `slot` on after which nothing of its job and lane is decided.
    ///
    /// # Errors
    /// [`Error::Statement`].
    pub fn free_from(&self, slot: &Slot) -> Result<Timestamp, Error> {
        let Slot { job, at, scope } = slot;
        let last: Option<i64> = self
            .lock()
            .prepare_cached("SELECT max(at) FROM slots WHERE job = ?1 AND scope = ?2 AND at >= ?3")
            .and_then(|mut select| {
                select.query_row(params![job.as_str(), scope, at.as_second()], |row| {
                    row.get(0)
                })
            })
            .map_err(self.failed("find a free second"))?;
        let free = last.and_then(|last| Timestamp::from_second(last.checked_add(1)?).ok());
        Ok(free.unwrap_or(*at))
    }

    /// Says that `me` is alive and prolongs its claims, all in one transaction. False where the
    /// fence is old: that claim is not ours any more.
    ///
    /// # Errors
    /// [`Error::Statement`].
    pub fn renew(&self, me: Instance, claims: &[(Fence, Duration)]) -> Result<Vec<bool>, Error> {
        let now = millis(self.clock.now());
        self.write("renew claims", Durability::Normal, |tx| {
            tx.prepare_cached("UPDATE instances SET alive_at = ?1 WHERE id = ?2")?
                .execute(params![now, me.0])?;
            let renew = |(fence, lease): &(Fence, Duration)| {
                let until = lease_end(now, *lease);
                tx.prepare_cached(
                    "UPDATE slots SET lease_until = ?4 FROM runs
                     WHERE runs.id = ?1 AND slots.job = runs.job AND slots.scope = runs.scope
                       AND slots.at = runs.slot AND slots.fence = ?2 AND slots.owner = ?3
                       AND slots.state = 'claimed'",
                )?
                .execute(params![fence.run.0, fence.token, fence.owner, until])
                .map(|changed| changed == 1)
            };
            claims.iter().map(renew).collect()
        })
    }

    /// Ends runs, all in one transaction. False where the fence is old: then nothing was written.
    ///
    /// # Errors
    /// [`Error::Statement`]; then nothing was written.
    pub fn finish(&self, ends: &[Ended]) -> Result<Vec<bool>, Error> {
        self.write("finish runs", Durability::Normal, |tx| {
            ends.iter().map(|end| finish_one(tx, end)).collect()
        })
    }

    /// Records attempts that will be repeated.
    ///
    /// # Errors
    /// [`Error::Statement`].
    pub fn attempt_failed(&self, attempt: &FailedAttempt) -> Result<(), Error> {
        let now = millis(self.clock.now());
        self.write("record an attempt", Durability::Normal, |tx| {
            tx.prepare_cached(
                "INSERT OR IGNORE INTO attempts (run, attempt, ended_at, error)
                 SELECT ?1, ?2, ?3, ?4 FROM runs WHERE id = ?1 AND fence = ?5 AND owner = ?6",
            )?
            .execute(params![
                attempt.fence.run.0,
                attempt.attempt,
                now,
                attempt.error,
                attempt.fence.token,
                attempt.fence.owner
            ])
            .map(|_| ())
        })
    }
}

fn lease_end(now: i64, lease: Duration) -> i64 {
    now.saturating_add(i64::try_from(lease.as_millis()).unwrap_or(i64::MAX))
}

fn decide_one(
    tx: &Transaction<'_>,
    me: Instance,
    now: i64,
    decision: &Decision,
) -> rusqlite::Result<Option<Claimed>> {
    match decision {
        Decision::Run(claim) => claim_one(tx, me, now, claim),
        Decision::Skip {
            slot,
            trigger,
            reason,
        } => skip_one(tx, me, now, slot, *trigger, reason),
    }
}

fn claim_one(
    tx: &Transaction<'_>,
    me: Instance,
    now: i64,
    claim: &Claim,
) -> rusqlite::Result<Option<Claimed>> {
    let Slot { job, at, scope } = &claim.slot;
    let until = lease_end(now, claim.lease);
    let token: Option<i64> = tx
        .prepare_cached(
            "INSERT INTO slots (job, at, scope, state, owner, fence, attempt, lease_until)
             VALUES (?1, ?2, ?3, 'claimed', ?4, 1, 1, ?5)
             ON CONFLICT (job, scope, at) DO UPDATE
                 SET state = 'claimed', owner = ?4, fence = fence + 1, attempt = attempt + 1,
                     lease_until = ?5
                 WHERE state IN ('lost', 'waiting') AND attempt < ?6
             RETURNING fence",
        )?
        .query_row(
            params![
                job.as_str(),
                at.as_second(),
                scope,
                me.0,
                until,
                claim.max_claims
            ],
            |row| row.get(0),
        )
        .optional()?;
    let Some(token) = token else {
        give_up_lost(tx, claim)?;
        return Ok(None);
    };
    let run = tx
        .prepare_cached(
            "INSERT INTO runs (job, slot, scope, trigger, missed, owner, fence, attempts, started_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 0, ?8)",
        )?
        .insert(params![
            job.as_str(),
            at.as_second(),
            scope,
            claim.trigger.as_str(),
            claim.missed,
            me.0,
            token,
            now
        ])?;
    let fence = Fence {
        run: RunId(run),
        token,
        owner: me.0,
    };
    Ok(Some(Claimed {
        run: RunId(run),
        fence: Some(fence),
    }))
}

/// A lost slot that has used up its claims is not offered again.
fn give_up_lost(tx: &Transaction<'_>, claim: &Claim) -> rusqlite::Result<()> {
    let Slot { job, at, scope } = &claim.slot;
    tx.prepare_cached(
        "UPDATE slots SET state = 'ended'
         WHERE job = ?1 AND at = ?2 AND scope = ?3 AND state IN ('lost', 'waiting')",
    )?
    .execute(params![job.as_str(), at.as_second(), scope])
    .map(|_| ())
}

fn skip_one(
    tx: &Transaction<'_>,
    me: Instance,
    now: i64,
    slot: &Slot,
    trigger: Trigger,
    reason: &str,
) -> rusqlite::Result<Option<Claimed>> {
    let Slot { job, at, scope } = slot;
    let inserted = tx
        .prepare_cached(
            "INSERT INTO slots (job, at, scope, state, owner, fence, attempt, lease_until)
             VALUES (?1, ?2, ?3, 'skipped', ?4, 1, 0, ?5)
             ON CONFLICT (job, scope, at) DO UPDATE SET state = 'skipped'
                 WHERE state IN ('lost', 'waiting')",
        )?
        .execute(params![job.as_str(), at.as_second(), scope, me.0, now])?;
    if inserted == 0 {
        return Ok(None);
    }
    let run = tx
        .prepare_cached(
            "INSERT INTO runs (job, slot, scope, trigger, missed, owner, fence, attempts,
                 started_at, finished_at, outcome, reason)
             VALUES (?1, ?2, ?3, ?4, 0, ?5, 1, 0, ?6, ?6, 'skipped', ?7)",
        )?
        .insert(params![
            job.as_str(),
            at.as_second(),
            scope,
            trigger.as_str(),
            me.0,
            now,
            reason
        ])?;
    Ok(Some(Claimed {
        run: RunId(run),
        fence: None,
    }))
}

fn wait_one(
    tx: &Transaction<'_>,
    me: Instance,
    now: i64,
    waiting: &Waiting,
) -> rusqlite::Result<()> {
    let Slot { job, at, scope } = &waiting.slot;
    tx.prepare_cached(
        "INSERT INTO slots (job, at, scope, state, owner, fence, attempt, lease_until, note)
         VALUES (?1, ?2, ?3, 'waiting', ?4, 0, 0, ?5, ?6)
         ON CONFLICT (job, scope, at) DO UPDATE SET state = 'waiting', note = ?6
             WHERE state IN ('lost', 'waiting')",
    )?
    .execute(params![
        job.as_str(),
        at.as_second(),
        scope,
        me.0,
        now,
        waiting.note
    ])
    .map(|_| ())
}

fn finish_one(tx: &Transaction<'_>, end: &Ended) -> rusqlite::Result<bool> {
    let Fence { run, token, owner } = end.fence;
    let report = end.report.as_ref().map(Value::to_string);
    let changed = tx
        .prepare_cached(
            "UPDATE runs SET outcome = ?4, reason = ?5, attempts = ?6, report = ?7,
                 finished_at = ?8
             WHERE id = ?1 AND fence = ?2 AND owner = ?3 AND outcome IS NULL",
        )?
        .execute(params![
            run.0,
            token,
            owner,
            end.outcome.as_str(),
            end.reason,
            end.attempts,
            report,
            millis(end.at)
        ])?;
    if changed == 1 {
        tx.prepare_cached(
            "UPDATE slots SET state = 'ended' FROM runs
             WHERE runs.id = ?1 AND slots.job = runs.job AND slots.scope = runs.scope
               AND slots.at = runs.slot AND slots.fence = ?2 AND slots.owner = ?3",
        )?
        .execute(params![run.0, token, owner])?;
    }
    Ok(changed == 1)
}
