//! The two macros that bind Rust types to schema files.

/// What a record of a union says of itself beside its type, so that the union need not know it.
pub(crate) trait Described {
    type About: 'static;
    const ABOUT: Self::About;

    /// The identity that the record is keyed by; empty where it has none.
    fn key(&self) -> &str;
}

/// Binds a type to its schema file below `schemas/`.
macro_rules! record {
    ($type:ident, $namespace:literal, $file:literal) => {
        impl $crate::codec::Record for $type {
            const NAME: &'static str = stringify!($type);
            const FULL_NAME: &'static str = concat!($namespace, ".", stringify!($type));
            const SCHEMA: &'static str =
                include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../schemas/", $file));

            fn codec() -> &'static $crate::codec::Codec {
                static CODEC: std::sync::LazyLock<$crate::codec::Codec> =
                    std::sync::LazyLock::new(|| {
                        $crate::codec::Codec::new(
                            <$type as $crate::codec::Record>::NAME,
                            <$type as $crate::codec::Record>::SCHEMA,
                        )
                    });
                &CODEC
            }
        }
    };
}

/// An enum of records, with everything that must be done once per record.
macro_rules! record_union {
    ($(#[$meta:meta])* pub enum $union:ident: $about:ident { $($record:ident,)+ }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum $union {
            $($record($record),)+
        }

        $(impl From<$record> for $union {
            fn from(record: $record) -> Self {
                $union::$record(record)
            }
        })+

        /// As the record alone, with the field names of its schema.
        impl serde::Serialize for $union {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                match self { $($union::$record(record) => record.serialize(serializer),)+ }
            }
        }

        impl $union {
            /// Names without the namespace, in the order of the enum.
            pub const NAMES: &'static [&'static str] = &[$(<$record as Record>::NAME,)+];
            /// Names with the namespace, in the order of the enum.
            pub const FULL_NAMES: &'static [&'static str] = &[$(<$record as Record>::FULL_NAME,)+];

            /// What the records say of themselves, in the order of the enum.
            #[allow(dead_code, reason = "of one union only the records themselves are asked")]
            const ABOUT: &'static [$about] = &[$(<$record as Described>::ABOUT,)+];

            fn about(&self) -> &'static $about {
                match self { $($union::$record(_) => &<$record as Described>::ABOUT,)+ }
            }

            fn record_key(&self) -> &str {
                match self { $($union::$record(record) => Described::key(record),)+ }
            }

            /// The record's name without the namespace.
            pub fn name(&self) -> &'static str {
                match self { $($union::$record(_) => <$record as Record>::NAME,)+ }
            }

            /// The record's name with the namespace.
            pub fn full_name(&self) -> &'static str {
                match self { $($union::$record(_) => <$record as Record>::FULL_NAME,)+ }
            }

            /// The compiled-in schema text of a full name.
            pub fn schema_of(full_name: &str) -> Option<&'static str> {
                $(if full_name == <$record as Record>::FULL_NAME {
                    return Some(<$record as Record>::SCHEMA);
                })+
                None
            }

            /// The codec of a full name.
            pub fn codec_of(full_name: &str) -> Option<&'static codec::Codec> {
                $(if full_name == <$record as Record>::FULL_NAME {
                    return Some(<$record as Record>::codec());
                })+
                None
            }

            /// The Avro datum, without any prefix.
            pub fn to_datum(&self) -> Vec<u8> {
                match self { $($union::$record(record) => record.to_datum(),)+ }
            }

            /// Reads a datum written with the compiled schema of `full_name`.
            pub fn from_datum(full_name: &str, datum: &[u8]) -> Result<Self, codec::Error> {
                $(if full_name == <$record as Record>::FULL_NAME {
                    return $record::from_datum(datum).map($union::$record);
                })+
                Err(codec::Error::UnknownRecord(full_name.to_owned()))
            }

            /// Reads a datum of `full_name` written with another version of its schema.
            pub fn from_datum_written_by(
                full_name: &str,
                writer: &apache_avro::Schema,
                datum: &[u8],
            ) -> Result<Self, codec::Error> {
                $(if full_name == <$record as Record>::FULL_NAME {
                    return $record::from_datum_written_by(writer, datum).map($union::$record);
                })+
                Err(codec::Error::UnknownRecord(full_name.to_owned()))
            }

            /// Avro single-object encoding.
            pub fn to_single_object(&self) -> Vec<u8> {
                match self { $($union::$record(record) => record.to_single_object(),)+ }
            }

            /// Reads a single object by its fingerprint.
            pub fn from_single_object(bytes: &[u8]) -> Result<Self, codec::Error> {
                let fingerprint = codec::fingerprint_of(bytes)?;
                $(if fingerprint == <$record as Record>::codec().fingerprint() {
                    return $record::from_single_object(bytes).map($union::$record);
                })+
                Err(codec::Error::UnknownSchema(fingerprint))
            }
        }
    };
}

pub(crate) use {record, record_union};
