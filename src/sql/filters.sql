-- ---------------------------------------------------------------------------
-- Filter columns of omenhnsw: operator classes
-- ---------------------------------------------------------------------------

-- support function 2 marks a class as one of filter columns

CREATE FUNCTION omenhnsw_filter_support(internal) RETURNS internal
    AS 'MODULE_PATHNAME', 'om_hnsw_filter_support' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION omenhnsw_filter_support(internal) IS 'omenhnsw support: filter columns';

-- strategies 1 to 5 are those of btree, 6 is <>; 7 to 12 are &&, @>, <@, ?, ?|, ?&

CREATE OPERATOR FAMILY integer_ops USING omenhnsw;
COMMENT ON OPERATOR FAMILY integer_ops USING omenhnsw IS 'filter columns: integers';

CREATE OPERATOR CLASS int2_ops
    DEFAULT FOR TYPE int2 USING omenhnsw FAMILY integer_ops AS
    OPERATOR 1 < (int2, int2),
    OPERATOR 2 <= (int2, int2),
    OPERATOR 3 = (int2, int2),
    OPERATOR 4 >= (int2, int2),
    OPERATOR 5 > (int2, int2),
    OPERATOR 6 <> (int2, int2),
    OPERATOR 1 < (int2, int4),
    OPERATOR 2 <= (int2, int4),
    OPERATOR 3 = (int2, int4),
    OPERATOR 4 >= (int2, int4),
    OPERATOR 5 > (int2, int4),
    OPERATOR 6 <> (int2, int4),
    OPERATOR 1 < (int2, int8),
    OPERATOR 2 <= (int2, int8),
    OPERATOR 3 = (int2, int8),
    OPERATOR 4 >= (int2, int8),
    OPERATOR 5 > (int2, int8),
    OPERATOR 6 <> (int2, int8),
    FUNCTION 2 omenhnsw_filter_support(internal);
COMMENT ON OPERATOR CLASS int2_ops USING omenhnsw IS 'filter column: int2';

CREATE OPERATOR CLASS int4_ops
    DEFAULT FOR TYPE int4 USING omenhnsw FAMILY integer_ops AS
    OPERATOR 1 < (int4, int4),
    OPERATOR 2 <= (int4, int4),
    OPERATOR 3 = (int4, int4),
    OPERATOR 4 >= (int4, int4),
    OPERATOR 5 > (int4, int4),
    OPERATOR 6 <> (int4, int4),
    OPERATOR 1 < (int4, int2),
    OPERATOR 2 <= (int4, int2),
    OPERATOR 3 = (int4, int2),
    OPERATOR 4 >= (int4, int2),
    OPERATOR 5 > (int4, int2),
    OPERATOR 6 <> (int4, int2),
    OPERATOR 1 < (int4, int8),
    OPERATOR 2 <= (int4, int8),
    OPERATOR 3 = (int4, int8),
    OPERATOR 4 >= (int4, int8),
    OPERATOR 5 > (int4, int8),
    OPERATOR 6 <> (int4, int8),
    FUNCTION 2 omenhnsw_filter_support(internal);
COMMENT ON OPERATOR CLASS int4_ops USING omenhnsw IS 'filter column: int4';

CREATE OPERATOR CLASS int8_ops
    DEFAULT FOR TYPE int8 USING omenhnsw FAMILY integer_ops AS
    OPERATOR 1 < (int8, int8),
    OPERATOR 2 <= (int8, int8),
    OPERATOR 3 = (int8, int8),
    OPERATOR 4 >= (int8, int8),
    OPERATOR 5 > (int8, int8),
    OPERATOR 6 <> (int8, int8),
    OPERATOR 1 < (int8, int2),
    OPERATOR 2 <= (int8, int2),
    OPERATOR 3 = (int8, int2),
    OPERATOR 4 >= (int8, int2),
    OPERATOR 5 > (int8, int2),
    OPERATOR 6 <> (int8, int2),
    OPERATOR 1 < (int8, int4),
    OPERATOR 2 <= (int8, int4),
    OPERATOR 3 = (int8, int4),
    OPERATOR 4 >= (int8, int4),
    OPERATOR 5 > (int8, int4),
    OPERATOR 6 <> (int8, int4),
    FUNCTION 2 omenhnsw_filter_support(internal);
