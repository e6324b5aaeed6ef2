/*
 * sparse.h -- exact distances of sparse vectors: elements that are not zero, indices ascending.
 *
 * Two vectors are merged by index; an element that only one of them has is paired with a
 * zero.  Sums are in double, in the order of indices: there are few terms, and no product
 * of floats overflows.
 */
#ifndef OM_SPARSE_H
#define OM_SPARSE_H

#include <stdbool.h>
#include <stdint.h>

typedef struct OmElements
{
	int			n;
	const int32_t *index;		/* [n], ascending, each once */
	const float *value;			/* [n] */
} OmElements;

/* Iterates over the indices of both vectors. */
typedef struct OmMerge
{
	const OmElements *a;
	const OmElements *b;
	int			i;
	int			j;
} OmMerge;

/*
 * om_next_pair -- the elements at the next index that either vector has; false at the end.
 */
static inline bool
om_next_pair(OmMerge *m, double *x, double *y)
{
	int32_t		at_a = m->i < m->a->n ? m->a->index[m->i] : INT32_MAX;
	int32_t		at_b = m->j < m->b->n ? m->b->index[m->j] : INT32_MAX;

	if (at_a == INT32_MAX && at_b == INT32_MAX)
		return false;
	*x = at_a <= at_b ? m->a->value[m->i++] : 0;
	*y = at_b <= at_a ? m->b->value[m->j++] : 0;
	return true;
}

/* Squared L2 distance, inner product, L1 distance. */
extern double om_elements_l2sq(const OmElements *a, const OmElements *b);
extern double om_elements_ip(const OmElements *a, const OmElements *b);
extern double om_elements_l1(const OmElements *a, const OmElements *b);
/* Sum of squares. */
extern double om_elements_squares(const OmElements *a);

#endif							/* OM_SPARSE_H */
