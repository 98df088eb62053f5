//! Everything of the wrong sort: a message with its place and remedy, an exit code from the table,
//! nothing half-written, older archives as they were.

use std::{
    collections::BTreeMap,
    fmt::Write,
    fs,
    os::unix::fs::symlink,
    path::PathBuf,
    process::Command,
    time::{Duration, Instant},
};

use rusqlite::Connection;

use crate::world::{BY_HAND, Out, Process, World, holds, integrity, need, skip, text};

/// A root with one archive, which must survive everything.
struct Survivor {
    world: World,
    before: BTreeMap<PathBuf, Vec<u8>>,
}

const FOLDER: &str = "backups/backup-daily";

impl Survivor {
    fn new() -> Self {
        let world = World::new(BY_HAND);
        world.run_job("backup-daily");
        let before = files(&world);
        assert_eq!(before.len(), 3);
        Self { world, before }
    }

    /// The folder of archives is byte for byte what it was.
    #[track_caller]
    fn is_intact(&self) {
        assert!(
            files(&self.world) == self.before,
            "{:?}",
            self.world.names(FOLDER)
        );
        assert!(self.world.leftovers(FOLDER).is_empty());
    }

    /// The job fails with this code and leaves everything as it was.
    #[track_caller]
    fn fails(&self, code: i32, parts: &[&str]) {
        let out = self.world.run(["run-job", "backup-daily"]).code(code);
        has(&out, parts);
        assert!(out.stderr.contains("help: "), "no remedy in {out:#?}");
        self.is_intact();
        let newest = self.world.history().remove(0);
        assert_eq!(newest["outcome"], "failed", "{newest}");
        assert!(!newest["reason"].as_str().unwrap().is_empty());
        // The same with a daemon.
        let daemon = self.world.start();
        let again = self.world.run(["run-job", "backup-daily"]).code(code);
        has(&again, parts);
        assert!(again.stderr.contains("help: "), "no remedy in {again:#?}");
        daemon.stop();
        self.is_intact();
    }
}

fn files(world: &World) -> BTreeMap<PathBuf, Vec<u8>> {
    let names = world.names(FOLDER).into_iter();
    let paths = names.map(|name| world.path(FOLDER).join(name));
    paths
        .map(|path| (path.clone(), fs::read(&path).unwrap()))
        .collect()
}

#[track_caller]
fn has(out: &Out, parts: &[&str]) {
    let all = format!("{}{}", out.stdout, out.stderr);
    for part in parts {
        assert!(all.contains(part), "`{part}` is missing in {out:#?}");
    }
}

fn job(settings: &str) -> String {
    format!("jobs:\n  backup-daily: {settings}\n")
}

/// A bad job file: what it is, its text (or that of its only job), where it is wrong, and what the
/// message says.
type Bad<'a> = (&'a str, &'a str, &'a str, &'a [&'a str]);

