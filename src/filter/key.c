/*
 * key.c -- makes filter keys: 64 bits of a filter column's value.
 *
 * Decides which kind of filter key a type has, and how a value becomes one.  Keys are on
 * disk, so the key of a value must never change.  Types of few bytes have
 * small keys, because a filter page stores only the bytes that its keys need.  NULL
 * has no key; pages store it as a bit.
 *
 *   TYPE                      KIND       KEY
 *   bool, oid                 exact      the value
 *   int2/4/8, money, date,    exact      value - smallest of the type
 *   time, timestamp(tz)
 *   float4, float8            exact      bits of the double, changed so that they sort; NaN is greatest
 *   timetz                    exact      UTC time, then zone
 *   interval                  ordered    microseconds, at most 292,000 years
 *   numeric                   ordered    the nearest double, as for float8
 *   uuid                      ordered    first 8 bytes
 *   inet, cidr                ordered    family, network, mask, host, as far as they fit
 *   text, varchar, bpchar:
 *     collation C             ordered    first 8 bytes
 *     other collations        hash       32 bits of the type's hash
 *   enum                      enum       the label's OID
 *   array, jsonb              signature  up to three of 64 bits set for each element
 */
#include "postgres.h"

#include <math.h>
#include <sys/socket.h>

#include "access/htup_details.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_database.h"
#include "catalog/pg_type.h"
#include "commands/defrem.h"
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

#include "filter/key.h"

#define PREFIX_BYTES	8

/* The zone of a timetz and its UTC time are shifted by ZONE_SHIFT seconds, so that neither is negative. */
#define ZONE_BITS		17
#define ZONE_SHIFT		(16 * SECS_PER_HOUR)

/* Decimals of up to DECIMAL_DIGITS digits, from 1e-DECIMAL_SCALE to 1e+DECIMAL_SCALE, are different doubles. */
#define DECIMAL_DIGITS	15
#define DECIMAL_SCALE	290

struct OhKeyMaker
{
	int			ncolumns;
	OhKeyType	key_type[FLEXIBLE_ARRAY_MEMBER];
};

/* ---- the key type of a column ---- */

/*
 * set_hash -- the extended hash function of a type; false if it has none.
 */
static bool
set_hash(OhKeyType *key_type, Oid type, MemoryContext context)
{
	TypeCacheEntry *entry = lookup_type_cache(type, TYPECACHE_HASH_EXTENDED_PROC);

	if (!OidIsValid(entry->hash_extended_proc))
		return false;
	fmgr_info_cxt(entry->hash_extended_proc, &key_type->hash, context);
	return true;
}

/*
 * is_decimal -- does this typmod allow no more digits than a double represents?
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
 * orders_by_bytes -- does this collation sort text by its bytes?
 *
 * This reads the catalogs because utils/pg_locale.h includes ICU's headers, which
 * the packages of the server's headers do not depend on.
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

	result = provider == 'b';	/* the builtin provider, from 17 on */
	if (provider == COLLPROVIDER_LIBC && !isnull)
	{
		char	   *name = TextDatumGetCString(locale);

		result = strcmp(name, "C") == 0 || strcmp(name, "POSIX") == 0;
	}
	ReleaseSysCache(tuple);
	return result;
}

/*
 * set_type -- fill in the key type of an SQL type; false if it cannot be a filter column.
 */
static bool
set_type(OhKeyType *key_type, Oid type, int32 typmod, Oid collation, MemoryContext context)
{
	memset(key_type, 0, sizeof(OhKeyType));
	key_type->type = type;
	key_type->collation = collation;
	key_type->max = PG_UINT64_MAX;

	switch (type)
	{
		case BOOLOID:
			key_type->kind = OH_KEY_EXACT;
			key_type->max = 1;
			return true;
		case INT2OID:
			key_type->kind = OH_KEY_EXACT;
			key_type->max = PG_UINT16_MAX;
			return true;
		case INT4OID:
		case OIDOID:
		case DATEOID:
			key_type->kind = OH_KEY_EXACT;
			key_type->max = PG_UINT32_MAX;
			return true;
		case INT8OID:
		case CASHOID:
		case TIMEOID:
		case TIMETZOID:
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
		case FLOAT4OID:
		case FLOAT8OID:
			key_type->kind = OH_KEY_EXACT;
			return true;
		case NUMERICOID:
			key_type->kind = OH_KEY_ORDERED;
			key_type->decimal = is_decimal(typmod);
			return true;
		case INTERVALOID:
		case UUIDOID:
		case INETOID:
		case CIDROID:
			key_type->kind = OH_KEY_ORDERED;
			return true;
		case TEXTOID:
		case VARCHAROID:
		case BPCHAROID:
			key_type->ordered = OidIsValid(collation) && orders_by_bytes(collation);
			key_type->kind = key_type->ordered ? OH_KEY_ORDERED : OH_KEY_HASH;
			return set_hash(key_type, type, context);
		case JSONBOID:
			key_type->kind = OH_KEY_SIGNATURE;
			return true;
		default:
			break;
	}

	if (type_is_enum(type))
	{
		key_type->kind = OH_KEY_ENUM;
		return true;
	}
	key_type->element = get_element_type(type);
	if (OidIsValid(key_type->element))
	{
		key_type->kind = OH_KEY_SIGNATURE;
		get_typlenbyvalalign(key_type->element, &key_type->element_length, &key_type->element_byval,
							 &key_type->element_align);
		return set_hash(key_type, key_type->element, context);
	}
	return false;
}

