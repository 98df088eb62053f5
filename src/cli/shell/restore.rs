//! What a person is told when files could not be put back.

use crate::{app::restore::Error, sqlite::Trouble, swap};

use super::{exit, ledger};

/// The exit code and the remedy.
pub(super) fn judge(error: &Error) -> (u8, Option<String>) {
    let (code, hint) = match error {
        Error::Swap(error) => return swapped(error),
        Error::HoldsNone { holds, .. } => {
            (exit::NOT_FOUND, format!("it holds {}", holds.join(", ")))
        }
        Error::NoneHolds { .. } => (
            exit::NOT_FOUND,
            "`bellkeeper backups list` shows the archives".to_owned(),
        ),
        Error::Damaged { source, instead } => {
            let hint = match instead {
                Some(name) => format!("the newest sound one before it is {name}"),
                None => "no older one is at hand; look for a copy on another device".to_owned(),
            };
            return (exit::of_archive(source), Some(hint));
        }
        Error::InTheWay { .. } => (exit::FAILED, "move it away, or use `--to DIR`".to_owned()),
        Error::Homeless { .. } => (
            exit::CONFIGURATION,
            "mend the job file first (`bellkeeper validate`), use `--to DIR`, or name the file with \
             `--only`: then it goes into the root"
                .to_owned(),
        ),
        Error::Name { .. } => (
            exit::FAILED,
            "extract it with `--to DIR` and copy it by hand".to_owned(),
        ),
        Error::TooNew { .. } => (
            exit::CONFIGURATION,
            "use the newer bellkeeper that made it, or an older archive".to_owned(),
        ),
        Error::LedgerInUse { .. } => (exit::BUSY, "`bellkeeper stop` first".to_owned()),
        Error::Compare(error) => return ledger::trouble(error.trouble()),
        Error::NothingToUndo => (
            exit::NOT_FOUND,
            "what a restore replaces is kept in data/.before-restore-…".to_owned(),
        ),
        Error::Cancelled => return (exit::CANCELLED, None),
    };
    (code, Some(hint))
}

fn swapped(error: &swap::Error) -> (u8, Option<String>) {
    match error {
        swap::Error::InUse { .. } => (
            exit::BUSY,
            Some("close it, then try again; nothing has changed".to_owned()),
        ),
        swap::Error::Busy { .. } => (
            exit::BUSY,
            Some("try again when it is over".to_owned()),
        ),
        swap::Error::Unfinished { .. } => (
            exit::BUSY,
            Some(
                "it was cut short: close what has its databases open, then `bellkeeper restore` ends it \
                 first; nothing has changed"
                    .to_owned(),
            ),
        ),
        swap::Error::Changed { .. } => (
            exit::BUSY,
            Some("look again with `bellkeeper restore --undo --dry-run`; nothing has changed".to_owned()),
        ),
        swap::Error::Database(error) => ledger::trouble(error.trouble()),
        swap::Error::File(error) => ledger::trouble(Trouble::of_file(&error.source)),
        swap::Error::Lock(_) | swap::Error::Record { .. } => (exit::FAILED, None),
        swap::Error::CutShort { .. } => (
            exit::FAILED,
            Some(
                "the next `bellkeeper start` or `restore` ends it; until then some files may be new \
                 and others old, each of them whole"
                    .to_owned(),
            ),
        ),
    }
}
