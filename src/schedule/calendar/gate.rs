//! A calendar as a filter: which slots of another schedule it lets through.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::Calendar;

/// Which part of a session counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Only {
    /// From the open to the close, without the lunch break.
    Open,
}

/// What a calendar says to a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gate {
    /// It may pass.
    Pass,
    /// Not this one, nor any other before that instant.
    Until(Timestamp),
    /// Neither this one nor a later one: nothing is known of the time after it.
    End,
}

impl Calendar {
    /// Whether a slot at `at` may pass: on the date of a session in the exchange's zone, and with
    /// `only` also within trading hours.
    pub fn gate(&self, at: Timestamp, only: Option<Only>) -> Gate {
        let date = self.date_of(at);
        for session in self.sessions_from(date) {
            let start = match only {
                Some(Only::Open) => session.open,
                None if session.date == date => return Gate::Pass,
                None => match session.date.to_zoned(self.zone().clone()) {
                    Ok(midnight) => midnight.timestamp(),
                    Err(_) => continue,
                },
            };
            if at < start {
                return Gate::Until(start);
            }
            match &session.lunch {
                Some(lunch) if lunch.contains(&at) => return Gate::Until(lunch.end),
                _ if at < session.close => return Gate::Pass,
                _ => {}
            }
        }
        Gate::End
    }
}

/// The first instant after `after` that `due` names and `calendar` lets through. Whatever is shut
/// is passed in one step, so there are at most three steps a session.
pub(in crate::schedule) fn next(
    calendar: &Calendar,
    only: Option<Only>,
    mut after: Timestamp,
    due: impl Fn(Timestamp) -> Option<Timestamp>,
) -> Option<Timestamp> {
    loop {
        let slot = due(after)?;
        match calendar.gate(slot, only) {
            Gate::Pass => return Some(slot),
            Gate::End => return None,
            Gate::Until(start) => {
                after = start.checked_sub(SignedDuration::from_secs(1)).ok()?;
            }
        }
    }
}
