"""Reading a request's body: never more of it than the profile takes, never for longer than a client is given."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator

from starlette.requests import Request

from enrich_pipeline.enrich_api.problems import Problem

_GZIP_FORMAT = 31  # zlib's word for: a gzip header, the largest window
_CODINGS = {"": "identity", "identity": "identity", "gzip": "gzip", "x-gzip": "gzip"}


async def read_body(request: Request, *, largest: int, gzip: bool, seconds: float) -> bytes:
    """The body of a JSON request, decompressed.

    Reading stops as soon as more than `largest` bytes have come, or come out of the decompression; a small body that
    would grow to gigabytes costs no more than the limit.

    Raises:
        Problem: 415 when it is not announced as JSON in UTF-8, or coded as this service does not read; 413 when it is
            too large; 400 when it is not the gzip that it says; 408 when it has not come within `seconds`.
    """
    _require_json_type(request.headers.get("content-type", ""))
    coding = _coding(request.headers.get("content-encoding", ""), gzip=gzip)
    if int(request.headers.get("content-length", "0")) > largest:
        raise _too_large(largest)
    try:
        async with asyncio.timeout(seconds):
            if coding == "gzip":
                return await _inflated(request.stream(), largest)
            return await _plain(request.stream(), largest)
    except TimeoutError:
        detail = f"The body did not come within {seconds:g} s."
        raise Problem(408, "request_timeout", detail, headers={"Connection": "close"}) from None


async def _plain(chunks: AsyncIterator[bytes], largest: int) -> bytes:
    body = bytearray()
    async for chunk in chunks:
        body += chunk
        if len(body) > largest:
            raise _too_large(largest)
    return bytes(body)


async def _inflated(chunks: AsyncIterator[bytes], largest: int) -> bytes:
    inflater = zlib.decompressobj(_GZIP_FORMAT)
    body = bytearray()
    came = 0
    async for chunk in chunks:
        came += len(chunk)
        try:
            # One byte more than is left tells that there is more.
            body += inflater.decompress(chunk, largest + 1 - len(body))
        except zlib.error:
            raise _not_gzip() from None
        if len(body) > largest or came > largest:
            raise _too_large(largest)
        if inflater.unused_data:
            raise _not_gzip()
    if not inflater.eof:
        raise _not_gzip()
    return bytes(body)


def _coding(header: str, *, gzip: bool) -> str:
    coding = _CODINGS.get(header.strip().lower())
    if coding is None or (coding == "gzip" and not gzip):
        accepted = "gzip" if gzip else "identity"
        detail = f"Send the body without a Content-Encoding{' or with gzip' if gzip else ''}."
        raise Problem(415, "unsupported_encoding", detail, headers={"Accept-Encoding": accepted})
    return coding


def _require_json_type(content_type: str) -> None:
    media_type, *parameters = (part.strip().lower() for part in content_type.split(";"))
    charset = next((p.partition("=")[2].strip('"') for p in parameters if p.startswith("charset=")), "utf-8")
    if media_type != "application/json" or charset not in {"utf-8", "utf8", "us-ascii"}:
        raise Problem(415, "unsupported_media_type", "Send the body as application/json in UTF-8.")


def _too_large(largest: int) -> Problem:
    return Problem(413, "body_too_large", f"The body is larger than {largest} bytes.")


def _not_gzip() -> Problem:
    return Problem(400, "not_gzip", "The body is not the one gzip stream that its Content-Encoding announces.")
