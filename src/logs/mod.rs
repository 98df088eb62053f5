//! The log: one line an event for people on standard error, one JSON object a line in the file.
//!
//! A log that cannot be written (a full disk, a closed terminal) never stops work. The file is
//! rotated by its own writer ([`LogFile`]); the kind `rotate_logs` compresses and removes what is old.

use std::{io, io::IsTerminal, path::Path};

use jiff::tz::TimeZone;
use tracing_subscriber::{
    EnvFilter, Layer, Registry,
    fmt::{MakeWriter, format::Writer, layer, time::FormatTime},
    layer::SubscriberExt,
    util::SubscriberInitExt,
};

use crate::clock::Clock;

mod backwards;
mod convert;
mod copy;
mod error;
mod event;
mod file;
mod follow;
mod foreign;
mod level;
mod lines;
mod name;
mod note;
mod one_line;
mod parts;
mod pattern;
mod reading;
mod recover;
mod split;
mod wanted;

pub use convert::{CARRY, How, PACK, carry, convert, pack, same_bytes};
pub use copy::copy_away;
pub use error::Error;
pub use event::{Event, printable};
pub use file::{Limits, LineWriter, LogFile, MAX_SIZE, free_name, writer_of};
pub use follow::Follower;
pub use foreign::rename_away;
pub use level::level;
pub use name::{Form, NotALog, NotRotated, Rotated, RotatedName, each_once, rotated};
pub use note::Note;
pub use parts::{Log, Unseal, Unsealed};
pub use pattern::Pattern;
pub use reading::{Out, Position, Query};
pub use recover::{Found, Repair, Sealed, recover};
pub use wanted::Wanted;

use one_line::OneLine;

/// What goes to standard error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Console {
    /// Nothing.
    Off,
    /// Lines without colours.
    Plain,
    /// Lines, coloured if standard error is a terminal.
    Auto,
}

/// What is logged, and how its time is told.
#[derive(Debug, Clone)]
pub struct Options<'a> {
    /// Which events, as `info` or `warn,bellkeeper::engine=debug`.
    pub filter: &'a str,
    /// What goes to standard error.
    pub console: Console,
    /// The file that JSON lines are added to; made with mode 0600.
    pub file: Option<&'a Path>,
    /// The clock of the stamps.
    pub clock: Clock,
    /// The zone of the stamps, which carry its offset.
    pub zone: TimeZone,
}

/// Starts the log of this process; it stays until the process ends.
///
/// # Errors
/// Also when the process has a log already.
pub fn init(options: &Options<'_>) -> Result<(), Error> {
    let open = |path| LogFile::open(path, options.clock.clone());
    let file = options.file.map(open).transpose()?;
    let filter = EnvFilter::try_new(options.filter).map_err(|source| Error::Filter {
        filter: options.filter.to_owned(),
        source,
    })?;
    let colour = options.console == Console::Auto && io::stderr().is_terminal();
    let stamp = Stamp(options.clock.clone(), options.zone.clone());
    let console = options.console != Console::Off;
    Registry::default()
        .with(filter)
        .with(file.map(|file| json(file, stamp.clone())))
        .with(console.then(|| human(OneLine(io::stderr), colour, stamp)))
        .try_init()?;
    Ok(())
}

/// Lines for people. Errors of the writer are swallowed: reporting them on standard error would
/// panic when that is what is broken.
fn human<S, W>(writer: W, colour: bool, stamp: Stamp) -> impl Layer<S>
where
    S: tracing::Subscriber + for<'a> tracing_subscriber::registry::LookupSpan<'a>,
    W: for<'a> MakeWriter<'a> + 'static,
{
    layer()
        .with_writer(writer)
        .with_ansi(colour)
        .with_timer(stamp)
        .with_target(false)
        .log_internal_errors(false)
}

/// JSON lines for programs: `timestamp`, `level`, `target`, the event's own fields, `span`.
fn json<S, W>(writer: W, stamp: Stamp) -> impl Layer<S>
where
    S: tracing::Subscriber + for<'a> tracing_subscriber::registry::LookupSpan<'a>,
    W: for<'a> MakeWriter<'a> + 'static,
{
    layer()
        .json()
        .flatten_event(true)
        .with_span_list(false)
        .with_writer(writer)
        .with_timer(stamp)
        .log_internal_errors(false)
}

/// The time of an event: local, to the millisecond, with the offset.
#[derive(Debug, Clone)]
struct Stamp(Clock, TimeZone);

impl FormatTime for Stamp {
    fn format_time(&self, w: &mut Writer<'_>) -> std::fmt::Result {
        let now = self.0.now().to_zoned(self.1.clone());
        write!(w, "{}", now.strftime("%Y-%m-%dT%H:%M:%S%.3f%:z"))
    }
}

#[cfg(test)]
mod tests;
