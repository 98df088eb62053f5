//! What became of the slots of a job: the rows of the ledger, and a reason for each slot without.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::{Error, Site, session::DAEMON};
use crate::{
    job::JobSpec,
    ledger::{self, AttemptRow, Lane, Ledger, RunRow},
    lock,
    words::{Outcome, Trigger},
};

mod absence;

use absence::Facts;
pub use absence::{Absence, Gap};

/// How many slots are told when nobody says how many.
const COUNT: usize = 20;
/// So many of them however old they are; the others only while they are of the last day.
const FEW: usize = 5;
const RECENT: SignedDuration = SignedDuration::from_hours(24);
/// How many slots of a day are told.
const MOST: usize = 10_000;

/// Which slots are asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// The newest ones.
    Newest,
    /// Those of a day: from its first instant to that of the next one.
    Day(Timestamp, Timestamp),
    /// The one at an instant or the last one before it, and what was run since by hand.
    At(Timestamp),
}

/// What became of one slot.
#[derive(Debug, Clone, PartialEq)]
pub struct Told {
    /// The slot.
    pub slot: Timestamp,
    /// Its row, or why it has none. A slot whose run was lost may have several.
    pub fate: Fate,
    /// Why nobody was awake when it came.
    pub gap: Option<ledger::Gap>,
}

/// A run, or the reason why there is none.
#[derive(Debug, Clone, PartialEq)]
pub enum Fate {
    /// There is a row.
    Row {
        /// The row.
        run: RunRow,
        /// The attempts before the last one.
        failed: Vec<AttemptRow>,
    },
    /// There is none.
    None(Absence),
}

impl Fate {
    /// The word for it: an outcome, `running`, `waiting`, `not-due`, `not-known`, `not-kept` or
    /// `undecided`.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Row { run, .. } => run.outcome.map_or("running", Outcome::as_str),
            Self::None(absence) => match absence {
                Absence::NotDue => "not-due",
                Absence::NeverSeen
                | Absence::NotRead
                | Absence::FirstSeen(_)
                | Absence::Changed(_) => "not-known",
                Absence::CountedIn { .. } => "skipped",
                Absence::Waiting { .. } => "waiting",
                Absence::NotKept => "not-kept",
                Absence::PassedOver
                | Absence::Now
                | Absence::Waits { .. }
                | Absence::CatchingUp { .. }
                | Absence::Down(_) => "undecided",
            },
        }
    }
}

/// What became of the slots asked about.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Why {
    /// Newest first; of one slot the last run first.
    pub slots: Vec<Told>,
    /// Whether there are older ones within the time asked about.
    pub more: bool,
}

/// What became of the slots of `spec`; at most `count`.
///
/// # Errors
/// [`Error::Ledger`].
pub fn why(
    site: &Site,
    ledger: Option<&Ledger>,
    spec: &JobSpec,
    which: Which,
    count: Option<usize>,
) -> Result<Why, Error> {
    let now = site.clock.now();
    let tenure = ledger.map(|ledger| ledger.tenure(&spec.name)).transpose()?;
    let tenure = tenure.flatten();
    let inquiry = Inquiry {
        ledger,
        spec,
        anchor: tenure.as_ref().map_or(now, |tenure| tenure.anchor),
        owed_after: tenure.as_ref().map_or(now, |tenure| tenure.since),
        now,
    };
    let (due, rows) = inquiry.gather(which, count)?;
    let oldest = due.last().copied().unwrap_or(now);
    let read = tenure
        .as_ref()
        .is_none_or(|tenure| tenure.schedule == spec.timing());
    let facts = Facts {
        now,
        tenure,
        read,
        kept_from: now
            .checked_sub(spec.policy.keep_history.signed())
            .unwrap_or(Timestamp::MIN),
        daemon: daemon(site),
        lives: match ledger {
            Some(ledger) => ledger.lives(DAEMON, oldest)?,
            None => Vec::new(),
        },
        waiting: match ledger {
            Some(ledger) => ledger.waiting(&spec.name)?.into_iter().collect(),
            None => BTreeMap::new(),
        },
        gaps: match ledger {
            Some(ledger) => ledger.gaps(oldest)?,
            None => Vec::new(),
        },
    };
    let mut told = inquiry.merge(&due, rows, &facts)?;
    let limit = limit(which, count);
    let more = which != Which::Newest && told.len() > limit;
    told.truncate(limit);
    if count.is_none() && which == Which::Newest {
        let from = now.checked_sub(RECENT).unwrap_or(Timestamp::MIN);
        let mut index = 0;
        told.retain(|told| {
            index += 1;
            index <= FEW || told.slot >= from
        });
    }
    inquiry.attempts(&mut told)?;
    Ok(Why { slots: told, more })
}

/// How many slots are told.
fn limit(which: Which, count: Option<usize>) -> usize {
    count.unwrap_or(match which {
        Which::Newest => COUNT,
        Which::Day(..) | Which::At(_) => MOST,
    })
}

