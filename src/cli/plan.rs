//! `plan`: what would run, collide, be skipped or caught up in the days to come.

use jiff::{SignedDuration, civil::Time, tz::TimeZone};
use serde_json::json;

use super::{
    args,
    shell::{Bare, Failure, Moment, Result, Shell, Table, exit},
};
use crate::{
    app,
    engine::{Asleep, Fate, Foreseen},
    words::Trigger,
};

/// At most so many lines; a person reads fewer.
const LIMIT: usize = 10_000;

pub(super) fn run(shell: &Shell, args: &args::Plan) -> Result {
    let from = match args.from.join(" ").as_str() {
        "" => shell.site.clock.now(),
        text => match shell.moment(text, Bare::Ahead)? {
            Moment::Day(from, _) => from,
            Moment::At(at) => at,
        },
    };
    let days = SignedDuration::from_hours(24 * i64::from(args.days));
    let until = from.checked_add(days).unwrap_or(jiff::Timestamp::MAX);
    let zone = &shell.site.zone.zone;
    let asleep = args.asleep.as_deref().map(|text| asleep(text, zone));
    let asleep = asleep
        .transpose()
        .map_err(|error| Failure::new(exit::USAGE, format!("--asleep: {error}")))?;
    let loaded = shell.load()?;
    let forecast = app::outlook(&shell.site, loaded.set, (from, until), asleep, LIMIT)?;
    if shell.json {
        forecast
            .lines
            .iter()
            .for_each(|line| shell.json_line(&as_json(line)));
    } else if forecast.lines.is_empty() {
        shell.line("nothing would happen: no enabled job is due in that time");
    } else {
        let times = shell.times();
        let mut table = Table::new(["at", "job", "what", "because"]);
        for line in &forecast.lines {
            let (what, why) = words(line);
            table.row([
                times.absolute(line.at),
                line.slot.job.to_string(),
                what,
                why,
            ]);
        }
        shell.line(table.render());
    }
    if forecast.cut {
        shell.note(format!(
            "cut here: more than {LIMIT} things would happen; ask for fewer `--days`"
        ));
    }
    Ok(exit::OK)
}

fn words(line: &Foreseen) -> (String, String) {
    match &line.fate {
        Fate::Runs { trigger, missed } => {
            let what = match trigger {
                Trigger::CatchUp => "catches up",
                _ => "runs",
            };
            let mut why = Vec::new();
            if *trigger == Trigger::After {
                why.push("after what it needs".to_owned());
            }
            if *missed > 0 {
                why.push(format!("stands for {missed} more"));
            }
            if line.together > 0 {
                why.push(format!("at once with {} more", line.together));
            }
            (what.to_owned(), why.join(", "))
        }
        Fate::Skipped { reason } => ("skipped".to_owned(), reason.clone()),
        Fate::Waits { note } => ("waits".to_owned(), note.clone()),
    }
}

fn as_json(line: &Foreseen) -> serde_json::Value {
    let (what, trigger, missed, reason) = match &line.fate {
        Fate::Runs { trigger, missed } => ("run", Some(trigger), Some(missed), None),
        Fate::Skipped { reason } => ("skip", None, None, Some(reason)),
        Fate::Waits { note } => ("wait", None, None, Some(note)),
    };
    json!({
        "at": line.at,
        "job": line.slot.job,
        "slot": line.slot.at,
        "what": what,
        "trigger": trigger,
        "missed": missed,
        "reason": reason,
        "together": line.together,
    })
}

/// Two times of day: `23:00-07:30`.
fn asleep(text: &str, zone: &TimeZone) -> std::result::Result<Asleep, String> {
    let wrong = || format!("expected two times of day such as `23:00-07:30`, found `{text}`");
    let (from, until) = text.split_once('-').ok_or_else(wrong)?;
    let time = |text: &str| text.trim().parse::<Time>().map_err(|_| wrong());
    let (from, until) = (time(from)?, time(until)?);
    if from == until {
        return Err("it would never be awake: the two times are the same".to_owned());
    }
    let zone = zone.clone();
    Ok(Asleep { from, until, zone })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_night_is_two_times_of_day() {
        let night = asleep("23:00-07:30", &TimeZone::UTC).unwrap();
        assert_eq!((night.from.hour(), night.until.minute()), (23, 30));
        for wrong in ["23:00", "late-early", "7:00-7:00", ""] {
            assert!(asleep(wrong, &TimeZone::UTC).is_err(), "{wrong}");
        }
    }
}
