//! The chain of sources against a server that speaks both wire formats, with a real table of requests
//! and a virtual clock.

use std::{
    collections::HashMap,
    fmt::Write,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use bellkeeper::{
    analysis::{Stamp, Timeframe},
    archive::Encryption,
    clock::Clock,
    job::Env,
    market::{Ask, Chain, Choice, Class, Patience, Refusal, Series, Source, SourceName, Sources},
    settings::{Raw, Settings},
    store,
    watch::{CancelReason, Watch},
};
use jiff::{SignedDuration, Timestamp};

use crate::world::{BY_HAND, PriceServer, Reply, World, alpha_vantage, yahoo};

const KEY: &str = "CANARY0KEY7/x";

/// Monday, 2026-01-05, 16:00 in New York.
const NOW: &str = "2026-01-05T21:00:00Z";

const DAYS: [&str; 3] = ["2026-01-02", "2026-01-05", "2026-01-06"];

/// A root with a store, a server, and variables that may change.
struct Rig {
    root: tempfile::TempDir,
    server: PriceServer,
    clock: Clock,
    env: Env,
}

impl Rig {
    fn new(answer: impl Fn(&str) -> Reply + Send + Sync + 'static) -> Self {
        let root = tempfile::tempdir().unwrap();
        let server = PriceServer::start(answer);
        let clock = Clock::virtual_from(NOW.parse().unwrap());
        std::fs::create_dir(root.path().join("data")).unwrap();
        store::create_sample(&root.path().join("data/trading_assistant.db")).unwrap();
        let mut rig = Self {
            env: env(&root, &clock),
            root,
            server,
            clock,
        };
        rig.restart(KEY, &[]);
        rig
    }

    /// Another process, with another environment perhaps.
    fn restart(&mut self, key: &str, more: &[(&str, &str)]) {
        let mut set = HashMap::from([
            ("ALPHA_VANTAGE_BASE_URL", self.server.url.as_str()),
            ("YAHOO_BASE_URL", self.server.url.as_str()),
        ]);
        if !key.is_empty() {
            set.insert("ALPHA_VANTAGE_API_KEY", key);
        }
        set.extend(more.iter().copied());
        let sources = Sources::new(self.root.path(), &|name| {
            set.get(name).map(ToString::to_string)
        });
        self.env = env(&self.root, &self.clock);
        self.env.sources = sources.with_patience(Patience {
            connect: Duration::from_millis(1_500),
            total: Duration::from_millis(1_500),
        });
    }

    fn chain(&self, names: &[SourceName]) -> Chain {
        let folder = self.root.path().join("prices");
        let choice = Choice {
            names,
            prices: Some(&folder),
            calendar: None,
        };
        self.env.chain(&choice).unwrap()
    }

    fn fetch(&self, names: &[SourceName], symbol: &str) -> Result<Series, Refusal> {
        let newest = Some(Stamp::Day("2026-01-02".parse().unwrap()));
        self.ask(names, symbol, newest, &Watch::default())
    }

    fn ask(
        &self,
        names: &[SourceName],
        symbol: &str,
        newest: Option<Stamp>,
        watch: &Watch,
    ) -> Result<Series, Refusal> {
        let ask = Ask {
            symbol,
            timeframe: Timeframe::D1,
            newest,
            now: self.clock.now(),
        };
        self.chain(names).fetch(&ask, watch)
    }

    fn pass(&self, span: SignedDuration) {
        self.clock.step(span);
    }

    fn outcomes(&self, source: &str) -> Vec<String> {
        let calls = store::calls_since(&self.env.database, source, Timestamp::UNIX_EPOCH).unwrap();
        calls.into_iter().map(|call| call.outcome).collect()
    }
}

fn env(root: &tempfile::TempDir, clock: &Clock) -> Env {
    let raw = Raw {
        root: Some(root.path().to_owned()),
        jobs_file: None,
    };
    let settings = Settings::resolve(&raw, root.path());
    Env {
        database: settings.path("data/trading_assistant.db"),
        settings,
        encryption: Encryption::default(),
        clock: clock.clone(),
        host: "host".into(),
        sources: Sources::default(),
        archives: std::collections::BTreeMap::new(),
        rules: bellkeeper::job::Rules::default(),
    }
}

const AV: &[SourceName] = &[SourceName::AlphaVantage];
const YAHOO: &[SourceName] = &[SourceName::Yahoo];
const BOTH: &[SourceName] = &[SourceName::AlphaVantage, SourceName::Yahoo];

fn says(kind: &str, text: &str) -> Reply {
    Reply::Body(format!(r#"{{"{kind}":"{text}"}}"#))
}

/// What Alpha Vantage may say, and what that is.
fn texts() -> Vec<(Reply, Class)> {
    vec![
        (
            says("Error Message", "Invalid API call. Please retry."),
            Class::Symbol,
        ),
        (
            says(
                "Error Message",
                "the parameter apikey is invalid or missing.",
            ),
            Class::Key,
        ),
        (
            says("Information", "The parameter apikey is invalid or missing."),
            Class::Key,
        ),
        (
            says(
                "Information",
                "Please consider spreading out your free API requests more sparingly (25 requests per day).",
            ),
            Class::Burst,
        ),
        (
            says(
                "Information",
                "Burst pattern detected; 25 requests per day.",
            ),
            Class::Burst,
        ),
        (
            says(
                "Information",
                "our standard rate limit is 25 requests per day; premium.",
            ),
            Class::Quota,
        ),
        (
            says("Note", "our standard rate limit is 25 requests per day."),
            Class::Quota,
        ),
        (
            says("Information", "outputsize=full is a premium feature"),
            Class::Entitlement,
        ),
        (
            says("Information", "This is a premium endpoint."),
            Class::Entitlement,
        ),
        (
            says("Note", "5 calls per minute and 500 calls per day"),
            Class::Burst,
        ),
        (says("Information", "We moved."), Class::Parse),
    ]
}

/// What else it may do wrong.
fn faults() -> Vec<(Reply, Class)> {
    let good = alpha_vantage("AAPL", &DAYS);
    vec![
        (Reply::Body(r#"{"Global Quote":{}}"#.into()), Class::Symbol),
        (Reply::Body("{}".into()), Class::Empty),
        (
            Reply::Body(alpha_vantage("MSFT", &DAYS)),
            Class::OtherSymbol,
        ),
        (Reply::Body("<html>challenge</html>".into()), Class::Parse),
        (
            Reply::Body(good[..good.len() / 2].to_owned()),
            Class::Transport,
        ),
        (Reply::Half(good.clone()), Class::Transport),
        (Reply::Nothing, Class::Transport),
        (Reply::Silence, Class::Transport),
        (Reply::Drip(good.clone()), Class::Transport),
        (Reply::Status(429, "Too Many Requests".into()), Class::Burst),
        (Reply::Status(500, "<html>".into()), Class::Server),
        (Reply::Status(503, good), Class::Server),
        (Reply::Status(403, "<html>".into()), Class::Key),
        (Reply::Status(404, "<html>".into()), Class::Parse),
        (Reply::Elsewhere("/other"), Class::Parse),
        (Reply::Large(9), Class::Parse),
    ]
}

#[tokio::test(start_paused = true)]
async fn every_fault_of_alpha_vantage_has_its_class_and_yahoo_stands_in() {
    for (reply, class) in texts().into_iter().chain(faults()) {
        let said = reply.clone();
        let rig = Rig::new(move |path| {
            if path.starts_with("/query?") {
                said.clone()
            } else {
                Reply::Body(yahoo("AAPL", &[1_767_623_400]))
            }
        });
        let refusal = rig.fetch(AV, "AAPL").unwrap_err();
        assert_eq!(refusal.class, class, "{reply:?}: {refusal}");
        let asked = rig.server.asked();
        assert!(
            asked.iter().all(|path| path.starts_with("/query?")),
            "{asked:?}"
        );
        let tries = match class {
            Class::Transport | Class::Server | Class::Burst => 3,
            _ => 1,
        };
        assert_eq!(asked.len(), tries, "{reply:?}");
        let series = rig.fetch(BOTH, "AAPL").unwrap();
        assert_eq!(series.source, "yahoo");
        let why = series.degraded.unwrap();
        assert!(
            why.starts_with("yahoo stands in for alpha_vantage: "),
            "{why}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn every_fault_of_yahoo_has_its_class() {
    let good = yahoo("AAPL", &[1_767_623_400]);
    let fault =
        |code: &str| format!(r#"{{"chart":{{"result":null,"error":{{"code":"{code}"}}}}}}"#);
    for (reply, class) in [
        (Reply::Status(404, fault("Not Found")), Class::Symbol),
        (Reply::Status(401, fault("Unauthorized")), Class::Burst),
        (
            Reply::Status(429, "Too Many Requests\n".into()),
            Class::Burst,
        ),
        (
            Reply::Body(good.replace("timestamp", "nothing")),
            Class::Empty,
        ),
        (
            Reply::Body(yahoo("MSFT", &[1_767_623_400])),
            Class::OtherSymbol,
        ),
        (Reply::Body("<!doctype html>".into()), Class::Parse),
        (Reply::Half(good.clone()), Class::Transport),
        (Reply::Drip(good.clone()), Class::Transport),
        (Reply::Silence, Class::Transport),
        (Reply::Status(502, String::new()), Class::Server),
        (Reply::Elsewhere("/consent"), Class::Parse),
    ] {
        let said = reply.clone();
        let rig = Rig::new(move |_| said.clone());
        let refusal = rig.fetch(YAHOO, "AAPL").unwrap_err();
        assert_eq!(refusal.class, class, "{reply:?}: {refusal}");
        assert!(
            rig.server
                .asked()
                .iter()
                .all(|path| path.starts_with("/v8/"))
        );
    }
}

#[tokio::test(start_paused = true)]
async fn good_answers_are_not_degraded_and_a_server_that_is_gone_is_no_connection() {
    let rig = Rig::new(|path| {
        if path.starts_with("/query?") {
            Reply::Body(alpha_vantage("AAPL", &DAYS))
        } else {
            Reply::Body(yahoo("AAPL", &[1_767_623_400]))
        }
    });
    let series = rig.fetch(BOTH, "AAPL").unwrap();
    assert_eq!(
        (series.source.as_str(), series.bars.len(), series.degraded),
        ("alpha_vantage", 3, None)
    );
    let again = rig.fetch(BOTH, "AAPL").unwrap();
    assert_eq!(again.bars.len(), 3);
    assert_eq!(rig.server.asked().len(), 1, "the second time it was known");
    assert_eq!(rig.outcomes("alpha_vantage"), ["ok"]);
    let mut gone = rig;
    gone.server.url = "http://127.0.0.1:9".to_owned();
    gone.restart(KEY, &[]);
    let refusal = gone.fetch(AV, "AAPL").unwrap_err();
    assert_eq!(refusal.class, Class::Transport);
}

#[tokio::test(start_paused = true)]
async fn a_refused_key_is_not_used_again_until_it_is_another_one() {
    let mut rig = Rig::new(|path| {
        if path.contains("apikey=good") {
            Reply::Body(alpha_vantage("AAPL", &DAYS))
        } else {
            says("Information", "the parameter apikey is invalid or missing.")
        }
    });
    assert_eq!(rig.fetch(AV, "AAPL").unwrap_err().class, Class::Key);
    assert_eq!(rig.server.asked().len(), 1);
    for _ in 0..3 {
        rig.pass(SignedDuration::from_hours(5));
        rig.restart(KEY, &[]);
        assert_eq!(rig.fetch(AV, "AAPL").unwrap_err().class, Class::Key);
    }
    assert!(rig.server.asked().is_empty());
    rig.restart("good", &[]);
    rig.fetch(AV, "AAPL").unwrap();
    assert_eq!(rig.server.asked().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_burst_waits_more_than_a_second_and_tries_again() {
    let count = AtomicU32::new(0);
    let rig = Rig::new(move |_| match count.fetch_add(1, Ordering::SeqCst) {
        0 => says("Information", "Burst pattern detected."),
        _ => Reply::Body(alpha_vantage("AAPL", &DAYS)),
    });
    let before = rig.clock.now();
    rig.fetch(AV, "AAPL").unwrap();
    assert!(rig.clock.now().duration_since(before) >= SignedDuration::from_secs(1));
    assert_eq!(rig.outcomes("alpha_vantage"), ["burst", "ok"]);
}

#[tokio::test(start_paused = true)]
async fn a_used_up_quota_is_asked_about_once_an_hour_across_restarts() {
    let mut rig = Rig::new(|_| says("Note", "25 requests per day"));
    for minute in 0..150 {
        if minute % 7 == 0 {
            rig.restart(KEY, &[]);
        }
        assert_eq!(rig.fetch(AV, "AAPL").unwrap_err().class, Class::Quota);
        rig.pass(SignedDuration::from_mins(1));
    }
    assert_eq!(rig.server.asked().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn what_needs_a_plan_is_asked_again_as_compact_and_remembered() {
    let mut rig = Rig::new(|path| {
        if path.contains("outputsize=full") {
            says("Information", "outputsize=full is premium")
        } else {
            Reply::Body(alpha_vantage(symbol_of(path), &DAYS))
        }
    });
    let all = |rig: &Rig, symbol| rig.ask(AV, symbol, None, &Watch::default()).unwrap();
    assert_eq!(all(&rig, "AAPL").bars.len(), 3);
    assert_eq!(rig.outcomes("alpha_vantage"), ["entitlement", "ok"]);
    rig.restart(KEY, &[]);
    all(&rig, "MSFT");
    assert_eq!(rig.outcomes("alpha_vantage"), ["entitlement", "ok", "ok"]);
}

#[tokio::test(start_paused = true)]
async fn an_unknown_symbol_is_asked_about_once_a_day_and_others_go_on() {
    let mut rig = Rig::new(|path| match symbol_of(path) {
        "NONE" => says("Error Message", "Invalid API call."),
        symbol => Reply::Body(alpha_vantage(symbol, &DAYS)),
    });
    for _ in 0..3 {
        assert_eq!(rig.fetch(AV, "NONE").unwrap_err().class, Class::Symbol);
        rig.restart(KEY, &[]);
    }
    assert_eq!(rig.server.asked().len(), 1);
    rig.fetch(AV, "AAPL").unwrap();
    rig.pass(SignedDuration::from_hours(25));
    rig.fetch(AV, "NONE").unwrap_err();
    assert_eq!(rig.server.asked().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_fails_is_left_alone_and_found_well_again() {
    let well = Arc::new(Mutex::new(false));
    let is_well = Arc::clone(&well);
    let rig = Rig::new(move |path| {
        if *is_well.lock().unwrap() {
            Reply::Body(alpha_vantage(symbol_of(path), &DAYS))
        } else {
            Reply::Status(500, String::new())
        }
    });
    assert_eq!(rig.fetch(AV, "A").unwrap_err().class, Class::Server);
    assert_eq!(rig.server.asked().len(), 3);
    let shut = rig.fetch(AV, "B").unwrap_err();
    assert!(shut.what.starts_with("not asked until"), "{shut}");
    assert!(rig.server.asked().is_empty());
    rig.pass(SignedDuration::from_secs(31));
    rig.fetch(AV, "B").unwrap_err();
    assert_eq!(rig.server.asked().len(), 1, "one trial");
    *well.lock().unwrap() = true;
    rig.pass(SignedDuration::from_secs(61));
    rig.fetch(AV, "B").unwrap();
    rig.fetch(AV, "C").unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_backup_is_asked_at_once_when_the_switch_says_so() {
    let mut rig = Rig::new(|_| Reply::Body(yahoo("AAPL", &[1_767_623_400])));
    rig.restart(KEY, &[("BACKUP_DATA_SOURCE", "true")]);
    for names in [BOTH, AV, &[SourceName::Auto]] {
        let series = rig.fetch(names, "AAPL").unwrap();
        assert_eq!(series.source, "yahoo");
        assert!(
            series
                .degraded
                .unwrap()
                .starts_with("BACKUP_DATA_SOURCE is set")
        );
    }
    assert!(
        rig.server
            .asked()
            .iter()
            .all(|path| path.starts_with("/v8/"))
    );
    rig.restart(KEY, &[("BACKUP_DATA_SOURCE", "maybe")]);
    let choice = Choice {
        names: BOTH,
        prices: None,
        calendar: None,
    };
    let wrong = rig.env.chain(&choice).unwrap_err().to_string();
    assert_eq!(
        wrong,
        "the variable BACKUP_DATA_SOURCE: it must be true or false"
    );
}

#[tokio::test(start_paused = true)]
async fn no_key_or_one_with_spaces_is_a_clear_refusal_without_a_request() {
    let mut rig = Rig::new(|_| Reply::Body(alpha_vantage("AAPL", &DAYS)));
    for (key, what) in [
        ("", "no key is set: ALPHA_VANTAGE_API_KEY"),
        (
            "two words",
            "the key has spaces or other characters in it that no key has: ALPHA_VANTAGE_API_KEY",
        ),
        (
            "line\n",
            "the key has spaces or other characters in it that no key has: ALPHA_VANTAGE_API_KEY",
        ),
    ] {
        rig.restart(key, &[]);
        let refusal = rig.fetch(AV, "AAPL").unwrap_err();
        assert_eq!((refusal.class, refusal.what.as_str()), (Class::Key, what));
    }
    assert!(rig.server.asked().is_empty());
    // Another line in .env counts at once.
    rig.restart("", &[]);
    std::fs::write(
        rig.root.path().join(".env"),
        "ALPHA_VANTAGE_API_KEY=from_file\n",
    )
    .unwrap();
    rig.fetch(AV, "AAPL").unwrap();
    assert!(rig.server.asked()[0].ends_with("&apikey=from_file"));
    assert_eq!(rig.chain(AV).warnings().len(), 1, "others may read it");
    std::fs::write(
        rig.root.path().join(".env"),
        "ALPHA_VANTAGE_API_KEY=two words\n",
    )
    .unwrap();
    let refusal = rig.fetch(AV, "MSFT").unwrap_err();
    assert!(
        refusal.what.contains(".env`:1 is no NAME=value"),
        "{refusal}"
    );
}

#[tokio::test(start_paused = true)]
async fn who_is_cancelled_stops_and_the_server_is_not_blamed() {
    let rig = Rig::new(|_| Reply::Status(500, String::new()));
    let watch = Watch::default();
    watch.cancel.cancel(CancelReason::Shutdown);
    let newest = Some(Stamp::Day("2026-01-02".parse().unwrap()));
    let refusal = rig.ask(BOTH, "AAPL", newest, &watch).unwrap_err();
    assert_eq!(refusal.what, "the daemon is stopping");
    assert!(rig.server.asked().len() <= 1);
    assert!(rig.outcomes("yahoo").is_empty());
}

#[tokio::test(start_paused = true)]
async fn the_quota_is_never_exceeded_in_thirty_days_with_restarts() {
    let mut rig = Rig::new(|path| match symbol_of(path).len() % 3 {
        0 => Reply::Status(500, String::new()),
        1 => Reply::Body(alpha_vantage(symbol_of(path), &DAYS)),
        _ => Reply::Body("{}".into()),
    });
    let mut sent: Vec<Timestamp> = Vec::new();
    for step in 0..30 * 20_i64 {
        if step % 5 == 0 {
            rig.restart(KEY, &[]);
        }
        let symbol = "S".repeat(1 + usize::try_from(step * 7 % 9).unwrap());
        let _any = rig.fetch(AV, &symbol);
        let now = rig.clock.now();
        sent.extend(rig.server.asked().iter().map(|_| now));
        rig.pass(SignedDuration::from_mins(72));
    }
    assert!(sent.len() > 400, "it did ask: {}", sent.len());
    let calls =
        store::calls_since(&rig.env.database, "alpha_vantage", Timestamp::UNIX_EPOCH).unwrap();
    // One that times out on a busy computer is written down whether or not it arrives.
    assert!(calls.len() >= sent.len(), "each request is written down");
    let times: Vec<Timestamp> = calls.iter().map(|call| call.at).collect();
    for day in times.windows(26) {
        let span = day[25].duration_since(day[0]);
        assert!(span >= SignedDuration::from_hours(24), "26 within {span}");
    }
    for pair in times.windows(2) {
        assert!(pair[1].duration_since(pair[0]) >= SignedDuration::from_secs(1));
    }
}

#[tokio::test(start_paused = true)]
async fn a_process_that_died_during_a_request_has_used_it() {
    let mut rig = Rig::new(|_| Reply::Body(alpha_vantage("AAPL", &DAYS)));
    let store = rig.env.store();
    let writer = store.writer().unwrap();
    for minute in 0..25 {
        let call = store::NewCall {
            at: rig
                .clock
                .now()
                .checked_sub(SignedDuration::from_mins(minute))
                .unwrap(),
            source: "alpha_vantage",
            endpoint: "TIME_SERIES_DAILY compact",
            symbol: "AAPL",
            outcome: "begun",
        };
        store::begin_call(&writer, &call, 1, &mut |_| true).unwrap();
    }
    rig.restart(KEY, &[]);
    let refusal = rig.fetch(AV, "AAPL").unwrap_err();
    assert_eq!(refusal.class, Class::Quota);
    assert_eq!(refusal.what, "the 25 requests of a day are used up");
    assert!(rig.server.asked().is_empty());
}

#[tokio::test(start_paused = true)]
async fn the_key_is_in_no_refusal_no_debug_and_no_row() {
    let encoded = KEY.replace('/', "%2F");
    let echo = move |path: &str| {
        let text = format!(
            "your key {KEY} ({encoded}, {}) for {path}",
            KEY.to_lowercase()
        );
        match symbol_of(path) {
            "A" => says("Information", &format!("{text} 25 requests per day")),
            "B" => Reply::Body(alpha_vantage(KEY, &DAYS)),
            "C" => Reply::Body(format!(
                r#"{{"Meta Data":{{"5. Time Zone":"{KEY}"}},"Time Series":{{}}}}"#
            )),
            "D" => Reply::Body(format!(r#"{{"Meta Data":"{KEY}"}}"#)),
            "E" => Reply::Body(format!(r#"{{"{KEY}":1}}"#)),
            "F" => Reply::Body(text),
            _ => Reply::Body(format!(
                r#"{{"Meta Data":{{}},"Time Series":{{"{KEY}":{{"1. open":"{KEY}"}}}}}}"#
            )),
        }
    };
    let mut rig = Rig::new(echo);
    let mut told = String::new();
    for symbol in ["A", "B", "C", "D", "E", "F", "G"] {
        rig.pass(SignedDuration::from_hours(2));
        rig.restart(KEY, &[]);
        let refusal = rig.fetch(AV, symbol).unwrap_err();
        let (chain, env) = (rig.chain(AV), &rig.env);
        writeln!(told, "{refusal} {refusal:?} {chain:?} {env:?}").unwrap();
    }
    assert!(told.contains("[key]"), "it was echoed");
    let lower = told.to_lowercase();
    for form in [KEY.to_lowercase(), KEY.to_lowercase().replace('/', "%2f")] {
        assert!(!lower.contains(&form), "{told}");
    }
    for entry in std::fs::read_dir(rig.root.path().join("data")).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        let text = String::from_utf8_lossy(&bytes).to_lowercase();
        assert!(!text.contains("canary"));
    }
}

#[test]
fn the_program_checks_its_sources_and_shows_the_key_nowhere() {
    let server = PriceServer::start(|path| {
        says("Information", &format!("{KEY} is invalid, apikey, {path}"))
    });
    let world = World::new(BY_HAND);
    let database = world.database();
    std::fs::remove_file(&database).unwrap();
    store::create_sample(&database).unwrap();
    world.write(
        ".env",
        format!("ALPHA_VANTAGE_API_KEY='{KEY}'\n").as_bytes(),
    );
    let check = |args: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_bellkeeper"));
        command
            .arg("--root")
            .arg(world.root())
            .args(["-vv", "check", "api"])
            .args(args);
        command
            .env("ALPHA_VANTAGE_BASE_URL", &server.url)
            .env("YAHOO_BASE_URL", &server.url);
        let out = command.output().unwrap();
        let text = [out.stdout, out.stderr].concat();
        (out.status.code().unwrap(), String::from_utf8(text).unwrap())
    };
    let (code, text) = check(&["--probe", "AAPL", "--source", "alpha_vantage"]);
    assert_eq!(code, 2, "{text}");
    assert!(text.contains("[key]"), "{text}");
    assert!(!text.to_lowercase().contains(&KEY.to_lowercase()), "{text}");
    let (code, text) = check(&["--source", "alpha_vantage"]);
    assert!(
        text.starts_with("CRITICAL - alpha_vantage: it refuses the key |"),
        "{text}"
    );
    assert_eq!(code, 2);
    assert_eq!(server.asked().len(), 1);
    for folder in ["data", "logs"] {
        for entry in std::fs::read_dir(world.path(folder)).into_iter().flatten() {
            let bytes = std::fs::read(entry.unwrap().path()).unwrap();
            assert!(!String::from_utf8_lossy(&bytes).contains("CANARY"));
        }
    }
}

fn symbol_of(path: &str) -> &str {
    let rest = path.split("symbol=").nth(1).unwrap_or_default();
    rest.split('&').next().unwrap_or_default()
}
