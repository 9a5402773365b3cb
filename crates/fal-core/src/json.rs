//! Reading and writing of JSON objects in generated impls.
//!
//! These functions hold once the code that a derive would expand to in every type. Nothing is buffered: values go
//! straight from the parser into variables, and straight from the struct to the serializer.

use std::{borrow::Cow, collections::BTreeMap, fmt, marker::PhantomData, str::FromStr};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor},
    ser::{self, SerializeMap, SerializeSeq},
};
use serde_json::{Map, Value};

pub use crate::choice::{Choice, Form, Listed, without_tag, write_tagged};
use crate::{Integer, choice::is_constant};

/// The fields that were `null`, and the optional constants that were absent, in the object that a struct was read from.
///
/// The fields are `None` in the struct, as absent fields are, and are written as `null` while they are. The constants are
/// not written. A field with a size that its type does not hold is `None` too, and is written as that size.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Nulls(BTreeMap<&'static str, Option<Integer>>);

impl Nulls {
    /// Returns true if the field was null, or the constant absent.
    #[must_use]
    pub fn contains(&self, key: &'static str) -> bool {
        self.0.contains_key(key)
    }

    /// Returns true if a field has a value or was null.
    #[must_use]
    pub fn is_present<T>(&self, key: &'static str, value: &Option<T>) -> bool {
        value.is_some() || self.contains(key)
    }
}

/// A writer of a JSON object, field by field.
///
/// It keeps the first error, writes nothing after it, and returns it from [`end`](Self::end). A `?` at every field
/// would do the same, but takes most of the time to compile a model crate.
#[derive(Debug)]
pub struct ObjectWriter<'a, M: SerializeMap> {
    map: M,
    extra: Option<&'a dyn ExtraFields<M>>,
    failed: Option<M::Error>,
}

/// Fields of an object that its type does not name.
pub trait ExtraFields<M: SerializeMap>: fmt::Debug {
    /// Returns true if there is a field of this name.
    fn has(&self, name: &str) -> bool;

    /// Writes all fields.
    ///
    /// # Errors
    ///
    /// Fails if the serializer does.
    fn write(&self, map: &mut M) -> Result<(), M::Error>;
}

impl<M: SerializeMap> ExtraFields<M> for Map<String, Value> {
    fn has(&self, name: &str) -> bool {
        self.contains_key(name)
    }

    fn write(&self, map: &mut M) -> Result<(), M::Error> {
        self.iter().try_for_each(|(name, value)| map.serialize_entry(name, value))
    }
}

impl<M: SerializeMap, T: Serialize + fmt::Debug> ExtraFields<M> for BTreeMap<String, T> {
    fn has(&self, name: &str) -> bool {
        self.contains_key(name)
    }

    fn write(&self, map: &mut M) -> Result<(), M::Error> {
        self.iter().try_for_each(|(name, value)| map.serialize_entry(name, value))
    }
}

impl<'a, M: SerializeMap> ObjectWriter<'a, M> {
    /// Starts an object.
    ///
    /// # Errors
    ///
    /// Fails if the serializer does.
    pub fn new<S: Serializer<SerializeMap = M, Error = M::Error>>(serializer: S) -> Result<Self, M::Error> {
        Ok(Self { map: serializer.serialize_map(None)?, extra: None, failed: None })
    }

    /// Starts an object that also gets the fields of `extra`, which replace fields of the same name.
    ///
    /// # Errors
    ///
    /// Fails if the serializer does.
    pub fn with_extra<S: Serializer<SerializeMap = M, Error = M::Error>>(
        serializer: S,
        extra: &'a dyn ExtraFields<M>,
    ) -> Result<Self, M::Error> {
        Ok(Self { map: serializer.serialize_map(None)?, extra: Some(extra), failed: None })
    }

