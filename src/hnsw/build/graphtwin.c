/*
 * graphtwin.c -- the table of codes and filter keys by which builds find the node that
 * a row belongs to.
 *
 * The table is in the memory that participants share, without locks; simplehash is for one
 * process.
 */
#include "postgres.h"

#include "common/hashfn.h"

#include "hnsw/build/graph.h"

/* An entry of the table of twins: the first node with its code. */
#define LEADER		0x80000000U

/*
 * find_in_table -- the slot that the table has under a hash with the same code and,
 * unless only leaders are looked for, filter keys; OH_NONE if it had none: then the
 * new slot is there from now on.
 */
static uint32
find_in_table(OhBuilder *b, uint32 slot, uint64 hash, uint32 leader)
{
	const char *code = OhGraphCode(b, slot);
	const OhKeyRow *keys = OhGraphKeys(b, slot);
	uint32		bytes = b->graph->code_bytes;
	uint32		key_bytes = b->graph->key_bytes;
	uint32		mask = b->graph->twin_mask;

	for (uint32 i = (uint32) (hash >> 20);; i++)
	{
		/* the table is an array of atomics; they have the size of a uint32 */
		pg_atomic_uint32 *place = (pg_atomic_uint32 *) &b->twins[i & mask];
		uint32		entry = pg_atomic_read_u32(place);
		uint32		other;

		if (entry == OH_NONE)
		{
			if (pg_atomic_compare_exchange_u32(place, &entry, slot | leader))
				return OH_NONE;
		}
		pg_read_barrier();
		other = entry & ~LEADER;
		if ((entry & LEADER) == leader && memcmp(OhGraphCode(b, other), code, bytes) == 0 &&
			(leader || memcmp(OhGraphKeys(b, other), keys, key_bytes) == 0))
			return other;
	}
}

uint32
OhGraphFindTwin(OhBuilder *b, uint32 slot, uint32 *leader)
{
	uint32		key_bytes = b->graph->key_bytes;
	uint64		hash = hash_bytes_extended((const unsigned char *) OhGraphCode(b, slot),
										   b->graph->code_bytes, 0);

	*leader = find_in_table(b, slot, hash, LEADER);
	if (*leader == OH_NONE ||
		memcmp(OhGraphKeys(b, *leader), OhGraphKeys(b, slot), key_bytes) == 0)
		return *leader;
	hash = hash_bytes_extended((const unsigned char *) OhGraphKeys(b, slot), key_bytes, hash);
	return find_in_table(b, slot, hash, 0);
}
