//! A Python object that a cache holds: any thread clones and drops it, with or without the interpreter.

use std::sync::Arc;

use pyo3::prelude::*;

/// A counted reference to a Python object; a clone is a count, for which the interpreter is not needed.
#[derive(Clone)]
pub(crate) struct Value(Arc<Object>);

struct Object {
    object: Option<Py<PyAny>>,
    /// Bytes that its entry is charged with. Python is asked once, with nothing locked.
    weight: u64,
}

impl Value {
    pub(crate) fn new(object: Py<PyAny>, weight: u64) -> Self {
        let object = Some(object);
        Self(Arc::new(Object { object, weight }))
    }

    pub(crate) fn weight(&self) -> u64 {
        self.0.weight
    }

    pub(crate) fn get(&self, py: Python<'_>) -> Py<PyAny> {
        let object = self.0.object.as_ref();
        object
            .expect("the object is there until the last reference is dropped")
            .clone_ref(py)
    }
}

impl Drop for Object {
    /// The last reference may go in a thread that Python does not know, such as the one that expires entries. The
    /// object goes at once and not when Python happens to come by: it may be a hundred megabytes.
    fn drop(&mut self) {
        let object = self.object.take();
        // Without an interpreter (it is shutting down) there is nothing left to give the memory back to.
        let _ = Python::try_attach(|_| drop(object));
    }
}
