/*
 * summary.c -- what an index keeps of a filter column: values to 64 bits.
 *
 * Owns the codes: which type has which kind of summary, and how a value becomes
 * one.  Codes are on disk: what a value's code is must never change.  A code is
 * kept small where the type is (a page keeps only as many bytes as its values
 * need), and no code is reserved for NULL.
 *
 *   TYPE                      KIND       CODE
 *   bool, oid                 exact      the value
 *   int2/4/8, money, date,    exact      value - smallest of the type
 *   time, timestamp(tz)
 *   float4, float8            exact      bits of the double, made to order; NaN is greatest
 *   timetz                    exact      UTC time, then zone
 *   interval                  ordered    microseconds, saturated at 292,000 years
 *   numeric                   ordered    the nearest double, as above
 *   uuid                      ordered    first 8 bytes
 *   inet, cidr                ordered    family, network, mask, host: what fits
 *   text, bpchar; C order     ordered    first 8 bytes
 *   text, bpchar; otherwise   hash       32 bits of the type's hash
 *   enum                      enum       the member's OID
 *   array, jsonb              signature  3 bits of 64 for each element
 */
#include "postgres.h"

#include <math.h>
#include <sys/socket.h>

#include "access/htup_details.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_database.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "common/int.h"
#include "datatype/timestamp.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/cash.h"
#include "utils/date.h"
#include "utils/inet.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/numeric.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"
#include "utils/uuid.h"

#include "filter/summary.h"

#define PREFIX_BYTES	8

/* The zone of a timetz, shifted to be positive, and its UTC time likewise */
#define ZONE_BITS		17
#define ZONE_SHIFT		(16 * SECS_PER_HOUR)

/* Doubles tell decimals of so many digits apart, between 1e-DECIMAL_SCALE and 1e+DECIMAL_SCALE. */
#define DECIMAL_DIGITS	15
#define DECIMAL_SCALE	290

struct OhSummary
{
	int			nattrs;
	OhCodec		codec[FLEXIBLE_ARRAY_MEMBER];
};

/* ---- the codec of a column ---- */

/*
 * set_hash -- the extended hash function of a type; false if it has none.
 */
static bool
set_hash(OhCodec *codec, Oid type, MemoryContext context)
{
	TypeCacheEntry *entry = lookup_type_cache(type, TYPECACHE_HASH_EXTENDED_PROC);

	if (!OidIsValid(entry->hash_extended_proc))
		return false;
	fmgr_info_cxt(entry->hash_extended_proc, &codec->hash, context);
	return true;
}

/*
 * is_decimal -- do all numerics of this typmod have few enough digits?
 */
static bool
is_decimal(int32 typmod)
{
	int			precision;
	int			scale;

	if (typmod < (int32) VARHDRSZ)
		return false;
	precision = ((typmod - VARHDRSZ) >> 16) & 0xffff;
	/* eleven bits, signed, as numeric.c has it */
	scale = (((typmod - VARHDRSZ) & 0x7ff) ^ 1024) - 1024;
	return precision <= DECIMAL_DIGITS && abs(scale) <= DECIMAL_SCALE;
}

/*
 * orders_by_bytes -- does text order by its bytes under this collation?
 *
 * From the catalogs: utils/pg_locale.h needs ICU's headers, which packages of the
 * server's headers do not bring.
 */
static bool
orders_by_bytes(Oid collation)
{
	bool		is_default = collation == DEFAULT_COLLATION_OID;
	int			cache = is_default ? DATABASEOID : COLLOID;
	HeapTuple	tuple = SearchSysCache1(cache, ObjectIdGetDatum(is_default ? MyDatabaseId : collation));
	char		provider;
	Datum		locale;
	bool		isnull;
	bool		result;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for collation %u", collation);
	if (is_default)
	{
		provider = ((Form_pg_database) GETSTRUCT(tuple))->datlocprovider;
		locale = SysCacheGetAttr(cache, tuple, Anum_pg_database_datcollate, &isnull);
	}
	else
	{
		provider = ((Form_pg_collation) GETSTRUCT(tuple))->collprovider;
		locale = SysCacheGetAttr(cache, tuple, Anum_pg_collation_collcollate, &isnull);
	}

	result = provider == 'b';		/* the builtin provider, from 17 on */
	if (provider == COLLPROVIDER_LIBC && !isnull)
	{
		char	   *name = TextDatumGetCString(locale);

		result = strcmp(name, "C") == 0 || strcmp(name, "POSIX") == 0;
	}
	ReleaseSysCache(tuple);
	return result;
}

/*
 * set_type -- fill a codec for a type; false if the type has no summary.
 */