/*
 * set_column_type -- fill in the key type of a filter column; false if its type cannot be one.
 */
static bool
set_column_type(OhKeyType *key_type, Relation index, int column, MemoryContext context)
{
	Form_pg_attribute att = TupleDescAttr(RelationGetDescr(index), column + 1);
	Oid			type = index->rd_opcintype[column + 1];
	int32		typmod = att->atttypmod;
	Oid			actual = getBaseTypeAndTypmod(att->atttypid, &typmod);

	if (IsPolymorphicType(type))
		type = actual;
	return set_type(key_type, type, actual == type ? typmod : -1, index->rd_indcollation[column + 1],
					context);
}

char *
OhTypeName(Oid type)
{
	char	   *name = format_type_be(type);
	char	   *dot = strchr(name, '.');

	return dot != NULL && strchr(name, '"') == NULL ? dot + 1 : name;
}

OhKeyKind
OhKeyKindOf(Relation index, int column)
{
	Form_pg_attribute att = TupleDescAttr(RelationGetDescr(index), column + 1);
	OhKeyType	key_type;

	if (!set_column_type(&key_type, index, column, CurrentMemoryContext))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("column \"%s\" of type %s cannot be a filter column of an %s index",
						NameStr(att->attname), OhTypeName(att->atttypid), get_am_name(index->rd_rel->relam)),
				 OidIsValid(key_type.element) ?
				 errdetail("Type %s has no extended hash function.", OhTypeName(key_type.element)) : 0,
				 errhint("Leave the column out of the index: conditions on it are then checked in the table.")));
	return key_type.kind;
}

/* Is the kind of key decided by the collation? */
static bool
is_text(const OhKeyType *key_type)
{
	return key_type->type == TEXTOID || key_type->type == VARCHAROID || key_type->type == BPCHAROID;
}

OhKeyMaker *
OhKeyMakerBegin(const OhColumns *columns, MemoryContext context)
{
	OhKeyMaker *maker = MemoryContextAllocZero(context, offsetof(OhKeyMaker, key_type) +
											   columns->n * sizeof(OhKeyType));

	maker->ncolumns = columns->n;
	for (int i = 0; i < columns->n; i++)
	{
		OhKeyType  *key_type = &maker->key_type[i];
		OhKeyKind	kind = columns->kind[i];

		if (!set_column_type(key_type, columns->file->rel, i, context) ||
			(kind != key_type->kind && !(is_text(key_type) && (kind == OH_KEY_ORDERED || kind == OH_KEY_HASH))))
			OhReportCorruption(columns->file->rel, OH_META_BLOCK, "filter keys of kind %d for column %d", kind, i + 2);
		/* whether keys of text are hashes or prefixes was decided when the index was built */
		key_type->kind = kind;
		if (kind == OH_KEY_HASH)
			key_type->max = PG_UINT32_MAX;
	}
	return maker;
}

OhKeyType *
OhKeyTypeOf(OhKeyMaker *maker, int column)
{
	return &maker->key_type[column];
}

/* ---- values to keys ---- */

/* Signed integers, shifted so that their keys sort as unsigned ones. */
static inline uint64
key_of_int64(int64 value)
{
	return (uint64) value ^ (UINT64CONST(1) << 63);
}

static inline uint64
key_of_int32(int32 value)
{
	return (uint32) value ^ (UINT32_C(1) << 31);
}

static inline uint64
key_of_double(double value)
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
 * double_of_key -- the double that has a key, or the nearest one; NaN at the upper end.
 */
static double
double_of_key(uint64 fkey)
{
	double		value;

	if (fkey < key_of_double(-INFINITY))
		return -INFINITY;
	if (fkey > key_of_double(INFINITY))
		return NAN;
	fkey = (fkey >> 63) ? fkey & ~(UINT64CONST(1) << 63) : ~fkey;
	memcpy(&value, &fkey, sizeof(value));
	return value;
}

