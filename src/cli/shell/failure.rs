//! What is told when a verb cannot do its work.

use std::{io::Write, ops::Range};

use crate::{
    app::{self, Wrong, restore::UnknownPath},
    archive, engine,
    job::{self, chain},
    jobfile::{Loaded, Problems},
    lock, logs,
    market::CsvError,
    sqlite::Trouble,
    suggest::nearest,
    system,
    words::Outcome,
};

use super::{exit, ledger, restore, time::Times};

/// An error with its exit code and what a person can do about it.
#[derive(Debug)]
pub(in crate::cli) struct Failure {
    code: u8,
    message: String,
    hints: Vec<String>,
    problems: Option<Shown>,
}

/// All that is wrong with a job file.
#[derive(Debug)]
enum Shown {
    /// Found here.
    Here(Box<Problems>),
    /// Found by the daemon.
    There(Box<Wrong>),
}

impl Shown {
    fn text(&self, coloured: bool) -> String {
        match self {
            Self::Here(problems) => problems.render(coloured),
            Self::There(wrong) => wrong.text.clone(),
        }
    }

    fn json(&self) -> Vec<serde_json::Value> {
        match self {
            Self::Here(problems) => problems.json(),
            Self::There(wrong) => wrong.json.clone(),
        }
    }
}

impl Failure {
    pub(in crate::cli) fn new(code: u8, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            hints: Vec::new(),
            problems: None,
        }
    }

    /// A mistake in what was typed: the message, the text, and carets under the place.
    pub(in crate::cli) fn at(
        text: &str,
        message: &str,
        span: &Range<usize>,
        hint: Option<&str>,
    ) -> Self {
        let chars = |range: Range<usize>| text.get(range).unwrap_or_default().chars().count();
        let before = " ".repeat(chars(0..span.start));
        let carets = "^".repeat(chars(span.clone()).max(1));
        let failure = Self::new(
            exit::USAGE,
            format!("{message}\n  {text}\n  {before}{carets}"),
        );
        match hint {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    }

    pub(in crate::cli) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Writes it: to standard error for people, as JSON lines to standard output for programs.
    pub(in crate::cli) fn print(&self, json: bool, coloured: bool) -> u8 {
        // Nobody is left to tell when these streams are closed.
        if json {
            drop(self.write_json(&mut std::io::stdout().lock()));
        } else {
            drop(self.write_text(&mut std::io::stderr().lock(), coloured));
        }
        self.code
    }

    fn write_json(&self, out: &mut dyn Write) -> std::io::Result<()> {
        if let Some(problems) = &self.problems {
            for problem in problems.json() {
                writeln!(out, "{problem}")?;
            }
            return Ok(());
        }
        let error = serde_json::json!({
            "error": self.message, "hints": self.hints, "exit_code": self.code,
        });
        writeln!(out, "{error}")
    }

    fn write_text(&self, out: &mut dyn Write, coloured: bool) -> std::io::Result<()> {
        if let Some(problems) = &self.problems {
            writeln!(out, "{}", problems.text(coloured).trim_end())?;
            return writeln!(out, "\n{}", self.message);
        }
        let (red, cyan, plain) = if coloured {
            ("\x1b[1;31m", "\x1b[1;36m", "\x1b[0m")
        } else {
            ("", "", "")
        };
        writeln!(out, "{red}error{plain}: {}", self.message)?;
        for hint in &self.hints {
            let hint = hint.replace('\n', "\n      ");
            writeln!(out, "{cyan}help{plain}: {hint}")?;
        }
        Ok(())
    }
}

impl From<app::Error> for Failure {
    fn from(error: app::Error) -> Self {
        let message = message(&error);
        let (code, hint) = judge(&error);
        let problems = match error {
            app::Error::Problems(problems) => Some(Shown::Here(problems)),
            app::Error::NotReloaded { wrong, .. } => wrong.map(Shown::There),
            _ => None,
        };
        Self {
            code,
            message,
            hints: hint.into_iter().collect(),
            problems,
        }
    }
}

/// The error with its causes; a holder of the lock is shown in the computer's own time.
fn message(error: &app::Error) -> String {
    match error {
        app::Error::Lock(lock::Error::Held {
            holder: Some(holder),
            ..
        }) => {
            let times = Times::at(system::local_zone().zone, holder.since);
            let holder = super::holder_in(&times, holder);
            format!("another bellkeeper ({holder}) is at work in this root")
        }
        error => job::chain(error),
    }
}

