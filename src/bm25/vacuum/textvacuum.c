/*
 * textvacuum.c -- ambulkdelete marks documents of removed rows as dead.  amvacuumcleanup
 * makes a segment of the tail, merges segments, and frees dead documents.
 */
#include "postgres.h"

#include "access/genam.h"
#include "commands/vacuum.h"
#include "miscadmin.h"
#include "storage/indexfsm.h"

#include "bm25/segment/merge.h"
#include "bm25/tail/tail.h"
#include "bm25/textcallbacks.h"
#include "storage/wal.h"

/* A tail with fewer pages is left to the inserts, unless rows were removed. */
#define SEAL_PAGES	16

typedef struct Deletion
{
	OhText	   *ix;
	IndexBulkDeleteCallback callback;	/* NULL: only count */
	void	   *state;
	double		live;
	double		dead;			/* dead documents that are not freed yet */
	double		removed;
} Deletion;

static bool
has_row(const OhDocData *doc)
{
	return doc->state == OH_DOC_LIVE || doc->state == OH_DOC_NULL;
}

/*
 * visit_page -- mark the removed rows of a page, in one WAL record.
 */
static void
visit_page(Deletion *d, uint32 lp)
{
	OhFile	   *file = &d->ix->file;
	Buffer		buffer = OhArrayRead(file, OH_DOC, lp,
									 d->callback ? BUFFER_LOCK_EXCLUSIVE : BUFFER_LOCK_SHARE);
	uint32		nused = OhPageUsed(file, OH_DOC, buffer);
	OhWrite		write;
	Page		page = NULL;

	for (uint32 slot = 0; slot < nused; slot++)
	{
		OhDocData  *doc = OhSlot(file, OH_DOC, BufferGetPage(buffer), slot);

		if (doc->state == OH_DOC_DEAD || doc->state == OH_DOC_CLAIMED)
			d->dead++;
		if (!has_row(doc))
			continue;
		if (d->callback == NULL || !d->callback(&doc->tid, d->state))
		{
			d->live++;
			continue;
		}
		if (page == NULL)
		{
			OhWriteStart(&write, file);
			page = OhWritePage(&write, buffer, false);
		}
		doc = OhSlot(file, OH_DOC, page, slot);
		doc->state = OH_DOC_DEAD;
		d->removed++;
		d->dead++;
	}
	if (page != NULL)
		OhWriteFinish(&write);
	UnlockReleaseBuffer(buffer);
}

static void
visit_all(Deletion *d)
{
	for (uint32 lp = 0; lp < OhArrayPages(&d->ix->file, OH_DOC); lp++)
	{
		om_vacuum_delay_point();
		visit_page(d, lp);
	}
}

IndexBulkDeleteResult *
ohtextbulkdelete(IndexVacuumInfo *info, IndexBulkDeleteResult *stats, IndexBulkDeleteCallback callback, void *state)
{
	Deletion	d = {OhTextOpen(info->index), callback, state};

	if (stats == NULL)
		stats = palloc0(sizeof(IndexBulkDeleteResult));
	visit_all(&d);
	stats->num_index_tuples = d.live;
	stats->estimated_count = false;
	stats->tuples_removed += d.removed;
	return stats;
}

IndexBulkDeleteResult *
ohtextcleanup(IndexVacuumInfo *info, IndexBulkDeleteResult *stats)
{
	OhText	   *ix;
	Deletion	d = {0};
	OhTextList *list;
	PGAlignedBlock copy;

	if (info->analyze_only)
		return stats;
	if (stats == NULL)
		stats = palloc0(sizeof(IndexBulkDeleteResult));
	d.ix = ix = OhTextOpen(info->index);
	visit_all(&d);
	OhTextLockMerge(info->index);
	list = palloc(sizeof(OhTextList));
	OhTextReadList(ix, list);
	if (d.dead > 0 || list->sealed + 1 < list->epoch ||
		OhTailReadPage(ix, list->epoch, SEAL_PAGES, copy.data) == OH_TAIL_THERE)
		OhSeal(ix);
	OhMergeSegments(ix, true);
	if (d.dead > 0)
		OhFreeDocs(ix);
	stats->pages_free = OhReclaimPages(&ix->file);
	OhTextUnlockMerge(info->index);
	pfree(list);
	stats->num_index_tuples = d.live;
	stats->estimated_count = false;
	stats->num_pages = RelationGetNumberOfBlocks(info->index);
	return stats;
}
