"""The console's forms for a new conversion: people's words for what the API's serializers check."""

from __future__ import annotations

import json
from typing import Any

from django import forms
from django.http import QueryDict
from rest_framework import serializers
from unfold.widgets import (
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from connectors.errors import ConversionError
from connectors.registry import FILE_FORMATS
from conversions.api.errors import by_field
from conversions.api.serializers import COMPRESSIONS

TYPE_NAMES = (
    "String", "Int8", "Int16", "Int32", "Int64", "UInt8", "UInt16", "UInt32", "UInt64", "Float32", "Float64",
    "Decimal(18,2)", "Boolean", "Date", "Datetime", "Time", "Categorical",
)  # fmt: skip
_YES_NO = [("", "as found"), ("true", "yes"), ("false", "no")]
_SWITCH = [("", "no"), ("true", "yes")]
_EMPTY = '""'
_UNQUOTED = "none"


def _text(label: str, help_text: str = "", **attributes: str) -> forms.CharField:
    widget = UnfoldAdminTextInputWidget({"autocomplete": "off", **attributes})
    return forms.CharField(label=label, required=False, strip=False, widget=widget, help_text=help_text)


def _choice(label: str, choices: list[tuple[str, str]], help_text: str = "") -> forms.ChoiceField:
    return forms.ChoiceField(
        label=label, required=False, choices=choices, widget=UnfoldAdminSelectWidget(), help_text=help_text
    )


def _number(label: str, help_text: str = "", least: int = 1) -> forms.IntegerField:
    return forms.IntegerField(
        label=label, required=False, min_value=least, widget=UnfoldAdminIntegerFieldWidget(), help_text=help_text
    )


def _lines(label: str, rows: int, help_text: str) -> forms.CharField:
    widget = UnfoldAdminTextareaWidget({"rows": rows, "spellcheck": "false"})
    return forms.CharField(label=label, required=False, strip=False, widget=widget, help_text=help_text)


class RequestForm(forms.Form):
    """A request's fields, and its ``options``; what is left empty is not said."""

    options: tuple[str, ...] = ()
    written: tuple[str, ...] = ("output_url", "compression", "compression_level", "row_group_size")
    told = ("webhook_url", "webhook_events")

    other_options = forms.JSONField(required=False, widget=forms.HiddenInput())  # of a clone; no field shows them
    output_url = _text("Deliver to", "A signed PUT URL; empty: the portal keeps the Parquet for download.")
    compression = _choice("Compression", [("", "the portal's"), *((it, it) for it in COMPRESSIONS)])
    compression_level = _number("Compression level", "1 to 22, for zstd.")
    row_group_size = _number("Rows of a row group")
    webhook_url = _text("Webhook", "Where the portal says what became of it: a URL of any public host.")
    webhook_events = _choice(
        "What it is told", [("", "the end"), ("end,progress", "progress and the end"), ("progress", "progress only")]
    )

    def clean(self) -> dict[str, Any]:
        """Lists as the API takes them."""
        cleaned = super().clean() or {}
        events = cleaned.get("webhook_events")
        return {**cleaned, "webhook_events": events.split(",") if events else None}

    def request(self, *, writes: bool) -> dict[str, Any]:
        """The request as the API takes it, with or without what is about writing."""
        given = {name: value for name, value in self.cleaned_data.items() if value not in ("", None, [])}
        kept = given.pop("other_options", {})
        found = {name: it for name, it in given.items() if name not in self.options}
        if not writes:
            found = {name: it for name, it in found.items() if name not in (*self.written, *self.told)}
        return {**found, "options": {**kept, **{name: given[name] for name in self.options if name in given}}}

    def checked(self, serializer: type[serializers.Serializer[Any]], *, writes: bool) -> dict[str, Any] | None:
        """The request as the API's serializer has checked it; None once its refusals stand at the fields."""
        bound = serializer(data=self.request(writes=writes))
        try:
            bound.is_valid(raise_exception=True)
        except serializers.ValidationError as refused:
            for path, sentences in by_field(refused.get_full_details()).items():
                name = path.removeprefix("options.").partition(".")[0]
                self._refuse(name, [str(it) for it in sentences])
            return None
        except ConversionError as refused:
            self.blame(refused)
            return None
        return dict(bound.validated_data)

    def blame(self, error: ConversionError) -> None:
        """Show a refusal at the field it is about, else above all."""
        named = next((name for name in error.errors if name in self.fields), "")
        self._refuse(named, [" ".join(filter(None, (error.message, "" if named else error.hint)))])

    def _refuse(self, name: str, sentences: list[str]) -> None:
        """Stand a refusal at the field that people see, else above all with the name of what it is about."""
        if name in self.fields and not self[name].is_hidden:
            self.add_error(name, sentences)
        else:
            self.add_error(None, [f"{name}: {it}" if name else it for it in sentences])


class FileForm(RequestForm):
    """A file, how it is read, what is changed on the way."""

    options = (
        "encoding", "delimiter", "quote_char", "has_header", "decimal_comma", "date_format", "null_values",
        "sheet_name", "sheet_index", "sheets", "records_path", "flatten", "skip_rows", "on_bad_row", "on_cast_error",
        "column_mapping", "type_overrides",
    )  # fmt: skip
    shown_options = options[:-2]
    source: tuple[str, ...] = ("source_url", "format")

    upload_id = forms.CharField(required=False, widget=forms.HiddenInput())
    source_url = _text("Signed URL of the file")
    format = _choice("Format", [(it, it) for it in ("auto", *FILE_FORMATS)])
    encoding = _text("Encoding", "For instance utf-8 or cp1252.")
    delimiter = _text("Delimiter", "\\t is a tab.")
    quote_char = _text("Quote character", f"Or {_UNQUOTED}.")
    has_header = _choice("First row has the names", _YES_NO)
    decimal_comma = _choice("Decimal comma", _SWITCH)
    date_format = _text("Date format", "For instance %d.%m.%Y.")
    null_values = _lines("Words for null", 2, f"One a line, in place of NULL, N/A and the like; {_EMPTY}: none.")
    sheet_name = _text("Sheet", "Of a workbook; empty: the first.", list="sheets")
    sheet_index = _number("Or its number", "From 0.", least=0)
    sheets = _choice("Sheets", [("", "one"), ("all", "all, a Parquet file each")])
    skip_rows = _text("Rows to leave out", "Their numbers with commas between; the first below the names is 1.")
    records_path = _text(
        "Path of the records", "In JSON: data.items, data.* (the members of an object), $ (the document)."
    )
    flatten = _choice("Flatten nested values", _SWITCH)
    on_cast_error = _choice(
        "Values that do not fit a chosen type",
        [("", "the column keeps its type"), ("null", "become null"), ("fail", "fail the conversion")],
    )
    on_bad_row = _choice("Malformed rows", [("", "fail the conversion"), ("skip", "are left out and kept apart")])

    def clean_quote_char(self) -> str:
        """A word for none: what is left empty is not said."""
        given: str = self.cleaned_data["quote_char"]
        return _EMPTY if given == _UNQUOTED else given

    def clean_null_values(self) -> list[str]:
        """A text a line."""
        lines = self.cleaned_data["null_values"].splitlines()
        return ["" if line == _EMPTY else line for line in lines if line]

    def clean_skip_rows(self) -> list[int]:
        """Numbers as people count, to indices."""
        numbers = [number.strip() for number in self.cleaned_data["skip_rows"].split(",") if number.strip()]
        if wrong := next((it for it in numbers if not it.isdecimal() or int(it) == 0), None):
            raise forms.ValidationError(f"'{wrong}' is no row's number: they are 1, 2, 3 and so on.")
        return [int(number) - 1 for number in numbers]

    def clean(self) -> dict[str, Any]:
        """What was chosen of each column, and a tab as people write it."""
        cleaned = super().clean()
        if cleaned.get("delimiter") == "\\t":
            cleaned["delimiter"] = "\t"
        cleaned["format"] = cleaned.get("format") or "auto"
        mapping, types = columns_of(self.data)
        if "column_was" in self.data:
            for name in ("column_mapping", "type_overrides"):
                (cleaned.get("other_options") or {}).pop(name, None)
        return {**cleaned, "column_mapping": mapping or None, "type_overrides": types or None}

    def request(self, *, writes: bool) -> dict[str, Any]:
        """A look is at one sheet."""
        found = super().request(writes=writes)
        options = found["options"]
        if options.get("quote_char") == _EMPTY:
            options["quote_char"] = ""
        if not writes:
            options.pop("sheets", None)
        return found


class DatabaseForm(RequestForm):
    """A table or a query, and what becomes of it."""

    options = ("numeric", "infinite_dates", "zero_dates", "long_times")
    shown_options = options
    source = ("table_name", "columns", "query")
    written = (*RequestForm.written, "partition_column", "partition_num")

    credentials_id = forms.CharField(widget=forms.HiddenInput())
    connector_type = forms.CharField(widget=forms.HiddenInput())
    table_name = _text("Table")
    columns = _text("Columns", "Their names with commas between; empty: all.")
    query = _lines("Or a query", 5, "One statement that reads.")
    partition_column = _text("Split by", "A column; empty: the portal decides.", list="names")
    partition_num = _text("Connections at once", "A number, or auto; 4 by default.")
    numeric = _choice(
        "Numbers without a precision", [("", "a decimal, else text"), ("text", "text"), ("float", "Float64")]
    )
    infinite_dates, zero_dates, long_times = (
        _choice(label, [("", "make the column text"), ("null", "become null"), ("fail", "fail the conversion")])
        for label in ("Infinite dates", "Zero dates", "Times beyond a day")
    )

    def clean(self) -> dict[str, Any]:
        """Lists and numbers as the API takes them."""
        cleaned = super().clean()
        cleaned["columns"] = [name.strip() for name in cleaned.get("columns", "").split(",") if name.strip()]
        number = cleaned.get("partition_num", "").strip()
        return {**cleaned, "partition_num": int(number) if number.isdecimal() else number}


def columns_of(data: Any) -> tuple[dict[str, str], dict[str, str]]:
    """The names and types that were changed, by the columns' own names: ``column_mapping`` and ``type_overrides``."""
    if not isinstance(data, QueryDict):
        return {}, {}
    rows = zip(*(data.getlist(f"column_{part}") for part in ("was", "name", "kind", "type")), strict=False)
    mapping, types = {}, {}
    for was, name, kind, chosen in rows:
        if name and name != was:
            mapping[was] = name
        if chosen and chosen != kind:
            types[was] = chosen
    return mapping, types


def initial_of(request: dict[str, Any], form: type[RequestForm]) -> dict[str, Any]:
    """A request of the past as a form's first values."""
    options = request.get("options", {})
    written = {name: _as_written(name, it) for name, it in {**request, **options}.items() if name in form.base_fields}
    return {**written, "other_options": {name: it for name, it in options.items() if name not in form.base_fields}}


def _as_written(name: str, value: Any) -> Any:
    """A value of a request as people write it into its field."""
    written = value
    match name, value:
        case "columns", list():
            written = ", ".join(value)
        case "webhook_events", list():
            written = ",".join(sorted(value)) if value != ["end"] else ""
        case "skip_rows", list():
            written = ", ".join(str(index + 1) for index in value)
        case "null_values", list():
            written = "\n".join(word or _EMPTY for word in value or [""])
        case "quote_char", "":
            written = _UNQUOTED
        case "delimiter", "\t":
            written = "\\t"
        case (("decimal_comma" | "flatten"), False):
            written = ""
        case _, bool():
            written = json.dumps(value)
    return written
