use proptest::prelude::*;

use super::*;

fn name(log: &str) -> RotatedName {
    RotatedName::new(log, "2026-11-24T02:00:00.75Z".parse().unwrap()).unwrap()
}

#[test]
fn names_look_as_documented() {
    let first = name("bellkeeper.log");
    assert_eq!(first.to_string(), "bellkeeper-20261124T020000Z.log");
    let second = first.next().in_form(Form::Gzip);
    assert_eq!(second.to_string(), "bellkeeper-20261124T020000Z-2.log.gz");
    assert_eq!(
        second.in_form(Form::Sealed).temporary(),
        "bellkeeper-20261124T020000Z-2.log.gz.age.tmp"
    );
    assert_eq!(name("syslog").to_string(), "syslog-20261124T020000Z");
    assert_eq!(name(".log").to_string(), ".log-20261124T020000Z");
    assert_eq!(name("a.b.log").to_string(), "a.b-20261124T020000Z.log");
}

#[test]
fn other_files_are_left_alone() {
    for text in [
        "",
        "bellkeeper.log",
        "bellkeeper.log.1",
        "bellkeeper.log.1.gz",
        "bellkeeper-20261124.log",
        "-20261124T020000Z.log",
        "a-20261124T020000Z-1.log",
        "a-20261124T020000Z-02.log",
        "a-20261124T020000Z-+2.log",
        "a-20261324T020000Z.log",
        "a-2026112T020000Z.log",
        "a-20261124T020000Z.log.gz.tmp",
        "a/b-20261124T020000Z.log",
    ] {
        assert!(text.parse::<RotatedName>().is_err(), "{text}");
    }
}

#[test]
fn what_would_be_mistaken_for_another_file_is_no_log() {
    for log in [
        "",
        "a/b.log",
        "a.log.gz",
        "a.log.age",
        "a.log.tmp",
        "a-20261124T020000Z.log",
        "a-20261124T020000Z-7",
    ] {
        let error = RotatedName::new(log, Timestamp::UNIX_EPOCH).unwrap_err();
        assert!(error.to_string().contains("cannot be rotated"), "{error}");
    }
}

#[test]
fn a_leftover_tells_what_it_was_to_become() {
    let gz = name("a.log").in_form(Form::Gzip);
    assert_eq!(RotatedName::of_leftover(&gz.temporary()), Some(gz.clone()));
    for text in [gz.to_string().as_str(), "notes.tmp", ".tmp"] {
        assert_eq!(RotatedName::of_leftover(text), None, "{text}");
    }
}

#[test]
fn rotated_files_are_found_in_both_folders_oldest_first() {
    let root = tempfile::tempdir().unwrap();
    let (logs, archive) = (root.path().join("logs"), root.path().join("old"));
    let log = logs.join("a.log");
    assert_eq!(rotated(&log, Some(&archive)).unwrap(), []);
    for folder in [&logs, &archive] {
        files::create_private_dir(folder).unwrap();
    }
    for (folder, file) in [
        (&logs, "a.log"),
        (&logs, "b-20261124T020000Z.log"),
        (&logs, "a-20261124T020000Z-10.log"),
        (&logs, "a-20261124T020000Z-9.log"),
        (&logs, "a-20261124T020000Z-9.log.gz"),
        (&logs, "a-20261124T020000Z-8.log.gz.tmp"),
        (&archive, "a-20261124T020000Z.log.gz"),
        (&archive, "a-20261123T020000Z.log.gz.age"),
    ] {
        files::write_new(&folder.join(file), b"four").unwrap();
    }
    std::os::unix::fs::symlink(&log, logs.join("a-20261122T020000Z.log")).unwrap();
    files::create_private_dir(&logs.join("a-20261121T020000Z.log")).unwrap();
    let all = rotated(&log, Some(&archive)).unwrap();
    let names: Vec<_> = all.iter().map(|file| file.name.to_string()).collect();
    assert_eq!(
        names,
        [
            "a-20261123T020000Z.log.gz.age",
            "a-20261124T020000Z.log.gz",
            "a-20261124T020000Z-9.log",
            "a-20261124T020000Z-9.log.gz",
            "a-20261124T020000Z-10.log",
        ]
    );
    assert!(all.iter().all(|file| file.size == 4 && file.path.exists()));
    let once = each_once(all);
    assert_eq!((once.len(), once[2].name.form()), (4, Form::Plain));
    assert_eq!(rotated(&log, Some(&logs)).unwrap().len(), 3);
}

proptest! {
    #[test]
    fn every_name_is_read_back(
        log in "[a-zA-Z0-9._]([a-z0-9._-]{0,20}|-20261124T020000Z(-[2-9])?)(\\.[a-z]{0,4})?",
        second in 0i64..253_402_207_200,
        again in 0u32..9,
        form in prop::sample::select(vec![Form::Plain, Form::Gzip, Form::Sealed]),
    ) {
        let at = Timestamp::from_second(second).unwrap();
        let Ok(mut name) = RotatedName::new(&log, at) else { return Ok(()) };
        for _ in 0..again {
            name = name.next();
        }
        let name = name.in_form(form);
        prop_assert_eq!(name.to_string().parse(), Ok(name.clone()));
        prop_assert_eq!(RotatedName::of_leftover(&name.temporary()), Some(name));
    }

    #[test]
    fn names_sort_as_they_were_rotated(a in (0i64..100, 1u32..30), b in (0i64..100, 1u32..30)) {
        let make = |(second, serial): (i64, u32)| {
            let at = Timestamp::from_second(second).unwrap();
            let first = RotatedName::new("x.log", at).unwrap();
            (1..serial).fold(first, |name, _| name.next())
        };
        prop_assert_eq!(make(a).cmp(&make(b)), a.cmp(&b));
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in "\\PC*(-20261124T020000Z)?\\PC*(.gz|.age|.tmp)*") {
        let _ = (text.parse::<RotatedName>(), RotatedName::of_leftover(&text));
        let _ = RotatedName::new(&text, Timestamp::UNIX_EPOCH);
    }
}

#[test]
fn a_file_that_is_compressed_while_the_folder_is_read_is_in_one_form_at_least() {
    let root = tempfile::tempdir().unwrap();
    let plain = root.path().join(name("a.log").to_string());
    let packed = root
        .path()
        .join(name("a.log").in_form(Form::Gzip).to_string());
    files::write_new(&plain, b"lines").unwrap();
    let found = in_folder(root.path(), |path| {
        if plain.exists() {
            files::rename_new(&plain, &packed).unwrap();
        }
        path.symlink_metadata()
    });
    let paths: Vec<_> = found.unwrap().into_iter().map(|file| file.path).collect();
    assert_eq!(paths, [packed]);
}
