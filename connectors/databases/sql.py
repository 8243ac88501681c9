"""The statement guard: one statement that only reads, or a refusal that says what was found.

It is the first of two fences: sessions are read-only as well. It works on the dialect's tokens, so strings, quoted
names and comments cannot hide or feign a keyword, and asks sqlglot's parser for a second opinion where that
understands the statement. What only the server can judge (syntax, names) is left to the server and its own sentence.
"""

from __future__ import annotations

import re

import sqlglot
from sqlglot import exp
from sqlglot.dialects.dialect import Dialect
from sqlglot.errors import SqlglotError
from sqlglot.tokenizer_core import Token, TokenType

from connectors.databases.sql_functions import side_effect
from connectors.errors import InvalidRequest

DIALECTS = {"postgresql": "postgres", "mysql": "mysql", "sqlite": "sqlite"}
_MAX_CHARACTERS = 1_000_000
_STARTS = {"SELECT", "WITH", "VALUES", "TABLE", "("}
_CHANGES = {"INSERT", "UPDATE", "DELETE", "MERGE", "REPLACE", "UPSERT"}
_NOT_A_STATEMENT = {")", ",", ".", "(", "=", "<", ">", "+", "-", "*", "/", "::", "AS", "FROM", "<EOF>"}
_LOCKS = {"UPDATE", "SHARE", "NO", "KEY"}
# Between tokens only comments stand: as the server delimits them, neither nested nor -- without a space in MySQL.
_COMMENTS = {
    "mysql": re.compile(r"/\*.*?\*/|#[^\n]*|--(?=\s|\Z)[^\n]*", re.DOTALL),
    "sqlite": re.compile(r"/\*.*?(\*/|\Z)|--[^\n]*", re.DOTALL),
}
_NEVER = re.compile(r"(?!)")
_EXECUTABLE = {"mysql": re.compile(r"/\*M?!", re.IGNORECASE), "postgresql": _NEVER, "sqlite": _NEVER}
_WRITES = (exp.Insert, exp.Update, exp.Delete, exp.Merge, exp.Create, exp.Drop, exp.Alter, exp.Copy, exp.Into, exp.Lock)
_TEXTS = {
    TokenType.STRING,
    TokenType.NATIONAL_STRING,
    TokenType.RAW_STRING,
    TokenType.HEREDOC_STRING,
    TokenType.BYTE_STRING,
    TokenType.HEX_STRING,
    TokenType.BIT_STRING,
    TokenType.UNICODE_STRING,
}


def checked_statement(sql: str, connector_type: str) -> str:
    """The one reading statement in ``sql``, without what surrounds it (comments, a trailing semicolon).

    Raises:
        InvalidRequest: ``query_not_allowed``, in one sentence that says what was found.
    """
    if not sql.strip():
        raise InvalidRequest("The query is empty.", code="query_not_allowed")
    if "\0" in sql or len(sql) > _MAX_CHARACTERS:
        raise _refusal(f"a NUL character or more than {_MAX_CHARACTERS:,} characters")
    tokens = _tokens(sql, connector_type)
    while tokens and tokens[-1].token_type == TokenType.SEMICOLON:
        tokens.pop()
    if not tokens:
        raise InvalidRequest("The query is empty.", code="query_not_allowed")
    _check_shape(tokens)
    statement = sql[tokens[0].start : tokens[-1].end + 1]
    _check_comments(tokens, sql, connector_type)
    if connector_type == "postgresql":
        _check_continued_strings(tokens, sql)
    _check_words(tokens, sql, connector_type)
    _check_tree(statement, connector_type)
    return statement


def _refusal(found: str) -> InvalidRequest:
    return InvalidRequest(
        f"The query contains {found}: only one statement that reads (SELECT, WITH, VALUES or TABLE) is allowed.",
        code="query_not_allowed",
    )


