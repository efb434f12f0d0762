//! Real PyTorch, as a process that answers with what a script did.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use gradlint::emit::python;
use gradlint::source::{Origin, SourceMap};

use crate::support::recorded::{Record, root};

/// A process of Python that runs scripts.
pub struct Witness {
    python: String,
    process: Option<Process>,
}

struct Process {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Witness {
    pub fn new(python: &str) -> Witness {
        Witness {
            python: python.to_owned(),
            process: None,
        }
    }

    /// What PyTorch does with the program, with the lines of the program; none if it took too long or died.
    pub fn ask(&mut self, text: &str) -> Option<Record> {
        let (script, lines) = emit(text);
        let answer = self.answer(&script);
        if answer.is_none() {
            self.stop();
        }
        let mut record: Record = serde_json::from_str(&answer?).ok()?;
        let place = |python: u32| {
            let found = lines.binary_search_by_key(&python, |&(python, _)| python);
            found.map_or(0, |at| lines[at].1)
        };
        record.line = record.line.map(place);
        for event in &mut record.caught {
            event.line = place(event.line);
        }
        for warning in &mut record.warnings {
            warning.line = warning.line.map(place);
        }
        Some(record)
    }

    fn answer(&mut self, script: &str) -> Option<String> {
        if self.process.is_none() {
            self.process = Some(Process::start(&self.python));
        }
        let process = self.process.as_mut()?;
        let script = serde_json::to_string(script).ok()?;
        writeln!(process.input, "{script}").ok()?;
        process.input.flush().ok()?;
        process.line()
    }

    fn stop(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = process.child.kill();
            let _ = process.child.wait();
        }
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Process {
    fn start(python: &str) -> Process {
        let mut child = Command::new(python)
            .arg(root().join("tests/differential/witness.py"))
            .env("OMP_NUM_THREADS", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("{python} does not start: {error}"));
        let input = child.stdin.take().expect("it is piped");
        let output = BufReader::new(child.stdout.take().expect("it is piped"));
        let mut process = Process {
            child,
            input,
            output,
        };
        let hello = process.line();
        assert!(hello.is_some(), "{python} has no torch");
        process
    }

    fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        let read = self.output.read_line(&mut line).ok()?;
        (read > 0).then_some(line)
    }
}

/// The script, and the pairs of its lines and those of the program.
pub fn emit(text: &str) -> (String, Vec<(u32, u32)>) {
    let mut sources = SourceMap::default();
    let file = sources.add("program.tg", text, Origin::User);
    let (module, errors) = gradlint::syntax::parse(file, text);
    assert!(errors.is_empty(), "{text}\n{errors:?}");
    let script = python::emit(&module, &sources);
    (script.text, script.line_map)
}
