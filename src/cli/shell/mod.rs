//! What all verbs share: where they work, how they print, how they fail.

use std::{
    cell::Cell,
    ffi::OsString,
    io::{self, IsTerminal, Write},
    path::{Path, PathBuf},
};

use serde::Serialize;

pub(super) mod exit;
mod failure;
mod interrupts;
mod ledger;
mod moment;
mod progress;
mod restore;
mod table;
mod time;
mod wrap;

pub(super) use failure::{Failure, unknown_job};
pub(super) use interrupts::{Interrupts, interruptible};
pub(super) use moment::{Bare, Moment};
pub(super) use progress::Bar;
pub(super) use table::Table;
pub(super) use time::Times;
pub(super) use wrap::{WIDTH, wrap};

use super::args::{Color, Global};
use crate::{
    app::{self, Site},
    clock::Clock,
    job::Plan,
    jobfile::{Loaded, Problems},
    ledger::SetAside,
    lock::Holder,
    logs::Console,
    settings::{Raw, Settings},
    system,
};

/// The exit code of a verb, or why it could not do its work.
pub(super) type Result = std::result::Result<u8, Failure>;

/// The surroundings of a verb.
pub(super) struct Shell {
    pub(super) site: Site,
    pub(super) json: bool,
    pub(super) quiet: bool,
    verbose: u8,
    color: Color,
    cwd: PathBuf,
    /// Set once standard output is closed: `| head` has seen enough, and that is success.
    closed: Cell<bool>,
}

impl Shell {
    pub(super) fn new(global: &Global) -> std::result::Result<Self, Failure> {
        let no_folder = |error: io::Error| {
            Failure::new(
                exit::FAILED,
                format!("the working directory is gone: {error}"),
            )
        };
        let cwd = std::env::current_dir().map_err(no_folder)?;
        if let Some(root) = global.root.as_ref().filter(|root| !cwd.join(root).is_dir()) {
            let message = format!("there is no folder `{}`", root.display());
            return Err(
                Failure::new(exit::NOT_FOUND, message).hint(format!("mkdir -p {}", root.display()))
            );
        }
        let raw = Raw {
            root: global.root.clone(),
            jobs_file: global.config.clone(),
        };
        let site = Site {
            settings: Settings::resolve(&raw, &cwd),
            clock: Clock::System,
            zone: system::local_zone(),
        };
        let (json, quiet, verbose) = (global.json, global.quiet, global.verbose);
        Ok(Self {
            site,
            json,
            quiet,
            verbose,
            color: global.color,
            cwd,
            closed: Cell::new(false),
        })
    }

    /// The arguments by which another process works where this one does, and says as much.
    pub(super) fn as_args(&self) -> Vec<OsString> {
        let settings = &self.site.settings;
        let mut args: Vec<OsString> = vec![
            "--root".into(),
            settings.root().into(),
            "--config".into(),
            settings.jobs_file().into(),
        ];
        let flags = [(self.json, "--json"), (self.quiet, "--quiet")];
        args.extend(
            flags
                .iter()
                .filter(|(is, _)| *is)
                .map(|(_, flag)| flag.into()),
        );
        args.extend((0..self.verbose).map(|_| "--verbose".into()));
        args
    }

    /// Prints a failure and returns its code.
    pub(super) fn fail(&self, failure: &Failure) -> u8 {
        failure.print(self.json, self.coloured(&io::stderr()))
    }

    /// The job file, read and checked.
    pub(super) fn load(&self) -> std::result::Result<Loaded, Failure> {
        Ok(app::load(&self.site, &variable)?)
    }

    /// A line of result.
    pub(super) fn line(&self, text: impl AsRef<str>) {
        self.write(text.as_ref());
    }

    /// A value as one line of JSON.
    pub(super) fn json_line(&self, value: &impl Serialize) {
        match serde_json::to_string(value) {
            Ok(text) => self.write(&text),
            Err(error) => self.write(&format!("{{\"error\":\"{error}\"}}")),
        }
    }

    /// A line for the person who watches, not for the result.
    pub(super) fn say(&self, text: impl AsRef<str>) {
        if !self.quiet && !self.json {
            drop(writeln!(io::stderr().lock(), "{}", text.as_ref()));
        }
    }

    /// A line that must be seen by whoever reads the result, with `--json` too.
    pub(super) fn note(&self, text: impl AsRef<str>) {
        if !self.quiet {
            drop(writeln!(io::stderr().lock(), "{}", text.as_ref()));
        }
    }

    /// What is doubtful in the job file.
    pub(super) fn warn(&self, warnings: &Problems) {
        let coloured = self.coloured(&io::stderr());
        self.say(format!("{}\n", warnings.render(coloured).trim_end()));
    }

    /// A time that a person gave as an argument, in the computer's zone unless it has its own.
    pub(super) fn moment(&self, text: &str, bare: Bare) -> std::result::Result<Moment, Failure> {
        let (zone, now) = (&self.site.zone.zone, self.site.clock.now());
        Moment::read(text, zone, now, bare).map_err(|wrong| Failure::new(exit::USAGE, wrong))
    }

    fn write(&self, text: &str) {
        if self.closed.get() {
            return;
        }
        let mut out = io::stdout().lock();
        if writeln!(out, "{text}").and_then(|()| out.flush()).is_err() {
            self.closed.set(true);
        }
    }

    /// Whether nobody reads the result any more.
    pub(super) fn is_closed(&self) -> bool {
        self.closed.get()
    }

