//! The part of an expansion that is run on a miss: the options of the entry, and the function's own body.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Pat, Result};

use super::Expansion;
use crate::function::{Kind, Parameter, Passing};
use crate::hygiene::{at, hygienic};
use crate::receiver::rename_self;

impl Expansion<'_> {
    /// The closure that gives the options of the entry and the computation.
    pub(super) fn prepare(&self) -> Result<TokenStream> {
        let options = self.options();
        let output = &self.function.output;
        let rebound = self
            .function
            .parameters
            .iter()
            .filter_map(Parameter::rebound);
        match self.function.kind {
            Kind::Sync => {
                // Not the block itself: braces in braces are a warning where a macro gave them.
                let statements = &self.function.block().stmts;
                Ok(hygienic! {
                    move |__wanted: bool| (
                        #options,
                        move || -> #output { #(#rebound)* #(#statements)* },
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
}

/// The name of `self` in the body of an `async` method.
fn this() -> Ident {
    Ident::new("__self", Span::mixed_site())
}

impl Parameter {
    /// The pattern that the user wrote, bound before the body.
    fn rebound(&self) -> Option<TokenStream> {
        let pattern: &Pat = self.pattern.as_ref()?;
        let binding = &self.binding;
        Some(hygienic!(let #pattern = #binding;))
    }
}
