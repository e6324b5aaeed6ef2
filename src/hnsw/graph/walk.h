/*
 * walk.h -- what the walk by codes of nodes (search.c) and that by codes of links (codedwalk.c)
 * have in common.  Nobody else includes it.
 */
#ifndef OH_WALK_H
#define OH_WALK_H

#include "postgres.h"

#include "hnsw/graph/search.h"
#include "hnsw/options.h"

/* The longest list of links. */
#define OH_WALK_LINKS (2 * OH_MAX_M)

StaticAssertDecl(OH_WALK_LINKS <= OH_MAX_EVALUATED, "a list is evaluated at once");

/* Forget the walk of another level. */
static inline void
OhWalkBegin(OhSearch *s)
{
	s->cand.n = 0;
	s->nedge = 0;
	s->ncopies = 0;
	OhVisitedClear(s->visited);
	if (unlikely(oh_hidden_node != OH_NONE))
		OhVisitedAdd(s->visited, oh_hidden_node);
}

/*
 * May a link be followed?  A damaged one must not make the visited set grow to its number.
 */
static inline bool
OhWalkMayVisit(const OhSearch *s, uint32 id)
{
	return likely(s->visited->mark == NULL || id < s->visited->size) ||
		OhArrayHas(&s->eval.ix->file, OH_NODE, id);
}

/* Add a node to the visited set; true if it is new and its id is valid. */
static inline bool
OhWalkVisit(OhSearch *s, uint32 id)
{
	return OhWalkMayVisit(s, id) && OhVisitedAdd(s->visited, id);
}

/* Start reading a node's page, unless that was done a moment ago. */
static inline void
OhWalkPrefetch(OhSearch *s, uint32 id)
{
	OhFile	   *file = &s->eval.ix->file;
	uint32		lp = OhLp(file, OH_NODE, id);

	if (s->asked_page[lp % OH_ASKED_PAGES] == lp || !OhArrayHas(file, OH_NODE, id))
		return;
	s->asked_page[lp % OH_ASKED_PAGES] = lp;
	OhArrayPrefetch(file, OH_NODE, lp);
}

#endif							/* OH_WALK_H */
