"""Reaching the product database, and saying what is wrong when it cannot be reached, without its password."""

from __future__ import annotations

from contextlib import closing
from datetime import timedelta
from urllib.parse import parse_qs, quote, urlsplit

import polars as pl
import psycopg2
import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from queries.database import explained, libpq_url, place, reason, session
from queries.errors import DatabaseError, SourceError

SECRET = "p@ss:w/rd%2B?#[]&= +ü'\""


def parameters(url: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query, strict_parsing=True).items()}


@pytest.mark.parametrize(
    "scheme", ["postgresql", "postgres", "postgresql+psycopg2", "postgresql+psycopg", "postgresql+asyncpg"]
)
def test_whatever_driver_a_url_names_libpq_gets_its_own_spelling(scheme):
    url = libpq_url(f"{scheme}://reader:secret@db.example.org:5433/product")
    assert url.startswith("postgresql:///?")
    wanted = {"host": "db.example.org", "port": "5433", "user": "reader", "password": "secret", "dbname": "product"}
    assert wanted.items() <= parameters(url).items()


def test_a_dead_network_is_noticed_in_half_a_minute_unless_the_url_says_otherwise():
    found = parameters(libpq_url("postgresql://db/product?connect_timeout=30&sslmode=require"))
    assert (found["connect_timeout"], found["sslmode"]) == ("30", "require")
    assert (found["keepalives_idle"], found["tcp_user_timeout"]) == ("10", "30000")


def test_spaces_and_plus_signs_are_written_as_libpq_reads_them():
    url = libpq_url("postgresql://db/product?options=-c%20search_path%3Dapp&host=/my%20data/a%2Bb")
    assert "options=-c%20search_path%3Dapp" in url
    assert "host=%2Fmy%20data%2Fa%2Bb" in url


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), min_size=1))
def test_any_password_survives(password):
    url = libpq_url(f"postgresql://reader:{quote(password, safe='')}@db/product")
    assert parameters(url)["password"] == password


@pytest.mark.parametrize(
    "url",
    [
        "",
        "nonsense secret",
        "postgresql://u:secret@host:port/db",
        "postgresql://u:secret@host:/a:b:c@d",
        "mysql://u:secret@h/d",
    ],
)
def test_what_is_no_postgresql_url_is_refused_without_repeating_it(url):
    with pytest.raises(DatabaseError) as refused:
        value(url, "1")
    assert "secret" not in str(refused.value)
    assert "PRODUCT_DATABASE_URL" in str(refused.value)


def test_a_place_is_where_a_url_leads_without_who_goes_there():
    assert place("postgresql://reader:secret@db/product") == "db:5432/product"
    assert place("postgresql+psycopg2://reader@/product?host=/run&port=6000&password=secret") == "/run:6000/product"


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (
            'NOT_FOUND: Failed to prepare query: ERROR:  column "nope" does not exist\nLINE 1: select nope\n'
            "               ^\n\nQuery was: select nope. SQLSTATE: 42703",
            'column "nope" does not exist',
        ),
        (
            "CANCELLED: [libpq] Execution error [PGRES_FATAL_ERROR]: "
            "ERROR:  canceling statement due to statement timeout\n. SQLSTATE: 57014",
            "canceling statement due to statement timeout",
        ),
        (
            "INTERNAL: [libpq] could not begin COPY: FEHLER:  Relation »x« existiert nicht\n. SQLSTATE: 42P01",
            "Relation »x« existiert nicht",
        ),
        (
            'IO: [libpq] Failed to connect: connection to server on socket "/d/.s" failed: '
            'FATAL:  database "x" does not exist\n',
            'database "x" does not exist',
        ),
        (
            'IO: [libpq] Failed to connect: could not translate host name "db" to address: Name or service not known\n',
            'could not translate host name "db" to address: Name or service not known',
        ),
        (
            'IO: [libpq] Failed to connect: connection to server at "::1", port 1 failed: Connection refused\n'
            "\tIs the server running?\n",
            'connection to server at "::1", port 1 failed: Connection refused Is the server running?',
        ),
    ],
)
def test_what_the_database_says_is_told_on_one_line_in_its_own_language(raw, said):
    assert reason(RuntimeError(raw)) == said


class Refused(Exception):
    sqlstate = "0A000"


