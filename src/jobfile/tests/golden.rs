use super::loading::rendered;

#[test]
fn probe() {
    let cases: Vec<(String, String)> =
        serde_json::from_str(&std::fs::read_to_string("/tmp/jf_cases.json").unwrap()).unwrap();
    let out: Vec<String> = cases.iter().map(|(_, text)| rendered(text)).collect();
    std::fs::write("/tmp/jf_out.json", serde_json::to_string(&out).unwrap()).unwrap();
}
