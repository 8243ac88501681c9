"""How to reach a database: checked once, and never shown with its password."""

from __future__ import annotations

import ipaddress
import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, cast, get_args

from connectors.errors import InvalidRequest

ConnectorType = Literal["postgresql", "mysql", "sqlite"]
SslMode = Literal["disable", "prefer", "require", "verify-ca", "verify-full"]
DEFAULT_PORTS: dict[str, int] = {"postgresql": 5432, "mysql": 3306}
_FIELDS = ("host", "port", "database", "username", "password", "ssl_mode", "ssl_root_cert")
_HOST_NAME = re.compile(r"(?=.{1,253}\Z)[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?\.?")


@dataclass(frozen=True, slots=True)
class Credentials:
    """Where a database is and who may read it.

    Attributes:
        connector_type: ``postgresql``, ``mysql`` (MariaDB too) or ``sqlite``.
        host, port: of the server; empty and 0 for SQLite.
        database: the database's name; for SQLite the file, relative to the operator's directory.
        ssl_mode: as libpq understands it.
        ssl_root_cert: PEM of the authorities to trust for ``verify-ca`` and ``verify-full``; None: the public ones.
    """

    connector_type: ConnectorType
    host: str
    port: int
    database: str
    username: str
    password: str = field(repr=False)
    ssl_mode: SslMode = "prefer"
    ssl_root_cert: str | None = field(default=None, repr=False)

    @classmethod
    def parse(cls, connector_type: str, values: Mapping[str, Any]) -> Credentials:
        """Check what a caller or a secret says.

        Raises:
            InvalidRequest: one sentence that names the missing, unknown or ill-typed field, never its value.
        """
        kind = parse_connector_type(connector_type)
        unknown = sorted(set(values) - set(_FIELDS))
        if unknown:
            raise _refused(unknown[0], f"is not a known field; known are {', '.join(_FIELDS)}")
        if kind == "sqlite":
            return cls(kind, "", 0, _text(values, "database"), "", "")
        return cls(
            kind,
            _host(values),
            _port(values, DEFAULT_PORTS[kind]),
            _text(values, "database"),
            _text(values, "username"),
            _text(values, "password", may_be_empty=True),
            _ssl_mode(values),
            _ssl_root_cert(values),
        )


def parse_connector_type(value: object) -> ConnectorType:
    """The connector a request names.

    Raises:
        InvalidRequest: there is none of that name.
    """
    if isinstance(value, str) and value in get_args(ConnectorType):
        return cast("ConnectorType", value)
    raise InvalidRequest(
        f"Unknown connector_type {value!r}. Use one of {', '.join(get_args(ConnectorType))}.",
        code="unknown_connector",
        errors={"connector_type": ["Unknown connector type."]},
    )


def _text(values: Mapping[str, Any], name: str, *, may_be_empty: bool = False) -> str:
    if values.get(name) is None:
        raise _refused(name, "is missing")
    value = values[name]
    if not isinstance(value, str):
        raise _refused(name, "must be a string")
    if not value and not may_be_empty:
        raise _refused(name, "is empty")
    if "\0" in value:
        raise _refused(name, "contains a NUL character, which no server accepts")
    return value


def _host(values: Mapping[str, Any]) -> str:
    host = _text(values, "host")
    if _HOST_NAME.fullmatch(host) or _is_address(host):
        return host
    raise _refused("host", "must be one plain host name or address: no scheme, port, path, list or space")


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return "%" not in host


def _port(values: Mapping[str, Any], default: int) -> int:
    value = values.get("port")
    if value is None:
        return default
    if isinstance(value, str) and re.fullmatch("[0-9]{1,5}", value):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 65535:
        raise _refused("port", "must be a whole number from 1 to 65535")
    return value


def _ssl_mode(values: Mapping[str, Any]) -> SslMode:
    value = values.get("ssl_mode")
    if value is None:
        return "prefer"
    if isinstance(value, str) and value in get_args(SslMode):
        return cast("SslMode", value)
    raise _refused("ssl_mode", f"must be one of {', '.join(get_args(SslMode))}")


def _ssl_root_cert(values: Mapping[str, Any]) -> str | None:
    if values.get("ssl_root_cert") is None:
        return None
    pem = _text(values, "ssl_root_cert")
    try:
        ssl.create_default_context(cadata=pem)
    except (ssl.SSLError, ValueError):
        raise _refused("ssl_root_cert", "is not a readable PEM certificate") from None
    return pem


def _refused(name: str, why: str) -> InvalidRequest:
    sentence = f"credentials.{name} {why}."
    return InvalidRequest(sentence, code="invalid_credentials", errors={f"credentials.{name}": [sentence]})
