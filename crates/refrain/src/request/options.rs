//! The options that every request has: a builder written once, as a macro, since the types of requests have nothing else in common.

/// Setters for a type that has its [`RequestOptions`](crate::cache::RequestOptions) in the field `options`.
macro_rules! option_setters {
    () => {
        /// How long the entry is fresh, if it is computed now. Default: the cache's own setting.
        ///
        /// ```
        /// use std::time::Duration;
        /// let cache: refrain::Cache<u64, u64> = refrain::Cache::builder().build()?;
        /// cache.entry(1).time_to_live(Duration::ZERO).get_or_compute(|| 10).unwrap();
        /// assert_eq!(cache.get(&1), None, "zero means: do not store");
        /// # Ok::<(), refrain::BuildError>(())
        /// ```
        pub fn time_to_live(mut self, time_to_live: ::std::time::Duration) -> Self {
            self.options.entry = self.options.entry.time_to_live(time_to_live);
            self
        }

        /// Labels for the entry, if it is computed now.
        ///
        /// ```
        /// let cache: refrain::Cache<u64, u64> = refrain::Cache::builder().build()?;
        /// cache.entry(1).tags(["a"]).get_or_compute(|| 10).unwrap();
        /// assert_eq!(cache.invalidate_tag("a"), 1);
        /// # Ok::<(), refrain::BuildError>(())
        /// ```
        pub fn tags<T: Into<::std::sync::Arc<str>>>(
            mut self,
            tags: impl IntoIterator<Item = T>,
        ) -> Self {
            self.options.entry = self.options.entry.tags(tags);
            self
        }

        /// What making the value takes. Default: the measured time.
        ///
        /// ```
        /// use std::time::Duration;
        /// let cache: refrain::Cache<u64, u64> = refrain::Cache::builder().build()?;
        /// let answer = cache.entry(1).cost(Duration::from_secs(90)).get_or_compute(|| 10).unwrap();
        /// assert_eq!(answer.info.cost, Duration::from_secs(90));
        /// # Ok::<(), refrain::BuildError>(())
        /// ```
        pub fn cost(mut self, cost: ::std::time::Duration) -> Self {
            self.options.entry = self.options.entry.cost(cost);
            self
        }

        /// How long this caller waits for a computation; then [`ComputeError::TimedOut`](crate::ComputeError::TimedOut). Default: as long as it takes.
        ///
        /// The computation goes on. A caller that computes on its own thread is not interrupted.
        ///
        /// ```
        /// use std::time::Duration;
        /// let cache: refrain::Cache<u64, u64> = refrain::Cache::builder().build()?;
        /// let answer = cache.entry(1).wait_at_most(Duration::from_secs(60)).get_or_compute(|| 10);
        /// assert_eq!(answer.unwrap().value, 10);
        /// # Ok::<(), refrain::BuildError>(())
        /// ```
        pub fn wait_at_most(mut self, limit: ::std::time::Duration) -> Self {
            self.options.wait_at_most = Some(limit);
            self
        }

        /// Does not look at what is stored in any tier: computes anew and replaces it. A computation that is running already is
        /// joined.
        ///
        /// ```
        /// let cache: refrain::Cache<u64, u64> = refrain::Cache::builder().build()?;
        /// cache.insert(1, 10);
        /// assert_eq!(cache.entry(1).refresh().get_or_compute(|| 11).unwrap().value, 11);
        /// assert_eq!(cache.get(&1), Some(11));
        /// # Ok::<(), refrain::BuildError>(())
        /// ```
        pub fn refresh(mut self) -> Self {
            self.options.refresh = true;
            self
        }

        /// What becomes of the computation when the last caller leaves it. Default: [`OnAbandoned::Finish`](crate::OnAbandoned::Finish).
        /// The caller that begins the computation decides.
        ///
        /// ```
        /// use refrain::OnAbandoned;
        /// let cache: refrain::Cache<u64, u64> = refrain::Cache::builder().build()?;
        /// let answer = cache.entry(1).on_abandoned(OnAbandoned::Cancel).get_or_compute(|| 10);
        /// assert_eq!(answer.unwrap().value, 10);
        /// # Ok::<(), refrain::BuildError>(())
        /// ```
        pub fn on_abandoned(mut self, on_abandoned: $crate::OnAbandoned) -> Self {
            self.options.on_abandoned = on_abandoned;
            self
        }
    };
}

pub(crate) use option_setters;
