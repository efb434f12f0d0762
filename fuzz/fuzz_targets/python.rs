//! The analysis takes any script in Python, and its findings can be shown.
#![no_main]

use libfuzzer_sys::fuzz_target;

gradlint_fuzz::mutate_programs!("../python.dict");

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    // A text without the word is only parsed.
    match text.contains("torch") {
        true => gradlint_fuzz::lint("fuzz.py", text),
        false => gradlint_fuzz::lint("fuzz.py", &format!("import torch\n{text}")),
    }
});
