//! Dates that rules speak of. `None` only outside the years that a date can have.

use jiff::{
    Span,
    civil::{Date, Weekday},
};

/// A day of a month.
pub(super) fn on(year: i16, month: i8, day: i8) -> Option<Date> {
    Date::new(year, month, day).ok()
}

/// The `nth` such weekday of a month; -1 is the last.
pub(super) fn nth(nth: i8, weekday: Weekday, year: i16, month: i8) -> Option<Date> {
    on(year, month, 1)?.nth_weekday_of_month(nth, weekday).ok()
}

/// The date `days` days later, or earlier when negative.
pub(super) fn plus(date: Date, days: i8) -> Option<Date> {
    date.checked_add(Span::new().days(i64::from(days))).ok()
}

/// A Saturday's holiday is kept on Friday, a Sunday's on Monday.
pub(super) fn nearest_weekday(date: Date) -> Option<Date> {
    match date.weekday() {
        Weekday::Saturday => plus(date, -1),
        Weekday::Sunday => plus(date, 1),
        _ => Some(date),
    }
}

/// A weekend's holiday is kept on the Monday after it.
pub(super) fn monday_after_weekend(date: Date) -> Option<Date> {
    match date.weekday() {
        Weekday::Saturday => plus(date, 2),
        Weekday::Sunday => plus(date, 1),
        _ => Some(date),
    }
}

/// The date itself, or the Friday before if it is on a weekend.
pub(super) fn weekday_up_to(date: Date) -> Option<Date> {
    match date.weekday() {
        Weekday::Saturday => plus(date, -1),
        Weekday::Sunday => plus(date, -2),
        _ => Some(date),
    }
}

/// Easter Sunday of the western churches: the first Sunday after the church's full moon on or
/// after 21 March (Gregorian computus).
pub(super) fn easter(year: i16) -> Option<Date> {
    let year_number = i32::from(year);
    let century = year_number.div_euclid(100);
    let golden = year_number.rem_euclid(19);
    // Leap days left out and the moon's own correction, by century.
    let moon = century - century / 4 - (8 * century + 13) / 25 + 19 * golden + 15;
    let epact = moon.rem_euclid(30);
    let late = i32::from(epact == 29 || (epact == 28 && golden > 10));
    // Days from 21 March to the full moon.
    let full = i8::try_from(epact - late).ok()?;
    let full_moon = plus(on(year, 3, 21)?, full)?;
    full_moon.nth_weekday(1, Weekday::Sunday).ok()
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn easter_falls_where_almanacs_have_it() {
        for (year, month, day) in [
            (1818, 3, 22),
            (1943, 4, 25),
            (1954, 4, 18),
            (1981, 4, 19),
            (2000, 4, 23),
            (2008, 3, 23),
            (2024, 3, 31),
            (2025, 4, 20),
            (2038, 4, 25),
            (2049, 4, 18),
        ] {
            assert_eq!(easter(year), Some(date(year, month, day)), "{year}");
        }
    }

    proptest::proptest! {
        #[test]
        fn easter_is_a_sunday_in_its_five_weeks(year in 1583i16..9_000) {
            let easter = easter(year).unwrap();
            assert_eq!(easter.weekday(), Weekday::Sunday);
            assert!((date(year, 3, 22)..=date(year, 4, 25)).contains(&easter));
        }
    }
}
