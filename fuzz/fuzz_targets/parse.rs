//! The parser of `.tg` takes any text, and its messages stand within the text.
#![no_main]

use gradlint::index::Idx as _;
use gradlint::source::FileId;
use gradlint::syntax::{self, MAX_ERRORS};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    gradlint::with_stack(|| {
        let (_, errors) = syntax::parse(FileId::new(0), &text);
        assert!(errors.len() <= MAX_ERRORS + 1);
        for error in &errors {
            assert!(text.get(error.primary.span.range()).is_some());
        }
    });
});
