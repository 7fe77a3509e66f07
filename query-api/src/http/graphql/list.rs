//! What lists have in common: the faults of their arguments, and their pages as connections.

use async_graphql::{
    Result,
    connection::{Connection, Edge},
};

use super::{cost, error::failed};
use crate::{
    http::{error::Error, fault::Fault},
    read::{Page, page::ROWS_DEFAULT},
};

/// A row as a field that may be null: what could not be read is an error of that field alone.
pub(super) fn found<T, U: From<T>>(read: Result<Option<T>>) -> Option<Result<U>> {
    read.transpose().map(|row| row.map(U::from))
}

/// A page as a connection.
pub(super) fn connection<T: async_graphql::OutputType, K>(
    page: Page<T, K>,
    has_previous: bool,
    cursor: impl Fn(&T) -> String,
) -> Connection<String, T> {
    let mut connection = Connection::new(has_previous, page.next.is_some());
    connection.edges.extend(page.items.into_iter().map(|row| Edge::new(cursor(&row), row)));
    connection
}

/// What is wrong with the arguments of a field; all of it is told at once.
#[derive(Debug, Default)]
pub(super) struct Faults(Vec<Fault>);

impl Faults {
    pub(super) fn fault(&mut self, argument: &str, why: &str) {
        self.0.push(Fault::argument(argument, why));
    }

    pub(super) fn take<T>(
        &mut self,
        argument: &str,
        read: std::result::Result<T, String>,
    ) -> Option<T> {
        read.map_err(|why| self.0.push(Fault::argument(argument, why))).ok()
    }

    /// Rows of a page.
    pub(super) fn first(&mut self, first: Option<i32>) -> u16 {
        if first.is_some_and(|first| first < 1) {
            self.0.push(Fault::argument("first", "must be at least 1"));
        }
        cost::rows(first, ROWS_DEFAULT)
    }

    pub(super) fn check(self) -> Result<()> {
        if self.0.is_empty() { Ok(()) } else { Err(failed(Error::Invalid(self.0))) }
    }
}
