//! What an archive is called: job, slot in UTC and, if that name was taken, a serial number.

use std::{fmt, str::FromStr};

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};

use crate::words::JobName;

const SUFFIX: &str = ".tar.gz.age";
const SLOT: &str = "%Y%m%dT%H%M%SZ";

/// The name of an archive, e.g. `backup-daily-20261123T020000Z.tar.gz.age`.
///
/// The slot is in UTC, so that no two slots of a job share a name when clocks are set back.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ArchiveName {
    /// The job that wrote it.
    pub job: JobName,
    /// The slot it was written for, in whole seconds.
    pub slot: Timestamp,
    /// 1 for the first archive of a slot, whose name shows none; 2 and more for further ones.
    pub serial: u32,
}

/// A file name that is not an archive's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not the name of an archive (JOB-YYYYMMDDTHHMMSSZ.tar.gz.age)")]
pub struct NotAnArchive(String);

impl ArchiveName {
    /// The name of the archive's sidecar, `F.json`.
    pub fn sidecar(&self) -> String {
        format!("{self}.json")
    }

    /// The name of the archive while it is being written; ends in `.partial`.
    pub fn partial(&self) -> String {
        format!("{self}.partial")
    }
}

impl fmt::Display for ArchiveName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.job, self.slot.strftime(SLOT))?;
        if self.serial > 1 {
            write!(f, "-{}", self.serial)?;
        }
        f.write_str(SUFFIX)
    }
}

impl FromStr for ArchiveName {
    type Err = NotAnArchive;

    fn from_str(text: &str) -> Result<Self, NotAnArchive> {
        parse(text)
            // What is not written back as it was read is someone else's file.
            .filter(|name| name.to_string() == text)
            .ok_or_else(|| NotAnArchive(text.to_owned()))
    }
}

fn parse(text: &str) -> Option<ArchiveName> {
    let stem = text.strip_suffix(SUFFIX)?;
    let (head, last) = stem.rsplit_once('-')?;
    let (job, slot, serial) = if let Some(slot) = slot(last) {
        (head, slot, 1)
    } else {
        let (job, before) = head.rsplit_once('-')?;
        (job, slot(before)?, last.parse().ok().filter(|n| *n > 1)?)
    };
    let job = job.parse().ok()?;
    Some(ArchiveName { job, slot, serial })
}

fn slot(text: &str) -> Option<Timestamp> {
    let civil = DateTime::strptime(SLOT, text).ok()?;
    TimeZone::UTC.to_timestamp(civil).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_look_as_documented() {
        let mut name = ArchiveName {
            job: "backup-daily".parse().unwrap(),
            slot: "2026-11-23T02:00:00Z".parse().unwrap(),
            serial: 1,
        };
        assert_eq!(name.to_string(), "backup-daily-20261123T020000Z.tar.gz.age");
        assert_eq!(
            name.sidecar(),
            "backup-daily-20261123T020000Z.tar.gz.age.json"
        );
        name.serial = 2;
        assert_eq!(
            name.partial(),
            "backup-daily-20261123T020000Z-2.tar.gz.age.partial"
        );
    }

    #[test]
    fn other_files_are_left_alone() {
        for text in [
            "",
            "notes.txt",
            "-20261123T020000Z.tar.gz.age",
            "a-20261123T020000Z.tar.gz",
            "a-20261123T020000Z-1.tar.gz.age",
            "a-20261123T020000Z-02.tar.gz.age",
            "a-20261123T020000Z-+2.tar.gz.age",
            "a-20261323T020000Z.tar.gz.age",
            "a-2026112T020000Z.tar.gz.age",
            "a-20261123T020000Z.tar.gz.age.json",
            "../a-20261123T020000Z.tar.gz.age",
        ] {
            assert!(text.parse::<ArchiveName>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_name_is_read_back(
            job in "[a-zA-Z0-9]([a-z0-9._-]{0,20}|-20261123T020000Z(-[2-9])?)",
            second in 0i64..253_402_207_200,
            serial in 1u32..,
        ) {
            let slot = Timestamp::from_second(second).unwrap();
            let name = ArchiveName { job: job.parse().unwrap(), slot, serial };
            prop_assert_eq!(name.to_string().parse(), Ok(name));
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in "\\PC*(.tar.gz.age)?") {
            let _ = text.parse::<ArchiveName>();
        }
    }
}