    /// Writes a field.
    pub fn write<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) {
        let is_replaced = self.extra.is_some_and(|extra| extra.has(key));
        if self.failed.is_none() && !is_replaced {
            self.failed = self.map.serialize_entry(key, value).err();
        }
    }

    /// Writes a field if the value is `Some`.
    pub fn write_optional<T: Serialize>(&mut self, key: &'static str, value: &Option<T>) {
        if let Some(value) = value {
            self.write(key, value);
        }
    }

    /// Writes a field if the value is `Some`, or if the field was `null` when the object was read.
    pub fn write_nullable<T: Serialize>(&mut self, key: &'static str, value: &Option<T>, nulls: &Nulls) {
        match (value, nulls.0.get(key)) {
            (Some(value), _) => self.write(key, value),
            (None, Some(read)) => self.write(key, read),
            (None, None) => {}
        }
    }

    /// Writes the constant value of an optional field, unless the field was absent when the object was read.
    pub fn write_constant<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T, absent: &Nulls) {
        if !absent.0.contains_key(key) {
            self.write(key, value);
        }
    }

    /// Ends the object.
    ///
    /// # Errors
    ///
    /// Returns the error of the first field that could not be written.
    pub fn end(mut self) -> Result<M::Ok, M::Error> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        if let Some(extra) = self.extra {
            extra.write(&mut self.map)?;
        }
        self.map.end()
    }
}

/// A type that can be read from a JSON object.
pub trait ReadObject<'de>: Sized {
    /// The name of the type, for error messages.
    const NAME: &'static str;

    /// Reads all fields. Returns `None` after an error, which the reader keeps.
    fn read<A: MapAccess<'de>>(object: &mut ObjectReader<'de, A>) -> Option<Self>;
}

/// Implements `Deserialize` for a type that implements [`ReadObject`].
#[doc(hidden)]
#[macro_export]
macro_rules! deserialize_object {
    ($name:ident) => {
        impl<'de> $crate::__private::serde::Deserialize<'de> for $name {
            fn deserialize<D: $crate::__private::serde::Deserializer<'de>>(
                deserializer: D,
            ) -> ::core::result::Result<Self, D::Error> {
                $crate::json::read_object(deserializer)
            }
        }
    };
}

/// Reads an object into `T`.
///
/// # Errors
///
/// Fails if the value is not an object, if a required field is missing, or if a field cannot be read.
pub fn read_object<'de, T: ReadObject<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    struct Fields<T>(PhantomData<fn() -> T>);

    impl<'de, T: ReadObject<'de>> Visitor<'de> for Fields<T> {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "an object ({})", T::NAME)
        }

        fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
            let mut object = ObjectReader { map, nulls: Nulls::default(), failed: None, de: PhantomData };
            let read = T::read(&mut object);
            match object.failed {
                Some(error) => Err(error),
                None => read.ok_or_else(|| A::Error::custom(format_args!("{} is incomplete", T::NAME))),
            }
        }
    }

    deserializer.deserialize_map(Fields(PhantomData))
}

/// A reader of the fields of a JSON object.
///
/// It keeps the first error, returns no more keys after it, and [`read_object`] returns it.
#[derive(Debug)]
pub struct ObjectReader<'de, A: MapAccess<'de>> {
    map: A,
    nulls: Nulls,
    failed: Option<A::Error>,
    de: PhantomData<&'de ()>,
}

