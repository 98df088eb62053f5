//! Exchanges whose holidays no rule gives: what they and their governments announced.
//!
//! A row is a year, its weekdays without a session (`MMDD`, or `MMDD-MMDD` for a stretch), and its
//! sessions that end early. Days moved to a weekend by decree are no sessions.

use jiff::civil::Date;

use super::days::on;

/// A year of a table.
pub(super) type Row = (i16, &'static str, &'static str);

/// Shanghai, up to the last year announced by the State Council.
pub(super) const XSHG: [Row; 12] = [
    (
        2015,
        "0101-0102 0218-0224 0406 0501 0622 0903-0904 1001-1007",
        "",
    ),
    (
        2016,
        "0101 0208-0212 0404 0502 0609-0610 0915-0916 1003-1007",
        "",
    ),
    (
        2017,
        "0102 0127-0202 0403-0404 0501 0529-0530 1002-1006",
        "",
    ),
    (
        2018,
        "0101 0215-0221 0405-0406 0430-0501 0618 0924 1001-1005 1231",
        "",
    ),
    (
        2019,
        "0101 0204-0208 0405 0501-0503 0607 0913 1001-1007",
        "",
    ),
    (
        2020,
        "0101 0124-0131 0406 0501-0505 0625-0626 1001-1008",
        "",
    ),
    (
        2021,
        "0101 0211-0217 0405 0503-0505 0614 0920-0921 1001-1007",
        "",
    ),
    (
        2022,
        "0103 0131-0204 0404-0405 0502-0504 0603 0912 1003-1007",
        "",
    ),
    (
        2023,
        "0102 0123-0127 0405 0501-0503 0622-0623 0929-1006",
        "",
    ),
    (
        2024,
        "0101 0209-0216 0404-0405 0501-0503 0610 0916-0917 1001-1007",
        "",
    ),
    (2025, "0101 0128-0204 0404 0501-0505 0602 1001-1008", ""),
    (
        2026,
        "0101-0102 0216-0223 0406 0501-0505 0619 0925 1001-1007",
        "",
    ),
];

/// Hong Kong, up to the last year whose general holidays are gazetted; half days end at 12:00.
pub(super) const XHKG: [Row; 13] = [
    (
        2015,
        "0101 0219-0220 0403-0407 0501 0525 0701 0903 0928 1001 1021 1225",
        "0218 1224 1231",
    ),
    (
        2016,
        "0101 0208-0210 0325-0328 0404 0502 0609 0701 0802 0916 1010 1021 1226-1227",
        "",
    ),
    (
        2017,
        "0102 0130-0131 0404 0414-0417 0501 0503 0530 0823 1002 1005 1225-1226",
        "0127",
    ),
    (
        2018,
        "0101 0216-0219 0330-0402 0405 0501 0522 0618 0702 0925 1001 1017 1225-1226",
        "0215 1224 1231",
    ),
    (
        2019,
        "0101 0205-0207 0405 0419-0422 0501 0513 0607 0701 1001 1007 1225-1226",
        "0204 1224 1231",
    ),
    (
        2020,
        "0101 0127-0128 0410-0413 0430-0501 0625 0701 1001-1002 1013 1026 1225",
        "0124 1224 1231",
    ),
    (
        2021,
        "0101 0212-0215 0402-0406 0519 0614 0701 0922 1001 1013-1014 1227",
        "0211 1224 1231",
    ),
    (
        2022,
        "0201-0203 0405 0415-0418 0502 0509 0603 0701 0912 1004 1226-1227",
        "0131",
    ),
    (
        2023,
        "0102 0123-0125 0405 0407-0410 0501 0526 0622 0717 1002 1023 1225-1226",
        "",
    ),
    (
        2024,
        "0101 0212-0213 0329-0401 0404 0501 0515 0610 0701 0906 0918 1001 1011 1225-1226",
        "0209 1224 1231",
    ),
    (
        2025,
        "0101 0129-0131 0404 0418-0421 0501 0505 0701 1001 1007 1029 1225-1226",
        "0128 1224 1231",
    ),
    (
        2026,
        "0101 0217-0219 0403-0407 0501 0525 0619 0701 1001 1019 1225",
        "0216 1224 1231",
    ),
    (
        2027,
        "0101 0208-0209 0326-0329 0405 0513 0609 0701 0916 1001 1008 1227",
        "0205 1224 1231",
    ),
];

/// The dates of one list of a row. What cannot be read is left out; a test reads every row.
pub(super) fn dates(year: i16, list: &str) -> impl Iterator<Item = Date> {
    list.split(' ').flat_map(move |part| {
        let (from, to) = part.split_once('-').unwrap_or((part, part));
        let (from, to) = (date(year, from), date(year, to));
        let days = from.map(|from| from.series(jiff::Span::new().days(1)));
        days.into_iter()
            .flatten()
            .take_while(move |day| to.is_some_and(|to| *day <= to))
    })
}

fn date(year: i16, text: &str) -> Option<Date> {
    let (month, day) = text.split_at_checked(2)?;
    on(year, month.parse().ok()?, day.parse().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_can_be_read_and_the_years_follow_each_other() {
        for (table, first) in [(&XSHG[..], 2015), (&XHKG[..], 2015)] {
            for ((year, closed, early), expected) in table.iter().zip(first..) {
                assert_eq!(*year, expected);
                for part in [*closed, early].iter().flat_map(|list| list.split(' ')) {
                    let count = dates(*year, part).count();
                    assert!(count > 0 || part.is_empty(), "{year} {part}");
                }
            }
        }
    }
}
