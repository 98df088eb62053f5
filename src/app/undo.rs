//! Putting the rows of a `prune` run back.
//!
//! It may be interrupted anywhere and repeated: a row that is there already counts as put back, and
//! only when all of them are there, durably, the archive leaves the folder.

use std::path::PathBuf;

use super::{
    Client, Error, Site,
    load::{Vars, load},
    open_ledger, session,
};
use crate::{
    archive::{
        self, Identity,
        rows::{self, FoundRows},
    },
    job::{JobName, Plan, RunId},
    jobfile::Loaded,
    kinds::Prune,
    ledger::{Ledger, RunRow},
    sqlite::Value,
    store::{self, Inserted, Shape, Writer},
};

/// How many rows are put back in one transaction.
const BATCH: usize = 500;

/// Why a run cannot be undone.
#[derive(Debug, thiserror::Error)]
pub enum NotUndone {
    /// No archive is of that run.
    #[error("no archive has rows of run {run}")]
    Nothing {
        /// The run.
        run: RunId,
        /// Where it was looked for.
        folders: Vec<PathBuf>,
    },
    /// It goes on.
    #[error("run {0} is still going on")]
    GoingOn(RunId),
    /// It was undone before.
    #[error("run {run} was undone before; its archive is `{}`", archive.display())]
    Already {
        /// The run.
        run: RunId,
        /// Its first archive.
        archive: PathBuf,
    },
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Undone {
    /// What became of the rows.
    pub rows: Inserted,
    /// Where the archives are now.
    pub archives: Vec<String>,
}

/// What undoing a run would do; needs no key.
///
/// # Errors
/// [`Error::NotUndone`], [`Error::Archive`], [`Error::Ledger`].
pub fn plan_undo(site: &Site, loaded: &Loaded, run: RunId) -> Result<Plan, Error> {
    let ledger = open_ledger(site)?;
    let row = ledger.map(|ledger| ledger.run(run)).transpose()?.flatten();
    let mut plan = Plan::default();
    for found in archives(loaded, run, row.as_ref())? {
        let path = found.path.display();
        match &found.sidecar {
            Some(sidecar) => {
                let rows = format!("{} rows of {}", sidecar.rows, sidecar.header.table);
                let reason = format!("run {run} removed them: {}", sidecar.header.which);
                plan.step("put back", rows, reason);
            }
            None => plan.step(
                "put back",
                &path,
                "it has no sidecar, but its name says the run's slot",
            ),
        }
        plan.step(
            "move",
            &path,
            "into `undone/`, once all of its rows are there",
        );
    }
    Ok(plan)
}

/// Puts the rows of a run back into their tables.
///
/// # Errors
/// [`Error::NotUndone`]; [`Error::Archive`] with the wrong key or a damaged archive: nothing was put
/// back then; [`Error::Store`]: it can be repeated.
pub async fn undo_prune(
    site: &Site,
    vars: Vars<'_>,
    run: RunId,
    identities: &[Identity],
) -> Result<Undone, Error> {
    if Client::connect(&site.settings).await?.is_some() {
        let ledger = Ledger::open(&site.settings.ledger(), site.clock.clone())?;
        return undo(&load(site, vars)?, &ledger, run, identities);
    }
    // With the lock: no daemon starts meanwhile, and runs that have died are known to have.
    let read = || load(site, vars);
    let (opened, loaded) = session::open(site, &read, &format!("prune --undo {run}")).await?;
    let done = undo(&loaded, &opened.ledger, run, identities);
    opened.ledger.end(opened.instance)?;
    done
}

fn undo(
    loaded: &Loaded,
    ledger: &Ledger,
    run: RunId,
    identities: &[Identity],
) -> Result<Undone, Error> {
    let row = ledger.run(run)?;
    if row.as_ref().is_some_and(|row| row.outcome.is_none()) {
        return Err(NotUndone::GoingOn(run).into());
    }
    let found = archives(loaded, run, row.as_ref())?;
    for archive in &found {
        rows::check(&archive.path, identities)?;
    }
    let writer = loaded.set.env.store().writer()?;
    let mut undone = Undone::default();
    let mut whole = Vec::new();
    for archive in &found {
        let before = undone.rows.conflicts;
        put_back(&writer, archive, identities, &mut undone.rows)?;
        if undone.rows.conflicts == before {
            whole.push(archive);
        }
    }
    // Whoever reads meanwhile only keeps the log longer.
    let _cut_off = store::settle(&writer)?;
    drop(writer);
    for archive in whole {
        let now = rows::mark_undone(&archive.path)?;
        undone.archives.push(now.display().to_string());
    }
    let detail = format!(
        "{} rows put back, {} were there, {} in conflict",
        undone.rows.inserted, undone.rows.there, undone.rows.conflicts
    );
    ledger.note("operator", "prune --undo", &run.to_string(), &detail)?;
    Ok(undone)
}

fn put_back(
    writer: &Writer,
    archive: &FoundRows,
    identities: &[Identity],
    inserted: &mut Inserted,
) -> Result<(), Error> {
    let mut batch = Vec::with_capacity(BATCH);
    let mut failed: Option<store::Error> = None;
    let mut flush = |shape: &Shape, batch: &mut Vec<Vec<Value>>| {
        let done = store::insert(writer, shape, batch, inserted);
        batch.clear();
        done
    };
    let mut shape: Option<Shape> = None;
    let read = rows::each(&archive.path, identities, |header, row| {
        let shape = shape.get_or_insert_with(|| Shape {
            table: header.table.clone(),
            values: header.columns.clone(),
            key: header.key.clone(),
        });
        batch.push(row);
        if batch.len() >= BATCH
            && let Err(error) = flush(shape, &mut batch)
        {
            failed = Some(error);
            // Any error ends the reading; the one that counts is kept.
            return Err(archive::Error::Unverifiable {
                path: archive.path.clone(),
            });
        }
        Ok(())
    });
    if let Some(error) = failed {
        return Err(error.into());
    }
    read?;
    if let Some(shape) = &shape {
        flush(shape, &mut batch)?;
    }
    Ok(())
}

/// The archives of a run, oldest first.
fn archives(loaded: &Loaded, run: RunId, row: Option<&RunRow>) -> Result<Vec<FoundRows>, Error> {
    let folders = folders(loaded);
    let mut found = Vec::new();
    let mut undone = Vec::new();
    for (job, folder) in &folders {
        let of_run = |rows: &FoundRows| is_of(rows, run, job, row);
        found.extend(rows::list(folder)?.into_iter().filter(of_run));
        undone.extend(rows::was_undone(folder)?.into_iter().filter(of_run));
    }
    if !found.is_empty() {
        return Ok(found);
    }
    Err(match undone.into_iter().next() {
        Some(undone) => NotUndone::Already {
            run,
            archive: undone.path,
        },
        None => NotUndone::Nothing {
            run,
            folders: folders.into_iter().map(|(_, folder)| folder).collect(),
        },
    }
    .into())
}

fn folders(loaded: &Loaded) -> Vec<(JobName, PathBuf)> {
    let env = &loaded.set.env;
    let jobs = loaded.set.jobs.iter();
    jobs.filter_map(|spec| {
        let prune = spec.as_kind::<Prune>()?;
        Some((spec.name.clone(), prune.folder(&spec.name, env)))
    })
    .collect()
}

/// Whether an archive is of the run. Numbers begin anew with a new ledger: where the ledger knows the
/// run, the slot must be the same. Without a sidecar the slot is all there is.
fn is_of(found: &FoundRows, run: RunId, job: &JobName, row: Option<&RunRow>) -> bool {
    let name = &found.name.0;
    let slot = row.is_none_or(|row| row.job == name.job && row.slot == name.slot);
    let known = match &found.sidecar {
        Some(sidecar) => sidecar.header.run_id == run.0,
        None => row.is_some(),
    };
    name.job == *job && slot && known
}
