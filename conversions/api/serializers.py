"""Requests: shape, known fields, types and URL rules. No I/O happens here."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from rest_framework import serializers

from connectors.registry import FILE_FORMATS
from connectors.types import parse_type
from connectors.urls import parse_signed_url
from conversions import assignments
from conversions.models import JobKind, JobStatus

COMPRESSIONS = ["snappy", "zstd", "none"]
MAX_ROW_GROUP_ROWS = 10_000_000


class StrictSerializer(serializers.Serializer[Any]):
    """Refuses unknown fields by name instead of ignoring them."""

    def to_internal_value(self, data: Any) -> Any:
        """Check the names first."""
        if isinstance(data, dict):
            unknown = sorted(str(name) for name in data if name not in self.fields)
            if unknown:
                known = ", ".join(self.fields)
                raise serializers.ValidationError({name: [f"Unknown field. Known are: {known}."] for name in unknown})
        return super().to_internal_value(data)


class SignedUrlField(serializers.CharField):
    """A signed URL of an allowed store that has not expired."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=8192, trim_whitespace=False, **kwargs)

    def to_internal_value(self, data: Any) -> str:
        """Parse once by the rules; the error names this field."""
        text = super().to_internal_value(data)
        parse_signed_url(text, assignments.url_policy(), field=str(self.field_name))
        return text


class TypeNameField(serializers.CharField):
    """A type name such as ``Int64`` or ``Decimal(12,2)``."""

    def to_internal_value(self, data: Any) -> str:
        """Refuse an unknown type at once."""
        name = super().to_internal_value(data)
        parse_type(name)
        return name


_TEXT_OPTIONS = ("delimiter", "quote_char", "decimal_comma", "date_format", "on_bad_row")
# Options that only some formats have; with another format they would do nothing, so they are refused.
_FORMATS_OF_OPTION = {
    **dict.fromkeys(_TEXT_OPTIONS, ("csv", "tsv")),
    **dict.fromkeys(("sheet_name", "sheet_index"), ("excel",)),
    **dict.fromkeys(("records_path", "flatten"), ("json",)),
}


def check_options_fit(attrs: dict[str, Any]) -> None:
    """Refuse options that the named format does not have.

    Raises:
        ValidationError: names the first of them.
    """
    for name in attrs["options"]:
        formats = _FORMATS_OF_OPTION.get(name, (attrs["format"],))
        if attrs["format"] not in (*formats, "auto"):
            sentence = f"This option is for {' and '.join(formats)}, not for {attrs['format']}."
            raise serializers.ValidationError({"options": {name: [sentence]}})


class FileOptionsSerializer(StrictSerializer):
    """How to read a file and what to change on the way. What is left out is detected."""

    column_mapping = serializers.DictField(child=serializers.CharField(trim_whitespace=False), required=False)
    type_overrides = serializers.DictField(child=TypeNameField(), required=False)
    skip_rows = serializers.ListField(child=serializers.IntegerField(min_value=0, max_value=2**62), required=False)
    encoding = serializers.CharField(max_length=40, required=False)
    delimiter = serializers.CharField(min_length=1, max_length=1, trim_whitespace=False, required=False)
    sheet_name = serializers.CharField(max_length=255, trim_whitespace=False, required=False)
    sheet_index = serializers.IntegerField(min_value=0, max_value=100_000, required=False)
    has_header = serializers.BooleanField(required=False)
    quote_char = serializers.CharField(max_length=1, allow_blank=True, required=False, help_text="Empty: none.")
    null_values = serializers.ListField(
        child=serializers.CharField(allow_blank=True, trim_whitespace=False), max_length=1000, required=False
    )
    decimal_comma = serializers.BooleanField(required=False)
    date_format = serializers.CharField(max_length=100, required=False)
    records_path = serializers.CharField(max_length=1000, required=False)
    flatten = serializers.BooleanField(required=False)
    on_cast_error = serializers.ChoiceField(choices=["keep", "null", "fail"], required=False)
    on_bad_row = serializers.ChoiceField(choices=["fail", "skip"], required=False)
    row_group_size = serializers.IntegerField(min_value=1, max_value=MAX_ROW_GROUP_ROWS, required=False)
    compression_level = serializers.IntegerField(min_value=1, max_value=22, required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """One sheet, said one way."""
        if "sheet_name" in attrs and "sheet_index" in attrs:
            raise serializers.ValidationError({"sheet_index": ["Give sheet_name or sheet_index, not both."]})
        return attrs


class OutputSerializer(StrictSerializer):
    """How the Parquet file is written."""

    compression = serializers.ChoiceField(choices=COMPRESSIONS, required=False)
    compression_level = serializers.IntegerField(min_value=1, max_value=22, required=False)
    row_group_size = serializers.IntegerField(min_value=1, max_value=MAX_ROW_GROUP_ROWS, required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Fill in the portal's defaults; ``options`` may carry the level and the row group size too."""
        options = attrs.get("options", {})
        attrs.setdefault("compression", settings.TUNDRA.PARQUET_COMPRESSION)
        for name, default in (
            ("row_group_size", settings.TUNDRA.PARQUET_ROW_GROUP_SIZE),
            ("compression_level", None),
        ):
            attrs.setdefault(name, options.pop(name, default))
        if attrs["compression_level"] is not None and attrs["compression"] != "zstd":
            raise serializers.ValidationError({"compression_level": ["Only zstd has levels; set compression to zstd."]})
        return attrs


class FileRequestSerializer(OutputSerializer):
    """``POST /convert/file`` without its URLs: what API and command share."""

    format = serializers.ChoiceField(choices=[*FILE_FORMATS, "auto"])
    options = FileOptionsSerializer(default=dict)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Options that fit the format, and the portal's defaults."""
        check_options_fit(attrs)
        return super().validate(attrs)


class ConvertFileSerializer(FileRequestSerializer):
    """``POST /convert/file``."""

    source_url = SignedUrlField(help_text="Signed GET URL of the file.")
    output_url = SignedUrlField(help_text="Signed PUT URL for the Parquet file.")


class SchemaRequestSerializer(StrictSerializer):
    """``POST /infer/schema`` without its URL: what API and command share."""

    format = serializers.ChoiceField(choices=[*FILE_FORMATS, "auto"])
    sample_size = serializers.IntegerField(min_value=1, max_value=10_000, default=1000)
    options = FileOptionsSerializer(default=dict)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Options about writing change nothing here, but a conversion's options are accepted as they are."""
        check_options_fit(attrs)
        attrs["row_group_size"] = attrs["options"].pop("row_group_size", settings.TUNDRA.PARQUET_ROW_GROUP_SIZE)
        attrs["options"].pop("compression_level", None)
        return attrs


class InferSchemaSerializer(SchemaRequestSerializer):
    """``POST /infer/schema``."""

    source_url = SignedUrlField(help_text="Signed GET URL of the file.")


class JobFilterSerializer(StrictSerializer):
    """The query of ``GET /jobs``."""

    status = serializers.ChoiceField(choices=JobStatus.choices, required=False)
    kind = serializers.ChoiceField(choices=JobKind.choices, required=False)
    created_after = serializers.DateTimeField(required=False)
    cursor = serializers.CharField(required=False)
    page_size = serializers.IntegerField(min_value=1, max_value=500, required=False)
