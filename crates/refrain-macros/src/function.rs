//! The function under an attribute: its arguments, its result, and whether they can be cached.

mod parameter;
mod refusals;

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::ToTokens;
use syn::spanned::Spanned;
use syn::{AttrStyle, Block, Error, Expr, FnArg, Ident, ItemFn, Result, Type};

use crate::types::Contents;
use parameter::check_passing;
pub(crate) use parameter::{Parameter, Passing, SelfParameter};
use refusals::{check_qualifiers, not_a_function, output};

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
        for attribute in &mut item.attrs {
            // One inside of the body, `#![…]`, is about the function as well.
            attribute.style = AttrStyle::Outer;
        }
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
                parameter.ty().span(),
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
        let mut types = self.parameters.iter().map(Parameter::ty);
        types.find(|ty| Contents::of(ty).impl_trait)
    }

    /// Whether it is clearly in an `impl`.
    pub(crate) fn is_method(&self) -> bool {
        self.receiver.is_some()
            || Contents::of(&self.output).self_type
            || self
                .parameters
                .iter()
                .any(|parameter| Contents::of(parameter.ty()).self_type)
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
