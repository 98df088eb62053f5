//! What must hold, and what is told when it does not.

use std::{collections::VecDeque, fmt};

/// An invariant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Law {
    OneRun,
    OneEnd,
    ClaimedOnce,
    NeverSilent,
    ReloadKeeps,
    OneCatchUp,
    InTurn,
    Locks,
    NotEarly,
    Needs,
    EveryGoesOn,
    NothingWaitsForEver,
}

impl fmt::Display for Law {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OneRun => "at most one live run of a job that does not overlap",
            Self::OneEnd => "every run that started ends once, or is lost by a crash",
            Self::ClaimedOnce => "no slot is claimed twice, but a lost one within its attempts",
            Self::NeverSilent => "every slot whose time has come has a row",
            Self::ReloadKeeps => "a reload loses no run and moves no phase",
            Self::OneCatchUp => "a gap of any size is caught up by one run of a `latest` job",
            Self::InTurn => "caught-up runs: one at a time, and only when things have settled",
            Self::Locks => "a lock has one holder, and no more run than are allowed",
            Self::NotEarly => "no slot is decided before its instant",
            Self::Needs => "a run starts only after the successes that it needs",
            Self::EveryGoesOn => "`every` goes on whatever the clock does",
            Self::NothingWaitsForEver => "what waits goes on at last",
        })
    }
}

/// A law was broken.
#[derive(Debug, Clone)]
pub(super) struct Violation {
    pub(super) law: Law,
    pub(super) what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.law, self.what)
    }
}

/// What ends a stretch of the daemon's work before its time.
#[derive(Debug)]
pub(super) enum Stop {
    /// The process died.
    Crash,
    Broken(Violation),
}

impl From<Violation> for Stop {
    fn from(violation: Violation) -> Self {
        Self::Broken(violation)
    }
}

/// What happened last, for people; empty unless it is asked for.
#[derive(Debug, Default)]
pub(super) struct Trace {
    lines: VecDeque<String>,
    keep: usize,
}

impl Trace {
    pub(super) fn keeping(keep: usize) -> Self {
        Self {
            lines: VecDeque::new(),
            keep,
        }
    }

    pub(super) fn note(&mut self, line: impl FnOnce() -> String) {
        if self.keep == 0 {
            return;
        }
        self.lines.push_back(line());
        if self.lines.len() > self.keep {
            self.lines.pop_front();
        }
    }
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.lines.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}
