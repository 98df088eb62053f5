//! What the log writes, and that nothing it writes to can stop it.

use std::{
    fs::{self, File},
    io::Write,
    os::unix::fs::PermissionsExt,
    sync::{Arc, Mutex},
};

use tracing::subscriber::with_default;

use super::*;

fn stamp() -> Stamp {
    let clock = Clock::virtual_from("2026-11-23T02:00:00.25Z".parse().unwrap());
    Stamp(clock, TimeZone::fixed(jiff::tz::offset(8)))
}

#[derive(Debug, Clone, Default)]
struct Sink(Arc<Mutex<Vec<u8>>>);

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Sink {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

fn said(colour: bool) -> String {
    let sink = Sink::default();
    let writer = sink.clone();
    let layer = human(OneLine(move || writer.clone()), colour, stamp());
    with_default(Registry::default().with(layer), || {
        tracing::info!(job = "backup-daily", "first\nsecond");
    });
    sink.text()
}

#[tokio::test(start_paused = true)]
async fn people_read_one_line_an_event() {
    assert_eq!(
        said(false),
        "2026-11-23T10:00:00.250+08:00  INFO first\\nsecond job=\"backup-daily\"\n"
    );
    assert!(said(true).contains('\u{1b}'));
}

#[tokio::test(start_paused = true)]
async fn programs_read_json_lines_that_are_added_to_a_private_file() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("x.log");
    for run in [1, 2] {
        let subscriber =
            Registry::default().with(json(LogFile::open(&path, Clock::System).unwrap(), stamp()));
        with_default(subscriber, || {
            let span = tracing::info_span!("run", id = run);
            span.in_scope(|| tracing::warn!(size = 7, "two\nlines"));
        });
    }
    let text = fs::read_to_string(&path).unwrap();
    let lines: Vec<serde_json::Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let expected = serde_json::json!({
        "timestamp": "2026-11-23T10:00:00.250+08:00",
        "level": "WARN",
        "target": "bellkeeper::logs::tests",
        "message": "two\nlines",
        "size": 7,
        "span": {"name": "run", "id": 2},
    });
    assert_eq!((lines.len(), &lines[1]), (2, &expected));
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
}

#[tokio::test(start_paused = true)]
async fn a_full_disk_and_a_broken_pipe_stop_nothing() {
    let full = File::options().append(true).open("/dev/full").unwrap();
    let (reader, pipe) = io::pipe().unwrap();
    drop(reader);
    let broken = Arc::new(File::from(std::os::fd::OwnedFd::from(pipe)));
    let layers =
        Registry::default()
            .with(json(full, stamp()))
            .with(human(OneLine(broken), false, stamp()));
    with_default(layers, || {
        for _ in 0..100 {
            tracing::error!("nobody hears this");
        }
    });
}

#[test]
fn a_bad_filter_and_a_bad_file_are_named() {
    let options = Options {
        filter: "bellkeeper=loud",
        console: Console::Off,
        file: None,
        clock: Clock::System,
        zone: TimeZone::UTC,
    };
    assert_eq!(
        init(&options).unwrap_err().to_string(),
        "read the log filter `bellkeeper=loud`"
    );
    let file = Some(Path::new("/nonexistent/x.log"));
    assert_eq!(
        init(&Options { file, ..options }).unwrap_err().to_string(),
        "open `/nonexistent/x.log`"
    );
}
