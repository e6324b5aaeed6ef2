/*
 * create.c -- creates an empty index: metapage and model.
 */
#include "postgres.h"

#include "hnsw/build/create.h"
#include "hnsw/train/retrain.h"

/*
 * fill_meta -- fill in the metapage of an empty graph.
 */
static void
fill_meta(OhMetaPageData *meta, const OhParameters *params)
{
	memset(meta, 0, sizeof(*meta));
	meta->seed = params->spec.seed;
	meta->metric = params->spec.metric;
	meta->quantizer = params->spec.kind;
	meta->bits = params->spec.bits;
	meta->subvectors = params->spec.subvectors;
	meta->dim = params->spec.dim;
	meta->column_dim = params->column.dim;
	meta->m = params->m;
	meta->ef_construction = params->ef_construction;
	meta->entry = OH_NONE;
	meta->entry_level = -1;
	meta->highway_level = 1;
	meta->code_bytes = om_quant_code_bytes(&params->spec);
	meta->node_bytes = OhNodeBytes(&params->spec, params->m) +
		(params->neighbor_codes ? OhLinkCodeBytes(params->m) : 0);
	meta->neighbor_codes = params->neighbor_codes;
	meta->trained_rows = params->trained_rows;
	meta->model = meta->next_model = params->model != NULL ? 1 : 0;
	meta->look_nodes = OhRetrainLook(&params->spec, params->model != NULL ? params->trained_rows : 0);
	meta->rerank = params->rerank;
	meta->refine_bytes = OhRefineBytes(&params->spec, params->rerank);
	meta->ncolumns = params->ncolumns;
	meta->chosen_by = params->chosen_by;
	memcpy(meta->key_kind, params->key_kind, sizeof(params->key_kind));
}

/*
 * write_model -- write the model, with OH_MODEL_FLOATS floats on a page.
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
OhIndexCreate(Relation index, ForkNumber fork, const OhParameters *params)
{
	OhMetaPageData meta;
	OhIndex    *ix;

	Assert(fork == MAIN_FORKNUM || params->model == NULL);
	fill_meta(&meta, params);
	OhFileCreate(index, fork, &oh_file_method, &meta, sizeof(meta));
	ix = OhIndexAssemble(index, &meta);
	ix->file.building = true;
	ix->entry = OH_NONE;
	ix->entry_level = -1;
	ix->highway_level = 1;
	if (params->model != NULL)
		write_model(ix, params->model);
	OhIndexSetModel(ix, meta.model, params->model);
	ix->look_nodes = meta.look_nodes;
	if (fork == MAIN_FORKNUM)
		OhIndexRegister(ix);
	return ix;
}
