//! Lists without spare room: the IR stays in memory, and most of its lists have one element.

/// Collects into a list of exactly the needed capacity, where `collect` makes room for four.
pub(crate) fn exact<T>(iter: impl ExactSizeIterator<Item = T>) -> Vec<T> {
    let mut list = Vec::with_capacity(iter.len());
    list.extend(iter);
    list
}

/// Gives spare room back.
pub(crate) fn trimmed<T>(iter: impl Iterator<Item = T>) -> Vec<T> {
    let mut list: Vec<T> = iter.collect();
    list.shrink_to_fit();
    list
}
