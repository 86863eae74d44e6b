//! The closure of `key = |…| …`, whose parameters name arguments of the function.

use proc_macro2::TokenStream;
use quote::quote;
use syn::spanned::Spanned;
use syn::{Error, Expr, ExprClosure, Ident, Pat, Result, ReturnType, Type};

use crate::function::Function;

pub(crate) struct KeyClosure {
    parameters: Vec<Named>,
    output: ReturnType,
    pub(crate) body: Expr,
}

struct Named {
    name: Ident,
    /// The type, if the user gave one.
    ty: Option<Type>,
}

const USAGE: &str = "`key` is a closure whose parameters are arguments of the function, by name: `key = |prompt, seed| (prompt, seed)`";

impl KeyClosure {
    pub(crate) fn new(value: Expr) -> Result<Self> {
        let closure: ExprClosure = match value {
            Expr::Closure(closure) => closure,
            other => return Err(Error::new(other.span(), USAGE)),
        };
        if let Some(asyncness) = &closure.asyncness {
            return Err(Error::new(
                asyncness.span(),
                "the closure of `key` cannot be `async`: the key decides whether there is anything to wait for",
            ));
        }
        let parameters = closure.inputs.iter().map(Named::new);
        Ok(Self {
            parameters: parameters.collect::<Result<_>>()?,
            output: closure.output,
            body: *closure.body,
        })
    }

    /// Checks the names against the arguments of `function`.
    pub(crate) fn check(&self, function: &Function) -> Result<()> {
        let names = self.parameters.iter().map(|named| &named.name);
        function.check_names(names)
    }

    /// Whether the closure takes the argument `name`.
    pub(crate) fn names(&self, name: &Ident) -> bool {
        self.parameters.iter().any(|named| named.name == *name)
    }

    /// An expression that gives what the closure gives. Its parameters are references.
    pub(crate) fn call(&self, function: &Function) -> TokenStream {
        let bindings = self.parameters.iter().filter_map(|Named { name, ty }| {
            let parameter = function.parameter(name)?;
            let binding = &parameter.binding;
            let reference = if parameter.is_reference() {
                quote!(#binding)
            } else {
                quote!(&#binding)
            };
            let ty = ty.as_ref().map(|ty| quote!(: #ty));
            Some(quote!(let #name #ty = #reference;))
        });
        let Self { body, output, .. } = self;
        // A closure of its own, so that a `return` or `?` in it stays in it.
        quote!((|| #output { #(#bindings)* #body })())
    }
}

impl Named {
    fn new(pattern: &Pat) -> Result<Self> {
        match pattern {
            Pat::Ident(pattern) if pattern.by_ref.is_none() && pattern.subpat.is_none() => {
                Ok(Self {
                    name: pattern.ident.clone(),
                    ty: None,
                })
            }
            Pat::Path(pattern) if pattern.path.get_ident().is_some() => Ok(Self {
                name: pattern.path.require_ident()?.clone(),
                ty: None,
            }),
            Pat::Type(pattern) => Ok(Self {
                ty: Some((*pattern.ty).clone()),
                ..Self::new(&pattern.pat)?
            }),
            other => Err(Error::new(other.span(), USAGE)),
        }
    }
}
