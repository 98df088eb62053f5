use super::{
    super::super::{Adjustment, Flaw},
    *,
};
use crate::analysis::Timeframe;

const DAILY: &str = r#"{"Meta Data":{"1. Information":"Daily Prices","2. Symbol":"AAPL",
    "3. Last Refreshed":"2026-01-06","4. Output Size":"Compact","5. Time Zone":"US/Eastern"},
    "Time Series (Daily)":{
    "2026-01-06":{"1. open":"10.1000","2. high":"10.9","3. low":"10.0","4. close":"10.5","5. volume":"1234"},
    "2026-01-05":{"1. open":"9","2. high":"9.5","3. low":"8.5","4. close":"9.1","5. volume":"99"},
    "2026-01-02":{"1. open":"9","2. high":"8","3. low":"8.5","4. close":"9.1","5. volume":"99"}}}"#;

fn ask(symbol: &str, timeframe: Timeframe) -> Ask<'_> {
    Ask {
        symbol,
        timeframe,
        newest: None,
        now: "2026-01-07T00:00:00Z".parse().unwrap(),
    }
}

fn class(body: &str) -> Class {
    parse_alpha_vantage(body.as_bytes(), &ask("AAPL", Timeframe::D1))
        .unwrap_err()
        .class
}

#[test]
fn daily_bars_come_oldest_first_and_bad_ones_are_findings() {
    let series = parse_alpha_vantage(DAILY.as_bytes(), &ask("AAPL", Timeframe::D1)).unwrap();
    let stamps: Vec<String> = series
        .bars
        .stamps()
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(stamps, ["2026-01-05", "2026-01-06"]);
    assert_eq!(series.bars.column(Field::Close), [9.1, 10.5]);
    assert_eq!(series.bars.column(Field::Volume), [99.0, 1234.0]);
    assert_eq!(series.findings[0].flaw, Flaw::Outside);
    assert_eq!(series.adjustment, Adjustment::AsTraded);
    assert_eq!(series.zone.unwrap().iana_name(), Some("US/Eastern"));
}

#[test]
fn bars_within_a_session_are_stamped_by_their_end_in_the_zone_of_the_answer() {
    let body = r#"{"Meta Data":{"2. Symbol":"AAPL","4. Interval":"5min","6. Time Zone":"US/Eastern"},
        "Time Series (5min)":{"2026-01-05 15:55:00":
        {"1. open":"1","2. high":"1","3. low":"1","4. close":"1","5. volume":"1"}}}"#;
    let series = parse_alpha_vantage(body.as_bytes(), &ask("AAPL", Timeframe::M5)).unwrap();
    assert_eq!(series.bars.stamps()[0].to_string(), "2026-01-05T21:00:00Z");
    let other = parse_alpha_vantage(body.as_bytes(), &ask("AAPL", Timeframe::M1)).unwrap_err();
    assert_eq!(other.class, Class::Parse);
}

#[test]
fn a_table_is_read_too_and_json_may_come_instead() {
    let body =
        "timestamp,open,high,low,close,volume\r\n2026-01-06,2,3,1,2,5\r\n2026-01-05,2,3,1,x,5\r\n";
    let series = parse_alpha_vantage(body.as_bytes(), &ask("AAPL", Timeframe::D1)).unwrap();
    assert_eq!((series.bars.len(), series.findings.len()), (1, 1));
    assert_eq!(class("Too Many Requests"), Class::Burst);
    assert_eq!(class("hello"), Class::Parse);
}

#[test]
fn another_symbol_is_refused() {
    let refusal = parse_alpha_vantage(DAILY.as_bytes(), &ask("MSFT", Timeframe::D1)).unwrap_err();
    assert_eq!(refusal.class, Class::OtherSymbol);
    assert_eq!(refusal.what, "`MSFT` was asked for, `AAPL` came");
}

#[test]
fn what_is_no_data_has_its_class() {
    for (body, expected) in [
        ("", Class::Transport),
        ("  ", Class::Transport),
        (&DAILY[..DAILY.len() / 2], Class::Transport),
        ("<!DOCTYPE html><html></html>", Class::Parse),
        ("[1]", Class::Parse),
        ("{}", Class::Empty),
        (r#"{"Global Quote":{}}"#, Class::Symbol),
        (r#"{"Global Quote":{"01. symbol":"AAPL"}}"#, Class::Parse),
        (r#"{"Surprise":1}"#, Class::Parse),
        (r#"{"Meta Data":{},"Time Series (Daily)":{}}"#, Class::Empty),
        (
            r#"{"Meta Data":{},"Time Series (Daily)":{"x":{}}}"#,
            Class::Parse,
        ),
        (
            r#"{"Meta Data":{"5. Time Zone":"Moon/Base"},"Time Series (Daily)":{}}"#,
            Class::Parse,
        ),
        (
            r#"{"Error Message":"Invalid API call. Please retry"}"#,
            Class::Symbol,
        ),
        (
            r#"{"Error Message":"the parameter apikey is invalid or missing."}"#,
            Class::Key,
        ),
        (r#"{"Information":"Something new"}"#, Class::Parse),
        (
            r#"{"Note":"5 calls per minute and 500 calls per day"}"#,
            Class::Burst,
        ),
    ] {
        assert_eq!(class(body), expected, "{body}");
    }
}
