"""What every test starts from: a cache folder of the session's own, and English."""

import os

import pytest
from hypothesis import HealthCheck, settings

from tidu.cache import CACHE_VARIABLE
from tidu.engines.build import loop_folder
from tidu.text import speak_here, use_language

# How long a draw takes says how busy the machine is, and nothing of the code.
settings.register_profile("tidu", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("tidu")


def pytest_addoption(parser):
    parser.addoption("--exhaustive", action="store_true", help="the slow tests too, and all cases of those sampled")
    parser.addoption("--only-slow", action="store_true", help="what a quick run leaves out, and nothing else")
    parser.addoption("--everything", action="store_true", help="every combination and more random cases, for an hour")


def pytest_configure(config):
    """Told by the environment to workers, and to test modules, which choose their cases as they are imported."""
    if hasattr(config, "workerinput"):
        return
    option = config.option
    if option.everything:
        os.environ["TIDU_TEST_EVERYTHING"] = "1"
    # Who names a file, a word or a mark means what is there; without one, the slow tests wait for --exhaustive.
    named = config.args_source is pytest.Config.ArgsSource.ARGS or option.keyword or option.markexpr
    quick = not (named or option.exhaustive or option.everything or option.only_slow)
    os.environ["TIDU_TEST_PART"] = "quick" if quick else "slow" if option.only_slow else "all"


def pytest_collection_modifyitems(config, items):
    """Leave the slow tests, and most cases of those that are sampled, out of a quick run; or leave out the others."""
    part = os.environ["TIDU_TEST_PART"]
    if part != "all":
        kept = {id(item) for item in quick(items)}
        chosen = [item for item in items if (id(item) in kept) == (part == "quick")]
        chosen_too = {id(item) for item in chosen}
        config.hook.pytest_deselected(items=[item for item in items if id(item) not in chosen_too])
        items[:] = chosen


def quick(items):
    """The tests of a quick run: none that is slow; of one that is `sampled(n)`, n cases, spread evenly."""
    cases = {}
    for item in items:
        if not item.get_closest_marker("slow"):
            cases.setdefault((item.path, getattr(item, "originalname", item.name)), []).append(item)
    for of_test in cases.values():
        sampled = of_test[0].get_closest_marker("sampled")
        count = min(sampled.args[0], len(of_test)) if sampled else len(of_test)
        yield from (of_test[k * len(of_test) // count] for k in range(count))


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(CACHE_VARIABLE, str(tmp_path_factory.mktemp("cache")))
        patch.setenv("TIDU_LANG", "en")
        patch.setenv("TIDU_STORE", str(tmp_path_factory.mktemp("store") / "runs.sqlite"))
        loop_folder.cache_clear()
        yield


@pytest.fixture(autouse=True)
def _english():
    use_language("en")
    speak_here(None)
