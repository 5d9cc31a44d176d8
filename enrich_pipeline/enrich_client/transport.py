"""HTTP itself: the only module that knows httpx, and the only one that holds the key.

It sends one request on a pooled connection, and either returns the whole answer or says, in this package's errors,
whether anything can have reached the vendor. Redirects are never followed: the key would travel along.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Mapping
from contextlib import closing
from dataclasses import asdict, dataclass
from importlib.metadata import version
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx
from isal import igzip
from pydantic import SecretStr

from enrich_pipeline.domain.errors import SettingsError
from enrich_pipeline.enrich_client.errors import AnswerLost, AnswerTimedOut, ConnectionFailed

_LOOPBACK = {"127.0.0.1", "localhost", "::1"}

# What a header may carry; checked before httpx, whose own complaint would repeat the key.
_HEADER_VALUE = re.compile(r"[\x21-\x7e]+")

_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)


# What a vendor that cannot read a compressed body may call it: no JSON, another type, nothing it can process.
_UNREADABLE = {400, 415, 422}
_REFUSED = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """How long each part of a request may take, in seconds.

    Attributes:
        connect: to open a connection.
        write: for the vendor to take the next piece of the request.
        read: for the vendor to send the next piece of its answer; a large batch is stored before the first.
        pool: for another thread to give a connection back.
    """

    connect: float = 5.0
    write: float = 30.0
    read: float = 60.0
    pool: float = 60.0


@dataclass(frozen=True, slots=True)
class RawAnswer:
    """An HTTP answer, unread. `headers` is case-insensitive."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Transport:
    """A pool of connections to one API, authenticated. Safe to share between threads; close it when done.

    It stands on httpx's transport and not on its client: cookies, redirects and authentication flows are of no use
    here, and take a third of a request's processor time.
    """

    def __init__(
        self,
        url: str,
        api_key: SecretStr,
        *,
        timeouts: Timeouts,
        max_connections: int,
        gzip: bool,
        gzip_bodies: bool,
    ) -> None:
        """Connects when first used. `gzip`: answers may come compressed, and where `gzip_bodies` bodies go so too.

        Raises:
            SettingsError: when the URL would send the key over the network unencrypted, or no header can carry the key.
        """
        is_encrypted = urlsplit(url).scheme == "https"
        if not is_encrypted and not is_this_machine(url):
            raise SettingsError("WORKMAGIC_API_URL must be https: plain http is allowed to this machine only.")
        if not _HEADER_VALUE.fullmatch(api_key.get_secret_value()):
            raise SettingsError(
                "WORKMAGIC_API_KEY is empty or has spaces or characters that no header can carry; copy it anew from"
                " Settings > Store Data Settings > Enrich Order API."
            )
        self._url = httpx.URL(url)
        self._api_key = api_key
        self._headers = [
            (b"Accept", b"application/json"),
            (b"Accept-Encoding", b"gzip" if gzip else b"identity"),
            (b"User-Agent", f"enrich-pipeline/{version('enrich-pipeline')}".encode()),
        ]
        self._extensions = {"timeout": asdict(timeouts)}
        self._http = httpx.HTTPTransport(
            limits=httpx.Limits(max_connections=max_connections, max_keepalive_connections=max_connections),
            # Reading the authorities' certificates takes 30 ms, and plain http trusts none.
            verify=True if is_encrypted else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
            proxy=_proxy(url),
        )
        self._compresses = gzip and gzip_bodies
        self._compressed_was_taken = False

    def post(self, body: bytes) -> RawAnswer:
        """POST a JSON body. Raises as `_send` does.

        A vendor that does not read compressed bodies refuses the first one, and takes the same as it is: then no
        further one is compressed. Taken for a body with a bad row, it would cost every order of the day.
        """
        if self._compresses:
            answer = self._post(igzip.compress(body, 1), (b"Content-Encoding", b"gzip"))
            if answer.status not in _UNREADABLE or self._compressed_was_taken:
                self._compressed_was_taken |= answer.status < _REFUSED
                return answer
        answer = self._post(body)
        if answer.status < _REFUSED:
            self._compresses = False
        return answer

    def get(self, params: Mapping[str, str | int]) -> RawAnswer:
        """GET with a query. Raises as `_send` does."""
        return self._send("GET", params=params)

    def close(self) -> None:
        """Close every connection."""
        self._http.close()

    def _post(self, content: bytes, *headers: tuple[bytes, bytes]) -> RawAnswer:
        return self._send("POST", (b"Content-Type", b"application/json"), *headers, content=content)

    def _send(
        self,
        method: str,
        *headers: tuple[bytes, bytes],
        content: bytes | None = None,
        params: Mapping[str, str | int] | None = None,
    ) -> RawAnswer:
        """Send one request and read the whole answer, whatever its status.

        Raises:
            ConnectionFailed: nothing was sent.
            AnswerTimedOut: the request may have arrived, no answer came in time.
            AnswerLost: the request may have arrived, no whole answer came.
        """
        what = f"{method} {self._url.path}"
        request = httpx.Request(
            method,
            self._url,
            params=params,
            headers=[
                *self._headers,
                (b"Authorization", b"Bearer " + self._api_key.get_secret_value().encode()),
                *headers,
            ],
            content=content,
            extensions=self._extensions,
        )
        try:
            with closing(self._http.handle_request(request)) as response:
                return RawAnswer(response.status_code, response.headers, response.read())
        except _NOT_SENT as error:
            raise ConnectionFailed(
                f"{what}: no connection to {self._url.host} ({_reason(error)}); nothing was sent."
            ) from error
        except httpx.TimeoutException as error:
            raise AnswerTimedOut(f"{what}: no answer in time ({_reason(error)}).") from error
        except httpx.RequestError as error:
            raise AnswerLost(f"{what}: the answer did not arrive whole ({_reason(error)}).") from error


def _proxy(url: str) -> str | None:
    """The proxy of the environment that stands before the URL: none between this machine and itself."""
    parts = urlsplit(url)
    if is_this_machine(url) or proxy_bypass(parts.netloc):
        return None
    proxies = getproxies()
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    return proxy if not proxy or "://" in proxy else f"http://{proxy}"


def is_this_machine(base_url: str) -> bool:
    """Whether requests to the URL never leave this machine."""
    return urlsplit(base_url).hostname in _LOOPBACK


def _reason(error: httpx.RequestError) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
