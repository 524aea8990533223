"""`Cluster`: workers to compute on: those of a scheduler at an address, of a client, or processes of this machine.

Connected when first asked for; what was started here ends with it, and a cluster of the user's goes on as it was.
"""

from __future__ import annotations

import contextlib
import os
import re
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Self

from tidu.errors import ClusterError, MissingDependency, SettingError
from tidu.text import _

if TYPE_CHECKING:
    import subprocess

LOCAL = re.compile(r"local:([1-9][0-9]{0,3})")
SECONDS_TO_CONNECT = 15.0
SECONDS_TO_START = 120.0  # for the processes of this machine


def check_cluster(text: str) -> str:
    """An address of a scheduler or `local:N`, as `--cluster` takes them.

    Raises
    ------
    SettingError
    """
    if LOCAL.fullmatch(text) or re.fullmatch(r"[a-z+]+://\S+", text):
        return text
    raise SettingError(
        _(
            "cluster must be the address of a dask scheduler, such as tcp://10.0.0.1:8786, or local:4 for 4 processes "
            "of this machine, not '{text}'"
        ).format(text=text)
    )


class Cluster:
    """Workers, as a context manager. `name` is what the user calls them."""

    def __init__(self, name: str, client: Any = None) -> None:
        self.name = name
        self._client = client
        self._opened = contextlib.ExitStack()

    @classmethod
    def of(cls, text: str | None, client: object) -> Self | None:
        """The cluster of the options `cluster` and `client`, of which one may be given.

        Raises
        ------
        SettingError, MissingDependency
        """
        if text is None and client is None:
            return None
        if text is not None and client is not None:
            raise SettingError(_("cluster and client say the same thing in two ways; give one of them"))
        distributed = _distributed()
        if text is not None:
            return cls(check_cluster(text))
        if not isinstance(client, distributed.Client) or client.asynchronous:
            raise SettingError(
                _("client must be a dask.distributed.Client that is not asynchronous, not {kind}").format(
                    kind=type(client).__name__
                )
            )
        return cls(client.scheduler.address, client)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self._opened.close()

    def at_end(self, function: Callable[[], None]) -> None:
        """Call a function when the cluster is left, before what was started for it ends."""
        self._opened.callback(function)

    @property
    def client(self) -> Any:
        """The client of dask.

        Raises
        ------
        ClusterError
            There is no scheduler at the address, or no process can be started.
        """
        if self._client is None:
            local = LOCAL.fullmatch(self.name)
            try:
                self._client = self._started(int(local[1])) if local else self._connected(self.name)
            except (OSError, TimeoutError, ValueError) as error:
                raise ClusterError(
                    _("the cluster {name} does not answer: {reason}; is its scheduler running?").format(
                        name=self.name, reason=" ".join(str(error).split()) or type(error).__name__
                    )
                ) from None
        return self._client

    def _connected(self, address: object) -> Any:
        return self._opened.enter_context(
            _distributed().Client(address, timeout=SECONDS_TO_CONNECT, set_as_default=False)
        )

    def _started(self, count: int) -> Any:
        """A scheduler in this process and workers in `count` others, each with one thread."""
        import logging

        cluster = self._opened.enter_context(
            _distributed().LocalCluster(
                n_workers=0,
                processes=True,
                protocol="tcp://",
                dashboard_address="127.0.0.1:0",
                silence_logs=logging.CRITICAL,
            )
        )
        client = self._connected(cluster)
        for _k in range(count):
            self._opened.callback(_ended, started_worker(cluster.scheduler_address))
        client.wait_for_workers(count, timeout=SECONDS_TO_START)
        return client


def started_worker(scheduler: str) -> subprocess.Popen[bytes]:
    """A process of this machine that works for a scheduler, with one thread; it ends when the scheduler does."""
    import subprocess

    command = [sys.executable, "-m", "distributed.cli.dask_worker", scheduler]
    options = ["--no-nanny", "--no-dashboard", "--nthreads", "1", "--death-timeout", "60"]
    quiet = {"DASK_LOGGING__DISTRIBUTED": "critical"}
    return subprocess.Popen(
        [*command, *options], env=os.environ | quiet, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip


def _ended(process: subprocess.Popen[bytes]) -> None:
    process.kill()  # it holds nothing that is not elsewhere
    process.wait()


def _distributed() -> Any:
    try:
        import distributed
    except ImportError:
        raise MissingDependency(
            _("a cluster needs dask.distributed; install it with: pip install 'tidu[cluster]'")
        ) from None
    return distributed
