//! The calendar of a job, and whether its schedules are ever due on it.

use std::{collections::BTreeMap, sync::Arc};

use super::{
    calendars::{CalendarError, Calendars},
    node::{Node, Skip},
    problem::{Place, Problem},
    problems::Problems,
};
use crate::{
    job::Policy,
    schedule::{Calendar, Only, Schedule},
    settings::Settings,
};

const ADD: &str = "add `calendar: XNYS`, or another of `bellkeeper calendar`";

/// The calendars of a job file while it is read: each is looked up once.
#[derive(Debug)]
pub(super) struct Sessions {
    calendars: Calendars,
    known: BTreeMap<String, Option<Arc<Calendar>>>,
    /// What is wrong with the files of calendars.
    pub(super) wrong: Vec<Problems>,
}

impl Sessions {
    pub(super) fn new(settings: &Settings) -> Self {
        Self {
            calendars: Calendars::new(settings),
            known: BTreeMap::new(),
            wrong: Vec::new(),
        }
    }

    /// The calendar that a job names, if there is one.
    pub(super) fn pick(
        &mut self,
        job: &Node,
        skip: &Skip,
        problems: &mut Vec<Problem>,
    ) -> Option<Arc<Calendar>> {
        let texts = job.get("calendar")?.texts(skip);
        let (text, place) = texts.first()?;
        if let Some(Some(calendar)) = self.known.get(&text.text) {
            return Some(Arc::clone(calendar));
        }
        let error = match self.calendars.get(&text.text) {
            Ok(calendar) => {
                self.known
                    .insert(text.text.clone(), Some(Arc::clone(&calendar)));
                return Some(calendar);
            }
            Err(error) => error,
        };
        let message = match &error {
            CalendarError::Unknown { .. } => format!("unknown calendar {}", text.shown()),
            other => other.to_string(),
        };
        problems.push(Problem::new(*place, message).hint(error.hint()));
        let first = self.known.insert(text.text.clone(), None).is_none();
        if let CalendarError::File(wrong) = error
            && first
        {
            self.wrong.push(*wrong);
        }
        None
    }
}

/// What needs a calendar in a job that names none.
pub(super) fn needs(job: &Node, schedules: &[(Schedule, Place)]) -> Vec<Problem> {
    if job.get("calendar").is_some() {
        return Vec::new();
    }
    let only = job.get("only").map(|node| ("only".to_owned(), node.place));
    let sessions = schedules
        .iter()
        .filter(|(schedule, _)| matches!(schedule, Schedule::Session(_)))
        .map(|(schedule, place)| (schedule.to_string(), *place));
    only.into_iter()
        .chain(sessions)
        .map(|(what, place)| Problem::new(place, format!("`{what}` needs a calendar")).hint(ADD))
        .collect()
}

/// The schedules of an enabled job that its calendar never lets be due. One that was due until the
/// calendar ended is no mistake of the file: the daemon goes on with the other jobs and warns.
pub(super) fn never(policy: &Policy, schedules: &[(Schedule, Place)]) -> Vec<Problem> {
    let Some(calendar) = policy.calendar.as_deref().filter(|_| policy.enabled) else {
        return Vec::new();
    };
    let midnight = calendar
        .zone()
        .to_timestamp(calendar.valid_from().at(0, 0, 0, 0));
    let Ok(begin) = midnight else {
        return Vec::new();
    };
    let frame = policy.frame(begin);
    schedules
        .iter()
        .filter(|(schedule, _)| {
            !schedule.at_start() && schedule.next_after(begin, &frame).is_none()
        })
        .map(|(schedule, place)| shut(schedule, *place, calendar, policy.only))
        .collect()
}

fn shut(schedule: &Schedule, place: Place, calendar: &Calendar, only: Option<Only>) -> Problem {
    let (name, through) = (calendar.name(), calendar.valid_through());
    let zone = calendar.zone().iana_name().unwrap_or("its zone");
    let (why, hint) = match only {
        Some(Only::Open) => (
            format!("{name} is shut at all its times up to {through}"),
            format!("it is open {} in {zone}", calendar.hours()),
        ),
        None => (
            format!("{name} has no session on its dates up to {through}"),
            format!("`bellkeeper calendar {name}` shows them; dates are those in {zone}"),
        ),
    };
    Problem::new(place, format!("`{schedule}` is never due: {why}")).hint(hint)
}
