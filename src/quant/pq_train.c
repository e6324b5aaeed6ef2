/*
 * pq_train.c -- trains the centroids of product quantization, by k-means.
 *
 * A part of the training is a subvector: each has its own 256 centroids and its own random
 * numbers, so that the model does not depend on which process trains which subvectors, or
 * in what order.  The error of codes is measured once all centroids are there.
 *
 * Jegou et al.  2011; seeds by Arthur and Vassilvitskii, "k-means++", 2007.
 */
#include <math.h>
#include <string.h>

#include "quant/pq.h"

#define SEED_ROWS		2048	/* rows that seeds are chosen from */
#define BLOCK			64		/* rows processed at a time */
#define ITERATIONS		10
#define ENOUGH			0.999	/* stop when the error shrinks by less */
#define CALIBRATION_ROWS 512
#define CALIBRATION_PAIRS 8

/* k-means of one subvector. */
typedef struct KMeans
{
	const OmTraining *training;
	int			n;
	int			dim;			/* of the subvector */
	float	   *x;				/* [n][dim], centred */
	float	   *seed_x;			/* [dim][SEED_ROWS], the first rows, by dimension */
	double	   *sq;				/* [n], |x|^2 */
	float	   *dist;			/* [n], squared, to the nearest centroid */
	double	   *sum;			/* [256][dim] */
	float	   *centroid;		/* [dim][256] */
	float		half[256];
	int			count[256];
	uint64_t	random;
} KMeans;

/* Hand out aligned pieces of the scratch; with mem NULL only their size. */
static void *
take(char **mem, size_t *bytes, size_t n)
{
	void	   *piece = *mem;

	n = om_round_up(n, 64);
	*bytes += n;
	if (*mem != NULL)
		*mem += n;
	return piece;
}

/* Lay out k in mem for n rows of at most dim dimensions; returns the bytes. */
static size_t
lay_out(KMeans *k, char *mem, size_t n, size_t dim)
{
	size_t		bytes = 0;

	k->x = take(&mem, &bytes, sizeof(float) * n * dim);
	k->seed_x = take(&mem, &bytes, sizeof(float) * SEED_ROWS * dim);
	k->sq = take(&mem, &bytes, sizeof(double) * n);
	k->dist = take(&mem, &bytes, sizeof(float) * n);
	k->sum = take(&mem, &bytes, sizeof(double) * 256 * dim);
	return bytes;
}

/*
 * om_pq_train_bytes -- see pq.h.  Space for k-means, or for x of one subvector and the codes
 * of all calibration rows, whichever is larger.
 */
size_t
om_pq_train_bytes(const OmQuantSpec *spec, int nrows)
{
	size_t		width = (size_t) om_pq_width(spec);
	KMeans		k;
	size_t		bytes = lay_out(&k, NULL, (size_t) nrows, width);
	size_t		finish = CALIBRATION_ROWS * (sizeof(float) * width + (size_t) spec->subvectors);

	return bytes > finish ? bytes : finish;
}

int
om_pq_train_parts(const OmQuantSpec *spec)
{
	return spec->subvectors;
}

static void
interrupt(const OmTraining *training)
{
	training->interrupt(training->arg);
}

/* Copy subvector j of the first n rows, centred: x[n][its dimensions]. */
static void
cut_out(const OmQuantSpec *spec, const OmTraining *t, int j, int n, float *x)
{
	int			from = om_pq_start(spec, j);
	int			dim = om_pq_start(spec, j + 1) - from;
	const float *mean = t->mean + from;
	const float *row = t->rows + from;

	for (int i = 0; i < n; i++, row += spec->dim, x += dim)
	{
		for (int d = 0; d < dim; d++)
			x[d] = om_pq_clamp((double) row[d] - mean[d]);
		if (i % 1024 == 0)
			interrupt(t);
	}
}

static void
set_centroid(KMeans *k, int c, const float *x)
{
	for (int d = 0; d < k->dim; d++)
		k->centroid[256 * d + c] = x[d];
}

/*
 * Update dist of the n points from i on for one more seed; returns the sum of dist.
 */
static double
approach(KMeans *k, const float *seed, int i, int n)
{
	float		sq[BLOCK] = {0};
	double		sum[4] = {0};
	float	   *dist = k->dist + i;

	for (int d = 0; d < k->dim; d++)
	{
		const float *x = k->seed_x + SEED_ROWS * (size_t) d + i;

		for (int p = 0; p < n; p++)
			sq[p] += (x[p] - seed[d]) * (x[p] - seed[d]);
	}
	for (int p = 0; p < n; p++)
		dist[p] = sq[p] < dist[p] ? sq[p] : dist[p];
	for (int p = 0; p < n; p++)
		sum[p % 4] += dist[p];
	return (sum[0] + sum[2]) + (sum[1] + sum[3]);
}

