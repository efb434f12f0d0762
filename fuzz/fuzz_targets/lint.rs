//! The analysis takes any program in `.tg`, and its findings can be shown.
#![no_main]

use libfuzzer_sys::fuzz_target;

gradlint_fuzz::mutate_programs!("../tg.dict");

fuzz_target!(|data: &[u8]| {
    if let Ok(text) = std::str::from_utf8(data) {
        gradlint_fuzz::lint("fuzz.tg", text);
    }
});
