"""Where an address may lead: never inside, whatever it is called and whatever DNS says."""

from __future__ import annotations

import shutil
import ssl
import subprocess
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.notify.receiver import Got, Reply, receiving
from tracker.notify.guard import Guard, GuardedTransport, Refused, guard_of, is_public

LOOPBACK = guard_of(networks=["127.0.0.0/8"], allow_http=True)
OPEN = guard_of(allow_http=True)


def resolving(*answers: Sequence[str]) -> tuple[object, list[str]]:
    """A resolver that gives one answer after the other, the last one for ever; and what it was asked."""
    asked: list[str] = []

    async def resolve(host: str, port: int) -> Sequence[str]:
        asked.append(host)
        return answers[min(len(asked), len(answers)) - 1]

    return resolve, asked


async def post(guard: Guard, url: str, resolve: object = None) -> httpx.Response:
    transport = GuardedTransport(guard) if resolve is None else GuardedTransport(guard, resolve=resolve)  # type: ignore[arg-type]
    try:
        response = await transport.handle_async_request(httpx.Request("POST", url, content=b"{}"))
        await response.aread()
        return response
    finally:
        await transport.aclose()


@pytest.mark.parametrize(
    "text",
    [
        "127.0.0.1", "127.255.255.254", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.169.254",
        "100.64.0.1", "100.100.100.200", "0.0.0.0", "0.1.2.3", "224.0.0.1", "239.255.255.255", "255.255.255.255",
        "240.0.0.1", "192.0.0.192", "198.18.0.1", "192.0.2.1", "168.63.129.16", "192.88.99.1",
        "::", "::1", "fe80::1", "fec0::1", "fc00::1", "fd00:ec2::254", "ff02::1", "::ffff:127.0.0.1", "::ffff:8.8.8.8",
        "::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b::8.8.8.8", "64:ff9b:1::1", "2002:7f00:1::", "2002:808:808::1",
        "2001::1", "2001:0:7f00:1::", "2001:db8::1", "3fff::1", "2606:4700::5efe:10.0.0.1", "fe80::1%eth0", "100::1",
        "2606:4700::200:5efe:7f00:1",
    ],
)  # fmt: skip
def test_an_address_that_leads_inside_is_not_public(text: str) -> None:
    assert not is_public(ip_address(text))


@pytest.mark.parametrize("text", ["8.8.8.8", "1.1.1.1", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "2a00:1450::1"])
def test_a_public_address_is_public(text: str) -> None:
    assert is_public(ip_address(text))


@given(st.integers(0, 2**32 - 1))
def test_what_python_calls_not_global_is_never_public(number: int) -> None:
    address = IPv4Address(number)
    assert address.is_global or not is_public(address)


@given(st.integers(0, 2**32 - 1), st.sampled_from(["::ffff:0:0", "::", "64:ff9b::", "2002::", "2001::"]))
def test_no_ipv6_form_of_an_ipv4_address_is_public(number: int, prefix: str) -> None:
    shift = 80 if prefix == "2002::" else 0
    assert not is_public(IPv6Address(int(IPv6Address(prefix)) | (number << shift)))


@pytest.mark.parametrize(
    "url",
    [
        "ftp://receiver.example/", "file:///etc/passwd", "gopher://receiver.example/", "//receiver.example/",
        "http:///x", "https://", "https://user@receiver.example/", "https://user:pass@receiver.example/", "",
        "https://receiver.example/\r\nx: y", "https://receiver.example/ x", "https://receiver.example/" + "a" * 2_000,
        "http://2130706433/", "http://0x7f000001/", "http://0177.0.0.1/", "http://127.1/", "http://0x7f.0.0.1/",
        "http://127.0.0.1.2/", "http://127.0.0.01/", "http://017700000001/", "http://0/", "http://0x/", "http://1.2.3/",
    ],
)  # fmt: skip
def test_an_address_in_a_strange_form_is_refused_unresolved(url: str) -> None:
    with pytest.raises(Refused):
        LOOPBACK.check(url)


def test_only_https_unless_http_is_allowed() -> None:
    with pytest.raises(Refused, match="https"):
        Guard().check("http://receiver.example/")
    assert Guard().check("https://receiver.example:8443/x?y=1").port == 8443


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "169.254.169.254", "[fd00:ec2::254]",
     "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "localhost", "LOCALHOST", "localhost."],
)  # fmt: skip
async def test_a_host_inside_is_refused_whatever_it_is_called(host: str) -> None:
    async with receiving() as receiver:
        with pytest.raises(Refused):
            await post(OPEN, f"http://{host}:{receiver.port}/")
    assert receiver.got == []


async def test_a_name_that_has_one_address_inside_among_public_ones_is_refused_whole() -> None:
    resolve, _ = resolving(["93.184.216.34", "127.0.0.1"])
    async with receiving() as receiver:
        with pytest.raises(Refused, match=r"127\.0\.0\.1"):
            await post(OPEN, f"http://receiver.example:{receiver.port}/", resolve)
    assert receiver.got == []


