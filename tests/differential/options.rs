//! What the command line asks for.

use std::path::PathBuf;

/// The options.
pub struct Options {
    /// The first seed.
    pub seed: u64,
    /// How many.
    pub count: u64,
    /// Statements of a grown program, about.
    pub size: usize,
    /// A Python with torch.
    pub python: Option<String>,
    /// Write the fixed batch anew.
    pub record: bool,
    /// Print the program of the seed and do nothing else.
    pub show: bool,
    /// Compare the strides of tensors, too.
    pub strides: bool,
    /// The programs of one operator each, in place of random ones.
    pub single_operators: bool,
    /// Of these, only calls whose text has this in it.
    pub operator: Option<String>,
    /// How many disagreements of one kind are shrunk and shown.
    pub shown: usize,
    /// Compare programs of files instead of random ones.
    pub programs: Vec<PathBuf>,
}

impl Options {
    /// Those of the command line; none if the test was not asked for.
    pub fn from_arguments() -> Option<Options> {
        let mut options = Options {
            seed: 1,
            count: 5_000,
            size: 14,
            python: None,
            record: false,
            show: false,
            strides: false,
            single_operators: false,
            operator: None,
            shown: 1,
            programs: Vec::new(),
        };
        let mut arguments = std::env::args().skip(1);
        while let Some(argument) = arguments.next() {
            let mut value = || {
                arguments
                    .next()
                    .unwrap_or_else(|| panic!("{argument} needs a value"))
            };
            match argument.as_str() {
                "--seed" => options.seed = value().parse().expect("--seed is a number"),
                "--count" => options.count = value().parse().expect("--count is a number"),
                "--size" => options.size = value().parse().expect("--size is a number"),
                "--shown" => options.shown = value().parse().expect("--shown is a number"),
                "--python" => options.python = Some(value()),
                "--program" => options.programs.push(value().into()),
                "--record" => options.record = true,
                "--show" => options.show = true,
                "--strides" => options.strides = true,
                "--single-operators" => options.single_operators = true,
                "--operator" => options.operator = Some(value()),
                "--list" => return None,
                // A filter of `cargo test` that is not about this test.
                filter if !filter.starts_with('-') && !"differential".contains(filter) => {
                    return None;
                }
                _ => {}
            }
        }
        Some(options)
    }
}
