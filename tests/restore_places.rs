//! Everything goes back to where it came from, whatever has become of the job file.

use std::{fs, path::Path, process::Command};

use crate::world::{BY_HAND, World, create, text};

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
        let mut writer = writes(&name);
        let out = world.run(args.iter().copied());
        let pid = writer.id();
        writer.kill().unwrap();
        writer.wait().unwrap();
        out.code(6).says(&format!("pid {pid} sleep"));
        assert_eq!(fs::read(&name).unwrap(), before);
        world.run(args.iter().copied()).code(0);
    }
    assert_eq!(fs::read(&name).unwrap(), b"now\n");
}
