//! Which lines of the log somebody wants to see.

use jiff::Timestamp;
use tracing::Level;

use super::{
    event::{Event, printable},
    pattern::Pattern,
};
use crate::words::{JobName, RunId};

/// Which lines somebody wants: those that fit all that is given.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// At or after this instant.
    pub since: Option<Timestamp>,
    /// Before this instant.
    pub until: Option<Timestamp>,
    /// As bad as this, or worse.
    pub level: Option<Level>,
    /// About this job, or from a run of it.
    pub job: Option<JobName>,
    /// About this run, or from it.
    pub run: Option<RunId>,
    /// With this in the line as a person sees it.
    pub text: Option<Pattern>,
}

impl Wanted {
    /// Whether a line fits. One that is no event can only fit a text.
    pub fn fits(&self, line: &[u8]) -> bool {
        let Some(event) = Event::parse(line) else {
            return self.is_only_text()
                && self.has_text(|| printable(&String::from_utf8_lossy(line)).into_owned());
        };
        let at = event.at();
        let after = |since| at.is_some_and(|at| at >= since);
        let before = |until| at.is_some_and(|at| at < until);
        // The worst level is the least.
        let as_bad = |wanted| event.level().is_some_and(|level| level <= wanted);
        self.since.is_none_or(after)
            && self.until.is_none_or(before)
            && self.level.is_none_or(as_bad)
            && self
                .job
                .as_ref()
                .is_none_or(|job| event.is_of_job(job.as_str()))
            && self.run.is_none_or(|run| event.is_of_run(run.0))
            && self.has_text(|| event.human(false))
    }

    fn is_only_text(&self) -> bool {
        self.since.is_none()
            && self.until.is_none()
            && self.level.is_none()
            && self.job.is_none()
            && self.run.is_none()
    }

    fn has_text(&self, shown: impl FnOnce() -> String) -> bool {
        self.text.as_ref().is_none_or(|text| text.is_in(&shown()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(at: &str, level: &str) -> String {
        format!(r#"{{"timestamp":"{at}","level":"{level}","message":"m","job":"b","run":7}}"#)
    }

    #[test]
    fn all_that_is_given_must_fit() {
        let at = "2026-11-24T10:00:00+08:00";
        let error = line(at, "ERROR");
        let fits = |wanted: Wanted| wanted.fits(error.as_bytes());
        let instant: Timestamp = at.parse().unwrap();
        let none = Wanted::default;
        assert!(fits(none()));
        assert!(fits(Wanted {
            since: Some(instant),
            ..none()
        }));
        assert!(!fits(Wanted {
            until: Some(instant),
            ..none()
        }));
        assert!(fits(Wanted {
            level: Some(Level::WARN),
            ..none()
        }));
        assert!(
            !Wanted {
                level: Some(Level::WARN),
                ..none()
            }
            .fits(line(at, "INFO").as_bytes())
        );
        assert!(fits(Wanted {
            job: "b".parse().ok(),
            run: Some(RunId(7)),
            ..none()
        }));
        assert!(!fits(Wanted {
            job: "b".parse().ok(),
            run: Some(RunId(8)),
            ..none()
        }));
        assert!(fits(Wanted {
            text: Some(Pattern::new("ERROR m job=b")),
            ..none()
        }));
    }

    #[test]
    fn what_is_no_event_fits_a_text_only() {
        let torn = br#"{"timestamp":"2026-11"#;
        let text = Some(Pattern::new("2026-1[12]"));
        assert!(Wanted::default().fits(torn));
        assert!(
            Wanted {
                text: text.clone(),
                ..Wanted::default()
            }
            .fits(torn)
        );
        let since = Some(Timestamp::UNIX_EPOCH);
        assert!(
            !Wanted {
                since,
                text,
                ..Wanted::default()
            }
            .fits(torn)
        );
    }
}
