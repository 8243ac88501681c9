"""Signed URLs: parsed once, by rules that leave no two readings, and shown without their secret.

What is checked here is what is connected to: nothing after this module parses a URL again.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote_plus

from connectors.errors import InvalidRequest

_SHAPE = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<authority>[^/?#\\]*)(?P<target>/[^#]*|\?[^#]*)?(?P<fragment>#.*)?"
)
_HOST = re.compile(r"(?=.{1,253}\Z)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?")
_UNSAFE = re.compile(r"[\x00-\x20\x7f-\U0010ffff\\]")
_S3 = "s3.amazonaws.com"
# Regional, dual-stack, FIPS and legacy dash endpoints of S3 belong to s3.amazonaws.com; a bucket may stand in front.
_S3_REGIONAL = re.compile(r"(?:.+\.)?s3(?:-fips)?(?:\.dualstack)?[.-][a-z]{2}(?:-[a-z]+)+-\d\.amazonaws\.com")
_COMPACT = "%Y%m%dT%H%M%SZ"


@dataclass(frozen=True, slots=True)
class UrlPolicy:
    """Where URLs may point.

    Attributes:
        allowed_domains: a host matches if it equals one or ends with a dot and it.
        dev_hosts: ``host`` or ``host:port`` that also plain HTTP and local addresses are allowed for (``ENV=dev``).
        any_public_host: any public https host, signed or not: for webhooks.
    """

    allowed_domains: tuple[str, ...]
    dev_hosts: tuple[str, ...] = ()
    any_public_host: bool = False

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> UrlPolicy:
        """From ``dataclasses.asdict`` after a trip through JSON."""
        return cls(tuple(values["allowed_domains"]), tuple(values["dev_hosts"]), values["any_public_host"])

    def for_webhooks(self) -> UrlPolicy:
        """The same, for any public host."""
        return replace(self, any_public_host=True)


@dataclass(frozen=True, slots=True)
class SignedUrl:
    """A checked URL. Its text form has no query, because the query is the permission.

    Attributes:
        target: path and query, byte for byte as given; only the connection may see it.
        expires_at: when the signature ends, if it says so.
        is_dev: whether it is one of the policy's dev hosts.
    """

    scheme: str
    host: str
    port: int
    target: str = field(repr=False)
    expires_at: datetime | None
    is_dev: bool

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}{self.target.partition('?')[0]}"

    @property
    def authority(self) -> str:
        """Host, and port where it is not the scheme's own: the Host header that was signed."""
        default = 443 if self.scheme == "https" else 80
        return self.host if self.port == default else f"{self.host}:{self.port}"

    def may_expire_within(self, seconds: float) -> bool:
        """Whether the signature may end before so much time has passed."""
        return self.expires_at is not None and self.expires_at < datetime.now(UTC) + timedelta(seconds=seconds)


def parse_signed_url(url: str, policy: UrlPolicy, field: str = "output_url", now: datetime | None = None) -> SignedUrl:
    """Check a URL by the contract's rules, without I/O.

    Args:
        url: as the caller gave it.
        policy: where it may point.
        field: the request's field, for the error's sentence.
        now: for tests of expiry; the present otherwise.

    Raises:
        InvalidRequest: one sentence that names the field and the rule, never the query.
    """
    parsed = _parse(url, policy, field)
    if not policy.any_public_host:
        _require_signature(parsed, field)
    if parsed.expires_at is not None and parsed.expires_at <= (now or datetime.now(UTC)):
        raise _refused(
            field, f"has expired at {parsed.expires_at:%Y-%m-%d %H:%M:%S} UTC; sign a new one", "url_expired"
        )
    return parsed


def _parse(url: str, policy: UrlPolicy, field: str) -> SignedUrl:
    if _UNSAFE.search(url):
        raise _refused(field, "has a space, a backslash, a control or a non-ASCII character; percent-encode it")
    match = _SHAPE.fullmatch(url)
    if match is None:
        raise _refused(field, "is not a URL of the form https://host/path?signature")
    if match["fragment"]:
        raise _refused(field, "has a fragment (#…), which is never sent to a store")
    scheme, authority = match["scheme"].lower(), match["authority"].lower()
    if "@" in authority:
        raise _refused(field, "has user information (an @ before the host)")
    target = match["target"] or "/"
    if target.startswith("?"):
        target = "/" + target
    if authority in policy.dev_hosts and scheme in ("http", "https"):
        host, _, port = authority.partition(":")
        number = int(port) if port else 443 if scheme == "https" else 80
        return SignedUrl(scheme, host, number, target, _expiry(target, field), is_dev=True)
    host = _public_host(scheme, authority, policy, field)
    return SignedUrl(scheme, host, 443, target, _expiry(target, field), is_dev=False)


def _public_host(scheme: str, authority: str, policy: UrlPolicy, field: str) -> str:
    if scheme != "https":
        raise _refused(field, f"must use https, not {scheme}", "url_not_https")
    host, colon, port = authority.partition(":")
    if colon and port != "443":
        raise _refused(field, "must use port 443")
    if not _HOST.fullmatch(host):
        raise _refused(field, "must name its host by a plain DNS name: no IP address, no percent-encoding")
    if not policy.any_public_host and not _is_allowed(host, policy.allowed_domains):
        raise _refused(
            field,
            f"points to {host}, which is not an allowed store. Allowed are: {', '.join(policy.allowed_domains)} "
            "(ALLOWED_STORAGE_DOMAINS)",
            "url_host_not_allowed",
        )
    return host


def _is_allowed(host: str, domains: tuple[str, ...]) -> bool:
    if any(host == domain or host.endswith("." + domain) for domain in domains):
        return True
    return _S3 in domains and _S3_REGIONAL.fullmatch(host) is not None


def _require_signature(url: SignedUrl, field: str) -> None:
    names = _query(url.target)
    signed = (
        names.get("x-amz-signature")
        or names.get("x-goog-signature")
        or (names.get("signature") and names.get("expires"))
    )
    if not signed:
        raise _refused(
            field,
            "does not look signed: it needs X-Amz-Signature, X-Goog-Signature, or Signature with Expires in its query",
            "url_not_signed",
        )


def _expiry(target: str, field: str) -> datetime | None:
    query = _query(target)
    try:
        for vendor in ("amz", "goog"):
            if f"x-{vendor}-date" in query and f"x-{vendor}-expires" in query:
                signed_at = datetime.strptime(query[f"x-{vendor}-date"], _COMPACT).replace(tzinfo=UTC)
                return signed_at + timedelta(seconds=int(query[f"x-{vendor}-expires"]))
        if "expires" in query:
            return datetime.fromtimestamp(int(query["expires"]), UTC)
    except (ValueError, OverflowError, OSError):
        raise _refused(field, "has a date or an expiry that cannot be read in its query") from None
    return None


def _query(target: str) -> dict[str, str]:
    """Parameters by lower-case name; the first of several counts, as stores have it."""
    found: dict[str, str] = {}
    for part in target.partition("?")[2].split("&"):
        name, _, value = part.partition("=")
        found.setdefault(unquote_plus(name).lower(), unquote_plus(value))
    return found


def _refused(field: str, why: str, code: str = "invalid_url") -> InvalidRequest:
    sentence = f"{field} {why}."
    return InvalidRequest(sentence, code=code, errors={field: [sentence]})