impl From<CsvError> for Failure {
    fn from(error: CsvError) -> Self {
        let failure = Self::new(exit::FAILED, chain(&error));
        match error.hint() {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    }
}

impl From<Problems> for Failure {
    fn from(problems: Problems) -> Self {
        app::Error::Problems(Box::new(problems)).into()
    }
}

/// A word that stands for no file.
impl From<UnknownPath> for Failure {
    fn from(error: UnknownPath) -> Self {
        let failure = Self::new(exit::USAGE, error.to_string());
        match error.near {
            Some(near) => failure.hint(format!("did you mean `{near}`?")),
            None => failure.hint("name files as `bellkeeper restore … --only config/FILE`"),
        }
    }
}

impl From<archive::Error> for Failure {
    fn from(error: archive::Error) -> Self {
        app::Error::from(error).into()
    }
}

fn judge(error: &app::Error) -> (u8, Option<String>) {
    use app::Error as E;
    match error {
        E::ReadJobFile(error) => (exit::CONFIGURATION, Some(error.hint().to_owned())),
        E::Problems(_) => (exit::CONFIGURATION, None),
        E::NotReloaded { hint, .. } => (exit::CONFIGURATION, hint.clone()),
        E::Clock { .. } => (exit::TEMPORARY, Some("set it, then start again".to_owned())),
        E::Ledger(error) => ledger::judge(error),
        E::File(error) | E::Lock(lock::Error::File(error)) | E::Logs(logs::Error::File(error)) => {
            ledger::trouble(Trouble::of_file(&error.source))
        }
        E::Lock(lock::Error::Held { .. }) => {
            let hint = "`bellkeeper status` shows it, `bellkeeper stop` ends it";
            (exit::BUSY, Some(hint.to_owned()))
        }
        E::Engine(engine::Error::UnknownJob(_)) => (
            exit::NOT_FOUND,
            Some("`bellkeeper list` shows the jobs".to_owned()),
        ),
        E::Refused { status: 404, .. } => {
            let hint = "`bellkeeper list` shows the jobs; the daemon knows those of the job file \
                        that it took last: `bellkeeper reload` says why it takes no newer one";
            (exit::NOT_FOUND, Some(hint.to_owned()))
        }
        E::NotRetried(error) => not_retried(error),
        E::Restore(error) => restore::judge(error),
        E::Refused { status: 409, .. } => {
            let hint = "`bellkeeper status` shows it; try again when it is over";
            (exit::BUSY, Some(hint.to_owned()))
        }
        E::NotUndone(error) => not_undone(error),
        E::Store(error) => {
            let code = if error.is_retryable() {
                exit::TEMPORARY
            } else {
                exit::FAILED
            };
            (code, error.hint())
        }
        E::NoArchive { folders, .. } => {
            let looked: Vec<_> = folders.iter().map(|f| f.display().to_string()).collect();
            let hint = if looked.is_empty() {
                "give the path of an archive".to_owned()
            } else {
                format!(
                    "`bellkeeper backups list` shows those in {}",
                    looked.join(", ")
                )
            };
            (exit::NOT_FOUND, Some(hint))
        }
        E::NoKey { .. } => {
            let hint = "give the file that holds `AGE-SECRET-KEY-…` with `--key FILE`";
            (exit::WRONG_KEY, Some(hint.to_owned()))
        }
        E::Keys(error) => keys(error),
        E::Archive(error) => (exit::of_archive(error), error.hint()),
        E::Refused { status: 503, .. } => (exit::TEMPORARY, None),
        _ => (exit::FAILED, None),
    }
}

fn not_retried(error: &app::NotRetried) -> (u8, Option<String>) {
    use app::NotRetried as E;
    let (code, hint) = match error {
        E::Unknown(_) => (
            exit::NOT_FOUND,
            "`bellkeeper history` shows the runs".to_owned(),
        ),
        E::GoingOn(run) => (
            exit::BUSY,
            format!("`bellkeeper cancel {run}` asks it to stop"),
        ),
        E::Succeeded { job, .. } => (
            exit::FAILED,
            format!("`bellkeeper run-job {job}` runs the job anew"),
        ),
        E::Already {
            became: Some(Outcome::Succeeded),
            ..
        } => (exit::FAILED, "there is nothing left to try".to_owned()),
        E::Already { by, .. } => (
            exit::FAILED,
            format!("`bellkeeper retry {by}` tries that one again"),
        ),
    };
    (code, Some(hint))
}

fn keys(error: &app::KeyError) -> (u8, Option<String>) {
    use app::KeyError as E;
    let hint = match error {
        E::Already(_) => return (exit::FAILED, None),
        E::NotOurs { .. } => {
            "`bellkeeper keys add` adds a key; take the one that is to go out of jobs.yaml by hand"
                .to_owned()
        }
        E::Taken { .. } => "name another file".to_owned(),
        E::Refused(refused) => format!(
            "write it yourself, in place of what is there:\n{}",
            refused.lines
        ),
        E::Changed { .. } => "look at it, then try again".to_owned(),
    };
    (exit::FAILED, Some(hint))
}

fn not_undone(error: &app::NotUndone) -> (u8, Option<String>) {
    use app::NotUndone as E;
    match error {
        E::Nothing { folders, .. } if folders.is_empty() => {
            let hint = "there is no job of the kind `prune` in the job file";
            (exit::NOT_FOUND, Some(hint.to_owned()))
        }
        E::Nothing { folders, .. } => {
            let looked: Vec<_> = folders.iter().map(|f| f.display().to_string()).collect();
            let hint = format!(
                "`bellkeeper history` shows the runs; looked in {}",
                looked.join(", ")
            );
            (exit::NOT_FOUND, Some(hint))
        }
        E::GoingOn(run) => {
            let hint = format!("`bellkeeper cancel {run}` asks it to stop");
            (exit::BUSY, Some(hint))
        }
        E::Already { .. } => {
            let hint = "move the archive and its `.json` back to the folder above to do it again";
            (exit::FAILED, Some(hint.to_owned()))
        }
    }
}

/// A job that is not in the job file, with the one that was meant.
pub(in crate::cli) fn unknown_job(loaded: &Loaded, name: &str) -> Failure {
    let names: Vec<&str> = loaded
        .set
        .jobs
        .iter()
        .map(|job| job.name.as_str())
        .collect();
    let failure = Failure::new(exit::NOT_FOUND, format!("no job is called `{name}`"));
    match nearest(name, names.iter().copied()) {
        Some(near) => failure.hint(format!("did you mean `{near}`?")),
        None => failure.hint(format!("the jobs are: {}", names.join(", "))),
    }
}
