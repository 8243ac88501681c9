"""Requests: shape, known fields, types and URL rules. No I/O happens here."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from connectors.files.options import FORMATS_OF_OPTION, LONGEST_DELIMITER
from connectors.registry import FILE_FORMATS
from connectors.types import parse_type
from connectors.urls import parse_signed_url
from conversions import assignments, webhooks
from conversions.models import JobKind, JobStatus

COMPRESSIONS = ["snappy", "zstd", "none"]
MAX_ROW_GROUP_ROWS = 10_000_000
_WEEK = 604_800  # what stores honour of a link at most


class StrictSerializer(serializers.Serializer[Any]):
    """Refuses unknown fields by name instead of ignoring them.

    Attributes:
        exactly_one_of: fields of which a request has exactly one; ``validate`` sees to it.
    """

    exactly_one_of: tuple[str, ...] = ()

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

    policy = staticmethod(assignments.url_policy)

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=8192, trim_whitespace=False, **kwargs)

    def to_internal_value(self, data: Any) -> str:
        """Parse once by the rules; the error names this field."""
        text = super().to_internal_value(data)
        parse_signed_url(text, self.policy(), field=str(self.field_name))
        return text


class WebhookUrlField(SignedUrlField):
    """A URL of any public host, signed or not."""

    policy = staticmethod(assignments.webhook_policy)


class TypeNameField(serializers.CharField):
    """A type name such as ``Int64`` or ``Decimal(12,2)``."""

    def to_internal_value(self, data: Any) -> str:
        """Refuse an unknown type at once."""
        name = super().to_internal_value(data)
        parse_type(name)
        return name


class WebhookSerializer(StrictSerializer):
    """Whom to tell of the job, and what of."""

    webhook_url = WebhookUrlField(required=False, help_text="Where to POST what becomes of the job: any public host.")
    webhook_events = serializers.ListField(
        child=serializers.ChoiceField(choices=[webhooks.END, webhooks.PROGRESS]),
        allow_empty=False,
        min_length=1,
        max_length=2,
        required=False,
        help_text="`end` by default; `progress` every few seconds while it runs.",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Events only with a URL, and the end if nothing is said."""
        if "webhook_events" in attrs and "webhook_url" not in attrs:
            raise serializers.ValidationError({"webhook_events": ["Give webhook_url too."]})
        checked: dict[str, Any] = super().validate(attrs)
        if "webhook_url" in checked:
            checked.setdefault("webhook_events", [webhooks.END])
        return checked


_OF_ONE_SHEET = {"sheet_name", "sheet_index", "column_mapping", "type_overrides", "skip_rows"}


def check_options_fit(attrs: dict[str, Any]) -> None:
    """Refuse options that the named format does not have.

    Raises:
        ValidationError: names the first of them.
    """
    for name in attrs["options"]:
        formats = FORMATS_OF_OPTION.get(name, (attrs["format"],))
        if attrs["format"] not in (*formats, "auto"):
            sentence = f"This option is for {' and '.join(formats)}, not for {attrs['format']}."
            raise serializers.ValidationError({"options": {name: [sentence]}})


