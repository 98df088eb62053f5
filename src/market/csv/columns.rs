//! Which column is what.

use std::path::Path;

use csv::StringRecord;

use super::{CsvError, STAMPS, lacking};
use crate::{
    analysis::Field,
    market::{Adjustment, header::Header},
};

/// Columns of splits beside prices that are divided by them, as Yahoo has them.
const DIVIDED: [&str; 4] = ["split", "splits", "stock splits", "stock_splits"];
/// Columns of splits beside prices as traded.
const AS_TRADED: [&str; 5] = [
    "split_ratio",
    "split ratio",
    "split_coefficient",
    "split coefficient",
    "split factor",
];
const ADJUSTED_CLOSE: [&str; 6] = [
    "adj close",
    "adj. close",
    "adj_close",
    "adjclose",
    "adjusted_close",
    "adjusted close",
];
/// Where all prices are there adjusted as well, the others are as traded.
const ADJUSTED_OPEN: [&str; 3] = ["adj open", "adj. open", "adj_open"];

/// Where each column is.
pub(super) struct Columns {
    stamp: usize,
    fields: [(Field, usize); 5],
    split: Option<usize>,
    adjustment: Adjustment,
}

impl Columns {
    pub(super) fn find(path: &Path, header: &Header) -> Result<Self, CsvError> {
        let mut missing = Vec::new();
        let stamp = header.find(&STAMPS);
        if stamp.is_none() {
            missing.push("`date`".to_owned());
        }
        let fields = Field::ALL.map(|field| {
            let place = header.find(&[field.name()]);
            if place.is_none() {
                missing.push(format!("`{}`", field.name()));
            }
            (field, place.unwrap_or_default())
        });
        let Some(stamp) = stamp.filter(|_| missing.is_empty()) else {
            return Err(lacking(path, header, &missing));
        };
        let (divided, as_traded) = (header.find(&DIVIDED), header.find(&AS_TRADED));
        let adjustment = if as_traded.is_some() || header.find(&ADJUSTED_OPEN).is_some() {
            Adjustment::AsTraded
        } else if divided.is_some() || header.find(&ADJUSTED_CLOSE).is_some() {
            Adjustment::Splits
        } else {
            Adjustment::AsTraded
        };
        Ok(Self {
            stamp,
            fields,
            split: as_traded.or(divided),
            adjustment,
        })
    }

    /// How the prices of such a file are adjusted.
    pub(super) fn adjustment(&self) -> Adjustment {
        self.adjustment
    }

    pub(super) fn stamp<'a>(&self, record: &'a StringRecord) -> &'a str {
        record.get(self.stamp).unwrap_or_default()
    }

    /// The prices and the volume of a row, as they are written.
    pub(super) fn values<'a>(
        &self,
        record: &'a StringRecord,
    ) -> impl Iterator<Item = (Field, &'a str)> {
        let text = |place| record.get(place).unwrap_or_default();
        self.fields
            .into_iter()
            .map(move |(field, place)| (field, text(place)))
    }

    /// The split of a row: `2`, `2.0` or `2:1`; 0 and 1 are none.
    pub(super) fn split(&self, record: &StringRecord) -> Result<Option<f64>, String> {
        let text = self
            .split
            .and_then(|place| record.get(place))
            .unwrap_or_default();
        if text.is_empty() {
            return Ok(None);
        }
        let (new, old) = text.split_once([':', '/']).unwrap_or((text, "1"));
        let part = |text: &str| text.trim().parse::<f64>();
        let ratio = match (part(new), part(old)) {
            (Ok(new), Ok(old)) => new / old,
            _ => f64::NAN,
        };
        #[expect(clippy::float_cmp, reason = "1 is written, not worked out")]
        let none = ratio == 0.0 || ratio == 1.0;
        if none {
            Ok(None)
        } else if ratio.is_finite() && ratio > 0.0 {
            Ok(Some(ratio))
        } else {
            Err(format!("split `{text}` is no ratio like 2 or 2:1"))
        }
    }
}
