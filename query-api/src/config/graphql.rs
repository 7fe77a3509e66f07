//! Limits of GraphQL.

use std::time::Duration;

use clap::{Args, builder::BoolishValueParser};

use crate::http::GraphqlLimits;

/// What one GraphQL request may ask for.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "GraphQL")]
pub struct GraphqlArgs {
    /// Fields within fields of a query. The question for the whole schema that tools send has 13.
    #[arg(long, env = "GRAPHQL_DEPTH_MAX", value_name = "COUNT", default_value_t = 15,
        value_parser = clap::value_parser!(u16).range(1..=64))]
    pub graphql_depth_max: u16,

    /// What the fields of a query may cost together: one each, times the rows of the list they stand
    /// in, and 100 for a list.
    #[arg(long, env = "GRAPHQL_COMPLEXITY_MAX", value_name = "COST", default_value_t = 10_000,
        value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub graphql_complexity_max: u32,

    /// Whether clients may ask for the schema, which is public.
    #[arg(long, env = "GRAPHQL_INTROSPECTION", value_name = "BOOL", default_value_t = true,
        action = clap::ArgAction::Set, value_parser = BoolishValueParser::new())]
    pub graphql_introspection: bool,

    /// Whether a browser gets a page to try queries on. For development.
    #[arg(long, env = "GRAPHQL_PLAYGROUND", value_name = "BOOL", default_value_t = false,
        action = clap::ArgAction::Set, value_parser = BoolishValueParser::new())]
    pub graphql_playground: bool,

    /// WebSockets that this process serves at once; one more is answered 503. Their subscriptions
    /// count as streams.
    #[arg(long, env = "GRAPHQL_SOCKETS_MAX", value_name = "COUNT", default_value_t = 5_000,
        value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub graphql_sockets_max: u32,

    /// Milliseconds that a WebSocket's client may take nothing, or answer no ping, before it is cut.
    #[arg(long, env = "GRAPHQL_SILENCE_MS_MAX", value_name = "MILLISECONDS",
        default_value_t = 45_000, value_parser = clap::value_parser!(u64).range(500..=600_000))]
    pub graphql_silence_ms_max: u64,
}

impl GraphqlArgs {
    /// The limits these settings ask for.
    pub fn limits(&self) -> GraphqlLimits {
        // Both bounds fit every usize that this runs on.
        let whole = |count: u32| usize::try_from(count).unwrap_or(usize::MAX);
        GraphqlLimits {
            depth_max: self.graphql_depth_max.into(),
            complexity_max: whole(self.graphql_complexity_max),
            introspection: self.graphql_introspection,
            playground: self.graphql_playground,
            sockets_max: whole(self.graphql_sockets_max),
            silence_max: Duration::from_millis(self.graphql_silence_ms_max),
        }
    }
}
