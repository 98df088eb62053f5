//! The London Stock Exchange by its rules: the bank holidays of England, with their exceptions.

use jiff::civil::{Date, Weekday};

use super::days::{easter, monday_after_weekend, nth, on, plus, weekday_up_to};

/// Bank holidays for once: jubilee, funeral, coronation.
const ONCE: [(i16, i8, i8); 3] = [(2022, 6, 3), (2022, 9, 19), (2023, 5, 8)];

/// The holidays of a year that fall on weekdays.
pub(super) fn closed(year: i16) -> impl Iterator<Item = Date> {
    // Christmas and the day after it move past the weekend, both by two days.
    let christmas = |day| {
        on(year, 12, day).and_then(|date| match date.weekday() {
            Weekday::Saturday | Weekday::Sunday => plus(date, 2),
            _ => Some(date),
        })
    };
    let early_may = match year {
        2020 => on(2020, 5, 8),
        _ => nth(1, Weekday::Monday, year, 5),
    };
    let late_may = match year {
        2022 => on(2022, 6, 2),
        _ => nth(-1, Weekday::Monday, year, 5),
    };
    let once = ONCE.into_iter().filter(move |once| once.0 == year);
    [
        on(year, 1, 1).and_then(monday_after_weekend),
        easter(year).and_then(|easter| plus(easter, -2)),
        easter(year).and_then(|easter| plus(easter, 1)),
        early_may,
        late_may,
        nth(-1, Weekday::Monday, year, 8),
        christmas(25),
        christmas(26),
    ]
    .into_iter()
    .flatten()
    .chain(once.filter_map(|(year, month, day)| on(year, month, day)))
}

/// The sessions of a year that end at 12:30: the last weekdays before Christmas and of the year.
pub(super) fn early(year: i16) -> impl Iterator<Item = Date> {
    [on(year, 12, 24), on(year, 12, 31)]
        .into_iter()
        .flatten()
        .filter_map(weekday_up_to)
}
