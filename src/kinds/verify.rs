//! `verify`: archives are read again, and damaged ones are named.

use std::{fmt, path::PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::{
    backup::job_error,
    chosen::{self, Trouble},
};
use crate::{
    archive::{self, Depth, Found, Identity, Proved, Recorded},
    job::{ArchivesOf, Cx, Env, Job, JobError, JobName, Kind, Plan, Problem, Report},
    units::Bytes,
};

/// The settings of a `verify` job.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Verify {
    /// Whose archives are read; all jobs' that make some unless named.
    #[schemars(with = "Vec<String>")]
    pub jobs: Vec<JobName>,
    /// How many of each job, the newest first: a number or `all`.
    pub newest: Newest,
    /// The file of the private key to read the content with; unless given, `config/backup.key` and
    /// the older keys beside it. Without a key only check sums are compared.
    pub identity: Option<PathBuf>,
}

/// How many archives are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Newest {
    /// Every one.
    #[default]
    All,
    /// So many, at least one.
    Count(u32),
}

impl Newest {
    fn limit(self) -> usize {
        match self {
            Self::All => usize::MAX,
            Self::Count(count) => usize::try_from(count).unwrap_or(usize::MAX),
        }
    }
}

impl fmt::Display for Newest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("all"),
            Self::Count(count) => write!(f, "{count}"),
        }
    }
}

impl Serialize for Newest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::All => serializer.serialize_str("all"),
            Self::Count(count) => serializer.serialize_u32(*count),
        }
    }
}

impl<'de> Deserialize<'de> for Newest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;
        impl de::Visitor<'_> for Read {
            type Value = Newest;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number from 1 or `all`")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Newest, E> {
                match text {
                    "all" => Ok(Newest::All),
                    _ => Err(E::invalid_value(de::Unexpected::Str(text), &self)),
                }
            }
            fn visit_u64<E: de::Error>(self, count: u64) -> Result<Newest, E> {
                match u32::try_from(count) {
                    Ok(count) if count > 0 => Ok(Newest::Count(count)),
                    _ => Err(E::invalid_value(de::Unexpected::Unsigned(count), &self)),
                }
            }
            fn visit_i64<E: de::Error>(self, count: i64) -> Result<Newest, E> {
                match u64::try_from(count) {
                    Ok(count) => self.visit_u64(count),
                    Err(_) => Err(E::invalid_value(de::Unexpected::Signed(count), &self)),
                }
            }
        }
        deserializer.deserialize_any(Read)
    }
}

impl JsonSchema for Newest {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Newest".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "a number from 1 or `all`",
            "anyOf": [{ "type": "integer", "minimum": 1 }, { "const": "all" }],
        })
    }
}

/// What was found to be as it was written.
#[derive(Debug, Default)]
struct Tally {
    content: usize,
    checksum: usize,
    bytes: u64,
    notes: Vec<String>,
}

impl Tally {
    fn add(&mut self, name: &archive::ArchiveName, proved: &Proved) {
        self.bytes += proved.verified.size_bytes;
        match proved.depth {
            Depth::Content => self.content += 1,
            Depth::Checksum => {
                self.checksum += 1;
                let note = format!("{name}: only its check sum, for no key at hand opens it");
                self.notes.push(note);
            }
        }
        if proved.was_damaged && proved.depth == Depth::Content {
            let note = format!("{name}: it was marked damaged and reads well now");
            self.notes.push(note);
        }
        match proved.recorded {
            Recorded::Yes => {}
            Recorded::Gone => self.notes.push(format!("{name}: removed meanwhile")),
            Recorded::NotKept | Recorded::NoSidecar => {
                let note = format!("{name}: it has no sidecar, so nothing is kept of this");
                self.notes.push(note);
            }
        }
    }

