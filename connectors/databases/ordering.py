"""The order of a query's rows, for servers that forget it when the query is put inside another one."""

from __future__ import annotations

from sqlglot.dialects.dialect import Dialect
from sqlglot.tokenizer_core import TokenType

_ALL_ROWS = 18446744073709551615


def keeping_order(query: str) -> str:
    """A MySQL query whose own ORDER BY is obeyed in a derived table too: there it needs a LIMIT."""
    depth, outermost = 0, []
    for token in Dialect.get_or_raise("mysql").tokenize(query):
        depth += (token.token_type == TokenType.L_PAREN) - (token.token_type == TokenType.R_PAREN)
        if depth == 0:
            outermost.append(token.token_type)
    if TokenType.ORDER_BY not in outermost or {TokenType.LIMIT, TokenType.FETCH} & set(outermost):
        return query
    return f"{query}\nLIMIT {_ALL_ROWS}"
