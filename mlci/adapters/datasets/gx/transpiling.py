"""SELECTs in DuckDB's SQL for databases and Spark: by sqlglot, and what it leaves as it is."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from mlci.adapters.datasets.gx.regexes import Flavour, translated

# A date that exists, from the year 0 to 9999: PostgreSQL has no cast that gives NULL for another one.
_LEAP = r"(?:\d\d(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)-02-29"
_DATE = (
    r"(?:\d{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12]\d|3[01])|(?:0[469]|11)-(?:0[1-9]|[12]\d|30)"
    rf"|02-(?:0[1-9]|1\d|2[0-8]))|{_LEAP})"
)
_TIME = r"(?:[T ](?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d{1,9})?)?Z?)?"
_CASTABLE = {
    "BIGINT": r"^\s*[+-]?\d{1,18}\s*$",
    "INT": r"^\s*[+-]?\d{1,9}\s*$",
    "DOUBLE": r"^\s*[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?0*[12]?\d{1,2})?\s*$",
    "BOOLEAN": r"^\s*(?:[Tt][Rr][Uu][Ee]|[Ff][Aa][Ll][Ss][Ee]|[tTfF01])\s*$",
    "DATE": rf"^\s*{_DATE}\s*$",
    "TIMESTAMP": rf"^\s*{_DATE}{_TIME}\s*$",
}
# Of sqlglot's dialects, those whose regular expressions we know how to write.
_FLAVOURS: dict[str, Flavour] = {"postgres": "postgres", "spark": "java"}


def quoted(name: str, dialect: str) -> str:
    """The name of a column or relation."""
    from sqlglot import exp

    return exp.to_identifier(name, quoted=True).sql(dialect)


def literal(text: str, dialect: str) -> str:
    """A text; a NUL, which no engine takes, is left out."""
    from sqlglot import exp

    return exp.Literal.string(text.replace("\0", "")).sql(dialect)


def transpiled(sql: str, dialect: str, relations: Mapping[str, str] | None = None) -> str:
    """A SELECT in another dialect.

    Args:
        sql: in DuckDB's dialect.
        dialect: sqlglot's name of the other one.
        relations: queries in the other dialect behind the names of relations; they become common table expressions
            where the SELECT speaks of them.

    Raises:
        SqlError: it cannot be read, or says something that has no counterpart there.
    """
    text, tables = _transpiled(sql, dialect)
    named = [f"{name} AS (\n{query}\n)" for name, query in (relations or {}).items() if name in tables]
    if not named:
        return text
    inner = text[5:] if text[:5].upper() == "WITH " else None
    return "WITH " + ", ".join(named) + (f", {inner}" if inner is not None else f" {text}")


class SqlError(Exception):
    """A query that cannot be written in another dialect; the message says why, on one line."""


@lru_cache(maxsize=1024)
def _transpiled(sql: str, dialect: str) -> tuple[str, frozenset[str]]:
    import sqlglot
    from sqlglot.errors import SqlglotError

    try:
        trees = sqlglot.parse(sql, read="duckdb")
        if len(trees) != 1 or trees[0] is None:
            raise SqlError("it is not one SELECT")
        tree: Any = trees[0]
        tables = frozenset(one.name for one in tree.find_all(sqlglot.exp.Table) if not one.db)
        tree = tree.transform(lambda node: _rewritten(node, dialect))
        return tree.sql(dialect, unsupported_level=sqlglot.ErrorLevel.RAISE), tables
    except (SqlglotError, ValueError) as error:
        raise SqlError(" ".join(str(error).split())[:240]) from error


def _rewritten(node: Any, dialect: str) -> Any:
    from sqlglot import exp

    if isinstance(node, exp.RegexpLike | exp.RegexpFullMatch):
        return _matching(node, dialect)
    if isinstance(node, exp.IsNan) and dialect != "spark":
        return exp.EQ(this=exp.cast(node.this, "double"), expression=exp.cast(exp.Literal.string("NaN"), "double"))
    if isinstance(node, exp.IsInf) and dialect != "duckdb":
        far = [exp.cast(exp.Literal.string(one), "double") for one in ("Infinity", "-Infinity")]
        return exp.In(this=exp.cast(node.this, "double"), expressions=far)
    if isinstance(node, exp.DataType) and node.this.name in ("INT128", "UINT128"):
        return exp.DataType.build("decimal(38, 0)")
    if isinstance(node, exp.Anonymous):
        return _called(node, dialect)
    if isinstance(node, exp.From | exp.Join) and isinstance(node.this, exp.Subquery) and not node.this.alias:
        # PostgreSQL wants a name for it before version 16.
        node.this.set("alias", exp.TableAlias(this=exp.to_identifier("unnamed")))
    if isinstance(node, exp.ApproxDistinct):
        return exp.Count(this=exp.Distinct(expressions=[node.this]))
    if dialect == "postgres":
        return _for_postgres(node)
    if dialect == "spark":
        return _for_spark(node)
    return node


def _for_postgres(node: Any) -> Any:
    from sqlglot import exp

    if isinstance(node, exp.TryCast):
        return _tried(node)
    if isinstance(node, exp.Round) and node.args.get("decimals"):
        node.set("this", exp.cast(node.this, "decimal"))
    return node


def _called(node: Any, dialect: str) -> Any:
    """A function that sqlglot does not know."""
    from sqlglot import exp

    name = node.name.lower()
    if name == "fsum":
        return exp.Sum(this=node.expressions[0])
    if name == "strlen":
        return exp.Anonymous(this="octet_length", expressions=node.expressions)
    if name == "regexp_full_match":
        return _full(node.expressions[0], node.expressions[1], dialect)
    return node


def _matching(node: Any, dialect: str) -> Any:
    from sqlglot import exp

    options = node.args.get("flag")
    pattern: Any = node.expression
    if isinstance(pattern, exp.Literal) and options is not None:
        pattern = exp.Literal.string(f"(?{options.name}){pattern.name}")
    if isinstance(node, exp.RegexpFullMatch):
        return _full(node.this, pattern, dialect)
    return exp.RegexpLike(this=node.this, expression=_pattern(pattern, dialect))


def _full(text: Any, pattern: Any, dialect: str) -> Any:
    from sqlglot import exp

    if not isinstance(pattern, exp.Literal):
        raise ValueError("a pattern must be a literal text")
    whole = exp.Literal.string(f"^(?:{pattern.name})$")
    return exp.RegexpLike(this=text, expression=_pattern(whole, dialect))


def _pattern(pattern: Any, dialect: str) -> Any:
    from sqlglot import exp

    if not isinstance(pattern, exp.Literal):
        raise ValueError("a pattern must be a literal text")
    flavour = _FLAVOURS.get(dialect)
    return exp.Literal.string(translated(pattern.name, flavour)) if flavour is not None else pattern


def _tried(node: Any) -> Any:
    """A cast that gives NULL for a text which is no such value, in PostgreSQL, whose cast fails."""
    from sqlglot import exp

    kind = node.to.this.name
    castable = _CASTABLE.get("TIMESTAMP" if kind.startswith("TIMESTAMP") else kind)
    plain = exp.Cast(this=node.this.copy(), to=node.to.copy())
    if castable is None:
        return plain
    text = exp.cast(node.this.copy(), "text")
    fits = exp.RegexpLike(this=text, expression=exp.Literal.string(castable))
    # Through a text, so that it is the same whatever the type was.
    return exp.Case(ifs=[exp.If(this=fits, true=exp.Cast(this=text.copy(), to=node.to.copy()))])


def _for_spark(node: Any) -> Any:
    from sqlglot import exp

    if isinstance(node, exp.PercentileDisc | exp.PercentileCont) and node.expression:
        shares = node.expression.expressions if isinstance(node.expression, exp.Array) else None
        name = "percentile_disc" if isinstance(node, exp.PercentileDisc) else "percentile_cont"
        if shares is None:
            return _within(name, node.this, node.expression)
        return exp.Array(expressions=[_within(name, node.this, share) for share in shares])
    if isinstance(node, exp.Extract | exp.TimeToUnix) and _is_epoch(node):
        of = node.expression if isinstance(node, exp.Extract) else node.this
        return exp.cast(exp.cast(of.copy(), "timestamp"), "double")
    return node


def _is_epoch(node: Any) -> bool:
    from sqlglot import exp

    return isinstance(node, exp.TimeToUnix) or node.name.lower() == "epoch"


def _within(name: str, value: Any, share: Any) -> Any:
    from sqlglot import exp

    ordered = exp.Order(expressions=[exp.Ordered(this=value.copy())])
    return exp.WithinGroup(this=exp.Anonymous(this=name, expressions=[share.copy()]), expression=ordered)


def only_reads(sql: str, relations: set[str]) -> None:
    """Make sure that a query of a contract is one SELECT that reads nothing but these relations.

    Raises:
        SqlError: it is not.
    """
    import sqlglot
    from sqlglot import exp
    from sqlglot.errors import SqlglotError

    try:
        trees = [one for one in sqlglot.parse(sql, read="duckdb") if one is not None]
    except SqlglotError as error:
        raise SqlError(" ".join(str(error).split())[:240]) from error
    if len(trees) != 1 or not isinstance(trees[0], exp.Query):
        raise SqlError("it is not one SELECT")
    known = relations | {one.alias for one in trees[0].find_all(exp.CTE)}
    for table in trees[0].find_all(exp.Table):
        if table.db or table.name not in known:
            raise SqlError(f"it reads {table.name[:60] or 'what a function gives'}, which is none of the datasets")