static bool
set_type(OhCodec *codec, Oid type, int32 typmod, Oid collation, MemoryContext context)
{
	memset(codec, 0, sizeof(OhCodec));
	codec->type = type;
	codec->collation = collation;
	codec->max = PG_UINT64_MAX;

	switch (type)
	{
		case BOOLOID:
			codec->kind = OH_ATTR_EXACT;
			codec->max = 1;
			return true;
		case INT2OID:
			codec->kind = OH_ATTR_EXACT;
			codec->max = PG_UINT16_MAX;
			return true;
		case INT4OID:
		case OIDOID:
		case DATEOID:
			codec->kind = OH_ATTR_EXACT;
			codec->max = PG_UINT32_MAX;
			return true;
		case INT8OID:
		case CASHOID:
		case TIMEOID:
		case TIMETZOID:
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
		case FLOAT4OID:
		case FLOAT8OID:
			codec->kind = OH_ATTR_EXACT;
			return true;
		case NUMERICOID:
			codec->kind = OH_ATTR_ORDERED;
			codec->decimal = is_decimal(typmod);
			return true;
		case INTERVALOID:
		case UUIDOID:
		case INETOID:
		case CIDROID:
			codec->kind = OH_ATTR_ORDERED;
			return true;
		case TEXTOID:
		case VARCHAROID:
		case BPCHAROID:
			codec->ordered = OidIsValid(collation) && orders_by_bytes(collation);
			codec->kind = codec->ordered ? OH_ATTR_ORDERED : OH_ATTR_HASH;
			return set_hash(codec, type, context);
		case JSONBOID:
			codec->kind = OH_ATTR_SIGNATURE;
			return true;
		default:
			break;
	}

	if (type_is_enum(type))
	{
		codec->kind = OH_ATTR_ENUM;
		return true;
	}
	codec->element = get_element_type(type);
	if (OidIsValid(codec->element))
	{
		codec->kind = OH_ATTR_SIGNATURE;
		get_typlenbyvalalign(codec->element, &codec->element_length, &codec->element_byval,
							 &codec->element_align);
		return set_hash(codec, codec->element, context);
	}
	return false;
}

/*
 * set_codec -- of filter column `column` of an index; false if there is none.
 */
static bool
set_codec(OhCodec *codec, Relation index, int column, MemoryContext context)
{
	Form_pg_attribute att = TupleDescAttr(RelationGetDescr(index), column + 1);
	Oid			type = index->rd_opcintype[column + 1];
	int32		typmod = att->atttypmod;
	Oid			actual = getBaseTypeAndTypmod(att->atttypid, &typmod);

	if (IsPolymorphicType(type))
		type = actual;
	return set_type(codec, type, actual == type ? typmod : -1, index->rd_indcollation[column + 1],
					context);
}

OhAttrKind
OhSummaryKind(Relation index, int column)
{
	Form_pg_attribute att = TupleDescAttr(RelationGetDescr(index), column + 1);
	OhCodec		codec;

	if (!set_codec(&codec, index, column, CurrentMemoryContext))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("column \"%s\" of type %s cannot be a filter column of an omenhnsw index",
						NameStr(att->attname), format_type_be(att->atttypid)),
				 OidIsValid(codec.element) ?
				 errdetail("Type %s has no extended hash function.", format_type_be(codec.element)) : 0,
				 errhint("Leave the column out of the index: conditions on it are then checked in the table.")));
	return codec.kind;
}

/* Of a type that has one of two kinds of summary, by its collation? */
static bool
is_text(const OhCodec *codec)
{
	return codec->type == TEXTOID || codec->type == VARCHAROID || codec->type == BPCHAROID;
}

OhSummary *
OhSummaryBegin(const OhColumns *columns, MemoryContext context)
{
	OhSummary  *summary = MemoryContextAllocZero(context, offsetof(OhSummary, codec) +
												 columns->n * sizeof(OhCodec));

	summary->nattrs = columns->n;
	for (int i = 0; i < columns->n; i++)
	{
		OhCodec    *codec = &summary->codec[i];
		OhAttrKind	kind = columns->kind[i];

		if (!set_codec(codec, columns->file->rel, i, context) ||
			(kind != codec->kind && !(is_text(codec) && (kind == OH_ATTR_ORDERED || kind == OH_ATTR_HASH))))
			OhReportCorruption(columns->file->rel, OH_META_BLOCK, "summaries of kind %d for column %d", kind, i + 2);
		/* whether text has hashes or prefixes was decided when the index was built */
		codec->kind = kind;
		if (kind == OH_ATTR_HASH)
			codec->max = PG_UINT32_MAX;
	}
	return summary;
}

