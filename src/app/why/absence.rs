//! Why a slot that the schedule has no row in the ledger.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use crate::ledger::{self, Life, RunRow, Tenure};

/// How the planner says in the oldest row of a long absence that it stands for more slots.
const COUNTED: &str = "slots before it)";

/// How long a slot may be due before the lack of a row means anything.
const MOMENT: SignedDuration = SignedDuration::from_secs(10);

/// The reason why a slot has no row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Absence {
    /// It is still to come.
    NotDue,
    /// No daemon has ever seen the job.
    NeverSeen,
    /// jobs.yaml says something else about when the job is due than the daemon last read.
    NotRead,
    /// The job was first seen at this instant.
    FirstSeen(Timestamp),
    /// The present schedule is in force since this instant.
    Changed(Timestamp),
    /// It was missed with so many others that they have one row, that of a later slot.
    CountedIn {
        /// The slot with the row.
        slot: Timestamp,
        /// The reason in that row.
        reason: String,
    },
    /// It waits for its turn, and a crash does not forget it.
    Waiting {
        /// For what, as a verb.
        note: String,
        /// The process of the daemon that is up.
        pid: Option<u32>,
    },
    /// It is older than the history kept: what became of it is not known any more.
    NotKept,
    /// A later slot was decided since, and this one never was.
    PassedOver,
    /// It is due this moment.
    Now,
    /// It came while the daemon that is up now was up.
    Waits {
        /// The daemon.
        pid: u32,
    },
    /// It came before the daemon that is up now, which is to catch up.
    CatchingUp {
        /// The daemon.
        pid: u32,
        /// What was the matter when the slot came.
        gap: Gap,
    },
    /// No daemon is up; the next one decides.
    Down(Gap),
}

/// What was the matter with the daemon at an instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gap {
    /// None was running.
    Stopped {
        /// When the last one had ended.
        from: Option<Timestamp>,
        /// When the next one began.
        until: Option<Timestamp>,
    },
    /// One had begun and was never heard of again.
    Died {
        /// Its process.
        pid: u32,
        /// When it began.
        started: Timestamp,
    },
    /// One was there, and ended without deciding.
    Ending {
        /// Its process.
        pid: u32,
        /// When it ended.
        ended: Timestamp,
    },
}

/// What is known when reasons are sought.
#[derive(Debug)]
pub(super) struct Facts {
    pub(super) now: Timestamp,
    pub(super) tenure: Option<Tenure>,
    /// Whether the daemon has read what jobs.yaml says now.
    pub(super) read: bool,
    /// What came before this instant is not kept.
    pub(super) kept_from: Timestamp,
    /// The process of the daemon that is up.
    pub(super) daemon: Option<u32>,
    /// Newest first.
    pub(super) lives: Vec<Life>,
    /// The slots that are kept waiting, with what they wait for.
    pub(super) waiting: BTreeMap<Timestamp, String>,
    /// When nobody was awake.
    pub(super) gaps: Vec<ledger::Gap>,
}

impl Facts {
    /// The reason for a slot; `later` is the first decided slot after it.
    ///
    /// The order is that of certainty.
    pub(super) fn absence(&self, at: Timestamp, later: Option<&RunRow>) -> Absence {
        if at > self.now {
            return Absence::NotDue;
        }
        let Some(tenure) = &self.tenure else {
            return Absence::NeverSeen;
        };
        if !self.read {
            return Absence::NotRead;
        }
        if at <= tenure.since {
            return if tenure.since <= tenure.anchor {
                Absence::FirstSeen(tenure.since)
            } else {
                Absence::Changed(tenure.since)
            };
        }
        if let Some(note) = self.waiting.get(&at) {
            let (note, pid) = (note.clone(), self.daemon);
            return Absence::Waiting { note, pid };
        }
        if let Some(row) = later {
            return match row.reason.as_deref().filter(|text| text.ends_with(COUNTED)) {
                Some(reason) => Absence::CountedIn {
                    slot: row.slot,
                    reason: reason.to_owned(),
                },
                None if at < self.kept_from => Absence::NotKept,
                None => Absence::PassedOver,
            };
        }
        match (self.daemon, self.lives.first()) {
            (Some(pid), Some(life)) if life.started_at > at => Absence::CatchingUp {
                pid,
                gap: self.gap(at),
            },
            (Some(_), _) if self.now.duration_since(at) < MOMENT => Absence::Now,
            (Some(pid), _) => Absence::Waits { pid },
            (None, _) => Absence::Down(self.gap(at)),
        }
    }

    /// The time without anybody awake that a slot lies in.
    pub(super) fn gap_at(&self, at: Timestamp) -> Option<ledger::Gap> {
        self.gaps.iter().find(|gap| gap.covers(at)).copied()
    }

