//! Released bytes decode for ever: every record against the golden files in `tests/golden/`.

mod contract;

use std::{collections::BTreeSet, fmt::Debug};

use contract::{
    Visitor,
    example::{self, Example, Golden, bytes, hex, is_internal},
    names, schema_file, visit_all,
};
use events::{
    Command, Event, Kind,
    codec::{Confluent, Record},
    id,
};
use serde_json::Value;

#[test]
fn every_released_schema_has_golden_bytes_and_every_golden_file_a_schema() {
    let schemas: BTreeSet<(String, u32)> =
        schema_file::all().into_iter().map(|file| (file.name, file.version)).collect();
    let golden: BTreeSet<(String, u32)> = example::all().into_iter().collect();
    assert_eq!(golden, schemas);
}

#[test]
fn released_bytes_decode_to_the_values_beside_them_and_those_encode_to_the_bytes() {
    struct Check;
    impl Visitor for Check {
        fn visit<R: Record + PartialEq + Debug>(&mut self) {
            let versions = schema_file::versions_of(R::NAME);
            let (current, older) = versions.split_last().expect("a schema file");
            fill_in::<R>(current.version);
            for example in &read::<R>(current.version).examples {
                check_current::<R>(example);
            }
            for file in older {
                for example in &read::<R>(file.version).examples {
                    check_older::<R>(&file.schema(), example);
                }
            }
        }
    }
    visit_all(&mut Check);
}

fn read<R: Record>(version: u32) -> Golden {
    let golden = example::read(R::NAME, version);
    assert_eq!(golden.record, R::FULL_NAME);
    assert!(!golden.examples.is_empty(), "{} has no example", R::NAME);
    golden
}

fn check_current<R: Record + PartialEq + Debug>(example: &Example) {
    let about = format!("{}, {}", R::FULL_NAME, example.name);
    let value: R = example.typed();
    let as_json = serde_json::to_value(&value).expect("JSON");
    assert_eq!(as_json, example.value, "{about}: a field is missing or misspelt in the file");

    let datum = example.datum();
    assert_eq!(R::from_datum(&datum).expect(&about), value, "{about}");
    assert_eq!(hex(&value.to_datum()), hex(&datum), "{about}");
    let by_itself = R::from_datum_written_by(R::codec().schema(), &datum);
    assert_eq!(by_itself.expect(&about), value, "{about}");

    assert_eq!(example.single_object.is_some(), is_internal::<R>(), "{about}");
    if let Some(single_object) = &example.single_object {
        assert_eq!(hex(&value.to_single_object()), *single_object, "{about}");
        assert_eq!(R::from_single_object(&bytes(single_object)).expect(&about), value, "{about}");
    }
}

/// An older version holds less than the type, but what it holds must come back unchanged.
fn check_older<R: Record>(writer: &apache_avro::Schema, example: &Example) {
    let about = format!("{}, {}", R::FULL_NAME, example.name);
    let value = R::from_datum_written_by(writer, &example.datum()).expect(&about);
    let as_json = serde_json::to_value(&value).expect("JSON");
    assert!(contains(&as_json, &example.value), "{about}: {as_json}");
}

fn contains(whole: &Value, part: &Value) -> bool {
    match (whole, part) {
        (Value::Object(whole), Value::Object(part)) => part
            .iter()
            .all(|(name, part)| whole.get(name).is_some_and(|whole| contains(whole, part))),
        (Value::Array(whole), Value::Array(part)) => {
            whole.len() == part.len() && whole.iter().zip(part).all(|(w, p)| contains(w, p))
        }
        (whole, part) => whole == part,
    }
}

/// Adds absent bytes, when asked to; bytes that are there stay.
fn fill_in<R: Record>(version: u32) {
    if std::env::var_os("SPILLWAY_GOLDEN").is_none_or(|wish| wish != "add") {
        return;
    }
    let mut golden = read::<R>(version);
    for example in &mut golden.examples {
        let value: R = example.typed();
        example.datum.get_or_insert_with(|| hex(&value.to_datum()));
        if is_internal::<R>() {
            example.single_object.get_or_insert_with(|| hex(&value.to_single_object()));
        }
    }
    let text = serde_json::to_string_pretty(&golden).expect("JSON") + "\n";
    std::fs::write(example::path_of(R::NAME, version), text).expect("a golden file");
}

