//! Types that are the same in every app, for which `fal_core::media` has a type.
//!
//! They are recognized by their fields and not by their names, because apps use `Image` for two types, and `File`,
//! `Video` and `Audio` may be the same type. A type that differs stays in the generated crate.

use super::{Bounds, Item, Presence, Struct, Ty, Union, VariantKind};

/// The fields of a file: the name, the type, and `true` if it is always present.
type FileFields = &'static [(&'static str, Ty, bool)];

const FILES: &[(&str, FileFields)] = &[
    (
        "Image",
        &[
            ("url", Ty::Text, true),
            ("width", Ty::Integer, true),
            ("height", Ty::Integer, true),
            ("content_type", Ty::Text, false),
        ],
    ),
    (
        "ImageFile",
        &[
            ("url", Ty::Text, true),
            ("content_type", Ty::Text, false),
            ("file_name", Ty::Text, false),
            ("file_size", Ty::Integer, false),
            ("width", Ty::Integer, false),
            ("height", Ty::Integer, false),
        ],
    ),
    (
        "VideoFile",
        &[
            ("url", Ty::Text, true),
            ("content_type", Ty::Text, false),
            ("file_name", Ty::Text, false),
            ("file_size", Ty::Integer, false),
            ("width", Ty::Integer, false),
            ("height", Ty::Integer, false),
            ("fps", Ty::Number, false),
            ("duration", Ty::Number, false),
            ("num_frames", Ty::Integer, false),
        ],
    ),
    (
        "FileOutput",
        &[
            ("url", Ty::Text, true),
            ("content_type", Ty::Text, false),
            ("file_name", Ty::Text, false),
            ("file_size", Ty::Integer, false),
        ],
    ),
];

const CUSTOM_IMAGE_SIZE: &str = "CustomImageSize";

/// The minimum, maximum and default of the width and height of an image.
const SIDE_LIMITS: (i64, i64, i64) = (1, 14_142, 512);

/// The presets of an image size.
const PRESETS: [&str; 6] =
    ["square_hd", "square", "portrait_4_3", "portrait_16_9", "landscape_4_3", "landscape_16_9"];

impl Item {
    /// Returns the type of `fal_core::media` that replaces it, if there is one.
    pub(crate) fn core_type(&self) -> Option<&'static str> {
        match self {
            Self::Struct(item) => item.core_type,
            Self::Union(item) => item.core_type,
            _ => None,
        }
    }
}

/// Marks the types that types of `fal_core::media` replace, and removes the numbers that only they use.
pub(super) fn replace_with_core(mut items: Vec<Item>) -> Vec<Item> {
    let mut unused = Vec::new();
    for index in 0..items.len() {
        let Item::Struct(item) = &items[index] else { continue };
        let core_type = if item.direction.is_input() { core_size(item, &items) } else { core_file(item) };
        if core_type.is_some() && item.direction.is_input() {
            item.fields.iter().for_each(|field| field.ty.collect_names(&mut unused));
        }
        if let Item::Struct(item) = &mut items[index] {
            item.core_type = core_type;
        }
    }
    for index in 0..items.len() {
        let Item::Union(union) = &items[index] else { continue };
        let core_type = core_union(union, &items);
        if let Item::Union(union) = &mut items[index] {
            union.core_type = core_type;
        }
    }
    items.retain(|item| {
        !matches!(item, Item::Number(_))
            || item.name().is_none_or(|name| !unused.iter().any(|one| one == name))
    });
    items
}

fn core_file(item: &Struct) -> Option<&'static str> {
    let is_same = |shape: FileFields| {
        item.extra.is_none()
            && item.fields.len() == shape.len()
            && item.fields.iter().all(|field| {
                !field.deprecated
                    && shape.iter().any(|(name, ty, always)| {
                        field.json_name == *name
                            && field.ty == *ty
                            && (field.presence == Presence::Required) == *always
                    })
            })
    };
    FILES.iter().find(|(_, shape)| is_same(shape)).map(|(name, _)| *name)
}

fn core_size(item: &Struct, items: &[Item]) -> Option<&'static str> {
    let (min, max, default) = SIDE_LIMITS;
    let is_same = !item.closed
        && item.extra.is_none()
        && item.constants.is_empty()
        && item.fields.len() == 2
        && ["width", "height"].into_iter().all(|name| {
            let field = item.fields.iter().find(|field| field.json_name == name);
            let Some(field) = field else { return false };
            let bounds = match &field.ty {
                Ty::Named(name) => items.iter().find(|item| item.name() == Some(name)),
                _ => None,
            };
            let Some(Item::Number(number)) = bounds else { return false };
            let Bounds::Integer(bounds) = number.bounds else { return false };
            let bounds = (bounds.min, bounds.above_min, bounds.max, bounds.below_max, bounds.multiple_of);
            field.presence == Presence::Optional
                && !field.deprecated
                && field.schema.get("default") == Some(&default.into())
                && (bounds == (Some(min), false, Some(max), false, None)
                    || bounds == (Some(min - 1), true, Some(max), false, None))
        });
    is_same.then_some(CUSTOM_IMAGE_SIZE)
}

fn core_union(union: &Union, items: &[Item]) -> Option<&'static str> {
    let custom = |ty: &Ty| match ty {
        Ty::Named(name) => {
            let item = items.iter().find(|item| item.name() == Some(name));
            item.and_then(Item::core_type) == Some(CUSTOM_IMAGE_SIZE)
        }
        _ => false,
    };
    let values = union.variants.iter().filter(|variant| match &variant.kind {
        VariantKind::Value { ty, .. } => custom(ty) && variant.ident == "Custom",
        VariantKind::Text(_) => false,
    });
    let is_same = union.direction.is_input()
        && union.tag.is_none()
        && union.variants.len() == PRESETS.len() + 1
        && values.count() == 1
        && PRESETS.iter().all(|preset| union.texts().any(|(_, text)| text == *preset));
    is_same.then_some("ImageSize")
}
