//! Golden files: values of released records beside the bytes that they were written as.
//!
//! A file is never changed once it is released. To add an example, write its `name` and `value`,
//! leave the bytes out, and run `SPILLWAY_GOLDEN=add cargo test -p events --test golden`: only what
//! is absent is filled in.

use std::path::PathBuf;

use events::codec::Record;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{files, name_and_version, path, schema_file::versions_of};

/// One version of one record.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Golden {
    /// Name with the namespace.
    pub record: String,
    pub examples: Vec<Example>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Example {
    pub name: String,
    /// The value in the JSON form of its Rust type.
    pub value: Value,
    /// The Avro datum in hexadecimal digits.
    pub datum: Option<String>,
    /// The single-object encoding, for records that travel in it; absent for events.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub single_object: Option<String>,
}

impl Example {
    pub fn datum(&self) -> Vec<u8> {
        bytes(self.datum.as_deref().expect("a golden datum"))
    }

    pub fn typed<R: Record>(&self) -> R {
        serde_json::from_value(self.value.clone())
            .unwrap_or_else(|error| panic!("{}, {}: {error}", R::FULL_NAME, self.name))
    }
}

/// Events have the registry's five bytes in front; everything else is a single object.
pub fn is_internal<R: Record>() -> bool {
    !R::FULL_NAME.starts_with("spillway.events.")
}

fn folder() -> PathBuf {
    path("tests/golden")
}

pub fn path_of(name: &str, version: u32) -> PathBuf {
    folder().join(format!("{name}.v{version}.json"))
}

/// Name and version of every golden file.
pub fn all() -> Vec<(String, u32)> {
    files(&folder(), "json").iter().map(|file| name_and_version(file)).collect()
}

pub fn read(name: &str, version: u32) -> Golden {
    let path = path_of(name, version);
    let text = std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{} cannot be read: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The examples of a record's newest version, which is the one that is compiled in.
pub fn current(name: &str) -> Vec<Example> {
    let newest = versions_of(name).pop().unwrap_or_else(|| panic!("{name} has no schema file"));
    read(name, newest.version).examples
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Reads hexadecimal digits.
pub fn bytes(hex: &str) -> Vec<u8> {
    assert!(hex.len().is_multiple_of(2) && hex.is_ascii(), "an odd number of digits");
    (0..hex.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hexadecimal digits"))
        .collect()
}