def _tokens(sql: str, connector_type: str) -> list[Token]:
    try:
        return Dialect.get_or_raise(DIALECTS[connector_type]).tokenize(sql)
    except SqlglotError:
        raise InvalidRequest(
            "The query cannot be read: a string, quoted name or comment in it does not end.", code="query_failed"
        ) from None


def _check_comments(tokens: list[Token], sql: str, connector_type: str) -> None:
    """What sqlglot takes for a comment must be one to the server too: MySQL runs ``/*! … */``; ``--1`` is a number."""
    start = 0
    for token in tokens:
        _check_gap(sql[start : token.start], connector_type)
        start = token.end + 1
    _check_gap(sql[start:].replace(";", " "), connector_type)


def _check_gap(gap: str, connector_type: str) -> None:
    if _EXECUTABLE[connector_type].search(gap):
        raise _refusal("an executable comment (/*! … */)")
    if connector_type == "postgresql":
        return  # Nested comments, and -- always a comment: sqlglot reads PostgreSQL as PostgreSQL does.
    if _COMMENTS[connector_type].sub("", gap).strip():
        raise _refusal("a comment that the server would read as SQL")


def _check_continued_strings(tokens: list[Token], sql: str) -> None:
    """An E'…' that goes on on another line keeps its backslash escapes there; sqlglot sees a plain string."""
    escapes = False
    for token in tokens:
        continues = escapes and token.token_type == TokenType.STRING
        if continues and "\\" in sql[token.start : token.end + 1]:
            raise _refusal("a backslash in the continuation of an E'…' string")
        escapes = continues or token.token_type == TokenType.BYTE_STRING


def _check_shape(tokens: list[Token]) -> None:
    if any(token.token_type == TokenType.SEMICOLON for token in tokens):
        raise _refusal("more than one statement")
    start = tokens[0].text.upper()
    if start not in _STARTS or _is_quoted(tokens[0]):
        raise _refusal(f"a statement that starts with {start[:40]}")


def _is_quoted(token: Token) -> bool:
    return token.token_type in _TEXTS or token.token_type == TokenType.IDENTIFIER


def _check_words(tokens: list[Token], sql: str, connector_type: str) -> None:
    words = ["" if _is_quoted(token) else token.text.upper() for token in tokens] + ["<EOF>", "<EOF>"]
    for place, token in enumerate(tokens):
        following = words[place + 1]
        if following == "(" and side_effect(token.text, connector_type):
            raise _refusal(f"the function {token.text.lower()}, which has effects beyond reading")
        before = words[place - 1] if place else "("
        if found := _clause(words[place], before, following, words[place + 2]):
            raise _refusal(found)
        if words[place] == "U" and following == "&" and sql[token.end + 1 : token.end + 3] == '&"':
            raise _refusal('a name in U&"…" escapes')


def _clause(word: str, before: str, following: str, after: str) -> str | None:
    if word in _CHANGES and before in {"(", ")"} and following not in _NOT_A_STATEMENT:
        return f"a data-changing {word}"
    if word == "INTO":
        return "INTO, which writes a table, a file or a variable"
    if word == "FOR" and following in _LOCKS:
        return "a locking clause (FOR UPDATE, FOR SHARE)"
    if word == "LOCK" and following == "IN":
        return "a locking clause (LOCK IN SHARE MODE)"
    if word == "NEXT" and following == "VALUE" and after == "FOR":
        return "NEXT VALUE FOR, which changes a sequence"
    return None


def _check_tree(statement: str, connector_type: str) -> None:
    try:
        trees = sqlglot.parse(statement, dialect=DIALECTS[connector_type])
    except (SqlglotError, RecursionError):
        return  # The parser does not know every legal syntax; the tokens have been checked and the server will judge.
    if len(trees) != 1:
        raise _refusal("more than one statement")
    for node in trees[0].walk() if trees[0] is not None else ():
        if isinstance(node, _WRITES):
            raise _refusal(f"{type(node).__name__.upper()}, which does more than read")