OhCodec *
OhSummaryCodec(OhSummary *summary, int column)
{
	return &summary->codec[column];
}

/* ---- values to codes ---- */

/* Signed integers order as unsigned ones. */
static inline uint64
encode_int64(int64 value)
{
	return (uint64) value ^ (UINT64CONST(1) << 63);
}

static inline uint64
encode_int32(int32 value)
{
	return (uint32) value ^ (UINT32_C(1) << 31);
}

static inline uint64
encode_double(double value)
{
	uint64		bits;

	if (isnan(value))
		return PG_UINT64_MAX;
	if (value == 0)
		value = 0;				/* -0 equals 0 */
	memcpy(&bits, &value, sizeof(bits));
	return (bits >> 63) ? ~bits : bits | (UINT64CONST(1) << 63);
}

/*
 * Backwards; codes of no double stand for the nearest one, NaN at the upper end.
 */
static double
decode_double(uint64 code)
{
	double		value;

	if (code < encode_double(-INFINITY))
		return -INFINITY;
	if (code > encode_double(INFINITY))
		return NAN;
	code = (code >> 63) ? code & ~(UINT64CONST(1) << 63) : ~code;
	memcpy(&value, &code, sizeof(value));
	return value;
}

/* Bytes as a big-endian number, zeros where there are none. */
static uint64
encode_bytes(const void *data, int length)
{
	const unsigned char *bytes = data;
	uint64		code = 0;

	for (int i = 0; i < PREFIX_BYTES; i++)
		code = code << 8 | (i < length ? bytes[i] : 0);
	return code;
}

/*
 * encode_text -- the first bytes, as memcmp orders.
 *
 * No text has a zero byte: a shorter one shares its code with nothing.
 */
static uint64
encode_text(const OhCodec *codec, Datum value, OhCodeClass *shared)
{
	const char *data;
	int			length;
	struct varlena *text;

	/* trailing blanks do not count, so that all of a bpchar must be seen */
	if (codec->type != BPCHAROID && VARATT_IS_EXTENDED(DatumGetPointer(value)) &&
		!VARATT_IS_SHORT(DatumGetPointer(value)))
		text = PG_DETOAST_DATUM_SLICE(value, 0, PREFIX_BYTES + 1);
	else
		text = PG_DETOAST_DATUM_PACKED(value);
	data = VARDATA_ANY(text);
	length = VARSIZE_ANY_EXHDR(text);
	if (codec->type == BPCHAROID)
		length = bpchartruelen((char *) data, length);
	shared->below = length > PREFIX_BYTES;
	shared->above = length >= PREFIX_BYTES;
	return encode_bytes(data, length);
}

/*
 * encode_numeric -- the nearest double.
 */
static uint64
encode_numeric(const OhCodec *codec, Datum value, OhCodeClass *shared)
{
	double		number = DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow, value));
	int			digits = 0;
	int			zeros = 0;
	const char *s;

	shared->below = shared->above = !isnan(number);
	if (!codec->decimal || isnan(number) || fabs(number) > pow(10, DECIMAL_SCALE))
		return encode_double(number);

	/* the column has few digits; if this number has no more, it shares its code with none */
	s = DatumGetCString(DirectFunctionCall1(numeric_out, value));
	for (; *s; s++)
	{
		if (*s < '0' || *s > '9')
			continue;
		if (*s == '0')
			zeros += digits > 0;
		else
		{
			digits += zeros + 1;
			zeros = 0;
		}
	}
	if (digits == 0 || (digits <= DECIMAL_DIGITS && fabs(number) >= pow(10, -DECIMAL_SCALE)))
		shared->below = shared->above = false;
	return encode_double(number);
}

/*
 * encode_interval -- microseconds; as many as fit.  A month has 30 days, as in
 * interval_cmp().
 */
static uint64
encode_interval(const Interval *interval, OhCodeClass *shared)
{
	int64		days = interval->month * INT64CONST(30) + interval->day;
	int64		rest = interval->time % USECS_PER_DAY;
	int64		span;

	days += interval->time / USECS_PER_DAY;
	if (rest < 0)
	{
		rest += USECS_PER_DAY;
		days--;
	}
	if (pg_mul_s64_overflow(days, USECS_PER_DAY, &span) || pg_add_s64_overflow(span, rest, &span))
		span = days < 0 ? PG_INT64_MIN : PG_INT64_MAX;
	shared->below = span == PG_INT64_MIN || span == PG_INT64_MAX;
	shared->above = shared->below;
	return encode_int64(span);
}

/*
 * encode_timetz -- by UTC time, then by zone.
 */
