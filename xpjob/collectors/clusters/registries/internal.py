"""Whether a host is inside: loopback, link-local, private, or not public for another reason."""

from __future__ import annotations

import ipaddress
import socket

from xpjob.net.threads import within


def is_internal(host: str, seconds: float) -> bool:
    """Return whether one of the addresses of a host is not public.

    One that cannot be resolved within some seconds is not: it is not reached either, unless by a
    proxy, which decides itself. Raises ``DeadlineError``.
    """
    try:
        found = within(seconds, lambda: socket.getaddrinfo(host, None, type=socket.SOCK_STREAM))
    except (OSError, UnicodeError):
        return False
    return any(_is_internal(str(address[0])) for *_, address in found)


def _is_internal(text: str) -> bool:
    address = ipaddress.ip_address(text)
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    address = mapped or address
    return not address.is_global or address.is_multicast