/* The first bytes as a big-endian number, padded with zeros. */
static uint64
key_of_bytes(const void *data, int length)
{
	const unsigned char *bytes = data;
	uint64		fkey = 0;

	for (int i = 0; i < PREFIX_BYTES; i++)
		fkey = fkey << 8 | (i < length ? bytes[i] : 0);
	return fkey;
}

/*
 * key_of_text -- the first bytes, so that keys sort as memcmp() does.
 *
 * A text shorter than the key shares it with no other, because no text has a zero byte.
 */
static uint64
key_of_text(const OhKeyType *key_type, Datum value, OhKeyClass *shared)
{
	const char *data;
	int			length;
	struct varlena *text;

	/* only the whole of a bpchar shows which blanks are trailing ones, which do not count */
	if (key_type->type != BPCHAROID && VARATT_IS_EXTENDED(DatumGetPointer(value)) &&
		!VARATT_IS_SHORT(DatumGetPointer(value)))
		text = PG_DETOAST_DATUM_SLICE(value, 0, PREFIX_BYTES + 1);
	else
		text = PG_DETOAST_DATUM_PACKED(value);
	data = VARDATA_ANY(text);
	length = VARSIZE_ANY_EXHDR(text);
	if (key_type->type == BPCHAROID)
		length = bpchartruelen((char *) data, length);
	shared->below = length > PREFIX_BYTES;
	shared->above = length >= PREFIX_BYTES;
	return key_of_bytes(data, length);
}

/*
 * key_of_numeric -- the nearest double.
 */
static uint64
key_of_numeric(const OhKeyType *key_type, Datum value, OhKeyClass *shared)
{
	double		number = DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow, value));
	int			digits = 0;
	int			zeros = 0;
	const char *s;

	shared->below = shared->above = !isnan(number);
	if (!key_type->decimal || isnan(number) || fabs(number) > pow(10, DECIMAL_SCALE))
		return key_of_double(number);

	/*
	 * values in the column have few digits; if this number has no more, no other value of the
	 * column has its key
	 */
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
	return key_of_double(number);
}

/*
 * key_of_interval -- microseconds, limited to what an int64 holds.  A month has 30 days, as
 * in interval_cmp().
 */
static uint64
key_of_interval(const Interval *interval, OhKeyClass *shared)
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
	return key_of_int64(span);
}

/*
 * key_of_timetz -- UTC time, then zone.
 */
static uint64
key_of_timetz(const TimeTzADT *value)
{
	int64		utc = value->time + (value->zone + ZONE_SHIFT) * USECS_PER_SEC;

	return (uint64) utc << ZONE_BITS | (uint64) (value->zone + ZONE_SHIFT);
}

/*
 * key_of_inet -- family, network address, length of the mask, host address.
 *
 * IPv4 takes 1 + 32 + 6 bits, which leaves 25 for the host: enough for all of it if the
 * mask has 7 bits or more.  IPv6 takes one bit and the first 63 of the network address.
 */
