//! An argument of a function: its name, how it is passed, and whether it may be.

use proc_macro2::Span;
use quote::format_ident;
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Error, Ident, Pat, PatIdent, PatType, Receiver, ReceiverKind, Result, Type};

use super::Kind;
use crate::types::Contents;

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

impl Parameter {
    /// Reads an argument, and puts a plain name in its place in the signature.
    pub(super) fn new(position: usize, typed: &mut PatType) -> Self {
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

    pub(super) fn ty(&self) -> &Type {
        &self.ty
    }

    pub(super) fn pattern_name(&self) -> Option<&Ident> {
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

    pub(super) fn check_owned(&self) -> Result<()> {
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
    pub(super) fn new(receiver: &Receiver) -> Self {
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

pub(super) fn check_passing(
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
