//! The function under an attribute: what it takes, what it gives, and whether that can be cached.

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::{ToTokens, format_ident};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{
    Block, Error, Expr, FnArg, Ident, ItemFn, Pat, PatIdent, PatType, Receiver, ReceiverKind,
    Result, ReturnType, Safety, Signature, Type,
};

use crate::types::Contents;

/// Which of the two attributes it is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Async,
    Sync,
}

pub(crate) struct Function {
    pub(crate) kind: Kind,
    pub(crate) item: ItemFn,
    pub(crate) output: Type,
    pub(crate) parameters: Vec<Parameter>,
    pub(crate) receiver: Option<SelfParameter>,
}

/// An argument other than `self`.
pub(crate) struct Parameter {
    /// The name it has in the signature.
    pub(crate) binding: Ident,
    /// The name it has in the key.
    pub(crate) key_name: String,
    /// What the user wrote, where it is not a plain name: bound again before the body.
    pub(crate) pattern: Option<Pat>,
    pub(crate) passing: Passing,
    ty: Type,
}

/// How an argument is passed.
pub(crate) enum Passing {
    Owned,
    /// A reference to this, for the time of the call.
    Borrowed(Box<Type>),
    /// A reference for ever.
    Static,
    BorrowedMutably,
}

/// The `self` argument.
pub(crate) struct SelfParameter {
    pub(crate) passing: Passing,
    pub(crate) span: Span,
}

impl Kind {
    pub(crate) fn attribute(self) -> &'static str {
        match self {
            Self::Async => "#[cached_result]",
            Self::Sync => "#[cached_result_sync]",
        }
    }
}

impl Function {
    pub(crate) fn parse(kind: Kind, item: &TokenStream) -> Result<Self> {
        let mut item: ItemFn =
            syn::parse2(item.clone()).map_err(|error| not_a_function(kind, item, error))?;
        check_qualifiers(kind, &item.sig)?;
        let output = output(kind, &item.sig)?;
        let mut receiver = None;
        let mut parameters = Vec::new();
        for (position, input) in item.sig.inputs.iter_mut().enumerate() {
            match input {
                FnArg::Receiver(this) => receiver = Some(SelfParameter::new(this)),
                FnArg::Typed(typed) => parameters.push(Parameter::new(position, typed)),
            }
        }
        Ok(Self {
            kind,
            item,
            output,
            parameters,
            receiver,
        })
    }

    pub(crate) fn name(&self) -> &Ident {
        &self.item.sig.ident
    }

    pub(crate) fn block(&self) -> &Block {
        &self.item.block
    }

    /// The argument that the user calls `name`.
    pub(crate) fn parameter(&self, name: &Ident) -> Option<&Parameter> {
        self.parameters
            .iter()
            .find(|parameter| parameter.pattern_name() == Some(name))
    }

    /// Refuses names that are not arguments.
    pub(crate) fn check_names<'a>(&self, names: impl Iterator<Item = &'a Ident>) -> Result<()> {
        all(names.map(|name| {
            let is_known = if name == "self" {
                self.receiver.is_some()
            } else {
                self.parameter(name).is_some()
            };
            if is_known {
                return Ok(());
            }
            Err(Error::new(
                name.span(),
                format!(
                    "`{name}` is not an argument of `{}`{}",
                    self.name(),
                    self.names()
                ),
            ))
        }))
    }

    fn names(&self) -> String {
        let this = self.receiver.iter().map(|_| "`self`".to_owned());
        let others = self
            .parameters
            .iter()
            .filter_map(|parameter| Some(format!("`{}`", parameter.pattern_name()?)));
        let names: Vec<_> = this.chain(others).collect();
        if names.is_empty() {
            ", which has none".to_owned()
        } else {
            format!(", which has {}", names.join(", "))
        }
    }

    /// Refuses arguments whose effects a hit would skip, or that do not live as long as a computation may.
    ///
    /// `counts` tells whether an argument is part of the key; `None` asks for one that has no name to be asked by.
    pub(crate) fn check_arguments(&self, counts: impl Fn(Option<&Ident>) -> bool) -> Result<()> {
        let this = self.receiver.iter().map(|this| {
            let is_ignored = !counts(Some(&Ident::new("self", Span::call_site())));
            check_passing(self.kind, &this.passing, "self", is_ignored, this.span)
        });
        let others = self.parameters.iter().map(|parameter| {
            let name = parameter.key_name.as_str();
            let is_ignored = !counts(parameter.pattern_name());
            check_passing(
                self.kind,
                &parameter.passing,
                name,
                is_ignored,
                parameter.ty.span(),
            )?;
            match self.kind {
                Kind::Async => parameter.check_owned(),
                Kind::Sync => Ok(()),
            }
        });
        all(this.chain(others))
    }

    /// Whether an expression uses an argument, or `self`.
    pub(crate) fn depends_on_call(&self, value: &Expr) -> bool {
        let tokens = value.to_token_stream();
        let this = Ident::new("self", Span::call_site());
        let names = self.parameters.iter().map(|parameter| &parameter.binding);
        names
            .chain([&this])
            .any(|name| mentions(tokens.clone(), name))
    }

    /// An argument whose type has no name.
    pub(crate) fn unnamed_type(&self) -> Option<&Type> {
        let mut types = self.parameters.iter().map(|parameter| &parameter.ty);
        types.find(|ty| Contents::of(ty).impl_trait)
    }

    /// Whether it is clearly in an `impl`.
    pub(crate) fn is_method(&self) -> bool {
        self.receiver.is_some()
            || Contents::of(&self.output).self_type
            || self
                .parameters
                .iter()
                .any(|parameter| Contents::of(&parameter.ty).self_type)
    }
}

