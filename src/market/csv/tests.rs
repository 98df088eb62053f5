//! Dialects, and what is wrong with files.

use super::*;
use crate::market::Found as Judged;

const HEAD: &str = "date,open,high,low,close,volume";

fn read(text: &str) -> Result<Read, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("X.csv");
    crate::files::write_atomic(&path, text.as_bytes()).unwrap();
    read_prices(&path, "X", None).map_err(|error| {
        let hint = error.hint().unwrap_or_default();
        let error = error.to_string();
        let error = error.replace(&path.display().to_string(), "X.csv");
        format!("{error}; {hint}")
    })
}

fn of_rows(rows: &[&str]) -> Result<Read, String> {
    read(&format!("{HEAD}\n{}\n", rows.join("\n")))
}

/// `STAMP CLOSE` of each bar.
fn bars(read: &Read) -> Vec<String> {
    let closes = read.series.bars.column(crate::analysis::Field::Close);
    let bars = read.series.bars.stamps().iter().zip(closes);
    bars.map(|(stamp, close)| format!("{stamp} {close}"))
        .collect()
}

#[test]
fn columns_are_found_by_name_in_any_order() {
    for (text, bar, adjustment) in [
        (
            "\u{feff}Volume,Close,Low,High,Open,Date,Adj Close\r\n5,2,1,3,2,2026-01-05,9\r\n",
            "2026-01-05 2",
            Adjustment::Splits,
        ),
        (
            "timestamp,open,high,low,close,volume\n2026-01-05T15:30:00-05:00,2,3,1,2,5\n",
            "2026-01-05T20:30:00Z 2",
            Adjustment::AsTraded,
        ),
        (
            "date,open,high,low,close,volume,split\n2022-05-03 00:00:00+01:00,2,3,1,2,0,0\n",
            "2022-05-03 2",
            Adjustment::Splits,
        ),
        (
            "date,open,high,low,close,adjusted_close,volume,split_coefficient\n\
             2022-05-03,2,3,1,2,1,0,1.0\n",
            "2022-05-03 2",
            Adjustment::AsTraded,
        ),
        (
            "Date,Open,High,Low,Close,Volume,Adj. Open,Adj. Close\n2022-05-03,2,3,1,2,0,1,1\n",
            "2022-05-03 2",
            Adjustment::AsTraded,
        ),
    ] {
        let read = read(text).unwrap();
        assert_eq!(
            (bars(&read), read.series.adjustment),
            (vec![bar.into()], adjustment)
        );
    }
}

