"""A rate that falls at plateaus, against PyTorch's ReduceLROnPlateau on the same losses."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tidu.content.plateau import PLATEAU, START, Plateau

# On a grid, so that no loss lies on the threshold but for rounding; some are no numbers.
LOSSES = st.lists(
    st.one_of(st.integers(1, 40).map(lambda k: k / 7), st.sampled_from([math.nan, math.inf])), max_size=60
)


def torchs(losses, plateau):
    """The factors after each epoch that PyTorch has; its patience is the epochs that it lets pass."""
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=1.0)
    schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimizer, factor=plateau.factor, patience=int(plateau.patience) - 1, threshold=plateau.min_improvement,
        cooldown=int(plateau.cooldown), min_lr=plateau.floor, eps=0.0,
    )  # fmt: skip
    factors = []
    for loss in losses:
        schedule.step(loss)
        factors.append(optimizer.param_groups[0]["lr"])
    return factors


@given(LOSSES, st.integers(1, 6), st.sampled_from([0.1, 0.5, 0.9]), st.sampled_from([0.0, 1e-4, 0.03]),
       st.integers(0, 4), st.sampled_from([0.0, 0.2]))  # fmt: skip
def test_it_falls_where_pytorchs_does(losses, patience, factor, least, cooldown, floor):
    plateau = Plateau(patience, factor, least, cooldown, floor)
    standing, factors = (), []
    for loss in losses:
        standing = plateau.after(standing, loss)
        assert len(standing) == len(START)
        factors.append(standing[0])
    assert factors == torchs(losses, plateau)


def test_a_loss_below_zero_improves_by_a_share_of_its_size():
    plateau = Plateau(1, 0.5, 0.1, 0, 0.0)
    standing = plateau.after((), -10.0)
    assert plateau.after(standing, -10.9)[0] == 0.5
    assert plateau.after(standing, -11.1)[0] == 1.0


def test_no_options_are_no_plateau():
    assert Plateau.of({}) is None
    assert Plateau.of({name: option.default for name, option in PLATEAU.options.items()}) is not None


@pytest.mark.parametrize("losses", [[1.0] * 40])
def test_it_stops_at_its_floor(losses):
    plateau, standing = Plateau(1, 0.5, 0.0, 0, 0.2), ()
    for loss in losses:
        standing = plateau.after(standing, loss)
    assert standing[0] == 0.2
