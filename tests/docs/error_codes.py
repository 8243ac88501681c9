"""Every error code that the source can produce, read from its syntax trees."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from rest_framework.exceptions import APIException

from connectors.databases.failures import SUGGESTIONS
from tests.portal import ROOT

PACKAGES = ("connectors", "conversions", "tundra_site")
_NAMES = {"code", "refused", "unavailable"}
# Not errors of the portal: a form's own, and filters of rows.
_NOT_OURS = {"ValidationError", "filter", "exclude", "jobs_link", "record", "warning", "info", "JobTotal"}


def error_codes() -> set[str]:
    """The codes of error classes, and all that is given as a parameter named ``code`` or passed on as one."""
    trees = [ast.parse(path.read_text()) for package in PACKAGES for path in (ROOT / package).rglob("*.py")]
    positions = dict(found for tree in trees for found in _takers(tree))
    codes = {code for tree in trees for code in (*_of_classes(tree), *_of_calls(tree, positions), *_of_defaults(tree))}
    of_the_framework = {kind.default_code for kind in APIException.__subclasses__()} - {"invalid"}
    return {code for code in codes if re.fullmatch("[a-z_]+", code)} | set(SUGGESTIONS) | of_the_framework


def _takers(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Functions that take a code by position, and which."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            names = [argument.arg for argument in node.args.args if argument.arg not in ("self", "cls")]
            for name in _NAMES & set(names):
                yield node.name, names.index(name)


def _of_calls(tree: ast.AST, positions: dict[str, int]) -> Iterator[str]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if called in _NOT_OURS:
            continue
        given = [keyword.value for keyword in node.keywords if keyword.arg in _NAMES]
        position = positions.get(called, len(node.args))
        yield from _texts([*given, *node.args[position : position + 1]])


def _of_classes(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            for line in node.body:
                if isinstance(line, ast.Assign) and getattr(line.targets[0], "id", "") in ("code", "default_code"):
                    yield from _texts([line.value])


def _of_defaults(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            for argument, default in zip(reversed(node.args.args), reversed(node.args.defaults), strict=False):
                if argument.arg in _NAMES:
                    yield from _texts([default])


def _texts(values: list[ast.expr]) -> Iterator[str]:
    for value in values:
        for node in ast.walk(value):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value:
                yield node.value
