//! Enums of the document, each with a variant `Other` for values that the document does not list.

use openapiv3::{OpenAPI, SchemaKind, Type};
use proc_macro2::TokenStream;
use progenitor_impl::{GenerationSettings, TypeImpl};
use quote::{format_ident, quote};

/// A named schema of strings with a list of values.
pub(crate) struct Enum {
    name: String,
    description: Option<String>,
    values: Vec<String>,
}

/// Returns the enums, in the order of the document.
pub(crate) fn read(document: &OpenAPI) -> Vec<Enum> {
    let schemas = document.components.iter().flat_map(|components| &components.schemas);
    schemas
        .filter_map(|(name, schema)| {
            let schema = schema.as_item()?;
            let SchemaKind::Type(Type::String(string)) = &schema.schema_kind else { return None };
            let values: Vec<String> = string.enumeration.iter().flatten().cloned().collect();
            let description = schema.schema_data.description.clone();
            (!values.is_empty()).then(|| Enum { name: name.clone(), description, values })
        })
        .collect()
}

/// Returns the code of the enums.
pub(crate) fn tokens(enums: &[Enum]) -> TokenStream {
    enums.iter().map(Enum::tokens).collect()
}

impl Enum {
    /// Makes progenitor use this enum instead of one of its own.
    pub(crate) fn replace(&self, settings: &mut GenerationSettings) {
        let path = format!("crate::generated::enums::{}", self.name);
        settings.with_replacement(&self.name, path, [TypeImpl::Display].into_iter());
    }

    fn tokens(&self) -> TokenStream {
        let name = format_ident!("{}", self.name);
        let description = self.description.iter();
        let (variants, values): (Vec<_>, Vec<_>) =
            self.values.iter().map(|value| (format_ident!("{}", variant(value)), value)).unzip();
        let docs = values.iter().map(|value| format!("`{value}`"));
        quote! {
            #(#[doc = #description])*
            #[derive(Debug, Clone, PartialEq, Eq, Hash)]
            #[non_exhaustive]
            pub enum #name {
                #(#[doc = #docs] #variants,)*
                /// A value that this crate does not know.
                Other(String),
            }

            fal_core::open_enum! { #name { #(#variants = #values),* } }
        }
    }
}

/// Returns the variant of a value, such as `Gpu8xH100Sxm5` for `gpu_8x_h100_sxm5` and `Value3d` for `3d`.
fn variant(value: &str) -> String {
    let words = value.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let name: String = words.map(capitalize).collect();
    match name.as_str() {
        // `Other` is the variant for unknown values.
        "Other" => "OtherValue".to_owned(),
        name if name.starts_with(|c: char| c.is_ascii_digit()) => format!("Value{name}"),
        name => name.to_owned(),
    }
}

fn capitalize(word: &str) -> String {
    let word = match word.contains(|c: char| c.is_ascii_lowercase()) {
        true => word.to_owned(),
        false => word.to_ascii_lowercase(),
    };
    word[..1].to_ascii_uppercase() + &word[1..]
}

#[cfg(test)]
mod tests {
    use super::variant;

    #[test]
    fn variants_are_named_after_their_values() {
        for (value, name) in [
            ("text-to-image", "TextToImage"),
            ("gpu_8x_h100_sxm5", "Gpu8xH100Sxm5"),
            ("3d", "Value3d"),
            ("API", "Api"),
            ("openapi-3.0", "Openapi30"),
            ("other", "OtherValue"),
        ] {
            assert_eq!(variant(value), name);
        }
    }
}