@pytest.mark.parametrize(
    ("state", "raw", "said"),
    [
        ("22P02", 'invalid input syntax for type integer: "Ada "the" L"', 'invalid input syntax for type integer: "…"'),
        ("22P02", 'invalid input syntax for type date: "Ada\n\nL"', 'invalid input syntax for type date: "…"'),
        ("22P02", "ungültige Eingabesyntax für Typ integer: »Ada«", 'ungültige Eingabesyntax für Typ integer: "…"'),
        ("22P02", "syntaxe en entrée invalide : « Ada »", 'syntaxe en entrée invalide : "…"'),
        ("22003", 'value "123" is out of range\nCONTEXT:  SQL function "f"', 'value "…" is out of range'),
        ("23514", 'value for domain e_mail violates "Ada', 'value for domain e_mail violates "…"'),
        ("22021", 'invalid byte sequence for encoding "UTF8": 0xff', 'invalid byte sequence for encoding "UTF8": 0xff'),
        ("42703", 'column "ada" does not exist', 'column "ada" does not exist'),
    ],
)
def test_values_of_rows_are_left_out_of_what_the_database_says_and_names_are_not(state, raw, said):
    error = Refused(f"INVALID_ARGUMENT: [libpq] Failed: ERROR:  {raw}\n. SQLSTATE: {state}")
    error.sqlstate = state
    assert reason(error) == said
    assert reason(OSError(str(error))) == said  # what Arrow raises while rows arrive


def test_values_of_rows_are_left_out_of_what_polars_says():
    for wrong in (lambda: pl.Series("x", ["Ada"]).cast(pl.Int8), lambda: pl.Series("x", ["Ada"]).str.to_integer()):
        with pytest.raises(pl.exceptions.PolarsError) as failed:
            wrong()
        assert "Ada" not in reason(failed.value)
        assert "1" in reason(failed.value)


@pytest.mark.postgres
def test_a_failing_statement_does_not_tell_whose_row_it_failed_at(database):
    people = "(VALUES ('Ada Lovelace'), ('ada@example.org')) AS t (name)"
    with session(database(), statement_timeout=timedelta(seconds=5)) as opened:
        with pytest.raises(SourceError) as failed, opened.savepoint("config/sources/people.sql"):
            opened.frame(f"SELECT name::int FROM {people}")
        assert failed.value.message == ('config/sources/people.sql failed: invalid input syntax for type integer: "…".')


def test_a_join_that_a_cluster_refuses_says_what_to_join_on():
    found = explained("config/sources/nps.sql", Refused("ERROR:  joins are only supported on distribution columns\n"))
    assert found.message == "config/sources/nps.sql failed: joins are only supported on distribution columns."
    assert (
        found.hint == "where the database shards, join tables on the column they are distributed by (docs/scaling.md)"
    )


@pytest.fixture(scope="module")
def locked(postgres):
    """A user who needs a password, on the session's server; gives the URL that a password is put into."""
    rules = postgres.folder / "pg_hba.conf"
    before = rules.read_text()
    rules.write_text(f"local all careful scram-sha-256\n{before}")
    with closing(psycopg2.connect(postgres.url())) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("CREATE ROLE careful LOGIN PASSWORD %s", [SECRET])
            cursor.execute("SELECT pg_reload_conf()")
            yield postgres.url(user="careful").replace("careful@", "careful:{}@")
            rules.write_text(before)
            cursor.execute("SELECT pg_reload_conf()")
            cursor.execute("DROP ROLE careful")


def value(url: str, expression: str) -> object:
    with session(url, statement_timeout=timedelta(seconds=5)) as opened:
        return opened.frame(f"SELECT {expression} AS value").item()


@pytest.mark.postgres
def test_a_password_of_odd_signs_opens_the_door(locked):
    assert value(locked.format(quote(SECRET, safe="")), "current_user::text") == "careful"


@pytest.mark.postgres
@pytest.mark.parametrize("form", ["{}", "?password"])
def test_a_wrong_password_is_called_that_and_not_told(locked, form):
    url = locked.format("top-secret") if form == "{}" else locked.replace(":{}@", "@") + "&password=top-secret"
    with pytest.raises(DatabaseError) as refused:
        value(url, "1")
    assert "password authentication failed" in refused.value.message
    assert refused.value.hint == "check user and password in PRODUCT_DATABASE_URL"
    assert "top-secret" not in str(refused.value)


