"""Who may speak with the lab: the secret in the address, Host and Origin, and what a page may load.

A page of another origin, or another machine, cannot guess the secret; a browser that is led here by a foreign name
(DNS rebinding) sends that name as Host.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


@dataclass(frozen=True)
class Guard:
    """What every request is held against; `host` and `port` are where the lab listens."""

    host: str
    port: int
    secret: str = field(default_factory=lambda: secrets.token_urlsafe(18))

    @property
    def hosts(self) -> frozenset[str]:
        """The values of Host that are meant."""
        names = LOOPBACK if is_loopback(self.host) else (*LOOPBACK, self.host)
        return frozenset(f"{name}:{self.port}" for name in names)

    @property
    def address(self) -> str:
        """Where the page is."""
        shown = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{shown}:{self.port}/{self.secret}/"

    def knows(self, secret: str) -> bool:
        """Whether this is the secret; the comparison takes the same time wherever they differ."""
        return secrets.compare_digest(secret.encode(), self.secret.encode())

    def trusts_host(self, headers: Mapping[str, str]) -> bool:
        """Whether the request was meant for this place."""
        return headers.get("host", "") in self.hosts

    def trusts_origin(self, headers: Mapping[str, str], needed: bool) -> bool:
        """Whether it comes from our own page; `needed` where every browser says so."""
        origin = headers.get("origin")
        if origin is None:
            return not needed
        return origin.removeprefix("http://") in self.hosts and origin.startswith("http://")

    @property
    def headers(self) -> dict[str, str]:
        """What every answer says: nothing is loaded from elsewhere, nothing runs that is not a file of the page."""
        sockets = " ".join(f"ws://{host}" for host in sorted(self.hosts) if "[" not in host)  # CSP knows no IPv6
        policy = (
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
            f"connect-src 'self' {sockets}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        )
        return {
            "Content-Security-Policy": policy,
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
            "Cross-Origin-Opener-Policy": "same-origin",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Cache-Control": "no-store",
        }


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a server that listens there."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
