//! Tokens of the expansion whose local names the user can neither see nor take.

use proc_macro2::{Span, TokenStream, TokenTree};

/// `quote!`, with local names that are the expansion's own.
macro_rules! hygienic {
    ($($tokens:tt)*) => {
        ::quote::quote_spanned!(::proc_macro2::Span::mixed_site()=> $($tokens)*)
    };
}

pub(crate) use hygienic;

/// A span that is reported at `place`, with local names that are the expansion's own.
pub(crate) fn at(place: Span) -> Span {
    place.resolved_at(Span::mixed_site())
}

/// The same tokens, meaning what they meant, reported at `place`.
pub(crate) fn moved_to(place: Span, tokens: &TokenStream) -> TokenStream {
    let moved = tokens.clone().into_iter().map(|mut token: TokenTree| {
        token.set_span(token.span().located_at(place));
        token
    });
    moved.collect()
}

#[cfg(test)]
mod tests {
    use quote::quote;

    use crate::expand::attribute;
    use crate::function::Kind;

    /// Whether an identifier is among the tokens; texts of documentation do not count.
    fn names_refrain(tokens: proc_macro2::TokenStream) -> bool {
        let refrain = proc_macro2::Ident::new("refrain", proc_macro2::Span::call_site());
        crate::function::mentions(tokens, &refrain)
    }

    #[test]
    fn with_a_renamed_dependency_nothing_names_the_crate_by_its_own_name() {
        let arguments = quote! {
            crate = renamed, handle = call, store_errors, cache = CACHE, key = |a| a, ttl = TTL, cost = COST,
            tags = TAGS, weight = |result| 1_u64, enabled = true, version = "2"
        };
        let sync = quote!(
            fn f(a: &str, b: u8) -> Result<u8, String> {
                Ok(b)
            }
        );
        let asynchronous = quote!(
            async fn f(&self, a: &str) -> Result<u8, String> {
                self.g(a).await
            }
        );
        let method = quote!(
            fn f(&self, a: &str) -> Result<u8, String> {
                self.g(a)
            }
        );
        for (kind, item) in [
            (Kind::Sync, sync),
            (Kind::Sync, method),
            (Kind::Async, asynchronous),
        ] {
            let expanded = attribute(kind, arguments.clone(), &item);
            assert!(
                !expanded.to_string().contains("compile_error"),
                "{expanded}"
            );
            assert!(!names_refrain(expanded));
        }
        let plain = attribute(
            Kind::Sync,
            quote!(crate = renamed, handle),
            &quote!(
                fn f(a: u8) -> u8 {
                    a
                }
            ),
        );
        assert!(!names_refrain(plain));
        let unnamed = attribute(
            Kind::Sync,
            quote!(),
            &quote!(
                fn f(a: u8) -> u8 {
                    a
                }
            ),
        );
        assert!(names_refrain(unnamed), "the test would see it");
    }

    #[test]
    fn with_a_renamed_dependency_derives_do_not_name_the_crate_either() {
        let item = quote! {
            #[refrain(crate = renamed)]
            enum Style<T> { Plain, Dots(T, u8), Shaded { light: f64 } }
        };
        for expanded in [
            crate::derive::keyable(item.clone()),
            crate::derive::weigh(item),
        ] {
            assert!(
                !expanded.to_string().contains("compile_error"),
                "{expanded}"
            );
            assert!(!names_refrain(expanded));
        }
    }
}