    fn gap(&self, at: Timestamp) -> Gap {
        let next = self.lives.iter().rev().find(|life| life.started_at > at);
        let last = self.lives.iter().find(|life| life.started_at <= at);
        let until = next.map(|life| life.started_at);
        match last.map(|life| (life, life.ended_at)) {
            Some((life, None)) => Gap::Died {
                pid: life.pid,
                started: life.started_at,
            },
            Some((life, Some(ended))) if ended >= at => Gap::Ending {
                pid: life.pid,
                ended,
            },
            Some((_, from)) => Gap::Stopped { from, until },
            None => Gap::Stopped { from: None, until },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::{Outcome, RunId, Trigger};

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn life(started: i64, ended: Option<i64>) -> Life {
        Life {
            pid: 7,
            started_at: at(started),
            ended_at: ended.map(at),
        }
    }

    fn facts(daemon: Option<u32>, lives: &[Life]) -> Facts {
        Facts {
            now: at(1_000),
            tenure: Some(Tenure {
                schedule: String::new(),
                anchor: at(50),
                since: at(100),
            }),
            read: true,
            kept_from: at(0),
            daemon,
            lives: lives.to_vec(),
            waiting: BTreeMap::new(),
            gaps: Vec::new(),
        }
    }

    fn row(slot: i64, reason: &str) -> RunRow {
        RunRow {
            run: RunId(1),
            job: "a".parse().unwrap(),
            slot: at(slot),
            trigger: Trigger::CatchUp,
            missed: 0,
            attempts: 0,
            outcome: Some(Outcome::Skipped),
            reason: Some(reason.into()),
            started_at: at(slot),
            finished_at: None,
            report: None,
        }
    }

    #[test]
    fn nothing_was_owed_before_the_job_was_known() {
        let facts = facts(None, &[]);
        assert_eq!(facts.absence(at(1_001), None), Absence::NotDue);
        assert_eq!(facts.absence(at(100), None), Absence::Changed(at(100)));
        let seen = Facts {
            tenure: facts.tenure.clone().map(|tenure| Tenure {
                since: at(50),
                ..tenure
            }),
            ..facts
        };
        assert_eq!(seen.absence(at(50), None), Absence::FirstSeen(at(50)));
        let unread = Facts {
            read: false,
            ..seen
        };
        assert_eq!(unread.absence(at(500), None), Absence::NotRead);
        let never = Facts {
            tenure: None,
            ..unread
        };
        assert_eq!(never.absence(at(500), None), Absence::NeverSeen);
    }

    #[test]
    fn a_later_row_tells_whether_it_counts_those_before_it() {
        let facts = facts(None, &[]);
        let reason = "missed: too old (and 12 slots before it)";
        let counted = facts.absence(at(500), Some(&row(600, reason)));
        let expected = Absence::CountedIn {
            slot: at(600),
            reason: reason.into(),
        };
        assert_eq!(counted, expected);
        let passed = facts.absence(at(500), Some(&row(600, "missed: too old")));
        assert_eq!(passed, Absence::PassedOver);
    }

    #[test]
    fn what_is_older_than_the_history_kept_is_not_called_passed_over() {
        let facts = Facts {
            kept_from: at(300),
            ..facts(None, &[life(50, Some(900))])
        };
        let later = row(600, "");
        assert_eq!(facts.absence(at(299), Some(&later)), Absence::NotKept);
        assert_eq!(facts.absence(at(300), Some(&later)), Absence::PassedOver);
        assert_eq!(
            facts.absence(at(100), Some(&later)),
            Absence::Changed(at(100))
        );
        // The newest slot is always kept: where there is none, nothing was decided.
        assert!(matches!(facts.absence(at(299), None), Absence::Down(_)));
    }

    #[test]
    fn without_a_daemon_it_is_said_since_when() {
        let lives = [life(400, Some(500)), life(150, Some(300))];
        let facts = facts(None, &lives);
        let gap = |second| match facts.absence(at(second), None) {
            Absence::Down(gap) => gap,
            other => panic!("{other:?}"),
        };
        let stopped = |from: Option<i64>, until: Option<i64>| Gap::Stopped {
            from: from.map(at),
            until: until.map(at),
        };
        assert_eq!(gap(600), stopped(Some(500), None));
        assert_eq!(gap(350), stopped(Some(300), Some(400)));
        assert_eq!(gap(120), stopped(None, Some(150)));
        let ending = Gap::Ending {
            pid: 7,
            ended: at(500),
        };
        assert_eq!(gap(450), ending);
    }

    #[test]
    fn what_is_kept_waiting_says_for_what() {
        let waits = Facts {
            waiting: BTreeMap::from([(at(500), "waits for room".to_owned())]),
            ..facts(Some(9), &[])
        };
        let expected = Absence::Waiting {
            note: "waits for room".into(),
            pid: Some(9),
        };
        assert_eq!(waits.absence(at(500), Some(&row(600, ""))), expected);
    }

    #[test]
    fn one_that_died_has_no_end() {
        let facts = facts(None, &[life(400, None)]);
        let died = Gap::Died {
            pid: 7,
            started: at(400),
        };
        assert_eq!(facts.absence(at(500), None), Absence::Down(died));
    }

    #[test]
    fn a_daemon_that_is_up_will_decide() {
        let facts = facts(Some(9), &[life(400, None), life(150, Some(300))]);
        let gap = Gap::Stopped {
            from: Some(at(300)),
            until: Some(at(400)),
        };
        let before = Absence::CatchingUp { pid: 9, gap };
        assert_eq!(facts.absence(at(350), None), before);
        assert_eq!(facts.absence(at(500), None), Absence::Waits { pid: 9 });
        assert_eq!(facts.absence(at(995), None), Absence::Now);
    }
}
