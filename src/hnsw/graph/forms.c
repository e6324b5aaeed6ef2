/*
 * forms.c -- query forms of one vector, one for each model.  See forms.h.
 */
#include "postgres.h"

#include "hnsw/graph/forms.h"

/* Each round means that the index was retrained between two reads. */
#define MAX_ROUNDS 100

void
OhFormsInit(OhForms *forms, const OhIndex *ix, bool refined, MemoryContext context)
{
	memset(forms, 0, sizeof(OhForms));
	forms->context = context;
	forms->refined = refined;
	forms->scratch = OhAlignedAlloc(context, om_quant_scratch_bytes(&ix->spec));
}

/*
 * make -- make the query form for a model that the backend has loaded.
 */
static void
make(OhForms *forms, const OhIndex *ix, uint8 number)
{
	OhForm	   *form = &forms->form[OhModelSlot(number)];
	const OmQuantizer *quant = ix->model[OhModelSlot(number)].quant;

	form->made = false;
	if (form->query == NULL)
		form->query = OhAlignedAlloc(forms->context, om_quant_query_bytes(&ix->spec));
	if (forms->refined && form->refine == NULL)
		form->refine = OhAlignedAlloc(forms->context, om_quant_refine_query_bytes(&ix->spec));
	if (forms->refined)
		om_quant_refine_query(quant, forms->x, forms->scratch, form->query, form->refine);
	else
		om_quant_query(quant, forms->x, forms->scratch, form->query);
	if (ix->neighbor_codes && form->link == NULL)
		form->link = OhAlignedAlloc(forms->context, sizeof(OmLinkQuery));
	if (ix->neighbor_codes)
		om_quant_link_query(quant, form->query, form->link);
	form->number = number;
	form->made = true;
}

void
OhFormsSet(OhForms *forms, const OhIndex *ix, const float *x)
{
	forms->x = x;
	for (int i = 0; i < OH_MODELS; i++)
		forms->form[i].made = false;
	forms->number = ix->number;
	make(forms, ix, ix->number);
}

bool
OhFormsAdd(OhForms *forms, OhIndex *ix, uint8 tag)
{
	uint8		number = tag & OH_TAG_MODEL;

	if (OhModelOf(ix, number) == NULL)
		OhIndexRefresh(ix);
	if (OhModelOf(ix, number) == NULL)
		return false;
	make(forms, ix, number);
	/* in the end, all nodes have codes of the newest model */
	if (number == ix->number)
		forms->number = number;
	return true;
}

void
OhFormsNeed(OhForms *forms, OhIndex *ix, uint32 node, uint8 tag, int *rounds)
{
	if (!OhFormsAdd(forms, ix, tag) && ++*rounds > MAX_ROUNDS)
		OhReportCorruption(ix->file.rel, OhRecordBlock(&ix->file, OH_NODE, node),
						   "node %u has a code of model %u, which the index does not have", node,
						   tag & OH_TAG_MODEL);
}
