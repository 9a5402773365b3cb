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
#[derive(Debug)]
pub struct Writer<'a, M> {
    map: M,
    extra: Option<&'a Map<String, Value>>,
}

impl<'a, M: SerializeMap> Writer<'a, M> {
    /// Starts an object.
    ///
    /// # Errors
    ///
    /// As the serializer.
    pub fn new<S: Serializer<SerializeMap = M, Error = M::Error>>(serializer: S) -> Result<Self, M::Error> {
        Ok(Self { map: serializer.serialize_map(None)?, extra: None })
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
        Ok(Self { map: serializer.serialize_map(None)?, extra })
    }

    /// Writes a field.
    ///
    /// # Errors
    ///
    /// As the value or the serializer.
    pub fn put<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Result<(), M::Error> {
        if self.extra.is_some_and(|extra| extra.contains_key(key)) {
            return Ok(());
        }
        self.map.serialize_entry(key, value)
    }

    /// Writes a field, or nothing for `None`.
    ///
    /// # Errors
    ///
    /// As the value or the serializer.
    pub fn optional<T: Serialize>(&mut self, key: &'static str, value: &Option<T>) -> Result<(), M::Error> {
        value.as_ref().map_or(Ok(()), |value| self.put(key, value))
    }

    /// Ends the object.
    ///
    /// # Errors
    ///
    /// As the serializer.
    pub fn end(mut self) -> Result<M::Ok, M::Error> {
        for (key, value) in self.extra.into_iter().flatten() {
            self.map.serialize_entry(key, value)?;
        }
        self.map.end()
    }
}

/// A type that is read from an object.
pub trait Object<'de>: Sized {
    /// The name of the type, for error messages.
    const NAME: &'static str;

    /// Reads every field.
    ///
    /// # Errors
    ///
    /// As the values and the deserializer; also when a required field is missing.
    fn read<A: MapAccess<'de>>(object: Reader<'de, A>) -> Result<Self, A::Error>;
}

/// Reads an object into `T`.
///
/// # Errors
///
/// As [`Object::read`]; also when the value is not an object.
pub fn object<'de, T: Object<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    struct Fields<T>(PhantomData<fn() -> T>);

    impl<'de, T: Object<'de>> Visitor<'de> for Fields<T> {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "an object ({})", T::NAME)
        }

        fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
            T::read(Reader { map, de: PhantomData })
        }
    }

    deserializer.deserialize_map(Fields(PhantomData))
}

/// The fields of an object that is being read.
#[derive(Debug)]
pub struct Reader<'de, A> {
    map: A,
    de: PhantomData<&'de ()>,
}

impl<'de, A: MapAccess<'de>> Reader<'de, A> {
    /// The name of the next field, `None` after the last one.
    ///
    /// # Errors
    ///
    /// As the deserializer.
    pub fn key(&mut self) -> Result<Option<Cow<'de, str>>, A::Error> {
        Ok(self.map.next_key::<Key<'de>>()?.map(|key| key.0))
    }

    /// Reads the value of the field. `null` is a value, which most types refuse.
    ///
    /// # Errors
    ///
    /// As the value.
    pub fn value<T: Deserialize<'de>>(&mut self, slot: &mut Option<T>) -> Result<(), A::Error> {
        *slot = Some(self.map.next_value()?);
        Ok(())
    }

    /// Reads the value of the field, where `null` means the same as no field.
    ///
    /// # Errors
    ///
    /// As the value.
    pub fn or_null<T: Deserialize<'de>>(&mut self, slot: &mut Option<T>) -> Result<(), A::Error> {
        *slot = self.map.next_value()?;
        Ok(())
    }

    /// As [`value`](Self::value), for integers, which may be written as `28.0`.
    ///
    /// # Errors
    ///
    /// As the value.
    pub fn integer<T: Integers<'de>>(&mut self, slot: &mut Option<T>) -> Result<(), A::Error> {
        let Whole(value) = self.map.next_value()?;
        *slot = Some(value);
        Ok(())
    }

    /// As [`or_null`](Self::or_null), for integers, which may be written as `28.0`.
    ///
    /// # Errors
    ///
    /// As the value.
    pub fn integer_or_null<T: Integers<'de>>(&mut self, slot: &mut Option<T>) -> Result<(), A::Error> {
        *slot = self.map.next_value::<Option<Whole<T>>>()?.map(|Whole(value)| value);
        Ok(())
    }

    /// Keeps the value of a field that the type does not know.
    ///
    /// # Errors
    ///
    /// As the deserializer.
    pub fn extra(&mut self, key: Cow<'de, str>, extra: &mut Map<String, Value>) -> Result<(), A::Error> {
        let value = self.map.next_value()?;
        extra.insert(key.into_owned(), value);
        Ok(())
    }

    /// Passes over the value of a field that the type does not know.
    ///
    /// # Errors
    ///
    /// As the deserializer.
    pub fn skip(&mut self) -> Result<(), A::Error> {
        self.map.next_value::<IgnoredAny>().map(drop)
    }

    /// Refuses a field that the type does not know, where the schema allows no others.
    ///
    /// # Errors
    ///
    /// Always.
    pub fn refuse(&mut self, key: &str) -> Result<(), A::Error> {
        Err(A::Error::custom(format_args!("unknown field `{key}`")))
    }

    /// What was read for a field that must be there.
    ///
    /// # Errors
    ///
    /// When nothing was.
    pub fn required<T>(&self, key: &'static str, slot: Option<T>) -> Result<T, A::Error> {
        slot.ok_or_else(|| A::Error::missing_field(key))
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
