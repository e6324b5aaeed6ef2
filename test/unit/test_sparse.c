/*
 * test_sparse.c -- codes of sparse vectors: distances within their errors, whether a code
 * has room for all elements or not, and however its terms collide; damaged codes.  Exact
 * distances of elements.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/sparse.h"
#include "unit.h"

#define TERMS 1000

typedef enum TermKind
{
	SMALL,						/* 10 bits */
	WIDE,						/* 26 bits, of which the lower 16 are the same */
	CROWDED,					/* 30 bits; they begin to look for their slot in one place, in any
								 * table */
	TERM_KINDS
} TermKind;

static const int term_bits[TERM_KINDS] = {10, 26, 30};
static uint32_t terms[TERM_KINDS][TERMS];

/* The hash of sparse.c. */
static void
make_terms(void)
{
	uint32_t	term = 0;

	for (int i = 0; i < TERMS; i++)
	{
		terms[SMALL][i] = (uint32_t) i;
		terms[WIDE][i] = (uint32_t) i << 16 | 4711;
		while ((term * 2654435761u) >> 22 != 1023)
			term++;
		terms[CROWDED][i] = term++;
	}
}

/* A vector of n elements among TERMS, as dense and as the room largest of it. */
static void
make(int n, int room, int sign, TermKind kind, double *dense, OmSparse *v)
{
	double		sq = 0;
	double		rest = 0;
	double		sorted[TERMS];

	memset(dense, 0, sizeof(double) * TERMS);
	memset(v, 0, sizeof(float) * (size_t) om_sparse_floats(room));
	for (int i = 0; i < n; i++)
		dense[unit_random() % TERMS] = (0.05 + unit_uniform()) * (sign && unit_random() % 2 ? -1 : 1);
	for (int i = 0; i < TERMS; i++)
		sorted[i] = (float) fabs(dense[i]);
	for (int i = 0; i < room && i < TERMS; i++)
	{
		int			most = i;
		double		swap = sorted[i];

		for (int j = i; j < TERMS; j++)
			most = sorted[j] > sorted[most] ? j : most;
		sorted[i] = sorted[most];
		sorted[most] = swap;
	}
	for (int i = 0; i < TERMS; i++)
	{
		float		x = (float) dense[i];

		dense[i] = x;
		sq += (double) x * x;
		v->sum += fabsf(x);
		if (x == 0)
			continue;
		if ((int) v->n < room && fabs(dense[i]) >= sorted[room - 1])
		{
			om_sparse_terms(v)[v->n] = terms[kind][i];
			om_sparse_values(v, room)[v->n++] = x;
		}
		else
		{
			rest += (double) x * x;
			v->rest_sum += fabsf(x);
		}
	}
	v->norm = (float) sqrt(sq);
	v->rest = (float) sqrt(rest);
}

static double
exact(OmMetric metric, const double *a, const double *b)
{
	double		ab = 0;
	double		aa = 0;
	double		bb = 0;
	double		l1 = 0;

	for (int i = 0; i < TERMS; i++)
	{
		ab += a[i] * b[i];
		aa += a[i] * a[i];
		bb += b[i] * b[i];
		l1 += fabs(a[i] - b[i]);
	}
	switch (metric)
	{
		case OM_METRIC_L2:
			return aa + bb - 2 * ab;
		case OM_METRIC_IP:
			return -ab;
		case OM_METRIC_COSINE:
			return 1 - ab / sqrt(aa * bb);
		default:
			return l1;
	}
}

