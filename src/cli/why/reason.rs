//! The reasons for slots without a row, in words.

use jiff::Timestamp;

use crate::{
    app::{Absence, Gap},
    job::{CatchUp, JobSpec},
};

/// The reason as a sentence, with instants as `show` shows them; `None` for a slot to come.
pub(super) fn reason(
    absence: &Absence,
    spec: &JobSpec,
    show: impl Fn(Timestamp) -> String,
) -> Option<String> {
    let text = match absence {
        Absence::NotDue => return None,
        Absence::NeverSeen => "no daemon has seen this job yet: nothing was owed".to_owned(),
        Absence::NotRead => "jobs.yaml has changed since the daemon read it: this schedule is \
                             not in force yet"
            .to_owned(),
        Absence::FirstSeen(at) => format!(
            "the job was first seen at {}: before that nothing was owed",
            show(*at)
        ),
        Absence::Changed(at) => format!(
            "this schedule is in force since {}: before that it was another one",
            show(*at)
        ),
        Absence::CountedIn { slot, reason } => {
            format!("counted in the row of {}: {reason}", show(*slot))
        }
        Absence::Waiting { note, pid } => match pid {
            Some(pid) => format!("it {note} (daemon: pid {pid})"),
            None => format!("it {note}; {}", at_next_start(spec)),
        },
        Absence::NotKept => format!("older than the history kept ({})", spec.policy.keep_history),
        Absence::PassedOver => "a later slot has been decided since, and this one never was: it \
                                will not run"
            .to_owned(),
        Absence::Now => "it is due this moment".to_owned(),
        Absence::Waits { pid } => format!(
            "the daemon (pid {pid}) has not decided it yet: it waits for its turn, or the \
             computer was asleep"
        ),
        Absence::CatchingUp { pid, gap } => format!(
            "{}; the daemon (pid {pid}) has yet to catch up, one run at a time",
            matter(*gap, &show)
        ),
        Absence::Down(gap) => format!("{}; {}", matter(*gap, &show), at_next_start(spec)),
    };
    Some(text)
}

fn matter(gap: Gap, show: impl Fn(Timestamp) -> String) -> String {
    match gap {
        Gap::Stopped { from, until } => {
            let (from, until) = (from.map(&show), until.map(&show));
            match (from, until) {
                (Some(from), Some(until)) => {
                    format!("no daemon was running from {from} until {until}")
                }
                (Some(from), None) => format!("no daemon has been running since {from}"),
                (None, Some(until)) => format!("no daemon was running until {until}"),
                (None, None) => "no daemon was running".to_owned(),
            }
        }
        Gap::Died { pid, started } => format!(
            "the daemon that began at {} (pid {pid}) died, nobody knows when",
            show(started)
        ),
        Gap::Ending { pid, ended } => format!(
            "the daemon (pid {pid}) ended at {} without deciding it",
            show(ended)
        ),
    }
}

/// What the next daemon will do with it.
fn at_next_start(spec: &JobSpec) -> String {
    let window = spec.policy.catch_up_window;
    match spec.policy.catch_up {
        CatchUp::None => "the next start skips it (catch_up: none)".to_owned(),
        CatchUp::Latest => format!(
            "the next start catches up the newest such slot (catch_up: latest), if that is \
             within {window}"
        ),
        CatchUp::All => {
            format!("the next start catches it up (catch_up: all), if that is within {window}")
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{job::Policy, kinds::Backup};

    fn told(absence: &Absence, catch_up: CatchUp) -> Option<String> {
        let spec = JobSpec {
            name: "a".parse().unwrap(),
            kind: "backup",
            schedules: Vec::new(),
            policy: Policy {
                catch_up,
                ..Policy::default()
            },
            job: Arc::new(Backup::default()),
        };
        reason(absence, &spec, |at| format!("<{}>", at.as_second()))
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn a_stop_is_told_with_its_ends() {
        let down = |from: Option<i64>, until: Option<i64>| {
            let (from, until) = (from.map(at), until.map(at));
            told(&Absence::Down(Gap::Stopped { from, until }), CatchUp::None).unwrap()
        };
        let next = "; the next start skips it (catch_up: none)";
        let expected = [
            (Some(1), Some(2), "no daemon was running from <1> until <2>"),
            (Some(1), None, "no daemon has been running since <1>"),
            (None, Some(2), "no daemon was running until <2>"),
            (None, None, "no daemon was running"),
        ];
        for (from, until, words) in expected {
            assert_eq!(down(from, until), format!("{words}{next}"));
        }
    }

    #[test]
    fn what_comes_next_depends_on_the_policy() {
        let died = Absence::Down(Gap::Died {
            pid: 7,
            started: at(1),
        });
        let latest = told(&died, CatchUp::Latest).unwrap();
        assert_eq!(
            latest,
            "the daemon that began at <1> (pid 7) died, nobody knows when; the next start \
             catches up the newest such slot (catch_up: latest), if that is within 1d"
        );
        assert!(
            told(&died, CatchUp::All)
                .unwrap()
                .contains("(catch_up: all)")
        );
        assert_eq!(told(&Absence::NotDue, CatchUp::All), None);
    }

    #[test]
    fn what_is_forgotten_says_how_long_history_is_kept() {
        let reason = told(&Absence::NotKept, CatchUp::All).unwrap();
        assert_eq!(reason, "older than the history kept (400d)");
    }

    #[test]
    fn a_counted_slot_names_its_row() {
        let reason = "missed: too old (and 3 slots before it)".to_owned();
        let counted = Absence::CountedIn {
            slot: at(5),
            reason,
        };
        let expected = "counted in the row of <5>: missed: too old (and 3 slots before it)";
        assert_eq!(told(&counted, CatchUp::All).unwrap(), expected);
    }
}
