/*
 * kernel_lanes.h -- kernels of the encoders and of sq8, written once for registers of 16
 * floats.
 *
 * A template: the including file first defines OM_TARGET (function attributes), OM_FN(name)
 * (the name of a variant), the type V16 and its operations
 *
 *   v16_load, v16_load_part (n < 16 floats, reads no more, zero fills),
 *   v16_store, v16_set1, v16_add, v16_sub, v16_mul, v16_min, v16_max,
 *   v16_abs, v16_trunc, v16_sum (a fixed tree: l and l + 8, l and
 *   l + 4, ...), v16_hmax, v16_levels (see quantize below), v16_round_i8,
 *   v16_load_u8 (16 bytes), v16_choose (a > b ? yes : no),
 *   v16_round_i16 (to nearest even; within int16)
 *
 * Nothing here may be fused or reordered, because kernel.h promises equal results from
 * every variant.  The build sets -ffp-contract=off for that reason.
 */

OM_TARGET static float
OM_FN(sumsq_f32) (const float *x, int n)
{
	V16			sum = v16_set1(0.0f);
	int			i = 0;

	for (; i + OM_LANES <= n; i += OM_LANES)
	{
		V16			v = v16_load(x + i);

		sum = v16_add(sum, v16_mul(v, v));
	}
	if (i < n)
	{
		V16			v = v16_load_part(x + i, n - i);

		sum = v16_add(sum, v16_mul(v, v));
	}
	return v16_sum(sum);
}

OM_TARGET static void
OM_FN(center_f32) (const float *x, const float *c, float scale, float *y, int n,
				   float out[2])
{
	V16			sq = v16_set1(0.0f);
	V16			dot = v16_set1(0.0f);
	V16			s = v16_set1(scale);

	for (int i = 0; i < n; i += OM_LANES)
	{
		V16			v = i + OM_LANES <= n ? v16_load(x + i) :
			v16_load_part(x + i, n - i);
		V16			m = v16_load(c + i);

		v = v16_sub(v16_mul(v, s), m);
		v16_store(y + i, v);
		sq = v16_add(sq, v16_mul(v, v));
		dot = v16_add(dot, v16_mul(v, m));
	}
	out[0] = v16_sum(sq);
	out[1] = v16_sum(dot);
}

OM_TARGET static void
OM_FN(mul_f32) (float *x, const float *m, int n)
{
	for (int i = 0; i < n; i += OM_LANES)
		v16_store(x + i, v16_mul(v16_load(x + i), v16_load(m + i)));
}

OM_TARGET static void
OM_FN(mix_f32) (float *a, float *b, int n)
{
	int			i = 0;

	for (; i + OM_LANES <= n; i += OM_LANES)
	{
		V16			u = v16_load(a + i);
		V16			v = v16_load(b + i);

		v16_store(a + i, v16_add(u, v));
		v16_store(b + i, v16_sub(u, v));
	}
	for (; i < n; i++)
	{
		float		u = a[i];
		float		v = b[i];

		a[i] = u + v;
		b[i] = u - v;
	}
}

OM_TARGET static void
OM_FN(trial_f32) (const float *x, int n, int bits, const float t[4],
				  float dot[4], float sq[4])
{
	V16			cap = v16_set1((float) (1 << (bits - 1)) - 0.5f);
	V16			half = v16_set1(0.5f);
	V16			t0 = v16_set1(t[0]);
	V16			t1 = v16_set1(t[1]);
	V16			t2 = v16_set1(t[2]);
	V16			t3 = v16_set1(t[3]);
	V16			d0 = v16_set1(0.0f);
	V16			d1 = d0;
	V16			d2 = d0;
	V16			d3 = d0;
	V16			s0 = d0;
	V16			s1 = d0;
	V16			s2 = d0;
	V16			s3 = d0;

#define TRIAL(t, d, s) \
	do { \
		V16		m = v16_add(v16_trunc(v16_min(v16_mul(a, t), cap)), half); \
		d = v16_add(d, v16_mul(m, a)); \
		s = v16_add(s, v16_mul(m, m)); \
	} while (0)

	for (int i = 0; i < n; i += OM_LANES)
	{
		V16			a = v16_abs(v16_load(x + i));

		TRIAL(t0, d0, s0);
		TRIAL(t1, d1, s1);
		TRIAL(t2, d2, s2);
		TRIAL(t3, d3, s3);
	}
#undef TRIAL
	dot[0] = v16_sum(d0);
	dot[1] = v16_sum(d1);
	dot[2] = v16_sum(d2);
	dot[3] = v16_sum(d3);
	sq[0] = v16_sum(s0);
	sq[1] = v16_sum(s1);
	sq[2] = v16_sum(s2);
	sq[3] = v16_sum(s3);
}

/*
 * m = min(floor(t|x|), 2^(bits-1) - 1); u = 2^(bits-1) + m for x >= 0, and mirrored,
 * 2^(bits-1) - 1 - m, below zero.
 */