class FileOptionsSerializer(StrictSerializer):
    """How to read a file and what to change on the way. What is left out is detected."""

    column_mapping = serializers.DictField(child=serializers.CharField(trim_whitespace=False), required=False)
    type_overrides = serializers.DictField(child=TypeNameField(), required=False)
    skip_rows = serializers.ListField(child=serializers.IntegerField(min_value=0, max_value=2**62), required=False)
    encoding = serializers.CharField(max_length=40, required=False)
    delimiter = serializers.CharField(min_length=1, max_length=LONGEST_DELIMITER, trim_whitespace=False, required=False)
    sheet_name = serializers.CharField(max_length=255, trim_whitespace=False, required=False)
    sheet_index = serializers.IntegerField(min_value=0, max_value=100_000, required=False)
    sheets = serializers.ChoiceField(
        choices=["all"], required=False, help_text="A Parquet file for each sheet, kept by the portal."
    )
    has_header = serializers.BooleanField(required=False)
    quote_char = serializers.CharField(
        max_length=1, allow_blank=True, trim_whitespace=False, required=False, help_text="Empty: none."
    )
    null_values = serializers.ListField(
        child=serializers.CharField(allow_blank=True, trim_whitespace=False), max_length=1000, required=False
    )
    decimal_comma = serializers.BooleanField(required=False)
    date_format = serializers.CharField(max_length=100, required=False)
    records_path = serializers.CharField(max_length=1000, trim_whitespace=False, required=False)
    flatten = serializers.BooleanField(required=False)
    on_cast_error = serializers.ChoiceField(choices=["keep", "null", "fail"], required=False)
    on_bad_row = serializers.ChoiceField(choices=["fail", "skip"], required=False)
    row_group_size = serializers.IntegerField(min_value=1, max_value=MAX_ROW_GROUP_ROWS, required=False)
    compression_level = serializers.IntegerField(min_value=1, max_value=22, required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """One sheet, said one way."""
        if "sheet_name" in attrs and "sheet_index" in attrs:
            raise serializers.ValidationError({"sheet_index": ["Give sheet_name or sheet_index, not both."]})
        if "sheets" in attrs and (others := sorted(attrs.keys() & _OF_ONE_SHEET)):
            raise serializers.ValidationError({others[0]: ["This option is for one sheet, and sheets is all of them."]})
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


SOURCE_HELP = "Signed GET URL of the file; this or `upload_id`."
UPLOAD_HELP = "A file from `POST /uploads`; this or `source_url`."
OUTPUT_HELP = "Signed PUT URL for the Parquet file; without one the portal keeps it: `GET /jobs/<id>/output`."


def check_one_source(attrs: dict[str, Any]) -> None:
    """Exactly one of source_url and upload_id.

    Raises:
        ValidationError: none, or both.
    """
    if "upload_id" in attrs and "source_url" in attrs:
        raise serializers.ValidationError({"upload_id": ["Give source_url or upload_id, not both."]})
    if not attrs.keys() & {"upload_id", "source_url"}:
        raise serializers.ValidationError({"source_url": ["Give source_url, or the upload_id of POST /uploads."]})


class ConvertFileSerializer(WebhookSerializer, FileRequestSerializer):
    """``POST /convert/file``."""

    exactly_one_of = ("source_url", "upload_id")
    source_url = SignedUrlField(required=False, help_text=SOURCE_HELP)
    upload_id = serializers.UUIDField(required=False, help_text=UPLOAD_HELP)
    output_url = SignedUrlField(required=False, help_text=OUTPUT_HELP)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """One source, and a place for every sheet."""
        check_one_source(attrs)
        if "sheets" in attrs["options"] and "output_url" in attrs:
            raise serializers.ValidationError(
                {"output_url": ["One URL takes one sheet: leave it out, and the portal keeps them all."]}
            )
        return super().validate(attrs)


class SchemaRequestSerializer(StrictSerializer):
    """``POST /infer/schema`` without its URL: what API and command share."""

    format = serializers.ChoiceField(choices=[*FILE_FORMATS, "auto"])
    sample_size = serializers.IntegerField(min_value=1, max_value=10_000, default=1000)
    options = FileOptionsSerializer(default=dict)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Options about writing change nothing here, but a conversion's options are accepted as they are."""
        check_options_fit(attrs)
        if "sheets" in attrs["options"]:
            raise serializers.ValidationError({"options": {"sheets": ["A schema is one sheet's: name the sheet."]}})
        attrs["row_group_size"] = attrs["options"].pop("row_group_size", settings.TUNDRA.PARQUET_ROW_GROUP_SIZE)
        attrs["options"].pop("compression_level", None)
        return attrs


class InferSchemaSerializer(WebhookSerializer, SchemaRequestSerializer):
    """``POST /infer/schema``."""

    exactly_one_of = ("source_url", "upload_id")
    source_url = SignedUrlField(required=False, help_text=SOURCE_HELP)
    upload_id = serializers.UUIDField(required=False, help_text=UPLOAD_HELP)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """One source."""
        check_one_source(attrs)
        return super().validate(attrs)


class JobFilterSerializer(StrictSerializer):
    """The query of ``GET /jobs``."""

    status = serializers.ChoiceField(choices=JobStatus.choices, required=False)
    kind = serializers.ChoiceField(choices=JobKind.choices, required=False)
    error_code = serializers.CharField(max_length=64, required=False)
    created_after = serializers.DateTimeField(required=False)
    created_before = serializers.DateTimeField(required=False)
    cursor = serializers.CharField(required=False)
    page_size = serializers.IntegerField(min_value=1, max_value=500, required=False)


class SheetSerializer(StrictSerializer):
    """The query of ``GET /jobs/<id>/output``."""

    sheet = serializers.CharField(
        max_length=255, trim_whitespace=False, required=False, help_text="Of a job that converted all sheets: which."
    )


class LinkSerializer(SheetSerializer):
    """``POST /jobs/<id>/output/link``."""

    expires_in = serializers.IntegerField(min_value=1, max_value=_WEEK, default=3600, help_text="Seconds.")


@extend_schema_field(OpenApiTypes.BINARY)
class UploadedFileField(serializers.FileField):
    """The bytes of a file."""


class UploadFileSerializer(StrictSerializer):
    """``POST /uploads``."""

    file = UploadedFileField(allow_empty_file=True)
