//! What the fuzz targets share: how a text is changed into another that still has a chance to be a program.
//!
//! Bytes changed at random give syntax errors, which the parser's target wants and the others do not. So most changes
//! here move whole lines or replace a word by a word, a number by a number that is known for trouble.

use gradlint::ops::table;
use gradlint::prelude;
use gradlint::render::human::Human;
use gradlint::render::{concise, json};

/// Numbers at which arithmetic, shapes and bounds go wrong.
const NUMBERS: &[&str] = &[
    "0",
    "1",
    "-1",
    "2",
    "3",
    "4",
    "7",
    "-2",
    "64",
    "65",
    "255",
    "256",
    "1000",
    "65536",
    "100000",
    "2147483647",
    "2147483648",
    "-2147483648",
    "4294967296",
    "3037000500",
    "9223372036854775807",
    "-9223372036854775808",
    "9223372036854775808",
    "18446744073709551616",
    "1e308",
    "1e-320",
    "0.5",
    "-0.0",
    "1e10",
    "1.5e300",
];

/// A generator of random numbers (splitmix64).
pub struct Random(u64);

impl Random {
    /// One that begins with a seed.
    pub fn new(seed: u32) -> Random {
        Random(u64::from(seed) ^ 0x5851_f42d_4c95_7f2d)
    }

    /// The next number.
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    }

    /// A number below `end`; 0 if there is none.
    pub fn below(&mut self, end: usize) -> usize {
        match end {
            0 => 0,
            _ => (self.next() % end as u64) as usize,
        }
    }
}

/// Changes lines, words and numbers of a text; `words` are some that a program may have. None if it is no text.
pub fn mutate(text: &[u8], words: &[&str], random: &mut Random) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(text).ok()?;
    let mut text = text.to_owned();
    for _ in 0..1 + random.below(3) {
        text = match random.below(8) {
            0..4 => change_lines(&text, random),
            _ => change_word(&text, words, random),
        };
    }
    Some(text.into_bytes())
}

/// A text of lines of two others, in turns.
pub fn cross(left: &[u8], right: &[u8], random: &mut Random) -> Option<Vec<u8>> {
    let left: Vec<&str> = std::str::from_utf8(left).ok()?.lines().collect();
    let right: Vec<&str> = std::str::from_utf8(right).ok()?.lines().collect();
    let from = random.below(right.len());
    let many = 1 + random.below((right.len() - from).min(12));
    let at = random.below(left.len() + 1);
    let part = right.iter().skip(from).take(many);
    let lines = left[..at].iter().chain(part).chain(&left[at..]);
    Some(joined(lines.copied()))
}

fn joined<'t>(lines: impl Iterator<Item = &'t str>) -> Vec<u8> {
    let mut text = lines.collect::<Vec<_>>().join("\n").into_bytes();
    text.push(b'\n');
    text
}

fn change_lines(text: &str, random: &mut Random) -> String {
    let mut lines: Vec<&str> = text.lines().collect();
    let count = lines.len();
    let (a, b) = (random.below(count), random.below(count));
    if count == 0 {
        return text.to_owned();
    }
    match random.below(5) {
        0 => drop(lines.remove(a)),
        1 => lines.swap(a, b),
        2 => lines.insert(a, lines[b]),
        3 => {
            let line = lines.remove(a);
            lines.insert(b.min(lines.len()), line);
        }
        _ => drop(lines.drain(a.min(b)..(a.min(b) + 1 + random.below(4)).min(count))),
    }
    String::from_utf8(joined(lines.into_iter())).unwrap_or_default()
}

/// Replaces a word or number by another of the text, by one of `words`, or by a number.
fn change_word(text: &str, words: &[&str], random: &mut Random) -> String {
    let found = words_of(text);
    if found.is_empty() {
        return text.to_owned();
    }
    let (start, end) = found[random.below(found.len())];
    let is_number = text[start..end].starts_with(|c: char| c.is_ascii_digit());
    let (other_start, other_end) = found[random.below(found.len())];
    let new = match (is_number, random.below(4)) {
        (true, 0..3) => NUMBERS[random.below(NUMBERS.len())],
        (_, 0..2) => &text[other_start..other_end],
        (_, 2) if !words.is_empty() => words[random.below(words.len())],
        _ => NUMBERS[random.below(NUMBERS.len())],
    };
    format!("{}{new}{}", &text[..start], &text[end..])
}

/// Where words and numbers stand.
fn words_of(text: &str) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    let mut start = None;
    for (at, char) in text.char_indices() {
        let is_part = char.is_ascii_alphanumeric() || char == '_';
        match (start, is_part) {
            (None, true) => start = Some(at),
            (Some(from), false) => {
                found.push((from, at));
                start = None;
            }
            _ => {}
        }
    }
    found.extend(start.map(|from| (from, text.len())));
    found
}

/// Lints a text as the command does, and shows what was found in every way.
pub fn lint(name: &str, text: &str) {
    gradlint::with_stack(|| {
        let result = gradlint::lint_text(name, text);
        let human = Human::new(&result.sources, false);
        let mut report = json::Report::default();
        for finding in &result.findings {
            human.finding(finding);
            concise::finding(finding, &result.sources);
            report.finding(finding, &result.sources);
        }
        for lost in &result.lost {
            concise::lost(lost, &result.sources);
            report.lost(lost, &result.sources);
        }
    });
}

/// The words of a dictionary of libFuzzer (what stands between the quotes of each line) and the names of operators and of
/// the library.
pub fn words(dictionary: &'static str) -> Vec<&'static str> {
    let entry = |line: &'static str| line.strip_prefix('"')?.strip_suffix('"');
    let entries = dictionary.lines().filter_map(entry);
    let plain = entries.filter(|word| !word.contains('\\'));
    let operators = table::all().map(|(_, row)| row.name);
    plain
        .chain(operators)
        .chain(prelude::names())
        .chain(prelude::tensor_methods())
        .collect()
}

/// How the targets that want programs change them: half by bytes as libFuzzer does, half by lines and words.
#[macro_export]
macro_rules! mutate_programs {
    ($dictionary:literal) => {
        libfuzzer_sys::fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
            static WORDS: std::sync::LazyLock<Vec<&str>> =
                std::sync::LazyLock::new(|| $crate::words(include_str!($dictionary)));
            let mut random = $crate::Random::new(seed);
            let new = match random.below(5) {
                0 => None,
                _ => $crate::mutate(&data[..size], &WORDS, &mut random),
            };
            match new {
                Some(new) if new.len() <= max_size => {
                    data[..new.len()].copy_from_slice(&new);
                    new.len()
                }
                _ => libfuzzer_sys::fuzzer_mutate(data, size, max_size),
            }
        });
        libfuzzer_sys::fuzz_crossover!(|left: &[u8], right: &[u8], out: &mut [u8], seed: u32| {
            let mut random = $crate::Random::new(seed);
            match $crate::cross(left, right, &mut random) {
                Some(new) if new.len() <= out.len() => {
                    out[..new.len()].copy_from_slice(&new);
                    new.len()
                }
                _ => 0,
            }
        });
    };
}
