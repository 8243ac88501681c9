"""Request bodies: JSON, small, and text that can be stored."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import IO, Any

from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser

from connectors.errors import TooLarge

_MAX_BYTES = 8 * 2**20


class BoundedJSONParser(JSONParser):
    """JSON of at most 8 MiB, without lone surrogates, which no database or log can hold."""

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        """Read at most the limit, then parse."""
        body = stream.read(_MAX_BYTES + 1)
        if len(body) > _MAX_BYTES:
            _drain(stream)
            raise TooLarge("The request body is over 8 MiB.", code="request_too_large")
        try:
            parsed = json.loads(body.decode(), parse_constant=_refuse_constant)
            json.dumps(parsed, ensure_ascii=False).encode()
        except RecursionError as error:
            raise ParseError("The JSON of the request body is nested too deeply.") from error
        except UnicodeEncodeError as error:
            raise ParseError(
                "The request body has a lone surrogate (\\ud800 to \\udfff), which is not text."
            ) from error
        except ValueError as error:
            raise ParseError(f"The request body is not JSON: {error}") from error
        return parsed


def _drain(stream: IO[Any]) -> None:
    """Take the rest, within reason: a client that is still sending would see a broken pipe instead of the answer."""
    for _ in range(8):
        if not stream.read(_MAX_BYTES):
            return


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON.")
