"""AWS Signature Version 4: made in a URL's query by ``presign``, checked byte for byte there or in a header."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import quote, unquote

ACCESS_KEY = "TUNDRATESTKEY"
SECRET_KEY = "tundra-test-secret"
REGION = "us-east-1"
_ALGORITHM = "AWS4-HMAC-SHA256"
_WEEK = 604_800


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request is refused, as S3 says it: HTTP status, error code and message."""

    status: int
    code: str
    message: str


def presign(
    method: str,
    base_url: str,
    key: str,
    expires: int = 900,
    signed_at: datetime | None = None,
    signed_headers: Mapping[str, str] | None = None,
) -> str:
    """A URL that allows one method on one object for ``expires`` seconds from ``signed_at`` (now)."""
    at = (signed_at or datetime.now(UTC)).strftime("%Y%m%dT%H%M%SZ")
    host = base_url.split("://", 1)[1]
    headers = {"host": host, **(signed_headers or {})}
    path = quote(f"/{key}", safe="/-_.~")
    query = "&".join(
        f"{name}={quote(value, safe='-_.~')}"
        for name, value in sorted(
            {
                "X-Amz-Algorithm": _ALGORITHM,
                "X-Amz-Credential": f"{ACCESS_KEY}/{_scope(at)}",
                "X-Amz-Date": at,
                "X-Amz-Expires": str(expires),
                "X-Amz-SignedHeaders": ";".join(sorted(headers)),
            }.items()
        )
    )
    signature = _signature(method, path, query, headers, at)
    return f"{base_url}{path}?{query}&X-Amz-Signature={signature}"


def refusal(method: str, target: str, headers: Mapping[str, str], now: datetime | None = None) -> Refusal | None:
    """None where the request's raw target is rightly signed and in time.

    Args:
        method: of the request; a HEAD may use what was signed for GET, as it may not on S3: no exception here either.
        target: path and query exactly as they came over the wire.
        headers: of the request, by lower-case name.
        now: the store's clock.
    """
    path, _, query = target.partition("?")
    if "authorization" in headers:
        return _refusal_of_header(method, path, query, headers, now or datetime.now(UTC))
    pairs = [part for part in query.split("&") if part]
    given = {name: unquote(value) for name, _, value in (part.partition("=") for part in pairs)}
    if "X-Amz-Signature" not in given:
        return Refusal(403, "AccessDenied", "Access Denied")
    if problem := _problem_with_parameters(given, now or datetime.now(UTC)):
        return problem
    named = given["X-Amz-SignedHeaders"].split(";")
    if "host" not in named or any(name not in headers for name in named):
        return Refusal(403, "AccessDenied", "There were headers present in the request which were not signed")
    canonical_query = "&".join(
        sorted(part if "=" in part else f"{part}=" for part in pairs if not part.startswith("X-Amz-Signature="))
    )
    expected = _signature(method, path, canonical_query, {name: headers[name] for name in named}, given["X-Amz-Date"])
    if not hmac.compare_digest(expected.encode(), given["X-Amz-Signature"].encode()):
        # S3 repeats what it was given, too: a secret that must not reach anybody's error message.
        return Refusal(403, "SignatureDoesNotMatch", f"We calculated other than {given['X-Amz-Signature']}")
    return None


def _refusal_of_header(method: str, path: str, query: str, headers: Mapping[str, str], now: datetime) -> Refusal | None:
    """The same for a request that is signed in its Authorization header."""
    found = re.fullmatch(
        rf"{_ALGORITHM} Credential=(?P<key>[^/]+)/(?P<scope>[^,]+), ?"
        r"SignedHeaders=(?P<names>[^,]+), ?Signature=(?P<signed>\w+)",
        headers["authorization"],
    )
    date = headers.get("x-amz-date", "")
    if found is None or not re.fullmatch(r"\d{8}T\d{6}Z", date) or found["scope"] != _scope(date):
        return Refusal(400, "AuthorizationHeaderMalformed", "The authorization header is malformed")
    if found["key"] != ACCESS_KEY:
        return Refusal(403, "InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records.")
    if abs(now - datetime.strptime(date, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)) > timedelta(minutes=15):
        return Refusal(403, "RequestTimeTooSkewed", "The difference between the times is too large.")
    signed = {name: headers[name] for name in found["names"].split(";") if name in headers}
    parts = (part if "=" in part else f"{part}=" for part in query.split("&") if part)
    expected = _signature(method, path, "&".join(sorted(parts)), signed, date, headers.get("x-amz-content-sha256", ""))
    if not hmac.compare_digest(expected, found["signed"]):
        return Refusal(403, "SignatureDoesNotMatch", "We calculated another signature")
    return None


def _problem_with_parameters(given: Mapping[str, str], now: datetime) -> Refusal | None:
    malformed = Refusal(400, "AuthorizationQueryParametersError", "Error parsing the query parameters")
    date, expires = given.get("X-Amz-Date", ""), given.get("X-Amz-Expires", "")
    if given.get("X-Amz-Algorithm") != _ALGORITHM or "X-Amz-SignedHeaders" not in given:
        return malformed
    if not re.fullmatch(r"\d{8}T\d{6}Z", date) or not re.fullmatch(r"\d{1,6}", expires) or int(expires) > _WEEK:
        return malformed
    if given.get("X-Amz-Credential") != f"{ACCESS_KEY}/{_scope(date)}":
        return Refusal(403, "InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records.")
    signed_at = datetime.strptime(date, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    if now >= signed_at + timedelta(seconds=int(expires)):
        return Refusal(403, "AccessDenied", "Request has expired")
    if signed_at > now + timedelta(minutes=15):
        return Refusal(403, "AccessDenied", "Request is not yet valid")
    return None


def _scope(date: str) -> str:
    return f"{date[:8]}/{REGION}/s3/aws4_request"


def _signature(
    method: str, path: str, query: str, headers: Mapping[str, str], date: str, payload: str = "UNSIGNED-PAYLOAD"
) -> str:
    names = sorted(headers)
    lines = [
        method,
        path,
        query,
        *(f"{name}:{' '.join(headers[name].split())}" for name in names),
        "",
        ";".join(names),
        payload,
    ]
    request_hash = hashlib.sha256("\n".join(lines).encode("utf-8", "surrogateescape")).hexdigest()
    key = f"AWS4{SECRET_KEY}".encode()
    for part in _scope(date).split("/"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return hmac.new(key, "\n".join([_ALGORITHM, date, _scope(date), request_hash]).encode(), hashlib.sha256).hexdigest()
