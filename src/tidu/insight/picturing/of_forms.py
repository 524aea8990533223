"""What a form of curves looks like, at the values of its example."""

from __future__ import annotations

import numpy as np

from tidu.content.forms import Form
from tidu.engines.node_values import values_of_nodes
from tidu.language.expr import symbols
from tidu.pictures.planes import Curve, Plane

PLACES = 200


def form_plane(form: Form) -> Plane:
    """Its curve over x."""
    values, (low, high) = form.example
    x = np.linspace(low, high, PLACES)
    expression = form.expression()
    known = {s: values[s.name] for s in symbols([expression], "parameter")}
    known |= dict.fromkeys(symbols([expression], "feature"), x)  # type: ignore[arg-type]
    y = np.asarray(values_of_nodes([expression], known)[expression], dtype=np.float64)
    return Plane("x", "y", (Curve("", x, y),), title=form.name)
