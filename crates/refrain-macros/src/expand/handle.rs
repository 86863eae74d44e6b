//! The item that `handle` asks for.

use proc_macro2::TokenStream;
use quote::format_ident;
use syn::spanned::Spanned;
use syn::{Error, FnArg, GenericParam, Ident, Result};

use super::Expansion;
use crate::arguments::{Arguments, Handle};
use crate::function::Function;
use crate::hygiene::hygienic;

/// Refuses what would not compile, or not do what was meant.
pub(crate) fn check(function: &Function, arguments: &Arguments) -> Result<()> {
    let Some(handle) = &arguments.handle else {
        return Ok(());
    };
    if let Some(ty) = function.unnamed_type() {
        return Err(Error::new(
            ty.span(),
            "`handle` must name every type: make this a type parameter",
        ));
    }
    let name = function.name();
    match handle {
        Handle::OwnName(span) if function.is_method() => Err(Error::new(
            *span,
            format!(
                "a method has no place for a type of its name: name a function to be made beside it, `handle = \
                 {name}_call`"
            ),
        )),
        Handle::OwnName(_) => match &arguments.cache {
            Some(cache) if function.depends_on_call(cache) => Err(Error::new(
                cache.span(),
                format!(
                    "without a call, there are no arguments to find the cache by: write `handle = {name}_call`, which \
                     makes a function that takes them"
                ),
            )),
            _ => Ok(()),
        },
        Handle::Call(call) if call == name => Err(Error::new(
            call.span(),
            "the function has this name itself: give another, or write `handle` alone for a type of this name",
        )),
        Handle::Call(_) => Ok(()),
    }
}

pub(crate) fn tokens(expansion: &Expansion<'_>) -> Option<TokenStream> {
    match expansion.arguments.handle.as_ref()? {
        Handle::OwnName(span) => {
            let mut name = expansion.function.name().clone();
            name.set_span(*span);
            Some(own_name(expansion, &name))
        }
        Handle::Call(name) => Some(call(expansion, name)),
    }
}

/// A type of the function's name, with functions for its results.
fn own_name(expansion: &Expansion<'_>, name: &Ident) -> TokenStream {
    let krate = &expansion.krate;
    let visibility = &expansion.function.item.vis;
    let (generics, _, bounds) = expansion.function.item.sig.generics.split_for_impl();
    let (site, cache) = (expansion.site(), expansion.cache());
    let inputs = expansion.inputs();
    let names = names(&inputs);
    let arguments = turbofish(expansion);
    let key = key(expansion, &hygienic!(#name #arguments));
    let about = format!("The cached results of [`{name}()`].");
    hygienic! {
        #[doc = #about]
        #[allow(non_camel_case_types)]
        #[derive(Debug)]
        #visibility enum #name {}

        #[allow(clippy::pedantic, clippy::needless_lifetimes, clippy::extra_unused_lifetimes)]
        impl #name {
            /// The cache of the function: to invalidate results, and for statistics.
            #[allow(dead_code)]
            #visibility fn cache() -> #krate::FunctionCache {
                let __site = #site;
                #krate::__private::function_cache(__site, #cache)
            }

            /// The key of a call with these arguments.
            ///
            /// # Errors
            ///
            /// The argument that cannot be keyed.
            #[allow(dead_code)]
            #visibility fn key #generics (#(#inputs),*) -> ::core::result::Result<#krate::Key, #krate::Unkeyable> #bounds {
                let __site = #site;
                let _ = (#(&#names,)*);
                #key
            }

            /// Invalidates the result of a call with these arguments; true if there was one.
            #[allow(dead_code)]
            #visibility fn invalidate #generics (#(#inputs),*) -> bool #bounds {
                Self::key #arguments (#(#names),*).is_ok_and(|__key| Self::cache().invalidate(&__key))
            }
        }
    }
}

/// A function that takes the same arguments.
fn call(expansion: &Expansion<'_>, name: &Ident) -> TokenStream {
    let krate = &expansion.krate;
    let function = expansion.function.name();
    let visibility = &expansion.function.item.vis;
    let (generics, _, bounds) = expansion.function.item.sig.generics.split_for_impl();
    let (site, cache) = (expansion.site(), expansion.cache());
    let inputs = expansion.inputs();
    let names = names(&inputs);
    let arguments = turbofish(expansion);
    let path = if expansion.function.is_method() {
        hygienic!(Self::#function #arguments)
    } else {
        hygienic!(#function #arguments)
    };
    let key = key(expansion, &path);
    let about = format!(
        "Where the result of [`{function}()`](Self::{function}) with these arguments is filed."
    );
    let about = if expansion.function.is_method() {
        about
    } else {
        about.replace("Self::", "")
    };
    hygienic! {
        #[doc = #about]
        #[allow(dead_code, clippy::pedantic)]
        #visibility fn #name #generics (#(#inputs),*) -> #krate::CachedCall #bounds {
            let __site = #site;
            let _ = (#(&#names,)*);
            let __key = #key;
            #krate::__private::cached_call(__site, #cache, __key)
        }
    }
}

fn key(expansion: &Expansion<'_>, function: &TokenStream) -> TokenStream {
    let krate = &expansion.krate;
    let key = expansion.key();
    hygienic! {
        #krate::__private::key_of(
            __site,
            ::core::any::type_name_of_val(&#function),
            |__call| #key,
        )
    }
}

/// The types and constants by which the function is instantiated.
fn turbofish(expansion: &Expansion<'_>) -> Option<TokenStream> {
    let generics = &expansion.function.item.sig.generics;
    let names: Vec<_> = generics
        .params
        .iter()
        .filter_map(|parameter| match parameter {
            GenericParam::Type(ty) => Some(&ty.ident),
            GenericParam::Const(constant) => Some(&constant.ident),
            GenericParam::Lifetime(_) => None,
        })
        .collect();
    (!names.is_empty()).then(|| hygienic!(::<#(#names),*>))
}

fn names(inputs: &[FnArg]) -> Vec<Ident> {
    inputs
        .iter()
        .filter_map(|input| match input {
            FnArg::Receiver(_) => Some(format_ident!("self")),
            FnArg::Typed(typed) => match &*typed.pat {
                syn::Pat::Ident(pattern) => Some(pattern.ident.clone()),
                _ => None,
            },
        })
        .collect()
}
