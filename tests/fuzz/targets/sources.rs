//! Answers of sources of prices.

use bellkeeper::{
    analysis::{Field, Timeframe},
    market::{self, Ask, Refusal, Series},
};

/// What Alpha Vantage may answer. The first byte says which bars were asked for.
pub fn alpha_vantage(data: &[u8]) -> bool {
    judge(data, market::parse_alpha_vantage)
}

/// What Yahoo may answer.
pub fn yahoo(data: &[u8]) -> bool {
    judge(data, market::parse_yahoo)
}

fn judge(data: &[u8], parse: fn(&[u8], &Ask<'_>) -> Result<Series, Refusal>) -> bool {
    let daily = parse(data, &ask(Timeframe::D1));
    let short = parse(data, &ask(Timeframe::M5));
    let read = daily.is_ok() || short.is_ok();
    for answer in [daily, short] {
        match answer {
            Ok(series) => sound(&series),
            Err(refusal) => {
                assert!(!refusal.what.is_empty());
                assert!(refusal.what.chars().count() < 1_000, "{refusal}");
                assert!(!refusal.what.contains(char::is_control), "{refusal:?}");
            }
        }
    }
    read
}

fn ask(timeframe: Timeframe) -> Ask<'static> {
    Ask {
        symbol: "AAPL",
        timeframe,
        newest: None,
        now: jiff::Timestamp::UNIX_EPOCH,
    }
}

fn sound(series: &Series) {
    let bars = &series.bars;
    assert!(!bars.is_empty() && series.symbol.eq_ignore_ascii_case("AAPL"));
    assert!(bars.stamps().windows(2).all(|pair| pair[0] < pair[1]));
    let [open, high, low, close, volume] = Field::ALL.map(|field| bars.column(field));
    for at in 0..bars.len() {
        let range = low[at]..=high[at];
        assert!(low[at] > 0.0 && high[at].is_finite());
        assert!(range.contains(&open[at]) && range.contains(&close[at]));
        assert!(volume[at] >= 0.0 && volume[at].is_finite());
    }
    assert!(
        series
            .splits
            .iter()
            .all(|split| split.ratio > 0.0 && split.ratio.is_finite())
    );
    assert!(series.findings.iter().all(|found| !found.what.is_empty()));
}
