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
    parser.addoption("--exhaustive", action="store_true", help="every combination, and more random cases")


def pytest_configure(config):
    """Told to test modules by the environment, for they choose their cases as they are imported, on workers too."""
    if config.getoption("--exhaustive"):
        os.environ["TIDU_TEST_EVERYTHING"] = "1"


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
