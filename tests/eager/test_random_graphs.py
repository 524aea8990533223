"""Random graphs of tensors, scalar and with broadcasting, against torch: value, first and second derivatives."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import tidu
from oracles import CONDITIONS, OPS, ORACLES, in_torch, tensor, torch_gradient
from random_expressions import Calm, calm_expressions
from tidu.eager.graph import adjoints, backward_order
from tidu.language.expr import Expr, evaluation_order
from tidu.language.operand import applied


def in_tidu(output: Expr, values: dict[Expr, tidu.Tensor]) -> tidu.Tensor:
    """The graph of `output`, recorded by tensors."""
    known = dict(values)
    for node in evaluation_order([output]):
        if node.is_constant:
            known[node] = node.value
        elif not node.is_symbol:
            known[node] = applied(node.op, tuple(known[a] for a in node.args), node.attrs)
    return known[output]


def bare(value):
    return value.numpy() if isinstance(value, tidu.Tensor) else value


def gradients(output, wrt, recorded):
    """∂output/∂each of wrt; 0 where output does not depend on one."""
    if not isinstance(output, tidu.Tensor) or not output.requires_grad:
        return [0.0 for _ in wrt]
    seed = tidu.tensor(np.ones(output.shape)) if recorded else (1.0 if not output.shape else np.ones(output.shape))
    found = adjoints(output, seed, backward_order(output), recorded=recorded)
    return [found.get(x, 0.0) for x in wrt]


@given(calm_expressions())
@settings(deadline=None, max_examples=250)
def test_first_and_second_derivatives_of_scalar_graphs(calm: Calm):
    ours = {s: tidu.Tensor(v) for s, v in calm.point.items()}
    theirs = {s: tensor(v) for s, v in calm.point.items()}
    out, their_out = in_tidu(calm.expr, ours), in_torch(calm.expr, theirs)
    # Both sum the same few terms in another order: each loses some digits of the largest term, never of the sum.
    assert float(out) == pytest.approx(their_out.item(), rel=1e-12, abs=1e-12)
    bare = gradients(out, list(ours.values()), recorded=False)
    firsts = gradients(out, list(ours.values()), recorded=True)
    their_firsts = torch_gradient(their_out, list(theirs.values()))
    size = max(1.0, *(abs(t.item()) for t in their_firsts))
    for number, first, their_first in zip(bare, firsts, their_firsts, strict=True):
        assert number == pytest.approx(their_first.item(), rel=1e-12, abs=1e-12 * size)
        assert float(first) == pytest.approx(number, rel=1e-15, abs=0.0, nan_ok=True)
        seconds = gradients(first, list(ours.values()), recorded=False)
        their_seconds = torch_gradient(their_first, list(theirs.values()))
        size_2 = max(size, *(abs(t.item()) for t in their_seconds)) ** 2
        for second, their_second in zip(seconds, their_seconds, strict=True):
            assert second == pytest.approx(their_second.item(), rel=1e-12, abs=1e-12 * size_2)


SHAPES = [(), (3,), (1,), (2, 3), (2, 1), (1, 3), (4, 2, 3), (4, 1, 1)]
JUMPS = ("sign", "floor", "ceil", "mod", "fmod")
NAMES = sorted(name for name, op in OPS.items() if op.grad is not None and name not in JUMPS)


@given(st.sampled_from(NAMES), st.lists(st.sampled_from(SHAPES), min_size=3, max_size=3), st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=300)
def test_derivatives_with_broadcasting(name, shapes, seed):
    random = np.random.default_rng(seed)
    op = OPS[name]
    attrs = (int(random.integers(-3, 5)),) if name == "integer_power" else ()
    values = [
        random.integers(0, 2, shape).astype(bool) if interval == (0, 1) else random.uniform(*interval, shape)
        for interval, shape in zip(op.domain, shapes, strict=False)
    ]
    is_number = [interval != (0, 1) for interval in op.domain]
    ours = [tidu.Tensor(v) if number else v for v, number in zip(values, is_number, strict=True)]
    theirs = [torch.tensor(v, requires_grad=number) for v, number in zip(values, is_number, strict=True)]
    out, their_out = applied(op, tuple(ours), attrs), ORACLES[name].torch(*theirs, *attrs)
    np.testing.assert_allclose(out.numpy(), their_out.detach().numpy(), rtol=1e-13, atol=1e-14)
    weights = random.normal(size=out.shape)
    wrt = [t for t, number in zip(ours, is_number, strict=True) if number]
    their_wrt = [t for t, number in zip(theirs, is_number, strict=True) if number]
    firsts = gradients((out * weights).sum(), wrt, recorded=True)
    their_firsts = torch.autograd.grad((their_out * torch.tensor(weights)).sum(), their_wrt, create_graph=True)
    for x, first, their_first in zip(wrt, firsts, their_firsts, strict=True):
        assert np.shape(first) == x.shape
        # Rules differ in form (1 - tanh², cosh⁻²): where they cancel, they lose a few digits of 1.
        np.testing.assert_allclose(bare(first), their_first.detach().numpy(), rtol=1e-12, atol=1e-13)
        if not isinstance(first, tidu.Tensor):
            continue
        seconds = gradients((first**2).sum(), wrt, recorded=False)
        if not their_first.requires_grad:
            continue
        their_seconds = torch.autograd.grad((their_first**2).sum(), their_wrt, retain_graph=True, allow_unused=True)
        for second, their_second in zip(seconds, their_seconds, strict=True):
            expected = 0.0 if their_second is None else their_second.numpy(force=True)
            np.testing.assert_allclose(second, expected, rtol=1e-11, atol=1e-12 * max(1.0, np.abs(expected).max()))


def test_conditions_are_the_same_set():
    assert set(CONDITIONS) == {name for name, op in OPS.items() if op.grad is None}
