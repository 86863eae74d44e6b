//! A routing table: the routes in front of one server, in order; the first one that matches counts.

use std::sync::Arc;

use http::Method;

use crate::matching::Captures;
use crate::route::Route;

/// The routes of one upstream.
///
/// ```
/// use http::Method;
/// use refrain_route::Config;
///
/// let config = Config::standing_in("openai", "http://127.0.0.1:8081", "127.0.0.1:8080").unwrap();
/// let routes = &config.upstreams[0].routes;
/// let (route, _) = routes.find(&Method::POST, "/v1/embeddings").unwrap();
/// assert_eq!(route.name, "embeddings");
/// assert!(routes.find(&Method::GET, "/v1/models").is_none());
/// ```
#[derive(Debug, Clone, Default)]
pub struct Routes {
    routes: Vec<Arc<Route>>,
}

impl Routes {
    /// A table of these routes.
    pub fn new(routes: impl IntoIterator<Item = Route>) -> Self {
        Self {
            routes: routes.into_iter().map(Arc::new).collect(),
        }
    }

    /// The route for this request, and what its template captured of the path; none if the request is to pass through.
    pub fn find<'r, 'p>(
        &'r self,
        method: &Method,
        path: &'p str,
    ) -> Option<(&'r Arc<Route>, Captures<'p>)> {
        let mut routes = self.routes.iter();
        routes.find_map(|route| Some((route, route.matching.captures(method, path)?)))
    }

    /// All of them.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Arc<Route>> {
        self.routes.iter()
    }

    /// The route of this name.
    pub fn named(&self, name: &str) -> Option<&Arc<Route>> {
        self.routes.iter().find(|route| route.name == name)
    }
}