#[test]
fn every_optional_field_list_and_enum_symbol_stands_in_the_examples_in_each_of_its_forms() {
    for (name, _) in names() {
        let file = schema_file::versions_of(name).pop().expect("a schema file");
        let mut wanted = BTreeSet::new();
        let mut seen = BTreeSet::new();
        let schema = file.json();
        let examples = example::current(name);
        let values: Vec<&Value> = examples.iter().map(|example| &example.value).collect();
        shapes(name, &schema, &values, &mut wanted, &mut seen);
        let missing: Vec<&String> = wanted.difference(&seen).collect();
        assert_eq!(missing, Vec::<&String>::new(), "{name}");
    }
}

/// Collects the forms that a schema allows below `at`, and those that the values there have.
fn shapes(
    at: &str,
    schema: &Value,
    values: &[&Value],
    wanted: &mut BTreeSet<String>,
    seen: &mut BTreeSet<String>,
) {
    let mut note = |form: &str, is_there: bool| {
        wanted.insert(format!("{at}: {form}"));
        if is_there {
            seen.insert(format!("{at}: {form}"));
        }
    };
    match (schema, schema["type"].as_str()) {
        (Value::Array(branches), _) => {
            note("absent", values.iter().any(|value| value.is_null()));
            note("present", values.iter().any(|value| !value.is_null()));
            let present: Vec<&Value> = values.iter().copied().filter(|v| !v.is_null()).collect();
            shapes(at, branches.last().expect("a branch"), &present, wanted, seen);
        }
        (_, Some("array")) => {
            let lists: Vec<&Vec<Value>> = values.iter().filter_map(|v| v.as_array()).collect();
            note("empty", lists.iter().any(|list| list.is_empty()));
            note("filled", lists.iter().any(|list| !list.is_empty()));
            let items: Vec<&Value> = lists.into_iter().flatten().collect();
            shapes(&format!("{at}[]"), &schema["items"], &items, wanted, seen);
        }
        (_, Some("enum")) => {
            for symbol in schema["symbols"].as_array().expect("symbols") {
                note(symbol.as_str().expect("a symbol"), values.contains(&symbol));
            }
        }
        (_, Some("record")) => {
            for field in schema["fields"].as_array().expect("fields") {
                let name = field["name"].as_str().expect("a name");
                let inner: Vec<&Value> = values.iter().filter_map(|v| v.get(name)).collect();
                shapes(&format!("{at}.{name}"), &field["type"], &inner, wanted, seen);
            }
        }
        _ => {}
    }
}

#[test]
fn golden_bytes_find_their_own_variant_of_the_union() {
    for name in Command::NAMES {
        for example in example::current(name) {
            let single_object = bytes(&example.single_object.expect("a single object"));
            let command = Command::from_single_object(&single_object).expect("a command");
            assert_eq!(command.name(), *name);
            assert_eq!(command.to_single_object(), single_object);
        }
    }
    for (name, full_name) in Event::NAMES.iter().zip(Event::FULL_NAMES) {
        for example in example::current(name) {
            let event = Event::from_datum(full_name, &example.datum()).expect("an event");
            assert_eq!(event.name(), *name);
            assert_eq!(event.to_datum(), example.datum());
        }
    }
}

#[test]
fn the_confluent_frame_is_a_zero_byte_the_schema_id_and_the_datum() {
    let value = Confluent::frame(0x0102_0304, &[0xaa, 0xbb]);
    assert_eq!(hex(&value), "0001020304aabb");
    let opened = Confluent::open(&value).expect("a frame");
    assert_eq!((opened.schema_id, opened.datum), (0x0102_0304, &[0xaa, 0xbb][..]));
}

#[test]
fn derived_ids_stay_what_they_were_so_that_old_retries_still_meet() {
    let command = id::command_id("anonymous", Kind::Orders, "order-1", "key-1");
    assert_eq!(command.to_string(), "af95e7bf-285d-5725-ba53-adabf521f3ef");
    let command = id::command_id("anonymous", Kind::Products, "TEA-1", "key-1");
    assert_eq!(command.to_string(), "a0c8896f-5dc9-53f4-b915-50c53cee44e7");
    assert_eq!(
        id::order_id("anonymous", "key-1").to_string(),
        "2d56b3cf-56b0-5b7d-91be-fd90809c1177"
    );
}
