//! `logs`: the daemon's log, over its rotated and compressed files.

use std::{cell::RefCell, io, ops::ControlFlow, time::Duration};

use super::{
    args,
    shell::{Bare, Failure, Interrupts, Moment, Result, Shell, block_on, count, exit, unknown_job},
};
use crate::{
    app,
    logs::{Event, Follower, Log, Note, Out, Pattern, Query, Wanted, printable},
    words::RunId,
};

/// How many lines without `-n`, `--since` and `--until`.
const LINES: usize = 20;

/// How often a log that is followed is looked at.
const LOOK: Duration = Duration::from_millis(200);

/// How much is printed at once.
const MOST: usize = 32 << 10;

pub(super) fn run(shell: &Shell, args: &args::Logs) -> Result {
    let query = query(shell, args)?;
    let loaded = shell.load().ok();
    let log = app::own_log(
        &shell.site.settings,
        loaded.as_ref().map(|loaded| &loaded.set),
    );
    let screen = Screen::new(shell);
    let position = screen
        .out(|out| log.read(&query, out))
        .map_err(|error| failed(&error))?;
    screen.flush();
    if !position.found {
        let path = shell.within(&log.path);
        if !args.follow {
            return Err(
                Failure::new(exit::NOT_FOUND, format!("there is no log yet: `{path}`"))
                    .hint("`bellkeeper start` writes one"),
            );
        }
        shell.say(format!("waits for `{path}`"));
    }
    if args.follow {
        return follow(&screen, &log, &query.wanted, position);
    }
    if screen.is_empty() {
        known(shell, &query.wanted)?;
        shell.say("no line fits");
    }
    screen.end();
    Ok(exit::OK)
}

/// Shows what is written until Ctrl-C, which is a good end, or until nobody reads any more.
fn follow(
    screen: &Screen<'_>,
    log: &Log,
    wanted: &Wanted,
    position: crate::logs::Position,
) -> Result {
    let mut follower = Follower::new(log, wanted, position);
    block_on(async {
        let mut interrupts = Interrupts::new()?;
        while !screen.shell.is_closed() {
            let flow = screen
                .out(|out| follower.poll(out))
                .map_err(|error| failed(&error))?;
            screen.flush();
            if flow.is_break() {
                break;
            }
            tokio::select! {
                _ = interrupts.next() => break,
                () = tokio::time::sleep(LOOK) => {}
            }
        }
        screen.end();
        Ok(exit::OK)
    })
}

fn query(shell: &Shell, args: &args::Logs) -> std::result::Result<Query, Failure> {
    let moment = |text: &Option<String>| {
        let moment = text.as_ref().map(|text| shell.moment(text, Bare::Ago));
        moment.transpose().map(|moment| moment.map(Moment::start))
    };
    let (since, until) = (moment(&args.since)?, moment(&args.until)?);
    if since
        .zip(until)
        .is_some_and(|(since, until)| since >= until)
    {
        return Err(Failure::new(
            exit::USAGE,
            "`--since` is not before `--until`",
        ));
    }
    let text = args.grep.as_deref().map(Pattern::new);
    if let Some(Pattern::Text(text, why)) = &text {
        shell.note(format!(
            "`{text}` is no regular expression ({why}): looked for as it stands"
        ));
    }
    let mut wanted = Wanted {
        since,
        until,
        level: args.level,
        text,
        ..Wanted::default()
    };
    match &args.target {
        Some(target) if target.bytes().all(|byte| byte.is_ascii_digit()) => {
            let wrong = |_| Failure::new(exit::USAGE, format!("`{target}` is no number of a run"));
            wanted.run = Some(RunId(target.parse().map_err(wrong)?));
        }
        Some(target) => {
            let wrong = |error| Failure::new(exit::USAGE, format!("`{target}` is no job: {error}"));
            wanted.job = Some(target.parse().map_err(wrong)?);
        }
        None => {}
    }
    let all = since.is_some() || until.is_some();
    Ok(Query {
        wanted,
        last: args.count.or((!all).then_some(LINES)),
        follow: args.follow,
    })
}

/// A job without a line that does not stand in the job file is most likely misspelt.
fn known(shell: &Shell, wanted: &Wanted) -> std::result::Result<(), Failure> {
    let (Some(job), Ok(loaded)) = (&wanted.job, shell.load()) else {
        return Ok(());
    };
    match loaded.set.get(job.as_str()) {
        Some(_) => Ok(()),
        None => Err(unknown_job(&loaded, job.as_str())),
    }
}

fn failed(error: &crate::files::Error) -> Failure {
    let code = match error.source.kind() {
        io::ErrorKind::NotFound => exit::NOT_FOUND,
        _ => exit::FAILED,
    };
    Failure::new(code, format!("{error}: {}", error.source))
}

/// Where lines are printed.
struct Screen<'a> {
    shell: &'a Shell,
    colour: bool,
    state: RefCell<State>,
}

#[derive(Default)]
struct State {
    /// What is not printed yet.
    waiting: String,
    lines: u64,
    /// Lines that are no events and were left out.
    left_out: usize,
}

impl<'a> Screen<'a> {
    fn new(shell: &'a Shell) -> Self {
        Self {
            shell,
            colour: shell.coloured(&io::stdout()),
            state: RefCell::default(),
        }
    }

    /// Gives `act` the two ends that reading wants.
    fn out<T>(&self, act: impl FnOnce(&mut Out<'_>) -> T) -> T {
        act(&mut Out {
            line: &mut |line| self.line(line),
            note: &mut |note| self.note(&note),
        })
    }

    fn line(&self, line: &[u8]) -> ControlFlow<()> {
        let Some(text) = self.shown(line) else {
            self.state.borrow_mut().left_out += 1;
            return ControlFlow::Continue(());
        };
        let mut state = self.state.borrow_mut();
        state.lines += 1;
        state.waiting.push_str(&text);
        state.waiting.push('\n');
        let much = state.waiting.len() > MOST;
        drop(state);
        if much {
            self.flush();
        }
        if self.shell.is_closed() {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    }

    /// What is printed of a line; programs get only what is JSON.
    fn shown(&self, line: &[u8]) -> Option<String> {
        let event = Event::parse(line);
        let text = || String::from_utf8_lossy(line);
        match (event, self.shell.json) {
            (Some(_), true) => Some(text().into_owned()),
            (None, true) => None,
            (Some(event), false) => Some(event.human(self.colour)),
            (None, false) => Some(printable(&text()).into_owned()),
        }
    }

    fn note(&self, note: &Note) {
        self.flush();
        self.shell.note(format!("note: {note}"));
    }

    fn flush(&self) {
        let waiting = std::mem::take(&mut self.state.borrow_mut().waiting);
        if let Some(text) = waiting.strip_suffix('\n') {
            self.shell.line(text);
        }
    }

    fn is_empty(&self) -> bool {
        self.state.borrow().lines == 0
    }

    fn end(&self) {
        self.flush();
        let left_out = self.state.borrow().left_out;
        if left_out > 0 {
            let lines = count(left_out, "line");
            self.shell.note(format!("note: {lines} left out: no JSON"));
        }
    }
}
