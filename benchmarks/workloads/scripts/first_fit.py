"""The first fit of a process: import tidu, fit a formula to a hundred rows by machine code, print the parameters."""

import json
import sys
import time

import numpy as np

began = time.perf_counter()
import tidu  # noqa: E402

formula, lr, epochs = sys.argv[1], float(sys.argv[2]), int(sys.argv[3])
random = np.random.default_rng(0)
x = random.random(100)
data = {"x": x, "y": 4 * x**2 + 5 * x + 6 + random.normal(0, 0.1, 100)}
run = tidu.fit(formula, data, lr=lr, epochs=epochs, engine="compiled")
print(json.dumps({"parameters": list(run.params.values()), "seconds": time.perf_counter() - began}))