@pytest.mark.postgres
def test_a_database_that_is_not_there_is_named(postgres):
    with pytest.raises(DatabaseError) as refused:
        value(postgres.url("nothing_here"), "1")
    assert f'{postgres.folder}:5432/nothing_here cannot be reached: database "nothing_here" does not exist.' in str(
        refused.value
    )
    assert "check the database name" in refused.value.hint


def test_a_server_that_does_not_answer_is_named(tmp_path):
    with pytest.raises(DatabaseError) as refused:
        value(f"postgresql://u:secret@/product?host={tmp_path}", "1")
    assert f"{tmp_path}:5432/product cannot be reached" in refused.value.message
    assert "secret" not in str(refused.value)
    assert "for the demo: make run" in refused.value.hint


@pytest.mark.postgres
def test_nothing_can_be_written_and_every_statement_sees_one_instant(database):
    url = database()
    with closing(psycopg2.connect(url)) as other:
        other.autocommit = True
        cursor = other.cursor()
        cursor.execute("CREATE TABLE t (a int)")
        with session(url, statement_timeout=timedelta(seconds=5)) as opened:
            assert opened.frame("SELECT count(*) AS n FROM t").item() == 0
            cursor.execute("INSERT INTO t VALUES (1)")
            assert opened.frame("SELECT count(*) AS n FROM t").item() == 0
            with pytest.raises(Exception, match="read-only"):
                opened.run("INSERT INTO t VALUES (2)")
        cursor.execute("SELECT count(*) FROM t")
        assert cursor.fetchone() == (1,)


@pytest.mark.postgres
def test_a_database_in_another_encoding_speaks_utf8(postgres):
    name = "latin"
    with closing(psycopg2.connect(postgres.url())) as connection:
        connection.autocommit = True
        connection.cursor().execute(
            f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C'"
        )
    assert value(postgres.url(name), "'K' || chr(228) || 'se'") == "Käse"


@pytest.mark.postgres
def test_a_server_that_gives_up_waiting_transactions_does_not_give_up_ours(database):
    url = database() + "&options=-c%20idle_in_transaction_session_timeout%3D50ms"
    with session(url, statement_timeout=timedelta(seconds=5)) as opened:
        assert (
            opened.frame("SELECT pg_sleep(0), current_setting('idle_in_transaction_session_timeout') AS value")[
                "value"
            ].item()
            == "0"
        )


@pytest.mark.postgres
def test_a_copy_of_a_database_is_another_database(database):
    one, two = database(), database()
    with (
        session(one, statement_timeout=timedelta(seconds=5)) as opened,
        session(one, statement_timeout=timedelta(seconds=5)) as again,
    ):
        assert opened.database() == again.database() != ""
        with session(two, statement_timeout=timedelta(seconds=5)) as other:
            assert other.database() != opened.database()


@pytest.mark.postgres
def test_one_refresher_holds_the_lock_until_its_transaction_ends(database):
    url = database()
    with session(url, statement_timeout=timedelta(seconds=5)) as first:
        assert first.try_lock()
        with session(url, statement_timeout=timedelta(seconds=5)) as second:
            assert not second.try_lock()
    with session(url, statement_timeout=timedelta(seconds=5)) as third:
        assert third.try_lock()


@pytest.mark.postgres
def test_a_plan_is_told_and_not_run(database):
    with session(database(), statement_timeout=timedelta(seconds=5)) as opened:
        plan = opened.plan(sa.select(sa.func.pg_sleep(60).label("slept")))
    assert plan == ["Result"]


@pytest.mark.postgres
def test_anybody_may_ask_for_settings_to_be_handed_on_where_nobody_hands_them_on(database):
    url = database()
    with closing(psycopg2.connect(url)) as connection:
        connection.autocommit = True
        connection.cursor().execute("DROP ROLE IF EXISTS nobody_special; CREATE ROLE nobody_special LOGIN")
    with session(url.replace("postgres@", "nobody_special@"), statement_timeout=timedelta(seconds=5)) as opened:
        asked = opened.frame(
            "SELECT current_user::text AS who, current_setting('transaction_read_only') AS read_only, "
            "current_setting('citus.propagate_set_commands') AS handed_on"
        )
    assert asked.rows() == [("nobody_special", "on", "local")]
