//! Answers as CSV: `timestamp,open,high,low,close,volume`, newest first, without symbol or zone.

use super::{
    super::{Ask, Class, Refusal, Series, refuse::said},
    NAME,
    classify::classify,
    made,
};
use crate::analysis::Field;

pub(super) fn parse(body: &[u8], ask: &Ask<'_>) -> Result<Series, Refusal> {
    let mut builder = csv::ReaderBuilder::new();
    builder.flexible(true).trim(csv::Trim::All);
    let mut reader = builder.from_reader(body);
    let header = reader.headers().map_err(|error| broken(&error))?.clone();
    let place = |name: &str| {
        header
            .iter()
            .position(|column| column.eq_ignore_ascii_case(name))
    };
    let (Some(at), Some(columns)) = (place("timestamp"), columns(&place)) else {
        let text: String = String::from_utf8_lossy(body).into_owned();
        let class = classify(&text).unwrap_or(match text.to_lowercase() {
            low if low.starts_with("too many requests") => Class::Burst,
            _ => Class::Parse,
        });
        return Err(Refusal::new(
            NAME,
            class,
            format!("it says: {}", said(&text)),
        ));
    };
    let zone = made::zone(made::ZONE)?;
    let (mut all, mut findings) = (Vec::new(), Vec::new());
    for record in reader.records() {
        let record = record.map_err(|error| broken(&error))?;
        let text = record.get(at).unwrap_or_default();
        match made::stamp(text, ask.timeframe, &zone) {
            Some(stamp) => {
                let cell = |place| made::number(record.get(place).unwrap_or_default());
                all.push((stamp, columns.map(cell)));
            }
            None => findings.push(made::no_stamp(text)),
        }
    }
    made::series(ask.symbol, ask, all, findings, zone)
}

fn columns(place: &dyn Fn(&str) -> Option<usize>) -> Option<[usize; 5]> {
    let mut columns = [0; 5];
    for (column, field) in columns.iter_mut().zip(Field::ALL) {
        *column = place(field.name())?;
    }
    Some(columns)
}

fn broken(error: &csv::Error) -> Refusal {
    Refusal::new(
        NAME,
        Class::Parse,
        format!("the answer is no table: {}", said(&error.to_string())),
    )
}