/// The process of the daemon at work in this root. Where that cannot be found out nothing is said
/// of one.
fn daemon(site: &Site) -> Option<u32> {
    let holder = lock::holder(&site.settings.lock()).ok().flatten();
    holder.filter(|who| who.what == DAEMON).map(|who| who.pid)
}

struct Inquiry<'a> {
    ledger: Option<&'a Ledger>,
    spec: &'a JobSpec,
    anchor: Timestamp,
    owed_after: Timestamp,
    now: Timestamp,
}

impl Inquiry<'_> {
    /// The due slots, newest first, and the rows of the same time.
    fn gather(
        &self,
        which: Which,
        count: Option<usize>,
    ) -> Result<(Vec<Timestamp>, Vec<RunRow>), Error> {
        // One more than is shown, to know whether that was all.
        let limit = limit(which, count).saturating_add(1);
        match which {
            Which::Newest => {
                let due = self.due(self.owed_after, self.now, limit);
                let rows = self.rows(Timestamp::UNIX_EPOCH, self.now, limit)?;
                Ok((due, rows))
            }
            Which::Day(from, until) => {
                let second = SignedDuration::from_secs(1);
                let before = from.checked_sub(second).unwrap_or(from);
                let last = until.checked_sub(second).unwrap_or(until);
                let due = self.due(before, last, limit);
                Ok((due, self.rows(from, last, limit)?))
            }
            Which::At(at) => {
                let enabled = self.spec.policy.enabled;
                let slot = self.spec.last_slot(at, self.anchor).filter(|_| enabled);
                let newest = self.rows(Timestamp::UNIX_EPOCH, at, 1)?;
                // Under an older schedule the last slot may have been a later one.
                let decided = newest.iter().filter(|row| Self::decides(row));
                let decided = decided.map(|row| row.slot).max();
                let slot = slot.filter(|slot| decided.is_none_or(|decided| *slot >= decided));
                let from = slot.or(newest.first().map(|row| row.slot)).unwrap_or(at);
                Ok((slot.into_iter().collect(), self.rows(from, at, limit)?))
            }
        }
    }

    /// The newest `count` due slots after `since` up to `until`; none of a disabled job.
    fn due(&self, since: Timestamp, until: Timestamp, count: usize) -> Vec<Timestamp> {
        if self.spec.policy.enabled {
            self.spec.newest_slots(self.anchor, (since, until), count)
        } else {
            Vec::new()
        }
    }

    /// The newest `count` runs of each lane between two instants.
    fn rows(&self, from: Timestamp, until: Timestamp, count: usize) -> Result<Vec<RunRow>, Error> {
        let Some(ledger) = self.ledger else {
            return Ok(Vec::new());
        };
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        let job = &self.spec.name;
        let mut rows = ledger.runs_between(job, Lane::Schedule, from, until, count)?;
        rows.extend(ledger.runs_between(job, Lane::Others, from, until, count)?);
        rows.sort_by_key(|row| std::cmp::Reverse((row.slot, row.run.0)));
        Ok(rows)
    }

    /// Whether a row decides a slot of the schedule.
    fn decides(row: &RunRow) -> bool {
        matches!(
            row.trigger,
            Trigger::Schedule | Trigger::CatchUp | Trigger::After
        )
    }

    /// Rows and slots without row, newest first.
    fn merge(
        &self,
        due: &[Timestamp],
        rows: Vec<RunRow>,
        facts: &Facts,
    ) -> Result<Vec<Told>, Error> {
        let decided: BTreeMap<Timestamp, RunRow> = rows
            .iter()
            .filter(|row| Self::decides(row))
            .map(|row| (row.slot, row.clone()))
            .collect();
        let newest = due.first().copied().unwrap_or(self.now);
        let beyond = match self.ledger {
            Some(ledger) => ledger.decided_after(&self.spec.name, newest)?,
            None => None,
        };
        let mut told: Vec<Told> = rows
            .into_iter()
            .map(|run| Told {
                slot: run.slot,
                gap: facts
                    .gap_at(run.slot)
                    .filter(|_| run.trigger == Trigger::CatchUp),
                fate: Fate::Row {
                    run,
                    failed: Vec::new(),
                },
            })
            .collect();
        for slot in due.iter().filter(|slot| !decided.contains_key(slot)) {
            let later = decided.range(*slot..).next().map(|(_, row)| row);
            let absence = facts.absence(*slot, later.or(beyond.as_ref()));
            told.push(Told {
                slot: *slot,
                gap: facts.gap_at(*slot),
                fate: Fate::None(absence),
            });
        }
        // Stable: rows of one slot keep their order.
        told.sort_by_key(|told| std::cmp::Reverse(told.slot));
        Ok(told)
    }

    /// Reads the failed attempts of what is told.
    fn attempts(&self, told: &mut [Told]) -> Result<(), Error> {
        for told in told {
            if let (Some(ledger), Fate::Row { run, failed }) = (self.ledger, &mut told.fate) {
                *failed = ledger.failed_attempts(run.run)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
