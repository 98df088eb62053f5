//! What may stand in a job file, as written: the source of parsing, schema and docs/JOBS.md.

use std::{collections::BTreeMap, fmt, path::PathBuf};

use schemars::JsonSchema;
use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, SeqAccess, Visitor},
};

use crate::{
    job::{CatchUp, Overlap},
    schedule::{Dst, Only},
    units::Span,
};

/// A job file: what Bellkeeper runs, and when.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(title = "Bellkeeper job file")]
pub(super) struct RawFile {
    /// The time zone of all schedules, an IANA name such as `Europe/Berlin`; default: the
    /// computer's zone.
    pub(super) timezone: Option<String>,
    /// The assistant's database, relative to the root.
    #[schemars(extend("default" = "data/trading_assistant.db"))]
    pub(super) database: Option<PathBuf>,
    /// Settings of every job that does not say otherwise.
    pub(super) defaults: Option<RawDefaults>,
    /// To whom archives are encrypted.
    pub(super) encryption: Option<RawEncryption>,
    /// How many runs may be at work at once, those by hand not counted; default: no limit.
    #[schemars(range(min = 1))]
    pub(super) max_running: Option<u32>,
    /// The jobs by name; a name is 1 to 64 letters, digits, `.`, `_` or `-`.
    #[schemars(with = "BTreeMap<String, RawJob>")]
    pub(super) jobs: Option<IgnoredAny>,
}

/// To whom archives are encrypted.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "Encryption")]
pub(super) struct RawEncryption {
    /// age public keys (`age1…`); default: the key made at the first start.
    pub(super) recipients: Vec<String>,
}

/// Settings of every job that does not say otherwise.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "Defaults")]
pub(super) struct RawDefaults {
    /// The longest a single attempt may take.
    #[schemars(extend("default" = "1h"))]
    pub(super) timeout: Option<Span>,
    /// Repetition of failed attempts.
    pub(super) retry: Option<RawRetry>,
    /// What happens when a slot comes while the job is still running.
    #[schemars(extend("default" = "skip"))]
    pub(super) overlap: Option<Overlap>,
    /// What happens to slots that passed while nobody was awake.
    #[schemars(extend("default" = "latest"))]
    pub(super) catch_up: Option<CatchUp>,
    /// How old a missed slot may be and still be caught up; default depends on the kind, mostly
    /// `1d`.
    pub(super) catch_up_window: Option<Span>,
    /// The hours that daylight saving skips or repeats; default: as cron does.
    pub(super) dst: Option<Dst>,
    /// How long runs and slots stay in the ledger, at least `1d` and the catch-up window; older
    /// ones are removed once a day.
    #[schemars(extend("default" = "400d"))]
    pub(super) keep_history: Option<Span>,
}

/// Repetition of failed attempts; what is left out comes from `defaults`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "Retry")]
pub(super) struct RawRetry {
    /// Attempts in all, the first one included; 1 means no retry.
    #[schemars(range(min = 1, max = 100), extend("default" = 3))]
    pub(super) attempts: Option<u32>,
    /// The wait before the second attempt.
    #[schemars(extend("default" = "10s"))]
    pub(super) delay: Option<Span>,
    /// The factor by which the wait grows each time.
    #[schemars(range(min = 1), extend("default" = 2))]
    pub(super) backoff: Option<f64>,
    /// The longest wait.
    #[schemars(extend("default" = "10m"))]
    pub(super) max_delay: Option<Span>,
}

/// A job: when it is due, how it is run, and one kind with its settings.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "Job")]
pub(super) struct RawJob {
    /// What the job is for; free text.
    pub(super) description: Option<String>,
    /// When it is due: a cron expression in quotes, `every 5m`, `@daily`, `at open+5m`, `@start`,
    /// or a list of them; left out: only by hand.
    pub(super) schedule: Option<OneOrMany>,
    /// The time zone of its schedule, an IANA name; default: the file's.
    pub(super) timezone: Option<String>,
    /// The exchange whose sessions it keeps to: `XNYS`, `XLON`, `XSHG`, `XHKG` or one of
    /// `config/calendars/`. `at open` and `at close` count from them; of cron and `every` only what
    /// falls on the date of a session counts.
    pub(super) calendar: Option<String>,
    /// `open`: of cron and `every` only what falls within trading hours counts; early closes and
    /// lunch breaks are kept.
    pub(super) only: Option<Only>,
    /// The hours that daylight saving skips or repeats; default: as cron does.
    pub(super) dst: Option<Dst>,
    /// Whether the schedule fires at all; a disabled job can still be run by hand.
    #[schemars(extend("default" = true))]
    pub(super) enabled: Option<bool>,
    /// The longest a single attempt may take.
    #[schemars(extend("default" = "1h"))]
    pub(super) timeout: Option<Span>,
    /// Repetition of failed attempts; what is left out comes from `defaults`.
    pub(super) retry: Option<RawRetry>,
    /// What happens when a slot comes while the job is still running.
    #[schemars(extend("default" = "skip"))]
    pub(super) overlap: Option<Overlap>,
    /// What happens to slots that passed while nobody was awake.
    #[schemars(extend("default" = "latest"))]
    pub(super) catch_up: Option<CatchUp>,
    /// How old a missed slot may be and still be caught up; default depends on the kind, mostly
    /// `1d`.
    pub(super) catch_up_window: Option<Span>,
    /// By at most how much a run starts after its slot, so that not everything starts at once; the
    /// same for a slot each time.
    #[schemars(extend("default" = "0s"))]
    pub(super) jitter: Option<Span>,
    /// Names of locks that a run holds while it is at work; a job that shares one waits for it.
    pub(super) locks: Option<OneOrMany>,
    /// Jobs that must have succeeded first. Without `schedule` the job runs after them; with one, a
    /// slot waits until they have succeeded since the slot before it.
    pub(super) needs: Option<OneOrMany>,
    /// Who goes first when several wait: the higher number, from -100 to 100.
    #[schemars(range(min = -100, max = 100), extend("default" = 0))]
    pub(super) priority: Option<i32>,
    /// How long its runs and slots stay in the ledger, at least `1d` and the catch-up window; older
    /// ones are removed once a day.
    #[schemars(extend("default" = "400d"))]
    pub(super) keep_history: Option<Span>,
}

/// One text or a list of them.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct OneOrMany(pub(super) Vec<String>);

impl<'de> Deserialize<'de> for OneOrMany {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Texts;
        impl<'de> Visitor<'de> for Texts {
            type Value = OneOrMany;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("text or a list of texts")
            }

            fn visit_str<E>(self, text: &str) -> Result<OneOrMany, E> {
                Ok(OneOrMany(vec![text.to_owned()]))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<OneOrMany, A::Error> {
                let mut list = Vec::new();
                while let Some(text) = items.next_element()? {
                    list.push(text);
                }
                Ok(OneOrMany(list))
            }
        }
        deserializer.deserialize_any(Texts)
    }
}

impl JsonSchema for OneOrMany {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "OneOrMany".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "anyOf": [
                { "type": "string" },
                { "type": "array", "items": { "type": "string" } },
            ]
        })
    }
}
