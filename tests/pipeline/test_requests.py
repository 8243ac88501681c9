"""Workers know every field that this version's API accepts."""

from __future__ import annotations

import pytest
from rest_framework.serializers import Serializer

from conversions.api.database_serializers import ConvertDatabaseSerializer, PreviewDatabaseSerializer
from conversions.api.serializers import ConvertFileSerializer, FileOptionsSerializer, InferSchemaSerializer
from conversions.pipeline.requests import check_request

ABOUT_WRITING = {"row_group_size", "compression_level"}  # they leave the options when a request is checked


@pytest.mark.parametrize(
    ("kind", "serializer"),
    [
        ("file", ConvertFileSerializer),
        ("schema", InferSchemaSerializer),
        ("database", ConvertDatabaseSerializer),
        ("preview", PreviewDatabaseSerializer),
    ],
)
def test_all_that_is_accepted_is_known(kind: str, serializer: type[Serializer[object]]) -> None:
    request: dict[str, object] = dict.fromkeys({*serializer().fields, "row_group_size"})
    if kind in ("file", "schema"):
        request["options"] = dict.fromkeys(FileOptionsSerializer().fields.keys() - ABOUT_WRITING)
    check_request(kind, request)
