"""Credentials: any password, default ports, and a sentence that names the field but never its value."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.databases.credentials import Credentials
from connectors.errors import InvalidRequest
from tests.databases.certificates import Authority

GOOD = {"host": "db.example.com", "database": "shop", "username": "reader", "password": "s3cret!"}


def parse(connector_type: str = "postgresql", **changes: Any) -> Credentials:
    fields = {name: value for name, value in {**GOOD, **changes}.items() if value is not ...}
    return Credentials.parse(connector_type, fields)


@pytest.mark.parametrize(("kind", "port"), [("postgresql", 5432), ("mysql", 3306)])
def test_the_port_may_be_left_out(kind: str, port: int) -> None:
    assert (parse(kind).port, parse(kind, port=None).port, parse(kind, port=7000).port) == (port, port, 7000)
    assert parse(kind, port="7001").port == 7001


def test_the_defaults_are_libpqs() -> None:
    assert (parse().ssl_mode, parse().ssl_root_cert) == ("prefer", None)


@given(password=st.text(st.characters(exclude_characters="\0", codec="utf-8")))
def test_any_password_is_taken_as_it_is_and_never_shown(password: str) -> None:
    credentials = parse(password=f"<{password}>")
    assert credentials.password == f"<{password}>"
    assert f"<{password}>" not in repr(credentials)


@pytest.mark.parametrize("host", ["db", "db.example.com", "10.0.0.5", "::1", "2001:db8::7", "a-b_c.internal", "host."])
def test_plain_hosts_are_accepted(host: str) -> None:
    assert parse(host=host).host == host


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"host": ...}, "host"),
        ({"database": ...}, "database"),
        ({"username": ...}, "username"),
        ({"password": ...}, "password"),
        ({"username": ""}, "username"),
        ({"password": 12345}, "password"),
        ({"password": "a\0b"}, "password"),
        ({"host": "db.example.com:5432"}, "host"),
        ({"host": "https://db.example.com"}, "host"),
        ({"host": "/var/run/postgresql"}, "host"),
        ({"host": "one,two"}, "host"),
        ({"host": "db example"}, "host"),
        ({"host": "user@db"}, "host"),
        ({"host": "fe80::1%eth0"}, "host"),
        ({"host": "db\n"}, "host"),
        ({"port": 0}, "port"),
        ({"port": 65536}, "port"),
        ({"port": True}, "port"),
        ({"port": 5432.0}, "port"),
        ({"port": "54x"}, "port"),
        ({"ssl_mode": "yes"}, "ssl_mode"),
        ({"ssl_root_cert": "not a certificate"}, "ssl_root_cert"),
        ({"ssl_root_cert": "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"}, "ssl_root_cert"),
        ({"sslmode": "require"}, "sslmode"),
        ({"options": "-c x=y"}, "options"),
    ],
)
def test_a_bad_field_is_named_and_its_value_is_not(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        parse(**changes)
    assert caught.value.message.startswith(f"credentials.{field} ")
    assert list(caught.value.errors) == [f"credentials.{field}"]
    assert "s3cret!" not in caught.value.message
    assert "12345" not in caught.value.message


def test_a_certificate_is_accepted() -> None:
    pem = Authority("mine").pem
    assert parse(ssl_root_cert=pem).ssl_root_cert == pem


@pytest.mark.parametrize("kind", ["oracle", "", None, 5, ["mysql"]])
def test_an_unknown_connector_is_refused(kind: Any) -> None:
    with pytest.raises(InvalidRequest, match="Use one of postgresql, mysql, sqlite"):
        Credentials.parse(kind, GOOD)


def test_sqlite_needs_only_a_file() -> None:
    assert Credentials.parse("sqlite", {"database": "shop.db"}).database == "shop.db"
    with pytest.raises(InvalidRequest, match=r"credentials\.database is missing"):
        Credentials.parse("sqlite", {})
