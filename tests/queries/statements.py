"""What a Citus coordinator can hand to its workers whole: the rules, told from a statement's text.

A table is distributed by a column, or it is a reference table, a copy of which lies on every node. A statement that
breaks a rule is refused by Citus, or it carries rows to the coordinator, which then does the work alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property

import sqlglot
from sqlglot import exp
from sqlglot.optimizer.scope import Scope, traverse_scope

from tests.queries.company import ROOT

SYNTAX = {"coalesce", "nullif", "greatest", "least"}
"""Look like functions and are part of the language."""
WORKERS_HAVE = {"count", "left", "max", "min", "round", "sum", "timezone", "to_date", "to_timestamp"} | SYNTAX
"""What statements over distributed tables may call: built into PostgreSQL 14 to 18, the same on every node."""
COORDINATOR_HAS = WORKERS_HAVE | {"current_database", "now", "pg_control_system", "pg_try_advisory_xact_lock"}
"""What statements may call that read no distributed table."""
SYSTEM_COLUMNS = {"ctid", "xmin", "xmax", "cmin", "cmax", "tableoid"}
PROPAGATE = "SET LOCAL citus.propagate_set_commands = 'local'"

_NO_CALL = (exp.Cast, exp.Case, exp.If, exp.Connector, exp.Exists, exp.RegexpLike)
_WRITTEN = {exp.CurrentTimestamp: "now"}
_MERGED = (exp.Count, exp.Min, exp.Max, exp.Sum)


@dataclass(frozen=True)
class Layout:
    """How tables lie on a cluster: by which column each distributed one is; the others are reference tables."""

    distributed: dict[str, str] = field(default_factory=dict)


def distribution() -> list[str]:
    """The statements that docs/scaling.md gives to distribute the demo company."""
    text = (ROOT / "docs" / "scaling.md").read_text(encoding="utf-8")
    return re.findall(r"^(?:SELECT create_|DELETE FROM )[^;]+;", text, re.MULTILINE)


@dataclass(frozen=True)
class Statement:
    """One statement, taken apart, over tables that lie like this."""

    sql: str
    layout: Layout

    @cached_property
    def tree(self) -> exp.Expression:
        return sqlglot.parse_one(self.sql, dialect="postgres")

    @cached_property
    def scopes(self) -> list[Scope]:
        return traverse_scope(self.tree) if isinstance(self.tree, exp.Query) else []

    @cached_property
    def spread(self) -> list[Scope]:
        """Its SELECTs, from the inside out, that read a distributed table."""
        return [scope for scope in self.scopes if self.reads(scope)]

    def reads(self, source: exp.Expression | Scope) -> bool:
        """Whether a table or a SELECT is distributed, or reads what is, however deep."""
        if isinstance(source, Scope):
            inner = [*(found for _, found in source.selected_sources.values()), *(source.set_operation_scopes or [])]
            return any(self.reads(found) for found in (*inner, *(source.subquery_scopes or [])))
        return isinstance(source, exp.Table) and name_of(source) in self.layout.distributed

    def places_rows(self, scope: Scope, column: exp.Expression) -> bool:
        """Whether an expression is a distribution column itself, through whatever SELECTs it came: no cast of it."""
        if not isinstance(column, exp.Column):
            return False
        sources = {name: found for name, (_, found) in scope.selected_sources.items()}
        if not column.table and len(sources) != 1:
            return False  # whose it is cannot be told
        source = sources.get(column.table) if column.table else next(iter(sources.values()))
        if isinstance(source, Scope):
            return any(self.places_rows(source, found) for found in selected(source, column.name))
        return isinstance(source, exp.Table) and self.layout.distributed.get(name_of(source)) == column.name


def name_of(table: exp.Table) -> str:
    """``schema.table``, or the table where no schema is written."""
    return f"{table.db}.{table.name}" if table.db else table.name


def selected(scope: Scope, name: str) -> Iterator[exp.Expression]:
    """What a SELECT gives under a name; through ``*`` the column of that name."""
    if not isinstance(scope.expression, exp.Select):
        return
    for item in scope.expression.expressions:
        if item.is_star:
            yield exp.column(name, table=item.table if isinstance(item, exp.Column) else None)
        elif item.alias_or_name == name:
            yield item.unalias()


def groups(select: exp.Select) -> list[exp.Expression]:
    """What a SELECT groups by; its own columns where it counts them."""
    found = select.args["group"].expressions if select.args.get("group") else []
    return [select.expressions[int(item.name) - 1].unalias() if item.is_int else item for item in found]


# --- the rules: each says what is wrong ---------------------------------------------------------------------------


def only_reads(statement: Statement) -> Iterator[str]:
    """A SELECT that changes nothing, locks nothing, and calls itself nowhere."""
    tree = statement.tree
    if not isinstance(tree, exp.Query):
        yield f"{type(tree).__name__} is no SELECT"
    for kind in (exp.Insert, exp.Update, exp.Delete, exp.Merge, exp.Into, exp.Lock):
        if tree.find(kind):
            yield f"it holds {kind.__name__.upper()}"
    if any(found.args.get("recursive") for found in tree.find_all(exp.With)):
        yield "WITH RECURSIVE runs on a single node only"


def groups_by_account(statement: Statement) -> Iterator[str]:
    """GROUP BY holds the distribution column itself, so that every group lies on one worker whole."""
    for scope in statement.spread:
        select = scope.expression
        if not isinstance(select, exp.Select) or not select.args.get("group"):
            continue
        if any(select.args["group"].args.get(kind) for kind in ("grouping_sets", "cube", "rollup")):
            yield "grouping sets run on a single node only"
        elif not any(statement.places_rows(scope, item) for item in groups(select)):
            yield f"GROUP BY {', '.join(map(str, groups(select)))} holds no distribution column itself"


def aggregates_merge(statement: Statement) -> Iterator[str]:
    """Without GROUP BY: only what workers count apart and the coordinator adds up, in the outermost SELECT."""
    for scope in statement.spread:
        if isinstance(scope.expression, exp.Select) and scope.expression.args.get("group"):
            continue
        for found in scope.find_all(exp.AggFunc):
            if not isinstance(found, _MERGED) or found.find(exp.Distinct, exp.Order):
                yield f"{found.sql('postgres')} does not add up from what each worker has"
            elif not scope.is_root:
                yield f"{found.sql('postgres')} of everything is needed before the rest of the statement can run"


def joins_on_account(statement: Statement) -> Iterator[str]:
    """Distributed tables meet on their distribution columns; a reference table is never the side that is kept."""
    for scope in statement.spread:
        select = scope.expression
        if not isinstance(select, exp.Select):
            continue
        sources = {name: found for name, (_, found) in scope.selected_sources.items()}
        first = select.args["from_"].this.alias_or_name
        before = [first]
        for join in select.args.get("joins") or []:
            name = join.this.alias_or_name
            yield from _joined(statement, scope, join, [sources.get(item) for item in before], sources.get(name))
            before.append(name)


def _joined(
    statement: Statement, scope: Scope, join: exp.Join, before: list[Scope | exp.Table | None], new: Scope | exp.Table
) -> Iterator[str]:
    left, right = any(statement.reads(found) for found in before if found is not None), statement.reads(new)
    if left and right and not _on_account(statement, scope, join):
        yield f"{join.sql('postgres').strip()} is not on the distribution columns"
    if (join.side in ("LEFT", "FULL") and right and not left) or (
        join.side in ("RIGHT", "FULL") and left and not right
    ):
        yield f"{join.sql('postgres').strip()} keeps rows of a reference table, which every worker would keep"


def _on_account(statement: Statement, scope: Scope, join: exp.Join) -> bool:
    condition = join.args.get("on")
    for test in condition.flatten() if isinstance(condition, exp.And) else [condition]:
        sides = [test.this, test.expression] if isinstance(test, exp.EQ) else []
        tables = {side.table for side in sides if isinstance(side, exp.Column)}
        if len(tables) == 2 and all(statement.places_rows(scope, side) for side in sides):
            return True
    return False


def correlates_nothing(statement: Statement) -> Iterator[str]:
    """No SELECT inside an expression that looks at distributed rows, its own or those around it; no LATERAL."""
    if not statement.spread:
        return
    if statement.tree.find(exp.Lateral):
        yield "LATERAL runs once for each row"
    for scope in statement.scopes:
        if not scope.is_subquery:
            continue
        if statement.reads(scope):
            yield f"({scope.expression.sql('postgres')}) reads a distributed table inside an expression"
        own = set(scope.selected_sources)
        if any(column.table not in own for column in scope.columns):
            yield f"({scope.expression.sql('postgres')}) may look at the rows around it"


def calls_what_workers_have(statement: Statement) -> Iterator[str]:
    """Functions and types that are built in, and the same on every node."""
    known = WORKERS_HAVE if statement.spread else COORDINATOR_HAS
    for call in statement.tree.find_all(exp.Func):
        if isinstance(call, _NO_CALL):
            continue
        found = re.match(r"(\w+)\(", call.sql("postgres"))
        name = found[1].lower() if found else _WRITTEN.get(type(call), type(call).__name__)
        if isinstance(call.parent, exp.Dot) or name not in known:
            yield f"{name}() is none of the functions that every worker has"
    for kind in statement.tree.find_all(exp.DataType):
        if kind.this == exp.DataType.Type.USERDEFINED:
            yield f"{kind.sql('postgres')} is no type that every worker has"


def pulls_no_rows(statement: Statement) -> Iterator[str]:
    """Nothing that needs all rows in one place before the statement can go on; at its end, no more than a LIMIT."""
    for scope in statement.spread:
        select = scope.expression
        if isinstance(select, exp.SetOperation):
            yield f"{type(select).__name__.upper()} brings rows to the coordinator"
            continue
        if scope.find(exp.Window):
            yield "a window looks at rows of several workers"
        for part in ("distinct", "offset"):
            if select.args.get(part):
                yield f"{part.upper()} looks at rows of several workers"
        limited = select.args.get("limit") is not None
        if limited and not scope.is_root:
            yield "LIMIT inside the statement brings rows to the coordinator"
        if select.args.get("order") and not (limited and scope.is_root):
            yield "ORDER BY sorts every row on the coordinator"
    yield from _read_twice(statement)


def _read_twice(statement: Statement) -> Iterator[str]:
    """PostgreSQL works a CTE out first when two places read it, or when it is told to."""
    for cte in statement.tree.find_all(exp.CTE):
        uses = [table for table in statement.tree.find_all(exp.Table) if name_of(table) == cte.alias]
        inner = Statement(cte.this.sql("postgres"), statement.layout)
        if inner.spread and (len(uses) > 1 or cte.args.get("materialized")):
            yield f"{cte.alias} is worked out first and brought to the coordinator"


def names_own_columns(statement: Statement) -> Iterator[str]:
    """No system columns: they tell of one node's storage."""
    for column in statement.tree.find_all(exp.Column):
        if column.name in SYSTEM_COLUMNS:
            yield f"{column.name} is a column of the node, not of the table"


