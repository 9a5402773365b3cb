//! Builders. Each required field has a type parameter, which is `Unset` until the field is set.

use std::collections::BTreeSet;

use proc_macro2::{Ident, Literal, TokenStream};
use quote::{format_ident, quote};

use super::{
    docs,
    structs::{allow_deprecated, deprecated, extra_type, has_secrets, is_input, setter_docs},
    tokens::{field_type, ident, setter_type, ty, ty_of_parent},
};
use crate::rust::{Field, Presence, Struct, Ty, names};

/// Returns the builder of a struct.
pub(super) fn builder(item: &Struct) -> Vec<TokenStream> {
    let parts = Parts::new(item);
    let mut items = vec![parts.entry(), parts.definition()];
    items.extend(parts.debug());
    items.extend(parts.optional_fields());
    items.extend(parts.setters());
    items.push(parts.build());
    if is_input(item) {
        items.extend(parts.accepted_by_verbs());
    }
    items
}

/// Returns the methods and impls of an input that is a union, which has no builder of its own.
pub(super) fn of_union() -> Vec<TokenStream> {
    let validate = validate();
    vec![
        quote! {
            impl Input {
                #validate
            }
        },
        into_input(),
    ]
}

/// Returns the method of inputs that checks them.
fn validate() -> TokenStream {
    let docs = docs::attributes(&[
        "Checks the rules that the compiler cannot check, such as the lengths of strings and lists that are \
         only known at run time."
            .to_owned(),
        "# Errors".to_owned(),
        "Returns all violations at once, each with the path that the service would name.".to_owned(),
    ]);
    quote! {
        #docs
        pub fn validate(&self) -> Result<(), Violations> {
            fal_core::validate(self)
        }
    }
}

/// Returns the impl by which calls accept an input.
fn into_input() -> TokenStream {
    quote! {
        impl IntoInput for Input {
            type Endpoint = Model;

            fn into_input(self) -> Input {
                self
            }
        }
    }
}

/// Returns the traits of the module `required`, which a value implements and `Unset` does not.
pub(super) fn required_traits(item: &Struct) -> Vec<TokenStream> {
    let parts = Parts::new(item);
    let traits = parts.required.iter().map(|slot| {
        let (name, value) = (&slot.required, ty_of_parent(&slot.field.ty));
        let message = format!("`{}` is required by `{}`", slot.field.json_name, item.owner);
        let label = format!("`{}` is missing", slot.field.json_name);
        let field = &slot.field.ident;
        let note = format!("set it with `{field}: ..` in `input!`, or with `.{field}(..)` on the builder");
        quote! {
            #[diagnostic::on_unimplemented(message = #message, label = #label, note = #note)]
            pub trait #name {
                fn take(self) -> #value;
            }

            impl #name for #value {
                fn take(self) -> #value {
                    self
                }
            }
        }
    });
    traits.collect()
}

/// The types that a builder is made of.
pub(super) struct Names {
    pub(super) builder: Ident,
    /// The struct of the optional fields, if there are any.
    pub(super) optional: Option<Ident>,
}

impl Names {
    pub(super) fn new(item: &Struct) -> Self {
        let prefix = prefix(item);
        let optional = item.fields.iter().any(|field| field.presence != Presence::Required);
        let optional = (optional || item.extra.is_some() || item.keeps_nulls())
            .then(|| format_ident!("{prefix}Optional"));
        Self { builder: format_ident!("{prefix}Builder"), optional }
    }
}