#[test]
fn each_bad_row_is_found_with_its_line_and_the_good_ones_stay() {
    let rows = [
        "2026-01-05,2,3,1,2,5",
        "2026-01-06,2,1,3,2,5",
        "2026-01-06,4,3,1,2,5",
        "2026-01-06,2,3,1,0.5,5",
        "2026-01-06,2,3,1,nan,5",
        "2026-01-06,2,3,-1,2,5",
        "2026-01-06,2,3,,2,5",
        "2026-01-06,2,3,1,two,5",
        "2026-01-06,2,3,1,2.5,5",
        "2026-01-07,2,3,1,\"2,5\",5",
        "2026-01-07,2,3,1,2,-5",
        "2026-01-07,2,3",
        "yesterday,2,3,1,2,5",
        ",2,3,1,2,5",
        "2026-01-07 15:30,2,3,1,2,5",
        "2026-01-05,2,3,1,2,5",
        "2026-01-04,2,3,1,2,5",
        "2026-01-07,2,3,1,2,5",
    ];
    let inspected = of_rows(&rows).unwrap().inspect(&Context {
        calendar: None,
        now: jiff::Timestamp::MAX,
        stored: None,
    });
    assert_eq!(inspected.bars.len(), 3);
    let told = |found: &Judged| {
        let Finding {
            line, flaw, what, ..
        } = &found.finding;
        format!("{}: {flaw}: {what}", line.unwrap())
    };
    let mut told: Vec<String> = inspected.found.iter().map(told).collect();
    told.sort_by_key(|line| line.split(':').next().unwrap().parse::<u64>().unwrap());
    insta::assert_snapshot!(told.join("\n"), @r"
    3: outside: high 1 is below low 3
    4: outside: open 4 is not between low 1 and high 3
    5: outside: close 0.5 is not between low 1 and high 3
    6: malformed: close is NaN
    7: not_positive: low is -1
    8: malformed: low is empty
    9: malformed: close `two` is no number
    11: malformed: close `2,5` has a comma: numbers need a point
    12: not_positive: volume is -5
    13: malformed: low is empty
    14: malformed: `yesterday` is no date like 2026-01-05 and no instant with its offset
    15: malformed: date is empty
    16: malformed: `2026-01-07 15:30` has no offset: write it as 2026-01-05 15:30:00-05:00
    17: duplicate: 2026-01-05 is there already
    18: unsorted: 2026-01-04 comes after 2026-01-06
    ");
}

#[test]
fn the_whole_column_says_which_number_is_the_month() {
    let row = |date: &str| format!("{date},2,3,1,2,5");
    let dates = |dates: &[&str]| {
        let rows: Vec<String> = dates.iter().map(|date| row(date)).collect();
        of_rows(&rows.iter().map(String::as_str).collect::<Vec<_>>()).map(|read| {
            let stamps = read.series.bars.stamps().iter();
            stamps.map(ToString::to_string).collect::<Vec<_>>()
        })
    };
    for (written, meant) in [
        (["01/03/2017", "01/13/2017"], ["2017-01-03", "2017-01-13"]),
        (["03/01/2017", "13/01/2017"], ["2017-01-03", "2017-01-13"]),
        (["1/3/17", "1/13/17"], ["2017-01-03", "2017-01-13"]),
        (["31-12-68", "01-01-69"], ["1969-01-01", "2068-12-31"]),
        (["05.01.2026", "06.01.26"], ["2026-01-05", "2026-01-06"]),
        (["2026/1/5", "2026.01.06"], ["2026-01-05", "2026-01-06"]),
        (["20260105", "6-Jan-26"], ["2026-01-05", "2026-01-06"]),
        (
            ["\"Jan 05, 2026\"", "06 Jan 2026"],
            ["2026-01-05", "2026-01-06"],
        ),
        // Where both are the same it does not matter.
        (["01/01/2026", "02/02/2026"], ["2026-01-01", "2026-02-02"]),
    ] {
        assert_eq!(dates(&written).unwrap(), meant, "{written:?}");
    }
    assert_eq!(
        dates(&["01/03/2017", "02/03/2017"]).unwrap_err(),
        "`X.csv` does not say which number of its dates is the month; line 2: `01/03/2017`; \
         write dates as 2026-01-05"
    );
    assert_eq!(
        dates(&["01/13/2017", "13/01/2017"]).unwrap_err(),
        "the dates of `X.csv` have the month first in line 2 and the day first in line 3; \
         write dates as 2026-01-05"
    );
    assert_eq!(
        dates(&["2026-01-05 15:30:00"]).unwrap_err(),
        "no row of `X.csv` is a bar; line 2: `2026-01-05 15:30:00` has no offset: \
         write it as 2026-01-05 15:30:00-05:00; "
    );
}

#[test]
fn newest_first_is_turned_round_with_its_lines() {
    let read = of_rows(&[
        "2026-01-07,2,3,1,2,5",
        "2026-01-06,2,1,3,2,5",
        "2026-01-05,2,3,1,2,5",
    ]);
    let read = read.unwrap();
    assert_eq!(bars(&read)[0], "2026-01-05 2");
    assert_eq!(read.lines, [4, 3, 2]);
}

#[test]
fn a_midnight_among_instants_is_one() {
    let read = of_rows(&[
        "2026-01-05T00:00:00Z,2,3,1,2,5",
        "2026-01-05T01:00:00Z,2,3,1,2,5",
    ]);
    let read = read.unwrap();
    assert_eq!(
        bars(&read),
        ["2026-01-05T00:00:00Z 2", "2026-01-05T01:00:00Z 2"]
    );
    assert_eq!(read.series.timeframe, Timeframe::H1);
    let mixed = of_rows(&["2026-01-05T01:00:00Z,2,3,1,2,5", "2026-01-06,2,3,1,2,5"]).unwrap();
    let what = &mixed.series.findings[0].what;
    assert_eq!(what, "`2026-01-06` is a day, and other rows are instants");
}

#[test]
fn numbers_of_other_places_are_read_where_they_have_one_meaning() {
    let head = "Date;Open;High;Low;Close;Volume\n";
    let semicolons = |rows: &str| read(&format!("{head}{rows}"));
    for (rows, bar) in [
        ("05.01.2026;2,25;3;1;2,5;1.234.567\n", "2026-01-05 2.5"),
        (
            "05.01.2026;1.002,25;1.003,5;1.001;1.002,5;1.234\n",
            "2026-01-05 1002.5",
        ),
        ("2026-01-05;2.25;3;1;2.5;12345\n", "2026-01-05 2.5"),
        ("2026-01-05;2;3;1;2;5\n", "2026-01-05 2"),
        (
            "2026-01-05;\"1,002.25\";1003;1001;\"1,002.5\";\"1,234,567\"\n",
            "2026-01-05 1002.5",
        ),
    ] {
        assert_eq!(bars(&semicolons(rows).unwrap()), [bar], "{rows}");
    }
    for rows in [
        "2026-01-05;1,234;2,345;1,111;1,222;5\n",
        "2026-01-05;1.234;2.345;1.1;1,1;5\n",
    ] {
        let error = semicolons(rows).unwrap_err();
        assert_eq!(
            error,
            format!(
                "`X.csv` does not say whether the mark in `{}`, line 2, is a decimal one; \
                 write numbers as 1234.5",
                rows.split(';').nth(1).unwrap()
            )
        );
    }
    // Where commas separate columns, a point is a decimal one.
    let read = of_rows(&["2026-01-05,1.234,2.345,1.111,1.222,5"]).unwrap();
    assert_eq!(bars(&read), ["2026-01-05 1.222"]);
    let tabs = HEAD.replace(',', "\t") + "\n2026-01-05\t2\t3\t1\t2.5\t5\n";
    assert_eq!(bars(&self::read(&tabs).unwrap()), ["2026-01-05 2.5"]);
}

#[test]
fn splits_beside_prices_are_told() {
    let rows = ["0", "1.0", "2.0", "3:2", "", "0.76", "much"];
    let rows = (1..)
        .zip(rows)
        .map(|(day, split)| format!("2026-01-0{day},2,3,1,2,5,{split}\n"));
    let read = read(&format!(
        "{HEAD},Stock Splits\n{}",
        rows.collect::<String>()
    ))
    .unwrap();
    let splits = read.series.splits.iter();
    let splits: Vec<String> = splits
        .map(|split| format!("{} {}", split.on, split.ratio))
        .collect();
    assert_eq!(
        splits,
        ["2026-01-03 2", "2026-01-04 1.5", "2026-01-06 0.76"]
    );
    let [finding] = &read.series.findings[..] else {
        panic!("{:?}", read.series.findings);
    };
    assert_eq!(finding.what, "split `much` is no ratio like 2 or 2:1");
    assert_eq!(
        (read.series.bars.len(), finding.severity),
        (7, Severity::Warning)
    );
}

#[test]
fn a_file_without_bars_says_what_it_lacks() {
    for (text, expected) in [
        ("", "there is no bar in `X.csv`; "),
        (
            "date,open,high,low,close,volume\n",
            "there is no bar in `X.csv`; ",
        ),
        (
            "date,open,high,low,close,volume\nsoon,1,1,1,1,1\n",
            "no row of `X.csv` is a bar; line 2: `soon` is no date like 2026-01-05 \
             and no instant with its offset; ",
        ),
        (
            "date,open,high,low,last,volume\n",
            "`X.csv` has no column `close`; its columns are `date`, `open`, `high`, `low`, `last`, `volume`",
        ),
    ] {
        assert_eq!(read(text).unwrap_err(), expected);
    }
}

#[test]
fn the_time_between_bars_says_what_they_stand_for() {
    let of = |rows: &[&str]| {
        let rows: Vec<String> = rows.iter().map(|at| format!("{at},2,3,1,2,5")).collect();
        of_rows(&rows.iter().map(String::as_str).collect::<Vec<_>>())
            .unwrap()
            .series
            .timeframe
    };
    assert_eq!(of(&["2026-01-05"]), Timeframe::D1);
    assert_eq!(
        of(&["2026-01-02", "2026-01-05", "2026-01-06"]),
        Timeframe::D1
    );
    assert_eq!(
        of(&["2026-01-05", "2026-01-12", "2026-01-19"]),
        Timeframe::W1
    );
    assert_eq!(
        of(&["2026-01-05T21:00:00Z", "2026-01-06T21:00:00Z"]),
        Timeframe::D1
    );
    assert_eq!(
        of(&["2026-01-05T21:00:00Z", "2026-01-05T21:20:00Z"]),
        Timeframe::M15
    );
    assert_eq!(
        of(&["2026-01-05T21:00:00Z", "2026-01-05T21:00:10Z"]),
        Timeframe::M1
    );
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("X.csv");
    let rows = "2026-01-05T20:00:00Z,2,3,1,2,5\n2026-01-05T21:00:00Z,2,3,1,2,5\n";
    crate::files::write_atomic(&path, format!("{HEAD}\n{rows}").as_bytes()).unwrap();
    let error = read_series(&path, "X", Some(Timeframe::D1)).unwrap_err();
    assert!(error.to_string().ends_with("are 1h, not 1d"), "{error}");
    assert_eq!(
        read_series(&path, "X", Some(Timeframe::H1))
            .unwrap()
            .bars
            .len(),
        2
    );
}