/* Find the point where the running sum of dist exceeds at; sums has one sum a block. */
static int
point_at(const KMeans *k, const double *sums, int n, double at)
{
	int			chosen;

	for (chosen = 0; chosen + BLOCK < n && at >= sums[chosen / BLOCK]; chosen += BLOCK)
		at -= sums[chosen / BLOCK];
	for (; chosen < n - 1 && at >= k->dist[chosen]; chosen++)
		at -= k->dist[chosen];
	return chosen;
}

/*
 * k-means++: each seed is a random point, which is the likelier the farther it is from the
 * seeds before it.
 */
static void
seed_centroids(KMeans *k)
{
	int			n = k->n < SEED_ROWS ? k->n : SEED_ROWS;
	int			chosen = (int) (om_splitmix64(&k->random) % (uint64_t) n);

	for (int i = 0; i < n; i++)
	{
		k->dist[i] = INFINITY;
		for (int d = 0; d < k->dim; d++)
			k->seed_x[SEED_ROWS * (size_t) d + (size_t) i] = k->x[(size_t) i * (size_t) k->dim + (size_t) d];
	}
	for (int c = 0;; c++)
	{
		const float *seed = k->x + (size_t) chosen * (size_t) k->dim;
		double		sums[SEED_ROWS / BLOCK];
		double		total = 0.0;

		set_centroid(k, c, seed);
		if (c == 255)
			break;
		for (int i = 0; i < n; i += BLOCK)
		{
			sums[i / BLOCK] = approach(k, seed, i, n - i < BLOCK ? n - i : BLOCK);
			total += sums[i / BLOCK];
		}
		if (c % 16 == 0)
			interrupt(k->training);
		/* if all points are seeds already, the others repeat the last one */
		if (total > 0.0 && total < INFINITY)
			chosen = point_at(k, sums, n, total *
							  ((double) (om_splitmix64(&k->random) >> 11) / 9007199254740992.0));
	}
}

/* Assign each point to its nearest centroid; returns the sum of squared distances. */
static double
assign_points(KMeans *k)
{
	size_t		dim = (size_t) k->dim;
	double		total = 0.0;

	om_pq_half_sq(k->centroid, k->dim, k->half);
	memset(k->count, 0, sizeof(k->count));
	memset(k->sum, 0, sizeof(double) * 256 * dim);
	for (int i = 0; i < k->n; i += BLOCK)
	{
		int			n = k->n - i < BLOCK ? k->n - i : BLOCK;
		const float *x = k->x + (size_t) i * dim;
		uint8_t		nearest[BLOCK];
		float		score[BLOCK];

		om_kernels->nearest_f32(x, n, k->centroid, k->half, k->dim, nearest, score);
		for (int p = 0; p < n; p++, x += dim)
		{
			double	   *sum = k->sum + nearest[p] * dim;
			double		sq = k->sq[i + p] - 2.0 * (double) score[p];

			sq = sq > 0.0 ? sq : 0.0;
			for (size_t d = 0; d < dim; d++)
				sum[d] += x[d];
			k->dist[i + p] = om_clamp_float(sq);
			k->count[nearest[p]]++;
			total += sq;
		}
		interrupt(k->training);
	}
	return total;
}

/* Move each centroid to the mean of its points; one without points moves to a far point. */
static void
move_centroids(KMeans *k)
{
	for (int c = 0; c < 256; c++)
	{
		int			farthest = 0;

		if (k->count[c] > 0)
		{
			for (int d = 0; d < k->dim; d++)
				k->centroid[256 * d + c] = (float) (k->sum[c * k->dim + d] / k->count[c]);
			continue;
		}
		for (int i = 1; i < k->n; i++)
			if (k->dist[i] > k->dist[farthest])
				farthest = i;
		if (!(k->dist[farthest] > 0.0f))
			continue;
		set_centroid(k, c, k->x + (size_t) farthest * (size_t) k->dim);
		k->dist[farthest] = 0.0f;
	}
}

static void
k_means(KMeans *k)
{
	double		last = INFINITY;

	for (int i = 0; i < k->n; i++)
	{
		const float *x = k->x + (size_t) i * (size_t) k->dim;

		k->sq[i] = 0.0;
		for (int d = 0; d < k->dim; d++)
			k->sq[i] += (double) x[d] * x[d];
	}
	seed_centroids(k);
	for (int i = 0; i < ITERATIONS; i++)
	{
		double		total = assign_points(k);

		if (!(total < last * ENOUGH))
			break;
		last = total;
		move_centroids(k);
	}
}

