"""Those who train a `Network`: NumPy by hand, JAX, torch, and tidu's engines by name."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable
from typing import Any

import numpy as np
from job import Array
from measure import Answer, NotAvailableError
from network import Network, flat

MANY_STEPS = 1_000_000  # of the work that `auto` is asked about: long enough for a compiler to pay


def by_numpy(net: Network) -> Callable[[], Answer]:
    """The passes as one writes them by hand."""
    X, y = net.batches
    layers = len(net.sizes) - 1
    is_tanh, one = net.activation == "tanh", not net.of_classes
    random = np.random.default_rng(0)

    def gradient(p: list[Array], x: Array, t: Array) -> list[Array]:
        outputs, slopes = [x], []
        for k in range(layers - 1):
            z = outputs[-1] @ p[2 * k].T + p[2 * k + 1]
            h = np.tanh(z) if is_tanh else np.maximum(z, 0)
            slopes.append(1 - h * h if is_tanh else h > 0)
            if net.dropout:
                keep = random.random(h.shape, dtype=np.float32) >= net.dropout
                keep = keep * h.dtype.type(1 / (1 - net.dropout))
                h, slopes[-1] = h * keep, slopes[-1] * keep
            outputs.append(h)
        outputs.append(outputs[-1] @ p[-2].T + p[-1])
        score, found = outputs[-1], [None] * (2 * layers)
        if one:
            slope = 2 * (score - t) / len(t)
        else:
            e = np.exp(score - score.max(axis=1, keepdims=True))
            slope = e / e.sum(axis=1, keepdims=True)
            slope[np.arange(len(t)), t] -= 1
            slope /= len(t)
        for k in reversed(range(layers)):
            h = outputs[k]
            found[2 * k], found[2 * k + 1] = slope.T @ h, slope.sum(axis=0)
            if k:
                back = np.multiply.outer(slope, p[2 * k]) if slope.ndim == 1 else slope @ p[2 * k]
                slope = back * slopes[k - 1]
        if net.clip_norm is not None:
            length = np.sqrt(sum(np.sum(g * g) for g in found))
            if length > net.clip_norm:
                found = [g * g.dtype.type(net.clip_norm / length) for g in found]
        return found

    def call() -> Answer:
        p = list(net.start)
        for _epoch in range(net.epochs):
            for x, t in zip(X, y, strict=True):
                p = [w - net.lr * g for w, g in zip(p, gradient(p, x, t), strict=True)]
        return Answer(flat(p))

    return call


def by_jax(net: Network) -> Callable[[], Answer]:
    """All steps in one compiled scan."""
    import jax

    jax.config.update("jax_enable_x64", True)
    import jax.numpy as jnp

    act = jnp.tanh if net.activation == "tanh" else jax.nn.relu

    def cost(p: Any, x: Any, t: Any, key: Any) -> Any:
        h = x
        for k in range(0, len(p), 2):
            h = h @ p[k].T + p[k + 1]
            h = act(h) if k < len(p) - 2 else h
            if net.dropout and k < len(p) - 2:
                key, own = jax.random.split(key)
                keep = jax.random.bernoulli(own, 1 - net.dropout, h.shape)
                h = jnp.where(keep, h / (1 - net.dropout), 0)
        if not net.of_classes:
            return jnp.mean((h - t) ** 2)
        return jnp.mean(jax.nn.logsumexp(h, axis=1) - jnp.take_along_axis(h, t[:, None], axis=1)[:, 0])

    slope = jax.grad(cost)
    X, y = map(jnp.asarray, net.batches)
    start = [jnp.asarray(p) for p in net.start]

    def step(state: Any, batch: Any) -> Any:
        p, key = state
        key, own = jax.random.split(key) if net.dropout else (key, key)
        found = slope(p, *batch, own)
        if net.clip_norm is not None:
            length = jnp.sqrt(sum(jnp.sum(g * g) for g in found))
            found = [jnp.where(length > net.clip_norm, g * (net.clip_norm / length), g) for g in found]
        return ([w - net.lr * g for w, g in zip(p, found, strict=True)], key), None

    @jax.jit
    def trained(p: Any, X: Any, y: Any) -> Any:
        begin = p, jax.random.key(0)
        return jax.lax.scan(lambda s, _: (jax.lax.scan(step, s, (X, y))[0], None), begin, length=net.epochs)[0][0]

    return lambda: Answer(flat(trained(start, X, y)))


def by_torch(net: Network, compiled: bool = False, device: str = "cpu") -> Callable[[], Answer]:
    """The usual loop; `compiled`, each step a function of torch.compile."""
    import torch

    if hasattr(os, "sched_getaffinity"):
        torch.set_num_threads(len(os.sched_getaffinity(0)))
    act = torch.tanh if net.activation == "tanh" else torch.relu
    X, y = (torch.from_numpy(numbers).to(device) for numbers in net.batches)
    batches = list(zip(X, y, strict=True))
    criterion = torch.nn.functional.cross_entropy if net.of_classes else torch.nn.functional.mse_loss

    def cost(p: Any, x: Any, t: Any) -> Any:
        h = x
        for k in range(0, len(p), 2):
            h = h @ p[k].T + p[k + 1] if p[k].ndim == 2 else h @ p[k] + p[k + 1]
            h = act(h) if k < len(p) - 2 else h
            h = torch.nn.functional.dropout(h, net.dropout) if net.dropout and k < len(p) - 2 else h
        return criterion(h, t)

    def eager() -> Answer:
        p = [torch.tensor(w, requires_grad=True, device=device) for w in net.start]
        optimizer = torch.optim.SGD(p, lr=net.lr)
        for x, t in itertools.chain.from_iterable(itertools.repeat(batches, net.epochs)):
            optimizer.zero_grad()
            cost(p, x, t).backward()
            if net.clip_norm is not None:
                torch.nn.utils.clip_grad_norm_(p, net.clip_norm)
            optimizer.step()
        return Answer(flat([w.detach().cpu() for w in p]))

    if not compiled:
        return eager

    def one_step(p: Any, x: Any, t: Any) -> Any:
        found = torch.func.grad(cost)(p, x, t)
        if net.clip_norm is not None:
            length = torch.sqrt(sum((g * g).sum() for g in found))
            found = [torch.where(length > net.clip_norm, g * (net.clip_norm / length), g) for g in found]
        return [w - net.lr * g for w, g in zip(p, found, strict=True)]

    step = torch.compile(one_step)

    def by_compiled_steps() -> Answer:
        p = [torch.tensor(w, device=device) for w in net.start]
        with torch.no_grad():
            for x, t in itertools.chain.from_iterable(itertools.repeat(batches, net.epochs)):
                p = step(p, x, t)
        return Answer(flat([w.cpu() for w in p]))

    try:
        by_compiled_steps()
    except Exception as error:  # without a C++ compiler, say; its errors share no class
        raise NotAvailableError(f"torch.compile failed: {str(error).strip().splitlines()[0][:80]}") from None
    return by_compiled_steps


def by_tidu(net: Network, wish: str, device: str | None = None) -> Callable[[], Answer]:
    """Tidu's loop with the engine of that name, from the same start."""
    from tidu.training.state import TrainingState

    training = _training(net, wish, device)
    begin = TrainingState(tuple(p if p.ndim else p.item() for p in net.start))

    def call() -> Answer:
        state, _rows, _why = training.loop.run(begin, net.steps)
        return Answer(flat(training.on_host(state).parameters))

    return call


def _training(net: Network, wish: str, device: str | None) -> Any:
    from tidu.errors import TiduError
    from tidu.training.problem import Problem
    from tidu.training.training import Execution, Training

    X, y = net.data
    data = {f"x{k + 1}": column for k, column in enumerate(X.T)} | {"y": y}
    dropped = f", dropout={net.dropout}" if net.dropout else ""
    formula = f"y = mlp(..., hidden={list(net.sizes[1:-1])}, activation='{net.activation}'{dropped})"
    loss = "softmax" if net.of_classes else "squared"
    settings = {"loss": loss, "lr": net.lr, "dtype": net.dtype, "batch_size": net.batch_size, "shuffle": False}
    settings |= {} if net.clip_norm is None else {"clip_norm": net.clip_norm}
    try:
        # As many steps as a training makes, for what runs it is chosen by how long it is.
        return Training(Problem.read(formula, data, settings | {"steps": MANY_STEPS}), Execution(wish, device=device))
    except TiduError as error:
        raise NotAvailableError(str(error)) from None
