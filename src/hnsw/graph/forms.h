/*
 * forms.h -- query forms of one vector, one for each model that nodes have codes of.
 *
 * Nearly always there is one model.  While an index is being retrained there are two, and a
 * scan that started earlier may meet codes of a model that it has never seen: it then makes
 * the form for that model.
 */
#ifndef OH_FORMS_H
#define OH_FORMS_H

#include "postgres.h"

#include "hnsw/index.h"

/* A query form for one model. */
typedef struct OhForm
{
	bool		made;
	uint8		number;			/* number of the model */
	OmQuery    *query;
	OmRefineQuery *refine;		/* for refined distances, NULL if not wanted */
	OmLinkQuery *link;			/* for codes of links, NULL if the index has none */
} OhForm;

typedef struct OhForms
{
	MemoryContext context;
	bool		refined;		/* refined distances are wanted */
	bool		unrounded;		/* distances are wanted in double, too (rows.h) */
	const float *x;				/* the vector, the caller's */
	void	   *scratch;
	uint8		number;			/* number of the model that most nodes have codes of */
	OhForm		form[OH_MODELS];
} OhForms;

/* Forms without a query yet.  refined: are distances by refinements wanted, too? */
extern void OhFormsInit(OhForms *forms, const OhIndex *ix, bool refined, MemoryContext context);
/* Make the form of x for the index's newest model; x must stay allocated. */
extern void OhFormsSet(OhForms *forms, const OhIndex *ix, const float *x);
/*
 * Make the form for codes with this tag.  Reads the metapage if the model is not known, so
 * the caller must hold no page lock.  false: no node has codes of that model any more, read
 * the node again.
 */
extern bool OhFormsAdd(OhForms *forms, OhIndex *ix, uint8 tag);
/*
 * The same, for a caller that then reads the node again: raises an error after too many
 * rounds.
 */
extern void OhFormsNeed(OhForms *forms, OhIndex *ix, uint32 node, uint8 tag,
						int *rounds);

/*
 * The form for codes with this tag, NULL if it has not been made; *quant is set to the
 * model.
 */
static inline const OhForm *
OhFormOf(const OhForms *forms, const OhIndex *ix, uint8 tag, const OmQuantizer **quant)
{
	uint8		number = tag & OH_TAG_MODEL;
	const OhForm *form = &forms->form[OhModelSlot(number)];
	const OhModel *model = &ix->model[OhModelSlot(number)];

	if (unlikely(!form->made || form->number != number || model->number != number ||
				 model->quant == NULL))
		return NULL;
	*quant = model->quant;
	return form;
}

#endif							/* OH_FORMS_H */
