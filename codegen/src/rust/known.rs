//! Types that mean the same in every app, which `fal_core::media` has.
//!
//! A type is told by its shape and not by its name: `Image` means two things, and `File`, `Video` and `Audio` may mean
//! one. Where an app differs, it keeps a type of its own.

use super::{Bounds, Item, Presence, Struct, Ty, Union, VariantKind};

/// A field of a file: its name, its type, whether it is always there.
type Shape = &'static [(&'static str, Ty, bool)];

const FILES: &[(&str, Shape)] = &[
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

/// The greatest side of an image, and what a side is that is left out.
const SIDE: (i64, i64, i64) = (1, 14_142, 512);

/// In the order of the documents.
const PRESETS: [&str; 6] =
    ["square_hd", "square", "portrait_4_3", "portrait_16_9", "landscape_4_3", "landscape_16_9"];

impl Item {
    /// The type of `fal_core::media` that stands for it.
    pub(crate) fn known(&self) -> Option<&'static str> {
        match self {
            Self::Struct(item) => item.known,
            Self::Union(item) => item.known,
            _ => None,
        }
    }
}

/// Marks the types that `fal_core::media` has, and leaves out what only they need.
pub(super) fn adopt(mut items: Vec<Item>) -> Vec<Item> {
    let mut needless = Vec::new();
    for index in 0..items.len() {
        let Item::Struct(item) = &items[index] else { continue };
        let known = if item.direction.is_input() { size(item, &items) } else { file(item) };
        if known.is_some() && item.direction.is_input() {
            item.fields.iter().for_each(|field| field.ty.names(&mut needless));
        }
        if let Item::Struct(item) = &mut items[index] {
            item.known = known;
        }
    }
    for index in 0..items.len() {
        let Item::Union(union) = &items[index] else { continue };
        let known = presets(union, &items);
        if let Item::Union(union) = &mut items[index] {
            union.known = known;
        }
    }
    items.retain(|item| {
        !matches!(item, Item::Number(_))
            || item.name().is_none_or(|name| !needless.iter().any(|one| one == name))
    });
    items
}

fn file(item: &Struct) -> Option<&'static str> {
    let same = |shape: Shape| {
        item.fields.len() == shape.len()
            && item.fields.iter().all(|field| {
                let presence = |always| if always { Presence::Required } else { Presence::Optional };
                !field.deprecated
                    && shape.iter().any(|(name, ty, always)| {
                        field.wire == *name && field.ty == *ty && field.presence == presence(*always)
                    })
            })
    };
    FILES.iter().find(|(_, shape)| same(shape)).map(|(name, _)| *name)
}

fn size(item: &Struct, items: &[Item]) -> Option<&'static str> {
    let (min, max, default) = SIDE;
    let same = !item.closed
        && item.fields.len() == 2
        && item.fields.iter().zip(["width", "height"]).all(|(field, name)| {
            let bounds = match &field.ty {
                Ty::Named(name) => items.iter().find(|item| item.name() == Some(name)),
                _ => None,
            };
            let Some(Item::Number(number)) = bounds else { return false };
            let Bounds::Integer(bounds) = number.bounds else { return false };
            let bounds = (bounds.min, bounds.above_min, bounds.max, bounds.below_max, bounds.multiple_of);
            field.wire == name
                && field.presence == Presence::Optional
                && !field.deprecated
                && field.schema.get("default") == Some(&default.into())
                && (bounds == (Some(min), false, Some(max), false, None)
                    || bounds == (Some(min - 1), true, Some(max), false, None))
        });
    same.then_some(CUSTOM_IMAGE_SIZE)
}

fn presets(union: &Union, items: &[Item]) -> Option<&'static str> {
    let custom = |ty: &Ty| match ty {
        Ty::Named(name) => {
            let item = items.iter().find(|item| item.name() == Some(name));
            item.and_then(Item::known) == Some(CUSTOM_IMAGE_SIZE)
        }
        _ => false,
    };
    let values = union.variants.iter().filter(|variant| match &variant.kind {
        VariantKind::Value { ty, tag, .. } => tag.is_none() && custom(ty) && variant.ident == "Custom",
        VariantKind::Text(_) => false,
    });
    let same = union.direction.is_input()
        && union.tag.is_none()
        && union.variants.len() == PRESETS.len() + 1
        && values.count() == 1
        && union.texts().map(|(_, text)| text).eq(PRESETS);
    same.then_some("ImageSize")
}