void
om_pq_train(const OmQuantSpec *spec, const OmTraining *training, int from, int to,
			void *scratch, float *model)
{
	KMeans		k;

	memset(&k, 0, sizeof(k));
	k.training = training;
	k.n = training->nrows;
	lay_out(&k, scratch, (size_t) training->nrows, (size_t) om_pq_width(spec));
	for (int j = from; j < to; j++)
	{
		int			start = om_pq_start(spec, j);
		uint64_t	number = spec->seed + (uint64_t) j;

		k.random = om_splitmix64(&number);
		k.dim = om_pq_start(spec, j + 1) - start;
		k.centroid = model + spec->dim + 2 + 256 * (size_t) start;
		cut_out(spec, training, j, k.n, k.x);
		k_means(&k);
	}
}

/* Codes of the first n rows, uint8[n][subvectors]; x is scratch. */
static void
encode_rows(const OmQuantSpec *spec, const OmTraining *t, int n, const float *centroid,
			float *x, uint8_t *codes)
{
	for (int j = 0; j < spec->subvectors; j++)
	{
		int			from = om_pq_start(spec, j);
		int			dim = om_pq_start(spec, j + 1) - from;
		const float *c = centroid + 256 * (size_t) from;
		float		half[256];

		cut_out(spec, t, j, n, x);
		om_pq_half_sq(c, dim, half);
		for (int i = 0; i < n; i += BLOCK)
		{
			int			some = n - i < BLOCK ? n - i : BLOCK;
			uint8_t		nearest[BLOCK];
			float		score[BLOCK];

			om_kernels->nearest_f32(x + (size_t) i * (size_t) dim, some, c, half, dim, nearest, score);
			for (int p = 0; p < some; p++)
				codes[(size_t) (i + p) * (size_t) spec->subvectors + (size_t) j] = nearest[p];
		}
	}
}

/*
 * calibrate -- measure how much larger errors are than errors in random directions would
 * be, and the length of a typical code.  Uses the codes of some rows, and other rows as
 * queries.
 */
static void
calibrate(const OmQuantSpec *spec, const OmTraining *t, const uint8_t *codes, float *model)
{
	const float *mean = model;
	const float *centroid = model + spec->dim + 2;
	int			n = t->nrows < CALIBRATION_ROWS ? t->nrows : CALIBRATION_ROWS;
	uint64_t	random = spec->seed;
	double		ratios = 0.0;
	double		lengths = 0.0;
	int			pairs = 0;

	for (int i = 0; i < n; i++)
	{
		const float *x = t->rows + (size_t) i * (size_t) spec->dim;
		const uint8_t *u = codes + (size_t) i * (size_t) spec->subvectors;
		double		sq = 0.0;
		double		dot = 0.0;
		double		y_sq = 0.0;
		double		factor;
		double		error_sq;

		for (int j = 0; j < spec->subvectors; j++)
			for (int d = om_pq_start(spec, j); d < om_pq_start(spec, j + 1); d++)
			{
				double		v = (double) x[d] - mean[d];
				double		y = centroid[256 * (size_t) d + u[j]];

				sq += v * v;
				dot += v * y;
				y_sq += y * y;
			}
		lengths += y_sq;
		factor = dot > 0.0 ? fmin(sq / dot, OM_PQ_MAX_FACTOR) : 1.0;
		error_sq = sq - 2.0 * factor * dot + factor * factor * y_sq;
		for (int p = 0; p < CALIBRATION_PAIRS && error_sq > 0.0; p++)
		{
			const float *q = t->rows +
				om_splitmix64(&random) % (uint64_t) t->nrows * (uint64_t) spec->dim;
			double		q_sq = 0.0;
			double		error = 0.0;

			for (int j = 0; j < spec->subvectors; j++)
				for (int d = om_pq_start(spec, j); d < om_pq_start(spec, j + 1); d++)
				{
					double		w = (double) q[d] - mean[d];

					q_sq += w * w;
					error += w * ((double) x[d] - mean[d] -
								  factor * centroid[256 * (size_t) d + u[j]]);
				}
			if (q_sq > 0.0)
			{
				ratios += error * error * spec->dim / (error_sq * q_sq);
				pairs++;
			}
		}
		if (i % 16 == 0)
			interrupt(t);
	}
	model[spec->dim] = (float) fmin(fmax(pairs > 0 ? sqrt(ratios / pairs) : 1.0, 1.0),
									sqrt((double) spec->dim));
	model[spec->dim + 1] = om_clamp_float(sqrt(lengths / n));
}

void
om_pq_train_finish(const OmQuantSpec *spec, const OmTraining *training, void *scratch,
				   float *model)
{
	int			n = training->nrows < CALIBRATION_ROWS ? training->nrows : CALIBRATION_ROWS;
	float	   *x = scratch;
	uint8_t    *codes = (uint8_t *) (x + CALIBRATION_ROWS * (size_t) om_pq_width(spec));

	memcpy(model, training->mean, sizeof(float) * (size_t) spec->dim);
	encode_rows(spec, training, n, model + spec->dim + 2, x, codes);
	calibrate(spec, training, codes, model);
}
