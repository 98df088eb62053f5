//! What stays is what `restic forget` keeps, asked of the program itself.

use std::{collections::BTreeSet, fs, path::Path, process::Command};

use bellkeeper::{
    retention::{Item, Keep, decide},
    units::Span,
};
use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use serde_json::Value;

use crate::world::{Dice, need, rounds};

/// A repository of empty snapshots of one zone.
struct Repository<'a> {
    folder: &'a Path,
    zone: &'a str,
}

impl Repository<'_> {
    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new("restic");
        command
            .args(args)
            .env("TZ", self.zone)
            .env("RESTIC_REPOSITORY", self.folder.join("repository"))
            .env("RESTIC_PASSWORD", "x")
            .env("RESTIC_CACHE_DIR", self.folder.join("cache"));
        command
    }

    #[track_caller]
    fn run(&self, args: &[&str]) -> String {
        let output = self.command(args).output().unwrap();
        assert!(output.status.success(), "{args:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    fn snapshot(&self, at: Timestamp, zone: &TimeZone) {
        let local = at
            .to_zoned(zone.clone())
            .strftime("%Y-%m-%d %H:%M:%S")
            .to_string();
        let file = self.folder.join("file");
        let path = file.to_str().unwrap();
        self.run(&["backup", "--quiet", "--force", "--time", &local, path]);
    }

    /// The instants of all snapshots.
    fn snapshots(&self) -> Vec<Timestamp> {
        let all: Value = serde_json::from_str(&self.run(&["snapshots", "--json"])).unwrap();
        all.as_array().unwrap().iter().map(time).collect()
    }

    /// The instants of those that `forget` keeps.
    fn kept(&self, keep: &Keep) -> BTreeSet<Timestamp> {
        let mut args = vec![
            "forget".to_owned(),
            "--dry-run".to_owned(),
            "--json".to_owned(),
        ];
        let counts = [
            ("last", keep.last),
            ("daily", keep.daily),
            ("weekly", keep.weekly),
            ("monthly", keep.monthly),
            ("yearly", keep.yearly),
        ];
        for (name, count) in counts {
            args.extend(count.map(|count| format!("--keep-{name}={count}")));
        }
        let hours = |span: Span| span.duration().as_secs() / 3_600;
        args.extend(
            keep.within
                .map(|span| format!("--keep-within={}h", hours(span))),
        );
        let args: Vec<_> = args.iter().map(String::as_str).collect();
        let text = self.run(&args);
        let groups = text.lines().find(|line| line.starts_with('[')).unwrap();
        let groups: Value = serde_json::from_str(groups).unwrap();
        groups[0]["keep"]
            .as_array()
            .unwrap()
            .iter()
            .map(time)
            .collect()
    }
}

/// The program's version: `restic 0.14.0 compiled with …`.
fn version() -> (u32, u32) {
    let output = Command::new("restic").arg("version").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let mut numbers = text.split([' ', '.']).filter_map(|part| part.parse().ok());
    (numbers.next().unwrap(), numbers.next().unwrap())
}

fn time(snapshot: &Value) -> Timestamp {
    snapshot["time"].as_str().unwrap().parse().unwrap()
}

fn rules(dice: &mut Dice) -> Keep {
    let mut some = |limit: u64| {
        let count = u32::try_from(dice.below(limit) + 1).unwrap();
        (dice.below(3) > 0).then_some(count)
    };
    let keep = Keep {
        last: some(4),
        daily: some(8),
        weekly: some(6),
        monthly: some(5),
        yearly: some(3),
        // In hours: a day of restic's is one of the calendar, ours are 24 hours.
        within: some(600).map(|hours| Span::from_secs(u64::from(hours) * 3_600)),
        max_total_size: None,
    };
    if keep.is_empty() {
        Keep {
            last: Some(1),
            ..keep
        }
    } else {
        keep
    }
}

#[test]
fn what_stays_is_what_restic_keeps() {
    if !need(&["restic"]) {
        return;
    }
    let keeps_the_oldest = version() >= (0, 16);
    let mut dice = Dice::new(7);
    for name in ["America/New_York", "Europe/Berlin", "Australia/Lord_Howe"]
        .into_iter()
        .take(rounds(3, 1))
    {
        let zone = TimeZone::get(name).unwrap();
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("file"), b"x").unwrap();
        let repository = Repository {
            folder: folder.path(),
            zone: name,
        };
        repository.run(&["init", "--quiet"]);
        // Around the nights in which clocks are set, and then at any distance; all of it in the past,
        // for `within` counts from the newest that is not of the future.
        let mut at: Timestamp = "2023-10-27T20:00:00Z".parse().unwrap();
        for number in 0..rounds(60, 9) {
            let most = if number < 8 { 14 } else { 400 };
            at += SignedDuration::from_mins(i64::try_from(30 + dice.below(most * 60)).unwrap());
            repository.snapshot(at, &zone);
        }
        let items: Vec<Item> = repository
            .snapshots()
            .into_iter()
            .map(|at| Item {
                id: at.to_string(),
                at,
                size_bytes: 1,
                verified: true,
            })
            .collect();
        for _ in 0..rounds(40, 3) {
            let keep = rules(&mut dice);
            let decisions = decide(&items, &keep, Timestamp::MAX, &zone);
            // That the oldest stays while there are too few came with 0.16.
            let by_rule = |reason: &String| keeps_the_oldest || !reason.starts_with("oldest,");
            let ours = decisions
                .iter()
                .filter(|decision| decision.keep && decision.reasons.iter().any(by_rule));
            let ours: BTreeSet<_> = ours.map(|decision| decision.item.at).collect();
            assert_eq!(ours, repository.kept(&keep), "{name} {keep:?}");
        }
    }
}
