#!/usr/bin/env node
// Prisma Client with the driver adapter for node-postgres; the table by SQL, as a migration that
// `prisma migrate dev --create-only` left to be completed.

import { execFileSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { PrismaPg } from '@prisma/adapter-pg';
import pgvector from 'pgvector';
import { QUERY, finish, is, nearest, rows, sql, start, url, uses } from './lib/client.js';

const database = await start('prisma');

// The engine of `prisma migrate` is a program that is downloaded; generating the client needs none of it.
const folder = new URL('.', import.meta.url).pathname;
execFileSync('node_modules/.bin/prisma', ['generate', '--schema', 'prisma.prisma'],
	{ cwd: folder, env: { ...process.env, DATABASE_URL: url(database), PRISMA_SCHEMA_ENGINE_BINARY: '/bin/true', CHECKPOINT_DISABLE: '1' } });
const { PrismaClient } = createRequire(import.meta.url)('./prisma-client/index.js');

await sql('CREATE EXTENSION IF NOT EXISTS "vector"');
await sql('CREATE TABLE "items" ("id" SERIAL NOT NULL, "embedding" vector(8), CONSTRAINT "items_pkey" PRIMARY KEY ("id"))');
await sql('CREATE INDEX "items_embedding_idx" ON "items" USING hnsw ("embedding" vector_cosine_ops)');

const prisma = new PrismaClient({ adapter: new PrismaPg({ connectionString: url(database) }) });
for (const row of rows.slice(0, 3)) {
	const embedding = pgvector.toSql(row.embedding);
	await prisma.$executeRaw`INSERT INTO items (embedding) VALUES (${embedding}::vector)`;
}
const embeddings = rows.slice(3).map((row) => pgvector.toSql(row.embedding));
await prisma.$executeRaw`INSERT INTO items (embedding) SELECT unnest(${embeddings}::text[])::vector`;
is(await prisma.item.count(), rows.length, 'count');

const embedding = pgvector.toSql(QUERY);
const items = await prisma.$queryRaw`SELECT id, embedding::text FROM items ORDER BY embedding <=> ${embedding}::vector LIMIT 5`;
nearest(items.map((item) => item.id), 'cosine', '$queryRaw');
is(pgvector.fromSql(items[0].embedding), rows[items[0].id - 1].embedding, 'a row');
await uses('items_embedding_idx', 'SELECT id, embedding::text FROM items ORDER BY embedding <=> $1::vector LIMIT 5', [embedding]);

// rows of the model by what a search has found
const found = await prisma.item.findMany({ where: { id: { in: items.map((item) => item.id) } } });
is(found.map((item) => item.id).sort(), items.map((item) => item.id).sort(), 'findMany');

const again = await prisma.$transaction(async (transaction) => {
	await transaction.$executeRaw`SET LOCAL hnsw.ef_search = 100`;
	return transaction.$queryRaw`SELECT id FROM items ORDER BY embedding <=> ${embedding}::vector LIMIT 5`;
});
nearest(again.map((item) => item.id), 'cosine', 'in a transaction');

await prisma.$disconnect();
await finish(1);
