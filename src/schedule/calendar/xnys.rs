//! The New York Stock Exchange by its rules (NYSE Rule 7.2 and the exchange's announcements).

use jiff::civil::{Date, Weekday};

use super::days::{easter, nearest_weekday, nth, on, plus};

/// Closed for once: mourning for a president.
const ONCE: [(i16, i8, i8); 2] = [(2018, 12, 5), (2025, 1, 9)];

/// The holidays of a year that fall on weekdays.
pub(super) fn closed(year: i16) -> impl Iterator<Item = Date> {
    // New Year's Day on a Saturday is not kept: the Friday before belongs to the old year.
    let new_year = on(year, 1, 1).and_then(|day| match day.weekday() {
        Weekday::Saturday => None,
        _ => nearest_weekday(day),
    });
    let kept = |month, day| on(year, month, day).and_then(nearest_weekday);
    let once = ONCE.into_iter().filter(move |once| once.0 == year);
    [
        new_year,
        nth(3, Weekday::Monday, year, 1),
        nth(3, Weekday::Monday, year, 2),
        easter(year).and_then(|easter| plus(easter, -2)),
        nth(-1, Weekday::Monday, year, 5),
        kept(6, 19).filter(|_| year >= 2022),
        kept(7, 4),
        nth(1, Weekday::Monday, year, 9),
        nth(4, Weekday::Thursday, year, 11),
        kept(12, 25),
    ]
    .into_iter()
    .flatten()
    .chain(once.filter_map(|(year, month, day)| on(year, month, day)))
}

/// The sessions of a year that end at 13:00: the day after Thanksgiving, and the eves of
/// Independence Day and Christmas where they are not themselves kept as the holiday.
pub(super) fn early(year: i16) -> impl Iterator<Item = Date> {
    let eve = |month, day| {
        on(year, month, day).filter(|eve| {
            let weekday = eve.weekday().to_monday_one_offset();
            weekday <= Weekday::Thursday.to_monday_one_offset()
        })
    };
    let thanksgiving = nth(4, Weekday::Thursday, year, 11);
    [
        eve(7, 3),
        thanksgiving.and_then(|day| plus(day, 1)),
        eve(12, 24),
    ]
    .into_iter()
    .flatten()
}
