//! The sources of prices of a run: their requests are written down in the store.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;

use super::Env;
use crate::{
    market::{Call, Calls, Chain, Choice, Outcome, PastCall, Remembered, SourcesError, Unwritten},
    store::{self, NewCall, Store},
};

impl Env {
    /// The chain of the sources in `choice`, with the store as the account of its requests. As long as
    /// there is no store it is kept in memory.
    ///
    /// # Errors
    /// [`SourcesError`]: a variable or `.env` makes no sense.
    pub fn chain(&self, choice: &Choice<'_>) -> Result<Chain, SourcesError> {
        let calls: Arc<dyn Calls> = if self.database.exists() {
            Arc::new(InStore(self.store()))
        } else {
            Arc::new(Remembered::default())
        };
        self.sources.chain(choice, calls, self.clock.clone())
    }
}

/// The table `api_calls`.
#[derive(Debug)]
struct InStore(Store);

impl Calls for InStore {
    fn begin(
        &self,
        call: &Call<'_>,
        look: usize,
        may: &mut dyn FnMut(&[Timestamp]) -> bool,
    ) -> Result<Option<i64>, Unwritten> {
        let new = NewCall {
            at: call.at,
            source: call.source,
            endpoint: call.endpoint,
            symbol: call.symbol,
            outcome: Outcome::BEGUN,
        };
        Ok(store::begin_call(&self.0.writer()?, &new, look, may)?)
    }

    fn end(&self, number: i64, outcome: &str, took: Duration) -> Result<(), Unwritten> {
        Ok(store::end_call(&self.0.writer()?, number, outcome, took)?)
    }

    fn since(&self, source: &str, after: Timestamp) -> Result<Vec<PastCall>, Unwritten> {
        let calls = store::calls_since(self.0.path(), source, after)?;
        let past = calls.into_iter().map(|call| PastCall {
            at: call.at,
            endpoint: call.endpoint,
            symbol: call.symbol,
            outcome: call.outcome,
            duration_ms: call.duration_ms,
        });
        Ok(past.collect())
    }
}
