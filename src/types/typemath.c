/*
 * typemath.c -- arithmetic on float[] that the vector-like types share.
 *
 * The caller checks the range of the result, because the types have different ranges.
 */
#include "postgres.h"

#include "types/typeutil.h"
#include "utils/float.h"
#include "utils/varbit.h"

void
om_floats_add(const float *a, const float *b, float *out, int n)
{
	for (int i = 0; i < n; i++)
		out[i] = a[i] + b[i];
}

void
om_floats_sub(const float *a, const float *b, float *out, int n)
{
	for (int i = 0; i < n; i++)
		out[i] = a[i] - b[i];
}

void
om_floats_mul(const float *a, const float *b, float *out, int n)
{
	for (int i = 0; i < n; i++)
		out[i] = a[i] * b[i];
}

bool
om_floats_vanished(const float *a, const float *b, const float *out, int n)
{
	bool		vanished = false;

	for (int i = 0; i < n; i++)
		vanished |= (out[i] == 0) & (a[i] != 0) & (b[i] != 0);
	return vanished;
}

double
om_floats_norm(const float *x, int dim)
{
	double		sums[4] = {0, 0, 0, 0};
	int			i;

	/* Four independent chains of additions; a single one would wait for each result. */
	for (i = 0; i + 4 <= dim; i += 4)
	{
		for (int j = 0; j < 4; j++)
			sums[j] += (double) x[i + j] * x[i + j];
	}
	for (; i < dim; i++)
		sums[0] += (double) x[i] * x[i];
	return sqrt((sums[0] + sums[1]) + (sums[2] + sums[3]));
}

void
om_floats_normalize(const float *x, float *out, int n)
{
	double		norm = om_floats_norm(x, n);

	for (int i = 0; i < n; i++)
		out[i] = norm > 0 ? (float) (x[i] / norm) : 0;
}

/*
 * om_slice -- see typeutil.h.
 *
 * Like substring(), it leaves out what is outside of the vector.
 */
int
om_slice(const OmTypeDesc *desc, int dim, int32 start, int32 count, int *first)
{
	int64		from = Max((int64) start, 1);
	int64		to = Min((int64) start + count - 1, dim);

	om_check_dim(desc, to - from + 1);
	*first = from - 1;
	return to - from + 1;
}

struct varlena *
om_floats_quantize(const float *x, int n)
{
	int			size = VARBITTOTALLEN(n);
	VarBit	   *result = palloc0(size);
	bits8	   *bits = VARBITS(result);

	SET_VARSIZE(result, size);
	VARBITLEN(result) = n;
	for (int i = 0; i < n; i++)
		bits[i / BITS_PER_BYTE] |= (x[i] > 0) << (BITS_PER_BYTE - 1 - i % BITS_PER_BYTE);
	return (struct varlena *) result;
}

int
om_floats_compare(const float *a, int na, const float *b, int nb)
{
	int			n = Min(na, nb);

	for (int i = 0; i < n; i++)
	{
		if (a[i] < b[i])
			return -1;
		if (a[i] > b[i])
			return 1;
	}
	return (na > nb) - (na < nb);
}

double
om_cosine_from_sums(double dot, double aa, double bb)
{
	double		norms = sqrt(aa * bb);
	double		similarity;

	if (norms == 0)
		return get_float8_nan();
	similarity = dot / norms;
	/* Rounding may give a value outside the range of a cosine. */
	if (similarity > 1)
		similarity = 1;
	else if (similarity < -1)
		similarity = -1;
	return 1 - similarity;
}
