//! The calendars that come with the program.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, LazyLock},
};

use jiff::{
    civil::{Date, Time, time},
    tz::TimeZone,
};

use super::{
    Calendar, Hours, Parts,
    days::on,
    tables::{self, Row},
    xlon, xnys,
};

/// The names of the calendars that come with the program, in order.
pub const NAMES: [&str; 4] = ["XHKG", "XLON", "XNYS", "XSHG"];

/// The years in which the rules were held against every session of an independent source. Before
/// it the exchanges had other rules; after it nobody has looked.
const RULED: (i16, i16) = (2015, 2049);

type Cell = LazyLock<Option<Arc<Calendar>>>;

static XHKG: Cell = LazyLock::new(|| {
    let hours = hours((9, 30), (16, 0), Some(((12, 0), (13, 0))))?;
    tabled("XHKG", "Asia/Hong_Kong", hours, &tables::XHKG, at(12, 0))
});
static XLON: Cell = LazyLock::new(|| {
    let hours = hours((8, 0), (16, 30), None)?;
    let (closed, early) = (
        years().flat_map(xlon::closed).collect(),
        years().flat_map(xlon::early).map(|date| (date, at(12, 30))),
    );
    calendar(
        "XLON",
        "Europe/London",
        hours,
        RULED,
        closed,
        early.collect(),
    )
});
static XNYS: Cell = LazyLock::new(|| {
    let hours = hours((9, 30), (16, 0), None)?;
    let (closed, early) = (
        years().flat_map(xnys::closed).collect(),
        years().flat_map(xnys::early).map(|date| (date, at(13, 0))),
    );
    calendar(
        "XNYS",
        "America/New_York",
        hours,
        RULED,
        closed,
        early.collect(),
    )
});
static XSHG: Cell = LazyLock::new(|| {
    let hours = hours((9, 30), (15, 0), Some(((11, 30), (13, 0))))?;
    tabled("XSHG", "Asia/Shanghai", hours, &tables::XSHG, at(11, 30))
});

/// The calendar of that name that comes with the program. `None` for a name that is not in
/// [`NAMES`], and where the computer has no data of the exchange's zone.
pub fn built_in(name: &str) -> Option<Arc<Calendar>> {
    let cell = match name {
        "XHKG" => &XHKG,
        "XLON" => &XLON,
        "XNYS" => &XNYS,
        "XSHG" => &XSHG,
        _ => return None,
    };
    LazyLock::force(cell).clone()
}

fn years() -> impl Iterator<Item = i16> {
    RULED.0..=RULED.1
}

fn at(hour: i8, minute: i8) -> Time {
    time(hour, minute, 0, 0)
}

type Minute = (i8, i8);

fn hours(open: Minute, close: Minute, lunch: Option<(Minute, Minute)>) -> Option<Hours> {
    let clock = |(hour, minute)| at(hour, minute);
    let lunch = lunch.map(|(from, to)| (clock(from), clock(to)));
    Hours::new(clock(open), clock(close), lunch).ok()
}

/// A calendar from the rows of a table, all of whose early sessions end at `early`.
fn tabled(
    name: &str,
    zone: &str,
    hours: Hours,
    rows: &[Row],
    early: Time,
) -> Option<Arc<Calendar>> {
    let years = (rows.first()?.0, rows.last()?.0);
    let closed = rows.iter().flat_map(|row| tables::dates(row.0, row.1));
    let ends = rows.iter().flat_map(|row| tables::dates(row.0, row.2));
    let ends = ends.map(|date| (date, early)).collect();
    calendar(name, zone, hours, years, closed.collect(), ends)
}

fn calendar(
    name: &str,
    zone: &str,
    hours: Hours,
    (first, last): (i16, i16),
    closed: BTreeSet<Date>,
    early: BTreeMap<Date, Time>,
) -> Option<Arc<Calendar>> {
    let parts = Parts {
        name: name.to_owned(),
        zone: TimeZone::get(zone).ok()?,
        hours,
        from: on(first, 1, 1)?,
        through: on(last, 12, 31)?,
        weekdays: [true, true, true, true, true, false, false],
        closed,
        extra: BTreeSet::new(),
        early,
    };
    Some(Arc::new(Calendar::new(parts, None)))
}
