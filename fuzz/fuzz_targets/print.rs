//! What parses prints to a text that parses to the same tree with the same comments, and prints to itself.
#![no_main]

use gradlint::index::Idx as _;
use gradlint::source::FileId;
use gradlint::syntax::ast::Module;
use gradlint::syntax::{parse, print, same_tree};
use libfuzzer_sys::fuzz_target;

gradlint_fuzz::mutate_programs!("../tg.dict");

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    gradlint::with_stack(|| {
        let (module, errors) = parse(FileId::new(0), text);
        if !errors.is_empty() {
            return;
        }
        let once = print(&module, text);
        let (again, errors) = parse(FileId::new(0), &once);
        assert!(errors.is_empty(), "does not parse: {errors:?}\n{once}");
        assert!(same_tree(&module, &again), "another tree\n{once}");
        assert_eq!(comments(&module), comments(&again), "\n{once}");
        assert_eq!(print(&again, &once), once, "another text");
    });
});

fn comments(module: &Module) -> Vec<&str> {
    module
        .comments
        .iter()
        .map(|comment| &*comment.text)
        .collect()
}
