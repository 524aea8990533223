"""Which worker has which chunks: shares by the threads of each, in which as little as possible moves.

This decides who computes, never what: sums are added in the order of the chunks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence


def shared_out(places: Sequence[int], owners: Mapping[int, str], threads: Mapping[str, int]) -> dict[int, str]:
    """The worker of each chunk.

    Parameters
    ----------
    places : the chunks by their places.
    owners : who had them before; a chunk stays where it is as long as its worker is there and has no more than its
        share.
    threads : how many each worker has, by its address; not empty.
    """
    quota = _quotas(len(places), threads)
    shares: dict[int, str] = {}
    for place in places:
        owner = owners.get(place)
        if owner is not None and quota.get(owner, 0) > 0:
            shares[place] = owner
            quota[owner] -= 1
    free = (address for address, count in quota.items() for _k in range(count))
    for place in places:  # those that lie together go to one worker
        if place not in shares:
            shares[place] = next(free)
    return shares


def _quotas(count: int, threads: Mapping[str, int]) -> dict[str, int]:
    """How many of `count` chunks each worker has: in proportion to its threads, by the largest remainders."""
    in_all = sum(threads.values())
    whole = {address: count * t // in_all for address, t in sorted(threads.items())}
    remainders = sorted(whole, key=lambda address: (-(count * threads[address] % in_all), address))
    for address in remainders[: count - sum(whole.values())]:
        whole[address] += 1
    return whole
