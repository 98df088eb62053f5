//! `command`: a program is run, for what no other kind does.

use std::{
    collections::{BTreeMap, VecDeque},
    path::PathBuf,
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    job::{Cancelled, Cx, Disposition, Env, Job, JobError, Kind, Plan, Problem, Report},
    system::child::{self, Ended, Over, Program},
    units::{Bytes, Span},
};

/// Where programs are looked for unless `env` says otherwise.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// How many of the last lines of output stand in the report.
const LAST_LINES: usize = 20;
/// As much of a line is shown, in characters.
const SHOWN: usize = 400;
/// Shorter values are in too many words to be taken out of them.
const SHORTEST_SECRET: usize = 4;
/// Exit codes by which programs say that another attempt would fail the same way: wrong usage, wrong
/// configuration, and what shells say of programs that may not be run or are not there.
const HOPELESS: [i32; 4] = [64, 78, 126, 127];

/// The settings of a `command` job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Command {
    /// The program and its arguments, as a list; no shell reads them. It is looked for in `PATH`;
    /// with a slash in it, it is a path from `dir`. Other users of the computer can see arguments:
    /// secrets belong into `env`.
    pub run: Vec<String>,
    /// Where it works, from the root; the root unless given.
    pub dir: Option<PathBuf>,
    /// Its environment. Nothing else is in it but `PATH`, unless given here, and `BELLKEEPER_JOB`,
    /// `BELLKEEPER_RUN`, `BELLKEEPER_ATTEMPT`, `BELLKEEPER_ROOT` and the instant at which it was
    /// due, `BELLKEEPER_SLOT`. The values are taken out of its output before that is logged.
    pub env: BTreeMap<String, String>,
    /// The exit codes that mean success.
    pub success: Vec<u8>,
    /// How long it may go on after SIGTERM, when it was cancelled or its `timeout` has passed, before
    /// SIGKILL. Both go to all that it has started.
    #[schemars(with = "String")]
    pub grace: Span,
    /// How much of its output is logged; of what comes after that only the last lines are kept.
    #[schemars(with = "String")]
    pub output: Bytes,
}

impl Default for Command {
    fn default() -> Self {
        Self {
            run: Vec::new(),
            dir: None,
            env: BTreeMap::new(),
            success: vec![0],
            grace: Span::from_secs(10),
            output: Bytes(64_000),
        }
    }
}

/// Why it failed.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error(transparent)]
    Child(#[from] child::Error),
    #[error("`{program}` ended with exit code {code}{last}")]
    Code {
        program: String,
        code: i32,
        last: String,
    },
    #[error("`{program}` was ended by signal {signal}{last}")]
    Signal {
        program: String,
        signal: i32,
        last: String,
    },
}

impl From<Error> for JobError {
    fn from(error: Error) -> Self {
        let hopeless = match &error {
            Error::Child(child::Error::Start { passing, .. }) => !passing,
            Error::Code { code, .. } => HOPELESS.contains(code),
            Error::Child(child::Error::Guard { .. }) | Error::Signal { .. } => false,
        };
        let hint = match &error {
            Error::Child(child::Error::Start { .. }) => {
                Some("give its whole path in `run`, or its folder in `env: {PATH: …}`".to_owned())
            }
            _ => None,
        };
        Self {
            disposition: if hopeless {
                Disposition::Permanent
            } else {
                Disposition::Retry
            },
            source: Box::new(error),
            hint,
        }
    }
}

/// Output on its way to the log.
#[derive(Debug)]
struct Output<'a> {
    env: &'a BTreeMap<String, String>,
    most: u64,
    lines: u64,
    bytes: u64,
    logged: u64,
    last: VecDeque<String>,
}

impl Output<'_> {
    fn line(&mut self, line: &str) {
        self.lines += 1;
        self.bytes += line.len() as u64 + 1;
        let line = self.shown(line);
        if self.bytes <= self.most {
            self.logged += 1;
            tracing::info!("{line}");
        }
        if self.last.len() == LAST_LINES {
            self.last.pop_front();
        }
        self.last.push_back(line);
    }

    /// A line as others may see it.
    fn shown(&self, line: &str) -> String {
        let mut secrets: Vec<_> = self
            .env
            .iter()
            .filter(|(_, value)| value.len() >= SHORTEST_SECRET)
            .collect();
        // Longest first: one value may be part of another.
        secrets.sort_by_key(|(_, value)| std::cmp::Reverse(value.len()));
        let mut line = line.to_owned();
        for (name, value) in secrets {
            line = line.replace(value.as_str(), &format!("${{{name}}}"));
        }
        let escape = |letter: char| match letter {
            '\t' => vec!['\t'],
            letter if letter.is_control() => letter.escape_default().collect(),
            letter => vec![letter],
        };
        let mut shown: String = line.chars().flat_map(escape).take(SHOWN).collect();
        if shown.len() < line.len() && shown.chars().count() == SHOWN {
            shown.push('…');
        }
        shown
    }

    /// The last words of a program that failed, for its error.
    fn last_words(&self) -> String {
        let last = self.last.iter().rfind(|line| !line.trim().is_empty());
        last.map(|line| format!(": {}", line.trim()))
            .unwrap_or_default()
    }
}

