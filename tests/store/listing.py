"""The answer to ListObjects."""

from __future__ import annotations

from urllib.parse import parse_qs, quote, urlsplit
from xml.sax.saxutils import escape

from tests.store.objects import Objects


def listing(objects: Objects, bucket: str, target: str) -> bytes:
    """The objects right below the prefix that the query names, as S3 lists them with the delimiter ``/``."""
    query = parse_qs(urlsplit(target).query)
    prefix = query.get("prefix", [""])[0]
    keys = [stored.key.removeprefix(f"{bucket}/") for stored in objects.below(f"{bucket}/{prefix}")]
    here = "".join(
        f"<Contents><Key>{escape(quote(key))}</Key></Contents>" for key in keys if "/" not in key[len(prefix) :]
    )
    return (
        f"<?xml version='1.0' encoding='UTF-8'?><ListBucketResult><Prefix>{escape(quote(prefix))}</Prefix>"
        f"<EncodingType>url</EncodingType><IsTruncated>false</IsTruncated>{here}</ListBucketResult>"
    ).encode()
