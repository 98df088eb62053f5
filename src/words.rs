//! The vocabulary as values: what a job is called, why a run exists and how it ended.

use std::{fmt, str::FromStr};

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, de};

macro_rules! names {
    ($(#[$meta:meta])* $name:ident, $error:ident, $of:literal) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        pub struct $name(std::sync::Arc<str>);

        #[doc = concat!("A text that cannot be the name of ", $of, ".")]
        #[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
        #[error(
            "`{0}` cannot be {of}'s name: use 1 to 64 letters, digits, `.`, `_` or `-`, \
             starting with a letter or digit",
            of = $of
        )]
        pub struct $error(String);

        impl $name {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = $error;

            fn from_str(text: &str) -> Result<Self, $error> {
                if is_name(text) {
                    Ok(Self(text.into()))
                } else {
                    Err($error(text.to_owned()))
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?
                    .parse()
                    .map_err(de::Error::custom)
            }
        }
    };
}

names! {
    /// The name of one entry of jobs.yaml: a letter or digit, then letters, digits, `.`, `_` or
    /// `-`; at most 64 characters, because it becomes part of file names.
    JobName, NameError, "a job"
}

names! {
    /// The name of a lock that jobs share: who holds it runs, the others wait. Written like the
    /// name of a job.
    LockName, LockNameError, "a lock"
}

fn is_name(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    text.len() <= 64
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.chars().all(plain)
}

/// The number of a run in the ledger; grows with time, never used twice.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default,
)]
pub struct RunId(pub i64);

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

macro_rules! words {
    ($(#[$meta:meta])* $name:ident { $($(#[$vmeta:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum $name {
            $($(#[$vmeta])* #[serde(rename = $text)] $variant,)+
        }

        impl $name {
            /// The word used in the ledger, on the command line and in JSON.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }

            /// The value of a word written by [`Self::as_str`].
            pub fn from_word(word: &str) -> Option<Self> {
                match word { $($text => Some(Self::$variant),)+ _ => None }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }
    };
}

words! {
    /// Why a run exists.
    Trigger {
        /// Its slot came.
        Schedule = "schedule",
        /// Its slot passed while the daemon or the machine was not awake.
        CatchUp = "catch-up",
        /// A person ran a failed run again.
        Retry = "retry",
        /// A person asked for it.
        Manual = "manual",
        /// Another job succeeded.
        After = "after",
    }
}

words! {
    /// How a run ended.
    Outcome {
        /// It did what it is for.
        Succeeded = "succeeded",
        /// It returned an error, after its last attempt.
        Failed = "failed",
        /// Its `timeout` passed.
        TimedOut = "timed-out",
        /// It was told to stop.
        Cancelled = "cancelled",
        /// It never started, for the reason given.
        Skipped = "skipped",
        /// The process died under it.
        Lost = "lost",
    }
}

words! {
    /// Why no slot fired for a while.
    GapKind {
        /// No daemon was running.
        Stopped = "stopped",
        /// The computer slept.
        Suspended = "suspended",
        /// The clock was set.
        Stepped = "stepped",
    }
}

/// What makes a run unique for ever: the job, the instant it was due and the lane.
///
/// Scheduled slots live in lane `""`; runs asked for by hand in `"manual"`, so that a person can
/// never use up a slot of the schedule.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Slot {
    /// The job.
    pub job: JobName,
    /// The instant at which it was due, in whole seconds.
    pub at: Timestamp,
    /// The lane.
    pub scope: String,
}

/// A time in which the slots of a job are skipped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// Its begin.
    pub since: Timestamp,
    /// Its end; `None`: until somebody resumes the job.
    pub until: Option<Timestamp>,
}

impl Pause {
    /// Whether a slot at `at` is skipped.
    pub fn covers(&self, at: Timestamp) -> bool {
        self.since <= at && self.until.is_none_or(|until| at < until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_cannot_be_file_names_are_refused() {
        for good in ["a", "backup-daily", "x.y_z", "9lives"] {
            assert_eq!(good.parse::<JobName>().unwrap().as_str(), good);
        }
        for bad in ["", "-a", ".hidden", "a/b", "a b", "ü", &"x".repeat(65)] {
            assert!(bad.parse::<JobName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn words_are_read_back() {
        for outcome in [Outcome::Succeeded, Outcome::TimedOut, Outcome::Lost] {
            assert_eq!(Outcome::from_word(outcome.as_str()), Some(outcome));
        }
        assert_eq!(Trigger::from_word("catch-up"), Some(Trigger::CatchUp));
        assert_eq!(Trigger::from_word("?"), None);
    }
}
