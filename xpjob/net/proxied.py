"""Connection pools through the proxy of the environment, for servers outside the cluster."""

from __future__ import annotations

import ssl
import urllib.request
from urllib.parse import unquote, urlsplit

import urllib3


def pool_for(url: str, context: ssl.SSLContext | None = None) -> urllib3.PoolManager:
    """Return a connection pool for a URL, through the proxy of the environment if there is one.

    Without a context certificates are checked against the system's CAs.
    """
    parts = urlsplit(url)
    proxies = urllib.request.getproxies_environment()
    proxy = proxies.get(parts.scheme, "")
    if not proxy or urllib.request.proxy_bypass(parts.netloc):
        return urllib3.PoolManager(ssl_context=context) if context else urllib3.PoolManager()
    address = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
    credentials = None
    if address.username:
        user = f"{address.username}:{address.password or ''}"
        credentials = urllib3.make_headers(proxy_basic_auth=unquote(user))
    host = address.netloc.rpartition("@")[2]
    return urllib3.ProxyManager(
        f"{address.scheme}://{host}",
        proxy_headers=credentials,
        ssl_context=context or ssl.create_default_context(),
    )