const BAD_FILES: &[Bad<'static>] = &[
    (
        "malformed",
        "jobs: {a: {backup: {}\n",
        ":1:11",
        &["never closed"],
    ),
    (
        "unknown kind",
        "{bakcup: {}}",
        ":2:18",
        &["unknown kind `bakcup`", "did you mean `backup`?"],
    ),
    (
        "unknown kind, unlike any",
        "{frobnicate: {}}",
        ":2:18",
        &["unknown kind `frobnicate`", "`backup`"],
    ),
    (
        "no kind",
        "{schedule: \"@daily\"}",
        ":2",
        &["kind", "backup"],
    ),
    (
        "unknown key of a job",
        "{backup: {}, schedul: \"@daily\"}",
        ":2:30",
        &["unknown key `schedul`", "did you mean `schedule`?"],
    ),
    (
        "unknown key of a kind",
        "{backup: {wat: [database]}}",
        ":2:27",
        &["unknown key `wat`", "did you mean `what`?"],
    ),
    (
        "unknown key of the file",
        "timzone: UTC\njobs: {a: {backup: {}}}\n",
        ":1:1",
        &["unknown key `timzone`", "did you mean `timezone`?"],
    ),
    (
        "two kinds",
        "{backup: {}, backup: {}}",
        ":2:30",
        &["`backup` stands here twice", "help: remove"],
    ),
    (
        "bad cron",
        "{schedule: \"61 * * * *\", backup: {}}",
        ":2:29",
        &["minute 61 is out of range 0–59"],
    ),
    (
        "cron with too few fields",
        "{schedule: \"0 2 *\", backup: {}}",
        ":2:29",
        &["has five fields", "found 3"],
    ),
    (
        "unknown zone",
        "timezone: Asia/Shangai\njobs: {a: {backup: {}}}\n",
        ":1:11",
        &[
            "unknown time zone `Asia/Shangai`",
            "did you mean `Asia/Shanghai`?",
        ],
    ),
    (
        "never fires",
        "{schedule: \"0 0 31 2 *\", backup: {}}",
        ":2:29",
        &["never fires", "help: no month"],
    ),
    (
        "duplicate names",
        "jobs:\n  a: {backup: {}}\n  a: {backup: {}}\n",
        ":3:3",
        &["the key `a` stands here twice", "help: remove or rename"],
    ),
    (
        "destination inside the source",
        "{backup: {what: [data], to: data/archives}}",
        ":2:45",
        &["inside the source", "help: choose a folder outside"],
    ),
    (
        "two jobs, one folder",
        "jobs:\n  a: {backup: {to: backups/x}}\n  b: {backup: {to: backups/x}}\n",
        ":3:",
        &["backups/x", "help: "],
    ),
    (
        "a private key as recipient",
        "encryption: {recipients: [AGE-SECRET-KEY-1QQQQ]}\njobs: {a: {backup: {}}}\n",
        ":1:27",
        &["private key"],
    ),
    (
        "a duration without unit",
        "{timeout: 10, backup: {}}",
        ":2:27",
        &["with its unit"],
    ),
    ("a list", "- a\n- b\n", ":1:1", &["found a list"]),
    ("empty", "", "jobs.yaml", &["jobs"]),
    (
        "control characters",
        "jobs: {a: {backup: {\u{1}: 1}}}\n",
        ":1:",
        &[],
    ),
];

fn alias_bomb() -> String {
    let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for n in 1..30 {
        let alias = vec![format!("*a{}", n - 1); 9].join(", ");
        writeln!(text, "a{n}: &a{n} [{alias}]").unwrap();
    }
    text
}

#[test]
fn a_bad_job_file_is_refused_with_place_and_remedy() {
    let survivor = Survivor::new();
    let world = &survivor.world;
    let (bomb, deep) = (alias_bomb(), format!("jobs: {}", "[".repeat(50_000)));
    let long: [Bad<'_>; 2] = [
        ("an alias bomb", &bomb, ":1:", &["alias", "help: "]),
        ("deep nesting", &deep, ":1:", &["levels deep"]),
    ];
    for (what, file, place, parts) in BAD_FILES.iter().chain(&long) {
        if file.starts_with('{') {
            world.jobs(&job(file));
        } else {
            world.jobs(file);
        }
        let place = if place.starts_with(':') {
            format!("jobs.yaml{place}")
        } else {
            (*place).to_owned()
        };
        for command in [
            &["validate"][..],
            &["run-job", "backup-daily"],
            &["start"],
            &["list"],
        ] {
            let start = Instant::now();
            let out = world.run(command.iter().copied());
            assert_eq!(out.code, 78, "{what}: {command:?}: {out:#?}");
            has(&out, parts);
            has(&out, &[&place]);
            assert!(
                start.elapsed() < Duration::from_secs(10),
                "{what} took long"
            );
            assert!(out.stderr.len() < 100_000, "{what} says too much");
        }
        survivor.is_intact();
        // Programs are told the same.
        let out = world.run(["validate", "--json"]).code(78);
        let first = out.lines().remove(0);
        assert!(first["message"].is_string(), "{what}: {first}");
        assert_eq!(first["file"], "jobs.yaml");
    }
    // Nothing ran.
    assert_eq!(world.history().len(), 1);
}

