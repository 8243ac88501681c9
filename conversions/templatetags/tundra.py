"""Figures as people read them."""

from __future__ import annotations

from django import template

register = template.Library()
_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")


@register.filter
def duration(seconds: float | None) -> str:
    """``0.427 s``, ``12.3 s``, ``3 min 5 s``, ``2 h 7 min``."""
    if seconds is None:
        return "-"
    if seconds < 60:
        return f"{seconds:.3g} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min"


@register.filter
def size(count: float | None) -> str:
    """``512 B``, ``1.4 MiB``."""
    if count is None:
        return "-"
    unit = 0
    while count >= 1024 and unit < len(_UNITS) - 1:
        count, unit = count / 1024, unit + 1
    return f"{count:.1f}".removesuffix(".0") + f" {_UNITS[unit]}"


@register.filter
def number(count: float | None) -> str:
    """``1,234,567``."""
    return "-" if count is None else f"{count:,}"
