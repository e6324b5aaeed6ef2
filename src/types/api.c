/*
 * api.c -- the functions of omendb.h, for extensions written in C.
 *
 * They check their arguments: a caller may have been declared with a wrong SQL type, or
 * compiled with another version of the header.
 */
#include "postgres.h"

#include <math.h>

#include "compat.h"
#include "kernel/kernel.h"
#include "types/api.h"
#include "types/bit_distance.h"
#include "types/halfvec.h"
#include "types/sparsevec.h"
#include "types/vector.h"

/* ---- values ---- */

static const char *
type_name(OmendbType type)
{
	switch (type)
	{
		case OMENDB_VECTOR:
			return "vector";
		case OMENDB_HALFVEC:
			return "halfvec";
		case OMENDB_SPARSEVEC:
			return "sparsevec";
		case OMENDB_BIT:
			return "bit";
	}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("omendb has no type number %d", (int) type)));
	return NULL;
}

static void
not_a_value(OmendbType type, int64 size)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 errmsg("not a valid %s: %lld bytes", type_name(type), (long long) size),
			 errhint("Check the argument types of the SQL function that was called.")));
}

static void
refuse_null(OmendbType type, const void *value)
{
	if (value == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("expected a value of type %s, not NULL", type_name(type))));
}

/* Detoast a datum, which must have at least `least` bytes. */
static const void *
detoast(OmendbType type, Datum value, Size least)
{
	const struct varlena *v;

	refuse_null(type, DatumGetPointer(value));
	v = PG_DETOAST_DATUM(value);
	if (VARSIZE(v) < least)
		not_a_value(type, VARSIZE(v));
	return v;
}

static const OmVector *
get_vector(Datum value)
{
	const OmVector *v = detoast(OMENDB_VECTOR, value, OM_VECTOR_SIZE(1));

	if (v->dim < 1 || v->dim > OM_VECTOR_MAX_DIM || v->unused != 0 ||
		VARSIZE(v) != OM_VECTOR_SIZE(v->dim))
		not_a_value(OMENDB_VECTOR, VARSIZE(v));
	return v;
}

static const OmHalfvec *
get_halfvec(Datum value)
{
	const OmHalfvec *v = detoast(OMENDB_HALFVEC, value, OM_HALFVEC_SIZE(1));

	if (v->dim < 1 || v->dim > OM_HALFVEC_MAX_DIM || v->unused != 0 ||
		VARSIZE(v) != OM_HALFVEC_SIZE(v->dim))
		not_a_value(OMENDB_HALFVEC, VARSIZE(v));
	return v;
}

static const OmSparsevec *
get_sparsevec(Datum value)
{
	const OmSparsevec *v = detoast(OMENDB_SPARSEVEC, value, OM_SPARSEVEC_SIZE(0));

	if (v->dim < 1 || v->dim > OM_SPARSEVEC_MAX_DIM || v->nnz < 0 ||
		v->nnz > OM_SPARSEVEC_MAX_NNZ || v->unused != 0 ||
		VARSIZE(v) != OM_SPARSEVEC_SIZE(v->nnz))
		not_a_value(OMENDB_SPARSEVEC, VARSIZE(v));
	for (int i = 0; i < v->nnz; i++)
	{
		if (v->index[i] < 0 || v->index[i] >= v->dim ||
			(i > 0 && v->index[i] <= v->index[i - 1]))
			not_a_value(OMENDB_SPARSEVEC, VARSIZE(v));
	}
	return v;
}

/*
 * get_dims -- read the number of dimensions, which all types store right after the varlena
 * header.
 */
static int
get_dims(OmendbType type, Datum value)
{
	struct varlena *v = (struct varlena *) DatumGetPointer(value);
	int32		dims;

	(void) type_name(type);
	refuse_null(type, v);
	if (VARATT_IS_EXTENDED(v))
		v = PG_DETOAST_DATUM_SLICE(value, 0, sizeof(int32));
	if (VARSIZE(v) < VARHDRSZ + sizeof(int32))
		not_a_value(type, VARSIZE(v));
	if (type == OMENDB_VECTOR || type == OMENDB_HALFVEC)
	{
		int16		dim;

		memcpy(&dim, VARDATA(v), sizeof(dim));
		return dim;
	}
	memcpy(&dims, VARDATA(v), sizeof(dims));
	return dims;
}

static OmVector *
new_vector(int dim)
{
	om_check_dim(&om_vector_desc, dim);
	return om_vector_new(dim);
}

static OmHalfvec *
new_halfvec(int dim)
{
	om_check_dim(&om_halfvec_desc, dim);
	return om_halfvec_new(dim);
}

static OmSparsevec *
new_sparsevec(int dim, int nnz)
{
	om_check_dim(&om_sparsevec_desc, dim);
	(void) om_check_nnz(nnz, NULL);
	if (nnz < 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("a sparsevec cannot have %d elements", nnz)));
	return om_sparsevec_new(dim, nnz);
}

static void
check_sparsevec(const OmSparsevec *v)
{
	const float *value = om_sparsevec_values(v);

	(void) om_check_finite(&om_sparsevec_desc, value, v->nnz, NULL);
	for (int i = 0; i < v->nnz; i++)
	{
		(void) om_check_index(v, i, NULL);
		if (value[i] == 0)
			ereport(ERROR,
					(errcode(ERRCODE_DATA_EXCEPTION),
					 errmsg("a sparsevec cannot hold zeros"),
					 errdetail("Element %d of index %d is zero.", i + 1, v->index[i] + 1)));
	}
}

