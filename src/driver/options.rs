//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Finds, before a PyTorch training script runs, the gradients that it will never get.
#[derive(Debug, Parser)]
#[command(
    name = "gradlint",
    version,
    args_conflicts_with_subcommands = true,
    subcommand_precedence_over_arg = true
)]
pub struct Cli {
    /// Another command than linting.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// The lint.
    #[command(flatten)]
    pub lint: LintOptions,
}

/// The commands beside linting.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run a program in the interpreter
    Run(RunArgs),
    /// What a rule means, why, a bad and a good program
    Explain(ExplainOptions),
    /// All rules, a line each
    Rules(RulesOptions),
    /// Print a program in another form
    Emit(EmitOptions),
    /// The autograd graph at a backward (not available yet)
    Graph {
        /// The program
        file: PathBuf,
    },
    /// A language server on standard input and output (not available yet)
    Lsp,
}

/// The forms of the lint's output.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Format {
    Human,
    Concise,
    Json,
    Sarif,
    Github,
    Gitlab,
    Rdjson,
    Junit,
}

/// The forms of the other commands' output.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
#[expect(missing_docs, reason = "the names say it")]
pub enum PlainFormat {
    Human,
    Json,
}

/// Options of the lint.
#[derive(Debug, Args)]
pub struct LintOptions {
    /// Files and folders; `-` is standard input
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// The form of the output
    #[arg(long, value_enum, default_value = "human")]
    pub format: Format,
    /// Run the program in the interpreter and say of each finding whether it was seen
    #[arg(long)]
    pub confirm: bool,
    /// Mend what can be mended without changing anything else; each fix is confirmed by a run
    #[arg(long)]
    pub fix: bool,
    /// Fixes that may change what else the program does, too
    #[arg(long)]
    pub unsafe_fixes: bool,
    /// Show what fixes would change, and change nothing
    #[arg(long)]
    pub diff: bool,
    /// List where and why the analysis lost track
    #[arg(long)]
    pub explain_unknown: bool,
    /// Only these rules: codes, beginnings of codes, or names
    #[arg(long, value_delimiter = ',', value_name = "RULE")]
    pub select: Vec<String>,
    /// Not these rules
    #[arg(long, value_delimiter = ',', value_name = "RULE")]
    pub ignore: Vec<String>,
    /// The name that findings in standard input have
    #[arg(long, value_name = "NAME")]
    pub stdin_filename: Option<PathBuf>,
    /// Exit with 0 whatever is found
    #[arg(long)]
    pub exit_zero: bool,
    /// Count the findings of each rule
    #[arg(long)]
    pub statistics: bool,
    /// A configuration file (not available yet)
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Whether the output has colours
    #[arg(long, value_enum, default_value = "auto")]
    pub color: Color,
}

/// When output has colours.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Color {
    /// On a terminal, unless `NO_COLOR` is set
    Auto,
    /// Yes
    Always,
    /// No
    Never,
}

impl LintOptions {
    /// Whether fixes are asked for.
    pub fn wants_fixes(&self) -> bool {
        self.fix || self.unsafe_fixes || self.diff
    }

    /// What was asked for and does not exist yet.
    pub fn not_available(&self) -> Option<&'static str> {
        match self.format {
            Format::Human | Format::Concise | Format::Json => {}
            Format::Sarif => return Some("the format `sarif` is not available yet"),
            Format::Github => return Some("the format `github` is not available yet"),
            Format::Gitlab => return Some("the format `gitlab` is not available yet"),
            Format::Rdjson => return Some("the format `rdjson` is not available yet"),
            Format::Junit => return Some("the format `junit` is not available yet"),
        }
        self.config
            .is_some()
            .then_some("a configuration file is not available yet")
    }
}

/// Options of `run`.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// The program; `-` is standard input
    pub file: PathBuf,
    /// The form of the output
    #[arg(long, value_enum, default_value = "human")]
    pub format: PlainFormat,
    /// Instructions after which the run is stopped
    #[arg(long, value_name = "N")]
    pub max_steps: Option<u64>,
    /// Seconds after which the run is stopped
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(..=86_400))]
    pub max_seconds: Option<u64>,
    /// MiB of tensors and containers at which the run is stopped
    #[arg(long, value_name = "MIB", value_parser = clap::value_parser!(u32).range(..=1_048_576))]
    pub max_memory: Option<u32>,
    /// The seed of the random numbers before the first `manual_seed`
    #[arg(long)]
    pub seed: Option<u64>,
    /// Run with each outcome of the first few `unknown()` and show the runs that differ
    #[arg(long)]
    pub all_paths: bool,
}

/// Options of `explain`.
#[derive(Debug, Args)]
pub struct ExplainOptions {
    /// The code or name of a rule; all rules without it
    pub rule: Option<String>,
    /// The form of the output
    #[arg(long, value_enum, default_value = "human")]
    pub format: PlainFormat,
}

/// Options of `rules`.
#[derive(Debug, Args)]
pub struct RulesOptions {
    /// The form of the output
    #[arg(long, value_enum, default_value = "human")]
    pub format: PlainFormat,
}

/// Options of `emit`.
#[derive(Debug, Args)]
pub struct EmitOptions {
    /// The program; `-` is standard input
    pub file: PathBuf,
    /// The form
    #[arg(long, value_enum)]
    pub to: EmitTo,
}

/// The forms a program can be printed in.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum EmitTo {
    /// `.tg`, formatted
    Tg,
    /// A Python script that does the same
    Python,
    /// The intermediate representation
    Ir,
}
