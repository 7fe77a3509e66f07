//! Schema evolution really works: data of an earlier and of a later version read as the compiled
//! one, and the other way round.

mod contract;

use std::fmt::Debug;

use apache_avro::{
    Schema, reader::datum::GenericDatumReader, types::Value as Avro,
    writer::datum::GenericDatumWriter,
};
use contract::{Visitor, example, schema_file::versions_of, visit_all};
use events::codec::{Error, Record};
use serde_json::{Value, json};

const NUMBER: &str = "added_number";
const TEXT: &str = "added_text";

/// The record's schema after a change to each record definition in it.
fn changed<R: Record>(change: impl Fn(&mut Vec<Value>)) -> Schema {
    fn walk(schema: &mut Value, change: &impl Fn(&mut Vec<Value>)) {
        match schema {
            Value::Array(branches) => branches.iter_mut().for_each(|branch| walk(branch, change)),
            Value::Object(object) => {
                if let Some(fields) = object.get_mut("fields").and_then(Value::as_array_mut) {
                    fields.iter_mut().for_each(|field| walk(&mut field["type"], change));
                    change(fields);
                }
                object.get_mut("items").into_iter().for_each(|items| walk(items, change));
            }
            _ => {}
        }
    }
    let mut json = versions_of(R::NAME).pop().expect("a schema file").json();
    walk(&mut json, &change);
    Schema::parse_str(&json.to_string()).expect("an evolved schema")
}

/// A later version: one field more in front and one more at the end of each record definition.
fn later<R: Record>() -> Schema {
    changed::<R>(|fields| {
        fields.insert(0, json!({ "name": NUMBER, "type": "long", "default": 7 }));
        fields.push(json!({ "name": TEXT, "type": ["null", "string"], "default": null }));
    })
}

/// An earlier version: as if the optional fields had been added since.
fn earlier<R: Record>() -> Schema {
    changed::<R>(|fields| fields.retain(|field| field.get("default").is_none()))
}

/// Reads a datum of the compiled schema as a reader of another version does.
fn read_as<R: Record>(reader: &Schema, mut datum: &[u8]) -> Avro {
    GenericDatumReader::builder(R::codec().schema())
        .reader_schema(reader)
        .build()
        .and_then(|by| by.read_value(&mut datum))
        .unwrap_or_else(|error| panic!("{}: {error}", R::FULL_NAME))
}

fn write(schema: &Schema, value: Avro) -> Vec<u8> {
    GenericDatumWriter::builder(schema)
        .build()
        .and_then(|by| by.write_value_to_vec(value))
        .unwrap_or_else(|error| panic!("{error}"))
}

/// Checks that the added fields have their defaults, and gives them other values.
fn fill_added(value: &mut Avro) {
    match value {
        Avro::Record(fields) => {
            assert_eq!(fields.first(), Some(&(NUMBER.to_owned(), Avro::Long(7))));
            let absent = Avro::Union(0, Box::new(Avro::Null));
            assert_eq!(fields.last(), Some(&(TEXT.to_owned(), absent)));
            for (name, field) in fields {
                match name.as_str() {
                    NUMBER => *field = Avro::Long(-1),
                    TEXT => *field = Avro::Union(1, Box::new(Avro::String("later".to_owned()))),
                    _ => fill_added(field),
                }
            }
        }
        Avro::Array(items) => items.iter_mut().for_each(fill_added),
        Avro::Union(_, inner) => fill_added(inner),
        _ => {}
    }
}

/// The bytes that a later version writes for a value of this one.
fn later_datum<R: Record>(later: &Schema, datum: &[u8]) -> Vec<u8> {
    let mut value = read_as::<R>(later, datum);
    fill_added(&mut value);
    write(later, value)
}

/// The value without its optional fields.
fn without_optional(schema: &Value, value: &mut Value) {
    match (schema, value) {
        (Value::Object(record), Value::Object(object)) if record.contains_key("fields") => {
            for field in schema["fields"].as_array().expect("fields") {
                let inner = &mut object[field["name"].as_str().expect("a name")];
                match field.get("default") {
                    Some(default) => *inner = default.clone(),
                    None => without_optional(&field["type"], inner),
                }
            }
        }
        (Value::Object(array), Value::Array(items)) if array.contains_key("items") => {
            items.iter_mut().for_each(|item| without_optional(&array["items"], item));
        }
        _ => {}
    }
}

#[test]
fn what_a_later_version_writes_reads_as_this_one_and_what_this_one_writes_as_a_later() {
    struct Check;
    impl Visitor for Check {
        fn visit<R: Record + PartialEq + Debug>(&mut self) {
            let later = later::<R>();
            for example in example::current(R::NAME) {
                let evolved = later_datum::<R>(&later, &example.datum());
                let read = R::from_datum_written_by(&later, &evolved).expect(R::FULL_NAME);
                assert_eq!(read, example.typed::<R>(), "{}", R::FULL_NAME);
            }
        }
    }
    visit_all(&mut Check);
}

#[test]
fn what_an_earlier_version_wrote_reads_with_the_optional_fields_absent() {
    struct Check;
    impl Visitor for Check {
        fn visit<R: Record + PartialEq + Debug>(&mut self) {
            let schema = versions_of(R::NAME).pop().expect("a schema file").json();
            let earlier = earlier::<R>();
            for example in example::current(R::NAME) {
                let old = write(&earlier, read_as::<R>(&earlier, &example.datum()));
                let read = R::from_datum_written_by(&earlier, &old).expect(R::FULL_NAME);
                let mut expected = example.value.clone();
                without_optional(&schema, &mut expected);
                assert_eq!(serde_json::to_value(&read).expect("JSON"), expected);
            }
        }
    }
    visit_all(&mut Check);
}

#[test]
fn a_datum_of_another_version_that_is_cut_off_or_too_long_is_an_error() {
    struct Check;
    impl Visitor for Check {
        fn visit<R: Record + PartialEq + Debug>(&mut self) {
            let later = later::<R>();
            for example in example::current(R::NAME) {
                let mut evolved = later_datum::<R>(&later, &example.datum());
                for length in 0..evolved.len() {
                    let read = R::from_datum_written_by(&later, &evolved[..length]);
                    assert!(
                        matches!(read, Err(Error::Malformed { .. })),
                        "{}, {}: {length} bytes of {} read as {read:?}",
                        R::FULL_NAME,
                        example.name,
                        evolved.len(),
                    );
                }
                evolved.push(0);
                let read = R::from_datum_written_by(&later, &evolved);
                assert!(matches!(read, Err(Error::Trailing { bytes: 1, .. })));
            }
        }
    }
    visit_all(&mut Check);
}
