use super::loading::rendered;

#[test]
fn probe() {
    for text in [
        "jobs:\n  a:\n    schedule: \"0 2 * * *\"\n    backup: {}\n    retrys: {attempts: 5}\n",
        "jobs:\n  a:\n    schedule: */5 * * * *\n    backup: {}\n",
        "jobs:\n  a:\n    schedule: * * * * *\n    backup: {}\n",
        "jobs:\n\ta:\n",
        "jobs:\n  a: [1, 2\n  b: 3\n",
        "jobs:\n  a: {x: 1\n",
        "jobs:\n  a: \"x\n",
        "jobs:\n  a: b: c\n",
        "jobs:\n  a:\n   b: 1\n  c\n",
        "a: 1\n---\nb: 2\n",
        "jobs:\n  a: @daily\n",
        "",
        "jobs:\n",
        "- a\n",
        "jobs: {a: {bakup: {}}}\n",
        "jobs: {a: {schedule: \"0 2 * * *\"}}\n",
        "timezone: Asia/Shangai\njobs: {a: {backup: {to: 5, kep: {daily: x}}}}\n",
        "jobs: {a: {backup: {}}, a: {backup: {}}}\n",
        "jobs: {a: {backup: {}, schedule: nonsense}}\n",
        "jobs: {? [x] : 1}\n",
        "jobs: {a: {backup: {to: \"${NOPE}\", keep: {daily: \"${SECRET}\"}}}}\n",
    ] {
        println!("=====\n{text}-----\n{}", rendered(text));
    }
}