    fn report(self) -> Report {
        let Self {
            content,
            checksum,
            bytes,
            notes,
        } = self;
        let summary = match (content, checksum) {
            (0, 0) => "nothing to verify: there is no archive yet".to_owned(),
            (content, 0) => format!("{content} verified, {}", Bytes(bytes)),
            (0, checksum) => format!(
                "{checksum} verified by check sum alone, {}; a private key would check the content",
                Bytes(bytes)
            ),
            (content, checksum) => format!(
                "{} verified, {}; {checksum} of them by check sum alone",
                content + checksum,
                Bytes(bytes)
            ),
        };
        let mut report = Report::new(summary)
            .fact("content", content)
            .fact("checksum", checksum)
            .fact("size_bytes", bytes);
        report.notes = notes;
        report
    }
}

impl Verify {
    fn one(&self, cx: &Cx, found: &Found, keys: &[Identity]) -> Result<Proved, JobError> {
        // A key that was asked for must open; those that lie about need not.
        let at_hand = self.identity.is_some() || chosen::opens(keys, found);
        let keys = (!keys.is_empty() && at_hand).then_some(keys);
        let now = cx.env.clock.now();
        archive::prove(&found.path, keys, now, &cx.watch).map_err(job_error)
    }

    fn read(
        &self,
        cx: &Cx,
        archives: &[Found],
        keys: &[Identity],
        tally: &mut Tally,
        trouble: &mut Trouble,
    ) -> Result<(), JobError> {
        for found in archives.iter().take(self.newest.limit()) {
            cx.checkpoint()?;
            cx.watch.progress.step("verify");
            match self.one(cx, found, keys) {
                Ok(proved) => tally.add(&found.name, &proved),
                // What its job keeps, or a person, has removed it.
                Err(_) if found.path.symlink_metadata().is_err() => {
                    tally
                        .notes
                        .push(format!("{}: removed meanwhile", found.name));
                }
                Err(error) => trouble.add(cx, found.name.to_string(), error)?,
            }
        }
        Ok(())
    }
}

impl Job for Verify {
    fn check(&self, _: &Env) -> Vec<Problem> {
        Vec::new()
    }

    fn plan(&self, cx: &Cx) -> Result<Plan, JobError> {
        let files = chosen::keys(self.identity.as_deref(), &cx.env).map_err(job_error)?;
        let keys = chosen::identities(&files);
        let mut plan = Plan::default();
        for (job, made) in chosen::folders(&self.jobs, &cx.env) {
            let archives = chosen::of_job(job, made)?;
            if archives.is_empty() {
                plan.step("skip", job, "it has made no archive yet");
            }
            for (number, found) in archives.iter().take(self.newest.limit()).enumerate() {
                let depth = if !keys.is_empty() && chosen::opens(&keys, found) {
                    "content"
                } else {
                    "check sum alone, for no key at hand opens it"
                };
                let reason = format!("number {} of `{job}`, by {depth}", number + 1);
                plan.step("verify", found.path.display(), reason);
            }
        }
        if plan.steps.is_empty() {
            plan.step("skip", "verification", "no job makes archives");
        }
        Ok(plan)
    }

    fn run(&self, cx: &Cx) -> Result<Report, JobError> {
        cx.checkpoint()?;
        let files = chosen::keys(self.identity.as_deref(), &cx.env).map_err(job_error)?;
        let keys = chosen::identities(&files);
        let (mut tally, mut trouble) = (Tally::default(), Trouble::default());
        for (job, made) in chosen::folders(&self.jobs, &cx.env) {
            match chosen::of_job(job, made) {
                Ok(archives) => self.read(cx, &archives, &keys, &mut tally, &mut trouble)?,
                Err(error) => trouble.add(cx, job.to_string(), error)?,
            }
        }
        trouble.end()?;
        Ok(tally.report())
    }

    fn archives_of(&self) -> Vec<ArchivesOf> {
        chosen::archives_of(&self.jobs)
    }
}

impl Kind for Verify {
    const NAME: &'static str = "verify";
    const SUMMARY: &'static str = "archives are read again; damaged ones are marked and named";
    const EXAMPLE: &'static str = "\
verify-weekly:
  schedule: \"0 4 * * sun\"
  verify: {newest: all}
";
}

#[cfg(test)]
pub(super) mod tests;
