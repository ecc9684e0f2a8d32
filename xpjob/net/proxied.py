"""Connection pools through the proxy of the environment."""

from __future__ import annotations

import ipaddress
import ssl
import urllib.request
from contextlib import suppress
from typing import Any
from urllib.parse import unquote, urlsplit

import urllib3


def pool_for(
    url: str, context: ssl.SSLContext | None = None, *, any_proxy: bool = False, **pool: Any
) -> urllib3.PoolManager:
    """Return a connection pool for a URL, through the proxy of the environment if there is one.

    Without a context certificates are checked against the system's CAs, or as ``pool`` has it,
    which are arguments of urllib3. ``any_proxy``: through ``ALL_PROXY``, too.
    """
    parts = urlsplit(url)
    proxies = urllib.request.getproxies_environment()
    proxy = proxies.get(parts.scheme) or (proxies.get("all", "") if any_proxy else "")
    if context:
        pool["ssl_context"] = context
    if not proxy or urllib.request.proxy_bypass(parts.netloc) or _in_networks(parts.hostname):
        return urllib3.PoolManager(**pool)
    address = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
    credentials = None
    if address.username:
        user = f"{address.username}:{address.password or ''}"
        credentials = urllib3.make_headers(proxy_basic_auth=unquote(user))
    host = address.netloc.rpartition("@")[2]
    if "ca_certs" not in pool:
        pool.setdefault("ssl_context", ssl.create_default_context())
    return urllib3.ProxyManager(f"{address.scheme}://{host}", proxy_headers=credentials, **pool)


def _in_networks(host: str | None) -> bool:
    """Return whether NO_PROXY has a network, such as 10.0.0.0/8, in which an address is."""
    networks = urllib.request.getproxies_environment().get("no", "").split(",")
    with suppress(ValueError):
        address = ipaddress.ip_address(host or "")
        for network in networks:
            with suppress(ValueError):
                if address in ipaddress.ip_network(network.strip(), strict=False):
                    return True
    return False
