-- complain if this is run by hand instead of by CREATE EXTENSION
\echo Use "CREATE EXTENSION omendb_hnsw" to load this file. \quit

