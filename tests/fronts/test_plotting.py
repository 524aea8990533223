"""`tidu plot` and `tidu compare`: files, stored runs and data, sketches, JSON, and one sentence for what is wrong."""

import json

import numpy as np
import pytest

from tidu.fronts import cli

FORMULA = "y = w*x + b"


@pytest.fixture
def tidu(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TIDU_STORE", str(tmp_path / "store.sqlite"))
    x = np.linspace(0.0, 3.0, 20)
    lines = [f"{a},{2 * a + 1}" for a in x]
    (tmp_path / "points.csv").write_text("x,y\n" + "\n".join(lines) + "\n")

    def call(*arguments):
        status = cli.run(list(arguments))
        out = capsys.readouterr()
        return status, out.out, out.err

    return call


FIT = ("points.csv", FORMULA, "--lr", "0.05", "--epochs", "6")


def test_without_out_a_sketch_is_printed(tidu):
    status, out, _err = tidu("plot", *FIT, "--kind", "loss")
    assert status == 0
    assert "┤" in out
    assert "epoch" in out


def test_stored_runs_find_their_data_and_files_are_given_them(tidu, tmp_path):
    assert tidu("fit", *FIT, "--out", "line.tidu")[0] == 0
    for subject in (("1",), ("line.tidu",), ("line.tidu", "--data", "points.csv")):
        status, out, err = tidu("plot", *subject, "--kind", "residuals", "--out", "r.png", "--json")
        assert status == 0, err
        assert json.loads(out) == {"kind": "residuals", "written": "r.png"}
        assert (tmp_path / "r.png").stat().st_size > 1000
    (tmp_path / "points.csv").write_text("x,y\n1,2\n2,3\n")
    for subject in (("1",), ("line.tidu",), ("line.tidu", "--data", "points.csv")):
        status, _out, err = tidu("plot", *subject, "--kind", "residuals")
        assert status == 2
        assert "changed" in err
    (tmp_path / "points.csv").unlink()
    assert tidu("plot", "1", "--kind", "loss")[0] == 0  # which needs no data
    status, _out, err = tidu("plot", "line.tidu", "--kind", "residuals")
    assert status == 2
    assert "--data" in err


def test_the_graph_is_text_and_json(tidu):
    status, out, _err = tidu("plot", *FIT, "--kind", "graph", "--step", "2", "--to", "mermaid")
    assert status == 0
    assert out.splitlines()[1] == "flowchart LR"
    plain = json.loads(tidu("plot", *FIT, "--kind", "graph", "--json")[1])
    assert {n["name"] for n in plain["graph"]["nodes"]} >= {"w", "x", "b", "y", "ŷ", "ℓ"}


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (("--kind", "los"), "did you mean 'loss'"),
        (("--kind", "boundary"), "models of classes"),
        (("--kind", "loss", "--out", "l.gif"), "does not move"),
        (("--kind", "loss", "--out", "l.txt"), ".png"),
        (("--kind", "loss", "--to", "dot"), "--kind graph"),
        (("--kind", "graph", "--to", "svg"), "mermaid, dot"),
        (("--kind", "contours", "--paths", "gd,adm"), "adam"),
        (("--kind", "graph", "--step", "99"), "no step 99"),
    ],
)
def test_what_is_wrong_is_one_sentence(tidu, more, words):
    status, out, err = tidu("plot", *FIT, *more)
    assert (status, out) == (2, "")
    assert words in err
    assert "Traceback" not in err


def test_options_of_training_are_not_for_a_run(tidu):
    tidu("fit", *FIT)
    status, _out, err = tidu("plot", "1", "--lr", "0.1")
    assert status == 2
    assert "--lr" in err


def test_compare_has_a_table_reasons_and_a_picture(tidu, tmp_path):
    status, out, err = tidu("compare", *FIT, "--plot", "c.png")
    assert status == 0, err
    assert "full batch" in out
    assert "batch_size=1" in out
    assert "each learned from 120 samples" in " ".join(out.split())
    assert (tmp_path / "c.png").exists()
    status, out, _err = tidu("compare", *FIT, "--with", "optimizer=gd", "--with", "optimizer=adam,lr=0.1", "--json")
    assert status == 0
    assert [r["lr"] for r in json.loads(out)["runs"]] == [0.05, 0.1]


def test_compare_takes_runs(tidu):
    tidu("fit", *FIT)
    tidu("fit", *FIT, "--batch-size", "5")
    status, out, err = tidu("compare", "1", "2", "--json")
    assert status == 0, err
    plain = json.loads(out)
    assert plain["differing"] == {"batch_size": [None, 5]}
    assert [r["id"] for r in plain["runs"]] == [1, 2]
    assert tidu("compare", "1")[0] == 2
    assert tidu("compare", "1", "2", "--with", "lr=1")[0] == 2


@pytest.mark.parametrize(("given", "words"), [("epochs=3", "epochs"), ("bath_size=3", "batch_size"), ("lr=-1", "0")])
def test_bad_variants(tidu, given, words):
    status, _out, err = tidu("compare", *FIT, "--with", given, "--with", "lr=0.1")
    assert status == 2
    assert words in err
