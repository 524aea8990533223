"""Metrics of classes against scikit-learn and torch, for two classes and for more, in the extremes too."""

import math

import numpy as np
import pytest
import scipy.special
import sklearn.metrics as sk
import torch
from hypothesis import given
from hypothesis import strategies as st

from tidu.training.judging.metrics import (
    auc,
    class_metrics_of,
    confusion,
    log_loss,
    log_odds,
    predicted_classes,
    probabilities_of,
)


def rows(classes, count=200, seed=0, decimals=1):
    random = np.random.default_rng(seed)
    logits = random.normal(0, 2, (count, classes)).round(decimals)  # rounded: ties
    if classes == 2:
        logits[:, 0] = 0.0  # as a model of one score has it
    true = random.integers(0, classes, count)
    logits[np.arange(count), true] += 1.0
    return true, logits


@pytest.mark.parametrize("classes", [2, 3, 10])
@pytest.mark.parametrize("seed", range(3))
def test_all_against_scikit_learn(classes, seed):
    true, logits = rows(classes, seed=seed)
    got = class_metrics_of(true, logits, with_probabilities=True)
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(probabilities_of(logits), p, rtol=1e-14)
    predicted = predicted_classes(logits)
    # Sums of 200 numbers in another order.
    assert got["accuracy"] == pytest.approx(sk.accuracy_score(true, predicted), rel=1e-15)
    assert got["log_loss"] == pytest.approx(sk.log_loss(true, p, labels=range(classes)), rel=1e-13)
    assert got["confusion"] == sk.confusion_matrix(true, predicted).tolist()
    wanted = sk.precision_recall_fscore_support(true, predicted, zero_division=np.nan)
    for name, values in zip(("precision", "recall", "f1"), wanted, strict=False):
        assert got[name] == pytest.approx(values, rel=1e-15)
    if classes == 2:
        assert got["auc"] == pytest.approx(sk.roc_auc_score(true, logits[:, 1] - logits[:, 0]), rel=1e-13)
    else:
        # Of many ties in the log-odds, rounding keeps some apart; here each row has its own scores.
        true, logits = rows(classes, seed=seed, decimals=12)
        p = probabilities_of(logits)
        assert auc(true, logits) == pytest.approx(sk.roc_auc_score(true, p, multi_class="ovr"), rel=1e-12)


@given(st.lists(st.tuples(st.booleans(), st.integers(-3, 3)), min_size=1, max_size=20))
def test_auc_is_the_share_of_pairs_in_the_right_order_with_ties_for_half(pairs):
    positive = [s for yes, s in pairs if yes]
    negative = [s for yes, s in pairs if not yes]
    true = np.array([int(yes) for yes, _s in pairs])
    got = auc(true, np.array([[0.0, s] for _yes, s in pairs]))
    if not positive or not negative:
        assert math.isnan(got)
        return
    points = [1.0 if p > n else 0.5 if p == n else 0.0 for p in positive for n in negative]
    assert got == pytest.approx(sum(points) / len(points), rel=1e-14)


def test_logits_of_ten_thousand():
    logits = np.array([[0.0, 1e4], [0.0, -1e4], [0.0, 1e4]])
    assert probabilities_of(logits).tolist() == [[0, 1], [1, 0], [0, 1]]
    assert log_loss(np.array([1, 0, 1]), logits) == 0.0
    assert log_loss(np.array([0, 0, 1]), logits) == pytest.approx(1e4 / 3, rel=1e-15)
    for seed in range(3):
        true = np.random.default_rng(seed).integers(0, 5, 50)
        wide = np.random.default_rng(seed).normal(0, 1e4, (50, 5))
        expected = torch.nn.functional.cross_entropy(torch.tensor(wide), torch.tensor(true)).item()
        assert log_loss(true, wide) == pytest.approx(expected, rel=1e-14)
        assert probabilities_of(wide) == pytest.approx(torch.softmax(torch.tensor(wide), 1).numpy(), rel=1e-14)
        best = class_metrics_of(np.argmax(wide, axis=1), wide, True)
        assert best["accuracy"] == 1.0
        assert 0.9 < best["auc"] <= 1.0  # probabilities, all 0 or 1 here, would have given ties


def test_a_right_answer_close_to_certain_has_a_loss_above_0():
    tiny = log_loss(np.array([1]), np.array([[0.0, 30.0]]))
    assert tiny == pytest.approx(math.log1p(math.exp(-30.0)), rel=1e-2)  # log(1 + 9e-14) keeps that many digits
    assert tiny > 0


def test_equal_logits_are_the_first_class_and_what_cannot_be_computed_is_nan():
    assert predicted_classes(np.zeros((2, 3))).tolist() == [0, 0]
    got = class_metrics_of(np.array([0, 0]), np.array([[0.0, -1.0], [0.0, -2.0]]), True)
    assert math.isnan(got["auc"])
    assert math.isnan(got["precision"][1])
    assert math.isnan(got["recall"][1])
    assert got["recall"][0] == 1
    assert confusion(np.array([0, 2]), np.array([1, 2]), 3).tolist() == [[0, 1, 0], [0, 0, 0], [0, 0, 1]]
    unknown = class_metrics_of(np.array([0, 1]), np.array([[0.0, math.nan], [0.0, 1.0]]), True)
    assert all(math.isnan(v) for v in unknown.values())


@given(st.integers(2, 8), st.integers(1, 5), st.sampled_from([1.0, 30.0, 1e4]), st.integers(0, 10**6))
def test_log_odds_are_those_of_each_class_against_the_sum_of_the_others(classes, count, scale, seed):
    logits = np.random.default_rng(seed).normal(0, scale, (count, classes)).round(1)
    for line, odds in zip(logits, log_odds(logits), strict=True):
        for k in range(classes):
            rest = scipy.special.logsumexp(np.delete(line, k))
            assert odds[k] == pytest.approx(line[k] - rest, rel=1e-13, abs=1e-13 * scale)


def test_the_metrics_of_a_thousand_classes_add_each_exponential_a_few_times(monkeypatch):
    taken = []
    exp = np.exp
    monkeypatch.setattr(np, "exp", lambda x: taken.append(np.size(x)) or exp(x))
    true, logits = rows(1000, count=50)
    class_metrics_of(true, logits, with_probabilities=True)
    assert sum(taken) <= 4 * logits.size  # one for each class against the rest would be 1000 times the logits
