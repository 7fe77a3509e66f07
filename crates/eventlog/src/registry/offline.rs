//! Compatibility without a registry: every released version of a record against every other.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use apache_avro::{
    Schema,
    schema_compatibility::{Compatibility, SchemaCompatibility},
};

/// Two versions of a record that cannot read each other.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{} and {} cannot read each other: {reason}", .left.display(), .right.display())]
pub struct Incompatible {
    pub left: PathBuf,
    pub right: PathBuf,
    pub reason: String,
}

/// Why the schema files could not be compared.
#[derive(Debug, thiserror::Error)]
pub enum OfflineError {
    #[error("{}: {source}", .path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    #[error("{} is no Avro schema: {reason}", .path.display())]
    Invalid { path: PathBuf, reason: String },
    #[error("{} is not named like Record.v1.avsc", .0.display())]
    Unnamed(PathBuf),
}

/// Compares all versions of each record below `folder` (files named `Record.v1.avsc`, in folders of
/// any depth): under FULL_TRANSITIVE each must read each. Gives the pairs that cannot.
pub fn incompatibilities(folder: &Path) -> Result<Vec<Incompatible>, OfflineError> {
    let mut records: BTreeMap<PathBuf, Vec<(PathBuf, Schema)>> = BTreeMap::new();
    for path in schema_files(folder)? {
        let record = record_of(&path).ok_or_else(|| OfflineError::Unnamed(path.clone()))?;
        let schema = parse(&path)?;
        records.entry(record).or_default().push((path, schema));
    }
    Ok(records.values().flat_map(|versions| compare(versions)).collect())
}

fn compare(versions: &[(PathBuf, Schema)]) -> Vec<Incompatible> {
    let mut incompatible = Vec::new();
    for (index, (left, left_schema)) in versions.iter().enumerate() {
        for (right, right_schema) in &versions[index + 1..] {
            let reason = match SchemaCompatibility::mutual_read(left_schema, right_schema) {
                Ok(Compatibility::Full) => continue,
                Ok(Compatibility::Partial) => "some values of one do not fit the other".to_owned(),
                Err(error) => error.to_string(),
            };
            incompatible.push(Incompatible { left: left.clone(), right: right.clone(), reason });
        }
    }
    incompatible
}

/// `events/OrderPlaced.v2.avsc` belongs to the record `events/OrderPlaced`.
fn record_of(path: &Path) -> Option<PathBuf> {
    let name = path.file_name()?.to_str()?.strip_suffix(".avsc")?;
    let (record, version) = name.rsplit_once(".v")?;
    version.parse::<u32>().ok()?;
    Some(path.with_file_name(record))
}

fn parse(path: &Path) -> Result<Schema, OfflineError> {
    let text = fs::read_to_string(path).map_err(|source| unreadable(path, source))?;
    Schema::parse_str(&text)
        .map_err(|error| OfflineError::Invalid { path: path.to_owned(), reason: error.to_string() })
}

fn schema_files(folder: &Path) -> Result<Vec<PathBuf>, OfflineError> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries = fs::read_dir(&folder).map_err(|source| unreadable(&folder, source))?;
        for entry in entries {
            let path = entry.map_err(|source| unreadable(&folder, source))?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "avsc") {
                files.push(path);
            }
        }
    }
    files.sort();
    Ok(files)
}

fn unreadable(path: &Path, source: io::Error) -> OfflineError {
    OfflineError::Unreadable { path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_released_versions_read_each_other() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../schemas");
        let incompatible = incompatibilities(&folder).expect("the schemas are readable");
        assert_eq!(incompatible, []);
    }

    #[test]
    fn a_field_without_a_default_is_found_in_any_pair_of_versions() {
        let folder = tempfile::tempdir().expect("a folder");
        let write = |version: u32, fields: &str| {
            let text = format!(r#"{{"type":"record","name":"R","fields":[{fields}]}}"#);
            let path = folder.path().join(format!("R.v{version}.avsc"));
            fs::write(path, text).expect("written");
        };
        write(1, r#"{"name":"a","type":"string"}"#);
        write(2, r#"{"name":"a","type":"string"},{"name":"b","type":"int","default":0}"#);
        assert_eq!(incompatibilities(folder.path()).expect("read"), []);
        write(3, r#"{"name":"a","type":"string"},{"name":"c","type":"int"}"#);
        let found = incompatibilities(folder.path()).expect("read");
        assert_eq!(found.len(), 2, "{found:?}");
        fs::write(folder.path().join("odd.avsc"), "{}").expect("written");
        assert!(matches!(incompatibilities(folder.path()), Err(OfflineError::Unnamed(_))));
    }
}