static uint64
encode_timetz(const TimeTzADT *value)
{
	int64		utc = value->time + (value->zone + ZONE_SHIFT) * USECS_PER_SEC;

	return (uint64) utc << ZONE_BITS | (uint64) (value->zone + ZONE_SHIFT);
}

/*
 * encode_inet -- family, network address, length of the mask, address of the host.
 *
 * IPv4 has 1 + 32 + 6 bits, and 25 for the host, all of it from a mask of 7 bits
 * on.  Of IPv6 there is room for 63 bits of the network only.
 */
static uint64
encode_inet(inet *value, OhCodeClass *shared)
{
	int			bits = ip_bits(value);
	uint64		address = encode_bytes(ip_addr(value), ip_addrsize(value));
	uint64		mask;
	uint64		host;
	int			nhost = 32 - bits;

	shared->below = shared->above = true;
	mask = bits == 0 ? 0 : PG_UINT64_MAX << (64 - Min(bits, 64));
	if (ip_family(value) != PGSQL_AF_INET)
		return UINT64CONST(1) << 63 | (address & mask) >> 1;

	host = (address & ~mask) >> 32;
	if (nhost > 25)
		host >>= nhost - 25;
	else
		shared->below = shared->above = false;
	return (address & mask) >> 1 | (uint64) bits << 25 | host;
}

/*
 * encode_hash -- 32 bits of the type's hash.
 */
static uint64
encode_hash(OhCodec *codec, Datum value)
{
	return (uint32) DatumGetUInt64(FunctionCall2Coll(&codec->hash, codec->collation, value,
													 Int64GetDatum(0)));
}

/* ---- signatures ---- */

/*
 * signature_bits -- up to three bits of 64, by a hash.
 */
static uint64
signature_bits(uint64 hash)
{
	/* the hash of some types is the value */
	hash ^= hash >> 32;
	hash *= UINT64CONST(0x9E3779B97F4A7C15);
	return UINT64CONST(1) << (hash >> 58) |
		UINT64CONST(1) << (hash >> 52 & 63) |
		UINT64CONST(1) << (hash >> 46 & 63);
}

uint64
OhElementBits(OhCodec *codec, Datum element)
{
	return signature_bits(DatumGetUInt64(FunctionCall2Coll(&codec->hash, codec->collation, element,
														   Int64GetDatum(0))));
}

/*
 * encode_array -- bits of all elements but NULLs, which match nothing.
 */
static uint64
encode_array(OhCodec *codec, Datum value)
{
	ArrayType  *array = DatumGetArrayTypeP(value);
	Datum	   *elements;
	bool	   *nulls;
	int			n;
	uint64		signature = 0;

	deconstruct_array(array, codec->element, codec->element_length, codec->element_byval,
					  codec->element_align, &elements, &nulls, &n);
	for (int i = 0; i < n; i++)
	{
		if (!nulls[i])
			signature |= OhElementBits(codec, elements[i]);
	}
	return signature;
}

static uint64
json_bits(const JsonbValue *scalar)
{
	uint64		hash = 0;

	JsonbHashScalarValueExtended(scalar, &hash, 0);
	return signature_bits(hash);
}

/* Of a key, or of a string. */
uint64
OhStringBits(const char *string, int length)
{
	JsonbValue	scalar;

	scalar.type = jbvString;
	scalar.val.string.val = unconstify(char *, string);
	scalar.val.string.len = length;
	return json_bits(&scalar);
}

/*
 * encode_jsonb -- bits of all keys and scalars, at any depth.
 */
static uint64
encode_jsonb(Datum value)
{
	Jsonb	   *document = DatumGetJsonbP(value);
	JsonbIterator *iterator = JsonbIteratorInit(&document->root);
	JsonbValue	part;
	JsonbIteratorToken token;
	uint64		signature = 0;

	while ((token = JsonbIteratorNext(&iterator, &part, false)) != WJB_DONE)
	{
		if (token == WJB_KEY || token == WJB_ELEM || token == WJB_VALUE)
			signature |= json_bits(&part);
	}
	return signature;
}

/* ---- by type ---- */

/*
 * encode_ordered -- codes of the types that order.
 */
