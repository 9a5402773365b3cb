//! JSON objects, written and read by generated impls.
//!
//! What a derive would expand to in every type is here once. Nothing is buffered: fields go straight
//! from the parser into their slots, and straight from the struct to the writer.

use std::{borrow::Cow, collections::BTreeMap, fmt, marker::PhantomData, str::FromStr};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error as _, IgnoredAny, MapAccess, Visitor},
    ser::SerializeMap,
};
use serde_json::{Map, Value};

use crate::{Nullable, number::Integral};

/// Writes one object, field by field.
///
/// The first failure is kept: nothing is written after it, and [`end`](Self::end) returns it. A `?` at
/// every field would say the same, and is what most of the time to compile a model crate would go to.
#[derive(Debug)]
pub struct Writer<'a, M: SerializeMap> {
    map: M,
    extra: Option<&'a Map<String, Value>>,
    failed: Option<M::Error>,
}

impl<'a, M: SerializeMap> Writer<'a, M> {
    /// Starts an object.
    ///
    /// # Errors
    ///
    /// As the serializer.
    pub fn new<S: Serializer<SerializeMap = M, Error = M::Error>>(serializer: S) -> Result<Self, M::Error> {
        Ok(Self { map: serializer.serialize_map(None)?, extra: None, failed: None })
    }

    /// Starts an object to which `extra` is added; it wins over fields of the same name.
    ///
    /// # Errors
    ///
    /// As the serializer.
    pub fn with_extra<S: Serializer<SerializeMap = M, Error = M::Error>>(
        serializer: S,
        extra: &'a Map<String, Value>,
    ) -> Result<Self, M::Error> {
        let extra = Some(extra).filter(|extra| !extra.is_empty());
        Ok(Self { map: serializer.serialize_map(None)?, extra, failed: None })
    }

    /// Writes a field.
    pub fn put<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) {
        let given_otherwise = self.extra.is_some_and(|extra| extra.contains_key(key));
        if self.failed.is_none() && !given_otherwise {
            self.failed = self.map.serialize_entry(key, value).err();
        }
    }

    /// Writes a field, or nothing for `None`.
    pub fn optional<T: Serialize>(&mut self, key: &'static str, value: &Option<T>) {
        if let Some(value) = value {
            self.put(key, value);
        }
    }

    /// Ends the object.
    ///
    /// # Errors
    ///
    /// As the first field that could not be written, or as the serializer.
    pub fn end(mut self) -> Result<M::Ok, M::Error> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        for (key, value) in self.extra.into_iter().flatten() {
            self.map.serialize_entry(key, value)?;
        }
        self.map.end()
    }
}

/// A type that is read from an object. Hidden, because in the docs of every struct it says nothing to its readers.
#[doc(hidden)]
pub trait Object<'de>: Sized {
    /// The name of the type, for error messages.
    const NAME: &'static str;

    /// Reads every field. `None` where a required one was missing or the reading failed, which the reader
    /// knows more about.
    fn read<A: MapAccess<'de>>(object: &mut Reader<'de, A>) -> Option<Self>;
}

/// Reads an object into `T`.
///
/// # Errors
///
/// As the values and the deserializer; also when the value is not an object, or lacks a required field.
pub fn object<'de, T: Object<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    struct Fields<T>(PhantomData<fn() -> T>);

    impl<'de, T: Object<'de>> Visitor<'de> for Fields<T> {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "an object ({})", T::NAME)
        }

        fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
            let mut object = Reader { map, failed: None, de: PhantomData };
            let read = T::read(&mut object);
            match object.failed {
                Some(error) => Err(error),
                None => read.ok_or_else(|| A::Error::custom(format_args!("{} is incomplete", T::NAME))),
            }
        }
    }

    deserializer.deserialize_map(Fields(PhantomData))
}

/// The fields of an object that is being read.
///
/// The first failure is kept: there are no more keys after it, and [`object`] returns it.
#[derive(Debug)]
pub struct Reader<'de, A: MapAccess<'de>> {
    map: A,
    failed: Option<A::Error>,
    de: PhantomData<&'de ()>,
}

