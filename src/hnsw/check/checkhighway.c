/*
 * checkhighway.c -- checks of the members of the highway (highway.h).
 *
 * Invariants:
 *   - a member names an existing node, and is a member by its level, for an island, or both;
 *   - in a strict check, its node is live or dead, has at least the member's level, and has its
 *     code, if both are of one model (searches ignore a member of an old model until a vacuum).
 *
 * No error are: a node of a high level that is no member, because its insert was interrupted; and a node that is
 * a member twice, because an insert and a vacuum added it at the same moment.  A vacuum frees one of
 * the two at its end, unless a crash comes before that.
 */
#include "postgres.h"

#include "miscadmin.h"

#include "hnsw/check/check.h"

/*
 * member_problem -- what is wrong with a member; NULL if nothing is.  node: room for a copy of its node
 */
static char *
member_problem(OhCheck *c, OhMemberData *member, OhNodeData *node)
{
	if (member->kind == 0 || (member->kind & ~(OH_MEMBER_LEVEL | OH_MEMBER_ISLAND)) != 0 ||
		member->level > OH_MAX_LEVEL)
		return psprintf("member %u of the highway is of kind %u, level %u", member->node,
						member->kind, member->level);
	if (!OhArrayHas(&c->ix->file, OH_NODE, member->node))
		return psprintf("the highway has node %u, which does not exist", member->node);
	if (!c->file.strict)
		return NULL;
	OhCheckReadRecord(c, OH_NODE, member->node, node);
	if (node->state == OH_FREE)
		return psprintf("the highway has node %u, which is free", member->node);
	if (c->node[member->node] & OH_CHECK_MEMBER)
		c->f.stale_links++;
	c->node[member->node] |= OH_CHECK_MEMBER;
	if (member->level > node->level)
		return psprintf("the highway has node %u with level %u, not %u", member->node,
						member->level, node->level);
	if (member->model == (node->tag & OH_TAG_MODEL) &&
		memcmp(OhMemberCode(member), OhNodeCode(node), c->ix->code_bytes) != 0)
		return psprintf("the highway has another code for node %u", member->node);
	return NULL;
}

void
OhCheckHighway(OhCheck *c)
{
	PGAlignedBlock copy;
	OhNodeData *node = MemoryContextAlloc(c->file.context, c->ix->node_bytes);

	for (uint32 id = 0; id < c->nnodes; id++)
		c->node[id] &= ~OH_CHECK_MEMBER;
	for (uint32 lp = 0; lp < c->file.npages[OH_HIGHWAY]; lp++)
	{
		Page		page = OhCheckPage(c, OH_HIGHWAY, lp, copy.data);

		CHECK_FOR_INTERRUPTS();
		for (uint32 slot = 0; slot < OhTail(page)->nused; slot++)
		{
			OhMemberData *member = OhSlot(&c->ix->file, OH_HIGHWAY, page, slot);
			char	   *problem;

			if (member->node == OH_NONE)
				continue;
			problem = member_problem(c, member, node);
			if (problem != NULL)
				OhReportCorruption(c->file.rel, c->file.block[OH_HIGHWAY][lp], "%s", problem);
		}
	}
	pfree(node);
}
