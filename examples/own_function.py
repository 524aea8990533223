"""The minimum of a function of your own: Rosenbrock's valley, with four optimizers."""

import tidu


def valley(p: tuple) -> object:
    x, y = p
    return (1 - x) ** 2 + 100 * (y - x**2) ** 2


for optimizer, lr in (("gd", 0.001), ("momentum", 0.001), ("adam", 0.02), ("nadam", 0.02)):
    found = tidu.minimize(valley, x0=(-1.2, 1.0), optimizer=optimizer, lr=lr, steps=5000)
    print(f"{optimizer:9} ends at {found.x[0]:.6f}, {found.x[1]:.6f} with the value {found.value:.3g}")