async def test_a_name_whose_address_changes_after_the_check_is_not_asked_again() -> None:
    resolve, asked = resolving(["198.51.100.7"], ["127.0.0.1"])
    connected: list[str] = []

    class Wire(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            connected.append(f"{request.url.host} for {request.headers['host']} {request.extensions['sni_hostname']}")
            return httpx.Response(200)

    guard = guard_of(networks=["198.51.100.0/24"])
    transport = GuardedTransport(guard, resolve=resolve, inner=Wire())  # type: ignore[arg-type]
    await transport.handle_async_request(httpx.Request("POST", "https://rebind.example/x"))
    assert (asked, connected) == (["rebind.example"], ["198.51.100.7 for rebind.example rebind.example"])
    with pytest.raises(Refused, match=r"127\.0\.0\.1"):
        await transport.handle_async_request(httpx.Request("POST", "https://rebind.example/x"))
    assert len(connected) == 1, "the second time it led inside, and nothing was sent"


async def test_the_connection_goes_to_the_checked_address_and_the_request_keeps_its_name() -> None:
    resolve, _ = resolving(["127.0.0.1"])
    async with receiving() as receiver:
        answer = await post(LOOPBACK, f"http://nowhere.invalid:{receiver.port}/a?b=1", resolve)
    assert answer.status_code == 200
    assert [(got.target, got.headers["host"]) for got in receiver.got] == [
        ("/a?b=1", f"nowhere.invalid:{receiver.port}")
    ]


async def test_of_several_allowed_addresses_the_first_that_can_be_reached_is_taken() -> None:
    resolve, _ = resolving(["127.0.0.2", "127.0.0.1"])
    async with receiving() as receiver:
        answer = await post(LOOPBACK, f"http://two.example:{receiver.port}/", resolve)
    assert answer.status_code == 200


async def test_a_host_may_be_allowed_by_name_and_then_only_this_one() -> None:
    resolve, _ = resolving(["127.0.0.1"])
    guard = guard_of(hosts=["Inside.Example"], allow_http=True)
    async with receiving() as receiver:
        answer = await post(guard, f"http://inside.example:{receiver.port}/", resolve)
        assert answer.status_code == 200
        with pytest.raises(Refused):
            await post(guard, f"http://not-inside.example:{receiver.port}/", resolve)


async def test_an_allowed_ipv4_network_does_not_allow_its_ipv6_forms() -> None:
    with pytest.raises(Refused):
        await post(LOOPBACK, "http://[::ffff:127.0.0.1]:9/")


async def test_a_redirect_is_an_answer_and_is_not_followed() -> None:
    async with receiving() as inside, receiving() as receiver:

        async def elsewhere(got: Got) -> Reply:
            return Reply(302, {"location": inside.url})

        receiver.answer = elsewhere
        answer = await post(LOOPBACK, receiver.url)
    assert answer.status_code == 302
    assert inside.got == []


async def test_a_proxy_of_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    async with receiving() as proxy, receiving() as receiver:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        await post(LOOPBACK, receiver.url)
    assert (len(proxy.got), len(receiver.got)) == (0, 1)


def certificate(directory: Path, name: str) -> tuple[Path, Path]:
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("needs the program openssl, to make a certificate")
    key, cert = directory / f"{name}.key", directory / f"{name}.pem"
    made = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={name}",
            "-addext", f"subjectAltName=DNS:{name}", "-keyout", str(key), "-out", str(cert)]  # fmt: skip
    subprocess.run([openssl, *made], check=True, capture_output=True)
    return key, cert


async def test_the_certificate_must_be_the_names_though_the_connection_goes_to_an_address(tmp_path: Path) -> None:
    key, cert = certificate(tmp_path, "receiver.example")
    served = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    served.load_cert_chain(cert, key)
    names: list[str | None] = []
    served.sni_callback = lambda connection, name, context: names.append(name)
    resolve, _ = resolving(["127.0.0.1"])
    inner = httpx.AsyncHTTPTransport(verify=ssl.create_default_context(cafile=str(cert)), trust_env=False)
    transport = GuardedTransport(LOOPBACK, resolve=resolve, inner=inner)  # type: ignore[arg-type]
    async with receiving(tls=served) as receiver:
        answer = await transport.handle_async_request(
            httpx.Request("POST", f"https://receiver.example:{receiver.port}/x", content=b"{}")
        )
        assert answer.status_code == 200
        with pytest.raises(httpx.ConnectError, match="certificate"):
            await transport.handle_async_request(httpx.Request("POST", f"https://other.example:{receiver.port}/x"))
    await transport.aclose()
    assert names == ["receiver.example", "other.example"]


async def test_a_name_that_does_not_resolve_is_a_failure_that_may_pass() -> None:
    async def fails(host: str, port: int) -> Sequence[str]:
        raise OSError("no such name")

    with pytest.raises(httpx.ConnectError, match="cannot be resolved"):
        await post(OPEN, "http://receiver.example/", fails)