/// Returns the type of the argument of the setter of a required parameter, and the value that it becomes.
fn required_argument(of: &Ty, json_name: &str) -> (TokenStream, TokenStream) {
    match of {
        // Integers inside a value do not convert with it.
        Ty::List(item) if **item == Ty::Integer => (
            quote!(impl fal_core::RequiredIntegers<M>),
            quote!(self.checking.keep(#json_name, value.into_integers())),
        ),
        Ty::Tuple(items) if items.contains(&Ty::Integer) => argument(of),
        Ty::Option(inner) => {
            let inner = ty(inner);
            let given = quote!(self.checking.keep(#json_name, value.into_nullable()));
            (quote!(impl fal_core::RequiredNullable<#inner, M>), given)
        }
        of => {
            let of = ty(of);
            (quote!(impl fal_core::Required<#of, M>), quote!(self.checking.required(#json_name, value)))
        }
    }
}

/// Returns the type of the argument of the method `extra`, and the value that it becomes.
fn argument(of: &Ty) -> (TokenStream, TokenStream) {
    let into_integer = quote!(impl Into<Integer>);
    match of {
        Ty::File => (quote!(impl fal_core::IntoFile), quote!(value.into_file())),
        Ty::List(item) if **item == Ty::Integer => (
            quote!(impl IntoIterator<Item = #into_integer>),
            quote!(value.into_iter().map(Into::into).collect()),
        ),
        Ty::Tuple(items) if items.contains(&Ty::Integer) => {
            let types =
                items.iter().map(|item| if *item == Ty::Integer { into_integer.clone() } else { ty(item) });
            let values = items.iter().enumerate().map(|(index, item)| {
                let index = Literal::usize_unsuffixed(index);
                if *item == Ty::Integer { quote!(value.#index.into()) } else { quote!(value.#index) }
            });
            (quote!((#(#types,)*)), quote!((#(#values,)*)))
        }
        of => {
            let of = ty(of);
            (quote!(impl Into<#of>), quote!(value.into()))
        }
    }
}

/// Returns the prefix of the names of a struct's builder. A module has one input, whose names need none.
fn prefix(item: &Struct) -> &str {
    if is_input(item) { "" } else { &item.ident }
}

struct Slot<'a> {
    field: &'a Field,
    /// The type parameter.
    generic: Ident,
    /// The trait that a value in it implements.
    required: Ident,
}

struct Parts<'a> {
    item: &'a Struct,
    name: Ident,
    builder: Ident,
    optional: Option<Ident>,
    required: Vec<Slot<'a>>,
    optionals: Vec<&'a Field>,
}

impl<'a> Parts<'a> {
    fn new(item: &'a Struct) -> Self {
        let prefix = prefix(item);
        let Names { builder, optional } = Names::new(item);
        let (required, optionals): (Vec<_>, Vec<_>) =
            item.fields.iter().partition(|field| field.presence == Presence::Required);
        // The type itself is named inside of its builder too.
        let mut types = vec![item.ident.clone()];
        item.fields.iter().for_each(|field| field.ty.collect_names(&mut types));
        let mut taken = BTreeSet::new();
        let required = required.into_iter().map(|field| {
            let name = names::slot(&field.json_name, &types, &mut taken);
            Slot { field, generic: format_ident!("{name}Slot"), required: format_ident!("{prefix}Has{name}") }
        });
        Self { item, name: ident(&item.ident), builder, optional, required: required.collect(), optionals }
    }

    fn entry(&self) -> TokenStream {
        let (name, builder) = (&self.name, &self.builder);
        let unset = self.required.iter().map(|slot| {
            let field = ident(&slot.field.ident);
            quote!(#field: Unset)
        });
        let optional = self.optional.as_ref().map(|optional| quote!(optional: #optional::default(),));
        let validate = is_input(self.item).then(validate);
        let docs = docs::line("Returns a builder without a parameter.");
        let try_docs = docs::line(
            "Returns a builder that takes values known only at run time, and whose `build` returns all violations.",
        );
        let checked = self.with_mode(|_| quote!(Unset), &quote!(fal_core::Checked));
        let unset_types = self.with_mode(|_| quote!(Unset), &quote!(M));
        let deprecated = self.item.deprecated.as_ref().map(|warning| quote!(#[deprecated = #warning]));
        quote! {
            impl #name {
                #docs
                #deprecated
                pub fn builder() -> #builder {
                    Self::builder_with(fal_core::Strict)
                }

                #try_docs
                #deprecated
                pub fn try_builder() -> #builder #checked {
                    Self::builder_with(fal_core::Checked::default())
                }

                #[doc(hidden)]
                pub fn builder_with<M: fal_core::Mode>(checking: M) -> #builder #unset_types {
                    #builder {
                        #(#unset,)*
                        #optional
                        checking,
                    }
                }
                #validate
            }
        }
    }

    fn definition(&self) -> TokenStream {
        let builder = &self.builder;
        let docs = if self.required.is_empty() {
            docs::line(&format!("A builder of [`{}`].", self.item.ident))
        } else {
            docs::line(&format!(
                "A builder of [`{}`]. Parameters that are [`Unset`] are still missing.",
                self.item.ident
            ))
        };
        let generics = self.with_mode(
            |slot| {
                let generic = &slot.generic;
                quote!(#generic = Unset)
            },
            &quote!(M = fal_core::Strict),
        );
        let fields = self.required.iter().map(|slot| {
            let (field, generic) = (ident(&slot.field.ident), &slot.generic);
            quote!(#field: #generic)
        });
        let optional = self.optional.as_ref().map(|optional| quote!(optional: #optional,));
        let debug = (!has_secrets(self.item)).then(|| quote!(Debug,));
        quote! {
            #docs
            #[derive(#debug Clone)]
            #[must_use = "a builder does nothing until it is built or given to a call"]
            pub struct #builder #generics {
                #(#fields,)*
                #optional
                checking: M,
            }
        }
    }

    /// Returns the `Debug` impl of a builder of a struct with secrets, which shows no value.
    fn debug(&self) -> Option<TokenStream> {
        if !has_secrets(self.item) {
            return None;
        }
        let builder = &self.builder;
        let (generics, text) = (self.with_mode(Slot::generic, &quote!(M)), builder.to_string());
        Some(quote! {
            impl #generics ::std::fmt::Debug for #builder #generics {
                fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                    f.debug_struct(#text).finish_non_exhaustive()
                }
            }
        })
    }

    fn optional_fields(&self) -> Option<TokenStream> {
        let optional = self.optional.as_ref()?;
        let fields = self.optionals.iter().map(|field| {
            let (name, ty) = (ident(&field.ident), field_type(field));
            quote!(#name: #ty)
        });
        let extra = self.item.extra.as_ref().map(|extra| {
            let ty = extra_type(extra);
            quote!(extra: #ty,)
        });
        let nulls = self.item.keeps_nulls().then(|| quote!(nulls: json::Nulls,));
        let debug = (!has_secrets(self.item)).then(|| quote!(Debug,));
        Some(quote! {
            #[derive(#debug Clone, Default)]
            struct #optional {
                #(#fields,)*
                #extra
                #nulls
            }
        })
    }

    fn setters(&self) -> Option<TokenStream> {
        let builder = &self.builder;
        let generics = self.with_mode(Slot::generic, &quote!(M));
        let bounded = self.with_mode(Slot::generic, &quote!(M: fal_core::Mode));
        let required = self.required.iter().map(|slot| self.required_setter(slot));
        let optional = self.optionals.iter().map(|field| {
            let docs = setter_docs(&self.item.ident, field);
            let (name, ty, json_name) = (ident(&field.ident), setter_type(field), &field.json_name);
            let deprecated = deprecated(field);
            quote! {
                #docs
                #deprecated
                pub fn #name(mut self, value: impl Param<#ty, M>) -> Self {
                    self.optional.#name = self.checking.optional(#json_name, value);
                    self
                }
            }
        });
        let extra = self.item.extra.as_ref().map(|extra| {
            let docs = docs::line(match extra.ty {
                Ty::Json => "Sets a parameter that this crate does not know, or that has another type here.",
                _ => "Sets a parameter that the schema does not name.",
            });
            let (argument, converted) = argument(&extra.ty);
            quote! {
                #docs
                pub fn extra(mut self, name: impl Into<String>, value: #argument) -> Self {
                    self.optional.extra.insert(name.into(), #converted);
                    self
                }
            }
        });
        let has_setters = !self.item.fields.is_empty() || extra.is_some();
        has_setters.then(|| {
            quote! {
                impl #bounded #builder #generics {
                    #(#required)*
                    #(#optional)*
                    #extra
                }
            }
        })
    }

    fn required_setter(&self, slot: &Slot) -> TokenStream {
        let builder = &self.builder;
        let docs = setter_docs(&self.item.ident, slot.field);
        let (name, ty) = (ident(&slot.field.ident), ty(&slot.field.ty));
        let arguments = self.required.iter().map(|other| {
            let generic = &other.generic;
            if other.field.json_name == slot.field.json_name { ty.clone() } else { quote!(#generic) }
        });
        let (argument, converted) = required_argument(&slot.field.ty, &slot.field.json_name);
        let is_checked = !matches!(&slot.field.ty, Ty::Tuple(items) if items.contains(&Ty::Integer));
        let mutable = is_checked.then(|| quote!(mut));
        let moved = self.required.iter().map(|other| {
            let field = ident(&other.field.ident);
            if other.field.json_name == slot.field.json_name {
                quote!(#field: #converted)
            } else {
                quote!(#field: self.#field)
            }
        });
        let optional = self.optional.as_ref().map(|_| quote!(optional: self.optional,));
        quote! {
            #docs
            pub fn #name(#mutable self, value: #argument) -> #builder<#(#arguments,)* M> {
                #builder {
                    #(#moved,)*
                    #optional
                    checking: self.checking,
                }
            }
        }
    }

    fn build(&self) -> TokenStream {
        let (builder, name) = (&self.builder, &self.name);
        // Bounds of the method, not of the impl: only then rustc says which parameter is missing.
        let generics = self.with_mode(Slot::generic, &quote!(M));
        let bounded = self.with_mode(Slot::generic, &quote!(M: fal_core::Mode));
        let bounds = self.required.iter().map(Slot::bounded);
        let bounds = (!self.required.is_empty()).then(|| quote!(where #(#bounds),*));
        let required = self.required.iter().map(|slot| {
            let field = ident(&slot.field.ident);
            quote!(#field: self.#field.take())
        });
        let optional: Vec<_> = self.optionals.iter().map(|field| ident(&field.ident)).collect();
        let extra = self.item.extra.as_ref().map(|_| quote!(extra: self.optional.extra,));
        let nulls = self.item.keeps_nulls().then(|| quote!(nulls: self.optional.nulls,));
        let docs =
            docs::line("Returns the finished value. This compiles once every required parameter is set.");
        let allow = allow_deprecated(self.item);
        quote! {
            #allow
            impl #bounded #builder #generics {
                #docs
                pub fn build(self) -> M::Built<#name> #bounds {
                    self.checking.finish(#name {
                        #(#required,)*
                        #(#optional: self.optional.#optional,)*
                        #extra
                        #nulls
                    })
                }
            }
        }
    }

    fn accepted_by_verbs(&self) -> Vec<TokenStream> {
        let builder = &self.builder;
        let (generics, bounded) = (self.generics(Slot::generic), self.generics(Slot::bounded));
        vec![
            into_input(),
            quote! {
                impl #bounded IntoInput for #builder #generics {
                    type Endpoint = Model;

                    fn into_input(self) -> Input {
                        self.build()
                    }
                }
            },
        ]
    }

    /// Returns the type arguments or parameters of the builder, with its mode.
    fn with_mode(&self, write: impl Fn(&Slot<'a>) -> TokenStream, mode: &TokenStream) -> TokenStream {
        let list = self.required.iter().map(write);
        quote!(<#(#list,)* #mode>)
    }

    fn generics(&self, write: impl Fn(&Slot<'a>) -> TokenStream) -> Option<TokenStream> {
        let list = self.required.iter().map(write);
        (!self.required.is_empty()).then(|| quote!(<#(#list),*>))
    }
}

impl Slot<'_> {
    fn generic(&self) -> TokenStream {
        let generic = &self.generic;
        quote!(#generic)
    }

    fn bounded(&self) -> TokenStream {
        let (generic, required) = (&self.generic, &self.required);
        quote!(#generic: required::#required)
    }
}
