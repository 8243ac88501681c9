"""MySQL's and MariaDB's errors in the portal's words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pymysql

from connectors.databases.failures import (
    Undecodable,
    connection_lost,
    permission_denied,
    query_refused,
    query_timed_out,
    table_not_found,
)
from connectors.errors import ConversionError

_NOT_FOUND = {1049, 1051, 1109, 1146}
_NOT_ALLOWED = {1044, 1142, 1143, 1227, 1370}
_TIMED_OUT = {1205, 1907, 1969, 3024}
_LOST = {1040, 1053, 1077, 1080, 1152, 1158, 1159, 1160, 1161, 1203, 1226, 1317, 1927, 2002, 2003, 2006, 2013, 2055}
_SERVER_ERROR = re.compile(r"ERROR (\d+) \(\w+\): (.*?)(?: \}|$)", re.DOTALL)
_UNDECODABLE_SIGNS = ("couldn't convert", "could not retrieve", "not implemented", "deserializ")


@contextmanager
def mapped() -> Iterator[None]:
    """PyMySQL's errors become ConversionErrors."""
    try:
        yield
    except pymysql.err.Error as error:
        if len(error.args) > 1:
            raise _described(error.args[0], str(error.args[1])) from error
        raise connection_lost(str(error)) from error


def read_failure(text: str) -> Exception:
    """What ConnectorX said, as the error to raise: Undecodable where the careful form may do better."""
    if said := _SERVER_ERROR.search(text):
        return _described(int(said[1]), said[2])
    if any(sign in text.lower() for sign in _UNDECODABLE_SIGNS):
        return Undecodable(text)
    # What is no answer of the server is trouble on the way to it.
    return connection_lost(text)


def _described(number: int, says: str) -> ConversionError:
    if number in _NOT_FOUND:
        return table_not_found(says)
    if number in _NOT_ALLOWED:
        return permission_denied(says)
    if number in _TIMED_OUT:
        return query_timed_out(says)
    if number in _LOST:
        return connection_lost(says)
    return query_refused(says)
