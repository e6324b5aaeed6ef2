/*
 * addrow.c -- adds a row to an existing node with the same code and filter keys.
 *
 * The change is one WAL record, on the page of the node or on that of a posting.
 */
#include "postgres.h"

#include "miscadmin.h"

#include "filter/keypage.h"
#include "hnsw/insert/addrow.h"
#include "storage/wal.h"

/* Attempts to find room for the row in a node's chain. */
#define MAX_ROUNDS 1000

/* Pages locked to add a row to a node. */
#define NODE_PAGE		0
#define KEY_PAGE		1		/* if there are filter columns */

/*
 * node_pages -- list the pages of a node: its node page, to be written, and the page of its
 * filter keys, to be compared.  Returns how many.
 */
static int
node_pages(const OhNewNode *row, uint32 id, OhPageRef *pages)
{
	const OhIndex *ix = row->ix;

	pages[NODE_PAGE].array = OH_NODE;
	pages[NODE_PAGE].lp = OhLp(&ix->file, OH_NODE, id);
	pages[NODE_PAGE].lockmode = BUFFER_LOCK_EXCLUSIVE;
	if (ix->columns.n == 0)
		return 1;
	pages[KEY_PAGE].array = OH_FILTER_KEY;
	pages[KEY_PAGE].lp = id / ix->columns.per_page;
	pages[KEY_PAGE].lockmode = BUFFER_LOCK_SHARE;
	return 2;
}

/*
 * same_node -- is the record a live node with the new row's code and filter keys?
 *
 * pages: those of node_pages(), locked.  The answer holds while the node's page is locked,
 * because a node and its filter keys are always written together.
 */
static bool
same_node(const OhNewNode *row, const OhPageRef *pages, uint32 id)
{
	const OhIndex *ix = row->ix;
	Page		page = BufferGetPage(pages[NODE_PAGE].buffer);
	uint32		slot = OhSlotOf(&ix->file, OH_NODE, id);
	OhNodeData *node = OhSlot(&ix->file, OH_NODE, page, slot);

	return slot < OhTail(page)->nused && node->state == OH_LIVE &&
		(node->tag & OH_TAG_MODEL) == row->number &&
		memcmp(OhNodeCode(node), row->code, ix->code_bytes) == 0 &&
		(ix->columns.n == 0 ||
		 OhKeyPageEquals(&ix->columns, BufferGetPage(pages[KEY_PAGE].buffer), id % ix->columns.per_page,
						 row->keys));
}

/*
 * put_in_posting -- put the TID into an empty place of a posting record, unless the record
 * has it already: a row may have several vectors with this code.
 */
static bool
put_in_posting(OhPostingData *posting, ItemPointer tid, uint32 hash)
{
	for (int i = 0; i < OH_POSTING_TIDS; i++)
	{
		if (memcmp(&posting->tid[i], tid, sizeof(ItemPointerData)) == 0)
		{
			if (posting->hash != hash)
				posting->hash = OH_MIXED;
			return true;
		}
	}
	for (int i = 0; i < OH_POSTING_TIDS; i++)
	{
		if (!ItemPointerIsValid(&posting->tid[i]))
		{
			posting->tid[i] = *tid;
			if (posting->hash != hash)
				posting->hash = OH_MIXED;
			return true;
		}
	}
	return false;
}

/*
 * add_posting -- add a row to a node whose own TID is in use.
 *
 * head: the first posting record when last read; fresh: add a new record in front of it.
 * false: the node has changed, try again.
 */
