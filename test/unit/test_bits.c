/*
 * test_bits.c -- the quantizer of strings of bits: distances against a count bit by bit.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "unit.h"

/* Hamming distance, and ones in common, of strings of n words. */
static void
count(const uint32_t *a, const uint32_t *b, int n, int *differ, int *common, int *either)
{
	*differ = *common = *either = 0;
	for (int i = 0; i < 32 * n; i++)
	{
		int			x = a[i / 32] >> i % 32 & 1;
		int			y = b[i / 32] >> i % 32 & 1;

		*differ += x != y;
		*common += x & y;
		*either += x | y;
	}
}

static void
test_distances(OmMetric metric, int words)
{
	UnitQuant	q;
	OmQuantSpec spec = {OM_QUANT_BIT, metric, words, 0, 1, 0};
	uint32_t   *a = unit_alloc(sizeof(uint32_t) * (size_t) words);
	uint32_t   *b = unit_alloc(sizeof(uint32_t) * (size_t) words);

	unit_begin("bits, metric %d, %d words", metric, words);
	unit_quant_open_spec(&q, &spec, NULL);
	CHECK(om_quant_code_bytes(&spec) == sizeof(uint32_t) * (size_t) words, "bytes of a code");
	CHECK(om_quant_exact(&spec), "distances are exact");
	for (int round = 0; round < 20; round++)
	{
		int			differ;
		int			common;
		int			either;
		double		expected;

		/* sparse strings, too, and ones without any */
		for (int i = 0; i < words; i++)
		{
			a[i] = round % 5 == 4 ? 0 : (uint32_t) (unit_random() & unit_random());
			b[i] = round % 10 == 9 ? 0 : (uint32_t) (unit_random() & (round % 2 ? a[i] : unit_random()));
		}
		count(a, b, words, &differ, &common, &either);
		expected = metric == OM_METRIC_HAMMING ? differ :
			common == 0 ? 1.0 : 1.0 - (double) common / either;
		om_quant_encode(q.quant, (const float *) b, q.scratch, q.code);
		om_quant_query(q.quant, (const float *) a, q.scratch, q.query);
		CHECK(q.distance(q.quant, q.query, q.code) == (float) expected, "distance, %d words", words);
		CHECK(om_quant_unrounded(q.quant, q.query, q.code) == expected, "in double, %d words", words);
		CHECK(fabs(q.distance(q.quant, q.query, q.code) - expected) <=
			  om_quant_error(q.quant, q.query, q.code), "within its error");
		om_quant_query_from_code(q.quant, q.code, q.code_query);
		om_quant_encode(q.quant, (const float *) a, q.scratch, q.code);
		CHECK(q.distance(q.quant, q.code_query, q.code) == (float) expected, "between codes");
		om_quant_decode(q.quant, q.code, q.scratch, (float *) b);
		CHECK(memcmp(a, b, sizeof(uint32_t) * (size_t) words) == 0, "decoded");
	}
	unit_quant_close(&q);
	unit_end();
	free(a);
	free(b);
}

void
test_bit_codes(void)
{
	static const int words[] = {1, 2, 3, 7, 16, 17, 48, 2000};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
	{
		test_distances(OM_METRIC_HAMMING, words[i]);
		test_distances(OM_METRIC_JACCARD, words[i]);
	}
	unit_begin("bits: specs that are not valid");
	for (int metric = OM_METRIC_L2; metric <= OM_METRIC_JACCARD; metric++)
	{
		for (int kind = OM_QUANT_RABITQ; kind <= OM_QUANT_BIT; kind++)
		{
			OmQuantSpec spec = {kind, metric, 8, kind == OM_QUANT_RABITQ ? 4 : kind == OM_QUANT_BINARY, 1,
			kind == OM_QUANT_PQ ? 2 : 0};

			if ((metric > OM_METRIC_L1) != (kind == OM_QUANT_BIT))
				CHECK(om_quant_code_bytes(&spec) == 0, "kind %d, metric %d", kind, metric);
		}
	}
	unit_end();
}
