//! "Did you mean": the nearest of the names that exist, by edit distance.

/// What people call things elsewhere, and what they are called here.
const ELSEWHERE: &[(&str, &str)] = &[
    ("absolute", "abs"),
    ("arctan2", "atan2"),
    ("fmax", "maximum"),
    ("fmin", "minimum"),
    ("gather", "take"),
    ("isfinite", "is_finite"),
    ("isinf", "is_inf"),
    ("isnan", "is_nan"),
    ("log", "ln"),
    ("logical_and", "and"),
    ("logical_not", "not"),
    ("logical_or", "or"),
    ("multiply", "mul"),
    ("negative", "neg"),
    ("permute", "transpose"),
    ("power", "pow"),
    ("rint", "nearest"),
    ("round", "nearest"),
    ("split", "slice"),
    ("subtract", "sub"),
];

/// The candidate nearest to `word`, if one is near enough to be what was meant.
pub(crate) fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // Long words are not typing errors, and the distance costs their product.
    if word.is_empty() || word.len() > 60 {
        return None;
    }
    if let Some((family, name)) = word.split_once('.')
        && let Some((_, here)) = ELSEWHERE.iter().find(|(elsewhere, _)| *elsewhere == name)
    {
        let is_it = |c: &&str| c.split_once('.').is_some_and(|(its, name)| its == family && name == *here);
        return candidates.into_iter().take(20_000).find(is_it);
    }
    let limit = (word.len() / 3).clamp(1, 3);
    let mut best: Option<(usize, &str)> = None;
    for candidate in candidates.into_iter().take(20_000) {
        if candidate.len().abs_diff(word.len()) > limit || candidate == word {
            continue;
        }
        let distance = distance(word.as_bytes(), candidate.as_bytes());
        if distance <= limit && best.is_none_or(|(d, _)| distance < d) {
            best = Some((distance, candidate));
        }
    }
    best.map(|(_, name)| name)
}

/// Edits (insert, remove, replace, swap neighbours) from `a` to `b`.
fn distance(a: &[u8], b: &[u8]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for (i, &x) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, &y) in b.iter().enumerate() {
            let mut best = (last[j] + usize::from(x != y)).min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && x == b[j - 1] && y == a[i - 1] {
                best = best.min(before[j - 1] + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_found() {
        let names = ["i64.add", "i64.and", "tensor.add", "br_if"];
        assert_eq!(nearest("i64.ad", names), Some("i64.add"));
        assert_eq!(nearest("tensor.ad", names), Some("tensor.add"));
        assert_eq!(nearest("brif", names), Some("br_if"));
        assert_eq!(nearest("zzz", names), None);
        assert_eq!(nearest("tensor.log", ["tensor.log2", "tensor.ln"]), Some("tensor.ln"));
        assert_eq!(distance(b"ab", b"ba"), 1);
    }
}
