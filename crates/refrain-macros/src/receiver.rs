//! The renaming of `self` in the body of an `async` method.
//!
//! The computation may outlive the caller, so it works on a clone; and a clone cannot be bound to the name `self`.

use proc_macro2::{Group, Ident, TokenStream, TokenTree};
use syn::punctuated::Punctuated;
use syn::visit_mut::{self, VisitMut};
use syn::{Block, Error, Item, LitStr, Macro, Path, Result};

/// The body with `name` in the place of `self`.
pub(crate) fn rename_self(block: &Block, name: &Ident) -> Result<Block> {
    let mut block = block.clone();
    let mut renaming = Renaming {
        name: name.clone(),
        error: None,
    };
    renaming.visit_block_mut(&mut block);
    match renaming.error {
        None => Ok(block),
        Some(error) => Err(error),
    }
}

struct Renaming {
    name: Ident,
    error: Option<Error>,
}

impl Renaming {
    fn named_at(&self, place: &Ident) -> Ident {
        // Resolved as the other names of the expansion are, reported where the user wrote `self`.
        Ident::new(
            &self.name.to_string(),
            place.span().resolved_at(self.name.span()),
        )
    }

    fn tokens(&mut self, tokens: TokenStream) -> TokenStream {
        let mut tokens = tokens.into_iter().peekable();
        let mut renamed = TokenStream::new();
        while let Some(token) = tokens.next() {
            let token = match token {
                // `self::…` is a module.
                TokenTree::Ident(ident)
                    if ident == "self"
                        && !matches!(tokens.peek(), Some(TokenTree::Punct(punct)) if punct.as_char() == ':' && punct.spacing() == proc_macro2::Spacing::Joint) =>
                {
                    TokenTree::Ident(self.named_at(&ident))
                }
                TokenTree::Group(group) => {
                    let mut inner = Group::new(group.delimiter(), self.tokens(group.stream()));
                    inner.set_span(group.span());
                    TokenTree::Group(inner)
                }
                TokenTree::Literal(literal) => {
                    self.check(&literal);
                    TokenTree::Literal(literal)
                }
                other => other,
            };
            renamed.extend([token]);
        }
        renamed
    }

    /// A format string that captures `self` would capture the borrowed one.
    fn check(&mut self, literal: &proc_macro2::Literal) {
        let Ok(text) = syn::parse_str::<LitStr>(&literal.to_string()) else {
            return;
        };
        let text = text.value().replace("{{", "");
        if text.contains("{self}") || text.contains("{self:") {
            let error = Error::new(
                literal.span(),
                "in a cached `async` method, `self` cannot be named inside of a format string: write `{}` and give \
                 `self` as an argument",
            );
            match &mut self.error {
                None => self.error = Some(error),
                Some(errors) => errors.combine(error),
            }
        }
    }
}

impl VisitMut for Renaming {
    fn visit_path_mut(&mut self, path: &mut Path) {
        if let Some(ident) = path.get_ident()
            && ident == "self"
        {
            let renamed = self.named_at(ident);
            path.segments = Punctuated::from_iter([syn::PathSegment::from(renamed)]);
            return;
        }
        visit_mut::visit_path_mut(self, path);
    }

    fn visit_macro_mut(&mut self, invocation: &mut Macro) {
        invocation.tokens = self.tokens(std::mem::take(&mut invocation.tokens));
    }

    // An item in the body has a `self` of its own, or none.
    fn visit_item_mut(&mut self, _: &mut Item) {}
}
