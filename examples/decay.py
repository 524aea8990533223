"""A curve that is not linear in its parameters: radioactive decay, counted with noise, fitted with a schedule."""

import numpy as np

import tidu

random = np.random.RandomState(1)
hours = np.linspace(0.0, 10.0, 60)
counts = random.poisson(900.0 * np.exp(-0.4 * hours) + 60.0).astype(float)

run = tidu.fit(
    "counts = 1000*a*exp(-k*hours) + 1000*c",
    {"hours": hours, "counts": counts},
    init={"a": 0.5, "k": 0.1, "c": 0.0},
    optimizer="adam",
    lr="0.05 * warmup(20) * cosine(2000)",
    epochs=2000,
)
print(run)
print("half-life in hours:", round(float(np.log(2.0) / run.params["k"]), 3), "(true: 1.733)")
print("R²:", round(run.metrics["r2"], 5))
