"""The proxy that the environment names for an address."""

from __future__ import annotations

import urllib.request
from urllib.parse import SplitResult, urlsplit

LOOPBACK = ("127.0.0.1", "localhost", "::1")


def proxy_for(scheme: str, host: str) -> SplitResult | None:
    """The proxy of `HTTP_PROXY`, `HTTPS_PROXY`, but for `NO_PROXY`; never one for this machine itself."""
    found = urllib.request.getproxies().get(scheme)
    if not found or host in LOOPBACK or urllib.request.proxy_bypass(host):
        return None
    return urlsplit(found if "://" in found else f"http://{found}")
