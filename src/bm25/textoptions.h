/*
 * textoptions.h -- storage parameters of omenbm25.
 */
#ifndef OH_TEXT_OPTIONS_H
#define OH_TEXT_OPTIONS_H

#include "postgres.h"

#include "bm25/format.h"
#include "utils/rel.h"

#define OH_DEFAULT_K1	1.2
#define OH_MAX_K1		100.0
#define OH_DEFAULT_B	0.75
#define OH_MAX_WEIGHT	100

typedef struct OhTextOptions
{
	int32		vl_len_;		/* varlena header (do not touch directly!) */
	int			text_config;	/* offset of the string, 0 if not set */
	int			weights;		/* offset of the string, 0 if not set */
	double		k1;
	double		b;
} OhTextOptions;

/* Setting omenbm25.tail_limit, in kB. */
extern int	oh_tail_limit;

/* Called when the library is loaded: define storage parameters and settings, and register with setoptions.h. */
extern void OhTextOptionsInit(void);
/* amoptions */
extern bytea *ohtextoptions(Datum reloptions, bool validate);
/* Is this access method omenbm25, under whatever name?  False for InvalidOid. */
extern bool OhIsTextMethod(Oid am);
/*
 * Set what a new index keeps: scoring, weights, configuration, kinds of filter keys; an error if a column
 * has a wrong type, or does not suit the storage parameters.
 */
extern void OhTextResolveOptions(Relation index, OhTextMeta *meta);

#endif							/* OH_TEXT_OPTIONS_H */
