"""What the one-off commands share: they run a job here and now, on the same engine as the workers."""

from __future__ import annotations

import json
import logging
import sys
from argparse import ArgumentTypeError
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.core.management import BaseCommand
from rest_framework.exceptions import ValidationError
from tqdm import tqdm

from connectors import events
from connectors.commands import exit_with, migrate_embedded_database
from connectors.errors import ConversionError, InvalidRequest
from connectors.urls import parse_signed_url
from connectors.wording import counted
from conversions import assignments, services
from conversions.api.errors import by_field, envelope, sentence_of
from conversions.api.serializers import StrictSerializer
from conversions.models import ConversionJob, JobStatus


def json_object(text: str) -> dict[str, Any]:
    """An argument that is a JSON object."""
    try:
        value = json.loads(text)
    except ValueError as error:
        raise ArgumentTypeError(f"is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise ArgumentTypeError('must be a JSON object such as \'{"delimiter": ";"}\'')
    return value


def partitions(text: str) -> int | str:
    """``auto`` or a number of partitions."""
    return int(text) if text.isdecimal() else text


EXIT_INTERRUPTED = 130


class JobCommand(BaseCommand):
    """A command that submits one job, runs it in this process and prints the API's answer.

    Exit codes: 0 done, 2 the request or the input is bad, 130 interrupted, 1 anything else.
    """

    requires_system_checks: list[str] = []

    def run_job(self, submit: Callable[[], services.Submission], *, as_json: bool) -> ConversionJob:
        """Run the submission to its end; on failure print why and exit."""
        logging.getLogger("conversions").setLevel(logging.WARNING)  # the command's own output says what happens
        migrate_embedded_database()
        try:
            with (
                events.acting_as(events.Actor("command")),
                _Progress(visible=not as_json, stream=self.stderr) as progress,
            ):
                job = services.run_here(submit(), progress.show)
        except ValidationError as error:
            self._fail(InvalidRequest(sentence_of(by_field(error.get_full_details()))), as_json=as_json)
        except KeyboardInterrupt:
            self.stderr.write("Interrupted: nothing was written.")
            sys.exit(EXIT_INTERRUPTED)
        except ConversionError as error:
            self._fail(error, as_json=as_json)
        if job.status != JobStatus.SUCCEEDED:
            self._fail(services.failure_of(job), as_json=as_json)
        return job

    def print_json(self, answer: dict[str, Any]) -> None:
        """The API's answer and nothing else."""
        self.stdout.write(json.dumps(answer, ensure_ascii=False, indent=2))

    def print_conversion(self, job: ConversionJob) -> None:
        """What became of a conversion, for people."""
        done = job.result or {}
        size = ", ".join((counted(done["rows"], "row"), counted(done["columns"], "column")))
        written = f"{done['receipt']['bytes']:,} bytes in {done['processing_time_seconds']:.2f} s"
        self.stdout.write(f"{size}, {written}: {job.destination}")
        for warning in done["warnings"] or []:
            self.stdout.write(self.style.WARNING(f"warning: {warning}"))

    def _fail(self, error: ConversionError, *, as_json: bool) -> None:
        if as_json:
            self.print_json(envelope(error.message, error.code, ""))
        exit_with(self, error)


def checked(serializer: type[StrictSerializer], **data: Any) -> dict[str, Any]:
    """A command's arguments, checked exactly as the API checks its requests; None means not given."""
    bound = serializer(data={name: value for name, value in data.items() if value is not None})
    bound.is_valid(raise_exception=True)
    return dict(bound.validated_data)


def refuse_same_file(source: str, destination: str) -> None:
    """A conversion must not replace what it reads.

    Raises:
        InvalidRequest: both are one file.
    """
    if "://" not in source + destination and Path(source).resolve() == Path(destination).resolve():
        raise InvalidRequest("SRC and DEST are the same file: the conversion would replace it.", code="same_file")


def place(role: str, text: str) -> dict[str, str]:
    """``source`` or ``output`` as a checked URL or a local path.

    Raises:
        InvalidRequest: the URL breaks the rules, or the source file is not there.
    """
    if "://" in text:
        parse_signed_url(text, assignments.url_policy(), field=f"{role}_url")
        return {f"{role}_url": text}
    path = Path(text).absolute()
    if role == "source" and not path.is_file():
        raise InvalidRequest(f"There is no file {text}.", code="file_not_found")
    if role == "output" and not path.parent.is_dir():
        raise InvalidRequest(
            f"There is no directory {path.parent} to write {path.name} to.", code="directory_not_found"
        )
    return {f"{role}_path": str(path)}


class _Progress:
    """A bar on a terminal, a plain line per phase otherwise."""

    def __init__(self, *, visible: bool, stream: Any) -> None:
        self._visible = visible
        self._stream = stream
        self._phase = ""
        self._bar: tqdm[Any] | None = None

    def __enter__(self) -> _Progress:
        if self._visible and sys.stderr.isatty():
            self._bar = tqdm(total=100, file=sys.stderr, bar_format="{desc:>9} {percentage:3.0f}% |{bar}| {postfix}")
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()

    def show(self, progress: dict[str, Any]) -> None:
        """Show one progress object."""
        if self._bar is not None:
            self._bar.set_description(progress["phase"], refresh=False)
            self._bar.set_postfix_str(f"{progress['rows']:,} rows", refresh=False)
            self._bar.update(progress["percent"] - self._bar.n)
        elif self._visible and progress["phase"] != self._phase:
            self._stream.write(f"{progress['phase']} …")
        self._phase = progress["phase"]
