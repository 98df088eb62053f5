use super::*;
use crate::analysis::Field;

/// Two days, the second without prices, and a split.
const DAILY: &str = r#"{"chart":{"result":[{"meta":{"symbol":"AAPL","dataGranularity":"1d",
    "exchangeTimezoneName":"America/New_York"},"timestamp":[1767623400,1767709800],
    "events":{"splits":{"1767623400":{"date":1767623400,"numerator":2,"denominator":1,"splitRatio":"2:1"}}},
    "indicators":{"quote":[{"open":[2.0,null],"high":[3,null],"low":[1,null],"close":[2.5,null],
    "volume":[7,null]}],"adjclose":[{"adjclose":[2.4,null]}]}}],"error":null}}"#;

fn ask(symbol: &str, timeframe: Timeframe) -> Ask<'_> {
    Ask {
        symbol,
        timeframe,
        newest: None,
        now: "2026-01-07T00:00:00Z".parse().unwrap(),
    }
}

fn class(body: &str) -> Class {
    parse_yahoo(body.as_bytes(), &ask("AAPL", Timeframe::D1))
        .unwrap_err()
        .class
}

#[test]
fn daily_bars_and_splits_are_of_the_exchanges_days() {
    let series = parse_yahoo(DAILY.as_bytes(), &ask("aapl", Timeframe::D1)).unwrap();
    assert_eq!(series.bars.stamps()[0].to_string(), "2026-01-05");
    assert_eq!(series.bars.column(Field::Close), [2.5]);
    assert_eq!(series.splits[0].on.to_string(), "2026-01-05");
    assert_eq!(series.splits[0].ratio.to_string(), "2");
    assert_eq!(series.adjustment, Adjustment::Splits);
    let told: Vec<_> = series
        .findings
        .iter()
        .map(|found| found.what.as_str())
        .collect();
    assert_eq!(told, ["open is missing"]);
    assert_eq!(series.findings[0].stamp.unwrap().to_string(), "2026-01-06");
}

#[test]
fn bars_within_a_session_are_stamped_by_their_end_and_a_moment_is_no_bar() {
    let body = DAILY
        .replace("\"1d\"", "\"5m\"")
        .replace("1767709800]", "1767623711]");
    let series = parse_yahoo(body.as_bytes(), &ask("AAPL", Timeframe::M5)).unwrap();
    assert_eq!(series.bars.stamps()[0].to_string(), "2026-01-05T14:35:00Z");
    assert_eq!(series.findings[0].flaw, Flaw::Incomplete);
}

#[test]
fn what_is_no_data_has_its_class() {
    let fault = |code: &str| {
        format!(r#"{{"chart":{{"result":null,"error":{{"code":"{code}","description":"said"}}}}}}"#)
    };
    for (body, expected) in [
        (String::new(), Class::Transport),
        (DAILY[..DAILY.len() - 20].to_owned(), Class::Transport),
        ("<html>".to_owned(), Class::Parse),
        ("{}".to_owned(), Class::Parse),
        ("Edge: Too Many Requests".to_owned(), Class::Burst),
        (fault("Not Found"), Class::Symbol),
        (fault("Unauthorized"), Class::Burst),
        (fault("Whatever"), Class::Parse),
        (
            fault("Not Found").replace("chart", "finance"),
            Class::Symbol,
        ),
        (
            r#"{"chart":{"result":[],"error":null}}"#.to_owned(),
            Class::Empty,
        ),
        (DAILY.replace("\"timestamp\"", "\"other\""), Class::Empty),
        (DAILY.replace("AAPL", "MSFT"), Class::OtherSymbol),
        (DAILY.replace("\"1d\"", "\"1mo\""), Class::Parse),
        (DAILY.replace("America/New_York", "Moon/Base"), Class::Parse),
        (
            DAILY.replace("\"volume\":[7,null]", "\"volume\":[7]"),
            Class::Parse,
        ),
        (DAILY.replace("2.0,null", "null,null"), Class::Parse),
        (
            DAILY.replace("1767623400,1", "99999999999999999,1"),
            Class::Parse,
        ),
    ] {
        assert_eq!(class(&body), expected, "{body}");
    }
}
