"""What stores say in their answers: refusals, wishes, checksums and error pages. Never a body in full."""

from __future__ import annotations

import base64
import binascii
import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from connectors.errors import UpstreamFailed
from connectors.http import Answer
from connectors.retries import Transient
from connectors.urls import SignedUrl

HEAD_BYTES = 4096
_TRANSIENT_STATUSES = {408, 425, 429, 500, 502, 503, 504}
_TRANSIENT_CODES = {"RequestTimeout", "SlowDown", "OperationAborted", "BadDigest", "IncompleteBody", "InternalError"}
_XML_ERROR = re.compile(rb"\A(?:\xef\xbb\xbf)?\s*(?:<\?xml[^>]*\?>\s*)?<Error[\s>]")
_HTML = re.compile(
    rb"\A(?:\xef\xbb\xbf)?\s*(?:<!--.*?-->\s*)*<(?:!doctype\s+html|html)[\s>]", re.IGNORECASE | re.DOTALL
)
_STORE_CODE = re.compile(rb"<Code>([A-Za-z]{1,50})</Code>")
_HINTS = {
    403: "The signature may have expired, or be for another method, object or set of headers: sign the URL again.",
    404: "Check that the object or bucket exists and that its name is spelled the same.",
}


def require_success(url: SignedUrl, answer: Answer, statuses: set[int], *, refused: str, unavailable: str) -> None:
    """Raise for any other status, with the store's own error code in the message.

    Args:
        statuses: those that mean success.
        refused: our error code for what repeating does not mend.
        unavailable: our error code for what may pass.

    Raises:
        Transient: the store says, by status or code, that it may work later.
        UpstreamFailed: it refused.
    """
    if answer.status in statuses:
        return
    code = store_code(answer.read(HEAD_BYTES))
    what = f"HTTP {answer.status}" + (f", {code}" if code else "")
    if answer.status in _TRANSIENT_STATUSES or code in _TRANSIENT_CODES:
        raise Transient(
            f"{url.host} is not able to serve {url.field_name} at present ({what}).",
            code=unavailable,
            retry_after=_retry_after(answer),
        )
    if 300 <= answer.status < 400:
        raise UpstreamFailed(
            f"{url.host} answered {url.field_name} with a redirect ({what}), which is never followed.",
            code=refused,
            hint="Sign a URL for the address where the object really is (for S3: the bucket's own region).",
        )
    raise UpstreamFailed(f"{url.host} refused {url.field_name} ({what}).", code=refused, hint=_HINTS.get(answer.status))


def store_code(head: bytes) -> str | None:
    """The store's own name of an error (``NoSuchKey``) from the beginning of its XML."""
    found = _STORE_CODE.search(head)
    return found[1].decode() if found else None


def error_message(head: bytes) -> str | None:
    """The store's own error message, if that is what a body begins with."""
    if not _XML_ERROR.match(head):
        return None
    code = store_code(head)
    return f"the store's error message ({code})" if code else "the store's error message"


def error_page(head: bytes) -> str | None:
    """What kind of error page these first bytes of a body are, the store's or a gateway's, or None."""
    return error_message(head) or ("an HTML page" if _HTML.match(head) else None)


def content_md5(answer: Answer) -> str | None:
    """The MD5 in hex that the store gives for the object's bytes, where it gives one.

    Google's store names it in a header of its own; elsewhere it is the ETag, except of objects that were uploaded in
    parts or are encrypted with keys other than the store's own.
    """
    headers = answer.headers
    stored_as = headers.get("x-goog-stored-content-encoding", "identity")
    if stored_as not in ("identity", headers.get("Content-Encoding")):
        return None  # unpacked on the way: the checksum is that of the packed bytes
    for given in ",".join(headers.get_all("x-goog-hash", [])).split(","):
        name, _, value = given.strip().partition("=")
        if name == "md5":
            return _hex_of_base64(value)
    is_encrypted = (
        headers.get("x-amz-server-side-encryption", "AES256") != "AES256"
        or "x-amz-server-side-encryption-customer-algorithm" in headers
    )
    found = re.fullmatch(r'"?([0-9a-fA-F]{32})"?', headers.get("ETag", ""))
    return found[1].lower() if found and not is_encrypted else None


def _hex_of_base64(value: str) -> str | None:
    try:
        return base64.b64decode(value, validate=True).hex()
    except binascii.Error:
        return None


def _retry_after(answer: Answer) -> float:
    """Seconds; 0 where the store has no wish that can be read."""
    wish = answer.headers.get("Retry-After", "")
    if re.fullmatch(r"[0-9]{1,9}", wish):
        return float(wish)
    try:
        moment = parsedate_to_datetime(wish).astimezone(UTC)
    except (ValueError, OverflowError):
        return 0.0
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())