static Datum
check(OmendbType type, const void *value)
{
	const OmVector *v = value;
	const OmHalfvec *h = value;
	float	   *x;

	refuse_null(type, value);
	switch (type)
	{
		case OMENDB_VECTOR:
			om_check_dim(&om_vector_desc, v->dim);
			(void) om_check_finite(&om_vector_desc, v->x, v->dim, NULL);
			break;
		case OMENDB_HALFVEC:
			om_check_dim(&om_halfvec_desc, h->dim);
			x = om_halfvec_floats(h);
			(void) om_check_finite(&om_halfvec_desc, x, h->dim, NULL);
			pfree(x);
			break;
		case OMENDB_SPARSEVEC:
			check_sparsevec(value);
			break;
		case OMENDB_BIT:
			break;
	}
	return PointerGetDatum(value);
}

/* ---- distances ---- */

static void
no_metric(const char *what, OmendbMetric metric)
{
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("there is no distance number %d for %s", (int) metric, what)));
}

#define DISTANCE(name, Type) \
	static double \
	name##_distance(OmendbMetric metric, const Type *a, const Type *b) \
	{ \
		om_##name##_check_dims(a, b); \
		switch (metric) \
		{ \
			case OMENDB_L2: \
				return sqrt(om_##name##_l2sq(a, b)); \
			case OMENDB_IP: \
				return -om_##name##_ip(a, b); \
			case OMENDB_COSINE: \
				return om_##name##_cosine(a, b); \
			case OMENDB_L1: \
				return om_##name##_l1(a, b); \
			default: \
				no_metric(#name, metric); \
				return 0; \
		} \
	}

DISTANCE(vector, OmVector)
DISTANCE(halfvec, OmHalfvec)
DISTANCE(sparsevec, OmSparsevec)

static double
bit_distance(OmendbMetric metric, const VarBit *a, const VarBit *b)
{
	if (VARBITLEN(a) != VARBITLEN(b))
		om_bit_mismatch(VARBITLEN(a), VARBITLEN(b));
	if (metric == OMENDB_HAMMING)
		return om_bit_hamming(a, b);
	if (metric != OMENDB_JACCARD)
		no_metric("bit", metric);
	return om_bit_jaccard(a, b);
}

static double
get_distance(OmendbType type, OmendbMetric metric, const void *a, const void *b)
{
	refuse_null(type, a);
	refuse_null(type, b);
	switch (type)
	{
		case OMENDB_VECTOR:
			return vector_distance(metric, a, b);
		case OMENDB_HALFVEC:
			return halfvec_distance(metric, a, b);
		case OMENDB_SPARSEVEC:
			return sparsevec_distance(metric, a, b);
		case OMENDB_BIT:
			return bit_distance(metric, a, b);
	}
	return 0;
}

/* ---- kernels ---- */

/* The kernels themselves return float. */
#define KERNEL(name, Element, sign) \
	static double \
	name(const Element *a, const Element *b, int dim) \
	{ \
		return sign om_kernels->name(a, b, dim); \
	}

KERNEL(l2sq_f32, float, +)
KERNEL(ip_f32, float, -)
KERNEL(l1_f32, float, +)
KERNEL(l2sq_f16, uint16, +)
KERNEL(ip_f16, uint16, -)
KERNEL(l1_f16, uint16, +)

static OmendbFloatKernel
float_kernel(OmendbMetric metric)
{
	switch (metric)
	{
		case OMENDB_L2:
			return l2sq_f32;
		case OMENDB_IP:
			return ip_f32;
		case OMENDB_COSINE:
			return om_floats_cosine;
		case OMENDB_L1:
			return l1_f32;
		default:
			no_metric("floats", metric);
			return NULL;
	}
}

static OmendbHalfKernel
half_kernel(OmendbMetric metric)
{
	switch (metric)
	{
		case OMENDB_L2:
			return l2sq_f16;
		case OMENDB_IP:
			return ip_f16;
		case OMENDB_COSINE:
			return om_halves_cosine;
		case OMENDB_L1:
			return l1_f16;
		default:
			no_metric("halves", metric);
			return NULL;
	}
}

static OmendbBitKernel
bit_kernel(OmendbMetric metric)
{
	if (metric == OMENDB_HAMMING)
		return om_bytes_hamming;
	if (metric != OMENDB_JACCARD)
		no_metric("bits", metric);
	return om_bytes_jaccard;
}

static void
half_to_float(const uint16 *x, float *out, int n)
{
	om_kernels->f16_to_f32(x, out, n);
}

static void
float_to_half(const float *x, uint16 *out, int n)
{
	om_kernels->f32_to_f16(x, out, n);
}

/* ---- the table ---- */

static const OmendbApi api = {
	.version = OMENDB_API_VERSION,
	.size = sizeof(OmendbApi),
	.dims = get_dims,
	.vector = get_vector,
	.halfvec = get_halfvec,
	.sparsevec = get_sparsevec,
	.new_vector = new_vector,
	.new_halfvec = new_halfvec,
	.new_sparsevec = new_sparsevec,
	.check = check,
	.distance = get_distance,
	.float_kernel = float_kernel,
	.half_kernel = half_kernel,
	.bit_kernel = bit_kernel,
	.half_to_float = half_to_float,
	.float_to_half = float_to_half,
};

const OmendbApi *
om_api(int32 version, int32 size)
{
	if (version != OMENDB_API_VERSION)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("library requires version %d of omendb's C interface, but the installed omendb has version %d",
						version, OMENDB_API_VERSION),
				 errhint("Compile the library with the omendb.h that is installed.")));
	if (size > (int32) sizeof(OmendbApi))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("library requires functions of omendb's C interface that the installed omendb does not have"),
				 errhint("Install a newer omendb, or compile the library with the omendb.h that is installed.")));
	return &api;
}

void
om_api_init(void)
{
	*find_rendezvous_variable(OMENDB_API_VARIABLE) = (void *) om_api;
}
