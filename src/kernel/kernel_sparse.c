/*
 * kernel_sparse.c -- see sparse.h.  One variant for all CPUs: what compares SKIP indices at a
 * time becomes vector instructions that each of them has.
 */
#include <math.h>

#include "kernel/sparse.h"

/* Indices of the longer vector that are compared at a time. */
#define SKIP 8

double
om_elements_l2sq(const OmElements *a, const OmElements *b)
{
	OmMerge		m = {a, b, 0, 0};
	double		sum = 0;
	double		x;
	double		y;

	while (om_next_pair(&m, &x, &y))
		sum += (x - y) * (x - y);
	return sum;
}

double
om_elements_l1(const OmElements *a, const OmElements *b)
{
	OmMerge		m = {a, b, 0, 0};
	double		sum = 0;
	double		x;
	double		y;

	while (om_next_pair(&m, &x, &y))
		sum += fabs(x - y);
	return sum;
}

/*
 * merge_ip -- the inner product of what is left of both.
 */
static double
merge_ip(const OmElements *a, int i, const OmElements *b, int j, double sum)
{
	while (i < a->n && j < b->n)
	{
		int32_t		at_a = a->index[i];
		int32_t		at_b = b->index[j];

		if (at_a == at_b)
			sum += (double) a->value[i] * b->value[j];
		/* no branches here: a CPU could not predict them */
		i += at_a <= at_b;
		j += at_b <= at_a;
	}
	return sum;
}

/*
 * om_elements_ip -- see sparse.h.
 *
 * Only indices that both vectors have count.  Each index of the shorter vector is looked up in the
 * longer one, which is passed SKIP indices at a time.
 */
double
om_elements_ip(const OmElements *a, const OmElements *b)
{
	const OmElements *few = a->n <= b->n ? a : b;
	const OmElements *many = a->n <= b->n ? b : a;
	double		sum = 0;
	int			j = 0;

	for (int i = 0; i < few->n; i++)
	{
		int32_t		index = few->index[i];
		int			less = 0;

		while (j + SKIP <= many->n && many->index[j + SKIP - 1] < index)
			j += SKIP;
		if (j + SKIP > many->n)
			return merge_ip(few, i, many, j, sum);
		for (int k = 0; k < SKIP; k++)
			less += many->index[j + k] < index;
		sum += many->index[j + less] == index ? (double) few->value[i] * many->value[j + less] : 0;
	}
	return sum;
}

double
om_elements_squares(const OmElements *a)
{
	double		sum = 0;

	for (int i = 0; i < a->n; i++)
		sum += (double) a->value[i] * a->value[i];
	return sum;
}
