-- What load.py fills.  The embeddings of packages and of words are of one space: a query's is the sum of its words'.

CREATE EXTENSION IF NOT EXISTS omendb;

DROP TABLE IF EXISTS package, word;
CREATE TABLE package (
	id int PRIMARY KEY,
	name text NOT NULL,
	version text NOT NULL,
	section text NOT NULL,
	size int NOT NULL,					-- of the download, in kB
	summary text NOT NULL,
	body text NOT NULL,					-- what is searched: name, descriptions, tags
	embedding vector(128) NOT NULL
);
CREATE TABLE word (
	word text PRIMARY KEY,				-- as to_tsvector('english', ...) has it
	embedding vector(128) NOT NULL
);
CREATE TEMP TABLE document (id int, name text, version text, section text, size int, summary text, body text);
