//! Checks of literals: values that are clearly wrong are refused before the compiler would say it in its own words.

use syn::spanned::Spanned;
use syn::{Error, Expr, ExprLit, ExprUnary, Ident, Lit, LitStr, Result, UnOp};

/// A literal, behind a minus sign or not.
fn literal(value: &Expr) -> Option<&Lit> {
    match value {
        Expr::Lit(ExprLit { lit, .. }) => Some(lit),
        Expr::Unary(ExprUnary {
            op: UnOp::Neg(_),
            expr,
            ..
        }) => literal(expr),
        _ => None,
    }
}

fn refuse<T>(value: &Expr, message: impl std::fmt::Display) -> Result<T> {
    Err(Error::new(value.span(), message))
}

pub(crate) fn duration(name: &Ident, value: Expr) -> Result<Expr> {
    if literal(&value).is_some() {
        return refuse(
            &value,
            format!("`{name}` is a `Duration`: write `{name} = std::time::Duration::from_secs(…)`"),
        );
    }
    Ok(value)
}

pub(crate) fn tags(value: Expr) -> Result<Expr> {
    if literal(&value).is_some() {
        return refuse(&value, "`tags` is a list: write `tags = [\"…\"]`");
    }
    Ok(value)
}

pub(crate) fn weight(value: Expr) -> Result<Expr> {
    if literal(&value).is_some() {
        return refuse(
            &value,
            "`weight` is a function of the result: write `weight = |result| …`, in bytes",
        );
    }
    if let Expr::Closure(closure) = &value
        && closure.inputs.len() != 1
    {
        return refuse(
            &value,
            "the closure of `weight` takes one thing, the result: write `weight = |result| …`",
        );
    }
    Ok(value)
}

pub(crate) fn enabled(value: Expr) -> Result<Expr> {
    match (&value, literal(&value)) {
        (_, Some(Lit::Bool(_)) | None) if !matches!(value, Expr::Closure(_)) => Ok(value),
        _ => refuse(
            &value,
            "`enabled` is true or false: write `enabled = <expression>`, which may use the arguments",
        ),
    }
}

pub(crate) fn cache(value: Expr) -> Result<Expr> {
    if literal(&value).is_some() {
        return refuse(
            &value,
            "`cache` is a `Cache`, not its name: write `cache = CACHE`, where `CACHE` is a static or a field",
        );
    }
    Ok(value)
}

pub(crate) fn name(value: Expr) -> Result<Expr> {
    match literal(&value) {
        Some(Lit::Str(text)) if text.value().is_empty() => refuse(
            &value,
            "`name` is empty; leave it out to use the path of the function",
        ),
        Some(Lit::Str(_)) | None => Ok(value),
        Some(_) => refuse(&value, "`name` is a text: write `name = \"…\"`"),
    }
}

/// A literal number becomes text here, so that it need not be written out at each call.
pub(crate) fn version(value: Expr) -> Expr {
    match &value {
        Expr::Lit(ExprLit {
            lit: Lit::Int(number),
            attrs,
        }) => Expr::Lit(ExprLit {
            attrs: attrs.clone(),
            lit: Lit::Str(LitStr::new(number.base10_digits(), number.span())),
        }),
        _ => value,
    }
}
