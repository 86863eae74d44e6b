//! The expansion of an attribute: the function again, with one call of the library for its body.

mod handle;
mod key;
mod prepare;

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Error, FnArg, Path, ReceiverKind, Result, parse_quote, parse_quote_spanned};

use crate::arguments::Arguments;
use crate::function::{Function, Kind, mentions};
use crate::hygiene::{at, hygienic, moved_to};

/// The expansion of an attribute. The function stays even if something is wrong, so that one mistake is one error and not
/// one more for each call.
pub(crate) fn attribute(kind: Kind, arguments: TokenStream, item: &TokenStream) -> TokenStream {
    let expanded = syn::parse2(arguments)
        .and_then(|arguments| Ok((Function::parse(kind, item)?, arguments)))
        .and_then(|(function, arguments)| Expansion::new(&function, &arguments)?.tokens());
    expanded.unwrap_or_else(|error| {
        let error = error.into_compile_error();
        quote!(#error #item)
    })
}

/// A function and what is said about it, checked against one another.
pub(crate) struct Expansion<'a> {
    pub(crate) function: &'a Function,
    pub(crate) arguments: &'a Arguments,
    /// The path of `refrain::__private`.
    private: TokenStream,
    /// The crate `refrain`.
    pub(crate) krate: Path,
}

impl<'a> Expansion<'a> {
    fn new(function: &'a Function, arguments: &'a Arguments) -> Result<Self> {
        function.check_names(arguments.ignore.iter())?;
        if let Some(key) = &arguments.key {
            key.check(function)?;
        }
        function.check_arguments(|name| arguments.counts(name))?;
        if let Some(name) = &arguments.name
            && function.depends_on_call(name)
        {
            return Err(Error::new(
                name.span(),
                "`name` is the same for every call, so it cannot use the arguments: what tells calls apart is `key`",
            ));
        }
        handle::check(function, arguments)?;
        let krate = arguments
            .krate
            .clone()
            .unwrap_or_else(|| parse_quote!(::refrain));
        Ok(Self {
            private: hygienic!(#krate::__private),
            krate,
            function,
            arguments,
        })
    }

    fn tokens(&self) -> Result<TokenStream> {
        let function = self.function;
        let handle = handle::tokens(self);
        let attributes = &function.item.attrs;
        let visibility = &function.item.vis;
        let modifiers = &function.item.modifiers.defaultness;
        let mut signature = function.item.sig.clone();
        let call = self.call()?;
        let mut allowed = None;
        let block = if function.kind == Kind::Async && self.is_recursive() {
            // As `async fn` it could not await itself: whether its future is `Send` would depend on itself.
            signature.asyncness = None;
            let output = &function.output;
            signature.output = parse_quote_spanned! {Span::mixed_site()=>
                -> impl ::core::future::Future<Output = #output> + ::core::marker::Send
            };
            // In the `impl` of a trait, it says more than the trait.
            allowed = Some(hygienic!(#[allow(refining_impl_trait)]));
            hygienic!({ async move #call })
        } else {
            call
        };
        Ok(hygienic! {
            #(#attributes)*
            #allowed
            #visibility #modifiers #signature #block
            #handle
        })
    }

    /// The new body.
    fn call(&self) -> Result<TokenStream> {
        let private = &self.private;
        let site = self.site();
        let (enabled, cache, weight) = (self.enabled(), self.cache(), self.weight());
        let key = self.key();
        let shape = self.shape();
        let prepare = self.prepare()?;
        let output = &self.function.output;
        // What the result lacks is reported where its type stands.
        let place = output.span();
        let there = moved_to(place, private);
        let (call, wait) = match self.function.kind {
            Kind::Sync => (
                quote_spanned!(at(place)=> #there::call::<#output, _, _, _, _, _>),
                None,
            ),
            Kind::Async => (
                quote_spanned!(at(place)=> #there::call_async::<#output, _, _, _, _>),
                Some(hygienic!(.await)),
            ),
        };
        Ok(hygienic! {{
            let __site = #site;
            #call(
                __site,
                #cache,
                #private::key(
                    __site,
                    #enabled,
                    ::core::any::type_name_of_val(&|| ()),
                    |__call| #key,
                ),
                #shape,
                #weight,
                #prepare,
            ) #wait
        }})
    }

    /// The static that stands for the place of the function.
    pub(crate) fn site(&self) -> TokenStream {
        let Self { private, .. } = self;
        let is_named = self.arguments.name.is_some();
        let name = if let Some(name) = &self.arguments.name {
            name.to_token_stream()
        } else {
            let name = self.function.name().unraw().to_string();
            hygienic!(::core::concat!(::core::module_path!(), "::", #name))
        };
        hygienic! {{
            static __REFRAIN_SITE: #private::Site = #private::Site::new(
                #name,
                #is_named,
                ::core::file!(),
                ::core::line!(),
                ::core::column!(),
            );
            &__REFRAIN_SITE
        }}
    }

    /// A closure, so that neither a panic nor a `return` in it ends the function.
    fn enabled(&self) -> TokenStream {
        let enabled = self.arguments.enabled.as_ref();
        let enabled = enabled.map_or_else(|| hygienic!(true), ToTokens::to_token_stream);
        hygienic!(|| -> ::core::primitive::bool { #enabled })
    }

    /// The cache, if there is one.
    pub(crate) fn cache(&self) -> TokenStream {
        let Self { private, .. } = self;
        let Some(cache) = &self.arguments.cache else {
            return hygienic!(#private::global_cache(__site));
        };
        let kind = if self.function.depends_on_call(cache) {
            hygienic!(found_cache)
        } else {
            hygienic!(fixed_cache)
        };
        quote_spanned!(at(cache.span())=> #private::#kind(&#cache))
    }

    fn shape(&self) -> TokenStream {
        let Self { private, .. } = self;
        let output = &self.function.output;
        let span = output.span();
        if self.arguments.store_errors.is_some() {
            return quote_spanned!(at(span)=> #private::whole_result::<#output>());
        }
        hygienic! {{
            #[allow(unused_imports)]
            use #private::{ReturnsOther as _, ReturnsResult as _, ReturnsSharedResult as _};
            (&&&#private::Returns::<#output>::new()).shape()
        }}
    }

    fn weight(&self) -> TokenStream {
        let Self { private, .. } = self;
        let Some(weight) = &self.arguments.weight else {
            let span = self.function.output.span();
            return quote_spanned!(at(span)=> #private::estimated());
        };
        let (output, shape) = (&self.function.output, self.shape());
        hygienic!(#private::told::<#output, _, _>(#shape, #weight))
    }

    /// Whether the function's name is in its body: then it may await itself.
    fn is_recursive(&self) -> bool {
        let body = self.function.block().to_token_stream();
        mentions(body, self.function.name())
    }

    /// The arguments of the function as an item beside it takes them.
    pub(crate) fn inputs(&self) -> Vec<FnArg> {
        let inputs = self.function.item.sig.inputs.iter().cloned();
        inputs
            .map(|mut input| {
                match &mut input {
                    FnArg::Receiver(receiver) => {
                        receiver.attrs.clear();
                        if matches!(receiver.kind, ReceiverKind::Value) {
                            receiver.mutability = None;
                        }
                    }
                    FnArg::Typed(typed) => typed.attrs.clear(),
                }
                input
            })
            .collect()
    }
}
