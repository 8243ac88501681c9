"""A new conversion in the console: source, look, options, convert. Its state is in its forms, not in the session."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import URLPattern, path, reverse
from django.views.decorators.csrf import csrf_protect
from rest_framework.request import Request
from unfold.admin import ModelAdmin

from connectors import services as credentials
from connectors import tables
from connectors.admin.pages import uuid_of
from connectors.errors import ConversionError
from conversions import inspections, services, uploads
from conversions.admin import job_page
from conversions.api import submissions
from conversions.api.database_serializers import ConvertDatabaseSerializer, PreviewDatabaseSerializer
from conversions.api.permissions import visible_uploads
from conversions.api.serializers import ConvertFileSerializer, InferSchemaSerializer
from conversions.api.uploading import BoundedHandler
from conversions.models import DATABASE_KINDS, ConversionJob, Upload
from conversions.new_forms import TYPE_NAMES, DatabaseForm, FileForm, RequestForm, initial_of
from conversions.sealed import unseal

_SHOWN_ROWS = 50
_HERE = "conversions_conversionjob_new"
Submit = Callable[[dict[str, Any], Request], services.Submission]


def urls(admin: ModelAdmin) -> list[URLPattern]:
    """The wizard's pages, for those who may add jobs."""

    def page(where: str, view: Callable[..., HttpResponse], name: str) -> URLPattern:
        guarded: Callable[..., HttpResponse] = admin.admin_site.admin_view(_guarded(admin, view))
        return path(f"new/{where}", guarded, name=f"{_HERE}{name}")

    return [
        page("", _start, ""),
        page("upload/", _upload, "_upload"),
        page("file/", _file, "_file"),
        page("database/", _database, "_database"),
        page("tables/", _tables, "_tables"),
        page("look/<uuid:job_id>/", _look, "_look"),
    ]