static uint64
encode_ordered(const OhCodec *codec, Datum value, OhCodeClass *shared)
{
	switch (codec->type)
	{
		case BOOLOID:
			return DatumGetBool(value);
		case INT2OID:
			return (uint16) (DatumGetInt16(value) - PG_INT16_MIN);
		case INT4OID:
			return encode_int32(DatumGetInt32(value));
		case OIDOID:
			return DatumGetObjectId(value);
		case DATEOID:
			return encode_int32(DatumGetDateADT(value));
		case INT8OID:
			return encode_int64(DatumGetInt64(value));
		case CASHOID:
			return encode_int64(DatumGetCash(value));
		case TIMEOID:
			return encode_int64(DatumGetTimeADT(value));
		case TIMESTAMPOID:
			return encode_int64(DatumGetTimestamp(value));
		case TIMESTAMPTZOID:
			return encode_int64(DatumGetTimestampTz(value));
		case TIMETZOID:
			return encode_timetz(DatumGetTimeTzADTP(value));
		case FLOAT4OID:
			return encode_double(DatumGetFloat4(value));
		case FLOAT8OID:
			return encode_double(DatumGetFloat8(value));
		case NUMERICOID:
			return encode_numeric(codec, value, shared);
		case INTERVALOID:
			return encode_interval(DatumGetIntervalP(value), shared);
		case UUIDOID:
			{
				const unsigned char *bytes = DatumGetUUIDP(value)->data;
				uint64		rest = encode_bytes(bytes + PREFIX_BYTES, UUID_LEN - PREFIX_BYTES);

				shared->below = rest != 0;
				shared->above = rest != PG_UINT64_MAX;
				return encode_bytes(bytes, PREFIX_BYTES);
			}
		case INETOID:
		case CIDROID:
			return encode_inet(DatumGetInetPP(value), shared);
		default:
			return encode_text(codec, value, shared);
	}
}

uint64
OhEncode(OhCodec *codec, Datum value, OhCodeClass *shared)
{
	OhCodeClass ignored;

	if (shared == NULL)
		shared = &ignored;
	shared->below = shared->above = false;

	switch (codec->kind)
	{
		case OH_ATTR_EXACT:
		case OH_ATTR_ORDERED:
			return encode_ordered(codec, value, shared);
		case OH_ATTR_ENUM:
			return DatumGetObjectId(value);
		case OH_ATTR_HASH:
			shared->below = shared->above = true;
			return encode_hash(codec, value);
		case OH_ATTR_SIGNATURE:
			shared->below = shared->above = true;
			return OidIsValid(codec->element) ? encode_array(codec, value) : encode_jsonb(value);
	}
	pg_unreachable();
}

bool
OhCanDecode(const OhCodec *codec)
{
	switch (codec->type)
	{
		case INT2OID:
		case INT4OID:
		case INT8OID:
		case FLOAT4OID:
		case FLOAT8OID:
		case DATEOID:
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
			return true;
		default:
			return false;
	}
}

/*
 * clamp_time -- the nearest valid value; infinities are the ends of the range.
 */
static int64
clamp_time(int64 value, int64 least, int64 end, int64 infinity)
{
	if (value == infinity || value == -infinity - 1)
		return value;
	return Max(least, Min(value, end - 1));
}

Datum
OhDecode(const OhCodec *codec, uint64 code)
{
	int64		wide = (int64) (code ^ (UINT64CONST(1) << 63));
	int32		narrow = (int32) ((uint32) code ^ (UINT32_C(1) << 31));

	switch (codec->type)
	{
		case INT2OID:
			return Int16GetDatum((int16) ((int32) code + PG_INT16_MIN));
		case INT4OID:
			return Int32GetDatum(narrow);
		case DATEOID:
			return DateADTGetDatum((DateADT) clamp_time(narrow,
														DATETIME_MIN_JULIAN - POSTGRES_EPOCH_JDATE,
														DATE_END_JULIAN - POSTGRES_EPOCH_JDATE,
														PG_INT32_MAX));
		case TIMESTAMPOID:
			return TimestampGetDatum(clamp_time(wide, MIN_TIMESTAMP, END_TIMESTAMP, PG_INT64_MAX));
		case TIMESTAMPTZOID:
			return TimestampTzGetDatum(clamp_time(wide, MIN_TIMESTAMP, END_TIMESTAMP, PG_INT64_MAX));
		case FLOAT4OID:
			return Float4GetDatum((float4) decode_double(code));
		case FLOAT8OID:
			return Float8GetDatum(decode_double(code));
		default:
			Assert(codec->type == INT8OID);
			return Int64GetDatum(wide);
	}
}

void
OhSummarize(OhSummary *summary, const Datum *values, const bool *isnull, OhAttrRow *row)
{
	row->nulls = 0;
	row->unused = 0;
	for (int i = 0; i < summary->nattrs; i++)
	{
		row->value[i] = 0;
		if (isnull[i + 1])
			row->nulls |= UINT32_C(1) << i;
		else
			row->value[i] = OhEncode(&summary->codec[i], values[i + 1], NULL);
	}
}