impl<'de, A: MapAccess<'de>> ObjectReader<'de, A> {
    /// Returns the name of the next field, or `None` after the last one.
    pub fn next_key(&mut self) -> Option<Cow<'de, str>> {
        self.attempt(|map| map.next_key::<Key<'de>>())?.map(|Key(key)| key)
    }

    /// Reads the value of the field. `null` is passed to the type, and most types reject it.
    pub fn read<T: Deserialize<'de>>(&mut self, slot: &mut Option<T>) {
        *slot = self.next();
    }

    /// Reads the value of the field. `null` is the same as no field.
    pub fn read_unless_null<T: Deserialize<'de>>(&mut self, slot: &mut Option<T>) {
        *slot = self.next::<Option<T>>().flatten();
    }

    /// Reads the value of the field, and remembers if it is `null`.
    pub fn read_nullable<T: Deserialize<'de>>(&mut self, key: &'static str, slot: &mut Option<T>) {
        if let Some(value) = self.next::<Option<T>>() {
            if value.is_none() {
                self.nulls.0.insert(key, None);
            }
            *slot = value;
        }
    }

    /// Remembers an optional constant that was absent.
    pub fn note_constant(&mut self, key: &'static str, slot: Option<()>) {
        if slot.is_none() {
            self.nulls.0.insert(key, None);
        }
    }

    /// Returns the fields that [`read_nullable`](Self::read_nullable) found to be `null`, and the constants that
    /// [`note_constant`](Self::note_constant) found to be absent.
    pub fn nulls(&mut self) -> Nulls {
        std::mem::take(&mut self.nulls)
    }

    /// Reads the value of the field like [`read_unless_null`](Self::read_unless_null), with an integer that fits into
    /// an `i64`.
    pub(crate) fn read_size(&mut self, slot: &mut Option<i64>) {
        let mut integer = None;
        self.read_unless_null(&mut integer);
        *slot = self.fit_size(integer);
    }

    /// Reads the value of the field like [`read_nullable`](Self::read_nullable), and remembers an integer that does not fit
    /// into an `i64`.
    pub(crate) fn read_nullable_size(&mut self, key: &'static str, slot: &mut Option<i64>) {
        let mut integer: Option<Integer> = None;
        self.read_nullable(key, &mut integer);
        *slot = integer.and_then(Integer::as_i64);
        if let (Some(integer), None) = (integer, *slot) {
            self.nulls.0.insert(key, Some(integer));
        }
    }

    fn fit_size(&mut self, integer: Option<Integer>) -> Option<i64> {
        integer?.try_into().map_err(|error| self.fail(|| A::Error::custom(error))).ok()
    }

    /// Reads the value of a field that has to be `constant`.
    pub fn read_constant<T: Serialize + ?Sized>(
        &mut self,
        key: &'static str,
        slot: &mut Option<()>,
        constant: &T,
    ) {
        let Some(value) = self.next::<Value>() else { return };
        *slot = Some(());
        if !is_constant(&value, constant) {
            self.fail(|| A::Error::custom(format_args!("`{value}` is not the value of `{key}`")));
        }
    }

    /// Reads the value of an unknown field into `extra`.
    pub fn read_extra<T: Deserialize<'de>>(
        &mut self,
        key: Cow<'de, str>,
        extra: &mut impl Extend<(String, T)>,
    ) {
        extra.extend(self.next().map(|value| (key.into_owned(), value)));
    }

    /// Skips the value of an unknown field.
    pub fn skip(&mut self) {
        let _ = self.next::<IgnoredAny>();
    }

    /// Fails because of an unknown field, if the schema allows no others.
    pub fn reject(&mut self, key: &str) {
        self.fail(|| A::Error::custom(format_args!("unknown field `{key}`")));
    }

    /// Returns the value of a required field, and fails if it is missing.
    pub fn require<T>(&mut self, key: &'static str, slot: Option<T>) -> Option<T> {
        if slot.is_none() {
            self.fail(|| A::Error::missing_field(key));
        }
        slot
    }

    fn next<T: Deserialize<'de>>(&mut self) -> Option<T> {
        self.attempt(A::next_value)
    }

    /// Returns the result of `read`, unless there is an earlier error or `read` fails.
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

/// A writer of the items of a list that has a type for each position.
///
/// It keeps the first error, and [`end`](Self::end) returns it.
#[derive(Debug)]
pub struct ListWriter<L: SerializeSeq> {
    list: L,
    /// An optional item was absent, so that no item may follow.
    ended: bool,
    failed: Option<L::Error>,
}

impl<L: SerializeSeq> ListWriter<L> {
    /// Starts a list.
    ///
    /// # Errors
    ///
    /// Fails if the serializer does.
    pub fn new<S: Serializer<SerializeSeq = L, Error = L::Error>>(serializer: S) -> Result<Self, L::Error> {
        Ok(Self { list: serializer.serialize_seq(None)?, ended: false, failed: None })
    }

    /// Writes an item. Fails after an absent one, because the items after it would move.
    pub fn write<T: Serialize + ?Sized>(&mut self, value: &T) {
        if self.failed.is_none() {
            let written = if self.ended {
                Err(ser::Error::custom("an item of a list follows one that is absent"))
            } else {
                self.list.serialize_element(value)
            };
            self.failed = written.err();
        }
    }

    /// Writes an item, unless it is absent.
    pub fn write_optional<T: Serialize>(&mut self, value: &Option<T>) {
        match value {
            Some(value) => self.write(value),
            None => self.ended = true,
        }
    }

    /// Writes the items after those with a position.
    pub fn write_rest<T: Serialize>(&mut self, values: &[T]) {
        values.iter().for_each(|value| self.write(value));
    }

    /// Ends the list.
    ///
    /// # Errors
    ///
    /// Fails with the first error of an item.
    pub fn end(self) -> Result<L::Ok, L::Error> {
        match self.failed {
            Some(error) => Err(error),
            None => self.list.end(),
        }
    }
}

