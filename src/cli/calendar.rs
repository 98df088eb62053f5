//! `calendar`: which calendars there are, and when one of them trades.

use std::sync::Arc;

use jiff::civil::{Date, Time};
use serde_json::json;

use super::{
    args,
    shell::{Failure, Result, Shell, Table, exit},
};
use crate::{
    jobfile::{CalendarError, Calendars},
    schedule::{Calendar, Session},
};

pub(super) fn run(shell: &Shell, args: &args::Calendar) -> Result {
    match &args.name {
        None => Ok(list(shell)),
        Some(name) => sessions(shell, &*find(shell, name)?, args.year),
    }
}

/// The calendar called `name`.
pub(super) fn find(shell: &Shell, name: &str) -> std::result::Result<Arc<Calendar>, Failure> {
    let calendars = Calendars::new(&shell.site.settings);
    calendars.get(name).map_err(|error| {
        let (message, hint) = (error.to_string(), error.hint());
        match error {
            CalendarError::File(problems) => Failure::from(*problems),
            CalendarError::Unknown { .. } => Failure::new(exit::NOT_FOUND, message).hint(hint),
            CalendarError::Zone { .. } => Failure::new(exit::FAILED, message).hint(hint),
        }
    })
}

/// Shows them all; that one cannot be read is told after those that can.
fn list(shell: &Shell) -> u8 {
    let calendars = Calendars::new(&shell.site.settings);
    let mut table = Table::new(["calendar", "zone", "hours", "known through", "from"]);
    let mut wrong = Vec::new();
    for name in calendars.names() {
        let file = calendars.file(&name).map(|file| file.display().to_string());
        match find(shell, &name) {
            Ok(calendar) if shell.json => shell.json_line(&facts(&calendar, file.as_deref())),
            Ok(calendar) => table.row([
                name,
                zone(&calendar).to_owned(),
                calendar.hours().to_string(),
                calendar.valid_through().to_string(),
                // The whole path would not fit beside the rest.
                if file.is_some() { "file" } else { "built in" }.to_owned(),
            ]),
            Err(failure) => wrong.push(failure),
        }
    }
    if !shell.json {
        shell.line(table.render());
    }
    wrong
        .iter()
        .fold(exit::OK, |_, failure| shell.fail(failure))
}

fn zone(calendar: &Calendar) -> &str {
    calendar.zone().iana_name().unwrap_or_default()
}

fn facts(calendar: &Calendar, file: Option<&str>) -> serde_json::Value {
    let minute = |time: Time| time.strftime("%H:%M").to_string();
    let hours = calendar.hours();
    json!({
        "calendar": calendar.name(),
        "timezone": zone(calendar),
        "open": minute(hours.open()),
        "close": minute(hours.close()),
        "break_start": hours.lunch().map(|(from, _)| minute(from)),
        "break_end": hours.lunch().map(|(_, to)| minute(to)),
        "valid_from": calendar.valid_from(),
        "valid_through": calendar.valid_through(),
        "file": file,
    })
}

fn sessions(shell: &Shell, calendar: &Calendar, year: Option<i16>) -> Result {
    let today = calendar.date_of(shell.site.clock.now());
    let year = year.unwrap_or(today.year());
    let (first, last) = (Date::new(year, 1, 1).ok(), Date::new(year, 12, 31).ok());
    let (from, through) = (calendar.valid_from(), calendar.valid_through());
    let known =
        |first: Date, last: Date| (last >= from && first <= through).then_some((first, last));
    let Some((first, last)) = first.zip(last).and_then(|(first, last)| known(first, last)) else {
        let name = calendar.name();
        let message = format!("nothing is known of {name} in {year}");
        let hint = format!("the calendar covers {from} to {through}");
        return Err(Failure::new(exit::NOT_FOUND, message).hint(hint));
    };
    if first < from || through < last {
        shell.say(format!("only {from} to {through} is known"));
    }
    if let Some(file) = Calendars::new(&shell.site.settings).file(calendar.name()) {
        shell.say(format!("from {}", file.display()));
    }
    let times = shell.times().in_zone(calendar.zone().clone());
    let mut table = Table::new(["date", "open", "close", "early"]);
    let year = calendar
        .sessions_from(first)
        .take_while(|session| session.date <= last);
    for session in year {
        if shell.json {
            let lunch = session.lunch.as_ref();
            shell.json_line(&json!({
                "date": session.date,
                "open": times.rfc3339(session.open),
                "close": times.rfc3339(session.close),
                "early": session.early,
                "break_start": lunch.map(|lunch| times.rfc3339(lunch.start)),
                "break_end": lunch.map(|lunch| times.rfc3339(lunch.end)),
            }));
        } else {
            table.row(row(calendar, &session));
        }
    }
    if !shell.json {
        shell.line(table.render());
    }
    Ok(exit::OK)
}

fn row(calendar: &Calendar, session: &Session) -> [String; 4] {
    let local = |at: jiff::Timestamp| {
        let at = at.to_zoned(calendar.zone().clone());
        at.strftime("%H:%M %:z").to_string()
    };
    let early = if session.early { "early" } else { "" };
    [
        session.date.strftime("%Y-%m-%d %a").to_string(),
        local(session.open),
        local(session.close),
        early.to_owned(),
    ]
}
