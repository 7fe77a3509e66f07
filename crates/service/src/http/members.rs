//! The members of a JSON object that is read before it is known what it is.
//!
//! Of a member that stands twice, readers take one or the other (RFC 8259, 4). A struct refuses it; so
//! does this, in the objects within too.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{self, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Value};

/// An object none of whose members stands twice.
#[derive(Debug, Clone, PartialEq)]
pub struct Members(pub Map<String, Value>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match deserializer.deserialize_map(Unique)? {
            Value::Object(members) => Ok(Self(members)),
            _ => Err(de::Error::custom("expected an object")),
        }
    }
}

/// A value whose objects are such.
struct Within(Value);

impl<'de> Deserialize<'de> for Within {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Unique).map(Self)
    }
}

struct Unique;

impl<'de> Visitor<'de> for Unique {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(Within(item)) = items.next_element()? {
            list.push(item);
        }
        Ok(list.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            if object.contains_key(&name) {
                return Err(de::Error::custom(format!("duplicate field `{name}`")));
            }
            let Within(value) = members.next_value()?;
            object.insert(name, value);
        }
        Ok(object.into())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_object_is_read_as_it_is() {
        let text = r#"{"a": [1, -2, 2.5, "x", null, true, {"b": {}}], "c": "d"}"#;
        let Members(members) = serde_json::from_str(text).unwrap();
        let all = json!({"a": [1, -2, 2.5, "x", null, true, {"b": {}}], "c": "d"});
        assert_eq!(Value::Object(members), all);
    }

    #[test]
    fn a_member_that_stands_twice_is_refused_wherever_it_stands() {
        for text in [r#"{"a": 1, "a": 1}"#, r#"{"l": [{"q": 1, "q": 2}]}"#] {
            let error = serde_json::from_str::<Members>(text).unwrap_err().to_string();
            assert!(error.starts_with("duplicate field `"), "{error}");
        }
        for text in ["[1]", "1", "null"] {
            assert!(serde_json::from_str::<Members>(text).is_err(), "{text}");
        }
    }
}