impl Command {
    fn name(&self) -> String {
        self.run.first().cloned().unwrap_or_default()
    }

    fn folder(&self, env: &Env) -> PathBuf {
        match &self.dir {
            Some(dir) => env.settings.path(dir),
            None => env.settings.root().to_owned(),
        }
    }

    fn program(&self, cx: &Cx) -> Program {
        let mut env = BTreeMap::from([("PATH".to_owned(), PATH.to_owned())]);
        env.extend(self.env.clone());
        let run = &cx.run;
        let root = cx.env.settings.root().display().to_string();
        for (name, value) in [
            ("JOB", run.job.to_string()),
            ("RUN", run.id.to_string()),
            ("ATTEMPT", run.attempt.to_string()),
            ("SLOT", run.slot.to_string()),
            ("ROOT", root),
        ] {
            env.insert(format!("BELLKEEPER_{name}"), value);
        }
        let grace = self.grace.duration().as_millis();
        Program {
            argv: self.run.clone(),
            dir: self.folder(&cx.env),
            env,
            grace_ms: u64::try_from(grace).unwrap_or(u64::MAX),
        }
    }

    fn judge(&self, over: Over, output: &Output<'_>) -> Result<(), Error> {
        let (program, last) = (self.name(), output.last_words());
        match over.ended {
            Ended::Code(code) if self.success.iter().any(|good| i32::from(*good) == code) => Ok(()),
            Ended::Code(code) => Err(Error::Code {
                program,
                code,
                last,
            }),
            Ended::Signal(signal) => Err(Error::Signal {
                program,
                signal,
                last,
            }),
        }
    }

    fn report(&self, over: Over, output: Output<'_>) -> Report {
        let code = match over.ended {
            Ended::Code(code) => code,
            Ended::Signal(signal) => 128 + signal,
        };
        let lines = match output.lines {
            0 => "no output".to_owned(),
            1 => "1 line of output".to_owned(),
            lines => format!("{lines} lines of output"),
        };
        let mut report = Report::new(format!("{}: exit code {code}, {lines}", self.name()))
            .fact("exit_code", code)
            .fact("output_lines", output.lines)
            .fact("output_bytes", output.bytes);
        if over.left > 0 {
            let left = format!("{} processes that it left running were ended", over.left);
            report.notes.push(left);
        }
        let unlogged = output.lines - output.logged;
        if unlogged > 0 {
            let most = Bytes(output.most);
            report.notes.push(format!(
                "{unlogged} lines after the first {most} are not in the log"
            ));
        }
        report.notes.extend(output.last);
        report
    }
}

impl Job for Command {
    fn check(&self, _: &Env) -> Vec<Problem> {
        let mut problems = Vec::new();
        if self.run.first().is_none_or(|name| name.trim().is_empty()) {
            let hint = "name it: `run: [rsync, -a, backups/, /mnt/disk/]`";
            problems.push(Problem::new("run", "no program to run", hint));
        }
        let nul = |text: &String| text.contains('\0');
        if self.run.iter().any(nul) || self.env.iter().any(|(key, value)| nul(key) || nul(value)) {
            let message = "a NUL cannot be given to a program";
            problems.push(Problem::new("run", message, "take it out"));
        }
        let good = |name: &String| !name.is_empty() && !name.contains('=');
        if let Some(name) = self.env.keys().find(|name| !good(name)) {
            let message = format!("`{name}` cannot be the name of a variable");
            problems.push(Problem::new("env", message, "use letters, digits and `_`"));
        }
        problems
    }

    fn plan(&self, cx: &Cx) -> Result<Plan, JobError> {
        let mut plan = Plan::default();
        // Arguments may have the value of a variable in them: `explain` shows them as written.
        let subject = match self.run.len().saturating_sub(1) {
            0 => self.name(),
            1 => format!("{} with 1 argument", self.name()),
            more => format!("{} with {more} arguments", self.name()),
        };
        let folder = self.folder(&cx.env);
        plan.step("run", subject, format!("in {}", folder.display()));
        Ok(plan)
    }

    fn run(&self, cx: &Cx) -> Result<Report, JobError> {
        cx.checkpoint()?;
        cx.watch.progress.step("run");
        let mut output = Output {
            env: &self.env,
            most: self.output.0,
            lines: 0,
            bytes: 0,
            logged: 0,
            last: VecDeque::new(),
        };
        let stop = || cx.watch.cancel.reason().is_some();
        let over = child::run(&self.program(cx), &stop, |line| output.line(line));
        let over = over.map_err(Error::from)?;
        if let Some(reason) = cx.watch.cancel.reason().filter(|_| over.stopped) {
            return Err(Cancelled(reason).into());
        }
        self.judge(over, &output)?;
        Ok(self.report(over, output))
    }
}

impl Kind for Command {
    const NAME: &'static str = "command";
    const SUMMARY: &'static str = "a program is run, and ends with all that it has started";
    const EXAMPLE: &'static str = "\
copy-backups:
  schedule: \"30 2 * * *\"
  command: {run: [rsync, -a, backups/daily/, /mnt/disk/backups/]}
";
    const LEAST: &'static str = r#"{"run": ["true"]}"#;
}

#[cfg(test)]
mod tests;
