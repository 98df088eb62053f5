//! Everything goes back to where it came from, whatever has become of the job file.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use rusqlite::Connection;

use crate::world::{BY_HAND, World, create, dump, text};

/// A root whose database is elsewhere, with an archive of it in a folder that is no default, and what
/// the database held then; after that it was changed.
fn far() -> (World, PathBuf, PathBuf, String) {
    let world = World::new(BY_HAND);
    let far = world.outside("far/assistant.db");
    fs::create_dir(world.outside("far")).unwrap();
    create(&far);
    let jobs = format!(
        "database: {}\n{BY_HAND}  prune-moves:\n    prune: {{tables: {{moves: {{column: note, \
         rows: 5}}}}}}\n",
        text(&far)
    );
    world.jobs(&jobs);
    world.write("config/watchlist.yaml", b"symbols: [then]\n");
    world.run_job("backup-daily");
    let archive = world.archives("backups/backup-daily").pop().unwrap();
    let then = dump(&far);
    let connection = Connection::open(&far).unwrap();
    connection
        .execute_batch("DROP TABLE moves; CREATE TABLE other (x)")
        .unwrap();
    (world, far, archive, then)
}

fn wrong_place(world: &World, far: &Path) -> PathBuf {
    world.path(far.strip_prefix("/").unwrap())
}

#[test]
fn a_table_that_was_dropped_keeps_no_database_from_coming_back() {
    let (world, far, _, then) = far();
    // Everywhere else it is an error, with the tables that there are.
    world.run(["validate"]).code(78).says("other");
    world.run(["restore", "latest", "--yes"]).code(0);
    assert_eq!(dump(&far), then);
    assert!(!wrong_place(&world, &far).exists());
    world.run(["validate"]).code(0);
}

#[test]
fn a_job_file_of_the_archive_that_names_the_dropped_table_comes_back_with_it() {
    let (world, far, _, then) = far();
    let jobs = fs::read_to_string(world.path("jobs.yaml")).unwrap();
    world.jobs(&format!("{jobs}# changed\n"));
    world.run(["restore", "latest", "--yes"]).code(0);
    assert_eq!(dump(&far), then);
    assert_eq!(fs::read_to_string(world.path("jobs.yaml")).unwrap(), jobs);
}

#[test]
fn without_a_job_file_that_of_the_archive_says_where_all_belongs() {
    let (world, far, archive, then) = far();
    for broken in [Some("databse: x\n"), None] {
        match broken {
            Some(text) => world.jobs(text),
            None => fs::remove_file(world.path("jobs.yaml")).unwrap(),
        }
        for words in [&["--only", "database"][..], &[]] {
            fs::write(&far, "").unwrap();
            let restore = ["restore", text(&archive), "--yes"];
            world.run([&restore[..], words].concat()).code(0);
            assert_eq!(dump(&far), then, "{broken:?} {words:?}");
            assert!(!wrong_place(&world, &far).exists());
        }
        world.run(["validate"]).code(0);
    }
}

#[test]
fn a_database_of_which_nobody_knows_where_it_belongs_is_refused() {
    let world = World::new(BY_HAND);
    let far = world.outside("far/assistant.db");
    fs::create_dir(world.outside("far")).unwrap();
    create(&far);
    world.jobs(&format!(
        "database: {}\njobs: {{one: {{backup: {{what: [database]}}}}}}\n",
        text(&far)
    ));
    let archive = world.archive("one");
    fs::remove_file(world.path("jobs.yaml")).unwrap();
    let inside = far.strip_prefix("/").unwrap();
    let restore = ["restore", text(&archive), "--yes"];
    world
        .run(restore)
        .code(78)
        .says("where the database")
        .says("--only");
    assert!(!wrong_place(&world, &far).exists());
    // Whoever names it knows what he does.
    let named = ["--only", text(inside)];
    world.run([&restore[..], &named].concat()).code(0);
    assert_eq!(dump(&wrong_place(&world, &far)), dump(&far));
}

#[test]
fn a_persons_file_that_is_called_like_one_of_sqlites_comes_back() {
    let world = World::new(BY_HAND);
    for name in ["my-journal", "notes-wal", "x-shm"] {
        world.write(&format!("config/{name}"), b"mine");
    }
    let archive = world.archive("backup-daily");
    for name in ["my-journal", "notes-wal", "x-shm"] {
        fs::remove_file(world.path("config").join(name)).unwrap();
    }
    // What has become the name of one of SQLite's own would be played into its database.
    create(&world.path("config/x"));
    world
        .run(["restore", text(&archive), "--yes"])
        .code(0)
        .says("SQLite's own file");
    for name in ["my-journal", "notes-wal"] {
        assert_eq!(fs::read(world.path("config").join(name)).unwrap(), b"mine");
    }
    assert!(!world.path("config/x-shm").exists());
}

#[test]
fn a_program_that_is_writing_a_file_is_named_and_keeps_it() {
    let world = World::new(BY_HAND);
    let name = world.path("config/journal.txt");
    world.write("config/journal.txt", b"then\n");
    let archive = world.archive("backup-daily");
    world.write("config/journal.txt", b"now\n");
    let writes = |path: &Path| {
        let file = fs::File::options().append(true).open(path).unwrap();
        Command::new("sleep")
            .arg("60")
            .stdout(file)
            .spawn()
            .unwrap()
    };
    let restore = ["restore", text(&archive), "--yes"];
    for args in [&restore[..], &["restore", "--undo", "--yes"]] {
        let before = fs::read(&name).unwrap();
        let mut program = writes(&name);
        let out = world.run(args.iter().copied());
        let pid = program.id();
        program.kill().unwrap();
        program.wait().unwrap();
        out.code(6).says(&format!("pid {pid} sleep"));
        assert_eq!(fs::read(&name).unwrap(), before);
        world.run(args.iter().copied()).code(0);
    }
    assert_eq!(fs::read(&name).unwrap(), b"now\n");
}
