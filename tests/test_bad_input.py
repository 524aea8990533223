"""Bad input at the command line: what is given × what is wrong with it, with its sentence in both languages.

Each ends in status 2 with this one sentence and nothing else, and takes no more than five seconds. What can be wrong
with tables of numbers has two tables of its own: `data/test_bad_data.py` and `data/test_bad_text.py`.
"""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from bad_folder import STORE, prepared
from tidu.fronts import cli
from tidu.text import use_language
from tidu.training.storing import opening

FIT = ("fit", "points.csv")
LINE = (*FIT, "y = w*x + b")

# What is given, what is wrong with it, what spoils the folder (a function of `bad_folder.py`), the command, the
# sentences; one that ends in … goes on with a list of names, and {folder} is the working folder.
CASES = [
    # -- formulas ---------------------------------------------------------------
    ("formula", "empty", None, (*FIT, ""),
     "the formula '' must read 'target = expression', as in 'y = w*x + b'",
     "公式 '' 必须写成 '目标 = 表达式'，例如 'y = w*x + b'"),
    ("formula", "no right side", None, (*FIT, "y ="),
     "the formula 'y =' must read 'target = expression', as in 'y = w*x + b'",
     "公式 'y =' 必须写成 '目标 = 表达式'，例如 'y = w*x + b'"),
    ("formula", "no target", None, (*FIT, "w*x + b"),
     "the formula 'w*x + b' must read 'target = expression', as in 'y = w*x + b'",
     "公式 'w*x + b' 必须写成 '目标 = 表达式'，例如 'y = w*x + b'"),
    ("formula", "two targets", None, (*FIT, "y = w*x = b"),
     "the formula 'y = w*x = b' must read 'target = expression', as in 'y = w*x + b'",
     "公式 'y = w*x = b' 必须写成 '目标 = 表达式'，例如 'y = w*x + b'"),
    ("formula", "an open bracket", None, (*FIT, "y = (w*x + b"),
     "formula '(w*x + b', character 1: the bracket '(' is not closed",
     "公式 '(w*x + b' 第 1 个字符：括号 '(' 没有配对的右括号"),
    ("formula", "a closing bracket too many", None, (*FIT, "y = w*x) + b"),
     "formula 'w*x) + b', character 4: the bracket ')' closes nothing",
     "公式 'w*x) + b' 第 4 个字符：括号 ')' 没有配对的左括号"),
    ("formula", "an unknown function", None, (*FIT, "y = w*sine(x)"),
     "formula 'w*sine(x)': there is no function 'sine' "
     "(did you mean 'sin'?); for a product write "
     "sine*(...), and functions are: …",
     "公式 'w*sine(x)'：没有名为 'sine' 的函数（是不是想写 'sin'？）；乘积请写成 "
     "sine*(...)，可用的函数有：…"),
    ("formula", "too many arguments", None, (*FIT, "y = exp(x, w)"),
     "formula 'exp(x, w)': exp(...) takes 1 argument(s), not 2",
     "公式 'exp(x, w)'：exp(...) 要 1 个参数，而不是 2 个"),
    ("formula", "no column", None, (*FIT, "y = a + b"),
     "the formula 'y = a + b' uses no column besides its target; the data has x, y, z. If a or b is meant "
     "as a parameter, give it a starting value: --init a=0",
     "公式 'y = a + b' 除了目标之外没有用到任何列；数据里有 x, y, z。如果 a 或 b "
     "本来就是参数，请给它初始值：--init a=0"),
    ("formula", "a misspelt column", None, (*FIT, "y = w*X1 + b"),
     "the formula 'y = w*X1 + b' uses no column besides its target; the data has x, y, z. If w or X1 or b "
     "is meant as a parameter, give it a starting value: --init w=0",
     "公式 'y = w*X1 + b' 除了目标之外没有用到任何列；数据里有 x, y, z。如果 w 或 "
     "X1 或 b 本来就是参数，请给它初始值：--init w=0"),
    ("formula", "a word of Python", None, (*FIT, "y = lambda x: w*x"),
     "formula 'lambda x: w*x', character 1: 'lambda' is a word of Python, and not allowed in a formula; "
     "as the name of a column it is written `lambda`",
     "公式 'lambda x: w*x' 第 1 个字符：'lambda' 是 Python "
     "的关键字，不能用在公式中；如果它是列名，请写成 `lambda`"),
    ("formula", "an attribute", None, (*FIT, "y = w*x.real"),
     "formula 'w*x.real', character 4: 'x.real' is not allowed in a formula; only a decimal point is a "
     "point",
     "公式 'w*x.real' 第 4 个字符：公式中不能写 'x.real'；点号只用作小数点"),
    ("formula", "an import", None, (*FIT, "y = __import__('os').system('true')"),
     "formula '__import__('os').system('true')', character 17: ').system' is not allowed in a formula; "
     "only a decimal point is a point",
     "公式 '__import__('os').system('true')' 第 17 "
     "个字符：公式中不能写 ').system'；点号只用作小数点"),
    ("formula", "a comparison", None, (*FIT, "y = w*x < b"),
     "'w*x < b' is a condition, not a number; write where(w*x < b, 1, 0) to make a number of it",
     "'w*x < b' 是条件，不是数；要变成数，请写 where(w*x < b, 1, 0)"),
    ("formula", "an assignment", None, (*FIT, "y := w*x"),
     "the formula 'y := w*x' must read 'target = expression', as in 'y = w*x + b'",
     "公式 'y := w*x' 必须写成 '目标 = 表达式'，例如 'y = w*x + b'"),
    ("formula", "an index", None, (*FIT, "y = w*x[0]"),
     "formula 'w*x[0]': 'x[0]' is not allowed in a formula; it may hold numbers, names, + - * / **, "
     "comparisons and functions",
     "公式 'w*x[0]'：公式里不能有 'x[0]'；可以有数、名字、+ - * / **、比较和函数"),
    ("formula", "a string", None, (*FIT, "y = w*'x'"),
     "formula 'w*'x'': ''x'' is not allowed in a formula; it may hold numbers, names, + - * / **, "
     "comparisons and functions",
     "公式 'w*'x''：公式里不能有 ''x''；可以有数、名字、+ - * / **、比较和函数"),
    ("formula", "a number that is not finite", None, (*FIT, "y = w*x + 1e999"),
     "formula 'w*x + 1e999', character 7: the number 1e999 is larger than a float64 can hold",
     "公式 'w*x + 1e999' 第 7 个字符：数 1e999 超出了 float64 的范围"),
    ("formula", "a unit count of 0", None, (*FIT, "y = mlp(x, hidden=[0])"),
     "hidden must be layer sizes from 1 to 100000, such as [8, 8], not [0]",
     "hidden 应为各层的单元数（1 到 100000），例如 [8, 8]，而不是 [0]"),
    ("formula", "an unknown option", None, (*FIT, "y = mlp(x, width=3)"),
     "formula 'mlp(x, width=3)': mlp(...) has no option 'width'; it has: hidden, activation, dropout, init",
     "公式 'mlp(x, width=3)'：mlp(...) 没有选项 "
     "'width'；它有：hidden, activation, dropout, init"),
    ("formula", "an unknown activation", None, (*FIT, "y = mlp(x, activation='reluu')"),
     "there is no activation 'reluu' (did you mean 'relu'?); there are: relu, leaky_relu, elu, gelu, "
     "silu, tanh, sigmoid, softplus, softmax, identity",
     "没有激活函数 'reluu'（是不是想写 'relu'？）；可用的有：relu, "
     "leaky_relu, elu, gelu, silu, tanh, sigmoid, softplus, softmax, identity"),
    ("formula", "a layer too large", None, (*FIT, "y = mlp(x, hidden=[1000000000])"),
     "hidden must be layer sizes from 1 to 100000, such as [8, 8], not [1000000000]",
     "hidden 应为各层的单元数（1 到 100000），例如 [8, 8]，而不是 "
     "[1000000000]"),
    ("formula", "a polynomial of degree 0.5", None, (*FIT, "y = poly(x, 0.5)"),
     "the degree of poly(...) must be a whole number from 1 to 20, not 0.5",
     "poly(...) 的次数应为 1 到 20 的整数，而不是 0.5"),
    ("formula", "only the target on the right", None, (*FIT, "y = w*y"),
     "the target y appears on both sides of 'y = w*y'; a model must not be given its own answer",
     "目标 y 出现在 'y = w*y' 的两边；不能把答案告诉模型"),
    ("formula", "two stars too many", None, (*FIT, "y = w***x"),
     "formula 'w***x', character 4: '***' is not an operator of a formula; write **",
     "公式 'w***x' 第 4 个字符：'***' 不是公式里的运算符；请写 **"),
    # -- options ----------------------------------------------------------------
    ("option", "a text for a number", None, (*LINE, "--lr", "fast"),
     "formula 'fast': 'fast' is not known here; known are: t, epoch",
     "公式 'fast'：这里不认识 'fast'；可用的有：t, epoch"),
    ("option", "a negative rate", None, (*LINE, "--lr", "-0.1"),
     "the learning rate must be a number above 0, not -0.1",
     "学习率必须是大于 0 的数，而不是 -0.1"),
    ("option", "a rate of nan", None, (*LINE, "--lr", "nan"),
     "formula 'nan': 'nan' is not a number that a model can hold",
     "公式 'nan'：模型里不能有 'nan'"),
    ("option", "a rate of 0", None, (*LINE, "--lr", "0"),
     "the learning rate must be a number above 0, not 0",
     "学习率必须是大于 0 的数，而不是 0"),
    ("option", "no epochs", None, (*LINE, "--epochs", "0"),
     "epochs must be a whole number of at least 1, not 0",
     "epochs 必须是不小于 1 的整数，而不是 0"),
    ("option", "half an epoch", None, (*LINE, "--epochs", "0.5"),
     "--epochs takes a whole number, not '0.5'",
     "--epochs 后面要写整数，而不是 '0.5'"),
    ("option", "too many epochs", None, (*LINE, "--epochs", "99999999999999999999"),
     "epochs must be at most 1000000000000000, not 99999999999999999999",
     "epochs 最大为 1000000000000000，不能是 99999999999999999999"),
    ("option", "no batch", None, (*LINE, "--batch-size", "0"),
     "batch_size must be a whole number of at least 1, not 0",
     "batch_size 必须是不小于 1 的整数，而不是 0"),
    ("option", "an unknown optimizer", None, (*LINE, "--optimizer", "adm"),
     "there is no optimizer 'adm' (did you mean 'adam'?); there are: gd, momentum, nesterov, adagrad, "
     "rmsprop, adadelta, adam, adamw, amsgrad, nadam, lm, lbfgs, newton, lp",
     "没有名为 'adm' 的优化器（是不是想写 'adam'？）；有：gd, momentum, "
     "nesterov, adagrad, rmsprop, adadelta, adam, adamw, amsgrad, nadam, lm, lbfgs, newton, lp"),
    ("option", "an option that an optimizer lacks", None, (*LINE, "--optimizer", "gd(beta1=0.9)"),
     "gd has no option 'beta1'; it has: none",
     "gd 没有选项 'beta1'；有：无"),
    ("option", "a momentum of 2", None, (*LINE, "--optimizer", "momentum(momentum=2)"),
     "momentum: momentum must be in [0, 1), not 2",
     "momentum：momentum 必须在 [0, 1) 之内，而不是 2"),
    ("option", "an unknown loss", None, (*LINE, "--loss", "squred"),
     "there is no loss 'squred' (did you mean 'squared'?); there are: squared, half_squared, absolute, "
     "huber, cauchy, log_cosh, quantile, logistic, hinge, perceptron, softmax, poisson",
     "没有名为 'squred' 的损失（是不是想写 'squared'？）；有：squared, "
     "half_squared, absolute, huber, cauchy, log_cosh, quantile, logistic, hinge, perceptron, softmax, poisson"),
    ("option", "a loss for labels", None, (*LINE, "--loss", "logistic"),
     "the loss 'logistic' takes targets that are labels, text or whole numbers, of at most 1000 classes; "
     "row 2 of column 'y' has 3.5, and there are 3 different ones. For a quantity, take a loss such as "
     "squared",
     "损失 'logistic' 的目标必须是标签（文字或整数），最多 1000 类；列 'y' 第 2 "
     "行是 3.5，一共有 3 种不同的值。如果它是一个数量，请用 squared 这样的损失"),
    ("option", "an unknown engine", None, (*LINE, "--engine", "gpu"),
     "engine must be auto, python, compiled or array, not 'gpu'",
     "engine 应为 auto, python, compiled 或 array，而不是 'gpu'"),
    ("option", "no threads", None, (*LINE, "--threads", "0"),
     "threads must be a whole number of at least 1, not 0",
     "threads 必须是不小于 1 的整数，而不是 0"),
    ("option", "a starting value without a number", None, (*LINE, "--init", "w"),
     "--init takes name=value pairs with commas between, as in w=0,b=1; not 'w'",
     "--init 要写成用逗号隔开的 名字=值，例如 w=0,b=1；而不是 'w'"),
    ("option", "a starting value of an unknown parameter", None, (*LINE, "--init", "v=1"),
     "init names 'v', which is not a parameter of the formula; there are: w, b",
     "init 里的 'v' 不是公式的参数；参数有：w, b"),
    ("option", "everything fixed", None, (*LINE, "--fix", "w=1,b=2"),
     "the formula 'y = w*x + b' has no parameter to learn",
     "公式 'y = w*x + b' 里没有要学习的参数"),
    ("option", "a negative penalty", None, (*LINE, "--l2", "-1"),
     "l2 must be at least 0, not -1.0",
     "l2 必须不小于 0，而不是 -1.0"),
    ("option", "a penalty with scale", None, (*LINE, "--l2", "1", "--scale"),
     "a penalty applies to the parameters of the formula, and scale=True replaces them by others; leave "
     "one of the two out",
     "正则化项作用于公式里的参数，而 scale=True 换成了另一组参数；两者只能用一个"),
    ("option", "an unknown penalised parameter", None, (*LINE, "--l2", "1", "--penalise", "v"),
     "penalise names 'v', which is not a parameter of the formula; there are: w, b",
     "penalise 里的 'v' 不是公式的参数；参数有：w, b"),
    ("option", "weights and sigma", None, (*LINE, "--weights", "x", "--sigma", "x"),
     "weights and sigma say the same thing in two ways "
     "(weight = 1/sigma²); give one",
     "weights 和 sigma 是同一件事的两种说法（权重 = 1/sigma²），给一个就够了"),
    ("option", "weights without a column", None, (*LINE, "--weights", "n"),
     "weights names 'n'; the data has x, y, z",
     "weights 指定了 'n'；数据里有 x, y, z"),
    ("option", "negative weights", None, (*LINE, "--weights", "z"),
     "weights must be above 0; 'z' has -1 in row 1. Leave that row out, or give it a value: a sample that "
     "should not count has a small weight, such as 1e-9",
     "weights 必须大于 0；'z' 在第 1 行是 "
     "-1。请去掉这一行，或给它一个值：不该计入的样本，权重取很小的数，比如 1e-9"),
    ("option", "bounds without a solver", None, (*LINE, "--bounds", "w=0:1"),
     "bounds need a solver, and gd does not keep to bounds; use optimizer lm, lbfgs or auto",
     "上下限要用求解器，gd 不受上下限约束；请用 optimizer lm、lbfgs 或 auto"),
    ("option", "bounds upside down", None, (*LINE, "--optimizer", "lm", "--bounds", "w=1:0"),
     "bounds: the lower bound of 'w', 1, is not below the upper, 0",
     "bounds：'w' 的下限 1 没有小于上限 0"),
    ("option", "batches for a solver", None, (*LINE, "--optimizer", "lm", "--batch-size", "2"),
     "batch_size has no meaning for lm, which takes the whole cost and chooses its own steps; leave it "
     "out, or use another optimizer",
     "batch_size 对 lm 没有意义：它用全部数据的代价，自己决定步长；请去掉它，或者换一个优化器"),
    ("option", "a test of all rows", None, (*LINE, "--test-size", "1.5"),
     "the part to keep back must be a fraction between 0 and 1, not 1.5",
     "留出部分的比例必须在 0 和 1 之间，而不是 1.5"),
    ("option", "a validation of no file", None, (*LINE, "--validation", "nowhere.csv"),
     "there is no file 'nowhere.csv'",
     "没有文件 'nowhere.csv'"),
    ("option", "patience for a solver", None, (*LINE, "--optimizer", "lm", "--patience", "3"),
     "patience has no meaning for lm, which takes the whole cost and chooses its own steps; leave it out, "
     "or use another optimizer",
     "patience 对 lm 没有意义：它用全部数据的代价，自己决定步长；请去掉它，或者换一个优化器"),
    ("option", "improvement without patience", None, (*LINE, "--min-improvement", "0.1"),
     "min_improvement says what counts as better for patience; give patience too",
     "min_improvement 规定 patience 把多大的下降算作改善；请同时给出 "
     "patience"),
    ("option", "an unknown schedule", None, (*LINE, "--lr", "0.1*cosin(100)"),
     "formula '0.1*cosin(100)': there is no function "
     "'cosin' (did you mean 'cosine'?); for a product "
     "write cosin*(...), and functions are: …",
     "公式 '0.1*cosin(100)'：没有名为 'cosin' 的函数（是不是想写 "
     "'cosine'？）；乘积请写成 cosin*(...)，可用的函数有：…"),
    ("option", "a model file in no folder", None, (*LINE, "--out", "nowhere/m.tidu"),
     "there is no folder 'nowhere' to write to",
     "没有可以写入的文件夹 'nowhere'"),
    ("file", "an address of an unknown kind", None, ("fit", "nonsense://a.csv", "y = w*x + b"),
     "'nonsense://a.csv' cannot be read: Protocol not known: nonsense",
     "无法读取 'nonsense://a.csv'：Protocol not known: nonsense"),
    ("file", "a pattern of addresses that nothing matches", None, ("fit", "memory://nowhere-*.csv", "y = w*x + b"),
     "no file matches 'memory://nowhere-*.csv'",
     "没有文件与 'memory://nowhere-*.csv' 匹配"),
    ("option", "a negative seed", None, (*LINE, "--seed", "-1"),
     "seed must be a whole number of at least 0, not -1",
     "seed 必须是不小于 0 的整数，而不是 -1"),
    ("option", "a seed that is no number", None, (*LINE, "--seed", "x"),
     "--seed takes a whole number, not 'x'",
     "--seed 后面要写整数，而不是 'x'"),
    ("option", "an unknown kind of number", None, (*LINE, "--dtype", "float16"),
     "dtype must be float64 or float32, not 'float16'",
     "dtype 应为 float64 或 float32，而不是 'float16'"),
    ("option", "fast without machine code", None, (*LINE, "--fast", "--engine", "python"),
     "fast is for the engine compiled, not for 'python'; leave one of them out",
     "fast 用于引擎 compiled，不能用于 'python'；请去掉其中之一"),
    ("option", "a delimiter of two signs", None, (*LINE, "--delimiter", "ab"),
     "the delimiter must be one ASCII character, no quote and no line break, not 'ab'",
     "分隔符必须是一个 ASCII 字符，不能是引号或换行，而不是 'ab'"),
    ("option", "an unknown encoding", None, (*LINE, "--encoding", "utf-5"),
     "there is no encoding 'utf-5'",
     "没有 'utf-5' 这种编码"),
    # -- model files ------------------------------------------------------------
    ("model file", "no file", None, ("predict", "nowhere.tidu", "points.csv"),
     "there is no file 'nowhere.tidu'",
     "没有文件 'nowhere.tidu'"),
    ("model file", "a folder", "folder", ("predict", "folder", "points.csv"),
     "'folder' is not a model saved by tidu: it is a folder",
     "'folder' 不是 tidu 保存的模型：它是文件夹"),
    ("model file", "an empty file", "empty", ("predict", "empty", "points.csv"),
     "'empty' is not a model saved by tidu: its form is another",
     "'empty' 不是 tidu 保存的模型：文件格式不符"),
    ("model file", "a table", None, ("predict", "points.csv", "points.csv"),
     "'points.csv' is not a model saved by tidu: its form is another",
     "'points.csv' 不是 tidu 保存的模型：文件格式不符"),
    ("model file", "half of a model", "half", ("predict", "half.tidu", "points.csv"),
     "'half.tidu' is not a model saved by tidu: its form is another",
     "'half.tidu' 不是 tidu 保存的模型：文件格式不符"),
    ("model file", "a flipped bit", "flipped", ("predict", "flipped.tidu", "points.csv"),
     "'flipped.tidu' is not a model saved by tidu: its content is damaged",
     "'flipped.tidu' 不是 tidu 保存的模型：内容已损坏"),
    ("model file", "a newer version", "newer_model", ("predict", "newer.tidu", "points.csv"),
     "'newer.tidu' was saved by a newer version of tidu; update tidu",
     "'newer.tidu' 由更新版本的 tidu 保存；请升级 tidu"),
    ("model file", "a pickle", "pickled", ("predict", "model.pkl", "points.csv"),
     "'model.pkl' is not a model saved by tidu: its form is another",
     "'model.pkl' 不是 tidu 保存的模型：文件格式不符"),
    ("model file", "a safetensors file of another", "foreign_tensors", ("predict", "foreign.safetensors", "points.csv"),
     "'foreign.safetensors' is not a model saved by tidu: its form is another",
     "'foreign.safetensors' 不是 tidu 保存的模型：文件格式不符"),
    ("model file", "another shape than its formula has", "other_shape", ("predict", "shape.tidu", "points.csv"),
     "'shape.tidu' is not a model saved by tidu: the array params/w is F64[3, 3], and not F64[]",
     "'shape.tidu' 不是 tidu 保存的模型：数组 params/w 是 F64[3, "
     "3]，而不是 F64[]"),
    ("model file", "data without its column", "other_columns", ("predict", "line.tidu", "other.csv"),
     "the model needs the column 'x'; the data has x1, y",
     "模型需要列 'x'；数据里有 x1, y"),
    # -- stores -----------------------------------------------------------------
    ("store", "no file", None, ("runs", "list", "--store", "nowhere.sqlite"),
     "there is no store 'nowhere.sqlite' yet; a run of 'tidu fit' makes one",
     "还没有存储文件 'nowhere.sqlite'；运行一次 'tidu fit' 就会建立"),
    ("store", "a folder", "folder", ("runs", "list", "--store", "folder"),
     "the store 'folder' is a folder; name a file in it",
     "存储 'folder' 是文件夹；请给出其中的文件名"),
    ("store", "no database", "text_store", ("runs", "list", "--store", "text.sqlite"),
     "the store 'text.sqlite' cannot be used: the file is no database; name another by TIDU_STORE, or "
     "give --no-store",
     "无法使用存储文件 'text.sqlite'：文件不是数据库；请用 TIDU_STORE "
     "指定另一个文件，或加上 --no-store"),
    ("store", "an empty file", "empty", ("runs", "list", "--store", "empty"),
     "'empty' is a database, but no store of tidu's; name another by TIDU_STORE, or give --no-store",
     "'empty' 是数据库，但不是 tidu 的存储文件；请用 TIDU_STORE "
     "指定另一个文件，或加上 --no-store"),
    ("store", "a database of something else", "foreign_store", ("runs", "list", "--store", "foreign.sqlite"),
     "'foreign.sqlite' is a database, but no store of tidu's; name another by TIDU_STORE, or give "
     "--no-store",
     "'foreign.sqlite' 是数据库，但不是 tidu 的存储文件；请用 TIDU_STORE "
     "指定另一个文件，或加上 --no-store"),
    ("store", "a newer version", "newer_store", ("runs", "list"),
     "the store 'runs.sqlite' was made by a newer version of tidu; update tidu, or name another by "
     "TIDU_STORE, or give --no-store",
     "存储文件 'runs.sqlite' 由更新版本的 tidu 建立；请升级 tidu，或用 "
     "TIDU_STORE 指定另一个文件，或加上 --no-store"),
    ("store", "half of it", "half_store", ("runs", "list"),
     "the store 'runs.sqlite' cannot be used: the file is damaged; name another by TIDU_STORE, or give "
     "--no-store",
     "无法使用存储文件 'runs.sqlite'：文件已损坏；请用 TIDU_STORE "
     "指定另一个文件，或加上 --no-store"),
    ("store", "facts that are no JSON", "no_json", ("runs", "list"),
     "what the store has of run 1 is damaged; 'tidu runs delete 1' removes it",
     "存储中第 1 次训练的内容已损坏；可以用 'tidu runs delete 1' 删除它"),
    ("store", "facts of another kind", "other_facts", ("runs", "show", "1"),
     "what the store has of run 1 is damaged; 'tidu runs delete 1' removes it",
     "存储中第 1 次训练的内容已损坏；可以用 'tidu runs delete 1' 删除它"),
    ("store", "a history of another width", "other_width", ("runs", "export", "1", "--out", "line.tidu"),
     "what the store has of run 1 is damaged; 'tidu runs delete 1' removes it",
     "存储中第 1 次训练的内容已损坏；可以用 'tidu runs delete 1' 删除它"),
    ("store", "a damaged checkpoint", "zeros", ("runs", "resume", "1", "--epochs", "1"),
     "the checkpoint of run 1 at step 3 is damaged, so the run cannot go on from it",
     "第 1 次训练在第 3 步的检查点已损坏，无法从那里继续"),
    ("store", "a checkpoint of another model", "foreign_checkpoint", ("runs", "resume", "1", "--epochs", "1"),
     "the checkpoint at step 3 is not of this run: the array state/gradient/2 is F64[], and not missing",
     "第 3 步的检查点不属于这次训练：数组 state/gradient/2 是 F64[]，而不是 缺失"),
    ("store", "settings that there are not", "other_settings", ("runs", "resume", "1", "--epochs", "1"),
     "what the store has of run 1 is damaged; 'tidu runs delete 1' removes it",
     "存储中第 1 次训练的内容已损坏；可以用 'tidu runs delete 1' 删除它"),
    ("store", "no such run", None, ("runs", "show", "99"),
     "there is no run 99 in 'runs.sqlite'; 'tidu runs list' shows those that are there",
     "'runs.sqlite' 中没有第 99 次训练；'tidu runs list' 会列出已有的训练"),
    ("store", "no such run to compare", None, ("runs", "compare", "1", "99"),
     "there is no run 99 in 'runs.sqlite'; 'tidu runs list' shows those that are there",
     "'runs.sqlite' 中没有第 99 次训练；'tidu runs list' 会列出已有的训练"),
    ("store", "no such run to tag", None, ("runs", "tag", "99", "good"),
     "there is no run 99 in 'runs.sqlite'; 'tidu runs list' shows those that are there",
     "'runs.sqlite' 中没有第 99 次训练；'tidu runs list' 会列出已有的训练"),
    ("store", "no such run to delete", None, ("runs", "delete", "99"),
     "there is no run 99 in 'runs.sqlite'; 'tidu runs list' shows those that are there",
     "'runs.sqlite' 中没有第 99 次训练；'tidu runs list' 会列出已有的训练"),
    ("store", "a run by its name", None, ("runs", "show", "last"),
     "RUN takes a whole number, not 'last'",
     "RUN 后面要写整数，而不是 'last'"),
    ("store", "a run of no number", None, ("runs", "show", "0"),
     "there is no run 0 in 'runs.sqlite'; 'tidu runs list' shows those that are there",
     "'runs.sqlite' 中没有第 0 次训练；'tidu runs list' 会列出已有的训练"),
    ("store", "a run that has ended", None, ("runs", "resume", "1"),
     "the run has ended (epochs); say how much further it is to go, such as --epochs 100",
     "这次训练已经结束（epochs）；请说明还要训练多久，例如 --epochs 100"),
    ("store", "no more epochs", None, ("runs", "resume", "1", "--epochs", "0"),
     "epochs must be a whole number of at least 1, not 0",
     "epochs 必须是不小于 1 的整数，而不是 0"),
    ("store", "data that are gone", "no_data", ("runs", "resume", "1", "--epochs", "1"),
     "there is no file '{folder}/points.csv'",
     "没有文件 '{folder}/points.csv'"),
    ("store", "another kind of export", None, ("runs", "export", "1", "--out", "line.txt"),
     "'line.txt' ends in none of .tidu, .csv and .json",
     "'line.txt' 的扩展名不是 .tidu、.csv 或 .json"),
    ("store", "an export to no folder", None, ("runs", "export", "1", "--out", "nowhere/line.csv"),
     "'{folder}/nowhere/line.csv' cannot be written: No such file or directory",
     "无法写入 '{folder}/nowhere/line.csv'：No such file or "
     "directory"),
    ("store", "another process that writes", "locked", ("runs", "tag", "1", "good"),
     "the store 'runs.sqlite' cannot be used: another process has been writing to it for 0.2 s; name "
     "another by TIDU_STORE, or give --no-store",
     "无法使用存储文件 'runs.sqlite'：另一个进程已经占用它 0.2 秒；请用 "
     "TIDU_STORE 指定另一个文件，或加上 --no-store"),
    ("store", "a fit into a folder", "store_is_folder", LINE,
     "the store 'runs.sqlite' is a folder; name a file in it",
     "存储 'runs.sqlite' 是文件夹；请给出其中的文件名"),
    ("store", "a fit into no database", "store_is_text", LINE,
     "the store 'runs.sqlite' cannot be used: the file is no database; name another by TIDU_STORE, or "
     "give --no-store",
     "无法使用存储文件 'runs.sqlite'：文件不是数据库；请用 TIDU_STORE "
     "指定另一个文件，或加上 --no-store"),
    ("store", "a fit into a database of something else", "store_is_foreign", LINE,
     "'runs.sqlite' is a database, but no store of tidu's; name another by TIDU_STORE, or give --no-store",
     "'runs.sqlite' 是数据库，但不是 tidu 的存储文件；请用 TIDU_STORE "
     "指定另一个文件，或加上 --no-store"),
    ("store", "a fit into a newer version", "newer_store", LINE,
     "the store 'runs.sqlite' was made by a newer version of tidu; update tidu, or name another by "
     "TIDU_STORE, or give --no-store",
     "存储文件 'runs.sqlite' 由更新版本的 tidu 建立；请升级 tidu，或用 "
     "TIDU_STORE 指定另一个文件，或加上 --no-store"),
]  # fmt: skip


