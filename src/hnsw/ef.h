/*
 * ef.h -- how many candidates a search keeps, and who says so.
 */
#ifndef OH_EF_H
#define OH_EF_H

#include "postgres.h"

#include "utils/rel.h"

typedef enum OhEfSource
{
	OH_EF_DEFAULT,				/* nobody has said anything */
	OH_EF_SETTING,				/* omenhnsw.ef_search */
	OH_EF_PGVECTOR,				/* hnsw.ef_search */
	OH_EF_INDEX					/* storage parameter ef_search */
} OhEfSource;

/* Who set oh_ef_search (options.h), as of the last OhTakeSettings(). */
extern OhEfSource oh_ef_source;

extern void OhEfInit(void);		/* called by OhOptionsInit() */
/* Has somebody set omenhnsw.ef_search? */
extern bool OhEfIsSet(void);
/* The ef of a search of this index, by the settings that OhTakeSettings() took. */
extern int	OhEfSearch(Relation index, OhEfSource *source);
extern const char *OhEfSourceName(OhEfSource source);

#endif							/* OH_EF_H */
