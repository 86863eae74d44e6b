//! The key of a call from its arguments: bound to the names of the parameters, defaults filled in.

use std::collections::{HashMap, HashSet};

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyTuple};
use refrain::key::RequestForm;
use smallvec::SmallVec;

use crate::encode::{Encoding, Value};
use crate::key::{Key, request_of};
use crate::remembered_keys;

/// How the key of a call of one function is made.
#[pyclass(frozen, module = "refrain_cache._native")]
pub(crate) struct Recipe {
    generator: String,
    fingerprint: String,
    parameters: Vec<Parameter>,
    /// Where the parameters that count are among all, in the order in which a form has them: sorted by name.
    counting: Vec<usize>,
    describe: Py<PyAny>,
}

struct Parameter {
    name: String,
    /// The same, as keyword arguments are looked up.
    keyword: Py<PyString>,
    kind: Kind,
    default: Option<Py<PyAny>>,
    role: Role,
}

/// One for each of a few parameters, without an allocation.
type Few<T> = SmallVec<[T; 4]>;

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
    /// The argument counts by what this function makes of it: the content of the file, not its path.
    Through(Py<PyAny>),
}

#[pymethods]
impl Recipe {
    #[new]
    #[pyo3(signature = (generator, fingerprint, parameters, describe, ignored, through))]
    fn new(
        py: Python<'_>,
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
                keyword: PyString::intern(py, &name).unbind(),
                kind: Kind::of(kind)?,
                default: default.map(|(value,)| value),
                role: roles.remove(&name).unwrap_or(Role::Counts),
                name,
            })
        });
        let parameters = parameters.collect::<PyResult<Vec<_>>>()?;
        let mut counting: Vec<_> = (0..parameters.len()).collect();
        counting.retain(|&index| !matches!(parameters[index].role, Role::Ignored));
        counting.sort_unstable_by_key(|&index| &parameters[index].name);
        Ok(Self {
            generator,
            fingerprint,
            parameters,
            counting,
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
        self.request(args, kwargs, |form| Key(remembered_keys::key_of(form)))
    }
}

impl Recipe {
    /// The value that `take` makes of the form of a call with these arguments.
    pub(crate) fn request<T>(
        &self,
        args: &Bound<'_, PyTuple>,
        kwargs: Option<&Bound<'_, PyDict>>,
        take: impl FnOnce(&RequestForm) -> T,
    ) -> PyResult<T> {
        let py = args.py();
        let encoding = &Encoding::new(self.describe.bind(py).clone());
        let bound = self.bind(args, kwargs)?;
        let mut parts: Few<(&str, Value<'_, '_>)> = Few::new();
        for &index in &self.counting {
            let name = self.parameters[index].name.as_str();
            let object = bound[index].clone();
            let object = match &self.parameters[index].role {
                Role::Through(function) => function.bind(py).call1((object, name))?,
                _ => object,
            };
            parts.push((name, Value { object, encoding }));
        }
        request_of(
            &self.generator,
            &self.fingerprint,
            "",
            &parts,
            encoding,
            take,
        )
    }

    /// The argument of each parameter, as Python itself would bind them.
    fn bind<'py>(
        &self,
        args: &Bound<'py, PyTuple>,
        kwargs: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Few<Bound<'py, PyAny>>> {
        let py = args.py();
        let kwargs = kwargs.filter(|kwargs| !kwargs.is_empty());
        let mut bound = Few::with_capacity(self.parameters.len());
        let mut position = 0;
        let mut named = 0;
        let by_name =
            |name: &Py<PyString>| kwargs.map_or(Ok(None), |kwargs| kwargs.get_item(name.bind(py)));
        for parameter in &self.parameters {
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
                        by_name(&parameter.keyword)?
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
            bound.push(value);
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
            if by_name && rest.contains(&parameter.keyword)? {
                rest.del_item(&parameter.keyword)?;
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
