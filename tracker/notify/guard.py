"""Where an address that somebody else wrote may lead: to the public internet, and nowhere inside.

1. A host is resolved once, every address it has is judged, and the connection goes to one of these very addresses: what
   DNS says a moment later is not asked (rebinding). Host header, SNI and certificate stay the name's.
2. One address that is not public refuses the host whole. What is not known to be public is refused: private, loopback,
   link-local, shared (CGNAT), multicast and unspecified addresses, those of the clouds' metadata services, and IPv6
   forms that carry an IPv4 address inside (mapped, compatible, NAT64, 6to4, Teredo).
3. An operator may name hosts and networks that are allowed all the same. Nobody else can.
4. Only https, unless http is allowed; no user or password in the address; an IPv4 address only as four decimal numbers.
5. Nothing here follows a redirect, keeps a connection or a cookie, or asks the environment for a proxy.

The public networks: IANA's special-purpose registries of IPv4 and IPv6 (RFC 6890 and its successors).
"""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import Awaitable, Callable, Iterable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

import httpx
from msgspec import Struct

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""The addresses of a host, as text. Raises OSError."""

_NOT_PUBLIC_V4 = tuple(
    IPv4Network(text)
    for text in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "168.63.129.16/32",  # Azure's platform address: public by its number, inside by its meaning
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.31.196.0/24",
        "192.52.193.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "192.175.48.0/24",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
)
_GLOBAL_V6 = IPv6Network("2000::/3")
_NOT_PUBLIC_V6 = tuple(
    IPv6Network(text)
    for text in ("2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20")  # 2001::/32 is Teredo
)
# A last label of digits alone, or 0x…, makes a host an IPv4 address to every resolver (inet_aton; WHATWG URL, 3.5).
_NUMERIC = re.compile(r"(?:.*\.)?(?:[0-9]+|0[xX][0-9a-fA-F]*)\.?", re.ASCII)
_LONGEST_URL = 2_000


class Refused(Exception):
    """An address that must not be called. The reason names the host at most, never path or query."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Guard(Struct, frozen=True, kw_only=True):
    """What is allowed beyond the public internet. Host names are compared in lower case, whole."""

    allow_http: bool = False
    hosts: frozenset[str] = frozenset()
    networks: tuple[Network, ...] = ()

    def check(self, url: str) -> httpx.URL:
        """The address, once it is one that may be resolved. Raises Refused."""
        if len(url) > _LONGEST_URL or any(character <= " " or character == "\x7f" for character in url):
            raise Refused(f"the address is longer than {_LONGEST_URL}, or holds spaces or control characters")
        try:
            parsed = httpx.URL(url)
        except httpx.InvalidURL:
            raise Refused("the address is no URL") from None  # its message may quote the address
        if parsed.scheme != "https" and not (parsed.scheme == "http" and self.allow_http):
            raise Refused("the address is not https://…" + (" or http://…" if self.allow_http else ""))
        if parsed.userinfo:
            raise Refused("the address holds a user or a password")
        host = _host(parsed)
        if not host:
            raise Refused("the address has no host")
        if _NUMERIC.fullmatch(host) and _literal(host) is None:
            raise Refused(f"{host} is an IPv4 address in a form that hides it")
        return parsed

    def admit(self, host: str, addresses: Iterable[str]) -> list[Address]:
        """The addresses that a host resolved to, once each may be called. Raises Refused."""
        found: list[Address] = []
        for text in addresses:
            address = _literal(text)
            if address is None:
                raise Refused(f"{host} resolves to {text!r}, which is no plain address")
            if host not in self.hosts and not self._allows(address):
                raise Refused(
                    f"{host} leads to {address}, which is not a public address. If it may be told all the same, name "
                    "it in notifiers.allow_hosts, or its network in notifiers.allow_networks"
                )
            if address not in found:
                found.append(address)
        if not found:
            raise Refused(f"{host} has no address")
        return found

    def _allows(self, address: Address) -> bool:
        return is_public(address) or any(
            address.version == network.version and address in network for network in self.networks
        )


def guard_of(*, hosts: Iterable[str] = (), networks: Iterable[str] = (), allow_http: bool = False) -> Guard:
    """A guard from settings. Raises ValueError for a network that is none."""
    return Guard(
        allow_http=allow_http,
        hosts=frozenset(host.strip("[]").lower().rstrip(".") for host in hosts),
        networks=tuple(ip_network(network) for network in networks),
    )


def is_public(address: Address) -> bool:
    """Whether an address is known to be of the public internet."""
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _NOT_PUBLIC_V4)
    return (
        address.scope_id is None
        and address in _GLOBAL_V6
        and not any(address in network for network in _NOT_PUBLIC_V6)
        and not _is_isatap(address)
    )


def _is_isatap(address: IPv6Address) -> bool:
    """Whether the interface part carries an IPv4 address (RFC 5214)."""
    return (int(address) >> 32) & 0xFDFFFFFF == 0x00005EFE


async def resolve(host: str, port: int) -> Sequence[str]:
    """The addresses that the system's resolver has for a host now."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(each[4][0]) for each in found]


class GuardedTransport(httpx.AsyncBaseTransport):
    """A transport for httpx that connects to checked addresses only. Raises Refused, httpx.TransportError.

    Give it to a client of its own: `httpx.AsyncClient(transport=…, trust_env=False, follow_redirects=False)`; or call
    `handle_async_request` (a client logs whole addresses).
    """

    def __init__(
        self, guard: Guard, *, resolve: Resolve = resolve, inner: httpx.AsyncBaseTransport | None = None
    ) -> None:
        self._guard = guard
        self._resolve = resolve
        # A connection belongs to an address here, and not to a name: kept, it would serve another name's request.
        self._inner = inner or httpx.AsyncHTTPTransport(
            retries=0, limits=httpx.Limits(max_connections=None, max_keepalive_connections=0)
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        url = self._guard.check(str(request.url))
        host = _host(url)
        failure: httpx.TransportError | None = None
        for address in await self._addresses(host, url.port or (443 if url.scheme == "https" else 80)):
            try:
                return await self._inner.handle_async_request(_to(request, url, host, address))
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                failure = error  # nothing was sent yet: the next address may do
        raise failure or httpx.ConnectError(f"{host} has no address")

    async def aclose(self) -> None:
        await self._inner.aclose()

    async def _addresses(self, host: str, port: int) -> list[Address]:
        literal = _literal(host)
        if literal is not None:
            return self._guard.admit(host, [host])
        try:
            addresses = await self._resolve(host, port)
        except (OSError, UnicodeError) as error:
            raise httpx.ConnectError(f"{host} cannot be resolved: {error}") from error
        return self._guard.admit(host, addresses)


def _to(request: httpx.Request, url: httpx.URL, host: str, address: Address) -> httpx.Request:
    """The same request to one very address: the name stays in the Host header, in SNI and on the certificate."""
    headers = httpx.Headers(request.headers)
    headers["host"] = url.netloc.decode("ascii")
    return httpx.Request(
        request.method,
        url.copy_with(host=str(address)),
        headers=headers,
        stream=request.stream,
        extensions={**request.extensions, "sni_hostname": host},
    )


def _host(url: httpx.URL) -> str:
    """The host as it is resolved: ASCII, lower case, without brackets and the root's dot."""
    return url.raw_host.decode("ascii").strip("[]").lower().rstrip(".")


def _literal(text: str) -> Address | None:
    try:
        return ip_address(text)
    except ValueError:
        return None
