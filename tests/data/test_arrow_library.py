"""pyarrow is imported where it is used, and nowhere before."""

import subprocess
import sys

import pytest

FIT = """
import sys, numpy as np, tidu
x = np.linspace(0.0, 1.0, 100)
tidu.fit("y = w*x + b", {data}, lr=0.1, epochs=10)
print("pyarrow" in sys.modules)
"""


@pytest.mark.parametrize(
    ("data", "used"), [('{"x": x, "y": 3*x + 1}', "False"), ('__import__("pyarrow").table({"x": x, "y": 3*x})', "True")]
)
def test_a_fit_of_arrays_imports_no_pyarrow(data, used):
    text = FIT.replace("{data}", data)
    told = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, timeout=120, check=True)
    assert told.stdout.split()[-1] == used
