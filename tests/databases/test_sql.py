"""The statement guard: what it must refuse, and what it must let pass."""

from __future__ import annotations

import pytest

from connectors.databases.sql import checked_statement
from connectors.errors import InvalidRequest

P, M, S = "postgresql", "mysql", "sqlite"
POSTGRESQL_FUNCTIONS = """
    pg_read_file pg_read_binary_file pg_ls_dir pg_ls_logdir pg_stat_file lo_import lo_export lo_create lo_unlink lo_put
    lo_from_bytea lo_get lowrite dblink dblink_exec dblink_connect dblink_send_query nextval setval set_config
    pg_advisory_lock pg_advisory_xact_lock pg_try_advisory_lock pg_advisory_unlock_all pg_sleep pg_sleep_for
    pg_sleep_until
        pg_terminate_backend pg_cancel_backend pg_reload_conf pg_rotate_logfile pg_switch_wal pg_promote pg_notify
    query_to_xml query_to_xml_and_xmlschema cursor_to_xml pg_logical_emit_message pg_create_logical_replication_slot
    pg_drop_replication_slot pg_stat_reset pg_file_write ts_stat crosstab pg_logical_slot_get_changes
    bt_index_parent_check http http_get query_export_to_s3
""".split()  # noqa: SIM905 - a list of sixty strings would hide the names
MYSQL_FUNCTIONS = """
    sleep benchmark load_file get_lock release_lock release_all_locks is_free_lock nextval setval sys_exec sys_eval
    master_pos_wait wait_for_executed_gtid_set service_get_write_locks
""".split()  # noqa: SIM905 - as above
REFUSED = [
    *((P, f"SELECT {name}('x')", name) for name in POSTGRESQL_FUNCTIONS),
    *((M, f"SELECT {name.upper()} (1)", name) for name in MYSQL_FUNCTIONS),
    (P, "SELECT 1; DELETE FROM t", "more than one statement"),
    (P, "SELECT 1;;SELECT 2", "more than one statement"),
    (P, "COMMIT; DELETE FROM t", "more than one statement"),
    (P, "SELECT 'a\\'; DELETE FROM t --'", "more than one statement"),
    (P, "SELECT $a$ $b$ $a$; DROP TABLE t", "more than one statement"),
    (P, "INSERT INTO t VALUES (1) RETURNING *", "INSERT"),
    (P, "UPDATE t SET a = 1", "UPDATE"),
    (P, "DELETE FROM t", "DELETE"),
    (P, "MERGE INTO t USING s ON true WHEN MATCHED THEN DELETE", "MERGE"),
    (P, "TRUNCATE t", "TRUNCATE"),
    (P, "DROP TABLE t", "DROP"),
    (P, "ALTER TABLE t ADD a int", "ALTER"),
    (P, "CREATE TABLE t AS SELECT 1", "CREATE"),
    (P, "GRANT ALL ON t TO PUBLIC", "GRANT"),
    (P, "COPY t TO PROGRAM 'id'", "COPY"),
    (P, "COPY (SELECT 1) TO '/tmp/x'", "COPY"),
    (P, "CALL p()", "CALL"),
    (P, "DO $$ BEGIN DELETE FROM t; END $$", "DO"),
    (P, "SET ROLE postgres", "SET"),
    (P, "RESET ALL", "RESET"),
    (P, "LOCK TABLE t", "LOCK"),
    (P, "VACUUM t", "VACUUM"),
    (P, "LISTEN x", "LISTEN"),
    (P, "EXPLAIN ANALYZE DELETE FROM t", "EXPLAIN"),
    (P, "EXECUTE prepared", "EXECUTE"),
    (P, "SHOW ALL", "SHOW"),
    (P, "BEGIN", "BEGIN"),
    (P, "WITH d AS (DELETE FROM t RETURNING *) SELECT * FROM d", "DELETE"),
    (P, "WITH u AS (UPDATE t SET a = 1 RETURNING *) SELECT * FROM u", "UPDATE"),
    (P, "WITH i AS MATERIALIZED (INSERT INTO t VALUES (1) RETURNING *) TABLE i", "INTO|INSERT"),
    (P, "WITH a AS (SELECT 1) INSERT INTO t SELECT * FROM a", "INTO|INSERT"),
    (P, "WITH a AS (SELECT 1) DELETE FROM t", "DELETE"),
    (P, "SELECT * INTO other FROM t", "INTO"),
    (P, "SELECT * INTO TEMP other FROM t", "INTO"),
    (P, "SELECT * FROM t FOR UPDATE", "locking"),
    (P, "SELECT * FROM t FOR NO KEY UPDATE SKIP LOCKED", "locking"),
    (P, "SELECT * FROM t FOR SHARE", "locking"),
    (P, "SELECT * FROM t FOR KEY SHARE OF t", "locking"),
    (P, "SELECT * FROM (SELECT * FROM t FOR UPDATE) q", "locking"),
    (P, 'SELECT "pg_sleep"(1)', "pg_sleep"),
    (P, "SELECT pg_catalog.pg_sleep(1)", "pg_sleep"),
    (P, "SELECT pg_catalog . /* x */ pg_sleep /* y */ (1)", "pg_sleep"),
    (P, "SELECT * FROM t WHERE id = (SELECT nextval('s'))", "nextval"),
    (P, "SELECT * FROM dblink('x', 'DELETE FROM t') AS d(a int)", "dblink"),
    (P, 'SELECT U&"pg\\005fsleep"(1)', "escapes"),
    (P, "SELECT E'a'\n'\\', ' , pg_sleep(1) -- '", "continuation of an E"),
    (P, "SELECT e'a'\n'b' -- x\n'\\', ' , pg_sleep(1) -- '", "continuation of an E"),
    (P, "SELECT 'unterminated", "does not end"),
    (P, "", "empty"),
    (P, "  -- only a comment", "empty"),
    (P, ";", "empty"),
    (P, "SELECT 1\0", "NUL"),
    (M, "SELECT /*! SLEEP(5), */ 1", "executable comment"),
    (M, "SELECT 1 /*!50000 INTO OUTFILE '/tmp/x' */", "executable comment"),
    (M, "SELECT 1 /*M!100000 , 2 */", "executable comment"),
    (M, "SELECT 1 INTO OUTFILE '/tmp/x'", "INTO"),
    (M, "SELECT 1 INTO DUMPFILE '/tmp/x'", "INTO"),
    (M, "SELECT 1 INTO @a", "INTO"),
    (M, "SELECT * FROM t FOR UPDATE", "locking"),
    (M, "SELECT * FROM t LOCK IN SHARE MODE", "locking"),
    (M, "SELECT NEXT VALUE FOR s", "NEXT VALUE"),
    (M, "REPLACE INTO t VALUES (1)", "REPLACE"),
    (M, "LOAD DATA INFILE 'x' INTO TABLE t", "LOAD"),
    (M, "HANDLER t OPEN", "HANDLER"),
    (M, "SELECT 1--1,SLEEP(9)", "sleep"),
    (M, "SELECT 1 /* /* */ , SLEEP(9) -- */", "sleep"),
    (M, "SELECT 'a\\' , '; DELETE FROM t -- '", "more than one statement"),
    (M, "SELECT `sleep`(1)", "sleep"),
    (M, "RENAME TABLE t TO u", "RENAME"),
    (M, "KILL 5", "KILL"),
    (M, "UPDATE t SET id = id + 100", "UPDATE"),
    (S, "PRAGMA writable_schema = 1", "PRAGMA"),
    (S, "ATTACH 'x' AS y", "ATTACH"),
    (S, "SELECT load_extension('x')", "load_extension"),
    (S, "SELECT writefile('x', 'y')", "writefile"),
]
ALLOWED = [
    (P, "SELECT 1"),
    (P, "select 1;"),
    (P, "SELECT 1; -- done; delete"),
    (P, "-- first\nSELECT 1 /* last */"),
    (P, "SELECT 1 /* nested /* comment */ here */"),
    (P, "TABLE t"),
    (P, "VALUES (1, 'a'), (2, 'b')"),
    (P, "(SELECT 1) UNION ALL (SELECT 2) ORDER BY 1"),
    (P, "((SELECT 1))"),
    (P, "WITH a AS (SELECT 1) SELECT * FROM a"),
    (P, "WITH a AS MATERIALIZED (SELECT 1) TABLE a"),
    (P, "WITH RECURSIVE r(n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM r WHERE n < 9) SELECT * FROM r"),
    (P, "SELECT 'delete from t; drop table t'"),
    (P, "SELECT ';'"),
    (P, "SELECT E'it\\'s; delete'"),
    (P, "SELECT $$ ; DELETE FROM t $$"),
    (P, "SELECT $tag$ $$ ; $tag$"),
    (P, "SELECT 'it''s', U&'\\0041', B'101', X'1f', N'n'"),
    (P, 'SELECT "delete", "insert into" FROM "update"'),
    (P, "SELECT a ->> 'x', a #>> '{b}', a @> '{}', a ? 'k', a ?| array['k'], a - 'k' FROM t"),
    (P, "SELECT a::int, b::numeric(5,2)[] FROM t"),
    (P, "SELECT a[1:2], b[3] FROM t"),
    (P, "SELECT sum(a) OVER (PARTITION BY b ORDER BY c ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) FROM t"),
    (P, "SELECT rank() OVER w FROM t WINDOW w AS (ORDER BY a)"),
    (P, "SELECT count(*) FILTER (WHERE a > 1) FROM t GROUP BY GROUPING SETS ((a), ())"),
    (P, "SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY a) FROM t"),
    (P, "SELECT DISTINCT ON (a) a, b FROM t ORDER BY a, b DESC NULLS LAST"),
    (P, "SELECT * FROM t TABLESAMPLE SYSTEM (1)"),
    (P, "SELECT * FROM t FETCH FIRST 5 ROWS WITH TIES"),
    (P, "SELECT * FROM t LIMIT ALL OFFSET 3"),
    (P, "SELECT * FROM a NATURAL JOIN b CROSS JOIN LATERAL (SELECT 1) l"),
    (P, "SELECT * FROM generate_series(1, 9) WITH ORDINALITY AS g(a, n)"),
    (P, "SELECT * FROM ROWS FROM (f(1), g(2))"),
    (P, "SELECT * FROM jsonb_to_recordset('[]') AS x(a int, b text)"),
    (P, "SELECT EXTRACT(epoch FROM ts), OVERLAY('a' PLACING 'b' FROM 1 FOR 1), SUBSTRING('a' FROM 1 FOR 2) FROM t"),
    (P, "SELECT TRIM(BOTH 'x' FROM y), POSITION('a' IN b), ts AT TIME ZONE 'UTC' FROM t"),
    (P, "SELECT INTERVAL '1' YEAR, TIMESTAMP WITH TIME ZONE '2020-01-01'"),
    (P, "SELECT CASE WHEN a THEN 1 ELSE 2 END, COALESCE(a, b), NULLIF(a, b), GREATEST(1, 2) FROM t"),
    (P, "SELECT ROW(1, 2), ARRAY[1, 2], ARRAY(SELECT 1), (t).a, (t).* FROM t"),
    (P, "SELECT a FROM t WHERE a ~* 'delete' AND b NOT ILIKE '%x' AND c SIMILAR TO 'y' AND d IS NOT DISTINCT FROM 1"),
    (P, "SELECT a FROM t WHERE a = ANY('{1,2}') OR b <> ALL(ARRAY[1]) OR EXISTS (SELECT 1) OR (a, b) < (1, 2)"),
    (P, "SELECT to_tsvector('a') @@ to_tsquery('b'), '[1,2)'::int4range && '[2,3)'::int4range"),
    (P, "SELECT replace(a, 'x', 'y'), insert_time, update_count FROM t"),
    (P, "SELECT delete(h, 'k') FROM t"),
    (P, "SELECT sum(update) FROM t WHERE delete > 3"),
    (P, "SELECT 1 AS delete, 2 AS share, 3 AS key"),
    (P, "SELECT nextval, sleep FROM t"),
    (P, "SELECT current_user, session_user, now(), current_date, version(), pg_backend_pid()"),
    (P, "SELECT oid::regclass, pg_size_pretty(pg_relation_size(oid)) FROM pg_class"),
    (P, "SELECT * FROM information_schema.columns"),
    (P, "SELECT * FROM ONLY t"),
    (P, "SELECT a b FROM t c WHERE c.a IN (1, 2, 3)"),
    (P, "SELECT x.* FROM t AS x (a, b)"),
    (P, "SELECT xmlelement(name foo, a) FROM t"),
    (P, "SELECT 'a' 'b', 'a'\n'b'"),
    (P, "SELECT E'a\\n'\n'b', 'c\\', 'a'\n'\\'"),
    (P, 'SELECT a COLLATE "C" FROM t ORDER BY a USING >'),
    (P, "SELECT a EXCEPT ALL SELECT b INTERSECT SELECT c"),
    (P, "SELECT * FROM t WHERE é = 'ü' -- naïve"),
    (P, "SELECT FORMAT('%s', a), a % 2, a ^ 2, |/ a, @ a FROM t"),
    (P, "SELECT st_astext(geom), geom <-> 'POINT(0 0)' FROM t"),
    (P, "SELECT jsonb_path_query(a, '$.x[*] ? (@ > 1)') FROM t"),
    (P, "SELECT GROUPING(a), a FROM t GROUP BY ROLLUP (a), CUBE (b)"),
    (P, "SELECT CAST(a AS double precision), a::timestamp(3) with time zone FROM t"),
    (P, "SELECT"),
    (P, "SELECT 1.5e3, .5"),
    (P, "SELECT FROM t"),
    (P, "SELECT currval('s')"),
    (P, "SELECT * FORM t"),
    (M, "SELECT `delete`, `a``b` FROM `t`"),
    (M, 'SELECT "it\'s", \'a\\\'b;c\', "say ""hi""" # comment; delete'),
    (M, "SELECT 1 -- comment; delete\n"),
    (M, "SELECT 1 --"),
    (M, "SELECT 5 - -1"),
    (M, "SELECT /* plain */ 1 /* ; */"),
    (M, "SELECT /*+ MAX_EXECUTION_TIME(1000) */ 1"),
    (M, "SELECT '/*! not a comment */', '-- nor this'"),
    (M, "SELECT * FROM t LIMIT 5, 10"),
    (M, "SELECT IF(a, 1, 2), IFNULL(a, b), a DIV b, a MOD b, a <=> b, a REGEXP 'x', a RLIKE 'y' FROM t"),
    (M, "SELECT GROUP_CONCAT(DISTINCT a ORDER BY b SEPARATOR ';') FROM t GROUP BY c WITH ROLLUP"),
    (M, "SELECT REPLACE(a, 'x', 'y'), INSERT('abc', 1, 1, 'x'), TRUNCATE(1.5, 1), LEFT(a, 1) FROM t"),
    (M, "SELECT DATE_ADD(NOW(), INTERVAL 1 DAY), a + INTERVAL 1 HOUR FROM t"),
    (M, "SELECT a -> '$.x', a ->> '$.y', JSON_EXTRACT(a, '$[0]') FROM t"),
    (M, "SELECT * FROM JSON_TABLE('[1]', '$[*]' COLUMNS (a INT PATH '$')) j"),
    (M, "SELECT * FROM t USE INDEX (i) FORCE INDEX FOR JOIN (j)"),
    (M, "SELECT * FROM a STRAIGHT_JOIN b"),
    (M, "SELECT SQL_NO_CACHE DISTINCTROW a FROM t PARTITION (p0)"),
    (M, "SELECT _utf8mb4'x' COLLATE utf8mb4_bin, X'1f', 0x1F, b'101', N'n'"),
    (M, "SELECT CAST(a AS UNSIGNED), CONVERT(a USING utf8mb4), BINARY a FROM t"),
    (M, "SELECT MATCH (a) AGAINST ('x' IN BOOLEAN MODE) FROM t"),
    (M, "SELECT @@version, @a, @a := 1"),
    (M, "SELECT a, ROW_NUMBER() OVER (ORDER BY a) FROM t"),
    (M, "WITH RECURSIVE r AS (SELECT 1 n UNION ALL SELECT n + 1 FROM r WHERE n < 5) SELECT * FROM r"),
    (M, "VALUES ROW(1, 2), ROW(3, 4)"),
    (M, "TABLE t ORDER BY a LIMIT 3"),
    (M, "SELECT * FROM t FOR SYSTEM_TIME ALL"),
    (M, "SELECT EXTRACT(YEAR_MONTH FROM a), a SOUNDS LIKE 'b', NOT a, a XOR b, !a, ~a, a << 1 FROM t"),
    (M, "SELECT t.`insert`, t.`into` FROM t"),
    (S, "SELECT * FROM t WHERE a GLOB 'x*' -- done"),
    (S, 'SELECT [a b], "c" FROM t LIMIT 5 OFFSET 1'),
    (S, "VALUES (1, 2)"),
]


@pytest.mark.parametrize(("kind", "sql", "found"), REFUSED)
def test_it_refuses_and_says_what_it_found(kind: str, sql: str, found: str) -> None:
    with pytest.raises(InvalidRequest, match=f"(?i){found}") as caught:
        checked_statement(sql, kind)
    assert caught.value.http_status == 400
    assert "\n" not in caught.value.message


@pytest.mark.parametrize(("kind", "sql"), ALLOWED)
def test_it_lets_a_reading_statement_pass(kind: str, sql: str) -> None:
    statement = checked_statement(sql, kind)
    assert statement in sql
    assert not statement.endswith(";")


def test_the_table_has_at_least_a_hundred_of_each() -> None:
    assert min(len(REFUSED), len(ALLOWED)) >= 100