OM_TARGET static void
OM_FN(quantize_f32) (const float *x, int n, int bits, float t, uint8_t *u)
{
	V16			cap = v16_set1((float) (1 << (bits - 1)) - 0.5f);
	V16			scale = v16_set1(t);
	int			half = 1 << (bits - 1);

	for (int i = 0; i < n; i += OM_LANES)
	{
		V16			v = v16_load(x + i);

		v16_levels(v16_min(v16_mul(v16_abs(v), scale), cap), v, half, u + i);
	}
}

OM_TARGET static float
OM_FN(absmax_f32) (const float *x, int n)
{
	V16			max = v16_set1(0.0f);

	for (int i = 0; i < n; i += OM_LANES)
		max = v16_max(max, v16_abs(v16_load(x + i)));
	return v16_hmax(max);
}

OM_TARGET static int32_t
OM_FN(to_i8_f32) (const float *x, int n, float scale, int8_t *q)
{
	V16			s = v16_set1(scale);
	int32_t		sum = 0;

	for (int i = 0; i < n; i += OM_LANES)
		sum += v16_round_i8(v16_mul(v16_load(x + i), s), q + i);
	return sum;
}

/* Loads the last n < 16 bytes of a code. */
OM_TARGET static inline V16
OM_FN(load_u8_part) (const uint8_t *u, int n)
{
	uint8_t		part[OM_LANES] = {0};

	for (int i = 0; i < n; i++)
		part[i] = u[i];
	return v16_load_u8(part);
}

/* Computes terms from 16 code bytes u at a time, and adds them to two sums in turn. */
#define SQ8_LOOP(n, u, term) \
	do { \
		V16		s0 = v16_set1(0.0f); \
		V16		s1 = s0; \
		int		i = 0; \
		for (; i + 2 * OM_LANES <= (n); i += OM_LANES) \
		{ \
			V16		v = v16_load_u8((u) + i); \
			s0 = v16_add(s0, term); \
			i += OM_LANES; \
			v = v16_load_u8((u) + i); \
			s1 = v16_add(s1, term); \
		} \
		for (; i < (n); i += OM_LANES) \
		{ \
			V16		v = i + OM_LANES <= (n) ? v16_load_u8((u) + i) : \
				OM_FN(load_u8_part) ((u) + i, (n) - i); \
			s0 = v16_add(s0, term); \
		} \
		return v16_sum(v16_add(s0, s1)); \
	} while (0)

OM_TARGET static inline V16
OM_FN(sq8_difference) (V16 v, const float *q, const float *step, V16 a, V16 b)
{
	return v16_sub(v16_load(q), v16_mul(v16_load(step), v16_add(a, v16_mul(b, v))));
}

OM_TARGET static inline V16
OM_FN(sq8_square) (V16 v, const float *q, const float *step, V16 a, V16 b)
{
	V16			d = OM_FN(sq8_difference) (v, q, step, a, b);

	return v16_mul(d, d);
}

OM_TARGET static float
OM_FN(sq8_l2sq_f32) (const uint8_t *u, const float *q, const float *step, int n,
					 float a, float b)
{
	V16			va = v16_set1(a);
	V16			vb = v16_set1(b);

	SQ8_LOOP(n, u, OM_FN(sq8_square) (v, q + i, step + i, va, vb));
}

OM_TARGET static float
OM_FN(sq8_l1_f32) (const uint8_t *u, const float *q, const float *step, int n,
				   float a, float b)
{
	V16			va = v16_set1(a);
	V16			vb = v16_set1(b);

	SQ8_LOOP(n, u, v16_abs(OM_FN(sq8_difference) (v, q + i, step + i, va, vb)));
}

OM_TARGET static float
OM_FN(sq8_dot_f32) (const uint8_t *u, const float *w, int n)
{
	SQ8_LOOP(n, u, v16_mul(v, v16_load(w + i)));
}
#undef SQ8_LOOP

OM_TARGET static void
OM_FN(sq8_expand_f32) (const uint8_t *u, const float *step, int n, float a, float b,
					   float *out)
{
	V16			va = v16_set1(a);
	V16			vb = v16_set1(b);

	for (int i = 0; i < n; i += OM_LANES)
	{
		V16			v = i + OM_LANES <= n ? v16_load_u8(u + i) :
			OM_FN(load_u8_part) (u + i, n - i);

		v16_store(out + i, v16_mul(v16_load(step + i), v16_add(va, v16_mul(vb, v))));
	}
}

/*
 * The highest score so far in each lane l; it belongs to centroid at[l] + l.  No branch
 * depends on which score is highest, because that cannot be predicted.
 */
typedef struct OM_FN(Best)
{
	V16			score;
	V16			at;
} OM_FN(Best);

OM_TARGET static inline OM_FN(Best)
OM_FN(better) (OM_FN(Best) best, V16 score, V16 at)
{
	best.at = v16_choose(score, best.score, at, best.at);
	best.score = v16_choose(score, best.score, score, best.score);
	return best;
}

