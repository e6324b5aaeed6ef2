/*
 * rotate.c -- a structured random rotation for any number of dimensions.
 *
 * A round flips random signs and applies the fast Hadamard transform to a window of the
 * largest power of two <= dim.  If dim is that power, three rounds are enough.  Otherwise
 * windows are at the head and at the tail in turn, so that two rounds reach every
 * coordinate.  Between the second and the third round, coordinates i and i + dim - dim / 2
 * are mixed by a rotation of 45 degrees, as in a step of Kac's walk, so that head and tail
 * share their content.  (If a mixing step came after every round, a one-hot vector would
 * keep a peak, which each step only halves.) Every step is orthonormal, so the whole is.
 *
 * The signs and scales of a round are one table of factors, so that a round is a product
 * and a transform: O(dim log dim). All variants of the kernels round the same way.
 */
#include <math.h>

#include "quant/quant_impl.h"

/* Does the mixing step come before this round? */
static inline bool
mixed_before(const OmQuantizer *quant, int round)
{
	return quant->rabitq.fht != quant->spec.dim && round == 2;
}

/* Where the window of a round starts. */
static inline int
window(const OmQuantizer *quant, int round)
{
	/* always 0 if dim is a power of two */
	return (round & 1) != 0 ? quant->spec.dim - quant->rabitq.fht : 0;
}

static inline float *
factors(const OmQuantizer *quant, int round)
{
	return (float *) quant->data + (size_t) (1 + round) * quant->padded;
}

int
om_rotate_rounds(int dim)
{
	return (dim & (dim - 1)) == 0 ? 3 : 4;
}

void
om_rotate_init(OmQuantizer *quant)
{
	int			dim = quant->spec.dim;
	int			half = dim / 2;
	uint64_t	state = quant->spec.seed;
	float		fht_scale = (float) (1.0 / sqrt((double) quant->rabitq.fht));
	float		mix_scale = (float) sqrt(0.5);

	for (int round = 0; round < quant->rabitq.rounds; round++)
	{
		float	   *row = factors(quant, round);
		int			from = window(quant, round);
		uint64_t	random = 0;

		for (int i = 0; i < dim; i++)
		{
			float		f = 1.0f;

			if (i % 64 == 0)
				random = om_splitmix64(&state);
			if (i >= from && i < from + quant->rabitq.fht)
				f *= fht_scale;
			if (mixed_before(quant, round) && (i < half || i >= dim - half))
				f *= mix_scale;
			row[i] = (random >> (i % 64) & 1) != 0 ? -f : f;
		}
		for (int i = dim; i < quant->padded; i++)
			row[i] = 0.0f;
	}
}

void
om_rotate(const OmQuantizer *quant, float *x)
{
	const OmKernels *k = om_kernels;
	int			dim = quant->spec.dim;
	int			half = dim / 2;

	for (int round = 0; round < quant->rabitq.rounds; round++)
	{
		if (mixed_before(quant, round))
			k->mix_f32(x, x + dim - half, half);
		k->mul_f32(x, factors(quant, round), quant->padded);
		k->fht_f32(x + window(quant, round), quant->rabitq.fht);
	}
}

/*
 * om_rotate_back -- see quant_impl.h.
 *
 * The Hadamard transform and the mixing step are their own inverses up to a
 * factor, and the factors of a round divide what they have multiplied.
 */
void
om_rotate_back(const OmQuantizer *quant, float *x)
{
	const OmKernels *k = om_kernels;
	int			dim = quant->spec.dim;
	int			half = dim / 2;

	for (int round = quant->rabitq.rounds - 1; round >= 0; round--)
	{
		const float *f = factors(quant, round);
		int			from = window(quant, round);

		k->fht_f32(x + from, quant->rabitq.fht);
		for (int i = 0; i < dim; i++)
			x[i] /= f[i] * (i >= from && i < from + quant->rabitq.fht ? (float) quant->rabitq.fht : 1.0f);
		if (!mixed_before(quant, round))
			continue;
		k->mix_f32(x, x + dim - half, half);
		for (int i = 0; i < half; i++)
		{
			x[i] *= 0.5f;
			x[dim - half + i] *= 0.5f;
		}
	}
}