static void
test_distances(OmMetric metric, int room, int sign, TermKind kind)
{
	UnitQuant	q;
	OmQuantSpec spec = {OM_QUANT_SPARSE, metric, om_sparse_floats(room), term_bits[kind], 1, room};
	size_t		bytes = sizeof(float) * (size_t) om_sparse_floats(room);
	OmSparse   *a = unit_alloc(bytes);
	OmSparse   *b = unit_alloc(bytes);
	double		x[TERMS];
	double		y[TERMS];

	unit_begin("sparse, metric %d, room for %d, terms of %d bits%s", metric, room, term_bits[kind],
			   sign ? ", signs" : "");
	unit_quant_open_spec(&q, &spec, NULL);
	CHECK(!om_quant_exact(&spec), "not exact");
	for (int round = 0; round < 200; round++)
	{
		double		expected;
		float		found;
		float		error;

		make(1 + round % 80, room, sign, kind, x, a);
		make(1 + round * 7 % 80, room, sign, kind, y, b);
		expected = exact(metric, x, y);
		om_quant_encode(q.quant, (const float *) b, q.scratch, q.code);
		om_quant_query(q.quant, (const float *) a, q.scratch, q.query);
		found = q.distance(q.quant, q.query, q.code);
		error = om_quant_error(q.quant, q.query, q.code);
		CHECK(fabs(found - expected) <= 3 * error + 1e-4, "%g instead of %g, error %g", found, expected, error);
		/* rounding to 127 levels alone is little */
		if (a->rest == 0 && b->rest == 0)
			CHECK(error <= 0.01f * (1 + a->norm * b->norm + a->sum + b->sum), "error %g", error);
		om_quant_query_from_code(q.quant, q.code, q.code_query);
		om_quant_encode(q.quant, (const float *) a, q.scratch, q.code);
		CHECK(fabsf(q.distance(q.quant, q.code_query, q.code) - found) <= 1e-4f * (1 + fabsf(found)),
			  "the other way round");
		om_quant_decode(q.quant, q.code, q.scratch, (float *) b);
		CHECK(b->n == a->n && memcmp(om_sparse_terms(a), om_sparse_terms(b), sizeof(uint32_t) * a->n) == 0,
			  "decoded");
	}
	/* whatever a code holds, nothing beyond the buffers is touched and no distance is NaN */
	for (int round = 0; round < 50; round++)
	{
		unsigned char *code = q.code;

		for (size_t i = 0; i < om_quant_code_bytes(&spec); i++)
			code[i] = (unsigned char) unit_random();
		CHECK(!isnan(q.distance(q.quant, q.query, q.code)), "damaged code");
		om_quant_query_from_code(q.quant, q.code, q.code_query);
		CHECK(!isnan(q.distance(q.quant, q.code_query, q.code)), "damaged query");
	}
	unit_quant_close(&q);
	unit_end();
	free(a);
	free(b);
}

/* Elements of a row of TERMS numbers, of which some are not zero. */
static void
take_elements(const double *dense, int n, int32_t *index, float *value, OmElements *elements)
{
	elements->n = 0;
	elements->index = index;
	elements->value = value;
	for (int i = 0; i < n; i++)
	{
		if (dense[i] == 0)
			continue;
		index[elements->n] = i;
		value[elements->n++] = (float) dense[i];
	}
}

/*
 * Exact distances of elements: the same, to the last bit, as of the vectors written out, in
 * whichever order.
 */
static void
test_elements(void)
{
	static int32_t index[2][TERMS];
	static float value[2][TERMS];
	static double dense[2][TERMS];

	unit_begin("elements");
	for (int round = 0; round < 2000; round++)
	{
		OmElements	a;
		OmElements	b;
		double		ip = 0;
		double		l2sq = 0;
		double		l1 = 0;
		double		squares = 0;

		for (int v = 0; v < 2; v++)
		{
			int			every = 1 + (int) (unit_random() % (v == 0 ? 3 : 40));

			for (int i = 0; i < TERMS; i++)
				dense[v][i] = unit_random() % every == 0 && i < 1 + round ? (float) (unit_uniform() - 0.5) : 0;
		}
		take_elements(dense[0], TERMS, index[0], value[0], &a);
		take_elements(dense[1], TERMS, index[1], value[1], &b);
		for (int i = 0; i < TERMS; i++)
		{
			ip += dense[0][i] * dense[1][i];
			l2sq += (dense[0][i] - dense[1][i]) * (dense[0][i] - dense[1][i]);
			l1 += fabs(dense[0][i] - dense[1][i]);
			squares += dense[0][i] * dense[0][i];
		}
		CHECK(om_elements_ip(&a, &b) == ip && om_elements_ip(&b, &a) == ip, "%d and %d elements: %g, not %g",
			  a.n, b.n, om_elements_ip(&a, &b), ip);
		CHECK(om_elements_l2sq(&a, &b) == l2sq && om_elements_l2sq(&b, &a) == l2sq, "l2sq");
		CHECK(om_elements_l1(&a, &b) == l1 && om_elements_l1(&b, &a) == l1, "l1");
		CHECK(om_elements_squares(&a) == squares, "squares");
	}
	unit_end();
}

void
test_sparse(void)
{
	static const int rooms[] = {1, 7, 33, 80};

	test_elements();
	make_terms();
	for (size_t i = 0; i < sizeof(rooms) / sizeof(rooms[0]); i++)
	{
		for (int metric = OM_METRIC_L2; metric <= OM_METRIC_L1; metric++)
		{
			for (TermKind kind = SMALL; kind < TERM_KINDS; kind++)
			{
				test_distances(metric, rooms[i], 0, kind);
				test_distances(metric, rooms[i], 1, kind);
			}
		}
	}
}
