//! The part of an expansion that makes the key.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote_spanned};
use syn::spanned::Spanned;

use super::Expansion;
use crate::hygiene::{at, hygienic};

impl Expansion<'_> {
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
                    parameter.binding.span(),
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
}
