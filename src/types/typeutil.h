/*
 * typeutil.h -- what every vector-like SQL type needs.
 *
 * Checks of dimensions and elements, type modifiers, reading and printing text, arrays and
 * aggregate states.  All of them work on float[] and take an OmTypeDesc, so that a further
 * type (with other elements, or sparse) only adds its own storage.  Nothing here knows a
 * type's layout.
 */
#ifndef OM_TYPEUTIL_H
#define OM_TYPEUTIL_H

#include "postgres.h"

#include <math.h>

#include "compat.h"
#include "lib/stringinfo.h"
#include "utils/array.h"

struct Node;

/* Name and limits of a type. */
typedef struct OmTypeDesc
{
	const char *name;			/* SQL name, "vector" */
	int			max_dim;
	float		limit;			/* every finite element is below this in magnitude */
	bool		no_underflow;	/* a number in text must not be rounded to zero */
} OmTypeDesc;

/* --- checks (typecheck.c); all raise an error or return ---------------- */

/* dim must be 1 to max_dim: error 22000 below, 54000 above. */
extern void om_check_dim(const OmTypeDesc *desc, int64 dim);

/* Like om_check_dim, but with a soft error if escontext is given; then returns false. */
extern bool om_check_dim_safe(const OmTypeDesc *desc, int64 dim, struct Node *escontext);

/* dim must be equal to the type modifier, unless that is -1. */
extern bool om_check_typmod(int32 typmod, int dim, struct Node *escontext);

/* Every value of x[n] must be finite; otherwise error 22000. */
extern bool om_check_finite(const OmTypeDesc *desc, const float *x, int n, struct Node *escontext);

/* Does x[n] have no NaN and no infinity? Vectorised, so it always reads all of x. */
extern bool om_all_finite(const float *x, int n);

/* Every finite value of x[n] must be below desc->limit in magnitude; otherwise error 22003. */
extern void om_check_range(const OmTypeDesc *desc, const float *x, int n);

/* Type modifier from its parsed arguments: one integer, 1 to max_dim. */
extern int32 om_typmod_in(const OmTypeDesc *desc, ArrayType *args);

/* Errors: dimensions that differ, and results beyond the range of the type. */
extern void om_dim_mismatch(const OmTypeDesc *desc, int a, int b) pg_attribute_noreturn();
extern void om_range_overflow(void) pg_attribute_noreturn();
extern void om_range_underflow(void) pg_attribute_noreturn();

static inline void
om_check_same_dim(const OmTypeDesc *desc, int a, int b)
{
	if (unlikely(a != b))
		om_dim_mismatch(desc, a, b);
}

/* --- text (typetext.c) -------------------------------------------------- */

/*
 * The state of reading an input string.  The functions return false after a soft error, and
 * raise an error if there is no escontext.
 */
typedef struct OmTextScan
{
	const OmTypeDesc *desc;
	const char *text;			/* the whole string, for messages */
	const char *at;				/* the rest, still to be read */
	struct Node *escontext;
} OmTextScan;

/* Skips white space, then requires and consumes c. */
extern bool om_scan_char(OmTextScan *scan, char c);

/* Skips white space; consumes c and returns true if it follows.  Raises no error. */
extern bool om_scan_accept(OmTextScan *scan, char c);

/*
 * Skips white space, then reads a number, rounded to the nearest float; a number above the
 * range is an error.  NaN and infinity are accepted here: see om_check_finite.  Skips white
 * space, then reads a decimal integer; one outside int32 becomes the nearest bound.
 */
extern bool om_scan_float(OmTextScan *scan, float *value);

/* Skips white space, then reads a decimal integer; one outside int32 becomes the nearest bound. */
extern bool om_scan_int(OmTextScan *scan, int *value);

/* Skips white space and requires the end of the string. */
extern bool om_scan_end(OmTextScan *scan);

/* Report a syntax error at scan->at; always returns false. */
extern bool om_scan_error(OmTextScan *scan, const char *expected);

/*
 * The largest number of elements that the rest of the text may have, by its commas: the
 * size of a buffer.
 */
extern int64 om_scan_capacity(const OmTextScan *scan);

/*
 * Reads "[1,2,3]", with nothing after it, into out[capacity]: *dim finite numbers, as many
 * dimensions as the type allows.  The first error from the left is the one reported.
 */
extern bool om_scan_list(OmTextScan *scan, float *out, int64 capacity, int *dim);

/* Prints "[1,2,3]", with the shortest decimals that read back as the same floats; palloc'd. */
extern char *om_print_list(const float *x, int n);

/* --- wire form (typecheck.c) -------------------------------------------- */

/*
 * om_recv_header -- read the int16 dim and int16 0 of a dense type; returns dim, which is
 * also checked against the type modifier.  The rest is read by pq_getmsg functions, which
 * report a message that is too short; the server reports one that is too long.
 */
extern int	om_recv_header(const OmTypeDesc *desc, StringInfo buf, int32 typmod);

