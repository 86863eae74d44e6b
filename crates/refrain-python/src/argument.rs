//! From the arguments of a call to its key: bound to the names of the parameters, defaults filled in.

use std::collections::{HashMap, HashSet};

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use crate::encode::{Encoding, Value};
use crate::key::{Key, key_from};

/// How the key of a call of one function is made.
#[pyclass(frozen, module = "refrain_cache._native")]
pub(crate) struct Recipe {
    generator: String,
    fingerprint: String,
    parameters: Vec<Parameter>,
    describe: Py<PyAny>,
}

struct Parameter {
    name: String,
    kind: Kind,
    default: Option<Py<PyAny>>,
    role: Role,
}

/// A parameter as Python tells of it: name, kind as `inspect` numbers it, and a tuple of its default if it has one.
type Told = (String, u8, Option<(Py<PyAny>,)>);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    PositionalOnly,
    PositionalOrKeyword,
    VarPositional,
    KeywordOnly,
    VarKeyword,
}

enum Role {
    Counts,
    Ignored,
    /// What counts is what this function makes of it: the content of the file, not its path.
    Through(Py<PyAny>),
}

#[pymethods]
impl Recipe {
    #[new]
    #[pyo3(signature = (generator, fingerprint, parameters, describe, ignored, through))]
    fn new(
        generator: String,
        fingerprint: String,
        parameters: Vec<Told>,
        describe: Py<PyAny>,
        ignored: HashSet<String>,
        through: HashMap<String, Py<PyAny>>,
    ) -> PyResult<Self> {
        let through = through
            .into_iter()
            .map(|(name, function)| (name, Role::Through(function)));
        let ignored = ignored.into_iter().map(|name| (name, Role::Ignored));
        let mut roles: HashMap<String, Role> = through.chain(ignored).collect();
        let parameters = parameters.into_iter().map(|(name, kind, default)| {
            Ok(Parameter {
                kind: Kind::of(kind)?,
                default: default.map(|(value,)| value),
                role: roles.remove(&name).unwrap_or(Role::Counts),
                name,
            })
        });
        Ok(Self {
            parameters: parameters.collect::<PyResult<_>>()?,
            generator,
            fingerprint,
            describe,
        })
    }

    /// The key of a call with these arguments.
    #[pyo3(signature = (args, kwargs=None))]
    pub(crate) fn key(
        &self,
        args: &Bound<'_, PyTuple>,
        kwargs: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Key> {
        let py = args.py();
        let encoding = Encoding::new(self.describe.bind(py).clone());
        let mut parts = Vec::with_capacity(self.parameters.len());
        for (parameter, object) in self.bind(args, kwargs)? {
            let object = match &parameter.role {
                Role::Ignored => continue,
                Role::Counts => object,
                Role::Through(function) => function.bind(py).call1((object, &parameter.name))?,
            };
            let encoding = &encoding;
            parts.push((parameter.name.as_str(), Value { object, encoding }));
        }
        let parts: Vec<_> = parts.iter().map(|(name, value)| (*name, value)).collect();
        key_from(&self.generator, &self.fingerprint, "", &parts, &encoding)
    }
}

impl Recipe {
    /// Each parameter with its argument, as Python itself would bind them.
    fn bind<'s, 'py>(
        &'s self,
        args: &Bound<'py, PyTuple>,
        kwargs: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Vec<(&'s Parameter, Bound<'py, PyAny>)>> {
        let py = args.py();
        let mut bound = Vec::with_capacity(self.parameters.len());
        let mut position = 0;
        let mut named = 0;
        let by_name = |name: &str| kwargs.map_or(Ok(None), |kwargs| kwargs.get_item(name));
        for parameter in &self.parameters {
            let name = parameter.name.as_str();
            let value = match parameter.kind {
                Kind::VarPositional => {
                    let rest = args.get_slice(position, args.len());
                    position = args.len();
                    rest.into_any()
                }
                Kind::VarKeyword => {
                    let rest = self.rest(kwargs, py)?;
                    named += rest.len();
                    rest.into_any()
                }
                kind => {
                    let by_position = kind != Kind::KeywordOnly && position < args.len();
                    let keyword = if kind == Kind::PositionalOnly {
                        None
                    } else {
                        by_name(name)?
                    };
                    if by_position {
                        position += 1;
                        if keyword.is_some() {
                            return Err(mismatch());
                        }
                        args.get_item(position - 1)?
                    } else if let Some(value) = keyword {
                        named += 1;
                        value
                    } else {
                        let default = parameter.default.as_ref().ok_or_else(mismatch)?;
                        default.bind(py).clone()
                    }
                }
            };
            bound.push((parameter, value));
        }
        let given = kwargs.map_or(0, PyDictMethods::len);
        if position < args.len() || named < given {
            return Err(mismatch());
        }
        Ok(bound)
    }

    /// The keyword arguments that no parameter takes by its name.
    fn rest<'py>(
        &self,
        kwargs: Option<&Bound<'py, PyDict>>,
        py: Python<'py>,
    ) -> PyResult<Bound<'py, PyDict>> {
        let Some(kwargs) = kwargs else {
            return Ok(PyDict::new(py));
        };
        let rest = kwargs.copy()?;
        for parameter in &self.parameters {
            let by_name = matches!(
                parameter.kind,
                Kind::PositionalOrKeyword | Kind::KeywordOnly
            );
            if by_name && rest.contains(&parameter.name)? {
                rest.del_item(&parameter.name)?;
            }
        }
        Ok(rest)
    }
}

impl Kind {
    fn of(number: u8) -> PyResult<Self> {
        let kinds = [
            Self::PositionalOnly,
            Self::PositionalOrKeyword,
            Self::VarPositional,
            Self::KeywordOnly,
            Self::VarKeyword,
        ];
        let kind = kinds.get(usize::from(number)).copied();
        kind.ok_or_else(|| PyValueError::new_err(format!("there is no parameter kind {number}")))
    }
}

/// The call itself will say what is wrong with its arguments.
fn mismatch() -> PyErr {
    PyTypeError::new_err("the arguments do not fit the parameters of the function")
}
