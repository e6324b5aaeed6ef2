/*
 * linkcode.c -- codes of links in records of nodes.  See linkcode.h.
 */
#include "postgres.h"

#include <float.h>
#include <math.h>

#include "hnsw/graph/linkcode.h"
#include "hnsw/graph/linklist.h"

/* The upper half of a float, rounded towards zero or away from it. */
static uint16
upper_half(float x, bool away)
{
	uint32		bits;

	memcpy(&bits, &x, sizeof(bits));
	if (away && (bits & 0xFFFF) != 0)
		bits += 0x10000;
	return bits >> 16;
}

static float
from_upper(uint16 upper)
{
	uint32		bits = (uint32) upper << 16;
	float		x;

	memcpy(&x, &bits, sizeof(x));
	return x;
}

static inline uint8 *
adds_of(const OhIndex *ix, OhNodeData *node)
{
	return (uint8 *) (OhNodeLinkHead(ix, node) + 1);
}

static inline uint8 *
muls_of(const OhIndex *ix, OhNodeData *node)
{
	return adds_of(ix, node) + 2 * ix->m;
}

static inline uint8 *
bits_of(const OhIndex *ix, OhNodeData *node)
{
	return muls_of(ix, node) + 2 * ix->m;
}

void
OhLinkEncoderInit(OhLinkEncoder *encoder, const OhIndex *ix, MemoryContext context)
{
	encoder->quant = NULL;
	encoder->from_code = NULL;
	encoder->from = NULL;
	encoder->to = NULL;
	if (!ix->neighbor_codes)
		return;
	encoder->from = OhAlignedAlloc(context, om_quant_link_vector_bytes(&ix->spec));
	encoder->to = OhAlignedAlloc(context, om_quant_link_vector_bytes(&ix->spec));
}

void
OhLinkEncoderFrom(OhLinkEncoder *encoder, const OmQuantizer *quant, const void *code)
{
	encoder->quant = quant;
	encoder->from_code = code;
	om_quant_link_vector(quant, code, encoder->from);
}

bool
OhLinkEncode(OhLinkEncoder *encoder, const void *to_code, OmLinkCode *code)
{
	om_quant_link_vector(encoder->quant, to_code, encoder->to);
	return om_quant_link_encode(encoder->quant, encoder->from_code, encoder->from, to_code, encoder->to, code);
}

static const OmLinkCode *
code_of(const OhLinkCodes *codes, uint32 id)
{
	for (int i = 0; i < codes->n; i++)
	{
		if (codes->id[i] == id)
			return &codes->code[i];
	}
	return NULL;
}

/*
 * to_byte -- the nearest byte; just below a half it may be the one above.
 */
static uint8
to_byte(float x)
{
	float		rounded = x + 0.5f;

	return x >= 255.0f ? 255 : x > 0.0f ? (uint8) rounded : 0;
}

void
OhStoreLinkCodes(const OhIndex *ix, OhNodeData *node, const OhLinkCodes *codes)
{
	OhLinkHead *head = OhNodeLinkHead(ix, node);
	const uint32 *links = OhNodeLinks(node, ix->code_bytes);
	int			n = OhCountLinks(links, 2 * ix->m);
	const OmLinkCode *code[2 * OH_MAX_M];
	uint8	   *add = adds_of(ix, node);
	uint8	   *mul = muls_of(ix, node);
	uint8	   *bits = bits_of(ix, node);
	float		least = FLT_MAX;
	float		most = -FLT_MAX;
	float		most_mul = 0.0f;
	float		base;
	float		step;
	float		mul_step;

	if (codes->model != (node->tag & OH_TAG_MODEL))
	{
		head->model = OH_NO_LINK_CODES;
		return;
	}
	for (int i = 0; i < n; i++)
	{
		code[i] = i < codes->n && codes->id[i] == links[i] ? &codes->code[i] : code_of(codes, links[i]);
		if (code[i] == NULL)
		{
			head->model = OH_NO_LINK_CODES;
			return;
		}
		least = Min(least, code[i]->add);
		most = Max(most, code[i]->add);
		most_mul = Max(most_mul, code[i]->mul);
	}
	memset(head, 0, OhLinkCodeBytes(ix->m));
	head->model = codes->model;
	if (n == 0)
		return;
	head->base = upper_half(least, least < 0.0f);
	base = from_upper(head->base);
	head->step = upper_half((most - base) / 255.0f, true);
	step = from_upper(head->step);
	head->mul_step = upper_half(most_mul / 255.0f, true);
	mul_step = from_upper(head->mul_step);
	for (int i = 0; i < n; i++)
	{
		add[i] = step > 0.0f ? to_byte((code[i]->add - base) / step) : 0;
		mul[i] = mul_step > 0.0f ? to_byte(code[i]->mul / mul_step) : 0;
		memcpy(bits + i * OM_LINK_BYTES, code[i]->bits, OM_LINK_BYTES);
	}
}

void
OhLoadLinkCodes(const OhIndex *ix, OhNodeData *node, OhLinkCodes *codes)
{
	OhLinkHead *head = OhNodeLinkHead(ix, node);
	float		base = from_upper(head->base);
	float		step = from_upper(head->step);
	float		mul_step = from_upper(head->mul_step);

	codes->n = 0;
	codes->model = OH_NO_LINK_CODES;
	if (!OhHasLinkCodes(ix, node))
		return;
	codes->model = head->model;
	codes->n = OhCopyLinks(OhNodeLinks(node, ix->code_bytes), 2 * ix->m, codes->id);
	for (int i = 0; i < codes->n; i++)
	{
		codes->code[i].add = base + step * adds_of(ix, node)[i];
		codes->code[i].mul = mul_step * muls_of(ix, node)[i];
		memcpy(codes->code[i].bits, bits_of(ix, node) + i * OM_LINK_BYTES, OM_LINK_BYTES);
	}
}

void
OhLinkEstimates(const OhIndex *ix, OhNodeData *node, int n, const OmLinkQuery *query, float dist, float *estimate)
{
	const OhLinkHead *head = OhNodeLinkHead(ix, node);
	const uint8 *add = adds_of(ix, node);
	const uint8 *mul = muls_of(ix, node);
	float		base = dist + from_upper(head->base);
	float		step = from_upper(head->step);
	float		mul_step = from_upper(head->mul_step);

	om_quant_link_products(query, bits_of(ix, node), n, estimate);
	for (int i = 0; i < n; i++)
	{
		float		d = base + step * add[i] - mul_step * mul[i] * estimate[i];

		/* not NaN, whatever the page holds */
		estimate[i] = d < FLT_MAX ? d : FLT_MAX;
	}
}

char *
OhLinkCodesProblem(const OhIndex *ix, OhNodeData *node)
{
	const OhLinkHead *head = OhNodeLinkHead(ix, node);

	if (head->model == OH_NO_LINK_CODES)
		return NULL;
	if (head->model > OH_LAST_MODEL || head->unused != 0)
		return psprintf("codes of neighbours of model %u", head->model);
	if (!isfinite(from_upper(head->base)) || !isfinite(from_upper(head->step)) ||
		!isfinite(from_upper(head->mul_step)) || from_upper(head->step) < 0 || from_upper(head->mul_step) < 0)
		return pstrdup("codes of neighbours with impossible factors");
	return NULL;
}
