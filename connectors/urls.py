"""Signed URLs: parsed once, by rules that leave no two readings, and shown without their secret.

What is checked here is what is connected to: nothing after this module parses a URL again.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote

from connectors.errors import InvalidRequest

MAX_URL_CHARACTERS = 8192
_UNSAFE = re.compile(r"[^\x21-\x7e]|\\")
_SHAPE = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<authority>[^/?#]*)(?P<target>[/?][^#]*)?(?P<fragment>#.*)?"
)
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME = re.compile(rf"(?=.{{1,253}}\Z)(?:{_LABEL}\.)+{_LABEL}")
# A last label that is a number makes the whole host an IPv4 address to URL parsers, in whatever notation.
_IPV4_LIKE = re.compile(r"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)\.?")
_DEV_AUTHORITY = re.compile(r"(?P<host>\[[0-9a-f:.]+\]|[^:\[\]]+)(?::(?P<port>[0-9]{1,5}))?")
_S3 = "s3.amazonaws.com"
_REGION = r"[a-z]{2}(?:-[a-z]+)+-[0-9]{1,2}"
# The other endpoints of S3 itself (a bucket may stand in front), and nothing else under amazonaws.com: not websites,
# which speak no https, nor load balancers, which anybody can have.
_S3_ENDPOINT = re.compile(
    r"(?:.+\.)?s3"
    rf"(?:(?:-accesspoint)?(?:-fips)?(?:\.dualstack)?\.{_REGION}|-{_REGION}|-external-1|-accelerate(?:\.dualstack)?)"
    r"\.amazonaws\.com"
)
_LONGEST_SIGNATURE = 604_800  # seconds: stores honour no version 4 signature for longer


@dataclass(frozen=True, slots=True)
class UrlPolicy:
    """Where URLs may point. Names are taken as operators write them: in any case, with spaces or a leading dot.

    Attributes:
        allowed_domains: a host matches if it equals one or ends with a dot and it.
        dev_hosts: ``host`` or ``host:port`` that also plain HTTP and local addresses are allowed for (``ENV=dev``).
        any_public_host: any public https host, signed or not: for webhooks.
    """

    allowed_domains: tuple[str, ...]
    dev_hosts: tuple[str, ...] = ()
    any_public_host: bool = False

    def __post_init__(self) -> None:
        domains = (domain.strip().lower().removeprefix("*").strip(".") for domain in self.allowed_domains)
        object.__setattr__(self, "allowed_domains", tuple(filter(None, domains)))
        object.__setattr__(self, "dev_hosts", tuple(host.strip().lower() for host in self.dev_hosts))

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> UrlPolicy:
        """From ``dataclasses.asdict`` after a trip through JSON."""
        return cls(tuple(values["allowed_domains"]), tuple(values["dev_hosts"]), values["any_public_host"])

    def for_webhooks(self) -> UrlPolicy:
        """The same, for any public host."""
        return replace(self, any_public_host=True)

    def allows(self, host: str) -> bool:
        """Whether a lower-case DNS name belongs to one of the domains."""
        if self.any_public_host or any(
            host == domain or host.endswith(f".{domain}") for domain in self.allowed_domains
        ):
            return True
        return _S3 in self.allowed_domains and _S3_ENDPOINT.fullmatch(host) is not None


@dataclass(frozen=True, slots=True)
class SignedUrl:
    """A checked URL. Its text form has no query, because the query is the permission.

    Attributes:
        field_name: the request's field it came in, for messages.
        host: lower case, without brackets.
        expires_at: when the signature ends, if it says so.
        is_dev: whether it is one of the policy's dev hosts.
    """

    field_name: str
    scheme: str
    host: str
    port: int
    _target: str = field(repr=False)
    expires_at: datetime | None
    is_dev: bool

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}{self._target.partition('?')[0]}"

    @property
    def authority(self) -> str:
        """Host, and port where it is not the scheme's own: the Host header that was signed."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _default_port(self.scheme) else f"{host}:{self.port}"

    @property
    def signed_headers(self) -> frozenset[str]:
        """Lower-case names of the headers that a version 4 signature covers; empty for other signatures."""
        query = _query(self._target)
        return frozenset(
            filter(None, (query.get("x-amz-signedheaders") or query.get("x-goog-signedheaders", "")).split(";"))
        )

    def request_target(self) -> str:
        """Path and query byte for byte as given: the secret, for the connection only."""
        return self._target

    def may_expire_within(self, seconds: float) -> bool:
        """Whether the signature may end before so much time has passed."""
        return self.expires_at is not None and self.expires_at <= datetime.now(UTC) + timedelta(seconds=seconds)


def parse_signed_url(url: str, policy: UrlPolicy, field: str = "output_url", now: datetime | None = None) -> SignedUrl:
    """Check a URL by the contract's rules, without I/O.

    Args:
        url: as the caller gave it.
        policy: where it may point.
        field: the request's field, for the error's sentence.
        now: what the expiry is compared to; None: the present.

    Raises:
        InvalidRequest: one sentence that names the field and the rule, never the query.
    """
    scheme, authority, target = _split(url, field)
    if (dev := _dev_host(scheme, authority, policy)) is not None:
        host, port = dev
    else:
        host, port = _public_host(scheme, authority, policy, field), 443
    expires_at = None if policy.any_public_host else _expiry_of_signature(target, field)
    if expires_at is not None and expires_at <= (now or datetime.now(UTC)):
        raise _refused(field, f"has expired at {expires_at:%Y-%m-%d %H:%M:%S} UTC; sign a new one", "url_expired")
    return SignedUrl(field, scheme, host, port, target, expires_at, is_dev=dev is not None)


