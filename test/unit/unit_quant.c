/*
 * unit_quant.c -- what the tests of quantizers share.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "unit.h"

const OmMetric unit_metrics[3] = {OM_METRIC_L2, OM_METRIC_IP, OM_METRIC_COSINE};

const char *
unit_metric_name(OmMetric metric)
{
	return metric == OM_METRIC_L2 ? "l2" : metric == OM_METRIC_IP ? "ip" :
		metric == OM_METRIC_L1 ? "l1" : "cosine";
}

void
unit_quant_open(UnitQuant *u, OmMetric metric, int dim, int bits, uint64_t seed,
				const float *mean)
{
	OmQuantSpec spec = {OM_QUANT_RABITQ, metric, dim, bits, seed, 0};

	unit_quant_open_spec(u, &spec, mean);
}

void
unit_quant_open_spec(UnitQuant *u, const OmQuantSpec *spec, const float *model)
{
	void	   *mem;

	u->spec = *spec;
	mem = unit_alloc(om_quant_bytes(&u->spec));
	/* what memory holds must not matter */
	memset(mem, 0xa5, om_quant_bytes(&u->spec));
	u->quant = om_quant_init(mem, &u->spec, model);
	u->scratch = unit_alloc(om_quant_scratch_bytes(&u->spec));
	memset(u->scratch, 0xff, om_quant_scratch_bytes(&u->spec));
	u->query = unit_alloc(om_quant_query_bytes(&u->spec));
	memset(u->query, 0xff, om_quant_query_bytes(&u->spec));
	u->code_query = unit_alloc(om_quant_query_bytes(&u->spec));
	memset(u->code_query, 0xff, om_quant_query_bytes(&u->spec));
	u->code = unit_alloc(om_quant_code_bytes(&u->spec));
	memset(u->code, 0xff, om_quant_code_bytes(&u->spec));
	u->distance = om_quant_distance_fn(u->quant);
}

void
unit_quant_close(UnitQuant *u)
{
	free(u->quant);
	free(u->scratch);
	free(u->query);
	free(u->code_query);
	free(u->code);
}

double
unit_exact(OmMetric metric, const float *a, const float *b, int dim)
{
	double		l2 = 0.0;
	double		l1 = 0.0;
	double		ip = 0.0;
	double		aa = 0.0;
	double		bb = 0.0;

	for (int i = 0; i < dim; i++)
	{
		double		d = (double) a[i] - b[i];

		l2 += d * d;
		l1 += fabs(d);
		ip += (double) a[i] * b[i];
		aa += (double) a[i] * a[i];
		bb += (double) b[i] * b[i];
	}
	if (metric == OM_METRIC_L2)
		return l2;
	if (metric == OM_METRIC_L1)
		return l1;
	if (metric == OM_METRIC_IP)
		return -ip;
	return aa > 0.0 && bb > 0.0 ? 1.0 - ip / sqrt(aa) / sqrt(bb) : NAN;
}
