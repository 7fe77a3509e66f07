//! A copy of an event partition that was altered by hand: what a reader meets on its worst day.

use anyhow::{Context as _, ensure};
use apache_avro::{Schema, types::Value as Avro, writer::datum::GenericDatumWriter};
use eventlog::{Partition, Record};
use events::{
    Kind, Topic,
    codec::Record as _,
    header::{LINK_SEQUENCE, ORIGIN, View},
    product::StockReceived,
};
use reqwest::Client;
use serde_json::{Value, json};
use spillway_tests::{RawRecord, System};
use tempfile::TempDir;

use super::readers::Reader;

const TOPICS: &str = "org.apache.kafka.tools.TopicCommand";
const COPY: &str = "products.events.copy";
const SKU: &str = "B";

/// A gap is raised and nothing behind it is applied; what a repair writes heals it; an earlier
/// incarnation is skipped, a later one begins at 1; a value is read by the schema it was written
/// with.
pub(crate) async fn partitions_are_read_by_the_rule(
    system: &System,
    readers: &[Reader],
    folder: &TempDir,
) -> anyhow::Result<()> {
    let servers = system.stack().bootstrap_servers();
    let create = ["--bootstrap-server", &servers, "--create", "--topic", COPY, "--partitions", "1"];
    system.stack().kafka_tool(TOPICS, &create).await?;
    let copy = Copy { system, partition: Partition::new(COPY, 0) };
    let first = first_of_partition_0(system).await?;
    ensure!(first.len() >= 4, "only {} records", first.len());

    // The second and the first again, then the third is missing.
    for n in [0, 1, 1, 0, 3] {
        copy.append(&first[n]).await?;
    }
    copy.append_value(None, b"no event", &[]).await?;
    for header in [ORIGIN, LINK_SEQUENCE] {
        readers[0].write_null_header(COPY, header).await?;
    }
    let state = folder.path().join("copy.db").display().to_string();
    let place = format!("{COPY}/0");
    let counts = json!({"applied": 2, "repeats": 2, "discarded": 1, "aside": 3});
    let healed = json!({"applied": 4, "repeats": 2, "discarded": 1, "aside": 3});
    let python = [&["--topic", COPY, "--state", &state][..], &["--topic", COPY]];
    for reader in readers {
        for args in if reader.language == "Python" { &python[..] } else { &python[1..] } {
            let told = reader.to_end(args).await?;
            assert_eq!(counts_of(&told), counts, "{}: {told:#}", reader.language);
            assert_eq!(told["gaps"], json!({&place: 3}), "{}: {told:#}", reader.language);
        }
    }

    for n in [2, 3] {
        copy.append(&first[n]).await?;
    }
    for reader in readers {
        let told = reader.to_end(&["--topic", COPY]).await?;
        assert_eq!(counts_of(&told), healed, "{}: {told:#}", reader.language);
        assert_eq!(told["gaps"], json!({}), "{}: {told:#}", reader.language);
    }

    // The partition was begun anew, by a writer with a later schema.
    let id = copy.register_later_schema().await?;
    let later = |pieces| {
        let [mut value, body] = [vec![0], later_stock_received(pieces)];
        value.extend(id.to_be_bytes());
        value.extend(body);
        value
    };
    let before = readers[1].to_end(&["--topic", COPY]).await?;
    copy.append_value(Some(SKU), &later(5), &[(ORIGIN, "products/0:1:0:0"), (LINK_SEQUENCE, "1")])
        .await?;
    let stale = [(ORIGIN, "products/0:0:9000:0"), (LINK_SEQUENCE, "5")];
    copy.append_value(Some(SKU), &later(100), &stale).await?;
    let on_hand = before["stock"][SKU]["on_hand"].as_i64().unwrap_or_default();
    for reader in readers {
        let state = ["--topic", COPY, "--state", &state];
        let args = if reader.language == "Python" { &state[..] } else { &state[..2] };
        let told = reader.to_end(args).await?;
        assert_eq!(told["stock"][SKU]["on_hand"], on_hand + 5, "{}: {told:#}", reader.language);
        assert_eq!(told["gaps"], json!({}), "{}: {told:#}", reader.language);
    }
    Ok(())
}

struct Copy<'a> {
    system: &'a System,
    partition: Partition,
}

impl Copy<'_> {
    async fn append(&self, record: &Record) -> anyhow::Result<()> {
        let headers = record.headers();
        let text = |name| View(&headers).text(name).unwrap_or_default();
        let link = [(ORIGIN, text(ORIGIN)), (LINK_SEQUENCE, text(LINK_SEQUENCE))];
        let key = record.key().map(String::from_utf8_lossy);
        self.append_value(key.as_deref(), record.value().unwrap_or_default(), &link).await
    }

    async fn append_value(
        &self,
        key: Option<&str>,
        value: &[u8],
        headers: &[(&'static str, &str)],
    ) -> anyhow::Result<()> {
        let headers = headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        let key = key.map(|key| key.as_bytes().to_vec());
        let (partition, value) = (self.partition.clone(), value.to_vec());
        self.system.log.append(RawRecord { partition, key, value, headers }).await?;
        Ok(())
    }

    async fn register_later_schema(&self) -> anyhow::Result<u32> {
        let registry = self.system.stack().registry_url();
        let url = format!("{registry}/subjects/{COPY}-{}/versions", StockReceived::FULL_NAME);
        let body = json!({"schema": later_schema().to_string()});
        let http = Client::builder().no_proxy().tls_certs_only([]).build()?;
        let answer = http.post(url).json(&body).send().await?.error_for_status()?;
        let id = answer.json::<Value>().await?["id"].as_u64().context("no id")?;
        Ok(u32::try_from(id)?)
    }
}

/// The records of the first partition that has a product, each once.
async fn first_of_partition_0(system: &System) -> anyhow::Result<Vec<Record>> {
    let events = Partition::of(Topic::Events(Kind::Products), 0);
    let mut first: Vec<Record> = Vec::new();
    for record in system.log.read(events).await? {
        let sequence = View(&record.headers()).number(LINK_SEQUENCE);
        if sequence == Some(i64::try_from(first.len())? + 1) {
            first.push(record);
        }
    }
    Ok(first)
}

/// A field more at the front, so that reading by another schema would go wrong.
fn later_schema() -> Value {
    let mut schema: Value = serde_json::from_str(StockReceived::SCHEMA).unwrap_or_default();
    let dock = json!({"name": "dock", "type": ["null", "string"], "default": null});
    if let Some(fields) = schema["fields"].as_array_mut() {
        fields.insert(0, dock);
    }
    schema
}

fn later_stock_received(pieces: i64) -> Vec<u8> {
    let schema = Schema::parse_str(&later_schema().to_string()).expect("the later schema");
    let text = |text: &str| Avro::String(text.to_owned());
    let event = Avro::Record(vec![
        ("dock".to_owned(), Avro::Union(1, Box::new(text("north")))),
        ("sku".to_owned(), text(SKU)),
        ("reference".to_owned(), text("a later note")),
        ("quantity".to_owned(), Avro::Long(pieces)),
    ]);
    let writer = GenericDatumWriter::builder(&schema).build().expect("a writer");
    writer.write_value_to_vec(event).expect("an event of the later schema")
}

fn counts_of(told: &Value) -> Value {
    let names = ["applied", "repeats", "discarded", "aside"];
    Value::Object(names.iter().map(|name| ((*name).to_owned(), told[*name].clone())).collect())
}
