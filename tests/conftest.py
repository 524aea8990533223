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
    parser.addoption(
        "--exhaustive", action="store_true", help="the slow tests too: browsers, kills, clusters, products"
    )
    parser.addoption("--everything", action="store_true", help="every combination and more random cases, for an hour")


def pytest_configure(config):
    """Told by the environment to workers, and to test modules, which choose their cases as they are imported."""
    if hasattr(config, "workerinput"):
        return
    option = config.option
    if option.everything:
        os.environ["TIDU_TEST_EVERYTHING"] = "1"
    # Who names a file, a word or a mark means what is there; without one, the slow tests wait for --exhaustive.
    whole = config.args_source is not pytest.Config.ArgsSource.ARGS and not option.keyword and not option.markexpr
    if whole and not (option.exhaustive or option.everything):
        os.environ["TIDU_TEST_QUICK"] = "1"


def pytest_collection_modifyitems(config, items):
    """Leave the slow tests out of a quick run."""
    if os.environ.get("TIDU_TEST_QUICK"):
        slow = [item for item in items if item.get_closest_marker("slow")]
        items[:] = [item for item in items if not item.get_closest_marker("slow")]
        config.hook.pytest_deselected(items=slow)


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
