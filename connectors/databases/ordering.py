"""The order of a query's rows, for servers that forget it when the query is put inside another one."""

from __future__ import annotations

from sqlglot.dialects.dialect import Dialect
from sqlglot.tokenizer_core import Token, TokenType

_ALL_ROWS = 18446744073709551615


def keeping_order(query: str) -> str:
    """A MySQL query whose own ORDER BY is obeyed in a derived table too: there it needs a LIMIT."""
    depth, outermost = 0, []
    tokens = Dialect.get_or_raise("mysql").tokenize(query)
    for token in tokens:
        depth += (token.token_type == TokenType.L_PAREN) - (token.token_type == TokenType.R_PAREN)
        # What begins with a parenthesis may stand in it as a whole.
        if _is_order(token) and (depth == 0 or tokens[0].token_type == TokenType.L_PAREN):
            outermost.append(TokenType.ORDER_BY)
        elif depth == 0:
            outermost.append(token.token_type)
    if TokenType.ORDER_BY not in outermost or {TokenType.LIMIT, TokenType.FETCH} & set(outermost):
        return query
    return f"{query}\nLIMIT {_ALL_ROWS}"


def _is_order(token: Token) -> bool:
    """An ORDER BY, or its first word where a comment stands between the two."""
    is_word = token.token_type == TokenType.VAR and token.text.upper() == "ORDER"
    return is_word or token.token_type == TokenType.ORDER_BY