def said(status: int, out: str, err: str, language: str) -> str:
    """The sentence of a command that failed as it should."""
    begin = {"en": "Error: ", "zh": "错误："}[language]
    assert (status, out, err[: len(begin)]) == (2, "", begin)
    assert len(err.strip().splitlines()) == 1
    return err[len(begin) :].strip().replace(str(Path.cwd()), "{folder}")


@pytest.mark.parametrize(
    ("spoilt", "command", "english", "chinese"), [pytest.param(*c[2:], id=f"{c[0]}: {c[1]}") for c in CASES]
)
def test_each_has_its_sentence(spoilt, command, english, chinese, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(opening, "PATIENCE", 0.2)
    monkeypatch.setenv(opening.VARIABLE, STORE)
    for language, sentence in (("en", english), ("zh", chinese)):
        (tmp_path / language).mkdir()
        monkeypatch.chdir(tmp_path / language)
        with prepared(spoilt):
            use_language(language)
            began = time.monotonic()
            try:
                status = cli.run(list(command))
            finally:
                use_language("en")
            taken = time.monotonic() - began
        found = said(status, *capsys.readouterr(), language)
        assert found[: len(sentence) - 1] + "…" == sentence if sentence.endswith("…") else found == sentence
        assert taken < 5


def test_everything_that_spoils_the_folder_is_tried():
    import bad_folder

    makers = {n for n, v in vars(bad_folder).items() if getattr(v, "__module__", "") == "bad_folder" and n[0] != "_"}
    assert {c[2] for c in CASES} - {None} == makers - {"prepared", "changed", "sql"}