    /// How instants are shown.
    pub(super) fn times(&self) -> Times {
        Times::at(self.site.zone.zone.clone(), self.site.clock.now())
    }

    /// Who holds the lock of this root, for a person.
    pub(super) fn holder(&self, holder: &Holder) -> String {
        holder_in(&self.times(), holder)
    }

    /// A path that was given as an argument, whole.
    pub(super) fn here(&self, path: &Path) -> PathBuf {
        self.cwd.join(path)
    }

    /// A path as seen from the root, when it is inside.
    pub(super) fn within(&self, path: &Path) -> String {
        path.strip_prefix(self.site.settings.root())
            .unwrap_or(path)
            .display()
            .to_string()
    }

    /// What would be done, each line with its reason.
    pub(super) fn plan(&self, plan: &Plan) {
        if self.json {
            plan.steps.iter().for_each(|step| self.json_line(step));
            return;
        }
        let mut table = Table::new(["would", "what", "because"]);
        for step in &plan.steps {
            let subject = self.within(step.subject.as_ref());
            table.row([step.act.clone(), subject, step.reason.clone()]);
        }
        self.line(table.render());
    }

    /// Whether the person at the terminal says yes; `None` where there is none to ask.
    ///
    /// # Errors
    /// When the answer is a signal.
    pub(super) fn asks(&self, question: &str) -> std::result::Result<Option<bool>, Failure> {
        if self.json || !io::stdin().is_terminal() || !io::stderr().is_terminal() {
            return Ok(None);
        }
        drop(write!(io::stderr().lock(), "{question} [y/N] "));
        let read = || {
            let mut answer = String::new();
            io::stdin().read_line(&mut answer).map(|_| answer)
        };
        block_on(async {
            let mut interrupts = Interrupts::new()?;
            tokio::select! {
                answer = tokio::task::spawn_blocking(read) => {
                    let answer = answer.ok().and_then(io::Result::ok).unwrap_or_default();
                    Ok(Some(matches!(answer.trim(), "y" | "Y" | "yes" | "Yes" | "YES")))
                }
                code = interrupts.next() => {
                    self.say("");
                    Err(Failure::new(code, "cancelled; nothing has changed"))
                }
            }
        })
    }

    /// What became of a damaged ledger.
    pub(super) fn set_aside(&self, kept: &SetAside) -> String {
        let path = self.within(&kept.path);
        format!("was damaged; kept as {path};\n          history starts anew")
    }

    /// Whether progress can be drawn.
    pub(super) fn draws(&self) -> bool {
        !self.json && !self.quiet && io::stderr().is_terminal()
    }

    /// Whether a stream gets colours.
    pub(super) fn coloured(&self, stream: &impl IsTerminal) -> bool {
        let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        match self.color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => stream.is_terminal() && !plain,
        }
    }

    /// Where the log of a daemon goes besides its file.
    pub(super) fn console(&self) -> Console {
        if self.quiet {
            Console::Off
        } else if self.coloured(&io::stderr()) {
            Console::Auto
        } else {
            Console::Plain
        }
    }

    /// Which events are logged.
    pub(super) fn log_filter(&self) -> &'static str {
        match self.verbose {
            0 => "info,tokio_cron_scheduler=warn",
            1 => "debug,tokio_cron_scheduler=warn,hyper=info",
            _ => "trace",
        }
    }
}

/// Who holds a lock: `pid 7, daemon, since Mon 2026-11-23 02:00:00 +08:00`.
fn holder_in(times: &Times, holder: &Holder) -> String {
    match holder.pid {
        // It has not written yet who it is.
        0 => holder.to_string(),
        pid => format!(
            "pid {pid}, {}, since {}",
            holder.what,
            times.absolute(holder.since)
        ),
    }
}

/// `1 job`, `2 jobs`, `3 entries`, `4 days`.
pub(super) fn count(n: usize, what: &str) -> String {
    let stem = what.strip_suffix('y');
    match (n, stem.filter(|stem| !stem.ends_with(['a', 'e', 'o', 'u']))) {
        (1, _) => format!("1 {what}"),
        (_, Some(stem)) => format!("{n} {stem}ies"),
        (_, None) => format!("{n} {what}s"),
    }
}

/// The value of an environment variable, for `${VAR}` in the job file.
pub(super) fn variable(name: &str) -> Option<String> {
    std::env::var_os(name).and_then(|value| value.into_string().ok())
}

/// Runs a verb that waits on a single thread.
pub(super) fn block_on<T>(
    future: impl Future<Output = std::result::Result<T, Failure>>,
) -> std::result::Result<T, Failure> {
    let runtime = runtime(&mut tokio::runtime::Builder::new_current_thread())?;
    let value = runtime.block_on(future);
    runtime.shutdown_background();
    value
}

/// Runs the verbs that run jobs.
pub(super) fn block_on_workers<T>(
    future: impl Future<Output = std::result::Result<T, Failure>>,
) -> std::result::Result<T, Failure> {
    let runtime = runtime(&mut tokio::runtime::Builder::new_multi_thread())?;
    let value = runtime.block_on(future);
    // A job that does not listen must not keep a process that was told to end twice.
    runtime.shutdown_background();
    value
}

fn runtime(
    builder: &mut tokio::runtime::Builder,
) -> std::result::Result<tokio::runtime::Runtime, Failure> {
    // Every running job has a blocking thread of its own, and the ledger needs one at any time.
    const THREADS: usize = 4_096;
    let built = builder.enable_all().max_blocking_threads(THREADS).build();
    built.map_err(|error| Failure::new(exit::FAILED, format!("start the runtime: {error}")))
}
