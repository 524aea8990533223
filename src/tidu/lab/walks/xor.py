"""The walk of `xor`: what one layer cannot learn, how many numbers two have, and why they need a bend between."""

from tidu.lab.examples import example_named
from tidu.lab.walks.walk import Number, Stop, Task
from tidu.lessons.xor import ONE_LAYER

TWO = example_named("xor")
ONE = TWO.set_to(formula=ONE_LAYER)
EPOCHS, ENOUGH, STUCK = 500, 200, 0.6

STOPS = (
    Stop(ONE, Number(lambda s: s.cost(EPOCHS), 3), step=EPOCHS, look="data"),
    Stop(TWO, Number(lambda s: s.numbers(), 0, {"biases": lambda s: s.numbers() - s.biases()}), look="network"),
    Stop(TWO, Number(lambda s: s.right(EPOCHS), 0), step=EPOCHS, look="data"),
    Stop(
        TWO,
        Task(lambda s, step: step >= ENOUGH and "mlp" in s.settings.formula and s.cost(step) > STUCK, any_formula=True),
        step=EPOCHS, look="data",
    ),
)  # fmt: skip