impl<'de, A: MapAccess<'de>> Reader<'de, A> {
    /// The name of the next field, `None` after the last one.
    pub fn key(&mut self) -> Option<Cow<'de, str>> {
        self.attempt(|map| map.next_key::<Key<'de>>())?.map(|Key(key)| key)
    }

    /// Reads the value of the field. `null` is a value, which most types refuse.
    pub fn value<T: Deserialize<'de>>(&mut self, slot: &mut Option<T>) {
        *slot = self.next();
    }

    /// Reads the value of the field, where `null` means the same as no field.
    pub fn or_null<T: Deserialize<'de>>(&mut self, slot: &mut Option<T>) {
        *slot = self.next::<Option<T>>().flatten();
    }

    /// As [`value`](Self::value), for integers, which may be written as `28.0`.
    pub fn integer<T: Integers<'de>>(&mut self, slot: &mut Option<T>) {
        *slot = self.next().map(|Whole(value)| value);
    }

    /// As [`or_null`](Self::or_null), for integers, which may be written as `28.0`.
    pub fn integer_or_null<T: Integers<'de>>(&mut self, slot: &mut Option<T>) {
        *slot = self.next::<Option<Whole<T>>>().flatten().map(|Whole(value)| value);
    }

    /// Keeps the value of a field that the type does not know.
    pub fn extra(&mut self, key: Cow<'de, str>, extra: &mut Map<String, Value>) {
        if let Some(value) = self.next() {
            extra.insert(key.into_owned(), value);
        }
    }

    /// Passes over the value of a field that the type does not know.
    pub fn skip(&mut self) {
        let _ = self.next::<IgnoredAny>();
    }

    /// Refuses a field that the type does not know, where the schema allows no others.
    pub fn refuse(&mut self, key: &str) {
        self.fail(|| A::Error::custom(format_args!("unknown field `{key}`")));
    }

    /// What was read for a field that must be there.
    pub fn required<T>(&mut self, key: &'static str, slot: Option<T>) -> Option<T> {
        if slot.is_none() {
            self.fail(|| A::Error::missing_field(key));
        }
        slot
    }

    fn next<T: Deserialize<'de>>(&mut self) -> Option<T> {
        self.attempt(A::next_value)
    }

    /// What `read` gives, unless something failed before or fails now.
    fn attempt<T>(&mut self, read: impl FnOnce(&mut A) -> Result<T, A::Error>) -> Option<T> {
        if self.failed.is_some() {
            return None;
        }
        read(&mut self.map).map_err(|error| self.failed = Some(error)).ok()
    }

    fn fail(&mut self, error: impl FnOnce() -> A::Error) {
        self.failed.get_or_insert_with(error);
    }
}

/// An integer, or what holds integers. JSON has one number type, so `28.0` is the integer 28.
pub trait Integers<'de>: Sized {
    /// Reads the value.
    ///
    /// # Errors
    ///
    /// When it is none, or an integer in it is none.
    fn read<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error>;
}

impl<'de> Integers<'de> for i64 {
    fn read<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_i64(Integral)
    }
}

impl<'de, T: Integers<'de>> Integers<'de> for Vec<T> {
    fn read<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Vec::<Whole<T>>::deserialize(deserializer)?.into_iter().map(|Whole(value)| value).collect())
    }
}

impl<'de, T: Integers<'de>> Integers<'de> for BTreeMap<String, T> {
    fn read<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let read = BTreeMap::<String, Whole<T>>::deserialize(deserializer)?;
        Ok(read.into_iter().map(|(key, Whole(value))| (key, value)).collect())
    }
}

impl<'de, T: Integers<'de>> Integers<'de> for Option<T> {
    fn read<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Option::<Whole<T>>::deserialize(deserializer)?.map(|Whole(value)| value))
    }
}

impl<'de, T: Integers<'de>> Integers<'de> for Nullable<T> {
    fn read<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Option::read(deserializer).map(Self::from)
    }
}

/// Reads through [`Integers`] where serde wants `Deserialize`.
struct Whole<T>(T);

impl<'de, T: Integers<'de>> Deserialize<'de> for Whole<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::read(deserializer).map(Self)
    }
}

/// A field name, borrowed from the input where it can be.
struct Key<'de>(Cow<'de, str>);

impl<'de> Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct KeyVisitor;

        impl<'de> Visitor<'de> for KeyVisitor {
            type Value = Key<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a field name")
            }

            fn visit_borrowed_str<E>(self, key: &'de str) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Borrowed(key)))
            }

            fn visit_str<E>(self, key: &str) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Owned(key.to_owned())))
            }

            fn visit_string<E>(self, key: String) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Owned(key)))
            }
        }

        deserializer.deserialize_str(KeyVisitor)
    }
}

/// Reads a text through [`FromStr`].
///
/// # Errors
///
/// When the value is not a text, or the text not a `T`.
pub fn parse<'de, T: FromStr<Err: fmt::Display>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    text(deserializer, T::from_str)?.map_err(D::Error::custom)
}

/// Reads a text without keeping it.
///
/// # Errors
///
/// When the value is not a text.
pub fn text<'de, T, D: Deserializer<'de>>(
    deserializer: D,
    read: impl FnOnce(&str) -> T,
) -> Result<T, D::Error> {
    let Key(text) = Key::deserialize(deserializer)?;
    Ok(read(&text))
}