def _guarded(admin: ModelAdmin, view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    def guarded(request: HttpRequest, **where: Any) -> HttpResponse:
        if not request.user.has_perm("conversions.add_conversionjob"):
            raise PermissionDenied
        return view(admin, request, **where)

    guarded.csrf_exempt = view is _upload  # type: ignore[attr-defined]  # it checks the token by its own rules
    return guarded


def _start(admin: ModelAdmin, request: HttpRequest) -> HttpResponse:
    """Where from? Or, with ``from``, the form of a conversion that was asked for before."""
    if "from" in request.GET:
        job = _cloned(admin, request)
        where = "database" if job.kind in DATABASE_KINDS else "file"
        return redirect(f"{reverse(f'admin:{_HERE}_{where}')}?from={job.pk}")
    known = credentials.usable_by(request.user).order_by("pk")
    return _page(admin, request, "start", {"credentials": known})


def _upload(admin: ModelAdmin, request: HttpRequest) -> HttpResponse:
    """Take a file; the script that sends it is told where to go on."""
    request.upload_handlers = [BoundedHandler(request)]
    try:
        return _received(request)
    except ConversionError as error:
        return JsonResponse({"detail": error.message}, status=error.http_status)


@csrf_protect
def _received(request: HttpRequest) -> HttpResponse:
    assert isinstance(request.user, User)  # noqa: S101 - admin_view lets nobody else in
    file: Any = request.FILES["file"]
    with file:
        upload = uploads.keep(file, file.sha256, request.user)
    return JsonResponse({"next": f"{reverse(f'admin:{_HERE}_file')}?upload_id={upload.pk}"})


def _file(admin: ModelAdmin, request: HttpRequest) -> HttpResponse:
    """Look at a file, correct what was guessed, convert."""
    first = {"format": "auto", "upload_id": request.GET.get("upload_id", ""), **_before(admin, request, FileForm)}
    form = FileForm(request.POST or None, initial=first)
    look = (InferSchemaSerializer, submissions.schema_inference)
    convert = (ConvertFileSerializer, submissions.file_conversion)
    job = _done(request, form, look, convert)
    if job is None and "upload_id" in request.GET and request.method == "GET":
        job = _done(request, FileForm(_as_post(first)), look, convert)
    upload = _upload_of(request, form)
    if upload:
        form.source = ("format",)
    return _answer(admin, request, "file", form, job, {"upload": upload})


def _upload_of(request: HttpRequest, form: FileForm) -> Upload | None:
    """The file that the form is about, if it is one that was uploaded."""
    upload_id = uuid_of(form["upload_id"].value())
    return visible_uploads(_as_api(request)).filter(pk=upload_id).first() if upload_id else None


def _as_post(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if isinstance(value, str)}


def _database(admin: ModelAdmin, request: HttpRequest) -> HttpResponse:
    """Choose a table or write a query, look, convert."""
    first = {
        **_before(admin, request, DatabaseForm),
        **{name: request.GET[name] for name in ("table_name", "query") if name in request.GET},
    }
    chosen = request.POST.get("credentials_id") or request.GET.get("credentials_id") or first.get("credentials_id")
    credential = get_object_or_404(credentials.usable_by(request.user), pk=chosen or "")
    first |= {"credentials_id": credential.pk, "connector_type": credential.connector_type}
    form = DatabaseForm(request.POST or None, initial=first)
    look = (PreviewDatabaseSerializer, submissions.database_preview)
    convert = (ConvertDatabaseSerializer, submissions.database_conversion)
    job = _done(request, form, look, convert)
    more: dict[str, Any] = {"credential": credential}
    if table := first.get("table_name"):
        more |= _columns(request, credential.pk, table)
    return _answer(admin, request, "database", form, job, more)


def _columns(request: HttpRequest, credentials_id: str, table: str) -> dict[str, Any]:
    try:
        return {"table": table, "columns": tables.list_columns(credentials_id, request.user, table)}
    except ConversionError as error:
        return {"table": table, "refusal": error.message}


def _tables(admin: ModelAdmin, request: HttpRequest) -> HttpResponse:
    """The tables that a search finds, as a part of the page."""
    chosen = request.GET.get("credentials_id", "")
    try:
        found = {"tables": tables.list_tables(chosen, request.user, request.GET.get("search", "")[:200])}
    except ConversionError as error:
        return render(request, "conversions/new_tables.html", {"refusal": error.message})
    is_complete = len(found["tables"]) < tables.MOST_TABLES
    return render(request, "conversions/new_tables.html", {**found, "is_complete": is_complete, "chosen": chosen})


def _look(admin: ModelAdmin, request: HttpRequest, job_id: Any) -> HttpResponse:
    """How far the look is; once it has ended, what was seen."""
    job = get_object_or_404(ConversionJob, pk=job_id)
    if not inspections.may_see_values(job, request.user):
        raise PermissionDenied
    return render(request, "conversions/new_look.html", {"job": job, **_seen(job)})


def _seen(job: ConversionJob) -> dict[str, Any]:
    result = job.result or {}
    options = job.request.get("options", {})
    old_names = {new: old for old, new in options.get("column_mapping", {}).items()}
    types = options.get("type_overrides", {})
    columns = result.get("schema", {}).get("columns", [])
    return {
        **job_page.progress_of_page(job),
        "facts": job_page.detected(job),
        "warnings": [it["message"] for it in result.get("warnings", [])],
        "columns": [
            {**it, "was": (was := old_names.get(it["name"], it["name"])), "overridden": was in types} for it in columns
        ],
        "rows": [list(row.values()) for row in result.get("sample_data", [])[:_SHOWN_ROWS]],
        "estimate": result.get("estimate"),
        "types": TYPE_NAMES,
    }


def _cloned(admin: ModelAdmin, request: HttpRequest) -> ConversionJob:
    """The job that ``from`` names."""
    job: ConversionJob | None = admin.get_object(request, request.GET["from"])
    if job is None:
        raise Http404
    return job


def _before(admin: ModelAdmin, request: HttpRequest, form: type[RequestForm]) -> dict[str, Any]:
    """The first values of a form: those of the job that is to be cloned, but for URLs whose query is not shown."""
    if "from" not in request.GET:
        return {}
    job = _cloned(admin, request)
    first = initial_of(job.request, form)
    webhook_url = (unseal(job.webhook) or {}).get("url")
    lost = {"source_url", "output_url"} | ({"webhook_url"} if webhook_url != first.get("webhook_url") else set())
    return {name: value for name, value in first.items() if name not in lost}


def _done(
    request: HttpRequest, form: RequestForm, look: tuple[Any, Submit], convert: tuple[Any, Submit]
) -> ConversionJob | None:
    """The job that a filled-in form asks for; None if it asks for none, or for something that is refused."""
    if not form.is_bound or not form.is_valid():
        return None
    writes = request.POST.get("step") == "convert"
    serializer, submission = convert if writes else look
    checked = form.checked(serializer, writes=writes)
    if checked is None:
        return None
    try:
        return services.submit(submission(checked, _as_api(request)))
    except ConversionError as error:
        form.blame(error)
        return None


def _as_api(request: HttpRequest) -> Request:
    """The same request as the API's code knows it: somebody who has logged in."""
    known = Request(request)
    known.user, known.auth = request.user, None
    return known


def _answer(
    admin: ModelAdmin,
    request: HttpRequest,
    page: str,
    form: RequestForm,
    job: ConversionJob | None,
    more: dict[str, Any],
) -> HttpResponse:
    """The job's page once it converts; until then the form, with what a look has seen."""
    if job is not None and request.POST.get("step") == "convert":
        return redirect("admin:conversions_conversionjob_change", job.pk)
    seen = {"job": job, **_seen(job)} if job else {}
    return _page(admin, request, page, {"form": form, **seen, **more})


def _page(admin: ModelAdmin, request: HttpRequest, page: str, more: dict[str, Any]) -> HttpResponse:
    context = {**admin.admin_site.each_context(request), "title": "New conversion", **more}
    return render(request, f"conversions/new_{page}.html", context)
