/*
 * rotate.c -- a structured random rotation of any dimension.
 *
 * A round flips random signs, transforms a window of the largest power of two
 * <= dim (at the head and at the tail in turn) by the fast Hadamard transform,
 * and mixes coordinate i with i + dim - dim / 2 by a rotation of 45 degrees, as
 * in a step of Kac's walk.  Each of these is orthonormal, so the whole is.  A
 * dimension that is a power of two needs no mixing and one round less.
 *
 * Signs and scales of a round are one table of factors, so that a round is a
 * product, a transform and sums: O(dim log dim), every variant of the kernels
 * rounding alike.
 */
#include <math.h>

#include "quant/quant_impl.h"

/* Steele, Lea and Flood, "Fast splittable pseudorandom number generators". */
static uint64_t
splitmix64(uint64_t *state)
{
	uint64_t	z = (*state += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

static inline bool
mixes(const OmQuantizer *quant)
{
	return quant->fht != quant->spec.dim;
}

/* Where the window of a round starts. */
static inline int
window(const OmQuantizer *quant, int round)
{
	return (round & 1) != 0 ? quant->spec.dim - quant->fht : 0;
}

static inline float *
factors(const OmQuantizer *quant, int round)
{
	return (float *) quant->data + (size_t) (1 + round) * quant->padded;
}

int
om_rotate_rounds(int dim)
{
	bool		power = (dim & (dim - 1)) == 0;

	return power ? OM_ROTATE_ROUNDS - 1 : OM_ROTATE_ROUNDS;
}

/*
 * om_rotate_init -- fill the factors, float[rounds + 1][padded], from the seed.
 *
 * Row r scales the input of round r; the last row the result.
 */
void
om_rotate_init(OmQuantizer *quant)
{
	int			dim = quant->spec.dim;
	int			half = dim / 2;
	uint64_t	state = quant->spec.seed;
	float		fht_scale = (float) (1.0 / sqrt((double) quant->fht));
	float		mix_scale = (float) sqrt(0.5);

	for (int round = 0; round <= quant->rounds; round++)
	{
		float	   *row = factors(quant, round);
		int			from = window(quant, round);
		uint64_t	random = 0;

		for (int i = 0; i < quant->padded; i++)
		{
			float		f = 1.0f;

			if (i >= dim)
			{
				row[i] = 0.0f;
				continue;
			}
			/* what the mixing step of the round before left undone */
			if (round > 0 && mixes(quant) && (i < half || i >= dim - half))
				f = mix_scale;
			if (round < quant->rounds)
			{
				if (i >= from && i < from + quant->fht)
					f *= fht_scale;
				if (i % 64 == 0)
					random = splitmix64(&state);
				if ((random >> (i % 64) & 1) != 0)
					f = -f;
			}
			row[i] = f;
		}
	}
}

/* om_rotate -- rotate float[padded] in place; the padding stays zero. */
void
om_rotate(const OmQuantizer *quant, float *x)
{
	const OmKernels *k = om_kernels;
	int			dim = quant->spec.dim;
	int			half = dim / 2;

	for (int round = 0; round < quant->rounds; round++)
	{
		k->mul_f32(x, factors(quant, round), quant->padded);
		k->fht_f32(x + window(quant, round), quant->fht);
		if (mixes(quant))
			k->mix_f32(x, x + dim - half, half);
	}
	if (mixes(quant))
		k->mul_f32(x, factors(quant, quant->rounds), quant->padded);
}
