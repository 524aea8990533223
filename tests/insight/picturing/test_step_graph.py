"""The graph of a step: every value and gradient against torch, the names of the trace, layers for networks."""

import numpy as np
import pytest
import torch

import tidu
from tidu.errors import DataError, SettingError
from tidu.pictures.graphs import Edge, Graph, Node

X, Y = [1.0, 2.0, 3.0, 4.0, 5.5], [2.0, 4.5, 5.0, 8.0, 9.0]


@pytest.fixture(scope="module")
def run():
    return tidu.fit("y = a*exp(-k*x) + b*sin(x)**2", {"x": X, "y": Y}, lr=0.01, epochs=4, batch_size=2,
                    init={"a": 1.0, "k": 0.3})  # fmt: skip


def with_gradient(value):
    return torch.tensor(value, dtype=torch.float64, requires_grad=True)


def test_values_and_gradients_are_those_of_torch(run):
    row = run.batch_of(3)[1]
    graph, trace = run.graph(3, row), run.trace(3, [row])
    a, k, b = (with_gradient(trace.before[n]) for n in ("a", "k", "b"))
    exp, sine = torch.exp(-k * X[row]), torch.sin(torch.tensor(X[row], dtype=torch.float64))
    first, second = a * exp, b * sine**2
    y_hat = first + second
    residual = y_hat - Y[row]
    loss = residual**2
    for node in (exp, first, second, y_hat, residual):
        node.retain_grad()
    loss.backward()
    by_formula = {n.formula: n for n in graph.nodes}
    expected = {
        "exp(product_1)": exp, "a·exp_1": first, "b·power_1": second, "product_2 + product_3": y_hat, "ŷ − y": residual
    }  # fmt: skip
    for formula, tensor in expected.items():
        assert by_formula[formula].value == pytest.approx(tensor.item(), rel=1e-12)
        assert by_formula[formula].gradient == pytest.approx(tensor.grad.item(), rel=1e-12)
    for name, tensor in (("a", a), ("k", k), ("b", b)):
        assert graph.node(name).gradient == pytest.approx(tensor.grad.item(), rel=1e-12)
    assert graph.nodes[-1].value == pytest.approx(loss.item(), rel=1e-12)
    assert graph.nodes[-1].gradient == 1.0


def test_parameters_have_the_bits_of_the_trace(run):
    row = run.batch_of(2)[0]
    graph, trace = run.graph(2), run.trace(2, [row])
    added = {v.name: v.added for v in trace.of_row(row) if v.block == "accumulate"}
    means = {v.name: v.value for v in trace.of_block("mean")}
    for name in ("a", "k", "b"):
        node = graph.node(name)
        assert node.value == trace.before[name]
        assert node.gradient == added[f"grad_{name}"]
        assert node.of_batch == means[f"grad_{name}"]


def test_the_chain_rule_holds_along_the_edges(run):
    graph = run.graph(1)
    for node in graph.nodes[:-1]:
        ways = [e for e in graph.edges if e.argument == node.name]
        if node.gradient is not None:
            total = sum(e.local * graph.node(e.user).gradient for e in ways)
            assert node.gradient == pytest.approx(total, rel=1e-12)


def test_a_network_collapses_to_layers_with_torchs_gradients():
    generator = np.random.default_rng(3)
    data = {"u": generator.normal(size=12), "v": generator.normal(size=12), "y": generator.normal(size=12)}
    run = tidu.fit("y = mlp(u, v, hidden=[4, 3], activation='tanh')", data, lr=0.05, epochs=3, batch_size=4)
    row = run.batch_of(5)[2]
    graph, before = run.graph(5, row), run.trace(5).before
    assert [n.name for n in graph.nodes] == [
        "u", "v", "linear", "tanh", "linear_2", "tanh_2", "linear_3", "y", "residual", "ℓ"
    ]  # fmt: skip
    p = {name: with_gradient(value) for name, value in before.items()}
    x = torch.tensor([data["u"][row], data["v"][row]], dtype=torch.float64)
    one = p["W1"] @ x + p["b1"]
    two = p["W2"] @ torch.tanh(one) + p["b2"]
    three = p["W3"] @ torch.tanh(two) + p["b3"]
    for tensor in (one, two, three):
        tensor.retain_grad()
    ((three - data["y"][row]) ** 2).backward()
    for name, tensor in (("linear", one), ("linear_2", two), ("linear_3", three)):
        np.testing.assert_allclose(graph.node(name).value, tensor.detach().numpy(), rtol=1e-12)
        np.testing.assert_allclose(graph.node(name).gradient, tensor.grad.numpy(), rtol=1e-11)
    np.testing.assert_allclose(graph.node("linear_2").parameters["W₂"], p["W2"].grad.numpy(), rtol=1e-11)


@pytest.mark.parametrize("loss", ["logistic", "softmax", "hinge"])
def test_losses_of_classes_have_graphs(loss):
    data = {"u": [0.1, 0.9, 1.2, -0.3], "v": [1.0, 0.0, 0.5, 0.2], "c": ["n", "y", "y", "n"]}
    graph = tidu.fit("c = linear(u, v)", data, loss=loss, lr=0.1, epochs=2).graph(1)
    assert graph.nodes[-1].name == "ℓ"
    assert all(n.gradient is None or np.all(np.isfinite(n.gradient)) for n in graph.nodes)


def test_bad_steps_and_rows_are_sentences(run):
    with pytest.raises(SettingError, match="no step 99"):
        run.graph(99)
    with pytest.raises(SettingError, match="not among"):
        run.graph(0, next(r for r in range(5) if r not in run.batch_of(0)))
    with pytest.raises(DataError, match="data"):
        run.without_data().graph()


def test_texts_name_every_node_and_edge(run):
    graph: Graph = run.graph(1)
    assert graph.mermaid().splitlines()[1] == "flowchart LR"
    assert graph.mermaid().count("-->") == graph.dot().count("->") == len(graph.edges)
    assert all(f'"{n.name}" [' in graph.dot() for n in graph.nodes)
    plain = graph.to_dict()
    assert [n["name"] for n in plain["nodes"]] == [n.name for n in graph.nodes]
    assert all(0 <= n["x"] <= plain["width"] and 0 <= n["y"] <= plain["height"] for n in plain["nodes"])


def test_signs_that_mermaid_and_dot_read_otherwise_are_kept_apart():
    nodes = (Node('a"#<b>&', "data", "", 1.0), Node("l\\", "loss", "f", 2.0, 1.0))
    graph = Graph(nodes, (Edge('a"#<b>&', "l\\"),))
    assert '(["a#quot;#35;#lt;b#gt;#amp;<br/>= 1"])' in graph.mermaid()
    assert '"a\\"#<b>&" -> "l\\\\"' in graph.dot()
