//! The key of a call from its arguments: bound to the names of the parameters, defaults filled in.

use std::collections::{HashMap, HashSet};

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyInt, PyString, PyTuple};
use refrain::key::RequestForm;
use smallvec::SmallVec;
use spin::Yield;
use spin::mutex::SpinMutex;

use crate::encode::{Encoding, Value};
use crate::identity::Identity;
use crate::key::{Key, refused, request_of};
use crate::remembered_keys;

/// How the key of a call of one function is made.
#[pyclass(frozen, module = "refrain_cache._native")]
pub(crate) struct Recipe {
    /// Gives the identity of the function: called by the first call, and after a change of what it was made of.
    identify: Py<PyAny>,
    /// Held for as long as it takes to copy or replace a reference.
    identity: SpinMutex<Option<Py<Identity>>, Yield>,
    parameters: Vec<Parameter>,
    /// Where the parameters that count are among all, in the order in which a form has them: sorted by name.
    counting: Vec<usize>,
    /// What the function is bound to: an argument that no caller gives.
    bound: Option<Py<PyAny>>,
    /// Gives what counts in the place of the arguments.
    key_function: Option<Py<PyAny>>,
    describe: Py<PyAny>,
}

/// The names of parts that no parameter can have. They come before all parameters in the order of a form.
const BOUND: &str = "<bound>";
const KEY: &str = "<key>";

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
    #[pyo3(signature = (identify, parameters, describe, ignored, through, bound=None, key_function=None))]
    #[expect(
        clippy::too_many_arguments,
        reason = "Python has no other way to construct a frozen object"
    )]
    fn new(
        py: Python<'_>,
        identify: Py<PyAny>,
        parameters: Vec<Told>,
        describe: Py<PyAny>,
        ignored: HashSet<String>,
        through: HashMap<String, Py<PyAny>>,
        bound: Option<(Py<PyAny>,)>,
        key_function: Option<Py<PyAny>>,
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
            identify,
            identity: SpinMutex::new(None),
            parameters,
            counting,
            bound: bound.map(|(object,)| object),
            key_function,
            describe,
        })
    }

    /// Name and fingerprint of the function as it is now.
    fn identified(&self, py: Python<'_>) -> PyResult<(String, String)> {
        let identity = self.identity(py)?;
        let identity = identity.get();
        Ok((identity.generator.clone(), identity.fingerprint.clone()))
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

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.identify)?;
        visit.call(&self.describe)?;
        // Its holder is about to let go; the collector comes again.
        if let Some(identity) = self.identity.try_lock()
            && let Some(identity) = &*identity
        {
            visit.call(identity)?;
        }
        for object in [&self.bound, &self.key_function].into_iter().flatten() {
            visit.call(object)?;
        }
        for parameter in &self.parameters {
            if let Some(default) = &parameter.default {
                visit.call(default)?;
            }
            if let Role::Through(function) = &parameter.role {
                visit.call(function)?;
            }
        }
        Ok(())
    }
}

impl Recipe {
    /// What the function is now.
    fn identity(&self, py: Python<'_>) -> PyResult<Py<Identity>> {
        let known = self
            .identity
            .lock()
            .as_ref()
            .map(|known| known.clone_ref(py));
        if let Some(known) = known
            && known.get().holds(py)
        {
            return Ok(known);
        }
        let identity = self.identify.bind(py).call0()?.cast_into::<Identity>()?;
        let replaced = self.identity.lock().replace(identity.clone().unbind());
        drop(replaced);
        Ok(identity.unbind())
    }

    /// The value that `take` makes of the form of a call with these arguments.
    pub(crate) fn request<T>(
        &self,
        args: &Bound<'_, PyTuple>,
        kwargs: Option<&Bound<'_, PyDict>>,
        take: impl FnOnce(&RequestForm) -> T,
    ) -> PyResult<T> {
        let py = args.py();
        let identity = self.identity(py)?;
        let identity = identity.get();
        if let Some(reason) = identity.refused() {
            return Err(refused(py, reason, "the function"));
        }
        let encoding = &Encoding::new(self.describe.bind(py).clone());
        let mut parts: Few<(&str, Value<'_, '_>)> = Few::new();
        if let Some(object) = &self.bound {
            let object = object.bind(py).clone();
            parts.push((BOUND, Value { object, encoding }));
        }
        let (generator, fingerprint) = (&identity.generator, &identity.fingerprint);
        if let Some(function) = &self.key_function {
            let object = given_key(function.bind(py), args, kwargs)?;
            parts.push((KEY, Value { object, encoding }));
            return request_of(generator, fingerprint, "", &parts, encoding, take);
        }
        let bound = self.bind(args, kwargs)?;
        for &index in &self.counting {
            let name = self.parameters[index].name.as_str();
            let object = bound[index].clone();
            let object = match &self.parameters[index].role {
                Role::Through(function) => function.bind(py).call1((object, name))?,
                _ => object,
            };
            parts.push((name, Value { object, encoding }));
        }
        request_of(generator, fingerprint, "", &parts, encoding, take)
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

/// The key that a key function gives. It must not be `None`, from a function that forgot its `return`, or something to
/// be awaited: every call would have the same key, or a new one.
pub(crate) fn given_key<'py>(
    function: &Bound<'py, PyAny>,
    args: &Bound<'py, PyTuple>,
    kwargs: Option<&Bound<'py, PyDict>>,
) -> PyResult<Bound<'py, PyAny>> {
    static CHECKED: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let key = function.call(args, kwargs)?;
    let is_plain = key.is_exact_instance_of::<PyString>()
        || key.is_exact_instance_of::<PyTuple>()
        || key.is_exact_instance_of::<PyInt>();
    if is_plain {
        return Ok(key);
    }
    let checked = CHECKED.import(key.py(), "refrain_cache._recipes", "given_key")?;
    checked.call1((key,))
}
