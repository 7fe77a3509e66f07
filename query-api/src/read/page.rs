//! One page of a list read by keyset: the next page begins after the last row's key, so that rows
//! inserted in between neither repeat nor hide others.

/// Rows of a page when the caller names no number.
pub const ROWS_DEFAULT: u16 = 50;
/// The most rows of a page.
pub const ROWS_MAX: u16 = 200;

/// Rows in list order, and the key of the last one when more follow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T, K> {
    pub items: Vec<T>,
    /// Absent on the last page.
    pub next: Option<K>,
}

impl<T, K> Page<T, K> {
    /// Makes a page from up to `rows_max + 1` rows: one more than asked for tells whether more
    /// follow.
    pub(super) fn cut(mut items: Vec<T>, rows_max: u16, key: impl FnOnce(&T) -> K) -> Self {
        let rows_max = usize::from(rows_max);
        let more = items.len() > rows_max;
        items.truncate(rows_max);
        let next = if more { items.last().map(key) } else { None };
        Self { items, next }
    }

    /// The page with its rows in another shape.
    #[must_use]
    pub fn map<U: From<T>>(self) -> Page<U, K> {
        Page { items: self.items.into_iter().map(U::from).collect(), next: self.next }
    }

    /// How many rows to ask PostgreSQL for.
    pub(super) fn fetch(rows_max: u16) -> i64 {
        i64::from(rows_max) + 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_names_its_last_key_only_when_more_follow() {
        let cut = |rows: Vec<i32>| Page::cut(rows, 2, |row| *row);
        assert_eq!(cut(vec![]), Page { items: vec![], next: None });
        assert_eq!(cut(vec![7, 8]), Page { items: vec![7, 8], next: None });
        assert_eq!(cut(vec![7, 8, 9]), Page { items: vec![7, 8], next: Some(8) });
    }
}
