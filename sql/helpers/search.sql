\set ECHO none
-- What several tests need: plans, what a query returns by an index and without one, rows to search among.  To be
-- read by \i; nothing of it is echoed, and what an earlier test left is replaced.

-- the lines of a plan, but for what PostgreSQL 18 adds to a node that is disabled
CREATE OR REPLACE FUNCTION plan_of(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    line text;
BEGIN
    FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
        CONTINUE WHEN line LIKE '%Disabled: true%';
        RETURN NEXT line;
    END LOOP;
END
$$;

-- how many rows the planner expects
CREATE OR REPLACE FUNCTION estimated(query text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    plan json;
BEGIN
    EXECUTE 'EXPLAIN (FORMAT JSON) ' || query INTO plan;
    RETURN plan -> 0 -> 'Plan' -> 'Plan Rows';
END
$$;

-- how many pages a query by an index reads
CREATE OR REPLACE FUNCTION pages_read(query text) RETURNS bigint LANGUAGE plpgsql
    SET enable_seqscan = off SET enable_sort = off AS $$
DECLARE
    plan json;
BEGIN
    EXECUTE 'EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) ' || query INTO plan;
    RETURN (plan -> 0 -> 'Plan' ->> 'Shared Hit Blocks')::bigint + (plan -> 0 -> 'Plan' ->> 'Shared Read Blocks')::bigint;
END
$$;

-- the first column of what a query returns, in its order, by an index or without one
CREATE OR REPLACE FUNCTION returned(query text, by_index boolean) RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE
    result text[];
BEGIN
    PERFORM set_config('enable_seqscan', (NOT by_index)::text, true), set_config('enable_sort', (NOT by_index)::text, true),
            set_config('enable_indexscan', by_index::text, true);
    EXECUTE 'SELECT array_agg(x::text) FROM (' || query || ') q(x)' INTO result;
    PERFORM set_config('enable_seqscan', 'on', true), set_config('enable_sort', 'on', true), set_config('enable_indexscan', 'on', true);
    RETURN coalesce(result, '{}');
END
$$;
CREATE OR REPLACE FUNCTION ids(query text, by_index boolean) RETURNS integer[] LANGUAGE sql AS $$
    SELECT returned(query, by_index)::integer[]
$$;
CREATE OR REPLACE FUNCTION sorted(integer[]) RETURNS integer[] LANGUAGE sql IMMUTABLE AS $$
    SELECT coalesce(array_agg(i ORDER BY i), '{}') FROM unnest($1) i
$$;

-- how many of the ids that a query returns without an index it also returns by one
CREATE OR REPLACE FUNCTION hits(query text) RETURNS bigint LANGUAGE sql AS $$
    SELECT count(*) FROM (SELECT ids(query, true) AS found, ids(query, false) AS exact) s, unnest(found) i WHERE i = ANY (exact)
$$;

-- row i of a table of any size, the same everywhere: clusters, spread by sines
CREATE OR REPLACE FUNCTION clustered_row(i integer, dim integer, factor float8 DEFAULT 10) RETURNS vector LANGUAGE sql IMMUTABLE AS $$
    SELECT array_agg(((sin((i % 12) * 12.9898 + d * 78.233) + 0.7 * sin(i * 0.37 + d * (1 + i % 7) * 0.61)
        + 0.1 * sin(i * 7.13 + d * d)) * factor)::real)::vector
    FROM generate_series(1, dim) d
$$;
\set ECHO all
