"""A `Cache` with a disk below it gives what a dictionary would, whatever is evicted, closed, opened or looked at."""

from __future__ import annotations

import asyncio
import shutil
import tempfile

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from refrain_cache import Cache, DiskTier

pytestmark = pytest.mark.filterwarnings("ignore::refrain_cache.BypassWarning")

KEYS = st.sampled_from(["a", "b", 1, 1.0, (1, "a")])


class Uncoded(int):
    """Has no codec."""


# What has a codec, and what has none and is in memory only.
MAKERS = st.sampled_from([lambda n: n, lambda n: str(n), lambda n: {"n": [n]}, lambda n: b"%d" % n, lambda n: (n, {n}), lambda n: Uncoded(n)])
TTLS = st.sampled_from([None, None, None, 2, 5])
TAGS = st.lists(st.sampled_from(["red", "green"]), unique=True)


class Entry:
    def __init__(self, value, expires, tags):
        self.value, self.expires, self.tags = value, expires, tags
        #: Nobody else has it once the memory has let it go.
        self.may_be_gone = isinstance(value, Uncoded)


class TieredMachine(RuleBasedStateMachine):
    @initialize(max_entries=st.sampled_from([1, 3, 100]), ttl=st.sampled_from([None, 8]))
    def begin(self, max_entries, ttl):
        self.folder = tempfile.mkdtemp()
        self.settings = {"max_entries": max_entries, "ttl_seconds": ttl}
        self.now, self.count = 1000, 0
        self.model = {}
        self.tier = DiskTier(self.folder, clock=self.clock)
        self.begin_with_empty_memory()

    def clock(self):
        return float(self.now)

    @rule()
    def begin_with_empty_memory(self):
        self.cache = Cache(**self.settings, disk=self.tier, clock=self.clock)
        self.forget_what_was_in_memory_only()

    @rule()
    def open_again(self):
        self.tier.close()
        self.tier = DiskTier(self.folder, clock=self.clock)
        self.begin_with_empty_memory()

    def forget_what_was_in_memory_only(self):
        self.model = {key: entry for key, entry in self.model.items() if not entry.may_be_gone}

    def fresh(self, key):
        entry = self.model.get(self.name(key))
        if entry is not None and entry.expires is not None and self.now >= entry.expires:
            entry = self.model.pop(self.name(key), None) and None
        return entry

    def name(self, key):
        return repr(key)

    def put(self, key, value, ttl, tags):
        ttl = self.settings["ttl_seconds"] if ttl is None else ttl
        self.model[self.name(key)] = Entry(value, None if ttl is None else self.now + ttl, tags)

    def value(self, make):
        self.count += 1
        return make(self.count)

    def check(self, key, found):
        """Whether what was found is what there is; true if it was there."""
        entry = self.fresh(key)
        if entry is None or (found is None and entry.may_be_gone):
            assert found is None
            self.model.pop(self.name(key), None)
            return False
        assert (type(found), found) == (type(entry.value), entry.value)
        return True

    @rule(key=KEYS)
    def get(self, key):
        self.check(key, self.cache.get(key))

    @rule(key=KEYS)
    def contains(self, key):
        entry = self.fresh(key)
        assert (key in self.cache) == (entry is not None) or entry.may_be_gone

    @rule(key=KEYS, make=MAKERS, ttl=TTLS, tags=TAGS)
    def set(self, key, make, ttl, tags):
        value = self.value(make)
        stored = self.cache.set(key, value, ttl_seconds=ttl, tags=tags)
        self.put(key, value, ttl, tags)
        assert stored or self.model[self.name(key)].may_be_gone

    @rule(key=KEYS, make=MAKERS, ttl=TTLS, tags=TAGS, refresh=st.booleans(), in_task=st.booleans())
    def get_or_compute(self, key, make, ttl, tags, refresh, in_task):
        computed = []

        def compute():
            computed.append(self.value(make))
            return computed[0]

        async def compute_async():
            return compute()

        options = {"ttl_seconds": ttl, "tags": tags, "refresh": refresh}
        if in_task:
            found = asyncio.run(self.cache.get_or_compute_async(key, compute_async, **options))
        else:
            found = self.cache.get_or_compute(key, compute, **options)
        if not computed:
            assert not refresh and self.check(key, found)
            return
        assert refresh or not self.check(key, None)
        assert found is computed[0]
        self.put(key, found, ttl, tags)

    @rule(key=KEYS)
    def invalidate(self, key):
        entry = self.fresh(key)
        removed = self.cache.invalidate(key)
        assert removed == (entry is not None) or entry.may_be_gone
        self.model.pop(self.name(key), None)

    @rule(tag=st.sampled_from(["red", "green"]))
    def invalidate_tag(self, tag):
        self.cache.invalidate_tag(tag)
        self.model = {key: entry for key, entry in self.model.items() if tag not in entry.tags}

    @rule()
    def clear(self):
        self.cache.clear()
        self.model = {}

    @rule(seconds=st.sampled_from([1, 3]))
    def time_passes(self, seconds):
        self.now += seconds

    @invariant()
    def files_are_those_of_the_model(self):
        if not hasattr(self, "model"):
            return
        for key in ("a", "b", 1, 1.0, (1, "a")):
            entry = self.fresh(key)
            on_disk = self.tier.entry(key)
            assert (on_disk is not None) == (entry is not None and not entry.may_be_gone)
            if on_disk is not None:
                left = None if entry.expires is None else entry.expires - self.now
                assert (on_disk.expires_in_seconds, list(on_disk.tags)) == (left, entry.tags)
        assert len(self.tier) == sum(not entry.may_be_gone for entry in self.model.values())
        assert len(self.cache) <= self.settings["max_entries"]

    def teardown(self):
        if hasattr(self, "tier"):
            self.tier.close()
            shutil.rmtree(self.folder)


TieredMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
test_the_cache_gives_what_the_model_gives = TieredMachine.TestCase
