"""The layout of graphs: boxes apart, arguments left of their users, edges from box to box, few crossings."""

import itertools

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tidu.pictures.layered_layout import Box, layout_of


@st.composite
def graphs(draw):
    count = draw(st.integers(1, 14))
    boxes = [Box(f"n{k}", draw(st.floats(0.3, 3.0)), draw(st.floats(0.2, 1.0))) for k in range(count)]
    pairs = [(f"n{i}", f"n{j}") for j in range(count) for i in range(j)]
    edges = draw(st.lists(st.sampled_from(pairs), unique=True, max_size=20)) if pairs else []
    return boxes, edges


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # the machine may be busy
@given(graphs())
def test_boxes_are_apart_and_edges_go_to_the_right(graph):
    boxes, edges = graph
    layout = layout_of(boxes, edges)
    placed = list(layout.boxes.values())
    for a, b in itertools.combinations(placed, 2):
        beside = abs(a.x - b.x) >= (a.width + b.width) / 2 - 1e-9
        below = abs(a.y - b.y) >= (a.height + b.height) / 2 - 1e-9
        assert beside or below, (a, b)
    for (a, b), points in zip(edges, layout.edges, strict=True):
        assert points[0] == (layout.boxes[a].x + layout.boxes[a].width / 2, layout.boxes[a].y)
        assert points[-1] == (layout.boxes[b].x - layout.boxes[b].width / 2, layout.boxes[b].y)
        xs = [x for x, _y in points]
        assert xs == sorted(xs)
        assert xs[0] < xs[-1]
    for box in placed:
        assert box.x - box.width / 2 >= -1e-9
        assert box.x + box.width / 2 <= layout.width + 1e-9
        assert box.y - box.height / 2 >= -1e-9
        assert box.y + box.height / 2 <= layout.height + 1e-9


def test_crossings_that_can_be_undone_are_undone():
    boxes = [Box(name, 1.0, 0.5) for name in "abcxyz"]
    layout = layout_of(boxes, [("a", "z"), ("b", "y"), ("c", "x")])
    left = sorted("abc", key=lambda n: layout.boxes[n].y)
    right = sorted("zyx", key=lambda n: layout.boxes[n].y)
    assert [{"a": "z", "b": "y", "c": "x"}[n] for n in left] == right


def test_the_same_graph_has_the_same_places():
    boxes = [Box(str(k), 1.0, 0.5) for k in range(8)]
    edges = [(str(i), str(j)) for i in range(8) for j in range(i + 1, 8) if (i * j) % 3 == 1]
    assert layout_of(boxes, edges) == layout_of(boxes, edges)