COMMENT ON OPERATOR CLASS int8_ops USING omenhnsw IS 'filter column: int8';

CREATE OPERATOR FAMILY float_ops USING omenhnsw;
COMMENT ON OPERATOR FAMILY float_ops USING omenhnsw IS 'filter columns: floating-point numbers';

CREATE OPERATOR CLASS float4_ops
    DEFAULT FOR TYPE float4 USING omenhnsw FAMILY float_ops AS
    OPERATOR 1 < (float4, float4),
    OPERATOR 2 <= (float4, float4),
    OPERATOR 3 = (float4, float4),
    OPERATOR 4 >= (float4, float4),
    OPERATOR 5 > (float4, float4),
    OPERATOR 6 <> (float4, float4),
    OPERATOR 1 < (float4, float8),
    OPERATOR 2 <= (float4, float8),
    OPERATOR 3 = (float4, float8),
    OPERATOR 4 >= (float4, float8),
    OPERATOR 5 > (float4, float8),
    OPERATOR 6 <> (float4, float8),
    FUNCTION 2 omenhnsw_filter_support(internal);
COMMENT ON OPERATOR CLASS float4_ops USING omenhnsw IS 'filter column: float4';

CREATE OPERATOR CLASS float8_ops
    DEFAULT FOR TYPE float8 USING omenhnsw FAMILY float_ops AS
    OPERATOR 1 < (float8, float8),
    OPERATOR 2 <= (float8, float8),
    OPERATOR 3 = (float8, float8),
    OPERATOR 4 >= (float8, float8),
    OPERATOR 5 > (float8, float8),
    OPERATOR 6 <> (float8, float8),
    OPERATOR 1 < (float8, float4),
    OPERATOR 2 <= (float8, float4),
    OPERATOR 3 = (float8, float4),
    OPERATOR 4 >= (float8, float4),
    OPERATOR 5 > (float8, float4),
    OPERATOR 6 <> (float8, float4),
    FUNCTION 2 omenhnsw_filter_support(internal);
COMMENT ON OPERATOR CLASS float8_ops USING omenhnsw IS 'filter column: float8';

CREATE OPERATOR FAMILY datetime_ops USING omenhnsw;
COMMENT ON OPERATOR FAMILY datetime_ops USING omenhnsw IS 'filter columns: dates and timestamps';

CREATE OPERATOR CLASS date_ops
    DEFAULT FOR TYPE date USING omenhnsw FAMILY datetime_ops AS
    OPERATOR 1 < (date, date),
    OPERATOR 2 <= (date, date),
    OPERATOR 3 = (date, date),
    OPERATOR 4 >= (date, date),
    OPERATOR 5 > (date, date),
    OPERATOR 6 <> (date, date),
    OPERATOR 1 < (date, timestamp),
    OPERATOR 2 <= (date, timestamp),
    OPERATOR 3 = (date, timestamp),
    OPERATOR 4 >= (date, timestamp),
    OPERATOR 5 > (date, timestamp),
    OPERATOR 6 <> (date, timestamp),
    OPERATOR 1 < (date, timestamptz),
    OPERATOR 2 <= (date, timestamptz),
    OPERATOR 3 = (date, timestamptz),
    OPERATOR 4 >= (date, timestamptz),
    OPERATOR 5 > (date, timestamptz),
    OPERATOR 6 <> (date, timestamptz),
    FUNCTION 2 omenhnsw_filter_support(internal);
COMMENT ON OPERATOR CLASS date_ops USING omenhnsw IS 'filter column: date';

