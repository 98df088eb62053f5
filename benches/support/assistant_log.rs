//! The log of a believable assistant, and what its lines are made of.

use std::{fs, io::Write, path::Path};

use anyhow::Result;

/// Numbers that look random and are the same every time.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new() -> Self {
        Self(0x9e37_79b9_7f4a_7c15)
    }

    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

/// A minute of trading.
pub(crate) fn instant(minute: u64) -> String {
    let (day, minute) = (minute / 390, minute % 390 + 14 * 60 + 30);
    let (year, month, day) = (2015 + day / 336 % 12, day / 28 % 12 + 1, day % 28 + 1);
    let (hour, minute) = (minute / 60, minute % 60);
    format!("{year}-{month:02}-{day:02}T{hour:02}:{minute:02}:00Z")
}

/// Writes about so many megabytes of lines.
pub(crate) fn write(path: &Path, megabytes: u64, dice: &mut Dice) -> Result<()> {
    let mut file = std::io::BufWriter::new(fs::File::create(path)?);
    let levels = ["INFO", "INFO", "INFO", "WARN", "DEBUG"];
    let acts = [
        "fetched bars",
        "signal computed",
        "order checked",
        "cache hit",
        "rate limited",
    ];
    let mut written = 0;
    let mut minute = 0;
    while written < megabytes * 1_000_000 {
        minute += dice.below(2);
        let pick = |list: [&'static str; 5], n: u64| {
            list.into_iter()
                .nth(usize::try_from(n).unwrap_or(0))
                .unwrap_or("")
        };
        let line = format!(
            "{} {:5} assistant::feed: {} symbol={} took_ms={} request={:016x}\n",
            instant(minute),
            pick(levels, dice.below(5)),
            pick(acts, dice.below(5)),
            symbol(dice.below(500)),
            dice.below(900),
            dice.below(u64::MAX),
        );
        file.write_all(line.as_bytes())?;
        written += u64::try_from(line.len())?;
    }
    Ok(file.flush()?)
}

/// The ticker of a number.
pub(crate) fn symbol(number: u64) -> String {
    let letter = |n: u64| char::from(b'A' + u8::try_from(n % 26).unwrap_or(0));
    [number / 676, number / 26, number]
        .map(letter)
        .iter()
        .collect()
}
