//! What runs where: the one table of addresses.

use serde::Serialize;

use crate::{
    output::{self, Format, Row},
    running::Running,
};

/// Where one part is found.
#[derive(Debug, Serialize)]
struct Place {
    what: String,
    place: String,
}

impl Row for Place {
    const HEAD: &'static [&'static str] = &["what", "where"];

    fn cells(&self) -> Vec<String> {
        vec![self.what.clone(), self.place.clone()]
    }
}

/// Parts of the stack by the variable that holds their address.
const PARTS: [(&str, &str); 4] = [
    ("Kafka", "KAFKA_BOOTSTRAP_SERVERS"),
    ("schema registry", "SCHEMA_REGISTRY_URL"),
    ("PostgreSQL", "DATABASE_URL"),
    ("Redis", "REDIS_URL"),
];

/// Prints the system: as a table of addresses, or whole for programs.
pub(super) fn print(format: Format, running: &Running) -> anyhow::Result<()> {
    output::write(&render(format, running)?)
}

fn render(format: Format, running: &Running) -> anyhow::Result<String> {
    match format {
        Format::Table => output::render(format, &places(running)),
        Format::Json => Ok(serde_json::to_string_pretty(running)? + "\n"),
        Format::Jsonl => Ok(serde_json::to_string(running)? + "\n"),
    }
}

fn places(running: &Running) -> Vec<Place> {
    let mut all = vec![place("gateway", &running.url)];
    all.extend(running.processes.iter().map(|one| place(&one.name, &one.url)));
    all.push(place("GraphQL page", &format!("{}/graphql", running.url)));
    all.extend(PARTS.iter().filter_map(|(name, variable)| {
        let address = running.environment.get(*variable)?;
        Some(place(name, address))
    }));
    all.push(place("logs", &running.logs.display().to_string()));
    if let Some(data) = &running.data {
        all.push(place("data", &data.display().to_string()));
    }
    all
}

fn place(what: &str, place: &str) -> Place {
    Place { what: what.to_owned(), place: place.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::running::tests::sample;

    #[test]
    fn the_table_starts_with_the_one_base_url() {
        let text = render(Format::Table, &sample("a")).unwrap();
        let lines: Vec<Vec<&str>> =
            text.lines().map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(lines[0], ["WHAT", "WHERE"]);
        assert_eq!(lines[1], ["gateway", "http://127.0.0.1:8080"]);
        assert_eq!(lines[2], ["command-api", "http://127.0.0.1:8081"]);
        assert_eq!(lines.last().unwrap(), &["logs", "/tmp/logs"]);
    }

    #[test]
    fn programs_get_the_whole_state_in_one_line() {
        let text = render(Format::Jsonl, &sample("a")).unwrap();
        let read: Running = serde_json::from_str(text.trim_end()).unwrap();
        assert_eq!(read, sample("a"));
    }
}
