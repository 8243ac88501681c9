"""Request bodies: JSON whose text can be stored. Their size is Django's to limit (``DATA_UPLOAD_MAX_MEMORY_SIZE``)."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import IO, Any

from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser

_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")


class StorableJSONParser(JSONParser):
    """JSON without lone surrogates, which no database or log can hold."""

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        """Parse the whole body."""
        try:
            parsed = json.loads(stream.read().decode(), parse_constant=_refuse_constant)
            text = json.dumps(parsed, ensure_ascii=False)
            text.encode()
        except RecursionError as error:
            raise ParseError("The JSON of the request body is nested too deeply.") from error
        except UnicodeEncodeError as error:
            raise ParseError(
                "The request body has a lone surrogate (\\ud800 and the like), which is not text."
            ) from error
        except ValueError as error:
            raise ParseError(f"The request body is not JSON: {error}") from error
        if _NUL.search(text):
            raise ParseError("The request body has a NUL character (\\u0000), which no database can hold.")
        return parsed


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON.")
