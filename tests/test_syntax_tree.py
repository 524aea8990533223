"""Several threads that read texts at the same time."""

import ast
import gc
import sys
from concurrent.futures import ThreadPoolExecutor

from tidu.syntax_tree import expression_tree, module_tree


def test_threads_read_at_the_same_time():
    # Trees large enough for garbage to be collected, and threads to change, while one is made.
    text = "".join(f"w{k} = f(x[{k}], [{k}, (a + b) * {k}])\n" for k in range(400))
    once, before, thresholds = ast.dump(ast.parse(text)), sys.getswitchinterval(), gc.get_threshold()
    sys.setswitchinterval(1e-6)
    gc.set_threshold(50)
    try:
        with ThreadPoolExecutor(4) as pool:
            trees = list(pool.map(module_tree, [text] * 12))
            sums = list(pool.map(expression_tree, [f"a + {k}" for k in range(100)]))
    finally:
        sys.setswitchinterval(before)
        gc.set_threshold(*thresholds)
    assert all(ast.dump(tree) == once for tree in trees)
    assert [ast.unparse(each) for each in sums] == [f"a + {k}" for k in range(100)]