static uint64
key_of_inet(inet *value, OhKeyClass *shared)
{
	int			bits = ip_bits(value);
	uint64		address = key_of_bytes(ip_addr(value), ip_addrsize(value));
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
 * key_of_hash -- 32 bits of the type's hash.
 */
static uint64
key_of_hash(OhKeyType *key_type, Datum value)
{
	return (uint32) DatumGetUInt64(FunctionCall2Coll(&key_type->hash, key_type->collation, value,
													 Int64GetDatum(0)));
}

/* ---- signatures ---- */

/*
 * signature_bits -- up to three of 64 bits, chosen by a hash.
 */
static uint64
signature_bits(uint64 hash)
{
	/* the hash of some types is the value itself: spread its bits */
	hash ^= hash >> 32;
	hash *= UINT64CONST(0x9E3779B97F4A7C15);
	return UINT64CONST(1) << (hash >> 58) |
		UINT64CONST(1) << (hash >> 52 & 63) |
		UINT64CONST(1) << (hash >> 46 & 63);
}

uint64
OhElementBits(OhKeyType *key_type, Datum element)
{
	return signature_bits(DatumGetUInt64(FunctionCall2Coll(&key_type->hash, key_type->collation, element,
														   Int64GetDatum(0))));
}

/*
 * key_of_array -- the bits of all elements but NULLs, which match nothing.
 */
static uint64
key_of_array(OhKeyType *key_type, Datum value)
{
	ArrayType  *array = DatumGetArrayTypeP(value);
	Datum	   *elements;
	bool	   *nulls;
	int			n;
	uint64		signature = 0;

	deconstruct_array(array, key_type->element, key_type->element_length, key_type->element_byval,
					  key_type->element_align, &elements, &nulls, &n);
	for (int i = 0; i < n; i++)
	{
		if (!nulls[i])
			signature |= OhElementBits(key_type, elements[i]);
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
 * key_of_jsonb -- the bits of all object keys and scalars, at any depth.
 */
static uint64
key_of_jsonb(Datum value)
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
 * key_of_ordered -- the key of a value whose type has exact or ordered keys.
 */
static uint64
key_of_ordered(const OhKeyType *key_type, Datum value, OhKeyClass *shared)
{
	switch (key_type->type)
	{
		case BOOLOID:
			return DatumGetBool(value);
		case INT2OID:
			return (uint16) (DatumGetInt16(value) - PG_INT16_MIN);
		case INT4OID:
			return key_of_int32(DatumGetInt32(value));
		case OIDOID:
			return DatumGetObjectId(value);
		case DATEOID:
			return key_of_int32(DatumGetDateADT(value));
		case INT8OID:
			return key_of_int64(DatumGetInt64(value));
		case CASHOID:
			return key_of_int64(DatumGetCash(value));
		case TIMEOID:
			return key_of_int64(DatumGetTimeADT(value));
		case TIMESTAMPOID:
			return key_of_int64(DatumGetTimestamp(value));
		case TIMESTAMPTZOID:
			return key_of_int64(DatumGetTimestampTz(value));
		case TIMETZOID:
			return key_of_timetz(DatumGetTimeTzADTP(value));
		case FLOAT4OID:
			return key_of_double(DatumGetFloat4(value));
		case FLOAT8OID:
			return key_of_double(DatumGetFloat8(value));
		case NUMERICOID:
			return key_of_numeric(key_type, value, shared);
		case INTERVALOID:
			return key_of_interval(DatumGetIntervalP(value), shared);
		case UUIDOID:
			{
				const unsigned char *bytes = DatumGetUUIDP(value)->data;
				uint64		rest = key_of_bytes(bytes + PREFIX_BYTES, UUID_LEN - PREFIX_BYTES);

				shared->below = rest != 0;
				shared->above = rest != PG_UINT64_MAX;
				return key_of_bytes(bytes, PREFIX_BYTES);
			}
		case INETOID:
		case CIDROID:
			return key_of_inet(DatumGetInetPP(value), shared);
		default:
			return key_of_text(key_type, value, shared);
	}
}

uint64
OhKeyOfValue(OhKeyType *key_type, Datum value, OhKeyClass *shared)
{
	OhKeyClass	ignored;

	if (shared == NULL)
		shared = &ignored;
	shared->below = shared->above = false;

	switch (key_type->kind)
	{
		case OH_KEY_EXACT:
		case OH_KEY_ORDERED:
			return key_of_ordered(key_type, value, shared);
		case OH_KEY_ENUM:
			return DatumGetObjectId(value);
		case OH_KEY_HASH:
			shared->below = shared->above = true;
			return key_of_hash(key_type, value);
		case OH_KEY_SIGNATURE:
			shared->below = shared->above = true;
			return OidIsValid(key_type->element) ? key_of_array(key_type, value) : key_of_jsonb(value);
	}
	pg_unreachable();
}

bool
OhKeyHasValue(const OhKeyType *key_type)
{
	switch (key_type->type)
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
 * clamp_time -- the nearest valid date or timestamp from least to end - 1; infinity and
 * -infinity are valid.
 */
static int64
clamp_time(int64 value, int64 least, int64 end, int64 infinity)
{
	if (value == infinity || value == -infinity - 1)
		return value;
	return Max(least, Min(value, end - 1));
}

Datum
OhValueOfKey(const OhKeyType *key_type, uint64 fkey)
{
	int64		wide = (int64) (fkey ^ (UINT64CONST(1) << 63));
	int32		narrow = (int32) ((uint32) fkey ^ (UINT32_C(1) << 31));

	switch (key_type->type)
	{
		case INT2OID:
			return Int16GetDatum((int16) ((int32) fkey + PG_INT16_MIN));
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
			return Float4GetDatum((float4) double_of_key(fkey));
		case FLOAT8OID:
			return Float8GetDatum(double_of_key(fkey));
		default:
			Assert(key_type->type == INT8OID);
			return Int64GetDatum(wide);
	}
}

void
OhMakeKeys(OhKeyMaker *maker, const Datum *values, const bool *isnull, OhKeyRow *row)
{
	row->nulls = 0;
	row->unused = 0;
	for (int i = 0; i < maker->ncolumns; i++)
	{
		row->value[i] = 0;
		if (isnull[i + 1])
			row->nulls |= UINT32_C(1) << i;
		else
			row->value[i] = OhKeyOfValue(&maker->key_type[i], values[i + 1], NULL);
	}
}
