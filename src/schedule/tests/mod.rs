//! Whole schedules against oracles and laws; the parts are tested beside their code.

use jiff::{Timestamp, tz::TimeZone};

use super::*;

mod calendars;
mod cases;
mod laws;
mod parsing;
mod zones;

fn frame(zone: &str) -> Frame {
    Frame {
        zone: TimeZone::get(zone).unwrap(),
        dst: Dst::default(),
        anchor: Timestamp::UNIX_EPOCH,
        calendar: None,
        only: None,
    }
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// The next `count` instants after `after`, in the zone's own words.
fn run(schedule: &str, frame: &Frame, after: &str, count: usize) -> Vec<String> {
    let schedule = Schedule::parse(schedule).unwrap();
    let mut now = at(after);
    (0..count)
        .map(|_| {
            now = schedule.next_after(now, frame).unwrap();
            now.to_zoned(frame.zone.clone())
                .strftime("%Y-%m-%dT%H:%M:%S%:z")
                .to_string()
        })
        .collect()
}