CREATE OPERATOR CLASS timestamp_ops
    DEFAULT FOR TYPE timestamp USING omenhnsw FAMILY datetime_ops AS
    OPERATOR 1 < (timestamp, timestamp),
    OPERATOR 2 <= (timestamp, timestamp),
    OPERATOR 3 = (timestamp, timestamp),
    OPERATOR 4 >= (timestamp, timestamp),
    OPERATOR 5 > (timestamp, timestamp),
    OPERATOR 6 <> (timestamp, timestamp),
    OPERATOR 1 < (timestamp, date),
    OPERATOR 2 <= (timestamp, date),
    OPERATOR 3 = (timestamp, date),
    OPERATOR 4 >= (timestamp, date),
    OPERATOR 5 > (timestamp, date),
    OPERATOR 6 <> (timestamp, date),
    OPERATOR 1 < (timestamp, timestamptz),
    OPERATOR 2 <= (timestamp, timestamptz),
    OPERATOR 3 = (timestamp, timestamptz),
    OPERATOR 4 >= (timestamp, timestamptz),
    OPERATOR 5 > (timestamp, timestamptz),
    OPERATOR 6 <> (timestamp, timestamptz),
    FUNCTION 2 omenhnsw_filter_support(internal);
COMMENT ON OPERATOR CLASS timestamp_ops USING omenhnsw IS 'filter column: timestamp';

CREATE OPERATOR CLASS timestamptz_ops
    DEFAULT FOR TYPE timestamptz USING omenhnsw FAMILY datetime_ops AS
    OPERATOR 1 < (timestamptz, timestamptz),
    OPERATOR 2 <= (timestamptz, timestamptz),
    OPERATOR 3 = (timestamptz, timestamptz),
    OPERATOR 4 >= (timestamptz, timestamptz),
    OPERATOR 5 > (timestamptz, timestamptz),
    OPERATOR 6 <> (timestamptz, timestamptz),
    OPERATOR 1 < (timestamptz, date),
    OPERATOR 2 <= (timestamptz, date),
    OPERATOR 3 = (timestamptz, date),
    OPERATOR 4 >= (timestamptz, date),
    OPERATOR 5 > (timestamptz, date),
    OPERATOR 6 <> (timestamptz, date),
    OPERATOR 1 < (timestamptz, timestamp),
    OPERATOR 2 <= (timestamptz, timestamp),
    OPERATOR 3 = (timestamptz, timestamp),
    OPERATOR 4 >= (timestamptz, timestamp),
    OPERATOR 5 > (timestamptz, timestamp),
    OPERATOR 6 <> (timestamptz, timestamp),
    FUNCTION 2 omenhnsw_filter_support(internal);
COMMENT ON OPERATOR CLASS timestamptz_ops USING omenhnsw IS 'filter column: timestamptz';

CREATE OPERATOR CLASS bool_ops
    DEFAULT FOR TYPE bool USING omenhnsw AS
    OPERATOR 1 < (bool, bool),
    OPERATOR 2 <= (bool, bool),
    OPERATOR 3 = (bool, bool),
    OPERATOR 4 >= (bool, bool),
    OPERATOR 5 > (bool, bool),
    OPERATOR 6 <> (bool, bool),
    FUNCTION 2 omenhnsw_filter_support(internal);
COMMENT ON OPERATOR CLASS bool_ops USING omenhnsw IS 'filter column: bool';
COMMENT ON OPERATOR FAMILY bool_ops USING omenhnsw IS 'filter columns: bool';

CREATE OPERATOR CLASS oid_ops
    DEFAULT FOR TYPE oid USING omenhnsw AS
    OPERATOR 1 < (oid, oid),
    OPERATOR 2 <= (oid, oid),
    OPERATOR 3 = (oid, oid),
    OPERATOR 4 >= (oid, oid),
    OPERATOR 5 > (oid, oid),
    OPERATOR 6 <> (oid, oid),
    FUNCTION 2 omenhnsw_filter_support(internal);
COMMENT ON OPERATOR CLASS oid_ops USING omenhnsw IS 'filter column: oid';
COMMENT ON OPERATOR FAMILY oid_ops USING omenhnsw IS 'filter columns: oid';

CREATE OPERATOR CLASS numeric_ops
    DEFAULT FOR TYPE numeric USING omenhnsw AS
    OPERATOR 1 < (numeric, numeric),
    OPERATOR 2 <= (numeric, numeric),
    OPERATOR 3 = (numeric, numeric),
    OPERATOR 4 >= (numeric, numeric),
    OPERATOR 5 > (numeric, numeric),
    OPERATOR 6 <> (numeric, numeric),
    FUNCTION 2 omenhnsw_filter_support(internal);