def _split(url: str, field: str) -> tuple[str, str, str]:
    """Scheme, authority (both lower case) and target of a URL that every parser splits in the same way."""
    if len(url) > MAX_URL_CHARACTERS:
        raise _refused(field, f"is longer than {MAX_URL_CHARACTERS:,} characters")
    if _UNSAFE.search(url):
        raise _refused(field, "has a space, a backslash, a control or a non-ASCII character; percent-encode it")
    match = _SHAPE.fullmatch(url)
    if match is None:
        raise _refused(field, "is not a URL of the form https://host/path?signature")
    if match["fragment"]:
        raise _refused(field, "has a fragment (#…), which no store ever sees; percent-encode the # as %23")
    if "@" in match["authority"]:
        raise _refused(field, "has user information (an @ before the host)")
    target = match["target"] or "/"
    return match["scheme"].lower(), match["authority"].lower(), target if target.startswith("/") else f"/{target}"


def _dev_host(scheme: str, authority: str, policy: UrlPolicy) -> tuple[str, int] | None:
    """Host and port of one of the policy's dev hosts, None for any other."""
    match = _DEV_AUTHORITY.fullmatch(authority)
    if match is None or authority not in policy.dev_hosts or scheme not in ("http", "https"):
        return None
    return match["host"].strip("[]"), int(match["port"] or _default_port(scheme))


def _default_port(scheme: str) -> int:
    return 443 if scheme == "https" else 80


def _public_host(scheme: str, authority: str, policy: UrlPolicy, field: str) -> str:
    if scheme != "https":
        raise _refused(field, f"must use https, not {scheme}", "url_not_https")
    host, colon, port = authority.partition(":")
    if authority.startswith("[") or _IPV4_LIKE.fullmatch(host):
        raise _refused(field, "must name its host by a DNS name, not by an IP address")
    if colon and port != "443":
        raise _refused(field, "must use port 443")
    if not _NAME.fullmatch(host):
        raise _refused(field, "must have a plain DNS name as its host: letters, digits, hyphens and dots between them")
    if not policy.allows(host):
        allowed = ", ".join(policy.allowed_domains)
        raise _refused(
            field,
            f"points to {host}, which is not an allowed store. Allowed are: {allowed} (ALLOWED_STORAGE_DOMAINS)",
            "url_host_not_allowed",
        )
    return host


def _expiry_of_signature(target: str, field: str) -> datetime:
    """When the signature ends.

    Raises:
        InvalidRequest: there is no signature that a store could accept.
    """
    query = _query(target)
    for vendor in ("X-Amz", "X-Goog"):
        if query.get(f"{vendor}-Signature".lower()):
            _require_single(target, [f"{vendor}-{name}" for name in ("Signature", "Date", "Expires")], field)
            return _version_4_expiry(vendor, query, field)
    if query.get("signature") and query.get("expires"):
        _require_single(target, ["Signature", "Expires"], field)
        return _version_2_expiry(query["expires"], field)
    raise _refused(
        field,
        "does not look signed: it needs X-Amz-Signature, X-Goog-Signature, or Signature with Expires in its query",
        "url_not_signed",
    )


def _version_4_expiry(vendor: str, query: dict[str, str], field: str) -> datetime:
    date, expires = (query.get(f"{vendor}-{name}".lower(), "") for name in ("Date", "Expires"))
    if not re.fullmatch(r"[0-9]{8}T[0-9]{6}Z", date) or not re.fullmatch(r"-?[0-9]{1,12}", expires):
        raise _refused(
            field, f"needs {vendor}-Date (like 20240131T235959Z) and {vendor}-Expires (seconds) in its query"
        )
    if int(expires) > _LONGEST_SIGNATURE:
        raise _refused(field, f"has an {vendor}-Expires of more than seven days, which stores refuse; sign a new one")
    try:
        return datetime.strptime(date, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC) + timedelta(seconds=int(expires))
    except (ValueError, OverflowError):
        raise _refused(field, f"has an {vendor}-Date in its query that is no point in time") from None


def _version_2_expiry(expires: str, field: str) -> datetime:
    if not re.fullmatch(r"[0-9]{1,11}", expires):
        raise _refused(field, "has an Expires in its query that is not a number of seconds since 1970")
    return datetime.fromtimestamp(int(expires), UTC)


def _require_single(target: str, names: list[str], field: str) -> None:
    """Refuse what one reader may take from the first of two parameters and another from the last."""
    given = [name for name, _ in _parameters(target)]
    if doubled := [name for name in names if given.count(name.lower()) > 1]:
        raise _refused(field, f"has {doubled[0]} twice in its query")


def _query(target: str) -> dict[str, str]:
    return dict(_parameters(target))


def _parameters(target: str) -> list[tuple[str, str]]:
    """Names in lower case and values of the query, decoded."""
    parts = [part.partition("=") for part in target.partition("?")[2].split("&")]
    return [(unquote(name).lower(), unquote(value)) for name, _, value in parts]


def _refused(field: str, why: str, code: str = "invalid_url") -> InvalidRequest:
    sentence = f"{field} {why}."
    return InvalidRequest(sentence, code=code, errors={field: [sentence]})
