//! Splits the code that progenitor writes into files: the client, the types, their builders, and the operations of
//! each tag.

use std::collections::{BTreeMap, BTreeSet};

use openapiv3::OpenAPI;
use proc_macro2::{Group, Ident, TokenStream, TokenTree};
use quote::{ToTokens, format_ident, quote};
use syn::{ImplItem, Item, ItemImpl, Type};

/// A file of generated code.
pub(crate) struct File {
    pub(crate) path: String,
    /// The docs of the module, or an empty string.
    pub(crate) docs: String,
    pub(crate) code: TokenStream,
}

impl File {
    fn new(path: impl Into<String>, code: TokenStream) -> Self {
        Self { path: path.into(), docs: String::new(), code }
    }
}

/// A tag of the document, with the operations that have it.
struct Tag {
    module: Ident,
    description: String,
    /// The names of the structs of the operations.
    operations: Vec<String>,
}

/// Splits the code of progenitor for `document`.
pub(crate) fn split(code: syn::File, document: &OpenAPI) -> Vec<File> {
    let mut client = Vec::new();
    let (mut types, mut operations) = (Vec::new(), Vec::new());
    for item in code.items {
        match item {
            Item::Mod(module) if module.ident == "types" => types = items_of(module),
            Item::Mod(module) if module.ident == "builder" => operations = items_of(module),
            // Each file imports what it needs, and the prelude has nothing but the client.
            Item::Mod(_) | Item::Use(_) => {}
            item => client.push(item),
        }
    }
    let tags = tags(document);
    let mut files = vec![File::new("client.rs", client_file(client, &tags))];
    files.extend(type_files(types, &operations));
    files.extend(operation_files(operations, &tags));
    files
}

fn items_of(module: syn::ItemMod) -> Vec<Item> {
    module.content.map(|(_, items)| items).unwrap_or_default()
}

/// Returns the tags in the order of the document. An operation belongs to its first tag.
fn tags(document: &OpenAPI) -> Vec<Tag> {
    let mut operations: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (_, _, operation) in document.operations() {
        if let (Some(tag), Some(id)) = (operation.tags.first(), &operation.operation_id) {
            operations.entry(tag).or_default().push(upper_camel_case(id));
        }
    }
    let tags = document.tags.iter().filter_map(|tag| {
        Some(Tag {
            module: format_ident!("{}", tag.name.to_ascii_lowercase()),
            description: tag.description.clone().unwrap_or_default(),
            operations: operations.remove(tag.name.as_str())?,
        })
    });
    tags.collect()
}

fn upper_camel_case(id: &str) -> String {
    id.split('_').map(|word| word[..1].to_ascii_uppercase() + &word[1..]).collect()
}