/// A type that can be read from a list with a type for each position.
pub trait ReadList<'de>: Sized {
    /// The name of the type, for error messages.
    const NAME: &'static str;

    /// Reads all items. Returns `None` after an error, which the reader keeps.
    fn read<A: SeqAccess<'de>>(list: &mut ListReader<'de, A>) -> Option<Self>;
}

/// Reads a list into `T`.
///
/// # Errors
///
/// Fails if the value is not a list, if it has too few or too many items, or if an item cannot be read.
pub fn read_list<'de, T: ReadList<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    struct Items<T>(PhantomData<fn() -> T>);

    impl<'de, T: ReadList<'de>> Visitor<'de> for Items<T> {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "a list ({})", T::NAME)
        }

        fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<T, A::Error> {
            let mut list = ListReader { list, count: 0, failed: None, de: PhantomData };
            let read = T::read(&mut list);
            let has_more = list.next::<IgnoredAny>().is_some();
            match (list.failed, read) {
                (Some(error), _) => Err(error),
                (None, Some(read)) if !has_more => Ok(read),
                _ => Err(A::Error::custom(format_args!("{} has too many items", T::NAME))),
            }
        }
    }

    deserializer.deserialize_seq(Items(PhantomData))
}

/// A reader of the items of a list.
///
/// It keeps the first error, returns no more items after it, and [`read_list`] returns it.
#[derive(Debug)]
pub struct ListReader<'de, A: SeqAccess<'de>> {
    list: A,
    count: usize,
    failed: Option<A::Error>,
    de: PhantomData<&'de ()>,
}

impl<'de, A: SeqAccess<'de>> ListReader<'de, A> {
    /// Reads the next item, if there is one.
    #[allow(clippy::should_implement_trait, reason = "each item has a type of its own")]
    pub fn next<T: Deserialize<'de>>(&mut self) -> Option<T> {
        if self.failed.is_some() {
            return None;
        }
        let next = self.list.next_element().map_err(|error| self.failed = Some(error)).ok().flatten();
        self.count += usize::from(next.is_some());
        next
    }

    /// Reads the next item, and fails if there is none.
    pub fn require<T: Deserialize<'de>>(&mut self) -> Option<T> {
        let next = self.next();
        if next.is_none() {
            let count = self.count;
            self.failed.get_or_insert_with(|| A::Error::custom(format_args!("too few items: {count}")));
        }
        next
    }

    /// Reads all items that are left.
    pub fn rest<T: Deserialize<'de>>(&mut self) -> Vec<T> {
        std::iter::from_fn(|| self.next()).collect()
    }
}

/// A string, borrowed from the input if possible.
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

/// Reads a string and parses it with [`FromStr`].
///
/// # Errors
///
/// Fails if the value is not a string, or the string cannot be parsed.
pub fn parse_string<'de, T: FromStr<Err: fmt::Display>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    read_string(deserializer, T::from_str)?.map_err(D::Error::custom)
}

/// Reads a string and passes it to `read`, without allocating if it can be borrowed.
///
/// # Errors
///
/// Fails if the value is not a string.
pub fn read_string<'de, T, D: Deserializer<'de>>(
    deserializer: D,
    read: impl FnOnce(&str) -> T,
) -> Result<T, D::Error> {
    let Key(text) = Key::deserialize(deserializer)?;
    Ok(read(&text))
}

