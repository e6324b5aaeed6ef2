-- What happens once only: NOTICEs of a temporary index, and expressions of filter
-- columns, which a scan has no use for.
CREATE TEMP TABLE often (id int, v vector(8)) ON COMMIT DELETE ROWS;
CREATE INDEX often_v ON often USING omenhnsw (v vector_l2_ops) WITH (quantizer = pq);
INSERT INTO often VALUES (1, '[1,2,3,4,5,6,7,8]');
BEGIN;
INSERT INTO often VALUES (2, '[1,2,3,4,5,6,7,8]');
COMMIT;
TRUNCATE often;
SELECT count(*) FROM often;
-- a plain table says it each time
CREATE TABLE plain (id int, v vector(8));
CREATE INDEX plain_v ON plain USING omenhnsw (v vector_l2_ops) WITH (quantizer = pq);
REINDEX INDEX plain_v;
DROP TABLE plain;

CREATE FUNCTION position_of(vector) RETURNS vector IMMUTABLE LANGUAGE plpgsql AS
	'BEGIN RETURN $1; END';
CREATE FUNCTION grudging(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS
$$ BEGIN
	IF current_setting('grudging.fail', true) = 'on' THEN
		RAISE EXCEPTION 'evaluated once more';
	END IF;
	RETURN $1;
END $$;
CREATE TABLE expressions (id int, v vector(3));
INSERT INTO expressions SELECT i, ARRAY[i, i % 7, 1]::vector FROM generate_series(1, 200) i;
CREATE INDEX expressions_v ON expressions
	USING omenhnsw ((position_of(v)::vector(3)) vector_l2_ops, (grudging(id)));
SET enable_seqscan = off;
SET grudging.fail = on;
SELECT id FROM expressions ORDER BY position_of(v)::vector(3) <-> '[10,3,1]' LIMIT 3;
SET grudging.fail = off;
SELECT id FROM expressions WHERE grudging(id) = 17 ORDER BY position_of(v)::vector(3) <-> '[10,3,1]' LIMIT 3;
DROP TABLE expressions;

-- nor has training, which reads rows that others have inserted
CREATE FUNCTION own(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS
$$ BEGIN
	IF $1 <> current_setting('grudging.own')::int THEN
		RAISE EXCEPTION 'somebody else''s row';
	END IF;
	RETURN $1;
END $$;
CREATE TABLE grown (id int, v vector(4));
CREATE INDEX grown_v ON grown USING omenhnsw ((position_of(v)::vector(4)) vector_l2_ops, (own(id))) WITH (bits = 4);
DO $$ BEGIN
	FOR i IN 1 .. 300 LOOP
		PERFORM set_config('grudging.own', i::text, true);
		INSERT INTO grown VALUES (i, ARRAY[100 + i % 7, 100 + i % 11, 100 + i % 13, 100 + i % 17]);
	END LOOP;
END $$;
SELECT trained_rows > 0 AS trained, nodes FROM omendb_index_info('grown_v');
DROP TABLE grown;
DROP FUNCTION own;
DROP FUNCTION grudging;
DROP FUNCTION position_of;
