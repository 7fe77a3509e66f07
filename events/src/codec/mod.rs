//! Avro: one codec per record, made once, on the serde path that never builds a `Value`.

mod confluent;
mod single_object;
mod union;
mod whole;

use apache_avro::{
    Schema, rabin::Rabin, reader::datum::GenericDatumReader, writer::datum::GenericDatumWriter,
};
use serde::{Serialize, de::DeserializeOwned};

pub use confluent::{Confluent, PREFIX_BYTES};
pub(crate) use union::{Described, record, record_union};
use whole::Whole;

/// The most that one decoded string or array may claim to hold, in bytes.
const ALLOCATION_BYTES_MAX: usize = 1 << 20;

/// A record of the contract: a Rust type with its compiled-in schema.
pub trait Record: Serialize + DeserializeOwned {
    /// Name without the namespace, such as `OrderPlaced`.
    const NAME: &'static str;
    /// Name with the namespace, such as `spillway.events.OrderPlaced`.
    const FULL_NAME: &'static str;
    /// The schema file's text.
    const SCHEMA: &'static str;

    /// The codec of this record, made at first use.
    fn codec() -> &'static Codec;

    /// The Avro datum, without any prefix.
    fn to_datum(&self) -> Vec<u8> {
        Self::codec().encode(self)
    }

    /// Reads a datum written with the compiled schema.
    fn from_datum(datum: &[u8]) -> Result<Self, Error> {
        Self::codec().decode(datum)
    }

    /// Reads a datum written with another version of the schema, by Avro's resolution rules.
    fn from_datum_written_by(writer: &Schema, datum: &[u8]) -> Result<Self, Error> {
        Self::codec().decode_written_by(writer, datum)
    }

    /// Avro single-object encoding: two marker bytes, the schema's fingerprint, the datum.
    fn to_single_object(&self) -> Vec<u8> {
        single_object::frame(Self::codec().fingerprint, &self.to_datum())
    }

    /// Reads what [`Record::to_single_object`] wrote; another fingerprint is an unknown schema.
    fn from_single_object(bytes: &[u8]) -> Result<Self, Error> {
        let (fingerprint, datum) = single_object::open(bytes)?;
        if fingerprint != Self::codec().fingerprint {
            return Err(Error::UnknownSchema(fingerprint));
        }
        Self::from_datum(datum)
    }
}

/// Why bytes could not be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the value does not start with the two marker bytes of an Avro single object")]
    NotSingleObject,
    #[error("the value does not start with the five bytes of the Confluent wire format")]
    NotConfluent,
    #[error("no schema with fingerprint {0:016x} is known here")]
    UnknownSchema(u64),
    #[error("no record named {0} is known here")]
    UnknownRecord(String),
    #[error("{record}: the bytes do not follow the schema: {source}")]
    Malformed { record: &'static str, source: Box<apache_avro::Error> },
    #[error("{record}: {bytes} bytes follow the end of the record")]
    Trailing { record: &'static str, bytes: usize },
}

/// Reader and writer of one schema.
#[derive(Debug)]
pub struct Codec {
    name: &'static str,
    schema: &'static Schema,
    fingerprint: u64,
    writer: Writer,
    reader: Reader,
}

struct Writer(GenericDatumWriter<'static>);
struct Reader(GenericDatumReader<'static>);

impl std::fmt::Debug for Writer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Writer")
    }
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Reader")
    }
}

impl Codec {
    /// Builds the codec of a schema that was compiled in.
    ///
    /// # Panics
    /// When the text is no valid schema; a test builds the codec of every record.
    pub(crate) fn new(name: &'static str, text: &str) -> Self {
        apache_avro::util::max_allocation_bytes(ALLOCATION_BYTES_MAX);
        let schema = Schema::parse_str(text)
            .unwrap_or_else(|e| panic!("the compiled-in schema of {name} is invalid: {e}"));
        // One leak per record type and process: reader and writer borrow their schema for ever.
        let schema: &'static Schema = Box::leak(Box::new(schema));
        let writer = GenericDatumWriter::builder(schema).build();
        let reader = GenericDatumReader::builder(schema).build();
        let (Ok(writer), Ok(reader)) = (writer, reader) else {
            panic!("the compiled-in schema of {name} does not resolve");
        };
        Self {
            name,
            schema,
            fingerprint: fingerprint(schema),
            writer: Writer(writer),
            reader: Reader(reader),
        }
    }

    /// The compiled-in schema.
    pub fn schema(&self) -> &'static Schema {
        self.schema
    }

    /// CRC-64-AVRO of the schema's canonical form, as in the single-object encoding.
    pub fn fingerprint(&self) -> u64 {
        self.fingerprint
    }

    fn encode<T: Serialize>(&self, value: &T) -> Vec<u8> {
        // The types mirror their schemas, and a test writes every record: this cannot fail on data.
        self.writer
            .0
            .write_ser_to_vec(value)
            .unwrap_or_else(|e| panic!("{} does not fit its own schema: {e}", self.name))
    }

    fn decode<T: DeserializeOwned>(&self, mut datum: &[u8]) -> Result<T, Error> {
        let value =
            self.reader.0.read_deser(&mut datum).map_err(|source| self.malformed(source))?;
        self.finish(value, datum)
    }

    fn decode_written_by<T: DeserializeOwned>(
        &self,
        writer: &Schema,
        datum: &[u8],
    ) -> Result<T, Error> {
        let mut datum = Whole(datum);
        let value = GenericDatumReader::builder(writer)
            .reader_schema(self.schema)
            .build()
            .and_then(|reader| reader.read_value(&mut datum))
            .and_then(|value| apache_avro::from_value(&value))
            .map_err(|source| self.malformed(source))?;
        self.finish(value, datum.0)
    }

    fn finish<T>(&self, value: T, rest: &[u8]) -> Result<T, Error> {
        match rest.len() {
            0 => Ok(value),
            bytes => Err(Error::Trailing { record: self.name, bytes }),
        }
    }

    fn malformed(&self, source: apache_avro::Error) -> Error {
        Error::Malformed { record: self.name, source: Box::new(source) }
    }
}

/// CRC-64-AVRO of a schema's canonical form.
///
/// The Avro library writes `{"type":"long"}` into the canonical form where a logical type stood; the
/// specification, and with it other implementations, writes `"long"`. Reading the form back makes it
/// the specified one.
pub fn fingerprint(schema: &Schema) -> u64 {
    let plain = Schema::parse_str(&schema.canonical_form());
    let bytes = plain.as_ref().unwrap_or(schema).fingerprint::<Rabin>().bytes;
    let mut little_endian = [0; 8];
    little_endian.copy_from_slice(&bytes[..8]);
    u64::from_le_bytes(little_endian)
}

/// True when both schemas are the same but for documentation and attributes that change no byte.
pub fn same_bytes(left: &Schema, right: &Schema) -> bool {
    left.canonical_form() == right.canonical_form()
}

/// The fingerprint that a single object carries.
pub fn fingerprint_of(bytes: &[u8]) -> Result<u64, Error> {
    single_object::open(bytes).map(|(fingerprint, _)| fingerprint)
}