/// Whether `name` is among the tokens.
pub(crate) fn mentions(tokens: TokenStream, name: &Ident) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(ident) => ident == *name,
        TokenTree::Group(group) => mentions(group.stream(), name),
        _ => false,
    })
}

/// All that is wrong, not only what is found first.
fn all(results: impl Iterator<Item = Result<()>>) -> Result<()> {
    let errors = results.filter_map(Result::err);
    let combined = errors.reduce(|mut errors, error| {
        errors.combine(error);
        errors
    });
    combined.map_or(Ok(()), Err)
}

impl Parameter {
    /// Reads an argument, and puts a plain name in its place in the signature.
    fn new(position: usize, typed: &mut PatType) -> Self {
        let passing = Passing::of(&typed.ty);
        let ty = (*typed.ty).clone();
        let plain = match &*typed.pat {
            Pat::Ident(PatIdent {
                by_ref: None,
                subpat: None,
                ident,
                mutability,
                ..
            }) => Some((ident.clone(), mutability.is_some())),
            _ => None,
        };
        if let Some((ident, is_mutable)) = plain {
            let pattern = is_mutable.then(|| (*typed.pat).clone());
            *typed.pat = Pat::Ident(plain_name(ident.clone()));
            return Self {
                key_name: ident.unraw().to_string(),
                binding: ident,
                pattern,
                passing,
                ty,
            };
        }
        let binding = format_ident!("__argument_{position}", span = Span::mixed_site());
        let pattern = std::mem::replace(&mut *typed.pat, Pat::Ident(plain_name(binding.clone())));
        Self {
            key_name: position.to_string(),
            binding,
            pattern: Some(pattern),
            passing,
            ty,
        }
    }

    fn pattern_name(&self) -> Option<&Ident> {
        match &self.pattern {
            None => Some(&self.binding),
            Some(Pat::Ident(pattern)) if pattern.by_ref.is_none() && pattern.subpat.is_none() => {
                Some(&pattern.ident)
            }
            Some(_) => None,
        }
    }

    /// Whether the user names it there.
    pub(crate) fn is_in(&self, names: &[Ident]) -> bool {
        self.pattern_name().is_some_and(|name| names.contains(name))
    }

    /// Whether it is a shared reference, which can be copied.
    pub(crate) fn is_reference(&self) -> bool {
        matches!(self.passing, Passing::Borrowed(_) | Passing::Static)
    }

    fn check_owned(&self) -> Result<()> {
        let name = &self.key_name;
        let inner = match &self.passing {
            Passing::Borrowed(inner) => inner,
            _ => &self.ty,
        };
        let refuse = |message: String| Err(Error::new(self.ty.span(), message));
        if Contents::of(inner).borrows {
            return refuse(format!(
                "the computation may outlive the caller, and `{name}` borrows from it: take an owned value, or a \
                 plain reference to something that can be cloned"
            ));
        }
        let is_borrowed = matches!(self.passing, Passing::Borrowed(_));
        match inner {
            Type::TraitObject(_) if is_borrowed => refuse(format!(
                "the computation may outlive the caller, and what `{name}` refers to cannot be cloned: take an `Arc`"
            )),
            Type::ImplTrait(_) if is_borrowed => refuse(format!(
                "the computation may outlive the caller, so `{name}` must be owned: take the `impl` type by value, \
                 with `+ Send + 'static`"
            )),
            _ => Ok(()),
        }
    }
}

fn plain_name(ident: Ident) -> PatIdent {
    PatIdent {
        attrs: Vec::new(),
        by_ref: None,
        mutability: None,
        ident,
        subpat: None,
    }
}

impl Passing {
    fn of(ty: &Type) -> Self {
        match ty {
            Type::Reference(reference) if reference.mutability.is_some() => Self::BorrowedMutably,
            Type::Reference(reference)
                if reference
                    .lifetime
                    .as_ref()
                    .is_some_and(|lifetime| lifetime.ident == "static") =>
            {
                Self::Static
            }
            Type::Reference(reference) => Self::Borrowed(reference.elem.clone()),
            Type::Paren(inner) => Self::of(&inner.elem),
            Type::Group(inner) => Self::of(&inner.elem),
            _ => Self::Owned,
        }
    }
}

impl SelfParameter {
    fn new(receiver: &Receiver) -> Self {
        let passing = match &receiver.kind {
            ReceiverKind::Reference(_, _, Some(_)) => Passing::BorrowedMutably,
            ReceiverKind::Reference(..) => Passing::Borrowed(Box::new(syn::parse_quote!(Self))),
            ReceiverKind::Typed(_, ty) => Passing::of(ty),
            _ => Passing::Owned,
        };
        Self {
            passing,
            span: receiver.span(),
        }
    }
}

fn check_passing(
    kind: Kind,
    passing: &Passing,
    name: &str,
    is_ignored: bool,
    span: Span,
) -> Result<()> {
    match (passing, kind) {
        (Passing::BorrowedMutably, Kind::Async) => Err(Error::new(
            span,
            format!(
                "`{name}` is borrowed mutably, and the computation may outlive the caller: take something shared, \
                 such as an `Arc`"
            ),
        )),
        (Passing::BorrowedMutably, Kind::Sync) if !is_ignored => Err(Error::new(
            span,
            format!(
                "`{name}` is borrowed mutably, and what the function does to it would be missing after a hit: return \
                 it instead, or say with `ignore({name})` that it does not matter"
            ),
        )),
        _ => Ok(()),
    }
}

fn check_qualifiers(kind: Kind, signature: &Signature) -> Result<()> {
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

fn output(kind: Kind, signature: &Signature) -> Result<Type> {
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

fn not_a_function(kind: Kind, item: &TokenStream, error: Error) -> Error {
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
