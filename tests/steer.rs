//! Pause, resume, cancel and retry on the real program.

use serde_json::Value;

use crate::world::{World, until};

const JOBS: &str = "\
timezone: UTC
jobs:
  endless:
    backup: {what: [endless.bin]}
  often:
    schedule: every 1s
    backup: {what: [config], keep: {last: 1}}
";

fn world() -> World {
    let world = World::new(JOBS);
    world.endless("endless.bin");
    world
}

fn running(world: &World) -> Vec<Value> {
    world.json(["status"])[0]["running"]
        .as_array()
        .unwrap()
        .clone()
}

/// The number of the run of `endless` that is going on.
fn endless(world: &World) -> String {
    until("the endless run", || {
        let running = running(world);
        let run = running.iter().find(|run| run["run"]["job"] == "endless")?;
        Some(run["run"]["id"].to_string())
    })
}

#[test]
fn a_run_is_cancelled_and_tried_again_once() {
    let world = world();
    let daemon = world.start();
    let first = world.spawn(["run-job", "endless"]);
    let run = endless(&world);
    world
        .run(["cancel", &run])
        .code(0)
        .says("told 1 run to stop");
    first.end().code(130).says("endless cancelled");
    world.run(["cancel", &run]).code(4).says("is not going on");
    world
        .run(["cancel", "endless"])
        .code(4)
        .says("nothing of `endless` runs or waits");

    let second = world.spawn(["retry", &run, "--json"]);
    let again = endless(&world);
    world
        .run(["retry", &again])
        .code(6)
        .says("is still going on");
    world.run(["cancel", "endless"]).code(0);
    let end = second.end().code(130).lines().pop().unwrap();
    assert_eq!(end["trigger"], "retry");
    let history = world.history();
    let slot = |run: &str| {
        let run: i64 = run.parse().unwrap();
        let row = history.iter().find(|row| row["run_id"] == run);
        row.unwrap()["slot"].clone()
    };
    assert_eq!(slot(&run), slot(&again), "it is done for the slot it had");
    let refused = world.run(["retry", &run]).code(1);
    refused
        .says(&format!("as run {again}"))
        .says(&format!("bellkeeper retry {again}"));
    world
        .run(["retry", "99999"])
        .code(4)
        .says("there is no run 99999");
    daemon.stop();
}

#[test]
fn a_run_can_be_tried_again_without_a_daemon() {
    let world = world();
    let bad = world.path("data/trading_assistant.db");
    std::fs::write(
        &bad,
        b"this is not a database, and it is long enough to tell",
    )
    .unwrap();
    world.jobs("jobs: {a: {backup: {}}}\n");
    world.run(["run-job", "a"]).code(1);
    std::fs::remove_file(&bad).unwrap();
    crate::world::create(&bad);
    let run = world.history()[0]["run_id"].to_string();
    world.run(["retry", &run]).code(0).says("a succeeded");
    let newest = world.history()[0]["run_id"].to_string();
    world
        .run(["retry", &newest])
        .code(1)
        .says("there is nothing to try again");
    world
        .run(["cancel", &newest])
        .code(3)
        .says("no daemon is running");
}

#[test]
fn the_slots_of_a_paused_job_are_rows_with_the_reason() {
    let world = world();
    let daemon = world.start();
    world
        .run(["pause", "often", "--for", "1h"])
        .code(0)
        .says("often is paused until");
    let skipped = until("a slot that is skipped", || {
        let history = world.history();
        history.into_iter().find(|row| row["outcome"] == "skipped")
    });
    assert!(
        skipped["reason"]
            .as_str()
            .unwrap()
            .starts_with("paused until"),
        "{skipped}"
    );
    world.run(["status"]).code(0).says("paused   often until");
    // By hand it can still be run, and the pause outlives the daemon.
    world.run_job("often");
    daemon.stop();
    let daemon = world.start();
    assert_eq!(world.json(["status"])[0]["paused"][0]["job"], "often");
    world
        .run(["resume", "often"])
        .code(0)
        .says("goes on with its next slot");
    world
        .run(["resume", "often"])
        .code(0)
        .says("was not paused");
    until("a slot that runs", || {
        let row = world.history().into_iter().next()?;
        (row["outcome"] == "succeeded" && row["trigger"] == "schedule").then_some(())
    });
    daemon.stop();
}

#[test]
fn a_job_can_be_paused_without_a_daemon_and_a_misspelt_one_is_told() {
    let world = world();
    world
        .run(["pause", "oftn"])
        .code(4)
        .says("did you mean `often`?");
    world
        .run(["pause", "often"])
        .code(0)
        .says("until it is resumed");
    let daemon = world.start();
    assert_eq!(world.json(["status"])[0]["paused"][0]["until"], Value::Null);
    world
        .run(["pause", "oftn"])
        .code(4)
        .says("did you mean `often`?");
    daemon.stop();
    world.run(["resume", "often"]).code(0).says("goes on");
}
