/*
 * linklist.h -- lists of links: those in records of nodes and towers, and working copies.
 *
 * In a record: uint32[max], OH_NONE from the first gap on.  The first nselected links are
 * diverse, the others are fill.
 */
#ifndef OH_LINKLIST_H
#define OH_LINKLIST_H

#include "postgres.h"

#include "hnsw/format.h"
#include "hnsw/graph/select.h"
#include "hnsw/options.h"

/* A working copy: the diverse links first. */
typedef struct OhLinkList
{
	int			n;
	int			nselected;
	uint32		link[2 * OH_MAX_M];
} OhLinkList;

/* Write a list to a record. */
extern void OhStoreLinks(const OhLinkList *list, uint32 *links, uint8 *nselected, int max);
/*
 * Write the ids of chosen candidates to links[n], the diverse ones first; returns how many
 * of them are diverse.
 */
extern int	OhCandidateLinks(const OhCandidate *cand, int n, uint32 *links);
/* Copy a record's links to out[max]; returns how many there are. */
extern int	OhCopyLinks(const uint32 *links, int max, uint32 *out);
/* Remove a link from a list, if it is there. */
extern void OhDropLink(OhLinkList *list, uint32 id);

/* How many links a record has. */
static inline int
OhCountLinks(const uint32 *links, int max)
{
	int			n = 0;

	while (n < max && links[n] != OH_NONE)
		n++;
	return n;
}

/* Is one of n links to this node? */
static inline bool
OhHasLink(const uint32 *links, int n, uint32 id)
{
	for (int i = 0; i < n; i++)
	{
		if (links[i] == id)
			return true;
	}
	return false;
}

#endif							/* OH_LINKLIST_H */
