/*
 * linklist.c -- lists of links: copied to and from records, made of candidates, and without
 * a given link.
 */
#include "postgres.h"

#include "hnsw/graph/linklist.h"

void
OhStoreLinks(const OhLinkList *list, uint32 *links, uint8 *nselected, int max)
{
	for (int i = 0; i < max; i++)
		links[i] = i < list->n ? list->link[i] : OH_NONE;
	*nselected = list->nselected;
}

int
OhCandidateLinks(const OhCandidate *cand, int n, uint32 *links)
{
	int			nselected = 0;
	int			at;

	for (int i = 0; i < n; i++)
	{
		if (cand[i].selected)
			links[nselected++] = cand[i].id;
	}
	at = nselected;
	for (int i = 0; i < n; i++)
	{
		if (!cand[i].selected)
			links[at++] = cand[i].id;
	}
	return nselected;
}

int
OhCopyLinks(const uint32 *links, int max, uint32 *out)
{
	int			n = OhCountLinks(links, max);

	memcpy(out, links, sizeof(uint32) * n);
	return n;
}

void
OhDropLink(OhLinkList *list, uint32 id)
{
	int			n = 0;

	for (int i = 0; i < list->n; i++)
	{
		if (list->link[i] != id)
			list->link[n++] = list->link[i];
		else if (n < list->nselected)
			list->nselected--;
	}
	list->n = n;
}
