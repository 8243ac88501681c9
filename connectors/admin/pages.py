"""What the console's own pages share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.admin.utils import quote
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from unfold.admin import ModelAdmin

from connectors.errors import ConversionError


def form_page(
    admin: ModelAdmin, request: HttpRequest, form: Any, title: str, button: str, original: Any = None, note: str = ""
) -> HttpResponse:
    """A page of one form.

    Args:
        admin: whose page it is.
        request: asks for it.
        form: bound or not.
        title: what the form does.
        button: what sends it.
        original: what it changes, if that is there already.
        note: what to know before filling it in.
    """
    page = {
        **admin.admin_site.each_context(request),
        "title": title,
        "opts": admin.opts,
        "form": form,
        "button": button,
        "original": original,
        "note": note,
    }
    return render(request, "console/form_page.html", page)


def uuid_of(text: str | None) -> UUID | None:
    """An id that came with an address; None if it is none."""
    try:
        return UUID(text or "")
    except ValueError:
        return None


def do_each(admin: ModelAdmin, request: HttpRequest, chosen: Any, step: Callable[[Any], str]) -> None:
    """Take a step for each that is chosen, and show what it did or why not."""
    for it in chosen:
        try:
            done = step(it)
        except ConversionError as error:
            told = f"{it}: {error.message}" if error.hint is None else f"{it}: {error.message} {error.hint}"
            admin.message_user(request, told, messages.ERROR)
        else:
            admin.log_change(request, it, done)
            admin.message_user(request, f"{it}: {done}.", messages.SUCCESS)


def at_once(admin: ModelAdmin, request: HttpRequest, chosen: Any, step: Callable[[Any], str]) -> HttpResponse | None:
    """Take a step for each that is chosen; somebody who did so on an object's own page stays there."""
    do_each(admin, request, chosen, step)
    if "stay" not in request.POST:
        return None
    meta = admin.opts
    return redirect(f"admin:{meta.app_label}_{meta.model_name}_change", quote(chosen[0].pk))


def confirmed(
    admin: ModelAdmin, request: HttpRequest, chosen: Any, verb: str, step: Callable[[Any], str]
) -> HttpResponse | None:
    """Take a step for each that is chosen, once somebody has said yes to these.

    Args:
        admin: whose action this is.
        request: the action's; with ``confirmed`` in it somebody has said yes.
        chosen: the objects.
        verb: what the button says.
        step: does it to one of them and tells what it did.
    """
    if "confirmed" in request.POST:
        return at_once(admin, request, chosen, step)
    what = admin.opts.verbose_name if len(chosen) == 1 else admin.opts.verbose_name_plural
    page = {
        **admin.admin_site.each_context(request),
        "title": f"{verb} {len(chosen)} {what}?",
        "opts": admin.opts,
        "chosen": chosen,
        "verb": verb,
        "action": request.POST["action"],
    }
    return render(request, "console/confirm.html", page)
