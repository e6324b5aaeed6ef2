#!/usr/bin/env node
// MikroORM with pgvector/mikro-orm.

import { EntitySchema, MikroORM } from '@mikro-orm/postgresql';
import { SparseVector } from 'pgvector';
import pgvector from 'pgvector/mikro-orm';
import { QUERY, connection, finish, is, nearest, rows, start, uses } from './lib/client.js';

const { BitType, HalfvecType, SparsevecType, VectorType, cosineDistance, hammingDistance, jaccardDistance, l1Distance, l2Distance,
	maxInnerProduct } = pgvector;
const dbName = await start('mikro_orm');

const Item = new EntitySchema({
	name: 'Item',
	tableName: 'items',
	properties: {
		id: { type: Number, primary: true },
		embedding: { type: VectorType, dimensions: 8 },
		half_embedding: { type: HalfvecType, dimensions: 8 },
		binary_embedding: { type: BitType, length: 8 },
		sparse_embedding: { type: SparsevecType, dimensions: 8 },
	},
	indexes: [{
		name: 'items_l2',
		expression: 'CREATE INDEX items_l2 ON public.items USING hnsw (embedding vector_l2_ops)',
	}],
});
const { database, ...options } = connection(dbName);
const orm = await MikroORM.init({ entities: [Item], dbName, ...options });
const em = orm.em.fork();
await em.execute('CREATE EXTENSION IF NOT EXISTS vector');
await orm.schema.updateSchema();

// With the index's own words, as pg_get_indexdef() says them, a schema diff leaves it alone.  (Columns of halfvec and
// sparsevec it sets to the type that they have, each time: it does not read their dimensions.)
const diff = (await orm.schema.getUpdateSchemaSQL()).split('\n').filter((line) => !/^(|set names.*|alter table .* type (halfvec|sparsevec)\(8\).*)$/.test(line));
is(diff, [], 'a second updateSchema() leaves the index alone');

for (const row of rows)
	em.create(Item, { embedding: row.embedding, half_embedding: row.embedding, binary_embedding: row.bits, sparse_embedding: new SparseVector(row.sparse) });
await em.flush();

const search = (order) => orm.em.fork().createQueryBuilder(Item).orderBy({ [order]: 'ASC' }).limit(5);
const items = await search(l2Distance('embedding', QUERY)).getResult();
nearest(items.map((item) => item.id), 'l2', 'l2Distance');
is(items[0].embedding, rows[items[0].id - 1].embedding, 'a row: vector');
is(items[0].half_embedding, rows[items[0].id - 1].embedding, 'halfvec');
is(items[0].binary_embedding, rows[items[0].id - 1].bits, 'bit');
is(items[0].sparse_embedding.toArray(), rows[items[0].id - 1].sparse, 'sparsevec');

const ids = async (order) => (await search(order).getResult()).map((item) => item.id);
nearest(await ids(cosineDistance('embedding', QUERY)), 'cosine', 'cosineDistance');
nearest(await ids(maxInnerProduct('embedding', QUERY)), 'ip', 'maxInnerProduct');
nearest(await ids(l1Distance('embedding', QUERY)), 'l1', 'l1Distance');
nearest(await ids(l2Distance('half_embedding', QUERY)), 'l2', 'halfvec');
nearest(await ids(l2Distance('sparse_embedding', new SparseVector(QUERY))), 'l2', 'sparsevec', { column: 'sparse' });
nearest(await ids(hammingDistance('binary_embedding', '10110010')), 'hamming', 'hammingDistance', { column: 'bits', query: '10110010' });
nearest(await ids(jaccardDistance('binary_embedding', '10110010')), 'jaccard', 'jaccardDistance', { column: 'bits', query: '10110010' });
await uses('items_l2', search(l2Distance('embedding', QUERY)).getFormattedQuery());

await orm.close();
await finish(1);
