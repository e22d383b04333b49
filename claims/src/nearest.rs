//! Names that a misspelt name may have meant.

/// How alike two names must be, from 0 to 1.
const SIMILARITY_MIN: f64 = 0.75;

/// Up to `n_max` of the candidates that are most like `name`, best first.
pub(crate) fn nearest<'a>(name: &str, candidates: impl Iterator<Item = &'a str>, n_max: usize) -> Vec<&'a str> {
    let mut ranked: Vec<(f64, &str)> = candidates
        .map(|candidate| (strsim::jaro_winkler(name, candidate), candidate))
        .filter(|(similarity, _)| *similarity >= SIMILARITY_MIN)
        .collect();
    ranked.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
    ranked.dedup_by_key(|(_, candidate)| *candidate);
    ranked.into_iter().take(n_max).map(|(_, candidate)| candidate).collect()
}

/// The part of a path that people misspell: its last two segments.
pub(crate) fn last_two_segments(path: &str) -> &str {
    path.rmatch_indices("::").nth(1).map_or(path, |(idx, separator)| &path[idx + separator.len()..])
}

/// Up to three of the paths whose last two segments are most like those of `symbol`.
pub(crate) fn nearest_paths<'a>(symbol: &str, paths: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let wanted = last_two_segments(symbol);
    let mut ranked: Vec<(f64, &str)> = paths
        .map(|path| (strsim::jaro_winkler(wanted, last_two_segments(path)), path))
        .filter(|(similarity, _)| *similarity >= SIMILARITY_MIN)
        .collect();
    ranked.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
    ranked.dedup_by_key(|(_, path)| *path);
    ranked.into_iter().take(3).map(|(_, path)| path).collect()
}

/// `: did you mean ...?`, or nothing where no name is near.
pub(crate) fn did_you_mean(near: &[&str]) -> String {
    match near {
        [] => String::new(),
        _ => format!("; did you mean `{}`?", near.join("` or `")),
    }
}