#[test]
fn every_problem_is_told_at_once() {
    let world = World::new(
        "timezone: Mars/Base\njobs:\n  a: {schedule: \"99 * * * *\", backup: {}}\n  \
         b: {backup: {too: x}}\n",
    );
    let out = world.run(["validate"]).code(78);
    has(
        &out,
        &[
            "jobs.yaml:1:11",
            "jobs.yaml:3:18",
            "jobs.yaml:4:16",
            "jobs.yaml has 3 problems",
        ],
    );
}

#[test]
fn ten_megabytes_of_garbage_are_refused_at_once() {
    let survivor = Survivor::new();
    let mut dice = crate::world::Dice::new(1);
    survivor.world.write("jobs.yaml", &dice.bytes(10_000_000));
    let start = Instant::now();
    let out = survivor.world.run(["start"]).code(78);
    assert!(start.elapsed() < Duration::from_secs(5));
    has(&out, &["jobs.yaml", "larger than 1 MB", "help: "]);
    survivor.world.write("jobs.yaml", &dice.bytes(900_000));
    let out = survivor.world.run(["start"]).code(78);
    has(&out, &["jobs.yaml:1:", "UTF-8"]);
    assert!(out.stderr.len() < 100_000);
    survivor.is_intact();
}

#[test]
fn a_missing_job_file_comes_with_one_to_copy() {
    let survivor = Survivor::new();
    fs::remove_file(survivor.world.path("jobs.yaml")).unwrap();
    for command in [
        &["start"][..],
        &["run-job", "backup-daily"],
        &["validate"],
        &["restart"],
    ] {
        let out = survivor.world.run(command.iter().copied()).code(78);
        has(&out, &["no job file at", "jobs.yaml", "help: ", "jobs:\n"]);
    }
    fs::create_dir(survivor.world.path("jobs.yaml")).unwrap();
    survivor.world.run(["validate"]).code(78).says("help: ");
    survivor.is_intact();
    let out = survivor
        .world
        .run(["validate", "-c", "nowhere.yaml"])
        .code(78);
    has(&out, &["nowhere.yaml"]);
}

#[test]
fn an_unknown_job_is_named_with_its_neighbours() {
    let survivor = Survivor::new();
    let out = survivor.world.run(["run-job", "backup-dayly"]).code(4);
    has(&out, &["`backup-dayly`", "did you mean `backup-daily`?"]);
    let out = survivor.world.run(["run-job", "zzz"]).code(4);
    has(&out, &["`zzz`", "backup-daily"]);
    survivor.is_intact();
    survivor
        .world
        .run(["backups", "show", "nothing"])
        .code(4)
        .says("help: ");
    survivor
        .world
        .run(["backups", "list", "nothing"])
        .code(4)
        .says("help: ");
    survivor
        .world
        .run(["next", "nothing"])
        .code(4)
        .says("help: ");
}

#[test]
fn without_a_recipient_nothing_is_written() {
    let survivor = Survivor::new();
    // The daemon has lived here, so a key that is gone is not silently made again.
    survivor.world.start().stop();
    fs::rename(survivor.world.key(), survivor.world.outside("kept.key")).unwrap();
    let daemon = survivor.world.start();
    assert!(!survivor.world.key().exists());
    daemon.stop();
    for with_daemon in [false, true] {
        let daemon = with_daemon.then(|| survivor.world.start());
        let out = survivor.world.run(["run-job", "backup-daily"]);
        has(&out, &["no recipient", "backup.key", "help: "]);
        assert!(matches!(out.code, 1 | 78), "{out:?}");
        survivor.is_intact();
        if let Some(daemon) = daemon {
            daemon.stop();
        }
    }
}

