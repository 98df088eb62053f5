//! Bars that were just fetched, and questions that are being asked: nobody asks the same twice at once.

use std::{
    collections::HashMap,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};

use super::{Ask, Refusal, Series};
use crate::{
    analysis::{Stamp, Timeframe},
    schedule::{Calendar, Day, Gate, Only},
    watch::{Cancelled, Watch},
};

/// How long prices within a session are taken as new.
const IN_SESSION: SignedDuration = SignedDuration::from_secs(60);

/// How many bars are kept in all; 24 MB.
const MOST: usize = 500_000;

/// How long a cancellation may go unnoticed by who waits for another one's answer.
const SLICE: Duration = Duration::from_millis(50);

/// What is asked: by which chain, of which symbol, which bars.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Question {
    chain: String,
    symbol: String,
    timeframe: Timeframe,
}

impl Question {
    pub(super) fn new(chain: &str, ask: &Ask<'_>) -> Self {
        Self {
            chain: chain.to_owned(),
            symbol: ask.symbol.to_owned(),
            timeframe: ask.timeframe,
        }
    }
}

type Answer = Result<Series, Refusal>;

#[derive(Debug)]
struct Kept {
    /// From where on bars were asked for; `None` is the beginning.
    newest: Option<Stamp>,
    from: Timestamp,
    until: Timestamp,
    series: Series,
}

/// A question that somebody is asking.
#[derive(Debug, Default)]
struct Flight {
    answer: Mutex<Option<Answer>>,
    landed: Condvar,
}

/// What a process has fetched, and is fetching.
#[derive(Debug, Default)]
pub(super) struct Cache {
    kept: Mutex<HashMap<Question, Kept>>,
    flights: Mutex<HashMap<Question, Arc<Flight>>>,
}

impl Cache {
    /// The bars that are new enough, if they reach as far back as is asked.
    pub(super) fn get(&self, question: &Question, ask: &Ask<'_>) -> Option<Series> {
        let kept = lock(&self.kept);
        let found = kept.get(question)?;
        let reaches = found.newest <= ask.newest;
        let fresh = (found.from..found.until).contains(&ask.now);
        (reaches && fresh).then(|| found.series.clone())
    }

    /// Keeps bars until an instant, and forgets others if they become too many.
    pub(super) fn put(&self, question: Question, ask: &Ask<'_>, until: Timestamp, series: &Series) {
        let mut kept = lock(&self.kept);
        let new = Kept {
            newest: ask.newest,
            from: ask.now,
            until,
            series: series.clone(),
        };
        kept.insert(question, new);
        kept.retain(|_, kept| kept.until > ask.now);
        let bars = |kept: &HashMap<Question, Kept>| {
            kept.values()
                .map(|kept| kept.series.bars.len())
                .sum::<usize>()
        };
        while bars(&kept) > MOST {
            let oldest = kept.iter().min_by_key(|(_, kept)| kept.from);
            let Some(oldest) = oldest.map(|(question, _)| question.clone()) else {
                return;
            };
            kept.remove(&oldest);
        }
    }

    /// Forgets all bars; how many there were.
    pub(super) fn clear(&self) -> usize {
        let kept = std::mem::take(&mut *lock(&self.kept));
        kept.values().map(|kept| kept.series.bars.len()).sum()
    }

    /// Asks, unless somebody is asking the same; then waits for that answer.
    pub(super) fn alone(
        &self,
        question: &Question,
        watch: &Watch,
        ask: impl FnOnce() -> Answer,
    ) -> Result<Answer, Cancelled> {
        let (flight, mine) = {
            let mut flights = lock(&self.flights);
            if let Some(flight) = flights.get(question) {
                (Arc::clone(flight), false)
            } else {
                let flight = Arc::<Flight>::default();
                flights.insert(question.clone(), Arc::clone(&flight));
                (flight, true)
            }
        };
        if !mine {
            return flight.wait(watch);
        }
        // Also when `ask` panics: others must not wait for ever.
        let landing = Landing {
            cache: self,
            question,
            flight: &flight,
        };
        let answer = ask();
        *lock(&flight.answer) = Some(answer.clone());
        drop(landing);
        Ok(answer)
    }
}

struct Landing<'a> {
    cache: &'a Cache,
    question: &'a Question,
    flight: &'a Flight,
}

impl Drop for Landing<'_> {
    fn drop(&mut self) {
        lock(&self.cache.flights).remove(self.question);
        let mut answer = lock(&self.flight.answer);
        answer.get_or_insert_with(|| {
            Err(Refusal::new(
                "chain",
                super::Class::Transport,
                "who asked the same has failed",
            ))
        });
        drop(answer);
        self.flight.landed.notify_all();
    }
}

impl Flight {
    fn wait(&self, watch: &Watch) -> Result<Answer, Cancelled> {
        let mut answer = lock(&self.answer);
        loop {
            if let Some(answer) = &*answer {
                return Ok(answer.clone());
            }
            watch.cancel.checkpoint()?;
            let waited = self.landed.wait_timeout(answer, SLICE);
            answer = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Until when prices of `now` are the newest there are: for a minute while the exchange trades, else
/// until it opens next. What a calendar does not know may be a session.
pub(super) fn fresh_until(now: Timestamp, calendar: Option<&Calendar>) -> Timestamp {
    let soon = now.checked_add(IN_SESSION).unwrap_or(Timestamp::MAX);
    let Some(calendar) = calendar else {
        return soon;
    };
    if calendar.day(calendar.date_of(now)) == Day::Unknown {
        return soon;
    }
    match calendar.gate(now, Some(Only::Open)) {
        Gate::Pass | Gate::End => soon,
        Gate::Until(open) => open,
    }
}

#[cfg(test)]
mod tests;
