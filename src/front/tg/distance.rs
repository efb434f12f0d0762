//! The nearest known name to an unknown one.

/// The number of characters to insert, delete, replace or swap with their neighbour.
pub fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows = [
        vec![0; b.len() + 1],
        (0..=b.len()).collect(),
        vec![0; b.len() + 1],
    ];
    for i in 1..=a.len() {
        rows[2][0] = i;
        for j in 1..=b.len() {
            let replaced = rows[1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = replaced.min(rows[1][j] + 1).min(rows[2][j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[0][j - 2] + 1);
            }
            rows[2][j] = best;
        }
        rows.rotate_left(1);
    }
    rows[1][b.len()]
}

/// The nearest of `known` to `name`, if it is near enough to be meant; of equally near ones the first.
pub fn nearest<'n>(name: &str, known: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    // Of one letter nothing can be guessed; long names are not typed by hand, and each costs the square of its length.
    let length = name.chars().count();
    if !(2..=60).contains(&length) {
        return None;
    }
    let bound = if length <= 2 {
        1
    } else {
        (length / 3).clamp(1, 4)
    };
    let near = known
        .into_iter()
        .filter(|other| other.chars().count().abs_diff(length) <= bound && *other != name);
    let measured = near.map(|other| (measure(name, other), other));
    measured
        .filter(|(far, _)| *far <= 2 * bound)
        .min_by_key(|(far, _)| *far)
        .map(|(_, other)| other)
}

/// Twice the distance; a difference of case alone counts less.
fn measure(name: &str, other: &str) -> usize {
    let plain = 2 * distance(name, other);
    let folded = 2 * distance(&name.to_lowercase(), &other.to_lowercase()) + 1;
    plain.min(folded)
}

#[cfg(test)]
mod tests {
    use super::{distance, nearest};

    #[test]
    fn counts_edits() {
        assert_eq!(distance("loss", "losss"), 1);
        assert_eq!(distance("sahpe", "shape"), 1);
        assert_eq!(distance("", "ab"), 2);
        assert_eq!(
            nearest("backwards", ["forward", "backward"]),
            Some("backward")
        );
        assert_eq!(
            nearest("nn.linear", ["nn.Linear", "nn.Bilinear"]),
            Some("nn.Linear")
        );
        assert_eq!(nearest("xyzzy", ["loss"]), None);
    }
}
