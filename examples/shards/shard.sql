-- On each shard: the table with its indexes.  -v dimensions=N
CREATE EXTENSION IF NOT EXISTS omendb;
CREATE TABLE item (
    id        bigint PRIMARY KEY,
    tenant_id int,
    body      text,
    embedding vector(:dimensions)
);
CREATE INDEX item_embedding ON item USING omenhnsw (embedding vector_l2_ops, tenant_id);
CREATE INDEX item_body ON item USING omenbm25 (body);