/* The number of the first centroid with the highest score. */
OM_TARGET static inline int
OM_FN(best) (OM_FN(Best) best, float *score)
{
	static const float lanes[OM_LANES] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
	V16			at = v16_sub(v16_sub(v16_set1(0.0f), best.at), v16_load(lanes));

	*score = v16_hmax(best.score);
	at = v16_choose(v16_set1(*score), best.score, v16_set1(-256.0f), at);
	return (int) -v16_hmax(at);
}

#define NEAREST_TERM(s, x, c) s = v16_add(s, v16_mul(v16_set1(x), c))

/* One point: four runs of centroids side by side. */
OM_TARGET static inline int
OM_FN(nearest_one) (const float *x, const float *centroids, const float *half_sq, int dim,
					float *score)
{
	OM_FN(Best) best = {v16_set1(-INFINITY), v16_set1(0.0f)};

	for (int c = 0; c < 256; c += 4 * OM_LANES)
	{
		V16			s0 = v16_sub(v16_set1(0.0f), v16_load(half_sq + c));
		V16			s1 = v16_sub(v16_set1(0.0f), v16_load(half_sq + c + OM_LANES));
		V16			s2 = v16_sub(v16_set1(0.0f), v16_load(half_sq + c + 2 * OM_LANES));
		V16			s3 = v16_sub(v16_set1(0.0f), v16_load(half_sq + c + 3 * OM_LANES));

		for (int d = 0; d < dim; d++)
		{
			const float *centroid = centroids + 256 * d + c;

			NEAREST_TERM(s0, x[d], v16_load(centroid));
			NEAREST_TERM(s1, x[d], v16_load(centroid + OM_LANES));
			NEAREST_TERM(s2, x[d], v16_load(centroid + 2 * OM_LANES));
			NEAREST_TERM(s3, x[d], v16_load(centroid + 3 * OM_LANES));
		}
		best = OM_FN(better) (best, s0, v16_set1((float) c));
		best = OM_FN(better) (best, s1, v16_set1((float) (c + OM_LANES)));
		best = OM_FN(better) (best, s2, v16_set1((float) (c + 2 * OM_LANES)));
		best = OM_FN(better) (best, s3, v16_set1((float) (c + 3 * OM_LANES)));
	}
	return OM_FN(best) (best, score);
}

/* Four points: each centroid is loaded once for all of them. */
OM_TARGET static inline void
OM_FN(nearest_four) (const float *x, const float *centroids, const float *half_sq, int dim,
					 uint8_t *nearest, float *score)
{
	const float *x1 = x + dim;
	const float *x2 = x1 + dim;
	const float *x3 = x2 + dim;
	OM_FN(Best) best0 = {v16_set1(-INFINITY), v16_set1(0.0f)};
	OM_FN(Best) best1 = best0;
	OM_FN(Best) best2 = best0;
	OM_FN(Best) best3 = best0;

	for (int c = 0; c < 256; c += OM_LANES)
	{
		V16			at = v16_set1((float) c);
		V16			s0 = v16_sub(v16_set1(0.0f), v16_load(half_sq + c));
		V16			s1 = s0;
		V16			s2 = s0;
		V16			s3 = s0;

		for (int d = 0; d < dim; d++)
		{
			V16			v = v16_load(centroids + 256 * d + c);

			NEAREST_TERM(s0, x[d], v);
			NEAREST_TERM(s1, x1[d], v);
			NEAREST_TERM(s2, x2[d], v);
			NEAREST_TERM(s3, x3[d], v);
		}
		best0 = OM_FN(better) (best0, s0, at);
		best1 = OM_FN(better) (best1, s1, at);
		best2 = OM_FN(better) (best2, s2, at);
		best3 = OM_FN(better) (best3, s3, at);
	}
	nearest[0] = (uint8_t) OM_FN(best) (best0, score);
	nearest[1] = (uint8_t) OM_FN(best) (best1, score + 1);
	nearest[2] = (uint8_t) OM_FN(best) (best2, score + 2);
	nearest[3] = (uint8_t) OM_FN(best) (best3, score + 3);
}
#undef NEAREST_TERM

OM_TARGET static void
OM_FN(nearest_f32) (const float *x, int n, const float *centroids, const float *half_sq,
					int dim, uint8_t *nearest, float *score)
{
	size_t		step = (size_t) dim;
	int			i = 0;

	for (; i + 4 <= n; i += 4, x += 4 * step)
		OM_FN(nearest_four) (x, centroids, half_sq, dim, nearest + i, score + i);
	for (; i < n; i++, x += step)
		nearest[i] = (uint8_t) OM_FN(nearest_one) (x, centroids, half_sq, dim, score + i);
}

OM_TARGET static void
OM_FN(table_i16) (const float *q, const float *centroids, int dim, int16_t *out)
{
	for (int c = 0; c < 256; c += OM_LANES)
	{
		V16			s = v16_set1(0.0f);

		for (int d = 0; d < dim; d++)
			s = v16_add(s, v16_mul(v16_set1(q[d]), v16_load(centroids + 256 * d + c)));
		v16_round_i16(s, out + c);
	}
}
