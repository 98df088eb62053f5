//! `maintain`: the store is checked, gets the indexes it lacks, and is put in order.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use crate::{
    job::{Cancelled, Cx, Disposition, Env, Job, JobError, Kind, Plan, Problem, Report},
    store::{self, MissingIndex, QUERY_LIMIT, Space, Store, Timed},
    system::{
        self,
        users::{self, User},
    },
    units::Bytes,
};

/// The settings of a `maintain` job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Maintain {
    /// Whether SQLite reads all of the database and looks for damage.
    pub check: bool,
    /// Whether indexes are added that are missing: on signals.timestamp, trades.symbol and
    /// positions.symbol, where those are. In a database of another program nothing else is changed.
    pub indexes: bool,
    /// Whether the whole database is written anew, without free pages: other writers wait for it, and
    /// it needs the room of the database twice.
    pub vacuum: bool,
}

impl Default for Maintain {
    fn default() -> Self {
        Self {
            check: true,
            indexes: true,
            vacuum: false,
        }
    }
}

/// Why maintenance failed.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error(transparent)]
    Store(#[from] store::Error),
    #[error(transparent)]
    System(#[from] system::Error),
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
    /// Named, where the system tells who it is.
    #[error("{act}: the database is locked by {who}")]
    Held { act: &'static str, who: String },
    #[error("not enough space to write the database anew: {free} free, {needed} needed")]
    NoSpace { free: Bytes, needed: Bytes },
}

impl From<Error> for JobError {
    fn from(error: Error) -> Self {
        let (disposition, hint) = match &error {
            Error::Cancelled(cancelled) => return (*cancelled).into(),
            Error::Store(store) => match store.cancelled() {
                Some(reason) => return Cancelled(reason).into(),
                None if store.is_retryable() => (Disposition::Retry, store.hint()),
                None => (Disposition::Permanent, store.hint()),
            },
            Error::Held { .. } => {
                let hint = "it is tried again; if it stays so, end that program";
                (Disposition::Retry, Some(hint.to_owned()))
            }
            Error::NoSpace { .. } => {
                let hint = "free some space, or leave `vacuum` out: free pages are used again";
                (Disposition::Retry, Some(hint.to_owned()))
            }
            Error::System(_) => (Disposition::Permanent, None),
        };
        Self {
            disposition,
            source: Box::new(error),
            hint,
        }
    }
}

impl Maintain {
    fn vacuum(store: &Store, space: Space) -> Result<(), Error> {
        let needed = Bytes(space.bytes().saturating_mul(2));
        let free = system::free_space(crate::files::parent(store.path()))?.free;
        if free < needed {
            return Err(Error::NoSpace { free, needed });
        }
        Ok(store::vacuum(&store.writer()?)?)
    }

    fn work(&self, cx: &Cx) -> Result<Report, Error> {
        let store = cx.env.store();
        let step = |name: &str| cx.watch.progress.step(name);
        let reader = store.reader()?;
        let before = store::space(&reader)?;
        let mut report = Report::default();
        if self.check {
            step("check");
            let found = store::quick_check(&reader, &cx.watch)?;
            if let Some(problem) = found.first() {
                let path = store.path().to_owned();
                let problem = problem.clone();
                return Err(store::Error::Damaged { path, problem }.into());
            }
            report.facts.insert("check".to_owned(), "ok".into());
        }
        // Nothing else waits for a reader that has nothing to read.
        drop(reader);
        cx.checkpoint()?;
        let writer = store.writer()?;
        let mut added = Vec::new();
        if self.indexes {
            step("indexes");
            added = store::add_indexes(&writer)?;
        }
        cx.checkpoint()?;
        step("statistics");
        let cut_off = store::settle(&writer)?;
        if self.vacuum {
            cx.checkpoint()?;
            step("write anew");
            Self::vacuum(&store, before)?;
        }
        drop(writer);
        let reader = store.reader()?;
        let timed = store::time_queries(&reader, &cx.env.clock)?;
        let after = store::space(&reader)?;
        notes(&added, cut_off, &timed, &mut report);
        facts(
            &mut report,
            before,
            after,
            store::log_size(store.path()),
            &added,
            &timed,
        );
        let checked = if self.check { "sound, " } else { "" };
        report.summary = format!(
            "{checked}{} with {} free{}",
            Bytes(after.bytes()),
            Bytes(after.free_bytes()),
            slowest(&timed)
        );
        Ok(report)
    }
}

fn slowest(timed: &[Timed]) -> String {
    let slowest = timed.iter().map(|query| query.took).max();
    slowest.map_or_else(String::new, |took| {
        format!("; slowest query {:.1} ms", took.as_secs_f64() * 1e3)
    })
}

fn notes(added: &[MissingIndex], cut_off: bool, timed: &[Timed], report: &mut Report) {
    for index in added {
        let note = format!("added an index on {}.{}", index.table, index.column);
        report.notes.push(note);
    }
    if !cut_off {
        report
            .notes
            .push("the log could not be cut off: it is being read".to_owned());
    }
    for query in timed.iter().filter(|query| query.took > QUERY_LIMIT) {
        report.notes.push(format!(
            "{} took {} ms, more than {} ms{}",
            query.what,
            query.took.as_millis(),
            QUERY_LIMIT.as_millis(),
            if query.indexed {
                ""
            } else {
                ": no index leads there"
            }
        ));
    }
}

fn facts(
    report: &mut Report,
    before: Space,
    after: Space,
    log: u64,
    added: &[MissingIndex],
    timed: &[Timed],
) {
    let queries: Vec<Json> = timed
        .iter()
        .map(|query| {
            json!({
                "query": query.what,
                "ms": query.took.as_secs_f64() * 1e3,
                "within_limit": query.took <= QUERY_LIMIT,
                "indexed": query.indexed,
            })
        })
        .collect();
    let names: Vec<&str> = added.iter().map(|index| index.name.as_str()).collect();
    for (name, value) in [
        ("size_bytes", json!(after.bytes())),
        ("size_bytes_before", json!(before.bytes())),
        ("free_bytes", json!(after.free_bytes())),
        ("log_bytes", json!(log)),
        ("indexes_added", json!(names)),
        ("queries", json!(queries)),
    ] {
        report.facts.insert(name.to_owned(), value);
    }
}

/// Names who holds the lock, where the system tells.
fn name_holder(error: Error, store: &Store) -> Error {
    let Error::Store(store::Error::Locked { act, .. }) = &error else {
        return error;
    };
    let shm = {
        let mut name = store.path().as_os_str().to_owned();
        name.push("-shm");
        std::path::PathBuf::from(name)
    };
    let own = std::process::id();
    let mut found = users::lockers_of(&shm, users::WRITER);
    found.extend(users::lockers_of(store.path(), users::PENDING));
    found.retain(|holder| holder.pid != own);
    let names: Vec<String> = found.iter().map(User::to_string).collect();
    match (names.is_empty(), act) {
        (true, _) => error,
        (false, act) => Error::Held {
            act,
            who: names.join(", "),
        },
    }
}

impl Job for Maintain {
    fn check(&self, _: &Env) -> Vec<Problem> {
        Vec::new()
    }

    fn plan(&self, cx: &Cx) -> Result<Plan, JobError> {
        let store = cx.env.store();
        let look = || -> Result<_, store::Error> {
            let reader = store.reader()?;
            Ok((store::space(&reader)?, store::missing_indexes(&reader)?))
        };
        let (space, missing) = look().map_err(|error| name_holder(error.into(), &store))?;
        let database = store.path().display().to_string();
        let mut plan = Plan::default();
        if self.check {
            plan.step("check", &database, "`check: true`: all pages are read");
        }
        for index in missing.iter().filter(|_| self.indexes) {
            let reason = format!(
                "{}.{} is asked for and has no index",
                index.table, index.column
            );
            plan.step("add index", &index.name, reason);
        }
        let reason = "statistics for queries from 400 rows an index, and the log is folded in";
        plan.step("optimize", &database, reason);
        if self.vacuum {
            let free = Bytes(space.free_bytes());
            let reason = format!(
                "`vacuum: true`: {free} of {} are free",
                Bytes(space.bytes())
            );
            plan.step("write anew", &database, reason);
        }
        plan.step(
            "time",
            "the guide's queries",
            "each should take less than 100 ms",
        );
        Ok(plan)
    }

    fn run(&self, cx: &Cx) -> Result<Report, JobError> {
        cx.checkpoint()?;
        let worked = self.work(cx);
        worked.map_err(|error| name_holder(error, &cx.env.store()).into())
    }
}

impl Kind for Maintain {
    const NAME: &'static str = "maintain";
    const SUMMARY: &'static str =
        "the store is checked, gets the indexes it lacks and is put in order";
    const EXAMPLE: &'static str = "\
maintain:
  schedule: \"0 4 1 * *\"
  maintain: {vacuum: true}
";
}

#[cfg(test)]
mod tests;
