-- On the coordinator: the shards as partitions of one table, and functions that ask all of them at once.
--
--   psql -v dimensions=768 -v servers=host1:5432,host2:5432,host3:5432 -v database=postgres -f coordinator.sql
--
-- docs/shards.md says why each option is as it is.
\set ON_ERROR_STOP on
CREATE EXTENSION IF NOT EXISTS omendb;
CREATE EXTENSION IF NOT EXISTS postgres_fdw;
CREATE EXTENSION IF NOT EXISTS dblink;

CREATE TABLE shard AS
    SELECT 'shard_' || n AS name, split_part(server, ':', 1) AS host, split_part(server, ':', 2) AS port, n::int AS n,
           (count(*) OVER ())::int AS servers
    FROM unnest(string_to_array(:'servers', ',')) WITH ORDINALITY s(server, n);

CREATE TABLE item (
    id        bigint NOT NULL,
    tenant_id int,
    body      text,
    embedding vector(:dimensions)
) PARTITION BY HASH (id);

SELECT format($$
    CREATE SERVER %1$I FOREIGN DATA WRAPPER postgres_fdw OPTIONS (
        host %2$L, port %3$L, dbname %4$L,
        extensions 'omendb',        -- its operators may be sent
        fetch_size '20',            -- rows come with their vectors
        batch_size '100',           -- rows of an INSERT
        async_capable 'true',       -- all shards search at once
        connect_timeout '5', keepalives_idle '10', keepalives_interval '5', keepalives_count '3', tcp_user_timeout '30000');
    CREATE USER MAPPING FOR CURRENT_USER SERVER %1$I;
    CREATE FOREIGN TABLE item_%5$s PARTITION OF item FOR VALUES WITH (MODULUS %6$s, REMAINDER %7$s)
        SERVER %1$I OPTIONS (table_name 'item')$$,
    name, host, port, :'database', n, servers, n - 1) FROM shard ORDER BY n \gexec

-- search_items(query, k, tenant) -- the nearest of all shards.  Each is sent ORDER BY, LIMIT and conditions; the append
-- below MATERIALIZED has no order, so that its scans run at once.
SELECT format($function$
    CREATE FUNCTION search_items(query vector, k int, tenant int DEFAULT NULL) RETURNS TABLE (id bigint, distance float8)
        LANGUAGE plpgsql STABLE ROWS 10 AS $f$
    BEGIN
        IF tenant IS NULL THEN
            RETURN QUERY WITH near AS MATERIALIZED (%1$s)
                SELECT n.id, n.distance FROM near n ORDER BY n.distance LIMIT k;
        ELSE
            RETURN QUERY WITH near AS MATERIALIZED (%2$s)
                SELECT n.id, n.distance FROM near n ORDER BY n.distance LIMIT k;
        END IF;
    END
    $f$$function$,
    string_agg(format('(SELECT i.id, i.embedding <-> query AS distance FROM item_%s i ORDER BY i.embedding <-> query LIMIT k)', n), ' UNION ALL '),
    string_agg(format('(SELECT i.id, i.embedding <-> query AS distance FROM item_%s i WHERE i.tenant_id = tenant ORDER BY i.embedding <-> query LIMIT k)', n), ' UNION ALL '))
    FROM shard \gexec

-- shard_send(shard, sql) -- begin a statement there, on a connection of its own that is kept; a broken one is made again.
CREATE FUNCTION shard_send(shard text, sql text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    kept text := 'search ' || shard;
BEGIN
    IF kept = ANY (dblink_get_connections()) THEN
        IF dblink_is_busy(kept) = 0 AND dblink_send_query(kept, sql) = 1 THEN
            RETURN;
        END IF;
        PERFORM dblink_disconnect(kept);
    END IF;
    BEGIN
        PERFORM dblink_connect(kept, shard);
    EXCEPTION WHEN sqlclient_unable_to_establish_sqlconnection THEN
        RAISE EXCEPTION USING ERRCODE = SQLSTATE, MESSAGE = format('could not connect to server "%s"', shard);
    END;
    IF dblink_send_query(kept, sql) = 0 THEN
        RAISE EXCEPTION USING ERRCODE = 'connection_failure', MESSAGE = format('server "%s": %s', shard, dblink_error_message(kept));
    END IF;
END
$$;

-- search_words(words, k) -- the best of all shards by BM25, each by its own statistics.
CREATE FUNCTION search_words(words text, k int) RETURNS TABLE (id bigint, score float8) LANGUAGE plpgsql AS $$
DECLARE
    sql text := format('SELECT id, -(body <@> %1$L) FROM item WHERE body @@@ %1$L ORDER BY body <@> %1$L LIMIT %2$s', words, k);
    kept text;
    ids bigint[];
    scores float8[];
BEGIN
    PERFORM shard_send(name, sql) FROM shard;
    FOR kept IN SELECT 'search ' || name FROM shard LOOP
        SELECT ids || array_agg(r.id), scores || array_agg(r.score) INTO ids, scores FROM dblink_get_result(kept) AS r (id bigint, score float8);
        -- the end of the results, after which the connection takes the next statement
        PERFORM FROM dblink_get_result(kept) AS r (id bigint, score float8);
    END LOOP;
    RETURN QUERY SELECT * FROM unnest(ids, scores) AS f (id, score) ORDER BY f.score DESC, f.id LIMIT k;
END
$$;

-- search_both(words, query, k) -- fused by ranks among the rows of all shards.
CREATE FUNCTION search_both(words text, query vector, k int, candidates int DEFAULT 100) RETURNS TABLE (id bigint, score float8) LANGUAGE sql AS $$
    SELECT id, rrf(w.rank, v.rank) AS score
    FROM (SELECT id, row_number() OVER (ORDER BY score DESC, id) AS rank FROM search_words(words, candidates)) w
        FULL JOIN (SELECT id, row_number() OVER (ORDER BY distance, id) AS rank FROM search_items(query, candidates)) v USING (id)
    ORDER BY score DESC, id LIMIT k
$$;