def reads_all_rows(statement: Statement) -> Iterator[str]:
    """No TABLESAMPLE: it is for a single node."""
    if statement.tree.find(exp.TableSample):
        yield "TABLESAMPLE runs on a single node only"


RULES: tuple[Callable[[Statement], Iterator[str]], ...] = (
    only_reads,
    groups_by_account,
    aggregates_merge,
    joins_on_account,
    correlates_nothing,
    calls_what_workers_have,
    pulls_no_rows,
    names_own_columns,
    reads_all_rows,
)


def complaints(sql: str, layout: Layout) -> list[str]:
    """Everything that is wrong with a statement; nothing when workers can run it."""
    statement = Statement(sql, layout)
    return [f"{rule.__name__}: {said}" for rule in RULES for said in rule(statement)]


def command_complaints(commands: list[str]) -> list[str]:
    """What is wrong with the statements of one connection that return nothing, in their order.

    A coordinator hands on what BEGIN says and, of settings, only SET LOCAL after it was told to.
    """
    found, told, reads = [], False, False
    for command in commands:
        words = command.split()
        if words[0] == "BEGIN":
            told, reads = False, "REPEATABLE READ" in command
        elif words[:2] == ["SET", "LOCAL"]:
            told |= command == PROPAGATE
            if reads and not told:
                found.append(f"{command} stays on the coordinator")
        elif command not in ("SAVEPOINT source", "ROLLBACK TO SAVEPOINT source", "RELEASE SAVEPOINT source", "COMMIT"):
            found.append(f"{command} is nothing that a coordinator hands on")
    return found
