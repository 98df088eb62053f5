//! Analysis runs of the real program: a fresh root gives signals at once, and no run, however it ends,
//! makes one twice or loses one.

use std::{collections::BTreeSet, thread, time::Duration};

use rusqlite::Connection;

use crate::world::{Dice, World, rounds};

const JOBS: &str = "\
timezone: UTC
jobs:
  analyse:
    calendar: XNYS
    retry: {attempts: 1}
    analysis: {}
";

/// A root after its first start.
fn fresh() -> World {
    let world = World::bare(JOBS);
    world.start().stop();
    world
}

/// What there is of signals that rules made, but for their numbers.
fn signals(world: &World) -> BTreeSet<String> {
    let connection = Connection::open(world.database()).unwrap();
    let mut statement = connection
        .prepare(
            "SELECT symbol || timestamp || strategy || side || price || inputs || data_hash
             FROM signals WHERE source = 'csv'",
        )
        .unwrap();
    let rows: Vec<String> = statement
        .query_map([], |row| row.get(0))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    let all: BTreeSet<String> = rows.iter().cloned().collect();
    assert_eq!(all.len(), rows.len(), "a signal is there twice");
    all
}

#[test]
fn a_fresh_root_gives_signals_that_can_be_explained_and_replayed() {
    let world = fresh();
    let end = world.run_job("analyse");
    let found = end["report"]["facts"]["signals"].as_u64().unwrap();
    assert!(found > 100, "{end}");
    assert_eq!(end["report"]["facts"]["degraded"][0], "sample data");
    let again = world.run_job("analyse");
    assert_eq!(again["report"]["facts"]["signals"], 0, "{again}");
    assert_eq!(signals(&world).len() as u64, found);

    let replayed = world.json(["replay", "--since", "2000-01-01"]);
    assert_eq!(replayed, Vec::<serde_json::Value>::new());
    let all = world.json(["signals", "--days", "20000"]);
    let one = all.iter().find(|signal| signal["source"] == "csv").unwrap();
    let id = one["id"].to_string();
    let why = world.json(["signals", "explain", &id]).pop().unwrap();
    assert_eq!(why["holds"], true, "{why}");
    assert_eq!(why["explained"]["value"], true);
    assert!(
        why["rule_changed"].is_null() && why["bars_changed"].is_null(),
        "{why}"
    );
    world
        .run(["signals", "explain", &id])
        .code(0)
        .says("the rule is the same now");
    world
        .run(["signals", "explain", "99999"])
        .code(4)
        .says("there is no signal 99999");
    world
        .run(["signals", "explain", "1"])
        .code(0)
        .says("not made by a rule");

    let rules = "strategies:\n  oversold: {side: buy, when: \"rsi(14) < 20\"}\n  new: {side: sell, when: \"close < sma(5)\", cooldown: 50}\n";
    world.write("config/strategies.yaml", rules.as_bytes());
    let before = signals(&world);
    let lines = world.json(["replay", "--since", "2010-01-01"]);
    let of = |change: &str| lines.iter().filter(|line| line["change"] == change).count();
    assert!(of("add") > 0 && of("remove") > 0, "{lines:?}");
    assert_eq!(signals(&world), before);
    let why = world.json(["signals", "explain", &id]).pop().unwrap();
    assert!(why["rule_changed"].is_string(), "{why}");
    Connection::open(world.database())
        .unwrap()
        .execute(
            "UPDATE bars SET close = close + 1 WHERE ts = '2004-08-19'",
            [],
        )
        .unwrap();
    let goog = all
        .iter()
        .find(|it| it["source"] == "csv" && it["symbol"] == "GOOG")
        .unwrap();
    let why = world
        .json(["signals", "explain", &goog["id"].to_string()])
        .pop()
        .unwrap();
    assert!(why["bars_changed"].is_string(), "{why}");
}

#[test]
fn a_mistake_in_the_rules_is_told_at_its_place_before_anything_runs() {
    let world = fresh();
    let rules = b"strategies:\n  a: {side: buy, when: \"close > smaa(20)\"}\n";
    world.write("config/strategies.yaml", rules);
    let told = world.run(["validate"]).code(78);
    let told = told
        .says("config/strategies.yaml:2:33")
        .says("did you mean `sma`?");
    told.says("the file `config/strategies.yaml` is wrong");
    world.run(["run-job", "analyse"]).code(78);
    world.write(
        "config/strategies.yaml",
        b"strategies:\n  a: {side: buy, when: close > 1}\n",
    );
    world.jobs(&JOBS.replace(
        "analysis: {}",
        "analysis: {strategies: [b], symbols: nowhere.yaml}",
    ));
    let told = world.run(["validate"]).code(78);
    told.says("no strategy is called `b`")
        .says("there is no `nowhere.yaml`");
}

#[test]
fn rules_that_no_job_needs_are_checked_too_and_stop_nothing() {
    let world = World::bare(crate::world::BY_HAND);
    world.write(
        "config/strategies.yaml",
        b"strategies:\n  a: {side: buy, when: \"clos > 1\"}\n",
    );
    world.run(["list"]).code(0);
    world
        .run(["validate"])
        .code(78)
        .says("did you mean `close`?");
}

#[test]
fn a_running_daemon_takes_changed_rules() {
    let world = World::bare(JOBS);
    let daemon = world.start();
    let rules = "strategies:\n  mine: {side: buy, when: \"crosses_above(close, sma(50))\"}\n";
    world.write("config/strategies.yaml", rules.as_bytes());
    // The watch may be quicker than this.
    world.json(["reload"]);
    world.run_job("analyse");
    let found = signals(&world);
    assert!(!found.is_empty() && found.iter().all(|it| it.contains("mine")));
    daemon.stop();
}

#[test]
fn a_run_that_is_killed_at_any_moment_loses_and_repeats_no_signal() {
    let calm = fresh();
    calm.run_job("analyse");
    let expected = signals(&calm);
    let mut dice = Dice::new(u64::from(std::process::id()));
    for _ in 0..rounds(10, 2) {
        let world = fresh();
        for _ in 0..rounds(10, 3) {
            let mut child = world.command(["run-job", "analyse"]).spawn().unwrap();
            thread::sleep(Duration::from_millis(dice.below(1_500)));
            child.kill().unwrap();
            child.wait().unwrap();
            assert!(signals(&world).is_subset(&expected));
        }
        world.run_job("analyse");
        assert_eq!(signals(&world), expected);
    }
}
