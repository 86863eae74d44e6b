//! The derives `Keyable` and `Weigh`, by which a type of the user's own can be an argument and a result.

use proc_macro2::TokenStream;
use quote::{ToTokens, format_ident};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{
    Data, DeriveInput, Error, Field, Fields, Generics, Ident, Member, Path, Result, parse_quote,
};

use crate::hygiene::{at, hygienic};

/// `impl Keyable`: the form that `docs/key-format.md` gives to structs and enums.
pub(crate) fn keyable(input: TokenStream) -> TokenStream {
    expand(input, "Keyable", |input, krate| {
        let name = input.ident.unraw().to_string();
        let arms = shapes(input, "Keyable")?.into_iter().map(|shape| {
            let Shape {
                pattern,
                variant,
                fields,
                names,
            } = shape;
            let content = if let Some(names) = &names {
                hygienic!(#krate::__private::Named(&[#((#names, #fields)),*]))
            } else {
                hygienic!(#krate::__private::Unnamed(&[#(#fields),*]))
            };
            if let Some(variant) = variant {
                hygienic!(#pattern => __encoder.variant(#name, #variant, &#content))
            } else {
                hygienic!(#pattern => __encoder.tagged(#name, &#content))
            }
        });
        let arms: Vec<_> = arms.collect();
        Ok(hygienic! {
            fn encode_key(
                &self,
                __encoder: #krate::KeyEncoder<'_>,
            ) -> ::core::result::Result<#krate::key::Encoded, #krate::Unkeyable> {
                match *self { #(#arms,)* }
            }
        })
    })
}

/// `impl Weigh`: the sum of what the fields own.
pub(crate) fn weigh(input: TokenStream) -> TokenStream {
    expand(input, "Weigh", |input, krate| {
        let arms = shapes(input, "Weigh")?.into_iter().map(
            |Shape {
                 pattern, fields, ..
             }| {
                hygienic!(#pattern => 0_u64 #(.saturating_add(#krate::Weigh::heap_bytes(#fields)))*)
            },
        );
        let arms: Vec<_> = arms.collect();
        Ok(hygienic! {
            fn heap_bytes(&self) -> ::core::primitive::u64 {
                match *self { #(#arms,)* }
            }
        })
    })
}

fn expand(
    input: TokenStream,
    name: &str,
    body: impl Fn(&DeriveInput, &Path) -> Result<TokenStream>,
) -> TokenStream {
    let expanded = syn::parse2(input).and_then(|input: DeriveInput| {
        let krate = krate(&input)?;
        let name = format_ident!("{name}");
        let (ty, body) = (&input.ident, body(&input, &krate)?);
        let generics = bounded(&input.generics, &parse_quote!(#krate::#name));
        let (parameters, arguments, bounds) = generics.split_for_impl();
        Ok(hygienic! {
            #[automatically_derived]
            impl #parameters #krate::#name for #ty #arguments #bounds {
                #body
            }
        })
    });
    expanded.unwrap_or_else(Error::into_compile_error)
}

/// The path of the crate `refrain`: the one of `#[refrain(crate = …)]`, if given.
fn krate(input: &DeriveInput) -> Result<Path> {
    let mut krate = None;
    for attribute in input
        .attrs
        .iter()
        .filter(|attribute| attribute.path().is_ident("refrain"))
    {
        attribute.parse_nested_meta(|meta| {
            if !meta.path.is_ident("crate") {
                return Err(meta.error("only `crate` is known here: `#[refrain(crate = path)]`"));
            }
            krate = Some(meta.value()?.call(Path::parse_mod_style)?);
            Ok(())
        })?;
    }
    Ok(krate.unwrap_or_else(|| parse_quote!(::refrain)))
}

/// Every type parameter has the trait: whether a field needs it, only the compiler knows.
fn bounded(generics: &Generics, bound: &Path) -> Generics {
    let mut generics = generics.clone();
    for parameter in generics.type_params_mut() {
        parameter.bounds.push(parse_quote!(#bound));
    }
    generics
}

/// A struct, or a variant of an enum.
struct Shape {
    /// Binds each field by reference.
    pattern: TokenStream,
    variant: Option<String>,
    /// The bound fields, reported where they are declared.
    fields: Vec<TokenStream>,
    /// Their names, if they have any.
    names: Option<Vec<String>>,
}

fn shapes(input: &DeriveInput, name: &str) -> Result<Vec<Shape>> {
    match &input.data {
        Data::Struct(data) => Ok(vec![Shape::new(&hygienic!(Self), None, &data.fields)]),
        Data::Enum(data) => Ok(data
            .variants
            .iter()
            .map(|variant| {
                let ident = &variant.ident;
                Shape::new(&hygienic!(Self::#ident), Some(ident), &variant.fields)
            })
            .collect()),
        Data::Union(data) => Err(Error::new(
            data.union_token.span(),
            format!("which field of a union is meant, nobody knows: implement `{name}` by hand"),
        )),
    }
}

impl Shape {
    fn new(path: &TokenStream, variant: Option<&Ident>, fields: &Fields) -> Self {
        let (members, bindings): (Vec<Member>, Vec<TokenStream>) = fields
            .members()
            .zip(fields)
            .enumerate()
            .map(|(position, (member, field))| (member, binding(position, field)))
            .unzip();
        let names = matches!(fields, Fields::Named(_)).then(|| {
            let idents = fields.iter().filter_map(|field| field.ident.as_ref());
            idents.map(|ident| ident.unraw().to_string()).collect()
        });
        Self {
            pattern: hygienic!(#path { #(#members: ref #bindings),* }),
            variant: variant.map(|variant| variant.unraw().to_string()),
            fields: bindings,
            names,
        }
    }
}

fn binding(position: usize, field: &Field) -> TokenStream {
    let span = at(field.ty.span());
    format_ident!("__field_{position}", span = span).into_token_stream()
}
