/*
 * options.h -- storage parameters and settings of omenhnsw.
 */
#ifndef OH_OPTIONS_H
#define OH_OPTIONS_H

#include "postgres.h"

#include "hnsw/ef.h"
#include "hnsw/index.h"

#define OH_DEFAULT_M	16
#define OH_MIN_M		2
#define OH_MAX_M		100
#define OH_DEFAULT_EF_CONSTRUCTION 64
#define OH_MIN_EF_CONSTRUCTION 4
#define OH_MAX_EF_CONSTRUCTION 1000

/* Storage parameters, as they are set; 0: not set. */
typedef struct OhOptions
{
	int32		vl_len_;
	int			m;
	int			ef_construction;
	int			quantizer;		/* OmQuantKind; 0: chosen by the metric */
	int			bits;			/* 0: chosen by dimensions and sample */
	int			subvectors;		/* 0: chosen by dimensions */
	int			rerank;			/* OH_RERANK_* */
	int			elements;		/* 0: chosen by the sample */
	int			ef_search;
	double		target_recall;
	bool		neighbor_codes;
	int			lists;			/* only of indexes created as ivfflat: ignored */
} OhOptions;

typedef enum OhIterativeScan
{
	OH_ITERATIVE_OFF,
	OH_ITERATIVE_RELAXED,
	OH_ITERATIVE_STRICT
} OhIterativeScan;

#define OH_DEFAULT_EF_SEARCH 40
#define OH_MAX_EF_SEARCH 10000

/* Settings of searches. */
typedef struct OhSettings
{
	int			ef_search;
	int			iterative_scan;
	int			max_scan_tuples;	/* 0: no limit */
	double		scan_mem_multiplier;
} OhSettings;

/* omenhnsw.*, as they are set now. */
extern OhSettings oh_own;
extern int	oh_statistics_kind;

/* omenhnsw.distance_bounds: does the index evaluate conditions like `v <-> q < r`? */
extern bool oh_distance_bounds;

/*
 * The settings that a scan is planned with, or runs by until its end, whatever is set later.  Takes each
 * setting from oh_own or, if that has its default value, from pgvector's setting of the same name
 * (pgvector.c).  *source: where ef_search comes from.
 */
extern void OhTakeSettings(OhSettings *settings, OhEfSource *source);

/* Called by _PG_init: define storage parameters and settings. */
extern void OhOptionsInit(void);
/* amoptions of omenhnsw, and of the access method named ivfflat. */
extern bytea *ohoptions(Datum reloptions, bool validate);
extern bytea *ohoptions_ivfflat(Datum reloptions, bool validate);
/* Is this access method omenhnsw, under whatever name?  False for InvalidOid. */
extern bool OhIsOurMethod(Oid am);
/* Set all constants of an index that is about to be created but the model, which is left alone. */
extern void OhResolveOptions(Relation index, OhParameters *params);
/*
 * Raise the error that OhResolveOptions() raises for an index on these columns with these OhOptions (NULL: none is
 * set); no NOTICE.
 */
extern void OhCheckOptions(Relation index, const void *options);
/* Set params->rerank again, after a change of params->spec. */
extern void OhResolveRerank(Relation index, OhParameters *params);
/* Double the bits of codes; false, with the spec unchanged, if a node would not fit a page. */
extern bool OhMoreBits(OmQuantSpec *spec, int m);
/*
 * The sample has too few rows to train the quantizer: change pq to rabitq with codes of about the same size,
 * with a NOTICE.  Other quantizers stay, and have no model.
 */
extern void OhFallBack(Relation index, OhParameters *params, uint64 rows);
/* Their names, as storage parameters have them. */
extern const char *OhQuantizerName(OmQuantKind kind);
extern const char *OhRerankName(int rerank);

/*
 * A scan that orders rows by MaxSim keeps OH_MAXSIM_WIDTH * ef_search vectors in each walk, and re-ranks
 * OH_MAXSIM_ROWS * ef_search rows.
 */
#define OH_MAXSIM_WIDTH 2
#define OH_MAXSIM_ROWS 6

#endif							/* OH_OPTIONS_H */