static bool
add_posting(const OhNewNode *row, uint32 id, uint32 head, bool fresh, ItemPointer tid)
{
	OhIndex    *ix = row->ix;
	uint32		lp = fresh ? OhArrayFindFree(&ix->file, OH_POSTING) :
		OhLp(&ix->file, OH_POSTING, head);
	OhPageRef	pages[4];
	int			n = node_pages(row, id, pages);
	int			at = n;
	Buffer		meta;
	Buffer		buffer;
	OhNodeData *node;
	OhWrite		write;
	uint32		hash = OhPositionHash(row->position);
	bool		done = false;

	pages[n].array = OH_POSTING;
	pages[n].lp = lp;
	pages[n++].lockmode = BUFFER_LOCK_EXCLUSIVE;
	if (head != OH_NONE && OhLp(&ix->file, OH_POSTING, head) != lp)
	{
		/* the chain's hash is copied to the new record, too */
		pages[n].array = OH_POSTING;
		pages[n].lp = OhLp(&ix->file, OH_POSTING, head);
		pages[n++].lockmode = BUFFER_LOCK_SHARE;
	}
	meta = OhLockModel(row, pages, n);
	OhArrayReadAll(&ix->file, pages, n);
	buffer = pages[at].buffer;
	node = OhRecord(&ix->file, OH_NODE, BufferGetPage(pages[NODE_PAGE].buffer), id);
	if (same_node(row, pages, id) && node->posting == head && OhIsNewest(row, meta))
	{
		OhPostingData *posting;
		uint32		slot;
		Page		page;

		if (!fresh)
		{
			OhPostingData copy;

			posting = OhRecord(&ix->file, OH_POSTING, BufferGetPage(buffer), head);
			copy = *posting;
			if (posting->node == id && put_in_posting(&copy, tid, hash))
			{
				OhWriteStart(&write, &ix->file);
				page = OhWritePage(&write, buffer, false);
				posting = OhRecord(&ix->file, OH_POSTING, page, head);
				*posting = copy;
				OhWriteFinish(&write);
				done = true;
			}
		}
		else if (OhPageHasFree(&ix->file, OH_POSTING, BufferGetPage(buffer)))
		{
			OhWriteStart(&write, &ix->file);
			page = OhWritePage(&write, buffer, false);
			slot = OhPageTakeSlot(&ix->file, OH_POSTING, page, BufferGetBlockNumber(buffer));
			posting = OhSlot(&ix->file, OH_POSTING, page, slot);
			posting->node = id;
			posting->next = head;
			posting->hash = hash;
			if (head != OH_NONE)
			{
				const OhPostingData *before = OhRecord(&ix->file, OH_POSTING, BufferGetPage(pages[n - 1].buffer), head);

				if (before->hash != hash)
					posting->hash = OH_MIXED;
			}
			for (int i = 1; i < OH_POSTING_TIDS; i++)
				ItemPointerSetInvalid(&posting->tid[i]);
			posting->tid[0] = *tid;
			page = OhWritePage(&write, pages[NODE_PAGE].buffer, false);
			node = OhRecord(&ix->file, OH_NODE, page, id);
			node->posting = lp * ix->file.array[OH_POSTING].per_page + slot;
			OhWriteFinish(&write);
			done = true;
		}
	}
	OhReleaseAll(pages, n);
	OhUnlockModel(meta);
	return done;
}

bool
OhAddRow(const OhNewNode *row, uint32 id, ItemPointer tid)
{
	OhIndex    *ix = row->ix;
	bool		fresh = false;

	for (int round = 0; round < MAX_ROUNDS; round++)
	{
		OhPageRef	pages[2];
		int			n = node_pages(row, id, pages);
		Buffer		meta = OhLockModel(row, pages, n);
		Buffer		buffer;
		OhNodeData *node;
		bool		there;
		bool		done = false;
		uint32		head = OH_NONE;

		OhArrayReadAll(&ix->file, pages, n);
		buffer = pages[NODE_PAGE].buffer;
		node = OhRecord(&ix->file, OH_NODE, BufferGetPage(buffer), id);
		there = same_node(row, pages, id) && OhIsNewest(row, meta);
		/* the row is there already, with another vector */
		if (there && memcmp(&node->tid, tid, sizeof(ItemPointerData)) == 0)
			done = true;
		else if (there && !ItemPointerIsValid(&node->tid))
		{
			OhWrite		write;

			OhWriteStart(&write, &ix->file);
			node = OhRecord(&ix->file, OH_NODE, OhWritePage(&write, buffer, false), id);
			node->tid = *tid;
			OhWriteFinish(&write);
			done = true;
		}
		else if (there)
			head = node->posting;
		OhReleaseAll(pages, n);
		OhUnlockModel(meta);
		if (!there || done)
			return done;
		CHECK_FOR_INTERRUPTS();
		if (head == OH_NONE)
			fresh = true;
		if (add_posting(row, id, head, fresh, tid))
			return true;
		/* the head was full, or something has changed: try a new head next */
		fresh = !fresh;
	}
	return false;
}