/// Reads an integer, also one written as `28.0`.
///
/// # Errors
///
/// When the value is not an integer, or `read` refuses it.
pub fn integer<'de, T, E: fmt::Display, D: Deserializer<'de>>(
    deserializer: D,
    read: impl FnOnce(i64) -> Result<T, E>,
) -> Result<T, D::Error> {
    read(deserializer.deserialize_i64(Integral)?).map_err(D::Error::custom)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[derive(Debug, PartialEq)]
    struct Two {
        a: bool,
        b: Option<bool>,
    }

    impl<'de> Object<'de> for Two {
        const NAME: &'static str = "Two";

        fn read<A: MapAccess<'de>>(object: &mut Reader<'de, A>) -> Option<Self> {
            let (mut a, mut b) = (None, None);
            while let Some(key) = object.key() {
                match &*key {
                    "a" => object.value(&mut a),
                    "b" => object.or_null(&mut b),
                    "c" => object.refuse(&key),
                    _ => object.skip(),
                }
            }
            Some(Self { a: object.required("a", a)?, b })
        }
    }

    fn read(json: &str) -> Result<Two, String> {
        object(&mut serde_json::Deserializer::from_str(json)).map_err(|error| error.to_string())
    }

    #[test]
    fn objects_are_read_in_any_order() {
        assert_eq!(read(r#"{"b": null, "x": [1], "a": true}"#), Ok(Two { a: true, b: None }));
    }

    #[test]
    fn the_first_failure_is_the_one_returned() {
        assert_eq!(read("{}").unwrap_err(), "missing field `a` at line 1 column 2");
        assert!(
            read(r#"{"b": 1}"#).unwrap_err().starts_with("invalid type: integer `1`, expected a boolean")
        );
        assert!(read(r#"{"a": 1, "b": "x"}"#).unwrap_err().starts_with("invalid type: integer `1`"));
        assert!(read(r#"{"c": 1, "a": 1}"#).unwrap_err().starts_with("unknown field `c`"));
        assert!(read(r#"{"a": true, "#).unwrap_err().starts_with("EOF while parsing"));
        assert!(read("[]").unwrap_err().contains("expected an object (Two)"));
    }

    /// Counts what is read of it, and fails from the second value on.
    struct Failing(u32);

    impl<'de> MapAccess<'de> for &mut Failing {
        type Error = serde_json::Error;

        fn next_key_seed<K: serde::de::DeserializeSeed<'de>>(
            &mut self,
            seed: K,
        ) -> Result<Option<K::Value>, Self::Error> {
            seed.deserialize(serde::de::value::BorrowedStrDeserializer::new("a")).map(Some)
        }

        fn next_value_seed<V: serde::de::DeserializeSeed<'de>>(
            &mut self,
            seed: V,
        ) -> Result<V::Value, Self::Error> {
            self.0 += 1;
            if self.0 > 1 {
                return Err(serde_json::Error::custom(format_args!("value {}", self.0)));
            }
            seed.deserialize(serde::de::value::BoolDeserializer::new(true))
        }
    }

    #[test]
    fn nothing_is_read_after_a_failure() {
        let mut map = Failing(0);
        let mut reader = Reader { map: &mut map, failed: None, de: PhantomData };
        let mut slot = None::<bool>;
        assert_eq!(reader.key().as_deref(), Some("a"));
        reader.value(&mut slot);
        assert_eq!(slot, Some(true));
        for _ in 0..3 {
            reader.value(&mut slot);
            assert_eq!(slot, None);
            assert_eq!(reader.key(), None);
        }
        reader.skip();
        reader.refuse("b");
        assert_eq!(reader.required("a", slot), None);
        assert_eq!(reader.failed.unwrap().to_string(), "value 2");
        assert_eq!(map.0, 2);
    }

    #[test]
    fn nothing_is_written_after_a_failure() {
        struct Refusing(&'static str);

        impl Serialize for Refusing {
            fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
                Err(serde::ser::Error::custom(self.0))
            }
        }

        struct Outer;

        impl Serialize for Outer {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let mut object = Writer::new(serializer)?;
                object.put("a", &true);
                object.put("b", &Refusing("first"));
                object.optional("c", &Some(Refusing("second")));
                object.put("d", &true);
                object.end()
            }
        }

        let mut written = Vec::new();
        let error = serde_json::to_writer(&mut written, &Outer).unwrap_err();
        assert_eq!(error.to_string(), "first");
        assert_eq!(String::from_utf8(written).unwrap(), r#"{"a":true,"b":"#);
    }

    #[test]
    fn extra_wins_over_fields() {
        let extra = Map::from_iter([("a".to_owned(), Value::from(2)), ("z".to_owned(), Value::Null)]);
        let mut object = Writer::with_extra(serde_json::value::Serializer, &extra).unwrap();
        object.put("a", &1);
        object.put("b", &1);
        assert_eq!(object.end().unwrap(), serde_json::json!({ "b": 1, "a": 2, "z": null }));
    }
}
