/*
 * create.c -- an empty index: metapage and model.
 */
#include "postgres.h"

#include "hnsw/hnsw.h"
#include "hnsw/retrain/retrain.h"

uint32
OhNodeBytes(const OmQuantSpec *spec, int m)
{
	return sizeof(OhNodeData) + om_quant_code_bytes(spec) + sizeof(uint32) * 2 * m;
}

uint32
OhRefineBytes(const OmQuantSpec *spec, int rerank)
{
	return rerank == OH_RERANK_INDEX ? om_quant_refine_bytes(spec) : 0;
}

/*
 * fill_meta -- the metapage's contents for an empty graph.
 */
static void
fill_meta(OhMetaPageData *meta, const OhParameters *create)
{
	memset(meta, 0, sizeof(*meta));
	meta->seed = create->spec.seed;
	meta->metric = create->spec.metric;
	meta->quantizer = create->spec.kind;
	meta->bits = create->spec.bits;
	meta->subvectors = create->spec.subvectors;
	meta->dim = create->spec.dim;
	meta->column_dim = create->column.dim;
	meta->m = create->m;
	meta->ef_construction = create->ef_construction;
	meta->entry = OH_NONE;
	meta->entry_level = -1;
	meta->highway_level = 1;
	meta->code_bytes = om_quant_code_bytes(&create->spec);
	meta->node_bytes = OhNodeBytes(&create->spec, create->m);
	meta->trained_rows = create->trained_rows;
	meta->model = meta->next_model = create->model != NULL ? 1 : 0;
	meta->look_nodes = OhRetrainLook(&create->spec, create->model != NULL ? create->trained_rows : 0);
	meta->rerank = create->rerank;
	meta->refine_bytes = OhRefineBytes(&create->spec, create->rerank);
	meta->ncolumns = create->ncolumns;
	meta->chosen_by = create->chosen_by;
	memcpy(meta->key_kind, create->key_kind, sizeof(create->key_kind));
}

/*
 * write_model -- store the model, a page for each OH_MODEL_FLOATS floats.
 */
static void
write_model(OhIndex *ix, const float *model)
{
	size_t		total = om_quant_model_floats(&ix->spec);

	for (size_t done = 0; done < total; done += OH_MODEL_FLOATS)
	{
		/* model 1 has the first pages */
		uint32		lp = OhArrayExtend(&ix->file, OH_MODEL);
		Buffer		buffer = OhArrayRead(&ix->file, OH_MODEL, lp, BUFFER_LOCK_EXCLUSIVE);
		Page		page = BufferGetPage(buffer);

		memset(OhSlot(&ix->file, OH_MODEL, page, 0), 0, sizeof(float) * OH_MODEL_FLOATS);
		memcpy(OhSlot(&ix->file, OH_MODEL, page, 0), model + done,
			   sizeof(float) * Min(total - done, OH_MODEL_FLOATS));
		OhTail(page)->nused = 1;
		OhPageSetLower(&ix->file, OH_MODEL, page);
		MarkBufferDirty(buffer);
		UnlockReleaseBuffer(buffer);
	}
}

OhIndex *
OhIndexCreate(Relation index, ForkNumber fork, const OhParameters *create)
{
	OhMetaPageData meta;
	OhIndex    *ix;

	Assert(fork == MAIN_FORKNUM || create->model == NULL);
	fill_meta(&meta, create);
	OhFileCreate(index, fork, &oh_file_method, &meta, sizeof(meta));
	ix = OhIndexAssemble(index, &meta);
	ix->file.building = true;
	ix->entry = OH_NONE;
	ix->entry_level = -1;
	ix->highway_level = 1;
	if (create->model != NULL)
		write_model(ix, create->model);
	OhIndexSetModel(ix, meta.model, create->model);
	ix->look_nodes = meta.look_nodes;
	if (fork == MAIN_FORKNUM)
		OhIndexRegister(ix);
	return ix;
}
