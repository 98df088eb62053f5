#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    bellkeeper_fuzz::strategies_yaml(data);
});
