"""Which worker has which chunks: all of them, in proportion, with as little moved as possible."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tidu.cluster.shares import shared_out

BUSY = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # the machine may be
THREADS = st.dictionaries(st.sampled_from("abcdefg"), st.integers(1, 5), min_size=1)


@BUSY
@given(st.integers(0, 60), THREADS)
def test_every_chunk_has_one_worker_in_proportion_to_its_threads(count, threads):
    shares = shared_out(range(count), {}, threads)
    assert [*shares] == [*range(count)] or not count
    for address, t in threads.items():
        exact = count * t / sum(threads.values())
        assert abs([*shares.values()].count(address) - exact) < 1


@BUSY
@given(st.integers(1, 60), THREADS, st.data())
def test_a_lost_worker_moves_its_own_chunks_and_few_others(count, threads, data):
    before = shared_out(range(count), {}, threads)
    assert shared_out(range(count), before, threads) == before
    lost = data.draw(st.sampled_from(sorted(threads)))
    left = {address: t for address, t in threads.items() if address != lost}
    if not left:
        return
    after = shared_out(range(count), before, left)
    moved = [place for place in after if after[place] != before[place] and before[place] != lost]
    assert len(moved) <= len(left)  # shares are rounded anew
    assert set(after.values()) <= set(left)


@BUSY
@given(st.integers(1, 60), THREADS)
def test_one_that_joins_gets_its_share(count, threads):
    before = shared_out(range(count), {}, threads)
    after = shared_out(range(count), before, {**threads, "z": 2})
    exact = count * 2 / (sum(threads.values()) + 2)
    assert abs([*after.values()].count("z") - exact) < 1
    assert sum(after[place] not in (before[place], "z") for place in after) <= len(threads)
