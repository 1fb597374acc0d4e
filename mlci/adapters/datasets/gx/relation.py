"""A query of a user's as a relation: one SELECT, and nothing after it."""

from __future__ import annotations

import re

from mlci.errors import OutOfRange, Place

# Whoever reads data for a check changes nothing, even where the database would let them.
_BIND = re.compile(r"(?<![:\w$]):(?=[\w$])|\\:")
# What sqlglot calls the words in which a sign is only a sign.
_QUOTED = ("STRING", "IDENTIFIER", "HEREDOC_STRING", "RAW_STRING", "NATIONAL_STRING", "BYTE_STRING")
_FORBIDDEN = ("Insert", "Update", "Delete", "Merge", "Into", "Create", "Drop", "Alter", "Copy", "Command", "Lock")


def one_select(query: str, dialect: str, name: str) -> str:
    """The query as it can stand in parentheses, without comments.

    Raises:
        OutOfRange: it is not one SELECT.
    """
    import sqlglot
    from sqlglot import exp
    from sqlglot.errors import SqlglotError

    try:
        found = [one for one in sqlglot.parse(query, read=dialect) if one is not None]
    except SqlglotError:
        raise _refused(name, "it is not understood as SQL") from None
    if len(found) != 1 or not isinstance(found[0], exp.Query):
        raise _refused(name, "it must be one SELECT")
    kinds = tuple(getattr(exp, each) for each in _FORBIDDEN)
    if any(True for _ in found[0].find_all(*kinds)):
        raise _refused(name, "it must read only: it writes, or locks rows")
    return without_comments(query, dialect).rstrip("; \n\t")


def without_comments(query: str, dialect: str) -> str:
    """The words of a query as they stand there, without the comments between them."""
    from sqlglot.dialects.dialect import Dialect

    parts: list[str] = []
    end = -1
    for token in Dialect.get_or_raise(dialect).tokenize(query):
        parts.append(" " * (token.start > end + 1) + query[token.start : token.end + 1])
        end = token.end
    return "".join(parts).strip()


def without_percent(sql: str, dialect: str, name: str) -> str:
    """A query without the operator %, which pg8000 takes for the sign of a parameter where there are others.

    Raises:
        OutOfRange: it has another operator with that sign.
    """
    if not _percent(sql, dialect):
        return sql
    import sqlglot
    from sqlglot import exp

    tree = sqlglot.parse_one(sql, read=dialect)
    modulo = tree.transform(
        lambda node: (
            exp.Anonymous(this="mod", expressions=[node.this.unnest(), node.expression.unnest()])
            if isinstance(node, exp.Mod)
            else node
        )
    )
    written = modulo.sql(dialect)
    if _percent(written, dialect):
        raise _refused(name, "it has an operator with the sign %")
    return written


def without_binds(sql: str) -> str:
    """A query of PostgreSQL for SQLAlchemy, which takes a colon with a name for a parameter, also inside of a text."""
    from sqlglot.dialects.dialect import Dialect

    parts: list[str] = []
    end = 0
    for token in Dialect.get_or_raise("postgres").tokenize(sql) if _BIND.search(sql) else ():
        word = sql[token.start : token.end + 1]
        if not _BIND.search(word):
            continue
        if token.token_type.name == "STRING" and word[:1] == "'":
            text = token.text.replace("\\", r"\x5c").replace(":", r"\x3a").replace("'", "''")
            parts += [sql[end : token.start], f"E'{text}'"]
            end = token.end + 1
        elif token.token_type.name == "IDENTIFIER" and word[:1] == '"':
            text = token.text.replace("\\", "\\\\").replace(":", r"\003a").replace('"', '""')
            parts += [sql[end : token.start], f'U&"{text}"']
            end = token.end + 1
    return "".join([*parts, sql[end:]])


def _percent(sql: str, dialect: str) -> bool:
    """Whether a query has the sign % outside of quotes."""
    if "%" not in sql:
        return False
    from sqlglot.dialects.dialect import Dialect

    tokens = Dialect.get_or_raise(dialect).tokenize(sql)
    return any("%" in sql[one.start : one.end + 1] for one in tokens if one.token_type.name not in _QUOTED)


def _refused(name: str, why: str) -> OutOfRange:
    return OutOfRange(f"the query of {name} cannot be used: {why}", place=Place("mlci.yml"), help="write one SELECT")
