"""Model files written by hand, with the right digest: each one is a sentence, before memory is taken."""

import copy
import json
import os
import struct
import time
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.numpy import save

import tidu
from tidu.errors import ModelFileError
from tidu.training.file_schema import LATER
from tidu.training.model_file import Content

DATA = {
    "x": [0.0, 1.0, 2.0, 3.0],
    "y": [1.0, 2.9, 5.1, 7.0],
    "city": ["a", "b", "c", "a"],
    "label": ["u", "v", "v", "u"],
}
MAKE = {
    "descent": lambda: tidu.fit("y = w*x + b", DATA, epochs=3, optimizer="adam", tol=1e-12),
    "solver": lambda: tidu.fit("y = w*x + b", DATA, optimizer="lm"),
    "scaled": lambda: tidu.fit("y = w*x + b", DATA, epochs=3, scale=True),
    "network": lambda: tidu.fit("y = mlp(x, city, hidden=[3])", DATA, epochs=3),
    "classes": lambda: tidu.fit("label = linear(x)", DATA, loss="logistic", epochs=3, test_size=0.5),
}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """What stands in the file of each kind of run."""
    found = {}
    for name, make in MAKE.items():
        path = tmp_path_factory.mktemp("models") / "m.tidu"
        make().save(path)
        with safe_open(path, "np") as file:
            plain = json.loads(file.metadata()["tidu"])
            arrays = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        del plain["sha256"]
        found[name] = plain, arrays
    return found


def write(path, plain, arrays):
    """A file with this content and its right digest."""
    inner = {k: v for k, v in plain.items() if k != "format"}
    written = {**plain, "sha256": Content(inner, arrays).digest()}
    path.write_bytes(save(arrays, metadata={"tidu": json.dumps(written)}))
    return path


def refusal(path):
    began = time.perf_counter()
    with pytest.raises(ModelFileError) as caught:
        tidu.load(path)
    assert time.perf_counter() - began < 5
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("kind", MAKE)
def test_what_was_saved_is_read(files, kind, tmp_path):
    plain, arrays = files[kind]
    assert tidu.load(write(tmp_path / "m", plain, arrays)).rows


