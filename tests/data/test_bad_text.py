"""Bad text: everything that can be wrong with a file of rows, and its sentence in both languages."""

import gzip

import pytest
from bad_input import LINE, case, check_sentences, text

from tidu.fronts.cli import run as command

CASES = [
    case(
        "text", "it is empty",
        b'',
        {}, LINE, "DataError",
        "d.csv is empty; a row for each sample is needed",
        "d.csv 是空的；每个样本要占一行",
    ),
    case(
        "text", "blank lines alone",
        b'\n \n',
        {}, LINE, "DataError",
        "d.csv is empty; a row for each sample is needed",
        "d.csv 是空的；每个样本要占一行",
    ),
    case(
        "text", "a header alone",
        b'x,y\n',
        {}, LINE, "DataError",
        "d.csv has no rows; a row for each sample is needed",
        "d.csv 没有数据行；每个样本要占一行",
    ),
    case(
        "text", "comments alone",
        b'#\n#\n',
        {"comment": "#"}, LINE, "DataError",
        "d.csv is empty; a row for each sample is needed",
        "d.csv 是空的；每个样本要占一行",
    ),
    case(
        "text", "it is no text",
        b'\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR',
        {}, LINE, "DataError",
        "d.csv is not text; CSV (also .gz, .zst), Parquet (.parquet) and workbooks (.xlsx) can be read",
        "d.csv 不是文本；可以读 CSV（也可以是 .gz、.zst）、Parquet（.parquet）和 Excel "
        "工作簿（.xlsx）",
    ),
    case(
        "text", "another encoding",
        b'\xc9\xed\xb8\xdf,y\n1,2\n',
        {}, LINE, "DataError",
        "d.csv is not utf-8 text; name its encoding, for instance --encoding gb18030 (Chinese) or --encoding "
        "cp1252 (Western European)",
        "d.csv 不是 utf-8 文本；请指明它的编码，例如 --encoding gb18030（中文）或 "
        "--encoding cp1252（西欧文字）",
    ),
    case(
        "text", "an encoding that there is not",
        b'x,y\n1,2\n',
        {"encoding": "klingon"}, LINE, "SettingError",
        "there is no encoding 'klingon'",
        "没有 'klingon' 这种编码",
    ),
    case(
        "text", "half of a character of UTF-16",
        b'\xff\xfex\x00,\x00y\x00\n\x001\x00,\x002\x00\n',
        {}, LINE, "DataError",
        "d.csv is not utf-16 text; name its encoding, for instance --encoding gb18030 (Chinese) or "
        "--encoding cp1252 (Western European)",
        "d.csv 不是 utf-16 文本；请指明它的编码，例如 --encoding gb18030（中文）或 "
        "--encoding cp1252（西欧文字）",
    ),
    case(
        "text", "a row too short",
        b'x,y\n1,2\n3\n',
        {}, LINE, "DataError",
        "d.csv: row 2 has 1 cell(s), not 2: '3'",
        "d.csv：第 2 行有 1 个单元格，而不是 2 个：'3'",
    ),
    case(
        "text", "a row too long",
        b'x,y\n1,2\n3,4,5\n',
        {}, LINE, "DataError",
        "d.csv: row 2 has 3 cell(s), not 2: '3,4,5'; a cell that contains the delimiter must be in "
        "quotes",
        "d.csv：第 2 行有 3 个单元格，而不是 2 "
        "个：'3,4,5'；单元格里如果含有分隔符，要用引号括起来",
    ),
    case(
        "text", "a title above the header",
        b'Weather\nx,y\n1,2\n',
        {}, LINE, "DataError",
        "d.csv: the first line, 'Weather', is one cell, and the rows below have 2; if it is a title, leave "
        "it out with --skip 1",
        "d.csv：第一行 'Weather' 只有一个单元格，下面各行有 2 "
        "个；如果它是标题，请用 --skip 1 跳过它",
    ),
    case(
        "text", "decimal commas between semicolons",
        b'x;y\n1,5;2,5\n2,5;4,1\n3,5;6,2\n',
        {}, LINE, "DataError",
        "d.csv: row 1 of column 'x' is '1,5', which is not a number (the first row of data is row 1); if its comma is "
        "a decimal sign, give --decimal ','",
        "d.csv：列 'x' 的第 1 行是 '1,5'，不是数（数据的第一行是第 1 行）；如果逗号是小数点，请加上 --decimal ','",
    ),
    case(
        "text", "decimal commas between tabs",
        b'x\ty\n1,5\t2,5\n2,5\t4,1\n3,5\t6,2\n',
        {}, LINE, "DataError",
        "d.csv: row 1 of column 'x' is '1,5', which is not a number (the first row of data is row 1); if its comma is "
        "a decimal sign, give --decimal ','",
        "d.csv：列 'x' 的第 1 行是 '1,5'，不是数（数据的第一行是第 1 行）；如果逗号是小数点，请加上 --decimal ','",
    ),
    case(
        "text", "points that group thousands before decimal commas",
        b'x;y\n1.000,5;2,5\n2.000,5;4,1\n3.500,5;6,2\n',
        {}, LINE, "DataError",
        "d.csv: row 1 of column 'x' is '1.000,5', which is not a number (the first row of data is row 1); read it "
        "with --thousands '.' and --decimal ','",
        "d.csv：列 'x' 的第 1 行是 '1.000,5'，不是数（数据的第一行是第 1 行）；请用 "
        "--thousands '.' 和 --decimal ',' 来读",
    ),
    case(
        "text", "a currency before numbers",
        b'x,y\n$1.5,2\n$2.5,3\n',
        {}, LINE, "DataError",
        "d.csv: row 1 of column 'x' is '$1.5', which is not a number (the first row of data is row 1); leave the "
        "unit or the currency out of the cell",
        "d.csv：列 'x' 的第 1 行是 '$1.5'，不是数（数据的第一行是第 1 行）；单元格里请不要写单位或货币符号",
    ),
    case(
        "text", "full-width commas",
        "x，y\n1，2\n2，3\n".encode(),
        {}, LINE, "DataError",
        "d.csv: a full-width comma stands between its cells, as in 'x，y'; write the plain comma ',' instead",
        "d.csv：单元格之间是全角逗号，例如 'x，y'；请改成半角逗号 ','",
    ),
    case(
        "text", "a comment that is none by default",
        b'x,y\n1,2\n# pause\n3,4\n',
        {}, LINE, "DataError",
        "d.csv: row 2 has 1 cell(s), not 2: '# pause'; if the line is a comment, give --comment '#'",
        "d.csv：第 2 行有 1 个单元格，而不是 2 个：'# "
        "pause'；如果这一行是注释，请加上 --comment '#'",
    ),
    case(
        "text", "a row commented out",
        b'x,y\n1,2\n# 5,6\n3,4\n',
        {}, LINE, "DataError",
        "d.csv: row 2 of column 'x' is '# 5', which is not a number (the first row of data is row 1); if the "
        "line is a comment, give --comment '#'",
        "d.csv：列 'x' 的第 2 行是 '# 5'，不是数（数据的第一行是第 1 "
        "行）；如果这一行是注释，请加上 --comment '#'",
    ),
    case(
        "text", "a name twice",
        b'x,x,y\n1,2,3\n',
        {}, LINE, "DataError",
        "d.csv: the column name 'x' appears 2 times in the header; rename the columns, or give --columns",
        "d.csv：列名 'x' 在表头里出现了 2 次；请改名，或用 --columns 给出列名",
    ),
    case(
        "text", "names of another count",
        b'1,2\n',
        {"names": ("a", "b", "c")}, LINE, "DataError",
        "d.csv: 3 column names were given for 2 columns",
        "d.csv：给了 3 个列名，却有 2 列",
    ),
    case(
        "text", "a column that there is not",
        b'height,weight\n1,2\n',
        {}, "weight = w*hight", "ColumnNotFound",
        "the formula names 'hight'; the data has height, weight (did you mean 'height'? If 'hight' is a "
        "parameter, give it a starting value: --init hight=0)",
        "公式里写了 'hight'；数据里有 height, weight（是不是想写 'height'？如果 'hight' "
        "是参数，请给它初始值：--init hight=0）",
    ),
    case(
        "text", "a target that there is not",
        b'x,z\n1,2\n',
        {}, LINE, "ColumnNotFound",
        "the formula names the target 'y'; the data has x, z",
        "公式的目标是 'y'；数据里有 x, z",
    ),
    case(
        "text", "a word among numbers",
        b'x,y\n1,2\n3,oops\n5,6\n',
        {}, LINE, "DataError",
        "d.csv: row 2 of column 'y' is 'oops', which is not a number (the first row of data is row 1); if it "
        "stands for a missing value, give --na 'oops'",
        "d.csv：列 'y' 的第 2 行是 'oops'，不是数（数据的第一行是第 1 "
        "行）；如果它表示缺失值，请加上 --na 'oops'",
    ),
    case(
        "text", "a word for no value",
        b'x,y\n1,2\n-,3\n4,5\n',
        {}, LINE, "DataError",
        "d.csv: row 2 of column 'x' is '-', which is not a number (the first row of data is row 1); if it "
        "stands for a missing value, give --na '-'",
        "d.csv：列 'x' 的第 2 行是 '-'，不是数（数据的第一行是第 1 "
        "行）；如果它表示缺失值，请加上 --na '-'",
    ),
    case(
        "text", "a column of words",
        b'x,y\nann,2\nbob,3\n',
        {}, LINE, "DataError",
        "d.csv: row 1 of column 'x' is 'ann', which is not a number (the first row of data is row 1); if the "
        "column holds categories, write C(x) inside linear(...)",
        "d.csv：列 'x' 的第 1 行是 'ann'，不是数（数据的第一行是第 1 "
        "行）；如果这一列是分类，请在 linear(...) 里写 C(x)",
    ),
    case(
        "text", "a target of words",
        b'x,y\n1,ann\n2,bob\n',
        {}, LINE, "DataError",
        "d.csv: the target 'y' holds text, such as 'ann', and the loss 'squared' is of numbers; losses that "
        "take labels: logistic, hinge, perceptron, softmax",
        "d.csv：目标列“y”是文字，例如“ann”，而损失 squared "
        "要的是数；以标签为目标的损失有：logistic, hinge, perceptron, softmax",
    ),
    case(
        "text", "a decimal comma",
        b'x;y\n1,5;2\n',
        {}, LINE, "DataError",
        "d.csv: row 1 of column 'x' is '1,5', which is not a number (the first row of data is row 1); if its "
        "comma is a decimal sign, give --decimal ','",
        "d.csv：列 'x' 的第 1 行是 '1,5'，不是数（数据的第一行是第 1 "
        "行）；如果逗号是小数点，请加上 --decimal ','",
    ),
    case(
        "text", "a point where the comma is decimal",
        b'x;y\n1.5;2\n',
        {"decimal": ","}, LINE, "DataError",
        "d.csv: row 1 of column 'x' is '1.5', which is not a number (the first row of data is row 1); if the "
        "point is a decimal sign, leave out --decimal ','",
        "d.csv：列 'x' 的第 1 行是 '1.5'，不是数（数据的第一行是第 1 "
        "行）；如果点号才是小数点，请去掉 --decimal ','",
    ),
    case(
        "text", "grouped thousands",
        b'x,y\n"1,234.5",2\n',
        {}, LINE, "DataError",
        "d.csv: row 1 of column 'x' is '1,234.5', which is not a number (the first row of data is row 1); if "
        "',' groups thousands, give --thousands ','",
        "d.csv：列 'x' 的第 1 行是 '1,234.5'，不是数（数据的第一行是第 1 行）；如果 "
        "',' 是千位分隔符，请加上 --thousands ','",
    ),
    case(
        "text", "thousands or decimals",
        b'x,y\n"1,234",2\n',
        {}, LINE, "DataError",
        "d.csv: row 1 of column 'x' is '1,234', which is not a number (the first row of data is row 1); if "
        "its comma groups thousands, give --thousands ',', if it is a decimal sign, give --decimal ','",
        "d.csv：列 'x' 的第 1 行是 '1,234'，不是数（数据的第一行是第 1 "
        "行）；如果逗号是千位分隔符，请加上 --thousands "
        "','，如果是小数点，请加上 --decimal ','",
    ),
    case(
        "text", "continental thousands",
        b'x;y\n1.234,5;2\n',
        {}, LINE, "DataError",
        "d.csv: row 1 of column 'x' is '1.234,5', which is not a number (the first row of data is row 1); "
        "read it with --thousands '.' and --decimal ','",
        "d.csv：列 'x' 的第 1 行是 '1.234,5'，不是数（数据的第一行是第 1 行）；请用 "
        "--thousands '.' 和 --decimal ',' 来读",
    ),
    case(
        "text", "points that group millions",
        b'x;y\n1.234.567;2\n',
        {}, LINE, "DataError",
        "d.csv: row 1 of column 'x' is '1.234.567', which is not a number (the first row of data is row 1); "
        "if its points group thousands, give --thousands '.' and --decimal ','",
        "d.csv：列 'x' 的第 1 行是 '1.234.567'，不是数（数据的第一行是第 1 "
        "行）；如果点号是千位分隔符，请加上 --thousands '.' 和 --decimal ','",
    ),
    case(
        "text", "spaces that group thousands",
        b'x;y\n1 234;2\n',
        {}, LINE, "DataError",
        "d.csv: row 1 of column 'x' is '1 234', which is not a number (the first row of data is row 1); if ' "
        "' groups thousands, give --thousands ' '",
        "d.csv：列 'x' 的第 1 行是 '1 234'，不是数（数据的第一行是第 1 行）；如果 ' "
        "' 是千位分隔符，请加上 --thousands ' '",
    ),
    case(
        "text", "base 16",
        b'x,y\n0x1F,2\n',
        {}, LINE, "DataError",
        "d.csv: row 1 of column 'x' is '0x1F', which is not a number (the first row of data is row 1); "
        "numbers in base 16 are not read: write it in base 10",
        "d.csv：列 'x' 的第 1 行是 '0x1F'，不是数（数据的第一行是第 1 "
        "行）；不读十六进制的数：请写成十进制",
    ),
    case(
        "text", "a unit in the cell",
        b'x,y\n5 kg,2\n',
        {}, LINE, "DataError",
        "d.csv: row 1 of column 'x' is '5 kg', which is not a number (the first row of data is row 1); leave "
        "the unit or the currency out of the cell",
        "d.csv：列 'x' 的第 1 行是 '5 kg'，不是数（数据的第一行是第 1 "
        "行）；单元格里请不要写单位或货币符号",
    ),
    case(
        "text", "true among numbers",
        b'x,y\nTrue,2\n3,4\n',
        {}, LINE, "DataError",
        "d.csv: row 1 of column 'x' is 'True', which is not a number (the first row of data is row 1); a "
        "column of true and false must hold nothing else",
        "d.csv：列 'x' 的第 1 行是 'True'，不是数（数据的第一行是第 1 "
        "行）；真假值（true、false）的列里不能有别的内容",
    ),
    case(
        "text", "dates",
        b'x,y\n2024-01-31,2\n',
        {}, LINE, "DataError",
        "d.csv: row 1 of column 'x' is '2024-01-31', which is not a number (the first row of data is row 1); "
        "it is a date: write days(x) or seconds(x) in the formula",
        "d.csv：列 'x' 的第 1 行是 '2024-01-31'，不是数（数据的第一行是第 1 "
        "行）；这是日期：请在公式里写 days(x) 或 seconds(x)",
    ),
    case(
        "text", "what is no date",
        b'x,y\n31.01.2024,2\n1.02.2024,3\n',
        {}, "y = w*days(x) + b", "DataError",
        "d.csv: column 'x' has '1.02.2024', which is not a date; dates are written as 2024-01-31 or 2024-01-31 "
        "12:00",
        "d.csv：列 'x' 里的 '1.02.2024' 不是日期；日期写作 2024-01-31 或 2024-01-31 12:00",
    ),
    case(
        "text", "zones in some times",
        b'x,y\n2024-01-31 10:00,2\n2024-01-31 10:00Z,2\n',
        {}, "y = w*days(x) + b", "DataError",
        "d.csv: some times of column 'x' name a time zone and others do not",
        "d.csv：列 'x' 的时间有的写了时区，有的没有",
    ),
    case(
        "text", "a missing cell",
        b'x,y\n1,2\n,3\n',
        {}, LINE, "MissingValues",
        "d.csv: row 2 of column 'x' is missing (1 such row(s) in all); mend the data, or drop such rows with "
        "--drop-missing (drop_missing=True)",
        "d.csv：列 'x' 的第 2 行是缺失值（这样的行共 1 行）；请修补数据，或用 "
        "--drop-missing（drop_missing=True）去掉这些行",
    ),
    case(
        "text", "an infinite cell",
        b'x,y\n1,2\ninf,3\n',
        {}, LINE, "MissingValues",
        "d.csv: row 2 of column 'x' is infinite (1 such row(s) in all); mend the data, or drop such rows "
        "with --drop-missing (drop_missing=True)",
        "d.csv：列 'x' 的第 2 行是无穷值（这样的行共 1 行）；请修补数据，或用 "
        "--drop-missing（drop_missing=True）去掉这些行",
    ),
    case(
        "text", "missing cells in every row",
        b'x,y\n1,\n,3\n',
        {"drop_missing": True}, LINE, "DataError",
        "d.csv: every one of the 2 rows has a missing or infinite value",
        "d.csv：全部 2 行都有缺失值或无穷值",
    ),
    case(
        "text", "the logarithm of 0",
        b'x,y\n1,2\n0,3\n',
        {}, "y = w*log(x) + b", "MissingValues",
        "d.csv: log(x) is -inf in row 2, where x = 0 (1 such row(s) in all); mend the data, or drop such "
        "rows with --drop-missing (drop_missing=True)",
        "d.csv：第 2 行的 log(x) 是 -inf，那里 x = 0（这样的行共 1 "
        "行）；请修正数据，或者用 --drop-missing（drop_missing=True）去掉这些行",
    ),
    case(
        "text", "one level of a category",
        b'x,y\na,2\na,3\n',
        {}, "y = linear(C(x))", "DataError",
        "d.csv: column 'x' holds a in every row; leave it out of the formula",
        "d.csv：列 'x' 每一行都是 a；请在公式里去掉它",
    ),
    case(
        "text", "a level that stands nowhere",
        b'x,y\nbj,2\nsh,3\n',
        {}, "y = w*(x == 'bjj') + b", "DataError",
        "d.csv: the formula compares column 'x' with 'bjj', which stands in no row (did you mean 'bj'?); "
        "there are: bj, sh",
        "d.csv：公式把列 'x' 与 'bjj' 比较，但没有一行是它（是不是想写 "
        "'bj'？）；有的是：bj, sh",
    ),
    case(
        "text", "one class",
        b'x,y\n1,a\n2,a\n',
        {"loss": "logistic"}, LINE, "DataError",
        "d.csv: column 'y' holds one class only, a; the loss 'logistic' learns to tell classes apart and "
        "needs rows of another",
        "d.csv：列 'y' 只有一类：a；损失 'logistic' "
        "学的是区分不同的类别，还需要别的类别的样本",
    ),
    case(
        "text", "three classes for two",
        b'x,y\n1,a\n2,b\n3,c\n',
        {"loss": "logistic"}, LINE, "DataError",
        "the loss 'logistic' tells two classes apart; column 'y' has 3: a, b, c. For more than two take the "
        "loss softmax; for a quantity, one such as squared",
        "损失 'logistic' 只区分两类；列 'y' 有 3 类：a, b, c。多于两类请用损失 "
        "softmax；如果它是一个数量，请用 squared 这样的损失",
    ),
    case(
        "text", "quantities for classes",
        b'x,y\n1,1.5\n2,2.5\n3,1.5\n',
        {"loss": "logistic"}, LINE, "DataError",
        "the loss 'logistic' takes targets that are labels, text or whole numbers, of at most 1000 classes; "
        "row 1 of column 'y' has 1.5, and there are 2 different ones. For a quantity, take a loss such as "
        "squared",
        "损失 'logistic' 的目标必须是标签（文字或整数），最多 1000 类；列 'y' 第 1 "
        "行是 1.5，一共有 2 种不同的值。如果它是一个数量，请用 squared 这样的损失",
    ),
    case(
        "text", "gzip cut short",
        gzip.compress(b"x,y\n" + b"1,2\n" * 1000, mtime=0)[:-10],
        {}, LINE, "DataError",
        "d.csv cannot be read: Truncated compressed stream",
        "无法读取 d.csv：Truncated compressed stream",
    ),
    case(
        "text", "a sign for two things",
        b'x,y\n1,2\n',
        {"decimal": ",", "delimiter": ","}, LINE, "SettingError",
        "the sign ',' cannot stand both between cells and within numbers",
        "符号 ',' 不能既分隔单元格，又出现在数里",
    ),
    case(
        "text", "one decimal sign for two things",
        b'x,y\n1,2\n',
        {"decimal": ",", "thousands": ","}, LINE, "SettingError",
        "the decimal sign and the sign between thousands are both ','; they must differ",
        "小数点和千位分隔符都是 ','；两者必须不同",
    ),
    case(
        "text", "a decimal sign that is none",
        b'x,y\n1,2\n',
        {"decimal": "'"}, LINE, "SettingError",
        'the decimal sign must be \'.\' or \',\', not "\'"',
        '小数点必须是 \'.\' 或 \',\'，不能是 "\'"',
    ),
    case(
        "text", "a delimiter that is none",
        b'x,y\n1,2\n',
        {"delimiter": "ab"}, LINE, "SettingError",
        "the delimiter must be one ASCII character, no quote and no line break, not 'ab'",
        "分隔符必须是一个 ASCII 字符，不能是引号或换行，而不是 'ab'",
    ),
    case(
        "text", "more lines skipped than there are",
        b'x,y\n1,2\n',
        {"skip": 5}, LINE, "DataError",
        "d.csv is empty; a row for each sample is needed",
        "d.csv 是空的；每个样本要占一行",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("make", "options", "formula", "kind", "english", "chinese"), CASES)
def test_each_has_its_sentence_in_both_languages(make, options, formula, kind, english, chinese, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    check_sentences(make, options, formula, kind, english, chinese)


@pytest.mark.parametrize("content", [b"", b"x,y\n1,two\n3,4\n5,6\n", b"x;y\n1,5;2\n", b"\xff\xfe\x00"])
def test_the_command_line_says_it_on_standard_error_and_ends_with_status_2(content, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert command(["fit", text(content), LINE]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("Error: d.csv")
    assert "Traceback" not in printed.err
