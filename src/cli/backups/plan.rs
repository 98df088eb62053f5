//! `backups plan`: which archives there will be, and when each of today's goes.

use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::super::shell::{Result, Shell, count, exit, unknown_job, wrap};
use crate::{
    app::{self, Ahead},
    retention::{Course, Day},
    units::Bytes,
};

/// A person reads no more of the archives that go.
const MOST: usize = 12;

pub(super) fn run(shell: &Shell, job: Option<&str>, days: u16) -> Result {
    let loaded = shell.load()?;
    if let Some(job) = job.filter(|job| loaded.set.get(job).is_none()) {
        return Err(unknown_job(&loaded, job));
    }
    let all = app::ahead(&shell.site, &loaded, job, days)?;
    if all.is_empty() {
        shell.say("no job makes archives; add one of the kind `backup`");
    }
    for (number, ahead) in all.iter().enumerate() {
        if shell.json {
            for line in lines(ahead) {
                shell.json_line(&line);
            }
            continue;
        }
        if number > 0 {
            shell.line("");
        }
        for line in told(shell, ahead) {
            shell.line(line);
        }
    }
    Ok(exit::OK)
}

/// The simulation of one job in at most 80 columns.
pub(in crate::cli) fn told(shell: &Shell, ahead: &Ahead) -> Vec<String> {
    let zone = &shell.site.zone.zone;
    let simulation = &ahead.simulation;
    let (Some(first), Some(last)) = (simulation.days.first(), simulation.days.last()) else {
        return Vec::new();
    };
    let mut lines = vec![format!("{}: {}", ahead.job, state(first))];
    let courses = &simulation.courses;
    let (old, new): (Vec<&Course>, Vec<&Course>) = courses.iter().partition(|c| c.is_here);
    let gone = |all: &[&Course]| all.iter().filter(|course| course.end.is_some()).count();
    let each = match ahead.size_bytes {
        0 => "none shows yet how large they get".to_owned(),
        size => format!("each taken to be {}", Bytes(size)),
    };
    lines.push(format!(
        "  {} to come, {} of them removed again; {each}",
        new.len(),
        gone(&new)
    ));
    lines.push(format!(
        "  {}: {}; never more than {}",
        last.date,
        state(last),
        Bytes(simulation.peak_bytes())
    ));
    if ahead.is_cut {
        lines.push("  cut: there are more slots than are played through".to_owned());
    }
    lines.extend(ends(&old, zone));
    lines
}

fn state(day: &Day) -> String {
    format!(
        "{}, {}",
        count(day.here.len(), "archive"),
        Bytes(day.size_bytes)
    )
}

/// When those of today go, in that order, and how many never do.
fn ends(old: &[&Course], zone: &TimeZone) -> Vec<String> {
    let local =
        |at: jiff::Timestamp, form: &str| at.to_zoned(zone.clone()).strftime(form).to_string();
    let mut going: Vec<_> = old
        .iter()
        .filter_map(|course| Some((course, course.end.as_ref()?)))
        .collect();
    going.sort_by_key(|(course, end)| (end.at, course.item.at));
    let told = |(course, end): &(&&Course, &crate::retention::End)| {
        let (made, goes) = (
            local(course.item.at, "%Y-%m-%d %H:%M"),
            local(end.at, "%Y-%m-%d"),
        );
        wrap(
            &format!("{made} goes {goes}: {}", end.reasons.join("; ")),
            2,
        )
    };
    let mut lines: Vec<String> = going.iter().take(MOST).flat_map(told).collect();
    if going.len() > MOST {
        lines.push(format!(
            "  and {} more; `--json` has all",
            going.len() - MOST
        ));
    }
    let staying = old.len() - going.len();
    if staying > 0 {
        lines.push(format!(
            "  {} of today stay all the time",
            count(staying, "archive")
        ));
    }
    lines
}

/// One line an archive, then one line a day.
fn lines(ahead: &Ahead) -> Vec<Value> {
    let courses = &ahead.simulation.courses;
    let archive = |course: &Course| {
        let end = course.end.as_ref();
        json!({
            "job": ahead.job,
            "archive": course.item.id,
            "slot": course.item.at,
            "here": course.is_here,
            "size_bytes": course.item.size_bytes,
            "verified": course.item.verified,
            "removed_at": end.map(|end| end.at),
            "reasons": end.map(|end| &end.reasons),
        })
    };
    let day = |day: &Day| {
        let here = day.here.iter().filter_map(|place| courses.get(*place));
        json!({
            "job": ahead.job,
            "date": day.date,
            "made": day.made,
            "removed": day.removed,
            "size_bytes": day.size_bytes,
            "archives": here.map(|course| &course.item.id).collect::<Vec<_>>(),
            "cut": ahead.is_cut,
        })
    };
    let archives = courses.iter().map(archive);
    archives
        .chain(ahead.simulation.days.iter().map(day))
        .collect()
}