fn client_file(mut items: Vec<Item>, tags: &[Tag]) -> TokenStream {
    for item in &mut items {
        if let Item::Impl(item) = item
            && is_named(&item.self_ty, "Client")
        {
            // `Client::new` panics when TLS cannot be set up, and follows redirects with the key.
            remove_method(item, "new");
        }
    }
    let items = replace_paths(quote!(#(#items)*), &|module, name| {
        let tag = tags.iter().find(|tag| tag.operations.iter().any(|operation| name == operation))?;
        let module_of_tag = &tag.module;
        (module == "builder").then(|| quote!(operations::#module_of_tag::#name))
    });
    quote! {
        use progenitor_client::{ClientHooks, ClientInfo};

        use super::operations;

        #items
    }
}

/// Returns the file of the types, and the file of the builders of the types that requests have.
fn type_files(mut items: Vec<Item>, operations: &[Item]) -> [File; 2] {
    let sent = types_of_requests(&items, operations);
    let mut builders = Vec::new();
    items.retain_mut(|item| match item {
        Item::Mod(module) if module.ident == "builder" => {
            builders = module.content.take().map(|(_, items)| items).unwrap_or_default();
            false
        }
        Item::Impl(item) if item.trait_.is_none() => {
            if !sent.iter().any(|name| is_named(&item.self_ty, name)) {
                remove_method(item, "builder");
            }
            !item.items.is_empty()
        }
        _ => true,
    });
    builders.retain(|item| {
        let tokens = match item {
            Item::Struct(item) => item.ident.to_token_stream(),
            Item::Impl(item) => item.self_ty.to_token_stream(),
            _ => return true,
        };
        identifiers(tokens).last().is_some_and(|name| sent.contains(name))
    });
    [
        File::new("types.rs", quote!(pub mod builder; #(#items)*)),
        File {
            path: "types/builder.rs".to_owned(),
            docs: "Builders of the types that requests have.".to_owned(),
            code: quote!(#(#builders)*),
        },
    ]
}

/// Returns the names of the types that the bodies of requests have, and of the types inside them.
fn types_of_requests(types: &[Item], operations: &[Item]) -> BTreeSet<String> {
    let definitions: BTreeMap<String, BTreeSet<String>> = types
        .iter()
        .filter_map(|item| match item {
            Item::Struct(item) => Some((item.ident.to_string(), identifiers(item.fields.to_token_stream()))),
            Item::Enum(item) => Some((item.ident.to_string(), identifiers(item.variants.to_token_stream()))),
            _ => None,
        })
        .map(|(name, identifiers)| (name, identifiers.into_iter().collect()))
        .collect();
    let fields = operations.iter().filter_map(|item| match item {
        Item::Struct(item) => Some(&item.fields),
        _ => None,
    });
    let bodies = fields.flatten().filter(|field| field.ident.as_ref().is_some_and(|name| name == "body"));
    let mut pending: Vec<String> = bodies.flat_map(|field| identifiers(field.ty.to_token_stream())).collect();
    let mut found = BTreeSet::new();
    while let Some(name) = pending.pop() {
        if let Some(inside) = definitions.get(&name)
            && found.insert(name)
        {
            pending.extend(inside.iter().cloned());
        }
    }
    found
}

/// Returns `operations.rs` and a file for each tag.
fn operation_files(items: Vec<Item>, tags: &[Tag]) -> Vec<File> {
    let modules = tags.iter().map(|tag| &tag.module);
    let mut files = vec![File::new("operations.rs", quote!(#(pub mod #modules;)*))];
    files.extend(tags.iter().map(|tag| {
        let items = items.iter().filter(|item| match item {
            Item::Struct(item) => tag.operations.iter().any(|name| item.ident == name),
            Item::Impl(item) => tag.operations.iter().any(|name| is_named(&item.self_ty, name)),
            _ => false,
        });
        let items = replace_paths(quote!(#(#items)*), &|module, name| {
            (module == "super" && name == "Client").then(|| quote!(Client))
        });
        File {
            path: format!("operations/{}.rs", tag.module),
            docs: tag.description.clone(),
            code: quote! {
                use progenitor_client::{
                    ByteStream, ClientHooks, ClientInfo, Error, OperationInfo, RequestBuilderExt, ResponseValue,
                    encode_path,
                };

                use crate::generated::{client::Client, types};

                #items
            },
        }
    }));
    files
}

fn is_named(ty: &Type, name: &str) -> bool {
    matches!(ty, Type::Path(path) if path.path.segments.last().is_some_and(|segment| segment.ident == name))
}

fn remove_method(item: &mut ItemImpl, name: &str) {
    item.items.retain(|item| !matches!(item, ImplItem::Fn(item) if item.sig.ident == name));
}

/// Returns all identifiers in `tokens`, including those in groups.
fn identifiers(tokens: TokenStream) -> Vec<String> {
    let each = tokens.into_iter().map(|token| match token {
        TokenTree::Ident(ident) => vec![ident.to_string()],
        TokenTree::Group(group) => identifiers(group.stream()),
        TokenTree::Punct(_) | TokenTree::Literal(_) => Vec::new(),
    });
    each.flatten().collect()
}

/// Replaces each `module::name` for which `replacement` returns tokens.
fn replace_paths(
    tokens: TokenStream,
    replacement: &dyn Fn(&Ident, &Ident) -> Option<TokenStream>,
) -> TokenStream {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let mut replaced = TokenStream::new();
    let mut index = 0;
    while index < tokens.len() {
        let found = match &tokens[index..] {
            [
                TokenTree::Ident(module),
                TokenTree::Punct(_),
                TokenTree::Punct(second),
                TokenTree::Ident(name),
                ..,
            ] if second.as_char() == ':' => replacement(module, name),
            _ => None,
        };
        if let Some(found) = found {
            replaced.extend(found);
            index += 4;
            continue;
        }
        match &tokens[index] {
            TokenTree::Group(group) => {
                let mut inner = Group::new(group.delimiter(), replace_paths(group.stream(), replacement));
                inner.set_span(group.span());
                replaced.extend([TokenTree::Group(inner)]);
            }
            token => replaced.extend([token.clone()]),
        }
        index += 1;
    }
    replaced
}
