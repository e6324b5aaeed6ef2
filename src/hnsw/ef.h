/*
 * ef.h -- how many candidates a search keeps, and who says so.
 */
#ifndef OH_EF_H
#define OH_EF_H

#include "postgres.h"

#include "utils/rel.h"

#include "hnsw/index.h"

/*
 * A graph of at most this many times ef nodes is not walked: comparing all codes is as quick, and
 * misses nothing.  What that rests on: docs/measurements.md#constants
 */
#define OH_FEW_TIMES_EF 25

typedef enum OhEfSource
{
	OH_EF_DEFAULT,				/* nobody has said anything */
	OH_EF_SETTING,				/* omenhnsw.ef_search */
	OH_EF_PGVECTOR,				/* hnsw.ef_search */
	OH_EF_INDEX,				/* storage parameter ef_search */
	OH_EF_TARGET,				/* target_recall, by the index's curve */
	OH_EF_NO_CURVE				/* target_recall, but nothing has been measured */
} OhEfSource;

/* Who set oh_ef_search (options.h), as of the last OhTakeSettings(). */
extern OhEfSource oh_ef_source;

extern void OhEfInit(void);		/* called by OhOptionsInit() */
/* Has somebody set omenhnsw.ef_search? */
extern bool OhEfIsSet(void);
/*
 * The ef of a search of this index, by the settings that OhTakeSettings() took.  *target: the
 * recall that is wanted instead, if it is not 0.
 */
extern int	OhEfSearch(Relation index, double *target, OhEfSource *source);
/* The ef for a recall of the k nearest rows (0: it is not known how many). */
extern int	OhEfOfTarget(OhIndex *ix, double target, double k, OhEfSource *source);
/* While an index is measured: this ef, and no other setting; otherwise 0. */
extern int	oh_forced_ef;
extern const char *OhEfSourceName(OhEfSource source);

#endif							/* OH_EF_H */
