//! What would happen in the days to come, with what the ledger knows of the jobs.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};

use super::{Error, Site, open_ledger};
use crate::{
    engine::{Asleep, Forecast, Outlook, forecast},
    job::JobSet,
    ledger::{Known, Ledger},
};

/// How many runs say how long a job usually takes.
const RUNS: u32 = 20;

/// Foresees what the daemon will do with `set` between two instants.
///
/// # Errors
/// [`Error::Ledger`].
pub fn outlook(
    site: &Site,
    set: JobSet,
    (from, until): (Timestamp, Timestamp),
    asleep: Option<Asleep>,
    limit: usize,
) -> Result<Forecast, Error> {
    let ledger = open_ledger(site)?;
    let mut jobs = Vec::with_capacity(set.jobs.len());
    let mut took = HashMap::new();
    for spec in set.jobs {
        let known = match &ledger {
            Some(ledger) => known(ledger, &spec.name, from)?,
            None => unknown(from),
        };
        if let Some(ledger) = &ledger
            && let Some(usual) = ledger.usual_duration(&spec.name, RUNS)?
        {
            let usual = SignedDuration::try_from(usual).unwrap_or_default();
            took.insert(spec.name.clone(), usual);
        }
        jobs.push((spec, known));
    }
    Ok(forecast(Outlook {
        jobs,
        max_running: set.max_running,
        from,
        until,
        asleep,
        took,
        limit,
    }))
}

/// What is known of a job, as if everything before `from` were decided.
fn known(ledger: &Ledger, job: &crate::job::JobName, from: Timestamp) -> Result<Known, Error> {
    let known = ledger.known(job)?;
    Ok(known.map_or(unknown(from), |known| Known {
        decided_until: from,
        succeeded: known.succeeded.filter(|at| *at <= from),
        ..known
    }))
}

fn unknown(from: Timestamp) -> Known {
    Known {
        anchor: Timestamp::from_second(from.as_second()).unwrap_or(from),
        decided_until: from,
        succeeded: None,
        pause: None,
    }
}
