/*
 * options.h -- storage parameters and settings of omenhnsw.
 */
#ifndef OH_OPTIONS_H
#define OH_OPTIONS_H

#include "postgres.h"

#include "hnsw/index.h"

#define OH_DEFAULT_M	16
#define OH_MIN_M		2
#define OH_MAX_M		100
#define OH_DEFAULT_EF_CONSTRUCTION 64
#define OH_MIN_EF_CONSTRUCTION 4
#define OH_MAX_EF_CONSTRUCTION 1000

/* reloptions */
typedef struct OhOptions
{
	int32		vl_len_;
	int			m;
	int			ef_construction;
	int			quantizer;		/* OmQuantKind, 0: by the metric */
	int			bits;			/* 0: by the number of dimensions */
	int			subvectors;		/* 0: by the number of dimensions */
	int			rerank;			/* OH_RERANK_* */
	int			elements;		/* 0: by the rows */
	int			ef_search;		/* 0: the setting's default */
	double		target_recall;	/* 0: none */
	int			lists;			/* of indexes by the name ivfflat: ignored */
} OhOptions;

typedef enum OhIterativeScan
{
	OH_ITERATIVE_OFF,
	OH_ITERATIVE_RELAXED,
	OH_ITERATIVE_STRICT
} OhIterativeScan;

/* settings, as they are set */
#define OH_DEFAULT_EF_SEARCH 40
#define OH_MAX_EF_SEARCH 10000

typedef struct OhSettings
{
	int			ef_search;
	int			iterative_scan;
	int			max_scan_tuples;	/* 0: no limit */
	double		scan_mem_multiplier;
} OhSettings;

extern OhSettings oh_own;

/* ... and as they count, since the last OhTakeSettings() */
extern int	oh_ef_search;
extern int	oh_iterative_scan;
extern int	oh_max_scan_tuples;
extern double oh_scan_mem_multiplier;
extern bool oh_distance_bounds; /* are bounds of the distance conditions of the index? */

/*
 * When a scan begins or is planned: take the settings; pgvector's count where ours
 * are at their defaults.
 */
extern void OhTakeSettings(void);

extern void OhOptionsInit(void);	/* called by _PG_init: reloptions, settings */
extern bytea *ohoptions(Datum reloptions, bool validate);
extern bytea *ohoptions_ivfflat(Datum reloptions, bool validate);
/* Is this access method omenhnsw, by whatever name?  No for InvalidOid. */
extern bool OhIsOurMethod(Oid am);
extern void OhResolveOptions(Relation index, OhParameters *params); /* spec, m, ef_construction */
extern bool OhMoreBits(OmQuantSpec *spec, int m);	/* false: a node would not fit a page */
extern void OhResolveRerank(Relation index, OhParameters *params);	/* after a change of the spec */
extern void OhFallBack(Relation index, OhParameters *params, uint64 rows);	/* too few rows to train */
extern const char *OhQuantizerName(OmQuantKind kind);
extern const char *OhRerankName(int rerank);

/*
 * A scan in the order of MaxSim: elements that a walk keeps and rows that are ranked, for each
 * of ef_search.
 */
#define OH_MAXSIM_WIDTH 2
#define OH_MAXSIM_ROWS 6

#endif							/* OH_OPTIONS_H */
