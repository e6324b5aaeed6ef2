#!/usr/bin/env node
// node-postgres with pgvector/pg.

import pg from 'pg';
import { SparseVector } from 'pgvector';
import pgvector from 'pgvector/pg';
import { DIM, QUERY, connection, finish, is, nearest, rows, start, uses, with_index } from './lib/client.js';

const database = await start('pg');

const client = new pg.Client(connection(database));
await client.connect();
await client.query('CREATE EXTENSION IF NOT EXISTS vector');
await pgvector.registerTypes(client);

await client.query(`CREATE TABLE items (id bigserial PRIMARY KEY, embedding vector(8), half_embedding halfvec(8),
	binary_embedding bit(8), sparse_embedding sparsevec(8))`);
await client.query('INSERT INTO items (embedding) VALUES ($1)', [pgvector.toSql([1, 2, 3, 4, 5, 6, 7, 8])]);
await client.query('CREATE INDEX ON items USING hnsw (embedding vector_l2_ops)');

const result = await client.query('SELECT * FROM items ORDER BY embedding <-> $1 LIMIT 5', [pgvector.toSql([1, 2, 3, 4, 5, 6, 7, 8])]);
is(result.rows[0].embedding, [1, 2, 3, 4, 5, 6, 7, 8], 'a vector comes back as an array');

// Many rows: one statement with several rows of values, then arrays of each type.
await client.query('TRUNCATE items RESTART IDENTITY');
const values = (row) => [pgvector.toSql(row.embedding), pgvector.toSql(row.embedding), row.bits, pgvector.toSql(new SparseVector(row.sparse))];
const some = rows.slice(0, 100);
await client.query('INSERT INTO items (embedding, half_embedding, binary_embedding, sparse_embedding) VALUES '
	+ some.map((_, i) => `($${4 * i + 1}, $${4 * i + 2}, $${4 * i + 3}, $${4 * i + 4})`).join(', '), some.flatMap(values));
const columns = rows.slice(100).map(values);
await client.query(`INSERT INTO items (embedding, half_embedding, binary_embedding, sparse_embedding)
	SELECT * FROM unnest($1::vector[], $2::halfvec[], $3::bit(8)[], $4::sparsevec[])`, [0, 1, 2, 3].map((i) => columns.map((c) => c[i])));
await client.query('CREATE INDEX ON items USING ivfflat (embedding vector_cosine_ops) WITH (lists = 100)');
await client.query('CREATE INDEX ON items USING hnsw (embedding vector_ip_ops) WITH (m = 16, ef_construction = 64)');

const others = await with_index([['half_embedding', 'halfvec_l2_ops', '<->', pgvector.toSql(QUERY)], ['binary_embedding', 'bit_hamming_ops', '<~>', '10110010'],
	['sparse_embedding', 'sparsevec_l2_ops', '<->', pgvector.toSql(new SparseVector(QUERY))]]);
for (const [column, name] of others)
	await client.query(`CREATE INDEX items_${column} ON items USING hnsw (${column} ${name})`);

const { rows: [first] } = await client.query('SELECT * FROM items WHERE id = 7');
is(first.embedding, rows[6].embedding, 'vector');
is(first.half_embedding, rows[6].embedding, 'halfvec');
is(first.binary_embedding, rows[6].bits, 'bit');
is(first.sparse_embedding.toArray(), rows[6].sparse, 'sparsevec');

const ids = async (order, parameter = pgvector.toSql(QUERY)) =>
	(await client.query(`SELECT id FROM items ORDER BY ${order} LIMIT 5`, [parameter])).rows.map((row) => row.id);
nearest(await ids('embedding <-> $1'), 'l2', 'l2');
nearest(await ids('embedding <=> $1'), 'cosine', 'cosine');
nearest(await ids('embedding <#> $1'), 'ip', 'inner product');
nearest(await ids('embedding <+> $1'), 'l1', 'l1');
nearest(await ids('half_embedding <-> $1'), 'l2', 'halfvec');
nearest(await ids('sparse_embedding <-> $1', pgvector.toSql(new SparseVector(QUERY))), 'l2', 'sparsevec', { column: 'sparse' });
nearest(await ids('binary_embedding <~> $1', '10110010'), 'hamming', 'bit, Hamming', { column: 'bits', query: '10110010' });
nearest(await ids('binary_embedding <%> $1', '10110010'), 'jaccard', 'bit, Jaccard', { column: 'bits', query: '10110010' });
for (const [operator, index] of [['<->', 'items_embedding_idx'], ['<=>', 'items_embedding_idx1'], ['<#>', 'items_embedding_idx2']])
	await uses(index, `SELECT * FROM items ORDER BY embedding ${operator} $1 LIMIT 5`, [pgvector.toSql(QUERY)], operator);
for (const [column, , operator, parameter] of others)
	await uses(`items_${column}`, `SELECT * FROM items ORDER BY ${column} ${operator} $1 LIMIT 5`, [parameter], column);

// Binary parameters: the number of dimensions and 0 as int16, then float4s.
const binary = Buffer.alloc(4 + 4 * DIM);
binary.writeInt16BE(DIM, 0);
QUERY.forEach((x, i) => binary.writeFloatBE(x, 4 + 4 * i));
const found = await client.query({ text: 'SELECT id, $1::vector AS query FROM items ORDER BY embedding <-> $1 LIMIT 5', values: [binary] });
nearest(found.rows.map((row) => Number(row.id)), 'l2', 'a binary parameter');
is(found.rows[0].query, QUERY, 'and back');

// A prepared statement, its generic plan too.
for (let i = 0; i < 7; i++) {
	const { rows: again } = await client.query({ name: 'search', text: 'SELECT id FROM items ORDER BY embedding <-> $1 LIMIT 5', values: [pgvector.toSql(QUERY)] });
	if (i === 6)
		nearest(again.map((row) => row.id), 'l2', 'a prepared statement, the seventh time');
}

// Settings of pgvector, in a transaction.
await client.query('BEGIN');
await client.query('SET LOCAL hnsw.ef_search = 100');
await client.query("SET LOCAL hnsw.iterative_scan = 'strict_order'");
nearest(await ids('embedding <-> $1'), 'l2', 'SET LOCAL hnsw.ef_search');
await client.query('COMMIT');

await client.end();
await finish(3 + others.length);
