//! Trades in a file with a header and commas.

use std::path::Path;

use csv::StringRecord;
use jiff::{
    Timestamp,
    civil::{Date, DateTime},
    tz::TimeZone,
};

use super::{
    BadRow, CsvError,
    csv::{STAMPS, lacking, open, reading},
    header::Header,
};
use crate::{analysis::Trade, micros::Micros};

/// Reads the trades in the file at `path`: columns `date`, `symbol`, `side`, `quantity`, `price`, and
/// if it has them `fee`, `strategy`, `note`. Times without an offset are of `zone`. Oldest first,
/// whatever their order in the file.
///
/// # Errors
/// When it cannot be read or has no trade. Rows that are wrong are returned beside the good ones.
pub fn read_trades(path: &Path, zone: &TimeZone) -> Result<(Vec<Trade>, Vec<BadRow>), CsvError> {
    let wrap = |error: csv::Error| reading(path, error.into());
    let mut reader = open(path)?;
    let header = Header::new(reader.headers().map_err(wrap)?);
    let columns = Columns::find(path, &header)?;
    let (mut trades, mut findings) = (Vec::new(), Vec::new());
    for record in reader.records() {
        let record = record.map_err(wrap)?;
        match columns.trade(&record, zone) {
            Ok(trade) => trades.push(trade),
            Err(what) => findings.push(BadRow {
                line: record.position().map_or(0, csv::Position::line),
                what,
            }),
        }
    }
    if trades.is_empty() && findings.is_empty() {
        let path = path.to_owned();
        return Err(CsvError::Empty { path });
    }
    // Stable: of one instant the order of the file stays.
    trades.sort_by_key(|trade| trade.at);
    Ok((trades, findings))
}

struct Columns {
    at: usize,
    symbol: usize,
    side: usize,
    quantity: usize,
    price: usize,
    fee: Option<usize>,
    strategy: Option<usize>,
    note: Option<usize>,
}

impl Columns {
    fn find(path: &Path, header: &Header) -> Result<Self, CsvError> {
        let mut missing = Vec::new();
        let mut need = |names: &[&str]| {
            let place = header.find(names);
            if place.is_none() {
                missing.push(format!("`{}`", names.first().copied().unwrap_or_default()));
            }
            place.unwrap_or_default()
        };
        let columns = Self {
            at: need(&STAMPS),
            symbol: need(&["symbol"]),
            side: need(&["side"]),
            quantity: need(&["quantity"]),
            price: need(&["price"]),
            fee: header.find(&["fee"]),
            strategy: header.find(&["strategy"]),
            note: header.find(&["note"]),
        };
        if missing.is_empty() {
            return Ok(columns);
        }
        Err(lacking(path, header, &missing))
    }

    fn trade(&self, record: &StringRecord, zone: &TimeZone) -> Result<Trade, String> {
        let text = |place: usize| record.get(place).unwrap_or_default();
        let optional = |place: Option<usize>| place.map(text).filter(|text| !text.is_empty());
        let symbol = text(self.symbol).to_owned();
        if symbol.is_empty() {
            return Err("symbol is empty".to_owned());
        }
        Ok(Trade {
            symbol,
            side: text(self.side).parse()?,
            quantity: more_than_nothing("quantity", text(self.quantity))?,
            price: more_than_nothing("price", text(self.price))?,
            fee: optional(self.fee).map_or(Ok(Micros::ZERO), fee)?,
            at: instant(text(self.at), zone)?,
            strategy: optional(self.strategy).map(str::to_owned),
            note: optional(self.note).map(str::to_owned),
        })
    }
}

fn more_than_nothing(name: &str, text: &str) -> Result<Micros, String> {
    let value = text
        .parse::<Micros>()
        .map_err(|error| format!("{name} {error}"))?;
    (value > Micros::ZERO)
        .then_some(value)
        .ok_or_else(|| format!("{name} is {text}"))
}

fn fee(text: &str) -> Result<Micros, String> {
    let value = text
        .parse::<Micros>()
        .map_err(|error| format!("fee {error}"))?;
    (value >= Micros::ZERO)
        .then_some(value)
        .ok_or_else(|| format!("fee is {text}"))
}

fn instant(text: &str, zone: &TimeZone) -> Result<Timestamp, String> {
    let local = || {
        let local = text.parse::<DateTime>().ok();
        let local = local.or_else(|| {
            Some(
                text.parse::<Date>()
                    .ok()?
                    .to_datetime(jiff::civil::Time::midnight()),
            )
        });
        local?
            .to_zoned(zone.clone())
            .ok()
            .map(|zoned| zoned.timestamp())
    };
    text.parse::<Timestamp>()
        .ok()
        .or_else(local)
        .ok_or_else(|| format!("`{text}` is no time like 2026-01-05 15:30"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Vec<Trade>, Vec<String>) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("trades.csv");
        crate::files::write_atomic(&path, text.as_bytes()).unwrap();
        let zone = TimeZone::fixed(jiff::tz::offset(8));
        match read_trades(&path, &zone) {
            Ok((trades, findings)) => {
                let told = findings
                    .iter()
                    .map(|found| format!("{}: {}", found.line, found.what));
                (trades, told.collect())
            }
            Err(error) => (Vec::new(), vec![error.to_string()]),
        }
    }

    #[test]
    fn trades_are_sorted_by_time_and_read_in_the_zone() {
        let text = "Date,Symbol,Side,Quantity,Price,Fee,Note\n\
                    2026-01-06 09:30,X,SELL,1,2.5,,later\n\
                    2026-01-05T09:30:00Z,X,buy,2,2.25,0.5,\n";
        let (trades, told) = read(text);
        assert_eq!(told, Vec::<String>::new());
        let times: Vec<String> = trades.iter().map(|trade| trade.at.to_string()).collect();
        assert_eq!(times, ["2026-01-05T09:30:00Z", "2026-01-06T01:30:00Z"]);
        assert_eq!(trades[0].fee.to_string(), "0.50");
        assert_eq!(trades[1].note.as_deref(), Some("later"));
    }

    #[test]
    fn each_wrong_row_is_told() {
        let rows = [
            "2026-01-05,X,hold,1,1",
            "2026-01-05,X,buy,0,1",
            "2026-01-05,X,buy,1,-1",
            "2026-01-05,X,buy,1,1.1234567",
            "2026-01-05,,buy,1,1",
            "yesterday,X,buy,1,1",
        ];
        let text = format!("date,symbol,side,quantity,price\n{}\n", rows.join("\n"));
        let expected = [
            "2: `hold` is neither `buy` nor `sell`",
            "3: quantity is 0",
            "4: price is -1",
            "5: price `1.1234567` is no decimal with up to six places",
            "6: symbol is empty",
            "7: `yesterday` is no time like 2026-01-05 15:30",
        ];
        assert_eq!(read(&text), (vec![], expected.map(str::to_owned).to_vec()));
        let (_, told) = read("date,symbol,quantity,price\n");
        assert!(told[0].ends_with("has no column `side`"), "{told:?}");
    }
}
