/*
 * ef.h -- ef, the number of candidates that a search keeps, and where it comes from.
 */
#ifndef OH_EF_H
#define OH_EF_H

#include "postgres.h"

#include "utils/rel.h"

#include "hnsw/index.h"

/*
 * A graph of at most this many times ef nodes is not walked: a sweep over all codes is as quick, and
 * misses nothing.  docs/measurements.md#constants
 */
#define OH_FEW_TIMES_EF 25

struct OhSettings;				/* options.h */

typedef enum OhEfSource
{
	OH_EF_DEFAULT,				/* nothing is set */
	OH_EF_SETTING,				/* omenhnsw.ef_search */
	OH_EF_PGVECTOR,				/* hnsw.ef_search */
	OH_EF_INDEX,				/* the index's storage parameter ef_search */
	OH_EF_TARGET,				/* a target_recall, by the index's curve */
	OH_EF_NO_CURVE				/* the default: there is a target_recall, but the index has no
								 * curve */
} OhEfSource;

/* Called by OhOptionsInit(): define omenhnsw.ef_search and omenhnsw.target_recall. */
extern void OhEfInit(void);
/* Has omenhnsw.ef_search been set, for this session, or in a file, or for the database or role? */
extern bool OhEfIsSet(void);
/*
 * The ef of a search of this index with these settings.  *source: as OhTakeSettings() has set it.
 * *target: if it is not 0, the result is only a default, and OhEfOfTarget() has the ef for this recall.
 */
extern int	OhEfSearch(Relation index, const struct OhSettings *settings, double *target, OhEfSource *source);
/* The ef that finds the k nearest rows with this recall.  k: 0 if it is not known */
extern int	OhEfOfTarget(OhIndex *ix, const struct OhSettings *settings, double target, double k,
						 OhEfSource *source);
/* If not 0, scans use this ef, and no other setting: while an index is measured. */
extern int	oh_forced_ef;
/* As shown by EXPLAIN and omendb_last_scan(). */
extern const char *OhEfSourceName(OhEfSource source);

#endif							/* OH_EF_H */
