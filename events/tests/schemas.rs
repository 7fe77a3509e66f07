//! The schema files and the Rust types are one contract: bound to each other, well named, and
//! compatible over all their versions.

mod contract;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Debug,
};

use apache_avro::{
    Schema,
    schema_compatibility::{Compatibility, SchemaCompatibility},
};
use contract::{
    Visitor, names,
    schema_file::{self, FOLDERS, SchemaFile},
    visit_all,
};
use events::{
    Command, Event, Topic,
    codec::{self, Record},
};
use serde_json::{Value, json};

/// Runs a check over every record definition of every schema file, nested ones included.
fn each_record(check: impl Fn(&SchemaFile, &Value)) {
    fn walk(file: &SchemaFile, schema: &Value, check: &impl Fn(&SchemaFile, &Value)) {
        match schema {
            Value::Array(branches) => {
                branches.iter().for_each(|branch| walk(file, branch, check));
            }
            Value::Object(object) => {
                if schema["type"] == "record" {
                    check(file, schema);
                    fields(schema).for_each(|field| walk(file, &field["type"], check));
                }
                object.get("items").into_iter().for_each(|items| walk(file, items, check));
            }
            _ => {}
        }
    }
    schema_file::all().iter().for_each(|file| walk(file, &file.json(), &check));
}

fn fields(record: &Value) -> impl Iterator<Item = &Value> {
    record["fields"].as_array().expect("fields").iter()
}

#[test]
fn every_schema_file_is_bound_to_a_type_and_every_type_to_the_newest_version_of_its_file() {
    struct Bound(BTreeSet<String>);
    impl Visitor for Bound {
        fn visit<R: Record + PartialEq + Debug>(&mut self) {
            let versions = schema_file::versions_of(R::NAME);
            let newest = versions.last().unwrap_or_else(|| panic!("{} has no file", R::NAME));
            assert_eq!(R::SCHEMA, newest.text, "{}", R::FULL_NAME);
            let numbers: Vec<u32> = versions.iter().map(|file| file.version).collect();
            let dense: Vec<u32> = (1..).take(numbers.len()).collect();
            assert_eq!(numbers, dense, "{}: versions have no holes", R::NAME);
            self.0.insert(R::NAME.to_owned());
        }
    }
    let mut bound = Bound(BTreeSet::new());
    visit_all(&mut bound);
    let files: BTreeSet<String> = schema_file::all().into_iter().map(|file| file.name).collect();
    assert_eq!(bound.0, files);
    let folders = std::fs::read_dir(contract::path("../schemas")).expect("the schemas").count();
    assert_eq!(folders, FOLDERS.len(), "a folder of schemas is unknown here");
}

#[test]
fn the_unions_hold_every_event_and_every_command() {
    let listed: BTreeSet<&str> = names().into_iter().map(|(_, full_name)| full_name).collect();
    let in_unions = Event::FULL_NAMES.iter().chain(Command::FULL_NAMES).copied();
    let others = [
        "spillway.outcomes.Outcome",
        "spillway.replies.Reply",
        "spillway.deadletters.CommandDeadLetter",
    ];
    assert_eq!(listed, in_unions.chain(others).collect());
    for name in Event::NAMES {
        assert!(Event::kind_of(name).is_some(), "{name} belongs to a topic");
    }
}

#[test]
fn names_are_canonical() {
    for file in schema_file::all() {
        let schema = file.json();
        assert_eq!(schema["name"], file.name, "a file is named after its record");
        let namespace = FOLDERS.iter().find(|(folder, _)| *folder == file.folder).expect("it").1;
        assert_eq!(schema["namespace"], namespace, "{}", file.name);
    }
    each_record(|file, record| {
        let name = record["name"].as_str().expect("a name");
        assert!(is_camel_case(name), "{}: {name}", file.name);
        for field in fields(record) {
            let field = field["name"].as_str().expect("a name");
            assert!(is_snake_case(field), "{}: {name}.{field}", file.name);
        }
    });
    for topic in Topic::ALL {
        let name = topic.name();
        assert!(name.bytes().all(|b| b.is_ascii_lowercase() || matches!(b, b'.' | b'-' | b'1')));
        assert_eq!(Topic::of_name(name), Some(topic));
    }
}

