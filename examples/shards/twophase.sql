-- Writes to several shards, all of them or none: two-phase commit by dblink, with the decision in a table of the
-- coordinator.  The shards need max_prepared_transactions > 0.
--
--   CALL shard_write('{"shard_1": "INSERT ...", "shard_2": "DELETE ..."}');
--   SELECT * FROM shard_recover();     -- regularly, and after a crash of any of them
CREATE TABLE shard_decision (
    gid      text PRIMARY KEY,
    decision text NOT NULL CHECK (decision IN ('commit', 'abort')),
    decided  timestamptz NOT NULL DEFAULT now()
);

-- shard_prepare(gid, statements) -- first phase: every shard has done its part and promises to commit it.
CREATE FUNCTION shard_prepare(gid text, statements jsonb) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    name text;
    sql text;
BEGIN
    FOR name, sql IN SELECT * FROM jsonb_each_text(statements) LOOP
        PERFORM dblink_exec(name, format('BEGIN; %s; PREPARE TRANSACTION %L', sql, gid));
    END LOOP;
EXCEPTION WHEN OTHERS THEN
    PERFORM shard_finish(gid, other, 'abort') FROM jsonb_object_keys(statements) other;
    RAISE;
END
$$;

-- shard_finish(gid, shard, decision) -- second phase on one shard; false if it cannot be reached, or has nothing of the kind.
CREATE FUNCTION shard_finish(gid text, shard text, decision text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    PERFORM dblink_exec(shard, format('%s PREPARED %L', CASE decision WHEN 'commit' THEN 'COMMIT' ELSE 'ROLLBACK' END, gid));
    RETURN true;
EXCEPTION WHEN OTHERS THEN
    RETURN false;
END
$$;

CREATE PROCEDURE shard_write(statements jsonb) LANGUAGE plpgsql AS $$
DECLARE
    own text := 'shards-' || gen_random_uuid();
    late text;
BEGIN
    PERFORM shard_prepare(own, statements);
    -- from here on it is committed, whatever happens to whom; fails if shard_recover() has given it up
    INSERT INTO shard_decision VALUES (own, 'commit');
    COMMIT;
    SELECT string_agg(name, ', ') INTO late FROM jsonb_object_keys(statements) name WHERE NOT shard_finish(own, name, 'commit');
    IF late IS NULL THEN
        DELETE FROM shard_decision WHERE gid = own;
    ELSE
        RAISE WARNING 'transaction % is committed, but not yet on %', own, late USING HINT = 'shard_recover() ends it there.';
    END IF;
END
$$;

-- shard_recover(older) -- end what has been prepared for that long, as decided; what nobody has decided is given up.
CREATE FUNCTION shard_recover(older interval DEFAULT '1 minute') RETURNS TABLE (server text, prepared text, ended text, done boolean) LANGUAGE plpgsql AS $$
BEGIN
    FOR server, prepared IN SELECT s.name, p.gid FROM shard s, dblink(s.name, format(
            'SELECT gid FROM pg_prepared_xacts WHERE gid LIKE ''shards-%%'' AND prepared <= now() - %L::interval', older)) AS p (gid text) LOOP
        INSERT INTO shard_decision VALUES (prepared, 'abort') ON CONFLICT DO NOTHING;
        SELECT decision INTO ended FROM shard_decision WHERE gid = prepared;
        done := shard_finish(prepared, server, ended);
        RETURN NEXT;
    END LOOP;
END
$$;
