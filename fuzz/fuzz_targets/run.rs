//! The interpreter takes any program in `.tg`, keeps within its bounds, and what it did can be shown.
#![no_main]

use gradlint::interp::outcome::RunOptions;
use libfuzzer_sys::fuzz_target;

gradlint_fuzz::mutate_programs!("../tg.dict");

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let options = RunOptions {
        max_steps: 100_000,
        max_millis: 2_000,
        max_memory: 64 << 20,
        max_output: 1 << 16,
        ..RunOptions::default()
    };
    gradlint::with_stack(|| {
        if let Ok((outcome, sources)) = gradlint::run_text("fuzz.tg", text, &options) {
            gradlint::render::outcome::human(&outcome, &sources);
            gradlint::render::outcome::json("fuzz.tg", &outcome, &sources);
        }
    });
});
