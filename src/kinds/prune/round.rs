//! One round: some of the rows are archived, the archive gets its name, and then exactly those rows
//! are removed.

use super::{
    Error, Prune,
    survey::{self, Surveyed},
};
use crate::{
    archive::rows::{PublishedRows, RowsRequest, RowsWriter},
    job::Cx,
    sqlite::{Fingerprint, Value},
    store::{Deleted, Gathered, Pace, Portion, Removal, Selection, Store, Witness, Writer, gather},
    system::users::{self, User},
    units::Bytes,
};

/// What is archived and then removed before the next is archived: as much as a second or two takes, so
/// that a run that dies has done little in vain.
const PORTION: Portion = Portion {
    rows: 250_000,
    bytes: 64 << 20,
};

/// What a round has done.
pub(super) struct Round {
    pub(super) archive: Option<PublishedRows>,
    pub(super) deleted: Deleted,
    /// Where the next one begins; `None`: there is nothing behind.
    pub(super) after: Option<Vec<Value>>,
    /// Who was waited for, and how long their log was.
    pub(super) waited: Option<String>,
}

/// Where rows are removed, and how.
pub(super) struct At<'a> {
    pub(super) prune: &'a Prune,
    pub(super) cx: &'a Cx,
    pub(super) table: &'a Surveyed,
    pub(super) selection: &'a Selection,
    pub(super) writer: &'a Writer,
    pub(super) pace: &'a Pace,
}

impl At<'_> {
    /// Archives and removes the next rows behind the key `after`; `None` when there are none.
    pub(super) fn round(&self, after: Option<&[Value]>) -> Result<Option<Round>, Error> {
        let store = self.cx.env.store();
        let progress = &self.cx.watch.progress;
        // From before the rows are read.
        let witness = Witness::of(self.writer, &self.selection.table)?;
        progress.step(&format!("archive rows of {}", self.table.name));
        let (gathered, archive, prints) = if self.prune.archive {
            let (gathered, published) = self.archived(&store, after)?;
            let Some(published) = published else {
                return Ok(None);
            };
            let prints = published.prints.clone();
            (gathered, Some(published), prints)
        } else {
            let (gathered, prints) = self.looked_at(&store, after)?;
            if gathered.rows == 0 {
                return Ok(None);
            }
            (gathered, None, prints)
        };
        progress.step(&format!("remove rows of {}", self.table.name));
        let mut waited = None;
        let mut pinned = |bytes: u64| {
            let told = waits_for(&store, bytes);
            tracing::warn!(job = %self.cx.run.job, "{told}");
            progress.step(&told);
            waited = Some(told);
        };
        let removal = Removal {
            writer: self.writer,
            selection: self.selection,
            pieces: &gathered.pieces,
            prints: &prints,
            witness: witness.as_ref(),
            pace: self.pace,
            watch: &self.cx.watch,
        };
        let deleted = removal.run(&mut pinned)?;
        Ok(Some(Round {
            archive,
            deleted,
            after: gathered
                .last()
                .filter(|_| !gathered.end)
                .map(<[Value]>::to_vec),
            waited,
        }))
    }

    fn request(&self) -> Result<RowsRequest, Error> {
        let (cx, selection) = (self.cx, self.selection);
        let env = &cx.env;
        Ok(RowsRequest {
            folder: self.prune.folder(&cx.run.job, env),
            job: cx.run.job.clone(),
            slot: cx.run.slot,
            run_id: cx.run.id.0,
            host: env.host.clone(),
            table: selection.table.name.clone(),
            columns: selection.table.values.clone(),
            key: selection.table.key.clone(),
            which: survey::which(selection),
            key_file: env.encryption.key_file.clone(),
            recipients: env.encryption.resolve()?,
            clock: env.clock.clone(),
        })
    }

    /// Archives the next rows; nothing is written when there are none.
    fn archived(
        &self,
        store: &Store,
        after: Option<&[Value]>,
    ) -> Result<(Gathered, Option<PublishedRows>), Error> {
        let reader = store.reader()?;
        let mut writer: Option<RowsWriter> = None;
        let mut request = Some(self.request()?);
        let gathered = gather::<Error>(&reader, self.selection, after, PORTION, &mut |values| {
            self.cx.checkpoint()?;
            if let Some(request) = request.take() {
                writer = Some(RowsWriter::create(request)?);
            }
            if let Some(writer) = writer.as_mut() {
                writer.add(values)?;
            }
            Ok(())
        })?;
        // Its snapshot would keep the log from being folded in.
        drop(reader);
        let published = writer.map(RowsWriter::publish).transpose()?;
        Ok((gathered, published))
    }

    /// Without an archive rows are only looked at, so that those that change meanwhile stay.
    fn looked_at(
        &self,
        store: &Store,
        after: Option<&[Value]>,
    ) -> Result<(Gathered, Vec<u64>), Error> {
        let reader = store.reader()?;
        let mut prints = Vec::new();
        let gathered = gather::<Error>(&reader, self.selection, after, PORTION, &mut |values| {
            self.cx.checkpoint()?;
            prints.push(Fingerprint::of(values.iter().copied()));
            Ok(())
        })?;
        Ok((gathered, prints))
    }
}

/// Who keeps the log of the store from being folded in, as well as the system tells.
pub(super) fn waits_for(store: &Store, bytes: u64) -> String {
    let mut shm = store.path().as_os_str().to_owned();
    shm.push("-shm");
    let readers = users::lockers_of(shm.as_ref(), users::READERS);
    let own = std::process::id();
    let names: Vec<String> = readers
        .iter()
        .filter(|holder| holder.pid != own)
        .map(User::to_string)
        .collect();
    let who = match (names.as_slice(), readers.is_empty()) {
        ([], true) => "a reader".to_owned(),
        ([], false) => "another job of this process".to_owned(),
        (names, _) => names.join(", "),
    };
    format!(
        "waited for {who}, whose old snapshot keeps {} of log",
        Bytes(bytes)
    )
}