#[test]
fn a_target_that_is_no_folder_is_refused() {
    let survivor = Survivor::new();
    let world = &survivor.world;
    world.write("file", b"mine");
    world.write("under", b"mine");
    for (to, part) in [("file", "is not a folder"), ("under/it/all", "under")] {
        world.jobs(&job(&format!("{{backup: {{to: {to}}}}}")));
        survivor.fails(1, &[part]);
        // One job's folder hides nobody else's archives.
        let listed = world.run(["backups", "list"]).code(1);
        let file = world.path(to.split('/').next().unwrap());
        let file = file.to_str().unwrap();
        assert!(listed.stderr.contains(file), "{listed:?}");
    }
    assert_eq!(fs::read(world.path("file")).unwrap(), b"mine");
    assert_eq!(fs::read(world.path("under")).unwrap(), b"mine");
}

#[test]
fn a_target_that_cannot_be_written_is_refused() {
    let survivor = Survivor::new();
    survivor
        .world
        .jobs(&job("{backup: {to: /proc/bellkeeper}}"));
    survivor.fails(1, &["/proc/bellkeeper"]);
}

#[test]
fn a_symlinked_target_is_refused() {
    let survivor = Survivor::new();
    let world = &survivor.world;
    let elsewhere = world.outside("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    symlink(&elsewhere, world.path("link")).unwrap();
    world.jobs(&job("{backup: {to: link}}"));
    survivor.fails(1, &["is a symbolic link", "to"]);
    assert_eq!(fs::read_dir(elsewhere).unwrap().count(), 0);
}

/// Runs a line of sh in a mount namespace of its own, with a temporary file system of `options`
/// on `$T`, which holds copies of the archives that are there. `None` if that is not possible.
fn on_tmpfs(survivor: &Survivor, options: &str, then: &str) -> Option<Out> {
    if !need(&["unshare", "mount"]) {
        return None;
    }
    let world = &survivor.world;
    let target = world.path("target");
    fs::create_dir_all(&target).unwrap();
    let script = format!(
        "mount -t tmpfs -o size=1m,mode=700 tmpfs \"$T\" || exit 99\n\
         cp -p {FOLDER}/* \"$T\"/\n\
         sha256sum \"$T\"/* > before\n\
         mount -o remount,{options} \"$T\" || exit 99\n{then}"
    );
    let run = |flags: &str| {
        let mut command = Command::new("unshare");
        command
            .args([flags, "--", "sh", "-uc", &script])
            .current_dir(world.root())
            .env("T", &target)
            .env("B", env!("CARGO_BIN_EXE_bellkeeper"))
            .env_remove("BELLKEEPER_ROOT");
        Process::spawn(command).end()
    };
    let out = ["-m", "-rm"].into_iter().map(run).find(|out| out.code == 0);
    if out.is_none() {
        skip("no file system can be mounted here");
    }
    out
}

const RUN_AND_LOOK: &str = "\
$B --root . run-job backup-daily --json > events 2> errors
echo $? > code
$B --root . run-job backup-daily > words 2>> words
sha256sum -c --quiet before || exit 7
ls -A \"$T\" > names
exit 0
";

#[track_caller]
fn refused_on_tmpfs(survivor: &Survivor, options: &str, part: &str) {
    let Some(_) = on_tmpfs(survivor, options, RUN_AND_LOOK) else {
        return;
    };
    let read = |name: &str| fs::read_to_string(survivor.world.path(name)).unwrap();
    assert_eq!(
        read("code").trim(),
        "1",
        "{}{}",
        read("events"),
        read("errors")
    );
    let words = read("words");
    assert!(words.contains(part), "{words}");
    assert!(words.contains("help: "), "{words}");
    let names: Vec<_> = read("names").lines().map(str::to_owned).collect();
    assert_eq!(
        names,
        survivor.world.names(FOLDER),
        "something was left behind"
    );
    survivor.is_intact();
}

#[test]
fn a_full_target_is_refused() {
    let survivor = Survivor::new();
    holds(&survivor.world.database(), 3);
    survivor
        .world
        .jobs(&job("{retry: {attempts: 1}, backup: {to: target}}"));
    refused_on_tmpfs(&survivor, "size=1m", "target");
}

#[test]
fn a_read_only_target_is_refused() {
    let survivor = Survivor::new();
    survivor
        .world
        .jobs(&job("{retry: {attempts: 1}, backup: {to: target}}"));
    refused_on_tmpfs(&survivor, "ro", "target");
}

#[test]
fn a_database_that_is_none_is_refused() {
    let survivor = Survivor::new();
    let world = &survivor.world;
    for (name, bytes) in [
        (
            "text.db",
            b"this is no database, but it is long enough".repeat(200),
        ),
        ("short.db", b"x".to_vec()),
    ] {
        world.write(name, &bytes);
        world.jobs(&format!("database: {name}\n{}", job("{backup: {}}")));
        survivor.fails(1, &[name, "is not an SQLite database"]);
        assert_eq!(fs::read(world.path(name)).unwrap(), bytes);
    }
    world.jobs(&format!("database: data\n{}", job("{backup: {}}")));
    survivor.fails(1, &["data"]);
    world.jobs(&format!("database: nowhere.db\n{}", job("{backup: {}}")));
    survivor.fails(1, &["nowhere.db", "does not exist"]);
    assert!(!world.path("nowhere.db").exists());
}

#[test]
fn a_damaged_database_is_refused() {
    let survivor = Survivor::new();
    let world = &survivor.world;
    let path = world.path("bad.db");
    let connection = Connection::open(&path).unwrap();
    connection
        .execute_batch(
            "CREATE TABLE t (a TEXT); CREATE INDEX i ON t (a);
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)
             INSERT INTO t SELECT 'row ' || i FROM n;",
        )
        .unwrap();
    drop(connection);
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2 / 4096 * 4096;
    bytes[middle..middle + 4096].fill(0xAA);
    fs::write(&path, bytes).unwrap();
    world.jobs(&format!("database: bad.db\n{}", job("{backup: {}}")));
    survivor.fails(1, &["bad.db", "is damaged"]);
}

