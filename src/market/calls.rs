//! The account of requests: what is written down of each, and what is known from that.

use std::{
    error::Error,
    fmt,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use jiff::Timestamp;

use super::Class;

/// A request, before it goes out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Call<'a> {
    /// When.
    pub at: Timestamp,
    /// Which source is asked.
    pub source: &'a str,
    /// What it is asked, e.g. `TIME_SERIES_DAILY compact`.
    pub endpoint: &'a str,
    /// About what.
    pub symbol: &'a str,
}

/// A request that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastCall {
    /// When.
    pub at: Timestamp,
    /// What the source was asked.
    pub endpoint: String,
    /// About what.
    pub symbol: Option<String>,
    /// How it ended, as [`Outcome`] writes it.
    pub outcome: String,
    /// How long it took, in milliseconds.
    pub duration_ms: i64,
}

/// Why the account cannot be kept.
pub type Unwritten = Box<dyn Error + Send + Sync>;

/// Where requests are written down. Kept in the store; in memory where there is none yet.
pub trait Calls: fmt::Debug + Send + Sync {
    /// Writes a request down as begun and returns its number, if `may` says so of the times of the
    /// `look` newest requests to the same source, the newest first. Looking and writing are one act:
    /// nobody else writes in between.
    ///
    /// # Errors
    /// When it cannot be written down; then it must not go out.
    fn begin(
        &self,
        call: &Call<'_>,
        look: usize,
        may: &mut dyn FnMut(&[Timestamp]) -> bool,
    ) -> Result<Option<i64>, Unwritten>;

    /// Writes down how a request ended.
    ///
    /// # Errors
    /// When it cannot be written; the request stays one that has begun.
    fn end(&self, number: i64, outcome: &str, took: Duration) -> Result<(), Unwritten>;

    /// The requests to a source after an instant, oldest first.
    ///
    /// # Errors
    /// When they cannot be read.
    fn since(&self, source: &str, after: Timestamp) -> Result<Vec<PastCall>, Unwritten>;
}

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Not yet, or nobody lived to tell.
    Begun,
    /// With bars.
    Ok,
    /// The run was told to stop.
    Cancelled,
    /// With a refusal.
    Refused(Class),
}

impl Outcome {
    /// How a request is written down before it goes out.
    pub const BEGUN: &'static str = "begun";

    /// All that refusals may be.
    const CLASSES: [Class; 10] = [
        Class::Symbol,
        Class::Key,
        Class::Burst,
        Class::Quota,
        Class::Entitlement,
        Class::Transport,
        Class::Server,
        Class::Parse,
        Class::OtherSymbol,
        Class::Empty,
    ];

    /// As it is written down. A refused key is told from another one by its mark.
    pub(super) fn text(self, mark: &str) -> String {
        match self {
            Self::Begun => Self::BEGUN.to_owned(),
            Self::Ok => "ok".to_owned(),
            Self::Cancelled => "cancelled".to_owned(),
            Self::Refused(Class::Key) => format!("key {mark}"),
            Self::Refused(class) => class.as_str().to_owned(),
        }
    }

    /// Reads it; the second is the mark of a refused key. What nobody knows counts as not ended.
    pub fn read(text: &str) -> (Self, Option<&str>) {
        let (name, mark) = match text.split_once(' ') {
            Some((name, mark)) => (name, Some(mark)),
            None => (text, None),
        };
        let outcome = match name {
            "ok" => Self::Ok,
            "cancelled" => Self::Cancelled,
            name => {
                let mut classes = Self::CLASSES.into_iter();
                let class = classes.find(|class| class.as_str() == name);
                class.map_or(Self::Begun, Self::Refused)
            }
        };
        (outcome, mark)
    }
}

/// What the requests of some time were worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// All that were made, whatever came of them.
    pub made: u32,
    /// Those with bars.
    pub ok: u32,
    /// Those that failed: no connection, a server that failed, an answer without sense.
    pub failed: u32,
    /// Those that were refused because there had been too many. They are no failures.
    pub over_quota: u32,
}

impl Tally {
    /// Counts.
    pub fn of<'a>(outcomes: impl IntoIterator<Item = &'a str>) -> Self {
        let mut tally = Self::default();
        for text in outcomes {
            tally.made += 1;
            match Outcome::read(text).0 {
                Outcome::Ok => tally.ok += 1,
                Outcome::Refused(
                    Class::Transport | Class::Server | Class::Parse | Class::OtherSymbol,
                ) => {
                    tally.failed += 1;
                }
                Outcome::Refused(Class::Quota | Class::Burst) => tally.over_quota += 1,
                Outcome::Begun | Outcome::Cancelled | Outcome::Refused(_) => {}
            }
        }
        tally
    }

    /// The share that succeeded, ok / (ok + transport + server + parse); `None` if there were none.
    /// An answer about another symbol counts as one without sense.
    pub fn success(&self) -> Option<f64> {
        let all = self.ok + self.failed;
        (all > 0).then(|| f64::from(self.ok) / f64::from(all))
    }
}

/// An account in memory, for a process without a store.
#[derive(Debug, Default)]
pub struct Remembered(Mutex<Vec<(String, PastCall)>>);

impl Calls for Remembered {
    fn begin(
        &self,
        call: &Call<'_>,
        look: usize,
        may: &mut dyn FnMut(&[Timestamp]) -> bool,
    ) -> Result<Option<i64>, Unwritten> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let same = all.iter().rev().filter(|(source, _)| source == call.source);
        let newest: Vec<Timestamp> = same.take(look).map(|(_, past)| past.at).collect();
        if !may(&newest) {
            return Ok(None);
        }
        let past = PastCall {
            at: call.at,
            endpoint: call.endpoint.to_owned(),
            symbol: Some(call.symbol.to_owned()),
            outcome: Outcome::BEGUN.to_owned(),
            duration_ms: 0,
        };
        all.push((call.source.to_owned(), past));
        Ok(Some(i64::try_from(all.len())?))
    }

    fn end(&self, number: i64, outcome: &str, took: Duration) -> Result<(), Unwritten> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let place = usize::try_from(number)?.checked_sub(1);
        if let Some((_, past)) = place.and_then(|place| all.get_mut(place)) {
            outcome.clone_into(&mut past.outcome);
            past.duration_ms = i64::try_from(took.as_millis())?;
        }
        Ok(())
    }

    fn since(&self, source: &str, after: Timestamp) -> Result<Vec<PastCall>, Unwritten> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let same = all
            .iter()
            .filter(|(of, past)| of == source && past.at > after);
        Ok(same.map(|(_, past)| past.clone()).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_are_read_as_they_were_written() {
        let mut all = vec![Outcome::Begun, Outcome::Ok, Outcome::Cancelled];
        all.extend(Outcome::CLASSES.map(Outcome::Refused));
        for outcome in all {
            assert_eq!(Outcome::read(&outcome.text("1a2b")).0, outcome);
        }
        assert_eq!(Outcome::read("key 1a2b").1, Some("1a2b"));
        assert_eq!(Outcome::read("whatever").0, Outcome::Begun);
    }

    #[test]
    fn refusals_by_quota_are_no_failures() {
        let outcomes = [
            "ok",
            "ok",
            "transport",
            "server",
            "parse",
            "quota",
            "burst",
            "symbol",
            "begun",
        ];
        let tally = Tally::of(outcomes);
        assert_eq!(
            (tally.made, tally.ok, tally.failed, tally.over_quota),
            (9, 2, 3, 2)
        );
        assert_eq!(tally.success().unwrap().to_string(), "0.4");
        assert_eq!(Tally::of(["quota", "symbol"]).success(), None);
    }
}
