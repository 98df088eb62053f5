//! The histories that are played.

use super::{
    jobs::{DENSE, MONTHS, YEARS},
    *,
};
use crate::world::long;

/// What came of some histories.
#[derive(Debug, Default)]
struct Sum {
    seeds: u64,
    job_years: f64,
    checks: u64,
}

fn seed() -> Option<u64> {
    let seed = std::env::var_os("BELLKEEPER_SIM_SEED")?;
    seed.to_str()?.parse().ok()
}

/// Plays a history; when a law is broken, once more to tell how.
fn play(
    seed: u64,
    scale: &'static Scale,
    sabotage: Sabotage,
) -> Result<(f64, u64), law::Violation> {
    let mut sim = Sim::new(seed, scale, Book::default(), sabotage);
    sim.play()?;
    Ok((sim.job_years(), sim.judge.checks))
}

fn retell(seed: u64, scale: &'static Scale) -> String {
    let mut sim = Sim::new(seed, scale, Book::default(), Sabotage::None);
    let keep = std::env::var_os("BELLKEEPER_SIM_TRACE").map_or(60, |_| 1_000_000);
    sim.trace = Trace::keeping(keep);
    let again = sim.play();
    format!("{}{again:?}", sim.trace)
}

fn histories(scale: &'static Scale, short: u64, many: u64) {
    let seeds = match seed() {
        Some(seed) => seed..seed + 1,
        None => 0..if long() { many } else { short },
    };
    let mut sum = Sum::default();
    for seed in seeds {
        match play(seed, scale, Sabotage::None) {
            Ok((job_years, checks)) => {
                sum.seeds += 1;
                sum.job_years += job_years;
                sum.checks += checks;
            }
            Err(violation) => panic!(
                "{violation}\n\nBELLKEEPER_SIM_SEED={seed} plays it again; the end of it:\n{}\n\
                 before that: {sum:?}",
                retell(seed, scale)
            ),
        }
    }
    let told = std::env::var_os("BELLKEEPER_SIM_SUM").is_some();
    assert!(!told, "as asked for, no law was broken: {sum:?}");
}

#[test]
fn hours_in_which_much_happens() {
    histories(&DENSE, 20, 600);
}

#[test]
fn months_of_an_ordinary_computer() {
    histories(&MONTHS, 20, 400);
}

#[test]
fn decades_of_jobs_that_are_seldom_due() {
    histories(&YEARS, 4, 100);
}

/// The same with a real ledger beside the model, so that the two cannot drift apart.
#[tokio::test(start_paused = true)]
async fn the_model_does_what_the_ledger_does() {
    let mut compared = 0;
    for seed in 0..if long() { 40 } else { 1 } {
        let folder = tempfile::tempdir().unwrap();
        let clock = Clock::virtual_from(Timestamp::from_millisecond(world::BEGIN).unwrap());
        let ledger = Ledger::open(&folder.path().join("ledger.db"), clock.clone()).unwrap();
        let book = Book::compared(ledger, clock);
        let mut sim = Sim::new(seed, &DENSE, book, Sabotage::None);
        if let Err(violation) = sim.play() {
            panic!("seed {seed}: {violation}");
        }
        compared += sim.book.compare();
    }
    assert!(compared > 1_000, "{compared} runs compared");
}

fn caught(sabotage: Sabotage, laws: &[law::Law]) {
    let violation = (0..20).find_map(|seed| play(seed, &DENSE, sabotage).err());
    let violation = violation.unwrap_or_else(|| panic!("{sabotage:?} went unnoticed"));
    assert!(laws.contains(&violation.law), "{sabotage:?}: {violation}");
}

#[test]
fn a_planner_that_claims_twice_is_caught() {
    caught(
        Sabotage::DoubleClaim,
        &[law::Law::ClaimedOnce, law::Law::OneRun],
    );
}

#[test]
fn a_planner_that_loses_slots_is_caught() {
    caught(Sabotage::LostSlot, &[law::Law::NeverSilent]);
}

#[test]
fn a_planner_that_catches_up_all_at_once_is_caught() {
    caught(Sabotage::Stampede, &[law::Law::InTurn]);
}