COMMENT ON OPERATOR CLASS numeric_ops USING omenhnsw IS 'filter column: numeric';
COMMENT ON OPERATOR FAMILY numeric_ops USING omenhnsw IS 'filter columns: numeric';

CREATE OPERATOR CLASS money_ops
    DEFAULT FOR TYPE money USING omenhnsw AS
    OPERATOR 1 < (money, money),
    OPERATOR 2 <= (money, money),
    OPERATOR 3 = (money, money),
    OPERATOR 4 >= (money, money),
    OPERATOR 5 > (money, money),
    OPERATOR 6 <> (money, money),
    FUNCTION 2 omenhnsw_filter_support(internal);
COMMENT ON OPERATOR CLASS money_ops USING omenhnsw IS 'filter column: money';
COMMENT ON OPERATOR FAMILY money_ops USING omenhnsw IS 'filter columns: money';

CREATE OPERATOR CLASS time_ops
    DEFAULT FOR TYPE time USING omenhnsw AS
    OPERATOR 1 < (time, time),
    OPERATOR 2 <= (time, time),
    OPERATOR 3 = (time, time),
    OPERATOR 4 >= (time, time),
    OPERATOR 5 > (time, time),
    OPERATOR 6 <> (time, time),
    FUNCTION 2 omenhnsw_filter_support(internal);
COMMENT ON OPERATOR CLASS time_ops USING omenhnsw IS 'filter column: time';
COMMENT ON OPERATOR FAMILY time_ops USING omenhnsw IS 'filter columns: time';

CREATE OPERATOR CLASS timetz_ops
    DEFAULT FOR TYPE timetz USING omenhnsw AS
    OPERATOR 1 < (timetz, timetz),
    OPERATOR 2 <= (timetz, timetz),
    OPERATOR 3 = (timetz, timetz),
    OPERATOR 4 >= (timetz, timetz),
    OPERATOR 5 > (timetz, timetz),
    OPERATOR 6 <> (timetz, timetz),
    FUNCTION 2 omenhnsw_filter_support(internal);
COMMENT ON OPERATOR CLASS timetz_ops USING omenhnsw IS 'filter column: timetz';
COMMENT ON OPERATOR FAMILY timetz_ops USING omenhnsw IS 'filter columns: timetz';

CREATE OPERATOR CLASS interval_ops
    DEFAULT FOR TYPE interval USING omenhnsw AS
    OPERATOR 1 < (interval, interval),
    OPERATOR 2 <= (interval, interval),
    OPERATOR 3 = (interval, interval),
    OPERATOR 4 >= (interval, interval),
    OPERATOR 5 > (interval, interval),
    OPERATOR 6 <> (interval, interval),
    FUNCTION 2 omenhnsw_filter_support(internal);
COMMENT ON OPERATOR CLASS interval_ops USING omenhnsw IS 'filter column: interval';
COMMENT ON OPERATOR FAMILY interval_ops USING omenhnsw IS 'filter columns: interval';

CREATE OPERATOR CLASS uuid_ops
    DEFAULT FOR TYPE uuid USING omenhnsw AS
    OPERATOR 1 < (uuid, uuid),
    OPERATOR 2 <= (uuid, uuid),
    OPERATOR 3 = (uuid, uuid),
    OPERATOR 4 >= (uuid, uuid),
    OPERATOR 5 > (uuid, uuid),
    OPERATOR 6 <> (uuid, uuid),
    FUNCTION 2 omenhnsw_filter_support(internal);
COMMENT ON OPERATOR CLASS uuid_ops USING omenhnsw IS 'filter column: uuid';
COMMENT ON OPERATOR FAMILY uuid_ops USING omenhnsw IS 'filter columns: uuid';

CREATE OPERATOR CLASS inet_ops
    DEFAULT FOR TYPE inet USING omenhnsw AS
    OPERATOR 1 < (inet, inet),
    OPERATOR 2 <= (inet, inet),
    OPERATOR 3 = (inet, inet),
    OPERATOR 4 >= (inet, inet),
    OPERATOR 5 > (inet, inet),
    OPERATOR 6 <> (inet, inet),
    FUNCTION 2 omenhnsw_filter_support(internal);
