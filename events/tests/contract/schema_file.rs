//! The files below `schemas/`: one per record and version.

use apache_avro::Schema;

use super::{files, name_and_version, path};

/// The folders below `schemas/`, with the namespace of their records.
pub const FOLDERS: [(&str, &str); 5] = [
    ("commands", "spillway.commands"),
    ("dead-letters", "spillway.deadletters"),
    ("events", "spillway.events"),
    ("outcomes", "spillway.outcomes"),
    ("replies", "spillway.replies"),
];

/// One version of one record's schema.
#[derive(Debug, Clone)]
pub struct SchemaFile {
    /// Folder below `schemas/`.
    pub folder: &'static str,
    /// Record name without the namespace, as the file is named.
    pub name: String,
    pub version: u32,
    pub text: String,
}

impl SchemaFile {
    pub fn schema(&self) -> Schema {
        Schema::parse_str(&self.text)
            .unwrap_or_else(|error| panic!("{} v{}: {error}", self.name, self.version))
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.text)
            .unwrap_or_else(|error| panic!("{} v{}: {error}", self.name, self.version))
    }
}

/// All schema files, by folder, name and version.
pub fn all() -> Vec<SchemaFile> {
    let mut all = Vec::new();
    for (folder, _) in FOLDERS {
        for file in files(&path("../schemas").join(folder), "avsc") {
            let (name, version) = name_and_version(&file);
            let text = std::fs::read_to_string(&file).expect("a schema file");
            all.push(SchemaFile { folder, name, version, text });
        }
    }
    all.sort_by(|a, b| (a.folder, &a.name, a.version).cmp(&(b.folder, &b.name, b.version)));
    all
}

/// All versions of one record's schema, the oldest first.
pub fn versions_of(name: &str) -> Vec<SchemaFile> {
    all().into_iter().filter(|file| file.name == name).collect()
}
