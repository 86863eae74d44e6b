//! The arguments in the parentheses of an attribute.

use proc_macro2::Span;
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{Error, Expr, Ident, Path, Result, Token, parenthesized};

use crate::key_closure::KeyClosure;
use crate::literal;

/// The arguments of an attribute, each given or not.
#[derive(Default)]
pub(crate) struct Arguments {
    pub(crate) ttl: Option<Expr>,
    pub(crate) cost: Option<Expr>,
    pub(crate) tags: Option<Expr>,
    pub(crate) weight: Option<Expr>,
    pub(crate) enabled: Option<Expr>,
    pub(crate) cache: Option<Expr>,
    pub(crate) name: Option<Expr>,
    pub(crate) version: Option<Expr>,
    pub(crate) key: Option<KeyClosure>,
    /// Names of arguments, `self` among them.
    pub(crate) ignore: Vec<Ident>,
    pub(crate) store_errors: Option<Span>,
    pub(crate) handle: Option<Handle>,
    pub(crate) krate: Option<Path>,
}

/// The item by which a program gets at the cached results.
pub(crate) enum Handle {
    /// A type of the function's own name.
    OwnName(Span),
    /// A function of this name.
    Call(Ident),
}

const KNOWN: &str = "`ttl`, `key`, `ignore`, `cache`, `cost`, `tags`, `weight`, `enabled`, `name`, `version`, \
     `store_errors`, `handle`, `crate`";

impl Parse for Arguments {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let mut arguments = Self::default();
        let mut seen: Vec<Ident> = Vec::new();
        while !input.is_empty() {
            if !input.peek(Ident::peek_any) {
                return Err(input.error(format!("expected the name of an argument: {KNOWN}")));
            }
            let name = Ident::parse_any(input)?;
            if seen.contains(&name) {
                return Err(Error::new(name.span(), format!("`{name}` is given twice")));
            }
            arguments.parse_one(&name, input)?;
            seen.push(name);
            if input.is_empty() {
                break;
            }
            if !input.peek(Token![,]) {
                return Err(input.error("expected a comma between two arguments"));
            }
            input.parse::<Token![,]>()?;
        }
        arguments.check()?;
        Ok(arguments)
    }
}

impl Arguments {
    fn parse_one(&mut self, name: &Ident, input: ParseStream<'_>) -> Result<()> {
        match name.to_string().as_str() {
            "ttl" => self.ttl = Some(literal::duration(name, value(name, input)?)?),
            "cost" => self.cost = Some(literal::duration(name, value(name, input)?)?),
            "tags" => self.tags = Some(literal::tags(value(name, input)?)?),
            "weight" => self.weight = Some(literal::weight(value(name, input)?)?),
            "enabled" => self.enabled = Some(literal::enabled(value(name, input)?)?),
            "cache" => self.cache = Some(literal::cache(value(name, input)?)?),
            "name" => self.name = Some(literal::name(value(name, input)?)?),
            "version" => self.version = Some(literal::version(value(name, input)?)),
            "key" => self.key = Some(KeyClosure::new(value(name, input)?)?),
            "ignore" => self.ignore = ignored(name, input)?,
            "store_errors" => {
                no_value(name, input)?;
                self.store_errors = Some(name.span());
            }
            "handle" => self.handle = Some(handle(name, input)?),
            "crate" => self.krate = Some(path(name, input)?),
            _ => return Err(unknown(name)),
        }
        Ok(())
    }

    /// Whether the argument of the function that has this name, or has none, is part of the key.
    pub(crate) fn counts(&self, name: Option<&Ident>) -> bool {
        match (&self.key, name) {
            (Some(key), Some(name)) => key.names(name),
            (Some(_), None) => false,
            (None, Some(name)) => !self.ignore.contains(name),
            (None, None) => true,
        }
    }