/// Reads an integer, which may be written as `28.0`, and passes it to `read`.
///
/// # Errors
///
/// Fails if the value is not an integer, or `read` rejects it.
pub fn read_integer<'de, T, E: fmt::Display, D: Deserializer<'de>>(
    deserializer: D,
    read: impl FnOnce(i64) -> Result<T, E>,
) -> Result<T, D::Error> {
    let integer = i64::try_from(Integer::deserialize(deserializer)?).map_err(D::Error::custom)?;
    read(integer).map_err(D::Error::custom)
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

    impl<'de> ReadObject<'de> for Two {
        const NAME: &'static str = "Two";

        fn read<A: MapAccess<'de>>(object: &mut ObjectReader<'de, A>) -> Option<Self> {
            let (mut a, mut b) = (None, None);
            while let Some(key) = object.next_key() {
                match &*key {
                    "a" => object.read(&mut a),
                    "b" => object.read_unless_null(&mut b),
                    "c" => object.reject(&key),
                    _ => object.skip(),
                }
            }
            Some(Self { a: object.require("a", a)?, b })
        }
    }

    fn read(json: &str) -> Result<Two, String> {
        read_object(&mut serde_json::Deserializer::from_str(json)).map_err(|error| error.to_string())
    }

    #[test]
    fn objects_are_read_in_any_order() {
        assert_eq!(read(r#"{"b": null, "x": [1], "a": true}"#), Ok(Two { a: true, b: None }));
    }

    #[test]
    fn optional_constants_that_were_absent_are_not_written() {
        struct Tagged(Nulls);

        impl<'de> ReadObject<'de> for Tagged {
            const NAME: &'static str = "Tagged";

            fn read<A: MapAccess<'de>>(object: &mut ObjectReader<'de, A>) -> Option<Self> {
                let mut t = None;
                while object.next_key().is_some() {
                    object.read_constant("t", &mut t, "x");
                }
                object.note_constant("t", t);
                Some(Self(object.nulls()))
            }
        }

        let write = |nulls: &Nulls| {
            let mut object = ObjectWriter::new(serde_json::value::Serializer).unwrap();
            object.write_constant("t", "x", nulls);
            object.end().unwrap().to_string()
        };
        for json in ["{}", r#"{"t":"x"}"#] {
            let Tagged(nulls) = read_object(&mut serde_json::Deserializer::from_str(json)).unwrap();
            assert_eq!(write(&nulls), json);
        }
        assert_eq!(write(&Nulls::default()), r#"{"t":"x"}"#);
    }

    #[test]
    fn the_first_error_is_returned() {
        assert_eq!(read("{}").unwrap_err(), "missing field `a` at line 1 column 2");
        assert!(
            read(r#"{"b": 1}"#).unwrap_err().starts_with("invalid type: integer `1`, expected a boolean")
        );
        assert!(read(r#"{"a": 1, "b": "x"}"#).unwrap_err().starts_with("invalid type: integer `1`"));
        assert!(read(r#"{"c": 1, "a": 1}"#).unwrap_err().starts_with("unknown field `c`"));
        assert!(read(r#"{"a": true, "#).unwrap_err().starts_with("EOF while parsing"));
        assert!(read("[]").unwrap_err().contains("expected an object (Two)"));
    }

    /// A map that counts the values read, and fails from the second one on.
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
    fn nothing_is_read_after_an_error() {
        let mut map = Failing(0);
        let mut reader =
            ObjectReader { map: &mut map, nulls: Nulls::default(), failed: None, de: PhantomData };
        let mut slot = None::<bool>;
        assert_eq!(reader.next_key().as_deref(), Some("a"));
        reader.read(&mut slot);
        assert_eq!(slot, Some(true));
        for _ in 0..3 {
            reader.read(&mut slot);
            assert_eq!(slot, None);
            assert_eq!(reader.next_key(), None);
        }
        reader.skip();
        reader.reject("b");
        assert_eq!(reader.require("a", slot), None);
        assert_eq!(reader.failed.unwrap().to_string(), "value 2");
        assert_eq!(map.0, 2);
    }

    #[test]
    fn nothing_is_written_after_an_error() {
        struct Refusing(&'static str);

        impl Serialize for Refusing {
            fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
                Err(serde::ser::Error::custom(self.0))
            }
        }

        struct Outer;

        impl Serialize for Outer {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let mut object = ObjectWriter::new(serializer)?;
                object.write("a", &true);
                object.write("b", &Refusing("first"));
                object.write_optional("c", &Some(Refusing("second")));
                object.write("d", &true);
                object.end()
            }
        }

        let mut written = Vec::new();
        let error = serde_json::to_writer(&mut written, &Outer).unwrap_err();
        assert_eq!(error.to_string(), "first");
        assert_eq!(String::from_utf8(written).unwrap(), r#"{"a":true,"b":"#);
    }

    #[test]
    fn extra_replaces_fields_of_the_same_name() {
        let extra = Map::from_iter([("a".to_owned(), Value::from(2)), ("z".to_owned(), Value::Null)]);
        let mut object = ObjectWriter::with_extra(serde_json::value::Serializer, &extra).unwrap();
        object.write("a", &1);
        object.write("b", &1);
        assert_eq!(object.end().unwrap(), serde_json::json!({ "b": 1, "a": 2, "z": null }));
    }
}
