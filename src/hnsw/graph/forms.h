/*
 * forms.h -- query forms of one vector, one for each model that nodes have codes
 * of.
 *
 * Nearly always that is one model.  While an index is being trained again there
 * are two, and a scan that began before meets a model that it has never seen:
 * its form is made then.
 */
#ifndef OH_FORMS_H
#define OH_FORMS_H

#include "postgres.h"

#include "hnsw/index.h"

/* A query form; of another model than number once the index has gone on. */
typedef struct OhForm
{
	bool		made;
	uint8		number;			/* of its model */
	OmQuery    *query;
	OmRefineQuery *refine;		/* NULL if not wanted */
} OhForm;

typedef struct OhForms
{
	MemoryContext context;
	bool		refined;		/* with forms for refined distances */
	bool		unrounded;		/* are distances wanted in double as well? (rows.h) */
	const float *x;				/* the vector, the caller's */
	void	   *scratch;
	uint8		number;			/* of the model of the form that most nodes need */
	OhForm		form[OH_MODELS];
} OhForms;

extern void OhFormsInit(OhForms *forms, const OhIndex *ix, bool refined, MemoryContext context);
/* Make the form of the index's newest model of x, which stays the caller's. */
extern void OhFormsSet(OhForms *forms, const OhIndex *ix, const float *x);
/*
 * Make the form that codes with this tag need.  Reads the metapage if the model
 * is not known, so no page may be locked.  false: no node has that model any more;
 * read the node again.
 */
extern bool OhFormsAdd(OhForms *forms, OhIndex *ix, uint8 tag);
/*
 * The same, for a caller that reads the node again each time: raises an error
 * after too many rounds.
 */
extern void OhFormsNeed(OhForms *forms, OhIndex *ix, uint32 node, uint8 tag,
						int *rounds);

/*
 * The form for codes with this tag, NULL if it has not been made; *quant its model.
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
