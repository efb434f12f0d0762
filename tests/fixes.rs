//! `tests/fixes/*.tg`: programs, and behind the line `#--- mended` what all their confirmed fixes make of them. A program
//! without that part is one for which no fix may be offered.

use std::path::Path;

use gradlint::fixes;
use libtest_mimic::{Arguments, Failed, Trial};

const MARK: &str = "#--- mended\n";

fn main() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixes");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .expect("the folder is there")
        .map(|entry| entry.expect("readable").path())
        .collect();
    files.sort();
    let trials = files.into_iter().map(|path| {
        let name = path
            .file_stem()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        Trial::test(name, move || {
            check(&std::fs::read_to_string(&path).expect("readable"))
        })
    });
    libtest_mimic::run(&Arguments::from_args(), trials.collect()).exit();
}

fn check(fixture: &str) -> Result<(), Failed> {
    let (text, expected) = fixture.split_once(MARK).unwrap_or((fixture, fixture));
    let result = gradlint::with_stack(|| gradlint::lint_text_with_fixes("program.tg", text));
    if result.findings.is_empty() {
        return Err("nothing to mend was found".into());
    }
    let mended = fixes::apply(text, &fixes::combined(&result.findings, true));
    if mended != expected {
        let findings: Vec<String> = result
            .findings
            .iter()
            .map(|finding| {
                format!(
                    "{} {}: {:?}",
                    finding.rule.code, finding.message, finding.fix
                )
            })
            .collect();
        return Err(format!("it became\n{mended}\nby {findings:#?}").into());
    }
    Ok(())
}