COMMENT ON OPERATOR CLASS inet_ops USING omenhnsw IS 'filter column: inet and cidr';
COMMENT ON OPERATOR FAMILY inet_ops USING omenhnsw IS 'filter columns: inet and cidr';

CREATE OPERATOR CLASS text_ops
    DEFAULT FOR TYPE text USING omenhnsw AS
    OPERATOR 1 < (text, text),
    OPERATOR 2 <= (text, text),
    OPERATOR 3 = (text, text),
    OPERATOR 4 >= (text, text),
    OPERATOR 5 > (text, text),
    OPERATOR 6 <> (text, text),
    FUNCTION 2 omenhnsw_filter_support(internal);
COMMENT ON OPERATOR CLASS text_ops USING omenhnsw IS 'filter column: text and varchar';
COMMENT ON OPERATOR FAMILY text_ops USING omenhnsw IS 'filter columns: text and varchar';

CREATE OPERATOR CLASS bpchar_ops
    DEFAULT FOR TYPE bpchar USING omenhnsw AS
    OPERATOR 1 < (bpchar, bpchar),
    OPERATOR 2 <= (bpchar, bpchar),
    OPERATOR 3 = (bpchar, bpchar),
    OPERATOR 4 >= (bpchar, bpchar),
    OPERATOR 5 > (bpchar, bpchar),
    OPERATOR 6 <> (bpchar, bpchar),
    FUNCTION 2 omenhnsw_filter_support(internal);
COMMENT ON OPERATOR CLASS bpchar_ops USING omenhnsw IS 'filter column: char(n)';
COMMENT ON OPERATOR FAMILY bpchar_ops USING omenhnsw IS 'filter columns: char(n)';

CREATE OPERATOR CLASS enum_ops
    DEFAULT FOR TYPE anyenum USING omenhnsw AS
    OPERATOR 1 < (anyenum, anyenum),
    OPERATOR 2 <= (anyenum, anyenum),
    OPERATOR 3 = (anyenum, anyenum),
    OPERATOR 4 >= (anyenum, anyenum),
    OPERATOR 5 > (anyenum, anyenum),
    OPERATOR 6 <> (anyenum, anyenum),
    FUNCTION 2 omenhnsw_filter_support(internal);
COMMENT ON OPERATOR CLASS enum_ops USING omenhnsw IS 'filter column: enums';
COMMENT ON OPERATOR FAMILY enum_ops USING omenhnsw IS 'filter columns: enums';

CREATE OPERATOR CLASS array_ops
    DEFAULT FOR TYPE anyarray USING omenhnsw AS
    OPERATOR 3 = (anyarray, anyarray),
    OPERATOR 6 <> (anyarray, anyarray),
    OPERATOR 7 && (anyarray, anyarray),
    OPERATOR 8 @> (anyarray, anyarray),
    OPERATOR 9 <@ (anyarray, anyarray),
    FUNCTION 2 omenhnsw_filter_support(internal);
COMMENT ON OPERATOR CLASS array_ops USING omenhnsw IS 'filter column: arrays, elements';
COMMENT ON OPERATOR FAMILY array_ops USING omenhnsw IS 'filter columns: arrays, elements';

CREATE OPERATOR CLASS jsonb_ops
    DEFAULT FOR TYPE jsonb USING omenhnsw AS
    OPERATOR 3 = (jsonb, jsonb),
    OPERATOR 6 <> (jsonb, jsonb),
    OPERATOR 8 @> (jsonb, jsonb),
    OPERATOR 9 <@ (jsonb, jsonb),
    OPERATOR 10 ? (jsonb, text),
    OPERATOR 11 ?| (jsonb, text[]),
    OPERATOR 12 ?& (jsonb, text[]),
    FUNCTION 2 omenhnsw_filter_support(internal);
COMMENT ON OPERATOR CLASS jsonb_ops USING omenhnsw IS 'filter column: jsonb, keys and values';
COMMENT ON OPERATOR FAMILY jsonb_ops USING omenhnsw IS 'filter columns: jsonb, keys and values';
