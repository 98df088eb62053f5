//! `when`: the next instants of any schedule expression.

use jiff::tz::TimeZone;
use serde_json::json;

use super::{
    args, calendar,
    shell::{Bare, Failure, Moment, Result, Shell, exit},
};
use crate::{
    schedule::{Calendar, Dst, Frame, Only, Schedule, ScheduleError},
    suggest::nearest,
};

pub(super) fn run(shell: &Shell, args: &args::When) -> Result {
    let zone = match &args.timezone {
        Some(name) => TimeZone::get(name).map_err(|_| unknown_zone(name))?,
        None => shell.site.zone.zone.clone(),
    };
    let schedule =
        Schedule::parse(&args.expression).map_err(|error| wrong(&args.expression, &error))?;
    let now = shell.site.clock.now();
    let after = match &args.after {
        Some(text) => Moment::read(text, &zone, now, Bare::Ahead)
            .map_err(|wrong| Failure::new(exit::USAGE, wrong))?
            .start(),
        None => now,
    };
    let frame = Frame {
        zone: zone.clone(),
        dst: Dst::default(),
        anchor: after,
        calendar: match &args.calendar {
            Some(name) => Some(calendar::find(shell, name)?),
            None => None,
        },
        only: args.only.map(|args::Part::Open| Only::Open),
    };
    if matches!(schedule, Schedule::Session(_)) && frame.calendar.is_none() {
        let message = format!("`{schedule}` needs a calendar");
        return Err(Failure::new(exit::USAGE, message).hint("add `--calendar XNYS`"));
    }
    let times = shell.times().in_zone(zone);
    if !shell.json {
        let name = frame.calendar.as_deref().map(Calendar::name);
        shell.say(schedule.describe_on(name, frame.only));
    }
    let mut at = after;
    let mut shown = 0;
    for _ in 0..args.count {
        let Some(next) = schedule.next_after(at, &frame) else {
            break;
        };
        if shell.json {
            shell.json_line(&json!({"at": times.rfc3339(next)}));
        } else {
            shell.line(format!(
                "{}  {}",
                times.absolute(next),
                times.relative(next)
            ));
        }
        at = next;
        shown += 1;
    }
    if let Some(calendar) = frame.calendar.filter(|_| shown < args.count) {
        let (name, through) = (calendar.name(), calendar.valid_through());
        let more = if shown == 0 { "none" } else { "no more" };
        shell.say(format!(
            "{more}: nothing is known of {name} after {through}"
        ));
    }
    Ok(exit::OK)
}

fn unknown_zone(name: &str) -> Failure {
    let failure = Failure::new(exit::USAGE, format!("no time zone is called `{name}`"));
    let zones: Vec<String> = jiff::tz::db()
        .available()
        .map(|zone| zone.to_string())
        .collect();
    match nearest(name, zones.iter().map(String::as_str)) {
        Some(near) => failure.hint(format!("did you mean `{near}`?")),
        None => failure.hint("zones are called as in the IANA database, e.g. `Asia/Shanghai`"),
    }
}

fn wrong(expression: &str, error: &ScheduleError) -> Failure {
    let hint = error.hint.as_deref();
    Failure::at(expression, &error.message, &error.span, hint)
}
