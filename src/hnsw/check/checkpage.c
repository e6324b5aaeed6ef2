/*
 * checkpage.c -- checks of an omenhnsw index's metapage, and of the arrays that it has.
 *
 * storage/verify.c checks what holds for every index file.
 */
#include "postgres.h"

#include "hnsw/check/check.h"

void
OhCheckMeta(OhCheck *c)
{
	PGAlignedBlock copy;

	OhCheckHead(&c->file, copy.data);
	c->meta = *OhMeta(copy.data);
	OhVerifyMeta(c->file.rel, &c->meta);
	if (c->meta.metric != OhGetMetric(c->file.rel)->metric)
		OhReportCorruption(c->file.rel, OH_META_BLOCK, "metric %u is not that of the operator class",
						   c->meta.metric);
}

void
OhCheckArrays(OhCheck *c)
{
	const uint32 *npages = c->file.npages;
	uint32		model = OhModelPages(&c->ix->spec);

	OhCheckDirectories(&c->file, (OhFileHead *) &c->meta);
	/* fewer pages are no error: a crash may come while a model is written */
	if (npages[OH_MODEL] > OH_MODELS * model)
		OhReportCorruption(c->file.rel, OH_META_BLOCK, "%u pages of models, %u are the most",
						   npages[OH_MODEL], OH_MODELS * model);
	if (npages[OH_REFINE] != 0 && c->ix->refine_bytes == 0)
		OhReportCorruption(c->file.rel, OH_META_BLOCK,
						   "%u pages of refinements, which the index should not have",
						   npages[OH_REFINE]);
	if (npages[OH_FILTER_KEY] != 0 && c->ix->columns.n == 0)
		OhReportCorruption(c->file.rel, OH_META_BLOCK,
						   "%u pages of filter columns, which the index does not have",
						   npages[OH_FILTER_KEY]);
	c->f.refined = c->ix->refine_bytes > 0;
	c->f.pages = c->file.nblocks;
}

Page
OhCheckPage(OhCheck *c, OhArrayId array, uint32 lp, void *to)
{
	return OhCheckReadPage(&c->file, &c->ix->file, array, lp, to);
}

bool
OhCheckReadRecord(OhCheck *c, OhArrayId array, uint32 id, void *to)
{
	OhFile	   *file = &c->ix->file;
	Buffer		buffer;

	if (!OhArrayHas(file, array, id))
		return false;
	buffer = OhRecordPage(file, array, id, BUFFER_LOCK_SHARE);
	memcpy(to, OhRecord(file, array, BufferGetPage(buffer), id),
		   file->array[array].record_bytes);
	UnlockReleaseBuffer(buffer);
	return true;
}