/* --- arithmetic on float[] (typemath.c) --------------------------------- */

/*
 * out = a op b, element by element; out may be a or b.  The operands are finite, so an
 * infinite result is an overflow, which the caller must report.
 */
extern void om_floats_add(const float *a, const float *b, float *out, int n);
extern void om_floats_sub(const float *a, const float *b, float *out, int n);
extern void om_floats_mul(const float *a, const float *b, float *out, int n);

/* Is an element of the product out[n] zero although neither factor is? */
extern bool om_floats_vanished(const float *a, const float *b, const float *out, int n);

/* Euclidean norm, summed in double: 0 only if all elements are zero; never infinite. */
extern double om_floats_norm(const float *x, int n);

/* out = x divided by its Euclidean norm; zeros if the norm is zero. */
extern void om_floats_normalize(const float *x, float *out, int n);

/*
 * Return the number of the elements from start (counted from 1) to start + count - 1, and
 * set *first to the index of the first one (from 0).
 */
extern int	om_slice(const OmTypeDesc *desc, int dim, int32 start, int32 count, int *first);

/* Make a bit(n) with 1 where an element is above zero. */
extern struct varlena *om_floats_quantize(const float *x, int n);

/*
 * Returns -1, 0 or 1: elements are compared first, then their number, as for arrays; 0 and
 * -0 are equal.
 */
extern int	om_floats_compare(const float *a, int na, const float *b, int nb);

/*
 * Define a function that SQL calls by an expression of fcinfo.  Each type needs a symbol of
 * its own for it.
 */
#define OM_DEFINE(name, datum) \
	OM_FUNCTION(name); \
	Datum \
	name(PG_FUNCTION_ARGS) \
	{ \
		return datum; \
	}

/* Define a distance of both arguments. */
#define OM_DISTANCE(name, value) OM_DEFINE(name, Float8GetDatum(value))

/*
 * Define the functions that a btree operator class and its operators call, PREFIX_cmp and
 * PREFIX_lt to PREFIX_gt, by compare(fcinfo), which returns -1, 0 or 1.
 */
#define OM_COMPARISONS(prefix, compare) \
	OM_DEFINE(prefix##_cmp, Int32GetDatum(compare(fcinfo))) \
	OM_DEFINE(prefix##_lt, BoolGetDatum(compare(fcinfo) < 0)) \
	OM_DEFINE(prefix##_le, BoolGetDatum(compare(fcinfo) <= 0)) \
	OM_DEFINE(prefix##_eq, BoolGetDatum(compare(fcinfo) == 0)) \
	OM_DEFINE(prefix##_ne, BoolGetDatum(compare(fcinfo) != 0)) \
	OM_DEFINE(prefix##_ge, BoolGetDatum(compare(fcinfo) >= 0)) \
	OM_DEFINE(prefix##_gt, BoolGetDatum(compare(fcinfo) > 0))

/*
 * The angle between unit vectors as a fraction of a half circle, 0 to 1, from their inner
 * product.
 */
static inline double
om_spherical_from_dot(double dot)
{
	if (dot > 1)
		dot = 1;
	else if (dot < -1)
		dot = -1;
	return acos(dot) / M_PI;
}

/* 1 - cosine, 0 to 2, from a.b, a.a and b.b; NaN if a norm is zero. */
extern double om_cosine_from_sums(double dot, double aa, double bb);

/* --- arrays and aggregate states (typearray.c) -------------------------- */

/* Dimensions of a one-dimensional array without nulls; errors otherwise. */
extern int	om_array_dim(const OmTypeDesc *desc, ArrayType *array);

/*
 * The array's elements (smallint, integer, bigint, real, double precision, numeric) as
 * float[dim].
 */
extern void om_array_to_floats(const OmTypeDesc *desc, ArrayType *array, int dim, float *out);

/* real[] of x[n]. */
extern ArrayType *om_floats_to_array(const float *x, int n);

/*
 * State of avg and sum: double precision[] {count, sum 1, ..., sum dim}, or {0} before the
 * first row.
 *
 * om_state_values     the values of a state; *dim is 0 for {0}. caller is for messages
 * om_state_add        add x[n]; in place if in_place allows it
 * om_state_combine    a + b; in place (in a) likewise
 * om_state_result     the sums, or sums / count for a mean, as float[dim]; error on overflow
 */
extern double *om_state_values(const OmTypeDesc *desc, ArrayType *state, const char *caller, int *dim);
extern ArrayType *om_state_add(const OmTypeDesc *desc, ArrayType *state, const float *x, int n,
							   const char *caller, bool in_place);
extern ArrayType *om_state_combine(const OmTypeDesc *desc, ArrayType *a, ArrayType *b,
								   const char *caller, bool in_place);
extern void om_state_result(const OmTypeDesc *desc, const double *values, int dim, bool mean,
							float *out);

#endif							/* OM_TYPEUTIL_H */
