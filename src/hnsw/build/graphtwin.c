/*
 * graphtwin.c -- a hash table by which a build finds the node with a row's code and filter keys.
 *
 * The table is in memory that the participants share, and is used without locks, which simplehash does
 * not support.
 */
#include "postgres.h"

#include "common/hashfn.h"

#include "hnsw/build/graph.h"

/* Flags a leader in the table: the first node with its code. */
#define LEADER		0x80000000U

/*
 * find_in_table -- find the node with the code and filter keys of a slot; OH_NONE if no node has these, and then add the
 * slot to the table.
 *
 * leader: LEADER, to look for a leader with the code, whatever its filter keys; or 0
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
