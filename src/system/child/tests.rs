use super::*;

/// The test that this executable runs when it shall be a guard.
pub(super) const AS_GUARD: &str = "system::child::tests::as_guard";

#[test]
#[ignore = "the guard of other tests"]
#[expect(
    clippy::disallowed_methods,
    reason = "what a test says at its end would stand among the output of the program"
)]
fn as_guard() {
    std::process::exit(i32::from(guard().is_err()));
}

fn program(argv: &[&str]) -> Program {
    Program {
        argv: argv.iter().map(|text| (*text).to_owned()).collect(),
        dir: "/".into(),
        env: BTreeMap::from([("PATH".to_owned(), "/usr/bin:/bin".to_owned())]),
        grace_ms: 200,
    }
}

#[test]
fn the_program_is_found_in_the_path_it_is_given() {
    let mut found = Vec::new();
    let over = run(&program(&["echo", "a  b", "$HOME"]), &|| false, |line| {
        found.push(line.to_owned());
    });
    let over = over.unwrap();
    assert_eq!(
        (over.ended, over.stopped, over.left),
        (Ended::Code(0), false, 0)
    );
    assert!(found.iter().any(|line| line == "a  b $HOME"), "{found:?}");
}

#[test]
fn one_that_shall_stop_at_once_does() {
    let over = run(&program(&["sleep", "1000"]), &|| true, |_| {}).unwrap();
    assert_eq!((over.ended, over.stopped), (Ended::Signal(15), true));
}

#[test]
fn one_that_cannot_be_run_says_why() {
    for (argv, passing) in [(&["/"][..], false), (&["/no/such"], false), (&[], false)] {
        match run(&program(argv), &|| false, |_| {}) {
            Err(Error::Start { passing: said, .. }) => assert_eq!(said, passing, "{argv:?}"),
            other => panic!("{argv:?}: {other:?}"),
        }
    }
}
