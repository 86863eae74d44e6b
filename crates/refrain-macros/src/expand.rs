//! The function again, with one call of the library for its body.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Error, FnArg, Pat, Path, ReceiverKind, Result, parse_quote, parse_quote_spanned};

use crate::arguments::Arguments;
use crate::function::{Function, Kind, Parameter, Passing, mentions};
use crate::handle;
use crate::hygiene::{at, hygienic, moved_to};
use crate::receiver::rename_self;

/// What an attribute expands to. The function stays even if something is wrong, so that one mistake is one error and
/// not one more for each call.
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
        let block = if function.kind == Kind::Async && self.is_recursive() {
            // As `async fn` it could not await itself: whether its future is `Send` would depend on itself.
            signature.asyncness = None;
            let output = &function.output;
            signature.output = parse_quote_spanned! {Span::mixed_site()=>
                -> impl ::core::future::Future<Output = #output> + ::core::marker::Send
            };
            hygienic!({ async move #call })
        } else {
            call
        };
        Ok(hygienic! {
            #(#attributes)*
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

    /// The key of the call, or why there is none.
    pub(crate) fn key(&self) -> TokenStream {
        let Self { private, .. } = self;
        let version = match &self.arguments.version {
            None => hygienic!("1"),
            Some(version @ syn::Expr::Lit(literal)) if matches!(literal.lit, syn::Lit::Str(_)) => {
                version.to_token_stream()
            }
            Some(version) => hygienic!(&#private::version(#version)),
        };
        if let Some(key) = &self.arguments.key {
            let span = key.body.span();
            let given = key.call(self.function);
            let key = quote_spanned!(at(span)=> #private::Given(#given).key(__call, #version));
            return hygienic! {{
                #[allow(unused_imports)]
                use #private::GivenParts as _;
                #key
            }};
        }
        let parts = self.key_parts();
        hygienic!(__call.arguments(#version, &[#(#parts),*]))
    }

    fn key_parts(&self) -> Vec<TokenStream> {
        let is_ignored = |name: &str| self.arguments.ignore.iter().any(|ignored| ignored == name);
        let part = |name: &str, value: TokenStream, span: Span| quote_spanned!(at(span)=> (#name, &#value));
        let mut parts = Vec::new();
        if let Some(receiver) = self.receiver()
            && !is_ignored("self")
        {
            let this = quote_spanned!(receiver=> self);
            parts.push(part("self", this, receiver));
        }
        for parameter in &self.function.parameters {
            if !parameter.is_in(&self.arguments.ignore) {
                let binding = &parameter.binding;
                parts.push(part(
                    &parameter.key_name,
                    binding.to_token_stream(),
                    parameter.span(),
                ));
            }
        }
        parts
    }

    /// Where `self` stands, if it does.
    fn receiver(&self) -> Option<Span> {
        let receiver = self.function.item.sig.receiver()?;
        Some(receiver.self_token.span)
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

    /// The closure that gives the options of the entry and the computation.
    fn prepare(&self) -> Result<TokenStream> {
        let options = self.options();
        let output = &self.function.output;
        let rebound = self
            .function
            .parameters
            .iter()
            .filter_map(Parameter::rebound);
        match self.function.kind {
            Kind::Sync => {
                let block = self.function.block();
                Ok(hygienic! {
                    move |__wanted: bool| (
                        #options,
                        move || -> #output { #(#rebound)* #block },
                    )
                })
            }
            Kind::Async => {
                let Self { private, .. } = self;
                let (owned, borrowed) = self.owned();
                let block = self.async_block()?;
                let span = self.function.block().span();
                let body = quote_spanned!(at(span)=> async move {
                    #borrowed
                    #(#rebound)*
                    // Says what the block gives, so that a `?` in it knows.
                    #[allow(unreachable_code, clippy::all, clippy::pedantic)]
                    if false {
                        let __output: #output = loop {};
                        return __output;
                    }
                    #block
                });
                Ok(hygienic! {
                    move |__wanted: bool| {
                        let __options = #options;
                        #owned
                        (__options, #private::boxed::<#output>(#body))
                    }
                })
            }
        }
    }

    fn options(&self) -> TokenStream {
        let Self { private, .. } = self;
        let said = [
            ("ttl", &self.arguments.ttl),
            ("cost", &self.arguments.cost),
            ("tags", &self.arguments.tags),
        ];
        let said = said.into_iter().filter_map(|(name, value)| {
            let value = value.as_ref()?;
            let name = Ident::new(name, Span::mixed_site());
            Some(quote_spanned!(at(value.span())=> .#name(#value)))
        });
        hygienic!(#private::options(__site, __wanted, |__options| __options #(#said)*))
    }

    /// Clones of what is borrowed, which the computation takes with it, and references to them under the old names.
    fn owned(&self) -> (TokenStream, TokenStream) {
        let mut owned = TokenStream::new();
        let mut borrowed = TokenStream::new();
        let mut add = |name: &Ident, source: &TokenStream, ty: &syn::Type, span: Span| {
            owned.extend(quote_spanned!(at(span)=>
                let #name = <#ty as ::std::borrow::ToOwned>::to_owned(#source);
            ));
            borrowed.extend(hygienic! {
                let #name: &#ty = ::core::borrow::Borrow::<#ty>::borrow(&#name);
                // In the key it is used, if not in the body.
                let _ = #name;
            });
        };
        if let Some(receiver) = &self.function.receiver
            && let Passing::Borrowed(ty) = &receiver.passing
        {
            add(&this(), &quote!(self), ty, receiver.span);
        }
        for parameter in &self.function.parameters {
            if let Passing::Borrowed(ty) = &parameter.passing {
                let name = &parameter.binding;
                add(name, &name.to_token_stream(), ty, ty.span());
            }
        }
        (owned, borrowed)
    }

    fn async_block(&self) -> Result<TokenStream> {
        let block = self.function.block();
        match &self.function.receiver {
            Some(receiver) if matches!(receiver.passing, Passing::Borrowed(_)) => {
                Ok(rename_self(block, &this())?.to_token_stream())
            }
            _ => Ok(block.to_token_stream()),
        }
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

/// The name of `self` in the body of an `async` method.
fn this() -> Ident {
    Ident::new("__self", Span::mixed_site())
}

impl Parameter {
    fn span(&self) -> Span {
        self.binding.span()
    }

    /// The pattern that the user wrote, bound before the body.
    fn rebound(&self) -> Option<TokenStream> {
        let pattern: &Pat = self.pattern.as_ref()?;
        let binding = &self.binding;
        Some(hygienic!(let #pattern = #binding;))
    }
}