#[test]
fn a_locked_database_is_named_and_tried_again() {
    let survivor = Survivor::new();
    let world = &survivor.world;
    // A rollback journal: in WAL mode nobody can lock readers out.
    let path = world.path("locked.db");
    let holder = Connection::open(&path).unwrap();
    holder
        .execute_batch("CREATE TABLE t (a); BEGIN EXCLUSIVE; INSERT INTO t VALUES (1);")
        .unwrap();
    world.jobs(&format!(
        "database: locked.db\n{}",
        job("{retry: {attempts: 1}, backup: {}}")
    ));
    let out = world.run(["run-job", "backup-daily"]);
    has(&out, &["locked.db", "locked by another program", "help: "]);
    assert!(matches!(out.code, 1 | 75), "{out:?}");
    survivor.is_intact();
    // With a second attempt it succeeds once the other program lets go.
    world.jobs(&format!(
        "database: locked.db\n{}",
        job("{retry: {attempts: 9, delay: 100ms}, backup: {}}")
    ));
    let run = world.spawn(["run-job", "backup-daily", "--json"]);
    crate::world::until("a second attempt", || {
        let lines = run.lines();
        lines.into_iter().find(|line| line["event"] == "retrying")
    });
    holder.execute_batch("ROLLBACK").unwrap();
    let end = run.end().code(0).lines().pop().unwrap();
    assert_eq!(end["outcome"], "succeeded");
    assert!(end["attempts"].as_u64().unwrap() > 1);
    integrity(&path);
}

#[test]
fn restore_never_writes_over_what_is_there() {
    let survivor = Survivor::new();
    let world = &survivor.world;
    world.write("full/of/things", b"mine");
    let full = world.path("full");
    let out = world
        .run(["restore", "latest", "--to", text(&full)])
        .code(1);
    has(&out, &["is not empty", "help: "]);
    assert_eq!(world.names("full"), ["of"]);
    let link = world.path("linked");
    symlink(world.outside("x"), &link).unwrap();
    world
        .run(["restore", "latest", "--to", text(&link)])
        .code(1)
        .says("link");
    survivor.is_intact();
}
