"""Clusters side by side never share an address, nor take one of the host's."""

from ipaddress import IPv4Network
from itertools import combinations

import pytest

from localcluster.addresses import SLOTS, Addresses, choose_slot
from localcluster.errors import LocalClusterError


def test_the_parts_of_a_block_do_not_overlap() -> None:
    addresses = Addresses(0)
    parts = (addresses.services, addresses.pods, addresses.link)
    assert all(part.subnet_of(addresses.block) for part in parts)
    assert not any(one.overlaps(other) for one, other in combinations(parts, 2))
    assert (addresses.host, addresses.node) == ("10.208.192.1", "10.208.192.2")
    assert (addresses.kubernetes, addresses.dns) == ("10.208.0.1", "10.208.0.10")


def test_the_blocks_of_clusters_do_not_overlap() -> None:
    blocks = [Addresses(slot).block for slot in SLOTS]
    assert not any(one.overlaps(other) for one, other in combinations(blocks, 2))


def test_a_slot_is_chosen_that_nobody_uses() -> None:
    assert choose_slot(set(), []) == 0
    assert choose_slot({0, 1}, [IPv4Network("10.210.4.0/24"), IPv4Network("0.0.0.0/0")]) == 3


@pytest.mark.parametrize(("taken", "routes"), [(set(SLOTS), []), (set(), [IPv4Network("10.0.0.0/8")])])
def test_no_slot_left_is_said_so(taken: set[int], routes: list[IPv4Network]) -> None:
    with pytest.raises(LocalClusterError, match="No address block is left"):
        choose_slot(taken, routes)