CHANGES = {
    "a formula of no text": (("settings", "formula"), 3, "settings.formula must be text, not 3"),
    "a formula of no sense": (("settings", "formula"), "y = import os", "is not a model saved by tidu"),
    "a loss that there is not": (("settings", "loss"), "huge", "there is no loss 'huge'"),
    "a number of epochs that is text": (("settings", "epochs"), "many", "epochs must be"),
    "starting values that are a list": (("settings", "init"), [1], "init"),
    "levels that are numbers": (("settings", "levels"), {"city": 3}, "settings.levels.city must be a list"),
    "levels of several kinds": (("settings", "levels"), {"city": ["a", 1]}, "a list of different labels"),
    "a first date that is none": (("settings", "zeros"), {"date": "soon"}, "soon"),
    "names that are a number": (("names",), 7, "names must be a list, not 7"),
    "a name that is a number": (("names",), ["x", 7], "names must be text, not 7"),
    "too many names": (("names",), ["x", "y", *map(str, range(200_000))], "names must be a list of 100000 at most"),
    "classes of several kinds": (("classes",), ["a", 1.0], "classes must be a list of different labels"),
    "another parameter": (("parameters",), ["w", "v"], "parameters must be w, b, not"),
    "a parameter too many": (("parameters",), ["w", "b", "c"], "parameters must be w, b, not"),
    "statistics of another kind": (("statistics",), 5, "statistics must be"),
    "a run that is a list": (("run",), [], "run must be"),
    "an end that is a number": (("run", "stopped"), 5, "run.stopped must be text, not 5"),
    "rows that are negative": (("run", "rows"), -5, "run.rows must be a whole number, not -5"),
    "rows that are true": (("run", "rows"), True, "run.rows must be a whole number, not True"),
    "seconds that are text": (("run", "seconds"), "5", "run.seconds must be a number, not '5'"),
    "notes that are numbers": (("run", "notes"), [5], "run.notes must be text, not 5"),
    "metrics of other names": (("run", "metrics"), {"mood": 1.0}, "run.metrics must be mse, rmse, mae, r2"),
    "metrics that are text": (("run", "metrics"), {"mse": "low"}, "run.metrics.mse must be a number"),
    "a record of something else": (("run", "record"), "year", "run.record must be epoch / step"),
    "recorded parameters of others": (("run", "recorded"), ["q"], "run.recorded must be names of parameters"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_values_of_other_types_and_counts(files, change, tmp_path):
    place, value, words = CHANGES[change]
    plain, arrays = copy.deepcopy(files["descent"][0]), files["descent"][1]
    inner = plain
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    assert words in refusal(write(tmp_path / "m", plain, arrays))


@pytest.mark.parametrize("kind", MAKE)
def test_arrays_of_other_names_types_and_shapes(files, kind, tmp_path):
    plain, arrays = files[kind]
    for name, array in arrays.items():
        others = [np.zeros((*array.shape, 2)), array.astype(np.float32), array.reshape(-1)[:0]]
        for other in others:
            if (other.dtype, other.shape) != (array.dtype, array.shape):
                assert "the array " in refusal(write(tmp_path / "m", plain, {**arrays, name: other}))
        assert "the array " in refusal(write(tmp_path / "m", plain, {k: v for k, v in arrays.items() if k != name}))
    assert "is F64[3], and not missing" in refusal(write(tmp_path / "m", plain, {**arrays, "more": np.zeros(3)}))


def test_a_file_from_before_rates_fell_at_plateaus(files, tmp_path):
    plain, arrays = copy.deepcopy(files["descent"])
    del plain["settings"]["plateau"]
    assert tidu.load(write(tmp_path / "m", plain, arrays)).settings.plateau == {}


def test_values_that_are_missing_or_too_many(files, tmp_path):
    plain, arrays = files["classes"]
    for place in ((), ("settings",), ("run",)):
        inner = plain
        for key in place:
            inner = inner[key]
        for name in [*inner, "something"]:
            changed = copy.deepcopy(plain)
            part = changed
            for key in place:
                part = part[key]
            if name in part:
                if name in {"format", "run", "confidence", *LATER}:
                    continue
                del part[name]
            else:
                part[name] = 1
            assert "is not a model saved by tidu" in refusal(write(tmp_path / "m", changed, arrays))


# -- sizes ----------------------------------------------------------------------------------------
@pytest.mark.parametrize("depth", [1_000, 100_000, 1_000_000])
def test_deeply_nested_json(tmp_path, depth):
    text = '{"format": 5, "settings": ' + "[" * depth + "]" * depth + "}"
    (tmp_path / "m").write_bytes(save({"a": np.zeros(1)}, metadata={"tidu": text}))
    refusal(tmp_path / "m")


def test_a_tensor_of_gigabytes_that_is_mostly_a_hole(files, tmp_path):
    plain, _arrays = files["descent"]
    size = 4 << 30
    header = {
        "__metadata__": {"tidu": json.dumps({**plain, "sha256": "0"})},
        "history/values": {"dtype": "F64", "shape": [size // 8], "data_offsets": [0, size]},
    }
    text = json.dumps(header).encode()
    with (tmp_path / "m").open("wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        os.truncate(file.fileno(), 8 + len(text) + size)
    tracemalloc.start()
    assert "the file has holes" in refusal(tmp_path / "m")
    assert tracemalloc.get_traced_memory()[1] < 50 << 20
    tracemalloc.stop()


def test_a_large_tensor_of_another_shape_is_not_read(files, tmp_path):
    plain, arrays = files["descent"]
    write(tmp_path / "m", plain, {**arrays, "params/w": np.zeros(4_000_000)})
    tracemalloc.start()
    assert "the array params/w is F64[4000000], and not F64[]" in refusal(tmp_path / "m")
    assert tracemalloc.get_traced_memory()[1] < 20 << 20
    tracemalloc.stop()


@pytest.mark.parametrize(
    ("formula", "names"),
    [
        (f"y = mlp(x, hidden=[{'1,' * 3000}])", ["x", "y"]),
        ("y = linear(...)", [*(f"x{k}" for k in range(200_000)), "y"]),
    ],
    ids=["3000 layers", "200,000 columns"],
)
def test_models_too_large_to_be_meant(files, formula, names, tmp_path):
    plain, arrays = copy.deepcopy(files["descent"][0]), files["descent"][1]
    plain["settings"]["formula"], plain["names"] = formula, names
    refusal(write(tmp_path / "m", plain, arrays))


def test_what_is_no_plain_file(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    assert "a model is read from a plain file" in refusal(tmp_path / "pipe")
    assert "a model is read from a plain file" in refusal("/dev/zero")


# -- by chance ------------------------------------------------------------------------------------
JUNK = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(), st.text(max_size=5),
    st.lists(st.integers(0, 3), max_size=3), st.dictionaries(st.sampled_from(["w", "x"]), st.floats(), max_size=2),
    st.sampled_from(["y = w*x", "softmax", "adam", "auto", [], {}, [[]], "1e5", 1e308, "a" * 1000]),
)  # fmt: skip


def places(value, place=()):
    """Every place in a tree of JSON."""
    yield place
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, entry in inner:
        yield from places(entry, (*place, key))


@settings(deadline=None, max_examples=150)
@given(kind=st.sampled_from(list(MAKE)), data=st.data())
def test_any_value_in_any_place_gives_a_model_or_one_sentence(files, tmp_path_factory, kind, data):
    tmp_path = tmp_path_factory.getbasetemp()
    plain, arrays = copy.deepcopy(files[kind][0]), files[kind][1]
    place = data.draw(st.sampled_from([p for p in places(plain) if p and p != ("format",)]))
    inner = plain
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = data.draw(JUNK)
    write(tmp_path / "m", plain, arrays)
    try:
        run = tidu.load(tmp_path / "m")
    except ModelFileError as error:
        assert str(error)  # noqa: PT017  # either way is right
        return
    try:
        assert repr(run)
        run.to_dict()
        run.predict(DATA)
        run.latex()
        run.save(tmp_path / "again")
    except tidu.TiduError as error:
        assert str(error)  # noqa: PT017
