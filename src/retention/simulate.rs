//! What becomes of archives in the time to come, if every backup succeeds.
//!
//! After each new archive the rules decide about all that are there, as a `backup` job does. What
//! this shows is exact as long as the rules stay and every slot gives one archive of the expected
//! size; a backup that fails removes nothing, so everything only stays longer.

use jiff::{Timestamp, civil::Date, tz::TimeZone};

use super::{Item, Keep, decide};

/// One archive on its way: of today, or one that would be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Course {
    /// The archive.
    pub item: Item,
    /// Whether it is there today.
    pub is_here: bool,
    /// When it goes and why each rule lets it go; `None` if it stays to the end.
    pub end: Option<End>,
}

/// The end of an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct End {
    /// The slot of the archive after which it goes.
    pub at: Timestamp,
    /// Why.
    pub reasons: Vec<String>,
}

/// The archives at the end of a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Day {
    /// The day, in the zone that was given.
    pub date: Date,
    /// What is there, as places in [`Simulation::courses`], in their order.
    pub here: Vec<usize>,
    /// How many were made on it.
    pub made: usize,
    /// How many went on it.
    pub removed: usize,
    /// How much room they take, in bytes.
    pub size_bytes: u64,
}

/// What becomes of the archives.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Simulation {
    /// The archives of today in the order given, then the coming ones by their slots.
    pub courses: Vec<Course>,
    /// Today and the days after it.
    pub days: Vec<Day>,
}

impl Simulation {
    /// The largest room that the archives take at the end of a day, in bytes.
    pub fn peak_bytes(&self) -> u64 {
        let sizes = self.days.iter().map(|day| day.size_bytes);
        sizes.max().unwrap_or_default()
    }
}

/// Plays the archives of `today` and those that are `coming` (each as it would be made, none later
/// than `days` days) through the rules.
pub fn simulate(
    today: &[Item],
    coming: &[Item],
    keep: &Keep,
    now: Timestamp,
    days: u16,
    zone: &TimeZone,
) -> Simulation {
    let course = |is_here: bool| {
        move |item: &Item| Course {
            item: item.clone(),
            is_here,
            end: None,
        }
    };
    let mut courses: Vec<_> = today.iter().map(course(true)).collect();
    let mut later: Vec<_> = coming.iter().map(course(false)).collect();
    later.sort_by_key(|course| course.item.at);
    courses.append(&mut later);
    for next in today.len()..courses.len() {
        step(&mut courses, next, keep, zone);
    }
    let days = table(&courses, now, days, zone);
    Simulation { courses, days }
}

/// The archive `next` is made, and the rules decide about all that are there then.
fn step(courses: &mut [Course], next: usize, keep: &Keep, zone: &TimeZone) {
    let Some(now) = courses.get(next).map(|course| course.item.at) else {
        return;
    };
    let made = courses.iter_mut().take(next + 1);
    let (mut here, items): (Vec<_>, Vec<_>) = made
        .filter(|course| course.end.is_none())
        .map(|course| (&mut course.end, course.item.clone()))
        .unzip();
    for (end, decision) in here.iter_mut().zip(decide(&items, keep, now, zone)) {
        if !decision.keep {
            let reasons = decision.reasons;
            **end = Some(End { at: now, reasons });
        }
    }
}

fn table(courses: &[Course], now: Timestamp, days: u16, zone: &TimeZone) -> Vec<Day> {
    let date = |at: Timestamp| at.to_zoned(zone.clone()).date();
    let first = date(now);
    let dates = std::iter::successors(Some(first), |date| date.tomorrow().ok());
    let day = |day: Date| {
        let born = |course: &Course| !course.is_here && date(course.item.at) == day;
        let gone = |course: &Course| course.end.as_ref().is_some_and(|end| date(end.at) == day);
        let is_here = |course: &Course| {
            let made = course.is_here || date(course.item.at) <= day;
            made && course.end.as_ref().is_none_or(|end| date(end.at) > day)
        };
        let here: Vec<usize> = courses
            .iter()
            .enumerate()
            .filter(|(_, course)| is_here(course))
            .map(|(place, _)| place)
            .collect();
        let sizes = here.iter().filter_map(|place| courses.get(*place));
        Day {
            date: day,
            made: courses.iter().filter(|course| born(course)).count(),
            removed: courses.iter().filter(|course| gone(course)).count(),
            size_bytes: sizes.map(|course| course.item.size_bytes).sum(),
            here,
        }
    };
    dates.take(usize::from(days) + 1).map(day).collect()
}
