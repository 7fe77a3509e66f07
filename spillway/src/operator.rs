//! Who operates on projections, why, and on which of them, as arguments.

use anyhow::Context as _;
use clap::builder::{PossibleValuesParser, TypedValueParser as _};
use eventlog::Partition;
use events::position::Mark;
use projector::{
    operate::{self, Operator},
    projection::{Registration, named, registered},
    store::connect,
};
use secrecy::ExposeSecret as _;
use service::config::DatabaseArgs;
use sqlx::PgPool;

use crate::exit;

/// Connections of one verb: a rebuild fills some partitions side by side.
const CONNECTIONS_MAX: u32 = 8;

/// The arguments of every verb whose doing is written down.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct OperatorArgs {
    /// Who does it; written down beside what was done.
    #[arg(long, env = "USER", value_name = "NAME", default_value = "unknown")]
    by: String,
    /// Why; written down as well.
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

impl OperatorArgs {
    pub(crate) fn operator(&self) -> Operator {
        Operator { name: self.by.clone(), reason: self.reason.clone() }
    }
}

/// A parser of projections' names.
pub(crate) fn projection() -> impl clap::builder::TypedValueParser<Value = Registration> {
    let names = registered().into_iter().map(|registration| registration.name);
    PossibleValuesParser::new(names)
        .try_map(|name| named(&name).ok_or_else(|| format!("there is no projection {name}")))
}

/// A partition as it is printed: `orders.events.v1/3`.
pub(crate) fn partition(text: &str) -> Result<Partition, String> {
    let parse = || {
        let (topic, number) = text.rsplit_once('/')?;
        let number = number.parse().ok().filter(|number| *number >= 0)?;
        events::Topic::of_name(topic).map(|_| Partition::new(topic, number))
    };
    parse().ok_or_else(|| "expected something like orders.events.v1/3".to_owned())
}

/// A mark as it is printed: `0:817`.
pub(crate) fn mark(text: &str) -> Result<Mark, String> {
    let parse = || {
        let (incarnation, link_sequence) = text.split_once(':')?;
        let mark = Mark {
            incarnation: incarnation.parse().ok()?,
            link_sequence: link_sequence.parse().ok()?,
        };
        (mark >= Mark::default()).then_some(mark)
    };
    parse().ok_or_else(|| "expected incarnation and link sequence, such as 0:817".to_owned())
}

/// Connections to the read models' PostgreSQL.
///
/// # Errors
/// The URL is none, nobody answers there, or no projector has made its tables.
pub(crate) async fn database(args: &DatabaseArgs) -> anyhow::Result<PgPool> {
    let pool = connect::pool(args.database_url.expose_secret(), CONNECTIONS_MAX)?;
    let missing = projector::migrate::missing(&pool)
        .await
        .context("the read models' PostgreSQL cannot be reached")?;
    anyhow::ensure!(
        missing.is_empty(),
        "migrations {missing:?} are not applied: run `projector --migrate-only`"
    );
    Ok(pool)
}

/// What a refused operation is: exit code 1 and its sentence. Anything else is an error.
pub(crate) fn refused<T>(
    result: Result<T, operate::Error>,
) -> anyhow::Result<Result<T, std::process::ExitCode>> {
    match result {
        Ok(done) => Ok(Ok(done)),
        Err(operate::Error::Refused(why)) => {
            crate::words::say(&format!("{} nothing was done: {why}", crate::words::cross()));
            Ok(Err(exit::found(true)))
        }
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_read_as_they_are_printed() {
        let found = partition("orders.events.v1/3").unwrap();
        assert_eq!(found.to_string(), "orders.events.v1/3");
        assert!(partition("orders.events.v1").is_err() && partition("nothing/1").is_err());
        assert!(partition("orders.events.v1/-1").is_err());
        assert_eq!(mark("1:817").unwrap(), Mark { incarnation: 1, link_sequence: 817 });
        assert!(mark("817").is_err() && mark("0:-1").is_err());
    }
}