fn is_camel_case(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_uppercase())
        && name.bytes().all(|b| b.is_ascii_alphanumeric())
}

fn is_snake_case(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

#[test]
fn every_record_and_field_says_what_it_is() {
    each_record(|file, record| {
        let documented = |part: &Value| part["doc"].as_str().is_some_and(|doc| doc.ends_with('.'));
        assert!(documented(record), "{}: {}", file.name, record["name"]);
        for field in fields(record) {
            assert!(documented(field), "{}: {}.{}", file.name, record["name"], field["name"]);
        }
    });
}

#[test]
fn the_only_union_is_an_optional_field_that_defaults_to_absent_and_there_are_no_maps() {
    each_record(|file, record| {
        for field in fields(record) {
            let about = format!("{}: {}.{}", file.name, record["name"], field["name"]);
            let kind = field["type"]["type"].as_str().or(field["type"].as_str());
            assert!(!matches!(kind, Some("map" | "float" | "double")), "{about}");
            if let Some(branches) = field["type"].as_array() {
                assert_eq!((branches.len(), &branches[0]), (2, &Value::from("null")), "{about}");
                assert_eq!(field.get("default"), Some(&Value::Null), "{about}");
            }
        }
    });
}

#[test]
fn fingerprints_tell_all_records_apart() {
    let mut seen: BTreeMap<u64, String> = BTreeMap::new();
    for file in schema_file::all() {
        let about = format!("{} v{}", file.name, file.version);
        let other = seen.insert(codec::fingerprint(&file.schema()), about.clone());
        assert_eq!(other, None, "{about} has the fingerprint of another schema");
    }
}

/// The Avro library alone would give another number, because it keeps a trace of logical types.
#[test]
fn a_fingerprint_is_that_of_the_specified_canonical_form() {
    let with_logical_type = r#"{"type":"record","name":"R","fields":[
        {"name":"at","type":{"type":"long","logicalType":"timestamp-millis"}}]}"#;
    let plain = r#"{"type":"record","name":"R","fields":[{"name":"at","type":"long"}]}"#;
    let of = |text: &str| codec::fingerprint(&Schema::parse_str(text).expect("a schema"));
    assert_eq!(of(with_logical_type), of(plain));
    // The example of a schema that is a primitive, from the Avro project's own tests.
    assert_eq!(of("\"int\""), 0x7275_d51a_3f39_5c8f);
}

/// What the registry checks at registration, checked here without one.
#[test]
fn all_versions_of_an_event_read_each_other() {
    for (name, _) in names().into_iter().filter(|(_, full)| full.starts_with("spillway.events.")) {
        let versions = schema_file::versions_of(name);
        for one in &versions {
            for other in &versions {
                let compatibility =
                    SchemaCompatibility::mutual_read(&one.schema(), &other.schema())
                        .unwrap_or_else(|e| {
                            panic!("{name} v{} and v{}: {e}", one.version, other.version)
                        });
                assert_eq!(compatibility, Compatibility::Full, "{name}");
            }
        }
    }
}

#[test]
fn the_compatibility_check_sees_a_field_without_a_default_and_a_changed_type() {
    let file = schema_file::versions_of("OrderPaid").pop().expect("a schema file");
    let spoil = |change: fn(&mut Vec<Value>)| {
        let mut json = file.json();
        change(json["fields"].as_array_mut().expect("fields"));
        let spoilt = Schema::parse_str(&json.to_string()).expect("a schema");
        SchemaCompatibility::mutual_read(&file.schema(), &spoilt)
    };
    assert!(spoil(|_| {}).is_ok());
    assert!(spoil(|fields| fields.push(json!({ "name": "added", "type": "long" }))).is_err());
    assert!(spoil(|fields| fields[1]["type"] = "long".into()).is_err());
    assert!(spoil(|fields| drop(fields.remove(1))).is_err());
}
