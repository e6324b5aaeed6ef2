--
-- Text and wire input of vector: what is read, and what is refused with which code
--
SET client_min_messages = warning;

-- the value of an expression, or how it fails
CREATE FUNCTION attempt(expr text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    result text;
    message text;
    detail text;
    code text;
BEGIN
    EXECUTE 'SELECT (' || expr || ')::text' INTO result;
    RETURN result;
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS code = RETURNED_SQLSTATE, message = MESSAGE_TEXT,
        detail = PG_EXCEPTION_DETAIL;
    RETURN code || ': ' || message || CASE WHEN detail <> '' THEN ' | ' || detail ELSE '' END;
END $$;

CREATE FUNCTION attempt_text(input text, type text DEFAULT 'vector') RETURNS text
LANGUAGE sql AS $$ SELECT attempt(quote_literal(input) || '::' || type) $$;

-- accepted
SELECT input, attempt_text(input) FROM unnest(ARRAY[
    '[1,2,3]', '[-1,-2.5,+3]', '[1.,.5,-.25]', ' [ 1,  2 ,    3  ] ',
    '[1e3,1E-3,1.5e+2]', '[0,-0]', '[1.23456789]',
    '[0.1,0.2,0.3]', '[16777217]', '[3.4028235e38,-3.4028235e38]',
    '[1.17549435e-38,1.4e-45]', '[1e-46,-1e-46]', '[0x1p3]',
    '[00012.5000]', '[1 , 2]', '[123456789012345678901234567890]', '[0e999999999]'
    ]) AS input;

SELECT E'\t[\n1\r,\f2\x0b]\n'::vector AS every_white_space;

-- not numbers, or not finite
SELECT input, attempt_text(input) FROM unnest(ARRAY[
    '[NaN,1]', '[1,nan]', '[Infinity]', '[-inf]', '[1,2,INF]', '[4e38,1]', '[-4e38]',
    '[1e999]', '[3.5e38]', '[1,2,99999999999999999999999999999999999999999]'
    ]) AS input;

-- malformed
SELECT input, attempt_text(input) FROM unnest(ARRAY[
    '', ' ', '[', '[ ', '[,', '[]', '[ ]', '[,]', '[1,]', '[1,,3]', '[1, ,3]', '[,1]',
    '[1,2,3', '1,2,3]', '1,2,3', '[1,2,3]9', '[1,2,3]]', '[[1,2,3]]', '[1 2]', '[1;2]',
    '{1,2,3}', '[hello,1]', '[1a]', '[1e]', '[1e+]', '[.]', '[-]', '[--1]', '[1.2.3]', '[1_000]',
    '[0x]', '[1]x', '[nan(1]'
    ]) AS input;

-- the type modifier
SELECT type, attempt_text('[1,2,3]', type) FROM unnest(ARRAY[
    'vector(3)', 'vector(2)', 'vector(4)', 'vector(0)', 'vector(-1)', 'vector(16000)',
    'vector(16001)', 'vector(3,2)', 'vector(''a'')', 'vector()'
    ]) AS type;
SELECT attempt($$ '{"[1,2,3]","[4,5,6]"}'::vector(3)[] $$);
SELECT attempt($$ '{"[1,2,3]"}'::vector(2)[] $$);

-- the number of dimensions
SELECT vector_dims(('[' || repeat('1,', 15999) || '1]')::vector);
SELECT attempt_text('[' || repeat('1,', 16000) || '1]');
SELECT attempt_text('[' || repeat('1,', 99999) || '1]');

-- long input is quoted in part only, at a character's boundary
SELECT attempt_text('[' || repeat('1.25,', 60) || 'x]');
SELECT getdatabaseencoding() <> 'UTF8'
    OR attempt_text('[1,' || repeat(chr(233), 70) || ']') =
        '22P02: invalid input syntax for type vector: "[1,' || repeat(chr(233), 62)
        || '..." | Expected a number at character 4.' AS clipped,
    getdatabaseencoding() <> 'UTF8'
    OR attempt_text('[1]' || chr(233) || ']') LIKE '% at character 4.' AS at_character;

-- every decimal reads as the nearest float, as real does: short, long and exact middles
WITH strings AS (
    SELECT (CASE WHEN i % 2 = 0 THEN '-' ELSE '' END)
        || ('x' || substr(h, 1, 7))::bit(28)::int % (10 ^ (i % 9))::int
        || CASE WHEN i % 3 = 0 THEN '.' || ('x' || substr(h, 8, 15))::bit(60)::bigint ELSE '' END
        || CASE WHEN i % 5 = 0 THEN 'e' || ('x' || substr(h, 24, 7))::bit(28)::int % 60 - 36 ELSE '' END
        AS s
    FROM (SELECT i, md5(i::text) AS h FROM generate_series(1, 20000) i) t
    UNION ALL
    SELECT (('x' || substr(md5(i::text), 1, 7))::bit(28)::int / 8 * 2 + 33554433)::text
    FROM generate_series(1, 2000) i
    UNION ALL
    SELECT ((('x' || substr(md5(i::text), 1, 6))::bit(24)::int * 2 + 33554433) / 64.0::numeric)::text
    FROM generate_series(1, 2000) i
    UNION ALL
    SELECT ((('x' || substr(md5(i::text), 1, 6))::bit(24)::int * 2 + 33554433) / 64.0::numeric
            + CASE WHEN i % 2 = 0 THEN 1e-14 ELSE -1e-14 END)::text
    FROM generate_series(1, 2000) i)
SELECT count(*) > 20000 AS enough, count(*) FILTER (
    WHERE float4send((('[' || s || ']')::vector::real[])[1]) <> float4send(s::real)) AS wrong
FROM strings
WHERE abs(s::numeric) < 1e38 AND (abs(s::numeric) > 1e-37 OR s::numeric = 0);

-- output reads back as the same floats
SELECT count(*) AS values, count(*) FILTER (WHERE v::text::vector::text <> v::text
    OR vector_send(v::text::vector) <> vector_send(v)) AS wrong
FROM (SELECT ARRAY[sin(i), i / 7.0, exp(i % 80), exp(-(i % 80)), i * 1e30, 1e-40]::vector AS v
      FROM generate_series(1, 2000) i) t;

-- wire form: what is sent
SELECT vector_send('[1,-2.5]');
SELECT length(vector_send(array_fill(1, ARRAY[16000])::vector));

-- wire form: what is received.  A COPY file holding one value with the given bytes.
CREATE TABLE received (v vector(2));
CREATE FUNCTION copy_file(value bytea) RETURNS oid LANGUAGE sql AS $$
    SELECT lo_from_bytea(0, '\x5047434f50590aff0d0a000000000000000000'::bytea
        || '\x0001'::bytea || int4send(length(value)) || value || '\xffff'::bytea)
$$;
\getenv dir PG_ABS_BUILDDIR
\set file :dir '/results/vector_input.bin'
\set load '\\copy received from ' '''' :file '''' ' with (format binary)'
\set VERBOSITY sqlstate

SELECT copy_file(vector_send('[1,2]')) AS oid \gset
\lo_export :oid :file
:load
-- header cut
SELECT copy_file('\x') AS oid \gset
\lo_export :oid :file
:load
SELECT copy_file('\x000200') AS oid \gset
\lo_export :oid :file
:load
-- body cut, by an element and by a byte
SELECT copy_file('\x000200003f800000') AS oid \gset
\lo_export :oid :file
:load
SELECT copy_file('\x000200003f8000003f8000') AS oid \gset
\lo_export :oid :file
:load
-- body too long
SELECT copy_file('\x000200003f8000003f8000003f800000') AS oid \gset
\lo_export :oid :file
:load
SELECT copy_file('\x000200003f8000003f80000000') AS oid \gset
\lo_export :oid :file
:load
-- no dimension, negative, too many, not those of the column
SELECT copy_file('\x00000000') AS oid \gset
\lo_export :oid :file
:load
SELECT copy_file('\xffff0000') AS oid \gset
\lo_export :oid :file
:load
SELECT copy_file('\x3e810000'::bytea || decode(repeat('00', 64004), 'hex')) AS oid \gset
\lo_export :oid :file
:load
SELECT copy_file(vector_send('[1,2,3]')) AS oid \gset
\lo_export :oid :file
:load
-- the reserved field set
SELECT copy_file('\x000200013f8000003f800000') AS oid \gset
\lo_export :oid :file
:load
-- NaN, infinity, minus infinity
SELECT copy_file('\x000200003f8000007fc00000') AS oid \gset
\lo_export :oid :file
:load
SELECT copy_file('\x000200007f8000003f800000') AS oid \gset
\lo_export :oid :file
:load
SELECT copy_file('\x00020000ff8000003f800000') AS oid \gset
\lo_export :oid :file
:load
\set VERBOSITY default
SELECT * FROM received;

SELECT count(lo_unlink(oid)) > 0 AS removed FROM pg_largeobject_metadata;
DROP TABLE received;
DROP FUNCTION copy_file(bytea);
DROP FUNCTION attempt_text(text, text);
DROP FUNCTION attempt(text);
