"""Checks docs/route-vectors.json against the implementation in route_format.py."""

import route_format


def test_every_published_request_to_a_route_has_the_key_that_the_page_describes():
    assert len(route_format.VECTORS["requests"]) > 100
    assert route_format.main() == 0