    fn check(&self) -> Result<()> {
        match (&self.key, self.ignore.first()) {
            (Some(_), Some(ignored)) => Err(Error::new(
                ignored.span(),
                "`ignore` has no effect beside `key`: what the closure of `key` leaves out is ignored already",
            )),
            _ => Ok(()),
        }
    }
}

fn value(name: &Ident, input: ParseStream<'_>) -> Result<Expr> {
    if !input.peek(Token![=]) {
        return Err(Error::new(
            name.span(),
            format!("`{name}` needs a value: `{name} = …`"),
        ));
    }
    input.parse::<Token![=]>()?;
    if input.is_empty() || input.peek(Token![,]) {
        return Err(Error::new(
            name.span(),
            format!("`{name}` needs a value: `{name} = …`"),
        ));
    }
    input.parse()
}

fn no_value(name: &Ident, input: ParseStream<'_>) -> Result<()> {
    if input.peek(Token![=]) || input.peek(syn::token::Paren) {
        return Err(input.error(format!("`{name}` takes no value: write it or leave it out")));
    }
    Ok(())
}

fn ignored(name: &Ident, input: ParseStream<'_>) -> Result<Vec<Ident>> {
    const USAGE: &str = "name the arguments in parentheses: `ignore(progress, self)`";
    if !input.peek(syn::token::Paren) {
        return Err(Error::new(name.span(), USAGE));
    }
    let content;
    parenthesized!(content in input);
    let names = Punctuated::<Ident, Token![,]>::parse_terminated_with(&content, |input| {
        if input.peek(Ident::peek_any) {
            Ident::parse_any(input)
        } else {
            Err(input.error(USAGE))
        }
    })?;
    if names.is_empty() {
        return Err(Error::new(name.span(), USAGE));
    }
    Ok(names.into_iter().collect())
}

fn handle(name: &Ident, input: ParseStream<'_>) -> Result<Handle> {
    if !input.peek(Token![=]) {
        return Ok(Handle::OwnName(name.span()));
    }
    match value(name, input)? {
        Expr::Path(path) if path.qself.is_none() && path.path.get_ident().is_some() => {
            Ok(Handle::Call(path.path.require_ident()?.clone()))
        }
        other => Err(Error::new(
            other.span(),
            "`handle` takes the name of a function to be made: `handle = render_call`",
        )),
    }
}

fn path(name: &Ident, input: ParseStream<'_>) -> Result<Path> {
    match value(name, input)? {
        Expr::Path(path) if path.qself.is_none() => Ok(path.path),
        other => Err(Error::new(
            other.span(),
            "`crate` takes a path, without quotes: `crate = ::my_name_for_refrain`",
        )),
    }
}

fn unknown(name: &Ident) -> Error {
    let text = name.to_string();
    let advice = match text.as_str() {
        "time" | "time_to_live" | "ttl_seconds" | "ttl_secs" | "ttl_millis" | "expire" => {
            "write `ttl = Duration::from_secs(…)`".to_owned()
        }
        "size" | "max_size" | "capacity" | "max_capacity" | "policy" | "unbound" => {
            "that is a setting of the cache: build one and give it with `cache = …`".to_owned()
        }
        "convert" | "cache_key_fn" | "key_fn" => {
            "write `key = |argument| …`, with arguments by name".to_owned()
        }
        "result" | "option" | "cache_err" | "cache_none" => {
            "an `Err` is not stored unless `store_errors` is said, and a `None` is a value like any other".to_owned()
        }
        "sync_writes" | "sync_lock" | "single_flight" => {
            "calls with the same key always wait for one computation".to_owned()
        }
        "tag" => "write `tags = [\"…\"]`".to_owned(),
        "weigher" | "size_mb" => "write `weight = |result| …`, in bytes".to_owned(),
        "skip" | "ignored" => "write `ignore(argument)`".to_owned(),
        "disabled" => "write `enabled = …`".to_owned(),
        _ => format!("known are {KNOWN}"),
    };
    Error::new(
        name.span(),
        format!("`{text}` is not an argument: {advice}"),
    )
}
