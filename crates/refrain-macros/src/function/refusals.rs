//! Functions that cannot be cached, and why.

use proc_macro2::{Span, TokenStream};
use quote::ToTokens;
use syn::spanned::Spanned;
use syn::{Error, Result, ReturnType, Safety, Signature, Type};

use super::Kind;
use crate::types::Contents;

pub(super) fn check_qualifiers(kind: Kind, signature: &Signature) -> Result<()> {
    let attribute = kind.attribute();
    match (kind, &signature.asyncness) {
        (Kind::Async, None) => {
            return Err(Error::new(
                signature.fn_token.span(),
                format!("{attribute} is for `async fn`: write #[cached_result_sync] on this one"),
            ));
        }
        (Kind::Sync, Some(asyncness)) => {
            return Err(Error::new(
                asyncness.span(),
                format!(
                    "{attribute} is for functions that are not `async`: write #[cached_result] on this one"
                ),
            ));
        }
        _ => {}
    }
    if let Some(constness) = &signature.constness {
        return Err(Error::new(
            constness.span(),
            "a `const fn` cannot be cached: what is computed by the compiler needs no cache",
        ));
    }
    if let Safety::Unsafe(token) = &signature.safety {
        return Err(Error::new(
            token.span(),
            "an `unsafe fn` cannot be cached: cache a safe function around it",
        ));
    }
    if let Some(abi) = &signature.abi {
        return Err(Error::new(
            abi.span(),
            "a function with an ABI of its own cannot be cached: cache one that it calls",
        ));
    }
    Ok(())
}

pub(super) fn output(kind: Kind, signature: &Signature) -> Result<Type> {
    let nothing = |span| {
        Err(Error::new(
            span,
            "the function returns nothing, so there is nothing to cache, and a hit would skip what it does: return \
             the result",
        ))
    };
    let ty = match &signature.output {
        ReturnType::Default => return nothing(signature.ident.span()),
        ReturnType::Type(_, ty) => (**ty).clone(),
    };
    let contents = Contents::of(&ty);
    match &ty {
        Type::Tuple(tuple) if tuple.elems.is_empty() => return nothing(ty.span()),
        Type::Never(_) => {
            return Err(Error::new(
                ty.span(),
                "the function never returns, so there is nothing to cache",
            ));
        }
        _ => {}
    }
    if is_future(&ty) {
        return Err(Error::new(
            ty.span(),
            format!(
                "a future cannot be kept, only what it gives: write `async fn` and #[cached_result] instead of {}",
                kind.attribute()
            ),
        ));
    }
    if contents.impl_trait {
        return Err(Error::new(
            ty.span(),
            "a result that is kept needs a type with a name: write the type instead of `impl …`, and collect iterators",
        ));
    }
    if contents.borrows {
        return Err(Error::new(
            ty.span(),
            "a result that is kept cannot borrow: return an owned value, such as `String` or `Arc<…>`",
        ));
    }
    Ok(ty)
}

fn is_future(ty: &Type) -> bool {
    let words = ty.to_token_stream().to_string();
    let is_pinned = words.starts_with("Pin <") || words.contains(":: Pin <");
    let is_named = words.starts_with("impl ") || is_pinned || words.contains("BoxFuture");
    is_named && (words.contains("Future <") || words.contains("BoxFuture"))
}

pub(super) fn not_a_function(kind: Kind, item: &TokenStream, error: Error) -> Error {
    let attribute = kind.attribute();
    if syn::parse2::<syn::TraitItemFn>(item.clone()).is_ok() {
        return Error::new_spanned(
            item,
            format!(
                "{attribute} needs a function with a body: write it where the trait is implemented"
            ),
        );
    }
    match syn::parse2::<syn::Item>(item.clone()) {
        Ok(syn::Item::Fn(_)) | Err(_) => error,
        Ok(syn::Item::Impl(_) | syn::Item::Trait(_)) => Error::new(
            Span::call_site(),
            format!("{attribute} is for functions: write it on each method that is to be cached"),
        ),
        Ok(_) => Error::new(Span::call_site(), format!("{attribute} is for functions")),
    }
}
