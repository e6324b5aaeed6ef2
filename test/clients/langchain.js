#!/usr/bin/env node
// LangChain's PGVectorStore.

import { PGVectorStore } from '@langchain/community/vectorstores/pgvector';
import { Embeddings } from '@langchain/core/embeddings';
import { QUERY, connection, distance, finish, is, nearest, ok, rows, start, uses } from './lib/client.js';

const database = await start('langchain');

// The model: rows by their number, `query` for the query.
class Numbers extends Embeddings {
	async embedDocuments(texts) {
		return texts.map((text) => (text === 'query' ? QUERY : rows[Number(text) - 1].embedding));
	}

	async embedQuery(text) {
		return (await this.embedDocuments([text]))[0];
	}
}

const config = {
	postgresConnectionOptions: connection(database),
	tableName: 'testlangchainjs',
	columns: { idColumnName: 'id', vectorColumnName: 'vector', contentColumnName: 'content', metadataColumnName: 'metadata' },
	distanceStrategy: 'cosine',
	dimensions: 8,
};
const vectorStore = await PGVectorStore.initialize(new Numbers({}), config);
await vectorStore.createHnswIndex({ dimensions: 8, efConstruction: 64, m: 16 });

const uuid = (id) => `00000000-0000-4000-8000-${String(id).padStart(12, '0')}`;
const documents = rows.map((row) => ({ pageContent: String(row.id), metadata: { tenant: String(row.id % 3), number: row.id } }));
await vectorStore.addDocuments(documents, { ids: rows.map((row) => uuid(row.id)) });

const found = await vectorStore.similaritySearchWithScore('query', 5);
nearest(found.map(([document]) => document.pageContent), 'cosine', 'similaritySearchWithScore');
ok(found.every(([document, score]) => Math.abs(score - distance.cosine(rows[document.pageContent - 1].embedding, QUERY)) < 1e-6), 'scores', found);
await uses('vector_embedding_hnsw_idx', `SELECT *, "vector" <=> $1 as "_distance" FROM testlangchainjs ORDER BY "_distance" ASC LIMIT $2`, [JSON.stringify(QUERY), 5]);
const filtered = await vectorStore.similaritySearch('query', 5, { tenant: '1' });
nearest(filtered.map((document) => document.pageContent), 'cosine', 'with a filter', { among: rows.filter((row) => row.id % 3 === 1) });
const some = await vectorStore.similaritySearch('query', 5, { number: { lte: 20 } });
nearest(some.map((document) => document.pageContent), 'cosine', 'with an operator', { among: rows.slice(0, 20) });
const varied = await vectorStore.maxMarginalRelevanceSearch('query', { k: 3, fetchK: 10 });
ok(varied.length === 3 && varied[0].pageContent === found[0][0].pageContent, 'maxMarginalRelevanceSearch', varied);
await vectorStore.delete({ ids: [uuid(found[0][0].pageContent)] });
is((await vectorStore.similaritySearch('query', 4)).map((document) => document.pageContent),
	found.slice(1).map(([document]) => document.pageContent), 'after delete');

await vectorStore.end();
await finish(1);
